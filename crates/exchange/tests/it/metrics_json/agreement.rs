//! Every way of reading gives what the plain way gives; a text cut short gives an error.

use proptest::prelude::*;

use super::random::{Dice, Style, document, spell};
use super::{read, reference};

proptest! {
    #[test]
    fn random_documents_are_read_as_the_reference_reads_them(seed: u64) {
        let mut dice = Dice::new(seed);
        let tree = document(&mut dice);
        let style = Style::random(&mut dice);
        let text = spell(&tree, style, &mut dice);
        let document = read(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(document.left_out.bad_points, 0);
        let expected = reference::of_tree(&serde_json::from_slice(&text).unwrap());
        prop_assert_eq!(reference::of_decoded(&document), expected);
    }

    /// Python spells what is not a number without quotes.
    #[test]
    fn bare_words_are_read_like_quoted_ones(seed: u64) {
        let mut dice = Dice::new(seed);
        let tree = document(&mut dice);
        let style = Style::random(&mut dice);
        let quoted = String::from_utf8(spell(&tree, style, &mut dice)).unwrap();
        let bare = ["NaN", "-Infinity", "Infinity"]
            .iter()
            .fold(quoted.clone(), |text, word| text.replace(&format!("\"{word}\""), word));
        let (bare, quoted) = (read(bare.as_bytes()).unwrap(), read(quoted.as_bytes()).unwrap());
        prop_assert_eq!(reference::of_decoded(&bare), reference::of_decoded(&quoted));
    }

    #[test]
    fn a_text_cut_short_is_an_error(seed: u64, at: prop::sample::Index) {
        let mut dice = Dice::new(seed);
        let tree = document(&mut dice);
        let style = Style::random(&mut dice);
        let text = spell(&tree, style, &mut dice);
        let at = at.index(text.len());
        prop_assert!(read(&text[..at]).is_err(), "{} of {} bytes", at, text.len());
    }
}

/// More elements than fit a chunk, so that reading ahead has something to do.
#[test]
fn long_lists_are_read_alike_by_any_number_of_threads() {
    use smoltrace_exchange::metrics_json::{ReadOptions, read_slice_with};
    let element = |tick: usize| {
        format!(
            r#"{{"resource": {{"attributes": [{{"key": "run.id", "value": {{"stringValue": "r"}}}}]}}, "scopeMetrics":
            [{{"metrics": [{{"name": "gen_ai.gpu.power", "gauge": {{"dataPoints": [{{"timeUnixNano": "{tick}",
            "asInt": {}, "asDouble": {}}}]}}}}]}}]}}"#,
            if tick.is_multiple_of(3) { format!("\"{tick}\"") } else { "null".to_owned() },
            tick as f64 / 8.0,
        )
    };
    let elements: Vec<String> = (0..600).map(element).collect();
    let check = |text: String, expected: usize| {
        let read = |threads| {
            let options = ReadOptions { threads, parallel_from_bytes: 1 << 13, ..ReadOptions::default() };
            read_slice_with(text.as_bytes(), options).unwrap()
        };
        let alone = read(1);
        let samples: usize = alone.series.series().iter().map(|series| series.samples.len()).sum();
        assert_eq!(samples, expected);
        for threads in 2..5 {
            super::assert_same(&alone, &read(threads), "threads");
        }
    };
    let list = elements.join(", ");
    check(format!(r#"{{"resourceMetrics": [{list}], "aggregates": [], "run_id": "r"}}"#), 600);
    check(format!("[{list}]\n[{list}]"), 1200);
    check(elements.join("\n"), 600);
    // What looks like the beginning of an element stands inside a text.
    let inside = elements.iter().map(|element| {
        let bait = serde_json::to_string(element).unwrap();
        element.replace(r#""metrics":"#, &format!(r#""x": [{element}], "y": {bait}, "metrics":"#))
    });
    check(format!("[{}]", inside.collect::<Vec<_>>().join(",\n")), 600);
}

#[test]
fn every_cut_of_a_small_document_is_an_error() {
    let text = br#" {"run_id": "r", "resourceMetrics": [{"resource": null, "scopeMetrics": [{"metrics": [{"name": "m",
        "sum": {"dataPoints": [{"timeUnixNano": "1", "asInt": 12}, {"asDouble": -1.5e-7}]}}]}]}, {}], "aggregates": [1]}"#;
    read(text).unwrap();
    for end in 0..text.len() {
        let error = read(&text[..end]).unwrap_err();
        assert!(!error.help.is_empty() && !error.message.is_empty(), "{error}");
    }
}

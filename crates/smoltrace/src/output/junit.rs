//! A comparison as a JUnit report, the form that continuous integration shows: a suite of the gates, which may
//! fail, and a suite that says what became of each test.

use smoltrace_model::compare::{Against, Change, Comparison, GateOutcome, GateStatus, TestLine};

use crate::{
    commands::compare::{Gated, change_word},
    output::format,
};

/// The report of a comparison with what its gates said.
pub fn report(comparison: &Comparison, gated: &[Gated<'_>]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let outcomes = || gated.iter().flat_map(|(_, outcomes)| outcomes);
    let tests: usize =
        gated.iter().map(|(against, outcomes)| lines(comparison, against).count() + outcomes.len()).sum();
    out.push_str(&format!(
        "<testsuites name=\"smoltrace compare\" tests=\"{tests}\" failures=\"{}\">\n",
        failures(outcomes())
    ));
    for (against, outcomes) in gated {
        let name = format!("{} against {}", label(comparison, against.run), label(comparison, 0));
        gates(&mut out, &name, outcomes);
        tests_of(&mut out, &name, comparison, against);
    }
    out.push_str("</testsuites>\n");
    out
}

fn label(comparison: &Comparison, run: usize) -> String {
    let side = &comparison.runs[run];
    format!("{} ({})", side.letter, side.run_id)
}

fn failures<'a>(outcomes: impl Iterator<Item = &'a GateOutcome>) -> usize {
    outcomes.filter(|outcome| outcome.status != GateStatus::Passed).count()
}

fn gates(out: &mut String, name: &str, outcomes: &[GateOutcome]) {
    out.push_str(&format!(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\">\n",
        escape(&format!("gates: {name}")),
        outcomes.len(),
        failures(outcomes.iter())
    ));
    for outcome in outcomes {
        out.push_str(&format!(
            "    <testcase classname=\"smoltrace.gates\" name=\"{}\"",
            escape(&format!("fails if {}", outcome.gate))
        ));
        let kind = match outcome.status {
            GateStatus::Passed => None,
            GateStatus::Failed => Some("gate"),
            GateStatus::Unknown => Some("unknown"),
        };
        let reason = escape(&outcome.reason);
        out.push_str(&match kind {
            Some(kind) => {
                format!(">\n      <failure type=\"{kind}\" message=\"{reason}\"/>\n    </testcase>\n")
            }
            None => format!(">\n      <system-out>{reason}</system-out>\n    </testcase>\n"),
        });
    }
    out.push_str("  </testsuite>\n");
}

/// The tests that either of the two runs has.
fn lines<'a>(comparison: &'a Comparison, against: &Against) -> impl Iterator<Item = (&'a TestLine, Change)> {
    let run = against.run;
    let lines = comparison.tests.iter().map(move |line| (line, line.changes[run - 1]));
    lines.filter(|(_, change)| *change != Change::Neither)
}

/// Tests never fail the report: whether a broken one fails a build is for the gates to say.
fn tests_of(out: &mut String, name: &str, comparison: &Comparison, against: &Against) {
    let skipped = against.counts.only_first;
    out.push_str(&format!(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"0\" skipped=\"{skipped}\">\n",
        escape(&format!("tests: {name}")),
        lines(comparison, against).count()
    ));
    for (line, change) in lines(comparison, against) {
        let attempt = line.attempt.map_or(String::new(), |attempt| format!(" attempt {attempt}"));
        let cell = line.cells[against.run].as_ref();
        let seconds = cell.and_then(|cell| cell.duration_ms).map(|ms| format!(" time=\"{:.3}\"", ms / 1e3));
        out.push_str(&format!(
            "    <testcase classname=\"smoltrace.tests\" name=\"{}\"{}>\n",
            escape(&format!("{}{attempt}", line.test)),
            seconds.unwrap_or_default()
        ));
        let word = change_word(change);
        if change == Change::OnlyFirst {
            out.push_str(&format!("      <skipped message=\"{word}\"/>\n"));
        } else {
            let error = cell.and_then(|cell| cell.error.as_deref()).filter(|_| change == Change::Broken);
            let error = error.map_or(String::new(), |error| format!(": {error}"));
            out.push_str(&format!("      <system-out>{}</system-out>\n", escape(&format!("{word}{error}"))));
        }
        out.push_str("    </testcase>\n");
    }
    out.push_str("  </testsuite>\n");
}

/// Text as XML text or attribute; characters that XML cannot hold are replaced.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in format::text(text, 2000).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
    out
}

//! Every case of `fixtures/vectors/metrics.json` through `aggregate` and `flatten`.

use serde_json::Value;

use crate::support::{Smoltrace, fixtures};

fn cases() -> (f64, Vec<Value>) {
    let text = std::fs::read(fixtures().join("vectors/metrics.json")).expect("the vectors");
    let vectors: Value = serde_json::from_slice(&text).expect("JSON");
    let tolerance = vectors["tolerance"].as_f64().expect("tolerance");
    (tolerance, vectors["cases"].as_array().expect("cases").clone())
}

#[test]
fn aggregate_and_flatten_pass_all_vectors() {
    let (tolerance, cases) = cases();
    assert!(cases.len() >= 12);
    let smoltrace = Smoltrace::new();
    for case in cases {
        let name = case["name"].as_str().expect("name");
        let input = serde_json::to_vec(&case["metrics"]).expect("JSON");

        let output = smoltrace.run_with_input(&["aggregate", "-"], &input);
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let aggregate: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let expected = case["aggregate"].as_object().expect("aggregate");
        assert_eq!(aggregate.as_object().expect("an object").len(), expected.len(), "{name}: {aggregate}");
        for (key, value) in expected {
            match value.as_f64() {
                Some(value) => {
                    let got = aggregate[key].as_f64().unwrap_or_else(|| panic!("{name}: {key} is null"));
                    assert!(
                        (got - value).abs() <= tolerance * value.abs().max(1.0),
                        "{name}: {key} {got} {value}"
                    );
                }
                None => assert!(aggregate[key].is_null(), "{name}: {key} is {}", aggregate[key]),
            }
        }

        if let Some(rows) = case["rows"].as_u64() {
            let output = smoltrace.run_with_input(&["flatten", "-", "--json"], &input);
            assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
            let flat: Vec<serde_json::Map<String, Value>> =
                serde_json::from_slice(&output.stdout).expect("rows");
            assert_eq!(flat.len() as u64, rows, "{name}");
            if let Some(columns) = case["columns"].as_array() {
                let mut expected: Vec<&str> = columns.iter().filter_map(Value::as_str).collect();
                expected.sort_unstable();
                for row in &flat {
                    let mut keys: Vec<&str> = row.keys().map(String::as_str).collect();
                    keys.sort_unstable();
                    assert_eq!(keys, expected, "{name}");
                }
            }
        }
    }
}

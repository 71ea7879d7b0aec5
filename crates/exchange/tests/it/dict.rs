//! The rows that Python callers get.

use serde_json::{Value, json};
use smoltrace_exchange::{
    metrics_json,
    smoltrace_dict::{Cell, DictError, LeaderboardArgs, ResultCells, flatten_results, leaderboard_row},
};

use crate::support::fixture;

fn recorded(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(fixture("smoltrace_run_two_gpus").join(name)).unwrap()).unwrap()
}

/// The recorded results as SMOLTRACE has them in memory: `test_id`, a list an agent type.
fn all_results() -> Vec<(String, Vec<Value>)> {
    let of = |agent: &str| {
        let list = recorded("results.json");
        let list = list.as_array().unwrap().iter().filter(|result| result["agent_type"] == agent);
        list.map(|result| {
            let mut result = result.clone();
            result["test_id"] = result["task_id"].take();
            result
        })
        .collect()
    };
    vec![("tool".into(), of("tool")), ("code".into(), of("code"))]
}

/// A row with what its result was given.
fn whole(row: &ResultCells, given: &Value) -> Value {
    let field = |(name, cell): &(&str, Cell)| match cell {
        Cell::Given => ((*name).to_owned(), given[name].clone()),
        Cell::Made(value) => ((*name).to_owned(), value.clone()),
    };
    row.iter().map(field).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn results_have_the_published_keys_in_order() {
    let results = all_results();
    let rows = flatten_results(&results, "openai/gpt-4.1-nano", "2026-11-23T12:05:29.405660").unwrap();
    let recorded = std::fs::read_to_string(fixture("smoltrace_run_two_gpus/results.json")).unwrap();
    assert_eq!(rows.len(), 12);
    // The order of the keys is that of the file.
    let mut from = 0;
    for (key, _) in rows[0].iter() {
        let at = recorded[from..].find(&format!("\"{key}\"")).unwrap_or_else(|| panic!("{key} out of order"));
        from += at;
    }
    let published: Vec<Value> = serde_json::from_str(&recorded).unwrap();
    let given = results.iter().flat_map(|(_, results)| results);
    for ((row, given), published) in rows.iter().zip(given).zip(&published) {
        let mut row = whole(row, given);
        let mut published = published.clone();
        row["evaluation_date"] = Value::Null;
        published["evaluation_date"] = Value::Null;
        let info = |row: &mut Value| -> Value {
            serde_json::from_str(row["enhanced_trace_info"].take().as_str().unwrap()).unwrap()
        };
        assert_eq!(info(&mut row), info(&mut published));
        assert_eq!(row, published);
    }
}

#[test]
fn the_second_attempt_has_no_pass_at_1() {
    let result = json!({"test_id": "a", "agent_type": "tool", "success": true});
    let rows = flatten_results(&[("tool".into(), vec![result.clone(), result])], "m", "now").unwrap();
    let passed = rows.iter().map(|row| whole(row, &json!({}))["pass_at_1_passed"].take());
    assert_eq!(passed.collect::<Vec<_>>(), [json!(true), json!(null)]);
    let nameless = [("tool".into(), vec![json!({"success": true})])];
    assert_eq!(
        flatten_results(&nameless, "m", "now"),
        Err(DictError::MissingKey { index: 0, key: "test_id" })
    );
}

#[test]
fn the_recorded_run_has_its_leaderboard_row() {
    let results = all_results();
    let traces = recorded("traces.json");
    let document = metrics_json::read_path(&fixture("smoltrace_run_two_gpus/metrics.json")).unwrap();
    let metadata = recorded("metadata.json");
    let args = LeaderboardArgs {
        model_name: "openai/gpt-4.1-nano",
        all_results: &results,
        trace_data: traces.as_array().unwrap(),
        series: Some(&document.series),
        aggregates: &document.aggregates,
        dataset_used: Some("tasks.json"),
        agent_type: "both",
        provider: "litellm",
        hardware: Some(&metadata),
        team: Some(" Customer  Support!"),
        now: "2026-11-23T12:05:29.429691",
        ..LeaderboardArgs::default()
    };
    let row = leaderboard_row(&args).unwrap();
    let published = recorded("leaderboard_row.json");
    // What the spans and all GPUs say, not what adding nested spans gave.
    let ours = json!({
        "team": "customer-support", "total_tokens": 26_002, "avg_tokens_per_test": 2166,
        "total_duration_ms": 34_363.52, "avg_duration_ms": 2863.63,
        "co2_emissions_g": 1.8413, "power_cost_total_usd": 0.000465,
    });
    let differs =
        ["total_cost_usd", "avg_cost_per_test_usd", "total_prompt_tokens", "total_completion_tokens"];
    let mut keys: Vec<&str> = published.as_object().unwrap().keys().map(String::as_str).collect();
    for (key, value) in row.iter() {
        keys.retain(|published| *published != key);
        match ours.get(key) {
            Some(ours) => assert_eq!(value, ours, "{key}"),
            None if differs.contains(&key) || key.ends_with("_dataset") => {}
            // Columns of ours come after SMOLTRACE's.
            None if published.get(key).is_none() => assert_eq!(keys, Vec::<&str>::new(), "{key}"),
            None => assert!(same(value, &published[key]), "{key}: {value} is not {}", published[key]),
        }
    }
    assert_eq!(keys, Vec::<&str>::new());
    let sum =
        ["total_prompt_tokens", "total_completion_tokens"].map(|key| row.get(key).unwrap().as_i64().unwrap());
    assert_eq!(sum.iter().sum::<i64>(), 26_002);

    let invalid = leaderboard_row(&LeaderboardArgs { purpose: Some("fun"), ..args });
    assert_eq!(invalid, Err(DictError::InvalidPurpose("fun".into())));
}

/// Equal, whole numbers as floats or not.
fn same(a: &Value, b: &Value) -> bool {
    a == b || a.as_f64().is_some_and(|a| b.as_f64() == Some(a))
}

#[test]
fn what_was_not_measured_falls_back_by_source() {
    let aggregates = [json!({"name": "gen_ai.co2.emissions", "data_points": [{"value": {"value": "0.5"}}]})];
    let traces = [json!({"total_tokens": "120", "total_duration_ms": 10.5, "total_cost_usd": "0.25",
        "total_prompt_tokens": 100, "total_completion_tokens": 20})];
    let args: LeaderboardArgs<Value> = LeaderboardArgs {
        model_name: "m",
        trace_data: &traces,
        aggregates: &aggregates,
        agent_type: "both",
        provider: "litellm",
        now: "2026-01-02T03:04:05",
        ..Default::default()
    };
    let row = leaderboard_row(&args).unwrap();
    let check = |key: &str, expected: Value| assert_eq!(row.get(key), Some(&expected), "{key}");
    check("total_tokens", json!(120));
    check("total_prompt_tokens", json!(100));
    check("total_duration_ms", json!(10.5));
    check("total_cost_usd", json!(0.25));
    check("co2_emissions_g", json!(0.5));
    check("power_cost_total_usd", json!(0.0));
    check("gpu_power_avg_w", Value::Null);
    check("pass_at_1", Value::Null);
    check("notes", json!("Evaluation on 2026-01-02; 0 tests"));

    // A measured 0 is a value.
    let zero = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "gen_ai.co2.emissions",
        "sum": {"dataPoints": [{"asInt": 0, "timeUnixNano": "1"}]}}]}]}]});
    let document = metrics_json::read_slice(zero.to_string().as_bytes()).unwrap();
    let row = leaderboard_row(&LeaderboardArgs { series: Some(&document.series), ..args }).unwrap();
    assert_eq!(row.get("co2_emissions_g"), Some(&json!(0.0)));
}

//! Leaderboard functions over a handful of runs.

use std::{collections::HashSet, sync::Arc};

use serde_json::{Value, json};
use smoltrace_model::rows::{RunRow, RunStatus, Source};

use super::*;

/// A run with nothing known, then what a test says of it.
fn run(run_id: &str, change: impl FnOnce(&mut RunRow)) -> RunRow {
    let mut row: RunRow = serde_json::from_value(json!({
        "run_id": run_id, "version": 1, "model": "m", "agent_type": "tool", "status": "completed",
        "simulated": false, "total_tests": 0, "successful_tests": 0, "failed_tests": 0,
        "unscored_tests": 0, "interrupted_tests": 0, "attempts": 1, "cost_source": "none",
        "energy_source": "none", "co2_emissions_g": 0.0, "co2_source": "none",
        "power_cost_total_usd": 0.0, "power_cost_source": "none", "gpu_count": 0,
        "origin": "otlp", "declared": "{}", "accounting": "{}", "row_id": "",
    }))
    .expect("a run without its nullable fields");
    change(&mut row);
    row
}

fn scored(run_id: &str, passed: i64, failed: i64, co2: Option<f64>, cost: Option<f64>) -> RunRow {
    run(run_id, |row| {
        (row.successful_tests, row.failed_tests, row.total_tests) = (passed, failed, passed + failed);
        row.success_rate = Some(100.0 * passed as f64 / (passed + failed) as f64);
        if let Some(co2) = co2 {
            (row.co2_emissions_g, row.co2_source) = (co2, Source::Reported);
        }
        row.total_cost_usd = cost;
    })
}

fn sample() -> RunIndex {
    RunIndex::new(Arc::new(vec![
        run("unscored", |row| {
            row.model = "org/Gamma".into();
            row.timestamp = Some("2026-11-20T10:00:00".into());
            row.simulated = true;
        }),
        scored("half", 1, 1, Some(2.0), Some(0.5)),
        run("alpha", |row| {
            *row = scored("alpha", 3, 1, Some(1.0), Some(0.2));
            row.model = "org/alpha".into();
            row.hardware = Some("A100, 80GB".into());
            row.timestamp = Some("2026-11-21T10:00:00Z".into());
        }),
        run("beta", |row| {
            *row = scored("beta", 3, 1, Some(0.5), None);
            row.model = "org/Beta".into();
            row.hardware = Some("A100".into());
            row.notes = Some("Zweiter Lauf in KÖLN".into());
            row.status = RunStatus::Partial;
            row.timestamp = Some("2026-11-22".into());
        }),
    ]))
}

fn ids(index: &RunIndex, selection: &[Ranked]) -> Vec<String> {
    selection.iter().map(|ranked| index.rows()[ranked.row].run_id.clone()).collect()
}

fn filter(q: &str, values: &[(&str, &[&str])], from: &str, to: &str) -> Result<Filter, ApiError> {
    let values: Vec<(&str, Vec<String>)> = values
        .iter()
        .map(|(name, values)| (*name, values.iter().map(|value| (*value).to_owned()).collect()))
        .collect();
    let values: Vec<(&str, &[String])> =
        values.iter().map(|(name, values)| (*name, values.as_slice())).collect();
    Filter::parse(Some(q), &values, Some(from), Some(to))
}

#[test]
fn filters_choose_runs() {
    let index = sample();
    let check = |q: &str, values: &[(&str, &[&str])], from: &str, to: &str, expected: &[&str]| {
        let filter = filter(q, values, from, to).expect("a filter");
        assert_eq!(ids(&index, &select(&index, &filter)), expected, "{q} {values:?} {from} {to}");
    };
    // Best first: equal rates by CO2; unknown rates last.
    check("", &[], "", "", &["beta", "alpha", "half", "unscored"]);
    check("", &[("model", &["org/Beta"])], "", "", &["beta"]);
    check("", &[("model", &["org/Beta", "m"])], "", "", &["beta", "half"]);
    check("", &[("model", &["org/Beta,m"])], "", "", &["beta", "half"]);
    check("", &[("model", &[""])], "", "", &["beta", "alpha", "half", "unscored"]);
    check("", &[("model", &["org/beta"])], "", "", &[]);
    // A value with a comma is one value where a run has it.
    check("", &[("hardware", &["A100, 80GB"])], "", "", &["alpha"]);
    check("", &[("hardware", &["A100, B200"])], "", "", &["beta"]);
    check("", &[("status", &["partial,failed"])], "", "", &["beta"]);
    check("", &[("simulated", &["true"])], "", "", &["unscored"]);
    check("", &[("model", &["org/Beta"]), ("status", &["completed"])], "", "", &[]);
    check("GAMMA", &[], "", "", &["unscored"]);
    check("köln zweiter", &[], "", "", &["beta"]);
    check("köln alpha", &[], "", "", &[]);
    check("", &[], "2026-11-21", "", &["beta", "alpha"]);
    check("", &[], "2026-11-20", "2026-11-21", &["alpha", "unscored"]);
    check("", &[], "", "2026-11-21T09:59:59Z", &["unscored"]);
}

#[test]
fn bad_filters_name_what_is_allowed() {
    let check = |values: &[(&str, &[&str])], from: &str, expected: &str| {
        let error = filter("", values, from, "").expect_err(expected).to_string();
        assert!(error.contains(expected), "{error}");
    };
    check(&[("status", &["done"])], "", "completed, partial, failed, running");
    check(&[("simulated", &["yes"])], "", "true, false");
    check(&[("purpose", &["fun"])], "", "selection, regression, monitoring");
    check(&[], "last week", "`from` must be a date");
}

#[test]
fn sorts_order_runs() {
    let index = sample();
    let check = |sort: &str, expected: &[&str]| {
        let sort = Sort::parse(Some(sort)).expect(sort);
        let mut selection = select(&index, &Filter::default());
        sort.apply(&index, &mut selection);
        assert_eq!(ids(&index, &selection), expected);
    };
    check("", &["beta", "alpha", "half", "unscored"]);
    check("-success_rate", &["beta", "alpha", "half", "unscored"]);
    // Unknown last in both directions; ties newest first.
    check("success_rate", &["half", "beta", "alpha", "unscored"]);
    check("-success_rate,total_cost_usd", &["alpha", "beta", "half", "unscored"]);
    check("co2_emissions_g", &["beta", "alpha", "half", "unscored"]);
    check("-co2_emissions_g", &["half", "alpha", "beta", "unscored"]);
    check("-rank", &["unscored", "half", "alpha", "beta"]);
    // Case-blind.
    check("model", &["half", "alpha", "beta", "unscored"]);
    check("-timestamp", &["beta", "alpha", "unscored", "half"]);
    check("simulated,model", &["half", "alpha", "beta", "unscored"]);
}

#[test]
fn bad_sorts_and_fields_name_what_is_allowed() {
    let sort = Sort::parse(Some("speed")).err().expect("no such column").to_string();
    assert!(sort.contains("`speed`") && sort.contains("success_rate") && sort.contains("rank"), "{sort}");
    let fields = run_fields(&["run_id,speed".into()]).err().expect("no such column").to_string();
    assert!(fields.contains("`speed`") && fields.contains("success_rate"), "{fields}");
}

#[test]
fn ranks_count_the_filtered_runs() {
    let index = sample();
    let filter = filter("", &[("model", &["org/alpha", "m"])], "", "").expect("a filter");
    let ranks: Vec<i64> = select(&index, &filter).iter().map(|ranked| ranked.rank).collect();
    assert_eq!(ranks, [1, 2]);
}

#[test]
fn pages_cut_lists() {
    let list = [1, 2, 3, 4, 5];
    let check = |page: &str, size: &str, expected: Result<&[i32], &str>| match (
        Page::parse(Some(page), Some(size)),
        expected,
    ) {
        (Ok(page), Ok(expected)) => assert_eq!(page.of(&list), expected),
        (Err(error), Err(expected)) => assert!(error.to_string().contains(expected), "{error}"),
        (found, expected) => panic!("{found:?} is not {expected:?}"),
    };
    check("1", "2", Ok(&[1, 2]));
    check("3", "2", Ok(&[5]));
    check("4", "2", Ok(&[]));
    check("4294967295", "10000", Ok(&[]));
    check("", "", Ok(&list));
    check("0", "2", Err("`page` must be a whole number from 1"));
    check("1", "10001", Err("`page_size` must be a whole number from 1 to 10000"));
    check("1", "ten", Err("not `ten`"));
    check("-1", "", Err("`page`"));
}

#[test]
fn facets_count_what_a_choice_would_leave() {
    let index = sample();
    let check = |values: &[(&str, &[&str])], of: fn(&Facets) -> &[FacetValue], expected: &[(&str, i64)]| {
        let facets = facets(&index, &filter("", values, "", "").expect("a filter"));
        let found: Vec<(&str, i64)> =
            of(&facets).iter().map(|facet| (facet.value.as_str(), facet.count)).collect();
        assert_eq!(found, expected, "{values:?}");
    };
    let models: fn(&Facets) -> &[FacetValue] = |facets| &facets.model;
    check(&[], models, &[("m", 1), ("org/Beta", 1), ("org/Gamma", 1), ("org/alpha", 1)]);
    check(&[("status", &["partial"])], models, &[("org/Beta", 1)]);
    // A field's own filter does not hide its other values.
    check(&[("status", &["partial"])], |facets| &facets.status, &[("completed", 3), ("partial", 1)]);
    check(&[], |facets| &facets.hardware, &[("A100", 1), ("A100, 80GB", 1)]);
    check(&[], |facets| &facets.simulated, &[("false", 3), ("true", 1)]);
    check(&[], |facets| &facets.team, &[]);
}

#[test]
fn summary_adds_what_is_known() {
    let index = sample();
    let whole = summarize(index.rows().iter());
    assert_eq!((whole.runs, whole.tests, whole.successful_tests, whole.simulated_runs), (4, 10, 7, 1));
    assert_eq!(whole.success_rate, Some(70.0));
    assert_eq!(whole.co2_emissions_g, Some(3.5));
    assert_eq!(whole.total_cost_usd, Some(0.7));
    assert_eq!(whole.energy_wh, None);
    assert_eq!(whole.total_tokens, None);
    let none = summarize([].into_iter());
    assert_eq!((none.runs, none.success_rate, none.co2_emissions_g), (0, None, None));
}

#[test]
fn columns_and_response_type_agree() {
    let index = sample();
    let (columns, with_rank) = run_fields(&[]).expect("all");
    assert!(with_rank);
    let projected = columns::Projected {
        row: &index.rows()[2],
        columns: &columns,
        beside: Some((RANK, columns::Cell::Int(2))),
    };
    let value = serde_json::to_value(projected).expect("JSON");
    let run: crate::Run = serde_json::from_value(value.clone()).expect("a run");
    assert_eq!(run.rank, Some(2));
    assert_eq!(run.co2_per_success_g, Some(1.0 / 3.0));
    assert_eq!(serde_json::to_value(&run).expect("JSON"), value);
    // Nothing of a row is left out but what the run's own page shows.
    let published: HashSet<String> =
        value.as_object().into_iter().flatten().map(|(name, _)| name.clone()).collect();
    let row = serde_json::to_value(&index.rows()[2]).expect("JSON");
    let kept_back: Vec<&String> = row
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name)
        .filter(|name| !published.contains(*name))
        .collect();
    assert_eq!(kept_back, ["accounting", "declared", "row_id"]);
    // Unknown is null, whatever the published row says.
    let unknown = columns::Projected { row: &index.rows()[0], columns: &columns, beside: None };
    let unknown = serde_json::to_value(unknown).expect("JSON");
    assert_eq!(unknown["co2_emissions_g"], Value::Null);
    assert_eq!(unknown["power_cost_total_usd"], Value::Null);
}

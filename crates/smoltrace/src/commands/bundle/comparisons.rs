//! Which runs of a bundle are compared with one another, and in which pairings. What came of it is the API's.

use std::collections::{BTreeSet, HashSet};

use anyhow::Result;
use serde::Serialize;
use serde_json::Value;
use smoltrace_server::routes::compare::MOST_RUNS;
use smoltrace_store::Store;

use crate::{commands::find_run, exit::UsageError};

/// A comparison that the bundle holds: the first run against the others.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Comparison {
    pub runs: Vec<String>,
    pub pair_by: Vec<&'static str>,
}

/// The runs that `--compare` names, lists of ids or their beginnings.
///
/// # Errors
/// A list that is no comparison, or names a run that is not there.
pub async fn named(store: &Store, lists: &[String]) -> Result<Vec<Vec<String>>> {
    let mut sets = Vec::new();
    for list in lists {
        let mut runs = Vec::new();
        for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            let run = find_run(store, name).await?.run_id;
            if runs.contains(&run) {
                return Err(UsageError(format!("--compare {list} names run `{run}` twice")).into());
            }
            runs.push(run);
        }
        if !(2..=MOST_RUNS).contains(&runs.len()) {
            let told = format!(
                "--compare {list} must name 2 to {MOST_RUNS} runs, separated by commas, not {}",
                runs.len()
            );
            return Err(UsageError(told).into());
        }
        sets.push(runs);
    }
    Ok(sets)
}

/// The `paired` first of the runs, each with each in both directions, and the sets that were named; each once.
/// A difference reversed is worked out by itself: its interval is not the mirrored one.
pub fn planned(ranked: &[&str], paired: usize, named: Vec<Vec<String>>) -> Vec<Vec<String>> {
    let best = &ranked[..paired.min(ranked.len())];
    let pairs = best.iter().flat_map(|first| {
        let others = best.iter().filter(move |other| *other != first);
        others.map(move |other| vec![(*first).to_owned(), (*other).to_owned()])
    });
    let mut seen = HashSet::new();
    pairs.chain(named).filter(|runs| seen.insert(runs.clone())).collect()
}

/// What executions of a run are told apart by.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kinds {
    agent_types: BTreeSet<String>,
    repeated: bool,
}

impl Kinds {
    /// Of a run's results, as the API gives them.
    pub fn of(results: &Value) -> Self {
        let items = results["items"].as_array().map(Vec::as_slice).unwrap_or_default();
        Self {
            agent_types: items
                .iter()
                .filter_map(|item| item["agent_type"].as_str())
                .map(Into::into)
                .collect(),
            repeated: items.iter().any(|item| item["attempt"].as_i64().is_some_and(|attempt| attempt > 1)),
        }
    }
}

/// The pairings that differ for these runs: attempts apart where there are several, whatever the agent type where
/// there are several of those.
pub fn pairings(runs: &[&Kinds]) -> Vec<&'static str> {
    let agent_types: BTreeSet<&String> = runs.iter().flat_map(|kinds| &kinds.agent_types).collect();
    let mut pairings = vec!["test"];
    if runs.iter().any(|kinds| kinds.repeated) {
        pairings.push("attempt");
    }
    if agent_types.len() > 1 {
        pairings.push("id");
    }
    pairings
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_best_runs_are_paired_and_named_ones_added_once() {
        let check = |ranked: &[&str], paired: usize, named: &[&[&str]], expected: &[&str]| {
            let named = named.iter().map(|runs| runs.iter().map(ToString::to_string).collect()).collect();
            let planned = planned(ranked, paired, named);
            let joined: Vec<String> = planned.iter().map(|runs| runs.join(" ")).collect();
            assert_eq!(joined, expected);
        };
        check(&["a", "b"], 20, &[], &["a b", "b a"]);
        check(
            &["a", "b", "c"],
            2,
            &[&["c", "a"], &["a", "b"], &["a", "b", "c"]],
            &["a b", "b a", "c a", "a b c"],
        );
        check(&["a", "b"], 0, &[], &[]);
        check(&["a"], 20, &[], &[]);
        check(&[], 20, &[], &[]);
    }

    #[test]
    fn pairings_that_say_the_same_are_left_out() {
        let check = |runs: &[&[(&str, i64)]], expected: &[&str]| {
            let kinds: Vec<Kinds> = runs
                .iter()
                .map(|results| {
                    let item = |(agent_type, attempt): &(&str, i64)| {
                        json!({ "agent_type": agent_type, "attempt": attempt })
                    };
                    Kinds::of(&json!({ "items": results.iter().map(item).collect::<Vec<_>>() }))
                })
                .collect();
            assert_eq!(pairings(&kinds.iter().collect::<Vec<_>>()), expected);
        };
        check(&[&[("tool", 1)], &[("tool", 1)]], &["test"]);
        check(&[&[("tool", 1)], &[("code", 1)]], &["test", "id"]);
        check(&[&[("tool", 1), ("tool", 2)], &[("tool", 1)]], &["test", "attempt"]);
        check(&[&[("tool", 1), ("code", 2)], &[]], &["test", "attempt", "id"]);
    }
}

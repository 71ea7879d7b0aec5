//! Joining what is known of a run with what comes in later: spans, metrics and results may arrive in
//! separate files and more than once.

use std::collections::{HashMap, HashSet};

use crate::{
    inputs::{Declared, RunInputs},
    rows::ResultRow,
};

impl RunInputs {
    /// This run with `new` added. Rows that are here already are left out; of two declarations of one
    /// execution the new one counts.
    pub fn joined(mut self, new: RunInputs) -> Self {
        if self.origin.is_empty() {
            self.origin = new.origin;
        }
        self.declared = self.declared.joined(new.declared);
        extend_unknown(&mut self.spans, new.spans, |span| &span.row_id);
        extend_unknown(&mut self.points, new.points, |point| &point.row_id);
        join_results(&mut self.results, new.results);
        // The same file read again drops the same values again.
        self.dropped_non_finite = self.dropped_non_finite.max(new.dropped_non_finite);
        self
    }
}

impl Declared {
    /// What both say; where they differ, `new` counts, unless it says nothing.
    fn joined(mut self, new: Declared) -> Self {
        for (known, new) in
            [(&mut self.leaderboard_row, new.leaderboard_row), (&mut self.metadata, new.metadata)]
        {
            for (name, value) in new {
                if !value.is_null() || !known.contains_key(&name) {
                    known.insert(name, value);
                }
            }
        }
        if !new.aggregates.is_empty() {
            self.aggregates = new.aggregates;
        }
        self.simulated |= new.simulated;
        for note in new.notes {
            if !self.notes.contains(&note) {
                self.notes.push(note);
            }
        }
        self
    }
}

/// Adds executions. A new row is one that is known when it says the same attempt or the same trace, or
/// when it says neither and is otherwise the same as a known row that no other new row stands for.
fn join_results(known: &mut Vec<ResultRow>, new: Vec<ResultRow>) {
    let mut by_attempt = HashMap::new();
    let mut by_trace = HashMap::new();
    let mut by_content: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, row) in known.iter().enumerate() {
        by_attempt.insert((row.test_uid.clone(), row.attempt), place);
        if let Some(trace_id) = &row.trace_id {
            by_trace.insert((row.test_uid.clone(), trace_id.clone()), place);
        }
        by_content.entry(content(row)).or_default().push(place);
    }
    for row in new {
        let place = match (&row.trace_id, row.attempt) {
            (_, 1..) => by_attempt.get(&(row.test_uid.clone(), row.attempt)).copied(),
            (Some(trace_id), _) => by_trace.get(&(row.test_uid.clone(), trace_id.clone())).copied(),
            (None, _) => None,
        };
        match place {
            Some(place) => known[place] = ResultRow { attempt: known[place].attempt, ..row },
            None if row.attempt < 1
                && by_content.get_mut(&content(&row)).is_some_and(|places| places.pop().is_some()) => {}
            None => known.push(row),
        }
    }
}

/// Hash of what the source said of an execution, without what tells it from another attempt.
fn content(row: &ResultRow) -> String {
    let row = ResultRow { attempt: 0, version: 0, trace_id: None, span_id: None, ..row.declared_only() };
    row.sealed().row_id
}

fn extend_unknown<T>(known: &mut Vec<T>, new: Vec<T>, id: impl Fn(&T) -> &String) {
    let ids: HashSet<String> = known.iter().map(|row| id(row).clone()).collect();
    known.extend(new.into_iter().filter(|row| !ids.contains(id(row))));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(uid: &str, attempt: i64, trace: Option<&str>, response: &str) -> ResultRow {
        let text = serde_json::json!({
            "run_id": "r", "test_uid": uid, "test_id": uid, "agent_type": "tool", "attempt": attempt,
            "version": 1, "tools_used": [], "trace_id": trace, "response": response, "declared": "{}",
            "cost_source": "none", "energy_source": "none", "co2_source": "none",
            "power_cost_source": "none", "row_id": "",
        });
        serde_json::from_value(text).expect("a row")
    }

    fn joined(known: Vec<ResultRow>, new: Vec<ResultRow>) -> Vec<(String, i64, Option<String>)> {
        let mut rows = known;
        join_results(&mut rows, new);
        rows.into_iter().map(|row| (row.test_uid, row.attempt, row.response)).collect()
    }

    #[test]
    fn an_execution_is_recognised() {
        let check = |known: Vec<ResultRow>, new: Vec<ResultRow>, expected: &[(&str, i64, &str)]| {
            let expected: Vec<_> = expected
                .iter()
                .map(|(uid, attempt, response)| ((*uid).to_owned(), *attempt, Some((*response).to_owned())))
                .collect();
            assert_eq!(joined(known, new), expected);
        };
        // The same folder again: attempts were numbered and traces found in the meantime.
        check(vec![row("a", 1, Some("t"), "x")], vec![row("a", 0, Some("t"), "x")], &[("a", 1, "x")]);
        check(vec![row("a", 1, Some("t"), "x")], vec![row("a", 0, None, "x")], &[("a", 1, "x")]);
        // A correction of the same attempt or trace.
        check(vec![row("a", 1, None, "x")], vec![row("a", 1, None, "y")], &[("a", 1, "y")]);
        check(vec![row("a", 2, Some("t"), "x")], vec![row("a", 0, Some("t"), "y")], &[("a", 2, "y")]);
        // Two equal attempts stay two, however often they come.
        let twice = || vec![row("a", 0, None, "x"), row("a", 0, None, "x")];
        let known = vec![row("a", 1, None, "x"), row("a", 2, None, "x")];
        check(known.clone(), twice(), &[("a", 1, "x"), ("a", 2, "x")]);
        // Another execution is another row.
        check(
            vec![row("a", 1, Some("t"), "x")],
            vec![row("a", 0, Some("u"), "y")],
            &[("a", 1, "x"), ("a", 0, "y")],
        );
    }
}

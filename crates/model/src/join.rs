//! Joining what is known of a run with what comes in later: spans, metrics and results may arrive in
//! separate files and more than once.

use std::collections::{BTreeMap, HashSet};

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
        let key = |row: &ResultRow| (row.test_uid.clone(), row.attempt);
        let mut results: BTreeMap<_, _> = self.results.into_iter().map(|row| (key(&row), row)).collect();
        results.extend(new.results.into_iter().map(|row| (key(&row), row)));
        self.results = results.into_values().collect();
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

fn extend_unknown<T>(known: &mut Vec<T>, new: Vec<T>, id: impl Fn(&T) -> &String) {
    let ids: HashSet<String> = known.iter().map(|row| id(row).clone()).collect();
    known.extend(new.into_iter().filter(|row| !ids.contains(id(row))));
}

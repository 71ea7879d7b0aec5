//! Rows in blocks: groups of them share what they say alike, above all their run. Knows no table.

use std::collections::HashMap;

/// Rows in groups, each group of one run.
pub trait Block {
    /// The run id of each group.
    fn run_ids(&self) -> impl Iterator<Item = &str>;

    /// Time, Unix ns, by which a row is remembered, and row id, each with the place of its group.
    fn times(&self) -> impl Iterator<Item = (usize, i64, u128)>;

    /// The runs, each once, and for each group the place of its run among them.
    fn runs(&self) -> (Vec<&str>, Vec<usize>) {
        let mut runs: Vec<&str> = Vec::new();
        let mut known: HashMap<&str, usize> = HashMap::new();
        let mut last: Option<(&str, usize)> = None;
        let place_of = |run| match last {
            Some((same, place)) if same == run => place,
            _ => {
                let place = *known.entry(run).or_insert_with(|| {
                    runs.push(run);
                    runs.len() - 1
                });
                last = Some((run, place));
                place
            }
        };
        let places = self.run_ids().map(place_of).collect();
        (runs, places)
    }

    /// The runs, each with how many rows it has here.
    fn rows_per_run(&self) -> Vec<(&str, usize)> {
        let (runs, places) = self.runs();
        if let [run] = runs[..] {
            return vec![(run, self.times().count())];
        }
        let mut counts = vec![0; runs.len()];
        self.times().for_each(|(group, _, _)| counts[places[group]] += 1);
        runs.into_iter().zip(counts).collect()
    }
}

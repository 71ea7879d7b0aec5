//! How many distinct series each run has, so that one that never stops making new ones is held.

use std::collections::{HashMap, HashSet};

use ahash::RandomState;
use smoltrace_model::rows::{PointBlock, PointSeries};

/// Series by run. Forgets the runs that were used longest ago: it bounds memory, not a run's life.
#[derive(Debug)]
pub(crate) struct SeriesLimit {
    most: usize,
    most_runs: usize,
    clock: u64,
    /// When each was used last, and the ids of its series.
    runs: HashMap<String, (u64, HashSet<u128, RandomState>), RandomState>,
}

impl SeriesLimit {
    pub(crate) fn new(most: usize, most_runs: usize) -> Self {
        Self { most, most_runs: most_runs.max(1), clock: 0, runs: HashMap::default() }
    }

    /// Takes out the points of series past the limit of their run; returns how many.
    pub(crate) fn apply(&mut self, points: &mut PointBlock) -> usize {
        self.clock += 1;
        let mut keep = Vec::new();
        for (run, series) in points.series_by_run() {
            let most = self.most;
            let known = self.of_run(run);
            let admit = |id| known.contains(&id) || known.len() < most && known.insert(id);
            keep.extend(series.iter().map(PointSeries::id).map(admit));
        }
        points.retain_series(&keep)
    }

    /// The ids of the series of a run.
    fn of_run(&mut self, run: &str) -> &mut HashSet<u128, RandomState> {
        if !self.runs.contains_key(run) {
            self.make_room();
            self.runs.insert(run.to_owned(), Default::default());
        }
        let (used, ids) = self.runs.get_mut(run).expect("it is there by now");
        *used = self.clock;
        ids
    }

    fn make_room(&mut self) {
        while self.runs.len() >= self.most_runs {
            let oldest = self.runs.iter().min_by_key(|(_, (used, _))| *used);
            let Some(oldest) = oldest.map(|(run, _)| run.clone()) else { return };
            self.runs.remove(&oldest);
        }
    }
}

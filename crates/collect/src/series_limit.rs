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
    runs: HashMap<String, (u64, HashSet<u128, RandomState>), RandomState>,
}

impl SeriesLimit {
    pub(crate) fn new(most: usize, most_runs: usize) -> Self {
        Self { most, most_runs: most_runs.max(1), clock: 0, runs: HashMap::default() }
    }

    /// Takes out the points of series past the limit of their run; returns how many.
    pub(crate) fn apply(&mut self, points: &mut PointBlock) -> usize {
        self.clock += 1;
        points.retain_series(|series| self.admits(series))
    }

    fn admits(&mut self, series: &PointSeries) -> bool {
        let run = series.head().run_id.as_str();
        if !self.runs.contains_key(run) {
            self.make_room();
            self.runs.insert(run.to_owned(), (0, HashSet::default()));
        }
        let Some((used, known)) = self.runs.get_mut(run) else { return false };
        *used = self.clock;
        if known.contains(&series.id()) {
            return true;
        }
        known.len() < self.most && known.insert(series.id())
    }

    fn make_room(&mut self) {
        while self.runs.len() >= self.most_runs {
            let oldest = self.runs.iter().min_by_key(|(_, (used, _))| *used);
            let Some(oldest) = oldest.map(|(run, _)| run.clone()) else { return };
            self.runs.remove(&oldest);
        }
    }
}

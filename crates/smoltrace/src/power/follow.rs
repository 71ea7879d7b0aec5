//! What is measured, stored under every run whose spans come in: the samples of the time that they took.
//!
//! Spans come after what they tell of, so the samples are kept for a while; a run's samples go into the commit of
//! its spans. No sample keeps a run open, and none is stored for a time that no span covers.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use smoltrace_collect::power::PowerSample;
use smoltrace_model::rows::{PointRow, SpanBlock};

use super::Measuring;

/// Runs that are remembered; those that were seen longest ago are forgotten.
const MOST_RUNS: usize = 1024;
/// Samples of one run that are stored at once. Of more, every n-th: an energy counter loses nothing by that, and a
/// span that claims to have lasted for ever cannot fill the tables.
const MOST_SAMPLES: usize = 6_000;

/// Follows runs by their spans.
pub struct Follow {
    measuring: Arc<Measuring>,
    runs: Mutex<Runs>,
}

#[derive(Default)]
struct Runs {
    clock: u64,
    stored: HashMap<String, Stored>,
}

/// The stretch of time whose samples a run has.
struct Stored {
    seen: u64,
    from: i64,
    to: i64,
}

impl Follow {
    pub fn new(measuring: Arc<Measuring>) -> Self {
        Self { measuring, runs: Mutex::default() }
    }

    /// The rows of what was measured while these spans lasted, of each run as far as it has not got them yet.
    pub fn rows(&self, spans: &SpanBlock) -> (Vec<PointRow>, Reach) {
        let mut reach = Reach::default();
        for (run_id, from, to) in spans.lasting() {
            match reach.0.get_mut(run_id) {
                Some(held) => *held = (held.0.min(from), held.1.max(to)),
                None => {
                    reach.0.insert(run_id.to_owned(), (from, to));
                }
            }
        }
        let sampler = &self.measuring.sampler;
        // What a span used until its end is known only with a sample after it.
        if reach.0.values().any(|(_, to)| *to > sampler.newest_unix_nano()) {
            sampler.read_now();
        }
        let mut rows = Vec::new();
        for (run_id, (from, to)) in &reach.0 {
            for (from, to) in self.missing(run_id, *from, *to) {
                let samples = sampler.around(from, to);
                rows.extend(self.measuring.rows(run_id, &thinned(&samples)));
            }
        }
        (rows, reach)
    }

    /// The rows of [`Self::rows`] are durable.
    pub fn stored(&self, reach: Reach) {
        let mut runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        for (run_id, (from, to)) in reach.0 {
            runs.clock += 1;
            let seen = runs.clock;
            if let Some(stored) = runs.stored.get_mut(&run_id) {
                *stored = Stored { seen, from: stored.from.min(from), to: stored.to.max(to) };
                continue;
            }
            if runs.stored.len() >= MOST_RUNS {
                let oldest = runs.stored.iter().min_by_key(|(_, stored)| stored.seen);
                if let Some(oldest) = oldest.map(|(run_id, _)| run_id.clone()) {
                    runs.stored.remove(&oldest);
                }
            }
            runs.stored.insert(run_id, Stored { seen, from, to });
        }
    }

    /// What of `[from, to]` the run has no samples of yet.
    fn missing(&self, run_id: &str, from: i64, to: i64) -> Vec<(i64, i64)> {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        match runs.stored.get(run_id) {
            Some(had) => {
                [(from, had.from), (had.to, to)].into_iter().filter(|(from, to)| from < to).collect()
            }
            None => vec![(from, to)],
        }
    }
}

/// By run, the stretch of time that its spans reach over, Unix ns.
#[derive(Debug, Default)]
pub struct Reach(HashMap<String, (i64, i64)>);

fn thinned(samples: &[Arc<PowerSample>]) -> Vec<Arc<PowerSample>> {
    let every = samples.len().div_ceil(MOST_SAMPLES).max(1);
    let last = samples.len().saturating_sub(1);
    let kept = samples.iter().enumerate().filter(|(place, _)| place.is_multiple_of(every) || *place == last);
    kept.map(|(_, sample)| sample.clone()).collect()
}

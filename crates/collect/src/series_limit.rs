//! How many distinct series each run has, so that one that never stops making new ones is held.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use ahash::RandomState;
use smoltrace_model::rows::{PointBlock, PointSeries, SeriesList};

/// Series by run. Forgets the runs that were used longest ago: it bounds memory, not a run's life.
#[derive(Debug)]
pub(crate) struct SeriesLimit {
    most: usize,
    most_runs: usize,
    clock: u64,
    runs: HashMap<String, RunSeries, RandomState>,
}

#[derive(Debug, Default)]
struct RunSeries {
    /// When it was used last.
    used: u64,
    ids: HashSet<u128, RandomState>,
    /// The series of a request of which all are among `ids`: the next one mostly has the same.
    request: Option<Arc<SeriesList>>,
}

/// Series of a request that are remembered together, at most.
const REQUEST_SERIES: usize = 4_096;

impl SeriesLimit {
    pub(crate) fn new(most: usize, most_runs: usize) -> Self {
        Self { most, most_runs: most_runs.max(1), clock: 0, runs: HashMap::default() }
    }

    /// Takes out the points of series past the limit of their run; returns how many.
    pub(crate) fn apply(&mut self, points: &mut PointBlock) -> usize {
        self.clock += 1;
        let mut keep = Vec::new();
        let list = points.series().clone();
        for (run, series) in list.by_run() {
            let most = self.most;
            let known = self.of_run(run);
            if known.request.as_ref().is_some_and(|request| Arc::ptr_eq(request, &list)) {
                return 0;
            }
            let ids = &mut known.ids;
            let admit = |id| ids.contains(&id) || ids.len() < most && ids.insert(id);
            let before = keep.len();
            keep.extend(series.iter().map(PointSeries::id).map(admit));
            if series.len() == list.len()
                && list.len() <= REQUEST_SERIES
                && keep[before..].iter().all(|keep| *keep)
            {
                known.request = Some(list.clone());
            }
        }
        points.retain_series(&keep)
    }

    /// The series of a run.
    fn of_run(&mut self, run: &str) -> &mut RunSeries {
        if !self.runs.contains_key(run) {
            self.make_room();
            self.runs.insert(run.to_owned(), RunSeries::default());
        }
        let known = self.runs.get_mut(run).expect("it is there by now");
        known.used = self.clock;
        known
    }

    fn make_room(&mut self) {
        while self.runs.len() >= self.most_runs {
            let oldest = self.runs.iter().min_by_key(|(_, known)| known.used);
            let Some(oldest) = oldest.map(|(run, _)| run.clone()) else { return };
            self.runs.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use smoltrace_model::rows::{Instrument, PointRow, Temporality};

    use super::*;

    fn points(run: &str, series: &[u128]) -> PointBlock {
        let point = |id: &u128| PointRow {
            run_id: run.into(),
            service: "s".into(),
            metric: "m".into(),
            unit: String::new(),
            instrument: Instrument::Gauge,
            temporality: Temporality::Unspecified,
            monotonic: false,
            gpu_id: None,
            gpu_name: None,
            attributes: "{}".into(),
            resource: "{}".into(),
            scope: "{}".into(),
            series_id: format!("{id:032x}"),
            start_time_unix_nano: None,
            time_unix_nano: 0,
            value: 0.0,
            detail: None,
            row_id: String::new(),
        };
        series.iter().map(point).collect()
    }

    #[test]
    fn a_request_that_is_known_counts_like_one_that_is_not() {
        let mut limit = SeriesLimit::new(2, 1);
        let known = points("a", &[1, 2]);
        for _ in 0..3 {
            assert_eq!(limit.apply(&mut known.clone()), 0);
            assert_eq!(limit.apply(&mut points("a", &[1, 3])), 1);
        }
        // The run is forgotten for another one, and counted anew.
        assert_eq!(limit.apply(&mut points("b", &[1])), 0);
        assert_eq!(limit.apply(&mut points("a", &[3])), 0);
        let mut past = known.clone();
        assert_eq!(limit.apply(&mut past), 1);
        assert_eq!(past.len(), 1);
        assert_eq!(limit.apply(&mut known.clone()), 1);
        // Runs in one request are counted one by one.
        let mut both = points("a", &[1, 2, 3]);
        both.extend(points("b", &[7, 8, 9]).to_rows());
        assert_eq!(SeriesLimit::new(2, 2).apply(&mut both), 2);
    }
}

//! Counters: what a series of cumulative or delta values adds up to, and when it accrued.
//!
//! Knows neither wire forms nor what a metric measures. The rules:
//!
//! - A delta series is worth the sum of its points. Everything else is cumulative.
//! - A cumulative series falls into segments, each worth its last value. Samples of one start
//!   time are one segment, also when two writers interleave. A sample without start time
//!   belongs to the segment before it unless its value drops, which is a reset.
//! - If a segment began before the run did, and a sample at or before the run's start tells its
//!   value then, that value is subtracted. Without a start time, or without such a sample, how
//!   much accrued before the run cannot be known and nothing is subtracted.
//! - A counter of grams, dollars or joules is never negative: a value below zero counts as 0.

use std::collections::HashMap;

use crate::{
    rows::Temporality,
    series::{Sample, Series, SeriesSet},
    sum::{CompensatedSum, sum_unordered},
};

/// Integer units of one gram or one dollar in which shares are exact: picograms, picodollars.
pub const PICO: f64 = 1e12;
/// Integer units of one joule in which energy is kept: microjoules.
pub const MICRO: f64 = 1e6;

/// What accrued from one moment to another, in integer units (see [`PICO`], [`MICRO`]).
/// `from_ns == to_ns` says that it came at once. Never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Increment {
    /// Unix ns.
    pub from_ns: i64,
    /// Unix ns.
    pub to_ns: i64,
    /// Integer units.
    pub amount: i128,
}

/// A value in integer units, rounded to the nearest; beyond ±10^18 of the value's own unit it
/// is clamped, so that no input can overflow a sum.
pub fn to_units(value: f64, per_unit: f64) -> i128 {
    (value.clamp(-1e18, 1e18) * per_unit).round() as i128
}

/// Integer units as the value they stand for.
pub fn from_units(amount: i128, per_unit: f64) -> f64 {
    amount as f64 / per_unit
}

/// What the series adds up to, in its own unit; none without samples. The same samples in any
/// order, and with any repeated, give the same bits.
pub fn series_total(series: &Series, run_start: Option<i64>) -> Option<f64> {
    let mut total = None;
    accumulate(series, run_start, |_, value| total = Some(value));
    total
}

/// The total of a metric: the sum over its series, in whatever order they are held.
pub fn metric_total(set: &SeriesSet, metric: &str, run_start: Option<i64>) -> Option<f64> {
    let mut totals: Vec<f64> = set
        .series()
        .iter()
        .filter(|series| series.info.metric == metric)
        .filter_map(|series| series_total(series, run_start))
        .collect();
    (!totals.is_empty()).then(|| sum_unordered(&mut totals))
}

/// The series counted up from 0 across resets: (Unix ns, value) per sample, in time order. The
/// last value is [`series_total`].
pub fn accumulated(series: &Series, run_start: Option<i64>) -> Vec<(i64, f64)> {
    let mut points = Vec::with_capacity(series.samples.len());
    accumulate(series, run_start, |sample, value| points.push((sample.time_unix_nano, value)));
    points
}

/// When the series' total accrued, step by step in time order. Each step reaches from the sample
/// before to the sample. A first value reaches back to its start time, else to the run's start,
/// else it comes at once; the first value after a reset, to its start time, else to the sample
/// before. The amounts are telescoped in integers: they add up to the total exactly.
///
/// Where a value falls within one start time, the segment is still worth its last value: the
/// steps before it are cut to the lowest value that follows.
pub fn increments(series: &Series, run_start: Option<i64>, per_unit: f64) -> Vec<Increment> {
    let samples = series.canonical();
    match series.info.temporality {
        Temporality::Delta => delta_increments(&samples, run_start, per_unit),
        Temporality::Cumulative | Temporality::Unspecified => {
            cumulative_increments(&samples, run_start, per_unit)
        }
    }
}

fn accumulate(series: &Series, run_start: Option<i64>, mut each: impl FnMut(&Sample, f64)) {
    let samples = series.canonical();
    if series.info.temporality == Temporality::Delta {
        let mut sum = CompensatedSum::default();
        for sample in samples.iter() {
            if !before_run(sample, run_start) {
                sum.add(sample.value.max(0.0));
            }
            each(sample, sum.value());
        }
        return;
    }
    let mut segments = Segments::default();
    // The worth of all segments but the current one.
    let mut others = CompensatedSum::default();
    for sample in samples.iter() {
        let left = segments.current;
        let current = segments.place(sample);
        if let Some(left) = left.filter(|left| *left != current) {
            others.add(segments.all[left].worth());
            others.add(-segments.all[current].worth());
        }
        let segment = &mut segments.all[current];
        segment.take(sample, run_start);
        each(sample, (others.value() + segment.worth()).max(0.0));
    }
}

fn before_run(sample: &Sample, run_start: Option<i64>) -> bool {
    run_start.is_some_and(|run_start| {
        sample.start_time_unix_nano != 0
            && sample.start_time_unix_nano < run_start
            && sample.time_unix_nano <= run_start
    })
}

/// One life of a cumulative counter.
#[derive(Debug, Clone, Copy)]
struct Segment {
    /// Unix ns; 0 when not known.
    start: i64,
    /// Value at the run's start.
    base: f64,
    last: f64,
}

impl Segment {
    fn take(&mut self, sample: &Sample, run_start: Option<i64>) {
        self.last = sample.value.max(0.0);
        if before_run(sample, run_start) {
            self.base = self.last;
        }
    }

    fn worth(&self) -> f64 {
        (self.last - self.base).max(0.0)
    }
}

/// The segments of a cumulative series, found sample by sample in time order.
#[derive(Default)]
struct Segments {
    all: Vec<Segment>,
    current: Option<usize>,
    by_start: HashMap<i64, usize>,
}

impl Segments {
    /// The segment that the next sample belongs to; it becomes the current one.
    fn place(&mut self, sample: &Sample) -> usize {
        let start = sample.start_time_unix_nano;
        let current = self.current.map(|current| (current, self.all[current]));
        let place = match current {
            Some((current, segment)) if start != 0 && segment.start == start => current,
            Some((current, segment)) if start == 0 && sample.value.max(0.0) >= segment.last => current,
            _ if start == 0 => self.begin(start),
            _ => match (self.by_start.get(&start), current) {
                (Some(&known), _) => known,
                // The samples so far did not say when they began; this one does.
                (None, Some((current, segment))) if segment.start == 0 && sample.value >= segment.last => {
                    self.all[current].start = start;
                    self.by_start.insert(start, current);
                    current
                }
                _ => self.begin(start),
            },
        };
        self.current = Some(place);
        place
    }

    fn begin(&mut self, start: i64) -> usize {
        let place = self.all.len();
        self.all.push(Segment { start, base: 0.0, last: 0.0 });
        if start != 0 {
            self.by_start.insert(start, place);
        }
        place
    }
}

fn delta_increments(samples: &[Sample], run_start: Option<i64>, per_unit: f64) -> Vec<Increment> {
    let mut previous = run_start;
    let mut increments = Vec::with_capacity(samples.len());
    for sample in samples {
        if !before_run(sample, run_start) {
            let amount = to_units(sample.value.max(0.0), per_unit);
            increments.push(step(begin_of(sample, previous), sample, amount));
        }
        previous = Some(sample.time_unix_nano);
    }
    increments
}

fn cumulative_increments(samples: &[Sample], run_start: Option<i64>, per_unit: f64) -> Vec<Increment> {
    let mut segments = Segments::default();
    let places: Vec<usize> = samples
        .iter()
        .map(|sample| {
            let place = segments.place(sample);
            segments.all[place].take(sample, run_start);
            place
        })
        .collect();

    // What remains of each value at the end of its segment: the least value from there on.
    let mut remaining: Vec<i128> =
        samples.iter().map(|sample| to_units(sample.value.max(0.0), per_unit)).collect();
    let mut least = vec![i128::MAX; segments.all.len()];
    for (value, place) in remaining.iter_mut().zip(&places).rev() {
        least[*place] = least[*place].min(*value);
        *value = least[*place];
    }

    /// How far a segment has been counted.
    struct Counted {
        until: Option<i64>,
        value: i128,
    }
    let mut counted: Vec<Counted> = segments
        .all
        .iter()
        .map(|segment| Counted { until: None, value: to_units(segment.base, per_unit) })
        .collect();
    let mut previous = run_start;
    let mut increments = Vec::with_capacity(samples.len());
    for ((sample, place), value) in samples.iter().zip(places).zip(remaining) {
        let counted = &mut counted[place];
        if before_run(sample, run_start) {
            counted.until = run_start;
        } else {
            let from = counted.until.unwrap_or_else(|| begin_of(sample, previous));
            let amount = (value - counted.value).max(0);
            increments.push(step(from, sample, amount));
            counted.until = Some(sample.time_unix_nano);
            counted.value += amount;
        }
        previous = Some(sample.time_unix_nano);
    }
    increments
}

/// Where a first value began to accrue: its start time, else the moment before it.
fn begin_of(sample: &Sample, previous: Option<i64>) -> i64 {
    match sample.start_time_unix_nano {
        0 => previous.unwrap_or(sample.time_unix_nano),
        start => start,
    }
}

fn step(from_ns: i64, sample: &Sample, amount: i128) -> Increment {
    let to_ns = sample.time_unix_nano;
    Increment { from_ns: from_ns.min(to_ns), to_ns, amount }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::series::SeriesInfo;

    fn series(temporality: Temporality, samples: &[(i64, i64, f64)]) -> Series {
        Series {
            info: SeriesInfo { temporality, ..SeriesInfo::default() },
            samples: samples
                .iter()
                .map(|&(start_time_unix_nano, time_unix_nano, value)| Sample {
                    start_time_unix_nano,
                    time_unix_nano,
                    value,
                })
                .collect(),
        }
    }

    #[test]
    fn totals() {
        let check = |samples: &[(i64, i64, f64)], run_start: Option<i64>, expected: Option<f64>| {
            let series = series(Temporality::Cumulative, samples);
            assert_eq!(series_total(&series, run_start), expected, "{samples:?}");
            let steps: i128 = increments(&series, run_start, PICO).iter().map(|step| step.amount).sum();
            assert_eq!(steps, to_units(expected.unwrap_or(0.0), PICO), "{samples:?}");
        };
        check(&[], None, None);
        check(&[(0, 10, 1.5)], None, Some(1.5));
        // Resets: by drop, by start time though the value grows, both writers interleaved.
        check(&[(0, 1, 0.5), (0, 2, 0.75), (0, 3, 0.25)], None, Some(1.0));
        check(&[(1, 2, 0.5), (3, 4, 0.75)], None, Some(1.25));
        check(&[(1, 2, 0.5), (3, 4, 0.25), (1, 5, 0.75), (3, 6, 0.5)], None, Some(1.25));
        // Started and not: one life told twice, and a reset that only the drop tells.
        check(&[(0, 2, 0.5), (1, 2, 0.5), (0, 3, 0.75), (1, 3, 0.75)], None, Some(0.75));
        check(&[(1, 2, 0.5), (0, 3, 0.25)], None, Some(0.75));
        // A segment is worth its last value even if it fell within one start time.
        check(&[(1, 2, 0.5), (1, 3, 0.25), (1, 4, 0.375)], None, Some(0.375));
        // One time, several values: the greatest.
        check(&[(0, 2, 0.25), (0, 2, 0.5), (0, 2, 0.25)], None, Some(0.5));
        // Began before the run: known value at the run's start, unknown, no start time, ended before.
        check(&[(1, 5, 0.5), (1, 10, 0.75), (1, 20, 2.0)], Some(10), Some(1.25));
        check(&[(1, 20, 2.0)], Some(10), Some(2.0));
        check(&[(0, 5, 0.5), (0, 20, 2.0)], Some(10), Some(2.0));
        check(&[(1, 5, 0.5)], Some(10), Some(0.0));
        // Never negative.
        check(&[(0, 1, -1.0), (0, 2, 0.5)], None, Some(0.5));
    }

    #[test]
    fn deltas_add_up() {
        let check = |samples: &[(i64, i64, f64)], run_start: Option<i64>, expected: f64| {
            let series = series(Temporality::Delta, samples);
            assert_eq!(series_total(&series, run_start), Some(expected), "{samples:?}");
        };
        check(&[(0, 1, 0.1), (0, 2, 0.2), (0, 3, 0.3)], None, 0.6);
        check(&[(0, 1, 0.1), (0, 1, 0.1)], None, 0.1);
        check(&[(1, 2, 0.5), (2, 9, 0.25)], Some(2), 0.25);
    }

    #[test]
    fn steps_reach_back_to_where_they_began() {
        let check = |samples: &[(i64, i64, f64)], run_start: Option<i64>, expected: &[(i64, i64, i128)]| {
            let steps: Vec<_> = increments(&series(Temporality::Cumulative, samples), run_start, 4.0)
                .iter()
                .map(|step| (step.from_ns, step.to_ns, step.amount))
                .collect();
            assert_eq!(steps, expected, "{samples:?}");
        };
        check(&[(0, 10, 0.5), (0, 20, 1.0)], None, &[(10, 10, 2), (10, 20, 2)]);
        check(&[(0, 10, 0.5)], Some(4), &[(4, 10, 2)]);
        check(&[(0, 10, 0.5)], Some(40), &[(10, 10, 2)]);
        check(&[(6, 10, 0.5), (15, 20, 0.25)], Some(4), &[(6, 10, 2), (15, 20, 1)]);
        check(&[(0, 10, 0.5), (0, 20, 0.25)], None, &[(10, 10, 2), (10, 20, 1)]);
        check(&[(1, 3, 0.5), (1, 10, 1.5)], Some(4), &[(4, 10, 4)]);
        check(&[(99, 10, 0.5)], None, &[(10, 10, 2)]);
    }

    #[test]
    fn the_curve_ends_at_the_total() {
        let series = series(Temporality::Cumulative, &[(0, 1, 0.5), (0, 2, 0.9), (0, 3, 0.2), (0, 4, 0.4)]);
        assert_eq!(accumulated(&series, None), [(1, 0.5), (2, 0.9), (3, 1.1), (4, 1.3)]);
    }
}

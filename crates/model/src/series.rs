//! Metric points grouped by series: the one form that every total is computed from.
//!
//! A decoder fills a [`SeriesSet`]; accounting reads it. Nothing here knows a wire format.

use std::{
    borrow::Cow,
    collections::{BTreeSet, HashMap},
};

use crate::{
    ids,
    rows::{Instrument, PointRow, Temporality},
};

/// One sample of one series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Unix ns; 0 when not given.
    pub start_time_unix_nano: i64,
    /// Unix ns; 0 when not given.
    pub time_unix_nano: i64,
    /// Finite.
    pub value: f64,
}

/// What makes points one series, and what is known of them beside their samples.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SeriesInfo {
    /// `service.name` of the resource, or "unknown".
    pub service: String,
    /// Metric name.
    pub metric: String,
    /// Unit as emitted.
    pub unit: String,
    /// Data type.
    pub instrument: Instrument,
    /// Temporality.
    pub temporality: Temporality,
    /// Whether a sum only grows.
    pub monotonic: bool,
    /// `gpu_id` attribute.
    pub gpu_id: Option<String>,
    /// `gpu_name` attribute.
    pub gpu_name: Option<String>,
    /// Canonical JSON object (keys sorted) of the point attributes.
    pub attributes: String,
    /// Canonical JSON object (keys sorted) of the resource attributes.
    pub resource: String,
    /// Canonical JSON object of the scope.
    pub scope: String,
}

impl SeriesInfo {
    /// 128-bit hash of the series' identity: resource, scope, metric, point attributes.
    pub fn identity(&self) -> u128 {
        identity([&self.resource, &self.scope, &self.metric, &self.attributes], &mut Vec::with_capacity(512))
    }

    /// The identity as points carry it: 32 hex digits.
    pub fn series_id(&self) -> String {
        ids::hash_hex(self.identity())
    }

    /// Joins what another piece of the same series says beside its identity. Of two different
    /// statements the greater one holds, so that the order of arrival does not matter; any
    /// statement beats none.
    fn join(&mut self, other: SeriesInfo) {
        fn greater<T: PartialOrd>(held: &mut T, other: T) {
            if other > *held {
                *held = other;
            }
        }
        greater(&mut self.service, other.service);
        greater(&mut self.unit, other.unit);
        greater(&mut self.instrument, other.instrument);
        greater(&mut self.temporality, other.temporality);
        greater(&mut self.monotonic, other.monotonic);
        greater(&mut self.gpu_id, other.gpu_id);
        greater(&mut self.gpu_name, other.gpu_name);
    }
}

fn identity(parts: [&str; 4], buffer: &mut Vec<u8>) -> u128 {
    buffer.clear();
    for part in parts {
        buffer.extend_from_slice(&(part.len() as u32).to_le_bytes());
        buffer.extend_from_slice(part.as_bytes());
    }
    xxhash_rust::xxh3::xxh3_128(buffer)
}

/// A series with its samples, in order of arrival.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    pub info: SeriesInfo,
    pub samples: Vec<Sample>,
}

impl Series {
    /// The samples as accounting counts them: in order of time, then start, each pair of time
    /// and start once. Where one pair carries several values the greatest counts, whatever
    /// came first. Borrowed, without a pass of sorting, when they already are so.
    pub fn canonical(&self) -> Cow<'_, [Sample]> {
        if self.samples.is_sorted_by(|a, b| a.time_unix_nano < b.time_unix_nano) {
            return Cow::Borrowed(&self.samples);
        }
        let mut samples = self.samples.clone();
        sort(&mut samples);
        samples.dedup_by(|next, held| {
            let same = next.time_unix_nano == held.time_unix_nano
                && next.start_time_unix_nano == held.start_time_unix_nano;
            if same {
                held.value = next.value;
            }
            same
        });
        Cow::Owned(samples)
    }
}

/// By time, start, value.
fn sort(samples: &mut [Sample]) {
    samples.sort_by(|a, b| {
        (a.time_unix_nano, a.start_time_unix_nano)
            .cmp(&(b.time_unix_nano, b.start_time_unix_nano))
            .then(a.value.total_cmp(&b.value))
    });
}

/// All series of one run.
#[derive(Debug, Clone, Default)]
pub struct SeriesSet {
    series: Vec<Series>,
    index: HashMap<u128, usize>,
    /// Published metrics with the metrics of other conventions that stand for them here.
    pub(crate) stand_ins: BTreeSet<(&'static str, String)>,
    /// NaN and infinite values that were dropped.
    pub dropped_non_finite: u64,
}

impl SeriesSet {
    /// The slot of a series, made when new. A decoder keeps it to push without hashing again.
    pub fn slot(&mut self, info: SeriesInfo) -> usize {
        let next = self.series.len();
        let slot = *self.index.entry(info.identity()).or_insert(next);
        if slot == next {
            self.series.push(Series { info, samples: Vec::new() });
        } else if self.series[slot].info != info {
            self.series[slot].info.join(info);
        }
        slot
    }

    /// Adds a sample; a value that is not finite is dropped and counted.
    pub fn push(&mut self, slot: usize, sample: Sample) {
        if sample.value.is_finite() {
            self.series[slot].samples.push(sample);
        } else {
            self.dropped_non_finite += 1;
        }
    }

    /// All series, in order of first appearance.
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    pub(crate) fn series_mut(&mut self) -> &mut [Series] {
        &mut self.series
    }

    /// Appends another set, joining equal series.
    pub fn merge(&mut self, other: SeriesSet) {
        self.stand_ins.extend(other.stand_ins);
        self.dropped_non_finite += other.dropped_non_finite;
        for series in other.series {
            let slot = self.slot(series.info);
            let samples = &mut self.series[slot].samples;
            if samples.is_empty() {
                *samples = series.samples;
            } else {
                samples.extend_from_slice(&series.samples);
            }
        }
    }

    /// The set of stored points. Series are told apart by what the rows say of resource, scope,
    /// metric and attributes; `series_id` is not relied on. Rows of several runs must not be mixed.
    pub fn from_points(points: &[PointRow]) -> Self {
        let mut set = Self::default();
        let mut buffer = Vec::with_capacity(512);
        for point in points {
            let identity =
                identity([&point.resource, &point.scope, &point.metric, &point.attributes], &mut buffer);
            let slot = match set.index.get(&identity) {
                Some(&slot) if set.series[slot].info.says(point) => slot,
                _ => set.slot(SeriesInfo::of(point)),
            };
            set.push(
                slot,
                Sample {
                    start_time_unix_nano: point.start_time_unix_nano.unwrap_or(0),
                    time_unix_nano: point.time_unix_nano,
                    value: point.value,
                },
            );
        }
        set
    }

    /// The set as rows of the points table, sealed, in the order of series id, time, start and
    /// value. Equal samples of one series become one row; different values for one time stay.
    pub fn into_points(self, run_id: &str) -> Vec<PointRow> {
        let mut points = Vec::with_capacity(self.series.iter().map(|series| series.samples.len()).sum());
        let mut slots: Vec<(u128, usize)> = self.index.into_iter().collect();
        slots.sort_unstable();
        let mut series: Vec<Option<Series>> = self.series.into_iter().map(Some).collect();
        for (identity, slot) in slots {
            let Some(Series { info, mut samples }) = series[slot].take() else { continue };
            let series_id = format!("{identity:032x}");
            sort(&mut samples);
            samples.dedup();
            for sample in samples {
                points.push(info.point(run_id, &series_id, sample).sealed());
            }
        }
        points
    }

    /// Samples that repeat the time and start of another sample of their series.
    pub fn duplicates(&self) -> u64 {
        self.series.iter().map(|series| (series.samples.len() - series.canonical().len()) as u64).sum()
    }
}

impl SeriesInfo {
    fn of(point: &PointRow) -> Self {
        Self {
            service: point.service.clone(),
            metric: point.metric.clone(),
            unit: point.unit.clone(),
            instrument: point.instrument,
            temporality: point.temporality,
            monotonic: point.monotonic,
            gpu_id: point.gpu_id.clone(),
            gpu_name: point.gpu_name.clone(),
            attributes: point.attributes.clone(),
            resource: point.resource.clone(),
            scope: point.scope.clone(),
        }
    }

    /// Whether the point says beside its identity what is known already.
    fn says(&self, point: &PointRow) -> bool {
        self.service == point.service
            && self.unit == point.unit
            && self.instrument == point.instrument
            && self.temporality == point.temporality
            && self.monotonic == point.monotonic
            && self.gpu_id == point.gpu_id
            && self.gpu_name == point.gpu_name
    }

    fn point(&self, run_id: &str, series_id: &str, sample: Sample) -> PointRow {
        PointRow {
            run_id: run_id.to_owned(),
            service: self.service.clone(),
            metric: self.metric.clone(),
            unit: self.unit.clone(),
            instrument: self.instrument,
            temporality: self.temporality,
            monotonic: self.monotonic,
            gpu_id: self.gpu_id.clone(),
            gpu_name: self.gpu_name.clone(),
            attributes: self.attributes.clone(),
            resource: self.resource.clone(),
            scope: self.scope.clone(),
            series_id: series_id.to_owned(),
            start_time_unix_nano: (sample.start_time_unix_nano != 0).then_some(sample.start_time_unix_nano),
            time_unix_nano: sample.time_unix_nano,
            value: sample.value,
            detail: None,
            row_id: String::new(),
        }
    }
}

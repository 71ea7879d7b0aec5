//! Metric points grouped by series: the one form that every total is computed from.
//!
//! A decoder fills a [`SeriesSet`]; accounting reads it. Nothing here knows a wire format.

use std::collections::HashMap;

use crate::rows::{Instrument, Temporality};

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
        let mut bytes = Vec::with_capacity(
            16 + self.resource.len() + self.scope.len() + self.metric.len() + self.attributes.len(),
        );
        for part in [&self.resource, &self.scope, &self.metric, &self.attributes] {
            bytes.extend_from_slice(&(part.len() as u32).to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        xxhash_rust::xxh3::xxh3_128(&bytes)
    }
}

/// A series with its samples, in order of arrival.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Series {
    pub info: SeriesInfo,
    pub samples: Vec<Sample>,
}

/// All series of one run.
#[derive(Debug, Clone, Default)]
pub struct SeriesSet {
    series: Vec<Series>,
    index: HashMap<u128, usize>,
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

    /// Appends another set, joining equal series.
    pub fn merge(&mut self, other: SeriesSet) {
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
}

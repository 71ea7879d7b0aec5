//! The published metrics dataset: one row per timestamp and GPU, exactly 13 columns.
//!
//! A view over the series of a run; rows borrow from it. Knows no file, and of formats only the
//! JSON object of one row.

use std::{borrow::Cow, collections::HashMap, io::Write, sync::Arc};

use arrow::{
    array::{ArrayRef, Float64Array, StringArray, StringBuilder},
    datatypes::{DataType, Field, Schema, SchemaRef},
    record_batch::RecordBatch,
};
use serde::{Serialize, Serializer, ser::SerializeStruct};

use crate::{
    gpus::{GpuMetric, Gpus},
    series::{Sample, SeriesSet},
    time,
};

/// The 13 columns, in published order.
pub const COLUMNS: [&str; 13] = [
    "run_id",
    "service_name",
    "timestamp",
    "timestamp_unix_nano",
    "co2_emissions_gco2e",
    "power_cost_usd",
    "gpu_utilization_percent",
    "gpu_memory_used_mib",
    "gpu_memory_total_mib",
    "gpu_temperature_celsius",
    "gpu_power_watts",
    "gpu_id",
    "gpu_name",
];

/// One row. `timestamp` and `timestamp_unix_nano` are both written from
/// [`Self::time_unix_nano`]. Serializes as an object of [`COLUMNS`], nulls included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetricsRow<'a> {
    pub run_id: &'a str,
    /// `service.name` of the series.
    pub service_name: &'a str,
    /// Unix ns.
    pub time_unix_nano: i64,
    /// Values in the order of [`GpuMetric::ALL`], counters as emitted; none when not measured.
    pub values: [Option<f64>; 7],
    /// Null on a row of host-level series.
    pub gpu_id: Option<&'a str>,
    pub gpu_name: Option<&'a str>,
}

/// How a value that was not measured is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// As null: our own form.
    Null,
    /// As 0.0: the form that SMOLTRACE's readers expect.
    Zero,
}

impl MetricsRow<'_> {
    /// ISO 8601 UTC as Python's `datetime.isoformat` has it.
    pub fn timestamp(&self) -> String {
        time::iso_micros(self.time_unix_nano)
    }

    /// Joins the value of one more series.
    fn add(&mut self, metric: GpuMetric, value: f64) {
        let cell = &mut self.values[metric as usize];
        *cell = Some(match *cell {
            Some(held) if metric.is_counter() => held + value,
            Some(held) => held.max(value),
            None => value,
        });
    }

    /// The value of one metric.
    pub fn value(&self, metric: GpuMetric) -> Option<f64> {
        self.values[metric as usize]
    }
}

/// The rows of a set, in order of time, GPU and service. A row joins all samples of one time, GPU
/// and service: a metric that several series report is their sum if it is a counter and their
/// greatest value if it is a gauge. A host-level sample joins the row of the GPU when the set
/// tells of exactly one, and stands in a row without GPU otherwise.
pub fn flatten_metrics<'a>(set: &'a SeriesSet, run_id: &'a str) -> Vec<MetricsRow<'a>> {
    let gpus = Gpus::of(set);
    let groups = groups(set, &gpus);
    let mut rows = Vec::new();
    for group in &groups {
        let blank = MetricsRow {
            run_id,
            service_name: group.service,
            time_unix_nano: 0,
            values: [None; 7],
            gpu_id: group.gpu.map(|gpu| gpus.all()[gpu].gpu_id),
            gpu_name: group.gpu.and_then(|gpu| gpus.all()[gpu].gpu_name),
        };
        group.join(&blank, &mut rows);
    }
    if groups.len() > 1 {
        // Groups stand in the order of GPU and service and each in order of time: a stable sort
        // merges them.
        rows.sort_by_key(|row| row.time_unix_nano);
    }
    rows
}

/// The series whose samples share rows.
struct Group<'a> {
    /// Place in the list of GPUs.
    gpu: Option<usize>,
    service: &'a str,
    series: Vec<Member<'a>>,
}

struct Member<'a> {
    metric: GpuMetric,
    /// Keeps the order of additions independent of the order of arrival.
    identity: u128,
    samples: Cow<'a, [Sample]>,
}

fn groups<'a>(set: &'a SeriesSet, gpus: &Gpus<'a>) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut places = HashMap::new();
    let mut host_level = Vec::new();
    for (index, series) in set.series().iter().enumerate() {
        let Some(metric) = GpuMetric::of(&series.info) else { continue };
        if series.samples.is_empty() {
            continue;
        }
        let service = series.info.service.as_str();
        let member = Member { metric, identity: series.info.identity(), samples: series.canonical() };
        let gpu = gpus.of_series(index);
        if gpu.is_none() && gpus.count() == 1 {
            host_level.push((service, member));
            continue;
        }
        let place = *places.entry((gpu, service)).or_insert_with(|| {
            groups.push(Group { gpu, service, series: Vec::new() });
            groups.len() - 1
        });
        groups[place].series.push(member);
    }
    groups.sort_by_key(|group| (group.gpu.is_none(), group.gpu, group.service));
    // With one GPU, a host-level series joins its rows: those of its own service, else the first.
    for (service, member) in host_level {
        let own = groups.iter().position(|group| group.service == service).unwrap_or(0);
        match groups.get_mut(own) {
            Some(group) => group.series.push(member),
            None => groups.push(Group { gpu: Some(0), service, series: vec![member] }),
        }
    }
    for group in &mut groups {
        group.series.sort_by_key(|member| (member.metric, member.identity));
    }
    groups
}

/// Up to so many series the earliest is looked for among all of them, above they are sorted first.
const FEW_SERIES: usize = 32;

impl Group<'_> {
    /// Appends the group's rows in order of time.
    fn join<'r>(&self, blank: &MetricsRow<'r>, rows: &mut Vec<MetricsRow<'r>>) {
        if self.series.len() > FEW_SERIES {
            return self.join_many(blank, rows);
        }
        let mut rest: Vec<(GpuMetric, &[Sample])> =
            self.series.iter().map(|member| (member.metric, member.samples.as_ref())).collect();
        rows.reserve(rest.iter().map(|(_, samples)| samples.len()).max().unwrap_or(0));
        loop {
            let next = rest.iter().filter_map(|(_, samples)| Some(samples.first()?.time_unix_nano)).min();
            let Some(time) = next else { return };
            let mut row = MetricsRow { time_unix_nano: time, ..*blank };
            for (metric, samples) in &mut rest {
                // Of one series the sample with the latest start counts.
                let mut value = None;
                while let Some((sample, after)) = samples.split_first()
                    && sample.time_unix_nano == time
                {
                    value = Some(sample.value);
                    *samples = after;
                }
                if let Some(value) = value {
                    row.add(*metric, value);
                }
            }
            rows.push(row);
        }
    }

    /// The same for many series, as of a client that gives every point attributes of its own.
    fn join_many<'r>(&self, blank: &MetricsRow<'r>, rows: &mut Vec<MetricsRow<'r>>) {
        let mut cells: Vec<(i64, usize, f64)> = Vec::new();
        for (place, member) in self.series.iter().enumerate() {
            let last_of_its_time = member.samples.chunk_by(|a, b| a.time_unix_nano == b.time_unix_nano);
            cells.extend(
                last_of_its_time
                    .filter_map(|samples| samples.last())
                    .map(|sample| (sample.time_unix_nano, place, sample.value)),
            );
        }
        // Series stand in the order in which their values are to be added.
        cells.sort_unstable_by_key(|(time, place, _)| (*time, *place));
        for cells in cells.chunk_by(|a, b| a.0 == b.0) {
            let mut row = MetricsRow { time_unix_nano: cells[0].0, ..*blank };
            for (_, place, value) in cells {
                row.add(self.series[*place].metric, *value);
            }
            rows.push(row);
        }
    }
}

impl Serialize for MetricsRow<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut row = serializer.serialize_struct("MetricsRow", COLUMNS.len())?;
        row.serialize_field("run_id", self.run_id)?;
        row.serialize_field("service_name", self.service_name)?;
        row.serialize_field("timestamp", &self.timestamp())?;
        row.serialize_field("timestamp_unix_nano", &self.time_unix_nano.to_string())?;
        for (metric, value) in GpuMetric::ALL.iter().zip(&self.values) {
            row.serialize_field(metric.column(), value)?;
        }
        row.serialize_field("gpu_id", &self.gpu_id)?;
        row.serialize_field("gpu_name", &self.gpu_name)?;
        row.end()
    }
}

/// Writes rows as JSON objects, keys in the order of [`COLUMNS`]. Keeps the texts that rows share,
/// so that it is faster than serializing row by row.
pub struct JsonRows<'a> {
    missing: Missing,
    /// Everything up to the opening quote of `timestamp`, made of run and service.
    head: Shared<(&'a str, &'a str)>,
    /// Everything from `gpu_id` on, made of GPU id and name.
    tail: Shared<(Option<&'a str>, Option<&'a str>)>,
}

/// A text that neighbouring rows share, with what it was made of.
#[derive(Default)]
struct Shared<K> {
    key: Option<K>,
    text: Vec<u8>,
}

impl<K: PartialEq + Copy> Shared<K> {
    fn get(&mut self, key: K, make: impl FnOnce(K) -> String) -> &[u8] {
        if self.key != Some(key) {
            self.text = make(key).into_bytes();
            self.key = Some(key);
        }
        &self.text
    }
}

impl<'a> JsonRows<'a> {
    pub fn new(missing: Missing) -> Self {
        Self { missing, head: Shared::default(), tail: Shared::default() }
    }

    /// Appends one object, without anything between rows.
    pub fn write(&mut self, row: &MetricsRow<'a>, out: &mut Vec<u8>) {
        out.extend_from_slice(self.head.get((row.run_id, row.service_name), |(run_id, service)| {
            format!(
                r#"{{"run_id":{},"service_name":{},"timestamp":""#,
                json_text(Some(run_id)),
                json_text(Some(service))
            )
        }));
        let mut iso = [0; time::ISO_MAX];
        let len = time::write_iso_micros(row.time_unix_nano, &mut iso);
        out.extend_from_slice(&iso[..len]);
        out.extend_from_slice(br#"","timestamp_unix_nano":""#);
        // Writing to a Vec cannot fail.
        let _ = write!(out, "{}", row.time_unix_nano);
        out.push(b'"');
        for (metric, value) in GpuMetric::ALL.iter().zip(row.values) {
            out.extend_from_slice(b",\"");
            out.extend_from_slice(metric.column().as_bytes());
            out.extend_from_slice(b"\":");
            match value.or((self.missing == Missing::Zero).then_some(0.0)) {
                Some(value) => {
                    let _ = serde_json::to_writer(&mut *out, &value);
                }
                None => out.extend_from_slice(b"null"),
            }
        }
        out.extend_from_slice(self.tail.get((row.gpu_id, row.gpu_name), |(id, name)| {
            format!(r#","gpu_id":{},"gpu_name":{}}}"#, json_text(id), json_text(name))
        }));
    }
}

fn json_text(text: Option<&str>) -> String {
    serde_json::to_string(&text).unwrap_or_else(|_| "null".to_owned())
}

/// The rows as one batch of [`metrics_schema`].
pub fn to_batch(rows: &[MetricsRow<'_>], missing: Missing) -> RecordBatch {
    let mut timestamp = StringBuilder::with_capacity(rows.len(), rows.len() * time::ISO_MAX);
    let mut nanos = StringBuilder::with_capacity(rows.len(), rows.len() * 19);
    let mut iso = [0; time::ISO_MAX];
    for row in rows {
        let len = time::write_iso_micros(row.time_unix_nano, &mut iso);
        timestamp.append_value(std::str::from_utf8(&iso[..len]).unwrap_or_default());
        nanos.append_value(row.time_unix_nano.to_string());
    }
    let absent = (missing == Missing::Zero).then_some(0.0);
    let mut columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.run_id))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.service_name))),
        Arc::new(timestamp.finish()),
        Arc::new(nanos.finish()),
    ];
    for metric in 0..GpuMetric::ALL.len() {
        let values = rows.iter().map(|row| row.values[metric].or(absent));
        columns.push(Arc::new(values.collect::<Float64Array>()));
    }
    columns.push(Arc::new(rows.iter().map(|row| row.gpu_id).collect::<StringArray>()));
    columns.push(Arc::new(rows.iter().map(|row| row.gpu_name).collect::<StringArray>()));
    RecordBatch::try_new(metrics_schema(), columns).expect("columns are built to the schema above")
}

/// The schema of the metrics dataset: [`COLUMNS`], texts and doubles.
pub fn metrics_schema() -> SchemaRef {
    let field = |name: &&str| match *name {
        "run_id" | "service_name" | "timestamp" | "timestamp_unix_nano" => {
            Field::new(*name, DataType::Utf8, false)
        }
        "gpu_id" | "gpu_name" => Field::new(*name, DataType::Utf8, true),
        _ => Field::new(*name, DataType::Float64, true),
    };
    Arc::new(Schema::new(COLUMNS.iter().map(field).collect::<Vec<_>>()))
}

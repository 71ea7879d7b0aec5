//! Points by series: what all points of a series share stands once, and each point is a few numbers.
//!
//! The form in which many points travel from a decoder to the table. Knows no wire form.

mod read;
mod write;

pub(crate) use write::row_ids;

use std::{collections::HashMap, fmt, sync::Arc};

use xxhash_rust::xxh3::Xxh3Default;

use crate::ids;

use super::{
    Block, PointRow,
    seal::{RowContent, write_column},
};

/// What all points of one series of one run share. Cheap to clone.
#[derive(Clone)]
pub struct PointSeries(Arc<Shared>);

struct Shared {
    /// A point without sample.
    head: PointRow,
    /// The hash that makes a row id, as far as the head's part of it.
    hash: Xxh3Default,
    /// The hash of that part alone.
    key: u128,
    /// The series id as a number.
    id: u128,
}

impl fmt::Debug for PointSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PointSeries").field(&self.0.head).finish()
    }
}

impl PartialEq for PointSeries {
    fn eq(&self, other: &Self) -> bool {
        self.0.head == other.0.head
    }
}

/// What one point says beside its series.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PointSample {
    /// Unix ns; none when not given.
    pub start: Option<i64>,
    /// Unix ns; 0 when not given.
    pub time: i64,
    pub value: f64,
    /// JSON of what a single number cannot carry.
    pub detail: Option<Box<str>>,
}

/// Points of any number of series and runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PointBlock {
    series: Vec<PointSeries>,
    rows: Vec<BlockRow>,
}

#[derive(Debug, Clone, PartialEq)]
struct BlockRow {
    id: u128,
    series: u32,
    sample: PointSample,
}

impl PointSeries {
    /// The series of a point, whose sample is passed over.
    pub fn of(point: PointRow) -> Self {
        let head = PointRow {
            start_time_unix_nano: None,
            time_unix_nano: 0,
            value: 0.0,
            detail: None,
            row_id: String::new(),
            ..point
        };
        let mut content = Vec::with_capacity(512);
        head.write_row(&mut content);
        // The columns of the sample come last.
        let mut sample = Vec::new();
        write_sample(&PointSample::default(), &mut sample);
        content.truncate(content.len() - sample.len());
        let mut hash = Xxh3Default::new();
        hash.update(&content);
        let id = u128::from_str_radix(&head.series_id, 16).unwrap_or_default();
        Self(Arc::new(Shared { key: hash.digest128(), hash, id, head }))
    }

    /// The series id as a number.
    pub fn id(&self) -> u128 {
        self.0.id
    }

    /// Bytes that it takes, roughly.
    pub fn size(&self) -> usize {
        let head = &self.0.head;
        let texts = [&head.run_id, &head.service, &head.metric, &head.unit, &head.attributes];
        let texts = texts.into_iter().chain([&head.resource, &head.scope, &head.series_id]);
        size_of::<Shared>() + texts.map(String::len).sum::<usize>()
    }

    /// A point of the series without its sample.
    pub fn head(&self) -> &PointRow {
        &self.0.head
    }
}

/// The sample's part of what makes a row id, in the order of the table's columns.
fn write_sample(sample: &PointSample, out: &mut Vec<u8>) {
    write_column("start_time_unix_nano", &sample.start, out);
    write_column("time_unix_nano", &sample.time, out);
    write_column("value", &sample.value, out);
    if let Some(detail) = &sample.detail {
        write_column("detail", &detail.to_string(), out);
    }
}

impl PointBlock {
    /// How many points.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Adds a series and returns its place; a series may be added more than once.
    pub fn add_series(&mut self, series: PointSeries) -> u32 {
        self.series.push(series);
        (self.series.len() - 1) as u32
    }

    /// Adds a point of the series at a place. `buffer` is scratch space.
    pub fn push(&mut self, series: u32, sample: PointSample, buffer: &mut Vec<u8>) {
        buffer.clear();
        write_sample(&sample, buffer);
        let mut hash = self.series[series as usize].0.hash.clone();
        hash.update(buffer);
        self.rows.push(BlockRow { id: hash.digest128(), series, sample });
    }

    /// Row ids as numbers, each with the place of its series.
    pub fn ids(&self) -> impl Iterator<Item = (usize, u128)> {
        self.rows.iter().map(|row| (row.series as usize, row.id))
    }

    /// Keeps the points whose series is wanted; returns how many went.
    pub fn retain_series(&mut self, mut wanted: impl FnMut(&PointSeries) -> bool) -> usize {
        let keep: Vec<bool> = self.series.iter().map(&mut wanted).collect();
        if keep.iter().all(|keep| *keep) {
            return 0;
        }
        let before = self.rows.len();
        self.rows.retain(|row| keep[row.series as usize]);
        before - self.rows.len()
    }

    /// Adds the points of a block of which `keep` says true, in order.
    pub fn append(&mut self, block: &PointBlock, keep: &[bool], known: &mut KnownSeries) {
        let mut places: Vec<Option<u32>> = vec![None; block.series.len()];
        self.rows.reserve(keep.len());
        for (row, _) in block.rows.iter().zip(keep).filter(|(_, keep)| **keep) {
            let series = &block.series[row.series as usize];
            let place = *places[row.series as usize].get_or_insert_with(|| {
                *known.places.entry(series.0.key).or_insert_with(|| self.add_series(series.clone()))
            });
            self.rows.push(BlockRow { series: place, ..row.clone() });
        }
    }

    /// The points as rows, in order.
    pub fn to_rows(&self) -> Vec<PointRow> {
        self.rows
            .iter()
            .map(|row| PointRow {
                start_time_unix_nano: row.sample.start,
                time_unix_nano: row.sample.time,
                value: row.sample.value,
                detail: row.sample.detail.as_deref().map(str::to_owned),
                row_id: ids::hash_hex(row.id),
                ..self.series[row.series as usize].head().clone()
            })
            .collect()
    }
}

/// Places of the series of a block, by content.
#[derive(Debug, Default)]
pub struct KnownSeries {
    places: HashMap<u128, u32, ahash::RandomState>,
}

/// Its groups are its series.
impl Block for PointBlock {
    fn run_ids(&self) -> impl Iterator<Item = &str> {
        self.series.iter().map(|series| series.head().run_id.as_str())
    }

    fn times(&self) -> impl Iterator<Item = (usize, i64, u128)> {
        self.rows.iter().map(|row| (row.series as usize, row.sample.time, row.id))
    }
}

impl Extend<PointRow> for PointBlock {
    fn extend<I: IntoIterator<Item = PointRow>>(&mut self, points: I) {
        let mut places: HashMap<u128, u32> = HashMap::new();
        let mut buffer = Vec::with_capacity(1024);
        let mut last: Option<u32> = None;
        for point in points {
            let sample = PointSample {
                start: point.start_time_unix_nano,
                time: point.time_unix_nano,
                value: point.value,
                detail: point.detail.as_deref().map(Into::into),
            };
            // Rows mostly come series by series.
            let place = match last.filter(|place| self.series[*place as usize].has(&point)) {
                Some(place) => place,
                None => {
                    let series = PointSeries::of(point);
                    *places.entry(series.0.key).or_insert_with(|| self.add_series(series))
                }
            };
            last = Some(place);
            self.push(place, sample, &mut buffer);
        }
    }
}

impl FromIterator<PointRow> for PointBlock {
    fn from_iter<I: IntoIterator<Item = PointRow>>(points: I) -> Self {
        let mut block = Self::default();
        block.extend(points);
        block
    }
}

impl From<Vec<PointRow>> for PointBlock {
    fn from(points: Vec<PointRow>) -> Self {
        points.into_iter().collect()
    }
}

impl PointSeries {
    fn has(&self, point: &PointRow) -> bool {
        let head = self.head();
        head.series_id == point.series_id
            && head.run_id == point.run_id
            && head.metric == point.metric
            && head.attributes == point.attributes
            && head.resource == point.resource
            && head.scope == point.scope
            && head.service == point.service
            && head.unit == point.unit
            && head.instrument == point.instrument
            && head.temporality == point.temporality
            && head.monotonic == point.monotonic
            && head.gpu_id == point.gpu_id
            && head.gpu_name == point.gpu_name
    }
}

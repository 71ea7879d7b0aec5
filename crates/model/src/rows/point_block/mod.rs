//! Points by series: what all points of a series share stands once, and each point is a few numbers.
//!
//! The form in which many points travel from a decoder to the table. Knows no wire form.

mod read;
mod sorted;
mod write;

use std::{collections::HashMap, fmt, sync::Arc};

use xxhash_rust::xxh3::xxh3_128;

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
    /// The hash of all that the head says.
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

impl PointSample {
    fn of(point: &PointRow) -> Self {
        Self {
            start: point.start_time_unix_nano,
            time: point.time_unix_nano,
            value: point.value,
            detail: point.detail.as_deref().map(Into::into),
        }
    }
}

impl PointRow {
    /// The row with its `row_id` filled in: 32 hex digits of the 128-bit XXH3 hash of what it says beside its series,
    /// and of the hash of what its series says.
    #[must_use]
    pub fn sealed(mut self) -> Self {
        let sample = PointSample::of(&self);
        let hash = point_hash(series_key(&self, &sample), &sample, &mut Vec::with_capacity(128));
        self.row_id = ids::hash_hex(hash);
        self
    }
}

/// Points of any number of series and runs.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PointBlock {
    /// Blocks that came from one sender mostly share it.
    list: Arc<SeriesList>,
    points: Points,
}

/// Series in the order in which they were added to a block.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SeriesList {
    /// Run ids; one may stand more than once.
    runs: Vec<String>,
    series: Vec<PointSeries>,
    /// Of each series, the place of its run.
    run_of: Vec<u32>,
}

/// Builds a block whose series are mostly those of a block before, in the same order: these are not copied then.
#[derive(Debug, Default)]
pub struct PointBlockBuilder {
    block: PointBlock,
    /// So many series of the list are known to be in the block; the others are a guess.
    series: usize,
}

/// Points as columns.
#[derive(Debug, Clone, PartialEq, Default)]
struct Points {
    /// Place of the series.
    series: Vec<u32>,
    ids: Vec<u128>,
    starts: Vec<Option<i64>>,
    times: Vec<i64>,
    values: Vec<f64>,
    /// Places of the few points that have one, ascending, and their detail.
    details: Vec<(usize, Box<str>)>,
}

impl Points {
    fn len(&self) -> usize {
        self.series.len()
    }

    fn reserve(&mut self, points: usize) {
        self.series.reserve(points);
        self.ids.reserve(points);
        self.starts.reserve(points);
        self.times.reserve(points);
        self.values.reserve(points);
    }

    fn push(&mut self, series: u32, id: u128, sample: PointSample) {
        if let Some(detail) = sample.detail {
            self.details.push((self.len(), detail));
        }
        self.series.push(series);
        self.ids.push(id);
        self.starts.push(sample.start);
        self.times.push(sample.time);
        self.values.push(sample.value);
    }

    /// Those of which `keep` says true.
    fn part(&self, keep: &[bool]) -> Self {
        fn kept<T: Copy>(all: &[T], keep: &[bool]) -> Vec<T> {
            all.iter().zip(keep).filter(|(_, keep)| **keep).map(|(one, _)| *one).collect()
        }
        let mut details = Vec::new();
        if !self.details.is_empty() {
            let kept = self.details().zip(keep).filter(|(_, keep)| **keep).map(|(detail, _)| detail);
            details.extend(kept.enumerate().filter_map(|(at, detail)| Some((at, detail?.into()))));
        }
        Self {
            series: kept(&self.series, keep),
            ids: kept(&self.ids, keep),
            starts: kept(&self.starts, keep),
            times: kept(&self.times, keep),
            values: kept(&self.values, keep),
            details,
        }
    }

    /// The detail of a point.
    fn detail(&self, point: usize) -> Option<&str> {
        let place = self.details.binary_search_by_key(&point, |(at, _)| *at).ok()?;
        Some(&self.details[place].1)
    }

    /// The detail of each point.
    fn details(&self) -> impl Iterator<Item = Option<&str>> {
        let mut details = self.details.iter().peekable();
        (0..self.len()).map(move |point| details.next_if(|(at, _)| *at == point).map(|(_, detail)| &**detail))
    }
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
        let key = series_key(&head, &PointSample::default());
        let id = u128::from_str_radix(&head.series_id, 16).unwrap_or_default();
        Self(Arc::new(Shared { key, id, head }))
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

/// The hash of what the series of a point says. `sample` is what the point says beside it.
fn series_key(point: &PointRow, sample: &PointSample) -> u128 {
    let (mut content, mut of_sample) = (Vec::with_capacity(512), Vec::new());
    point.write_row(&mut content);
    write_sample(sample, &mut of_sample);
    // The columns of the sample come last.
    xxh3_128(&content[..content.len() - of_sample.len()])
}

/// The hash of a point: of that of its series, and of its sample. `buffer` is scratch space.
fn point_hash(series_key: u128, sample: &PointSample, buffer: &mut Vec<u8>) -> u128 {
    buffer.clear();
    buffer.extend_from_slice(&series_key.to_le_bytes());
    write_sample(sample, buffer);
    xxh3_128(buffer)
}

/// What the columns of the sample say, in the order of the table.
fn write_sample(sample: &PointSample, out: &mut Vec<u8>) {
    write_column("start_time_unix_nano", &sample.start, out);
    write_column("time_unix_nano", &sample.time, out);
    write_column("value", &sample.value, out);
    if let Some(detail) = &sample.detail {
        write_column("detail", &detail.to_string(), out);
    }
}

impl SeriesList {
    /// How many series.
    pub fn len(&self) -> usize {
        self.series.len()
    }

    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// The series in stretches of one run.
    pub fn by_run(&self) -> impl Iterator<Item = (&str, &[PointSeries])> {
        let mut start = 0;
        self.run_of.chunk_by(|one, next| one == next).map(move |stretch| {
            let series = &self.series[start..start + stretch.len()];
            start += stretch.len();
            (self.runs[stretch[0] as usize].as_str(), series)
        })
    }

    fn push(&mut self, series: PointSeries) -> u32 {
        let run = &series.head().run_id;
        // Mostly that of the series before.
        if self.runs.last() != Some(run) {
            self.runs.push(run.clone());
        }
        self.run_of.push((self.runs.len() - 1) as u32);
        self.series.push(series);
        (self.series.len() - 1) as u32
    }

    fn truncate(&mut self, series: usize) {
        self.series.truncate(series);
        self.run_of.truncate(series);
        self.runs.truncate(self.run_of.last().map_or(0, |run| *run as usize + 1));
    }
}

impl PointBlockBuilder {
    /// Makes room for so many more points.
    pub fn reserve(&mut self, points: usize) {
        self.block.points.reserve(points);
    }

    /// Expects the series of a list, as long as no series was added.
    pub fn expect(&mut self, list: Arc<SeriesList>) {
        if self.series == 0 {
            self.block.list = list;
        }
    }

    /// Adds a series and returns its place; a series may be added more than once.
    pub fn add_series(&mut self, series: &PointSeries) -> u32 {
        let place = self.series;
        self.series += 1;
        match self.block.list.series.get(place) {
            Some(expected) if Arc::ptr_eq(&expected.0, &series.0) => place as u32,
            _ => {
                let list = Arc::make_mut(&mut self.block.list);
                list.truncate(place);
                list.push(series.clone())
            }
        }
    }

    /// As [`PointBlock::push`].
    pub fn push(&mut self, series: u32, sample: PointSample, buffer: &mut Vec<u8>) {
        self.block.push(series, sample, buffer);
    }

    pub fn finish(mut self) -> PointBlock {
        if self.series < self.block.list.len() {
            Arc::make_mut(&mut self.block.list).truncate(self.series);
        }
        self.block
    }
}

impl PointBlock {
    /// How many points.
    pub fn len(&self) -> usize {
        self.points.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The series that points are of, and maybe others.
    pub fn series(&self) -> &Arc<SeriesList> {
        &self.list
    }

    /// Adds a series and returns its place; a series may be added more than once.
    pub fn add_series(&mut self, series: PointSeries) -> u32 {
        Arc::make_mut(&mut self.list).push(series)
    }

    /// Adds a point of the series at a place. `buffer` is scratch space.
    pub fn push(&mut self, series: u32, sample: PointSample, buffer: &mut Vec<u8>) {
        let id = point_hash(self.list.series[series as usize].0.key, &sample, buffer);
        self.points.push(series, id, sample);
    }

    /// Keeps the points of the series of which `keep` says true; returns how many went.
    pub fn retain_series(&mut self, keep: &[bool]) -> usize {
        if keep.iter().all(|keep| *keep) {
            return 0;
        }
        let before = self.len();
        let keep: Vec<bool> = self.points.series.iter().map(|place| keep[*place as usize]).collect();
        self.points = self.points.part(&keep);
        before - self.len()
    }

    /// The points of which `keep` says true, in order.
    #[must_use]
    pub fn part(&self, keep: &[bool]) -> Self {
        Self { list: self.list.clone(), points: self.points.part(keep) }
    }

    /// The points as rows, in order.
    pub fn to_rows(&self) -> Vec<PointRow> {
        let points = &self.points;
        (0..self.len())
            .zip(points.details())
            .map(|(at, detail)| PointRow {
                start_time_unix_nano: points.starts[at],
                time_unix_nano: points.times[at],
                value: points.values[at],
                detail: detail.map(str::to_owned),
                row_id: ids::hash_hex(points.ids[at]),
                ..self.list.series[points.series[at] as usize].head().clone()
            })
            .collect()
    }
}

/// Its groups are its runs.
impl Block for PointBlock {
    fn run_ids(&self) -> impl Iterator<Item = &str> {
        self.list.runs.iter().map(String::as_str)
    }

    fn times(&self) -> impl Iterator<Item = (usize, i64, u128)> {
        let Points { series, times, ids, .. } = &self.points;
        let runs = series.iter().map(|place| self.list.run_of[*place as usize] as usize);
        runs.zip(times).zip(ids).map(|((run, time), id)| (run, *time, *id))
    }
}

impl Extend<PointRow> for PointBlock {
    fn extend<I: IntoIterator<Item = PointRow>>(&mut self, points: I) {
        let mut places: HashMap<u128, u32> = HashMap::new();
        let mut buffer = Vec::with_capacity(1024);
        let mut last: Option<u32> = None;
        for point in points {
            let sample = PointSample::of(&point);
            // Rows mostly come series by series.
            let place = match last.filter(|place| self.list.series[*place as usize].has(&point)) {
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

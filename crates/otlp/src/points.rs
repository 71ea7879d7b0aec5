//! Number points in protobuf, read in place: what names a series is looked up by its bytes, so that
//! a point of a series that was seen before costs as much as its few numbers.
//!
//! Whatever is out of the ordinary is left to the general decoder, point by point.

use std::{
    collections::HashMap,
    ops::Range,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering},
    },
};

use ahash::RandomState;
use smoltrace_model::rows::{Instrument, PointSample, PointSeries, SeriesList};

use crate::{
    metric::{PointHead, temporality},
    wire::{Field, Fields, Malformed},
};

/// Series that were seen before, by the bytes that named them. Shared by all requests of a receiver.
#[derive(Debug)]
pub struct SeriesCache {
    heads: RwLock<HashMap<Box<[u8]>, Arc<Known>, RandomState>>,
    used_bytes: AtomicUsize,
    most_bytes: usize,
}

/// Series of one metric of one resource and scope, by the bytes of their attributes.
#[derive(Debug, Default)]
pub(crate) struct Known {
    series: RwLock<OfAttributes>,
    /// The series of a request that began with this metric: the next one mostly has the same.
    request: Mutex<Option<Arc<SeriesList>>>,
}

/// Series by the bytes of their attributes.
#[derive(Debug, Default)]
pub(crate) struct OfAttributes {
    /// In the order in which they were seen first, which is mostly the order in which they come again.
    series: Vec<(Box<[u8]>, PointSeries)>,
    places: HashMap<Box<[u8]>, usize, RandomState>,
}

impl OfAttributes {
    /// The place of a series. Looked for at `guess` first.
    pub(crate) fn find(&self, attributes: &[u8], guess: usize) -> Option<usize> {
        match self.series.get(guess) {
            Some((same, _)) if **same == *attributes => Some(guess),
            _ => self.places.get(attributes).copied(),
        }
    }

    /// The series at a place.
    pub(crate) fn at(&self, place: usize) -> &PointSeries {
        &self.series[place].1
    }

    fn insert(&mut self, attributes: &[u8], series: &PointSeries) {
        let next = self.series.len();
        let place = *self.places.entry(attributes.into()).or_insert(next);
        let entry = (attributes.into(), series.clone());
        if place == next {
            self.series.push(entry);
        } else {
            self.series[place] = entry;
        }
    }
}

/// Bytes that an entry takes beside those of its key and of its series.
const ENTRY_BYTES: usize = 256;

impl SeriesCache {
    /// A cache of about so many bytes; it starts anew when they are used up.
    pub fn new(most_bytes: usize) -> Self {
        Self { heads: RwLock::default(), used_bytes: AtomicUsize::new(0), most_bytes }
    }

    /// The series beneath a head.
    pub(crate) fn of_head(&self, head: &[u8]) -> Arc<Known> {
        if let Some(known) = self.heads.read().unwrap_or_else(PoisonError::into_inner).get(head) {
            return known.clone();
        }
        let known = Arc::new(Known::default());
        if self.take(head.len()) {
            let mut heads = self.heads.write().unwrap_or_else(PoisonError::into_inner);
            return heads.entry(head.into()).or_insert(known).clone();
        }
        known
    }

    /// Remembers a series beneath a head.
    pub(crate) fn insert(&self, known: &Known, attributes: &[u8], series: &PointSeries) {
        if self.take(2 * attributes.len() + series.size()) {
            let mut all = known.series.write().unwrap_or_else(PoisonError::into_inner);
            all.insert(attributes, series);
        }
    }

    /// Remembers the series of a request by the metric that it began with.
    pub(crate) fn expect(&self, first: &Known, list: &Arc<SeriesList>) {
        let mut expected = first.request.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = expected.as_ref().is_some_and(|expected| Arc::ptr_eq(expected, list));
        if is_known || list.len() > REQUEST_SERIES {
            return;
        }
        // The series themselves are counted one by one.
        let bytes = list.len() * size_of::<(PointSeries, u32)>();
        if expected.is_some() || self.take(bytes) {
            *expected = Some(list.clone());
        }
    }

    /// Counts the bytes of an entry; says whether it fits at all. When the cache is full it starts anew.
    fn take(&self, bytes: usize) -> bool {
        let bytes = bytes + ENTRY_BYTES;
        if bytes > self.most_bytes {
            return false;
        }
        if self.used_bytes.fetch_add(bytes, Ordering::Relaxed) + bytes > self.most_bytes {
            let mut heads = self.heads.write().unwrap_or_else(PoisonError::into_inner);
            heads.clear();
            self.used_bytes.store(bytes, Ordering::Relaxed);
        }
        true
    }
}

/// Series of a request that are remembered together, at most.
const REQUEST_SERIES: usize = 4_096;

impl Known {
    /// The series that a request is expected to have that begins with this metric.
    pub(crate) fn expected(&self) -> Option<Arc<SeriesList>> {
        self.request.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Calls `work` with a look-up by the bytes of attributes.
    pub(crate) fn look_up<T>(&self, work: impl FnOnce(&OfAttributes) -> T) -> T {
        work(&self.series.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A gauge or a sum, its points still as they were written.
pub(crate) struct NumberMetric<'a> {
    pub(crate) head: PointHead,
    /// The bytes of the points, and of what else stands among them.
    data: &'a [u8],
}

impl<'a> NumberMetric<'a> {
    /// `None` when the metric is anything else, or written in an unusual way.
    pub(crate) fn of(metric: &'a [u8]) -> Result<Option<Self>, Malformed> {
        let (mut name, mut unit) = ("", "");
        let mut data: Option<(Instrument, &[u8])> = None;
        let mut fields = Fields::of(metric);
        while let Some((number, field)) = fields.next()? {
            match (number, field) {
                (1 | 3, Field::Bytes(bytes)) => {
                    let Ok(text) = str::from_utf8(bytes) else { return Ok(None) };
                    *(if number == 1 { &mut name } else { &mut unit }) = text;
                }
                (5, Field::Bytes(bytes)) if data.is_none() => data = Some((Instrument::Gauge, bytes)),
                (7, Field::Bytes(bytes)) if data.is_none() => data = Some((Instrument::Sum, bytes)),
                // The description is not kept.
                (2, Field::Bytes(bytes)) if str::from_utf8(bytes).is_ok() => {}
                _ => return Ok(None),
            }
        }
        let Some((instrument, data)) = data else { return Ok(None) };
        let mut head =
            PointHead { metric: name.to_owned(), unit: unit.to_owned(), instrument, ..PointHead::default() };
        let mut fields = Fields::of(data);
        while let Some((number, field)) = fields.next()? {
            match (number, field, instrument) {
                (1, Field::Bytes(_), _) => {}
                (2, Field::Varint(number), Instrument::Sum) => {
                    head.temporality = temporality(i64::try_from(number).unwrap_or_default());
                }
                (3, Field::Varint(flag), Instrument::Sum) => head.monotonic = flag != 0,
                _ => return Ok(None),
            }
        }
        Ok(Some(Self { head, data }))
    }

    /// The points as they were written.
    pub(crate) fn points(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut fields = Fields::of(self.data);
        std::iter::from_fn(move || {
            loop {
                // All of it was read well before.
                if let (1, Field::Bytes(point)) = fields.next().ok()?? {
                    return Some(point);
                }
            }
        })
    }
}

/// Reads a point that is written as most are: times and number first, in the order of their fields. Returns with it all
/// bytes that follow, which need not be attributes, or anything at all.
pub(crate) fn read_plain_number(point: &[u8]) -> Option<(PointSample, &[u8])> {
    const START: u8 = 2 << 3 | 1;
    const TIME: u8 = 3 << 3 | 1;
    const DOUBLE: u8 = 4 << 3 | 1;
    fn fixed64(bytes: &[u8], key: u8) -> Option<(u64, &[u8])> {
        let (field, rest) = bytes.split_first_chunk::<9>()?;
        let [found, number @ ..] = *field;
        (found == key).then(|| (u64::from_le_bytes(number), rest))
    }
    let (start, rest) = fixed64(point, START).unwrap_or((0, point));
    let (time, rest) = fixed64(rest, TIME)?;
    let (bits, rest) = fixed64(rest, DOUBLE)?;
    Some((sample(start, time, f64::from_bits(bits))?, rest))
}

/// A sample with a finite value and times that a signed number holds.
fn sample(start: u64, time: u64, value: f64) -> Option<PointSample> {
    let start = i64::try_from(start).ok()?;
    let time = i64::try_from(time).ok()?;
    value.is_finite().then_some(PointSample {
        start: (start != 0).then_some(start),
        time,
        value,
        detail: None,
    })
}

/// Reads a point with nothing but attributes, times and one finite number; returns with it the bytes in which its
/// attributes stand, one after the other. `None` for any other point, and for what is no point at all.
pub(crate) fn read_number(point: &[u8]) -> Option<(PointSample, &[u8])> {
    let (mut start, mut time, mut value) = (0_u64, 0_u64, None);
    let mut attributes: Option<Range<usize>> = None;
    let mut fields = Fields::of(point);
    let mut from = 0;
    while let Some((number, field)) = fields.next().ok()? {
        let to = point.len() - fields.left();
        match (number, field) {
            (7, Field::Bytes(_)) => match &mut attributes {
                Some(before) if before.end == from => before.end = to,
                Some(_) => return None,
                None => attributes = Some(from..to),
            },
            (2, Field::Fixed64(nanos)) => start = nanos,
            (3, Field::Fixed64(nanos)) => time = nanos,
            (4, Field::Fixed64(bits)) => value = Some(f64::from_bits(bits)),
            (6, Field::Fixed64(bits)) => {
                let whole = bits as i64;
                let double = whole as f64;
                // What a double cannot hold is kept beside it.
                value = (double as i128 == i128::from(whole)).then_some(double);
                value?;
            }
            (8, Field::Varint(0)) => {}
            _ => return None,
        }
        from = to;
    }
    Some((sample(start, time, value?)?, &point[attributes.unwrap_or_default()]))
}

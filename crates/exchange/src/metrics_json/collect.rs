//! Raw points into series: resources, scopes and attributes are read once per spelling.
//!
//! Must not know files or where an element came from. What it makes of a resource, a scope or an
//! attribute list is what [`crate::otlp`] makes of it, so that a series has one identity whichever
//! decoder met it.

use std::collections::HashMap;

use serde_json::Value;
use smoltrace_model::rows::{Instrument, Temporality};
use smoltrace_model::series::{Sample, SeriesInfo, SeriesSet};

use super::LeftOut;
use super::element::{Element, Metric, Point, PointOrNot, Raw};
use super::number::{self, Reading};
use super::template::{Hole, Role, Sketch};
use crate::json::{Object, boolean, canonical_object, filled, integer, text};
use crate::otlp::{Origin, attributes_from_json, scope_json};

/// OTLP's flag of a point that has no recorded value.
const NO_RECORDED_VALUE: i64 = 1;

/// Series under construction, with what is left out of them.
#[derive(Default)]
pub(super) struct Collector {
    pub set: SeriesSet,
    pub left_out: LeftOut,
    /// The run that the first resource to name one names.
    pub run_id: Option<String>,
    origins: Interned<Origin>,
    scopes: Interned<String>,
    heads: HashMap<Head, usize>,
    /// For each head, the slot of each attribute list as it was spelled; none when it is unreadable.
    slots: Vec<HashMap<Box<str>, Option<u32>>>,
}

/// Values by the raw text that they were read from.
struct Interned<T> {
    places: HashMap<Box<str>, u32>,
    values: Vec<T>,
}

impl<T> Default for Interned<T> {
    fn default() -> Self {
        Self { places: HashMap::new(), values: Vec::new() }
    }
}

impl<T> Interned<T> {
    fn place<E>(&mut self, raw: &str, make: impl FnOnce(&str) -> Result<T, E>) -> Result<u32, E> {
        if let Some(place) = self.places.get(raw) {
            return Ok(*place);
        }
        let place = self.values.len() as u32;
        self.values.push(make(raw)?);
        self.places.insert(raw.into(), place);
        Ok(place)
    }
}

/// What the points of one metric share.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Head {
    origin: u32,
    scope: u32,
    metric: String,
    unit: String,
    instrument: Instrument,
    temporality: Temporality,
    monotonic: bool,
}

/// A raw text that cannot be read, with what was expected.
pub(super) struct Unreadable<'a> {
    pub raw: &'a str,
    pub expected: &'static str,
}

/// What a data point turned out to be.
enum Outcome {
    /// A value, or none this time, of the series at a slot.
    Of(u32, Option<Sample>),
    /// The sender says that there is no value.
    Flagged,
}

impl Collector {
    /// Adds the points of an element. `start` is the element's place in the input.
    ///
    /// Fills `sketch`, unless a point is left out.
    pub fn add<'a>(
        &mut self,
        element: &Element<'a>,
        start: u64,
        sketch: &mut Sketch<'a>,
    ) -> Result<(), Unreadable<'a>> {
        for element in element.resource_metrics.0.iter().flat_map(|list| &list.0) {
            self.add(element, start, sketch)?;
        }
        let Some(scopes) = &element.scope_metrics.0 else { return Ok(()) };
        let raw = element.resource.text();
        let origin = self.origins.place(raw, |raw| {
            origin_of(raw).ok_or(Unreadable {
                raw: element.resource.text(),
                expected: "a resource object with `attributes`",
            })
        })?;
        if self.run_id.is_none() {
            let run_id = &self.origins.values[origin as usize].run_id;
            self.run_id = Some(run_id.clone()).filter(|run_id| !run_id.is_empty());
        }
        for group in &scopes.0 {
            let scope = self.scopes.place(group.scope.text(), |raw| {
                scope_text(raw).ok_or(Unreadable { raw: group.scope.text(), expected: "a scope object" })
            })?;
            for metric in &group.metrics.0 {
                self.metric(metric, origin, scope, start, sketch)?;
            }
        }
        Ok(())
    }

    fn metric<'a>(
        &mut self,
        metric: &Metric<'a>,
        origin: u32,
        scope: u32,
        start: u64,
        sketch: &mut Sketch<'a>,
    ) -> Result<(), Unreadable<'a>> {
        let (instrument, data) = match (&metric.gauge.0, &metric.sum.0) {
            (Some(data), _) => (Instrument::Gauge, data),
            (None, Some(data)) => (Instrument::Sum, data),
            (None, None) => {
                for raw in [metric.histogram, metric.exponential_histogram, metric.summary] {
                    if !raw.is_null() {
                        self.left_out.distributions += 1;
                        sketch.distribution(raw);
                    }
                }
                return Ok(());
            }
        };
        let name = metric.name.0.as_ref();
        if name.is_empty() {
            self.left_out.note(data.data_points.0.len() as u64, start, "a metric has no name");
            sketch.spoil();
            return Ok(());
        }
        let head = Head {
            origin,
            scope,
            metric: name.to_owned(),
            unit: metric.unit.0.clone().into_owned(),
            instrument,
            temporality: temporality(data.temporality)?,
            monotonic: monotonic(data.monotonic)?,
        };
        let next = self.slots.len();
        let head_place = *self.heads.entry(head.clone()).or_insert(next);
        if head_place == next {
            self.slots.push(HashMap::new());
        }
        for point in &data.data_points.0 {
            match self.outcome(point, &head, head_place) {
                Ok(Outcome::Of(slot, sample)) => {
                    match sample {
                        Some(sample) => self.set.push(slot as usize, sample),
                        None => self.left_out.without_value += 1,
                    }
                    sketch.point(slot, holes(point));
                }
                Ok(Outcome::Flagged) => {
                    self.left_out.without_value += 1;
                    sketch.flagged();
                }
                Err(reason) => {
                    self.left_out.note(1, start, &format!("a data point of {}: {reason}", head.metric));
                    sketch.spoil();
                }
            }
        }
        Ok(())
    }

    fn outcome(&mut self, point: &PointOrNot<'_>, head: &Head, place: usize) -> Result<Outcome, String> {
        let point = match point {
            PointOrNot::Point(point) => point,
            PointOrNot::Not(what) => return Err(format!("it is {what}, not an object")),
        };
        if is_flagged(point) {
            return Ok(Outcome::Flagged);
        }
        let start = number::time(point.start_time.text().as_bytes())?;
        let time = number::time(point.time.text().as_bytes())?;
        let value = number::reading(point.as_int.text().as_bytes(), point.as_double.text().as_bytes())?;
        let slot = self.slot(point.attributes, head, place);
        let slot = slot.ok_or("the attributes are neither an object nor a key/value list")?;
        let sample = match value {
            Reading::Number(value) => {
                Some(Sample { start_time_unix_nano: start, time_unix_nano: time, value })
            }
            Reading::Missing => None,
        };
        Ok(Outcome::Of(slot, sample))
    }

    fn slot(&mut self, attributes: Raw<'_>, head: &Head, place: usize) -> Option<u32> {
        if let Some(slot) = self.slots[place].get(attributes.text()) {
            return *slot;
        }
        let origin = &self.origins.values[head.origin as usize];
        let scope = &self.scopes.values[head.scope as usize];
        let slot = parse(attributes.text()).and_then(attributes_from_json).map(|attributes| {
            self.set.slot(SeriesInfo {
                service: origin.service.clone(),
                metric: head.metric.clone(),
                unit: head.unit.clone(),
                instrument: head.instrument,
                temporality: head.temporality,
                monotonic: head.monotonic,
                gpu_id: filled(attributes.get("gpu_id")),
                gpu_name: filled(attributes.get("gpu_name")),
                attributes: canonical_object(&attributes),
                resource: origin.resource.clone(),
                scope: scope.clone(),
            }) as u32
        });
        self.slots[place].insert(attributes.text().into(), slot);
        slot
    }

    /// Appends what came after, joining equal series.
    pub fn append(&mut self, later: Collector) {
        self.set.merge(later.set);
        self.left_out.append(later.left_out);
        if self.run_id.is_none() {
            self.run_id = later.run_id;
        }
    }
}

/// The fields of a point that later points of the series differ in.
fn holes<'p>(point: &PointOrNot<'p>) -> impl Iterator<Item = Hole<'p>> {
    let fields = match point {
        PointOrNot::Point(point) => [
            (Role::Start, point.start_time),
            (Role::Time, point.time),
            (Role::Int, point.as_int),
            (Role::Double, point.as_double),
        ],
        PointOrNot::Not(_) => [(Role::Any, Raw::default()); 4],
    };
    fields.into_iter().filter_map(|(role, raw)| Some(Hole { role, text: raw.0?.get() }))
}

fn is_flagged(point: &Point<'_>) -> bool {
    let flags = if point.flags.is_null() { None } else { parse(point.flags.text()) };
    flags.as_ref().and_then(integer).is_some_and(|flags| flags & NO_RECORDED_VALUE != 0)
}

fn temporality<'a>(raw: Raw<'a>) -> Result<Temporality, Unreadable<'a>> {
    let number = match parse(raw.text()) {
        Some(Value::Null) => return Ok(Temporality::Unspecified),
        Some(Value::String(name)) if name.to_ascii_uppercase().ends_with("DELTA") => 1,
        Some(Value::String(name)) if name.to_ascii_uppercase().ends_with("CUMULATIVE") => 2,
        Some(Value::String(name)) => integer(&Value::String(name)).unwrap_or(0),
        Some(Value::Number(number)) => integer(&Value::Number(number)).unwrap_or(0),
        _ => return Err(Unreadable { raw: raw.text(), expected: "a temporality, as 2 or its name" }),
    };
    Ok(match number {
        1 => Temporality::Delta,
        2 => Temporality::Cumulative,
        _ => Temporality::Unspecified,
    })
}

fn monotonic<'a>(raw: Raw<'a>) -> Result<bool, Unreadable<'a>> {
    let unreadable = Unreadable { raw: raw.text(), expected: "true or false" };
    match parse(raw.text()) {
        Some(Value::Null) => Ok(false),
        Some(value) => boolean(&value).ok_or(unreadable),
        None => Err(unreadable),
    }
}

fn origin_of(raw: &str) -> Option<Origin> {
    let attributes = match parse(raw)? {
        Value::Null => Object::new(),
        // Either `{attributes: ...}` or the attributes themselves.
        Value::Object(mut resource) => match resource.remove("attributes") {
            Some(attributes) => attributes_from_json(attributes)?,
            None => attributes_from_json(Value::Object(resource))?,
        },
        _ => return None,
    };
    Some(Origin::of(&attributes))
}

fn scope_text(raw: &str) -> Option<String> {
    let mut scope = match parse(raw)? {
        Value::Null => Object::new(),
        Value::Object(scope) => scope,
        _ => return None,
    };
    let attributes = attributes_from_json(scope.remove("attributes").unwrap_or_default())?;
    let part = |name| scope.get(name).and_then(text).unwrap_or_default();
    Some(scope_json(&part("name"), &part("version"), attributes))
}

fn parse(raw: &str) -> Option<Value> {
    serde_json::from_str(raw).ok()
}

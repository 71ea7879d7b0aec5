//! Metrics given as Python objects, walked straight into series.
//!
//! Must not know how a total is made. What it reads of dicts is what the decoder of metrics
//! files reads of their text, so that both give the same numbers.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use pyo3::Borrowed;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyList, PyString};
use serde_json::Value;
use smoltrace_exchange::metrics_json::MetricsDocument;
use smoltrace_model::rows::{Instrument, Temporality};
use smoltrace_model::series::{Sample, SeriesInfo, SeriesSet};

use crate::value;
use crate::walk::{
    At, Fields, WalkError, Walked, characters, dict, each, get, is_list, nanos, number, peek_items,
    peek_text, text, unix_nano,
};

/// A value of a dict by a constant key, whose Python text is made once; None counts as absent.
macro_rules! field {
    ($dict:expr, $key:literal) => {
        get(&$dict, pyo3::intern!($dict.py(), $key))
    };
}

/// A dict with `resourceMetrics` and perhaps `run_id` and `aggregates`, a bare list of
/// resource metrics, or a bare list of aggregates.
pub fn document(root: &Bound<'_, PyAny>) -> Walked<MetricsDocument> {
    let mut walker = Walker::new();
    let mut run_id = None;
    let mut aggregates = Vec::new();
    if is_list(root) {
        each(Some(root), |_, item| {
            let fields = dict(item)?;
            if field!(fields, "scopeMetrics")?.is_none() && field!(fields, "name")?.is_some() {
                aggregates.push(value::from_python(item)?);
                return Ok(());
            }
            walker.resource(item)
        })?;
    } else {
        let root = dict(root)?;
        if let Some(given) = field!(root, "run_id")? {
            run_id = Some(given.str()?.to_string_lossy().into_owned()).filter(|run_id| !run_id.is_empty());
        }
        let resources = field!(root, "resourceMetrics")?;
        each(resources.as_ref(), |_, item| walker.resource(item)).at_key("resourceMetrics")?;
        let given = field!(root, "aggregates")?;
        each(given.as_ref(), |_, item| {
            aggregates.push(value::from_python(item)?);
            Ok(())
        })
        .at_key("aggregates")?;
    }
    let run_id = run_id.or(walker.run_id);
    walker.set.adopt_hardware();
    Ok(MetricsDocument { run_id, series: walker.set, aggregates, ..MetricsDocument::default() })
}

/// Sorted, so that the order in which attributes came makes no second series.
type Attributes = BTreeMap<String, Value>;

/// What is read of a point.
const POINT: [&str; 6] = ["asInt", "asDouble", "timeUnixNano", "startTimeUnixNano", "attributes", "flags"];

/// OTLP's flag of a point that has no recorded value.
const NO_RECORDED_VALUE: u64 = 1;

/// Values found again by how they were spelled.
struct Interned<T> {
    places: HashMap<Box<[u8]>, usize>,
    values: Vec<T>,
}

impl<T> Interned<T> {
    fn new() -> Self {
        Self { places: HashMap::new(), values: Vec::new() }
    }

    fn insert(&mut self, spelling: &[u8], value: T) -> usize {
        self.places.insert(spelling.into(), self.values.len());
        self.values.push(value);
        self.values.len() - 1
    }
}

/// What a resource says of its points.
struct Origin {
    service: String,
    resource: String,
}

/// What all points of a metric share, and its series so far.
struct Metric {
    /// Without attributes.
    info: SeriesInfo,
    /// Slots by the attributes of points.
    slots: Interned<usize>,
    /// The place of the slot expected next: series mostly come in one order in every scrape.
    next: usize,
    /// The spellings by place.
    spellings: Vec<Box<[u8]>>,
}

impl Metric {
    fn find(&mut self, spelling: &[u8]) -> Option<usize> {
        if self.next >= self.spellings.len() {
            self.next = 0;
        }
        let place = match self.spellings.get(self.next) {
            Some(expected) if **expected == *spelling => self.next,
            _ => *self.slots.places.get(spelling)?,
        };
        self.next = place + 1;
        Some(self.slots.values[place])
    }

    /// The place and the slot expected next.
    fn expected(&mut self) -> Option<(usize, usize)> {
        if self.next >= self.spellings.len() {
            self.next = 0;
        }
        Some((self.next, *self.slots.values.get(self.next)?))
    }

    fn insert(&mut self, spelling: &[u8], slot: usize) {
        self.next = self.slots.insert(spelling, slot) + 1;
        self.spellings.push(spelling.into());
    }
}

/// The series so far. Scrapes repeat themselves: whatever was seen before is found by its
/// spelling, without making anything of it again.
struct Walker<'py> {
    metric_fields: Fields<'py, 4>,
    data_fields: Fields<'py, 3>,
    point_fields: Fields<'py, 6>,
    pair_fields: Fields<'py, 2>,
    value_fields: Fields<'py, 1>,
    set: SeriesSet,
    /// The run that the first resource to name one names.
    run_id: Option<String>,
    origins: Interned<Origin>,
    /// Canonical JSON of scopes.
    scopes: Interned<String>,
    metrics: Interned<Metric>,
    times: Times,
    /// What is being spelled: every text behind its length, so that no two lists are spelled alike.
    spelling: Vec<u8>,
}

impl<'py> Walker<'py> {
    fn new() -> Self {
        Self {
            metric_fields: Fields::new(["name", "unit", "gauge", "sum"]),
            data_fields: Fields::new(["dataPoints", "aggregationTemporality", "isMonotonic"]),
            point_fields: Fields::new(POINT),
            pair_fields: Fields::new(["key", "value"]),
            value_fields: Fields::new(["stringValue"]),
            set: SeriesSet::default(),
            run_id: None,
            origins: Interned::new(),
            scopes: Interned::new(),
            metrics: Interned::new(),
            times: Times::default(),
            spelling: Vec::new(),
        }
    }

    fn resource(&mut self, resource_metrics: &Bound<'py, PyAny>) -> Walked<()> {
        let fields = dict(resource_metrics)?;
        let resource = field!(fields, "resource")?;
        let origin = self.origin(resource.as_ref()).at_key("resource")?;
        let scopes = field!(fields, "scopeMetrics")?;
        each(scopes.as_ref(), |_, item| self.scope(item, origin)).at_key("scopeMetrics")
    }

    /// The place of a resource: `{"attributes": ...}`, or the attributes themselves.
    fn origin(&mut self, resource: Option<&Bound<'py, PyAny>>) -> Walked<usize> {
        let fields = resource.map(dict).transpose()?;
        let given = match &fields {
            Some(fields) => field!(fields, "attributes")?,
            None => None,
        };
        let spelled =
            self.spell(given.as_ref()).at_key("attributes")? && (given.is_some() || fields.is_none());
        if spelled && let Some(place) = self.origins.places.get(self.spelling.as_slice()) {
            return Ok(*place);
        }
        let attributes = match (&given, &fields) {
            (Some(given), _) => attributes(Some(given)).at_key("attributes")?,
            (None, Some(fields)) => attributes(Some(fields.as_any()))?,
            (None, None) => Attributes::new(),
        };
        let named = |name| filled(&attributes, name);
        if self.run_id.is_none() {
            // The SDKs' default for a service without a name says nothing.
            let service = named("service.name").filter(|name| !name.starts_with("unknown_service"));
            self.run_id = named("run.id").or_else(|| named("service.instance.id")).or(service);
        }
        let service = named("service.name").unwrap_or_else(|| "unknown".into());
        let resource = canonical(&attributes);
        if !spelled {
            self.spelling.clear();
            // No list is spelled so: the first length is that of a key.
            self.spelling.extend_from_slice(&u32::MAX.to_le_bytes());
            self.spelling.extend_from_slice(resource.as_bytes());
            if let Some(place) = self.origins.places.get(self.spelling.as_slice()) {
                return Ok(*place);
            }
        }
        Ok(self.origins.insert(&self.spelling, Origin { service, resource }))
    }

    fn scope(&mut self, scope_metrics: &Bound<'py, PyAny>, origin: usize) -> Walked<()> {
        let fields = dict(scope_metrics)?;
        self.spelling.clear();
        if let Some(scope) = field!(fields, "scope")? {
            self.spell_scope(&scope).at_key("scope")?;
        }
        let scope = match self.scopes.places.get(self.spelling.as_slice()) {
            Some(place) => *place,
            None => {
                let given = field!(fields, "scope")?;
                let parts = given.as_ref().map(name_and_version).transpose().at_key("scope")?;
                self.scopes.insert(&self.spelling, canonical(&parts.unwrap_or_default()))
            }
        };
        let metrics = field!(fields, "metrics")?;
        each(metrics.as_ref(), |_, item| self.metric(item, origin, scope)).at_key("metrics")
    }

    fn spell_scope(&mut self, scope: &Bound<'py, PyAny>) -> Walked<()> {
        let fields = dict(scope)?;
        for (tag, part) in [(0, field!(fields, "name")?), (1, field!(fields, "version")?)] {
            if let Some(part) = part {
                self.spelling.push(tag);
                spell_text(&part.str()?, &mut self.spelling);
            }
        }
        Ok(())
    }

    fn metric(&mut self, metric: &Bound<'py, PyAny>, origin: usize, scope: usize) -> Walked<()> {
        let [name, unit, gauge, sum] = self.metric_fields.read(&*dict(metric)?);
        let (kind, instrument, data) = match (gauge, sum) {
            (Some(gauge), _) => ("gauge", Instrument::Gauge, gauge),
            (None, Some(sum)) => ("sum", Instrument::Sum, sum),
            // Histograms and summaries take part in none of the numbers computed here.
            (None, None) => return Ok(()),
        };
        let name = name.as_ref().map_or(Ok(Cow::Borrowed("")), text).at_key("name")?;
        let unit = unit.as_ref().map_or(Ok(Cow::Borrowed("")), text).at_key("unit")?;
        let [points, temporality, monotonic] = self.data_fields.read(&*dict(&data).at_key(kind)?);
        let temporality =
            temporality_of(temporality.as_ref()).at_key("aggregationTemporality").at_key(kind)?;
        let monotonic = match monotonic {
            Some(flag) => flag.is_truthy()?,
            None => false,
        };
        self.spelling.clear();
        for place in [origin, scope] {
            self.spelling.extend_from_slice(&place.to_le_bytes());
        }
        self.spelling.extend_from_slice(&[instrument as u8, temporality as u8, u8::from(monotonic)]);
        spell_str(&name, &mut self.spelling);
        self.spelling.extend_from_slice(unit.as_bytes());
        let metric = match self.metrics.places.get(self.spelling.as_slice()) {
            Some(place) => *place,
            None => {
                let Origin { service, resource } = &self.origins.values[origin];
                let info = SeriesInfo {
                    service: service.clone(),
                    metric: name.into_owned(),
                    unit: unit.into_owned(),
                    instrument,
                    temporality,
                    monotonic,
                    resource: resource.clone(),
                    scope: self.scopes.values[scope].clone(),
                    ..SeriesInfo::default()
                };
                let metric = Metric { info, slots: Interned::new(), next: 0, spellings: Vec::new() };
                self.metrics.insert(&self.spelling, metric)
            }
        };
        each(points.as_ref(), |_, item| self.point(item, metric)).at_key("dataPoints").at_key(kind)
    }

    fn point(&mut self, point: &Bound<'py, PyAny>, metric: usize) -> Walked<()> {
        if self.usual_point(point, metric) {
            return Ok(());
        }
        let point = dict(point)?;
        let [int, double, time, start, attributes, flags] = self.point_fields.read(&point);
        if flags.is_some_and(|flags| flags.extract::<u64>().is_ok_and(|flags| flags & NO_RECORDED_VALUE != 0))
        {
            return Ok(());
        }
        let value = match (int, double) {
            (Some(int), _) => number(&int).at_key("asInt")?,
            (None, Some(double)) => number(&double).at_key("asDouble")?,
            (None, None) => return Ok(()),
        };
        let nanos = |given: Option<Bound<'_, PyAny>>, key| match given {
            Some(given) => unix_nano(&given).at_key(key),
            None => Ok(0),
        };
        let sample = Sample {
            start_time_unix_nano: nanos(start, "startTimeUnixNano")?,
            time_unix_nano: nanos(time, "timeUnixNano")?,
            value,
        };
        let slot = self.slot(attributes.as_ref(), metric).at_key("attributes")?;
        self.set.push(slot, sample);
        Ok(())
    }

    /// Takes a point as almost all are: a dict of a float, a time in digits and the attributes of the
    /// series expected next. False, and nothing is done, when it is any other.
    fn usual_point(&mut self, point: &Bound<'py, PyAny>, metric: usize) -> bool {
        if !point.is_exact_instance_of::<PyDict>() {
            return false;
        }
        // SAFETY: only exact dicts, lists, floats and texts are looked into, which runs no Python code;
        // anything else ends this.
        let (value, time, slot) = unsafe {
            let [None, Some(value), Some(time), None, Some(attributes), None] =
                self.point_fields.peek(point.as_borrowed())
            else {
                return false;
            };
            let Some(time) = peek_text(time) else { return false };
            let Some((place, slot)) = self.metrics.values[metric].expected() else { return false };
            if !value.is_exact_instance_of::<PyFloat>() || !attributes.is_exact_instance_of::<PyList>() {
                return false;
            }
            let expected = &self.metrics.values[metric].spellings[place];
            if !is_spelled(&mut self.pair_fields, &mut self.value_fields, attributes, expected) {
                return false;
            }
            (value.cast_unchecked::<PyFloat>().value(), time, slot)
        };
        let Some(time_unix_nano) = self.times.read(time) else { return false };
        self.metrics.values[metric].next += 1;
        self.set.push(slot, Sample { start_time_unix_nano: 0, time_unix_nano, value });
        true
    }

    /// The series of a point: found by how its attributes are spelled, made when new.
    fn slot(&mut self, given: Option<&Bound<'py, PyAny>>, metric: usize) -> Walked<usize> {
        let spelled = self.spell(given)?;
        let metric = &mut self.metrics.values[metric];
        if spelled && let Some(slot) = metric.find(&self.spelling) {
            return Ok(slot);
        }
        let attributes = attributes(given)?;
        let slot = self.set.slot(SeriesInfo {
            gpu_id: filled(&attributes, "gpu_id"),
            gpu_name: filled(&attributes, "gpu_name"),
            attributes: canonical(&attributes),
            ..metric.info.clone()
        });
        if spelled {
            metric.insert(&self.spelling, slot);
        }
        Ok(slot)
    }

    /// Spells a key/value list of texts, as almost all are; false when it holds anything else.
    fn spell(&mut self, attributes: Option<&Bound<'py, PyAny>>) -> Walked<bool> {
        self.spelling.clear();
        if !attributes.is_none_or(is_list) {
            return Ok(false);
        }
        let mut all_texts = true;
        each(attributes, |_, item| {
            let pair = dict(item)?;
            all_texts = all_texts && self.spell_pair(&pair);
            Ok(())
        })?;
        Ok(all_texts)
    }

    fn spell_pair(&mut self, pair: &Bound<'py, PyDict>) -> bool {
        let [Some(name), Some(wrapped)] = self.pair_fields.read(pair) else { return false };
        let Ok(wrapped) = wrapped.cast::<PyDict>() else { return false };
        let [Some(inner)] = self.value_fields.read(wrapped) else { return false };
        let (Ok(name), Ok(inner)) = (name.cast::<PyString>(), inner.cast::<PyString>()) else { return false };
        spell_text(name, &mut self.spelling);
        spell_text(inner, &mut self.spelling);
        true
    }
}

/// Whether a key/value list of texts is spelled so.
///
/// # Safety
/// `attributes` is an exact list; as [`Fields::peek`], of it and what it holds.
unsafe fn is_spelled<'py>(
    pairs: &mut Fields<'py, 2>,
    values: &mut Fields<'py, 1>,
    attributes: Borrowed<'_, 'py, PyAny>,
    mut expected: &[u8],
) -> bool {
    let mut take = |text: &str| {
        let Some((length, rest)) = expected.split_first_chunk::<4>() else { return false };
        let length = u32::from_le_bytes(*length) as usize;
        if length != text.len() || rest.get(..length) != Some(text.as_bytes()) {
            return false;
        }
        expected = &rest[length..];
        true
    };
    // SAFETY: the caller's, and only exact dicts and texts are looked into.
    let all = unsafe {
        peek_items(attributes).all(|pair| {
            if !pair.is_exact_instance_of::<PyDict>() {
                return false;
            }
            let [Some(name), Some(wrapped)] = pairs.peek(pair) else { return false };
            if !wrapped.is_exact_instance_of::<PyDict>() {
                return false;
            }
            let [Some(inner)] = values.peek(wrapped) else { return false };
            peek_text(name).is_some_and(&mut take) && peek_text(inner).is_some_and(&mut take)
        })
    };
    all && expected.is_empty()
}

/// Times as texts: those of one scrape are the same.
#[derive(Default)]
struct Times {
    text: String,
    nanos: i64,
}

impl Times {
    fn read(&mut self, text: &str) -> Option<i64> {
        if self.text != text || text.is_empty() {
            self.nanos = nanos(text)?;
            self.text.clear();
            self.text.push_str(text);
        }
        Some(self.nanos)
    }
}

fn spell_text(text: &Bound<'_, PyString>, into: &mut Vec<u8>) {
    spell_str(&characters(text), into);
}

fn spell_str(text: &str, into: &mut Vec<u8>) {
    into.extend_from_slice(&(text.len() as u32).to_le_bytes());
    into.extend_from_slice(text.as_bytes());
}

/// Attributes as a key/value list of OTLP, or as a plain dict.
fn attributes(given: Option<&Bound<'_, PyAny>>) -> Walked<Attributes> {
    let mut map = Attributes::new();
    match given {
        Some(given) if !is_list(given) => {
            if let Value::Object(given) = value::from_python(dict(given)?.as_any())? {
                map = given.into_iter().map(|(name, value)| (name, any_value(value))).collect();
            }
        }
        _ => each(given, |_, item| {
            let fields = dict(item)?;
            if let Some(name) = field!(fields, "key")? {
                let name = text(&name).at_key("key")?.into_owned();
                let found = match field!(fields, "value")? {
                    Some(found) => any_value(value::from_python(&found).at_key("value")?),
                    None => Value::Null,
                };
                map.insert(name, found);
            }
            Ok(())
        })?,
    }
    Ok(map)
}

fn name_and_version(scope: &Bound<'_, PyAny>) -> Walked<Attributes> {
    let fields = dict(scope)?;
    let mut parts = Attributes::new();
    for (part, given) in [("name", field!(fields, "name")?), ("version", field!(fields, "version")?)] {
        if let Some(given) = given {
            parts.insert(part.into(), value::from_python(&given).at_key(part)?);
        }
    }
    Ok(parts)
}

/// The value inside OTLP's `AnyValue` (`{"stringValue": "x"}`); anything else is itself.
fn any_value(value: Value) -> Value {
    const KINDS: [&str; 7] =
        ["stringValue", "intValue", "doubleValue", "boolValue", "arrayValue", "kvlistValue", "bytesValue"];
    let Value::Object(mut wrapped) = value else { return value };
    for kind in KINDS {
        if let Some(inner) = wrapped.remove(kind).filter(|inner| !inner.is_null()) {
            return match (kind, &inner) {
                // 64-bit integers travel as text.
                ("intValue", Value::String(text)) => text.trim().parse::<i64>().map_or(inner, Value::from),
                _ => inner,
            };
        }
    }
    Value::Null
}

/// An attribute as text: texts as they are, anything else as its JSON, null and blank as none.
fn filled(attributes: &Attributes, name: &str) -> Option<String> {
    let text = match attributes.get(name)? {
        Value::Null => return None,
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    (!text.trim().is_empty()).then_some(text)
}

fn canonical(attributes: &Attributes) -> String {
    serde_json::to_string(attributes).unwrap_or_default()
}

/// OTLP's enumeration as a number or a name.
fn temporality_of(given: Option<&Bound<'_, PyAny>>) -> Walked<Temporality> {
    let Some(given) = given else { return Ok(Temporality::Unspecified) };
    let unknown = || WalkError::expected("1 (delta) or 2 (cumulative)", given);
    if let Ok(code) = given.extract::<i64>() {
        return match code {
            0 => Ok(Temporality::Unspecified),
            1 => Ok(Temporality::Delta),
            2 => Ok(Temporality::Cumulative),
            _ => Err(unknown()),
        };
    }
    let name = text(given)?.to_ascii_uppercase();
    match name.trim_start_matches("AGGREGATION_TEMPORALITY_") {
        "0" | "UNSPECIFIED" | "" => Ok(Temporality::Unspecified),
        "1" | "DELTA" => Ok(Temporality::Delta),
        "2" | "CUMULATIVE" => Ok(Temporality::Cumulative),
        _ => Err(unknown()),
    }
}

//! Metrics given as Python objects, walked straight into series.
//!
//! Must not know how a total is made. What it reads of dicts is what the decoder of metrics
//! files reads of their text, so that both give the same numbers.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use serde_json::Value;
use smoltrace_exchange::metrics_json::MetricsDocument;
use smoltrace_model::rows::{Instrument, Temporality};
use smoltrace_model::series::{Sample, SeriesInfo, SeriesSet};

use crate::value;
use crate::walk::{
    At, Fields, WalkError, Walked, characters, dict, each, get, is_list, number, text, unix_nano,
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
    Ok(MetricsDocument { run_id, series: walker.set, aggregates, ..MetricsDocument::default() })
}

/// Sorted, so that the order in which attributes came makes no second series.
type Attributes = BTreeMap<String, Value>;

/// What is read of a point.
const POINT: [&str; 6] = ["asInt", "asDouble", "timeUnixNano", "startTimeUnixNano", "attributes", "flags"];

/// OTLP's flag of a point that has no recorded value.
const NO_RECORDED_VALUE: u64 = 1;

/// The series so far.
struct Walker<'py> {
    point_fields: Fields<'py, 6>,
    pair_fields: Fields<'py, 2>,
    value_fields: Fields<'py, 1>,
    set: SeriesSet,
    /// The run that the first resource to name one names.
    run_id: Option<String>,
    /// Metrics by everything that their points share, as [`Walker::metric`] spells it.
    metrics: HashMap<Box<str>, usize>,
    /// The slots of each metric.
    slots: Vec<Slots>,
    /// What is being spelled.
    key: String,
}

/// The slots of one metric by the attributes of its points, as [`Walker::spell`] spells them.
///
/// Series mostly come in the same order in every scrape, so the one after the last is tried first.
#[derive(Default)]
struct Slots {
    in_order: Vec<(Box<str>, usize)>,
    places: HashMap<Box<str>, usize>,
    next: usize,
}

impl Slots {
    fn find(&mut self, key: &str) -> Option<usize> {
        let expected = self.in_order.get(self.next).or(self.in_order.first());
        let place = match expected {
            Some((spelled, _)) if **spelled == *key => self.next % self.in_order.len(),
            _ => *self.places.get(key)?,
        };
        self.next = place + 1;
        Some(self.in_order[place].1)
    }

    fn insert(&mut self, key: &str, slot: usize) {
        self.next = self.in_order.len() + 1;
        self.places.insert(key.into(), self.in_order.len());
        self.in_order.push((key.into(), slot));
    }
}

impl<'py> Walker<'py> {
    fn new() -> Self {
        Self {
            point_fields: Fields::new(POINT),
            pair_fields: Fields::new(["key", "value"]),
            value_fields: Fields::new(["stringValue"]),
            set: SeriesSet::default(),
            run_id: None,
            metrics: HashMap::new(),
            slots: Vec::new(),
            key: String::new(),
        }
    }

    fn resource(&mut self, resource_metrics: &Bound<'py, PyAny>) -> Walked<()> {
        let fields = dict(resource_metrics)?;
        let attributes = match field!(fields, "resource")? {
            Some(resource) => resource_attributes(&resource).at_key("resource")?,
            None => Attributes::new(),
        };
        if self.run_id.is_none() {
            // The SDKs' default for a service without a name says nothing.
            let named =
                filled(&attributes, "service.name").filter(|name| !name.starts_with("unknown_service"));
            self.run_id = filled(&attributes, "run.id")
                .or_else(|| filled(&attributes, "service.instance.id"))
                .or(named);
        }
        let mut info = SeriesInfo {
            service: filled(&attributes, "service.name").unwrap_or_else(|| "unknown".into()),
            resource: canonical(&attributes),
            ..SeriesInfo::default()
        };
        let scopes = field!(fields, "scopeMetrics")?;
        each(scopes.as_ref(), |_, item| self.scope(item, &mut info)).at_key("scopeMetrics")
    }

    fn scope(&mut self, scope_metrics: &Bound<'py, PyAny>, info: &mut SeriesInfo) -> Walked<()> {
        let fields = dict(scope_metrics)?;
        let scope = match field!(fields, "scope")? {
            Some(scope) => name_and_version(&scope).at_key("scope")?,
            None => Attributes::new(),
        };
        info.scope = canonical(&scope);
        let metrics = field!(fields, "metrics")?;
        each(metrics.as_ref(), |_, item| self.metric(item, info)).at_key("metrics")
    }

    fn metric(&mut self, metric: &Bound<'py, PyAny>, info: &mut SeriesInfo) -> Walked<()> {
        let fields = dict(metric)?;
        let (kind, instrument, data) = if let Some(gauge) = field!(fields, "gauge")? {
            ("gauge", Instrument::Gauge, gauge)
        } else if let Some(sum) = field!(fields, "sum")? {
            ("sum", Instrument::Sum, sum)
        } else {
            // Histograms and summaries take part in none of the numbers computed here.
            return Ok(());
        };
        let own_text = |given: Option<Bound<'_, PyAny>>, key| match given {
            Some(given) => text(&given).at_key(key).map(Cow::into_owned),
            None => Ok(String::new()),
        };
        info.metric = own_text(field!(fields, "name")?, "name")?;
        info.unit = own_text(field!(fields, "unit")?, "unit")?;
        info.instrument = instrument;
        self.points(&data, info).at_key(kind)
    }

    fn points(&mut self, data: &Bound<'py, PyAny>, info: &mut SeriesInfo) -> Walked<()> {
        let data = dict(data)?;
        let temporality = field!(data, "aggregationTemporality")?;
        info.temporality = temporality_of(temporality.as_ref()).at_key("aggregationTemporality")?;
        info.monotonic = match field!(data, "isMonotonic")? {
            Some(flag) => flag.is_truthy()?,
            None => false,
        };
        let metric = self.place(info);
        let points = field!(data, "dataPoints")?;
        each(points.as_ref(), |_, item| self.point(item, metric, info)).at_key("dataPoints")
    }

    /// The place in `slots` of what all points of a metric share.
    fn place(&mut self, info: &SeriesInfo) -> usize {
        self.key.clear();
        let kind = [info.instrument.as_str(), info.temporality.as_str()];
        for part in [info.metric.as_str(), &info.unit, &info.resource, &info.scope].into_iter().chain(kind) {
            self.key.push_str(part);
            self.key.push('\u{1f}');
        }
        if let Some(place) = self.metrics.get(self.key.as_str()) {
            return *place;
        }
        self.metrics.insert(self.key.as_str().into(), self.slots.len());
        self.slots.push(Slots::default());
        self.slots.len() - 1
    }

    fn point(&mut self, point: &Bound<'py, PyAny>, metric: usize, info: &SeriesInfo) -> Walked<()> {
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
        let slot = self.slot(attributes.as_ref(), metric, info).at_key("attributes")?;
        self.set.push(slot, sample);
        Ok(())
    }

    /// The series of a point: found by how its attributes are spelled, made when new.
    fn slot(&mut self, given: Option<&Bound<'py, PyAny>>, metric: usize, info: &SeriesInfo) -> Walked<usize> {
        let spelled = self.spell(given)?;
        if spelled && let Some(slot) = self.slots[metric].find(&self.key) {
            return Ok(slot);
        }
        let attributes = attributes(given)?;
        let slot = self.set.slot(SeriesInfo {
            gpu_id: filled(&attributes, "gpu_id"),
            gpu_name: filled(&attributes, "gpu_name"),
            attributes: canonical(&attributes),
            ..info.clone()
        });
        if spelled {
            self.slots[metric].insert(&self.key, slot);
        }
        Ok(slot)
    }

    /// Spells a key/value list of texts, as almost all are, into `key`; false when it holds
    /// anything else.
    fn spell(&mut self, attributes: Option<&Bound<'py, PyAny>>) -> Walked<bool> {
        self.key.clear();
        if !attributes.is_none_or(is_list) {
            return Ok(false);
        }
        let mut all_texts = true;
        each(attributes, |_, item| {
            let pair = dict(item)?;
            all_texts = all_texts && self.spell_one(&pair);
            Ok(())
        })?;
        Ok(all_texts)
    }

    fn spell_one(&mut self, pair: &Bound<'py, PyDict>) -> bool {
        let [Some(name), Some(wrapped)] = self.pair_fields.read(pair) else { return false };
        let Ok(wrapped) = wrapped.cast::<PyDict>() else { return false };
        let [Some(inner)] = self.value_fields.read(wrapped) else { return false };
        let (Ok(name), Ok(inner)) = (name.cast::<PyString>(), inner.cast::<PyString>()) else { return false };
        for part in [name, inner] {
            self.key.push_str(&characters(part));
            self.key.push('\u{1f}');
        }
        true
    }
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

/// Those of `{"attributes": ...}`, or the attributes themselves.
fn resource_attributes(resource: &Bound<'_, PyAny>) -> Walked<Attributes> {
    let fields = dict(resource)?;
    match field!(fields, "attributes")? {
        Some(given) => attributes(Some(&given)).at_key("attributes"),
        None => attributes(Some(fields.as_any())),
    }
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
    let code = match given.extract::<i64>() {
        Ok(code) => code.to_string(),
        Err(_) => text(given)?.to_ascii_uppercase(),
    };
    Ok(match code.trim_start_matches("AGGREGATION_TEMPORALITY_") {
        "1" | "DELTA" => Temporality::Delta,
        "2" | "CUMULATIVE" => Temporality::Cumulative,
        "0" | "UNSPECIFIED" | "" => Temporality::Unspecified,
        _ => return Err(WalkError::expected("1 (delta) or 2 (cumulative)", given)),
    })
}

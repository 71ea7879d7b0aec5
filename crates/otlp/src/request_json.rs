//! OTLP's JSON requests, one element of `resourceSpans`, `resourceMetrics` or `resourceLogs`
//! at a time. Both camelCase and the snake_case of Python dumps are read.

use serde_json::Value;

use super::{
    Origin, Telemetry,
    attributes::from_json,
    logs::log_from_object,
    metric::{self, NoPoint, PointHead, point_row},
    request::Signal,
    scope_json,
    span::{short, span_from_object, take},
};
use crate::{
    json::{Object, text},
    notes::Spot,
    patch::{self, OURS},
};

/// Adds the spans of one element of `resourceSpans`.
pub fn resource_spans(into: &mut Telemetry, element: Value, place: &Spot<'_>) {
    let scopes = ["scopeSpans", "scope_spans", "instrumentationLibrarySpans"];
    let Some((origin, groups)) = resource(into, element, &scopes, place) else { return };
    for_each_scope(into, groups, &["spans"], place, |into, scope, item, place| {
        into.add_span(span_from_object(item), &origin, scope, place);
    });
}

/// Adds the points of one element of `resourceMetrics`.
pub fn resource_metrics(into: &mut Telemetry, element: Value, place: &Spot<'_>) {
    let scopes = ["scopeMetrics", "scope_metrics", "instrumentationLibraryMetrics"];
    let Some((origin, groups)) = resource(into, element, &scopes, place) else { return };
    for_each_scope(into, groups, &["metrics"], place, |into, scope, item, place| {
        add_metric(into, item, &origin, scope, place);
    });
}

/// Adds the records of one element of `resourceLogs`.
pub fn resource_logs(into: &mut Telemetry, element: Value, place: &Spot<'_>) {
    let Some((origin, groups)) = resource(into, element, &["scopeLogs", "scope_logs"], place) else { return };
    for_each_scope(into, groups, &["logRecords", "log_records"], place, |into, _, item, place| {
        into.add_log(log_from_object(item), &origin, place);
    });
}

/// Adds one span, metric or log record.
pub(crate) fn item(
    into: &mut Telemetry,
    signal: Signal,
    origin: &Origin,
    scope: &str,
    item: Object,
    place: &Spot<'_>,
) {
    match signal {
        Signal::Traces => into.add_span(span_from_object(item), origin, scope, place),
        Signal::Metrics => add_metric(into, item, origin, scope, place),
        Signal::Logs => into.add_log(log_from_object(item), origin, place),
    }
}

fn add_metric(into: &mut Telemetry, mut item: Object, origin: &Origin, scope: &str, place: &Spot<'_>) {
    match metric::head_from_json(&mut item) {
        Ok(Some((head, points))) => data_points(into, origin, scope, &head, points, place),
        Ok(None) => {}
        Err(reason) => {
            into.rejected += 1;
            into.notes.at(place, format_args!("{reason}; the metric is left out"));
        }
    }
}

fn data_points(
    into: &mut Telemetry,
    origin: &Origin,
    scope: &str,
    head: &PointHead,
    points: Vec<Value>,
    place: &Spot<'_>,
) {
    for (index, point) in points.into_iter().enumerate() {
        let Value::Object(mut object) = point else {
            into.rejected += 1;
            into.notes.at(&place.index(index), "a data point is not an object; it is left out");
            continue;
        };
        let ours = object.remove(OURS);
        let row = metric::point_from_json(head.instrument, object)
            .and_then(|point| Ok((into.check(&point.attributes)?, point)))
            .map(|((), point)| point_row(origin, scope, head, point))
            .and_then(|row| patch::apply(row, ours).map_err(NoPoint::Bad));
        into.add_point(row, origin, || format!("{place}: data point {index} of {}", head.metric));
    }
}

/// The resource of an element and its scope groups.
fn resource(
    into: &mut Telemetry,
    element: Value,
    scope_names: &[&str],
    place: &Spot<'_>,
) -> Option<(Origin, Vec<Value>)> {
    let Value::Object(mut element) = element else {
        into.notes.at(place, format_args!("{} is not an object; it is left out", short(&element)));
        return None;
    };
    let attributes = resource_attributes(element.remove("resource")).unwrap_or_else(|| {
        into.notes.at(place, "the resource attributes cannot be read; they are left out");
        Object::new()
    });
    match take(&mut element, scope_names) {
        Some(Value::Array(groups)) => Some((Origin::of(&attributes), groups)),
        Some(other) => {
            into.notes.at(place, format_args!("{} is {}, not a list", scope_names[0], short(&other)));
            None
        }
        None => None,
    }
}

/// Either `{attributes: ...}` or the attributes themselves; `None` when they cannot be read.
fn resource_attributes(resource: Option<Value>) -> Option<Object> {
    match resource {
        Some(Value::Object(mut resource)) => match resource.remove("attributes") {
            Some(attributes) => from_json(attributes),
            None => from_json(Value::Object(resource)),
        },
        _ => Some(Object::new()),
    }
}

/// What a resource in JSON says.
pub(crate) fn origin(resource: Option<Value>) -> Origin {
    Origin::of(&resource_attributes(resource).unwrap_or_default())
}

/// Hands every object of every scope group to `each`, with the scope's canonical JSON.
fn for_each_scope(
    into: &mut Telemetry,
    groups: Vec<Value>,
    item_names: &[&str],
    place: &Spot<'_>,
    mut each: impl FnMut(&mut Telemetry, &str, Object, &Spot<'_>),
) {
    let scopes = place.key("scopes");
    for (index, group) in groups.into_iter().enumerate() {
        let place = scopes.index(index);
        let Value::Object(mut group) = group else {
            into.notes.at(&place, "is not an object; it is left out");
            continue;
        };
        let scope = scope(take(&mut group, &["scope", "instrumentationLibrary"]));
        let items = match take(&mut group, item_names) {
            Some(Value::Array(items)) => items,
            Some(other) => {
                into.notes.at(&place, format_args!("{} is {}, not a list", item_names[0], short(&other)));
                continue;
            }
            None => continue,
        };
        let list = place.key(item_names[0]);
        for (index, item) in items.into_iter().enumerate() {
            let place = list.index(index);
            match item {
                Value::Object(item) => each(into, &scope, item, &place),
                other => {
                    into.notes.at(&place, format_args!("{} is not an object; left out", short(&other)));
                }
            }
        }
    }
}

pub(crate) fn scope(value: Option<Value>) -> String {
    let Some(Value::Object(mut scope)) = value else { return scope_json("", "", Object::new()) };
    let attributes = from_json(scope.remove("attributes").unwrap_or_default()).unwrap_or_default();
    let part = |name| scope.get(name).and_then(text).unwrap_or_default();
    scope_json(&part("name"), &part("version"), attributes)
}

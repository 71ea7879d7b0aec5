//! Spans to an OpenTelemetry endpoint, as OTLP/HTTP with JSON: what is kept in the tables, for whoever else collects.
//!
//! Exporting is a courtesy: what cannot be delivered is counted, and stops nothing.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Map, Value, json};
use smoltrace_model::rows::{SpanRow, SpanStatus};

use crate::cause::with_causes;

/// Spans of one request.
const MOST_SPANS: usize = 2000;

/// Where spans go.
pub struct OtlpExporter {
    url: reqwest::Url,
    http: reqwest::Client,
}

impl OtlpExporter {
    /// An exporter that posts to `url` (as `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` has it), with `headers` as
    /// `OTEL_EXPORTER_OTLP_HEADERS` has them: `name=value,name=value`.
    ///
    /// # Errors
    /// When URL or headers cannot be used.
    pub fn new(url: &str, headers: &str) -> Result<Self, String> {
        let url: reqwest::Url = url.parse().map_err(|error| format!("`{url}` is no URL: {error}"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(format!("{url} is not the address of an OTLP/HTTP endpoint"));
        }
        let mut all = reqwest::header::HeaderMap::new();
        for header in headers.split(',').map(str::trim).filter(|header| !header.is_empty()) {
            let parsed = header.split_once('=').and_then(|(name, value)| {
                let mut value = reqwest::header::HeaderValue::from_str(&unescaped(value.trim())).ok()?;
                value.set_sensitive(true);
                Some((reqwest::header::HeaderName::from_bytes(name.trim().as_bytes()).ok()?, value))
            });
            let (name, value) = parsed.ok_or("expected headers as name=value,name=value")?;
            all.insert(name, value);
        }
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(10))
            .default_headers(all)
            .build()
            .map_err(|error| format!("no HTTP client: {error}"))?;
        Ok(Self { url, http })
    }

    /// Sends spans.
    ///
    /// # Errors
    /// Why they were not taken.
    pub async fn export(&self, spans: &[SpanRow]) -> Result<(), String> {
        for part in spans.chunks(MOST_SPANS) {
            let body = request(part).to_string();
            let sent = self.http.post(self.url.clone()).header("content-type", "application/json").body(body);
            let response = sent.send().await.map_err(|error| with_causes(&error))?;
            if !response.status().is_success() {
                return Err(format!("{} answered {}", self.url, response.status().as_u16()));
            }
        }
        Ok(())
    }
}

/// Percent-escapes of a header's value.
fn unescaped(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escaped = (bytes[at] == b'%').then(|| text.get(at + 1..at + 3)).flatten();
        match escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                at += 3;
            }
            None => {
                out.push(bytes[at]);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// The spans as an `ExportTraceServiceRequest`.
pub fn request(spans: &[SpanRow]) -> Value {
    let mut resources: BTreeMap<&str, BTreeMap<&str, Vec<Value>>> = BTreeMap::new();
    for row in spans {
        resources.entry(&row.resource).or_default().entry(&row.scope).or_default().push(span(row));
    }
    let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
    let scopes = |scopes: BTreeMap<&str, Vec<Value>>| -> Vec<Value> {
        scopes.into_iter().map(|(scope, spans)| json!({"scope": object(scope), "spans": spans})).collect()
    };
    let resources: Vec<Value> = resources
        .into_iter()
        .map(|(resource, spans)| {
            json!({"resource": {"attributes": attributes(&object(resource))}, "scopeSpans": scopes(spans)})
        })
        .collect();
    json!({ "resourceSpans": resources })
}

fn span(row: &SpanRow) -> Value {
    let parsed = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let own = parsed(&row.attributes);
    let events: Vec<Value> = parsed(&row.events)
        .as_array()
        .into_iter()
        .flatten()
        .map(|event| {
            json!({
                "name": event["name"],
                "timeUnixNano": event["time_unix_nano"].to_string(),
                "attributes": attributes(event["attributes"].as_object().unwrap_or(&Map::new())),
            })
        })
        .collect();
    let code = match row.status {
        SpanStatus::Unset => 0,
        SpanStatus::Ok => 1,
        SpanStatus::Error => 2,
    };
    let mut span = json!({
        "traceId": row.trace_id,
        "spanId": row.span_id,
        "name": row.name,
        "kind": 1,
        "startTimeUnixNano": row.start_time_unix_nano.to_string(),
        "endTimeUnixNano": row.end_time_unix_nano.to_string(),
        "attributes": attributes(own.as_object().unwrap_or(&Map::new())),
        "events": events,
        "status": {"code": code, "message": row.status_message.as_deref().unwrap_or_default()},
    });
    if let Some(parent) = &row.parent_span_id {
        span["parentSpanId"] = parent.as_str().into();
    }
    span
}

fn attributes(fields: &Map<String, Value>) -> Vec<Value> {
    fields.iter().map(|(key, value)| json!({"key": key, "value": any_value(value)})).collect()
}

fn any_value(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(flag) => json!({"boolValue": flag}),
        Value::Number(number) if number.is_f64() => json!({"doubleValue": number}),
        Value::Number(number) => json!({"intValue": number.to_string()}),
        Value::String(text) => json!({"stringValue": text}),
        Value::Array(items) => {
            json!({"arrayValue": {"values": items.iter().map(any_value).collect::<Vec<_>>()}})
        }
        Value::Object(fields) => json!({"kvlistValue": {"values": attributes(fields)}}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_otlp() {
        let check = |value: Value, expected: Value| assert_eq!(any_value(&value), expected);
        check(json!(3), json!({"intValue": "3"}));
        check(json!(0.5), json!({"doubleValue": 0.5}));
        check(
            json!(["a", true]),
            json!({"arrayValue": {"values": [{"stringValue": "a"}, {"boolValue": true}]}}),
        );
        check(
            json!({"k": "v"}),
            json!({"kvlistValue": {"values": [{"key": "k", "value": {"stringValue": "v"}}]}}),
        );
    }

    #[test]
    fn headers_are_read() {
        assert_eq!(unescaped("Bearer%20x%2"), "Bearer x%2");
        assert!(OtlpExporter::new("http://127.0.0.1:4318/", "a=b, c=d%20e").is_ok());
        assert!(OtlpExporter::new("http://127.0.0.1:4318", "nothing").is_err());
        assert!(OtlpExporter::new("no url", "").is_err());
        assert!(OtlpExporter::new("localhost:4317", "").is_err());
    }
}

//! The shape of OTLP metrics in JSON, down to raw scalars: nothing is interpreted yet.
//!
//! Must not know series. Keys may come in any order and in camelCase or snake_case; the last of
//! several equal keys counts; null is as good as absent; unknown keys are skipped. Unlike derived
//! code, no list passes for an object.

use std::borrow::Cow;
use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::source::MAX_DEPTH;

/// What a deserializer says of too deep a value; the JSON reader's own words.
pub(super) const TOO_DEEP: &str = "recursion limit exceeded";

macro_rules! object {
    ($(#[$doc:meta])* $name:ident as $what:literal { $($field:ident: $type:ty = $($key:literal)|+,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Default)]
        pub(super) struct $name<'a> {
            $(pub $field: $type,)+
        }

        impl<'de: 'a, 'a> Deserialize<'de> for $name<'a> {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Fields;
                impl<'de> Visitor<'de> for Fields {
                    type Value = $name<'de>;

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($what)
                    }

                    fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                        Ok(Self::Value::default())
                    }

                    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                        let mut object = Self::Value::default();
                        while let Some(key) = map.next_key::<Text<'de>>()? {
                            match key.0.as_ref() {
                                $($($key)|+ => object.$field = map.next_value()?,)+
                                _ => {
                                    map.next_value::<Skipped>()?;
                                }
                            }
                        }
                        Ok(object)
                    }
                }
                deserializer.deserialize_any(Fields)
            }
        }
    };
}

object! {
    /// An element of `resourceMetrics`, or of a list of requests or aggregates.
    Element as "an object with `scopeMetrics`" {
        resource: Raw<'a> = "resource",
        scope_metrics: Maybe<List<ScopeMetrics<'a>>>
            = "scopeMetrics" | "scope_metrics" | "instrumentationLibraryMetrics" | "instrumentation_library_metrics",
        resource_metrics: Maybe<List<Element<'a>>> = "resourceMetrics" | "resource_metrics",
        name: Raw<'a> = "name",
    }
}

object! {
    ScopeMetrics as "an object with `metrics`" {
        scope: Raw<'a> = "scope" | "instrumentationLibrary" | "instrumentation_library",
        metrics: List<Metric<'a>> = "metrics",
    }
}

object! {
    Metric as "a metric object" {
        name: Text<'a> = "name",
        unit: Text<'a> = "unit",
        gauge: Maybe<Data<'a>> = "gauge",
        sum: Maybe<Data<'a>> = "sum",
        histogram: Raw<'a> = "histogram",
        exponential_histogram: Raw<'a> = "exponentialHistogram" | "exponential_histogram",
        summary: Raw<'a> = "summary",
    }
}

object! {
    Data as "an object with `dataPoints`" {
        temporality: Raw<'a> = "aggregationTemporality" | "aggregation_temporality",
        monotonic: Raw<'a> = "isMonotonic" | "is_monotonic",
        data_points: List<PointOrNot<'a>> = "dataPoints" | "data_points",
    }
}

object! {
    Point as "a data point object" {
        attributes: Raw<'a> = "attributes",
        start_time: Raw<'a> = "startTimeUnixNano" | "start_time_unix_nano",
        time: Raw<'a> = "timeUnixNano" | "time_unix_nano",
        as_int: Raw<'a> = "asInt" | "as_int",
        as_double: Raw<'a> = "asDouble" | "as_double" | "value",
        flags: Raw<'a> = "flags",
    }
}

/// A list; null is an empty one.
#[derive(Debug)]
pub(super) struct List<T>(pub Vec<T>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Items<T>(std::marker::PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Items<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(List::default())
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = seq.next_element()? {
                    items.push(item);
                }
                Ok(List(items))
            }
        }
        deserializer.deserialize_any(Items(std::marker::PhantomData))
    }
}

/// A value that may be absent or null.
#[derive(Debug)]
pub(super) struct Maybe<T>(pub Option<T>);

impl<T> Default for Maybe<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Maybe<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Option::deserialize(deserializer).map(Self)
    }
}

/// A text, borrowed where it has no escapes; null is an empty one.
#[derive(Debug, Default)]
pub(super) struct Text<'a>(pub Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Chars;
        impl<'de> Visitor<'de> for Chars {
            type Value = Text<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(Text::default())
            }

            fn visit_borrowed_str<E: de::Error>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_any(Chars)
    }
}

/// The raw text of a value where there is one; null is kept, so that its place is known.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Raw<'a>(pub Option<&'a RawValue>);

impl<'a> Raw<'a> {
    /// The raw text; `null` when absent.
    pub fn text(self) -> &'a str {
        self.0.map_or("null", RawValue::get)
    }

    /// Absent or null.
    pub fn is_null(self) -> bool {
        self.text() == "null"
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Raw<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        if deeper_than(raw.get().as_bytes(), MAX_DEPTH) {
            return Err(de::Error::custom(TOO_DEEP));
        }
        Ok(Self(Some(raw)))
    }
}

/// A value that nobody asked for; checked all the same.
pub(super) struct Skipped;

impl<'de> Deserialize<'de> for Skipped {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Raw::deserialize(deserializer).map(|_| Self)
    }
}

/// A data point, or the raw text of what stands in its place: one of them must not cost the rest.
#[derive(Debug)]
pub(super) enum PointOrNot<'a> {
    Point(Point<'a>),
    Not(&'static str),
}

impl<'de: 'a, 'a> Deserialize<'de> for PointOrNot<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = PointOrNot<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a data point object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
                Point::deserialize(de::value::MapAccessDeserializer::new(map)).map(PointOrNot::Point)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
                while seq.next_element::<Skipped>()?.is_some() {}
                Ok(PointOrNot::Not("a list"))
            }

            fn visit_unit<E: de::Error>(self) -> Result<Self::Value, E> {
                Ok(PointOrNot::Not("null"))
            }

            fn visit_bool<E: de::Error>(self, _: bool) -> Result<Self::Value, E> {
                Ok(PointOrNot::Not("a truth value"))
            }

            fn visit_i64<E: de::Error>(self, _: i64) -> Result<Self::Value, E> {
                Ok(PointOrNot::Not("a number"))
            }

            fn visit_u64<E: de::Error>(self, _: u64) -> Result<Self::Value, E> {
                Ok(PointOrNot::Not("a number"))
            }

            fn visit_f64<E: de::Error>(self, _: f64) -> Result<Self::Value, E> {
                Ok(PointOrNot::Not("a number"))
            }

            fn visit_str<E: de::Error>(self, _: &str) -> Result<Self::Value, E> {
                Ok(PointOrNot::Not("a text"))
            }
        }
        deserializer.deserialize_any(Either)
    }
}

/// Whether a JSON text nests deeper than `limit`.
fn deeper_than(text: &[u8], limit: usize) -> bool {
    // Every level takes a byte to open.
    if text.len() <= limit {
        return false;
    }
    let (mut depth, mut at) = (0usize, 0);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => {
                at += 1;
                while let Some(byte) = text.get(at).filter(|byte| **byte != b'"') {
                    at += if *byte == b'\\' { 2 } else { 1 };
                }
            }
            b'{' | b'[' => {
                depth += 1;
                if depth > limit {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_come_in_any_order_and_spelling() {
        let text = r#"{"scope_metrics":[{"metrics":[{"sum":{"is_monotonic":true,"data_points":
            [{"value":1,"timeUnixNano":"5","timeUnixNano":null},7]},"x":[{}],"name":"a\u0062"}],"scope":null}],
            "resource":{"attributes":[]}}"#;
        let element: Element = serde_json::from_str(text).unwrap();
        assert_eq!(element.resource.text(), r#"{"attributes":[]}"#);
        let scopes = element.scope_metrics.0.unwrap().0;
        assert!(scopes[0].scope.is_null());
        let metric = &scopes[0].metrics.0[0];
        assert_eq!((metric.name.0.as_ref(), metric.unit.0.as_ref()), ("ab", ""));
        let sum = metric.sum.0.as_ref().unwrap();
        let [PointOrNot::Point(point), PointOrNot::Not("a number")] = &sum.data_points.0[..] else {
            panic!("{:?}", sum.data_points)
        };
        assert_eq!((point.time.text(), point.as_double.text(), point.as_int.text()), ("null", "1", "null"));
    }

    #[test]
    fn lists_are_no_objects_and_depth_is_bounded() {
        let check = |text: String, expected: &str| {
            let error = serde_json::from_str::<Element>(&text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        };
        check("[]".into(), "invalid type: sequence, expected an object with `scopeMetrics`");
        check(r#"{"scopeMetrics":{}}"#.into(), "invalid type: map, expected a list");
        check(
            r#"{"scopeMetrics":[{"metrics":[[]]}]}"#.into(),
            "invalid type: sequence, expected a metric object",
        );
        check(format!(r#"{{"x":{}{}}}"#, "[".repeat(129), "]".repeat(129)), TOO_DEEP);
        assert!(
            serde_json::from_str::<Element>(&format!(
                r#"{{"x":{}"{}"{}}}"#,
                "[".repeat(128),
                "[".repeat(100),
                "]".repeat(128)
            ))
            .is_ok()
        );
    }
}

//! Random documents, and random ways to spell them.

use serde_json::{Value, json};

/// A small generator, so that a document follows from one number.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    pub fn roll(&mut self, sides: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % sides as u64) as usize
    }

    pub fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.roll(from.len())].clone()
    }
}

const NAMES: [&str; 5] =
    ["gen_ai.gpu.utilization", "gen_ai.co2.emissions", "gen_ai.gpu.power", "größe \"x\"\\y", "tab\there"];

/// A document as SMOLTRACE writes it; ticks mostly alike, as in life.
pub fn document(dice: &mut Dice) -> Value {
    let gpus = 1 + dice.roll(3);
    let mut ticks = Vec::new();
    for tick in 0..dice.roll(12) {
        let mut metrics = Vec::new();
        for (index, name) in NAMES.iter().enumerate() {
            if dice.one_in(12) {
                continue;
            }
            metrics.push(metric(dice, name, index % 2 == 1, tick, gpus));
        }
        if dice.one_in(4) {
            metrics.push(
                json!({"name": "h", "histogram": {"dataPoints": [{"count": dice.roll(9), "sum": 0.5}]}}),
            );
        }
        let mut element = json!({"scopeMetrics": [{"metrics": metrics}]});
        if !dice.one_in(8) {
            element["resource"] =
                json!({"attributes": [{"key": "service.name", "value": {"stringValue": "s"}}]});
        }
        if !dice.one_in(8) {
            element["scopeMetrics"][0]["scope"] = json!({"name": "genai.gpu", "version": null});
        }
        ticks.push(element);
    }
    let aggregates =
        if dice.one_in(2) { json!([{"name": "a", "data_points": [{"value": 1.5}]}]) } else { json!([]) };
    json!({"run_id": "r", "resourceMetrics": ticks, "aggregates": aggregates})
}

fn metric(dice: &mut Dice, name: &str, is_sum: bool, tick: usize, gpus: usize) -> Value {
    let points: Vec<Value> = (0..gpus)
        .map(|gpu| {
            let mut point = json!({
                "attributes": [{"key": "gpu_id", "value": {"stringValue": gpu.to_string()}}],
                "timeUnixNano": (1_761_544_695_460_017_300u64 + tick as u64 * 1_000_000_000).to_string(),
                "asInt": null,
                "asDouble": null,
            });
            match dice.roll(9) {
                0 => point["asInt"] = json!(dice.roll(100).to_string()),
                1 => point["asInt"] = json!(dice.roll(100)),
                2 => point["asDouble"] = json!(dice.pick(&["NaN", "Infinity", "-Infinity", "1e400", "0.1"])),
                3 => {}
                4 => point["timeUnixNano"] = json!(dice.roll(1000)),
                _ => point["asDouble"] = json!(double(dice)),
            }
            if dice.one_in(6) {
                point["startTimeUnixNano"] = json!("1761544695460017300");
            }
            if dice.one_in(20) {
                point.as_object_mut().unwrap().remove("timeUnixNano");
            }
            point
        })
        .collect();
    let mut data = json!({"dataPoints": points});
    if is_sum {
        data["aggregationTemporality"] = json!(1 + name.len() % 2);
        data["isMonotonic"] = json!(true);
    }
    json!({"name": name, "description": "d", "unit": "W", if is_sum { "sum" } else { "gauge" }: data})
}

/// Any finite double, the awkward ones often.
fn double(dice: &mut Dice) -> f64 {
    match dice.roll(3) {
        0 => dice.pick(&[
            0.0,
            -0.0,
            5e-324,
            f64::MAX,
            f64::MIN_POSITIVE,
            0.1,
            1e22,
            9007199254740993.0,
            4.4e-05,
        ]),
        1 => dice.roll(100_000) as f64 / 1000.0,
        _ => {
            let bits = (dice.roll(usize::MAX) as u64) << 1;
            let value = f64::from_bits(bits);
            if value.is_finite() { value } else { 1.25 }
        }
    }
}

/// How a text is laid out.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    indent: Option<usize>,
    ascii: bool,
    shuffled: bool,
    crlf: bool,
}

impl Style {
    pub fn random(dice: &mut Dice) -> Self {
        Self {
            indent: dice.pick(&[None, None, Some(0), Some(2), Some(4)]),
            ascii: dice.one_in(2),
            shuffled: dice.one_in(3),
            crlf: dice.one_in(4),
        }
    }
}

/// The text of a value.
pub fn spell(value: &Value, style: Style, dice: &mut Dice) -> Vec<u8> {
    let mut out = String::new();
    write(value, style, 0, dice, &mut out);
    out.into_bytes()
}

fn write(value: &Value, style: Style, depth: usize, dice: &mut Dice, out: &mut String) {
    match value {
        Value::Object(object) => {
            let mut entries: Vec<_> = object.iter().collect();
            if style.shuffled {
                for place in (1..entries.len()).rev() {
                    entries.swap(place, dice.roll(place + 1));
                }
            }
            brackets(out, style, depth, ('{', '}'), entries.len(), |out, index| {
                string(entries[index].0, style, out);
                out.push_str(if style.indent == Some(0) { ":" } else { ": " });
                write(entries[index].1, style, depth + 1, dice, out);
            });
        }
        Value::Array(items) => brackets(out, style, depth, ('[', ']'), items.len(), |out, index| {
            write(&items[index], style, depth + 1, dice, out);
        }),
        Value::String(text) => string(text, style, out),
        scalar => out.push_str(&scalar.to_string()),
    }
}

fn brackets(
    out: &mut String,
    style: Style,
    depth: usize,
    (open, close): (char, char),
    len: usize,
    mut item: impl FnMut(&mut String, usize),
) {
    let line = |out: &mut String, depth: usize| {
        if let Some(indent) = style.indent.filter(|indent| *indent > 0) {
            out.push_str(if style.crlf { "\r\n" } else { "\n" });
            out.extend(std::iter::repeat_n(' ', indent * depth));
        }
    };
    out.push(open);
    for index in 0..len {
        if index > 0 {
            out.push_str(if style.indent.is_none() { ", " } else { "," });
        }
        line(out, depth + 1);
        item(out, index);
    }
    if len > 0 {
        line(out, depth);
    }
    out.push(close);
}

fn string(text: &str, style: Style, out: &mut String) {
    let quoted = Value::from(text).to_string();
    for char in quoted.chars() {
        if char.is_ascii() || !style.ascii {
            out.push(char);
        } else {
            let mut units = [0; 2];
            for unit in char.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
}

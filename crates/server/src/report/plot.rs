//! Lines over time as inline SVG, coloured by the page's style sheet.

use super::{
    html::Html,
    quantity::{Scale, axis_time, significant, unit_of},
};
use crate::chart::{Chart, ChartSeries};

/// A chart of one metric.
pub struct Plot {
    pub title: &'static str,
    pub metric: &'static str,
    pub scale: Scale,
    /// Drawn dashed: what the metric cannot pass.
    pub limit: Option<&'static str>,
    /// The axis need not begin at 0.
    pub floating: bool,
}

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 150.0;
const LEFT: f64 = 52.0;
const RIGHT: f64 = 8.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 20.0;

/// Draws the metric's lines; nothing when it was not recorded.
pub fn draw(plot: &Plot, chart: &Chart, html: &mut Html) {
    let of = |metric: Option<&'static str>| {
        let chosen = chart.series.iter().filter(move |line| Some(line.metric.as_str()) == metric);
        chosen.filter(|line| line.value.iter().any(Option::is_some)).collect::<Vec<_>>()
    };
    let (lines, limits) = (of(Some(plot.metric)), of(plot.limit));
    if lines.is_empty() {
        return;
    }
    let values = || lines.iter().chain(&limits).flat_map(|line| line.value.iter().flatten().copied());
    let top = values().fold(f64::MIN, f64::max);
    let bottom = if plot.floating { values().fold(f64::MAX, f64::min) } else { 0.0_f64.min(top) };
    let (factor, unit) = unit_of(top, plot.scale);
    let marks = marks(bottom / factor, top / factor);
    let (low, high) = (marks[0] * factor, marks[marks.len() - 1] * factor);
    let x = |ms: f64| {
        let span = (chart.to_ms - chart.from_ms).max(1e-6);
        LEFT + (ms - chart.from_ms) / span * (WIDTH - LEFT - RIGHT)
    };
    let y = |value: f64| {
        HEIGHT - BOTTOM - (value - low) / (high - low).max(f64::MIN_POSITIVE) * (HEIGHT - TOP - BOTTOM)
    };

    html.raw("<figure><figcaption><b>").text(plot.title).raw("</b> <small>").text(unit).raw("</small>");
    for (at, line) in lines.iter().enumerate() {
        html.raw("<span class=\"key g").number(at % 7 + 1).raw("\">");
        html.text(&line.gpu_id.as_ref().map_or("host".into(), |id| format!("GPU {id}"))).raw("</span>");
    }
    html.raw("</figcaption><svg viewBox=\"0 0 ").number(WIDTH).raw(" ").number(HEIGHT);
    html.raw("\" role=\"img\" aria-label=\"").text(plot.title).raw("\">");
    for mark in &marks {
        let at = y(mark * factor);
        html.raw("<path class=\"grid\" d=\"M").number(LEFT).raw(" ").number(format_args!("{at:.1}"));
        html.raw("H").number(WIDTH - RIGHT).raw("\"/><text x=\"").number(LEFT - 6.0).raw("\" y=\"");
        html.number(format_args!("{:.1}", at + 3.5)).raw("\" text-anchor=\"end\">");
        html.text(&shortest(*mark)).raw("</text>");
    }
    for part in 0..=4 {
        let ms = chart.from_ms + (chart.to_ms - chart.from_ms) * f64::from(part) / 4.0;
        let anchor = ["start", "middle", "middle", "middle", "end"][part as usize];
        html.raw("<text x=\"").number(format_args!("{:.1}", x(ms))).raw("\" y=\"").number(HEIGHT - 4.0);
        html.raw("\" text-anchor=\"").raw(anchor).raw("\">");
        html.text(&axis_time(ms, chart.to_ms - chart.from_ms)).raw("</text>");
    }
    for (class, drawn) in [("limit", &limits), ("line", &lines)] {
        for (at, line) in drawn.iter().enumerate() {
            html.raw("<path class=\"").raw(class).raw(" g").number(at % 7 + 1).raw("\" d=\"");
            html.raw(&path(line, &x, &y)).raw("\"/>");
        }
    }
    html.raw("</svg></figure>");
}

/// A gap lifts the pen.
fn path(line: &ChartSeries, x: &impl Fn(f64) -> f64, y: &impl Fn(f64) -> f64) -> String {
    let mut path = String::new();
    let mut down = false;
    for (ms, value) in line.t_ms.iter().zip(&line.value) {
        let Some(value) = value else {
            down = false;
            continue;
        };
        // A point alone is seen by its round end.
        let pen = if down { "L" } else { "M" };
        let (x, y) = (x(*ms), y(*value));
        path.push_str(&format!("{pen}{x:.1} {y:.1}"));
        if !down {
            path.push_str("h0");
        }
        down = true;
    }
    path
}

/// Round marks from at most `low` to at least `high`, about four.
fn marks(low: f64, high: f64) -> Vec<f64> {
    let rough = ((high - low) / 3.0).max(f64::MIN_POSITIVE);
    if !rough.is_finite() || rough < 1e-12 {
        if low == 0.0 {
            return vec![0.0, 1.0];
        }
        // A line that never moves lies in the middle.
        let step = 10_f64.powf(low.abs().log10().floor() - 1.0);
        return vec![low - step, low, low + step];
    }
    let unit = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * unit).into_iter().find(|step| *step >= rough);
    let step = step.unwrap_or(unit * 10.0);
    let (first, last) = ((low / step).floor() as i64, (high / step).ceil() as i64);
    (first..=last.max(first + 1)).map(|index| index as f64 * step).collect()
}

fn shortest(mark: f64) -> String {
    if mark != 0.0 && mark.abs() < 1e-5 {
        // Such marks are whole multiples of a power of ten, but for what adding them up costs.
        return format!("{:e}", format!("{mark:.1e}").parse().unwrap_or(mark));
    }
    let text = significant(mark);
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_round_and_hold_the_values() {
        let check = |low: f64, high: f64, expected: &[f64]| {
            let found = marks(low, high);
            assert_eq!(found.len(), expected.len(), "{found:?}");
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-9), "{found:?}");
        };
        check(0.0, 97.0, &[0.0, 50.0, 100.0]);
        check(0.0, 1.84, &[0.0, 1.0, 2.0]);
        check(31.0, 42.0, &[30.0, 35.0, 40.0, 45.0]);
        check(0.0, 0.0, &[0.0, 1.0]);
        check(65.0, 65.0, &[64.0, 65.0, 66.0]);
    }

    #[test]
    fn marks_are_short() {
        let check = |mark: f64, expected: &str| assert_eq!(shortest(mark), expected);
        check(0.0, "0");
        check(50.0, "50");
        check(2.5, "2.5");
        check(0.0004, "0.0004");
        check(3.0 * 2e-7, "6e-7");
    }
}

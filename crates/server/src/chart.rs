//! Metric series as lines to draw: offsets on one axis, thinned without losing extremes, gaps as
//! nulls, counters accumulated, and a lane per test.
//!
//! Pure: rows in, a chart out.

use serde::{Deserialize, Serialize};
use smoltrace_model::{
    counter, downsample,
    gpus::GpuMetric,
    rows::{Instrument, ResultRow, RunRow},
    series::{Series, SeriesSet},
};
use utoipa::ToSchema;

use crate::error::ApiError;

/// What to draw.
#[derive(Debug, Clone, PartialEq)]
pub struct ChartRequest {
    /// Empty for the seven of the metrics dataset; `*` for all.
    pub metrics: Vec<String>,
    /// Empty for all.
    pub gpu_ids: Vec<String>,
    pub from_ms: Option<f64>,
    pub to_ms: Option<f64>,
    /// At least 5, so that the extremes and a gap have room.
    pub max_points: usize,
}

/// Series and tests on one axis.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Chart {
    /// Origin of the axis, Unix ns: the run's start or its first sample, whichever is earlier.
    #[schema(example = "1795435200000000000")]
    pub t0_unix_nano: String,
    /// Start of the window, ms from the origin.
    pub from_ms: f64,
    /// End of the window, ms from the origin.
    pub to_ms: f64,
    /// By metric, then GPU.
    pub series: Vec<ChartSeries>,
    /// By start.
    pub tests: Vec<TestLane>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChartSeries {
    /// Metric name as emitted.
    #[schema(example = "gen_ai.gpu.power")]
    pub metric: String,
    /// Column of the metrics dataset; null for other metrics.
    #[schema(example = "gpu_power_watts")]
    pub column: Option<String>,
    /// As emitted (UCUM).
    #[schema(example = "W")]
    pub unit: String,
    pub instrument: Instrument,
    /// Whether `value` counts up from 0 across resets.
    pub accumulated: bool,
    /// Null for a series of the host.
    pub gpu_id: Option<String>,
    pub gpu_name: Option<String>,
    /// Samples in the window before thinning.
    pub total_points: usize,
    /// ms from the origin, ascending.
    pub t_ms: Vec<f64>,
    /// As many as `t_ms`; null marks a gap.
    pub value: Vec<Option<f64>>,
}

/// When a test ran.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestLane {
    pub test_uid: String,
    pub attempt: i64,
    pub trace_id: Option<String>,
    /// Null when unscored.
    pub success: Option<bool>,
    /// ms from the chart's origin.
    pub start_ms: f64,
    /// ms from the chart's origin.
    pub end_ms: f64,
}

/// An interval longer than this many usual ones is a gap.
const GAP_FACTOR: i64 = 3;

/// Draws the series of a run. Refuses a metric that the run does not have.
pub fn chart(
    run: &RunRow,
    set: &SeriesSet,
    results: &[ResultRow],
    request: &ChartRequest,
) -> Result<Chart, ApiError> {
    let wanted = wanted(set, &request.metrics)?;
    let mut chosen: Vec<(usize, &Series)> = Vec::new();
    let mut bounds = Bounds::default();
    bounds.add(run.start_time_unix_nano);
    bounds.add(run.end_time_unix_nano);
    for result in results {
        bounds.add(result.start_time_unix_nano);
        bounds.add(result.end_time_unix_nano);
    }
    for series in set.series() {
        // All series count for the origin, so that it is the same whatever is asked for.
        for sample in series.samples.iter().filter(|sample| sample.time_unix_nano > 0) {
            bounds.add(Some(sample.time_unix_nano));
        }
        let Some(place) = wanted.iter().position(|metric| *metric == series.info.metric) else { continue };
        let of_gpu = series.info.gpu_id.as_ref().is_some_and(|id| request.gpu_ids.contains(id));
        if request.gpu_ids.is_empty() || of_gpu {
            chosen.push((place, series));
        }
    }
    chosen.sort_by(|(a, x), (b, y)| {
        (a, gpu_order(x), &x.info.service).cmp(&(b, gpu_order(y), &y.info.service))
    });
    let t0 = bounds.first.unwrap_or(0);
    let axis = Axis { t0 };
    let window = Window {
        from: request.from_ms.map_or(t0, |ms| axis.instant(ms)),
        to: request.to_ms.map_or(bounds.last.unwrap_or(t0), |ms| axis.instant(ms)),
    };
    Ok(Chart {
        t0_unix_nano: t0.to_string(),
        from_ms: axis.ms(window.from),
        to_ms: axis.ms(window.to),
        series: chosen
            .into_iter()
            .map(|(_, series)| {
                let points = points(series, run.start_time_unix_nano);
                line(series, &points, axis, window, request.max_points)
            })
            .collect(),
        tests: lanes(results, axis),
    })
}

/// Metrics to draw, in the order to draw them.
fn wanted<'a>(set: &'a SeriesSet, metrics: &'a [String]) -> Result<Vec<&'a str>, ApiError> {
    if metrics.is_empty() {
        return Ok(published().collect());
    }
    let mut known: Vec<&str> = set.series().iter().map(|series| series.info.metric.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    if metrics.iter().any(|metric| metric == "*") {
        let others = known.into_iter().filter(|metric| !published().any(|one| one == *metric));
        return Ok(published().chain(others).collect());
    }
    match metrics
        .iter()
        .find(|metric| !known.contains(&metric.as_str()) && !published().any(|one| one == metric.as_str()))
    {
        Some(unknown) => Err(ApiError::invalid(format!(
            "the run has no metric `{unknown}`; it has {}",
            if known.is_empty() { "none".to_owned() } else { known.join(", ") }
        ))),
        None => Ok(metrics.iter().map(String::as_str).collect()),
    }
}

/// The metrics of the metrics dataset.
fn published<'a>() -> impl Iterator<Item = &'a str> {
    GpuMetric::ALL.into_iter().map(|metric| metric.name())
}

/// GPUs by number, then by name, the host last.
fn gpu_order(series: &Series) -> (bool, u64, Option<&str>) {
    let gpu_id = series.info.gpu_id.as_deref();
    (gpu_id.is_none(), gpu_id.and_then(|id| id.parse().ok()).unwrap_or(u64::MAX), gpu_id)
}

/// A counter adds up; anything else is what it is.
fn is_counter(series: &Series) -> bool {
    let info = &series.info;
    info.instrument == Instrument::Sum
        && (info.monotonic || GpuMetric::of(info).is_some_and(GpuMetric::is_counter))
}

/// The line's points in time order, each instant once.
fn points(series: &Series, run_start: Option<i64>) -> Vec<(i64, f64)> {
    let mut points = if is_counter(series) {
        counter::accumulated(series, run_start)
    } else {
        series.canonical().iter().map(|sample| (sample.time_unix_nano, sample.value)).collect()
    };
    points.retain(|(time, _)| *time > 0);
    points
}

#[derive(Default)]
struct Bounds {
    first: Option<i64>,
    last: Option<i64>,
}

impl Bounds {
    fn add(&mut self, time: Option<i64>) {
        let Some(time) = time.filter(|time| *time > 0) else { return };
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
    }
}

#[derive(Clone, Copy)]
struct Axis {
    t0: i64,
}

impl Axis {
    /// ms from the origin, to the microsecond.
    fn ms(self, time_unix_nano: i64) -> f64 {
        (time_unix_nano.saturating_sub(self.t0) as f64 / 1e3).round() / 1e3
    }

    fn instant(self, ms: f64) -> i64 {
        self.t0.saturating_add((ms * 1e6) as i64)
    }
}

/// Unix ns, both ends included.
#[derive(Clone, Copy)]
struct Window {
    from: i64,
    to: i64,
}

fn line(
    series: &Series,
    points: &[(i64, f64)],
    axis: Axis,
    window: Window,
    max_points: usize,
) -> ChartSeries {
    let first = points.partition_point(|(time, _)| *time < window.from);
    let last = points.partition_point(|(time, _)| *time <= window.to);
    // One more point on either side lets the line reach the window's edges.
    let drawn = &points[first.saturating_sub(1)..(last + 1).min(points.len())];
    let longest = usual_interval(points).map_or(i64::MAX, |interval| interval.saturating_mul(GAP_FACTOR));
    let curve = downsample::min_max(&downsample::mark_gaps(drawn, longest), max_points);
    let info = &series.info;
    ChartSeries {
        metric: info.metric.clone(),
        column: GpuMetric::from_name(&info.metric).map(|metric| metric.column().to_owned()),
        unit: info.unit.clone(),
        instrument: info.instrument,
        accumulated: is_counter(series),
        gpu_id: info.gpu_id.clone(),
        gpu_name: info.gpu_name.clone(),
        total_points: last.saturating_sub(first),
        t_ms: curve.iter().map(|(time, _)| axis.ms(*time)).collect(),
        value: curve.iter().map(|(_, value)| *value).collect(),
    }
}

/// The median time between samples, ns; none with too few samples to tell.
fn usual_interval(points: &[(i64, f64)]) -> Option<i64> {
    let mut intervals: Vec<i64> =
        points.windows(2).map(|pair| pair[1].0 - pair[0].0).filter(|interval| *interval > 0).collect();
    if intervals.len() < 2 {
        return None;
    }
    let middle = intervals.len() / 2;
    Some(*intervals.select_nth_unstable(middle).1)
}

fn lanes(results: &[ResultRow], axis: Axis) -> Vec<TestLane> {
    let mut lanes: Vec<(i64, TestLane)> = results
        .iter()
        .filter_map(|row| {
            let (start, end) = (row.start_time_unix_nano?, row.end_time_unix_nano?);
            Some((
                start,
                TestLane {
                    test_uid: row.test_uid.clone(),
                    attempt: row.attempt,
                    trace_id: row.trace_id.clone(),
                    success: row.success,
                    start_ms: axis.ms(start),
                    end_ms: axis.ms(end),
                },
            ))
        })
        .collect();
    lanes.sort_by(|(a, x), (b, y)| (a, &x.test_uid, x.attempt).cmp(&(b, &y.test_uid, y.attempt)));
    lanes.into_iter().map(|(_, lane)| lane).collect()
}

#[cfg(test)]
mod tests;

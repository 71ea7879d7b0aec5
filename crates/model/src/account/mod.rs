//! The whole account of a run: inputs in, its row and the rows of its executions out.
//!
//! Every number is made from spans and points (ACCOUNTING); what the source says of itself is
//! kept beside them. The same inputs in any order, and with any repeated, give the same rows, and
//! accounting what came out again changes nothing.

mod accounting;
mod calls;
mod chains;
mod counted;
mod devices;
mod differences;
mod executions;
mod footprint;
mod idle;
mod leaderboard;
mod text;

pub use accounting::{
    Accounting, CallEnergyFigures, Counts, DeviceFigures, Footprint, GpuFigures, Step, Totals,
};
pub use calls::CallEnergies;
pub use differences::{Difference, differences};
pub use executions::{is_synthesised, roots};

use crate::{
    aggregate,
    inputs::{Declared, RunInputs},
    price,
    rows::{PointRow, ResultRow, RunRow, Source, SpanRow},
    series::SeriesSet,
    usage::TraceUsage,
};
use executions::{Executions, Traces};
use footprint::Footprints;
use leaderboard::Facts;

/// Stop reason of an execution that a stop of the run cut off.
pub const RUN_STOPPED: &str = "run_stopped";

/// The rows of a run, sealed, of version 1.
#[derive(Debug, Clone, PartialEq)]
pub struct Accounted {
    pub run: RunRow,
    /// By start, test uid and attempt; executions without a trace come last.
    pub results: Vec<ResultRow>,
}

/// Accounts a run. Never fails: what is unknown stays null, what is odd is noted.
pub fn account_run(inputs: &RunInputs) -> Accounted {
    let mut set = SeriesSet::from_points(&inputs.points);
    set.adopt_hardware();
    account_series(inputs, &set)
}

/// [`account_run`] where the points stand in `set`, with its hardware metrics adopted, and
/// `inputs.points` is not read.
pub fn account_series(inputs: &RunInputs, set: &SeriesSet) -> Accounted {
    let traces = Traces::of(&inputs.spans);
    let executions = Executions::of(&inputs.run_id, &inputs.results, &traces.units);
    let footprints = Footprints::of(set, &inputs.declared.aggregates, &traces);
    let usage = TraceUsage::sum(traces.units.iter().map(|unit| &unit.usage));
    let counts = counts(inputs, &traces, &executions, set, &usage);
    let mut results: Vec<ResultRow> = executions
        .rows
        .into_iter()
        .map(|(mut row, place)| {
            if let Some(place) = place {
                executions::accounted(&mut row, &traces.units[place]);
                let known = |share: Option<f64>, source| match share {
                    Some(_) => (share, source),
                    None => (None, Source::None),
                };
                let Footprints { energy_wh, co2_g, power_cost_usd, .. } = &footprints;
                (row.energy_wh, row.energy_source) = known(energy_wh.shares[place], energy_wh.source);
                (row.co2_emissions_g, row.co2_source) = known(co2_g.shares[place], co2_g.source);
                (row.power_cost_usd, row.power_cost_source) =
                    known(power_cost_usd.shares[place], power_cost_usd.source);
            }
            row.sealed()
        })
        .collect();
    results.sort_by(|a, b| {
        let key = |row: &ResultRow| row.start_time_unix_nano.unwrap_or(i64::MAX);
        (key(a), &a.test_uid, a.attempt).cmp(&(key(b), &b.test_uid, b.attempt))
    });

    let run = leaderboard::run_row(&Facts {
        inputs,
        traces: &traces,
        results: &results,
        set,
        aggregates: aggregate::aggregate_run(set, traces.first_start),
        footprints: &footprints,
        usage: &usage,
        counts,
    });
    Accounted { run: run.sealed(), results }
}

fn counts(
    inputs: &RunInputs,
    traces: &Traces,
    executions: &Executions,
    set: &SeriesSet,
    usage: &TraceUsage,
) -> Counts {
    let (mut points, mut conflicting) = (0, 0);
    for series in set.series() {
        let distinct = series.canonical().len();
        points += distinct;
        if distinct < series.samples.len() {
            let mut samples: Vec<(i64, i64, u64)> = series
                .samples
                .iter()
                .map(|s| (s.time_unix_nano, s.start_time_unix_nano, s.value.to_bits()))
                .collect();
            samples.sort_unstable();
            samples.dedup();
            conflicting += samples.len() - distinct;
        }
    }
    Counts {
        spans: traces.spans,
        traces: traces.traces,
        orphan_spans: traces.orphans,
        duplicate_spans: traces.conflicting,
        points: points as i64,
        series: set.series().len() as i64,
        duplicate_points: conflicting as i64,
        dropped_non_finite: (inputs.dropped_non_finite + set.dropped_non_finite) as i64,
        listed_results: executions.listed,
        results_without_trace: executions.without_trace,
        traces_without_result: executions.synthesised,
        llm_calls: usage.llm_calls,
        tool_calls: usage.tool_calls,
        usage_spans: usage.usage_spans,
        reported_cost_spans: usage.reported_cost_spans,
        priced_calls: usage.priced_calls,
        unpriced_calls: usage.unpriced_calls,
    }
}

impl RunInputs {
    /// The inputs of a run as its stored rows tell them: [`account_run`] gives the same rows again.
    /// The rows must be the newest version of each, of this run alone.
    pub fn from_tables(
        run: &RunRow,
        results: Vec<ResultRow>,
        spans: Vec<SpanRow>,
        points: Vec<PointRow>,
    ) -> Self {
        let declared: Declared = serde_json::from_str(&run.declared).unwrap_or_default();
        let accounting: Accounting = serde_json::from_str(&run.accounting).unwrap_or_default();
        let stored = points.iter().filter(|point| !point.value.is_finite()).count() as u64;
        let dropped = u64::try_from(accounting.counts.dropped_non_finite).unwrap_or(0);
        Self {
            run_id: run.run_id.clone(),
            declared,
            origin: run.origin.clone(),
            spans,
            points,
            results,
            dropped_non_finite: dropped.saturating_sub(stored),
        }
    }
}

/// The price table behind the costs that no client emitted.
fn price_table(usage: &TraceUsage) -> Option<price::PriceTable> {
    (usage.priced_calls > 0).then(|| price::table().clone())
}

//! The run row: names, rounding and nullability as published ("The leaderboard row").

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{
    RUN_STOPPED,
    accounting::{Accounting, Counts, Totals},
    chains,
    executions::Traces,
    footprint::{Footprints, Quantity},
    price_table, text,
    text::round,
};
use crate::{
    aggregate::GpuAggregates,
    attempts::Attempts,
    estimate::{self, Call, Estimate},
    gpus::Gpus,
    inputs::{Declared, RunInputs},
    rows::{ResultRow, RunRow, RunStatus, Source, SpanRow},
    series::SeriesSet,
    stats,
    time::iso_micros,
    trace::{most_frequent, ms},
    usage::TraceUsage,
};

/// Everything that the row is made of.
pub(super) struct Facts<'a> {
    pub(super) inputs: &'a RunInputs,
    pub(super) traces: &'a Traces<'a>,
    pub(super) results: &'a [ResultRow],
    pub(super) set: &'a SeriesSet,
    pub(super) aggregates: GpuAggregates,
    pub(super) footprints: &'a Footprints,
    pub(super) usage: &'a TraceUsage,
    pub(super) counts: Counts,
}

/// The executions that count, and what became of them.
pub(super) struct Outcomes<'a> {
    pub(super) counted: Vec<&'a ResultRow>,
    pub(super) passed: i64,
    pub(super) failed: i64,
    pub(super) unscored: i64,
    pub(super) interrupted: i64,
}

impl<'a> Outcomes<'a> {
    fn of(results: &'a [ResultRow]) -> Self {
        let interrupted = |row: &&ResultRow| row.stop_reason.as_deref() == Some(RUN_STOPPED);
        let counted: Vec<&ResultRow> = results.iter().filter(|row| !interrupted(row)).collect();
        let with = |success| counted.iter().filter(|row| row.success == success).count() as i64;
        Self {
            passed: with(Some(true)),
            failed: with(Some(false)),
            unscored: with(None),
            interrupted: (results.len() - counted.len()) as i64,
            counted,
        }
    }

    pub(super) fn scored(&self) -> i64 {
        self.passed + self.failed
    }

    /// Mean over the executions that have the value.
    fn mean(&self, value: impl Fn(&ResultRow) -> Option<f64>) -> Option<f64> {
        let mut values: Vec<f64> = self.counted.iter().filter_map(|row| value(row)).collect();
        let n = values.len() as f64;
        (!values.is_empty()).then(|| crate::sum::sum_unordered(&mut values) / n)
    }
}

pub(super) fn run_row(facts: &Facts) -> RunRow {
    let Facts { inputs, traces, results, set, aggregates, footprints, usage, .. } = facts;
    let declared = &inputs.declared;
    let outcomes = Outcomes::of(results);
    let mut notes = Vec::new();

    let duration_ns = duration_ns(results);
    let counted = outcomes.counted.iter();
    let attempts = Attempts::of(counted.map(|row| (row.test_uid.as_str(), row.attempt, row.success)));
    let interval = stats::wilson(outcomes.passed as u64, outcomes.scored() as u64, stats::Z_95);
    let percent = |share: f64| round(share * 100.0, 2);
    let per_test = |total: Option<f64>| {
        total.filter(|_| !outcomes.counted.is_empty()).map(|total| total / outcomes.counted.len() as f64)
    };
    let counted_tokens = outcomes.counted.iter().filter_map(|row| row.total_tokens).fold(None, plus);
    let mean_cost = {
        let mut costs: Vec<f64> = outcomes.counted.iter().filter_map(|row| row.cost_usd).collect();
        per_test((!costs.is_empty()).then(|| crate::sum::sum_unordered(&mut costs)))
    };
    let purpose = declared.text(&["purpose"]);
    if let Some(given) = &purpose
        && text::purpose(given).is_none()
    {
        notes.push(format!("The purpose {given:?} is none of selection, regression, monitoring; left out."));
    }
    let simulated = Simulated::find(inputs, set);
    let kebab = |key: &str| declared.text(&[key]).and_then(|value| text::kebab(&value));
    let model = declared
        .text(&["model", "model_name"])
        .or_else(|| most_frequent(results.iter().filter_map(|row| row.model.as_deref())).map(str::to_owned))
        .or_else(|| most_frequent(traces.models.iter().copied()).map(str::to_owned));
    let digits2 = |value: Option<f64>| value.map(|value| round(value, 2));

    let mut row = RunRow {
        run_id: inputs.run_id.clone(),
        version: 1,
        model: model.unwrap_or_else(|| "unknown".into()),
        agent_type: declared.text(&["agent_type"]).unwrap_or_else(|| agent_type(results)),
        provider: declared
            .text(&["provider"])
            .or_else(|| most_frequent(traces.providers.iter().copied()).map(str::to_owned)),
        timestamp: declared
            .text(&["timestamp", "evaluation_date"])
            .map(|timestamp| text::timestamp(&timestamp))
            .or_else(|| traces.first_start.map(|start| format!("{}Z", iso_micros(start)))),
        submitted_by: declared.text(&["submitted_by"]),
        use_case: kebab("use_case"),
        team: kebab("team"),
        purpose: purpose.and_then(|purpose| text::purpose(&purpose)),
        suite_version: kebab("suite_version"),
        hardware: declared.text(&["hardware"]),
        results_dataset: declared.text(&["results_dataset"]),
        traces_dataset: declared.text(&["traces_dataset"]),
        metrics_dataset: declared.text(&["metrics_dataset"]),
        dataset_used: declared.text(&["dataset_used"]),
        status: status(declared, &outcomes),
        simulated: !simulated.is_empty(),
        total_tests: outcomes.counted.len() as i64,
        successful_tests: outcomes.passed,
        failed_tests: outcomes.failed,
        unscored_tests: outcomes.unscored,
        interrupted_tests: outcomes.interrupted,
        success_rate: interval.as_ref().map(|interval| percent(interval.estimate)),
        success_rate_ci_low: interval.as_ref().map(|interval| percent(interval.low)),
        success_rate_ci_high: interval.as_ref().map(|interval| percent(interval.high)),
        attempts: attempts.most,
        pass_at_1: attempts.pass_at_1().map(|share| round(share, 4)),
        pass_at_k: attempts.pass_at_k().map(|share| round(share, 4)),
        pass_hat_k: attempts.pass_hat_k().map(|share| round(share, 4)),
        avg_steps: digits2(outcomes.mean(|row| row.steps.map(|steps| steps as f64))),
        avg_duration_ms: digits2(outcomes.mean(|row| row.duration_ms)),
        total_duration_ms: digits2(duration_ns.map(ms)),
        wall_ms: traces.first_start.zip(traces.last_end).map(|(first, last)| ms(last.saturating_sub(first))),
        total_tokens: usage.total_tokens,
        total_input_tokens: usage.input_tokens,
        total_output_tokens: usage.output_tokens,
        avg_tokens_per_test: counted_tokens
            .and_then(|tokens| tokens.checked_div(outcomes.counted.len() as i64)),
        total_cost_usd: usage.cost_usd.map(|usd| round(usd, 6)),
        avg_cost_per_test_usd: mean_cost.map(|usd| round(usd, 6)),
        cost_source: usage.cost_source,
        energy_wh: footprints.energy_wh.total,
        energy_source: footprints.energy_wh.source,
        co2_emissions_g: published(&footprints.co2_g, 4),
        co2_source: footprints.co2_g.source,
        power_cost_total_usd: published(&footprints.power_cost_usd, 6),
        power_cost_source: footprints.power_cost_usd.source,
        unattributed_co2_g: footprints.co2_g.unattributed,
        unattributed_power_cost_usd: footprints.power_cost_usd.unattributed,
        unattributed_energy_wh: footprints.energy_wh.unattributed,
        gpu_count: Gpus::of(set).count() as i64,
        gpu_utilization_avg: digits2(aggregates.utilization_avg),
        gpu_utilization_max: digits2(aggregates.utilization_max),
        gpu_memory_avg_mib: digits2(aggregates.memory_avg),
        gpu_memory_max_mib: digits2(aggregates.memory_max),
        gpu_temperature_avg: digits2(aggregates.temperature_avg),
        gpu_temperature_max: digits2(aggregates.temperature_max),
        gpu_power_avg_w: digits2(aggregates.power_avg),
        notes: declared.text(&["notes"]),
        start_time_unix_nano: traces.first_start,
        end_time_unix_nano: traces.last_end,
        origin: inputs.origin.clone(),
        declared: serde_json::to_string(declared).unwrap_or_else(|_| "{}".into()),
        accounting: String::new(),
        row_id: String::new(),
    };
    notes.extend(simulated);
    notes.extend(footprints.notes.iter().cloned());
    notes.extend(remarks(facts, &outcomes));
    let accounting = Accounting {
        counts: facts.counts.clone(),
        totals: Totals {
            total_tokens: usage.total_tokens,
            total_duration_ms: duration_ns.map(ms),
            total_cost_usd: usage.cost_usd,
            energy_wh: footprints.energy_wh.total,
            co2_emissions_g: footprints.co2_g.total,
            power_cost_usd: footprints.power_cost_usd.total,
        },
        unattributed: footprints.unattributed(),
        gpus: footprints.gpus.clone(),
        devices: footprints.devices.clone(),
        factors: footprints.factors.clone(),
        call_energy: footprints.call_energy,
        estimate: declared.estimate.then(|| hosted(&traces.counted)).flatten(),
        price_table: price_table(usage),
        unpriced_models: traces.unpriced_models.iter().cloned().collect(),
        chains: chains::of(facts, &outcomes, &row),
        notes,
    };
    row.accounting = serde_json::to_string(&accounting).unwrap_or_else(|_| "{}".into());
    row
}

fn plus(sum: Option<i64>, value: i64) -> Option<i64> {
    Some(sum.unwrap_or(0).saturating_add(value))
}

/// Sum of the executions' durations; null when none has one.
fn duration_ns(results: &[ResultRow]) -> Option<i64> {
    let of = |row: &ResultRow| Some(row.end_time_unix_nano?.saturating_sub(row.start_time_unix_nano?));
    results.iter().filter_map(of).fold(None, plus)
}

/// 0 when unknown, as SMOLTRACE publishes it; the source tells.
fn published(quantity: &Quantity, digits: usize) -> f64 {
    quantity.total.map_or(0.0, |total| round(total, digits))
}

/// What the executions call their agents: one name, `both` of tool and code, else all names.
fn agent_type(results: &[ResultRow]) -> String {
    let types: BTreeSet<&str> = results.iter().map(|row| row.agent_type.as_str()).collect();
    let types: Vec<&str> = types.into_iter().collect();
    match types[..] {
        [] => "unknown".into(),
        ["code", "tool"] => "both".into(),
        _ => types.join("+"),
    }
}

fn status(declared: &Declared, outcomes: &Outcomes) -> RunStatus {
    let said = declared.text(&["run_status", "status"]);
    let said = said.and_then(|said| RunStatus::parse(&said.to_lowercase()));
    said.unwrap_or(match (outcomes.interrupted, outcomes.counted.len()) {
        (0, _) => RunStatus::Completed,
        (_, 0) => RunStatus::Failed,
        _ => RunStatus::Partial,
    })
}

/// Whether anything behind the numbers was simulated, and what says so.
struct Simulated;

impl Simulated {
    fn find(inputs: &RunInputs, set: &SeriesSet) -> Vec<String> {
        let mut notes = Vec::new();
        let declared = &inputs.declared;
        if declared.simulated || declared.flag(&["simulated"]) {
            notes.push("Simulated: the source says so.".into());
        }
        let resources: BTreeSet<&str> = (inputs.spans.iter().map(|span| span.resource.as_str()))
            .chain(set.series().iter().map(|series| series.info.resource.as_str()))
            .filter(|resource| resource.contains("smoltrace.simulated"))
            .collect();
        if resources.iter().any(|resource| says_simulated(resource)) {
            notes.push("Simulated: the telemetry's resource says so.".into());
        }
        let is_simulated = |name: &&str| name.to_lowercase().contains("simulated");
        let gpus: BTreeSet<&str> = set
            .series()
            .iter()
            .filter_map(|series| series.info.gpu_name.as_deref())
            .filter(is_simulated)
            .collect();
        if !gpus.is_empty() {
            let names = gpus.into_iter().collect::<Vec<_>>().join(", ");
            notes.push(format!("Simulated: the GPUs are named so ({names})."));
        } else if let Some(hardware) = declared.text(&["hardware"])
            && is_simulated(&hardware.as_str())
        {
            notes.push(format!("Simulated: the hardware is named so ({hardware})."));
        }
        notes
    }
}

fn says_simulated(resource: &str) -> bool {
    let resource: Map<String, Value> = serde_json::from_str(resource).unwrap_or_default();
    match resource.get("smoltrace.simulated") {
        Some(Value::Bool(said)) => *said,
        Some(Value::String(said)) => said.eq_ignore_ascii_case("true"),
        _ => false,
    }
}

/// What the calls that tell their tokens are estimated to have used.
fn hosted(spans: &[&SpanRow]) -> Option<Estimate> {
    let call = |span: &&SpanRow| {
        let ns = span.end_time_unix_nano.saturating_sub(span.start_time_unix_nano);
        (span.model.clone(), span.output_tokens, ns.max(0) as f64 / 1e9)
    };
    let mut calls: Vec<(Option<String>, Option<i64>, f64)> = spans.iter().map(call).collect();
    // Doubles are added in one order, whatever came first.
    calls.sort_by(|a, b| (&a.0, a.1).cmp(&(&b.0, b.1)).then(a.2.total_cmp(&b.2)));
    let calls = calls.iter().map(|(model, output_tokens, seconds)| Call {
        model: model.as_deref(),
        output_tokens: *output_tokens,
        seconds: *seconds,
    });
    estimate::of_calls(calls)
}

/// What a reader of the numbers should know.
fn remarks(facts: &Facts, outcomes: &Outcomes) -> Vec<String> {
    let Facts { footprints, usage, counts, .. } = facts;
    let mut notes = Vec::new();
    let mut say = |count: i64, sentence: String| {
        if count > 0 {
            notes.push(sentence);
        }
    };
    say(
        counts.unpriced_calls,
        format!(
            "{} call(s) have no known price and are not in the cost ({}).",
            counts.unpriced_calls,
            facts.traces.unpriced_models.iter().cloned().collect::<Vec<_>>().join(", ")
        ),
    );
    say(
        usage.priced_calls.min(usage.reported_cost_spans),
        format!(
            "The cost is in part the client's ({} spans) and in part tokens times list prices ({} calls).",
            usage.reported_cost_spans, usage.priced_calls
        ),
    );
    say(
        outcomes.interrupted,
        format!(
            "{} execution(s) were cut off by a stop: in the totals, but in no score or average.",
            outcomes.interrupted
        ),
    );
    say(
        counts.results_without_trace,
        format!("{} result(s) have no trace here.", counts.results_without_trace),
    );
    say(
        counts.traces_without_result,
        format!(
            "{} execution(s) are known from their traces alone; no result lists them.",
            counts.traces_without_result
        ),
    );
    say(counts.orphan_spans, format!("{} span(s) name a parent that is not here.", counts.orphan_spans));
    say(
        counts.duplicate_spans,
        format!(
            "{} span row(s) have the id of another one; the one that ended last counts.",
            counts.duplicate_spans
        ),
    );
    say(
        counts.duplicate_points,
        format!(
            "{} metric point(s) stand at the time of another one of their series; the greatest counts.",
            counts.duplicate_points
        ),
    );
    say(
        counts.dropped_non_finite,
        format!("{} metric value(s) were NaN or infinite and were dropped.", counts.dropped_non_finite),
    );
    for (metric, source) in &facts.set.stand_ins {
        say(1, format!("{metric} is read from {source}."));
    }
    for (name, quantity) in [("CO2", &footprints.co2_g), ("power cost", &footprints.power_cost_usd)] {
        say(
            i64::from(quantity.source == Source::TraceAggregate),
            format!("The {name} is a total beside the traces: it cannot be divided among the tests."),
        );
    }
    notes
}

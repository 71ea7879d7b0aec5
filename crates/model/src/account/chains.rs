//! "How is this computed": per field of the run row, the steps that lead to its value.

use std::collections::BTreeMap;

use super::{
    accounting::Step,
    footprint::Quantity,
    leaderboard::{Facts, Outcomes},
};
use crate::{
    aggregate::{self, GaugeStats},
    gpus::GpuMetric,
    price,
    rows::{RunRow, Source},
};

pub(super) fn of(facts: &Facts, outcomes: &Outcomes, row: &RunRow) -> BTreeMap<String, Vec<Step>> {
    let mut chains = BTreeMap::new();
    let mut add = |field: &str, steps: Vec<Step>| {
        if !steps.is_empty() {
            chains.insert(field.to_owned(), steps);
        }
    };
    add("success_rate", success_rate(outcomes, row));
    add("total_tokens", tokens(facts, row));
    add("total_cost_usd", cost(facts, row));
    add("total_duration_ms", duration(facts, row));
    let average = |what: &str, value: Option<f64>, unit: &str| match value {
        Some(value) => vec![
            Step::count("Executions that count", row.total_tests),
            Step::new(what, value, unit).from(Source::Reported),
        ],
        None => Vec::new(),
    };
    add("avg_steps", average("Mean of their steps, where they are known", row.avg_steps, ""));
    add(
        "avg_duration_ms",
        average("Mean of their durations, where they have a trace", row.avg_duration_ms, "ms"),
    );
    let tokens_each = row.avg_tokens_per_test.map(|tokens| tokens as f64);
    add(
        "avg_tokens_per_test",
        average("Their tokens, divided; the fraction is cut off", tokens_each, "tokens"),
    );
    add("avg_cost_per_test_usd", average("Their known cost, divided", row.avg_cost_per_test_usd, "USD"));
    let footprints = facts.footprints;
    add("co2_emissions_g", footprint(&footprints.co2_g, "g", Some(row.co2_emissions_g)));
    add("power_cost_total_usd", footprint(&footprints.power_cost_usd, "USD", Some(row.power_cost_total_usd)));
    add("energy_wh", footprint(&footprints.energy_wh, "Wh", None));
    for (metric, average, maximum, unit) in [
        (GpuMetric::Utilization, "gpu_utilization_avg", Some("gpu_utilization_max"), "%"),
        (GpuMetric::MemoryUsed, "gpu_memory_avg_mib", Some("gpu_memory_max_mib"), "MiB"),
        (GpuMetric::Temperature, "gpu_temperature_avg", Some("gpu_temperature_max"), "°C"),
        (GpuMetric::Power, "gpu_power_avg_w", None, "W"),
    ] {
        let Some(gauge) = aggregate::gauge(facts.set, metric) else { continue };
        add(average, gauge_steps(metric, gauge, row.gpu_count, "Mean", gauge.mean, unit));
        if let Some(maximum) = maximum {
            add(maximum, gauge_steps(metric, gauge, row.gpu_count, "Maximum", gauge.max, unit));
        }
    }
    chains
}

fn success_rate(outcomes: &Outcomes, row: &RunRow) -> Vec<Step> {
    vec![
        Step::count("Executions that count", row.total_tests),
        Step::count("Without a verdict, left out", outcomes.unscored),
        Step::count("Scored", outcomes.scored()),
        Step::count("Passed", outcomes.passed),
        Step::new("Passed of scored", row.success_rate, "%"),
        Step::new("95% interval, low", row.success_rate_ci_low, "%").note("Wilson score interval."),
        Step::new("95% interval, high", row.success_rate_ci_high, "%").note("Wilson score interval."),
    ]
}

fn tokens(facts: &Facts, row: &RunRow) -> Vec<Step> {
    let tokens = |label: &str, tokens: Option<i64>| {
        Step::new(label, tokens.map(|tokens| tokens as f64), "tokens").from(match tokens {
            Some(_) => Source::Reported,
            None => Source::None,
        })
    };
    let bearing = facts.traces.bearing;
    vec![
        Step::count("Spans", facts.counts.spans),
        Step::count("Spans that bear token counts", bearing),
        Step::count("Of these, repeated by a span beneath them", bearing - facts.counts.usage_spans)
            .note("A parent repeats its children's sum; only the deepest spans count."),
        Step::count("Spans that count", facts.counts.usage_spans),
        tokens("Input", row.total_input_tokens),
        tokens("Output", row.total_output_tokens),
        tokens("Total", row.total_tokens),
    ]
}

fn cost(facts: &Facts, row: &RunRow) -> Vec<Step> {
    let usage = facts.usage;
    let mut steps = Vec::new();
    if usage.reported_cost_spans > 0 {
        let note = format!(
            "Emitted by the client on {} span(s) that no span beneath repeats.",
            usage.reported_cost_spans
        );
        steps.push(
            Step::new("Emitted cost", usage.reported_cost_usd, "USD").from(Source::Reported).note(note),
        );
    }
    if usage.priced_calls > 0 {
        let table = price::table();
        let note = format!(
            "{} call(s): tokens times list prices, cached input at its own price ({}, {}).",
            usage.priced_calls, table.id, table.date
        );
        steps.push(
            Step::new("Priced calls", usage.priced_cost_usd, "USD").from(Source::PriceTable).note(note),
        );
    }
    if usage.unpriced_calls > 0 {
        steps.push(
            Step::new("Calls without a known price", None, "USD")
                .note(format!("{} call(s), not in the total.", usage.unpriced_calls)),
        );
    }
    if !steps.is_empty() {
        steps.push(Step::new("Total", usage.cost_usd, "USD").from(usage.cost_source));
        steps.push(Step::new("Rounded to 6 decimals", row.total_cost_usd, "USD").from(usage.cost_source));
    }
    steps
}

fn duration(facts: &Facts, row: &RunRow) -> Vec<Step> {
    let timed = facts.results.iter().filter(|result| result.duration_ms.is_some()).count() as i64;
    vec![
        Step::count("Executions with a trace", timed).note("Each lasts as long as its root span."),
        Step::new("Sum of their durations, 2 decimals", row.total_duration_ms, "ms").from(Source::Reported),
        Step::new("First start to last end", row.wall_ms, "ms")
            .from(Source::Reported)
            .note("Shorter than the sum when executions overlap."),
    ]
}

fn footprint(quantity: &Quantity, unit: &str, rounded: Option<f64>) -> Vec<Step> {
    let Some(total) = quantity.total else { return Vec::new() };
    let step = |label: &str, value: Option<f64>| Step::new(label, value, unit).from(quantity.source);
    let mut steps = quantity.steps.clone();
    steps.push(step("Total", Some(total)));
    steps.extend(rounded.map(|rounded| step("Rounded as published", Some(rounded))));
    if quantity.source == Source::TraceAggregate {
        return steps;
    }
    let unattributed = quantity.unattributed;
    steps.push(
        step("While tests ran", unattributed.map(|rest| (total - rest).max(0.0)))
            .note("Divided equally among the tests active at each moment."),
    );
    steps.push(step("While no test ran", unattributed));
    steps
}

fn gauge_steps(
    metric: GpuMetric,
    gauge: GaugeStats,
    gpus: i64,
    label: &str,
    value: f64,
    unit: &str,
) -> Vec<Step> {
    vec![
        Step::count("GPUs", gpus),
        Step::count("Points of all GPUs", gauge.points as i64).note(format!("Metric {}.", metric.name())),
        Step::new(label, value, unit).from(Source::Reported),
    ]
}

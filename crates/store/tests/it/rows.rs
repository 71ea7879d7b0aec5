//! Rows to store, the same for the same arguments.

use std::path::Path;

use smoltrace_model::rows::{
    EventRow, Instrument, PointRow, ResultRow, RunRow, RunStatus, Source, SpanKind, SpanRow, SpanStatus,
    Temporality,
};
use smoltrace_store::{Batch, Store, StoreOptions};

pub fn trace_id(trace: usize) -> String {
    format!("{:032x}", trace + 1)
}

pub fn span(run: &str, trace: usize, index: usize) -> SpanRow {
    let start = 1_700_000_000_000_000_000 + (trace * 1_000_000_000 + index * 1_000) as i64;
    SpanRow {
        run_id: run.into(),
        trace_id: trace_id(trace),
        span_id: format!("{:016x}", trace * 100_000 + index + 1),
        parent_span_id: (index > 0).then(|| format!("{:016x}", trace * 100_000 + 1)),
        test_uid: None,
        name: format!("step {index}"),
        kind: SpanKind::Llm,
        start_time_unix_nano: start,
        end_time_unix_nano: start + 500,
        status: SpanStatus::Ok,
        status_message: None,
        service: "agent".into(),
        model: Some("m-1".into()),
        provider: None,
        input_tokens: Some(index as i64),
        output_tokens: Some(2),
        total_tokens: Some(index as i64 + 2),
        cache_read_tokens: None,
        cache_write_tokens: None,
        reasoning_tokens: None,
        emitted_cost_usd: Some(0.25),
        attributes: format!(r#"{{"index":{index},"text":"a „quoted“ value"}}"#),
        events: r#"[{"name":"e"}]"#.into(),
        links: "[]".into(),
        resource: r#"{"service.name":"agent"}"#.into(),
        scope: "{}".into(),
        row_id: String::new(),
    }
    .sealed()
}

pub fn point(run: &str, gpu: usize, tick: usize) -> PointRow {
    PointRow {
        run_id: run.into(),
        service: "agent".into(),
        metric: if tick.is_multiple_of(2) { "gen_ai.gpu.power" } else { "gen_ai.co2.emissions" }.into(),
        unit: "W".into(),
        instrument: Instrument::Gauge,
        temporality: Temporality::Unspecified,
        monotonic: false,
        gpu_id: Some(gpu.to_string()),
        gpu_name: None,
        attributes: format!(r#"{{"gpu_id":"{gpu}"}}"#),
        resource: "{}".into(),
        scope: "{}".into(),
        series_id: format!("{gpu:032x}"),
        start_time_unix_nano: None,
        time_unix_nano: 1_700_000_000_000_000_000 + tick as i64 * 1_000_000_000,
        value: tick as f64 / 3.0,
        detail: None,
        row_id: String::new(),
    }
    .sealed()
}

pub fn result(run: &str, test: usize, success: Option<bool>) -> ResultRow {
    ResultRow {
        run_id: run.into(),
        test_uid: format!("tool:t{test}"),
        test_id: format!("t{test}"),
        agent_type: "tool".into(),
        attempt: 1,
        model: Some("m-1".into()),
        prompt: Some("What is 2 + 2?".into()),
        success,
        tools_used: vec!["calculator".into(), "search".into()],
        steps: Some(3),
        trace_id: Some(trace_id(test)),
        duration_ms: Some(1.5),
        co2_emissions_g: Some(0.5),
        co2_source: Source::Reported,
        ..ResultRow::blank()
    }
    .sealed()
}

pub fn run(id: &str, notes: &str) -> RunRow {
    RunRow {
        run_id: id.into(),
        version: 1,
        model: "m-1".into(),
        agent_type: "tool".into(),
        provider: None,
        timestamp: Some("2026-01-02T03:04:05Z".into()),
        submitted_by: None,
        use_case: None,
        team: None,
        purpose: None,
        suite_version: None,
        hardware: None,
        results_dataset: None,
        traces_dataset: None,
        metrics_dataset: None,
        dataset_used: None,
        status: RunStatus::Completed,
        simulated: false,
        total_tests: 2,
        successful_tests: 1,
        failed_tests: 1,
        unscored_tests: 0,
        interrupted_tests: 0,
        success_rate: Some(50.0),
        success_rate_ci_low: None,
        success_rate_ci_high: None,
        attempts: 1,
        pass_at_1: None,
        pass_at_k: None,
        pass_hat_k: None,
        avg_steps: None,
        avg_duration_ms: None,
        total_duration_ms: None,
        wall_ms: None,
        total_tokens: Some(123),
        total_input_tokens: None,
        total_output_tokens: None,
        avg_tokens_per_test: None,
        total_cost_usd: None,
        avg_cost_per_test_usd: None,
        cost_source: Source::None,
        energy_wh: None,
        energy_source: Source::None,
        co2_emissions_g: 1.8413,
        co2_source: Source::Reported,
        power_cost_total_usd: 0.0,
        power_cost_source: Source::None,
        unattributed_co2_g: None,
        unattributed_power_cost_usd: None,
        unattributed_energy_wh: None,
        gpu_count: 2,
        gpu_utilization_avg: None,
        gpu_utilization_max: None,
        gpu_memory_avg_mib: None,
        gpu_memory_max_mib: None,
        gpu_temperature_avg: None,
        gpu_temperature_max: None,
        gpu_power_avg_w: None,
        notes: Some(notes.into()),
        start_time_unix_nano: None,
        end_time_unix_nano: None,
        origin: "otlp".into(),
        declared: "{}".into(),
        accounting: "{}".into(),
        row_id: String::new(),
    }
    .sealed()
}

/// An event that came apart from its span.
pub fn event(run: &str, trace: usize, index: usize, name: &str) -> EventRow {
    let of = span(run, trace, index);
    let time = of.start_time_unix_nano + 1;
    EventRow {
        run_id: run.into(),
        trace_id: of.trace_id,
        span_id: of.span_id,
        time_unix_nano: time,
        name: name.into(),
        service: of.service,
        event: format!(r#"{{"attributes":{{}},"name":"{name}","time_unix_nano":{time}}}"#),
        row_id: String::new(),
    }
    .sealed()
}

/// A whole run: `traces` traces of three spans, as many results, twenty points.
pub fn batch(id: &str, traces: usize) -> Batch {
    Batch {
        spans: (0..traces)
            .flat_map(|trace| (0..3).map(move |index| (trace, index)))
            .map(|(t, i)| span(id, t, i))
            .collect(),
        points: (0..20).map(|tick| point(id, tick % 2, tick)).collect(),
        results: (0..traces).map(|test| result(id, test, Some(test % 2 == 0))).collect(),
        runs: vec![run(id, "first")],
        ..Batch::default()
    }
}

pub async fn open(dir: &Path) -> Store {
    Store::open(dir, StoreOptions::default()).await.unwrap()
}

/// All rows of all runs, in a form that two stores can be compared by.
pub async fn contents(store: &Store) -> Vec<smoltrace_store::RunData> {
    let mut all = Vec::new();
    for id in store.run_ids().await.unwrap() {
        all.push(store.run_data(&id).await.unwrap());
    }
    all
}

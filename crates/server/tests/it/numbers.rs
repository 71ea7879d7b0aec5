//! The numbers of the two-GPU recording, and that they hang together from run to sample.

use smoltrace_exchange::import;
use smoltrace_model::{
    factors::{ElectricityPrice, Factors, GridIntensity, POWER_SOURCE},
    rows::{Instrument, Source, SpanKind},
    series::{Sample, SeriesInfo, SeriesSet},
};
use smoltrace_server::{
    chart::Chart,
    routes::{
        performance::Performance, result::ResultDetail, results::ResultsPage, run::RunDetail, runs::RunsPage,
        spans::SpansPage, trace::TraceDetail, traces::TraceList,
    },
};

use crate::support::{ODD_ID, RECORDING, Server, fixture, of_run, read};

/// Equal to the last few bits.
fn assert_close(a: Option<f64>, b: Option<f64>, what: &str) {
    let (a, b) = a.zip(b).unwrap_or_else(|| panic!("{what}: {a:?} against {b:?}"));
    assert!((a - b).abs() <= 1e-9 * b.abs(), "{what}: {a} is not {b}");
}

/// What tests and the rest of the time add up to.
fn sum(tests: Option<f64>, rest: Option<f64>) -> Option<f64> {
    tests.map(|tests| tests + rest.unwrap_or(0.0))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recording_is_counted_once() {
    let server = Server::with_recordings().await;
    let page: RunsPage = server
        .get_as("/api/v1/runs?q=gpt-4.1-nano&hardware=Simulated%20GPU%2080GB%2080%20GB%20%C3%97%202")
        .await;
    assert_eq!(page.total, 1);
    let run = &page.items[0];
    assert_eq!(run.run_id, RECORDING);
    assert_eq!(run.total_tokens, Some(26_002));
    assert_eq!(run.total_duration_ms, Some(34_363.52));
    assert_eq!(run.co2_emissions_g, Some(1.8413));
    assert_eq!(run.power_cost_total_usd, Some(0.000465));
    assert_eq!(run.gpu_count, 2);
    assert!(run.simulated);
    assert_eq!((run.total_tests, run.successful_tests, run.failed_tests), (12, 9, 3));
    assert_eq!(page.summary.total_tokens, Some(26_002));
    assert_eq!(page.summary.co2_emissions_g, Some(1.8413));
    assert_eq!(page.summary.simulated_runs, 1);

    let detail: RunDetail = server.get_as(&of_run(RECORDING, "")).await;
    assert_eq!(detail.run, *run);
    let declared = |field: &str| {
        detail
            .differences
            .iter()
            .find(|difference| difference.field == field)
            .map(|difference| difference.declared)
    };
    assert_eq!(declared("total_tokens"), Some(78_006.0));
    assert_eq!(declared("total_duration_ms"), Some(204_101.5));
    assert_eq!(declared("co2_emissions_g"), Some(1.0513));
    assert_eq!(declared("power_cost_total_usd"), Some(0.000266));
    let of_gpus: f64 = detail.gpus.iter().filter_map(|gpu| gpu.co2_emissions_g).sum();
    assert_eq!(detail.gpus.len(), 2);
    assert_close(Some(of_gpus), detail.accounting.totals.co2_emissions_g, "CO2 of the GPUs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tests_and_the_rest_make_the_run() {
    let server = Server::with_recordings().await;
    let detail: RunDetail = server.get_as(&of_run(RECORDING, "")).await;
    // Whatever page is asked for, the totals are the run's.
    let page: ResultsPage = server.get_as(&of_run(RECORDING, "/results?page_size=2&outcome=failed")).await;
    let all: ResultsPage = server.get_as(&of_run(RECORDING, "/results")).await;
    assert_eq!((page.items.len(), page.total, all.total), (2, 3, 12));
    assert_eq!(page.totals, all.totals);

    let (totals, rest, whole) = (&page.totals, &page.unattributed, &detail.accounting.totals);
    let co2 = sum(totals.co2_emissions_g, rest.co2_emissions_g);
    let power_cost = sum(totals.power_cost_usd, rest.power_cost_usd);
    assert_close(co2, whole.co2_emissions_g, "CO2");
    assert_close(power_cost, whole.power_cost_usd, "power cost");
    assert_eq!(co2.map(|co2| (co2 * 1e4).round() / 1e4), detail.run.co2_emissions_g);
    assert_eq!(power_cost.map(|usd| (usd * 1e6).round() / 1e6), detail.run.power_cost_total_usd);
    let listed: f64 = all.items.iter().filter_map(|item| item.co2_emissions_g).sum();
    assert_close(Some(listed), totals.co2_emissions_g, "CO2 of the listed tests");
    assert_eq!(totals.total_tokens, detail.run.total_tokens);
    assert_eq!(totals.duration_ms.map(|ms| (ms * 100.0).round() / 100.0), detail.run.total_duration_ms);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn series_end_at_the_totals_and_keep_their_extremes() {
    let server = Server::with_recordings().await;
    let detail: RunDetail = server.get_as(&of_run(RECORDING, "")).await;
    let whole: Chart = server.get_as(&of_run(RECORDING, "/metrics?max_points=100000")).await;
    let thin: Chart = server.get_as(&of_run(RECORDING, "/metrics?max_points=10")).await;
    assert_eq!(whole.series.len(), 14, "seven metrics of two GPUs");
    assert_eq!(whole.tests.len(), 12);
    let total = |metric: &str| {
        let ends = whole.series.iter().filter(|line| line.metric == metric);
        Some(ends.filter_map(|line| line.value.iter().rev().find_map(|value| *value)).sum::<f64>())
    };
    assert_close(total("gen_ai.co2.emissions"), detail.accounting.totals.co2_emissions_g, "CO2");
    assert_close(total("gen_ai.power.cost"), detail.accounting.totals.power_cost_usd, "power cost");

    let extremes = |values: &[Option<f64>]| {
        values
            .iter()
            .flatten()
            .fold((f64::MAX, f64::MIN), |(least, greatest), value| (least.min(*value), greatest.max(*value)))
    };
    for (full, thin) in whole.series.iter().zip(&thin.series) {
        assert_eq!((&full.metric, &full.gpu_id), (&thin.metric, &thin.gpu_id));
        assert!(thin.value.len() <= 10 && full.value.len() >= thin.value.len());
        assert_eq!(extremes(&full.value), extremes(&thin.value), "{}", full.metric);
    }
    let one_gpu: Chart = server.get_as(&of_run(RECORDING, "/metrics?gpu_id=1&metric=gen_ai.gpu.power")).await;
    assert_eq!(one_gpu.series.len(), 1);
    assert_eq!(one_gpu.t0_unix_nano, whole.t0_unix_nano);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn traces_add_up_and_come_back_from_otlp() {
    let server = Server::with_recordings().await;
    let traces: TraceList = server.get_as(&of_run(RECORDING, "/traces")).await;
    assert_eq!(traces.items.len(), 12);
    assert_eq!(traces.items.iter().filter_map(|trace| trace.total_tokens).sum::<i64>(), 26_002);

    let stored: Vec<_> = read(&crate::support::fixture("smoltrace_run_two_gpus")).remove(0).spans;
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    for trace in &traces.items {
        let address = of_run(RECORDING, &format!("/traces/{}", trace.trace_id));
        let detail: TraceDetail = server.get_as(&address).await;
        assert_eq!(detail.summary.summary, *trace);
        assert_eq!(detail.summary.test.as_ref().map(|test| &test.test_uid), trace.test_uid.as_ref());
        let spans = &detail.spans;
        assert_eq!(spans.span_id.len() as i64, trace.spans);
        let counted = spans.total_tokens.iter().zip(&spans.counted).filter(|(_, counted)| **counted);
        assert_eq!(counted.filter_map(|(tokens, _)| *tokens).sum::<i64>(), trace.total_tokens.unwrap_or(0));
        for (place, (parent, depth)) in spans.parent.iter().zip(&spans.depth).enumerate() {
            assert_eq!(*depth, parent.map_or(0, |parent| spans.depth[parent] + 1));
            assert!(parent.is_none_or(|parent| parent < place));
        }

        let otlp = server.get(&format!("{address}/otlp")).await;
        assert!(otlp.header("content-disposition").contains(&trace.trace_id));
        let file = dir.path().join(format!("{}.json", trace.trace_id));
        std::fs::write(&file, &otlp.body).expect("write the download");
        let back = import::read(&file, &import::ImportOptions::default(), &mut |_| {}).expect("OTLP JSON");
        let mut back: Vec<_> = back.into_iter().flat_map(|run| run.spans).collect();
        let mut kept: Vec<_> =
            stored.iter().filter(|span| span.trace_id == trace.trace_id).cloned().collect();
        for spans in [&mut back, &mut kept] {
            spans.sort_by(|a, b| a.span_id.cmp(&b.span_id));
            // A file of spans has a run id of its own.
            for span in spans.iter_mut() {
                (span.run_id, span.row_id) = (String::new(), String::new());
            }
        }
        assert_eq!(back, kept);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn run_ids_may_hold_any_character() {
    let server = Server::with_recordings().await;
    let detail: RunDetail = server.get_as(&of_run(ODD_ID, "")).await;
    assert_eq!(detail.run.run_id, ODD_ID);
    assert_eq!((detail.run.co2_emissions_g, detail.run.power_cost_total_usd), (None, None));
    let traces: TraceList = server.get_as(&of_run(ODD_ID, "/traces")).await;
    assert_eq!(traces.items.len(), 1);
    let _: Chart = server.get_as(&of_run(ODD_ID, "/metrics")).await;
    let results: ResultsPage = server.get_as(&of_run(ODD_ID, "/results")).await;
    assert_eq!(results.unattributed.co2_emissions_g, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn downloads_are_whole() {
    let server = Server::with_recordings().await;
    for (table, rows) in [("leaderboard", 1), ("results", 12), ("traces", 12), ("metrics", 0)] {
        for (format, mime) in [
            ("json", "application/json"),
            ("csv", "text/csv; charset=utf-8"),
            ("parquet", "application/vnd.apache.parquet"),
        ] {
            let answer = server.get(&of_run(RECORDING, &format!("/download/{table}.{format}"))).await;
            assert_eq!(answer.header("content-type"), mime, "{}", String::from_utf8_lossy(&answer.body));
            let name = format!("attachment; filename=\"{RECORDING}.{table}.{format}\"");
            assert_eq!(answer.header("content-disposition"), name);
            match format {
                "json" if rows > 0 => {
                    assert_eq!(answer.json().as_array().map(Vec::len), Some(rows), "{table}")
                }
                "parquet" => assert!(answer.body.starts_with(b"PAR1") && answer.body.ends_with(b"PAR1")),
                _ => assert!(answer.body.len() > 100),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_parts_of_the_time_make_the_run() {
    let server = Server::with_recordings().await;
    let detail: RunDetail = server.get_as(&of_run(RECORDING, "")).await;
    let performance: Performance = server.get_as(&of_run(RECORDING, "/performance")).await;
    assert_eq!(performance.traces.len(), 12);
    for trace in &performance.traces {
        let parts = trace.llm_ms + trace.tool_ms + trace.other_ms;
        assert_close(Some(parts), Some(trace.duration_ms), &trace.trace_id);
        assert!(trace.test_uid.is_some() && trace.attempt == Some(1), "{}", trace.trace_id);
    }
    let totals = performance.totals;
    assert_close(Some(totals.llm_ms + totals.tool_ms + totals.other_ms), Some(totals.duration_ms), "totals");
    let rounded = (totals.duration_ms * 100.0).round() / 100.0;
    assert_eq!(Some(rounded), detail.run.total_duration_ms);
    let own: f64 = performance.operations.iter().map(|operation| operation.self_ms).sum();
    assert_close(Some(own), Some(totals.duration_ms), "own time of the operations");
    assert_eq!(performance.operations_total, performance.operations.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_come_whole_in_the_order_of_the_timeline() {
    let server = Server::with_recordings().await;
    let traces: TraceList = server.get_as(&of_run(RECORDING, "/traces")).await;
    let of_trace = |rest: &str| of_run(RECORDING, &format!("/traces/{}{rest}", traces.items[0].trace_id));
    let trace: TraceDetail = server.get_as(&of_trace("")).await;
    let mut ids = Vec::new();
    for page in 1..=4 {
        let spans: SpansPage = server.get_as(&of_trace(&format!("/spans?page_size=4&page={page}"))).await;
        assert_eq!(spans.total, trace.spans.span_id.len());
        ids.extend(spans.items.into_iter().map(|span| span.span_id));
    }
    assert_eq!(ids, trace.spans.span_id[..ids.len()]);
    let refused = server.get(&of_trace("/spans?kind=LLM,WRONG")).await;
    assert_eq!(refused.status.as_u16(), 400);
    assert!(String::from_utf8_lossy(&refused.body).contains("WRONG"));
    let missing = server.get(&of_run(RECORDING, "/traces/00000000000000000000000000000000/spans")).await;
    assert_eq!(missing.status.as_u16(), 404);
}

/// A GPU at 100 W that a sampler of ours read ten times a second.
fn measured_gpu(from: i64, to: i64) -> SeriesSet {
    let factors = Factors {
        pue: 1.5,
        intensity: GridIntensity { g_per_kwh: 400.0, source: "the test".into(), year: Some(2023) },
        price: ElectricityPrice { usd_per_kwh: 0.2, source: "default".into() },
    };
    let mut resource = factors.attributes();
    resource.insert(POWER_SOURCE.into(), "nvml".into());
    let mut set = SeriesSet::default();
    let slot = set.slot(SeriesInfo {
        metric: "hw.energy".into(),
        unit: "J".into(),
        instrument: Instrument::Sum,
        gpu_id: Some("0".into()),
        gpu_name: Some("GPU".into()),
        attributes: r#"{"gpu_id":"0","hw.id":"GPU-0","hw.type":"gpu"}"#.into(),
        resource: serde_json::Value::Object(resource).to_string(),
        ..SeriesInfo::default()
    });
    for time_unix_nano in (from..=to + 100_000_000).step_by(100_000_000) {
        let value = (time_unix_nano - from) as f64 / 1e9 * 100.0;
        set.push(slot, Sample { start_time_unix_nano: 0, time_unix_nano, value });
    }
    set
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn measured_energy_is_told_from_the_run_down_to_the_call() {
    let server = Server::empty().await;
    let mut inputs = read(&fixture("smoltrace_run_two_gpus"));
    let (starts, ends) = (inputs[0].spans.iter(), inputs[0].spans.iter());
    let from = starts.map(|span| span.start_time_unix_nano).min().expect("spans");
    let to = ends.map(|span| span.end_time_unix_nano).max().expect("spans");
    inputs[0].points = measured_gpu(from, to).into_points(RECORDING);
    server.append(inputs).await;

    let run: RunDetail = server.get_as(&of_run(RECORDING, "")).await;
    let accounting = &run.accounting;
    let device = &accounting.devices[0];
    assert_eq!((accounting.devices.len(), device.source), (1, Source::Measured));
    let factors = device.factors.as_ref().expect("the sampler says them");
    assert_eq!((factors.intensity.year, factors.intensity.source.as_str()), (Some(2023), "the test"));
    let kwh = device.energy_j / 3.6e6;
    assert_close(device.co2_emissions_g, Some(kwh * 1.5 * 400.0), "J x PUE x g/kWh");
    assert_close(device.power_cost_usd, Some(kwh * 1.5 * 0.2), "J x PUE x USD/kWh");
    assert_close(accounting.totals.co2_emissions_g, device.co2_emissions_g, "CO2");
    assert_close(run.run.energy_wh, Some(kwh * 1e3), "energy");

    let calls = accounting.call_energy.expect("calls were measured");
    assert!(calls.calls > 10 && calls.resolution_ms == 100.0, "{calls:?}");
    let (mut energy_wh, mut count, mut without) = (0.0, 0, 0);
    let traces: TraceList = server.get_as(&of_run(RECORDING, "/traces")).await;
    for summary in &traces.items {
        let trace: TraceDetail =
            server.get_as(&of_run(RECORDING, &format!("/traces/{}", summary.trace_id))).await;
        let Some(of_trace) = trace.call_energy else {
            assert!(trace.spans.energy_wh.iter().all(Option::is_none));
            continue;
        };
        let known: Vec<f64> = trace.spans.energy_wh.iter().copied().flatten().collect();
        assert_eq!(trace.spans.energy_wh.len(), trace.spans.span_id.len());
        assert_eq!(known.len() as i64, of_trace.calls);
        for (energy, kind) in trace.spans.energy_wh.iter().zip(&trace.spans.kind) {
            assert!(energy.is_none() || *kind == SpanKind::Llm);
        }
        let of_calls = (!known.is_empty()).then(|| known.iter().sum::<f64>());
        assert_close(of_calls, of_trace.energy_wh, "calls of a trace");
        // Its calls used no more than the test that they were of.
        assert!(
            of_trace.energy_wh.unwrap_or(0.0) <= summary.energy_wh.expect("it was measured") * (1.0 + 1e-9)
        );
        let test = summary.test_uid.as_deref().expect("a test").replace(':', "%3A");
        let result: ResultDetail = server.get_as(&of_run(RECORDING, &format!("/results/{test}"))).await;
        assert_eq!(result.call_energy, Some(of_trace));
        energy_wh += of_trace.energy_wh.unwrap_or(0.0);
        count += of_trace.calls;
        without += of_trace.calls_without;
    }
    assert_close(Some(energy_wh), calls.energy_wh, "calls of the run");
    assert_eq!((count, without), (calls.calls, calls.calls_without));
}

//! Runs of any content survive every lossless export.

use proptest::{collection::vec, option, prelude::*, sample::select};
use serde_json::{Map, Value};
use smoltrace_exchange::export;
use smoltrace_model::{
    inputs::{Declared, RunInputs},
    rows::{Instrument, PointRow, ResultRow, SpanKind, SpanRow, SpanStatus, Temporality},
};

use crate::{
    export::{check_round_trip, export_of, sorted},
    support::cases,
};

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        "[ -~é\\n\"\\\\]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::from),
            vec((key(), inner), 0..3).prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Names that mean something to a reader, and any others.
fn key() -> impl Strategy<Value = String> {
    let known = [
        "llm.token_count.total",
        "gen_ai.usage.input_tokens",
        "span.kind",
        "test.id",
        "agent.type",
        "smoltrace",
        "run.id",
        "service.name",
        "gpu_id",
        "stringValue",
        "intValue",
        "attributes",
        "key",
        "value",
        "total_tokens",
        "otel.dropped_events_count",
        "w3c.tracestate",
        "name",
        "version",
        "trace_id",
    ];
    prop_oneof![select(known.to_vec()).prop_map(str::to_owned), "[a-z.]{0,6}"]
}

fn object() -> impl Strategy<Value = Map<String, Value>> {
    vec((key(), json()), 0..5).prop_map(|fields| fields.into_iter().collect())
}

/// The text of a column that holds JSON; now and then it does not.
fn column(value: impl Strategy<Value = Value>) -> impl Strategy<Value = String> {
    prop_oneof![20 => value.prop_map(|value| value.to_string()), 1 => ".{0,8}"]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z:]{0,4}", "\\PC{0,6}", Just("=1+1\r\n,\"x\"".to_owned())]
}

fn hex(width: usize, of: u64) -> impl Strategy<Value = String> {
    prop_oneof![30 => (1..=of).prop_map(move |n| format!("{n:0>width$x}")), 1 => "[x0-9]{0,3}"]
}

fn span() -> impl Strategy<Value = SpanRow> {
    let ids = (hex(32, 3), hex(16, 12), option::of(hex(16, 12)), option::of(text()), text());
    let times = (1_i64..1000, 0_i64..1000);
    let kinds = (select(SpanKind::ALL.to_vec()), select(SpanStatus::ALL.to_vec()), option::of(text()));
    let names = (text(), option::of(text()), option::of(text()));
    let counts = (option::of(0_i64..99), option::of(0_i64..99), option::of(0_i64..99), option::of(0.0..1.0));
    let columns = (
        column(object().prop_map(Value::from)),
        column(vec(object().prop_map(Value::from), 0..2).prop_map(Value::from)),
        column(vec(object().prop_map(Value::from), 0..2).prop_map(Value::from)),
        column(object().prop_map(Value::from)),
        column(object().prop_map(Value::from)),
    );
    (ids, times, kinds, names, counts, columns).prop_map(|(ids, times, kinds, names, counts, columns)| {
        let (trace_id, span_id, parent_span_id, test_uid, name) = ids;
        let (attributes, events, links, resource, scope) = columns;
        SpanRow {
            run_id: String::new(),
            trace_id,
            span_id,
            parent_span_id,
            test_uid,
            name,
            kind: kinds.0,
            start_time_unix_nano: times.0,
            end_time_unix_nano: times.0 + times.1,
            status: kinds.1,
            status_message: kinds.2,
            service: names.0,
            model: names.1,
            provider: names.2,
            input_tokens: counts.0,
            output_tokens: counts.1,
            total_tokens: counts.2,
            cache_read_tokens: counts.0,
            cache_write_tokens: None,
            reasoning_tokens: counts.1,
            emitted_cost_usd: counts.3,
            attributes,
            events,
            links,
            resource,
            scope,
            row_id: String::new(),
        }
    })
}

fn point() -> impl Strategy<Value = PointRow> {
    let metric = prop_oneof![
        select(vec!["gen_ai.co2.emissions", "gen_ai.gpu.power"]).prop_map(str::to_owned),
        text().prop_map(|name| format!("m{name}"))
    ];
    let head = (
        metric,
        text(),
        select(Instrument::ALL.to_vec()),
        select(Temporality::ALL.to_vec()),
        any::<bool>(),
        option::of(text()),
    );
    let columns = (
        column(object().prop_map(Value::from)),
        column(object().prop_map(Value::from)),
        column(object().prop_map(Value::from)),
        option::of(column(object().prop_map(Value::from))),
    );
    let value = prop_oneof![-1e12..1e12, Just(0.0), (0_i64..100).prop_map(|n| n as f64)];
    (head, columns, option::of(1_i64..99), 0_i64..99, value).prop_map(
        |(head, columns, start, time, value)| PointRow {
            run_id: String::new(),
            service: head.1.clone(),
            metric: head.0,
            unit: head.1,
            instrument: head.2,
            temporality: head.3,
            monotonic: head.4,
            gpu_id: head.5.clone(),
            gpu_name: head.5,
            series_id: format!("{:032x}", 7),
            attributes: columns.0,
            resource: columns.1,
            scope: columns.2,
            start_time_unix_nano: start,
            time_unix_nano: time,
            value,
            detail: columns.3,
            row_id: String::new(),
        },
    )
}

fn result() -> impl Strategy<Value = ResultRow> {
    let names = ("[a-c]{1,2}", select(vec!["tool", "code", "x:y"]), 1_i64..3);
    let texts = vec(option::of(text()), 9);
    let flags = vec(option::of(any::<bool>()), 6);
    let ids = (option::of(hex(32, 3)), option::of(hex(16, 12)));
    let declared = object().prop_map(|object| Value::from(object).to_string());
    (names, texts, flags, ids, declared, vec(text(), 0..3), option::of(0_i64..9)).prop_map(
        |((id, agent, attempt), texts, flags, (trace_id, span_id), declared, tools_used, steps)| {
            let mut texts = texts.into_iter();
            let mut text = || texts.next().flatten();
            ResultRow {
                test_uid: format!("{agent}:{id}"),
                test_id: id,
                agent_type: agent.into(),
                attempt,
                model: text(),
                evaluation_date: text(),
                difficulty: text(),
                category: text(),
                prompt: text(),
                success: flags[0],
                tool_called: flags[1],
                correct_tool: flags[2],
                final_answer_called: flags[3],
                response_correct: flags[4],
                expected_tool: text(),
                tools_used,
                steps,
                response: text(),
                error: text(),
                stop_reason: text(),
                timed_out: flags[5],
                trace_id,
                span_id,
                declared,
                ..ResultRow::blank()
            }
        },
    )
}

fn run() -> impl Strategy<Value = RunInputs> {
    let rows = (vec(span(), 0..12), vec(point(), 0..8), vec(result(), 0..4));
    let declared = (object(), object(), vec(json(), 0..2), any::<bool>(), vec(text(), 0..2));
    ("[a-z0-9-]{1,8}", rows, declared, 0_u64..3).prop_map(
        |(run_id, (spans, points, results), declared, dropped)| {
            let own = |row: SpanRow| SpanRow { run_id: run_id.clone(), ..row }.sealed();
            let own_point = |row: PointRow| PointRow { run_id: run_id.clone(), ..row }.sealed();
            RunInputs {
                spans: spans.into_iter().map(own).collect(),
                points: points.into_iter().map(own_point).collect(),
                results: results
                    .into_iter()
                    .map(|row| ResultRow { run_id: run_id.clone(), ..row }.sealed())
                    .collect(),
                declared: Declared {
                    leaderboard_row: declared.0,
                    metadata: declared.1,
                    aggregates: declared.2,
                    simulated: declared.3,
                    estimate: false,
                    notes: declared.4,
                },
                origin: "smoltrace-json".into(),
                dropped_non_finite: dropped,
                run_id,
            }
        },
    )
}

proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn json_and_parquet_folders_lose_nothing(run in run()) {
        let export = sorted(export_of(run));
        check_round_trip(&export, export::json_folder);
        check_round_trip(&export, export::parquet_folder);
    }
}

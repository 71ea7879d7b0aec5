//! What appending and looking up cost as a store grows: at every power of ten of spans, the rate since the one
//! before and the times of looking up traces, while upkeep runs as in a server.
//!
//! `cargo run --release --workspace --example growth -- [MILLIONS OF SPANS] [DIR]`

mod blank;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use blank::blank;
use smoltrace_model::rows::SpanRow;
use smoltrace_store::{Background, Batch, Store, StoreOptions};
use tokio::task::JoinSet;

type Failure = Box<dyn std::error::Error + Send + Sync>;

const SPANS_A_TRACE: u64 = 50;
const TRACES_AN_APPEND: u64 = 20;
/// 100,000 spans.
const TRACES_A_RUN: u64 = 2_000;
const APPENDS_AT_ONCE: usize = 8;
const LOOKUPS: u64 = 200;
const START: i64 = 1_795_000_000_000_000_000;

/// Spread as random ids are.
fn spread(number: u64) -> u64 {
    number.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

fn run_id(trace: u64) -> String {
    format!("run-{:06}", trace / TRACES_A_RUN)
}

fn trace_id(trace: u64) -> String {
    format!("{:016x}{:016x}", spread(trace), trace)
}

fn spans(template: &SpanRow, trace: u64) -> impl Iterator<Item = SpanRow> {
    let (run_id, trace_id) = (run_id(trace), trace_id(trace));
    (0..SPANS_A_TRACE).map(move |nth| {
        let number = trace * SPANS_A_TRACE + nth;
        let start = START + number as i64 * 1_000_000;
        SpanRow {
            run_id: run_id.clone(),
            trace_id: trace_id.clone(),
            span_id: format!("{:016x}", spread(number)),
            start_time_unix_nano: start,
            end_time_unix_nano: start + 900_000,
            attributes: format!(r#"{{"gen_ai.usage.input_tokens":{number},{}"#, &template.attributes[1..]),
            ..template.clone()
        }
        .sealed()
    })
}

/// Times of looking up traces that are spread over all there are, in milliseconds, sorted.
async fn look_up(store: &Store, traces: u64) -> Result<Vec<f64>, Failure> {
    let mut times = Vec::new();
    for nth in 0..LOOKUPS {
        let trace = spread(nth) % traces;
        let start = Instant::now();
        let found = store.trace_compact(&run_id(trace), &trace_id(trace)).await?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
        assert_eq!(found.len() as u64, SPANS_A_TRACE);
    }
    times.sort_by(f64::total_cmp);
    Ok(times)
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let mut arguments = std::env::args().skip(1);
    let millions: f64 = arguments.next().map_or(Ok(10.0), |text| text.parse())?;
    let scratch = tempfile::tempdir()?;
    let dir = arguments.next().map_or(scratch.path().into(), PathBuf::from);
    let mut background = Background::default();
    // Merged files would be kept for a day: several times the disk that the store needs.
    background.maintenance.file_retention = Duration::from_secs(60);
    let options = StoreOptions { background: Some(background), ..StoreOptions::default() };
    let store = Store::open(&dir, options).await?;
    let prompt =
        "Find the three cheapest flights from Paris to Oslo next week and say which of them is shortest. ";
    let attributes =
        format!(r#"{{"gen_ai.input.messages":"{}","gen_ai.request.model":"gpt-5-mini"}}"#, prompt.repeat(3));
    let template: SpanRow =
        blank(&[("name", "chat gpt-5-mini"), ("service", "load"), ("attributes", &attributes)]);

    let all = (millions * 1e6) as u64 / SPANS_A_TRACE;
    let mut marks: Vec<u64> = [1e6, 1e7, 1e8].map(|spans: f64| spans as u64 / SPANS_A_TRACE).into();
    marks.retain(|mark| *mark < all);
    marks.push(all);

    println!(
        "| spans in the store | stored a second since the line before | trace by id, p50 | p99 | longest |"
    );
    println!("|---|---|---|---|---|");
    let mut next = 0;
    for mark in marks {
        let (start, first) = (Instant::now(), next);
        let mut under_way = JoinSet::new();
        while next < mark {
            let traces = next..mark.min(next + TRACES_AN_APPEND);
            next = traces.end;
            let batch = traces.flat_map(|trace| spans(&template, trace)).collect();
            if under_way.len() == APPENDS_AT_ONCE
                && let Some(done) = under_way.join_next().await
            {
                done??;
            }
            let store = store.clone();
            under_way.spawn(async move {
                store.append(Batch { spans: batch, ..Batch::default() }).await.map(drop)
            });
        }
        while let Some(done) = under_way.join_next().await {
            done??;
        }
        let rate = ((next - first) * SPANS_A_TRACE) as f64 / start.elapsed().as_secs_f64();
        let times = look_up(&store, next).await?;
        println!(
            "| {} | {rate:.0} | {:.1} ms | {:.1} ms | {:.1} ms |",
            next * SPANS_A_TRACE,
            times[times.len() / 2],
            times[times.len() * 99 / 100],
            times[times.len() - 1]
        );
    }
    Ok(())
}

//! How long the store takes with many runs and a large trace. Prints one line a measure.
//!
//! `cargo run --release -p smoltrace-store --example scale -- [RUNS] [SPANS] [DIR]`

mod blank;

use std::{path::PathBuf, time::Instant};

use blank::blank;
use smoltrace_model::rows::{RunRow, SpanRow};
use smoltrace_store::{Batch, MaintenanceOptions, Store, StoreOptions};

fn run(number: usize) -> RunRow {
    let detail = format!(r#"{{"number":{number},"text":"{}"}}"#, "x".repeat(2000));
    let id = format!("{:032x}", (number as u128 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835));
    blank::<RunRow>(&[("run_id", &id), ("model", "m"), ("declared", &detail), ("accounting", &detail)])
        .sealed()
}

fn span(run_id: &str, trace: usize, index: usize) -> SpanRow {
    let (trace_id, span_id) = (format!("{trace:032x}"), format!("{:016x}", trace * 1_000_000 + index));
    let (start, attributes) = (index.to_string(), format!(r#"{{"n":{index},"text":"{}"}}"#, "y".repeat(400)));
    blank::<SpanRow>(&[
        ("run_id", run_id),
        ("trace_id", &trace_id),
        ("span_id", &span_id),
        ("start_time_unix_nano", &start),
        ("attributes", &attributes),
    ])
    .sealed()
}

struct Clock(Instant);

impl Clock {
    fn lap(&mut self, what: &str) {
        println!("{what:<48} {:>9.1} ms", self.0.elapsed().as_secs_f64() * 1e3);
        self.0 = Instant::now();
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut number = |default: usize| arguments.next().map_or(Ok(default), |text| text.parse());
    let (runs, spans) = (number(10_000)?, number(50_000)?);
    let scratch = tempfile::tempdir()?;
    let dir = arguments.next().map_or(scratch.path().into(), PathBuf::from);
    let store = Store::open(&dir, StoreOptions::default()).await?;
    let rows: Vec<RunRow> = (0..runs).map(run).collect();
    let mut clock = Clock(Instant::now());
    for chunk in rows.chunks(100) {
        store.append(Batch { runs: chunk.to_vec(), ..Batch::default() }).await?;
    }
    clock.lap(&format!("append {runs} runs, 100 a commit"));
    for row in &rows[..20.min(runs)] {
        store.append(Batch { spans: vec![span(&row.run_id, 9, 0)].into(), ..Batch::default() }).await?;
    }
    clock.lap("20 appends of one span");
    store.append(Batch { runs: rows.clone(), ..Batch::default() }).await?;
    clock.lap(&format!("append {runs} runs again"));
    let id = rows[0].run_id.clone();
    let large = (0..spans).map(|index| span(&id, 1, index)).collect();
    clock.lap(&format!("make {spans} spans"));
    store.append(Batch { spans: large, ..Batch::default() }).await?;
    clock.lap(&format!("append {spans} spans"));
    for row in &rows[..200.min(runs)] {
        store
            .append(Batch { spans: (0..50).map(|i| span(&row.run_id, 2, i)).collect(), ..Batch::default() })
            .await?;
    }
    clock.lap("200 appends of 50 spans");
    drop(store);

    for round in ["before upkeep", "after upkeep"] {
        let store = Store::open(&dir, StoreOptions::default()).await?;
        clock.lap(&format!("{round}: open"));
        store.runs().await?;
        clock.lap(&format!("{round}: runs, first"));
        for _ in 0..100 {
            store.runs().await?;
        }
        clock.lap(&format!("{round}: runs, 100 times more"));
        store.append(Batch { runs: vec![run(runs + round.len())], ..Batch::default() }).await?;
        clock.lap(&format!("{round}: append a run"));
        store.runs().await?;
        clock.lap(&format!("{round}: runs after it"));
        store.run(&id).await?;
        clock.lap(&format!("{round}: run"));
        store.trace_compact(&id, &format!("{:032x}", 1)).await?;
        clock.lap(&format!("{round}: trace of {spans} spans, compact"));
        store.trace(&id, &format!("{:032x}", 1)).await?;
        clock.lap(&format!("{round}: trace of {spans} spans, whole"));
        store.trace(&rows[7.min(runs - 1)].run_id, &format!("{:032x}", 2)).await?;
        clock.lap(&format!("{round}: trace of 50 spans"));
        store.span(&id, &format!("{:032x}", 1), &format!("{:016x}", 1_000_007)).await?;
        clock.lap(&format!("{round}: span"));
        store.sql("SELECT model, count(*) FROM leaderboard GROUP BY 1", 10).await?;
        clock.lap(&format!("{round}: sql over the leaderboard"));
        if round == "before upkeep" {
            let done = store.maintain(&MaintenanceOptions::default()).await?;
            clock.lap("upkeep");
            println!("{done:?}");
        }
    }
    Ok(())
}

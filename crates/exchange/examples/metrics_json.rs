//! Decodes a metrics file as `smoltrace aggregate` and `smoltrace flatten` do, without the rest of the binary.
//!
//! `cargo run --release -p smoltrace-exchange --example metrics_json -- decode|aggregate|flatten FILE`

use std::io::Write;
use std::path::Path;
use std::time::Instant;

use smoltrace_exchange::metrics_json::{MetricsDocument, read_path};
use smoltrace_model::aggregate::aggregate_gpu_metrics;
use smoltrace_model::flatten::{JsonRows, Missing, flatten_metrics};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--json").collect();
    let [command, file] = &arguments[..] else { return Err("usage: decode|aggregate|flatten FILE".into()) };
    let begin = Instant::now();
    let document = read_path(Path::new(file))?;
    let decoded = begin.elapsed();
    match command.as_str() {
        "decode" => println!("{:?}", summary(&document)),
        "aggregate" => println!("{}", serde_json::to_string(&aggregate_gpu_metrics(&document.series))?),
        "flatten" => flatten(&document)?,
        other => return Err(format!("no such command: {other}").into()),
    }
    eprintln!("decoded in {:.1} ms, {:.1} ms in all", millis(decoded), millis(begin.elapsed()));
    Ok(())
}

fn millis(duration: std::time::Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

fn summary(document: &MetricsDocument) -> (usize, usize, &smoltrace_exchange::metrics_json::LeftOut) {
    let series = document.series.series();
    (series.len(), series.iter().map(|series| series.samples.len()).sum(), &document.left_out)
}

fn flatten(document: &MetricsDocument) -> std::io::Result<()> {
    let run_id = document.run_id.as_deref().unwrap_or("unknown");
    let mut out = std::io::stdout().lock();
    let mut rows = JsonRows::new(Missing::Null);
    let mut block = Vec::with_capacity(1 << 20);
    block.extend_from_slice(b"[\n");
    for (index, row) in flatten_metrics(&document.series, run_id).iter().enumerate() {
        if index > 0 {
            block.extend_from_slice(b",\n");
        }
        rows.write(row, &mut block);
        if block.len() > (1 << 20) - 4096 {
            out.write_all(&block)?;
            block.clear();
        }
    }
    block.extend_from_slice(b"\n]\n");
    out.write_all(&block)
}

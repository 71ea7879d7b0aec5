//! `smoltrace flatten FILE|-`: a metrics file to the rows of the published metrics dataset.

use std::io::{BufWriter, Write};

use anyhow::Result;
use smoltrace_exchange::metrics_json;
use smoltrace_model::{
    flatten::{COLUMNS, JsonRows, MetricsRow, Missing, flatten_metrics},
    gpus::GpuMetric,
};

use super::aggregate::warn_of_left_out;
use crate::{
    cli::{FlattenArgs, RowFormat},
    config::Config,
    output::{
        format,
        table::{self, Tone, left, right},
    },
};

/// Rows of a table on a terminal; every other form is whole.
const TABLE_ROWS: usize = 100;
/// Bytes handed to standard output at a time.
const BLOCK: usize = 1 << 20;

pub fn run(args: &FlattenArgs, config: &Config) -> Result<()> {
    let document = metrics_json::read_path(&args.input.file)?;
    warn_of_left_out(&document);
    let run_id = document.run_id.as_deref().unwrap_or("unknown");
    let rows = flatten_metrics(&document.series, run_id);
    let form = args.format.unwrap_or(if config.json { RowFormat::Json } else { RowFormat::Table });
    match form {
        RowFormat::Json => write_json(&rows, b"[\n", b",\n", b"\n]\n"),
        RowFormat::Jsonl => write_json(&rows, b"", b"\n", b"\n"),
        RowFormat::Csv => write_csv(&rows),
        RowFormat::Table => write_table(&rows, config),
    }
}

fn write_json(rows: &[MetricsRow], head: &[u8], between: &[u8], tail: &[u8]) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let mut writer = JsonRows::new(Missing::Null);
    let mut block = Vec::with_capacity(BLOCK + 4096);
    block.extend_from_slice(head);
    for (index, row) in rows.iter().enumerate() {
        if index > 0 {
            block.extend_from_slice(between);
        }
        writer.write(row, &mut block);
        if block.len() >= BLOCK {
            out.write_all(&block)?;
            block.clear();
        }
    }
    if !rows.is_empty() || !head.is_empty() {
        block.extend_from_slice(tail);
    }
    out.write_all(&block)?;
    out.flush()?;
    Ok(())
}

fn write_csv(rows: &[MetricsRow]) -> Result<()> {
    let mut out = BufWriter::new(std::io::stdout().lock());
    writeln!(out, "{}", COLUMNS.join(","))?;
    for row in rows {
        write!(
            out,
            "{},{},{},{}",
            quoted(row.run_id),
            quoted(row.service_name),
            row.timestamp(),
            row.time_unix_nano
        )?;
        for value in row.values {
            match value {
                Some(value) => write!(out, ",{value}")?,
                None => write!(out, ",")?,
            }
        }
        writeln!(out, ",{},{}", quoted(row.gpu_id.unwrap_or("")), quoted(row.gpu_name.unwrap_or("")))?;
    }
    out.flush()?;
    Ok(())
}

/// A CSV field as RFC 4180 has it.
fn quoted(text: &str) -> std::borrow::Cow<'_, str> {
    if text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\"")).into()
    } else {
        text.into()
    }
}

fn write_table(rows: &[MetricsRow], config: &Config) -> Result<()> {
    let columns = [
        left("time (UTC)", 0),
        left("GPU", 0),
        right("util %", 0),
        right("memory MiB", 0),
        right("of MiB", 2),
        right("temp C", 1),
        right("power W", 0),
        right("CO2 g", 0),
        right("cost USD", 0),
        left("GPU name", 3),
        left("service", 4),
    ];
    let plain = |text: String| (text, Tone::Plain);
    let number = |value: Option<f64>| plain(value.map_or(format::UNKNOWN.into(), format::significant));
    let lines: Vec<_> = rows
        .iter()
        .take(TABLE_ROWS)
        .map(|row| {
            vec![
                plain(row.timestamp()),
                plain(format::text(row.gpu_id.unwrap_or(format::UNKNOWN), 24)),
                number(row.value(GpuMetric::Utilization)),
                number(row.value(GpuMetric::MemoryUsed)),
                number(row.value(GpuMetric::MemoryTotal)),
                number(row.value(GpuMetric::Temperature)),
                number(row.value(GpuMetric::Power)),
                number(row.value(GpuMetric::Co2Emissions)),
                number(row.value(GpuMetric::PowerCost)),
                plain(format::text(row.gpu_name.unwrap_or(format::UNKNOWN), 40)),
                plain(format::text(row.service_name, 40)),
            ]
        })
        .collect();
    super::write_stdout(table::render(&columns, &lines, table::terminal_width(), config.color).as_bytes())?;
    if rows.len() > TABLE_ROWS {
        eprintln!("the first {TABLE_ROWS} of {} rows; --json, --format csv or jsonl give all", rows.len());
    }
    Ok(())
}

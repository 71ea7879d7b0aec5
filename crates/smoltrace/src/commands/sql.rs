//! `smoltrace sql "..."`: a read-only question to the tables.

use anyhow::Result;
use arrow::{
    array::RecordBatch,
    json::ArrayWriter,
    util::display::{ArrayFormatter, FormatOptions},
};

use super::{open_to_read, say, write_stdout};
use crate::{
    cli::SqlArgs,
    config::Config,
    output::{
        format,
        table::{self, Align, Column, Tone},
    },
};

/// Longest text of a cell in a table; JSON output is whole.
const CELL_CHARS: usize = 60;

pub async fn run(args: &SqlArgs, config: &Config) -> Result<()> {
    let store = open_to_read(&config.data_dir).await?;
    let batches = store.sql(&args.query, args.limit).await?;
    if config.json {
        let mut writer = ArrayWriter::new(Vec::new());
        writer.write_batches(&batches.iter().collect::<Vec<_>>())?;
        writer.finish()?;
        let mut bytes = writer.into_inner();
        if bytes.is_empty() {
            bytes.extend_from_slice(b"[]");
        }
        bytes.push(b'\n');
        return write_stdout(&bytes);
    }
    let Some(first) = batches.iter().find(|batch| batch.num_rows() > 0) else {
        return say("no rows");
    };
    let columns: Vec<Column> = first
        .schema()
        .fields()
        .iter()
        .map(|field| Column {
            title: field.name().clone().into(),
            align: if field.data_type().is_numeric() { Align::Right } else { Align::Left },
            drop_order: 0,
        })
        .collect();
    let mut rows = Vec::new();
    for batch in &batches {
        append_rows(batch, &mut rows)?;
    }
    let text = table::render(&columns, &rows, table::terminal_width(), config.color);
    write_stdout(text.as_bytes())?;
    if rows.len() == args.limit {
        eprintln!("the first {} rows; --limit N shows more", args.limit);
    }
    Ok(())
}

fn append_rows(batch: &RecordBatch, rows: &mut Vec<Vec<(String, Tone)>>) -> Result<()> {
    let options = FormatOptions::default().with_null(format::UNKNOWN);
    let columns = batch
        .columns()
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options))
        .collect::<Result<Vec<_>, _>>()?;
    for row in 0..batch.num_rows() {
        rows.push(
            columns
                .iter()
                .map(|column| (format::text(&column.value(row).to_string(), CELL_CHARS), Tone::Plain))
                .collect(),
        );
    }
    Ok(())
}

//! `smoltrace aggregate FILE|-`: a metrics file to its nine aggregates.

use anyhow::Result;
use smoltrace_exchange::metrics_json::{self, MetricsDocument};
use smoltrace_model::aggregate::aggregate_gpu_metrics;

use super::print_json;
use crate::{cli::InputArgs, output::format};

pub fn run(args: &InputArgs) -> Result<()> {
    let document = metrics_json::read_path(&args.file)?;
    warn_of_left_out(&document);
    print_json(&aggregate_gpu_metrics(&document.series))
}

/// Says on standard error what of the file could not be counted, so that no number looks better founded
/// than it is.
pub fn warn_of_left_out(document: &MetricsDocument) {
    let not_finite = document.series.dropped_non_finite;
    if not_finite > 0 {
        eprintln!("warning: {not_finite} values are NaN or infinite and were left out");
    }
    let bad = document.left_out.bad_points;
    if bad > 0 {
        eprintln!("warning: {bad} points cannot be read and were left out");
        for note in &document.left_out.notes {
            eprintln!("  {}", format::text(note, 300));
        }
    }
}

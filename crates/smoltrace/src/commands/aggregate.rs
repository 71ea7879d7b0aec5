//! `smoltrace aggregate FILE|-`: a metrics file to its nine aggregates.

use anyhow::Result;
use smoltrace_exchange::metrics_json;
use smoltrace_model::aggregate::aggregate_gpu_metrics;

use super::print_json;
use crate::cli::InputArgs;

pub fn run(args: &InputArgs) -> Result<()> {
    let document = metrics_json::read_path(&args.file)?;
    print_json(&aggregate_gpu_metrics(&document.series))
}

//! Parquet files of the published datasets, recognised by their columns.
//!
//! Must not know folders: whoever finds files hands them in one by one and asks for the runs at
//! the end, since results, traces and metrics of a run lie in different files.

mod datasets;
mod footer;
mod metrics;

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow::record_batch::RecordBatch;
use parquet::{
    arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder},
    errors::ParquetError,
};

pub(crate) use datasets::Datasets;

use crate::{
    InputError, InputErrorKind, Place, frame,
    json::Object,
    progress::Reporter,
    source::{ImportLimits, MAX_DEPTH},
    stream::Input,
};

/// Rows that are decoded at once where they are small.
const BATCH_ROWS: usize = 1024;

/// The rows of any Parquet file, as objects of its columns.
///
/// # Errors
/// `Syntax` for a file that is not Parquet or is damaged, `TooDeep` and `TooLarge` beyond the limits.
pub fn rows(path: &Path, limits: ImportLimits) -> Result<Vec<Object>, InputError> {
    let mut unseen = |_| {};
    let mut progress = Reporter::new(limits, &mut unseen);
    let mut rows = Vec::new();
    let file = progress.file(path);
    read_batches(&file, &mut progress, |batch| {
        rows.extend((0..batch.num_rows()).map(|row| frame::object(batch, row)));
        Ok(())
    })?;
    Ok(rows)
}

/// Hands out the batches of a file.
///
/// # Errors
/// `Syntax` for a file that is not Parquet or is damaged, `TooDeep` and `TooLarge` beyond the limits.
fn read_batches(
    file: &Input<'_>,
    progress: &mut Reporter<'_>,
    mut each: impl FnMut(&RecordBatch) -> Result<(), InputError>,
) -> Result<(), InputError> {
    let mut handle = File::open(file.path).map_err(|error| InputError::path_io(file.path, &error))?;
    let depth = footer::schema_depth(&mut handle).map_err(|error| InputError::path_io(file.path, &error))?;
    match depth {
        None => return Err(damaged(file, "its footer cannot be read")),
        Some(depth) if depth > MAX_DEPTH => {
            let message = format!("its schema is nested deeper than {MAX_DEPTH} levels");
            return Err(InputError::new(InputErrorKind::TooDeep, file.name(), message)
                .help("telemetry is never this deep; check what wrote the file"));
        }
        Some(_) => {}
    }
    // The decoder checks its input, but a file made to break it must not take the process along.
    let guarded = |what: &mut dyn FnMut() -> Result<(), InputError>| {
        catch_unwind(AssertUnwindSafe(what)).unwrap_or_else(|_| Err(damaged(file, "the decoder gave up")))
    };
    let mut outcome = Ok(());
    guarded(&mut || {
        let metadata = ArrowReaderMetadata::load(&handle, ArrowReaderOptions::new())
            .map_err(|error| broken(file, &error))?;
        let rows = batch_rows(file, &metadata)?;
        let handle = handle.try_clone().map_err(|error| InputError::path_io(file.path, &error))?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(handle, metadata)
            .with_batch_size(rows)
            .build()
            .map_err(|error| broken(file, &error))?;
        let mut unpacked = 0;
        for batch in reader {
            let batch = batch.map_err(|error| damaged(file, &error.to_string()))?;
            unpacked += batch.get_array_memory_size() as u64;
            if unpacked > file.limits.max_decompressed_bytes {
                return Err(too_large(file, &file.limits));
            }
            outcome = each(&batch);
            if outcome.is_err() {
                return Ok(());
            }
            progress.tick();
        }
        file.count_whole();
        Ok(())
    })?;
    outcome
}

/// So few rows at once that they fit into memory even if each is as large as its column chunk.
fn batch_rows(file: &Input<'_>, metadata: &ArrowReaderMetadata) -> Result<usize, InputError> {
    let groups = metadata.metadata().row_groups();
    let sizes = groups.iter().flat_map(|group| group.columns()).map(|chunk| chunk.uncompressed_size());
    let (mut total, mut largest) = (0_u64, 1_u64);
    for size in sizes {
        let size = u64::try_from(size).unwrap_or(0);
        total = total.saturating_add(size);
        largest = largest.max(size);
    }
    if total > file.limits.max_decompressed_bytes {
        return Err(too_large(file, &file.limits));
    }
    let fitting = file.limits.max_element_bytes as u64 / largest;
    Ok(usize::try_from(fitting).unwrap_or(BATCH_ROWS).clamp(1, BATCH_ROWS))
}

fn broken(file: &Input<'_>, error: &ParquetError) -> InputError {
    damaged(file, &error.to_string())
}

fn damaged(file: &Input<'_>, reason: &str) -> InputError {
    InputError::new(
        InputErrorKind::Syntax,
        file.name(),
        format!("this is not a sound Parquet file: {reason}"),
    )
    .help("copy or download the file again")
}

fn too_large(file: &Input<'_>, limits: &ImportLimits) -> InputError {
    let limit = crate::source::bytes(limits.max_decompressed_bytes);
    InputError::new(InputErrorKind::TooLarge, file.name(), format!("unpacks to more than {limit}"))
        .help("split it, or raise the limit if the source is trusted")
}

fn wrong_type(file: &Input<'_>, row: u64, column: &str, reason: &str) -> InputError {
    InputError::new(InputErrorKind::WrongType, file.name(), reason.to_owned())
        .at(Place::row(row, Some(column)))
        .help("take the dataset as SMOLTRACE or `smoltrace export` wrote it")
}

//! The Delta tables of smoltrace: durable appends, named queries, read-only SQL, maintenance.
//!
//! Five tables lie as folders under one data directory: `spans/`, `points/`, `events/`, `results/`
//! and `runs/`. Several processes may read and append at the same time; what [`Store::append`]
//! acknowledged is on disk, and appending the same rows again changes nothing.
//!
//! The only crate that knows `deltalake` and `datafusion`. It must not know where rows come
//! from or how they are shown, and it computes no number of its own.

mod append;
mod column_chunk;
mod concat;
mod diagnose;
mod dictionary_column;
mod disk;
mod durable;
mod error;
mod file_statistics;
mod gather;
mod group;
mod hex_frame;
mod id_column;
mod intake;
mod known;
mod layout;
mod log;
mod lookup;
mod maintain;
mod merge;
mod metrics_view;
mod options;
mod outline;
mod pace;
mod parquet_file;
mod query;
mod rows;
mod runtime;
mod sql;
mod store;
mod table;
mod tail;
mod text_column;
mod writer;

pub use append::{Batch, Counts, Receipt};
pub use disk::{Disk, SyncedDisk};
pub use durable::DurableFileSystem;
pub use error::StoreError;
pub use maintain::{MaintenanceOptions, Pace, Upkeep};
pub use options::{Background, Commit, Observer, StoreOptions};
pub use query::RunData;
pub use sql::{SqlLimits, SqlOutput};
pub use store::Store;

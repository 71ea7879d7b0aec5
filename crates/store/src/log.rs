//! The log store of a table: that of delta-rs, but for how much of a log is read at once.

use std::{num::NonZero, sync::Arc};

use async_trait::async_trait;
use buoyant_kernel::Engine;
use buoyant_kernel_engine::{DefaultEngineBuilder, executor::tokio::TokioMultiThreadExecutor};
use bytes::Bytes;
use deltalake::{
    DeltaResult,
    kernel::transaction::TransactionError,
    logstore::{CommitOrBytes, LogStore, LogStoreConfig, LogStoreRef},
};
use object_store::ObjectStore;
use tokio::runtime::Handle;
use uuid::Uuid;

/// Log entries that are read ahead. For each of them memory is set aside for a batch of rows, whatever its size: of the thousand
/// rows of a thousand entries that the kernel reads by itself, 160 small entries took 256 MB.
const ENTRIES: NonZero<usize> = NonZero::new(8).expect("8 is not 0");
/// Rows of a batch.
const ROWS: NonZero<usize> = NonZero::new(256).expect("256 is not 0");

/// A log store that reads little at once. Used on a runtime of several threads.
#[derive(Debug, Clone)]
pub(crate) struct LeanLogStore(pub(crate) LogStoreRef);

#[async_trait]
impl LogStore for LeanLogStore {
    fn name(&self) -> String {
        "LeanLogStore".to_owned()
    }

    async fn read_commit_entry(&self, version: u64) -> DeltaResult<Option<Bytes>> {
        self.0.read_commit_entry(version).await
    }

    async fn write_commit_entry(
        &self,
        version: u64,
        entry: CommitOrBytes,
        operation_id: Uuid,
    ) -> Result<(), TransactionError> {
        self.0.write_commit_entry(version, entry, operation_id).await
    }

    async fn abort_commit_entry(
        &self,
        version: u64,
        entry: CommitOrBytes,
        operation_id: Uuid,
    ) -> Result<(), TransactionError> {
        self.0.abort_commit_entry(version, entry, operation_id).await
    }

    async fn get_latest_version(&self, start_version: u64) -> DeltaResult<u64> {
        self.0.get_latest_version(start_version).await
    }

    fn object_store(&self, operation_id: Option<Uuid>) -> Arc<dyn ObjectStore> {
        self.0.object_store(operation_id)
    }

    fn root_object_store(&self, operation_id: Option<Uuid>) -> Arc<dyn ObjectStore> {
        self.0.root_object_store(operation_id)
    }

    fn engine(&self, operation_id: Option<Uuid>) -> Arc<dyn Engine> {
        let executor = Arc::new(TokioMultiThreadExecutor::new(Handle::current()));
        let engine = DefaultEngineBuilder::new(self.root_object_store(operation_id))
            .with_task_executor(executor)
            .with_buffer_size(ENTRIES)
            .with_batch_size(ROWS);
        Arc::new(engine.build())
    }

    fn config(&self) -> &LogStoreConfig {
        self.0.config()
    }
}

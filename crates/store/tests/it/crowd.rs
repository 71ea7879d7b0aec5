//! Many clients at once, of the same few runs: groups of appends overtake one another as far as they may.

use std::{
    fs::File,
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use smoltrace_store::{Batch, Disk, MaintenanceOptions, Store, StoreError, StoreOptions, SyncedDisk};

use crate::rows::{point, span};

/// A disk on which now and then a write or a sync fails.
#[derive(Debug, Default)]
struct Faulty {
    operations: AtomicUsize,
}

impl Faulty {
    fn next(&self) -> io::Result<()> {
        match self.operations.fetch_add(1, Ordering::SeqCst) % 23 {
            36 => Err(io::Error::from_raw_os_error(28)),
            _ => Ok(()),
        }
    }
}

impl Disk for Faulty {
    fn before_write(&self, _: &Path, _: usize) -> io::Result<()> {
        self.next()
    }

    fn sync_file(&self, file: &File, path: &Path) -> io::Result<()> {
        self.next()?;
        SyncedDisk.sync_file(file, path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        SyncedDisk.sync_folder(folder)
    }
}

const ROUNDS: usize = 16;
/// Rows that different clients send, of how many clients there are.
const KINDS: usize = 3;
const CLIENTS: usize = 7;

/// What the client sends in a round: the same as every third client beside it, and once more what it sent
/// a while ago.
fn rows(client: usize, round: usize) -> Batch {
    let kind = client % KINDS;
    let (mut spans, mut batch) = (Vec::new(), Batch::default());
    for round in [round, round.saturating_sub(9)] {
        spans.extend((0..3).map(|run| span(&format!("r{run}"), round, kind)));
        batch.points.extend((0..20).map(|gpu| point("r0", gpu * KINDS + kind, round)));
    }
    // Not every group writes to the same tables.
    if round % 5 != client % 5 {
        batch.spans = spans.into();
    }
    batch
}

/// Sends all rows of a client; again when it is told that they were not written.
async fn send_all(store: Store, client: usize) {
    for round in 0..ROUNDS {
        loop {
            match store.append(rows(client, round)).await {
                Ok(_) => break,
                Err(StoreError::DiskFull { .. } | StoreError::Busy { .. }) => tokio::task::yield_now().await,
                Err(error) => panic!("client {client}, round {round}: {error}"),
            }
        }
    }
}

/// With failing writes, with another process, with upkeep between: what is acknowledged is there, once.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn rows_of_a_crowd_are_written_once() {
    let dir = tempfile::tempdir().unwrap();
    let open = async |options| Store::open(dir.path(), options).await.unwrap();
    drop(open(StoreOptions::default()).await);
    // Some rows are older than what is remembered.
    let faulty: Arc<dyn Disk> = Arc::new(Faulty::default());
    let store = open(StoreOptions { known_rows: 2_000, disk: faulty, ..StoreOptions::default() }).await;
    let other = open(StoreOptions::default()).await;

    let keep_up = tokio::spawn({
        let store = other.clone();
        let options =
            MaintenanceOptions { small_files: 2, checkpoint_commits: 7, ..MaintenanceOptions::default() };
        async move {
            loop {
                store.maintain(&options).await.unwrap();
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    });
    let clients = (0..CLIENTS).map(|client| {
        // One is another process.
        let store = if client == KINDS { &other } else { &store };
        tokio::spawn(send_all(store.clone(), client))
    });
    for client in futures::future::join_all(clients).await {
        client.unwrap();
    }
    keep_up.abort();

    let reader = Store::open_read_only(dir.path(), StoreOptions::default()).await.unwrap();
    for run in ["r0", "r1", "r2"] {
        let spans = reader.spans_of_run(run).await.unwrap();
        let sent: std::collections::BTreeSet<String> = (0..CLIENTS * ROUNDS)
            .flat_map(|at| rows(at % CLIENTS, at / CLIENTS).spans.to_rows())
            .filter(|span| span.run_id == run)
            .map(|span| span.row_id)
            .collect();
        assert_eq!(reader.span_count(run).await.unwrap(), sent.len(), "{run}");
        assert_eq!(
            spans.into_iter().map(|span| span.row_id).collect::<std::collections::BTreeSet<_>>(),
            sent
        );
    }
    let counted = reader.sql("SELECT count(*), count(DISTINCT row_id) FROM points", 1).await.unwrap();
    let counted = format!("{:?}", counted[0].columns());
    assert_eq!(counted.matches(&(20 * KINDS * ROUNDS).to_string()).count(), 2, "{counted}");
}

//! Appends that wait to be written, put together into groups.

use std::time::Duration;

use tokio::{
    sync::mpsc,
    time::{Instant, timeout_at},
};

use crate::{append::Request, group::Group};

/// Requests that one group takes at most.
const GROUP_REQUESTS: usize = 1024;
/// Rows after which a group takes no further request.
const GROUP_ROWS: usize = 1_000_000;
/// How long after a group of some size the next one begins, unless it is full before: few large commits take less of the
/// processor than many small ones, and leave fewer files to be merged.
const PAUSE: Duration = Duration::from_millis(40);
/// Rows of a group of some size. After smaller ones nobody waits.
const SOME_ROWS: usize = 2_048;
/// Rows of a group that is full.
const FULL_ROWS: usize = 16_384;

/// The queue of appends.
pub(crate) struct Intake {
    queue: mpsc::Receiver<Request>,
    /// When the next group may begin.
    at: Instant,
}

impl Intake {
    pub(crate) fn new(queue: mpsc::Receiver<Request>) -> Self {
        Self { queue, at: Instant::now() }
    }

    /// The next group; `None` when all senders are gone.
    pub(crate) async fn next(&mut self) -> Option<Group> {
        let mut gathered = Gathered::of(self.queue.recv().await?);
        gathered.take(&mut self.queue);
        while gathered.rows < FULL_ROWS {
            let Ok(Some(request)) = timeout_at(self.at, self.queue.recv()).await else { break };
            gathered.add(request);
        }
        Some(self.begin(gathered))
    }

    /// The next group, if it may begin now.
    pub(crate) fn try_next(&mut self) -> Option<Group> {
        if Instant::now() < self.at {
            return None;
        }
        let mut gathered = Gathered::of(self.queue.try_recv().ok()?);
        gathered.take(&mut self.queue);
        Some(self.begin(gathered))
    }

    fn begin(&mut self, gathered: Gathered) -> Group {
        self.at = Instant::now();
        if (SOME_ROWS..FULL_ROWS).contains(&gathered.rows) {
            self.at += PAUSE;
        }
        Group::of(gathered.requests)
    }
}

/// Appends of a group to be.
struct Gathered {
    requests: Vec<Request>,
    rows: usize,
}

impl Gathered {
    fn of(first: Request) -> Self {
        Self { rows: first.rows(), requests: vec![first] }
    }

    fn add(&mut self, request: Request) {
        self.rows += request.rows();
        self.requests.push(request);
    }

    /// Takes what waits, up to the size of a group.
    fn take(&mut self, queue: &mut mpsc::Receiver<Request>) {
        while self.rows < GROUP_ROWS && self.requests.len() < GROUP_REQUESTS {
            let Ok(next) = queue.try_recv() else { return };
            self.add(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::{
        datatypes::Schema,
        record_batch::{RecordBatch, RecordBatchOptions},
    };
    use tokio::{
        sync::{Semaphore, oneshot},
        time::{advance, sleep},
    };

    use super::*;
    use crate::{layout::TABLES, rows::Rows};

    async fn request(rows: usize) -> Request {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Schema::empty().into(), Vec::new(), &options).unwrap();
        let mut batches = [const { None }; TABLES];
        batches[0] = Some(Rows::Columns(vec![batch]));
        let share = Arc::new(Semaphore::new(1)).acquire_owned().await.unwrap();
        Request { batches, reply: oneshot::channel().0, share }
    }

    /// How many requests are in the next group, and how long it took to come.
    async fn next(intake: &mut Intake) -> (usize, Duration) {
        let start = Instant::now();
        let group = intake.next().await.unwrap();
        (group.summary().appends, start.elapsed())
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_waits_for_more_only_after_one_of_some_size_and_until_it_is_full() {
        let (queue, waiting) = mpsc::channel(99);
        let mut intake = Intake::new(waiting);
        let send = async |rows| assert!(queue.send(request(rows).await).await.is_ok());
        let (few, some, at_once) = (1, SOME_ROWS, Duration::ZERO);
        // After a small one.
        send(few).await;
        assert_eq!(next(&mut intake).await, (1, at_once));
        send(few).await;
        send(some).await;
        assert_eq!(next(&mut intake).await, (2, at_once));
        // After one of some size, what comes meanwhile goes with it.
        send(few).await;
        assert!(intake.try_next().is_none());
        let later = async {
            sleep(PAUSE / 2).await;
            send(few).await;
            sleep(PAUSE).await;
            send(few).await;
        };
        let (first, ()) = tokio::join!(next(&mut intake), later);
        assert_eq!(first, (2, PAUSE));
        assert_eq!(next(&mut intake).await, (1, at_once));
        // A full one waits for nothing, nor does the one after it.
        send(some).await;
        assert_eq!(next(&mut intake).await, (1, at_once));
        send(few).await;
        send(FULL_ROWS).await;
        assert_eq!(next(&mut intake).await, (2, at_once));
        send(few).await;
        assert_eq!(intake.try_next().unwrap().summary().appends, 1);
        // When the pause is over.
        send(some).await;
        assert_eq!(next(&mut intake).await, (1, at_once));
        send(few).await;
        advance(PAUSE).await;
        assert_eq!(intake.try_next().unwrap().summary().appends, 1);
        drop(queue);
        assert!(intake.next().await.is_none());
    }
}

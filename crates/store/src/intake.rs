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
/// Bytes of texts after which a group takes no further request: on its way into a file, a group is in memory more than once.
const GROUP_BYTES: usize = if cfg!(test) { 1 << 10 } else { 24 << 20 };
/// How long after a group of some size, and of several requests, the next one begins at the latest: few large commits take
/// less of the processor than many small ones, and leave fewer files to be merged.
const PAUSE: Duration = Duration::from_millis(40);
/// It begins sooner when nothing has come for so long: then everybody waits.
const SILENCE: Duration = Duration::from_millis(5);
/// Rows of a group of some size.
const SOME_ROWS: usize = 2_048;
/// Rows of a group that is full.
const FULL_ROWS: usize = 16_384;

/// The queue of appends.
pub(crate) struct Intake {
    queue: mpsc::Receiver<Request>,
    /// Until when the next group waits for more.
    until: Instant,
}

impl Intake {
    pub(crate) fn new(queue: mpsc::Receiver<Request>) -> Self {
        Self { queue, until: Instant::now() }
    }

    /// The next group; `None` when all senders are gone.
    pub(crate) async fn next(&mut self) -> Option<Group> {
        let mut gathered = Gathered::of(self.queue.recv().await?);
        gathered.take(&mut self.queue);
        while gathered.rows < FULL_ROWS && gathered.has_room() {
            let until = self.until.min(Instant::now() + SILENCE);
            let Ok(Some(request)) = timeout_at(until, self.queue.recv()).await else { break };
            gathered.add(request);
        }
        Some(self.begin(gathered))
    }

    /// The next group, if there is one that waits for nothing.
    pub(crate) fn try_next(&mut self) -> Option<Group> {
        if Instant::now() < self.until {
            return None;
        }
        let mut gathered = Gathered::of(self.queue.try_recv().ok()?);
        gathered.take(&mut self.queue);
        Some(self.begin(gathered))
    }

    fn begin(&mut self, gathered: Gathered) -> Group {
        self.until = Instant::now();
        if gathered.requests.len() > 1 && (SOME_ROWS..FULL_ROWS).contains(&gathered.rows) {
            self.until += PAUSE;
        }
        Group::of(gathered.requests)
    }
}

/// Appends of a group to be.
struct Gathered {
    requests: Vec<Request>,
    rows: usize,
    bytes: usize,
}

impl Gathered {
    fn of(first: Request) -> Self {
        Self { rows: first.rows(), bytes: first.text_bytes(), requests: vec![first] }
    }

    fn has_room(&self) -> bool {
        self.rows < GROUP_ROWS && self.bytes < GROUP_BYTES && self.requests.len() < GROUP_REQUESTS
    }

    fn add(&mut self, request: Request) {
        self.rows += request.rows();
        self.bytes += request.text_bytes();
        self.requests.push(request);
    }

    /// Takes what waits, up to the size of a group.
    fn take(&mut self, queue: &mut mpsc::Receiver<Request>) {
        while self.has_room() {
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
    use smoltrace_model::rows::SpanBlockBuilder;
    use tokio::{
        sync::{Semaphore, oneshot},
        time::{advance, sleep},
    };

    use super::*;
    use crate::{
        layout::{SPANS, TABLES},
        rows::Rows,
    };

    async fn request(rows: usize) -> Request {
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(Schema::empty().into(), Vec::new(), &options).unwrap();
        request_of(Rows::Columns(vec![batch])).await
    }

    async fn request_of(rows: Rows) -> Request {
        let mut batches = [const { None }; TABLES];
        batches[SPANS] = Some(rows);
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
    async fn a_group_holds_about_so_many_bytes_of_texts() {
        let (queue, waiting) = mpsc::channel(9);
        let mut intake = Intake::new(waiting);
        for _ in 0..5 {
            let mut spans = SpanBlockBuilder::default();
            spans.text(&"n".repeat(GROUP_BYTES / 2));
            assert!(queue.send(request_of(Rows::Spans(vec![spans.finish().into()])).await).await.is_ok());
        }
        drop(queue);
        let mut groups = Vec::new();
        while let Some(group) = intake.next().await {
            groups.push(group.summary().appends);
        }
        assert_eq!(groups, [2, 2, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_group_waits_for_more_while_more_comes_and_only_after_one_of_some_size() {
        let (queue, waiting) = mpsc::channel(99);
        let mut intake = Intake::new(waiting);
        let send = async |rows| assert!(queue.send(request(rows).await).await.is_ok());
        let (few, some, at_once) = (1, SOME_ROWS, Duration::ZERO);
        // After a small one, and after one request, however large.
        send(few).await;
        assert_eq!(next(&mut intake).await, (1, at_once));
        send(some).await;
        assert_eq!(next(&mut intake).await, (1, at_once));
        send(few).await;
        send(some).await;
        assert_eq!(next(&mut intake).await, (2, at_once));
        // After one of some size, what comes meanwhile goes with it.
        send(some).await;
        assert!(intake.try_next().is_none());
        let later = async {
            for _ in 0..PAUSE.as_millis() {
                sleep(Duration::from_millis(1)).await;
                send(few).await;
            }
        };
        let (first, ()) = tokio::join!(next(&mut intake), later);
        let count = PAUSE.as_millis() as usize;
        assert!(first.0.abs_diff(count) <= 1, "{first:?}");
        assert_eq!(first.1, PAUSE);
        // Until nothing comes.
        send(few).await;
        let (last, took) = next(&mut intake).await;
        assert_eq!(first.0 + last, count + 2);
        assert_eq!(took, SILENCE);
        // A full one waits for nothing, nor does the one after it.
        send(few).await;
        send(some).await;
        assert_eq!(next(&mut intake).await, (2, at_once));
        send(few).await;
        send(FULL_ROWS).await;
        assert_eq!(next(&mut intake).await, (2, at_once));
        send(few).await;
        assert_eq!(intake.try_next().unwrap().summary().appends, 1);
        // Nor one when the time is over.
        send(few).await;
        send(some).await;
        assert_eq!(next(&mut intake).await, (2, at_once));
        send(few).await;
        advance(PAUSE).await;
        assert_eq!(intake.try_next().unwrap().summary().appends, 1);
        drop(queue);
        assert!(intake.next().await.is_none());
    }
}

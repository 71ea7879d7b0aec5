//! How many requests at once, and how many a minute.

use std::{sync::Mutex, time::Duration};

use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

/// Lets requests through as fast as is allowed, in the order in which they came.
#[derive(Debug)]
pub(super) struct Gate {
    places: Semaphore,
    interval: Option<Duration>,
    next: Mutex<Option<Instant>>,
}

impl Gate {
    pub(super) fn new(at_once: usize, per_minute: Option<u32>) -> Self {
        Self {
            places: Semaphore::new(at_once.clamp(1, Semaphore::MAX_PERMITS)),
            interval: per_minute.map(|count| Duration::from_secs(60) / count.max(1)),
            next: Mutex::default(),
        }
    }

    /// Waits for a place, which is free again when the answer is dropped.
    pub(super) async fn enter(&self) -> SemaphorePermit<'_> {
        let place = self.places.acquire().await.expect("the semaphore is never closed");
        if let Some(interval) = self.interval {
            let turn = {
                let mut next = self.next.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                let turn = next.map_or_else(Instant::now, |next| next.max(Instant::now()));
                *next = Some(turn + interval);
                turn
            };
            tokio::time::sleep_until(turn).await;
        }
        place
    }
}

//! What the system keeps a worker from: more memory than it was given, core dumps, new processes.
//!
//! On Linux, the size of its data is looked at every millisecond while code runs: the interpreter stops in good order
//! when the limit is passed. The system's own limit is a little higher and ends the process. Elsewhere only single
//! large allocations are refused.

use std::{
    fs::File,
    sync::{Arc, Condvar, Mutex, PoisonError, atomic::Ordering},
    thread,
    time::Duration,
};

use monty_types::{BASELINE_MEMORY, LIVE_MEMORY};

/// How far the system's limit is above the interpreter's.
const SLACK_BYTES: u64 = 32 << 20;
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Watches the memory of this process while code runs.
pub struct MemoryWatch {
    running: Arc<(Mutex<bool>, Condvar)>,
    statm: Option<Arc<File>>,
}

impl MemoryWatch {
    /// Starts watching. Called once a process, before any code.
    pub fn start() -> Self {
        let statm = File::open("/proc/self/statm").ok().map(Arc::new);
        let running = Arc::new((Mutex::new(false), Condvar::new()));
        if let Some(statm) = statm.clone() {
            let running = Arc::clone(&running);
            thread::spawn(move || {
                loop {
                    let guard = running.0.lock().unwrap_or_else(PoisonError::into_inner);
                    drop(
                        running
                            .1
                            .wait_while(guard, |running| !*running)
                            .unwrap_or_else(PoisonError::into_inner),
                    );
                    note(&statm);
                    thread::sleep(LOOK_EVERY);
                }
            });
        }
        Self { running, statm }
    }

    /// What is in use now is the worker's; what comes on top is the session's.
    pub fn begin_session(&self, memory_bytes: usize) {
        let now = self.data_bytes();
        BASELINE_MEMORY.store(usize::try_from(now).unwrap_or(usize::MAX), Ordering::Relaxed);
        if now > 0 {
            let limit = now + memory_bytes as u64 + SLACK_BYTES;
            // The hard limit stays, so that the next session may have another one.
            if let Ok((_, hard)) = rlimit::getrlimit(rlimit::Resource::DATA) {
                let _ = rlimit::setrlimit(rlimit::Resource::DATA, limit.min(hard), hard);
            }
        }
    }

    /// Code runs, or no longer does.
    pub fn set_running(&self, is_running: bool) {
        if let Some(statm) = &self.statm {
            note(statm);
        }
        *self.running.0.lock().unwrap_or_else(PoisonError::into_inner) = is_running;
        self.running.1.notify_all();
    }

    /// The process's private writable memory, in bytes; 0 where the system does not say.
    pub fn data_bytes(&self) -> u64 {
        self.statm.as_deref().map_or(0, read_data_bytes)
    }
}

fn note(statm: &File) {
    LIVE_MEMORY.store(usize::try_from(read_data_bytes(statm)).unwrap_or(usize::MAX), Ordering::Relaxed);
}

#[cfg(unix)]
fn read_data_bytes(statm: &File) -> u64 {
    use std::os::unix::fs::FileExt;

    const DATA: usize = 5;
    let mut buffer = [0; 128];
    let read = statm.read_at(&mut buffer, 0).unwrap_or(0);
    let pages = std::str::from_utf8(&buffer[..read])
        .ok()
        .and_then(|text| text.split_ascii_whitespace().nth(DATA))
        .and_then(|field| field.parse::<u64>().ok());
    pages.unwrap_or(0) * page_bytes()
}

#[cfg(not(unix))]
fn read_data_bytes(_: &File) -> u64 {
    0
}

#[cfg(unix)]
fn page_bytes() -> u64 {
    rustix::param::page_size() as u64
}

/// Gives up what a worker never needs.
pub fn give_up_rights() {
    #[cfg(unix)]
    {
        let _ = rlimit::setrlimit(rlimit::Resource::CORE, 0, 0);
        let _ = rlimit::setrlimit(rlimit::Resource::FSIZE, 0, 0);
        let _ = rlimit::setrlimit(rlimit::Resource::NOFILE, 8, 8);
        #[cfg(any(target_os = "linux", target_os = "macos"))]
        let _ = rlimit::setrlimit(rlimit::Resource::NPROC, 0, 0);
    }
}

//! Measuring power: from arguments to a running sampler, and from its samples to rows of runs.
//!
//! `serve`, `eval` and `power` share this. A command that measures a run of its own does:
//!
//! ```text
//! let measuring = power::start(&args, &choice, true)?;                  // None: nothing to measure
//! let pending = Pending::new(Arc::new(measuring), &run_id);             // its rows go into commits of the run, too
//! let recording = Recording::start(pending.clone(), sink);
//! pending.edge();                                                       // where a test starts or ends
//! let summary = recording.finish().await;                               // all rows are stored
//! ```

mod factors;
mod follow;
mod measuring;
mod recording;

pub use factors::resolve as resolve_factors;
pub use follow::Follow;
pub use measuring::{Choice, Measuring, Now, start};
pub use recording::{Pending, Recording};

//! Measuring power: from arguments to a running sampler, and from its samples to rows of runs.
//!
//! `serve`, `eval` and `power` share this. A command that measures a run of its own does:
//!
//! ```text
//! let measuring = power::start(&args, power::Choice::Off)?;             // None: not asked for
//! let recording = measuring.map(|m| Recording::start(Arc::new(m), sink, run_id));
//! recording.edge();                                                     // where a test starts or ends
//! let summary = recording.finish().await;                               // all rows are stored
//! ```

mod factors;
mod follow;
mod measuring;
mod recording;

pub use factors::resolve as resolve_factors;
pub use follow::Follow;
pub use measuring::{Choice, Measuring, start};
pub use recording::{Recording, Summary};

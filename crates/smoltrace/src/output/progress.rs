//! Progress of anything that lasts longer than a second, on standard error.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar that appears only once a second has passed.
pub struct Progress {
    bar: ProgressBar,
    started: Instant,
    shown: bool,
    enabled: bool,
}

impl Progress {
    pub fn bytes(enabled: bool, label: &str) -> Self {
        Self::with_template(enabled, label, "{msg} {bar:30} {bytes}/{total_bytes} {bytes_per_sec} {eta}")
    }

    pub fn items(enabled: bool, label: &str) -> Self {
        Self::with_template(enabled, label, "{msg} {bar:30} {pos}/{len} {eta}")
    }

    fn with_template(enabled: bool, label: &str, template: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(label.to_owned());
        Self { bar, started: Instant::now(), shown: false, enabled }
    }

    pub fn set_label(&self, label: &str) {
        self.bar.set_message(label.to_owned());
    }

    pub fn update(&mut self, done: u64, total: u64) {
        self.bar.set_length(total.max(done));
        self.bar.set_position(done);
        if self.enabled && !self.shown && self.started.elapsed() > Duration::from_secs(1) {
            self.bar.set_draw_target(ProgressDrawTarget::stderr());
            self.shown = true;
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

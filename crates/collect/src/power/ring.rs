//! The last readings, for whoever wants them: bounded, read by number, so that a slow reader loses the
//! oldest and is told how many.

use std::{collections::VecDeque, sync::Arc};

use super::device::{Detail, Reading};

/// All devices that could be read at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct PowerSample {
    /// Unix ns by the sampler's anchor and its monotonic clock.
    pub time_unix_nano: i64,
    pub detail: Detail,
    /// A device that could not be read is not here.
    pub devices: Vec<DeviceSample>,
}

/// One device at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceSample {
    /// Place in the sampler's list of devices.
    pub device: usize,
    pub reading: Reading,
    /// What the device used since the sampler started, microjoules.
    pub energy_uj: i128,
}

/// How many samples were gone before they were read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lost(pub u64);

#[derive(Debug)]
pub(super) struct Ring {
    samples: VecDeque<Arc<PowerSample>>,
    most: usize,
    /// Number of the first sample that is here.
    first: u64,
}

impl Ring {
    pub(super) fn new(most: usize) -> Self {
        Self { samples: VecDeque::new(), most: most.max(2), first: 0 }
    }

    pub(super) fn push(&mut self, sample: PowerSample) {
        if self.samples.len() == self.most {
            self.samples.pop_front();
            self.first += 1;
        }
        self.samples.push_back(Arc::new(sample));
    }

    pub(super) fn newest_unix_nano(&self) -> Option<i64> {
        self.samples.back().map(|sample| sample.time_unix_nano)
    }

    /// The samples from number `next` on, and the number to ask for after them.
    pub(super) fn since(&self, next: u64) -> (Vec<Arc<PowerSample>>, u64, Lost) {
        let skip = next.saturating_sub(self.first) as usize;
        let samples: Vec<_> = self.samples.iter().skip(skip).cloned().collect();
        let after = (self.first + self.samples.len() as u64).max(next);
        (samples, after, Lost(self.first.saturating_sub(next)))
    }

    /// The samples of `[from, to]`, with the one before and the one after: what accrued in between is known
    /// only with them.
    pub(super) fn around(&self, from_unix_nano: i64, to_unix_nano: i64) -> Vec<Arc<PowerSample>> {
        let begin = self.samples.partition_point(|sample| sample.time_unix_nano <= from_unix_nano);
        let end = self.samples.partition_point(|sample| sample.time_unix_nano < to_unix_nano);
        self.samples.range(begin.saturating_sub(1)..(end + 1).min(self.samples.len())).cloned().collect()
    }
}

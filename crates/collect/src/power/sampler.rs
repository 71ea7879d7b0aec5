//! Reads the devices at a steady pace, on a thread of its own.
//!
//! [`Engine`] is one step at a time and knows no clock; [`Sampler`] steps it. Time is the monotonic clock
//! from a Unix time that the caller gives once: a wall clock that is set meanwhile changes nothing.

use std::{
    fs,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use smoltrace_model::meter::Meter;

use super::{
    device::{Detail, Device, PowerDevice, Reading},
    ring::{DeviceSample, Lost, PowerSample, Ring},
};

/// How it is sampled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SamplerOptions {
    /// Between two readings of energy and power.
    pub interval: Duration,
    /// Utilisation, memory and temperature are read with every n-th of them, and at edges.
    pub full_every: u32,
    /// Samples that are kept for readers.
    pub kept: usize,
}

impl Default for SamplerOptions {
    fn default() -> Self {
        Self { interval: Duration::from_millis(100), full_every: 10, kept: 36_000 }
    }
}

impl SamplerOptions {
    fn interval_ns(&self) -> i64 {
        i64::try_from(self.interval.as_nanos()).unwrap_or(i64::MAX).max(1)
    }

    /// Power is not bridged over more than a few intervals.
    fn max_gap_ns(&self) -> i64 {
        self.interval_ns().saturating_mul(smoltrace_model::device_energy::GAP_INTERVALS)
    }
}

/// What the sampler itself did and cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SamplerStats {
    /// Rounds of reading.
    pub ticks: u64,
    /// Rounds that were due while another one was late.
    pub missed_ticks: u64,
    /// Readings of one device that failed.
    pub failed_reads: u64,
    /// CPU time of its thread; none where the system does not tell.
    pub cpu_ns: Option<u64>,
    /// Time since its start, ns.
    pub elapsed_ns: i64,
}

/// What a device used since the start, and its newest reading.
#[derive(Debug, Clone)]
pub struct DeviceTotal {
    pub device: Device,
    pub meter: Meter,
    /// The newest of each value; none when it never could be read.
    pub latest: Reading,
    /// Why it could not be read last time.
    pub failing: Option<String>,
}

/// Whether the energy of the device at `place` is in that of another one here, which has energy of its own: then the
/// two are never added.
pub fn is_part(totals: &[DeviceTotal], place: usize) -> bool {
    let of = |id: &str| totals.iter().find(|total| total.device.id == id);
    let mut parent = totals[place].device.parent.as_deref();
    // No longer than there are devices.
    for _ in 0..totals.len() {
        match parent.and_then(of) {
            Some(above) if above.meter.energy_uj() > 0 => return true,
            Some(above) => parent = above.device.parent.as_deref(),
            None => return false,
        }
    }
    false
}

struct Slot {
    total: DeviceTotal,
    source: Box<dyn PowerDevice>,
    /// A device that fails is asked less often.
    not_before_ns: i64,
}

/// Reads devices when told to.
pub struct Engine {
    slots: Vec<Slot>,
    failed_reads: u64,
    retry_ns: i64,
}

impl Engine {
    pub fn new(devices: Vec<Box<dyn PowerDevice>>, options: &SamplerOptions) -> Self {
        let slot = |source: Box<dyn PowerDevice>| {
            let device = source.device().clone();
            let meter = Meter::new(device.energy_range_uj, options.max_gap_ns());
            let total = DeviceTotal { device, meter, latest: Reading::default(), failing: None };
            Slot { total, source, not_before_ns: i64::MIN }
        };
        let retry_ns = options.interval_ns().saturating_mul(10);
        Self { slots: devices.into_iter().map(slot).collect(), failed_reads: 0, retry_ns }
    }

    /// Reads all devices at a moment (Unix ns). One that cannot be read is left out of the sample; that is
    /// logged when it begins and when it ends.
    pub fn tick(&mut self, now_ns: i64, detail: Detail) -> PowerSample {
        let mut devices = Vec::with_capacity(self.slots.len());
        for (place, slot) in self.slots.iter_mut().enumerate() {
            if now_ns < slot.not_before_ns {
                continue;
            }
            let total = &mut slot.total;
            match slot.source.read(now_ns, detail) {
                Ok(reading) => {
                    if let Some(error) = total.failing.take() {
                        tracing::info!(device = total.device.id, %error, "the device can be read again");
                    }
                    total.meter.take(now_ns, reading.energy_uj, reading.power_w);
                    total.latest = newest(total.latest, reading);
                    devices.push(DeviceSample { device: place, reading, energy_uj: total.meter.energy_uj() });
                }
                Err(error) => {
                    self.failed_reads += 1;
                    slot.not_before_ns = now_ns.saturating_add(self.retry_ns);
                    if total.failing.is_none() {
                        tracing::warn!(device = total.device.id, %error, "the device cannot be read: a gap");
                    }
                    total.failing = Some(error.to_string());
                }
            }
        }
        PowerSample { time_unix_nano: now_ns, detail, devices }
    }

    /// Readings of one device that failed.
    pub fn failed_reads(&self) -> u64 {
        self.failed_reads
    }

    /// Each device with what it used, in the order of their places.
    pub fn totals(&self) -> Vec<DeviceTotal> {
        self.slots.iter().map(|slot| slot.total.clone()).collect()
    }
}

fn newest(held: Reading, new: Reading) -> Reading {
    Reading {
        energy_uj: new.energy_uj.or(held.energy_uj),
        power_w: new.power_w.or(held.power_w),
        utilization_percent: new.utilization_percent.or(held.utilization_percent),
        memory_used_bytes: new.memory_used_bytes.or(held.memory_used_bytes),
        memory_total_bytes: new.memory_total_bytes.or(held.memory_total_bytes),
        temperature_celsius: new.temperature_celsius.or(held.temperature_celsius),
    }
}

struct State {
    engine: Engine,
    ring: Ring,
    stats: SamplerStats,
    /// Readings that were asked for, and those that were made for that.
    wanted: u64,
    made: u64,
    stop: bool,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Samples until it is stopped or dropped.
pub struct Sampler {
    shared: Arc<Shared>,
    devices: Vec<Device>,
    thread: Option<JoinHandle<()>>,
    start_unix_nano: i64,
}

impl Sampler {
    /// Starts to sample. `now_unix_nano` is the time now; all times that follow are counted from it on the
    /// monotonic clock. The first reading is made before this returns.
    pub fn start(
        devices: Vec<Box<dyn PowerDevice>>,
        options: SamplerOptions,
        now_unix_nano: i64,
    ) -> std::io::Result<Self> {
        let clock = Clock { anchor: Instant::now(), unix_nano: now_unix_nano };
        let descriptions = devices.iter().map(|device| device.device().clone()).collect();
        let mut engine = Engine::new(devices, &options);
        let mut ring = Ring::new(options.kept);
        ring.push(engine.tick(now_unix_nano, Detail::Full));
        let stats = SamplerStats { ticks: 1, failed_reads: engine.failed_reads(), ..SamplerStats::default() };
        let state = State { engine, ring, stats, wanted: 0, made: 0, stop: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let thread = {
            let shared = shared.clone();
            let work = move || work(&shared, &options, clock);
            std::thread::Builder::new().name("power".into()).spawn(work)?
        };
        Ok(Self { shared, devices: descriptions, thread: Some(thread), start_unix_nano: now_unix_nano })
    }

    /// The devices; samples name them by place.
    pub fn devices(&self) -> &[Device] {
        &self.devices
    }

    /// When it started, Unix ns: what [`DeviceSample::energy_uj`] counts from.
    pub fn start_unix_nano(&self) -> i64 {
        self.start_unix_nano
    }

    /// Reads everything now, and returns when that is done: for the edges of a test.
    pub fn read_now(&self) {
        let mut state = self.shared.lock();
        state.wanted += 1;
        let wanted = state.wanted;
        self.shared.changed.notify_all();
        while state.made < wanted && !state.stop {
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Reads everything as soon as can be, and does not wait for it.
    pub fn read_soon(&self) {
        self.shared.lock().wanted += 1;
        self.shared.changed.notify_all();
    }

    /// The samples from number `next` on (0: all that are kept), the number to ask for next, and how many
    /// were gone before they were asked for.
    pub fn since(&self, next: u64) -> (Vec<Arc<PowerSample>>, u64, Lost) {
        self.shared.lock().ring.since(next)
    }

    /// Time of the newest sample, Unix ns.
    pub fn newest_unix_nano(&self) -> i64 {
        self.shared.lock().ring.newest_unix_nano().unwrap_or(self.start_unix_nano)
    }

    /// The samples of a stretch of time, with those next to it on both sides where there are.
    pub fn around(&self, from_unix_nano: i64, to_unix_nano: i64) -> Vec<Arc<PowerSample>> {
        self.shared.lock().ring.around(from_unix_nano, to_unix_nano)
    }

    /// Each device with what it used since the start.
    pub fn totals(&self) -> Vec<DeviceTotal> {
        self.shared.lock().engine.totals()
    }

    pub fn stats(&self) -> SamplerStats {
        self.shared.lock().stats
    }

    /// Stops after a last reading.
    pub fn stop(&mut self) {
        if let Some(thread) = self.thread.take() {
            self.read_now();
            self.shared.lock().stop = true;
            self.shared.changed.notify_all();
            // A thread that panicked has nothing more to say.
            let _ = thread.join();
        }
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        self.stop();
    }
}

#[derive(Clone, Copy)]
struct Clock {
    anchor: Instant,
    unix_nano: i64,
}

impl Clock {
    fn elapsed_ns(&self) -> i64 {
        i64::try_from(self.anchor.elapsed().as_nanos()).unwrap_or(i64::MAX)
    }

    fn now_ns(&self) -> i64 {
        self.unix_nano.saturating_add(self.elapsed_ns())
    }
}

fn work(shared: &Shared, options: &SamplerOptions, clock: Clock) {
    // Whatever ends this thread, nobody waits for it any more.
    struct Ended<'a>(&'a Shared);
    impl Drop for Ended<'_> {
        fn drop(&mut self) {
            self.0.lock().stop = true;
            self.0.changed.notify_all();
        }
    }
    let ended = Ended(shared);
    let interval_ns = options.interval_ns();
    let mut due_ns = interval_ns;
    let mut state = shared.lock();
    while !state.stop {
        let at_edge = state.made < state.wanted;
        let elapsed_ns = clock.elapsed_ns();
        if !at_edge && elapsed_ns < due_ns {
            let wait = Duration::from_nanos((due_ns - elapsed_ns) as u64);
            let waited = shared.changed.wait_timeout(state, wait);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            continue;
        }
        let is_full = at_edge || state.stats.ticks.is_multiple_of(options.full_every.max(1).into());
        let detail = if is_full { Detail::Full } else { Detail::Energy };
        let wanted = state.wanted;
        let sample = state.engine.tick(clock.now_ns(), detail);
        state.ring.push(sample);
        state.made = wanted;
        let elapsed_ns = clock.elapsed_ns();
        state.stats.ticks += 1;
        state.stats.failed_reads = state.engine.failed_reads();
        state.stats.elapsed_ns = elapsed_ns;
        if is_full {
            state.stats.cpu_ns = thread_cpu_ns().or(state.stats.cpu_ns);
        }
        if elapsed_ns >= due_ns {
            let behind = (elapsed_ns - due_ns) / interval_ns;
            state.stats.missed_ticks += behind as u64;
            due_ns += (behind + 1) * interval_ns;
        }
        shared.changed.notify_all();
    }
    drop(state);
    drop(ended);
}

/// CPU time of the calling thread, where the kernel tells.
fn thread_cpu_ns() -> Option<u64> {
    fs::read_to_string("/proc/thread-self/schedstat").ok()?.split_whitespace().next()?.parse().ok()
}

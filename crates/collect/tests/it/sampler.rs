//! The sampler: steady, in order of time, gaps where nothing could be read.

use std::time::Duration;

use proptest::prelude::*;
use smoltrace_collect::power::{
    Detail, Engine, Fake, Lost, PowerDevice, ReadError, Reading, Sampler, SamplerOptions, Simulated, Step,
};

use crate::support::SECOND;

fn counter(joules: u64) -> Step {
    Ok(Reading { energy_uj: Some(joules * 1_000_000), ..Reading::default() })
}

fn power(power_w: f64) -> Step {
    Ok(Reading { power_w: Some(power_w), ..Reading::default() })
}

fn lost() -> Step {
    Err(ReadError("lost".into()))
}

/// Every second one step; joules used and seconds unknown at the end.
fn ran(steps: Vec<Step>) -> (i128, i64) {
    // An interval of a tenth: a device that failed is asked again a second later.
    let options = SamplerOptions { interval: Duration::from_millis(400), ..SamplerOptions::default() };
    let seconds = steps.len() as i64;
    let mut engine = Engine::new(vec![Box::new(Fake::gpu("0", steps))], &options);
    for second in 0..seconds {
        engine.tick(second * SECOND * 4, Detail::Energy);
    }
    let meter = engine.totals().remove(0).meter;
    (meter.energy_uj() / 1_000_000, meter.uncovered_ns() / SECOND)
}

#[test]
fn energy_of_what_was_read() {
    // Counters reach over a reading that failed; a fall is a reset.
    assert_eq!(ran(vec![counter(10), counter(30), lost(), counter(70)]), (60, 0));
    assert_eq!(ran(vec![counter(10), counter(30), counter(5), counter(25)]), (40, 4));
    assert_eq!(ran(vec![lost(), lost()]), (0, 0));
    // Power every four seconds is more than a few intervals apart.
    assert_eq!(ran(vec![power(10.0), power(10.0)]), (0, 4));
}

#[test]
fn power_is_integrated_where_there_is_no_counter() {
    let options = SamplerOptions { interval: Duration::from_secs(1), ..SamplerOptions::default() };
    let steps = vec![power(100.0), power(300.0), power(300.0)];
    let mut engine = Engine::new(vec![Box::new(Fake::gpu("0", steps))], &options);
    for second in 0..3 {
        engine.tick(second * SECOND, Detail::Energy);
    }
    let meter = engine.totals().remove(0).meter;
    assert_eq!(
        (meter.energy_uj(), meter.has_counter(), meter.counter_to_power()),
        (500_000_000, false, None)
    );
}

#[test]
fn counter_and_power_are_compared() {
    let both = |joules: u64, power_w: f64| {
        Ok(Reading { energy_uj: Some(joules * 1_000_000), power_w: Some(power_w), ..Reading::default() })
    };
    let options = SamplerOptions { interval: Duration::from_secs(1), ..SamplerOptions::default() };
    let steps = vec![both(0, 100.0), both(200, 100.0), both(400, 100.0)];
    let mut engine = Engine::new(vec![Box::new(Fake::gpu("0", steps))], &options);
    for second in 0..3 {
        engine.tick(second * SECOND, Detail::Energy);
    }
    let meter = engine.totals().remove(0).meter;
    assert_eq!((meter.energy_uj(), meter.counter_to_power()), (400_000_000, Some(2.0)));
}

#[test]
fn it_samples_from_the_time_that_it_is_given() {
    let devices: Vec<Box<dyn PowerDevice>> = vec![Box::new(Simulated::gpu(0)), Box::new(Simulated::gpu(1))];
    let options = SamplerOptions { interval: Duration::from_millis(1), ..SamplerOptions::default() };
    let start = 1_000 * SECOND;
    let mut sampler = Sampler::start(devices, options, start).expect("it starts");
    while sampler.stats().ticks < 20 {
        sampler.read_now();
    }
    sampler.stop();
    let (samples, next, gone) = sampler.since(0);
    assert_eq!((samples[0].time_unix_nano, gone), (start, Lost(0)));
    assert!(samples.is_sorted_by(|a, b| a.time_unix_nano < b.time_unix_nano));
    assert!(samples.iter().all(|sample| sample.devices.len() == 2));
    assert_eq!(sampler.since(next).0.len(), 0);
    let stats = sampler.stats();
    assert_eq!((stats.ticks, stats.failed_reads), (samples.len() as u64, 0));
    // Stopping twice, and asking a stopped one to read, is nothing.
    sampler.stop();
    sampler.read_now();
    // A stretch comes with its neighbours.
    let stretch = sampler.around(samples[5].time_unix_nano + 1, samples[7].time_unix_nano + 1);
    assert_eq!(stretch.iter().map(|s| s.time_unix_nano).collect::<Vec<_>>(), times(&samples[5..=8]));
}

fn times(samples: &[std::sync::Arc<smoltrace_collect::power::PowerSample>]) -> Vec<i64> {
    samples.iter().map(|sample| sample.time_unix_nano).collect()
}

#[test]
fn old_samples_go_and_are_counted() {
    let devices: Vec<Box<dyn PowerDevice>> = vec![Box::new(Simulated::gpu(0))];
    let options =
        SamplerOptions { interval: Duration::from_secs(3600), kept: 4, ..SamplerOptions::default() };
    let sampler = Sampler::start(devices, options, 0).expect("it starts");
    for _ in 0..9 {
        sampler.read_now();
    }
    let (samples, next, gone) = sampler.since(0);
    assert_eq!((samples.len(), next, gone), (4, 10, Lost(6)));
}

#[test]
fn a_reading_that_is_asked_for_is_made() {
    let devices: Vec<Box<dyn PowerDevice>> = vec![Box::new(Simulated::gpu(0))];
    let options = SamplerOptions { interval: Duration::from_secs(3600), ..SamplerOptions::default() };
    let sampler = Sampler::start(devices, options, 0).expect("it starts");
    sampler.read_soon();
    while sampler.since(0).1 < 2 {
        std::thread::yield_now();
    }
    assert_eq!(sampler.since(1).0[0].detail, Detail::Full);
}

proptest! {
    /// The Unix time that the caller gave is a label: whatever it is, and whatever the wall clock does meanwhile, the
    /// energy is that of the time between.
    #[test]
    fn the_anchor_changes_nothing(
        anchor in any::<u32>(),
        steps in prop::collection::vec((1..400_i64, 0..500_000_u64, 0.0..500.0_f64), 1..40)
    ) {
        let used = |anchor: i64| {
            let readings = steps.iter().map(|(_, uj, watts)| {
                Ok(Reading { energy_uj: Some(*uj), power_w: Some(*watts), ..Reading::default() })
            });
            let fake = Fake::gpu("0", readings.collect());
            let mut engine = Engine::new(vec![Box::new(fake)], &SamplerOptions::default());
            let mut at = anchor;
            for (pause, ..) in &steps {
                at += pause * 1_000_000;
                engine.tick(at, Detail::Energy);
            }
            let meter = engine.totals().remove(0).meter;
            (meter.energy_uj(), meter.uncovered_ns(), meter.counter_to_power())
        };
        prop_assert_eq!(used(0), used(i64::from(anchor) * SECOND));
    }

    /// Whatever is read, in whatever order of failures, resets and pauses: never negative, and what the meter
    /// says is what the recording says when it is read as a whole.
    #[test]
    fn the_meter_says_what_the_recording_says(
        steps in prop::collection::vec((1..3_000_i64, prop::option::of(0..2_000_000_u64)), 1..60)
    ) {
        use smoltrace_model::energy::{CounterSample, CounterUnit, from_counter};
        let mut meter = smoltrace_model::meter::Meter::new(None, 300);
        let (mut at, mut read) = (0, Vec::new());
        for (pause, value) in steps {
            at += pause;
            meter.take(at, value, None);
            read.extend(value.map(|value| CounterSample { time_ns: at, value }));
        }
        let whole = from_counter(&read, CounterUnit::Microjoules, None);
        prop_assert!(meter.energy_uj() >= 0);
        prop_assert_eq!(meter.energy_uj(), whole.energy_uj());
        prop_assert_eq!(meter.uncovered_ns(), whole.uncovered_ns);
    }
}

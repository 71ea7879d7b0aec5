//! Energy of single LLM calls: added up for a run, and by span for whoever looks at a trace.

use std::collections::HashMap;

use super::{accounting::CallEnergyFigures, devices, executions::Traces};
use crate::{
    attribution::Window,
    call_energy::{self, CallEnergy, TestCalls},
    device_energy::DeviceEnergy,
    energy,
    gpus::Gpus,
    rows::{Source, SpanRow},
    series::SeriesSet,
    trace,
};

/// The calls of each execution, and those of none.
fn calls_of<'a>(traces: &'a Traces<'_>) -> impl Iterator<Item = &'a [&'a SpanRow]> {
    traces.units.iter().map(|unit| unit.calls.as_slice()).chain([traces.loose_calls.as_slice()])
}

/// Energy of the calls that last long enough for that; none when there is no call, or no device tells of time.
fn of_calls(found: &[DeviceEnergy], traces: &Traces) -> Option<CallEnergy> {
    let window =
        |span: &&SpanRow| Window { start_ns: span.start_time_unix_nano, end_ns: span.end_time_unix_nano };
    let tests = traces.units.iter().map(|unit| Some(Window { start_ns: unit.start(), end_ns: unit.end() }));
    let tests: Vec<TestCalls> = (tests.chain([None]))
        .zip(calls_of(traces))
        .map(|(test, calls)| TestCalls { test, calls: calls.iter().map(window).collect() })
        .collect();
    call_energy::of_calls(found, &tests).filter(|energy| energy.tests.iter().any(|calls| !calls.is_empty()))
}

fn source(found: &[DeviceEnergy]) -> Source {
    devices::weakest(found.iter().filter(|device| !device.is_part).map(|device| device.source))
}

fn figures(
    calls: impl Iterator<Item = Option<i128>>,
    resolution_ns: i64,
    source: Source,
) -> CallEnergyFigures {
    let mut figures =
        CallEnergyFigures { source, resolution_ms: trace::ms(resolution_ns), ..CallEnergyFigures::default() };
    let mut energy_uj = 0;
    for call in calls {
        match call {
            Some(uj) => {
                energy_uj += uj;
                figures.calls += 1;
            }
            None => figures.calls_without += 1,
        }
    }
    figures.energy_wh = (figures.calls > 0).then(|| energy::wh(energy_uj));
    figures
}

/// All calls of a run.
pub(super) fn of_run(found: &[DeviceEnergy], traces: &Traces) -> Option<CallEnergyFigures> {
    let energy = of_calls(found, traces)?;
    Some(figures(energy.tests.iter().flatten().copied(), energy.resolution_ns, source(found)))
}

/// Energy of each LLM call of a run, by span: a part of its test's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEnergies {
    source: Source,
    resolution_ns: i64,
    /// By trace id and span id, microjoules.
    traces: HashMap<String, HashMap<String, Option<i128>>>,
}

impl CallEnergies {
    /// From the spans and series of a whole run, hardware metrics adopted; none when there is no call, or no device
    /// tells of time. The spans' attributes are not looked at.
    pub fn of_run(spans: &[SpanRow], set: &SeriesSet) -> Option<Self> {
        let all = Traces::of(spans);
        let found = devices::of_run(set, &Gpus::of(set), all.first_start, all.last_end);
        let energy = of_calls(&found, &all)?;
        let mut traces: HashMap<String, HashMap<String, Option<i128>>> = HashMap::new();
        for (span, uj) in calls_of(&all).flatten().zip(energy.tests.into_iter().flatten()) {
            traces.entry(span.trace_id.clone()).or_default().insert(span.span_id.clone(), uj);
        }
        Some(Self { source: source(&found), resolution_ns: energy.resolution_ns, traces })
    }

    /// Calls, with and without energy.
    pub fn len(&self) -> usize {
        self.traces.values().map(HashMap::len).sum()
    }

    /// Whether there is no call.
    pub fn is_empty(&self) -> bool {
        self.traces.is_empty()
    }

    /// Energy of one span in Wh; none when it is no call, or it is too short to tell.
    pub fn energy_wh(&self, trace_id: &str, span_id: &str) -> Option<f64> {
        self.traces.get(trace_id)?.get(span_id)?.map(energy::wh)
    }

    /// The calls of one trace added up; none when it has none.
    pub fn of_trace(&self, trace_id: &str) -> Option<CallEnergyFigures> {
        let calls = self.traces.get(trace_id)?.values().copied();
        Some(figures(calls, self.resolution_ns, self.source))
    }
}

//! Energy, CO2 and power cost of a run: its totals, what each GPU and each execution had of
//! them, and what no execution was running for.

use serde_json::Value;

use super::{
    accounting::{Footprint, GpuFigures, Step},
    executions::Unit,
};
use crate::{
    aggregate::gauge_of,
    attribution::{Timeline, Window},
    counter::{self, Increment, PICO, from_units},
    device_energy::{self, EnergyMethod},
    energy,
    gpus::{GpuMetric, Gpus},
    normalize::number,
    rows::Source,
    series::SeriesSet,
    sum::sum_unordered,
};

/// One quantity over the whole run. Amounts are in integer units, so that nothing is lost.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Quantity {
    /// In the unit of its field, unrounded; null when unknown.
    pub(super) total: Option<f64>,
    pub(super) source: Source,
    /// Per unit of the run; null when nothing was measured while it ran.
    pub(super) shares: Vec<Option<f64>>,
    pub(super) unattributed: Option<f64>,
    /// Per GPU.
    pub(super) gpus: Vec<Option<f64>>,
    pub(super) steps: Vec<Step>,
}

/// All three quantities and the figures per GPU.
#[derive(Debug, Default)]
pub(super) struct Footprints {
    pub(super) energy_wh: Quantity,
    pub(super) co2_g: Quantity,
    pub(super) power_cost_usd: Quantity,
    pub(super) gpus: Vec<GpuFigures>,
    pub(super) notes: Vec<String>,
}

impl Footprints {
    pub(super) fn of(
        set: &SeriesSet,
        aggregates: &[Value],
        units: &[Unit],
        run_start: Option<i64>,
        run_end: Option<i64>,
    ) -> Self {
        let gpus = Gpus::of(set);
        let windows: Vec<Window> =
            units.iter().map(|unit| Window { start_ns: unit.start(), end_ns: unit.end() }).collect();
        let division = Division { timeline: Timeline::new(&windows), units: units.len(), gpus: &gpus };
        let mut notes = Vec::new();
        let mut all = Self {
            energy_wh: energy_wh(set, &division, run_start, run_end, &mut notes),
            co2_g: counted(set, GpuMetric::Co2Emissions, "g", aggregates, &division, run_start),
            power_cost_usd: counted(set, GpuMetric::PowerCost, "USD", aggregates, &division, run_start),
            gpus: Vec::new(),
            notes,
        };
        all.gpus = (0..gpus.count()).map(|place| all.figures(set, &gpus, place)).collect();
        all
    }

    pub(super) fn unattributed(&self) -> Footprint {
        Footprint {
            energy_wh: self.energy_wh.unattributed,
            co2_emissions_g: self.co2_g.unattributed,
            power_cost_usd: self.power_cost_usd.unattributed,
        }
    }

    fn figures(&self, set: &SeriesSet, gpus: &Gpus<'_>, place: usize) -> GpuFigures {
        let gpu = &gpus.all()[place];
        let gauge = |metric| {
            gauge_of(set, |series, info| {
                GpuMetric::of(info) == Some(metric) && gpus.of_series_or_only(series) == Some(place)
            })
        };
        let part = |quantity: &Quantity| quantity.gpus.get(place).copied().flatten();
        let utilization = gauge(GpuMetric::Utilization);
        let memory = gauge(GpuMetric::MemoryUsed);
        let temperature = gauge(GpuMetric::Temperature);
        let power = gauge(GpuMetric::Power);
        GpuFigures {
            gpu_id: gpu.gpu_id.to_owned(),
            gpu_name: gpu.gpu_name.map(str::to_owned),
            energy_wh: part(&self.energy_wh),
            co2_emissions_g: part(&self.co2_g),
            power_cost_usd: part(&self.power_cost_usd),
            utilization_avg: utilization.map(|gauge| gauge.mean),
            utilization_max: utilization.map(|gauge| gauge.max),
            memory_avg_mib: memory.map(|gauge| gauge.mean),
            memory_max_mib: memory.map(|gauge| gauge.max),
            temperature_avg: temperature.map(|gauge| gauge.mean),
            temperature_max: temperature.map(|gauge| gauge.max),
            power_avg_w: power.map(|gauge| gauge.mean),
            power_max_w: power.map(|gauge| gauge.max),
        }
    }
}

/// Who ran when, on which GPUs.
struct Division<'a> {
    timeline: Timeline,
    units: usize,
    gpus: &'a Gpus<'a>,
}

/// The integer amounts of several devices added up.
struct Shares {
    amounts: Vec<i128>,
    reached: Vec<bool>,
    unattributed: i128,
}

impl Division<'_> {
    fn shares<'i>(&self, devices: impl Iterator<Item = &'i [Increment]>) -> Shares {
        let mut sum =
            Shares { amounts: vec![0; self.units], reached: vec![false; self.units], unattributed: 0 };
        for increments in devices {
            let division = self.timeline.divide(increments);
            for (place, share) in division.tests.iter().enumerate() {
                sum.amounts[place] += share.amount;
                sum.reached[place] |= share.reached;
            }
            sum.unattributed += division.unattributed;
        }
        sum
    }

    fn label(&self, gpu: Option<usize>) -> String {
        match gpu.and_then(|place| self.gpus.all().get(place)) {
            Some(gpu) => match gpu.gpu_name {
                Some(name) => format!("GPU {} ({name})", gpu.gpu_id),
                None => format!("GPU {}", gpu.gpu_id),
            },
            None => "Host".into(),
        }
    }
}

impl Shares {
    /// Each share and the rest, as numbers of `per_unit` integer units.
    fn finish(self, quantity: &mut Quantity, per_unit: f64) {
        let share = |(amount, reached): (i128, bool)| reached.then(|| from_units(amount, per_unit));
        quantity.shares = self.amounts.into_iter().zip(self.reached).map(share).collect();
        quantity.unattributed = Some(from_units(self.unattributed, per_unit));
    }
}

/// CO2 or power cost: the counters' series, else the trace aggregates, else unknown.
fn counted(
    set: &SeriesSet,
    metric: GpuMetric,
    unit: &str,
    aggregates: &[Value],
    division: &Division,
    run_start: Option<i64>,
) -> Quantity {
    let mut series: Vec<_> = set
        .series()
        .iter()
        .enumerate()
        .filter(|(_, series)| series.info.metric == metric.name())
        .filter_map(|(place, series)| {
            let total = counter::series_total(series, run_start)?;
            Some((division.gpus.of_series_or_only(place), series.info.identity(), series, total))
        })
        .collect();
    series.sort_by_key(|(gpu, identity, ..)| (gpu.unwrap_or(usize::MAX), *identity));
    if series.is_empty() {
        return from_aggregates(metric.name(), unit, aggregates, division.units);
    }
    let mut quantity = Quantity {
        total: counter::metric_total(set, metric.name(), run_start),
        source: Source::Reported,
        gpus: vec![None; division.gpus.count()],
        ..Quantity::default()
    };
    for (gpu, _, _, total) in &series {
        let step = Step::new(division.label(*gpu), *total, unit).from(Source::Reported);
        quantity.steps.push(step.note(format!("Counter {}, across its resets.", metric.name())));
        if let Some(part) = gpu.and_then(|gpu| quantity.gpus.get_mut(gpu)) {
            *part = Some(part.unwrap_or(0.0) + total);
        }
    }
    let increments: Vec<Vec<Increment>> =
        series.iter().map(|(_, _, series, _)| counter::increments(series, run_start, PICO)).collect();
    division.shares(increments.iter().map(Vec::as_slice)).finish(&mut quantity, PICO);
    quantity
}

/// What the client wrote beside its traces. When it accrued is not known, so no execution has a
/// share of it.
fn from_aggregates(name: &str, unit: &str, aggregates: &[Value], units: usize) -> Quantity {
    let mut values: Vec<f64> = aggregates
        .iter()
        .filter(|aggregate| aggregate.get("name").and_then(Value::as_str) == Some(name))
        .filter_map(|aggregate| ["data_points", "dataPoints"].iter().find_map(|key| aggregate.get(key)))
        .filter_map(Value::as_array)
        .flatten()
        .filter_map(|point| {
            let value = ["value", "asDouble", "asInt"].iter().find_map(|key| point.get(key))?;
            number(value.get("value").unwrap_or(value))
        })
        .filter(|value| *value >= 0.0)
        .collect();
    let mut quantity = Quantity { shares: vec![None; units], ..Quantity::default() };
    if !values.is_empty() {
        let total = sum_unordered(&mut values);
        quantity.total = Some(total);
        quantity.source = Source::TraceAggregate;
        quantity.unattributed = Some(total);
        quantity.steps.push(
            Step::new("Trace aggregates", total, unit)
                .from(Source::TraceAggregate)
                .note(format!("{} value(s) of {name}; no GPU series reports it.", values.len())),
        );
    }
    quantity
}

fn energy_wh(
    set: &SeriesSet,
    division: &Division,
    run_start: Option<i64>,
    run_end: Option<i64>,
    notes: &mut Vec<String>,
) -> Quantity {
    let last_sample = set.series().iter().flat_map(|series| &series.samples).map(|s| s.time_unix_nano).max();
    // What was reported after the last span still belongs to the run, as with the counters.
    let window = run_start.zip(run_end.max(last_sample));
    let devices = device_energy::of_devices(set, division.gpus, window);
    let mut quantity = Quantity {
        shares: vec![None; division.units],
        gpus: vec![None; division.gpus.count()],
        ..Quantity::default()
    };
    if devices.iter().all(|device| device.reading.increments.is_empty()) {
        return quantity;
    }
    let mut total_uj = 0;
    let mut uncovered_ns = 0_i64;
    for device in &devices {
        let energy_uj = device.reading.energy_uj();
        total_uj += energy_uj;
        uncovered_ns = uncovered_ns.max(device.reading.uncovered_ns);
        let method = match device.method {
            EnergyMethod::Counter => "Differences of the device's energy counter.",
            EnergyMethod::Power => "Trapezoid over the reported power samples.",
        };
        let wh = energy::wh(energy_uj);
        let step = Step::new(division.label(device.gpu), wh, "Wh").from(Source::Reported);
        quantity.steps.push(step.note(method));
        if let Some(part) = device.gpu.and_then(|gpu| quantity.gpus.get_mut(gpu)) {
            *part = Some(part.unwrap_or(0.0) + wh);
        }
    }
    if uncovered_ns > 0 {
        notes.push(format!(
            "No energy reading covers {:.1} s of the run; the energy of that time is unknown and not counted.",
            uncovered_ns as f64 / 1e9
        ));
    }
    quantity.total = Some(energy::wh(total_uj));
    quantity.source = Source::Reported;
    let readings = devices.iter().map(|device| device.reading.increments.as_slice());
    division.shares(readings).finish(&mut quantity, energy::MICROJOULES_PER_WH);
    quantity
}

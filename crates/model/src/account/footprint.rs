//! Energy, CO2 and power cost of a run: its totals, what each GPU and each execution had of
//! them, and what no execution was running for.

use serde_json::Value;

use super::{
    accounting::{CallEnergyFigures, DeviceFigures, Footprint, GpuFigures, Step},
    calls, counted, devices,
    executions::Traces,
    idle::Busy,
};
use crate::{
    aggregate::gauge_of,
    attribution::{Timeline, Window},
    counter::{Increment, from_units},
    factors::Factors,
    gpus::{GpuMetric, Gpus},
    rows::Source,
    series::SeriesSet,
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
    pub(super) devices: Vec<DeviceFigures>,
    pub(super) call_energy: Option<CallEnergyFigures>,
    /// Distinct, of the devices that count.
    pub(super) factors: Vec<Factors>,
    pub(super) notes: Vec<String>,
}

impl Footprints {
    pub(super) fn of(set: &SeriesSet, aggregates: &[Value], traces: &Traces) -> Self {
        let (units, run_start, run_end) = (&traces.units, traces.first_start, traces.last_end);
        let gpus = Gpus::of(set);
        let windows: Vec<Window> =
            units.iter().map(|unit| Window { start_ns: unit.start(), end_ns: unit.end() }).collect();
        let division = Division { timeline: Timeline::new(&windows), units: units.len(), gpus: &gpus };
        let mut notes = Vec::new();
        let found = devices::of_run(set, &gpus, run_start, run_end);
        let energy_wh = devices::energy_wh(&found, &division, &mut notes);
        let mut of = |metric| {
            counted::of_devices(set, metric, &found, &division, run_start, &mut notes)
                .unwrap_or_else(|| counted::of_client(set, metric, aggregates, &division, run_start))
        };
        let (co2_g, power_cost_usd) = (of(GpuMetric::Co2Emissions), of(GpuMetric::PowerCost));
        let mut all = Self {
            energy_wh,
            co2_g,
            power_cost_usd,
            gpus: Vec::new(),
            call_energy: calls::of_run(&found, traces),
            devices: devices::figures(&found, &division, &Busy::new(&windows)),
            factors: devices::factors(&found),
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
pub(super) struct Division<'a> {
    timeline: Timeline,
    pub(super) units: usize,
    pub(super) gpus: &'a Gpus<'a>,
}

/// The integer amounts of several devices added up.
pub(super) struct Shares {
    amounts: Vec<i128>,
    reached: Vec<bool>,
    unattributed: i128,
}

impl Division<'_> {
    pub(super) fn shares<'i>(&self, devices: impl Iterator<Item = &'i [Increment]>) -> Shares {
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

    pub(super) fn label(&self, gpu: Option<usize>) -> String {
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
    pub(super) fn finish(self, quantity: &mut Quantity, per_unit: f64) {
        let share = |(amount, reached): (i128, bool)| reached.then(|| from_units(amount, per_unit));
        quantity.shares = self.amounts.into_iter().zip(self.reached).map(share).collect();
        quantity.unattributed = Some(from_units(self.unattributed, per_unit));
    }
}

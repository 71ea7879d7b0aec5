//! CO2 and power cost of a run: energy that was measured times its factors, else what the client counted.

use serde_json::Value;

use super::{
    accounting::Step,
    devices,
    footprint::{Division, Quantity},
};
use crate::{
    counter::{self, Increment, MICRO, PICO, from_units},
    device_energy::DeviceEnergy,
    energy::MICROJOULES_PER_WH,
    factors::{Factors, POWER_SOURCE},
    gpus::GpuMetric,
    normalize::number,
    rows::Source,
    series::{Series, SeriesSet},
    sum::sum_unordered,
};

fn unit(metric: GpuMetric) -> &'static str {
    if metric == GpuMetric::PowerCost { "USD" } else { "g" }
}

/// One counter of the client.
struct Reported<'a> {
    gpu: Option<usize>,
    series: &'a Series,
    total: f64,
}

/// The counters of a metric, in the order of GPUs.
fn reported<'a>(
    set: &'a SeriesSet,
    metric: GpuMetric,
    division: &Division,
    run_start: Option<i64>,
    is_wanted: impl Fn(&Series) -> bool,
) -> Vec<Reported<'a>> {
    let of_metric = |(_, series): &(usize, &Series)| series.info.metric == metric.name() && is_wanted(series);
    let mut counters: Vec<_> = (set.series().iter().enumerate().filter(of_metric))
        .filter_map(|(place, series)| {
            let total = counter::series_total(series, run_start)?;
            Some(Reported { gpu: division.gpus.of_series_or_only(place), series, total })
        })
        .collect();
    counters.sort_by_key(|one| (one.gpu.unwrap_or(usize::MAX), one.series.info.identity()));
    counters
}

/// Energy of the devices that a sampler of ours measured, times PUE and intensity or price; none when it
/// measured none or does not say by what. The counters that the sampler wrote for others to read are not
/// looked at. What the client counted is added unless both would tell of the same GPUs.
pub(super) fn of_devices(
    set: &SeriesSet,
    metric: GpuMetric,
    found: &[DeviceEnergy],
    division: &Division,
    run_start: Option<i64>,
    notes: &mut Vec<String>,
) -> Option<Quantity> {
    let (unit, per_kwh) = (unit(metric), PerKwh::of(metric));
    let measured: Vec<(&DeviceEnergy, &Factors)> = found
        .iter()
        .filter(|device| !device.is_part)
        .filter_map(|device| Some((device, device.factors.as_ref()?)))
        .collect();
    if measured.is_empty() {
        return None;
    }
    let mut quantity = Quantity { gpus: vec![None; division.gpus.count()], ..Quantity::default() };
    let mut parts: Vec<Vec<Increment>> = Vec::new();
    let mut total = 0;
    let mut add = |quantity: &mut Quantity, gpu: Option<usize>, increments: Vec<Increment>| {
        let amount: i128 = increments.iter().map(|step| step.amount).sum();
        if let Some(part) = gpu.and_then(|gpu| quantity.gpus.get_mut(gpu)) {
            *part = Some(part.unwrap_or(0.0) + from_units(amount, PICO));
        }
        total += amount;
        parts.push(increments);
        from_units(amount, PICO)
    };
    let mut said: Vec<&Factors> = Vec::new();
    for &(device, factors) in &measured {
        if !said.contains(&factors) {
            said.push(factors);
            quantity.steps.extend(per_kwh.steps(factors, device.source));
        }
        let energy_uj = device.reading.energy_uj();
        let value = add(&mut quantity, device.gpu, per_kwh.increments(device, factors));
        let note = format!(
            "{:.3} J x PUE {} x {} {unit}/kWh; 1 kWh is 3,600,000 J.",
            from_units(energy_uj, MICRO),
            factors.pue,
            per_kwh.value(factors),
        );
        quantity
            .steps
            .push(Step::new(devices::label(device, division), value, unit).from(device.source).note(note));
    }
    quantity.source = devices::weakest(measured.iter().map(|(device, _)| device.source));
    let counters =
        reported(set, metric, division, run_start, |series| !series.info.resource.contains(POWER_SOURCE));
    if measured.iter().any(|(device, _)| device.kind == "gpu") {
        if !counters.is_empty() {
            notes.push(format!(
                "{} that the client reports is left out: the GPUs were measured here.",
                metric.name()
            ));
        }
    } else {
        for Reported { gpu, series, .. } in counters {
            let value = add(&mut quantity, gpu, counter::increments(series, run_start, PICO));
            let note = format!("Counter {}, across its resets.", metric.name());
            quantity
                .steps
                .push(Step::new(division.label(gpu), value, unit).from(Source::Reported).note(note));
            quantity.source = Source::Reported;
        }
    }
    quantity.total = Some(from_units(total, PICO));
    division.shares(parts.iter().map(Vec::as_slice)).finish(&mut quantity, PICO);
    Some(quantity)
}

/// What a kWh comes to.
#[derive(Clone, Copy)]
enum PerKwh {
    Grams,
    Dollars,
}

impl PerKwh {
    fn of(metric: GpuMetric) -> Self {
        if metric == GpuMetric::PowerCost { Self::Dollars } else { Self::Grams }
    }

    fn value(self, factors: &Factors) -> f64 {
        match self {
            Self::Grams => factors.intensity.g_per_kwh,
            Self::Dollars => factors.price.usd_per_kwh,
        }
    }

    fn steps(self, factors: &Factors, source: Source) -> [Step; 2] {
        let (label, unit, note) = match self {
            Self::Grams => {
                let year = factors.intensity.year.map_or(String::new(), |year| format!(", {year}"));
                ("Grid intensity", "g/kWh", format!("{}{year}.", factors.intensity.source))
            }
            Self::Dollars => ("Electricity price", "USD/kWh", format!("{}.", factors.price.source)),
        };
        let pue = Step::new("PUE", factors.pue, "").from(source);
        let pue = pue.note("Energy of the whole site for each unit of energy of its devices.");
        [pue, Step::new(label, self.value(factors), unit).from(source).note(note)]
    }

    /// The device's energy as it accrued, in picograms or picodollars. Rounded where it adds up, so that the
    /// steps add up to the whole.
    fn increments(self, device: &DeviceEnergy, factors: &Factors) -> Vec<Increment> {
        let per_uj = factors.pue * self.value(factors) * PICO / (MICROJOULES_PER_WH * 1e3);
        let (mut energy_uj, mut given) = (0_i128, 0_i128);
        let convert = |step: &Increment| {
            energy_uj += step.amount;
            let until = (energy_uj as f64 * per_uj).round() as i128;
            let amount = until - given;
            given = until;
            Increment { amount, ..*step }
        };
        device.reading.increments.iter().map(convert).collect()
    }
}

/// What the client's counters say, else its trace aggregates, else unknown.
pub(super) fn of_client(
    set: &SeriesSet,
    metric: GpuMetric,
    aggregates: &[Value],
    division: &Division,
    run_start: Option<i64>,
) -> Quantity {
    let unit = unit(metric);
    let series = reported(set, metric, division, run_start, |_| true);
    if series.is_empty() {
        return from_aggregates(metric.name(), unit, aggregates, division.units);
    }
    let mut quantity = Quantity {
        total: counter::metric_total(set, metric.name(), run_start),
        source: Source::Reported,
        gpus: vec![None; division.gpus.count()],
        ..Quantity::default()
    };
    for Reported { gpu, total, .. } in &series {
        let step = Step::new(division.label(*gpu), *total, unit).from(Source::Reported);
        quantity.steps.push(step.note(format!("Counter {}, across its resets.", metric.name())));
        if let Some(part) = gpu.and_then(|gpu| quantity.gpus.get_mut(gpu)) {
            *part = Some(part.unwrap_or(0.0) + total);
        }
    }
    let increments: Vec<Vec<Increment>> =
        series.iter().map(|one| counter::increments(one.series, run_start, PICO)).collect();
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

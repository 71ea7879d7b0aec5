//! What the devices used, as tables and JSON.

use anyhow::Result;
use serde_json::{Value, json};
use smoltrace_collect::power::{DeviceTotal, SamplerStats, SourceKind, is_part};
use smoltrace_model::{counter::MICRO, energy, factors::Factors};

use crate::{
    config::Config,
    output::{
        format,
        table::{self, Tone, left, right},
    },
    power::Measuring,
};

/// All devices at one moment.
pub struct Snapshot {
    totals: Vec<DeviceTotal>,
    stats: SamplerStats,
    time_unix_nano: i64,
}

impl Snapshot {
    /// Reads everything now.
    pub fn take(measuring: &Measuring) -> Self {
        let sampler = &measuring.sampler;
        sampler.read_now();
        let (totals, stats) = (sampler.totals(), sampler.stats());
        Self { totals, stats, time_unix_nano: sampler.newest_unix_nano() }
    }

    pub fn is_simulated(&self) -> bool {
        self.totals.iter().any(|total| total.device.source == SourceKind::Simulated)
    }

    /// What a device draws now, W: as it says, else its energy since `before` over the time. None while it cannot be
    /// read.
    fn power_w(&self, before: &Self, place: usize) -> Option<f64> {
        let total = &self.totals[place];
        if total.failing.is_some() {
            return None;
        }
        let seconds = self.time_unix_nano.saturating_sub(before.time_unix_nano) as f64 / 1e9;
        let used_uj = total.meter.energy_uj() - before.totals.get(place)?.meter.energy_uj();
        let mean_w = (total.meter.has_counter() && seconds > 0.0).then(|| used_uj as f64 / MICRO / seconds);
        total.latest.power_w.or(mean_w)
    }

    /// Devices whose energy adds up to the whole.
    fn counted(&self) -> impl Iterator<Item = usize> {
        (0..self.totals.len()).filter(|place| !is_part(&self.totals, *place))
    }

    /// Energy of all devices, microjoules; none when nothing could be read twice.
    pub fn energy_uj(&self) -> Option<i128> {
        let known = |total: &&DeviceTotal| total.meter.covered_ns() > 0;
        self.totals.iter().find(known)?;
        Some(self.counted().map(|place| self.totals[place].meter.energy_uj()).sum())
    }

    /// One JSON object and a line's end.
    pub fn json_line(&self, before: &Self, measuring: &Measuring) -> Result<String> {
        let power: Vec<Option<f64>> =
            (0..self.totals.len()).map(|place| self.power_w(before, place)).collect();
        let mut line = self.json(measuring);
        for (device, power_w) in line["devices"].as_array_mut().into_iter().flatten().zip(&power) {
            device["power_w"] = json!(power_w);
        }
        let power_w: Option<f64> = self.counted().filter_map(|place| power[place]).reduce(|sum, w| sum + w);
        let factors = &measuring.factors;
        line["power_w"] = json!(power_w);
        line["co2_g_per_h"] = json!(power_w.map(|w| factors.co2_g(uj_per_h(w))));
        line["cost_usd_per_h"] = json!(power_w.map(|w| factors.power_cost_usd(uj_per_h(w))));
        Ok(serde_json::to_string(&line)? + "\n")
    }

    /// What was used since the start.
    pub fn json(&self, measuring: &Measuring) -> Value {
        let factors = &measuring.factors;
        let devices: Vec<Value> = (self.totals.iter().enumerate())
            .map(|(place, total)| {
                let (device, latest, meter) = (&total.device, &total.latest, &total.meter);
                json!({
                    "id": device.id, "name": device.name, "source": device.source.as_str(),
                    "type": device.kind.hw_type(), "gpu_id": device.gpu_id,
                    "energy_j": meter.energy_uj() as f64 / MICRO,
                    "method": if meter.has_counter() { "counter" } else { "power" },
                    "counter_to_power": meter.counter_to_power(),
                    "uncovered_s": meter.uncovered_ns() as f64 / 1e9,
                    "utilization_percent": latest.utilization_percent,
                    "memory_used_bytes": latest.memory_used_bytes,
                    "memory_total_bytes": latest.memory_total_bytes,
                    "temperature_celsius": latest.temperature_celsius,
                    "power_limit_w": device.power_limit_w,
                    "is_partitioned": device.is_partitioned,
                    "is_part": is_part(&self.totals, place),
                    "failing": total.failing,
                })
            })
            .collect();
        let energy_uj = self.energy_uj();
        json!({
            "time_unix_nano": self.time_unix_nano,
            "simulated": self.is_simulated(),
            "devices": devices,
            "energy_j": energy_uj.map(|uj| uj as f64 / MICRO),
            "energy_wh": energy_uj.map(energy::wh),
            "co2_g": energy_uj.map(|uj| factors.co2_g(uj)),
            "cost_usd": energy_uj.map(|uj| factors.power_cost_usd(uj)),
            "factors": factors,
            "sampler": {
                "ticks": self.stats.ticks, "missed_ticks": self.stats.missed_ticks,
                "failed_reads": self.stats.failed_reads,
                "cpu_ms": self.stats.cpu_ns.map(|ns| ns as f64 / 1e6),
                "elapsed_s": self.stats.elapsed_ns as f64 / 1e9,
            },
        })
    }

    /// What every device draws now and used since the start.
    pub fn table(&self, before: &Self, measuring: &Measuring, config: &Config) -> String {
        let factors = &measuring.factors;
        let columns = [
            left("device", 0),
            right("power", 0),
            right("energy", 0),
            right("used", 3),
            right("memory", 4),
            right("temp", 5),
            right("CO2/h", 1),
            right("cost/h", 2),
        ];
        let plain = |text: String| (text, Tone::Plain);
        let per_hour = |power_w: Option<f64>| {
            let uj = power_w.map(uj_per_h);
            [
                format::grams(uj.map(|uj| factors.co2_g(uj))),
                format::usd(uj.map(|uj| factors.power_cost_usd(uj))),
            ]
        };
        let mut rows = Vec::new();
        let mut power = Vec::new();
        for (place, total) in self.totals.iter().enumerate() {
            let (latest, power_w) = (&total.latest, self.power_w(before, place));
            let part = is_part(&self.totals, place);
            power.extend(power_w.filter(|_| !part));
            let tone = if total.failing.is_some() {
                Tone::Bad
            } else if part {
                Tone::Dim
            } else {
                Tone::Plain
            };
            let [co2, cost] = per_hour(power_w);
            rows.push(vec![
                (name(total), tone),
                plain(format::unit(power_w, "W")),
                plain(format::joules(Some(total.meter.energy_uj()))),
                plain(
                    latest.utilization_percent.map_or(format::UNKNOWN.into(), |used| format!("{used:.0}%")),
                ),
                plain(memory(latest.memory_used_bytes, latest.memory_total_bytes)),
                plain(
                    latest
                        .temperature_celsius
                        .map_or(format::UNKNOWN.into(), |celsius| format!("{celsius:.0} C")),
                ),
                plain(co2),
                plain(cost),
            ]);
        }
        let total_w = (!power.is_empty()).then(|| power.iter().sum());
        let [co2, cost] = per_hour(total_w);
        let blank = || plain(String::new());
        rows.push(vec![
            plain("all".into()),
            plain(format::unit(total_w, "W")),
            plain(format::joules(self.energy_uj())),
            blank(),
            blank(),
            blank(),
            plain(co2),
            plain(cost),
        ]);
        let mut text = table::render(&columns, &rows, table::terminal_width(), config.color);
        if self.is_simulated() {
            text.push_str("simulated: no hardware is behind these numbers\n");
        }
        text.push_str(&format!("{}\n", with_what(factors)));
        text
    }

    /// What a command used.
    pub fn account(&self, measuring: &Measuring, config: &Config) -> String {
        let factors = &measuring.factors;
        let seconds = self.stats.elapsed_ns as f64 / 1e9;
        let energy_uj = self.energy_uj();
        let simulated = if self.is_simulated() { "  [simulated]" } else { "" };
        let joules = energy_uj.map_or(format::UNKNOWN.into(), |uj| format!("{:.3} J", uj as f64 / MICRO));
        let mut text = format!(
            "energy      {}  ({joules}) in {seconds:.1} s{simulated}\n",
            format::watt_hours(energy_uj.map(energy::wh))
        );
        let chain = |per_kwh: f64, unit: &str, from: String| {
            format!("= {joules} x PUE {} x {per_kwh} {unit}/kWh ({from})", factors.pue)
        };
        text.push_str(&format!(
            "CO2e        {}  {}\n",
            format::grams(energy_uj.map(|uj| factors.co2_g(uj))),
            chain(factors.intensity.g_per_kwh, "g", intensity(factors)),
        ));
        text.push_str(&format!(
            "power cost  {}  {}\n",
            format::usd(energy_uj.map(|uj| factors.power_cost_usd(uj))),
            chain(factors.price.usd_per_kwh, "USD", factors.price.source.clone()),
        ));
        let columns = [left("device", 0), right("energy", 0), right("mean", 1), left("how", 2), left("", 3)];
        let rows: Vec<_> = (self.totals.iter().enumerate())
            .map(|(place, total)| {
                let plain = |text: String| (text, Tone::Plain);
                let part = is_part(&self.totals, place);
                vec![
                    (name(total), if part { Tone::Dim } else { Tone::Plain }),
                    plain(format::joules((total.meter.covered_ns() > 0).then(|| total.meter.energy_uj()))),
                    plain(format::unit(mean_w(total), "W")),
                    plain(if total.meter.has_counter() { "counter" } else { "power" }.into()),
                    (remarks(total, part), Tone::Dim),
                ]
            })
            .collect();
        text.push_str(&table::render(&columns, &rows, table::terminal_width(), config.color));
        if self.stats.missed_ticks > 0 {
            text.push_str(&format!(
                "{} of {} readings were late\n",
                self.stats.missed_ticks, self.stats.ticks
            ));
        }
        text
    }
}

/// Microjoules of an hour.
fn uj_per_h(power_w: f64) -> i128 {
    (power_w * 3600.0 * MICRO).round() as i128
}

fn mean_w(total: &DeviceTotal) -> Option<f64> {
    let seconds = total.meter.covered_ns() as f64 / 1e9;
    (seconds > 0.0).then(|| total.meter.energy_uj() as f64 / MICRO / seconds)
}

fn name(total: &DeviceTotal) -> String {
    let device = &total.device;
    match &device.gpu_id {
        Some(gpu_id) => format!("GPU {gpu_id} {}", format::text(&device.name, 40)),
        None => format::text(&device.name, 48),
    }
}

fn memory(used: Option<u64>, total: Option<u64>) -> String {
    let gib = |bytes: u64| bytes as f64 / f64::from(1_u32 << 30);
    match (used, total) {
        (Some(used), Some(total)) => format!("{:.1}/{:.0} GiB", gib(used), gib(total)),
        _ => format::UNKNOWN.into(),
    }
}

fn remarks(total: &DeviceTotal, is_part: bool) -> String {
    let mut remarks = Vec::new();
    if is_part {
        remarks.push("in the energy of another device, not added".to_owned());
    }
    if let Some(ratio) = total.meter.counter_to_power() {
        remarks.push(format!("counter is {ratio:.3} of integrated power"));
    }
    if total.meter.uncovered_ns() > 0 {
        remarks.push(format!("{:.1} s unknown", total.meter.uncovered_ns() as f64 / 1e9));
    }
    if total.device.is_partitioned {
        remarks.push("whole GPU (MIG)".to_owned());
    }
    if let Some(error) = &total.failing {
        remarks.push(format::text(error, 80));
    }
    remarks.join("; ")
}

fn intensity(factors: &Factors) -> String {
    let intensity = &factors.intensity;
    let year = intensity.year.map_or(String::new(), |year| format!(", {year}"));
    format!("{}{year}", intensity.source)
}

fn with_what(factors: &Factors) -> String {
    format!(
        "PUE {}, {} g CO2e/kWh ({}), {} USD/kWh ({})",
        factors.pue,
        factors.intensity.g_per_kwh,
        intensity(factors),
        factors.price.usd_per_kwh,
        factors.price.source
    )
}

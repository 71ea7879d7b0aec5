//! A running sampler, with what its energy is turned into CO2 and cost with.

use std::{
    fs,
    str::FromStr,
    sync::Arc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use smoltrace_collect::power::{
    Discovered, Places, PointForm, PowerSample, Resource, Sampler, SamplerOptions, SourceKind, discover,
    is_part, points,
};
use smoltrace_model::{energy, factors::Factors, rows::PointRow};

use super::resolve_factors;
use crate::cli::MeasureArgs;

/// What is measured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Choice {
    Off,
    /// Whatever hardware is here.
    Auto,
    /// These, and it is an error when none of them is here.
    Only(Vec<SourceKind>),
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => return Ok(Self::Off),
            "auto" => return Ok(Self::Auto),
            _ => {}
        }
        let one = |name: &str| SourceKind::ALL.into_iter().find(|source| source.as_str() == name.trim());
        let sources: Option<Vec<SourceKind>> = text.split(',').map(one).collect();
        let mut sources = sources.ok_or_else(|| {
            "expected auto, off, or some of nvml, amd, rapl and simulated with commas between".to_owned()
        })?;
        sources.sort_unstable();
        sources.dedup();
        Ok(Self::Only(sources))
    }
}

/// All devices together, each joule once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Now {
    /// Of the newest reading.
    pub time_unix_nano: i64,
    /// Microjoules.
    pub energy_uj: i128,
    pub is_simulated: bool,
}

impl Now {
    /// Mean power since an earlier moment, W; none when no reading lies between.
    pub fn power_w(&self, before: &Self) -> Option<f64> {
        let ns = self.time_unix_nano.saturating_sub(before.time_unix_nano);
        (ns > 0).then(|| (self.energy_uj - before.energy_uj) as f64 * 1e3 / ns as f64)
    }

    pub fn energy_wh(&self) -> f64 {
        energy::wh(self.energy_uj)
    }
}

/// A running sampler.
pub struct Measuring {
    pub sampler: Sampler,
    pub factors: Factors,
    host: Option<String>,
}

/// Starts to measure what `choice` asks for; none when that is nothing, or `auto` finds nothing. What a user
/// should know goes to standard error, if they are to be told.
pub fn start(args: &MeasureArgs, choice: &Choice, tell: bool) -> Result<Option<Measuring>> {
    let sources = match choice {
        Choice::Off => return Ok(None),
        Choice::Auto => vec![SourceKind::Nvml, SourceKind::Amd, SourceKind::Rapl],
        Choice::Only(sources) => sources.clone(),
    };
    let factors = resolve_factors(args)?;
    let Discovered { devices, notes, missing } = discover(&sources, &places(args));
    for note in notes.iter().filter(|_| tell) {
        eprintln!("power: {note}");
    }
    if devices.is_empty() {
        let why = missing.join("; ");
        if *choice == Choice::Auto {
            if tell {
                eprintln!("power: nothing to measure here ({why})");
            }
            return Ok(None);
        }
        anyhow::bail!("no power can be measured here: {why}");
    }
    let interval = Duration::from_millis(args.power_interval);
    let options = SamplerOptions {
        full_every: u32::try_from(1_000 / args.power_interval.max(1)).unwrap_or(1).max(1),
        // An hour of samples at the usual pace.
        kept: 36_000,
        interval,
    };
    let sampler =
        Sampler::start(devices, options, now_unix_nano()).context("cannot start to measure power")?;
    Ok(Some(Measuring { sampler, factors, host: host() }))
}

impl Measuring {
    /// What its rows say of where they are from.
    pub fn resource(&self, run_id: &str) -> Resource {
        Resource { run_id: run_id.to_owned(), host: self.host.clone(), factors: Some(self.factors.clone()) }
    }

    /// Samples as rows of a run that others measured as well, or will.
    pub fn rows(&self, run_id: &str, samples: &[Arc<PowerSample>]) -> Vec<PointRow> {
        self.in_form(PointForm::Once, run_id, samples)
    }

    /// Samples as rows of a run that is recorded here from its start to its end.
    pub fn recorded(&self, run_id: &str, samples: &[Arc<PowerSample>]) -> Vec<PointRow> {
        self.in_form(PointForm::Recorded, run_id, samples)
    }

    fn in_form(&self, form: PointForm, run_id: &str, samples: &[Arc<PowerSample>]) -> Vec<PointRow> {
        let sampler = &self.sampler;
        points(&self.resource(run_id), sampler.devices(), sampler.start_unix_nano(), samples, form)
    }

    /// What all devices together used since the sampler started.
    pub fn now(&self) -> Now {
        let totals = self.sampler.totals();
        let counted = (0..totals.len()).filter(|place| !is_part(&totals, *place));
        Now {
            time_unix_nano: self.sampler.newest_unix_nano(),
            energy_uj: counted.map(|place| totals[place].meter.energy_uj()).sum(),
            is_simulated: totals.iter().any(|total| total.device.source == SourceKind::Simulated),
        }
    }

    /// One line on what is measured.
    pub fn describe(&self) -> String {
        let devices = self.sampler.devices().iter();
        let names: Vec<String> = devices
            .map(|device| match &device.gpu_id {
                Some(gpu_id) => format!("GPU {gpu_id} ({})", device.name),
                None => device.name.clone(),
            })
            .collect();
        names.join(", ")
    }
}

fn places(args: &MeasureArgs) -> Places {
    Places {
        nvml: args.nvml_library.clone(),
        drm: args.sysfs.join("class/drm"),
        powercap: args.sysfs.join("class/powercap"),
        simulated_gpus: args.simulated_gpus,
    }
}

/// Unix time in ns.
fn now_unix_nano() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_nanos()).unwrap_or(i64::MAX)
}

fn host() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

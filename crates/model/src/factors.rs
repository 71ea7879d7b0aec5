//! What turns energy into CO2 and cost: PUE, grid intensity, price, each with where it is from.
//!
//! They travel as resource attributes of what a sampler measures, so that they are stored with the run
//! and its numbers can be made again from the tables alone.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::energy;

/// Resource attribute that says that a sampler of ours measured, and by what: `nvml`, `amd`, `rapl`,
/// `simulated`.
pub const POWER_SOURCE: &str = "smoltrace.power.source";

const PUE: &str = "smoltrace.power.pue";
const INTENSITY: &str = "smoltrace.power.intensity_g_per_kwh";
const INTENSITY_SOURCE: &str = "smoltrace.power.intensity_source";
const INTENSITY_YEAR: &str = "smoltrace.power.intensity_year";
const PRICE: &str = "smoltrace.power.price_usd_per_kwh";
const PRICE_SOURCE: &str = "smoltrace.power.price_source";

/// CO2 of a kWh, and who says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct GridIntensity {
    /// g CO2e per kWh.
    pub g_per_kwh: f64,
    /// Who says so, and of which country or region.
    pub source: String,
    /// The year it is of; none when not known.
    pub year: Option<i32>,
}

/// Price of a kWh, and who says so.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ElectricityPrice {
    pub usd_per_kwh: f64,
    pub source: String,
}

/// What turns energy into CO2 and cost.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Factors {
    /// Power usage effectiveness: energy of the site for each unit of energy of the device, 1 or more.
    pub pue: f64,
    pub intensity: GridIntensity,
    pub price: ElectricityPrice,
}

impl Factors {
    /// g CO2e of an energy.
    pub fn co2_g(&self, energy_uj: i128) -> f64 {
        energy::co2_g(energy_uj, self.pue, self.intensity.g_per_kwh)
    }

    /// USD of an energy.
    pub fn power_cost_usd(&self, energy_uj: i128) -> f64 {
        energy::power_cost_usd(energy_uj, self.pue, self.price.usd_per_kwh)
    }

    /// As resource attributes.
    pub fn attributes(&self) -> Map<String, Value> {
        let mut attributes = Map::new();
        attributes.insert(PUE.into(), self.pue.into());
        attributes.insert(INTENSITY.into(), self.intensity.g_per_kwh.into());
        attributes.insert(INTENSITY_SOURCE.into(), self.intensity.source.as_str().into());
        if let Some(year) = self.intensity.year {
            attributes.insert(INTENSITY_YEAR.into(), year.into());
        }
        attributes.insert(PRICE.into(), self.price.usd_per_kwh.into());
        attributes.insert(PRICE_SOURCE.into(), self.price.source.as_str().into());
        attributes
    }

    /// From resource attributes; none unless PUE, intensity and price are there and can be true.
    pub fn from_attributes(attributes: &Map<String, Value>) -> Option<Self> {
        let number = |name: &str| attributes.get(name)?.as_f64();
        let text = |name: &str| attributes.get(name).and_then(Value::as_str).unwrap_or("not said").to_owned();
        let year = attributes.get(INTENSITY_YEAR).and_then(Value::as_i64);
        let factors = Self {
            pue: number(PUE)?,
            intensity: GridIntensity {
                g_per_kwh: number(INTENSITY)?,
                source: text(INTENSITY_SOURCE),
                year: year.and_then(|year| i32::try_from(year).ok()),
            },
            price: ElectricityPrice { usd_per_kwh: number(PRICE)?, source: text(PRICE_SOURCE) },
        };
        factors.is_possible().then_some(factors)
    }

    /// Whether all three are numbers that such a thing can have.
    pub fn is_possible(&self) -> bool {
        let below = |value: f64, least: f64, most: f64| (least..=most).contains(&value);
        below(self.pue, 1.0, 10.0)
            && below(self.intensity.g_per_kwh, 0.0, 10_000.0)
            && below(self.price.usd_per_kwh, 0.0, 1_000.0)
    }
}

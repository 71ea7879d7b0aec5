//! PUE, grid intensity and price from arguments: an explicit value, else the country's, else the world's.

use std::fs;

use anyhow::Result;
use smoltrace_model::{
    energy::{DEFAULT_PRICE_USD_PER_KWH, DEFAULT_PUE},
    factors::{ElectricityPrice, Factors, GridIntensity},
    grid::{self, Grid},
};

use crate::{cli::MeasureArgs, exit::UsageError};

/// The factors that the arguments ask for. Refuses a country that no table knows and numbers that cannot be.
pub fn resolve(args: &MeasureArgs) -> Result<Factors> {
    let price = match args.electricity_price {
        Some(usd_per_kwh) => ElectricityPrice { usd_per_kwh, source: "given".into() },
        None => ElectricityPrice { usd_per_kwh: DEFAULT_PRICE_USD_PER_KWH, source: "default".into() },
    };
    let factors = Factors { pue: args.pue.unwrap_or(DEFAULT_PUE), intensity: intensity(args)?, price };
    if !factors.is_possible() {
        return Err(UsageError(format!(
            "PUE {} (1 to 10), {} g/kWh (0 to 10000) and {} USD/kWh (0 to 1000): one of them cannot be",
            factors.pue, factors.intensity.g_per_kwh, factors.price.usd_per_kwh
        ))
        .into());
    }
    Ok(factors)
}

fn intensity(args: &MeasureArgs) -> Result<GridIntensity> {
    if let Some(g_per_kwh) = args.carbon_intensity {
        return Ok(GridIntensity { g_per_kwh, source: "given".into(), year: None });
    }
    let own = args.grid_file.as_deref().map(|path| {
        let named = |cause: String| UsageError(format!("--grid-file {}: {cause}", path.display()));
        let text = fs::read_to_string(path).map_err(|error| named(error.to_string()))?;
        Grid::parse(&text, &path.display().to_string()).map_err(|error| named(error.to_string()))
    });
    let own = own.transpose()?;
    let Some(country) = &args.country else { return Ok(grid::world()) };
    let found = own.as_ref().and_then(|grid| grid.intensity(country));
    let found = found.or_else(|| grid::bundled().intensity(country));
    let unknown = || {
        UsageError(format!(
            "--country {country}: no table knows it; give its ISO 3166 code (DE, DEU), or --carbon-intensity"
        ))
    };
    Ok(found.ok_or_else(unknown)?)
}

//! CO2 of a kWh by country: the bundled table, or one of the same form that the user gives.
//!
//! Yearly lifecycle figures, each with its year; the bundled table's header says source and licence. Knows
//! no files.

use std::sync::LazyLock;

use crate::factors::GridIntensity;

/// g CO2e per kWh when nothing says where the electricity is from.
pub const WORLD_G_PER_KWH: f64 = 475.0;
const WORLD_SOURCE: &str = "world average, IEA Global Energy & CO2 Status Report 2019";
const WORLD_YEAR: i32 = 2018;
const BUNDLED_SOURCE: &str = "Our World in Data after Ember, CC BY 4.0";

/// One country's figure.
#[derive(Debug, Clone, PartialEq)]
pub struct Country {
    /// ISO 3166-1 alpha-2.
    pub alpha2: String,
    /// ISO 3166-1 alpha-3.
    pub alpha3: String,
    pub name: String,
    pub g_per_kwh: f64,
    pub year: i32,
}

/// A table of countries and who says so.
#[derive(Debug, Clone, PartialEq)]
pub struct Grid {
    pub source: String,
    pub countries: Vec<Country>,
}

/// A line of a table that is not of its form.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected `alpha2,alpha3,name,g_per_kwh,year`, with 0 to 10000 g")]
pub struct GridError {
    /// From 1.
    pub line: usize,
}

static BUNDLED: LazyLock<Grid> = LazyLock::new(|| {
    let table = include_str!("../data/grid_intensity.csv");
    Grid::parse(table, BUNDLED_SOURCE).expect("a test reads the bundled table")
});

/// The bundled table.
pub fn bundled() -> &'static Grid {
    &BUNDLED
}

/// The world's average.
pub fn world() -> GridIntensity {
    GridIntensity { g_per_kwh: WORLD_G_PER_KWH, source: WORLD_SOURCE.into(), year: Some(WORLD_YEAR) }
}

impl Grid {
    /// Reads a table: lines of `alpha2,alpha3,name,g_per_kwh,year`; empty ones and those that begin with `#`
    /// are left out.
    pub fn parse(text: &str, source: &str) -> Result<Self, GridError> {
        let lines = text.lines().enumerate().map(|(index, line)| (index + 1, line.trim()));
        let lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let countries = lines.map(|(line, text)| country(text).ok_or(GridError { line }));
        Ok(Self { source: source.to_owned(), countries: countries.collect::<Result<_, _>>()? })
    }

    /// The figure of a country by its alpha-2 or alpha-3 code, of either case.
    pub fn intensity(&self, code: &str) -> Option<GridIntensity> {
        let is = |known: &str| known.eq_ignore_ascii_case(code);
        let country = self.countries.iter().find(|country| is(&country.alpha2) || is(&country.alpha3))?;
        Some(GridIntensity {
            g_per_kwh: country.g_per_kwh,
            source: format!("{}, {}", country.name, self.source),
            year: Some(country.year),
        })
    }
}

fn country(line: &str) -> Option<Country> {
    let fields: Vec<&str> = line.split(',').map(str::trim).collect();
    let [alpha2, alpha3, name, g_per_kwh, year] = fields[..] else { return None };
    let letters = |code: &str, n: usize| code.len() == n && code.bytes().all(|b| b.is_ascii_alphabetic());
    let g_per_kwh: f64 = g_per_kwh.parse().ok()?;
    ((0.0..=10_000.0).contains(&g_per_kwh) && letters(alpha2, 2) && letters(alpha3, 3)).then_some(())?;
    Some(Country {
        alpha2: alpha2.to_owned(),
        alpha3: alpha3.to_owned(),
        name: name.to_owned(),
        g_per_kwh,
        year: year.parse().ok()?,
    })
}

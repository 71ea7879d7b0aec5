//! The tools that every agent has besides the calculator: a weather report that is plainly invented, and the time.

use chrono::{DateTime, FixedOffset, Utc};
use chrono_tz::{TZ_VARIANTS, Tz};
use serde_json::{Map, Value};

use super::{
    Clock,
    arguments::{Arguments, optional, required, spec},
};
use crate::tool::{Tool, ToolError, ToolSpec};

/// The same answer for the same place, always. It says itself that nothing was measured.
pub struct Weather(ToolSpec);

impl Default for Weather {
    fn default() -> Self {
        Self(spec(
            "get_weather",
            "Gets the current weather for a given location. Returns temperature and conditions.",
            vec![required("location", "string", "The city and country, e.g. 'Paris, France'")],
        ))
    }
}

const WEATHER: &[(&str, &str)] = &[
    ("paris", "20°C, Partly Cloudy"),
    ("london", "15°C, Rainy"),
    ("new york", "25°C, Sunny"),
    ("tokyo", "18°C, Clear"),
    ("sydney", "22°C, Windy"),
];
const WEATHER_ELSEWHERE: &str = "22°C, Clear";

#[async_trait::async_trait]
impl Tool for Weather {
    fn spec(&self) -> &ToolSpec {
        &self.0
    }

    async fn call(&self, arguments: Map<String, Value>) -> Result<Value, ToolError> {
        let location = Arguments::new(&self.0, arguments)?.text("location")?;
        let city = location.split(',').next().unwrap_or_default().trim().to_lowercase();
        let weather =
            WEATHER.iter().find(|(name, _)| *name == city).map_or(WEATHER_ELSEWHERE, |(_, weather)| weather);
        Ok(format!("Weather in {}: {weather} (simulated)", location.trim()).into())
    }
}

/// The time by the clock it is given.
pub struct CurrentTime {
    spec: ToolSpec,
    clock: Clock,
}

impl CurrentTime {
    pub fn new(clock: Clock) -> Self {
        let zone = "The timezone: 'UTC', 'EST', 'Europe/Paris', '+02:00'. Defaults to UTC.";
        let spec = spec(
            "get_current_time",
            "Gets the current time in a specific timezone or UTC.",
            vec![optional("timezone", "string", zone)],
        );
        Self { spec, clock }
    }
}

#[async_trait::async_trait]
impl Tool for CurrentTime {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, arguments: Map<String, Value>) -> Result<Value, ToolError> {
        let zone = Arguments::new(&self.spec, arguments)?.optional_text("timezone")?;
        let zone = zone.as_deref().map(str::trim).filter(|zone| !zone.is_empty()).unwrap_or("UTC");
        let now = DateTime::from_timestamp_nanos((self.clock)());
        let local = local_time(now, zone).ok_or_else(|| {
            ToolError::Arguments(format!(
                "no timezone is named {zone:?}; give UTC, a name such as Europe/Paris, or an offset such as +02:00"
            ))
        })?;
        Ok(format!("Current time in {zone}: {local}").into())
    }
}

/// Abbreviations as people use them: the zone with its summer time.
const ABBREVIATIONS: &[(&str, Tz)] = &[
    ("UTC", Tz::UTC),
    ("GMT", Tz::UTC),
    ("Z", Tz::UTC),
    ("EST", Tz::America__New_York),
    ("EDT", Tz::America__New_York),
    ("ET", Tz::America__New_York),
    ("CST", Tz::America__Chicago),
    ("CDT", Tz::America__Chicago),
    ("MST", Tz::America__Denver),
    ("MDT", Tz::America__Denver),
    ("PST", Tz::America__Los_Angeles),
    ("PDT", Tz::America__Los_Angeles),
    ("PT", Tz::America__Los_Angeles),
    ("BST", Tz::Europe__London),
    ("CET", Tz::Europe__Paris),
    ("CEST", Tz::Europe__Paris),
    ("IST", Tz::Asia__Kolkata),
    ("JST", Tz::Asia__Tokyo),
    ("AEST", Tz::Australia__Sydney),
];

fn local_time(now: DateTime<Utc>, zone: &str) -> Option<String> {
    const FORMAT: &str = "%Y-%m-%d %H:%M:%S";
    let named = || TZ_VARIANTS.iter().find(|known| known.name().eq_ignore_ascii_case(zone)).copied();
    let abbreviation =
        ABBREVIATIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(zone)).map(|(_, zone)| *zone);
    if let Some(zone) = abbreviation.or_else(named) {
        return Some(now.with_timezone(&zone).format(FORMAT).to_string());
    }
    let offset = zone.trim_start_matches("UTC").trim_start_matches("GMT");
    let seconds = offset_seconds(offset)?;
    Some(now.with_timezone(&FixedOffset::east_opt(seconds)?).format(FORMAT).to_string())
}

/// `+2`, `-05:30`, `+0200`.
fn offset_seconds(offset: &str) -> Option<i32> {
    let (sign, digits) = match offset.split_at_checked(1)? {
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 4 => digits.split_at_checked(2)?,
        None => (digits, "0"),
    };
    let number = |text: &str, below: i32| {
        let is_digits = (1..=2).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<i32>().ok().filter(|number| is_digits && *number < below)
    };
    Some(sign * (number(hours, 15)? * 3_600 + number(minutes, 60)? * 60))
}

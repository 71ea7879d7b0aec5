//! Conditions on a comparison under which a build fails: `METRIC COMPARISON THRESHOLD`.
//!
//! ```text
//! gate       = subject operator threshold          success_rate < -2pp
//! subject    = a metric | "broken" | "missing"     co2_emissions_g > +10%
//! operator   = "<" | "<=" | ">" | ">="             total_cost_usd > 0.05
//! threshold  = ["+" | "-"] number [unit]           broken > 0
//! unit       = "pp" | "%" | the metric's own unit
//! ```
//!
//! The threshold is of the difference, this run less the first: in percentage points (`pp`, success rate
//! only), in percent of the first run (`%`), or in the metric's own unit. `broken` and `missing` are numbers of
//! tests: those that fail now and passed in the first run, those of the first run that this one does not have.

use serde::{Deserialize, Serialize};

use super::{Against, Metric, MetricDifference};

/// A condition under which a build fails.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    text: String,
    subject: Subject,
    operator: Operator,
    threshold: f64,
    relative: bool,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Subject {
    Metric(Metric),
    Broken,
    Missing,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Operator {
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

const OPERATORS: [(&str, Operator); 4] = [
    ("<=", Operator::LessOrEqual),
    (">=", Operator::GreaterOrEqual),
    ("<", Operator::Less),
    (">", Operator::Greater),
];

/// Counts that a gate may name beside the metrics.
const COUNTS: [(&str, Subject); 2] = [("broken", Subject::Broken), ("missing", Subject::Missing)];

/// Why a text is no gate; says what is allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    #[error(
        "`{0}` is no condition; write it as METRIC < or > DIFFERENCE, such as `success_rate < -2pp` or `co2_emissions_g > +10%`"
    )]
    Form(String),
    #[error("there is no metric `{name}`{}; there are {}", suggestion(.similar), subjects().join(", "))]
    Metric { name: String, similar: Option<String> },
    #[error("`{text}` is no difference of {metric}; write {allowed}")]
    Threshold { metric: String, text: String, allowed: String },
}

fn suggestion(similar: &Option<String>) -> String {
    similar.as_ref().map_or(String::new(), |similar| format!(", did you mean `{similar}`?"))
}

/// What a gate may name.
fn subjects() -> Vec<&'static str> {
    let metrics = Metric::ALL.iter().map(|metric| metric.as_str());
    metrics.chain(COUNTS.iter().map(|(name, _)| *name)).collect()
}

/// Whether a gate holds a build up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GateStatus {
    Passed,
    Failed,
    /// The value is unknown on a side. Holds the build up: what cannot be seen is not taken for good.
    Unknown,
}

/// What a gate says of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GateOutcome {
    /// As it was written.
    pub gate: String,
    pub status: GateStatus,
    /// What was compared with the threshold, in the threshold's unit; null when unknown or without bound.
    pub observed: Option<f64>,
    /// A sentence.
    pub reason: String,
}

impl Gate {
    /// Reads a condition.
    ///
    /// # Errors
    /// A text that is none, with what would be.
    pub fn parse(text: &str) -> Result<Self, GateError> {
        let form = || GateError::Form(text.trim().to_owned());
        let at = text.find(['<', '>']).ok_or_else(form)?;
        let (name, rest) = text.split_at(at);
        let (symbol, operator) =
            OPERATORS.into_iter().find(|(symbol, _)| rest.starts_with(symbol)).ok_or_else(form)?;
        let (name, threshold) = (name.trim(), rest[symbol.len()..].trim());
        if name.is_empty() || threshold.is_empty() {
            return Err(form());
        }
        let subject = Subject::parse(name)?;
        let (threshold, relative) = subject.threshold(threshold).ok_or_else(|| GateError::Threshold {
            metric: name.to_owned(),
            text: threshold.to_owned(),
            allowed: subject.allowed(),
        })?;
        Ok(Self {
            text: text.split_whitespace().collect::<Vec<_>>().join(" "),
            subject,
            operator,
            threshold,
            relative,
        })
    }

    /// As it was written, spaces evened.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Looks at a run compared with the first one. With `significant_only` a difference counts only when the
    /// data show it (see [`super::Verdict`]); an unknown value holds the build up all the same.
    pub fn check(&self, against: &Against, significant_only: bool) -> GateOutcome {
        let outcome = |status, observed: Option<f64>, reason| GateOutcome {
            gate: self.text.clone(),
            status,
            observed: observed.filter(|value| value.is_finite()),
            reason,
        };
        let counts = &against.counts;
        let count = |count: u64, what: &str| {
            let status = if self.trips(count as f64) { GateStatus::Failed } else { GateStatus::Passed };
            outcome(status, Some(count as f64), format!("{count} {what}."))
        };
        let metric = match self.subject {
            Subject::Metric(metric) => metric,
            Subject::Broken if counts.common == counts.unscored => {
                return outcome(GateStatus::Unknown, None, "No test has a verdict in both.".into());
            }
            Subject::Broken => return count(counts.broken, "broken"),
            Subject::Missing => return count(counts.only_first, "missing"),
        };
        let unknown = |reason: &str| outcome(GateStatus::Unknown, None, reason.to_owned());
        let Some(of) = against.metric(metric) else { return unknown("It was not compared.") };
        let Some((observed, shown)) = self.observed(of) else { return unknown(&of.reason) };
        if !self.trips(observed) {
            return outcome(GateStatus::Passed, Some(observed), format!("{shown}."));
        }
        if significant_only && !of.is_significant() {
            return outcome(
                GateStatus::Passed,
                Some(observed),
                format!("{shown}, which is not significant. {}", of.reason),
            );
        }
        outcome(GateStatus::Failed, Some(observed), format!("{shown}. {}", of.reason))
    }

    /// The difference in the threshold's terms, and in words; none when a side is unknown. Anything is
    /// infinitely more than nothing.
    fn observed(&self, of: &MetricDifference) -> Option<(f64, String)> {
        let (first, difference) = (of.first?, of.difference?);
        if !self.relative {
            let unit = if of.unit == "%" { "pp" } else { of.unit.as_str() };
            return Some((difference, format!("{} {unit}", signed(difference)).trim_end().to_owned()));
        }
        let percent = match of.difference_percent {
            Some(percent) => percent,
            None if difference == 0.0 => 0.0,
            None => difference.signum() * f64::INFINITY,
        };
        let shown = if percent.is_finite() {
            format!("{}%", signed(percent))
        } else {
            format!("{} {}, from {first}", signed(difference), of.unit)
        };
        Some((percent, shown))
    }

    fn trips(&self, value: f64) -> bool {
        match self.operator {
            Operator::Less => value < self.threshold,
            Operator::LessOrEqual => value <= self.threshold,
            Operator::Greater => value > self.threshold,
            Operator::GreaterOrEqual => value >= self.threshold,
        }
    }
}

impl Subject {
    fn parse(name: &str) -> Result<Self, GateError> {
        if let Some(metric) = Metric::parse(name) {
            return Ok(Self::Metric(metric));
        }
        if let Some((_, count)) = COUNTS.into_iter().find(|(count, _)| *count == name) {
            return Ok(count);
        }
        let likeness = |known: &&str| strsim::jaro_winkler(&name.to_lowercase(), known);
        let similar = subjects().into_iter().max_by(|a, b| likeness(a).total_cmp(&likeness(b)));
        Err(GateError::Metric {
            name: name.to_owned(),
            similar: similar.filter(|known| likeness(known) > 0.7).map(str::to_owned),
        })
    }

    /// The number of a threshold, and whether it is in percent of the first run.
    fn threshold(self, text: &str) -> Option<(f64, bool)> {
        let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '+' | '-')).unwrap_or(text.len());
        // An exponent is part of the number, when digits follow it.
        let exponent = text[end..].strip_prefix(['e', 'E']).map(|rest| {
            let digits = rest.trim_start_matches(['+', '-']);
            let signs = rest.len() - digits.len();
            let length = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
            if length > 0 { 1 + signs + length } else { 0 }
        });
        let end = end + exponent.unwrap_or(0);
        let number = text[..end].parse::<f64>().ok().filter(|number| number.is_finite())?;
        match (self, text[end..].trim()) {
            (Self::Metric(Metric::SuccessRate), "pp") => Some((number, false)),
            (Self::Metric(_), "%") => Some((number, true)),
            // -2 of a success rate would be anybody's guess.
            (Self::Metric(Metric::SuccessRate), _) => None,
            (Self::Metric(metric), unit) if unit.is_empty() || unit == metric.unit() => Some((number, false)),
            (Self::Broken | Self::Missing, "") => Some((number, false)),
            _ => None,
        }
    }

    fn allowed(self) -> String {
        match self {
            Self::Metric(Metric::SuccessRate) => {
                "percentage points (-2pp) or percent of the first run (-2%)".into()
            }
            Self::Metric(metric) => match metric.unit() {
                "" => "a number (1.5) or percent of the first run (+10%)".into(),
                unit => format!("a number of {unit} (1.5) or percent of the first run (+10%)"),
            },
            Self::Broken | Self::Missing => "a number of tests (0)".into(),
        }
    }
}

/// A number with its sign and three significant digits or more.
fn signed(value: f64) -> String {
    if value == 0.0 {
        return "+0".into();
    }
    let decimals = (2 - value.abs().log10().floor() as i32).clamp(0, 12) as usize;
    format!("{value:+.decimals$}")
}

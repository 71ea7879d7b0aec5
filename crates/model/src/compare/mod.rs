//! Runs side by side: per test what was fixed and what was broken, and for each metric the difference with
//! its 95% interval and whether the data decide it.
//!
//! The first run is the baseline; every other one is compared with it, over the tests that both ran.
//! Deterministic: the same rows, in whatever order, give the same comparison.

mod difference;
mod gate;
mod metric;
mod pairs;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use difference::{Basis, MetricDifference, Verdict};
pub use gate::{Gate, GateError, GateOutcome, GateStatus};
pub use metric::{Better, Metric};

use crate::{
    rows::{ResultRow, RunRow},
    stats,
};

/// Below this p-value, or when a 95% interval leaves 0 out, a difference counts as shown.
pub const ALPHA: f64 = 0.05;

/// What makes two executions a pair.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum PairBy {
    /// The test uid (`<agent_type>:<test_id>`); several attempts at it are averaged.
    #[default]
    Test,
    /// The test uid and the number of the attempt.
    Attempt,
    /// The test id whatever the agent type, to compare agents of different types.
    Id,
}

/// A run as it goes in: the newest version of its row and of each of its results.
#[derive(Debug, Clone, Copy)]
pub struct RunOf<'a> {
    pub run: &'a RunRow,
    pub results: &'a [ResultRow],
}

/// Runs compared.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Comparison {
    pub pair_by: PairBy,
    /// As given; the first is the baseline.
    pub runs: Vec<RunSide>,
    /// Each run but the first, compared with the first.
    pub against_first: Vec<Against>,
    /// Every test that any of the runs has, by name.
    pub tests: Vec<TestLine>,
    /// What a reader should know, one sentence each.
    pub notes: Vec<String>,
}

/// One of the runs, by itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RunSide {
    pub run_id: String,
    /// A for the first, B for the second, and so on: what the sentences of the comparison call it.
    pub letter: String,
    pub model: String,
    pub simulated: bool,
    /// Pairs that it has: tests, or attempts at them.
    pub tests: u64,
    /// Values of the whole run, idle time included, by metric name; null when unknown.
    pub values: BTreeMap<String, Option<f64>>,
}

/// A run compared with the first one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Against {
    /// Index into the runs.
    pub run: usize,
    pub counts: ChangeCounts,
    /// Tests that passed more often than in the first run. Without repeated attempts: `fixed`.
    pub rose: u64,
    /// Tests that passed less often than in the first run. Without repeated attempts: `broken`.
    pub fell: u64,
    /// Exact two-sided p-value of `rose` against `fell` (McNemar's test; the sign test with attempts); null
    /// when no test is scored in both.
    pub p_value: Option<f64>,
    pub metrics: Vec<MetricDifference>,
}

impl Against {
    pub fn metric(&self, metric: Metric) -> Option<&MetricDifference> {
        self.metrics.iter().find(|difference| difference.metric == metric)
    }
}

/// What became of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// Failed in the first run, passes in this one.
    Fixed,
    /// Passed in the first run, fails in this one.
    Broken,
    BothPass,
    BothFail,
    /// In both, without a verdict in one of them.
    Unscored,
    OnlyFirst,
    OnlyThis,
    /// In neither of the two, but in another run of the comparison.
    Neither,
}

impl Change {
    pub const ALL: [Self; 8] = [
        Self::Fixed,
        Self::Broken,
        Self::BothPass,
        Self::BothFail,
        Self::Unscored,
        Self::OnlyFirst,
        Self::OnlyThis,
        Self::Neither,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fixed => "fixed",
            Self::Broken => "broken",
            Self::BothPass => "both_pass",
            Self::BothFail => "both_fail",
            Self::Unscored => "unscored",
            Self::OnlyFirst => "only_first",
            Self::OnlyThis => "only_this",
            Self::Neither => "neither",
        }
    }
}

/// How many tests became what.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangeCounts {
    /// In both runs.
    pub common: u64,
    pub fixed: u64,
    pub broken: u64,
    pub both_pass: u64,
    pub both_fail: u64,
    pub unscored: u64,
    pub only_first: u64,
    pub only_this: u64,
}

impl ChangeCounts {
    fn of(changes: impl Iterator<Item = Change>) -> Self {
        let mut counts = Self::default();
        for change in changes {
            let place = match change {
                Change::Fixed => &mut counts.fixed,
                Change::Broken => &mut counts.broken,
                Change::BothPass => &mut counts.both_pass,
                Change::BothFail => &mut counts.both_fail,
                Change::Unscored => &mut counts.unscored,
                Change::OnlyFirst => &mut counts.only_first,
                Change::OnlyThis => &mut counts.only_this,
                Change::Neither => continue,
            };
            *place += 1;
            counts.common += u64::from(!matches!(change, Change::OnlyFirst | Change::OnlyThis));
        }
        counts
    }
}

/// A test across the runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TestLine {
    /// Test uid, or test id when paired by it.
    pub test: String,
    /// Number of the attempt when paired by it.
    pub attempt: Option<i64>,
    pub difficulty: Option<String>,
    /// One per run; null where the run does not have the test.
    pub cells: Vec<Option<TestCell>>,
    /// One per run but the first: what became of the test there.
    pub changes: Vec<Change>,
}

/// A test in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TestCell {
    /// Executions behind it.
    pub attempts: u64,
    /// Of these, with a verdict.
    pub scored: u64,
    pub passed: u64,
    /// Whether most of the scored ones passed; null when none is scored.
    pub success: Option<bool>,
    /// Trace of the first execution that has one and came out like the whole.
    pub trace_id: Option<String>,
    /// Means of the executions that know it.
    pub steps: Option<f64>,
    pub duration_ms: Option<f64>,
    pub total_tokens: Option<f64>,
    pub cost_usd: Option<f64>,
    pub energy_wh: Option<f64>,
    pub co2_emissions_g: Option<f64>,
    pub power_cost_usd: Option<f64>,
    /// Error of that execution.
    pub error: Option<String>,
}

/// Compares runs with the first of them. Executions that a stop cut off do not count.
pub fn compare(runs: &[RunOf<'_>], pair_by: PairBy) -> Comparison {
    let sides: Vec<pairs::Tests<'_>> =
        runs.iter().map(|run| pairs::Tests::of(run.results, pair_by)).collect();
    let run_sides: Vec<RunSide> = runs
        .iter()
        .zip(&sides)
        .enumerate()
        .map(|(index, (of, tests))| RunSide {
            run_id: of.run.run_id.clone(),
            letter: letter(index),
            model: of.run.model.clone(),
            simulated: of.run.simulated,
            tests: tests.len() as u64,
            values: Metric::ALL.iter().map(|metric| (metric.to_string(), metric.of_run(of.run))).collect(),
        })
        .collect();
    let against_first: Vec<Against> = (1..runs.len())
        .map(|index| {
            let letters = [letter(0), letter(index)];
            against(index, [&runs[0], &runs[index]], [&sides[0], &sides[index]], &letters)
        })
        .collect();
    Comparison {
        pair_by,
        notes: notes(runs, &run_sides, &against_first),
        runs: run_sides,
        against_first,
        tests: pairs::lines(&sides),
    }
}

fn against(run: usize, of: [&RunOf<'_>; 2], tests: [&pairs::Tests<'_>; 2], letters: &[String; 2]) -> Against {
    let pairs = pairs::common(tests[0], tests[1]);
    let counts = ChangeCounts::of(pairs::changes(tests[0], tests[1]));
    let (rose, fell, scored) = pairs::moves(&pairs);
    let p_value = (scored > 0).then(|| stats::mcnemar_exact(rose, fell).p_value);
    let same_tests = counts.only_first == 0 && counts.only_this == 0 && counts.common > 0;
    let context = difference::Context { pairs: &pairs, runs: of, same_tests, rose, fell, letters };
    let metrics = Metric::ALL.iter().map(|metric| difference::of(*metric, &context)).collect();
    Against { run, counts, rose, fell, p_value, metrics }
}

/// What a reader should know before believing any of it.
fn notes(runs: &[RunOf<'_>], sides: &[RunSide], against: &[Against]) -> Vec<String> {
    let mut notes = Vec::new();
    for against in against {
        let (first, this) = (&sides[0].letter, &sides[against.run].letter);
        let ChangeCounts { common, only_first, only_this, .. } = against.counts;
        if common == 0 {
            notes.push(format!("{first} and {this} have no test in common: nothing can be paired."));
        } else if only_first + only_this > 0 {
            notes.push(format!(
                "In both {first} and {this}: {common}. Left out: {only_first} only in {first}, {only_this} only in {this}."
            ));
        }
        let (a, b) = (runs[0].run, runs[against.run].run);
        if a.hardware != b.hardware {
            notes.push(format!(
                "{first} and {this} ran on different hardware: energy and time are of the model and the machine together."
            ));
        }
        if a.dataset_used != b.dataset_used && common > 0 {
            notes.push(format!(
                "{first} and {this} name different task sets; tests are paired by name alone."
            ));
        }
    }
    let simulated: Vec<&str> = sides.iter().filter(|s| s.simulated).map(|s| s.letter.as_str()).collect();
    if !simulated.is_empty() {
        notes.push(format!("Simulated: {}.", simulated.join(", ")));
    }
    if against.len() > 1 {
        notes.push(format!(
            "{} comparisons, each at 5%: among many, one may seem real by chance.",
            against.len()
        ));
    }
    notes
}

/// A, B, ..., Z, then numbers.
fn letter(index: usize) -> String {
    u8::try_from(index)
        .ok()
        .filter(|index| *index < 26)
        .map_or_else(|| (index + 1).to_string(), |index| char::from(b'A' + index).to_string())
}

//! The difference of one metric between two runs: over the tests that both ran, with a paired 95% interval,
//! and what it decides.

use serde::{Deserialize, Serialize};

use super::{ALPHA, Better, Metric, RunOf, metric::Form, pairs::Pair};
use crate::{
    stats::{self, MIN_BOOTSTRAP_PAIRS, MIN_DISCORDANT_PAIRS},
    sum::CompensatedSum,
};

/// Starts the generator of every interval: any number does, but it must stay the same.
const SEED: u64 = 20_261_123;
/// Draws of an interval, fewer for many pairs: the interval of many pairs needs fewer.
const MOST_RESAMPLES: usize = 10_000;
const FEWEST_RESAMPLES: usize = 1_000;
/// Pairs drawn for one interval.
const DRAWS: usize = 4_000_000;

/// What a metric's two values are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// The tests that both runs have and know the metric of, idle time left out.
    Tests,
    /// The runs as a whole, which ran the same tests but do not know the metric of each.
    Runs,
    /// Unknown on a side.
    None,
}

/// What the data say of a metric, from the first run to this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// This run is better, and chance alone would seldom make it look so.
    Better,
    /// This run is worse, likewise.
    Worse,
    /// The same on every test.
    Tie,
    /// Unknown on a side, too few tests to tell, or a difference that chance may have made.
    Undecided,
}

/// One metric of two runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct MetricDifference {
    pub metric: Metric,
    /// Unit of the values and of the difference; differences of `%` are percentage points.
    pub unit: String,
    pub better: Better,
    pub basis: Basis,
    /// Pairs behind the values.
    pub pairs: u64,
    /// Value of the first run over those pairs.
    pub first: Option<f64>,
    /// Value of this run over those pairs.
    pub this: Option<f64>,
    /// This less first.
    pub difference: Option<f64>,
    /// The same in percent of the first; null when that is 0.
    pub difference_percent: Option<f64>,
    /// 95% percentile bootstrap interval of the difference, tests drawn as pairs; null of fewer than 10 tests.
    pub ci_low: Option<f64>,
    pub ci_high: Option<f64>,
    pub verdict: Verdict,
    /// Why the verdict is what it is, a sentence.
    pub reason: String,
}

impl MetricDifference {
    /// Whether a difference was shown, not only seen.
    pub fn is_significant(&self) -> bool {
        matches!(self.verdict, Verdict::Better | Verdict::Worse)
    }
}

/// Two runs, paired.
pub(super) struct Context<'a> {
    pub(super) pairs: &'a [Pair<'a>],
    pub(super) runs: [&'a RunOf<'a>; 2],
    /// Whether neither run has a test that the other has not.
    pub(super) same_tests: bool,
    pub(super) rose: u64,
    pub(super) fell: u64,
    pub(super) letters: &'a [String; 2],
}

/// Sums over the pairs of one test.
#[derive(Debug, Clone, Copy, Default)]
struct Cluster {
    n: f64,
    values: [f64; 2],
    /// Tests that passed, as shares; only what is per success counts them.
    passes: [f64; 2],
}

impl Cluster {
    fn add(&mut self, other: &Self) {
        self.n += other.n;
        for side in 0..2 {
            self.values[side] += other.values[side];
            self.passes[side] += other.passes[side];
        }
    }
}

/// The difference of `metric` between the two runs.
pub(super) fn of(metric: Metric, context: &Context<'_>) -> MetricDifference {
    let clusters = clusters(metric, context.pairs);
    let pairs = clusters.iter().map(|cluster| cluster.n).sum::<f64>();
    let nothing = MetricDifference {
        metric,
        unit: metric.unit().to_owned(),
        better: metric.better(),
        basis: Basis::None,
        pairs: 0,
        first: None,
        this: None,
        difference: None,
        difference_percent: None,
        ci_low: None,
        ci_high: None,
        verdict: Verdict::Undecided,
        reason: String::new(),
    };
    if clusters.is_empty() {
        return of_runs(metric, context, nothing);
    }
    let whole = whole(&clusters);
    let Some([first, this]) = values(metric.form(), &whole) else {
        let none = context.letters.iter().zip(whole.passes).filter(|(_, passes)| *passes <= 0.0);
        let none: Vec<&str> = none.map(|(letter, _)| letter.as_str()).collect();
        return MetricDifference {
            pairs: pairs as u64,
            reason: format!("No test passed in {}.", none.join(" and ")),
            ..nothing
        };
    };
    let same = clusters.iter().all(|cluster| cluster.values[0] == cluster.values[1])
        && (metric.form() != Form::PerSuccess || clusters.iter().all(|c| c.passes[0] == c.passes[1]));
    let interval = interval(metric.form(), &clusters, pairs);
    let mut result = MetricDifference {
        basis: Basis::Tests,
        pairs: pairs as u64,
        ci_low: interval.map(|(low, _)| low),
        ci_high: interval.map(|(_, high)| high),
        ..with_values(nothing, first, this)
    };
    (result.verdict, result.reason) = match metric {
        Metric::SuccessRate => by_moves(context, this - first),
        _ => by_interval(&result, same, clusters.len(), interval, this - first),
    };
    result
}

fn with_values(of: MetricDifference, first: f64, this: f64) -> MetricDifference {
    let difference = this - first;
    MetricDifference {
        first: Some(first),
        this: Some(this),
        difference: Some(difference),
        difference_percent: (first != 0.0).then(|| 100.0 * difference / first.abs()),
        ..of
    }
}

/// What both know, test by test.
fn clusters(metric: Metric, pairs: &[Pair<'_>]) -> Vec<Cluster> {
    let mut clusters: Vec<(&str, Cluster)> = Vec::new();
    for pair in pairs {
        let Some(values) = pair.values(metric) else { continue };
        let passes = match metric.form() {
            Form::PerSuccess => match pair.values(Metric::SuccessRate) {
                Some(rates) => rates.map(|rate| rate / 100.0),
                None => continue,
            },
            Form::Total | Form::Mean => [0.0; 2],
        };
        let this = Cluster { n: 1.0, values, passes };
        match clusters.last_mut().filter(|(test, _)| *test == pair.test) {
            Some((_, cluster)) => cluster.add(&this),
            None => clusters.push((pair.test, this)),
        }
    }
    clusters.into_iter().map(|(_, cluster)| cluster).collect()
}

/// All clusters together, added up without loss.
fn whole(clusters: &[Cluster]) -> Cluster {
    let sum = |of: &dyn Fn(&Cluster) -> f64| {
        let mut sum = CompensatedSum::default();
        clusters.iter().for_each(|cluster| sum.add(of(cluster)));
        sum.value()
    };
    Cluster {
        n: sum(&|c| c.n),
        values: [sum(&|c| c.values[0]), sum(&|c| c.values[1])],
        passes: [sum(&|c| c.passes[0]), sum(&|c| c.passes[1])],
    }
}

/// The metric's two values; none when it is per success and a side has none.
fn values(form: Form, sums: &Cluster) -> Option<[f64; 2]> {
    match form {
        Form::Total => Some(sums.values),
        Form::Mean => Some(sums.values.map(|sum| sum / sums.n)),
        Form::PerSuccess if sums.passes.iter().any(|passes| *passes <= 0.0) => None,
        Form::PerSuccess => Some([sums.values[0] / sums.passes[0], sums.values[1] / sums.passes[1]]),
    }
}

/// The 95% interval of the difference of two values: tests are drawn with replacement, both sides of a test
/// together. None of fewer tests than an interval can be relied on for, and when a draw has no value, which happens
/// when few tests pass.
fn interval(form: Form, clusters: &[Cluster], pairs: f64) -> Option<(f64, f64)> {
    if clusters.len() < MIN_BOOTSTRAP_PAIRS {
        return None;
    }
    let resamples = (DRAWS / clusters.len()).clamp(FEWEST_RESAMPLES, MOST_RESAMPLES);
    stats::bootstrap(clusters.len(), resamples, SEED, |drawn| {
        let mut sums = Cluster::default();
        drawn.iter().for_each(|&index| sums.add(&clusters[index]));
        let [first, this] = values(form, &sums)?;
        // A draw of tests with more attempts is no larger total.
        let scale = if form == Form::Total { pairs / sums.n } else { 1.0 };
        Some((this - first) * scale)
    })
}

fn by_moves(context: &Context<'_>, difference: f64) -> (Verdict, String) {
    let (rose, fell) = (context.rose, context.fell);
    if rose + fell == 0 {
        return (Verdict::Tie, "Every test came out the same.".into());
    }
    let test = stats::mcnemar_exact(rose, fell);
    let moved = format!("{rose} fixed, {fell} broken, p = {}", p_text(test.p_value));
    if test.too_small {
        let changed = rose + fell;
        let tests = if changed == 1 { "test" } else { "tests" };
        return (
            Verdict::Undecided,
            format!(
                "{changed} {tests} changed; {MIN_DISCORDANT_PAIRS} must before any split can be told from chance."
            ),
        );
    }
    if test.p_value >= ALPHA {
        return (Verdict::Undecided, format!("{moved}: chance may have made it."));
    }
    // With attempts, many small rises may weigh less than few deep falls.
    match (rose > fell, difference > 0.0) {
        (true, true) => (Verdict::Better, format!("{moved}.")),
        (false, false) => (Verdict::Worse, format!("{moved}.")),
        _ => (Verdict::Undecided, format!("{moved}, but the mean moves the other way.")),
    }
}

fn by_interval(
    of: &MetricDifference,
    same: bool,
    tests: usize,
    interval: Option<(f64, f64)>,
    difference: f64,
) -> (Verdict, String) {
    if same {
        return (Verdict::Tie, "The same on every test.".into());
    }
    if tests < MIN_BOOTSTRAP_PAIRS {
        let many = if tests == 1 { "test is" } else { "tests are" };
        return (
            Verdict::Undecided,
            format!("{tests} {many} too few to tell; {MIN_BOOTSTRAP_PAIRS} are needed."),
        );
    }
    let Some((low, high)) = interval else {
        return (Verdict::Undecided, "Too few tests passed for an interval.".into());
    };
    if low <= 0.0 && high >= 0.0 {
        return (Verdict::Undecided, "The 95% interval holds 0: chance may have made it.".into());
    }
    let better = (difference > 0.0) == (of.better == Better::Higher);
    let verdict = if better { Verdict::Better } else { Verdict::Worse };
    (verdict, format!("The 95% interval over {tests} tests leaves 0 out."))
}

/// What the runs as a whole know, when no test does.
fn of_runs(metric: Metric, context: &Context<'_>, nothing: MetricDifference) -> MetricDifference {
    let totals = context.runs.map(|of| metric.of_run(of.run));
    let letters = context.letters;
    if context.pairs.is_empty() {
        return MetricDifference { reason: "No test is in both.".into(), ..nothing };
    }
    if let ([Some(first), Some(this)], true) = (totals, context.same_tests) {
        let (verdict, reason) = if first == this {
            (Verdict::Tie, "The runs as a whole are the same.")
        } else {
            (Verdict::Undecided, "Known of the runs as a whole only: without tests, chance cannot be judged.")
        };
        return MetricDifference {
            basis: Basis::Runs,
            verdict,
            reason: reason.into(),
            ..with_values(nothing, first, this)
        };
    }
    let knows =
        |side: usize| totals[side].is_some() || context.pairs.iter().any(|pair| pair.known(metric)[side]);
    let unknown: Vec<&str> = (0..2).filter(|side| !knows(*side)).map(|side| letters[side].as_str()).collect();
    let reason = match unknown.as_slice() {
        [] => format!("No test has it in both {} and {}.", letters[0], letters[1]),
        sides => format!("Unknown in {}.", sides.join(" and ")),
    };
    MetricDifference { reason, ..nothing }
}

/// A p-value for a sentence.
pub(super) fn p_text(p: f64) -> String {
    if p < 0.001 { "less than 0.001".into() } else { format!("{p:.3}") }
}

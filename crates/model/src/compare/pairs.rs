//! Executions grouped into what is paired: a test, or an attempt at it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Change, Metric, PairBy, TestCell, TestLine};
use crate::{account::RUN_STOPPED, rows::ResultRow};

/// What is paired with its like in another run.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    test: &'a str,
    attempt: Option<i64>,
}

/// The executions of a run by what they are paired by.
pub(super) struct Tests<'a>(BTreeMap<Key<'a>, Executions<'a>>);

/// Executions of one test, in an order that their content gives.
struct Executions<'a>(Vec<&'a ResultRow>);

/// One pair.
pub(super) struct Pair<'a> {
    /// Pairs of one test are not independent of each other: they are drawn together.
    pub(super) test: &'a str,
    first: &'a Executions<'a>,
    this: &'a Executions<'a>,
}

impl Pair<'_> {
    /// The metric's part of the pair, when both know it.
    pub(super) fn values(&self, metric: Metric) -> Option<[f64; 2]> {
        Some([self.first.mean(metric)?, self.this.mean(metric)?])
    }

    /// Whether each side knows the metric.
    pub(super) fn known(&self, metric: Metric) -> [bool; 2] {
        [self.first.mean(metric).is_some(), self.this.mean(metric).is_some()]
    }
}

impl<'a> Tests<'a> {
    pub(super) fn of(results: &'a [ResultRow], pair_by: PairBy) -> Self {
        let mut tests: BTreeMap<Key<'a>, Vec<&'a ResultRow>> = BTreeMap::new();
        for row in results.iter().filter(|row| row.stop_reason.as_deref() != Some(RUN_STOPPED)) {
            let key = match pair_by {
                PairBy::Test => Key { test: &row.test_uid, attempt: None },
                PairBy::Attempt => Key { test: &row.test_uid, attempt: Some(row.attempt) },
                PairBy::Id => Key { test: &row.test_id, attempt: None },
            };
            tests.entry(key).or_default().push(row);
        }
        for rows in tests.values_mut() {
            rows.sort_by(|a, b| {
                (a.attempt, &a.test_uid, &a.row_id).cmp(&(b.attempt, &b.test_uid, &b.row_id))
            });
        }
        Self(tests.into_iter().map(|(key, rows)| (key, Executions(rows))).collect())
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl Executions<'_> {
    /// Mean over the executions that know the metric; null when none does.
    fn mean(&self, metric: Metric) -> Option<f64> {
        mean(self.0.iter().filter_map(|row| metric.of_result(row)))
    }

    fn scored(&self) -> u64 {
        self.0.iter().filter(|row| row.success.is_some()).count() as u64
    }

    fn passed(&self) -> u64 {
        self.0.iter().filter(|row| row.success == Some(true)).count() as u64
    }

    /// Whether more than half of the scored executions passed.
    fn success(&self) -> Option<bool> {
        let scored = self.scored();
        (scored > 0).then(|| self.passed() * 2 > scored)
    }

    fn cell(&self) -> TestCell {
        let success = self.success();
        // The one that shows why: the first that came out like the whole.
        let example = self.0.iter().find(|row| row.success == success && row.trace_id.is_some());
        let example = example.or_else(|| self.0.iter().find(|row| row.success == success));
        TestCell {
            attempts: self.0.len() as u64,
            scored: self.scored(),
            passed: self.passed(),
            success,
            trace_id: example.and_then(|row| row.trace_id.clone()),
            steps: self.mean(Metric::AvgSteps),
            duration_ms: self.mean(Metric::TotalDurationMs),
            total_tokens: self.mean(Metric::TotalTokens),
            cost_usd: self.mean(Metric::TotalCostUsd),
            energy_wh: self.mean(Metric::EnergyWh),
            co2_emissions_g: self.mean(Metric::Co2EmissionsG),
            power_cost_usd: self.mean(Metric::PowerCostTotalUsd),
            error: example.and_then(|row| row.error.clone()),
        }
    }
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, n) = values.fold((0.0, 0_u64), |(sum, n), value| (sum + value, n + 1));
    (n > 0).then(|| sum / n as f64)
}

/// The pairs of two runs, by test.
pub(super) fn common<'a>(first: &'a Tests<'a>, this: &'a Tests<'a>) -> Vec<Pair<'a>> {
    let both = first.0.iter().filter_map(|(key, executions)| Some((key, executions, this.0.get(key)?)));
    both.map(|(key, first, this)| Pair { test: key.test, first, this }).collect()
}

/// What became of each test that either run has.
pub(super) fn changes<'a>(first: &'a Tests<'a>, this: &'a Tests<'a>) -> impl Iterator<Item = Change> {
    let keys: BTreeSet<&Key<'a>> = first.0.keys().chain(this.0.keys()).collect();
    keys.into_iter().map(|key| change(first.0.get(key), this.0.get(key)))
}

fn change(first: Option<&Executions<'_>>, this: Option<&Executions<'_>>) -> Change {
    match (first.map(Executions::success), this.map(Executions::success)) {
        (None, None) => Change::Neither,
        (Some(_), None) => Change::OnlyFirst,
        (None, Some(_)) => Change::OnlyThis,
        (Some(None), _) | (_, Some(None)) => Change::Unscored,
        (Some(Some(false)), Some(Some(true))) => Change::Fixed,
        (Some(Some(true)), Some(Some(false))) => Change::Broken,
        (Some(Some(true)), Some(Some(true))) => Change::BothPass,
        (Some(Some(false)), Some(Some(false))) => Change::BothFail,
    }
}

/// Pairs that passed more often in this run, pairs that passed less often, and pairs scored in both.
pub(super) fn moves(pairs: &[Pair<'_>]) -> (u64, u64, u64) {
    let rates = pairs.iter().filter_map(|pair| pair.values(Metric::SuccessRate));
    rates.fold((0, 0, 0), |(rose, fell, scored), [first, this]| {
        (rose + u64::from(this > first), fell + u64::from(this < first), scored + 1)
    })
}

/// Every test that any run has, with its cell in each.
pub(super) fn lines(sides: &[Tests<'_>]) -> Vec<TestLine> {
    let keys: BTreeSet<&Key<'_>> = sides.iter().flat_map(|side| side.0.keys()).collect();
    keys.into_iter()
        .map(|key| {
            let found: Vec<Option<&Executions<'_>>> = sides.iter().map(|side| side.0.get(key)).collect();
            let difficulty = found
                .iter()
                .flatten()
                .flat_map(|executions| &executions.0)
                .find_map(|row| row.difficulty.clone());
            TestLine {
                test: key.test.to_owned(),
                attempt: key.attempt,
                difficulty,
                cells: found.iter().map(|executions| executions.map(Executions::cell)).collect(),
                changes: found.iter().skip(1).map(|this| change(found[0], *this)).collect(),
            }
        })
        .collect()
}

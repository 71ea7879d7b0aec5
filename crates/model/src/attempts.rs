//! Attempts at tests: how often each was tried, and how often it passed.

use std::{collections::HashMap, hash::Hash};

use crate::stats;

/// Scored executions per test.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempts {
    tests: Vec<Tries>,
    /// Scored executions of the test that has most of them; of any executions when none is scored.
    pub most: i64,
}

/// The executions of one test.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Tries {
    executions: u64,
    scored: u64,
    passed: u64,
    /// The first scored attempt and whether it passed; of two with one number the failed one.
    first: Option<(i64, bool)>,
}

impl Attempts {
    /// From the executions: test, attempt, success.
    pub fn of<T: Eq + Hash>(executions: impl Iterator<Item = (T, i64, Option<bool>)>) -> Self {
        let mut by_test: HashMap<T, Tries> = HashMap::new();
        for (test, attempt, success) in executions {
            let tries = by_test.entry(test).or_default();
            tries.executions += 1;
            if let Some(success) = success {
                tries.scored += 1;
                tries.passed += u64::from(success);
                let this = (attempt, success);
                tries.first = Some(tries.first.map_or(this, |first| first.min(this)));
            }
        }
        let most_scored = by_test.values().map(|tries| tries.scored).max().unwrap_or(0);
        let most_of_any = by_test.values().map(|tries| tries.executions).max().unwrap_or(0);
        Self {
            tests: by_test.into_values().filter(|tries| tries.scored > 0).collect(),
            most: if most_scored > 0 { most_scored } else { most_of_any } as i64,
        }
    }

    /// The share of the tests whose first scored attempt passed.
    pub fn pass_at_1(&self) -> Option<f64> {
        let passed = self.tests.iter().filter(|test| test.first.is_some_and(|(_, passed)| passed)).count();
        (!self.tests.is_empty()).then(|| passed as f64 / self.tests.len() as f64)
    }

    /// Mean of pass@k over the tests with all attempts.
    pub fn pass_at_k(&self) -> Option<f64> {
        self.mean(stats::pass_at_k)
    }

    /// Mean of pass^k over the tests with all attempts.
    pub fn pass_hat_k(&self) -> Option<f64> {
        self.mean(stats::pass_hat_k)
    }

    fn mean(&self, of_test: fn(u64, u64, u64) -> Option<f64>) -> Option<f64> {
        let k = u64::try_from(self.most).ok()?;
        let mut shares: Vec<f64> =
            self.tests.iter().filter_map(|test| of_test(test.scored, test.passed, k)).collect();
        let n = shares.len() as f64;
        (!shares.is_empty()).then(|| crate::sum::sum_unordered(&mut shares) / n)
    }
}

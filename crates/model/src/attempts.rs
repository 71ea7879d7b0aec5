//! Attempts at tests: how often each was tried, and how often it passed.

use std::{collections::HashMap, hash::Hash};

use crate::stats;

/// Scored executions per test.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempts {
    tests: Vec<Scored>,
    /// Scored executions of the test that has most of them; of any executions when none is scored.
    pub most: i64,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Scored {
    executions: u64,
    passed: u64,
    first_passed: bool,
}

impl Attempts {
    /// From the executions: test, attempt, success.
    pub fn of<T: Eq + Hash>(executions: impl Iterator<Item = (T, i64, Option<bool>)>) -> Self {
        let mut by_test: HashMap<T, (i64, Option<(i64, bool)>, Scored)> = HashMap::new();
        for (test, attempt, success) in executions {
            let none = Scored { executions: 0, passed: 0, first_passed: false };
            let (all, first, scored) = by_test.entry(test).or_insert((0, None, none));
            *all += 1;
            let Some(success) = success else { continue };
            scored.executions += 1;
            scored.passed += u64::from(success);
            // Of one attempt's number twice, the failed one counts.
            let of_first = first.map_or((attempt, success), |first| first.min((attempt, success)));
            *first = Some(of_first);
            scored.first_passed = of_first.1;
        }
        let most_scored = by_test.values().map(|(_, _, scored)| scored.executions as i64).max().unwrap_or(0);
        let most_of_any = by_test.values().map(|(all, ..)| *all).max().unwrap_or(0);
        let tests = by_test.into_values().map(|(_, _, scored)| scored);
        Self {
            tests: tests.filter(|scored| scored.executions > 0).collect(),
            most: if most_scored > 0 { most_scored } else { most_of_any },
        }
    }

    /// The share of the tests whose first scored attempt passed.
    pub fn pass_at_1(&self) -> Option<f64> {
        let passed = self.tests.iter().filter(|test| test.first_passed).count();
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
            self.tests.iter().filter_map(|test| of_test(test.executions, test.passed, k)).collect();
        let n = shares.len() as f64;
        (!shares.is_empty()).then(|| crate::sum::sum_unordered(&mut shares) / n)
    }
}

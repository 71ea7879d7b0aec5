//! Sums of floating-point numbers that keep what plain addition loses.

/// Neumaier's compensated sum: the error of every addition is kept and added at the end
/// (A. Neumaier, 1974, "Rundungsfehleranalyse einiger Verfahren zur Summation endlicher Summen").
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CompensatedSum {
    sum: f64,
    compensation: f64,
}

impl CompensatedSum {
    pub fn add(&mut self, value: f64) {
        let next = self.sum + value;
        self.compensation +=
            if self.sum.abs() >= value.abs() { (self.sum - next) + value } else { (value - next) + self.sum };
        self.sum = next;
    }

    pub fn value(&self) -> f64 {
        let value = self.sum + self.compensation;
        // An overflowing sum has no meaningful error term.
        if value.is_nan() { self.sum } else { value }
    }
}

/// The sum of numbers whose order means nothing: the same bits for every order.
pub(crate) fn sum_unordered(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let mut sum = CompensatedSum::default();
    for value in values {
        sum.add(*value);
    }
    sum.value()
}

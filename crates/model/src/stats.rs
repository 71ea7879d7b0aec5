//! Statistics of runs and of pairs of runs: intervals, pass@k, paired tests.
//!
//! Knows counts and differences, not what they are of. Deterministic: what is drawn at random
//! comes from a seed the caller gives.

/// 97.5% quantile of the standard normal distribution: z of a two-sided 95% interval.
pub const Z_95: f64 = 1.959_963_984_540_054;

/// Below this many discordant pairs no split can reach p < 0.05 (5 of 5 give 0.0625).
pub const MIN_DISCORDANT_PAIRS: u64 = 6;
/// Below this many pairs a bootstrap interval is not to be relied on.
pub const MIN_BOOTSTRAP_PAIRS: usize = 10;

/// A range with its estimate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    pub estimate: f64,
    pub low: f64,
    pub high: f64,
}

/// Wilson score interval of a proportion, as shares of 1 (E. B. Wilson, 1927, "Probable
/// inference, the law of succession, and statistical inference"). None when nothing was tried
/// or more succeeded than were tried.
pub fn wilson(successes: u64, n: u64, z: f64) -> Option<Interval> {
    if n == 0 || successes > n {
        return None;
    }
    let (n, p) = (n as f64, successes as f64 / n as f64);
    let z2 = z * z;
    let middle = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
    // At 0 and at n one bound is the estimate itself; rounding must not move it.
    let low = if p == 0.0 { 0.0 } else { (middle - half).max(0.0) };
    let high = if p == 1.0 { 1.0 } else { (middle + half).min(1.0) };
    Some(Interval { estimate: p, low, high })
}

/// pass@k of one test: the chance that at least one of k attempts passes, unbiased from n
/// attempts of which c passed: 1 - C(n-c, k) / C(n, k) (M. Chen et al., 2021, "Evaluating Large
/// Language Models Trained on Code"). None unless c <= n and 1 <= k <= n.
pub fn pass_at_k(n: u64, c: u64, k: u64) -> Option<f64> {
    all_of_k(n, n.checked_sub(c)?, k).map(|all_fail| 1.0 - all_fail)
}

/// pass^k of one test: the chance that all of k attempts pass, unbiased from n attempts of which
/// c passed: C(c, k) / C(n, k) (S. Yao et al., 2024, "tau-bench"). None unless c <= n and
/// 1 <= k <= n.
pub fn pass_hat_k(n: u64, c: u64, k: u64) -> Option<f64> {
    all_of_k(n, c, k)
}

/// The chance that k drawn from n, without putting back, are all among the c.
fn all_of_k(n: u64, c: u64, k: u64) -> Option<f64> {
    if c > n || k == 0 || k > n {
        return None;
    }
    if k > c {
        return Some(0.0);
    }
    Some((0..k).map(|drawn| (c - drawn) as f64 / (n - drawn) as f64).product())
}

/// The outcome of McNemar's test.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct McNemar {
    /// Two-sided exact p-value.
    pub p_value: f64,
    /// Too few discordant pairs to show any difference at 5%.
    pub too_small: bool,
}

/// McNemar's exact test of paired outcomes: `fixed` pairs failed before and pass now, `broken`
/// passed before and fail now. The two-sided p-value is that of a fair coin:
/// min(1, 2 P(X <= min(fixed, broken))) with X ~ Binomial(fixed + broken, 1/2).
pub fn mcnemar_exact(fixed: u64, broken: u64) -> McNemar {
    let n = fixed + broken;
    // P(X = 0) and from there each by its ratio to the one before, in logarithms.
    let mut log_p = -(n as f64) * std::f64::consts::LN_2;
    let mut tail = log_p.exp();
    for i in 1..=fixed.min(broken) {
        log_p += ((n - i + 1) as f64 / i as f64).ln();
        tail += log_p.exp();
    }
    McNemar { p_value: (2.0 * tail).min(1.0), too_small: n < MIN_DISCORDANT_PAIRS }
}

/// The mean of paired differences with its bootstrap interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PairedDifference {
    pub pairs: usize,
    /// Mean difference with the 95% percentile interval.
    pub mean: Interval,
    /// Too few pairs to rely on the interval.
    pub too_small: bool,
}

/// 95% percentile bootstrap interval of the mean of paired differences (B. Efron, 1979), from
/// `resamples` draws of a generator that `seed` starts. None without differences, without
/// resamples, or when a difference is not finite.
pub fn paired_bootstrap(differences: &[f64], resamples: usize, seed: u64) -> Option<PairedDifference> {
    if differences.is_empty() || resamples == 0 || !differences.iter().all(|d| d.is_finite()) {
        return None;
    }
    let pairs = differences.len();
    let mean = |sum: f64| sum / pairs as f64;
    let of_draw = |drawn: &[usize]| Some(mean(drawn.iter().map(|&index| differences[index]).sum()));
    let (low, high) = bootstrap(pairs, resamples, seed, of_draw)?;
    Some(PairedDifference {
        pairs,
        mean: Interval { estimate: mean(differences.iter().sum()), low, high },
        too_small: pairs < MIN_BOOTSTRAP_PAIRS,
    })
}

/// 95% percentile bootstrap interval of a statistic of `n` things (B. Efron, 1979): `statistic` is given the
/// indices of each of `resamples` draws of n with replacement, from a generator that `seed` starts. None without
/// things, without resamples, or when a draw has no statistic.
pub fn bootstrap(
    n: usize,
    resamples: usize,
    seed: u64,
    mut statistic: impl FnMut(&[usize]) -> Option<f64>,
) -> Option<(f64, f64)> {
    if n == 0 || resamples == 0 {
        return None;
    }
    let mut random = SplitMix64(seed);
    let mut drawn = vec![0; n];
    let mut values = Vec::with_capacity(resamples);
    for _ in 0..resamples {
        drawn.fill_with(|| random.below(n));
        values.push(statistic(&drawn).filter(|value| value.is_finite())?);
    }
    values.sort_unstable_by(f64::total_cmp);
    Some((quantile(&values, 0.025), quantile(&values, 0.975)))
}

/// The q-quantile of values in ascending order, between neighbours in proportion (type 7 of
/// R. J. Hyndman and Y. Fan, 1996). NaN of no values.
pub fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return f64::NAN };
    let at = q.clamp(0.0, 1.0) * last as f64;
    let (below, above) = (sorted[at.floor() as usize], sorted[at.ceil() as usize]);
    below + (above - below) * at.fract()
}

/// SplitMix64 (G. L. Steele, D. Lea and C. H. Flood, 2014): small, and enough to resample with.
struct SplitMix64(u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Even over `0..bound` but for a bias of bound / 2^64.
    fn below(&mut self, bound: usize) -> usize {
        ((u128::from(self.next()) * bound as u128) >> 64) as usize
    }
}

//! Divides what a device used among the tests that ran meanwhile, losing nothing.
//!
//! Between any two events (a sample, a test's start or end) the amount is split equally among
//! the tests active then; with none active it stays unattributed. Amounts are integers (see
//! [`Increment`]), so that for each device the tests' amounts and the rest add up to the whole
//! exactly. Knows nothing of what the amounts measure.

use crate::counter::Increment;

/// When a test ran: `[start_ns, end_ns)`, Unix ns. An empty window is never active.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    pub start_ns: i64,
    pub end_ns: i64,
}

/// What one test got.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// Integer units of the increments.
    pub amount: i128,
    /// How much of its window the increments cover, ns.
    pub covered_ns: i64,
    /// Whether any increment reaches into its window. If none does, nothing was measured while
    /// the test ran, and its amount is unknown rather than 0.
    pub reached: bool,
}

/// How one device's amount was divided.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Division {
    /// One share per window, in the order of the windows.
    pub tests: Vec<Share>,
    /// What no test was active for.
    pub unattributed: i128,
}

impl Division {
    /// Everything: exactly the sum of the increments.
    pub fn total(&self) -> i128 {
        self.unattributed + self.tests.iter().map(|share| share.amount).sum::<i128>()
    }
}

/// The tests of a run on one line of time, made once and used for every device and quantity.
///
/// The line is cut at every start and end into stretches within which the same tests are
/// active; stretch 0 lies before the first cut, stretch n after the n-th.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    windows: Vec<Window>,
    cuts: Vec<i64>,
}

impl Timeline {
    pub fn new(windows: &[Window]) -> Self {
        let active = windows.iter().filter(|window| window.start_ns < window.end_ns);
        let mut cuts: Vec<i64> = active.flat_map(|window| [window.start_ns, window.end_ns]).collect();
        cuts.sort_unstable();
        cuts.dedup();
        Self { windows: windows.to_vec(), cuts }
    }

    /// Divides the increments of one device. An increment counts evenly over its time; one
    /// without duration counts at its moment. Takes O((n + m) log m) for n increments that do
    /// not overlap one another and m tests.
    pub fn divide(&self, increments: &[Increment]) -> Division {
        self.share(&self.lay(increments))
    }

    /// What each test that runs gets until each of `times`, which are ascending: what accrued while the same tests ran,
    /// by their number. Units that do not divide are in none, so that whatever is made of the times between a test's
    /// start and end, its parts are no more than its share.
    pub(crate) fn each_until(&self, increments: &[Increment], times: &[i64]) -> Vec<Cumulated> {
        let mut cuts = [self.cuts.as_slice(), times].concat();
        cuts.sort_unstable();
        cuts.dedup();
        let fine = Self { windows: Vec::new(), cuts };
        let stretches = fine.lay(increments);
        let active = self.active();
        let mut coarse = 0;
        let (mut before, mut here) = (Cumulated::default(), Stretch::default());
        let mut until = Vec::with_capacity(fine.cuts.len());
        for (cut, stretch) in fine.cuts.iter().zip(&stretches) {
            here.amount += stretch.amount;
            let now = Cumulated {
                each: before.each + here.amount.checked_div_euclid(active[coarse]).unwrap_or(0),
                covered_ns: until.last().map_or(0, |last: &Cumulated| last.covered_ns) + stretch.covered_ns,
                reached: until.last().map_or(0, |last| last.reached) + u64::from(stretch.reached),
            };
            until.push(now);
            if self.cuts.get(coarse) == Some(cut) {
                coarse += 1;
                (before, here) = (now, Stretch::default());
            }
        }
        times.iter().map(|time| until[fine.cuts.partition_point(|cut| cut < time)]).collect()
    }

    /// Divides what accrued from one cut to the next, where `until` says how much had accrued by a cut.
    pub(crate) fn divide_accrued(&self, until: impl Fn(i64) -> Cumulated) -> Division {
        let mut stretches = vec![Stretch::default(); self.cuts.len() + 1];
        for (stretch, cuts) in stretches[1..].iter_mut().zip(self.cuts.windows(2)) {
            let (before, after) = (until(cuts[0]), until(cuts[1]));
            *stretch = Stretch {
                amount: after.each - before.each,
                covered_ns: after.covered_ns - before.covered_ns,
                reached: after.reached > before.reached,
            };
        }
        self.share(&stretches)
    }

    /// Every start and end, ascending.
    pub(crate) fn cuts(&self) -> &[i64] {
        &self.cuts
    }

    /// How many windows are active in each stretch.
    fn active(&self) -> Vec<i128> {
        let mut changes = vec![0; self.cuts.len() + 1];
        for window in self.windows.iter().filter(|window| window.start_ns < window.end_ns) {
            changes[self.stretch_at(window.start_ns)] += 1;
            changes[self.stretch_at(window.end_ns)] -= 1;
        }
        let mut active = 0;
        changes
            .into_iter()
            .map(|change| {
                active += change;
                active
            })
            .collect()
    }

    /// Lays all increments over the stretches.
    fn lay(&self, increments: &[Increment]) -> Vec<Stretch> {
        let mut stretches = vec![Stretch::default(); self.cuts.len() + 1];
        for increment in increments {
            self.spread(increment, &mut stretches);
        }
        stretches
    }

    /// The stretch that holds a moment.
    fn stretch_at(&self, time_ns: i64) -> usize {
        self.cuts.partition_point(|cut| *cut <= time_ns)
    }

    /// Lays an increment over the stretches it reaches, in proportion to time. Each cut takes
    /// the whole units accrued up to it, so the parts add up to the increment.
    fn spread(&self, increment: &Increment, stretches: &mut [Stretch]) {
        let Increment { from_ns, to_ns, amount } = *increment;
        let mut at = self.stretch_at(from_ns);
        if to_ns <= from_ns {
            stretches[at].amount += amount;
            stretches[at].reached = true;
            return;
        }
        let (mut begin, mut given) = (from_ns, 0);
        loop {
            let end = self.cuts.get(at).map_or(to_ns, |cut| (*cut).min(to_ns));
            let until = part(amount, from_ns, end, to_ns);
            let stretch = &mut stretches[at];
            stretch.amount += until - given;
            stretch.covered_ns += i128::from(end) - i128::from(begin);
            stretch.reached = true;
            if end == to_ns {
                return;
            }
            (begin, given) = (end, until);
            at += 1;
        }
    }

    /// Splits every stretch equally among the tests active in it. What does not divide goes, a
    /// unit each, to those active that started first; among equals, that come first.
    fn share(&self, stretches: &[Stretch]) -> Division {
        let mut ranks: Vec<usize> = (0..self.windows.len()).collect();
        ranks.sort_by_key(|test| self.windows[*test]);
        let mut begins: Vec<Vec<usize>> = vec![Vec::new(); stretches.len()];
        let mut ends: Vec<Vec<usize>> = vec![Vec::new(); stretches.len()];
        for (rank, test) in ranks.iter().enumerate() {
            let window = self.windows[*test];
            if window.start_ns < window.end_ns {
                begins[self.stretch_at(window.start_ns)].push(rank);
                ends[self.stretch_at(window.end_ns)].push(rank);
            }
        }

        let mut division = Division { tests: vec![Share::default(); self.windows.len()], unattributed: 0 };
        // Which ranks are active, and the units of remainders handed to every rank up to one. What
        // a test got of those is what was handed out between its begin and its end.
        let mut active = PrefixSums::new(ranks.len());
        let mut handed = PrefixSums::new(ranks.len());
        let mut heads = 0_i64;
        // What a test active from the beginning on would have got so far.
        let mut so_far = vec![Cumulated::default(); stretches.len() + 1];
        for (at, stretch) in stretches.iter().enumerate() {
            for rank in &ends[at] {
                active.add(*rank, -1);
                heads -= 1;
                division.tests[ranks[*rank]].amount += i128::from(handed.from(*rank));
            }
            for rank in &begins[at] {
                active.add(*rank, 1);
                heads += 1;
                division.tests[ranks[*rank]].amount -= i128::from(handed.from(*rank));
            }
            let mut each = 0;
            if heads == 0 {
                division.unattributed += stretch.amount;
            } else {
                each = stretch.amount.div_euclid(heads.into());
                let remainder = stretch.amount.rem_euclid(heads.into());
                if remainder > 0 {
                    handed.add(active.rank_of(remainder as i64), 1);
                }
            }
            so_far[at + 1] = Cumulated {
                each: so_far[at].each + each,
                covered_ns: so_far[at].covered_ns + stretch.covered_ns,
                reached: so_far[at].reached + u64::from(stretch.reached),
            };
        }
        for (share, window) in division.tests.iter_mut().zip(&self.windows) {
            if window.start_ns < window.end_ns {
                let before = so_far[self.stretch_at(window.start_ns)];
                let after = so_far[self.stretch_at(window.end_ns)];
                share.amount += after.each - before.each;
                share.covered_ns = i64::try_from(after.covered_ns - before.covered_ns).unwrap_or(i64::MAX);
                share.reached = after.reached > before.reached;
            }
        }
        division
    }
}

/// What fell into one stretch.
#[derive(Clone, Copy, Default)]
struct Stretch {
    amount: i128,
    covered_ns: i128,
    reached: bool,
}

/// Sums over the stretches before one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cumulated {
    /// Of one test.
    each: i128,
    covered_ns: i128,
    /// How many stretches any increment reaches into.
    reached: u64,
}

/// Counts per rank whose sums over a range take O(log n) (P. M. Fenwick, 1994).
struct PrefixSums {
    tree: Vec<i64>,
    total: i64,
}

impl PrefixSums {
    fn new(ranks: usize) -> Self {
        Self { tree: vec![0; ranks + 1], total: 0 }
    }

    fn add(&mut self, rank: usize, count: i64) {
        self.total += count;
        let mut at = rank + 1;
        while at < self.tree.len() {
            self.tree[at] += count;
            at += at & at.wrapping_neg();
        }
    }

    /// The sum over `rank` and all after it.
    fn from(&self, rank: usize) -> i64 {
        let (mut before, mut at) = (0, rank);
        while at > 0 {
            before += self.tree[at];
            at -= at & at.wrapping_neg();
        }
        self.total - before
    }

    /// The rank at which the sum from the first rank on reaches `count`; counts are 0 or more.
    fn rank_of(&self, count: i64) -> usize {
        let (mut at, mut left) = (0, count);
        let mut step = self.tree.len().next_power_of_two();
        while step > 0 {
            if at + step < self.tree.len() && self.tree[at + step] < left {
                at += step;
                left -= self.tree[at];
            }
            step /= 2;
        }
        at
    }
}

/// The whole units of `amount`, accrued evenly over `[from_ns, to_ns)`, that fall before `at_ns`.
pub(crate) fn part(amount: i128, from_ns: i64, at_ns: i64, to_ns: i64) -> i128 {
    if at_ns <= from_ns {
        return 0;
    }
    if at_ns >= to_ns {
        return amount;
    }
    // Below 2^64 each, so that the product below fits 128 bits.
    let (done, whole) = (at_ns.abs_diff(from_ns), to_ns.abs_diff(from_ns));
    let units = amount.unsigned_abs();
    let (per_ns, rest) = (units / u128::from(whole), units % u128::from(whole));
    let part = (per_ns * u128::from(done) + rest * u128::from(done) / u128::from(whole)) as i128;
    part * amount.signum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn divided(windows: &[(i64, i64)], increments: &[(i64, i64, i128)]) -> (Vec<i128>, i128) {
        let windows: Vec<Window> =
            windows.iter().map(|&(start_ns, end_ns)| Window { start_ns, end_ns }).collect();
        let increments: Vec<Increment> =
            increments.iter().map(|&(from_ns, to_ns, amount)| Increment { from_ns, to_ns, amount }).collect();
        let division = Timeline::new(&windows).divide(&increments);
        (division.tests.iter().map(|share| share.amount).collect(), division.unattributed)
    }

    #[test]
    fn shares() {
        let check = |windows: &[(i64, i64)], increments: &[(i64, i64, i128)], tests: &[i128], rest: i128| {
            assert_eq!(divided(windows, increments), (tests.to_vec(), rest), "{windows:?} {increments:?}");
        };
        check(&[], &[(0, 10, 7)], &[], 7);
        check(&[(0, 10), (5, 15)], &[(0, 20, 2000)], &[750, 750], 500);
        // A remainder goes to who started first, wherever it stands in the list.
        check(&[(1, 10), (0, 10)], &[(2, 4, 5)], &[2, 3], 0);
        check(&[(0, 10), (0, 10), (0, 10)], &[(0, 10, 10)], &[4, 3, 3], 0);
        // At once: to who is active then; a window's end is not part of it.
        check(&[(0, 10), (10, 20)], &[(10, 10, 3)], &[0, 3], 0);
        check(&[(0, 10)], &[(10, 10, 3), (-1, -1, 2)], &[0], 5);
        // An empty or reversed window gets nothing.
        check(&[(5, 5), (9, 2)], &[(0, 10, 4)], &[0, 0], 4);
        // The ends of time.
        check(&[(0, 1)], &[(i64::MIN, i64::MAX, 1 << 100)], &[1 << 36], (1 << 100) - (1 << 36));
    }

    #[test]
    fn what_was_not_measured_is_not_reached() {
        let windows = [Window { start_ns: 0, end_ns: 10 }, Window { start_ns: 20, end_ns: 30 }];
        let increments = [Increment { from_ns: 5, to_ns: 15, amount: 0 }];
        let shares = Timeline::new(&windows).divide(&increments).tests;
        assert_eq!(shares[0], Share { amount: 0, covered_ns: 5, reached: true });
        assert_eq!(shares[1], Share { amount: 0, covered_ns: 0, reached: false });
    }
}

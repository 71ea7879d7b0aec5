//! Row ids of one run from some time on, in chunks by time.
//!
//! Rows come roughly in order of their time, so that most look-ups fall into the last chunk or two, which are small enough for
//! a processor's cache. What is oldest goes chunk by chunk.

use std::{
    collections::{HashMap, VecDeque, hash_map::Entry},
    hash::{BuildHasherDefault, Hash, Hasher},
};

/// A row id without the padding that a `u128` brings to a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Id([u64; 2]);

impl From<u128> for Id {
    fn from(id: u128) -> Self {
        Self([id as u64, (id >> 64) as u64])
    }
}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0[0]);
    }
}

/// The lower half of an id as its hash: ids are hashes already.
#[derive(Debug, Default)]
pub(super) struct Folded(u64);

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, half: u64) {
        self.0 = half;
    }

    fn write_u128(&mut self, id: u128) {
        self.0 = id as u64;
    }
}

/// Rows from one time on, up to the first of the next chunk.
#[derive(Debug)]
struct Chunk {
    from: i64,
    /// Ids with their times, Unix ns.
    rows: HashMap<Id, i64, BuildHasherDefault<Folded>>,
    /// With so many rows it is split.
    most: usize,
}

/// Rows of a chunk: about as many as a processor keeps near at hand, and as many as a map of that size has room for.
const CHUNK_ROWS: usize = 14_336;
/// One of so many rows goes into the next chunk when one is full.
const LATEST: usize = 8;

/// All rows from some time on.
#[derive(Debug)]
pub(super) struct Window {
    /// By time; never empty.
    chunks: VecDeque<Chunk>,
    /// Rows of a chunk until it is split.
    chunk_rows: usize,
    rows: usize,
}

impl Window {
    /// A window from a time on, Unix ns.
    pub(super) fn new(from: i64) -> Self {
        Self::of_chunks(from, CHUNK_ROWS)
    }

    fn of_chunks(from: i64, chunk_rows: usize) -> Self {
        let first = Chunk { from, rows: HashMap::default(), most: chunk_rows };
        Self { chunks: VecDeque::from([first]), chunk_rows, rows: 0 }
    }

    /// From when on all rows are here, Unix ns.
    pub(super) fn from(&self) -> i64 {
        self.chunks[0].from
    }

    pub(super) fn len(&self) -> usize {
        self.rows
    }

    /// The chunk of a time, unless that is before all.
    fn place(&self, time: i64) -> Option<usize> {
        // Mostly the last.
        self.chunks.iter().rposition(|chunk| chunk.from <= time)
    }

    /// Adds a row; says whether it was not here. A row before all is passed over, and counts as here.
    pub(super) fn insert(&mut self, time: i64, id: u128) -> bool {
        let Some(place) = self.place(time) else { return false };
        let chunk = &mut self.chunks[place];
        let Entry::Vacant(free) = chunk.rows.entry(id.into()) else { return false };
        free.insert(time);
        self.rows += 1;
        if chunk.rows.len() >= chunk.most {
            self.split(place);
        }
        true
    }

    pub(super) fn remove(&mut self, time: i64, id: u128) {
        if let Some(place) = self.place(time)
            && self.chunks[place].rows.remove(&id.into()).is_some()
        {
            self.rows -= 1;
        }
    }

    /// Moves the latest rows of a chunk into a chunk of their own: few, since of those to come most are later still.
    fn split(&mut self, place: usize) {
        let is_last = place + 1 == self.chunks.len();
        let chunk = &mut self.chunks[place];
        let mut times: Vec<i64> = chunk.rows.values().copied().collect();
        let cut = times.len() - times.len().div_ceil(LATEST);
        let (earlier, cut, later) = times.select_nth_unstable(cut);
        // Rows of one time stay together.
        let from = match later.iter().copied().filter(|time| *time > *cut).min() {
            Some(from) => from,
            None if earlier.iter().any(|time| *time < *cut) => *cut,
            None => {
                chunk.most *= 2;
                return;
            }
        };
        let room = if is_last { self.chunk_rows } else { 0 };
        let mut later = HashMap::with_capacity_and_hasher(room, BuildHasherDefault::default());
        later.extend(chunk.rows.extract_if(|_, time| *time >= from));
        chunk.most = self.chunk_rows.max(2 * chunk.rows.len());
        let most = self.chunk_rows.max(2 * later.len());
        self.chunks.insert(place + 1, Chunk { from, rows: later, most });
    }

    /// Forgets the oldest rows while there are more than `most`, all of them in the end if they are of one time.
    pub(super) fn keep_newest(&mut self, most: usize) {
        while self.rows > most {
            let Some(oldest) = self.chunks.pop_front() else { return };
            self.rows -= oldest.rows.len();
            if self.chunks.is_empty() {
                let last = oldest.rows.values().copied().max().unwrap_or(oldest.from);
                let from = last.saturating_add(1);
                self.chunks.push_back(Chunk { from, rows: HashMap::default(), most: self.chunk_rows });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// As a plain map of all rows, of which those before a time are not asked for.
        #[test]
        fn rows_from_a_time_on_are_known(
            rows in prop::collection::vec((0..60_i64, 0..100_u128, 0..8_u8), 1..300),
            steps in prop::collection::vec(1..30_i64, 1..6),
            most in 1..400_usize,
        ) {
            let mut window = Window::of_chunks(i64::MIN, 16);
            let mut all: BTreeMap<u128, i64> = BTreeMap::new();
            for (at, step) in (0..).zip(&steps) {
                for (time, id, what) in &rows {
                    let time = time + at * step;
                    let id = id << 64 | time as u128;
                    if *what == 0 {
                        window.remove(time, id);
                        all.remove(&id);
                    } else if time >= window.from() {
                        prop_assert_eq!(window.insert(time, id), all.insert(id, time).is_none());
                    } else {
                        prop_assert!(!window.insert(time, id));
                    }
                }
                window.keep_newest(most);
                prop_assert!(window.len() <= most);
                all.retain(|_, time| *time >= window.from());
                prop_assert_eq!(window.len(), all.len());
            }
            for (id, time) in all {
                prop_assert!(!window.insert(time, id));
            }
        }
    }

    #[test]
    fn rows_in_order_fall_into_small_chunks() {
        let mut window = Window::new(i64::MIN);
        for row in 0..100_000 {
            assert!(window.insert(row / 100, row as u128));
        }
        assert!(window.chunks.iter().all(|chunk| chunk.rows.len() <= CHUNK_ROWS));
        window.keep_newest(50_000);
        assert!((40_000..=50_000).contains(&window.len()), "{}", window.len());
        assert_eq!(window.from(), 1_000 - window.len() as i64 / 100);
    }

    #[test]
    fn rows_of_one_time_stay_together() {
        let mut window = Window::of_chunks(i64::MIN, 4);
        for row in 0..70 {
            assert!(window.insert(if row < 50 { 7 } else { 8 }, row));
        }
        assert_eq!(window.len(), 70);
        window.keep_newest(69);
        assert_eq!((window.len(), window.from()), (20, 8));
        window.keep_newest(0);
        assert_eq!((window.len(), window.from()), (0, 9));
    }
}

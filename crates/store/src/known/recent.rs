//! Row ids of a table whose rows are told apart by content, as far back in time as memory allows.
//!
//! Of each run all rows from some time on are remembered. Telemetry comes roughly in order of its
//! own time, so a repeated row is mostly found there; an older one is looked for in the files whose
//! statistics reach back that far.

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::{BuildHasherDefault, Hash},
    sync::Arc,
};

use arrow::{
    array::BooleanArray, compute::filter_record_batch, error::ArrowError, record_batch::RecordBatch,
};
use datafusion::logical_expr::{col, lit};
use smoltrace_model::rows::{Block, PointBlock, SpanBlock};

use super::{
    Fresh, Looked, Reader, numbers, row_id, strings,
    window::{Folded, Window},
};
use crate::{error::StoreError, query::Scan, rows::Rows};

/// How many times over its limit the memory may go for the runs of the last append.
const RECENT: usize = 2;

/// More runs than this are looked up in their files together with all others there.
const MANY_RUNS: usize = 64;

/// Row ids. They are hashes already.
type Ids = HashSet<u128, BuildHasherDefault<Folded>>;

/// What is known of one run.
#[derive(Debug)]
struct RunRows {
    rows: Window,
    used: u64,
}

#[derive(Debug)]
pub(super) struct Recent {
    runs: HashMap<String, RunRows>,
    /// Rows of the batches looked at last that are in the table and too old to be remembered.
    old: Ids,
    limit: usize,
    clock: u64,
    /// The column of the time that rows are remembered by.
    time: &'static str,
}

impl Recent {
    /// Remembers about `limit` rows of a table, by the time in a column.
    pub(super) fn new(limit: usize, time: &'static str) -> Self {
        Self { runs: HashMap::new(), old: Ids::default(), limit: limit.max(1), clock: 0, time }
    }

    pub(super) fn forget(&mut self) {
        self.runs.clear();
    }

    pub(super) async fn prepare(
        &mut self,
        reader: &mut Reader<'_>,
        batches: &[Rows],
    ) -> Result<Looked, StoreError> {
        if self.take_news(reader).await? == Looked::Amiss {
            return Ok(Looked::Amiss);
        }
        let runs = self.unknown_runs(batches);
        if self.load(reader, &runs).await? == Looked::Amiss {
            return Ok(Looked::Amiss);
        }
        self.look_for_old(reader, batches).await
    }

    /// The runs of the batches that nothing is known of; the others are in use from now on.
    fn unknown_runs<'a>(&mut self, batches: &'a [Rows]) -> BTreeSet<&'a str> {
        self.clock += 1;
        self.old.clear();
        let mut unknown = BTreeSet::new();
        for run in batches.iter().flat_map(Rows::run_ids) {
            match self.runs.get_mut(run) {
                Some(known) => known.used = self.clock,
                None => {
                    unknown.insert(run);
                }
            }
        }
        unknown
    }

    /// Whether the new rows of the batches can be told without a look at the table.
    pub(super) fn knows_enough(&mut self, batches: &[Rows]) -> bool {
        self.unknown_runs(batches).is_empty() && !self.go_back_too_far(batches)
    }

    /// Whether rows of the batches are older than what is remembered of their run.
    fn go_back_too_far(&self, batches: &[Rows]) -> bool {
        let from = |run: &str| self.runs.get(run).map_or(i64::MAX, |known| known.rows.from());
        let all_known = batches.iter().flat_map(Rows::run_ids).all(|run| from(run) == i64::MIN);
        !all_known && first_times(self.time, batches).into_iter().any(|(run, first)| first < from(run))
    }

    /// Remembers the last rows of runs that nothing is known of.
    async fn load(&mut self, reader: &mut Reader<'_>, runs: &BTreeSet<&str>) -> Result<Looked, StoreError> {
        let mut room = self.limit;
        let mut loaded: HashMap<&str, RunRows> = HashMap::new();
        let mut paths: BTreeSet<String> = BTreeSet::new();
        let mut earliest = i64::MAX;
        for run in runs {
            let mut files = reader.tail.files_from(run, i64::MIN);
            // The newest first, as many as there is room for.
            files.sort_by(|a, b| b.last.cmp(&a.last).then_with(|| a.path.cmp(&b.path)));
            let mut from = i64::MIN;
            for file in files {
                if !paths.contains(&file.path) {
                    if file.rows > room {
                        from = file.last.saturating_add(1);
                        break;
                    }
                    room -= file.rows;
                    paths.insert(file.path);
                }
            }
            earliest = earliest.min(from);
            loaded.insert(run, RunRows::new(from, self.clock));
        }
        if !paths.is_empty() {
            let time = self.time;
            let mut scan = Scan::default().columns(["run_id", "row_id", time]);
            scan.files = Some(paths.into_iter().collect());
            if runs.len() <= MANY_RUNS {
                scan = scan.among("run_id", runs.iter().copied());
            }
            if earliest > i64::MIN {
                scan = scan.and(col(time).gt_eq(lit(earliest)));
            }
            let Some(found) = reader.scan(&scan).await? else { return Ok(Looked::Amiss) };
            for batch in &found {
                absorb(batch, time, &mut loaded);
            }
        }
        self.runs.extend(loaded.into_iter().map(|(run, known)| (run.to_owned(), known)));
        Ok(Looked::Well)
    }

    /// Looks in the files for rows that are older than what is remembered of their run.
    async fn look_for_old(
        &mut self,
        reader: &mut Reader<'_>,
        batches: &[Rows],
    ) -> Result<Looked, StoreError> {
        let mut old: BTreeMap<&str, Vec<(i64, u128)>> = BTreeMap::new();
        if self.go_back_too_far(batches) {
            for_each_row(self.time, batches, |run, time, id| {
                if self.runs.get(run).is_some_and(|known| time < known.rows.from()) {
                    old.entry(run).or_default().push((time, id));
                }
            });
        }
        for (run, rows) in old {
            let first = rows.iter().map(|(time, _)| *time).min().unwrap_or_default();
            let last = rows.iter().map(|(time, _)| *time).max().unwrap_or_default();
            let mut files = reader.tail.files_from(run, first);
            files.retain(|file| file.first <= last);
            if files.is_empty() {
                continue;
            }
            let time = self.time;
            let mut scan =
                Scan::of_run(run).columns(["row_id"]).and(col(time).between(lit(first), lit(last)));
            scan.files = Some(files.into_iter().map(|file| file.path).collect());
            scan = scan.among("row_id", rows.iter().map(|(_, id)| format!("{id:032x}")));
            let Some(found) = reader.scan(&scan).await? else { return Ok(Looked::Amiss) };
            let wanted: Ids = rows.into_iter().map(|(_, id)| id).collect();
            for batch in &found {
                let ids = strings(batch, "row_id").iter().flatten().map(row_id);
                self.old.extend(ids.filter(|id| wanted.contains(id)));
            }
        }
        Ok(Looked::Well)
    }

    /// Takes in what others committed since the last look.
    async fn take_news(&mut self, reader: &mut Reader<'_>) -> Result<Looked, StoreError> {
        let files = reader.tail.news_of(&self.runs.keys().map(String::as_str).collect());
        if !files.is_empty() {
            let time = self.time;
            let scan = Scan { files: Some(files), ..Scan::default().columns(["run_id", "row_id", time]) };
            let Some(batches) = reader.scan(&scan).await? else { return Ok(Looked::Amiss) };
            for batch in &batches {
                absorb(batch, time, &mut self.runs);
            }
        }
        reader.tail.take_news();
        Ok(Looked::Well)
    }

    /// The rows that are new, which count as remembered at once.
    pub(super) fn fresh(&mut self, batches: &[Rows]) -> Result<Fresh, ArrowError> {
        let mut written = vec![0; batches.len()];
        let (mut columns, mut spans, mut points) = (Vec::new(), Vec::new(), Vec::new());
        let mut taken = Taken::default();
        // What is near in time is near in memory.
        let mut in_time: Vec<usize> = (0..batches.len()).collect();
        in_time.sort_by_key(|at| batches[*at].first_time(self.time));
        for at in in_time {
            let count = &mut written[at];
            match &batches[at] {
                Rows::Points(blocks) => {
                    for block in blocks {
                        let (new, part) =
                            taken.new_of(block, PointBlock::part, &mut self.runs, &mut self.old);
                        *count += new;
                        points.extend(part);
                    }
                }
                Rows::Spans(blocks) => {
                    for block in blocks {
                        let (new, part) = taken.new_of(block, SpanBlock::part, &mut self.runs, &mut self.old);
                        *count += new;
                        spans.extend(part);
                    }
                }
                Rows::Columns(parts) => {
                    for batch in parts {
                        let (runs, ids) = (strings(batch, "run_id"), strings(batch, "row_id"));
                        let times = numbers(batch, self.time);
                        let mut last: Option<(&str, usize)> = None;
                        let is_new = |row| {
                            let run = runs.value(row);
                            // Rows of a run mostly come together.
                            let place = match last {
                                Some((same, place)) if same == run => place,
                                _ => taken.place(&mut self.runs, run),
                            };
                            last = Some((run, place));
                            taken.add(place, times[row], row_id(ids.value(row)), &mut self.old)
                        };
                        let mask: BooleanArray = (0..batch.num_rows()).map(is_new).map(Some).collect();
                        *count += mask.true_count();
                        if mask.true_count() == batch.num_rows() {
                            columns.push(batch.clone());
                        } else {
                            columns.push(filter_record_batch(batch, &mask)?);
                        }
                    }
                }
            }
        }
        taken.give_back(&mut self.runs);
        let rows = match written.iter().sum() {
            0 => None,
            _ if !points.is_empty() => Some(Rows::Points(points)),
            _ if !spans.is_empty() => Some(Rows::Spans(spans)),
            _ => Some(Rows::Columns(columns)),
        };
        Ok(Fresh { rows, written })
    }

    /// Forgets rows that were fresh and do not come into the table.
    pub(super) fn remove(&mut self, rows: &Rows) {
        for_each_row(self.time, std::slice::from_ref(rows), |run, time, id| {
            if let Some(known) = self.runs.get_mut(run) {
                known.rows.remove(time, id);
            }
        });
    }

    /// Forgets runs that were used longest ago, then the oldest rows of the largest ones.
    pub(super) fn make_room(&mut self) {
        let mut total: usize = self.runs.values().map(|run| run.rows.len()).sum();
        if total <= self.limit {
            return;
        }
        let mut by_age: Vec<(u64, usize, String)> = self
            .runs
            .iter()
            .filter(|(_, known)| known.used != self.clock)
            .map(|(run, known)| (known.used, known.rows.len(), run.clone()))
            .collect();
        by_age.sort();
        for (_, rows, run) in by_age {
            if total <= self.limit {
                return;
            }
            self.runs.remove(&run);
            total -= rows;
        }
        // What is left is of the last append: its runs are likely those of the next one.
        let most = self.limit.saturating_mul(RECENT);
        while total > most {
            let Some(largest) = self.runs.values_mut().max_by_key(|known| known.rows.len()) else { return };
            let before = largest.rows.len();
            largest.rows.keep_newest(before.saturating_sub(total - most));
            total -= before - largest.rows.len();
        }
    }
}

impl RunRows {
    fn new(from: i64, used: u64) -> Self {
        Self { rows: Window::new(from), used }
    }
}

/// Runs taken out of those that are known, to be changed side by side.
#[derive(Debug, Default)]
struct Taken<'a> {
    places: HashMap<&'a str, usize>,
    runs: Vec<(String, RunRows)>,
}

impl<'a> Taken<'a> {
    /// The place of a run.
    fn place(&mut self, known: &mut HashMap<String, RunRows>, run: &'a str) -> usize {
        *self.places.entry(run).or_insert_with(|| {
            self.runs.push(known.remove_entry(run).expect("every run of the batches was looked up before"));
            self.runs.len() - 1
        })
    }

    /// Adds a row to the run at a place; says whether it is new. `old` are those that are too old to be remembered.
    fn add(&mut self, place: usize, time: i64, id: u128, old: &mut Ids) -> bool {
        let (_, known) = &mut self.runs[place];
        if time < known.rows.from() { old.insert(id) } else { known.rows.insert(time, id) }
    }

    /// Adds the rows of a block; returns how many are new, and a block of these if there are any.
    fn new_of<B: Block>(
        &mut self,
        block: &'a Arc<B>,
        part: impl FnOnce(&B, &[bool]) -> B,
        known: &mut HashMap<String, RunRows>,
        old: &mut Ids,
    ) -> (usize, Option<Arc<B>>) {
        let (runs, of_group) = block.runs();
        let places: Vec<usize> = runs.into_iter().map(|run| self.place(known, run)).collect();
        let keep: Vec<bool> =
            block.times().map(|(group, time, id)| self.add(places[of_group[group]], time, id, old)).collect();
        match keep.iter().filter(|keep| **keep).count() {
            0 => (0, None),
            new if new == keep.len() => (new, Some(block.clone())),
            new => (new, Some(part(block, &keep).into())),
        }
    }

    /// Puts the runs back.
    fn give_back(self, known: &mut HashMap<String, RunRows>) {
        known.extend(self.runs);
    }
}

/// Adds the rows of a batch to their runs, where these are known.
fn absorb<K: Borrow<str> + Hash + Eq>(batch: &RecordBatch, time: &str, known: &mut HashMap<K, RunRows>) {
    let (runs, ids, times) = (strings(batch, "run_id"), strings(batch, "row_id"), numbers(batch, time));
    let mut row = 0;
    while row < times.len() {
        // Rows of a run mostly come together.
        let run = runs.value(row);
        let end = (row + 1..times.len()).find(|next| runs.value(*next) != run).unwrap_or(times.len());
        if let Some(known) = known.get_mut(run) {
            for (row, time) in (row..end).zip(&times[row..end]) {
                known.rows.insert(*time, row_id(ids.value(row)));
            }
        }
        row = end;
    }
}

/// The runs, each with the earliest time of its rows.
fn first_times<'a>(time: &str, batches: &'a [Rows]) -> HashMap<&'a str, i64> {
    let mut firsts: HashMap<&str, i64> = HashMap::new();
    let mut note = |run, first: i64| {
        firsts.entry(run).and_modify(|known| *known = first.min(*known)).or_insert(first);
    };
    for rows in batches {
        match rows {
            Rows::Points(blocks) => blocks
                .iter()
                .flat_map(|block| first_times_of(&**block))
                .for_each(|(run, first)| note(run, first)),
            Rows::Spans(blocks) => blocks
                .iter()
                .flat_map(|block| first_times_of(&**block))
                .for_each(|(run, first)| note(run, first)),
            Rows::Columns(parts) => {
                for batch in parts {
                    let runs = strings(batch, "run_id").iter().flatten();
                    runs.zip(numbers(batch, time)).for_each(|(run, time)| note(run, *time));
                }
            }
        }
    }
    firsts
}

fn first_times_of(block: &impl Block) -> impl Iterator<Item = (&str, i64)> {
    let (runs, places) = block.runs();
    let mut firsts = vec![i64::MAX; runs.len()];
    for (group, time, _) in block.times() {
        let first = &mut firsts[places[group]];
        *first = time.min(*first);
    }
    runs.into_iter().zip(firsts)
}

/// Run, time and id of every row.
fn for_each_row<'a>(time: &str, batches: &'a [Rows], mut each: impl FnMut(&'a str, i64, u128)) {
    for rows in batches {
        match rows {
            Rows::Points(blocks) => blocks.iter().for_each(|block| for_each_row_of(&**block, &mut each)),
            Rows::Spans(blocks) => blocks.iter().for_each(|block| for_each_row_of(&**block, &mut each)),
            Rows::Columns(parts) => {
                for batch in parts {
                    let (runs, ids) = (strings(batch, "run_id"), strings(batch, "row_id"));
                    for (row, time) in numbers(batch, time).iter().enumerate() {
                        each(runs.value(row), *time, row_id(ids.value(row)));
                    }
                }
            }
        }
    }
}

fn for_each_row_of<'a>(block: &'a impl Block, each: &mut impl FnMut(&'a str, i64, u128)) {
    let (runs, places) = block.runs();
    block.times().for_each(|(group, time, id)| each(runs[places[group]], time, id));
}

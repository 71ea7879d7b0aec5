//! The data files of a table as its writer follows them: log entry by log entry, so that an
//! append costs the same however many files there are.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use crate::{
    error::StoreError,
    layout::{Identity, Layout},
    table::Table,
};

/// What a file may hold, by its statistics in the log.
#[derive(Debug, Clone)]
struct Range {
    /// From the first to the last run id; any run without.
    runs: Option<(String, String)>,
    /// From the first to the last time, Unix ns, of a table whose rows have one.
    times: (i64, i64),
    rows: usize,
}

/// A file that may hold rows of a run.
#[derive(Debug)]
pub(crate) struct FileOfRun {
    pub(crate) path: String,
    /// Earliest time of its rows, Unix ns.
    pub(crate) first: i64,
    /// Latest time of its rows, Unix ns.
    pub(crate) last: i64,
    /// Rows of all runs.
    pub(crate) rows: usize,
}

impl Range {
    /// Of Delta's statistics; what they do not say is not bounded.
    fn of(stats: Option<&str>, layout: &Layout) -> Self {
        let stats: Value = stats.and_then(|stats| serde_json::from_str(stats).ok()).unwrap_or_default();
        let bound = |which: &str| stats[which]["run_id"].as_str().map(str::to_owned);
        let runs = bound("minValues").zip(bound("maxValues")).filter(|(first, last)| first <= last);
        let time = |which: &str| match layout.identity {
            Identity::Content { time } => stats[which][time].as_i64(),
            Identity::Versioned(_) => None,
        };
        let times = (time("minValues").unwrap_or(i64::MIN), time("maxValues").unwrap_or(i64::MAX));
        let rows = stats["numRecords"].as_u64().and_then(|rows| usize::try_from(rows).ok());
        Self { runs, times, rows: rows.unwrap_or(usize::MAX) }
    }

    fn may_hold(&self, run: &str) -> bool {
        self.runs.as_ref().is_none_or(|(first, last)| (first.as_str()..=last).contains(&run))
    }

    fn may_hold_any(&self, runs: &BTreeSet<&str>) -> bool {
        match &self.runs {
            Some((first, last)) => runs.range(first.as_str()..=last.as_str()).next().is_some(),
            None => !runs.is_empty(),
        }
    }
}

/// The newest version that the writer has seen, and its files.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    version: Option<u64>,
    files: HashMap<String, Range>,
    /// Files with rows that others committed since [`Self::take_news`].
    news: Vec<String>,
}

/// What following the log came to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Followed {
    /// All entries since the last look were read.
    On,
    /// The table was read anew: what is known of its rows may be incomplete.
    Anew,
}

impl Tail {
    /// Reads what was committed since the last look.
    pub(crate) async fn follow(&mut self, table: &Table) -> Result<Followed, StoreError> {
        let Some(mut version) = self.version else { return self.read_anew(table).await };
        let first = version;
        while let Some(actions) = table.actions(version + 1).await? {
            actions.iter().for_each(|action| self.apply(table, action));
            version += 1;
            self.version = Some(version);
        }
        // Clean-up removes entries from the oldest on: when our own is gone, so may be the next.
        if version == first && !table.has_entry(version).await? {
            return self.read_anew(table).await;
        }
        Ok(Followed::On)
    }

    /// Reads on while commits only moved rows from file to file. Says whether there were any, and none with news.
    pub(crate) async fn pass_moves(&mut self, table: &Table) -> Result<bool, StoreError> {
        let first = self.next_version();
        while let Some(actions) = table.actions(self.next_version()).await? {
            if !actions.iter().all(moves_only) {
                return Ok(false);
            }
            actions.iter().for_each(|action| self.apply(table, action));
            self.version = Some(self.next_version());
        }
        Ok(self.next_version() > first)
    }

    fn apply(&mut self, table: &Table, action: &Value) {
        if let (Some(path), true) = (path_of(&action["add"]), action["add"].is_object()) {
            // A merge moves rows that are known already.
            if action["add"]["dataChange"] != Value::Bool(false) && !self.files.contains_key(&path) {
                self.news.push(path.clone());
            }
            self.files.insert(path, Range::of(action["add"]["stats"].as_str(), &table.layout));
        } else if let Some(path) = path_of(&action["remove"]) {
            self.files.remove(&path);
        }
    }

    async fn read_anew(&mut self, table: &Table) -> Result<Followed, StoreError> {
        let state = table.latest().await?;
        let snapshot = state.snapshot().map_err(|e| table.foreign(&e))?;
        let files = snapshot.log_data();
        self.files = files
            .iter()
            .map(|file| (file.path().into_owned(), Range::of(file.stats().as_deref(), &table.layout)))
            .collect();
        self.news.clear();
        self.version = state.version();
        Ok(Followed::Anew)
    }

    /// The version that the next commit must have.
    pub(crate) fn next_version(&self) -> u64 {
        self.version.map_or(0, |version| version + 1)
    }

    /// Notes a commit of our own.
    pub(crate) fn committed(&mut self, path: String, stats: Option<&str>, layout: &Layout) {
        self.version = Some(self.next_version());
        self.files.insert(path, Range::of(stats, layout));
    }

    /// Files that may hold rows of `runs`.
    pub(crate) fn files_of(&self, runs: &BTreeSet<&str>) -> Vec<String> {
        self.files
            .iter()
            .filter(|(_, range)| range.may_hold_any(runs))
            .map(|(path, _)| path.clone())
            .collect()
    }

    /// Files that may hold rows of a run from a time on.
    pub(crate) fn files_from(&self, run: &str, time: i64) -> Vec<FileOfRun> {
        let wanted = self.files.iter().filter(|(_, file)| file.times.1 >= time && file.may_hold(run));
        let file = |(path, range): (&String, &Range)| FileOfRun {
            path: path.clone(),
            first: range.times.0,
            last: range.times.1,
            rows: range.rows,
        };
        wanted.map(file).collect()
    }

    /// Files with news of `runs` that are still there.
    pub(crate) fn news_of(&self, runs: &BTreeSet<&str>) -> Vec<String> {
        let here = |path: &&String| self.files.get(*path).is_some_and(|range| range.may_hold_any(runs));
        self.news.iter().filter(here).cloned().collect()
    }

    /// All files with news.
    pub(crate) fn all_news(&self) -> Vec<String> {
        self.news.clone()
    }

    /// Whether news were merged into other files before they could be read.
    pub(crate) fn lost_news(&self) -> bool {
        self.news.iter().any(|path| !self.files.contains_key(path))
    }

    /// Says that all news have been read.
    pub(crate) fn take_news(&mut self) {
        self.news.clear();
    }
}

/// Whether an action leaves a table's rows what they are.
fn moves_only(action: &Value) -> bool {
    let file = action.get("add").or(action.get("remove"));
    file.map_or(action.get("commitInfo").is_some(), |file| file["dataChange"] == Value::Bool(false))
}

/// The path of an action, with the URL encoding of the log undone.
pub(crate) fn path_of(action: &Value) -> Option<String> {
    let path = action["path"].as_str()?;
    Some(percent_decoded(path))
}

fn percent_decoded(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut index = 0;
    while index < bytes.len() {
        let code = text.get(index + 1..index + 3).and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (bytes[index], code) {
            (b'%', Some(code)) => {
                decoded.push(code);
                index += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                index += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::layout::LAYOUTS;

    #[test]
    fn a_file_is_looked_into_only_for_what_it_may_hold() {
        let points = &LAYOUTS[crate::layout::POINTS];
        let check = |stats: Option<&str>, runs: &[&str], expected: bool| {
            let range = Range::of(stats, points);
            assert_eq!(range.may_hold_any(&runs.iter().copied().collect()), expected, "{stats:?} {runs:?}");
            assert_eq!(runs.iter().any(|run| range.may_hold(run)), expected, "{stats:?} {runs:?}");
        };
        let some = Some(r#"{"minValues":{"run_id":"b"},"maxValues":{"run_id":"d"}}"#);
        check(some, &["c"], true);
        check(some, &["b"], true);
        check(some, &["d"], true);
        check(some, &["a", "e"], false);
        check(some, &[], false);
        // A maximum that was too long to be kept.
        check(Some(r#"{"minValues":{"run_id":"b"},"maxValues":{}}"#), &["a"], true);
        check(Some("torn"), &["a"], true);
        check(None, &["a"], true);

        let stats = r#"{"numRecords":7,"minValues":{"run_id":"b","time_unix_nano":10},
                        "maxValues":{"run_id":"d","time_unix_nano":20}}"#;
        let mut tail = Tail::default();
        tail.committed("a file".into(), Some(stats), points);
        let check = |tail: &Tail, run: &str, from: i64, expected: &[(i64, i64, usize)]| {
            let found: Vec<_> =
                tail.files_from(run, from).iter().map(|file| (file.first, file.last, file.rows)).collect();
            assert_eq!(found, expected, "{run} {from}");
        };
        check(&tail, "c", i64::MIN, &[(10, 20, 7)]);
        check(&tail, "c", 20, &[(10, 20, 7)]);
        check(&tail, "c", 21, &[]);
        check(&tail, "a", 0, &[]);
        tail.committed("another".into(), None, points);
        check(&tail, "a", 0, &[(i64::MIN, i64::MAX, usize::MAX)]);
    }

    #[test]
    fn paths_are_decoded() {
        let check = |text: &str, expected: &str| assert_eq!(percent_decoded(text), expected);
        check("part-1.parquet", "part-1.parquet");
        check("a%20b%C3%BC", "a bü");
        check("100%", "100%");
        check("%zz%2", "%zz%2");
    }
}

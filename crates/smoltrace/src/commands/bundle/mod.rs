//! `smoltrace bundle DIR`: the web UI with the API's answers as files, for any web server to host.
//!
//! Which answer stands in which file is known to two: this module and `ui/src/api/bundle`.

mod comparisons;

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use smoltrace_server::{AppState, Query, ServerOptions, ui_files};
use smoltrace_store::Store;

use self::comparisons::{Comparison, Kinds};
use super::{api, find_run, open_to_read, print_json, say};
use crate::{cli::BundleArgs, config::Config, exit::UsageError, output::progress::Progress};

/// Runs of one request, spans of one file, samples of one line.
const PAGE: usize = 10_000;
const SPANS_A_FILE: usize = 500;
const MAX_POINTS: &str = "5000";
/// File names may be no longer on common systems.
const LONGEST_NAME: usize = 200;
const TABLES: [&str; 4] = ["leaderboard", "results", "traces", "metrics"];
const FORMATS: [&str; 3] = ["json", "csv", "parquet"];

pub async fn run(args: &BundleArgs, config: &Config) -> Result<()> {
    let store = open_to_read(&config.data_dir).await?;
    let named = comparisons::named(&store, &args.compare).await?;
    let chosen = chosen(&store, &args.runs, &named).await?;
    if args.dir.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
        return Err(UsageError(format!(
            "{} is not empty; name a folder that is, or that is not there yet",
            args.dir.display()
        ))
        .into());
    }
    let bundle = Bundle {
        state: AppState::new(store.clone(), ServerOptions::default()),
        dir: args.dir.clone(),
        downloads: !args.no_downloads,
    };
    let mut runs = Vec::new();
    for page in 1.. {
        let mut query = Query::at(&["api", "v1", "runs"]);
        query.add("page_size", &PAGE.to_string()).add("page", &page.to_string());
        let mut answer: Value = serde_json::from_slice(&bundle.ask(&query).await?)?;
        let items = answer["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
        let last = items.len() < PAGE;
        runs.extend(items);
        if last {
            break;
        }
    }
    if !args.runs.is_empty() {
        runs.retain(|run| run["run_id"].as_str().is_some_and(|id| chosen.iter().any(|one| one == id)));
    }
    let ranked = runs.iter().filter_map(|run| run["run_id"].as_str());
    let planned = comparisons::planned(&ranked.collect::<Vec<_>>(), args.pairs, named);
    let total = (chosen.len() + planned.len()) as u64;
    let mut progress = Progress::items(config.progress, "bundling");
    let mut kinds = HashMap::new();
    for (done, run_id) in (1..).zip(&chosen) {
        kinds.insert(run_id.as_str(), bundle.add(run_id).await?);
        progress.update(done, total);
    }
    let mut comparisons = Vec::new();
    for (done, runs) in (chosen.len() as u64 + 1..).zip(planned) {
        comparisons.push(bundle.compare(runs, &kinds).await?);
        progress.update(done, total);
    }
    drop(progress);
    bundle.write(
        Path::new("data/comparisons.json"),
        &serde_json::to_vec(&json!({ "items": comparisons, "paired": args.pairs.min(runs.len()) }))?,
    )?;
    bundle.write(Path::new("data/runs.json"), &serde_json::to_vec(&json!({ "items": runs }))?)?;
    // The page last: until it is there, nobody sees half a bundle.
    for (path, bytes) in ui_files() {
        if path != "index.html" {
            bundle.write(Path::new(&path), &bytes)?;
        }
    }
    let (_, page) = ui_files()
        .find(|(path, _)| path == "index.html")
        .context("this binary was built without the web UI; build ui/ and the binary again")?;
    bundle.write(Path::new("index.html"), index(&String::from_utf8_lossy(&page))?.as_bytes())?;
    if config.json {
        let told = json!({ "path": args.dir, "runs": chosen, "comparisons": comparisons.len() });
        return print_json(&told);
    }
    say(&format!(
        "{} runs and {} comparisons are in {}; host the folder with any web server",
        chosen.len(),
        comparisons.len(),
        args.dir.display()
    ))
}

/// The ids asked for and those that are compared with them, or all.
async fn chosen(store: &Store, names: &[String], compared: &[Vec<String>]) -> Result<Vec<String>> {
    if names.is_empty() {
        return Ok(store.runs().await?.iter().map(|run| run.run_id.clone()).collect());
    }
    let mut chosen = Vec::new();
    for name in names {
        chosen.push(find_run(store, name).await?.run_id);
    }
    chosen.extend(compared.iter().flatten().cloned());
    chosen.sort();
    chosen.dedup();
    Ok(chosen)
}

/// The page with relative addresses, told where its data is.
fn index(page: &str) -> Result<String> {
    const HEAD: &str = "<head>";
    if !page.contains(HEAD) || !page.contains("=\"/assets/") {
        bail!("this binary was built without the web UI; build ui/ and the binary again");
    }
    let told = format!("{HEAD}\n    <meta name=\"smoltrace-data\" content=\"data\" />");
    Ok(page.replacen(HEAD, &told, 1).replace("=\"/", "=\"./"))
}

struct Bundle {
    state: AppState,
    dir: PathBuf,
    downloads: bool,
}

impl Bundle {
    async fn ask(&self, query: &Query) -> Result<Vec<u8>> {
        api::ask_state(self.state.clone(), query).await
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> Result<()> {
        let path = self.dir.join(path);
        let written = path.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&path, bytes));
        written.with_context(|| format!("cannot write {}", path.display()))
    }

    /// Writes what there is of a run; gives what its executions are told apart by.
    async fn add(&self, run_id: &str) -> Result<Kinds> {
        let name = folder(run_id);
        if name.len() > LONGEST_NAME {
            return Err(
                UsageError(format!("the id of run `{run_id}` is too long for a folder's name")).into()
            );
        }
        let folder = Path::new("data/runs").join(name);
        let at = |rest: &[&str]| {
            let mut segments = vec!["api", "v1", "runs", run_id];
            segments.extend(rest);
            Query::at(&segments)
        };
        let (mut results, mut metrics) = (at(&["results"]), at(&["metrics"]));
        results.add("page_size", &PAGE.to_string());
        metrics.add("max_points", MAX_POINTS);
        let answers = [
            ("run.json", at(&[])),
            ("results.json", results),
            ("metrics.json", metrics),
            ("performance.json", at(&["performance"])),
            ("report.html", at(&["report"])),
            ("traces.json", at(&["traces"])),
        ];
        let mut traces = Value::Null;
        let mut kinds = Kinds::default();
        for (file, query) in answers {
            let body = self.ask(&query).await?;
            self.write(&folder.join(file), &body)?;
            match file {
                "traces.json" => traces = serde_json::from_slice(&body)?,
                "results.json" => kinds = Kinds::of(&serde_json::from_slice(&body)?),
                _ => {}
            }
        }
        for trace in traces["items"].as_array().into_iter().flatten() {
            let Some(trace_id) = trace["trace_id"].as_str() else { continue };
            let of_trace = folder.join("traces").join(self::folder(trace_id));
            self.write(&of_trace.join("trace.json"), &self.ask(&at(&["traces", trace_id])).await?)?;
            self.write(&of_trace.join("otlp.json"), &self.ask(&at(&["traces", trace_id, "otlp"])).await?)?;
            for page in 1.. {
                let mut spans = at(&["traces", trace_id, "spans"]);
                spans.add("page_size", &SPANS_A_FILE.to_string()).add("page", &page.to_string());
                let body = self.ask(&spans).await?;
                let total: Value = serde_json::from_slice(&body)?;
                self.write(&of_trace.join(format!("spans-{page}.json")), &body)?;
                if total["total"].as_u64().unwrap_or(0) <= (page * SPANS_A_FILE) as u64 {
                    break;
                }
            }
        }
        if self.downloads {
            for file in TABLES.iter().flat_map(|table| FORMATS.map(|format| format!("{table}.{format}"))) {
                self.write(
                    &folder.join("download").join(&file),
                    &self.ask(&at(&["download", &file])).await?,
                )?;
            }
        }
        Ok(kinds)
    }

    /// Writes the comparison of runs, the first against the others, in each pairing that says something of its own.
    async fn compare(&self, runs: Vec<String>, kinds: &HashMap<&str, Kinds>) -> Result<Comparison> {
        let of_runs: Vec<&Kinds> = runs.iter().filter_map(|run| kinds.get(run.as_str())).collect();
        let pair_by = comparisons::pairings(&of_runs);
        let folder = runs.iter().fold(PathBuf::from("data/compare"), |path, run| path.join(folder(run)));
        for pairing in &pair_by {
            let mut query = Query::at(&["api", "v1", "compare"]);
            for run in &runs {
                query.add("runs", run);
            }
            query.add("pair_by", pairing);
            self.write(&folder.join(format!("{pairing}.json")), &self.ask(&query).await?)?;
        }
        Ok(Comparison { runs, pair_by })
    }
}

/// An id as a folder's name that no web server and no address changes; different ids have different names.
fn folder(id: &str) -> String {
    let mut name = String::with_capacity(id.len());
    for (at, byte) in id.bytes().enumerate() {
        match byte {
            b'.' if at == 0 => name.push_str("_2e"),
            byte if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.') => name.push(byte.into()),
            byte => name.push_str(&format!("_{byte:02x}")),
        }
    }
    if name.is_empty() { "_".into() } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_become_names_that_nothing_changes() {
        let check = |id: &str, expected: &str| assert_eq!(folder(id), expected);
        check("5d0c1f0e-2f0a", "5d0c1f0e-2f0a");
        check("../../etc/passwd", "_2e._2f.._2fetc_2fpasswd");
        check("a_b c%20", "a_5fb_20c_2520");
        check("é", "_c3_a9");
        check(".", "_2e");
        check("", "_");
    }

    #[test]
    fn the_page_finds_its_files_wherever_it_is_hosted() {
        let page = index("<html><head><script src=\"/assets/a.js\"></script><link href=\"/favicon.svg\">")
            .expect("a page");
        assert!(page.contains("\"./assets/a.js\"") && page.contains("\"./favicon.svg\""), "{page}");
        assert!(page.contains("name=\"smoltrace-data\" content=\"data\""), "{page}");
        assert!(index("<html><head><title>placeholder").is_err());
    }
}

//! `smoltrace compare`: runs side by side, and conditions that fail a build. Asks the REST API in process, so
//! that terminal, browser and build can never disagree.

use std::path::Path;

use anyhow::{Context, Result};
use serde_json::Value;
use smoltrace_model::compare::{
    Against, Change, Comparison, Gate, GateOutcome, GateStatus, Metric, MetricDifference, Verdict,
};
use smoltrace_server::{Query, routes::compare::RunsCompared};

use super::{api, find_run, open_to_read, print_json, write_stdout};
use crate::{
    cli::{CompareArgs, PairBy},
    config::Config,
    exit::{GatesFailed, UsageError},
    output::{
        format, junit, markdown,
        table::{self, Tone, left, right},
    },
};

/// What the gates said of one run.
pub type Gated<'a> = (&'a Against, Vec<GateOutcome>);

pub async fn run(args: &CompareArgs, config: &Config) -> Result<()> {
    let gates = args.fail_if.iter().map(|text| Gate::parse(text)).collect::<Result<Vec<Gate>, _>>();
    let gates = gates.map_err(|error| UsageError(error.to_string()))?;
    let store = open_to_read(&config.data_dir).await?;
    let mut query = Query::at(&["api", "v1", "compare"]);
    for run in &args.runs {
        query.add("runs", &find_run(&store, run).await?.run_id);
    }
    query.add(
        "pair_by",
        match args.pair_by {
            PairBy::Test => "test",
            PairBy::Attempt => "attempt",
            PairBy::Id => "id",
        },
    );
    let mut answer: Value = api::get(&store, &query).await?;
    let compared: RunsCompared = serde_json::from_value(answer.clone())?;
    let comparison = &compared.comparison;
    let gated: Vec<Gated<'_>> = comparison
        .against_first
        .iter()
        .map(|against| {
            let look = |gate: &Gate| gate.check(against, args.require_significant);
            (against, gates.iter().map(look).collect())
        })
        .collect();

    if let Some(file) = &args.junit {
        write(file, &junit::report(comparison, &gated))?;
    }
    let to_stdout = args.markdown.as_deref() == Some(Path::new("-"));
    if let Some(file) = args.markdown.as_deref().filter(|_| !to_stdout) {
        write(file, &markdown::report(comparison, &gated))?;
    }
    if to_stdout {
        write_stdout(markdown::report(comparison, &gated).as_bytes())?;
    } else if config.json {
        let outcomes: Vec<_> = gated
            .iter()
            .map(|(against, outcomes)| serde_json::json!({ "run": against.run, "outcomes": outcomes }))
            .collect();
        answer["gates"] = Value::Array(outcomes);
        print_json(&answer)?;
    } else {
        write_stdout(terminal(comparison, &gated, args.tests, config.color).as_bytes())?;
    }
    verdict(comparison, &gated)
}

fn write(file: &Path, text: &str) -> Result<()> {
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}

/// Success, or the conditions that were not met.
fn verdict(comparison: &Comparison, gated: &[Gated<'_>]) -> Result<()> {
    let failed: Vec<String> = gated
        .iter()
        .flat_map(|(against, outcomes)| outcomes.iter().map(move |outcome| (against, outcome)))
        .filter(|(_, outcome)| outcome.status != GateStatus::Passed)
        .map(|(against, outcome)| {
            let letter = &comparison.runs[against.run].letter;
            let unknown =
                if outcome.status == GateStatus::Unknown { "unknown, taken as failed: " } else { "" };
            format!("\n  {letter}: {}: {unknown}{}", outcome.gate, outcome.reason)
        })
        .collect();
    match failed.len() {
        0 => Ok(()),
        n => Err(GatesFailed(format!(
            "{n} {} not met{}",
            if n == 1 { "condition was" } else { "conditions were" },
            failed.concat()
        ))
        .into()),
    }
}

fn terminal(comparison: &Comparison, gated: &[Gated<'_>], all_tests: bool, color: bool) -> String {
    let mut out = String::new();
    for run in &comparison.runs {
        let simulated = if run.simulated { "  [simulated]" } else { "" };
        out.push_str(&format!(
            "{}  {}  {}{simulated}\n",
            run.letter,
            format::text(&run.model, 60),
            format::text(&run.run_id, 60)
        ));
    }
    for (against, outcomes) in gated {
        out.push_str(&format!("\n{}\n", heading(comparison, against)));
        out.push_str(&metrics(comparison, against, color));
        let tests = changed_tests(comparison, against, all_tests, color);
        if !tests.is_empty() {
            out.push('\n');
            out.push_str(&tests);
        }
        if !outcomes.is_empty() {
            out.push('\n');
            out.push_str(&gates(outcomes, color));
        }
    }
    if !comparison.notes.is_empty() {
        out.push('\n');
    }
    for note in &comparison.notes {
        out.push_str(&format!("note: {note}\n"));
    }
    out
}

/// What is compared with what, and what became of the tests.
pub fn heading(comparison: &Comparison, against: &Against) -> String {
    let (first, this) = (&comparison.runs[0].letter, &comparison.runs[against.run].letter);
    let counts = &against.counts;
    let mut text = format!(
        "{this} against {first}, {} {} in both: {} fixed, {} broken, {} pass and {} fail in both",
        counts.common,
        if counts.common == 1 { "test" } else { "tests" },
        counts.fixed,
        counts.broken,
        counts.both_pass,
        counts.both_fail
    );
    if counts.unscored > 0 {
        text.push_str(&format!(", {} without a verdict", counts.unscored));
    }
    if let Some(p) = against.p_value {
        text.push_str(&format!("; p = {}", format::significant(p)));
    }
    text
}

fn metrics(comparison: &Comparison, against: &Against, color: bool) -> String {
    let (first, this) = (&comparison.runs[0].letter, &comparison.runs[against.run].letter);
    let mut columns =
        vec![left("metric", 0), right("", 0), right("", 0), right("difference", 0), right("%", 3)];
    columns[1].title = first.clone().into();
    columns[2].title = this.clone().into();
    columns.extend([left("95% interval", 2), left("verdict", 0), left("because", 4)]);
    let rows: Vec<_> = against
        .metrics
        .iter()
        .map(|of| {
            let plain = |text: String| (text, Tone::Plain);
            let tone = match of.verdict {
                Verdict::Better => Tone::Good,
                Verdict::Worse => Tone::Bad,
                Verdict::Tie | Verdict::Undecided => Tone::Dim,
            };
            vec![
                plain(name(of.metric).to_owned()),
                plain(format::metric(of.first, &of.unit)),
                plain(format::metric(of.this, &of.unit)),
                plain(format::difference(of.difference, &of.unit)),
                (format::difference(of.difference_percent, "%%"), Tone::Dim),
                (interval(of), Tone::Dim),
                (verdict_word(of.verdict).to_owned(), tone),
                (of.reason.clone(), Tone::Dim),
            ]
        })
        .collect();
    table::render(&columns, &rows, table::terminal_width(), color)
}

/// The interval of a difference, or that there is none.
pub fn interval(of: &MetricDifference) -> String {
    match (of.ci_low, of.ci_high) {
        (Some(low), Some(high)) => format!(
            "{} to {}",
            format::difference(Some(low), &of.unit),
            format::difference(Some(high), &of.unit)
        ),
        _ => format::UNKNOWN.into(),
    }
}

pub const fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Better => "better",
        Verdict::Worse => "worse",
        Verdict::Tie => "tie",
        Verdict::Undecided => "undecided",
    }
}

/// What a metric is called before people.
pub const fn name(metric: Metric) -> &'static str {
    match metric {
        Metric::SuccessRate => "success rate",
        Metric::AvgSteps => "steps per test",
        Metric::TotalDurationMs => "duration",
        Metric::TotalTokens => "tokens",
        Metric::TotalCostUsd => "model cost",
        Metric::EnergyWh => "energy",
        Metric::Co2EmissionsG => "CO2e",
        Metric::PowerCostTotalUsd => "power cost",
        Metric::Co2PerSuccessG => "CO2e per success",
        Metric::EnergyPerSuccessWh => "energy per success",
        Metric::CostPerSuccessUsd => "model cost per success",
        Metric::TokensPerSuccess => "tokens per success",
        Metric::SecondsPerSuccess => "time per success",
    }
}

pub const fn change_word(change: Change) -> &'static str {
    match change {
        Change::Fixed => "fixed",
        Change::Broken => "broken",
        Change::BothPass => "pass in both",
        Change::BothFail => "fail in both",
        Change::Unscored => "no verdict",
        Change::OnlyFirst => "only in the first",
        Change::OnlyThis => "only here",
        Change::Neither => "in neither",
    }
}

fn changed_tests(comparison: &Comparison, against: &Against, all: bool, color: bool) -> String {
    let rows: Vec<_> = comparison
        .tests
        .iter()
        .map(|line| (line, line.changes[against.run - 1]))
        .filter(|(_, change)| *change != Change::Neither)
        .filter(|(_, change)| all || matches!(change, Change::Fixed | Change::Broken))
        .map(|(line, change)| {
            let attempt = line.attempt.map_or(String::new(), |attempt| format!(" #{attempt}"));
            let tone = match change {
                Change::Fixed => Tone::Good,
                Change::Broken => Tone::Bad,
                _ => Tone::Dim,
            };
            let cell = line.cells[against.run].as_ref();
            let error = cell.and_then(|cell| cell.error.as_deref()).unwrap_or_default();
            vec![
                (format!("{}{attempt}", format::text(&line.test, 60)), Tone::Plain),
                (change_word(change).to_owned(), tone),
                (format::text(error, 70), Tone::Dim),
            ]
        })
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let columns = [left("test", 0), left("what became of it", 0), left("error", 1)];
    table::render(&columns, &rows, table::terminal_width(), color)
}

fn gates(outcomes: &[GateOutcome], color: bool) -> String {
    let rows: Vec<_> = outcomes
        .iter()
        .map(|outcome| {
            let (word, tone) = match outcome.status {
                GateStatus::Passed => ("met", Tone::Good),
                GateStatus::Failed => ("FAILED", Tone::Bad),
                GateStatus::Unknown => ("UNKNOWN", Tone::Bad),
            };
            vec![
                (word.to_owned(), tone),
                (format::text(&outcome.gate, 80), Tone::Plain),
                (outcome.reason.clone(), Tone::Dim),
            ]
        })
        .collect();
    let columns = [left("gate", 0), left("fails if", 0), left("found", 0)];
    table::render(&columns, &rows, table::terminal_width(), color)
}

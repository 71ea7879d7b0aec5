//! What the terminal shows of a run. Consumes events; knows nothing else of the runner.

use std::time::Duration;

use anyhow::Result;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use smoltrace_eval::{
    run::{Event, Meter, Spent, Stop, Summary, Totals},
    task::TaskSet,
};
use smoltrace_model::rows::{RunRow, Source};

use super::super::{print_json, say};
use crate::{
    config::Config,
    output::format,
    power::{Now, Pending},
};

pub struct View {
    bar: ProgressBar,
    json: bool,
    quiet: bool,
    run_id: String,
    model: String,
    notes: Vec<String>,
    already: usize,
    passed: usize,
    failed: usize,
    tests: Vec<Summary>,
    spent: Spent,
    /// As last measured.
    power: Option<Now>,
    /// Power and energy in words.
    power_text: String,
}

impl View {
    pub fn new(config: &Config, run_id: &str, model: &str, already: usize, notes: Vec<String>) -> Self {
        let target =
            if config.progress { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(None, target);
        if let Ok(style) = ProgressStyle::with_template("{bar:24} {pos}/{len} {msg} {elapsed} eta {eta}") {
            bar.set_style(style);
        }
        Self {
            bar,
            json: config.json,
            quiet: config.quiet,
            run_id: run_id.into(),
            model: model.into(),
            notes,
            already,
            passed: 0,
            failed: 0,
            tests: Vec::new(),
            spent: Spent::default(),
            power: None,
            power_text: String::new(),
        }
    }

    fn tells(&self) -> bool {
        !self.json && !self.quiet
    }

    pub fn begin(&self, tasks: &TaskSet, power: Option<&Pending>) -> Result<()> {
        if !self.tells() {
            return Ok(());
        }
        say(&format!("run     {}", self.run_id))?;
        say(&format!("model   {}", format::text(&self.model, 80)))?;
        say(&format!("tasks   {} of {}", tasks.tasks.len(), format::text(&tasks.name, 80)))?;
        if let Some(power) = power {
            say(&format!("power   {}", format::text(&power.describe(), 300)))?;
        }
        for note in self.notes.iter().chain(&tasks.notes) {
            say(&format!("note    {}", format::text(note, 300)))?;
        }
        if self.already > 0 {
            say(&format!("done    {} tests have a result and are not run again", self.already))?;
        }
        Ok(())
    }

    pub fn show(&mut self, event: &Event, spent: Spent) {
        match event {
            Event::RunStarted { executions, .. } => {
                self.bar.set_length(*executions as u64);
                self.bar.enable_steady_tick(Duration::from_millis(250));
            }
            Event::TestStarted { .. } | Event::RunFinished(_) => {}
            Event::TestFinished(summary) => self.finished(summary, spent),
            Event::RunStopping(stop) => {
                let why = match stop {
                    Stop::Asked => "stopping: the tests that run are cut off and recorded",
                    Stop::Limit(limit) => limit.as_str(),
                    Stop::Storage(error) => error.as_str(),
                };
                self.line(&format!("stop    {}", format::text(why, 300)));
            }
        }
    }

    fn finished(&mut self, summary: &Summary, spent: Spent) {
        let word = match summary.success {
            Some(true) => {
                self.passed += 1;
                "pass"
            }
            Some(false) => {
                self.failed += 1;
                "FAIL"
            }
            None => "cut",
        };
        let attempt = if summary.attempt > 1 { format!(" #{}", summary.attempt) } else { String::new() };
        let why = match &summary.reason {
            Some(reason) => format!("  {}", format::text(&reason.replace('\n', " "), 160)),
            None => String::new(),
        };
        self.line(&format!(
            "{word:<4}  {}{attempt}  {} steps, {} tokens, {:.0} ms{why}",
            format::text(&summary.test_uid, 60),
            summary.steps,
            summary.input_tokens + summary.output_tokens,
            summary.duration_ms
        ));
        self.spent = spent;
        self.tell();
        self.bar.inc(1);
        if self.json {
            self.tests.push(summary.clone());
        }
    }

    /// Power now, and energy so far.
    pub fn measured(&mut self, now: Now) {
        let power_w = self.power.replace(now).and_then(|before| now.power_w(&before));
        let simulated = if now.is_simulated { " [simulated]" } else { "" };
        let power = power_w.map_or(String::new(), |_| format!(", {}", format::unit(power_w, "W")));
        let energy = format::watt_hours(Some(now.energy_wh()));
        self.power_text = format!("{power}, {energy}{simulated}");
        self.tell();
    }

    /// What is said beside the bar.
    fn tell(&self) {
        let (spent, scored) = (self.spent, self.passed + self.failed);
        let cost = if spent.cost_usd > 0.0 { format!(", ${:.4}", spent.cost_usd) } else { String::new() };
        let power = &self.power_text;
        self.bar
            .set_message(format!("{}/{scored} passed, {} tokens{cost}{power}", self.passed, spent.tokens));
    }

    /// Prints a line above the bar.
    fn line(&self, line: &str) {
        if self.tells() {
            // Whoever closed our output does not want the lines.
            self.bar.suspend(|| say(line).ok());
        }
    }

    pub fn end(&self) {
        self.bar.finish_and_clear();
    }

    /// What came out.
    pub fn report(&self, row: &RunRow, totals: &Totals, meter: &Meter, troubles: &[String]) -> Result<()> {
        if self.json {
            let run = serde_json::to_value(row)?;
            return print_json(
                &json!({"run_id": row.run_id, "totals": totals, "spent": meter.spent(), "judged": meter.judged(),
                "run": run, "tests": self.tests, "troubles": troubles}),
            );
        }
        if self.quiet {
            return Ok(());
        }
        let or_dash = |value: Option<String>| value.unwrap_or_else(|| "-".into());
        say(&format!(
            "{} of {} tests passed ({}), {} tokens, {} USD{}",
            row.successful_tests,
            row.successful_tests + row.failed_tests,
            or_dash(row.success_rate.map(|rate| format!("{rate:.1}%"))),
            or_dash(row.total_tokens.map(|tokens| tokens.to_string())),
            or_dash(row.total_cost_usd.map(|usd| format!("{usd:.6}"))),
            if row.simulated { ", simulated" } else { "" },
        ))?;
        if let Some(energy_wh) = row.energy_wh {
            say(&format!(
                "energy {} [{}], CO2 {}, power cost {}",
                format::watt_hours(Some(energy_wh)),
                row.energy_source.as_str(),
                format::grams(known(row.co2_emissions_g, row.co2_source)),
                format::usd(known(row.power_cost_total_usd, row.power_cost_source)),
            ))?;
        }
        let judged = meter.judged();
        if judged != Spent::default() {
            let cost = (judged.unpriced_calls == 0).then_some(judged.cost_usd);
            let tokens = (judged.tokens > 0).then(|| judged.tokens.to_string());
            say(&format!("judge  {} tokens, {}, beside these", or_dash(tokens), format::usd(cost)))?;
        }
        if totals.interrupted + totals.not_run > 0 {
            say(&format!("{} cut off, {} not run", totals.interrupted, totals.not_run))?;
        }
        for trouble in troubles {
            say(&format!("note    {}", format::text(trouble, 300)))?;
        }
        say(&format!("smoltrace show {}", row.run_id))
    }
}

/// A published 0 is unknown where nothing is its source.
fn known(value: f64, source: Source) -> Option<f64> {
    (source != Source::None).then_some(value)
}

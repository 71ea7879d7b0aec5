//! `smoltrace show RUN`: totals with their sources, the tests, and what the source's own row said.

use anyhow::Result;
use serde_json::Value;
use smoltrace_model::{
    account::DeviceFigures,
    estimate::{Estimate, EstimateRange},
};
use smoltrace_server::{
    Query, Run, TestResult,
    routes::{results::ResultsPage, run::RunDetail},
};

use super::{api, find_run, open_to_read, print_json, write_stdout};
use crate::{
    cli::ShowArgs,
    config::Config,
    output::{
        format,
        table::{self, Tone, left, right},
    },
};

pub async fn run(args: &ShowArgs, config: &Config) -> Result<()> {
    let store = open_to_read(&config.data_dir).await?;
    let run_id = find_run(&store, &args.run).await?.run_id;
    let detail_query = Query::at(&["api", "v1", "runs", &run_id]);
    let mut results_query = Query::at(&["api", "v1", "runs", &run_id, "results"]);
    results_query.add("page_size", "10000");
    if config.json {
        let mut shown: Value = api::get(&store, &detail_query).await?;
        let results: Value = api::get(&store, &results_query).await?;
        shown["results"] = results["items"].clone();
        shown["totals"] = results["totals"].clone();
        return print_json(&shown);
    }
    let detail: RunDetail = api::get(&store, &detail_query).await?;
    let results: ResultsPage = api::get(&store, &results_query).await?;
    let mut out = String::new();
    head(&detail.run, &mut out);
    out.push('\n');
    out.push_str(&totals(&detail.run, config));
    if !detail.accounting.devices.is_empty() {
        out.push('\n');
        out.push_str(&devices(&detail.accounting.devices, config));
    }
    if let Some(estimate) = &detail.accounting.estimate {
        out.push_str(&estimated(estimate));
    }
    if !detail.differences.is_empty() {
        out.push_str("\nIts own row said otherwise\n");
        out.push_str(&differences(&detail, config));
    }
    out.push_str("\nTests\n");
    out.push_str(&tests(&results, &detail.run, config));
    write_stdout(out.as_bytes())
}

fn head(run: &Run, out: &mut String) {
    let simulated = if run.simulated { "  [simulated]" } else { "" };
    out.push_str(&format!("{}{simulated}\n", format::text(&run.model, 120)));
    let mut line = |label: &str, value: Option<&str>| {
        if let Some(value) = value {
            out.push_str(&format!("{label:<10} {}\n", format::text(value, 120)));
        }
    };
    line("run", Some(&run.run_id));
    line("status", Some(run.status.as_str()));
    line("agent", Some(&run.agent_type));
    line("recorded", run.timestamp.as_deref());
    line("hardware", run.hardware.as_deref());
    line("tasks", run.dataset_used.as_deref());
    line("by", run.submitted_by.as_deref());
    line("notes", run.notes.as_deref());
}

fn totals(run: &Run, config: &Config) -> String {
    let success = run.success_rate.map_or(format::UNKNOWN.into(), |rate| {
        let interval = match (run.success_rate_ci_low, run.success_rate_ci_high) {
            (Some(low), Some(high)) => format!(" (95% {low:.1} to {high:.1})"),
            _ => String::new(),
        };
        format!("{rate:.2}%{interval}")
    });
    let passed = format!("{} of {} tests", run.successful_tests, run.total_tests);
    let gpus = match run.gpu_count {
        0 => format::UNKNOWN.into(),
        n => format!(
            "{n}, utilisation {} avg, {} max",
            format::unit(run.gpu_utilization_avg, "%"),
            format::unit(run.gpu_utilization_max, "%")
        ),
    };
    let rest = |value: String| format!("{value} while no test ran");
    let rows = [
        ("success", success, passed),
        (
            "duration",
            format::duration(run.total_duration_ms),
            format!("{} wall clock", format::duration(run.wall_ms)),
        ),
        ("tokens", format::count(run.total_tokens), "at the deepest spans that bear usage".into()),
        ("model cost", format::usd(run.total_cost_usd), run.cost_source.to_string()),
        (
            "CO2e",
            format::grams(run.co2_emissions_g),
            format!("{}, {}", run.co2_source, rest(format::grams(run.unattributed_co2_g))),
        ),
        (
            "power cost",
            format::usd(run.power_cost_total_usd),
            format!("{}, {}", run.power_cost_source, rest(format::usd(run.unattributed_power_cost_usd))),
        ),
        (
            "energy",
            format::watt_hours(run.energy_wh),
            format!("{}, {}", run.energy_source, rest(format::watt_hours(run.unattributed_energy_wh))),
        ),
        ("GPUs", gpus, String::new()),
    ];
    let rows: Vec<_> = rows
        .into_iter()
        .map(|(label, value, note)| {
            vec![(label.to_owned(), Tone::Plain), (value, Tone::Plain), (note, Tone::Dim)]
        })
        .collect();
    table::render(
        &[left("total", 0), right("value", 0), left("source", 1)],
        &rows,
        table::terminal_width(),
        config.color,
    )
}

/// What each device used, and what that was multiplied by.
fn devices(devices: &[DeviceFigures], config: &Config) -> String {
    let row = |device: &DeviceFigures| {
        let joules = format!("{:.3} J", device.energy_j);
        let chain = device.factors.as_ref().map_or(joules.clone(), |factors| {
            format!("{joules} x PUE {} x {} g/kWh", factors.pue, factors.intensity.g_per_kwh)
        });
        let mut notes = vec![format!("{}, by its {}", device.source, device.method)];
        if device.is_part {
            notes.push("in the energy of another device, not added".into());
        }
        if device.uncovered_s > 0.0 {
            notes.push(format!("{:.1} s not covered", device.uncovered_s));
        }
        if let Some(idle_w) = device.idle_power_w {
            notes.push(format!("{} idle", format::unit(Some(idle_w), "W")));
        }
        vec![
            (format::text(&device.device, 48), if device.is_part { Tone::Dim } else { Tone::Plain }),
            (format::watt_hours(Some(device.energy_wh)), Tone::Plain),
            (format::grams(device.co2_emissions_g), Tone::Plain),
            (chain, Tone::Plain),
            (notes.join("; "), Tone::Dim),
        ]
    };
    let columns =
        [left("device", 0), right("energy", 0), right("CO2e", 1), left("made of", 2), left("source", 3)];
    let rows: Vec<_> = devices.iter().map(row).collect();
    table::render(&columns, &rows, table::terminal_width(), config.color)
}

fn estimated(estimate: &Estimate) -> String {
    let range = |range: Option<EstimateRange>, show: fn(Option<f64>) -> String| match range {
        Some(EstimateRange { low, high }) => format!("{} to {}", show(Some(low)), show(Some(high))),
        None => show(None),
    };
    let mut text = format!(
        "\nEstimated beside these, in none of them: {} and {} CO2e for {} call(s) to hosted models\n  {}\n",
        range(estimate.energy_wh, format::watt_hours),
        range(estimate.co2_emissions_g, format::grams),
        estimate.calls,
        format::text(&estimate.method, 120),
    );
    if estimate.calls_without > 0 {
        let models = estimate.models_without.join(", ");
        text.push_str(&format!(
            "  {} call(s) without: no published size, or no output tokens ({})\n",
            estimate.calls_without,
            format::text(&models, 200),
        ));
    }
    text
}

fn differences(detail: &RunDetail, config: &Config) -> String {
    let rows: Vec<_> = detail
        .differences
        .iter()
        .map(|difference| {
            vec![
                (difference.field.clone(), Tone::Plain),
                (difference.declared.to_string(), Tone::Bad),
                (difference.computed.map_or(format::UNKNOWN.into(), |value| value.to_string()), Tone::Good),
                (difference.ratio.map_or(format::UNKNOWN.into(), |ratio| format!("{ratio:.2}x")), Tone::Dim),
            ]
        })
        .collect();
    let columns = [left("field", 0), right("its row", 0), right("computed", 0), right("ratio", 1)];
    table::render(&columns, &rows, table::terminal_width(), config.color)
}

fn tests(results: &ResultsPage, run: &Run, config: &Config) -> String {
    let columns = [
        left("test", 0),
        left("verdict", 0),
        right("steps", 5),
        right("duration", 2),
        right("tokens", 1),
        right("cost", 3),
        right("energy", 4),
        right("CO2", 0),
        right("power cost", 2),
        left("error", 6),
    ];
    let mut rows: Vec<_> = results.items.iter().map(test).collect();
    let plain = |text: String| (text, Tone::Plain);
    let blank = || (String::new(), Tone::Plain);
    rows.push(vec![
        (String::from("(no test running)"), Tone::Dim),
        blank(),
        blank(),
        blank(),
        blank(),
        blank(),
        plain(format::watt_hours(run.unattributed_energy_wh)),
        plain(format::grams(run.unattributed_co2_g)),
        plain(format::usd(run.unattributed_power_cost_usd)),
        blank(),
    ]);
    rows.push(vec![
        plain("run".into()),
        blank(),
        blank(),
        plain(format::duration(run.total_duration_ms)),
        plain(format::count(run.total_tokens)),
        plain(format::usd(run.total_cost_usd)),
        plain(format::watt_hours(run.energy_wh)),
        plain(format::grams(run.co2_emissions_g)),
        plain(format::usd(run.power_cost_total_usd)),
        blank(),
    ]);
    table::render(&columns, &rows, table::terminal_width(), config.color)
}

fn test(result: &TestResult) -> Vec<(String, Tone)> {
    let plain = |text: String| (text, Tone::Plain);
    let verdict = match result.success {
        Some(true) => ("passed".into(), Tone::Good),
        Some(false) => ("failed".into(), Tone::Bad),
        None => ("unscored".into(), Tone::Dim),
    };
    let attempt = if result.attempt > 1 { format!(" #{}", result.attempt) } else { String::new() };
    vec![
        plain(format!("{}{attempt}", format::text(&result.test_uid, 48))),
        verdict,
        plain(format::count(result.steps)),
        plain(format::duration(result.duration_ms)),
        plain(format::count(result.total_tokens)),
        plain(format::usd(result.cost_usd)),
        plain(format::watt_hours(result.energy_wh)),
        plain(format::grams(result.co2_emissions_g)),
        plain(format::usd(result.power_cost_usd)),
        (format::text(result.error.as_deref().unwrap_or_default(), 60), Tone::Dim),
    ]
}

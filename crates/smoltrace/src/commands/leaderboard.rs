//! `smoltrace leaderboard`: the runs, ranked. Asks the REST API in process, so that the terminal and the
//! browser can never disagree.

use anyhow::Result;
use serde_json::Value;
use smoltrace_server::{Query, Run, routes::runs::RunsPage};

use super::{api, open_to_read, print_json, say, write_stdout};
use crate::{
    cli::LeaderboardArgs,
    config::Config,
    output::{
        format,
        table::{self, Column, Tone, left, right},
    },
};

pub async fn run(args: &LeaderboardArgs, config: &Config) -> Result<()> {
    let store = open_to_read(&config.data_dir).await?;
    let mut query = Query::at(&["api", "v1", "runs"]);
    query.add("sort", &args.sort).add("page_size", &args.limit.clamp(1, 10_000).to_string());
    if let Some(agent_type) = &args.agent_type {
        query.add("agent_type", agent_type);
    }
    if let Some(text) = &args.text {
        query.add("q", text);
    }
    if config.json {
        return print_json(&api::get::<Value>(&store, &query).await?);
    }
    let page: RunsPage = api::get(&store, &query).await?;
    if page.items.is_empty() {
        say(
            "no runs; `smoltrace import PATH` brings recorded ones in, `smoltrace demo` shows how they look",
        )?;
        return Ok(());
    }
    let rows: Vec<_> = page.items.iter().map(cells).collect();
    let text = table::render(&columns(), &rows, table::terminal_width(), config.color);
    write_stdout(text.as_bytes())?;
    let summary = page.summary;
    say(&format!(
        "\n{} runs, {} tests, {} tokens, {}, {} CO2e, {} of power, {}{}",
        format::count(Some(summary.runs)),
        format::count(Some(summary.tests)),
        format::count(summary.total_tokens),
        format::usd(summary.total_cost_usd),
        format::grams(summary.co2_emissions_g),
        format::usd(summary.power_cost_total_usd),
        format::watt_hours(summary.energy_wh),
        match summary.simulated_runs {
            0 => String::new(),
            n => format!("; {n} simulated"),
        }
    ))?;
    if page.total > page.items.len() {
        say(&format!("the first {} of {}; --limit N shows more", page.items.len(), page.total))?;
    }
    Ok(())
}

fn columns() -> Vec<Column> {
    vec![
        right("#", 0),
        left("model", 0),
        left("run", 4),
        left("agent", 8),
        right("success", 0),
        left("95%", 6),
        right("tests", 7),
        right("duration", 5),
        right("tokens", 3),
        right("cost", 3),
        right("CO2", 0),
        right("power cost", 2),
        right("energy", 3),
        right("CO2/success", 6),
        right("GPUs", 9),
        right("util", 9),
        left("source", 5),
        left("", 1),
    ]
}

fn cells(run: &Run) -> Vec<(String, Tone)> {
    let plain = |text: String| (text, Tone::Plain);
    let percent = |value: Option<f64>| value.map_or(format::UNKNOWN.into(), |value| format!("{value:.1}%"));
    let interval = match (run.success_rate_ci_low, run.success_rate_ci_high) {
        (Some(low), Some(high)) => format!("{low:.0}-{high:.0}%"),
        _ => format::UNKNOWN.into(),
    };
    vec![
        plain(run.rank.map_or(format::UNKNOWN.into(), |rank| rank.to_string())),
        plain(format::text(&run.model, 44)),
        (format::text(&run.run_id, 18), Tone::Dim),
        plain(format::text(&run.agent_type, 12)),
        plain(percent(run.success_rate)),
        (interval, Tone::Dim),
        plain(match run.success_rate {
            Some(_) => format!("{}/{}", run.successful_tests, run.total_tests),
            None => format!("{}/{}", format::UNKNOWN, run.total_tests),
        }),
        plain(format::duration(run.total_duration_ms)),
        plain(format::count(run.total_tokens)),
        plain(format::usd(run.total_cost_usd)),
        plain(format::grams(run.co2_emissions_g)),
        plain(format::usd(run.power_cost_total_usd)),
        plain(format::watt_hours(run.energy_wh)),
        plain(format::grams(run.co2_per_success_g)),
        plain(if run.gpu_count > 0 { run.gpu_count.to_string() } else { format::UNKNOWN.into() }),
        plain(percent(run.gpu_utilization_avg)),
        (run.co2_source.to_string(), Tone::Dim),
        (if run.simulated { "simulated".into() } else { String::new() }, Tone::Dim),
    ]
}

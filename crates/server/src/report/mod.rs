//! A run as one self-contained HTML file: no script, nothing loaded, recorded text escaped; light, dark and print.
//!
//! Pure: the API's answers in, a document out.

mod accounting;
mod html;
mod plot;
mod quantity;
mod sections;

use smoltrace_model::rows::Source;

use self::{
    html::Html,
    quantity::{GRAMS, PERCENT, WATT_HOURS, count, duration, moment, usd, written},
};
use crate::{
    chart::Chart,
    leaderboard::time,
    routes::{performance::Performance, results::ResultsPage, run::RunDetail},
    run_columns::Run,
};

/// What a report is made of: the API's answers for one run.
pub struct Report<'a> {
    pub detail: &'a RunDetail,
    pub results: &'a ResultsPage,
    pub chart: &'a Chart,
    pub performance: &'a Performance,
}

/// Nothing may be loaded or run, whatever a reader's browser makes of the file.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// The document.
pub fn render(report: &Report<'_>) -> String {
    let run = &report.detail.run;
    let mut html = Html::default();
    html.raw("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.raw("<meta http-equiv=\"Content-Security-Policy\" content=\"").raw(POLICY).raw("\">");
    html.raw("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.raw("<meta name=\"color-scheme\" content=\"light dark\"><title>");
    html.text(&run.model).raw(" · smoltrace report</title><style>");
    html.raw(include_str!("report.css")).raw("</style></head><body><main>");
    head(run, &mut html);
    totals(run, &mut html);
    sections::outcome(report, &mut html);
    sections::time(report, &mut html);
    sections::environment(report, &mut html);
    sections::tests(report, &mut html);
    accounting::differences(report, &mut html);
    accounting::devices(report, &mut html);
    accounting::chains(report, &mut html);
    html.raw("<footer>Made by smoltrace ").raw(env!("CARGO_PKG_VERSION"));
    html.raw(". Nothing in this file is loaded from elsewhere. <b>-</b> is unknown, never 0.</footer>");
    html.raw("</main></body></html>\n");
    html.finish()
}

fn head(run: &Run, html: &mut Html) {
    html.raw("<header><p class=\"brand\">smoltrace <span>run report</span></p><h1><bdi>");
    html.text(&run.model).raw("</bdi> <span class=\"badge\">").text(run.status.as_str()).raw("</span>");
    if run.simulated {
        html.raw(" <span class=\"badge warn\">simulated</span>");
    }
    html.raw("</h1><dl class=\"facts\">");
    // What SMOLTRACE writes when nobody said.
    let said = |value: &Option<String>| {
        value.clone().filter(|value| !value.is_empty() && !value.eq_ignore_ascii_case("unknown"))
    };
    let known = |value: &Option<String>| said(value).or_else(|| Some(quantity::UNKNOWN.into()));
    let facts = [
        ("Run", Some(run.run_id.clone())),
        ("When", Some(when(run))),
        ("Agent", Some(run.agent_type.clone())),
        ("Provider", known(&run.provider)),
        ("Dataset", known(&run.dataset_used)),
        ("Hardware", known(&run.hardware)),
        ("By", known(&run.submitted_by)),
        ("Use case", said(&run.use_case)),
        ("Team", said(&run.team)),
        ("Purpose", said(&run.purpose)),
        ("Suite", said(&run.suite_version)),
        ("Notes", said(&run.notes)),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            html.raw("<div>").element("dt", name).raw("<dd><bdi>").text(&value).raw("</bdi></dd></div>");
        }
    }
    html.raw("</dl>");
    if run.simulated {
        html.raw("<p class=\"callout\"><b>Simulated.</b> A device or the model behind these numbers was ");
        html.raw("simulated: they are no measurement of a real one.</p>");
    }
    html.raw("</header>");
}

/// When the run was recorded; a time that is none as it was written.
fn when(run: &Run) -> String {
    let recorded = run.timestamp.as_deref();
    let started = run.start_time_unix_nano.as_deref().and_then(|ns| ns.parse().ok());
    match (recorded.and_then(|text| time::unix_nano(text, false)), recorded) {
        (None, Some(text)) if started.is_none() => text.into(),
        (known, _) => moment(known.or(started)),
    }
}

/// Where a number comes from, in words; nothing where nothing says.
fn source_in_words(source: Source) -> String {
    if source == Source::None { String::new() } else { source.as_str().replace('_', " ") }
}

fn totals(run: &Run, html: &mut Html) {
    let interval = match (run.success_rate_ci_low, run.success_rate_ci_high) {
        (low @ Some(_), high @ Some(_)) => {
            format!("95% interval: {} to {}", written(low, PERCENT), written(high, PERCENT))
        }
        _ => "nothing was scored".into(),
    };
    let tokens = match run.total_input_tokens {
        Some(_) => format!("{} in, {} out", count(run.total_input_tokens), count(run.total_output_tokens)),
        None => String::new(),
    };
    let mut tests = format!("{} passed, {} failed", run.successful_tests, run.failed_tests);
    if run.unscored_tests > 0 {
        tests.push_str(&format!(", {} unscored", run.unscored_tests));
    }
    let source = |source: Source| match source {
        Source::None => "unknown: nothing says it".into(),
        source => source_in_words(source),
    };
    let stats = [
        ("Success", written(run.success_rate, PERCENT), interval),
        ("Tests", count(Some(run.total_tests)), tests),
        ("Tokens", count(run.total_tokens), tokens),
        ("Duration", duration(run.total_duration_ms), format!("{} wall clock", duration(run.wall_ms))),
        ("Model cost", usd(run.total_cost_usd), source(run.cost_source)),
        ("Energy", written(run.energy_wh, WATT_HOURS), source(run.energy_source)),
        ("CO₂", written(run.co2_emissions_g, GRAMS), source(run.co2_source)),
        ("Power cost", usd(run.power_cost_total_usd), source(run.power_cost_source)),
    ];
    html.raw("<dl class=\"stats\">");
    for (name, value, note) in stats {
        html.raw("<div>").element("dt", name).element("dd", &value);
        html.raw("<dd class=\"note\">").text(&note).raw("</dd></div>");
    }
    html.raw("</dl>");
}

//! A run as one self-contained HTML file: no script, nothing loaded, recorded text escaped; light, dark and print.
//!
//! Pure: the API's answers in, a document out.

mod html;
mod plot;
mod quantity;
mod sections;

use self::{
    html::Html,
    quantity::{GRAMS, SECONDS, USD, WATT_HOURS, count, significant, written},
};
use crate::{
    chart::Chart,
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
    sections::differences(report, &mut html);
    sections::accounting(report, &mut html);
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
    let when = run.timestamp.as_deref();
    let facts = [
        ("Run", Some(run.run_id.as_str())),
        ("When", when),
        ("Agent", Some(run.agent_type.as_str())),
        ("Provider", run.provider.as_deref()),
        ("Dataset", run.dataset_used.as_deref()),
        ("Hardware", run.hardware.as_deref()),
        ("By", run.submitted_by.as_deref()),
        ("Use case", run.use_case.as_deref()),
        ("Team", run.team.as_deref()),
        ("Purpose", run.purpose.as_deref()),
        ("Suite", run.suite_version.as_deref()),
        ("Notes", run.notes.as_deref()),
    ];
    for (name, value) in facts {
        if let Some(value) = value {
            html.raw("<div>").element("dt", name).raw("<dd><bdi>").text(value).raw("</bdi></dd></div>");
        }
    }
    html.raw("</dl></header>");
}

fn totals(run: &Run, html: &mut Html) {
    let success =
        run.success_rate.map_or_else(|| quantity::UNKNOWN.into(), |rate| format!("{}%", significant(rate)));
    let interval = match (run.success_rate_ci_low, run.success_rate_ci_high) {
        (Some(low), Some(high)) => format!("95% {} to {}%", significant(low), significant(high)),
        _ => String::new(),
    };
    let tokens = match run.total_input_tokens {
        Some(_) => format!("{} in, {} out", count(run.total_input_tokens), count(run.total_output_tokens)),
        None => String::new(),
    };
    let stats = [
        ("Success", success, interval),
        (
            "Tests",
            count(Some(run.total_tests)),
            format!("{} passed, {} failed", run.successful_tests, run.failed_tests),
        ),
        ("Tokens", count(run.total_tokens), tokens),
        (
            "Duration",
            written(run.total_duration_ms, SECONDS),
            format!("{} wall clock", written(run.wall_ms, SECONDS)),
        ),
        ("Model cost", written(run.total_cost_usd, USD), run.cost_source.to_string()),
        ("Energy", written(run.energy_wh, WATT_HOURS), run.energy_source.to_string()),
        ("CO₂", written(run.co2_emissions_g, GRAMS), run.co2_source.to_string()),
        ("Power cost", written(run.power_cost_total_usd, USD), run.power_cost_source.to_string()),
    ];
    html.raw("<dl class=\"stats\">");
    for (name, value, note) in stats {
        html.raw("<div>").element("dt", name).element("dd", &value);
        html.raw("<dd class=\"note\">").text(&note).raw("</dd></div>");
    }
    html.raw("</dl>");
}

//! The parts of the report beneath its totals.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    Report,
    html::Html,
    plot::{self, Plot},
    quantity::{
        CELSIUS, GRAMS, MEBIBYTES, PERCENT, SECONDS, Scale, USD, WATT_HOURS, WATTS, count, significant,
        written,
    },
};
use crate::result_columns::TestResult;

/// Characters of one prompt, answer or error.
const LONGEST_TEXT: usize = 20_000;
/// Tests with their texts; the table still has them all.
const MOST_TOLD: usize = 500;
const MOST_OPERATIONS: usize = 12;
const MOST_FAILURES: usize = 12;

pub fn outcome(report: &Report<'_>, html: &mut Html) {
    let tests = &report.results.items;
    let mut kinds: BTreeMap<&str, [i64; 3]> = BTreeMap::new();
    let mut failures: BTreeMap<Cow<'_, str>, Vec<&TestResult>> = BTreeMap::new();
    for test in tests {
        let counts = kinds.entry(&test.agent_type).or_default();
        match test.success {
            Some(true) => counts[0] += 1,
            Some(false) => counts[1] += 1,
            None => counts[2] += 1,
        }
        if test.success == Some(false) {
            failures.entry(cause(test)).or_default().push(test);
        }
    }
    html.raw("<section><h2>Outcome</h2><div class=\"bars\">");
    for (kind, [passed, failed, unscored]) in kinds {
        html.raw("<span>").text(kind).raw(" agent</span><span class=\"bar\">");
        for (class, part) in [("pass", passed), ("fail", failed), ("none", unscored)] {
            if part > 0 {
                html.raw("<i class=\"").raw(class).raw("\" style=\"flex-grow:").number(part).raw("\"></i>");
            }
        }
        html.raw("</span><span>").number(passed).raw(" of ").number(passed + failed + unscored);
        html.raw(" passed</span>");
    }
    html.raw("</div>");
    if !failures.is_empty() {
        let mut failures: Vec<_> = failures.into_iter().collect();
        failures.sort_by(|(a, x), (b, y)| y.len().cmp(&x.len()).then_with(|| a.cmp(b)));
        html.raw("<h3>Failures, by what went wrong</h3><table><tbody>");
        for (cause, tests) in failures.iter().take(MOST_FAILURES) {
            html.raw("<tr><th scope=\"row\">")
                .number(tests.len())
                .raw("</th><td class=\"wrap\" dir=\"auto\">");
            html.cut(cause, 300).raw("<br><small>");
            let named: Vec<&str> = tests.iter().take(8).map(|test| test.test_uid.as_str()).collect();
            html.text(&named.join(", ")).raw("</small></td></tr>");
        }
        html.raw("</tbody></table>");
    }
    html.raw("</section>");
}

/// The error in one line, else how the test ended.
fn cause(test: &TestResult) -> Cow<'_, str> {
    let mut lines =
        test.error.iter().flat_map(|error| error.lines()).map(str::trim).filter(|line| !line.is_empty());
    if let Some(first) = lines.next() {
        // Frameworks put their own heading first; the cause follows it.
        return match lines.next().filter(|_| first.ends_with(':')) {
            Some(second) => format!("{first} {second}").into(),
            None => first.into(),
        };
    }
    match test.stop_reason.as_deref() {
        Some(reason) if reason != "final_answer" => reason,
        _ if test.correct_tool == Some(false) => "The expected tool was not called",
        _ if test.response_correct == Some(false) => "The answer is wrong",
        _ => "Failed, no reason recorded",
    }
    .into()
}

pub fn time(report: &Report<'_>, html: &mut Html) {
    let totals = report.performance.totals;
    if totals.duration_ms <= 0.0 {
        return;
    }
    html.raw("<section><h2>Where the time went</h2><div class=\"bars\"><span>All traces</span><span class=\"bar\">");
    let parts = [
        ("llm", "model", totals.llm_ms),
        ("tool", "tools", totals.tool_ms),
        ("none", "other", totals.other_ms),
    ];
    for (class, _, part) in parts.into_iter().filter(|(.., part)| *part > 0.0) {
        html.raw("<i class=\"").raw(class).raw("\" style=\"flex-grow:");
        html.number(format_args!("{:.3}", part / totals.duration_ms * 100.0)).raw("\"></i>");
    }
    html.raw("</span><span>")
        .text(&written(Some(totals.duration_ms), SECONDS))
        .raw("</span></div><p class=\"key\">");
    for (class, name, part) in parts {
        html.raw("<span class=\"key ").raw(class).raw("\">").text(name).raw(" ");
        html.text(&written(Some(part), SECONDS)).raw("</span> ");
    }
    html.raw(
        "</p><table><thead><tr><th>Operation</th><th>Kind</th><th>Calls</th><th>Errors</th><th>Own time</th>",
    );
    html.raw("<th>Median</th><th>95%</th><th>Longest</th></tr></thead><tbody>");
    for operation in report.performance.operations.iter().take(MOST_OPERATIONS) {
        html.raw("<tr><th scope=\"row\" class=\"wrap\"><bdi>").cut(&operation.name, 120).raw("</bdi></th>");
        html.element("td", operation.kind.as_str()).element("td", &count(Some(operation.calls)));
        html.element("td", &count(Some(operation.errors)));
        for ms in [operation.self_ms, operation.p50_ms, operation.p95_ms, operation.max_ms] {
            html.element("td", &written(Some(ms), SECONDS));
        }
        html.raw("</tr>");
    }
    html.raw("</tbody></table></section>");
}

const PLOTS: [Plot; 6] = [
    plot("GPU utilisation", "gen_ai.gpu.utilization", PERCENT, None, false),
    plot("GPU memory used", "gen_ai.gpu.memory.used", MEBIBYTES, Some("gen_ai.gpu.memory.total"), false),
    plot("GPU temperature", "gen_ai.gpu.temperature", CELSIUS, None, true),
    plot("GPU power", "gen_ai.gpu.power", WATTS, None, false),
    plot("CO₂, accumulated", "gen_ai.co2.emissions", GRAMS, None, false),
    plot("Power cost, accumulated", "gen_ai.power.cost", USD, None, false),
];

const fn plot(
    title: &'static str,
    metric: &'static str,
    scale: Scale,
    limit: Option<&'static str>,
    floating: bool,
) -> Plot {
    Plot { title, metric, scale, limit, floating }
}

pub fn environment(report: &Report<'_>, html: &mut Html) {
    if report.chart.series.is_empty() {
        return;
    }
    html.raw("<section><h2>Environment</h2><div class=\"plots\">");
    for one in &PLOTS {
        plot::draw(one, report.chart, html);
    }
    html.raw("</div></section>");
}

pub fn tests(report: &Report<'_>, html: &mut Html) {
    let tests = &report.results.items;
    html.raw("<section><h2>Tests</h2><table><thead><tr><th>Test</th><th>Outcome</th><th>Steps</th><th>Duration</th>");
    html.raw(
        "<th>Tokens</th><th>Cost</th><th>Energy</th><th>CO₂</th><th>Power cost</th></tr></thead><tbody>",
    );
    for test in tests {
        html.raw("<tr><th scope=\"row\" class=\"wrap\"><bdi>").text(&name(test)).raw("</bdi></th>");
        let (class, outcome) = verdict(test);
        html.raw("<td class=\"").raw(class).raw("\">").raw(outcome).raw("</td>");
        html.element("td", &count(test.steps)).element("td", &written(test.duration_ms, SECONDS));
        html.element("td", &count(test.total_tokens)).element("td", &written(test.cost_usd, USD));
        html.element("td", &written(test.energy_wh, WATT_HOURS));
        html.element("td", &written(test.co2_emissions_g, GRAMS));
        html.element("td", &written(test.power_cost_usd, USD)).raw("</tr>");
    }
    let (rest, run) = (&report.results.unattributed, &report.detail.run);
    html.raw("</tbody><tfoot><tr><th scope=\"row\">no test running</th>").raw(&"<td></td>".repeat(5));
    html.element("td", &written(rest.energy_wh, WATT_HOURS))
        .element("td", &written(rest.co2_emissions_g, GRAMS));
    html.element("td", &written(rest.power_cost_usd, USD))
        .raw("</tr><tr><th scope=\"row\">run</th><td></td><td></td>");
    html.element("td", &written(run.total_duration_ms, SECONDS)).element("td", &count(run.total_tokens));
    html.element("td", &written(run.total_cost_usd, USD)).element("td", &written(run.energy_wh, WATT_HOURS));
    html.element("td", &written(run.co2_emissions_g, GRAMS));
    html.element("td", &written(run.power_cost_total_usd, USD)).raw("</tr></tfoot></table>");
    for test in tests.iter().take(MOST_TOLD) {
        told(test, html);
    }
    if tests.len() > MOST_TOLD {
        html.raw("<p>Prompts and answers of the first ").number(MOST_TOLD).raw(" tests are here.</p>");
    }
    html.raw("</section>");
}

fn name(test: &TestResult) -> String {
    if test.attempt > 1 { format!("{} #{}", test.test_uid, test.attempt) } else { test.test_uid.clone() }
}

fn verdict(test: &TestResult) -> (&'static str, &'static str) {
    match test.success {
        Some(true) => ("pass", "passed"),
        Some(false) => ("fail", "failed"),
        None => ("none", "unscored"),
    }
}

/// What was asked and answered, and why it passed or failed.
fn told(test: &TestResult, html: &mut Html) {
    let (class, outcome) = verdict(test);
    html.raw("<details><summary><bdi>").text(&name(test)).raw("</bdi> <span class=\"").raw(class).raw("\">");
    html.raw(outcome).raw("</span></summary>");
    let texts = [("Prompt", &test.prompt), ("Answer", &test.response), ("Error", &test.error)];
    for (heading, text) in texts {
        if let Some(text) = text {
            html.element("h4", heading).raw("<pre dir=\"auto\">").cut(text, LONGEST_TEXT).raw("</pre>");
        }
    }
    let checks = [
        ("called a tool", test.tool_called),
        ("called the expected tool", test.correct_tool),
        ("gave a final answer", test.final_answer_called),
        ("answer matched", test.response_correct),
        ("within the time", test.timed_out.map(|late| !late)),
    ];
    html.raw("<h4>Why</h4><ul>");
    for (check, held) in checks {
        if let Some(held) = held {
            html.raw(if held { "<li class=\"pass\">✓ " } else { "<li class=\"fail\">✕ " })
                .raw(check)
                .raw("</li>");
        }
    }
    if !test.tools_used.is_empty() {
        html.raw("<li>used ").text(&test.tools_used.join(", ")).raw("</li>");
    }
    html.raw("</ul></details>");
}

pub fn differences(report: &Report<'_>, html: &mut Html) {
    if report.detail.differences.is_empty() {
        return;
    }
    html.raw("<section><h2>What the source's own row said</h2><table><thead><tr><th>Number</th><th>Its own row</th>");
    html.raw("<th>From spans and samples</th><th>Its own is</th></tr></thead><tbody>");
    for difference in &report.detail.differences {
        let number = |value: Option<f64>| value.map_or_else(|| "-".into(), exact);
        html.raw("<tr><th scope=\"row\">").text(&difference.field).raw("</th>");
        html.element("td", &exact(difference.declared)).element("td", &number(difference.computed));
        let ratio = difference.ratio.map_or_else(|| "-".into(), |ratio| format!("×{}", significant(ratio)));
        html.element("td", &ratio).raw("</tr>");
    }
    html.raw("</tbody></table></section>");
}

/// Enough digits to follow a sum.
fn exact(value: f64) -> String {
    let rounded = (value * 1e6).round() / 1e6;
    rounded.to_string()
}

pub fn accounting(report: &Report<'_>, html: &mut Html) {
    let accounting = &report.detail.accounting;
    html.raw("<section><h2>How the numbers were made</h2>");
    for note in &accounting.notes {
        html.element("p", note);
    }
    for (field, steps) in &accounting.chains {
        html.raw("<details><summary>").text(field).raw("</summary><ol>");
        for step in steps {
            let value =
                step.value.map_or_else(|| "-".into(), |value| format!("{} {}", exact(value), step.unit));
            html.raw("<li>").text(&step.label).raw(": <b>").text(&value).raw("</b> <small>");
            html.text(step.source.as_str());
            if let Some(note) = &step.note {
                html.raw(", ").text(note);
            }
            html.raw("</small></li>");
        }
        html.raw("</ol></details>");
    }
    html.raw("</section>");
}

//! The parts of the report beneath its totals.

use std::{borrow::Cow, collections::BTreeMap};

use super::{
    Report,
    html::Html,
    plot::{self, Plot},
    quantity::{
        CELSIUS, GRAMS, MEBIBYTES, PERCENT, Scale, USD, WATT_HOURS, WATTS, count, duration, usd, written,
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
        html.raw("</span><span>").text(&in_words(passed, failed, unscored)).raw("</span>");
    }
    html.raw("</div>");
    if !failures.is_empty() {
        let mut failures: Vec<_> = failures.into_iter().collect();
        failures.sort_by(|(a, x), (b, y)| y.len().cmp(&x.len()).then_with(|| a.cmp(b)));
        html.raw("<h3>Failures, by what went wrong</h3><table class=\"causes\"><tbody>");
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

/// How many passed, of those that were scored.
fn in_words(passed: i64, failed: i64, unscored: i64) -> String {
    let scored = format!("{passed} of {} passed", passed + failed);
    match (passed + failed, unscored) {
        (_, 0) => scored,
        (0, _) => format!("{unscored} unscored"),
        _ => format!("{scored}, {unscored} unscored"),
    }
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
    html.raw("</span><span>").text(&duration(Some(totals.duration_ms))).raw("</span></div><p class=\"key\">");
    for (class, name, part) in parts {
        html.raw("<span class=\"key ").raw(class).raw("\">").text(name).raw(" ");
        html.text(&duration(Some(part))).raw("</span> ");
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
            html.element("td", &duration(Some(ms)));
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
        html.element("td", &count(test.steps)).element("td", &duration(test.duration_ms));
        html.element("td", &count(test.total_tokens)).element("td", &usd(test.cost_usd));
        html.element("td", &written(test.energy_wh, WATT_HOURS));
        html.element("td", &written(test.co2_emissions_g, GRAMS));
        html.element("td", &usd(test.power_cost_usd)).raw("</tr>");
    }
    let (rest, run) = (&report.results.unattributed, &report.detail.run);
    html.raw("</tbody><tfoot><tr><th scope=\"row\">While no test ran</th>").raw(&"<td></td>".repeat(5));
    html.element("td", &written(rest.energy_wh, WATT_HOURS))
        .element("td", &written(rest.co2_emissions_g, GRAMS));
    html.element("td", &usd(rest.power_cost_usd))
        .raw("</tr><tr><th scope=\"row\">Run</th><td></td><td></td>");
    html.element("td", &duration(run.total_duration_ms)).element("td", &count(run.total_tokens));
    html.element("td", &usd(run.total_cost_usd)).element("td", &written(run.energy_wh, WATT_HOURS));
    html.element("td", &written(run.co2_emissions_g, GRAMS));
    html.element("td", &usd(run.power_cost_total_usd)).raw("</tr></tfoot></table>");
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

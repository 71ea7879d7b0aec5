//! How the numbers were made: what the source's own row said instead, from joules to CO2, and the steps of each total.

use smoltrace_model::{
    account::{DeviceFigures, Step},
    estimate::EstimateRange,
    factors::Factors,
};

use super::{
    Report,
    html::Html,
    quantity::{GRAMS, UNKNOWN, WATT_HOURS, duration, reckoned, significant, usd, written},
    source_in_words,
};
use crate::fields::FieldName;

pub fn differences(report: &Report<'_>, html: &mut Html) {
    let differences = &report.detail.differences;
    if differences.is_empty() {
        return;
    }
    html.raw("<section><h2>What the source&#39;s own row said</h2><table><thead><tr><th>Number</th>");
    html.raw("<th>Its own row</th><th>From spans and samples</th><th>Its own is</th></tr></thead><tbody>");
    let of = |field: &FieldName| differences.iter().find(|difference| difference.field == field.field);
    for (field, difference) in report.detail.fields.iter().filter_map(|field| Some((field, of(field)?))) {
        html.raw("<tr><th scope=\"row\">").text(&field.name).raw("</th>");
        html.element("td", &reckoned(Some(difference.declared), &field.unit));
        html.element("td", &reckoned(difference.computed, &field.unit));
        let ratio =
            difference.ratio.map_or_else(|| UNKNOWN.into(), |ratio| format!("×{}", significant(ratio)));
        html.element("td", &ratio).raw("</tr>");
    }
    html.raw("</tbody></table></section>");
}

/// Joules x PUE x intensity and price, device by device.
pub fn devices(report: &Report<'_>, html: &mut Html) {
    let accounting = &report.detail.accounting;
    if accounting.devices.is_empty() {
        return;
    }
    html.raw("<section><h2>From joules to CO₂ and power cost</h2><table><thead><tr><th>Device</th><th>Time covered</th>");
    html.raw("<th>Energy</th><th>× PUE</th><th>× intensity</th><th>= CO₂</th><th>× price</th>");
    html.raw("<th>= power cost</th></tr></thead><tbody>");
    for figures in &accounting.devices {
        device(figures, html);
    }
    html.raw("</tbody></table>");
    for factors in &accounting.factors {
        html.raw("<ul class=\"notes\">");
        for sentence in factor_sources(factors) {
            html.element("li", &sentence);
        }
        html.raw("</ul>");
    }
    html.raw("</section>");
}

fn device(figures: &DeviceFigures, html: &mut Html) {
    html.raw("<tr><th scope=\"row\" class=\"wrap\"><bdi>").text(&figures.device).raw("</bdi>");
    let part = figures.is_part.then_some("part of another one, not added again");
    let source = source_in_words(figures.source);
    for note in part.into_iter().chain([source.as_str()]).filter(|note| !note.is_empty()) {
        html.raw(" <small>").text(note).raw("</small>");
    }
    html.raw("</th>").element("td", &duration(Some(figures.covered_s * 1000.0)));
    html.element("td", &reckoned(Some(figures.energy_j), "J"));
    let factor = |value: fn(&Factors) -> f64, unit: &str| reckoned(figures.factors.as_ref().map(value), unit);
    html.element("td", &factor(|factors| factors.pue, ""));
    html.element("td", &factor(|factors| factors.intensity.g_per_kwh, "g/kWh"));
    html.element("td", &written(figures.co2_emissions_g, GRAMS));
    html.element("td", &factor(|factors| factors.price.usd_per_kwh, "USD/kWh"));
    html.element("td", &usd(figures.power_cost_usd)).raw("</tr>");
}

/// Where the factors are from, a sentence each.
fn factor_sources(factors: &Factors) -> [String; 3] {
    let Factors { pue, intensity, price } = factors;
    let year = intensity.year.map_or_else(String::new, |year| format!(", {year}"));
    [
        format!(
            "PUE {}: energy of the whole site for each unit of energy of its devices.",
            reckoned(Some(*pue), "")
        ),
        format!("{}: {}{year}.", reckoned(Some(intensity.g_per_kwh), "g CO₂e/kWh"), intensity.source),
        format!("{}: {}.", reckoned(Some(price.usd_per_kwh), "USD/kWh"), price.source),
    ]
}

pub fn chains(report: &Report<'_>, html: &mut Html) {
    let accounting = &report.detail.accounting;
    html.raw("<section><h2>How the numbers were made</h2>");
    html.raw("<p>Every total is made again from the spans and samples themselves, step by step.</p>");
    let unpriced = accounting.unpriced_models.iter();
    let unpriced = unpriced.map(|model| format!("No price is known for the model {model}."));
    let notes: Vec<String> = accounting.notes.iter().cloned().chain(unpriced).collect();
    if !notes.is_empty() {
        html.raw("<ul class=\"notes\">");
        for note in &notes {
            html.element("li", note);
        }
        html.raw("</ul>");
    }
    if let Some(estimate) = &accounting.estimate {
        let range = |range: Option<EstimateRange>, scale| match range {
            Some(EstimateRange { low, high }) => {
                format!("{} to {}", written(Some(low), scale), written(Some(high), scale))
            }
            None => UNKNOWN.into(),
        };
        html.raw("<p><b>Estimated, in no total:</b> ")
            .number(estimate.calls)
            .raw(" calls to hosted models, ");
        html.text(&range(estimate.energy_wh, WATT_HOURS)).raw(" and ");
        html.text(&range(estimate.co2_emissions_g, GRAMS));
        html.raw(" of CO₂ at the world&#39;s average intensity. ").text(&estimate.method).raw("</p>");
    }
    for field in &report.detail.fields {
        if let Some(steps) = accounting.chains.get(&field.field) {
            chain(field, steps, html);
        }
    }
    html.raw("</section>");
}

fn chain(field: &FieldName, steps: &[Step], html: &mut Html) {
    html.raw("<details><summary>").text(&field.name).raw("</summary><table class=\"steps\"><tbody>");
    for step in steps {
        html.raw("<tr><th scope=\"row\">").text(&step.label).raw("</th><td><b>");
        html.text(&reckoned(step.value, &step.unit)).raw("</b></td><td class=\"wrap\">");
        let source = source_in_words(step.source);
        let said = [Some(source.as_str()), step.note.as_deref()];
        let said: Vec<&str> = said.into_iter().flatten().filter(|part| !part.is_empty()).collect();
        html.text(&said.join(" · ")).raw("</td></tr>");
    }
    html.raw("</tbody></table></details>");
}

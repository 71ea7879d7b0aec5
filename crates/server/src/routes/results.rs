//! `GET /api/v1/runs/{run_id}/results`: the tests of a run.

use std::cmp::Ordering;

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use smoltrace_model::rows::{ResultRow, RunRow};
use utoipa::{IntoParams, ToSchema};

use crate::{
    columns::{self, Projected, SortTerm},
    error::{ApiError, Problem},
    extract::{ApiPath, ApiQuery},
    leaderboard::{Page, comma_list},
    respond,
    result_columns::{Outcome, RESULT_COLUMNS, TestResult},
    state::AppState,
};

/// Which executions, which part of them, and what of each.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[serde(default, deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ResultsQuery {
    /// `passed`, `failed` or `unscored`; repeat for alternatives.
    #[param(value_type = Vec<Outcome>)]
    pub outcome: Vec<String>,
    /// Words that must all occur in test, prompt, response, error, category or tools.
    pub q: Option<String>,
    /// Fields to sort by, separated by commas, each with `-` in front for descending. Unknown
    /// values come last either way.
    #[param(default = "start_time_unix_nano")]
    pub sort: Option<String>,
    /// Fields of an execution to answer with, separated by commas; all when left out.
    pub fields: Vec<String>,
    /// From 1.
    #[param(value_type = Option<u32>, minimum = 1, default = 1)]
    pub page: Option<String>,
    /// Executions a page.
    #[param(value_type = Option<u32>, minimum = 1, maximum = 10000, default = 100)]
    pub page_size: Option<String>,
}

/// Sums over all executions of the run, whatever the filter. A null is unknown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResultTotals {
    /// g CO2e.
    pub co2_emissions_g: Option<f64>,
    /// USD of electricity.
    pub power_cost_usd: Option<f64>,
    /// Wh.
    pub energy_wh: Option<f64>,
    pub total_tokens: Option<i64>,
    /// USD of model calls.
    pub cost_usd: Option<f64>,
    /// Sum of the executions' durations, ms.
    pub duration_ms: Option<f64>,
}

/// What was used while no test ran. With the sums over the executions it makes the run's totals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Unattributed {
    /// g CO2e.
    pub co2_emissions_g: Option<f64>,
    /// USD of electricity.
    pub power_cost_usd: Option<f64>,
    /// Wh.
    pub energy_wh: Option<f64>,
}

impl Unattributed {
    pub fn of(run: &RunRow) -> Self {
        Self {
            co2_emissions_g: run.unattributed_co2_g,
            power_cost_usd: run.unattributed_power_cost_usd,
            energy_wh: run.unattributed_energy_wh,
        }
    }
}

/// A page of a run's executions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ResultsPage {
    /// The page's executions. With `fields`, only those fields are there.
    pub items: Vec<TestResult>,
    /// Executions that the filter leaves, on all pages.
    pub total: usize,
    pub page: usize,
    pub page_size: usize,
    pub totals: ResultTotals,
    pub unattributed: Unattributed,
}

/// Executions of a run's tests with what each of them used.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{run_id}/results",
    tag = "results",
    operation_id = "list_results",
    params(("run_id" = String, Path, description = "Run id, percent-encoded"), ResultsQuery),
    responses(
        (status = 200, description = "A page of executions with the sums over the whole run", body = ResultsPage),
        (status = 400, description = "A parameter is not understood", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "There is no such run", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the tables cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list_results(
    State(state): State<AppState>,
    ApiPath(run_id): ApiPath<String>,
    ApiQuery(query): ApiQuery<ResultsQuery>,
) -> Result<Response, ApiError> {
    let outcomes = outcomes(&query.outcome)?;
    let sort = sort_terms(query.sort.as_deref())?;
    let page = Page::parse(query.page.as_deref(), query.page_size.as_deref())?;
    let columns = columns::select(RESULT_COLUMNS, &[], &comma_list(&query.fields))?;
    let words: Vec<String> =
        query.q.unwrap_or_default().to_lowercase().split_whitespace().map(str::to_owned).collect();
    let run = state.run(&run_id).await?;
    let results = state.results(&run_id).await?;
    respond::compute(move || {
        let mut selection: Vec<&ResultRow> = results
            .iter()
            .filter(|row| outcomes.is_empty() || outcomes.contains(&Outcome::of(row)))
            .filter(|row| has_words(row, &words))
            .collect();
        selection.sort_by(|a, b| compare(&sort, a, b));
        let items: Vec<_> = page
            .of(&selection)
            .iter()
            .map(|&row| Projected { row, columns: &columns, beside: None })
            .collect();
        respond::json(&Body {
            items,
            total: selection.len(),
            page: page.page,
            page_size: page.page_size,
            totals: totals(&results),
            unattributed: Unattributed::of(&run),
        })
    })
    .await
}

/// [`ResultsPage`] as it is written.
#[derive(Serialize)]
struct Body<I: Serialize> {
    items: Vec<I>,
    total: usize,
    page: usize,
    page_size: usize,
    totals: ResultTotals,
    unattributed: Unattributed,
}

fn outcomes(values: &[String]) -> Result<Vec<Outcome>, ApiError> {
    comma_list(values)
        .into_iter()
        .map(|name| {
            Outcome::ALL.into_iter().find(|outcome| outcome.as_str() == name).ok_or_else(|| {
                ApiError::invalid(format!("`outcome` cannot be `{name}`; it takes passed, failed, unscored"))
            })
        })
        .collect()
}

fn sort_terms(text: Option<&str>) -> Result<Vec<SortTerm<ResultRow>>, ApiError> {
    let text = text.filter(|text| !text.trim().is_empty()).unwrap_or("start_time_unix_nano");
    text.split(',')
        .map(str::trim)
        .filter(|term| !term.is_empty())
        .map(|term| SortTerm::parse(RESULT_COLUMNS, &[], term))
        .collect()
}

/// Ties go by test and attempt, so that pages never overlap.
fn compare(sort: &[SortTerm<ResultRow>], a: &ResultRow, b: &ResultRow) -> Ordering {
    sort.iter()
        .map(|term| term.compare(a, b))
        .find(|order| *order != Ordering::Equal)
        .unwrap_or_else(|| (&a.test_uid, a.attempt).cmp(&(&b.test_uid, b.attempt)))
}

fn has_words(row: &ResultRow, words: &[String]) -> bool {
    if words.is_empty() {
        return true;
    }
    let optional = [&row.prompt, &row.response, &row.error, &row.category, &row.difficulty];
    let mut text = row.test_uid.to_lowercase();
    for part in optional.into_iter().flatten().chain(&row.tools_used) {
        text.push('\n');
        text.push_str(&part.to_lowercase());
    }
    words.iter().all(|word| text.contains(word.as_str()))
}

/// Sums over `results`.
pub fn totals(results: &[ResultRow]) -> ResultTotals {
    let sum = |of: fn(&ResultRow) -> Option<f64>| {
        results.iter().filter_map(of).fold(None, |sum: Option<f64>, value| Some(sum.unwrap_or(0.0) + value))
    };
    ResultTotals {
        co2_emissions_g: sum(|row| row.co2_emissions_g),
        power_cost_usd: sum(|row| row.power_cost_usd),
        energy_wh: sum(|row| row.energy_wh),
        total_tokens: results
            .iter()
            .filter_map(|row| row.total_tokens)
            .fold(None, |sum: Option<i64>, tokens| Some(sum.unwrap_or(0).saturating_add(tokens))),
        cost_usd: sum(|row| row.cost_usd),
        duration_ms: sum(|row| row.duration_ms),
    }
}

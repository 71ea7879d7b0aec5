//! `GET /api/v1/runs`: the leaderboard.

use axum::{extract::State, response::Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    columns::{Cell, Projected},
    error::{ApiError, Problem},
    extract::ApiQuery,
    leaderboard::{self, Page, Sort, Summary, params::run_params},
    respond,
    run_columns::{RANK, Run},
    state::AppState,
};

run_params! {
    /// Which runs, which part of them, and what of each.
    pub struct RunsQuery {
        /// Fields to sort by, separated by commas, each with `-` in front for descending.
        /// Unknown values come last either way; ties go newest first, then by run id.
        #[param(default = "-success_rate")]
        pub sort: Option<String>,
        /// Fields of a run to answer with, separated by commas; all when left out. Lets a client
        /// load many rows in little space.
        #[param(example = "run_id,model,success_rate,co2_emissions_g")]
        pub fields: Vec<String>,
        /// From 1.
        #[param(value_type = Option<u32>, minimum = 1, default = 1)]
        pub page: Option<String>,
        /// Runs a page.
        #[param(value_type = Option<u32>, minimum = 1, maximum = 10000, default = 100)]
        pub page_size: Option<String>,
    }
}

/// A page of the leaderboard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunsPage {
    /// The page's runs. With `fields`, only those fields are there.
    pub items: Vec<Run>,
    /// Runs that the filter leaves, on all pages.
    pub total: usize,
    pub page: usize,
    pub page_size: usize,
    /// Over all runs that the filter leaves.
    pub summary: Summary,
}

/// Runs, filtered, ranked, sorted and paged.
///
/// Filters on different fields are all required; several values of one field are alternatives,
/// repeated (`model=a&model=b`) or separated by commas (`model=a,b`).
#[utoipa::path(
    get,
    path = "/api/v1/runs",
    tag = "runs",
    operation_id = "list_runs",
    params(RunsQuery),
    responses(
        (status = 200, description = "A page of runs with the totals of all that pass the filter", body = RunsPage),
        (status = 400, description = "A parameter is not understood", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the tables cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn list_runs(
    State(state): State<AppState>,
    ApiQuery(query): ApiQuery<RunsQuery>,
) -> Result<Response, ApiError> {
    let filter = query.filter()?;
    let sort = Sort::parse(query.sort.as_deref())?;
    let page = Page::parse(query.page.as_deref(), query.page_size.as_deref())?;
    let (columns, with_rank) = leaderboard::run_fields(&query.fields)?;
    let index = state.run_index().await?;
    respond::compute(move || {
        let mut selection = leaderboard::select(&index, &filter);
        sort.apply(&index, &mut selection);
        let rows = index.rows();
        let items: Vec<_> = page
            .of(&selection)
            .iter()
            .map(|ranked| Projected {
                row: &rows[ranked.row],
                columns: &columns,
                beside: with_rank.then_some((RANK, Cell::Int(ranked.rank))),
            })
            .collect();
        respond::json(&Body {
            items,
            total: selection.len(),
            page: page.page,
            page_size: page.page_size,
            summary: leaderboard::summarize(selection.iter().map(|ranked| &rows[ranked.row])),
        })
    })
    .await
}

/// [`RunsPage`] as it is written.
#[derive(Serialize)]
struct Body<I: Serialize> {
    items: Vec<I>,
    total: usize,
    page: usize,
    page_size: usize,
    summary: Summary,
}

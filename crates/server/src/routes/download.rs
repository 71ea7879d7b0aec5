//! `GET /api/v1/runs/{run_id}/download/{table}.{format}`: a run's published datasets as files.

use axum::{
    extract::State,
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use smoltrace_exchange::export::{self, Format, RunExport, Table};
use utoipa::ToSchema;

use crate::{
    error::{ApiError, Problem},
    extract::ApiPath,
    respond,
    state::AppState,
};

/// The bytes of a file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code, reason = "names a schema")]
struct Bytes(Vec<u8>);

/// A dataset of a run.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DownloadTable {
    Leaderboard,
    Results,
    Traces,
    Metrics,
}

/// A file format.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DownloadFormat {
    Json,
    Csv,
    Parquet,
}

const TABLES: [(&str, Table); 4] = [
    ("leaderboard", Table::Leaderboard),
    ("results", Table::Results),
    ("traces", Table::Traces),
    ("metrics", Table::Metrics),
];

const FORMATS: [(&str, Format, &str); 3] = [
    ("json", Format::Json, "application/json"),
    ("csv", Format::Csv, "text/csv; charset=utf-8"),
    ("parquet", Format::Parquet, "application/vnd.apache.parquet"),
];

/// One of the run's four datasets with its published columns.
#[utoipa::path(
    get,
    path = "/api/v1/runs/{run_id}/download/{table}.{format}",
    tag = "runs",
    operation_id = "download_table",
    params(
        ("run_id" = String, Path, description = "Run id, percent-encoded"),
        ("table" = DownloadTable, Path, description = "Dataset"),
        ("format" = DownloadFormat, Path, description = "File format"),
    ),
    responses(
        (status = 200, description = "The file", content(
            (Object = "application/json"),
            (String = "text/csv"),
            (Bytes = "application/vnd.apache.parquet"),
        )),
        (status = 404, description = "There is no such run, dataset or format", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "Busy, or the tables cannot be read", body = Problem, content_type = "application/problem+json"),
    )
)]
pub async fn download_table(
    State(state): State<AppState>,
    ApiPath((run_id, file)): ApiPath<(String, String)>,
) -> Result<Response, ApiError> {
    let (table, format, mime) = parse(&file)?;
    state.run(&run_id).await?;
    let data = state.store().run_data(&run_id).await?;
    respond::compute(move || {
        let name = format!("{}.{file}", data.run.run_id);
        let run = RunExport { run: data.run, results: data.results, spans: data.spans, points: data.points };
        let bytes = export::table_bytes(&run, table, format)
            .map_err(|error| ApiError::Internal(format!("`{file}` could not be written: {error}")))?;
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static(mime)),
            (header::CONTENT_DISPOSITION, attachment(&name)),
        ];
        Ok((headers, bytes).into_response())
    })
    .await
}

fn parse(file: &str) -> Result<(Table, Format, &'static str), ApiError> {
    let (table, format) = file.split_once('.').unwrap_or((file, ""));
    let table = TABLES.iter().find(|(name, _)| *name == table);
    let format = FORMATS.iter().find(|(name, ..)| *name == format);
    match (table, format) {
        (Some((_, table)), Some((_, format, mime))) => Ok((*table, *format, mime)),
        _ => Err(ApiError::NotFound(format!(
            "there is no download `{file}`; there are leaderboard, results, traces and metrics, each as .json, .csv and .parquet"
        ))),
    }
}

/// `Content-Disposition` for a file name; characters that do not belong there become `_`.
pub fn attachment(name: &str) -> HeaderValue {
    let safe: String = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') { c } else { '_' })
        .collect();
    HeaderValue::from_str(&format!("attachment; filename=\"{safe}\""))
        .unwrap_or(HeaderValue::from_static("attachment"))
}

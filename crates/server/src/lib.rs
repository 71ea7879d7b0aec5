//! The REST API under `/api/v1` with its OpenAPI document, and the embedded web UI.
//!
//! Reads the store's named queries and shapes what it shows with the model's functions. It must
//! not compute totals of its own, know a table's files, or read arguments, environment or clock.

mod api;
mod ask;
mod caching;
pub mod chart;
mod columns;
mod compression;
mod error;
mod extract;
mod fields;
mod guard;
mod leaderboard;
mod live;
mod recent;
mod report;
mod respond;
mod result_columns;
pub mod routes;
mod run_columns;
mod serve;
mod state;
mod ui;

pub use api::{openapi, router};
pub use ask::{Query, ask};
pub use error::{ApiError, Problem};
pub use fields::FieldName;
pub use leaderboard::{FacetValue, Facets, Summary};
pub use result_columns::{Outcome, TestResult};
pub use run_columns::Run;
pub use serve::serve;
pub use state::{AppState, ServerOptions};
pub use ui::files as ui_files;

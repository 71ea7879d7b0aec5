//! The routes put together: addresses, layers, and the OpenAPI document of both.

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    middleware,
    routing::get,
};
use tower_http::set_header::SetResponseHeaderLayer;
use utoipa::{
    OpenApi,
    openapi::{RefOr, Schema},
};
use utoipa_axum::{router::OpenApiRouter, routes};

use crate::{
    caching, compression,
    error::{self, Problem},
    guard, respond, routes as handlers,
    state::AppState,
    ui,
};

/// What the document says beyond its routes.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "smoltrace",
        description = "Evaluations of AI agents: what they did and what it cost in tokens, dollars, joules and grams of CO2e.\n\nAbsolute times are Unix nanoseconds in strings (`*_unix_nano`), because JavaScript numbers cannot hold them. A null is unknown, never a measured zero. Errors are RFC 9457 problem details.",
        license(name = "Apache-2.0", identifier = "Apache-2.0"),
    ),
    tags(
        (name = "runs", description = "The leaderboard and its runs"),
        (name = "results", description = "Test executions of a run"),
        (name = "metrics", description = "Time series of GPUs, CO2 and power cost"),
        (name = "traces", description = "Span trees and spans"),
        (name = "server", description = "The server itself"),
    ),
    paths(handlers::download::download_table, get_openapi),
    components(schemas(Problem, handlers::download::DownloadTable, handlers::download::DownloadFormat)),
    servers((url = "/", description = "This server")),
)]
struct Document;

/// Answers always have all of their fields; what is unknown is null.
fn require_all_fields(document: &mut utoipa::openapi::OpenApi) {
    let Some(components) = &mut document.components else { return };
    for (name, schema) in &mut components.schemas {
        // A problem may lack its instance, a step its note.
        if name != "Problem" && name != "Step" {
            require_fields(schema);
        }
    }
}

fn require_fields(schema: &mut RefOr<Schema>) {
    match schema {
        RefOr::T(Schema::Object(object)) => object.required = object.properties.keys().cloned().collect(),
        RefOr::T(Schema::AllOf(all)) => all.items.iter_mut().for_each(require_fields),
        _ => {}
    }
}

/// Nothing is loaded from elsewhere, no script stands in the page, no other site frames it.
/// Styles may be inline: charts set them on what they draw.
const CONTENT_SECURITY_POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const SECURITY_HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

fn api() -> OpenApiRouter<AppState> {
    use handlers::{
        compare, events, facets, health, live, metrics, own_metrics, performance, report, result, results,
        run, runs, span, spans, trace, traces,
    };
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(runs::list_runs))
        .routes(routes!(facets::list_facets))
        .routes(routes!(compare::compare_runs))
        .routes(routes!(live::list_live))
        .routes(routes!(run::get_run))
        .routes(routes!(results::list_results))
        .routes(routes!(result::get_result))
        .routes(routes!(metrics::get_metrics))
        .routes(routes!(performance::get_performance))
        .routes(routes!(report::get_report))
        .routes(routes!(traces::list_traces))
        .routes(routes!(trace::get_trace))
        .routes(routes!(trace::get_trace_otlp))
        .routes(routes!(spans::list_spans))
        .routes(routes!(span::get_span))
        .routes(routes!(events::listen))
        .routes(routes!(health::get_health))
        .routes(routes!(own_metrics::get_own_metrics))
        // A path segment holds one parameter only; the document names its two parts.
        .route("/api/v1/runs/{run_id}/download/{file}", get(handlers::download::download_table))
        .route("/api/v1/openapi.json", get(get_openapi))
}

/// The OpenAPI document of this API.
#[utoipa::path(
    get,
    path = "/api/v1/openapi.json",
    tag = "server",
    operation_id = "get_openapi",
    responses((status = 200, description = "This document", body = Object))
)]
async fn get_openapi() -> Result<axum::response::Response, error::ApiError> {
    respond::json(&openapi())
}

/// The OpenAPI document.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = api().into_openapi();
    require_all_fields(&mut document);
    document
}

/// All of the server: REST under `/api/v1`, `/healthz`, and the UI everywhere else.
pub fn router(state: AppState) -> Router {
    let (routes, _) = api().split_for_parts();
    // From the inside out.
    let mut router = routes
        .fallback(ui::serve)
        .layer(middleware::from_fn(caching::tag))
        .layer(middleware::from_fn_with_state(guard::Limits::new(state.options()), guard::limit))
        .layer(middleware::from_fn_with_state(state.options().clone(), guard::admit))
        .layer(middleware::from_fn(error::complete))
        .layer(middleware::from_fn(compression::mark))
        .layer(compression::layer())
        .layer(middleware::from_fn(caching::tag_encoded));
    for (name, value) in SECURITY_HEADERS {
        router = router.layer(SetResponseHeaderLayer::overriding(name, HeaderValue::from_static(value)));
    }
    router.with_state(state)
}

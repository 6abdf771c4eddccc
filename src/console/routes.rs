//! The console's routes, and what surrounds each request.

use super::{
    State, audit, catalogue, conflicts, dead_letters, forms,
    i18n::{locale::Lang, messages::Text},
    onec,
    orders::{self, customer_cards},
    overview::{self, sse},
    portals::{self, authorization, shop, status_map},
    session::{sign_in, viewer::Viewer},
    stock,
    ui::{assets, layout},
    words,
};
use crate::process::telemetry::{Metrics, access_log};
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State as Extract},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Redirect, Response},
    routing::{MethodRouter, get, post},
};
use std::{any::Any, time::Duration};
use tower_http::{catch_panic::CatchPanicLayer, compression::CompressionLayer};

/// The largest form that signs somebody in.
const SMALL_FORM: usize = 8 * 1024;
/// How long a request may take, live updates excepted.
const PATIENCE: Duration = Duration::from_mins(1);
/// Scripts, styles and pictures only from files of this origin; forms only to it; nobody frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors \
                      'none'";

/// The routes of all pages, below `/console`.
pub fn router(state: State) -> Router {
    // A form spells each byte of a payload with up to three.
    let large = state
        .config
        .http
        .max_body_bytes
        .saturating_mul(3)
        .saturating_add(SMALL_FORM);
    let sign_in = post(sign_in::post).layer(DefaultBodyLimit::max(SMALL_FORM));
    let file = state.config.http.max_body_bytes.saturating_add(SMALL_FORM);
    let import = post(dead_letters::files::import).layer(DefaultBodyLimit::max(file));
    Router::new()
        .merge(orders())
        .merge(dead_letters(import))
        .merge(portals())
        .route("/", get(async || Redirect::to("/console")))
        .route("/console", get(overview::page::get))
        .route("/console/", get(overview::page::get))
        .route("/console/live", get(sse::get))
        .route(
            "/console/pulse",
            get(async |_: Viewer| StatusCode::NO_CONTENT),
        )
        .route("/console/sign-in", get(sign_in::get).merge(sign_in))
        .route("/console/sign-out", post(sign_in::leave))
        .route("/console/language/{lang}", get(sign_in::language))
        .route("/console/statuses", get(status_map::get))
        .route("/console/statuses/apply", post(status_map::apply))
        .route("/console/audit", get(audit::get))
        .route("/console/words", get(words::get))
        .route("/console/stock", get(stock::page::get))
        .route("/console/stock/ledger", get(stock::ledger::get))
        .route("/console/stock/receipts", get(stock::receipts::get))
        .route(
            "/console/stock/shortages/{id}",
            post(stock::shortages::rule),
        )
        .route("/console/onec", get(onec::page::get))
        .route("/console/onec/documents/{id}", get(onec::document::get))
        .route(
            "/console/onec/documents/{id}/again",
            post(onec::document::again),
        )
        .route("/console/onec/files/{id}", get(onec::files::get))
        .route("/console/onec/files/{id}/again", post(onec::files::again))
        .route("/console/assets/{name}", get(assets::get))
        .route("/console/{*nothing}", get(not_found))
        .layer(DefaultBodyLimit::max(large))
        // Streams of events go out as they come. A page tells another site nothing by its size: the
        // cookie comes with no request of another site's.
        .layer(CompressionLayer::new())
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(
            state.app.metrics().clone(),
            common_layer,
        ))
        .with_state(state)
}

/// Orders and the conflicts over them.
fn orders() -> Router<State> {
    Router::new()
        .route("/console/orders", get(orders::list::get))
        .route("/console/orders/{shop}/{number}", get(orders::detail::get))
        .route(
            "/console/orders/{shop}/{number}/not-customer",
            post(customer_cards::not_customer),
        )
        .route(
            "/console/orders/{shop}/{number}/mend",
            post(orders::acts::mend),
        )
        .route(
            "/console/orders/{shop}/{number}/give-up",
            post(orders::acts::give_up),
        )
        .route("/console/conflicts", get(conflicts::list::get))
        .route(conflicts::decisions::PATH, get(conflicts::decisions::get))
        .route("/console/conflicts/{id}", get(conflicts::detail::get))
        .route(
            "/console/conflicts/{id}/resolve",
            post(conflicts::detail::resolve),
        )
}

/// Dead letters, one by one, many at once, and as files.
fn dead_letters(import: MethodRouter<State>) -> Router<State> {
    Router::new()
        .route("/console/dead-letters", get(dead_letters::list::get))
        .route(
            "/console/dead-letters/bulk",
            get(dead_letters::bulk::ask).post(dead_letters::bulk::start),
        )
        .route(
            dead_letters::files::EXPORT,
            get(dead_letters::files::export),
        )
        .route(dead_letters::files::IMPORT, import)
        .route(
            dead_letters::selection::PATH,
            post(dead_letters::selection::post),
        )
        .route("/console/dead-letters/{id}", get(dead_letters::detail::get))
        .route(
            "/console/dead-letters/{id}/retry",
            post(dead_letters::detail::retry),
        )
        .route(
            "/console/dead-letters/{id}/mend",
            post(dead_letters::detail::mend),
        )
        .route(
            "/console/dead-letters/{id}/discard",
            post(dead_letters::detail::discard),
        )
        .route("/console/bulk", get(dead_letters::bulk::jobs))
        .route("/console/bulk/{id}/stop", post(dead_letters::bulk::stop))
}

/// Portals and the shops that belong to them.
fn portals() -> Router<State> {
    Router::new()
        .route("/console/portals", get(portals::list::get))
        .route("/console/portals/{name}", get(portals::detail::get))
        .route(
            "/console/portals/{name}/pause",
            post(portals::detail::pause),
        )
        .route(
            "/console/portals/{name}/resume",
            post(portals::detail::resume),
        )
        .route("/console/portals/{name}/test", post(portals::detail::test))
        .route("/console/shops/{name}", get(shop::get))
        .route("/console/shops/{name}/products", get(catalogue::get))
        .route("/console/shops/{name}/forms", get(forms::get))
        .route("/console/shops/{name}/forms/try", post(forms::try_body))
        .route(
            "/console/shops/{name}/forms/{id}/restore",
            post(forms::restore),
        )
        .route("/console/shops/{name}/pause", post(shop::pause))
        .route("/console/shops/{name}/resume", post(shop::resume))
        .route(
            "/console/portals/{name}/authorise",
            post(authorization::begin),
        )
        .route(
            "/console/portals/{name}/authorisation",
            post(authorization::hand_over),
        )
        .route(
            "/console/portals/{name}/authorisation/{follow}",
            get(authorization::follow),
        )
        .route(
            "/console/portals/{name}/authorisation/{follow}/live",
            get(authorization::follow_live),
        )
}

async fn not_found(request: Request) -> Response {
    let lang = Lang::of(request.headers());
    (
        StatusCode::NOT_FOUND,
        layout::bare(lang, Text::NotFound, ""),
    )
        .into_response()
}

/// The panic's words go to the log by the panic hook, not to the page.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, "BRIDGE-BUG").into_response()
}

async fn common_layer(
    Extract(metrics): Extract<Metrics>,
    request: Request,
    next: Next,
) -> Response {
    let late = || StatusCode::REQUEST_TIMEOUT.into_response();
    let mut response = access_log::track(&metrics, PATIENCE, late, request, next).await;
    let headers = response.headers_mut();
    let fixed = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    for (name, value) in fixed {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}

//! The console's routes, and what surrounds each request.

use super::{
    State, assets, audit, authorise, bulk, cards, conflict, conflicts, dead_letter, dead_letters,
    forms, lang::Lang, layout, letter_file, live, order, orders, overview, portal, portals, shop,
    sign_in, statuses, text::Text,
};
use crate::telemetry::request;
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State as Extract},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use std::{any::Any, time::Duration};
use tower_http::catch_panic::CatchPanicLayer;

/// The largest form that signs somebody in.
const SMALL_FORM: usize = 8 * 1024;
/// How long a request may take, live updates excepted.
const PATIENCE: Duration = Duration::from_mins(1);
/// Scripts, styles and pictures only from files of this origin; forms only to it; nobody frames it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// The console.
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
    let import = post(letter_file::import).layer(DefaultBodyLimit::max(file));
    Router::new()
        .route("/console", get(overview::get))
        .route("/console/", get(overview::get))
        .route("/console/live", get(live::get))
        .route("/console/sign-in", get(sign_in::get).merge(sign_in))
        .route("/console/sign-out", post(sign_in::leave))
        .route("/console/language/{lang}", get(sign_in::language))
        .route("/console/orders", get(orders::get))
        .route("/console/orders/{shop}/{number}", get(order::get))
        .route(
            "/console/orders/{shop}/{number}/not-customer",
            post(cards::not_customer),
        )
        .route("/console/dead-letters", get(dead_letters::get))
        .route(
            "/console/dead-letters/bulk",
            get(bulk::ask).post(bulk::start),
        )
        .route(letter_file::EXPORT, get(letter_file::export))
        .route(letter_file::IMPORT, import)
        .route("/console/dead-letters/{id}", get(dead_letter::get))
        .route("/console/dead-letters/{id}/retry", post(dead_letter::retry))
        .route("/console/dead-letters/{id}/mend", post(dead_letter::mend))
        .route(
            "/console/dead-letters/{id}/discard",
            post(dead_letter::discard),
        )
        .route("/console/bulk", get(bulk::jobs))
        .route("/console/bulk/{id}/stop", post(bulk::stop))
        .route("/console/conflicts", get(conflicts::get))
        .route("/console/conflicts/{id}", get(conflict::get))
        .route("/console/conflicts/{id}/resolve", post(conflict::resolve))
        .route("/console/statuses", get(statuses::get))
        .route("/console/statuses/apply", post(statuses::apply))
        .route("/console/portals", get(portals::get))
        .route("/console/portals/{name}", get(portal::get))
        .route("/console/portals/{name}/pause", post(portal::pause))
        .route("/console/portals/{name}/resume", post(portal::resume))
        .route("/console/portals/{name}/test", post(portal::test))
        .route("/console/shops/{name}", get(shop::get))
        .route("/console/shops/{name}/forms", get(forms::get))
        .route(
            "/console/shops/{name}/forms/{id}/restore",
            post(forms::restore),
        )
        .route("/console/shops/{name}/pause", post(shop::pause))
        .route("/console/shops/{name}/resume", post(shop::resume))
        .route("/console/portals/{name}/authorise", post(authorise::begin))
        .route(
            "/console/portals/{name}/authorisation",
            post(authorise::hand_over),
        )
        .route(
            "/console/portals/{name}/authorisation/{follow}",
            get(authorise::follow),
        )
        .route(
            "/console/portals/{name}/authorisation/{follow}/live",
            get(authorise::follow_live),
        )
        .route("/console/audit", get(audit::get))
        .route("/console/assets/{name}", get(assets::get))
        .route("/console/{*nothing}", get(nowhere))
        .layer(DefaultBodyLimit::max(large))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(state.clone(), around))
        .with_state(state)
}

async fn nowhere(request: Request) -> Response {
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

async fn around(Extract(state): Extract<State>, request: Request, next: Next) -> Response {
    let late = || StatusCode::REQUEST_TIMEOUT.into_response();
    let mut response = request::told(state.bridge.metrics(), PATIENCE, late, request, next).await;
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

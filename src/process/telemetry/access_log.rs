//! One HTTP request as it is told: its id, its span, its line in the log, its meters.
//!
//! The same for the API and the console, so that one question finds both. The line carries the
//! pattern of the route and the caller's name, never an address, a query or a body.

use super::{Metrics, traces};
use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, HeaderName, HeaderValue, Method},
    middleware::Next,
    response::Response,
};
use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST_ID: usize = 128;

/// Who a request is of: among its extensions, filled in by whoever finds out.
#[derive(Debug, Clone, Default)]
pub struct CallerName(Arc<OnceLock<String>>);

impl CallerName {
    /// It is this one: `shop:NAME`, `operator:NAME`. The first word counts.
    pub fn is(&self, name: impl Into<String>) {
        let _ = self.0.set(name.into());
    }
}

/// Answers a request, for at most so long, and tells of it.
pub async fn track(
    metrics: &Metrics,
    limit: Duration,
    late: impl FnOnce() -> Response,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = request_id(request.headers());
    let method = request.method().clone();
    let path = request
        .extensions()
        .get::<MatchedPath>()
        .map_or_else(|| "(none)".to_owned(), |path| path.as_str().to_owned());
    let caller = request
        .extensions_mut()
        .get_or_insert_default::<CallerName>();
    let caller = caller.clone();
    let given = request.headers().get("traceparent");
    let given = given.and_then(|text| traces::parse(text.to_str().ok()?));
    let span = tracing::info_span!("request", id, path);
    if let Some(given) = &given {
        traces::follow(&span, given);
    }
    let work = traces::within(given, next.run(request).instrument(span));
    let mut response = match timeout(limit, work).await {
        Ok(response) => response,
        Err(_) => late(),
    };
    let status = response.status().as_u16();
    let took = started.elapsed();
    metrics.requested(known(&method), &path, status, took);
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    tracing::info!(
        request_id = id,
        method = %method,
        path,
        status,
        duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        caller = caller.0.get().map_or("-", String::as_str),
        "request"
    );
    response
}

/// The method's name, unless it is an invention of the caller's.
fn known(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// The caller's own id if it can stand in a log, else a new one.
fn request_id(headers: &HeaderMap) -> String {
    let fits = |id: &&str| {
        (1..=LONGEST_ID).contains(&id.len())
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b))
    };
    let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    given
        .filter(fits)
        .map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned)
}

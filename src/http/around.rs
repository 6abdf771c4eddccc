//! What surrounds every request: its id, its caller, its time limit, its headers, its line in the log.

use super::{Problem, State, auth};
use crate::{config::Caller, domain::Code, telemetry::traces};
use axum::{
    extract::{MatchedPath, Request, State as Extract},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{any::Any, time::Duration};
use tokio::time::{Instant, timeout};
use tracing::Instrument;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST_ID: usize = 128;

/// The outermost layer.
pub(super) async fn around(
    Extract(state): Extract<State>,
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
    let caller = auth::caller(&state, request.headers());
    let name = caller.as_ref().map(|caller| caller.actor().0);
    if let Some(caller) = caller {
        request.extensions_mut().insert::<Caller>(caller);
    }
    let limit = Duration::from_secs(state.config.http.request_timeout_seconds);
    let given = request.headers().get("traceparent");
    let given = given.and_then(|text| traces::parse(text.to_str().ok()?));
    let span = tracing::info_span!("request", id, path);
    if let Some(given) = &given {
        traces::follow(&span, given);
    }
    let work = traces::within(given, next.run(request).instrument(span));
    let mut response = match timeout(limit, work).await {
        Ok(response) => response,
        Err(_) => late(limit).into_response(),
    };
    let status = response.status().as_u16();
    let took = started.elapsed();
    state
        .bridge
        .metrics()
        .requested(known(&method), &path, status, took);
    dress(response.headers_mut(), &id);
    tracing::info!(
        request_id = id,
        method = %method,
        path,
        status,
        duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        caller = name.as_deref().unwrap_or("-"),
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

fn late(limit: Duration) -> Problem {
    let detail = format!("the request was not complete within {} s", limit.as_secs());
    Problem::malformed(StatusCode::REQUEST_TIMEOUT, detail)
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

fn dress(headers: &mut HeaderMap, id: &str) {
    if let Ok(id) = HeaderValue::from_str(id) {
        headers.insert(REQUEST_ID, id);
    }
    let fixed = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::CACHE_CONTROL, "no-store"),
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; frame-ancestors 'none'",
        ),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    for (name, value) in fixed {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}

/// The answer to a handler that panicked. The panic's words go to the log by the panic hook, not to the caller.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem::new(Code::Bug, "the request met a fault of the bridge").into_response()
}

/// No such address.
pub(super) async fn nowhere() -> Problem {
    Problem::not_found()
}

/// No such method at this address.
pub(super) async fn wrong_method() -> Problem {
    Problem::malformed(
        StatusCode::METHOD_NOT_ALLOWED,
        "this address does not take the method",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{Router, routing::get};
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };
    use tokio_util::sync::CancellationToken;
    use tower_http::catch_panic::CatchPanicLayer;

    #[tokio::test]
    async fn a_panic_is_answered_as_a_fault_of_the_bridge_without_its_words() {
        async fn broken() -> StatusCode {
            panic!("with a secret")
        }
        let router = Router::new()
            .route("/", get(broken))
            .layer(CatchPanicLayer::custom(panicked));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(crate::http::serve(
            listener,
            router,
            CancellationToken::new(),
        ));
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        stream.write_all(request).await.unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).await.unwrap();
        assert!(text.starts_with("HTTP/1.1 500 "), "{text}");
        assert!(
            text.contains("BRIDGE-BUG") && !text.contains("secret"),
            "{text}"
        );
    }
}

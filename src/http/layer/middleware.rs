//! Middleware around every request: its id, its caller, its time limit, its headers, its line in
//! the log.

use super::auth::{self, ShownKey};
use crate::{
    auth::Caller,
    config::Config,
    domain::ErrorCode,
    http::{Problem, exchange},
    process::{
        doors,
        telemetry::{
            Metrics,
            access_log::{self, CallerName},
        },
    },
};
use axum::{
    extract::{Request, State as Extract},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use std::{any::Any, net::IpAddr, sync::Arc, time::Duration};

/// The outermost layer of every route: finds the caller by the key, bounds the request's time,
/// writes the access log and the metrics, and adds the security headers.
pub(in crate::http) async fn common_layer(
    Extract(config): Extract<Arc<Config>>,
    Extract(metrics): Extract<Metrics>,
    Extract(wrong): Extract<Arc<doors::Tries<IpAddr>>>,
    mut request: Request,
    next: Next,
) -> Response {
    let name = CallerName::default();
    match auth::shown(&config, &wrong, request.headers()) {
        ShownKey::Known(caller) => {
            doors::known();
            name.is(caller.actor().0);
            request.extensions_mut().insert::<Caller>(caller);
        }
        ShownKey::Wrong(Some(too_many)) => {
            request.extensions_mut().insert(too_many);
        }
        ShownKey::Wrong(None) | ShownKey::Nothing => {}
    }
    request.extensions_mut().insert(name);
    let usual = Duration::from_secs(config.http.request_timeout_seconds);
    let path = request.uri().path();
    let limit = exchange::limit(&config, path).unwrap_or(usual);
    let of_1c = exchange::encoding(&config, path);
    let late = || late(limit).into_response();
    let mut response = access_log::track(&metrics, limit, late, request, next).await;
    if let Some(encoding) = of_1c
        && Problem::is(&response)
    {
        response = exchange::failed(response.status(), encoding);
    }
    security_headers(response.headers_mut());
    response
}

fn late(limit: Duration) -> Problem {
    let detail = format!("the request was not complete within {} s", limit.as_secs());
    Problem::malformed(StatusCode::REQUEST_TIMEOUT, detail)
}

fn security_headers(headers: &mut HeaderMap) {
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

/// The answer to a handler that panicked. The panic's words go to the log by the panic hook, not to
/// the caller.
pub(in crate::http) fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem::new(ErrorCode::Bug, "the request met a fault of the bridge").into_response()
}

/// The answer for a path that no route has: 404.
pub(in crate::http) async fn not_found() -> Problem {
    Problem::not_found()
}

/// No such method at this address.
pub(in crate::http) async fn wrong_method() -> Problem {
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

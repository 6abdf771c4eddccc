//! `POST /webhooks/bitrix24/{portal}`: the portal says that something happened.

use crate::{
    app::{PortalAccess, PortalNotification, Sync, portal_access::AppEvent},
    auth::KeyDigest,
    clients::bitrix24::php_form::{self, Limits},
    config::Config,
    domain::{ErrorCode, PortalName},
    http::{
        Problem, State,
        layer::{
            body::{self, SentBody},
            path::PathParam,
        },
    },
    process::telemetry::Metrics,
};
use axum::{
    Json,
    extract::{FromRef, State as Extract},
    http::{HeaderMap, header},
};
use chrono::{DateTime, Datelike as _};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use utoipa::ToSchema;

/// The largest notification, in bytes: a real one has less than two thousand.
const LARGEST: usize = 64 * 1024;
const LIMITS: Limits = Limits {
    pairs: 500,
    depth: 6,
};

/// That a notification was stored.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Stored)]
pub(in crate::http) struct StoredNotification {
    /// `stored`, or `ignored` for an event that the bridge does not act on.
    pub result: &'static str,
}

/// Takes a notification of an outgoing webhook or of an application.
///
/// A form with PHP's bracket keys, as Bitrix24 sends it. The application token is checked before
/// anything is stored; what is stored is a hint that a deal is worth reading, and the portal is not
/// asked anything while it waits for the answer. Bitrix24 never repeats a notification.
#[utoipa::path(
    post, path = "/webhooks/bitrix24/{portal}", tag = "portal",
    params(("portal" = String, Path, description = "The portal's name in the configuration")),
    request_body(content = String, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "Stored", body = StoredNotification),
        (
            status = 400, description = "Not a notification", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 403, description = "A wrong application token, or none; or no such portal",
            body = Problem, content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_notification(
    Extract(with): Extract<Handles>,
    PathParam(portal): PathParam,
    headers: HeaderMap,
    sent: SentBody,
) -> Result<Json<StoredNotification>, Problem> {
    let metrics = &with.metrics;
    let bytes = sent
        .within(LARGEST)
        .bytes()
        .await
        .inspect_err(|_| metrics.notification("malformed"))?;
    let sent = parse(&headers, &bytes)
        .await
        .inspect_err(|_| metrics.notification("malformed"))?;
    if let Ok(name) = PortalName::parse(&portal)
        && let Some(told) = with.portal_access.application_event(&name, &sent).await?
    {
        return app_event_response(metrics, &portal, told);
    }
    let token = sent.pointer("/auth/application_token");
    if !with
        .token_matches(&portal, token.and_then(Value::as_str))
        .await?
    {
        return Err(forbidden(metrics, &portal));
    }
    let notice = notice(portal, sent).inspect_err(|_| metrics.notification("malformed"))?;
    let acted_on = with.sync.store_notification(notice).await?;
    let result = if acted_on { "stored" } else { "ignored" };
    metrics.notification(result);
    Ok(Json(StoredNotification { result }))
}

fn forbidden(metrics: &Metrics, portal: &str) -> Problem {
    metrics.notification("forbidden");
    tracing::warn!(
        %portal,
        "a notification came with a wrong application token, or none: nothing was stored"
    );
    Problem::new(
        ErrorCode::EventToken,
        "the notification's `auth[application_token]` is not one of this portal",
    )
}

/// An event of an application's own life.
fn app_event_response(
    metrics: &Metrics,
    portal: &str,
    told: AppEvent,
) -> Result<Json<StoredNotification>, Problem> {
    match told {
        AppEvent::Taken => {
            metrics.notification("stored");
            Ok(Json(StoredNotification { result: "stored" }))
        }
        AppEvent::Refused => Err(forbidden(metrics, portal)),
        AppEvent::TooMany => Err(Problem::new(
            ErrorCode::Busy,
            "too many installations wait to be judged",
        )),
    }
}

/// What notifications need.
#[derive(Clone)]
pub(in crate::http) struct Handles {
    sync: Sync,
    portal_access: PortalAccess,
    config: Arc<Config>,
    metrics: Metrics,
}

impl FromRef<State> for Handles {
    fn from_ref(state: &State) -> Self {
        Self {
            sync: FromRef::from_ref(state),
            portal_access: FromRef::from_ref(state),
            config: FromRef::from_ref(state),
            metrics: FromRef::from_ref(state),
        }
    }
}

impl Handles {
    /// Whether the token is one of the portal's: of an outgoing webhook or of the application.
    /// Every one is compared, in constant time.
    async fn token_matches(&self, portal: &str, token: Option<&str>) -> Result<bool, Problem> {
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            return Ok(false);
        };
        let mut portals = self.config.portals.iter();
        let known = portals.find(|(name, _)| name.as_str() == portal);
        let Some((name, portal)) = known else {
            return Ok(false);
        };
        let shown = KeyDigest::of(token);
        let of_webhook = portal.event_tokens.iter().fold(false, |found, known| {
            found | KeyDigest::of(known.expose_secret()).matches(&shown)
        });
        let access = &self.portal_access;
        Ok(of_webhook || access.knows_application_token(name, token).await?)
    }
}

async fn parse(headers: &HeaderMap, bytes: &[u8]) -> Result<Value, Problem> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let sent = if kind.to_ascii_lowercase().contains("json") {
        body::json(bytes).await?
    } else {
        php_form::decode(bytes, LIMITS)
            .map_err(|error| Problem::new(ErrorCode::Malformed, error.to_string()))?
    };
    if sent.is_object() {
        Ok(sent)
    } else {
        Err(Problem::new(
            ErrorCode::Malformed,
            "the body is no notification of Bitrix24",
        ))
    }
}

fn notice(portal: String, mut sent: Value) -> Result<PortalNotification, Problem> {
    let text = |value: Option<&Value>| match value {
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let event = text(sent.get("event"));
    if event.is_empty() || event.len() > 200 || event.contains('\0') {
        return Err(Problem::new(
            ErrorCode::Malformed,
            "the notification names no event",
        ));
    }
    let id = [
        "/data/FIELDS/ID",
        "/data/FIELDS_AFTER/ID",
        "/data/FIELDS/id",
        "/data/ID",
    ]
    .iter()
    .find_map(|place| text(sent.pointer(place)).parse().ok());
    let sent_at = text(sent.get("ts"))
        .parse()
        .ok()
        .and_then(|seconds| DateTime::from_timestamp(seconds, 0))
        // What no column of a database holds is no time.
        .filter(|at| (1970..=9998).contains(&at.year()));
    // Tokens of users travel along; they are nobody's business.
    if let Value::Object(members) = &mut sent {
        members.remove("auth");
    }
    Ok(PortalNotification {
        portal,
        event,
        id: id.filter(|id| *id > 0),
        body: sent,
        sent_at,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use proptest::prelude::*;

    #[test]
    fn the_documented_form_is_read_and_its_tokens_are_left_out() {
        let form = b"event=ONCRMDEALADD&event_handler_id=185&data[FIELDS][ID]=7405&ts=1766047124\
              &auth[access_token]=secret&auth%5Bapplication_token%5D=t";
        let sent = parse(&HeaderMap::new(), form)
            .now_or_never()
            .unwrap()
            .unwrap();
        assert_eq!(sent.pointer("/auth/application_token").unwrap(), "t");
        let notice = notice("main".to_owned(), sent).unwrap();
        assert_eq!(
            (notice.event.as_str(), notice.id),
            ("ONCRMDEALADD", Some(7405))
        );
        assert_eq!(notice.sent_at.unwrap().timestamp(), 1_766_047_124);
        assert!(!notice.body.to_string().contains("secret"));
    }

    proptest! {
        #[test]
        fn
            no_body_breaks_the_reader(
                bytes in prop::collection::vec(any::<u8>(), 0..300), json: bool,
            )
            {
            let mut headers = HeaderMap::new();
            if json {
                headers.insert(header::CONTENT_TYPE, "application/json".parse().unwrap());
            }
            if let Some(Ok(sent)) = parse(&headers, &bytes).now_or_never() {
                let _ = notice("main".to_owned(), sent);
            }
        }
    }
}

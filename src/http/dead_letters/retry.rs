//! `POST /v1/dead-letters/{id}/retry`: once more.

use super::get;
use crate::{
    app::{self, RetryOutcome},
    auth::Caller,
    http::{
        Problem, State,
        layer::{self, path::PathParam},
    },
};
use axum::{Json, body::Body, extract::State as Extract, http::HeaderMap};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// How to try a letter again; an empty body: as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub(in crate::http) struct Retry {
    /// A mended event, or a mended snapshot (the event's `data`).
    #[schema(value_type = Option<std::collections::BTreeMap<String, Value>>)]
    payload: Option<Value>,
    /// Make a new deal if the old one is gone.
    recreate: bool,
}

/// What a retry came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RetryOutcome)]
pub(in crate::http) struct Outcome {
    /// `queued`; `overtaken` if the shop has sent a newer snapshot, or `duplicate` if the
    /// letter's event was accepted before: the letter was closed and nothing is sent.
    result: RetryOutcome,
}

/// Tries a dead letter again, with a mended payload or as it is.
#[utoipa::path(
    post, path = "/v1/dead-letters/{id}/retry", tag = "dead letters", security(("key" = [])),
    params(("id" = i64, Path, description = "The letter")),
    request_body = Option<Retry>,
    responses(
        (status = 200, description = "The letter is closed", body = Outcome),
        (
            status = 400, description = "Not JSON", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 403, description = "The key may only look", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 404, description = "No such open letter of the caller", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 422,
            description = "It cannot be tried again, and stays open: every fault with its pointer",
            body = Problem, content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_retry(
    Extract(state): Extract<State>,
    caller: Caller,
    PathParam(id): PathParam,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Outcome>, Problem> {
    caller.may_change()?;
    let letter = get::find(&state, &caller, &id).await?;
    let most = state.config.http.max_body_bytes;
    let retry: Option<Retry> = layer::body::read_optional_json(&headers, body, most).await?;
    let retry = retry.unwrap_or_default();
    let options = app::Retry {
        payload: retry.payload,
        recreate: retry.recreate,
    };
    let result = state
        .app
        .dead_letters
        .retry(letter.id, &caller.actor(), options)
        .await?;
    Ok(Json(Outcome { result }))
}

//! `POST /v1/dead-letters/{id}/retry`: once more.

use super::get;
use crate::{
    app::{self, DeadLetters, RetryOutcome},
    http::{
        Problem,
        layer::{auth::MayChange, body::SentBody, path::PathParam},
    },
};
use axum::{Json, extract::State as Extract};
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
        MayChange,
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
    Extract(dead_letters): Extract<DeadLetters>,
    MayChange(caller): MayChange,
    PathParam(id): PathParam,
    sent: SentBody,
) -> Result<Json<Outcome>, Problem> {
    let letter = get::find(&dead_letters, &caller, &id).await?;
    let retry: Option<Retry> = sent.optional_json().await?;
    let retry = retry.unwrap_or_default();
    let options = app::Retry {
        payload: retry.payload,
        recreate: retry.recreate,
    };
    let result = dead_letters
        .retry(letter.id, &caller.actor(), options)
        .await?;
    Ok(Json(Outcome { result }))
}

//! `POST /v1/dead-letters/{id}/discard`: let it go.

use super::{Problem, State, body, dead_letter, segment::Segment};
use crate::config::Caller;
use axum::{Json, body::Body, extract::State as Extract, http::HeaderMap};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a letter is let go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Discard {
    /// 1 to 1,000 characters, put on record.
    #[serde(default)]
    reason: String,
}

/// What a discard came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DiscardOutcome)]
pub(super) struct Outcome {
    /// `discarded`.
    result: &'static str,
}

/// Lets a dead letter go, for a reason that is put on record.
#[utoipa::path(
    post, path = "/v1/dead-letters/{id}/discard", tag = "dead letters", security(("key" = [])),
    params(("id" = i64, Path, description = "The letter")),
    request_body = Discard,
    responses(
        (status = 200, description = "The letter is closed", body = Outcome),
        (status = 400, description = "Not JSON", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No known key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The key may only look", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such open letter of the caller", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "Too large", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "No usable reason", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database is away: try again", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn post_discard(
    Extract(state): Extract<State>,
    caller: Caller,
    Segment(id): Segment,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Outcome>, Problem> {
    caller.may_change()?;
    let letter = dead_letter::find(&state, &caller, &id).await?;
    let bytes = body::read(&headers, body, state.config.http.max_body_bytes).await?;
    let discard: Discard = body::json(&bytes).await?;
    state
        .bridge
        .discard(letter.id, &caller.actor(), &discard.reason)
        .await?;
    Ok(Json(Outcome {
        result: "discarded",
    }))
}

//! `POST /v1/dead-letters/{id}/discard`: let it go.

use super::get;
use crate::{
    auth::Caller,
    http::{
        Problem, State,
        layer::{self, path::PathParam},
    },
};
use axum::{Json, body::Body, extract::State as Extract, http::HeaderMap};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Why a letter is let go.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Discard {
    /// 1 to 1,000 characters, put on record.
    #[serde(default)]
    reason: String,
}

/// What a discard came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DiscardOutcome)]
pub(in crate::http) struct Outcome {
    /// Always `discarded`: whatever else happens is a problem.
    result: &'static str,
}

/// Lets a dead letter go, for a reason that is put on record.
#[utoipa::path(
    post, path = "/v1/dead-letters/{id}/discard", tag = "dead letters", security(("key" = [])),
    params(("id" = i64, Path, description = "The letter")),
    request_body = Discard,
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
            status = 422, description = "No usable reason", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_discard(
    Extract(state): Extract<State>,
    caller: Caller,
    PathParam(id): PathParam,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Outcome>, Problem> {
    caller.may_change()?;
    let letter = get::find(&state, &caller, &id).await?;
    let most = state.config.http.max_body_bytes;
    let discard: Discard = layer::body::read_json(&headers, body, most).await?;
    state
        .app
        .dead_letters
        .discard(letter.id, &caller.actor(), &discard.reason)
        .await?;
    Ok(Json(Outcome {
        result: "discarded",
    }))
}

//! `POST /v1/conflicts/{id}/resolve`: a person says who is right.

use super::get;
use crate::{
    config::Caller,
    domain::Side,
    http::{
        Problem, State,
        layer::{self, path::PathParam},
    },
};
use axum::{Json, body::Body, extract::State as Extract, http::HeaderMap};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who is right.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Resolve {
    /// `shop` or `portal`.
    #[schema(value_type = String)]
    winner: Side,
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ResolveOutcome)]
pub(in crate::http) struct Outcome {
    /// `resolved`: the portal's lane carries it out.
    result: &'static str,
}

/// Says who is right in a conflict; put on record and carried out by the portal's lane.
#[utoipa::path(
    post, path = "/v1/conflicts/{id}/resolve", tag = "conflicts", security(("key" = [])),
    params(("id" = i64, Path, description = "The conflict")),
    request_body = Resolve,
    responses(
        (status = 200, description = "It is on record", body = Outcome),
        (status = 400, description = "Not JSON, or no winner", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No known key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "The key may only look", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such conflict of the caller", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "Decided already, or vanished", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database is away: try again", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn post_resolve(
    Extract(state): Extract<State>,
    caller: Caller,
    PathParam(id): PathParam,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Outcome>, Problem> {
    caller.may_change()?;
    let conflict = get::find(&state, &caller, &id).await?;
    let most = state.config.http.max_body_bytes;
    let resolve: Resolve = layer::body::read_json(&headers, body, most).await?;
    state
        .app
        .sync
        .resolve(conflict.id, resolve.winner, &caller.actor())
        .await?;
    Ok(Json(Outcome { result: "resolved" }))
}

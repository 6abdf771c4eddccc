//! `GET /v1/conflicts/{id}`: one conflict.

use crate::{
    app::ConflictView,
    config::Caller,
    http::{Problem, State, layer::path::PathParam},
};
use axum::{Json, extract::State as Extract};

/// Shows a conflict, open or closed: both sides, the clocks, what would follow.
#[utoipa::path(
    get, path = "/v1/conflicts/{id}", tag = "conflicts", security(("key" = [])),
    params(("id" = i64, Path, description = "The conflict")),
    responses(
        (status = 200, description = "The conflict", body = ConflictView),
        (status = 401, description = "No known key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such conflict of the caller", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database is away: try again", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn get_conflict(
    Extract(state): Extract<State>,
    caller: Caller,
    PathParam(id): PathParam,
) -> Result<Json<ConflictView>, Problem> {
    find(&state, &caller, &id).await.map(Json)
}

/// A conflict that the caller may see.
pub(in crate::http) async fn find(
    state: &State,
    caller: &Caller,
    id: &str,
) -> Result<ConflictView, Problem> {
    let id = id.parse().map_err(|_| Problem::not_found())?;
    let found = state.app.sync.conflict(id).await?;
    found
        .filter(|conflict| caller.sees(Some(&conflict.shop)))
        .ok_or_else(Problem::not_found)
}

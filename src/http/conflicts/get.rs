//! `GET /v1/conflicts/{id}`: one conflict.

use crate::{
    app::{ConflictItem, Conflicts},
    auth::Caller,
    http::{Problem, layer::path::PathParam},
};
use axum::{Json, extract::State as Extract};

/// Shows a conflict, open or closed: both sides, the clocks, what would follow; of a shortage who
/// holds what.
#[utoipa::path(
    get, path = "/v1/conflicts/{id}", tag = "conflicts", security(("key" = [])),
    params(("id" = i64, Path, description = "The conflict")),
    responses(
        (status = 200, description = "The conflict", body = ConflictItem),
        (
            status = 404, description = "No such conflict of the caller", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn get_conflict(
    Extract(conflicts): Extract<Conflicts>,
    caller: Caller,
    PathParam(id): PathParam,
) -> Result<Json<ConflictItem>, Problem> {
    find(&conflicts, &caller, &id).await.map(Json)
}

/// A conflict that the caller may see.
pub(in crate::http) async fn find(
    conflicts: &Conflicts,
    caller: &Caller,
    id: &str,
) -> Result<ConflictItem, Problem> {
    let id = id.parse().map_err(|_| Problem::not_found())?;
    let found = conflicts.get(id, caller.only()).await?;
    found.ok_or_else(Problem::not_found)
}

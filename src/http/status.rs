//! `GET /v1/status`: whether everything flows.

use super::{Problem, State};
use crate::{app::StatusReport, config::Caller};
use axum::{Json, extract::State as Extract};

/// Tells operators the state of every portal and shop.
#[utoipa::path(
    get, path = "/v1/status", tag = "operator", security(("key" = [])),
    responses(
        (status = 200, description = "The state", body = StatusReport),
        (status = 401, description = "No known key", body = Problem, content_type = "application/problem+json"),
        (status = 403, description = "Not an operator's key", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database is away: try again", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get_status(
    Extract(state): Extract<State>,
    caller: Caller,
) -> Result<Json<StatusReport>, Problem> {
    caller.is_operator()?;
    Ok(Json(state.bridge.status().await?))
}

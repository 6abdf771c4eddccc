//! `GET /v1/status`: whether everything flows.

use crate::{
    app::{Operations, StatusReport},
    auth::Caller,
    http::Problem,
};
use axum::{Json, extract::State as Extract};

/// Tells operators the state of every portal and shop.
#[utoipa::path(
    get, path = "/v1/status", tag = "operator", security(("key" = [])),
    responses(
        (status = 200, description = "The state", body = StatusReport),
        (
            status = 403, description = "Not an operator's key", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn get_status(
    Extract(operations): Extract<Operations>,
    caller: Caller,
) -> Result<Json<StatusReport>, Problem> {
    caller.is_operator()?;
    Ok(Json(operations.status().await?))
}

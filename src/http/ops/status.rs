//! `GET /v1/status`: whether everything flows.

use crate::{
    app::{Operations, StatusReport},
    http::{Problem, layer::auth::IsOperator},
};
use axum::{Json, extract::State as Extract};

/// Tells operators the state of every portal and shop.
#[utoipa::path(
    get, path = "/v1/status", tag = "operator", security(("key" = [])),
    responses(
        (status = 200, description = "The state", body = StatusReport),
        IsOperator,
    )
)]
pub(in crate::http) async fn get_status(
    Extract(operations): Extract<Operations>,
    _: IsOperator,
) -> Result<Json<StatusReport>, Problem> {
    Ok(Json(operations.status().await?))
}

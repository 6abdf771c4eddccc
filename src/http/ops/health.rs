//! `GET /healthz` and `GET /readyz`: for whoever restarts processes and routes requests.

use crate::{
    app::{Operations, StuckTask},
    http::Ready,
};
use axum::{
    Json,
    extract::State as Extract,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::time::Duration;
use tokio::time::timeout;
use utoipa::ToSchema;

const PATIENCE: Duration = Duration::from_secs(3);

/// Whether the process is well.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Health {
    /// `ok`, with status 200; or `unavailable`, with 503.
    status: &'static str,
    /// Why it is not; of what is ready, what fails again and again beside it.
    reasons: Vec<String>,
}

/// Ok while the process lives, whatever the database does.
#[utoipa::path(
    get, path = "/healthz", tag = "watch",
    responses((status = 200, description = "The process lives", body = Health))
)]
pub(in crate::http) async fn get_healthz() -> Json<Health> {
    Json(Health {
        status: "ok",
        reasons: Vec::new(),
    })
}

/// Ok while requests can be taken: the database is there, its schema is made, and the process is
/// not about to stop.
#[utoipa::path(
    get, path = "/readyz", tag = "watch",
    responses(
        (
            status = 200, description = "Ready; `reasons` may name work that fails again and again",
            body = Health
        ),
        (status = 503, description = "Not ready, for these reasons", body = Health),
    )
)]
pub(in crate::http) async fn get_readyz(
    Extract(operations): Extract<Operations>,
    Extract(Ready(ready)): Extract<Ready>,
) -> Response {
    let mut reasons = Vec::new();
    if !*ready.borrow() {
        reasons.push("the process is stopping".to_owned());
    }
    reasons.extend(database(&operations).await);
    if reasons.is_empty() {
        let health = Health {
            status: "ok",
            reasons: stuck(&operations).await,
        };
        return Json(health).into_response();
    }
    let health = Health {
        status: "unavailable",
        reasons,
    };
    (StatusCode::SERVICE_UNAVAILABLE, Json(health)).into_response()
}

/// Work that fails again and again: requests are taken all the same, so it does not take the
/// process out of service.
async fn stuck(operations: &Operations) -> Vec<String> {
    let reason = |one: StuckTask| format!("{} ({})", one.sentence(), one.code);
    match timeout(PATIENCE, operations.stuck()).await {
        Ok(Ok(stuck)) => stuck.into_iter().map(reason).collect(),
        Ok(Err(_)) | Err(_) => {
            vec!["the database does not tell whether anything fails again and again".to_owned()]
        }
    }
}

/// What is wrong with the database, or with its schema.
async fn database(operations: &Operations) -> Option<String> {
    match timeout(PATIENCE, operations.schema_version()).await {
        Ok(Ok(version)) if version.fits() => None,
        Ok(Ok(version)) => Some(version.to_string()),
        Ok(Err(_)) => Some("the database cannot be reached".to_owned()),
        Err(_) => Some("the database does not answer in time".to_owned()),
    }
}

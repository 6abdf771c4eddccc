//! `GET /healthz` and `GET /readyz`: for whoever restarts processes and routes requests.

use super::State;
use crate::app::{Error, LetterFilter};
use axum::{
    Json,
    extract::State as Extract,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use std::{error::Error as _, time::Duration};
use tokio::time::timeout;
use utoipa::ToSchema;

const PATIENCE: Duration = Duration::from_secs(3);
/// What Postgres says of a table, schema or column that is not there.
const MISSING: [&str; 3] = ["42P01", "3F000", "42703"];

/// Whether the process is well.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Health {
    /// `ok` or `unavailable`.
    status: &'static str,
    /// Why it is not.
    reasons: Vec<&'static str>,
}

/// Ok while the process lives, whatever the database does.
#[utoipa::path(
    get, path = "/healthz", tag = "watch",
    responses((status = 200, description = "The process lives", body = Health))
)]
pub(super) async fn get_healthz() -> Json<Health> {
    Json(Health {
        status: "ok",
        reasons: Vec::new(),
    })
}

/// Ok while requests can be taken: the database is there, its schema is made, and the process is not about to stop.
#[utoipa::path(
    get, path = "/readyz", tag = "watch",
    responses(
        (status = 200, description = "Ready", body = Health),
        (status = 503, description = "Not ready, for these reasons", body = Health),
    )
)]
pub(super) async fn get_readyz(Extract(state): Extract<State>) -> Response {
    let mut reasons = Vec::new();
    if !*state.ready.borrow() {
        reasons.push("the process is stopping");
    }
    reasons.extend(database(&state).await);
    if reasons.is_empty() {
        return get_healthz().await.into_response();
    }
    let health = Health {
        status: "unavailable",
        reasons,
    };
    (StatusCode::SERVICE_UNAVAILABLE, Json(health)).into_response()
}

/// What is wrong with the database, found by the cheapest read of the bridge's own tables.
async fn database(state: &State) -> Option<&'static str> {
    let cheap = LetterFilter {
        limit: 1,
        after: Some(i64::MAX),
        ..LetterFilter::default()
    };
    match timeout(PATIENCE, state.bridge.dead_letters(&cheap)).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) if unmigrated(&error) => Some("the database's schema is not up to date"),
        Ok(Err(_)) => Some("the database cannot be reached"),
        Err(_) => Some("the database does not answer in time"),
    }
}

fn unmigrated(error: &Error) -> bool {
    let refused = error.source().and_then(|e| e.downcast_ref::<sqlx::Error>());
    let code = refused
        .and_then(sqlx::Error::as_database_error)
        .and_then(sqlx::error::DatabaseError::code);
    code.is_some_and(|code| MISSING.contains(&code.as_ref()))
}

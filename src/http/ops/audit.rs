//! `GET /v1/audit`: who did what by hand.

use crate::{
    app::{AuditFilter, AuditPage, Operations},
    http::{
        Problem,
        layer::{
            auth::IsOperator,
            query::{self, LARGEST_PAGE},
        },
    },
};
use axum::{
    Json,
    extract::{Query, State as Extract, rejection::QueryRejection},
};
use serde::Deserialize;
use utoipa::IntoParams;

/// Which acts to list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(in crate::http) struct Filter {
    /// Only of this actor, e.g. `operator:anna`.
    actor: Option<String>,
    /// Only this act, e.g. `letter.discard`.
    action: Option<String>,
    /// Only to this thing: a letter's id, a portal's name.
    target: Option<String>,
    /// The `next` of the page before.
    before: Option<i64>,
    /// How many: 1 to 500, else 50.
    #[param(minimum = 1, maximum = 500)]
    limit: Option<u32>,
}

/// Lists what people did, the newest first.
#[utoipa::path(
    get, path = "/v1/audit", tag = "operator", security(("key" = [])),
    params(Filter),
    responses(
        (status = 200, description = "A page", body = AuditPage),
        IsOperator,
    )
)]
pub(in crate::http) async fn get_audit(
    Extract(operations): Extract<Operations>,
    _: IsOperator,
    query: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<AuditPage>, Problem> {
    let filter = query::read(query)?;
    let limit = query::limit(filter.limit, LARGEST_PAGE)?;
    let words = [&filter.actor, &filter.action, &filter.target];
    if words.into_iter().flatten().any(|word| word.contains('\0')) {
        return Err(query::wrong("a filter holds no NUL character"));
    }
    let filter = AuditFilter {
        actor: filter.actor,
        action: filter.action,
        target: filter.target,
        before: filter.before,
        limit,
    };
    Ok(Json(operations.audit(&filter).await?))
}

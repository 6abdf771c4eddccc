//! `GET /v1/status-changes`: what was decided, for shops that cannot be called.

use super::{From, Place, place};
use crate::{
    app::{StatusChanges, Sync},
    auth::Caller,
    http::{Problem, layer::responses::OtherShop},
};
use axum::{
    Json,
    extract::{Query, State as Extract, rejection::QueryRejection},
};

/// Lists a shop's decided changes of status in order, without gaps.
///
/// Ask again with `after` set to the last `next`: with the shop's own key that also acknowledges
/// what was read; an operator reads without a trace. A change never appears below one that was seen
/// before. Where an older back-up of the bridge was restored, `restarted_after` says from where the
/// feed goes on.
#[utoipa::path(
    get, path = "/v1/status-changes", tag = "shop", security(("key" = [])),
    params(From),
    responses(
        (
            status = 200,
            description = "A page: `changes` (seq, id, number, status, previous_status, stage, \
                           source, decided_at, reason, denies), `next`, and `restarted_after` \
                           after a restored back-up",
            body = StatusChanges
        ),
        OtherShop,
    )
)]
pub(in crate::http) async fn get_status_changes(
    Extract(sync): Extract<Sync>,
    caller: Caller,
    query: Result<Query<From>, QueryRejection>,
) -> Result<Json<StatusChanges>, Problem> {
    let Place { shop, after, limit } = place(query, &caller)?;
    let page = match caller.only() {
        Some(_) => sync.status_changes(&shop, after, limit).await?,
        None => sync.peek_status_changes(&shop, after, limit).await?,
    };
    Ok(Json(page))
}

//! `GET /v1/status-changes`: what was decided, for shops that cannot be called.

use super::{
    Problem, State,
    query::{self, wrong},
};
use crate::{app::StatusChanges, config::Caller, domain::ShopName};
use axum::{
    Json,
    extract::{Query, State as Extract, rejection::QueryRejection},
};
use serde::Deserialize;
use utoipa::IntoParams;

const LARGEST_PAGE: u32 = 1_000;

/// From where to read.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct From {
    /// The `next` of the page before; nothing or 0 to begin with.
    after: Option<i64>,
    /// How many: 1 to 1,000, else 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The shop; only with an operator's key.
    shop: Option<String>,
}

/// Lists a shop's decided changes of status in order, without gaps.
///
/// Ask again with `after` set to the last `next`: with the shop's own key that also acknowledges what was read; an operator reads without a trace. A
/// change never appears below one that was seen before. Where an older back-up of the bridge was restored, `restarted_after` says from where the feed goes on.
#[utoipa::path(
    get, path = "/v1/status-changes", tag = "shop", security(("key" = [])),
    params(From),
    responses(
        (status = 200, description = "A page: `changes` (seq, id, number, status, previous_status, stage, decided_at, reason, denies), `next`, and `restarted_after` after a restored back-up", body = StatusChanges),
        (status = 400, description = "A parameter that cannot be used", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No known key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Another shop than the caller's", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database is away: try again", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(super) async fn get_status_changes(
    Extract(state): Extract<State>,
    caller: Caller,
    query: Result<Query<From>, QueryRejection>,
) -> Result<Json<StatusChanges>, Problem> {
    let from = query::read(query)?;
    let limit = query::limit(from.limit, LARGEST_PAGE)?;
    let after = from.after.unwrap_or(0);
    if after < 0 {
        return Err(wrong("`after` is the `next` of the page before"));
    }
    let named = from.shop.as_deref().map(ShopName::parse).transpose();
    let shop = caller.within(named.map_err(wrong)?)?;
    let shop = shop.ok_or_else(|| wrong("name a `shop`"))?;
    let bridge = &state.bridge;
    let page = match caller.only() {
        Some(_) => bridge.status_changes(&shop, after, limit).await?,
        None => bridge.peek_status_changes(&shop, after, limit).await?,
    };
    Ok(Json(page))
}

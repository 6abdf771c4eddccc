//! `GET /v1/stock-changes`: the levels that changed, for shops that mirror them.

use super::no_stock;
use crate::{
    app::stock::LevelChanges,
    config::Caller,
    domain::ShopName,
    http::{
        Problem, State,
        query::{self, wrong},
    },
};
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
pub(in crate::http) struct From {
    /// The `next` of the page before; nothing or 0: all levels.
    after: Option<i64>,
    /// How many: 1 to 1,000, else 100.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
    /// The shop; only with an operator's key.
    shop: Option<String>,
}

/// Lists levels that changed, each with its newest figures: states, not a queue of differences.
///
/// Ask again with `after` set to the last `next`. A level that changed is never below one that was
/// seen before.
#[utoipa::path(
    get, path = "/v1/stock-changes", tag = "stock", security(("key" = [])),
    params(From),
    responses(
        (status = 200, description = "A page", body = LevelChanges),
        (status = 400, description = "A parameter that cannot be used", body = Problem, content_type = "application/problem+json"),
        (status = 401, description = "No known key", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "Another shop than the caller's, or one that sells from no stock", body = Problem, content_type = "application/problem+json"),
        (status = 503, description = "The database is away: try again", body = Problem, content_type = "application/problem+json"),
    )
)]
pub(in crate::http) async fn get_stock_changes(
    Extract(state): Extract<State>,
    caller: Caller,
    query: Result<Query<From>, QueryRejection>,
) -> Result<Json<LevelChanges>, Problem> {
    let from = query::read(query)?;
    let limit = query::limit(from.limit, LARGEST_PAGE)?;
    let after = from.after.unwrap_or(0);
    if after < 0 {
        return Err(wrong("`after` is the `next` of the page before"));
    }
    let named = from.shop.as_deref().map(ShopName::parse).transpose();
    let shop = caller.within(named.map_err(wrong)?)?;
    let shop = shop.ok_or_else(|| wrong("name a `shop`"))?;
    let page = state.bridge.stock_changes(&shop, after, limit).await?;
    page.map(Json).ok_or_else(|| no_stock(&shop))
}

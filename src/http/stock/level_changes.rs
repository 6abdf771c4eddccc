//! `GET /v1/stock-changes`: the levels that changed, for shops that mirror them.

use super::no_stock;
use crate::{
    app::{Stock, stock::LevelChanges},
    auth::Caller,
    http::{
        Problem,
        feed::{self, From},
    },
};
use axum::{
    Json,
    extract::{Query, State as Extract, rejection::QueryRejection},
};

/// Lists levels that changed, each with its newest figures: states, not a queue of differences.
///
/// Without `after`: all levels. Ask again with `after` set to the last `next`. A level that changed
/// is never below one that was seen before.
#[utoipa::path(
    get, path = "/v1/stock-changes", tag = "stock", security(("key" = [])),
    params(From),
    responses(
        (status = 200, description = "A page", body = LevelChanges),
        (
            status = 404,
            description = "Another shop than the caller's, or one that sells from no stock",
            body = Problem, content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn get_stock_changes(
    Extract(stock): Extract<Stock>,
    caller: Caller,
    query: Result<Query<From>, QueryRejection>,
) -> Result<Json<LevelChanges>, Problem> {
    let feed::Place { shop, after, limit } = feed::place(query, &caller)?;
    let page = stock.stock_changes(&shop, after, limit).await?;
    page.map(Json).ok_or_else(|| no_stock(&shop))
}

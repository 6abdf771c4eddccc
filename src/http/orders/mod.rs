//! `GET /v1/orders/{shop}/{number}`: the life of one order.

pub(super) mod list;
pub(super) mod not_customer;
pub(super) mod tries;

use super::Problem;
use crate::{
    app::{Operations, OrderView},
    auth::Caller,
    domain::{OrderNumber, ShopName},
};
use axum::{
    Json,
    extract::{Path, State as Extract, rejection::PathRejection},
};

/// Tells what is known of an order and what happened to it.
#[utoipa::path(
    get, path = "/v1/orders/{shop}/{number}", tag = "shop", security(("key" = [])),
    params(
        ("shop" = String, Path, description = "The shop's name"),
        ("number" = String, Path, description = "The order's number, percent-encoded: it may hold \
                                                 a slash"),
    ),
    responses(
        (status = 200, description = "The order and its life", body = OrderView),
        (
            status = 401, description = "No known key", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 404, description = "No such order of the caller", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 503, description = "The database is away: try again", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(super) async fn get_order(
    Extract(operations): Extract<Operations>,
    caller: Caller,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<OrderView>, Problem> {
    let Path((shop, number)) = path.map_err(|_| Problem::not_found())?;
    let (Ok(shop), Ok(number)) = (ShopName::parse(&shop), OrderNumber::parse(&number)) else {
        return Err(Problem::not_found());
    };
    if !caller.sees(Some(shop.as_str())) {
        return Err(Problem::not_found());
    }
    let order = operations.order_view(&shop, number.as_str()).await?;
    order.map(Json).ok_or_else(Problem::not_found)
}

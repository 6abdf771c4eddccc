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

/// The shop and the number in an address.
type OrderPath = Result<Path<(String, String)>, PathRejection>;

/// The order that an address names.
fn named(path: OrderPath) -> Result<(ShopName, OrderNumber), Problem> {
    let Path((shop, number)) = path.map_err(|_| Problem::not_found())?;
    match (ShopName::parse(&shop), OrderNumber::parse(&number)) {
        (Ok(shop), Ok(number)) => Ok((shop, number)),
        _ => Err(Problem::not_found()),
    }
}

/// The same of an order that the caller may see.
fn seen(caller: &Caller, path: OrderPath) -> Result<(ShopName, OrderNumber), Problem> {
    let order = named(path)?;
    let is_seen = caller.sees(Some(order.0.as_str()));
    is_seen.then_some(order).ok_or_else(Problem::not_found)
}

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
            status = 404, description = "No such order of the caller", body = Problem,
            content_type = "application/problem+json"
        ),
    )
)]
pub(super) async fn get_order(
    Extract(operations): Extract<Operations>,
    caller: Caller,
    path: OrderPath,
) -> Result<Json<OrderView>, Problem> {
    let (shop, number) = seen(&caller, path)?;
    let order = operations.order_view(&shop, number.as_str()).await?;
    order.map(Json).ok_or_else(Problem::not_found)
}

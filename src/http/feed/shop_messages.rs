//! `GET /v1/messages`: what else a shop is told, for shops that cannot be called.

use super::{From, Place, place};
use crate::{
    app::{ShopMessages, Sync},
    auth::Caller,
    http::{Problem, layer::responses::OtherShop},
};
use axum::{
    Json,
    extract::{Query, State as Extract, rejection::QueryRejection},
};

/// Lists what a shop is told beside changes of status, such as `bridge.reservation.short.v1`,
/// `bridge.order.payment.v1`, `bridge.order.shipment.v1`, `bridge.order.contents.v1`,
/// `bridge.order.created.v1` and `bridge.customer.saved.v1`.
///
/// Ask again with `after` set to the last `next`: with the key of a shop that is not called, that
/// also acknowledges what was read; an operator reads without a trace. Each message is there once,
/// by its `id`.
#[utoipa::path(
    get, path = "/v1/messages", tag = "shop", security(("key" = [])),
    params(From),
    responses(
        (
            status = 200, description = "A page: `messages` (CloudEvents) and `next`",
            body = ShopMessages
        ),
        OtherShop,
    )
)]
pub(in crate::http) async fn get_messages(
    Extract(sync): Extract<Sync>,
    caller: Caller,
    query: Result<Query<From>, QueryRejection>,
) -> Result<Json<ShopMessages>, Problem> {
    let Place { shop, after, limit } = place(query, &caller)?;
    let by_itself = caller.only().is_some();
    let page = sync.shop_messages(&shop, (after, limit), by_itself);
    Ok(Json(page.await?))
}

//! `GET /v1/stock`: what there is of some products.

use super::no_stock;
use crate::{
    app::{Stock, stock::LevelView},
    auth::Caller,
    domain::ShopName,
    http::{Problem, layer::query::wrong},
};
use axum::{
    Json,
    extract::{RawQuery, State as Extract},
};
use serde::Serialize;
use utoipa::ToSchema;

/// The most products of one question.
const MOST: usize = 500;

/// The levels of the products that were asked for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StockLevels)]
pub(in crate::http) struct Levels {
    /// A level for each product and store; of a product that is not known there is none.
    levels: Vec<LevelView>,
}

/// Tells what each store has of the products asked for.
#[utoipa::path(
    get, path = "/v1/stock", tag = "stock", security(("key" = [])),
    params(
        ("product" = Vec<String>, Query, description = "A product, by any name that the shop's \
                                                        products are known by; repeat it for up to \
                                                        500"),
        ("shop" = Option<String>, Query, description = "The shop; only with an operator's key"),
    ),
    responses(
        (status = 200, description = "The levels", body = Levels),
        (
            status = 400, description = "A parameter that cannot be used", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 404,
            description = "Another shop than the caller's, or one that sells from no stock",
            body = Problem, content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn get_stock(
    Extract(stock): Extract<Stock>,
    caller: Caller,
    RawQuery(query): RawQuery,
) -> Result<Json<Levels>, Problem> {
    let (mut products, mut shop) = (Vec::new(), None);
    for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        match name.as_ref() {
            "product" => products.push(value.into_owned()),
            "shop" => shop = Some(ShopName::parse(&value).map_err(wrong)?),
            other => return Err(wrong(format!("there is no parameter `{other}`"))),
        }
    }
    if products.is_empty() || products.len() > MOST {
        return Err(wrong(format!("name 1 to {MOST} products: `product=…`")));
    }
    if products.iter().any(|name| name.contains('\0')) {
        return Err(wrong("a product's name holds a NUL character"));
    }
    let shop = caller.within(shop)?.ok_or_else(|| wrong("name a `shop`"))?;
    let levels = stock.stock_levels(&shop, &products).await?;
    let levels = levels.ok_or_else(|| no_stock(&shop))?;
    Ok(Json(Levels { levels }))
}

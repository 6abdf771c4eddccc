//! Feeds: what changed after a place, for shops that cannot be called.

pub(super) mod shop_messages;
pub(super) mod status_changes;

use super::{
    Problem,
    layer::query::{self, wrong},
};
use crate::{auth::Caller, domain::ShopName};
use axum::extract::{Query, rejection::QueryRejection};
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

/// A place in the feed of a shop that the caller sees.
pub(super) struct Place {
    /// The shop whose feed it is.
    pub shop: ShopName,
    /// What was read before; 0 to begin with.
    pub after: i64,
    /// How many to read; 0 stands for what is usual.
    pub limit: u32,
}

/// The place that a query names.
pub(super) fn place(
    query: Result<Query<From>, QueryRejection>,
    caller: &Caller,
) -> Result<Place, Problem> {
    let from = query::read(query)?;
    let limit = query::limit(from.limit, LARGEST_PAGE)?;
    let after = from.after.unwrap_or(0);
    if after < 0 {
        return Err(wrong("`after` is the `next` of the page before"));
    }
    let named = from.shop.as_deref().map(ShopName::parse).transpose();
    let shop = caller.within(named.map_err(wrong)?)?;
    let shop = shop.ok_or_else(|| wrong("name a `shop`"))?;
    Ok(Place { shop, after, limit })
}

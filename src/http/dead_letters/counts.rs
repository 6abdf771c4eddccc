//! `GET /v1/dead-letters/counts`: how many letters, by code, shop and portal.

use super::list::{Filter, wanted};
use crate::{
    app::{DeadLetters, LetterCounts},
    auth::Caller,
    http::{Problem, layer::responses::OtherShop},
};
use axum::{
    Json,
    extract::{Query, State as Extract, rejection::QueryRejection},
};

/// Counts open dead letters: to a shop its own, to an operator all. `after` and `limit` play no
/// part.
#[utoipa::path(
    get, path = "/v1/dead-letters/counts", tag = "dead letters", security(("key" = [])),
    params(Filter),
    responses(
        (status = 200, description = "The counts, the most first", body = LetterCounts),
        OtherShop,
    )
)]
pub(in crate::http) async fn get_counts(
    Extract(dead_letters): Extract<DeadLetters>,
    caller: Caller,
    query: Result<Query<Filter>, QueryRejection>,
) -> Result<Json<LetterCounts>, Problem> {
    let filter = wanted(query, &caller)?;
    Ok(Json(dead_letters.count_letters(&filter).await?))
}

//! `POST /v1/orders/{shop}/{number}/not-customer`: a card is not the customer's.

use super::{OrderPath, named};
use crate::{
    app::{Card, Delivery},
    http::{
        Problem,
        layer::{auth::MayOperate, body::SentBody},
    },
};
use axum::{Json, extract::State as Extract};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The card that is not the customer's.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct NotCustomer {
    /// `contact` (the default) or `company`.
    #[serde(default = "contact")]
    #[schema(value_type = String)]
    card: Card,
    /// The id of the card that the order has, as the person saw it: another one by now is left
    /// alone.
    id: u64,
}

fn contact() -> Card {
    Card::Contact
}

/// What came of it.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Outcome {
    /// `queued`: another card is looked for now; `later`: with the order's next event, since its
    /// last one is no longer kept.
    result: &'static str,
}

/// Says that a card is not the customer's: the order leaves it, and it is never taken for this
/// customer again.
#[utoipa::path(
    post, path = "/v1/orders/{shop}/{number}/not-customer", tag = "shop", security(("key" = [])),
    params(
        ("shop" = String, Path, description = "The shop's name"),
        ("number" = String, Path, description = "The order's number, percent-encoded"),
    ),
    request_body = NotCustomer,
    responses(
        (status = 200, description = "It is on record", body = Outcome),
        (
            status = 400, description = "Not JSON, or no card", body = Problem,
            content_type = "application/problem+json"
        ),
        MayOperate,
        (
            status = 404, description = "No such order, or it has another card by now",
            body = Problem, content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_not_customer(
    Extract(delivery): Extract<Delivery>,
    MayOperate(caller): MayOperate,
    path: OrderPath,
    sent: SentBody,
) -> Result<Json<Outcome>, Problem> {
    let (shop, number) = named(path)?;
    let not: NotCustomer = sent.json().await?;
    let card = (not.card, Some(not.id));
    let done = delivery
        .not_customer(&shop, number.as_str(), card, &caller.actor())
        .await?;
    let result = if done.now { "queued" } else { "later" };
    Ok(Json(Outcome { result }))
}

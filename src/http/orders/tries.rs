//! `POST /v1/orders/{shop}/{number}/mend` and `/give-up`: an order that was refused and is still
//! tried is put right, or given up.

use super::{OrderPath, seen};
use crate::{
    app::{DeadLetters, RetryOutcome},
    http::{
        Problem,
        layer::{auth::MayChange, body::SentBody, responses},
    },
};
use axum::{Json, extract::State as Extract};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// What is named is not tried.
pub(in crate::http) enum NotTried {}

responses::describe! {
    NotTried = NOT_FOUND "No such order of the caller, or this event of it is not tried any more",
}

/// What is sent in place of what was refused.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct Mend {
    /// The `event` of the order's `tried`: a newer one by now is left alone.
    event: i64,
    /// A mended event, or a mended snapshot (the event's `data`).
    #[schema(value_type = std::collections::BTreeMap<String, Value>)]
    payload: Value,
}

/// What mending came to.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct Mended {
    /// `queued`: it is on its way.
    result: RetryOutcome,
}

/// What is given up, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct GiveUp {
    /// The `event` of the order's `tried`: a newer one by now is left alone.
    event: i64,
    /// 1 to 1,000 characters, put on record.
    #[serde(default)]
    reason: String,
}

/// What giving up came to.
#[derive(Debug, Serialize, ToSchema)]
pub(in crate::http) struct GivenUp {
    /// Always `given_up`: whatever else happens is a problem.
    result: &'static str,
}

/// Sends an order that was refused and is still tried with what is put right.
#[utoipa::path(
    post, path = "/v1/orders/{shop}/{number}/mend", tag = "shop", security(("key" = [])),
    params(
        ("shop" = String, Path, description = "The shop's name"),
        ("number" = String, Path, description = "The order's number, percent-encoded"),
    ),
    request_body = Mend,
    responses(
        (status = 200, description = "It is on its way", body = Mended),
        MayChange,
        NotTried,
        (
            status = 422, description = "It cannot be sent so: every fault with its pointer",
            body = Problem, content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_mend(
    Extract(letters): Extract<DeadLetters>,
    MayChange(caller): MayChange,
    path: OrderPath,
    sent: SentBody,
) -> Result<Json<Mended>, Problem> {
    let (shop, number) = seen(&caller, path)?;
    let Mend { event, payload } = sent.json().await?;
    let (order, who) = ((&shop, number.as_str()), caller.actor());
    let result = letters.mend_tried(order, event, &who, payload).await?;
    Ok(Json(Mended { result }))
}

/// Stops trying an order that was refused, for a reason that is put on record. A newer state of it
/// is sent as ever.
#[utoipa::path(
    post, path = "/v1/orders/{shop}/{number}/give-up", tag = "shop", security(("key" = [])),
    params(
        ("shop" = String, Path, description = "The shop's name"),
        ("number" = String, Path, description = "The order's number, percent-encoded"),
    ),
    request_body = GiveUp,
    responses(
        (status = 200, description = "It is tried no more", body = GivenUp),
        MayChange,
        NotTried,
        (
            status = 422, description = "No usable reason",
            body = Problem, content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_give_up(
    Extract(letters): Extract<DeadLetters>,
    MayChange(caller): MayChange,
    path: OrderPath,
    sent: SentBody,
) -> Result<Json<GivenUp>, Problem> {
    let (shop, number) = seen(&caller, path)?;
    let GiveUp { event, reason } = sent.json().await?;
    let (order, who) = ((&shop, number.as_str()), caller.actor());
    letters.give_up_tried(order, event, &who, &reason).await?;
    Ok(Json(GivenUp { result: "given_up" }))
}

//! `POST /v1/woocommerce/{shop}`: WooCommerce's own webhooks.

use crate::{
    app::{Accepted, DeadLetters, Intake},
    config::{Config, Shop},
    domain::{ErrorCode, Fault, Faults, ShopName},
    formats::woocommerce::{self, Delivery},
    http::{
        Problem,
        layer::{
            body::{self, SentBody},
            path::PathParam,
        },
        request_schemas::WooOrder,
    },
    process::doors,
};
use axum::{
    Json,
    body::Bytes,
    extract::State as Extract,
    http::{HeaderMap, StatusCode},
};
use serde::Serialize;
use serde_json::Value;
use std::sync::Arc;
use utoipa::ToSchema;

/// What a webhook sends when it is made: a form, unsigned.
const PING: &[u8] = b"webhook_id=";
const NO_ORDER: &str = "this is no order: the operator was told";
const UNUSABLE: &str = "the order cannot be used as it came: it waits as a dead letter";

/// Why a delivery was ignored at which the bridge itself failed: WooCommerce would not send it
/// again.
const FAILED: &str = "the bridge failed at it: it waits as a dead letter";

/// What became of a delivery.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Received)]
pub(in crate::http) struct ReceivedDelivery {
    /// `queued`, `duplicate`, `dead` where the order waits as a dead letter, `ignored`, or `pong`
    /// for the call that WooCommerce makes when a webhook is saved.
    pub result: &'static str,
    /// Why it was ignored, or is dead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
}

/// Takes a delivery of a WooCommerce webhook.
///
/// The topics `order.created`, `order.updated`, `order.restored` and `order.deleted`; others are
/// ignored. `X-WC-Webhook-Signature` takes the place of a key. WooCommerce does not repeat a
/// delivery by itself, and disables a webhook that failed several times in a row: what is signed is
/// never refused. An order that cannot be used becomes a dead letter, which names every fault; of
/// anything else the operator is told.
#[utoipa::path(
    post, path = "/v1/woocommerce/{shop}", tag = "shop",
    params(("shop" = String, Path, description = "The shop's name in the configuration")),
    request_body(
        content = WooOrder, content_type = "application/json",
        description = "An order as in WooCommerce's REST API"
    ),
    responses(
        (status = 200, description = "Nothing to store", body = ReceivedDelivery),
        (
            status = 202, description = "Stored, as an event or as a dead letter",
            body = ReceivedDelivery
        ),
        (
            status = 401, description = "The signature is wrong", body = Problem,
            content_type = "application/problem+json"
        ),
        (
            status = 404, description = "No such shop, or it has no `[shops.NAME.woocommerce]`",
            body = Problem, content_type = "application/problem+json"
        ),
    )
)]
pub(in crate::http) async fn post_delivery(
    Extract(intake): Extract<Intake>,
    Extract(dead_letters): Extract<DeadLetters>,
    Extract(config): Extract<Arc<Config>>,
    PathParam(name): PathParam,
    headers: HeaderMap,
    sent: SentBody,
) -> Result<(StatusCode, Json<ReceivedDelivery>), Problem> {
    let name = ShopName::parse(&name).map_err(|_| Problem::not_found())?;
    let shop = config.shops.get(&name).ok_or_else(Problem::not_found)?;
    let bytes = sent.bytes().await?;
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let signature = text("x-wc-webhook-signature");
    if !signed(shop, &bytes, signature)? {
        return Ok(answer(StatusCode::OK, "pong", None));
    }
    doors::known();
    if bytes.starts_with(PING) {
        return Ok(answer(StatusCode::OK, "pong", None));
    }
    let Ok(order) = body::json(&bytes).await else {
        let words: String = String::from_utf8_lossy(&bytes).chars().take(300).collect();
        let notice = woocommerce::notice(ErrorCode::NotAnOrder, &words);
        tell(&intake, &name, notice).await?;
        return Ok(answer(StatusCode::OK, "ignored", Some(NO_ORDER)));
    };
    let topic = text("x-wc-webhook-topic").unwrap_or_default();
    let delivery_id = text("x-wc-webhook-delivery-id").unwrap_or_default();
    let marketplace = shop
        .woocommerce
        .as_ref()
        .map(|settings| settings.marketplace);
    let marketplace = marketplace.unwrap_or_default();
    let what = (topic, delivery_id);
    let read = dead_letters.read_delivery(&name, marketplace, what, &order);
    let Some(read) = read.await? else {
        intake.shop_sent_order(&name).await?;
        return Ok(answer(StatusCode::ACCEPTED, "dead", Some(FAILED)));
    };
    let event = match read {
        Ok(Delivery::Event(event)) => event,
        Ok(Delivery::Ignored(reason)) => {
            return Ok(answer(StatusCode::OK, "ignored", Some(reason)));
        }
        // A refusal would make WooCommerce switch the webhook off; the operator hears of it
        // instead.
        Ok(notice @ Delivery::Notice { .. }) => {
            tell(&intake, &name, notice).await?;
            return Ok(answer(StatusCode::OK, "ignored", Some(NO_ORDER)));
        }
        Err(broken) => {
            let (event, faults) = (&broken.event, &broken.faults);
            return dead_letter_event(&intake, &name, event, ErrorCode::Invalid, faults).await;
        }
    };
    store(&intake, &name, &event).await
}

/// Stores the event that was made of an order.
async fn store(
    intake: &Intake,
    name: &ShopName,
    event: &Value,
) -> Result<(StatusCode, Json<ReceivedDelivery>), Problem> {
    let events = std::slice::from_ref(event);
    let accepted = intake.accept_events(Some(name), events).await?;
    match accepted.into_iter().next() {
        Some(Accepted::Invalid(faults)) => {
            dead_letter_event(intake, name, event, ErrorCode::Invalid, &faults).await
        }
        Some(Accepted::Refused(code, faults)) => {
            dead_letter_event(intake, name, event, code, &faults).await
        }
        Some(Accepted::Failed(words)) => {
            let faults = vec![Fault {
                pointer: String::new(),
                detail: words,
            }];
            dead_letter_event(intake, name, event, ErrorCode::Bug, &faults).await
        }
        Some(Accepted::Queued) => {
            intake.shop_sent_order(name).await?;
            Ok(answer(StatusCode::ACCEPTED, "queued", None))
        }
        // The id tells the body: another event under it was made of the same body, by an earlier
        // release.
        Some(Accepted::Duplicate | Accepted::Conflict | Accepted::Changed(_)) => {
            intake.shop_sent_order(name).await?;
            Ok(answer(StatusCode::ACCEPTED, "duplicate", None))
        }
        None => Err(Problem::new(ErrorCode::Bug, "the event got no result")),
    }
}

/// Keeps an order that cannot be used as a dead letter.
async fn dead_letter_event(
    intake: &Intake,
    shop: &ShopName,
    event: &Value,
    code: ErrorCode,
    faults: &Faults,
) -> Result<(StatusCode, Json<ReceivedDelivery>), Problem> {
    intake.shop_sent_order(shop).await?;
    intake
        .dead_letter_received(shop, event, code, faults)
        .await?;
    Ok(answer(StatusCode::ACCEPTED, "dead", Some(UNUSABLE)))
}

/// Lets the operator hear what came in place of an order.
async fn tell(intake: &Intake, shop: &ShopName, delivery: Delivery) -> Result<(), Problem> {
    if let Delivery::Notice { code, words } = delivery {
        intake.shop_sent_notice(shop, code, &words).await?;
    }
    Ok(())
}

/// Whether the body is signed; false for a ping, which never is.
fn signed(shop: &Shop, body: &Bytes, signature: Option<&str>) -> Result<bool, Problem> {
    let secret = shop.woocommerce.as_ref().ok_or_else(Problem::not_found)?;
    match signature {
        None if body.starts_with(PING) => Ok(false),
        Some(signature) if secret.signed(body, signature) => Ok(true),
        _ => Err(Problem::new(
            ErrorCode::Key,
            "`X-WC-Webhook-Signature` is not the signature of this body with the shop's secret",
        )),
    }
}

fn answer(
    status: StatusCode,
    result: &'static str,
    reason: Option<&'static str>,
) -> (StatusCode, Json<ReceivedDelivery>) {
    (status, Json(ReceivedDelivery { result, reason }))
}

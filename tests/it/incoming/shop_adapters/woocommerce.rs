//! WooCommerce's webhooks over a real port.

use super::Api;
use b24_bridge::app::{Actor, LetterFilter, Retry};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Response, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;

const ORDER: &str = include_str!("../../../../src/formats/woocommerce/sample.json");
const SECRET: &str = "woo-secret-0123456789";

fn sign(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

async fn deliver(api: &Api, shop: &str, topic: &str, body: &str, signature: &str) -> Response {
    let url = format!("{}/v1/woocommerce/{shop}", api.url);
    api.client
        .post(url)
        .header("content-type", "application/json")
        .header("x-wc-webhook-source", "https://shop.example/")
        .header("x-wc-webhook-topic", topic)
        .header(
            "x-wc-webhook-delivery-id",
            "36e520ebabc2fa725092ff4a47acedf2",
        )
        .header("x-wc-webhook-signature", signature)
        .body(body.to_owned())
        .send()
        .await
        .unwrap()
}

async fn signed(api: &Api, topic: &str, body: &str) -> (StatusCode, Value) {
    let answer = deliver(api, "main", topic, body, &sign(SECRET, body)).await;
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test]
async fn an_order_is_stored_once_however_many_webhooks_bring_it() {
    let api = Api::new().await;
    let (status, answer) = signed(&api, "order.created", ORDER).await;
    assert_eq!(
        (status, &answer["result"]),
        (StatusCode::ACCEPTED, &json!("queued")),
        "{answer}"
    );
    let (status, answer) = signed(&api, "order.updated", ORDER).await;
    assert_eq!(
        (status, &answer["result"]),
        (StatusCode::ACCEPTED, &json!("duplicate"))
    );
    assert_eq!(api.events("727").await, 1);
    assert_eq!(api.order("727").await["status"], "processing");
}

#[tokio::test]
async fn an_older_state_that_comes_late_does_not_overwrite_a_newer_one() {
    let api = Api::new().await;
    let mut newer: Value = serde_json::from_str(ORDER).unwrap();
    newer["status"] = json!("completed");
    newer["date_modified_gmt"] = json!("2026-01-16T07:05:00");
    signed(&api, "order.updated", &newer.to_string()).await;
    signed(&api, "order.updated", ORDER).await;
    assert_eq!(api.events("727").await, 2);
    assert_eq!(api.order("727").await["status"], "completed");
}

#[tokio::test]
async fn a_deletion_is_taken_and_other_topics_are_ignored() {
    let api = Api::new().await;
    signed(&api, "order.created", ORDER).await;
    let (status, answer) = signed(&api, "order.deleted", "{\"id\":727}").await;
    assert_eq!(
        (status, &answer["result"]),
        (StatusCode::ACCEPTED, &json!("queued"))
    );
    let (status, answer) = signed(&api, "product.updated", "{\"id\":5}").await;
    assert_eq!(
        (status, &answer["result"]),
        (StatusCode::OK, &json!("ignored"))
    );
    assert_eq!(api.events("727").await, 2);
}

#[tokio::test]
async fn the_call_at_the_webhooks_creation_is_answered_with_200() {
    let api = Api::new().await;
    let ping = |shop| {
        let url = format!("{}/v1/woocommerce/{shop}", api.url);
        api.client.post(url).form(&[("webhook_id", "12")]).send()
    };
    assert_eq!(ping("main").await.unwrap().status(), StatusCode::OK);
    assert_eq!(ping("other").await.unwrap().status(), StatusCode::NOT_FOUND);
    assert_eq!(
        ping("nobody").await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn a_wrong_signature_stores_nothing() {
    let api = Api::new().await;
    let other = sign("another-secret-0123456789", ORDER);
    for signature in [other.as_str(), "", "AAAA"] {
        let answer = deliver(&api, "main", "order.created", ORDER, signature).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    }
    let ping = deliver(&api, "main", "order.created", "webhook_id=1", "AAAA").await;
    assert_eq!(ping.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(api.events("727").await, 0);
}

#[tokio::test]
async fn what_cannot_be_read_is_acknowledged_and_named_with_its_place_as_a_dead_letter() {
    let api = Api::new().await;
    let letters = async || {
        let filter = LetterFilter::default();
        api.app
            .dead_letters
            .dead_letters(&filter)
            .await
            .unwrap()
            .items
    };
    // WooCommerce sends it with every webhook and every change, and switches a webhook off that is
    // refused.
    let broken = ORDER.replace("\"total\": \"192.00\"", "\"total\": \"many\"");
    for topic in ["order.created", "order.updated"] {
        let (status, answer) = signed(&api, topic, &broken).await;
        assert_eq!(
            (status, &answer["result"]),
            (StatusCode::ACCEPTED, &json!("dead"))
        );
    }
    let waiting = letters().await;
    let [letter] = waiting.as_slice() else {
        panic!("{waiting:?}")
    };
    assert_eq!(
        (letter.number.as_deref(), letter.code.as_str()),
        (Some("727"), "SHOP-INVALID")
    );
    assert!(letter.message.contains("/total"), "{}", letter.message);
    assert_eq!(letter.payload["data"]["total"], "many");
    // It is the order all the same, once somebody has mended what is named.
    let mut mended = letter.payload.clone();
    mended["data"]["total"] = json!("187.00");
    let again = Retry {
        payload: Some(mended),
        ..Retry::default()
    };
    let who = Actor("operator:anna".to_owned());
    api.app
        .dead_letters
        .retry(letter.id, &who, again)
        .await
        .unwrap();
    assert_eq!(api.order("727").await["status"], "processing");
    assert!(letters().await.is_empty());

    // What the intake itself refuses, too.
    let broken = ORDER.replace("\"currency\": \"RUB\"", "\"currency\": \"rubles\"");
    let (status, answer) = signed(&api, "order.updated", &broken).await;
    assert_eq!(
        (status, &answer["result"]),
        (StatusCode::ACCEPTED, &json!("dead"))
    );
    assert!(letters().await[0].message.contains("/data/currency"));

    // What is no JSON is no order.
    let (status, answer) = signed(&api, "order.updated", "<p>Fatal error</p>").await;
    assert_eq!(
        (status, &answer["result"]),
        (StatusCode::OK, &json!("ignored"))
    );
    let notices = api.app.operations.status().await.unwrap().notices;
    assert!(notices[0].message.contains("Fatal error"), "{notices:?}");
}

//! Evotor's bodies at their addresses: made-up data in the shapes of the real ones.

use super::world::{serve, settings};
use crate::support::api::Api;
use b24_bridge::app::{Actor, LetterFilter, Retry};
use hmac::{Hmac, KeyInit as _, Mac as _};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use sha2::Sha256;
use std::fmt::Write as _;

const TOKEN: &str = "evotor-token-0123456789";
const TILLS: &str = r#"
[tills.centre]
kind = "evotor"
shop = "main"
token = "evotor-token-0123456789"
stores = { "S-1" = "a", "S-2" = "b" }
"#;

async fn world() -> Api {
    let api = serve(&settings().tables(TILLS)).await;
    for store in ["a", "b"] {
        api.bring(store, "p-1", "9").await;
    }
    api
}

#[expect(clippy::needless_pass_by_value, reason = "a literal")]
fn created(receipt: &str, quantity: Value) -> Value {
    json!({
        "id": format!("event of {receipt}"), "type": "ReceiptCreated", "version": 2,
        "timestamp": 1_772_000_000_000_u64, "userId": "01-000000000000001",
        "data": {
            "id": receipt, "type": "SELL", "dateTime": "2026-03-01T09:15:00.000Z",
            "deviceId": "D-1", "storeId": "S-1", "shiftId": "43", "employeeId": "E-1",
            "paymentSource": "PAY_CARD", "infoCheck": false, "totalAmount": 300, "totalTax": 0,
            "totalDiscount": 0,
            "items": [{ "id": "p-1", "name": "Чайник", "itemType": "NORMAL", "measureName": "шт",
                "quantity": quantity, "price": 150, "costPrice": 90, "sumPrice": 300,
                "discount": 0, "tax": 0, "taxPercent": 0 }],
            "extras": {},
        },
    })
}

fn document(id: &str, kind: &str, quantity: i64) -> Value {
    json!({ "uuid": id, "type": kind, "deviceUuid": "D-1", "sessionNumber": 3,
        "closeDate": "2026-03-01T12:15:00.000+0000", "baseDocumentUUID": null, "transactions": [
            { "type": "DOCUMENT_OPEN" },
            { "type": "REGISTER_POSITION", "commodityUuid": "p-1", "quantity": quantity,
              "price": 150, "resultPrice": 150, "resultSum": 150 * quantity },
            { "type": "PAYMENT", "sum": 150 * quantity },
            { "type": "DOCUMENT_CLOSE_FPRINT" }] })
}

impl Api {
    fn evotor(&self, method: Method, path: &str, body: &Value) -> RequestBuilder {
        let url = format!("{}/webhooks/evotor/centre{path}", self.url);
        self.client.request(method, url).json(body)
    }
}

async fn answered(request: RequestBuilder) -> (StatusCode, Value) {
    let answer = request.send().await.unwrap();
    (answer.status(), answer.json().await.unwrap())
}

#[tokio::test]
async fn the_same_goods_are_sold_by_every_body_that_evotor_sends() {
    let api = world().await;
    let post = api.evotor(Method::POST, "", &created("R-1", json!(2)));
    let (status, answer) = answered(post.bearer_auth(TOKEN)).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["receipts"][0]["result"], "queued");
    let again = api.evotor(Method::POST, "", &created("R-1", json!(2)));
    let (_, answer) = answered(again.bearer_auth(TOKEN)).await;
    assert_eq!(answer["receipts"][0]["result"], "duplicate");
    assert_eq!(api.level("p-1", "a").await.0, "7");

    let list = json!([{ "uuid": "R-2", "deviceUuid": "D-2", "storeUuid": "S-2", "type": "SELL",
        "dateTime": "2026-03-01T12:15:00.000+0300", "shiftId": 7,
        "items": [{ "uuid": "p-1", "quantity": 1.5, "price": 150, "sumPrice": 225 }] }]);
    let old = api.evotor(Method::POST, "/api/v1/receipt", &list);
    assert_eq!(
        answered(old.basic_auth("evotor", Some(TOKEN))).await.0,
        StatusCode::OK
    );
    assert_eq!(api.level("p-1", "b").await.0, "7.5");

    let documents = json!([document("D-1", "SELL", 3), document("D-2", "PAYBACK", -1),
        document("D-3", "ACCEPT", 50), { "uuid": "D-4", "type": "Z_REPORT", "transactions": [] }]);
    let path = "/api/v1/inventories/stores/S-2/documents";
    let put = api.evotor(Method::PUT, path, &documents);
    let (status, answer) = answered(put.bearer_auth(TOKEN)).await;
    assert_eq!((status, &answer["ignored"]), (StatusCode::OK, &json!(2)));
    assert_eq!(api.level("p-1", "b").await.0, "5.5");

    let wrapped = json!({ "type": "DocumentEvent", "id": "E-1", "data": { "id": "D-9",
        "type": "SELL", "store_id": "S-1", "close_date": "2026-03-01T09:15:00.000+0000",
        "body": { "positions": [{ "product_id": "p-1", "quantity": 1, "price": 150, "sum": 150,
            "result_sum": 140 }], "result_sum": 140 } } });
    let mut mac = Hmac::<Sha256>::new_from_slice(TOKEN.as_bytes()).unwrap();
    mac.update(wrapped.to_string().as_bytes());
    let signature = mac.finalize().into_bytes();
    let digits = signature.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    });
    let signed = api.evotor(Method::POST, "", &wrapped);
    let signed = signed.header("X-Hookshot-Signature", digits);
    assert_eq!(answered(signed).await.0, StatusCode::OK);
    assert_eq!(api.level("p-1", "a").await.0, "6");
    api.prove().await;
}

#[tokio::test]
async fn without_the_till_s_token_nothing_is_stored() {
    let api = world().await;
    let body = created("R-1", json!(2));
    let post = |path: &str| api.evotor(Method::POST, path, &body);
    for forged in [
        post(""),
        post("").bearer_auth("evotor-token-9999999999"),
        post("").bearer_auth(crate::support::settings::KEY),
        post("/api/v1/receipt").basic_auth(TOKEN, Some("no")),
        post("").header("X-Hookshot-Signature", "00ff"),
        post("").header("X-Hookshot-Signature", ""),
    ] {
        let (status, answer) = answered(forged).await;
        assert_eq!(
            (status, &answer["code"]),
            (StatusCode::FORBIDDEN, &json!("TILL-TOKEN"))
        );
    }
    let stored = "SELECT (SELECT count(*) FROM bridge.receipts)
                       + (SELECT count(*) FROM bridge.dead_letters)";
    let stored: i64 = sqlx::query_scalar(stored)
        .fetch_one(&api.db.pool)
        .await
        .unwrap();
    assert_eq!(stored, 0);
    let url = format!("{}/webhooks/evotor/nobody", api.url);
    let unknown = api.client.post(url).bearer_auth(TOKEN).json(&body);
    assert_eq!(answered(unknown).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_receipt_that_cannot_be_used_waits_as_a_letter_and_can_be_mended() {
    let api = world().await;
    let batch = json!([created("R-1", json!("two")), created("R-2", json!(1))]);
    let first = api.evotor(Method::POST, "", &json!([batch[0]]));
    // What comes again is one letter.
    assert_eq!(answered(first.bearer_auth(TOKEN)).await.0, StatusCode::OK);
    let post = api.evotor(Method::POST, "", &batch);
    let (status, answer) = answered(post.bearer_auth(TOKEN)).await;
    let results = [
        &answer["receipts"][0]["result"],
        &answer["receipts"][1]["result"],
    ];
    assert_eq!(
        (status, results),
        (StatusCode::OK, [&json!("dead"), &json!("queued")])
    );
    let all = LetterFilter::default();
    let letters = api.app.dead_letters.dead_letters(&all).await.unwrap().items;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert!(
        letters[0].message.contains("/data/lines/0/quantity"),
        "{letters:?}"
    );
    let mut data = letters[0].payload["data"].clone();
    data["lines"][0]["quantity"] = json!("2");
    let mended = Retry {
        payload: Some(data),
        ..Retry::default()
    };
    let anna = Actor::new("operator:anna");
    let retried = api.app.dead_letters.retry(letters[0].id, &anna, mended);
    retried.await.unwrap();
    assert_eq!(api.level("p-1", "a").await.0, "6");
    assert!(
        api.app
            .dead_letters
            .dead_letters(&all)
            .await
            .unwrap()
            .items
            .is_empty()
    );
    api.prove().await;
}

#[tokio::test]
async fn a_receipt_that_both_clouds_tell_of_counts_once_and_picks_up_its_order() {
    let api = world().await;
    let older = |id: &str| {
        json!([{ "uuid": id, "deviceUuid": "D-1", "storeUuid": "S-1", "type": "SELL",
            "dateTime": "2026-03-01T09:15:02.000+0000", "shiftId": 43,
            "items": [{ "uuid": "p-1", "quantity": 2, "price": 150, "sumPrice": 300 }] }])
    };
    let newer = |id: &str| {
        let mut body = created(id, json!(2));
        body["data"]["extras"] = json!({ "number": "W-1001" });
        body["data"]["items"][0]["barcode"] = json!("4600000000017");
        body
    };
    let letters = "SELECT count(*) FROM bridge.dead_letters";
    for (nth, (id, first_is_newer)) in [("R-1", false), ("R-2", true)].into_iter().enumerate() {
        let old = api.evotor(Method::POST, "/api/v1/receipt", &older(id));
        let new = api.evotor(Method::POST, "", &newer(id));
        let (first, second) = if first_is_newer {
            (new, old)
        } else {
            (old, new)
        };
        for body in [first, second] {
            let (status, answer) = answered(body.bearer_auth(TOKEN)).await;
            assert_eq!(status, StatusCode::OK, "{answer}");
            assert_eq!(answer["receipts"][0]["result"], "queued", "{id}");
        }
        let left = ["7", "5"][nth];
        assert_eq!(api.level("p-1", "a").await.0, left, "{id}");
        let number = "SELECT number FROM bridge.receipts WHERE receipt = $1";
        let number: Option<String> = sqlx::query_scalar(number)
            .bind(id)
            .fetch_one(&api.db.pool)
            .await
            .unwrap();
        assert_eq!(number.as_deref(), Some("W-1001"), "{id}");
        let letters: i64 = sqlx::query_scalar(letters)
            .fetch_one(&api.db.pool)
            .await
            .unwrap();
        assert_eq!(letters, 0, "{id}");
    }
    api.prove().await;
}

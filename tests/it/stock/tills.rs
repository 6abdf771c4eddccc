//! Tills as operators look at them: what each has sent, what a body would mean, what is forgotten.

use super::world::{event, serve, settings};
use crate::support::{api::Api, process::command, settings::Settings};
use b24_bridge::{
    app::stock::ReceiptFilter,
    worker::{Retention, prune},
};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const TOKEN: &str = "till-token-0123456789";
const TILLS: &str = r#"
[tills.one]
shop = "main"
token = "till-token-0123456789"
store = "a"
[tills.cloud]
kind = "evotor"
shop = "main"
token = "evotor-token-0123456789"
stores = { "V-1" = "a" }
"#;

fn with_tills() -> Settings {
    settings().tables(TILLS)
}

fn sale(receipt: &str, product: &str) -> Value {
    json!({ "receipt": receipt, "kind": "sale", "closed_at": "2026-01-15T10:00:00+03:00",
        "currency": "RUB", "total": "20.00", "customer": { "phone": "+79160000001" },
        "lines": [{ "product_id": product, "quantity": "2", "price": "10" }] })
}

async fn sell(api: &Api, data: Value) {
    let event = event("pos.receipt.saved.v1", data);
    let asked = api.ask_as(TOKEN, Method::POST, "/v1/events", Some(&event));
    assert_eq!(asked.await.0, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn tills_are_listed_and_what_they_send_is_tried_without_a_trace() {
    let api = serve(&with_tills()).await;
    api.bring("a", "cup", "9").await;
    sell(&api, sale("R1", "cup")).await;
    sell(&api, sale("R2", "moon")).await;
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("b24-bridge.toml");
    with_tills().write(&settings);
    let run = |arguments: &[&str]| {
        let output = command(arguments, &settings, &api.db.url).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (
            output.status.success(),
            text(&output.stdout),
            text(&output.stderr),
        )
    };
    let (done, listed, said) = run(&["tills", "list", "--json"]);
    let listed: Value = serde_json::from_str(&listed).unwrap_or_else(|_| panic!("{said}"));
    let one = listed["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|till| till["till"] == "one");
    let one = one.unwrap();
    assert!(
        done && one["received"] == 2 && one["parked"] == 1,
        "{listed}"
    );
    let file = folder.path().join("receipt.json");
    let body = file.to_str().unwrap();
    for (product, fine) in [("cup", true), ("moon", false)] {
        std::fs::write(&file, sale("R3", product).to_string()).unwrap();
        let (done, shown, said) = run(&["tills", "test", "one", body]);
        assert_eq!(done, fine, "{shown}{said}");
        let word = if fine {
            "the product cup"
        } else {
            "would be parked"
        };
        assert!(shown.contains(word), "{shown}{said}");
    }
    let evotor = json!([{ "uuid": "E1", "deviceUuid": "D", "storeUuid": "V-1", "type": "SELL",
        "dateTime": "2026-01-15T10:00:00.000+0300",
        "items": [{ "uuid": "cup", "quantity": 1, "price": 10, "sumPrice": 10 }] }]);
    std::fs::write(&file, evotor.to_string()).unwrap();
    let (done, shown, said) = run(&["tills", "test", "cloud", body]);
    assert!(done && shown.contains("in a"), "{shown}{said}");
    let (_, found, said) = run(&["doctor"]);
    let parked = "receipts that name a product that is not known, and wait for it: 1";
    assert!(found.contains(parked), "{found}{said}");
    let url = format!("{}/webhooks/evotor/cloud", api.url);
    let elsewhere = evotor.to_string().replace("V-1", "V-9");
    let asked = api.client.post(url).bearer_auth("evotor-token-0123456789");
    let asked = asked
        .header("content-type", "application/json")
        .body(elsewhere);
    assert_eq!(asked.send().await.unwrap().status(), StatusCode::OK);
    let (_, found, said) = run(&["doctor"]);
    for parked in [
        parked,
        "receipts that name a store that is not known, and wait for it: 1",
    ] {
        assert!(found.contains(parked), "{found}{said}");
    }
    let all = api.app.stock.receipts(&ReceiptFilter::default(), 10).await;
    assert_eq!(all.unwrap().len(), 3, "what was tried is not stored");
    assert_eq!(api.level("cup", "a").await.0, "7");
}

#[tokio::test]
async fn who_bought_is_forgotten_in_time_and_the_receipt_still_sells_once() {
    let api = serve(&with_tills()).await;
    api.bring("a", "cup", "9").await;
    sell(&api, sale("R1", "cup")).await;
    let long_ago = "UPDATE bridge.receipts SET changed_at = now() - interval '2 days'";
    sqlx::query(long_ago).execute(&api.db.pool).await.unwrap();
    let events = "UPDATE bridge.stock_events SET received_at = now() - interval '2 days'";
    sqlx::query(events).execute(&api.db.pool).await.unwrap();
    let retention = Retention {
        settled: Duration::from_hours(24),
        timeline: Duration::from_hours(24),
        ..Retention::default()
    };
    prune(&api.app.operations, &retention, &CancellationToken::new())
        .await
        .unwrap();
    let left = "SELECT count(*) FROM bridge.receipts WHERE body::text LIKE '%7916%'";
    let left: i64 = sqlx::query_scalar(left)
        .fetch_one(&api.db.pool)
        .await
        .unwrap();
    assert_eq!(left, 0);
    let events = "SELECT count(*) FROM bridge.stock_events WHERE kind = 'receipt'";
    let events: i64 = sqlx::query_scalar(events)
        .fetch_one(&api.db.pool)
        .await
        .unwrap();
    assert_eq!(events, 0);
    sell(&api, sale("R1", "cup")).await;
    assert_eq!(api.level("cup", "a").await.0, "7");
    let mut edited = sale("R1", "cup");
    edited["version"] = json!(2);
    edited["cancelled"] = json!(true);
    sell(&api, edited).await;
    assert_eq!(api.level("cup", "a").await.0, "9");
    api.prove().await;
}

#[tokio::test]
async fn a_receipt_that_cannot_be_posted_holds_no_other_up_and_its_letter_says_why() {
    let api = serve(&with_tills()).await;
    for receipt in ["R1", "R2"] {
        sell(&api, sale(receipt, "moon")).await;
    }
    let spoil = "UPDATE bridge.receipts SET lines = '{}' WHERE receipt = 'R1'";
    let spoiled = sqlx::query(spoil).execute(&api.db.pool).await.unwrap();
    assert_eq!(spoiled.rows_affected(), 1);
    api.bring("a", "moon", "9").await;
    let from = b24_bridge::app::stock::ReceiptKey::default();
    let replayed = api.app.stock.replay_receipts(&from).await.unwrap().1;
    assert_eq!(replayed, 1);
    assert_eq!(api.level("moon", "a").await.0, "7");
    let words = "SELECT message FROM bridge.dead_letters
                 WHERE subject = 'receipt-parked:one/R1' AND closed_at IS NULL";
    let words: String = sqlx::query_scalar(words)
        .fetch_one(&api.db.pool)
        .await
        .unwrap();
    assert!(words.contains("cannot extract elements"), "{words}");
}

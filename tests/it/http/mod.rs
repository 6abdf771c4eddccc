//! The API over a real port, from requests to problems.

mod dead_letters;
mod described;
pub(crate) mod doors;
mod health;
mod observed;
mod tries;

use crate::support::{
    api::{self, Api},
    settings::KEY as MAIN,
    shop::{claim, event, hopeless, lease, tries},
};
use b24_bridge::{domain::ErrorCode, planner::Settlement};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const OTHER: &str = "other-key-0123456789";
const ANNA: &str = "anna-key-0123456789";
const VIKTOR: &str = "viktor-key-0123456789";
const OPERATORS: &str = r#"
[operators.anna]
key = "anna-key-0123456789"
role = "operator"
[operators.viktor]
key = "viktor-key-0123456789"
"#;

/// Tills, which the routes need.
const TILLS: &str = r#"
[stock.main]
shops = ["main"]
[[stock.main.stores]]
name = "a"
[tills.evotor]
kind = "evotor"
shop = "main"
token = "evotor-token-0123456789"
[tills.ms]
kind = "moysklad"
shop = "main"
token = "moysklad-token-0123456789"
api_token = "an-api-token"
"#;

/// The API as operators use it, with small limits.
async fn serve() -> Api {
    let settings = api::settings()
        .set("http.max_body_bytes", 400_000)
        .set("http.request_timeout_seconds", 2)
        .tables(OPERATORS)
        .tables(TILLS);
    Api::with(&settings).await
}

impl Api {
    fn get(&self, key: &str, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.url);
        self.client.get(url).bearer_auth(key)
    }

    fn post(&self, key: &str, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.url);
        self.client.post(url).bearer_auth(key)
    }

    async fn send(&self, event: &Value) -> Response {
        let request = self.post(MAIN, "/v1/events").json(event);
        request.send().await.unwrap()
    }

    /// An order of the shop `main` that came to this.
    async fn ended(&self, number: &str, ended: Settlement) {
        let taken = self.send(&event(number, number, 1)).await;
        assert_eq!(taken.status(), StatusCode::ACCEPTED);
        let lease = lease(&self.db.pool, "w").await.unwrap();
        let (claimed, _) = claim(&self.app, &lease).await.remove(0);
        self.app
            .delivery
            .settle(&lease, &tries(), vec![(claimed, ended)])
            .await
            .unwrap();
    }

    /// An order of the shop `main` that died; returns the letter's id.
    async fn dead(&self, number: &str) -> i64 {
        self.ended(number, hopeless(ErrorCode::Status)).await;
        let page: Value = body(self.get(ANNA, "/v1/dead-letters")).await;
        page["items"][0]["id"].as_i64().unwrap()
    }
}

/// The JSON of a good answer.
async fn body(request: RequestBuilder) -> Value {
    let response = request.send().await.unwrap();
    let status = response.status();
    let text = response.text().await.unwrap();
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// The problem of an answer of failure, with this status and code.
async fn problem(request: RequestBuilder, status: u16, code: &str) -> Value {
    let response = request.send().await.unwrap();
    let (got, headers) = (response.status().as_u16(), response.headers().clone());
    let text = response.text().await.unwrap();
    assert_eq!(got, status, "{text}");
    assert_eq!(headers["content-type"], "application/problem+json");
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(problem["code"], code, "{text}");
    assert_eq!(problem["status"], status);
    for key in ["type", "title", "detail", "remedy"] {
        assert!(
            problem[key].as_str().is_some_and(|t| !t.is_empty()),
            "{key}: {text}"
        );
    }
    problem
}

#[tokio::test]
async fn an_event_is_queued_once_and_another_body_under_its_identity_refused() {
    let api = serve().await;
    let first = event("e1", "A-1", 1);
    let queued = api.send(&first).await;
    assert_eq!(queued.status(), StatusCode::ACCEPTED);
    assert_eq!(
        queued.json::<Value>().await.unwrap(),
        json!({"source": "https://shop.example", "id": "e1", "result": "queued"})
    );
    let again = body(api.post(MAIN, "/v1/events").json(&first)).await;
    assert_eq!(again["result"], "duplicate");
    let other = api.post(MAIN, "/v1/events").json(&event("e1", "A-1", 2));
    problem(other, 409, "SHOP-CONFLICT").await;
}

#[tokio::test]
async fn an_invalid_event_names_every_fault_at_its_pointer() {
    let api = serve().await;
    let mut wrong = event("e1", "A-1", 1);
    wrong["data"]["number"] = json!("");
    wrong["data"]["currency"] = json!(7);
    wrong["data"]["items"][0]["price"] = json!("much");
    let told = problem(
        api.post(MAIN, "/v1/events").json(&wrong),
        422,
        "SHOP-INVALID",
    )
    .await;
    let pointers: BTreeSet<&str> = told["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| e["pointer"].as_str().unwrap())
        .collect();
    for pointer in ["/data/number", "/data/currency", "/data/items/0/price"] {
        assert!(pointers.contains(pointer), "{pointer}: {told}");
    }
}

#[tokio::test]
async fn a_batch_takes_the_good_ones_and_names_the_others() {
    let api = serve().await;
    let batch =
        json!([event("e1", "A-1", 1), event("e1", "A-1", 1), event("e1", "A-1", 2), {"id": "e9"}]);
    let request = api
        .post(MAIN, "/v1/events")
        .header(
            "content-type",
            "application/cloudevents-batch+json; charset=utf-8",
        )
        .body(batch.to_string());
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let told: Value = response.json().await.unwrap();
    let words: Vec<_> = told["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["result"].as_str().unwrap())
        .collect();
    assert_eq!(words, ["queued", "duplicate", "conflict", "invalid"]);
    assert_eq!(told["results"][3]["id"], "e9");
    assert!(told["results"][3]["faults"][0]["pointer"].is_string());

    let none = api.post(MAIN, "/v1/events").json(&json!([{"id": "e9"}]));
    let told = problem(none, 422, "SHOP-INVALID").await;
    assert_eq!(told["results"][0]["result"], "invalid");
    let empty = body(api.post(MAIN, "/v1/events").json(&json!([]))).await;
    assert_eq!(empty, json!({"results": []}));
}

#[tokio::test]
async fn an_event_in_binary_mode_is_taken() {
    let api = serve().await;
    let whole = event("e1", "A-1", 1);
    let mut request = api.post(MAIN, "/v1/events").json(&whole["data"]);
    for key in ["specversion", "type", "source", "id"] {
        request = request.header(format!("ce-{key}"), whole[key].as_str().unwrap());
    }
    assert_eq!(body(request).await["result"], "queued");
}

#[tokio::test]
async fn what_is_too_large_or_no_json_or_of_another_type_is_refused() {
    let api = serve().await;
    let events = || api.post(MAIN, "/v1/events");
    let large = format!("\"{}\"", "x".repeat(400_000));
    let large = events()
        .header("content-type", "application/json")
        .body(large);
    problem(large, 413, "SHOP-TOO-LARGE").await;
    let many = events().json(&vec![json!({}); 1001]);
    problem(many, 413, "SHOP-TOO-LARGE").await;
    let plain = events().header("content-type", "text/plain").body("{}");
    problem(plain, 415, "SHOP-MALFORMED").await;
    let json = |text: String| {
        events()
            .header("content-type", "application/json")
            .body(text)
    };
    let told = problem(json("{\n \"id\": ,}".to_owned()), 400, "SHOP-MALFORMED").await;
    assert!(
        told["detail"].as_str().unwrap().contains("line 2 column 8"),
        "{told}"
    );
    let deep = json("[".repeat(5000));
    problem(deep, 400, "SHOP-MALFORMED").await;
}

#[tokio::test]
async fn a_body_without_a_length_is_cut_at_the_bound() {
    let api = serve().await;
    let mut stream = TcpStream::connect(&api.address).await.unwrap();
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {MAIN}\r\n\
         content-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n61a81\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![b' '; 0x0006_1a81]).await.unwrap();
    assert!(first_line(&mut stream).await.contains(" 413 "));
}

#[tokio::test]
async fn a_request_that_does_not_complete_is_answered_408() {
    let api = serve().await;
    let mut stream = TcpStream::connect(&api.address).await.unwrap();
    let head = format!(
        "POST /v1/events HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {MAIN}\r\n\
         content-type: application/json\r\ncontent-length: 10\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    assert!(first_line(&mut stream).await.contains(" 408 "));
}

async fn first_line(stream: &mut TcpStream) -> String {
    let mut answer = [0; 64];
    let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut answer));
    let length = read.await.unwrap().unwrap();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn only_a_shops_key_posts_and_no_key_sees_anything() {
    let api = serve().await;
    let nobody = api
        .client
        .post(format!("http://{}/v1/events", api.address))
        .json(&json!({}));
    let response = nobody.try_clone().unwrap().send().await.unwrap();
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
    problem(nobody, 401, "SHOP-KEY").await;
    let wrong = "wrong-key-0123456789";
    for path in [
        "/v1/status",
        "/v1/dead-letters",
        "/v1/dead-letters/1",
        "/v1/orders/main/1",
    ] {
        problem(api.get(wrong, path), 401, "SHOP-KEY").await;
    }
    let operator = api.post(ANNA, "/v1/events").json(&event("e1", "A-1", 1));
    problem(operator, 403, "SHOP-FORBIDDEN").await;
}

#[tokio::test]
async fn an_order_is_shown_to_its_shop_and_to_operators_alone() {
    let api = serve().await;
    api.send(&event("e1", "№ 1/А", 1)).await;
    let path = "/v1/orders/main/%E2%84%96%201%2F%D0%90";
    for key in [MAIN, ANNA, VIKTOR] {
        let order = body(api.get(key, path)).await;
        assert_eq!(order["number"], "№ 1/А");
        assert_eq!(order["pending"], 1);
    }
    problem(api.get(OTHER, path), 404, "SHOP-NOT-FOUND").await;
    problem(api.get(MAIN, "/v1/orders/main/none"), 404, "SHOP-NOT-FOUND").await;
    problem(api.get(MAIN, "/v1/orders/main/%FF"), 404, "SHOP-NOT-FOUND").await;
    problem(api.get(MAIN, "/v1/orders/main/%00"), 404, "SHOP-NOT-FOUND").await;
}

#[tokio::test]
async fn a_dead_letter_is_seen_by_its_shop_and_retried_or_discarded() {
    let api = serve().await;
    let id = api.dead("A-1").await;
    let one = format!("/v1/dead-letters/{id}");
    let (retry, discard) = (format!("{one}/retry"), format!("{one}/discard"));
    assert_eq!(body(api.get(MAIN, &one)).await["code"], "MAP-STATUS");
    problem(api.get(OTHER, &one), 404, "SHOP-NOT-FOUND").await;
    problem(api.post(OTHER, &retry), 404, "SHOP-NOT-FOUND").await;
    problem(api.post(VIKTOR, &retry), 403, "SHOP-FORBIDDEN").await;
    for nothing in ["%FF", "x", "0", "99999999999999999999"] {
        let path = format!("/v1/dead-letters/{nothing}");
        problem(api.get(ANNA, &path), 404, "SHOP-NOT-FOUND").await;
    }
    let reason = json!({"reason": "a test order"});
    problem(
        api.post(OTHER, &discard).json(&reason),
        404,
        "SHOP-NOT-FOUND",
    )
    .await;
    problem(
        api.post(VIKTOR, &discard).json(&reason),
        403,
        "SHOP-FORBIDDEN",
    )
    .await;
    let told = problem(
        api.post(MAIN, &discard).json(&json!({})),
        422,
        "SHOP-INVALID",
    )
    .await;
    assert_eq!(told["errors"][0]["pointer"], "/reason");
    let bad = api
        .post(MAIN, &retry)
        .json(&json!({"payload": {"number": "A-1", "total": "x"}}));
    problem(bad, 422, "SHOP-INVALID").await;
    problem(
        api.post(MAIN, &retry).json(&json!({"recreat": true})),
        400,
        "SHOP-MALFORMED",
    )
    .await;

    assert_eq!(body(api.post(MAIN, &retry)).await["result"], "queued");
    problem(api.post(MAIN, &retry), 404, "SHOP-NOT-FOUND").await;
    let order = body(api.get(MAIN, "/v1/orders/main/A-1")).await;
    assert_eq!((&order["pending"], &order["dead"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn a_discarded_letter_is_gone_and_the_reason_is_on_record() {
    let api = serve().await;
    let id = api.dead("A-1").await;
    let discard = format!("/v1/dead-letters/{id}/discard");
    let reason = json!({"reason": "a test order"});
    assert_eq!(
        body(api.post(ANNA, &discard).json(&reason)).await["result"],
        "discarded"
    );
    problem(
        api.post(ANNA, &discard).json(&reason),
        404,
        "SHOP-NOT-FOUND",
    )
    .await;
    let order = body(api.get(MAIN, "/v1/orders/main/A-1")).await;
    let last = order["timeline"].as_array().unwrap().last().unwrap();
    let text = last["text"].as_str().unwrap();
    assert!(
        text.contains("operator:anna") && text.contains("a test order"),
        "{text}"
    );
}

#[tokio::test]
async fn the_list_of_dead_letters_keeps_to_its_filters_and_its_caller() {
    let api = serve().await;
    api.dead("A-1").await;
    let count = async |key: &str, query: &str| {
        let page = body(api.get(key, &format!("/v1/dead-letters{query}"))).await;
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(count(MAIN, "").await, 1);
    assert_eq!(count(OTHER, "").await, 0);
    assert_eq!(
        count(
            VIKTOR,
            "?shop=main&portal=main&code=MAP-STATUS&number=A-1&limit=500"
        )
        .await,
        1
    );
    for none in [
        "?shop=other",
        "?code=B24-EMAIL",
        "?number=A-2",
        "?portal=second",
        "?after=99999",
    ] {
        assert_eq!(count(VIKTOR, none).await, 0, "{none}");
    }
    problem(
        api.get(OTHER, "/v1/dead-letters?shop=main"),
        404,
        "SHOP-NOT-FOUND",
    )
    .await;
    for wrong in [
        "?limit=501",
        "?limit=0",
        "?limit=x",
        "?code=NONE",
        "?shpo=main",
        "?number=%00",
    ] {
        problem(
            api.get(ANNA, &format!("/v1/dead-letters{wrong}")),
            400,
            "SHOP-MALFORMED",
        )
        .await;
    }
}

#[tokio::test]
async fn operators_see_the_status_and_only_their_role_pauses() {
    let api = serve().await;
    problem(api.get(MAIN, "/v1/status"), 403, "SHOP-FORBIDDEN").await;
    let (pause, resume) = ("/v1/portals/main/pause", "/v1/portals/main/resume");
    for key in [MAIN, VIKTOR] {
        problem(api.post(key, pause), 403, "SHOP-FORBIDDEN").await;
        problem(api.post(key, resume), 403, "SHOP-FORBIDDEN").await;
    }
    problem(
        api.post(ANNA, "/v1/portals/none/pause"),
        404,
        "SHOP-NOT-FOUND",
    )
    .await;
    assert_eq!(body(api.post(ANNA, pause)).await["result"], "paused");
    let status = body(api.get(VIKTOR, "/v1/status")).await;
    assert_eq!(status["portals"][0]["state"], "paused");
    assert_eq!(body(api.post(ANNA, resume)).await["result"], "resumed");
    let status = body(api.get(VIKTOR, "/v1/status")).await;
    assert_eq!(status["portals"][0]["state"], "idle");
}

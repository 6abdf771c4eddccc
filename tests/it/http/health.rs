//! Health, meters, description, and what every answer has in common.

use super::{MAIN, body, problem, serve};
use crate::support::shop::{event, main_shop};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};
use tokio::net::TcpStream;

#[tokio::test]
async fn health_goes_on_while_readiness_tells_what_is_wrong() {
    let api = serve().await;
    assert_eq!(body(api.get("", "/readyz")).await["status"], "ok");
    api.ready.send(false).unwrap();
    let told = api.get("", "/readyz").send().await.unwrap();
    assert_eq!(told.status(), StatusCode::SERVICE_UNAVAILABLE);
    let told: Value = told.json().await.unwrap();
    assert_eq!(told["reasons"], json!(["the process is stopping"]));
    api.ready.send(true).unwrap();
    sqlx::query("DROP SCHEMA bridge CASCADE")
        .execute(&api.db.pool)
        .await
        .unwrap();
    let told: Value = api
        .get("", "/readyz")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let reason = told["reasons"][0].as_str().unwrap();
    assert!(
        reason.starts_with("the database has no schema yet; this version needs 2026"),
        "{reason}"
    );
    api.db.pool.close().await;
    let told: Value = api
        .get("", "/readyz")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(told["reasons"], json!(["the database cannot be reached"]));
    assert_eq!(body(api.get("", "/healthz")).await["status"], "ok");
}

#[tokio::test]
async fn without_the_database_requests_are_answered_503_with_a_time_to_return() {
    let api = serve().await;
    api.db.pool.close().await;
    let post = || api.post(MAIN, "/v1/events").json(&event("e1", "A-1", 1));
    let response = post().send().await.unwrap();
    assert!(response.headers().contains_key("retry-after"));
    problem(post(), 503, "BRIDGE-DATABASE").await;
    problem(api.get(MAIN, "/v1/orders/main/A-1"), 503, "BRIDGE-DATABASE").await;
}

#[tokio::test]
async fn the_meters_are_shown_without_a_key_and_hold_no_secret() {
    let api = serve().await;
    api.send(&event("e1", "A-1", 1)).await;
    let response = api.get("", "/metrics").send().await.unwrap();
    assert!(
        response.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    let text = response.text().await.unwrap();
    assert!(
        text.contains("bridge_events_received_total{result=\"queued\"} 1"),
        "{text}"
    );
    assert!(
        text.contains("bridge_lane_depth{lane=\"main\",state=\"new\"} 1"),
        "{text}"
    );
    assert!(!text.contains("secret") && !text.contains("key-0123456789"));
}

#[tokio::test]
async fn every_answer_carries_its_id_and_the_headers_of_caution() {
    let api = serve().await;
    let given = api
        .get(MAIN, "/v1/dead-letters")
        .header("x-request-id", "shop-17");
    let headers = given.send().await.unwrap().headers().clone();
    assert_eq!(headers["x-request-id"], "shop-17");
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["cache-control"], "no-store");
    assert!(
        headers["content-security-policy"]
            .to_str()
            .unwrap()
            .starts_with("default-src 'none'")
    );
    let odd = api.get(MAIN, "/nowhere").header("x-request-id", "a b\"c");
    let headers = odd.send().await.unwrap().headers().clone();
    assert_eq!(headers["x-request-id"].len(), 36);
}

#[tokio::test]
async fn an_unknown_address_and_an_unknown_method_are_problems() {
    let api = serve().await;
    problem(api.get(MAIN, "/v2/events"), 404, "SHOP-NOT-FOUND").await;
    let response = api.get(MAIN, "/v1/events").send().await.unwrap();
    assert_eq!(response.headers()["allow"], "POST");
    problem(api.get(MAIN, "/v1/events"), 405, "SHOP-MALFORMED").await;
}

const ROUTES: [&str; 46] = [
    "GET /forms/{shop}/{form}/{token}",
    "OPTIONS /forms/{shop}/{form}/{token}",
    "POST /forms/{shop}/{form}/{token}",
    "GET /healthz",
    "GET /metrics",
    "GET /openapi.json",
    "GET /readyz",
    "GET /v1/conflicts",
    "GET /v1/conflicts/{id}",
    "GET /v1/audit",
    "GET /v1/dead-letters/counts",
    "GET /v1/dead-letters/export",
    "GET /v1/dead-letters/jobs",
    "GET /v1/dead-letters/jobs/{id}",
    "POST /v1/dead-letters/import",
    "POST /v1/dead-letters/jobs",
    "POST /v1/dead-letters/jobs/{id}/stop",
    "GET /v1/dead-letters",
    "GET /v1/dead-letters/{id}",
    "GET /v1/messages",
    "GET /v1/orders",
    "GET /v1/orders/{shop}/{number}",
    "POST /v1/orders/{shop}/{number}/not-customer",
    "POST /v1/orders/{shop}/{number}/mend",
    "POST /v1/orders/{shop}/{number}/give-up",
    "GET /v1/reservations/{shop}/{id}",
    "PUT /v1/reservations/{shop}/{id}",
    "DELETE /v1/reservations/{shop}/{id}",
    "POST /v1/reservations/{shop}/{id}/extend",
    "POST /v1/reservations/{shop}/{id}/ship",
    "GET /v1/stock",
    "GET /v1/stock-changes",
    "GET /webhooks/bitrix24/{portal}/oauth",
    "POST /webhooks/bitrix24/{portal}/install",
    "GET /v1/status",
    "GET /v1/status-changes",
    "POST /v1/conflicts/{id}/resolve",
    "POST /v1/dead-letters/{id}/discard",
    "POST /v1/dead-letters/{id}/retry",
    "POST /v1/woocommerce/{shop}",
    "POST /v1/events",
    "POST /v1/portals/{name}/pause",
    "POST /v1/portals/{name}/resume",
    "POST /webhooks/bitrix24/{portal}",
    "POST /webhooks/evotor/{till}",
    "POST /webhooks/moysklad/{till}/{token}",
];

#[tokio::test]
async fn the_description_holds_every_route_and_every_route_is_there() {
    let api = serve().await;
    let document = body(api.get("", "/openapi.json")).await;
    let mut described = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            described.insert(format!("{} {path}", method.to_uppercase()));
            let till = if path.contains("moysklad") {
                "ms"
            } else {
                "evotor"
            };
            let filled = path
                .replace("{shop}", "main")
                .replace("{number}", "1")
                .replace("{id}", "1")
                .replace("{portal}", "main")
                .replace("{form}", "callback")
                .replace("{till}", till)
                .replace("{token}", "token-0123456789")
                .replace("{name}", "none");
            let url = format!("http://{}{filled}", api.address);
            let method = method.to_uppercase().parse().unwrap();
            let response = api.client.request(method, url).send().await.unwrap();
            let status = response.status().as_u16();
            assert!(![404, 405].contains(&status), "{path}: {status}");
        }
    }
    assert_eq!(described, ROUTES.map(str::to_owned).into());
    for schema in ["Problem", "EventResult", "Discard", "Retry"] {
        assert!(
            document["components"]["schemas"][schema].is_object(),
            "{schema}"
        );
    }
}

#[tokio::test]
async fn a_stop_lets_the_running_request_finish_and_takes_no_other() {
    let api = serve().await;
    let mut lock = api.db.pool.begin().await.unwrap();
    sqlx::query("LOCK TABLE bridge.outbox IN ACCESS EXCLUSIVE MODE")
        .execute(&mut *lock)
        .await
        .unwrap();
    let request = api.post(MAIN, "/v1/events").json(&event("e1", "A-1", 1));
    let running = tokio::spawn(request.send());
    let waits = "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM \
                 pg_database WHERE datname = current_database())";
    let until = tokio::time::Instant::now() + Duration::from_secs(10);
    while sqlx::query_scalar::<_, i64>(waits)
        .fetch_one(&api.db.pool)
        .await
        .unwrap()
        == 0
    {
        assert!(
            tokio::time::Instant::now() < until,
            "the request never came to the lock"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    api.stop.cancel();
    while TcpStream::connect(&api.address).await.is_ok() {
        assert!(tokio::time::Instant::now() < until, "the port stays open");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    lock.rollback().await.unwrap();
    let response = running.await.unwrap().unwrap();
    assert_eq!(response.status(), StatusCode::ACCEPTED);
    let order = api
        .app
        .operations
        .order_view(&main_shop(), "A-1")
        .await
        .unwrap();
    assert_eq!(order.unwrap().pending, 1);
}

//! An order that was refused and is still tried is put right, or given up, by its shop and by
//! operators.

use super::{ANNA, MAIN, OTHER, VIKTOR, body, problem, serve};
use crate::support::shop::{event, refused};
use serde_json::json;

#[tokio::test]
async fn an_order_that_is_still_tried_names_its_event_and_is_put_right_once() {
    let api = serve().await;
    api.ended("A-1", refused()).await;
    let order = body(api.get(MAIN, "/v1/orders/main/A-1")).await;
    let tried = &order["tried"];
    assert_eq!(
        (&tried["code"], &tried["attempts"]),
        (&json!("B24-EMAIL"), &json!(1))
    );
    let mend = "/v1/orders/main/A-1/mend";
    let mut data = event("A-1", "A-1", 1)["data"].clone();
    data["customer"]["emails"] = json!(["anna@example.org"]);
    let fixed = json!({"event": tried["event"], "payload": data});
    problem(api.post(OTHER, mend).json(&fixed), 404, "SHOP-NOT-FOUND").await;
    problem(api.post(VIKTOR, mend).json(&fixed), 403, "SHOP-FORBIDDEN").await;
    let mut wrong = fixed.clone();
    wrong["payload"]["total"] = json!("x");
    problem(api.post(MAIN, mend).json(&wrong), 422, "SHOP-INVALID").await;
    let mut other = fixed.clone();
    other["event"] = json!(tried["event"].as_i64().unwrap() + 1000);
    problem(api.post(MAIN, mend).json(&other), 404, "SHOP-NOT-FOUND").await;
    assert_eq!(
        body(api.post(MAIN, mend).json(&fixed)).await["result"],
        "queued"
    );
    problem(api.post(MAIN, mend).json(&fixed), 404, "SHOP-NOT-FOUND").await;
    let order = body(api.get(MAIN, "/v1/orders/main/A-1")).await;
    assert!(order["tried"].is_null(), "{order}");
    assert_eq!((&order["pending"], &order["dead"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn an_order_that_is_given_up_is_tried_no_more_and_the_reason_is_on_record() {
    let api = serve().await;
    api.ended("A-1", refused()).await;
    let order = body(api.get(ANNA, "/v1/orders/main/A-1")).await;
    let give_up = "/v1/orders/main/A-1/give-up";
    let event = &order["tried"]["event"];
    let silent = api.post(ANNA, give_up).json(&json!({ "event": event }));
    let told = problem(silent, 422, "SHOP-INVALID").await;
    assert_eq!(told["errors"][0]["pointer"], "/reason");
    let reason = json!({"event": event, "reason": "a test order"});
    let done = body(api.post(ANNA, give_up).json(&reason)).await;
    assert_eq!(done["result"], "given_up");
    let order = body(api.get(MAIN, "/v1/orders/main/A-1")).await;
    assert!(order["tried"].is_null(), "{order}");
    assert_eq!(order["pending"], 0);
    let life = order["timeline"].to_string();
    assert!(
        life.contains("operator:anna") && life.contains("a test order"),
        "{life}"
    );
}

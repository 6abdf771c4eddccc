//! Orders that have left whole and then grow, and those that leave while they are reserved.

use super::{order, pair, shop, with};
use crate::stock::world::one;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// The order A-1 with two cups, and so many mugs.
fn with_mugs(version: i64, status: &str, mugs: i64) -> Value {
    let mut order = order(version, status, 2);
    let items = order["items"].as_array_mut().unwrap();
    items.push(json!({ "product_id": "mug", "name": "Mug", "quantity": mugs, "price": 5 }));
    order
}

#[tokio::test]
async fn what_is_new_in_an_order_that_has_left_is_held_and_leaves_once() {
    let api = shop("placed").await;
    api.bring("a", "mug", "3").await;
    api.ordered(order(1, "N", 2)).await;
    assert_eq!(api.ship("A-1", &json!({})).await.0, StatusCode::OK);
    assert_eq!(api.get_reservation("A-1").await["state"], "shipped");
    // As it has left, it is as it stands.
    api.ordered(order(2, "N", 2)).await;
    assert_eq!(api.cups().await, pair("3", "0"));
    api.ordered(with_mugs(3, "N", 1)).await;
    let held = api.get_reservation("A-1").await;
    assert_eq!(held["state"], "held", "{held}");
    assert_ne!(held["expires_at"], Value::Null, "it runs out: {held}");
    assert_eq!(api.cups().await, pair("3", "0"));
    assert_eq!(api.level("mug", "a").await, pair("3", "1"));
    api.ordered(with_mugs(4, "P", 1)).await;
    assert_eq!(api.cups().await, pair("3", "0"), "cups left once");
    assert_eq!(api.level("mug", "a").await, pair("2", "0"));
    assert_eq!(api.get_reservation("A-1").await["state"], "shipped");
    api.prove().await;
}

#[tokio::test]
async fn where_there_is_too_little_for_what_is_new_what_has_left_stays_so_and_it_is_told() {
    let api = shop("placed").await;
    api.bring("a", "mug", "3").await;
    api.ordered(order(1, "N", 2)).await;
    api.ship("A-1", &json!({})).await;
    api.ordered(with_mugs(2, "N", 4)).await;
    let left = api.get_reservation("A-1").await;
    assert_eq!(left["state"], "shipped", "{left}");
    assert_eq!(api.level("mug", "a").await, pair("3", "0"));
    let told = api.told().await;
    let last = told.last().unwrap();
    assert!(last.starts_with("there is not enough"), "{told:?}");
    api.prove().await;
}

#[tokio::test]
async fn what_a_cart_has_shipped_for_an_order_is_not_held_again_and_what_is_new_is() {
    let api = shop("placed").await;
    let cart = with(one("cup", 2), "number", json!("A-1"));
    api.put("cart-7", &cart).await;
    api.ordered(order(1, "N", 2)).await;
    api.ship("cart-7", &json!({})).await;
    api.ordered(order(2, "N", 2)).await;
    assert_eq!(api.cups().await, pair("3", "0"));
    let own = "/v1/reservations/main/A-1";
    let (status, _) = api.ask(Method::GET, own, None).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let paid = with(order(3, "N", 3), "paid", json!(true));
    api.ordered(paid).await;
    assert_eq!(api.cups().await, pair("3", "1"));
    let held = api.get_reservation("cart-7").await;
    assert_eq!(held["expires_at"], Value::Null, "it is paid: {held}");
    api.prove().await;
}

#[tokio::test]
async fn what_is_reserved_while_somebody_is_at_its_order_that_has_left_is_soon_not_held() {
    let api = shop("placed").await;
    api.ordered(order(1, "P", 2)).await;
    assert_eq!(api.cups().await, pair("3", "0"));
    let mut busy = api.db.pool.begin().await.unwrap();
    let lock = "SELECT pg_advisory_xact_lock(1397704523, hashtext('main/A-1'))";
    sqlx::query(lock).execute(&mut *busy).await.unwrap();
    let cart = with(one("cup", 2), "number", json!("A-1"));
    assert_eq!(api.put("cart-7", &cart).await.0, StatusCode::OK);
    assert_eq!(api.cups().await, pair("3", "2"), "it cannot be known yet");
    // While the order is busy it stays to be done.
    assert_eq!(api.app.stock.take_over().await.unwrap(), 0);
    busy.rollback().await.unwrap();
    assert_eq!(api.app.stock.take_over().await.unwrap(), 1);
    assert_eq!(api.cups().await, pair("3", "0"));
    assert_eq!(api.get_reservation("cart-7").await["state"], "shipped");
    assert_eq!(api.app.stock.take_over().await.unwrap(), 0);
    api.prove().await;
}

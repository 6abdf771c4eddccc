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
    let (messages, _) = api.messages(0).await;
    let lost = lost(&messages);
    assert_eq!(lost, [("A-1", "grown", json!([line("2", "mug", "4")]))]);
    api.prove().await;
}

/// What a shop was told: of which reservation, by which rule, and what was lost.
fn lost(messages: &[Value]) -> Vec<(&str, &str, Value)> {
    messages
        .iter()
        .map(|message| {
            let data = &message["data"];
            assert_eq!(message["type"], "bridge.reservation.short.v1");
            assert_eq!(data["number"], "A-1", "{data}");
            let words = |name: &str| data[name].as_str().unwrap();
            (words("id"), words("rule"), data["lines"].clone())
        })
        .collect()
}

fn line(nth: &str, product: &str, quantity: &str) -> Value {
    json!({ "line": nth, "product": product, "quantity": quantity })
}

#[tokio::test]
async fn a_held_order_that_grows_beyond_what_there_is_keeps_its_goods_and_its_shop_is_told_once() {
    let api = shop("placed").await;
    api.bring("a", "mug", "3").await;
    api.ordered(order(1, "N", 2)).await;
    let told = |after: i64| api.messages(after);
    assert_eq!(told(0).await.0, Vec::<Value>::new(), "nothing is lost yet");
    api.ordered(with_mugs(2, "N", 4)).await;
    let held = api.get_reservation("A-1").await;
    assert_eq!(held["state"], "held", "{held}");
    assert_eq!(api.cups().await, pair("5", "2"), "what it had stays");
    let (messages, after) = told(0).await;
    let mugs = |count: &str| ("A-1", "grown", json!([line("2", "mug", count)]));
    assert_eq!(lost(&messages), [mugs("4")]);
    // The same contents again, with another status say, are no news.
    api.ordered(with_mugs(3, "N", 4)).await;
    assert_eq!(told(after).await, (vec![], after));
    // More of it is; and so is what was wanted before, once the order had done without.
    api.ordered(with_mugs(4, "N", 5)).await;
    let (messages, after) = told(after).await;
    assert_eq!(lost(&messages), [mugs("5")]);
    api.ordered(order(5, "N", 2)).await;
    assert_eq!(told(after).await, (vec![], after));
    api.ordered(with_mugs(6, "N", 5)).await;
    let (messages, after) = told(after).await;
    assert_eq!(lost(&messages), [mugs("5")]);
    api.bring("a", "mug", "2").await;
    api.ordered(with_mugs(7, "N", 5)).await;
    assert_eq!(api.level("mug", "a").await, pair("5", "5"));
    assert_eq!(told(after).await, (vec![], after));
    api.prove().await;
}

#[tokio::test]
async fn what_a_cart_holds_stays_where_its_order_grows_beyond_what_there_is() {
    let api = shop("placed").await;
    let cart = with(one("cup", 2), "number", json!("A-1"));
    api.put("cart-7", &cart).await;
    api.ordered(order(1, "N", 6)).await;
    assert_eq!(api.cups().await, pair("5", "2"));
    let (messages, after) = api.messages(0).await;
    let cups = json!([line("1", "cup", "4")]);
    assert_eq!(lost(&messages), [("cart-7", "grown", cups)]);
    api.ordered(order(2, "N", 6)).await;
    assert_eq!(api.messages(after).await, (vec![], after));
    api.prove().await;
}

#[tokio::test]
async fn an_order_that_has_nothing_is_told_again_only_where_it_wants_something_else() {
    let api = shop("placed").await;
    api.ordered(order(1, "N", 6)).await;
    let (messages, after) = api.messages(0).await;
    let cups = |count: &str| ("A-1", "placed", json!([line("1", "cup", count)]));
    assert_eq!(lost(&messages), [cups("6")]);
    api.ordered(order(2, "N", 6)).await;
    assert_eq!(api.messages(after).await, (vec![], after));
    api.ordered(order(3, "N", 7)).await;
    let (messages, _) = api.messages(after).await;
    assert_eq!(lost(&messages), [cups("7")]);
    assert_eq!(api.get_reservation("A-1").await["state"], "short");
    assert_eq!(api.told().await.len(), 2, "its life says each thing once");
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

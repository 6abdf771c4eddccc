//! What orders do to goods by themselves.

mod grown;
mod lines;
mod mended;
mod policy;

use super::world::{one, serve, settings, world};
use crate::support::api::Api;
use chrono::{TimeDelta, Utc};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const OVER: &str =
    "UPDATE bridge.reservations SET expires_at = now() - interval '1 second' WHERE id = $1";

async fn shop(reserve_on: &str) -> Api {
    let settings = settings()
        .text("stock.main.reserve_on", reserve_on)
        .set("stock.main.release_on", r#"["X"]"#)
        .set("stock.main.ship_on", r#"["P"]"#);
    let api = serve(&settings).await;
    api.bring("a", "cup", "5").await;
    api
}

/// The order A-1 with so many cups.
fn order(version: i64, status: &str, cups: i64) -> Value {
    let changed = (Utc::now() - TimeDelta::seconds(1)).to_rfc3339();
    let items = json!([{ "product_id": "cup", "name": "Cup", "quantity": cups, "price": 10 }]);
    json!({ "number": "A-1", "version": version, "status": status, "currency": "RUB",
        "total": 10, "items": items, "status_changed_at": changed })
}

fn with(mut order: Value, name: &str, value: Value) -> Value {
    order[name] = value;
    order
}

impl Api {
    async fn ordered(&self, data: Value) {
        self.tell("shop.order.saved.v1", data).await;
    }

    async fn cups(&self) -> (String, String) {
        self.level("cup", "a").await
    }

    /// The sentences about goods in the order's life.
    async fn told(&self) -> Vec<String> {
        let (_, view) = self.ask(Method::GET, "/v1/orders/main/A-1", None).await;
        let timeline = view["timeline"].as_array().unwrap().clone();
        let goods = timeline.iter().filter(|entry| entry["kind"] == "goods");
        goods
            .map(|entry| entry["text"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn pair(on_hand: &str, reserved: &str) -> (String, String) {
    (on_hand.to_owned(), reserved.to_owned())
}

#[tokio::test]
async fn a_placed_order_holds_its_goods_changes_them_ships_and_each_piece_leaves_once() {
    let api = shop("placed").await;
    api.ordered(order(1, "N", 2)).await;
    assert_eq!(api.cups().await, pair("5", "2"));
    let held = api.get_reservation("A-1").await;
    assert_eq!(
        (&held["state"], &held["number"]),
        (&json!("held"), &json!("A-1"))
    );
    api.ordered(order(3, "N", 3)).await;
    api.ordered(order(2, "N", 1)).await;
    assert_eq!(
        api.cups().await,
        pair("5", "3"),
        "an older snapshot changes nothing"
    );
    let part = json!({ "shipment": "s", "lines": [{ "line": "1", "quantity": 1 }] });
    assert_eq!(api.ship("A-1", &part).await.0, StatusCode::OK);
    api.ordered(order(4, "P", 4)).await;
    assert_eq!(
        api.cups().await,
        pair("1", "0"),
        "one by call, two held, one more in fact"
    );
    api.ordered(order(5, "P", 4)).await;
    assert_eq!(api.cups().await, pair("1", "0"));
    let told = api.told().await;
    assert_eq!(
        told,
        [
            "the order's goods are held",
            "the order's goods have left the shelf"
        ]
    );
    api.prove().await;
}

#[tokio::test]
async fn a_cancelled_a_deleted_and_a_released_order_set_their_goods_free() {
    let api = shop("placed").await;
    for (version, end) in [
        (10, with(order(11, "N", 2), "cancelled", json!(true))),
        (20, order(21, "X", 2)),
    ] {
        api.ordered(order(version, "N", 2)).await;
        assert_eq!(api.cups().await, pair("5", "2"));
        api.ordered(end).await;
        assert_eq!(api.cups().await, pair("5", "0"));
    }
    api.ordered(order(30, "N", 2)).await;
    assert_eq!(
        api.cups().await,
        pair("5", "2"),
        "taken up again, it holds again"
    );
    let deleted = json!({ "number": "A-1", "version": 31 });
    api.tell("shop.order.deleted.v1", deleted).await;
    assert_eq!(api.cups().await, pair("5", "0"));
    api.prove().await;
}

#[tokio::test]
async fn an_order_without_goods_is_taken_and_its_reservation_is_short() {
    let api = shop("placed").await;
    api.ordered(order(1, "N", 6)).await;
    assert_eq!(api.get_reservation("A-1").await["state"], "short");
    assert_eq!(api.cups().await, pair("5", "0"));
    assert!(api.told().await[0].starts_with("there is not enough"));
    api.bring("a", "cup", "1").await;
    api.ordered(order(2, "N", 6)).await;
    assert_eq!(api.get_reservation("A-1").await["state"], "held");
    api.prove().await;
}

#[tokio::test]
async fn a_paid_order_does_not_run_out_and_a_late_payment_holds_again_or_finds_too_little() {
    let api = shop("placed").await;
    let run_out = || async {
        sqlx::query(OVER)
            .bind("A-1")
            .execute(&api.db.pool)
            .await
            .unwrap();
        api.app.stock.expire_reservations().await.unwrap();
        api.get_reservation("A-1").await["state"].clone()
    };
    api.ordered(order(1, "N", 2)).await;
    assert_eq!(run_out().await, "expired");
    api.ordered(order(2, "N", 2)).await;
    assert_eq!(
        api.cups().await,
        pair("5", "0"),
        "an edit alone does not bring it back"
    );
    api.ordered(with(order(3, "N", 2), "paid", json!(true)))
        .await;
    let held = api.get_reservation("A-1").await;
    assert_eq!(
        (&held["state"], &held["expires_at"]),
        (&json!("held"), &Value::Null)
    );
    api.release("A-1").await;
    api.ordered(order(4, "N", 2)).await;
    assert_eq!(run_out().await, "expired");
    api.put("other", &one("cup", 4)).await;
    api.ordered(with(order(5, "N", 2), "paid", json!(true)))
        .await;
    assert_eq!(api.get_reservation("A-1").await["state"], "short");
    assert_eq!(
        api.cups().await,
        pair("5", "4"),
        "nobody else's piece is taken"
    );
    api.prove().await;
}

#[tokio::test]
async fn an_order_that_a_cart_holds_for_makes_no_reservation_of_its_own() {
    let api = shop("placed").await;
    let cart = with(one("cup", 2), "number", json!("A-1"));
    api.put("cart-7", &cart).await;
    api.ordered(order(1, "N", 2)).await;
    assert_eq!(api.cups().await, pair("5", "2"));
    api.ordered(order(2, "N", 4)).await;
    let changed = api.get_reservation("cart-7").await;
    assert_eq!(changed["lines"][0]["quantity"], "4", "{changed}");
    api.ordered(with(order(3, "N", 4), "paid", json!(true)))
        .await;
    assert_eq!(
        api.get_reservation("cart-7").await["expires_at"],
        Value::Null
    );
    api.ordered(order(4, "P", 4)).await;
    assert_eq!(api.cups().await, pair("1", "0"));
    assert_eq!(api.get_reservation("cart-7").await["state"], "shipped");
    let (status, _) = api
        .ask(Method::GET, "/v1/reservations/main/A-1", None)
        .await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    api.prove().await;
}

#[tokio::test]
async fn where_the_shop_asks_orders_reserve_nothing_but_pay_ship_and_release() {
    let api = shop("call").await;
    api.ordered(order(1, "N", 2)).await;
    assert_eq!(api.cups().await, pair("5", "0"));
    api.put("cart", &with(one("cup", 2), "number", json!("A-1")))
        .await;
    sqlx::query(OVER)
        .bind("cart")
        .execute(&api.db.pool)
        .await
        .unwrap();
    api.app.stock.expire_reservations().await.unwrap();
    api.ordered(with(order(2, "N", 2), "paid", json!(true)))
        .await;
    let held = api.get_reservation("cart").await;
    assert_eq!(
        (&held["state"], &held["expires_at"]),
        (&json!("held"), &Value::Null)
    );
    api.ordered(with(order(3, "N", 2), "cancelled", json!(true)))
        .await;
    assert_eq!(api.cups().await, pair("5", "0"));
    let paid = shop("paid").await;
    paid.ordered(order(1, "N", 2)).await;
    assert_eq!(paid.cups().await, pair("5", "0"));
    paid.ordered(with(order(2, "N", 2), "paid", json!(true)))
        .await;
    assert_eq!(paid.cups().await, pair("5", "2"));
}

#[tokio::test]
async fn an_order_ships_what_was_never_counted_and_a_shop_without_policy_moves_nothing() {
    let api = shop("call").await;
    let items = json!([{ "product_id": "new", "name": "New", "quantity": 2, "price": 10 }]);
    api.ordered(with(order(1, "P", 1), "items", items)).await;
    assert_eq!(api.level("new", "a").await, pair("-2", "0"));
    let plain = world().await;
    plain.bring("a", "cup", "5").await;
    plain.ordered(order(1, "P", 2)).await;
    assert_eq!(plain.cups().await, pair("5", "0"));
    api.prove().await;
}

#[tokio::test]
async fn an_orders_life_tells_what_tills_gave_out_and_took_back_each_once() {
    let api = shop("placed").await;
    api.ordered(order(1, "N", 1)).await;
    let closed = (Utc::now() - TimeDelta::minutes(5)).to_rfc3339();
    let receipt = |receipt: &str, kind: &str, members: Value| {
        let mut data = json!({ "receipt": receipt, "till": "T", "store": "a", "kind": kind,
            "closed_at": closed, "lines": [{ "product_id": "cup", "quantity": 1 }] });
        let Value::Object(members) = members else {
            panic!("an object")
        };
        data.as_object_mut().unwrap().extend(members);
        data
    };
    let annulled = json!({ "cancelled": true, "lines": [] });
    for data in [
        receipt("P1", "sale", json!({ "number": "A-1", "version": 1 })),
        receipt("B1", "refund", json!({ "of": "P1", "version": 1 })),
        receipt(
            "B1",
            "refund",
            json!({ "of": "P1", "version": 2, "total": 5 }),
        ),
        receipt("B2", "refund", json!({ "number": "A-1" })),
        receipt(
            "B2",
            "refund",
            json!({ "number": "A-1", "cancelled": true }),
        ),
        // It need not say once more which order it was.
        receipt("P1", "sale", json!({ "version": 2, "cancelled": true })),
        receipt("P1", "sale", json!({ "version": 3, "cancelled": true })),
        // Nobody had heard of it before it was annulled, or it is nobody's.
        receipt("P2", "sale", json!({ "number": "A-1", "cancelled": true })),
        receipt("P3", "sale", annulled),
        receipt("B4", "refund", json!({ "of": "P9" })),
    ] {
        api.tell("pos.receipt.saved.v1", data).await;
    }
    let told = api.told().await;
    let life = [
        "the order's goods are held",
        "the order's goods were picked up: receipt P1 of the till T",
        "goods of the order were brought back: receipt B1 of the till T",
        "goods of the order were brought back: receipt B2 of the till T",
        "a return of the order's goods was annulled: receipt B2 of the till T",
        "the pick-up of the order was annulled: receipt P1 of the till T",
    ];
    assert_eq!(told, life);
    let sale = json!({ "number": "A-1" });
    api.tell("pos.receipt.saved.v1", receipt("P9", "sale", sale))
        .await;
    let came_before = "goods of the order were brought back: receipt B4 of the till T";
    assert_eq!(api.told().await.last().unwrap(), came_before);
    api.prove().await;
}

#[tokio::test]
async fn a_line_of_an_order_in_another_unit_holds_and_takes_nothing_and_its_life_says_so() {
    let api = shop("placed").await;
    api.bring("a", "tea", "5").await;
    api.unit("cup", "шт").await;
    let in_packs = |version: i64, status: &str| {
        let mut order = order(version, status, 2);
        order["items"][0]["unit"] = json!("упак");
        let tea = json!({ "product_id": "tea", "name": "Tea", "quantity": 1, "price": 10 });
        order["items"].as_array_mut().unwrap().push(tea);
        order
    };
    api.ordered(in_packs(1, "N")).await;
    api.ordered(in_packs(2, "N")).await;
    assert_eq!(
        api.cups().await,
        pair("5", "0"),
        "two packs are no two cups"
    );
    assert_eq!(api.level("tea", "a").await, pair("5", "1"));
    let odd = "line 1 is in `упак`, and the product cup is counted in `шт`: its quantity \
               changes nothing (STOCK-UNIT)";
    assert_eq!(
        api.told().await,
        [odd, "the order's goods are held"],
        "once, however often the order comes"
    );
    api.ordered(in_packs(3, "P")).await;
    assert_eq!(api.cups().await, pair("5", "0"));
    assert_eq!(api.level("tea", "a").await, pair("4", "0"));
    api.prove().await;
    // What the shop has reserved itself, in pieces, stays, and leaves with the order.
    let by_call = shop("placed").await;
    by_call.bring("a", "tea", "5").await;
    by_call.unit("cup", "шт").await;
    let cart = with(one("cup", 3), "number", json!("A-1"));
    assert_eq!(by_call.put("cart", &cart).await.0, StatusCode::OK);
    by_call.ordered(in_packs(1, "N")).await;
    assert_eq!(by_call.cups().await, pair("5", "3"));
    by_call.ordered(in_packs(2, "P")).await;
    assert_eq!(by_call.cups().await, pair("2", "0"));
    by_call.prove().await;
    let pieces = shop("placed").await;
    pieces.unit("cup", "шт").await;
    let mut order = order(1, "N", 2);
    order["items"][0]["unit"] = json!("796");
    pieces.ordered(order).await;
    assert_eq!(
        pieces.cups().await,
        pair("5", "2"),
        "the same unit by its code"
    );
}

#[tokio::test]
async fn a_pick_up_whose_line_waited_for_its_unit_is_told_when_it_is_posted() {
    let api = shop("placed").await;
    api.ordered(order(1, "N", 2)).await;
    api.unit("cup", "шт").await;
    let line = json!({ "product_id": "cup", "quantity": 2, "unit": "упак", "price": "1" });
    let data = json!({ "receipt": "P1", "till": "T", "store": "a", "kind": "sale", "version": 1,
        "number": "A-1", "closed_at": Utc::now().to_rfc3339(), "currency": "RUB", "total": "2",
        "lines": [line] });
    api.tell("pos.receipt.saved.v1", data).await;
    assert_eq!(api.told().await, ["the order's goods are held"]);
    api.unit("cup", "упак").await;
    for _ in 0..2 {
        let from = b24_bridge::app::stock::ReceiptKey::default();
        api.app.stock.replay_receipts(&from).await.unwrap();
    }
    assert_eq!(api.cups().await, pair("3", "0"));
    assert_eq!(
        api.told().await,
        [
            "the order's goods are held",
            "the order's goods were picked up: receipt P1 of the till T",
        ]
    );
    api.prove().await;
}

fn item(product: &str, quantity: i64) -> Value {
    json!({ "product_id": product, "name": product, "quantity": quantity, "price": 10 })
}

#[tokio::test]
async fn what_was_shipped_of_an_order_keeps_its_line_wherever_the_order_names_it_by_now() {
    let api = shop("placed").await;
    api.bring("a", "tea", "5").await;
    let items = |version: i64, items: Value| with(order(version, "N", 1), "items", items);
    api.ordered(items(1, json!([item("cup", 3), item("tea", 1)])))
        .await;
    let part = json!({ "shipment": "s", "lines": [{ "line": "1", "quantity": 1 }] });
    assert_eq!(api.ship("A-1", &part).await.0, StatusCode::OK);
    assert_eq!(api.cups().await, pair("4", "2"));
    api.ordered(items(2, json!([item("tea", 2), item("cup", 4)])))
        .await;
    assert_eq!(api.cups().await, pair("4", "3"), "the other way round");
    assert_eq!(api.level("tea", "a").await, pair("5", "2"));
    api.ordered(items(3, json!([item("tea", 1)]))).await;
    assert_eq!(
        api.cups().await,
        pair("4", "0"),
        "the piece that left has left"
    );
    assert_eq!(api.level("tea", "a").await, pair("5", "1"));
    api.ordered(with(
        items(4, json!([item("tea", 1)])),
        "status",
        json!("P"),
    ))
    .await;
    assert_eq!(api.level("tea", "a").await, pair("4", "0"));
    let short = api.told().await;
    assert!(
        !short.iter().any(|line| line.contains("not enough")),
        "{short:?}"
    );
    api.prove().await;
}

#[tokio::test]
async fn a_shop_that_knows_its_products_by_articles_has_them_held_brought_back_and_shipped() {
    let settings = settings()
        .text("stock.main.reserve_on", "placed")
        .set("stock.main.ship_on", r#"["P"]"#)
        .set("shops.main.products.by", r#"["sku"]"#);
    let api = serve(&settings).await;
    api.bring("a", "cup", "5").await;
    let cups = || api.level("K-1", "a");
    let named = |version: i64, status: &str| {
        let items = json!([{ "product_id": "cup", "sku": "K-1", "name": "Cup", "quantity": 2,
            "price": 10 }]);
        with(order(version, status, 2), "items", items)
    };
    api.ordered(named(1, "N")).await;
    assert_eq!(cups().await, pair("5", "2"));
    sqlx::query(OVER)
        .bind("A-1")
        .execute(&api.db.pool)
        .await
        .unwrap();
    api.app.stock.expire_reservations().await.unwrap();
    assert_eq!(cups().await, pair("5", "0"));
    api.ordered(with(named(2, "N"), "paid", json!(true))).await;
    assert_eq!(cups().await, pair("5", "2"));
    api.ordered(with(named(3, "P"), "paid", json!(true))).await;
    assert_eq!(cups().await, pair("3", "0"));
    api.prove().await;
}

#[tokio::test]
async fn an_order_in_which_nothing_is_left_holds_nothing() {
    let api = shop("placed").await;
    api.ordered(order(1, "N", 2)).await;
    assert_eq!(api.cups().await, pair("5", "2"));
    api.ordered(with(order(2, "N", 2), "items", json!([])))
        .await;
    assert_eq!(api.cups().await, pair("5", "0"));
    // Goods without an id may be what the shop reserves itself.
    let cart = with(one("cup", 1), "number", json!("A-1"));
    assert_eq!(api.put("cart", &cart).await.0, StatusCode::OK);
    let unnamed = json!([{ "name": "Cup", "quantity": 1, "price": 10 }]);
    api.ordered(with(order(3, "N", 1), "items", unnamed)).await;
    assert_eq!(api.cups().await, pair("5", "1"));
    api.prove().await;
}

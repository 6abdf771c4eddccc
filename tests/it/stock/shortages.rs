//! More is reserved than there is: who loses, and that each loser is told once.

use super::world::{OTHER, one, serve, settings};
use crate::support::{api::Api, settings::KEY};
use chrono::{TimeDelta, Utc};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const ANNA: &str = "anna-key-0123456789";

async fn shop(rules: &str) -> Api {
    let settings = settings()
        .text("stock.main.reserve_on", "placed")
        .set("stock.main.ship_on", r#"["P"]"#)
        .text("operators.anna.key", ANNA)
        .text("operators.anna.role", "operator")
        .tables(rules);
    let api = serve(&settings).await;
    api.bring("a", "cup", "2").await;
    api
}

const DROP: &str = "[[stock.main.rules]]\nthen = \"drop_newest_unpaid\"\n";
const MOVE: &str = "[[stock.main.rules]]\nthen = \"move\"\n";

fn order(number: &str, cups: i64, paid: bool) -> Value {
    let changed = (Utc::now() - TimeDelta::seconds(1)).to_rfc3339();
    let items = json!([{ "product_id": "cup", "name": "Cup", "quantity": cups, "price": 10 }]);
    json!({ "number": number, "version": 1, "status": "N", "currency": "RUB", "paid": paid,
        "total": 10, "items": items, "status_changed_at": changed })
}

impl Api {
    async fn settle(&self) -> usize {
        let stock = self.app.stock.stocks()[0].clone();
        self.app.stock.settle_shortages(&stock).await.unwrap()
    }

    /// So many cups break in the store `a`.
    async fn lose_cups(&self, cups: i64) {
        let moves = json!([{ "line": "1", "product": "cup", "quantity": -cups }]);
        let data = json!({ "store": "a", "reason": "broken", "moves": moves });
        self.tell("shop.stock.moved.v1", data).await;
    }

    pub(super) async fn messages(&self, after: i64) -> (Vec<Value>, i64) {
        let path = format!("/v1/messages?after={after}");
        let (_, page) = self.ask(Method::GET, &path, None).await;
        let next = page["next"].as_i64().unwrap();
        (page["messages"].as_array().unwrap().clone(), next)
    }

    async fn open(&self, key: &str) -> Vec<Value> {
        let (_, page) = self.ask_as(key, Method::GET, "/v1/conflicts", None).await;
        page["items"].as_array().unwrap().clone()
    }

    async fn resolve(&self, key: &str, item: &Value, body: Value) -> (StatusCode, Value) {
        let path = format!("/v1/conflicts/{}/resolve", item["id"]);
        self.ask_as(key, Method::POST, &path, Some(&body)).await
    }
}

#[tokio::test]
async fn the_newest_unpaid_order_loses_and_its_shop_is_told_once() {
    let api = shop(DROP).await;
    api.tell("shop.order.saved.v1", order("A-1", 1, false))
        .await;
    api.tell("shop.order.saved.v1", order("A-2", 1, false))
        .await;
    api.lose_cups(1).await;
    assert_eq!(api.settle().await, 1);
    assert_eq!(api.settle().await, 0, "what is settled is not judged again");
    assert_eq!(api.get_reservation("A-1").await["state"], "held");
    assert_eq!(api.get_reservation("A-2").await["state"], "short");
    let (told, next) = api.messages(0).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["type"], "bridge.reservation.short.v1");
    let data = &told[0]["data"];
    assert_eq!(
        (&data["id"], &data["number"], &data["rule"]),
        (&json!("A-2"), &json!("A-2"), &json!("drop_newest_unpaid"))
    );
    let line = json!({ "line": "1", "product": "cup", "store": "a", "quantity": "1" });
    assert_eq!(data["lines"], json!([line]));
    assert!(
        data["reason"].as_str().unwrap().contains("newest"),
        "{data}"
    );
    assert_eq!(api.messages(next).await, (vec![], next));
    let open = "SELECT count(*) FROM bridge.shop_messages WHERE state = 'waiting'";
    let open: i64 = sqlx::query_scalar(open)
        .fetch_one(&api.db.pool)
        .await
        .unwrap();
    assert_eq!(
        open, 0,
        "what a shop that is not called has read is delivered"
    );
    let (_, view) = api.ask(Method::GET, "/v1/orders/main/A-2", None).await;
    assert!(
        view["timeline"]
            .to_string()
            .contains("the order's goods are lost"),
        "{view}"
    );
    let (_, closed) = api
        .ask(Method::GET, "/v1/conflicts?closed=true", None)
        .await;
    let decided = &closed["items"][0];
    assert_eq!(
        (
            &decided["kind"],
            &decided["rule"],
            &decided["closed_how"],
            &decided["cause"]
        ),
        (
            &json!("shortage"),
            &json!("drop_newest_unpaid"),
            &json!("rule"),
            &json!("moved")
        )
    );
    api.prove().await;
}

#[tokio::test]
async fn a_rule_moves_to_a_store_that_has_it_and_leaves_what_is_picked_up_here() {
    let api = shop(&format!("{MOVE}{DROP}")).await;
    api.bring("b", "cup", "1").await;
    let mut picked_up = one("cup", 1);
    picked_up["store"] = json!("a");
    assert_eq!(api.put("walk-in", &one("cup", 1)).await.0, StatusCode::OK);
    assert_eq!(api.put("pick-up", &picked_up).await.0, StatusCode::OK);
    api.lose_cups(1).await;
    assert_eq!(api.settle().await, 1);
    assert_eq!(
        api.get_reservation("walk-in").await["lines"][0]["store"],
        "b"
    );
    assert_eq!(
        api.get_reservation("pick-up").await["lines"][0]["store"],
        "a"
    );
    assert_eq!(api.messages(0).await.0, Vec::<Value>::new(), "nobody lost");
    api.lose_cups(1).await;
    api.settle().await;
    assert_eq!(api.get_reservation("pick-up").await["state"], "short");
    assert_eq!(api.get_reservation("walk-in").await["state"], "held");
    api.prove().await;
}

#[tokio::test]
async fn without_a_rule_a_person_decides_about_each_until_there_is_enough() {
    let api = shop("").await;
    api.bring("b", "cup", "1").await;
    for id in ["r-1", "r-2"] {
        assert_eq!(api.put(id, &one("cup", 1)).await.0, StatusCode::OK);
    }
    api.lose_cups(2).await;
    api.settle().await;
    api.settle().await;
    let open = api.open(ANNA).await;
    assert_eq!(open.len(), 1, "{open:?}");
    let item = &open[0];
    assert_eq!(
        (
            &item["kind"],
            &item["code"],
            &item["on_hand"],
            &item["reserved"]
        ),
        (
            &json!("shortage"),
            &json!("STOCK-SHORTAGE"),
            &json!("0"),
            &json!("2")
        )
    );
    assert_eq!(item["reservations"].as_array().unwrap().len(), 2);
    assert_eq!(api.open(KEY).await.len(), 1);
    assert_eq!(
        api.open(OTHER).await.len(),
        0,
        "another shop's reservations"
    );
    for wrong in [
        json!({ "winner": "shop" }),
        json!({ "drop": "nobody" }),
        json!({ "move": "r-1" }),
        json!({ "move": "r-1", "store": "moon" }),
    ] {
        let (status, answer) = api.resolve(ANNA, item, wrong).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
    }
    let other = api.resolve(OTHER, item, json!({ "drop": "r-1" })).await;
    assert_eq!(other.0, StatusCode::NOT_FOUND);
    let moved = json!({ "move": "r-1", "store": "b" });
    assert_eq!(api.resolve(ANNA, item, moved).await.0, StatusCode::OK);
    assert_eq!(api.get_reservation("r-1").await["lines"][0]["store"], "b");
    api.settle().await;
    let still = api.open(ANNA).await;
    assert_eq!(
        still[0]["reservations"].as_array().unwrap().len(),
        1,
        "{still:?}"
    );
    let dropped = api.resolve(ANNA, item, json!({ "drop": "r-2" })).await;
    assert_eq!(dropped.0, StatusCode::OK);
    assert_eq!(api.get_reservation("r-2").await["state"], "short");
    assert!(api.open(ANNA).await.is_empty());
    let (told, _) = api.messages(0).await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["data"]["rule"], "review");
    let again = api.resolve(ANNA, item, json!({ "drop": "r-2" })).await;
    assert_eq!(again.0, StatusCode::CONFLICT);
    api.prove().await;
}

#[tokio::test]
async fn a_shortage_that_goods_end_closes_by_itself_and_loses_nobody() {
    let api = shop("").await;
    assert_eq!(api.put("r-1", &one("cup", 2)).await.0, StatusCode::OK);
    api.lose_cups(1).await;
    api.settle().await;
    assert_eq!(api.open(ANNA).await.len(), 1);
    api.bring("a", "cup", "1").await;
    api.settle().await;
    assert!(api.open(ANNA).await.is_empty());
    let (_, closed) = api
        .ask(Method::GET, "/v1/conflicts?closed=true", None)
        .await;
    assert_eq!(closed["items"][0]["closed_how"], "vanished");
    assert_eq!(api.get_reservation("r-1").await["state"], "held");
    assert!(api.messages(0).await.0.is_empty());
}

#[tokio::test]
async fn an_order_placed_without_goods_is_told_as_short_once() {
    let api = shop("").await;
    api.tell("shop.order.saved.v1", order("A-1", 3, false))
        .await;
    let mut again = order("A-1", 3, false);
    again["version"] = json!(2);
    api.tell("shop.order.saved.v1", again).await;
    let (told, _) = api.messages(0).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let data = &told[0]["data"];
    assert_eq!(
        (&data["id"], &data["rule"]),
        (&json!("A-1"), &json!("placed"))
    );
    let line = json!({ "line": "1", "product": "cup", "quantity": "3" });
    assert_eq!(data["lines"], json!([line]));
}

#[tokio::test]
async fn two_processes_settle_a_shortage_once() {
    let api = shop(DROP).await;
    for id in ["r-1", "r-2"] {
        assert_eq!(api.put(id, &one("cup", 1)).await.0, StatusCode::OK);
    }
    api.lose_cups(1).await;
    let turns = (0..8).map(|_| {
        let app = api.app.clone();
        tokio::spawn(async move {
            let stock = app.stock.stocks()[0].clone();
            app.stock.settle_shortages(&stock).await.unwrap();
        })
    });
    for turn in turns.collect::<Vec<_>>() {
        turn.await.unwrap();
    }
    api.settle().await;
    assert_eq!(api.messages(0).await.0.len(), 1);
    assert_eq!(
        api.level("cup", "a").await,
        ("1".to_owned(), "1".to_owned())
    );
    api.prove().await;
}

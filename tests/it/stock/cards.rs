//! What of receipts and shortages stands on cards of the portal, and what the shop is told of them.

use super::world::{serve, settings};
use crate::support::connections;
use crate::support::{api::Api, provider};
use b24_bridge::{
    clients::bitrix24::{Client, Credentials, Options as ClientOptions},
    domain::PortalName,
    sandbox::{self, Plan, Sandbox},
    worker,
};
use chrono::{TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio_util::sync::{CancellationToken, DropGuard};

const TILL: &str = "till-token-0123456789";
const TILLS: &str = r#"
[tills.one]
shop = "main"
token = "till-token-0123456789"
store = "a"
tell_shop = true
receipts_as = "deal"
stage = "WON"
stage_cancelled = "LOSE"

[[stock.main.rules]]
then = "drop_newest_unpaid"
"#;

struct Place {
    api: Api,
    portal: Sandbox,
    working: Option<DropGuard>,
    client: Client,
}

impl Place {
    async fn new() -> Self {
        provider();
        let portal = sandbox::Options::default().plan(Plan::Unlimited);
        let portal = Sandbox::start(portal).await.unwrap();
        let settings = settings().text("stock.main.reserve_on", "placed");
        let api = serve(&settings.tables(TILLS)).await;
        let credentials = Credentials::webhook(&portal.url()).unwrap();
        let client = Client::new(credentials, &connections(), &ClientOptions::default());
        let mut place = Self {
            api,
            portal,
            working: None,
            client,
        };
        place.work();
        place
    }

    fn work(&mut self) {
        let options = worker::Settings {
            poll: Duration::from_millis(50),
            doubt: Duration::from_millis(500),
            backoff: Duration::from_millis(20),
            backoff_cap: Duration::from_millis(50),
            ..worker::Settings::default()
        };
        let lanes = worker::Lanes::of(BTreeMap::from([(
            PortalName::parse("main").unwrap(),
            self.client.clone(),
        )]));
        let stop = CancellationToken::new();
        let app = self.api.app.clone();
        tokio::spawn(worker::run(app, lanes, options, stop.clone()));
        self.working = Some(stop.drop_guard());
    }

    async fn sells(&self, receipt: &str, members: Value) {
        let mut data = json!({ "receipt": receipt, "kind": "sale", "currency": "RUB",
            "closed_at": (Utc::now() - TimeDelta::minutes(5)).to_rfc3339(), "total": "20.00",
            "lines": [{ "product_id": "cup", "name": "Чашка", "quantity": "2", "price": "10" }] });
        let Value::Object(members) = members else {
            panic!("an object")
        };
        data.as_object_mut().unwrap().extend(members);
        let event = super::world::event("pos.receipt.saved.v1", data);
        let asked = (Method::POST, "/v1/events");
        let (status, answer) = self.api.ask_as(TILL, asked.0, asked.1, Some(&event)).await;
        assert_eq!(status.as_u16(), 202, "{answer}");
    }

    async fn order(&self, number: &str, version: i64) {
        let items = json!([{ "product_id": "cup", "name": "Чашка", "quantity": 1, "price": 10 }]);
        let data = json!({ "number": number, "version": version, "status": "N",
            "currency": "RUB", "total": 10, "items": items });
        self.api.tell("shop.order.saved.v1", data).await;
    }

    /// Until nothing waits for the portal.
    async fn quiet(&self) {
        let waits = "SELECT (SELECT count(*) FROM bridge.subjects WHERE due_at IS NOT NULL)
                          + (SELECT count(*) FROM bridge.orders WHERE due_at IS NOT NULL)";
        let bound = Instant::now() + Duration::from_secs(30);
        loop {
            let waits: i64 = sqlx::query_scalar(waits)
                .fetch_one(&self.api.db.pool)
                .await
                .unwrap();
            if waits == 0 {
                return;
            }
            assert!(Instant::now() < bound, "{waits} wait");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Until this is in the portal.
    async fn until_done(&self, key: &str) {
        let done = "SELECT count(*) FROM bridge.subjects WHERE key = $1 AND done_at IS NOT NULL";
        let bound = Instant::now() + Duration::from_secs(30);
        loop {
            let done = sqlx::query_scalar::<_, i64>(done).bind(key);
            if done.fetch_one(&self.api.db.pool).await.unwrap() > 0 {
                return;
            }
            assert!(Instant::now() < bound, "{key} waits");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The sentences about goods in an order's life.
    async fn told(&self, number: &str) -> Vec<String> {
        let path = format!("/v1/orders/main/{number}");
        let (_, view) = self.api.ask(Method::GET, &path, None).await;
        let timeline = view["timeline"].as_array().unwrap().clone();
        let goods = timeline.iter().filter(|entry| entry["kind"] == "goods");
        goods
            .map(|entry| entry["text"].as_str().unwrap().to_owned())
            .collect()
    }

    fn deal(&self, origin: &str) -> Value {
        let deals = self.portal.deals();
        let own: Vec<_> = deals
            .iter()
            .filter(|deal| deal["ORIGIN_ID"] == *origin)
            .collect();
        assert_eq!(own.len(), 1, "{origin}: {deals:#?}");
        own[0].clone()
    }

    fn comments_on(&self, deal: &Value) -> Vec<String> {
        let all = self.portal.comments();
        let on = all.iter().filter(|one| one["ENTITY_ID"] == deal["ID"]);
        on.map(|one| one["COMMENT"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[tokio::test]
async fn a_receipt_is_one_deal_in_its_stage_edited_and_annulled_there_and_a_refund_a_comment() {
    let place = Place::new().await;
    place.api.bring("a", "cup", "9").await;
    // The refund comes first: it waits for the deal of its sale.
    let refund = json!({ "kind": "refund", "of": "R1", "total": "10.00",
        "lines": [{ "product_id": "cup", "quantity": "1", "price": "10" }] });
    let customer = json!({ "customer": { "name": "Анна", "phone": "+79160000001" } });
    place.sells("R1", customer).await;
    place.sells("B1", refund).await;
    place.quiet().await;
    let deal = place.deal("receipt:one/R1");
    assert_eq!(deal["STAGE_ID"], "WON");
    assert_eq!(deal["OPPORTUNITY"].as_str().unwrap().parse(), Ok(20.0));
    assert_ne!(deal["CONTACT_ID"], json!("0"), "{deal}");
    let comments = place.comments_on(&deal);
    assert_eq!(comments.len(), 1, "{comments:?}");
    assert!(comments[0].contains("Возврат: чек B1"), "{comments:?}");
    let edited = json!({ "version": 2, "total": "30.00",
        "lines": [{ "product_id": "cup", "name": "Чашка", "quantity": "3", "price": "10" }] });
    place.sells("R1", edited).await;
    place.quiet().await;
    let deal = place.deal("receipt:one/R1");
    assert_eq!(deal["OPPORTUNITY"].as_str().unwrap().parse(), Ok(30.0));
    let annulled = json!({ "version": 3, "cancelled": true, "lines": [] });
    place.sells("R1", annulled).await;
    place.quiet().await;
    let deal = place.deal("receipt:one/R1");
    assert_eq!(deal["STAGE_ID"], "LOSE");
    assert_eq!(place.portal.deals().len(), 1);
}

#[tokio::test]
async fn a_comment_waits_for_an_order_and_a_sale_that_come_after_it() {
    let place = Place::new().await;
    place.api.bring("a", "cup", "9").await;
    let one = json!([{ "product_id": "cup", "quantity": "1", "price": "10" }]);
    let refund = json!({ "kind": "refund", "of": "R1", "lines": one });
    place.sells("B1", refund).await;
    place
        .sells("P1", json!({ "number": "A-7", "lines": one }))
        .await;
    // What was claimed after them has its deal: so they had their turn.
    place.sells("R0", json!({})).await;
    place.until_done("receipt:one/R0").await;
    let waiting: i64 =
        sqlx::query_scalar("SELECT count(*) FROM bridge.subjects WHERE done_at IS NULL")
            .fetch_one(&place.api.db.pool)
            .await
            .unwrap();
    assert_eq!(waiting, 2, "neither has anywhere to stand");
    place.sells("R1", json!({})).await;
    place.order("A-7", 1).await;
    place.quiet().await;
    for (card, words) in [
        ("receipt:one/R1", "Возврат: чек B1"),
        ("A-7", "Заказ выдан на кассе: чек P1"),
    ] {
        let comments = place.comments_on(&place.deal(card));
        assert!(
            comments.len() == 1 && comments[0].contains(words),
            "{comments:?}"
        );
    }
}

#[tokio::test]
async fn what_was_annulled_before_anybody_heard_of_it_makes_no_card() {
    let place = Place::new().await;
    place.api.bring("a", "cup", "9").await;
    place.order("A-9", 1).await;
    // MoySklad tells so of documents of long ago that somebody throws away.
    for members in [json!({}), json!({ "number": "A-9" })] {
        let mut annulled = json!({ "version": 2, "cancelled": true });
        annulled
            .as_object_mut()
            .unwrap()
            .extend(members.as_object().unwrap().clone());
        let receipt = format!("R-{}", annulled.as_object().unwrap().len());
        place.sells(&receipt, annulled).await;
        place.sells(&receipt, json!({ "version": 1 })).await;
    }
    place.sells("R0", json!({})).await;
    place.quiet().await;
    let origins: Vec<_> = place
        .portal
        .deals()
        .iter()
        .map(|deal| deal["ORIGIN_ID"].clone())
        .collect();
    assert_eq!(origins.len(), 2, "{origins:?}");
    place.deal("receipt:one/R0");
    assert!(place.comments_on(&place.deal("A-9")).is_empty());
    assert_eq!(place.api.level("cup", "a").await.0, "7");
}

#[tokio::test]
async fn what_is_brought_back_of_an_order_is_a_comment_on_its_deal() {
    let place = Place::new().await;
    place.api.bring("a", "cup", "9").await;
    place.order("A-8", 1).await;
    let one = json!([{ "product_id": "cup", "quantity": "1", "price": "10" }]);
    place
        .sells("P1", json!({ "number": "A-8", "lines": one }))
        .await;
    for (receipt, told) in [
        ("B1", json!({ "kind": "refund", "of": "P1", "lines": one })),
        (
            "B2",
            json!({ "kind": "refund", "number": "A-8", "lines": one }),
        ),
    ] {
        place.sells(receipt, told).await;
        place.quiet().await;
        let comments = place.comments_on(&place.deal("A-8"));
        let words = format!("Возврат: чек {receipt}");
        assert!(
            comments.iter().any(|one| one.contains(&words)),
            "{comments:?}"
        );
    }
}

#[tokio::test]
async fn a_refund_that_comes_before_its_pick_up_is_a_comment_on_the_orders_deal() {
    let place = Place::new().await;
    place.api.bring("a", "cup", "9").await;
    let one = json!([{ "product_id": "cup", "quantity": "1", "price": "10" }]);
    let refund = json!({ "kind": "refund", "of": "P1", "lines": one });
    place.sells("B1", refund).await;
    place
        .sells("B2", json!({ "kind": "refund", "of": "R1", "lines": one }))
        .await;
    // What was claimed after them has its deal: so they had their turn.
    place.sells("R0", json!({})).await;
    place.until_done("receipt:one/R0").await;
    place
        .sells("P1", json!({ "number": "A-6", "lines": one }))
        .await;
    place.sells("R1", json!({})).await;
    place.order("A-6", 1).await;
    place.quiet().await;
    let comments = place.comments_on(&place.deal("A-6"));
    assert_eq!(comments.len(), 2, "{comments:?}");
    for words in ["Возврат: чек B1", "Заказ выдан на кассе: чек P1"] {
        assert!(
            comments.iter().any(|one| one.contains(words)),
            "{comments:?}"
        );
    }
    let of_sale = place.comments_on(&place.deal("receipt:one/R1"));
    assert!(
        of_sale.len() == 1 && of_sale[0].contains("чек B2"),
        "{of_sale:?}"
    );
    assert_eq!(place.portal.deals().len(), 3, "a pick-up is no deal");
    let edited = json!({ "number": "A-6", "version": 2, "lines": one });
    place.sells("P1", edited).await;
    let back = "goods of the order were brought back: receipt B1 of the till one";
    let told = place.told("A-6").await;
    assert_eq!(
        told.iter().filter(|one| *one == back).count(),
        1,
        "{told:?}"
    );
}

#[tokio::test]
async fn a_version_that_comes_while_an_older_one_is_under_way_is_not_lost() {
    let mut place = Place::new().await;
    place.api.bring("a", "cup", "99").await;
    for version in 1..=20 {
        let total = json!({ "version": version, "total": format!("{}.00", version * 10),
            "lines": [{ "product_id": "cup", "name": "Чашка", "quantity": version,
                        "price": "10" }] });
        place.sells("R", total).await;
        if version % 7 == 0 {
            // Whoever was at it is gone, and another goes on.
            place.working = None;
            place.work();
        }
    }
    place.quiet().await;
    let deal = place.deal("receipt:one/R");
    assert_eq!(deal["OPPORTUNITY"].as_str().unwrap().parse(), Ok(200.0));
}

#[tokio::test]
async fn a_pick_up_makes_no_second_deal_and_is_told_on_that_of_its_order() {
    let place = Place::new().await;
    place.api.bring("a", "cup", "9").await;
    place.order("W-1", 1).await;
    place.sells("R1", json!({ "number": "W-1" })).await;
    place.quiet().await;
    assert_eq!(place.portal.deals().len(), 1);
    let comments = place.comments_on(&place.deal("W-1"));
    assert!(
        comments.len() == 1 && comments[0].contains("Заказ выдан на кассе: чек R1"),
        "{comments:?}"
    );
    // It need not say once more which order it was.
    let annulled = json!({ "version": 2, "cancelled": true, "lines": [] });
    place.sells("R1", annulled).await;
    place.quiet().await;
    assert_eq!(place.portal.deals().len(), 1);
    let comments = place.comments_on(&place.deal("W-1"));
    let words = "Чек аннулирован, товар вернулся: чек R1";
    assert!(
        comments.iter().any(|one| one.contains(words)),
        "{comments:?}"
    );
}

#[tokio::test]
async fn the_shop_is_told_of_each_version_of_a_receipt_once() {
    let place = Place::new().await;
    place.api.bring("a", "cup", "9").await;
    place.sells("R1", json!({ "version": 1 })).await;
    place.sells("R1", json!({ "version": 1 })).await;
    place
        .sells("R1", json!({ "version": 2, "cancelled": true }))
        .await;
    let (_, page) = place.api.ask(Method::GET, "/v1/messages", None).await;
    let told: Vec<_> = page["messages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["type"].clone(), one["data"]["version"].clone()))
        .collect();
    let saved = json!("bridge.receipt.saved.v1");
    assert_eq!(
        told,
        [(saved.clone(), json!(1)), (saved, json!(2))],
        "{page}"
    );
    let data = &page["messages"][0]["data"];
    assert_eq!(
        (&data["till"], &data["store"], &data["receipt"]),
        (&json!("one"), &json!("a"), &json!("R1"))
    );
    // The order that the shop makes of it moves nothing once more.
    let order = json!({ "number": "S-1", "version": 1, "status": "N", "currency": "RUB",
        "total": 20, "origin": { "channel": "pos", "receipt": "R1" },
        "items": [{ "product_id": "cup", "name": "Чашка", "quantity": 2, "price": 10 }] });
    place.api.tell("shop.order.saved.v1", order).await;
    assert_eq!(
        place.api.level("cup", "a").await,
        ("9".to_owned(), "0".to_owned())
    );
}

#[tokio::test]
async fn whoever_lost_the_goods_has_one_to_do_in_his_deal() {
    let place = Place::new().await;
    place.api.bring("a", "cup", "2").await;
    place.order("A-1", 1).await;
    place.order("A-2", 1).await;
    // A third is placed with nothing left, and told of once more.
    place.order("A-3", 1).await;
    place.order("A-3", 2).await;
    place
        .sells(
            "R1",
            json!({ "lines": [{ "product_id": "cup", "quantity": "1", "price": "10" }] }),
        )
        .await;
    let bound = Instant::now() + Duration::from_secs(30);
    while place.api.get_reservation("A-2").await["state"] != "short" {
        let stock = place.api.app.stock.stocks()[0].clone();
        place.api.app.stock.settle_shortages(&stock).await.unwrap();
        assert!(Instant::now() < bound, "nobody has lost");
    }
    place.quiet().await;
    let todos: Vec<_> = place.portal.activities();
    for number in ["A-2", "A-3"] {
        let deal = place.deal(number);
        let own: Vec<_> = todos
            .iter()
            .filter(|todo| todo["OWNER_ID"] == deal["ID"])
            .collect();
        assert_eq!(own.len(), 1, "{number}: {todos:#?}");
        let subject = own[0]["SUBJECT"].as_str().unwrap();
        assert!(subject.contains("Товара не хватило"), "{subject}");
    }
    let deal = place.deal("A-1");
    assert!(todos.iter().all(|todo| todo["OWNER_ID"] != deal["ID"]));
}

//! Receipts of tills: each sells once, whatever comes twice, late, changed or annulled; and what a
//! till's token opens.

use super::world::{OTHER, event, one, serve, settings, settings_of};
use crate::support::{api::Api, settings::KEY};
use b24_bridge::{
    app::{Actor, DeadLetter, LetterFilter, Retry, stock::ReceiptKey},
    domain::TillName,
};
use chrono::{TimeDelta, Utc};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const SAVED: &str = "pos.receipt.saved.v1";
const TILL: &str = "till-token-0123456789";
const TILLS: &str = r#"
[tills.one]
shop = "main"
token = "till-token-0123456789"
stores = { "V-1" = "a", "V-2" = "b" }
"#;

async fn world() -> Api {
    serve(&settings().tables(TILLS)).await
}

/// So many minutes ago.
fn ago(minutes: i64) -> String {
    (Utc::now() - TimeDelta::minutes(minutes)).to_rfc3339()
}

/// A sale in the store `a`, ten minutes ago.
fn sale(receipt: &str, lines: &[(&str, &str)]) -> Value {
    let line = |(product, quantity): &(&str, &str)| {
        json!(
            { "product_id": product, "quantity": quantity, "price": "10" }
        )
    };
    let lines: Vec<_> = lines.iter().map(line).collect();
    json!({ "receipt": receipt, "till": "T", "store": "a", "kind": "sale", "closed_at": ago(10),
        "currency": "RUB", "total": "10.00", "lines": lines })
}

/// The same with these members in place of its own.
fn with(receipt: &Value, members: Value) -> Value {
    let mut changed = receipt.clone();
    let Value::Object(members) = members else {
        panic!("an object")
    };
    changed.as_object_mut().unwrap().extend(members);
    changed
}

impl Api {
    /// Posts an event with a till's token.
    async fn till(&self, kind: &str, data: Value) -> (StatusCode, Value) {
        let event = event(kind, data);
        self.ask_as(TILL, Method::POST, "/v1/events", Some(&event))
            .await
    }

    async fn on_hand(&self, product: &str, store: &str) -> String {
        self.level(product, store).await.0
    }

    async fn whole_letters(&self) -> Vec<DeadLetter> {
        let all = LetterFilter::default();
        let letters = self.app.dead_letters.dead_letters(&all).await;
        letters.unwrap().items
    }

    /// The code and the message of each open letter.
    async fn letters(&self) -> Vec<(String, String)> {
        let of = |letter: DeadLetter| (letter.code, letter.message);
        self.whole_letters().await.into_iter().map(of).collect()
    }
}

#[tokio::test]
async fn a_receipt_sells_once_however_often_it_comes_and_a_changed_one_posts_the_difference() {
    let api = world().await;
    api.bring("a", "cup", "9").await;
    api.bring("a", "tea", "9").await;
    let first = sale("R", &[("cup", "2"), ("tea", "1")]);
    let message = event(SAVED, first.clone());
    let post = || api.ask(Method::POST, "/v1/events", Some(&message));
    assert_eq!(post().await.1["result"], "queued");
    assert_eq!(post().await.1["result"], "duplicate");
    let again = api.try_to_tell(SAVED, first.clone()).await;
    assert_eq!(
        again.1["result"], "duplicate",
        "another event, the same receipt"
    );
    assert_eq!(api.on_hand("cup", "a").await, "7");
    let edited = sale("R", &[("cup", "3"), ("cup", "0.5")]);
    api.tell(SAVED, with(&edited, json!({ "version": 2 })))
        .await;
    assert_eq!(api.on_hand("cup", "a").await, "5.5");
    assert_eq!(api.on_hand("tea", "a").await, "9");
    api.tell(SAVED, with(&first, json!({ "version": 1 }))).await;
    assert_eq!(
        api.on_hand("cup", "a").await,
        "5.5",
        "an older version came late"
    );
    let moved = with(&edited, json!({ "version": 3, "store": "b" }));
    api.tell(SAVED, moved.clone()).await;
    assert_eq!(api.on_hand("cup", "a").await, "9");
    assert_eq!(api.on_hand("cup", "b").await, "-3.5");
    api.tell(
        SAVED,
        with(&moved, json!({ "version": 4, "cancelled": true })),
    )
    .await;
    assert_eq!(api.on_hand("cup", "b").await, "0");
    assert!(api.letters().await.is_empty());
    api.prove().await;
}

#[tokio::test]
async fn a_refund_brings_goods_back_with_its_sale_and_without_and_before_it() {
    let api = world().await;
    api.bring("a", "cup", "5").await;
    let refund = |receipt: &str| with(&sale(receipt, &[("cup", "1")]), json!({ "kind": "refund" }));
    api.tell(SAVED, with(&refund("B1"), json!({ "of": "R" })))
        .await;
    api.tell(SAVED, sale("R", &[("cup", "2")])).await;
    api.tell(SAVED, refund("B2")).await;
    assert_eq!(api.on_hand("cup", "a").await, "5");
    api.tell(SAVED, with(&refund("B2"), json!({ "cancelled": true })))
        .await;
    assert_eq!(
        api.on_hand("cup", "a").await,
        "4",
        "a till without versions annuls"
    );
    api.tell(SAVED, refund("B2")).await;
    assert_eq!(api.on_hand("cup", "a").await, "4", "it was annulled before");
    api.prove().await;
}

#[tokio::test]
async fn late_receipts_lie_on_their_side_of_a_count_in_any_order() {
    let count = json!({ "store": "a", "as_of": ago(30),
        "counts": [{ "product": "cup", "quantity": 10 }] });
    let early = with(&sale("E", &[("cup", "4")]), json!({ "closed_at": ago(40) }));
    let late = with(&sale("L", &[("cup", "3")]), json!({ "closed_at": ago(20) }));
    let facts = [
        ("shop.stock.counted.v1", count),
        (SAVED, early.clone()),
        (SAVED, late.clone()),
        // It was closed before the count, as the till says now.
        (
            SAVED,
            with(&late, json!({ "version": 2, "closed_at": ago(35) })),
        ),
        (
            SAVED,
            with(&early, json!({ "version": 2, "closed_at": ago(10) })),
        ),
    ];
    for turn in 0..facts.len() {
        let api = world().await;
        for nth in 0..facts.len() {
            let (kind, data) = &facts[(nth + turn) % facts.len()];
            api.tell(kind, data.clone()).await;
            api.app.stock.apply_counts("main").await.unwrap();
        }
        // A receipt needs a product that is known: what waited is posted now.
        api.app
            .stock
            .replay_receipts(&ReceiptKey::default())
            .await
            .unwrap();
        assert_eq!(api.on_hand("cup", "a").await, "6", "from {turn} on");
        api.prove().await;
    }
}

#[tokio::test]
async fn other_contents_without_a_newer_version_are_kept_and_post_nothing_until_a_person_says_so() {
    let api = world().await;
    api.bring("a", "cup", "9").await;
    api.tell(SAVED, sale("R", &[("cup", "1")])).await;
    let other = sale("R", &[("cup", "4")]);
    let (status, answer) = api.try_to_tell(SAVED, other.clone()).await;
    assert_eq!(
        (status, &answer["result"]),
        (StatusCode::ACCEPTED, &json!("conflict"))
    );
    api.try_to_tell(SAVED, other).await;
    assert_eq!(api.on_hand("cup", "a").await, "8");
    let letters = api.whole_letters().await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0].code, "TILL-RECEIPT-CHANGED");
    let anna = Actor::new("operator:anna");
    let retried = api
        .app
        .dead_letters
        .retry(letters[0].id, &anna, Retry::default());
    retried.await.unwrap();
    assert_eq!(api.on_hand("cup", "a").await, "5");
    assert!(api.letters().await.is_empty());
    api.prove().await;
}

#[tokio::test]
async fn an_unknown_product_parks_its_line_alone_and_is_posted_when_it_is_known() {
    let api = world().await;
    api.bring("a", "cup", "9").await;
    let lines = [("cup", "1"), ("new", "2"), ("newer", "3")];
    api.tell(SAVED, sale("R", &lines)).await;
    assert_eq!(api.on_hand("cup", "a").await, "8");
    let letters = api.letters().await;
    assert_eq!(letters.len(), 1, "one for the whole receipt: {letters:?}");
    assert_eq!(letters[0].0, "STOCK-UNKNOWN-PRODUCT");
    let words = "the receipt R of the till T names what is no one product: 2 (product_id `new`); \
                 3 (product_id `newer`)";
    assert_eq!(letters[0].1, words);
    let id = api.whole_letters().await[0].id;
    let anna = Actor::new("operator:anna");
    let early = api
        .app
        .dead_letters
        .retry(id, &anna, Retry::default())
        .await;
    assert!(early.is_err(), "nothing is known yet");
    let replay = || async {
        let from = ReceiptKey::default();
        api.app.stock.replay_receipts(&from).await.unwrap().1
    };
    assert_eq!(replay().await, 0);
    api.bring("a", "new", "5").await;
    assert_eq!(replay().await, 1);
    assert_eq!(api.on_hand("new", "a").await, "3");
    assert!(
        !api.letters().await[0].1.contains("`new`"),
        "it is known by now"
    );
    api.bring("a", "newer", "5").await;
    assert_eq!((replay().await, replay().await), (1, 0));
    assert_eq!(api.on_hand("newer", "a").await, "2");
    assert_eq!(api.on_hand("cup", "a").await, "8");
    assert!(api.letters().await.is_empty());
    api.prove().await;
}

#[tokio::test]
async fn a_line_in_another_unit_than_its_product_waits_and_is_never_added_up() {
    let api = world().await;
    api.bring("a", "tea", "9").await;
    api.bring("a", "cup", "9").await;
    api.unit("tea", "кг").await;
    let grams = json!([{ "product_id": "tea", "quantity": "250", "unit": "г" }]);
    let grams = with(&sale("R1", &[]), json!({ "lines": grams }));
    let till = TillName::parse("one").unwrap();
    let trial = [event(SAVED, with(&grams, json!({ "till": null })))];
    let trial = api.app.stock.try_receipts(&till, &trial).await.unwrap();
    assert!(trial[0].lines[0].other_unit, "{trial:?}");
    api.tell(SAVED, grams).await;
    let lines = json!([
        { "product_id": "tea", "quantity": "1", "unit": "КГ." },
        { "product_id": "tea", "quantity": "1", "unit": 166 },
        { "product_id": "tea", "quantity": "1" },
        { "product_id": "cup", "quantity": "1", "unit": "упак" },
    ]);
    api.tell(SAVED, with(&sale("R2", &[]), json!({ "lines": lines })))
        .await;
    assert_eq!(api.on_hand("tea", "a").await, "6", "no gram is a kilogram");
    assert_eq!(
        api.on_hand("cup", "a").await,
        "8",
        "whose unit nobody has said"
    );
    let letters = api.letters().await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0].0, "STOCK-UNIT");
    for words in [
        "the receipt R1 of the till T",
        "product_id `tea`",
        "unit `г`",
    ] {
        assert!(letters[0].1.contains(words), "{letters:?}");
    }
    let replay = || async {
        let from = ReceiptKey::default();
        api.app.stock.replay_receipts(&from).await.unwrap().1
    };
    assert_eq!(replay().await, 0);
    api.unit("tea", "грамм").await;
    assert_eq!(replay().await, 1);
    assert_eq!(api.on_hand("tea", "a").await, "-244");
    assert!(api.letters().await.is_empty());
    api.prove().await;
}

#[tokio::test]
async fn an_unknown_store_parks_a_receipt_and_a_newer_version_that_names_a_known_one_sells() {
    let api = world().await;
    api.bring("a", "cup", "9").await;
    let nowhere = with(&sale("R", &[("cup", "1")]), json!({ "store": "V-9" }));
    assert_eq!(api.till(SAVED, nowhere).await.0, StatusCode::ACCEPTED);
    assert_eq!(api.letters().await[0].0, "STOCK-UNKNOWN-STORE");
    assert_eq!(api.on_hand("cup", "a").await, "9");
    let known = with(
        &sale("R", &[("cup", "1")]),
        json!({ "store": "V-1", "version": 2 }),
    );
    assert_eq!(api.till(SAVED, known).await.0, StatusCode::ACCEPTED);
    assert_eq!(api.on_hand("cup", "a").await, "8");
    assert!(api.letters().await.is_empty());
}

#[tokio::test]
async fn the_pick_up_of_an_order_ships_what_is_held_and_what_it_has_more_is_a_plain_sale() {
    let api = world().await;
    api.bring("a", "cup", "9").await;
    api.bring("b", "cup", "9").await;
    let held = with(&one("cup", 2), json!({ "number": "W-1", "store": "a" }));
    api.put("cart", &held).await;
    assert_eq!(api.level("cup", "a").await.1, "2");
    // It is fetched elsewhere: free where it was held, taken where the till stands.
    let fetched = with(
        &sale("R", &[("cup", "3")]),
        json!({ "number": "W-1", "store": "b" }),
    );
    api.tell(SAVED, fetched.clone()).await;
    assert_eq!(
        api.level("cup", "a").await,
        ("9".to_owned(), "0".to_owned())
    );
    assert_eq!(api.level("cup", "b").await.0, "6");
    assert_eq!(api.get_reservation("cart").await["state"], "shipped");
    assert_eq!(api.ship("cart", &json!({})).await.0, StatusCode::OK);
    assert_eq!(api.level("cup", "a").await.0, "9", "it has left already");
    api.tell(
        SAVED,
        with(&fetched, json!({ "version": 2, "cancelled": true })),
    )
    .await;
    assert_eq!(
        api.level("cup", "b").await,
        ("9".to_owned(), "0".to_owned())
    );
    assert_eq!(
        api.level("cup", "a").await,
        ("9".to_owned(), "0".to_owned())
    );
    api.prove().await;
}

#[tokio::test]
async fn each_piece_of_an_order_leaves_once_whoever_says_it_first() {
    let api = serve(
        &settings()
            .tables(TILLS)
            .set("stock.main.ship_on", r#"["P"]"#),
    )
    .await;
    let order = |version: i64| {
        let mut order = crate::support::shop::event(&format!("o{version}"), "W-1", version);
        order["data"]["status"] = json!("P");
        order["data"]["items"][0]["product_id"] = json!("cup");
        order["data"]["items"][0]["quantity"] = json!(2);
        order
    };
    let fetched = with(&sale("R", &[("cup", "2")]), json!({ "number": "W-1" }));
    api.bring("a", "cup", "9").await;
    api.ask(Method::POST, "/v1/events", Some(&order(1))).await;
    assert_eq!(
        api.on_hand("cup", "a").await,
        "7",
        "its status said so first"
    );
    api.tell(SAVED, fetched.clone()).await;
    assert_eq!(api.on_hand("cup", "a").await, "7");
    let more = with(&sale("R2", &[("cup", "1")]), json!({ "number": "W-1" }));
    api.tell(SAVED, more).await;
    assert_eq!(
        api.on_hand("cup", "a").await,
        "6",
        "more than the order has"
    );
    api.prove().await;

    let api = serve(
        &settings()
            .tables(TILLS)
            .set("stock.main.ship_on", r#"["P"]"#),
    )
    .await;
    api.bring("a", "cup", "9").await;
    api.tell(SAVED, fetched.clone()).await;
    assert_eq!(
        api.on_hand("cup", "a").await,
        "7",
        "the receipt said so first"
    );
    api.ask(Method::POST, "/v1/events", Some(&order(1))).await;
    assert_eq!(api.on_hand("cup", "a").await, "7");
    api.prove().await;
}

#[tokio::test]
async fn a_till_token_tells_and_reserves_for_its_shop_and_its_stores_and_nothing_else() {
    let api = world().await;
    api.bring("a", "cup", "9").await;
    let till = sale("R", &[("cup", "1")]);
    for (named, status) in [
        ("V-1", StatusCode::ACCEPTED),
        ("back", StatusCode::FORBIDDEN),
    ] {
        let data = with(&till, json!({ "till": null, "store": named }));
        assert_eq!(api.till(SAVED, data).await.0, status, "{named}");
    }
    assert_eq!(api.on_hand("cup", "a").await, "8");
    let moved = |store: &str| {
        json!({ "store": store, "reason": "broken",
        "moves": [{ "line": "1", "product": "cup", "quantity": "-1" }] })
    };
    assert_eq!(
        api.till("shop.stock.moved.v1", moved("V-2")).await.0,
        StatusCode::ACCEPTED
    );
    assert_eq!(api.on_hand("cup", "b").await, "-1");
    let foreign = api.till("shop.stock.moved.v1", moved("back")).await;
    assert_eq!(foreign.0, StatusCode::FORBIDDEN, "{foreign:?}");
    let order = crate::support::shop::event("o1", "A-1", 1);
    let as_till = |method: Method, path: &'static str, body: Option<Value>| {
        let api = &api;
        async move { api.ask_as(TILL, method, path, body.as_ref()).await.0 }
    };
    let put = as_till(Method::PUT, "/v1/reservations/main/r", Some(one("cup", 1)));
    assert_eq!(put.await, StatusCode::OK);
    let other = as_till(Method::PUT, "/v1/reservations/other/r", Some(one("cup", 1)));
    assert_eq!(other.await, StatusCode::NOT_FOUND);
    assert_eq!(
        as_till(Method::POST, "/v1/events", Some(order)).await,
        StatusCode::FORBIDDEN
    );
    for path in [
        "/v1/stock?product=cup",
        "/v1/dead-letters",
        "/v1/status-changes",
        "/v1/status",
    ] {
        assert_eq!(
            as_till(Method::GET, path, None).await,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
    let count = json!({ "store": "a", "as_of": ago(0), "counts": [] });
    let counted = with(
        &count,
        json!({ "counts": [{ "product": "cup", "quantity": 1 }] }),
    );
    let (status, answer) = api.till("shop.stock.counted.v1", counted).await;
    assert_eq!(
        status,
        StatusCode::UNPROCESSABLE_ENTITY,
        "the shop is the master"
    );
    assert_eq!(answer["code"], "STOCK-NOT-MASTER");
    let wrong = event(SAVED, till);
    let wrong = api
        .ask_as(OTHER, Method::POST, "/v1/events", Some(&wrong))
        .await;
    assert_eq!(
        wrong.0,
        StatusCode::ACCEPTED,
        "the other shop has receipts of its own"
    );
}

#[tokio::test]
async fn a_till_that_is_the_master_counts_its_stores_and_a_shop_does_not() {
    let api = serve(&settings_of("till").tables(TILLS)).await;
    let count = json!({ "store": "V-1", "as_of": ago(0),
        "counts": [{ "product": "cup", "quantity": 7 }] });
    assert_eq!(
        api.till("shop.stock.counted.v1", count.clone()).await.0,
        StatusCode::ACCEPTED
    );
    api.app.stock.apply_counts("main").await.unwrap();
    assert_eq!(api.on_hand("cup", "a").await, "7");
    let of_shop = event(
        "shop.stock.counted.v1",
        with(&count, json!({ "store": "a" })),
    );
    let refused = api
        .ask_as(KEY, Method::POST, "/v1/events", Some(&of_shop))
        .await;
    assert_eq!(refused.1["code"], "STOCK-NOT-MASTER");
}

//! A count that fails the same way each time holds up none that comes after it; and counts that
//! are so large that they wait in parts.

use super::world::{OLGA, one, world};
use crate::support::api::Api;
use chrono::{TimeDelta, Utc};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// A count of a product in the store `a`, so many minutes ago.
async fn count(api: &Api, minutes: i64, product: &str, quantity: i64) {
    let as_of = (Utc::now() - TimeDelta::minutes(minutes)).to_rfc3339();
    let counts = json!([{ "product": product, "quantity": quantity }]);
    let data = json!({ "store": "a", "as_of": as_of, "counts": counts });
    api.tell("shop.stock.counted.v1", data).await;
}

/// The database takes no move of a cup, or takes it again.
async fn cups(api: &Api, taken: bool) {
    let change = if taken {
        "ALTER TABLE bridge.stock_moves DROP CONSTRAINT no_cup"
    } else {
        "ALTER TABLE bridge.stock_moves ADD CONSTRAINT no_cup CHECK (product <> 'cup') NOT VALID"
    };
    sqlx::query(change).execute(&api.db.pool).await.unwrap();
}

/// The only open letter: its id, and the letter.
async fn letter(api: &Api) -> (i64, Value) {
    let path = "/v1/dead-letters";
    let (_, answer) = api.ask_as(OLGA, Method::GET, path, None).await;
    let letters = answer["items"].as_array().unwrap();
    assert_eq!(letters.len(), 1, "{answer}");
    (letters[0]["id"].as_i64().unwrap(), letters[0].clone())
}

async fn lines(api: &Api) -> i64 {
    let lines = "SELECT count(*) FROM bridge.stock_count_lines";
    let lines = sqlx::query_scalar(lines).fetch_one(&api.db.pool);
    lines.await.unwrap()
}

#[tokio::test]
async fn a_count_that_fails_each_time_is_a_letter_and_later_counts_go_on() {
    let api = world().await;
    cups(&api, false).await;
    count(&api, 5, "cup", 3).await;
    count(&api, 4, "mug", 7).await;
    api.app.stock.apply_counts("main").await.unwrap();
    assert_eq!(api.level("mug", "a").await.0, "7");
    let (id, told) = letter(&api).await;
    assert_eq!(told["code"], "BRIDGE-BUG", "{told}");
    let words = told["message"].as_str().unwrap();
    assert!(words.contains("`a`") && words.contains("no_cup"), "{words}");
    // It is applied when it can be, by a person's word.
    cups(&api, true).await;
    api.app.stock.apply_counts("main").await.unwrap();
    assert_eq!(lines(&api).await, 1);
    let path = format!("/v1/dead-letters/{id}/retry");
    let (status, answer) = api
        .ask_as(OLGA, Method::POST, &path, Some(&json!({})))
        .await;
    assert!(status.is_success(), "{status}: {answer}");
    api.app.stock.apply_counts("main").await.unwrap();
    assert_eq!(api.level("cup", "a").await.0, "3");
    assert_eq!(lines(&api).await, 0);
    api.prove().await;
}

#[tokio::test]
async fn a_count_that_a_person_lets_go_is_never_applied() {
    let api = world().await;
    cups(&api, false).await;
    count(&api, 5, "cup", 3).await;
    api.app.stock.apply_counts("main").await.unwrap();
    cups(&api, true).await;
    let (id, _) = letter(&api).await;
    let path = format!("/v1/dead-letters/{id}/discard");
    let reason = json!({ "reason": "counted anew" });
    let asked = api.ask_as(OLGA, Method::POST, &path, Some(&reason));
    let (status, answer) = asked.await;
    assert!(status.is_success(), "{status}: {answer}");
    api.app.stock.apply_counts("main").await.unwrap();
    assert_eq!(lines(&api).await, 0);
    let moves = "SELECT count(*) FROM bridge.stock_moves WHERE product = 'cup'";
    let moves = sqlx::query_scalar::<_, i64>(moves).fetch_one(&api.db.pool);
    assert_eq!(moves.await.unwrap(), 0);
}

#[tokio::test]
async fn a_large_count_of_known_products_waits_in_parts_of_which_two_are_applied_at_once() {
    let api = world().await;
    let names: Vec<String> = (0..2_500).map(|n| format!("p{n}")).collect();
    let counted = |quantity: i64, last: &[(&str, i64)]| {
        let all = names.iter().map(|name| (name.as_str(), quantity));
        let line =
            |(product, quantity): (&str, i64)| json!({ "product": product, "quantity": quantity });
        let counts: Vec<_> = all.chain(last.iter().copied()).map(line).collect();
        let as_of = (Utc::now() + TimeDelta::minutes(1)).to_rfc3339();
        json!({ "store": "a", "as_of": as_of, "complete": true, "counts": counts })
    };
    api.tell("shop.stock.counted.v1", counted(7, &[])).await;
    api.app.stock.apply_counts("main").await.unwrap();
    api.bring("a", "gone", "3").await;
    // Of two lines of a product the last counts, however far they lie from each other.
    let again = counted(9, &[("p1", 1), ("p1700", 2), ("p1", 3)]);
    api.tell("shop.stock.counted.v1", again).await;
    let mut db = api.db.pool.acquire().await.unwrap();
    let stored = "SELECT cardinality(products) FROM bridge.stock_count_parts ORDER BY part";
    let stored: Vec<i32> = sqlx::query_scalar(stored)
        .fetch_all(&mut *db)
        .await
        .unwrap();
    assert_eq!(stored, [1_000, 1_000, 500]);
    // Who is at a part is waited for with the end, and with nothing else.
    let mut busy = api.db.pool.begin().await.unwrap();
    let part = "SELECT bridge.stock_count_part('main', 1000)";
    sqlx::query(part).execute(&mut *busy).await.unwrap();
    assert_eq!(api.app.stock.apply_counts("main").await.unwrap(), 2);
    assert_eq!(api.level("gone", "a").await.0, "3", "zeros come last");
    busy.rollback().await.unwrap();
    // Somebody reserves meanwhile, and is in nobody's way.
    let cart = one("p10", 1);
    let (some, others, held) = tokio::join!(
        api.app.stock.apply_counts("main"),
        api.app.stock.apply_counts("main"),
        api.put("cart", &cart),
    );
    assert!(some.unwrap() + others.unwrap() >= 3);
    assert_eq!(held.0, StatusCode::OK);
    for (product, left) in [("p1", "3"), ("p1700", "2"), ("p10", "9"), ("gone", "0")] {
        assert_eq!(api.level(product, "a").await.0, left, "{product}");
    }
    let left = "SELECT count(*) FROM bridge.stock_count_parts";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&mut *db).await.unwrap();
    assert_eq!(left, 0);
    let moves = "SELECT count(*) FROM bridge.stock_moves
                 WHERE cause = 'count' AND cause_id = (
                     SELECT max(id) FROM bridge.stock_events WHERE kind = 'counted')::text";
    let moves: i64 = sqlx::query_scalar(moves).fetch_one(&mut *db).await.unwrap();
    assert_eq!(moves, 2_501, "each product once, and the zero");
    api.prove().await;
}

#[tokio::test]
async fn of_a_large_count_that_fails_the_rest_is_applied_on_a_person_s_word_or_never() {
    let api = world().await;
    let counts: Vec<Value> = (0..2_500)
        .map(|n| json!({ "product": format!("d{n:04}"), "quantity": 5 }))
        .chain([json!({ "product": "cup", "quantity": 5 })])
        .collect();
    let told = async |minutes: i64| {
        let as_of = (Utc::now() - TimeDelta::minutes(minutes)).to_rfc3339();
        let data = json!({ "store": "a", "as_of": as_of, "counts": counts });
        api.tell("shop.stock.counted.v1", data).await;
        api.app.stock.apply_counts("main").await.unwrap();
    };
    let parts = async || {
        let parts = "SELECT count(*) FROM bridge.stock_count_parts";
        let parts = sqlx::query_scalar::<_, i64>(parts).fetch_one(&api.db.pool);
        parts.await.unwrap()
    };
    told(9).await;
    assert_eq!(parts().await, 0);
    for (minutes, act, body) in [
        (8, "retry", json!({})),
        (7, "discard", json!({ "reason": "counted anew" })),
    ] {
        // The cup is in the first part, with the first products by name.
        cups(&api, false).await;
        told(minutes).await;
        assert!(parts().await > 0);
        cups(&api, true).await;
        let (id, _) = letter(&api).await;
        let path = format!("/v1/dead-letters/{id}/{act}");
        let (status, answer) = api.ask_as(OLGA, Method::POST, &path, Some(&body)).await;
        assert!(status.is_success(), "{act}: {answer}");
        api.app.stock.apply_counts("main").await.unwrap();
        assert_eq!(parts().await, 0, "{act}");
    }
    let counted = "SELECT count(*) FROM bridge.stock_moves
                   WHERE cause = 'count' AND product = 'cup'";
    let counted = sqlx::query_scalar::<_, i64>(counted).fetch_one(&api.db.pool);
    assert_eq!(
        counted.await.unwrap(),
        2,
        "the first, and the one that was tried again"
    );
    api.prove().await;
}

#[tokio::test]
async fn a_letter_of_a_newer_version_is_a_fault_by_itself_alone() {
    let api = world().await;
    cups(&api, false).await;
    count(&api, 5, "cup", 3).await;
    api.app.stock.apply_counts("main").await.unwrap();
    cups(&api, true).await;
    let (known, _) = letter(&api).await;
    let newer = "ALTER TABLE bridge.dead_letters DROP CONSTRAINT dead_letters_about_known;
                 INSERT INTO bridge.dead_letters (about, shop, code, message, attempts, payload)
                 VALUES ('novelty', 'main', 'BRIDGE-BUG', 'new', 1, '{\"about\": \"novelty\"}')";
    sqlx::raw_sql(newer).execute(&api.db.pool).await.unwrap();
    let listed = async || {
        let (status, answer) = api
            .ask_as(OLGA, Method::GET, "/v1/dead-letters", None)
            .await;
        assert!(status.is_success(), "{answer}");
        let ids = answer["items"].as_array().unwrap().iter();
        ids.map(|one| (one["id"].as_i64().unwrap(), one["about"].clone()))
            .collect::<Vec<_>>()
    };
    let all = listed().await;
    let [(first, _), (odd, about)] = &all[..] else {
        panic!("both are listed: {all:?}")
    };
    assert_eq!((*first, about), (known, &json!("novelty")));
    // What has to be done with it is the newer version's to know: it stays open.
    let act = async |id: i64, act: &str| {
        let path = format!("/v1/dead-letters/{id}/{act}");
        let body = json!({ "reason": "why not" });
        let body = if act == "retry" { json!({}) } else { body };
        let (status, _) = api.ask_as(OLGA, Method::POST, &path, Some(&body)).await;
        status.is_success()
    };
    assert!(!act(*odd, "retry").await);
    assert!(!act(*odd, "discard").await);
    assert!(act(known, "retry").await);
    let left: Vec<_> = listed().await.into_iter().map(|(id, _)| id).collect();
    assert_eq!(left, [*odd]);
}

//! Counts and moves: on hand is the newest count and what came after it, in any order of arrival;
//! and the feed of levels.

use super::world::{event, one, serve, settings, settings_of, world};
use crate::support::settings::KEY;
use chrono::{TimeDelta, Utc};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const COUNTED: &str = "shop.stock.counted.v1";
const MOVED: &str = "shop.stock.moved.v1";

/// So many minutes ago.
fn ago(minutes: i64) -> String {
    (Utc::now() - TimeDelta::minutes(minutes)).to_rfc3339()
}

fn count(as_of: i64, counts: &[(&str, i64)]) -> Value {
    let line =
        |(product, quantity): &(&str, i64)| json!({ "product": product, "quantity": quantity });
    let counts: Vec<_> = counts.iter().map(line).collect();
    json!({ "store": "a", "as_of": ago(as_of), "counts": counts })
}

fn sold(at: i64, product: &str, quantity: i64) -> Value {
    let moves = json!([{ "line": "1", "product": product, "quantity": -quantity, "at": ago(at) }]);
    json!({ "store": "a", "reason": "sold", "moves": moves })
}

/// On hand in `a`, as text.
async fn on_hand(api: &crate::support::api::Api, product: &str) -> String {
    api.app.stock.apply_counts("main").await.unwrap();
    api.level(product, "a").await.0
}

#[tokio::test]
async fn whatever_arrives_first_on_hand_is_the_newest_count_and_what_came_after_it() {
    let facts = [
        (COUNTED, count(60, &[("cup", 10)])),
        (MOVED, sold(90, "cup", 1)),
        (MOVED, sold(50, "cup", 2)),
        (COUNTED, count(40, &[("cup", 7)])),
        (MOVED, sold(30, "cup", 3)),
        (COUNTED, count(80, &[("cup", 100)])),
    ];
    for turn in 0..facts.len() {
        let api = world().await;
        for nth in 0..facts.len() {
            let (kind, data) = &facts[(nth + turn) % facts.len()];
            api.tell(kind, data.clone()).await;
            if nth % 2 == 0 {
                api.app.stock.apply_counts("main").await.unwrap();
            }
        }
        assert_eq!(on_hand(&api, "cup").await, "4", "from {turn} on");
        api.prove().await;
    }
}

#[tokio::test]
async fn a_count_never_sets_a_reservation_free_and_a_shipment_after_it_is_laid_on_top() {
    let api = world().await;
    api.bring("a", "cup", "5").await;
    api.put("r", &one("cup", 4)).await;
    api.tell(COUNTED, count(0, &[("cup", 3)])).await;
    api.app.stock.apply_counts("main").await.unwrap();
    assert_eq!(
        api.level("cup", "a").await,
        ("3".to_owned(), "4".to_owned())
    );
    assert_eq!(api.put("r2", &one("cup", 1)).await.0, StatusCode::CONFLICT);
    api.ship("r", &json!({})).await;
    assert_eq!(
        api.level("cup", "a").await,
        ("-1".to_owned(), "0".to_owned())
    );
    api.prove().await;
}

#[tokio::test]
async fn a_count_of_what_can_be_sold_adds_what_was_reserved_when_it_was_true() {
    let api = serve(&settings().text("stock.main.counts_mean", "available")).await;
    api.bring("a", "cup", "9").await;
    api.put("early", &one("cup", 2)).await;
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    let as_of = Utc::now().to_rfc3339();
    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    api.put("late", &one("cup", 1)).await;
    api.ship("early", &json!({})).await;
    let counts = json!([{ "product": "cup", "quantity": 5 }]);
    api.tell(
        COUNTED,
        json!({ "store": "a", "as_of": as_of, "counts": counts }),
    )
    .await;
    assert_eq!(
        on_hand(&api, "cup").await,
        "5",
        "5 and the 2 reserved then, less the 2 shipped since"
    );
    assert_eq!(api.level("cup", "a").await.1, "1");
    api.prove().await;
}

#[tokio::test]
async fn what_a_complete_count_does_not_name_is_not_there_and_a_partial_one_leaves_it() {
    let api = world().await;
    api.tell(COUNTED, count(60, &[("cup", 5), ("tea", 5)]))
        .await;
    api.tell(MOVED, sold(20, "tea", 1)).await;
    api.tell(COUNTED, count(50, &[("cup", 4)])).await;
    assert_eq!(on_hand(&api, "tea").await, "4");
    let mut complete = count(40, &[("cup", 3)]);
    complete["complete"] = json!(true);
    api.tell(COUNTED, complete).await;
    assert_eq!(on_hand(&api, "cup").await, "3");
    assert_eq!(
        on_hand(&api, "tea").await,
        "-1",
        "none at the count, one sold since"
    );
    // A product that nobody knew was not there either.
    api.tell(MOVED, sold(45, "new", 2)).await;
    assert_eq!(on_hand(&api, "new").await, "0");
    api.tell(COUNTED, count(41, &[("new", 9)])).await;
    assert_eq!(
        on_hand(&api, "new").await,
        "0",
        "an older count changes nothing"
    );
    let ledger = api.app.stock.stock_ledger("main", "new").await.unwrap();
    assert!(
        ledger
            .iter()
            .any(|row| row.text.contains("changed nothing")),
        "{ledger:?}"
    );
    api.prove().await;
}

#[tokio::test]
async fn the_ledger_says_what_a_count_found_and_why_a_late_sale_took_nothing() {
    let api = world().await;
    api.tell(COUNTED, count(60, &[("cup", 10)])).await;
    assert_eq!(on_hand(&api, "cup").await, "10");
    api.tell(MOVED, sold(30, "cup", 3)).await;
    api.tell(COUNTED, count(40, &[("cup", 8)])).await;
    assert_eq!(on_hand(&api, "cup").await, "5");
    let line = json!({ "product_id": "cup", "quantity": 2, "price": "10" });
    let receipt = json!({ "receipt": "R", "till": "T", "store": "a", "kind": "sale",
        "closed_at": ago(50), "currency": "RUB", "total": "20", "lines": [line] });
    api.tell("pos.receipt.saved.v1", receipt).await;
    api.tell(MOVED, sold(45, "cup", 1)).await;
    let ledger = api.app.stock.stock_ledger("main", "cup").await.unwrap();
    let stands: Vec<_> = ledger.iter().map(|row| row.stands.as_str()).collect();
    assert_eq!(stands, ["10", "7", "5", "5", "5"]);
    for (row, end) in ledger.iter().zip([
        ": 10 at that time, 10 with what moved later",
        ": sold",
        ": 8 at that time, 5 with what moved later",
        " of main. -2 were stated, which a newer count holds already",
        ": sold. -1 were stated, which a newer count holds already",
    ]) {
        assert!(row.text.ends_with(end), "{row:?}");
    }
    let newest = api.app.stock.ledger_page("main", "cup", None, 2).await;
    let newest = newest.unwrap();
    let older = api
        .app
        .stock
        .ledger_page("main", "cup", newest.next, 9)
        .await;
    let mut paged = [newest.entries, older.unwrap().entries].concat();
    paged.reverse();
    assert_eq!(paged, ledger, "pages say the same");
    api.prove().await;
}

#[tokio::test]
async fn a_large_count_goes_in_parts_and_goes_on_where_it_was() {
    let api = world().await;
    api.bring("a", "gone", "3").await;
    let names: Vec<String> = (0..2_500).map(|n| format!("p{n}")).collect();
    let mut counts: Vec<_> = names.iter().map(|name| (name.as_str(), 7)).collect();
    counts.push(("p0", 8));
    let mut data = count(0, &counts);
    data["complete"] = json!(true);
    data["as_of"] = json!((Utc::now() + TimeDelta::minutes(1)).to_rfc3339());
    api.tell(COUNTED, data).await;
    let mut db = api.db.pool.acquire().await.unwrap();
    let part = "SELECT bridge.stock_count_part('main', 1000)";
    sqlx::query(part).execute(&mut *db).await.unwrap();
    let applied: i32 =
        sqlx::query_scalar("SELECT applied FROM bridge.stock_events WHERE kind = 'counted'")
            .fetch_one(&mut *db)
            .await
            .unwrap();
    assert_eq!(applied, 1_000);
    assert_eq!(api.level("p0", "a").await.0, "7");
    assert_eq!(api.level("gone", "a").await.0, "3", "zeros come last");
    // Two at once get in nobody's way.
    let (one, two) = tokio::join!(
        api.app.stock.apply_counts("main"),
        api.app.stock.apply_counts("main")
    );
    assert!(one.unwrap() + two.unwrap() >= 4);
    assert_eq!(on_hand(&api, "p2499").await, "7");
    assert_eq!(on_hand(&api, "p0").await, "8", "of two lines the last");
    assert_eq!(on_hand(&api, "gone").await, "0");
    let left: i64 = sqlx::query_scalar("SELECT count(*) FROM bridge.stock_count_lines")
        .fetch_one(&mut *db)
        .await
        .unwrap();
    assert_eq!(left, 0);
    api.prove().await;
}

#[tokio::test]
async fn a_whole_count_that_comes_after_a_newer_one_changes_nothing_and_holds_no_other_up() {
    let api = world().await;
    let whole = |minutes_ago: i64, counts: &[(&str, i64)]| {
        let mut data = count(0, counts);
        data["complete"] = json!(true);
        let as_of = Utc::now() - TimeDelta::minutes(minutes_ago);
        data["as_of"] = json!(as_of.to_rfc3339());
        data
    };
    api.bring("a", "cup", "3").await;
    api.tell(COUNTED, whole(5, &[("mug", 7)])).await;
    api.app.stock.apply_counts("main").await.unwrap();
    // Nobody has counted it yet.
    api.bring("a", "tea", "2").await;
    api.tell(COUNTED, whole(60, &[("cup", 9)])).await;
    api.tell(COUNTED, whole(0, &[("tea", 4)])).await;
    api.app.stock.apply_counts("main").await.unwrap();
    let waits = "SELECT count(*) FROM bridge.stock_events WHERE done_at IS NULL";
    let waits = sqlx::query_scalar::<_, i64>(waits).fetch_one(&api.db.pool);
    assert_eq!(waits.await.unwrap(), 0);
    assert_eq!(on_hand(&api, "tea").await, "4");
    assert_eq!(on_hand(&api, "mug").await, "0");
    api.prove().await;
}

#[tokio::test]
async fn a_count_of_a_whole_shelf_is_one_event_and_finds_room() {
    let api = world().await;
    let names: Vec<String> = (0..100_000).map(|n| format!("product-{n}")).collect();
    let mut counts: Vec<_> = names.iter().map(|name| (name.as_str(), 7)).collect();
    let mut whole = event(COUNTED, count(0, &counts));
    let post = async |event: &Value| api.ask(Method::POST, "/v1/events", Some(event)).await;
    for result in ["queued", "duplicate"] {
        let (status, answer) = post(&whole).await;
        assert_eq!(
            (status, &answer["result"]),
            (StatusCode::ACCEPTED, &json!(result)),
            "{answer}"
        );
    }
    let lines = "SELECT lines FROM bridge.stock_events WHERE kind = 'counted'";
    let stored: i32 = sqlx::query_scalar(lines)
        .fetch_one(&api.db.pool)
        .await
        .unwrap();
    assert_eq!(stored, 100_000);
    // What else is under the same name is told, and what is wrong with a line is.
    counts[99_999].1 = 8;
    whole["data"]["counts"] = count(0, &counts)["counts"].take();
    assert_eq!(post(&whole).await.0, StatusCode::CONFLICT);
    whole["data"]["counts"][77_777]["quantity"] = json!("many");
    let (status, answer) = post(&whole).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(
        answer["errors"][0]["pointer"], "/data/counts/77777/quantity",
        "{answer}"
    );
    // A body that only looks like one takes no more room than there is.
    let dense = format!(
        "{{\"type\":\"{COUNTED}\",\"data\":{{\"counts\":[{}1]}}}}",
        "1,".repeat(2_000_000)
    );
    let url = format!("{}/v1/events", api.url);
    let sent = api
        .client
        .post(url)
        .bearer_auth(KEY)
        .header("content-type", "application/json");
    let answer = sent.body(dense).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn the_first_count_of_a_large_store_takes_time_as_it_has_lines() {
    let api = world().await;
    let names: Vec<String> = (0..20_000).map(|n| format!("p{n}")).collect();
    let counts: Vec<_> = names.iter().map(|name| (name.as_str(), 7)).collect();
    api.tell(COUNTED, count(0, &counts)).await;
    let began = std::time::Instant::now();
    api.app.stock.apply_counts("main").await.unwrap();
    let took = began.elapsed();
    assert_eq!(api.level("p19999", "a").await.0, "7");
    // Where each part reads all levels that are there, it takes minutes.
    assert!(took < std::time::Duration::from_secs(40), "{took:?}");
}

#[tokio::test]
async fn an_event_about_goods_counts_once_and_what_is_wrong_with_one_is_said() {
    let api = world().await;
    let moved = event(MOVED, sold(0, "cup", 1));
    let post = |body: Value| async {
        let body = body;
        api.ask(Method::POST, "/v1/events", Some(&body)).await
    };
    assert_eq!(post(moved.clone()).await.1["result"], "queued");
    assert_eq!(post(moved.clone()).await.1["result"], "duplicate");
    let mut other = moved.clone();
    other["data"]["reason"] = json!("another");
    assert_eq!(post(other).await.0, StatusCode::CONFLICT);
    assert_eq!(on_hand(&api, "cup").await, "-1");
    let mut ahead = count(0, &[("cup", 1)]);
    ahead["as_of"] = json!((Utc::now() + TimeDelta::minutes(6)).to_rfc3339());
    let mut nowhere = sold(0, "cup", 1);
    nowhere["store"] = json!("moon");
    let mut unnamed = sold(0, "cup", 1);
    unnamed.as_object_mut().unwrap().remove("store");
    for (kind, data, pointer) in [
        (COUNTED, ahead, "/data/as_of"),
        (MOVED, nowhere, "/data/store"),
        (MOVED, unnamed, "/data/store"),
        (MOVED, json!({ "moves": [] }), "/data/moves"),
    ] {
        let (status, answer) = api.try_to_tell(kind, data).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
        assert_eq!(answer["errors"][0]["pointer"], pointer, "{answer}");
    }
    let batch = json!([
        event(MOVED, sold(0, "cup", 1)),
        event(MOVED, json!({})),
        crate::support::shop::event("o1", "A-1", 1)
    ]);
    let (status, answer) = post(batch).await;
    let results: Vec<_> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|r| r["result"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(
        (status, results),
        (StatusCode::ACCEPTED, vec!["queued", "invalid", "queued"])
    );
}

#[tokio::test]
async fn only_the_master_counts() {
    let api = serve(&settings_of("bridge")).await;
    let (status, answer) = api.try_to_tell(COUNTED, count(0, &[("cup", 1)])).await;
    assert_eq!(
        (status, &answer["code"]),
        (StatusCode::UNPROCESSABLE_ENTITY, &json!("STOCK-NOT-MASTER"))
    );
    assert!(
        answer["errors"][0]["detail"]
            .as_str()
            .unwrap()
            .contains("`bridge`"),
        "{answer}"
    );
    api.tell(MOVED, sold(0, "cup", 1)).await;
}

#[tokio::test]
async fn a_reader_of_the_feed_ends_with_every_level_as_it_is() {
    let api = world().await;
    let mut mirror = BTreeMap::new();
    let mut after = 0;
    for round in 0..4 {
        for nth in 0..7 {
            api.bring("a", &format!("p{nth}"), "5").await;
            let id = format!("{round}-{nth}");
            api.put(&id, &one(&format!("p{nth}"), 1)).await;
        }
        loop {
            let path = format!("/v1/stock-changes?after={after}&limit=3");
            let (status, page) = api.ask(Method::GET, &path, None).await;
            assert_eq!(status, StatusCode::OK);
            let changes = page["changes"].as_array().unwrap().clone();
            assert!(page["next"].as_i64().unwrap() >= after);
            after = page["next"].as_i64().unwrap();
            for level in &changes {
                let key = level["product"].as_str().unwrap().to_owned();
                mirror.insert(key, level.clone());
            }
            if changes.is_empty() {
                break;
            }
        }
    }
    assert_eq!(mirror.len(), 7);
    for (product, level) in mirror {
        let (on_hand, reserved) = api.level(&product, "a").await;
        assert_eq!(
            (level["on_hand"].as_str(), level["reserved"].as_str()),
            (Some(on_hand.as_str()), Some(reserved.as_str()))
        );
    }
}

#[tokio::test]
async fn the_feed_never_passes_a_change_that_is_not_committed() {
    let api = world().await;
    api.bring("a", "slow", "5").await;
    api.bring("a", "fast", "5").await;
    let (_, page) = api.ask(Method::GET, "/v1/stock-changes", None).await;
    let after = page["next"].as_i64().unwrap();
    // It has changed and was not told yet when somebody takes it for long.
    api.bring("a", "slow", "1").await;
    let mut tx = api.db.pool.begin().await.unwrap();
    let reserve = r#"SELECT bridge.reserve('{"shop": "main", "id": "t",
        "lines": [{"line": "1", "product": "slow", "quantity": "1"}]}')"#;
    sqlx::query(reserve).execute(&mut *tx).await.unwrap();
    api.put("r", &one("fast", 1)).await;
    let path = format!("/v1/stock-changes?after={after}");
    let (_, page) = api.ask(Method::GET, &path, None).await;
    assert_eq!(page["changes"][0]["product"], "fast");
    let after = page["next"].as_i64().unwrap();
    tx.commit().await.unwrap();
    let path = format!("/v1/stock-changes?after={after}");
    let (_, page) = api.ask(Method::GET, &path, None).await;
    assert_eq!(page["changes"][0]["product"], "slow", "{page}");
}

#[tokio::test]
async fn a_count_or_a_move_in_another_unit_is_refused_and_the_same_unit_by_another_word_is_not() {
    let api = world().await;
    api.bring("a", "tea", "9").await;
    api.unit("tea", "кг").await;
    let lines = |unit: &str| {
        json!([{ "line": 1, "product": "cup", "quantity": 6, "unit": "упак" },
               { "line": 2, "product": "tea", "quantity": 5, "unit": unit }])
    };
    let counted = |unit: &str| json!({ "store": "a", "as_of": ago(0), "counts": lines(unit) });
    let moved = |unit: &str| json!({ "store": "a", "moves": lines(unit) });
    for (kind, data, place) in [
        (COUNTED, counted("г"), "/data/counts/1/unit"),
        (MOVED, moved("г"), "/data/moves/1/unit"),
    ] {
        let (status, answer) = api.try_to_tell(kind, data).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
        assert_eq!(answer["code"], "STOCK-UNIT", "{answer}");
        assert_eq!(answer["errors"][0]["pointer"], place, "{answer}");
        let detail = answer["errors"][0]["detail"].as_str().unwrap();
        assert!(
            detail.contains("`tea` is counted in `кг`, and not in `г`"),
            "{detail}"
        );
    }
    assert_eq!(
        on_hand(&api, "tea").await,
        "9",
        "nothing of either was taken"
    );
    assert_eq!(on_hand(&api, "cup").await, "0");
    api.tell(COUNTED, counted("Килограмм")).await;
    assert_eq!(on_hand(&api, "tea").await, "5");
    api.tell(MOVED, moved("166")).await;
    assert_eq!(on_hand(&api, "tea").await, "10");
    assert_eq!(on_hand(&api, "cup").await, "12");
    api.prove().await;
}

#[tokio::test]
async fn a_stock_is_busy_while_a_count_waits_or_a_level_is_to_be_told_and_else_not() {
    let api = world().await;
    let stock = &api.app.stock;
    let busy = async || stock.busy_stocks().await.unwrap().len();
    api.tell(COUNTED, count(0, &[("cup", 3)])).await;
    assert_eq!(busy().await, 1, "a count waits");
    stock.apply_counts("main").await.unwrap();
    assert_eq!(busy().await, 1, "a level is to be told");
    stock.tell_levels("main").await.unwrap();
    assert_eq!(busy().await, 0);
    api.put("r", &one("cup", 2)).await;
    assert_eq!(busy().await, 1, "what is reserved changes the level");
}

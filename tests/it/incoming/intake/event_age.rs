//! Which snapshot of an order is the newest, as it is stored: whatever comes, doubled, late, and
//! without version or time.

use crate::support::{
    database::Database,
    shop::{app, claim, done, lease, main_shop, tries},
};
use b24_bridge::{
    app::{App, Backfill, OrderView},
    formats::woocommerce,
    storage::queue::lanes::Lease,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use sqlx::PgPool;

/// An event about the order A-1 that says this, and nothing else of when.
fn saved(id: &str, more: Value) -> Value {
    let mut data = json!({ "number": "A-1", "status": "N", "currency": "RUB", "total": "100.00" });
    merge(&mut data, more);
    json!(
        {
            "specversion": "1.0", "type": "shop.order.saved.v1", "source": "https://shop.example",
                "id": id, "data": data
        }
    )
}

fn deleted(id: &str, more: Value) -> Value {
    let mut data = json!({ "number": "A-1" });
    merge(&mut data, more);
    json!(
        {
            "specversion": "1.0", "type": "shop.order.deleted.v1", "source": "https://shop.example",
                "id": id, "data": data
        }
    )
}

fn merge(data: &mut Value, more: Value) {
    let Value::Object(more) = more else {
        panic!("an object is needed")
    };
    data.as_object_mut().unwrap().extend(more);
}

#[expect(clippy::disallowed_methods, reason = "the shop's own clock")]
fn ago(seconds: i64) -> DateTime<Utc> {
    Utc::now() - TimeDelta::seconds(seconds)
}

async fn accept(app: &App, event: Value) {
    let taken = app.intake.accept_events(Some(&main_shop()), &[event]).await;
    assert_eq!(taken.unwrap()[0].word(), "queued");
}

/// The id of the event that the order's lane takes, or took last.
async fn head(pool: &PgPool) -> String {
    sqlx::query_scalar(
        "SELECT e.event_id FROM bridge.orders o JOIN bridge.outbox e ON e.id = o.head_id WHERE \
         o.number = 'A-1'",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

/// What is due is written to the portal.
async fn settle(app: &App, lease: &Lease) {
    let claimed = claim(app, lease).await;
    let ended = claimed.into_iter().map(|(one, _)| (one, done(1))).collect();
    app.delivery.settle(lease, &tries(), ended).await.unwrap();
}

async fn order(app: &App) -> OrderView {
    let view = app
        .operations
        .order_view(&main_shop(), "A-1")
        .await
        .unwrap();
    view.unwrap()
}

/// Nothing was ever heard.
async fn forget(pool: &PgPool) {
    for table in ["orders", "outbox", "timeline"] {
        let sql = format!("DELETE FROM bridge.{table}");
        let done = sqlx::query(sqlx::AssertSqlSafe(sql)).execute(pool).await;
        done.unwrap();
    }
}

fn told(order: &OrderView, words: &str) -> bool {
    order
        .timeline
        .iter()
        .any(|entry| entry.text.contains(words))
}

#[tokio::test]
async fn an_older_snapshot_stays_older_after_an_event_that_tells_nothing_and_after_a_deletion() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let version = |version: i64| json!({ "version": version });
    let time = |seconds: i64| json!({ "updated_at": ago(seconds) });
    for (first, late) in [
        (version(5), version(3)),
        (time(60), time(120)),
        (json!({ "version": 5, "updated_at": ago(60) }), version(4)),
        (json!({ "version": 5, "updated_at": ago(60) }), time(61)),
    ] {
        for silent in [saved("silent", json!({})), deleted("silent", json!({}))] {
            forget(&db.pool).await;
            accept(&app, saved("first", first.clone())).await;
            accept(&app, silent).await;
            accept(&app, saved("late", late.clone())).await;
            assert_eq!(head(&db.pool).await, "silent", "{first} {late}");
            assert!(told(&order(&app).await, "event late is older"));
            accept(
                &app,
                saved("next", json!({ "version": 6, "updated_at": ago(0) })),
            )
            .await;
            assert_eq!(head(&db.pool).await, "next", "{first}");
        }
    }
}

#[tokio::test]
async fn what_an_older_snapshot_carries_is_remembered_too() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    accept(&app, saved("second", json!({ "updated_at": ago(10) }))).await;
    accept(
        &app,
        saved("first", json!({ "version": 7, "updated_at": ago(20) })),
    )
    .await;
    accept(&app, saved("zeroth", json!({ "version": 6 }))).await;
    assert_eq!(head(&db.pool).await, "second");
}

#[tokio::test]
async fn a_time_that_is_yet_to_come_buries_nothing_and_is_told() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    let far = json!({ "updated_at": ago(-34_560_000) });
    accept(&app, saved("far", far.clone())).await;
    accept(&app, saved("late", json!({ "updated_at": ago(60) }))).await;
    assert_eq!(
        head(&db.pool).await,
        "far",
        "what was changed before it came is older"
    );
    accept(
        &app,
        saved("now", json!({ "updated_at": ago(-1), "status": "P" })),
    )
    .await;
    assert_eq!(head(&db.pool).await, "now");
    accept(&app, saved("far again", far)).await;
    settle(&app, &lease).await;
    let order = order(&app).await;
    let notes = |id: &str| told(&order, &format!("event {id} says that it was changed at"));
    assert!(
        notes("far") && notes("far again") && !notes("now"),
        "{order:#?}"
    );
}

#[tokio::test]
async fn what_may_have_been_buried_by_a_clock_set_back_is_not_called_agreed() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&app, saved("before", json!({ "updated_at": ago(0) }))).await;
    accept(&app, saved("late", json!({ "updated_at": ago(3_600) }))).await;
    settle(&app, &lease).await;
    let sql = "DELETE FROM bridge.comparisons";
    sqlx::query(sql).execute(&db.pool).await.unwrap();
    assert!(
        order(&app).await.in_sync,
        "a late snapshot alone is no doubt"
    );
    let paid = json!({ "updated_at": ago(3_590), "paid": true, "status": "P" });
    accept(&app, saved("after", paid)).await;
    assert_eq!(head(&db.pool).await, "before");
    let doubted = order(&app).await;
    assert!(!doubted.in_sync && told(&doubted, "does not count as agreed"));
    // What comes next and is newer ends the doubt.
    accept(
        &app,
        saved("counted", json!({ "version": 2, "updated_at": ago(3_580) })),
    )
    .await;
    accept(
        &app,
        saved("again", json!({ "updated_at": ago(-1), "paid": true })),
    )
    .await;
    settle(&app, &lease).await;
    sqlx::query(sql).execute(&db.pool).await.unwrap();
    assert!(order(&app).await.in_sync);
}

#[tokio::test]
async fn a_clock_that_was_measured_as_set_back_buries_nothing() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let sample = |n: i64| {
        let received = ago(200 - n * 10);
        json!(
            {
                "received": received, "two_way": false, "offset": {
                    "ahead_ms": -3_600_000, "uncertainty_ms": 1_000
                }
            }
        )
    };
    let samples = json!({ "samples": (0..10).map(sample).collect::<Vec<_>>() });
    sqlx::query("INSERT INTO bridge.clocks (system, samples) VALUES ('shop:main', $1)")
        .bind(samples)
        .execute(&db.pool)
        .await
        .unwrap();
    accept(&app, saved("before", json!({ "updated_at": ago(300) }))).await;
    let sql = "UPDATE bridge.orders SET age = age || jsonb_build_object('seen', now() - interval \
               '5 minutes', 'dated', now() - interval '5 minutes')";
    sqlx::query(sql).execute(&db.pool).await.unwrap();
    accept(&app, saved("after", json!({ "updated_at": ago(3_600) }))).await;
    assert_eq!(head(&db.pool).await, "after");
    assert!(told(&order(&app).await, "clock was set back"));
}

#[tokio::test]
async fn states_of_one_second_are_ordered_by_what_they_say_whichever_comes_first() {
    let mut open: Value = serde_json::from_str(include_str!(
        "../../../../src/formats/woocommerce/sample.json"
    ))
    .unwrap();
    open["status"] = json!("processing");
    let mut completed = open.clone();
    completed["status"] = json!("wc-done");
    completed["date_completed_gmt"] = open["date_modified_gmt"].clone();
    let event = |topic: &str, body: &Value| match woocommerce::read(
        b24_bridge::domain::Marketplace::default(),
        topic,
        "d1",
        body,
    ) {
        Ok(woocommerce::Delivery::Event(mut event)) => {
            event["data"]["number"] = json!("A-1");
            event
        }
        other => panic!("{other:?}"),
    };
    let (open, completed) = (
        event("order.updated", &open),
        event("order.updated", &completed),
    );
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let gone = deleted("gone", json!({ "updated_at": open["data"]["updated_at"] }));
    for (earlier, later) in [(&open, &completed), (&open, &gone), (&completed, &gone)] {
        for turned in [false, true] {
            forget(&db.pool).await;
            let pair = if turned {
                [later, earlier]
            } else {
                [earlier, later]
            };
            for one in pair {
                accept(&app, one.clone()).await;
            }
            assert_eq!(
                head(&db.pool).await,
                later["id"].as_str().unwrap(),
                "{turned}"
            );
            assert!(told(&order(&app).await, "same second"), "{turned}");
        }
    }
}

#[tokio::test]
async fn a_history_that_is_loaded_is_ordered_like_what_comes_live() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let of = Backfill {
        shop: main_shop(),
        file: [1; 32],
        import: false,
    };
    accept(
        &app,
        saved("live", json!({ "version": 5, "updated_at": ago(10) })),
    )
    .await;
    accept(&app, saved("silent", json!({}))).await;
    let line = |more: Value| saved("ignored", more)["data"].to_string().into_bytes();
    let lines = [
        line(json!({ "version": 4 })),
        line(json!({ "updated_at": ago(20) })),
    ];
    assert_eq!(app.intake.backfill(&of, 0, &lines).await.unwrap().queued, 2);
    assert_eq!(head(&db.pool).await, "silent");
}

#[tokio::test]
async fn orders_of_an_earlier_version_are_ordered_by_what_was_stored_then() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    accept(
        &app,
        saved("first", json!({ "version": 5, "updated_at": ago(60) })),
    )
    .await;
    for sql in [
        "UPDATE bridge.orders SET age = NULL",
        // A process of the version before, beside this one, wrote a head that told nothing.
        "UPDATE bridge.orders SET head_version = NULL, head_updated_at = NULL, age = age || \
         '{\"head\": 0}'",
    ] {
        sqlx::query(sql).execute(&db.pool).await.unwrap();
        let late = saved(sql, json!({ "version": 3, "updated_at": ago(0) }));
        accept(&app, late).await;
        assert_eq!(head(&db.pool).await, "first", "{sql}");
        // What is learnt is stored with the next one; here the head stays.
        let sql = "UPDATE bridge.orders SET age = $1";
        let age = json!(
            { "head": 0, "version": 5, "seen": ago(60), "dated": ago(60), "updated_at": ago(60) }
        );
        sqlx::query(sql).bind(age).execute(&db.pool).await.unwrap();
    }
}

#[tokio::test]
async fn what_an_orders_row_tells_besides_is_not_stored_and_events_are_ordered_as_ever() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let version = |version: i64| json!({ "version": version });
    let time = |second: i64| json!({ "updated_at": format!("2026-01-02T10:00:{second:02}Z") });
    // As a version before stored it.
    let before = "UPDATE bridge.orders
        SET age = jsonb_build_object('head', head_id, 'version', head_version,
              'counted', head_version IS NOT NULL, 'updated_at', head_updated_at,
              'timed', head_updated_at IS NOT NULL, 'seen', said -> 'seen', 'dated', said -> 'seen',
              'says', '{\"status\": \"N\"}'::jsonb),
            said = '{\"since\": null, \"made\": null, \"paid\": false, \"cancelled\": false,
                     \"deleted\": false}'::jsonb || said";
    for (first, late, next) in [
        (version(5), version(3), version(6)),
        (time(20), time(10), time(30)),
    ] {
        for stored in [false, true] {
            forget(&db.pool).await;
            accept(&app, saved("first", first.clone())).await;
            let row =
                sqlx::query_as("SELECT age IS NULL, said - 'made' - 'seen' FROM bridge.orders");
            let row: (bool, Value) = row.fetch_one(&db.pool).await.unwrap();
            assert_eq!(row, (true, json!({ "status": "N" })));
            if stored {
                sqlx::query(before).execute(&db.pool).await.unwrap();
            }
            accept(&app, saved("late", late.clone())).await;
            assert_eq!(head(&db.pool).await, "first", "{late} {stored}");
            accept(&app, saved("next", next.clone())).await;
            assert_eq!(head(&db.pool).await, "next", "{next} {stored}");
        }
    }
    let paid = async || -> Option<Value> {
        let paid = sqlx::query_scalar("SELECT said -> 'paid' FROM bridge.orders");
        paid.fetch_one(&db.pool).await.unwrap()
    };
    accept(&app, saved("paid", json!({ "paid": true }))).await;
    assert_eq!(paid().await, Some(json!(true)));
    accept(&app, saved("unpaid", json!({}))).await;
    assert_eq!(paid().await, None);
}

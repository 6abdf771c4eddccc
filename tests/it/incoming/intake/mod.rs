//! Events on their way in: HTTP's use case, and SQL's.

pub(crate) mod backfill;
pub(crate) mod event_age;
pub(crate) mod written;

use crate::support::{
    database::Database,
    shop::{app, claim, event, lease, main_shop},
};
use b24_bridge::app::{Accepted, LetterFilter};
use serde_json::{Value, json};
use sqlx::Connection as _;

#[tokio::test]
async fn the_same_event_is_a_duplicate_and_another_body_a_conflict() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let shop = main_shop();
    let first = event("e1", "A-1", 1);
    assert_eq!(
        app.intake
            .accept_events(Some(&shop), std::slice::from_ref(&first))
            .await
            .unwrap(),
        [Accepted::Queued]
    );
    let text = first.to_string().replace(',', " , ");
    let same = serde_json::from_str(&text).unwrap();
    let other = event("e1", "A-1", 2);
    let results = app
        .intake
        .accept_events(Some(&shop), &[same, other])
        .await
        .unwrap();
    assert_eq!(results, [Accepted::Duplicate, Accepted::Conflict]);
}

#[tokio::test]
async fn a_batch_takes_the_good_ones_and_names_the_bad_one() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let mut foreign = event("e2", "A-2", 1);
    foreign["shop"] = json!("other");
    let mut nul = event("e3", "A-3", 1);
    nul["data"]["comment"] = json!("a\0b");
    let batch = [
        event("e1", "A-1", 1),
        foreign,
        nul,
        event("e1", "A-1", 1),
        event("e1", "A-1", 3),
    ];
    let results = app
        .intake
        .accept_events(Some(&main_shop()), &batch)
        .await
        .unwrap();
    assert_eq!(results[0], Accepted::Queued);
    assert!(matches!(&results[1], Accepted::Invalid(faults) if faults[0].pointer == "/shop"));
    assert!(matches!(
        &results[2],
        Accepted::Invalid(faults) if faults.iter().any(|f| f.pointer == "/data/comment")
    ));
    assert_eq!(results[3..], [Accepted::Duplicate, Accepted::Conflict]);
}

#[tokio::test]
async fn an_identity_that_another_order_has_is_a_conflict_and_its_neighbours_are_taken() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let shop = main_shop();
    app.intake
        .accept_events(Some(&shop), &[event("e1", "A-1", 1)])
        .await
        .unwrap();
    let batch = [
        event("e2", "A-2", 1),
        event("e1", "A-3", 1),
        event("e4", "A-4", 1),
    ];
    let results = app.intake.accept_events(Some(&shop), &batch).await.unwrap();
    assert_eq!(
        results,
        [Accepted::Queued, Accepted::Conflict, Accepted::Queued]
    );
    let orders: Vec<(String, bool)> = sqlx::query_as(
        "SELECT o.number, e.id IS NOT NULL FROM bridge.orders o LEFT
           JOIN bridge.outbox e ON e.id = o.head_id AND e.number = o.number
         ORDER BY 1",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    let expected = ["A-1", "A-2", "A-4"].map(|number| (number.to_owned(), true));
    assert_eq!(orders, expected, "no order without its event");
}

#[tokio::test]
async fn the_key_of_what_is_no_order_is_no_new_orders_number_and_an_order_that_has_it_goes_on() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let events = ["form:x", "call:17", "call:me", "A-1"].map(|number| event(number, number, 1));
    let taken = app.intake.accept_events(Some(&main_shop()), &events).await;
    let words: Vec<_> = taken.unwrap().iter().map(Accepted::word).collect();
    assert_eq!(words, ["invalid", "invalid", "queued", "queued"]);
    // As an earlier version took it.
    for sql in [
        "UPDATE bridge.outbox SET number = 'call:17', body = jsonb_set(body, '{data,number}', \
         '\"call:17\"') WHERE number = 'A-1'",
        "UPDATE bridge.orders SET number = 'call:17' WHERE number = 'A-1'",
    ] {
        sqlx::query(sql).execute(&db.pool).await.unwrap();
    }
    let lease = lease(&db.pool, "w").await.unwrap();
    let claimed = claim(&app, &lease).await;
    let mut numbers: Vec<_> = claimed.iter().map(|(claim, _)| &*claim.number).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, ["call:17", "call:me"]);
}

#[tokio::test]
async fn the_newest_snapshot_wins_and_an_older_one_never_becomes_the_head() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let shop = main_shop();
    app.intake
        .accept_events(Some(&shop), &[event("e2", "A-1", 2)])
        .await
        .unwrap();
    app.intake
        .accept_events(Some(&shop), &[event("e1", "A-1", 1)])
        .await
        .unwrap();
    app.intake
        .accept_events(Some(&shop), &[event("e4", "A-1", 4), event("e3", "A-1", 3)])
        .await
        .unwrap();
    let lease = lease(&db.pool, "w").await.unwrap();
    let claimed = claim(&app, &lease).await;
    assert_eq!(claimed.len(), 1);
    let states: Vec<(String, String)> =
        sqlx::query_as("SELECT event_id, state FROM bridge.outbox ORDER BY event_id")
            .fetch_all(&db.pool)
            .await
            .unwrap();
    let states: Vec<_> = states
        .iter()
        .map(|(id, state)| (id.as_str(), state.as_str()))
        .collect();
    let expected = [
        ("e1", "superseded"),
        ("e2", "superseded"),
        ("e3", "superseded"),
        ("e4", "pending"),
    ];
    assert_eq!(states, expected);
}

#[tokio::test]
async fn the_same_events_from_many_callers_at_once_are_queued_once() {
    let db = Database::new().await;
    let mut batch: Vec<_> = (0..100)
        .map(|n| event(&format!("e{n}"), &format!("A-{}", n % 7), n))
        .collect();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..6 {
        batch.rotate_left(17);
        batch.reverse();
        // As many processes: each groups its own requests.
        let (app, batch) = (app(&db.pool, &["main"]), batch.clone());
        tasks.spawn(async move {
            app.intake
                .accept_events(Some(&main_shop()), &batch)
                .await
                .unwrap()
        });
    }
    let results = tasks.join_all().await.concat();
    assert_eq!(
        results
            .iter()
            .filter(|one| **one == Accepted::Queued)
            .count(),
        100
    );
    assert_eq!(
        results
            .iter()
            .filter(|one| **one == Accepted::Duplicate)
            .count(),
        500
    );
    let heads: Vec<Option<i64>> =
        sqlx::query_scalar("SELECT head_version FROM bridge.orders ORDER BY head_version")
            .fetch_all(&db.pool)
            .await
            .unwrap();
    assert_eq!(heads, (93..100).map(Some).collect::<Vec<_>>());
}

#[tokio::test]
async fn sql_publishes_with_its_transaction_and_a_minimal_role() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let mut tx = db.pool.begin().await.unwrap();
    for grant in [
        "DROP ROLE IF EXISTS minimal_shop",
        "CREATE ROLE minimal_shop",
        "GRANT USAGE ON SCHEMA bridge TO minimal_shop",
        "GRANT EXECUTE ON FUNCTION bridge.publish_event(jsonb) TO minimal_shop",
        "SET LOCAL ROLE minimal_shop",
    ] {
        sqlx::query(grant).execute(&mut *tx).await.unwrap();
    }
    for body in [event("e1", "A-1", 1), json!({"id": "e2"})] {
        sqlx::query("SELECT bridge.publish_event($1)")
            .bind(body)
            .execute(&mut *tx)
            .await
            .unwrap();
    }
    assert_eq!(
        app.intake.ingest_sql_events().await.unwrap(),
        0,
        "nothing is seen before COMMIT"
    );
    tx.commit().await.unwrap();
    assert_eq!(app.intake.ingest_sql_events().await.unwrap(), 2);
    let view = app
        .operations
        .order_view(&main_shop(), "A-1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((view.pending, view.in_sync), (1, false));
    let letters = app
        .dead_letters
        .dead_letters(&LetterFilter::default())
        .await
        .unwrap();
    assert_eq!(letters.items.len(), 1);
    assert_eq!(letters.items[0].code, "SHOP-INVALID");
    assert!(
        letters.items[0].message.contains('/'),
        "{}",
        letters.items[0].message
    );
    assert!(!letters.items[0].remedy.is_empty());
}

#[tokio::test]
async fn a_database_role_publishes_for_its_own_shops_alone() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main", "other"]);
    for statement in [
        "DROP ROLE IF EXISTS bound_app, bound_shop, bound_none",
        "CREATE ROLE bound_shop",
        "CREATE ROLE bound_app IN ROLE bound_shop",
        "CREATE ROLE bound_none",
        "GRANT USAGE ON SCHEMA bridge TO bound_shop, bound_none",
        "GRANT EXECUTE ON FUNCTION bridge.publish_event(jsonb) TO bound_shop, bound_none",
        "INSERT INTO bridge.publishers (role, shop) VALUES ('bound_shop', 'main')",
    ] {
        sqlx::query(statement).execute(&db.pool).await.unwrap();
    }
    let of = |shop: &str, number: &str| {
        let mut one = event(number, number, 1);
        one["source"] = json!(format!("https://shop.example/shops/{shop}"));
        one
    };
    let publish = async |role: &str, event: Value| {
        let mut tx = db.pool.begin().await.unwrap();
        let act = sqlx::AssertSqlSafe(format!("SET LOCAL ROLE {role}"));
        sqlx::query(act).execute(&mut *tx).await.unwrap();
        let done = sqlx::query("SELECT bridge.publish_event($1)").bind(event);
        let done = done.execute(&mut *tx).await.map(drop);
        tx.commit().await.unwrap();
        done
    };
    publish("bound_app", of("main", "A-1")).await.unwrap();
    publish("bound_app", of("other", "A-2")).await.unwrap();
    publish("bound_none", of("main", "A-3")).await.unwrap();
    publish("postgres", of("other", "A-4")).await.unwrap();
    let mut named = event("A-5", "A-5", 1);
    named["shop"] = json!("other");
    let refused = publish("bound_app", named).await.unwrap_err();
    assert!(refused.to_string().contains("may not publish"), "{refused}");
    assert_eq!(app.intake.ingest_sql_events().await.unwrap(), 4);
    let letters = app
        .dead_letters
        .dead_letters(&LetterFilter::default())
        .await
        .unwrap();
    let mut found: Vec<_> = letters
        .items
        .iter()
        .map(|one| (one.number.as_deref().unwrap(), one.code.as_str()))
        .collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [("A-2", "SHOP-FORBIDDEN"), ("A-3", "SHOP-FORBIDDEN")]
    );
    for (shop, number) in [("main", "A-1"), ("other", "A-4")] {
        let shop = b24_bridge::domain::ShopName::parse(shop).unwrap();
        let view = app
            .operations
            .order_view(&shop, number)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(view.pending, 1, "{number}");
    }
}

#[tokio::test]
async fn requests_at_the_same_time_share_commits_and_each_gets_its_own_answer() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let shop = main_shop();
    let mut requests = tokio::task::JoinSet::new();
    for number in 0..40 {
        let (app, shop) = (app.clone(), shop.clone());
        requests.spawn(async move {
            // Every second one repeats another; every fifth order is told of twice in one request.
            let id = format!("e{}", number / 2);
            let mut events = vec![event(&id, &format!("A-{}", number / 2), 1)];
            if number % 5 == 0 {
                events.push(event(
                    &format!("later{number}"),
                    &format!("A-{}", number / 2),
                    2,
                ));
            }
            let results = app
                .intake
                .accept_events(Some(&shop), &events)
                .await
                .unwrap();
            assert_eq!(results.len(), events.len());
            results[0].clone()
        });
    }
    let results = requests.join_all().await;
    let queued = results.iter().filter(|one| **one == Accepted::Queued);
    assert_eq!(queued.count(), 20);
    let duplicates = results.iter().filter(|one| **one == Accepted::Duplicate);
    assert_eq!(duplicates.count(), 20);
    let (pending, heads): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM bridge.outbox WHERE state = 'pending'),
                (SELECT count(*) FROM bridge.orders o JOIN bridge.outbox e ON e.id = o.head_id
                  AND e.state = 'pending'
                 WHERE o.due_at IS NOT NULL)",
    )
    .fetch_one(&db.pool)
    .await
    .unwrap();
    assert_eq!(
        (pending, heads),
        (20, 20),
        "one pending event an order, its head"
    );
}

#[tokio::test]
async fn a_connection_that_died_between_two_events_loses_neither() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let mut other = sqlx::PgConnection::connect(&db.url).await.unwrap();
    for id in ["e1", "e2", "e3"] {
        let accepted = app
            .intake
            .accept_events(Some(&main_shop()), &[event(id, "A-1", 1)])
            .await
            .unwrap();
        assert_eq!(accepted, [Accepted::Queued], "{id}");
        let killed = sqlx::query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()
               AND backend_type = 'client backend'",
        );
        assert!(killed.execute(&mut other).await.unwrap().rows_affected() > 0);
    }
}

#[tokio::test]
async fn a_large_request_keeps_the_order_of_each_orders_events_and_of_its_answers() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let orders = 200;
    // Each order is told of twice, without a version: what stands later is newer. Every tenth event
    // of the second half comes once more.
    let mut batch: Vec<_> = (0..2 * orders)
        .map(|nth| {
            let mut event = event(&format!("e{nth}"), &format!("A-{}", nth % orders), 1);
            event["data"].as_object_mut().unwrap().remove("version");
            event
        })
        .collect();
    let again: Vec<_> = batch[orders..].iter().step_by(10).cloned().collect();
    let repeated = again.len();
    batch.extend(again);
    let results = app
        .intake
        .accept_events(Some(&main_shop()), &batch)
        .await
        .unwrap();
    assert!(
        results[..2 * orders]
            .iter()
            .all(|one| *one == Accepted::Queued)
    );
    assert_eq!(results[2 * orders..], vec![Accepted::Duplicate; repeated]);
    let (heads, superseded): (i64, i64) = sqlx::query_as(
        "SELECT (SELECT count(*) FROM bridge.orders o JOIN bridge.outbox e ON e.id = o.head_id
                 WHERE e.state = 'pending' AND substr(e.event_id, 2)::int >= $1),
                (SELECT count(*) FROM bridge.outbox WHERE state = 'superseded')",
    )
    .bind(i32::try_from(orders).unwrap())
    .fetch_one(&db.pool)
    .await
    .unwrap();
    assert_eq!((heads, superseded), (200, 200));
}

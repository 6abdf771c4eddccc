//! The search for orders in a large table.

use crate::support::{database::Database, shop::bridge};
use b24_bridge::storage::{self, indexes};
use sqlx::PgPool;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};
use tokio::time::sleep;

const ORDERS: &str = "INSERT INTO bridge.outbox (portal, shop, number, source, event_id, kind, body, fingerprint, state, settled_at)
     SELECT 'main', 'main', 'N-' || i, 's', 'e' || i, 'saved', jsonb_build_object('data', jsonb_build_object('customer',
            jsonb_build_object('phones', ARRAY['8 (916) ' || lpad(i::text, 7, '0'), '1'], 'email', 'Anna' || i || '@Example.ru'))),
            sha256(i::text::bytea), 'done', now()
     FROM generate_series(1, 20000) i;
     INSERT INTO bridge.orders (shop, number, portal, head_id) SELECT shop, number, portal, id FROM bridge.outbox;
     ANALYZE bridge.outbox, bridge.orders";

/// How often the index was used, and how often the tables were read from end to end, by this one connection.
async fn used(pool: &PgPool) -> (i64, i64) {
    sqlx::query("SELECT pg_stat_force_next_flush()")
        .execute(pool)
        .await
        .unwrap();
    sqlx::query_as(
        "SELECT (SELECT coalesce(sum(idx_scan), 0)::bigint FROM pg_stat_user_indexes WHERE indexrelname = 'outbox_contacts'),
                (SELECT sum(seq_scan)::bigint FROM pg_stat_user_tables WHERE schemaname = 'bridge' AND relname IN ('orders', 'outbox'))",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

/// Who is connected to this database.
async fn connected(pool: &PgPool) -> BTreeSet<i32> {
    let pids: Vec<i32> = sqlx::query_scalar(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    pids.into_iter().collect()
}

#[tokio::test]
async fn a_customer_is_found_by_an_index_that_is_built_anew_where_it_is_missing_or_broken() {
    let db = Database::new().await;
    let one = storage::connect_with(db.url.parse().unwrap(), 1)
        .await
        .unwrap();
    let here = bridge(&one, &["main"]);
    sqlx::raw_sql(ORDERS).execute(&one).await.unwrap();
    for breakage in [
        "SELECT 1",
        "DROP INDEX bridge.outbox_contacts",
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'bridge.outbox_contacts'::regclass",
    ] {
        sqlx::raw_sql(breakage).execute(&db.pool).await.unwrap();
        let known = connected(&one).await;
        let builders = storage::connect_with(db.url.parse().unwrap(), 2)
            .await
            .unwrap();
        let built = tokio::join!(indexes::build(&builders), indexes::build(&builders));
        let built = [built.0.unwrap(), built.1.unwrap()];
        assert!(built.contains(&true), "{breakage}");
        // They tell of their own scans when they leave.
        builders.close().await;
        let bound = Instant::now() + Duration::from_secs(30);
        while !connected(&one).await.is_subset(&known) {
            assert!(Instant::now() < bound, "the builders do not leave");
            sleep(Duration::from_millis(10)).await;
        }
        let (index, whole) = used(&one).await;
        for words in ["+7 916 001-23-45", "ANNA12345@example.ru", "N-12345"] {
            let found = here.find_orders(words).await.unwrap();
            let numbers: Vec<_> = found.iter().map(|order| order.number.as_str()).collect();
            assert_eq!(numbers, ["N-12345"], "{words}");
        }
        let newest = here.find_orders("").await.unwrap();
        assert_eq!(newest.len(), 200);
        assert_eq!(newest[0].number, "N-20000");
        assert_eq!(used(&one).await, (index + 2, whole), "{breakage}");
    }
}

#[tokio::test]
async fn keys_come_from_whatever_stands_in_an_event() {
    let db = Database::new().await;
    for (customer, keys) in [
        ("{}", vec![]),
        (r#"{"phones": null, "emails": "A@b.ru"}"#, vec!["e:a@b.ru"]),
        (
            r#"{"phones": [{"a": "+79160000001"}, 89160000002, "123456"]}"#,
            vec!["p:9160000001", "p:9160000002"],
        ),
        (r#""nobody""#, vec![]),
    ] {
        let found: Vec<String> = sqlx::query_scalar(
            "SELECT bridge.contact_keys(jsonb_build_object('data', jsonb_build_object('customer', $1::jsonb)))",
        )
        .bind(customer)
        .fetch_one(&db.pool)
        .await
        .unwrap();
        assert_eq!(found, keys, "{customer}");
    }
    let long = format!(
        r#"{{"data": {{"customer": {{"emails": ["{}"], "phones": ["{}"]}}}}}}"#,
        "x".repeat(100_000),
        "7".repeat(100_000)
    );
    let longest: i32 = sqlx::query_scalar(
        "SELECT max(length(key)) FROM unnest(bridge.contact_keys($1::jsonb)) AS key",
    )
    .bind(long)
    .fetch_one(&db.pool)
    .await
    .unwrap();
    assert_eq!(longest, 322);
}

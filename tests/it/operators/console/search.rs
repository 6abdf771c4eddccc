//! The search for orders in a large table.

use crate::support::{
    database::Database,
    shop::{app, event, main_shop},
};
use b24_bridge::storage;
use serde_json::{Value, json};
use sqlx::PgPool;

/// Events from before the search knew of customers.
const ORDERS: &str =
    "INSERT INTO bridge.outbox (portal, shop, number, source, event_id, kind, body,
                        fingerprint, state, settled_at)
     SELECT 'main', 'main', 'N-' || i, 's', 'e' || i, 'saved',
            jsonb_build_object('data', jsonb_build_object('customer',
            jsonb_build_object('phones', ARRAY['8 (916) ' || lpad(i::text, 7, '0'), '1'], 'email',
              'Anna' || i || '@Example.ru'))),
            sha256(i::text::bytea), 'done', now()
     FROM generate_series(1, 20000) i;
     INSERT INTO bridge.contacts_unread SELECT max(id) + 1 FROM bridge.outbox;
     INSERT INTO bridge.orders (shop, number, portal, head_id) SELECT shop, number, portal, id
       FROM bridge.outbox;
     ANALYZE";

/// How often the index was used, and how often the tables were read from end to end, by this one
/// connection.
async fn used(pool: &PgPool) -> (i64, i64) {
    sqlx::query("SELECT pg_stat_force_next_flush()")
        .execute(pool)
        .await
        .unwrap();
    sqlx::query_as(
        "SELECT (SELECT coalesce(sum(idx_scan), 0)::bigint FROM pg_stat_user_indexes
           WHERE indexrelname = 'contacts_key'),
                (SELECT sum(seq_scan)::bigint FROM pg_stat_user_tables WHERE schemaname = 'bridge'
                  AND relname IN ('orders', 'outbox', 'contacts'))",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

/// A snapshot of an order of somebody with an address.
fn of_customer(id: &str, number: &str, version: i64) -> Value {
    let mut event = event(id, number, version);
    event["data"]["customer"] =
        json!({"id": "7", "kind": "person", "name": "Анна", "emails": ["new@example.ru"]});
    event
}

#[tokio::test]
async fn a_customer_is_found_by_an_index_also_with_events_from_before_it() {
    let db = Database::new().await;
    let one = storage::connect_with(db.url.parse().unwrap(), 1)
        .await
        .unwrap();
    let here = app(&one, &["main"]);
    sqlx::raw_sql(ORDERS).execute(&one).await.unwrap();
    assert!(
        here.operations
            .find_orders("ANNA12345@example.ru")
            .await
            .unwrap()
            .is_empty()
    );
    let other = app(&db.pool, &["main"]);
    loop {
        // Of two that read at the same time one leaves it to the other.
        let (a, b) = tokio::join!(
            here.intake.backfill_search_keys(),
            other.intake.backfill_search_keys()
        );
        if !a.unwrap() && !b.unwrap() {
            break;
        }
    }
    here.intake
        .accept_events(Some(&main_shop()), &[of_customer("e20001", "N-20001", 1)])
        .await
        .unwrap();
    sqlx::query("ANALYZE").execute(&one).await.unwrap();
    let (index, whole) = used(&one).await;
    for (words, number) in [
        ("+7 916 001-23-45", "N-12345"),
        ("ANNA12345@example.ru", "N-12345"),
        ("anna1@example.ru", "N-1"),
        ("N-12345", "N-12345"),
        ("NEW@example.ru", "N-20001"),
    ] {
        let found = here.operations.find_orders(words).await.unwrap();
        let numbers: Vec<_> = found.iter().map(|order| order.number.as_str()).collect();
        assert_eq!(numbers, [number], "{words}");
    }
    let newest = here.operations.find_orders("").await.unwrap();
    assert_eq!(newest.len(), 200);
    assert_eq!(newest[0].number, "N-20001");
    assert_eq!(used(&one).await, (index + 4, whole));
}

#[tokio::test]
async fn what_an_order_was_found_by_goes_with_its_events() {
    let db = Database::new().await;
    let here = app(&db.pool, &["main"]);
    for (id, number, version) in [("a", "1", 1), ("b", "1", 2), ("c", "2", 1)] {
        here.intake
            .accept_events(Some(&main_shop()), &[of_customer(id, number, version)])
            .await
            .unwrap();
    }
    let keys =
        || sqlx::query_scalar::<_, i64>("SELECT count(*) FROM bridge.contacts").fetch_one(&db.pool);
    assert_eq!(keys().await.unwrap(), 3);
    sqlx::raw_sql(
        "UPDATE bridge.outbox SET settled_at = now() - interval '1 day' WHERE state <> 'pending'",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    let mut one = db.pool.acquire().await.unwrap();
    assert_eq!(
        storage::queue::outbox::prune(&mut one, 60.0, 100)
            .await
            .unwrap(),
        1
    );
    assert_eq!(keys().await.unwrap(), 2);
}

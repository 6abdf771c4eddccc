//! What pages and meters ask, in tables that hold much that is settled.

use crate::support::{database::Database, shop::app};
use b24_bridge::{
    app::{App, ConflictFilter},
    storage::{self, schema::deferred_indexes},
};
use sqlx::PgPool;

/// 20,000 settled orders, 500 that wait (each tenth was tried, each tenth told anew while it
/// waited), 5,000 closed letters and 100 open ones.
const MUCH: &str = "
    INSERT INTO bridge.outbox (portal, shop, number, source, event_id, kind, body, fingerprint,
      state, settled_at)
    SELECT 'main', 'main', 'N-' || i, 's', 'e' || i, 'saved',
           jsonb_build_object('pad', repeat('x', 500)), sha256(i::text::bytea), 'done',
           now() - i * interval '1 minute'
    FROM generate_series(1, 20000) i;
    INSERT INTO bridge.orders (shop, number, portal, head_id, known)
    SELECT shop, number, portal, id, jsonb_build_object('pad', repeat('x', 300)) FROM bridge.outbox;
    INSERT INTO bridge.orders (shop, number, portal, later, attempts, error_code, error_message,
      due_at, waits_since)
    SELECT 'main', 'W-' || i, 'main', i > 400, (i % 10 = 1)::int, CASE
      WHEN i % 10 = 1 THEN 'B24-REFUSED' END, 'words ' || i,
           now() - i * interval '1 second' + CASE WHEN i % 10 < 2 THEN interval '1 hour'
             ELSE '0' END, now() - i * interval '1 second'
    FROM generate_series(1, 500) i;
    INSERT INTO bridge.dead_letters (portal, shop, number, code, message, payload, closed_at,
      closed_how)
    SELECT 'main', 'main', 'N-' || i, 'B24-EMAIL', 'x', jsonb_build_object('pad', repeat('x', 500)),
           c, CASE WHEN c IS NOT NULL THEN 'discarded' END
    FROM (SELECT i, CASE WHEN i > 100 THEN now() END AS c
      FROM generate_series(1, 5100) i) AS numbered";

/// How often a table of many rows was read from end to end, by this one connection.
async fn whole(pool: &PgPool) -> i64 {
    sqlx::query("SELECT pg_stat_force_next_flush()")
        .execute(pool)
        .await
        .unwrap();
    sqlx::query_scalar(
        "SELECT sum(seq_scan)::bigint FROM pg_stat_user_tables
         WHERE schemaname = 'bridge' AND relname IN ('orders', 'outbox', 'dead_letters')",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

async fn much() -> (Database, PgPool, App) {
    let db = Database::new().await;
    let one = storage::connect_with(db.url.parse().unwrap(), 1)
        .await
        .unwrap();
    sqlx::raw_sql(MUCH).execute(&one).await.unwrap();
    sqlx::raw_sql("VACUUM ANALYZE").execute(&one).await.unwrap();
    let app = app(&one, &["main"]);
    (db, one, app)
}

/// 5,000 closed conflicts, and after them 60 that wait.
const CONFLICTS: &str = "
    INSERT INTO bridge.conflicts (portal, shop, number, decision_id, code, sentence, status, stage,
      closed_at, closed_how)
    SELECT 'main', 'main', 'N-' || i, i, 'SYNC-REVIEW', 'which is right?', 'P', 'WON', c,
           CASE WHEN c IS NOT NULL THEN 'vanished' END
    FROM (SELECT i, CASE WHEN i <= 5000 THEN now() END AS c
      FROM generate_series(1, 5060) i) AS numbered;
    ANALYZE bridge.conflicts";

/// How many conflicts were read, by this one connection.
async fn conflicts_read(pool: &PgPool) -> i64 {
    sqlx::query("SELECT pg_stat_force_next_flush()")
        .execute(pool)
        .await
        .unwrap();
    sqlx::query_scalar(
        "SELECT (SELECT seq_tup_read FROM pg_stat_user_tables
                 WHERE schemaname = 'bridge' AND relname = 'conflicts')
              + (SELECT sum(idx_tup_read)::bigint FROM pg_stat_user_indexes
                 WHERE schemaname = 'bridge' AND relname = 'conflicts')",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_page_of_conflicts_that_wait_reads_none_that_is_closed() {
    let (_db, one, app) = much().await;
    sqlx::raw_sql(CONFLICTS).execute(&one).await.unwrap();
    let before = conflicts_read(&one).await;
    // Also when its statement has been planned for any filter.
    for _ in 0..8 {
        let page = app
            .conflicts
            .list(&ConflictFilter::default())
            .await
            .unwrap();
        assert_eq!(page.items.len(), 50);
        assert!(page.next.is_some());
    }
    let read = conflicts_read(&one).await - before;
    assert!((400..600).contains(&read), "{read}");
}

#[tokio::test]
async fn what_is_settled_is_not_read_for_a_page_or_a_meter() {
    let (_db, one, app) = much().await;
    let before = whole(&one).await;
    let report = app.operations.status().await.unwrap();
    let glance = app.operations.overview().await.unwrap();
    assert!(app.operations.refresh_gauges().await);
    assert_eq!(whole(&one).await, before);

    let portal = &report.portals[0];
    assert_eq!((portal.pending, portal.dead), (500, 100));
    assert!((499..900).contains(&portal.oldest_seconds), "{portal:?}");
    let [refused] = glance.refused.as_slice() else {
        panic!("{:?}", glance.refused)
    };
    let told = (refused.count, &*refused.number, &*refused.message);
    assert_eq!(told, (50, "W-1", "words 1"));
    let done: i64 = glance.minutes.iter().map(|minute| minute.done).sum();
    assert!((55..=60).contains(&done), "{done}");
}

#[tokio::test]
async fn the_order_that_waits_longest_is_found_whatever_was_done_with_it_meanwhile() {
    let (_db, one, app) = much().await;
    // W-500 and W-491 were put off for an hour; history beside what is new; nothing else.
    for oldest in ["W-500", "W-499", "W-498"] {
        let glance = app.operations.overview().await.unwrap();
        let [found] = glance.oldest.as_slice() else {
            panic!("{:?}", glance.oldest)
        };
        assert_eq!(found.number, oldest);
        sqlx::query("UPDATE bridge.orders SET due_at = NULL, waits_since = NULL WHERE number = $1")
            .bind(oldest)
            .execute(&one)
            .await
            .unwrap();
    }
    sqlx::raw_sql(
        "UPDATE bridge.orders SET due_at = NULL, waits_since = NULL WHERE later OR attempts = 0",
    )
    .execute(&one)
    .await
    .unwrap();
    let glance = app.operations.overview().await.unwrap();
    assert_eq!(glance.oldest[0].number, "W-391");
    sqlx::raw_sql("UPDATE bridge.orders SET due_at = NULL, waits_since = NULL")
        .execute(&one)
        .await
        .unwrap();
    assert!(app.operations.overview().await.unwrap().oldest.is_empty());
}

/// The indexes of these tables that are in use, with what they are made of.
async fn made(pool: &PgPool) -> Vec<String> {
    sqlx::query_scalar(
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index
         WHERE indisvalid AND indrelid IN ('bridge.orders'::regclass, 'bridge.outbox'::regclass,
           'bridge.dead_letters'::regclass)
         ORDER BY 1",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_large_database_gets_the_indexes_of_a_small_one_while_it_is_used() {
    let db = Database::new().await;
    let small = made(&db.pool).await;
    // As a migration leaves a large database; one index is half done.
    sqlx::raw_sql(
        "DROP INDEX bridge.orders_queue, bridge.orders_put_off, bridge.orders_tried;
         CREATE INDEX orders_due ON bridge.orders (portal, later, due_at) WHERE due_at IS NOT NULL;
         CREATE INDEX orders_refused ON bridge.orders (portal, shop, error_code)
           WHERE due_at IS NOT NULL AND error_code IS NOT NULL;
         UPDATE pg_index SET indisvalid = false WHERE indexrelid =
           'bridge.dead_letters_reasons'::regclass",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    assert_ne!(made(&db.pool).await, small);
    assert!(deferred_indexes::build(&db.pool).await.unwrap());
    assert_eq!(made(&db.pool).await, small);
    // One that stands for another, which somebody could not take away.
    sqlx::raw_sql(
        "CREATE INDEX orders_due ON bridge.orders (portal, later, due_at) WHERE due_at IS NOT NULL",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    assert!(deferred_indexes::build(&db.pool).await.unwrap());
    assert_eq!(made(&db.pool).await, small);
}

//! What the statements of a shop's lane read, whatever the database believes of its tables.

use crate::support::{database::Database, shop};
use b24_bridge::storage::{
    queue::lanes::Lease,
    sync::{
        messages,
        status_changes::{self, Wanted},
    },
};
use sqlx::{Connection as _, PgConnection};

/// Messages that wait at once, as after a mass change.
const MANY: i64 = 3_000;
/// One claim hands out so many.
const WINDOW: i64 = 8;

const WANTED: Wanted<'_> = Wanted {
    shop: "main",
    without: &[],
    fresh_first: false,
    limit: WINDOW,
};

/// Rows of a table that this transaction has read.
async fn read(db: &mut PgConnection, table: &str) -> i64 {
    let counted = sqlx::query_scalar(
        "SELECT coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0)
         FROM pg_stat_xact_user_tables WHERE schemaname = 'bridge' AND relname = $1",
    );
    counted.bind(table).fetch_one(db).await.unwrap()
}

/// All that a turn of the lane asks; how many it was given.
async fn turn(db: &mut PgConnection, lease: &Lease) -> (usize, usize) {
    let changes = status_changes::due(db, lease, &WANTED).await.unwrap();
    status_changes::next_due(db, "main", &[]).await.unwrap();
    let due = messages::due(db, lease, ("main", &[]), WINDOW).await;
    messages::next_due(db, "main", &[]).await.unwrap();
    (changes.len(), due.unwrap().len())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_of_a_shop_s_lane_reads_what_waits_a_few_times_and_never_its_square() {
    let database = Database::new().await;
    let lease = shop::lease(&database.pool, "here").await.unwrap();
    let mut db = database.pool.acquire().await.unwrap();
    // Plans are made, and kept, while nothing waits; nothing tells the planner otherwise.
    for table in ["status_changes", "shop_messages"] {
        let quiet = format!("ALTER TABLE bridge.{table} SET (autovacuum_enabled = false)");
        sqlx::query(sqlx::AssertSqlSafe(quiet))
            .execute(&mut *db)
            .await
            .unwrap();
    }
    for _ in 0..8 {
        assert_eq!(turn(&mut db, &lease).await, (0, 0));
    }
    for fill in [
        "INSERT INTO bridge.status_changes (shop, seq, portal, number, decision_id, status,
             previous_status, stage, reason, decided_at)
         SELECT 'main', g, 'main', 'A-' || g % ($1 / 2), g, 'P', 'N', 'PREPARATION', 'moved', now()
         FROM generate_series(1, $1) g",
        "INSERT INTO bridge.shop_messages (shop, kind, subject, body)
         SELECT 'main', 'bridge.reservation.short.v1', 'A-' || g % ($1 / 2), '{}'
         FROM generate_series(1, $1) g",
    ] {
        sqlx::query(fill)
            .bind(MANY)
            .execute(&mut *db)
            .await
            .unwrap();
    }
    let mut tx = db.begin().await.unwrap();
    let handed = usize::try_from(WINDOW).unwrap();
    assert_eq!(turn(&mut tx, &lease).await, (handed, handed));
    for table in ["status_changes", "shop_messages"] {
        let rows = read(&mut tx, table).await;
        assert!(
            rows <= 8 * MANY,
            "{rows} rows of {table} were read for {MANY}"
        );
    }
}

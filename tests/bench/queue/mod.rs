//! Claim and settle: their cost as tables grow, and their rate beside others.

pub(crate) mod bytes;
#[cfg(feature = "compare")]
mod pgmq;

use crate::{
    database::Database,
    intake::pgbench,
    report::{Bar, Report, quantile, timed},
    served::orders,
    shop::{self, app, done, tries},
    size,
};
use b24_bridge::storage::queue::lanes::Lease;
use sqlx::PgPool;

pub(crate) const BATCH: u32 = 200;

pub(crate) async fn run(report: &mut Report) {
    let (settled, pending) = (
        size("BENCH_SETTLED", 500_000),
        size("BENCH_PENDING", 100_000),
    );
    let (empty, large) = (Database::new().await, Database::new().await);
    fill(&empty.pool, 0, u64::from(BATCH)).await;
    fill(&large.pool, settled, pending).await;
    let small = claim_cost(&empty.pool).await;
    let cost = claim_cost(&large.pool).await;
    let small = f64::midpoint(small, claim_cost(&empty.pool).await);
    report.add(
        &format!("one claim of {BATCH}, {settled} settled and {pending} pending"),
        format!("{cost:.2} ms"),
        format!("with only those {BATCH}: {small:.2} ms"),
        cost / small,
        &Bar::AtMost(1.5),
    );
    let ours = settle_rate(&large.pool, 50).await;
    let mut held = large.pool.begin().await.unwrap();
    for statement in [
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SELECT 1 FROM bridge.orders LIMIT 1",
    ] {
        sqlx::query(statement).execute(&mut *held).await.unwrap();
    }
    let under = settle_rate(&large.pool, 100).await;
    held.rollback().await.unwrap();
    let bare = bare_rate(&large).await;
    report.add(
        "claim and settle, orders a second, batches of 200",
        format!("{ours:.0}/s"),
        format!("pgbench, only the queue's own updates: {bare:.0}/s"),
        ours / bare,
        &Bar::AtLeast(0.8),
    );
    #[cfg(feature = "compare")]
    pgmq::run(report, &large, ours).await;
    report.add(
        "the same while a snapshot is held open for 20,000 orders",
        format!("{under:.0}/s"),
        format!("without: {ours:.0}/s"),
        under / ours,
        &Bar::None,
    );
}

/// So many settled orders, and so many that wait.
pub(crate) async fn fill(pool: &PgPool, settled: u64, pending: u64) {
    let body = orders(0, 1).remove(0);
    let (step, all) = (100_000, settled + pending);
    for from in (0..all).step_by(step) {
        let to = (from + step as u64).min(all);
        let mut tx = pool.begin().await.unwrap();
        // What is measured afterwards is durable; the filling need not be.
        for statement in [
            "SET LOCAL statement_timeout = 0",
            "SET LOCAL synchronous_commit = off",
        ] {
            sqlx::query(statement).execute(&mut *tx).await.unwrap();
        }
        sqlx::query(
            "WITH e AS (
                 INSERT INTO bridge.outbox (portal, shop, number, source, event_id, kind, body,
                   fingerprint, state, settled_at)
                 SELECT 'main', 'main', 'F' || i, 'https://fill.example', 'f' || i, 'saved',
                        jsonb_set($4, '{data,number}', to_jsonb('F' || i)), sha256('x'),
                        CASE WHEN i < $3 THEN 'done' ELSE 'pending' END, CASE
                          WHEN i < $3 THEN now() END
                 FROM generate_series($1, $2) AS i RETURNING id, number, state)
             INSERT INTO bridge.orders (shop, number, portal, head_id, due_at, waits_since, in_sync)
             SELECT 'main', number, 'main', id, CASE WHEN state = 'pending' THEN due END, CASE
               WHEN state = 'pending' THEN due END, state = 'done'
             FROM (SELECT e.*, now() - interval '10 minutes' + id % 10000000 * interval
               '10 microseconds' AS due FROM e) AS e",
        )
        .bind(i64::try_from(from).unwrap())
        .bind(i64::try_from(to).unwrap() - 1)
        .bind(i64::try_from(settled).unwrap())
        .bind(&body)
        .execute(&mut *tx)
        .await
        .unwrap();
        tx.commit().await.unwrap();
    }
    let mut db = pool.acquire().await.unwrap();
    for statement in [
        "SET statement_timeout = 0",
        "VACUUM ANALYZE bridge.orders",
        "VACUUM ANALYZE bridge.outbox",
        "RESET statement_timeout",
    ] {
        sqlx::query(statement).execute(&mut *db).await.unwrap();
    }
}

pub(crate) async fn lease(pool: &PgPool) -> Lease {
    shop::lease(pool, "bench").await.unwrap()
}

/// The usual time of one claim, in milliseconds.
async fn claim_cost(pool: &PgPool) -> f64 {
    let app = app(pool, &["main"]);
    let lease = lease(pool).await;
    let mut took = Vec::new();
    for _ in 0..60 {
        let (claimed, seconds) = timed(app.delivery.claim(&lease, BATCH)).await;
        assert_eq!(claimed.unwrap().len(), BATCH as usize);
        took.push(seconds * 1000.0);
    }
    quantile(&mut took, 0.5)
}

/// Orders claimed and settled a second.
async fn settle_rate(pool: &PgPool, waves: u32) -> f64 {
    let app = app(pool, &["main"]);
    let lease = lease(pool).await;
    let (mut deal, mut count) = (0, 0);
    let ((), seconds) = timed(async {
        for _ in 0..waves {
            let claimed = app.delivery.claim(&lease, BATCH).await.unwrap();
            let ended: Vec<_> = claimed
                .into_iter()
                .map(|(claim, _)| {
                    deal += 1;
                    (claim, done(deal))
                })
                .collect();
            count += app
                .delivery
                .settle(&lease, &tries(), ended)
                .await
                .unwrap()
                .done;
        }
    })
    .await;
    count as f64 / seconds
}

/// Only what any queue must write: the order leaves the queue, its event is done.
async fn bare_rate(database: &Database) -> f64 {
    let script = "
        WITH due AS (
            SELECT shop, number, head_id FROM bridge.orders WHERE portal = 'main'
              AND due_at <= now()
            ORDER BY due_at LIMIT 200 FOR UPDATE),
        o AS (UPDATE bridge.orders o SET due_at = NULL, waits_since = NULL, in_sync = true
              FROM due WHERE o.shop = due.shop AND o.number = due.number),
        e AS (UPDATE bridge.outbox e SET state = 'done', settled_at = now() FROM due
          WHERE e.id = due.head_id)
        SELECT count(*) FROM due;";
    pgbench(database, script, 1, &["-t", "50"]).await * 200.0
}

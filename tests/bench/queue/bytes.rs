//! What a settled order takes in PostgreSQL, with three lines, one snapshot and all indexes, once
//! the space of what was rewritten is used again.

use crate::{
    database::Database,
    report::{Bar, Report},
    served::{Limit, Served, orders},
    size,
};
use b24_bridge::sandbox::{Options, Plan, Sandbox};
use sqlx::PgPool;
use std::time::{Duration, Instant};

/// How often the tables are vacuumed while they grow.
const ROUNDS: usize = 10;

pub(crate) async fn run(report: &mut Report) {
    let each = usize::try_from(size("BENCH_ORDERS", 10_000)).unwrap() / ROUNDS;
    let options = Options::default().plan(Plan::Unlimited);
    let (portal, database) = (
        Sandbox::start(options).await.unwrap(),
        Database::new().await,
    );
    let limit = Limit {
        per_second: 500,
        burst: 500,
    };
    let app = Served::start(&database.url, &portal.url(), &limit, "all").await;
    for round in 0..ROUNDS {
        app.post(&orders(round * each, each)).await;
        settled(&database.pool, (round + 1) * each).await;
        let mut db = database.pool.acquire().await.unwrap();
        for statement in [
            "SET statement_timeout = 0",
            "VACUUM ANALYZE",
            "RESET statement_timeout",
        ] {
            sqlx::query(statement).execute(&mut *db).await.unwrap();
        }
    }
    drop(app);
    let count = (ROUNDS * each) as f64;
    let tables: Vec<(String, i64)> = sqlx::query_as(
        "SELECT c.relname::text, pg_total_relation_size(c.oid) FROM pg_class c
         WHERE c.relnamespace = 'bridge'::regnamespace AND c.relkind = 'r' ORDER BY 2 DESC",
    )
    .fetch_all(&database.pool)
    .await
    .unwrap();
    let of = |(table, bytes): &(String, i64)| format!("{table} {:.0}", *bytes as f64 / count);
    let largest: Vec<String> = tables.iter().take(8).map(of).collect();
    let bytes = tables.iter().map(|(_, bytes)| bytes).sum::<i64>() as f64 / count;
    report.add(
        "bytes in PostgreSQL for each settled order",
        format!("{bytes:.0}: {}", largest.join(", ")),
        "",
        bytes,
        &Bar::AtMost(3000.0),
    );
}

/// How long nothing more must come of the history before it is taken for read.
const QUIET: Duration = Duration::from_secs(5);

/// Waits until so many orders are settled, and what the portal made of their deals is read.
async fn settled(pool: &PgPool, count: usize) {
    let count = i64::try_from(count).unwrap();
    let started = Instant::now();
    let mut read = (0, started);
    loop {
        let so_far: (i64, i64, i64) = sqlx::query_as(
            "SELECT (SELECT count(*) FROM bridge.orders WHERE due_at IS NULL AND in_sync),
                    (SELECT count(*) FROM bridge.moves), (SELECT count(*) FROM bridge.comparisons)",
        )
        .fetch_one(pool)
        .await
        .unwrap();
        if so_far.1 != read.0 {
            read = (so_far.1, Instant::now());
        }
        if so_far.0 >= count && so_far.2 == 0 && read.1.elapsed() > QUIET {
            return;
        }
        let late = started.elapsed() > Duration::from_mins(10);
        assert!(!late, "settled, moves, comparisons: {so_far:?} of {count}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

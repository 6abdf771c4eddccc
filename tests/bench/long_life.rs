//! Millions of rows: what a claim and a settle cost beside almost none, under a snapshot that
//! somebody holds open, what `serve` needs with them, and what pruning them does to intake.

use crate::{
    database::Database,
    queue::{BATCH, fill, lease},
    report::{Bar, Report, quantile, timed},
    served::{Limit, Served, order},
    shop::{app, done, tries},
    size,
};
use b24_bridge::{
    app::App,
    sandbox::{Options, Plan, Sandbox},
    storage::queue::lanes::Lease,
    worker::{Retention, prune},
};
use sqlx::PgPool;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// Waves that are measured on each table.
const WAVES: u64 = 150;

pub(crate) async fn run(report: &mut Report) {
    let (settled, pending) = (
        size("BENCH_SETTLED", 500_000),
        size("BENCH_PENDING", 100_000),
    );
    let (empty, large) = (Database::new().await, Database::new().await);
    fill(&empty.pool, 0, WAVES * u64::from(BATCH)).await;
    fill(&large.pool, settled, pending).await;
    costs(report, &empty.pool, &large.pool, (settled, pending)).await;
    held(report, &large.pool).await;
    serving(report, &large).await;
    pruning(report, &large.pool).await;
}

/// A lane that is driven from here.
struct Driven {
    app: App,
    lease: Lease,
    deal: u64,
}

impl Driven {
    async fn of(pool: &PgPool) -> Self {
        Self {
            app: app(pool, &["main"]),
            lease: lease(pool).await,
            deal: 0,
        }
    }

    /// One claim and its settling, in milliseconds; none if nothing is due.
    async fn wave(&mut self) -> Option<(f64, f64)> {
        let (claimed, claim) = timed(self.app.delivery.claim(&self.lease, BATCH)).await;
        let claimed = claimed.unwrap();
        if claimed.is_empty() {
            return None;
        }
        let ended: Vec<_> = claimed
            .into_iter()
            .map(|(claim, _)| {
                self.deal += 1;
                (claim, done(self.deal))
            })
            .collect();
        let (settled, settle) = timed(self.app.delivery.settle(&self.lease, &tries(), ended)).await;
        settled.unwrap();
        Some((claim * 1000.0, settle * 1000.0))
    }
}

/// Both tables in turn, so that whatever else the machine does meets both.
async fn costs(
    report: &mut Report,
    empty: &PgPool,
    large: &PgPool,
    (settled, pending): (u64, u64),
) {
    let (mut small, mut big) = (Driven::of(empty).await, Driven::of(large).await);
    let mut took: [Vec<f64>; 4] = Default::default();
    for nth in 0..WAVES {
        if nth % 50 == 0 {
            (small.lease, big.lease) = (lease(empty).await, lease(large).await);
        }
        let (before, now) = (small.wave().await.unwrap(), big.wave().await.unwrap());
        for (list, one) in took.iter_mut().zip([before.0, now.0, before.1, now.1]) {
            list.push(one);
        }
    }
    let [small_claim, claim, small_settle, settle] = &mut took;
    for (what, beside, here) in [
        ("claim", small_claim, claim),
        ("settling", small_settle, settle),
    ] {
        for (share, name) in [(0.5, "median"), (0.99, "p99")] {
            let (beside, here) = (quantile(beside, share), quantile(here, share));
            let bar = if share < 0.9 {
                Bar::AtMost(1.5)
            } else {
                Bar::None
            };
            report.add(
                &format!("one {what} of {BATCH}, {settled} settled and {pending} pending, {name}"),
                format!("{here:.2} ms"),
                format!("almost empty: {beside:.2} ms"),
                here / beside,
                &bar,
            );
        }
    }
}

/// Orders a second in each of ten parts of the time, while a snapshot is held.
async fn held(report: &mut Report, pool: &PgPool) {
    let time = Duration::from_secs(size("BENCH_HOLD_SECONDS", 20));
    let mut snapshot = pool.begin().await.unwrap();
    for statement in [
        "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
        "SET LOCAL idle_in_transaction_session_timeout = 0",
        "SELECT 1 FROM bridge.orders LIMIT 1",
    ] {
        sqlx::query(statement)
            .execute(&mut *snapshot)
            .await
            .unwrap();
    }
    let mut driven = Driven::of(pool).await;
    let mut parts: [Vec<(f64, f64)>; 10] = Default::default();
    let (started, mut renewed) = (Instant::now(), Instant::now());
    while started.elapsed() < time {
        if renewed.elapsed() > Duration::from_secs(20) {
            (driven.lease, renewed) = (lease(pool).await, Instant::now());
        }
        let part = started.elapsed().as_millis() * 10 / time.as_millis();
        let Some(took) = driven.wave().await else {
            refill(pool, u64::from(BATCH) * 50).await;
            continue;
        };
        parts[usize::try_from(part).unwrap()].push(took);
    }
    snapshot.rollback().await.unwrap();
    let median = |part: &[(f64, f64)], of: fn(&(f64, f64)) -> f64| {
        let mut list: Vec<f64> = part.iter().map(of).collect();
        quantile(&mut list, 0.5)
    };
    let claims = parts.each_ref().map(|part| median(part, |one| one.0));
    let settles = parts.each_ref().map(|part| median(part, |one| one.1));
    let rates = parts.map(|part| part.len() as f64 * f64::from(BATCH) * 10.0 / time.as_secs_f64());
    println!("each tenth of {time:?} under a held snapshot: {rates:.0?} orders a second");
    println!("a claim {claims:.1?} ms, a settling {settles:.1?} ms");
    report.add(
        "one claim, after that time",
        format!("{:.1} ms", claims[9]),
        format!("the first tenth: {:.1} ms", claims[0]),
        claims[9] / claims[0],
        &Bar::None,
    );
    report.add(
        &format!(
            "claim and settle under a snapshot that is held for {} s, the last tenth",
            time.as_secs()
        ),
        format!("{:.0}/s", rates[9]),
        format!("the first tenth: {:.0}/s", rates[0]),
        rates[9] / rates[0],
        &Bar::None,
    );
}

/// New orders, as intake makes them.
async fn refill(pool: &PgPool, count: u64) {
    static NEXT: std::sync::atomic::AtomicUsize =
        std::sync::atomic::AtomicUsize::new(1_000_000_000);
    let app = app(pool, &["main"]);
    for _ in 0..count / 500 {
        let from = NEXT.fetch_add(500, Ordering::Relaxed);
        let orders: Vec<_> = (from..from + 500).map(order).collect();
        app.intake.accept_events(None, &orders).await.unwrap();
    }
}

/// The process with all that waits, at work.
async fn serving(report: &mut Report, database: &Database) {
    let portal = Options::default()
        .plan(Plan::Standard)
        .latency(Duration::from_millis(100));
    let portal = Sandbox::start(portal).await.unwrap();
    let limit = Limit {
        per_second: 2,
        burst: 50,
    };
    // The lease of the parts before.
    sqlx::query("UPDATE bridge.lanes SET owner = NULL, lease_until = NULL")
        .execute(&database.pool)
        .await
        .unwrap();
    let pending: i64 =
        sqlx::query_scalar("SELECT count(*) FROM bridge.orders WHERE due_at IS NOT NULL")
            .fetch_one(&database.pool)
            .await
            .unwrap();
    let served = Served::start(&database.url, &portal.url(), &limit, "all").await;
    tokio::time::sleep(Duration::from_secs(size("BENCH_SERVE_SECONDS", 30))).await;
    let deals = portal.deals().len();
    let memory = served.memory();
    report.add(
        &format!(
            "memory of serve, {pending} pending orders of one portal, at work ({deals} deals made)"
        ),
        format!("{memory:.0} MiB at most"),
        "",
        memory,
        &Bar::AtMost(150.0),
    );
    report.add(
        "start until ready with them",
        format!("{:.0} ms", served.start * 1000.0),
        "",
        f64::NAN,
        &Bar::None,
    );
}

/// Single events one after the other until told to stop: how long each took, in milliseconds.
async fn intake(app: App, from: usize, stop: Arc<AtomicBool>) -> Vec<f64> {
    let mut took = Vec::new();
    let mut number = from;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let (taken, seconds) = timed(app.intake.accept_events(None, &[order(number)])).await;
        taken.unwrap();
        took.push(seconds * 1000.0);
    }
    took
}

/// The longest time for which anybody waited for a lock, in milliseconds.
async fn lock_waits(pool: PgPool, stop: Arc<AtomicBool>) -> f64 {
    let mut longest: f64 = 0.0;
    while !stop.load(Ordering::Relaxed) {
        let now: f64 = sqlx::query_scalar(
            "SELECT coalesce(max(extract(epoch FROM clock_timestamp() - waitstart)), 0)::float8 *
               1000 FROM pg_locks
             WHERE NOT granted AND database = (SELECT oid FROM pg_database
               WHERE datname = current_database())",
        )
        .fetch_one(&pool)
        .await
        .unwrap();
        longest = longest.max(now);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    longest
}

/// Intake alone, then beside the pruning of all that is settled.
async fn pruning(report: &mut Report, pool: &PgPool) {
    let app = app(pool, &["main"]);
    let stop = Arc::new(AtomicBool::new(false));
    let alone = tokio::spawn(intake(app.clone(), 2_000_000_000, Arc::clone(&stop)));
    tokio::time::sleep(Duration::from_secs(10)).await;
    stop.store(true, Ordering::Relaxed);
    let mut alone = alone.await.unwrap();
    let stop = Arc::new(AtomicBool::new(false));
    let beside = tokio::spawn(intake(app.clone(), 3_000_000_000, Arc::clone(&stop)));
    let locks = tokio::spawn(lock_waits(pool.clone(), Arc::clone(&stop)));
    let retention = Retention {
        settled: Duration::ZERO,
        ..Retention::default()
    };
    let (removed, seconds) = timed(prune(
        &app.operations,
        &retention,
        &CancellationToken::new(),
    ))
    .await;
    stop.store(true, Ordering::Relaxed);
    let (mut beside, longest) = (beside.await.unwrap(), locks.await.unwrap());
    let removed = removed.unwrap();
    report.add(
        &format!("pruning {removed} settled rows"),
        format!("{seconds:.0} s, {:.0}/s", removed as f64 / seconds),
        "",
        f64::NAN,
        &Bar::None,
    );
    report.add(
        "one event taken meanwhile, p99",
        format!(
            "{:.1} ms (at most {:.0} ms; longest wait for a lock seen: {longest:.1} ms)",
            quantile(&mut beside, 0.99),
            quantile(&mut beside, 1.0)
        ),
        format!(
            "alone: {:.1} ms (at most {:.0} ms)",
            quantile(&mut alone, 0.99),
            quantile(&mut alone, 1.0)
        ),
        quantile(&mut beside, 0.99) / quantile(&mut alone, 0.99),
        &Bar::None,
    );
}

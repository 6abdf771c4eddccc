//! Many idle portals in one process: what they cost while nothing happens.

use crate::{
    database::Database,
    report::{Bar, Report},
    served::Served,
    size,
};
use b24_bridge::sandbox::{Options, Plan, Sandbox};
use std::{
    fmt::Write as _,
    fs,
    time::{Duration, Instant},
};

/// The clock ticks of a second, as `/proc` counts processor time.
const TICKS: f64 = 100.0;
/// Lanes begin one after the other; what is measured is the time after that.
const BEGIN: Duration = Duration::from_millis(25);

pub(crate) async fn run(report: &mut Report) {
    many(report, 100, &[Bar::None, Bar::None, Bar::None]).await;
    let bars = [Bar::AtMost(0.03), Bar::AtMost(60.0), Bar::AtMost(3.0)];
    many(report, 1_000, &bars).await;
    let most = size("BENCH_PORTALS", 0);
    if most > 0 {
        let bars = [Bar::AtMost(0.2), Bar::AtMost(200.0), Bar::None];
        many(report, most, &bars).await;
    }
}

async fn many(report: &mut Report, count: u64, [busy, memory, start]: &[Bar; 3]) {
    let options = Options::default().plan(Plan::Unlimited);
    let portal = Sandbox::start(options).await.unwrap();
    let database = Database::new().await;
    let mut settings = String::new();
    for nth in 0..count {
        write!(
            settings,
            r#"
            [portals.p{nth}]
            webhook_url = "{url}"
            [shops.s{nth}]
            portal = "p{nth}"
            api_keys = ["bench-key-{nth}-0123456789"]
            [[shops.s{nth}.statuses]]
            status = "N"
            stage = "NEW"
            "#,
            url = portal.url()
        )
        .unwrap();
    }
    let began = Instant::now();
    let served = Served::with(&database.url, &settings, "all").await;
    held(&database, count).await;
    let held = began.elapsed().as_secs_f64();
    tokio::time::sleep(BEGIN * u32::try_from(count).unwrap() + Duration::from_secs(5)).await;
    let seconds = size("BENCH_SECONDS", 10).max(30);
    let (own, all) = (ticks(served.pid()), ticks_of_postgres());
    let (asked, began) = (transactions(&database).await, Instant::now());
    let mut busiest = 0;
    let before = portal.stats().requests;
    let mut last = before;
    for _ in 0..seconds {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let now = portal.stats().requests;
        busiest = busiest.max(now - last);
        last = now;
    }
    let cores = |ticks: u64| ticks as f64 / TICKS / seconds as f64;
    let own = cores(ticks(served.pid()) - own);
    let postgres = cores(ticks_of_postgres().saturating_sub(all));
    let calls = (last - before) as f64 / seconds as f64;
    report.add(
        &format!("{count} idle portals: cores of serve"),
        format!("{own:.3}; {calls:.1} calls a second, {busiest} in the busiest"),
        format!("PostgreSQL's share beside it: {postgres:.3}"),
        own,
        busy,
    );
    let asked = (transactions(&database).await - asked) as f64 / began.elapsed().as_secs_f64();
    report.add(
        &format!("{count} idle portals: transactions of the database"),
        format!("{asked:.0} a second"),
        "a statement by itself is one, and so is the look at a connection before it",
        asked,
        &Bar::None,
    );
    report.add(
        &format!("{count} idle portals: memory of serve"),
        format!("{:.0} MiB at most", served.memory()),
        "",
        served.memory(),
        memory,
    );
    report.add(
        &format!("{count} idle portals: start until all lanes are held"),
        format!("{held:.2} s"),
        format!("until it is ready: {:.2} s", served.start),
        held,
        start,
    );
}

/// Waits until every portal has its lane.
async fn held(database: &Database, count: u64) {
    let until = Instant::now() + Duration::from_mins(2);
    let query = "SELECT count(*) FROM bridge.lanes WHERE lease_until > now()";
    loop {
        let held: i64 = sqlx::query_scalar(query)
            .fetch_one(&database.pool)
            .await
            .unwrap();
        if u64::try_from(held).unwrap() >= count {
            return;
        }
        assert!(Instant::now() < until, "{held} of {count} lanes are held");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Transactions so far. What a connection did is told at most a second later.
async fn transactions(database: &Database) -> i64 {
    let query = "SELECT xact_commit + xact_rollback FROM pg_stat_database
                 WHERE datname = current_database()";
    let so_far = sqlx::query_scalar(query).fetch_one(&database.pool);
    so_far.await.unwrap()
}

/// The processor time of a process, of all its threads.
fn ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = after.split_whitespace().collect();
    let time = |nth: usize| fields.get(nth).and_then(|text| text.parse::<u64>().ok());
    time(11).unwrap_or(0) + time(12).unwrap_or(0)
}

/// The same of all processes of PostgreSQL on this machine.
fn ticks_of_postgres() -> u64 {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let pids = processes.filter_map(|one| one.file_name().to_str()?.parse::<u32>().ok());
    let postgres = pids.filter(|pid| {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "postgres")
    });
    postgres.map(ticks).sum()
}

//! The process itself: start, size, memory.

use crate::{
    database::Database,
    queue::fill,
    report::{Bar, Report},
    served::{Limit, Served},
    size,
};
use b24_bridge::sandbox::{Options, Sandbox};
use std::time::Duration;

pub(crate) async fn run(report: &mut Report) {
    let (portal, database) = (
        Sandbox::start(Options::default()).await.unwrap(),
        Database::new().await,
    );
    let limit = Limit {
        per_second: 2,
        burst: 50,
    };
    let empty = Served::start(&database.url, &portal.url(), &limit, "all").await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let idle = empty.memory();
    let start = empty.start * 1000.0;
    drop(empty);
    let pending = size("BENCH_PENDING", 100_000);
    fill(&database.pool, 0, pending).await;
    let full = Served::start(&database.url, &portal.url(), &limit, "all").await;
    tokio::time::sleep(Duration::from_secs(20)).await;
    let memory = full.memory();
    let file = std::fs::metadata(env!("CARGO_BIN_EXE_b24-bridge")).unwrap();
    let file = file.len() as f64 / 1024.0 / 1024.0;
    report.add(
        &format!("memory of serve, {pending} pending events, at work"),
        format!("{memory:.0} MiB at most"),
        format!("nothing pending: {idle:.0} MiB"),
        memory,
        &Bar::AtMost(150.0),
    );
    report.add(
        "start until ready; size of the binary",
        format!("{start:.0} ms; {file:.0} MiB"),
        "",
        f64::NAN,
        &Bar::None,
    );
}

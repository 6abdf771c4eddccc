//! The bars, each measured beside its baseline in the same run.
//!
//! `cargo bench` runs all; words after `--` choose some: `bytes`, `catalogue`, `delivery`,
//! `intake`, `queue`, `long_life`, `onec`, `pages`, `portals`, `process`, `stock`, `way_back`.
//! `--write` puts the table into `deploy/benchmarks.md`. With the feature `compare` `queue` also
//! runs beside pgmq. `BENCH_SETTLED` and `BENCH_PENDING` size the large tables, `BENCH_SECONDS`
//! each rate, `BENCH_HOLD_SECONDS` how long a snapshot is held open, `BENCH_PRODUCTS` a catalogue,
//! `BENCH_FORMS` how many forms are sent beside it, `BENCH_ONEC_ORDERS` a query of 1C's,
//! `BENCH_ONEC_OFFERS` a file of it, `BENCH_TIMES` how often each page is asked for, `BENCH_ORDERS`
//! how many orders are weighed, or the console holds: `BENCH_ORDERS=3000000` before `pages`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a benchmark that cannot go on has failed; it prints; its counts are small; its size \
              is chosen by who runs it"
)]

mod catalogue;
#[path = "../it/support/database.rs"]
mod database;
mod delivery;
mod intake;
mod long_life;
mod onec;
mod pages;
mod portals;
mod process;
mod queue;
mod report;
mod served;
#[path = "../it/support/shop.rs"]
#[expect(dead_code, reason = "the tests use the rest")]
mod shop;
mod stock;
mod way_back;

use report::Report;
use std::sync::atomic::Ordering;

fn main() {
    database::DURABLE.store(true, Ordering::Relaxed);
    let chosen: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wanted = |name: &str| chosen.is_empty() || chosen.iter().any(|word| word == name);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut report = Report::default();
    runtime.block_on(async {
        if wanted("intake") {
            intake::run(&mut report).await;
        }
        if wanted("queue") {
            queue::run(&mut report).await;
        }
        if wanted("long_life") {
            long_life::run(&mut report).await;
        }
        if wanted("bytes") {
            queue::bytes::run(&mut report).await;
        }
        if wanted("process") {
            process::run(&mut report).await;
        }
        if wanted("pages") {
            pages::run(&mut report).await;
        }
        if wanted("portals") {
            portals::run(&mut report).await;
        }
        if wanted("way_back") {
            way_back::run(&mut report).await;
        }
        if wanted("stock") {
            stock::run(&mut report).await;
        }
        if wanted("onec") {
            onec::run(&mut report).await;
        }
        if wanted("catalogue") {
            catalogue::run(&mut report).await;
        }
        if wanted("delivery") {
            delivery::run(&mut report).await;
        }
    });
    report.print();
    if std::env::args().any(|word| word == "--write") {
        report.write();
    }
}

/// A number from the environment.
fn size(name: &str, usual: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.map_or(usual, |text| text.parse().expect("a number"))
}

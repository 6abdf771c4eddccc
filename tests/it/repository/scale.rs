//! The page on scale is arithmetic over what was measured.

use super::pages::page;
use std::{fmt::Write as _, fs};

const FROM: &str = "<!-- figures: simulation -->\n";
const TO: &str = "<!-- end of figures -->";
/// How many cores the rates were measured on.
const CORES: f64 = 2.0;
/// Changes of an order, orders of a portal a day, the busiest hour beside the average.
const CHANGES: f64 = 3.0;
const ORDERS: f64 = 300.0;
const BUSIEST: f64 = 3.0;
/// Bytes of a settled order, and for how many days it is kept.
const BYTES: f64 = 5_700.0;
const DAYS: f64 = 30.0;

/// The rate in the table of benchmarks, a second.
fn rate(of: &str) -> f64 {
    let table = page("deploy/benchmarks.md");
    let row = table.split_once(&format!("| {of} | ")).unwrap().1;
    row.split_once("/s").unwrap().0.parse().unwrap()
}

fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (nth, digit) in digits.chars().enumerate() {
        if nth > 0 && (digits.len() - nth).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn the_simulation_follows_from_the_measured_rates() {
    let taken = CORES / rate("POST /v1/events, one event a request, 16 clients");
    let settled = CORES / rate("claim and settle, orders a second, batches of 200");
    let mut table =
        "\n| portals | events a second, average | busiest | cores, average | busiest | \
                     disk |\n|---|---|---|---|---|---|\n"
            .to_owned();
    for portals in [1e3, 1e4, 1e5, 1e6] {
        let events = portals * ORDERS * CHANGES / 86_400.0;
        let cores = events * (taken + settled);
        let disk = portals * ORDERS * DAYS * BYTES / 1e9;
        writeln!(
            table,
            "| {} | {} | {} | {cores:.2} | {:.2} | {} GB |",
            grouped(portals),
            grouped(events),
            grouped(events * BUSIEST),
            cores * BUSIEST,
            grouped(disk)
        )
        .unwrap();
    }
    table.push('\n');
    let text = page("deploy/scale.md");
    let (before, rest) = text.split_once(FROM).unwrap();
    let (shown, after) = rest.split_once(TO).unwrap();
    if std::env::var_os("UPDATE").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/deploy/scale.md");
        fs::write(path, format!("{before}{FROM}{table}{TO}{after}")).unwrap();
        return;
    }
    assert_eq!(shown, table, "UPDATE=1 writes it");
    let taken = format!("{:.2} ms", taken * 1e3);
    let settled = format!("{:.2} ms", settled * 1e3);
    for figure in [taken, settled, "5.7 kB".to_owned()] {
        assert!(text.contains(&figure), "{figure}");
    }
}

//! The page on scale is arithmetic over what was measured.

use super::pages::page;
use std::{fmt::Write as _, fs};

const FROM: &str = "<!-- figures: simulation -->\n";
const TO: &str = "<!-- end of figures -->";
/// The page in both languages, each with the head of its table.
const PAGES: [(&str, &str); 2] = [
    (
        "deploy/scale.md",
        "| portals | events a second, average | busiest | cores, average | busiest | disk |",
    ),
    (
        "deploy/scale.ru.md",
        "| порталов | событий в секунду, среднее | пик | ядер, среднее | пик | диск |",
    ),
];
/// How many cores the rates were measured on.
const CORES: f64 = 2.0;
/// Changes of an order, orders of a portal a day, the busiest hour beside the average.
const CHANGES: f64 = 3.0;
const ORDERS: f64 = 300.0;
const BUSIEST: f64 = 3.0;
/// Bytes of a settled order, and for how many days it is kept.
const BYTES: f64 = 4_700.0;
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
    let mut rows = "|---|---|---|---|---|---|\n".to_owned();
    for portals in [1e3, 1e4, 1e5, 1e6] {
        let events = portals * ORDERS * CHANGES / 86_400.0;
        let cores = events * (taken + settled);
        let disk = portals * ORDERS * DAYS * BYTES / 1e9;
        writeln!(
            rows,
            "| {} | {} | {} | {cores:.2} | {:.2} | {} GB |",
            grouped(portals),
            grouped(events),
            grouped(events * BUSIEST),
            cores * BUSIEST,
            grouped(disk)
        )
        .unwrap();
    }
    let figures = [
        format!("{:.2} ms", taken * 1e3),
        format!("{:.2} ms", settled * 1e3),
        "4.7 kB".to_owned(),
    ];
    for (name, head) in PAGES {
        let table = format!("\n{head}\n{rows}\n");
        let text = page(name);
        let (before, rest) = text.split_once(FROM).unwrap();
        let (shown, after) = rest.split_once(TO).unwrap();
        if std::env::var_os("UPDATE").is_some() {
            let path = format!("{}/{name}", env!("CARGO_MANIFEST_DIR"));
            fs::write(path, format!("{before}{FROM}{table}{TO}{after}")).unwrap();
            continue;
        }
        assert_eq!(shown, table, "{name}: UPDATE=1 writes it");
        for figure in &figures {
            let russian = figure.replace('.', ",");
            let russian = russian.replace("ms", "мс").replace("kB", "кБ");
            let told = text.contains(figure) || text.contains(&russian);
            assert!(told, "{name}: {figure}");
        }
    }
}

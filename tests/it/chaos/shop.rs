//! The shop of the run: what it sends in which order, and what must come of it.

use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// An order's number, and the version of its snapshot.
pub(super) type Event = (usize, u64);

/// Orders of one customer.
const OF_ONE_CUSTOMER: usize = 3;

/// What the shop sends, in this order: snapshots that change later, some that overtake an older
/// one, some that are sent twice.
pub(super) fn events(orders: usize) -> Vec<Event> {
    let mut sent = Vec::new();
    for number in 0..orders {
        let late = number * 7919 % 61;
        for version in 1..=last(number) {
            let overtaken = number % 10 == 4 && version == 1;
            let delay = if overtaken {
                40
            } else {
                usize::try_from(version - 1).unwrap() * (late + 1)
            };
            sent.push((number + delay, (number, version)));
        }
        if number % 11 == 0 {
            sent.push((number + 50, (number, 1)));
        }
    }
    sent.sort_by_key(|(at, _)| *at);
    sent.into_iter().map(|(_, event)| event).collect()
}

/// The version of an order's newest snapshot.
fn last(number: usize) -> u64 {
    match number {
        _ if hopeless(number) => 1,
        _ if number.is_multiple_of(9) => 3,
        _ if number.is_multiple_of(3) || number % 10 == 4 || number % 31 == 7 => 2,
        _ => 1,
    }
}

/// Whether the order's only status is one that the table does not have.
fn hopeless(number: usize) -> bool {
    number % 97 == 5
}

fn status(number: usize, version: u64) -> &'static str {
    match version {
        1 if hopeless(number) || number % 31 == 7 => "X",
        1 => "N",
        _ => "P",
    }
}

/// In kopecks: the goods change with the version.
fn total(version: u64) -> u64 {
    15_000 + 10_000 + (2 + version) * 3_350
}

fn money(kopecks: u64) -> String {
    format!("{}.{:02}", kopecks / 100, kopecks % 100)
}

/// As the portal writes a number.
fn short(kopecks: u64) -> String {
    money(kopecks)
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

fn phone(number: usize) -> String {
    format!("+7916{:07}", number / OF_ONE_CUSTOMER)
}

/// A snapshot as the shop posts it.
pub(super) fn order(number: usize, version: u64) -> Value {
    let customer = number / OF_ONE_CUSTOMER;
    json!({
        "specversion": "1.0", "type": "shop.order.saved.v1", "source": "https://chaos.example",
            "id": format!("e{number}-{version}"),
        "data": {
            "number": format!("C{number}"), "version": version, "status": status(number, version),
                "currency": "RUB",
            "total": money(total(version)),
            "customer": {
                "id": format!("k{customer}"), "name": "Имя", "phones": [phone(number)],
                "emails": [format!("k{customer}@example.com")]
            },
            "items": [
                {
                    "name": "Чай", "quantity": 2 + version, "price": "33.50"
                } , {
                    "name": "Чайник", "quantity": 1, "price": "100.00"
                }
            ],
            "delivery": {"method": "Курьер", "price": "150.00"}
        }
    })
}

/// A deal as it must be: sum, stage, and the rows with price and quantity.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) total: String,
    pub(super) stage: &'static str,
    pub(super) rows: Vec<(String, String)>,
    pub(super) phone: String,
}

/// What must come of all orders: the deals by order's number, and the orders that wait as dead
/// letters.
pub(super) fn outcome(orders: usize) -> (BTreeMap<String, Wanted>, BTreeSet<String>) {
    let name = |number: usize| format!("C{number}");
    let dead = (0..orders).filter(|number| hopeless(*number)).map(name);
    let live = (0..orders).filter(|number| !hopeless(*number));
    let wanted = |number: usize| {
        let version = last(number);
        let stage = if status(number, version) == "P" {
            "EXECUTING"
        } else {
            "NEW"
        };
        let row = |kopecks, quantity: u64| (short(kopecks), quantity.to_string());
        let wanted = Wanted {
            total: money(total(version)),
            stage,
            rows: vec![row(3_350, 2 + version), row(10_000, 1), row(15_000, 1)],
            phone: phone(number),
        };
        (name(number), wanted)
    };
    (live.map(wanted).collect(), dead.collect())
}

/// How each event must have ended: the newest is done, or dead if it is hopeless; an older one was
/// done, overtaken, or dead for its status.
pub(super) fn ended_well(number: usize, version: u64, state: &str) -> bool {
    match state {
        "done" => !hopeless(number) && status(number, version) != "X",
        "superseded" => version < last(number),
        "dead" => status(number, version) == "X",
        _ => false,
    }
}

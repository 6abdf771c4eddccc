//! A row of the ledger, and why lines of a receipt wait, in one sentence.

use crate::{
    domain::ErrorCode,
    storage::{
        MoveCause,
        stock::{Meant, MoveRow, ReceiptKey},
    },
};
use serde::Deserialize;
use serde_json::Value;

/// Parked lines that a letter names.
const MOST_NAMED: usize = 20;

/// What the sources of counts begin with that are of 1C.
const ONEC: &str = "/onec/";

/// What happened, in English without a full stop; and what was stated, where a newer count holds
/// that already.
pub(super) fn of(row: &MoveRow) -> String {
    let what = plainly(row);
    match row.stated.as_deref() {
        // Without this nobody sees why goods that left took nothing away.
        Some(stated) if stated != row.on_hand => {
            format!("{what}. {stated} were stated, which a newer count holds already")
        }
        _ => what,
    }
}

fn plainly(row: &MoveRow) -> String {
    let MoveRow { cause_id, line, .. } = row;
    let of_line = format!("reservation {cause_id} of {}, line {line}", row.shop);
    let base = row.source.as_deref().and_then(|it| it.strip_prefix(ONEC));
    let by = match base {
        Some(base) => format!("the 1C base {base}"),
        None if row.shop.is_empty() => "an operator".to_owned(),
        None => format!("the shop {}", row.shop),
    };
    match (row.cause, row.note.as_str()) {
        (MoveCause::Reservation, "held") => format!("held for {of_line}"),
        (MoveCause::Reservation, "released") => format!("set free: {of_line}"),
        (MoveCause::Reservation, "expired") => format!("free again, the hold ran out: {of_line}"),
        (MoveCause::Reservation, "short") => format!("lost to a shortage: {of_line}"),
        (MoveCause::Reservation, note) => match note.strip_prefix("carried ") {
            Some(to) if to.starts_with("to ") => format!("held in another store now: {of_line}"),
            Some(_) => format!("held here now, and elsewhere before: {of_line}"),
            None => format!("{note}: {of_line}"),
        },
        (MoveCause::Shipment, _) => format!("shipped: {of_line}"),
        (MoveCause::Receipt, note) => {
            format!("{note} at the till: receipt {cause_id} of {}", row.shop)
        }
        (MoveCause::Order, _) => format!("left with the order {cause_id} of {}", row.shop),
        (MoveCause::Count, "stale") => {
            format!("count {cause_id} of {by} changed nothing: a newer one had been applied")
        }
        (MoveCause::Count, _) => format!(
            "counted by {by} (count {cause_id}): {} at that time, {} with what moved later",
            row.counted.as_deref().unwrap_or("?"),
            row.stands
        ),
        (MoveCause::Moved, reason) => {
            format!("moved by {by} (event {cause_id}, line {line}): {reason}")
        }
    }
}

/// A line of a receipt that waits until what it names is known.
#[derive(Debug, Deserialize)]
pub(super) struct ParkedLine {
    line: String,
    names: serde_json::Map<String, Value>,
    #[serde(rename = "products")]
    means: Meant,
}

impl ParkedLine {
    /// The line, what it names, and which products that may mean.
    fn named(&self) -> String {
        let names = self.names.iter().filter(|(_, value)| !value.is_null());
        let names: Vec<_> = names
            .map(|(kind, value)| format!("{kind} `{}`", value.as_str().unwrap_or_default()))
            .collect();
        let means = match &self.means {
            Meant::Nothing => String::new(),
            Meant::InOtherUnit => ": it is counted in another unit".to_owned(),
            Meant::One(product) => format!(": `{product}`"),
            Meant::Several(products) => format!(": `{}`", products.join("`, `")),
        };
        let names = names.join(", ");
        format!("{} ({names}{means})", self.line)
    }
}

/// Why lines of a receipt are parked; none: none are.
pub(super) fn why_parked(
    key: &ReceiptKey,
    parked: &[ParkedLine],
    store_named: &Value,
) -> Option<(ErrorCode, String)> {
    let of = format!("the receipt {} of the till {}", key.receipt, key.till);
    let unknown = |line: &&ParkedLine| !matches!(line.means, Meant::One(_));
    let odd: Vec<_> = parked.iter().filter(unknown).collect();
    if odd.len() < parked.len() {
        let (store, count) = (store_named.as_str().unwrap_or_default(), parked.len());
        let waits =
            format!("{of} names the store `{store}`, which is not known: {count} lines wait");
        return Some((ErrorCode::UnknownStore, waits));
    }
    let mut named: Vec<_> = odd
        .iter()
        .take(MOST_NAMED)
        .map(|line| line.named())
        .collect();
    if odd.len() > MOST_NAMED {
        named.push(format!("+{}", odd.len() - MOST_NAMED));
    }
    let (code, what) = if odd.iter().all(|line| line.means == Meant::InOtherUnit) {
        let what = "is in another unit than its goods are counted in";
        (ErrorCode::OtherUnit, what)
    } else {
        (ErrorCode::UnknownProduct, "names what is no one product")
    };
    let text = format!("{of} {what}: {}", named.join("; "));
    (!odd.is_empty()).then_some((code, text))
}

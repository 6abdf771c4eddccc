//! A row of the ledger, in one sentence.

use crate::storage::{MoveCause, stock::MoveRow};

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

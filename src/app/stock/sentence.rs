//! A row of the ledger, in one sentence.

use crate::storage::stock::MoveRow;

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
    match (row.cause.as_str(), row.note.as_str()) {
        ("reservation", "held") => format!("held for {of_line}"),
        ("reservation", "released") => format!("set free: {of_line}"),
        ("reservation", "expired") => format!("free again, the hold ran out: {of_line}"),
        ("reservation", "short") => format!("lost to a shortage: {of_line}"),
        ("reservation", note) => match note.strip_prefix("carried ") {
            Some(to) if to.starts_with("to ") => format!("held in another store now: {of_line}"),
            Some(_) => format!("held here now, and elsewhere before: {of_line}"),
            None => format!("{note}: {of_line}"),
        },
        ("shipment", _) => format!("shipped: {of_line}"),
        ("receipt", note) => format!("{note} at the till: receipt {cause_id} of {}", row.shop),
        ("order", _) => format!("left with the order {cause_id} of {}", row.shop),
        ("count", "stale") => {
            format!("count {cause_id} of {by} changed nothing: a newer one had been applied")
        }
        ("count", _) => format!(
            "counted by {by} (count {cause_id}): {} at that time, {} with what moved later",
            row.counted.as_deref().unwrap_or("?"),
            row.stands
        ),
        (_, reason) => format!("moved by {by} (event {cause_id}, line {line}): {reason}"),
    }
}

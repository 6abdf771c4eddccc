//! List methods of the portal: how they are asked, and whose rows they show.

use super::json::{id, text};
use serde_json::{Map, Value, json};

/// The most rows on a page of a list (vendor limit); a list filter is given as many ids or names at
/// the most.
pub(super) const PAGE: usize = 50;

/// Parameters of a list that is read by growing id. Nothing is counted: counting is what makes
/// lists of large portals slow.
pub(super) fn listed(filter: &Value, select: &[impl AsRef<str>]) -> Value {
    let select: Vec<&str> = select.iter().map(AsRef::as_ref).collect();
    json!({"filter": filter, "select": select, "order": {"ID": "ASC"}, "start": -1})
}

/// A filter: what carries one of these origins of a shop.
pub(super) fn of_origins(shop: &str, origins: &[&str]) -> Value {
    json!({"ORIGINATOR_ID": shop, "@ORIGIN_ID": origins})
}

/// A filter: these ids.
pub(super) fn of_ids(ids: &[u64]) -> Value {
    json!({ "@ID": ids })
}

/// The id of a row.
pub(super) fn row_id(row: &Map<String, Value>) -> Option<u64> {
    row.get("ID").and_then(id)
}

/// The rows that carry this origin, with their ids.
pub(super) fn with_origin<'a>(
    rows: &'a [Map<String, Value>],
    origin: &str,
) -> Vec<(u64, &'a Map<String, Value>)> {
    rows.iter()
        .filter(|row| text(row.get("ORIGIN_ID")) == origin)
        .filter_map(|row| Some((row_id(row)?, row)))
        .collect()
}

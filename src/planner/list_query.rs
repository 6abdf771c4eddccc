//! List methods of the portal: how they are asked, and whose rows they show.

use super::json::{elements, id, list, text};
use serde_json::{Map, Value, json};

/// The most rows on a page of a list (vendor limit); a list filter is given as many ids or names at
/// the most.
pub(super) const PAGE: usize = 50;

/// The kinds of cards that stand for somebody who ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CardKind {
    Contact,
    Company,
}

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

/// A look-up of what carries one of these origins of a shop, and how far it was read: nothing
/// keeps several cards from carrying one origin, so that fifty may stand on more than a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OriginPage {
    shop: String,
    origins: Vec<String>,
    above: Option<u64>,
}

impl OriginPage {
    /// The first page.
    pub(super) fn first(shop: &str, origins: Vec<String>) -> Self {
        Self {
            shop: shop.to_owned(),
            origins,
            above: None,
        }
    }

    /// The parameters of the list method.
    pub(super) fn params(&self, select: &[impl AsRef<str>]) -> Value {
        let origins: Vec<&str> = self.origins.iter().map(String::as_str).collect();
        listed(&above(of_origins(&self.shop, &origins), self.above), select)
    }

    /// The page that follows these rows.
    pub(super) fn next(&self, rows: &[Map<String, Value>]) -> Option<Self> {
        let above = further(rows, self.above)?;
        Some(Self {
            above: Some(above),
            ..self.clone()
        })
    }
}

/// A filter that leaves out ids up to this one.
pub(super) fn above(mut filter: Value, id: Option<u64>) -> Value {
    if let Some(id) = id {
        filter[">ID"] = json!(id);
    }
    filter
}

/// Above which id a list goes on that was read above another one; `None` at its end. A portal that
/// shows the same page again is not followed for ever.
pub(super) fn further(rows: &[Map<String, Value>], above: Option<u64>) -> Option<u64> {
    let last = rows.iter().filter_map(row_id).max();
    last.filter(|_| rows.len() >= PAGE && last > above)
}

/// A filter: these ids.
pub(super) fn of_ids(ids: &[u64]) -> Value {
    json!({ "@ID": ids })
}

/// Whether a list was told: rows, each with its id, or none. Whatever else an answer holds says
/// nothing of what is not there.
pub(super) fn is_told(result: &Value) -> bool {
    let list = list(result);
    let is_row = |row: &Value| row.as_object().and_then(row_id).is_some();
    (list.is_array() || list.is_object()) && elements(list).into_iter().all(is_row)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_page_is_followed_by_the_next_and_never_by_itself() {
        let page = |ids: std::ops::Range<u64>| -> Vec<Map<String, Value>> {
            let row = |id| json!({"ID": id}).as_object().cloned();
            ids.filter_map(row).collect()
        };
        let first = OriginPage::first("main", vec!["A1".to_owned()]);
        assert_eq!(first.params(&["ID"])["filter"].get(">ID"), None);
        assert_eq!(first.next(&page(1..50)), None);
        let Some(second) = first.next(&page(1..51)) else {
            panic!("nothing follows a full page")
        };
        assert_eq!(second.params(&["ID"])["filter"][">ID"], 50);
        assert_eq!(second.next(&page(1..51)), None);
        assert!(second.next(&page(51..101)).is_some());
    }

    #[test]
    fn what_is_no_list_of_rows_tells_nothing_of_what_is_not_there() {
        for told in [
            json!([]),
            json!({}),
            json!([{"ID": "5"}]),
            json!({"items": [{"ID": 5}]}),
            json!({"items": []}),
            json!({"3": {"ID": "5"}}),
        ] {
            assert!(is_told(&told), "{told}");
        }
        for untold in [
            json!(null),
            json!(false),
            json!(""),
            json!(0),
            json!([[]]),
            json!([{"ID": "5"}, null]),
            json!([{"TITLE": "5"}]),
            json!({"items": null}),
            json!({"message": "later"}),
        ] {
            assert!(!is_told(&untold), "{untold}");
        }
    }
}

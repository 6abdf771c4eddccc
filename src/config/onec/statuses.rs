//! `[[onec.NAME.statuses]]`: the base's correspondence table.

use crate::{
    config::Problem,
    formats::onec::{OneCStatus, Way},
};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    status: String,
    id: Option<String>,
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    direction: Way,
    #[serde(default)]
    reverse: bool,
}

pub(super) fn check(raw: Vec<Raw>, base: &str, problems: &mut Vec<Problem>) -> Vec<OneCStatus> {
    let mut seen = BTreeSet::new();
    let mut rows = Vec::with_capacity(raw.len());
    for (nth, row) in raw.into_iter().enumerate() {
        let place = format!("{base}.statuses[{nth}]");
        if row.status.is_empty() {
            problems.push(Problem::new(&place, "a row needs a status", "fill it in"));
            continue;
        }
        if !seen.insert(row.status.clone()) {
            problems.push(Problem::new(
                &place,
                format!("the status `{}` stands in two rows", row.status),
                "keep one, and list further names in its `names`",
            ));
        }
        let id = row.id.filter(|id| !id.is_empty());
        rows.push(OneCStatus {
            id: id.unwrap_or_else(|| row.status.clone()),
            status: row.status,
            names: row.names,
            way: row.direction,
            reverse: row.reverse,
        });
    }
    ambiguous(&rows, base, problems);
    rows
}

/// Of several rows with one id or name exactly one must say that it is meant on the way back.
fn ambiguous(rows: &[OneCStatus], base: &str, problems: &mut Vec<Problem>) {
    let mut words: BTreeMap<String, Vec<&OneCStatus>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.way != Way::ToOnec) {
        let own: BTreeSet<String> = std::iter::once(&row.id)
            .chain(&row.names)
            .map(|word| word.to_lowercase())
            .collect();
        for word in own {
            words.entry(word).or_default().push(row);
        }
    }
    for (word, rows) in words.iter().filter(|(_, rows)| rows.len() > 1) {
        let meant = rows.iter().filter(|row| row.reverse).count();
        if meant != 1 {
            let statuses: Vec<&str> = rows.iter().map(|row| row.status.as_str()).collect();
            problems.push(Problem::new(
                format!("{base}.statuses"),
                format!("`{word}` would mean each of {}", statuses.join(", ")),
                "set `reverse` in one of the rows",
            ));
        }
    }
}

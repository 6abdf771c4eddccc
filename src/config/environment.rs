//! Every key by environment: `BRIDGE_PORTALS__MAIN__WEBHOOK_URL` is `portals.main.webhook_url`.

use std::collections::BTreeMap;
use toml::{Table, Value};

const PREFIX: &str = "BRIDGE_";
const SECTIONS: [&str; 8] = [
    "http",
    "database",
    "portals",
    "shops",
    "operators",
    "worker",
    "retention",
    "log",
];

/// Puts the environment's keys over the table's. Other variables with the prefix are not keys and are left alone.
pub(super) fn overlay(table: &mut Table, environment: &BTreeMap<String, String>) {
    for (name, text) in environment {
        let Some(path) = name.strip_prefix(PREFIX) else {
            continue;
        };
        let path: Vec<String> = path.split("__").map(str::to_lowercase).collect();
        if path.len() > 1
            && SECTIONS.contains(&path[0].as_str())
            && path.iter().all(|part| !part.is_empty())
        {
            set(table, &path, scalar(text));
        }
    }
    // The name that every Postgres tool knows.
    if let Some(url) = environment
        .get("DATABASE_URL")
        .filter(|url| !url.is_empty())
    {
        set(
            table,
            &["database".to_owned(), "url".to_owned()],
            Value::String(url.clone()),
        );
    }
}

fn set(table: &mut Table, path: &[String], value: Value) {
    let Some((first, rest)) = path.split_first() else {
        return;
    };
    // A name in the file may have capitals; variables are compared without case.
    let key = table
        .keys()
        .find(|key| key.eq_ignore_ascii_case(first))
        .unwrap_or(first)
        .clone();
    if rest.is_empty() {
        table.insert(key, value);
        return;
    }
    let entry = table
        .entry(key)
        .or_insert_with(|| Value::Table(Table::new()));
    if !entry.is_table() {
        *entry = Value::Table(Table::new());
    }
    if let Value::Table(inner) = entry {
        set(inner, rest, value);
    }
}

/// The text as TOML (a number, a boolean, an array, a table), else as the string it is.
fn scalar(text: &str) -> Value {
    toml::from_str::<Table>(&format!("value = {text}"))
        .ok()
        .and_then(|mut table| table.remove("value"))
        .unwrap_or_else(|| Value::String(text.to_owned()))
}

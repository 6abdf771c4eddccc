//! Every key by environment: `BRIDGE_PORTALS__MAIN__WEBHOOK_URL` is `portals.main.webhook_url`.

use super::error;
use crate::{
    config::{Problem, Raw},
    domain::nearest,
};
use serde::Deserialize as _;
use std::collections::BTreeMap;
use toml::{Table, Value};

const PREFIX: &str = "BRIDGE_";

/// Puts the environment's keys over the table's.
///
/// A variable with the prefix and a double underscore is a key; one that names none is a problem.
/// Other variables with the prefix (`BRIDGE_CONFIG`, say) are left alone.
pub(in crate::config) fn overlay(
    table: &mut Table,
    environment: &BTreeMap<String, String>,
) -> Vec<Problem> {
    let mut problems = Vec::new();
    for (name, text) in environment {
        let Some(path) = name.strip_prefix(PREFIX) else {
            continue;
        };
        let path: Vec<String> = path.split("__").map(str::to_lowercase).collect();
        if path.len() < 2 && !name.starts_with("BRIDGE__") {
            continue;
        }
        match unknown(name, &path, text) {
            Some(problem) => problems.push(problem),
            None => set(table, &path, scalar(text)),
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
    problems
}

/// What is wrong with a variable that names no key; the settings' own types say which keys exist.
fn unknown(name: &str, path: &[String], text: &str) -> Option<Problem> {
    let mut alone = Table::new();
    set(&mut alone, path, scalar(text));
    let fault = Raw::deserialize(Value::Table(alone)).err()?;
    let (wrong, known) = error::unknown_field(fault.message())?;
    let nearest = nearest(wrong, &known).map(|nearest| {
        let of = |part: &String| if part == wrong { nearest } else { part }.to_uppercase();
        let parts: Vec<String> = path.iter().map(of).collect();
        format!("did you mean `{PREFIX}{}`?", parts.join("__"))
    });
    let remedy = nearest.unwrap_or_else(|| format!("here can stand: {}", known.join(", ")));
    let sentence = format!("there is no key `{}`", path.join("."));
    Some(Problem::new(name, sentence, remedy))
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

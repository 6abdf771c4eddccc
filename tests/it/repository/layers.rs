//! The dependency rule of the crate docs, read from the source.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What each room may use. A room that is not named here may be used by nobody and fails the test.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("bug", &[]),
    ("backoff", &[]),
    ("embedded", &[]),
    ("sandbox", &[]),
    ("signals", &[]),
    ("doors", &[]),
    ("commerceml", &[]),
    ("planner", &["bug", "domain"]),
    ("stock", &["domain"]),
    ("decision", &["domain"]),
    ("woocommerce", &["domain"]),
    ("onec", &["commerceml", "domain"]),
    ("forms", &["domain"]),
    ("tills", &["domain", "stock"]),
    ("activities", &["domain"]),
    ("moysklad", &[]),
    ("bitrix24", &["doors", "backoff"]),
    ("callback", &[]),
    ("storage", &["domain"]),
    (
        "config",
        &[
            "callback",
            "commerceml",
            "domain",
            "doors",
            "onec",
            "stock",
            "tills",
        ],
    ),
    ("telemetry", &["domain"]),
    (
        "app",
        &[
            "activities",
            "bitrix24",
            "bug",
            "commerceml",
            "decision",
            "domain",
            "doors",
            "forms",
            "onec",
            "planner",
            "backoff",
            "stock",
            "storage",
            "telemetry",
            "tills",
            "woocommerce",
        ],
    ),
    (
        "worker",
        &[
            "app",
            "bitrix24",
            "bug",
            "callback",
            "domain",
            "doors",
            "moysklad",
            "planner",
            "backoff",
            "telemetry",
            "tills",
        ],
    ),
    (
        "http",
        &[
            "app",
            "bitrix24",
            "commerceml",
            "config",
            "domain",
            "doors",
            "forms",
            "onec",
            "stock",
            "telemetry",
            "tills",
            "woocommerce",
        ],
    ),
    (
        "console",
        &["app", "config", "domain", "doors", "telemetry"],
    ),
    (
        "cli",
        &[
            "app",
            "bitrix24",
            "callback",
            "commerceml",
            "config",
            "console",
            "domain",
            "doors",
            "embedded",
            "http",
            "signals",
            "moysklad",
            "onec",
            "sandbox",
            "stock",
            "storage",
            "telemetry",
            "worker",
        ],
    ),
];

/// Rooms without IO, time or chance.
const PURE: &[&str] = &[
    "domain",
    "planner",
    "decision",
    "stock",
    "woocommerce",
    "onec",
    "forms",
    "tills",
];
const IMPURE_WORDS: &[&str] = &[
    "tokio::",
    "sqlx::",
    "axum::",
    "reqwest::",
    "rand::",
    "std::fs",
    "std::net",
    "Utc::now",
    "Instant::now",
    "SystemTime",
];

#[test]
fn every_room_uses_only_the_rooms_below_it() {
    let allowed: BTreeMap<&str, BTreeSet<&str>> = MAY_USE
        .iter()
        .map(|(room, below)| (*room, below.iter().copied().collect()))
        .collect();
    let mut faults = Vec::new();
    for (room, file, text) in sources() {
        let Some(below) = allowed.get(room.as_str()) else {
            faults.push(format!(
                "{}: the room `{room}` has no row in the dependency rule",
                file.display()
            ));
            continue;
        };
        for used in used_rooms(&text) {
            if used != room && !below.contains(used.as_str()) {
                faults.push(format!("{}: `{room}` may not use `{used}`", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn pure_rooms_know_no_io_no_clock_and_no_chance() {
    let mut faults = Vec::new();
    for (room, file, text) in sources() {
        if PURE.contains(&room.as_str()) {
            let production = text.split("#[cfg(test)]").next().unwrap_or_default();
            for word in IMPURE_WORDS
                .iter()
                .filter(|word| production.contains(**word))
            {
                faults.push(format!("{}: `{word}` in a pure room", file.display()));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// The rooms that may speak to the database: `cli` and `embedded` open it.
const WITH_SQL: &[&str] = &["app", "cli", "embedded", "storage"];

#[test]
fn sql_and_transactions_are_of_storage_and_the_use_cases_alone() {
    let mut faults = Vec::new();
    for (room, file, text) in sources() {
        let production = text.split("#[cfg(test)]").next().unwrap_or_default();
        let speaks = ["sqlx::", "PgPool", ".pool()"];
        if !WITH_SQL.contains(&room.as_str()) && speaks.iter().any(|word| production.contains(word))
        {
            faults.push(format!("{}: the database in `{room}`", file.display()));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// (room, path, text) of every source file except `main.rs` and `lib.rs`.
fn sources() -> Vec<(String, PathBuf, String)> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![src.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") {
                let inside = path.strip_prefix(&src).unwrap();
                let first = inside
                    .components()
                    .next()
                    .unwrap()
                    .as_os_str()
                    .to_string_lossy()
                    .into_owned();
                let room = first.trim_end_matches(".rs").to_owned();
                if room != "main" && room != "lib" {
                    found.push((room, path.clone(), fs::read_to_string(&path).unwrap()));
                }
            }
        }
    }
    assert!(
        found.len() > 20,
        "the walk found only {} files",
        found.len()
    );
    found
}

/// The rooms named after `crate::`, also inside `use crate::{a::…, b}`. Comments count: a doc link
/// is a use.
fn used_rooms(text: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        if let Some(group) = rest.strip_prefix('{') {
            let mut depth = 1;
            let mut at_name = true;
            let mut name = String::new();
            for c in group.chars() {
                match c {
                    '{' => depth += 1,
                    '}' => depth -= 1,
                    ',' if depth == 1 => at_name = true,
                    _ => {}
                }
                if depth == 1 && at_name && (c.is_alphanumeric() || c == '_') {
                    name.push(c);
                } else if !name.is_empty() {
                    rooms.insert(std::mem::take(&mut name));
                    at_name = false;
                }
                if depth == 0 {
                    break;
                }
            }
        } else {
            rooms.insert(
                rest.chars()
                    .take_while(|c| c.is_alphanumeric() || *c == '_')
                    .collect(),
            );
        }
    }
    rooms
}

//! The dependency rule of the crate docs, read from the source.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// Folders that only gather rooms: a room in one is named `folder::room`.
const GATHER: &[&str] = &["clients", "formats", "process"];

/// What each room may use. A room that is not named here may be used by nobody and fails the test.
const MAY_USE: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("process::bug", &[]),
    ("process::backoff", &[]),
    ("process::embedded", &[]),
    ("sandbox", &[]),
    ("process::signals", &[]),
    ("process::doors", &[]),
    ("formats::commerceml", &["domain"]),
    ("planner", &["process::bug", "domain"]),
    ("stock", &["domain"]),
    ("decision", &["domain"]),
    ("formats::woocommerce", &["domain"]),
    ("formats::tills", &["domain", "stock"]),
    (
        "formats::onec",
        &["formats::commerceml", "domain", "formats::tills"],
    ),
    ("formats::forms", &["domain"]),
    ("activities", &["domain"]),
    ("clients::connections", &[]),
    ("clients::moysklad", &["clients::connections"]),
    (
        "clients::bitrix24",
        &["clients::connections", "process::doors", "process::backoff"],
    ),
    ("clients::callback", &["clients::connections"]),
    ("clients::pictures", &["clients::connections", "domain"]),
    (
        "clients::onec",
        &["clients::connections", "process::telemetry"],
    ),
    ("auth", &["domain", "process::doors"]),
    ("storage", &["domain"]),
    (
        "config",
        &[
            "auth",
            "clients::callback",
            "formats::commerceml",
            "domain",
            "process::doors",
            "formats::onec",
            "stock",
            "formats::tills",
        ],
    ),
    ("process::telemetry", &["domain"]),
    (
        "app",
        &[
            "activities",
            "clients::bitrix24",
            "process::bug",
            "formats::commerceml",
            "decision",
            "domain",
            "process::doors",
            "formats::forms",
            "formats::onec",
            "planner",
            "process::backoff",
            "stock",
            "storage",
            "process::telemetry",
            "formats::tills",
            "formats::woocommerce",
        ],
    ),
    (
        "worker",
        &[
            "app",
            "clients::bitrix24",
            "process::bug",
            "clients::callback",
            "domain",
            "process::doors",
            "clients::moysklad",
            "clients::onec",
            "clients::pictures",
            "planner",
            "process::backoff",
            "process::telemetry",
            "formats::tills",
        ],
    ),
    (
        "http",
        &[
            "app",
            "auth",
            "clients::bitrix24",
            "formats::commerceml",
            "config",
            "domain",
            "process::doors",
            "formats::forms",
            "formats::onec",
            "stock",
            "process::telemetry",
            "formats::tills",
            "formats::woocommerce",
        ],
    ),
    (
        "console",
        &[
            "app",
            "auth",
            "config",
            "domain",
            "process::doors",
            "process::telemetry",
        ],
    ),
    (
        "cli",
        &[
            "app",
            "auth",
            "clients::bitrix24",
            "clients::callback",
            "clients::connections",
            "formats::commerceml",
            "config",
            "console",
            "domain",
            "process::doors",
            "process::embedded",
            "http",
            "process::signals",
            "clients::moysklad",
            "clients::onec",
            "formats::onec",
            "formats::tills",
            "sandbox",
            "stock",
            "storage",
            "process::telemetry",
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
    "formats::woocommerce",
    "formats::onec",
    "formats::forms",
    "formats::tills",
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
const WITH_SQL: &[&str] = &["app", "cli", "process::embedded", "storage"];

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

#[test]
fn a_handler_takes_the_handles_that_it_uses_and_never_the_whole() {
    let with_handlers = ["http", "console"];
    let all = sources().into_iter();
    let whole = all.filter(|(room, _, text)| {
        with_handlers.contains(&room.as_str()) && text.contains("Extract<State>")
    });
    let whole: Vec<_> = whole.map(|(_, file, _)| file).collect();
    assert!(
        whole.is_empty(),
        "give them `FromRef` of what they use: {whole:?}"
    );
}

/// (room, path, text) of every source file except `main.rs`, `lib.rs` and what only gathers rooms.
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
                let inside = path.strip_prefix(&src).unwrap().with_extension("");
                let names: Vec<String> = inside
                    .components()
                    .map(|part| part.as_os_str().to_string_lossy().into_owned())
                    .collect();
                let room = room(names.iter().map(String::as_str));
                if let Some(room) = room.filter(|room| room != "main" && room != "lib") {
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

/// The room that a path from the crate's root leads into, if it goes further than a folder that
/// only gathers rooms.
fn room<'a>(mut path: impl Iterator<Item = &'a str>) -> Option<String> {
    let first = path.next()?;
    if !GATHER.contains(&first) {
        return Some(first.to_owned());
    }
    let second = path.next().filter(|name| *name != "mod")?;
    Some(format!("{first}::{second}"))
}

/// The rooms named after `crate::`, also inside `use crate::{a::…, b::{…}}`. Comments count: a doc
/// link is a use.
fn used_rooms(text: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for rest in text.split("crate::").skip(1) {
        let mut paths = Vec::new();
        names(rest, &mut Vec::new(), &mut paths);
        rooms.extend(
            paths
                .iter()
                .filter_map(|path| room(path.iter().map(String::as_str))),
        );
    }
    rooms
}

/// Reads one tree of paths, to the depth of a room; returns what follows it.
pub(super) fn names<'a>(
    text: &'a str,
    above: &mut Vec<String>,
    found: &mut Vec<Vec<String>>,
) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = names(rest, above, found).trim_start();
            match rest.strip_prefix(',') {
                Some(more) => rest = more,
                None => return rest.strip_prefix('}').unwrap_or(rest),
            }
        }
    }
    let end = text
        .find(|c: char| !c.is_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if name.is_empty() {
        return rest;
    }
    above.push(name.to_owned());
    let rest = if let Some(deeper) = rest.strip_prefix("::") {
        names(deeper, above, found)
    } else {
        found.push(above.clone());
        // The rest of this path: `as other`, or `*`.
        let end = rest.find([',', '}', ';']).unwrap_or(rest.len());
        &rest[end..]
    };
    above.pop();
    rest
}

#[test]
fn rooms_are_found_in_every_form_of_a_path() {
    let text = "use crate::{clients::{bitrix24::{self, Client}, callback}, domain::X as Y, bug};\n\
                crate::process::doors::take(); [`crate::http`]";
    let found: Vec<String> = used_rooms(text).into_iter().collect();
    let rooms = [
        "bug",
        "clients::bitrix24",
        "clients::callback",
        "domain",
        "http",
    ];
    assert_eq!(found[..5], rooms);
    assert_eq!(found[5..], ["process::doors"]);
}

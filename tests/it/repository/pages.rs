//! What the pages name is there: settings, commands, routes, meters, codes, tables, files.

use b24_bridge::{
    config::Config,
    domain::ErrorCode,
    http,
    process::telemetry::metric_catalog::{MetricSpec, TABLE},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// The project.
pub(super) fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A file of the project, by its path from the top.
pub(super) fn page(path: &str) -> String {
    let path = top().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files below some folders that end so, by their paths from the top.
fn files(folders: &[&str], end: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| top().join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|its| its == end) {
                let path = path.strip_prefix(top()).unwrap();
                found.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// All pages that people read.
pub(super) fn all() -> Vec<String> {
    let mut pages = files(&["deploy"], "md");
    pages.push("README.md".to_owned());
    pages
}

/// The pages that are written by hand.
pub(super) fn by_hand() -> Vec<String> {
    let mut pages = all();
    pages.retain(|path| path != "deploy/meters.md" && !path.starts_with("deploy/runbook/"));
    pages
}

/// What stands in a page's fenced blocks of one language, without the indentation of a list.
fn blocks(page: &str, fence: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut open: Option<(bool, usize)> = None;
    for line in page.lines() {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        match (open, text.strip_prefix("```")) {
            (None, Some(language)) => {
                open = Some((language == fence, indent));
                if language == fence {
                    found.push(String::new());
                }
            }
            (Some(_), Some(_)) => open = None,
            (Some((true, indent)), None) => {
                let block = found.last_mut().unwrap();
                block.push_str(line.get(indent..).unwrap_or_default());
                block.push('\n');
            }
            _ => {}
        }
    }
    found
}

/// What stands between backticks in a page's running text, each on one line.
fn inline(page: &str) -> Vec<String> {
    let mut fenced = false;
    let mut text = String::new();
    for line in page.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            text.push_str(line.trim());
            text.push('\n');
        }
    }
    let parts = text.split('`').skip(1).step_by(2);
    parts.map(|part| part.replace('\n', " ")).collect()
}

/// The longest runs of such characters in a text.
fn words(text: &str, of: impl Fn(char) -> bool) -> BTreeSet<String> {
    let words = text.split(|c| !of(c)).filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}

/// Lays one table of settings over another.
pub(super) fn merge(into: &mut toml::Table, more: toml::Table) {
    for (key, value) in more {
        match (into.get_mut(&key), value) {
            (Some(toml::Value::Table(there)), toml::Value::Table(value)) => merge(there, value),
            (_, value) => drop(into.insert(key, value)),
        }
    }
}

/// The settings on a page: each block with the lines that continue it, and its gaps filled in.
fn settings(page: &str) -> Vec<toml::Table> {
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$MDEyMzQ1Njc4OWFiY2RlZg$\
                b3g5JRRwHhH5ONrOIQnKHKbrAWdrJM42OFmVKwJpIfk";
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let mut found: Vec<String> = Vec::new();
    for block in blocks(page, "toml") {
        let block = block.replace("$argon2id$…", hash);
        let block = block.replace("whsec_…", secret);
        match found.last_mut() {
            Some(before) if !block.trim_start().starts_with('[') => {
                before.push_str(&block);
            }
            _ => found.push(block),
        }
    }
    let tables = found.iter().map(|block| block.parse::<toml::Table>());
    tables.map(Result::unwrap).collect()
}

#[test]
fn all_settings_of_the_pages_are_settings() {
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let environment = [("BRIDGE_DATABASE__TOKEN_KEY".to_owned(), key.to_owned())];
    let connect = settings(&page("deploy/connect.md")).remove(0);
    let mut seen = 0;
    for path in all() {
        // A page's later blocks are added to its earlier ones.
        let mut whole = connect.clone();
        for block in settings(&page(&path)) {
            let portal = block.get("portals").and_then(|all| all.get("main"));
            if portal.is_some_and(|portal| portal.get("app").is_some()) {
                let main = whole["portals"]["main"].as_table_mut().unwrap();
                main.remove("webhook_url");
            }
            merge(&mut whole, block);
            let text = whole.to_string();
            let config = Config::parse(&text, &BTreeMap::from(environment.clone()));
            assert!(config.is_ok(), "{path}: {}\n{text}", config.unwrap_err());
            seen += 1;
        }
    }
    assert!(seen >= 9, "only {seen} blocks of settings were found");
}

/// The commands of a page that are told without the program's name, or behind a pipe.
fn short_commands(page: &str, known: &BTreeSet<String>) -> BTreeSet<String> {
    let lines = blocks(page, "sh").join("\n").replace("\\\n", " ");
    let piped = lines.lines().map(str::to_owned).chain(inline(page));
    let piped: Vec<String> = piped
        .filter(|line| line.contains("| b24-bridge "))
        .collect();
    let piped = piped
        .iter()
        .filter_map(|line| line.split_once("| b24-bridge "));
    let alone = |(_, command): (&str, &str)| command.split(['>', '&']).next().map(str::to_owned);
    let piped = piped.filter_map(alone);
    let named = inline(page).into_iter().filter(|text| {
        let mut words = text.split_whitespace();
        let first = words.next().is_some_and(|word| known.contains(word));
        first && words.next().is_some() && !text.contains(['=', ';', '>'])
    });
    piped.chain(named).collect()
}

#[test]
fn commands_that_are_told_short_are_understood() {
    let run = |words: &[&str]| {
        let program = env!("CARGO_BIN_EXE_b24-bridge");
        let done = Command::new(program).args(words).output().unwrap();
        let said = [done.stdout, done.stderr].concat();
        (done.status.success(), String::from_utf8(said).unwrap())
    };
    let (_, help) = run(&["help"]);
    let commands = help.lines().filter(|line| line.starts_with("  "));
    let known: BTreeSet<String> = commands
        .filter_map(|line| line.split_whitespace().next())
        .filter(|word| word.starts_with(|c: char| c.is_ascii_lowercase()) && *word != "b24-bridge")
        .map(str::to_owned)
        .collect();
    assert!(known.contains("dead-letters"), "{help}");
    let mut seen = BTreeSet::new();
    for path in by_hand() {
        for command in short_commands(&page(&path), &known) {
            // A word in capitals stands for a number or a name of the reader's.
            let capital = |word: &str| word.chars().all(|c| c.is_ascii_uppercase());
            let words = command.split_whitespace();
            let words = words.map(|word| if capital(word) { "1" } else { word });
            let words: Vec<&str> = words.chain(["--help"]).collect();
            let (understood, said) = run(&words);
            assert!(understood, "{path}: `{command}`: {said}");
            seen.insert(command);
        }
    }
    assert!(seen.len() >= 12, "{seen:?}");
}

/// Whether a route of the API's description fits a path, whose rest may be left out by `…`.
fn fits(route: &str, path: &str) -> bool {
    let mut parts = route.split('/');
    for part in path.split('/') {
        match parts.next() {
            _ if part == "…" => return true,
            Some(own) if own == part || (own.starts_with('{') && !part.is_empty()) => {}
            _ => return false,
        }
    }
    parts.next().is_none()
}

#[test]
fn every_route_that_a_page_names_is_there() {
    let document = serde_json::to_value(http::document()).unwrap();
    let routes = document["paths"].as_object().unwrap();
    let mut seen = BTreeSet::new();
    for path in all() {
        let text = page(&path);
        let ends = |c: char| c.is_whitespace() || "`\"'?,;()<>─".contains(c);
        for word in text.split(ends) {
            let hosts = [
                "https://bridge.example",
                "https://BRIDGE",
                "http://127.0.0.1:8080",
            ];
            let host = hosts.iter().find_map(|host| word.strip_prefix(host));
            let route = host.unwrap_or(word).trim_end_matches(['.', ':']);
            let ours = ["/v1/", "/webhooks/", "/forms/", "/openapi.json", "/readyz"];
            if !ours.iter().any(|start| route.starts_with(start)) {
                continue;
            }
            let known = routes.keys().any(|own| fits(own, route));
            assert!(known, "{path}: the API has no `{route}`");
            seen.insert(route.to_owned());
        }
    }
    assert!(seen.len() >= 15, "{seen:?}");
}

#[test]
fn every_meter_that_a_page_names_is_there() {
    let of = |meter: &MetricSpec| [vec![meter.name.to_owned()], meter.series()].concat();
    let known: BTreeSet<String> = TABLE.iter().flat_map(of).collect();
    let mut seen = 0;
    for path in all() {
        let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        for word in words(&page(&path), name) {
            if word.starts_with("bridge_") {
                assert!(
                    known.contains(&word),
                    "{path}: no meter is read as `{word}`"
                );
                seen += 1;
            }
        }
    }
    assert!(seen >= TABLE.len());
}

#[test]
fn every_code_that_a_page_names_is_there() {
    let families = ErrorCode::ALL.iter().map(|code| code.as_str());
    let families: BTreeSet<&str> = families.filter_map(|code| code.split('-').next()).collect();
    let mut seen = 0;
    for path in all() {
        let name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
        for word in words(&page(&path), name) {
            let Some((family, rest)) = word.split_once('-') else {
                continue;
            };
            if families.contains(family) && rest.len() > 1 {
                let known = ErrorCode::parse(&word).is_some();
                assert!(known, "{path}: there is no code `{word}`");
                seen += 1;
            }
        }
    }
    assert!(seen >= ErrorCode::ALL.len());
}

#[test]
fn every_table_view_and_function_that_a_page_names_is_made_by_a_migration() {
    let migrations: String = files(&["migrations"], "sql")
        .iter()
        .map(|path| page(path))
        .collect();
    let name = |c: char| c.is_ascii_lowercase() || c == '_' || c == '.';
    let made = words(&migrations, name);
    let mut seen = BTreeSet::new();
    for path in all() {
        let text = page(&path);
        let code = [inline(&text), blocks(&text, "sh"), blocks(&text, "sql")].concat();
        for word in code.iter().flat_map(|code| words(code, name)) {
            let Some(object) = word.strip_prefix("bridge.") else {
                continue;
            };
            // The bridge's own address, its files and the types of its messages are written alike.
            let others = [
                "example", "sh", "py", "mjs", "php", "dump", "service", "yaml", "toml",
            ];
            let is_message = object.rsplit('.').next() == Some("v");
            if is_message || others.iter().any(|other| object.starts_with(other)) {
                continue;
            }
            let known = made.contains(&word);
            assert!(known, "{path}: no migration makes `{word}`");
            seen.insert(word);
        }
    }
    assert!(seen.len() >= 9, "{seen:?}");
}

#[test]
fn every_file_that_a_page_names_is_there() {
    let mut seen = 0;
    for path in by_hand() {
        for code in inline(&page(&path)) {
            let ours = ["src/", "tests/", "migrations/", "deploy/", ".ci/"];
            let file = ours.iter().any(|start| code.starts_with(start));
            if !file || code.contains("YYYY") || code == "tests/run.php" {
                continue;
            }
            assert!(top().join(&code).exists(), "{path}: there is no `{code}`");
            seen += 1;
        }
    }
    assert!(seen >= 40, "only {seen} files were found");
}

#[test]
fn every_name_of_the_code_that_the_recipes_use_is_in_the_code() {
    let sources: String = files(&["src", "tests"], "rs")
        .iter()
        .filter(|path| !path.ends_with("repository/pages.rs"))
        .map(|path| page(path))
        .collect();
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let known = words(&sources, is_name);
    let (mut seen, mut recipe) = (BTreeSet::new(), false);
    let text = page("deploy/contributing.md");
    for line in text.lines() {
        recipe = if line.starts_with("## ") {
            line.starts_with("## Add ")
        } else {
            recipe
        };
        for code in inline(if recipe { line } else { "" }) {
            let name = code.trim_end_matches('!');
            if name.chars().all(|c| is_name(c) || c == ':') {
                for part in words(name, is_name) {
                    assert!(known.contains(&part), "the code has no `{part}`: {line}");
                    seen.insert(part);
                }
            }
        }
    }
    assert!(seen.len() >= 40, "{seen:?}");
}

/// Why a command of the page for those who carry on is known to work; a panic if nothing tells.
fn checked(line: &str) -> &'static str {
    let steps = [".ci/run", ".ci/sqlx"].map(page).concat();
    if steps.lines().any(|own| own.trim() == line) {
        return "CI runs it";
    }
    if page("README.md").contains(&format!("```sh\n{line}\n```")) {
        return "CI runs it by the README";
    }
    let words: Vec<&str> = line.split_whitespace().collect();
    let after = |word: &str| words.iter().skip_while(|own| **own != word).nth(1);
    let manifest = page("Cargo.toml").parse::<toml::Table>().unwrap();
    let sources = files(&["tests"], "rs");
    let sources = sources.iter().filter(|path| !path.contains("/repository/"));
    let sources: String = sources.map(|path| page(path)).collect();
    for (name, _) in words.iter().filter_map(|word| word.split_once('=')) {
        assert!(
            sources.contains(&format!("\"{name}\"")),
            "no test reads {name}"
        );
    }
    let cargo = words.iter().position(|word| *word == "cargo").unwrap();
    match words[cargo + 1] {
        "build" => match after("--profile") {
            None => "the tests are built alike",
            Some(profile) => {
                assert!(manifest["profile"].get(profile).is_some(), "{line}");
                "the profile is there"
            }
        },
        "bench" => {
            let name = *after("--bench").unwrap();
            let benches = manifest["bench"].as_array().unwrap();
            assert!(
                benches
                    .iter()
                    .any(|bench| bench["name"].as_str() == Some(name))
            );
            "the benchmark is there"
        }
        "test" => {
            let part = words.iter().find(|word| word.contains("::")).unwrap();
            let module = format!("tests/it/{}", part.trim_end_matches(':').replace("::", "/"));
            let there = |path: String| top().join(path).exists();
            assert!(there(format!("{module}.rs")) || there(module), "{line}");
            "the module is there"
        }
        other => panic!("nothing tells that `cargo {other}` works: {line}"),
    }
}

#[test]
fn the_commands_to_carry_it_on_are_those_of_ci_or_name_what_is_there() {
    let blocks = blocks(&page("deploy/contributing.md"), "sh");
    let lines: Vec<&str> = blocks.iter().flat_map(|block| block.lines()).collect();
    let by_ci = lines.iter().filter(|line| checked(line).starts_with("CI"));
    assert!(by_ci.count() >= 3 && lines.len() >= 7, "{lines:?}");
}

#[test]
fn a_migration_is_named_by_the_time_at_which_it_was_written() {
    let mut last = String::new();
    for path in files(&["migrations"], "sql") {
        let name = path.trim_start_matches("migrations/");
        let (time, what) = name.split_once('_').unwrap();
        assert!(what.len() > 4 && time > last.as_str(), "{name}");
        // The first ones were numbered.
        let numbered = time.starts_with("20261121");
        let read = chrono::NaiveDateTime::parse_from_str(time, "%Y%m%d%H%M%S");
        assert!(numbered || (time.len() == 14 && read.is_ok()), "{name}");
        time.clone_into(&mut last);
    }
}

//! What lies in `deploy/` speaks of what is there: names of meters, pages for alerts and codes.
//!
//! `UPDATE=1 cargo test --test it deployment` writes the generated pages anew.

use b24_bridge::{
    domain::ErrorCode,
    process::telemetry::{
        logging,
        metric_catalog::{Kind, MetricSpec, TABLE, Unit},
    },
};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::PathBuf,
};

fn deploy(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(deploy(path)).unwrap_or_else(|error| panic!("deploy/{path}: {error}"))
}

/// The file's text is what the code says; with `UPDATE` in the environment it is made so.
fn generated(path: &str, text: &str) {
    if std::env::var_os("UPDATE").is_some() {
        fs::write(deploy(path), text).unwrap();
    }
    assert!(
        read(path) == text,
        "deploy/{path} is stale: run `UPDATE=1 cargo test --test it deployment`"
    );
}

/// The names of the files in a folder, without their ending.
fn pages(folder: &str) -> BTreeSet<String> {
    fs::read_dir(deploy(folder))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            path.file_stem().unwrap().to_string_lossy().into_owned()
        })
        .collect()
}

/// The meters by the names under which they are queried.
fn series() -> BTreeMap<String, &'static MetricSpec> {
    let of = |meter: &'static MetricSpec| meter.series().into_iter().map(move |name| (name, meter));
    TABLE.iter().flat_map(of).collect()
}

/// Every meter that an expression names, with the labels it asks for.
fn named(expression: &str) -> Vec<(String, Vec<String>)> {
    let mut found = Vec::new();
    let mut rest = expression;
    while let Some(at) = rest.find("bridge_") {
        let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        rest = &rest[at..];
        let end = rest.find(|c| !word(c)).unwrap_or(rest.len());
        let name = rest[..end].to_owned();
        rest = &rest[end..];
        let mut labels = Vec::new();
        if let Some(inside) = rest.strip_prefix('{') {
            let inside = &inside[..inside.find('}').expect("a closed brace")];
            for part in inside.split(',') {
                let label = part.trim().split(|c| !word(c)).next().unwrap();
                labels.push(label.to_owned());
            }
        }
        found.push((name, labels));
    }
    found
}

fn check(expressions: &[String]) {
    let series = series();
    let mut seen = 0;
    for expression in expressions {
        for (name, labels) in named(expression) {
            let meter = series
                .get(&name)
                .unwrap_or_else(|| panic!("no meter is read as `{name}`: {expression}"));
            seen += 1;
            for label in labels {
                assert!(
                    meter.labels.contains(&label.as_str()),
                    "`{name}` has no label `{label}`: {expression}"
                );
            }
        }
    }
    assert!(
        seen >= 15,
        "only {seen} names were found: is this read at all?"
    );
}

/// The values of a key in YAML of which only single lines and folded ones are used.
fn values(text: &str, key: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (nth, line) in lines.iter().enumerate() {
        let trimmed = line.trim_start().trim_start_matches("- ");
        let Some(value) = trimmed.strip_prefix(key).and_then(|v| v.strip_prefix(": ")) else {
            continue;
        };
        if value == ">-" {
            let indent = |line: &str| line.len() - line.trim_start().len();
            let own = indent(line);
            let folded = lines[nth + 1..]
                .iter()
                .take_while(|next| indent(next) > own);
            found.push(folded.map(|part| part.trim()).collect::<Vec<_>>().join(" "));
        } else {
            found.push(value.trim_matches('"').to_owned());
        }
    }
    found
}

fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (key, value) in members {
                match value {
                    Value::String(text) if key == "expr" => found.push(text.clone()),
                    other => expressions(other, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| expressions(item, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_reads_only_meters_that_are_there_and_leaves_none_out() {
    let dashboard: Value = serde_json::from_str(&read("grafana/dashboard.json")).unwrap();
    let mut found = Vec::new();
    expressions(&dashboard, &mut found);
    check(&found);
    let shown = found.join("\n");
    for meter in TABLE {
        assert!(shown.contains(meter.name), "{} is not shown", meter.name);
    }
}

#[test]
fn the_alert_rules_read_only_meters_that_are_there_and_name_codes_that_are_there() {
    let rules = read("prometheus/alerts.yaml");
    let found = values(&rules, "expr");
    assert_eq!(found.len(), values(&rules, "alert").len());
    check(&found);
    for code in found.iter().flat_map(|text| text.split('"')) {
        if code.starts_with("B24-") {
            assert!(ErrorCode::parse(code).is_some(), "{code}");
        }
    }
}

#[test]
fn every_alert_has_its_page_and_every_page_its_alert() {
    let rules = read("prometheus/alerts.yaml");
    let alerts: BTreeSet<String> = values(&rules, "alert").into_iter().collect();
    assert!(alerts.len() >= 15);
    assert_eq!(alerts, pages("runbook/alerts"));
    for alert in &alerts {
        let page = read(&format!("runbook/alerts/{alert}.md"));
        assert!(page.starts_with(&format!("# {alert}\n")), "{alert}");
        for part in ["## What it means", "## Look", "## Do", "## Afterwards"] {
            assert!(page.contains(part), "{alert} lacks `{part}`");
        }
        for (name, _) in named(&page) {
            let plain = TABLE.iter().any(|meter| meter.name == name);
            assert!(plain || series().contains_key(&name), "{alert}: `{name}`");
        }
    }
    for page in values(&rules, "runbook") {
        let page = page.trim_start_matches("deploy/");
        assert!(page.contains("{{") || deploy(page).is_file(), "{page}");
    }
}

#[test]
fn every_code_has_its_page_and_every_page_its_code() {
    for code in ErrorCode::ALL {
        generated(&format!("runbook/codes/{code}.md"), &page(*code));
    }
    let codes = ErrorCode::ALL.iter().map(|code| code.as_str().to_owned());
    assert_eq!(codes.collect::<BTreeSet<_>>(), pages("runbook/codes"));
}

#[test]
fn the_page_of_troubles_is_what_an_operators_walk_has_seen() {
    let mut text = String::from(
        "# What can go wrong, and where it is seen and fixed\n\nEach row is a scene of the tests: \
         the trouble is made with the sandbox portal, the console's overview tells it within ten \
         seconds in the words below and with a button that leads to where it is fixed, and says \
         that everything flows once it is. Written by `UPDATE=1 cargo test --test it \
         deployment`.\n\n| trouble | shown at | what the overview says | what it says to do | how \
         it is fixed |\n|---|---|---|---|---|\n",
    );
    for trouble in crate::operators::console::walk::all() {
        let place = match trouble.place {
            crate::operators::console::walk::Place::Portal => "the portal",
            crate::operators::console::walk::Place::Shop => "the shop",
            crate::operators::console::walk::Place::Callback => "telling the shop",
        };
        let code = trouble.code;
        writeln!(
            text,
            "| {} | {place} | [{code}](codes/{code}.md): {} | {} | {} |",
            trouble.what,
            code.sentence(),
            code.remedy(),
            trouble.mended
        )
        .unwrap();
    }
    generated("runbook/troubles.md", &text);
}

fn page(code: ErrorCode) -> String {
    let whom = match code.as_str().split('-').next() {
        Some("B24") => "Bitrix24 says it, or its silence does.",
        Some("MAP") => "The configuration and the portal do not fit together.",
        Some("ONEC") => "It concerns the exchange with 1C.",
        Some("TILL") => "It concerns receipts of tills.",
        Some("CAT") => "It concerns products on their way to the portal's catalogue.",
        Some("FORM") => "It concerns what a form of the shop's site has sent.",
        Some("SHOP") => "It concerns what a shop, or a person with a key, sends or is sent.",
        _ => "The bridge itself says it.",
    };
    format!(
        "# {code}\n\n{sentence}\n\n**What to do:** {remedy}\n\n{whom}\n\n## Look\n\n- `b24-bridge \
         dead-letters list --code {code}`: the letters that carry it, each with the exact \
         words.\n- `b24-bridge status`: a lane that stands still shows its code.\n- `b24-bridge \
         doctor`: checks the configuration, the database and the portals, and names every \
         remedy.\n\nIn the database: `SELECT * FROM bridge.open_dead_letters WHERE code = '{code}' \
         ORDER BY id;`\n",
        sentence = code.sentence(),
        remedy = code.remedy(),
    )
}

#[test]
fn the_page_of_meters_and_log_fields_is_what_the_code_says() {
    let mut text = String::from(
        "# Meters and log fields\n\nWritten from the code by `UPDATE=1 cargo test --test it \
         deployment`.\n\n## Meters\n\n`GET /metrics`, OpenMetrics text. A counter is read as \
         `NAME_total`, a histogram as `NAME_bucket`, `NAME_sum`, `NAME_count`. A family has at \
         most 500 series; what comes beyond is counted under the label value `other`.\n\n| name | \
         type | unit | labels | what it tells |\n|---|---|---|---|---|\n",
    );
    for meter in TABLE {
        let kind = match meter.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        let unit = match meter.unit {
            Unit::Count => "",
            Unit::Seconds => "seconds",
        };
        let labels = meter.labels.join(", ");
        writeln!(
            text,
            "| `{}` | {kind} | {unit} | {labels} | {} |",
            meter.name, meter.help
        )
        .unwrap();
    }
    text += "\n## Log fields\n\nOn stderr; `[log] format = \"json\"` makes each line one JSON \
             object with `timestamp`, `level`, `target`, `message` and the fields below. Neither \
             keys, tokens, webhook addresses nor anything of a customer is in a line.\n\n| message \
             | field | meaning |\n|---|---|---|\n";
    for (line, field, meaning) in logging::FIELDS {
        writeln!(text, "| `{line}` | `{field}` | {meaning} |").unwrap();
    }
    generated("meters.md", &text);
}

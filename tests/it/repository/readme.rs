//! The front door and the pages behind it are true.

use b24_bridge::{config::Config, domain::Event};
use std::{collections::BTreeMap, fs, path::Path};

const FRONT_DOORS: [&str; 2] = ["README.md", "deploy/README.ru.md"];

/// A file of the project, by its path from the top.
fn page(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The pages that people read: the front doors, and what lies beside them in `deploy`.
fn pages() -> Vec<String> {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("deploy");
    let names = fs::read_dir(deploy).unwrap().map(|entry| {
        let name = entry.unwrap().file_name().into_string().unwrap();
        format!("deploy/{name}")
    });
    let is_page = |name: &String| Path::new(name).extension().is_some_and(|end| end == "md");
    let mut pages: Vec<String> = names.filter(is_page).collect();
    pages.push("README.md".to_owned());
    pages.sort();
    pages
}

/// The first fenced block after a word, without the indentation of its list.
fn block(page: &str, after: &str, fence: &str) -> String {
    let rest = &page[page.find(after).unwrap()..];
    let start = rest.find(fence).unwrap() + fence.len();
    let inner = &rest[start..];
    inner[..inner.find("```").unwrap()]
        .lines()
        .map(|line| line.strip_prefix("   ").unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n")
}

/// What a front door gives as its commands: the name of each, and its block.
fn commands(page: &str) -> Vec<(String, String)> {
    let marked = page.split("<!-- command: ").skip(1).map(|rest| {
        let (name, rest) = rest.split_once(" -->").unwrap();
        (
            name.to_owned(),
            block(rest, "", "```sh\n").trim().to_owned(),
        )
    });
    marked.collect()
}

#[test]
fn the_front_door_is_one_page() {
    let page = page("README.md");
    assert!(page.lines().count() <= 110, "{}", page.lines().count());
    for front_door in FRONT_DOORS {
        for (at, line) in self::page(front_door).lines().enumerate() {
            let wide = line.chars().count();
            assert!(wide <= 100, "{front_door}:{}: {wide} columns", at + 1);
        }
    }
}

#[test]
fn both_front_doors_give_the_same_commands_and_lead_to_the_same_pages() {
    let [english, russian] = FRONT_DOORS.map(page);
    assert_eq!(commands(&english).len(), 2);
    assert_eq!(commands(&english), commands(&russian));
    let led_to = |door: &str, page: &str| {
        let mut to: Vec<String> = links(page)
            .map(|link| resolved(door, &link))
            .filter(|path| !path.to_lowercase().contains("readme"))
            .collect();
        to.sort();
        to.dedup();
        to
    };
    assert_eq!(
        led_to(FRONT_DOORS[0], &english),
        led_to(FRONT_DOORS[1], &russian)
    );
}

/// The targets of a page's links into the project.
fn links(page: &str) -> impl Iterator<Item = String> {
    page.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?.split('#').next()?;
        (!target.contains("://") && !target.is_empty()).then(|| target.to_owned())
    })
}

/// A link's target as a path from the top.
fn resolved(from: &str, link: &str) -> String {
    let mut path: Vec<&str> = from.split('/').collect();
    path.pop();
    for part in link.split('/') {
        match part {
            ".." => drop(path.pop()),
            part => path.push(part),
        }
    }
    path.join("/")
}

#[test]
fn every_link_leads_somewhere() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    for from in pages() {
        for link in links(&page(&from)) {
            let to = resolved(&from, &link);
            assert!(
                top.join(&to).exists(),
                "{from} links to {to}, which is not there"
            );
        }
    }
}

#[test]
fn its_configuration_is_valid() {
    let text = block(
        &page("deploy/connect.md"),
        "3. **The configuration**",
        "```toml",
    );
    let config = Config::parse(&text, &BTreeMap::new()).unwrap();
    assert!(config.authenticate("choose-a-long-random-key").is_some());
}

#[test]
fn its_way_back_is_configured_as_it_says() {
    let table = |text: String| text.parse::<toml::Table>().unwrap();
    let connect = page("deploy/connect.md");
    let mut all = table(block(&connect, "3. **The configuration**", "```toml"));
    let told = block(
        &page("deploy/two-way.md"),
        "2. **The shop is told**",
        "```toml",
    );
    merge(&mut all, table(told));
    let config = Config::parse(&all.to_string(), &BTreeMap::new()).unwrap();
    let shop = config.shops.values().next().unwrap();
    assert!(shop.callback_url.is_some() && shop.sources_of_truth.len() == 1);
}

fn merge(into: &mut toml::Table, more: toml::Table) {
    for (key, value) in more {
        match (into.get_mut(&key), value) {
            (Some(toml::Value::Table(there)), toml::Value::Table(value)) => merge(there, value),
            (_, value) => drop(into.insert(key, value)),
        }
    }
}

#[test]
fn a_changed_table_is_applied_as_it_says() {
    let text = block(
        &page("deploy/two-way.md"),
        "5. **A changed table**",
        "```sh",
    );
    let commands = text.lines().filter(|line| !line.trim().is_empty());
    let mut tried = 0;
    for command in commands {
        let words = command.split('#').next().unwrap().split_whitespace();
        let words: Vec<&str> = words.skip(1).collect();
        let help = std::process::Command::new(env!("CARGO_BIN_EXE_b24-bridge"))
            .args(&words)
            .arg("--help")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&help.stdout);
        assert!(help.status.success(), "{command}");
        assert!(
            said.contains("--dry-run") && said.contains("--shop"),
            "{said}"
        );
        tried += 1;
    }
    assert_eq!(tried, 2);
}

#[test]
fn its_application_is_configured_as_it_says() {
    let page = page("deploy/local-application.md");
    let text = block(&page, "3. **The application's configuration**", "```toml");
    let without_key = Config::parse(&text, &BTreeMap::new()).unwrap_err();
    assert!(without_key.to_string().contains("database.token_key"));
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let key = ("BRIDGE_DATABASE__TOKEN_KEY".to_owned(), key.to_owned());
    assert!(Config::parse(&text, &BTreeMap::from([key])).is_ok());
}

#[test]
fn its_order_is_valid_and_its_status_is_in_its_configuration() {
    let curl = block(&page("deploy/connect.md"), "5. **Send an order**", "```sh");
    let json = &curl[curl.find('{').unwrap()..=curl.rfind('}').unwrap()];
    let event = Event::parse(&serde_json::from_str(json).unwrap(), "7").unwrap();
    assert_eq!(event.body.number().as_str(), "1001");
}

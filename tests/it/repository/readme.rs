//! The front door and the pages behind it are true.

use super::pages::{self, merge, page, top};
use b24_bridge::{config::Config, domain::Event};
use std::collections::{BTreeMap, BTreeSet};

const FRONT_DOORS: [&str; 2] = ["README.md", "deploy/README.ru.md"];

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
    for front_door in FRONT_DOORS {
        let page = page(front_door);
        assert!(page.lines().count() <= 110, "{front_door}: too long");
        for (at, line) in page.lines().enumerate() {
            let wide = line.chars().count();
            assert!(wide <= 100, "{front_door}:{}: {wide} columns", at + 1);
        }
    }
}

#[test]
fn what_is_written_by_hand_has_at_most_100_columns() {
    for path in pages::by_hand() {
        let mut fenced = false;
        for (at, line) in page(&path).lines().enumerate() {
            if line.trim_start().starts_with("```") {
                fenced = !fenced;
            }
            // A row of a table and a line of a command cannot be broken.
            if !fenced && !line.trim_start().starts_with('|') {
                let wide = line.chars().count();
                assert!(wide <= 100, "{path}:{}: {wide} columns", at + 1);
            }
        }
    }
}

#[test]
fn the_front_doors_begin_with_each_other_and_lead_to_every_page() {
    for (door, other) in [(0, 1), (1, 0)].map(|(a, b)| (FRONT_DOORS[a], FRONT_DOORS[b])) {
        let text = page(door);
        let mut links = links(&text).map(|(path, _)| resolved(door, &path));
        assert_eq!(links.next().as_deref(), Some(other));
        let led_to: BTreeSet<String> = links.collect();
        for page in pages::by_hand() {
            let is_door = FRONT_DOORS.contains(&page.as_str());
            // Of a page in both languages each door leads to one, and that to the other.
            let (english, russian) = in_both(&page);
            let led = led_to.contains(&english) || led_to.contains(&russian);
            assert!(is_door || led, "{door}: {page}");
        }
        assert!(led_to.contains("deploy/meters.md"), "{door}");
    }
}

#[test]
fn both_front_doors_name_the_same_things_in_as_many_parts() {
    let [english, russian] = FRONT_DOORS.map(page);
    let named = |page: &str| -> BTreeSet<String> {
        let parts = page.replace("```", "").replace('\n', " ");
        let parts = parts.split('`').skip(1).step_by(2).map(str::to_owned);
        parts.collect()
    };
    assert_eq!(named(&english), named(&russian));
    assert!(named(&english).contains("b24-bridge doctor"));
    for start in ["## ", "- ", "| ", "1. ", "5. ", "```"] {
        let count = |page: &str| page.lines().filter(|line| line.starts_with(start)).count();
        assert_eq!(count(&english), count(&russian), "{start}");
        assert!(count(&english) > 0, "{start}");
    }
}

#[test]
fn both_front_doors_give_the_same_commands_and_lead_to_the_same_pages() {
    let [english, russian] = FRONT_DOORS.map(page);
    assert_eq!(commands(&english).len(), 3);
    assert_eq!(commands(&english), commands(&russian));
    let led_to = |door: &str, page: &str| {
        let mut to: Vec<String> = links(page)
            .map(|(path, _)| resolved(door, &path))
            .filter(|path| !FRONT_DOORS.contains(&path.as_str()))
            .map(|path| in_both(&path).0)
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

/// The names of a page in English and in Russian.
fn in_both(page: &str) -> (String, String) {
    let Some(name) = page.strip_suffix(".md") else {
        return (page.to_owned(), page.to_owned());
    };
    let name = name.strip_suffix(".ru").unwrap_or(name);
    (format!("{name}.md"), format!("{name}.ru.md"))
}

#[test]
fn a_page_in_russian_and_its_english_one_begin_with_each_other() {
    let pages = pages::by_hand();
    let russian = pages.iter().filter(|page| page.ends_with(".ru.md"));
    for page_in_russian in russian.filter(|page| !FRONT_DOORS.contains(&page.as_str())) {
        let (english, russian) = in_both(page_in_russian);
        for (from, to) in [(&english, &russian), (&russian, &english)] {
            let first = links(&page(from)).next();
            let first = first.map(|(path, _)| resolved(from, &path));
            assert_eq!(first.as_ref(), Some(to), "{from}");
        }
    }
}

/// The lines of a page's commands, without their comments, which are in the page's language.
fn command_lines(page: &str) -> Vec<&str> {
    let blocks = page.split("```").skip(1).step_by(2);
    let shells = blocks.filter_map(|block| {
        let (kind, lines) = block.split_once('\n')?;
        ["sh", "text"].contains(&kind).then_some(lines)
    });
    let lines = shells.flat_map(str::lines);
    let lines = lines.map(|line| line.split(" #").next().unwrap_or_default().trim());
    lines.filter(|line| !line.is_empty()).collect()
}

#[test]
fn a_page_in_russian_gives_the_commands_of_its_english_one() {
    let pages = pages::by_hand();
    let russian = pages.iter().filter(|page| page.ends_with(".ru.md"));
    for name in russian.filter(|page| !FRONT_DOORS.contains(&page.as_str())) {
        let (english, russian) = in_both(name);
        let (english, russian) = (page(&english), page(&russian));
        let (english, russian) = (command_lines(&english), command_lines(&russian));
        let strange: Vec<_> = russian
            .iter()
            .filter(|one| !english.contains(one))
            .collect();
        assert!(strange.is_empty(), "{name}: {strange:?}");
        // Whoever sets a bridge up by one page does what the other says.
        if ["install", "connect"]
            .iter()
            .any(|page| name.contains(page))
        {
            assert_eq!(english, russian, "{name}");
            assert!(english.len() > 15, "{name}");
        }
    }
}

/// The targets of a page's links into the project, each a path (empty: the page itself) and a
/// heading (empty: its top).
fn links(page: &str) -> impl Iterator<Item = (String, String)> {
    page.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?;
        let (path, heading) = target.split_once('#').unwrap_or((target, ""));
        (!target.contains("://")).then(|| (path.to_owned(), heading.to_owned()))
    })
}

/// The names under which a page's headings are linked to.
fn headings(page: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut found = BTreeSet::new();
    for line in page.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let text = line.trim_start_matches('#');
        if fenced || text.len() == line.len() || !text.starts_with(' ') {
            continue;
        }
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        let name: String = text.trim().to_lowercase().chars().filter(kept).collect();
        found.insert(name.replace(' ', "-"));
    }
    found
}

/// A link's target as a path from the top.
fn resolved(from: &str, link: &str) -> String {
    let mut path: Vec<&str> = from.split('/').collect();
    path.pop();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(path.pop()),
            part => path.push(part),
        }
    }
    path.join("/")
}

#[test]
fn every_link_leads_to_a_file_and_to_a_heading_of_it() {
    let mut seen = 0;
    for from in pages::all() {
        for (path, heading) in links(&page(&from)) {
            let to = if path.is_empty() {
                from.clone()
            } else {
                resolved(&from, &path)
            };
            assert!(
                top().join(&to).exists(),
                "{from} links to {to}, which is not there"
            );
            if !heading.is_empty() {
                let there = headings(&page(&to)).contains(&heading);
                assert!(
                    there,
                    "{from} links to {to}, which has no heading {heading}"
                );
            }
            seen += 1;
        }
    }
    assert!(seen > 90, "only {seen} links were found");
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

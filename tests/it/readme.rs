//! The README is true.

use b24_bridge::{config::Config, domain::Event};
use std::collections::BTreeMap;

const README: &str = include_str!("../../README.md");

/// The first fenced block after a word, without the indentation of its list.
fn block(after: &str, fence: &str) -> String {
    let rest = &README[README.find(after).unwrap()..];
    let start = rest.find(fence).unwrap() + fence.len();
    let inner = &rest[start..];
    inner[..inner.find("```").unwrap()]
        .lines()
        .map(|line| line.strip_prefix("   ").unwrap_or(line))
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn its_configuration_is_valid() {
    let config = Config::parse(
        &block("3. **The configuration**", "```toml"),
        &BTreeMap::new(),
    )
    .unwrap();
    assert!(config.authenticate("choose-a-long-random-key").is_some());
}

#[test]
fn its_way_back_is_configured_as_it_says() {
    let table = |text: String| text.parse::<toml::Table>().unwrap();
    let mut all = table(block("3. **The configuration**", "```toml"));
    merge(&mut all, table(block("2. **The shop is told**", "```toml")));
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
fn its_application_is_configured_as_it_says() {
    let text = block("3. **The application's configuration**", "```toml");
    let without_key = Config::parse(&text, &BTreeMap::new()).unwrap_err();
    assert!(without_key.to_string().contains("database.token_key"));
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let key = ("BRIDGE_DATABASE__TOKEN_KEY".to_owned(), key.to_owned());
    assert!(Config::parse(&text, &BTreeMap::from([key])).is_ok());
}

#[test]
fn its_order_is_valid_and_its_status_is_in_its_configuration() {
    let curl = block("5. **Send an order**", "```sh");
    let json = &curl[curl.find('{').unwrap()..=curl.rfind('}').unwrap()];
    let event = Event::parse(&serde_json::from_str(json).unwrap(), "7").unwrap();
    assert_eq!(event.body.number().as_str(), "1001");
}

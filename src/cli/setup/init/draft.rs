//! The settings that are drawn up, as TOML.

use crate::{
    auth::PasswordHash,
    domain::{PortalName, ShopName},
};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::{fmt::Write as _, net::SocketAddr, path::Path};

/// Characters of passwords: none that can be taken for another.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Characters of a password: 100 bits.
const PASSWORD: usize = 20;

/// What goes into the file.
pub(super) struct Draft {
    pub(super) listen: SocketAddr,
    pub(super) portal: PortalName,
    pub(super) webhook_url: String,
    pub(super) shop: ShopName,
    pub(super) funnel: u32,
    /// The table of statuses, as TOML.
    pub(super) rows: String,
    pub(super) api_key: String,
    pub(super) operator: String,
    pub(super) password: String,
    /// Signs the webhooks of a WooCommerce shop.
    pub(super) woocommerce: Option<String>,
}

impl Draft {
    pub(super) fn toml(&self) -> anyhow::Result<String> {
        let hash = PasswordHash::of(&self.password, &rand::random()).context("hash a password")?;
        let (shop, portal) = (key(self.shop.as_str()), key(self.portal.as_str()));
        let mut text = String::new();
        writeln!(
            text,
            "# Written by `b24-bridge init`. All keys: `b24-bridge config example`.\n"
        )?;
        writeln!(
            text,
            "[http]\nlisten = {}\n",
            quoted(&self.listen.to_string())
        )?;
        writeln!(
            text,
            "[portals.{portal}]\nwebhook_url = {}\n",
            quoted(&self.webhook_url)
        )?;
        writeln!(
            text,
            "[shops.{shop}]\nportal = {}",
            quoted(self.portal.as_str())
        )?;
        writeln!(text, "api_keys = [{}]", quoted(&self.api_key))?;
        writeln!(text, "funnel = {}\n", self.funnel)?;
        if let Some(secret) = &self.woocommerce {
            writeln!(
                text,
                "[shops.{shop}.woocommerce]\nsecret = {}\n",
                quoted(secret)
            )?;
        }
        writeln!(text, "{}\n", self.rows.trim_end())?;
        writeln!(text, "[operators.{}]", key(&self.operator))?;
        writeln!(text, "password_hash = {}", quoted(hash.expose()))?;
        writeln!(text, "role = \"operator\"")?;
        Ok(text)
    }

    pub(super) fn console(&self) -> String {
        format!("http://{}/console", self.listen)
    }

    /// The same for programs.
    pub(super) fn told(&self, file: &Path) -> Value {
        json!({
            "file": file,
            "console": self.console(),
            "operator": self.operator,
            "password": self.password,
            "api_key": self.api_key,
            "woocommerce_secret": self.woocommerce,
        })
    }
}

/// 24 random bytes as hex.
pub(super) fn random_key() -> String {
    let bytes: [u8; 24] = rand::random();
    hex::encode(bytes)
}

/// A password that can be typed from paper: five letters at a time.
pub(super) fn random_password() -> String {
    let bytes: [u8; PASSWORD] = rand::random();
    let letters: Vec<char> = bytes
        .iter()
        .filter_map(|byte| LETTERS.get(usize::from(byte % 32)))
        .map(|letter| char::from(*letter))
        .collect();
    let groups = letters
        .chunks(5)
        .map(|group| group.iter().collect::<String>());
    groups.collect::<Vec<_>>().join("-")
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// A key of TOML: quoted, where it is not bare.
fn key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !name.is_empty() && name.chars().all(bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{auth::Caller, config::Config};
    use std::collections::BTreeMap;

    fn draft(operator: &str) -> Draft {
        Draft {
            listen: "127.0.0.1:8080".parse().unwrap(),
            portal: PortalName::parse("main").unwrap(),
            webhook_url: "https://example.bitrix24.ru/rest/1/secret/".to_owned(),
            shop: ShopName::parse("main").unwrap(),
            funnel: 3,
            rows: "[[shops.main.statuses]]\nstatus = \"N\"\nstage = \"C3:NEW\"\n".to_owned(),
            api_key: random_key(),
            operator: operator.to_owned(),
            password: random_password(),
            woocommerce: Some(random_key()),
        }
    }

    #[test]
    fn what_is_drawn_up_is_read_as_what_was_told() {
        for name in ["operator", "Анна", "night shift", "a\"b"] {
            let draft = draft(name);
            let config = Config::parse(&draft.toml().unwrap(), &BTreeMap::new()).unwrap();
            let operator = &config.operators[name];
            assert!(operator.password.as_ref().unwrap().matches(&draft.password));
            let caller = config.authenticate(&draft.api_key).unwrap();
            assert_eq!(caller, Caller::Shop(draft.shop.clone()));
            assert_eq!(config.shops[&draft.shop].rules.funnel, 3);
            assert_eq!(config.demo_key(), None);
        }
    }

    #[test]
    fn a_password_is_new_each_time_and_easily_typed() {
        let (one, other) = (random_password(), random_password());
        assert_ne!(one, other);
        assert_eq!(one.len(), 23);
        assert!(
            one.chars()
                .all(|c| c == '-' || LETTERS.contains(&(c as u8))),
            "{one}"
        );
    }
}

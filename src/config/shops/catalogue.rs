//! `[shops.NAME.catalogue]`: products.

use crate::config::Problem;
use crate::domain::{CatalogueField, CatalogueRules, ShopName};
use serde::Deserialize;
use std::sync::Arc;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    #[serde(default)]
    owner: Owner,
    prefix: Option<String>,
    fields: Option<Vec<CatalogueField>>,
    price_type: Option<String>,
    article_property: Option<String>,
    adopt: Option<Vec<AdoptBy>>,
    sections: Option<bool>,
    #[serde(default)]
    withdraw: Withdraw,
    link_rows: Option<bool>,
}

/// Whose word counts about products.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Owner {
    #[default]
    Shop,
}

/// What becomes of a product that the shop has no more.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Withdraw {
    #[default]
    Deactivate,
}

/// By what products that were typed by hand are recognised.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AdoptBy {
    Article,
}

/// The longest prefix: a portal keeps 255 characters of an external code.
const PREFIX: usize = 64;

/// Checks the section of a shop.
pub(super) fn check(
    raw: Raw,
    shop: &ShopName,
    key: &str,
    problems: &mut Vec<Problem>,
) -> Arc<CatalogueRules> {
    // There is one choice of each so far: naming it keeps later ones from being taken for it.
    let (Owner::Shop, Withdraw::Deactivate) = (raw.owner, raw.withdraw);
    let mut rules = CatalogueRules::of(shop.as_str());
    if let Some(prefix) = raw.prefix {
        if prefix.chars().count() > PREFIX || prefix.chars().any(char::is_control) {
            problems.push(Problem::new(
                format!("{key}.catalogue.prefix"),
                format!("`{prefix}` cannot stand before an external code"),
                "write at most 64 characters, or nothing if the shop's ids are GUIDs",
            ));
        }
        rules.prefix = prefix;
    }
    if let Some(fields) = raw.fields {
        rules.fields = fields.into_iter().collect();
    }
    if raw.sections == Some(false) {
        rules.fields.remove(&CatalogueField::Section);
    }
    let named = |name: Option<String>| name.filter(|name| !name.trim().is_empty());
    rules.price_type = named(raw.price_type);
    rules.article_property = named(raw.article_property);
    if let Some(adopt) = raw.adopt {
        rules.adopts = adopt.iter().any(|by| matches!(by, AdoptBy::Article));
    }
    rules.link_rows = raw.link_rows.unwrap_or(true);
    Arc::new(rules)
}

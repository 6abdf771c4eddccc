//! `[shops.NAME.catalogue]`: products.

use crate::config::Problem;
use crate::domain::{CatalogueField, CatalogueOwner, CatalogueRules, ShopName};
use serde::Deserialize;
use std::{collections::BTreeMap, sync::Arc};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    #[serde(default)]
    owner: Owner,
    prefix: Option<String>,
    fields: Option<Vec<CatalogueField>>,
    price_type: Option<String>,
    #[serde(default)]
    onec_price_types: BTreeMap<String, String>,
    article_property: Option<String>,
    barcode_property: Option<String>,
    adopt: Option<Vec<AdoptBy>>,
    sections: Option<bool>,
    #[serde(default)]
    withdraw: Withdraw,
    link_rows: Option<bool>,
    #[serde(default)]
    pictures: bool,
    #[serde(default)]
    picture_hosts: Vec<String>,
}

/// Whose word counts about products.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Owner {
    #[default]
    Shop,
    #[serde(rename = "onec")]
    OneC,
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
    // There is one choice so far: naming it keeps later ones from being taken for it.
    let Withdraw::Deactivate = raw.withdraw;
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
    rules.barcode_property = named(raw.barcode_property);
    if let Some(adopt) = raw.adopt {
        rules.adopts = adopt.iter().any(|by| matches!(by, AdoptBy::Article));
    }
    rules.link_rows = raw.link_rows.unwrap_or(true);
    rules.pictures = raw.pictures;
    rules.picture_hosts = hosts(&raw.picture_hosts, key, problems);
    rules.owner = owner(
        raw.owner,
        raw.onec_price_types,
        (&format!("{key}.catalogue"), &rules),
        problems,
    );
    Arc::new(rules)
}

/// Hosts of the operator's own network from which pictures are taken.
fn hosts(hosts: &[String], key: &str, problems: &mut Vec<Problem>) -> Vec<String> {
    for host in hosts {
        let url = url::Url::parse(&format!("http://{host}/"));
        let whole =
            url.is_ok_and(|url| url.has_host() && url.path() == "/" && url.query().is_none());
        if !whole || host.contains(['/', '@']) {
            problems.push(Problem::new(
                format!("{key}.catalogue.picture_hosts"),
                format!("`{host}` is no host"),
                "write the name or the address of a machine, perhaps with a port, as \
                 \"10.0.0.7:8080\"",
            ));
        }
    }
    hosts.iter().map(|host| host.to_lowercase()).collect()
}

/// Who tells what the products are. 1C has many types of prices: which are meant must be said.
fn owner(
    owner: Owner,
    price_types: BTreeMap<String, String>,
    (key, rules): (&str, &CatalogueRules),
    problems: &mut Vec<Problem>,
) -> CatalogueOwner {
    let prices = rules.owns(CatalogueField::Price);
    match owner {
        Owner::Shop if !price_types.is_empty() => {
            problems.push(Problem::new(
                format!("{key}.onec_price_types"),
                "prices are the shop's to say",
                "write `owner = \"onec\"`, too, or leave it out",
            ));
            CatalogueOwner::Shop
        }
        Owner::Shop => CatalogueOwner::Shop,
        Owner::OneC => {
            if prices && price_types.is_empty() {
                problems.push(Problem::new(
                    format!("{key}.onec_price_types"),
                    "missing, and 1C may have several types of prices",
                    "write `{ \"Розничная\" = \"\" }` with 1C's name of the type that the portal's \
                     base price is, or list `fields` without `price`",
                ));
            }
            let named = |kind: String| Some(kind).filter(|kind| !kind.trim().is_empty());
            let types = price_types.into_iter();
            CatalogueOwner::OneC {
                price_types: types.map(|(name, kind)| (name, named(kind))).collect(),
            }
        }
    }
}

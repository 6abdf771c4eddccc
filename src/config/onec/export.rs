//! `[onec.NAME.export]`: which orders go to the base, and how.

use super::OneC;
use crate::{
    config::Problem,
    domain::{BaseName, ShopName},
    formats::onec::{Discounts, Export, IdKind, Since, StatusTable},
    stock::StockSettings,
};
use chrono::DateTime;
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Raw {
    number_prefix: RawPrefix,
    only_paid: bool,
    only_delivery_allowed: bool,
    since: Option<String>,
    statuses: Vec<String>,
    from_status: Option<String>,
    id: RawId,
    discounts: RawDiscounts,
    currency: String,
    currency_label: String,
    properties: RawProperties,
    implicit_success: bool,
    receipts: RawReceipts,
    requisites: BTreeMap<String, String>,
}

impl Default for Raw {
    fn default() -> Self {
        Self {
            number_prefix: RawPrefix::default(),
            only_paid: false,
            only_delivery_allowed: false,
            since: None,
            statuses: Vec::new(),
            from_status: None,
            id: RawId::default(),
            discounts: RawDiscounts::default(),
            currency: "RUB".to_owned(),
            currency_label: "руб".to_owned(),
            properties: RawProperties::default(),
            implicit_success: true,
            receipts: RawReceipts::default(),
            requisites: BTreeMap::new(),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum RawPrefix {
    All(String),
    ByShop(BTreeMap<String, String>),
}

impl Default for RawPrefix {
    fn default() -> Self {
        Self::All(String::new())
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawId {
    #[default]
    Id,
    Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawDiscounts {
    #[default]
    InPrice,
    Line,
}

#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawProperties {
    #[default]
    All,
    Listed,
}

/// What becomes of receipts of tills.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawReceipts {
    #[default]
    None,
    Documents,
}

/// Receipts come from the tills of a stock: a base whose shops sell from none would get none.
pub(in crate::config) fn receipts(
    bases: &BTreeMap<BaseName, OneC>,
    stocks: &[StockSettings],
    problems: &mut Vec<Problem>,
) {
    let sells = |shop: &ShopName| {
        let mut shops = stocks.iter().flat_map(|stock| &stock.shops);
        shops.any(|(name, _)| name == shop)
    };
    for (name, onec) in bases {
        let base = &onec.base;
        if base.export.receipts && !base.shops.iter().any(sells) {
            problems.push(Problem::new(
                format!("onec.{name}.export.receipts"),
                "no shop of the base sells from a stock, so that no receipts come",
                "add `[stock.NAME]` with a shop of the base, or take the key out",
            ));
        }
    }
}

pub(super) fn check(
    raw: Raw,
    shops: &[ShopName],
    table: &StatusTable,
    base: &str,
    problems: &mut Vec<Problem>,
) -> Export {
    let key = format!("{base}.export");
    if raw.from_status.is_some() && !raw.statuses.is_empty() {
        problems.push(Problem::new(
            format!("{key}.from_status"),
            "`statuses` is given, too",
            "keep one of them",
        ));
    }
    if let Some(from) = &raw.from_status
        && !table.rows().iter().any(|row| row.status == *from)
    {
        problems.push(Problem::new(
            format!("{key}.from_status"),
            format!("the status `{from}` has no row in `[[{base}.statuses]]`"),
            "name the status of a row: orders go from that row of the table on",
        ));
    }
    for (name, text) in [
        ("currency", &raw.currency),
        ("currency_label", &raw.currency_label),
    ] {
        if text.trim().is_empty() || text.chars().count() > 20 {
            let remedy = "write 1 to 20 characters";
            problems.push(Problem::new(
                format!("{key}.{name}"),
                "empty or too long",
                remedy,
            ));
        }
    }
    Export {
        prefixes: prefixes(raw.number_prefix, shops, &key, problems),
        only_paid: raw.only_paid,
        only_delivery_allowed: raw.only_delivery_allowed,
        since: since(raw.since.as_deref(), &key, problems),
        statuses: raw.statuses,
        from_status: raw.from_status,
        id: match raw.id {
            RawId::Id => IdKind::Id,
            RawId::Number => IdKind::Number,
        },
        discounts: match raw.discounts {
            RawDiscounts::InPrice => Discounts::InPrice,
            RawDiscounts::Line => Discounts::Line,
        },
        currency: raw.currency,
        currency_label: raw.currency_label,
        all_properties: raw.properties == RawProperties::All,
        implicit_success: raw.implicit_success,
        receipts: raw.receipts == RawReceipts::Documents,
        requisites: raw.requisites,
    }
}

fn since(text: Option<&str>, key: &str, problems: &mut Vec<Problem>) -> Since {
    match text {
        None => Since::All,
        Some("now") => Since::Now,
        Some(text) => DateTime::parse_from_rfc3339(text).map_or_else(
            |_| {
                problems.push(Problem::new(
                    format!("{key}.since"),
                    format!("`{text}` is no time"),
                    "write \"now\", or a time as in \"2026-01-31T00:00:00+03:00\"",
                ));
                Since::Now
            },
            |at| Since::At(at.to_utc()),
        ),
    }
}

/// The prefix of each shop; two shops need different ones, or their numbers would meet.
fn prefixes(
    raw: RawPrefix,
    shops: &[ShopName],
    key: &str,
    problems: &mut Vec<Problem>,
) -> BTreeMap<ShopName, String> {
    let place = format!("{key}.number_prefix");
    let mut found: BTreeMap<ShopName, String> = BTreeMap::new();
    match raw {
        RawPrefix::All(prefix) => {
            found.extend(shops.iter().map(|shop| (shop.clone(), prefix.clone())));
        }
        RawPrefix::ByShop(by_shop) => {
            for (name, prefix) in by_shop {
                match shops.iter().find(|shop| shop.as_str() == name) {
                    Some(shop) => {
                        found.insert(shop.clone(), prefix);
                    }
                    None => problems.push(Problem::new(
                        &place,
                        format!("`{name}` is no shop of this base"),
                        "name shops of `shops`",
                    )),
                }
            }
            for shop in shops {
                found.entry(shop.clone()).or_default();
            }
        }
    }
    let long =
        |prefix: &&String| prefix.chars().count() > 20 || prefix.chars().any(char::is_control);
    if let Some(prefix) = found.values().find(long) {
        let remedy = "write at most 20 characters";
        problems.push(Problem::new(
            &place,
            format!("`{prefix}` cannot be used"),
            remedy,
        ));
    }
    let mut seen: BTreeMap<&str, &ShopName> = BTreeMap::new();
    for (shop, prefix) in &found {
        if let Some(other) = seen.insert(prefix, shop) {
            problems.push(Problem::new(
                &place,
                format!("the shops `{other}` and `{shop}` have the same: their numbers would meet"),
                "give each shop its own: { main = \"A-\", second = \"B-\" }",
            ));
        }
    }
    found
}

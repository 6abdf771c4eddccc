//! `catalog.*`: products, variations, sections, prices and what they lean on.
//!
//! Codes of errors are numbers, answers are camelCase and typed, each group of methods puts its
//! answer under a word of its own, and what may be done depends on the user behind the webhook.

mod dictionaries;
mod elements;
mod pictures;
mod prices;
mod properties;
mod sections;

use super::{
    Caller, PortalState,
    crm::methods::lists::{self, PAGE, Record, Source},
    options::CatalogRights,
    protocol::{
        decode::{Params, elements as values, id, text},
        envelope::{Fail, Outcome, Reply},
    },
};
use elements::Element;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The information block of products, and that of variations. Theirs are the portal's own numbers.
const PRODUCTS: u64 = 14;
const OFFERS: u64 = 15;

/// Everything in the catalogue.
#[derive(Debug, Clone, Default)]
pub(crate) struct Catalogue {
    elements: BTreeMap<u64, Element>,
    sections: BTreeMap<u64, Map<String, Value>>,
    prices: BTreeMap<u64, Map<String, Value>>,
    images: BTreeMap<u64, pictures::Image>,
    stores: Vec<Value>,
    properties: Vec<properties::Property>,
    last: u64,
}

impl Catalogue {
    /// The next number. All kinds of records share one row of numbers, so that none is another's by
    /// accident.
    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last + 1_000
    }

    /// Every product, parent, variation and service.
    pub(crate) fn shown(&self) -> Vec<Value> {
        self.elements
            .iter()
            .map(|(id, element)| element.shown(*id, &self.properties))
            .collect()
    }
}

/// The methods below `catalog.`; `None` when there is no such method.
pub(crate) fn call(
    world: &mut PortalState,
    caller: &Caller,
    path: &str,
    params: &Params,
) -> Option<Outcome> {
    let (group, action) = path.rsplit_once('.')?;
    let need = needed(group, action);
    if world.options.catalog_rights < need {
        return Some(Err(denied(group, action)));
    }
    match group {
        "product" | "product.sku" | "product.offer" | "product.service" => {
            elements::call(world, caller, group, action, params)
        }
        "productproperty" => properties::call(world, action, params),
        "price" => prices::call(world, action, params),
        "productimage" => pictures::call(world, action, params),
        "section" => sections::call(world, action, params),
        _ => dictionaries::call(world, path, params),
    }
}

/// The right that a method asks for, by its page.
fn needed(group: &str, action: &str) -> CatalogRights {
    match (group, action) {
        ("product" | "product.sku" | "product.offer" | "product.service" | "price", "list")
        | ("price", "get")
        | ("document.mode", _) => CatalogRights::View,
        ("price", _) => CatalogRights::Prices,
        _ => CatalogRights::Administrator,
    }
}

fn denied(group: &str, action: &str) -> Fail {
    let code = match (group, action) {
        ("price", _) | ("productimage", "add" | "delete") => 200_040_300_020,
        ("product" | "product.sku" | "product.offer" | "product.service", _) => 200_040_300_043,
        _ => 200_040_300_010,
    };
    Fail::numeric(code, "Access Denied")
}

/// Errors without a number of their own.
fn wrong(text: &str) -> Fail {
    Fail::numeric(0, text)
}

fn missing(name: &str) -> Fail {
    let text = format!("Could not find value for parameter {{{name}}}");
    Fail::numeric(100, &text)
}

fn the_id(params: &Params) -> Result<u64, Fail> {
    let given = params.exact("id").ok_or_else(|| missing("id"))?;
    id(Some(given)).ok_or_else(|| wrong("Invalid value {id} to match with parameter"))
}

fn fields(params: &Params) -> Result<Map<String, Value>, Fail> {
    match params.exact("fields") {
        Some(Value::Object(map)) if !map.is_empty() => Ok(map.clone()),
        _ => Err(missing("fields")),
    }
}

fn require(fields: &Map<String, Value>, names: &[&str]) -> Result<(), Fail> {
    let empty = |name: &&&str| fields.get(**name).map(text).is_none_or(|v| v.is_empty());
    let missing: Vec<&str> = names.iter().filter(empty).copied().collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(wrong(&format!("Required fields: {}", missing.join(", "))))
}

/// A record of the catalogue as lists compare it: codes are text, so that `007` and `7` differ.
struct Row(Value);

impl Record for Row {
    fn values(&self, field: &str) -> Option<Vec<Value>> {
        let value = self.0.get(field)?;
        let inner = |v: &Value| v.get("value").cloned().unwrap_or_else(|| v.clone());
        Some(match value {
            Value::Array(list) => list.iter().map(inner).collect(),
            value => vec![inner(value)],
        })
    }

    fn textual(&self, field: &str) -> bool {
        matches!(field, "xmlId" | "code" | "name") || field.starts_with("property")
    }
}

/// A page of records under their word. Unknown names in the filter mean nothing.
fn listed(world: &PortalState, word: &str, rows: Vec<Value>, params: &Params) -> Outcome {
    lists::check_shapes(params)?;
    let none = Value::Null;
    let filter = params.exact("filter").unwrap_or(&none);
    let mut found: Vec<Row> = rows
        .into_iter()
        .map(Row)
        .filter(|row| lists::passes(row, filter, Source::Strict, &world.clock))
        .collect();
    lists::sort(&mut found, params, &world.clock);
    let page = lists::page(params, found.len());
    let select: Vec<String> = params
        .exact("select")
        .map(|list| values(list).into_iter().map(text).collect())
        .unwrap_or_default();
    let all = select.is_empty() || select.iter().any(|name| name == "*");
    let shown = found.into_iter().skip(page.start).take(PAGE);
    let shown = shown.map(|Row(row)| match row {
        Value::Object(map) if !all => {
            let kept = map.into_iter().filter(|(key, _)| select.contains(key));
            Value::Object(kept.collect())
        }
        row => row,
    });
    let shown: Vec<Value> = shown.collect();
    Ok(Reply {
        result: json!({ word: shown }),
        total: Some(page.total),
        next: page.next,
    })
}

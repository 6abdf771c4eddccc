//! Reading what is told of a product.

use super::{Attributes, Product, ProductChange, ProductPrice, Variation, pictures};
use crate::domain::{Fault, Faults, MOST_FAULTS, OrderNumber, Reader, money, shorten, unstorable};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::collections::BTreeSet;

/// The type of an event that carries a product.
pub const PRODUCT_SAVED: &str = "shop.product.saved.v1";
/// The type of an event that tells that a product is gone.
pub const PRODUCT_DELETED: &str = "shop.product.deleted.v1";

/// The longest texts, in characters.
const NAME: usize = 255;
const CODE: usize = 255;
const ARTICLE: usize = 255;
const DESCRIPTION: usize = 200_000;
/// The longest id of a product, and of a variation.
const ID: usize = 100;
const VARIATION_ID: usize = 100;
/// The most of each.
const VARIATIONS: usize = 1_000;
const SECTIONS: usize = 20;
const PRICES: usize = 50;
/// Deepest nesting that is taken.
const DEEPEST: usize = 8;

/// The key of a product, in the queue and in dead letters.
pub fn product_key(id: &str) -> String {
    format!("{}{id}", crate::domain::rules::form::PRODUCT)
}

/// A CloudEvents message about a product.
#[derive(Debug, Clone, PartialEq)]
pub struct ProductEvent {
    /// `source`: with `id` the identity of the message.
    pub source: String,
    /// `id`: unique within the source.
    pub id: String,
    /// What became of the product.
    pub change: ProductChange,
}

impl ProductEvent {
    /// Whether a message is about a product, whatever else is right or wrong with it.
    pub fn is(message: &Value) -> bool {
        let kind = message.get("type").and_then(Value::as_str);
        kind.is_some_and(|kind| [PRODUCT_SAVED, PRODUCT_DELETED].contains(&kind))
    }

    /// Reads a message about a product; on failure every fault at once.
    pub fn read(message: &Value) -> Result<Self, Faults> {
        let fault = |detail: &str| Fault {
            pointer: String::new(),
            detail: detail.to_owned(),
        };
        let Value::Object(object) = message else {
            return Err(vec![fault("an event must be a JSON object")]);
        };
        if let Some(fault) = unstorable(message, DEEPEST) {
            return Err(vec![fault]);
        }
        let mut faults = Faults::new();
        let reader = Reader::new(object, "");
        if reader.require("specversion", &mut faults)
            && reader.member("specversion").and_then(Value::as_str) != Some("1.0")
        {
            reader.fault("specversion", "`specversion` must be \"1.0\"", &mut faults);
        }
        let source = needed(&reader, "source", 512, &mut faults);
        let id = needed(&reader, "id", 256, &mut faults);
        let made = reader.moment("time", &mut faults);
        let deleted = reader.member("type").and_then(Value::as_str) == Some(PRODUCT_DELETED);
        let data = reader.require("data", &mut faults);
        let data = data.then(|| reader.object("data", &mut faults)).flatten();
        let change = data.and_then(|data| change(&data, made, deleted, &mut faults));
        match (source, id, change) {
            (Some(source), Some(id), Some(change)) if faults.is_empty() => {
                Ok(Self { source, id, change })
            }
            _ => Err(shorten(faults, MOST_FAULTS)),
        }
    }
}

fn change(
    data: &Reader<'_>,
    made: Option<DateTime<Utc>>,
    deleted: bool,
    faults: &mut Faults,
) -> Option<ProductChange> {
    let id = id_of(data, ID, faults);
    if let Some(Err(rule)) = id.as_deref().map(|id| OrderNumber::parse(&product_key(id))) {
        data.fault("id", rule, faults);
    }
    let version = data.integer("version", faults);
    let updated_at = data.moment("updated_at", faults).or(made);
    let product = (!deleted).then(|| Product::read(data, faults));
    let product = match product {
        Some(None) => return None,
        read => read.flatten().map(Box::new),
    };
    Some(ProductChange {
        id: id?,
        version,
        updated_at,
        pictures: product.as_ref().and_then(|_| pictures::read(data)),
        product,
    })
}

fn id_of(data: &Reader<'_>, most: usize, faults: &mut Faults) -> Option<String> {
    if !data.require("id", faults) {
        return None;
    }
    let before = faults.len();
    let id = data.id("id", most, faults);
    if id.is_none() && faults.len() == before {
        data.fault("id", "`id` must not be empty", faults);
    }
    id
}

fn needed(reader: &Reader<'_>, name: &str, most: usize, faults: &mut Faults) -> Option<String> {
    if !reader.require(name, faults) {
        return None;
    }
    let before = faults.len();
    let text = reader.text(name, most, faults);
    if text.is_none() && faults.len() == before {
        reader.fault(name, format!("`{name}` must not be empty"), faults);
    }
    text
}

impl Product {
    fn read(data: &Reader<'_>, faults: &mut Faults) -> Option<Self> {
        let name = needed(data, "name", NAME, faults);
        let vat = data.decimal("vat", faults);
        if vat.is_some_and(|vat| vat.is_sign_negative() || vat > 100.into()) {
            data.fault("vat", "`vat` is in percent, 0 to 100", faults);
        }
        let read = Self {
            sku: data.id("sku", ARTICLE, faults),
            description: data.text("description", DESCRIPTION, faults),
            section: data.texts("section", SECTIONS, faults),
            prices: prices(data, faults),
            vat,
            vat_included: data.boolean("vat_included", faults).unwrap_or(true),
            unit: data.id("unit", 50, faults),
            active: data.boolean("active", faults).unwrap_or(true),
            xml_id: data.id("xml_id", CODE, faults),
            attributes: Attributes::read(data),
            variations: Vec::new(),
            name: name.clone().unwrap_or_default(),
        };
        let variations = data.objects("variations", VARIATIONS, faults);
        let mut ids = BTreeSet::new();
        let mut all = Vec::with_capacity(variations.len());
        for one in variations {
            let Some(variation) = Variation::read(&one, &read.name, faults) else {
                continue;
            };
            if !ids.insert(variation.id.clone()) {
                one.fault("id", "another variation has this id", faults);
            }
            all.push(variation);
        }
        name?;
        Some(Self {
            variations: all,
            ..read
        })
    }
}

impl Variation {
    fn read(data: &Reader<'_>, product: &str, faults: &mut Faults) -> Option<Self> {
        let id = id_of(data, VARIATION_ID, faults);
        let name = data.text("name", NAME, faults);
        Some(Self {
            sku: data.id("sku", ARTICLE, faults),
            name: name.unwrap_or_else(|| product.to_owned()),
            prices: prices(data, faults),
            active: data.boolean("active", faults).unwrap_or(true),
            xml_id: data.id("xml_id", CODE, faults),
            attributes: Attributes::read(data),
            id: id?,
        })
    }
}

fn prices(data: &Reader<'_>, faults: &mut Faults) -> Vec<ProductPrice> {
    let mut kinds = BTreeSet::new();
    let mut all = Vec::new();
    for one in data.objects("prices", PRICES, faults) {
        let kind = one.text("type", 100, faults);
        let amount = one
            .require("price", faults)
            .then(|| one.amount("price", faults));
        if amount
            .flatten()
            .is_some_and(|amount| amount.is_sign_negative())
        {
            one.fault("price", "`price` must not be below zero", faults);
        }
        let currency = needed(&one, "currency", 3, faults).map(|code| code.to_ascii_uppercase());
        if currency
            .as_ref()
            .is_some_and(|code| !money::is_currency(code))
        {
            one.fault(
                "currency",
                "`currency` is an ISO 4217 code, as `RUB`",
                faults,
            );
        }
        if !kinds.insert(kind.clone()) {
            one.fault("type", "another price is of this type", faults);
        }
        if let (Some(amount), Some(currency)) = (amount.flatten(), currency) {
            all.push(ProductPrice {
                kind,
                amount,
                currency,
            });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn saved(data: &Value) -> Value {
        json!({"specversion": "1.0", "type": PRODUCT_SAVED, "source": "/shops/main", "id": "1",
               "data": data})
    }

    #[test]
    fn a_product_is_read_with_its_variations_and_prices() {
        let event = ProductEvent::read(&saved(&json!({
            "id": 17, "sku": "T-1", "name": "Футболка", "section": ["Одежда", "Футболки"],
            "prices": [{"price": "990.00", "currency": "rub"}], "vat": 20, "version": 3,
            "barcode": ["4600000000017", 4_600_000_000_024_u64],
            "properties": {"Цвет": " красный ", "SIZE": 44, "new": true, "parts": [1], "no": ""},
            "variations": [{"id": 18, "sku": "T-1-M", "name": "Футболка M",
                            "prices": [{"type": "Опт", "price": 700, "currency": "RUB"}]},
                           {"id": "19"}]})));
        let change = event.unwrap().change;
        assert_eq!((change.id.as_str(), change.version), ("17", Some(3)));
        let product = change.product.unwrap();
        assert_eq!(product.section, ["Одежда", "Футболки"]);
        assert_eq!(product.prices[0].currency, "RUB");
        assert!(product.vat_included && product.active);
        let attributes = &product.attributes;
        assert_eq!(attributes.barcodes, ["4600000000017", "4600000000024"]);
        let properties = attributes.properties.iter();
        let properties: Vec<_> = properties
            .map(|(name, value)| (&**name, &**value))
            .collect();
        assert_eq!(
            properties,
            [("SIZE", "44"), ("new", "Y"), ("Цвет", "красный")]
        );
        assert_eq!(product.variations[0].prices[0].kind.as_deref(), Some("Опт"));
        assert_eq!(product.variations[1].name, "Футболка");
    }

    #[test]
    fn every_fault_of_a_product_is_told_with_its_place() {
        let faults = ProductEvent::read(&saved(&json!({
            "id": "", "vat": 120, "prices": [{"price": "-1", "currency": "RUBLE"}],
            "variations": [{"id": "1"}, {"id": 1}, {}]})))
        .unwrap_err();
        let told: BTreeSet<&str> = faults.iter().map(|fault| &*fault.pointer).collect();
        for place in [
            "/data/id",
            "/data/name",
            "/data/vat",
            "/data/prices/0/price",
            "/data/prices/0/currency",
            "/data/variations/1/id",
            "/data/variations/2/id",
        ] {
            assert!(told.contains(place), "{place}: {told:?}");
        }
    }

    #[test]
    fn what_is_older_is_told_by_count_then_by_time_and_else_by_arrival() {
        let at = |version: Option<i64>, hour: Option<u32>| ProductChange {
            id: "1".to_owned(),
            version,
            updated_at: hour.map(|h| format!("2026-11-26T{h:02}:00:00Z").parse().unwrap()),
            product: None,
            pictures: None,
        };
        assert!(at(Some(1), Some(9)).is_older_than(&at(Some(2), Some(8))));
        assert!(at(None, Some(8)).is_older_than(&at(Some(2), Some(9))));
        assert!(!at(None, Some(8)).is_older_than(&at(Some(2), None)));
        assert!(!at(Some(2), None).is_older_than(&at(Some(2), None)));
    }
}

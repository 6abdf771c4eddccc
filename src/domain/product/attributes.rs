//! Barcodes and properties of a product or a variation: no fields of their own in the portal, but
//! written into properties that people have added there.

use crate::domain::Reader;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The most of each, and the longest, in characters.
const PROPERTIES: usize = 200;
const BARCODES: usize = 50;
const NAME: usize = 255;
const VALUE: usize = 2_000;

/// The barcodes and properties of a product or a variation, as far as they can be used.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Its barcodes, the first one first.
    pub barcodes: Vec<String>,
    /// Values by the codes or names of the portal's properties.
    pub properties: BTreeMap<String, String>,
}

impl Attributes {
    /// Reads them. What is no text, number or truth, and what is too long, is left out: shops send
    /// all that they have, and the portal knows little of it.
    pub(super) fn read(data: &Reader<'_>) -> Self {
        let barcodes = match data.member("barcode") {
            Some(Value::Array(all)) => all.iter().filter_map(value).take(BARCODES).collect(),
            one => one.and_then(value).into_iter().collect(),
        };
        let none = Map::new();
        let given = data.member("properties").and_then(Value::as_object);
        let pairs = given.unwrap_or(&none).iter().filter_map(|(name, given)| {
            let name = name.trim();
            let fits = !name.is_empty() && name.chars().count() <= NAME;
            Some((name.to_owned(), value(given)?)).filter(|_| fits)
        });
        Self {
            barcodes,
            properties: pairs.take(PROPERTIES).collect(),
        }
    }
}

fn value(given: &Value) -> Option<String> {
    let text = match given {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(is) => (if *is { "Y" } else { "N" }).to_owned(),
        _ => return None,
    };
    let fits = !text.is_empty() && text.chars().count() <= VALUE;
    fits.then_some(text)
}

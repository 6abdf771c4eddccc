//! Links from a shop's product to elements of the portal's catalogue, with what was last written.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What stands for a product of a shop in the portal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProductLinks {
    /// A fingerprint of what the shop told, and of the rules by which it was written, when the
    /// portal was last known to hold it; empty: it is not known to.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub told: String,
    /// Whether a person has asked to look whether it is true still: it may have been deleted by
    /// hand.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub unproved: bool,
    /// The product, or the parent of its variations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own: Option<LinkedElement>,
    /// Its variations, by the shop's ids.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variations: BTreeMap<String, LinkedElement>,
}

/// One element of the portal's catalogue, and what it was last seen or written to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedElement {
    /// Its id in the portal's catalogue.
    pub id: u64,
    /// Whether it is the parent of variations.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub parent: bool,
    /// Its fields, by the portal's names.
    pub fields: Map<String, Value>,
    /// Its prices, by their kinds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub prices: BTreeMap<u64, LinkedPrice>,
}

/// A price in the portal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkedPrice {
    /// The id of the price in the portal.
    pub id: u64,
    /// How much, without trailing zeros.
    pub amount: String,
    /// The code of the currency (ISO 4217).
    pub currency: String,
}

impl ProductLinks {
    /// What orders name a product by, and what it is in the portal: ids of what is sold. A parent
    /// of variations is not sold.
    pub fn sold(&self, id: &str) -> Vec<(String, u64)> {
        let own = self.own.iter().filter(|own| !own.parent);
        let own = own.map(|own| (id.to_owned(), own.id));
        let variations = self.variations.iter();
        let variations = variations.map(|(id, element)| (id.clone(), element.id));
        own.chain(variations).collect()
    }
}

//! A card as the portal keeps it, and what a call wants to write into one.

use super::{
    multifields::{self, Change, Multifield},
    rows::Row,
};
use crate::sandbox::{
    crm::fields::Entity,
    protocol::{
        decode::{elements, id},
        envelope::Fail,
    },
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A lead, deal, contact or company. Values are strings, nulls, or lists of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    pub(crate) id: u64,
    pub(crate) values: BTreeMap<String, Value>,
    pub(crate) multifields: Vec<Multifield>,
    pub(crate) links: Vec<Link>,
    pub(crate) rows: Vec<Row>,
}

impl Item {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.values.get(name).and_then(Value::as_str).unwrap_or("")
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.text(name).parse().ok()
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.values.insert(name.to_owned(), value.into());
    }

    /// The funnel; leads have none and count as funnel 0.
    pub(crate) fn category(&self) -> u64 {
        self.number("CATEGORY_ID").unwrap_or(0)
    }
}

/// What a call wants to write, by classic names.
#[derive(Debug, Default)]
pub(crate) struct Write {
    pub(crate) fields: Map<String, Value>,
    pub(crate) multifields: Vec<Change>,
    /// Whether dates and authors may be given too, as an import may.
    pub(crate) import: bool,
    /// Whether the funnel may change, as the universal methods may.
    pub(crate) universal: bool,
}

impl Write {
    /// Reads the `fields` of a classic method.
    pub(crate) fn classic(entity: Entity, fields: &Map<String, Value>) -> Result<Self, Fail> {
        let mut write = Self {
            fields: fields.clone(),
            ..Self::default()
        };
        if entity.has_multifields() {
            for kind in multifields::TYPES {
                if let Some(value) = fields.get(kind) {
                    write.multifields.extend(multifields::classic(kind, value)?);
                }
            }
        }
        Ok(write)
    }
}

/// From a card to one that it names: a contact of a deal, a company of a contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) target: u64,
    pub(crate) sort: i64,
    pub(crate) primary: bool,
}

/// The ids in a list parameter.
pub(crate) fn ids(value: &Value) -> Vec<u64> {
    elements(value)
        .into_iter()
        .filter_map(|v| id(Some(v)))
        .collect()
}

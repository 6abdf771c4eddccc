//! Properties that a portal adds to its products, such as the article: none is there at first.

use super::{OFFERS, PRODUCTS, fields, listed, require};
use crate::sandbox::{
    PortalState,
    protocol::{
        decode::{Params, elements, id, text, truthy},
        envelope::{Fail, Outcome},
    },
};
use serde_json::{Map, Value, json};

/// One property of the products of one information block.
#[derive(Debug, Clone)]
pub(crate) struct Property {
    pub(super) id: u64,
    pub(super) iblock: u64,
    pub(super) multiple: bool,
    row: Value,
}

/// One value: each has an id of its own, by which alone it is kept in an update.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Held {
    pub(super) id: u64,
    pub(super) value: Value,
}

impl Held {
    pub(super) fn shown(&self) -> Value {
        json!({ "value": self.value, "valueId": self.id.to_string() })
    }
}

impl Property {
    /// The name under which products show it.
    pub(super) fn name(&self) -> String {
        format!("property{}", self.id)
    }

    /// The values after a write: those that are named by their ids stay under them, new ones get
    /// new ids, and what is not named is gone.
    pub(super) fn written(
        &self,
        old: &[Held],
        given: &Value,
        next: &mut dyn FnMut() -> u64,
    ) -> Vec<Held> {
        let many = self.multiple && (given.is_array() || given.get("value").is_none());
        let list = if many && (given.is_array() || given.is_object()) {
            elements(given)
        } else {
            vec![given]
        };
        let mut held = Vec::new();
        for one in list {
            let value = one.get("value").unwrap_or(one).clone();
            if value.is_null() || text(&value).is_empty() && !value.is_object() {
                continue;
            }
            let known = id(one.get("valueId")).filter(|id| old.iter().any(|h| h.id == *id));
            let id = known.unwrap_or_else(&mut *next);
            held.push(Held { id, value });
        }
        if !self.multiple {
            held.truncate(1);
        }
        held
    }
}

pub(super) fn call(world: &mut PortalState, action: &str, params: &Params) -> Option<Outcome> {
    Some(match action {
        "add" => add(world, params),
        "list" => {
            let rows = world.crm.catalogue.properties.iter();
            let rows = rows.map(|property| property.row.clone()).collect();
            listed(world, "productProperties", rows, params)
        }
        _ => return None,
    })
}

fn add(world: &mut PortalState, params: &Params) -> Outcome {
    let given: Map<String, Value> = fields(params)?;
    require(&given, &["iblockId", "name", "propertyType"])?;
    let Some(iblock) = id(given.get("iblockId")).filter(|id| [PRODUCTS, OFFERS].contains(id))
    else {
        return Err(Fail::numeric(200_040_300_000, "Iblock Not Found"));
    };
    let own = world.crm.catalogue.next();
    let multiple = given.get("multiple").is_some_and(truthy);
    let or_null = |name: &str| given.get(name).map(text);
    let row = json!({
        "id": own, "iblockId": iblock, "name": or_null("name"), "code": or_null("code"),
        "xmlId": or_null("xmlId"), "propertyType": or_null("propertyType"), "active": "Y",
        "multiple": if multiple { "Y" } else { "N" }, "isRequired": "N", "sort": 500,
    });
    world.crm.catalogue.properties.push(Property {
        id: own,
        iblock,
        multiple,
        row: row.clone(),
    });
    Ok(json!({ "productProperty": row }).into())
}

//! Prices: one of each kind for a product, and a method that deletes what it is not told of.

use super::{Catalogue, dictionaries::price_types, fields, listed, require, the_id, wrong};
use crate::sandbox::{
    PortalState,
    crm::entities::rows::{self, decimal},
    protocol::{
        decode::{Params, elements, id, text},
        envelope::{Fail, Outcome},
    },
};
use serde_json::{Map, Value, json};

pub(super) fn call(world: &mut PortalState, action: &str, params: &Params) -> Option<Outcome> {
    Some(match action {
        "add" => add(world, params),
        "update" => update(world, params),
        "modify" => modify(world, params),
        "get" => the_id(params).and_then(|id| {
            let found = world.crm.catalogue.prices.get(&id).cloned();
            found
                .map(|row| json!({ "price": row }).into())
                .ok_or_else(|| wrong("price is not exists"))
        }),
        "delete" => the_id(params).and_then(|id| {
            let gone = world.crm.catalogue.prices.remove(&id);
            gone.map(|_| Value::Bool(true).into())
                .ok_or_else(|| wrong("price is not exists"))
        }),
        "list" => {
            let rows = world.crm.catalogue.prices.values();
            let rows = rows.map(|row| Value::Object(row.clone())).collect();
            listed(world, "prices", rows, params)
        }
        _ => return None,
    })
}

/// A price as it is kept, checked.
fn checked(world: &PortalState, product: u64, given: &Map<String, Value>) -> Result<Price, Fail> {
    require(given, &["price", "currency"])?;
    let kind = id(given.get("catalogGroupId"));
    if !price_types()
        .iter()
        .any(|row| kind.is_some_and(|kind| row["id"] == kind))
    {
        return Err(wrong("Validate price error. Catalog price group is wrong"));
    }
    let currency = given.get("currency").map(text).unwrap_or_default();
    if !world.options.currencies.contains(&currency) {
        return Err(wrong("Validate price error. Currency is wrong"));
    }
    let price = decimal(given.get("price")).filter(|price| !price.is_sign_negative());
    let price = price.ok_or_else(|| wrong("Validate price error. Price is wrong"))?;
    let mut row = Map::new();
    row.insert("productId".to_owned(), product.into());
    row.insert("catalogGroupId".to_owned(), kind.into());
    row.insert("price".to_owned(), rows::number(price));
    row.insert("currency".to_owned(), currency.into());
    for name in ["extraId", "quantityFrom", "quantityTo"] {
        row.insert(name.to_owned(), Value::Null);
    }
    row.insert("timestampX".to_owned(), world.clock.stamp().into());
    Ok(Price(row))
}

struct Price(Map<String, Value>);

impl Catalogue {
    fn keep_price(&mut self, own: Option<u64>, Price(mut row): Price) -> Value {
        let id = own.unwrap_or_else(|| self.next());
        row.insert("id".to_owned(), id.into());
        self.prices.insert(id, row.clone());
        Value::Object(row)
    }

    /// Whether the product has a price of this kind already.
    fn priced(&self, product: u64, kind: Option<&Value>) -> bool {
        self.prices.values().any(|row| {
            row.get("productId") == Some(&product.into()) && row.get("catalogGroupId") == kind
        })
    }
}

fn twice() -> Fail {
    wrong(
        "Validate price error. Catalog product is allowed has only single price without ranges \
         in price group",
    )
}

fn known(world: &PortalState, product: Option<u64>) -> Result<u64, Fail> {
    product
        .filter(|id| world.crm.catalogue.elements.contains_key(id))
        .ok_or_else(|| wrong("Product is not exists"))
}

fn add(world: &mut PortalState, params: &Params) -> Outcome {
    let given = fields(params)?;
    require(
        &given,
        &["productId", "catalogGroupId", "price", "currency"],
    )?;
    let product = known(world, id(given.get("productId")))?;
    let price = checked(world, product, &given)?;
    if world
        .crm
        .catalogue
        .priced(product, price.0.get("catalogGroupId"))
    {
        return Err(twice());
    }
    Ok(json!({ "price": world.crm.catalogue.keep_price(None, price) }).into())
}

fn update(world: &mut PortalState, params: &Params) -> Outcome {
    let own = the_id(params)?;
    let mut given = fields(params)?;
    let Some(old) = world.crm.catalogue.prices.get(&own).cloned() else {
        return Err(wrong("price is not exists"));
    };
    if let Some(kind) = old.get("catalogGroupId") {
        given.insert("catalogGroupId".to_owned(), kind.clone());
    }
    let product = known(world, id(old.get("productId")))?;
    let price = checked(world, product, &given)?;
    Ok(json!({ "price": world.crm.catalogue.keep_price(Some(own), price) }).into())
}

/// Sets all prices of a product: those that are not named are deleted.
fn modify(world: &mut PortalState, params: &Params) -> Outcome {
    let given = fields(params)?;
    let product = given.get("product").cloned().unwrap_or(Value::Null);
    let (Some(own), Some(list)) = (id(product.get("id")), product.get("prices")) else {
        return Err(wrong("Required fields: id, prices"));
    };
    let own = known(world, Some(own))?;
    let mut wanted: Vec<(Option<u64>, Price)> = Vec::new();
    for one in elements(list) {
        let one = one.as_object().cloned().unwrap_or_default();
        let price = checked(world, own, &one)?;
        let kind = price.0.get("catalogGroupId");
        if wanted
            .iter()
            .any(|(_, other)| other.0.get("catalogGroupId") == kind)
        {
            return Err(twice());
        }
        wanted.push((id(one.get("id")), price));
    }
    let catalogue = &mut world.crm.catalogue;
    let kept: Vec<u64> = wanted.iter().filter_map(|(id, _)| *id).collect();
    catalogue
        .prices
        .retain(|id, row| row.get("productId") != Some(&own.into()) || kept.contains(id));
    let shown: Vec<Value> = wanted
        .into_iter()
        .map(|(id, price)| catalogue.keep_price(id, price))
        .collect();
    Ok(json!({ "prices": shown }).into())
}

//! The dictionaries that products lean on: catalogues, kinds of price, VAT rates, units, stores.

use super::{OFFERS, PRODUCTS, fields, listed, require, the_id, wrong};
use crate::sandbox::{
    PortalState,
    crm::dictionaries::catalog_measures,
    protocol::{
        decode::{Params, text},
        envelope::Outcome,
    },
};
use serde_json::{Value, json};

/// The property by which a variation knows its parent.
const PARENT: u64 = 97;

pub(super) fn call(world: &mut PortalState, path: &str, params: &Params) -> Option<Outcome> {
    Some(match path {
        "catalog.list" => listed(world, "catalogs", catalogues(), params),
        "catalog.get" => the_id(params).and_then(|id| {
            let found = catalogues().into_iter().find(|row| row["id"] == id);
            found
                .map(|row| json!({ "catalog": row }).into())
                .ok_or_else(|| wrong("catalog is not exists"))
        }),
        "pricetype.list" => listed(world, "priceTypes", price_types(), params),
        "vat.list" => listed(world, "vats", rates(), params),
        "measure.list" => Ok(catalog_measures()),
        "document.mode.status" => {
            Ok(Value::from(if world.options.inventory { "Y" } else { "N" }).into())
        }
        "store.list" => listed(world, "stores", stores(world), params),
        "store.get" => the_id(params).and_then(|id| {
            let found = stores(world).into_iter().find(|row| row["id"] == id);
            found
                .map(|row| json!({ "store": row }).into())
                .ok_or_else(|| wrong("store is not exists"))
        }),
        "store.add" => add_store(world, params),
        _ => return None,
    })
}

fn catalogues() -> Vec<Value> {
    let row = |id: u64, name: &str, products: Option<u64>| {
        json!({
            "iblockId": id, "iblockTypeId": 0, "id": id, "lid": "s1", "name": name,
            "productIblockId": products, "skuPropertyId": products.map(|_| PARENT),
            "subscription": "N", "vatId": 1,
        })
    };
    vec![
        row(PRODUCTS, "Товарный каталог CRM", None),
        row(OFFERS, "Товарный каталог CRM (предложения)", Some(PRODUCTS)),
    ]
}

/// The kinds of price; the first is the base one.
pub(super) fn price_types() -> Vec<Value> {
    vec![
        json!({ "id": 1, "name": "BASE", "base": "Y", "sort": 100, "xmlId": "BASE" }),
        json!({ "id": 3, "name": "Оптовая", "base": "N", "sort": 200, "xmlId": null }),
    ]
}

/// The rates of VAT. "Without VAT" has none.
pub(super) fn rates() -> Vec<Value> {
    let row = |id: u64, name: &str, rate: Value| {
        json!(
            { "id": id, "name": name, "active": "Y", "sort": id * 100, "rate": rate }
        )
    };
    vec![
        row(1, "Без НДС", Value::Null),
        row(2, "НДС 0%", 0.into()),
        row(3, "НДС 10%", 10.into()),
        row(4, "НДС 20%", 20.into()),
        row(5, "НДС 22%", 22.into()),
    ]
}

fn stores(world: &PortalState) -> Vec<Value> {
    let first = json!({
        "id": 1, "title": "Основной склад", "address": "-", "active": "Y", "issuingCenter": "Y",
        "code": null, "xmlId": null, "sort": 100,
    });
    let own = world.crm.catalogue.stores.iter().cloned();
    std::iter::once(first).chain(own).collect()
}

fn add_store(world: &mut PortalState, params: &Params) -> Outcome {
    let given = fields(params)?;
    require(&given, &["address"])?;
    let or = |name: &str, usual: Value| match given.get(name) {
        Some(value) => text(value).into(),
        None => usual,
    };
    let id = world.crm.catalogue.next();
    let row = json!({
        "id": id, "title": or("title", Value::Null), "address": or("address", Value::Null),
        "active": or("active", "Y".into()), "issuingCenter": or("issuingCenter", "N".into()),
        "code": or("code", Value::Null), "xmlId": or("xmlId", Value::Null), "sort": 100,
    });
    world.crm.catalogue.stores.push(row.clone());
    Ok(json!({ "store": row }).into())
}

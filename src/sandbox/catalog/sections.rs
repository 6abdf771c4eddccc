//! Sections of the catalogue: a tree, found by external code, with symbolic codes that are unique.

use super::{PRODUCTS, fields, listed, require, the_id, wrong};
use crate::sandbox::{
    PortalState,
    protocol::{
        decode::{Params, id, int, text},
        envelope::{Fail, Outcome},
    },
};
use serde_json::{Map, Value, json};

pub(super) fn call(world: &mut PortalState, action: &str, params: &Params) -> Option<Outcome> {
    Some(match action {
        "add" => write(world, None, params),
        "update" => the_id(params).and_then(|id| write(world, Some(id), params)),
        "get" => the_id(params).and_then(|id| {
            let found = world.crm.catalogue.sections.get(&id).cloned();
            found
                .map(|row| json!({ "section": row }).into())
                .ok_or_else(|| wrong("section is not exists"))
        }),
        "list" => {
            if id(params.exact("filter").and_then(|f| f.get("iblockId"))).is_none() {
                return Some(Err(wrong("Required filter fields: iblockId")));
            }
            let rows = world.crm.catalogue.sections.values();
            let rows = rows.map(|row| Value::Object(row.clone())).collect();
            listed(world, "sections", rows, params)
        }
        _ => return None,
    })
}

fn write(world: &mut PortalState, own: Option<u64>, params: &Params) -> Outcome {
    let given = fields(params)?;
    let catalogue = &mut world.crm.catalogue;
    let mut row = if let Some(id) = own {
        let row = catalogue.sections.get(&id).cloned();
        row.ok_or_else(|| wrong("section is not exists"))?
    } else {
        require(&given, &["iblockId", "name"])?;
        if id(given.get("iblockId")) != Some(PRODUCTS) {
            return Err(Fail::numeric(200_040_300_000, "Iblock Not Found"));
        }
        fresh()
    };
    let code = given.get("code").map(text).filter(|code| !code.is_empty());
    let taken = |(id, other): (&u64, &Map<String, Value>)| {
        Some(*id) != own && other.get("code").map(text) == code
    };
    if code.is_some() && catalogue.sections.iter().any(taken) {
        let text = "Раздел с таким символьным кодом уже существует.";
        return Err(Fail::numeric(200_700_300_040, text));
    }
    if let Some(parent) = id(given.get("iblockSectionId"))
        && !catalogue.sections.contains_key(&parent)
    {
        return Err(wrong("Section is not exists"));
    }
    for name in ["name", "code", "xmlId", "active", "description"] {
        if let Some(value) = given.get(name) {
            row.insert(name.to_owned(), text(value).into());
        }
    }
    for name in ["iblockId", "iblockSectionId", "sort"] {
        if let Some(value) = given.get(name).and_then(int) {
            row.insert(name.to_owned(), value.into());
        }
    }
    let id = own.unwrap_or_else(|| catalogue.next());
    row.insert("id".to_owned(), id.into());
    catalogue.sections.insert(id, row.clone());
    Ok(json!({ "section": row }).into())
}

fn fresh() -> Map<String, Value> {
    let row = json!({
        "iblockSectionId": null, "active": "Y", "sort": 500, "code": null, "xmlId": null,
        "description": null, "descriptionType": "text",
    });
    row.as_object().cloned().unwrap_or_default()
}

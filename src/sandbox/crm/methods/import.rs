//! `crm.item.import` and `crm.item.batchImport`: cards that come from elsewhere. No robot starts
//! for them, and they may bring their dates.

use super::universal_fields::{as_universal, read};
use crate::sandbox::{
    Caller, PortalState,
    crm::{entities::card::Write, fields::Entity},
    options::Imports,
    protocol::{
        decode::{Params, elements, text},
        envelope::{Fail, Outcome},
    },
};
use serde_json::{Value, json};

const MOST_IMPORTED: usize = 20;

/// How many cards a call of a method handles, which is what its execution time goes by.
pub(crate) fn cards(method: &str, params: &Params) -> u32 {
    if method == "crm.item.batchimport" {
        let data = params.exact("data").map(elements).unwrap_or_default();
        u32::try_from(data.len()).unwrap_or(1).max(1)
    } else {
        1
    }
}

/// `crm.item.import`: makes one card, and starts no automation.
pub(in crate::sandbox::crm) fn one(
    world: &mut PortalState,
    caller: &Caller,
    entity: Entity,
    params: &Params,
    original: bool,
) -> Outcome {
    allowed(world)?;
    let id = import(world, caller, entity, params.exact("fields"), original)?;
    Ok(json!({ "item": { "id": id } }).into())
}

/// Up to twenty cards. What each came to stands at its place.
pub(in crate::sandbox::crm) fn many(
    world: &mut PortalState,
    caller: &Caller,
    entity: Entity,
    params: &Params,
    original: bool,
) -> Outcome {
    allowed(world)?;
    let data = match params.exact("data") {
        Some(data @ (Value::Array(_) | Value::Object(_))) => elements(data),
        Some(_) => {
            let words = "Invalid value {data} to match with parameter {data}. Should be value of \
                         type array.";
            return Err(Fail::numeric(100, words));
        }
        None => {
            let words = "Could not find value for parameter {data}";
            return Err(Fail::numeric(100, words));
        }
    };
    if data.len() > MOST_IMPORTED {
        let words = format!("Вы не можете импортировать больше {MOST_IMPORTED} элементов");
        return Err(Fail::bad("MAX_IMPORT_BATCH_SIZE_EXCEEDED", &words));
    }
    let mut items: Vec<Value> = Vec::with_capacity(data.len());
    for fields in data {
        match import(world, caller, entity, Some(fields), original) {
            Ok(id) => items.push(json!({ "item": { "id": id } })),
            Err(fail) if world.options.imports == Imports::StopAtFault => return Err(fail),
            Err(fail) => items.push(fail.body()),
        }
    }
    Ok(json!({ "items": items }).into())
}

fn allowed(world: &PortalState) -> Result<(), Fail> {
    if world.options.imports == Imports::Denied {
        return Err(Fail::bad("ACCESS_DENIED", "Доступ запрещен"));
    }
    Ok(())
}

fn import(
    world: &mut PortalState,
    caller: &Caller,
    entity: Entity,
    fields: Option<&Value>,
    original: bool,
) -> Result<u64, Fail> {
    let mut write = read(world, entity, fields, original)?;
    write.import = true;
    dates(world, entity, &write)?;
    world.create(caller, entity, &write).map_err(as_universal)
}

/// Dates must grow from card to card, and make sense together.
fn dates(world: &PortalState, entity: Entity, write: &Write) -> Result<(), Fail> {
    let now = world.clock.now();
    let given = |name: &str| {
        let value = write.fields.get(name).map(text);
        value.and_then(|value| world.clock.parse(&value))
    };
    let newest = world
        .crm
        .items(entity)
        .filter_map(|item| world.clock.parse(item.text("DATE_CREATE")))
        .max();
    let (created, updated) = (given("DATE_CREATE"), given("DATE_MODIFY"));
    let from = created.unwrap_or(now);
    let wrong = |name: &str| {
        let words = format!("Неверное значение поля \"{name}\"");
        Err(Fail::bad("CRM_FIELD_ERROR_VALUE_NOT_VALID", &words))
    };
    if created.is_some_and(|at| at > now || newest.is_some_and(|newest| at < newest)) {
        return wrong("createdTime");
    }
    if updated.is_some_and(|at| at > now || at < from) {
        return wrong("updatedTime");
    }
    if given("MOVED_TIME").is_some_and(|at| at < from || at > updated.unwrap_or(now)) {
        return wrong("movedTime");
    }
    Ok(())
}

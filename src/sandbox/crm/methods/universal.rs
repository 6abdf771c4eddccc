//! `crm.item.*`: one set of methods for every kind of card, camelCase and typed.

use super::{
    classic::describe,
    import,
    lists::{self, PAGE, Source},
    universal_fields::{as_universal, read},
};
use crate::sandbox::{
    Caller, PortalState,
    crm::{
        fields::{Access, Entity, Kind, user_field_camel},
        render::upper_name,
    },
    protocol::{
        decode::{Params, elements, id, int, text, truthy},
        envelope::{Fail, Outcome, Reply},
    },
};
use serde_json::{Map, Value, json};

fn entity(params: &Params) -> Result<Entity, Fail> {
    let given = params
        .exact("entityTypeId")
        .and_then(int)
        .and_then(|n| u64::try_from(n).ok());
    match given {
        Some(5 | 14) => Err(Fail::bad(
            "ENTITY_TYPE_NOT_SUPPORTED",
            "Тип элемента не поддерживается",
        )),
        Some(id) => Entity::from_type_id(id)
            .ok_or_else(|| Fail::bad("NOT_FOUND", "Смарт-процесс не найден")),
        None => Err(Fail::numeric(
            100,
            "Could not find value for parameter {entityTypeId}",
        )),
    }
}

fn not_found() -> Fail {
    Fail::bad("NOT_FOUND", "Элемент не найден")
}

fn the_id(params: &Params) -> Result<u64, Fail> {
    match params.exact("id") {
        None => Err(Fail::numeric(
            100,
            "Could not find value for parameter {id}",
        )),
        value => id(value).ok_or_else(not_found),
    }
}

/// One of the universal methods.
pub(crate) fn call(
    world: &mut PortalState,
    caller: &Caller,
    action: &str,
    params: &Params,
) -> Option<Outcome> {
    let known = [
        "add",
        "update",
        "get",
        "list",
        "delete",
        "fields",
        "import",
        "batchimport",
    ];
    if !known.contains(&action) {
        return None;
    }
    let entity = match entity(params) {
        Ok(entity) => entity,
        Err(fail) => return Some(Err(fail)),
    };
    let original = params.exact("useOriginalUfNames").is_some_and(truthy);
    Some(match action {
        "add" => add(world, caller, entity, params, original),
        "update" => update(world, caller, entity, params, original),
        "get" => the_id(params).and_then(|id| shown(world, entity, id, original)),
        "list" => list(world, entity, params, original),
        "delete" => delete(world, caller, entity, params),
        "fields" => Ok(json!({ "fields": fields(world, entity) }).into()),
        "import" => import::one(world, caller, entity, params, original),
        _ => import::many(world, caller, entity, params, original),
    })
}

fn shown(world: &PortalState, entity: Entity, id: u64, original: bool) -> Outcome {
    let item = world.crm.item(entity, id).ok_or_else(not_found)?;
    let card = world.view(entity, item, true).universal(None, original);
    Ok(json!({ "item": card }).into())
}

fn add(
    world: &mut PortalState,
    caller: &Caller,
    entity: Entity,
    params: &Params,
    original: bool,
) -> Outcome {
    let write = read(world, entity, params.exact("fields"), original)?;
    let id = world.create(caller, entity, &write).map_err(as_universal)?;
    shown(world, entity, id, original)
}

fn update(
    world: &mut PortalState,
    caller: &Caller,
    entity: Entity,
    params: &Params,
    original: bool,
) -> Outcome {
    let id = the_id(params)?;
    world.crm.item(entity, id).ok_or_else(not_found)?;
    let write = read(world, entity, params.exact("fields"), original)?;
    world
        .change(caller, entity, id, &write)
        .map_err(as_universal)?;
    shown(world, entity, id, original)
}

fn delete(world: &mut PortalState, caller: &Caller, entity: Entity, params: &Params) -> Outcome {
    let id = the_id(params)?;
    world.remove(caller, entity, id).map_err(|_| not_found())?;
    Ok(json!([]).into())
}

fn list(world: &PortalState, entity: Entity, params: &Params, original: bool) -> Outcome {
    for name in lists::named_fields(params, Source::Strict) {
        let raw = name.starts_with("UF_");
        let known = upper_name(entity, &name, &world.crm.user_fields).is_some();
        if !known || raw != original && raw {
            let text = format!("Invalid filter: field '{name}' is not allowed in filter");
            return Err(Fail::bad("INVALID_ARG_VALUE", &text));
        }
    }
    let none = Value::Null;
    let filter = params.exact("filter").unwrap_or(&none);
    let mut found: Vec<_> = world
        .crm
        .items(entity)
        .map(|item| world.view(entity, item, true))
        .filter(|view| lists::passes(view, filter, Source::Strict, &world.clock))
        .collect();
    lists::sort(&mut found, params, &world.clock);
    let page = lists::page(params, found.len());
    let select: Vec<String> = params
        .exact("select")
        .map(|s| elements(s).into_iter().map(text).collect())
        .unwrap_or_default();
    let only_star = select.is_empty() || select.iter().any(|name| name == "*");
    let select = (!only_star).then_some(select);
    let rows = found
        .iter()
        .skip(page.start)
        .take(PAGE)
        .map(|view| view.universal(select.as_deref(), original));
    let items: Vec<Value> = rows.collect();
    Ok(Reply {
        result: json!({ "items": items }),
        total: Some(page.total),
        next: page.next,
    })
}

fn fields(world: &PortalState, entity: Entity) -> Value {
    let mut all = Map::new();
    for field in entity.fields() {
        // The funnel of a deal may change through the universal methods.
        let access = if field.access == Access::Once {
            Access::Write
        } else {
            field.access
        };
        let mut about = describe(field.kind, access, false, field.name, false);
        about.insert("upperName".into(), field.name.into());
        all.insert(field.camel(), about.into());
    }
    if entity.has_multifields() {
        let mut about = describe(Kind::Text, Access::Write, true, "fm", false);
        about.insert("type".into(), "crm_multifield".into());
        about.insert("upperName".into(), "FM".into());
        all.insert("fm".into(), about.into());
    }
    for field in world.crm.user_fields.iter().filter(|f| f.entity == entity) {
        let mut about = describe(
            field.kind(),
            Access::Write,
            field.multiple,
            &field.label,
            true,
        );
        about.insert("type".into(), field.type_name.clone().into());
        about.insert("upperName".into(), field.name.clone().into());
        all.insert(user_field_camel(&field.name), about.into());
    }
    all.into()
}

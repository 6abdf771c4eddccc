//! `crm.deal.*`, `crm.lead.*`, `crm.contact.*`, `crm.company.*`: the older methods, all strings.

use super::lists::{self, PAGE, Source};
use crate::sandbox::{
    Caller, PortalState,
    crm::{
        entities::{card::Write, multifields::TYPES},
        fields::{Access, Entity, Kind},
    },
    protocol::{
        decode::{Params, elements, id, text, truthy},
        envelope::{Fail, Outcome, Reply},
    },
};
use serde_json::{Map, Value, json};

/// One of the six methods that every card has.
pub(crate) fn call(
    world: &mut PortalState,
    caller: &Caller,
    entity: Entity,
    action: &str,
    params: &Params,
) -> Option<Outcome> {
    Some(match action {
        "add" => add(world, caller, entity, params),
        "update" => update(world, caller, entity, params),
        "get" => get(world, entity, params),
        "delete" => delete(world, caller, entity, params),
        "list" => list(world, entity, params),
        "fields" => Ok(fields(world, entity).into()),
        _ => return None,
    })
}

fn map_param(params: &Params, name: &str) -> Result<Map<String, Value>, Fail> {
    match params.any(name) {
        Some(Value::Object(map)) => Ok(map.clone()),
        Some(Value::Array(_)) => Ok(Map::new()),
        None if name == "params" => Ok(Map::new()),
        _ => Err(Fail::plain(&format!("Parameter '{name}' must be array."))),
    }
}

fn the_id(params: &Params) -> Result<u64, Fail> {
    id(params.any("id")).ok_or_else(|| Fail::plain("ID is not defined or invalid."))
}

fn add(world: &mut PortalState, caller: &Caller, entity: Entity, params: &Params) -> Outcome {
    let fields = map_param(params, "fields")?;
    let extra = map_param(params, "params")?;
    let mut write = Write::classic(entity, &fields)?;
    write.import = entity == Entity::Contact
        && extra
            .get("IMPORT")
            .is_some_and(|v| v.is_string() || truthy(v));
    world
        .create(caller, entity, &write)
        .map(|id| Value::from(id).into())
}

fn update(world: &mut PortalState, caller: &Caller, entity: Entity, params: &Params) -> Outcome {
    let id = the_id(params)?;
    let fields = map_param(params, "fields")?;
    map_param(params, "params")?;
    if world.crm.item(entity, id).is_none() {
        return Err(Fail::not_found());
    }
    let write = Write::classic(entity, &fields)?;
    world.change(caller, entity, id, &write)?;
    Ok(Value::Bool(true).into())
}

fn get(world: &PortalState, entity: Entity, params: &Params) -> Outcome {
    let id = the_id(params)?;
    let item = world.crm.item(entity, id).ok_or_else(Fail::not_found)?;
    Ok(world.card(entity, item).into())
}

fn delete(world: &mut PortalState, caller: &Caller, entity: Entity, params: &Params) -> Outcome {
    let id = the_id(params)?;
    world.remove(caller, entity, id)?;
    Ok(Value::Bool(true).into())
}

fn list(world: &PortalState, entity: Entity, params: &Params) -> Outcome {
    lists::check_shapes(params)?;
    let none = Value::Null;
    let filter = params.any("filter").unwrap_or(&none);
    let mut found: Vec<_> = world
        .crm
        .items(entity)
        .map(|item| world.view(entity, item, false))
        .filter(|view| lists::passes(view, filter, Source::Classic, &world.clock))
        .collect();
    lists::sort(&mut found, params, &world.clock);
    let page = lists::page(params, found.len());
    let select: Vec<String> = params
        .any("select")
        .map(|s| elements(s).into_iter().map(text).collect())
        .unwrap_or_default();
    let named = |name: &str| select.iter().any(|s| s == name);
    let (stars, user) = (
        select.is_empty() || named("*"),
        select.is_empty() || named("UF_*"),
    );
    let wanted = |name: &str| {
        name == "ID" || named(name) || if name.starts_with("UF_") { user } else { stars }
    };
    let multifields: Vec<&str> = TYPES
        .into_iter()
        .filter(|kind| entity.has_multifields() && named(kind))
        .collect();
    let rows = found
        .iter()
        .skip(page.start)
        .take(PAGE)
        .map(|v| v.classic(&wanted, &multifields));
    Ok(Reply {
        result: rows.collect(),
        total: Some(page.total),
        next: page.next,
    })
}

/// The description of one field.
pub(crate) fn describe(
    kind: Kind,
    access: Access,
    multiple: bool,
    title: &str,
    user: bool,
) -> Map<String, Value> {
    let mut about = Map::new();
    about.insert("type".into(), kind.name().into());
    about.insert("isRequired".into(), false.into());
    about.insert("isReadOnly".into(), (access == Access::Read).into());
    about.insert("isImmutable".into(), (access == Access::Once).into());
    about.insert("isMultiple".into(), multiple.into());
    about.insert("isDynamic".into(), user.into());
    if let Kind::Status(dictionary) = kind {
        about.insert("statusType".into(), dictionary.into());
    }
    about.insert("title".into(), title.into());
    about
}

fn fields(world: &PortalState, entity: Entity) -> Value {
    let mut all = Map::new();
    for field in entity.fields() {
        let mut about = describe(field.kind, field.access, false, field.name, false);
        let required = match entity {
            Entity::Contact => matches!(field.name, "NAME" | "SECOND_NAME" | "LAST_NAME"),
            Entity::Company => field.name == "TITLE",
            _ => false,
        };
        about.insert("isRequired".into(), required.into());
        all.insert(field.name.to_owned(), about.into());
    }
    let many = match entity {
        Entity::Deal | Entity::Lead => Some("CONTACT_IDS"),
        Entity::Contact => Some("COMPANY_IDS"),
        Entity::Company => None,
    };
    if let Some(name) = many {
        let about = describe(
            Kind::Link(Entity::Contact),
            Access::Write,
            true,
            name,
            false,
        );
        all.insert(name.to_owned(), about.into());
    }
    if entity.has_multifields() {
        for kind in TYPES {
            let mut about = describe(Kind::Text, Access::Write, true, kind, false);
            about.insert("type".into(), json!("crm_multifield"));
            all.insert(kind.to_owned(), about.into());
        }
    }
    for field in world.crm.user_fields.iter().filter(|f| f.entity == entity) {
        let mut about = describe(
            field.kind(),
            Access::Write,
            field.multiple,
            &field.name,
            true,
        );
        about.insert("type".into(), field.type_name.clone().into());
        about.insert("listLabel".into(), field.label.clone().into());
        about.insert("formLabel".into(), field.label.clone().into());
        all.insert(field.name.clone(), about.into());
    }
    all.into()
}

//! The methods of product rows: `crm.*.productrows.*` and `crm.item.productrow.*`.

use super::lists::{self, Source};
use crate::sandbox::{
    Caller, PortalState,
    crm::{
        entities::{
            card::Item,
            rows::{self, Row},
        },
        fields::Entity,
    },
    protocol::{
        decode::{Params, id, text},
        envelope::{Fail, Outcome},
    },
};
use serde_json::{Map, Value, json};

/// `set` and `get` of the older family.
pub(crate) fn classic(
    world: &mut PortalState,
    caller: &Caller,
    entity: Entity,
    action: &str,
    params: &Params,
) -> Option<Outcome> {
    let owner = match id(params.any("id")) {
        Some(owner) if world.crm.item(entity, owner).is_some() => owner,
        Some(_) => return Some(Err(Fail::not_found())),
        None => return Some(Err(Fail::plain("ID is not defined or invalid."))),
    };
    Some(match action {
        "get" => {
            let item = world.crm.item(entity, owner);
            let rows = item.map_or(&[][..], |item| &item.rows);
            Ok(rows
                .iter()
                .map(|r| r.classic(entity.letter(), owner))
                .collect::<Value>()
                .into())
        }
        "set" => match params.any("rows") {
            Some(list) if list.is_array() || list.is_object() => {
                replace(world, caller, entity, owner, list).map(|()| Value::Bool(true).into())
            }
            // A client that loses nested lists on the way empties the card.
            None => {
                replace(world, caller, entity, owner, &json!([])).map(|()| Value::Bool(true).into())
            }
            Some(_) => Err(Fail::plain("The parameter 'rows' must be array.")),
        },
        _ => return None,
    })
}

fn replace(
    world: &mut PortalState,
    caller: &Caller,
    entity: Entity,
    owner: u64,
    list: &Value,
) -> Result<(), Fail> {
    let rows = rows::read_all(list, &mut world.crm.last_row)?;
    if let Some(item) = world.crm.item_mut(entity, owner) {
        item.rows = rows;
    }
    world.rows_changed(caller, entity, owner);
    Ok(())
}

fn entity_of(letter: &str) -> Result<Entity, Fail> {
    let found = [Entity::Deal, Entity::Lead]
        .into_iter()
        .find(|e| e.letter() == letter);
    found.ok_or_else(|| {
        Fail::bad(
            "ENTITY_TYPE_NOT_SUPPORTED",
            "Тип владельца не поддерживается",
        )
    })
}

fn owner(
    world: &PortalState,
    letter: Option<&Value>,
    owner: Option<&Value>,
) -> Result<(Entity, u64), Fail> {
    let letter = letter
        .ok_or_else(|| Fail::numeric(100, "Could not find value for parameter {ownerType}"))?;
    let entity = entity_of(&text(letter))?;
    id(owner)
        .filter(|id| world.crm.item(entity, *id).is_some())
        .map(|id| (entity, id))
        .ok_or_else(|| Fail::bad("OWNER_NOT_FOUND", "Владелец не найден"))
}

fn find(world: &PortalState, wanted: u64) -> Option<(Entity, u64)> {
    [Entity::Deal, Entity::Lead].into_iter().find_map(|entity| {
        let holds = |item: &&Item| item.rows.iter().any(|row| row.id == wanted);
        world
            .crm
            .items(entity)
            .find(holds)
            .map(|item| (entity, item.id))
    })
}

fn shown(world: &PortalState, entity: Entity, owner: u64, row: u64) -> Value {
    let rows = world
        .crm
        .item(entity, owner)
        .map_or(&[][..], |item| &item.rows);
    let found = rows.iter().find(|r| r.id == row);
    json!({ "productRow": found.map(|r| r.universal(entity.letter(), owner)) })
}

/// One of the universal methods.
pub(crate) fn universal(
    world: &mut PortalState,
    caller: &Caller,
    action: &str,
    params: &Params,
) -> Option<Outcome> {
    Some(match action {
        "set" => set(world, caller, params),
        "list" => list(world, params),
        "add" => add(world, caller, params),
        "get" | "update" | "delete" => single(world, caller, action, params),
        "fields" => Ok(json!({ "fields": fields() }).into()),
        _ => return None,
    })
}

fn set(world: &mut PortalState, caller: &Caller, params: &Params) -> Outcome {
    let (entity, owner) = owner(world, params.exact("ownerType"), params.exact("ownerId"))?;
    let Some(list) = params
        .exact("productRows")
        .filter(|v| v.is_array() || v.is_object())
    else {
        return Err(Fail::numeric(
            100,
            "Could not find value for parameter {productRows}",
        ));
    };
    replace(world, caller, entity, owner, list)?;
    let rows = world
        .crm
        .item(entity, owner)
        .map_or(&[][..], |item| &item.rows);
    let shown: Vec<Value> = rows
        .iter()
        .map(|r| r.universal(entity.letter(), owner))
        .collect();
    Ok(json!({ "productRows": shown }).into())
}

fn list(world: &PortalState, params: &Params) -> Outcome {
    let filter = params
        .exact("filter")
        .and_then(Value::as_object)
        .cloned()
        .unwrap_or_default();
    let given = |name: &str| filter.get(&format!("={name}")).or_else(|| filter.get(name));
    let (Some(letter), Some(owner_id)) = (given("ownerType"), given("ownerId")) else {
        let text = "Required filter fields: ownerType, ownerId";
        return Err(Fail::bad("INVALID_ARG_VALUE", text));
    };
    let (entity, owner) = owner(world, Some(letter), Some(owner_id))?;
    let rows = world
        .crm
        .item(entity, owner)
        .map_or(&[][..], |item| &item.rows);
    let rows: Vec<Value> = rows
        .iter()
        .map(|r| r.universal(entity.letter(), owner))
        .collect();
    let mut reply = lists::plain(world, &rows, params, Source::Strict)?;
    reply.result = json!({ "productRows": reply.result });
    Ok(reply)
}

fn add(world: &mut PortalState, caller: &Caller, params: &Params) -> Outcome {
    let none = Value::Null;
    let fields = params.exact("fields").unwrap_or(&none);
    let (entity, owner) = owner(world, fields.get("ownerType"), fields.get("ownerId"))?;
    let count = world
        .crm
        .item(entity, owner)
        .map_or(0, |item| item.rows.len());
    world.crm.last_row += 1;
    let row = rows::read(fields, world.crm.last_row, count)?;
    let id = row.id;
    if let Some(item) = world.crm.item_mut(entity, owner) {
        item.rows.push(row);
    }
    world.rows_changed(caller, entity, owner);
    Ok(shown(world, entity, owner, id).into())
}

fn single(world: &mut PortalState, caller: &Caller, action: &str, params: &Params) -> Outcome {
    let not_found = || Fail::bad("NOT_FOUND", "Элемент не найден");
    let wanted = id(params.exact("id")).ok_or_else(not_found)?;
    let (entity, owner) = find(world, wanted).ok_or_else(not_found)?;
    match action {
        "get" => return Ok(shown(world, entity, owner, wanted).into()),
        "delete" => {
            if let Some(item) = world.crm.item_mut(entity, owner) {
                item.rows.retain(|row| row.id != wanted);
            }
        }
        _ => {
            let changes = params.exact("fields").and_then(Value::as_object).cloned();
            let changes = changes.unwrap_or_default();
            let rows = world
                .crm
                .item(entity, owner)
                .map_or(&[][..], |item| &item.rows);
            let at = rows.iter().position(|row| row.id == wanted).unwrap_or(0);
            let merged = rows
                .get(at)
                .map(|row| merge(row, &changes))
                .unwrap_or_default();
            let row = rows::read(&merged, wanted, at)?;
            if let Some(item) = world.crm.item_mut(entity, owner)
                && let Some(place) = item.rows.get_mut(at)
            {
                *place = row;
            }
        }
    }
    world.rows_changed(caller, entity, owner);
    let answer = if action == "delete" {
        Value::Null
    } else {
        shown(world, entity, owner, wanted)
    };
    Ok(answer.into())
}

/// The row as it would have been sent, with the changes laid over it.
fn merge(row: &Row, changes: &Map<String, Value>) -> Value {
    let mut whole = Map::new();
    if let Value::Object(now) = row.universal("", 0) {
        let writable = [
            "productId",
            "productName",
            "price",
            "quantity",
            "discountRate",
            "taxRate",
            "taxIncluded",
            "measureCode",
            "measureName",
            "sort",
        ];
        whole.extend(
            now.into_iter()
                .filter(|(key, _)| writable.contains(&key.as_str())),
        );
    }
    if row.absolute {
        whole.insert("discountTypeId".into(), 1.into());
        whole.insert("discountSum".into(), rows::number(row.sum));
    }
    whole.extend(changes.clone());
    whole.into()
}

fn fields() -> Value {
    let mut all = Map::new();
    for (name, kind, read_only) in [
        ("id", "integer", true),
        ("ownerId", "integer", false),
        ("ownerType", "string", false),
        ("productId", "integer", false),
        ("productName", "string", false),
        ("price", "double", false),
        ("priceExclusive", "double", true),
        ("priceNetto", "double", true),
        ("priceBrutto", "double", true),
        ("quantity", "double", false),
        ("discountTypeId", "integer", false),
        ("discountRate", "double", false),
        ("discountSum", "double", false),
        ("taxRate", "double", false),
        ("taxIncluded", "char", false),
        ("measureCode", "integer", false),
        ("measureName", "string", true),
        ("sort", "integer", false),
        ("type", "integer", true),
        ("storeId", "integer", true),
    ] {
        let required = matches!(name, "productId" | "ownerId" | "ownerType");
        all.insert(
            name.to_owned(),
            json!({
                "type": kind, "isRequired": required, "isReadOnly": read_only,
                "isImmutable": matches!(name, "ownerId" | "ownerType"), "isMultiple": false,
                "isDynamic": false, "title": name, "upperName": name,
            }),
        );
    }
    all.into()
}

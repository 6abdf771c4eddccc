//! Requisites of contacts and companies, and the addresses that hang on them.

use super::lists::{self, Source};
use crate::sandbox::{
    Caller, PortalState,
    protocol::{
        decode::{Params, id, text},
        envelope::{Fail, Outcome},
    },
};
use serde_json::{Map, Value, json};

/// The requisites and addresses of a portal.
#[derive(Debug, Default, Clone)]
pub(crate) struct Requisites {
    list: Vec<Value>,
    addresses: Vec<Value>,
    last_id: u64,
}

const PRESETS: [&str; 3] = ["Организация", "ИП", "Физ. лицо"];

const TEXTS: [&str; 21] = [
    "NAME",
    "CODE",
    "XML_ID",
    "ORIGINATOR_ID",
    "ACTIVE",
    "SORT",
    "RQ_NAME",
    "RQ_FIRST_NAME",
    "RQ_LAST_NAME",
    "RQ_SECOND_NAME",
    "RQ_COMPANY_NAME",
    "RQ_COMPANY_FULL_NAME",
    "RQ_INN",
    "RQ_KPP",
    "RQ_OGRN",
    "RQ_OGRNIP",
    "RQ_OKPO",
    "RQ_OKVED",
    "RQ_DIRECTOR",
    "RQ_PHONE",
    "RQ_EMAIL",
];

const PLACES: [&str; 9] = [
    "ADDRESS_1",
    "ADDRESS_2",
    "CITY",
    "POSTAL_CODE",
    "REGION",
    "PROVINCE",
    "COUNTRY",
    "COUNTRY_CODE",
    "LOC_ADDR_ID",
];

/// The methods of this file.
pub(crate) fn call(
    world: &mut PortalState,
    caller: &Caller,
    path: &str,
    params: &Params,
) -> Option<Outcome> {
    Some(match path {
        "requisite.add" => add(world, caller, params),
        "requisite.update" => update(world, caller, params),
        "requisite.get" => find(world, params).map(|at| {
            world
                .crm
                .requisites
                .list
                .get(at)
                .cloned()
                .unwrap_or_default()
                .into()
        }),
        "requisite.delete" => find(world, params).map(|at| {
            let gone = world.crm.requisites.list.remove(at);
            let owner = gone.get("ID").cloned();
            world
                .crm
                .requisites
                .addresses
                .retain(|a| a.get("ENTITY_ID") != owner.as_ref());
            Value::Bool(true).into()
        }),
        "requisite.list" => {
            lists::plain(world, &world.crm.requisites.list, params, Source::Classic)
        }
        "requisite.preset.list" => {
            let presets = PRESETS.iter().enumerate().map(|(at, name)| {
                json!({ "ID": (at + 1).to_string(), "ENTITY_TYPE_ID": "8", "COUNTRY_ID": "1",
                    "NAME": name, "ACTIVE": "Y", "SORT": "500", "XML_ID": null })
            });
            let presets: Vec<Value> = presets.collect();
            lists::plain(world, &presets, params, Source::Classic)
        }
        "address.add" | "address.update" => address(world, params, path == "address.add"),
        "address.list" => lists::plain(
            world,
            &world.crm.requisites.addresses,
            params,
            Source::Classic,
        ),
        _ => return None,
    })
}

fn fields(params: &Params) -> Result<Map<String, Value>, Fail> {
    let given = params.any("fields").and_then(Value::as_object).cloned();
    given.ok_or_else(|| Fail::plain("Parameter 'fields' must be array."))
}

fn add(world: &mut PortalState, caller: &Caller, params: &Params) -> Outcome {
    let fields = fields(params)?;
    let kind = id(fields.get("ENTITY_TYPE_ID")).filter(|kind| matches!(kind, 3 | 4));
    let Some(kind) = kind else {
        return Err(Fail::plain("ENTITY_TYPE_ID is not defined or invalid."));
    };
    let Some(owner) = id(fields.get("ENTITY_ID")) else {
        return Err(Fail::plain("ENTITY_ID is not defined or invalid."));
    };
    let preset = id(fields.get("PRESET_ID"));
    let Some(preset) = preset.filter(|p| usize::try_from(*p).is_ok_and(|p| p <= PRESETS.len()))
    else {
        return Err(Fail::plain("PRESET_ID is not defined or invalid."));
    };
    if fields.get("NAME").map(text).unwrap_or_default().is_empty() {
        return Err(Fail::plain("NAME is not defined or invalid."));
    }
    let (stamp, author) = (world.clock.stamp(), caller.user.to_string());
    let store = &mut world.crm.requisites;
    store.last_id += 1;
    let own = store.last_id;
    let mut row = json!({
        "ID": own.to_string(), "ENTITY_TYPE_ID": kind.to_string(), "ENTITY_ID": owner.to_string(),
        "PRESET_ID": preset.to_string(), "DATE_CREATE": stamp, "DATE_MODIFY": "",
        "CREATED_BY_ID": author, "MODIFY_BY_ID": null,
    });
    for name in TEXTS {
        let value = fields.get(name).map(text).filter(|v| !v.is_empty());
        if let Value::Object(map) = &mut row {
            map.insert(name.to_owned(), value.into());
        }
    }
    store.list.push(row);
    world.raise(caller, "ONCRMREQUISITEADD", &[("ID", own.to_string())]);
    Ok(Value::from(own).into())
}

fn find(world: &PortalState, params: &Params) -> Result<usize, Fail> {
    let wanted =
        id(params.any("id")).ok_or_else(|| Fail::plain("ID is not defined or invalid."))?;
    let same = |row: &Value| row.get("ID").map(text) == Some(wanted.to_string());
    let missing = || Fail::plain(&format!("The Requisite with ID '{wanted}' is not found"));
    world
        .crm
        .requisites
        .list
        .iter()
        .position(same)
        .ok_or_else(missing)
}

fn update(world: &mut PortalState, caller: &Caller, params: &Params) -> Outcome {
    let at = find(world, params)?;
    let fields = fields(params)?;
    let (stamp, author) = (world.clock.stamp(), caller.user.to_string());
    if let Some(Value::Object(row)) = world.crm.requisites.list.get_mut(at) {
        for (name, value) in fields
            .iter()
            .filter(|(name, _)| TEXTS.contains(&name.as_str()))
        {
            row.insert(name.clone(), text(value).into());
        }
        row.insert("DATE_MODIFY".into(), stamp.into());
        row.insert("MODIFY_BY_ID".into(), author.into());
    }
    Ok(Value::Bool(true).into())
}

fn address(world: &mut PortalState, params: &Params, new: bool) -> Outcome {
    let fields = fields(params)?;
    let keys = ["TYPE_ID", "ENTITY_TYPE_ID", "ENTITY_ID"];
    let mut row = Map::new();
    for key in keys {
        let value = id(fields.get(key));
        let value =
            value.ok_or_else(|| Fail::plain(&format!("{key} is not defined or invalid.")))?;
        row.insert(key.to_owned(), value.to_string().into());
    }
    let same = |a: &Value| keys.iter().all(|key| a.get(*key) == row.get(*key));
    let known = world.crm.requisites.addresses.iter().position(same);
    match (known, new) {
        (Some(_), true) => return Err(Fail::plain("TypeAddress exists.")),
        (None, false) => return Err(Fail::plain("TypeAddress not found.")),
        _ => {}
    }
    for name in PLACES {
        row.insert(
            name.to_owned(),
            fields.get(name).map(text).filter(|v| !v.is_empty()).into(),
        );
    }
    let addresses = &mut world.crm.requisites.addresses;
    match known.and_then(|at| addresses.get_mut(at)) {
        Some(place) => *place = row.into(),
        None => addresses.push(row.into()),
    }
    Ok(Value::Bool(true).into())
}

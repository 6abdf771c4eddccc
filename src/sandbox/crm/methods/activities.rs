//! Activities: calls, meetings and mails of the older method, and to-dos of the current one.
//!
//! Only those of the older method carry an origin. A mail that goes out and is said to be done is
//! really sent to the customer: the one combination of three fields that does more than it says.

use super::lists::{self, Source};
use crate::sandbox::{
    Caller, PortalState,
    clock::iso,
    crm::fields::Entity,
    protocol::{
        decode::{Params, elements, id, int, text, truthy},
        envelope::{Fail, Outcome},
    },
};
use serde_json::{Map, Value, json};

const MEETING: i64 = 1;
const CALL: i64 = 2;
const MAIL: i64 = 4;
const OF_A_PROVIDER: i64 = 6;

/// What was planned and done, on all cards.
#[derive(Debug, Default, Clone)]
pub(crate) struct Activities {
    rows: Vec<Value>,
    last: u64,
    /// The activities whose mails went to customers.
    sent: Vec<u64>,
}

impl Activities {
    pub(crate) fn rows(&self) -> &[Value] {
        &self.rows
    }

    /// How many mails were sent to customers.
    pub(crate) fn mails(&self) -> usize {
        self.sent.len()
    }

    pub(crate) fn forget(&mut self, entity: Entity, card: u64) {
        let (kind, card) = (entity.type_id().to_string(), card.to_string());
        let own = |row: &Value| {
            row.get("OWNER_TYPE_ID").map(text).as_ref() == Some(&kind)
                && row.get("OWNER_ID").map(text).as_ref() == Some(&card)
        };
        self.rows.retain(|row| !own(row));
    }

    fn find(&mut self, wanted: Option<u64>) -> Result<&mut Map<String, Value>, Fail> {
        let wanted = wanted.map(|id| id.to_string());
        let mut rows = self.rows.iter_mut();
        rows.find(|row| row.get("ID").map(text) == wanted)
            .and_then(Value::as_object_mut)
            .ok_or_else(Fail::not_found)
    }
}

/// The methods of this file.
pub(crate) fn call(
    world: &mut PortalState,
    caller: &Caller,
    path: &str,
    params: &Params,
) -> Option<Outcome> {
    let wanted = id(params.any("id"));
    Some(match path {
        "activity.add" => add(world, caller, params),
        "activity.update" => update(world, caller, params),
        "activity.get" => {
            let found = world.crm.activities.find(wanted).map(|row| row.clone());
            found.map(|row| without_people(row).into())
        }
        "activity.list" => list(world, params),
        "activity.delete" => delete(world, caller, wanted),
        "activity.todo.add" => todo(world, caller, params, None),
        "activity.todo.update" => match todo_id(params) {
            Ok(own) => todo(world, caller, params, Some(own)),
            Err(fail) => Err(fail),
        },
        _ => return None,
    })
}

fn without_people(mut row: Map<String, Value>) -> Value {
    row.remove("COMMUNICATIONS");
    Value::Object(row)
}

fn list(world: &PortalState, params: &Params) -> Outcome {
    let select = params.any("select").map(elements).unwrap_or_default();
    let people = select.iter().any(|name| text(name) == "COMMUNICATIONS");
    let mut rows: Vec<Value> = world.crm.activities.rows.clone();
    rows.sort_by_key(|row| row.get("START_TIME").map(text));
    if !people {
        for map in rows.iter_mut().filter_map(Value::as_object_mut) {
            map.remove("COMMUNICATIONS");
        }
    }
    lists::plain(world, &rows, params, Source::Classic)
}

fn delete(world: &mut PortalState, caller: &Caller, wanted: Option<u64>) -> Outcome {
    world.crm.activities.find(wanted)?;
    let gone = wanted.unwrap_or_default().to_string();
    let rows = &mut world.crm.activities.rows;
    rows.retain(|row| row.get("ID").map(text).as_ref() != Some(&gone));
    world.raise(caller, "ONCRMACTIVITYDELETE", &[("ID", gone)]);
    Ok(Value::Bool(true).into())
}

/// The card that an activity hangs on.
fn owner(world: &PortalState, kind: Option<u64>, card: Option<u64>) -> Option<(Entity, u64)> {
    let owner = kind.and_then(Entity::from_type_id).zip(card);
    owner.filter(|(entity, card)| world.crm.item(*entity, *card).is_some())
}

fn touch(world: &mut PortalState, caller: &Caller, (entity, card): (Entity, u64)) {
    let stamp = world.clock.stamp();
    if let Some(item) = world.crm.item_mut(entity, card) {
        item.set("LAST_ACTIVITY_TIME", stamp);
        item.set("LAST_ACTIVITY_BY", caller.user.to_string());
    }
}

/// The names by which a kind of activity is known to its provider.
fn provider(kind: i64, fields: &Value) -> (Value, Value) {
    let given = |name: &str| fields.get(name).cloned().unwrap_or(Value::Null);
    match kind {
        MEETING => ("CRM_MEETING".into(), "MEETING".into()),
        CALL => ("VOXIMPLANT_CALL".into(), "CALL".into()),
        MAIL => ("CRM_EMAIL".into(), "EMAIL".into()),
        _ => (given("PROVIDER_ID"), given("PROVIDER_TYPE_ID")),
    }
}

/// The people of an activity, checked: the answer's code is empty, its sentence is what tells.
fn people(world: &PortalState, kind: i64, fields: &Value) -> Result<Vec<Value>, Fail> {
    let wrong = || Fail::plain("The field COMMUNICATIONS is not defined or invalid");
    let given = fields.get("COMMUNICATIONS").map(elements);
    let given = given.unwrap_or_default();
    let mut list = Vec::new();
    for (at, one) in given.into_iter().enumerate() {
        let value = one.get("VALUE").map(text).unwrap_or_default();
        let card = (id(one.get("ENTITY_TYPE_ID")), id(one.get("ENTITY_ID")));
        if value.is_empty() || owner(world, card.0, card.1).is_none() {
            return Err(wrong());
        }
        let usual = if kind == MAIL { "EMAIL" } else { "PHONE" };
        let channel = one.get("TYPE").map(text).filter(|t| !t.is_empty());
        list.push(json!({
            "ID": (at + 1).to_string(), "TYPE": channel.unwrap_or_else(|| usual.to_owned()),
            "VALUE": value, "ENTITY_ID": one.get("ENTITY_ID").map(text),
            "ENTITY_TYPE_ID": one.get("ENTITY_TYPE_ID").map(text),
        }));
    }
    if list.is_empty() && kind != OF_A_PROVIDER {
        return Err(wrong());
    }
    if list.len() > 1 && matches!(kind, MEETING | CALL) {
        let text = "The only one communication is allowed for activity of specified type";
        return Err(Fail::plain(text));
    }
    Ok(list)
}

fn add(world: &mut PortalState, caller: &Caller, params: &Params) -> Outcome {
    let Some(fields) = params.any("fields").filter(|f| f.is_object()).cloned() else {
        return Err(Fail::plain("Parameter 'fields' must be array."));
    };
    let given = |name: &str| fields.get(name).map(text).filter(|t| !t.is_empty());
    if given("SUBJECT").is_none() {
        return Err(Fail::plain("The field SUBJECT is not defined or empty"));
    }
    if id(fields.get("RESPONSIBLE_ID")).is_none() {
        let text = "The field RESPONSIBLE_ID is not defined or invalid";
        return Err(Fail::plain(text));
    }
    let kind = fields.get("TYPE_ID").and_then(int).unwrap_or(0);
    let named = given("PROVIDER_ID").is_some();
    let known = matches!(kind, MEETING | CALL | MAIL) || (kind == OF_A_PROVIDER && named);
    if !known {
        let text = if kind == 0 {
            "The field TYPE_ID is not defined or invalid"
        } else {
            "The custom activity without provider is not supported in current context"
        };
        return Err(Fail::plain(text));
    }
    let people = people(world, kind, &fields)?;
    let card = (id(fields.get("OWNER_TYPE_ID")), id(fields.get("OWNER_ID")));
    let Some(card) = owner(world, card.0, card.1) else {
        let text = "Could not build binding. Please ensure that owner info and communications are \
                    defined correctly";
        return Err(Fail::plain(text));
    };
    let row = row(world, caller, kind, &fields, &people);
    let own = keep(world, caller, card, row);
    let done = fields.get("COMPLETED").is_some_and(truthy);
    if kind == MAIL && given("DIRECTION").as_deref() == Some("2") && done {
        world.crm.activities.sent.push(own);
    }
    Ok(Value::from(own).into())
}

/// An activity of the older method as it is kept. The deadline is never taken from the caller.
fn row(world: &PortalState, caller: &Caller, kind: i64, fields: &Value, people: &[Value]) -> Value {
    let given = |name: &str| fields.get(name).map(text).unwrap_or_default();
    let moment = |name: &str| world.clock.parse(&given(name)).map(iso);
    let stamp = world.clock.stamp();
    let start = moment("START_TIME").unwrap_or_else(|| stamp.clone());
    let end = moment("END_TIME").unwrap_or_else(|| start.clone());
    let deadline = if kind == OF_A_PROVIDER { &end } else { &start };
    let done = fields.get("COMPLETED").is_some_and(truthy);
    let (provider, provider_type) = provider(kind, fields);
    let or = |name: &str, usual: &str| match given(name) {
        empty if empty.is_empty() => usual.to_owned(),
        some => some,
    };
    let origin = |name: &str| fields.get(name).map(text);
    let own = json!({
        "OWNER_ID": given("OWNER_ID"), "OWNER_TYPE_ID": given("OWNER_TYPE_ID"),
        "TYPE_ID": kind.to_string(), "PROVIDER_ID": provider, "PROVIDER_TYPE_ID": provider_type,
        "SUBJECT": given("SUBJECT"), "START_TIME": start, "END_TIME": end, "DEADLINE": deadline,
        "COMPLETED": if done { "Y" } else { "N" }, "STATUS": if done { "2" } else { "1" },
        "RESPONSIBLE_ID": given("RESPONSIBLE_ID"), "PRIORITY": or("PRIORITY", "2"),
        "NOTIFY_TYPE": or("NOTIFY_TYPE", "0"), "DESCRIPTION": given("DESCRIPTION"),
        "DESCRIPTION_TYPE": or("DESCRIPTION_TYPE", "1"), "DIRECTION": or("DIRECTION", "0"),
        "LOCATION": given("LOCATION"), "ORIGINATOR_ID": origin("ORIGINATOR_ID"),
        "ORIGIN_ID": origin("ORIGIN_ID"), "COMMUNICATIONS": people,
    });
    laid(blank(&stamp, caller), own)
}

/// What every activity has.
fn blank(stamp: &str, caller: &Caller) -> Value {
    json!({
        "PROVIDER_GROUP_ID": null, "ASSOCIATED_ENTITY_ID": "0", "CREATED": stamp,
        "LAST_UPDATED": stamp, "COMPLETED": "N", "STATUS": "1", "PRIORITY": "2",
        "NOTIFY_TYPE": "0", "NOTIFY_VALUE": "0", "DIRECTION": "0", "LOCATION": "", "SETTINGS": [],
        "ORIGINATOR_ID": null, "ORIGIN_ID": null, "AUTHOR_ID": caller.user.to_string(),
        "EDITOR_ID": caller.user.to_string(), "PROVIDER_PARAMS": [], "PROVIDER_DATA": null,
        "RESULT_MARK": "0", "RESULT_VALUE": null, "RESULT_SUM": null, "RESULT_CURRENCY_ID": null,
        "RESULT_STATUS": "0", "RESULT_STREAM": "0", "RESULT_SOURCE_ID": null,
        "AUTOCOMPLETE_RULE": "0", "COMMUNICATIONS": [],
    })
}

fn laid(mut under: Value, over: Value) -> Value {
    if let (Value::Object(under), Value::Object(over)) = (&mut under, over) {
        under.extend(over);
    }
    under
}

fn keep(world: &mut PortalState, caller: &Caller, card: (Entity, u64), mut row: Value) -> u64 {
    let activities = &mut world.crm.activities;
    activities.last += 1;
    let own = activities.last;
    if let Some(map) = row.as_object_mut() {
        map.insert("ID".to_owned(), own.to_string().into());
    }
    activities.rows.push(row);
    touch(world, caller, card);
    world.raise(caller, "ONCRMACTIVITYADD", &[("ID", own.to_string())]);
    own
}

/// Changes what it names. A mail that is said to be done afterwards is not sent.
fn update(world: &mut PortalState, caller: &Caller, params: &Params) -> Outcome {
    let wanted = id(params.any("id"));
    let fields = params.any("fields").cloned().unwrap_or(Value::Null);
    let clock = world.clock.clone();
    let row = world.crm.activities.find(wanted)?;
    for name in [
        "SUBJECT",
        "DESCRIPTION",
        "RESPONSIBLE_ID",
        "PRIORITY",
        "LOCATION",
        "DIRECTION",
    ] {
        if let Some(value) = fields.get(name) {
            row.insert(name.to_owned(), text(value).into());
        }
    }
    for name in ["START_TIME", "END_TIME"] {
        if let Some(at) = fields.get(name).and_then(|v| clock.parse(&text(v))) {
            row.insert(name.to_owned(), iso(at).into());
            if name == "START_TIME" {
                row.insert("DEADLINE".to_owned(), iso(at).into());
            }
        }
    }
    if let Some(done) = fields.get("COMPLETED").map(truthy) {
        row.insert("COMPLETED".to_owned(), if done { "Y" } else { "N" }.into());
        row.insert("STATUS".to_owned(), if done { "2" } else { "1" }.into());
    }
    row.insert("LAST_UPDATED".to_owned(), clock.stamp().into());
    let own = wanted.unwrap_or_default().to_string();
    world.raise(caller, "ONCRMACTIVITYUPDATE", &[("ID", own)]);
    Ok(Value::Bool(true).into())
}

fn todo_id(params: &Params) -> Result<u64, Fail> {
    let missing = || Fail::numeric(100, "Could not find value for parameter {id}");
    let own = params.exact("id").ok_or_else(missing)?;
    id(Some(own)).ok_or_else(|| Fail::bad("NOT_FOUND", "Дело не найдено"))
}

/// Makes a to-do, or writes an old one anew. It has no origin; its deadline is the portal's time.
fn todo(world: &mut PortalState, caller: &Caller, params: &Params, old: Option<u64>) -> Outcome {
    let need = |name: &str| {
        let value = params.exact(name).ok_or_else(|| {
            let text = format!("Could not find value for parameter {{{name}}}");
            Fail::numeric(100, &text)
        })?;
        Ok::<String, Fail>(text(value))
    };
    let (kind, card, deadline) = (need("ownerTypeId")?, need("ownerId")?, need("deadline")?);
    let Some(owner) = owner(world, kind.parse().ok(), card.parse().ok()) else {
        return Err(Fail::bad("OWNER_NOT_FOUND", "Владелец не найден"));
    };
    let Some(at) = world.clock.parse(&deadline) else {
        return Err(Fail::bad("WRONG_DATETIME_FORMAT", "Неверный формат даты"));
    };
    let responsible = id(params.exact("responsibleId")).unwrap_or(caller.user);
    let title = params.exact("title").map(text).filter(|t| !t.is_empty());
    let own = json!({
        "OWNER_ID": card, "OWNER_TYPE_ID": kind, "TYPE_ID": "6", "PROVIDER_ID": "CRM_TODO",
        "PROVIDER_TYPE_ID": "TODO", "SUBJECT": title.unwrap_or_else(|| "Дело".to_owned()),
        "START_TIME": iso(at), "END_TIME": iso(at), "DEADLINE": iso(at),
        "RESPONSIBLE_ID": responsible.to_string(), "DESCRIPTION_TYPE": "3",
        "DESCRIPTION": params.exact("description").map(text).unwrap_or_default(),
    });
    let row = laid(blank(&world.clock.stamp(), caller), own);
    let Some(old) = old else {
        return Ok(json!({ "id": keep(world, caller, owner, row) }).into());
    };
    let kept = world.crm.activities.find(Some(old));
    let kept = kept.map_err(|_| Fail::bad("NOT_FOUND", "Дело не найдено"))?;
    if let Value::Object(new) = row {
        kept.extend(new.into_iter().filter(|(name, _)| name != "CREATED"));
    }
    world.raise(caller, "ONCRMACTIVITYUPDATE", &[("ID", old.to_string())]);
    Ok(json!({ "id": old }).into())
}

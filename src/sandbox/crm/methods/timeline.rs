//! Comments, quiet messages and triggers.

use super::lists::{self, Source};
use crate::sandbox::{
    Caller, PortalState,
    crm::fields::Entity,
    protocol::{
        decode::{Params, id, text},
        envelope::{Fail, Outcome},
    },
};
use serde_json::{Value, json};

/// What was written on the cards.
#[derive(Debug, Default, Clone)]
pub(crate) struct Timeline {
    comments: Vec<Value>,
    messages: Vec<Value>,
    last_comment: u64,
}

impl Timeline {
    pub(crate) fn forget(&mut self, entity: Entity, card: u64) {
        let word = entity.word().to_lowercase();
        let card = card.to_string();
        self.comments.retain(|c| {
            c.get("ENTITY_TYPE").map(text) != Some(word.clone())
                || c.get("ENTITY_ID").map(text) != Some(card.clone())
        });
    }

    pub(crate) fn comments(&self) -> &[Value] {
        &self.comments
    }
}

/// The methods of this file.
pub(crate) fn call(
    world: &mut PortalState,
    caller: &Caller,
    path: &str,
    params: &Params,
) -> Option<Outcome> {
    Some(match path {
        "timeline.comment.add" => comment(world, caller, params),
        "timeline.comment.get" => {
            let wanted = id(params.any("id")).map(|id| id.to_string());
            let mut comments = world.crm.timeline.comments.iter();
            let found = comments.find(|c| c.get("ID").map(text) == wanted).cloned();
            found.map(Into::into).ok_or_else(Fail::not_found)
        }
        "timeline.comment.list" => list(world, params),
        "timeline.comment.update" => update(world, caller, params),
        "timeline.comment.delete" => delete(world, caller, params),
        "timeline.logmessage.add" => message(world, caller, params),
        "automation.trigger" => trigger(world, params),
        _ => return None,
    })
}

fn touch(world: &mut PortalState, caller: &Caller, entity: Entity, card: u64) {
    let stamp = world.clock.stamp();
    if let Some(item) = world.crm.item_mut(entity, card) {
        item.set("LAST_ACTIVITY_TIME", stamp);
        item.set("LAST_ACTIVITY_BY", caller.user.to_string());
    }
}

fn comment(world: &mut PortalState, caller: &Caller, params: &Params) -> Outcome {
    let none = Value::Null;
    let fields = params.any("fields").unwrap_or(&none);
    let words = fields.get("COMMENT").map(text).unwrap_or_default();
    let kind = fields
        .get("ENTITY_TYPE")
        .map(text)
        .unwrap_or_default()
        .to_lowercase();
    let card = id(fields.get("ENTITY_ID"));
    let owner = Entity::from_word(&kind).zip(card);
    let Some((entity, card)) = owner.filter(|(e, id)| world.crm.item(*e, *id).is_some()) else {
        return Err(Fail::bad("OWNER_NOT_FOUND", "Owner was not found"));
    };
    if words.is_empty() {
        return Err(Fail::bad("INVALID_ARG_VALUE", "Comment message is empty"));
    }
    let stamp = world.clock.stamp();
    let timeline = &mut world.crm.timeline;
    timeline.last_comment += 1;
    let own = timeline.last_comment;
    timeline.comments.push(json!({
        "ID": own.to_string(), "ENTITY_ID": card.to_string(), "ENTITY_TYPE": kind, "CREATED": stamp,
        "COMMENT": words, "AUTHOR_ID": caller.user.to_string(), "FILES": {},
    }));
    touch(world, caller, entity, card);
    world.raise(
        caller,
        "ONCRMTIMELINECOMMENTADD",
        &[("ID", own.to_string())],
    );
    Ok(Value::from(own).into())
}

fn missing(name: &str) -> Fail {
    let text = format!("Could not find value for parameter {{{name}}}");
    Fail::numeric(100, &text)
}

/// The place of a comment that is named by its id.
fn place(world: &PortalState, params: &Params) -> Result<usize, Fail> {
    let wanted = params.exact("id").ok_or_else(|| missing("id"))?;
    let wanted = id(Some(wanted)).map(|id| id.to_string());
    let mut comments = world.crm.timeline.comments.iter();
    comments
        .position(|c| c.get("ID").map(text) == wanted)
        .ok_or_else(|| Fail::bad("NOT_FOUND", "Элемент не найден"))
}

fn update(world: &mut PortalState, caller: &Caller, params: &Params) -> Outcome {
    let at = place(world, params)?;
    // Unlike `add`, this method reads its parameters by their exact names.
    let fields = params.exact("fields").ok_or_else(|| missing("fields"))?;
    let words = fields.get("COMMENT").map(text);
    if words.as_ref().is_some_and(String::is_empty) {
        return Err(Fail::bad("INVALID_ARG_VALUE", "Comment message is empty"));
    }
    let Some(comment) = world.crm.timeline.comments.get_mut(at) else {
        return Err(Fail::not_found());
    };
    let own = comment.get("ID").map(text).unwrap_or_default();
    if let (Some(words), Some(map)) = (words, comment.as_object_mut()) {
        map.insert("COMMENT".to_owned(), words.into());
    }
    world.raise(caller, "ONCRMTIMELINECOMMENTUPDATE", &[("ID", own.clone())]);
    Ok(own.parse::<u64>().map_or(Value::Null, Value::from).into())
}

fn delete(world: &mut PortalState, caller: &Caller, params: &Params) -> Outcome {
    let at = place(world, params)?;
    let gone = world.crm.timeline.comments.remove(at);
    let own = gone.get("ID").map(text).unwrap_or_default();
    world.raise(caller, "ONCRMTIMELINECOMMENTDELETE", &[("ID", own)]);
    Ok(Value::Null.into())
}

/// Comments are listed of one card only: both halves of its address are required.
fn list(world: &PortalState, params: &Params) -> Outcome {
    let filter = params.any("filter").ok_or_else(|| missing("filter"))?;
    if ["ENTITY_ID", "ENTITY_TYPE"]
        .iter()
        .any(|name| filter.get(*name).map(text).is_none_or(|v| v.is_empty()))
    {
        return Err(Fail::bad(
            "INVALID_ARG_VALUE",
            "Required fields are not set: ENTITY_ID, ENTITY_TYPE",
        ));
    }
    lists::plain(world, &world.crm.timeline.comments, params, Source::Classic)
}

/// A quiet line in the history of a card.
fn message(world: &mut PortalState, caller: &Caller, params: &Params) -> Outcome {
    let none = Value::Null;
    let fields = params.any("fields").unwrap_or(&none).clone();
    for name in ["entityTypeId", "entityId", "title", "text", "iconCode"] {
        if fields.get(name).map(text).is_none_or(|v| v.is_empty()) {
            let text = format!("Required field: {name}");
            return Err(Fail::numeric(100, &text));
        }
    }
    let owner = id(fields.get("entityTypeId"))
        .and_then(Entity::from_type_id)
        .zip(id(fields.get("entityId")));
    let Some((entity, card)) = owner.filter(|(e, id)| world.crm.item(*e, *id).is_some()) else {
        return Err(Fail::bad("OWNER_NOT_FOUND", "Owner was not found"));
    };
    let own = world.crm.timeline.messages.len() + 1;
    world.crm.timeline.messages.push(fields.clone());
    touch(world, caller, entity, card);
    let stamp = world.clock.stamp();
    Ok(json!({ "logMessage": {
        "id": own, "created": stamp, "authorId": caller.user,
        "title": fields.get("title"), "text": fields.get("text"),
        "iconCode": fields.get("iconCode"),
    } })
    .into())
}

fn trigger(world: &mut PortalState, params: &Params) -> Outcome {
    let target = params.any("target").map(text).unwrap_or_default();
    let code = params.any("code").map(text).unwrap_or_default();
    let card = target
        .split_once('_')
        .filter(|(word, _)| word.eq_ignore_ascii_case("DEAL"));
    let Some(card) = card.and_then(|(_, id)| id.parse::<u64>().ok()) else {
        return Err(Fail::plain("Incorrect target format"));
    };
    if world.crm.item(Entity::Deal, card).is_none() {
        return Err(Fail::not_found());
    }
    let due = world
        .crm
        .robots
        .iter()
        .filter(|robot| robot.trigger.as_deref() == Some(&code));
    for robot in due.cloned().collect::<Vec<_>>() {
        world.act(&robot.fields, card);
    }
    Ok(Value::Bool(true).into())
}

//! Comments, to-dos and triggers.

use serde_json::{Value, json};

use super::fields::Entity;
use super::lists::{self, Source};
use crate::sandbox::decode::{Params, id, text};
use crate::sandbox::envelope::{Fail, Outcome};
use crate::sandbox::world::{Caller, World};

/// What was written on the cards.
#[derive(Debug, Default, Clone)]
pub(crate) struct Timeline {
    comments: Vec<Value>,
    activities: Vec<Value>,
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

    pub(crate) fn activities(&self) -> &[Value] {
        &self.activities
    }
}

/// The methods of this file.
pub(crate) fn call(
    world: &mut World,
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
        "timeline.comment.list" => {
            lists::plain(world, &world.crm.timeline.comments, params, Source::Classic)
        }
        "activity.todo.add" => todo(world, params),
        "automation.trigger" => trigger(world, params),
        _ => return None,
    })
}

fn touch(world: &mut World, caller: &Caller, entity: Entity, card: u64) {
    let stamp = world.clock.stamp();
    if let Some(item) = world.crm.item_mut(entity, card) {
        item.set("LAST_ACTIVITY_TIME", stamp);
        item.set("LAST_ACTIVITY_BY", caller.user.to_string());
    }
}

fn comment(world: &mut World, caller: &Caller, params: &Params) -> Outcome {
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

fn todo(world: &mut World, params: &Params) -> Outcome {
    let need = |name: &str| {
        let value = params.exact(name).ok_or_else(|| {
            Fail::numeric(
                100,
                &format!("Could not find value for parameter {{{name}}}"),
            )
        })?;
        Ok::<String, Fail>(text(value))
    };
    let (kind, card, deadline) = (need("ownerTypeId")?, need("ownerId")?, need("deadline")?);
    let entity = kind.parse().ok().and_then(Entity::from_type_id);
    let owner = entity.zip(card.parse::<u64>().ok());
    if owner.is_none_or(|(e, id)| world.crm.item(e, id).is_none()) {
        return Err(Fail::bad("OWNER_NOT_FOUND", "Владелец не найден"));
    }
    let Some(at) = world.clock.parse(&deadline) else {
        return Err(Fail::bad("WRONG_DATETIME_FORMAT", "Неверный формат даты"));
    };
    let list = &mut world.crm.timeline.activities;
    let own = list.len() + 1;
    list.push(json!({
        "ID": own.to_string(), "OWNER_TYPE_ID": kind, "OWNER_ID": card,
        "DEADLINE": crate::sandbox::clock::iso(at),
        "SUBJECT": params.exact("title").map(text), "DESCRIPTION": params.exact("description").map(text),
    }));
    Ok(json!({ "id": own }).into())
}

fn trigger(world: &mut World, params: &Params) -> Outcome {
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

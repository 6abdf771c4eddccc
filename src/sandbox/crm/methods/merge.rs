//! Merging duplicates: the first card survives, the others are deleted.

use crate::sandbox::{
    Caller, PortalState,
    crm::{
        entities::{
            card::{Item, Link, ids},
            links::refresh,
        },
        fields::{Entity, is_empty},
    },
    protocol::{
        decode::{Params, id},
        envelope::{Fail, Outcome},
    },
};
use serde_json::{Value, json};

/// `crm.entity.mergeBatch`: merges cards of one kind into the first of them.
pub(crate) fn batch(world: &mut PortalState, caller: &Caller, params: &Params) -> Outcome {
    let none = Value::Null;
    let given = params.any("params").unwrap_or(&none);
    let entity = id(given.get("entityTypeId")).and_then(Entity::from_type_id);
    let Some(entity) = entity.filter(|e| *e != Entity::Deal || given.get("entityIds").is_some())
    else {
        return Err(Fail::plain(
            "Parameter 'entityTypeId' is not defined or invalid.",
        ));
    };
    let cards = given.get("entityIds").map(ids).unwrap_or_default();
    if cards.len() < 2 {
        return Err(Fail::plain(
            "Parameter 'entityIds' must contain at least two elements.",
        ));
    }
    let gone = world.merge(caller, entity, &cards);
    let status = if gone.is_empty() { "ERROR" } else { "SUCCESS" };
    Ok(json!({ "STATUS": status, "ENTITY_IDS": gone }).into())
}

impl PortalState {
    /// Merges cards into the first and returns the ids that are gone.
    pub(crate) fn merge(&mut self, caller: &Caller, entity: Entity, cards: &[u64]) -> Vec<u64> {
        let Some((&keeper, rest)) = cards.split_first() else {
            return Vec::new();
        };
        if cards.iter().any(|id| self.crm.item(entity, *id).is_none()) {
            return Vec::new();
        }
        let mut gone = Vec::new();
        for &other in rest.iter().filter(|id| **id != keeper) {
            let Some(lost) = self.crm.take(entity, other) else {
                continue;
            };
            if let Some(kept) = self.crm.item_mut(entity, keeper) {
                absorb(kept, lost);
            }
            self.relink(entity, other, keeper);
            let event = format!("ONCRM{}DELETE", entity.word());
            self.raise(caller, &event, &[("ID", other.to_string())]);
            gone.push(other);
        }
        if !gone.is_empty() {
            let stamp = self.clock.stamp();
            if let Some(kept) = self.crm.item_mut(entity, keeper) {
                kept.set("DATE_MODIFY", stamp);
            }
            let event = format!("ONCRM{}UPDATE", entity.word());
            self.raise(caller, &event, &[("ID", keeper.to_string())]);
        }
        gone
    }

    fn relink(&mut self, entity: Entity, from: u64, to: u64) {
        let (owners, field): (&[Entity], &str) = match entity {
            Entity::Contact => (&[Entity::Deal, Entity::Lead], ""),
            Entity::Company => (&[Entity::Contact, Entity::Deal, Entity::Lead], "COMPANY_ID"),
            Entity::Deal | Entity::Lead => (&[], ""),
        };
        for &owner in owners {
            let all: Vec<u64> = self.crm.items(owner).map(|item| item.id).collect();
            for id in all {
                let Some(item) = self.crm.item_mut(owner, id) else {
                    continue;
                };
                if entity == Entity::Company && owner != Entity::Contact {
                    if item.number(field) == Some(from) {
                        item.set(field, to.to_string());
                    }
                    continue;
                }
                let both = item.links.iter().any(|l| l.target == to);
                if both {
                    let was_primary = item.links.iter().any(|l| l.target == from && l.primary);
                    item.links.retain(|l| l.target != from);
                    for link in item
                        .links
                        .iter_mut()
                        .filter(|l| l.target == to && was_primary)
                    {
                        link.primary = true;
                    }
                } else {
                    for link in item.links.iter_mut().filter(|l| l.target == from) {
                        link.target = to;
                    }
                }
                refresh(owner, item);
            }
        }
    }
}

fn absorb(kept: &mut Item, lost: Item) {
    for field in lost.multifields {
        if !kept
            .multifields
            .iter()
            .any(|f| f.kind == field.kind && f.value == field.value)
        {
            kept.multifields.push(field);
        }
    }
    for (name, value) in lost.values {
        if kept.values.get(&name).is_none_or(is_empty) {
            kept.values.insert(name, value);
        }
    }
    for link in lost.links {
        if !kept.links.iter().any(|l| l.target == link.target) {
            kept.links.push(Link {
                primary: kept.links.is_empty(),
                ..link
            });
        }
    }
}

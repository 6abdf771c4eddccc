//! Links between cards: contacts of deals and leads, companies of contacts.

use super::card::{Item, Link, ids};
use crate::sandbox::{
    Caller, PortalState,
    crm::fields::Entity,
    protocol::{
        decode::{Params, elements, id, int, text, truthy},
        envelope::{Fail, Outcome},
    },
};
use serde_json::{Map, Value, json};

/// Makes exactly one link the primary one: the first that claims it, else the first.
fn one_primary(links: &mut [Link]) {
    let chosen = links.iter().position(|link| link.primary).unwrap_or(0);
    for (at, link) in links.iter_mut().enumerate() {
        link.primary = at == chosen;
    }
}

fn links_of(targets: &[u64]) -> Vec<Link> {
    let mut links: Vec<Link> = Vec::new();
    for target in targets {
        if !links.iter().any(|link| link.target == *target) {
            let sort = i64::try_from(links.len())
                .unwrap_or(0)
                .saturating_add(1)
                .saturating_mul(10);
            links.push(Link {
                target: *target,
                sort,
                primary: links.is_empty(),
            });
        }
    }
    links
}

fn target_of(entity: Entity) -> Option<(Entity, &'static str, &'static str)> {
    match entity {
        Entity::Deal | Entity::Lead => Some((Entity::Contact, "CONTACT_ID", "CONTACT_IDS")),
        Entity::Contact => Some((Entity::Company, "COMPANY_ID", "COMPANY_IDS")),
        Entity::Company => None,
    }
}

impl PortalState {
    /// Takes over the links that the fields of a write name; cards that do not exist are passed
    /// over.
    pub(crate) fn link_from(&self, entity: Entity, item: &mut Item, fields: &Map<String, Value>) {
        let Some((target, one, many)) = target_of(entity) else {
            return;
        };
        let exists = |id: &u64| self.crm.item(target, *id).is_some();
        if let Some(list) = fields.get(many) {
            let wanted: Vec<u64> = ids(list).into_iter().filter(exists).collect();
            item.links = links_of(&wanted);
        } else if let Some(value) = fields.get(one) {
            match id(Some(value)) {
                Some(wanted) if exists(&wanted) => {
                    if item.links.iter().any(|link| link.target == wanted) {
                        for link in &mut item.links {
                            link.primary = link.target == wanted;
                        }
                    } else {
                        item.links = links_of(&[wanted]);
                    }
                }
                None if int(value).is_some_and(|n| n == 0) || text(value).is_empty() => {
                    item.links.clear();
                }
                _ => {}
            }
        }
    }

    /// Takes a deleted card out of everybody's links.
    pub(crate) fn unlink_everywhere(&mut self, entity: Entity, gone: u64) {
        for owner in Entity::ALL {
            let ids: Vec<u64> = self.crm.items(owner).map(|item| item.id).collect();
            for id in ids {
                let Some(item) = self.crm.item_mut(owner, id) else {
                    continue;
                };
                if target_of(owner).is_some_and(|(target, ..)| target == entity) {
                    item.links.retain(|link| link.target != gone);
                    one_primary(&mut item.links);
                    refresh(owner, item);
                }
                if entity == Entity::Company
                    && matches!(owner, Entity::Deal | Entity::Lead)
                    && item.number("COMPANY_ID") == Some(gone)
                {
                    item.set("COMPANY_ID", "0");
                }
            }
        }
    }
}

pub(crate) fn refresh(owner: Entity, item: &mut Item) {
    if let Some((_, one, _)) = target_of(owner) {
        let primary = item
            .links
            .iter()
            .find(|l| l.primary)
            .map(|l| l.target.to_string());
        item.set(one, primary);
    }
}

fn read_link(value: &Value, key: &str, at: usize) -> Option<Link> {
    let target = id(value.get(key)).or_else(|| id(Some(value)))?;
    let usual = i64::try_from(at)
        .unwrap_or(0)
        .saturating_add(1)
        .saturating_mul(10);
    Some(Link {
        target,
        sort: value.get("SORT").and_then(int).unwrap_or(usual),
        primary: value.get("IS_PRIMARY").is_some_and(truthy),
    })
}

/// `crm.deal.contact.*`, `crm.contact.company.*` and their like.
pub(crate) fn call(
    world: &mut PortalState,
    caller: &Caller,
    entity: Entity,
    action: &str,
    params: &Params,
) -> Option<Outcome> {
    let (target, key, _) = target_of(entity)?;
    if action == "fields" {
        return Some(Ok(fields(key).into()));
    }
    let owner = match id(params.any("id")) {
        Some(owner) if world.crm.item(entity, owner).is_some() => owner,
        Some(_) => return Some(Err(Fail::not_found())),
        None => {
            let text = "The parameter 'ownerEntityID' is invalid or not defined.";
            return Some(Err(Fail::plain(text)));
        }
    };
    let before = world
        .crm
        .item(entity, owner)
        .map(|item| item.links.clone())
        .unwrap_or_default();
    let mut links = before.clone();
    let exists = |id: u64| world.crm.item(target, id).is_some();
    let outcome = match action {
        "items.get" => return Some(Ok(shown(&links, key).into())),
        "items.set" => replace(&mut links, key, params, &exists),
        "items.delete" => {
            links.clear();
            Ok(true)
        }
        "add" => add(&mut links, key, params, &exists),
        "delete" => remove(&mut links, key, params),
        _ => return None,
    };
    Some(outcome.map(|answer| {
        if links != before {
            save(world, caller, entity, owner, links);
        }
        Value::Bool(answer).into()
    }))
}

fn fields(key: &str) -> Value {
    let field = |kind: &str, required: bool| {
        json!({ "type": kind, "isRequired": required, "isReadOnly": false, "isImmutable": false,
            "isMultiple": false, "isDynamic": false })
    };
    json!({
        key: field("integer", true), "SORT": field("integer", false),
        "ROLE_ID": field("integer", false), "IS_PRIMARY": field("char", false),
    })
}

fn shown(links: &[Link], key: &str) -> Value {
    let list = links.iter().map(|link| {
        json!({ key: link.target, "SORT": link.sort, "ROLE_ID": 0,
            "IS_PRIMARY": if link.primary { "Y" } else { "N" } })
    });
    list.collect()
}

fn replace(
    links: &mut Vec<Link>,
    key: &str,
    params: &Params,
    exists: &dyn Fn(u64) -> bool,
) -> Result<bool, Fail> {
    let Some(items) = params
        .any("items")
        .filter(|v| v.is_array() || v.is_object())
    else {
        return Err(Fail::plain("The parameter 'items' must be array."));
    };
    let wanted = elements(items).into_iter().enumerate();
    let read = wanted.filter_map(|(at, value)| read_link(value, key, at));
    *links = read.filter(|link| exists(link.target)).collect();
    one_primary(links);
    Ok(true)
}

fn named(links: &[Link], key: &str, params: &Params) -> Result<Link, Fail> {
    let fields = params.any("fields").cloned().unwrap_or_default();
    let missing = || Fail::plain(&format!("The parameter '{key}' is not defined."));
    read_link(&fields, key, links.len()).ok_or_else(missing)
}

fn add(
    links: &mut Vec<Link>,
    key: &str,
    params: &Params,
    exists: &dyn Fn(u64) -> bool,
) -> Result<bool, Fail> {
    let link = named(links, key, params)?;
    if links.iter().any(|l| l.target == link.target) {
        return Ok(false);
    }
    if !exists(link.target) {
        return Err(Fail::not_found());
    }
    if link.primary {
        for other in links.iter_mut() {
            other.primary = false;
        }
    }
    links.push(link);
    one_primary(links);
    Ok(true)
}

fn remove(links: &mut Vec<Link>, key: &str, params: &Params) -> Result<bool, Fail> {
    let link = named(links, key, params)?;
    let before = links.len();
    links.retain(|l| l.target != link.target);
    one_primary(links);
    Ok(links.len() < before)
}

fn save(world: &mut PortalState, caller: &Caller, entity: Entity, owner: u64, links: Vec<Link>) {
    let stamp = world.clock.stamp();
    let Some(item) = world.crm.item_mut(entity, owner) else {
        return;
    };
    item.links = links;
    refresh(entity, item);
    item.set("DATE_MODIFY", stamp);
    item.set("MODIFY_BY_ID", caller.user.to_string());
    let event = format!("ONCRM{}UPDATE", entity.word());
    world.raise(caller, &event, &[("ID", owner.to_string())]);
}

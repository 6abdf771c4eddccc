//! Driving the portal over HTTP: what a manager does by hand, and what fate does.

use crate::sandbox::{
    Caller, Portal, PortalState,
    crm::{
        Robot,
        entities::card::{Item, Write},
        fields::Entity,
    },
    faults::{Faults, Gate, Order},
    options::{CatalogRights, Plan, Sight},
};
use axum::{
    Json,
    extract::{Path, Query, State},
    http::StatusCode,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// The person who works by hand: another one than the webhook's user.
const MANAGER: u64 = 7;
const NEWEST_CALLS: usize = 200;
const MOST_CARDS: usize = 2_000;

type HeldCall = State<Arc<Portal>>;
type Refusal = (StatusCode, Json<Value>);

pub(crate) fn manager() -> Caller {
    Caller::person(MANAGER)
}

/// Moves a deal by hand.
pub(crate) fn shift(world: &mut PortalState, id: u64, category: Option<u64>, stage: &str) -> bool {
    let Some(item) = world.crm.item(Entity::Deal, id) else {
        return false;
    };
    let to = category.unwrap_or_else(|| item.category());
    if world.crm.book.stage(Entity::Deal, to, stage).is_none() {
        return false;
    }
    let mut fields = Map::new();
    fields.insert("STAGE_ID".into(), stage.into());
    fields.insert("CATEGORY_ID".into(), to.into());
    let write = Write {
        fields,
        universal: true,
        ..Write::default()
    };
    world.change(&manager(), Entity::Deal, id, &write).is_ok()
}

/// Edits a deal by hand.
pub(crate) fn edit(world: &mut PortalState, id: u64, fields: &Value) -> bool {
    let fields = fields.as_object().cloned().unwrap_or_default();
    let write = Write {
        fields,
        ..Write::default()
    };
    world.change(&manager(), Entity::Deal, id, &write).is_ok()
}

fn missing() -> Refusal {
    (
        StatusCode::NOT_FOUND,
        Json(json!({ "error": "no such deal or lead, or no such stage in its funnel" })),
    )
}

fn done(yes: bool) -> Result<Json<Value>, Refusal> {
    if yes {
        Ok(Json(json!({ "ok": true })))
    } else {
        Err(missing())
    }
}

fn short(world: &PortalState, item: &Item) -> Value {
    let contact = item
        .number("CONTACT_ID")
        .and_then(|id| world.crm.item(Entity::Contact, id));
    let name = contact.map(|c| {
        format!("{} {}", c.text("NAME"), c.text("LAST_NAME"))
            .trim()
            .to_owned()
    });
    json!({
        "id": item.id, "title": item.text("TITLE"), "stage": item.text("STAGE_ID"),
        "category": item.category(), "sum": item.text("OPPORTUNITY"),
        "currency": item.text("CURRENCY_ID"), "contact": name, "moved": item.text("MOVED_TIME"),
        "origin": item.text("ORIGIN_ID"),
    })
}

/// The funnels with their stages, and the newest deals.
pub(crate) async fn state(State(portal): HeldCall) -> Json<Value> {
    Json(portal.with(|world| {
        let book = &world.crm.book;
        let funnels: Vec<Value> = book
            .funnels
            .iter()
            .map(|(id, name)| {
                let stages = book.stages(Entity::Deal, *id).map(|stage| {
                    json!(
                        {
                            "id": stage.id, "name": stage.name, "semantics":
                                stage.semantic().letter()
                        }
                    )
                });
                json!({ "id": id, "name": name, "stages": stages.collect::<Value>() })
            })
            .collect();
        let mut deals: Vec<&Item> = world.crm.items(Entity::Deal).collect();
        let total = deals.len();
        deals.reverse();
        deals.truncate(MOST_CARDS);
        let deals: Vec<Value> = deals.into_iter().map(|item| short(world, item)).collect();
        let count = |entity| world.crm.items(entity).count();
        json!({
            "funnels": funnels, "deals": deals, "total": total, "contacts": count(Entity::Contact),
            "companies": count(Entity::Company), "leads": count(Entity::Lead),
        })
    }))
}

/// One deal with its rows, history, contacts and comments.
pub(crate) async fn deal(
    State(portal): HeldCall,
    Path(id): Path<u64>,
) -> Result<Json<Value>, Refusal> {
    portal.with(|world| {
        let item = world.crm.item(Entity::Deal, id).ok_or_else(missing)?;
        let own = |(entity, m): &&(Entity, crate::sandbox::crm::stages::StageMove)| {
            *entity == Entity::Deal && m.owner == id
        };
        let history: Vec<Value> = world
            .crm
            .history
            .iter()
            .filter(own)
            .map(|(_, m)| m.value(Entity::Deal).into())
            .collect();
        let rows: Vec<Value> = item.rows.iter().map(|row| row.classic("D", id)).collect();
        let contacts = item
            .links
            .iter()
            .filter_map(|l| world.crm.item(Entity::Contact, l.target));
        let contacts: Vec<Value> = contacts.map(|c| world.card(Entity::Contact, c)).collect();
        let key = id.to_string();
        let here = |c: &&Value| {
            c.get("ENTITY_TYPE") == Some(&"deal".into())
                && c.get("ENTITY_ID") == Some(&key.as_str().into())
        };
        let comments: Vec<&Value> = world.crm.timeline.comments().iter().filter(here).collect();
        let on_it = |a: &&Value| {
            a.get("OWNER_TYPE_ID") == Some(&"2".into())
                && a.get("OWNER_ID") == Some(&key.as_str().into())
        };
        let todos: Vec<&Value> = world.crm.activities.rows().iter().filter(on_it).collect();
        Ok(Json(json!({
            "deal": world.card(Entity::Deal, item), "rows": rows, "history": history,
            "contacts": contacts, "comments": comments, "todos": todos,
        })))
    })
}

/// `GET /sandbox/stats`: what has happened so far, in numbers.
pub(crate) async fn stats(State(portal): HeldCall) -> Json<Value> {
    Json(portal.with(|world| json!(world.stats)))
}

#[derive(Debug, Deserialize)]
pub(crate) struct Last {
    last: Option<usize>,
}

/// The newest requests, oldest first.
pub(crate) async fn calls(State(portal): HeldCall, Query(query): Query<Last>) -> Json<Value> {
    let wanted = query.last.unwrap_or(NEWEST_CALLS);
    Json(portal.with(|world| {
        let skip = world.log.len().saturating_sub(wanted);
        json!(world.log.iter().skip(skip).collect::<Vec<_>>())
    }))
}

/// The shares of the faults and the orders still open.
pub(crate) async fn faults(State(portal): HeldCall) -> Json<Value> {
    Json(portal.with(
        |world| json!({ "shares": world.fault_plan.shares, "next": world.fault_plan.pending() }),
    ))
}

/// Replaces the shares; what is left out is 0. Open orders are dropped.
pub(crate) async fn set_faults(State(portal): HeldCall, Json(shares): Json<Faults>) -> Json<Value> {
    portal.with(|world| {
        world.fault_plan.shares = shares;
        world.fault_plan.clear_orders();
    });
    Json(json!({ "ok": true }))
}

/// Orders a fault for calls to come.
pub(crate) async fn fail_next(State(portal): HeldCall, Json(order): Json<Order>) -> Json<Value> {
    portal.with(|world| world.fault_plan.order(order));
    Json(json!({ "ok": true }))
}

/// Puts something before the portal that does not let everything pass; `null` lets everything pass.
pub(crate) async fn set_gate(
    State(portal): HeldCall,
    Json(gate): Json<Option<Gate>>,
) -> Json<Value> {
    portal.with(|world| world.gate = gate);
    Json(json!({ "ok": true }))
}

#[derive(Debug, Deserialize)]
pub(crate) struct Move {
    stage: String,
    category: Option<u64>,
}

/// Moves a deal by hand.
pub(crate) async fn move_deal(
    State(portal): HeldCall,
    Path(id): Path<u64>,
    Json(to): Json<Move>,
) -> Result<Json<Value>, Refusal> {
    let yes = portal.with(|world| shift(world, id, to.category, &to.stage));
    portal.deliver();
    done(yes)
}

/// Deletes a deal by hand.
pub(crate) async fn delete_deal(
    State(portal): HeldCall,
    Path(id): Path<u64>,
) -> Result<Json<Value>, Refusal> {
    let yes = portal.with(|world| world.remove(&manager(), Entity::Deal, id).is_ok());
    portal.deliver();
    done(yes)
}

/// Edits a deal by hand.
pub(crate) async fn edit_deal(
    State(portal): HeldCall,
    Path(id): Path<u64>,
    Json(fields): Json<Value>,
) -> Result<Json<Value>, Refusal> {
    let yes = portal.with(|world| edit(world, id, &fields));
    portal.deliver();
    done(yes)
}

/// Turns a lead into a contact and a deal, as the portal's automation or a manager does.
pub(crate) async fn convert_lead(
    State(portal): HeldCall,
    Path(id): Path<u64>,
) -> Result<Json<Value>, Refusal> {
    let yes = portal.with(|world| world.convert(id));
    portal.deliver();
    done(yes)
}

#[derive(Debug, Deserialize)]
pub(crate) struct Merge {
    ids: Vec<u64>,
}

/// Merges contacts by hand.
pub(crate) async fn merge_contacts(
    State(portal): HeldCall,
    Json(cards): Json<Merge>,
) -> Json<Value> {
    let gone = portal.with(|world| world.merge(&manager(), Entity::Contact, &cards.ids));
    portal.deliver();
    Json(json!({ "gone": gone }))
}

/// The rules of the portal's automation.
pub(crate) async fn robots(State(portal): HeldCall) -> Json<Value> {
    Json(portal.with(|world| json!(world.crm.robots)))
}

/// Replaces the rules of the portal's automation.
pub(crate) async fn set_robots(
    State(portal): HeldCall,
    Json(rules): Json<Vec<Robot>>,
) -> Json<Value> {
    portal.with(|world| world.crm.robots = rules);
    Json(json!({ "ok": true }))
}

#[derive(Debug, Deserialize)]
pub(crate) struct Hook {
    url: String,
    application_token: String,
    #[serde(default)]
    events: Vec<String>,
}

/// Adds an outgoing webhook.
pub(crate) async fn add_webhook(State(portal): HeldCall, Json(hook): Json<Hook>) -> Json<Value> {
    let events = hook
        .events
        .iter()
        .map(|event| event.to_uppercase())
        .collect();
    portal.with(|world| {
        world
            .events
            .add_webhook(&hook.url, &hook.application_token, events);
    });
    Json(json!({ "ok": true }))
}

/// The states of a portal that its owner does not choose.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Switches {
    webhook_revoked: Option<bool>,
    overloaded: Option<bool>,
    free_plan: Option<bool>,
    without_rights: Option<bool>,
    sight: Option<Sight>,
    forgets_moves: Option<bool>,
    expire_tokens: Option<bool>,
    moved_to: Option<String>,
    unlimited: Option<bool>,
    webhook_scopes: Option<Vec<String>>,
    forget_refresh_tokens: Option<bool>,
    currencies: Option<Vec<String>>,
    leads: Option<bool>,
    inventory: Option<bool>,
    catalog_rights: Option<CatalogRights>,
    operating_window_seconds: Option<i64>,
    new_stage: Option<NewStage>,
    /// A stage that somebody takes away, by its id.
    lost_stage: Option<String>,
}

/// A stage that somebody adds to a funnel of deals.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewStage {
    #[serde(default)]
    category: u64,
    code: String,
    name: String,
}

/// Sets some of those states. An empty `moved_to` ends the redirects.
pub(crate) async fn switch(State(portal): HeldCall, Json(wanted): Json<Switches>) -> Json<Value> {
    portal.with(|world| {
        if let Some(on) = wanted.webhook_revoked {
            world.webhook_revoked = on;
        }
        if let Some(on) = wanted.overloaded {
            world.overloaded = on;
        }
        if let Some(on) = wanted.free_plan {
            world.options.free_plan = on;
        }
        if let Some(on) = wanted.without_rights {
            world.options.without_rights = on;
        }
        if let Some(sight) = wanted.sight {
            world.options.sight = sight;
        }
        if let Some(on) = wanted.forgets_moves {
            world.options.forgets_moves = on;
        }
        if wanted.expire_tokens == Some(true) {
            world.tokens.expire();
        }
        if let Some(scopes) = wanted.webhook_scopes {
            world.options.webhook_scopes = scopes;
        }
        if wanted.forget_refresh_tokens == Some(true) {
            world.tokens.forget_refresh();
        }
        if let Some(currencies) = wanted.currencies {
            world.options.currencies = currencies;
        }
        if let Some(on) = wanted.leads {
            world.options.leads = on;
        }
        if let Some(on) = wanted.inventory {
            world.options.inventory = on;
        }
        if let Some(rights) = wanted.catalog_rights {
            world.options.catalog_rights = rights;
        }
        if let Some(seconds) = wanted.operating_window_seconds {
            world.operating.window = seconds;
        }
        if let Some(stage) = wanted.new_stage {
            world
                .crm
                .book
                .grow(stage.category, &stage.code, &stage.name);
        }
        if let Some(id) = &wanted.lost_stage {
            world.crm.book.lose(id);
        }
        if let Some(host) = wanted.moved_to {
            world.moved_to = Some(host).filter(|host| !host.is_empty());
        }
        if let Some(on) = wanted.unlimited {
            world.options.plan = if on { Plan::Unlimited } else { Plan::Standard };
        }
    });
    Json(json!({ "ok": true }))
}

/// Posts ONAPPINSTALL to an application.
pub(crate) async fn install(
    State(portal): HeldCall,
    Path(client): Path<String>,
) -> Result<Json<Value>, Refusal> {
    let message = portal.with(|world| world.installation(&client));
    let found = message.map(|message| portal.send(message)).is_some();
    done(found)
}

/// Keeps the CRM as it is, for a later restore.
pub(crate) async fn back_up(State(portal): HeldCall) -> Json<Value> {
    portal.with(PortalState::back_up);
    Json(json!({ "ok": true }))
}

/// Puts the CRM back to what was kept.
pub(crate) async fn restore(State(portal): HeldCall) -> Result<Json<Value>, Refusal> {
    done(portal.with(PortalState::restore))
}

/// Lets another account, an empty one, answer at this address.
pub(crate) async fn replace(State(portal): HeldCall) -> Json<Value> {
    portal.with(PortalState::replace);
    Json(json!({ "ok": true }))
}

/// Forgets everything but the settings.
pub(crate) async fn reset(State(portal): HeldCall) -> Json<Value> {
    portal.with(PortalState::reset);
    Json(json!({ "ok": true }))
}

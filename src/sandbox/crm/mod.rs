//! The CRM: its objects, and the methods by which they are read and written.

pub(crate) mod dictionaries;
pub(crate) mod entities;
pub(crate) mod fields;
mod lead_mode;
pub(crate) mod methods;
pub(crate) mod render;
mod stage_moves;
pub(crate) mod stages;
mod values;

use super::{
    Caller, PortalState,
    catalog::{self, Catalogue},
    options::Options,
    protocol::{decode::Params, envelope::Outcome},
};
use entities::card::Item;
use fields::Entity;
use methods::{
    activities::Activities, requisites::Requisites, timeline::Timeline, userfields::UserField,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stages::{Book, StageMove};
use std::collections::BTreeMap;

/// A rule of the portal's own automation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Robot {
    /// Acts when a deal comes to this stage.
    #[serde(default)]
    pub stage: Option<String>,
    /// Acts when this trigger is pulled for a deal.
    #[serde(default)]
    pub trigger: Option<String>,
    /// What it writes into the deal, by classic names.
    pub fields: Map<String, Value>,
}

/// Everything in the CRM.
#[derive(Clone)]
pub(crate) struct Crm {
    items: BTreeMap<Entity, BTreeMap<u64, Item>>,
    last_item: BTreeMap<Entity, u64>,
    pub(crate) last_multifield: u64,
    pub(crate) last_row: u64,
    pub(crate) book: Book,
    pub(crate) history: Vec<(Entity, StageMove)>,
    last_move: u64,
    pub(crate) requisites: Requisites,
    pub(crate) timeline: Timeline,
    pub(crate) activities: Activities,
    pub(crate) catalogue: Catalogue,
    waiting: lead_mode::Waiting,
    pub(crate) user_fields: Vec<UserField>,
    pub(crate) robots: Vec<Robot>,
    /// The method that this one request may not use, by order of a fault.
    pub(crate) blocked: Option<String>,
}

impl Crm {
    pub(crate) fn new(options: &Options) -> Self {
        Self {
            items: BTreeMap::new(),
            last_item: BTreeMap::new(),
            last_multifield: 0,
            last_row: 0,
            book: Book::new(options),
            history: Vec::new(),
            last_move: 0,
            requisites: Requisites::default(),
            timeline: Timeline::default(),
            activities: Activities::default(),
            catalogue: Catalogue::default(),
            waiting: lead_mode::Waiting::default(),
            user_fields: Vec::new(),
            robots: Vec::new(),
            blocked: None,
        }
    }

    pub(crate) fn items(&self, entity: Entity) -> impl Iterator<Item = &Item> {
        self.items
            .get(&entity)
            .into_iter()
            .flat_map(BTreeMap::values)
    }

    pub(crate) fn item(&self, entity: Entity, id: u64) -> Option<&Item> {
        self.items.get(&entity)?.get(&id)
    }

    pub(crate) fn item_mut(&mut self, entity: Entity, id: u64) -> Option<&mut Item> {
        self.items.get_mut(&entity)?.get_mut(&id)
    }

    pub(crate) fn insert(&mut self, entity: Entity, item: Item) {
        self.items.entry(entity).or_default().insert(item.id, item);
    }

    pub(crate) fn take(&mut self, entity: Entity, id: u64) -> Option<Item> {
        self.items.get_mut(&entity)?.remove(&id)
    }

    pub(crate) fn next_id(&mut self, entity: Entity) -> u64 {
        let last = self.last_item.entry(entity).or_insert(0);
        *last += 1;
        *last
    }
}

/// The methods of the CRM and the catalogue; `None` when there is no such method.
pub(crate) fn call(
    world: &mut PortalState,
    caller: &Caller,
    method: &str,
    params: &Params,
) -> Option<Outcome> {
    if let Some(path) = method.strip_prefix("catalog.") {
        return catalog::call(world, caller, path, params);
    }
    let path = method.strip_prefix("crm.")?;
    let (head, tail) = path.split_once('.')?;
    match head {
        "item" => match tail.strip_prefix("productrow.") {
            Some(action) => methods::productrows::universal(world, caller, action, params),
            None => methods::universal::call(world, caller, tail, params),
        },
        "deal" | "lead" | "contact" | "company" => {
            let entity = Entity::from_word(head)?;
            if let Some(action) = tail.strip_prefix("productrows.") {
                return methods::productrows::classic(world, caller, entity, action, params);
            }
            if let Some(action) = tail.strip_prefix("userfield.") {
                return methods::userfields::call(world, entity, action, params);
            }
            match tail.split_once('.') {
                Some(("contact" | "company", action)) => {
                    entities::links::call(world, caller, entity, action, params)
                }
                _ => methods::classic::call(world, caller, entity, tail, params),
            }
        }
        "status" | "category" | "dealcategory" | "stagehistory" => {
            stages::call(world, path, params)
        }
        "currency" | "measure" => dictionaries::call(world, path, params),
        "duplicate" => Some(methods::duplicates::find(world, params)),
        "entity" => Some(methods::merge::batch(world, caller, params)),
        "requisite" | "address" => methods::requisites::call(world, caller, path, params),
        "timeline" | "automation" => methods::timeline::call(world, caller, path, params),
        "activity" => methods::activities::call(world, caller, path, params),
        "settings" => lead_mode::call(world, path),
        _ => None,
    }
}

//! With leads or without: what the portal does to a lead behind everybody's back.
//!
//! Where leads are switched off a new lead is still taken, and turns into a contact and a deal some
//! time later, provided that it has a name. There is no method for that, and nothing tells of it
//! but the lead's own stage and the deal's `LEAD_ID`.

use super::{
    entities::{
        card::{Item, Write},
        multifields::Change,
    },
    fields::Entity,
};
use crate::sandbox::{Caller, PortalState, protocol::envelope::Outcome};
use chrono::{DateTime, FixedOffset};
use serde_json::{Map, Value};

const CONVERTED: &str = "CONVERTED";

/// What a deal takes over from the lead that it was made of. Its origin is not among it.
const CARRIED: [&str; 13] = [
    "TITLE",
    "SOURCE_ID",
    "SOURCE_DESCRIPTION",
    "COMMENTS",
    "CURRENCY_ID",
    "OPPORTUNITY",
    "IS_MANUAL_OPPORTUNITY",
    "ASSIGNED_BY_ID",
    "UTM_SOURCE",
    "UTM_MEDIUM",
    "UTM_CAMPAIGN",
    "UTM_CONTENT",
    "UTM_TERM",
];

/// Leads that wait to be turned into deals.
#[derive(Debug, Default, Clone)]
pub(crate) struct Waiting(Vec<(DateTime<FixedOffset>, u64)>);

/// `crm.settings.mode.get`: 1 with leads, 2 without.
pub(crate) fn call(world: &PortalState, path: &str) -> Option<Outcome> {
    let mode = if world.options.leads { 1 } else { 2 };
    (path == "settings.mode.get").then(|| Ok(Value::from(mode).into()))
}

impl PortalState {
    /// Notes a new lead that is to be converted where the portal has none.
    pub(super) fn await_conversion(&mut self, lead: u64) {
        let named = self
            .crm
            .item(Entity::Lead, lead)
            .is_some_and(|item| !item.text("NAME").is_empty());
        if !self.options.leads && named {
            let after = chrono::TimeDelta::from_std(self.options.conversion_delay);
            let due = self.clock.now() + after.unwrap_or_default();
            self.crm.waiting.0.push((due, lead));
        }
    }

    /// Converts the leads whose time has come.
    pub(crate) fn convert_due(&mut self) {
        if self.crm.waiting.0.is_empty() {
            return;
        }
        let now = self.clock.now();
        let (due, later) = std::mem::take(&mut self.crm.waiting.0)
            .into_iter()
            .partition::<Vec<_>, _>(|(at, _)| *at <= now);
        self.crm.waiting.0 = later;
        for (_, lead) in due {
            self.convert(lead);
        }
    }

    /// Turns a lead into a contact and a deal, as the portal does by itself. False where it cannot.
    pub(crate) fn convert(&mut self, lead: u64) -> bool {
        let robot = Caller {
            robot: true,
            ..Caller::person(self.options.webhook_user)
        };
        let Some(item) = self.crm.item(Entity::Lead, lead).cloned() else {
            return false;
        };
        if item.text("STATUS_ID") == CONVERTED {
            return false;
        }
        let Some(contact) = item
            .number("CONTACT_ID")
            .or_else(|| self.contact_of(&robot, &item))
        else {
            return false;
        };
        let mut fields: Map<String, Value> = CARRIED
            .iter()
            .filter_map(|name| Some(((*name).to_owned(), item.values.get(*name)?.clone())))
            .collect();
        fields.insert("CONTACT_ID".to_owned(), contact.into());
        if let Some(company) = item.number("COMPANY_ID") {
            fields.insert("COMPANY_ID".to_owned(), company.into());
        }
        let write = Write {
            fields,
            ..Write::default()
        };
        let Ok(deal) = self.create(&robot, Entity::Deal, &write) else {
            return false;
        };
        if let Some(made) = self.crm.item_mut(Entity::Deal, deal) {
            made.set("LEAD_ID", lead.to_string());
            made.rows.clone_from(&item.rows);
        }
        self.rows_changed(&robot, Entity::Deal, deal);
        let mut fields = Map::new();
        fields.insert("STATUS_ID".to_owned(), CONVERTED.into());
        fields.insert("CONTACT_ID".to_owned(), contact.into());
        let write = Write {
            fields,
            ..Write::default()
        };
        self.change(&robot, Entity::Lead, lead, &write).is_ok()
    }

    fn contact_of(&mut self, robot: &Caller, lead: &Item) -> Option<u64> {
        let mut fields = Map::new();
        for name in [
            "NAME",
            "LAST_NAME",
            "SECOND_NAME",
            "SOURCE_ID",
            "ASSIGNED_BY_ID",
        ] {
            fields.insert(name.to_owned(), lead.values.get(name).cloned().into());
        }
        let multifields = lead.multifields.iter().map(|field| Change::Add {
            kind: field.kind.clone(),
            value: field.value.clone(),
            value_type: Some(field.value_type.clone()),
        });
        let write = Write {
            fields,
            multifields: multifields.collect(),
            ..Write::default()
        };
        let contact = self.create(robot, Entity::Contact, &write).ok()?;
        if let Some(made) = self.crm.item_mut(Entity::Contact, contact) {
            made.set("LEAD_ID", lead.id.to_string());
        }
        Some(contact)
    }
}

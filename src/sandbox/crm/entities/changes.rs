//! The life of a card: made, changed, deleted, with the defaults and silences of the real thing.

use super::{
    card::{Item, Write},
    multifields,
};
use crate::sandbox::{
    Caller, PortalState,
    crm::{
        fields::{Entity, is_empty},
        values::settle,
    },
    protocol::{decode::text, envelope::Fail},
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

impl PortalState {
    /// Makes a card and returns its id.
    pub(crate) fn create(
        &mut self,
        caller: &Caller,
        entity: Entity,
        write: &Write,
    ) -> Result<u64, Fail> {
        let values = self.accepted(entity, write, true);
        let mut item = Item {
            id: 0,
            values: BTreeMap::new(),
            multifields: Vec::new(),
            links: Vec::new(),
            rows: Vec::new(),
        };
        self.check(entity, &values, &item, write.universal)?;
        item.id = self.crm.next_id(entity);
        self.defaults(caller, entity, &mut item);
        let moved = values.get("MOVED_TIME").cloned();
        for (name, value) in values {
            if !(is_empty(&value)
                && matches!(
                    name.as_str(),
                    "TITLE" | "ASSIGNED_BY_ID" | "CURRENCY_ID" | "CATEGORY_ID"
                ))
            {
                item.values.insert(name, value);
            }
        }
        if let Some(field) = entity.stage_field() {
            let category = self.crm.book.category_or_default(entity, item.category());
            if entity == Entity::Deal {
                item.set("CATEGORY_ID", category.to_string());
            }
            let wanted = item.text(field).to_owned();
            let first = self.crm.book.first(entity, category);
            let stage = self.crm.book.stage(entity, category, &wanted).or(first);
            if let Some(stage) = stage {
                let (code, semantic) = (stage.id.clone(), stage.semantic());
                self.enter(entity, &mut item, &code, semantic, 1);
            }
            if let Some(moved) = moved {
                item.set("MOVED_TIME", moved);
            }
        }
        multifields::apply(
            &mut item.multifields,
            &write.multifields,
            &mut self.crm.last_multifield,
        );
        self.link_from(entity, &mut item, &write.fields);
        settle(entity, &mut item);
        let id = item.id;
        self.crm.insert(entity, item);
        if !write.import || !write.universal {
            self.announce(caller, entity, "ADD", id);
            self.run_robots(caller, entity, id);
        }
        if entity == Entity::Lead {
            self.await_conversion(id);
        }
        Ok(id)
    }

    /// Changes a card; the answer tells whether anything was saved.
    pub(crate) fn change(
        &mut self,
        caller: &Caller,
        entity: Entity,
        id: u64,
        write: &Write,
    ) -> Result<bool, Fail> {
        let mut item = self
            .crm
            .item(entity, id)
            .cloned()
            .ok_or_else(Fail::not_found)?;
        let before = item.clone();
        let mut values = self.accepted(entity, write, false);
        self.check(entity, &values, &item, write.universal)?;
        if entity == Entity::Lead && values.get("TITLE").is_some_and(is_empty) {
            values.remove("TITLE");
        }
        let stage = entity.stage_field().and_then(|field| values.remove(field));
        let category = values
            .remove("CATEGORY_ID")
            .and_then(|v| text(&v).parse().ok());
        item.values.extend(values);
        multifields::apply(
            &mut item.multifields,
            &write.multifields,
            &mut self.crm.last_multifield,
        );
        self.link_from(entity, &mut item, &write.fields);
        let target = (category, stage.as_ref().map(text));
        let moved = self.restage(caller, entity, &mut item, target, write.universal)?;
        settle(entity, &mut item);
        if write.universal && item == before {
            return Ok(false);
        }
        item.set("DATE_MODIFY", self.clock.stamp());
        item.set("MODIFY_BY_ID", caller.user.to_string());
        self.crm.insert(entity, item);
        if moved {
            self.announce_move(caller, id);
        } else {
            self.announce(caller, entity, "UPDATE", id);
        }
        if self.crm.item(entity, id).is_some_and(|now| {
            entity
                .stage_field()
                .is_some_and(|field| now.text(field) != before.text(field))
        }) {
            self.run_robots(caller, entity, id);
        }
        Ok(true)
    }

    /// Deletes a card, whose links to other cards go with it. The error is the portal's own for
    /// none.
    pub(crate) fn remove(&mut self, caller: &Caller, entity: Entity, id: u64) -> Result<(), Fail> {
        self.crm.take(entity, id).ok_or_else(Fail::not_found)?;
        self.unlink_everywhere(entity, id);
        self.crm.timeline.forget(entity, id);
        self.crm.activities.forget(entity, id);
        if self.options.forgets_moves {
            let moves = &mut self.crm.history;
            moves.retain(|(own, moved)| *own != entity || moved.owner != id);
        }
        self.announce(caller, entity, "DELETE", id);
        Ok(())
    }

    /// Notes that rows have changed and brings the sum up to date.
    pub(crate) fn rows_changed(&mut self, caller: &Caller, entity: Entity, id: u64) {
        let stamp = self.clock.stamp();
        let Some(item) = self.crm.item_mut(entity, id) else {
            return;
        };
        let before = item.text("OPPORTUNITY").to_owned();
        if item.rows.is_empty() && item.text("IS_MANUAL_OPPORTUNITY") != "Y" {
            item.set("OPPORTUNITY", "0.00");
            item.set("TAX_VALUE", "0.00");
        }
        settle(entity, item);
        if item.text("OPPORTUNITY") != before {
            item.set("DATE_MODIFY", stamp);
            item.set("MODIFY_BY_ID", caller.user.to_string());
            self.announce(caller, entity, "UPDATE", id);
        }
    }

    /// Lets the portal's automation write into a deal.
    pub(crate) fn act(&mut self, fields: &Map<String, Value>, id: u64) {
        let robot = Caller {
            robot: true,
            ..Caller::person(self.options.webhook_user)
        };
        let write = Write {
            fields: fields.clone(),
            universal: true,
            ..Write::default()
        };
        // A rule that does not fit the deal does nothing, as in the portal.
        let _ = self.change(&robot, Entity::Deal, id, &write);
    }
}

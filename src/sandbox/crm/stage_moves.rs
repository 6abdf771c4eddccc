//! Cards that move between stages and funnels, who is told of it, and the robots that it starts.

use super::{entities::card::Item, fields::Entity, stages::Semantic};
use crate::sandbox::{Caller, PortalState, events::MOVED, protocol::envelope::Fail};

impl PortalState {
    /// Moves a card to another stage or funnel; true when the funnel changed.
    pub(super) fn restage(
        &mut self,
        caller: &Caller,
        entity: Entity,
        item: &mut Item,
        target: (Option<u64>, Option<String>),
        universal: bool,
    ) -> Result<bool, Fail> {
        let Some(field) = entity.stage_field() else {
            return Ok(false);
        };
        let (category, stage) = target;
        let from = item.category();
        let to = category.unwrap_or(from);
        let known = stage
            .as_deref()
            .and_then(|stage| self.crm.book.stage(entity, to, stage))
            .or_else(|| {
                (to != from)
                    .then(|| self.crm.book.first(entity, to))
                    .flatten()
            });
        let Some(next) = known.map(|s| (s.id.clone(), s.semantic())) else {
            // A stage of another funnel: an error in the universal methods, silence in the classic
            // ones.
            let wrong = universal && (to != from || stage.is_some_and(|s| !s.is_empty()));
            return if wrong {
                let text = "Неверное значение поля «Стадия»";
                Err(Fail::bad("CRM_FIELD_ERROR_VALUE_NOT_VALID", text))
            } else {
                Ok(false)
            };
        };
        if to == from && item.text(field) == next.0 {
            return Ok(false);
        }
        item.set("MOVED_BY_ID", caller.user.to_string());
        if to != from {
            item.set("CATEGORY_ID", to.to_string());
        }
        let kind = match (to != from, next.1) {
            (true, _) => 5,
            (false, Semantic::Process) => 2,
            (false, _) => 3,
        };
        self.enter(entity, item, &next.0, next.1, kind);
        Ok(to != from)
    }

    /// Puts a card into a stage and writes it into the history.
    pub(super) fn enter(
        &mut self,
        entity: Entity,
        item: &mut Item,
        stage: &str,
        semantic: Semantic,
        kind: u8,
    ) {
        let (field, meaning) = match entity {
            Entity::Lead => ("STATUS_ID", "STATUS_SEMANTIC_ID"),
            _ => ("STAGE_ID", "STAGE_SEMANTIC_ID"),
        };
        item.set(field, stage);
        item.set(meaning, semantic.letter());
        item.set("MOVED_TIME", self.clock.stamp());
        if kind == 1 {
            let author = item.text("CREATED_BY_ID").to_owned();
            item.set("MOVED_BY_ID", author);
        }
        if entity == Entity::Deal {
            let first = self
                .crm
                .book
                .first(entity, item.category())
                .is_some_and(|s| s.id == stage);
            let closed = semantic != Semantic::Process;
            item.set("IS_NEW", if first { "Y" } else { "N" });
            item.set("CLOSED", if closed { "Y" } else { "N" });
            if closed && kind != 1 {
                item.set("CLOSEDATE", self.clock.day_from_now(0));
            }
        }
        let category = item.category();
        let at = self.clock.stamp();
        self.crm
            .write_history(entity, item.id, category, stage, semantic, kind, at);
    }

    pub(super) fn announce(&mut self, caller: &Caller, entity: Entity, what: &str, id: u64) {
        let event = format!("ONCRM{}{what}", entity.word());
        self.raise(caller, &event, &[("ID", id.to_string())]);
    }

    pub(super) fn announce_move(&mut self, caller: &Caller, id: u64) {
        let Some(item) = self.crm.item(Entity::Deal, id) else {
            return;
        };
        let stage = item.text("STAGE_ID").to_owned();
        let category = item.category().to_string();
        let fields = [
            ("ID", id.to_string()),
            ("CATEGORY_ID", category),
            ("STAGE_ID", stage),
        ];
        self.raise(caller, MOVED, &fields);
    }

    pub(super) fn run_robots(&mut self, caller: &Caller, entity: Entity, id: u64) {
        if caller.robot || entity != Entity::Deal {
            return;
        }
        let stage = self
            .crm
            .item(entity, id)
            .map(|item| item.text("STAGE_ID").to_owned());
        let due = self
            .crm
            .robots
            .iter()
            .filter(|r| r.stage.is_some() && r.stage == stage);
        for robot in due.cloned().collect::<Vec<_>>() {
            self.act(&robot.fields, id);
        }
    }
}

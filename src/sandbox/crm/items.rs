//! The life of a card: made, changed, deleted, with the defaults and silences of the real thing.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fields::{Access, Entity, Kind, is_empty};
use super::links::Link;
use super::multifields::{self, Change, Multifield};
use super::rows::{self, Row, cents};
use super::stages::Semantic;
use super::userfields::UserField;
use crate::sandbox::decode::{elements, id, int, text, truthy};
use crate::sandbox::envelope::Fail;
use crate::sandbox::events::MOVED;
use crate::sandbox::world::{Caller, World};

const LONGEST_TEXT: usize = 255;

/// A lead, deal, contact or company. Values are strings, nulls, or lists of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Item {
    pub(crate) id: u64,
    pub(crate) values: BTreeMap<String, Value>,
    pub(crate) multifields: Vec<Multifield>,
    pub(crate) links: Vec<Link>,
    pub(crate) rows: Vec<Row>,
}

impl Item {
    pub(crate) fn text(&self, name: &str) -> &str {
        self.values.get(name).and_then(Value::as_str).unwrap_or("")
    }

    pub(crate) fn number(&self, name: &str) -> Option<u64> {
        self.text(name).parse().ok()
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.values.insert(name.to_owned(), value.into());
    }

    /// The funnel; leads have none and count as funnel 0.
    pub(crate) fn category(&self) -> u64 {
        self.number("CATEGORY_ID").unwrap_or(0)
    }
}

/// What a call wants to write, by classic names.
#[derive(Debug, Default)]
pub(crate) struct Write {
    pub(crate) fields: Map<String, Value>,
    pub(crate) multifields: Vec<Change>,
    /// Whether dates and authors may be given too, as an import may.
    pub(crate) import: bool,
    /// Whether the funnel may change, as the universal methods may.
    pub(crate) universal: bool,
}

impl Write {
    /// Reads the `fields` of a classic method.
    pub(crate) fn classic(entity: Entity, fields: &Map<String, Value>) -> Result<Self, Fail> {
        let mut write = Self {
            fields: fields.clone(),
            ..Self::default()
        };
        if entity.has_multifields() {
            for kind in multifields::TYPES {
                if let Some(value) = fields.get(kind) {
                    write.multifields.extend(multifields::classic(kind, value)?);
                }
            }
        }
        Ok(write)
    }
}

impl World {
    /// Brings a value into the form in which it is kept; `None` means that it is passed over.
    fn kept(&self, kind: Kind, value: &Value) -> Option<Value> {
        let plain = text(value);
        Some(match kind {
            Kind::Int | Kind::User | Kind::Category | Kind::Link(_) => match int(value) {
                Some(n) if n > 0 || matches!(kind, Kind::Int | Kind::Category) => {
                    n.to_string().into()
                }
                Some(_) => Value::Null,
                None if plain.is_empty() => Value::Null,
                None => return None,
            },
            Kind::Money if plain.is_empty() => "0.00".into(),
            Kind::Day | Kind::Moment | Kind::Text | Kind::Status(_) | Kind::Currency
                if plain.is_empty() =>
            {
                Value::Null
            }
            Kind::Money => format!("{:.2}", cents(rows::decimal(Some(value))?)).into(),
            Kind::Flag => if truthy(value) { "Y" } else { "N" }.into(),
            Kind::Bool => if truthy(value) { "1" } else { "0" }.into(),
            Kind::Day => self.clock.day(&plain)?.into(),
            Kind::Moment => crate::sandbox::clock::iso(self.clock.parse(&plain)?).into(),
            Kind::Text | Kind::Status(_) | Kind::Currency => plain.into(),
        })
    }

    /// The values that a write really sets: known fields, open for writing, with readable values.
    fn accepted(&self, entity: Entity, write: &Write, new: bool) -> BTreeMap<String, Value> {
        let mut accepted = BTreeMap::new();
        let dates = [
            "DATE_CREATE",
            "DATE_MODIFY",
            "CREATED_BY_ID",
            "MODIFY_BY_ID",
            "MOVED_TIME",
            "MOVED_BY_ID",
        ];
        for (name, value) in &write.fields {
            if let Some(field) = entity.field(name) {
                let open = match field.access {
                    Access::Write => true,
                    Access::Once => new || write.universal,
                    Access::Read => write.import && dates.contains(&field.name),
                };
                if let (true, Some(mut value)) = (open, self.kept(field.kind, value)) {
                    if matches!(field.name, "TITLE" | "NAME" | "LAST_NAME" | "SECOND_NAME")
                        && let Value::String(text) = &value
                    {
                        value = text.chars().take(LONGEST_TEXT).collect::<String>().into();
                    }
                    accepted.insert(name.clone(), value);
                }
            } else if let Some(field) = self
                .crm
                .user_fields
                .iter()
                .find(|f| f.entity == entity && f.name == *name)
            {
                if field.multiple {
                    let list: Vec<Value> = elements(value)
                        .into_iter()
                        .filter_map(|v| self.kept(field.kind(), v))
                        .filter(|v| !is_empty(v))
                        .collect();
                    // Emptying a multiple field with an empty list is answered with success and does nothing.
                    if !(list.is_empty() && write.universal) {
                        accepted.insert(name.clone(), list.into());
                    }
                } else if let Some(value) = self.kept(field.kind(), value) {
                    accepted.insert(name.clone(), value);
                }
            }
        }
        accepted
    }

    fn check(
        &self,
        entity: Entity,
        values: &BTreeMap<String, Value>,
        item: &Item,
        universal: bool,
    ) -> Result<(), Fail> {
        if let Some(currency) = values.get("CURRENCY_ID").and_then(Value::as_str)
            && !self
                .options
                .currencies
                .iter()
                .any(|known| known == currency)
        {
            return Err(Fail::plain("Неверное значение поля «Валюта»"));
        }
        let now = |name: &str| match values.get(name) {
            Some(value) => !is_empty(value),
            None => !item.text(name).is_empty(),
        };
        // An update is asked only for what it names.
        let asked = |name: &String| item.id == 0 || values.contains_key(name);
        let required =
            |field: &&UserField| field.entity == entity && field.mandatory && asked(&field.name);
        let empty = self.crm.user_fields.iter().filter(required);
        let empty = empty
            .filter(|field| !now(&field.name))
            .map(|field| field.label.as_str());
        let named = match entity {
            Entity::Contact if !now("NAME") && !now("LAST_NAME") => "Имя», «Фамилия",
            Entity::Company if !now("TITLE") => "Название компании",
            _ => "",
        };
        let missing: Vec<&str> = [named]
            .into_iter()
            .filter(|text| !text.is_empty())
            .chain(empty)
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let missing = missing.join("», «");
        let text = format!("Не заполнены обязательные поля: «{missing}».<br>");
        let code = if universal {
            "CRM_FIELD_ERROR_REQUIRED"
        } else {
            "ERROR_CORE"
        };
        Err(Fail::bad(code, &text))
    }

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
        Ok(id)
    }

    fn defaults(&self, caller: &Caller, entity: Entity, item: &mut Item) {
        let (stamp, user) = (self.clock.stamp(), caller.user.to_string());
        for field in entity.fields() {
            let value = match field.kind {
                Kind::Flag => "N".into(),
                Kind::Money => "0.00".into(),
                _ => Value::Null,
            };
            item.set(field.name, value);
        }
        item.set("ID", item.id.to_string());
        item.set("OPENED", "Y");
        for name in [
            "ASSIGNED_BY_ID",
            "CREATED_BY_ID",
            "MODIFY_BY_ID",
            "LAST_ACTIVITY_BY",
        ] {
            item.set(name, user.as_str());
        }
        for name in ["DATE_CREATE", "DATE_MODIFY", "LAST_ACTIVITY_TIME"] {
            item.set(name, stamp.as_str());
        }
        let currency = self.options.currencies.first().cloned().unwrap_or_default();
        match entity {
            Entity::Deal => {
                item.set("TITLE", format!("Сделка #{}", item.id));
                item.set("TYPE_ID", "SALE");
                item.set("SOURCE_ID", "CALL");
                item.set("CURRENCY_ID", currency);
                item.set("CATEGORY_ID", "0");
                item.set("COMPANY_ID", "0");
                item.set("BEGINDATE", self.clock.day_from_now(0));
                item.set("CLOSEDATE", self.clock.day_from_now(7));
            }
            Entity::Lead => {
                item.set("TITLE", format!("Лид #{}", item.id));
                item.set("SOURCE_ID", "CALL");
                item.set("CURRENCY_ID", currency);
            }
            Entity::Contact => {
                item.set("TYPE_ID", "CLIENT");
                item.set("EXPORT", "Y");
            }
            Entity::Company => {
                item.set("COMPANY_TYPE", "CUSTOMER");
                item.set("CURRENCY_ID", currency);
            }
        }
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

    /// Moves a card to another stage or funnel; true when the funnel changed.
    fn restage(
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
            // A stage of another funnel: an error in the universal methods, silence in the classic ones.
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
    fn enter(
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

    /// Deletes a card.
    pub(crate) fn remove(&mut self, caller: &Caller, entity: Entity, id: u64) -> Result<(), Fail> {
        self.crm.take(entity, id).ok_or_else(Fail::not_found)?;
        self.unlink_everywhere(entity, id);
        self.crm.timeline.forget(entity, id);
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

    fn announce(&mut self, caller: &Caller, entity: Entity, what: &str, id: u64) {
        let event = format!("ONCRM{}{what}", entity.word());
        self.raise(caller, &event, &[("ID", id.to_string())]);
    }

    fn announce_move(&mut self, caller: &Caller, id: u64) {
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

    fn run_robots(&mut self, caller: &Caller, entity: Entity, id: u64) {
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

/// Works out the fields that follow from others.
fn settle(entity: Entity, item: &mut Item) {
    let primary = item
        .links
        .iter()
        .find(|link| link.primary)
        .map(|link| link.target.to_string());
    match entity {
        Entity::Deal | Entity::Lead => item.set("CONTACT_ID", primary),
        Entity::Contact => item.set("COMPANY_ID", primary),
        Entity::Company => {}
    }
    if entity.has_multifields() {
        for (name, kind) in [
            ("HAS_PHONE", "PHONE"),
            ("HAS_EMAIL", "EMAIL"),
            ("HAS_IMOL", "IMOL"),
        ] {
            let any = item.multifields.iter().any(|f| f.kind == kind);
            item.set(name, if any { "Y" } else { "N" });
        }
    }
    let sums = matches!(entity, Entity::Deal | Entity::Lead);
    if sums && !item.rows.is_empty() && item.text("IS_MANUAL_OPPORTUNITY") != "Y" {
        let (sum, tax) = rows::totals(&item.rows);
        item.set("OPPORTUNITY", format!("{sum:.2}"));
        if entity == Entity::Deal {
            item.set("TAX_VALUE", format!("{tax:.2}"));
        }
    }
}

/// The ids in a list parameter.
pub(crate) fn ids(value: &Value) -> Vec<u64> {
    elements(value)
        .into_iter()
        .filter_map(|v| id(Some(v)))
        .collect()
}

//! A card's values: those that a write really sets, those that a new card starts with, and those
//! that follow from others.

use super::{
    entities::{
        card::{Item, Write},
        rows::{self, cents},
    },
    fields::{Access, Entity, Kind, is_empty},
    methods::userfields::UserField,
};
use crate::sandbox::{
    Caller, PortalState,
    protocol::{
        decode::{elements, int, text, truthy},
        envelope::Fail,
    },
};
use serde_json::Value;
use std::collections::BTreeMap;

const LONGEST_TEXT: usize = 255;

impl PortalState {
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
    pub(super) fn accepted(
        &self,
        entity: Entity,
        write: &Write,
        new: bool,
    ) -> BTreeMap<String, Value> {
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
                    // Emptying a multiple field with an empty list is answered with success and
                    // does nothing.
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

    pub(super) fn check(
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

    pub(super) fn defaults(&self, caller: &Caller, entity: Entity, item: &mut Item) {
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
}

/// Works out the fields that follow from others.
pub(super) fn settle(entity: Entity, item: &mut Item) {
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
    if entity == Entity::Lead {
        // Worked out, never written: a lead of a card that the portal knows is a return.
        let known = item.number("CONTACT_ID").or(item.number("COMPANY_ID"));
        let known = known.is_some_and(|id| id > 0);
        item.set("IS_RETURN_CUSTOMER", if known { "Y" } else { "N" });
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

//! Cards as answers show them: strings in the classic methods, numbers in the universal ones.

use super::{
    entities::{
        card::Item,
        multifields::{Multifield, TYPES},
        rows::number_of,
    },
    fields::{Entity, Field, Kind, is_empty, user_field_camel},
    methods::{lists::Record, userfields::UserField},
};
use crate::sandbox::{PortalState, protocol::decode::text};
use serde_json::{Map, Value, json};

/// A card seen through the names of one family.
pub(crate) struct View<'w> {
    pub(crate) entity: Entity,
    pub(crate) item: &'w Item,
    pub(crate) user_fields: &'w [UserField],
    pub(crate) universal: bool,
}

impl Record for View<'_> {
    fn textual(&self, name: &str) -> bool {
        let upper = if self.universal {
            upper_name(self.entity, name, self.user_fields).unwrap_or_default()
        } else {
            name.to_owned()
        };
        TYPES.contains(&upper.as_str())
            || self.entity.field(&upper).is_some_and(|field| {
                matches!(field.kind, Kind::Text | Kind::Status(_) | Kind::Currency)
            })
    }

    fn values(&self, name: &str) -> Option<Vec<Value>> {
        let upper = if self.universal {
            upper_name(self.entity, name, self.user_fields)?
        } else {
            name.to_owned()
        };
        if self.entity.has_multifields() && TYPES.contains(&upper.as_str()) {
            let own = self.item.multifields.iter().filter(|f| f.kind == upper);
            return Some(own.map(|f| Value::from(f.value.clone())).collect());
        }
        let links = match (self.entity, upper.as_str()) {
            (Entity::Deal | Entity::Lead, "CONTACT_ID") | (Entity::Contact, "COMPANY_ID") => true,
            (Entity::Deal | Entity::Lead, "CONTACT_IDS") | (Entity::Contact, "COMPANY_IDS") => {
                self.universal
            }
            _ => false,
        };
        if links {
            return Some(
                self.item
                    .links
                    .iter()
                    .map(|link| link.target.into())
                    .collect(),
            );
        }
        let known = self.entity.field(&upper).is_some()
            || self
                .user_fields
                .iter()
                .any(|f| f.entity == self.entity && f.name == upper);
        known.then(|| match self.item.values.get(&upper) {
            Some(Value::Array(list)) => list.clone(),
            Some(value) => vec![value.clone()],
            None => vec![Value::Null],
        })
    }
}

/// The classic name of a universal field; `None` when there is no such field.
pub(crate) fn upper_name(entity: Entity, camel: &str, user_fields: &[UserField]) -> Option<String> {
    let own = |f: &&UserField| {
        f.entity == entity && (f.name == camel || user_field_camel(&f.name) == camel)
    };
    match camel {
        "fm" => return Some("FM".to_owned()),
        "phone" | "email" => return Some(camel.to_uppercase()),
        "contactIds" => return Some("CONTACT_IDS".to_owned()),
        "companyIds" => return Some("COMPANY_IDS".to_owned()),
        _ => {}
    }
    let field = entity.fields().iter().find(|field| field.camel() == camel);
    field
        .map(|field| field.name.to_owned())
        .or_else(|| user_fields.iter().find(own).map(|f| f.name.clone()))
}

impl View<'_> {
    /// The card as the classic methods show it, multifields only where they are asked for.
    pub(crate) fn classic(&self, wanted: &dyn Fn(&str) -> bool, multifields: &[&str]) -> Value {
        let mut row = Map::new();
        for field in self
            .entity
            .fields()
            .iter()
            .filter(|field| wanted(field.name))
        {
            let value = self
                .item
                .values
                .get(field.name)
                .cloned()
                .unwrap_or(Value::Null);
            row.insert(field.name.to_owned(), value);
        }
        for field in self
            .user_fields
            .iter()
            .filter(|f| f.entity == self.entity && wanted(&f.name))
        {
            let value = match self.item.values.get(&field.name) {
                Some(value) if !is_empty(value) => value.clone(),
                _ if field.multiple => Value::Bool(false),
                _ => "".into(),
            };
            row.insert(field.name.clone(), value);
        }
        for kind in multifields {
            let own = self.item.multifields.iter().filter(|f| f.kind == *kind);
            let list: Vec<Value> = own.map(Multifield::classic).collect();
            if !list.is_empty() {
                row.insert((*kind).to_owned(), list.into());
            }
        }
        row.into()
    }

    /// The card as the universal methods show it.
    pub(crate) fn universal(&self, select: Option<&[String]>, original: bool) -> Value {
        let wanted = |name: &str| select.is_none_or(|list| list.iter().any(|s| s == name));
        let mut row = Map::new();
        for field in self.entity.fields() {
            let name = field.camel();
            if wanted(&name) {
                row.insert(name, number_or_text(field, self.item));
            }
        }
        for field in self.user_fields.iter().filter(|f| f.entity == self.entity) {
            let camel = user_field_camel(&field.name);
            let name = if original { field.name.clone() } else { camel };
            if wanted(&name) || wanted("UF_*") {
                row.insert(name, field.universal(self.item.values.get(&field.name)));
            }
        }
        let links: Vec<u64> = self.item.links.iter().map(|link| link.target).collect();
        match self.entity {
            Entity::Deal | Entity::Lead if wanted("contactIds") => {
                row.insert("contactIds".into(), json!(links));
            }
            Entity::Contact if wanted("companyIds") => {
                row.insert("companyIds".into(), json!(links));
            }
            _ => {}
        }
        if wanted("observers") && self.entity == Entity::Deal {
            row.insert("observers".into(), json!([]));
        }
        if self.entity.has_multifields() {
            if select.is_none() {
                let list = self.item.multifields.iter().map(Multifield::universal);
                row.insert("fm".into(), list.collect());
            } else {
                for (name, kind) in [("phone", "PHONE"), ("email", "EMAIL")] {
                    let first = self.item.multifields.iter().find(|f| f.kind == kind);
                    if let (true, Some(first)) = (wanted(name), first) {
                        row.insert(name.into(), first.value.clone().into());
                    }
                }
            }
        }
        if wanted("entityTypeId") {
            row.insert("entityTypeId".into(), self.entity.type_id().into());
        }
        row.into()
    }
}

fn number_or_text(field: &Field, item: &Item) -> Value {
    let value = item.values.get(field.name).cloned().unwrap_or(Value::Null);
    match field.kind {
        Kind::Link(Entity::Company | Entity::Contact) if is_empty(&value) => 0.into(),
        kind if kind.is_number() => text(&value).parse::<i64>().map_or(Value::Null, Into::into),
        Kind::Money => number_of(&text(&value)),
        _ => value,
    }
}

impl PortalState {
    pub(crate) fn view<'w>(&'w self, entity: Entity, item: &'w Item, universal: bool) -> View<'w> {
        View {
            entity,
            item,
            user_fields: &self.crm.user_fields,
            universal,
        }
    }

    /// A whole card as the classic `get` shows it.
    pub(crate) fn card(&self, entity: Entity, item: &Item) -> Value {
        let multifields: &[&str] = if entity.has_multifields() {
            &TYPES
        } else {
            &[]
        };
        self.view(entity, item, false)
            .classic(&|_| true, multifields)
    }
}

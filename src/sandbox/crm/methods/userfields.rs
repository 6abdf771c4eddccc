//! Fields that users add: a value is kept only once its field exists.

use super::lists::{self, Source};
use crate::sandbox::{
    PortalState,
    crm::{
        entities::rows::number_of,
        fields::{Entity, Kind, is_empty},
    },
    protocol::{
        decode::{Params, elements, text, truthy},
        envelope::{Fail, Outcome},
    },
};
use serde_json::{Value, json};

const LONGEST_NAME: usize = 50;
const TYPES: [&str; 15] = [
    "string",
    "integer",
    "double",
    "boolean",
    "datetime",
    "date",
    "money",
    "url",
    "address",
    "enumeration",
    "file",
    "employee",
    "crm_status",
    "iblock_element",
    "crm",
];

/// A user field of one kind of card (`UF_CRM_*`).
#[derive(Debug, Clone)]
pub(crate) struct UserField {
    pub(crate) id: usize,
    pub(crate) entity: Entity,
    pub(crate) name: String,
    pub(crate) type_name: String,
    pub(crate) multiple: bool,
    pub(crate) mandatory: bool,
    pub(crate) label: String,
    pub(crate) list: Vec<Value>,
}

impl UserField {
    pub(crate) fn kind(&self) -> Kind {
        match self.type_name.as_str() {
            "integer" | "employee" | "enumeration" => Kind::Int,
            "boolean" => Kind::Bool,
            "datetime" => Kind::Moment,
            "date" => Kind::Day,
            _ => Kind::Text,
        }
    }

    pub(crate) fn universal(&self, value: Option<&Value>) -> Value {
        let one = |value: &Value| match self.type_name.as_str() {
            "integer" | "double" | "employee" | "enumeration" => number_of(&text(value)),
            "boolean" => if text(value) == "1" { "Y" } else { "N" }.into(),
            _ => value.clone(),
        };
        match value {
            Some(Value::Array(list)) => list.iter().map(one).collect(),
            Some(value) if !is_empty(value) => one(value),
            _ if self.multiple => json!([]),
            _ if self.type_name == "boolean" => "N".into(),
            _ => Value::Null,
        }
    }

    fn value(&self) -> Value {
        let yes = |on: bool| if on { "Y" } else { "N" };
        json!({
            "ID": self.id.to_string(), "ENTITY_ID": format!("CRM_{}", self.entity.word()),
            "FIELD_NAME": self.name, "USER_TYPE_ID": self.type_name, "XML_ID": null, "SORT": "100",
            "MULTIPLE": yes(self.multiple), "MANDATORY": yes(self.mandatory), "SHOW_FILTER": "E",
            "SHOW_IN_LIST": "Y", "EDIT_IN_LIST": "Y", "IS_SEARCHABLE": "N", "SETTINGS": {},
            "EDIT_FORM_LABEL": self.label, "LIST_COLUMN_LABEL": self.label, "LIST": self.list,
        })
    }
}

/// Answers `crm.*.userfield.add` and `.list` for one kind of card.
pub(crate) fn call(
    world: &mut PortalState,
    entity: Entity,
    action: &str,
    params: &Params,
) -> Option<Outcome> {
    Some(match action {
        "add" => add(world, entity, params),
        "list" => {
            let own = world.crm.user_fields.iter().filter(|f| f.entity == entity);
            let rows: Vec<Value> = own.map(UserField::value).collect();
            lists::plain(world, &rows, params, Source::Classic)
        }
        _ => return None,
    })
}

fn add(world: &mut PortalState, entity: Entity, params: &Params) -> Outcome {
    let Some(fields) = params.any("fields").filter(|f| f.is_object()) else {
        return Err(Fail::plain("Parameter 'fields' must be array."));
    };
    let given = |name: &str| fields.get(name).map(text).unwrap_or_default();
    let name = given("FIELD_NAME").trim().to_uppercase();
    let name = if name.starts_with("UF_CRM_") {
        name
    } else {
        format!("UF_CRM_{name}")
    };
    let plain = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    if name == "UF_CRM_" || name.len() > LONGEST_NAME || !name.chars().all(plain) {
        return Err(Fail::bad(
            "ERROR_CORE",
            "Поле FIELD_NAME заполнено неверно.<br>",
        ));
    }
    if !TYPES.contains(&given("USER_TYPE_ID").as_str()) {
        return Err(Fail::plain(
            "The 'USER_TYPE_ID' field is not defined or invalid.",
        ));
    }
    if world
        .crm
        .user_fields
        .iter()
        .any(|f| f.entity == entity && f.name == name)
    {
        let text = format!(
            "Поле {name} для объекта CRM_{} уже существует.<br>",
            entity.word()
        );
        return Err(Fail::bad("ERROR_CORE", &text));
    }
    let id = world.crm.user_fields.len() + 1;
    let label = match fields
        .get("EDIT_FORM_LABEL")
        .or_else(|| fields.get("LABEL"))
    {
        Some(Value::Object(by_language)) => by_language.values().next().map(text),
        other => other.map(text),
    };
    let list = fields.get("LIST").map(elements).unwrap_or_default();
    let list = list.into_iter().enumerate().map(|(at, line)| {
        json!({ "ID": (1000 * id + at).to_string(), "SORT": "100", "DEF": "N",
            "VALUE": line.get("VALUE").map(text), "XML_ID": line.get("XML_ID").map(text) })
    });
    let field = UserField {
        id,
        entity,
        type_name: given("USER_TYPE_ID"),
        multiple: fields.get("MULTIPLE").is_some_and(truthy),
        mandatory: fields.get("MANDATORY").is_some_and(truthy),
        label: label
            .filter(|l| !l.is_empty())
            .unwrap_or_else(|| name.clone()),
        list: list.collect(),
        name,
    };
    world.crm.user_fields.push(field);
    Ok(Value::from(id).into())
}

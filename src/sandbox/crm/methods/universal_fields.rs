//! Fields of the universal methods, read into a write; and the form of their refusals.

use crate::sandbox::{
    PortalState,
    crm::{
        entities::{card::Write, multifields},
        fields::Entity,
        render::upper_name,
    },
    protocol::envelope::Fail,
};
use serde_json::{Map, Value};

/// Turns universal fields into a write by classic names; unknown fields vanish.
pub(super) fn read(
    world: &PortalState,
    entity: Entity,
    fields: Option<&Value>,
    original: bool,
) -> Result<Write, Fail> {
    let map = match fields {
        Some(Value::Object(map)) => map.clone(),
        Some(Value::Array(_)) => Map::new(),
        Some(_) => {
            return Err(Fail::numeric(
                100,
                "Invalid value {fields} to match with parameter",
            ));
        }
        None => {
            return Err(Fail::numeric(
                100,
                "Could not find value for parameter {fields}",
            ));
        }
    };
    let mut write = Write {
        universal: true,
        ..Write::default()
    };
    for (name, value) in map {
        let raw = name.starts_with("UF_");
        if raw != original && (raw || name.starts_with("uf")) {
            continue;
        }
        let Some(upper) = upper_name(entity, &name, &world.crm.user_fields) else {
            continue;
        };
        if upper == "FM" {
            if entity.has_multifields() {
                write.multifields = multifields::universal(&value)?;
            }
        } else {
            let many = world
                .crm
                .user_fields
                .iter()
                .any(|f| f.name == upper && f.multiple);
            if many && !value.is_array() && !value.is_object() {
                return Err(Fail::numeric(100, "Value is not iterable"));
            }
            write.fields.insert(upper, value);
        }
    }
    Ok(write)
}

/// A refusal as the universal methods word it: never without a code.
pub(super) fn as_universal(mut fail: Fail) -> Fail {
    if fail.code == "" {
        fail.code = "CRM_FIELD_ERROR_VALUE_NOT_VALID".into();
    }
    fail
}

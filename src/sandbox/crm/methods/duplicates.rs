//! `crm.duplicate.findbycomm`: who else has this telephone or address.

use crate::sandbox::{
    PortalState,
    crm::fields::Entity,
    protocol::{
        decode::{Params, text},
        envelope::{Fail, Outcome},
    },
};
use serde_json::{Map, Value};

const MOST: usize = 20;

/// Finds cards by telephone or e-mail. A type with twenty hits hides the types after it.
pub(crate) fn find(world: &PortalState, params: &Params) -> Outcome {
    let kind = params
        .any("type")
        .map(text)
        .unwrap_or_default()
        .to_uppercase();
    if kind.is_empty() {
        return Err(Fail::plain("Communication type is not defined."));
    }
    if kind != "PHONE" && kind != "EMAIL" {
        return Err(Fail::plain(&format!(
            "Communication type '{kind}' is not supported in current context."
        )));
    }
    let Some(values) = params
        .any("values")
        .filter(|v| v.is_array() || v.is_object())
    else {
        return Err(Fail::plain("Communication values is not defined"));
    };
    let exact = !world.options.normalise_phones;
    let wanted: Vec<String> = crate::sandbox::protocol::decode::elements(values)
        .into_iter()
        .take(MOST)
        .map(|v| comparable(&kind, &text(v), exact))
        .filter(|v| !v.is_empty())
        .collect();
    let only = params
        .any("entity_type")
        .map(text)
        .filter(|t| !t.is_empty());
    let mut found = Map::new();
    for entity in [Entity::Lead, Entity::Contact, Entity::Company] {
        if only
            .as_ref()
            .is_some_and(|word| !word.eq_ignore_ascii_case(entity.word()))
        {
            continue;
        }
        let hits = world.crm.items(entity).filter(|item| {
            let own = item.multifields.iter().filter(|f| f.kind == kind);
            own.map(|f| comparable(&kind, &f.value, exact))
                .any(|v| wanted.contains(&v))
        });
        let ids: Vec<Value> = hits.take(MOST).map(|item| item.id.into()).collect();
        let full = ids.len() >= MOST;
        if !ids.is_empty() {
            found.insert(entity.word().to_owned(), ids.into());
        }
        if full {
            break;
        }
    }
    Ok(Value::Object(found).into())
}

/// The form in which two values are the same: an extension does not count, and spelling does,
/// unless asked otherwise.
fn comparable(kind: &str, value: &str, exact: bool) -> String {
    if kind == "EMAIL" {
        return value.trim().to_lowercase();
    }
    let bare = value.split(['#', ';']).next().unwrap_or(value).trim();
    if exact {
        return bare.to_owned();
    }
    let digits: String = bare.chars().filter(char::is_ascii_digit).collect();
    match digits.strip_prefix('8') {
        Some(rest) if rest.len() == 10 => format!("7{rest}"),
        _ => digits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spelling_counts_unless_told_otherwise() {
        assert_eq!(comparable("PHONE", "+7900#12", true), "+7900");
        assert_ne!(
            comparable("PHONE", "+7 900", true),
            comparable("PHONE", "+7900", true)
        );
        assert_eq!(
            comparable("PHONE", "8 (900) 123-45-67", false),
            "79001234567"
        );
        assert_eq!(comparable("EMAIL", " A@B.ru", true), "a@b.ru");
    }
}

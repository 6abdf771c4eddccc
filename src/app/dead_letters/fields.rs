//! Fields of an event that a person may put right: those that a code, the portal's words or the
//! event's own faults point at, and an event with some of them changed.

use super::{DeadLetter, DeadLetters, retry::refused};
use crate::{
    app::{Error, intake::subject_events::ReadSubject, stock::events::is_goods},
    domain::{ErrorCode, ShopName},
};
use serde_json::Value;
use std::collections::BTreeMap;

/// A field of an event, as it is to be put right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// JSON pointer (RFC 6901) to it in the event.
    pub pointer: String,
    /// What stands there as text; empty where nothing does.
    pub value: String,
    /// What the bridge itself finds wrong with it, in one sentence.
    pub fault: Option<String>,
}

/// Most fields that are shown at once: an order may have a thousand lines.
const MOST: usize = 20;

/// What a portal's words in either language speak of, in small letters, and where that stands.
const SPOKEN_OF: &[(&[&str], &str)] = &[
    (&["phone", "телефон"], "/data/customer/phones/*"),
    (
        &["email", "e-mail", "почт", "адрес эл"],
        "/data/customer/emails/*",
    ),
    (&["currency", "валют"], "/data/currency"),
    (
        &["vat", "tax_rate", "ндс", "ставк"],
        "/data/items/*/vat_rate",
    ),
    (&["price", "цен"], "/data/items/*/price"),
    (&["quantity", "количеств"], "/data/items/*/quantity"),
];

impl DeadLetters {
    /// The fields of an order event that its code points at, at most 20; none where the event is of
    /// another kind, or the code points at nothing in it.
    pub fn wrong_fields(&self, letter: &DeadLetter) -> Vec<Field> {
        let own_word = letter.change_seq.is_some() || letter.about.is_some();
        if own_word || letter.payload.get("data").is_none() {
            return Vec::new();
        }
        let shop = letter.shop.as_deref();
        self.fields_of(shop, &letter.code, &letter.message, &letter.payload)
    }

    /// The same of any order event that was refused with this code and these words.
    pub fn fields_of(
        &self,
        shop: Option<&str>,
        code: &str,
        words: &str,
        event: &Value,
    ) -> Vec<Field> {
        if is_goods(event) || ReadSubject::is(event) {
            return Vec::new();
        }
        let mut fields: Vec<Field> = Vec::new();
        let owner = shop.and_then(|shop| ShopName::parse(shop).ok());
        if let Err(rejection) = self.intake.read_event(owner.as_ref(), event) {
            for fault in rejection.faults {
                fields.extend(field(event, &fault.pointer, Some(fault.detail)));
            }
        }
        let pointed = match ErrorCode::parse(code) {
            Some(ErrorCode::Status) => vec!["/data/status".to_owned()],
            Some(ErrorCode::Currency) => vec!["/data/currency".to_owned()],
            Some(ErrorCode::Email) => vec!["/data/customer/emails/*".to_owned()],
            Some(ErrorCode::Refused | ErrorCode::Field | ErrorCode::NotTaken) => {
                self.spoken_of(shop, words)
            }
            _ => Vec::new(),
        };
        for pattern in pointed {
            for pointer in places(event, &pattern) {
                if fields.iter().all(|known| known.pointer != pointer) {
                    fields.extend(field(event, &pointer, None));
                }
            }
        }
        fields.truncate(MOST);
        fields
    }

    /// What the portal's words speak of: mapped fields that they name, and what they call by its
    /// common name; all mapped fields where they name nothing that is known here, as a portal calls
    /// its own fields by names that people gave them.
    fn spoken_of(&self, shop: Option<&str>, words: &str) -> Vec<String> {
        let rules = shop.and_then(|shop| self.intake.rules_of(shop).ok());
        let mapped = rules.map(|rules| &rules.fields).into_iter().flatten();
        let mapped: Vec<(String, &String)> = mapped
            .map(|(path, field)| (format!("/data/{}", path.replace('.', "/")), field))
            .collect();
        let small = words.to_lowercase();
        let named = mapped.iter().filter(|(_, field)| words.contains(&***field));
        let common = SPOKEN_OF
            .iter()
            .filter(|(names, _)| names.iter().any(|name| small.contains(name)));
        let mut found: Vec<String> = named.map(|(pointer, _)| pointer.clone()).collect();
        found.extend(common.map(|(_, pattern)| (*pattern).to_owned()));
        if found.is_empty() {
            found.extend(mapped.into_iter().map(|(pointer, _)| pointer));
        }
        found
    }
}

/// The field at a pointer, if something that fits into one line stands or may stand there.
pub fn field(event: &Value, pointer: &str, fault: Option<String>) -> Option<Field> {
    let (parent, _) = pointer.rsplit_once('/')?;
    let parent = event.pointer(parent)?;
    let value = match event.pointer(pointer) {
        None if parent.is_object() => String::new(),
        Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(scalar @ (Value::Bool(_) | Value::Number(_))) => scalar.to_string(),
        None | Some(Value::Array(_) | Value::Object(_)) => return None,
    };
    Some(Field {
        pointer: pointer.to_owned(),
        value,
        fault,
    })
}

/// The pointers that a pattern stands for, whose `*` is each element of a list.
fn places(event: &Value, pattern: &str) -> Vec<String> {
    let Some((list, rest)) = pattern.split_once("/*") else {
        return vec![pattern.to_owned()];
    };
    let elements = event.pointer(list).and_then(Value::as_array);
    let elements = elements.map_or(0, Vec::len).min(MOST);
    (0..elements)
        .map(|nth| format!("{list}/{nth}{rest}"))
        .collect()
}

/// An event with these values at these pointers, each written as what stands there now: a number
/// stays a number. A value that is emptied is left out.
pub fn with_fields(event: &Value, typed: &BTreeMap<String, String>) -> Result<Value, Error> {
    let mut event = event.clone();
    for (pointer, text) in typed {
        let Some(now) = field(&event, pointer, None) else {
            let detail = "the event has no such field".to_owned();
            return Err(refused(pointer, detail));
        };
        if now.value == *text {
            continue;
        }
        let value = match event.pointer(pointer) {
            Some(Value::Number(_) | Value::Bool(_)) => serde_json::from_str(text)
                .ok()
                .filter(|value: &Value| value.is_number() || value.is_boolean())
                .unwrap_or_else(|| Value::from(text.trim())),
            _ => Value::from(text.trim()),
        };
        if let Some((parent, name)) = pointer.rsplit_once('/') {
            let name = name.replace("~1", "/").replace("~0", "~");
            match event.pointer_mut(parent) {
                Some(Value::Object(members)) if text.trim().is_empty() => {
                    members.remove(&name);
                }
                Some(Value::Object(members)) => {
                    members.insert(name, value);
                }
                Some(Value::Array(_)) => {
                    if let Some(element) = event.pointer_mut(pointer) {
                        *element = if text.trim().is_empty() {
                            Value::Null
                        } else {
                            value
                        };
                    }
                }
                _ => {}
            }
        }
    }
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn typed(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(pointer, text): &(&str, &str)| ((*pointer).to_owned(), (*text).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn what_is_typed_stands_where_it_is_said_and_keeps_its_kind() {
        let event = json!({"data": {
            "status": "Q", "paid": false, "total": 10.5, "a/b": "x",
            "customer": {"emails": ["a@", "b@example.org"]}, "items": [{"vat_rate": 200}]
        }});
        let typed = typed(&[
            ("/data/status", " N "),
            ("/data/total", "11.50"),
            ("/data/paid", "true"),
            ("/data/a~1b", "y"),
            ("/data/comment", "new"),
            ("/data/customer/emails/0", ""),
            ("/data/items/0/vat_rate", ""),
        ]);
        let wanted: Value = serde_json::from_str(
            r#"{"data": {
                "status": "N", "paid": true, "total": 11.50, "a/b": "y", "comment": "new",
                "customer": {"emails": [null, "b@example.org"]}, "items": [{}]
            }}"#,
        )
        .unwrap();
        assert_eq!(with_fields(&event, &typed).unwrap(), wanted);
    }

    #[test]
    fn what_is_typed_as_it_was_changes_nothing() {
        let event = json!({"data": {"status": " Q", "version": 3, "paid": null}});
        let same = typed(&[
            ("/data/status", " Q"),
            ("/data/version", "3"),
            ("/data/paid", ""),
            ("/data/comment", ""),
        ]);
        assert_eq!(with_fields(&event, &same).unwrap(), event);
    }

    #[test]
    fn lists_and_places_that_are_not_there_are_no_fields() {
        let event = json!({"data": {"items": [{"name": "x"}]}});
        for pointer in ["", "/data/items", "/data/items/3", "/data/none/x", "/data"] {
            assert_eq!(field(&event, pointer, None), None, "{pointer}");
            let typed = typed(&[(pointer, "x")]);
            assert!(with_fields(&event, &typed).is_err(), "{pointer}");
        }
        assert_eq!(
            places(&event, "/data/items/*/vat_rate"),
            ["/data/items/0/vat_rate"]
        );
    }
}

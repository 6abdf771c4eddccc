//! Tolerant reading of the portal's JSON: numbers come as strings, maps as lists, nothing as `[]`, `""`, `0` or `null`.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// A positive id, from a number or a string.
pub(super) fn id(value: &Value) -> Option<u64> {
    let id = match value {
        Value::Number(number) => number.as_u64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (id > 0).then_some(id)
}

/// The id in the answer of an `add`: bare, or wrapped as the universal methods do.
pub(super) fn made_id(result: &Value) -> Option<u64> {
    id(result)
        .or_else(|| id(result.get("id")?))
        .or_else(|| id(result.get("item")?.get("id")?))
}

/// A text; numbers as text, everything else as nothing.
pub(super) fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    }
}

/// A decimal, from a number or a string.
pub(super) fn decimal(value: Option<&Value>) -> Option<Decimal> {
    let text = text(value);
    Decimal::from_str_exact(text.trim())
        .or_else(|_| Decimal::from_scientific(text.trim()))
        .ok()
}

/// The elements of a list, also where PHP made a map of it.
pub(super) fn elements(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(elements) => elements.iter().collect(),
        Value::Object(members) => members.values().collect(),
        _ => Vec::new(),
    }
}

/// The rows of a list method: the result itself, or what stands under one of the usual names.
pub(super) fn rows(result: &Value) -> Vec<Map<String, Value>> {
    let list = match result {
        Value::Object(members) => ["items", "result"]
            .iter()
            .find_map(|name| members.get(*name))
            .unwrap_or(result),
        _ => result,
    };
    elements(list)
        .into_iter()
        .filter_map(Value::as_object)
        .cloned()
        .collect()
}

/// Whether two values mean the same to the portal: as text, or as numbers.
pub(super) fn same(ours: &Value, theirs: Option<&Value>) -> bool {
    if let Value::Array(list) = ours {
        let theirs: Vec<String> = theirs
            .map(elements)
            .unwrap_or_default()
            .into_iter()
            .map(|v| text(Some(v)))
            .collect();
        return list.iter().map(|value| text(Some(value))).eq(theirs);
    }
    let (a, b) = (text(Some(ours)), text(theirs));
    a == b
        || matches!((decimal(Some(ours)), decimal(theirs)), (Some(a), Some(b)) if a == b)
        || letters(&a) == letters(&b) && !letters(&a).is_empty()
}

/// Letters and digits only: portals change white space and marks of long texts.
pub(super) fn letters(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn ids_come_as_numbers_and_as_texts_and_zero_is_none() {
        assert_eq!(
            (
                id(&json!(5)),
                id(&json!("5")),
                id(&json!("0")),
                id(&json!([]))
            ),
            (Some(5), Some(5), None, None)
        );
    }

    #[test]
    fn rows_are_found_wherever_they_sit() {
        for result in [
            json!([{"ID": "1"}]),
            json!({"items": [{"ID": "1"}]}),
            json!({"1": {"ID": "1"}}),
        ] {
            assert_eq!(rows(&result).len(), 1, "{result}");
        }
        assert!(rows(&json!([])).is_empty() && rows(&Value::Null).is_empty());
    }

    #[test]
    fn values_are_compared_by_meaning() {
        assert!(same(&json!("100.00"), Some(&json!(100))));
        assert!(same(
            &json!("Адрес:\nул. Лесная"),
            Some(&json!("Адрес: ул. Лесная "))
        ));
        assert!(!same(&json!("1"), Some(&json!("2"))));
        assert!(same(&json!(["5"]), Some(&json!([5]))));
    }
}

//! Tolerant reading of the portal's JSON: numbers come as strings, maps as lists, nothing as `[]`,
//! `""`, `0` or `null`.

use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// A positive id, from a number or a string; none beyond what a column holds.
pub(super) fn id(value: &Value) -> Option<u64> {
    let id = match value {
        Value::Number(number) => number.as_u64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    (1..=i64::MAX.unsigned_abs()).contains(&id).then_some(id)
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

/// The rows of a list method.
pub(super) fn rows(result: &Value) -> Vec<Map<String, Value>> {
    elements(list(result))
        .into_iter()
        .filter_map(Value::as_object)
        .cloned()
        .collect()
}

/// The list in the answer of a list method: the result itself, or what stands under one of the
/// usual names.
pub(super) fn list(result: &Value) -> &Value {
    let named = |members| {
        ["items", "result"]
            .iter()
            .find_map(|name| Map::get(members, *name))
    };
    result.as_object().and_then(named).unwrap_or(result)
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
    // A list where a text is meant: its only element stands for it.
    if let Some(Value::Array(list)) = theirs {
        return match list.as_slice() {
            [] => is_empty(ours),
            [one] => same(ours, Some(one)),
            _ => false,
        };
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

/// The letters and digits of a text that a portal may show as BB code or HTML: tags and character
/// references do not count.
pub(super) fn words(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['[', '<', '&']) {
        let (before, marked) = rest.split_at(at);
        plain.push_str(before);
        rest = marked.get(markup(marked)..).unwrap_or_default();
    }
    plain.push_str(rest);
    letters(&plain)
}

/// How many bytes of markup a text begins with; one, if it is a lone mark.
fn markup(text: &str) -> usize {
    let close = match text.as_bytes().first() {
        Some(b'[') => b']',
        Some(b'<') => b'>',
        _ => b';',
    };
    let end = text.bytes().take(LONGEST_MARK).position(|b| b == close);
    let end = end.filter(|end| {
        let inside = text.get(1..*end).unwrap_or_default();
        close != b';' || inside.starts_with('#') || REFERENCES.contains(&inside)
    });
    end.map_or(1, |end| end + 1)
}

/// A tag is not longer than this, in bytes.
const LONGEST_MARK: usize = 1_000;
/// The character references that text gets on its way into HTML.
const REFERENCES: &[&str] = &[
    "amp", "lt", "gt", "quot", "apos", "nbsp", "laquo", "raquo", "mdash", "ndash", "hellip",
];

/// Whether a field holds nothing. No and zero are values.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    }
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
    fn a_portals_markup_is_no_word_of_a_comment() {
        let ours = "Позвонить: 50% & «кавычки» ‹b›\nдо 6, R&D; всё";
        for theirs in [
            "[p]Позвонить: 50% & «кавычки» ‹b›[/p]\n[p]до 6, R&D; всё[/p]",
            "Позвонить: 50% &amp; &laquo;кавычки&raquo; ‹b›<br />до 6, R&amp;D;&#32;всё",
        ] {
            assert_eq!(words(theirs), words(ours));
        }
        assert_ne!(words("[b]да[/b]"), words("нет"));
        for odd in ["[", "a < b", "&", "&&;", "<[&", "ё&ё;", "&#"] {
            assert_eq!(words(odd), letters(odd), "{odd}");
        }
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
        assert!(!same(&json!(""), Some(&json!(["a", "b"]))) && same(&json!(""), Some(&json!([]))));
    }
}

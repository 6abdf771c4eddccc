//! Changes of a mended order: what it says differently, for the person who mended it.

use serde::Serialize;
use serde_json::Value;

/// The most changes that are told one by one.
const TOLD: usize = 5;
/// The longest value that is shown whole, in characters.
const LONGEST: usize = 60;

/// One place that says something else.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Change {
    /// Where: a JSON pointer into the order.
    pub(super) pointer: String,
    /// What was refused; none where nothing stood there.
    pub(super) from: Option<Value>,
    /// What stands there now; none where it was taken out.
    pub(super) to: Option<Value>,
}

/// What the one says differently from the other: an order, or a whole event.
pub(super) fn between(refused: &Value, mended: &Value) -> Vec<Change> {
    // An order is what an event has as its `data`.
    let order = |value: &Value| value.get("data").unwrap_or(value).clone();
    let mut changes = Vec::new();
    walk(
        String::new(),
        Some(&order(refused)),
        Some(&order(mended)),
        &mut changes,
    );
    changes
}

fn walk(pointer: String, from: Option<&Value>, to: Option<&Value>, into: &mut Vec<Change>) {
    if from == to {
        return;
    }
    match (from, to) {
        (Some(Value::Object(from)), Some(Value::Object(to))) => {
            let new = to.keys().filter(|name| !from.contains_key(*name));
            for name in from.keys().chain(new) {
                let escaped = name.replace('~', "~0").replace('/', "~1");
                let pointer = format!("{pointer}/{escaped}");
                walk(pointer, from.get(name), to.get(name), into);
            }
        }
        (Some(Value::Array(from)), Some(Value::Array(to))) => {
            for nth in 0..from.len().max(to.len()) {
                let pointer = format!("{pointer}/{nth}");
                walk(pointer, from.get(nth), to.get(nth), into);
            }
        }
        _ => into.push(Change {
            pointer,
            from: from.cloned(),
            to: to.cloned(),
        }),
    }
}

/// The changes in words.
pub(super) fn words(changes: &[Change]) -> String {
    if changes.is_empty() {
        return "nothing in it is different".to_owned();
    }
    let one = |change: &Change| {
        let place = if change.pointer.is_empty() {
            "the order"
        } else {
            &change.pointer
        };
        match (&change.from, &change.to) {
            (Some(from), Some(to)) => {
                format!("{place} is {} instead of {}", short(to), short(from))
            }
            (None, Some(to)) => format!("{place} is {} and was not there", short(to)),
            (_, None) => format!("{place} is gone"),
        }
    };
    let told: Vec<String> = changes.iter().take(TOLD).map(one).collect();
    let more = match changes.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!("; and {more} more"),
    };
    format!("{}{more}", told.join("; "))
}

fn short(value: &Value) -> String {
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    let begin: String = text.chars().take(LONGEST).collect();
    format!("{begin}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn changes_are_told_by_their_place_whether_an_event_or_its_order_was_mended() {
        let event = json!({"id": "e", "data": {
            "status": "N", "customer": {"emails": ["anna@", "b@example.ru"]}, "note": "x"}});
        let mended = json!({"status": "N", "total": 5,
            "customer": {"emails": ["anna@example.ru", "b@example.ru"]}});
        let changes = between(&event, &mended);
        assert_eq!(
            changes,
            between(&event, &json!({"id": "e", "data": mended}))
        );
        assert_eq!(
            words(&changes),
            "/customer/emails/0 is \"anna@example.ru\" instead of \"anna@\"; /note is gone; /total \
             is 5 and was not there"
        );
    }

    #[test]
    fn the_same_is_told_and_many_are_counted() {
        let order = json!({"a": 1});
        assert_eq!(
            words(&between(&order, &order)),
            "nothing in it is different"
        );
        let many: Value = (0..9).map(|nth| (nth.to_string(), json!(nth))).collect();
        assert!(words(&between(&json!({}), &many)).ends_with("; and 4 more"));
        let long = json!({"a": "я".repeat(100)});
        assert!(words(&between(&order, &long)).chars().count() < 100);
    }
}

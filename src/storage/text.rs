//! Text that Postgres can hold.

use serde_json::Value;

/// Remote JSON as Postgres can hold it: without the character NUL, also in keys.
pub fn storable(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(text.replace('\0', "\u{fffd}")),
        Value::Array(items) => items.into_iter().map(storable).collect(),
        Value::Object(map) => map
            .into_iter()
            .map(|(key, value)| (key.replace('\0', "\u{fffd}"), storable(value)))
            .collect(),
        other => other,
    }
}

//! The memory that a text takes once it is read as JSON.

/// A map's first node has room for eleven members, whatever it holds.
const OBJECT: usize = 640;
/// A member of a map, where nodes are half full.
const MEMBER: usize = 100;
/// A list has room for four elements at first.
const LIST: usize = 128;
/// An element of a list, which grows by doubling.
const ELEMENT: usize = 64;
/// A text beside its letters.
const TEXT: usize = 48;

/// At most so many bytes are needed to hold this JSON as values, told from its marks alone.
/// `[{"a":1},{"a":1}]` takes eighty times its length.
pub fn weight(json: &[u8]) -> usize {
    let (mut inside, mut escaped) = (false, false);
    let mut weight = json.len();
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => {
                inside = !inside;
                weight += if inside { TEXT } else { 0 };
            }
            _ if inside => {}
            b'{' => weight += OBJECT,
            b':' => weight += MEMBER,
            b'[' => weight += LIST,
            b',' => weight += ELEMENT,
            _ => {}
        }
    }
    weight
}

/// What is kept of a list whose elements stay text until each is read, beside its letters: for each
/// piece between commas, of which a small object has one to each member.
const KEPT: usize = 128;
/// What is read at once of such a text: its head, or one element.
const AT_ONCE: usize = 1024 * 1024;

/// At most so many bytes are needed to read this JSON element by element, and to keep of each a
/// name and a number.
pub fn weight_in_parts(json: &[u8]) -> usize {
    let elements = json.split(|byte| *byte == b',').count();
    AT_ONCE + elements * KEPT
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::{Map, Value};
    use std::mem::size_of;

    /// What is asked of the allocator, at least.
    fn held(value: &Value) -> usize {
        match value {
            Value::String(text) => text.capacity(),
            Value::Array(list) => {
                let inner: usize = list.iter().map(held).sum();
                inner + list.capacity() * size_of::<Value>()
            }
            Value::Object(map) => {
                let inner = |(name, value): (&String, &Value)| {
                    name.capacity() + held(value) + size_of::<String>() + size_of::<Value>()
                };
                let node = if map.is_empty() { 0 } else { 11 * 56 };
                map.iter().map(inner).sum::<usize>().max(node) + size_of::<Map<String, Value>>()
            }
            _ => 0,
        }
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
        ];
        leaf.prop_recursive(5, 200, 12, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..12).prop_map(Value::from),
                prop::collection::btree_map(".{0,6}", inner, 0..12)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_json_needs_more_than_its_weight(value in any_json()) {
            let text = value.to_string();
            let read: Value = serde_json::from_str(&text).unwrap();
            let weight = weight(text.as_bytes());
            prop_assert!(held(&read) <= weight, "{} > {weight}: {text}", held(&read));
        }
    }
}

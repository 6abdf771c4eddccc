//! Reading requests the way PHP does: bracket keys, three kinds of body, JSON with its key order
//! kept.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt};

const MAX_DEPTH: usize = 32;

/// The parameters of one call, with the order of the keys inside each top-level map.
#[derive(Debug, Clone, Default)]
pub(crate) struct Params {
    values: Map<String, Value>,
    sequence: BTreeMap<String, Vec<String>>,
}

impl Params {
    /// The parameter with exactly this name.
    pub(crate) fn exact(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    /// The parameter whatever the case of its name, as the older methods read it.
    pub(crate) fn any(&self, name: &str) -> Option<&Value> {
        self.values.get(name).or_else(|| {
            self.values
                .iter()
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, v)| v)
        })
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.values.keys().map(String::as_str)
    }

    /// The entries of a map or list parameter, in the order in which they were sent.
    pub(crate) fn entries(&self, name: &str) -> Vec<(String, &Value)> {
        match self.any(name) {
            Some(Value::Object(map)) => {
                let order = self
                    .sequence
                    .iter()
                    .find(|(key, _)| key.eq_ignore_ascii_case(name));
                match order {
                    Some((_, keys)) => keys
                        .iter()
                        .filter_map(|k| Some((k.clone(), map.get(k)?)))
                        .collect(),
                    None => map.iter().map(|(k, v)| (k.clone(), v)).collect(),
                }
            }
            Some(Value::Array(list)) => list
                .iter()
                .enumerate()
                .map(|(i, v)| (i.to_string(), v))
                .collect(),
            _ => Vec::new(),
        }
    }

    pub(crate) fn from_node(node: Node) -> Self {
        let Node::Branch(entries) = node else {
            return Self::default();
        };
        let mut params = Self::default();
        for (key, value) in entries {
            if let Node::Branch(inner) = &value {
                let keys = inner.iter().map(|(k, _)| k.clone()).collect();
                params.sequence.insert(key.clone(), keys);
            }
            params.values.insert(key, value.into_value());
        }
        params
    }

    /// Parameters written as a query string or a form.
    pub(crate) fn from_query(text: &str) -> Self {
        Self::from_pairs(pairs(text))
    }

    pub(crate) fn from_pairs(pairs: Vec<(String, String)>) -> Self {
        let mut root = Node::Branch(Vec::new());
        for (key, value) in pairs {
            root.insert(&bracket_path(&key), Value::String(value));
        }
        Self::from_node(root)
    }

    /// Parameters of a JSON body; `None` when it is not JSON.
    pub(crate) fn from_json(body: &[u8]) -> Option<Self> {
        serde_json::from_slice::<Node>(body)
            .ok()
            .map(Self::from_node)
    }

    /// Lays the other parameters over these; the other's win.
    pub(crate) fn merge(&mut self, other: Self) {
        for (key, value) in other.values {
            self.values.insert(key, value);
        }
        self.sequence.extend(other.sequence);
    }
}

/// A PHP value under construction: a scalar, or an ordered map.
#[derive(Debug, Clone)]
pub(crate) enum Node {
    Leaf(Value),
    List(Vec<Node>),
    Branch(Vec<(String, Node)>),
}

impl Node {
    fn insert(&mut self, path: &[String], value: Value) {
        let Some((head, rest)) = path.split_first() else {
            *self = Self::Leaf(value);
            return;
        };
        if !matches!(self, Self::Branch(_)) {
            *self = Self::Branch(Vec::new());
        }
        let Self::Branch(entries) = self else { return };
        let key = if head.is_empty() {
            next_index(entries)
        } else {
            head.clone()
        };
        let at = entries
            .iter()
            .position(|(k, _)| *k == key)
            .unwrap_or_else(|| {
                entries.push((key, Self::Branch(Vec::new())));
                entries.len() - 1
            });
        if let Some((_, node)) = entries.get_mut(at) {
            node.insert(rest, value);
        }
    }

    fn into_value(self) -> Value {
        match self {
            Self::Leaf(value) => value,
            Self::List(items) => items.into_iter().map(Self::into_value).collect(),
            Self::Branch(entries) => {
                let sequential = entries
                    .iter()
                    .enumerate()
                    .all(|(i, (k, _))| *k == i.to_string());
                if sequential && !entries.is_empty() {
                    entries
                        .into_iter()
                        .map(|(_, node)| node.into_value())
                        .collect()
                } else {
                    Value::Object(
                        entries
                            .into_iter()
                            .map(|(k, n)| (k, n.into_value()))
                            .collect(),
                    )
                }
            }
        }
    }
}

fn next_index(entries: &[(String, Node)]) -> String {
    let highest = entries
        .iter()
        .filter_map(|(key, _)| key.parse::<u64>().ok())
        .max();
    highest.map_or(0, |n| n.saturating_add(1)).to_string()
}

/// Splits `fields[PHONE][0][VALUE]` into its parts; an empty part means "append". As in PHP, a
/// bracket that is never closed, a dot or a space in the name becomes an underscore.
fn bracket_path(key: &str) -> Vec<String> {
    let plain = |name: &str| name.replace(['.', ' ', '['], "_");
    let Some(open) = key
        .find('[')
        .filter(|at| *at > 0 && key[*at..].contains(']'))
    else {
        return vec![plain(key)];
    };
    let mut path = vec![plain(&key[..open])];
    let mut rest = &key[open..];
    while path.len() < MAX_DEPTH {
        let Some(inner) = rest.strip_prefix('[') else {
            break;
        };
        let Some(close) = inner.find(']') else { break };
        path.push(inner[..close].to_owned());
        rest = &inner[close + 1..];
    }
    path
}

/// Splits a query string or form body into decoded pairs, in order.
pub(crate) fn pairs(text: &str) -> Vec<(String, String)> {
    url::form_urlencoded::parse(text.as_bytes())
        .map(|(k, v)| (k.into_owned(), v.into_owned()))
        .filter(|(k, _)| !k.is_empty())
        .collect()
}

/// Reads the plain fields and the file contents of a multipart body.
pub(crate) fn multipart(body: &[u8], boundary: &str) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(body);
    let mark = format!("--{boundary}");
    let mut found = Vec::new();
    for part in text.split(mark.as_str()).skip(1) {
        let part = part.strip_prefix("\r\n").unwrap_or(part);
        let Some((head, content)) = part.split_once("\r\n\r\n") else {
            continue;
        };
        let name = head
            .lines()
            .find(|line| line.to_ascii_lowercase().starts_with("content-disposition"))
            .and_then(|line| line.split("name=\"").nth(1))
            .and_then(|rest| rest.split('"').next());
        if let Some(name) = name {
            found.push((
                name.to_owned(),
                content.strip_suffix("\r\n").unwrap_or(content).to_owned(),
            ));
        }
    }
    found
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor)
    }
}

struct NodeVisitor;

impl<'de> Visitor<'de> for NodeVisitor {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E>(self, v: bool) -> Result<Node, E> {
        Ok(Node::Leaf(v.into()))
    }

    fn visit_i64<E>(self, v: i64) -> Result<Node, E> {
        Ok(Node::Leaf(v.into()))
    }

    fn visit_u64<E>(self, v: u64) -> Result<Node, E> {
        Ok(Node::Leaf(v.into()))
    }

    fn visit_f64<E>(self, v: f64) -> Result<Node, E> {
        Ok(Node::Leaf(v.into()))
    }

    fn visit_str<E>(self, v: &str) -> Result<Node, E> {
        Ok(Node::Leaf(v.into()))
    }

    fn visit_unit<E>(self) -> Result<Node, E> {
        Ok(Node::Leaf(Value::Null))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Node, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            items.push(item);
        }
        Ok(Node::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(Node::Branch(entries))
    }
}

/// A scalar as PHP would print it; lists and maps are empty.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::String(s) => s.clone(),
        Value::Number(n) => n.to_string(),
        Value::Bool(true) => "1".to_owned(),
        _ => String::new(),
    }
}

/// A whole number, however it is written.
pub(crate) fn int(value: &Value) -> Option<i64> {
    match value {
        Value::Number(n) => n
            .as_i64()
            .or_else(|| n.to_string().split('.').next()?.parse().ok()),
        Value::String(s) => s.trim().parse().ok(),
        Value::Bool(b) => Some(i64::from(*b)),
        _ => None,
    }
}

/// An id: a whole number above zero.
pub(crate) fn id(value: Option<&Value>) -> Option<u64> {
    value
        .and_then(int)
        .and_then(|n| u64::try_from(n).ok())
        .filter(|n| *n > 0)
}

/// A switch: `Y`, `1`, `true`.
pub(crate) fn truthy(value: &Value) -> bool {
    match value {
        Value::Bool(b) => *b,
        other => matches!(text(other).as_str(), "Y" | "y" | "1" | "true"),
    }
}

/// The elements of a list, or the values of a map that PHP would take for one.
pub(crate) fn elements(value: &Value) -> Vec<&Value> {
    match value {
        Value::Array(list) => list.iter().collect(),
        Value::Object(map) => map.values().collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn brackets_become_maps_and_lists() {
        let p = Params::from_query(
            "fields[TITLE]=A+b&fields[PHONE][0][VALUE]=%2B7&fields[PHONE][0][TYPE]=W&x[]=1&x[]=2",
        );
        assert_eq!(
            p.exact("fields"),
            Some(&json!({"TITLE": "A b", "PHONE": [{"VALUE": "+7", "TYPE": "W"}]}))
        );
        assert_eq!(p.exact("x"), Some(&json!(["1", "2"])));
    }

    #[test]
    fn keys_that_do_not_count_from_zero_stay_a_map() {
        let p = Params::from_query("a[5]=x&a[]=y&b[>ID]=7");
        assert_eq!(p.exact("a"), Some(&json!({"5": "x", "6": "y"})));
        assert_eq!(p.exact("b"), Some(&json!({">ID": "7"})));
    }

    #[test]
    fn broken_brackets_do_no_harm() {
        let p = Params::from_query("a[b=1&[c]=2&d]=3&=4&e[f]g=5");
        assert_eq!(p.exact("a_b"), Some(&json!("1")));
        assert_eq!(p.exact("_c]"), Some(&json!("2")));
        assert_eq!(p.exact("e"), Some(&json!({"f": "5"})));
    }

    #[test]
    fn the_order_of_json_commands_is_kept() {
        let p = Params::from_json(br#"{"cmd": {"z": "1", "a": "2", "m": "3"}}"#).unwrap();
        let keys: Vec<_> = p.entries("cmd").into_iter().map(|(k, _)| k).collect();
        assert_eq!(keys, ["z", "a", "m"]);
    }

    #[test]
    fn an_equals_sign_in_a_key_must_be_encoded() {
        let p = Params::from_query("filter[=ID]=5");
        assert!(p.exact("filter").is_none());
        let p = Params::from_query("filter[%3DID]=5");
        assert_eq!(p.exact("filter"), Some(&json!({"=ID": "5"})));
    }

    #[test]
    fn names_are_found_in_any_case_only_when_asked() {
        let p = Params::from_query("ID=5");
        assert!(p.exact("id").is_none());
        assert_eq!(id(p.any("id")), Some(5));
    }

    #[test]
    fn multipart_fields_are_read() {
        let body = "--X\r\nContent-Disposition: form-data; \
                    name=\"fields[TITLE]\"\r\n\r\nhello\r\n--X--\r\n";
        assert_eq!(
            multipart(body.as_bytes(), "X"),
            [("fields[TITLE]".into(), "hello".into())]
        );
    }
}

//! The envelope of answers: result, total and next, the clock, and the habits of PHP's JSON.

use crate::sandbox::clock::iso;
use chrono::{DateTime, FixedOffset};
use serde_json::{Map, Value, json};
use std::fmt::Write as _;

/// What a method gave back.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) result: Value,
    pub(crate) total: Option<usize>,
    pub(crate) next: Option<usize>,
}

impl From<Value> for Reply {
    fn from(result: Value) -> Self {
        Self {
            result,
            total: None,
            next: None,
        }
    }
}

/// Why a method gave nothing back.
#[derive(Debug, Clone)]
pub(crate) struct Fail {
    pub(crate) status: u16,
    pub(crate) code: Value,
    pub(crate) description: String,
}

pub(crate) type Outcome = Result<Reply, Fail>;

impl Fail {
    pub(crate) fn new(status: u16, code: &str, description: &str) -> Self {
        Self {
            status,
            code: code.into(),
            description: description.to_owned(),
        }
    }

    /// The habit of the older methods: status 400 and an empty code.
    pub(crate) fn plain(description: &str) -> Self {
        Self::new(400, "", description)
    }

    pub(crate) fn bad(code: &str, description: &str) -> Self {
        Self::new(400, code, description)
    }

    pub(crate) fn not_found() -> Self {
        Self::plain("Not found")
    }

    pub(crate) fn numeric(code: i64, description: &str) -> Self {
        Self {
            status: 400,
            code: code.into(),
            description: description.to_owned(),
        }
    }

    pub(crate) fn body(&self) -> Value {
        json!({ "error": self.code, "error_description": self.description })
    }
}

/// When a call started and ended, and how much of its method's budget is used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Timing {
    pub(crate) start: DateTime<FixedOffset>,
    pub(crate) finish: DateTime<FixedOffset>,
    pub(crate) operating: Option<(f64, i64)>,
}

impl Timing {
    pub(crate) fn value(&self) -> Value {
        let seconds = (self.finish - self.start).as_seconds_f64();
        let mut time = Map::new();
        time.insert("start".into(), unix(self.start).into());
        time.insert("finish".into(), unix(self.finish).into());
        time.insert("duration".into(), seconds.into());
        time.insert("processing".into(), seconds.into());
        time.insert("date_start".into(), iso(self.start).into());
        time.insert("date_finish".into(), iso(self.finish).into());
        if let Some((operating, reset_at)) = self.operating {
            time.insert("operating_reset_at".into(), reset_at.into());
            time.insert("operating".into(), operating.into());
        }
        time.into()
    }
}

fn unix(at: DateTime<FixedOffset>) -> f64 {
    (at - DateTime::UNIX_EPOCH.fixed_offset()).as_seconds_f64()
}

/// The body of a successful call.
pub(crate) fn success(reply: Reply, time: &Timing) -> Value {
    let mut body = Map::new();
    body.insert("result".into(), reply.result);
    if let Some(next) = reply.next {
        body.insert("next".into(), next.into());
    }
    if let Some(total) = reply.total {
        body.insert("total".into(), total.into());
    }
    body.insert("time".into(), time.value());
    body.into()
}

/// Gives a value the shape it has after a trip through PHP arrays.
pub(crate) fn php(value: Value) -> Value {
    match value {
        Value::Object(map) if map.is_empty() => Value::Array(Vec::new()),
        Value::Object(map) if (0..map.len()).all(|i| map.contains_key(&i.to_string())) => {
            let mut list: Vec<_> = map
                .into_iter()
                .filter_map(|(k, v)| Some((k.parse::<usize>().ok()?, php(v))))
                .collect();
            list.sort_by_key(|(at, _)| *at);
            list.into_iter().map(|(_, v)| v).collect()
        }
        Value::Object(map) => Value::Object(map.into_iter().map(|(k, v)| (k, php(v))).collect()),
        Value::Array(list) => list.into_iter().map(php).collect(),
        other => other,
    }
}

/// JSON text as PHP prints it: slashes and markup characters escaped.
pub(crate) fn encode(value: &Value, escape_unicode: bool) -> String {
    let plain = value.to_string();
    let mut text = String::with_capacity(plain.len());
    for c in plain.chars() {
        match c {
            '/' => text.push_str("\\/"),
            '&' | '<' | '>' | '\'' => escape(&mut text, c),
            c if escape_unicode && !c.is_ascii() => escape(&mut text, c),
            c => text.push(c),
        }
    }
    text
}

fn escape(text: &mut String, c: char) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        let _ = write!(text, "\\u{unit:04x}");
    }
}

/// The same answer as XML, with `response` as the root.
pub(crate) fn xml(value: &Value) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<response>");
    xml_content(&mut text, value);
    text.push_str("</response>");
    text
}

fn xml_content(text: &mut String, value: &Value) {
    match value {
        Value::Null => {}
        Value::Bool(b) => text.push(if *b { '1' } else { '0' }),
        Value::Number(n) => text.push_str(&n.to_string()),
        Value::String(s) => {
            for c in s.chars() {
                match c {
                    '&' => text.push_str("&amp;"),
                    '<' => text.push_str("&lt;"),
                    '>' => text.push_str("&gt;"),
                    '"' => text.push_str("&quot;"),
                    c => text.push(c),
                }
            }
        }
        Value::Array(list) => list.iter().for_each(|item| xml_element(text, "item", item)),
        Value::Object(map) => map
            .iter()
            .for_each(|(key, item)| xml_element(text, key, item)),
    }
}

fn xml_element(text: &mut String, name: &str, value: &Value) {
    let fit = |(i, c): (usize, char)| {
        c == '_' || c.is_ascii_alphabetic() || (i > 0 && c.is_ascii_alphanumeric())
    };
    let name = if name.chars().enumerate().all(fit) && !name.is_empty() {
        name
    } else {
        "item"
    };
    let _ = write!(text, "<{name}>");
    xml_content(text, value);
    let _ = write!(text, "</{name}>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maps_take_the_shape_of_php_arrays() {
        assert_eq!(php(json!({})), json!([]));
        assert_eq!(php(json!({"0": "a", "1": {}})), json!(["a", []]));
        assert_eq!(php(json!({"1": "a"})), json!({"1": "a"}));
        let eleven: Map<String, Value> = (0..11).map(|i| (i.to_string(), json!(i))).collect();
        assert_eq!(
            php(eleven.into()),
            json!([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
        );
    }

    #[test]
    fn text_is_escaped_and_still_the_same_value() {
        let value = json!({"url": "https://a/b?c&d", "name": "Сделка 😀 <b>"});
        let text = encode(&value, true);
        assert!(
            text.is_ascii() && text.contains("https:\\/\\/a\\/b?c\\u0026d"),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
        assert!(encode(&value, false).contains("Сделка"));
    }

    #[test]
    fn xml_has_a_response_root() {
        let text = xml(&json!({"result": {"ID": "1", "0": "<"}}));
        assert!(text.contains("<response><result><item>&lt;</item><ID>1</ID></result></response>"));
    }
}

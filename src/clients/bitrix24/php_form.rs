//! PHP's bracket notation: how nested parameters travel in forms, queries and batch commands.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::{Map, Value};

const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Bounds of what [`decode`] takes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most pairs of name and value.
    pub pairs: usize,
    /// How deep brackets may nest.
    pub depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            pairs: 2_000,
            depth: 10,
        }
    }
}

/// A form that goes beyond the bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// More pairs than taken.
    #[error("the form has too many fields")]
    TooMany,
    /// Deeper brackets than taken.
    #[error("the form is nested too deeply")]
    TooDeep,
}

/// Writes a JSON object as `a=1&b[c][0]=2`, every value percent-encoded once. A value that is
/// wholly a reference to the result of one of the `earlier` commands (`$result[key]`) stays as it
/// is: a portal finds it there whether it substitutes before decoding or after. Any other text that
/// looks like a reference ([`looks_like_a_reference`]) must not travel in a batch at all: a portal
/// would put something else in its place. An empty list or map has no spelling in this notation and
/// is left out; null is an empty text; true and false are 1 and 0.
pub fn encode(params: &Value, earlier: &[&str]) -> String {
    let mut out = String::new();
    if let Value::Object(members) = params {
        for (name, value) in members {
            write(&mut out, &encoded(name), value, earlier);
        }
    }
    out
}

fn write(out: &mut String, name: &str, value: &Value, earlier: &[&str]) {
    match value {
        Value::Object(members) => members.iter().for_each(|(key, inner)| {
            write(out, &format!("{name}[{}]", encoded(key)), inner, earlier);
        }),
        Value::Array(elements) => {
            elements
                .iter()
                .enumerate()
                .for_each(|(at, inner)| write(out, &format!("{name}[{at}]"), inner, earlier));
        }
        scalar => {
            if !out.is_empty() {
                out.push('&');
            }
            out.push_str(name);
            out.push('=');
            match scalar {
                Value::String(text) if reference(text, earlier).is_some() => out.push_str(text),
                Value::String(text) => out.push_str(&encoded(text)),
                Value::Number(number) => out.push_str(&encoded(&number.to_string())),
                Value::Bool(flag) => out.push(if *flag { '1' } else { '0' }),
                _ => {}
            }
        }
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

/// How every reference begins.
const REFERENCE: &str = "$result[";

/// Whether a text of these parameters, such as a customer's, would be taken for a reference in a
/// batch though it refers to none of the `earlier` commands. A portal substitutes inside of texts,
/// too; upper and lower case, and what must follow, are not documented, so every `$result` counts.
pub fn looks_like_a_reference(params: &Value, earlier: &[&str]) -> bool {
    match params {
        Value::String(text) => {
            let mark = b"$result";
            let marked = text
                .as_bytes()
                .windows(mark.len())
                .any(|part| part.eq_ignore_ascii_case(mark));
            marked && reference(text, earlier).is_none()
        }
        Value::Array(elements) => elements
            .iter()
            .any(|inner| looks_like_a_reference(inner, earlier)),
        Value::Object(members) => members
            .values()
            .any(|inner| looks_like_a_reference(inner, earlier)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Puts what earlier commands came to in place of the references to them. None where a reference
/// leads to nothing: its command was refused, or not run.
pub fn resolved<'a>(
    params: &Value,
    earlier: &[&str],
    result: &impl Fn(&str) -> Option<&'a Value>,
) -> Option<Value> {
    match params {
        Value::String(text) => match reference(text, earlier) {
            Some((key, steps)) => {
                let mut found = result(key)?;
                for step in steps {
                    found = match found {
                        Value::Array(elements) => elements.get(step.parse::<usize>().ok()?)?,
                        other => other.get(step)?,
                    };
                }
                Some(found.clone())
            }
            None => Some(params.clone()),
        },
        Value::Array(elements) => elements
            .iter()
            .map(|inner| resolved(inner, earlier, result))
            .collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, inner)| Some((name.clone(), resolved(inner, earlier, result)?)))
            .collect::<Option<Map<_, _>>>()
            .map(Value::Object),
        scalar => Some(scalar.clone()),
    }
}

/// `$result[key]` of an earlier command, with further steps into the result: the key and the steps.
fn reference<'a>(text: &'a str, earlier: &[&str]) -> Option<(&'a str, Vec<&'a str>)> {
    let inside = text.strip_prefix(REFERENCE)?.strip_suffix(']')?;
    let mut parts = inside.split("][");
    let key = parts.next().filter(|key| earlier.contains(key))?;
    let steps: Vec<&str> = parts.collect();
    let plain = |step: &&str| {
        !step.is_empty() && step.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
    };
    steps.iter().all(plain).then_some((key, steps))
}

/// Reads a form into a JSON object of texts; later pairs win, as in PHP. A map whose keys are 0, 1,
/// 2 … becomes a list.
pub fn decode(body: &[u8], limits: Limits) -> Result<Value, Error> {
    let text = String::from_utf8_lossy(body);
    let mut root = Map::new();
    for (count, pair) in text.split('&').filter(|pair| !pair.is_empty()).enumerate() {
        if count >= limits.pairs {
            return Err(Error::TooMany);
        }
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let steps = steps(&decoded(name));
        if steps.len() > limits.depth {
            return Err(Error::TooDeep);
        }
        insert(&mut root, &steps, decoded(value));
    }
    let mut root = Value::Object(root);
    collapse(&mut root);
    // The form itself is always a map.
    if let Value::Array(elements) = root {
        root = elements
            .into_iter()
            .enumerate()
            .map(|(at, value)| (at.to_string(), value))
            .collect::<Map<_, _>>()
            .into();
    }
    Ok(root)
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " "))
        .decode_utf8_lossy()
        .into_owned()
}

/// `a[b][]` is `a`, `b`, and the empty step that appends.
fn steps(name: &str) -> Vec<String> {
    let Some((first, rest)) = name.split_once('[') else {
        return vec![name.to_owned()];
    };
    if first.is_empty() || !rest.contains(']') {
        return vec![name.to_owned()];
    }
    let mut steps = vec![first.to_owned()];
    for part in rest.split('[') {
        let Some((step, _)) = part.split_once(']') else {
            break;
        };
        steps.push(step.to_owned());
    }
    steps
}

fn insert(members: &mut Map<String, Value>, steps: &[String], value: String) {
    let Some((first, rest)) = steps.split_first() else {
        return;
    };
    let key = if first.is_empty() {
        next_index(members)
    } else {
        first.clone()
    };
    if rest.is_empty() {
        members.insert(key, Value::String(value));
        return;
    }
    let entry = members
        .entry(key)
        .or_insert_with(|| Value::Object(Map::new()));
    if !entry.is_object() {
        *entry = Value::Object(Map::new());
    }
    if let Value::Object(inner) = entry {
        insert(inner, rest, value);
    }
}

fn next_index(members: &Map<String, Value>) -> String {
    let highest = members
        .keys()
        .filter_map(|key| key.parse::<u64>().ok())
        .max();
    highest
        .map_or(0, |index| index.saturating_add(1))
        .to_string()
}

fn collapse(value: &mut Value) {
    let Value::Object(members) = value else {
        return;
    };
    members.values_mut().for_each(collapse);
    let is_list =
        !members.is_empty() && (0..members.len()).all(|at| members.contains_key(&at.to_string()));
    if is_list {
        let list = (0..members.len())
            .filter_map(|at| members.remove(&at.to_string()))
            .collect();
        *value = Value::Array(list);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn an_outgoing_webhook_is_read() {
        let body = b"event=ONCRMDEALADD&event_handler_id=975&data%5BFIELDS%5D%5BID%5D=7405\
              &ts=1766047124&auth[application_token]=abc";
        let value = decode(body, Limits::default()).unwrap();
        assert_eq!(value["data"]["FIELDS"]["ID"], "7405");
        assert_eq!(value["auth"]["application_token"], "abc");
    }

    #[test]
    fn lists_and_appended_lists_are_lists() {
        let value = decode(b"a[]=x&a[]=y&b[0][v]=1&b[1][v]=2&c[5]=z", Limits::default()).unwrap();
        assert_eq!(
            value,
            json!({"a": ["x", "y"], "b": [{"v": "1"}, {"v": "2"}], "c": {"5": "z"}})
        );
    }

    #[test]
    fn references_stay_readable_and_everything_else_is_encoded_once() {
        let text = encode(
            &json!(
                {
                    "id": "$result[q1]", "filter": {"@ID": ["a&b", "a]b[x] y"]}, "flag": true,
                        "none": []
                }
            ),
            &["q0", "q1"],
        );
        assert!(text.contains("id=$result[q1]"), "{text}");
        assert!(text.contains("filter[%40ID][0]=a%26b"), "{text}");
        assert!(text.contains("a%5Db%5Bx%5D%20y"), "{text}");
        assert!(text.contains("flag=1") && !text.contains("none"), "{text}");
    }

    #[test]
    fn what_a_customer_writes_is_told_from_a_reference_and_never_altered() {
        let earlier = ["q1"];
        for written in [
            "$result[q2]",
            "$result[q1] and more",
            "see $result[q1][0]",
            "$result[q1",
            "$RESULT[q1]",
            "$result[q1][a b]",
            "$result[q1][]",
        ] {
            let params = json!({"fields": {"TITLE": [written]}});
            assert!(looks_like_a_reference(&params, &earlier), "{written}");
            let text = encode(&params, &earlier);
            let read = decode(text.as_bytes(), Limits::default()).unwrap();
            assert_eq!(read["fields"]["TITLE"][0], written);
        }
        for reference in ["$result[q1]", "$result[q1][0][ID]"] {
            let params = json!({ "id": reference });
            assert!(!looks_like_a_reference(&params, &earlier), "{reference}");
            assert!(looks_like_a_reference(&params, &[]), "{reference}");
        }
        assert!(!looks_like_a_reference(
            &json!({"a": ["$ result", 5, null]}),
            &[]
        ));
    }

    #[test]
    fn a_reference_is_replaced_by_what_it_leads_to() {
        let answer = json!({"items": [{"ID": "9"}]});
        let result = |key: &str| (key == "q1").then_some(&answer);
        let of = |text: &str| resolved(&json!({"a": [text]}), &["q1", "q2"], &result);
        assert_eq!(of("$result[q1][items][0][ID]"), Some(json!({"a": ["9"]})));
        assert_eq!(of("no $result[q1]"), Some(json!({"a": ["no $result[q1]"]})));
        assert_eq!(of("$result[q1][items][1][ID]"), None);
        assert_eq!(of("$result[q2]"), None);
    }

    #[test]
    fn bounds_hold() {
        let limits = Limits { pairs: 2, depth: 3 };
        assert_eq!(decode(b"a=1&b=2&c=3", limits), Err(Error::TooMany));
        assert_eq!(decode(b"a[b][c][d]=1", limits), Err(Error::TooDeep));
    }

    fn params() -> impl Strategy<Value = Value> {
        let leaf = "\\PC{0,12}".prop_map(Value::from);
        leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 1..4).prop_map(Value::from),
                prop::collection::btree_map("[A-Za-z@>_]{1,8}", inner, 1..4)
                    .prop_map(|members| Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn
            decoding_undoes_encoding(
                members in prop::collection::btree_map("[a-z]{1,6}", params(), 1..5),
            )
            {
            let value = Value::Object(members.into_iter().collect());
            let read = decode(
                encode(&value, &[]).as_bytes(), Limits { pairs: 100_000, depth: 20 }
            ).unwrap();
            prop_assert_eq!(read, value);
        }

        #[test]
        fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = decode(&body, Limits::default());
        }

        #[test]
        fn any_brackets_are_read_or_refused(body in r"[a-c\[\]=&%0-9+]{0,80}") {
            let _ = decode(body.as_bytes(), Limits::default());
        }
    }
}

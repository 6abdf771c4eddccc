//! Reading what a portal answers. PHP makes `[]` of an empty map, a list of a map with numeric
//! keys, and a number or an empty text of an error.

use serde_json::Value;
use std::collections::HashMap;

/// What a portal answered to one method.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    /// `result`: what the method gives, in its own form.
    pub result: Value,
    /// `next`: another page exists from this offset.
    pub next: Option<u64>,
    /// `total` of list methods: how many rows there are on all pages.
    pub total: Option<u64>,
}

/// A command that the portal refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandError {
    /// `error` as text, whatever JSON type it had; often empty.
    pub error: String,
    /// `error_description`, freed of its HTML tags.
    pub description: String,
}

/// What was said of each command of a batch, by key. A command that stands in neither map was not
/// run and is not here.
pub type BatchResponse = HashMap<String, Result<Response, CommandError>>;

/// An answer of any kind, read as far as it can be.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Envelope {
    pub(super) result: Option<Value>,
    pub(super) next: Option<u64>,
    pub(super) total: Option<u64>,
    pub(super) error: String,
    pub(super) description: String,
    pub(super) is_error: bool,
    pub(super) time: Value,
}

impl Envelope {
    /// Reads a body; `None` if it is not a JSON object.
    pub(super) fn parse(body: &[u8]) -> Option<Self> {
        let Value::Object(mut members) = document(body)? else {
            return None;
        };
        let mut envelope = Self {
            next: members.get("next").and_then(number),
            total: members.get("total").and_then(number),
            time: members.remove("time").unwrap_or_default(),
            ..Self::default()
        };
        if let Some(error) = members.get("error").filter(|error| !error.is_null()) {
            let said = command_error(error, members.get("error_description"));
            envelope.is_error = true;
            envelope.error = said.error;
            envelope.description = said.description;
        } else if !members.contains_key("result") && members.contains_key("error_description") {
            envelope.is_error = true;
            envelope.description = plain(members.get("error_description"));
        }
        envelope.result = members.remove("result");
        Some(envelope)
    }

    /// The description, else the code.
    pub(super) fn words(&self) -> String {
        if self.description.is_empty() {
            self.error.clone()
        } else {
            self.description.clone()
        }
    }

    pub(super) fn operating_reset_at(&self) -> Option<i64> {
        self.time.get("operating_reset_at").and_then(seconds)
    }
}

/// The JSON of a body. A byte order mark before it is skipped, and so is what PHP says of itself
/// before or after it (`display_errors` on a portal of one's own): such a portal says it in every
/// answer. A half answer is none, whatever whole parts are in it.
fn document(body: &[u8]) -> Option<Value> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    if let Ok(value) = serde_json::from_slice(body) {
        return Some(value);
    }
    let starts = body.windows(2).enumerate().take(MOST_NOISE);
    for (at, _) in starts.filter(|(_, pair)| pair == b"{\"").take(MOST_STARTS) {
        let mut found = serde_json::Deserializer::from_slice(&body[at..]).into_iter::<Value>();
        match found.next()? {
            Ok(value) if value.get("result").or(value.get("error")).is_some() => {
                return Some(value);
            }
            Err(error) if error.is_eof() => return None,
            Ok(_) | Err(_) => {}
        }
    }
    None
}

/// How far into an answer its JSON may begin, in bytes.
const MOST_NOISE: usize = 64 * 1024;
/// In how many places of that it is looked for.
const MOST_STARTS: usize = 8;

/// The parts of a batch's `result`.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) answers: BatchResponse,
    /// `time` of each command that ran.
    pub(super) times: Vec<(String, Value)>,
}

/// Reads the `result` of a batch of these keys, in this order. None if it has not the shape of one.
pub(super) fn batch(result: &Value, keys: &[&str]) -> Option<Batch> {
    let parts = result.as_object()?;
    let results = by_key(parts.get("result")?, keys)?;
    let errors = by_key(parts.get("result_error").unwrap_or(&Value::Null), keys)?;
    let nexts = by_key(parts.get("result_next").unwrap_or(&Value::Null), keys)?;
    // What only tells of the answers is done without.
    let about = |part: &str| by_key(parts.get(part)?, keys);
    let totals = about("result_total").unwrap_or_default();
    let times = about("result_time").unwrap_or_default();
    let mut answers = BatchResponse::new();
    for key in keys {
        if let Some(error) = errors.get(*key) {
            answers.insert((*key).to_owned(), Err(inner_error(error)));
        } else if let Some(result) = results.get(*key) {
            let response = Response {
                result: (*result).clone(),
                next: nexts.get(*key).and_then(|value| number(value)),
                total: totals.get(*key).and_then(|value| number(value)),
            };
            answers.insert((*key).to_owned(), Ok(response));
        }
    }
    let times = times
        .into_iter()
        .map(|(key, time)| (key.to_owned(), time.clone()))
        .collect();
    Some(Batch { answers, times })
}

/// A map by key; `[]` is an empty one; a list that holds one element for each key was a map once.
fn by_key<'a>(part: &'a Value, keys: &[&'a str]) -> Option<HashMap<&'a str, &'a Value>> {
    match part {
        Value::Null => Some(HashMap::new()),
        Value::Object(members) => Some(
            members
                .iter()
                .map(|(key, value)| (key.as_str(), value))
                .collect(),
        ),
        Value::Array(elements) if elements.is_empty() => Some(HashMap::new()),
        Value::Array(elements) if elements.len() == keys.len() => {
            Some(keys.iter().copied().zip(elements).collect())
        }
        _ => None,
    }
}

fn inner_error(value: &Value) -> CommandError {
    match value {
        Value::Object(members) => command_error(
            members.get("error").unwrap_or(&Value::Null),
            members
                .get("error_description")
                .or_else(|| members.get("description")),
        ),
        other => CommandError {
            error: String::new(),
            description: plain(Some(other)),
        },
    }
}

/// `error` may be a text, an empty one, a number, or (in the newer API) an object.
fn command_error(error: &Value, description: Option<&Value>) -> CommandError {
    match error {
        Value::Object(members) => CommandError {
            error: plain(members.get("code")),
            description: plain(members.get("message").or(description)),
        },
        other => CommandError {
            error: plain(Some(other)),
            description: plain(description),
        },
    }
}

fn number(value: &Value) -> Option<u64> {
    value
        .as_u64()
        .or_else(|| value.as_str()?.trim().parse().ok())
}

/// A figure of `time`: also where PHP made a text of it.
pub(super) fn figure(value: &Value) -> Option<f64> {
    let number = value.as_f64();
    number.or_else(|| value.as_str()?.trim().parse().ok())
}

/// A time of `time` in whole seconds.
pub(super) fn seconds(value: &Value) -> Option<i64> {
    let whole = |text: &str| text.trim().parse().ok();
    value.as_i64().or_else(|| value.as_str().and_then(whole))
}

/// A text without tags, at most 2,000 characters; numbers as text.
fn plain(value: Option<&Value>) -> String {
    let text = match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Null) | None => return String::new(),
        Some(other) => other.to_string(),
    };
    let mut inside = false;
    let mut kept = String::new();
    let looks_like_tags = text.contains('<') && text.contains('>');
    for c in text.chars().take(2_000) {
        match c {
            '<' if looks_like_tags => inside = true,
            '>' if looks_like_tags => {
                inside = false;
                kept.push(' ');
            }
            c if inside || c.is_control() && c != '\n' => {}
            c => kept.push(c),
        }
    }
    kept.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn empty_maps_come_as_empty_lists() {
        let result = json!(
            {
                "result": {"a": 5}, "result_error": [], "result_total": [], "result_next": [],
                    "result_time": []
            }
        );
        let batch = batch(&result, &["a"]).unwrap();
        assert_eq!(batch.answers["a"].as_ref().unwrap().result, 5);
    }

    #[test]
    fn a_failed_command_is_told_apart_from_one_that_was_not_run() {
        let result = json!({
            "result": {
                "a": [1]
            } , "result_error": {
                "b": {"error": 0, "error_description": "Not found<br>"}
            },
            "result_next": {"a": 50}, "result_total": {"a": "77"}
        });
        let batch = batch(&result, &["a", "b", "c"]).unwrap();
        assert_eq!(batch.answers["a"].as_ref().unwrap().next, Some(50));
        assert_eq!(batch.answers["a"].as_ref().unwrap().total, Some(77));
        let error = batch.answers["b"].as_ref().unwrap_err();
        assert_eq!(
            (error.error.as_str(), error.description.as_str()),
            ("0", "Not found")
        );
        assert!(!batch.answers.contains_key("c"));
    }

    #[test]
    fn a_map_that_collapsed_to_a_list_is_read_only_where_every_key_has_an_element() {
        let whole = json!({"result": [5, 6], "result_error": []});
        assert_eq!(batch(&whole, &["a", "b"]).unwrap().answers.len(), 2);
        let torn = json!({"result": [], "result_error": [{"error": "x"}]});
        assert!(batch(&torn, &["a", "b"]).is_none());
    }

    #[test]
    fn errors_are_read_in_every_type_they_come_in() {
        for (body, code) in [
            (r#"{"error":"","error_description":"Not found"}"#, ""),
            (r#"{"error":100,"error_description":"x"}"#, "100"),
            (r#"{"error":"expired_token"}"#, "expired_token"),
            (
                r#"{"error":{"code":"BITRIX_REST_V3_EXCEPTION_X","message":"m"}}"#,
                "BITRIX_REST_V3_EXCEPTION_X",
            ),
        ] {
            let envelope = Envelope::parse(body.as_bytes()).unwrap();
            assert!(envelope.is_error, "{body}");
            assert_eq!(envelope.error, code);
        }
        assert!(Envelope::parse(b"<html>502</html>").is_none());
    }

    #[test]
    fn what_stands_around_the_json_is_skipped_and_half_of_it_is_nothing() {
        let whole = r#"{"result":{"result":{"d0":12},"result_error":[]},"time":{"start":1}}"#;
        let notice = "<br />\n<b>Notice</b>: Undefined index: {ID} {\" in <b>/rest.php</b><br />\n";
        for body in [
            format!("\u{feff}{whole}"),
            format!("\r\n \t{whole}\n"),
            format!("{notice}{whole}"),
            format!("\u{feff}{notice}{whole}"),
            format!("{whole}{notice}"),
        ] {
            let envelope = Envelope::parse(body.as_bytes()).unwrap();
            assert_eq!(envelope.result.unwrap()["result"]["d0"], 12, "{body}");
        }
        for cut in 1..whole.len() {
            assert_eq!(Envelope::parse(&whole.as_bytes()[..cut]), None);
            let half = format!("{notice}{}", &whole[..cut]);
            assert_eq!(Envelope::parse(half.as_bytes()), None, "{half}");
        }
        assert_eq!(
            Envelope::parse(br#"<html><script>x={"a":1}</script></html>"#),
            None
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Envelope::parse(&body);
        }

        #[test]
        fn any_json_is_read_or_refused(text in r#"[\[\]{}",:0-9a-z]{0,60}"#) {
            if let Ok(value) = serde_json::from_str::<Value>(&text) {
                let _ = batch(&value, &["a", "b"]);
                let _ = batch(
                    &json!({"result": value.clone(), "result_error": value}), &["a", "b"]
                );
            }
        }
    }
}

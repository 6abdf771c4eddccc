//! Reads typed values out of JSON and collects every fault with its pointer, instead of stopping at
//! the first.

use crate::domain::{Fault, Faults, money};
use chrono::{DateTime, Datelike, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use std::borrow::Cow;

/// One JSON object being read, with the place where it stands.
pub(crate) struct Reader<'a> {
    object: &'a Map<String, Value>,
    pointer: String,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(object: &'a Map<String, Value>, pointer: impl Into<String>) -> Self {
        Self {
            object,
            pointer: pointer.into(),
        }
    }

    /// The pointer of a member.
    pub(crate) fn at(&self, name: &str) -> String {
        let mut at = String::with_capacity(self.pointer.len() + 1 + name.len());
        at.push_str(&self.pointer);
        at.push('/');
        if name.contains(['~', '/']) {
            at.push_str(&name.replace('~', "~0").replace('/', "~1"));
        } else {
            at.push_str(name);
        }
        at
    }

    pub(crate) fn fault(&self, name: &str, detail: impl Into<String>, faults: &mut Faults) {
        faults.push(Fault {
            pointer: self.at(name),
            detail: detail.into(),
        });
    }

    /// The member, if it is there and not null.
    pub(crate) fn member(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// Names every member that is none of these, and the one that was probably meant: what is
    /// misspelt must not count as left out.
    pub(crate) fn only(&self, known: &[&str], faults: &mut Faults) {
        let unknown = self.object.keys().filter(|name| !known.contains(&&***name));
        for name in unknown {
            let remedy = match nearest(name, known) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("here can stand: {}", known.join(", ")),
            };
            self.fault(
                name,
                format!("there is no member `{name}`; {remedy}"),
                faults,
            );
        }
    }

    /// Says that a required member is missing, if it is.
    pub(crate) fn require(&self, name: &str, faults: &mut Faults) -> bool {
        let there = self.told(name).is_some();
        if !there {
            self.fault(name, format!("`{name}` is required"), faults);
        }
        there
    }

    /// The member, if it says anything: PHP writes `""`, `false` and `[]` for what is not there.
    fn told(&self, name: &str) -> Option<&'a Value> {
        self.member(name).filter(|value| match value {
            Value::String(text) => !text.trim().is_empty(),
            Value::Bool(told) => *told,
            Value::Array(elements) => !elements.is_empty(),
            Value::Object(members) => !members.is_empty(),
            _ => true,
        })
    }

    /// A text of at most `max` characters; empty and blank texts count as absent.
    pub(crate) fn text(&self, name: &str, max: usize, faults: &mut Faults) -> Option<String> {
        let text = self.whole(name, faults)?;
        self.bounded(name, &text, max, faults)
    }

    /// A text of any length; a number counts as the text of it.
    pub(crate) fn whole(&self, name: &str, faults: &mut Faults) -> Option<Cow<'a, str>> {
        match self.told(name)? {
            Value::String(text) => Some(Cow::Borrowed(text.trim())),
            Value::Number(number) => Some(Cow::Owned(number.to_string())),
            _ => {
                self.fault(name, format!("`{name}` must be a string"), faults);
                None
            }
        }
    }

    /// A text or a whole number, as text: ids come as both.
    pub(crate) fn id(&self, name: &str, max: usize, faults: &mut Faults) -> Option<String> {
        match self.told(name)? {
            Value::String(text) => self.bounded(name, text, max, faults),
            Value::Number(number) if number.is_i64() || number.is_u64() => Some(number.to_string()),
            _ => {
                self.fault(
                    name,
                    format!("`{name}` must be a string or a whole number"),
                    faults,
                );
                None
            }
        }
    }

    fn bounded(&self, name: &str, text: &str, max: usize, faults: &mut Faults) -> Option<String> {
        let text = text.trim();
        if text.chars().count() > max {
            self.fault(
                name,
                format!("`{name}` is longer than {max} characters"),
                faults,
            );
            return None;
        }
        (!text.is_empty()).then(|| text.to_owned())
    }

    /// True or false, also as systems write it that keep it as a text or a number.
    pub(crate) fn boolean(&self, name: &str, faults: &mut Faults) -> Option<bool> {
        let told = match self.member(name)? {
            Value::Bool(value) => Some(*value),
            Value::Number(number) => match number.as_f64() {
                Some(0.0) => Some(false),
                Some(1.0) => Some(true),
                _ => None,
            },
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "" => return None,
                "1" | "y" | "yes" | "true" | "on" => Some(true),
                "0" | "n" | "no" | "false" | "off" => Some(false),
                _ => None,
            },
            _ => None,
        };
        if told.is_none() {
            self.fault(name, format!("`{name}` must be true or false"), faults);
        }
        told
    }

    pub(crate) fn integer(&self, name: &str, faults: &mut Faults) -> Option<i64> {
        let value = match self.told(name)? {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        if value.is_none() {
            self.fault(name, format!("`{name}` must be a whole number"), faults);
        }
        value
    }

    /// A decimal, from a string or a number, exactly as written, but for what floating point left
    /// at its end.
    pub(crate) fn decimal(&self, name: &str, faults: &mut Faults) -> Option<Decimal> {
        let parsed = match self.told(name)? {
            Value::Number(number) => money::read(&number.to_string(), true),
            Value::String(text) => money::read(text.trim(), false),
            _ => {
                self.fault(
                    name,
                    format!("`{name}` must be a decimal, as a string or a number"),
                    faults,
                );
                return None;
            }
        };
        if parsed.is_none() {
            let rule =
                "a decimal below 10^12 with at most 10 digits after the point, such as \"1990.00\"";
            self.fault(name, format!("`{name}` must be {rule}"), faults);
        }
        parsed
    }

    /// A decimal that is not negative.
    pub(crate) fn amount(&self, name: &str, faults: &mut Faults) -> Option<Decimal> {
        let amount = self.decimal(name, faults)?;
        if amount.is_sign_negative() && !amount.is_zero() {
            self.fault(name, format!("`{name}` must not be negative"), faults);
            return None;
        }
        Some(amount)
    }

    /// An RFC 3339 moment between 1970 and 9999.
    pub(crate) fn moment(&self, name: &str, faults: &mut Faults) -> Option<DateTime<Utc>> {
        let moment = match self.told(name)? {
            // What databases keep in place of no moment.
            Value::String(text) if text.trim().starts_with("0000-00-00") => return None,
            Value::String(text) => DateTime::parse_from_rfc3339(text.trim()).ok(),
            _ => None,
        };
        let moment = moment
            .map(|moment| moment.with_timezone(&Utc))
            .filter(|at| (1970..=9998).contains(&at.year()));
        if moment.is_none() {
            self.fault(
                name,
                format!("`{name}` must be a moment such as 2026-01-15T10:00:00+03:00"),
                faults,
            );
        }
        moment
    }

    /// An object, to be read further. PHP writes an empty one as `[]`.
    pub(crate) fn object(&self, name: &str, faults: &mut Faults) -> Option<Reader<'a>> {
        if let Value::Object(object) = self.told(name)? {
            Some(Reader::new(object, self.at(name)))
        } else {
            self.fault(name, format!("`{name}` must be an object"), faults);
            None
        }
    }

    /// The object's own members.
    pub(crate) fn members(&self) -> &'a Map<String, Value> {
        self.object
    }

    /// A list of at most `max`; each element with its pointer. PHP writes a list with gaps as an
    /// object.
    pub(crate) fn list(
        &self,
        name: &str,
        max: usize,
        faults: &mut Faults,
    ) -> Vec<(String, &'a Value)> {
        let Some(told) = self.told(name) else {
            return Vec::new();
        };
        let place = self.at(name);
        let elements: Vec<(String, &'a Value)> = match told {
            Value::Array(elements) => {
                let numbered = elements.iter().enumerate();
                numbered
                    .map(|(i, element)| (format!("{place}/{i}"), element))
                    .collect()
            }
            Value::Object(members) if members.keys().all(|key| key.parse::<u32>().is_ok()) => {
                let mut members: Vec<_> = members.iter().collect();
                members.sort_by_key(|(key, _)| key.parse::<u32>().unwrap_or_default());
                let numbered = members.into_iter();
                numbered
                    .map(|(key, element)| (format!("{place}/{key}"), element))
                    .collect()
            }
            _ => {
                self.fault(name, format!("`{name}` must be a list"), faults);
                return Vec::new();
            }
        };
        if elements.len() > max {
            let count = elements.len();
            let detail = format!("`{name}` has {count} elements; at most {max} are taken");
            self.fault(name, detail, faults);
            return Vec::new();
        }
        elements
    }

    /// A list of objects.
    pub(crate) fn objects(&self, name: &str, max: usize, faults: &mut Faults) -> Vec<Reader<'a>> {
        let mut readers = Vec::new();
        for (pointer, element) in self.list(name, max, faults) {
            match element {
                Value::Object(object) => readers.push(Reader::new(object, pointer)),
                _ => faults.push(Fault {
                    pointer,
                    detail: "each element must be an object".to_owned(),
                }),
            }
        }
        readers
    }

    /// A list of texts of any length; a single text counts as a list of one.
    pub(crate) fn texts(&self, name: &str, max: usize, faults: &mut Faults) -> Vec<String> {
        if let Some(Value::String(_) | Value::Number(_)) = self.member(name) {
            let text = self.whole(name, faults).map(Cow::into_owned);
            return text.into_iter().collect();
        }
        let mut texts = Vec::new();
        for (pointer, element) in self.list(name, max, faults) {
            match element {
                Value::String(text) => texts.push(text.trim().to_owned()),
                Value::Number(number) if number.is_u64() => texts.push(number.to_string()),
                Value::Null | Value::Bool(false) => {}
                _ => faults.push(Fault {
                    pointer,
                    detail: "each element must be a string".to_owned(),
                }),
            }
        }
        texts.retain(|text| !text.is_empty());
        texts
    }
}

/// The name that was probably meant.
pub(crate) fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    let close = |name: &&'a str| (strsim::jaro_winkler(wrong, name), *name);
    let best = known
        .iter()
        .map(close)
        .max_by(|one, other| one.0.total_cmp(&other.0))?;
    (best.0 > 0.8).then_some(best.1)
}

/// The end of a sentence about a wrong name: the one that was probably meant, if any is near.
pub(crate) fn did_you_mean(wrong: &str, known: &[&str]) -> String {
    let meant = nearest(wrong, known);
    meant.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// No number of this size or beyond: Postgres stores it digit by digit, and a double cannot be read
/// back from that.
const TOO_LARGE: f64 = 1e300;

/// The first place that is nested deeper than `max`, or holds what cannot be stored and read back:
/// a NUL character (Postgres cannot store one in JSON), or a number that is too large.
pub(crate) fn unstorable(value: &Value, max: usize) -> Option<Fault> {
    let (detail, mut path) = odd_place(value, max)?;
    path.reverse();
    let step = |step: &String| format!("/{}", step.replace('~', "~0").replace('/', "~1"));
    Some(Fault {
        pointer: path.iter().map(step).collect(),
        detail: detail.to_owned(),
    })
}

/// What is odd, and the steps to it, the last one first.
fn odd_place(value: &Value, left: usize) -> Option<(&'static str, Vec<String>)> {
    let behind = |(detail, mut path): (&'static str, Vec<String>), step: String| {
        path.push(step);
        (detail, path)
    };
    let odd = |detail| Some((detail, Vec::new()));
    match value {
        Value::Array(_) | Value::Object(_) if left == 0 => odd("nested too deeply"),
        Value::Array(elements) => elements
            .iter()
            .enumerate()
            .find_map(|(nth, inner)| Some(behind(odd_place(inner, left - 1)?, nth.to_string()))),
        Value::Object(members) => members.iter().find_map(|(name, inner)| {
            let found = if name.contains('\0') {
                odd("the name holds a NUL character")
            } else {
                odd_place(inner, left - 1)
            };
            Some(behind(found?, name.clone()))
        }),
        Value::String(text) if text.contains('\0') => odd("the text holds a NUL character"),
        Value::Number(number) if number.as_f64().is_none_or(|n| n.abs() >= TOO_LARGE) => {
            odd("the number is too large to be kept")
        }
        _ => None,
    }
}

//! Values as PHP writes them: decimals as text or number, ids as both, times without a zone, `""` and `false` for nothing.

use crate::domain::{Fault, Faults, Texts};
use chrono::{Datelike as _, NaiveDateTime};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Value};

/// The largest amount or quantity that is taken.
const LARGEST: i64 = 1_000_000_000_000;
const DIGITS: u32 = 10;

/// A whole number above zero, as text.
pub(super) fn id(object: &Map<String, Value>, name: &str) -> Option<String> {
    let id = match object.get(name)? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    id.filter(|id| *id > 0).map(|id| id.to_string())
}

/// The text that people are to read; none if it is blank or no text. WordPress keeps texts as HTML.
pub(super) fn text(object: &Map<String, Value>, name: &str, most: usize) -> Option<String> {
    told(object.get(name)?, most)
}

/// The same of a value.
pub(super) fn told(value: &Value, most: usize) -> Option<String> {
    let text = match value {
        Value::String(text) => Texts::Html.read(text),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let text = text.trim().chars().filter(|c| *c != '\0');
    let text: String = text.take(most).collect();
    (!text.is_empty()).then_some(text)
}

/// Whether a flag that plugins store is set.
pub(super) fn yes(value: &Value) -> bool {
    match value {
        Value::Bool(yes) => *yes,
        Value::Number(number) => number.as_i64() != Some(0),
        Value::String(text) => !matches!(text.trim(), "" | "0" | "no" | "false"),
        _ => false,
    }
}

/// A moment of a `_gmt` field, which has no zone; none for what WordPress writes in place of one (`0000-00-00`, `-0001-11-30`).
pub(super) fn moment(object: &Map<String, Value>, name: &str) -> Option<String> {
    let text = text(object, name, 40)?;
    let moment =
        NaiveDateTime::parse_from_str(text.trim_end_matches('Z'), "%Y-%m-%dT%H:%M:%S").ok()?;
    (1970..=9998)
        .contains(&moment.year())
        .then(|| moment.and_utc().to_rfc3339())
}

/// Whether a value that a plugin stored can be kept: a text without NUL, not nested deeper than is taken.
pub(super) fn storable(value: &Value, depth: usize) -> bool {
    match value {
        Value::String(text) => !text.contains('\0'),
        Value::Array(elements) => {
            depth > 0 && elements.iter().all(|inner| storable(inner, depth - 1))
        }
        Value::Object(members) => {
            depth > 0
                && members
                    .iter()
                    .all(|(name, inner)| !name.contains('\0') && storable(inner, depth - 1))
        }
        _ => true,
    }
}

/// The members of an object, none if it is none (an empty one comes as `[]`).
pub(super) fn object<'a>(
    object: &'a Map<String, Value>,
    name: &str,
) -> Option<&'a Map<String, Value>> {
    object.get(name).and_then(Value::as_object)
}

/// The objects of a list, each with its pointer.
pub(super) fn list<'a>(
    object: &'a Map<String, Value>,
    name: &str,
) -> impl Iterator<Item = (String, &'a Map<String, Value>)> {
    let name = name.to_owned();
    object
        .get(&name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
        .filter_map(move |(at, value)| Some((format!("/{name}/{at}"), value.as_object()?)))
}

/// A decimal; nothing counts as zero, anything that is no decimal is a fault.
pub(super) fn decimal(
    object: &Map<String, Value>,
    place: &str,
    name: &str,
    faults: &mut Faults,
) -> Decimal {
    let text = match object.get(name) {
        None | Some(Value::Null | Value::Bool(false)) => return Decimal::ZERO,
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Number(number)) => number.to_string(),
        Some(_) => String::from("?"),
    };
    if text.is_empty() {
        return Decimal::ZERO;
    }
    parse(&text).unwrap_or_else(|| {
        faults.push(Fault {
            pointer: format!("{place}/{name}"),
            detail: format!("`{name}` must be a decimal below 10^12"),
        });
        Decimal::ZERO
    })
}

fn parse(text: &str) -> Option<Decimal> {
    if text.len() > 40 {
        return None;
    }
    let decimal = if text.contains(['e', 'E']) {
        Decimal::from_scientific(text).ok()?
    } else {
        text.parse().ok()?
    };
    let decimal = decimal.round_dp_with_strategy(DIGITS, RoundingStrategy::MidpointAwayFromZero);
    (decimal.abs() < Decimal::from(LARGEST)).then(|| decimal.normalize())
}

//! Values as PHP writes them: decimals as text or number, ids as both, times without a zone, `""`
//! and `false` for nothing.

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

/// The text that people are to read; `None` if it is blank or no text. WordPress keeps texts as
/// HTML.
pub(super) fn text(object: &Map<String, Value>, name: &str, most: usize) -> Option<String> {
    told(object.get(name)?, most)
}

/// The same of a value.
pub(super) fn told(value: &Value, most: usize) -> Option<String> {
    let text = match value {
        Value::String(text) => Texts::Html.read(text).into_owned(),
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

/// A moment of a `_gmt` field, which has no zone; `None` for what WordPress writes in place of one
/// (`0000-00-00`, `-0001-11-30`).
pub(super) fn moment(object: &Map<String, Value>, name: &str) -> Option<String> {
    let text = text(object, name, 40)?;
    let moment =
        NaiveDateTime::parse_from_str(text.trim_end_matches('Z'), "%Y-%m-%dT%H:%M:%S").ok()?;
    (1970..=9998)
        .contains(&moment.year())
        .then(|| moment.and_utc().to_rfc3339())
}

/// Whether a value that a plugin stored can be kept: a text without NUL, not nested deeper than is
/// taken.
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

/// The members of an object, `None` if it is none (an empty one comes as `[]`).
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
    amount(object, name).unwrap_or_else(|| {
        faults.push(Fault {
            pointer: format!("{place}/{name}"),
            detail: format!("`{name}` must be a decimal below 10^12"),
        });
        Decimal::ZERO
    })
}

/// The same of what is only told beside the rows: what cannot be read there costs nobody the order.
pub(super) fn decimal_or_none(object: &Map<String, Value>, name: &str) -> Decimal {
    amount(object, name).unwrap_or_default()
}

/// A decimal, zero where there is nothing; `None` if it cannot be read.
fn amount(object: &Map<String, Value>, name: &str) -> Option<Decimal> {
    match object.get(name) {
        None | Some(Value::Null | Value::Bool(false)) => Some(Decimal::ZERO),
        Some(Value::String(text)) if text.trim().is_empty() => Some(Decimal::ZERO),
        Some(Value::String(text)) => parse(text.trim()),
        Some(Value::Number(number)) => parse(&number.to_string()),
        Some(_) => None,
    }
}

/// What stands in a member, for people: as it came.
pub(super) fn as_it_came(object: &Map<String, Value>, name: &str) -> String {
    match object.get(name) {
        Some(Value::String(text)) => text.chars().take(40).collect(),
        Some(other) => other.to_string().chars().take(40).collect(),
        None => String::new(),
    }
}

fn parse(text: &str) -> Option<Decimal> {
    if text.len() > 60 {
        return None;
    }
    let text = plain(text)?;
    let decimal = if text.contains(['e', 'E']) {
        Decimal::from_scientific(&text).ok()?
    } else {
        text.parse().ok()?
    };
    let decimal = decimal.round_dp_with_strategy(DIGITS, RoundingStrategy::MidpointAwayFromZero);
    (decimal.abs() < Decimal::from(LARGEST)).then(|| decimal.normalize())
}

/// The digits of an amount as plugins write it for people: thousands set apart (1 990,00; 1,990.00;
/// 1'990.00), a comma for the point. None where a mark may be either: 1,990 is read by no guess.
fn plain(text: &str) -> Option<String> {
    let simple = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    if text.chars().all(simple) {
        return Some(text.to_owned());
    }
    let apart = |c: char| c.is_whitespace() || matches!(c, '\'' | '’');
    let (whole, rest) = match text.rfind([',', '.']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let mark = rest.chars().next();
    let fraction = rest.get(1..).unwrap_or_default();
    if !fraction.chars().all(|c| c.is_ascii_digit()) {
        return None;
    }
    let (sign, digits) = match whole.strip_prefix('-') {
        Some(digits) => ("-", digits.trim_start()),
        None => ("", whole),
    };
    // The other mark sets thousands apart.
    let separates = |c: char| apart(c) || mark.is_some_and(|m| matches!(c, ',' | '.') && c != m);
    let mut groups = digits.split(separates);
    let first = groups.next()?.to_owned();
    let groups: Vec<&str> = groups.collect();
    let is_digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    let grouped = groups.iter().all(|part| part.len() == 3 && is_digits(part));
    if !is_digits(&first) || !grouped || !groups.is_empty() && first.len() > 3 {
        return None;
    }
    let told_apart = !groups.is_empty() || first.len() > 3 || first == "0" || fraction.len() != 3;
    if mark == Some(',') && !told_apart {
        return None;
    }
    let whole = first + &groups.concat();
    Some(if fraction.is_empty() {
        format!("{sign}{whole}")
    } else {
        format!("{sign}{whole}.{fraction}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_people_write_them_and_nothing_is_guessed() {
        for (written, read_as) in [
            ("1990.00", Some("1990")),
            ("1990,50", Some("1990.5")),
            ("1 990,00", Some("1990")),
            ("1\u{a0}990,00", Some("1990")),
            ("1\u{2009}234\u{202f}567,8", Some("1234567.8")),
            ("1,990.00", Some("1990")),
            ("1.990,00", Some("1990")),
            ("1'990.00", Some("1990")),
            ("- 12,5", Some("-12.5")),
            ("0,125", Some("0.125")),
            ("1234,567", Some("1234.567")),
            ("1,990", None),
            ("1 99,00", None),
            ("12 34", None),
            ("1.2.3", None),
            ("1,2,3", None),
            (",5", None),
            ("1 990 ₽", None),
            ("ten", None),
        ] {
            let wanted = read_as.map(|text| text.parse::<Decimal>().unwrap());
            assert_eq!(parse(written), wanted, "{written}");
        }
    }
}

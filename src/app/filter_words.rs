//! Words of a filter, read in the same way for terminal, API and console. Pure.

use crate::domain::{Fault, Faults};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};

const LONGEST_TEXT: usize = 200;

/// One field of a filter; what is empty or missing means any. A fault has the pointer.
pub(in crate::app) fn read<T>(
    pointer: &str,
    text: Option<&String>,
    faults: &mut Faults,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Option<T> {
    let text = text
        .map(|text| text.trim())
        .filter(|text| !text.is_empty())?;
    match parse(text) {
        Ok(value) => Some(value),
        Err(detail) => {
            let pointer = pointer.to_owned();
            faults.push(Fault { pointer, detail });
            None
        }
    }
}

/// RFC 3339, or a date: its midnight in UTC.
pub(in crate::app) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(time.to_utc());
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d")
        .map(|date| date.and_time(NaiveTime::MIN).and_utc())
        .map_err(|_| {
            "a time is written 2026-01-15T10:00:00+03:00, or as a date 2026-01-15".to_owned()
        })
}

/// A text that is looked for: at most 200 characters.
pub(in crate::app) fn words(text: &str) -> Result<String, String> {
    if text.chars().count() > LONGEST_TEXT || text.contains('\0') {
        return Err(format!(
            "the text is at most {LONGEST_TEXT} characters, none of them NUL"
        ));
    }
    Ok(text.to_owned())
}

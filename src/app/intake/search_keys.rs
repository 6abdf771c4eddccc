//! Search keys of orders: the e-mail addresses and phone numbers of their customers.

use crate::{
    app::{Error, Intake},
    process::bug,
    storage::intake::search_keys,
};
use serde_json::Value;
use std::collections::BTreeSet;

/// The shortest and the longest run of digits that is taken for a phone number.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=40;
/// Of a phone number the last digits count: it may be written with or without the country.
const LAST_DIGITS: usize = 10;
/// The longest e-mail address that is kept whole.
const ADDRESS_CHARACTERS: usize = 320;
/// The most keys of one event.
const MOST: usize = 40;
/// Events that are read in one transaction.
const BATCH: i64 = 1_000;

impl Intake {
    /// Reads some events that were stored before orders could be found by their customers; whether
    /// there may be more.
    pub async fn backfill_search_keys(&self) -> Result<bool, Error> {
        let mut tx = self.db.begin().await?;
        let Some(unread) = search_keys::unread(&mut tx, BATCH).await? else {
            return Ok(false);
        };
        let mut keys = Vec::new();
        for (event, body) in &unread.events {
            // What cannot be read is not found by anything.
            let of = body
                .value()
                .ok()
                .and_then(|body| bug::caught(|| keys_of(body)).ok());
            keys.extend(of.into_iter().flatten().map(|key| (*event, key)));
        }
        search_keys::add(&mut tx, &keys).await?;
        let more = search_keys::read_down_to(&mut tx, &unread).await?;
        tx.commit().await?;
        Ok(more)
    }
}

/// What an event is found by.
pub(in crate::app) fn keys_of(event: &Value) -> BTreeSet<String> {
    let Some(customer) = event.pointer("/data/customer") else {
        return BTreeSet::new();
    };
    let written = |fields: [&str; 2]| {
        let values = fields.into_iter().filter_map(|field| customer.get(field));
        let each = values.flat_map(|value| match value {
            Value::Array(all) => all.as_slice(),
            one => std::slice::from_ref(one),
        });
        each.filter_map(|value| match value {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        })
        .collect::<Vec<_>>()
    };
    let addresses = written(["emails", "email"]);
    let numbers = written(["phones", "phone"]);
    let addresses = addresses.iter().map(|address| by_address(address));
    let numbers = numbers.iter().filter_map(|number| by_phone(number));
    addresses.chain(numbers).take(MOST).collect()
}

/// What these words find, if they are an e-mail address or a phone number.
pub(in crate::app) fn key_of_words(words: &str) -> Option<String> {
    if words.contains('@') {
        return Some(by_address(words));
    }
    is_of_phone(words).then(|| by_phone(words))?
}

/// Whether words are written as a phone number is, or a part of one.
pub(in crate::app) fn is_of_phone(words: &str) -> bool {
    let written = |c: char| c.is_ascii_digit() || " +-().".contains(c);
    words.chars().all(written)
}

fn by_address(address: &str) -> String {
    let kept: String = address.trim().chars().take(ADDRESS_CHARACTERS).collect();
    format!("e:{}", kept.to_lowercase())
}

fn by_phone(number: &str) -> Option<String> {
    let digits: String = number
        .chars()
        .filter(char::is_ascii_digit)
        .take(*PHONE_DIGITS.end())
        .collect();
    let last = digits.len().saturating_sub(LAST_DIGITS);
    (digits.len() >= *PHONE_DIGITS.start()).then(|| format!("p:{}", &digits[last..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_phone_is_its_last_ten_digits_and_an_address_is_in_lower_case() {
        for (words, key) in [
            ("+7 (916) 000-00-01", Some("p:9160000001")),
            ("89160000001", Some("p:9160000001")),
            ("000-00-01", Some("p:0000001")),
            ("Anna@Example.RU", Some("e:anna@example.ru")),
            ("12345", None),
            ("A-1234567", None),
        ] {
            assert_eq!(key_of_words(words).as_deref(), key, "{words}");
        }
    }

    #[test]
    fn keys_come_from_whatever_stands_in_an_event() {
        for (customer, keys) in [
            (json!({}), vec![]),
            (
                json!({"phones": null, "emails": "A@b.ru"}),
                vec!["e:a@b.ru"],
            ),
            (
                json!(
                    {
                        "phones": [
                            "+79160000001", 89_160_000_002_u64, "123456", "8 916 000 00 01"
                        ], "phone": "9160000003"
                    }
                ),
                vec!["p:9160000001", "p:9160000002", "p:9160000003"],
            ),
            (json!("nobody"), vec![]),
        ] {
            let found = keys_of(&json!({"data": {"customer": customer}}));
            assert_eq!(
                found,
                keys.into_iter().map(str::to_owned).collect(),
                "{customer}"
            );
        }
        assert!(keys_of(&json!({"data": {"number": "1"}})).is_empty());
    }

    #[test]
    fn keys_are_few_and_short() {
        let customer = json!({
            "emails": ["x".repeat(100_000)], "phones": (0..100).map(
                |i| format!("{}{i:03}", "7".repeat(30))
            ).collect::<Vec<_>>()
        });
        let found = keys_of(&json!({"data": {"customer": customer}}));
        assert_eq!(found.len(), MOST);
        assert!(found.iter().all(|key| key.len() <= ADDRESS_CHARACTERS + 2));
    }
}

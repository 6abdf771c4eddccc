//! Search keys of orders: the e-mail addresses and phone numbers of their customers, and words of
//! which parts are looked for.

use crate::{
    app::{Error, Intake},
    process::bug,
    storage::{
        intake::search_keys::{self, FoundBy},
        queue::outbox::OrderWords,
    },
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// The shortest and the longest run of digits that is taken for a phone number.
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 7..=40;
/// Of a phone number the last digits count: it may be written with or without the country.
const LAST_DIGITS: usize = 10;
/// The longest e-mail address that is kept whole.
const ADDRESS_CHARACTERS: usize = 320;
/// The most keys of one event.
const MOST: usize = 40;
/// The most characters of an event's words, and of its phones' digits.
const WORD_CHARACTERS: usize = 1_000;
/// Events that are read in one transaction.
const BATCH: i64 = 1_000;

impl Intake {
    /// Reads some events that were stored before orders could be found by their customers or by
    /// parts; whether there may be more.
    pub async fn backfill_search_keys(&self) -> Result<bool, Error> {
        let mut tx = self.db.begin().await?;
        let Some(unread) = search_keys::unread(&mut tx, BATCH).await? else {
            return Ok(false);
        };
        let mut found_by = Vec::new();
        for (event, number, body) in &unread.events {
            let read = |body: &Value| words_of(number, body);
            let of = body
                .value()
                .ok()
                .and_then(|body| bug::caught(|| read(body)).ok());
            // What cannot be read is found by its number alone.
            found_by.push(FoundBy {
                event: *event,
                words: of.unwrap_or_else(|| read(&Value::Null)),
            });
        }
        search_keys::add(&mut tx, &found_by).await?;
        let more = search_keys::read_down_to(&mut tx, &unread).await?;
        tx.commit().await?;
        Ok(more)
    }
}

/// A key as it is stored: one row of numbers for an event takes half the bytes of a row of text for
/// each key. The first eight bytes of its SHA-256.
pub(in crate::app) fn number_of(key: &str) -> i64 {
    let digest = Sha256::digest(key);
    let first = digest.first_chunk();
    first.map_or(0, |first| i64::from_be_bytes(*first))
}

/// What an event is found by as a whole.
fn keys_of(event: &Value) -> BTreeSet<String> {
    let Some(customer) = event.pointer("/data/customer") else {
        return BTreeSet::new();
    };
    let addresses = written(customer, ["emails", "email"]);
    let numbers = written(customer, ["phones", "phone"]);
    let addresses = addresses.iter().map(|address| by_address(address));
    let numbers = numbers.iter().filter_map(|number| by_phone(number));
    addresses.chain(numbers).take(MOST).collect()
}

/// What an event of the order with this number is found by.
pub(in crate::app) fn words_of(number: &str, event: &Value) -> OrderWords {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str);
    let customer = event.pointer("/data/customer").unwrap_or(&Value::Null);
    let names = ["name", "second_name", "last_name", "company/title"];
    let names = names.map(|name| text(&format!("/data/customer/{name}")));
    let names = names.into_iter().flatten().map(str::to_owned);
    let addresses = written(customer, ["emails", "email"]);
    let number = std::iter::once(number.to_owned());
    let all: Vec<String> = number.chain(names).chain(addresses).collect();
    let numbers = written(customer, ["phones", "phone"]);
    let digits = |number: &String| -> String {
        let digits = number.chars().filter(char::is_ascii_digit);
        digits.take(*PHONE_DIGITS.end()).chain([',']).collect()
    };
    let kept = |text: String| text.chars().take(WORD_CHARACTERS).collect();
    OrderWords {
        words: kept(all.join(" ").to_lowercase()),
        phones: kept(numbers.iter().map(digits).collect()),
        keys: keys_of(event).iter().map(|key| number_of(key)).collect(),
    }
}

/// What stands in these members of a customer, each of which may be one or many.
fn written(customer: &Value, members: [&str; 2]) -> Vec<String> {
    let values = members
        .into_iter()
        .filter_map(|member| customer.get(member));
    let each = values.flat_map(|value| match value {
        Value::Array(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    });
    let text = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    each.filter_map(text).collect()
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
    fn words_are_the_number_the_names_and_the_addresses_in_lower_case() {
        let event = json!({"data": {"number": "WEB-7", "customer": {
            "name": "Анна", "last_name": "Иванова", "company": {"title": "ООО Ромашка"},
            "emails": ["Anna@Example.ru"], "phones": ["+7 (916) 000-00-01", 89_160_000_002_u64]
        }}});
        let OrderWords {
            words,
            phones,
            keys,
        } = words_of("WEB-7", &event);
        assert_eq!(words, "web-7 анна иванова ооо ромашка anna@example.ru");
        assert_eq!(phones, "79160000001,89160000002,");
        let whole = ["e:anna@example.ru", "p:9160000001", "p:9160000002"];
        assert_eq!(keys, whole.map(number_of));
        // As it is stored: another number would find no order of before.
        assert_eq!(number_of("p:9160000001"), 7_723_188_495_495_321_501);
        for odd in [json!({}), json!({"data": {"customer": "nobody"}}), json!(7)] {
            assert_eq!(words_of("7", &odd).words, "7");
        }
        let long = json!({"data": {"customer": {"name": "Я".repeat(5_000)}}});
        assert_eq!(words_of("5", &long).words.chars().count(), WORD_CHARACTERS);
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

//! From raw JSON to an event of a known shop.

use super::search_keys;
use crate::{
    app::{Error, Intake, Registry},
    domain::{
        Age, ErrorCode, Event, EventBody, Fault, Faults, ReportedStatus, ShopName, ShopRules,
        is_subject_key,
    },
    process::bug::{self, Step},
    stock::CountText,
    storage::{EventKind, Json, queue::outbox::NewEvent},
};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use chrono::DateTime;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Why an event cannot be accepted.
#[derive(Debug, Clone)]
pub(in crate::app) struct Rejection {
    pub(in crate::app) code: ErrorCode,
    pub(in crate::app) faults: Faults,
    pub(in crate::app) shop: Option<ShopName>,
}

impl Rejection {
    /// The bridge itself failed at it.
    pub(in crate::app) fn by_bridge(words: &str) -> Self {
        Self::at("", words.to_owned(), ErrorCode::Bug)
    }

    fn at(pointer: &str, detail: String, code: ErrorCode) -> Self {
        let faults = vec![Fault {
            pointer: pointer.to_owned(),
            detail,
        }];
        Self {
            code,
            faults,
            shop: None,
        }
    }
}

impl Rejection {
    /// A database role published for a shop that is not its own.
    pub(in crate::app) fn of_stranger(role: &str, shop: &str) -> Self {
        let detail = format!(
            "the database role `{role}` may not publish for the shop `{shop}`: see \
             `bridge.publishers`"
        );
        Self {
            shop: ShopName::parse(shop).ok(),
            ..Self::at("/shop", detail, ErrorCode::Forbidden)
        }
    }
}

impl Intake {
    /// Reads an event of the shop whose key was shown, or of the shop it names itself. A panic
    /// about it is a fault of this event.
    pub(in crate::app) fn read_event(
        &self,
        shop: Option<&ShopName>,
        value: &Value,
    ) -> Result<NewEvent, Rejection> {
        let read = bug::caught(|| {
            let id = value.get("id").and_then(Value::as_str);
            self.traps.step(Step::Read, id.unwrap_or_default());
            let mut event = read(&self.registry, shop, value)?;
            if is_subject_key(&event.number) {
                let why = "`form:`, `call:`, `mail:`, `message:`, `receipt:` and `note:` begin the \
                           keys of what is no order";
                let rejection = Rejection::at("/data/number", why.to_owned(), ErrorCode::Invalid);
                let shop = ShopName::parse(&event.shop).ok();
                return Err(Rejection { shop, ..rejection });
            }
            event.goods = self.stock.goods_of(&event, value);
            Ok(event)
        });
        read.unwrap_or_else(|bug| {
            tracing::error!(place = bug.place, "a panic over an event was caught");
            let shop = named(&self.registry, value).ok();
            let rejection = Rejection::by_bridge(&bug.to_string());
            Err(Rejection { shop, ..rejection })
        })
    }

    /// Reads an event from the database.
    pub(in crate::app) fn read_stored(&self, event: &Json) -> Result<NewEvent, Rejection> {
        match event.value() {
            Ok(value) => self.read_event(None, value),
            Err(why) => Err(Rejection::at("", why.to_owned(), ErrorCode::Invalid)),
        }
    }

    /// The shop that an event names which cannot be read as a whole.
    pub(in crate::app) fn shop_of(
        &self,
        shop: Option<&str>,
        source: Option<&str>,
    ) -> Option<ShopName> {
        named(&self.registry, &json!({ "shop": shop, "source": source })).ok()
    }
}

/// The shop whose key was shown, unless the event names another; without a key the shop that it
/// names.
pub(in crate::app) fn shop_for(
    registry: &Registry,
    shop: Option<&ShopName>,
    value: &Value,
) -> Result<ShopName, Rejection> {
    match shop {
        Some(shop) => of_caller(registry, shop, value),
        None => named(registry, value),
    }
}

/// Reads an event of the shop whose key was shown, or of the shop it names itself.
fn read(
    registry: &Registry,
    shop: Option<&ShopName>,
    value: &Value,
) -> Result<NewEvent, Rejection> {
    let shop = shop_for(registry, shop, value)?;
    let unknown = || {
        Rejection::at(
            "/shop",
            format!("no shop `{shop}` is configured"),
            ErrorCode::UnknownShop,
        )
    };
    let rules = registry.rules(&shop).ok_or_else(unknown)?;
    read_as(rules, value).map_err(|faults| Rejection {
        code: ErrorCode::Invalid,
        faults,
        shop: Some(shop),
    })
}

/// Reads an event of this shop.
pub(in crate::app) fn read_as(rules: &ShopRules, value: &Value) -> Result<NewEvent, Faults> {
    // Stored is the message, not what was read of it.
    let event = Event::read_fields(value, rules.reading())?;
    let said = ReportedStatus::by(&event);
    // When it came in is known where it is stored.
    let age = Age::by(&event.body, event.time, DateTime::UNIX_EPOCH);
    let (kind, number, version, updated_at) = match event.body {
        EventBody::Saved(snapshot) => {
            let s = *snapshot;
            (EventKind::Saved, s.number, s.version, s.updated_at)
        }
        EventBody::Deleted {
            number,
            version,
            updated_at,
        } => (EventKind::Deleted, number, version, updated_at),
    };
    let text = value.to_string();
    let (source, event_id) = identity(event.source, event.id);
    Ok(NewEvent {
        portal: rules.portal.as_str().to_owned(),
        shop: rules.shop.as_str().to_owned(),
        number: number.as_str().to_owned(),
        source,
        event_id,
        kind,
        version,
        updated_at,
        occurred_at: event.time,
        said,
        age,
        traceparent: None,
        words: search_keys::words_of(number.as_str(), value),
        fingerprint: fingerprint_of(&text),
        body: text,
        later: false,
        goods: None,
    })
}

/// The most bytes of source and id that stand in the index of identities as they are: with the
/// shop's name, an entry of it holds less than 2,704.
const IDENTITY_BYTES: usize = 2_000;

/// An identity as it is stored: a source that is too long for the index, by its SHA-256.
fn identity(source: String, id: String) -> (String, String) {
    if source.len() + id.len() <= IDENTITY_BYTES {
        return (source, id);
    }
    let print = STANDARD_NO_PAD.encode(Sha256::digest(&source));
    (format!("sha-256:{print}"), id)
}

/// The identity of an event that may not be readable otherwise, as it is stored: source and id.
pub(in crate::app) fn identity_of(event: &Value) -> Option<(String, String)> {
    let text = |name: &str| match event.get(name)? {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    Some(identity(text("source")?, text("id")?))
}

/// Parses an event by the shop's rules.
pub(in crate::app) fn parse(value: &Value, rules: &ShopRules) -> Result<Event, Faults> {
    Event::read(value, rules.reading())
}

/// The same of an event that nobody else needs.
pub(in crate::app) fn parse_owned(value: Value, rules: &ShopRules) -> Result<Event, Faults> {
    Event::read_owned(value, rules.reading())
}

/// The caller's shop, unless the event names another.
fn of_caller(registry: &Registry, shop: &ShopName, value: &Value) -> Result<ShopName, Rejection> {
    let other = |pointer: &str, name: &str| {
        let known = registry.shops.keys().any(|known| known.as_str() == name);
        let detail = if known {
            format!("the key belongs to the shop `{shop}`, the event names `{name}`")
        } else {
            format!("no shop `{name}` is configured")
        };
        Err(Rejection::at(pointer, detail, ErrorCode::Invalid))
    };
    if let Some(name) = value.get("shop").and_then(Value::as_str)
        && name != shop.as_str()
    {
        return other("/shop", name);
    }
    if let Some(name) = value
        .get("source")
        .and_then(Value::as_str)
        .and_then(shop_in_source)
        && name != shop.as_str()
    {
        return other("/source", name);
    }
    Ok(shop.clone())
}

/// The shop that an event without a key names.
fn named(registry: &Registry, value: &Value) -> Result<ShopName, Rejection> {
    let known = |pointer: &str, name: &str| {
        let found = registry.shops.keys().find(|known| known.as_str() == name);
        let unknown = || {
            Rejection::at(
                pointer,
                format!("no shop `{name}` is configured"),
                ErrorCode::UnknownShop,
            )
        };
        found.cloned().ok_or_else(unknown)
    };
    if let Some(name) = value.get("shop").and_then(Value::as_str) {
        return known("/shop", name);
    }
    let source = value
        .get("source")
        .and_then(Value::as_str)
        .unwrap_or_default();
    if let Some(name) = shop_in_source(source) {
        return known("/source", name);
    }
    if let Some((_, shop)) = registry.sources.iter().find(|(named, _)| named == source) {
        return Ok(shop.clone());
    }
    let mut shops = registry.shops.keys();
    match (shops.next(), shops.next()) {
        (Some(only), None) => Ok(only.clone()),
        _ => Err(Rejection::at(
            "/source",
            "the event names no configured shop".to_owned(),
            ErrorCode::UnknownShop,
        )),
    }
}

/// NAME in `/shops/NAME` or `.../shops/NAME`.
fn shop_in_source(source: &str) -> Option<&str> {
    let (_, name) = source.rsplit_once("/shops/")?;
    let name = name.strip_suffix('/').unwrap_or(name);
    (!name.is_empty() && !name.contains('/')).then_some(name)
}

/// SHA-256 of canonical JSON: sorted keys, no white space. A value's text is that, as its maps are
/// sorted.
pub(in crate::app) fn fingerprint(value: &Value) -> Vec<u8> {
    fingerprint_of(&value.to_string())
}

/// The same of a count whose lines stay text.
pub(in crate::app) fn fingerprint_of_count(count: &CountText<'_>) -> Vec<u8> {
    let mut digest = Sha256::new();
    count.canonical(|piece| digest.update(piece));
    digest.finalize().to_vec()
}

fn fingerprint_of(canonical: &str) -> Vec<u8> {
    Sha256::digest(canonical).to_vec()
}

/// Puts a mended payload (a whole event, or a snapshot) in the place of a letter's event. The
/// mended event has an identity of its own: the old one with the letter's id behind it.
pub(in crate::app) fn apply_edit(old: &Value, payload: Value, letter: i64, turn: i64) -> Value {
    let whole =
        payload.get("specversion").is_some() || payload.get("data").is_some_and(Value::is_object);
    let mut event = if whole {
        payload
    } else {
        with_data(old, payload)
    };
    if let Value::Object(map) = &mut event {
        let id = old.get("id").and_then(Value::as_str).unwrap_or("letter");
        let base = id.split("#retry-").next().unwrap_or(id);
        // With what follows it is still an id that is taken.
        let base: String = base.chars().take(200).collect();
        map.insert(
            "id".to_owned(),
            Value::from(format!("{base}#retry-{letter}-{turn}")),
        );
    }
    event
}

fn with_data(old: &Value, data: Value) -> Value {
    let mut event = if old.is_object() {
        old.clone()
    } else {
        json!({})
    };
    if let Value::Object(map) = &mut event {
        map.insert("data".to_owned(), data);
    }
    event
}

impl Intake {
    /// The rules of a shop by its name as text.
    pub(in crate::app) fn rules_of(&self, shop: &str) -> Result<&ShopRules, Error> {
        let found = self.registry.shops.get(shop);
        found
            .map(std::convert::AsRef::as_ref)
            .ok_or(Error::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fingerprint_ignores_the_order_of_keys_and_nothing_else() {
        let one: Value = serde_json::from_str(r#"{"a":1,"b":[{"x":null,"y":"z"}]}"#).unwrap();
        let two: Value =
            serde_json::from_str(r#"{ "b": [ {"y":"z","x":null} ], "a": 1 }"#).unwrap();
        let other: Value = serde_json::from_str(r#"{"a":1,"b":[{"x":null,"y":"w"}]}"#).unwrap();
        assert_eq!(fingerprint(&one), fingerprint(&two));
        assert_ne!(fingerprint(&one), fingerprint(&other));
    }

    #[test]
    fn a_source_names_a_shop_only_by_its_last_segment() {
        assert_eq!(shop_in_source("/shops/main"), Some("main"));
        assert_eq!(
            shop_in_source("https://shop.example/shops/main/"),
            Some("main")
        );
        assert_eq!(shop_in_source("/shops/main/orders"), None);
        assert_eq!(shop_in_source("https://shop.example"), None);
    }
}

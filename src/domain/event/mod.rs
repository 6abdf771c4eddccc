//! CloudEvents 1.0 messages from a shop.

use super::{
    Fault, Faults, MOST_FAULTS, OrderNumber, Reading, Snapshot, Texts,
    input::{
        fault::shorten,
        json_reader::{Reader, unstorable},
    },
};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// The type of an event that carries a snapshot.
pub const SAVED: &str = "shop.order.saved.v1";
/// The type of an event that tells of a deletion.
pub const DELETED: &str = "shop.order.deleted.v1";

/// Deepest nesting that is taken.
const DEEPEST: usize = 16;

/// One message, parsed: identity and content.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// `source`: with `id` the identity of the message.
    pub source: String,
    /// `id`: unique within the source.
    pub id: String,
    /// `time`, if the shop sent one.
    pub time: Option<DateTime<Utc>>,
    /// The extension attribute `shop`, if there is one.
    pub shop: Option<String>,
    /// The content: what happened in the shop.
    pub body: EventBody,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq)]
pub enum EventBody {
    /// `shop.order.saved.v1`: the order as it is now.
    Saved(Box<Snapshot>),
    /// `shop.order.deleted.v1`; `data` carries `number` and may carry `version` and `updated_at`.
    Deleted {
        /// The order that was deleted.
        number: OrderNumber,
        /// As in the snapshot.
        version: Option<i64>,
        /// As in the snapshot.
        updated_at: Option<DateTime<Utc>>,
    },
}

impl EventBody {
    /// Which order it is about.
    pub fn number(&self) -> &OrderNumber {
        match self {
            Self::Saved(snapshot) => &snapshot.number,
            Self::Deleted { number, .. } => number,
        }
    }

    /// The shop's count of changes, if it keeps one.
    pub fn version(&self) -> Option<i64> {
        match self {
            Self::Saved(snapshot) => snapshot.version,
            Self::Deleted { version, .. } => *version,
        }
    }

    /// When the order was last changed.
    pub fn updated_at(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::Saved(snapshot) => snapshot.updated_at,
            Self::Deleted { updated_at, .. } => *updated_at,
        }
    }

    /// `type` of the CloudEvents message.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Saved(_) => SAVED,
            Self::Deleted { .. } => DELETED,
        }
    }
}

impl Event {
    /// Reads a message of a shop whose texts are the usual ones; on failure every fault at once.
    /// `phone_country` is the calling code for phones written without one.
    pub fn parse(message: &Value, phone_country: &str) -> Result<Self, Faults> {
        let texts = Texts::default();
        let rules = Reading {
            phone_country,
            texts,
        };
        Self::read(message, rules)
    }

    /// Reads a message by its shop's rules; on failure every fault at once.
    pub fn read(message: &Value, rules: Reading<'_>) -> Result<Self, Faults> {
        let mut event = Self::read_fields(message, rules)?;
        if let EventBody::Saved(snapshot) = &mut event.body
            && let Some(Value::Object(data)) = message.get("data")
        {
            snapshot.data.clone_from(data);
        }
        Ok(event)
    }

    /// The same of a message that nobody else needs.
    pub fn read_owned(mut message: Value, rules: Reading<'_>) -> Result<Self, Faults> {
        let mut event = Self::read_fields(&message, rules)?;
        if let EventBody::Saved(snapshot) = &mut event.body
            && let Some(Value::Object(data)) = message.get_mut("data")
        {
            snapshot.data = std::mem::take(data);
        }
        Ok(event)
    }

    /// The same without the snapshot's `data` as they were sent, which would be a copy.
    pub fn read_fields(message: &Value, rules: Reading<'_>) -> Result<Self, Faults> {
        let Value::Object(object) = message else {
            return Err(vec![Fault {
                pointer: String::new(),
                detail: "an event must be a JSON object".to_owned(),
            }]);
        };
        if let Some(fault) = unstorable(message, DEEPEST) {
            return Err(shorten(vec![fault], MOST_FAULTS));
        }
        let mut faults = Faults::new();
        let reader = Reader::new(object, "");
        if reader.require("specversion", &mut faults)
            && reader.member("specversion").and_then(Value::as_str) != Some("1.0")
        {
            reader.fault("specversion", "`specversion` must be \"1.0\"", &mut faults);
        }
        let source = required_text(&reader, "source", 512, &mut faults);
        let id = required_text(&reader, "id", 256, &mut faults);
        let kind = required_text(&reader, "type", 256, &mut faults);
        let time = reader.moment("time", &mut faults);
        let shop = reader.text("shop", 64, &mut faults);
        let content_type = reader.text("datacontenttype", 256, &mut faults);
        if content_type.is_some_and(|given| !given.to_ascii_lowercase().contains("json")) {
            reader.fault("datacontenttype", "only JSON data is taken", &mut faults);
        }
        let body = body(&reader, kind.as_deref(), rules, &mut faults);
        match (source, id, body) {
            (Some(source), Some(id), Some(body)) if faults.is_empty() => Ok(Self {
                source,
                id,
                time,
                shop,
                body,
            }),
            _ => Err(shorten(faults, MOST_FAULTS)),
        }
    }
}

fn required_text(
    reader: &Reader<'_>,
    name: &str,
    max: usize,
    faults: &mut Faults,
) -> Option<String> {
    if !reader.require(name, faults) {
        return None;
    }
    let before = faults.len();
    let text = reader.text(name, max, faults);
    if text.is_none() && faults.len() == before {
        reader.fault(name, format!("`{name}` must not be empty"), faults);
    }
    text
}

fn body(
    reader: &Reader<'_>,
    kind: Option<&str>,
    rules: Reading<'_>,
    faults: &mut Faults,
) -> Option<EventBody> {
    let data = reader
        .require("data", faults)
        .then(|| reader.object("data", faults))
        .flatten();
    match kind? {
        SAVED => Some(EventBody::Saved(Box::new(Snapshot::read(
            &data?, rules, faults,
        )?))),
        DELETED => {
            let data = data?;
            let number = OrderNumber::read(&data, faults);
            let version = data.integer("version", faults);
            let updated_at = data.moment("updated_at", faults);
            Some(EventBody::Deleted {
                number: number?,
                version,
                updated_at,
            })
        }
        other => {
            let detail = format!("the type `{other}` is not known; `{SAVED}` and `{DELETED}` are");
            reader.fault("type", detail, faults);
            None
        }
    }
}

#[cfg(test)]
mod tests;

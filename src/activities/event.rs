//! The event of a call, a mail or a message.

use crate::domain::{
    Fault, Faults, MOST_FAULTS, OrderNumber, Phone, Reader, read_emails, shorten, unstorable, words,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;
use serde_json::Value;

/// The type of an event that tells of one.
pub const RECORDED: &str = "shop.activity.recorded.v1";

/// The longest text, subject and address, in characters.
const TEXT: usize = 50_000;
const SUBJECT: usize = 250;
const ADDRESS: usize = 1_000;
/// A call is not longer than this, in seconds.
const LONGEST_CALL: i64 = 7 * 24 * 3600;
/// Deepest nesting that is taken.
const DEEPEST: usize = 8;

/// A CloudEvents message about an activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivityEvent {
    /// `source`: with `id` the identity of the message.
    pub source: String,
    /// `id`: unique within the source.
    pub id: String,
    /// `time`, if it was said.
    pub time: Option<DateTime<Utc>>,
    /// What it tells of.
    pub activity: Activity,
}

/// A call, a mail or a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// Whether it was a call, a mail or a message.
    pub kind: ActivityKind,
    /// Whether the shop called or wrote; else the customer.
    pub outgoing: bool,
    /// When it was, if that was said; else the event's own time counts.
    pub at: Option<DateTime<Utc>>,
    /// How long a call was.
    pub duration: TimeDelta,
    /// The subject of a mail.
    pub subject: Option<String>,
    /// The text of a mail or a message, or words about a call.
    pub text: Option<String>,
    /// The customer's telephone, by which the card is found.
    pub phone: Option<Phone>,
    /// The number as it was written, where it cannot be read as one.
    pub unread_phone: Option<String>,
    /// The customer's e-mail address, by which the card is found.
    pub email: Option<String>,
    /// The order that it was about.
    pub order: Option<OrderNumber>,
    /// Where the recording of a call is.
    pub recording_url: Option<String>,
    /// Whether nobody took the call.
    pub missed: bool,
}

words! {
    /// How the shop and the customer spoke.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
    #[serde(rename_all = "snake_case")]
    pub enum ActivityKind {
        /// A telephone call, taken or missed.
        Call = "call",
        /// An e-mail, in or out.
        Mail = "mail",
        /// A message of a chat, or a text message.
        Message = "message",
    }
}

impl ActivityKind {
    /// The kind that this word names.
    pub fn parse(text: &str) -> Option<Self> {
        let mut all = Self::ALL.iter().copied();
        all.find(|kind| kind.as_str() == text)
    }
}

impl ActivityEvent {
    /// Whether a message is about an activity, whatever else is right or wrong with it.
    pub fn is(message: &Value) -> bool {
        message.get("type").and_then(Value::as_str) == Some(RECORDED)
    }

    /// Reads a message about an activity; on failure every fault at once. `country` is the calling
    /// code of phones without one.
    pub fn read(message: &Value, country: &str) -> Result<Self, Faults> {
        let fault = |detail: &str| Fault {
            pointer: String::new(),
            detail: detail.to_owned(),
        };
        let Value::Object(object) = message else {
            return Err(vec![fault("an event must be a JSON object")]);
        };
        if let Some(fault) = unstorable(message, DEEPEST) {
            return Err(vec![fault]);
        }
        let mut faults = Faults::new();
        let reader = Reader::new(object, "");
        if reader.require("specversion", &mut faults)
            && reader.member("specversion").and_then(Value::as_str) != Some("1.0")
        {
            reader.fault("specversion", "`specversion` must be \"1.0\"", &mut faults);
        }
        let source = needed(&reader, "source", 512, &mut faults);
        let id = needed(&reader, "id", 256, &mut faults);
        let time = reader.moment("time", &mut faults);
        let data = reader.require("data", &mut faults);
        let data = data.then(|| reader.object("data", &mut faults)).flatten();
        let activity = data.and_then(|data| Activity::read(&data, country, &mut faults));
        match (source, id, activity) {
            (Some(source), Some(id), Some(activity)) if faults.is_empty() => Ok(Self {
                source,
                id,
                time,
                activity,
            }),
            _ => Err(shorten(faults, MOST_FAULTS)),
        }
    }
}

fn needed(reader: &Reader<'_>, name: &str, most: usize, faults: &mut Faults) -> Option<String> {
    if !reader.require(name, faults) {
        return None;
    }
    let before = faults.len();
    let text = reader.text(name, most, faults);
    if text.is_none() && faults.len() == before {
        reader.fault(name, format!("`{name}` must not be empty"), faults);
    }
    text
}

impl Activity {
    fn read(data: &Reader<'_>, country: &str, faults: &mut Faults) -> Option<Self> {
        let kind = needed(data, "kind", 16, faults)?;
        let Some(kind) = ActivityKind::parse(&kind) else {
            data.fault("kind", "`kind` must be `call`, `mail` or `message`", faults);
            return None;
        };
        let outgoing = match data.text("direction", 8, faults).as_deref() {
            None | Some("in") => false,
            Some("out") => true,
            Some(_) => {
                data.fault("direction", "`direction` must be `in` or `out`", faults);
                false
            }
        };
        let seconds = data.integer("duration", faults).unwrap_or(0);
        if !(0..=LONGEST_CALL).contains(&seconds) {
            let rule = format!("`duration` is in seconds, 0 to {LONGEST_CALL}");
            data.fault("duration", rule, faults);
        }
        let written = data.id("phone", 64, faults);
        let phone = written
            .as_deref()
            .and_then(|text| Phone::parse(text, country));
        let email = data.text("email", 320, faults);
        let order = data.id("number", 64, faults);
        let order = order.and_then(|text| {
            let parsed = OrderNumber::parse(&text);
            parsed
                .map_err(|rule| data.fault("number", rule, faults))
                .ok()
        });
        let address = email.as_deref().and_then(|text| {
            let read = read_emails(text).addresses.into_iter().next();
            if read.is_none() {
                data.fault("email", "`email` is no address", faults);
            }
            read
        });
        if written.is_none() && email.is_none() && order.is_none() && faults.is_empty() {
            data.fault(
                "phone",
                "say who it was: `phone`, `email` or `number`",
                faults,
            );
        }
        let missed = data.boolean("missed", faults).unwrap_or(false);
        if missed && (kind != ActivityKind::Call || outgoing) {
            data.fault("missed", "only a call that comes in can be missed", faults);
        }
        Some(Self {
            kind,
            outgoing,
            at: data.moment("at", faults),
            duration: TimeDelta::seconds(seconds.clamp(0, LONGEST_CALL)),
            subject: data.text("subject", SUBJECT, faults),
            text: data.text("text", TEXT, faults),
            unread_phone: written.filter(|_| phone.is_none()),
            phone,
            email: address,
            order,
            recording_url: data.text("recording_url", ADDRESS, faults),
            missed,
        })
    }
}

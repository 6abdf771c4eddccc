//! Events about goods: some came or went, or there is so much.

use super::quantity::signed_quantity;
use crate::domain::{Fault, Faults, MOST_FAULTS, Reader, shorten, unstorable};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;

/// The type of an event that tells of goods that came or went.
pub const MOVED: &str = "shop.stock.moved.v1";
/// The type of an event that tells how much there is.
pub const COUNTED: &str = "shop.stock.counted.v1";

/// The most lines of a move of goods.
const MOST_MOVES: usize = 10_000;
/// The most lines of a count.
pub(super) const MOST_COUNTS: usize = 200_000;
/// The longest name of a line, a product, a store or a reason, in characters.
const LONGEST: usize = 128;
/// The longest name of a unit, in characters.
const LONGEST_UNIT: usize = 50;
/// Deepest nesting that is taken.
pub(super) const DEEPEST: usize = 8;

/// A CloudEvents message about goods.
#[derive(Debug, Clone, PartialEq)]
pub struct StockEvent {
    /// `source`: with `id` the identity of the message.
    pub source: String,
    /// `id`: unique within the source.
    pub id: String,
    /// `time`, if it was said.
    pub time: Option<DateTime<Utc>>,
    /// The store, by its name or an id; `None`: the only one of the stock.
    pub store: Option<String>,
    /// Whether goods moved, or were counted, and which.
    pub told: Told,
}

/// What an event says of goods: that they moved, or that there is so much.
#[derive(Debug, Clone, PartialEq)]
pub enum Told {
    /// Goods came (above zero) or went (below it).
    Moved {
        /// What the shop calls the reason, for the ledger.
        reason: String,
        /// What came or went, line by line.
        moves: Vec<Moved>,
    },
    /// How much there is.
    Counted {
        /// The time of which that is true.
        as_of: DateTime<Utc>,
        /// Whether what is not named is not there.
        complete: bool,
        /// What was counted, one product a line.
        counts: Vec<Counted>,
    },
}

/// A line of goods that came or went.
#[derive(Debug, Clone, PartialEq)]
pub struct Moved {
    /// Its id in the event.
    pub line: String,
    /// The name by which the shop knows the product.
    pub product: String,
    /// How much came, or below zero went.
    pub quantity: Decimal,
    /// In which unit, if it was said.
    pub unit: Option<String>,
    /// When, if not when the event happened.
    pub at: Option<DateTime<Utc>>,
}

/// A line of a count.
#[derive(Debug, Clone, PartialEq)]
pub struct Counted {
    /// The name by which the counting system knows the product.
    pub product: String,
    /// How much there is; below zero where a system counts so.
    pub quantity: Decimal,
    /// In which unit, if it was said.
    pub unit: Option<String>,
}

/// What every message has around its data.
pub(crate) struct Envelope<'a> {
    /// `source`: with `id` the identity of the message.
    pub(crate) source: Option<String>,
    /// `id`: unique within the source.
    pub(crate) id: Option<String>,
    /// `time`, if it was said.
    pub(crate) time: Option<DateTime<Utc>>,
    /// `data`: the event itself.
    pub(crate) data: Option<Reader<'a>>,
}

impl<'a> Envelope<'a> {
    /// Reads it, adding every fault to `faults`; the error is for what is no message at all.
    pub(crate) fn read(
        message: &'a Value,
        deepest: usize,
        faults: &mut Faults,
    ) -> Result<Self, Faults> {
        let Value::Object(object) = message else {
            return Err(vec![Fault {
                pointer: String::new(),
                detail: "an event must be a JSON object".to_owned(),
            }]);
        };
        if let Some(fault) = unstorable(message, deepest) {
            return Err(vec![fault]);
        }
        let reader = Reader::new(object, "");
        if reader.require("specversion", faults)
            && reader.member("specversion").and_then(Value::as_str) != Some("1.0")
        {
            reader.fault("specversion", "`specversion` must be \"1.0\"", faults);
        }
        let source = required(&reader, "source", 512, faults);
        let id = required(&reader, "id", 256, faults);
        let time = reader.moment("time", faults);
        let data = reader.object("data", faults);
        if data.is_none() && faults.is_empty() {
            reader.fault("data", "`data` is required", faults);
        }
        Ok(Self {
            source,
            id,
            time,
            data,
        })
    }
}

impl StockEvent {
    /// Whether a message is about goods, whatever else is right or wrong with it.
    pub fn is(message: &Value) -> bool {
        let kind = message.get("type").and_then(Value::as_str);
        kind.is_some_and(|kind| [MOVED, COUNTED].contains(&kind))
    }

    /// Reads a message about goods; on failure every fault at once.
    pub fn read(message: &Value) -> Result<Self, Faults> {
        let mut faults = Faults::new();
        let head = Envelope::read(message, DEEPEST, &mut faults)?;
        let counted = message.get("type").and_then(Value::as_str) == Some(COUNTED);
        let data = head.data;
        let store = data
            .as_ref()
            .and_then(|data| data.id("store", LONGEST, &mut faults));
        let told = data.and_then(|data| {
            if counted {
                Told::counted(&data, &mut faults)
            } else {
                Some(Told::moved(&data, &mut faults))
            }
        });
        match (head.source, head.id, told) {
            (Some(source), Some(id), Some(told)) if faults.is_empty() => Ok(Self {
                source,
                id,
                time: head.time,
                store,
                told,
            }),
            _ => Err(shorten(faults, MOST_FAULTS)),
        }
    }
}

impl Told {
    fn moved(data: &Reader<'_>, faults: &mut Faults) -> Self {
        let reason = data.text("reason", LONGEST, faults);
        let lines = data.objects("moves", MOST_MOVES, faults);
        if lines.is_empty() && faults.is_empty() {
            data.fault("moves", "`moves` must not be empty", faults);
        }
        let mut seen = std::collections::BTreeSet::new();
        let mut moves = Vec::with_capacity(lines.len());
        for reader in &lines {
            let line = required_id(reader, "line", faults);
            if let Some(line) = &line
                && !seen.insert(line.clone())
            {
                reader.fault("line", format!("two lines are called `{line}`"), faults);
            }
            let product = required_id(reader, "product", faults);
            let quantity = signed_quantity(reader, "quantity", faults);
            let unit = reader.text("unit", LONGEST_UNIT, faults);
            let at = reader.moment("at", faults);
            if let (Some(line), Some(product), Some(quantity)) = (line, product, quantity) {
                moves.push(Moved {
                    line,
                    product,
                    quantity,
                    unit,
                    at,
                });
            }
        }
        Self::Moved {
            reason: reason.unwrap_or_else(|| "moved".to_owned()),
            moves,
        }
    }

    fn counted(data: &Reader<'_>, faults: &mut Faults) -> Option<Self> {
        let (as_of, complete) = count_time(data, faults);
        let lines = data.objects("counts", MOST_COUNTS, faults);
        if lines.is_empty() && !complete && faults.is_empty() {
            data.fault("counts", "`counts` must not be empty", faults);
        }
        let counts = lines.iter();
        let counts = counts
            .filter_map(|line| Counted::read(line, faults))
            .collect();
        Some(Self::Counted {
            as_of: as_of?,
            complete,
            counts,
        })
    }
}

impl Counted {
    /// Reads a line of a count; faults go to `faults` with the line's pointer.
    pub(super) fn read(line: &Reader<'_>, faults: &mut Faults) -> Option<Self> {
        let product = required_id(line, "product", faults);
        let quantity = signed_quantity(line, "quantity", faults);
        let unit = line.text("unit", LONGEST_UNIT, faults);
        Some(Self {
            product: product?,
            quantity: quantity?,
            unit,
        })
    }
}

/// The time of a count, and whether what it does not name is not there.
fn count_time(data: &Reader<'_>, faults: &mut Faults) -> (Option<DateTime<Utc>>, bool) {
    let as_of = if data.require("as_of", faults) {
        data.moment("as_of", faults)
    } else {
        None
    };
    let complete = data.boolean("complete", faults).unwrap_or(false);
    (as_of, complete)
}

/// A count without its lines, which are read elsewhere.
pub(super) struct CountHead {
    source: Option<String>,
    id: Option<String>,
    time: Option<DateTime<Utc>>,
    store: Option<String>,
    as_of: Option<DateTime<Utc>>,
    complete: bool,
}

impl CountHead {
    /// Reads it, adding every fault to `faults`; the error is for what is no message at all.
    pub(super) fn read(message: &Value, faults: &mut Faults) -> Result<Self, Faults> {
        let head = Envelope::read(message, DEEPEST, faults)?;
        let data = head.data.as_ref();
        let store = data.and_then(|data| data.id("store", LONGEST, faults));
        let time = data.map(|data| count_time(data, faults));
        let (as_of, complete) = time.unwrap_or_default();
        Ok(Self {
            source: head.source,
            id: head.id,
            time: head.time,
            store,
            as_of,
            complete,
        })
    }

    /// The event with these lines; on failure every fault at once.
    pub(super) fn with(self, counts: Vec<Counted>, faults: Faults) -> Result<StockEvent, Faults> {
        match (self.source, self.id, self.as_of) {
            (Some(source), Some(id), Some(as_of)) if faults.is_empty() => Ok(StockEvent {
                source,
                id,
                time: self.time,
                store: self.store,
                told: Told::Counted {
                    as_of,
                    complete: self.complete,
                    counts,
                },
            }),
            _ => Err(shorten(faults, MOST_FAULTS)),
        }
    }
}

fn required(reader: &Reader<'_>, name: &str, most: usize, faults: &mut Faults) -> Option<String> {
    if !reader.require(name, faults) {
        return None;
    }
    reader.text(name, most, faults)
}

/// An id that must be there, without control characters.
fn required_id(reader: &Reader<'_>, name: &str, faults: &mut Faults) -> Option<String> {
    if !reader.require(name, faults) {
        return None;
    }
    let text = reader.id(name, LONGEST, faults)?;
    if text.chars().any(char::is_control) {
        reader.fault(name, format!("`{name}` holds a control character"), faults);
        return None;
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn message(kind: &str, data: &Value) -> Value {
        json!({ "specversion": "1.0", "type": kind, "source": "s", "id": "1", "data": data })
    }

    #[test]
    fn a_count_says_when_it_was_true_and_a_move_which_way() {
        let count = message(
            COUNTED,
            &json!({ "store": "A", "as_of": "2026-01-15T10:00:00Z",
            "counts": [{ "product": 7, "quantity": "-2" }, { "product": "x", "quantity": 0.5 }] }),
        );
        let event = StockEvent::read(&count).unwrap();
        let Told::Counted {
            counts, complete, ..
        } = &event.told
        else {
            panic!()
        };
        assert!(!complete && counts[0].quantity == Decimal::from(-2));
        let moved = message(
            MOVED,
            &json!({ "moves": [{ "line": 1, "product": "x", "quantity": -3 }] }),
        );
        let event = StockEvent::read(&moved).unwrap();
        assert!(event.store.is_none());
        assert!(matches!(event.told, Told::Moved { reason, .. } if reason == "moved"));
    }

    #[test]
    fn every_fault_of_an_event_is_told_with_its_place() {
        for (kind, data, place) in [
            (
                COUNTED,
                json!({ "counts": [{ "product": 1, "quantity": 1 }] }),
                "/data/as_of",
            ),
            (
                COUNTED,
                json!({ "as_of": "2026-01-15T10:00:00Z" }),
                "/data/counts",
            ),
            (MOVED, json!({}), "/data"),
            (MOVED, json!({ "store": "a" }), "/data/moves"),
            (
                MOVED,
                json!({ "moves": [{ "line": 1, "product": "a" }] }),
                "/data/moves/0/quantity",
            ),
            (
                MOVED,
                json!({ "moves": [{ "line": 1, "product": "a", "quantity": "0.0001" }] }),
                "/data/moves/0/quantity",
            ),
            (
                MOVED,
                json!({ "moves": [{ "line": 1, "product": "a", "quantity": 1 },
                { "line": 1, "product": "a", "quantity": 1 }] }),
                "/data/moves/1/line",
            ),
        ] {
            let faults = StockEvent::read(&message(kind, &data)).unwrap_err();
            assert_eq!(faults[0].pointer, place, "{faults:?}");
        }
    }
}

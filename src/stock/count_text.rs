//! A count of a whole shelf, whose lines stay text until each is read: as JSON values 100,000 of
//! them take more than a hundred megabytes.

use super::event::{COUNTED, CountHead, Counted, DEEPEST, MOST_COUNTS, StockEvent};
use crate::domain::{Fault, Faults, Reader, unstorable};
use serde_json::{Map, Value, value::RawValue};
use std::collections::BTreeMap;

/// The longest line, and everything but the lines, in bytes: what is longer is no usual count.
const LONGEST_LINE: usize = 1_024;
const LONGEST_HEAD: usize = 16 * 1_024;
/// Where the lines stand.
const PLACE: &str = "/data/counts";
/// Levels of nesting around a line: the event, its data, the list.
const AROUND: usize = 3;

/// An event that counts goods, as it was sent.
#[derive(Debug)]
pub struct CountText<'a> {
    /// The event without its lines.
    head: Map<String, Value>,
    /// `data` without its lines.
    data: Map<String, Value>,
    lines: Vec<&'a RawValue>,
}

impl<'a> CountText<'a> {
    /// Whether a text may be one: a look that costs next to nothing.
    pub fn looks_like(text: &[u8]) -> bool {
        let kind = COUNTED.as_bytes();
        text.starts_with(b"{") && text.windows(kind.len()).any(|here| here == kind)
    }

    /// The count that a text is; `None`: it is something else, or unusual, and to be read as a
    /// whole.
    pub fn split(text: &'a [u8]) -> Option<Self> {
        let mut members: BTreeMap<String, &RawValue> = serde_json::from_slice(text).ok()?;
        let data = members.remove("data")?;
        let mut told: BTreeMap<String, &RawValue> = serde_json::from_str(data.get()).ok()?;
        let counts = told.remove("counts")?;
        if text.len() - counts.get().len() > LONGEST_HEAD {
            return None;
        }
        let lines: Vec<&RawValue> = serde_json::from_str(counts.get()).ok()?;
        let usual = |line: &&RawValue| line.get().len() <= LONGEST_LINE;
        let (head, data) = (values(members)?, values(told)?);
        let counted = head.get("type").and_then(Value::as_str) == Some(COUNTED);
        (counted && !lines.is_empty() && lines.iter().all(usual)).then_some(Self {
            head,
            data,
            lines,
        })
    }

    /// The event without its lines: who sent it, and for which shop.
    pub fn message(&self) -> Value {
        let (mut message, mut data) = (self.head.clone(), self.data.clone());
        data.insert("counts".to_owned(), Value::Array(Vec::new()));
        message.insert("data".to_owned(), Value::Object(data));
        Value::Object(message)
    }

    /// The event; on failure every fault at once, as [`StockEvent::read`] tells them.
    pub fn read(&self) -> Result<StockEvent, Faults> {
        let message = self.message();
        let mut faults = Faults::new();
        let head = CountHead::read(&message, &mut faults)?;
        if self.lines.len() > MOST_COUNTS {
            let (name, count) = ("counts", self.lines.len());
            let detail = format!("`{name}` has {count} elements; at most {MOST_COUNTS} are taken");
            let pointer = PLACE.to_owned();
            faults.push(Fault { pointer, detail });
            return head.with(Vec::new(), faults);
        }
        let mut counts = Vec::with_capacity(self.lines.len());
        for (nth, line) in self.lines.iter().enumerate() {
            let place = || format!("{PLACE}/{nth}");
            let line = value(line).map_err(|error| {
                let detail = format!("the line cannot be read as JSON: {error}");
                let pointer = place();
                vec![Fault { pointer, detail }]
            })?;
            if let Some(fault) = unstorable(&line, DEEPEST - AROUND) {
                let pointer = format!("{}{}", place(), fault.pointer);
                return Err(vec![Fault { pointer, ..fault }]);
            }
            match &line {
                Value::Object(line) => {
                    counts.extend(Counted::read(&Reader::new(line, place()), &mut faults));
                }
                _ => faults.push(Fault {
                    pointer: place(),
                    detail: "each element must be an object".to_owned(),
                }),
            }
        }
        head.with(counts, faults)
    }

    /// Tells the canonical text of the whole event piece by piece: that of the event as one value.
    pub fn canonical(&self, mut tell: impl FnMut(&str)) {
        let mut members: BTreeMap<&str, Option<&Value>> = named(&self.head);
        members.insert("data", None);
        let mut before = "{";
        for (name, member) in members {
            tell(before);
            tell(&Value::from(name).to_string());
            tell(":");
            match member {
                Some(member) => tell(&member.to_string()),
                None => self.canonical_data(&mut tell),
            }
            before = ",";
        }
        tell("}");
    }

    fn canonical_data(&self, tell: &mut impl FnMut(&str)) {
        let mut members: BTreeMap<&str, Option<&Value>> = named(&self.data);
        members.insert("counts", None);
        let mut before = "{";
        for (name, member) in members {
            tell(before);
            tell(&Value::from(name).to_string());
            tell(":");
            if let Some(member) = member {
                tell(&member.to_string());
            } else {
                let mut before = "[";
                for line in &self.lines {
                    tell(before);
                    tell(&value(line).map_or_else(|_| line.to_string(), |line| line.to_string()));
                    before = ",";
                }
                tell("]");
            }
            before = ",";
        }
        tell("}");
    }
}

fn named(members: &Map<String, Value>) -> BTreeMap<&str, Option<&Value>> {
    let named = members.iter();
    named
        .map(|(name, member)| (name.as_str(), Some(member)))
        .collect()
}

fn values(members: BTreeMap<String, &RawValue>) -> Option<Map<String, Value>> {
    let read = members.into_iter();
    read.map(|(name, member)| Some((name, value(member).ok()?)))
        .collect()
}

fn value(text: &RawValue) -> serde_json::Result<Value> {
    serde_json::from_str(text.get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn any_member() -> impl Strategy<Value = Value> {
        prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1_000_000_i64..1_000_000).prop_map(|n| json!(format!("{}.{}", n / 1_000, n % 7))),
            "[ -~]{0,6}".prop_map(Value::from),
            Just(json!({ "a\u{0}": [1] })),
            Just(json!([[[[[[1]]]]]])),
        ]
    }

    fn any_line() -> impl Strategy<Value = Value> {
        let good = ("[a-z]{1,3}", -9_i64..9);
        prop_oneof![
            8 => good.prop_map(|(product, n)| json!({ "product": product, "quantity": n })),
            1 => (any_member(), any_member(), any_member()).prop_map(|(product, quantity, more)| {
                json!({ "product": product, "quantity": quantity, "more": more })
            }),
            1 => any_member(),
        ]
    }

    proptest! {
        #[test]
        fn a_count_read_line_by_line_is_the_count_read_as_a_whole(
            lines in prop::collection::vec(any_line(), 1..12),
            more in prop::collection::btree_map("[a-z]{1,9}", any_member(), 0..3),
            complete in any_member(),
        ) {
            let mut data = json!({ "as_of": "2026-01-15T10:00:00Z", "complete": complete });
            let mut event = json!({ "specversion": "1.0", "type": COUNTED, "source": "s" });
            for (name, member) in more {
                data[name.as_str()] = member.clone();
                event[name.as_str()] = member;
            }
            data["counts"] = json!(lines);
            event["id"] = json!("1");
            event["type"] = json!(COUNTED);
            event["data"] = data;
            let text = serde_json::to_string_pretty(&event).unwrap();
            let count = CountText::split(text.as_bytes()).unwrap();
            prop_assert_eq!(count.read().ok(), StockEvent::read(&event).ok());
            let mut canonical = String::new();
            count.canonical(|piece| canonical.push_str(piece));
            prop_assert_eq!(canonical, event.to_string());
        }
    }

    #[test]
    fn every_fault_of_a_count_is_told_with_its_place() {
        let places = |data: Value| {
            let event = json!({ "specversion": "1.0", "type": COUNTED, "source": "s", "id": "1",
                "data": data });
            let faults = CountText::split(event.to_string().as_bytes())
                .unwrap()
                .read();
            assert_eq!(faults, StockEvent::read(&event));
            let faults = faults.unwrap_err().into_iter().map(|fault| fault.pointer);
            faults.collect::<Vec<_>>()
        };
        let bad = json!([{ "product": "a", "quantity": 1 }, { "quantity": "0.0001" }]);
        let told = [
            "/data/as_of",
            "/data/counts/1/product",
            "/data/counts/1/quantity",
        ];
        assert_eq!(places(json!({ "counts": bad })), told);
        let as_of = "2026-01-15T10:00:00Z";
        let nul = json!([{ "product": "a\u{0}", "quantity": 1 }]);
        assert_eq!(
            places(json!({ "as_of": as_of, "counts": nul })),
            ["/data/counts/0/product"]
        );
        let deep = json!([{ "product": [[[[[[1]]]]]], "quantity": 1 }]);
        assert_eq!(
            places(json!({ "as_of": as_of, "counts": deep })),
            ["/data/counts/0/product/0/0/0/0"]
        );
        let many = vec![json!(0); MOST_COUNTS + 1];
        assert_eq!(places(json!({ "as_of": as_of, "counts": many })), [PLACE]);
    }

    #[test]
    fn what_is_no_usual_count_is_read_as_a_whole() {
        let line = json!({ "product": "p", "quantity": 1 });
        let event = |kind: &str, data: Value| {
            let mut event = json!({ "specversion": "1.0", "type": kind, "source": "s", "id": "1" });
            event["data"] = data;
            event
        };
        let split = |event: &Value| CountText::split(event.to_string().as_bytes()).is_some();
        assert!(split(&event(COUNTED, json!({ "counts": [line] }))));
        for other in [
            event("shop.stock.moved.v1", json!({ "counts": [line] })),
            event(COUNTED, json!({ "counts": [] })),
            event(COUNTED, json!({ "counts": { "0": line } })),
            event(COUNTED, json!({ "counts": ["x".repeat(LONGEST_LINE)] })),
            event(
                COUNTED,
                json!({ "counts": [line], "more": "x".repeat(LONGEST_HEAD) }),
            ),
            event(COUNTED, json!([line])),
            json!([event(COUNTED, json!({ "counts": [line] }))]),
        ] {
            assert!(!split(&other), "{other}");
        }
        assert!(CountText::split(b"{\"type\":\"shop.stock.counted.v1\",").is_none());
    }
}

//! Requests about a reservation.

use super::{hold, quantity};
use crate::domain::{Fault, Faults, MOST_FAULTS, Reader, shorten, unstorable};
use chrono::TimeDelta;
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::BTreeSet;

/// The most lines of a reservation.
pub const MOST_LINES: usize = 500;
/// The longest id, line, product or name of a store, in characters.
const LONGEST: usize = 128;
/// Deepest nesting that is taken.
const DEEPEST: usize = 8;

/// The whole of a reservation, as a shop wants it: the body of a PUT.
#[derive(Debug, Clone, PartialEq)]
pub struct Reservation {
    /// The order it is for, once there is one.
    pub number: Option<String>,
    /// Where it is picked up; then all of it is taken from there.
    pub store: Option<String>,
    /// How long it is held, else as long as is usual for the stock.
    pub hold: Option<TimeDelta>,
    /// Grows with each change, if the shop counts them: an older one changes nothing.
    pub version: Option<i64>,
    /// The lines, all of them.
    pub lines: Vec<Line>,
}

/// A line of a reservation.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Its id, unique in the reservation.
    pub line: String,
    /// The product, by any name that the shop's products are known by.
    pub product: String,
    /// The store it is taken from, if the shop says so.
    pub store: Option<String>,
    /// How much of it.
    pub quantity: Decimal,
}

/// Goods of a reservation that leave the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Shipment {
    /// The shop's name for it: one seen before is answered as then.
    pub shipment: Option<String>,
    /// What of which lines; `None`: everything that is left.
    pub lines: Option<Vec<ShippedLine>>,
}

/// A line of a shipment.
#[derive(Debug, Clone, PartialEq)]
pub struct ShippedLine {
    /// The id of the reservation's line.
    pub line: String,
    /// How much of it.
    pub quantity: Decimal,
}

/// For how long from now a reservation is to be held.
#[derive(Debug, Clone, PartialEq)]
pub struct Extension {
    /// How long from now.
    pub hold: TimeDelta,
}

impl Reservation {
    const MEMBERS: &[&str] = &["number", "store", "hold", "version", "lines"];

    /// Reads the body of a PUT; on failure every fault at once.
    pub fn read(body: &Value) -> Result<Self, Faults> {
        read(body, Self::MEMBERS, |reader, faults| {
            let lines = reader.objects("lines", MOST_LINES, faults);
            if lines.is_empty() && faults.is_empty() {
                reader.fault("lines", "`lines` must not be empty", faults);
            }
            let mut seen = BTreeSet::new();
            let lines = lines
                .iter()
                .filter_map(|line| Line::read(line, &mut seen, faults));
            let lines = lines.collect();
            Some(Self {
                number: reader.id("number", LONGEST, faults),
                store: reader.id("store", LONGEST, faults),
                hold: duration(reader, faults),
                version: reader.integer("version", faults),
                lines,
            })
        })
    }
}

impl Line {
    const MEMBERS: &[&str] = &["line", "product", "store", "quantity"];

    fn read(reader: &Reader<'_>, seen: &mut BTreeSet<String>, faults: &mut Faults) -> Option<Self> {
        reader.only(Self::MEMBERS, faults);
        let line = named(reader, "line", faults);
        if let Some(line) = &line
            && !seen.insert(line.clone())
        {
            reader.fault("line", format!("two lines are called `{line}`"), faults);
        }
        let product = named(reader, "product", faults);
        let store = reader.id("store", LONGEST, faults);
        let quantity = quantity::quantity(reader, "quantity", faults);
        Some(Self {
            line: line?,
            product: product?,
            store,
            quantity: quantity?,
        })
    }
}

impl Shipment {
    const MEMBERS: &[&str] = &["shipment", "lines"];

    /// Reads the body of a shipment; on failure every fault at once.
    pub fn read(body: &Value) -> Result<Self, Faults> {
        read(body, Self::MEMBERS, |reader, faults| {
            let mut lines = None;
            if reader.member("lines").is_some() {
                let given = reader.objects("lines", MOST_LINES, faults);
                if given.is_empty() && faults.is_empty() {
                    let detail = "`lines` must not be empty: leave it out to ship everything";
                    reader.fault("lines", detail, faults);
                }
                let of = |line: &Reader<'_>| ShippedLine::read(line, faults);
                lines = Some(given.iter().filter_map(of).collect());
            }
            let shipment = reader.id("shipment", LONGEST, faults);
            Some(Self { shipment, lines })
        })
    }
}

impl ShippedLine {
    const MEMBERS: &[&str] = &["line", "quantity"];

    fn read(reader: &Reader<'_>, faults: &mut Faults) -> Option<Self> {
        reader.only(Self::MEMBERS, faults);
        let line = named(reader, "line", faults);
        let quantity = quantity::quantity(reader, "quantity", faults);
        Some(Self {
            line: line?,
            quantity: quantity?,
        })
    }
}

impl Extension {
    /// Reads the body of an extension.
    pub fn read(body: &Value) -> Result<Self, Faults> {
        read(body, &["hold"], |reader, faults| {
            if !reader.require("hold", faults) {
                return None;
            }
            let hold = duration(reader, faults)?;
            Some(Self { hold })
        })
    }
}

/// Reads a body that has no other members than these, with all its faults.
fn read<T>(
    body: &Value,
    members: &[&str],
    of: impl FnOnce(&Reader<'_>, &mut Faults) -> Option<T>,
) -> Result<T, Faults> {
    let fault = |detail: &str| Fault {
        pointer: String::new(),
        detail: detail.to_owned(),
    };
    let Value::Object(object) = body else {
        return Err(vec![fault("the body must be a JSON object")]);
    };
    if let Some(fault) = unstorable(body, DEEPEST) {
        return Err(vec![fault]);
    }
    let mut faults = Faults::new();
    let reader = Reader::new(object, "");
    let read = of(&reader, &mut faults);
    reader.only(members, &mut faults);
    match read {
        Some(read) if faults.is_empty() => Ok(read),
        _ if faults.is_empty() => Err(vec![fault("the body cannot be used")]),
        _ => Err(shorten(faults, MOST_FAULTS)),
    }
}

/// An id that must be there, without control characters.
fn named(reader: &Reader<'_>, name: &str, faults: &mut Faults) -> Option<String> {
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

fn duration(reader: &Reader<'_>, faults: &mut Faults) -> Option<TimeDelta> {
    let text = reader.text("hold", 32, faults)?;
    let read = hold::hold(&text);
    if read.is_none() {
        let detail = "`hold` is a number and s, m, h or d, at most 90 days: \"3d\"";
        reader.fault("hold", detail, faults);
    }
    read
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pointers(faults: &Faults) -> Vec<&str> {
        faults.iter().map(|fault| fault.pointer.as_str()).collect()
    }

    #[test]
    fn a_reservation_is_read_with_ids_as_numbers_and_quantities_exactly() {
        let body = json!({
            "number": 1001, "hold": "2h", "version": "7", "store": "центр", "lines": [
            { "line": 1, "product": 65171, "quantity": 1.5 },
            { "line": "2", "product": "A-2", "quantity": "0.125", "store": "b" },
        ] });
        let read = Reservation::read(&body).unwrap();
        assert_eq!(read.number.as_deref(), Some("1001"));
        assert_eq!(read.hold, Some(TimeDelta::hours(2)));
        assert_eq!(read.version, Some(7));
        assert_eq!(read.lines[0].line, "1");
        assert_eq!(read.lines[0].quantity, Decimal::new(15, 1));
        assert_eq!(read.lines[1].store.as_deref(), Some("b"));
        assert_eq!(read.lines[1].quantity, Decimal::new(125, 3));
    }

    #[test]
    fn every_fault_of_a_reservation_is_told_with_its_place() {
        let body = json!({ "hold": "soon", "lines": [
            { "line": "1", "product": "", "quantity": 0 },
            { "line": "1", "product": "A", "quantity": "1.0001" },
            { "line": "a\u{7}", "product": "A", "quantity": -1 },
            { "line": "4", "product": "A", "quantity": "many" },
            "five",
        ] });
        let faults = Reservation::read(&body).unwrap_err();
        assert_eq!(
            pointers(&faults),
            [
                "/lines/4",
                "/lines/0/product",
                "/lines/0/quantity",
                "/lines/1/line",
                "/lines/1/quantity",
                "/lines/2/line",
                "/lines/2/quantity",
                "/lines/3/quantity",
                "/hold",
            ]
        );
        for empty in [json!({}), json!({ "lines": [] }), json!([]), json!(null)] {
            assert!(Reservation::read(&empty).is_err(), "{empty}");
        }
        let nul =
            json!({ "number": "a\u{0}", "lines": [{ "line": 1, "product": 1, "quantity": 1 }] });
        assert_eq!(pointers(&Reservation::read(&nul).unwrap_err()), ["/number"]);
    }

    #[test]
    fn a_member_that_nobody_knows_is_named_with_the_one_that_was_meant() {
        let body = json!({ "expire_at": "2026-01-15T10:00:00Z", "holds": "1h", "lines": [
            { "line": "1", "product": "A", "quantity": 1, "quantiti": 2, "stor": null },
        ] });
        let faults = Reservation::read(&body).unwrap_err();
        let told: Vec<_> = faults
            .iter()
            .map(|fault| (fault.pointer.as_str(), fault.detail.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                (
                    "/lines/0/quantiti",
                    "there is no member `quantiti`; did you mean `quantity`?"
                ),
                (
                    "/lines/0/stor",
                    "there is no member `stor`; did you mean `store`?"
                ),
                (
                    "/expire_at",
                    "there is no member `expire_at`; here can stand: number, store, hold, \
                     version, lines"
                ),
                ("/holds", "there is no member `holds`; did you mean `hold`?"),
            ]
        );
        let line = json!([{ "line": "1", "quantity": 1, "product": "A" }]);
        for (faults, place) in [
            (
                Shipment::read(&json!({ "line": line })).unwrap_err(),
                "/line",
            ),
            (
                Shipment::read(&json!({ "lines": line })).unwrap_err(),
                "/lines/0/product",
            ),
            (
                Extension::read(&json!({ "hold": "1h", "until": "noon" })).unwrap_err(),
                "/until",
            ),
        ] {
            assert_eq!(pointers(&faults), [place]);
        }
        let many: serde_json::Map<_, _> = (0..1_000)
            .map(|nth| (format!("x{nth}"), json!(nth)))
            .collect();
        let faults = Shipment::read(&Value::Object(many)).unwrap_err();
        assert_eq!(faults.len(), MOST_FAULTS + 1);
    }

    #[test]
    fn a_shipment_without_lines_is_everything_and_with_none_of_them_a_fault() {
        let all = Shipment::read(&json!({})).unwrap();
        assert_eq!((all.shipment, all.lines), (None, None));
        assert!(Shipment::read(&json!({ "lines": [] })).is_err());
        let some = json!({ "shipment": "S1", "lines": [{ "line": "1", "quantity": 2 }] });
        let some = Shipment::read(&some).unwrap();
        assert_eq!(some.lines.unwrap().len(), 1);
    }

    #[test]
    fn an_extension_needs_its_hold() {
        assert!(Extension::read(&json!({})).is_err());
        assert!(Extension::read(&json!({ "hold": "91d" })).is_err());
        assert!(Extension::read(&json!({ "hold": "1h" })).is_ok());
    }
}

//! A receipt, and the event that tells of it.

use super::plain;
use crate::{
    domain::{Fault, Faults, MOST_FAULTS, Reader, ReceiptKind, shorten},
    stock::{self, Envelope},
};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
};

/// The type of an event that tells of a receipt.
pub const SAVED: &str = "pos.receipt.saved.v1";

/// The most lines of a receipt.
const MOST_LINES: usize = 1_000;
/// The longest id or name, in characters.
const LONGEST: usize = 128;
/// Deepest nesting that is taken.
const DEEPEST: usize = 16;

/// A CloudEvents message about a receipt.
#[derive(Debug, Clone, PartialEq)]
pub struct ReceiptEvent {
    /// `source`: with `id` the identity of the message.
    pub source: String,
    /// `id`: unique within the source.
    pub id: String,
    /// The receipt as it stands after this message.
    pub receipt: Receipt,
}

/// A receipt of a till, whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Receipt {
    /// Its id in the till.
    pub receipt: String,
    /// The till, as it was named.
    pub till: Option<String>,
    /// The store, as it was named.
    pub store: Option<String>,
    /// Which way the goods went.
    pub kind: ReceiptKind,
    /// The sale that a refund is of, where there is one.
    pub of: Option<String>,
    /// The order of which it is the pick-up.
    pub number: Option<String>,
    /// Grows with each change, where the till says it.
    pub version: Option<i64>,
    /// Whether it was annulled.
    pub cancelled: bool,
    /// When it was closed; an annulled one need not say it.
    pub closed_at: Option<DateTime<Utc>>,
    /// What was paid, or paid back.
    pub total: Option<Decimal>,
    /// The goods of the receipt, a line each.
    pub lines: Vec<ReceiptLine>,
}

/// A line of a receipt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReceiptLine {
    /// Its id in the receipt.
    pub line: String,
    /// The product, by the till's id.
    pub product_id: Option<String>,
    /// The article (SKU), if the till says it.
    pub sku: Option<String>,
    /// The barcode, if the till says it.
    pub barcode: Option<String>,
    /// What it is called.
    pub name: Option<String>,
    /// How much, above zero.
    pub quantity: Decimal,
    /// In which unit, where the till says it.
    pub unit: Option<String>,
    /// Whether it is no goods: a service, or a sum without a product.
    pub service: bool,
}

impl ReceiptEvent {
    /// Whether a message is about a receipt, whatever else is right or wrong with it.
    pub fn is(message: &Value) -> bool {
        message.get("type").and_then(Value::as_str) == Some(SAVED)
    }

    /// Reads a message about a receipt; on failure every fault at once.
    pub fn read(message: &Value) -> Result<Self, Faults> {
        let mut faults = Faults::new();
        let head = Envelope::read(message, DEEPEST, &mut faults)?;
        let receipt = head.data.and_then(|data| Receipt::read(&data, &mut faults));
        match (head.source, head.id, receipt) {
            (Some(source), Some(id), Some(receipt)) if faults.is_empty() => Ok(Self {
                source,
                id,
                receipt,
            }),
            _ => Err(shorten(faults, MOST_FAULTS)),
        }
    }
}

impl Receipt {
    fn read(data: &Reader<'_>, faults: &mut Faults) -> Option<Self> {
        let receipt = needed(data, "receipt", faults);
        let kind = kind(data, faults);
        let cancelled = data.boolean("cancelled", faults).unwrap_or(false);
        if !cancelled {
            data.require("closed_at", faults);
        }
        let closed_at = data.moment("closed_at", faults);
        for name in ["currency", "shift"] {
            name_of(data, name, faults);
        }
        let total = data.amount("total", faults);
        let version = data.integer("version", faults);
        let lines = lines(data, cancelled, faults);
        Some(Self {
            till: name_of(data, "till", faults),
            store: name_of(data, "store", faults),
            of: name_of(data, "of", faults),
            number: name_of(data, "number", faults),
            receipt: receipt?,
            kind: kind?,
            version,
            cancelled,
            closed_at,
            total,
            lines,
        })
    }

    /// The lines that are goods.
    pub fn goods(&self) -> impl Iterator<Item = &ReceiptLine> {
        self.lines.iter().filter(|line| !line.service)
    }

    /// What counts in it, in whatever order its lines stand: two that agree in this are one.
    pub fn contents(&self) -> Value {
        let line = |line: &ReceiptLine| {
            json!([
                line.product_id,
                line.sku,
                line.barcode,
                stock::text(line.quantity)
            ])
        };
        let mut lines: Vec<Value> = self.goods().map(line).collect();
        lines.sort_by_key(Value::to_string);
        json!({
            "kind": self.kind.as_str(),
            "store": self.store,
            "of": self.of,
            "number": self.number,
            "cancelled": self.cancelled,
            "closed_at": self.closed_at.map(|at| at.timestamp()),
            "total": self.total.map(stock::text),
            "lines": lines,
        })
    }
}

impl Receipt {
    /// What counts in a receipt that never changes, however it is told: which way the goods went,
    /// and how many pieces of each. One body names a product by an id, another by a barcode or by
    /// an id of somebody else's; one tells a sum, and another does not.
    pub fn essence(&self) -> Value {
        let mut pieces: BTreeMap<Names<'_>, Decimal> = BTreeMap::new();
        for line in self.goods() {
            let names = (&line.product_id, &line.sku, &line.barcode);
            *pieces.entry(names).or_default() += line.quantity;
        }
        let mut quantities: Vec<String> = pieces.into_values().map(stock::text).collect();
        quantities.sort();
        json!({
            "kind": self.kind.as_str(), "cancelled": self.cancelled, "quantities": quantities,
        })
    }
}

/// By what a line names its product.
type Names<'a> = (&'a Option<String>, &'a Option<String>, &'a Option<String>);

impl ReceiptLine {
    /// By what its product is found, and the unit in which that is to be counted.
    pub fn names(&self) -> Value {
        let mut names = json!({
            "product_id": self.product_id, "sku": self.sku, "barcode": self.barcode,
        });
        if let (Value::Object(members), Some(unit)) = (&mut names, &self.unit) {
            members.insert("unit".to_owned(), Value::from(unit.as_str()));
        }
        names
    }
}

fn kind(data: &Reader<'_>, faults: &mut Faults) -> Option<ReceiptKind> {
    let text = needed(data, "kind", faults)?;
    match text.as_str() {
        "sale" => Some(ReceiptKind::Sale),
        "refund" => Some(ReceiptKind::Refund),
        _ => {
            data.fault("kind", "`kind` must be \"sale\" or \"refund\"", faults);
            None
        }
    }
}

fn lines(data: &Reader<'_>, cancelled: bool, faults: &mut Faults) -> Vec<ReceiptLine> {
    let before = faults.len();
    let readers = data.objects("lines", MOST_LINES, faults);
    if readers.is_empty() && !cancelled && faults.len() == before {
        data.fault("lines", "`lines` must not be empty", faults);
    }
    let mut seen = BTreeSet::new();
    let mut lines = Vec::with_capacity(readers.len());
    for (nth, reader) in readers.iter().enumerate() {
        let line = name_of(reader, "line", faults).unwrap_or_else(|| (nth + 1).to_string());
        if !seen.insert(line.clone()) {
            reader.fault("line", format!("two lines are called `{line}`"), faults);
        }
        let quantity = stock::quantity(reader, "quantity", faults);
        for name in ["price", "discount", "sum", "vat_rate"] {
            reader.amount(name, faults);
        }
        let read = ReceiptLine {
            line,
            product_id: name_of(reader, "product_id", faults),
            sku: name_of(reader, "sku", faults),
            barcode: name_of(reader, "barcode", faults),
            name: reader.whole("name", faults).map(Cow::into_owned),
            quantity: quantity.unwrap_or_default(),
            unit: reader.member("unit").and_then(plain),
            service: reader.boolean("service", faults).unwrap_or(false),
        };
        let named = [&read.product_id, &read.sku, &read.barcode];
        if !read.service && named.iter().all(|name| name.is_none()) {
            faults.push(Fault {
                pointer: reader.at("product_id"),
                detail: "name the product by `product_id`, `sku` or `barcode`, \
                         or say `service: true`"
                    .to_owned(),
            });
        }
        lines.push(read);
    }
    lines
}

/// An id that must be there, without control characters.
fn needed(reader: &Reader<'_>, name: &str, faults: &mut Faults) -> Option<String> {
    if !reader.require(name, faults) {
        return None;
    }
    name_of(reader, name, faults)
}

/// An id without control characters.
fn name_of(reader: &Reader<'_>, name: &str, faults: &mut Faults) -> Option<String> {
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

    fn event(data: &Value) -> Value {
        json!({ "specversion": "1.0", "type": SAVED, "source": "s", "id": "1", "data": data })
    }

    fn sale() -> Value {
        json!({ "receipt": "R1", "till": "T1", "kind": "sale", "closed_at": "2026-01-15T10:00:00Z",
            "total": "30.00", "lines": [
                { "product_id": 7, "quantity": "1.5" },
                { "product_id": "bag", "quantity": 1, "service": true },
                { "sku": "A-1", "quantity": 2 },
            ] })
    }

    #[test]
    fn a_receipt_is_read_and_its_services_are_no_goods() {
        let receipt = ReceiptEvent::read(&event(&sale())).unwrap().receipt;
        assert_eq!(receipt.kind, ReceiptKind::Sale);
        let goods: Vec<_> = receipt.goods().map(|line| line.line.as_str()).collect();
        assert_eq!(goods, ["1", "3"]);
        assert_eq!(receipt.lines[0].quantity, Decimal::new(15, 1));
    }

    #[test]
    fn the_order_of_lines_and_names_of_goods_are_no_other_contents() {
        let one = ReceiptEvent::read(&event(&sale())).unwrap().receipt;
        let mut data = sale();
        let lines = data["lines"].as_array_mut().unwrap();
        lines.reverse();
        lines[0]["name"] = json!("Cup");
        let other = ReceiptEvent::read(&event(&data)).unwrap().receipt;
        assert_eq!(one.contents(), other.contents());
        data["lines"][0]["quantity"] = json!(3);
        let changed = ReceiptEvent::read(&event(&data)).unwrap().receipt;
        assert_ne!(one.contents(), changed.contents());
    }

    #[test]
    fn the_same_pieces_are_the_same_receipt_by_whatever_they_are_named() {
        let one = ReceiptEvent::read(&event(&sale())).unwrap().receipt;
        let mut data = sale();
        data["total"] = json!(null);
        data["lines"][0] = json!({ "barcode": "4600000000017", "quantity": "1.5" });
        let other = ReceiptEvent::read(&event(&data)).unwrap().receipt;
        assert_ne!(one.contents(), other.contents());
        assert_eq!(one.essence(), other.essence());
        data["lines"][0]["quantity"] = json!(2);
        let changed = ReceiptEvent::read(&event(&data)).unwrap().receipt;
        assert_ne!(one.essence(), changed.essence());
    }

    #[test]
    fn an_annulled_receipt_needs_no_more_than_its_name_and_kind() {
        let data = json!({ "receipt": "R1", "kind": "sale", "cancelled": true });
        assert!(ReceiptEvent::read(&event(&data)).unwrap().receipt.cancelled);
    }

    #[test]
    fn every_fault_of_a_receipt_is_told_with_its_place() {
        type Change = fn(&mut Value);
        let faulty: [(Change, &str); 8] = [
            (|data| data["receipt"] = json!(""), "/data/receipt"),
            (|data| data["kind"] = json!("gift"), "/data/kind"),
            (|data| data["closed_at"] = json!("noon"), "/data/closed_at"),
            (|data| data["closed_at"] = json!(null), "/data/closed_at"),
            (|data| data["lines"] = json!([]), "/data/lines"),
            (
                |data| data["lines"][0]["quantity"] = json!(-1),
                "/data/lines/0/quantity",
            ),
            (
                |data| data["lines"][0]["quantity"] = json!("0.0001"),
                "/data/lines/0/quantity",
            ),
            (
                |data| data["lines"][0]["product_id"] = json!(null),
                "/data/lines/0/product_id",
            ),
        ];
        for (change, place) in faulty {
            let mut data = sale();
            change(&mut data);
            let faults = ReceiptEvent::read(&event(&data)).unwrap_err();
            assert_eq!(faults[0].pointer, place, "{faults:?}");
        }
    }
}

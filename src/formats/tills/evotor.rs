//! Evotor: what its cloud, and the older one, call with, as events about receipts.
//!
//! Four bodies: `ReceiptCreated` (one receipt in `data`), lists of receipts with `items`, lists of
//! documents with `transactions` or `positions`, and documents wrapped by `DocumentEvent`. Only
//! sales and refunds are receipts; what a document else tells of (shifts, deliveries, reports) is
//! left alone. A receipt may come in several of these bodies: it is one by its id. Refunds come
//! with negative quantities from some: here they are above zero.

use super::{SAVED, sums};
use crate::{
    domain::{TillName, money},
    stock,
};
use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// The product of a line whose price was typed in: it is no product of the shop.
const FREE_PRICE: &str = "390067bf-e8d3-4fcc-8c30-fbfd77a0a70d";
/// Documents that are no receipts, though goods may stand in them.
const OTHERS: &str = "ACCEPT BUY BUYBACK CASH_INCOME CASH_OUTCOME CLOSE_SESSION INVENTORY \
    OPEN_SESSION OPEN_TARE POS_OPEN_SESSION RETURN REVALUATION WRITE_OFF X_REPORT Z_REPORT";
/// How deep wrappers are looked into.
const DEEPEST: u8 = 4;

type Object = Map<String, Value>;

/// What a body of Evotor's holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EvotorReceipts {
    /// An event for each receipt; what is wrong with one is told when it is read.
    pub events: Vec<Value>,
    /// Documents that are no receipts.
    pub ignored: usize,
    /// Of these, the types of those that nobody knows: they hold no goods, as far as it can be
    /// seen.
    pub unknown: Vec<String>,
}

/// What a document is.
enum Told {
    Receipt(Object),
    Other,
    Unknown(String),
}

impl EvotorReceipts {
    /// Reads a body that came to the address of a till; `path` is what stood behind it.
    pub fn read(till: &TillName, path: &str, body: &Value) -> Self {
        let mut read = Self::default();
        let store = store_in(path);
        let mut found = Vec::new();
        documents(body, DEEPEST, &mut found);
        for document in found {
            match data(document) {
                Told::Receipt(mut data) => {
                    data.insert("till".to_owned(), Value::from(till.as_str()));
                    if let (Some(store), false) = (store, data.contains_key("store")) {
                        data.insert("store".to_owned(), Value::from(store));
                    }
                    read.events.push(event(till, data));
                }
                Told::Other => read.ignored += 1,
                Told::Unknown(kind) => {
                    read.ignored += 1;
                    read.unknown.push(kind);
                }
            }
        }
        read
    }
}

/// The store in `…/stores/ID/…`.
fn store_in(path: &str) -> Option<&str> {
    let (_, rest) = path.split_once("stores/")?;
    rest.split('/').next().filter(|id| !id.is_empty())
}

/// The documents in a body, out of their wrappers.
fn documents<'a>(body: &'a Value, deep: u8, found: &mut Vec<&'a Object>) {
    match body {
        Value::Array(list) => {
            for one in list {
                documents(one, deep, found);
            }
        }
        Value::Object(object) => {
            let named = |name: &&str| object.get(*name).filter(|inner| is_inner(inner));
            let page = named(&"items").filter(|_| object.contains_key("paging"));
            let wrappers = ["data", "document", "documents", "receipts", "payload"];
            let inner = || wrappers.iter().find_map(named);
            match page.or_else(|| inner().filter(|_| !is_document(object))) {
                Some(inner) if deep > 0 => documents(inner, deep - 1, found),
                _ => found.push(object),
            }
        }
        _ => {}
    }
}

fn is_inner(value: &Value) -> bool {
    matches!(value, Value::Object(_) | Value::Array(_))
}

fn is_document(object: &Object) -> bool {
    let lists = ["items", "transactions", "positions"];
    lists
        .iter()
        .any(|name| object.get(*name).is_some_and(Value::is_array))
        || object
            .get("body")
            .is_some_and(|body| body.get("positions").is_some())
}

/// The data of the event about a receipt. A document with goods whose type is not known has no
/// kind: it is refused when it is read, and so waits for a person.
fn data(document: &Object) -> Told {
    let body = document.get("body").and_then(Value::as_object);
    let told = text(document, &["type"]).unwrap_or_default().to_uppercase();
    let kind = match (told.as_str(), document.contains_key("items")) {
        ("SELL", _) | ("SALE", true) => "sale",
        // A document of that name gives goods back to who delivered them.
        ("PAYBACK", _) | ("RETURN" | "REFUND", true) => "refund",
        ("", true) => "",
        (other, _) if OTHERS.split(' ').any(|one| one == other) => return Told::Other,
        _ if lines(document, body).is_empty() => {
            return Told::Unknown(told.chars().take(40).collect());
        }
        _ => "",
    };
    let mut data = Object::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            data.insert(name.to_owned(), value);
        }
    };
    let found = |names: &[&str]| {
        text(document, names)
            .or_else(|| text(body?, names))
            .map(Value::from)
    };
    put("receipt", found(&["id", "uuid"]));
    put("kind", (!kind.is_empty()).then(|| Value::from(kind)));
    put("store", found(&["storeId", "storeUuid", "store_id"]));
    put(
        "shift",
        found(&["shiftId", "sessionNumber", "session_number"]),
    );
    let base = [
        "baseDocumentUUID",
        "baseDocumentUuid",
        "base_document_id",
        "baseReceiptId",
    ];
    put("of", found(&base).filter(|_| kind == "refund"));
    let extras = document.get("extras").and_then(Value::as_object);
    let number = extras.and_then(|extras| text(extras, &["number"]));
    // Both of its clouds may tell of a receipt, each in its own body: the one that names the order
    // stands for both, whichever comes first.
    let version = if number.is_some() { 2 } else { 1 };
    put("version", Some(Value::from(version)));
    put("number", number.map(Value::from));
    let closed = [
        "dateTime",
        "closeDate",
        "close_date",
        "closedAt",
        "openDate",
    ];
    put("closed_at", found(&closed).map(moment));
    put("currency", Some(Value::from("RUB")));
    let sums = ["totalAmount", "result_sum", "resultSum", "closeResultSum"];
    let total = sum(document, &sums).or_else(|| sum(body?, &sums));
    put(
        "total",
        total.map(|total| Value::from(stock::text(total.abs()))),
    );
    put("lines", Some(Value::Array(lines(document, body))));
    put("payments", sums::evotor_payments(document, body, total));
    put("customer", sums::evotor_customer(document, body));
    Told::Receipt(data)
}

/// The lines; what was entered and taken back again cancels out.
fn lines(document: &Object, body: Option<&Object>) -> Vec<Value> {
    let list = |object: &'_ Object, name: &str| object.get(name)?.as_array().cloned();
    let rows = list(document, "items")
        .or_else(|| list(document, "positions"))
        .or_else(|| list(body?, "positions"));
    let rows = rows.unwrap_or_else(|| {
        let rows = list(document, "transactions").unwrap_or_default();
        let sold = |row: &Value| {
            row.get("type")
                .is_some_and(|kind| kind == "REGISTER_POSITION")
        };
        rows.into_iter().filter(sold).collect()
    });
    let mut lines: Vec<Line> = Vec::with_capacity(rows.len());
    for row in rows.iter().filter_map(|row| sums::bare(row).as_object()) {
        let line = Line::read(row);
        match lines.iter_mut().find(|known| known.is_of(&line)) {
            Some(known) => known.add(&line),
            None => lines.push(line),
        }
    }
    let lines = lines
        .into_iter()
        .filter(|line| line.quantity != Some(Decimal::ZERO));
    lines
        .enumerate()
        .map(|(nth, line)| line.written(nth + 1))
        .collect()
}

/// A line, with quantity and sum as they were signed.
struct Line {
    names: [Option<String>; 3],
    name: Option<String>,
    unit: Option<String>,
    service: bool,
    price: Option<Decimal>,
    quantity: Option<Decimal>,
    sum: Option<Decimal>,
    rate: Option<Decimal>,
    told: Value,
}

impl Line {
    fn read(row: &Object) -> Self {
        // Of a list of receipts `id` or `uuid` is the product; of documents `uuid` is the line.
        let is_item = ["product_id", "commodityUuid", "productId"]
            .iter()
            .all(|name| !row.contains_key(*name));
        let own: &[&str] = if is_item { &["id", "uuid"] } else { &[] };
        let product = text(row, &["product_id", "commodityUuid", "productId"])
            .or_else(|| text(row, own))
            .filter(|id| id != FREE_PRICE);
        let types = ["itemType", "product_type", "commodityType", "productType"];
        let service = text(row, &types).is_some_and(|kind| kind.to_uppercase() == "SERVICE");
        let barcode = text(row, &["barcode", "bar_code", "barCode"]);
        let sku = text(row, &["article_number", "articleNumber", "sku"]);
        Self {
            service: service || (product.is_none() && barcode.is_none() && sku.is_none()),
            names: [product, sku, barcode],
            name: text(row, &["name", "product_name", "commodityName"]),
            unit: text(row, &["measureName", "measure_name"]),
            price: sum(row, &["result_price", "resultPrice", "price"]),
            quantity: sum(row, &["quantity"]),
            sum: sum(row, &["result_sum", "resultSum", "sumPrice", "sum"]),
            rate: sums::evotor_rate(row),
            told: row.get("quantity").cloned().unwrap_or_default(),
        }
    }

    /// Whether both are of the same goods, and can be added up: also what is taken back again at
    /// another price than it was entered with.
    fn is_of(&self, other: &Self) -> bool {
        let (Some(own), Some(others)) = (self.quantity, other.quantity) else {
            return false;
        };
        let turned = own.is_sign_negative() != others.is_sign_negative();
        !self.service
            && !other.service
            && self.names == other.names
            && (turned || self.price == other.price)
    }

    fn add(&mut self, other: &Self) {
        let both = |one: Option<Decimal>, two: Option<Decimal>| Some(one? + two?);
        self.quantity = both(self.quantity, other.quantity);
        self.sum = both(self.sum, other.sum);
    }

    fn written(self, nth: usize) -> Value {
        let positive = |value: Decimal| stock::text(value.abs());
        let [product, sku, barcode] = self.names;
        json!({
            "line": nth.to_string(),
            "product_id": product,
            "sku": sku,
            "barcode": barcode,
            "name": self.name,
            "unit": self.unit,
            "service": self.service,
            "price": self.price.map(positive),
            "sum": self.sum.map(positive),
            "vat_rate": self.rate.map(positive),
            // What is no number is told as it came.
            "quantity": self.quantity.map_or(self.told, |quantity| positive(quantity).into()),
        })
    }
}

/// The first of these members that is a text or a number, as text.
fn text(object: &Object, names: &[&str]) -> Option<String> {
    names.iter().find_map(|name| match object.get(*name)? {
        Value::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

/// The first of these members that is a number, written as one or as text.
fn sum(object: &Object, names: &[&str]) -> Option<Decimal> {
    names.iter().find_map(|name| match object.get(*name)? {
        Value::Number(number) => money::read(&number.to_string(), true),
        Value::String(text) => money::read(text.trim(), false),
        _ => None,
    })
}

/// A moment as RFC 3339: the older cloud writes `+0000`. What is none is told as it came.
fn moment(told: Value) -> Value {
    let text = told.as_str().unwrap_or_default();
    let read = DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"));
    read.map_or(told, |at| {
        at.with_timezone(&Utc)
            .to_rfc3339_opts(SecondsFormat::AutoSi, true)
            .into()
    })
}

/// The event: its id tells the contents, so that what comes again is a repetition.
fn event(till: &TillName, data: Object) -> Value {
    let data = Value::Object(data);
    let mut id = hex::encode(Sha256::digest(data.to_string()));
    // Sixteen bytes.
    id.truncate(32);
    json!({
        "specversion": "1.0",
        "type": SAVED,
        "source": format!("/webhooks/evotor/{till}"),
        "id": id,
        "data": data,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::ReceiptKind, formats::tills::ReceiptEvent};

    fn read(path: &str, body: &Value) -> Vec<crate::formats::tills::Receipt> {
        let till = TillName::parse("centre").unwrap();
        let read = EvotorReceipts::read(&till, path, body);
        let of = |event: &Value| ReceiptEvent::read(event).unwrap().receipt;
        read.events.iter().map(of).collect()
    }

    #[test]
    fn a_created_receipt_is_read_with_the_order_that_it_picks_up() {
        let body = json!({
            "id": "5a1f0d7e-0000-4000-8000-000000000001", "type": "ReceiptCreated", "version": 2,
            "timestamp": 1_772_000_000_000_u64, "userId": "01-000000000000001",
            "data": {
                "id": "5a1f0d7e-0000-4000-8000-0000000000aa", "type": "SELL",
                "dateTime": "2026-03-01T09:15:00.000Z", "deviceId": "D-1", "storeId": "S-1",
                "shiftId": "43", "employeeId": "E-1", "paymentSource": "PAY_CARD",
                "infoCheck": false, "totalAmount": 310.5, "totalTax": 0, "totalDiscount": 0,
                "items": [
                    { "id": "65171", "name": "Чайник", "itemType": "NORMAL", "measureName": "шт",
                      "quantity": 2, "price": 150, "costPrice": 90, "sumPrice": 300,
                      "discount": 0, "tax": 0, "taxPercent": 0 },
                    { "id": "c0ffee00-0000-4000-8000-000000000001", "name": "Чай весовой",
                      "itemType": "NORMAL", "measureName": "кг", "quantity": 0.105,
                      "price": 100, "sumPrice": 10.5 },
                    { "id": "s", "name": "Доставка", "itemType": "SERVICE", "quantity": 1,
                      "price": 0, "sumPrice": 0 },
                ],
                "extras": { "billId": "77", "number": "W-1001",
                    "payments": [{ "sum": 310.5, "type": "card" }] },
            },
        });
        let receipts = read("", &body);
        let [receipt] = receipts.as_slice() else {
            panic!("{receipts:?}")
        };
        assert_eq!(receipt.kind, ReceiptKind::Sale);
        assert_eq!(receipt.number.as_deref(), Some("W-1001"));
        assert_eq!(receipt.store.as_deref(), Some("S-1"));
        let goods: Vec<_> = receipt
            .goods()
            .map(|line| stock::text(line.quantity))
            .collect();
        assert_eq!(goods, ["2", "0.105"]);
        let mut back = body;
        back["data"]["type"] = json!("PAYBACK");
        assert_eq!(read("", &back)[0].number, receipt.number);
    }

    #[test]
    fn a_list_of_receipts_holds_sales_and_returns() {
        let one = |uuid: &str, kind: &str| {
            json!({ "uuid": uuid, "deviceUuid": "D-1", "storeUuid": "S-2", "type": kind,
                "dateTime": "2026-03-01T12:15:00.000+0300", "shiftId": 7,
                "items": [{ "uuid": "p-1", "quantity": 1.5, "price": 10, "sumPrice": 15 }] })
        };
        let list = json!([
            one("R-1", "SELL"),
            one("R-2", "PAYBACK"),
            one("R-3", "return")
        ]);
        let receipts = read("api/v1/receipt", &list);
        let kinds: Vec<_> = receipts
            .iter()
            .map(|receipt| receipt.kind.as_str())
            .collect();
        assert_eq!(kinds, ["sale", "refund", "refund"]);
        let closed = receipts[0].closed_at.unwrap();
        assert_eq!(closed.to_rfc3339(), "2026-03-01T09:15:00+00:00");
        assert_eq!(receipts[0].lines[0].product_id.as_deref(), Some("p-1"));
    }

    #[test]
    fn documents_tell_by_transactions_and_a_refund_s_quantities_are_turned() {
        let position = |product: Value, quantity: i64| {
            json!({ "type": "REGISTER_POSITION", "commodityUuid": product, "uuid": "line",
                "quantity": quantity, "price": 10, "resultPrice": 9, "resultSum": 9 * quantity,
                "sum": 10 * quantity, "balanceQuantity": 4 })
        };
        let payback = json!({ "uuid": "D-2", "type": "PAYBACK", "baseDocumentUUID": "D-1",
            "closeDate": "2026-03-01T12:15:00.000+0000", "transactions": [
                { "type": "DOCUMENT_OPEN" }, position(json!("p-1"), -2),
                position(json!(null), -1), position(json!(FREE_PRICE), -1),
                { "type": "PAYMENT", "sum": -36 }, { "type": "DOCUMENT_CLOSE_FPRINT" }] });
        // A discount came between.
        let mut back = position(json!("p-1"), -1);
        back["resultPrice"] = json!(8);
        let sell = json!({ "uuid": "D-1", "type": "SELL", "closeDate": "2026-03-01T12:00:00+0000",
            "transactions": [position(json!("p-1"), 3), back,
                position(json!("p-2"), 1), position(json!("p-2"), -1)] });
        let others = ["OPEN_SESSION", "ACCEPT", "RETURN", "INVENTORY", "Z_REPORT"]
            .map(|kind| json!({ "uuid": kind, "type": kind, "transactions": [] }));
        let mut list = vec![sell, payback];
        list.extend(others);
        let till = TillName::parse("centre").unwrap();
        let body = Value::Array(list);
        let path = "api/v1/inventories/stores/S-3/documents";
        assert_eq!(EvotorReceipts::read(&till, path, &body).ignored, 5);
        let receipts = read(path, &body);
        assert_eq!(receipts.len(), 2);
        assert_eq!(receipts[0].store.as_deref(), Some("S-3"));
        let goods = |nth: usize| -> Vec<(Option<&str>, String)> {
            let of = |line: &'_ crate::formats::tills::ReceiptLine| stock::text(line.quantity);
            let lines = receipts[nth].goods();
            lines
                .map(|line| (line.product_id.as_deref(), of(line)))
                .collect()
        };
        assert_eq!(goods(0), [(Some("p-1"), "2".to_owned())]);
        assert_eq!(goods(1), [(Some("p-1"), "2".to_owned())]);
        assert_eq!(receipts[1].of.as_deref(), Some("D-1"));
        assert_eq!(receipts[1].kind, ReceiptKind::Refund);
    }

    #[test]
    fn what_holds_goods_and_is_of_no_known_type_is_no_document_to_leave_alone() {
        let till = TillName::parse("centre").unwrap();
        let sold = json!({ "id": "R-1", "type": "SELL_V3", "dateTime": "2026-03-01T09:15:00Z",
            "items": [{ "id": "p-1", "quantity": 1, "price": 10 }] });
        let body = json!({ "type": "ReceiptCreated", "data": sold });
        let read = EvotorReceipts::read(&till, "", &body);
        assert_eq!((read.events.len(), read.ignored), (1, 0));
        assert!(
            ReceiptEvent::read(&read.events[0]).is_err(),
            "a person sees it"
        );
        let strange = json!([{ "uuid": "1", "type": "Mark_Check" }, { "id": "x" }]);
        let read = EvotorReceipts::read(&till, "", &strange);
        assert_eq!((read.events.len(), read.ignored), (0, 2));
        assert_eq!(read.unknown, ["MARK_CHECK", ""]);
    }

    #[test]
    fn a_document_event_holds_positions_whose_total_is_what_was_paid() {
        let document = json!({ "id": "D-9", "type": "SELL", "number": 12, "store_id": "S-1",
            "close_date": "2026-03-01T09:15:00.000+0000", "session_number": 3, "version": "V2",
            "body": { "positions": [{ "product_id": "p-1", "uuid": "l-1", "code": "5",
                "product_name": "Чашка", "product_type": "NORMAL", "bar_code": "4600000000017",
                "quantity": 2, "price": 50, "sum": 100, "result_price": 45, "result_sum": 90 }],
                "result_sum": 90, "sum": 100 } });
        let body = json!({ "type": "DocumentEvent", "id": "E-1", "data": document });
        let till = TillName::parse("centre").unwrap();
        let read = EvotorReceipts::read(&till, "", &body);
        let data = &read.events[0]["data"];
        assert_eq!(data["receipt"], "D-9");
        assert_eq!(data["total"], "90");
        assert_eq!(data["lines"][0]["sum"], "90");
        assert_eq!(data["lines"][0]["barcode"], "4600000000017");
        let again = EvotorReceipts::read(&till, "", &body);
        assert_eq!(read, again, "the same body makes the same event");
    }
}

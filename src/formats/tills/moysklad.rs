//! MoySklad: retail sales and returns as its API tells them, as events about receipts; and its
//! webhooks, which are hints.
//!
//! Money is in kopecks and times are Moscow's there. A document that is not posted (`applicable`),
//! or is in the bin (`deleted`), is an annulled receipt.

use super::{SAVED, sums};
use crate::{
    domain::{TillName, money},
    stock,
};
use chrono::{DateTime, FixedOffset, NaiveDateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

/// Moscow is so far ahead of UTC, in seconds.
const MOSCOW: i32 = 3 * 3_600;
/// How times are written.
const TIME: &str = "%Y-%m-%d %H:%M:%S%.f";

/// A kind of document that is a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum MoyskladDocument {
    /// A sale at a till.
    Sale,
    /// A return at a till.
    Refund,
}

impl MoyskladDocument {
    /// Both, in the order in which they are asked for.
    pub const ALL: [Self; 2] = [Self::Sale, Self::Refund];

    /// The name of the entity in the API.
    pub fn entity(self) -> &'static str {
        match self {
            Self::Sale => "retaildemand",
            Self::Refund => "retailsalesreturn",
        }
    }

    fn kind(self) -> &'static str {
        match self {
            Self::Sale => "sale",
            Self::Refund => "refund",
        }
    }
}

/// A document that a webhook tells of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MoyskladHint {
    /// Which kind of document it is, so that it can be fetched.
    pub document: MoyskladDocument,
    /// The document's id in MoySklad.
    pub id: String,
}

impl MoyskladHint {
    /// The documents that a webhook's body tells of; what is no receipt is left out.
    pub fn read(body: &Value) -> Vec<Self> {
        let events = body.get("events").and_then(Value::as_array);
        let read = |event: &Value| {
            let meta = event.get("meta")?;
            let told = meta.get("type")?.as_str()?;
            let document = MoyskladDocument::ALL
                .into_iter()
                .find(|of| of.entity() == told)?;
            let id = id_of(meta)?;
            Some(Self { document, id })
        };
        let mut hints: Vec<Self> = events.into_iter().flatten().filter_map(read).collect();
        hints.sort();
        hints.dedup();
        hints
    }
}

/// When a document was last changed, in UTC.
pub fn updated(row: &Value) -> Option<DateTime<Utc>> {
    moment(row.get("updated")?.as_str()?)
}

/// A time of MoySklad's, in UTC.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    let naive = NaiveDateTime::parse_from_str(text.trim(), TIME).ok()?;
    let zone = FixedOffset::east_opt(MOSCOW)?;
    let at = naive.and_local_timezone(zone).single()?;
    Some(at.with_timezone(&Utc))
}

/// A time as MoySklad's filters want it.
pub fn moscow(at: DateTime<Utc>) -> String {
    let zone = FixedOffset::east_opt(MOSCOW);
    let at = zone.map_or_else(
        || at.naive_utc(),
        |zone| at.with_timezone(&zone).naive_local(),
    );
    at.format("%Y-%m-%d %H:%M:%S%.3f").to_string()
}

/// The event about a document; its positions come with it.
pub fn event(till: &TillName, document: MoyskladDocument, row: &Value) -> Value {
    let text = |name: &str| row.get(name).and_then(Value::as_str).map(str::to_owned);
    let link = |name: &str| id_of(row.get(name)?.get("meta")?);
    let is = |name: &str| row.get(name).and_then(Value::as_bool);
    let deleted = row.get("deleted").is_some_and(|at| !at.is_null());
    let cancelled = is("applicable") == Some(false) || deleted;
    let order = row.get("customerOrder").and_then(|order| order.get("name"));
    let time = |name: &str| text(name).and_then(|text| moment(&text));
    let positions = row.get("positions").and_then(|list| list.get("rows"));
    // Of what is annulled nothing counts but that: what was wrong with a line is over.
    let positions = positions
        .and_then(Value::as_array)
        .filter(|_| !cancelled)
        .cloned()
        .unwrap_or_default();
    let version = updated(row).map(|at| at.timestamp_millis());
    let mut data = Map::new();
    let members = [
        ("receipt", text("id").map(Value::from)),
        ("till", Some(Value::from(till.as_str()))),
        ("store", link("store").map(Value::from)),
        ("kind", Some(Value::from(document.kind()))),
        ("of", link("demand").map(Value::from)),
        (
            "number",
            order
                .cloned()
                .filter(|_| document == MoyskladDocument::Sale),
        ),
        ("shift", link("retailShift").map(Value::from)),
        ("version", version.map(Value::from)),
        ("cancelled", Some(Value::from(cancelled))),
        ("closed_at", time("moment").map(|at| written(at).into())),
        ("currency", Some(Value::from("RUB"))),
        ("total", row.get("sum").and_then(kopecks).map(Value::from)),
        ("lines", Some(positions.iter().map(line).collect())),
        ("payments", sums::moysklad_payments(row)),
    ];
    for (name, value) in members {
        if let Some(value) = value {
            data.insert(name.to_owned(), value);
        }
    }
    wrapped(
        till,
        &text("id").unwrap_or_default(),
        version,
        &Value::Object(data),
    )
}

/// The event about a document that is not there any more, in a version above all that were taken.
pub fn gone(till: &TillName, (document, id): (MoyskladDocument, &str), version: i64) -> Value {
    let data = json!({
        "receipt": id, "till": till.as_str(), "kind": document.kind(), "version": version,
        "cancelled": true, "lines": [],
    });
    wrapped(till, id, Some(version), &data)
}

fn wrapped(till: &TillName, id: &str, version: Option<i64>, data: &Value) -> Value {
    json!({
        "specversion": "1.0",
        "type": SAVED,
        "source": format!("/webhooks/moysklad/{till}"),
        "id": format!("{id}@{}", version.unwrap_or_default()),
        "data": data,
    })
}

fn line(position: &Value) -> Value {
    let goods = position.get("assortment");
    let text = |name: &str| goods?.get(name)?.as_str().filter(|text| !text.is_empty());
    let kind = goods.and_then(|goods| goods.get("meta")?.get("type")?.as_str());
    let product = text("externalCode")
        .map(str::to_owned)
        .or_else(|| id_of(goods?.get("meta")?));
    let barcode = goods.and_then(|goods| {
        let first = goods.get("barcodes")?.as_array()?.first()?.as_object()?;
        first.values().next()?.as_str()
    });
    json!({
        "line": position.get("id"),
        "product_id": product,
        "sku": text("article").or_else(|| text("code")),
        "barcode": barcode,
        "name": text("name"),
        "quantity": position.get("quantity"),
        "price": position.get("price").and_then(kopecks),
        "sum": sums::moysklad_sum(position),
        "vat_rate": sums::moysklad_rate(position).map(stock::text),
        "service": kind == Some("service"),
    })
}

/// A sum in kopecks, in roubles.
fn kopecks(value: &Value) -> Option<String> {
    let Value::Number(number) = value else {
        return None;
    };
    let sum = money::read(&number.to_string(), true)?;
    Some(stock::text((sum / Decimal::ONE_HUNDRED).round_dp(4)))
}

fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// The id at the end of a link.
fn id_of(meta: &Value) -> Option<String> {
    let link = meta.get("href")?.as_str()?;
    let link = link.split('?').next()?.trim_end_matches('/');
    let id = link.rsplit('/').next()?;
    (!id.is_empty()).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{domain::ReceiptKind, formats::tills::ReceiptEvent};

    const API: &str = "https://api.moysklad.ru/api/remap/1.2/entity";

    fn till() -> TillName {
        TillName::parse("ms").unwrap()
    }

    fn sale() -> Value {
        json!({ "id": "d-1", "updated": "2026-03-01 12:15:30.250", "name": "00017",
            "moment": "2026-03-01 12:15:00.000", "applicable": true, "sum": 31050.0,
            "store": { "meta": { "href": format!("{API}/store/s-1"), "type": "store" } },
            "customerOrder": { "name": "W-1001",
                "meta": { "href": format!("{API}/customerorder/o-1") } },
            "positions": { "meta": { "size": 2 }, "rows": [
                { "id": "l-1", "quantity": 2.0, "price": 15000.0, "discount": 0.0,
                  "assortment": { "externalCode": "cup", "article": "A-1", "name": "Чашка",
                    "barcodes": [{ "ean13": "2000000000015" }],
                    "meta": { "href": format!("{API}/product/p-1"), "type": "product" } } },
                { "id": "l-2", "quantity": 1, "price": 1050.0, "assortment": { "name": "Упаковка",
                    "meta": { "href": format!("{API}/service/p-2"), "type": "service" } } }] } })
    }

    #[test]
    fn a_sale_is_read_in_roubles_and_in_utc() {
        let event = event(&till(), MoyskladDocument::Sale, &sale());
        assert_eq!(event["data"]["total"], "310.5");
        let receipt = ReceiptEvent::read(&event).unwrap().receipt;
        let closed = receipt.closed_at.unwrap().to_rfc3339();
        assert_eq!(closed, "2026-03-01T09:15:00+00:00");
        assert_eq!(receipt.kind, ReceiptKind::Sale);
        assert_eq!(receipt.number.as_deref(), Some("W-1001"));
        assert_eq!(receipt.store.as_deref(), Some("s-1"));
        assert_eq!(receipt.goods().count(), 1);
        assert_eq!(receipt.lines[0].sku.as_deref(), Some("A-1"));
        assert_eq!(receipt.lines[0].barcode.as_deref(), Some("2000000000015"));
        let at = updated(&sale()).unwrap();
        assert_eq!(receipt.version, Some(at.timestamp_millis()));
        assert_eq!(moscow(at), "2026-03-01 12:15:30.250");
    }

    #[test]
    fn what_is_not_posted_or_deleted_or_gone_is_annulled() {
        for (name, value) in [
            ("applicable", json!(false)),
            ("deleted", json!("2026-03-01 13:00:00.000")),
        ] {
            let mut row = sale();
            row[name] = value;
            let event = event(&till(), MoyskladDocument::Sale, &row);
            assert!(
                ReceiptEvent::read(&event).unwrap().receipt.cancelled,
                "{name}"
            );
        }
        let event = gone(&till(), (MoyskladDocument::Refund, "d-1"), 1);
        let receipt = ReceiptEvent::read(&event).unwrap().receipt;
        assert!(receipt.cancelled && receipt.kind == ReceiptKind::Refund);
    }

    #[test]
    fn a_webhook_names_documents_each_once_and_others_are_left_out() {
        let one = |kind: &str, id: &str| {
            json!(
                {
                    "action": "UPDATE",
                    "meta": { "type": kind, "href": format!("{API}/{kind}/{id}") }
                }
            )
        };
        let body = json!({ "auditContext": {}, "events": [one("retaildemand", "d-1"),
            one("retaildemand", "d-1"), one("product", "p"), one("retailsalesreturn", "r-1")] });
        let hints = MoyskladHint::read(&body);
        let ids: Vec<_> = hints.iter().map(|hint| hint.id.as_str()).collect();
        assert_eq!(ids, ["d-1", "r-1"]);
    }
}

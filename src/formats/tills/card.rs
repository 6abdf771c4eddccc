//! A receipt on a card of the portal: a deal in its final stage, or a comment on the sale's deal.

use super::Receipt;
use crate::domain::{
    Correspondence, Direction, Event, EventBody, Fault, Faults, ReceiptKind, ShopRules, Snapshot,
    Stage, StatusMap,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;

/// The stages of deals that are receipts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptDeals {
    /// The id of the funnel (`CATEGORY_ID`) that the deals stand in.
    pub funnel: u32,
    /// Where a sale stands, by its id.
    pub stage: String,
    /// Where one stands that was annulled.
    pub cancelled: String,
}

const SOLD: &str = "sold";
const ANNULLED: &str = "annulled";
/// The longest key, in characters: that of an order's number.
const LONGEST: usize = 128;

/// The key of a receipt within its shop, and its ORIGIN_ID in the portal.
pub fn key(till: &str, receipt: &str) -> String {
    let key = format!("receipt:{till}/{receipt}");
    if key.chars().count() <= LONGEST {
        return key;
    }
    let hex = hex::encode(Sha256::digest(&key));
    format!("receipt:sha-256/{hex}")
}

/// The rules and the snapshot by which a sale is brought to the portal: an order that is paid and
/// over. `data` is the receipt as it came.
pub fn as_order(
    shop: &ShopRules,
    deals: &ReceiptDeals,
    key: &str,
    data: &Value,
) -> Result<(ShopRules, Snapshot), Faults> {
    let text = |name: &str| data.get(name).and_then(plain);
    let cancelled = data.get("cancelled").and_then(Value::as_bool) == Some(true);
    let lines = data.get("lines").and_then(Value::as_array);
    let items: Vec<Value> = lines.into_iter().flatten().map(item).collect();
    let sum: Decimal = items
        .iter()
        .filter_map(|item| Some(amount(&item["price"])? * amount(&item["quantity"])?))
        .sum();
    let total = data.get("total").and_then(amount).unwrap_or(sum);
    let stage = if cancelled {
        &deals.cancelled
    } else {
        &deals.stage
    };
    let name = format!(
        "Чек {}, касса {}",
        text("receipt").unwrap_or_default(),
        text("till").unwrap_or_default()
    );
    let order = json!({
        "number": key,
        "status": if cancelled { ANNULLED } else { SOLD },
        "stage": Stage::parse(deals.funnel, stage).id,
        "currency": text("currency").unwrap_or_else(|| "RUB".to_owned()),
        "total": total.round_dp(2).to_string(),
        "paid": !cancelled,
        "created_at": data.get("closed_at"),
        "customer": data.get("customer").and_then(customer),
        "items": items,
        "comment": text("number").map(|number| format!("Выдан заказ {number}")),
        "origin": { "channel": "pos", "store_id": text("store"), "receipt": text("receipt") },
    });
    let message = json!({
        "specversion": "1.0", "type": "shop.order.saved.v1", "source": "/receipts", "id": key,
        "data": bare(order),
    });
    let EventBody::Saved(snapshot) = Event::read(&message, shop.reading())?.body else {
        let detail = "a receipt is no deletion".to_owned();
        let pointer = String::new();
        return Err(vec![Fault { pointer, detail }]);
    };
    let row = |status: &str, stage: &str| Correspondence {
        status: status.to_owned(),
        stage: Stage::parse(deals.funnel, stage),
        accepts: Vec::new(),
        direction: Direction::Both,
        reverse: false,
        source: None,
    };
    let rows = vec![row(SOLD, &deals.stage), row(ANNULLED, &deals.cancelled)];
    // Nobody else decides on the stage: it is written like any field.
    let mut fields = shop.fields.clone();
    fields.insert("stage".to_owned(), "STAGE_ID".to_owned());
    let rules = ShopRules {
        fields,
        funnel: deals.funnel,
        statuses: StatusMap::new(rows),
        title: name.replace(['{', '}'], " "),
        leads: Vec::new(),
        ..shop.clone()
    };
    Ok((rules, *snapshot))
}

/// What is written on the card of a receipt that is no deal of its own: of a refund on the deal of
/// its sale, of a pick-up on that of its order.
pub fn comment(receipt: &Receipt, till: &str) -> String {
    let what = match (receipt.kind, receipt.cancelled) {
        (ReceiptKind::Refund, false) => "Возврат",
        (ReceiptKind::Refund, true) => "Возврат аннулирован",
        (ReceiptKind::Sale, false) => "Заказ выдан на кассе",
        (ReceiptKind::Sale, true) => "Чек аннулирован, товар вернулся",
    };
    let mut text = format!("{what}: чек {}, касса {till}", receipt.receipt);
    if let Some(total) = receipt.total.filter(|_| !receipt.cancelled) {
        let _ = write!(text, ", сумма {}", total.normalize());
    }
    for line in receipt.lines.iter().filter(|_| !receipt.cancelled) {
        let names = [&line.name, &line.sku, &line.product_id, &line.barcode];
        let name = names.into_iter().flatten().next();
        let name = name.map_or("", String::as_str);
        let _ = write!(text, "\n{name}: {}", line.quantity.normalize());
    }
    text
}

fn item(line: &Value) -> Value {
    let text = |name: &str| line.get(name).and_then(plain);
    let names = ["name", "sku", "product_id", "barcode"];
    let name = names.into_iter().find_map(text);
    let quantity = line.get("quantity").and_then(amount).unwrap_or_default();
    let sum = line.get("sum").and_then(amount);
    let by_sum = sum.and_then(|sum| sum.checked_div(quantity));
    let price = line.get("price").and_then(amount);
    let price = by_sum.or(price).unwrap_or_default().max(Decimal::ZERO);
    bare(json!({
        "product_id": text("product_id"), "sku": text("sku"), "name": name,
        "quantity": quantity.normalize().to_string(),
        "price": price.round_dp(4).normalize().to_string(),
        "unit": text("unit"), "vat_rate": line.get("vat_rate").and_then(amount)
            .map(|rate| rate.normalize().to_string()),
    }))
}

/// Who bought, where the till says it: by a telephone, an address, or a card of the shop's.
pub(in crate::formats) fn customer(told: &Value) -> Option<Value> {
    let text = |name: &str| told.get(name).and_then(plain);
    let list = |one: &str, many: &str| {
        let listed = told.get(many).and_then(Value::as_array);
        let mut all: Vec<String> = listed.into_iter().flatten().filter_map(plain).collect();
        all.extend(text(one));
        all
    };
    let (phones, emails) = (list("phone", "phones"), list("email", "emails"));
    let known = !phones.is_empty() || !emails.is_empty() || text("id").is_some();
    known.then(|| {
        bare(json!({
            "id": text("id"), "kind": "person", "name": text("name"),
            "last_name": text("last_name"), "phones": phones, "emails": emails,
        }))
    })
}

/// Without the members that say nothing.
pub(in crate::formats) fn bare(value: Value) -> Value {
    let Value::Object(members) = value else {
        return value;
    };
    let told = members.into_iter().filter(|(_, value)| !value.is_null());
    Value::Object(told.collect::<Map<_, _>>())
}

/// A text, or a number as text; none for what says nothing.
pub(in crate::formats) fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()).filter(|text| !text.is_empty()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// A number, however it is written.
pub(in crate::formats) fn amount(value: &Value) -> Option<Decimal> {
    let text = plain(value)?;
    text.parse()
        .ok()
        .or_else(|| Decimal::from_scientific(&text).ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{OnDeleted, Placeholders, PortalName, ShopName, Texts};

    fn shop() -> ShopRules {
        ShopRules {
            shop: ShopName::parse("main").unwrap(),
            portal: PortalName::parse("main").unwrap(),
            funnel: 0,
            statuses: StatusMap::new(Vec::new()),
            title: "Order {number}".to_owned(),
            responsible_id: None,
            source_id: None,
            fields: std::collections::BTreeMap::default(),
            phone_country: "7".to_owned(),
            texts: Texts::default(),
            placeholders: Placeholders::default(),
            on_deleted: OnDeleted::Nothing,
            leads: Vec::new(),
            delivery_name: "Delivery".to_owned(),
        }
    }

    #[test]
    fn a_sale_is_an_order_that_is_paid_and_stands_in_its_stage() {
        let deals = ReceiptDeals {
            funnel: 3,
            stage: "WON".to_owned(),
            cancelled: "LOSE".to_owned(),
        };
        let mut data = json!({
            "receipt": "R1", "till": "centre", "kind": "sale", "total": "25.00",
            "closed_at": "2026-01-15T10:00:00+03:00", "customer": { "phone": "8 916 000-00-01" },
            "lines": [{ "sku": "T", "quantity": "2.5", "price": "12", "sum": "25" }],
        });
        let key = key("centre", "R1");
        assert_eq!(key, "receipt:centre/R1");
        let (rules, order) = as_order(&shop(), &deals, &key, &data).unwrap();
        assert_eq!(rules.title, "Чек R1, касса centre");
        assert_eq!(
            rules.statuses.row(&order.status).unwrap().stage.id,
            "C3:WON"
        );
        assert_eq!(order.items[0].price, Decimal::TEN, "what was paid for one");
        assert_eq!(order.customer.unwrap().phones.len(), 1);
        assert!(order.paid);
        data["cancelled"] = json!(true);
        let (rules, order) = as_order(&shop(), &deals, &key, &data).unwrap();
        assert_eq!(
            rules.statuses.row(&order.status).unwrap().stage.id,
            "C3:LOSE"
        );
    }

    #[test]
    fn a_key_is_never_longer_than_an_orders_number_and_never_of_two_receipts() {
        let long = "x".repeat(120);
        let one = key("till", &long);
        assert!(one.chars().count() <= LONGEST);
        assert_ne!(one, key("till", &format!("{long}y")));
    }
}

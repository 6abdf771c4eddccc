//! One order of WooCommerce as a snapshot.

use super::{
    lines::{self, Lines},
    values::{
        as_it_came, decimal, decimal_or_none, id, list, moment, object, storable, text, told,
    },
};
use crate::domain::{Fault, Faults, Texts, money};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

const NAME: usize = 5_000;
/// Longer than what is kept, so that what is shortened is told.
const COMMENT: usize = 200_000;
/// Fewer than a snapshot may have: room for ours.
const PROPERTIES: usize = 190;
const PROPERTY_BYTES: usize = 60_000;
/// Plugins store whole trees; what is nested deeper is left out.
const PROPERTY_DEPTH: usize = 12;
/// WooCommerce's status of an order that was paid back whole.
const REFUNDED: &str = "refunded";
const ATTRIBUTION: &str = "_wc_order_attribution_";

/// The snapshot, and everything that cannot be read: that stands in the snapshot as it came.
pub(super) fn snapshot(
    id_: Option<&str>,
    status: &str,
    order: &Map<String, Value>,
) -> (Value, Faults) {
    let mut faults = Faults::new();
    if order.get("total").is_none_or(Value::is_null) {
        faults.push(Fault {
            pointer: "/total".to_owned(),
            detail: "`total` is required".to_owned(),
        });
    }
    let mut lines = lines::lines(order, &mut faults);
    let before = faults.len();
    let full = decimal(order, "", "total", &mut faults);
    let is_read = faults.len() == before;
    let cards = gift_cards(order);
    let mut notes = coupons(order);
    pay_with_cards(&mut lines, full, cards, &mut notes);
    // Somebody set the status by hand, or a plugin keeps no refunds.
    if status == REFUNDED && lines.refunded < full {
        let rest = full - lines.refunded;
        lines.refund("Refund", rest);
    }
    let total = match order.get("total") {
        Some(_) if is_read => (full - lines.refunded).max(Decimal::ZERO).to_string(),
        _ => as_it_came(order, "total"),
    };
    let paid_at = moment(order, "date_paid_gmt");
    let delivery = delivery(order, &lines);
    notes.extend(pick_up_place(order));
    let customer = customer(order);
    let snapshot = json!({
        "number": id_,
        "id": text(order, "number", 256),
        "status": status,
        "created_at": moment(order, "date_created_gmt"),
        "updated_at": moment(order, "date_modified_gmt"),
        "currency": text(order, "currency", 10),
        "total": total,
        "paid": paid_at.is_some(),
        "paid_at": paid_at,
        "completed_at": moment(order, "date_completed_gmt"),
        "cancelled": status == "cancelled",
        "customer": customer,
        "items": lines.items,
        "discounts": lines.discounts,
        "delivery": delivery,
        "payment": payment(order),
        "properties": properties(order, lines.refunded),
        "utm": utm(order),
        "comment": text(order, "customer_note", COMMENT),
        "notes": notes,
        "origin": { "channel": channel(order) },
    });
    (snapshot, faults)
}

/// Who pays: whoever is only named for the delivery is not the customer. The guest's id is 0: then
/// phone and e-mail say who it is.
fn customer(order: &Map<String, Value>) -> Option<Value> {
    let billing = payer(order)?;
    let phones: Vec<String> = text(billing, "phone", 100).into_iter().collect();
    let emails: Vec<String> = text(billing, "email", 320).into_iter().collect();
    let company = text(billing, "company", NAME).map(|title| {
        json!({
            "title": title,
            "inn": meta(order, &["_billing_inn", "billing_inn"], 100),
            "kpp": meta(order, &["_billing_kpp", "billing_kpp"], 100),
            "address": address(billing),
        })
    });
    let name = |field| text(billing, field, NAME);
    let customer = json!({
        "id": id(order, "customer_id"),
        "kind": if company.is_some() { "company" } else { "person" },
        "name": name("first_name"),
        "last_name": name("last_name"),
        "phones": phones,
        "emails": emails,
        "company": company,
    });
    Some(customer)
}

/// The billing address; the one of the delivery only where the other names nobody.
fn payer(order: &Map<String, Value>) -> Option<&Map<String, Value>> {
    let billing = object(order, "billing");
    let names = |of: &&Map<String, Value>| {
        let told = ["first_name", "last_name", "company", "phone", "email"];
        told.iter().any(|field| text(of, field, NAME).is_some())
    };
    billing
        .filter(names)
        .or_else(|| object(order, "shipping").filter(names))
        .or(billing)
}

/// Who takes the delivery, where that is not who pays.
fn recipient(order: &Map<String, Value>) -> Option<Value> {
    let (payer, shipping) = (payer(order)?, object(order, "shipping")?);
    let name = |of| {
        let parts = ["first_name", "last_name"].map(|field| text(of, field, 200));
        let name = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        Some(name).filter(|name| !name.is_empty())
    };
    let (his, phone) = (name(shipping), text(shipping, "phone", 100));
    let another = his.is_some() && his != name(payer)
        || phone.is_some() && phone != text(payer, "phone", 100);
    another.then(|| json!({ "name": his, "phone": phone }))
}

/// Where nothing is delivered there is no address of delivery: the customer's own is in the
/// customer's card.
fn delivery(order: &Map<String, Value>, lines: &Lines) -> Option<Value> {
    let given = object(order, "shipping").and_then(address);
    let own = || object(order, "billing").and_then(address);
    let mut shipped = list(order, "shipping_lines")
        .map(|(_, line)| !picked_up(line))
        .peekable();
    let place = if shipped.peek().is_some() {
        shipped
            .any(|shipped| shipped)
            .then(|| given.or_else(own))
            .flatten()
    } else {
        // Downloads and services; an order that a person typed in may just lack its method.
        given.filter(|_| channel(order) == "operator")
    };
    let recipient = recipient(order);
    let nothing = lines.methods.is_empty() && lines.shipping.amount.is_zero();
    if nothing && place.is_none() && recipient.is_none() {
        return None;
    }
    let method: String = lines.methods.join(", ").chars().take(NAME).collect();
    Some(json!({
        "method": method,
        "price": lines.shipping.amount.to_string(),
        "vat_rate": lines.shipping.rate.map(|rate| rate.to_string()),
        "address": place,
        "recipient": recipient,
    }))
}

/// Whether the customer fetches it: WooCommerce's own methods, and those of plugins that say so in
/// their name.
fn picked_up(line: &Map<String, Value>) -> bool {
    let method = text(line, "method_id", 200)
        .unwrap_or_default()
        .to_lowercase();
    ["pickup", "pick_up", "samovyvoz"]
        .iter()
        .any(|word| method.contains(word))
}

/// Where the customer fetches it, as the checkout told.
fn pick_up_place(order: &Map<String, Value>) -> Option<String> {
    let line = list(order, "shipping_lines")
        .map(|(_, line)| line)
        .find(|line| picked_up(line))?;
    let told: Vec<String> = ["pickup_location", "pickup_address", "pickup_details"]
        .iter()
        .filter_map(|key| meta(line, &[key], 300))
        .collect();
    (!told.is_empty()).then(|| format!("Пункт самовывоза: {}", told.join(", ")))
}

/// What was taken off by coupons: it is in the prices already, and readable so.
fn coupons(order: &Map<String, Value>) -> Vec<String> {
    let coupons = list(order, "coupon_lines").take(20);
    coupons
        .filter_map(|(_, coupon)| {
            let code = text(coupon, "code", 100)?;
            let off = discount(coupon);
            Some(if off.is_zero() {
                format!("Купон: {code}")
            } else {
                format!("Купон: {code}, скидка {}", money::text(off))
            })
        })
        .collect()
}

fn discount(coupon: &Map<String, Value>) -> Decimal {
    decimal_or_none(coupon, "discount") + decimal_or_none(coupon, "discount_tax")
}

/// Gift cards that plugins say were used, each with its amount.
fn gift_cards(order: &Map<String, Value>) -> Vec<(String, Decimal)> {
    let mut cards = Vec::new();
    for name in ["gift_cards", "pw_gift_cards", "gift_card_lines"] {
        for (_, card) in list(order, name) {
            let code = ["code", "number", "name"]
                .iter()
                .find_map(|key| text(card, key, 100));
            let amount = ["amount", "total", "discount"]
                .iter()
                .find(|key| card.contains_key(**key));
            let amount = amount.map_or(Decimal::ZERO, |key| decimal_or_none(card, key).abs());
            cards.push((code.unwrap_or_default(), amount));
        }
    }
    // YITH: a map from the code to the amount.
    for (_, entry) in list(order, "meta_data") {
        let yith = text(entry, "key", 100).as_deref() == Some("_ywgc_applied_gift_cards");
        if let Some(Value::Object(used)) = entry.get("value").filter(|_| yith) {
            for (code, amount) in used {
                let amount = told(amount, 40).and_then(|amount| money::read(&amount, false));
                cards.push((code.clone(), amount.unwrap_or_default().abs()));
            }
        }
    }
    // Store credit comes as a coupon that is in no line's total.
    for (_, coupon) in list(order, "coupon_lines") {
        let code = text(coupon, "code", 100).unwrap_or_default();
        cards.push((code, discount(coupon)));
    }
    cards.truncate(50);
    cards
}

/// What cards paid is taken off, where the total says so: the rows come to the total then. Else it
/// is only told.
fn pay_with_cards(
    lines: &mut Lines,
    full: Decimal,
    cards: Vec<(String, Decimal)>,
    notes: &mut Vec<String>,
) {
    for (code, amount) in cards {
        // Refunds are taken off the total, too.
        let over = lines.sum + lines.refunded - full;
        if amount > Decimal::ZERO && over >= amount {
            lines.off(&format!("Подарочная карта {code}"), amount);
        } else if amount > Decimal::ZERO && !notes.iter().any(|note| note.contains(&code)) {
            notes.push(format!("Подарочная карта: {code}, {}", money::text(amount)));
        }
    }
}

fn payment(order: &Map<String, Value>) -> Option<Value> {
    let method = text(order, "payment_method_title", NAME)
        .or_else(|| text(order, "payment_method", NAME))?;
    Some(json!({ "method": method }))
}

/// One line; `None` if only the country is known.
fn address(of: &Map<String, Value>) -> Option<String> {
    let part = |name| text(of, name, 300);
    part("address_1")
        .or_else(|| part("city"))
        .or_else(|| part("postcode"))?;
    let parts = [
        "postcode",
        "country",
        "state",
        "city",
        "address_1",
        "address_2",
    ];
    let line: Vec<String> = parts.into_iter().filter_map(part).collect();
    Some(line.join(", "))
}

/// What others stored with the order, the shown keys first, and what the snapshot has no field for.
fn properties(order: &Map<String, Value>, refunded: Decimal) -> Map<String, Value> {
    let mut properties = Map::new();
    for hidden in [false, true] {
        for (_, entry) in list(order, "meta_data") {
            let Some(key) = text(entry, "key", 200) else {
                continue;
            };
            let fits = properties.len() < PROPERTIES || properties.contains_key(&key);
            let Some(value) = entry.get("value").filter(|value| !value.is_null()) else {
                continue;
            };
            let fits =
                fits && storable(value, PROPERTY_DEPTH) && value.to_string().len() < PROPERTY_BYTES;
            if key.starts_with('_') == hidden && fits {
                let value = match value {
                    Value::String(text) => json!(Texts::Html.read(text)),
                    other => other.clone(),
                };
                properties.insert(key, value);
            }
        }
    }
    let coupons: Vec<String> = list(order, "coupon_lines")
        .filter_map(|(_, coupon)| text(coupon, "code", 100))
        .take(100)
        .collect();
    if !coupons.is_empty() {
        properties.insert("coupons".to_owned(), json!(coupons.join(", ")));
    }
    if !refunded.is_zero() {
        properties.insert("refunded".to_owned(), json!(refunded.to_string()));
    }
    for name in ["created_via", "transaction_id"] {
        if let Some(text) = text(order, name, 300) {
            properties.insert(name.to_owned(), json!(text));
        }
    }
    properties
}

/// The first of these meta values that is a text.
fn meta(order: &Map<String, Value>, keys: &[&str], most: usize) -> Option<String> {
    list(order, "meta_data")
        .find(|(_, entry)| {
            let key = entry.get("key").and_then(Value::as_str);
            key.is_some_and(|key| keys.contains(&key)) && text(entry, "value", most).is_some()
        })
        .and_then(|(_, entry)| text(entry, "value", most))
}

/// The campaign marks that WooCommerce's order attribution has put into the order's metadata.
fn utm(order: &Map<String, Value>) -> Value {
    let of = |name: &str| meta(order, &[&format!("{ATTRIBUTION}{name}")], 500);
    json!({
        "source": of("utm_source"),
        "medium": of("utm_medium"),
        "campaign": of("utm_campaign"),
        "content": of("utm_content"),
        "term": of("utm_term"),
    })
}

fn channel(order: &Map<String, Value>) -> &'static str {
    match order.get("created_via").and_then(Value::as_str) {
        Some("admin") => "operator",
        Some(via) if via.starts_with("pos") => "pos",
        _ => "online",
    }
}

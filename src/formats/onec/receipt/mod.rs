//! A till's receipt as a document of CommerceML: a sale is an order that is paid and shipped, a
//! refund a return of goods.

use super::{
    Base,
    order::{self, Identity, Writing},
};
use crate::{
    domain::{Event, EventBody, Reading, ShopName, Snapshot, words},
    formats::{
        commerceml::write::{Order, Payment, PaymentKind, Requisite, Trade},
        tills::{self, amount, bare, customer, plain},
    },
};
use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// Who buys where the till does not say it: one counterparty for a shop.
const RETAIL: &str = "Розничный покупатель";
/// The longest id of a receipt that stands in `Номер` as it is, in characters.
const SHORT: usize = 20;
/// Requisites of an order that a receipt does not have, or has in another way.
const OF_ORDERS: [&str; 6] = [
    "Статус заказа",
    "Статуса заказа ИД",
    "Дата изменения статуса",
    "Финальный статус",
    "Метод оплаты",
    "Метод оплаты ИД",
];
/// The same of a refund: nothing is paid or delivered by it.
const OF_SALES: [&str; 5] = [
    "Заказ оплачен",
    "Дата оплаты",
    "Доставка разрешена",
    "Дата разрешения доставки",
    "Дата последнего разрешения по доставке",
];

/// A receipt, as a base is told of it.
#[derive(Debug, Clone)]
pub struct TillReceipt<'a> {
    /// The till's name in the settings, or that and a part of it.
    pub till: &'a str,
    /// The receipt's id in the till.
    pub receipt: &'a str,
    /// Whether goods came back.
    pub is_refund: bool,
    /// Of a refund: the `Ид` of the document of its sale, where the base has one.
    pub basis: Option<String>,
    /// The store where the till stands.
    pub store: Option<&'a str>,
    /// When it was closed.
    pub closed_at: DateTime<Utc>,
    /// The receipt as it came.
    pub data: &'a Value,
    /// What is known of the goods of its lines.
    pub goods: &'a BTreeMap<String, KnownGoods>,
}

/// What is known of the goods of a line.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownGoods {
    /// The product, as the shop names it.
    pub product: Option<String>,
    /// 1C's own id of it.
    pub xml_id: Option<String>,
    /// The article, if the line has one.
    pub sku: Option<String>,
}

/// By what a receipt stands among the orders of a base: no order has such a number. Two receipts
/// never have the same.
pub fn key(till: &str, receipt: &str) -> String {
    if receipt.contains('/') {
        // The last stroke is the one between the till and the receipt.
        let hex = hex::encode(Sha256::digest(receipt));
        return tills::key(till, &format!("sha-256-{hex}"));
    }
    tills::key(till, receipt)
}

/// `Ид` and `Номер` of a receipt, made of its shop, its till and its id there.
pub fn identity(base: &Base, shop: &ShopName, till: &str, receipt: &str) -> Identity {
    let prefix = base.export.prefixes.get(shop).map_or("", String::as_str);
    let print = Sha256::digest(format!("receipt/{shop}\0{till}\0{receipt}"));
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&print[..16]);
    let id = uuid::Builder::from_custom_bytes(bytes).into_uuid();
    let is_plain = |c: char| c.is_alphanumeric() || "-_.".contains(c);
    let number = if receipt.chars().count() <= SHORT && receipt.chars().all(is_plain) {
        format!("{prefix}ЧЕК-{receipt}-{}", hex::encode(&print[16..20]))
    } else {
        format!("{prefix}ЧЕК-{}", hex::encode(&print[16..24]))
    };
    Identity {
        id: id.to_string(),
        number,
    }
}

/// What decides whether a receipt goes to a base.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Standing {
    /// Receipts go to the base.
    pub goes: bool,
    /// The base was offered it before.
    pub named: bool,
    /// The till has annulled it.
    pub annulled: bool,
    /// It did not change since receipts go.
    pub older: bool,
    /// It is the pick-up of an order; whether the shop has sent that.
    pub pick_up: Option<bool>,
}

words! {
    /// Why a receipt does not go to the base. Its sentence is what `bridge.onec_orders.held_why`
    /// holds: it stays as it is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum ReceiptHold {
        /// The base is to get none.
        NotSent = "receipts do not go to the base",
        /// The till annulled it, and it never went.
        Annulled = "it was annulled before it went to the base",
        /// Its order goes, which says that it is paid and shipped.
        PickUp = "it is the pick-up of an order, which goes itself",
        /// Its order may still come.
        PickUpOfUnknown = "it is the pick-up of an order that the shop has not sent",
        /// It has not changed since the base gets receipts.
        Older = "it has not changed since receipts go to the base",
        /// Nothing of it is left.
        Gone = "the receipt is kept no longer",
        /// Its lines are forgotten.
        Emptied = "what it said is kept no longer",
    }
}

impl ReceiptHold {
    /// Of what is stored; `None`: it says what is wrong with the receipt.
    pub fn of(stored: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|why| why.as_str() == stored)
    }
}

/// What becomes of a receipt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// The base is offered it.
    Goes,
    /// The base is told that it is no more.
    IsNoMore,
    /// It does not go: why.
    Held(ReceiptHold),
    /// It cannot go as it is: why.
    Refused(ReceiptHold),
}

impl Standing {
    /// What becomes of it.
    pub fn fate(self) -> Fate {
        let gone = |why| {
            if self.named {
                Fate::IsNoMore
            } else {
                Fate::Held(why)
            }
        };
        match self {
            Self { goes: false, .. } => Fate::Held(ReceiptHold::NotSent),
            Self { annulled: true, .. } => gone(ReceiptHold::Annulled),
            Self {
                pick_up: Some(true),
                ..
            } => gone(ReceiptHold::PickUp),
            Self {
                pick_up: Some(false),
                ..
            } => Fate::Refused(ReceiptHold::PickUpOfUnknown),
            Self {
                older: true,
                named: false,
                ..
            } => Fate::Held(ReceiptHold::Older),
            _ => Fate::Goes,
        }
    }
}

/// A receipt for 1C; or why it cannot be written. `reading`: how the shop's texts are read.
pub fn write(
    with: &Writing<'_>,
    told: &TillReceipt<'_>,
    reading: Reading<'_>,
) -> Result<Order, String> {
    let snapshot = snapshot(told, reading)?;
    let written = order::write(with, &snapshot);
    let mut order = written.map_err(|why| why.to_string())?.order;
    let payments = payments(with, told, order.total);
    let drops =
        |name: &str| OF_ORDERS.contains(&name) || told.is_refund && OF_SALES.contains(&name);
    order.requisites.retain(|(name, _)| !drops(name));
    let methods = payments.iter().map(|one| one.method.as_str());
    let methods: Vec<&str> = methods.collect();
    add(&mut order, "Финальный статус", Requisite::Truth(true));
    if !methods.is_empty() {
        let methods = methods.join(", ");
        add(&mut order, "Метод оплаты", Requisite::Text(methods));
    }
    requisites(&mut order, told);
    order.payments = payments.into_iter().map(|one| one.payment).collect();
    if told.is_refund {
        order.shipments.clear();
        let of = told.basis.clone();
        order.trade = Trade::Return { of };
    }
    unnamed(&mut order);
    Ok(order)
}

/// A receipt that was annulled, or turned out to be an order's: the base is told that it is no
/// more.
pub fn no_more(with: &Writing<'_>, told: &TillReceipt<'_>) -> Order {
    let mut order = order::deleted(with);
    order.placed_at = with.base.local(told.closed_at);
    RETAIL.clone_into(&mut order.customer.name);
    requisites(&mut order, told);
    if told.is_refund {
        let of = told.basis.clone();
        order.trade = Trade::Return { of };
    }
    order
}

fn add(order: &mut Order, name: &str, value: Requisite) {
    // What the settings put there stays.
    if order.requisites.iter().all(|(known, _)| known != name) {
        order.requisites.push((name.to_owned(), value));
    }
}

/// The till, the shift and the receipt itself.
fn requisites(order: &mut Order, told: &TillReceipt<'_>) {
    let text = |name: &str| told.data.get(name).and_then(plain);
    let named = [
        ("Касса", Some(told.till.to_owned())),
        ("Номер смены", text("shift")),
        ("Номер чека", Some(told.receipt.to_owned())),
        ("Чек продажи", text("of").filter(|_| told.is_refund)),
    ];
    for (name, value) in named {
        if let Some(value) = value {
            add(order, name, Requisite::Text(value));
        }
    }
}

/// What stands for a buyer without a name is no first name.
fn unnamed(order: &mut Order) {
    if order.customer.first_name.as_deref() == Some(RETAIL) {
        order.customer.first_name = None;
    }
}

/// The receipt as an order that is paid and over.
fn snapshot(told: &TillReceipt<'_>, reading: Reading<'_>) -> Result<Snapshot, String> {
    let data = told.data;
    let lines = data.get("lines").and_then(Value::as_array);
    let lines = lines.ok_or(ReceiptHold::Emptied.as_str())?;
    let mut items = Vec::with_capacity(lines.len());
    let mut sum = Decimal::ZERO;
    for (nth, line) in lines.iter().enumerate() {
        let (item, gross) = item(line, nth, told).ok_or("a number in it is too large")?;
        items.push(item);
        sum = sum
            .checked_add(gross)
            .ok_or("a number in it is too large")?;
    }
    let total = data.get("total").and_then(amount).unwrap_or(sum);
    let at = told.closed_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let currency = data.get("currency").and_then(plain);
    let key = key(told.till, told.receipt);
    let retail = || json!({ "id": RETAIL, "kind": "person", "name": RETAIL });
    let order = json!({
        "number": key, "status": "sold", "total": total.to_string(), "paid": true,
        "currency": currency.unwrap_or_else(|| "RUB".to_owned()),
        "paid_at": at, "completed_at": at, "created_at": at, "items": items,
        "customer": data.get("customer").and_then(customer).unwrap_or_else(retail),
        "delivery": bare(json!({ "store": told.store })),
        "origin": bare(json!({ "channel": "pos", "store_id": told.store,
            "receipt": told.receipt })),
        // For the requisites that the settings name.
        "receipt": leaves(data),
    });
    let message = json!({
        "specversion": "1.0", "type": "shop.order.saved.v1", "source": "/receipts", "id": key,
        "data": order,
    });
    let event = Event::read(&message, reading).map_err(|faults| {
        let words = faults
            .iter()
            .map(|fault| format!("{}: {}", fault.pointer, fault.detail));
        words.collect::<Vec<_>>().join("; ")
    })?;
    match event.body {
        EventBody::Saved(order) => Ok(*order),
        EventBody::Deleted { .. } => Err("a receipt is no deletion".to_owned()),
    }
}

/// The members that are no lists and no objects.
fn leaves(data: &Value) -> Value {
    let members = data.as_object().into_iter().flatten();
    let told = members.filter_map(|(name, value)| Some((name.clone(), Value::from(plain(value)?))));
    Value::Object(told.collect::<Map<_, _>>())
}

/// A line, and what it comes to; none: a number does not fit.
fn item(line: &Value, nth: usize, told: &TillReceipt<'_>) -> Option<(Value, Decimal)> {
    let text = |name: &str| line.get(name).and_then(plain);
    let number = |name: &str| line.get(name).and_then(amount);
    let quantity = number("quantity").filter(|quantity| !quantity.is_zero());
    let quantity = quantity.unwrap_or(Decimal::ONE);
    let price = number("price").unwrap_or_default();
    let gross = match number("sum") {
        Some(sum) => sum,
        None => price.checked_mul(quantity)?,
    };
    let gross = gross.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
    // So exact that the quantity times the price is the sum to the kopeck.
    let price = gross.checked_div(quantity)?.round_dp(10).normalize();
    let id = text("line").unwrap_or_else(|| (nth + 1).to_string());
    let unknown = KnownGoods::default();
    let known = told.goods.get(&id).unwrap_or(&unknown);
    let product = known.product.clone().or_else(|| text("product_id"));
    let sku = text("sku").or_else(|| known.sku.clone());
    let id = product.or_else(|| text("barcode").filter(|_| sku.is_none()));
    let names = ["name", "sku", "product_id", "barcode"];
    let name = names.into_iter().find_map(text);
    let item = bare(json!({
        "product_id": id, "xml_id": known.xml_id, "sku": sku,
        "name": name.unwrap_or_else(|| "Товар".to_owned()),
        "quantity": quantity.normalize().to_string(), "price": price.to_string(),
        "unit": text("unit"), "vat_included": true,
        "vat_rate": number("vat_rate").map(|rate| rate.normalize().to_string()),
        "service": line.get("service").and_then(Value::as_bool),
    }));
    Some((item, gross))
}

/// A payment, and what its way is called.
struct Paid {
    method: String,
    payment: Payment,
}

/// What was paid or given back, by its kinds; none where the till does not say it. Where the sums
/// hold the change that was given, it is taken off the cash.
fn payments(with: &Writing<'_>, told: &TillReceipt<'_>, total: Decimal) -> Vec<Paid> {
    let listed = told.data.get("payments").and_then(Value::as_array);
    let mut sums: Vec<(PaymentKind, Decimal)> = Vec::new();
    for one in listed.into_iter().flatten() {
        let word = one.get("kind").and_then(plain).unwrap_or_default();
        let kind = kind_of(&word);
        let sum = one.get("sum").and_then(amount).unwrap_or_default();
        match sums.iter_mut().find(|(known, _)| *known == kind) {
            Some((_, known)) => *known = known.saturating_add(sum),
            None => sums.push((kind, sum)),
        }
    }
    let all = sums
        .iter()
        .fold(Decimal::ZERO, |all, (_, sum)| all.saturating_add(*sum));
    let over = all.saturating_sub(total);
    if let Some((_, cash)) = sums.iter_mut().find(|(kind, _)| *kind == PaymentKind::Cash)
        && over > Decimal::ZERO
        && *cash >= over
    {
        *cash = cash.saturating_sub(over);
    } else if !over.is_zero() {
        // They do not come to what the receipt says: one payment stands for all.
        let first = sums.first().map(|(kind, _)| *kind);
        sums = first.into_iter().map(|kind| (kind, total)).collect();
    }
    sums.retain(|(_, sum)| !sum.is_zero());
    let many = sums.len() > 1;
    let sums = sums.into_iter().enumerate();
    sums.map(|(nth, (kind, sum))| paid(with, told, (kind, sum), many.then_some(nth + 1)))
        .collect()
}

fn paid(
    with: &Writing<'_>,
    told: &TillReceipt<'_>,
    (kind, sum): (PaymentKind, Decimal),
    nth: Option<usize>,
) -> Paid {
    let base = with.base;
    let (word, usual, usual_name) = match kind {
        PaymentKind::Cash => ("cash", &base.import.pay_system.cash, "Наличные"),
        PaymentKind::Acquiring => (
            "card",
            &base.import.pay_system.acquiring,
            "Банковская карта",
        ),
        PaymentKind::Cashless => (
            "cashless",
            &base.import.pay_system.cashless,
            "Безналичный расчёт",
        ),
    };
    let mut systems = base.pay_systems.iter();
    let system = systems.find(|one| usual.as_ref() == Some(&one.listed.id));
    let name = system.map_or(usual_name, |one| one.listed.name.as_str());
    let at = base.local(told.closed_at);
    let number = &with.identity.number;
    let mut requisites = vec![
        ("Дата оплаты".to_owned(), Requisite::Date(at)),
        ("Отменен".to_owned(), Requisite::Truth(false)),
    ];
    if let Some(system) = system {
        let id = Requisite::Text(system.listed.id.clone());
        requisites.push(("Метод оплаты ИД".to_owned(), id));
    }
    let method = Requisite::Text(name.to_owned());
    requisites.extend([
        ("Метод оплаты".to_owned(), method),
        ("Оплачено".to_owned(), Requisite::Truth(true)),
        (
            "Признак возврата".to_owned(),
            Requisite::Truth(told.is_refund),
        ),
    ]);
    Paid {
        method: name.to_owned(),
        payment: Payment {
            id: format!("payment-{word}-{}", with.identity.id),
            number: nth.map_or_else(|| number.clone(), |nth| format!("{number}/{nth}")),
            version: with.number_of_version.clone(),
            at,
            kind,
            sum,
            requisites,
        },
    }
}

/// The kind of a payment by the till's word for it.
fn kind_of(word: &str) -> PaymentKind {
    let word = word.to_lowercase();
    let has = |parts: &[&str]| parts.iter().any(|part| word.contains(part));
    let is_cash = has(&["cash", "налич"]) && !has(&["cashless", "безнал"]);
    let cards = [
        "card",
        "карт",
        "electron",
        "acquir",
        "эквайр",
        "sbp",
        "сбп",
        "qr",
    ];
    if is_cash {
        PaymentKind::Cash
    } else if has(&cards) {
        PaymentKind::Acquiring
    } else {
        PaymentKind::Cashless
    }
}

#[cfg(test)]
mod tests;

//! Payments and shipments that 1C's documents speak of, as the shop is told of them.

use super::{
    Base,
    told::{ToldLine, ToldShipment},
};
use crate::{
    domain::{happening::GoodsEvent, money, words},
    formats::commerceml::{
        Document, Line, Operation, SchemaVersion,
        write::{Order, PaymentKind, Requisite, Shipment},
    },
};
use chrono::NaiveDateTime;
use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::{Value, json};

words! {
    /// What a document is about that is no order.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum FactKind {
        /// A payment: money for the order.
        Payment = "payment",
        /// A shipment: goods of the order.
        Shipment = "shipment",
    }
}

/// A payment or a shipment of an order, as 1C says it.
#[derive(Debug, Clone, PartialEq)]
pub struct OneCFact {
    /// Whether it is a payment or a shipment.
    pub kind: FactKind,
    /// `Ид`: 1C's, or the one that the bridge gave it.
    pub id: String,
    /// The order that it names; see [`basis`].
    pub basis: Option<String>,
    /// The order's money came in by it, or its goods went out.
    pub holds: bool,
    /// When, on the base's clock.
    pub since: Option<NaiveDateTime>,
    /// `Сумма`, where the document says one.
    pub sum: Option<Decimal>,
    /// What the shop is told beside the order's number.
    pub data: Value,
    /// It, for the order's life.
    pub what: GoodsEvent,
}

impl OneCFact {
    /// Whether 1C gives back what it was sent, and says nothing beside that. Of what is written no
    /// more, that is that it is not there.
    pub fn is_echo(&self, sent: &Order) -> bool {
        if !self.is_own(&sent.id) || self.data["refund"] == true {
            return false;
        }
        let tracking = self.data["tracking"].as_str();
        match self.kind {
            FactKind::Payment => {
                let own = sent.payments.iter().find(|own| own.id == self.id);
                own.map_or(!self.holds, |own| {
                    self.holds == holds(&own.requisites, "Оплачено")
                        && self.sum.is_none_or(|sum| sum == own.sum)
                })
            }
            FactKind::Shipment => {
                let own = sent.shipments.iter().find(|own| own.id == self.id);
                own.map_or(!self.holds && tracking.is_none(), |own| {
                    self.holds == holds(&own.requisites, "Отгружено")
                        && tracking.is_none_or(|parcel| has(own, parcel))
                })
            }
        }
    }

    /// Whether the bridge wrote this document, for the order with this `Ид`.
    pub fn is_own(&self, order: &str) -> bool {
        named_by(&self.id) == Some(order)
    }
}

/// Whether the shipment went to 1C with this number of its parcel.
fn has(own: &Shipment, parcel: &str) -> bool {
    let mut given = own.requisites.iter();
    given.any(|(name, value)| {
        name == "Идентификатор отправления"
            && matches!(value, Requisite::Text(sent) if sent == parcel)
    })
}

fn holds(requisites: &[(String, Requisite)], name: &str) -> bool {
    let mut given = requisites.iter();
    given.any(|(own, value)| own == name && matches!(value, Requisite::Truth(true)))
}

/// Of a payment, as the shop is told of it, what it comes to.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct ToldPayment {
    #[serde(default)]
    paid: bool,
    #[serde(default)]
    refund: bool,
    currency: Option<String>,
    sum: Option<Decimal>,
}

/// Whether payments, as the shop is told of them, come to what the order does.
pub fn is_paid(payments: &[ToldPayment], sent: &Order, base: &Base) -> bool {
    let currency = base.code_of(Some(&sent.currency));
    let mut paid = Decimal::ZERO;
    for one in payments {
        if !one.paid || one.currency.as_ref() != Some(&currency) {
            continue;
        }
        let sum = one.sum.unwrap_or_default();
        let sum = if one.refund { -sum } else { sum };
        paid = paid.saturating_add(sum);
    }
    paid >= sent.total && !paid.is_zero()
}

fn decimal(text: &Value) -> Option<Decimal> {
    text.as_str()?.parse().ok()
}

/// Whether a document is a payment or a shipment.
pub fn is_fact(document: &Document) -> bool {
    document.operation == Operation::Shipment || document.operation.is_payment()
}

/// The order that a payment or a shipment names: its `Основание`, else the order whose `Ид` is in
/// the `Ид` that the bridge gave it.
pub fn basis(document: &Document) -> Option<&str> {
    let own = || document.id.as_deref().and_then(named_by);
    document.basis.as_deref().or_else(own)
}

/// The order's `Ид` in the `Ид` of a document that the bridge wrote.
fn named_by(id: &str) -> Option<&str> {
    let kinds = [FactKind::Payment, FactKind::Shipment];
    kinds.into_iter().find_map(|kind| {
        let rest = id.strip_prefix(kind.as_str())?;
        rest.strip_prefix('-')
    })
}

/// The payment or the shipment that a document is; none: it is neither.
pub fn fact(document: &Document, base: &Base) -> Option<OneCFact> {
    let ids = [&document.id, &document.onec_number, &document.number];
    let id = ids.into_iter().flatten().next()?.clone();
    match document.operation {
        Operation::Shipment => Some(shipment(document, base, id)),
        Operation::CashPayment => Some(payment(document, base, id, PaymentKind::Cash)),
        Operation::CashlessPayment => Some(payment(document, base, id, PaymentKind::Cashless)),
        Operation::Acquiring => Some(payment(document, base, id, PaymentKind::Acquiring)),
        _ => None,
    }
}

/// How the id of a payment begins that no document tells of but the order's own.
const PAID: &str = "paid-";
/// The same of a shipment. Up to 2.09 no document tells of it but the order's.
const SHIPPED: &str = "shipped-";

/// Whether this is the id of a payment or a shipment that only the order's own document tells of.
pub fn is_of_order(id: &str) -> bool {
    id.starts_with(PAID) || id.starts_with(SHIPPED)
}

/// What is left of what the order's own document told of, beside a document that tells of it, too.
#[derive(Debug, Clone, PartialEq)]
pub struct Left {
    /// What the other does not tell of; none: nothing.
    pub data: Option<Value>,
    /// The shop was told by the first of all that the other tells.
    pub is_all_known: bool,
}

/// What is left beside a document of a payment or a shipment; none: they are not comparable. The
/// error is of what the shop was told, `own`.
pub fn left_of(own: &Value, document: &OneCFact) -> Result<Option<Left>, serde_json::Error> {
    Ok(match document.kind {
        FactKind::Payment => unpaid(own, &ToldPayment::deserialize(own)?, document),
        FactKind::Shipment => {
            let told = ToldShipment::deserialize(own)?;
            Some(unshipped(own, told.lines, &document.data))
        }
    })
}

fn unpaid(own: &Value, told: &ToldPayment, document: &OneCFact) -> Option<Left> {
    let comparable = told.currency.as_deref() == document.data["currency"].as_str();
    let said = told.sum.filter(|_| comparable)?;
    let left = said.checked_sub(document.sum?)?;
    let is_some = left.is_sign_positive() && !left.is_zero();
    Some(Left {
        data: is_some.then(|| {
            let mut data = own.clone();
            data["sum"] = text(left);
            data
        }),
        is_all_known: !left.is_sign_negative(),
    })
}

/// What is not in a shipment's document of the goods that were said to be shipped. One that names
/// no goods is of all.
fn unshipped(own: &Value, told: Vec<ToldLine>, document: &Value) -> Left {
    let lines = |of: &Value| of["lines"].as_array().cloned().unwrap_or_default();
    let parcel = &document["tracking"];
    let quantities = told.into_iter().map(|line| line.quantity);
    let mut left: Vec<(Option<Decimal>, Value)> = quantities.zip(lines(own)).collect();
    let names_none = left.is_empty();
    let mut is_all_known = parcel.is_null() || *parcel == own["tracking"];
    let shipped = lines(document);
    if shipped.is_empty() || names_none {
        left.clear();
    }
    for line in shipped.iter().filter(|_| !names_none) {
        let same = |name: &str, one: &Value| !line[name].is_null() && one[name] == line[name];
        let place = left.iter().position(|(_, one)| same("xml_id", one));
        let place = place.or_else(|| left.iter().position(|(_, one)| same("name", one)));
        let quantities = |place: usize| {
            let had = left[place].0?;
            had.checked_sub(decimal(&line["quantity"])?)
        };
        match place.and_then(|place| Some((place, quantities(place)?))) {
            Some((place, rest)) if rest.is_sign_positive() && !rest.is_zero() => {
                left[place].0 = Some(rest);
                left[place].1["quantity"] = text(rest);
            }
            Some((place, rest)) => {
                left.remove(place);
                is_all_known &= rest.is_zero();
            }
            None => is_all_known = false,
        }
    }
    Left {
        data: (!left.is_empty()).then(|| {
            let mut data = own.clone();
            data["lines"] = left.into_iter().map(|(_, line)| line).collect();
            data
        }),
        is_all_known,
    }
}

fn text(number: Decimal) -> Value {
    Value::from(number.normalize().to_string())
}

/// The payment that an order's own document tells of, where the base has a way to pay for that and
/// no document beside it tells of one.
pub fn own_payment(document: &Document, base: &Base, beside: &[OneCFact]) -> Option<OneCFact> {
    let usual = base.import.pay_system.by_status.as_deref()?;
    let since = document.paid_at()?.naive();
    if beside.iter().any(|one| one.kind == FactKind::Payment) {
        return None;
    }
    let order = document.id.as_ref().or(document.number.as_ref())?;
    let id = format!("{PAID}{order}");
    let number = document.requisites.get(&["Номер оплаты по 1С"]);
    let currency = base.code_of(document.currency.as_deref());
    let sum = document.total.map(|sum| sum.normalize().to_string());
    Some(OneCFact {
        kind: FactKind::Payment,
        basis: None,
        holds: true,
        since: Some(since),
        sum: document.total,
        data: json!({
            "id": id, "date": base.from_local(since), "sum": sum, "currency": currency,
            "method": name_of(base, usual), "paid": true, "refund": false,
            "document": number,
        }),
        what: GoodsEvent::OnecPaid {
            amount: format!("{} {currency}", sum.as_deref().unwrap_or("?")),
            document: number.unwrap_or(&id).to_owned(),
        },
        id,
    })
}

/// The first version with documents of shipments.
const DOCUMENTS: SchemaVersion = SchemaVersion::new(2, 10);

/// The shipment that an order's own document tells of, where no document beside it tells of one,
/// and the file is not of a version in which one would; none: of which is not known.
pub fn own_shipment(
    document: &Document,
    base: &Base,
    beside: &[OneCFact],
    version: Option<SchemaVersion>,
) -> Option<OneCFact> {
    let since = document.shipped_at()?.naive();
    let is_off = document.deleted == Some(true) || document.cancelled() == Some(true);
    let has_own = beside.iter().any(|one| one.kind == FactKind::Shipment);
    if is_off || has_own || version.is_some_and(|version| version >= DOCUMENTS) {
        return None;
    }
    let order = document.id.as_ref().or(document.number.as_ref())?;
    let id = format!("{SHIPPED}{order}");
    let number = document.requisites.get(&["Номер отгрузки по 1С"]);
    Some(OneCFact {
        kind: FactKind::Shipment,
        basis: None,
        holds: true,
        since: Some(since),
        sum: document.total,
        data: json!({
            "id": id, "date": base.from_local(since), "shipped": true,
            "tracking": tracking(document), "lines": goods(document), "document": number,
        }),
        what: GoodsEvent::OnecShipped {
            document: number.unwrap_or(&id).to_owned(),
        },
        id,
    })
}

/// Whether a document was taken back.
fn is_off(document: &Document) -> bool {
    document.deleted == Some(true)
        || document.cancelled() == Some(true)
        || document.posted() == Some(false)
}

/// By what people of 1C know a document: its number there.
fn called(document: &Document, id: &str) -> String {
    document.onec_number.as_deref().unwrap_or(id).to_owned()
}

fn date(document: &Document, names: &[&str]) -> Option<NaiveDateTime> {
    let named = document.requisites.moment(names);
    let when = named.or(document.onec_date).or(document.date)?;
    Some(when.naive())
}

fn payment(document: &Document, base: &Base, id: String, kind: PaymentKind) -> OneCFact {
    let names = ["Дата оплаты", "Дата оплаты по 1С"];
    let said = document.requisites.truth(&["Оплачено"]);
    let paid = !is_off(document) && said.unwrap_or(true);
    let refund = document.requisites.truth(&["Признак возврата"]) == Some(true);
    let since = date(document, &names);
    let currency = base.code_of(document.currency.as_deref());
    let sum = document.total.map(|sum| sum.normalize().to_string());
    let amount = format!("{} {currency}", sum.as_deref().unwrap_or("?"));
    let document_id = called(document, &id);
    let what = match (paid, refund) {
        (true, false) => GoodsEvent::OnecPaid {
            amount,
            document: document_id,
        },
        (true, true) => GoodsEvent::OnecPaidBack {
            amount,
            document: document_id,
        },
        (false, _) => GoodsEvent::OnecNotPaid {
            amount,
            document: document_id,
        },
    };
    OneCFact {
        kind: FactKind::Payment,
        basis: basis(document).map(str::to_owned),
        holds: paid && !refund,
        since,
        sum: document.total,
        data: json!({
            "id": id, "date": since.map(|at| base.from_local(at)), "sum": sum,
            "currency": currency, "method": method(document, base, kind), "paid": paid,
            "refund": refund,
        }),
        what,
        id,
    }
}

/// The name of a way to pay.
fn name_of(base: &Base, id: &str) -> Option<String> {
    let mut known = base.pay_systems.iter();
    let found = known.find(|one| one.listed.id == id)?;
    Some(found.listed.name.clone())
}

/// The way to pay by the name that the shop knows: as the document names it, else the base's usual
/// one of that kind.
fn method(document: &Document, base: &Base, kind: PaymentKind) -> Option<String> {
    let name_of = |id: &str| name_of(base, id);
    let by_id = document.requisites.get(&["Метод оплаты ИД"]);
    let name = document.requisites.get(&["Метод оплаты"]);
    let usual = match kind {
        PaymentKind::Cash => &base.import.pay_system.cash,
        PaymentKind::Cashless => &base.import.pay_system.cashless,
        PaymentKind::Acquiring => &base.import.pay_system.acquiring,
    };
    by_id
        .and_then(name_of)
        .or_else(|| name.map(str::to_owned))
        .or_else(|| name_of(usual.as_deref()?))
}

/// The number of the parcel.
fn tracking(document: &Document) -> Option<&str> {
    document.requisites.get(&["Идентификатор отправления"])
}

/// The goods of a document, the services not among them.
fn goods(document: &Document) -> Vec<Value> {
    let line = |line: &Line| {
        json!({
            "xml_id": line.id, "sku": line.sku, "name": line.name,
            "quantity": line.quantity.normalize().to_string(), "unit": line.unit,
        })
    };
    let lines = document.lines.iter().flatten();
    lines.filter(|line| !line.is_service).map(line).collect()
}

fn shipment(document: &Document, base: &Base, id: String) -> OneCFact {
    let names = ["Дата отгрузки", "Дата отгрузки по 1С"];
    let said = document.requisites.truth(&["Отгружено", "Отгружен"]);
    let dated = document.requisites.moment(&names).is_some();
    let posted = document.posted() == Some(true);
    let holds = !is_off(document) && said.unwrap_or(dated || posted);
    let since = date(document, &names);
    OneCFact {
        kind: FactKind::Shipment,
        basis: basis(document).map(str::to_owned),
        holds,
        since,
        sum: document.total,
        data: json!({
            "id": id, "date": since.map(|at| base.from_local(at)), "shipped": holds,
            "tracking": tracking(document), "lines": goods(document),
        }),
        what: if holds {
            GoodsEvent::OnecShipped {
                document: called(document, &id),
            }
        } else {
            GoodsEvent::OnecNotShipped {
                document: called(document, &id),
            }
        },
        id,
    }
}

impl Base {
    /// A currency's code, of what 1C writes; nothing means the base's own.
    pub fn code_of(&self, given: Option<&str>) -> String {
        let own = &self.export.currency;
        let plain = |text: &str| text.trim().trim_end_matches('.').to_lowercase();
        let Some(given) = given else {
            return own.clone();
        };
        let roubles = ["руб", "rur", "rub", "643", "810"].contains(&&*plain(given));
        if plain(given) == plain(&self.export.currency_label) || roubles && own == "RUB" {
            return own.clone();
        }
        given.trim().to_uppercase()
    }

    /// What a document names as its currency, if it is none: neither a label of the base's own nor
    /// three Latin letters. Whether there is such a code is for the shop and the portal to say.
    pub fn no_currency(&self, given: Option<&str>) -> Option<String> {
        let code = self.code_of(given);
        let is_known = money::is_currency(&code) || code == self.export.currency;
        (!is_known).then(|| code.chars().take(50).collect())
    }
}

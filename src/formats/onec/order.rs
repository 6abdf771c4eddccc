//! A snapshot as an order of CommerceML.

use super::{Base, IdKind, ShopWords, at, customer, lines, text_of};
use crate::{
    domain::Snapshot,
    formats::commerceml::{
        Counterparty, SchemaVersion,
        write::{Order, Payment, PaymentKind, Requisite, Shipment, Trade},
    },
};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::Value;
use std::collections::BTreeMap;

/// The first version whose dates of allowed delivery have the new name.
const NEW_DELIVERY: SchemaVersion = SchemaVersion::new(2, 10);

/// By what 1C knows an order: as first sent, for ever.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// `Ид`: the id that 1C compares.
    pub id: String,
    /// `Номер`: the shop's number with the base's prefix.
    pub number: String,
}

/// What an order is written with besides its snapshot.
#[derive(Debug, Clone)]
pub struct Writing<'a> {
    /// The base that it is written for.
    pub base: &'a Base,
    /// What is known of its shop.
    pub shop: &'a ShopWords,
    /// The version that is spoken.
    pub version: SchemaVersion,
    /// By what 1C knows it.
    pub identity: &'a Identity,
    /// By what number people of 1C know it, once 1C has told that.
    pub onec_number: Option<String>,
    /// `НомерВерсии`: 1C takes the body again only if it is another one.
    pub number_of_version: String,
    /// When the snapshot came.
    pub received_at: DateTime<Utc>,
    /// 1C's own id of goods, by their article.
    pub goods: &'a BTreeMap<String, String>,
}

/// An order as it is written.
#[derive(Debug, Clone)]
pub struct Written {
    /// The order, ready to be written as XML.
    pub order: Order,
    /// Its status has no row in the base's table, and is not written.
    pub without_status: bool,
}

/// Why an order cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// Its sums do not fit.
    #[error("its lines cannot be brought to its total")]
    Sums,
    /// What the shop says at a path of the snapshot cannot be read. It is not taken as absent.
    #[error("`{path}` is no {kind}: {value:.80}")]
    Value {
        /// The path in the snapshot where it stands.
        path: &'static str,
        /// What should stand there.
        kind: &'static str,
        /// What does, as JSON.
        value: String,
    },
}

/// What the shop says of the delivery that only 1C has a use for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Whether the delivery is allowed; none: the shop does not say it.
    pub delivery: Option<bool>,
    /// Since when it is, where it is not forbidden.
    since: Option<DateTime<Utc>>,
}

impl Allowed {
    /// Reads it from a snapshot.
    pub fn of(order: &Snapshot) -> Result<Self, Unwritable> {
        let (allowed, since) = ("delivery.allowed", "delivery.allowed_at");
        let at = |path| at(&order.data, path).filter(|value| !value.is_null());
        let odd = |path, kind, value: &Value| Unwritable::Value {
            path,
            kind,
            value: value.to_string(),
        };
        let delivery = match at(allowed) {
            None => None,
            Some(Value::Bool(truth)) => Some(*truth),
            Some(value) => return Err(odd(allowed, "truth value", value)),
        };
        let since = match at(since) {
            None => None,
            Some(value) if value.as_str().is_some_and(|text| text.trim().is_empty()) => None,
            Some(value) => {
                let read = value.as_str().and_then(|text| text.trim().parse().ok());
                Some(read.ok_or_else(|| odd(since, "time", value))?)
            }
        };
        Ok(Self {
            delivery,
            since: since.filter(|_| delivery != Some(false)),
        })
    }
}

/// The identity of an order that was never sent.
pub fn identity(base: &Base, shop: &crate::domain::ShopName, order: &Snapshot) -> Identity {
    let prefix = base.export.prefixes.get(shop).map_or("", String::as_str);
    let number = order.number.as_str();
    let own = match base.export.id {
        IdKind::Id => order.id.as_deref().unwrap_or(number),
        IdKind::Number => number,
    };
    // Two shops may count alike.
    let id = match base.shops.len() {
        0 | 1 => own.to_owned(),
        _ => format!("{prefix}{own}"),
    };
    Identity {
        id,
        number: format!("{prefix}{number}"),
    }
}

/// An order for 1C.
pub fn write(with: &Writing<'_>, order: &Snapshot) -> Result<Written, Unwritable> {
    let base = with.base;
    let allowed = Allowed::of(order)?;
    let lines = lines::of(order, base.export.discounts, with.goods).ok_or(Unwritable::Sums)?;
    let (customer, further) = customer::of(base, &with.shop.shop, order);
    let placed_at = base.local(order.created_at.unwrap_or(with.received_at));
    let status = base.statuses.written(&order.status);
    let without_status = status.is_none();
    let mut requisites = Requisites::default();
    requisites.of_order(with, order, status.as_deref(), allowed);
    for (name, path) in &base.export.requisites {
        if let Some(value) = at(&order.data, path).and_then(text_of) {
            requisites.text(name, value);
        }
    }
    for (name, value) in further {
        requisites.text(&name, value);
    }
    if base.export.all_properties {
        requisites.properties(order);
    }
    let discounts = order.discounts.iter();
    let discounts = match base.export.discounts {
        super::Discounts::InPrice => discounts
            .map(|one| (one.name.clone(), one.amount))
            .collect(),
        super::Discounts::Line => Vec::new(),
    };
    let payments = payment(with, order, lines.total).into_iter().collect();
    let shipments = shipment(with, order, &lines, allowed).into_iter().collect();
    Ok(Written {
        order: Order {
            id: with.identity.id.clone(),
            number: with.identity.number.clone(),
            onec_number: with.onec_number.clone(),
            version: with.number_of_version.clone(),
            deleted: false,
            trade: Trade::Sale,
            placed_at,
            currency: currency(base, &order.currency),
            total: lines.total,
            customer,
            comment: order.comment.clone().unwrap_or_default(),
            taxes: lines.taxes,
            discounts,
            warehouse: lines::store(order),
            lines: lines.lines,
            requisites: requisites.all,
            payments,
            shipments,
        },
        without_status,
    })
}

/// An order that the shop deleted: 1C is told so, and nothing else.
pub fn deleted(with: &Writing<'_>) -> Order {
    let mut requisites = Requisites::default();
    requisites.truth("Отменен", true);
    requisites.truth("ПометкаУдаления", true);
    let base = with.base;
    Order {
        id: with.identity.id.clone(),
        number: with.identity.number.clone(),
        onec_number: with.onec_number.clone(),
        version: with.number_of_version.clone(),
        deleted: true,
        trade: Trade::Sale,
        placed_at: base.local(with.received_at),
        currency: currency(base, &base.export.currency),
        total: Decimal::ZERO,
        customer: Counterparty {
            name: "Покупатель".to_owned(),
            ..Counterparty::default()
        },
        comment: String::new(),
        taxes: Vec::new(),
        discounts: Vec::new(),
        warehouse: None,
        lines: Vec::new(),
        requisites: requisites.all,
        payments: Vec::new(),
        shipments: Vec::new(),
    }
}

pub(super) fn currency(base: &Base, code: &str) -> String {
    if code == base.export.currency {
        base.export.currency_label.clone()
    } else {
        code.to_owned()
    }
}

/// Requisites, each name once: what comes first stays.
#[derive(Default)]
struct Requisites {
    all: Vec<(String, Requisite)>,
}

impl Requisites {
    fn add(&mut self, name: &str, value: Requisite) {
        if self.all.iter().all(|(known, _)| known != name) {
            self.all.push((name.to_owned(), value));
        }
    }

    fn text(&mut self, name: &str, value: String) {
        self.add(name, Requisite::Text(value));
    }

    fn given(&mut self, name: &str, value: Option<&String>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.text(name, value.clone());
        }
    }

    fn truth(&mut self, name: &str, value: bool) {
        self.add(name, Requisite::Truth(value));
    }

    fn date(&mut self, base: &Base, name: &str, at: Option<DateTime<Utc>>) {
        if let Some(at) = at {
            self.add(name, Requisite::Date(base.local(at)));
        }
    }

    /// When a cancelled order was cancelled, and why, under these names.
    fn cancellation(&mut self, base: &Base, (when, why): (&str, &str), order: &Snapshot) {
        self.date(base, when, order.status_changed_at);
        self.given(why, order.cancel_reason.as_ref());
    }

    fn of_order(
        &mut self,
        with: &Writing<'_>,
        order: &Snapshot,
        status: Option<&str>,
        allowed: Allowed,
    ) {
        let base = with.base;
        let delivery = order.delivery.as_ref();
        let method = delivery.and_then(|delivery| delivery.method.as_ref());
        let pays = order
            .payment
            .as_ref()
            .and_then(|payment| payment.method.as_ref());
        self.date(base, "Дата оплаты", order.paid_at.filter(|_| order.paid));
        let document = said(order, "payment.document").filter(|_| order.paid);
        self.given("Номер платежного документа", document.as_ref());
        if with.version >= NEW_DELIVERY {
            self.date(
                base,
                "Дата последнего разрешения по доставке",
                allowed.since,
            );
        } else if delivery.is_some() {
            self.date(base, "Дата разрешения доставки", allowed.since);
            self.truth("Доставка разрешена", allowed.delivery.unwrap_or(true));
        }
        self.given("Способ доставки", method);
        self.given(
            "Метод доставки ИД",
            method.and_then(|name| service(base, name)).as_ref(),
        );
        self.given("Метод оплаты", pays);
        self.given(
            "Метод оплаты ИД",
            pays.and_then(|name| pay_system(base, name)).as_ref(),
        );
        self.truth("Заказ оплачен", order.paid);
        self.truth("Отменен", order.cancelled);
        self.truth("Финальный статус", with.shop.last.contains(&order.status));
        if let Some(id) = status {
            let title = with.shop.title(&order.status);
            self.text("Статус заказа", format!("[{id}] {title}"));
            self.text("Статуса заказа ИД", id.to_owned());
            self.date(base, "Дата изменения статуса", order.status_changed_at);
        }
        if order.cancelled {
            self.cancellation(base, ("Дата отмены заказа", "Причина отмены"), order);
        }
        self.given("Комментарии покупателя", order.comment.as_ref());
        self.text("Сайт", format!("[{0}] {0}", with.shop.shop));
        self.given(
            "Адрес доставки",
            delivery.and_then(|one| one.address.as_ref()),
        );
    }

    /// What else the order carries: its properties and campaign marks, named by their codes.
    fn properties(&mut self, order: &Snapshot) {
        for (code, value) in &order.properties {
            if let Some(value) = text_of(value) {
                self.text(code, value);
            }
        }
        let utm = &order.utm;
        self.given("utm_source", utm.source.as_ref());
        self.given("utm_medium", utm.medium.as_ref());
        self.given("utm_campaign", utm.campaign.as_ref());
        self.given("utm_content", utm.content.as_ref());
        self.given("utm_term", utm.term.as_ref());
    }
}

/// What the shop says at a path of its snapshot that only 1C has a use for.
fn said(order: &Snapshot, path: &str) -> Option<String> {
    at(&order.data, path).and_then(text_of)
}

fn service(base: &Base, name: &str) -> Option<String> {
    let mut listed = base.delivery_services.iter();
    listed
        .find(|one| one.name == name)
        .map(|one| one.id.clone())
}

fn pay_system(base: &Base, name: &str) -> Option<String> {
    let mut listed = base.pay_systems.iter();
    let found = listed.find(|one| one.listed.name == name)?;
    Some(found.listed.id.clone())
}

/// The payment of an order that is to be paid, or is.
fn payment(with: &Writing<'_>, order: &Snapshot, sum: Decimal) -> Option<Payment> {
    let base = with.base;
    let method = order
        .payment
        .as_ref()
        .and_then(|payment| payment.method.as_ref());
    if sum.is_zero() || method.is_none() && !order.paid {
        return None;
    }
    let known =
        method.and_then(|name| base.pay_systems.iter().find(|one| one.listed.name == *name));
    let mut requisites = Requisites::default();
    requisites.date(base, "Дата оплаты", order.paid_at.filter(|_| order.paid));
    requisites.truth("Отменен", order.cancelled && !order.paid);
    requisites.given("Метод оплаты ИД", known.map(|one| &one.listed.id));
    requisites.given("Метод оплаты", method);
    requisites.truth("Оплачено", order.paid);
    requisites.truth("Признак возврата", false);
    let at = order
        .paid_at
        .or(order.created_at)
        .unwrap_or(with.received_at);
    Some(Payment {
        id: format!("payment-{}", with.identity.id),
        number: with.identity.number.clone(),
        version: with.number_of_version.clone(),
        at: base.local(at),
        kind: known.map_or(PaymentKind::Cashless, |one| one.kind),
        sum,
        requisites: requisites.all,
    })
}

/// The shipment of an order that is to be delivered, or is.
fn shipment(
    with: &Writing<'_>,
    order: &Snapshot,
    lines: &lines::Contents,
    allowed: Allowed,
) -> Option<Shipment> {
    let base = with.base;
    let delivery = order.delivery.as_ref()?;
    let goods: Vec<_> = lines
        .lines
        .iter()
        .filter(|line| !line.is_service)
        .cloned()
        .collect();
    if goods.is_empty() {
        return None;
    }
    let shipped = order.completed_at.is_some();
    let mut requisites = Requisites::default();
    requisites.text("Сумма доставки", lines.delivery.to_string());
    requisites.truth("Отгружено", shipped);
    requisites.date(base, "Дата отгрузки", order.completed_at);
    let method = delivery.method.as_ref();
    requisites.given(
        "Метод доставки ИД",
        method.and_then(|name| service(base, name)).as_ref(),
    );
    requisites.given("Метод доставки", method);
    requisites.date(base, "Дата разрешения доставки", allowed.since);
    let parcel = said(order, "delivery.tracking");
    requisites.given("Идентификатор отправления", parcel.as_ref());
    let is_cancelled = order.cancelled && !shipped;
    requisites.truth("Отменен", is_cancelled);
    if is_cancelled {
        requisites.cancellation(base, ("Дата отмены", "Причина отмены"), order);
    }
    let at = order
        .completed_at
        .or(order.created_at)
        .unwrap_or(with.received_at);
    Some(Shipment {
        id: format!("shipment-{}", with.identity.id),
        number: with.identity.number.clone(),
        version: with.number_of_version.clone(),
        at: base.local(at),
        sum: lines.goods,
        lines: goods,
        warehouse: lines::store(order),
        deleted: false,
        requisites: requisites.all,
    })
}

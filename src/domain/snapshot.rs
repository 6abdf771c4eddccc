//! The order as the shop sees it, whole, as every order event carries it.

use super::{Faults, OrderNumber, Phone, inn, reader::Reader};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

const ITEMS: usize = 1_000;
const DISCOUNTS: usize = 100;
const CONTACTS: usize = 20;
const PROPERTIES: usize = 200;
const NAME: usize = 500;
const ADDRESS: usize = 1_000;
const COMMENT: usize = 10_000;
const PROPERTY_BYTES: usize = 64 * 1024;

/// One order, parsed. Money is in `currency`; amounts are decimals of any scale the shop sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Identity within the shop.
    pub number: OrderNumber,
    /// The shop's internal id, if it has one.
    pub id: Option<String>,
    /// Grows with each change, if the shop counts them.
    pub version: Option<i64>,
    /// The shop's status code.
    pub status: String,
    /// When the shop set that status, by its clock.
    pub status_changed_at: Option<DateTime<Utc>>,
    /// When the order was placed.
    pub created_at: Option<DateTime<Utc>>,
    /// When the order was last changed.
    pub updated_at: Option<DateTime<Utc>>,
    /// ISO 4217, upper case.
    pub currency: String,
    /// What the customer pays, everything included.
    pub total: Decimal,
    /// Whether it is paid.
    pub paid: bool,
    /// When it was paid.
    pub paid_at: Option<DateTime<Utc>>,
    /// Whether it is cancelled.
    pub cancelled: bool,
    /// Why it was cancelled.
    pub cancel_reason: Option<String>,
    /// Who ordered.
    pub customer: Option<Customer>,
    /// The lines.
    pub items: Vec<Item>,
    /// Discounts on the whole order.
    pub discounts: Vec<Discount>,
    /// How it is delivered.
    pub delivery: Option<Delivery>,
    /// How it is paid for.
    pub payment: Option<Payment>,
    /// Anything the shop wants to pass on, by its code.
    pub properties: Map<String, Value>,
    /// Where the customer came from.
    pub utm: Utm,
    /// The customer's comment. Hostile text.
    pub comment: Option<String>,
    /// Where the order was placed.
    pub origin: Origin,
    /// Parts that could not be used and were left out, each in one sentence (a phone that cannot be one).
    pub left_out: Vec<String>,
    /// The data as the shop sent it, unknown fields included: mappings to user fields look here.
    pub data: Map<String, Value>,
}

impl Snapshot {
    /// Reads the `data` of a `shop.order.saved.v1`; adds every fault to `faults`.
    pub(super) fn read(
        data: &Reader<'_>,
        phone_country: &str,
        faults: &mut Faults,
    ) -> Option<Self> {
        let before = faults.len();
        let mut left_out = Vec::new();
        let number = OrderNumber::read(data, faults);
        let status = data
            .require("status", faults)
            .then(|| data.id("status", 100, faults))
            .flatten();
        if status.is_none() && faults.len() == before {
            data.fault("status", "`status` must not be empty", faults);
        }
        let currency = currency(data, faults);
        let total = data
            .require("total", faults)
            .then(|| data.amount("total", faults))
            .flatten();
        let snapshot = Self {
            number: number.clone().unwrap_or_else(OrderNumber::unread),
            id: data.id("id", 256, faults),
            version: data.integer("version", faults),
            status: status.clone().unwrap_or_default(),
            status_changed_at: data.moment("status_changed_at", faults),
            created_at: data.moment("created_at", faults),
            updated_at: data.moment("updated_at", faults),
            currency: currency.unwrap_or_default(),
            total: total.unwrap_or_default(),
            paid: data.boolean("paid", faults).unwrap_or_default(),
            paid_at: data.moment("paid_at", faults),
            cancelled: data.boolean("cancelled", faults).unwrap_or_default(),
            cancel_reason: data.text("cancel_reason", COMMENT, faults),
            customer: data
                .object("customer", faults)
                .map(|customer| Customer::read(&customer, phone_country, &mut left_out, faults)),
            items: data
                .objects("items", ITEMS, faults)
                .iter()
                .map(|item| Item::read(item, faults))
                .collect(),
            discounts: data
                .objects("discounts", DISCOUNTS, faults)
                .iter()
                .map(|discount| Discount::read(discount, faults))
                .collect(),
            delivery: data.object("delivery", faults).map(|delivery| Delivery {
                method: delivery.text("method", NAME, faults),
                price: delivery.amount("price", faults).unwrap_or_default(),
                address: delivery.text("address", ADDRESS, faults),
            }),
            payment: data.object("payment", faults).map(|payment| Payment {
                method: payment.text("method", NAME, faults),
            }),
            properties: properties(data, faults),
            utm: data
                .object("utm", faults)
                .map(|utm| Utm::read(&utm, faults))
                .unwrap_or_default(),
            comment: data.text("comment", COMMENT, faults),
            origin: data
                .object("origin", faults)
                .map(|origin| Origin::read(&origin, faults))
                .unwrap_or_default(),
            left_out,
            data: data.members().clone(),
        };
        (faults.len() == before).then_some(snapshot)
    }
}

/// ISO 4217 by shape; whether it exists is the portal's to judge.
fn currency(data: &Reader<'_>, faults: &mut Faults) -> Option<String> {
    if !data.require("currency", faults) {
        return None;
    }
    let code = data.text("currency", 10, faults)?.to_ascii_uppercase();
    if code.len() != 3 || !code.bytes().all(|b| b.is_ascii_uppercase()) {
        data.fault(
            "currency",
            "`currency` must be three letters (ISO 4217), such as \"RUB\"",
            faults,
        );
        return None;
    }
    Some(code)
}

fn properties(data: &Reader<'_>, faults: &mut Faults) -> Map<String, Value> {
    let Some(properties) = data.object("properties", faults) else {
        return Map::new();
    };
    let members = properties.members();
    if members.len() > PROPERTIES {
        data.fault(
            "properties",
            format!("at most {PROPERTIES} properties are taken"),
            faults,
        );
    }
    for (code, value) in members {
        if value.to_string().len() > PROPERTY_BYTES {
            properties.fault(
                code,
                format!("a property may hold {PROPERTY_BYTES} bytes"),
                faults,
            );
        }
    }
    members.clone()
}

impl OrderNumber {
    /// Reads the required member `number`: a string, or a whole number.
    pub(super) fn read(data: &Reader<'_>, faults: &mut Faults) -> Option<Self> {
        if !data.require("number", faults) {
            return None;
        }
        let text = match data.member("number")? {
            Value::String(text) => text.trim().to_owned(),
            Value::Number(number) if number.is_u64() => number.to_string(),
            _ => {
                data.fault("number", "`number` must be a string", faults);
                return None;
            }
        };
        Self::parse(&text)
            .map_err(|rule| data.fault("number", rule, faults))
            .ok()
    }
}

impl Customer {
    fn read(
        customer: &Reader<'_>,
        phone_country: &str,
        left_out: &mut Vec<String>,
        faults: &mut Faults,
    ) -> Self {
        let company = customer
            .object("company", faults)
            .map(|company| Company::read(&company, left_out, faults));
        let usual = if company.is_some() {
            "company"
        } else {
            "person"
        };
        let kind = customer
            .text("kind", 20, faults)
            .unwrap_or_else(|| usual.to_owned());
        let kind = match kind.as_str() {
            "person" => CustomerKind::Person,
            "company" => CustomerKind::Company,
            other => {
                let detail = format!("`kind` must be \"person\" or \"company\", not {other:?}");
                customer.fault("kind", detail, faults);
                CustomerKind::Person
            }
        };
        let mut phones: Vec<Phone> = Vec::new();
        for text in customer.texts("phones", CONTACTS, 100, faults) {
            match Phone::parse(&text, phone_country) {
                Some(phone) if !phones.contains(&phone) => phones.push(phone),
                Some(_) => {}
                None => left_out.push(format!(
                    "the phone {text:?} cannot be a phone number and was left out"
                )),
            }
        }
        let mut emails: Vec<String> = Vec::new();
        for email in customer.texts("emails", CONTACTS, 320, faults) {
            let email = email.to_lowercase();
            if !emails.contains(&email) {
                emails.push(email);
            }
        }
        Self {
            id: customer.id("id", 200, faults),
            kind,
            name: customer.text("name", NAME, faults),
            last_name: customer.text("last_name", NAME, faults),
            second_name: customer.text("second_name", NAME, faults),
            phones,
            emails,
            company,
        }
    }
}

impl Company {
    fn read(company: &Reader<'_>, left_out: &mut Vec<String>, faults: &mut Faults) -> Self {
        let mut checked = |name: &str, holds: fn(&str) -> bool, faults: &mut Faults| {
            let text = company.id(name, 100, faults)?;
            if holds(&text) {
                return Some(text);
            }
            left_out.push(format!(
                "the company's {name} {text:?} cannot be one and was left out"
            ));
            None
        };
        Self {
            inn: checked("inn", inn::is_inn, faults),
            kpp: checked("kpp", inn::is_kpp, faults),
            title: company.text("title", NAME, faults),
            address: company.text("address", ADDRESS, faults),
        }
    }
}

impl Item {
    fn read(item: &Reader<'_>, faults: &mut Faults) -> Self {
        let required = |name: &str, faults: &mut Faults| {
            item.require(name, faults)
                .then(|| item.amount(name, faults))
                .flatten()
        };
        let before = faults.len();
        let name = item
            .require("name", faults)
            .then(|| item.text("name", NAME, faults))
            .flatten();
        if name.is_none() && faults.len() == before {
            item.fault("name", "`name` must not be empty", faults);
        }
        let quantity = required("quantity", faults);
        if quantity.is_some_and(|quantity| quantity.is_zero()) {
            item.fault("quantity", "`quantity` must be more than zero", faults);
        }
        let vat_rate = item.amount("vat_rate", faults);
        if vat_rate.is_some_and(|rate| rate > Decimal::ONE_HUNDRED) {
            item.fault("vat_rate", "`vat_rate` is in percent: 0 to 100", faults);
        }
        Self {
            product_id: item.id("product_id", 256, faults),
            sku: item.id("sku", 256, faults),
            name: name.unwrap_or_default(),
            quantity: quantity.unwrap_or_default(),
            unit: item.id("unit", 50, faults),
            price: required("price", faults).unwrap_or_default(),
            discount: item.amount("discount", faults).unwrap_or_default(),
            vat_rate,
            vat_included: item.boolean("vat_included", faults).unwrap_or(true),
        }
    }
}

impl Discount {
    fn read(discount: &Reader<'_>, faults: &mut Faults) -> Self {
        let amount = discount
            .require("amount", faults)
            .then(|| discount.amount("amount", faults))
            .flatten();
        Self {
            name: discount
                .text("name", NAME, faults)
                .unwrap_or_else(|| "Скидка".to_owned()),
            amount: amount.unwrap_or_default(),
        }
    }
}

impl Utm {
    fn read(utm: &Reader<'_>, faults: &mut Faults) -> Self {
        let mut text = |name| utm.text(name, 500, faults);
        Self {
            source: text("source"),
            medium: text("medium"),
            campaign: text("campaign"),
            content: text("content"),
            term: text("term"),
        }
    }
}

impl Origin {
    fn read(origin: &Reader<'_>, faults: &mut Faults) -> Self {
        let channel = match origin.text("channel", 50, faults).as_deref() {
            None | Some("online") => Channel::Online,
            Some("pos") => Channel::Pos,
            Some("operator") => Channel::Operator,
            Some(other) => Channel::Other(other.to_owned()),
        };
        Self {
            channel,
            store_id: origin.id("store_id", 256, faults),
            receipt: origin.id("receipt", 256, faults),
        }
    }
}

impl Channel {
    /// The channel as the shop names it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Online => "online",
            Self::Pos => "pos",
            Self::Operator => "operator",
            Self::Other(name) => name,
        }
    }
}

/// A person or a company that orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// The shop's customer id; none for a guest.
    pub id: Option<String>,
    /// Person or company.
    pub kind: CustomerKind,
    /// First name.
    pub name: Option<String>,
    /// Last name.
    pub last_name: Option<String>,
    /// Patronymic.
    pub second_name: Option<String>,
    /// Phones, normalised, without doubles.
    pub phones: Vec<Phone>,
    /// E-mail addresses, trimmed, lower case, without doubles. Not judged here: the portal does that.
    pub emails: Vec<String>,
    /// The legal entity, where there is one.
    pub company: Option<Company>,
}

/// What a customer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomerKind {
    /// A natural person.
    Person,
    /// A legal entity.
    Company,
}

/// A legal entity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    /// Its name.
    pub title: Option<String>,
    /// Russian taxpayer number: 10 or 12 digits, with a right check digit.
    pub inn: Option<String>,
    /// Russian registration reason code: 9 characters.
    pub kpp: Option<String>,
    /// Postal address, one line.
    pub address: Option<String>,
}

/// One line of the order.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// The shop's product id.
    pub product_id: Option<String>,
    /// Article.
    pub sku: Option<String>,
    /// What it is called.
    pub name: String,
    /// How many units.
    pub quantity: Decimal,
    /// Unit of measure as the shop names it (a symbol such as `шт`, or an OKEI code).
    pub unit: Option<String>,
    /// Final price of one unit, discount included.
    pub price: Decimal,
    /// Discount on one unit, already taken off `price`.
    pub discount: Decimal,
    /// VAT in percent; none means no VAT.
    pub vat_rate: Option<Decimal>,
    /// Whether `price` includes the VAT.
    pub vat_included: bool,
}

/// A discount on the whole order.
#[derive(Debug, Clone, PartialEq)]
pub struct Discount {
    /// What it is called.
    pub name: String,
    /// How much is taken off: not negative.
    pub amount: Decimal,
}

/// Delivery.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// What it is called.
    pub method: Option<String>,
    /// What it costs.
    pub price: Decimal,
    /// Where to.
    pub address: Option<String>,
}

/// Payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// What it is called.
    pub method: Option<String>,
}

/// Campaign marks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Utm {
    /// utm_source
    pub source: Option<String>,
    /// utm_medium
    pub medium: Option<String>,
    /// utm_campaign
    pub campaign: Option<String>,
    /// utm_content
    pub content: Option<String>,
    /// utm_term
    pub term: Option<String>,
}

/// Where an order was placed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// Kind of place.
    pub channel: Channel,
    /// Which store or till.
    pub store_id: Option<String>,
    /// Receipt number.
    pub receipt: Option<String>,
}

/// Kind of place an order comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Channel {
    /// The online store.
    #[default]
    Online,
    /// A point of sale.
    Pos,
    /// Typed in by an operator.
    Operator,
    /// Any other the shop names, e.g. `one-click`.
    Other(String),
}

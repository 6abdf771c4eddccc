//! The order as the shop sees it, whole, as every order event carries it.

mod read;

use super::{OrderNumber, Phone, Texts};
use crate::domain::happening::Note;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

/// How a shop's snapshots are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading<'a> {
    /// The calling code for phones written without one.
    pub phone_country: &'a str,
    /// How its texts are written: plain, with character references, or as HTML.
    pub texts: Texts,
}

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
    /// When it was completed: the customer has the goods, nothing is left to do.
    pub completed_at: Option<DateTime<Utc>>,
    /// Whether it is cancelled.
    pub cancelled: bool,
    /// Why it was cancelled.
    pub cancel_reason: Option<String>,
    /// Who ordered; `None`: the shop told nobody.
    pub customer: Option<Customer>,
    /// What was ordered, line by line.
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
    /// What else people are to read in the portal, a line each. Hostile text.
    pub notes: Vec<String>,
    /// Where the order was placed.
    pub origin: Origin,
    /// Parts that could not be used and were left out, each in one sentence (a phone that cannot be
    /// one).
    pub left_out: Vec<Note>,
    /// What is to be read in the portal as it was written, because no field of a card holds it: a
    /// phone with the words beside it, an address that cannot be one. Hostile text.
    pub readable: Vec<Readable>,
    /// The data as the shop sent it, unknown fields included: mappings to user fields look here.
    pub data: Map<String, Value>,
}

/// Something that was written in a field, to be read as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readable {
    /// In a field for a phone.
    Phone(String),
    /// In a field for an e-mail address.
    Email(String),
}

impl Snapshot {
    /// Takes the customer's e-mail addresses out, to be read in the portal as text. They are
    /// returned.
    pub fn withhold_emails(&mut self) -> Vec<String> {
        let customer = self.customer.as_mut();
        let emails = customer.map(|customer| std::mem::take(&mut customer.emails));
        let emails = emails.unwrap_or_default();
        self.readable
            .extend(emails.iter().cloned().map(Readable::Email));
        emails
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
    /// The shop's customer id; `None` for a guest.
    pub id: Option<String>,
    /// Whether a person or a company orders.
    pub kind: CustomerKind,
    /// The first name, as the shop has it.
    pub name: Option<String>,
    /// The last name, as the shop has it.
    pub last_name: Option<String>,
    /// The patronymic, where the shop asks for one.
    pub second_name: Option<String>,
    /// Phones, normalised, without doubles.
    pub phones: Vec<Phone>,
    /// E-mail addresses that a portal takes, in small letters, without doubles.
    pub emails: Vec<String>,
    /// The legal entity, where there is one.
    pub company: Option<Company>,
}

/// What a customer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CustomerKind {
    /// A natural person: a contact in the portal.
    Person,
    /// A legal entity: a company in the portal.
    Company,
}

/// A legal entity that orders, as far as its numbers can be true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Company {
    /// The name of the legal entity.
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
    /// 1C's id of the product, where the shop has it.
    pub xml_id: Option<String>,
    /// The article (SKU), by which a product of the portal may be found; `None` where the shop has
    /// none.
    pub sku: Option<String>,
    /// What it is called.
    pub name: String,
    /// How many units were ordered: above zero.
    pub quantity: Decimal,
    /// Unit of measure as the shop names it (a symbol such as `шт`, or an OKEI code).
    pub unit: Option<String>,
    /// Final price of one unit, discount included.
    pub price: Decimal,
    /// Discount on one unit, already taken off `price`.
    pub discount: Decimal,
    /// VAT in percent; `None` means no VAT.
    pub vat_rate: Option<Decimal>,
    /// Whether `price` includes the VAT.
    pub vat_included: bool,
    /// What the customer chose of it: name and value, such as size and 42.
    pub options: Vec<(String, String)>,
    /// What it is in the portal's catalogue, where that is known; no shop says it.
    pub catalogue_id: Option<u64>,
}

/// A discount on the whole order.
#[derive(Debug, Clone, PartialEq)]
pub struct Discount {
    /// What it is called.
    pub name: String,
    /// How much is taken off: not negative.
    pub amount: Decimal,
    /// VAT in percent of what is taken off; `None` means no VAT.
    pub vat_rate: Option<Decimal>,
    /// Whether `amount` includes the VAT.
    pub vat_included: bool,
}

/// How and where to an order is delivered.
#[derive(Debug, Clone, PartialEq)]
pub struct Delivery {
    /// What it is called.
    pub method: Option<String>,
    /// The price of the delivery, in the order's currency.
    pub price: Decimal,
    /// VAT in percent; `None` means no VAT.
    pub vat_rate: Option<Decimal>,
    /// Whether `price` includes the VAT.
    pub vat_included: bool,
    /// The address that it is delivered to.
    pub address: Option<String>,
    /// Who takes it, where that is not the customer: a name and a number for people to read, never
    /// a customer's.
    pub recipient: Vec<String>,
}

/// How an order is paid for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// What it is called.
    pub method: Option<String>,
}

/// The campaign marks (UTM) by which the customer came.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Utm {
    /// `utm_source`: where the visitor came from.
    pub source: Option<String>,
    /// `utm_medium`: by which kind of channel.
    pub medium: Option<String>,
    /// `utm_campaign`: by which campaign.
    pub campaign: Option<String>,
    /// `utm_content`: by which of its advertisements.
    pub content: Option<String>,
    /// `utm_term`: by which words of a search.
    pub term: Option<String>,
}

/// Where an order was placed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The kind of place where it was made.
    pub channel: Channel,
    /// Which store or till.
    pub store_id: Option<String>,
    /// The number of the till's receipt.
    pub receipt: Option<String>,
}

/// Kind of place an order comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Channel {
    /// The online store; also where no channel is told.
    #[default]
    Online,
    /// A point of sale.
    Pos,
    /// Typed in by an operator.
    Operator,
    /// Any other the shop names, e.g. `one-click`.
    Other(String),
}

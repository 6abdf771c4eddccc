//! A 1C base, which exchanges with the bridge as with a site: what it gets, and how. Pure.
//!
//! Owns: the settings of a base as the use cases need them, which orders go to it
//! ([`Export::holds`]), and how an order is written for it ([`order::write`]). Refuses: sessions,
//! files and the wire, which are the business of `app` and `http`.
//!
//! | file | owns |
//! |---|---|
//! | `mod` | the settings |
//! | `statuses` | the base's correspondence table |
//! | `order` | a snapshot as an order of CommerceML |
//! | `receipt` | a till's receipt as a document of CommerceML |
//! | `lines` | lines that add up, discounts, VAT |
//! | `customer` | the counterparty, by the payer's profile |
//! | `contents` | an order's contents as 1C has them |
//! | `births` | orders and customers that were made in 1C |
//! | `facts` | payments and shipments, as a shop is told of them |
//! | `goods` | a product of 1C as the shop's catalogue takes it |
//! | `catalogue` | a shop's products as 1C loads them from a site |
//! | `rights` | what somebody who exchanges may do |
//! | `upload` | names of files, and whether a file is whole |
//!
//! To add what a base is told or tells: the element in `commerceml`, its meaning here, its key in
//! the settings of a base, and a file of a real base in `tests/it/data/commerceml`.

pub mod births;
pub mod catalogue;
pub mod contents;
mod customer;
pub mod facts;
pub mod goods;
mod lines;
pub mod order;
pub mod receipt;
mod rights;
mod statuses;
#[cfg(test)]
mod tests;
pub mod told;
pub mod upload;

pub use customer::{ADDRESS_PARTS, address_part};
pub use rights::Right;
pub use statuses::{Meaning, OneCStatus, StatusTable, Way};

pub use crate::formats::commerceml::Listed;
use crate::{
    domain::{BaseName, ShopName, Snapshot, Winner, words},
    formats::commerceml::{Encoding, Moment, SchemaVersion, write::PaymentKind},
};
use chrono::{DateTime, NaiveDateTime, NaiveTime, Utc};
use chrono_tz::Tz;
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fmt::{self, Write as _},
    time::Duration,
};

/// The version that a client gets which asks for none.
pub const OLD_VERSION: SchemaVersion = SchemaVersion::new(2, 5);

/// A 1C base, as configured: its shops, its tables, what it gets and what it may say.
#[derive(Debug, Clone)]
pub struct Base {
    /// The base's name in the settings.
    pub name: BaseName,
    /// Whose orders it gets.
    pub shops: Vec<ShopName>,
    /// How answers are encoded.
    pub encoding: Encoding,
    /// The newest version that is spoken.
    pub version_max: SchemaVersion,
    /// The version in which orders are pushed to it; none: it only fetches them.
    pub push: Option<SchemaVersion>,
    /// The time zone of the files' times, which carry none.
    pub time_zone: Tz,
    /// Whether files may come packed.
    pub zip: bool,
    /// The largest piece in which 1C is to send files, in bytes.
    pub file_limit: u64,
    /// How long one request may work; zero: until it is done.
    pub step: Duration,
    /// The most bytes of one session's files; unpacked ten times as many.
    pub max_upload: u64,
    /// How long a session lasts without a request.
    pub session_ttl: Duration,
    /// How long files are kept.
    pub keep_files: Duration,
    /// The most bytes of files that are kept.
    pub keep_files_bytes: u64,
    /// Which orders go, and how.
    pub export: Export,
    /// Fields of the counterparty and further requisites, by payer type.
    pub profiles: Profiles,
    /// The correspondence of the shop's statuses and the base's.
    pub statuses: StatusTable,
    /// What is taken in of its documents.
    pub import: Import,
    /// How its shops' products are given to it.
    pub catalogue: CatalogueExport,
    /// Shops whose orders' contents are the base's to say.
    pub masters: Vec<ShopName>,
    /// What users may do, by login; all, where there is none.
    pub rights: BTreeMap<String, Vec<Right>>,
    /// What 1C may call the ways to pay.
    pub pay_systems: Vec<PaySystem>,
    /// What 1C may call the ways to deliver.
    pub delivery_services: Vec<Listed>,
}

/// Which orders go to 1C, and how they are written.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the settings form"
)]
pub struct Export {
    /// What stands before the number, by shop.
    pub prefixes: BTreeMap<ShopName, String>,
    /// Whether only paid orders go.
    pub only_paid: bool,
    /// Only orders whose delivery is allowed.
    pub only_delivery_allowed: bool,
    /// Older orders go only after they change.
    pub since: Since,
    /// Which statuses go; empty: all.
    pub statuses: Vec<String>,
    /// From this row of the base's table on.
    pub from_status: Option<String>,
    /// Which of the shop's names stands in `Ид`.
    pub id: IdKind,
    /// Whether discounts stand in the prices or as a line of their own.
    pub discounts: Discounts,
    /// The base's own currency.
    pub currency: String,
    /// How it is written.
    pub currency_label: String,
    /// Whether every property of an order is written as a requisite.
    pub all_properties: bool,
    /// From 3.0 on, another query in the same session confirms what was offered before.
    pub implicit_success: bool,
    /// Further requisites of the order: name and where its value stands.
    pub requisites: BTreeMap<String, String>,
    /// Whether receipts of tills go, too: as documents of their own.
    pub receipts: bool,
}

/// How products of shops are given to a base (`type=get_catalog`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CatalogueExport {
    /// The most products of one answer.
    pub elements: u32,
    /// How long one answer may take; zero: until it has all its products.
    pub step: Duration,
}

impl Default for CatalogueExport {
    fn default() -> Self {
        Self {
            elements: 100,
            step: Duration::from_secs(30),
        }
    }
}

/// What is taken in of a base's documents.
#[derive(Debug, Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the settings form"
)]
pub struct Import {
    /// A status of 1C's may become the order's.
    pub change_status: bool,
    /// Who is right where 1C speaks of an order that it never had: [`Winner::Shop`], `Onec` or
    /// `Review`.
    pub first_meeting: Winner,
    /// The status that an order gets when 1C says that it is paid.
    pub status_on_payment: Option<String>,
    /// The status that an order gets when 1C says that it is shipped.
    pub status_on_shipment: Option<String>,
    /// The status that an order gets when 1C cancels it; none: the first that says so.
    pub status_on_cancel: Option<String>,
    /// The shop is told of payments that the bridge did not send there itself.
    pub create_payments: bool,
    /// The shop is told of shipments that the bridge did not send there itself.
    pub create_shipments: bool,
    /// The usual ways to pay, of documents that name none.
    pub pay_system: UsualPaySystems,
    /// The shop is told of orders and customers that were made in 1C, so that it makes them.
    pub create_orders: bool,
    /// In which shop they are made; none: in the only one.
    pub new_orders_shop: Option<ShopName>,
    /// A shipment of an order that nobody knows makes one.
    pub create_order_for_shipment: bool,
    /// The id of the usual way to deliver, of new orders that name none.
    pub delivery_service: Option<String>,
}

/// Ids of the usual ways to pay, by the kind of the payment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UsualPaySystems {
    /// The id of the way to pay in cash.
    pub cash: Option<String>,
    /// The id of the way to pay by bank transfer.
    pub cashless: Option<String>,
    /// The id of the way to pay by card.
    pub acquiring: Option<String>,
    /// Where the order's own document says that it is paid; none: the shop is told of no payment
    /// then.
    pub by_status: Option<String>,
}

impl Default for Import {
    fn default() -> Self {
        Self {
            change_status: true,
            first_meeting: Winner::Shop,
            status_on_payment: None,
            status_on_shipment: None,
            status_on_cancel: None,
            create_payments: true,
            create_shipments: true,
            pay_system: UsualPaySystems::default(),
            create_orders: false,
            new_orders_shop: None,
            create_order_for_shipment: false,
            delivery_service: None,
        }
    }
}

/// From when on orders go to a base.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Every order, whenever it changed.
    All,
    /// What changes after the base was first configured.
    Now,
    /// What changed at this time or later.
    At(DateTime<Utc>),
}

/// What an order's `Ид` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IdKind {
    /// The shop's internal id.
    Id,
    /// The number that the customer sees.
    Number,
}

/// Where an order's discounts stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Discounts {
    /// In the prices, and listed beside.
    InPrice,
    /// As a service with a negative sum.
    Line,
}

/// Values by CommerceML's names, for everybody, and for one kind of payer over that.
#[derive(Debug, Clone, Default)]
pub struct Profiles {
    /// Values for every payer.
    pub default: BTreeMap<String, Given>,
    /// Values for natural persons; they go before those for everybody.
    pub person: BTreeMap<String, Given>,
    /// Values for companies; they go before those for everybody.
    pub company: BTreeMap<String, Given>,
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Given {
    /// From this place in the snapshot.
    Path(String),
    /// It is always this.
    Value(String),
}

/// A way to pay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaySystem {
    /// Its id and name; the name is the shop's `payment.method`.
    pub listed: Listed,
    /// What kind of payment it makes.
    pub kind: PaymentKind,
}

/// What is known of a shop for its orders in 1C.
#[derive(Debug, Clone, Default)]
pub struct ShopWords {
    /// The shop's name in the settings.
    pub shop: String,
    /// Names of its statuses.
    pub titles: BTreeMap<String, String>,
    /// Statuses after which nothing comes.
    pub last: Vec<String>,
}

impl ShopWords {
    /// What people call a status.
    pub fn title<'a>(&'a self, status: &'a str) -> &'a str {
        self.titles.get(status).map_or(status, String::as_str)
    }
}

words! {
    /// Why an order does not go to the base now. Its sentence is what `bridge.onec_orders.held_why`
    /// holds: it stays as it is.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Hold {
        /// It is not paid.
        Unpaid = "it is not paid",
        /// Its delivery is not allowed.
        Delivery = "its delivery is not allowed yet",
        /// Its status does not go.
        Status = "orders in this status do not go to the base",
        /// It is cancelled, and never went.
        Cancelled = "it was cancelled before it went to the base",
        /// It has not changed since the exchange began.
        Older = "it has not changed since the exchange began",
        /// The shop deleted it, and it never went.
        Deleted = "the shop deleted it before it went to the base",
    }
}

/// Why an order is held back from a base.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub enum HeldWhy {
    /// It is not to go as it stands.
    Hold(Hold),
    /// It cannot be written: what is wrong with it, in one sentence.
    Fault(String),
}

impl HeldWhy {
    /// Of what is stored.
    pub fn of(stored: String) -> Self {
        let hold = Hold::ALL.iter().find(|hold| hold.as_str() == stored);
        hold.map_or(Self::Fault(stored), |hold| Self::Hold(*hold))
    }
}

impl fmt::Display for HeldWhy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hold(hold) => f.write_str(hold.as_str()),
            Self::Fault(words) => f.write_str(words),
        }
    }
}

impl From<HeldWhy> for String {
    fn from(why: HeldWhy) -> Self {
        why.to_string()
    }
}

impl Base {
    /// Whether it is the base that says what is in a shop's orders.
    pub fn is_master(&self, shop: &str) -> bool {
        self.masters.iter().any(|name| name.as_str() == shop)
    }

    /// A moment on the base's clock.
    pub fn local(&self, at: DateTime<Utc>) -> NaiveDateTime {
        at.with_timezone(&self.time_zone).naive_local()
    }

    /// A moment of the base's clock on ours. Of an hour that a clock change repeats, the first; in
    /// one that it leaves out, as if it had not been changed.
    pub fn from_local(&self, at: NaiveDateTime) -> DateTime<Utc> {
        let found = at.and_local_timezone(self.time_zone).earliest();
        found.map_or_else(|| at.and_utc(), |at| at.to_utc())
    }

    /// When a file was made that had come by this time, of what it says of that itself. Older bases
    /// say the day alone: then it is as late as it can be, so that of two files of a day the second
    /// is the newer one. None was made after it came, whatever the base's clock says.
    pub fn formed_at(&self, said: Option<Moment>, came: DateTime<Utc>) -> DateTime<Utc> {
        let latest = said.map(|at| match (at.time, at.date.succ_opt()) {
            (None, Some(next)) => self.from_local(next.and_time(NaiveTime::MIN)),
            _ => self.from_local(at.naive()),
        });
        latest.map_or(came, |at| at.min(came))
    }

    /// The version that is spoken where this one is asked for.
    pub fn version(&self, asked: Option<SchemaVersion>) -> SchemaVersion {
        asked.unwrap_or(OLD_VERSION).min(self.version_max)
    }
}

impl Export {
    /// Why the order does not go; none: it goes. What 1C has already is never asked about.
    pub fn holds(
        &self,
        table: &StatusTable,
        order: &Snapshot,
        changed_at: DateTime<Utc>,
        since: Option<DateTime<Utc>>,
    ) -> Option<Hold> {
        if since.is_some_and(|since| changed_at < since) {
            return Some(Hold::Older);
        }
        if self.only_paid && !order.paid {
            return Some(Hold::Unpaid);
        }
        // What cannot be read is told of the order itself, which is never written then.
        let allowed = order::Allowed::of(order).map(|allowed| allowed.delivery);
        if self.only_delivery_allowed && allowed == Ok(Some(false)) {
            return Some(Hold::Delivery);
        }
        if !self.statuses.is_empty() && !self.statuses.contains(&order.status) {
            return Some(Hold::Status);
        }
        let from = self.from_status.as_ref()?;
        if order.cancelled {
            return Some(Hold::Cancelled);
        }
        let place = |status: &str| table.rows().iter().position(|row| row.status == status);
        match (place(&order.status), place(from)) {
            (Some(own), Some(from)) if own >= from => None,
            _ => Some(Hold::Status),
        }
    }

    /// What decides which orders go, as text: where it changes, held orders are looked at again.
    pub fn filter(&self) -> String {
        let mut text = format!(
            "paid={} allowed={}",
            self.only_paid, self.only_delivery_allowed
        );
        let _ = write!(
            text,
            " statuses={:?} from={:?}",
            self.statuses, self.from_status
        );
        if let Since::At(at) = self.since {
            let _ = write!(text, " since={at}");
        } else {
            let _ = write!(text, " since={:?}", self.since);
        }
        if self.receipts {
            text.push_str(" receipts");
        }
        text
    }
}

/// When the shop last changed the order: by its own times, else when the event came.
pub fn changed_at(order: &Snapshot, received_at: DateTime<Utc>) -> DateTime<Utc> {
    let own = order.updated_at.max(order.status_changed_at);
    own.or(order.created_at).unwrap_or(received_at)
}

/// The value at a dotted path: `customer.second_name`, `properties.promo`. A property's code may
/// have points itself.
pub fn at<'a>(data: &'a serde_json::Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(whole) = data.get(path) {
        return Some(whole);
    }
    let (first, rest) = path.split_once('.')?;
    at(data.get(first)?.as_object()?, rest)
}

/// A value as a requisite's text; none for nothing and for what is no text at all.
pub fn text_of(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.trim().to_owned(),
        Value::Bool(truth) => truth.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Array(list) => {
            let texts: Vec<String> = list.iter().filter_map(text_of).collect();
            texts.join(", ")
        }
        Value::Object(_) => value.to_string(),
    };
    (!text.is_empty()).then_some(text)
}

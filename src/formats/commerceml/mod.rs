//! CommerceML: the XML in which 1C and a site exchange orders, goods, prices and stock. Pure.
//!
//! [`Items`] reads a file as a stream: it gives out one [`Item`] after the other (a document, a
//! container of documents, a counterparty, a product, an offer, ...), so that memory does not grow
//! with the file. It is tolerant, as files of the field need it: any namespace, any order of
//! children, absent parts, numbers with blanks and commas, padded values. What it cannot read is a
//! [`Fault`]: of the file, or of one item; the items around a faulty one are still read. It is
//! data, so that 1C's user and the operator are told it in their own languages.
//!
//! [`mod@write`] writes the orders of a site strictly as the 1C modules expect them, in the order
//! of children and with the names that their version knows.
//!
//! | file | owns |
//! |---|---|
//! | `source` | the encoding of a file: byte order mark, declaration, windows-1251 |
//! | `stream` | the stream of items, each bounded |
//! | `element` | the tree of one item |
//! | `print` | items that were read before, told by their bytes |
//! | `value` | numbers, dates, truth values and names as files write them |
//! | `document` | orders, payments, shipments |
//! | `customer` | counterparties: customers and partners |
//! | `goods` | products, offers, prices, stock |
//! | `write` | a site's orders |
//! | `info` | what 1C asks a site for when it is set up: statuses, ways to pay and to deliver |
//! | `sums` | line sums that add up to the total, exact to the kopeck |
//!
//! To add a kind of item: its path in `stream::is_item`, a variant of [`Item`], a reader beside
//! the others, and a sample file for the test.

mod customer;
mod document;
mod element;
mod goods;
mod info;
mod print;
mod source;
mod stream;
mod sums;
mod value;
pub mod write;

pub use customer::{Contact, Counterparty, Representative};
pub use document::{Document, Line, Operation, Package, Subordinate, Tax, WarehouseRef};
pub use element::Element;
pub use goods::{Group, Offer, PackageHead, Price, PriceType, Product, Property, Rest, Warehouse};
pub use info::{Listed, info};
pub use print::{Found, Known, Place, Print};
pub use source::Encoding;
pub use stream::{Bounds, Items};
pub use sums::{Amount, spread};
pub use value::{Moment, Requisites, SchemaVersion};

use crate::domain::happening::{FileFault, Tell as _};
use std::fmt;

/// The root's attributes: what is said of the whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Head {
    /// `ВерсияСхемы`; none if it is absent or no version.
    pub version: Option<SchemaVersion>,
    /// `ДатаФормирования`: when 1C made the file, by the base's clock and without a zone; of older
    /// bases the day alone.
    pub formed_at: Option<Moment>,
    /// The decimal separator that `ФорматСуммы` declares.
    pub decimal: Option<char>,
    /// `СодержитТолькоИзменения` of the catalogue that is being read: then what is missing of a
    /// product may be as it was. Known once the catalogue has begun.
    pub only_changes: Option<bool>,
}

/// One thing of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// `Документ` at the root: an order, a payment or a shipment.
    Document(Box<Document>),
    /// `Контейнер`: an order with its payments and shipments (3.x).
    Package(Package),
    /// `Контрагент` at the root: a customer without an order.
    Counterparty(Box<Counterparty>),
    /// A group of the classifier, with the groups below it.
    Group(Group),
    /// A property of the classifier, with the values it may have.
    Property(Property),
    /// A product of a catalogue.
    Product(Box<Product>),
    /// What a package of offers says of itself, before its offers.
    PackageHead(PackageHead),
    /// A price type, by which offers name their prices.
    PriceType(PriceType),
    /// A warehouse of the base.
    Warehouse(Warehouse),
    /// An offer: prices and stock of a product or of one of its characteristics.
    Offer(Box<Offer>),
}

/// Why a file, or an item of it, cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Which kind of fault it is: what reads decides by it.
    pub kind: FaultKind,
    /// What exactly, with the element it concerns.
    pub detail: FileFault,
}

/// The kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The stored bytes could not be had: that says nothing of the file.
    Unread,
    /// No XML, cut XML, or XML with a document type (which may hold entity bombs).
    NotXml,
    /// XML, but not CommerceML 2: another root, or CommerceML 1.
    NotCommerceMl,
    /// The encoding is not known, or the bytes are not of it.
    Encoding,
    /// More than the bounds allow: depth, length of a text, number of elements of one item.
    TooLarge,
    /// One item lacks what it must have, or holds a value that cannot be read.
    Item,
}

impl Fault {
    pub(crate) fn new(kind: FaultKind, detail: FileFault) -> Self {
        Self { kind, detail }
    }

    /// A fault of one item.
    fn item(detail: FileFault) -> Self {
        Self::new(FaultKind::Item, detail)
    }

    /// The element lacks what it must have.
    fn lacks(element: &Element, name: &str) -> Self {
        Self::item(FileFault::Lacks {
            element: told(element),
            name: name.to_owned(),
        })
    }

    /// The element has neither of these.
    fn lacks_both(element: &Element, name: &str, other: &str) -> Self {
        Self::item(FileFault::LacksBoth {
            element: told(element),
            name: name.to_owned(),
            other: other.to_owned(),
        })
    }

    /// What stands under this name in the element is no number.
    fn no_number(element: &Element, name: &str, text: &str) -> Self {
        Self::item(FileFault::NoNumber {
            element: told(element),
            name: name.to_owned(),
            text: excerpt(text),
        })
    }

    /// Whether the rest of the file can still be read.
    pub fn is_of_one_item(&self) -> bool {
        self.kind == FaultKind::Item
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail.sentence())
    }
}

impl std::error::Error for Fault {}

/// The most characters that are quoted of a file.
const EXCERPT: usize = 60;

/// What is quoted of a file: its beginning, as it can be stored and shown in one line.
pub(crate) fn excerpt(text: &str) -> String {
    let shown = text.chars().take(EXCERPT);
    shown
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// What an element is called, and which one it is.
fn told(element: &Element) -> String {
    let names = ["Ид", "Номер", "Наименование"].map(|name| element.text_of(name));
    match names.into_iter().find(|name| !name.is_empty()) {
        Some(name) => format!("{} {}", element.name, excerpt(name)),
        None => element.name.clone(),
    }
}

#[cfg(test)]
mod tests;

//! A product of a shop's catalogue, whole, and how it is kept in step with a portal.

mod attributes;
mod event;
mod pictures;
mod rules;

pub use attributes::Attributes;
pub use event::{PRODUCT_DELETED, PRODUCT_SAVED, ProductEvent, product_key};
pub use pictures::{
    LARGEST_PICTURE, Picture, PictureFile, PictureKind, ProductPicture, take_picture_files,
};
pub use rules::{CatalogueField, CatalogueOwner, CatalogueRules};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use std::cmp::Ordering;

/// What an event says of a product.
#[derive(Debug, Clone, PartialEq)]
pub struct ProductChange {
    /// The shop's id of the product.
    pub id: String,
    /// Grows with each change, if the shop counts them.
    pub version: Option<i64>,
    /// When the product was last changed, by the shop's clock.
    pub updated_at: Option<DateTime<Utc>>,
    /// The product; `None`: the shop deleted it.
    pub product: Option<Box<Product>>,
    /// Its pictures, and those of its variations; `None`: nothing is said of them.
    pub pictures: Option<Vec<ProductPicture>>,
}

impl ProductChange {
    /// Whether this is older than another state of the same product. What carries neither a count
    /// nor a time is ordered by arrival.
    pub fn is_older_than(&self, other: &Self) -> bool {
        let by_count = self.version.zip(other.version);
        let by_count = by_count.map(|(own, other)| own.cmp(&other));
        let by_time = self.updated_at.zip(other.updated_at);
        let by_time = by_time.map(|(own, other)| own.cmp(&other));
        by_count.or(by_time) == Some(Ordering::Less)
    }
}

/// One product of a shop's catalogue, read and bounded.
#[derive(Debug, Clone, PartialEq)]
pub struct Product {
    /// The shop's article (SKU), at most 255 characters.
    pub sku: Option<String>,
    /// What it is called.
    pub name: String,
    /// What it is. Hostile text; may be HTML.
    pub description: Option<String>,
    /// Where it stands: names of sections, from the top.
    pub section: Vec<String>,
    /// What it costs. Of a product with variations they are its variations'.
    pub prices: Vec<ProductPrice>,
    /// VAT in percent, if it was said.
    pub vat: Option<Decimal>,
    /// Whether prices include it.
    pub vat_included: bool,
    /// Unit of measure as the shop names it.
    pub unit: Option<String>,
    /// Whether it is sold.
    pub active: bool,
    /// Its external code in the portal, where the shop knows better than prefix and id.
    pub xml_id: Option<String>,
    /// Its barcodes and properties.
    pub attributes: Attributes,
    /// What is sold in its place; empty: it is sold itself.
    pub variations: Vec<Variation>,
}

/// One variation of a product: what is sold and stands in orders.
#[derive(Debug, Clone, PartialEq)]
pub struct Variation {
    /// The shop's id of it, by which orders name it.
    pub id: String,
    /// The shop's article (SKU) of the variation, at most 255 characters.
    pub sku: Option<String>,
    /// What it is called.
    pub name: String,
    /// Its prices, one of each kind.
    pub prices: Vec<ProductPrice>,
    /// Whether it is sold.
    pub active: bool,
    /// Its external code in the portal, where the shop knows better.
    pub xml_id: Option<String>,
    /// Its barcodes and properties.
    pub attributes: Attributes,
}

/// A price of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductPrice {
    /// The portal's kind of price; `None`: the one that the configuration names, else the base one.
    pub kind: Option<String>,
    /// The price of one unit.
    pub amount: Decimal,
    /// ISO 4217, upper case.
    pub currency: String,
}

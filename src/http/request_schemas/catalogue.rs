//! The shape of a product of the catalogue.

use super::{Amount, Id, Ids, PropertyValue};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A product of the shop's catalogue.
#[derive(Deserialize, ToSchema)]
pub(in crate::http) struct CatalogueProduct {
    /// The shop's id of it, by which orders name it.
    id: Id,
    /// The shop's count of changes: of two states the greater one is newer.
    version: Option<i64>,
    /// When it was last changed, by the shop's clock: it counts where there is no version.
    updated_at: Option<DateTime<Utc>>,
    /// The shop's article (SKU), at most 255 characters.
    sku: Option<Id>,
    /// What it is called; only a product that is gone may do without.
    name: Option<String>,
    /// Text, or HTML where it holds a `<`; at most 200,000 characters.
    description: Option<String>,
    /// Where it stands: names of sections, from the top.
    section: Option<Vec<String>>,
    /// At most 50 prices, one of each kind; none may be below zero.
    prices: Option<Vec<CataloguePrice>>,
    /// The rate of VAT in percent, 0 to 100.
    vat: Option<Amount>,
    /// Whether prices include it (the default).
    vat_included: Option<bool>,
    /// Unit of measure: a symbol or an OKEI code.
    unit: Option<Id>,
    /// Whether it is sold (the default).
    active: Option<bool>,
    /// Its external code in the portal, where the shop knows better than prefix and id.
    xml_id: Option<Id>,
    /// Its barcode, or a list of them: the first is written.
    barcode: Option<Ids>,
    /// Values by the codes or names of the portal's properties.
    properties: Option<BTreeMap<String, PropertyValue>>,
    /// Its pictures, in their order; left out here and in all variations, they stay as they are.
    pictures: Option<Vec<CataloguePicture>>,
    /// What is sold in its place.
    variations: Option<Vec<CatalogueVariation>>,
}

/// A picture: by its address, or with its file.
#[derive(Deserialize, ToSchema)]
pub(in crate::http) struct CataloguePicture {
    /// Where it stands: JPEG, PNG, GIF or WebP, at most 5 MiB.
    url: Option<String>,
    /// The name of the file.
    name: Option<String>,
    /// The file, in base64.
    content: Option<String>,
}

/// A price of one kind.
#[derive(Deserialize, ToSchema)]
pub(in crate::http) struct CataloguePrice {
    /// The portal's kind of price; left out, the base one.
    r#type: Option<String>,
    /// The price of one unit, not below zero.
    price: Amount,
    /// The currency of the price (ISO 4217).
    currency: String,
}

/// A variation of a product: what is sold in its place.
#[derive(Deserialize, ToSchema)]
pub(in crate::http) struct CatalogueVariation {
    /// The shop's id of it, by which orders name it.
    id: Id,
    /// The shop's article (SKU) of this variation, at most 255 characters.
    sku: Option<Id>,
    /// What it is called; left out, as the product.
    name: Option<String>,
    /// What it costs; left out, as the product.
    prices: Option<Vec<CataloguePrice>>,
    /// Whether it is sold (the default).
    active: Option<bool>,
    /// Its external code in the portal.
    xml_id: Option<Id>,
    /// Its barcode, or a list of them.
    barcode: Option<Ids>,
    /// Values by the codes or names of the portal's properties.
    properties: Option<BTreeMap<String, PropertyValue>>,
    /// Its own pictures, in their order. Where some are named, those of the product are, too: left
    /// out then, they go.
    pictures: Option<Vec<CataloguePicture>>,
}

//! A shop's rules for its catalogue.

use super::Product;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Who tells what the products of a shop are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum CatalogueOwner {
    /// The shop, by its events.
    #[default]
    Shop,
    /// 1C, by its files.
    OneC {
        /// The types of prices that are written, by 1C's name or id of each, and as which kind of
        /// the portal's; `None`: the one of prices without a kind.
        price_types: BTreeMap<String, Option<String>>,
    },
}

/// How the products of a shop are kept in step with its portal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CatalogueRules {
    /// Who tells what the products are.
    pub owner: CatalogueOwner,
    /// What stands before the shop's ids in external codes. Empty only where the ids are unique in
    /// the world.
    pub prefix: String,
    /// What of a product the shop owns; the rest is left as it is in the portal.
    pub fields: BTreeSet<CatalogueField>,
    /// The portal's kind of price that a price without a kind is of; `None`: the base one.
    pub price_type: Option<String>,
    /// The property of the portal's products that holds the article, by its code or name.
    pub article_property: Option<String>,
    /// The property of the portal's products that holds the barcode, by its code or name.
    pub barcode_property: Option<String>,
    /// Whether products that were typed by hand are recognised by their article.
    pub adopts: bool,
    /// Whether rows of deals are linked to products.
    pub link_rows: bool,
    /// Whether pictures are brought to the portal.
    pub pictures: bool,
    /// Hosts from which pictures are taken though they have no public address: `host` or
    /// `host:port`, in lower case.
    pub picture_hosts: Vec<String>,
}

/// What of a product the shop owns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatalogueField {
    /// The name of the product and of its variations.
    Name,
    /// The detailed description.
    Description,
    /// The section in which it stands.
    Section,
    /// The prices of all kinds.
    Price,
    /// Its VAT rate, and whether prices include it.
    Vat,
    /// The unit of measure.
    Unit,
    /// Whether it is sold.
    Active,
    /// The property that holds the article.
    Article,
    /// The property that holds the barcode.
    Barcode,
    /// The properties that the shop's event names.
    Properties,
}

impl CatalogueField {
    /// All of them: what a shop owns if it does not say.
    pub const ALL: [Self; 10] = [
        Self::Name,
        Self::Description,
        Self::Section,
        Self::Price,
        Self::Vat,
        Self::Unit,
        Self::Active,
        Self::Article,
        Self::Barcode,
        Self::Properties,
    ];
}

impl CatalogueRules {
    /// The defaults for a shop of this name.
    pub fn of(shop: &str) -> Self {
        Self {
            owner: CatalogueOwner::Shop,
            prefix: format!("{shop}:"),
            fields: BTreeSet::from(CatalogueField::ALL),
            price_type: None,
            article_property: None,
            barcode_property: None,
            adopts: true,
            link_rows: true,
            pictures: false,
            picture_hosts: Vec::new(),
        }
    }

    /// Whether 1C tells what the products are.
    pub fn is_onecs(&self) -> bool {
        matches!(self.owner, CatalogueOwner::OneC { .. })
    }

    /// Whether the shop owns this.
    pub fn owns(&self, field: CatalogueField) -> bool {
        self.fields.contains(&field)
    }

    /// The external code of a product.
    pub fn code(&self, id: &str, product: Option<&Product>) -> String {
        let own = product.and_then(|product| product.xml_id.clone());
        own.unwrap_or_else(|| format!("{}{id}", self.prefix))
    }

    /// The external code of a variation.
    pub fn variation_code(&self, id: &str, variation: &str, own: Option<&str>) -> String {
        match own {
            Some(own) => own.to_owned(),
            None => format!("{}{id}#{variation}", self.prefix),
        }
    }
}

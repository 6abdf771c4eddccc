//! A product on its way to the catalogue.

use super::{ProductLinks, hex_digest};
use crate::{
    domain::{CatalogueRules, OrderNumber, Product, ShopName},
    planner::Planned,
};
use rust_decimal::Decimal;
use std::{collections::BTreeMap, sync::Arc};

/// A product to bring to the portal.
#[derive(Debug, Clone)]
pub struct ProductJob {
    /// The shop whose product it is.
    pub shop: ShopName,
    /// The key of the subject.
    pub number: OrderNumber,
    /// The shop's id of the product.
    pub id: String,
    /// The product; `None`: it was deleted.
    pub product: Option<Box<Product>>,
    /// How it is kept in step.
    pub rules: Arc<CatalogueRules>,
    /// What is known of it; nothing where something was under way that nobody heard of.
    pub links: ProductLinks,
    /// What can be sold of what the shop sells under these ids; nothing where no stock is shown.
    pub quantities: BTreeMap<String, Decimal>,
    /// What the external codes of other shops of the portal begin with: their products were not
    /// typed by hand, whatever articles they have.
    pub neighbours: Vec<String>,
    /// A fingerprint of what was told, of the rules, and of the quantities.
    pub told: String,
}

impl ProductJob {
    /// The shop's ids of what is sold of it: its variations, or itself.
    pub fn sold_as(&self) -> Vec<String> {
        let product = self.product.iter();
        let variations = product.flat_map(|product| &product.variations);
        let mut ids: Vec<String> = variations.map(|one| one.id.clone()).collect();
        if ids.is_empty() {
            ids.push(self.id.clone());
        }
        ids
    }

    /// Says what can be sold of it: another figure is to be written.
    pub fn show(&mut self, quantities: BTreeMap<String, Decimal>) {
        if !quantities.is_empty() {
            self.told = hex_digest(&format!("{}\n{quantities:?}", self.told));
        }
        self.quantities = quantities;
    }
}

impl Planned for ProductJob {
    fn number(&self) -> &OrderNumber {
        &self.number
    }

    fn customers(&self) -> Vec<String> {
        Vec::new()
    }
}

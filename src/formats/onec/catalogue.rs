//! A shop's products as 1C loads them from a site.
//!
//! What is sold is a product there under the `Ид` that the lines of orders have: a product without
//! variations, and each variation of one that has some. Where the shop knows 1C's own `GUID#GUID`
//! of a variation, the product is the first half, and the variation is offered as its
//! characteristic.

use super::{
    Base,
    lines::{both_halves, unit},
    order,
};
use crate::{
    domain::{Attributes, Product, ProductPrice, Variation},
    formats::commerceml::{
        Group,
        write::{Catalogue, PriceKind, ShelfOffer, ShelfProduct},
    },
};
use sha2::{Digest as _, Sha256};
use std::collections::{BTreeMap, BTreeSet};

/// What a product's prices are called that the shop gives no kind.
const PRICE: &str = "Цена с сайта";

/// The products of one shop on their way to a base.
#[derive(Debug, Clone, Copy)]
pub struct Shelf<'a> {
    /// The base that loads them.
    pub base: &'a Base,
    /// The shop's name in the settings.
    pub shop: &'a str,
}

/// Groups and properties of products, collected one product after the other.
#[derive(Debug, Default)]
pub struct Outline {
    sections: Branches,
    properties: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Branches(BTreeMap<String, Branches>);

impl Outline {
    /// Adds the groups and the properties of a product.
    pub fn add(&mut self, product: &Product) {
        let mut at = &mut self.sections;
        for name in &product.section {
            at = at.0.entry(name.clone()).or_default();
        }
        let variations = product.variations.iter().map(|one| &one.attributes);
        for attributes in variations.chain([&product.attributes]) {
            self.properties
                .extend(attributes.properties.keys().cloned());
        }
    }
}

/// Something that is sold.
struct Sold<'a> {
    id: &'a str,
    xml_id: Option<&'a String>,
    sku: Option<&'a String>,
    name: &'a str,
    attributes: &'a Attributes,
    prices: &'a [ProductPrice],
}

impl<'a> From<&'a Variation> for Sold<'a> {
    fn from(one: &'a Variation) -> Self {
        Self {
            id: &one.id,
            xml_id: one.xml_id.as_ref(),
            sku: one.sku.as_ref(),
            name: &one.name,
            attributes: &one.attributes,
            prices: &one.prices,
        }
    }
}

/// What of a product is sold: itself, or its variations.
fn sold<'a>(id: &'a str, product: &'a Product) -> Vec<Sold<'a>> {
    if product.variations.is_empty() {
        return vec![Sold {
            id,
            xml_id: product.xml_id.as_ref(),
            sku: product.sku.as_ref(),
            name: &product.name,
            attributes: &product.attributes,
            prices: &product.prices,
        }];
    }
    let variations = product.variations.iter();
    variations
        .filter(|one| one.active)
        .map(Sold::from)
        .collect()
}

/// The articles of what of a product is sold: by them 1C's own products are known.
pub fn articles<'a>(id: &'a str, product: &'a Product) -> impl Iterator<Item = String> + 'a {
    let sold = sold(id, product).into_iter();
    sold.filter_map(|one| one.sku.cloned())
}

impl Shelf<'_> {
    /// The shop's catalogue.
    pub fn catalogue(&self) -> Catalogue {
        Catalogue {
            id: self.guid("catalogue", &[]),
            name: format!("Каталог магазина {}", self.shop),
        }
    }

    /// Groups as they stand in each other, and properties.
    pub fn outline(&self, outline: &Outline) -> (Vec<Group>, Vec<(String, String)>) {
        let properties = outline.properties.iter();
        let property = |name: &String| (self.guid("property", &[name]), name.clone());
        (
            self.groups(&outline.sections, &mut Vec::new()),
            properties.map(property).collect(),
        )
    }

    fn groups<'b>(&self, branches: &'b Branches, path: &mut Vec<&'b str>) -> Vec<Group> {
        let mut groups = Vec::with_capacity(branches.0.len());
        for (name, inner) in &branches.0 {
            path.push(name.as_str());
            groups.push(Group {
                id: self.guid("group", path),
                name: name.clone(),
                groups: self.groups(inner, path),
            });
            path.pop();
        }
        groups
    }

    /// A product as goods; nothing of one that is not sold. `known`: 1C's own products by their
    /// articles.
    pub fn goods(
        &self,
        id: &str,
        product: &Product,
        known: &BTreeMap<String, String>,
    ) -> Vec<ShelfProduct> {
        let mut goods: Vec<ShelfProduct> = Vec::new();
        for one in sold(id, product) {
            let own = id_of(&one, known);
            let (id, whole) = match own.split_once('#') {
                Some((whole, _)) => (whole.to_owned(), true),
                None => (own, false),
            };
            if goods.iter().any(|known| known.id == id) {
                continue;
            }
            let (sku, name, attributes) = if whole {
                let name = product.name.as_str();
                (product.sku.as_ref(), name, &product.attributes)
            } else {
                (one.sku, one.name, one.attributes)
            };
            let properties = attributes.properties.iter();
            let property =
                |(name, value): (&String, &String)| (self.guid("property", &[name]), value.clone());
            let path: Vec<&str> = product.section.iter().map(String::as_str).collect();
            let group = (!path.is_empty()).then(|| self.guid("group", &path));
            goods.push(ShelfProduct {
                id,
                sku: sku.cloned(),
                barcodes: attributes.barcodes.clone(),
                name: name.to_owned(),
                description: product.description.clone(),
                unit: unit(product.unit.as_deref()),
                groups: group.into_iter().collect(),
                vat: product.vat,
                properties: properties.map(property).collect(),
            });
        }
        goods
    }

    /// What a product costs; nothing of one that is not sold.
    pub fn offers(
        &self,
        id: &str,
        product: &Product,
        known: &BTreeMap<String, String>,
    ) -> Vec<ShelfOffer> {
        let offer = |one: Sold<'_>| ShelfOffer {
            id: id_of(&one, known),
            sku: one.sku.cloned(),
            name: one.name.to_owned(),
            unit: unit(product.unit.as_deref()),
            prices: one
                .prices
                .iter()
                .map(|price| (self.kind(price, product.vat_included), price.amount))
                .collect(),
        };
        sold(id, product).into_iter().map(offer).collect()
    }

    fn kind(&self, price: &ProductPrice, vat_included: bool) -> PriceKind {
        let name = price.kind.as_deref().unwrap_or(PRICE);
        let tax = if vat_included { "" } else { "net" };
        let currency = order::currency(self.base, &price.currency);
        PriceKind {
            id: self.guid("price", &[name, tax, &price.currency]),
            name: if vat_included {
                name.to_owned()
            } else {
                format!("{name} (без НДС)")
            },
            currency,
            vat_included,
        }
    }

    /// A GUID that is the same for ever for the same thing of the shop.
    fn guid(&self, kind: &str, names: &[&str]) -> String {
        let mut digest = Sha256::new();
        for part in [self.shop, kind].iter().chain(names) {
            digest.update(part.len().to_le_bytes());
            digest.update(part);
        }
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(digest.finalize()) {
            *to = from;
        }
        uuid::Builder::from_custom_bytes(bytes)
            .into_uuid()
            .to_string()
    }
}

/// The `Ид` of what is sold, by the rule of the lines of orders.
fn id_of(one: &Sold<'_>, known: &BTreeMap<String, String>) -> String {
    let by_sku = || one.sku.and_then(|sku| known.get(sku));
    let own = one.xml_id.or_else(by_sku);
    both_halves(own.map_or_else(|| one.id.to_owned(), Clone::clone))
}

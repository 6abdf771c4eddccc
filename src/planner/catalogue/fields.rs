//! The fields of a product in the portal: as they are to be, and which of them differ.

use super::{
    links::{LinkedElement, LinkedPrice},
    schema::{CatalogueFacts, Missing},
};
use crate::{
    domain::{
        Attributes, CatalogueField, CatalogueRules, ErrorCode, Product, ProductPrice, Variation,
        happening::Note,
    },
    planner::{
        entities::product_rows::measure,
        json::{decimal, letters, text},
    },
};
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};

/// What an element of the catalogue is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A product that is sold itself.
    Simple,
    /// The parent of variations.
    Parent,
    /// A variation of a parent.
    Offer,
}

impl Kind {
    /// The kind by the number with which the portal tells it.
    pub(super) fn of(number: &str) -> Option<Self> {
        match number {
            "1" => Some(Self::Simple),
            "3" | "6" => Some(Self::Parent),
            "4" | "5" => Some(Self::Offer),
            _ => None,
        }
    }

    pub(super) fn list(self) -> (&'static str, &'static str) {
        match self {
            Self::Simple => ("catalog.product.list", "products"),
            Self::Parent => ("catalog.product.sku.list", "units"),
            Self::Offer => ("catalog.product.offer.list", "offers"),
        }
    }

    pub(super) fn add(self) -> &'static str {
        match self {
            Self::Simple => "catalog.product.add",
            Self::Parent => "catalog.product.sku.add",
            Self::Offer => "catalog.product.offer.add",
        }
    }

    pub(super) fn update(self) -> &'static str {
        match self {
            Self::Simple => "catalog.product.update",
            Self::Parent => "catalog.product.sku.update",
            Self::Offer => "catalog.product.offer.update",
        }
    }

    /// The word under which an answer to a write shows the element.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Simple => "element",
            Self::Parent => "sku",
            Self::Offer => "offer",
        }
    }

    pub(super) fn block(self, facts: &CatalogueFacts) -> Option<u64> {
        match self {
            Self::Simple | Self::Parent => Some(facts.products),
            Self::Offer => facts.offers,
        }
    }
}

/// An element as it is to be: its fields by the portal's names, and its prices by their kinds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Wanted {
    pub(super) fields: Map<String, Value>,
    pub(super) prices: Vec<(u64, Decimal, String)>,
    /// What could not be said, a sentence each.
    pub(super) notes: Vec<Note>,
}

/// Why it cannot be said what an element is to be.
#[derive(Debug, PartialEq)]
pub(super) enum Unclear {
    /// A section has to be made first.
    Section(Missing),
    /// The portal has no such thing.
    Unknown(String),
    /// The portal has no such currency.
    Currency(String),
}

impl Unclear {
    /// Why a product is refused for it, once its sections have been made.
    pub(super) fn words(self) -> String {
        match self {
            Self::Section(Missing { path, .. }) => {
                let path = path.join(" / ");
                format!("the section `{path}` was made and is not to be seen")
            }
            Self::Unknown(words) => words,
            Self::Currency(code) => format!("the portal has no currency `{code}`"),
        }
    }

    /// The code under which it is refused.
    pub(super) fn code(&self) -> ErrorCode {
        match self {
            Self::Section(_) | Self::Unknown(_) => ErrorCode::Refused,
            Self::Currency(_) => ErrorCode::Currency,
        }
    }
}

/// What a product, or the parent of its variations, is to be.
pub(super) fn of_product(
    product: &Product,
    kind: Kind,
    rules: &CatalogueRules,
    facts: &CatalogueFacts,
) -> Result<Wanted, Unclear> {
    let mut wanted = Wanted::default();
    let fields = &mut wanted.fields;
    if rules.owns(CatalogueField::Name) {
        fields.insert("name".to_owned(), json!(product.name));
    }
    if rules.owns(CatalogueField::Active) {
        fields.insert("active".to_owned(), yes(product.active));
    }
    if rules.owns(CatalogueField::Description)
        && let Some(description) = &product.description
    {
        let kind = if description.contains('<') {
            "html"
        } else {
            "text"
        };
        fields.insert("detailText".to_owned(), json!(description));
        fields.insert("detailTextType".to_owned(), json!(kind));
    }
    article(
        &mut wanted,
        product.sku.as_deref(),
        facts.products,
        rules,
        facts,
    );
    attributes(
        &mut wanted,
        &product.attributes,
        facts.products,
        rules,
        facts,
    );
    if kind == Kind::Simple {
        sold(&mut wanted, product, &product.prices, rules, facts)?;
    }
    // The section comes last: nothing is made for a product that cannot be written all the same.
    if rules.owns(CatalogueField::Section) && !product.section.is_empty() {
        let section = facts.section(&product.section, &rules.prefix);
        let section = section.map_err(Unclear::Section)?;
        let fields = &mut wanted.fields;
        fields.insert("iblockSectionId".to_owned(), json!(section));
    }
    Ok(wanted)
}

/// What a variation is to be.
pub(super) fn of_variation(
    product: &Product,
    variation: &Variation,
    rules: &CatalogueRules,
    facts: &CatalogueFacts,
) -> Result<Wanted, Unclear> {
    let mut wanted = Wanted::default();
    if rules.owns(CatalogueField::Name) {
        wanted
            .fields
            .insert("name".to_owned(), json!(variation.name));
    }
    if rules.owns(CatalogueField::Active) {
        let active = yes(product.active && variation.active);
        wanted.fields.insert("active".to_owned(), active);
    }
    let block = facts.offers.unwrap_or_default();
    article(&mut wanted, variation.sku.as_deref(), block, rules, facts);
    attributes(&mut wanted, &variation.attributes, block, rules, facts);
    let own = !variation.prices.is_empty();
    let prices = if own {
        &variation.prices
    } else {
        &product.prices
    };
    sold(&mut wanted, product, prices, rules, facts)?;
    Ok(wanted)
}

fn yes(is: bool) -> Value {
    json!(if is { "Y" } else { "N" })
}

fn article(
    wanted: &mut Wanted,
    sku: Option<&str>,
    block: u64,
    rules: &CatalogueRules,
    facts: &CatalogueFacts,
) {
    let Some(property) = rules.article_property.as_deref() else {
        return;
    };
    let (true, Some(sku)) = (rules.owns(CatalogueField::Article), sku) else {
        return;
    };
    match facts.article(block, property) {
        Some(field) => {
            wanted.fields.insert(field, json!(sku));
        }
        None => wanted.notes.push(Note::NoProperty {
            property: property.to_string(),
        }),
    }
}

/// The names of the portal's properties that may be written besides the article, of those that the
/// rules and a product name.
pub(super) fn named<'a>(
    attributes: &'a Attributes,
    rules: &'a CatalogueRules,
) -> impl Iterator<Item = (&'a str, &'a str)> {
    let barcode = rules.barcode_property.as_deref();
    let barcode = barcode.zip(attributes.barcodes.first().map(String::as_str));
    let barcode = barcode.filter(|_| rules.owns(CatalogueField::Barcode));
    let owns = rules.owns(CatalogueField::Properties);
    let others = attributes.properties.iter().filter(move |_| owns);
    let others = others.map(|(name, value)| (name.as_str(), value.as_str()));
    barcode.into_iter().chain(others)
}

/// Barcode and properties, as far as the portal has properties for them. What the rules name counts
/// more than what a product names.
fn attributes(
    wanted: &mut Wanted,
    attributes: &Attributes,
    block: u64,
    rules: &CatalogueRules,
    facts: &CatalogueFacts,
) {
    for (name, value) in named(attributes, rules) {
        match facts.property(block, name) {
            Some(field) => {
                let field = wanted.fields.entry(field);
                field.or_insert_with(|| json!(value));
            }
            None if rules.barcode_property.as_deref() == Some(name) => {
                let property = name.to_owned();
                wanted.notes.push(Note::NoProperty { property });
            }
            None => {}
        }
    }
}

/// What only something that is sold has: its rate, its unit, its prices.
fn sold(
    wanted: &mut Wanted,
    product: &Product,
    prices: &[ProductPrice],
    rules: &CatalogueRules,
    facts: &CatalogueFacts,
) -> Result<(), Unclear> {
    if let (true, Some(percent)) = (rules.owns(CatalogueField::Vat), product.vat) {
        match facts.rate(percent) {
            Some(rate) => {
                let included = yes(product.vat_included);
                wanted.fields.insert("vatId".to_owned(), json!(rate));
                wanted.fields.insert("vatIncluded".to_owned(), included);
            }
            None => wanted.notes.push(Note::NoVatRate {
                percent: percent.to_string(),
            }),
        }
    }
    if let (true, Some(unit)) = (rules.owns(CatalogueField::Unit), &product.unit) {
        match measure(unit).and_then(|(code, _)| facts.unit(code)) {
            Some(unit) => {
                wanted.fields.insert("measure".to_owned(), json!(unit));
            }
            None => wanted.notes.push(Note::NoUnit { unit: unit.clone() }),
        }
    }
    if !rules.owns(CatalogueField::Price) {
        return Ok(());
    }
    for price in prices {
        let name = price.kind.as_deref().or(rules.price_type.as_deref());
        let kind = facts.kind(name).ok_or_else(|| {
            let name = name.unwrap_or("(base)");
            Unclear::Unknown(format!("the portal has no kind of price called `{name}`"))
        })?;
        if wanted.prices.iter().all(|(other, ..)| *other != kind) {
            let currency = price.currency.clone();
            if facts.lacks_currency(&currency) {
                return Err(Unclear::Currency(currency));
            }
            wanted
                .prices
                .push((kind, price.amount.normalize(), currency));
        }
    }
    Ok(())
}

/// The fields that do not hold what they are to hold.
pub(super) fn changed(wanted: &Wanted, there: &LinkedElement) -> Map<String, Value> {
    let differs = |(name, ours): &(&String, &Value)| !equal(name, ours, there.fields.get(*name));
    let fields = wanted.fields.iter().filter(differs);
    let mut fields: Map<String, Value> = fields
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    // A text means nothing without saying what it is.
    if let (true, Some(kind)) = (
        fields.contains_key("detailText"),
        wanted.fields.get("detailTextType"),
    ) {
        fields.insert("detailTextType".to_owned(), kind.clone());
    }
    fields
}

/// Whether a price is as it is to be.
pub(super) fn is_priced(
    (_, amount, currency): &(u64, Decimal, String),
    there: &LinkedPrice,
) -> bool {
    *currency == there.currency && decimal(Some(&json!(there.amount))) == Some(*amount)
}

fn equal(name: &str, ours: &Value, theirs: Option<&Value>) -> bool {
    let (ours, theirs) = (text(Some(ours)), text(theirs));
    // Portals rewrite long texts; what is read in them counts.
    ours == theirs || name == "detailText" && letters(&ours) == letters(&theirs)
}

//! Goods of a file as rows.

use crate::{
    app::onec::parse::Came,
    domain::happening::FileNote,
    formats::{
        commerceml::{Group, Item, Offer, Print, Product},
        onec::upload,
    },
    storage::{
        ListKind,
        onec::{
            goods::{CountRow, PriceRow, ProductRow, lists::ListRow},
            imports::Done,
        },
    },
};
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap};

/// Lines that are told of one batch.
const LINES: usize = 20;
/// The channel of products of a catalogue; those of offers come after it.
const CATALOGUE: i16 = 1;

/// The element that speaks of a product.
#[derive(Debug, Clone, Copy)]
pub(super) struct Said {
    pub(super) channel: i16,
    /// None: several speak of it, or it cannot be known again.
    pub(super) print: Option<Print>,
}

/// Rows of one batch, each key once: what comes later stays.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// In the order of the file.
    pub(super) products: Vec<ProductRow>,
    /// Who speaks of each, and which of the rows it is.
    pub(super) said: HashMap<String, (Said, usize)>,
    pub(super) prices: BTreeMap<(String, String), (PriceRow, i16)>,
    pub(super) counts: BTreeMap<(String, String), (CountRow, i16)>,
    lists: BTreeMap<(ListKind, String), ListRow>,
    /// What a package of offers says of what is missing in it.
    pub(super) only_changes: Option<bool>,
}

impl Rows {
    /// Takes an item of goods in.
    fn take(&mut self, item: Item, print: Option<Print>) {
        match item {
            Item::Product(product) => self.product(*product, print),
            Item::Offer(offer) => self.offer(*offer, print),
            Item::Group(group) => self.group(&group, None),
            Item::Property(one) => {
                let values = one
                    .values
                    .iter()
                    .map(|(id, name)| json!({"id": id, "name": name}));
                let detail = json!({"values": values.collect::<Vec<_>>()});
                self.list(ListKind::Property, one.id, one.name, detail);
            }
            Item::PriceType(one) => {
                let detail = json!({"currency": one.currency, "tax_included": one.tax_included});
                self.list(ListKind::PriceType, one.id, one.name, detail);
            }
            Item::Warehouse(one) => self.list(ListKind::Warehouse, one.id, one.name, json!({})),
            Item::PackageHead(head) => self.only_changes = head.only_changes.or(self.only_changes),
            // Documents are taken in one by one.
            Item::Document(_) | Item::Package(_) | Item::Counterparty(_) => {}
        }
    }

    /// An element speaks of a product; the row of it that is there already.
    fn say(&mut self, id: &str, said: Said) -> Option<&mut ProductRow> {
        let next = self.products.len();
        let known = self.said.get_mut(id);
        let Some((before, nth)) = known else {
            self.said.insert(id.to_owned(), (said, next));
            return None;
        };
        *before = Said {
            print: None,
            ..said
        };
        self.products.get_mut(*nth)
    }

    fn list(&mut self, kind: ListKind, id: String, name: String, detail: Value) {
        let (id, name) = (clean(id), clean(name));
        let detail = crate::storage::storable(detail);
        let row = ListRow {
            kind,
            id: id.clone(),
            name,
            detail,
        };
        self.lists.insert((kind, id), row);
    }

    fn group(&mut self, group: &Group, parent: Option<&str>) {
        let detail = json!({"parent": parent});
        self.list(
            ListKind::Group,
            group.id.clone(),
            group.name.clone(),
            detail,
        );
        for inner in &group.groups {
            self.group(inner, Some(&group.id));
        }
    }

    fn product(&mut self, one: Product, print: Option<Print>) {
        let pairs = |list: &[(String, String)]| {
            let pairs = list.iter().map(|(name, value)| json!([name, value]));
            pairs.collect::<Vec<_>>()
        };
        let requisites = one
            .requisites
            .iter()
            .map(|(name, value)| json!([name, value]));
        let mut product = json!({
            "description": one.description, "unit": one.unit, "groups": one.groups,
            "taxes": pairs(&one.tax_rates),
            "properties": pairs(&one.properties), "requisites": requisites.collect::<Vec<_>>(),
        });
        // Without the member what was said of them before stays.
        if let Some(pictures) = one.pictures {
            let plain = |name: String| upload::name(&name).unwrap_or(name);
            product["pictures"] = pictures.into_iter().map(plain).collect();
        }
        let id = clean(one.id);
        let row = ProductRow {
            id: id.clone(),
            name: given(one.name),
            sku: one.sku.map(clean),
            barcodes: barcodes(&one.barcodes),
            product: Some(crate::storage::storable(product)),
            variant: None,
            card_deleted: Some(one.deleted),
            offer_deleted: None,
        };
        let channel = CATALOGUE;
        match self.say(&id, Said { channel, print }) {
            Some(before) => lay_over(before, row),
            None => self.products.push(row),
        }
    }

    fn offer(&mut self, one: Offer, print: Option<Print>) {
        let id = clean(one.id);
        let priced = i16::from(!one.prices.is_empty());
        let counted = i16::from(!one.rests.is_empty());
        let channel = CATALOGUE + 1 + priced + 2 * counted;
        for price in one.prices {
            let price_type = clean(price.price_type.unwrap_or_default());
            let row = PriceRow {
                product: id.clone(),
                price_type: price_type.clone(),
                price: price.price,
                currency: price.currency.map(clean),
                unit: price.unit.map(clean),
            };
            self.prices.insert((id.clone(), price_type), (row, channel));
        }
        for rest in one.rests {
            let store = clean(rest.warehouse.unwrap_or_default());
            let row = CountRow {
                product: id.clone(),
                store: store.clone(),
                quantity: rest.quantity,
            };
            self.counts.insert((id.clone(), store), (row, channel));
        }
        let characteristics = one
            .characteristics
            .iter()
            .map(|(name, value)| json!([name, value]));
        let characteristics: Vec<Value> = characteristics.collect();
        let variant = json!({"name": one.name, "characteristics": characteristics});
        let row = ProductRow {
            id: id.clone(),
            name: one.name.and_then(given),
            sku: one.sku.map(clean),
            barcodes: barcodes(&one.barcodes),
            product: None,
            variant: Some(crate::storage::storable(variant)),
            card_deleted: None,
            offer_deleted: one.deleted,
        };
        match self.say(&id, Said { channel, print }) {
            Some(before) => lay_over(before, row),
            None => self.products.push(row),
        }
    }

    /// The products and offers that were spoken of.
    pub(super) fn ids(&self) -> Vec<&str> {
        self.products.iter().map(|row| &*row.id).collect()
    }

    pub(super) fn lists(&self) -> Vec<ListRow> {
        self.lists.values().cloned().collect()
    }
}

/// Lays what a later element says of a product over what was said before, as the database does with
/// elements of two files: what is left out stays, and a card goes before an offer's name.
fn lay_over(before: &mut ProductRow, later: ProductRow) {
    let is_card = later.product.is_some();
    before.name = if is_card {
        later.name.or(before.name.take())
    } else {
        before.name.take().or(later.name)
    };
    before.sku = later.sku.or(before.sku.take());
    before.barcodes = later.barcodes.or(before.barcodes.take());
    let own = before.product.take();
    let pictures = own.as_ref().and_then(|own| own.get("pictures").cloned());
    before.product = later.product.or(own);
    if let (Some(Value::Object(card)), Some(pictures)) = (&mut before.product, pictures) {
        card.entry("pictures").or_insert(pictures);
    }
    let is_silent = |variant: &Value| *variant == json!({"name": null, "characteristics": []});
    let variant = before.variant.take();
    let tells = |later: &Value| variant.is_none() || !is_silent(later);
    before.variant = later.variant.filter(tells).or(variant);
    before.card_deleted = later.card_deleted.or(before.card_deleted);
    before.offer_deleted = later.offer_deleted.or(before.offer_deleted);
}

/// What items come to, and what is told of them.
pub(super) fn rows(items: Vec<Came>, count: i64) -> (Rows, Done) {
    let mut done = Done {
        items: count,
        ..Done::default()
    };
    let (mut rows, mut notes) = (Rows::default(), Vec::new());
    for came in items {
        match came.item {
            Ok(item) => rows.take(item, came.print),
            Err(fault) => {
                done.faulty += 1;
                notes.push(FileNote::Item {
                    fault: fault.detail,
                });
            }
        }
    }
    let count = notes.len().saturating_sub(LINES);
    notes.truncate(LINES);
    if count > 0 {
        notes.push(FileNote::More { count });
    }
    done.notes = notes;
    (rows, done)
}

/// Text that the database can hold.
fn clean(text: String) -> String {
    if text.contains('\0') {
        text.replace('\0', "\u{fffd}")
    } else {
        text
    }
}

fn given(text: String) -> Option<String> {
    (!text.is_empty()).then(|| clean(text))
}

fn barcodes(all: &[String]) -> Option<String> {
    let one_line = |code: &String| code.replace(['\n', '\0'], " ");
    let codes: Vec<String> = all.iter().map(one_line).collect();
    (!codes.is_empty()).then(|| codes.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: &str) -> ProductRow {
        ProductRow {
            id: id.to_owned(),
            name: None,
            sku: None,
            barcodes: None,
            product: None,
            variant: None,
            card_deleted: None,
            offer_deleted: None,
        }
    }

    #[test]
    fn a_card_and_its_offer_of_one_file_say_what_they_say_in_two() {
        let card = || ProductRow {
            name: Some("Чай".to_owned()),
            sku: Some("A-1".to_owned()),
            product: Some(json!({"unit": "шт"})),
            ..row("1")
        };
        let offer = || ProductRow {
            name: Some("Чай (шт)".to_owned()),
            barcodes: Some("46".to_owned()),
            variant: Some(json!({"name": "Чай (шт)", "characteristics": []})),
            ..row("1")
        };
        for (mut first, second) in [(card(), offer()), (offer(), card())] {
            lay_over(&mut first, second);
            let told = (
                first.name.as_deref(),
                first.sku.as_deref(),
                first.barcodes.as_deref(),
            );
            assert_eq!(told, (Some("Чай"), Some("A-1"), Some("46")));
            assert!(first.product.is_some() && first.variant.is_some());
        }
    }

    #[test]
    fn the_marks_of_a_card_and_of_its_offer_stand_beside_each_other() {
        let card = |deleted| ProductRow {
            card_deleted: Some(deleted),
            ..row("1")
        };
        let offer = |deleted| ProductRow {
            offer_deleted: deleted,
            ..row("1")
        };
        let marks = |mut first: ProductRow, later: ProductRow| {
            lay_over(&mut first, later);
            (first.card_deleted, first.offer_deleted)
        };
        let both = (Some(true), Some(false));
        assert_eq!(marks(card(true), offer(Some(false))), both);
        assert_eq!(marks(offer(Some(false)), card(true)), both);
        assert_eq!(marks(offer(Some(true)), offer(None)), (None, Some(true)));
        assert_eq!(
            marks(offer(Some(true)), offer(Some(false))),
            (None, Some(false))
        );
    }

    #[test]
    fn stock_alone_takes_back_no_name_and_a_card_without_pictures_takes_back_none() {
        let silent = json!({"name": null, "characteristics": []});
        let of = |variant: Value| ProductRow {
            variant: Some(variant),
            ..row("1")
        };
        let mut first = of(json!({"name": "S", "characteristics": []}));
        lay_over(&mut first, of(silent.clone()));
        assert_eq!(first.variant.unwrap()["name"], "S");
        let mut first = row("1");
        lay_over(&mut first, of(silent.clone()));
        assert_eq!(first.variant, Some(silent));
        let of = |product: Value| ProductRow {
            product: Some(product),
            ..row("1")
        };
        let mut first = of(json!({"pictures": ["a.jpg"]}));
        lay_over(&mut first, of(json!({"unit": "шт"})));
        assert_eq!(first.product.unwrap()["pictures"], json!(["a.jpg"]));
    }
}

//! Items of a catalogue or of a package of offers as rows.

use crate::{
    formats::{
        commerceml::{Group, Item, Offer, Product},
        onec::upload,
    },
    storage::{
        ListKind,
        onec::goods::{CountRow, ListRow, PriceRow, ProductRow},
    },
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Rows of one batch, each key once: what comes later stays.
#[derive(Debug, Default)]
pub(super) struct Rows {
    products: BTreeMap<String, ProductRow>,
    prices: BTreeMap<(String, String), PriceRow>,
    counts: BTreeMap<(String, String), CountRow>,
    lists: BTreeMap<(ListKind, String), ListRow>,
    /// What a package of offers says of what is missing in it.
    pub(super) only_changes: Option<bool>,
}

impl Rows {
    /// Takes an item in; hands back what is none of goods.
    pub(super) fn take(&mut self, item: Item) -> Option<Item> {
        match item {
            Item::Product(product) => self.product(*product),
            Item::Offer(offer) => self.offer(*offer),
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
            other => return Some(other),
        }
        None
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

    fn product(&mut self, one: Product) {
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
            deleted: one.deleted,
        };
        self.products.insert(id, row);
    }

    fn offer(&mut self, one: Offer) {
        let id = clean(one.id);
        for price in one.prices {
            let price_type = clean(price.price_type.unwrap_or_default());
            let row = PriceRow {
                product: id.clone(),
                price_type: price_type.clone(),
                price: price.price,
                currency: price.currency.map(clean),
                unit: price.unit.map(clean),
            };
            self.prices.insert((id.clone(), price_type), row);
        }
        for rest in one.rests {
            let store = clean(rest.warehouse.unwrap_or_default());
            let row = CountRow {
                product: id.clone(),
                store: store.clone(),
                quantity: rest.quantity,
            };
            self.counts.insert((id.clone(), store), row);
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
            deleted: one.deleted,
        };
        self.products.entry(id).or_insert(row);
    }

    pub(super) fn products(&self) -> Vec<ProductRow> {
        self.products.values().cloned().collect()
    }

    /// The products and offers that were spoken of.
    pub(super) fn ids(&self) -> Vec<String> {
        self.products.keys().cloned().collect()
    }

    pub(super) fn prices(&self) -> Vec<PriceRow> {
        self.prices.values().cloned().collect()
    }

    pub(super) fn counts(&self) -> Vec<CountRow> {
        self.counts.values().cloned().collect()
    }

    pub(super) fn lists(&self) -> Vec<ListRow> {
        self.lists.values().cloned().collect()
    }
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

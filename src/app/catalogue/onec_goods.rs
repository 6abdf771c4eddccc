//! Products of 1C become products of the shops whose catalogue 1C owns.

use super::intake::variations_of;
use crate::{
    app::{Catalogue, Error},
    domain::{
        CatalogueOwner, CatalogueRules, OrderNumber, PRODUCT_SAVED, ProductEvent, ShopName,
        happening::OrderEvent, product_key,
    },
    formats::onec::{
        Base,
        goods::{Good, GoodPrice, Lists, PriceKind, Reading, SentPicture, last_part},
    },
    storage::{
        ClosedHow, ListKind, Unreadable,
        catalogue::{self, ProductState},
        dead_letters,
        journal::{self, Line, LineKind},
        onec::{
            goods::{
                self, GoodsRow, PriceRow,
                lists::{self as listed, NamedRow},
            },
            pictures,
        },
    },
};
use serde::Deserialize;
use serde_json::{Value, json};
use sqlx::PgConnection;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

/// Rows of 1C that are looked at in one transaction.
const AT_ONCE: i64 = 500;

/// A shop whose catalogue 1C owns, and how that is kept in step.
type Owned<'a> = (&'a ShopName, &'a Arc<CatalogueRules>);
/// The goods of a base by the product of which they are.
type Goods = BTreeMap<String, Vec<Good>>;
/// The ids of rows that cannot be read, and what is odd about each.
type Odd = Vec<(String, Unreadable)>;

impl Catalogue {
    /// The bases whose products are some shop's catalogue.
    fn bases_of_goods(&self) -> Vec<(&Arc<Base>, Vec<Owned<'_>>)> {
        let bases = self.registry.bases.values();
        let with = bases.map(|base| (base, self.registry.shops_of_goods(base)));
        with.filter(|(_, shops)| !shops.is_empty()).collect()
    }

    /// Whether 1C owns the catalogue of any shop.
    pub fn has_onec_goods(&self) -> bool {
        !self.bases_of_goods().is_empty()
    }

    /// Types of prices that a shop's products are to have, and that no file of 1C has named; none
    /// before a file has named any.
    pub async fn unknown_price_types(&self, shop: &ShopName) -> Result<Vec<String>, Error> {
        let owner = self.registry.catalogues.get(shop).map(|rules| &rules.owner);
        let base = self.registry.base_of_goods(shop);
        let (Some(base), Some(CatalogueOwner::OneC { price_types })) = (base, owner) else {
            return Ok(Vec::new());
        };
        let rows = {
            let mut db = self.db.acquire().await?;
            listed::named(&mut db, base.name.as_str()).await?
        };
        let named: Vec<&NamedRow> = rows
            .iter()
            .filter(|row| row.kind != ListKind::Group)
            .collect();
        let is_known = |name: &String| named.iter().any(|row| row.id == *name || row.name == *name);
        let unknown = price_types.keys().filter(|name| !is_known(name));
        Ok(unknown.filter(|_| !named.is_empty()).cloned().collect())
    }

    /// Has the products taken up that came before 1C was declared to own a catalogue; how many.
    pub async fn take_up_older_goods(&self) -> Result<u64, Error> {
        let before = product_key("");
        let mut count = 0;
        let mut db = self.db.acquire().await?;
        for (base, shops) in self.bases_of_goods() {
            for (shop, _) in shops {
                let of = (shop.as_str(), &*before);
                count += goods::mark_untold_due(&mut db, base.name.as_str(), of).await?;
            }
        }
        Ok(count)
    }

    /// Takes up what 1C's files said since of products; false: nothing is left to do.
    pub async fn take_up_goods(&self) -> Result<bool, Error> {
        let (mut more, mut odd) = (false, None);
        for (base, shops) in self.bases_of_goods() {
            match self.take_up_some(base, &shops).await {
                Ok(some) => more |= some,
                // It would fail the same way for ever: the other bases go on.
                Err(error) if error.is_of_the_row() => odd = odd.or(Some(error)),
                Err(error) => return Err(error),
            }
        }
        odd.map_or(Ok(more), Err)
    }

    /// Takes up some products of a base: those after the ones that were looked at before, so that
    /// what cannot be read holds nobody up. One that cannot be read stays due and is told as an
    /// error once the others are committed.
    async fn take_up_some(&self, base: &Base, shops: &[Owned<'_>]) -> Result<bool, Error> {
        let name = base.name.as_str();
        let mut tx = self.db.begin().await?;
        if !goods::take_turn(&mut tx, name).await? {
            return Ok(false);
        }
        let after = self.goods_after.lock().get(name).cloned();
        let after = after.unwrap_or_default();
        let mut taken = goods::take_due(&mut tx, name, &after, AT_ONCE).await?;
        if taken.last.is_none() && !after.is_empty() {
            taken = goods::take_due(&mut tx, name, "", AT_ONCE).await?;
        }
        let Some(last) = taken.last else {
            return Ok(false);
        };
        self.goods_after.lock().insert(name.to_owned(), last);
        let (known, odd) = goods_of(&mut tx, name, &taken.products).await?;
        let unread: Vec<&str> = odd.iter().map(|(id, _)| &**id).collect();
        goods::mark_due(&mut tx, name, &unread).await?;
        let lists = lists(name, listed::named(&mut tx, name).await?)?;
        let with_pictures = shops.iter().any(|(_, rules)| rules.pictures);
        let sent = if with_pictures {
            sent_pictures(&mut tx, name, &known).await?
        } else {
            HashMap::new()
        };
        for (shop, rules) in shops {
            let CatalogueOwner::OneC { price_types } = &rules.owner else {
                continue;
            };
            let reading = Reading {
                base,
                rules,
                price_types,
                lists: &lists,
                sent: &sent,
            };
            let read = known
                .iter()
                .filter_map(|(id, goods)| Some((id, reading.product(id, goods)?)));
            self.store_goods(&mut tx, shop, base, read.collect())
                .await?;
        }
        tx.commit().await?;
        let concerned = shops.iter().filter(|_| !known.is_empty());
        for rules in concerned.filter_map(|(shop, _)| self.registry.rules(shop)) {
            self.waker.wake(rules.portal.as_str());
        }
        let first = odd.into_iter().next();
        first.map_or(Ok(true), |(_, why)| Err(why.into()))
    }

    /// Stores the products that differ from what is known of them.
    async fn store_goods(
        &self,
        db: &mut PgConnection,
        shop: &ShopName,
        base: &Base,
        read: Vec<(&String, Value)>,
    ) -> Result<(), Error> {
        let Some(rules) = self.registry.rules(shop) else {
            return Ok(());
        };
        let keys: Vec<String> = read.iter().map(|(id, _)| product_key(id)).collect();
        let before = catalogue::lock_all(db, shop.as_str(), &keys).await?;
        let before: HashMap<String, _> = before.into_iter().collect();
        let mut lines = Vec::new();
        for (key, (id, data)) in keys.into_iter().zip(read) {
            if let Err(rule) = OrderNumber::parse(&key) {
                let base = &base.name;
                tracing::warn!(%shop, %base, id, rule, "a product of 1C has no usable id");
                continue;
            }
            let known = before.get(&key);
            let same = known.and_then(|body| body.value().ok());
            if same.is_some_and(|body| body.get("data") == Some(&data)) {
                continue;
            }
            let body = json!({"specversion": "1.0", "type": PRODUCT_SAVED, "id": key,
                              "source": format!("onec/{}", base.name), "data": data});
            let state = ProductState {
                shop: shop.as_str(),
                key: &key,
                portal: rules.portal.as_str(),
                body: &body,
            };
            let is_first = known.is_none() && catalogue::add(db, &state).await?;
            if !is_first {
                catalogue::replace(db, &state).await?;
                let newer = (ClosedHow::Overtaken, "a newer state of the product came");
                let keys = std::slice::from_ref(&key);
                dead_letters::close_subjects(db, shop.as_str(), keys, newer).await?;
            }
            // What cannot be read is told when it is taken up, as of any product.
            let variations = ProductEvent::read(&body).map(|event| variations_of(&event.change));
            let variations = variations.unwrap_or_default();
            catalogue::has_variations(db, shop.as_str(), &key, &variations).await?;
            lines.push(Line {
                shop: shop.as_str().to_owned(),
                number: key,
                kind: LineKind::Accepted,
                what: if is_first {
                    OrderEvent::ProductCame.into()
                } else {
                    OrderEvent::ProductCameNewer.into()
                },
                detail: None,
            });
        }
        journal::add(db, &lines).await?;
        Ok(())
    }
}

/// What is known of products and their characteristics. A product is left out as a whole where a
/// row of it cannot be read: without that row it would be said as it is not.
async fn goods_of(
    db: &mut PgConnection,
    base: &str,
    ids: &[String],
) -> Result<(Goods, Odd), Error> {
    let rows = goods::with_variations(db, base, ids).await?;
    let all: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let mut prices: HashMap<String, Vec<GoodPrice>> = HashMap::new();
    for row in goods::prices_of(db, base, &all).await? {
        let PriceRow {
            product,
            price_type,
            price,
            currency,
            ..
        } = row;
        prices.entry(product).or_default().push(GoodPrice {
            price_type,
            price,
            currency,
        });
    }
    let (mut known, mut odd) = (Goods::new(), Odd::new());
    for row in rows {
        let id = row.id.clone();
        let prices = prices.remove(&id).unwrap_or_default();
        match good(base, row, prices) {
            Ok(good) => known.entry(head(&id).to_owned()).or_default().push(good),
            Err(why) => odd.push((id, why)),
        }
    }
    for (id, _) in &odd {
        known.remove(head(id));
    }
    Ok((known, odd))
}

/// The product of which this is the id, or the id of a variation.
fn head(id: &str) -> &str {
    id.split_once('#').map_or(id, |(head, _)| head)
}

fn good(base: &str, row: GoodsRow, prices: Vec<GoodPrice>) -> Result<Good, Unreadable> {
    let place = format_args!("{} of the base {base}", row.id);
    let card = row
        .product
        .map(|product| product.typed_of("bridge.onec_products", "product", place))
        .transpose()?;
    Ok(Good {
        id: row.id,
        name: row.name,
        sku: row.sku,
        barcodes: row.barcodes,
        card,
        offered: row.offered,
        withdrawn: row.withdrawn,
        prices,
    })
}

/// The files that 1C sent under the names of these products' pictures.
async fn sent_pictures(
    db: &mut PgConnection,
    base: &str,
    known: &Goods,
) -> Result<HashMap<String, Vec<SentPicture>>, Error> {
    let cards = known
        .values()
        .flatten()
        .filter_map(|good| good.card.as_ref());
    let names = cards.filter_map(|card| card.pictures.as_ref()).flatten();
    let lasts: BTreeSet<String> = names.map(|name| last_part(name)).collect();
    let lasts: Vec<String> = lasts.into_iter().collect();
    let mut sent: HashMap<String, Vec<SentPicture>> = HashMap::new();
    if lasts.is_empty() {
        return Ok(sent);
    }
    for row in pictures::ending(db, base, &lasts).await? {
        let one = SentPicture {
            name: row.name,
            digest: row.digest,
            fault: row.fault,
        };
        sent.entry(row.last_part).or_default().push(one);
    }
    Ok(sent)
}

/// What stands beside a name in a list, as it is stored.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Detail {
    parent: Option<String>,
    currency: Option<String>,
    tax_included: Option<bool>,
}

/// The groups and the types of prices of a base. Without one of them no product can be said as it
/// is.
fn lists(base: &str, rows: Vec<NamedRow>) -> Result<Lists, Unreadable> {
    let mut lists = Lists::default();
    for row in rows {
        let place = format_args!("the {} {} of the base {base}", row.kind.as_str(), row.id);
        let detail = row.detail.typed_of("bridge.onec_lists", "detail", place);
        let detail: Detail = detail?;
        match row.kind {
            ListKind::Group => {
                lists.groups.insert(row.id, (row.name, detail.parent));
            }
            ListKind::PriceType => {
                let kind = PriceKind {
                    name: row.name,
                    currency: detail.currency,
                    tax_included: detail.tax_included,
                };
                lists.price_types.insert(row.id, kind);
            }
            ListKind::Property | ListKind::Warehouse => {}
        }
    }
    Ok(lists)
}

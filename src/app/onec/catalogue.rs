//! `type=get_catalog`: a base loads the products of its shops, answer by answer.
//!
//! The first answer of a shop is its groups and properties, then come its goods, then what they
//! cost. How far a session is stands in its row, so that any process gives the next answer; an
//! `init` begins anew, as 1C does after an answer that it has lost.

use super::{Onec, Session};
use crate::{
    app::Error,
    domain::{Product, ProductEvent, ShopName},
    formats::{
        commerceml::write::Form,
        onec::catalogue::{Outline, Shelf, articles},
    },
    storage::{
        CataloguePart, catalogue,
        catalogue::DueProduct,
        onec::{
            goods,
            sessions::{self, CataloguePlace},
        },
        sync::clock_offsets,
    },
};
use sqlx::PgConnection;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use tokio::time::Instant;

/// Products that are read at once.
const AT_ONCE: i64 = 100;

/// What a base is given of the products of its shops.
#[derive(Debug)]
pub enum CatalogueAnswer {
    /// A file of some of them.
    Part {
        /// How many were given with it, of its kind; how many there are.
        given: i64,
        /// How many products the shop has.
        total: i64,
        /// Whether it is about what they cost.
        offers: bool,
        /// The file, in the base's encoding.
        file: Vec<u8>,
    },
    /// All of them were given.
    Over,
    /// No shop of the base tells the bridge of products of its own.
    NoProducts,
    /// Another query of the session has been answered meanwhile.
    Overtaken,
}

/// A product that is sold, as its shop told it.
struct Shown {
    id: String,
    product: Box<Product>,
}

impl Onec {
    /// The next part of the products of a base's shops.
    pub async fn onec_catalogue(&self, session: &Session) -> Result<CatalogueAnswer, Error> {
        let base = &session.base;
        let shops: Vec<&ShopName> = base.shops.iter().filter(|shop| self.tells(shop)).collect();
        let Some(&first) = shops.first() else {
            return Ok(CatalogueAnswer::NoProducts);
        };
        let mut db = self.db.acquire().await?;
        let from = sessions::catalogue(&mut db, session.id).await?;
        let begin = |shop: &ShopName, part| CataloguePlace {
            part,
            shop: shop.to_string(),
            after: String::new(),
            given: 0,
        };
        let beginning = || begin(first, CataloguePart::Groups);
        let mut place = from.clone().unwrap_or_else(beginning);
        let now = clock_offsets::now(&mut db).await?;
        let form = Form {
            version: session.speaks(),
            encoding: base.encoding,
            subordinate: false,
            formed_at: base.local(now),
        };
        loop {
            let at = shops.iter().position(|shop| shop.as_str() == place.shop);
            let (Some(at), Some(shop)) = (at, at.and_then(|at| shops.get(at).copied())) else {
                // The settings were changed since its last answer.
                return Ok(CatalogueAnswer::Overtaken);
            };
            let shelf = Shelf {
                base,
                shop: shop.as_str(),
            };
            let (file, next) = match place.part {
                CataloguePart::Over => return Ok(CatalogueAnswer::Over),
                CataloguePart::Groups => {
                    let file = outline(&mut db, shelf, form).await?;
                    (Some(file), begin(shop, CataloguePart::Goods))
                }
                part => {
                    let (file, next) = page(&mut db, shelf, form, &place).await?;
                    let next = next.unwrap_or_else(|| match (part, shops.get(at + 1).copied()) {
                        (CataloguePart::Goods, _) => begin(shop, CataloguePart::Offers),
                        (_, Some(next)) => begin(next, CataloguePart::Groups),
                        (_, None) => begin(shop, CataloguePart::Over),
                    });
                    (file, next)
                }
            };
            let Some(file) = file else {
                place = next;
                continue;
            };
            let counts = catalogue::counts(&mut db, shop.as_str()).await?;
            if !sessions::move_catalogue(&mut db, session.id, from.as_ref(), &next).await? {
                return Ok(CatalogueAnswer::Overtaken);
            }
            return Ok(CatalogueAnswer::Part {
                given: next.given,
                total: counts.waiting + counts.linked + counts.dead,
                offers: place.part == CataloguePart::Offers,
                file,
            });
        }
    }

    /// Whether a shop tells the bridge of products that are not 1C's own.
    fn tells(&self, shop: &ShopName) -> bool {
        let rules = self.registry.catalogues.get(shop);
        rules.is_some_and(|rules| !rules.is_onecs())
    }
}

/// The groups and the properties of all products of a shop.
async fn outline(db: &mut PgConnection, shelf: Shelf<'_>, form: Form) -> Result<Vec<u8>, Error> {
    let mut outline = Outline::default();
    let mut after = String::new();
    loop {
        let rows = catalogue::page(&mut *db, shelf.shop, &after, AT_ONCE).await?;
        let Some(last) = rows.last() else { break };
        after.clone_from(&last.due.key);
        for shown in rows.iter().filter_map(shown) {
            outline.add(&shown.product);
        }
    }
    let (groups, properties) = shelf.outline(&outline);
    Ok(shelf.catalogue().classifier(form, &properties, &groups))
}

/// The next page of goods or of what they cost, and where to go on; neither behind the last one.
async fn page(
    db: &mut PgConnection,
    shelf: Shelf<'_>,
    form: Form,
    place: &CataloguePlace,
) -> Result<(Option<Vec<u8>>, Option<CataloguePlace>), Error> {
    let rules = shelf.base.catalogue;
    let until = match rules.step {
        Duration::ZERO => None,
        step => Some(Instant::now() + step),
    };
    let mut next = place.clone();
    let mut left = i64::from(rules.elements);
    let mut page: Vec<Shown> = Vec::new();
    while left > 0 && until.is_none_or(|until| Instant::now() < until) {
        let rows = catalogue::page(&mut *db, shelf.shop, &next.after, left.min(AT_ONCE)).await?;
        let Some(last) = rows.last() else { break };
        next.after.clone_from(&last.due.key);
        let read = i64::try_from(rows.len()).unwrap_or(i64::MAX);
        next.given += read;
        left -= read;
        page.extend(rows.iter().filter_map(shown));
    }
    if next.after == place.after {
        return Ok((None, None));
    }
    let skus: BTreeSet<String> = page
        .iter()
        .flat_map(|one| articles(&one.id, &one.product))
        .collect();
    let skus: Vec<String> = skus.into_iter().collect();
    let known = goods::by_sku(db, shelf.base.name.as_str(), &skus).await?;
    let known: BTreeMap<String, String> = known.into_iter().collect();
    let of = shelf.catalogue();
    let pages = page.iter();
    let file = if place.part == CataloguePart::Offers {
        let offers = pages.flat_map(|one| shelf.offers(&one.id, &one.product, &known));
        of.offers(form, &offers.collect::<Vec<_>>())
    } else {
        let goods = pages.flat_map(|one| shelf.goods(&one.id, &one.product, &known));
        of.goods(form, &goods.collect::<Vec<_>>())
    };
    Ok((Some(file), Some(next)))
}

/// A product that is sold. One that was deleted or withdrawn is not; one that cannot be read is a
/// dead letter of its own, and told there.
fn shown(row: &DueProduct) -> Option<Shown> {
    let body = row.due.body.value().ok()?;
    let change = ProductEvent::read(body).ok()?.change;
    let product = change.product.filter(|product| product.active)?;
    Some(Shown {
        id: change.id,
        product,
    })
}

//! All products of a shop at once: what is stored of them, and sending them again.

use super::queue::{key_of, neighbours};
use crate::{
    app::{Actor, Catalogue, Error},
    domain::{ProductPicture, ShopName, happening::Act},
    planner::ProductJob,
    storage::{
        catalogue::{self, ProductRow},
        journal,
        onec::goods,
    },
};
use serde_json::json;
use std::collections::BTreeMap;

/// Products that are read at once: as many as one call can look up.
const PAGE: i64 = 2_500;
/// Products on a page for people.
pub(super) const SHOWN: i64 = 30;

/// Some products of a shop, and where to go on.
#[derive(Debug, Default)]
pub struct ProductPage {
    /// The products that can be read.
    pub jobs: Vec<ProductJob>,
    /// Those that cannot: key, and why.
    pub unreadable: Vec<(String, String)>,
    /// The pictures that products are to have, by their keys; `None`: those that they had.
    pub(super) pictures: BTreeMap<String, Option<Vec<ProductPicture>>>,
    /// The last key; none: there are no more.
    pub last: Option<String>,
}

impl Catalogue {
    /// The next products of a shop after this key.
    pub async fn page(&self, shop: &ShopName, after: &str) -> Result<ProductPage, Error> {
        let rows = {
            let mut db = self.db.acquire().await?;
            catalogue::page(&mut db, shop.as_str(), after, PAGE).await?
        };
        let mut page = ProductPage {
            last: rows.last().map(|row| row.due.key.clone()),
            ..ProductPage::default()
        };
        let portal = self.registry.rules(shop).map(|rules| rules.portal.clone());
        let portal = portal.map_or_else(Vec::new, |portal| self.shops_of(portal.as_str()));
        let prefixes = self.prefixes_of(&portal);
        for row in rows {
            match self.understand(&row) {
                Ok((mut job, pictures)) => {
                    job.neighbours = neighbours(&job, &prefixes);
                    page.pictures.insert(row.due.key, pictures);
                    page.jobs.push(job);
                }
                Err((_, why)) => page.unreadable.push((row.due.key, why)),
            }
        }
        let uncounted = self
            .count_what_is_sold(page.jobs.iter_mut().collect())
            .await?;
        page.jobs
            .retain(|job| !uncounted.contains_key(&key_of(job)));
        let told = uncounted
            .into_iter()
            .map(|(of, why)| (of.number, why.to_string()));
        page.unreadable.extend(told);
        Ok(page)
    }

    /// Makes all products of a shop due; how many.
    pub async fn sync_all(&self, shop: &ShopName, who: &Actor) -> Result<u64, Error> {
        let rules = self.registry.rules(shop).ok_or(Error::NotFound)?;
        if !self.registry.catalogues.contains_key(shop) {
            return Err(Error::NotFound);
        }
        let mut tx = self.db.begin().await?;
        let count = catalogue::wake_all(&mut tx, shop.as_str()).await?;
        if let Some(base) = self.registry.base_of_goods(shop) {
            goods::mark_all_due(&mut tx, base.name.as_str()).await?;
        }
        let detail = json!({ "products": count });
        let act = Act::CatalogueSent {
            shop: shop.to_string(),
            products: count,
        };
        journal::audit(&mut tx, &who.0, &act, shop.as_str(), &detail).await?;
        tx.commit().await?;
        self.waker.wake(rules.portal.as_str());
        Ok(count)
    }

    /// Products of a shop by key, after this one; only those that are not in step, if that is
    /// asked.
    pub async fn list(
        &self,
        shop: &ShopName,
        after: &str,
        only_open: bool,
    ) -> Result<Vec<ProductRow>, Error> {
        let mut db = self.db.acquire().await?;
        let of = (shop.as_str(), after);
        Ok(catalogue::list(&mut db, of, only_open, SHOWN).await?)
    }

    /// How many products of a shop wait, are settled, and are dead.
    pub async fn counts(&self, shop: &ShopName) -> Result<catalogue::ProductCounts, Error> {
        let mut db = self.db.acquire().await?;
        Ok(catalogue::counts(&mut db, shop.as_str()).await?)
    }
}

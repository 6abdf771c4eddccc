//! Due products on their way to the planner.

use super::pictures::Pictured;
use crate::{
    app::{Catalogue, Claim, Error, delivery::claim::unreadable, subjects},
    domain::{
        ErrorCode, OrderKey, OrderNumber, PortalName, ProductEvent, ProductPicture, ShopName,
    },
    planner::{Hindrance, KnownLinks, ProductJob, ProductLinks, hex_digest},
    process::bug::{self, Step},
    stock::PortalStock,
    storage::{
        Reason, Unreadable,
        catalogue::{self, DueProduct},
        queue::lanes::Lease,
        stock::quantity,
        views::incidents,
    },
};
use rust_decimal::Decimal;
use std::collections::{BTreeMap, BTreeSet};

/// A product, and its pictures.
type Understood = (ProductJob, Option<Vec<ProductPicture>>);

/// Products in one wave at most: as many as one call can look up.
pub const MOST_IN_A_WAVE: usize = 2_500;

impl Catalogue {
    /// The due products of a lane, so many at most and the longest due first, without those that
    /// are being worked on already. What cannot be understood is given up.
    pub async fn claim(
        &self,
        lease: &Lease,
        busy: &BTreeSet<OrderKey>,
        most: usize,
    ) -> Result<Vec<(Claim, ProductJob)>, Error> {
        let shops = self.shops_of(&lease.portal);
        if shops.is_empty() {
            return Ok(Vec::new());
        }
        let due = {
            let mut db = self.db.acquire().await?;
            let most = i64::try_from(most.min(MOST_IN_A_WAVE)).unwrap_or(i64::MAX);
            catalogue::claim(&mut db, lease, &shops, most).await?
        };
        let prefixes = self.prefixes_of(&shops);
        let idle = |one: &&DueProduct| !busy.contains(&OrderKey::new(&one.due.shop, &one.due.key));
        let mut work = Vec::with_capacity(due.len());
        let mut pictured = Vec::new();
        for one in due.iter().filter(idle) {
            let claim = subjects::claim_of(&one.due);
            match bug::caught(|| self.understand(one)) {
                Ok(Ok((mut job, pictures))) => {
                    job.neighbours = neighbours(&job, &prefixes);
                    if let Some(pictures) = pictures.filter(|_| job.rules.pictures) {
                        pictured.push(Pictured {
                            shop: job.shop.clone(),
                            product: one.due.key.clone(),
                            revision: one.due.revision,
                            pictures,
                        });
                    }
                    work.push((claim, job));
                }
                Ok(Err(fault)) => {
                    subjects::dead_letter(&self.db, &self.metrics, lease, &claim, fault).await?;
                }
                Err(bug) => {
                    let fault = (ErrorCode::Bug, bug.to_string());
                    subjects::dead_letter(&self.db, &self.metrics, lease, &claim, fault).await?;
                }
            }
        }
        self.name_pictures(&lease.portal, &pictured, busy).await?;
        let jobs = work.iter_mut().map(|(_, job)| job).collect();
        let uncounted = self.count_what_is_sold(jobs).await?;
        let mut counted = Vec::with_capacity(work.len());
        for (claim, job) in work {
            if let Some(why) = uncounted.get(&key_of(&job)) {
                let fault = unreadable(why);
                subjects::dead_letter(&self.db, &self.metrics, lease, &claim, fault).await?;
            } else {
                counted.push((claim, job));
            }
        }
        Ok(counted)
    }

    /// What can be sold of each product, where the portal is shown that. Returns those of which
    /// that cannot be read.
    pub(super) async fn count_what_is_sold(
        &self,
        jobs: Vec<&mut ProductJob>,
    ) -> Result<BTreeMap<OrderKey, Unreadable>, Error> {
        let mut uncounted = BTreeMap::new();
        let mut of_stocks: BTreeMap<&str, Vec<&mut ProductJob>> = BTreeMap::new();
        for job in jobs {
            let stock = self.stock.stock_of(&job.shop);
            if let Some(stock) = stock.filter(|stock| stock.portal == PortalStock::Quantity)
                && job.product.is_some()
            {
                of_stocks.entry(stock.name.as_str()).or_default().push(job);
            }
        }
        for (stock, jobs) in of_stocks {
            let ids: Vec<String> = jobs.iter().flat_map(|job| job.sold_as()).collect();
            let available = {
                let mut db = self.db.acquire().await?;
                quantity::available(&mut db, stock, &ids).await?
            };
            for job in jobs {
                match sold_of(job, stock, &available) {
                    Ok(sold) => job.show(sold),
                    Err(why) => {
                        uncounted.insert(key_of(job), why);
                    }
                }
            }
        }
        Ok(uncounted)
    }

    /// Seconds until the next product of a portal can be taken up.
    pub async fn next_due(&self, portal: &str) -> Result<Option<f64>, Error> {
        let shops = self.shops_of(portal);
        if shops.is_empty() {
            return Ok(None);
        }
        let mut db = self.db.acquire().await?;
        Ok(catalogue::next_due(&mut db, portal, &shops).await?)
    }

    /// The shops of a portal that keep a catalogue there.
    pub(super) fn shops_of(&self, portal: &str) -> Vec<String> {
        let with = self.registry.catalogues.keys();
        let with: BTreeSet<&str> = with.map(ShopName::as_str).collect();
        let mut shops = self.registry.shops_of(portal);
        shops.retain(|shop| with.contains(&**shop));
        shops
    }

    /// What the external codes of each of these shops begin with.
    pub(super) fn prefixes_of(&self, shops: &[String]) -> Vec<(ShopName, String)> {
        let names = shops.iter().filter_map(|shop| ShopName::parse(shop).ok());
        let with = names.filter_map(|shop| {
            let prefix = self.registry.catalogues.get(&shop)?.prefix.clone();
            Some((shop, prefix))
        });
        with.collect()
    }

    /// Writes down what keeps the products of a portal waiting.
    pub async fn hindered(&self, portal: &PortalName, by: &Hindrance) -> Result<(), Error> {
        let reason = Reason::new(by.code, &by.message);
        let (code, words) = (reason.code, reason.message);
        tracing::warn!(%portal, %code, words, "products wait: the portal does not take them");
        let mut db = self.db.acquire().await?;
        Ok(incidents::note(&mut db, portal.as_str(), reason, 1).await?)
    }

    /// The portal takes products again.
    pub async fn unhindered(&self, portal: &PortalName) -> Result<(), Error> {
        let mut db = self.db.acquire().await?;
        let codes = [ErrorCode::CatNoRight.as_str().to_owned()];
        Ok(incidents::over(&mut db, portal.as_str(), Some(&codes)).await?)
    }

    /// A product as it is understood, and its pictures, if it speaks of them.
    pub(super) fn understand(&self, one: &DueProduct) -> Result<Understood, (ErrorCode, String)> {
        let due = &one.due;
        self.traps.step(Step::Claim, &due.key);
        let invalid = |why: String| (ErrorCode::Invalid, why);
        let shop = ShopName::parse(&due.shop).map_err(invalid)?;
        let rules = self.registry.catalogues.get(&shop).cloned();
        let rules = rules.ok_or_else(|| {
            let words = format!("[shops.{shop}.catalogue] is not configured");
            (ErrorCode::Config, words)
        })?;
        let body = due.body.value().map_err(|why| invalid(why.to_owned()))?;
        let event = ProductEvent::read(body);
        let event = event.map_err(|faults| invalid(crate::app::sentence(&faults)))?;
        let key = OrderKey::new(&due.shop, &due.key);
        let known = due.known.typed("bridge.subjects", "known", &key);
        let known: KnownLinks = known.map_err(|why| unreadable(&why))?;
        let links = match known.product {
            Some(links) if !one.doubtful => *links,
            _ => ProductLinks::default(),
        };
        let told = hex_digest(&format!("{:?}\n{rules:?}", event.change.product));
        // What has changed since is written by what is known: the portal's answer proves that.
        let links = if links.unproved && links.told == told {
            ProductLinks::default()
        } else {
            links
        };
        let pictures = event.change.pictures;
        let job = ProductJob {
            quantities: BTreeMap::new(),
            neighbours: Vec::new(),
            number: OrderNumber::parse(&due.key).map_err(invalid)?,
            id: event.change.id,
            product: event.change.product,
            told,
            shop,
            rules,
            links,
        };
        Ok((job, pictures))
    }
}

/// What the external codes of a product's neighbours begin with, of the shops of its portal.
pub(super) fn neighbours(job: &ProductJob, prefixes: &[(ShopName, String)]) -> Vec<String> {
    let others = prefixes.iter().filter(|(shop, _)| *shop != job.shop);
    others.map(|(_, prefix)| prefix.clone()).collect()
}

/// The subject that a product is.
pub(super) fn key_of(job: &ProductJob) -> OrderKey {
    OrderKey::new(job.shop.as_str(), job.number.as_str())
}

/// What can be sold under each id of a product; nothing of those of which nobody knows.
fn sold_of(
    job: &ProductJob,
    stock: &str,
    available: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, Decimal>, Unreadable> {
    let mut sold = BTreeMap::new();
    for id in job.sold_as() {
        let Some(text) = available.get(&id) else {
            continue;
        };
        let quantity = text.parse::<Decimal>().map_err(|why| {
            let key = format_args!("the product {id} of the stock {stock}");
            Unreadable::of("bridge.stock_levels", "on_hand", key, why)
        })?;
        sold.insert(id, quantity);
    }
    Ok(sold)
}

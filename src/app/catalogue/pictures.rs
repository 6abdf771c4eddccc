//! Pictures of products on their way to the planner.

use crate::{
    app::{Catalogue, Claim, Error, delivery::claim::unreadable, onec::pictures as onec, subjects},
    domain::{
        ErrorCode, OrderKey, OrderNumber, Picture, ProductPicture, ShopName, is_picture_key,
        picture_key,
    },
    planner::{KnownLinks, PictureFault, PictureJob, PictureLink},
    process::bug::{self, Step},
    storage::{
        ClosedHow, dead_letters,
        pictures::{self, DuePicture, NamedPicture, PicturedProduct},
        queue::lanes::Lease,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Pictures that are looked at in one turn. Most of them are there already.
const LOOKED_AT: i64 = 200;
/// Pictures in one wave of which something is to be done: each file is held in memory, and is a
/// call of its own.
const WAVE: usize = 5;

/// A picture as it is stored.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct StoredPicture {
    /// As what the shop names it, and on which card.
    #[serde(flatten)]
    pub(super) picture: ProductPicture,
    /// Its place among the pictures of its product, from 0.
    place: usize,
    /// Whether the shop names it.
    pub(super) shown: bool,
    /// The product's revision when the shop last spoke of it.
    of: i64,
}

/// A product that was taken up, and the pictures that its newest state names.
#[derive(Debug)]
pub(super) struct Pictured {
    pub(super) shop: ShopName,
    pub(super) product: String,
    pub(super) revision: i64,
    pub(super) pictures: Vec<ProductPicture>,
}

impl Pictured {
    fn named(&self) -> impl Iterator<Item = NamedPicture> {
        let pictures = self.pictures.iter().enumerate();
        pictures.map(move |(place, picture)| {
            let stored = StoredPicture {
                picture: picture.clone(),
                place,
                shown: true,
                of: self.revision,
            };
            NamedPicture {
                shop: self.shop.to_string(),
                key: picture_key(&self.product, &picture.identity()),
                product: self.product.clone(),
                body: json!(stored),
            }
        })
    }
}

impl Catalogue {
    /// Stores which pictures the products are to have that were just taken up. Each is looked at
    /// once for each state of its product, also one that was given up.
    pub(super) async fn name_pictures(
        &self,
        portal: &str,
        of: &[Pictured],
        busy: &BTreeSet<OrderKey>,
    ) -> Result<(), Error> {
        if of.is_empty() {
            return Ok(());
        }
        let busy = busy.iter().map(|key| key.number.clone());
        let busy: Vec<String> = busy.filter(|key| is_picture_key(key)).collect();
        let (mut products, mut named) = (Vec::new(), Vec::new());
        for one in of {
            products.push(PicturedProduct {
                shop: one.shop.to_string(),
                product: one.product.clone(),
                revision: one.revision,
            });
            named.extend(one.named());
        }
        let mut tx = self.db.begin().await?;
        let due = pictures::name(&mut tx, portal, &products, (&named, &busy)).await?;
        let mut by_shop: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for OrderKey { shop, number } in due {
            by_shop.entry(shop).or_default().push(number);
        }
        for (shop, keys) in by_shop {
            let newer = (ClosedHow::Overtaken, "a newer state of the product came");
            dead_letters::close_subjects(&mut tx, &shop, &keys, newer).await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// The due pictures of a lane whose products are in the portal, at most one of each product
    /// that is to be written, without those that are being worked on already and those that stand
    /// at hosts that rest. What cannot be understood becomes a dead letter.
    pub async fn claim_pictures(
        &self,
        lease: &Lease,
        busy: &BTreeSet<OrderKey>,
        resting: &[String],
    ) -> Result<Vec<(Claim, PictureJob)>, Error> {
        let shops = self.shops_of(&lease.portal);
        if shops.is_empty() {
            return Ok(Vec::new());
        }
        let due = {
            let mut db = self.db.acquire().await?;
            pictures::claim(&mut db, lease, (&shops, resting), LOOKED_AT).await?
        };
        let (mut work, mut products) = (Vec::new(), BTreeSet::new());
        for one in due {
            if busy.contains(&OrderKey::new(&one.due.shop, &one.due.key)) {
                continue;
            }
            let of = (one.due.shop.clone(), one.due.order_number.clone());
            let claim = subjects::claim_of(&one.due);
            match bug::caught(|| self.understand_picture(&one)) {
                Ok(Ok(job)) if job.rests() => work.push((claim, job)),
                Ok(Ok(job)) => {
                    // What one leaves on the card, the next one sees there.
                    if products.insert(of) {
                        work.push((claim, job));
                    }
                }
                Ok(Err(fault)) => {
                    subjects::dead_letter(&self.db, &self.metrics, lease, &claim, fault).await?;
                }
                Err(bug) => {
                    let fault = (ErrorCode::Bug, bug.to_string());
                    subjects::dead_letter(&self.db, &self.metrics, lease, &claim, fault).await?;
                }
            }
            if products.len() == WAVE {
                break;
            }
        }
        for (_, job) in work.iter_mut().filter(|(_, job)| job.wants_file()) {
            job.file = self.file_of(job).await?;
        }
        Ok(work)
    }

    /// The file of a picture that came in an event or from 1C, or why there is none; `None`: it
    /// stands elsewhere.
    async fn file_of(
        &self,
        job: &PictureJob,
    ) -> Result<Option<Result<Vec<u8>, PictureFault>>, Error> {
        let fault = |message: String| PictureFault {
            code: ErrorCode::CatPictureUnusable,
            message,
            lasts: true,
        };
        let product = &job.product;
        Ok(match &job.source {
            Picture::Address(_) => None,
            Picture::Broken(why) => Some(Err(fault(format!("a picture of {product}: {why}")))),
            Picture::Awaited(name) => {
                let message = format!(
                    "a picture of {product}: 1C names the file {name}, and has not sent it"
                );
                Some(Err(PictureFault {
                    code: ErrorCode::CatPictureNotSent,
                    message,
                    lasts: false,
                }))
            }
            Picture::File(digest) => {
                let file = if let Some(base) = self.registry.base_of_goods(&job.shop) {
                    onec::content(&self.db, base.name.as_str(), digest).await?
                } else {
                    let mut db = self.db.acquire().await?;
                    pictures::file(&mut db, (job.shop.as_str(), product), digest).await?
                };
                let gone = || fault(format!("a picture of {product}: its file is kept no more"));
                Some(file.ok_or_else(gone))
            }
        })
    }

    /// Seconds until the next picture of a portal can be taken up that stands at no host that
    /// rests.
    pub async fn next_picture_due(
        &self,
        portal: &str,
        resting: &[String],
    ) -> Result<Option<f64>, Error> {
        let shops = self.shops_of(portal);
        if shops.is_empty() {
            return Ok(None);
        }
        let mut db = self.db.acquire().await?;
        Ok(pictures::next_due(&mut db, portal, (&shops, resting)).await?)
    }

    fn understand_picture(&self, one: &DuePicture) -> Result<PictureJob, (ErrorCode, String)> {
        let due = &one.due;
        self.traps.step(Step::Claim, &due.key);
        let invalid = |why: String| (ErrorCode::Invalid, why);
        let shop = ShopName::parse(&due.shop).map_err(invalid)?;
        let rules = self.registry.catalogues.get(&shop).ok_or_else(|| {
            let words = format!("[shops.{shop}.catalogue] is not configured");
            (ErrorCode::Config, words)
        })?;
        let key = &OrderKey::new(&due.shop, &due.key);
        let stored = due.body.typed("bridge.subjects", "body", key);
        let stored: StoredPicture = stored.map_err(|why| unreadable(&why))?;
        let known = due.known.typed("bridge.subjects", "known", key);
        let known: KnownLinks = known.map_err(|why| unreadable(&why))?;
        if let (true, true, Some(variation)) = (one.astray, stored.shown, &stored.picture.variation)
        {
            let words = format!("the variation {variation} is not in the portal");
            return Err((ErrorCode::CatPictureUnusable, words));
        }
        let element = u64::try_from(one.element).map_err(|why| invalid(why.to_string()))?;
        // What was under way when nobody heard of it any more may be there under its name.
        let sent = one.sent.clone().map(|name| PictureLink {
            element,
            image: None,
            name,
        });
        Ok(PictureJob {
            number: OrderNumber::parse(&due.key).map_err(invalid)?,
            product: due.order_number.clone().unwrap_or_default(),
            source: stored.picture.picture,
            hosts: rules.picture_hosts.clone().into(),
            is_off: !rules.pictures,
            element,
            shown: stored.shown,
            link: known.picture.or(sent),
            shared: one.shared,
            file: None,
            shop,
        })
    }
}

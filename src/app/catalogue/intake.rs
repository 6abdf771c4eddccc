//! An event about a product on its way in: the newest state of each product waits, once.

use crate::{
    app::{
        Accepted, Catalogue, Error,
        intake::event_reader::{Rejection, fingerprint, identity_of, shop_for},
    },
    domain::{
        ErrorCode, Fault, PictureFile, ProductChange, ProductEvent, ShopName,
        happening::OrderEvent, product_key, take_picture_files,
    },
    storage::{
        ClosedHow,
        catalogue::{self, NewProductEvent, ProductState},
        dead_letters,
        journal::{self, Line, LineKind},
        pictures,
    },
};
use serde_json::Value;
use sqlx::PgConnection;
use std::collections::BTreeSet;

/// An event about a product, read.
#[derive(Debug, Clone)]
pub(in crate::app) struct ReadProduct {
    new: NewProductEvent,
    portal: String,
    key: String,
    change: ProductChange,
    /// What stays of the event without its files.
    body: Value,
    files: Vec<PictureFile>,
}

impl ReadProduct {
    /// The shop whose it is.
    pub(in crate::app) fn shop(&self) -> &String {
        &self.new.shop
    }

    /// The portal to which it goes.
    pub(in crate::app) fn portal(&self) -> &str {
        &self.portal
    }
}

impl Catalogue {
    /// Accepts events about products, of the shop whose key was shown; returns when they are stored
    /// durably, with one result for each.
    pub(in crate::app) async fn accept(
        &self,
        shop: Option<&ShopName>,
        events: &[&Value],
    ) -> Result<Vec<Accepted>, Error> {
        let read: Vec<_> = events
            .iter()
            .map(|event| self.read_product(shop, event))
            .collect();
        match self.store_all(&read).await {
            Err(error) if error.is_of_the_row() => {
                let mut results = Vec::with_capacity(read.len());
                for one in &read {
                    let stored = self.store_all(std::slice::from_ref(one)).await;
                    results.extend(match stored {
                        Err(error) if error.is_of_the_row() => {
                            vec![Accepted::Failed(error.chain())]
                        }
                        stored => stored?,
                    });
                }
                Ok(results)
            }
            stored => stored,
        }
    }

    /// Stores events in one transaction: products in the order of their keys, so that two requests
    /// never wait for each other, and the states of one in the order they came.
    async fn store_all(
        &self,
        read: &[Result<ReadProduct, Rejection>],
    ) -> Result<Vec<Accepted>, Error> {
        let mut order: Vec<usize> = (0..read.len()).collect();
        order.sort_by_key(|at| {
            let read = read.get(*at).and_then(|read| read.as_ref().ok());
            read.map(|event| (&event.new.shop, &event.key))
        });
        let mut results = vec![Accepted::Queued; read.len()];
        let mut woken = BTreeSet::new();
        let mut tx = self.db.begin().await?;
        for at in order {
            let (Some(read), Some(result)) = (read.get(at), results.get_mut(at)) else {
                continue;
            };
            *result = match read {
                Ok(event) => self.store_product(&mut tx, event).await?,
                Err(rejection) => rejection.clone().into(),
            };
            if let (Ok(event), Accepted::Queued) = (read, &*result) {
                woken.insert(&event.portal);
            }
        }
        tx.commit().await?;
        for portal in woken {
            self.waker.wake(portal);
        }
        Ok(results)
    }

    /// Reads an event about a product.
    pub(in crate::app) fn read_product(
        &self,
        shop: Option<&ShopName>,
        value: &Value,
    ) -> Result<ReadProduct, Rejection> {
        let shop = shop_for(&self.registry, shop, value)?;
        let refused = |code, faults| Rejection {
            code,
            faults,
            shop: Some(shop.clone()),
        };
        let rules = self.registry.rules(&shop);
        let rules = rules.ok_or_else(|| refused(ErrorCode::UnknownShop, Vec::new()))?;
        let not_taken = match self.registry.catalogues.get(&shop) {
            None => Some(format!(
                "products are not taken: configure [shops.{shop}.catalogue]"
            )),
            Some(rules) if rules.is_onecs() => Some(format!(
                "products are not taken from the shop: [shops.{shop}.catalogue] says that 1C owns \
                 them"
            )),
            Some(_) => None,
        };
        if let Some(detail) = not_taken {
            let pointer = "/type".to_owned();
            let fault = Fault { pointer, detail };
            return Err(refused(ErrorCode::Invalid, vec![fault]));
        }
        let mut body = value.clone();
        let catalogue = self.registry.catalogues.get(&shop);
        let files = match catalogue.filter(|catalogue| catalogue.pictures) {
            Some(_) => take_picture_files(&mut body),
            None => Vec::new(),
        };
        let event = ProductEvent::read(&body);
        let event = event.map_err(|faults| refused(ErrorCode::Invalid, faults))?;
        let (source, event_id) = identity_of(value).unwrap_or((event.source, event.id));
        Ok(ReadProduct {
            new: NewProductEvent {
                shop: shop.as_str().to_owned(),
                source,
                event_id,
                fingerprint: fingerprint(value),
            },
            portal: rules.portal.as_str().to_owned(),
            key: product_key(&event.change.id),
            change: event.change,
            body,
            files,
        })
    }

    /// Stores what an event tells of a product, if it is not older than what is known.
    pub(in crate::app) async fn store_product(
        &self,
        db: &mut PgConnection,
        event: &ReadProduct,
    ) -> Result<Accepted, Error> {
        if !catalogue::add_event(db, &event.new).await? {
            let same = catalogue::is_same_event(db, &event.new).await?;
            return Ok(if same {
                Accepted::Duplicate
            } else {
                Accepted::Conflict
            });
        }
        let (shop, key) = (&*event.new.shop, &*event.key);
        let state = ProductState {
            shop,
            key,
            portal: &event.portal,
            body: &event.body,
        };
        let what = if catalogue::add(db, &state).await? {
            keep_files(db, event).await?;
            remember_variations(db, event).await?;
            OrderEvent::ProductCame
        } else {
            let before = catalogue::lock(db, shop, key).await?;
            let before = before.and_then(|body| {
                let read = body.value().ok().map(ProductEvent::read);
                read?.ok()
            });
            if before.is_some_and(|before| event.change.is_older_than(&before.change)) {
                OrderEvent::ProductCameOlder
            } else {
                catalogue::replace(db, &state).await?;
                keep_files(db, event).await?;
                remember_variations(db, event).await?;
                let newer = (ClosedHow::Overtaken, "a newer state of the product came");
                dead_letters::close_subjects(db, shop, &[key.to_owned()], newer).await?;
                OrderEvent::ProductCameNewer
            }
        };
        let line = Line {
            shop: shop.to_owned(),
            number: key.to_owned(),
            kind: LineKind::Accepted,
            what: what.into(),
            detail: None,
        };
        journal::add(db, &[line]).await?;
        Ok(Accepted::Queued)
    }
}

/// Keeps the files that came with it.
async fn keep_files(db: &mut PgConnection, event: &ReadProduct) -> Result<(), Error> {
    if !event.files.is_empty() {
        let of = (&*event.new.shop, &*event.key);
        pictures::keep_files(db, of, &event.files).await?;
    }
    Ok(())
}

/// Which product its variations are of: their levels change what is shown of it.
async fn remember_variations(db: &mut PgConnection, event: &ReadProduct) -> Result<(), Error> {
    let ids = variations_of(&event.change);
    catalogue::has_variations(db, &event.new.shop, &event.key, &ids).await?;
    Ok(())
}

/// The shop's ids of a product's variations.
pub(super) fn variations_of(change: &ProductChange) -> Vec<String> {
    let product = change.product.iter();
    let variations = product.flat_map(|product| &product.variations);
    variations.map(|one| one.id.clone()).collect()
}

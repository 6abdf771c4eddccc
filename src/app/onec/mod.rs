//! The exchange with 1C, as the site's side of it.
//!
//! Owns: sessions, what is offered in an answer and what a confirmation confirms. Everything is in
//! Postgres, so that any process answers any request of a session. The wire is the business of
//! `http`; what an order looks like, of [`crate::formats::onec`].

mod births;
mod catalogue;
mod confirm;
mod contents;
mod documents;
mod facts;
mod import;
mod outcome;
mod parse;
pub(in crate::app) mod pictures;
mod push;
mod query;
mod reader;
mod receipts;
mod sessions;
mod show;
mod sides;
mod upload;

pub use catalogue::CatalogueAnswer;
pub use confirm::Offered;
pub use import::{Checks, Step};
pub use push::{Push, PushView};
pub use query::Query;
pub use sessions::{Logins, Session};
pub use show::{
    BaseReport, DocumentView, FileView, OneCMapCheck, OneCView, OrderSheet, SessionView,
};
pub use upload::{KeptFile, Stored};

pub use crate::{
    formats::onec::{HeldWhy, Hold, receipt::ReceiptHold},
    storage::{DocumentKind, DocumentState, ExchangeKind, ImportState},
};

use super::{Error, Intake, LaneWaker, Registry, Shared, sync::clock_offsets::ClockOffsets};
use crate::{
    domain::{BaseName, ShopName, happening::Act},
    formats::onec::{Base, IdKind, ShopWords, Since},
    process::telemetry::Metrics,
    storage::{
        OrderIdKind,
        onec::{bases, news, orders},
    },
};
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};
use std::sync::Arc;

/// Orders are exchanged with 1C bases. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Onec {
    db: PgPool,
    metrics: Metrics,
    registry: Arc<Registry>,
    clocks: ClockOffsets,
    waker: LaneWaker,
    intake: Arc<Intake>,
    logins: Arc<Logins>,
    checks: Arc<Checks>,
}

impl Onec {
    pub(super) fn new(shared: &Shared, intake: &Arc<Intake>) -> Self {
        Self {
            db: shared.db.clone(),
            metrics: shared.metrics.clone(),
            registry: Arc::clone(&shared.registry),
            clocks: shared.clocks.clone(),
            waker: shared.waker.clone(),
            intake: Arc::clone(intake),
            logins: Arc::default(),
            checks: Arc::default(),
        }
    }
}

/// Events looked through in one statement.
const LOOKED_AT_ONCE: i64 = 5_000;

/// A base that must not be served as it is configured.
#[derive(Debug, Clone)]
pub struct BaseProblem {
    /// The key in the settings, as `onec.NAME.export.since`.
    pub key: String,
    /// What is wrong, and what to do about it.
    pub sentence: String,
}

impl Onec {
    /// A base by its name.
    pub fn onec_base(&self, name: &str) -> Option<&Arc<Base>> {
        let mut bases = self.registry.bases.iter();
        bases
            .find(|(known, _)| known.as_str() == name)
            .map(|(_, base)| base)
    }

    /// What is known of a shop for its orders in 1C.
    pub(super) fn shop_words(&self, shop: &str) -> ShopWords {
        let registry = &self.registry;
        let name = registry.shops.keys().find(|name| name.as_str() == shop);
        let titles = name.and_then(|name| registry.titles.get(name)).cloned();
        let two_way = registry.two_way(shop);
        let last = two_way.map(|two_way| {
            let finality = &two_way.policy.finality;
            [finality.delivered.clone(), finality.cancelled.clone()].concat()
        });
        ShopWords {
            shop: shop.to_owned(),
            titles: titles.unwrap_or_default(),
            last: last.unwrap_or_default(),
        }
    }

    /// Makes the configured bases known, and tells of those that must not be served: a new one
    /// that would get a shop's whole history unasked, and one whose orders would get another `Ид`.
    pub async fn check_onec_bases(&self) -> Result<Vec<BaseProblem>, Error> {
        let mut problems = Vec::new();
        let mut db = self.db.acquire().await?;
        for (name, base) in &self.registry.bases {
            let known = bases::find(&mut db, name.as_str()).await?;
            let shops = names(&base.shops);
            let whole = known.is_none() && base.export.since == Since::All;
            if whole && bases::have_orders(&mut db, &shops).await? {
                problems.push(BaseProblem {
                    key: format!("onec.{name}.export.since"),
                    sentence:
                        "missing, and the shop has orders already: write \"now\", or the time \
                               from which on orders go"
                            .to_owned(),
                });
                continue;
            }
            problems.extend(self.receipts_problem(&mut db, base).await?);
            let row = bases::open(&mut db, name.as_str()).await?;
            let own = id_kind(base.export.id);
            if let Some(fixed) = row.id_kind.filter(|fixed| *fixed != own) {
                let fixed = fixed.as_str();
                problems.push(BaseProblem {
                    key: format!("onec.{name}.export.id"),
                    sentence: format!(
                        "it was \"{fixed}\" when orders were exchanged first, and is fixed since: \
                         1C would take every order for a new one"
                    ),
                });
            }
        }
        Ok(problems)
    }

    /// Takes up what the shops of a base have sent since, for at most so long.
    async fn take_up_orders(&self, base: &Base, until: tokio::time::Instant) -> Result<(), Error> {
        let mut db = self.db.acquire().await?;
        let shops = names(&base.shops);
        let name = base.name.as_str();
        let mut after = bases::open(&mut db, name).await?.cursor;
        loop {
            let looked = news::take_up(&mut db, name, &shops, after, LOOKED_AT_ONCE).await?;
            if let Some(settled) = looked.settled {
                bases::move_cursor(&mut db, name, settled).await?;
            }
            match looked.last {
                Some(last) if tokio::time::Instant::now() < until => after = last,
                _ => break,
            }
        }
        drop(db);
        self.take_up_receipts(base, until).await?;
        self.adopt_births(base).await?;
        self.watch_contents(base).await?;
        let mut db = self.db.acquire().await?;
        news::take_up_statuses(&mut db, name, &shops).await?;
        news::release(&mut db, name, &base.export.filter()).await?;
        Ok(())
    }

    /// Reads what was measured of the clocks of a base's shops and of their portals.
    async fn load_clocks_of(&self, db: &mut PgConnection, base: &Base) -> Result<(), Error> {
        for shop in &base.shops {
            let portal = &self.intake.rules_of(shop.as_str())?.portal;
            let systems = self.clocks.clock_sources(portal.as_str());
            self.clocks.load_clocks(db, &systems).await?;
        }
        Ok(())
    }

    /// Takes up what the shops of all bases have sent, for at most so long a base: also while no
    /// base asks, so that it is seen what waits, and no event of it is pruned.
    pub(super) async fn take_up_onec(&self, most: std::time::Duration) -> Result<(), Error> {
        for base in self.registry.bases.values() {
            self.take_up_orders(base, tokio::time::Instant::now() + most)
                .await?;
        }
        Ok(())
    }

    /// Whether anything waits for a base.
    pub async fn onec_has_news(&self, base: &Base) -> Result<bool, Error> {
        let soon = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
        self.take_up_orders(base, soon).await?;
        let mut db = self.db.acquire().await?;
        Ok(orders::any_waits(&mut db, base.name.as_str()).await?)
    }

    /// Has an order go to its base again, whatever the base has; the base's name. None: no base
    /// knows of such an order.
    pub async fn onec_resend(
        &self,
        shop: &ShopName,
        number: &str,
        who: &super::Actor,
    ) -> Result<Option<BaseName>, Error> {
        let mut bases = self.registry.bases.values();
        let Some(base) = bases.find(|base| base.shops.contains(shop)) else {
            return Ok(None);
        };
        let soon = tokio::time::Instant::now() + std::time::Duration::from_secs(10);
        self.take_up_orders(base, soon).await?;
        let mut tx = self.db.begin().await?;
        if !orders::resend(&mut tx, base.name.as_str(), shop.as_str(), number).await? {
            return Ok(None);
        }
        let target = format!("{shop}/{number}");
        let detail = json!({"base": base.name.as_str()});
        let act = Act::OnecResent {
            shop: shop.to_string(),
            order: number.to_owned(),
            base: base.name.to_string(),
        };
        crate::storage::journal::audit(&mut tx, &who.0, &act, &target, &detail).await?;
        tx.commit().await?;
        self.wake_push(base);
        Ok(Some(base.name.clone()))
    }
}

fn names(shops: &[ShopName]) -> Vec<String> {
    shops.iter().map(|shop| shop.as_str().to_owned()).collect()
}

/// The prefixes as they are stored.
fn prefixes(base: &Base) -> Value {
    let pairs = base.export.prefixes.iter();
    pairs
        .map(|(shop, prefix)| (shop.as_str().to_owned(), Value::from(prefix.clone())))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// What `Ид` is, as it is stored.
fn id_kind(kind: IdKind) -> OrderIdKind {
    match kind {
        IdKind::Id => OrderIdKind::Id,
        IdKind::Number => OrderIdKind::Number,
    }
}

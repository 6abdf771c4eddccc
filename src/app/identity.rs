//! Which account stands behind a portal's name: an id alone is never proof.

use super::{Bridge, Error};
use crate::{
    domain::Code,
    planner::{Remembered, Target, Verdict, Witness},
    storage::{
        bearers, comparisons,
        identity::{self, LookedUp},
        journal::{self, Line},
        lanes::{self, Lease},
        orders, troubles,
    },
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgConnection;
use std::collections::BTreeMap;

/// Orders that move to another portal in one transaction.
const MOVED_AT_ONCE: i64 = 1_000;
/// As many of the newest, and of the oldest, linked deals testify.
const WITNESSES: i64 = 25;

/// A portal that turned out to be another one, or to have gone back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PortalChange {
    /// When it was found.
    pub at: DateTime<Utc>,
    /// Which of these.
    pub code: String,
    /// What was found, in one sentence.
    pub message: String,
}

impl Bridge {
    /// What is remembered of a portal; `host` is where its webhook leads. With it goes what stands for its address now.
    pub async fn remembered(
        &self,
        portal: &str,
        host: Option<String>,
    ) -> Result<(Remembered, Option<String>), Error> {
        let mut db = self.pool().acquire().await?;
        let member = identity::member(&mut db, portal).await?;
        let address = member.map(|member| format!("member {member}")).or(host);
        let known = identity::known(&mut db, Some(portal)).await?.pop();
        let witnesses = identity::witnesses(&mut db, portal, WITNESSES).await?;
        let witness = |one: identity::Witness| {
            Some(Witness {
                deal: u64::try_from(one.deal_id).ok()?,
                shop: one.shop,
                number: one.number,
            })
        };
        let remembered = Remembered {
            address: known.as_ref().and_then(|known| known.address.clone()),
            history_id: known
                .and_then(|known| u64::try_from(known.history_id).ok())
                .unwrap_or(0),
            witnesses: witnesses.into_iter().filter_map(witness).collect(),
        };
        Ok((remembered, address))
    }

    /// Puts on record what a portal turned out to be. Where it is not the one that orders were brought to, or an older state of it, every
    /// link into it is let go: orders are looked up by their origin before anything is written for them.
    pub async fn recognise(
        &self,
        lease: &Lease,
        address: Option<&str>,
        verdict: Verdict,
        newest: u64,
    ) -> Result<(), Error> {
        let newest = i64::try_from(newest).unwrap_or(i64::MAX);
        let portal = &lease.portal;
        let mut tx = self.pool().begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let (code, what) = match verdict {
            Verdict::Same => {
                identity::same(&mut tx, portal, address, newest).await?;
                tx.commit().await?;
                return Ok(());
            }
            Verdict::HistoryShort => {
                identity::reset_history(&mut tx, portal, newest).await?;
                identity::same(&mut tx, portal, address, newest).await?;
                tx.commit().await?;
                return Ok(());
            }
            Verdict::WentBack => (
                Code::WentBack,
                "the portal shows an older state than before",
            ),
            Verdict::Another => (
                Code::OtherPortal,
                "another portal answers than the one that orders were brought to",
            ),
        };
        identity::reset_history(&mut tx, portal, newest).await?;
        let orders = identity::let_go_of_all(&mut tx, portal).await?;
        if verdict == Verdict::Another {
            bearers::leave(&mut tx, portal).await?;
        }
        let message = format!("{what}: {orders} orders are looked up by their origin");
        identity::changed(&mut tx, portal, address, newest, (code.as_str(), &message)).await?;
        troubles::note(&mut tx, portal, (code.as_str(), &message), 1).await?;
        tx.commit().await?;
        tracing::error!(portal, %code, orders, "{what}");
        Ok(())
    }

    /// Moves the orders of shops that belong to another portal than before; returns how many. To be called when a worker starts,
    /// which is when a changed configuration takes effect.
    pub async fn move_shops(&self) -> Result<u64, Error> {
        let mut moved = 0;
        for rules in self.directory().shops.values() {
            let (shop, portal) = (rules.shop.as_str(), rules.portal.as_str());
            let mut after = String::new();
            loop {
                let mut tx = self.pool().begin().await?;
                let numbers =
                    identity::elsewhere(&mut tx, (shop, portal), &after, MOVED_AT_ONCE).await?;
                let Some(last) = numbers.last() else {
                    tx.rollback().await?;
                    break;
                };
                after.clone_from(last);
                self.move_orders(&mut tx, (shop, portal), &numbers).await?;
                tx.commit().await?;
                moved += numbers.len() as u64;
            }
            self.bell().ring(portal);
        }
        Ok(moved)
    }

    /// Moves locked orders to the portal that their shop belongs to now: they are looked up there by their origin.
    pub(super) async fn move_orders(
        &self,
        tx: &mut PgConnection,
        (shop, portal): (&str, &str),
        numbers: &[String],
    ) -> Result<(), Error> {
        identity::move_to(tx, shop, numbers, portal).await?;
        let line = |number: &String| Line {
            shop: shop.to_owned(),
            number: number.clone(),
            kind: "note",
            text: format!(
                "the shop belongs to the portal {portal} by now: the order is looked up there by its origin"
            ),
            detail: None,
        };
        let lines: Vec<Line> = numbers.iter().map(line).collect();
        Ok(journal::add(tx, &lines).await?)
    }

    /// The next orders whose link was let go, to be looked up by their origin: (shop, number).
    pub async fn unverified(
        &self,
        lease: &Lease,
        limit: u32,
    ) -> Result<Vec<(String, String)>, Error> {
        let mut db = self.pool().acquire().await?;
        Ok(identity::unverified(&mut db, lease, i64::from(limit)).await?)
    }

    /// Links orders with what was found of them by their origin.
    pub async fn found_again(
        &self,
        lease: &Lease,
        found: &[(String, String, Option<Target>)],
    ) -> Result<(), Error> {
        let id = |id: u64| i64::try_from(id).ok();
        let one = |(shop, number, target): &(String, String, Option<Target>)| LookedUp {
            shop: shop.clone(),
            number: number.clone(),
            deal_id: match target {
                Some(Target::Deal(deal)) => id(*deal),
                _ => None,
            },
            lead_id: match target {
                Some(Target::Lead(lead)) => id(*lead),
                _ => None,
            },
        };
        let line = |(shop, number, target): &(String, String, Option<Target>)| Line {
            shop: shop.clone(),
            number: number.clone(),
            kind: "note",
            text: match target {
                Some(target) => format!("{target} was found again by the order's origin"),
                None => {
                    "the portal holds nothing of this order: it is made when the shop next sends it"
                        .to_owned()
                }
            },
            detail: None,
        };
        let rows: Vec<LookedUp> = found.iter().map(one).collect();
        let lines: Vec<Line> = found.iter().map(line).collect();
        let with_deal = || rows.iter().filter(|one| one.deal_id.is_some());
        let shops: Vec<String> = with_deal().map(|one| one.shop.clone()).collect();
        let numbers: Vec<String> = with_deal().map(|one| one.number.clone()).collect();
        let portals = vec![lease.portal.clone(); shops.len()];
        let mut tx = self.pool().begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let (all, of): (Vec<_>, Vec<_>) = rows
            .iter()
            .map(|one| (one.shop.clone(), one.number.clone()))
            .unzip();
        orders::lock(&mut tx, &all, &of).await?;
        identity::looked_up(&mut tx, &rows).await?;
        comparisons::ask(&mut tx, (&shops, &numbers, &portals), "portal", 0).await?;
        journal::add(&mut tx, &lines).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Which portals turned out lately to be others, or to have gone back.
    pub(super) async fn portal_changes(
        &self,
        db: &mut PgConnection,
    ) -> Result<BTreeMap<String, PortalChange>, Error> {
        let known = identity::known(db, None).await?;
        let change = |one: identity::Known| {
            let change = PortalChange {
                at: one.changed_at?,
                code: one.code?,
                message: one.message?,
            };
            Some((one.portal, change))
        };
        Ok(known.into_iter().filter_map(change).collect())
    }
}

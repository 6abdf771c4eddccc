//! The identity of a portal: which account stands behind its name. An id alone is never proof.

use crate::{
    app::{Delivery, Error},
    domain::{ErrorCode, OrderKey, happening::OrderEvent},
    planner::{CrmEntity, FoundOrder, RememberedWitness, Verdict, Witness},
    storage::{
        AskedBy, Reason, Unreadable,
        journal::{self, Line, LineKind},
        queue::{
            customer_values,
            lanes::{self, Lease},
            orders,
            portal_identity::{self, LookedUp},
        },
        sync::comparisons,
        views::incidents,
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
    /// The stable code: which of the two it was.
    pub code: String,
    /// What was found, in one sentence.
    pub message: String,
}

impl Delivery {
    /// What is remembered of a portal; `host` is where its webhook leads. With it goes what stands
    /// for its address now.
    pub async fn remembered(
        &self,
        portal: &str,
        host: Option<String>,
    ) -> Result<(RememberedWitness, Option<String>), Error> {
        let mut db = self.db.acquire().await?;
        let member = portal_identity::member(&mut db, portal).await?;
        let address = member.map(|member| format!("member {member}")).or(host);
        let known = portal_identity::known(&mut db, Some(portal)).await?.pop();
        let witnesses = portal_identity::witnesses(&mut db, portal, WITNESSES).await?;
        let witness = |one: portal_identity::Witness| {
            let of = format_args!("{} of the shop {}", one.number, one.shop);
            Ok(Witness {
                deal: Unreadable::or_id(one.deal_id, "bridge.orders", "deal_id", of)?,
                shop: one.shop,
                number: one.number,
            })
        };
        let history = known.as_ref().map_or(0, |known| known.history_id);
        let witnesses: Result<_, Unreadable> = witnesses.into_iter().map(witness).collect();
        let remembered = RememberedWitness {
            address: known.and_then(|known| known.address),
            // 0: none of its rows was seen yet.
            history_id: match history {
                0 => 0,
                id => Unreadable::or_id(id, "bridge.portals", "history_id", portal)?,
            },
            witnesses: witnesses?,
        };
        Ok((remembered, address))
    }

    /// Puts on record what a portal turned out to be. Where it is not the one that orders were
    /// brought to, or an older state of it, every link into it is let go: orders are looked up by
    /// their origin before anything is written for them.
    pub async fn recognise(
        &self,
        lease: &Lease,
        address: Option<&str>,
        verdict: Verdict,
        newest: u64,
    ) -> Result<(), Error> {
        let newest = i64::try_from(newest).unwrap_or(i64::MAX);
        let portal = &lease.portal;
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let (code, what) = match verdict {
            Verdict::Same => {
                portal_identity::same(&mut tx, portal, address, newest).await?;
                tx.commit().await?;
                return Ok(());
            }
            Verdict::HistoryShort => {
                portal_identity::reset_history(&mut tx, portal, newest).await?;
                portal_identity::same(&mut tx, portal, address, newest).await?;
                tx.commit().await?;
                return Ok(());
            }
            // What is hidden is there.
            Verdict::Hidden => {
                tx.rollback().await?;
                return Ok(());
            }
            Verdict::WentBack => (
                ErrorCode::WentBack,
                "the portal shows an older state than before",
            ),
            Verdict::Another => (
                ErrorCode::OtherPortal,
                "another portal answers than the one that orders were brought to",
            ),
        };
        portal_identity::reset_history(&mut tx, portal, newest).await?;
        let orders = portal_identity::let_go_of_all(&mut tx, portal).await?;
        if verdict == Verdict::Another {
            customer_values::leave(&mut tx, portal).await?;
        }
        let message = format!("{what}: {orders} orders are looked up by their origin");
        let reason = Reason::new(code, &message);
        portal_identity::changed(&mut tx, portal, address, newest, reason).await?;
        incidents::note(&mut tx, portal, reason, 1).await?;
        tx.commit().await?;
        tracing::error!(portal, %code, orders, "{what}");
        Ok(())
    }

    /// Whether it is because these deals were deleted that a portal's stage history ends at this
    /// row: nothing else of what was seen of it is missing.
    pub async fn ends_for_deleted(
        &self,
        portal: &str,
        newest: u64,
        deleted: &[u64],
    ) -> Result<bool, Error> {
        let id = |id: u64| i64::try_from(id).unwrap_or(i64::MAX);
        let deleted: Vec<i64> = deleted.iter().copied().map(id).collect();
        let mut db = self.db.acquire().await?;
        Ok(portal_identity::moves_were_of(&mut db, portal, id(newest), &deleted).await?)
    }

    /// Moves the orders of shops that belong to another portal than before; returns how many. To be
    /// called when a worker starts, which is when a changed configuration takes effect. Only the
    /// lanes of such shops are woken.
    pub async fn move_shops(&self) -> Result<u64, Error> {
        let all = self.registry.shops.values();
        let all = all.map(|rules| (rules.shop.to_string(), rules.portal.to_string()));
        let all: BTreeMap<String, String> = all.collect();
        let (shops, portals): (Vec<_>, Vec<_>) = all.clone().into_iter().unzip();
        let elsewhere = {
            let mut db = self.db.acquire().await?;
            portal_identity::moved_shops(&mut db, &shops, &portals).await?
        };
        let mut moved = 0;
        for shop in elsewhere {
            if let Some(portal) = all.get(&shop) {
                moved += self.move_shop((&shop, portal)).await?;
                self.waker.wake(portal);
            }
        }
        Ok(moved)
    }

    async fn move_shop(&self, (shop, portal): (&str, &str)) -> Result<u64, Error> {
        let (mut moved, mut after) = (0, String::new());
        loop {
            let mut tx = self.db.begin().await?;
            let next = portal_identity::elsewhere(&mut tx, (shop, portal), &after, MOVED_AT_ONCE);
            let numbers = next.await?;
            let Some(last) = numbers.last() else {
                tx.rollback().await?;
                return Ok(moved);
            };
            after.clone_from(last);
            Self::move_orders(&mut tx, (shop, portal), &numbers).await?;
            tx.commit().await?;
            moved += numbers.len() as u64;
        }
    }

    /// Moves locked orders to the portal that their shop belongs to now: they are looked up there
    /// by their origin.
    pub(in crate::app) async fn move_orders(
        tx: &mut PgConnection,
        (shop, portal): (&str, &str),
        numbers: &[String],
    ) -> Result<(), Error> {
        portal_identity::move_to(tx, shop, numbers, portal).await?;
        let line = |number: &String| Line {
            shop: shop.to_owned(),
            number: number.clone(),
            kind: LineKind::Note,
            what: OrderEvent::OfAnotherPortal {
                portal: portal.to_owned(),
            }
            .into(),
            detail: None,
        };
        let lines: Vec<Line> = numbers.iter().map(line).collect();
        Ok(journal::add(tx, &lines).await?)
    }

    /// The next orders whose link was let go, to be looked up by their origin: (shop, number).
    pub async fn unverified(&self, lease: &Lease, limit: u32) -> Result<Vec<OrderKey>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(portal_identity::unverified(&mut db, lease, i64::from(limit)).await?)
    }

    /// Links orders with what was found of them by their origin.
    pub async fn found_again(&self, lease: &Lease, found: &[FoundOrder]) -> Result<(), Error> {
        let id = |id: u64| i64::try_from(id).ok();
        let one = |FoundOrder { order, target }: &FoundOrder| LookedUp {
            shop: order.shop.clone(),
            number: order.number.clone(),
            deal_id: match target {
                Some(CrmEntity::Deal(deal)) => id(*deal),
                _ => None,
            },
            lead_id: match target {
                Some(CrmEntity::Lead(lead)) => id(*lead),
                _ => None,
            },
        };
        let line = |FoundOrder { order, target }: &FoundOrder| Line {
            shop: order.shop.clone(),
            number: order.number.clone(),
            kind: LineKind::Note,
            what: match *target {
                Some(target) => OrderEvent::FoundAgain {
                    card: target.into(),
                },
                None => OrderEvent::NothingFound,
            }
            .into(),
            detail: None,
        };
        let rows: Vec<LookedUp> = found.iter().map(one).collect();
        let lines: Vec<Line> = found.iter().map(line).collect();
        let with_deal = || rows.iter().filter(|one| one.deal_id.is_some());
        let shops: Vec<String> = with_deal().map(|one| one.shop.clone()).collect();
        let numbers: Vec<String> = with_deal().map(|one| one.number.clone()).collect();
        let portals = vec![lease.portal.clone(); shops.len()];
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let (all, of): (Vec<_>, Vec<_>) = rows
            .iter()
            .map(|one| (one.shop.clone(), one.number.clone()))
            .unzip();
        orders::lock(&mut tx, &all, &of).await?;
        portal_identity::looked_up(&mut tx, &rows).await?;
        comparisons::ask(&mut tx, (&shops, &numbers, &portals), AskedBy::Portal, 0).await?;
        journal::add(&mut tx, &lines).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Which portals turned out lately to be others, or to have gone back.
    pub(in crate::app) async fn portal_changes(
        &self,
        db: &mut PgConnection,
    ) -> Result<BTreeMap<String, PortalChange>, Error> {
        let known = portal_identity::known(db, None).await?;
        let change = |one: portal_identity::KnownIdentity| {
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

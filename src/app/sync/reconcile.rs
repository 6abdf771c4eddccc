//! Differences between shop and portal, for people who ask now.

use crate::{
    app::{Error, Sync},
    domain::{Agreed, OrderKey, PortalName, Stage},
    planner::DealState,
    storage::{
        AskedBy, Unreadable,
        queue::orders::{self, WithDeal},
        sync::{comparisons, decisions},
    },
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use std::collections::BTreeMap;

/// An order that has a deal.
#[derive(Debug, Clone)]
pub struct OrderWithDeal {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The id of its deal in the portal.
    pub deal: u64,
    status: Option<String>,
    agreed: Option<Agreed>,
    /// Why what was agreed cannot be read.
    fault: Option<String>,
    untold: Option<String>,
}

/// An order whose deal is not where it was agreed to be, or whose shop is not told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The id of its deal in the portal.
    pub deal_id: u64,
    /// The order's status in the shop, as far as the bridge knows it.
    pub status: Option<String>,
    /// The stage that was agreed.
    pub agreed_stage: Option<Stage>,
    /// Where the deal stands; none if it is not there.
    pub stage: Option<Stage>,
    /// When it was moved there, by the portal's clock.
    pub moved_at: Option<DateTime<Utc>>,
    /// The status that the shop is not told, because the message died or was let go.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub untold: Option<String>,
    /// Why what was agreed cannot be read; its comparison becomes a dead letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

impl OrderWithDeal {
    /// How the order differs from what was seen of its deal; none if it does not, or the deal was
    /// not asked for.
    pub fn difference(&self, seen: &BTreeMap<u64, Option<DealState>>) -> Option<Difference> {
        let state = seen.get(&self.deal)?;
        let stage = state.as_ref().map(|state| state.stage.clone());
        let agreed = self.agreed.as_ref();
        let same = stage.is_some() && agreed.map(|agreed| &agreed.stage) == stage.as_ref();
        (!same || self.untold.is_some()).then(|| Difference {
            shop: self.shop.clone(),
            number: self.number.clone(),
            deal_id: self.deal,
            status: self.status.clone(),
            agreed_stage: agreed.map(|agreed| agreed.stage.clone()),
            stage,
            moved_at: state.as_ref().and_then(|state| state.moved_at),
            untold: self.untold.clone(),
            fault: self.fault.clone(),
        })
    }
}

impl OrderWithDeal {
    /// The order as one that may differ: its deal could not be read.
    pub fn unread(&self) -> Difference {
        let agreed = self.agreed.as_ref();
        Difference {
            shop: self.shop.clone(),
            number: self.number.clone(),
            deal_id: self.deal,
            status: self.status.clone(),
            agreed_stage: agreed.map(|agreed| agreed.stage.clone()),
            stage: None,
            moved_at: None,
            untold: self.untold.clone(),
            fault: self.fault.clone(),
        }
    }
}

impl Sync {
    /// How many orders of a portal have a deal.
    pub async fn count_with_deals(&self, portal: &PortalName) -> Result<i64, Error> {
        let mut db = self.db.acquire().await?;
        Ok(orders::count_with_deals(&mut db, portal.as_str()).await?)
    }

    /// The next orders of a portal that have a deal, by shop and number.
    pub async fn orders_with_deals(
        &self,
        portal: &PortalName,
        after: &OrderKey,
        limit: u32,
    ) -> Result<Vec<OrderWithDeal>, Error> {
        let mut db = self.db.acquire().await?;
        let rows = orders::with_deals(&mut db, portal.as_str(), after, i64::from(limit)).await?;
        let order = |row: WithDeal| {
            let key = OrderKey::new(&row.shop, &row.number);
            let deal = Unreadable::or_id(row.deal_id, "bridge.orders", "deal_id", &key)?;
            let agreed = row.agreed;
            let agreed = agreed.map(|agreed| agreed.read("bridge.agreements", "agreed", &key));
            let (agreed, fault) = match agreed.transpose() {
                Ok(agreed) => (agreed, None),
                Err(why) => (None, Some(why.to_string())),
            };
            Ok(OrderWithDeal {
                deal,
                agreed,
                fault,
                shop: row.shop,
                number: row.number,
                status: row.status,
                untold: row.untold,
            })
        };
        rows.into_iter().map(order).collect()
    }

    /// Puts orders on the list of comparisons, for the portal's lane.
    pub async fn ask_comparisons(
        &self,
        portal: &PortalName,
        differences: &[Difference],
    ) -> Result<(), Error> {
        let shops: Vec<_> = differences.iter().map(|one| one.shop.clone()).collect();
        let numbers: Vec<_> = differences.iter().map(|one| one.number.clone()).collect();
        let portals = vec![portal.as_str().to_owned(); shops.len()];
        let mut db = self.db.acquire().await?;
        comparisons::ask(&mut db, (&shops, &numbers, &portals), AskedBy::Reconcile, 0).await?;
        drop(db);
        self.waker.wake(portal.as_str());
        Ok(())
    }

    /// The newest decision about an order since a time, in one sentence.
    pub async fn decided_since(
        &self,
        shop: &str,
        number: &str,
        since: DateTime<Utc>,
    ) -> Result<Option<String>, Error> {
        let mut db = self.db.acquire().await?;
        let newest = decisions::newest(&mut db, shop, number).await?;
        Ok(newest
            .filter(|decision| decision.at >= since)
            .map(|decision| decision.sentence))
    }

    /// The time on the clock that all processes of the bridge share.
    pub async fn now(&self) -> Result<DateTime<Utc>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(crate::storage::sync::clock_offsets::now(&mut db).await?)
    }
}

//! The one status of an order among several systems, as it counts for its goods, and whether a
//! transaction has changed it.

use crate::{
    app::{Error, Stock, sync::order::status::counted_status},
    domain::{OrderKey, ShopName, Source},
    process::bug,
    stock::GoodsStatus,
    storage::{
        queue::outbox::NewEvent,
        sync::{
            agreements::{self, Row},
            clock_offsets,
        },
    },
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::collections::{BTreeSet, HashMap};

/// The one status of an order among several systems.
pub(super) struct OrderStatus {
    pub(super) by: Source,
    /// It is what the shop says.
    pub(super) is_shops: bool,
    pub(super) goods: GoodsStatus,
}

/// By which statuses the goods of orders move, before something is decided about these orders.
#[derive(Debug, Default)]
pub(in crate::app) struct StatusesBefore {
    counted: HashMap<OrderKey, Option<CountedAs>>,
    /// Orders whose goods may not have followed: their agreement was let go.
    left_behind: Vec<OrderKey>,
}

/// What counts of an order's status for its goods.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::app) struct CountedAs {
    status: String,
    cancelled: bool,
}

impl CountedAs {
    fn of(status: OrderStatus) -> Self {
        Self {
            status: status.goods.status,
            cancelled: status.goods.cancelled,
        }
    }
}

impl Stock {
    /// By which statuses the goods of locked orders move now; to be asked before an agreement of
    /// theirs is changed. Of the others nothing but their shop gives the status.
    pub(in crate::app) async fn statuses_before(
        &self,
        db: &mut PgConnection,
        orders: &[OrderKey],
    ) -> Result<StatusesBefore, Error> {
        let orders = self.selling(orders);
        if orders.is_empty() {
            return Ok(StatusesBefore::default());
        }
        let (shops, numbers) = OrderKey::columns(orders);
        let left_behind = agreements::let_go(db, &shops, &numbers).await?;
        let orders = agreements::known(db, &shops, &numbers).await?;
        let counted = self.counted_as(db, orders).await?;
        Ok(StatusesBefore {
            counted,
            left_behind,
        })
    }

    /// The goods of those of these orders follow that have another status by now, in the
    /// transaction that has changed it.
    pub(in crate::app) async fn follow_changed(
        &self,
        db: &mut PgConnection,
        before: StatusesBefore,
    ) -> Result<(), Error> {
        let orders: Vec<OrderKey> = before.counted.keys().cloned().collect();
        let now = self.counted_as(db, orders).await?;
        let counted = before.counted.into_iter();
        let changed = counted.filter(|(key, was)| now.get(key) != Some(was));
        let mut changed: Vec<OrderKey> = changed.map(|(key, _)| key).collect();
        changed.extend(before.left_behind);
        Box::pin(self.follow(db, &changed, None)).await
    }

    /// Those of locked orders that had no agreement whose goods may not have followed: it was let
    /// go after their shop had taken a status that it does not say. To be asked before the new one
    /// is stored.
    pub(in crate::app) async fn left_behind(
        &self,
        db: &mut PgConnection,
        orders: &[OrderKey],
    ) -> Result<Vec<OrderKey>, Error> {
        let orders = self.selling(orders);
        if orders.is_empty() {
            return Ok(Vec::new());
        }
        let (shops, numbers) = OrderKey::columns(orders);
        Ok(agreements::let_go(db, &shops, &numbers).await?)
    }

    /// Those of these orders whose shops sell from a stock.
    pub(super) fn selling(&self, orders: &[OrderKey]) -> BTreeSet<OrderKey> {
        let orders = orders.iter();
        let own = orders.filter(|key| self.sells(&key.shop).is_some());
        own.cloned().collect()
    }

    /// What counts of the status of an order for its goods, as it is in memory; `None`: its shop
    /// sells from no stock, or has deleted it.
    pub(in crate::app) fn counts_as(&self, row: &Row, now: DateTime<Utc>) -> Option<CountedAs> {
        self.sells(&row.shop)?;
        self.status_of(row, now).map(CountedAs::of)
    }

    async fn counted_as(
        &self,
        db: &mut PgConnection,
        orders: Vec<OrderKey>,
    ) -> Result<HashMap<OrderKey, Option<CountedAs>>, Error> {
        if orders.is_empty() {
            return Ok(HashMap::new());
        }
        let (shops, numbers) = OrderKey::columns(orders.clone());
        let mut statuses = self.statuses_of(db, (&shops, &numbers)).await?;
        let counted = orders.into_iter().map(|key| {
            let status = statuses.remove(&key).map(CountedAs::of);
            (key, status)
        });
        Ok(counted.collect())
    }

    /// The statuses by which the goods of locked orders move. Of an order that the shop has
    /// deleted, and of one whose agreement cannot be read, there is none.
    pub(super) async fn statuses_of(
        &self,
        db: &mut PgConnection,
        (shops, numbers): (&[String], &[String]),
    ) -> Result<HashMap<OrderKey, OrderStatus>, Error> {
        let now = clock_offsets::now(db).await?;
        let mut statuses = HashMap::new();
        for row in agreements::lock(db, shops, numbers).await? {
            // The comparison of its order tells what is wrong with it.
            let Ok(row) = row.into_row() else { continue };
            if let Some(status) = bug::caught(|| self.status_of(&row, now))? {
                statuses.insert(OrderKey::new(&row.shop, &row.number), status);
            }
        }
        Ok(statuses)
    }

    /// The statuses that orders have by another system than their shop, whose events just came.
    pub(super) async fn given<'a>(
        &self,
        db: &mut PgConnection,
        events: impl Iterator<Item = (&'a OrderKey, &'a NewEvent)>,
    ) -> Result<HashMap<OrderKey, OrderStatus>, Error> {
        let strays = |event: &NewEvent| {
            let two_way = self.registry.two_way(&event.shop)?;
            let status = event.said.status.as_deref()?;
            let map = &two_way.policy.statuses;
            Some(map.is_of_another(status, Source::Shop))
        };
        let (mut orders, mut asked) = (BTreeSet::new(), BTreeSet::new());
        for (key, event) in events {
            if strays(event) == Some(true) {
                orders.insert(key.clone());
            } else {
                asked.insert(key.clone());
            }
        }
        let (shops, numbers) = OrderKey::columns(asked);
        orders.extend(agreements::told(db, &shops, &numbers).await?);
        if orders.is_empty() {
            return Ok(HashMap::new());
        }
        let (shops, numbers) = OrderKey::columns(orders);
        let mut statuses = self.statuses_of(db, (&shops, &numbers)).await?;
        statuses.retain(|_, status| !status.is_shops);
        Ok(statuses)
    }

    fn status_of(&self, row: &Row, now: DateTime<Utc>) -> Option<OrderStatus> {
        let said = row.said.as_ref().filter(|said| !said.deleted)?;
        let status = said.status.as_deref()?;
        let two_way = self.registry.two_way(&row.shop)?;
        let shop = ShopName::parse(&row.shop).ok()?;
        let portal = &self.registry.rules(&shop)?.portal;
        let clocks = self.clocks.clocks_of(&row.shop, portal.as_str());
        let agreed = row.agreed.as_ref();
        let policy = &two_way.policy;
        let counted = counted_status((said, status), agreed, (policy, clocks), now);
        let is_shops = counted.status == status;
        // Its shop cannot bring the order into that status: it is put back.
        let strays = is_shops
            && counted.by == Source::Shop
            && policy.statuses.is_of_another(status, Source::Shop);
        let former = agreed.filter(|agreed| {
            strays && agreed.status != status && agreed.insists.as_deref() != Some(status)
        });
        let counts = former.map_or(&*counted.status, |agreed| &*agreed.status);
        let since = match counted.by {
            _ if former.is_some() => None,
            _ if is_shops => said.since,
            Source::Bitrix24 => agreed
                .and_then(|agreed| agreed.portal_since)
                .map(|at| clocks.portal.to_ours(at))
                .or(counted.at),
            _ => counted.at,
        };
        let cancelled = is_shops && former.is_none() && said.cancelled;
        Some(OrderStatus {
            by: counted.by,
            is_shops: is_shops && former.is_none(),
            goods: GoodsStatus::of(counts, (said.paid, cancelled), since, &policy.finality),
        })
    }
}

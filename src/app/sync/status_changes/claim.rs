//! Messages that are due, each checked against what is known by now.

use super::messages::{OutgoingChange, OutgoingMessage};
use crate::{
    app::{Error, Sync, bisection::Bisection},
    domain::{OrderKey, ShopName},
    storage::{
        queue::lanes::{self, Lease},
        sync::{
            clock_offsets,
            status_changes::{self, ChangeRow, Wanted},
        },
    },
};

impl Sync {
    /// The due messages of a shop's lane, the oldest of each order, each checked against what is
    /// known by now: what no longer stands is taken back and decided again.
    pub async fn claim_changes(
        &self,
        lease: &Lease,
        shop: &ShopName,
        wanted: OutgoingMessage<'_>,
    ) -> Result<Vec<OutgoingChange>, Error> {
        let wanted = Wanted {
            shop: shop.as_str(),
            without: wanted.without,
            fresh_first: wanted.trial,
            limit: i64::from(wanted.limit),
        };
        let due = {
            let mut db = self.db.acquire().await?;
            status_changes::due(&mut db, lease, &wanted).await?
        };
        if due.is_empty() {
            return Ok(Vec::new());
        }
        let mut sum = Vec::new();
        let mut parts = Bisection::of(due);
        while let Some(part) = parts.next() {
            match self.looked_at(lease, shop, part.clone()).await {
                Err(error) if error.is_of_the_row() => {
                    if let Some(one) = parts.failed(part) {
                        let mut tx = self.db.begin().await?;
                        let now = clock_offsets::now(&mut tx).await?;
                        lanes::fence(&mut tx, lease).await?;
                        self.dead_letter_unsent(&mut tx, &one, now, &error.chain())
                            .await?;
                        tx.commit().await?;
                    }
                }
                standing => sum.extend(standing?),
            }
        }
        Ok(sum)
    }

    /// Looks at some due messages in one transaction; returns those that still stand.
    async fn looked_at(
        &self,
        lease: &Lease,
        shop: &ShopName,
        due: Vec<ChangeRow>,
    ) -> Result<Vec<OutgoingChange>, Error> {
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let checked = self.check(&mut tx, due).await?;
        let now = clock_offsets::now(&mut tx).await?;
        self.hand_out(&mut tx, shop.as_str(), &checked.standing, now)
            .await?;
        tx.commit().await?;
        self.wake_for_withdrawn(&checked);
        let send = |mut change: ChangeRow| {
            change.first_sent_at.get_or_insert(now);
            OutgoingChange::new(change, now)
        };
        Ok(checked.standing.into_iter().map(send).collect())
    }

    /// Seconds until the next message of a shop is due, orders whose message is on its way left
    /// out.
    pub async fn next_change_due(
        &self,
        shop: &ShopName,
        without: &[String],
    ) -> Result<Option<f64>, Error> {
        let mut db = self.db.acquire().await?;
        Ok(status_changes::next_due(&mut db, shop.as_str(), without).await?)
    }

    /// Whether the shop took another order's message since this one was first sent: then this one
    /// fails, not the shop.
    pub async fn fails_alone(&self, sent: &OutgoingChange) -> Result<bool, Error> {
        let Some(since) = sent.change.first_sent_at else {
            return Ok(false);
        };
        let mut db = self.db.acquire().await?;
        let order = OrderKey::new(&sent.change.shop, &sent.change.number);
        Ok(status_changes::taken_since(&mut db, &order, since).await?)
    }
}

//! The feed of decided changes: for shops that cannot be called.

use super::status_changes::{acknowledge, lock_orders};
use crate::{
    app::{Error, Sync},
    domain::{OrderKey, ShopName, happening::Acknowledged},
    storage::{
        MessageSource,
        sync::{
            clock_offsets,
            status_changes::{self, ChangeRow},
        },
    },
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use utoipa::ToSchema;

const DEFAULT_PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 1_000;
/// Changes acknowledged by one reading of the feed.
const ACKNOWLEDGED_AT_ONCE: i64 = 1_000;

/// A decided change of an order's status, as shops read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StatusChange {
    /// Its place in the shop's feed.
    pub seq: i64,
    /// Its identity: the same however often it is read, never of two changes.
    pub id: String,
    /// The order's number in its shop.
    pub number: String,
    /// The status that the shop is to take.
    pub status: String,
    /// The status that the shop is believed to have.
    pub previous_status: String,
    /// The deal's stage, as it was last known.
    pub stage: String,
    /// Whose word it is: `portal` or `onec`.
    #[schema(value_type = String)]
    pub source: MessageSource,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
    /// Why, in one plain sentence.
    pub reason: String,
    /// What must not hold in the shop if it is to take the change: `paid`, `delivered`,
    /// `cancelled`.
    pub denies: Vec<String>,
}

impl From<ChangeRow> for StatusChange {
    fn from(row: ChangeRow) -> Self {
        Self {
            seq: row.seq,
            id: row.message_id,
            number: row.number,
            status: row.status,
            previous_status: row.previous_status,
            stage: row.stage,
            source: row.source,
            decided_at: row.decided_at,
            reason: row.reason,
            denies: row.denies,
        }
    }
}

/// A page of a shop's feed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct StatusChanges {
    /// The changes, in the order in which they were decided.
    pub changes: Vec<StatusChange>,
    /// What to give as `after` next time; also where there is nothing new.
    pub next: i64,
    /// Where the page begins, if not where it was asked to: the place asked for is not one that
    /// this feed gave, because an older back-up was restored. What the shop may not have seen comes
    /// from here on; changes that it has are known by their `id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restarted_after: Option<i64>,
}

impl StatusChanges {
    fn new(rows: Vec<ChangeRow>, after: i64) -> Self {
        Self {
            next: rows.last().map_or(after, |row| row.seq),
            changes: rows.into_iter().map(StatusChange::from).collect(),
            restarted_after: None,
        }
    }
}

impl Sync {
    /// The changes of a shop above `after`, in order, as the shop itself reads them. A shop that
    /// cannot be called has read what is below: it is acknowledged. A place that this feed never
    /// gave is of a life that was restored away: the feed goes on from the last one that it did
    /// give.
    pub async fn status_changes(
        &self,
        shop: &ShopName,
        after: i64,
        limit: u32,
    ) -> Result<StatusChanges, Error> {
        let name = shop.as_str();
        let two_way = self.registry.two_way(name);
        let called = two_way.is_some_and(|two_way| two_way.callback);
        let mut tx = self.db.begin().await?;
        let given = status_changes::given(&mut tx, name).await?;
        let from = after.min(given);
        let past = if called {
            Vec::new()
        } else {
            status_changes::read_up_to(&mut tx, name, from, ACKNOWLEDGED_AT_ONCE).await?
        };
        let rows = status_changes::feed(&mut tx, name, from, page(limit)).await?;
        // What nobody has read yet is looked at once more, as a message is before it is sent.
        let (open, read): (Vec<_>, Vec<_>) = rows.into_iter().partition(|row| row.open);
        lock_orders(&mut tx, past.iter().chain(&open)).await?;
        let stock = &self.intake.stock;
        let orders: Vec<OrderKey> = past
            .iter()
            .map(|one| OrderKey::new(&one.shop, &one.number))
            .collect();
        let before = stock.statuses_before(&mut tx, &orders).await?;
        acknowledge(&mut tx, &past, Acknowledged::Read).await?;
        stock.follow_changed(&mut tx, before).await?;
        let checked = self.check(&mut tx, open).await?;
        let mut rows: Vec<_> = read
            .into_iter()
            .chain(checked.standing.iter().cloned())
            .collect();
        rows.sort_by_key(|row| row.seq);
        // A reader never looks below what it was given: what is kept back ends the page.
        if let Some(held) = checked.held.iter().map(|row| row.seq).min() {
            rows.retain(|row| row.seq < held);
        }
        if !called {
            let now = clock_offsets::now(&mut tx).await?;
            self.hand_out(&mut tx, name, &rows, now).await?;
        }
        let mut page = StatusChanges::new(rows, from);
        status_changes::give(&mut tx, name, page.next).await?;
        tx.commit().await?;
        self.wake_for_withdrawn(&checked);
        page.restarted_after = (after > given).then_some(given);
        Ok(page)
    }

    /// The same for somebody who only looks: nothing is acknowledged, nothing counts as read.
    pub async fn peek_status_changes(
        &self,
        shop: &ShopName,
        after: i64,
        limit: u32,
    ) -> Result<StatusChanges, Error> {
        let mut db = self.db.acquire().await?;
        let rows = status_changes::feed(&mut db, shop.as_str(), after, page(limit)).await?;
        Ok(StatusChanges::new(rows, after))
    }
}

/// How many changes a page has.
fn page(asked: u32) -> i64 {
    i64::from(match asked {
        0 => DEFAULT_PAGE,
        asked => asked.min(LARGEST_PAGE),
    })
}

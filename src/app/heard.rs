//! What is heard of the portal: notifications, and its own record of moves.

use super::{
    Bridge, Error,
    together::{Grouped, Queue},
};
use crate::{
    planner::Seen,
    storage::{
        comparisons, history,
        history::Move,
        inbox::{self, Notification},
        lanes::{self, Lease},
        storable,
    },
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// Notifications taken up at once.
const TAKEN_AT_ONCE: i64 = 2_000;
/// How long after a notification its deal is read: more of the same may be on their way.
const GATHER_MS: i64 = 150;
/// A row of the history may be committed after one with a higher id. Rows younger than this many seconds are read again.
const SETTLED_SECONDS: f64 = 120.0;
/// Deals that are looked at with each reading of the history, whether anything was heard of them or not.
const SWEEP: i64 = 50;

/// A notification of a portal, its token checked.
#[derive(Debug, Clone)]
pub struct Notice {
    /// The portal whose token it carried.
    pub portal: String,
    /// The event, as it was sent.
    pub event: String,
    /// The id of what it is about.
    pub id: Option<i64>,
    /// What was sent, without auth.
    pub body: Value,
    /// When the portal sent it, by its own clock.
    pub sent_at: Option<DateTime<Utc>>,
}

impl Notice {
    /// Whether it speaks of a deal that may have moved or gone.
    fn is_about_a_deal(&self) -> bool {
        const DEALS: [&str; 4] = [
            "ONCRMDEALADD",
            "ONCRMDEALUPDATE",
            "ONCRMDEALDELETE",
            "ONCRMDEALMOVETOCATEGORY",
        ];
        let event = self.event.to_ascii_uppercase();
        DEALS.contains(&event.as_str())
    }
}

/// What a reading of the history came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HistoryTaken {
    /// Rows that were new.
    pub new: usize,
    /// Orders that are to be compared because of them.
    pub asked: u64,
}

impl Grouped for Notification {
    type Answer = ();

    fn rows(&self) -> usize {
        1
    }

    fn queue(bridge: &Bridge) -> &Queue<Self> {
        &bridge.inner.letterbox
    }

    async fn write(_: &Bridge, db: &mut PgConnection, all: &[&Self]) -> Result<Vec<()>, Error> {
        inbox::insert(db, all).await?;
        Ok(vec![(); all.len()])
    }
}

impl Bridge {
    /// Stores a notification; returns after COMMIT. True if it is something that the bridge acts on.
    pub async fn receive(&self, notice: Notice) -> Result<bool, Error> {
        let acted_on = notice.is_about_a_deal() && notice.id.is_some();
        let one = Notification {
            deal_id: notice.id.filter(|_| acted_on),
            event: notice.event.to_ascii_uppercase(),
            portal: notice.portal,
            body: storable(notice.body).to_string(),
            sent_at: notice.sent_at,
            acted_on,
        };
        let portal = one.portal.clone();
        self.together(one).await?;
        if acted_on {
            self.bell().ring(&portal);
        }
        Ok(acted_on)
    }

    /// Puts the deals of new notifications on the list of comparisons; returns how many notifications were taken up.
    pub async fn take_notifications(&self, portal: &str) -> Result<i64, Error> {
        let mut sum = 0;
        loop {
            let mut tx = self.pool().begin().await?;
            let (count, deals) = inbox::take(&mut tx, portal, TAKEN_AT_ONCE).await?;
            if count == 0 {
                return Ok(sum);
            }
            comparisons::ask_deals(&mut tx, portal, &deals, "notification", GATHER_MS).await?;
            tx.commit().await?;
            sum += count;
            if count < TAKEN_AT_ONCE {
                return Ok(sum);
            }
        }
    }

    /// Above which row the portal's history is to be read; none before the first time.
    pub async fn history_cursor(&self, portal: &str) -> Result<Option<u64>, Error> {
        let mut db = self.pool().acquire().await?;
        let cursor = history::cursor(&mut db, portal).await?;
        Ok(cursor.and_then(|id| u64::try_from(id).ok()))
    }

    /// Stores what was read of the portal's history, and puts deals that stand elsewhere than was known on the list.
    pub async fn take_history(&self, lease: &Lease, seen: &Seen) -> Result<HistoryTaken, Error> {
        let int = |id: u64| i64::try_from(id).unwrap_or(i64::MAX);
        let moves: Vec<Move> = seen
            .history
            .iter()
            .map(|row| Move {
                id: int(row.id),
                deal_id: int(row.deal),
                funnel: i64::from(row.stage.funnel),
                stage: row.stage.id.clone(),
                kind: i16::from(row.kind),
                moved_at: row.at,
            })
            .collect();
        let mut tx = self.pool().begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let mut taken = HistoryTaken::default();
        if !moves.is_empty() {
            let new = history::insert(&mut tx, &lease.portal, &moves).await?;
            taken.new = new.len();
            taken.asked = history::ask_moved(&mut tx, &lease.portal, &new).await?;
        }
        let newest = int(seen.newest.unwrap_or(0));
        history::advance(&mut tx, &lease.portal, newest, SETTLED_SECONDS).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// Puts the next deals of the slow walk over all of a portal's deals on the list: what was deleted, or moved without a trace in
    /// the history, is found by it.
    pub async fn sweep(&self, portal: &str) -> Result<(), Error> {
        let mut db = self.pool().acquire().await?;
        history::sweep(&mut db, portal, SWEEP).await?;
        Ok(())
    }
}

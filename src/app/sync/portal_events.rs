//! Events of the portal: notifications, and its own record of moves.

use crate::{
    app::{
        Error, Sync,
        bisection::Bisection,
        dead_letters::bug_letters::{About, Whose},
        intake::group_commit::{CommitQueue, GroupCommit, commit_grouped},
    },
    planner::{ScanResult, StageMove},
    process::bug::{self, Step},
    storage::{
        AskedBy, InboxState, Json,
        queue::lanes::{self, Lease},
        storable,
        sync::{
            comparisons,
            inbox::{self, Notification},
            stage_history::{self, Move},
        },
    },
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};
use std::time::Duration;

/// Notifications taken up at once.
const TAKEN_AT_ONCE: i64 = 2_000;
/// How long after a notification its deal is read: more of the same may be on their way.
const GATHER_MS: i64 = 150;
/// A row of the history may be committed after one with a higher id. Rows younger than this many
/// seconds are read again.
const SETTLED_SECONDS: f64 = 120.0;
/// Deals that are looked at with each reading of the history, whether anything was heard of them or
/// not.
const SWEEP: i64 = 50;

/// How far a portal's history was read.
#[derive(Debug, Clone, Copy, Default)]
pub struct HistoryPosition {
    /// The row above which it is to be read; none before the first time.
    pub above: Option<u64>,
    /// How long nothing has moved there; none if nothing ever did.
    pub quiet: Option<Duration>,
}

/// A notification of a portal, its token checked.
#[derive(Debug, Clone)]
pub struct PortalNotification {
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

impl PortalNotification {
    fn stored(self, acted_on: bool) -> Notification {
        Notification {
            deal_id: self.id.filter(|_| acted_on),
            event: self.event.to_ascii_uppercase(),
            portal: self.portal,
            body: storable(self.body).to_string(),
            sent_at: self.sent_at,
            state: if acted_on {
                InboxState::New
            } else {
                InboxState::Ignored
            },
        }
    }

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
pub struct HistoryIngest {
    /// Rows that were new.
    pub new: usize,
    /// Orders that are to be compared because of them.
    pub asked: u64,
}

impl GroupCommit for Notification {
    type Answer = ();
    type Owner = Sync;

    fn rows(&self) -> usize {
        1
    }

    fn queue(sync: &Sync) -> &CommitQueue<Self> {
        &sync.inbox
    }

    fn db(sync: &Sync) -> &PgPool {
        &sync.db
    }

    async fn write(_: &Sync, db: &mut PgConnection, all: &[&Self]) -> Result<Vec<()>, Error> {
        inbox::insert(db, all).await?;
        Ok(vec![(); all.len()])
    }
}

impl Sync {
    /// Stores a notification; returns after COMMIT. True if it is something that the bridge acts
    /// on. One at which the bridge fails becomes a dead letter: no portal repeats it.
    pub async fn store_notification(&self, notice: PortalNotification) -> Result<bool, Error> {
        let acted_on = notice.is_about_a_deal() && notice.id.is_some();
        let one = notice.stored(acted_on);
        let portal = one.portal.clone();
        let stepped = bug::caught(|| self.hears(&one)).map_err(Error::from);
        let stored = match stepped {
            Ok(()) => commit_grouped(self, one.clone()).await,
            Err(error) => Err(error),
        };
        match stored {
            Err(error) if error.is_of_the_row() => {
                self.dead_letter_notification(&one, &error.chain()).await?;
            }
            stored => stored?,
        }
        if acted_on {
            self.waker.wake(&portal);
        }
        Ok(acted_on)
    }

    /// Stores notifications of a portal's own queue; what cannot be stored becomes a dead letter.
    pub async fn receive_queued(
        &self,
        portal: &str,
        queued: Vec<PortalNotification>,
    ) -> Result<(), Error> {
        let stored = |notice: PortalNotification| {
            let of_a_deal = notice.event.starts_with("ONCRMDEAL");
            let acted_on = of_a_deal && notice.id.is_some();
            notice.stored(acted_on)
        };
        let mut parts = Bisection::of(queued.into_iter().map(stored).collect());
        while let Some(part) = parts.next() {
            match self.store_notifications(&part).await {
                Err(error) if error.is_of_the_row() => {
                    if let Some(one) = parts.failed(part) {
                        self.dead_letter_notification(&one, &error.chain()).await?;
                    }
                }
                stored => stored?,
            }
        }
        self.waker.wake(portal);
        Ok(())
    }

    async fn store_notifications(&self, part: &[Notification]) -> Result<(), Error> {
        bug::caught_in(self.store_in_one(part)).await?
    }

    async fn store_in_one(&self, part: &[Notification]) -> Result<(), Error> {
        for one in part {
            self.hears(one);
        }
        let mut db = self.db.acquire().await?;
        Ok(inbox::insert(&mut db, &part.iter().collect::<Vec<_>>()).await?)
    }

    fn hears(&self, one: &Notification) {
        let deal = one.deal_id.map(|deal| deal.to_string());
        self.traps
            .step(Step::Hear, deal.as_deref().unwrap_or_default());
    }

    async fn dead_letter_notification(&self, one: &Notification, words: &str) -> Result<(), Error> {
        let about = About::Notification {
            event: one.event.clone(),
            deal: one.deal_id,
            body: Json::<Value>::of(&one.body).shown(),
        };
        let whose = Whose {
            portal: Some(&one.portal),
            ..Whose::default()
        };
        let mut db = self.db.acquire().await?;
        self.dead_letters
            .write_bug_letter(&mut db, whose, &about, words)
            .await?;
        Ok(())
    }

    /// Puts the deals of new notifications on the list of comparisons; returns how many
    /// notifications were taken up.
    pub async fn drain_inbox(&self, portal: &str) -> Result<i64, Error> {
        let mut sum = 0;
        loop {
            let taken = match self.take_some_notifications(portal, TAKEN_AT_ONCE).await {
                Err(error) if error.is_of_the_row() => self.take_one_by_one(portal).await?,
                taken => taken?,
            };
            sum += taken;
            if taken < TAKEN_AT_ONCE {
                return Ok(sum);
            }
        }
    }

    /// Takes notifications up one by one, after one of them failed together with the others.
    async fn take_one_by_one(&self, portal: &str) -> Result<i64, Error> {
        let mut sum = 0;
        while sum < TAKEN_AT_ONCE {
            let taken = match self.take_some_notifications(portal, 1).await {
                Err(error) if error.is_of_the_row() => {
                    let mut tx = self.db.begin().await?;
                    let Some(one) = inbox::take_next(&mut tx, portal).await? else {
                        break;
                    };
                    tx.commit().await?;
                    self.dead_letter_notification(&one, &error.chain()).await?;
                    1
                }
                taken => taken?,
            };
            if taken == 0 {
                break;
            }
            sum += taken;
        }
        Ok(sum)
    }

    async fn take_some_notifications(&self, portal: &str, most: i64) -> Result<i64, Error> {
        bug::caught_in(Box::pin(self.take_in_one_turn(portal, most))).await?
    }

    async fn take_in_one_turn(&self, portal: &str, most: i64) -> Result<i64, Error> {
        let mut tx = self.db.begin().await?;
        let (count, deals) = inbox::take(&mut tx, portal, most).await?;
        if count == 0 {
            // At once and not some time after the drop: the next turn begins with the same rows.
            tx.rollback().await?;
            return Ok(0);
        }
        for deal in &deals {
            self.traps.step(Step::Hear, &deal.to_string());
        }
        comparisons::ask_deals(&mut tx, portal, &deals, AskedBy::Notification, GATHER_MS).await?;
        tx.commit().await?;
        Ok(count)
    }

    /// How far the portal's history was read, and how long nothing has moved there.
    pub async fn history_position(&self, portal: &str) -> Result<HistoryPosition, Error> {
        let mut db = self.db.acquire().await?;
        let known = stage_history::position(&mut db, portal).await?;
        Ok(HistoryPosition {
            above: known.history_id.and_then(|id| u64::try_from(id).ok()),
            quiet: known
                .quiet
                .map(|quiet| Duration::from_secs_f64(quiet.max(0.0))),
        })
    }

    /// Stores what was read of the portal's history, and puts deals that stand elsewhere than was
    /// known on the list. A row that cannot be stored becomes a dead letter, and its deal is looked
    /// at without it.
    pub async fn ingest_history(
        &self,
        lease: &Lease,
        seen: &ScanResult,
    ) -> Result<HistoryIngest, Error> {
        let mut sum = HistoryIngest::default();
        // Before the cursor goes past them.
        for row in &seen.broken {
            let deal = row.deal.map_or(0, int);
            let body = row.row.clone();
            sum.asked += self
                .dead_letter_history_row(lease, (deal, body), &row.words)
                .await?;
        }
        let mut parts = Bisection::of(seen.history.clone());
        while let Some(part) = parts.next() {
            match self.take_moves(lease, &part, seen.newest).await {
                Err(error) if error.is_of_the_row() => {
                    if let Some(row) = parts.failed(part) {
                        sum.asked += self.dead_letter_move(lease, &row, &error.chain()).await?;
                    }
                }
                taken => {
                    let taken = taken?;
                    sum.new += taken.new;
                    sum.asked += taken.asked;
                }
            }
        }
        Ok(sum)
    }

    /// Stores some rows in one transaction; all of them or none.
    async fn take_moves(
        &self,
        lease: &Lease,
        rows: &[StageMove],
        newest: Option<u64>,
    ) -> Result<HistoryIngest, Error> {
        bug::caught_in(Box::pin(self.take_moves_in_one(lease, rows, newest))).await?
    }

    async fn take_moves_in_one(
        &self,
        lease: &Lease,
        rows: &[StageMove],
        newest: Option<u64>,
    ) -> Result<HistoryIngest, Error> {
        let step = |row: &StageMove| {
            self.traps.step(Step::Move, &row.id.to_string());
            moved(row)
        };
        let moves: Vec<Move> = rows.iter().map(step).collect();
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let mut taken = HistoryIngest::default();
        if !moves.is_empty() {
            let new = stage_history::insert(&mut tx, &lease.portal, &moves).await?;
            taken.new = new.len();
            taken.asked = stage_history::ask_moved(&mut tx, &lease.portal, &new).await?;
        }
        let newest = int(newest.unwrap_or(0));
        stage_history::advance(&mut tx, &lease.portal, newest, SETTLED_SECONDS).await?;
        tx.commit().await?;
        Ok(taken)
    }

    /// Gives a row of the history up; its deal is compared by what it says of itself. Returns how
    /// many orders that asks for.
    async fn dead_letter_move(
        &self,
        lease: &Lease,
        row: &StageMove,
        words: &str,
    ) -> Result<u64, Error> {
        let one = moved(row);
        let body = json!({
            "id": one.id, "funnel": one.funnel, "stage": one.stage, "kind": one.kind,
            "moved_at": one.moved_at,
        });
        self.dead_letter_history_row(lease, (one.deal_id, body), words)
            .await
    }

    /// The same with the row as people are shown it; deal 0 is none.
    async fn dead_letter_history_row(
        &self,
        lease: &Lease,
        (deal, row): (i64, Value),
        words: &str,
    ) -> Result<u64, Error> {
        let about = About::Move { deal, row };
        let whose = Whose {
            portal: Some(&lease.portal),
            ..Whose::default()
        };
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let mut asked = 0;
        if self
            .dead_letters
            .write_bug_letter(&mut tx, whose, &about, words)
            .await?
        {
            asked = comparisons::ask_deals(
                &mut tx,
                &lease.portal,
                &[deal],
                AskedBy::History,
                GATHER_MS,
            )
            .await?;
        }
        tx.commit().await?;
        Ok(asked)
    }

    /// Puts the next deals of the slow walk over all of a portal's deals on the list: what was
    /// deleted, or moved without a trace in the history, is found by it.
    pub async fn enqueue_sweep(&self, portal: &str) -> Result<(), Error> {
        let mut db = self.db.acquire().await?;
        stage_history::sweep(&mut db, portal, SWEEP).await?;
        Ok(())
    }
}

fn int(id: u64) -> i64 {
    i64::try_from(id).unwrap_or(i64::MAX)
}

fn moved(row: &StageMove) -> Move {
    Move {
        id: int(row.id),
        deal_id: int(row.deal),
        funnel: i64::from(row.stage.funnel),
        stage: row.stage.id.clone(),
        kind: i16::from(row.kind),
        moved_at: row.at,
    }
}

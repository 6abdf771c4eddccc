//! Messages to shops, looked at once more before they are sent: the world may have changed while
//! they waited.

use super::status_changes::messages::line;
use crate::{
    app::{Error, Sync},
    decision::{Message, Person, Sending, Withdrawal, sending},
    domain::{
        Agreed, Observation, Offset, OrderKey, Policy, Source, StandingRuling, happening::SyncEvent,
    },
    process::bug::{self, Step},
    storage::{
        AskedBy, MessageState,
        journal::{self, LineKind},
        queue::orders,
        sync::{
            agreements::{self, FoundRow, Row},
            clock_offsets, comparisons,
            status_changes::{self, ChangeRow},
        },
    },
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Seconds until a message that is kept back is looked at again.
const HELD_SECONDS: f64 = 2.0;

/// Messages that were looked at.
#[derive(Debug, Default)]
pub(in crate::app) struct CheckedChanges {
    /// They still stand, and are sent.
    pub(in crate::app) standing: Vec<ChangeRow>,
    /// Kept back for a while.
    pub(in crate::app) held: Vec<ChangeRow>,
    /// Taken back: their orders are decided again.
    pub(in crate::app) withdrawn: Vec<ChangeRow>,
}

impl Sync {
    /// Looks at waiting messages with their orders locked, and takes back what no longer stands.
    pub(in crate::app) async fn check(
        &self,
        tx: &mut PgConnection,
        waiting: Vec<ChangeRow>,
    ) -> Result<CheckedChanges, Error> {
        let mut checked = CheckedChanges::default();
        if waiting.is_empty() {
            return Ok(checked);
        }
        let portals: BTreeSet<&str> = waiting.iter().map(|one| &*one.portal).collect();
        for portal in portals {
            self.clocks
                .load_clocks(tx, &self.clocks.clock_sources(portal))
                .await?;
        }
        let orders: BTreeSet<_> = waiting
            .iter()
            .map(|one| OrderKey::new(&one.shop, &one.number))
            .collect();
        let (shops, numbers) = OrderKey::columns(orders);
        orders::lock(tx, &shops, &numbers).await?;
        let rows = agreements::lock(tx, &shops, &numbers).await?;
        let now = clock_offsets::now(tx).await?;
        let mut rows: HashMap<_, _> = rows.into_iter().map(|row| (row.key(), row)).collect();
        let mut followed = Vec::new();
        for change in waiting {
            let key = OrderKey::new(&change.shop, &change.number);
            let Some(row) = rows.get_mut(&key) else {
                continue;
            };
            let row = match row.row_mut() {
                Ok(row) => row,
                Err(error) => {
                    self.dead_letter_unsent(tx, &change, now, &Error::from(error).chain())
                        .await?;
                    continue;
                }
            };
            let sending = bug::caught(|| {
                self.traps.step(Step::Tell, &change.number);
                self.sending(&change, row, now)
            });
            let sending = match sending {
                Ok(sending) => sending,
                Err(bug) => {
                    self.dead_letter_unsent(tx, &change, now, &Error::from(bug).chain())
                        .await?;
                    died(row, change.decided_at, now);
                    continue;
                }
            };
            match sending {
                Sending::Stands => checked.standing.push(change),
                Sending::Held => {
                    status_changes::hold(tx, (&change.shop, change.seq), HELD_SECONDS).await?;
                    checked.held.push(change);
                }
                Sending::Overtaken => {
                    drop_one(tx, &change).await?;
                    // Its agreement was let go, and with it what the goods have followed.
                    if row.agreed.is_none() {
                        followed.push(key);
                    }
                }
                Sending::Withdrawn(why) => {
                    take_back(tx, &change, row, why).await?;
                    followed.push(key);
                    checked.withdrawn.push(change);
                }
            }
        }
        ask(tx, &checked.withdrawn).await?;
        self.intake.stock.follow(tx, &followed, None).await?;
        Ok(checked)
    }

    /// These messages are handed out now: the shop may carry them out from now on, also if nobody
    /// hears of it.
    pub(in crate::app) async fn hand_out(
        &self,
        tx: &mut PgConnection,
        shop: &str,
        standing: &[ChangeRow],
        now: DateTime<Utc>,
    ) -> Result<(), Error> {
        let seqs: Vec<i64> = standing.iter().map(|one| one.seq).collect();
        status_changes::sent(tx, shop, &seqs, now).await?;
        let first = standing.iter().filter(|one| one.first_sent_at.is_none());
        let first: Vec<_> = first.collect();
        if first.is_empty() {
            return Ok(());
        }
        // Locked by the check already.
        let numbers: BTreeSet<String> = first.iter().map(|one| one.number.clone()).collect();
        let numbers: Vec<String> = numbers.into_iter().collect();
        let shops = vec![shop.to_owned(); numbers.len()];
        let rows = agreements::lock(tx, &shops, &numbers).await?;
        let rows = rows.into_iter().map(FoundRow::into_row);
        let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
        for row in &mut rows {
            for change in &first {
                if change.number == row.number {
                    sent(row, change.decided_at, now);
                }
            }
        }
        Ok(agreements::save(tx, &rows).await?)
    }

    /// Tells those who are to decide again, once the transaction is committed.
    pub(in crate::app) fn wake_for_withdrawn(&self, checked: &CheckedChanges) {
        for change in &checked.withdrawn {
            self.metrics.callback("withdrawn");
            self.waker.wake(&change.portal);
        }
    }

    fn sending(&self, change: &ChangeRow, row: &Row, now: DateTime<Utc>) -> Sending {
        let Some(two_way) = self.registry.two_way(&change.shop) else {
            return Sending::Held;
        };
        let clock = self.clocks.clocks_of(&change.shop, &change.portal).shop;
        let sent = change.first_sent_at.is_some();
        judge((change.decided_at, sent), row, &two_way.policy, clock, now)
    }
}

/// What becomes of a message that was decided at a time, and was sent before or not.
pub(in crate::app) fn judge(
    (told_at, sent): (DateTime<Utc>, bool),
    row: &Row,
    policy: &Policy,
    clock: Offset,
    now: DateTime<Utc>,
) -> Sending {
    let said = row.said.clone();
    // Of an order that the shop has deleted nothing is told any more.
    let Some((said, status)) = said
        .filter(|said| !said.deleted)
        .and_then(|said| Some((said.clone(), said.status?)))
    else {
        return Sending::Overtaken;
    };
    let shop = Observation {
        source: Source::Shop,
        value: status,
        since: said.since,
        seen: said.heard(now),
        as_of: said.as_of(clock),
    };
    sending(&Message {
        told_at,
        sent,
        agreed: row.agreed.as_ref(),
        shop: &shop,
        paid: said.paid,
        cancelled: said.cancelled,
        policy,
        clock,
        person: person(row),
    })
}

/// A message that was decided at a time is sent.
pub(in crate::app) fn sent(row: &mut Row, told_at: DateTime<Utc>, now: DateTime<Utc>) {
    keep(row, |agreed| agreed.sent(told_at, now));
}

/// A message that was decided at a time is given up.
pub(in crate::app) fn died(row: &mut Row, told_at: DateTime<Utc>, now: DateTime<Utc>) {
    keep(row, |agreed| agreed.died(told_at, now));
}

/// A message that was decided at a time, and was given up, is tried again.
pub(in crate::app) fn revived(row: &mut Row, told_at: DateTime<Utc>) {
    keep(row, |agreed| agreed.revived(told_at));
}

fn keep(row: &mut Row, how: impl FnOnce(Agreed) -> Agreed) {
    row.agreed = row.agreed.take().map(how);
}

/// Takes back what was agreed by a message; returns which messages are still waited for.
pub(in crate::app) fn reopen(
    row: &mut Row,
    how: impl FnOnce(Agreed) -> Option<Agreed>,
) -> Vec<DateTime<Utc>> {
    row.agreed = row.agreed.take().and_then(how);
    let told = row.agreed.iter().flat_map(|agreed| &agreed.told);
    told.map(|told| told.at).collect()
}

/// The shop took a message that was decided at a time and first sent at another: what is agreed
/// now. A person's word is carried out when nothing is on its way any more.
pub(in crate::app) fn took(
    row: &mut Row,
    (told_at, first_sent): (DateTime<Utc>, DateTime<Utc>),
    now: DateTime<Utc>,
) -> Option<Agreed> {
    let agreed = row.agreed.take()?.delivered(told_at, first_sent, now);
    let open = agreed.told.iter().any(|told| told.delivered_at.is_none());
    if !open && person(row) != Person::Answered {
        row.ruling = None;
    }
    row.agreed = Some(agreed.clone());
    Some(agreed)
}

/// A word that is being carried out is no question any more.
fn person(row: &Row) -> Person {
    match (&row.ruling, &row.waiting) {
        (Some(StandingRuling { tries: 0, .. }), _) => Person::Answered,
        (_, Some(_)) => Person::Asked,
        (_, None) => Person::Unasked,
    }
}

/// The orders of messages that were taken back are to be compared.
async fn ask(tx: &mut PgConnection, withdrawn: &[ChangeRow]) -> Result<(), Error> {
    let portals: BTreeMap<_, _> = withdrawn
        .iter()
        .map(|one| (OrderKey::new(&one.shop, &one.number), one.portal.clone()))
        .collect();
    if portals.is_empty() {
        return Ok(());
    }
    let (orders, portals): (Vec<_>, Vec<_>) = portals.into_iter().unzip();
    let (shops, numbers) = OrderKey::columns(orders);
    Ok(comparisons::ask(tx, (&shops, &numbers, &portals), AskedBy::Shop, 0).await?)
}

async fn drop_one(tx: &mut PgConnection, change: &ChangeRow) -> Result<(), Error> {
    let (shop, seq) = (&*change.shop, change.seq);
    status_changes::settle(tx, shop, seq, MessageState::Dropped, change.attempts).await?;
    let order = OrderKey::new(shop, &change.number);
    Ok(status_changes::reopen_documents(tx, [order]).await?)
}

/// The message is dropped, and with it those that rest on it; what was agreed before it holds
/// again, and is compared.
async fn take_back(
    tx: &mut PgConnection,
    change: &ChangeRow,
    row: &mut Row,
    why: Withdrawal,
) -> Result<(), Error> {
    let awaited = reopen(row, |agreed| agreed.withdrawn(change.decided_at));
    agreements::save(tx, std::slice::from_ref(row)).await?;
    drop_one(tx, change).await?;
    let order = OrderKey::new(&change.shop, &change.number);
    status_changes::drop_except(tx, &[(order, awaited)]).await?;
    let what = SyncEvent::MessageWithdrawn {
        status: change.status.clone(),
        because: why.because(),
    };
    Ok(journal::add(tx, &[line(change, LineKind::Told, what)]).await?)
}

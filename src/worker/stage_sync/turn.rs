//! One scan: what is due, what the portal shows of it, and what follows from that.

use super::{
    HeldPortal, ScanWanted,
    calls::{ScanOutcome, ScanTask, move_deals},
};
use crate::{
    app::{self, Comparison, Incidents, RetryPolicy, ScanContext, Sync},
    domain::{ErrorCode, OrderKey},
    planner::{History, ScanRequest, ScanResult, StageWrite, Verdict},
    worker::{CrashPoint, PortalClient, lanes::lease::HeldLease, portal::identity::inquire},
};
use std::{collections::BTreeSet, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// Orders compared in one turn: 40 commands of 50 deals, so that the history fits into the same
/// call.
const AT_ONCE: u32 = 2_000;
/// The most times their number is halved while the whole portal fails: a call that failed is
/// repeated whole.
const MOST_HALVINGS: u32 = 5;
/// How often they are halved where the portal fails for one of them alone: until that one is left.
const TO_ONE: u32 = AT_ONCE.ilog2() + 1;
/// How long a deal is left alone that cannot be read while others can.
const UNREADABLE: Duration = Duration::from_mins(1);
/// How long an order is left alone that is in a wave.
const BUSY: Duration = Duration::from_secs(1);
/// How often a write may lead to another at once: the next turn goes on.
const MOST_PASSES: usize = 3;
/// Scans follow each other no faster than this, so that what comes in bursts is read once.
const PACE: Duration = Duration::from_millis(400);

/// A portal where nothing has moved for so many times the interval is read less often: its quiet
/// divided by this is the pause between two readings.
const QUIET: f64 = 1_000.0;
/// How much longer that pause is than the interval, at most.
const LONGEST: u32 = 10;

/// What a lane remembers between scans.
#[derive(Debug, Default)]
pub(super) struct SyncMemory {
    /// Since when nothing has moved in the portal, as far as is known; none if nothing ever did.
    moved: Option<Instant>,
    /// When the portal's history was last read to its end.
    read: Option<Instant>,
    /// When the last scan began.
    last_scan: Option<Instant>,
    /// How often the number of orders in one turn is halved.
    halvings: u32,
    /// Whether the portal was asked who the bridge is.
    asked_who: bool,
    /// Who the bridge is in the portal.
    me: Option<u64>,
    /// Whether the last reading was cancelled for a live order: the next one is not.
    last_cancelled: bool,
    /// Whether the history is read by itself in the next scan: where a scan failed, it may be the
    /// history's fault.
    history_alone: bool,
    /// Whether it is on record that the history cannot be read; `None`: not known since the start.
    history_told: Option<bool>,
}

/// A scan that is due: the orders, and what is to be read for them.
#[derive(Debug)]
pub(super) struct PendingScan {
    /// The orders, with their deals.
    due: Vec<Comparison>,
    scan: ScanRequest,
}

impl PendingScan {
    pub(super) fn orders(&self) -> BTreeSet<OrderKey> {
        self.due.iter().map(Comparison::order).collect()
    }
}

impl SyncMemory {
    /// The history is to be read at once: the lane was just taken, or the portal was away.
    pub(super) fn force_rescan(&mut self) {
        self.read = None;
    }

    /// How long until something is to be done though nothing is due. Where something moved at
    /// `last_write`, or since, the history is read at the interval; the longer ago that is, the
    /// less often, and where nothing ever moved, least.
    pub(super) fn until_next(&self, interval: Duration, last_write: Option<Instant>) -> Duration {
        let Some(read) = self.read else {
            return Duration::ZERO;
        };
        let most = interval.saturating_mul(LONGEST);
        let quiet = self.moved.max(last_write).map(|at| at.elapsed());
        let pause = quiet.map_or(most, |quiet| quiet.div_f64(QUIET).clamp(interval, most));
        pause.saturating_sub(read.elapsed())
    }

    /// How long the pace asks to wait before the next scan.
    pub(super) fn min_interval(&self) -> Duration {
        self.last_scan
            .map_or(Duration::ZERO, |began| PACE.saturating_sub(began.elapsed()))
    }

    /// What to read: the history from there on, and the deals that are to be compared.
    fn scan(&self, cursor: Option<u64>, due: &[Comparison]) -> ScanRequest {
        let deals: BTreeSet<_> = due.iter().map(|one| one.deal).collect();
        ScanRequest {
            history: cursor.map_or(History::Newest, History::After),
            deals: deals.into_iter().collect(),
            moves_of: due
                .iter()
                .filter_map(|one| Some((one.deal, one.guard?)))
                .collect(),
            ask_who: !self.asked_who,
        }
    }

    /// What the portal shows; `None` if the reading was cancelled.
    async fn read<P: PortalClient>(
        &mut self,
        portal: &P,
        held: &HeldLease,
        scan: &ScanRequest,
        cancel: &CancellationToken,
    ) -> Option<(ScanResult, ScanOutcome)> {
        let reading = ScanTask::start(portal, held, scan);
        let read = tokio::select! {
            read = reading.end() => Some(read),
            () = cancel.cancelled(), if !self.last_cancelled => None,
        };
        self.last_cancelled = read.is_none();
        read
    }

    /// What to scan now; `None` if nothing is due.
    pub(super) async fn prepare(
        &mut self,
        sync: &Sync,
        held: &HeldLease,
        (wanted, last_write): (ScanWanted, Option<Instant>),
        busy: &BTreeSet<OrderKey>,
    ) -> Result<Option<PendingScan>, app::Error> {
        let reread = self.until_next(wanted.interval, last_write).is_zero();
        if wanted.waits {
            sync.drain_inbox(held.portal()).await?;
        } else if !reread {
            return Ok(None);
        }
        if !self.min_interval().is_zero() && !reread {
            return Ok(None);
        }
        if reread {
            sync.enqueue_sweep(held.portal()).await?;
        }
        let most = (AT_ONCE >> self.halvings).max(1);
        let apart = self.halvings > MOST_HALVINGS;
        self.history_alone = apart && reread && !self.history_alone;
        let due = if self.history_alone {
            Vec::new()
        } else {
            let due = sync.comparisons(held.lease(), most).await?;
            // What a wave has in hand is looked at after it.
            let (later, due) = due.into_iter().partition(|one| one.is_of(busy));
            sync.postpone_comparisons(held.lease(), later, BUSY).await?;
            due
        };
        if due.is_empty() && !reread {
            return Ok(None);
        }
        self.last_scan = Some(Instant::now());
        let position = sync.history_position(held.portal()).await?;
        self.moved = position
            .quiet
            .and_then(|quiet| Instant::now().checked_sub(quiet));
        let mut scan = self.scan(position.above, &due);
        if apart && !due.is_empty() {
            scan.history = History::Skip;
        }
        Ok(Some(PendingScan { due, scan }))
    }

    /// Scans, and does what follows. A reading may be cancelled, but not twice in a row; what is
    /// done after it may not.
    pub(super) async fn carry_out<P: PortalClient>(
        &mut self,
        of: &HeldPortal<'_, P>,
        pending: PendingScan,
        tries: &RetryPolicy,
        cancel: &CancellationToken,
    ) -> Result<ScanOutcome, app::Error> {
        let (app, held) = (of.app, of.held);
        let PendingScan { mut due, scan } = pending;
        let read = self.read(of.portal, held, &scan, cancel).await;
        let Some((seen, mut outcome)) = read else {
            return Ok(ScanOutcome::default());
        };
        if outcome.answered && scan.ask_who {
            self.asked_who = true;
            self.me = seen.me;
        }
        if seen.history_read {
            app.sync.ingest_history(held.lease(), &seen).await?;
        }
        if seen.history_read || outcome.failure.is_none() && scan.history != History::Skip {
            self.read = Some(Instant::now());
        }
        if outcome.failure.is_some() {
            self.halvings = (self.halvings + 2).min(MOST_HALVINGS);
            return Ok(outcome);
        }
        let fault = history_fault(&scan, &seen, &outcome);
        self.record_history(of, fault, seen.history_read).await?;
        if outcome.poisoned {
            self.halvings = (self.halvings + 2).min(TO_ONE);
            match (&*due, outcome.broke.take()) {
                ([one], Some(bug)) => {
                    let words = bug.to_string();
                    app.sync
                        .dead_letter_comparison(held.lease(), one, &words)
                        .await?;
                    return Ok(outcome);
                }
                ([_], None) => {
                    app.sync
                        .postpone_comparisons(held.lease(), due, UNREADABLE)
                        .await?;
                    return Ok(outcome);
                }
                // The history itself: people are told, and the orders are looked at without it.
                ([], Some(bug)) => return Err(bug.into()),
                _ => {}
            }
            // Who was not seen is asked for again at once, in smaller company.
            due.retain(|one| seen.deals.contains_key(&one.deal));
            if due.is_empty() {
                return Ok(outcome);
            }
        } else if !due.is_empty() {
            // Not by a scan of the history alone: what failed is still among the orders.
            self.halvings = self.halvings.saturating_sub(1);
        }
        let all_gone = !seen.deals.is_empty() && seen.deals.values().all(Option::is_none);
        if !all_gone || are_gone(of, &mut outcome).await? {
            self.settle(of, due, seen, &mut outcome, tries).await?;
        }
        Ok(outcome)
    }

    /// Puts on record that the stage history cannot be read, and that it can be again. Nothing
    /// waits for it: stages are told by the deals meanwhile.
    async fn record_history<P: PortalClient>(
        &mut self,
        of: &HeldPortal<'_, P>,
        fault: Option<String>,
        is_read: bool,
    ) -> Result<(), app::Error> {
        let mut incidents = Incidents::default();
        match fault {
            Some(words) => {
                if self.history_told != Some(true) {
                    tracing::warn!(
                        portal = of.held.portal(), code = %ErrorCode::History,
                        "the stage history cannot be read: {words}"
                    );
                }
                incidents.notes.push((ErrorCode::History, words, 1));
                self.history_told = Some(true);
            }
            None if is_read && self.history_told != Some(false) => {
                incidents.over.push(ErrorCode::History);
                self.history_told = Some(false);
            }
            None => return Ok(()),
        }
        of.app.lanes.record(of.held.portal(), &incidents).await
    }

    /// Has what was seen decided, and writes what was decided.
    async fn settle<P: PortalClient>(
        &self,
        of: &HeldPortal<'_, P>,
        mut compared: Vec<Comparison>,
        mut seen: ScanResult,
        outcome: &mut ScanOutcome,
        tries: &RetryPolicy,
    ) -> Result<(), app::Error> {
        let HeldPortal { app, portal, held } = *of;
        for _ in 0..MOST_PASSES {
            let newest = seen.newest;
            let context = ScanContext {
                seen,
                heard: portal.heard(),
                me: self.me,
                tries: tries.clone(),
            };
            let done = app.sync.compare(held.lease(), compared, &context).await?;
            if done.writes.is_empty() {
                break;
            }
            held.reached(CrashPoint::Decided).await;
            let (again, writes): (Vec<Comparison>, Vec<StageWrite>) =
                done.writes.into_iter().unzip();
            // What was decided is waited for, by the shop or by a manager.
            let (mut after, wrote) = move_deals(portal, held, writes).await;
            held.reached(CrashPoint::Called).await;
            after.newest = newest.max(after.moves.values().flatten().map(|row| row.id).max());
            outcome.answered |= wrote.answered;
            outcome.failure = wrote.failure;
            if outcome.failure.is_some() {
                // What became of the writes is stored; the rest is looked at when the portal is
                // back.
                let context = ScanContext {
                    seen: after,
                    heard: None,
                    me: self.me,
                    tries: tries.clone(),
                };
                app.sync.compare(held.lease(), again, &context).await?;
                break;
            }
            (compared, seen) = (again, after);
        }
        Ok(())
    }
}

/// Why the portal's stage history is not to be had, where that is the history's fault.
fn history_fault(scan: &ScanRequest, seen: &ScanResult, outcome: &ScanOutcome) -> Option<String> {
    let alone = scan.deals.is_empty() && scan.history != History::Skip;
    let spoilt = alone && outcome.poisoned && outcome.broke.is_none() && !seen.history_read;
    let words = "the call that asks for it fails, while others are answered";
    seen.history_fault
        .clone()
        .or_else(|| spoilt.then(|| words.to_owned()))
}

/// Whether deals that are not shown are gone, where none of a scan is: not where it is another
/// portal, nor where the portal hides them.
async fn are_gone<P: PortalClient>(
    of: &HeldPortal<'_, P>,
    outcome: &mut ScanOutcome,
) -> Result<bool, app::Error> {
    match Box::pin(inquire(&of.app.delivery, of.portal, of.held)).await? {
        Ok(verdict) => Ok(!matches!(
            verdict,
            Some(Verdict::Another | Verdict::WentBack)
        )),
        Err(failure) => {
            outcome.failure = Some(failure);
            Ok(false)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_secs(30);

    /// How long after a reading the next one is due where the last move is so old.
    async fn pause(moved: Option<Duration>, last_write: Option<Duration>) -> Duration {
        tokio::time::advance(Duration::from_hours(24 * 365)).await;
        let at = |age: Duration| Instant::now() - age;
        let memory = SyncMemory {
            read: Some(Instant::now()),
            moved: moved.map(at),
            ..SyncMemory::default()
        };
        memory.until_next(INTERVAL, last_write.map(at))
    }

    #[tokio::test(start_paused = true)]
    async fn a_portal_is_read_less_often_the_longer_nothing_moves_there() {
        for (moved, expected) in [
            (Some(Duration::ZERO), 30),
            (Some(Duration::from_hours(8)), 30),
            (Some(Duration::from_hours(25)), 90),
            (Some(Duration::from_hours(24 * 30)), 300),
            (None, 300),
        ] {
            let pause = pause(moved, None).await;
            assert_eq!(pause, Duration::from_secs(expected), "{moved:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn where_the_bridge_writes_moves_are_expected() {
        let long = Some(Duration::from_hours(24 * 30));
        for moved in [None, long] {
            let pause = pause(moved, Some(Duration::from_mins(1))).await;
            assert_eq!(pause, INTERVAL);
        }
        assert_eq!(pause(None, long).await, INTERVAL * 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lane_that_was_just_taken_reads_at_once() {
        let memory = SyncMemory::default();
        assert_eq!(memory.until_next(INTERVAL, None), Duration::ZERO);
    }
}

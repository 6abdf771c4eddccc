//! The way back: reads where deals stand, has differences decided, and writes what was decided.
//!
//! A call that fails for what is in it, while the portal takes others, holds up nobody: what is
//! looked at together becomes less until it is one, and moves that were refused together are sent
//! again in halves.

use super::{
    CallFailure, PortalClient,
    lanes::{
        isolation::Key,
        lease::HeldLease,
        wave_runner::{its_own, send, spoilt, unusable},
    },
};
use crate::{
    app::{self, App, Comparison, RetryPolicy, ScanContext},
    bitrix24::Priority,
    bug::{self, Bug},
    planner::{CallAnswer, DealScan, History, ScanRequest, ScanResult, StageWrite, StageWritten},
};
use std::{collections::BTreeSet, time::Duration};
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument as _;

/// Orders compared in one turn: 40 commands of 50 deals, so that the history fits into the same
/// call.
const AT_ONCE: u32 = 2_000;
/// How often they are halved before a portal that keeps failing: what a call that fails was to
/// bring is asked for again as a whole.
const MOST_HALVINGS: u32 = 5;
/// How often they are halved where the portal fails for one of them alone: until that one is left.
const TO_ONE: u32 = AT_ONCE.ilog2() + 1;
/// How long a deal is left alone that cannot be read while others can.
const UNREADABLE: Duration = Duration::from_mins(1);
/// How long an order is left alone that is in a wave.
const BUSY: Duration = Duration::from_secs(1);
/// How often a write may lead to another at once: the next turn goes on.
const MOST_PASSES: usize = 3;
/// Looks follow each other no faster than this, so that what comes in bursts is read once.
const PACE: Duration = Duration::from_millis(400);

/// What a lane remembers of the way back.
#[derive(Debug, Default)]
pub(super) struct StageSyncTurn {
    /// When the portal's history was last read to its end.
    read: Option<Instant>,
    /// When the last look began.
    looked: Option<Instant>,
    /// How often the number of orders in one turn is halved.
    halvings: u32,
    /// Whether the portal was asked who the bridge is.
    asked_who: bool,
    /// Who the bridge is in the portal.
    me: Option<u64>,
    /// Whether the last reading was let go for a live order: the next one is not.
    let_go: bool,
    /// Whether the history is read by itself in the next look: where a look failed, it may be the
    /// history's fault.
    history_alone: bool,
}

/// What a turn of the way back came to.
#[derive(Debug, Default)]
pub(super) struct SyncTurn {
    /// What cut it short.
    pub(super) failure: Option<CallFailure>,
    /// Whether the portal answered at all.
    pub(super) answered: bool,
    /// Whether a call failed for what was in it.
    spoilt: bool,
    /// The panic over what was in it, if it was one.
    broke: Option<Bug>,
}

impl StageSyncTurn {
    /// The history is to be read at once: the lane was just taken, or the portal was away.
    pub(super) fn force_rescan(&mut self) {
        self.read = None;
    }

    /// How long until something is to be done though nothing is due.
    pub(super) fn until_next(&self, interval: Duration) -> Duration {
        self.read.map_or(Duration::ZERO, |read| {
            interval.saturating_sub(read.elapsed())
        })
    }

    /// How long the pace asks to wait before the next look.
    pub(super) fn min_interval(&self) -> Duration {
        self.looked.map_or(Duration::ZERO, |looked| {
            PACE.saturating_sub(looked.elapsed())
        })
    }

    /// What to read: the history from there on, and the deals that are to be compared.
    fn look(&self, cursor: Option<u64>, due: &[Comparison]) -> ScanRequest {
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

    /// What the portal shows; nothing if a live order came meanwhile and did not want to wait.
    async fn read<P: PortalClient>(
        &mut self,
        app: &App,
        portal: &P,
        held: &HeldLease,
        look: &ScanRequest,
    ) -> Option<(ScanResult, SyncTurn)> {
        let reading = ScanTask::start(portal, held, look);
        let read = tokio::select! {
            read = reading.end() => Some(read),
            () = live_order(app, portal, held), if !self.let_go => None,
        };
        self.let_go = read.is_none();
        read
    }

    /// One look, if something is due, and what follows from it.
    pub(super) async fn turn<P: PortalClient>(
        &mut self,
        app: &App,
        portal: &P,
        held: &HeldLease,
        (interval, tries): (Duration, &RetryPolicy),
        busy: &BTreeSet<Key>,
    ) -> Result<Option<SyncTurn>, app::Error> {
        app.sync.drain_inbox(held.portal()).await?;
        let reread = self.until_next(interval).is_zero();
        if !self.min_interval().is_zero() && !reread {
            return Ok(None);
        }
        if reread {
            app.sync.enqueue_sweep(held.portal()).await?;
        }
        let most = (AT_ONCE >> self.halvings).max(1);
        let apart = self.halvings > MOST_HALVINGS;
        self.history_alone = apart && reread && !self.history_alone;
        let mut due = if self.history_alone {
            Vec::new()
        } else {
            let due = app.sync.comparisons(held.lease(), most).await?;
            // What a wave has in hand is looked at after it.
            let (later, due) = due.into_iter().partition(|one| one.is_of(busy));
            app.sync.compare_later(held.lease(), later, BUSY).await?;
            due
        };
        if due.is_empty() && !reread {
            return Ok(None);
        }
        self.looked = Some(Instant::now());
        let cursor = app.sync.history_cursor(held.portal()).await?;
        let mut look = self.look(cursor, &due);
        if apart && !due.is_empty() {
            look.history = History::Skip;
        }
        let Some((seen, mut turned)) = self.read(app, portal, held, &look).await else {
            return Ok(Some(SyncTurn::default()));
        };
        if turned.answered && look.ask_who {
            self.asked_who = true;
            self.me = seen.me;
        }
        if seen.history_read {
            app.sync.ingest_history(held.lease(), &seen).await?;
        }
        if seen.history_read || turned.failure.is_none() && look.history != History::Skip {
            self.read = Some(Instant::now());
        }
        if turned.failure.is_some() {
            self.halvings = (self.halvings + 2).min(MOST_HALVINGS);
            return Ok(Some(turned));
        }
        if turned.spoilt {
            self.halvings = (self.halvings + 2).min(TO_ONE);
            match (&*due, turned.broke.take()) {
                ([one], Some(bug)) => {
                    let words = bug.to_string();
                    app.sync.bury_compared(held.lease(), one, &words).await?;
                    return Ok(Some(turned));
                }
                ([_], None) => {
                    app.sync
                        .compare_later(held.lease(), due, UNREADABLE)
                        .await?;
                    return Ok(Some(turned));
                }
                // The history itself: people are told, and the orders are looked at without it.
                ([], Some(bug)) => return Err(bug.into()),
                _ => {}
            }
            // Who was not seen is asked for again at once, in smaller company.
            due.retain(|one| seen.deals.contains_key(&one.deal));
            if due.is_empty() {
                return Ok(Some(turned));
            }
        } else if !due.is_empty() {
            // Not by a look at the history alone: what failed is still among the orders.
            self.halvings = self.halvings.saturating_sub(1);
        }
        self.settle(app, (portal, held), (due, seen), &mut turned, tries)
            .await?;
        Ok(Some(turned))
    }

    /// Has what was seen decided, and writes what was decided.
    async fn settle<P: PortalClient>(
        &self,
        app: &App,
        (portal, held): (&P, &HeldLease),
        mut next: (Vec<Comparison>, ScanResult),
        turned: &mut SyncTurn,
        tries: &RetryPolicy,
    ) -> Result<(), app::Error> {
        for _ in 0..MOST_PASSES {
            let (compared, seen) = next;
            let newest = seen.newest;
            let looked = ScanContext {
                seen,
                heard: portal.heard(),
                me: self.me,
                tries: tries.clone(),
            };
            let done = app.sync.compare(held.lease(), compared, &looked).await?;
            if done.writes.is_empty() {
                break;
            }
            held.reached(super::CrashPoint::Decided).await;
            let (again, writes): (Vec<Comparison>, Vec<StageWrite>) =
                done.writes.into_iter().unzip();
            // What was decided is waited for, by the shop or by a manager.
            let (mut seen, wrote) = move_deals(portal, held, writes).await;
            held.reached(super::CrashPoint::Called).await;
            seen.newest = newest.max(seen.moves.values().flatten().map(|row| row.id).max());
            turned.answered |= wrote.answered;
            turned.failure = wrote.failure;
            if turned.failure.is_some() {
                // What became of the writes is stored; the rest is looked at when the portal is
                // back.
                let looked = ScanContext {
                    seen,
                    heard: None,
                    me: self.me,
                    tries: tries.clone(),
                };
                app.sync.compare(held.lease(), again, &looked).await?;
                break;
            }
            next = (again, seen);
        }
        Ok(())
    }
}

/// Comes back when a live order is due and the portal has room for its calls besides the one that
/// is on its way.
async fn live_order<P: PortalClient>(app: &App, portal: &P, held: &HeldLease) {
    let bell = app.waker().subscribe(held.portal());
    loop {
        // Who takes the ring from the lane may do so: after a look the lane sees by itself what is
        // due.
        bell.notified().await;
        let room = portal.drain_time() <= portal.full_drain_time() / 2;
        if room && app.delivery.live_due(held.portal()).await.unwrap_or(false) {
            return;
        }
    }
}

/// A look on its way. It changes nothing in the portal, so nobody has to wait for it: once let go,
/// its call ends by itself (in the middle of it a token may be renewed, which must not be torn
/// off), and no other follows.
struct ScanTask {
    task: JoinHandle<(ScanResult, SyncTurn)>,
    _let_go: DropGuard,
}

impl ScanTask {
    fn start<P: PortalClient>(portal: &P, held: &HeldLease, look: &ScanRequest) -> Self {
        let (portal, held, glanced) = (portal.clone(), held.clone(), DealScan::look(look));
        let let_go = CancellationToken::new();
        let guard = let_go.clone().drop_guard();
        let read = async move {
            run_scan(
                &portal,
                &held,
                glanced,
                (Priority::Reconcile, None),
                &let_go,
            )
            .await
        };
        Self {
            task: tokio::spawn(read.in_current_span()),
            _let_go: guard,
        }
    }

    async fn end(self) -> (ScanResult, SyncTurn) {
        match self.task.await {
            Ok(read) => read,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

/// Moves deals. Those that were refused together for what was in their call are sent again in
/// halves, until the one is found; that one is sent once more without its comment, and then counts
/// as refused.
async fn move_deals<P: PortalClient>(
    portal: &P,
    held: &HeldLease,
    writes: Vec<StageWrite>,
) -> (ScanResult, SyncTurn) {
    let (mut seen, mut turned) = (ScanResult::default(), SyncTurn::default());
    let mut left = vec![writes];
    // What was decided longer ago is decided again: from its record it is told until when it may
    // land.
    let until = Instant::now() + (held.lands_within() / 5).max(Duration::from_secs(2));
    while let Some(mut writes) = left.pop() {
        if turned.failure.is_some() {
            let not_run = writes.iter().map(|one| (one.deal, StageWritten::NotRun));
            seen.written.extend(not_run);
            continue;
        }
        let sent = DealScan::write(&writes);
        let (part, done) = run_scan(
            portal,
            held,
            sent,
            (Priority::Live, Some(until)),
            held.stop(),
        )
        .await;
        turned.answered |= done.answered;
        turned.failure = done.failure;
        let alone = writes.len() == 1;
        writes.retain(|one| part.spoilt.contains_key(&one.deal));
        match &mut writes[..] {
            [] => {}
            [one] if alone && one.comment.is_some() => {
                one.comment = None;
                let words = part.spoilt.get(&one.deal).cloned().unwrap_or_default();
                seen.refused
                    .push(format!("the comment was refused: {words}"));
                left.push(writes);
            }
            [one] if alone => {
                let words = part.spoilt.get(&one.deal).cloned().unwrap_or_default();
                let refused = StageWritten::Refused(words);
                seen.absorb(part);
                seen.written.insert(one.deal, refused);
                continue;
            }
            _ => {
                let half = writes.split_off(writes.len() / 2);
                left.extend([half, writes].into_iter().filter(|part| !part.is_empty()));
            }
        }
        seen.absorb(part);
    }
    (seen, turned)
}

/// Sends the calls of a glance while the lease holds, the portal answers, and nobody lets go of it.
async fn run_scan<P: PortalClient>(
    portal: &P,
    held: &HeldLease,
    mut glance: DealScan,
    (priority, until): (Priority, Option<Instant>),
    let_go: &CancellationToken,
) -> (ScanResult, SyncTurn) {
    let mut turned = SyncTurn::default();
    let late = || until.is_some_and(|until| Instant::now() > until);
    while let Some(call) = glance.next_call() {
        if turned.failure.is_some() || let_go.is_cancelled() || late() || !held.may_send() {
            glance.answer(&call, CallAnswer::NotRun);
            continue;
        }
        let sent = bug::caught_in(send(portal, held, &call, (priority, until))).await;
        let read = sent.map(|sent| {
            sent.map(|answer| {
                turned.answered = true;
                bug::caught(|| glance.answer(&call, answer))
            })
        });
        match read {
            Ok(Ok(Ok(()))) => {}
            // What of it was read before the panic is not believed to be all.
            Ok(Ok(Err(bug))) | Err(bug) => {
                tracing::error!(
                    portal = held.portal(),
                    place = bug.place,
                    "a panic over an answer"
                );
                turned.spoilt = true;
                turned.broke = Some(bug);
                glance.answer(&call, CallAnswer::InDoubt);
            }
            Ok(Err(fault)) => match its_own(portal, held, &fault).await {
                Ok(()) => {
                    turned.answered = true;
                    turned.spoilt = true;
                    glance.answer(&call, spoilt(fault, false));
                }
                Err(whole) => {
                    glance.answer(&call, unusable(&fault));
                    turned.failure = Some(whole);
                }
            },
        }
    }
    (glance.finish(), turned)
}

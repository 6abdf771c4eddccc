//! The calls of the stage sync: scans, which may be cancelled, and moves of deals.

use crate::{
    clients::bitrix24::Priority,
    planner::{CallAnswer, DealScan, ScanRequest, ScanResult, StageWrite, StageWritten},
    process::bug::{self, Bug},
    worker::{
        CallFailure, PortalClient,
        lanes::{
            lease::HeldLease,
            wave_runner::{fails_alone, poisoned, send, unusable},
        },
    },
};
use std::time::Duration;
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument as _;

/// What the calls of a scan came to.
#[derive(Debug, Default)]
pub(in crate::worker) struct ScanOutcome {
    /// What cut it short.
    pub(in crate::worker) failure: Option<CallFailure>,
    /// Whether the portal answered at all.
    pub(in crate::worker) answered: bool,
    /// Whether a call failed for what was in it.
    pub(super) poisoned: bool,
    /// The panic over what was in it, if it was one.
    pub(super) broke: Option<Bug>,
}

/// A scan on its way. It changes nothing in the portal, so nobody has to wait for it: once
/// cancelled, its call ends by itself (in the middle of it a token may be renewed, which must not
/// be torn off), and no other follows.
pub(super) struct ScanTask {
    task: JoinHandle<(ScanResult, ScanOutcome)>,
    _cancel: DropGuard,
}

impl ScanTask {
    pub(super) fn start<P: PortalClient>(
        portal: &P,
        held: &HeldLease,
        request: &ScanRequest,
    ) -> Self {
        let (portal, held, scan) = (portal.clone(), held.clone(), DealScan::read(request));
        let cancel = CancellationToken::new();
        let guard = cancel.clone().drop_guard();
        let read =
            async move { run_scan(&portal, &held, scan, Priority::Reconcile, None, &cancel).await };
        Self {
            task: tokio::spawn(read.in_current_span()),
            _cancel: guard,
        }
    }

    pub(super) async fn end(self) -> (ScanResult, ScanOutcome) {
        match self.task.await {
            Ok(read) => read,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

/// Moves deals. Those that were refused together for what was in their call are sent again in
/// halves, until the one is found; that one is sent once more without its comment, and then counts
/// as refused.
pub(super) async fn move_deals<P: PortalClient>(
    portal: &P,
    held: &HeldLease,
    writes: Vec<StageWrite>,
) -> (ScanResult, ScanOutcome) {
    let (mut seen, mut outcome) = (ScanResult::default(), ScanOutcome::default());
    let mut left = vec![writes];
    // What was decided longer ago is decided again: from its record it is told until when it may
    // land.
    let until = Instant::now() + (held.lands_within() / 5).max(Duration::from_secs(2));
    while let Some(mut writes) = left.pop() {
        if outcome.failure.is_some() {
            let not_run = writes.iter().map(|one| (one.deal, StageWritten::NotRun));
            seen.written.extend(not_run);
            continue;
        }
        let sent = DealScan::write(&writes);
        let (part, done) = run_scan(
            portal,
            held,
            sent,
            Priority::Live,
            Some(until),
            held.ending(),
        )
        .await;
        outcome.answered |= done.answered;
        outcome.failure = done.failure;
        let alone = writes.len() == 1;
        writes.retain(|one| part.poisoned.contains_key(&one.deal));
        match &mut writes[..] {
            [] => {}
            [one] if alone && one.comment.is_some() => {
                one.comment = None;
                let words = part.poisoned.get(&one.deal).cloned().unwrap_or_default();
                seen.refused
                    .push(format!("the comment was refused: {words}"));
                left.push(writes);
            }
            [one] if alone => {
                let words = part.poisoned.get(&one.deal).cloned().unwrap_or_default();
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
    (seen, outcome)
}

/// Sends the calls of a scan while the lease holds, the portal answers, and nobody cancels it.
async fn run_scan<P: PortalClient>(
    portal: &P,
    held: &HeldLease,
    mut scan: DealScan,
    priority: Priority,
    until: Option<Instant>,
    cancel: &CancellationToken,
) -> (ScanResult, ScanOutcome) {
    let mut outcome = ScanOutcome::default();
    let late = || until.is_some_and(|until| Instant::now() > until);
    while let Some(call) = scan.next_call() {
        if outcome.failure.is_some() || cancel.is_cancelled() || late() || !held.may_send() {
            scan.answer(&call, CallAnswer::NotRun);
            continue;
        }
        let sent = bug::caught_in(send(portal, held, &call, priority, until)).await;
        let read = sent.map(|sent| {
            sent.map(|answer| {
                outcome.answered = true;
                bug::caught(|| scan.answer(&call, answer))
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
                outcome.poisoned = true;
                outcome.broke = Some(bug);
                scan.answer(&call, CallAnswer::InDoubt);
            }
            Ok(Err(fault)) => match fails_alone(portal, held, &fault).await {
                Ok(()) => {
                    outcome.answered = true;
                    outcome.poisoned = true;
                    scan.answer(&call, poisoned(fault, false));
                }
                Err(whole) => {
                    scan.answer(&call, unusable(&fault));
                    outcome.failure = Some(whole);
                }
            },
        }
    }
    (scan.finish(), outcome)
}

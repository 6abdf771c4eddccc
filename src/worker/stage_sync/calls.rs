//! The calls of the stage sync: scans, which may be cancelled, and moves of deals.

use crate::{
    clients::bitrix24::Priority,
    planner::{CallAnswer, DealScan, ScanRequest, ScanResult, StageWrite, StageWritten},
    process::bug::{self, Bug},
    worker::{
        CallFailure, PortalClient,
        lanes::{
            lease::HeldLease,
            wave_runner::{its_own, send, spoilt, unusable},
        },
    },
};
use std::time::Duration;
use tokio::{task::JoinHandle, time::Instant};
use tokio_util::sync::{CancellationToken, DropGuard};
use tracing::Instrument as _;

/// What the calls of a scan came to.
#[derive(Debug, Default)]
pub(in crate::worker) struct SyncTurn {
    /// What cut it short.
    pub(in crate::worker) failure: Option<CallFailure>,
    /// Whether the portal answered at all.
    pub(in crate::worker) answered: bool,
    /// Whether a call failed for what was in it.
    pub(super) spoilt: bool,
    /// The panic over what was in it, if it was one.
    pub(super) broke: Option<Bug>,
}

/// A scan on its way. It changes nothing in the portal, so nobody has to wait for it: once
/// cancelled, its call ends by itself (in the middle of it a token may be renewed, which must not
/// be torn off), and no other follows.
pub(super) struct ScanTask {
    task: JoinHandle<(ScanResult, SyncTurn)>,
    _let_go: DropGuard,
}

impl ScanTask {
    pub(super) fn start<P: PortalClient>(portal: &P, held: &HeldLease, look: &ScanRequest) -> Self {
        let (portal, held, scan) = (portal.clone(), held.clone(), DealScan::look(look));
        let let_go = CancellationToken::new();
        let guard = let_go.clone().drop_guard();
        let read =
            async move { run_scan(&portal, &held, scan, Priority::Reconcile, None, &let_go).await };
        Self {
            task: tokio::spawn(read.in_current_span()),
            _let_go: guard,
        }
    }

    pub(super) async fn end(self) -> (ScanResult, SyncTurn) {
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
            Priority::Live,
            Some(until),
            held.ending(),
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

/// Sends the calls of a scan while the lease holds, the portal answers, and nobody lets go of it.
async fn run_scan<P: PortalClient>(
    portal: &P,
    held: &HeldLease,
    mut scan: DealScan,
    priority: Priority,
    until: Option<Instant>,
    let_go: &CancellationToken,
) -> (ScanResult, SyncTurn) {
    let mut turned = SyncTurn::default();
    let late = || until.is_some_and(|until| Instant::now() > until);
    while let Some(call) = scan.next_call() {
        if turned.failure.is_some() || let_go.is_cancelled() || late() || !held.may_send() {
            scan.answer(&call, CallAnswer::NotRun);
            continue;
        }
        let sent = bug::caught_in(send(portal, held, &call, priority, until)).await;
        let read = sent.map(|sent| {
            sent.map(|answer| {
                turned.answered = true;
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
                turned.spoilt = true;
                turned.broke = Some(bug);
                scan.answer(&call, CallAnswer::InDoubt);
            }
            Ok(Err(fault)) => match its_own(portal, held, &fault).await {
                Ok(()) => {
                    turned.answered = true;
                    turned.spoilt = true;
                    scan.answer(&call, spoilt(fault, false));
                }
                Err(whole) => {
                    scan.answer(&call, unusable(&fault));
                    turned.failure = Some(whole);
                }
            },
        }
    }
    (scan.finish(), turned)
}

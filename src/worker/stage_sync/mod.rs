//! Stage sync: reads where deals stand, has differences decided, and writes what was decided.
//!
//! A call that fails for what is in it, while the portal takes others, holds up nobody: what is
//! scanned together becomes less until it is one, and moves that were refused together are sent
//! again in halves. A scan whose call takes long goes on by itself: its lane goes on with orders,
//! except those that the scan has in hand.

mod calls;
mod turn;

use super::{
    PortalClient,
    lanes::{lease::HeldLease, waves::PATIENCE},
};
use crate::{
    app::{self, App, RetryPolicy},
    domain::OrderKey,
};
pub(super) use calls::ScanOutcome;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{
    sync::Notify,
    task::{JoinError, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;
use turn::SyncMemory;

/// How a scan, and what was written after it, ended.
pub(super) type ScanEnd = Result<ScanOutcome, app::Error>;

/// For what a scan is begun.
#[derive(Clone, Copy)]
pub(super) struct ScanWanted {
    /// How often the history is read where something moves.
    pub(super) interval: Duration,
    /// Whether a notification, or an order that is to be compared, may wait.
    pub(super) waits: bool,
}

/// A portal whose lane is held.
pub(super) struct HeldPortal<'a, P> {
    pub(super) app: &'a App,
    pub(super) portal: &'a P,
    pub(super) held: &'a HeldLease,
}

/// The stage sync of a lane: one scan at a time. Dropping it stops the scan.
#[derive(Default)]
pub(super) struct StageSync {
    /// With the scan that is under way, while there is one.
    memory: SyncMemory,
    under_way: Option<UnderWay>,
    /// Whether the history is to be read at once, by the scan after the one that is under way.
    rescan: bool,
    /// When the bridge itself last wrote to the portal: people look at what is new.
    last_write: Option<Instant>,
}

/// A scan that is under way.
struct UnderWay {
    task: JoinSet<(SyncMemory, ScanEnd)>,
    /// The orders that it has in hand.
    orders: BTreeSet<OrderKey>,
    /// Cancels its reading.
    cancel_scan: CancellationToken,
}

impl StageSync {
    /// The history is to be read at once: the lane was just taken, or the portal was away.
    pub(super) fn force_rescan(&mut self) {
        self.rescan = self.under_way.is_some();
        self.memory.force_rescan();
    }

    /// The bridge writes to the portal: moves are to be expected.
    pub(super) fn expect_moves(&mut self) {
        self.last_write = Some(Instant::now());
    }

    /// How long until a scan is to begin, where a comparison is due then; `None` while one is under
    /// way, as its end wakes the lane.
    pub(super) fn next(
        &self,
        comparison: Option<Duration>,
        interval: Duration,
    ) -> Option<Duration> {
        if self.under_way.is_some() {
            return None;
        }
        let comparison = comparison.map(|due| due.max(self.memory.min_interval()));
        let reread = self.memory.until_next(interval, self.last_write);
        Some(comparison.map_or(reread, |due| due.min(reread)))
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.under_way.is_some()
    }

    /// The orders that a scan has in hand.
    pub(super) fn orders(&self) -> BTreeSet<OrderKey> {
        let under_way = self.under_way.as_ref();
        under_way.map_or_else(BTreeSet::new, |scan| scan.orders.clone())
    }

    /// Begins a scan, if something is due and none is under way: whether it did.
    pub(super) async fn begin<P: PortalClient>(
        &mut self,
        of: HeldPortal<'_, P>,
        wanted: ScanWanted,
        tries: RetryPolicy,
        busy: &BTreeSet<OrderKey>,
        wake_up: Arc<Notify>,
    ) -> Result<bool, app::Error> {
        if self.under_way.is_some() {
            return Ok(false);
        }
        let pace = (wanted, self.last_write);
        let sync = &of.app.sync;
        let Some(pending) = self.memory.prepare(sync, of.held, pace, busy).await? else {
            return Ok(false);
        };
        let (orders, cancel_scan) = (pending.orders(), CancellationToken::new());
        let mut memory = std::mem::take(&mut self.memory);
        let (app, portal, held) = (of.app.clone(), of.portal.clone(), of.held.clone());
        let token = cancel_scan.clone();
        let mut task = JoinSet::new();
        let scanning = async move {
            let of = HeldPortal {
                app: &app,
                portal: &portal,
                held: &held,
            };
            let done = held.heard(memory.carry_out(&of, pending, &tries, &token).await);
            wake_up.notify_one();
            (memory, done)
        };
        task.spawn(scanning.in_current_span());
        self.under_way = Some(UnderWay {
            task,
            orders,
            cancel_scan,
        });
        Ok(true)
    }

    /// Waits for the scan that was begun as long as a lane has patience; `None` if it goes on by
    /// itself. Its reading is cancelled for a live order, and for a form; none of those in hand.
    pub(super) async fn wait<P: PortalClient>(
        &mut self,
        of: HeldPortal<'_, P>,
        busy: &BTreeSet<OrderKey>,
    ) -> Option<ScanEnd> {
        let under_way = self.under_way.as_mut()?;
        let until = Instant::now() + PATIENCE;
        let ended = loop {
            let is_kept = !under_way.cancel_scan.is_cancelled();
            tokio::select! {
                ended = under_way.task.join_next() => break ended?,
                () = something_live(&of, busy), if is_kept => under_way.cancel_scan.cancel(),
                () = tokio::time::sleep_until(until) => return None,
            }
        };
        Some(self.take(ended))
    }

    /// How a scan ended that went on by itself, without waiting.
    pub(super) fn ended(&mut self) -> Option<ScanEnd> {
        let ended = self.under_way.as_mut()?.task.try_join_next()?;
        Some(self.take(ended))
    }

    /// Waits for the end of what is under way.
    pub(super) async fn end(&mut self) -> Option<ScanEnd> {
        let ended = self.under_way.as_mut()?.task.join_next().await?;
        Some(self.take(ended))
    }

    fn take(&mut self, ended: Result<(SyncMemory, ScanEnd), JoinError>) -> ScanEnd {
        self.under_way = None;
        match ended {
            Ok((memory, end)) => {
                self.memory = memory;
                if std::mem::take(&mut self.rescan) {
                    self.memory.force_rescan();
                }
                end
            }
            // It is stopped only together with all of this.
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }
}

/// Comes back when a live order, or a form, is due and the portal has room for its calls besides
/// the one that is on its way.
async fn something_live<P: PortalClient>(of: &HeldPortal<'_, P>, busy: &BTreeSet<OrderKey>) {
    let (app, name) = (of.app, of.held.portal());
    let wake_up = app.waker().subscribe(name);
    loop {
        // Consuming the wake-up here is safe: the lane looks again after every scan.
        wake_up.notified().await;
        let limit = of.portal.limit();
        let room = limit.drain_time() <= limit.full_drain_time() / 2;
        if app.forms.is_urgent(name, busy).await.unwrap_or(false)
            || room && app.delivery.live_due(name).await.unwrap_or(false)
        {
            return;
        }
    }
}

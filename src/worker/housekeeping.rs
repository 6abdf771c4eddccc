//! Housekeeping, on a schedule: waking lanes, taking up events from SQL, and pruning.

use super::{Settings, lanes::restarts::Restarts};
use crate::app::{
    self, DeadLetters, Delivery, Intake, LaneWaker, Lanes, News, NewsListener, Onec, Operations,
    Retention, permit_wake_name,
};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// Files of 1C removed in one statement.
const PRUNE_BATCH: i64 = 5_000;

/// How long it is before what is done once in a database's life is tried again.
const ONCE_PAUSE: Duration = Duration::from_mins(1);

/// What is done once uses these.
#[derive(Clone)]
pub(super) struct OnceHandles {
    pub(super) operations: Arc<Operations>,
    pub(super) intake: Arc<Intake>,
    pub(super) delivery: Arc<Delivery>,
    pub(super) onec: Arc<Onec>,
    pub(super) dead_letters: Arc<DeadLetters>,
}

/// What runs once in a database's life, or once in the process's: until it is done, or told to
/// stop.
pub(super) async fn once(with: OnceHandles, stop: CancellationToken) {
    let once = async {
        tokio::join!(
            build_indexes(&with.operations),
            read_contacts(&with.intake),
            move_shops(&with.delivery),
            replay(&with.onec, &with.dead_letters)
        )
    };
    stop.run_until_cancelled(Box::pin(once)).await;
}

/// Builds the indexes that migrations leave to us, on a large database once in its life: beside
/// everything else, for it may take minutes.
async fn build_indexes(operations: &Operations) {
    loop {
        match operations.build_indexes().await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(
                    %error,
                    "indexes that make pages and meters fast could not be built; it is tried again"
                );
            }
        }
        tokio::time::sleep(ONCE_PAUSE).await;
    }
}

/// Reads old events for the search of orders, on an old database once in its life: beside
/// everything else, for it may take minutes.
async fn read_contacts(intake: &Intake) {
    loop {
        match intake.backfill_search_keys().await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(
                    %error,
                    "old events could not be read for the search of orders; it is tried again"
                );
                tokio::time::sleep(ONCE_PAUSE).await;
            }
        }
    }
}

/// Orders follow their shop to another portal.
async fn move_shops(delivery: &Delivery) {
    loop {
        match delivery.move_shops().await {
            Ok(0) => return,
            Ok(moved) => {
                tracing::warn!(
                    moved,
                    "orders of shops that belong to another portal by now are looked up there"
                );
                return;
            }
            Err(error) => {
                tracing::warn!(
                    error = %error.chain(),
                    "orders could not follow their shop to its portal; it is tried again"
                );
                tokio::time::sleep(ONCE_PAUSE).await;
            }
        }
    }
}

async fn replay(onec: &Onec, dead_letters: &DeadLetters) {
    if let Err(error) = onec.reopen_documents().await {
        tracing::warn!(error = %error.chain(), "documents of 1C could not be taken up again");
    }
    match dead_letters.replay_mapped().await {
        Ok(0) => {}
        Ok(count) => tracing::info!(
            count,
            "dead letters replayed: their statuses are in the table by now"
        ),
        Err(error) => {
            tracing::warn!(%error, "dead letters of unmapped statuses could not be replayed");
        }
    }
}

/// Takes up events from SQL, and passes on news for the lanes, until told to stop. Nothing else is
/// done here that could delay it. Losing the listening connection costs time, never an event.
pub(super) async fn intake(
    (intake, lanes, waker): (Arc<Intake>, Arc<Lanes>, LaneWaker),
    settings: Settings,
    turns: Restarts,
    stop: CancellationToken,
) {
    let mut listener = None;
    while !stop.is_cancelled() {
        // Subscribed before the first look, so that nothing falls between.
        if listener.is_none() {
            listener = listen(&lanes).await;
        }
        take_up(&intake, &turns).await;
        tokio::select! {
            () = stop.cancelled() => {}
            () = hear(&waker, &mut listener, settings.poll) => {}
        }
    }
}

/// Works on stored jobs until told to stop.
pub(super) async fn jobs(
    (onec, dead_letters): (Arc<Onec>, Arc<DeadLetters>),
    settings: Settings,
    turns: Restarts,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        if let Err(error) = onec.decide_waiting_documents().await {
            tracing::warn!(
                error = %error.chain(),
                "documents of 1C that wait could not be decided; it is tried again soon"
            );
        }
        match dead_letters.work_bulk().await {
            Ok(Some(_)) => {
                turns.went_well().await;
                continue;
            }
            Ok(None) => turns.went_well().await,
            Err(error) => {
                tracing::warn!(%error, "a job over dead letters halts; it is tried again soon");
                turns.failed(&error.chain()).await;
            }
        }
        stop.run_until_cancelled(tokio::time::sleep(settings.poll))
            .await;
    }
}

/// Removes what is old, now and then, until told to stop.
pub(super) async fn housekeeping(
    (delivery, onec, operations): (Arc<Delivery>, Arc<Onec>, Arc<Operations>),
    settings: Settings,
    turns: Restarts,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        if let Err(error) = delivery.wake_all_linked().await {
            tracing::warn!(
                error = %error.chain(),
                "rows of products that came later could not be looked for; it is tried again in a \
                 while"
            );
        }
        if let Err(error) = onec.prune_onec(PRUNE_BATCH).await {
            tracing::warn!(
                error = %error.chain(),
                "files of 1C could not be pruned; it is tried again in a while"
            );
        }
        match prune(&operations, &settings.retention, &stop).await {
            Ok(_) => turns.went_well().await,
            Err(error) => {
                tracing::warn!(%error, "pruning failed; it is tried again in a while");
                turns.failed(&error.chain()).await;
            }
        }
        stop.run_until_cancelled(tokio::time::sleep(settings.housekeeping))
            .await;
    }
}

async fn listen(lanes: &Lanes) -> Option<NewsListener> {
    let connect = timeout(Duration::from_secs(10), lanes.listen());
    connect.await.ok()?.ok()
}

/// Waits for news of events from SQL, and passes on news for the lanes; at most this long.
async fn hear(waker: &LaneWaker, listener: &mut Option<NewsListener>, most: Duration) {
    let until = Instant::now() + most;
    let Some(open) = listener else {
        return tokio::time::sleep_until(until).await;
    };
    let wake = |lane: &str| waker.subscribe(lane).notify_one();
    loop {
        match tokio::time::timeout_at(until, open.next()).await {
            Err(_) | Ok(Ok(News::Published)) => return,
            Ok(Ok(News::Permit(portal))) => wake(&permit_wake_name(&portal)),
            Ok(Ok(News::Lane(lane))) => wake(&lane),
            Ok(Err(_)) => {
                *listener = None;
                return tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn take_up(intake: &Intake, turns: &Restarts) {
    loop {
        match intake.ingest_sql_events().await {
            Ok(0) => return turns.went_well().await,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(
                    error = %error.chain(),
                    "events from SQL could not be taken up; they wait"
                );
                return turns.failed(&error.chain()).await;
            }
        }
    }
}

/// Removes what was settled longer ago than its retention, in batches, until nothing is left or
/// somebody says stop: how many rows.
pub async fn prune(
    operations: &Operations,
    retention: &Retention,
    stop: &CancellationToken,
) -> Result<u64, app::Error> {
    let mut sum = 0;
    while !stop.is_cancelled() {
        let removed = operations.prune(retention).await?;
        sum += removed;
        if removed == 0 {
            break;
        }
    }
    Ok(sum)
}

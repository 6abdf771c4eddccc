//! What runs on a schedule: waking lanes, taking up events from SQL, and pruning.

use super::{Options, Retention, lease::chain, stuck::Turns};
use crate::{
    app::{Bridge, permit_bell},
    storage::{
        self, attempts, bulk, changes, conflicts, decisions, history, inbox, indexes, journal,
        letters, outbox, permits, published, subjects, submissions, under_way,
    },
};
use sqlx::postgres::PgListener;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// Rows removed in one statement.
const PRUNE_BATCH: i64 = 5_000;

/// How long it is before what is done once in a database's life is tried again.
const ONCE_PAUSE: Duration = Duration::from_mins(1);

/// What runs once in a database's life, or once in the process's: until it is done, or told to stop.
pub(super) async fn once(bridge: Bridge, stop: CancellationToken) {
    let once = async {
        tokio::join!(
            build_indexes(&bridge),
            read_contacts(&bridge),
            move_shops(&bridge),
            replay(&bridge)
        )
    };
    stop.run_until_cancelled(Box::pin(once)).await;
}

/// Builds the indexes that migrations leave to us, on a large database once in its life: beside everything else, for it may take minutes.
async fn build_indexes(bridge: &Bridge) {
    loop {
        match indexes::build(bridge.pool()).await {
            Ok(true) => return,
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, "indexes that make pages and meters fast could not be built; it is tried again");
            }
        }
        tokio::time::sleep(ONCE_PAUSE).await;
    }
}

/// Reads old events for the search by phone and e-mail, on an old database once in its life: beside everything else, for it may take minutes.
async fn read_contacts(bridge: &Bridge) {
    loop {
        match bridge.read_contacts().await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(%error, "old events could not be read for the search by phone and e-mail; it is tried again");
                tokio::time::sleep(ONCE_PAUSE).await;
            }
        }
    }
}

/// Orders follow their shop to another portal.
async fn move_shops(bridge: &Bridge) {
    loop {
        match bridge.move_shops().await {
            Ok(0) => return,
            Ok(moved) => {
                tracing::warn!(
                    moved,
                    "orders of shops that belong to another portal by now are looked up there"
                );
                return;
            }
            Err(error) => {
                tracing::warn!(error = %error.chain(), "orders could not follow their shop to its portal; it is tried again");
                tokio::time::sleep(ONCE_PAUSE).await;
            }
        }
    }
}

async fn replay(bridge: &Bridge) {
    match bridge.replay_mapped().await {
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

/// Takes up events from SQL, and passes on news for the lanes, until told to stop. Nothing else is done here that could
/// delay it. Losing the listening connection costs time, never an event.
pub(super) async fn intake(
    bridge: Bridge,
    options: Options,
    turns: Turns,
    stop: CancellationToken,
) {
    let mut listener = None;
    while !stop.is_cancelled() {
        // Subscribed before the first look, so that nothing falls between.
        if listener.is_none() {
            listener = listen(&bridge).await;
        }
        take_up(&bridge, &turns).await;
        tokio::select! {
            () = stop.cancelled() => {}
            () = hear(&bridge, &mut listener, options.poll) => {}
        }
    }
}

/// Works on stored jobs until told to stop.
pub(super) async fn jobs(bridge: Bridge, options: Options, turns: Turns, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match bridge.work_bulk().await {
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
        stop.run_until_cancelled(tokio::time::sleep(options.poll))
            .await;
    }
}

/// Removes what is old, now and then, until told to stop.
pub(super) async fn housekeeping(
    bridge: Bridge,
    options: Options,
    turns: Turns,
    stop: CancellationToken,
) {
    while !stop.is_cancelled() {
        if let Err(error) = bridge.prune_onec(PRUNE_BATCH).await {
            tracing::warn!(error = %error.chain(), "files of 1C could not be pruned; it is tried again in a while");
        }
        match prune(&bridge, &options.retention, &stop).await {
            Ok(_) => turns.went_well().await,
            Err(error) => {
                tracing::warn!(%error, "pruning failed; it is tried again in a while");
                turns.failed(&chain(&error)).await;
            }
        }
        stop.run_until_cancelled(tokio::time::sleep(options.housekeeping))
            .await;
    }
}

async fn listen(bridge: &Bridge) -> Option<PgListener> {
    let connect = async {
        let mut listener = PgListener::connect_with(bridge.pool()).await?;
        listener
            .listen_all(["bridge_lane", "bridge_published", "bridge_permit"])
            .await?;
        Ok::<_, sqlx::Error>(listener)
    };
    timeout(Duration::from_secs(10), connect).await.ok()?.ok()
}

/// Waits for news of events from SQL, and passes on news for the lanes; at most this long.
async fn hear(bridge: &Bridge, listener: &mut Option<PgListener>, most: Duration) {
    let until = Instant::now() + most;
    let Some(open) = listener else {
        return tokio::time::sleep_until(until).await;
    };
    loop {
        match tokio::time::timeout_at(until, open.recv()).await {
            Err(_) => return,
            Ok(Ok(news)) if news.channel() == "bridge_published" => return,
            Ok(Ok(news)) if news.channel() == "bridge_permit" => {
                bridge.bell().of(&permit_bell(news.payload())).notify_one();
            }
            Ok(Ok(news)) => bridge.bell().of(news.payload()).notify_one(),
            Ok(Err(_)) => {
                *listener = None;
                return tokio::time::sleep(Duration::from_millis(200)).await;
            }
        }
    }
}

async fn take_up(bridge: &Bridge, turns: &Turns) {
    loop {
        match bridge.take_published().await {
            Ok(0) => return turns.went_well().await,
            Ok(_) => {}
            Err(error) => {
                tracing::warn!(error = %error.chain(), "events from SQL could not be taken up; they wait");
                return turns.failed(&error.chain()).await;
            }
        }
    }
}

/// Removes what was settled longer ago than its retention, in batches; never a pending event nor an open letter.
pub async fn prune(
    bridge: &Bridge,
    retention: &Retention,
    stop: &CancellationToken,
) -> Result<u64, storage::Error> {
    let mut sum = 0;
    while !stop.is_cancelled() {
        let mut db = bridge.pool().acquire().await?;
        let settled = retention.settled.as_secs_f64();
        let removed = outbox::prune(&mut db, settled, PRUNE_BATCH).await?
            + published::prune(&mut db, settled, PRUNE_BATCH).await?
            + attempts::prune(&mut db, retention.letters.as_secs_f64(), PRUNE_BATCH).await?
            + bulk::prune(&mut db, retention.letters.as_secs_f64(), PRUNE_BATCH).await?
            + letters::prune(&mut db, retention.letters.as_secs_f64(), PRUNE_BATCH).await?
            + journal::prune(&mut db, retention.timeline.as_secs_f64(), PRUNE_BATCH).await?
            + permits::prune(&mut db, 3600.0, PRUNE_BATCH).await?
            + journal::prune_audit(&mut db, retention.audit.as_secs_f64(), PRUNE_BATCH).await?
            + inbox::prune(&mut db, settled, PRUNE_BATCH).await?
            + history::prune(&mut db, settled, PRUNE_BATCH).await?
            + changes::prune(&mut db, settled, PRUNE_BATCH).await?
            + decisions::prune(&mut db, retention.timeline.as_secs_f64(), PRUNE_BATCH).await?
            + subjects::prune(&mut db, settled, PRUNE_BATCH).await?
            + submissions::prune(&mut db, settled, PRUNE_BATCH).await?
            + under_way::prune(&mut db, PRUNE_BATCH).await?
            + conflicts::prune(&mut db, retention.letters.as_secs_f64(), PRUNE_BATCH).await?;
        sum += removed;
        if removed == 0 {
            break;
        }
    }
    Ok(sum)
}

//! What stock does by itself: reservations run out, counts are applied, and changed levels get
//! their places in the feed.

use super::{Options, stuck::Turns};
use crate::app::{Bridge, Error, STOCK};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often.
const PAUSE: Duration = Duration::from_secs(1);

/// Keeps stock until told to stop. Several processes do it beside each other.
pub(super) async fn keep(bridge: Bridge, _: Options, turns: Turns, stop: CancellationToken) {
    let bell = bridge.bell().of(STOCK);
    while !stop.is_cancelled() {
        match once(&bridge).await {
            Ok(()) => turns.went_well().await,
            Err(error) => {
                let error = error.chain();
                tracing::warn!(%error, "stock could not be kept; it is tried again");
                turns.failed(&error).await;
            }
        }
        let more = tokio::time::timeout(PAUSE, bell.notified());
        stop.run_until_cancelled(more).await;
    }
}

async fn once(bridge: &Bridge) -> Result<(), Error> {
    bridge.expire_reservations().await?;
    for stock in bridge.stocks() {
        bridge.apply_counts(stock.name.as_str()).await?;
        bridge.tell_levels(stock.name.as_str()).await?;
    }
    Ok(())
}

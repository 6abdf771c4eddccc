//! The keeper of stock: reservations run out, counts (of 1C, too) are applied, receipts that waited
//! for a product are posted, shortages are settled, changed levels get their places in the feed,
//! and their products become due for the portals that show them.

use super::{Settings, lanes::restarts::Restarts};
use crate::app::{Error, LaneWaker, STOCK, Stock, stock::ReceiptKey};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How often reservations and shortages are looked after.
const PAUSE: Duration = Duration::from_secs(1);

/// Keeps stock until told to stop. Several processes do it beside each other.
pub(super) async fn keep(
    (stock, waker): (Arc<Stock>, LaneWaker),
    _: Settings,
    turns: Restarts,
    stop: CancellationToken,
) {
    let wake_up = waker.subscribe(STOCK);
    let mut looked_at = ReceiptKey::default();
    while !stop.is_cancelled() {
        match once(&stock, &mut looked_at).await {
            Ok(()) => turns.went_well().await,
            Err(error) => {
                let error = error.chain();
                tracing::warn!(%error, "stock could not be kept; it is tried again");
                turns.failed(&error).await;
            }
        }
        let more = tokio::time::timeout(PAUSE, wake_up.notified());
        stop.run_until_cancelled(more).await;
    }
}

async fn once(stock: &Stock, looked_at: &mut ReceiptKey) -> Result<(), Error> {
    stock.expire_reservations().await?;
    for one in stock.stocks() {
        stock.take_counts_of_onec(one).await?;
        stock.apply_counts(one.name.as_str()).await?;
    }
    (*looked_at, _) = stock.replay_receipts(looked_at).await?;
    for one in stock.stocks() {
        stock.settle_shortages(one).await?;
        stock.tell_levels(one.name.as_str()).await?;
        stock.show_levels(one).await?;
    }
    Ok(())
}

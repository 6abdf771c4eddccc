//! The keeper of stock: reservations run out, counts (of 1C, too) are applied, receipts that waited
//! for a product are posted, shortages are settled, changed levels get their places in the feed,
//! and their products become due for the portals that show them.

use super::{Settings, lanes::restarts::Restarts};
use crate::app::{App, Error, STOCK, stock::ReceiptKey};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often reservations and shortages are looked after.
const PAUSE: Duration = Duration::from_secs(1);

/// Keeps stock until told to stop. Several processes do it beside each other.
pub(super) async fn keep(app: App, _: Settings, turns: Restarts, stop: CancellationToken) {
    let wake_up = app.waker().subscribe(STOCK);
    let mut looked_at = ReceiptKey::default();
    while !stop.is_cancelled() {
        match once(&app, &mut looked_at).await {
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

/// Of stocks where nothing is to be done, nothing is asked but what 1C has counted.
async fn once(app: &App, looked_at: &mut ReceiptKey) -> Result<(), Error> {
    app.stock.expire_reservations().await?;
    for stock in app.stock.stocks() {
        app.stock.take_counts_of_onec(stock).await?;
    }
    for stock in app.stock.busy_stocks().await? {
        app.stock.apply_counts(stock.name.as_str()).await?;
    }
    (*looked_at, _) = app.stock.replay_receipts(looked_at).await?;
    // Once more: counts and receipts have changed levels.
    for stock in app.stock.busy_stocks().await? {
        app.stock.settle_shortages(stock).await?;
        app.stock.tell_levels(stock.name.as_str()).await?;
        app.stock.show_levels(stock).await?;
    }
    Ok(())
}

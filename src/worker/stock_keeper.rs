//! What stock does by itself: reservations run out, counts are applied, shortages are settled, and
//! changed levels get their places in the feed.

use super::{Options, lanes::restarts::Restarts};
use crate::app::{App, Error, STOCK};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often.
const PAUSE: Duration = Duration::from_secs(1);

/// Keeps stock until told to stop. Several processes do it beside each other.
pub(super) async fn keep(app: App, _: Options, turns: Restarts, stop: CancellationToken) {
    let bell = app.waker().subscribe(STOCK);
    while !stop.is_cancelled() {
        match once(&app).await {
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

async fn once(app: &App) -> Result<(), Error> {
    app.stock.expire_reservations().await?;
    for stock in app.stock.stocks() {
        app.stock.apply_counts(stock.name.as_str()).await?;
        app.stock.settle_shortages(stock).await?;
        app.stock.tell_levels(stock.name.as_str()).await?;
    }
    Ok(())
}

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

/// One turn. Of stocks where nothing is to be done, nothing is asked but what 1C has counted. What
/// fails the same way for ever is told as an error in the end: it holds nothing else up.
async fn once(stock: &Stock, looked_at: &mut ReceiptKey) -> Result<(), Error> {
    let mut odd = Odd::default();
    odd.or_go_on(stock.expire_reservations().await)?;
    odd.or_go_on(stock.take_over().await)?;
    for of in stock.stocks() {
        odd.or_go_on(stock.take_counts_of_onec(of).await)?;
    }
    for of in stock.busy_stocks().await? {
        odd.or_go_on(stock.apply_counts(of.name.as_str()).await)?;
    }
    let replayed = odd.or_go_on(stock.replay_receipts(looked_at).await)?;
    if let Some((next, _)) = replayed {
        *looked_at = next;
    }
    // Once more: counts and receipts have changed levels.
    for of in stock.busy_stocks().await? {
        odd.or_go_on(stock.settle_shortages(of).await)?;
        odd.or_go_on(stock.tell_levels(of.name.as_str()).await)?;
        odd.or_go_on(stock.show_levels(of).await)?;
    }
    odd.0.map_or(Ok(()), Err)
}

/// The first thing that fails the same way for ever.
#[derive(Debug, Default)]
struct Odd(Option<Error>);

impl Odd {
    /// What a step came to; none where it fails the same way for ever.
    fn or_go_on<T>(&mut self, step: Result<T, Error>) -> Result<Option<T>, Error> {
        match step {
            Err(error) if error.is_of_the_row() => {
                self.0.get_or_insert(error);
                Ok(None)
            }
            step => step.map(Some),
        }
    }
}

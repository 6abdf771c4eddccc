//! The keeper of 1C's goods: what its files say of products flows into the catalogues that it owns.

use super::{Settings, lanes::restarts::Restarts};
use crate::app::{Catalogue, Error, Onec};
use std::{sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

/// How often is looked whether 1C has told of products.
const PAUSE: Duration = Duration::from_secs(1);

/// Keeps the catalogues until told to stop. Several processes do it beside each other.
pub(super) async fn keep(
    (catalogue, onec): (Arc<Catalogue>, Arc<Onec>),
    _: Settings,
    turns: Restarts,
    stop: CancellationToken,
) {
    let mut begun = false;
    while !stop.is_cancelled() {
        match once(&catalogue, &onec, &mut begun).await {
            Ok(more) => {
                turns.went_well().await;
                if more {
                    continue;
                }
            }
            Err(error) => {
                let error = error.chain();
                tracing::warn!(%error, "1C's products were not taken up; it is tried again");
                turns.failed(&error).await;
            }
        }
        stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
    }
}

async fn once(catalogue: &Catalogue, onec: &Onec, begun: &mut bool) -> Result<bool, Error> {
    if !*begun {
        catalogue.take_up_older_goods().await?;
        *begun = true;
    }
    // Files first: a product that names one finds it then. What is wrong with them keeps no
    // product.
    let pictures = onec.take_in_pictures().await;
    let goods = catalogue.take_up_goods().await?;
    Ok(pictures? || goods)
}

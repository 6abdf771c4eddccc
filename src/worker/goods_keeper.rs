//! The keeper of 1C's goods: what its files say of products flows into the catalogues that it owns.

use super::{Settings, lanes::restarts::Restarts};
use crate::app::{App, Error};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often is looked whether 1C has told of products.
const PAUSE: Duration = Duration::from_secs(1);

/// Keeps the catalogues until told to stop. Several processes do it beside each other.
pub(super) async fn keep(app: App, _: Settings, turns: Restarts, stop: CancellationToken) {
    let mut begun = false;
    while !stop.is_cancelled() {
        match once(&app, &mut begun).await {
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

async fn once(app: &App, begun: &mut bool) -> Result<bool, Error> {
    if !*begun {
        app.catalogue.take_up_older_goods().await?;
        *begun = true;
    }
    // Files first: a product that names one finds it then. What is wrong with them keeps no
    // product.
    let pictures = app.onec.take_in_pictures().await;
    let goods = app.catalogue.take_up_goods().await?;
    Ok(pictures? || goods)
}

//! Places in the portal's limit for calls of other processes, given by the lane's owner.

use crate::{
    app::{self, Lanes},
    worker::{PortalClient, lanes::lease::HeldLease},
};
use std::time::Duration;
use tokio::{sync::Notify, time::Instant};

/// Gives places while the lease holds, whenever somebody asks: as many as fit in the bucket beside
/// the lane's own calls. Who asked before the lane was taken is heard of, too: the wake-up is kept.
pub(in crate::worker) async fn serve<P: PortalClient>(
    lanes: &Lanes,
    portal: &P,
    held: &HeldLease,
    (asked, rest): (&Notify, Duration),
) {
    loop {
        tokio::select! {
            () = asked.notified() => {}
            () = tokio::time::sleep(rest) => {}
        }
        let mut more = true;
        while more {
            // Boxed, as nobody asks most of the time.
            more = match Box::pin(one(lanes, portal, held)).await {
                Ok(more) => more,
                Err(error) => {
                    tracing::debug!(
                        portal = held.portal(), error = %error.chain(), "no place can be given now"
                    );
                    false
                }
            };
        }
    }
}

/// Gives one place; false if nobody asks. No connection is held while it waits for the bucket.
async fn one<P: PortalClient>(
    lanes: &Lanes,
    portal: &P,
    held: &HeldLease,
) -> Result<bool, app::Error> {
    let Some(id) = lanes.next_permit(held.portal()).await? else {
        return Ok(false);
    };
    portal.limit().permit().await;
    let counted = Instant::now();
    if !held.may_send() {
        return Ok(false);
    }
    lanes
        .grant_permit(held.lease(), id, counted.elapsed().as_secs_f64())
        .await?;
    Ok(true)
}

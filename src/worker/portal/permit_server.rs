//! Places in the portal's limit for calls of other processes, given by the lane's owner.

use crate::{
    app::{self, App, permit_wake_name},
    worker::{PortalClient, lanes::lease::HeldLease},
};
use std::time::Duration;
use tokio::time::Instant;

/// Gives places while the lease holds: as many as fit in the bucket beside the lane's own calls.
pub(in crate::worker) async fn serve<P: PortalClient>(
    app: App,
    portal: P,
    held: &HeldLease,
    rest: Duration,
) {
    let wake_up = app.waker().subscribe(&permit_wake_name(held.portal()));
    loop {
        // Boxed, as nobody asks most of the time.
        match Box::pin(one(&app, &portal, held)).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(error) => {
                tracing::debug!(
                    portal = held.portal(), error = %error.chain(), "no place can be given now"
                );
            }
        }
        tokio::select! {
            () = wake_up.notified() => {}
            () = tokio::time::sleep(rest) => {}
        }
    }
}

/// Gives one place; false if nobody asks. No connection is held while it waits for the bucket.
async fn one<P: PortalClient>(app: &App, portal: &P, held: &HeldLease) -> Result<bool, app::Error> {
    let Some(id) = app.lanes.next_permit(held.portal()).await? else {
        return Ok(false);
    };
    portal.limit().permit().await;
    let counted = Instant::now();
    if !held.may_send() {
        return Ok(false);
    }
    app.lanes
        .grant_permit(held.lease(), id, counted.elapsed().as_secs_f64())
        .await?;
    Ok(true)
}

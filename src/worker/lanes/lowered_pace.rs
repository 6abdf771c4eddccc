//! The lowered pace of a lane, on record for those who look from outside.

use super::lease::HeldLease;
use crate::{app::Lanes, domain::ErrorCode, worker::PortalClient};
use std::time::Duration;
use tokio::time::Instant;

/// Closer together than this, two moments are one that was measured twice.
const SAME: Duration = Duration::from_millis(100);

/// Tells of a lowered pace, whatever the lane is busy with: a call waits for a portal that
/// throttles it. Never ends.
pub(in crate::worker) async fn tell<P: PortalClient>(lanes: &Lanes, portal: &P, held: &HeldLease) {
    let mut told: Option<Instant> = None;
    loop {
        let left = portal.limit().reduced_for();
        let until = Instant::now() + left;
        if !left.is_zero() && told.is_none_or(|told| until >= told + SAME) {
            told = Some(until);
            Box::pin(record(lanes, held, left.as_secs_f64())).await;
        }
        portal.limit().lowered().await;
    }
}

async fn record(lanes: &Lanes, held: &HeldLease, seconds: f64) {
    tracing::warn!(
        portal = %held.portal(), code = %ErrorCode::Limit, seconds,
        "half the pace: somebody else uses up the portal's limit"
    );
    if let Err(error) = lanes.lower_pace(held.lease(), seconds).await {
        tracing::debug!(portal = %held.portal(), %error, "the lowered pace is not on record");
    }
}

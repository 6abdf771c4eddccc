//! The lanes: own, claim, plan, perform, settle; and what runs on a schedule.
//!
//! Owns: one task per portal that holds the portal's lease while it sends, and the housekeeping. Refuses: HTTP inside
//! a transaction, and sending without a valid lease. What is in flight lives in memory only: after a crash the orders
//! are simply still due, and the planner looks up by origin what the lost calls may have written.

mod apart;
pub mod applications;
mod attempts;
mod callbacks;
mod compare;
mod guests;
mod identity;
mod intended;
mod lane;
mod lease;
mod options;
mod perform;
mod portal;
mod reconcile;
mod schedule;
mod troubles;

use crate::{app::Bridge, domain::PortalName};
use attempts::Attempts;
use std::{collections::BTreeMap, sync::Arc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use options::{Options, Point, Probe, ProbeFuture, Retention};
pub use portal::{Failure, Portal};
pub use reconcile::{SurveyError, survey};
pub use schedule::prune;

/// Why the worker ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A task of the worker panicked.
    #[error("a lane ended without being told to")]
    Broken(#[from] tokio::task::JoinError),
}

/// Drives the lanes of these portals, those of the shops that are called, and the housekeeping, until told to stop; returns when what was in flight is settled and
/// the leases are given back.
pub async fn run<P: Portal>(
    bridge: Bridge,
    portals: BTreeMap<PortalName, P>,
    options: Options,
    stop: CancellationToken,
) -> Result<(), Error> {
    let mut tasks = JoinSet::new();
    for (name, portal) in portals {
        let (watch, seen) = Attempts::new(&name, bridge.metrics());
        portal.watched(Arc::new(watch));
        tasks.spawn(troubles::run(
            bridge.clone(),
            name.as_str().to_owned(),
            seen,
            stop.clone(),
        ));
        let lane = lane::Lane::new(bridge.clone(), name, portal, options.clone());
        tasks.spawn(lane.run(stop.clone()));
    }
    for (shop, sender) in options.callbacks.clone() {
        let lane = callbacks::CallbackLane::new(bridge.clone(), shop, sender, options.clone());
        tasks.spawn(lane.run(stop.clone()));
    }
    tasks.spawn(schedule::run(bridge, options, stop.clone()));
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            stop.cancel();
            while tasks.join_next().await.is_some() {}
            return Err(error.into());
        }
    }
    Ok(())
}

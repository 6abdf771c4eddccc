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
mod enquiries;
mod follow;
mod guests;
mod identity;
mod intended;
mod lane;
mod lease;
mod options;
mod pace;
mod perform;
mod portal;
mod reconcile;
mod schedule;
mod stock;
mod stuck;
mod troubles;
mod waves;

use crate::{
    app::{Bridge, FROM_SQL, HOUSEKEEPING, JOBS, STOCK, lane_of},
    domain::PortalName,
};
use attempts::Attempts;
use std::{collections::BTreeMap, sync::Arc};
use stuck::Turns;
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
        let turns = Turns::new(&bridge, name.as_str());
        let (bridge, options, stop) = (bridge.clone(), options.clone(), stop.clone());
        tasks.spawn(turns.clone().keep_up(stop.clone(), move || {
            let (portal, options) = (portal.clone(), options.clone());
            let turns = turns.clone();
            lane::Lane::new(bridge.clone(), name.clone(), portal, options, turns).run(stop.clone())
        }));
    }
    for (shop, sender) in options.callbacks.clone() {
        let turns = Turns::new(&bridge, &lane_of(shop.as_str()));
        let (bridge, options, stop) = (bridge.clone(), options.clone(), stop.clone());
        tasks.spawn(turns.clone().keep_up(stop.clone(), move || {
            let (sender, options) = (sender.clone(), options.clone());
            let turns = turns.clone();
            callbacks::CallbackLane::new(bridge.clone(), shop.clone(), sender, options, turns)
                .run(stop.clone())
        }));
    }
    keep_house(&mut tasks, &bridge, &options, &stop);
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            stop.cancel();
            while tasks.join_next().await.is_some() {}
            return Err(error.into());
        }
    }
    Ok(())
}

/// Starts what is no lane's: each thing by itself, so that none delays another.
fn keep_house(
    tasks: &mut JoinSet<()>,
    bridge: &Bridge,
    options: &Options,
    stop: &CancellationToken,
) {
    let (of, till) = (bridge.clone(), stop.clone());
    let turns = Turns::new(bridge, HOUSEKEEPING);
    tasks.spawn(turns.keep_up(stop.clone(), move || {
        schedule::once(of.clone(), till.clone())
    }));
    macro_rules! keep {
        ($name:ident, $work:path) => {{
            let turns = Turns::new(bridge, $name);
            let (of, with, till) = (bridge.clone(), options.clone(), stop.clone());
            tasks.spawn(turns.clone().keep_up(stop.clone(), move || {
                $work(of.clone(), with.clone(), turns.clone(), till.clone())
            }));
        }};
    }
    keep!(FROM_SQL, schedule::intake);
    keep!(JOBS, schedule::jobs);
    keep!(HOUSEKEEPING, schedule::housekeeping);
    if !bridge.stocks().is_empty() {
        keep!(STOCK, stock::keep);
    }
}

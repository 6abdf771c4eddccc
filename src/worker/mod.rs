//! The lanes: own, claim, plan, perform, settle; and what runs on a schedule.
//!
//! Owns: one task per portal that holds the portal's lease while it sends, and the housekeeping.
//! Refuses: HTTP inside a transaction, and sending without a valid lease. What is in flight lives
//! in memory only: after a crash the orders are simply still due, and the planner looks up by
//! origin what the lost calls may have written.
//!
//! To add a lane: what it does in a turn (`lanes::leased`), its name in `app`, its task in
//! [`run`]. To add what runs by the clock: a function that does a little and returns, kept up in
//! `keep_house`; it must bear being run by several processes at once.

mod catalogue_plan;
mod housekeeping;
mod incidents;
mod lanes;
mod lead_conversions;
mod options;
mod portal;
pub mod portal_access;
mod reconcile;
mod stage_sync;
mod stock_keeper;
mod till_reader;
mod write_intents;

use crate::{
    app::{App, FROM_SQL, HOUSEKEEPING, JOBS, STOCK, TILL, lane_of},
    domain::PortalName,
};
use lanes::{callback::CallbackLane, leased::LeasedLane, portal::PortalLane, restarts::Restarts};
use portal::call_observer::AttemptRecorder;
use std::{collections::BTreeMap, sync::Arc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use crate::app::Retention;
pub use catalogue_plan::{PlanError, plan_products};
pub use housekeeping::prune;
pub use options::{CrashHook, CrashHookFuture, CrashPoint, Hooks, Options};
pub use portal::client::{CallFailure, PortalClient, code_of};
pub use portal::lead_mode::lead_mode;
pub use reconcile::{SurveyError, survey};

/// Why the worker ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A task of the worker panicked.
    #[error("a lane ended without being told to")]
    Broken(#[from] tokio::task::JoinError),
}

/// Drives the lanes of these portals, those of the shops that are called, and the housekeeping,
/// until told to stop; returns when what was in flight is settled and the leases are given back.
pub async fn run<P: PortalClient>(
    app: App,
    portals: BTreeMap<PortalName, P>,
    options: Options,
    stop: CancellationToken,
) -> Result<(), Error> {
    let mut tasks = JoinSet::new();
    for (name, portal) in portals {
        let (watch, seen) = AttemptRecorder::new(&name, app.metrics());
        portal.watched(Arc::new(watch));
        tasks.spawn(incidents::run(
            app.clone(),
            name.as_str().to_owned(),
            seen,
            stop.clone(),
        ));
        let turns = Restarts::new(&app, name.as_str());
        let (app, options, stop) = (app.clone(), options.clone(), stop.clone());
        tasks.spawn(turns.clone().keep_up(stop.clone(), move || {
            let (portal, options) = (portal.clone(), options.clone());
            let work = PortalLane::new(app.clone(), name.clone(), portal, options.clone());
            LeasedLane::new(app.clone(), work, options, turns.clone()).run(stop.clone())
        }));
    }
    for (shop, sender) in options.callbacks.clone() {
        let turns = Restarts::new(&app, &lane_of(shop.as_str()));
        let (app, options, stop) = (app.clone(), options.clone(), stop.clone());
        tasks.spawn(turns.clone().keep_up(stop.clone(), move || {
            let (sender, options) = (sender.clone(), options.clone());
            let work = CallbackLane::new(app.clone(), shop.clone(), sender, options.clone());
            LeasedLane::new(app.clone(), work, options, turns.clone()).run(stop.clone())
        }));
    }
    for (till, client) in options.tills.clone() {
        let turns = Restarts::new(&app, &format!("{TILL}{till}"));
        let (app, stop) = (app.clone(), stop.clone());
        tasks.spawn(turns.clone().keep_up(stop.clone(), move || {
            let (till, client) = (till.clone(), client.clone());
            till_reader::keep(app.clone(), till, client, turns.clone(), stop.clone())
        }));
    }
    keep_house(&mut tasks, &app, &options, &stop);
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
fn keep_house(tasks: &mut JoinSet<()>, app: &App, options: &Options, stop: &CancellationToken) {
    let (of, till) = (app.clone(), stop.clone());
    let turns = Restarts::new(app, HOUSEKEEPING);
    tasks.spawn(turns.keep_up(stop.clone(), move || {
        housekeeping::once(of.clone(), till.clone())
    }));
    macro_rules! keep {
        ($name:ident, $work:path) => {{
            let turns = Restarts::new(app, $name);
            let (of, with, till) = (app.clone(), options.clone(), stop.clone());
            tasks.spawn(turns.clone().keep_up(stop.clone(), move || {
                $work(of.clone(), with.clone(), turns.clone(), till.clone())
            }));
        }};
    }
    keep!(FROM_SQL, housekeeping::intake);
    keep!(JOBS, housekeeping::jobs);
    keep!(HOUSEKEEPING, housekeeping::housekeeping);
    if !app.stock.stocks().is_empty() {
        keep!(STOCK, stock_keeper::keep);
    }
}

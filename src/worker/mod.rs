//! The lanes: own, claim, plan, perform, settle; and what runs on a schedule.
//!
//! Owns: one task per portal that holds the portal's lease while it sends, and the housekeeping.
//! Refuses: HTTP inside a transaction, and sending without a valid lease. What is in flight lives
//! in memory only: after a crash the orders are simply still due, and the planner looks up by
//! origin what the lost calls may have written.
//!
//! To add a lane: what it does in a turn (`lanes::leased`), its name in `app`, its task in
//! `runner`. To add what runs by the clock: a function that does a little and returns, kept up in
//! `keep_house`; it must bear being run by several processes at once.

mod catalogue_plan;
mod due_watch;
mod goods_keeper;
mod housekeeping;
mod incidents;
mod lanes;
mod lead_conversions;
mod portal;
pub mod portal_access;
mod reconcile;
mod runner;
mod settings;
mod stage_sync;
mod stock_keeper;
mod till_reader;
mod write_intents;

use crate::app::App;
use lanes::leases::Leases;
use runner::Runner;
use std::sync::Arc;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_util::sync::CancellationToken;

pub use crate::{
    app::Retention,
    planner::{newest_history, tells_history},
};
pub use catalogue_plan::{PlanError, plan_products};
pub use housekeeping::prune;
pub use portal::client::{CallFailure, PortalClient, code_of};
pub use portal::lead_mode::lead_mode;
pub use portal::shared_limit::{PlaceTaken, SharedLimit, Unlimited};
pub use reconcile::{SurveyError, survey};
pub use runner::{LanesReloaded, Reload};
pub use settings::{CrashHook, CrashHookFuture, CrashPoint, Hooks, Lanes, Settings};

/// Why the worker ended before it was told to.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A task of the worker panicked.
    #[error("a lane ended without being told to")]
    Broken(#[from] tokio::task::JoinError),
}

/// Drives these lanes, and the housekeeping, until told to stop; returns when what was in flight is
/// settled and the leases are given back.
pub async fn run<P: PortalClient>(
    app: App,
    lanes: Lanes<P>,
    settings: Settings,
    stop: CancellationToken,
) -> Result<(), Error> {
    run_watched(app, lanes, settings, Hooks::default(), stop).await
}

/// The same for tests that stop it where a crash matters.
pub async fn run_watched<P: PortalClient>(
    app: App,
    lanes: Lanes<P>,
    settings: Settings,
    hooks: Hooks,
    stop: CancellationToken,
) -> Result<(), Error> {
    let (_, none) = mpsc::channel(1);
    run_on(app, lanes, (settings, hooks), none, stop).await
}

/// The same for whoever brings newer settings meanwhile.
pub async fn run_reloaded<P: PortalClient>(
    app: App,
    lanes: Lanes<P>,
    settings: Settings,
    reloads: mpsc::Receiver<Reload<P>>,
    stop: CancellationToken,
) -> Result<(), Error> {
    run_on(app, lanes, (settings, Hooks::default()), reloads, stop).await
}

async fn run_on<P: PortalClient>(
    app: App,
    lanes: Lanes<P>,
    (settings, hooks): (Settings, Hooks),
    reloads: mpsc::Receiver<Reload<P>>,
    stop: CancellationToken,
) -> Result<(), Error> {
    let settings = Arc::new(settings);
    let leases = Leases::new(&app, Arc::clone(&settings), hooks, stop.clone());
    let leases = Arc::new(leases);
    // Not among the tasks: leases are kept until the last of them has ended, and no longer.
    let mut keeper = JoinSet::new();
    keeper.spawn(Arc::clone(&leases).keep());
    let runner = Runner::new(app, settings, leases, stop);
    runner.run(lanes, reloads).await
}

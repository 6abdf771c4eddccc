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
mod due_watch;
mod goods_keeper;
mod housekeeping;
mod incidents;
mod lanes;
mod lead_conversions;
mod portal;
pub mod portal_access;
mod reconcile;
mod settings;
mod stage_sync;
mod stock_keeper;
mod till_reader;
mod write_intents;

use crate::app::{App, FROM_SQL, GOODS, HOUSEKEEPING, JOBS, STOCK, TILL, lane_of, onec_lane_of};
use due_watch::WatchedLanes;
use lanes::{
    callback::CallbackLane,
    leased::{LaneTurn, LeasedLane},
    leases::Leases,
    portal::PortalLane,
    push::PushLane,
    restarts::Restarts,
};
use portal::call_observer::AttemptRecorder;
use std::sync::Arc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use crate::app::Retention;
pub use catalogue_plan::{PlanError, plan_products};
pub use housekeeping::prune;
pub use portal::client::{CallFailure, PortalClient, code_of};
pub use portal::lead_mode::lead_mode;
pub use portal::shared_limit::{PlaceTaken, SharedLimit, Unlimited};
pub use reconcile::{SurveyError, survey};
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
    let mut tasks = JoinSet::new();
    let leases = Leases::new(app.clone(), settings.clone(), hooks, stop.clone());
    leases.know(lanes.names());
    // Not among the tasks: leases are kept until the last of them has ended, and no longer.
    let mut keeper = JoinSet::new();
    keeper.spawn(leases.clone().keep());
    let watched = WatchedLanes::new(&app, &lanes);
    let (of, turns) = (
        (app.clone(), settings.clone()),
        Restarts::new(&app, HOUSEKEEPING),
    );
    let (on, until) = ((watched, leases.clone()), stop.clone());
    tasks.spawn(turns.clone().keep_up(stop.clone(), move || {
        due_watch::keep(of.clone(), on.clone(), turns.clone(), until.clone())
    }));
    let lane = |name: &str| Lane {
        app: app.clone(),
        settings: settings.clone(),
        leases: leases.clone(),
        turns: Restarts::new(&app, name),
        stop: stop.clone(),
    };
    for (name, portal) in lanes.portals {
        let (watch, seen) = AttemptRecorder::new(&name, app.metrics());
        portal.watched(Arc::new(watch));
        tasks.spawn(incidents::run(
            app.clone(),
            name.as_str().to_owned(),
            seen,
            stop.clone(),
        ));
        let lane = lane(name.as_str());
        tasks.spawn(lane.keep_up(move |app, settings| {
            PortalLane::new(app, name.clone(), portal.clone(), settings)
        }));
    }
    for (shop, sender) in lanes.callbacks {
        let lane = lane(&lane_of(shop.as_str()));
        tasks.spawn(lane.keep_up(move |app, settings| {
            CallbackLane::new(app, shop.clone(), sender.clone(), settings)
        }));
    }
    for (base, client) in lanes.pushes {
        let lane = lane(&onec_lane_of(base.as_str()));
        tasks.spawn(lane.keep_up(move |app, settings| {
            PushLane::new(app, base.clone(), client.clone(), settings)
        }));
    }
    for (till, client) in lanes.tills {
        let turns = Restarts::new(&app, &format!("{TILL}{till}"));
        let (app, stop) = (app.clone(), stop.clone());
        tasks.spawn(turns.clone().keep_up(stop.clone(), move || {
            let (till, client) = (till.clone(), client.clone());
            till_reader::keep(app.clone(), till, client, turns.clone(), stop.clone())
        }));
    }
    keep_house(&mut tasks, &app, &settings, &stop);
    while let Some(ended) = tasks.join_next().await {
        if let Err(error) = ended {
            stop.cancel();
            while tasks.join_next().await.is_some() {}
            return Err(error.into());
        }
    }
    Ok(())
}

/// What every lane of this process is given.
struct Lane {
    app: App,
    settings: Settings,
    leases: Leases,
    turns: Restarts,
    stop: CancellationToken,
}

impl Lane {
    /// Drives the lane until told to stop, made anew after each panic.
    fn keep_up<T: LaneTurn + Sync + 'static>(
        self,
        work: impl Fn(App, Settings) -> T + Send + 'static,
    ) -> impl Future<Output = ()> + Send {
        let Self {
            app,
            settings,
            leases,
            turns,
            stop,
        } = self;
        turns.clone().keep_up(stop.clone(), move || {
            let work = work(app.clone(), settings.clone());
            let (settings, leases) = (settings.clone(), leases.clone());
            LeasedLane::new(work, settings, leases, turns.clone()).run(stop.clone())
        })
    }
}

/// Starts what is no lane's: each thing by itself, so that none delays another.
fn keep_house(tasks: &mut JoinSet<()>, app: &App, settings: &Settings, stop: &CancellationToken) {
    let (of, till) = (app.clone(), stop.clone());
    let turns = Restarts::new(app, HOUSEKEEPING);
    tasks.spawn(turns.keep_up(stop.clone(), move || {
        housekeeping::once(of.clone(), till.clone())
    }));
    macro_rules! keep {
        ($name:ident, $work:path) => {{
            let turns = Restarts::new(app, $name);
            let (of, with, till) = (app.clone(), settings.clone(), stop.clone());
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
    if app.catalogue.has_onec_goods() {
        keep!(GOODS, goods_keeper::keep);
    }
}

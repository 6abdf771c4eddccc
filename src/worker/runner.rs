//! The tasks of a worker: those of each lane, and the housekeeping; and how newer settings take the
//! place of older ones.
//!
//! A lane whose settings are the same goes on undisturbed. Between two of its turns it is handed
//! the use cases over the newer settings, so that those of the older ones go out of memory.

use super::{
    Error, Lanes, PortalClient, Settings,
    due_watch::{self, WatchedLanes},
    goods_keeper,
    housekeeping::{self, OnceHandles},
    incidents::{CallEvents, Caller, IncidentKeeper},
    lanes::{
        callback::CallbackLane,
        leased::{LaneTurn, LeasedLane},
        leases::Leases,
        portal::PortalLane,
        push::PushLane,
        restarts::Restarts,
    },
    portal::call_observer::AttemptRecorder,
    stock_keeper, till_reader,
};
use crate::app::{App, FROM_SQL, GOODS, HOUSEKEEPING, JOBS, STOCK, TILL, lane_of, onec_lane_of};
use std::{collections::BTreeMap, sync::Arc};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::{AbortHandle, JoinSet},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Newer settings for a worker that runs.
#[derive(Debug)]
pub struct Reload<P> {
    /// The use cases over the newer settings.
    pub app: App,
    /// All lanes. The clients of those that are the same are not used.
    pub lanes: Lanes<P>,
    /// How lanes are driven; owner, lease and poll are those that the worker has.
    pub settings: Settings,
    /// Told when what is new has begun.
    pub done: oneshot::Sender<LanesReloaded>,
}

/// What became of the lanes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LanesReloaded {
    /// Lanes that were begun: new ones, and those whose settings are different.
    pub begun: usize,
    /// Lanes that were ended: those that are gone, and those whose settings are different.
    pub ended: usize,
    /// Lanes that were not touched.
    pub undisturbed: usize,
}

/// A worker at work.
pub(super) struct Runner {
    app: App,
    /// Hands newer use cases to the lanes that go on.
    newest: watch::Sender<App>,
    /// Where the lanes' clients tell of their calls, and how many clients there were.
    seen: CallEvents,
    clients: u64,
    settings: Arc<Settings>,
    leases: Arc<Leases>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    lanes: BTreeMap<String, Group>,
    /// The end of what is no lane's.
    house: CancellationToken,
}

/// The tasks of a lane.
struct Group {
    fingerprint: [u8; 32],
    stop: CancellationToken,
    running: TaskTracker,
    tasks: Vec<AbortHandle>,
}

impl Group {
    /// Waits until its tasks have ended; those that have not by then are ended.
    async fn ended(self, lane: &str, until: Instant) {
        self.running.close();
        let ended = tokio::time::timeout_at(until, self.running.wait());
        if ended.await.is_err() {
            tracing::warn!(
                lane,
                "stopped in the middle of a call, for its newer settings"
            );
            for task in self.tasks {
                task.abort();
            }
            self.running.wait().await;
        }
    }
}

impl Runner {
    pub(super) fn new(
        app: App,
        settings: Arc<Settings>,
        leases: Arc<Leases>,
        stop: CancellationToken,
    ) -> Self {
        let (incidents, seen) = IncidentKeeper::new(&app.lanes);
        let mut tasks = JoinSet::new();
        tasks.spawn(incidents.keep(stop.clone()));
        Self {
            house: stop.child_token(),
            newest: watch::Sender::new(app.clone()),
            seen,
            clients: 0,
            app,
            settings,
            leases,
            stop,
            tasks,
            lanes: BTreeMap::new(),
        }
    }

    /// Works until told to stop, and takes up newer settings meanwhile.
    pub(super) async fn run<P: PortalClient>(
        mut self,
        lanes: Lanes<P>,
        mut reloads: mpsc::Receiver<Reload<P>>,
    ) -> Result<(), Error> {
        self.begin(lanes);
        loop {
            tokio::select! {
                ended = self.tasks.join_next() => match ended {
                    None => return Ok(()),
                    Some(Err(error)) if error.is_panic() => {
                        self.stop.cancel();
                        while self.tasks.join_next().await.is_some() {}
                        return Err(error.into());
                    }
                    Some(_) => {}
                },
                Some(reload) = reloads.recv() => self.reload(reload).await,
            }
        }
    }

    async fn reload<P: PortalClient>(&mut self, reload: Reload<P>) {
        let of = &reload.lanes.fingerprints;
        let ended = self
            .lanes
            .extract_if(.., |lane, group| of.get(lane) != Some(&group.fingerprint));
        let ended: Vec<_> = ended.collect();
        for (_, group) in &ended {
            group.stop.cancel();
        }
        let until = Instant::now() + self.settings.grace;
        let mut told = LanesReloaded {
            ended: ended.len(),
            undisturbed: self.lanes.len(),
            ..LanesReloaded::default()
        };
        for (lane, group) in ended {
            group.ended(&lane, until).await;
        }
        self.house.cancel();
        self.house = self.stop.child_token();
        (self.app, self.settings) = (reload.app, Arc::new(reload.settings));
        self.newest.send_replace(self.app.clone());
        self.begin(reload.lanes);
        told.begun = self.lanes.len() - told.undisturbed;
        let _ = reload.done.send(told);
    }

    /// Begins the lanes that do not run yet, and the housekeeping.
    fn begin<P: PortalClient>(&mut self, lanes: Lanes<P>) {
        self.leases.know(lanes.names());
        let watched = WatchedLanes::new(self.app.registry(), &lanes);
        self.keep_house(watched);
        let of = lanes.fingerprints;
        // One for all portals of which the same is known.
        let mut landing = BTreeMap::new();
        for (name, portal) in lanes.portals {
            let Some(mut group) = self.group(name.as_str(), &of) else {
                continue;
            };
            let lane = name.to_string();
            portal.watched(Arc::new(self.recorder(&lane)));
            let lands_within = lanes.lands_within.get(&name).copied();
            let doubt = lands_within.unwrap_or(self.settings.doubt);
            let usual = &self.settings;
            let settings = landing.entry(doubt).or_insert_with(|| {
                Arc::new(Settings {
                    doubt,
                    ..Settings::clone(usual)
                })
            });
            let driven = self.lane(&lane, &group, settings);
            let driven = driven.keep_up(move |app, settings| {
                PortalLane::new(app, name.clone(), portal.clone(), settings)
            });
            self.spawn(&mut group, driven);
            self.lanes.insert(lane, group);
        }
        for (shop, sender) in lanes.callbacks {
            let lane = lane_of(shop.as_str());
            self.drive(lane, &of, move |app, settings| {
                CallbackLane::new(app, shop.clone(), sender.clone(), settings)
            });
        }
        for (base, client) in lanes.pushes {
            let lane = onec_lane_of(base.as_str());
            self.drive(lane, &of, move |app, settings| {
                PushLane::new(app, base.clone(), client.clone(), settings)
            });
        }
        for (till, client) in lanes.tills {
            let lane = format!("{TILL}{till}");
            let Some(mut group) = self.group(&lane, &of) else {
                continue;
            };
            let turns = Restarts::new(&self.app, &lane);
            let (newest, stop) = (self.newest.subscribe(), group.stop.clone());
            let reading = turns.clone().keep_up(stop.clone(), move || {
                let (till, client) = (till.clone(), client.clone());
                till_reader::keep(newest.clone(), till, client, turns.clone(), stop.clone())
            });
            self.spawn(&mut group, reading);
            self.lanes.insert(lane, group);
        }
    }

    fn drive<T: LaneTurn + Sync + 'static>(
        &mut self,
        lane: String,
        of: &BTreeMap<String, [u8; 32]>,
        work: impl Fn(App, Arc<Settings>) -> T + Send + 'static,
    ) {
        if let Some(mut group) = self.group(&lane, of) {
            let driven = self.lane(&lane, &group, &self.settings).keep_up(work);
            self.spawn(&mut group, driven);
            self.lanes.insert(lane, group);
        }
    }

    /// Who sees the calls of a lane's new client.
    fn recorder(&mut self, lane: &str) -> AttemptRecorder {
        self.clients += 1;
        let (lane, nth) = (lane.into(), self.clients);
        AttemptRecorder::new(Caller { lane, nth }, self.app.metrics(), self.seen.clone())
    }

    /// The tasks of a lane that is to begin; none if it runs.
    fn group(&self, lane: &str, of: &BTreeMap<String, [u8; 32]>) -> Option<Group> {
        (!self.lanes.contains_key(lane)).then(|| Group {
            fingerprint: of.get(lane).copied().unwrap_or_default(),
            stop: self.stop.child_token(),
            running: TaskTracker::new(),
            tasks: Vec::new(),
        })
    }

    fn spawn(&mut self, group: &mut Group, task: impl Future<Output = ()> + Send + 'static) {
        let task = group.running.track_future(task);
        group.tasks.push(self.tasks.spawn(task));
    }

    fn lane(&self, name: &str, group: &Group, settings: &Arc<Settings>) -> Lane {
        Lane {
            newest: self.newest.subscribe(),
            settings: Arc::clone(settings),
            leases: Arc::clone(&self.leases),
            turns: Restarts::of_leased(&self.app, name),
            stop: group.stop.clone(),
        }
    }

    /// Starts what is no lane's: each thing by itself, so that none delays another.
    fn keep_house(&mut self, watched: WatchedLanes) {
        let (app, settings, stop) = (&self.app, &self.settings, &self.house);
        let turns = Restarts::new(app, HOUSEKEEPING);
        let of = (Arc::clone(&app.lanes), app.waker().clone(), settings.poll);
        let on = (watched, Arc::clone(&self.leases));
        let (until, own) = (stop.clone(), turns.clone());
        self.tasks.spawn(turns.keep_up(stop.clone(), move || {
            due_watch::keep(of.clone(), on.clone(), own.clone(), until.clone())
        }));
        let of = OnceHandles {
            operations: Arc::clone(&app.operations),
            intake: Arc::clone(&app.intake),
            delivery: Arc::clone(&app.delivery),
            onec: Arc::clone(&app.onec),
            dead_letters: Arc::clone(&app.dead_letters),
        };
        let till = stop.clone();
        let turns = Restarts::new(app, HOUSEKEEPING);
        self.tasks.spawn(turns.keep_up(stop.clone(), move || {
            housekeeping::once(of.clone(), till.clone())
        }));
        macro_rules! keep {
            ($name:ident, $work:path, ($($handle:expr),*)) => {{
                let turns = Restarts::new(app, $name);
                let of = ($(Clone::clone($handle)),*);
                let (with, till) = (Settings::clone(settings), stop.clone());
                self.tasks
                    .spawn(turns.clone().keep_up(stop.clone(), move || {
                        $work(of.clone(), with.clone(), turns.clone(), till.clone())
                    }));
            }};
        }
        let waker = app.waker();
        keep!(
            FROM_SQL,
            housekeeping::intake,
            (&app.intake, &app.lanes, waker)
        );
        keep!(JOBS, housekeeping::jobs, (&app.onec, &app.dead_letters));
        keep!(
            HOUSEKEEPING,
            housekeeping::housekeeping,
            (&app.delivery, &app.onec, &app.operations)
        );
        if !app.stock.stocks().is_empty() {
            keep!(STOCK, stock_keeper::keep, (&app.stock, waker));
        }
        if app.catalogue.has_onec_goods() {
            keep!(GOODS, goods_keeper::keep, (&app.catalogue, &app.onec));
        }
    }
}

/// What every lane of this process is given.
struct Lane {
    newest: watch::Receiver<App>,
    settings: Arc<Settings>,
    leases: Arc<Leases>,
    turns: Restarts,
    stop: CancellationToken,
}

impl Lane {
    /// Drives the lane until told to stop, made anew after each panic.
    fn keep_up<T: LaneTurn + Sync + 'static>(
        self,
        work: impl Fn(App, Arc<Settings>) -> T + Send + 'static,
    ) -> impl Future<Output = ()> + Send + 'static {
        let Self {
            newest,
            settings,
            leases,
            turns,
            stop,
        } = self;
        turns.clone().keep_up(stop.clone(), move || {
            let mut newest = newest.clone();
            let app = newest.borrow_and_update().clone();
            let work = work(app, Arc::clone(&settings));
            let (leases, turns) = (Arc::clone(&leases), turns.clone());
            let lane = LeasedLane::new(work, settings.poll, leases, turns, newest);
            Box::new(lane).run(stop.clone())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clients::bitrix24::Client,
        worker::{
            lanes::{lease::HeldLease, lowered_pace},
            portal::permit_server,
        },
    };
    use std::{mem::size_of, time::Duration};
    use tokio::sync::Notify;

    type Portal = PortalLane<Client>;
    type Held = &'static HeldLease;
    type Permits = (&'static crate::app::Lanes, &'static Client, Held);

    /// What a future holds, begun with these arguments.
    fn size<A, F: Future>(_: impl FnOnce(A) -> F) -> usize {
        size_of::<F>()
    }

    /// All that a portal's lane holds while it rests, apart from what its client holds.
    #[test]
    fn a_portal_that_rests_takes_four_kilobytes_at_most() {
        type Lane = LeasedLane<Portal>;
        let lane = size_of::<Lane>();
        let run = size(|(lane, stop): (Box<Lane>, CancellationToken)| lane.run(stop));
        let own = size(|(lane, held): (&'static mut Lane, Held)| lane.own(held));
        let permits = size(
            |((lanes, portal, held), asked): (Permits, &'static Notify)| {
                permit_server::serve(lanes, portal, held, (asked, Duration::ZERO))
            },
        );
        let pace = size(|(lanes, portal, held): Permits| lowered_pace::tell(lanes, portal, held));
        let parts = [lane, run, own, permits, pace];
        let all: usize = parts.iter().sum();
        assert!(all <= 4_096, "{all} bytes: {parts:?}");
    }
}

//! Several processes on one database share the lanes evenly, whoever comes, goes or dies.

use crate::{
    delivery::crash::Tiny,
    support::{database::Database, shop},
};
use b24_bridge::{
    app::{App, Registry},
    clients::bitrix24::{BatchResponse, Command, Priority},
    domain::{PortalName, ShopName},
    worker::{self, CallFailure, PortalClient},
};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A portal that several processes reach, and that sees who calls it.
#[derive(Default)]
struct SharedPortal {
    tiny: Tiny,
    calling: Mutex<BTreeMap<String, usize>>,
    /// Calls that were made while another process called.
    crossed: AtomicUsize,
    /// Calls whose answer nobody waited for.
    cut: AtomicUsize,
}

/// One process's client of it.
#[derive(Clone)]
struct Caller {
    portal: Arc<SharedPortal>,
    owner: String,
    takes: Duration,
}

/// A call that is under way.
struct UnderWay<'a>(&'a Caller, bool);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut calling = self.0.portal.calling.lock();
        *calling.get_mut(&self.0.owner).unwrap() -= 1;
        let cut = usize::from(!self.1);
        self.0.portal.cut.fetch_add(cut, Ordering::Relaxed);
    }
}

impl PortalClient for Caller {
    async fn batch(
        &self,
        commands: &[Command],
        of: Priority,
    ) -> Result<BatchResponse, CallFailure> {
        let mut call = {
            let mut calling = self.portal.calling.lock();
            let others = calling.iter().filter(|(who, _)| **who != self.owner);
            let crossed = usize::from(others.map(|(_, calls)| calls).sum::<usize>() > 0);
            self.portal.crossed.fetch_add(crossed, Ordering::Relaxed);
            *calling.entry(self.owner.clone()).or_default() += 1;
            UnderWay(self, false)
        };
        let answer = self.portal.tiny.batch(commands, of).await;
        tokio::time::sleep(self.takes).await;
        call.1 = true;
        answer
    }

    async fn sequence(
        &self,
        commands: &[Command],
        of: Priority,
    ) -> Result<BatchResponse, CallFailure> {
        self.batch(commands, of).await
    }

    async fn probe(&self) -> Result<(), CallFailure> {
        Ok(())
    }
}

/// The portals, each with a shop of its name, and the database of all processes.
struct World {
    db: Database,
    portals: BTreeMap<String, Arc<SharedPortal>>,
    lease: Duration,
    takes: Duration,
}

struct Process {
    app: App,
    stop: CancellationToken,
    work: JoinHandle<Result<(), worker::Error>>,
}

impl World {
    async fn new(count: usize, takes: Duration) -> Self {
        let portals = (0..count).map(|nth| (format!("p{nth:02}"), Arc::default()));
        Self {
            db: Database::new().await,
            portals: portals.collect(),
            lease: Duration::from_secs(4),
            takes,
        }
    }

    /// Starts a process of this name that knows all portals.
    fn join(&self, owner: &str) -> Process {
        let mut registry = Registry::default();
        let mut portals = BTreeMap::new();
        for (name, shared) in &self.portals {
            let portal = PortalName::parse(name).unwrap();
            let mut rules = shop::rules(name);
            rules.portal = portal.clone();
            let shop = ShopName::parse(name).unwrap();
            registry.shops.insert(shop, Arc::new(rules));
            registry.portals.push(portal.clone());
            let caller = Caller {
                portal: Arc::clone(shared),
                owner: owner.to_owned(),
                takes: self.takes,
            };
            portals.insert(portal, caller);
        }
        let settings = worker::Settings {
            owner: owner.to_owned(),
            lease: self.lease,
            poll: Duration::from_millis(100),
            doubt: Duration::ZERO,
            ..worker::Settings::default()
        };
        let (app, stop) = (
            App::new(self.db.pool.clone(), registry),
            CancellationToken::new(),
        );
        let lanes = worker::Lanes::of(portals);
        let work = tokio::spawn(worker::run(app.clone(), lanes, settings, stop.clone()));
        Process { app, stop, work }
    }

    /// An order of each shop.
    async fn order(&self, process: &Process, number: usize) {
        for name in self.portals.keys() {
            let shop = ShopName::parse(name).unwrap();
            let event = [shop::event(
                &format!("e{number}"),
                &format!("A-{number}"),
                1,
            )];
            let taken = process.app.intake.accept_events(Some(&shop), &event);
            taken.await.unwrap();
        }
    }

    /// How many lanes each of these holds, and that nobody else holds any.
    async fn held(&self, owners: &[&str]) -> Vec<usize> {
        let all: Vec<String> = sqlx::query_scalar(
            "SELECT owner FROM bridge.lanes WHERE owner IS NOT NULL AND lease_until > now()",
        )
        .fetch_all(&self.db.pool)
        .await
        .unwrap();
        let of = |owner: &&str| all.iter().filter(|one| one == owner).count();
        owners.iter().map(of).collect()
    }

    async fn until_held(&self, owners: &[&str], wanted: &[usize]) {
        let begun = Instant::now();
        loop {
            let held = self.held(owners).await;
            if held == wanted {
                return;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "{owners:?} hold {held:?}, not {wanted:?}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Every shop's orders are deals, and each is one.
    async fn until_delivered(&self, orders: usize) {
        let begun = Instant::now();
        let left = "SELECT count(*) FROM bridge.orders WHERE deal_id IS NULL OR due_at IS NOT NULL";
        loop {
            let left: i64 = sqlx::query_scalar(left)
                .fetch_one(&self.db.pool)
                .await
                .unwrap();
            if left == 0 {
                break;
            }
            assert!(begun.elapsed() < Duration::from_secs(40), "{left} wait");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for (name, portal) in &self.portals {
            assert_eq!(portal.tiny.count("crm.deal"), orders, "{name}");
            assert_eq!(portal.crossed.load(Ordering::Relaxed), 0, "{name}");
        }
    }

    fn cut(&self) -> usize {
        let cut = self.portals.values();
        cut.map(|one| one.cut.load(Ordering::Relaxed)).sum()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_the_lanes_evenly_whoever_comes_or_dies() {
    let world = World::new(12, Duration::from_millis(20)).await;
    let a = world.join("a");
    world.order(&a, 0).await;
    world.until_held(&["a"], &[12]).await;
    let b = world.join("b");
    world.order(&b, 1).await;
    world.until_held(&["a", "b"], &[6, 6]).await;
    let c = world.join("c");
    world.order(&c, 2).await;
    world.until_held(&["a", "b", "c"], &[4, 4, 4]).await;
    world.order(&a, 3).await;
    c.work.abort();
    world.order(&a, 4).await;
    world.until_held(&["a", "b", "c"], &[6, 6, 0]).await;
    world.order(&b, 5).await;
    world.until_delivered(6).await;
    // Whoever is stopped leaves at once, and the other has everything.
    let before = Instant::now();
    a.stop.cancel();
    a.work.await.unwrap().unwrap();
    world.until_held(&["b"], &[12]).await;
    assert!(before.elapsed() < Duration::from_secs(10));
    world.order(&b, 6).await;
    world.until_delivered(7).await;
    b.stop.cancel();
    b.work.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_that_is_given_to_another_process_ends_its_call_first() {
    let world = World::new(2, Duration::from_secs(5)).await;
    let a = world.join("a");
    world.until_held(&["a"], &[2]).await;
    world.order(&a, 0).await;
    let under_way = |portal: &Arc<SharedPortal>| portal.calling.lock().values().sum::<usize>() > 0;
    while !world.portals.values().all(under_way) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let b = world.join("b");
    world.until_held(&["a", "b"], &[1, 1]).await;
    world.until_delivered(1).await;
    for process in [a, b] {
        process.stop.cancel();
        process.work.await.unwrap().unwrap();
    }
    assert_eq!(world.cut(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_knows_other_lanes_leaves_none_undriven() {
    let mut world = World::new(4, Duration::ZERO).await;
    let a = world.join("a");
    world.until_held(&["a"], &[4]).await;
    world.portals.insert("p99".to_owned(), Arc::default());
    let b = world.join("b");
    // Neither gives way to a process that may not know its lanes.
    world.until_held(&["a", "b"], &[4, 1]).await;
    a.stop.cancel();
    a.work.await.unwrap().unwrap();
    world.until_held(&["a", "b"], &[0, 5]).await;
    b.stop.cancel();
    b.work.await.unwrap().unwrap();
}

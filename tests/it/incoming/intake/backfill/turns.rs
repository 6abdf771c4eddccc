//! Who goes first: an order of today, what is read back, history.

use super::world::order;
use crate::support::connections;
use crate::support::{
    database::Database,
    shop::{app, event, main_shop},
};
use b24_bridge::{
    app::{App, Backfill},
    clients::bitrix24::{BatchResponse, Client, Command, Credentials, Options, Priority, Rate},
    domain::PortalName,
    sandbox::{self, Plan, Sandbox},
    worker::{self, CallFailure, PortalClient},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A real client that notes with which priority each call went.
#[derive(Clone)]
struct Noted {
    client: Client,
    calls: Arc<Mutex<Vec<Priority>>>,
}

impl PortalClient for Noted {
    async fn batch(
        &self,
        commands: &[Command],
        priority: Priority,
    ) -> Result<BatchResponse, CallFailure> {
        let answer = PortalClient::batch(&self.client, commands, priority).await;
        self.calls.lock().unwrap().push(priority);
        answer
    }

    async fn sequence(
        &self,
        commands: &[Command],
        priority: Priority,
    ) -> Result<BatchResponse, CallFailure> {
        let answer = PortalClient::sequence(&self.client, commands, priority).await;
        self.calls.lock().unwrap().push(priority);
        answer
    }

    async fn probe(&self) -> Result<(), CallFailure> {
        self.client.probe().await
    }
}

struct World {
    _db: Database,
    portal: Sandbox,
    app: App,
    noted: Noted,
    stop: CancellationToken,
    work: Option<JoinHandle<Result<(), worker::Error>>>,
}

impl World {
    /// A portal that answers in 30 ms, and a history of so many orders. The bucket is small and the
    /// pace high: calls queue up as they do under a long load, only faster.
    async fn new(history: usize) -> Self {
        let options = sandbox::Options::default()
            .plan(Plan::Unlimited)
            .latency(Duration::from_millis(30));
        let portal = Sandbox::start(options).await.unwrap();
        let db = Database::new().await;
        let app = app(&db.pool, &["main"]);
        let lines: Vec<Vec<u8>> = (0..history)
            .map(|number| order(number).to_string().into_bytes())
            .collect();
        let of = Backfill {
            shop: main_shop(),
            file: [1; 32],
            import: false,
        };
        app.intake.backfill(&of, 0, &lines).await.unwrap();
        let options = Options {
            rate: Rate {
                per_second: 20.0,
                burst: 2,
            },
            full_burst: false,
            timeout: Duration::from_secs(5),
        };
        let client = Client::new(
            Credentials::webhook(&portal.url()).unwrap(),
            &connections(),
            &options,
        );
        Self {
            _db: db,
            portal,
            app,
            noted: Noted {
                client,
                calls: Arc::default(),
            },
            stop: CancellationToken::new(),
            work: None,
        }
    }

    fn start(&mut self, reconcile: Duration) {
        let name = PortalName::parse("main").unwrap();
        let lanes = worker::Lanes::of(BTreeMap::from([(name, self.noted.clone())]));
        let options = worker::Settings {
            poll: Duration::from_millis(50),
            reconcile,
            ..worker::Settings::default()
        };
        let work = worker::run(self.app.clone(), lanes, options, self.stop.clone());
        self.work = Some(tokio::spawn(work));
    }

    async fn post(&self, number: &str) {
        let events = [event(&format!("live-{number}"), number, 1)];
        self.app
            .intake
            .accept_events(Some(&main_shop()), &events)
            .await
            .unwrap();
    }

    fn has(&self, number: &str) -> bool {
        self.portal
            .deals()
            .iter()
            .any(|deal| deal["ORIGIN_ID"] == number)
    }

    fn calls(&self) -> Vec<Priority> {
        self.noted.calls.lock().unwrap().clone()
    }

    async fn until(&self, what: &str, wanted: impl Fn() -> bool) {
        let bound = Instant::now() + Duration::from_mins(2);
        while !wanted() {
            assert!(Instant::now() < bound, "{what}: {:?}", self.calls());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn end(mut self) {
        self.stop.cancel();
        if let Some(work) = self.work.take() {
            work.await.unwrap().unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_due_at_once_goes_as_orders_then_the_way_back_then_history() {
    let mut world = World::new(10).await;
    world.post("A-1").await;
    world.start(Duration::from_secs(30));
    world
        .until("all is there", || world.portal.deals().len() == 11)
        .await;
    let calls = world.calls();
    let first = |wanted| calls.iter().position(|one| *one == wanted).unwrap();
    assert!(
        first(Priority::Live) < first(Priority::Reconcile)
            && first(Priority::Reconcile) < first(Priority::Backfill),
        "{calls:?}"
    );
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_a_running_load_an_order_of_today_waits_for_one_wave_at_most() {
    let mut world = World::new(300).await;
    world.start(Duration::from_secs(30));
    for number in ["A-1", "A-2", "A-3"] {
        let before = world.portal.deals().len();
        world
            .until("the load runs", || world.portal.deals().len() > before)
            .await;
        world.post(number).await;
        let posted = world.calls().len();
        world.until("it is there", || world.has(number)).await;
        let meanwhile: Vec<_> = world.calls()[posted..].to_vec();
        let history = meanwhile
            .iter()
            .take_while(|one| **one != Priority::Live)
            .filter(|one| **one == Priority::Backfill)
            .count();
        // A wave of 48 with its customers: looked up twice at most, contacts, deals with rows in
        // two calls.
        assert!(history <= 5, "{meanwhile:?}");
    }
    assert!(world.portal.deals().len() < 300, "the load is over");
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn under_a_running_load_the_way_back_is_read_between_its_waves() {
    let mut world = World::new(150).await;
    world.start(Duration::from_millis(1));
    world
        .until("all is there", || world.portal.deals().len() == 150)
        .await;
    let calls = world.calls();
    let waves: Vec<_> = calls
        .split(|one| *one == Priority::Reconcile)
        .filter(|wave| !wave.is_empty())
        .collect();
    assert!(waves.len() >= 4, "{calls:?}");
    assert!(waves.iter().all(|wave| wave.len() <= 5), "{calls:?}");
    world.end().await;
}

//! Lanes as tasks: who drives them, and how they end.

use crate::support::{
    database::Database,
    shop::{app, event, main_shop},
};
use b24_bridge::{
    app::{Actor, App, LaneState, PortalStatus},
    clients::bitrix24::{BatchResponse, Class, Command, Priority},
    domain::{ErrorCode, PortalName},
    worker::{self, CallFailure, PortalClient},
};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A portal that answers, or refuses the bridge as a whole.
#[derive(Clone, Default)]
struct Fake {
    refuses: Arc<AtomicBool>,
}

impl PortalClient for Fake {
    async fn batch(&self, _: &[Command], _: Priority) -> Result<BatchResponse, CallFailure> {
        self.probe().await.map(|()| BatchResponse::new())
    }

    async fn sequence(
        &self,
        commands: &[Command],
        of: Priority,
    ) -> Result<BatchResponse, CallFailure> {
        self.batch(commands, of).await
    }

    async fn probe(&self) -> Result<(), CallFailure> {
        if self.refuses.load(Ordering::Relaxed) {
            let message = "the webhook was deleted".to_owned();
            return Err(CallFailure {
                class: Class::Blocked(b24_bridge::clients::bitrix24::Blocked::Auth),
                code: ErrorCode::Auth,
                message,
                maybe_executed: false,
            });
        }
        Ok(())
    }
}

fn options(owner: &str) -> worker::Settings {
    worker::Settings {
        owner: owner.to_owned(),
        lease: Duration::from_secs(3),
        poll: Duration::from_millis(50),
        probe: Duration::from_millis(50),
        ..worker::Settings::default()
    }
}

struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<(), worker::Error>>,
}

fn start(app: &App, portal: &Fake, owner: &str) -> Running {
    let stop = CancellationToken::new();
    let lanes = worker::Lanes::of(BTreeMap::from([(
        PortalName::parse("main").unwrap(),
        portal.clone(),
    )]));
    let task = tokio::spawn(worker::run(
        app.clone(),
        lanes,
        options(owner),
        stop.clone(),
    ));
    Running { stop, task }
}

impl Running {
    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }
}

/// The lane's state, once it is as wanted.
async fn until(app: &App, what: &str, wanted: impl Fn(&PortalStatus) -> bool) -> PortalStatus {
    for _ in 0..500 {
        let status = app.operations.status().await.unwrap().portals.remove(0);
        if wanted(&status) {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what}: {:?}", app.operations.status().await.unwrap());
}

#[tokio::test]
async fn of_two_workers_one_drives_the_lane_and_the_other_takes_over_at_once() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let portal = Fake::default();
    let first = start(&app, &portal, "first");
    until(&app, "the first drives", |lane| {
        lane.owner.as_deref() == Some("first")
    })
    .await;
    let second = start(&app, &portal, "second");
    first.end().await;
    until(&app, "the second drives", |lane| {
        lane.owner.as_deref() == Some("second")
    })
    .await;
    second.end().await;
    assert_eq!(
        until(&app, "nobody drives", |lane| lane.owner.is_none())
            .await
            .state,
        LaneState::Idle
    );
}

#[tokio::test]
async fn a_killed_worker_is_replaced_when_its_lease_is_over() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let first = start(&app, &Fake::default(), "first");
    until(&app, "the first drives", |lane| {
        lane.owner.as_deref() == Some("first")
    })
    .await;
    first.task.abort();
    let second = start(&app, &Fake::default(), "second");
    until(&app, "the second drives", |lane| {
        lane.owner.as_deref() == Some("second")
    })
    .await;
    second.end().await;
}

#[tokio::test]
async fn a_person_pauses_a_lane_and_events_wait_until_it_is_resumed() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let name = PortalName::parse("main").unwrap();
    let who = Actor::new("operator:anna");
    app.operations
        .pause_lane(name.as_str(), &who)
        .await
        .unwrap();
    app.intake
        .accept_events(Some(&main_shop()), &[event("e1", "A-1", 1)])
        .await
        .unwrap();
    let running = start(&app, &Fake::default(), "first");
    let lane = until(&app, "owned and paused", |lane| lane.owner.is_some()).await;
    assert_eq!((lane.state, lane.pending), (LaneState::Paused, 1));
    running.end().await;
    app.operations
        .resume_lane(name.as_str(), &who)
        .await
        .unwrap();
    assert_eq!(
        until(&app, "resumed", |lane| lane.paused_at.is_none())
            .await
            .pending,
        1
    );
}

#[tokio::test]
async fn a_lane_that_a_fault_paused_asks_again_and_goes_on_by_itself() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let portal = Fake::default();
    portal.refuses.store(true, Ordering::Relaxed);
    sqlx::query(
        "INSERT INTO bridge.lanes (portal, paused_at, paused_code, resume_at) VALUES ('main', \
         now(), 'B24-DOWN', now())",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    let running = start(&app, &portal, "first");
    let lane = until(&app, "refused", |lane| lane.failures >= 2).await;
    assert_eq!(
        (lane.state, lane.paused_code.as_deref()),
        (LaneState::Waiting, Some("B24-AUTH"))
    );
    portal.refuses.store(false, Ordering::Relaxed);
    until(&app, "goes on", |lane| lane.state == LaneState::Running).await;
    running.end().await;
}

#[tokio::test]
async fn events_from_sql_are_taken_up_by_the_worker() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    app.operations
        .pause_lane("main", &Actor::new("test"))
        .await
        .unwrap();
    let running = start(&app, &Fake::default(), "first");
    sqlx::query("SELECT bridge.publish_event($1)")
        .bind(event("e1", "A-1", 1))
        .execute(&db.pool)
        .await
        .unwrap();
    until(&app, "taken up", |lane| lane.pending == 1).await;
    running.end().await;
}

//! Lanes as tasks: who drives them, and how they end.

use crate::support::{
    database::Database,
    shop::{bridge, event, main_shop},
};
use b24_bridge::{
    app::{Actor, Bridge, LaneState, PortalStatus},
    bitrix24::{BatchResponse, Class, Command, Priority},
    domain::{Code, PortalName},
    worker::{self, Failure, Options, Portal},
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

impl Portal for Fake {
    async fn batch(&self, _: &[Command], _: Priority) -> Result<BatchResponse, Failure> {
        self.probe().await.map(|()| BatchResponse::new())
    }

    async fn probe(&self) -> Result<(), Failure> {
        if self.refuses.load(Ordering::Relaxed) {
            let message = "the webhook was deleted".to_owned();
            return Err(Failure {
                class: Class::Blocked(b24_bridge::bitrix24::Blocked::Auth),
                code: Code::Auth,
                message,
                maybe_executed: false,
            });
        }
        Ok(())
    }
}

fn options(owner: &str) -> Options {
    Options {
        owner: owner.to_owned(),
        lease: Duration::from_secs(3),
        poll: Duration::from_millis(50),
        probe: Duration::from_millis(50),
        ..Options::default()
    }
}

struct Running {
    stop: CancellationToken,
    task: JoinHandle<Result<(), worker::Error>>,
}

fn start(bridge: &Bridge, portal: &Fake, owner: &str) -> Running {
    let stop = CancellationToken::new();
    let portals = BTreeMap::from([(PortalName::parse("main").unwrap(), portal.clone())]);
    let task = tokio::spawn(worker::run(
        bridge.clone(),
        portals,
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
async fn until(
    bridge: &Bridge,
    what: &str,
    wanted: impl Fn(&PortalStatus) -> bool,
) -> PortalStatus {
    for _ in 0..500 {
        let status = bridge.status().await.unwrap().portals.remove(0);
        if wanted(&status) {
            return status;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{what}: {:?}", bridge.status().await.unwrap());
}

#[tokio::test]
async fn of_two_workers_one_drives_the_lane_and_the_other_takes_over_at_once() {
    let db = Database::new().await;
    let bridge = bridge(&db.pool, &["main"]);
    let portal = Fake::default();
    let first = start(&bridge, &portal, "first");
    until(&bridge, "the first drives", |lane| {
        lane.owner.as_deref() == Some("first")
    })
    .await;
    let second = start(&bridge, &portal, "second");
    first.end().await;
    until(&bridge, "the second drives", |lane| {
        lane.owner.as_deref() == Some("second")
    })
    .await;
    second.end().await;
    assert_eq!(
        until(&bridge, "nobody drives", |lane| lane.owner.is_none())
            .await
            .state,
        LaneState::Idle
    );
}

#[tokio::test]
async fn a_killed_worker_is_replaced_when_its_lease_is_over() {
    let db = Database::new().await;
    let bridge = bridge(&db.pool, &["main"]);
    let first = start(&bridge, &Fake::default(), "first");
    until(&bridge, "the first drives", |lane| {
        lane.owner.as_deref() == Some("first")
    })
    .await;
    first.task.abort();
    let second = start(&bridge, &Fake::default(), "second");
    until(&bridge, "the second drives", |lane| {
        lane.owner.as_deref() == Some("second")
    })
    .await;
    second.end().await;
}

#[tokio::test]
async fn a_person_pauses_a_lane_and_events_wait_until_it_is_resumed() {
    let db = Database::new().await;
    let bridge = bridge(&db.pool, &["main"]);
    let name = PortalName::parse("main").unwrap();
    let who = Actor::new("operator:anna");
    bridge.pause_lane(name.as_str(), &who).await.unwrap();
    bridge
        .accept_events(Some(&main_shop()), &[event("e1", "A-1", 1)])
        .await
        .unwrap();
    let running = start(&bridge, &Fake::default(), "first");
    let lane = until(&bridge, "owned and paused", |lane| lane.owner.is_some()).await;
    assert_eq!((lane.state, lane.pending), (LaneState::Paused, 1));
    running.end().await;
    bridge.resume_lane(name.as_str(), &who).await.unwrap();
    assert_eq!(
        until(&bridge, "resumed", |lane| lane.paused_at.is_none())
            .await
            .pending,
        1
    );
}

#[tokio::test]
async fn a_lane_that_a_fault_paused_asks_again_and_goes_on_by_itself() {
    let db = Database::new().await;
    let bridge = bridge(&db.pool, &["main"]);
    let portal = Fake::default();
    portal.refuses.store(true, Ordering::Relaxed);
    sqlx::query("INSERT INTO bridge.lanes (portal, paused_at, paused_code, resume_at) VALUES ('main', now(), 'B24-DOWN', now())")
        .execute(&db.pool)
        .await
        .unwrap();
    let running = start(&bridge, &portal, "first");
    let lane = until(&bridge, "refused", |lane| lane.failures >= 2).await;
    assert_eq!(
        (lane.state, lane.paused_code.as_deref()),
        (LaneState::Waiting, Some("B24-AUTH"))
    );
    portal.refuses.store(false, Ordering::Relaxed);
    until(&bridge, "goes on", |lane| lane.state == LaneState::Running).await;
    running.end().await;
}

#[tokio::test]
async fn events_from_sql_are_taken_up_by_the_worker() {
    let db = Database::new().await;
    let bridge = bridge(&db.pool, &["main"]);
    bridge
        .pause_lane("main", &Actor::new("test"))
        .await
        .unwrap();
    let running = start(&bridge, &Fake::default(), "first");
    sqlx::query("SELECT bridge.publish_event($1)")
        .bind(event("e1", "A-1", 1))
        .execute(&db.pool)
        .await
        .unwrap();
    until(&bridge, "taken up", |lane| lane.pending == 1).await;
    running.end().await;
}

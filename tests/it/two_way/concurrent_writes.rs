//! Moves that cross a write of ours, and crashes around it: the worker in this process, stopped at
//! its own points.

use crate::support::connections;
use crate::support::{
    database::Database,
    shop::{event, main_shop, rules},
};
use b24_bridge::{
    app::{App, OrderView, Registry, SyncRules},
    clients::bitrix24::{self, Client, Credentials, Rate},
    domain::{PortalName, Rule, Stage, StatusMap, Winner},
    sandbox::{self, Fault, Faults, Plan, Sandbox},
    worker::{self, CrashHook, CrashPoint},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The bridge's parts, without a process around them.
struct Parts {
    app: App,
    portal: Arc<Sandbox>,
    client: Client,
    doubt: Duration,
}

impl Parts {
    async fn new(winner: Winner) -> Self {
        Self::with(winner, &[]).await
    }

    /// With further stages that mean a status.
    async fn with(winner: Winner, accepts: &[(&str, &str)]) -> Self {
        let db = Database::new().await;
        let portal = Sandbox::start(sandbox::Options::default().plan(Plan::Unlimited))
            .await
            .unwrap();
        let mut rules = rules("main");
        let mut rows = rules.statuses.rows().to_vec();
        for (status, stage) in accepts {
            let row = rows.iter_mut().find(|row| row.status == *status);
            row.unwrap().accepts.push(Stage::new(0, stage));
        }
        rules.statuses = StatusMap::new(rows);
        let mut two_way = SyncRules::of(&rules);
        two_way.policy.rules = vec![Rule {
            onec: Vec::new(),
            status: Vec::new(),
            stage: Vec::new(),
            winner,
        }];
        let directory = Registry {
            shops: [(main_shop(), Arc::new(rules))].into(),
            portals: vec![PortalName::parse("main").unwrap()],
            two_way: [(main_shop(), Arc::new(two_way))].into(),
            ..Registry::default()
        };
        let options = bitrix24::Options {
            rate: Rate {
                per_second: 500.0,
                burst: 500,
            },
            full_burst: true,
            ..bitrix24::Options::default()
        };
        let client = Client::new(
            Credentials::webhook(&portal.url()).unwrap(),
            &connections(),
            &options,
        );
        Self {
            app: App::new(db.pool, directory),
            portal: Arc::new(portal),
            client,
            doubt: Duration::from_millis(300),
        }
    }

    fn work(
        &self,
        watch: Option<CrashHook>,
    ) -> (CancellationToken, JoinHandle<Result<(), worker::Error>>) {
        let stop = CancellationToken::new();
        let options = worker::Settings {
            lease: Duration::from_secs(2),
            poll: Duration::from_millis(50),
            reconcile: Duration::from_millis(500),
            doubt: self.doubt,
            ..worker::Settings::default()
        };
        let lanes = worker::Lanes::of(BTreeMap::from([(
            PortalName::parse("main").unwrap(),
            self.client.clone(),
        )]));
        let task = tokio::spawn(worker::run_watched(
            self.app.clone(),
            lanes,
            options,
            worker::Hooks { at: watch },
            stop.clone(),
        ));
        (stop, task)
    }

    async fn post(&self, version: i64, status: &str) {
        let mut event = event(&format!("e{version}"), "A-1", version);
        event["data"]["status"] = Value::from(status);
        self.app
            .intake
            .accept_events(Some(&main_shop()), &[event])
            .await
            .unwrap();
    }

    async fn view(&self) -> OrderView {
        let view = self
            .app
            .operations
            .order_view(&main_shop(), "A-1")
            .await
            .unwrap();
        view.unwrap()
    }

    fn stage(&self) -> String {
        let deal = self.portal.deal(1);
        deal.map_or(String::new(), |deal| {
            deal["STAGE_ID"].as_str().unwrap().to_owned()
        })
    }

    async fn until(&self, what: &str, mut holds: impl AsyncFnMut(&Self) -> bool) {
        let bound = Instant::now() + Duration::from_secs(30);
        while !holds(self).await {
            let late = Instant::now() > bound;
            assert!(!late, "not {what}: {:#?}", self.view().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The statuses that the shop was told.
    async fn told(&self) -> Vec<String> {
        let page = self
            .app
            .sync
            .status_changes(&main_shop(), 0, 0)
            .await
            .unwrap();
        page.changes
            .into_iter()
            .map(|change| change.status)
            .collect()
    }
}

/// Does something once, the first time that the worker comes to a point.
fn once(at: CrashPoint, act: impl Fn() + Send + Sync + 'static) -> CrashHook {
    let done = AtomicBool::new(false);
    CrashHook(Arc::new(move |point| {
        if point == at && !done.swap(true, Ordering::SeqCst) {
            act();
        }
        Box::pin(async {})
    }))
}

/// Stops the worker for ever at a point.
fn hang(at: CrashPoint, reached: Arc<AtomicBool>) -> CrashHook {
    CrashHook(Arc::new(move |point| {
        let here = point == at;
        if here {
            reached.store(true, Ordering::SeqCst);
        }
        Box::pin(async move {
            if here {
                std::future::pending::<()>().await;
            }
        })
    }))
}

#[tokio::test]
async fn a_managers_move_between_our_look_and_our_write_is_brought_back_where_the_portal_is_right()
{
    let parts = Parts::new(Winner::Portal).await;
    parts.post(1, "N").await;
    let portal = Arc::clone(&parts.portal);
    let crossing = once(CrashPoint::Decided, move || {
        assert!(portal.move_deal(1, "WON"));
    });
    let (stop, task) = parts.work(Some(crossing));
    parts
        .until("made", async |parts| parts.stage() == "NEW")
        .await;
    parts.post(2, "P").await;
    parts
        .until("restored", async |parts| {
            parts.stage() == "WON" && !parts.view().await.timeline.is_empty()
        })
        .await;
    // WON is in no row of this table, so the shop is told nothing of it; but the move stands, and
    // is said.
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    let life: Vec<_> = parts
        .view()
        .await
        .timeline
        .into_iter()
        .map(|e| e.text)
        .collect();
    let life = life.join("\n");
    assert_eq!(parts.stage(), "WON", "{life}");
    assert!(
        life.contains("somebody moved the deal to WON just before the bridge's own write"),
        "{life}"
    );
    stop.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_managers_move_between_our_look_and_our_write_is_said_where_the_shop_is_right() {
    let parts = Parts::new(Winner::Shop).await;
    parts.post(1, "N").await;
    let portal = Arc::clone(&parts.portal);
    let crossing = once(CrashPoint::Decided, move || {
        assert!(portal.move_deal(1, "EXECUTING"));
    });
    let (stop, task) = parts.work(Some(crossing));
    parts
        .until("made", async |parts| parts.stage() == "NEW")
        .await;
    parts.post(2, "P").await;
    parts
        .until("agreed", async |parts| {
            parts.stage() == "PREPARATION" && parts.view().await.in_sync
        })
        .await;
    let life: Vec<_> = parts
        .view()
        .await
        .timeline
        .into_iter()
        .map(|e| e.text)
        .collect();
    assert!(
        life.join("\n")
            .contains("somebody moved the deal to EXECUTING just before"),
        "{life:?}"
    );
    assert!(parts.told().await.is_empty());
    stop.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_move_away_and_back_within_our_writes_second_is_the_managers_where_the_portal_is_right() {
    // Back to where we wrote it, or to another stage that means the same.
    for end in ["PREPARATION", "PREPAYMENT_INVOICE"] {
        let parts = Parts::with(Winner::Portal, &[("P", "PREPAYMENT_INVOICE")]).await;
        parts.post(1, "N").await;
        let (stop, task) = parts.work(None);
        parts
            .until("made", async |parts| {
                parts.stage() == "NEW" && parts.view().await.in_sync
            })
            .await;
        stop.cancel();
        task.await.unwrap().unwrap();
        parts.post(2, "P").await;
        let (portal, app) = (Arc::clone(&parts.portal), parts.app.clone());
        let done = Arc::new(AtomicBool::new(false));
        let crossing = CrashHook(Arc::new(move |point| {
            let here = point == CrashPoint::Called && !done.swap(true, SeqCst);
            let (portal, app) = (Arc::clone(&portal), app.clone());
            Box::pin(async move {
                if here {
                    assert!(portal.move_deal(1, "NEW") && portal.move_deal(1, end));
                    let mut event = event("e3", "A-1", 3);
                    event["data"]["status"] = Value::from("N");
                    let (shop, events) = (main_shop(), [event]);
                    let taken = app.intake.accept_events(Some(&shop), &events);
                    taken.await.unwrap();
                }
            })
        }));
        let (stop, task) = parts.work(Some(crossing));
        parts
            .until("the shop is told", async |parts| {
                !parts.told().await.is_empty()
            })
            .await;
        let view = parts.view().await;
        assert_eq!(parts.told().await, ["P"], "{end}: {view:#?}");
        assert_eq!(parts.stage(), end, "{view:#?}");
        stop.cancel();
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_worker_killed_around_its_write_loses_no_move_and_writes_once_more_at_most() {
    for at in [CrashPoint::Decided, CrashPoint::Called] {
        let parts = Parts::new(Winner::Portal).await;
        parts.post(1, "N").await;
        let (stop, task) = parts.work(None);
        parts
            .until("made", async |parts| {
                parts.stage() == "NEW" && parts.view().await.in_sync
            })
            .await;
        stop.cancel();
        task.await.unwrap().unwrap();
        let reached = Arc::new(AtomicBool::new(false));
        parts.post(2, "P").await;
        // `Called` is reached by the wave first if it has anything to send: here only the stage
        // changes.
        let (_stop, task) = parts.work(Some(hang(at, Arc::clone(&reached))));
        parts
            .until("stopped", async |_| reached.load(Ordering::SeqCst))
            .await;
        task.abort();
        assert!(parts.portal.move_deal(1, "NEW") || parts.stage() == "NEW");
        let (stop, task) = parts.work(None);
        parts
            .until("decided", async |parts| {
                parts.view().await.in_sync || !parts.told().await.is_empty()
            })
            .await;
        // Either the write was never made, and is; or it was, and the manager's move back after it
        // stands and is told.
        let (stage, told) = (parts.stage(), parts.told().await);
        match at {
            CrashPoint::Decided => assert_eq!((stage.as_str(), told.len()), ("PREPARATION", 0)),
            _ => assert_eq!((stage.as_str(), told), ("NEW", vec!["N".to_owned()])),
        }
        stop.cancel();
        task.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_looked_up_before_anything_else_is_decided() {
    let parts = Parts::new(Winner::Shop).await;
    parts.post(1, "N").await;
    let (stop, task) = parts.work(None);
    parts
        .until("made", async |parts| {
            parts.stage() == "NEW" && parts.view().await.in_sync
        })
        .await;
    parts
        .portal
        .fail_next(Fault::LostAnswer, 1, Some("crm.deal.update"));
    parts.post(2, "P").await;
    parts
        .until("agreed", async |parts| {
            parts.stage() == "PREPARATION" && parts.view().await.in_sync
        })
        .await;
    let updates = parts.portal.stats().methods["crm.deal.update"];
    assert_eq!(updates, 1, "{:#?}", parts.view().await.timeline);
    stop.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stage_of_ours_that_lands_late_is_no_managers_move() {
    let mut parts = Parts::new(Winner::Portal).await;
    parts.doubt = Duration::from_secs(4);
    parts.portal.set_faults(Faults {
        late_ms: 1_500,
        ..Faults::default()
    });
    parts.post(1, "N").await;
    let (stop, task) = parts.work(None);
    parts
        .until("made", async |parts| {
            parts.stage() == "NEW" && parts.view().await.in_sync
        })
        .await;
    parts
        .portal
        .fail_next(Fault::Late, 1, Some("crm.deal.update"));
    parts.post(2, "P").await;
    parts
        .until("agreed", async |parts| {
            parts.stage() == "PREPARATION" && parts.view().await.in_sync
        })
        .await;
    assert!(parts.told().await.is_empty());
    let updates = parts.portal.stats().methods["crm.deal.update"];
    assert_eq!(updates, 1, "{:#?}", parts.view().await.timeline);
    stop.cancel();
    task.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_stage_of_ours_that_lands_after_it_was_given_up_is_no_managers_move() {
    let parts = Parts::new(Winner::Portal).await;
    parts.portal.set_faults(Faults {
        late_ms: 4_000,
        ..Faults::default()
    });
    parts.post(1, "N").await;
    let (stop, task) = parts.work(None);
    let agreed = async |stage: &str| {
        parts
            .until(stage, async |parts| {
                parts.stage() == stage && parts.view().await.in_sync
            })
            .await;
    };
    agreed("NEW").await;
    parts
        .portal
        .fail_next(Fault::Late, 1, Some("crm.deal.update"));
    parts.post(2, "P").await;
    agreed("PREPARATION").await;
    parts.post(3, "N").await;
    agreed("NEW").await;
    parts
        .until("the lost stage landed and was known", async |parts| {
            let life = parts.view().await.timeline;
            life.iter().any(|line| line.text.contains("came late to"))
        })
        .await;
    agreed("NEW").await;
    assert!(parts.told().await.is_empty(), "{:?}", parts.told().await);
    stop.cancel();
    task.await.unwrap().unwrap();
}

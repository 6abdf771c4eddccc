//! What the bridge binds by itself, and the portal's queue of events.

use super::{Portal, main_portal};
use crate::support::database::Database;
use b24_bridge::{
    app::{
        self, Actor, App,
        portal_access::{InstallOutcome, PendingGrant},
    },
    clients::bitrix24::Priority,
    process::bug::{Step, Trap},
    storage::queue::{lanes, rate_permits},
    worker::portal_access::{self, AppPortal, CONNECTOR, OfflineEvent, Options, Store, judge_now},
};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio_util::sync::CancellationToken;

const OWNER: &str = "this-process";

fn options(portal: &Portal) -> Options {
    Options {
        owner: OWNER.to_owned(),
        poll: Duration::from_millis(20),
        drain: Duration::from_millis(50),
        public_url: Some(portal.letterbox.uri()),
        ..Options::default()
    }
}

/// Looks after the application while this process drives the lane.
async fn start(
    db: &Database,
    app: &App,
    reached: &AppPortal,
    options: Options,
) -> CancellationToken {
    let mut row = db.pool.acquire().await.unwrap();
    lanes::acquire(&mut row, "main", OWNER, 600.0)
        .await
        .unwrap();
    look_after(app, reached, options)
}

/// Looks after the application.
fn look_after(app: &App, reached: &AppPortal, options: Options) -> CancellationToken {
    let stop = CancellationToken::new();
    tokio::spawn(portal_access::run(
        app.clone(),
        vec![reached.clone()],
        options,
        stop.clone(),
    ));
    stop
}

async fn ask(reached: &AppPortal, method: &str, params: Value) -> Value {
    let answer = reached.client.call(method, &params, Priority::Live).await;
    answer.unwrap().result
}

/// What is bound, once it is at least so much.
async fn bound(reached: &AppPortal, least: usize) -> Vec<Value> {
    for _ in 0..500 {
        let list = ask(reached, "event.get", json!({})).await;
        let list = list.as_array().unwrap().clone();
        if list.len() >= least {
            return list;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing is bound");
}

#[tokio::test]
async fn events_are_bound_once_and_bring_moves_between_funnels() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let (app, reached) = portal.installed(&db).await;
    let stop = start(&db, &app, &reached, options(&portal)).await;
    let list = bound(&reached, 5).await;
    let handler = format!("{}/webhooks/bitrix24/main", portal.letterbox.uri());
    assert!(list.iter().all(|row| row["handler"] == handler.as_str()));
    let has = |event: &str| list.iter().any(|row| row["event"] == event);
    for event in [
        "ONCRMDEALADD",
        "ONCRMDEALUPDATE",
        "ONCRMDEALDELETE",
        "ONCRMDEALMOVETOCATEGORY",
    ] {
        assert!(has(event), "{event}");
    }
    assert!(!has("ONCRMLEADADD"), "no shop writes leads");
    stop.cancel();
    let again = start(&db, &app, &reached, options(&portal)).await;
    let deal = ask(&reached, "crm.deal.add", json!({"fields": {"TITLE": "x"}})).await;
    let told = portal.letter("ONCRMDEALADD").await;
    assert!(told.contains(&("data[FIELDS][ID]".to_owned(), deal.to_string())));
    assert_eq!(bound(&reached, 5).await.len(), 5);
    again.cancel();
}

#[tokio::test]
async fn after_an_authorisation_the_portal_tells_the_token_of_its_notifications_itself() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let app = portal.app(&db);
    let reached = portal.reached(&app);
    let begun = app
        .portal_access
        .begin_authorisation(&main_portal(), &Actor::new("cli"))
        .await
        .unwrap();
    let (code, _) = super::in_the_browser(&begun.unwrap().address).await;
    let offer = PendingGrant::Code {
        code,
        by_hand: true,
    };
    app.portal_access
        .offer(&main_portal(), &offer)
        .await
        .unwrap();
    assert!(judge_now(&app, &reached).await.unwrap());
    let knows = async || {
        let token = "local.1-application-token";
        let known = app
            .portal_access
            .knows_application_token(&main_portal(), token)
            .await;
        known.unwrap()
    };
    assert!(!knows().await);
    let stop = start(&db, &app, &reached, options(&portal)).await;
    let told = portal.letter("ONAPPTEST").await;
    let forged = super::with(&told, "data[QUERY][probe]", "invented");
    let learnt = app
        .portal_access
        .learn_application_token(&main_portal(), &forged)
        .await;
    assert!(!learnt.unwrap(), "a stranger taught a token");
    let learnt = app
        .portal_access
        .learn_application_token(&main_portal(), &told)
        .await;
    assert!(learnt.unwrap());
    assert!(knows().await);
    let learnt = app
        .portal_access
        .learn_application_token(&main_portal(), &told)
        .await;
    assert!(!learnt.unwrap(), "a secret served twice");
    stop.cancel();
}

#[tokio::test]
async fn an_application_that_was_made_anew_tells_its_new_token() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let (app, reached) = portal.installed(&db).await;
    sqlx::query("UPDATE bridge.tokens SET application_token = 'of the one before'")
        .execute(&db.pool)
        .await
        .unwrap();
    let stop = start(&db, &app, &reached, options(&portal)).await;
    let told = portal.letter("ONAPPTEST").await;
    let learnt = app
        .portal_access
        .learn_application_token(&main_portal(), &told)
        .await;
    assert!(learnt.unwrap());
    let token = "local.1-application-token";
    let known = app
        .portal_access
        .knows_application_token(&main_portal(), token)
        .await;
    assert!(known.unwrap());
    stop.cancel();
}

#[tokio::test]
async fn what_strangers_offer_costs_the_portal_next_to_nothing() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let app = portal.app(&db);
    let reached = portal.reached(&app);
    let genuine = portal.installs(super::CLIENT).await;
    forge(&app, &genuine, 10).await;
    let stop = look_after(&app, &reached, options(&portal));
    let refused = async || -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM bridge.grants WHERE refused IS NOT NULL")
            .fetch_one(&db.pool)
            .await
            .unwrap()
    };
    for _ in 0..500 {
        if refused().await == 10 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(refused().await, 10);
    assert_eq!(portal.sandbox.calls().len(), 0);
    // Where they come one by one the portal is asked a few times, then no more.
    for _ in 0..10 {
        let before = refused().await;
        forge(&app, &genuine, 1).await;
        while refused().await == before {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
    assert!(portal.sandbox.calls().len() <= 3);
    stop.cancel();
}

/// Tells of installations that never were.
async fn forge(app: &app::App, genuine: &[app::portal_access::Field], many: usize) {
    for nth in 0..many {
        let invented = super::with(genuine, "auth[access_token]", &format!("invented-{nth}"));
        let invented = super::with(&invented, "auth[refresh_token]", &format!("forged-{nth}"));
        let taken = app
            .portal_access
            .install_app(&main_portal(), &invented)
            .await;
        assert!(matches!(taken.unwrap(), InstallOutcome::Waits(_)));
    }
}

#[tokio::test]
async fn the_genuine_installation_is_let_in_within_ten_seconds_beside_a_thousand_forged_ones() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let app = portal.app(&db);
    let reached = portal.reached(&app);
    let genuine = portal.installs(super::CLIENT).await;
    forge(&app, &genuine, 500).await;
    let taken = app
        .portal_access
        .install_app(&main_portal(), &genuine)
        .await
        .unwrap();
    let InstallOutcome::Waits(id) = taken else {
        panic!("{taken:?}")
    };
    forge(&app, &genuine, 500).await;
    let began = tokio::time::Instant::now();
    let stop = look_after(&app, &reached, options(&portal));
    let outcome = loop {
        if let Some(outcome) = app.portal_access.outcome_of_offer(id).await.unwrap() {
            break outcome;
        }
        assert!(began.elapsed() < Duration::from_secs(10), "it still waits");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(outcome, None);
    assert!(super::works(&reached).await);
    // Strangers cost the portal nothing.
    let calls = portal.sandbox.calls();
    assert!(calls.len() <= 20, "{}", calls.len());
    stop.cancel();
}

#[tokio::test]
async fn the_calls_that_judge_an_installation_are_counted_by_whoever_drives_the_lane() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let app = portal.app(&db);
    let reached = portal.reached(&app);
    let mut row = db.pool.acquire().await.unwrap();
    let lease = lanes::acquire(&mut row, "main", OWNER, 600.0).await;
    let lease = lease.unwrap().expect("nobody else drives it");
    let fields = portal.installs(super::CLIENT).await;
    let taken = app
        .portal_access
        .install_app(&main_portal(), &fields)
        .await
        .unwrap();
    assert!(matches!(taken, InstallOutcome::Waits(_)));
    let (judge, reached_too) = (app.clone(), reached.clone());
    let judging = tokio::spawn(async move { judge_now(&judge, &reached_too).await });
    let mut granted = 0;
    while !judging.is_finished() {
        if let Some(id) = rate_permits::next(&mut row, "main", 60.0).await.unwrap() {
            assert!(portal.sandbox.calls().len() <= granted, "it did not wait");
            granted += 1;
            rate_permits::grant(&mut row, &lease, id, 0.0)
                .await
                .unwrap();
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert!(judging.await.unwrap().unwrap());
    // Two questions: whose tokens these are, and whether an administrator gave them.
    assert_eq!(portal.sandbox.calls().len(), 2);
    assert!(granted >= 2, "{granted}");
}

#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Vec<OfflineEvent>>>);

impl Shelf {
    /// Stores; fails so many times first.
    fn store(&self, failures: usize) -> Store {
        let (shelf, left) = (self.clone(), Arc::new(Mutex::new(failures)));
        Store(Arc::new(move |_, items| {
            let (shelf, left) = (shelf.clone(), Arc::clone(&left));
            Box::pin(async move {
                let mut left = left.lock().unwrap();
                if *left > 0 {
                    *left -= 1;
                    return Err(app::Error::NotFound);
                }
                shelf.0.lock().unwrap().extend(items);
                Ok(())
            })
        }))
    }

    async fn holds(&self, event: &str, id: u64) {
        for _ in 0..500 {
            let found = |one: &OfflineEvent| one.event == event && one.id == Some(id);
            if self.0.lock().unwrap().iter().any(found) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{event} of {id} was not stored");
    }
}

async fn with_queue() -> Portal {
    Portal::with(|options| b24_bridge::sandbox::Options {
        auth_connector: true,
        ..options
    })
    .await
}

/// Waits until the queue is empty.
async fn emptied(reached: &AppPortal) {
    for _ in 0..500 {
        let params = json!({"auth_connector": CONNECTOR});
        let list = ask(reached, "event.offline.list", params).await;
        if list.as_array().unwrap().is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the queue is not cleared");
}

#[tokio::test]
async fn a_panic_while_an_application_is_looked_after_is_told_and_the_next_round_goes_on() {
    let (portal, db) = (with_queue().await, Database::new().await);
    let (app, reached) = portal.installed(&db).await;
    let shelf = Shelf::default();
    let (store, left) = (shelf.store(0), AtomicUsize::new(2));
    let breaks = move |portal, items| {
        let left = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        assert!(left.is_err(), "the keeper breaks");
        (store.0)(portal, items)
    };
    let kept = Options {
        store: Some(Store(Arc::new(breaks))),
        ..options(&portal)
    };
    let mut row = db.pool.acquire().await.unwrap();
    lanes::acquire(&mut row, "main", OWNER, 600.0)
        .await
        .unwrap();
    let stop = CancellationToken::new();
    let all = vec![reached.clone()];
    let keeping = tokio::spawn(portal_access::run(app, all, kept, stop.clone()));
    bound(&reached, 9).await;
    let deal = ask(&reached, "crm.deal.add", json!({"fields": {"TITLE": "x"}})).await;
    shelf.holds("ONCRMDEALADD", deal.as_u64().unwrap()).await;
    emptied(&reached).await;
    let told = "SELECT message FROM bridge.troubles WHERE lane = ':application:main' AND code = 'BRIDGE-STUCK'";
    let told: String = sqlx::query_scalar(told).fetch_one(&db.pool).await.unwrap();
    assert!(told.contains("the keeper breaks"), "{told}");
    stop.cancel();
    keeping.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_panic_over_one_installation_holds_up_no_other() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let app = portal.app(&db);
    let reached = portal.reached(&app);
    let genuine = portal.installs(super::CLIENT).await;
    let invented = super::with(&genuine, "auth[access_token]", "invented");
    let mut ids = Vec::new();
    for fields in [&invented, &genuine] {
        match app
            .portal_access
            .install_app(&main_portal(), fields)
            .await
            .unwrap()
        {
            InstallOutcome::Waits(id) => ids.push(id),
            other => panic!("{other:?}"),
        }
    }
    let bad = ids[0].to_string();
    app.set_trap(Trap(Arc::new(move |at, with| {
        assert!(at != Step::Judge || with != bad, "trapped at {at:?}");
    })));
    let stop = look_after(&app, &reached, options(&portal));
    let began = tokio::time::Instant::now();
    while app
        .portal_access
        .outcome_of_offer(ids[1])
        .await
        .unwrap()
        .is_none()
    {
        assert!(began.elapsed() < Duration::from_secs(10), "it still waits");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(super::works(&reached).await);
    assert_eq!(
        app.portal_access.outcome_of_offer(ids[0]).await.unwrap(),
        None
    );
    stop.cancel();
}

#[tokio::test]
async fn the_queue_is_cleared_only_after_its_rows_are_stored() {
    let (portal, db) = (with_queue().await, Database::new().await);
    let (app, reached) = portal.installed(&db).await;
    let shelf = Shelf::default();
    let kept = Options {
        store: Some(shelf.store(2)),
        ..options(&portal)
    };
    let stop = start(&db, &app, &reached, kept).await;
    bound(&reached, 9).await;
    let deal = ask(&reached, "crm.deal.add", json!({"fields": {"TITLE": "x"}})).await;
    let id = deal.as_u64().unwrap();
    shelf.holds("ONCRMDEALADD", id).await;
    emptied(&reached).await;
    assert!(portal.sandbox.move_deal(id, "EXECUTING"));
    shelf.holds("ONCRMDEALUPDATE", id).await;
    emptied(&reached).await;
    stop.cancel();
}

#[tokio::test]
async fn rows_that_a_dead_process_reserved_are_read_again() {
    let (portal, db) = (with_queue().await, Database::new().await);
    let (app, reached) = portal.installed(&db).await;
    let bind =
        json!({"event": "ONCRMDEALADD", "event_type": "offline", "auth_connector": CONNECTOR});
    ask(&reached, "event.bind", bind).await;
    let deal = ask(&reached, "crm.deal.add", json!({"fields": {"TITLE": "x"}})).await;
    let taken = json!({"auth_connector": CONNECTOR, "clear": 0});
    let packet = ask(&reached, "event.offline.get", taken).await;
    assert_eq!(packet["events"].as_array().unwrap().len(), 1);
    let shelf = Shelf::default();
    let kept = Options {
        store: Some(shelf.store(0)),
        ..options(&portal)
    };
    let stop = start(&db, &app, &reached, kept).await;
    shelf.holds("ONCRMDEALADD", deal.as_u64().unwrap()).await;
    emptied(&reached).await;
    stop.cancel();
}

#[tokio::test]
async fn the_queue_feeds_the_inbox() {
    let (portal, db) = (with_queue().await, Database::new().await);
    let (app, reached) = portal.installed(&db).await;
    let kept = Options {
        store: Some(Store::inbox(&app)),
        ..options(&portal)
    };
    let stop = start(&db, &app, &reached, kept).await;
    bound(&reached, 9).await;
    ask(&reached, "crm.deal.add", json!({"fields": {"TITLE": "x"}})).await;
    for _ in 0..500 {
        let found: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM bridge.inbox WHERE portal = 'main' AND event = 'ONCRMDEALADD' AND deal_id IS NOT NULL AND state = 'new'",
        )
        .fetch_one(&db.pool)
        .await
        .unwrap();
        if found == 1 {
            stop.cancel();
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing came into the inbox");
}

#[tokio::test]
async fn a_paused_portal_is_left_alone() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let (app, reached) = portal.installed(&db).await;
    let who = app::Actor::new("operator:anna");
    app.operations
        .pause_lane(main_portal().as_str(), &who)
        .await
        .unwrap();
    let calls = portal.sandbox.calls().len();
    let stop = start(&db, &app, &reached, options(&portal)).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(portal.sandbox.calls().len(), calls);
    app.operations
        .resume_lane(main_portal().as_str(), &who)
        .await
        .unwrap();
    bound(&reached, 5).await;
    stop.cancel();
}

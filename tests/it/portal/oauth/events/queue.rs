//! The queue of the portal, read by the application; and what goes wrong beside it.

use super::{OWNER, ask, bound, look_after, options, start};
use crate::portal::oauth::{Portal, main_portal};
use crate::support::database::Database;
use b24_bridge::{
    app::{self, portal_access::InstallOutcome},
    process::bug::{Step, Trap},
    storage::queue::lanes,
    worker::portal_access::{self, AppPortal, CONNECTOR, OfflineEvent, Options, Store},
};
use serde_json::json;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio_util::sync::CancellationToken;

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
    let taken = lanes::acquire(&mut row, (&["main".to_owned()], 1), OWNER, 600.0).await;
    assert_eq!(taken.unwrap().len(), 1);
    let stop = CancellationToken::new();
    let all = vec![reached.clone()];
    let keeping = tokio::spawn(portal_access::run(app, all, kept, stop.clone()));
    bound(&reached, 11).await;
    let deal = ask(&reached, "crm.deal.add", json!({"fields": {"TITLE": "x"}})).await;
    shelf.holds("ONCRMDEALADD", deal.as_u64().unwrap()).await;
    emptied(&reached).await;
    let told = "SELECT message FROM bridge.troubles WHERE lane = ':application:main' AND code = \
                'BRIDGE-STUCK'";
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
    let genuine = portal.installs(crate::portal::oauth::CLIENT).await;
    let invented = crate::portal::oauth::with(&genuine, "auth[access_token]", "invented");
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
    assert!(crate::portal::oauth::works(&reached).await);
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
    bound(&reached, 11).await;
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
        store: Some(Store::inbox(&app.sync)),
        ..options(&portal)
    };
    let stop = start(&db, &app, &reached, kept).await;
    bound(&reached, 11).await;
    ask(&reached, "crm.deal.add", json!({"fields": {"TITLE": "x"}})).await;
    for _ in 0..500 {
        let found: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM bridge.inbox WHERE portal = 'main' AND event = 'ONCRMDEALADD' \
             AND deal_id IS NOT NULL AND state = 'new'",
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
    bound(&reached, 7).await;
    stop.cancel();
}

#[derive(Clone, Default)]
struct Shelf(Arc<Mutex<Vec<OfflineEvent>>>);

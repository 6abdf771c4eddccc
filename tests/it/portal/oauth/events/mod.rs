//! What the bridge binds by itself, and the portal's queue of events.

mod queue;

use super::{Portal, main_portal};
use crate::support::database::Database;
use b24_bridge::{
    app::{
        self, Actor, App,
        portal_access::{AppEvent, Field, InstallOutcome, PendingGrant},
    },
    clients::bitrix24::Priority,
    storage::queue::{lanes, rate_permits},
    worker::portal_access::{self, AppPortal, Options, judge_now},
};
use serde_json::{Value, json};
use std::time::Duration;
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
    let taken = lanes::acquire(&mut row, (&["main".to_owned()], 1), OWNER, 600.0).await;
    assert_eq!(taken.unwrap().len(), 1);
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
    let list = bound(&reached, 7).await;
    let handler = format!("{}/webhooks/bitrix24/main", portal.letterbox.uri());
    assert!(list.iter().all(|row| row["handler"] == handler.as_str()));
    let has = |event: &str| list.iter().any(|row| row["event"] == event);
    for event in [
        "ONCRMDEALADD",
        "ONCRMDEALUPDATE",
        "ONCRMDEALDELETE",
        "ONCRMDEALMOVETOCATEGORY",
        "ONAPPUPDATE",
        "ONAPPUNINSTALL",
    ] {
        assert!(has(event), "{event}");
    }
    assert!(!has("ONCRMLEADADD"), "no shop writes leads");
    stop.cancel();
    let again = start(&db, &app, &reached, options(&portal)).await;
    let deal = ask(&reached, "crm.deal.add", json!({"fields": {"TITLE": "x"}})).await;
    let told = portal.letter("ONCRMDEALADD").await;
    assert!(told.contains(&("data[FIELDS][ID]".to_owned(), deal.to_string())));
    assert_eq!(bound(&reached, 7).await.len(), 7);
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
    let (code, _) = super::browser::in_the_browser(&begun.unwrap().address).await;
    let offer = PendingGrant::Code {
        code,
        by_hand: true,
    };
    app.portal_access
        .offer(&main_portal(), &offer)
        .await
        .unwrap();
    assert!(judge_now(&app.portal_access, &reached).await.unwrap());
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

/// What a hint of a new version comes to.
async fn tell_update(app: &App, fields: &[Field]) -> Option<AppEvent> {
    app.portal_access
        .application_event(&main_portal(), &super::as_read(fields))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_new_version_of_the_application_is_heard_again_at_once() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let (app, reached) = portal.installed(&db).await;
    sqlx::query("UPDATE bridge.tokens SET installed_at = now() - interval '1 hour'")
        .execute(&db.pool)
        .await
        .unwrap();
    let stop = start(&db, &app, &reached, options(&portal)).await;
    bound(&reached, 7).await;
    portal.letter("ONAPPTEST").await;
    portal.letterbox.reset().await;
    portal.sandbox.update_app(super::CLIENT, "another-token");
    let left = ask(&reached, "event.get", json!({})).await;
    assert_eq!(left.as_array().map(Vec::len), Some(0));
    let told = portal.letter("ONAPPUPDATE").await;
    let foreign = super::with(&told, "auth[member_id]", "0123456789");
    assert_eq!(tell_update(&app, &foreign).await, Some(AppEvent::Refused));
    assert_eq!(tell_update(&app, &told).await, Some(AppEvent::Taken));
    bound(&reached, 7).await;
    let probe = portal.letter("ONAPPTEST").await;
    let learnt = app
        .portal_access
        .learn_application_token(&main_portal(), &probe)
        .await;
    assert!(learnt.unwrap());
    let known = app
        .portal_access
        .knows_application_token(&main_portal(), "another-token")
        .await;
    assert!(known.unwrap());
    stop.cancel();
}

#[tokio::test]
async fn a_stranger_has_the_portal_asked_for_its_handlers_once_in_five_minutes_at_most() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let (app, reached) = portal.installed(&db).await;
    let stop = start(&db, &app, &reached, options(&portal)).await;
    bound(&reached, 7).await;
    portal.sandbox.update_app(super::CLIENT, "another-token");
    let told = portal.letter("ONAPPUPDATE").await;
    assert_eq!(tell_update(&app, &told).await, Some(AppEvent::Refused));
    let known = super::with(
        &told,
        "auth[application_token]",
        "local.1-application-token",
    );
    assert_eq!(tell_update(&app, &known).await, Some(AppEvent::Taken));
    bound(&reached, 7).await;
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
    let lease = lanes::acquire(&mut row, (&["main".to_owned()], 1), OWNER, 600.0).await;
    let lease = lease.unwrap().pop().expect("nobody else drives it");
    let fields = portal.installs(super::CLIENT).await;
    let taken = app
        .portal_access
        .install_app(&main_portal(), &fields)
        .await
        .unwrap();
    assert!(matches!(taken, InstallOutcome::Waits(_)));
    let (judge, reached_too) = (app.clone(), reached.clone());
    let judging = tokio::spawn(async move { judge_now(&judge.portal_access, &reached_too).await });
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

#[tokio::test]
async fn how_portals_stand_is_read_for_all_together_and_again_when_it_is_old() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let app = portal.app(&db);
    let state = async |owner: &str, age| {
        let access = &app.portal_access;
        access.state(&main_portal(), owner, age).await.unwrap()
    };
    let (now, hour) = (Duration::ZERO, Duration::from_hours(1));
    let first = state(OWNER, now).await.unwrap();
    assert!(!first.offers && !first.driven && first.installed_at.is_none());
    let mut row = db.pool.acquire().await.unwrap();
    let lane = ["main".to_owned()];
    lanes::acquire(&mut row, (&lane, 1), OWNER, 600.0)
        .await
        .unwrap();
    let grant = "INSERT INTO bridge.grants (portal, sealed) VALUES ('main', '\\x00')";
    sqlx::query(grant).execute(&mut *row).await.unwrap();
    assert_eq!(state(OWNER, hour).await, Some(first));
    app.portal_access.forget_states().await;
    let changed = state(OWNER, hour).await.unwrap();
    assert!(changed.offers && changed.driven);
    assert!(!state("another", now).await.unwrap().driven);
    let paused = "UPDATE bridge.lanes SET paused_at = now()";
    sqlx::query(paused).execute(&mut *row).await.unwrap();
    assert!(!state(OWNER, now).await.unwrap().driven);
}

//! Renewing tokens: once for all, stored before use, and what a refusal does.

use super::{CLIENT, Portal, main_portal, works};
use crate::support::connections;
use crate::support::{database::Database, shop};
use b24_bridge::{
    app::{App, LaneState, portal_access::InstallOutcome},
    clients::bitrix24::{Class, Client, Credentials, OAuth, OAuthApp, Options, Priority},
    storage::access::tokens,
    worker::{self, portal_access::judge_now},
};
use secrecy::ExposeSecret;
use serde_json::json;
use std::{collections::BTreeMap, time::Duration};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

async fn version(app: &App) -> i64 {
    let tokens = app.portal_access.tokens(&main_portal()).await.unwrap();
    tokens.unwrap().version
}

#[tokio::test]
async fn many_callers_of_two_processes_renew_an_expired_token_once() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let (app, one) = portal.installed(&db).await;
    let other = portal.reached(&portal.app(&db));
    assert!(works(&one).await && works(&other).await);
    assert_eq!(version(&app).await, 1);
    for round in 2..5 {
        portal.sandbox.expire_tokens();
        let calls: Vec<_> = (0..40)
            .map(|at| {
                if at % 2 == 0 {
                    one.clone()
                } else {
                    other.clone()
                }
            })
            .map(|reached| tokio::spawn(async move { works(&reached).await }))
            .collect();
        for call in calls {
            assert!(call.await.unwrap());
        }
        assert_eq!(version(&app).await, round);
    }
}

#[tokio::test]
async fn a_caller_that_is_dropped_loses_no_tokens() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let (app, reached) = portal.installed(&db).await;
    assert!(works(&reached).await);
    portal.sandbox.expire_tokens();
    // Dropped at every moment of a renewal, the first of which is before it began.
    for step in 0..30 {
        let call = works(&reached);
        let _ = tokio::time::timeout(Duration::from_millis(step), call).await;
    }
    assert!(works(&reached).await);
    assert_eq!(version(&app).await, 2);
}

#[tokio::test]
async fn one_who_died_before_he_renewed_is_waited_for_and_then_replaced() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let (app, reached) = portal.installed(&db).await;
    let mut row = db.pool.acquire().await.unwrap();
    assert!(
        tokens::claim(&mut row, "main", 1, Uuid::now_v7(), 0.5)
            .await
            .unwrap()
    );
    portal.sandbox.expire_tokens();
    assert!(works(&reached).await);
    assert_eq!(version(&app).await, 2);
}

#[tokio::test]
async fn one_who_died_between_the_renewal_and_its_storing_leaves_a_refusal_that_is_asked_once() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let (app, reached) = portal.installed(&db).await;
    let before = app
        .portal_access
        .tokens(&main_portal())
        .await
        .unwrap()
        .unwrap();
    // The refresh token is used up, and what it was exchanged for is lost.
    portal.server().renew(&before.refresh).await.unwrap();
    portal.sandbox.expire_tokens();
    for _ in 0..2 {
        let failed = reached
            .client
            .call("server.time", &json!({}), Priority::Live)
            .await
            .unwrap_err();
        assert_eq!(failed.class(), Class::TokenExpired);
        assert!(failed.to_string().contains("invalid_grant"), "{failed}");
    }
    let now = app
        .portal_access
        .tokens(&main_portal())
        .await
        .unwrap()
        .unwrap();
    assert!(now.refused.is_some());
    assert_eq!(now.version, before.version);
}

#[tokio::test]
async fn an_authorisation_server_that_is_away_is_asked_again() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let (app, _) = portal.installed(&db).await;
    let away = wiremock::MockServer::start().await;
    wiremock::Mock::given(wiremock::matchers::any())
        .respond_with(wiremock::ResponseTemplate::new(502))
        .mount(&away)
        .await;
    let elsewhere = OAuthApp {
        token_url: away.uri().parse().unwrap(),
        ..portal.server().app().clone()
    };
    let server = OAuth::new(elsewhere, &connections());
    let source =
        worker::portal_access::StoredTokens::new(&app.portal_access, main_portal(), server);
    let credentials = Credentials::App(std::sync::Arc::new(source));
    let client = Client::new(credentials, &connections(), &Options::default());
    portal.sandbox.expire_tokens();
    let failed = client
        .call("server.time", &json!({}), Priority::Live)
        .await
        .unwrap_err();
    assert_eq!(failed.class(), Class::Down);
    assert!(works(&portal.reached(&app)).await);
}

#[tokio::test]
async fn a_server_that_gives_no_other_refresh_token_leaves_the_old_one() {
    let server = wiremock::MockServer::start().await;
    let answer = json!({"access_token": "fresh", "expires_in": "3600", "scope": null});
    wiremock::Mock::given(wiremock::matchers::any())
        .respond_with(wiremock::ResponseTemplate::new(200).set_body_json(answer))
        .mount(&server)
        .await;
    let application = OAuthApp {
        client_id: CLIENT.to_owned(),
        client_secret: "x".into(),
        token_url: server.uri().parse().unwrap(),
    };
    let oauth = OAuth::new(application, &connections());
    let granted = oauth.renew(&"old".into()).await.unwrap();
    assert_eq!(granted.access.expose_secret(), "fresh");
    assert_eq!(granted.refresh.expose_secret(), "old");
    assert!(oauth.exchange(&"code".into()).await.is_err());
}

async fn until(app: &App, what: &str, wanted: impl Fn(&LaneState) -> bool) {
    for _ in 0..1_000 {
        let status = app.operations.status().await.unwrap();
        if wanted(&status.portals[0].state) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!(
        "{what}: {:?}",
        app.operations.status().await.unwrap().portals
    );
}

#[tokio::test]
async fn a_refused_renewal_pauses_the_portal_and_a_new_installation_lets_it_go_on() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let (app, reached) = portal.installed(&db).await;
    let before = app
        .portal_access
        .tokens(&main_portal())
        .await
        .unwrap()
        .unwrap();
    portal.server().renew(&before.refresh).await.unwrap();
    portal.sandbox.expire_tokens();
    let stop = CancellationToken::new();
    let options = worker::Settings {
        poll: Duration::from_millis(50),
        ..worker::Settings::default()
    };
    let lanes = worker::Lanes::of(BTreeMap::from([(main_portal(), reached.client.clone())]));
    let lanes = tokio::spawn(worker::run(app.clone(), lanes, options, stop.clone()));
    app.intake
        .accept_events(Some(&shop::main_shop()), &[shop::event("e1", "A-1", 1)])
        .await
        .unwrap();
    until(&app, "the lane does not pause", |state| {
        *state == LaneState::Waiting
    })
    .await;
    assert_eq!(portal.sandbox.deals().len(), 0);
    let code: Option<String> = sqlx::query_scalar("SELECT paused_code FROM bridge.lanes")
        .fetch_one(&db.pool)
        .await
        .unwrap();
    assert_eq!(code.as_deref(), Some("B24-TOKEN"));
    let fields = portal.installs(CLIENT).await;
    let taken = app
        .portal_access
        .install_app(&main_portal(), &fields)
        .await
        .unwrap();
    assert!(matches!(taken, InstallOutcome::Waits(_)));
    assert!(judge_now(&app.portal_access, &reached).await.unwrap());
    for _ in 0..1_000 {
        if portal.sandbox.deals().len() == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(portal.sandbox.deals().len(), 1);
    stop.cancel();
    lanes.await.unwrap().unwrap();
}

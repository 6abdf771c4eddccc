//! An authorisation by the browser.

use super::{CLIENT, KEY, Portal, main_portal, refused, works};
use crate::support::{database::Database, shop};
use b24_bridge::{
    app::{
        Actor,
        portal_access::{
            Application, Applications, AuthorizationStart, CallbackOutcome, PendingGrant, Vault,
        },
    },
    worker::portal_access::judge_now,
};
use serde_json::json;
use std::collections::BTreeMap;
use url::Url;
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

#[tokio::test]
async fn an_authorisation_in_the_browser_lets_the_bridge_in_once() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let app = portal.app(&db);
    let reached = portal.reached(&app);
    let begun = app
        .portal_access
        .begin_authorisation(&main_portal(), &Actor::new("cli"))
        .await
        .unwrap();
    let AuthorizationStart { address, state } = begun.unwrap();
    let (code, came_back) = in_the_browser(&address).await;
    assert_eq!(came_back, state);
    let back = |state: String| {
        let (app, code) = (app.clone(), code.clone());
        async move {
            let portal = main_portal();
            let done = app
                .portal_access
                .authorisation_came_back(&portal, &code, &state)
                .await;
            done.unwrap()
        }
    };
    assert_eq!(back("invented".to_owned()).await, CallbackOutcome::Unknown);
    let CallbackOutcome::Waits(id) = back(state.clone()).await else {
        panic!("the state is not known")
    };
    assert_eq!(
        back(state.clone()).await,
        CallbackOutcome::Unknown,
        "a second time"
    );
    assert_eq!(
        app.portal_access.offer_of_state(&state).await.unwrap(),
        Some(id)
    );
    assert!(judge_now(&app.portal_access, &reached).await.unwrap());
    assert_eq!(
        app.portal_access.outcome_of_offer(id).await.unwrap(),
        Some(None)
    );
    assert!(works(&reached).await);
}

#[tokio::test]
async fn a_code_that_is_not_valid_is_refused_in_the_servers_words() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let app = portal.app(&db);
    let reached = portal.reached(&app);
    let offer = PendingGrant::Code {
        code: "invented".to_owned(),
        by_hand: true,
    };
    let id = app
        .portal_access
        .offer(&main_portal(), &offer)
        .await
        .unwrap()
        .unwrap();
    judge_now(&app.portal_access, &reached).await.unwrap();
    let words = app
        .portal_access
        .outcome_of_offer(id)
        .await
        .unwrap()
        .unwrap()
        .unwrap();
    assert!(words.contains("invalid_grant"), "{words}");
}

#[tokio::test]
async fn whoever_is_no_administrator_installs_nothing() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let fields = portal.installs(CLIENT).await;
    let modest = MockServer::start().await;
    for (method, result) in [
        ("app.info", json!({"CODE": CLIENT})),
        ("profile", json!({"ID": "5", "ADMIN": false})),
    ] {
        Mock::given(matchers::path(format!("/rest/{method}")))
            .respond_with(ResponseTemplate::new(200).set_body_json(json!({"result": result})))
            .mount(&modest)
            .await;
    }
    let application = Application {
        client_id: CLIENT.to_owned(),
        portal_url: format!("{}/", modest.uri()),
        host: "127.0.0.1".to_owned(),
        member_id: None,
    };
    let app = shop::app(&db.pool, &["main"]).with_applications(Applications {
        vault: Vault::new([&KEY]),
        portals: BTreeMap::from([(main_portal(), application)]),
    });
    let reached = portal.reached(&app);
    let words = refused(&app, &reached, &fields).await;
    assert!(words.contains("no administrator"), "{words}");
}

/// Opens the portal's page as the administrator; the code and the state that come back.
pub(super) async fn in_the_browser(address: &str) -> (String, String) {
    crate::support::provider();
    let browser = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let answer = browser.get(address).send().await.unwrap();
    let to = Url::parse(answer.headers()["location"].to_str().unwrap()).unwrap();
    let query: BTreeMap<_, _> = to.query_pairs().into_owned().collect();
    (query["code"].clone(), query["state"].clone())
}

//! Notifications, online and offline.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use b24_bridge::sandbox::{Delivery, LocalApp, Options, Plan};
use serde_json::{Value, json};

use super::{Desk, desk_with, until};

type Heard = Arc<Mutex<Vec<BTreeMap<String, String>>>>;

/// A handler that remembers what it was told.
async fn ear() -> (String, Heard) {
    let heard = Heard::default();
    let take = async |State(heard): State<Heard>, body: String| {
        let pairs = url::form_urlencoded::parse(body.as_bytes()).into_owned();
        heard.lock().unwrap().push(pairs.collect());
    };
    let app = Router::new()
        .route("/", post(take))
        .with_state(Arc::clone(&heard));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await });
    (url, heard)
}

fn count(heard: &Heard, event: &str) -> usize {
    heard
        .lock()
        .unwrap()
        .iter()
        .filter(|m| m["event"] == event)
        .count()
}

async fn app_call(desk: &Desk, token: &str, method: &str, mut body: Value) -> Value {
    body["auth"] = token.into();
    let url = format!("http://{}/rest/{method}", desk.portal.addr());
    desk.client
        .post(url)
        .json(&body)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap()
}

/// Installs the application of a portal and returns its access token.
async fn install(desk: &Desk, heard: &Heard) -> String {
    assert!(desk.portal.install_app("app.1"));
    until("the installation", || count(heard, "ONAPPINSTALL") == 1).await;
    let mut heard = heard.lock().unwrap();
    let message = heard.pop().unwrap();
    assert!(message.contains_key("auth[refresh_token]"));
    message["auth[access_token]"].clone()
}

async fn with_app(install_url: &str) -> Desk {
    let app = LocalApp {
        install_url: Some(install_url.to_owned()),
        ..LocalApp::new("app.1", "s")
    };
    desk_with(Options::default().plan(Plan::Unlimited).app(app)).await
}

#[tokio::test]
async fn an_outgoing_webhook_hears_ids_and_its_token() {
    let (url, heard) = ear().await;
    let desk = desk_with(Options::default().outgoing_webhook(&url, "t0ken")).await;
    let id = desk.deal(json!({"TITLE": "x"})).await;
    until("the message", || count(&heard, "ONCRMDEALADD") == 1).await;
    let message = heard.lock().unwrap()[0].clone();
    assert_eq!(message["data[FIELDS][ID]"], id.to_string());
    assert_eq!(message["auth[application_token]"], "t0ken");
    assert_eq!(message["auth[domain]"], desk.portal.addr().to_string());
    for key in [
        "ts",
        "event_handler_id",
        "auth[member_id]",
        "auth[client_endpoint]",
    ] {
        assert!(!message[key].is_empty(), "{key}");
    }
    assert!(!message.contains_key("auth[access_token]"));
    assert!(desk.portal.move_deal(id, "WON"));
    until("the move", || count(&heard, "ONCRMDEALUPDATE") == 1).await;
    assert!(desk.portal.delete_deal(id));
    until("the end", || count(&heard, "ONCRMDEALDELETE") == 1).await;
}

#[tokio::test]
async fn a_move_to_another_funnel_is_told_to_applications_only() {
    let (hook, heard_by_hook) = ear().await;
    let (url, heard_by_app) = ear().await;
    let desk = with_app(&url).await;
    desk.portal.add_webhook(&hook, "t");
    let token = install(&desk, &heard_by_app).await;
    for event in ["OnCrmDealMoveToCategory", "onCrmDealUpdate"] {
        let bind = app_call(
            &desk,
            &token,
            "event.bind",
            json!({"event": event, "handler": url}),
        )
        .await;
        assert_eq!(bind["result"], true, "{bind}");
    }
    let unknown = app_call(
        &desk,
        &token,
        "event.bind",
        json!({"event": "onNothing", "handler": url}),
    )
    .await;
    assert_eq!(unknown["error"], "ERROR_EVENT_NOT_FOUND");
    let id = desk.deal(json!({})).await;
    desk.portal.move_to_category(id, 1, "C1:NEW");
    until("the move", || {
        count(&heard_by_app, "ONCRMDEALMOVETOCATEGORY") == 1
    })
    .await;
    let message = heard_by_app.lock().unwrap().pop().unwrap();
    assert_eq!(message["data[FIELDS][CATEGORY_ID]"], "1");
    assert_eq!(message["data[FIELDS][STAGE_ID]"], "C1:NEW");
    assert!(message.contains_key("auth[access_token]"));
    until("the rest", || {
        desk.portal.stats().notifications_accepted >= 3
    })
    .await;
    assert_eq!(count(&heard_by_hook, "ONCRMDEALUPDATE"), 0);
    assert_eq!(count(&heard_by_app, "ONCRMDEALUPDATE"), 0);
}

#[tokio::test]
async fn lost_notifications_are_not_sent_again() {
    let (url, heard) = ear().await;
    let delivery = Delivery {
        loss: 1.0,
        ..Delivery::default()
    };
    let options = Options {
        delivery,
        ..Options::default()
    };
    let desk = desk_with(options.outgoing_webhook(&url, "t")).await;
    desk.deal(json!({})).await;
    assert_eq!(desk.portal.stats().notifications_lost, 1);
    assert!(heard.lock().unwrap().is_empty());
    let twice = Delivery {
        duplication: 1.0,
        ..Delivery::default()
    };
    let options = Options {
        delivery: twice,
        ..Options::default()
    };
    let other = desk_with(options.outgoing_webhook(&url, "t")).await;
    other.deal(json!({})).await;
    until("both copies", || count(&heard, "ONCRMDEALADD") == 2).await;
}

#[tokio::test]
async fn the_offline_queue_keeps_one_row_for_each_object() {
    let (url, heard) = ear().await;
    let desk = with_app(&url).await;
    let token = install(&desk, &heard).await;
    let bind =
        json!({"event": "ONCRMDEALUPDATE", "event_type": "offline", "auth_connector": "bridge"});
    assert_eq!(
        app_call(&desk, &token, "event.bind", bind).await["result"],
        true
    );
    let id = desk.deal(json!({})).await;
    for title in ["a", "b", "c"] {
        desk.get(
            "crm.deal.update",
            json!({"id": id, "fields": {"TITLE": title}}),
        )
        .await;
    }
    let own = json!(
        {"id": desk.deal(json!({})).await, "fields": {"TITLE": "own"}, "auth_connector": "bridge"}
    );
    app_call(&desk, &token, "crm.deal.update", own).await;
    let got = app_call(
        &desk,
        &token,
        "event.offline.get",
        json!({"clear": 0, "auth_connector": "bridge"}),
    )
    .await;
    let events = got["result"]["events"].as_array().unwrap();
    assert_eq!(events.len(), 1, "{got}");
    assert_eq!(events[0]["EVENT_DATA"]["FIELDS"]["ID"], id.to_string());
    let again = app_call(
        &desk,
        &token,
        "event.offline.get",
        json!({"auth_connector": "bridge"}),
    )
    .await;
    assert_eq!(again["result"]["events"], json!([]));
    let clear = json!({"process_id": got["result"]["process_id"], "auth_connector": "bridge"});
    assert_eq!(
        app_call(&desk, &token, "event.offline.clear", clear).await["result"],
        true
    );
    let list = app_call(
        &desk,
        &token,
        "event.offline.list",
        json!({"auth_connector": "bridge"}),
    )
    .await;
    assert_eq!(list["total"], 0);
}

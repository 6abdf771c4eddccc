//! Another integration on the same address uses up the portal's request limit.

use crate::support::connections;
use crate::support::{
    database::Database,
    shop::{app, event, main_shop},
};
use b24_bridge::{
    app::{App, PortalStatus},
    clients::bitrix24::{Client, Credentials, Options, Rate},
    domain::PortalName,
    sandbox::{self, Plan, Sandbox},
    worker,
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// What the portal allows, and the bridge takes.
const PER_SECOND: u32 = 20;
const BURST: u32 = 10;

async fn post(app: &App, numbers: std::ops::Range<u32>) {
    let one = |number| event(&format!("e{number}"), &format!("A-{number}"), 1);
    let events: Vec<_> = numbers.map(one).collect();
    app.intake
        .accept_events(Some(&main_shop()), &events)
        .await
        .unwrap();
}

async fn status(app: &App) -> PortalStatus {
    app.operations.status().await.unwrap().portals.remove(0)
}

/// A meter's value; 0 if it never moved.
fn meter(app: &App, series: &str) -> f64 {
    let text = app.metrics().render().unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(series));
    line.map_or(0.0, |value| value.trim().parse().unwrap())
}

const COMPLAINTS: &str =
    "bridge_portal_calls_total{portal=\"main\",method=\"batch\",result=\"B24-LIMIT\"}";
const PACE: &str = "bridge_portal_pace{portal=\"main\"}";

async fn until(what: &str, mut wanted: impl AsyncFnMut() -> bool) {
    let bound = Instant::now() + Duration::from_mins(1);
    while !wanted().await {
        assert!(Instant::now() < bound, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Somebody else's integration, four calls at once, until it is told to stop.
async fn ask_without_measure(portal: String, over: CancellationToken) {
    let http = crate::portal::sandbox::client();
    while !over.is_cancelled() {
        let ask = || {
            http.post(format!("{portal}server.time"))
                .json(&json!({}))
                .send()
        };
        let _ = tokio::join!(ask(), ask(), ask(), ask());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn somebody_else_on_our_address_slows_us_down_costs_no_attempt_and_is_forgotten() {
    let plan = Plan::Custom {
        per_second: PER_SECOND,
        burst: BURST,
    };
    let portal = Sandbox::start(sandbox::Options::default().plan(plan))
        .await
        .unwrap();
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let options = Options {
        rate: Rate {
            per_second: f64::from(PER_SECOND),
            burst: BURST,
        },
        full_burst: true,
        timeout: Duration::from_secs(5),
    };
    let client = Client::new(
        Credentials::webhook(&portal.url()).unwrap(),
        &connections(),
        &options,
    );
    let elsewhere = CancellationToken::new();
    let other = tokio::spawn(ask_without_measure(portal.url(), elsewhere.clone()));
    until("the bucket is full", async || portal.stats().throttled > 5).await;
    let stop = CancellationToken::new();
    let name = PortalName::parse("main").unwrap();
    let worker_options = worker::Settings {
        poll: Duration::from_millis(50),
        reconcile: Duration::from_millis(200),
        ..worker::Settings::default()
    };
    let work = tokio::spawn(worker::run(
        app.clone(),
        worker::Lanes::of(BTreeMap::from([(name, client.clone())])),
        worker_options,
        stop.clone(),
    ));
    post(&app, 0..100).await;
    until("the portal complains", async || {
        meter(&app, COMPLAINTS) >= 1.0
    })
    .await;
    assert!(!client.reduced_for().is_zero());
    elsewhere.cancel();
    other.await.unwrap();
    until("the pace goes down, for all to see", async || {
        let halved = (meter(&app, PACE) - f64::from(PER_SECOND) / 2.0).abs() < 1e-9;
        halved && status(&app).await.lowered_until.is_some()
    })
    .await;
    until("all orders are there", async || {
        portal.deals().len() == 100 && status(&app).await.pending == 0
    })
    .await;
    let tried: i64 = sqlx::query_scalar(
        "SELECT (SELECT count(*) FROM bridge.attempts) + (SELECT count(*) FROM \
         bridge.dead_letters)",
    )
    .fetch_one(&db.pool)
    .await
    .unwrap();
    assert_eq!(tried, 0, "an attempt was used up");
    until("the pace is what it was", async || {
        let whole = (meter(&app, PACE) - f64::from(PER_SECOND)).abs() < 1e-9;
        whole && status(&app).await.lowered_until.is_none()
    })
    .await;
    let complaints = (meter(&app, COMPLAINTS), portal.stats().throttled);
    post(&app, 100..150).await;
    until("and it goes on", async || portal.deals().len() == 150).await;
    assert_eq!(
        (meter(&app, COMPLAINTS), portal.stats().throttled),
        complaints,
        "none of our own making"
    );
    stop.cancel();
    work.await.unwrap().unwrap();
}

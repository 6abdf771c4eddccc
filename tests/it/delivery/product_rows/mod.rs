//! One row is one row: what cannot be read, stored or worked on is that row's dead letter, and
//! nobody else waits for it.

mod lane;

use crate::{
    delivery::crash::Tiny,
    support::{
        api::Api,
        database::Database,
        settings::KEY as MAIN,
        shop::{app, claim, done, event, lease, main_shop, tries},
    },
};
use b24_bridge::{
    app::{Accepted, App, DeadLetter, LetterFilter},
    domain::{PortalName, Stage},
    process::bug::{Step, Trap},
    worker::{self, PortalClient},
};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

async fn letters(app: &App) -> Vec<DeadLetter> {
    let filter = LetterFilter::default();
    app.dead_letters.dead_letters(&filter).await.unwrap().items
}

/// (code, number) of each open letter.
async fn dead(app: &App) -> Vec<(String, Option<String>)> {
    let all = letters(app).await.into_iter();
    let mut all: Vec<_> = all.map(|one| (one.code, one.number)).collect();
    all.sort();
    all
}

fn pair(code: &str, number: Option<&str>) -> (String, Option<String>) {
    (code.to_owned(), number.map(str::to_owned))
}

async fn publish(db: &Database, event: &str) {
    sqlx::query("SELECT bridge.publish_event($1::jsonb)")
        .bind(event)
        .execute(&db.pool)
        .await
        .unwrap();
}

/// Panics at this step with this thing.
fn trapped(app: &App, step: Step, name: &'static str) {
    let spring = move |at: Step, with: &str| {
        assert!(at != step || with != name, "trapped at {at:?} with {with}");
    };
    app.set_trap(Trap(Arc::new(spring)));
}

async fn until(what: &str, mut wanted: impl AsyncFnMut() -> bool) {
    let bound = Instant::now() + Duration::from_secs(30);
    while !wanted().await {
        assert!(Instant::now() < bound, "{what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A worker of the portal `main`.
struct Running {
    stop: CancellationToken,
    task: tokio::task::JoinHandle<Result<(), worker::Error>>,
}

fn start<P: PortalClient>(app: &App, portal: &P) -> Running {
    let stop = CancellationToken::new();
    let name = PortalName::parse("main").unwrap();
    let options = worker::Settings {
        poll: Duration::from_millis(50),
        lease: Duration::from_secs(3),
        ..worker::Settings::default()
    };
    let lanes = worker::Lanes::of(BTreeMap::from([(name, portal.clone())]));
    let task = tokio::spawn(worker::run(app.clone(), lanes, options, stop.clone()));
    Running { stop, task }
}

impl Running {
    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap().unwrap();
    }
}

/// Letters that no compression makes shorter.
fn noise(length: u32) -> String {
    let letter = |n: u32| {
        let mixed = n.wrapping_mul(2_654_435_761).rotate_left(13) ^ n.wrapping_mul(40_503);
        char::from_u32(0x4e00 + mixed % 20_000).unwrap()
    };
    (0..length).map(letter).collect()
}

#[tokio::test]
async fn what_cannot_be_read_back_is_refused_at_the_door_and_the_rest_is_taken() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let mut bad = event("bad", "BAD", 1);
    bad["data"]["properties"] = json!({ "weight": 1.797_693_134_862_315_7e308 });
    let mut large = event("large", "LARGE", 1);
    large["data"]["properties"] = json!({ "weight": [-1e299] });
    let sent = [bad, event("good", "GOOD", 1), large];
    let results = app
        .intake
        .accept_events(Some(&main_shop()), &sent)
        .await
        .unwrap();
    assert!(
        matches!(
            &results[0], Accepted::Invalid(faults) if faults[0].pointer == "/data/properties/weight"
        ),
        "{results:?}"
    );
    assert_eq!(results[1..], [Accepted::Queued, Accepted::Queued]);
    let lease = lease(&db.pool, "w").await.unwrap();
    assert_eq!(claim(&app, &lease).await.len(), 2, "and can be read back");
}

#[tokio::test]
async fn of_a_batch_only_the_event_is_refused_that_no_parser_reads() {
    let api = Api::new().await;
    let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
    let batch = format!(
        r#"[{}, {{"id": "a", "big": 1e400}}, {{"id": "b", "deep": {nested}}}, {}]"#,
        event("e1", "A-1", 1),
        event("e2", "A-2", 1)
    );
    let answer = api
        .client
        .post(format!("{}/v1/events", api.url))
        .bearer_auth(MAIN)
        .header("content-type", "application/cloudevents-batch+json")
        .body(batch)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    let answer: Value = answer.json().await.unwrap();
    let words: Vec<_> = answer["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["result"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(words, ["queued", "invalid", "invalid", "queued"]);
    let why = answer["results"][1]["faults"][0]["detail"]
        .as_str()
        .unwrap();
    assert!(why.contains("out of range"), "{why}");
}

#[tokio::test]
async fn an_identity_within_its_bounds_can_be_stored_and_is_known_again() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let mut long = event(&noise(256), "A-1", 1);
    long["source"] = json!(noise(512));
    let mut other = long.clone();
    other["data"]["number"] = json!("A-2");
    let mut elsewhere = other.clone();
    elsewhere["source"] = json!(format!("{}x", noise(511)));
    for (sent, became) in [
        (&long, Accepted::Queued),
        (&long, Accepted::Duplicate),
        (&other, Accepted::Conflict),
        (&elsewhere, Accepted::Queued),
    ] {
        let sent = std::slice::from_ref(sent);
        let accepted = app
            .intake
            .accept_events(Some(&main_shop()), sent)
            .await
            .unwrap();
        assert_eq!(accepted, [became]);
    }
}

#[tokio::test]
async fn whatever_is_published_by_sql_becomes_an_order_or_its_own_dead_letter() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main", "other"]);
    let with = |id: &str, shop: &str, number: &str, more: &str| {
        format!(
            r#"{{"specversion": "1.0", "type": "shop.order.saved.v1", "source": "/shops/{shop}",
                "id": "{id}",
                "data": {{"number": "{number}", "status": "N", "currency": "RUB", "total": "1",
                    "items": [], "properties": {more}}}}}"#
        )
    };
    let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
    publish(&db, &with("e1", "main", "HUGE", r#"{"x": 1e400}"#)).await;
    publish(
        &db,
        &with("e2", "main", "DEEP", &format!(r#"{{"x": {nested}}}"#)),
    )
    .await;
    publish(
        &db,
        &with("e3", "main", "LARGE", r#"{"x": 1.7976931348623157e308}"#),
    )
    .await;
    publish(&db, &with(&noise(3_000), "main", "LONG-ID", "{}")).await;
    publish(&db, &with("e4", "main", &noise(3_000), "{}")).await;
    publish(&db, &with("e5", "main", &noise(128), "{}")).await;
    publish(&db, r#"{"data": {"number": 1e400}}"#).await;
    publish(&db, &with("e6", "other", "GOOD", "{}")).await;
    let mut taken = 0;
    loop {
        match app.intake.ingest_sql_events().await.unwrap() {
            0 => break,
            some => taken += some,
        }
    }
    assert_eq!(taken, 8, "all of them, and none twice");
    let found = dead(&app).await;
    let wanted: Vec<_> = [
        Some("DEEP"),
        Some("HUGE"),
        Some("LARGE"),
        Some("LONG-ID"),
        None,
    ]
    .map(|number| pair("SHOP-INVALID", number))
    .into();
    for letter in wanted {
        assert!(found.contains(&letter), "{letter:?} in {found:?}");
    }
    assert!(
        found.contains(&pair("SHOP-UNKNOWN", None)) || found.len() == 6,
        "{found:?}"
    );
    let shops = letters(&app)
        .await
        .into_iter()
        .filter(|one| one.number.is_some());
    assert!(
        shops
            .into_iter()
            .all(|one| one.shop.as_deref() == Some("main")),
        "the shop sees its own letters, also of what cannot be read"
    );
    let lease = lease(&db.pool, "w").await.unwrap();
    let due: Vec<_> = claim(&app, &lease)
        .await
        .into_iter()
        .map(|(one, _)| one.shop)
        .collect();
    assert_eq!(due.len(), 2);
    assert!(due.contains(&"other".to_owned()), "{due:?}");
}

#[tokio::test]
async fn a_stored_body_that_cannot_be_read_is_its_orders_dead_letter_and_the_lane_goes_on() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let sent = [1, 2, 3, 4, 5].map(|n| event(&format!("e{n}"), &format!("A-{n}"), 1));
    app.intake
        .accept_events(Some(&main_shop()), &sent)
        .await
        .unwrap();
    sqlx::query(
        "UPDATE bridge.outbox SET body = jsonb_set(body, '{data,weight}', '1e400') WHERE number = \
         'A-1'",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    // Nobody can say what is to be written by what is left of these.
    let spoil = r#"UPDATE bridge.orders SET known = '{"x": 1e400}' WHERE number = 'A-2';
         UPDATE bridge.orders SET known = '{"target": 7}' WHERE number = 'A-4';
         INSERT INTO bridge.under_way (shop, number, portal, epoch, what, lands_until)
         VALUES ('main', 'A-5', 'main', 1, '{"open": 7}', now())"#;
    sqlx::raw_sql(spoil).execute(&db.pool).await.unwrap();
    let lease = lease(&db.pool, "w").await.unwrap();
    let due = claim(&app, &lease)
        .await
        .into_iter()
        .map(|(one, _)| one.number);
    assert_eq!(due.collect::<Vec<_>>(), ["A-3"]);
    let bug = |number| pair("BRIDGE-BUG", Some(number));
    let mut found = dead(&app).await;
    found.sort();
    assert_eq!(
        found,
        [
            bug("A-2"),
            bug("A-4"),
            bug("A-5"),
            pair("SHOP-INVALID", Some("A-1"))
        ]
    );
    let all = letters(&app).await;
    let of = |number: &str| all.iter().find(|one| one.number.as_deref() == Some(number));
    for (number, place) in [
        (
            "A-2",
            "bridge.orders holds what this version cannot read: `known` of A-2",
        ),
        (
            "A-4",
            "bridge.orders holds what this version cannot read: `known` of A-4",
        ),
        (
            "A-5",
            "bridge.under_way holds what this version cannot read: `what` of A-5",
        ),
    ] {
        let message = &of(number).unwrap().message;
        assert!(message.contains(place), "{message}");
    }
    let shown = &of("A-1").unwrap().payload;
    assert!(
        shown.as_str().is_some_and(|text| text.contains("A-1")),
        "{shown}"
    );
    let view = app
        .operations
        .order_view(&main_shop(), "A-1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!((view.pending, view.dead), (0, 1));
}

#[tokio::test]
async fn an_end_that_cannot_be_stored_is_one_orders_dead_letter() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let sent = [
        event("e1", "A-1", 1),
        event("e2", "A-2", 1),
        event("e3", "A-3", 1),
    ];
    app.intake
        .accept_events(Some(&main_shop()), &sent)
        .await
        .unwrap();
    let lease = lease(&db.pool, "w").await.unwrap();
    let ended = claim(&app, &lease).await.into_iter().zip(40..);
    let ended = ended.map(|((one, _), deal)| {
        let mut settlement = done(deal);
        if one.number == "A-2" {
            settlement.stage = Some(Stage::new(0, "NE\0W"));
        }
        (one, settlement)
    });
    let settled = app
        .delivery
        .settle(&lease, &tries(), ended.collect())
        .await
        .unwrap();
    assert_eq!((settled.done, settled.dead), (2, 1));
    assert_eq!(dead(&app).await, [pair("BRIDGE-BUG", Some("A-2"))]);
    assert!(claim(&app, &lease).await.is_empty());
}

#[tokio::test]
async fn a_panic_over_one_event_of_a_batch_is_said_for_it_and_the_others_are_stored() {
    let api = Api::new().await;
    trapped(&api.app, Step::Read, "e2");
    let post = async |body: Value, kind: &str| {
        let sent = api
            .client
            .post(format!("{}/v1/events", api.url))
            .bearer_auth(MAIN)
            .header("content-type", kind)
            .body(body.to_string());
        let answer = sent.send().await.unwrap();
        (answer.status(), answer.json::<Value>().await.unwrap())
    };
    let batch = json!([
        event("e1", "A-1", 1),
        event("e2", "A-2", 1),
        event("e3", "A-3", 1)
    ]);
    let (status, answer) = post(batch, "application/cloudevents-batch+json").await;
    assert_eq!(status, StatusCode::ACCEPTED);
    let words: Vec<_> = (0..3)
        .map(|n| answer["results"][n]["result"].clone())
        .collect();
    assert_eq!(words, ["queued", "failed", "queued"]);
    let (status, answer) = post(event("e2", "A-2", 1), "application/cloudevents+json").await;
    assert_eq!(status, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(answer["code"], "BRIDGE-BUG");
    assert!(!answer.to_string().contains("trapped"), "{answer}");
}

/// What stumbles over one thing at one step, then goes on with the others, also after a restart.
async fn stumbles_once(step: Step, name: &'static str, letter: (String, Option<String>)) {
    let db = Database::new().await;
    for life in 0..2 {
        let app = app(&db.pool, &["main"]);
        trapped(&app, step, name);
        if life == 0 {
            for n in 0..40 {
                publish(
                    &db,
                    &event(&format!("e{n}"), &format!("A-{n}"), 1).to_string(),
                )
                .await;
            }
        }
        let portal = Tiny::default();
        let running = start(&app, &portal);
        until("the others are done", async || {
            let done: i64 =
                sqlx::query_scalar("SELECT count(*) FROM bridge.outbox WHERE state = 'done'")
                    .fetch_one(&db.pool)
                    .await
                    .unwrap();
            done == 39
        })
        .await;
        until("the one is dead", async || dead(&app).await.len() == 1).await;
        running.end().await;
        assert_eq!(dead(&app).await, std::slice::from_ref(&letter));
        let words = &letters(&app).await[0].message;
        assert!(
            words.contains("trapped") && words.contains("product_rows/mod.rs:"),
            "{words}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_while_an_event_from_sql_is_read_is_its_dead_letter() {
    stumbles_once(Step::Read, "e7", pair("BRIDGE-BUG", Some("A-7"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_while_events_from_sql_are_stored_is_one_events_dead_letter() {
    stumbles_once(Step::TakeUp, "e7", pair("BRIDGE-BUG", Some("A-7"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_while_an_order_is_claimed_is_its_dead_letter() {
    stumbles_once(Step::Claim, "A-7", pair("BRIDGE-BUG", Some("A-7"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_of_the_planner_is_the_dead_letter_of_the_one_order_behind_it() {
    stumbles_once(Step::Plan, "A-7", pair("BRIDGE-BUG", Some("A-7"))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_while_a_wave_is_settled_is_one_orders_dead_letter() {
    stumbles_once(Step::Settle, "A-7", pair("BRIDGE-BUG", Some("A-7"))).await;
}

//! Use cases that work on the same orders at the same time wait for each other in one order, never
//! in a circle.

use crate::support::{
    database::Database,
    shop::{app, claim, done, event, hopeless, lease, main_shop, tries},
};
use b24_bridge::{
    app::{Accepted, Actor, App, BulkAction, BulkRequest, Error, LetterFilter, LetterQuery, Retry},
    domain::{ErrorCode, Fault},
};
use serde_json::Value;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

fn anna() -> Actor {
    Actor::new("operator:anna")
}

async fn post(app: &App, events: &[Value]) -> Result<Vec<Accepted>, Error> {
    app.intake.accept_events(Some(&main_shop()), events).await
}

/// An event as a letter keeps it: with its shop.
fn named(id: &str, number: &str, version: i64) -> Value {
    let mut event = event(id, number, version);
    event["shop"] = "main".into();
    event
}

/// Keeps an event as the letter of a stray; returns the id of the newest letter, if nobody has
/// closed all of them.
async fn stray(app: &App, event: &Value) -> Option<i64> {
    let fault = Fault {
        pointer: "/data/status".to_owned(),
        detail: "no status".to_owned(),
    };
    let faults = vec![fault];
    app.intake
        .dead_letter_received(&main_shop(), event, ErrorCode::Status, &faults)
        .await
        .unwrap();
    open(app).await.into_iter().max()
}

/// The ids of the open letters.
async fn open(app: &App) -> Vec<i64> {
    let all = app
        .dead_letters
        .dead_letters(&LetterFilter::default())
        .await
        .unwrap();
    all.items.into_iter().map(|letter| letter.id).collect()
}

/// Waits until so many connections wait for locks.
async fn waiting(db: &Database, count: i64) {
    let bound = Instant::now() + Duration::from_secs(20);
    let asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND \
                 wait_event_type = 'Lock'";
    loop {
        let found: i64 = sqlx::query_scalar(asked).fetch_one(&db.pool).await.unwrap();
        if found >= count {
            return;
        }
        assert!(Instant::now() < bound, "{found} of {count} wait");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// Runs the first and then the second up to the order that somebody else has; then both go on.
async fn beside<A, B>(
    db: &Database,
    number: &str,
    first: impl FnOnce() -> JoinHandle<A>,
    second: impl FnOnce() -> JoinHandle<B>,
) -> (A, B) {
    let mut held = db.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM bridge.orders WHERE number = $1 FOR UPDATE")
        .bind(number)
        .fetch_one(&mut *held)
        .await
        .unwrap();
    let first = first();
    waiting(db, 1).await;
    let second = second();
    waiting(db, 2).await;
    held.rollback().await.unwrap();
    (first.await.unwrap(), second.await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_and_a_post_of_the_same_event_go_one_after_the_other() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    post(&app, &[event("e1", "A", 1)]).await.unwrap();
    for (nth, retry_first) in [(2, true), (3, false)] {
        let new = named(&format!("e{nth}"), "A", nth);
        let letter = stray(&app, &new).await.unwrap();
        let retried = || {
            let app = app.clone();
            tokio::spawn(async move {
                let retried = app
                    .dead_letters
                    .retry(letter, &anna(), Retry::default())
                    .await;
                retried.map(|_| ())
            })
        };
        let posted = || {
            let (app, new) = (app.clone(), new.clone());
            tokio::spawn(async move { post(&app, &[new]).await.map(|_| ()) })
        };
        let (first, second) = if retry_first {
            beside(&db, "A", retried, posted).await
        } else {
            beside(&db, "A", posted, retried).await
        };
        first.unwrap();
        second.unwrap();
        assert_eq!(open(&app).await, [0_i64; 0]);
    }
    let stored = "SELECT count(*) FROM bridge.outbox";
    let stored: i64 = sqlx::query_scalar(stored)
        .fetch_one(&db.pool)
        .await
        .unwrap();
    assert_eq!(stored, 3, "each event once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_the_feed_and_a_post_go_one_after_the_other() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    post(&app, &[event("a1", "A", 1), event("b1", "B", 1)])
        .await
        .unwrap();
    // The shop was told of B first.
    for sql in [
        "INSERT INTO bridge.feeds (shop, last_seq, given_seq) VALUES ('main', 2, 2)",
        "INSERT INTO bridge.status_changes
                (shop, seq, portal, number, decision_id, status, previous_status, stage, reason,
                  decided_at, first_sent_at)
         SELECT 'main', seq, 'main', number, seq, 'P', 'N', 'PREPARATION', 'a manager moved it',
                now(), now()
         FROM (VALUES (1, 'B'), (2, 'A')) AS c (seq, number)",
    ] {
        sqlx::query(sql).execute(&db.pool).await.unwrap();
    }
    let read = || {
        let app = app.clone();
        tokio::spawn(async move { app.sync.status_changes(&main_shop(), 2, 10).await })
    };
    let posted = || {
        let app = app.clone();
        tokio::spawn(async move { post(&app, &[event("a2", "A", 2), event("b2", "B", 2)]).await })
    };
    let (read, posted) = beside(&db, "B", read, posted).await;
    read.unwrap();
    assert_eq!(posted.unwrap(), [Accepted::Queued, Accepted::Queued]);
    let told = "SELECT count(*) FROM bridge.status_changes WHERE state = 'delivered'";
    let told: i64 = sqlx::query_scalar(told).fetch_one(&db.pool).await.unwrap();
    assert_eq!(told, 2);
}

const ORDERS: u64 = 6;
const ROUNDS: u64 = 60;

/// Numbers of orders in some order; another one each round.
fn shuffled(round: u64) -> impl Iterator<Item = String> {
    (0..ORDERS).map(move |nth| format!("A{}", (nth * (1 + 4 * (round % 2)) + round) % ORDERS))
}

/// Nothing but what the other loops may take away: a letter that is gone, a decision that was made.
fn unless_circle<T>(done: Result<T, Error>) {
    match done {
        Ok(_) | Err(Error::NotFound | Error::Invalid(_) | Error::Count { .. }) => {}
        Err(error) => panic!("{}", error.chain()),
    }
}

/// A shop that posts whole waves, and among them the events that operators retry.
async fn posts(app: App) {
    for round in 0..ROUNDS {
        let of = |(nth, number): (usize, String)| {
            let version = i64::try_from(round).unwrap();
            event(&format!("w{round}-{nth}"), &number, 10 * version)
        };
        let wave: Vec<_> = shuffled(round).enumerate().map(of).collect();
        unless_circle(post(&app, &wave).await);
    }
}

/// Strays that are retried while the shop sends them again.
async fn retries(app: App) {
    for round in 0..ROUNDS {
        let number = shuffled(round).next().unwrap();
        let version = 10 * i64::try_from(round).unwrap() + 5;
        let new = named(&format!("s{round}"), &number, version);
        let Some(letter) = stray(&app, &new).await else {
            continue;
        };
        let (who, again, others) = (anna(), [new], Retry::default());
        let (retried, posted) = tokio::join!(
            app.dead_letters.retry(letter, &who, others),
            post(&app, &again)
        );
        unless_circle(retried);
        unless_circle(posted);
    }
}

/// An operator with one letter, and with all of them.
async fn operates(app: App) {
    for round in 0..ROUNDS {
        let letters = open(&app).await;
        if let Some(letter) = letters.first().filter(|_| round % 3 == 0) {
            unless_circle(app.dead_letters.discard(*letter, &anna(), "a test").await);
            continue;
        }
        let query = LetterQuery {
            shop: Some("main".to_owned()),
            ..LetterQuery::default()
        };
        let bulk = BulkRequest {
            action: BulkAction::Retry,
            filter: query.parse().unwrap(),
            expect: i64::try_from(letters.len()).unwrap(),
            reason: None,
            recreate: false,
        };
        unless_circle(app.dead_letters.start_bulk(&bulk, &anna()).await);
        unless_circle(app.dead_letters.work_bulk().await);
    }
}

/// A lane of which every second order dies.
async fn drives(app: App, db: &Database) {
    let lease = lease(&db.pool, "w").await.unwrap();
    for round in 0..ROUNDS {
        let claimed = claim(&app, &lease).await.into_iter().enumerate();
        let settled = |(nth, (one, _))| match (nth + usize::try_from(round).unwrap()) % 2 {
            0 => (one, done(1 + u64::try_from(nth).unwrap())),
            _ => (one, hopeless(ErrorCode::StageUnknown)),
        };
        let ended: Vec<_> = claimed.map(settled).collect();
        unless_circle(app.delivery.settle(&lease, &tries(), ended).await);
        unless_circle(app.sync.drain_inbox("main").await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_shop_operators_and_a_lane_over_the_same_orders_meet_no_circle() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let loops = [
        tokio::spawn(posts(app.clone())),
        tokio::spawn(retries(app.clone())),
        tokio::spawn(operates(app.clone())),
    ];
    drives(app, &db).await;
    for one in loops {
        one.await.unwrap();
    }
}

//! Dead letters tell the truth: one is closed only if its event is stored and settled, something
//! newer of its order has come, or a person let it go; and none is open about what was done.

mod jobs;
mod model;
mod words;

use crate::support::{
    database::Database,
    shop::{app, claim, done, event, hopeless, lease, main_shop, tries},
};
use b24_bridge::{
    app::{Actor, App, DeadLetter, Error, LetterFilter, Retry, RetryOutcome},
    domain::ErrorCode,
    planner::Settlement,
    storage::queue::lanes::Lease,
};
use serde_json::{Value, json};
use sqlx::PgPool;

fn anna() -> Actor {
    Actor::new("operator:anna")
}

async fn accept(app: &App, event: &Value) {
    let taken = app
        .intake
        .accept_events(Some(&main_shop()), std::slice::from_ref(event))
        .await
        .unwrap();
    assert_eq!(taken[0].word(), "queued");
}

async fn publish((db, app): (&Database, &App), event: &Value) {
    sqlx::query("SELECT bridge.publish_event($1)")
        .bind(event)
        .execute(&db.pool)
        .await
        .unwrap();
    assert_eq!(app.intake.ingest_sql_events().await.unwrap(), 1);
}

/// What is due ends like this.
async fn settle(app: &App, lease: &Lease, with: fn() -> Settlement) {
    let claimed = claim(app, lease).await;
    assert!(!claimed.is_empty(), "nothing is due");
    let ended = claimed.into_iter().map(|(one, _)| (one, with())).collect();
    app.delivery.settle(lease, &tries(), ended).await.unwrap();
}

fn fine() -> Settlement {
    done(1)
}

fn dies() -> Settlement {
    hopeless(ErrorCode::Field)
}

async fn open(app: &App) -> Vec<DeadLetter> {
    let every = LetterFilter::default();
    app.dead_letters.dead_letters(&every).await.unwrap().items
}

async fn only(app: &App) -> DeadLetter {
    let mut letters = open(app).await;
    assert_eq!(letters.len(), 1, "{letters:#?}");
    letters.remove(0)
}

async fn retry(app: &App, letter: i64) -> Result<RetryOutcome, Error> {
    app.dead_letters
        .retry(letter, &anna(), Retry::default())
        .await
}

async fn how(app: &App, letter: i64) -> Option<String> {
    let whole = app
        .dead_letters
        .whole_letter(letter)
        .await
        .unwrap()
        .unwrap();
    whole.closed.map(|closed| closed.how.as_str().to_owned())
}

/// The states of the stored events of the order A-1, by their ids.
async fn states(pool: &PgPool) -> Vec<(String, String)> {
    sqlx::query_as(
        "SELECT event_id, state FROM bridge.outbox WHERE number = 'A-1' ORDER BY event_id",
    )
    .fetch_all(pool)
    .await
    .unwrap()
}

fn state(event: &str, state: &str) -> (String, String) {
    (event.to_owned(), state.to_owned())
}

/// The same event, which nothing can be made of: but for that, whatever it tells can be read.
fn spoilt(mut event: Value) -> Value {
    event["data"]["currency"] = json!("roubles");
    event
}

/// What no parser reads, though its version stands in it.
const HUGE: &str = r#"{"id": "huge", "source": "x",
    "data": {"number": "A-1", "version": 4, "total": 1e400}}"#;

/// Where a retry was refused.
fn pointer(refused: Result<RetryOutcome, Error>) -> String {
    match refused {
        Err(Error::Invalid(faults)) => faults[0].pointer.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_letter_whose_event_cannot_be_stored_stays_open_and_says_why() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let mut first = event("e1", "A-1", 1);
    accept(&app, &first).await;
    first["data"]["total"] = json!("101.00");
    publish((&db, &app), &first).await;
    let letter = only(&app).await;
    assert_eq!(letter.code, "SHOP-CONFLICT");
    assert_eq!(pointer(retry(&app, letter.id).await), "/id");
    assert_eq!(how(&app, letter.id).await, None);
    let mended = Retry {
        payload: Some(letter.payload["data"].clone()),
        ..Retry::default()
    };
    let retried = app
        .dead_letters
        .retry(letter.id, &anna(), mended)
        .await
        .unwrap();
    assert_eq!(
        retried,
        RetryOutcome::Queued,
        "a mended one has an id of its own"
    );
    assert_eq!(states(&db.pool).await.len(), 2);

    publish((&db, &app), &spoilt(event("e2", "A-1", 2))).await;
    let letter = only(&app).await;
    assert_eq!(pointer(retry(&app, letter.id).await), "/data/currency");
    let elsewhere = crate::support::shop::app(&db.pool, &["other"]);
    assert_eq!(pointer(retry(&elsewhere, letter.id).await), "/shop");
    assert_eq!(how(&app, letter.id).await, None);
}

#[tokio::test]
async fn a_letter_whose_event_was_accepted_before_is_closed_as_that_and_sends_nothing() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    let mut other = event("e1", "A-1", 1);
    other["shop"] = json!("other");
    publish((&db, &app), &other).await;
    let letter = only(&app).await;
    let both = crate::support::shop::app(&db.pool, &["main", "other"]);
    let sql = "UPDATE bridge.dead_letters SET code = 'SHOP-UNKNOWN', shop = NULL, number = NULL";
    sqlx::query(sql).execute(&db.pool).await.unwrap();
    publish((&db, &both), &other).await;
    settle(&both, &lease, fine).await;
    assert_eq!(
        retry(&both, letter.id).await.unwrap(),
        RetryOutcome::Duplicate
    );
    assert_eq!(how(&both, letter.id).await.as_deref(), Some("duplicate"));
    assert!(claim(&both, &lease).await.is_empty());
    assert_eq!(states(&db.pool).await, [state("e1", "done")]);
}

#[tokio::test]
async fn a_letter_of_an_older_state_is_overtaken_though_it_can_be_accepted_by_now() {
    let db = Database::new().await;
    let first = app(&db.pool, &["main"]);
    let mut old = event("old", "A-1", 1);
    old["shop"] = json!("other");
    let mut silent = old.clone();
    silent["id"] = json!("silent");
    silent["data"].as_object_mut().unwrap().remove("version");
    publish((&db, &first), &old).await;
    publish((&db, &first), &silent).await;
    let both = app(&db.pool, &["main", "other"]);
    let mut newer = event("new", "A-1", 2);
    newer["shop"] = json!("other");
    publish((&db, &both), &newer).await;
    for letter in open(&both).await {
        let retried = retry(&both, letter.id).await.unwrap();
        assert_eq!(retried, RetryOutcome::Overtaken, "{}", letter.payload["id"]);
    }
    let lease = lease(&db.pool, "w").await.unwrap();
    let claimed = claim(&both, &lease).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(states(&db.pool).await, [state("new", "pending")]);
}

#[tokio::test]
async fn an_older_event_does_not_close_the_letter_of_a_newer_one() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&app, &event("e2", "A-1", 2)).await;
    publish((&db, &app), &spoilt(event("e1", "A-1", 1))).await;
    publish((&db, &app), &spoilt(event("e3", "A-1", 3))).await;
    let mut silent = spoilt(event("silent", "A-1", 1));
    silent["data"].as_object_mut().unwrap().remove("version");
    publish((&db, &app), &silent).await;
    sqlx::query("SELECT bridge.publish_event($1::jsonb)")
        .bind(HUGE)
        .execute(&db.pool)
        .await
        .unwrap();
    app.intake.ingest_sql_events().await.unwrap();
    settle(&app, &lease, fine).await;
    let left = |letters: Vec<DeadLetter>| -> Vec<String> {
        let id = |letter: DeadLetter| match letter.payload {
            Value::String(_) => "huge".to_owned(),
            event => event["id"].as_str().unwrap().to_owned(),
        };
        letters.into_iter().map(id).collect()
    };
    assert_eq!(left(open(&app).await), ["e3", "silent", "huge"]);
    accept(&app, &event("e4", "A-1", 5)).await;
    settle(&app, &lease, fine).await;
    assert_eq!(left(open(&app).await), [""; 0]);
}

#[tokio::test]
async fn what_is_done_while_something_newer_waits_closes_no_letter_yet() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&app, &event("e1", "A-1", 1)).await;
    settle(&app, &lease, dies).await;
    let first = only(&app).await.id;
    accept(&app, &event("e2", "A-1", 2)).await;
    let (second, _) = claim(&app, &lease).await.remove(0);
    accept(&app, &event("e3", "A-1", 3)).await;
    let ended = vec![(second, done(1))];
    app.delivery.settle(&lease, &tries(), ended).await.unwrap();
    assert_eq!(only(&app).await.id, first);
    settle(&app, &lease, dies).await;
    assert_eq!(open(&app).await.len(), 2);
    assert_eq!(retry(&app, first).await.unwrap(), RetryOutcome::Overtaken);
    let expected = [
        state("e1", "superseded"),
        state("e2", "superseded"),
        state("e3", "dead"),
    ];
    assert_eq!(states(&db.pool).await, expected);
}

#[tokio::test]
async fn a_dead_event_that_is_mended_or_overtaken_is_superseded() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&app, &event("e1", "A-1", 1)).await;
    settle(&app, &lease, dies).await;
    let mended = Retry {
        payload: Some(event("x", "A-1", 1)["data"].clone()),
        ..Retry::default()
    };
    let letter = only(&app).await.id;
    app.dead_letters
        .retry(letter, &anna(), mended)
        .await
        .unwrap();
    assert_eq!(states(&db.pool).await[0], state("e1", "superseded"));
    settle(&app, &lease, dies).await;
    accept(&app, &event("e2", "A-1", 2)).await;
    settle(&app, &lease, fine).await;
    let ends: Vec<_> = states(&db.pool)
        .await
        .into_iter()
        .map(|one| one.1)
        .collect();
    assert_eq!(ends, ["superseded", "superseded", "done"]);
    assert!(open(&app).await.is_empty());
}

#[tokio::test]
async fn a_letter_whose_event_is_not_stored_any_more_brings_it_back() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&app, &event("e1", "A-1", 1)).await;
    settle(&app, &lease, dies).await;
    let sql = "DELETE FROM bridge.outbox";
    sqlx::query(sql).execute(&db.pool).await.unwrap();
    let letter = only(&app).await.id;
    let elsewhere = crate::support::shop::app(&db.pool, &["other"]);
    assert_eq!(pointer(retry(&elsewhere, letter).await), "/shop");
    assert_eq!(how(&app, letter).await, None);
    let due = "SELECT count(*) FROM bridge.orders WHERE due_at IS NOT NULL";
    let due: i64 = sqlx::query_scalar(due).fetch_one(&db.pool).await.unwrap();
    assert_eq!(due, 0, "what nobody drives is not put into a queue");
    assert_eq!(retry(&app, letter).await.unwrap(), RetryOutcome::Queued);
    settle(&app, &lease, fine).await;
    assert_eq!(states(&db.pool).await, [state("e1", "done")]);
}

#[tokio::test]
async fn a_retry_follows_the_shop_to_the_portal_that_it_belongs_to_now() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&app, &event("e1", "A-1", 1)).await;
    settle(&app, &lease, dies).await;
    let sql = "UPDATE bridge.orders SET portal = 'before'";
    sqlx::query(sql).execute(&db.pool).await.unwrap();
    retry(&app, only(&app).await.id).await.unwrap();
    settle(&app, &lease, fine).await;
    assert_eq!(states(&db.pool).await, [state("e1", "done")]);
}

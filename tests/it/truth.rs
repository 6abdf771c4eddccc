//! Dead letters tell the truth: one is closed only if its event is stored and settled, something newer of its order has come, or a
//! person let it go; and none is open about what was done.

use crate::support::{
    database::Database,
    shop::{bridge, claim, done, event, hopeless, lease, main_shop, tries},
};
use b24_bridge::{
    app::{Actor, Bridge, Error, Letter, LetterFilter, Retried, Retry},
    domain::{Code, Side},
    planner::Settlement,
    storage::lanes::Lease,
};
use serde_json::{Value, json};
use sqlx::PgPool;

fn anna() -> Actor {
    Actor::new("operator:anna")
}

async fn accept(bridge: &Bridge, event: &Value) {
    let taken = bridge
        .accept_events(Some(&main_shop()), std::slice::from_ref(event))
        .await
        .unwrap();
    assert_eq!(taken[0].word(), "queued");
}

async fn publish(bridge: &Bridge, event: &Value) {
    sqlx::query("SELECT bridge.publish_event($1)")
        .bind(event)
        .execute(bridge.pool())
        .await
        .unwrap();
    assert_eq!(bridge.take_published().await.unwrap(), 1);
}

/// What is due ends like this.
async fn settle(bridge: &Bridge, lease: &Lease, with: fn() -> Settlement) {
    let claimed = claim(bridge, lease).await;
    assert!(!claimed.is_empty(), "nothing is due");
    let ended = claimed.into_iter().map(|(one, _)| (one, with())).collect();
    bridge.settle(lease, &tries(), ended).await.unwrap();
}

fn fine() -> Settlement {
    done(1)
}

fn dies() -> Settlement {
    hopeless(Code::Field)
}

async fn open(bridge: &Bridge) -> Vec<Letter> {
    let every = LetterFilter::default();
    bridge.dead_letters(&every).await.unwrap().items
}

async fn only(bridge: &Bridge) -> Letter {
    let mut letters = open(bridge).await;
    assert_eq!(letters.len(), 1, "{letters:#?}");
    letters.remove(0)
}

async fn retry(bridge: &Bridge, letter: i64) -> Result<Retried, Error> {
    bridge.retry(letter, &anna(), Retry::default()).await
}

async fn how(bridge: &Bridge, letter: i64) -> Option<String> {
    let whole = bridge.whole_letter(letter).await.unwrap().unwrap();
    whole.closed.map(|closed| closed.how)
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

/// Where a retry was refused.
fn pointer(refused: Result<Retried, Error>) -> String {
    match refused {
        Err(Error::Invalid(faults)) => faults[0].pointer.clone(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_letter_whose_event_cannot_be_stored_stays_open_and_says_why() {
    let db = Database::new().await;
    let bridge = bridge(&db.pool, &["main"]);
    let mut first = event("e1", "A-1", 1);
    accept(&bridge, &first).await;
    first["data"]["total"] = json!("101.00");
    publish(&bridge, &first).await;
    let letter = only(&bridge).await;
    assert_eq!(letter.code, "SHOP-CONFLICT");
    assert_eq!(pointer(retry(&bridge, letter.id).await), "/id");
    assert_eq!(how(&bridge, letter.id).await, None);
    let mended = Retry {
        payload: Some(letter.payload["data"].clone()),
        ..Retry::default()
    };
    let retried = bridge.retry(letter.id, &anna(), mended).await.unwrap();
    assert_eq!(
        retried,
        Retried::Queued,
        "a mended one has an id of its own"
    );
    assert_eq!(states(&db.pool).await.len(), 2);

    publish(&bridge, &spoilt(event("e2", "A-1", 2))).await;
    let letter = only(&bridge).await;
    assert_eq!(pointer(retry(&bridge, letter.id).await), "/data/currency");
    let elsewhere = crate::support::shop::bridge(&db.pool, &["other"]);
    assert_eq!(pointer(retry(&elsewhere, letter.id).await), "/shop");
    assert_eq!(how(&bridge, letter.id).await, None);
}

#[tokio::test]
async fn a_letter_whose_event_was_accepted_before_is_closed_as_that_and_sends_nothing() {
    let db = Database::new().await;
    let bridge = bridge(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    let mut other = event("e1", "A-1", 1);
    other["shop"] = json!("other");
    publish(&bridge, &other).await;
    let letter = only(&bridge).await;
    let both = crate::support::shop::bridge(&db.pool, &["main", "other"]);
    let sql = "UPDATE bridge.dead_letters SET code = 'SHOP-UNKNOWN', shop = NULL, number = NULL";
    sqlx::query(sql).execute(&db.pool).await.unwrap();
    publish(&both, &other).await;
    settle(&both, &lease, fine).await;
    assert_eq!(retry(&both, letter.id).await.unwrap(), Retried::Duplicate);
    assert_eq!(how(&both, letter.id).await.as_deref(), Some("duplicate"));
    assert!(claim(&both, &lease).await.is_empty());
    assert_eq!(states(&db.pool).await, [state("e1", "done")]);
}

#[tokio::test]
async fn a_letter_of_an_older_state_is_overtaken_though_it_can_be_accepted_by_now() {
    let db = Database::new().await;
    let first = bridge(&db.pool, &["main"]);
    let mut old = event("old", "A-1", 1);
    old["shop"] = json!("other");
    let mut silent = old.clone();
    silent["id"] = json!("silent");
    silent["data"].as_object_mut().unwrap().remove("version");
    publish(&first, &old).await;
    publish(&first, &silent).await;
    let both = bridge(&db.pool, &["main", "other"]);
    let mut newer = event("new", "A-1", 2);
    newer["shop"] = json!("other");
    publish(&both, &newer).await;
    for letter in open(&both).await {
        let retried = retry(&both, letter.id).await.unwrap();
        assert_eq!(retried, Retried::Overtaken, "{}", letter.payload["id"]);
    }
    let lease = lease(&db.pool, "w").await.unwrap();
    let claimed = claim(&both, &lease).await;
    assert_eq!(claimed.len(), 1);
    assert_eq!(states(&db.pool).await, [state("new", "pending")]);
}

#[tokio::test]
async fn an_older_event_does_not_close_the_letter_of_a_newer_one() {
    let db = Database::new().await;
    let bridge = bridge(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&bridge, &event("e2", "A-1", 2)).await;
    publish(&bridge, &spoilt(event("e1", "A-1", 1))).await;
    publish(&bridge, &spoilt(event("e3", "A-1", 3))).await;
    let mut silent = spoilt(event("silent", "A-1", 1));
    silent["data"].as_object_mut().unwrap().remove("version");
    publish(&bridge, &silent).await;
    // No parser reads this one, but its version stands in it.
    sqlx::query("SELECT bridge.publish_event($1::jsonb)")
        .bind(r#"{"id": "huge", "source": "x", "data": {"number": "A-1", "version": 4, "total": 1e400}}"#)
        .execute(&db.pool)
        .await
        .unwrap();
    bridge.take_published().await.unwrap();
    settle(&bridge, &lease, fine).await;
    let left = |letters: Vec<Letter>| -> Vec<String> {
        let id = |letter: Letter| match letter.payload {
            Value::String(_) => "huge".to_owned(),
            event => event["id"].as_str().unwrap().to_owned(),
        };
        letters.into_iter().map(id).collect()
    };
    assert_eq!(left(open(&bridge).await), ["e3", "silent", "huge"]);
    accept(&bridge, &event("e4", "A-1", 5)).await;
    settle(&bridge, &lease, fine).await;
    assert_eq!(left(open(&bridge).await), [""; 0]);
}

#[tokio::test]
async fn what_is_done_while_something_newer_waits_closes_no_letter_yet() {
    let db = Database::new().await;
    let bridge = bridge(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&bridge, &event("e1", "A-1", 1)).await;
    settle(&bridge, &lease, dies).await;
    let first = only(&bridge).await.id;
    accept(&bridge, &event("e2", "A-1", 2)).await;
    let (second, _) = claim(&bridge, &lease).await.remove(0);
    accept(&bridge, &event("e3", "A-1", 3)).await;
    let ended = vec![(second, done(1))];
    bridge.settle(&lease, &tries(), ended).await.unwrap();
    assert_eq!(only(&bridge).await.id, first);
    settle(&bridge, &lease, dies).await;
    assert_eq!(open(&bridge).await.len(), 2);
    assert_eq!(retry(&bridge, first).await.unwrap(), Retried::Overtaken);
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
    let bridge = bridge(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&bridge, &event("e1", "A-1", 1)).await;
    settle(&bridge, &lease, dies).await;
    let mended = Retry {
        payload: Some(event("x", "A-1", 1)["data"].clone()),
        ..Retry::default()
    };
    let letter = only(&bridge).await.id;
    bridge.retry(letter, &anna(), mended).await.unwrap();
    assert_eq!(states(&db.pool).await[0], state("e1", "superseded"));
    settle(&bridge, &lease, dies).await;
    accept(&bridge, &event("e2", "A-1", 2)).await;
    settle(&bridge, &lease, fine).await;
    let ends: Vec<_> = states(&db.pool)
        .await
        .into_iter()
        .map(|one| one.1)
        .collect();
    assert_eq!(ends, ["superseded", "superseded", "done"]);
    assert!(open(&bridge).await.is_empty());
}

#[tokio::test]
async fn a_letter_whose_event_is_not_stored_any_more_brings_it_back() {
    let db = Database::new().await;
    let bridge = bridge(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&bridge, &event("e1", "A-1", 1)).await;
    settle(&bridge, &lease, dies).await;
    let sql = "DELETE FROM bridge.outbox";
    sqlx::query(sql).execute(&db.pool).await.unwrap();
    let letter = only(&bridge).await.id;
    let elsewhere = crate::support::shop::bridge(&db.pool, &["other"]);
    assert_eq!(pointer(retry(&elsewhere, letter).await), "/shop");
    assert_eq!(how(&bridge, letter).await, None);
    let due = "SELECT count(*) FROM bridge.orders WHERE due_at IS NOT NULL";
    let due: i64 = sqlx::query_scalar(due).fetch_one(&db.pool).await.unwrap();
    assert_eq!(due, 0, "what nobody drives is not put into a queue");
    assert_eq!(retry(&bridge, letter).await.unwrap(), Retried::Queued);
    settle(&bridge, &lease, fine).await;
    assert_eq!(states(&db.pool).await, [state("e1", "done")]);
}

#[tokio::test]
async fn a_retry_follows_the_shop_to_the_portal_that_it_belongs_to_now() {
    let db = Database::new().await;
    let bridge = bridge(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&bridge, &event("e1", "A-1", 1)).await;
    settle(&bridge, &lease, dies).await;
    let sql = "UPDATE bridge.orders SET portal = 'before'";
    sqlx::query(sql).execute(&db.pool).await.unwrap();
    retry(&bridge, only(&bridge).await.id).await.unwrap();
    settle(&bridge, &lease, fine).await;
    assert_eq!(states(&db.pool).await, [state("e1", "done")]);
}

#[tokio::test]
async fn an_import_opens_no_letter_about_what_was_accepted_here_and_has_not_died() {
    let db = Database::new().await;
    let bridge = bridge(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    let mut long = event(&"i".repeat(250), "A-1", 1);
    long["source"] = json!("я".repeat(512));
    for event in [event("e1", "A-2", 1), long] {
        accept(&bridge, &event).await;
    }
    settle(&bridge, &lease, dies).await;
    let lines = |letters: Vec<Letter>| -> String {
        let line = |letter: &Letter| serde_json::to_string(letter).unwrap() + "\n";
        letters.iter().map(line).collect()
    };
    let file = lines(open(&bridge).await);
    let forget = "DELETE FROM bridge.dead_letters";
    sqlx::query(forget).execute(&db.pool).await.unwrap();
    let taken = bridge.import_letters(&file, &anna()).await.unwrap();
    assert_eq!((taken.taken, taken.known), (2, 0));
    let tied = "SELECT count(outbox_id) FROM bridge.dead_letters";
    let tied: i64 = sqlx::query_scalar(tied).fetch_one(&db.pool).await.unwrap();
    assert_eq!(tied, 2, "each lies dead here");
    for letter in open(&bridge).await {
        retry(&bridge, letter.id).await.unwrap();
    }
    for state in ["pending", "done"] {
        sqlx::query(forget).execute(&db.pool).await.unwrap();
        let taken = bridge.import_letters(&file, &anna()).await.unwrap();
        assert_eq!((taken.taken, taken.known), (0, 2), "{state}");
        if state == "pending" {
            settle(&bridge, &lease, fine).await;
        }
    }
}

#[tokio::test]
async fn a_job_that_cannot_be_read_is_stopped_and_the_next_is_worked_on() {
    let db = Database::new().await;
    let bridge = bridge(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&bridge, &event("e1", "A-1", 1)).await;
    settle(&bridge, &lease, dies).await;
    sqlx::query(
        r#"INSERT INTO bridge.bulk_jobs (action, filter, actor, expected, upto)
           SELECT 'retry', f::jsonb, 'anna', 1, 1000
           FROM UNNEST(ARRAY['{"code": "GONE-CODE"}', '{"colour": 1}', '{"n": 1e400}', '{"code": "MAP-FIELD"}']) f"#,
    )
    .execute(&db.pool)
    .await
    .unwrap();
    while bridge.work_bulk().await.unwrap().is_some() {}
    let jobs = bridge.bulk_jobs().await.unwrap().items;
    let ends: Vec<_> = jobs.iter().rev().map(|job| &*job.state).collect();
    assert_eq!(ends, ["stopped", "stopped", "stopped", "done"]);
    for job in jobs.iter().skip(1) {
        let why = job.last_fault.as_deref().unwrap();
        assert!(why.contains("cannot be read"), "{why}");
        assert_eq!(job.stopped_by.as_deref(), Some("bridge"));
    }
    assert_eq!((jobs[0].done, jobs[0].failed), (1, 0));
    assert_eq!(states(&db.pool).await, [state("e1", "pending")]);
}

/// A deal of the order A-1 that is gone, and the conflict about it.
async fn gone(pool: &PgPool) -> i64 {
    sqlx::query_scalar(
        "INSERT INTO bridge.conflicts (portal, shop, number, decision_id, code, sentence, status, stage)
         VALUES ('main', 'main', 'A-1', 0, 'B24-DEAL-GONE', 'gone', 'N', 'NEW') RETURNING id",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_word_that_needs_a_new_deal_is_refused_where_there_is_nothing_to_make_it_from() {
    let db = Database::new().await;
    let bridge = bridge(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&bridge, &event("e1", "A-1", 1)).await;
    settle(&bridge, &lease, fine).await;
    let sql = "DELETE FROM bridge.outbox";
    sqlx::query(sql).execute(&db.pool).await.unwrap();
    let conflict = gone(&db.pool).await;
    let elsewhere = crate::support::shop::bridge(&db.pool, &["other"]);
    for (bridge, place) in [(&bridge, "/winner"), (&elsewhere, "/shop")] {
        let refused = bridge.resolve(conflict, Side::Shop, &anna()).await;
        assert!(matches!(&refused, Err(Error::Invalid(faults)) if faults[0].pointer == place));
        let still = bridge.conflict(conflict).await.unwrap().unwrap();
        assert!(still.ruled_at.is_none() && still.closed_at.is_none());
    }
    assert!(claim(&bridge, &lease).await.is_empty());
}

#[tokio::test]
async fn a_new_deal_is_made_from_an_event_that_died_of_whatever_and_its_letter_is_closed() {
    let db = Database::new().await;
    let bridge = bridge(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    for (nth, let_go) in [(1, false), (2, true)] {
        accept(&bridge, &event(&format!("e{nth}"), "A-1", nth)).await;
        settle(&bridge, &lease, dies).await;
        let letter = open(&bridge).await.pop().unwrap().id;
        if let_go {
            bridge.discard(letter, &anna(), "no use").await.unwrap();
        }
        let conflict = gone(&db.pool).await;
        bridge.resolve(conflict, Side::Shop, &anna()).await.unwrap();
        let (_, job) = claim(&bridge, &lease).await.remove(0);
        assert!(job.recreate);
        settle(&bridge, &lease, fine).await;
        assert!(open(&bridge).await.is_empty());
    }
    assert_eq!(
        states(&db.pool).await,
        [state("e1", "done"), state("e2", "done")]
    );
}

#[tokio::test]
async fn a_letter_about_a_message_to_the_shop_takes_no_payload_and_makes_no_deal() {
    let db = Database::new().await;
    let bridge = bridge(&db.pool, &["main"]);
    let letter: i64 = sqlx::query_scalar(
        "WITH change AS (
             INSERT INTO bridge.status_changes (shop, seq, portal, number, decision_id, status, previous_status, stage, reason,
                                                decided_at, state, settled_at)
             VALUES ('main', 1, 'main', 'A-1', 1, 'P', 'N', 'PREPARATION', 'moved', now(), 'dead', now()))
         INSERT INTO bridge.dead_letters (portal, shop, number, code, message, payload, change_seq)
         VALUES ('main', 'main', 'A-1', 'SHOP-CALLBACK', '400', '{}', 1) RETURNING id",
    )
    .fetch_one(&db.pool)
    .await
    .unwrap();
    let mended = Retry {
        payload: Some(json!({})),
        ..Retry::default()
    };
    let anew = Retry {
        recreate: true,
        ..Retry::default()
    };
    for (options, place) in [(mended, "/payload"), (anew, "/recreate")] {
        let refused = bridge.retry(letter, &anna(), options).await;
        assert_eq!(pointer(refused), place);
        assert_eq!(how(&bridge, letter).await, None);
    }
    assert_eq!(retry(&bridge, letter).await.unwrap(), Retried::Queued);
}

//! Claims, settlements and leases.

use crate::support::{
    database::Database,
    shop::{app, claim, done, event, hopeless, lease, main_shop, refused, tries},
};
use b24_bridge::{
    app::{Actor, App, Error, LetterFilter, Retry, RetryOutcome},
    domain::ErrorCode,
    planner::Settlement,
    storage::{self, queue::lanes::Lease},
    worker::{Retention, prune},
};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

async fn accept(app: &App, id: &str, number: &str, version: i64) {
    app.intake
        .accept_events(Some(&main_shop()), &[event(id, number, version)])
        .await
        .unwrap();
}

/// Claims the only due order and settles it like this.
async fn turn(app: &App, lease: &Lease, with: Settlement) {
    for _ in 0..200 {
        let mut claimed = claim(app, lease).await;
        if let Some((one, _)) = claimed.pop() {
            app.delivery
                .settle(lease, &tries(), vec![(one, with)])
                .await
                .unwrap();
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing became due");
}

#[tokio::test]
async fn a_done_order_is_in_sync_and_its_customer_is_linked_for_the_next() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&app, "e1", "A-1", 1).await;
    turn(&app, &lease, done(42)).await;
    let view = app
        .operations
        .order_view(&main_shop(), "A-1")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (view.deal_id, view.contact_id, view.in_sync, view.pending),
        (Some(42), Some(7), true, 0)
    );
    accept(&app, "e2", "A-2", 1).await;
    let claimed = claim(&app, &lease).await;
    assert_eq!(claimed[0].1.known.contact_id, Some(7));
}

#[tokio::test]
async fn a_newer_snapshot_that_comes_while_one_is_sent_stays_due() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&app, "e1", "A-1", 1).await;
    let (sent, _) = claim(&app, &lease).await.pop().unwrap();
    accept(&app, "e2", "A-1", 2).await;
    app.delivery
        .settle(&lease, &tries(), vec![(sent, done(42))])
        .await
        .unwrap();
    let (next, job) = claim(&app, &lease).await.pop().unwrap();
    assert!(
        job.known.target.is_some(),
        "what the older try learnt is kept"
    );
    app.delivery
        .settle(&lease, &tries(), vec![(next, done(42))])
        .await
        .unwrap();
    assert!(
        app.operations
            .order_view(&main_shop(), "A-1")
            .await
            .unwrap()
            .unwrap()
            .in_sync
    );
}

#[tokio::test]
async fn refusals_end_as_a_dead_letter_that_a_newer_snapshot_closes() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&app, "e1", "A-1", 1).await;
    for _ in 0..3 {
        turn(&app, &lease, refused()).await;
    }
    let letters = app
        .dead_letters
        .dead_letters(&LetterFilter::default())
        .await
        .unwrap();
    assert_eq!(
        (letters.items[0].attempts, letters.items[0].code.as_str()),
        (3, "B24-EMAIL")
    );
    assert_eq!(letters.items[0].message, "Неверный e-mail");
    accept(&app, "e2", "A-1", 2).await;
    turn(&app, &lease, done(1)).await;
    assert!(
        app.dead_letters
            .dead_letters(&LetterFilter::default())
            .await
            .unwrap()
            .items
            .is_empty()
    );
}

#[tokio::test]
async fn one_bad_order_does_not_delay_another() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&app, "e1", "BAD", 1).await;
    turn(&app, &lease, refused()).await;
    accept(&app, "e2", "GOOD", 1).await;
    let numbers: Vec<_> = claim(&app, &lease)
        .await
        .into_iter()
        .map(|(one, _)| one.number)
        .collect();
    assert!(numbers.contains(&"GOOD".to_owned()));
}

#[tokio::test]
async fn a_letter_is_retried_as_it_is_or_mended_or_discarded() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    let who = Actor::new("operator:anna");
    accept(&app, "e1", "A-1", 1).await;
    turn(&app, &lease, hopeless(ErrorCode::Currency)).await;
    let id = app
        .dead_letters
        .dead_letters(&LetterFilter::default())
        .await
        .unwrap()
        .items[0]
        .id;
    assert_eq!(
        app.dead_letters
            .retry(id, &who, Retry::default())
            .await
            .unwrap(),
        RetryOutcome::Queued
    );
    assert!(matches!(
        app.dead_letters.retry(id, &who, Retry::default()).await,
        Err(Error::NotFound)
    ));
    turn(&app, &lease, hopeless(ErrorCode::Currency)).await;
    let id = app
        .dead_letters
        .dead_letters(&LetterFilter::default())
        .await
        .unwrap()
        .items[0]
        .id;
    let wrong = event("x", "A-2", 1)["data"].clone();
    let refused = app
        .dead_letters
        .retry(
            id,
            &who,
            Retry {
                payload: Some(wrong),
                recreate: false,
            },
        )
        .await;
    assert!(matches!(refused, Err(Error::Invalid(faults)) if faults[0].pointer == "/data/number"));
    let mut mended = event("x", "A-1", 1)["data"].clone();
    mended["currency"] = "EUR".into();
    let options = Retry {
        payload: Some(mended),
        recreate: false,
    };
    assert_eq!(
        app.dead_letters.retry(id, &who, options).await.unwrap(),
        RetryOutcome::Queued
    );
    turn(&app, &lease, hopeless(ErrorCode::Currency)).await;
    let letter = app
        .dead_letters
        .dead_letters(&LetterFilter::default())
        .await
        .unwrap()
        .items
        .remove(0);
    assert_eq!(letter.payload["data"]["currency"], "EUR");
    app.dead_letters
        .discard(letter.id, &who, "test order")
        .await
        .unwrap();
    assert!(
        app.dead_letters
            .dead_letter(letter.id)
            .await
            .unwrap()
            .is_none()
    );
    let acts: i64 = sqlx::query_scalar("SELECT count(*) FROM bridge.audit")
        .fetch_one(&db.pool)
        .await
        .unwrap();
    assert_eq!(acts, 3);
}

#[tokio::test]
async fn a_letter_of_an_unmapped_status_replays_when_the_table_has_it() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&app, "e1", "A-1", 1).await;
    turn(&app, &lease, hopeless(ErrorCode::Status)).await;
    assert_eq!(app.dead_letters.replay_mapped().await.unwrap(), 1);
    assert_eq!(claim(&app, &lease).await.len(), 1);
}

#[tokio::test]
async fn a_worker_that_lost_its_lease_cannot_settle() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let old = lease(&db.pool, "old").await.unwrap();
    assert!(
        lease(&db.pool, "new").await.is_none(),
        "a held lane is not taken"
    );
    accept(&app, "e1", "A-1", 1).await;
    let (sent, _) = claim(&app, &old).await.pop().unwrap();
    sqlx::query("UPDATE bridge.lanes SET lease_until = now()")
        .execute(&db.pool)
        .await
        .unwrap();
    let new = lease(&db.pool, "new").await.unwrap();
    assert!(new.epoch > old.epoch);
    let settled = app
        .delivery
        .settle(&old, &tries(), vec![(sent, done(42))])
        .await;
    assert!(matches!(
        settled,
        Err(Error::Storage(storage::Error::LeaseLost))
    ));
    assert!(claim(&app, &old).await.is_empty());
    assert_eq!(claim(&app, &new).await.len(), 1);
}

#[tokio::test]
async fn acts_of_people_are_kept_as_long_as_the_settings_say() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    sqlx::query(
        "INSERT INTO bridge.audit (at, actor, action, target)
         SELECT now() - make_interval(days => d), 'cli', 'portal.pause', d::text
           FROM unnest(ARRAY[500, 401, 399, 0]) d",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    prune(
        &app.operations,
        &Retention::default(),
        &CancellationToken::new(),
    )
    .await
    .unwrap();
    let left: Vec<String> = sqlx::query_scalar("SELECT target FROM bridge.audit ORDER BY id")
        .fetch_all(&db.pool)
        .await
        .unwrap();
    assert_eq!(left, ["399", "0"]);
}

#[tokio::test]
async fn pruning_takes_settled_events_and_never_a_pending_one() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&app, "e1", "A-1", 1).await;
    turn(&app, &lease, done(1)).await;
    accept(&app, "e2", "A-2", 1).await;
    let nothing = Duration::ZERO;
    let retention = Retention {
        settled: nothing,
        letters: nothing,
        timeline: nothing,
        audit: nothing,
    };
    prune(&app.operations, &retention, &CancellationToken::new())
        .await
        .unwrap();
    let left: Vec<String> = sqlx::query_scalar("SELECT event_id FROM bridge.outbox")
        .fetch_all(&db.pool)
        .await
        .unwrap();
    assert_eq!(left, ["e2"]);
}

/// An order's deal stands in its own row; what links it a second time is of earlier versions.
#[tokio::test]
async fn an_orders_deal_is_told_once_and_what_earlier_versions_told_besides_goes() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&app, "e1", "A-1", 1).await;
    turn(&app, &lease, done(42)).await;
    let links = async || -> Vec<String> {
        let links = sqlx::query_scalar("SELECT entity || ' ' || key FROM bridge.links ORDER BY 1");
        links.fetch_all(&db.pool).await.unwrap()
    };
    assert_eq!(links().await, ["contact main/c1"]);
    let deal = sqlx::query_scalar("SELECT deal_id FROM bridge.orders").fetch_one(&db.pool);
    let deal: i64 = deal.await.unwrap();
    assert_eq!(deal, 42);
    sqlx::query(
        "INSERT INTO bridge.links (portal, entity, key, bitrix_id)
         VALUES ('main', 'deal', 'main/A-1', 42), ('main', 'lead', 'main/A-0', 7)",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    prune(
        &app.operations,
        &Retention::default(),
        &CancellationToken::new(),
    )
    .await
    .unwrap();
    assert_eq!(links().await, ["contact main/c1"]);
}

//! What people say about letters, and what shops are not told.

use super::{accept, anna, dies, fine, how, open, pointer, retry, settle, state, states};
use crate::support::{
    database::Database,
    shop::{app, claim, event, lease},
};
use b24_bridge::{
    app::{Error, Retry, RetryOutcome},
    domain::Side,
    storage::queue::outbox,
};
use serde_json::json;
use sqlx::PgPool;

/// A deal of the order A-1 that is gone, and the conflict about it.
async fn gone(pool: &PgPool) -> i64 {
    sqlx::query_scalar(
        "INSERT INTO bridge.conflicts (portal, shop, number, decision_id, code, sentence, status,
                                       stage)
         VALUES ('main', 'main', 'A-1', 0, 'B24-DEAL-GONE', 'gone', 'N', 'NEW') RETURNING id",
    )
    .fetch_one(pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn a_word_that_needs_a_new_deal_is_refused_where_there_is_nothing_to_make_it_from() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&app, &event("e1", "A-1", 1)).await;
    settle(&app, &lease, fine).await;
    let sql = "DELETE FROM bridge.outbox";
    sqlx::query(sql).execute(&db.pool).await.unwrap();
    let conflict = gone(&db.pool).await;
    let elsewhere = crate::support::shop::app(&db.pool, &["other"]);
    for (app, place) in [(&app, "/winner"), (&elsewhere, "/shop")] {
        let refused = app.sync.resolve(conflict, Side::Shop, &anna()).await;
        assert!(matches!(&refused, Err(Error::Invalid(faults)) if faults[0].pointer == place));
        let still = app.sync.conflict(conflict).await.unwrap().unwrap();
        assert!(still.ruled_at.is_none() && still.closed_at.is_none());
    }
    assert!(claim(&app, &lease).await.is_empty());
}

#[tokio::test]
async fn a_new_deal_is_made_from_an_event_that_died_of_whatever_and_its_letter_is_closed() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    for (nth, let_go) in [(1, false), (2, true)] {
        accept(&app, &event(&format!("e{nth}"), "A-1", nth)).await;
        settle(&app, &lease, dies).await;
        let letter = open(&app).await.pop().unwrap().id;
        if let_go {
            app.dead_letters
                .discard(letter, &anna(), "no use")
                .await
                .unwrap();
        }
        let conflict = gone(&db.pool).await;
        app.sync
            .resolve(conflict, Side::Shop, &anna())
            .await
            .unwrap();
        let (_, job) = claim(&app, &lease).await.remove(0);
        assert!(job.recreate);
        settle(&app, &lease, fine).await;
        assert!(open(&app).await.is_empty());
    }
    assert_eq!(
        states(&db.pool).await,
        [state("e1", "done"), state("e2", "done")]
    );
}

#[tokio::test]
async fn what_is_to_be_sent_again_is_not_pruned_before() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&app, &event("e1", "A-1", 1)).await;
    accept(&app, &event("e2", "A-2", 1)).await;
    settle(&app, &lease, fine).await;
    let conflict = gone(&db.pool).await;
    app.sync
        .resolve(conflict, Side::Shop, &anna())
        .await
        .unwrap();
    // The other is due for another reason.
    let due = "UPDATE bridge.orders SET due_at = now(), waits_since = now() WHERE number = 'A-2'";
    sqlx::query(due).execute(&db.pool).await.unwrap();
    let mut one = db.pool.acquire().await.unwrap();
    assert_eq!(outbox::prune(&mut one, 0.0, 100).await.unwrap(), 0);
    drop(one);
    let mut claimed = claim(&app, &lease).await;
    claimed.sort_by_key(|(one, _)| one.number.clone());
    let again: Vec<_> = claimed.iter().map(|(_, job)| job.recreate).collect();
    assert_eq!(again, [true, false]);
}

#[tokio::test]
async fn a_letter_about_a_message_to_the_shop_takes_no_payload_and_makes_no_deal() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let letter: i64 = sqlx::query_scalar(
        "WITH change AS (
             INSERT INTO bridge.status_changes (shop, seq, portal, number, decision_id, status,
                 previous_status, stage, reason, decided_at, state, settled_at)
             VALUES ('main', 1, 'main', 'A-1', 1, 'P', 'N', 'PREPARATION', 'moved', now(), 'dead',
                     now()))
         INSERT INTO bridge.dead_letters (portal, shop, number, code, message, payload,
                                          change_seq)
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
        let refused = app.dead_letters.retry(letter, &anna(), options).await;
        assert_eq!(pointer(refused), place);
        assert_eq!(how(&app, letter).await, None);
    }
    assert_eq!(retry(&app, letter).await.unwrap(), RetryOutcome::Queued);
}

/// A status change that died, as a version before left it: with what was agreed, and without the
/// row where that was pruned.
async fn died_before(pool: &PgPool, (number, seq): (&str, i64), how: Option<&str>, pruned: bool) {
    sqlx::query(
        "WITH told AS (SELECT now() - interval '40 days' AS at),
              ordered AS (
                 INSERT INTO bridge.orders (shop, number, portal, in_sync)
                   VALUES ('main', $1, 'main', true)),
              agreed AS (
                 INSERT INTO bridge.agreements (shop, number, agreed)
                 SELECT 'main', $1, jsonb_build_object('status', 'P', 'told', jsonb_build_array(
                     jsonb_build_object('status', 'P', 'at', at, 'delivered_at', NULL)))
                 FROM told),
              change AS (
                 INSERT INTO bridge.status_changes (shop, seq, portal, number, decision_id, status,
                     previous_status, stage, reason, decided_at, state, settled_at)
                 SELECT 'main', $2, 'main', $1, 7, 'P', 'N', 'PREPARATION', 'moved', at, 'dead', at
                 FROM told WHERE NOT $4)
         INSERT INTO bridge.dead_letters (portal, shop, number, code, message, change_seq, payload,
             closed_at, closed_how, closed_by)
         SELECT 'main', 'main', $1, 'SHOP-CALLBACK', '400', $2,
                jsonb_build_object('id', 'm' || $2, 'data', jsonb_build_object('status', 'P',
                    'previous_status', 'N', 'stage', 'PREPARATION', 'reason', 'moved',
                    'decision_id', 7, 'decided_at', at)),
                CASE WHEN $3 IS NOT NULL THEN now() END, $3, 'anna'
         FROM told",
    )
    .bind(number)
    .bind(seq)
    .bind(how)
    .bind(pruned)
    .execute(pool)
    .await
    .unwrap();
}

#[tokio::test]
async fn an_upgrade_finds_what_died_on_its_way_to_the_shop_also_where_it_was_pruned() {
    let db = Database::new().await;
    let pool = &db.pool;
    sqlx::raw_sql("DROP VIEW bridge.order_states; DROP INDEX bridge.status_changes_dead")
        .execute(pool)
        .await
        .unwrap();
    died_before(pool, ("kept", 1), None, false).await;
    died_before(pool, ("pruned", 2), None, true).await;
    died_before(pool, ("let go", 3), Some("discarded"), true).await;
    died_before(pool, ("agreed", 4), None, false).await;
    died_before(pool, ("agreed and pruned", 5), None, true).await;
    let agreed = r#"UPDATE bridge.agreements SET agreed = '{"status": "N", "told": []}'
                    WHERE number LIKE 'agreed%'"#;
    sqlx::query(agreed).execute(pool).await.unwrap();
    let upgrade =
        include_str!("../../../../../migrations/20261126143500_what_shops_are_not_told.sql");
    sqlx::raw_sql(upgrade).execute(pool).await.unwrap();
    let differ: Vec<String> = sqlx::query_scalar(
        "SELECT c.number
         FROM bridge.status_changes c JOIN bridge.order_states s USING (shop, number)
         WHERE c.state = 'dead' AND NOT s.in_sync ORDER BY c.seq",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert_eq!(differ, ["kept", "pruned", "let go"]);
    let app = app(pool, &["main"]);
    let letters: Vec<_> = open(&app).await;
    let about: Vec<_> = letters.iter().map(|one| one.number.as_deref()).collect();
    assert_eq!(about, [Some("kept"), Some("pruned")]);
    for letter in letters {
        assert_eq!(retry(&app, letter.id).await.unwrap(), RetryOutcome::Queued);
    }
}

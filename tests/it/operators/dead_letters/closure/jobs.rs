//! Letters many at a time, from files, and of faults of the bridge itself.

use super::{accept, anna, dies, fine, open, publish, retry, settle, state, states};
use crate::support::{
    database::Database,
    shop::{app, claim, event, lease},
};
use b24_bridge::{
    app::{BulkAction, BulkRequest, DeadLetter, LetterQuery, RetryOutcome},
    process::bug::{Step, Trap},
};
use serde_json::json;
use std::sync::Arc;

#[tokio::test]
async fn an_import_opens_no_letter_about_what_was_accepted_here_and_has_not_died() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    let mut long = event(&"i".repeat(250), "A-1", 1);
    long["source"] = json!("я".repeat(512));
    for event in [event("e1", "A-2", 1), long] {
        accept(&app, &event).await;
    }
    settle(&app, &lease, dies).await;
    let lines = |letters: Vec<DeadLetter>| -> String {
        let line = |letter: &DeadLetter| serde_json::to_string(letter).unwrap() + "\n";
        letters.iter().map(line).collect()
    };
    let file = lines(open(&app).await);
    let forget = "DELETE FROM bridge.dead_letters";
    sqlx::query(forget).execute(&db.pool).await.unwrap();
    let taken = app
        .dead_letters
        .import_letters(&file, &anna())
        .await
        .unwrap();
    assert_eq!((taken.taken, taken.known), (2, 0));
    let tied = "SELECT count(outbox_id) FROM bridge.dead_letters";
    let tied: i64 = sqlx::query_scalar(tied).fetch_one(&db.pool).await.unwrap();
    assert_eq!(tied, 2, "each lies dead here");
    for letter in open(&app).await {
        retry(&app, letter.id).await.unwrap();
    }
    for state in ["pending", "done"] {
        sqlx::query(forget).execute(&db.pool).await.unwrap();
        let taken = app
            .dead_letters
            .import_letters(&file, &anna())
            .await
            .unwrap();
        assert_eq!((taken.taken, taken.known), (0, 2), "{state}");
        if state == "pending" {
            settle(&app, &lease, fine).await;
        }
    }
}

#[tokio::test]
async fn a_job_that_cannot_be_read_is_stopped_and_the_next_is_worked_on() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&app, &event("e1", "A-1", 1)).await;
    settle(&app, &lease, dies).await;
    sqlx::query(
        r#"INSERT INTO bridge.bulk_jobs (action, filter, actor, expected, upto)
           SELECT 'retry', f::jsonb, 'anna', 1, 1000
           FROM UNNEST(ARRAY['{"code": "GONE-CODE"}', '{"colour": 1}', '{"n": 1e400}',
                             '{"code": "MAP-FIELD"}']) f"#,
    )
    .execute(&db.pool)
    .await
    .unwrap();
    while app.dead_letters.work_bulk().await.unwrap().is_some() {}
    let jobs = app.dead_letters.bulk_jobs().await.unwrap().items;
    let ends: Vec<_> = jobs.iter().rev().map(|job| job.state.as_str()).collect();
    assert_eq!(ends, ["stopped", "stopped", "stopped", "done"]);
    for job in jobs.iter().skip(1) {
        let why = job.last_fault.as_deref().unwrap();
        assert!(why.contains("cannot be read"), "{why}");
        assert_eq!(job.stopped_by.as_deref(), Some("bridge"));
    }
    assert_eq!((jobs[0].done, jobs[0].failed), (1, 0));
    assert_eq!(states(&db.pool).await, [state("e1", "pending")]);
}

#[tokio::test]
async fn a_letter_about_a_fault_of_the_bridge_goes_the_same_ways() {
    let db = Database::new().await;
    let faulty = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    faulty.set_trap(Trap(Arc::new(|at: Step, with: &str| {
        let stumbles = matches!((at, with), (Step::Read, "e1") | (Step::Claim, "A-2"));
        assert!(!stumbles, "trapped at {at:?} with {with}");
    })));
    publish((&db, &faulty), &event("e1", "A-1", 1)).await;
    accept(&faulty, &event("e2", "A-2", 1)).await;
    assert!(claim(&faulty, &lease).await.is_empty());
    let codes: Vec<_> = open(&faulty)
        .await
        .into_iter()
        .map(|one| one.code)
        .collect();
    assert_eq!(codes, ["BRIDGE-BUG", "BRIDGE-BUG"]);

    let query = LetterQuery {
        code: Some("BRIDGE-BUG".to_owned()),
        ..LetterQuery::default()
    };
    let bulk = BulkRequest {
        action: BulkAction::Retry,
        filter: query.parse().unwrap(),
        expect: 2,
        reason: None,
        recreate: false,
    };
    faulty
        .dead_letters
        .start_bulk(&bulk, &anna())
        .await
        .unwrap();
    let job = faulty.dead_letters.work_bulk().await.unwrap().unwrap();
    assert_eq!((job.done, job.failed, job.state.as_str()), (1, 1, "done"));
    assert!(claim(&faulty, &lease).await.is_empty());
    assert_eq!(open(&faulty).await.len(), 2, "both stumbled again");

    let mended = app(&db.pool, &["main"]);
    for letter in open(&mended).await {
        assert_eq!(
            retry(&mended, letter.id).await.unwrap(),
            RetryOutcome::Queued
        );
    }
    settle(&mended, &lease, fine).await;
    assert!(open(&mended).await.is_empty());
    let ends = "SELECT state FROM bridge.outbox";
    let ends: Vec<String> = sqlx::query_scalar(ends).fetch_all(&db.pool).await.unwrap();
    assert_eq!(ends, ["done", "done"]);
}

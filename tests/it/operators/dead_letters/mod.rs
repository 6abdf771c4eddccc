//! Dead letters as operators meet them: tries on record, many at once, export and import, the audit
//! log.

pub(crate) mod closure;
mod tries;

use crate::support::{
    database::Database,
    shop::{app, claim, done, event, hopeless, lease, refused, tries},
};
use b24_bridge::{
    app::{
        Actor, App, AuditFilter, BulkAction, BulkRequest, Error, LetterFilter, LetterQuery, Retry,
    },
    domain::{ErrorCode, PortalName},
    storage::queue::lanes::Lease,
    worker,
};
use std::{collections::BTreeMap, time::Duration};
use tokio_util::sync::CancellationToken;

fn anna() -> Actor {
    Actor::new("operator:anna")
}

async fn accept(app: &App, id: &str, number: &str, version: i64) {
    let shop = crate::support::shop::main_shop();
    let events = [event(id, number, version)];
    app.intake
        .accept_events(Some(&shop), &events)
        .await
        .unwrap();
}

/// So many orders that died of an unknown stage; more than one batch of a job if it is above 50.
async fn dead(app: &App, lease: &Lease, count: usize) {
    for nth in 0..count {
        accept(app, &format!("e{nth}"), &format!("A-{nth}"), 1).await;
    }
    let claimed = claim_all(app, lease).await;
    assert_eq!(claimed, count);
}

async fn claim_all(app: &App, lease: &Lease) -> usize {
    let mut sum = 0;
    loop {
        let batch = claim(app, lease).await;
        if batch.is_empty() {
            return sum;
        }
        sum += batch.len();
        let ended = batch
            .into_iter()
            .map(|(one, _)| (one, hopeless(ErrorCode::StageUnknown)))
            .collect();
        app.delivery.settle(lease, &tries(), ended).await.unwrap();
    }
}

fn of_code(code: &str) -> LetterFilter {
    LetterQuery {
        code: Some(code.to_owned()),
        ..LetterQuery::default()
    }
    .parse()
    .unwrap()
}

fn bulk(action: BulkAction, expect: i64) -> BulkRequest {
    BulkRequest {
        action,
        filter: of_code("MAP-STAGE"),
        expect,
        reason: Some("a test".to_owned()),
        recreate: false,
    }
}

async fn total(app: &App) -> i64 {
    let every = LetterFilter::default();
    app.dead_letters.count_letters(&every).await.unwrap().total
}

#[tokio::test]
async fn a_whole_letter_has_every_try_and_says_that_a_newer_snapshot_closed_it() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    accept(&app, "e1", "A-1", 1).await;
    for _ in 0..3 {
        let until = tokio::time::Instant::now() + Duration::from_secs(10);
        let (one, _) = loop {
            if let Some(one) = claim(&app, &lease).await.pop() {
                break one;
            }
            assert!(tokio::time::Instant::now() < until, "never due");
            tokio::task::yield_now().await;
        };
        app.delivery
            .settle(&lease, &tries(), vec![(one, refused())])
            .await
            .unwrap();
    }
    let every = LetterFilter::default();
    let id = app.dead_letters.dead_letters(&every).await.unwrap().items[0].id;
    let whole = app.dead_letters.whole_letter(id).await.unwrap().unwrap();
    let tried: Vec<_> = whole.tries.iter().map(|one| one.nth).collect();
    assert_eq!(tried, [1, 2, 3]);
    assert_eq!(whole.tries[2].message, "Неверный e-mail");
    assert!(whole.closed.is_none() && !whole.sentence.is_empty());

    accept(&app, "e2", "A-1", 2).await;
    let (one, _) = claim(&app, &lease).await.remove(0);
    app.delivery
        .settle(&lease, &tries(), vec![(one, done(1))])
        .await
        .unwrap();
    let closed = app
        .dead_letters
        .whole_letter(id)
        .await
        .unwrap()
        .unwrap()
        .closed
        .unwrap();
    assert_eq!(
        (closed.how.as_str(), closed.by.as_deref()),
        ("overtaken", Some("bridge"))
    );
    let shop = crate::support::shop::main_shop();
    let order = app
        .operations
        .order_view(&shop, "A-1")
        .await
        .unwrap()
        .unwrap();
    let told = |entry: &b24_bridge::app::TimelineEntry| entry.text.contains("closed by itself");
    assert!(order.timeline.iter().any(told), "{:?}", order.timeline);
}

#[tokio::test]
async fn a_job_needs_the_count_that_was_seen_and_a_filter() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    dead(&app, &lease, 3).await;
    let wrong = app
        .dead_letters
        .start_bulk(&bulk(BulkAction::Retry, 2), &anna())
        .await;
    assert!(matches!(
        wrong,
        Err(Error::Count {
            expected: 2,
            found: 3
        })
    ));
    let all = BulkRequest {
        filter: LetterFilter::default(),
        ..bulk(BulkAction::Retry, 3)
    };
    assert!(matches!(
        app.dead_letters.start_bulk(&all, &anna()).await,
        Err(Error::Invalid(_))
    ));
    let silent = BulkRequest {
        reason: None,
        ..bulk(BulkAction::Discard, 3)
    };
    let refused = app.dead_letters.start_bulk(&silent, &anna()).await;
    assert!(matches!(refused, Err(Error::Invalid(faults)) if faults[0].pointer == "/reason"));
    assert!(app.dead_letters.bulk_jobs().await.unwrap().items.is_empty());
    assert_eq!(total(&app).await, 3);
}

#[tokio::test]
async fn a_job_goes_on_in_another_process_and_leaves_younger_letters_alone() {
    let db = Database::new().await;
    let first = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    dead(&first, &lease, 60).await;
    let job = first
        .dead_letters
        .start_bulk(&bulk(BulkAction::Retry, 60), &anna())
        .await
        .unwrap();
    let half = first.dead_letters.work_bulk().await.unwrap().unwrap();
    assert_eq!((half.done, half.state.as_str()), (50, "running"));
    assert_eq!(total(&first).await, 10);
    // What was retried dies again at once: the job must not take it a second time.
    assert_eq!(claim_all(&first, &lease).await, 50);
    drop(first);

    let second = app(&db.pool, &["main"]);
    let stop = CancellationToken::new();
    let options = worker::Settings {
        poll: Duration::from_millis(20),
        ..worker::Settings::default()
    };
    let none: BTreeMap<PortalName, b24_bridge::clients::bitrix24::Client> = BTreeMap::new();
    let lanes = worker::Lanes::of(none);
    let running = tokio::spawn(worker::run(second.clone(), lanes, options, stop.clone()));
    let until = tokio::time::Instant::now() + Duration::from_secs(20);
    let ended = loop {
        let job = second.dead_letters.bulk_job(job.id).await.unwrap().unwrap();
        if job.state.as_str() != "running" {
            break job;
        }
        assert!(tokio::time::Instant::now() < until, "{job:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    };
    stop.cancel();
    running.await.unwrap().unwrap();
    assert_eq!(
        (ended.done, ended.failed, ended.state.as_str()),
        (60, 0, "done")
    );
}

#[tokio::test]
async fn a_stopped_job_does_no_more_and_everything_is_on_record() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    dead(&app, &lease, 60).await;
    let job = app
        .dead_letters
        .start_bulk(&bulk(BulkAction::Discard, 60), &anna())
        .await
        .unwrap();
    app.dead_letters.work_bulk().await.unwrap().unwrap();
    let stopped = app
        .dead_letters
        .stop_bulk(job.id, &Actor::new("cli:boris"))
        .await
        .unwrap();
    assert_eq!((stopped.state.as_str(), stopped.done), ("stopped", 50));
    assert!(app.dead_letters.work_bulk().await.unwrap().is_none());
    assert!(matches!(
        app.dead_letters.stop_bulk(job.id, &anna()).await,
        Err(Error::NotFound)
    ));
    assert_eq!(total(&app).await, 10);

    let portal = PortalName::parse("main").unwrap();
    app.operations
        .pause_lane(portal.as_str(), &anna())
        .await
        .unwrap();
    let newest = app
        .operations
        .audit(&AuditFilter {
            limit: 2,
            ..AuditFilter::default()
        })
        .await
        .unwrap();
    let acts: Vec<_> = newest
        .items
        .iter()
        .map(|e| (e.action.as_str(), e.actor.as_str()))
        .collect();
    assert_eq!(
        acts,
        [
            ("portal.pause", "operator:anna"),
            ("bulk.stop", "cli:boris")
        ]
    );
    let older = AuditFilter {
        action: Some("letter.discard".to_owned()),
        before: newest.next,
        limit: 500,
        ..AuditFilter::default()
    };
    let older = app.operations.audit(&older).await.unwrap();
    assert_eq!(older.items.len(), 50);
    assert_eq!(older.items[0].detail["reason"], "a test");
}

#[tokio::test]
async fn an_export_comes_back_once_and_faulty_lines_are_named() {
    let db = Database::new().await;
    let here = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    dead(&here, &lease, 3).await;
    let letters = here
        .dead_letters
        .dead_letters(&LetterFilter::default())
        .await
        .unwrap()
        .items;
    let mut file: Vec<_> = letters
        .iter()
        .map(|l| serde_json::to_string(l).unwrap())
        .collect();
    file.insert(1, "{\"code\":".to_owned());
    file.insert(2, String::new());
    let file = file.join("\n");
    let same = here
        .dead_letters
        .import_letters(&file, &anna())
        .await
        .unwrap();
    assert_eq!((same.taken, same.known, same.faulty[0].line), (0, 3, 2));

    let other = Database::new().await;
    let there = app(&other.pool, &["main"]);
    for taken in [3, 0] {
        let sum = there
            .dead_letters
            .import_letters(&file, &anna())
            .await
            .unwrap();
        assert_eq!((sum.taken, sum.known + sum.taken), (taken, 3));
    }
    let there_now = there
        .dead_letters
        .dead_letters(&LetterFilter::default())
        .await
        .unwrap()
        .items;
    assert_eq!(there_now[2].payload, letters[2].payload);
    assert_eq!(there_now[2].first_failed_at, letters[2].first_failed_at);
    // A retry there sends the event as if the shop had just sent it.
    there
        .dead_letters
        .retry(there_now[0].id, &anna(), Retry::default())
        .await
        .unwrap();
    let shop = crate::support::shop::main_shop();
    let order = there
        .operations
        .order_view(&shop, "A-0")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(order.pending, 1);
}

#[tokio::test]
async fn filters_by_time_and_text_count_what_they_list() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    dead(&app, &lease, 12).await;
    sqlx::query(
        "UPDATE bridge.dead_letters SET last_failed_at = '2020-05-05 12:00Z' WHERE number = 'A-3'",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    let query = |since: &str, until: &str, text: &str| LetterQuery {
        since: Some(since.to_owned()),
        until: Some(until.to_owned()),
        text: Some(text.to_owned()),
        ..LetterQuery::default()
    };
    for (query, found) in [
        (query("2020-05-05", "2020-05-06", ""), 1),
        (query("2020-05-06", "", ""), 11),
        (query("", "2020-05-05T12:00:00Z", ""), 0),
        (query("", "", "\"a-11\""), 1),
        (query("", "", "анна"), 12),
        (query("", "", "%"), 0),
    ] {
        let filter = query.parse().unwrap();
        assert_eq!(
            app.dead_letters.count_letters(&filter).await.unwrap().total,
            found,
            "{query:?}"
        );
        let listed = app
            .dead_letters
            .dead_letters(&filter)
            .await
            .unwrap()
            .items
            .len();
        assert_eq!(i64::try_from(listed).unwrap(), found, "{query:?}");
        let (counts, page) = app.dead_letters.find_letters(&filter, true).await.unwrap();
        let both = (counts.total, page.items.len(), page.next);
        assert_eq!(both, (found, listed, None), "{query:?}");
    }
}

#[tokio::test]
async fn pages_that_are_found_with_their_count_hold_each_letter_once_in_their_order() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    // Neighbours are of different codes and shops: a page is put together from several counts.
    sqlx::raw_sql(
        "INSERT INTO bridge.dead_letters (shop, portal, number, code, message, payload)
         SELECT CASE WHEN i % 3 > 0 THEN 'main' END, 'main', 'N-' || i,
           (ARRAY['MAP-STATUS', 'B24-REFUSED'])[1 + i % 2], 'words', '{}'
         FROM generate_series(1, 23) i",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    let number = |nth: i32| format!("N-{nth}");
    for newest_first in [false, true] {
        let mut filter = LetterFilter {
            text: Some("WORDS".to_owned()),
            limit: 5,
            ..LetterFilter::default()
        };
        let mut seen = Vec::new();
        loop {
            let found = app.dead_letters.find_letters(&filter, newest_first).await;
            let (counts, page) = found.unwrap();
            assert_eq!((counts.total, counts.items.len()), (23, 4));
            seen.extend(page.items.into_iter().filter_map(|letter| letter.number));
            filter.after = page.next;
            if page.next.is_none() {
                break;
            }
        }
        let mut all: Vec<String> = (1..=23).map(number).collect();
        if newest_first {
            all.reverse();
        }
        assert_eq!(seen, all);
    }
}

#[tokio::test]
async fn the_views_answer_the_usual_questions_and_everything_has_a_comment() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lease = lease(&db.pool, "w").await.unwrap();
    dead(&app, &lease, 3).await;
    for (view, column) in [
        ("dead_letters_by_code", "letters"),
        ("dead_letters_by_shop", "letters"),
        ("dead_letters_by_hour", "still_open"),
        ("oldest_dead_letters", "1"),
    ] {
        let sql = format!("SELECT coalesce(sum({column}), 0)::bigint FROM bridge.{view}");
        let sum: i64 = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(&db.pool)
            .await
            .unwrap();
        assert_eq!(sum, 3, "{view}");
    }
    let silent: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname || coalesce('.' || a.attname, '')
         FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND c.relkind = 'r'
           AND NOT a.attisdropped
         WHERE n.nspname = 'bridge' AND c.relname IN
           ('dead_letters', 'audit', 'bulk_jobs', 'attempts', 'open_dead_letters',
               'dead_letters_by_code', 'dead_letters_by_shop', 'dead_letters_by_hour',
               'oldest_dead_letters')
           AND (obj_description(c.oid) IS NULL OR (a.attnum IS NOT NULL
             AND col_description(c.oid, a.attnum) IS NULL))",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    assert!(silent.is_empty(), "without a comment: {silent:?}");
}

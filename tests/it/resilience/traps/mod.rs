//! A panic at any step with one order among twenty: the others get through, the one has its letter,
//! a restart does not stumble over it, and once the fault is mended a retry carries it through. The
//! steps on the way in are in `rows`, installations in `oauth`.

mod columns;
mod messages;
mod stored;

use crate::{
    delivery::isolation::{World, orders},
    support::{
        database::Database,
        shop::{app, event, lease, main_shop, rules},
    },
};
use b24_bridge::{
    app::{
        Actor, App, Backfill, DeadLetter, LetterFilter, PlannedChange, PlannedOutcome,
        PortalNotification, Registry, Retry,
    },
    domain::{Marketplace, PortalName, Stage, StatusMap},
    planner::{BrokenRow, ScanResult, StageMove},
    process::bug::{Step, Trap},
    sandbox::Sandbox,
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

const ONE: &str = "A7";
const ALL: i64 = 20;

/// Panics at this step with this thing, after so many times.
fn trapped(app: &App, step: Step, name: &str, after: usize) {
    let (name, left) = (name.to_owned(), AtomicUsize::new(after));
    let spring = move |at: Step, with: &str| {
        if at == step && with == name {
            let spare = left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
            assert!(spare.is_ok(), "trapped at {at:?} with {with}");
        }
    };
    app.set_trap(Trap(Arc::new(spring)));
}

async fn letters(app: &App) -> Vec<DeadLetter> {
    let filter = LetterFilter::default();
    app.dead_letters.dead_letters(&filter).await.unwrap().items
}

/// The one letter, of a fault of the bridge.
async fn the_letter(app: &App) -> DeadLetter {
    let mut all = letters(app).await;
    assert_eq!(all.len(), 1, "{all:?}");
    let letter = all.remove(0);
    assert_eq!(letter.code, "BRIDGE-BUG");
    assert!(letter.message.contains("trapped at"), "{letter:?}");
    letter
}

async fn retry(app: &App, letter: &DeadLetter) {
    let who = Actor::new("operator:anna");
    app.dead_letters
        .retry(letter.id, &who, Retry::default())
        .await
        .unwrap();
}

async fn count(db: &Database, what: &'static str) -> i64 {
    sqlx::query_scalar(what).fetch_one(&db.pool).await.unwrap()
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let bound = Instant::now() + Duration::from_secs(30);
    while !holds().await {
        assert!(Instant::now() < bound, "not {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Twenty orders with deals, which a manager then moved all at once while nobody looked.
async fn moved() -> (Sandbox, Database) {
    let world = World::new().await;
    world.post(&orders(20)).await;
    world.settled(Duration::from_secs(20)).await;
    let (portal, db) = world.end().await;
    for deal in portal.deals() {
        let id = deal["ID"].as_str().unwrap().parse().unwrap();
        assert!(portal.move_deal(id, "PREPARATION"));
    }
    (portal, db)
}

const CHANGED: &str = "SELECT count(*) FROM bridge.status_changes WHERE state <> 'dropped'";
const TOLD: &str = "SELECT count(*) FROM bridge.status_changes WHERE state = 'delivered'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_over_a_comparison_is_one_orders_letter() {
    let (mut portal, mut db) = moved().await;
    for _ in 0..2 {
        let app = app(&db.pool, &["main"]);
        trapped(&app, Step::Compare, ONE, 0);
        let world = World::start_as(portal, db, app, BTreeMap::new());
        until("the others decided", async || {
            count(&world.db, CHANGED).await == ALL - 1
        })
        .await;
        until("one letter", async || letters(&world.app).await.len() == 1).await;
        let letter = the_letter(&world.app).await;
        assert_eq!(letter.number.as_deref(), Some(ONE));
        let view = world
            .app
            .operations
            .order_view(&main_shop(), ONE)
            .await
            .unwrap();
        assert!(!view.unwrap().in_sync);
        (portal, db) = world.end().await;
    }
    let world = World::start(portal, db);
    retry(&world.app, &the_letter(&world.app).await).await;
    until("all decided", async || {
        count(&world.db, CHANGED).await == ALL
    })
    .await;
    assert_eq!(letters(&world.app).await, []);
    world.end().await;
}

/// What is stored of one order's agreement and cannot be read is that order's fault as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_agreement_that_cannot_be_read_is_one_orders_letter() {
    let (portal, db) = moved().await;
    let spoil = "UPDATE bridge.agreements SET agreed = jsonb_set(agreed, '{stage}', '1e400') WHERE \
                 number = 'A7'";
    sqlx::query(spoil).execute(&db.pool).await.unwrap();
    let world = World::start(portal, db);
    until("the others decided", async || {
        count(&world.db, CHANGED).await == ALL - 1
    })
    .await;
    until("one letter", async || letters(&world.app).await.len() == 1).await;
    assert_eq!(letters(&world.app).await[0].number.as_deref(), Some(ONE));
    world.end().await;
}

fn notification(deal: i64) -> PortalNotification {
    PortalNotification {
        portal: "main".to_owned(),
        event: "ONCRMDEALUPDATE".to_owned(),
        id: Some(deal),
        body: json!({"data": {"FIELDS": {"ID": deal}}}),
        sent_at: None,
    }
}

const ASKED: &str = "SELECT count(*) FROM bridge.comparisons WHERE why = 'notification'";

#[tokio::test]
async fn a_panic_over_a_notification_is_its_own_letter_wherever_it_happens() {
    // 0: while it is stored; 1: while it is taken up.
    for after in [0, 1] {
        let (portal, db) = moved().await;
        let deal = |number: &str| {
            let deals = portal.deals();
            let deal = deals.iter().find(|deal| deal["ORIGIN_ID"] == number);
            deal.unwrap()["ID"]
                .as_str()
                .unwrap()
                .parse::<i64>()
                .unwrap()
        };
        let one = deal(ONE);
        for life in 0..2 {
            let app = app(&db.pool, &["main"]);
            trapped(&app, Step::Hear, &one.to_string(), after);
            if life == 0 {
                for n in 0..20 {
                    assert!(
                        app.sync
                            .store_notification(notification(deal(&format!("A{n}"))))
                            .await
                            .unwrap()
                    );
                }
            }
            app.sync.drain_inbox("main").await.unwrap();
            assert_eq!(count(&db, ASKED).await, ALL - 1);
            the_letter(&app).await;
        }
        let app = app(&db.pool, &["main"]);
        retry(&app, &the_letter(&app).await).await;
        let asked = "SELECT count(*) FROM bridge.comparisons";
        assert_eq!(count(&db, asked).await, ALL);
    }
}

#[tokio::test]
async fn a_row_of_the_portals_queue_that_cannot_be_stored_is_its_own_letter() {
    let (_portal, db) = moved().await;
    let app = app(&db.pool, &["main"]);
    let row = |n: i64| PortalNotification {
        portal: "main".to_owned(),
        event: if n == 7 {
            "ONCRMDEAL\0".to_owned()
        } else {
            "ONCRMDEALUPDATE".to_owned()
        },
        id: Some(n),
        body: json!({}),
        sent_at: None,
    };
    let queued = (0..20).map(row).collect();
    app.sync.receive_queued("main", queued).await.unwrap();
    assert_eq!(
        count(&db, "SELECT count(*) FROM bridge.inbox").await,
        ALL - 1
    );
    assert_eq!(letters(&app).await.len(), 1);
}

#[tokio::test]
async fn a_panic_over_a_row_of_the_history_is_its_own_letter() {
    let (_portal, db) = moved().await;
    let at = chrono::DateTime::UNIX_EPOCH;
    let row = |id: u64, stage: &str| StageMove {
        id: 1_000 + id,
        deal: id,
        stage: Stage::new(0, stage),
        kind: 2,
        at,
    };
    let mut seen = ScanResult {
        history: (0..20).map(|id| row(id, "PREPARATION")).collect(),
        history_read: true,
        newest: Some(1_019),
        ..ScanResult::default()
    };
    // Two that no database takes: a text, and a time.
    seen.history.push(row(50, "NE\0W"));
    let mut old = row(51, "NEW");
    old.at = chrono::DateTime::<chrono::Utc>::MIN_UTC;
    seen.history.push(old);
    let lease = lease(&db.pool, "w").await.unwrap();
    let stored = "SELECT count(*) FROM bridge.moves WHERE id BETWEEN 1000 AND 1100";
    for _ in 0..2 {
        let app = app(&db.pool, &["main"]);
        trapped(&app, Step::Move, "1007", 0);
        app.sync.ingest_history(&lease, &seen).await.unwrap();
        assert_eq!(count(&db, stored).await, ALL - 1);
        assert_eq!(letters(&app).await.len(), 3);
    }
    let app = app(&db.pool, &["main"]);
    for letter in letters(&app).await {
        retry(&app, &letter).await;
    }
    app.sync.ingest_history(&lease, &seen).await.unwrap();
    assert_eq!(count(&db, stored).await, ALL);
}

#[tokio::test]
async fn a_panic_over_a_webhook_of_woocommerce_is_its_own_letter() {
    let db = Database::new().await;
    let order = json!({
        "id": 7, "status": "N", "currency": "RUB", "total": "10.00", "line_items": [],
        "date_created_gmt": "2026-11-01T10:00:00", "date_modified_gmt": "2026-11-01T10:00:00"
    });
    let broken = app(&db.pool, &["main"]);
    trapped(&broken, Step::Translate, "d7", 0);
    let read = async |app: &App, delivery| {
        let what = ("order.updated", delivery);
        let shop = main_shop();
        let read = app
            .dead_letters
            .read_delivery(&shop, Marketplace::default(), what, &order);
        read.await.unwrap().is_some()
    };
    assert!(!read(&broken, "d7").await);
    assert!(read(&broken, "d8").await);
    let letter = the_letter(&broken).await;
    assert_eq!(letter.about.as_deref(), Some("delivery"));
    let mended = app(&db.pool, &["main"]);
    retry(&mended, &letter).await;
    let view = mended
        .operations
        .order_view(&main_shop(), "7")
        .await
        .unwrap();
    assert_eq!(view.unwrap().pending, 1);
}

#[tokio::test]
async fn a_panic_over_a_line_of_a_file_costs_no_other_line() {
    for step in [Step::Read, Step::TakeUp] {
        let db = Database::new().await;
        let app = app(&db.pool, &["main"]);
        trapped(&app, step, "e7", 0);
        let line = |n: usize| event(&format!("e{n}"), &format!("A{n}"), 1).to_string();
        let lines: Vec<_> = (0..20).map(|n| line(n).into_bytes()).collect();
        let of = Backfill {
            shop: main_shop(),
            file: [7; 32],
            import: false,
        };
        let done = app.intake.backfill(&of, 0, &lines).await.unwrap();
        assert_eq!((done.queued, done.known, done.done), (19, 0, 20));
        assert_eq!(done.refused.len(), 1);
        assert_eq!(done.refused[0].0, 8, "the line of the file");
        assert_eq!(app.intake.backfill_position(&of).await.unwrap(), 20);
    }
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    trapped(&app, Step::Read, "e7", 0);
    let line = |n: usize| {
        let payload = event(&format!("e{n}"), &format!("A{n}"), 1);
        json!({"code": "MAP-STATUS", "payload": payload}).to_string()
    };
    let mut lines: Vec<_> = (0..20).map(line).collect();
    // A number that no column takes back.
    lines[3] = lines[3].replace("\"version\":1", "\"version\":1e308");
    let taken = app
        .dead_letters
        .import_letters(&lines.join("\n"), &Actor::new("cli"))
        .await
        .unwrap();
    assert_eq!(taken.taken + taken.faulty.len(), 20);
    assert!(taken.faulty.iter().any(|one| one.line == 8), "{taken:?}");
}

#[tokio::test]
async fn a_panic_while_a_changed_table_is_applied_is_one_orders_letter() {
    let (_portal, db) = moved().await;
    let changed = || {
        let mut rules = rules("main");
        let mut rows = rules.statuses.rows().to_vec();
        rows[0].stage = Stage::new(0, "EXECUTING");
        rules.statuses = StatusMap::new(rows);
        let directory = Registry {
            shops: BTreeMap::from([(main_shop(), Arc::new(rules))]),
            portals: vec![PortalName::parse("main").unwrap()],
            ..Registry::default()
        };
        App::new(db.pool.clone(), directory)
    };
    let who = Actor::new("cli");
    let broken = changed();
    trapped(&broken, Step::Table, ONE, 0);
    let plan = broken.sync.table_plan(&main_shop()).await.unwrap();
    assert_eq!(plan.len(), 20);
    let failed = |one: &&PlannedChange| matches!(one.outcome, PlannedOutcome::Failed(_));
    assert_eq!(plan.iter().filter(failed).count(), 1);
    assert_eq!(
        broken.sync.apply_table(&main_shop(), &who).await.unwrap(),
        19
    );
    assert_eq!(the_letter(&broken).await.number.as_deref(), Some(ONE));
    assert_eq!(
        changed()
            .sync
            .apply_table(&main_shop(), &who)
            .await
            .unwrap(),
        20
    );
}

#[tokio::test]
async fn a_row_of_the_history_over_which_the_planner_panics_is_its_own_letter() {
    let (portal, db) = moved().await;
    let deals = portal.deals();
    let deal = deals.iter().find(|deal| deal["ORIGIN_ID"] == ONE).unwrap();
    let deal: u64 = deal["ID"].as_str().unwrap().parse().unwrap();
    let row = |id: u64| StageMove {
        id: 1_000 + id,
        deal: 9_000 + id,
        stage: Stage::new(0, "PREPARATION"),
        kind: 2,
        at: chrono::DateTime::UNIX_EPOCH,
    };
    let broken = BrokenRow {
        id: Some(1_007),
        deal: Some(deal),
        row: json!({ "ID": 1_007, "OWNER_ID": deal }),
        words: "trapped at one row".to_owned(),
    };
    let seen = ScanResult {
        history: (0..20).filter(|id| *id != 7).map(row).collect(),
        broken: vec![broken],
        history_read: true,
        newest: Some(1_019),
        ..ScanResult::default()
    };
    let lease = lease(&db.pool, "w").await.unwrap();
    let asked = "SELECT count(*) FROM bridge.comparisons WHERE number = 'A7' AND why = 'history'";
    for _ in 0..2 {
        let app = app(&db.pool, &["main"]);
        app.sync.ingest_history(&lease, &seen).await.unwrap();
        let stored = "SELECT count(*) FROM bridge.moves WHERE id BETWEEN 1000 AND 1100";
        assert_eq!(count(&db, stored).await, ALL - 1);
        let letter = the_letter(&app).await;
        assert_eq!(letter.about.as_deref(), Some("move"));
        assert_eq!(letter.payload["row"]["ID"], 1_007);
        assert_eq!(
            count(&db, asked).await,
            1,
            "its deal is looked at without it"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_while_an_order_is_looked_up_by_its_origin_is_one_orders_letter() {
    let (mut portal, mut db) = moved().await;
    // As after the portal was restored.
    let let_go =
        "UPDATE bridge.orders SET deal_id = NULL, known = '{}', in_sync = false, unverified = true";
    sqlx::query(let_go).execute(&db.pool).await.unwrap();
    let found = "SELECT count(*) FROM bridge.orders WHERE deal_id IS NOT NULL AND NOT unverified";
    for _ in 0..2 {
        let app = app(&db.pool, &["main"]);
        trapped(&app, Step::Find, ONE, 0);
        let world = World::start_as(portal, db, app, BTreeMap::new());
        until("the others found", async || {
            count(&world.db, found).await == ALL - 1
        })
        .await;
        until("one letter", async || letters(&world.app).await.len() == 1).await;
        let letter = the_letter(&world.app).await;
        assert_eq!(letter.number.as_deref(), Some(ONE));
        assert_eq!(letter.about.as_deref(), Some("origin"));
        (portal, db) = world.end().await;
    }
    let world = World::start(portal, db);
    retry(&world.app, &the_letter(&world.app).await).await;
    until("all found", async || count(&world.db, found).await == ALL).await;
    world.end().await;
}

/// Every step has a test that stumbles over it: here, in `rows`, or in `oauth`.
#[test]
fn no_step_is_left_out() {
    let tests = [
        include_str!("../../delivery/product_rows/mod.rs"),
        include_str!("mod.rs"),
        include_str!("messages.rs"),
        include_str!("../../portal/oauth/events/queue.rs"),
    ]
    .concat();
    for step in Step::ALL {
        let name = format!("Step::{step:?}");
        assert!(tests.contains(&name), "{name}");
    }
}

//! Many portals in one process: each goes at its own pace.

use crate::{
    delivery::crash::Tiny,
    support::{database::Database, shop},
};
use b24_bridge::{
    app::{App, LaneWork, Registry},
    clients::bitrix24::{BatchResponse, Class, Command, Priority},
    domain::{ErrorCode, PortalName, ShopName},
    worker::{self, CallFailure, PortalClient},
};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A portal that works, one that takes very long, or one that is dead.
#[derive(Clone)]
enum Mood {
    Works(Tiny),
    Slow(Tiny),
    Dead,
}

impl PortalClient for Mood {
    async fn batch(
        &self,
        commands: &[Command],
        priority: Priority,
    ) -> Result<BatchResponse, CallFailure> {
        match self {
            Self::Works(portal) => portal.batch(commands, priority).await,
            Self::Slow(portal) => {
                tokio::time::sleep(Duration::from_secs(20)).await;
                portal.batch(commands, priority).await
            }
            Self::Dead => Err(CallFailure {
                class: Class::Down,
                code: ErrorCode::Down,
                message: "no connection".to_owned(),
                maybe_executed: false,
            }),
        }
    }

    async fn sequence(
        &self,
        commands: &[Command],
        of: Priority,
    ) -> Result<BatchResponse, CallFailure> {
        self.batch(commands, of).await
    }

    async fn probe(&self) -> Result<(), CallFailure> {
        match self {
            Self::Dead => self.batch(&[], Priority::Live).await.map(|_| ()),
            Self::Works(_) | Self::Slow(_) => Ok(()),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_portals_a_slow_and_a_dead_one_hold_up_no_other() {
    let db = Database::new().await;
    let names: Vec<String> = (0..100).map(|n| format!("p{n}")).collect();
    let rules = |name: &String| {
        let mut rules = shop::rules(name);
        rules.portal = PortalName::parse(name).unwrap();
        (ShopName::parse(name).unwrap(), Arc::new(rules))
    };
    let portal = |name: &String| PortalName::parse(name).unwrap();
    let directory = Registry {
        shops: names.iter().map(rules).collect(),
        portals: names.iter().map(portal).collect(),
        ..Registry::default()
    };
    let app = App::new(db.pool.clone(), directory);
    let mood = |(nth, name): (usize, &String)| {
        let mood = match nth {
            0 => Mood::Slow(Tiny::default()),
            1 => Mood::Dead,
            _ => Mood::Works(Tiny::default()),
        };
        (portal(name), mood)
    };
    let portals: BTreeMap<_, _> = names.iter().enumerate().map(mood).collect();
    let stop = CancellationToken::new();
    let work = tokio::spawn(worker::run(
        app.clone(),
        worker::Lanes::of(portals),
        worker::Settings {
            grace: Duration::from_millis(100),
            ..worker::Settings::default()
        },
        stop.clone(),
    ));
    for name in &names {
        let shop = ShopName::parse(name).unwrap();
        let event = shop::event("e1", "A-1", 1);
        app.intake
            .accept_events(Some(&shop), &[event])
            .await
            .unwrap();
    }
    let started = Instant::now();
    loop {
        let made: i64 =
            sqlx::query_scalar("SELECT count(*) FROM bridge.orders WHERE deal_id IS NOT NULL")
                .fetch_one(&db.pool)
                .await
                .unwrap();
        if made == 98 {
            break;
        }
        assert!(started.elapsed() < Duration::from_mins(1), "{made} deals");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.cancel();
    work.await.unwrap().unwrap();
}

/// Starts the bridge for portals of these names, each with a shop of its name.
fn start(
    db: &Database,
    names: &[&str],
    settings: worker::Settings,
    stop: &CancellationToken,
) -> (App, JoinHandle<Result<(), worker::Error>>) {
    let mut registry = Registry::default();
    let mut portals = BTreeMap::new();
    for name in names {
        let portal = PortalName::parse(name).unwrap();
        let mut rules = shop::rules(name);
        rules.portal = portal.clone();
        let shop = ShopName::parse(name).unwrap();
        registry.shops.insert(shop, Arc::new(rules));
        registry.portals.push(portal.clone());
        portals.insert(portal, Mood::Works(Tiny::default()));
    }
    let app = App::new(db.pool.clone(), registry);
    let lanes = worker::Lanes::of(portals);
    let work = tokio::spawn(worker::run(app.clone(), lanes, settings, stop.clone()));
    (app, work)
}

async fn count(db: &Database, query: &'static str) -> i64 {
    sqlx::query_scalar(query).fetch_one(&db.pool).await.unwrap()
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_whose_row_is_locked_costs_no_other_its_lease() {
    let (db, stop) = (Database::new().await, CancellationToken::new());
    let settings = worker::Settings {
        lease: Duration::from_secs(4),
        poll: Duration::from_millis(100),
        ..worker::Settings::default()
    };
    let (_, work) = start(&db, &["a", "b", "c"], settings, &stop);
    let held = "SELECT count(*) FROM bridge.lanes WHERE lease_until > now()";
    until("all lanes are held", async || count(&db, held).await == 3).await;
    let mut long = db.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM bridge.lanes WHERE portal = 'a' FOR UPDATE")
        .execute(&mut *long)
        .await
        .unwrap();
    let run_out = "SELECT count(*) FROM bridge.lanes
                   WHERE portal = 'a' AND lease_until < now() - interval '1 second'";
    until("its lease runs out", async || {
        count(&db, run_out).await == 1
    })
    .await;
    let others = "SELECT count(*) FROM bridge.lanes
                  WHERE portal <> 'a' AND epoch = 1 AND lease_until > now()";
    assert_eq!(count(&db, others).await, 2);
    long.rollback().await.unwrap();
    until("it is held again", async || count(&db, held).await == 3).await;
    assert_eq!(count(&db, others).await, 2);
    stop.cancel();
    work.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_whose_row_is_locked_keeps_no_other_from_being_taken() {
    let (db, stop) = (Database::new().await, CancellationToken::new());
    let ended = "INSERT INTO bridge.lanes (portal, owner, lease_until)
                 VALUES ('a', 'gone', now() - interval '1 minute')";
    sqlx::query(ended).execute(&db.pool).await.unwrap();
    let mut long = db.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM bridge.lanes WHERE portal = 'a' FOR UPDATE")
        .execute(&mut *long)
        .await
        .unwrap();
    let settings = worker::Settings {
        poll: Duration::from_millis(100),
        ..worker::Settings::default()
    };
    let (_, work) = start(&db, &["a", "b", "c"], settings, &stop);
    let held = "SELECT count(*) FROM bridge.lanes WHERE lease_until > now()";
    until("the others are held", async || count(&db, held).await == 2).await;
    long.rollback().await.unwrap();
    until("it is held, too", async || count(&db, held).await == 3).await;
    stop.cancel();
    work.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_are_renewed_while_all_connections_are_in_use() {
    let (db, stop) = (Database::new().await, CancellationToken::new());
    let lease = Duration::from_millis(1_500);
    let settings = worker::Settings {
        lease,
        poll: Duration::from_millis(100),
        ..worker::Settings::default()
    };
    let (_, work) = start(&db, &["a", "b", "c"], settings, &stop);
    let held = "SELECT count(*) FROM bridge.lanes WHERE lease_until > now()";
    until("all lanes are held", async || count(&db, held).await == 3).await;
    // One is the listener's all the time.
    let mut all = Vec::new();
    while let Ok(one) = tokio::time::timeout(Duration::from_secs(1), db.pool.acquire()).await {
        all.push(one.unwrap());
    }
    let one = &mut **all.first_mut().unwrap();
    let long: String = sqlx::query_scalar("SELECT (now() + interval '6 seconds')::text")
        .fetch_one(&mut *one)
        .await
        .unwrap();
    let renewed = "SELECT count(*) FROM bridge.lanes
                   WHERE epoch = 1 AND lease_until > $1::timestamptz";
    until(
        "four times as long as a lease they are renewed",
        async || {
            let renewed: i64 = sqlx::query_scalar(renewed)
                .bind(&long)
                .fetch_one(&mut *one)
                .await
                .unwrap();
            renewed == 3
        },
    )
    .await;
    drop(all);
    stop.cancel();
    work.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_for_which_nobody_rang_is_found_by_the_watch() {
    let (db, stop) = (Database::new().await, CancellationToken::new());
    let settings = worker::Settings {
        poll: Duration::from_millis(200),
        reconcile: Duration::from_mins(30),
        ..worker::Settings::default()
    };
    let (app, work) = start(&db, &["a", "b"], settings, &stop);
    let shop = ShopName::parse("b").unwrap();
    let order = [shop::event("e1", "A-1", 1)];
    app.intake.accept_events(Some(&shop), &order).await.unwrap();
    let done = "SELECT count(*) FROM bridge.orders WHERE deal_id IS NOT NULL AND due_at IS NULL";
    until("the deal is made", async || count(&db, done).await == 1).await;
    // The lane has had its last look, and rests for half a minute and more.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    let ask = "INSERT INTO bridge.inbox (portal, event, deal_id, body, state)
               VALUES ('b', 'ONCRMDEALUPDATE', 1, '{}', 'new')";
    sqlx::query(ask).execute(&db.pool).await.unwrap();
    let new = "SELECT count(*) FROM bridge.inbox WHERE state = 'new'";
    until("it is taken up", async || count(&db, new).await == 0).await;
    assert!(begun.elapsed() < Duration::from_secs(10));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let begun = Instant::now();
    // Of one note the order is in the portal, of the other nobody has heard.
    let notes = "INSERT INTO bridge.subjects (shop, key, kind, portal, order_number, body, due_at,
                                              waits_since)
                 SELECT 'b', 'note:' || number, 'note', 'b', number,
                        jsonb_build_object('comment', 'Hello'), now(), now()
                 FROM unnest(ARRAY['A-1', 'A-2']) AS n (number)";
    sqlx::query(notes).execute(&db.pool).await.unwrap();
    let taken = "SELECT count(*) FROM bridge.subjects
                 WHERE done_at IS NOT NULL OR error_code IS NOT NULL";
    until("the note is taken up", async || {
        count(&db, taken).await == 1
    })
    .await;
    assert!(begun.elapsed() < Duration::from_secs(10));
    let waits = "SELECT count(*) FROM bridge.subjects WHERE key = 'note:A-2' AND attempts = 0";
    assert_eq!(count(&db, waits).await, 1);
    stop.cancel();
    work.await.unwrap().unwrap();
}

/// Says what waits.
type Said = fn(&mut LaneWork);

/// Something that waits for a portal, by what is said of it; the portal's name is left out.
const WAITING: [(&str, Said); 9] = [
    (
        "INSERT INTO bridge.orders (shop, number, portal, due_at, waits_since)
         VALUES ('a', 'A-1', '?', now() + interval '1 hour', now())",
        |work| work.orders = true,
    ),
    (
        "INSERT INTO bridge.subjects (shop, key, kind, portal, body, due_at, waits_since)
         VALUES ('a', 'form:1', 'form', '?', '{}', now() + interval '1 hour', now())",
        |work| work.subjects = true,
    ),
    (
        "INSERT INTO bridge.subjects (shop, key, kind, portal, body, due_at, waits_since)
         VALUES ('a', 'note:1', 'note', '?', '{}', now(), now())",
        |work| work.subjects = true,
    ),
    (
        "INSERT INTO bridge.subjects (shop, key, kind, portal, body, lead_id, done_at, follow_at)
         VALUES ('a', 'form:2', 'form', '?', '{}', 7, now(), now() + interval '1 hour')",
        |work| work.leads = true,
    ),
    (
        "INSERT INTO bridge.subjects (shop, key, kind, portal, body, due_at, waits_since)
         VALUES ('a', 'product:1', 'product', '?', '{}', now(), now())",
        |work| work.products = true,
    ),
    (
        "INSERT INTO bridge.subjects (shop, key, kind, portal, body, due_at, waits_since)
         VALUES ('a', 'picture:1', 'picture', '?', '{}', now(), now())",
        |work| work.pictures = true,
    ),
    (
        "INSERT INTO bridge.orders (shop, number, portal, unverified)
         VALUES ('a', 'A-2', '?', true)",
        |work| work.unverified = true,
    ),
    (
        "INSERT INTO bridge.inbox (portal, event, deal_id, body, state)
         VALUES ('?', 'ONCRMDEALUPDATE', 1, '{}', 'new')",
        |work| work.comparisons = true,
    ),
    (
        "INSERT INTO bridge.comparisons (shop, number, portal, why)
         VALUES ('a', 'A-2', '?', 'history')",
        |work| work.comparisons = true,
    ),
];

#[tokio::test]
async fn what_waits_for_a_portal_is_told_by_its_kind_and_nothing_of_another() {
    let db = Database::new().await;
    let app = App::new(db.pool.clone(), Registry::default());
    let shops = ["a".to_owned()];
    let work = async || app.lanes.work("a", &shops).await.unwrap();
    let run = async |statement: String| {
        let statement = sqlx::raw_sql(sqlx::AssertSqlSafe(statement));
        statement.execute(&db.pool).await.unwrap();
    };
    let nothing = work().await;
    let quiet = format!("{nothing:?}");
    assert!(!quiet.contains("true"), "{quiet}");
    for (insert, says) in WAITING {
        let mut expected = nothing;
        says(&mut expected);
        for (portal, expected) in [("another", nothing), ("a", expected)] {
            run(insert.replace('?', portal)).await;
            assert_eq!(work().await, expected, "{portal}: {insert}");
            let all = "DELETE FROM bridge.comparisons; DELETE FROM bridge.orders;
                       DELETE FROM bridge.subjects; DELETE FROM bridge.inbox";
            run(all.to_owned()).await;
        }
    }
}

//! An id alone is never proof: another portal behind the address, or an older state of it, and
//! whose deal is written.

use crate::{
    delivery::isolation::{World, order, orders},
    support::{
        database::Database,
        shop::{app, rules},
    },
};
use b24_bridge::{
    app::{App, Registry},
    domain::{Agreed, PortalName, ShopRules, Stage},
    sandbox::{self, Sandbox},
    storage::{queue::portal_identity, sync::agreements},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// Deals that managers made by hand, with no origin but one, which is another system's.
async fn strangers(portal: &Sandbox, many: usize) -> Vec<Value> {
    let http = crate::portal::sandbox::client();
    for n in 0..many {
        let mut fields =
            json!({"TITLE": format!("Чужая {n}"), "OPPORTUNITY": 7, "CURRENCY_ID": "RUB"});
        if n == 0 {
            fields["ORIGINATOR_ID"] = json!("another");
            fields["ORIGIN_ID"] = json!("A0");
        }
        let url = format!("{}crm.deal.add", portal.url());
        let made = http
            .post(url)
            .json(&json!({ "fields": fields }))
            .send()
            .await;
        assert!(made.unwrap().status().is_success());
    }
    foreign(portal)
}

/// Everybody else's deals, as they are.
fn foreign(portal: &Sandbox) -> Vec<Value> {
    let deals = portal.deals().into_iter();
    deals
        .filter(|deal| deal["ORIGINATOR_ID"] != "main")
        .collect()
}

/// The orders as the shop changed them.
pub(crate) fn changed(orders: &[Value]) -> Vec<Value> {
    let change = |event: &Value| {
        let mut event = event.clone();
        let number = event["data"]["number"].as_str().unwrap().to_owned();
        event["id"] = json!(format!("e2-{number}"));
        event["data"]["version"] = json!(2);
        event["data"]["total"] = json!("150.00");
        event["data"]["items"][0]["price"] = json!("150.00");
        event
    };
    orders.iter().map(change).collect()
}

/// Waits until the bridge says that the portal is not what it was.
async fn told(world: &World, code: &str) {
    let begun = Instant::now();
    loop {
        let portal = world
            .app
            .operations
            .status()
            .await
            .unwrap()
            .portals
            .remove(0);
        if portal.changed.is_some_and(|changed| changed.code == code) {
            return;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{code} is not told"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub(crate) fn every_order_has_one_deal(world: &World, orders: &[Value]) {
    for event in orders {
        let number = event["data"]["number"].as_str().unwrap();
        let deals = world.portal.deals().into_iter();
        let own: Vec<Value> = deals
            .filter(|deal| deal["ORIGIN_ID"] == number && deal["ORIGINATOR_ID"] == "main")
            .collect();
        assert_eq!(own.len(), 1, "{number}: {own:?}");
        assert_eq!(own[0]["OPPORTUNITY"], "150.00", "{number}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn behind_another_address_orders_are_looked_up_and_nobody_elses_deal_is_touched() {
    let world = World::new().await;
    let events = orders(5);
    world.post(&events).await;
    world.settled(Duration::from_secs(20)).await;
    assert_eq!(world.portal.deals().len(), 5);
    let (_first, db) = world.end().await;
    let portal = World::portal().await;
    let theirs = strangers(&portal, 5).await;
    // One order was brought over by whoever moved the portal.
    let moved = json!(
        {
            "fields": {
                "TITLE": "A1", "ORIGINATOR_ID": "main", "ORIGIN_ID": "A1", "CURRENCY_ID": "RUB"
            }
        }
    );
    let url = format!("{}crm.deal.add", portal.url());
    let http = crate::portal::sandbox::client();
    http.post(url).json(&moved).send().await.unwrap();
    let world = World::start(portal, db);
    told(&world, "B24-OTHER-PORTAL").await;
    let events = changed(&events);
    world.post(&events).await;
    world.settled(Duration::from_secs(20)).await;
    assert_eq!(foreign(&world.portal), theirs, "{}", world.lives().await);
    every_order_has_one_deal(&world, &events);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_portal_at_the_same_address_is_told_by_its_deals() {
    let world = World::new().await;
    let events = orders(5);
    world.post(&events).await;
    world.settled(Duration::from_secs(20)).await;
    let (portal, db) = world.end().await;
    portal.replace();
    let theirs = strangers(&portal, 9).await;
    let world = World::start(portal, db);
    let events = changed(&events);
    world.post(&events).await;
    told(&world, "B24-OTHER-PORTAL").await;
    world.settled(Duration::from_secs(20)).await;
    assert_eq!(foreign(&world.portal), theirs, "{}", world.lives().await);
    every_order_has_one_deal(&world, &events);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restored_backup_deals_are_found_again_and_lost_ones_made_and_moves_are_heard() {
    let world = World::new().await;
    let mut events = orders(6);
    world.post(&events[..3]).await;
    world.settled(Duration::from_secs(20)).await;
    world.portal.back_up();
    world.post(&events[3..]).await;
    world.settled(Duration::from_secs(20)).await;
    // The history is read beyond what the backup knows.
    let begun = Instant::now();
    loop {
        let read: i64 = sqlx::query_scalar("SELECT count(*) FROM bridge.cursors")
            .fetch_one(&world.db.pool)
            .await
            .unwrap();
        if read > 0 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "not read");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for deal in world.portal.deals() {
        let id = deal["ID"].as_str().unwrap().parse().unwrap();
        assert!(world.portal.move_deal(id, "PREPARATION"));
    }
    let begun = Instant::now();
    loop {
        let seen: i64 = sqlx::query_scalar("SELECT coalesce(max(id), 0) FROM bridge.moves")
            .fetch_one(&world.db.pool)
            .await
            .unwrap();
        let noted: i64 =
            sqlx::query_scalar("SELECT coalesce(max(history_id), 0) FROM bridge.portals")
                .fetch_one(&world.db.pool)
                .await
                .unwrap();
        if seen >= 12 && noted >= 12 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{seen} {noted}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(world.portal.restore());
    let theirs = strangers(&world.portal, 1).await;
    told(&world, "B24-WENT-BACK").await;
    events.push(order("B7"));
    let events = changed(&events);
    world.post(&events).await;
    world.settled(Duration::from_secs(20)).await;
    assert_eq!(foreign(&world.portal), theirs, "{}", world.lives().await);
    every_order_has_one_deal(&world, &events);
    let first = world.portal.deals()[0]["ID"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!(world.portal.move_deal(first, "WON"));
    let begun = Instant::now();
    loop {
        let heard: i64 =
            sqlx::query_scalar("SELECT count(*) FROM bridge.moves WHERE stage = 'WON'")
                .fetch_one(&world.db.pool)
                .await
                .unwrap();
        if heard > 0 {
            break;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "not heard");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_newest_deal_that_is_deleted_with_its_history_is_no_older_state_of_the_portal() {
    let portal = sandbox::Options {
        forgets_moves: true,
        ..sandbox::Options::default().plan(sandbox::Plan::Unlimited)
    };
    let portal = Sandbox::start(portal).await.unwrap();
    let world = World::start(portal, Database::new().await);
    let events = orders(5);
    world.post(&events[..1]).await;
    world.settled(Duration::from_secs(20)).await;
    // What was there before the first reading is not read.
    until(&world, "begun", "SELECT count(*) FROM bridge.cursors", 1).await;
    world.post(&events[1..]).await;
    world.settled(Duration::from_secs(20)).await;
    let known = "SELECT count(*) FROM bridge.portals WHERE history_id >= 5";
    let read = "SELECT count(*) FROM bridge.moves WHERE id >= 5";
    until(&world, "read", known, 1).await;
    until(&world, "read", read, 1).await;
    let newest = world.portal.deals().pop().unwrap();
    let lost = newest["ORIGIN_ID"].as_str().unwrap().to_owned();
    let id = newest["ID"].as_str().unwrap().parse().unwrap();
    assert!(world.portal.delete_deal(id));
    // The portal is asked again who it is.
    let asked = "SELECT count(*) FROM bridge.portals WHERE checked_at > now() - interval '50 ms'";
    tokio::time::sleep(Duration::from_millis(100)).await;
    until(&world, "asked", asked, 1).await;
    let events = changed(&events);
    world.post(&events).await;
    world.settled(Duration::from_secs(20)).await;
    let letters = [(lost, "B24-DEAL-GONE".to_owned(), 1)];
    assert_eq!(world.letters().await, letters, "{}", world.lives().await);
    let status = world.app.operations.status().await.unwrap();
    assert_eq!(status.portals[0].changed, None);
    let agreed = "SELECT count(*) FROM bridge.agreements WHERE agreed IS NOT NULL";
    until(&world, "agreed", agreed, 5).await;
    world.end().await;
}

async fn until(world: &World, what: &str, counted: &'static str, wanted: i64) {
    let begun = Instant::now();
    loop {
        let count: i64 = sqlx::query_scalar(counted)
            .fetch_one(&world.db.pool)
            .await
            .unwrap();
        if count == wanted {
            return;
        }
        let late = begun.elapsed() > Duration::from_secs(20);
        assert!(!late, "not {what}: {count}\n{}", world.lives().await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// The bridge of a shop that belongs to another portal by now.
fn moved(db: &Database) -> App {
    let portal = PortalName::parse("second").unwrap();
    let rules = ShopRules {
        portal: portal.clone(),
        ..rules("main")
    };
    let directory = Registry {
        shops: BTreeMap::from([(rules.shop.clone(), Arc::new(rules))]),
        portals: vec![portal],
        ..Registry::default()
    };
    App::new(db.pool.clone(), directory)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_orders_of_a_shop_that_moves_to_another_portal_move_with_it() {
    let world = World::new().await;
    let events = orders(5);
    world.post(&events).await;
    world.settled(Duration::from_secs(20)).await;
    let (first, db) = world.end().await;
    let before = first.deals();
    // One more, which nobody has brought to the first portal yet.
    let waiting = app(&db.pool, &["main"]);
    let late = [order("LATE")];
    waiting.intake.accept_events(None, &late).await.unwrap();
    // The second portal has deals with the same ids, and one of the orders is there.
    let portal = World::portal().await;
    let theirs = strangers(&portal, 5).await;
    let there = json!(
        {
            "fields": {
                "TITLE": "A1", "ORIGINATOR_ID": "main", "ORIGIN_ID": "A1", "CURRENCY_ID": "RUB"
            }
        }
    );
    let url = format!("{}crm.deal.add", portal.url());
    let http = crate::portal::sandbox::client();
    http.post(url).json(&there).send().await.unwrap();
    // At the next event an order moves, whoever drives the lanes.
    let app = moved(&db);
    let changed_one = changed(&events[2..3]);
    app.intake.accept_events(None, &changed_one).await.unwrap();
    let of_the_first: i64 =
        sqlx::query_scalar("SELECT count(*) FROM bridge.orders WHERE portal = 'main'")
            .fetch_one(&db.pool)
            .await
            .unwrap();
    assert_eq!(of_the_first, 5, "five others and not the one");
    // The others when a worker starts.
    let world = World::start_as(portal, db, app, BTreeMap::new());
    let begun = Instant::now();
    let left = "SELECT count(*) FROM bridge.orders
                WHERE portal <> 'second' OR unverified OR due_at IS NOT NULL";
    loop {
        let left: i64 = sqlx::query_scalar(left)
            .fetch_one(&world.db.pool)
            .await
            .unwrap();
        if left == 0 {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{left} left\n{}",
            world.lives().await
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(
        world.deals_of("LATE"),
        1,
        "what waited goes where the shop is"
    );
    assert_eq!((world.deals_of("A2"), world.deals_of("A1")), (1, 1));
    assert_eq!(
        world.deals_of("A3"),
        0,
        "it is made when the shop next sends it"
    );
    let rest = changed(&[&events[..2], &events[3..]].concat());
    world.post(&rest).await;
    world.settled(Duration::from_secs(20)).await;
    every_order_has_one_deal(&world, &changed(&events));
    assert_eq!(foreign(&world.portal), theirs, "{}", world.lives().await);
    assert_eq!(
        first.deals(),
        before,
        "nothing is written to the first portal"
    );
    world.end().await;
}

/// An order whose deal is gone, about which people are asked.
async fn asked_about(db: &Database, number: &str) {
    let rows = [
        "INSERT INTO bridge.orders (shop, number, portal, deal_id) VALUES ('main', $1, 'main', 7)",
        "INSERT INTO bridge.agreements (shop, number, gone_at) VALUES ('main', $1, now())",
        "INSERT INTO bridge.conflicts (portal, shop, number, decision_id, code, sentence, status,
                                       stage)
         VALUES ('main', 'main', $1, 0, 'B24-DEAL-GONE', 'it is gone', 'N', 'NEW')",
    ];
    for row in rows {
        let row = sqlx::query(row).bind(number).execute(&db.pool);
        row.await.unwrap();
    }
}

#[tokio::test]
async fn a_question_about_a_deal_ends_with_the_order_s_tie_to_it() {
    let db = Database::new().await;
    let all = ["made-anew", "let-go", "elsewhere"];
    for number in all {
        asked_about(&db, number).await;
    }
    let open = async || {
        let open = "SELECT number FROM bridge.conflicts WHERE closed_at IS NULL ORDER BY id";
        let open: Vec<String> = sqlx::query_scalar(open).fetch_all(&db.pool).await.unwrap();
        open
    };
    assert_eq!(open().await, all);
    let (shops, of) = (["main".to_owned()], |number: &str| [number.to_owned()]);
    let mut row = db.pool.acquire().await.unwrap();
    let agreed = [Agreed::new("N", Stage::new(0, "NEW"))];
    agreements::begin(&mut row, (&shops, &of("made-anew")), &agreed, &[true])
        .await
        .unwrap();
    assert_eq!(open().await, ["let-go", "elsewhere"]);
    portal_identity::release(&mut row, &shops, &of("let-go"))
        .await
        .unwrap();
    assert_eq!(open().await, ["elsewhere"]);
    portal_identity::let_go_of_all(&mut row, "main")
        .await
        .unwrap();
    assert!(open().await.is_empty());
}

#[tokio::test]
async fn only_the_lane_of_a_shop_that_moved_is_woken() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let lane = app.waker().subscribe("main");
    let woken = async || {
        let rung = tokio::time::timeout(Duration::ZERO, lane.notified());
        rung.await.is_ok()
    };
    let order = "INSERT INTO bridge.orders (shop, number, portal) VALUES ('main', 'A-1', 'main')";
    sqlx::query(order).execute(&db.pool).await.unwrap();
    assert_eq!(app.delivery.move_shops().await.unwrap(), 0);
    assert!(!woken().await);
    let elsewhere = "UPDATE bridge.orders SET portal = 'earlier'";
    sqlx::query(elsewhere).execute(&db.pool).await.unwrap();
    assert_eq!(app.delivery.move_shops().await.unwrap(), 1);
    assert!(woken().await);
}

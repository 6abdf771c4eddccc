//! A panic with one message to a shop.

use super::{ALL, CHANGED, ONE, TOLD, count, letters, moved, retry, the_letter, trapped, until};
use crate::support::connections;
use crate::{
    delivery::isolation::World,
    support::{
        database::Database,
        shop::{app, main_shop, rules},
    },
};
use axum::{Router, routing::post};
use b24_bridge::{
    app::{App, Registry, SyncRules},
    clients::callback::{Secret, Sender},
    domain::{PortalName, ShopName},
    process::bug::Step,
};
use std::{collections::BTreeMap, sync::Arc};

/// A bridge whose shop is called.
fn calling(db: &Database) -> App {
    let rules = rules("main");
    let two_way = SyncRules {
        callback: true,
        ..SyncRules::of(&rules)
    };
    let directory = Registry {
        shops: BTreeMap::from([(main_shop(), Arc::new(rules))]),
        portals: vec![PortalName::parse("main").unwrap()],
        two_way: BTreeMap::from([(main_shop(), Arc::new(two_way))]),
        ..Registry::default()
    };
    App::new(db.pool.clone(), directory)
}

async fn a_message_is_lost_to_one_order_only(step: Step) {
    let (mut portal, mut db) = moved().await;
    let callbacks = shop().await;
    for _ in 0..2 {
        let app = calling(&db);
        trapped(&app, step, ONE, 0);
        let world = World::start_as(portal, db, app, callbacks.clone());
        until("the others told", async || {
            count(&world.db, TOLD).await == ALL - 1
        })
        .await;
        until("one letter", async || letters(&world.app).await.len() == 1).await;
        assert_eq!(the_letter(&world.app).await.number.as_deref(), Some(ONE));
        (portal, db) = world.end().await;
    }
    let app = calling(&db);
    let world = World::start_as(portal, db, app, callbacks);
    retry(&world.app, &the_letter(&world.app).await).await;
    until("all told", async || count(&world.db, TOLD).await == ALL).await;
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_before_a_message_is_sent_is_one_orders_letter() {
    a_message_is_lost_to_one_order_only(Step::Tell).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_over_a_shops_answer_is_one_orders_letter() {
    a_message_is_lost_to_one_order_only(Step::Answer).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_over_one_message_of_the_feed_ends_no_reading_of_it() {
    let (portal, db) = moved().await;
    let world = World::start(portal, db);
    until("all decided", async || {
        count(&world.db, CHANGED).await == ALL
    })
    .await;
    let (_portal, db) = world.end().await;
    let read = async |app: &App, after| {
        let page = app
            .sync
            .status_changes(&main_shop(), after, 100)
            .await
            .unwrap();
        let numbers: Vec<_> = page.changes.iter().map(|one| one.number.clone()).collect();
        (numbers, page.next)
    };
    let broken = app(&db.pool, &["main"]);
    trapped(&broken, Step::Tell, ONE, 0);
    let (numbers, next) = read(&broken, 0).await;
    assert_eq!(numbers.len(), 19);
    assert!(!numbers.contains(&ONE.to_owned()));
    let letter = the_letter(&broken).await;
    let mended = app(&db.pool, &["main"]);
    retry(&mended, &letter).await;
    assert_eq!(
        read(&mended, next).await.0,
        [ONE],
        "it comes behind what was read"
    );
}

/// A shop that takes everything.
async fn shop() -> BTreeMap<ShopName, Sender> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/bridge", listener.local_addr().unwrap());
    let router = Router::new().route("/bridge", post(async || ""));
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
    BTreeMap::from([(
        main_shop(),
        Sender::new(&url, secret, &connections()).unwrap(),
    )])
}

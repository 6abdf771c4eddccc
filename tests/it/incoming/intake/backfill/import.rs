//! `backfill --import`: the deals of a history are imported.

use super::world::{World, order};
use b24_bridge::sandbox::{Faults, Imports, Options, Plan, Robot};
use serde_json::json;
use std::{collections::BTreeMap, time::Duration};

fn unlimited() -> Options {
    Options::default().plan(Plan::Unlimited)
}

/// A robot that moves each deal that comes to the first stage.
fn robot() -> Robot {
    let fields = json!({"STAGE_ID": "PREPARATION"});
    Robot {
        stage: Some("NEW".to_owned()),
        trigger: None,
        fields: fields.as_object().unwrap().clone(),
    }
}

/// One deal an order, its rows and sum, and a contact of its own.
fn check(world: &World, orders: usize) {
    let mut by_number: BTreeMap<String, usize> = BTreeMap::new();
    for deal in world.portal.deals() {
        let number = deal["ORIGIN_ID"].as_str().unwrap().to_owned();
        *by_number.entry(number).or_default() += 1;
        assert_eq!(deal["OPPORTUNITY"], "350.50", "{deal}");
        assert!(deal["CONTACT_ID"].as_str().is_some(), "{deal}");
        let id = deal["ID"].as_str().unwrap().parse().unwrap();
        assert_eq!(world.portal.rows(id).len(), 3, "the rows of deal {id}");
    }
    assert_eq!(by_number.len(), orders);
    assert!(by_number.values().all(|count| *count == 1), "{by_number:?}");
    assert_eq!(world.portal.contacts().len(), orders);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_imported_history_starts_no_robots_and_takes_few_calls() {
    let world = World::new(unlimited(), 500).await;
    world.portal.set_robots(vec![robot()]);
    world.write((0..96).map(order));
    let load = world.backfill(&["--import"]);
    let (fine, told) = world.over(load).await;
    assert!(fine && told["queued"] == 96, "{told}");
    let before = world.portal.stats().requests;
    let _bridge = world.serve();
    world.settled(96).await;
    let calls = world.portal.stats().requests - before;
    check(&world, 96);
    for deal in world.portal.deals() {
        assert_eq!(deal["STAGE_ID"], "NEW", "a robot was started: {deal}");
    }
    assert_eq!(world.ran("crm.deal.add"), 0);
    assert_eq!(world.ran("crm.deal.update"), 0);
    assert!(world.ran("crm.item.batchimport") <= 6);
    // Two waves of four calls, and what the lane reads of the stages meanwhile.
    assert!(calls <= 8 + 8, "{calls} calls for 96 orders");
    world.post(order(500)).await;
    world
        .until("an order of today starts the robot", async || {
            world
                .deal_of("H500")
                .is_some_and(|deal| deal["STAGE_ID"] == "PREPARATION")
        })
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn interrupted_and_run_again_before_a_faulty_portal_nothing_is_imported_twice() {
    let faults = Faults {
        bad_gateway: 0.02,
        lost_answer: 0.06,
        half_answer: 0.02,
        gateway_timeout: 0.02,
        reset_before: 0.02,
        ..Faults::default()
    };
    let options = unlimited()
        .latency(Duration::from_millis(20))
        .faults(faults);
    let world = World::new(options, 500).await;
    world.write((0..120).map(order));
    let mut app = world.serve();
    for kill in 1..=3 {
        let load = world.backfill(&["--import"]);
        world
            .until("some are there", async || {
                world.portal.deals().len() >= kill * 24
            })
            .await;
        // Both at once, in the middle of whatever they do.
        drop(load);
        drop(app);
        app = world.serve();
    }
    let (fine, told) = world.over(world.backfill(&["--import"])).await;
    assert!(fine && told["done"] == 120, "{told}");
    world.settled(120).await;
    check(&world, 120);
    assert_eq!(world.ran("crm.deal.add"), 0, "each was imported");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_faulty_order_is_refused_alone_also_where_it_ends_the_whole_command() {
    for imports in [Imports::EachByItself, Imports::StopAtFault] {
        let world = World::new(
            Options {
                imports,
                ..unlimited()
            },
            500,
        )
        .await;
        let bad = |number: usize| {
            let mut order = order(number);
            if number == 7 {
                order["currency"] = json!("XXX");
            }
            order
        };
        world.write((0..30).map(bad));
        let _bridge = world.serve();
        world.over(world.backfill(&["--import"])).await;
        let letters = "SELECT code FROM bridge.open_dead_letters WHERE number = 'H7'";
        let mut code: Option<String> = None;
        world
            .until("the faulty one is a dead letter", async || {
                let found = sqlx::query_scalar(letters).fetch_optional(&world.database.pool);
                code = found.await.unwrap();
                code.is_some()
            })
            .await;
        assert_eq!(code.as_deref(), Some("B24-CURRENCY"));
        world.settled(29).await;
        assert_eq!(world.portal.deals().len(), 29);
        assert_eq!(world.ran("crm.deal.add"), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_load_ends_where_the_portal_lets_the_bridge_import_nothing() {
    let imports = Imports::Denied;
    let world = World::new(
        Options {
            imports,
            ..unlimited()
        },
        500,
    )
    .await;
    world.write((0..400).map(order));
    let _bridge = world.serve();
    let (fine, told) = world.over(world.backfill(&["--import"])).await;
    assert!(!fine && told["done"].as_u64().unwrap() < 400, "{told}");
    assert!(world.portal.deals().is_empty());
}

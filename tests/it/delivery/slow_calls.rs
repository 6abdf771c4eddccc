//! Calls whose answers take long: the lane goes on with what does not depend on them.

use super::{
    crash::Tiny,
    isolation::{World, order, orders},
};
use crate::support::{
    database::Database,
    shop::{app, main_shop},
};
use b24_bridge::{
    clients::bitrix24::{BatchResponse, Command, Priority},
    domain::PortalName,
    sandbox::{Fault, Faults},
    worker,
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_one_call_is_slow_other_orders_go_on_and_the_same_customers_wait_for_it() {
    let slow = Duration::from_secs(20);
    let portal = World::portal().await;
    portal.set_faults(Faults {
        slow_ms: 20_000,
        ..Faults::default()
    });
    let world = World::start_patient(portal, Database::new().await, slow * 3);
    let mut first = order("SLOW");
    first["data"]["customer"] = json!({"id": "same", "phones": ["+79990000001"]});
    world
        .portal
        .fail_next(Fault::Slow, 1, Some("crm.contact.add"));
    world.post(&[first.clone()]).await;
    let under_way = "SELECT count(*) FROM bridge.under_way WHERE number = 'SLOW'";
    loop {
        let count: i64 = sqlx::query_scalar(under_way)
            .fetch_one(&world.db.pool)
            .await
            .unwrap();
        if count == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let begun = Instant::now();
    let mut of_same = order("SAME");
    of_same["data"]["customer"] = json!({"id": "same", "phones": ["+79990000001"]});
    let mut events = orders(10);
    events.push(of_same);
    world.post(&events).await;
    loop {
        let made = (0..10)
            .filter(|n| world.deals_of(&format!("A{n}")) == 1)
            .count();
        if made == 10 {
            break;
        }
        assert!(
            begun.elapsed() + Duration::from_secs(8) < slow,
            "{made}\n{}",
            world.lives().await
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!((world.deals_of("SLOW"), world.deals_of("SAME")), (0, 0));
    world.settled(slow * 2).await;
    assert_eq!((world.deals_of("SLOW"), world.deals_of("SAME")), (1, 1));
    let contacts = world.portal.contacts();
    let of_them = contacts
        .iter()
        .filter(|contact| contact.to_string().contains("79990000001"));
    assert_eq!(of_them.count(), 1, "one contact: {}", world.lives().await);
    assert_eq!(world.letters().await, []);
    world.end().await;
}

/// A portal whose every call takes long, until it is quick again.
#[derive(Clone, Default)]
struct Slow {
    tiny: Tiny,
    quick: Arc<AtomicBool>,
    open: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
}

impl worker::PortalClient for Slow {
    async fn batch(
        &self,
        commands: &[Command],
        of: Priority,
    ) -> Result<BatchResponse, worker::CallFailure> {
        let open = self.open.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(open, Ordering::SeqCst);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(30) && !self.quick.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let answer = self.tiny.batch(commands, of).await;
        self.open.fetch_sub(1, Ordering::SeqCst);
        answer
    }

    async fn sequence(
        &self,
        commands: &[Command],
        of: Priority,
    ) -> Result<BatchResponse, worker::CallFailure> {
        self.batch(commands, of).await
    }

    async fn probe(&self) -> Result<(), worker::CallFailure> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_more_than_a_few_slow_calls_are_open_at_once() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let slow = Slow::default();
    let lanes = worker::Lanes::of(BTreeMap::from([(
        PortalName::parse("main").unwrap(),
        slow.clone(),
    )]));
    let options = worker::Settings {
        poll: Duration::from_millis(50),
        reconcile: Duration::from_hours(1),
        ..worker::Settings::default()
    };
    let stop = CancellationToken::new();
    let work = tokio::spawn(worker::run(app.clone(), lanes, options, stop.clone()));
    let begun = Instant::now();
    let mut posted = 0;
    // Each wave is waited for: those that come meanwhile are in the next.
    while begun.elapsed() < Duration::from_secs(24) {
        let event = [order(&format!("A{posted}"))];
        app.intake
            .accept_events(Some(&main_shop()), &event)
            .await
            .unwrap();
        posted += 1;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let most = slow.most.load(Ordering::SeqCst);
    // Four waves, a look, and a reading that was let go.
    assert!((3..=6).contains(&most), "{most} calls at once");
    slow.quick.store(true, Ordering::SeqCst);
    loop {
        let done = "SELECT count(*) FROM bridge.outbox WHERE state = 'done'";
        let done: i64 = sqlx::query_scalar(done).fetch_one(&db.pool).await.unwrap();
        if done == posted {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_mins(1),
            "{done} of {posted}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.cancel();
    work.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wave_that_outlives_its_lease_does_not_cost_the_lane_the_next_one() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let slow = Slow::default();
    let lanes = worker::Lanes::of(BTreeMap::from([(
        PortalName::parse("main").unwrap(),
        slow.clone(),
    )]));
    let options = worker::Settings {
        lease: Duration::from_secs(3),
        poll: Duration::from_millis(50),
        reconcile: Duration::from_hours(1),
        doubt: Duration::from_secs(1),
        ..worker::Settings::default()
    };
    let event = [order("A1")];
    app.intake
        .accept_events(Some(&main_shop()), &event)
        .await
        .unwrap();
    let stop = CancellationToken::new();
    let work = tokio::spawn(worker::run(app.clone(), lanes, options, stop.clone()));
    let begun = Instant::now();
    let within = |what: &str| {
        assert!(begun.elapsed() < Duration::from_secs(25), "{what}");
        tokio::time::sleep(Duration::from_millis(20))
    };
    while slow.open.load(Ordering::SeqCst) == 0 {
        within("the order's wave asks").await;
    }
    let epoch = async |query: &'static str| -> Option<i64> {
        let epoch = sqlx::query_scalar(query).fetch_optional(&db.pool);
        epoch.await.unwrap()
    };
    let stolen = epoch(
        "UPDATE bridge.lanes SET owner = 'another', epoch = epoch + 1,
                lease_until = now() + interval '1 second'
         WHERE portal = 'main' RETURNING epoch",
    );
    let stolen = stolen.await.unwrap();
    let held = "SELECT epoch FROM bridge.lanes
                WHERE portal = 'main' AND owner <> 'another' AND lease_until > now()";
    while epoch(held).await != Some(stolen + 1) {
        within("the lane is held again").await;
    }
    slow.quick.store(true, Ordering::SeqCst);
    let done = "SELECT count(*) FROM bridge.outbox WHERE state = 'done'";
    while epoch(done).await != Some(1) {
        within("the order is brought under the later lease").await;
    }
    assert_eq!(epoch(held).await, Some(stolen + 1));
    stop.cancel();
    work.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_a_stage_is_written_slowly_other_orders_go_on_and_that_order_waits_for_it() {
    let slow = Duration::from_secs(20);
    let portal = World::portal().await;
    portal.set_faults(Faults {
        slow_ms: 20_000,
        ..Faults::default()
    });
    let world = World::start_patient(portal, Database::new().await, slow * 3);
    world.post(&[order("SLOW")]).await;
    world.settled(slow).await;
    world
        .portal
        .fail_next(Fault::Slow, 1, Some("crm.deal.update"));
    let mut paid = order("SLOW");
    paid["id"] = json!("e-paid");
    paid["data"]["version"] = json!(2);
    paid["data"]["status"] = json!("P");
    world.post(&[paid.clone()]).await;
    let under_way = "SELECT count(*) FROM bridge.agreements WHERE writing IS NOT NULL";
    let begun = Instant::now();
    loop {
        let count: i64 = sqlx::query_scalar(under_way)
            .fetch_one(&world.db.pool)
            .await
            .unwrap();
        if count == 1 {
            break;
        }
        assert!(begun.elapsed() < slow, "{}", world.lives().await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let begun = Instant::now();
    let mut newer = paid;
    newer["id"] = json!("e-newer");
    newer["data"]["version"] = json!(3);
    newer["data"]["comment"] = json!("call first");
    let mut events = orders(10);
    events.push(newer);
    world.post(&events).await;
    let made = || (0..10).filter(|n| world.deals_of(&format!("A{n}")) == 1);
    while made().count() < 10 {
        let bound = begun.elapsed() + Duration::from_secs(8) < slow;
        assert!(bound, "{}", world.lives().await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let due = "SELECT due_at IS NOT NULL FROM bridge.orders WHERE number = 'SLOW'";
    let due: bool = sqlx::query_scalar(due)
        .fetch_one(&world.db.pool)
        .await
        .unwrap();
    assert!(due, "{}", world.lives().await);
    world.settled(slow * 2).await;
    let deals = world.portal.deals();
    let of_slow = deals.iter().find(|deal| deal["ORIGIN_ID"] == "SLOW");
    let of_slow = of_slow.unwrap().to_string();
    assert!(of_slow.contains("call first"), "{of_slow}");
    assert_eq!(world.letters().await, []);
    world.end().await;
}

//! A lane that breaks, a flood beside it, and what is due without an event.

use super::{start, until};
use crate::{
    delivery::crash::Tiny,
    support::{
        database::Database,
        shop::{app, done, event, lease, main_shop, tries},
    },
};
use b24_bridge::{
    clients::bitrix24::{BatchResponse, Command, Priority, ServerTime},
    worker::{CallFailure, PlaceTaken, PortalClient, SharedLimit},
};
use serde_json::json;
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

impl PortalClient for Breaks {
    async fn batch(
        &self,
        commands: &[Command],
        of: Priority,
    ) -> Result<BatchResponse, CallFailure> {
        self.tiny.batch(commands, of).await
    }

    async fn sequence(
        &self,
        commands: &[Command],
        of: Priority,
    ) -> Result<BatchResponse, CallFailure> {
        self.batch(commands, of).await
    }

    async fn probe(&self) -> Result<(), CallFailure> {
        Ok(())
    }

    fn heard(&self) -> Option<ServerTime> {
        None
    }

    fn limit(&self) -> &dyn SharedLimit {
        self
    }
}

impl SharedLimit for Breaks {
    fn full_drain_time(&self) -> Duration {
        Duration::ZERO
    }

    fn drain_time(&self) -> Duration {
        Duration::ZERO
    }

    fn take_over(&self, _left: Duration) {}

    fn permit(&self) -> PlaceTaken<'_> {
        Box::pin(std::future::ready(()))
    }

    fn reduced_for(&self) -> Duration {
        let less = |left: usize| left.checked_sub(1);
        let broken = self
            .left
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less);
        assert!(broken.is_err(), "the lane breaks");
        Duration::ZERO
    }

    fn lowered(&self) -> PlaceTaken<'_> {
        // The pace is looked at again and again, until nothing is left to break.
        Box::pin(tokio::time::sleep(Duration::from_millis(100)))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lane_that_ends_by_a_panic_is_started_again_counted_and_seen() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let portal = Breaks::default();
    portal.left.store(3, Ordering::SeqCst);
    let running = start(&app, &portal);
    let stuck = async || {
        let glance = app.operations.overview().await.unwrap();
        glance
            .incidents
            .into_iter()
            .find(|one| one.code == "BRIDGE-STUCK")
    };
    until("people see it", async || {
        stuck().await.is_some_and(|one| one.lane == "main")
    })
    .await;
    app.intake
        .accept_events(Some(&main_shop()), &[event("e1", "A-1", 1)])
        .await
        .unwrap();
    until("the lane goes on", async || {
        let view = app
            .operations
            .order_view(&main_shop(), "A-1")
            .await
            .unwrap();
        view.is_some_and(|view| view.in_sync)
    })
    .await;
    until("and that it is over", async || {
        stuck().await.is_some_and(|one| one.over_at.is_some())
    })
    .await;
    let meters = app.metrics().render().unwrap();
    assert!(
        meters.contains(r#"bridge_lane_restarts_total{lane="main"} 3"#),
        "{meters}"
    );
    running.end().await;
}

#[tokio::test]
async fn each_shop_has_its_share_of_a_wave_and_one_shops_flood_is_no_others_wait() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main", "other", "third"]);
    let of = |shop: &str, n: u32| {
        let mut event = event(&format!("{shop}-{n}"), &format!("{shop}-{n}"), 1);
        event["source"] = json!(format!("/shops/{shop}"));
        event
    };
    let flood: Vec<_> = (0..400).map(|n| of("main", n)).collect();
    app.intake.accept_events(None, &flood).await.unwrap();
    app.intake
        .accept_events(None, &[of("other", 0)])
        .await
        .unwrap();
    let some: Vec<_> = (0..80).map(|n| of("third", n)).collect();
    app.intake.accept_events(None, &some).await.unwrap();
    let lease = lease(&db.pool, "w").await.unwrap();
    let mut seen = BTreeMap::new();
    for turn in 0..2 {
        let claimed = app.delivery.claim(&lease, 200).await.unwrap();
        assert!(claimed.len() <= 100, "what is under way is bounded");
        let mut count: BTreeMap<String, usize> = BTreeMap::new();
        for (one, _) in &claimed {
            *count.entry(one.shop.clone()).or_default() += 1;
        }
        if turn == 0 {
            assert_eq!(count["other"], 1, "the lone order is in the first wave");
            assert_eq!((count["main"], count["third"]), (50, 49));
        }
        let first: Vec<_> = claimed
            .iter()
            .filter(|(one, _)| one.shop == "main")
            .collect();
        seen.insert(turn, first[0].0.number.clone());
        let ended = claimed.into_iter().zip(100..);
        let ended = ended.map(|((one, _), deal)| (one, done(deal))).collect();
        app.delivery.settle(&lease, &tries(), ended).await.unwrap();
    }
    assert_ne!(seen[&0], seen[&1], "and it goes on where it was");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_that_is_due_though_its_event_is_gone_ends_and_keeps_nobody_busy() {
    let db = Database::new().await;
    let app = app(&db.pool, &["main"]);
    let running = start(&app, &Tiny::default());
    app.intake
        .accept_events(Some(&main_shop()), &[event("e1", "A-1", 1)])
        .await
        .unwrap();
    let synced = async |number: &str| {
        let view = app
            .operations
            .order_view(&main_shop(), number)
            .await
            .unwrap();
        view.is_some_and(|view| view.in_sync)
    };
    until("the order is there", async || synced("A-1").await).await;
    sqlx::raw_sql(
        "DELETE FROM bridge.outbox;
         UPDATE bridge.orders SET due_at = now(), waits_since = now();
         SELECT pg_notify('bridge_lane', 'main')",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    until("it is not due any more", async || {
        let view = app
            .operations
            .order_view(&main_shop(), "A-1")
            .await
            .unwrap()
            .unwrap();
        view.pending == 0
    })
    .await;
    let view = app
        .operations
        .order_view(&main_shop(), "A-1")
        .await
        .unwrap()
        .unwrap();
    assert!(
        view.timeline
            .iter()
            .any(|line| line.text.contains("no longer stored"))
    );
    app.intake
        .accept_events(Some(&main_shop()), &[event("e2", "A-2", 1)])
        .await
        .unwrap();
    until("the next one goes through", async || synced("A-2").await).await;
    running.end().await;
}

/// A portal whose clock makes the lane panic for a while.
#[derive(Clone, Default)]
struct Breaks {
    tiny: Tiny,
    left: Arc<AtomicUsize>,
}

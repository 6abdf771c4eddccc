//! Many portals in one process: each goes at its own pace.

use crate::{
    delivery::crash::Tiny,
    support::{database::Database, shop},
};
use b24_bridge::{
    app::{App, Registry},
    clients::bitrix24::{BatchResponse, Class, Command, Priority},
    domain::{ErrorCode, PortalName, ShopName},
    worker::{self, CallFailure, PortalClient},
};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
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

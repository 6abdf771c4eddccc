//! Many portals in one process: each goes at its own pace.

use crate::{
    crash::Tiny,
    support::{database::Database, shop},
};
use b24_bridge::{
    app::{Bridge, Directory},
    bitrix24::{BatchResponse, Class, Command, Priority},
    domain::{Code, PortalName, ShopName},
    worker::{self, Failure, Options, Portal},
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

impl Portal for Mood {
    async fn batch(
        &self,
        commands: &[Command],
        priority: Priority,
    ) -> Result<BatchResponse, Failure> {
        match self {
            Self::Works(portal) => portal.batch(commands, priority).await,
            Self::Slow(portal) => {
                tokio::time::sleep(Duration::from_secs(20)).await;
                portal.batch(commands, priority).await
            }
            Self::Dead => Err(Failure {
                class: Class::Down,
                code: Code::Down,
                message: "no connection".to_owned(),
                maybe_executed: false,
            }),
        }
    }

    async fn probe(&self) -> Result<(), Failure> {
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
    let directory = Directory {
        shops: names.iter().map(rules).collect(),
        portals: names.iter().map(portal).collect(),
        ..Directory::default()
    };
    let bridge = Bridge::new(db.pool.clone(), directory);
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
        bridge.clone(),
        portals,
        Options {
            grace: Duration::from_millis(100),
            ..Options::default()
        },
        stop.clone(),
    ));
    for name in &names {
        let shop = ShopName::parse(name).unwrap();
        let event = shop::event("e1", "A-1", 1);
        bridge.accept_events(Some(&shop), &[event]).await.unwrap();
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
        assert!(started.elapsed() < Duration::from_secs(15), "{made} deals");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    stop.cancel();
    work.await.unwrap().unwrap();
}

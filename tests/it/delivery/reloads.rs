//! Newer settings for lanes that go on.

use crate::{
    delivery::crash::Tiny,
    support::{database::Database, shop},
};
use b24_bridge::{
    app::{App, Registry},
    domain::{PortalName, ShopName},
    worker::{self, LanesReloaded, Reload},
};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

const NAMES: [&str; 3] = ["a", "b", "c"];

/// A shop on each portal, whose deals are named after this.
fn registry(title: &str) -> Registry {
    let mut registry = Registry::default();
    for name in NAMES {
        let mut rules = shop::rules(name);
        rules.portal = PortalName::parse(name).unwrap();
        rules.title = format!("{title} {{number}}");
        registry.portals.push(rules.portal.clone());
        let shop = ShopName::parse(name).unwrap();
        registry.shops.insert(shop, Arc::new(rules));
    }
    registry
}

/// The lanes of these portals, whose settings are the same every time.
fn lanes(portal: &Tiny) -> worker::Lanes<Tiny> {
    let portals = NAMES.map(|name| (PortalName::parse(name).unwrap(), portal.clone()));
    let same = NAMES.map(|name| (name.to_owned(), [1; 32]));
    worker::Lanes {
        fingerprints: BTreeMap::from(same),
        ..worker::Lanes::of(BTreeMap::from(portals))
    }
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lanes_go_on_through_many_reloads_by_the_newest_settings_and_let_the_older_ones_go() {
    let (db, portal, stop) = (
        Database::new().await,
        Tiny::default(),
        CancellationToken::new(),
    );
    let settings = worker::Settings {
        poll: Duration::from_millis(200),
        ..worker::Settings::default()
    };
    let mut app = App::new(db.pool.clone(), registry("first"));
    let (sender, reloads) = mpsc::channel(1);
    let work = tokio::spawn(worker::run_reloaded(
        app.clone(),
        lanes(&portal),
        settings.clone(),
        reloads,
        stop.clone(),
    ));
    let turns = "SELECT array_agg(epoch ORDER BY portal) FROM bridge.lanes WHERE owner IS NOT NULL";
    let turns = async || {
        let turns: Option<Vec<i64>> = sqlx::query_scalar(turns).fetch_one(&db.pool).await.unwrap();
        turns.unwrap_or_default()
    };
    until("all lanes are held", async || turns().await == [1, 1, 1]).await;
    let mut older = Vec::new();
    for nth in 0..40 {
        older.push(Arc::downgrade(&app.delivery));
        app = app.renewed(registry(&format!("number {nth}:")));
        let (done, told) = oneshot::channel();
        let reload = Reload {
            app: app.clone(),
            lanes: lanes(&portal),
            settings: settings.clone(),
            done,
        };
        sender.send(reload).await.unwrap();
        let undisturbed = LanesReloaded {
            undisturbed: 3,
            ..LanesReloaded::default()
        };
        assert_eq!(told.await.unwrap(), undisturbed, "reload {nth}");
    }
    until("the older ones are gone", async || {
        older.iter().all(|one| one.upgrade().is_none())
    })
    .await;
    let (shop, order) = (ShopName::parse("b").unwrap(), [shop::event("e1", "A-1", 1)]);
    app.intake.accept_events(Some(&shop), &order).await.unwrap();
    until("the deal is made", async || portal.count("crm.deal") == 1).await;
    assert_eq!(portal.titles(), ["number 39: A-1"]);
    assert_eq!(turns().await, [1, 1, 1], "no lane began anew");
    stop.cancel();
    work.await.unwrap().unwrap();
}

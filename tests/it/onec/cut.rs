//! Sessions cut at random points, orders changing meanwhile, the process killed: each order is in
//! 1C in the end, once, its newest version.

use super::world::{PASSWORD, order, settings};
use crate::support::{
    database::Database,
    free_port,
    process::{self, Running},
    provider,
    settings::KEY,
};
use b24_bridge::sandbox::onec::{Exchange, OneC, Trouble};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;
use std::{collections::BTreeMap, path::PathBuf, time::Duration};
use tokio::time::{Instant, sleep};

/// So many sessions are cut, and so many orders change meanwhile, unless `ONEC_SESSIONS` and
/// `ONEC_ORDERS` say otherwise.
const SESSIONS: usize = 60;
const ORDERS: usize = 25;

struct Site {
    settings: PathBuf,
    database: Database,
    url: String,
    process: Option<Running>,
}

impl Site {
    /// Kills the process, if there is one, and starts another.
    async fn restart(&mut self) {
        self.process = None;
        self.process = Some(process::quiet(process::command(
            &["serve", "--role", "api"],
            &self.settings,
            &self.database.url,
        )));
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let until = Instant::now() + Duration::from_mins(1);
        while client
            .get(format!("{}/healthz", self.url))
            .send()
            .await
            .is_err()
        {
            assert!(Instant::now() < until, "it does not start");
            sleep(Duration::from_millis(50)).await;
        }
    }

    async fn save(&self, number: usize, version: i64) {
        let mut data = order(&format!("{number}"), version);
        data["comment"] = json!(format!("{version} {}", "х".repeat(2_000)));
        let event = json!({"specversion": "1.0", "type": "shop.order.saved.v1",
            "source": "https://shop.example", "id": format!("{number}-{version}"), "data": data});
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let url = format!("{}/v1/events", self.url);
        let sent = client
            .post(url)
            .bearer_auth(KEY)
            .json(&event)
            .send()
            .await
            .unwrap();
        assert!(sent.status().is_success());
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the size of this test is chosen by who runs it"
)]
fn size(name: &str, usual: usize) -> usize {
    let text = std::env::var(name).ok();
    text.map_or(usual, |text| text.parse().unwrap())
}

/// A session that ends where chance has it.
async fn session(base: &mut OneC, rng: &mut StdRng) -> Result<(), Trouble> {
    base.exchange.version =
        [None, Some("2.09"), Some("3.1")][rng.random_range(0..3)].map(str::to_owned);
    base.sign_in("sale").await?;
    base.init("sale").await?;
    let new = base.exchange.version.is_some();
    for _ in 0..rng.random_range(0..4) {
        if rng.random_bool(0.3) {
            // Where an answer broke off, a base ends the session and begins anew.
            return base.query_cut(rng.random_range(1..60_000)).await;
        }
        let ids = base.query().await?;
        if new && ids.is_empty() {
            break;
        }
    }
    if rng.random_bool(0.4) {
        base.success().await?;
    }
    Ok(())
}

#[tokio::test]
async fn whatever_is_cut_or_killed_each_order_arrives_once_in_its_newest_version() {
    provider();
    let seed = rand::random::<u64>();
    println!("seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let directory = tempfile::tempdir().unwrap();
    let port = free_port();
    let text = format!(
        "{}\n[http]\nlisten = \"127.0.0.1:{port}\"\n",
        settings("", "")
    );
    let file = directory.path().join("b24-bridge.toml");
    std::fs::write(&file, text).unwrap();
    let mut site = Site {
        settings: file,
        database: Database::new().await,
        url: format!("http://127.0.0.1:{port}"),
        process: None,
    };
    site.restart().await;
    let mut versions: BTreeMap<usize, i64> = BTreeMap::new();
    let address = format!("{}/exchange/1c/trade", site.url);
    let mut base = OneC::new(Exchange::new(&address, "exchange", PASSWORD)).unwrap();
    let (sessions, orders) = (size("ONEC_SESSIONS", SESSIONS), size("ONEC_ORDERS", ORDERS));
    for nth in 0..sessions {
        let number = rng.random_range(0..orders);
        let version = versions.entry(number).or_default();
        *version += 1;
        site.save(number, *version).await;
        if nth % 20 == 19 {
            // In the middle of a session.
            let cut = session(&mut base, &mut rng);
            let killed = async {
                sleep(Duration::from_millis(30)).await;
                site.restart().await;
            };
            // What the session meets is its own: the process was killed under it.
            let _ = tokio::join!(cut, killed);
        } else {
            session(&mut base, &mut rng).await.unwrap();
        }
    }
    base.exchange.version = Some("2.09".to_owned());
    base.fetch_orders().await.unwrap();
    for (number, version) in &versions {
        let kept = base.order(&format!("{number}")).unwrap();
        let comment = &kept.requisites["Комментарии покупателя"];
        assert!(
            comment.starts_with(&format!("{version} ")),
            "{number}: {comment:.20}"
        );
    }
    assert_eq!(base.orders.len(), versions.len(), "none twice, none lost");
    assert_eq!(
        base.fetch_orders().await.unwrap().orders,
        0,
        "all is confirmed"
    );
}

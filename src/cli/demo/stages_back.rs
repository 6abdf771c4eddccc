//! After the day: what managers do in the portal, and what the shop learns of it.

use super::sample_day::KEY;
use crate::{app::App, cli::output, domain::ShopName, sandbox::Sandbox};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long a scene may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// Plays the scenes on two new orders; returns what did not come out.
pub(super) async fn play(app: &App, portal: &Sandbox, api: &str) -> anyhow::Result<Vec<String>> {
    let stage = Stage::new(app, portal, api)?;
    let mut faults = Vec::new();
    for (name, scene) in [
        ("a manager moves a deal", Scene::Moved),
        ("a manager takes back a payment", Scene::TakenBack),
        ("both sides change", Scene::Both),
    ] {
        output::say(format!("\n{name}:"));
        let played = match scene {
            Scene::Moved => stage.moved().await,
            Scene::TakenBack => stage.taken_back().await,
            Scene::Both => stage.both().await,
        };
        if let Err(error) = played {
            faults.push(format!("{name}: {error:#}"));
        }
    }
    Ok(faults)
}

enum Scene {
    Moved,
    TakenBack,
    Both,
}

struct Stage<'a> {
    app: &'a App,
    portal: &'a Sandbox,
    api: &'a str,
    shop: ShopName,
    http: reqwest::Client,
}

impl<'a> Stage<'a> {
    fn new(app: &'a App, portal: &'a Sandbox, api: &'a str) -> anyhow::Result<Self> {
        Ok(Self {
            app,
            portal,
            api,
            shop: ShopName::parse("demo").map_err(anyhow::Error::msg)?,
            http: reqwest::Client::builder()
                .timeout(Duration::from_secs(10))
                .build()?,
        })
    }

    /// The shop reads in its feed what a manager did.
    async fn moved(&self) -> anyhow::Result<()> {
        let deal = self.order("B-1", 1, "N", false).await?;
        anyhow::ensure!(
            self.portal.move_deal(deal, "EXECUTING"),
            "the deal cannot be moved"
        );
        output::say("  order B-1: the deal goes from NEW to EXECUTING by hand");
        let reason = self.told("B-1", "P").await?;
        output::say(format!("  the shop reads: status P, because {reason}"));
        Ok(())
    }

    /// A paid order stays paid.
    async fn taken_back(&self) -> anyhow::Result<()> {
        let deal = self.order("B-2", 1, "N", false).await?;
        self.post("B-2", 2, "P", true).await?;
        self.until("the deal follows the payment", || {
            self.stands(deal, "EXECUTING")
        })
        .await?;
        output::say("  order B-2: paid in the shop, the deal goes to EXECUTING");
        anyhow::ensure!(
            self.portal.move_deal(deal, "NEW"),
            "the deal cannot be moved"
        );
        output::say("  a manager drags it back to NEW");
        self.sentence("B-2", "which the portal may not take back")
            .await?;
        self.until("the deal is put back", || self.stands(deal, "EXECUTING"))
            .await
    }

    /// The shop and a manager change the same order; by the rule for F the portal is right.
    async fn both(&self) -> anyhow::Result<()> {
        let deal = self.order("B-3", 1, "N", false).await?;
        let portal = crate::domain::PortalName::parse("demo").map_err(anyhow::Error::msg)?;
        let who = crate::app::Actor::new("demo");
        self.app
            .operations
            .pause_lane(portal.as_str(), &who)
            .await?;
        self.post("B-3", 2, "C", false).await?;
        anyhow::ensure!(
            self.portal.move_deal(deal, "WON"),
            "the deal cannot be moved"
        );
        output::say("  order B-3: cancelled in the shop while a manager drags the deal to WON");
        self.app
            .operations
            .resume_lane(portal.as_str(), &who)
            .await?;
        self.sentence("B-3", "while the deal was moved").await?;
        self.until("both sides agree", || self.stands(deal, "LOSE"))
            .await
    }

    fn stands(&self, deal: u64, stage: &str) -> bool {
        self.portal
            .deal(deal)
            .is_some_and(|deal| deal["STAGE_ID"] == stage)
    }

    /// Posts an order and waits for its deal.
    async fn order(
        &self,
        number: &str,
        version: u32,
        status: &str,
        paid: bool,
    ) -> anyhow::Result<u64> {
        self.post(number, version, status, paid).await?;
        let bound = Instant::now() + PATIENCE;
        loop {
            let view = self.app.operations.order_view(&self.shop, number).await?;
            if let Some(deal) = view
                .filter(|view| view.in_sync)
                .and_then(|view| view.deal_id)
            {
                return Ok(deal);
            }
            anyhow::ensure!(Instant::now() < bound, "the order did not become a deal");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn post(
        &self,
        number: &str,
        version: u32,
        status: &str,
        paid: bool,
    ) -> anyhow::Result<()> {
        let event = json!({
            "specversion": "1.0", "type": "shop.order.saved.v1", "source": "https://demo.example",
            "id": format!("{number}-{version}"),
            "data": {
                "number": number, "version": version, "status": status, "paid": paid, "currency":
                    "RUB", "total": "990.00",
                "customer": {"id": number, "name": "Мария"},
                "items": [{"name": "Чайник", "quantity": 1, "price": "990.00"}],
            },
        });
        let request = self.http.post(format!("{}/v1/events", self.api));
        let answer = request.bearer_auth(KEY).json(&event).send().await?;
        anyhow::ensure!(
            answer.status() == 202,
            "the event was answered with {}",
            answer.status()
        );
        Ok(())
    }

    /// Reads the feed as a shop does, until an order has a status; returns the reason.
    async fn told(&self, number: &str, status: &str) -> anyhow::Result<String> {
        let (mut after, bound) = (0, Instant::now() + PATIENCE);
        loop {
            let url = format!("{}/v1/status-changes?after={after}", self.api);
            let request = self.http.get(url).bearer_auth(KEY);
            let page: Value = request.send().await?.json().await?;
            let changes = page["changes"]
                .as_array()
                .context("the feed has no changes")?;
            let found = changes
                .iter()
                .find(|one| one["number"] == number && one["status"] == status);
            if let Some(reason) = found.and_then(|one| one["reason"].as_str()) {
                return Ok(reason.to_owned());
            }
            after = page["next"].as_i64().unwrap_or(after);
            anyhow::ensure!(Instant::now() < bound, "the shop was not told {status}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits for a sentence in an order's life, and says it.
    async fn sentence(&self, number: &str, part: &str) -> anyhow::Result<()> {
        let bound = Instant::now() + PATIENCE;
        loop {
            let view = self.app.operations.order_view(&self.shop, number).await?;
            let lines = view.map(|view| view.timeline).unwrap_or_default();
            if let Some(line) = lines.iter().find(|line| line.text.contains(part)) {
                output::say(format!("  decided: {}", line.text));
                return Ok(());
            }
            anyhow::ensure!(Instant::now() < bound, "no decision says \"{part}\"");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn until(&self, what: &str, holds: impl Fn() -> bool) -> anyhow::Result<()> {
        let bound = Instant::now() + PATIENCE;
        while !holds() {
            anyhow::ensure!(Instant::now() < bound, "not so: {what}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }
}

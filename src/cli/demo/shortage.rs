//! After the day: two tills and the site sell the last kettle.

use super::sample_day::KEY;
use crate::{app::App, cli::output, sandbox::Sandbox};
use anyhow::Context as _;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// What the tills show.
const TILLS: [&str; 2] = [
    "demo-till-left-not-for-production",
    "demo-till-right-not-for-production",
];

/// The stock and the tills of the scene.
pub(super) const SETTINGS: &str = r#"
        [stock.demo]
        shops = ["demo"]
        master = "shop"
        [[stock.demo.stores]]
        name = "centre"
        [[stock.demo.rules]]
        then = "drop_newest_unpaid"
        [tills.left]
        shop = "demo"
        token = "demo-till-left-not-for-production"
        [tills.right]
        shop = "demo"
        token = "demo-till-right-not-for-production"
"#;

/// Plays the scene; returns what did not come out.
pub(super) async fn play(app: &App, portal: &Sandbox, api: &str) -> Vec<String> {
    let name = "two tills and the site sell the last kettle";
    output::say(format!("\n{name}:"));
    let played = async {
        let scene = Scene {
            app,
            portal,
            api,
            http: reqwest::Client::builder()
                .timeout(Duration::from_secs(10))
                .build()?,
        };
        scene.play().await
    };
    match played.await {
        Ok(()) => Vec::new(),
        Err(error) => vec![format!("{name}: {error:#}")],
    }
}

struct Scene<'a> {
    app: &'a App,
    portal: &'a Sandbox,
    api: &'a str,
    http: reqwest::Client,
}

impl Scene<'_> {
    async fn play(&self) -> anyhow::Result<()> {
        let moves = json!([{ "line": "1", "product": "kettle", "quantity": 1 }]);
        let came = json!({ "store": "centre", "reason": "delivery", "moves": moves });
        self.tell(KEY, "shop.stock.moved.v1", "came", came).await?;
        let items = json!([{ "product_id": "kettle", "name": "Чайник", "quantity": 1,
            "price": "990.00" }]);
        let order = json!({ "number": "K-1", "version": 1, "status": "N", "currency": "RUB",
            "total": "990.00", "items": items, "customer": { "id": "K-1", "name": "Мария" } });
        self.tell(KEY, "shop.order.saved.v1", "K-1", order).await?;
        let (status, _) = self.reserve("K-1").await?;
        anyhow::ensure!(
            status == 200,
            "the site's reservation was answered {status}"
        );
        output::say("  the site holds the last kettle for its order K-1, which is not paid");
        self.sell(TILLS[0], "R-1").await?;
        output::say("  the till on the left sells it: the customer has it in his hands");
        let reason = self.lost().await?;
        output::say(format!("  K-1 loses it; the site is told: {reason}"));
        self.sell(TILLS[1], "R-2").await?;
        output::say("  the till on the right was offline, and had sold one, too: a fact, as well");
        let (status, answer) = self.reserve("K-2").await?;
        anyhow::ensure!(
            status == 409,
            "nothing is left, and that was answered {status}"
        );
        output::say(format!("  the site asks for another: {}", answer["code"]));
        self.to_do().await?;
        output::say("  in the deal of K-1 somebody is asked to agree on something else");
        let ledger = self.app.stock.stock_ledger("demo", "kettle").await?;
        output::say("  the kettle's ledger:");
        for entry in &ledger {
            output::say(format!(
                "    on hand {:>2} = {}, reserved {:>2}: {}",
                entry.on_hand, entry.stands, entry.reserved, entry.text
            ));
        }
        let checked = self.app.stock.check_stock("demo").await?;
        anyhow::ensure!(checked.unproved.is_empty(), "{:?}", checked.unproved);
        let path = "/console/stock/ledger?stock=demo&product=kettle";
        output::say(format!("  the same on a page: {}{path}", self.api));
        Ok(())
    }

    async fn ask(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(u16, Value)> {
        let request = self.http.request(method, format!("{}{path}", self.api));
        let mut request = request.bearer_auth(key).timeout(Duration::from_secs(10));
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await?;
        Ok((answer.status().as_u16(), answer.json().await?))
    }

    async fn tell(&self, key: &str, kind: &str, id: &str, data: Value) -> anyhow::Result<()> {
        let event = json!({ "specversion": "1.0", "type": kind, "id": id,
            "source": "https://demo.example/kettle", "data": data });
        let asked = self.ask(key, Method::POST, "/v1/events", Some(&event));
        let (status, answer) = asked.await?;
        anyhow::ensure!(status == 202, "{kind} was answered {status}: {answer}");
        Ok(())
    }

    async fn sell(&self, till: &str, receipt: &str) -> anyhow::Result<()> {
        let lines = json!([{ "product_id": "kettle", "quantity": 1, "price": "990.00" }]);
        #[expect(clippy::disallowed_methods, reason = "a till's clock")]
        let closed_at = chrono::Utc::now();
        let data = json!({ "receipt": receipt, "kind": "sale", "currency": "RUB",
            "total": "990.00", "closed_at": closed_at, "lines": lines });
        self.tell(till, "pos.receipt.saved.v1", receipt, data).await
    }

    async fn reserve(&self, number: &str) -> anyhow::Result<(u16, Value)> {
        let lines = json!([{ "line": "1", "product": "kettle", "quantity": 1 }]);
        let body = json!({ "number": number, "lines": lines });
        let path = format!("/v1/reservations/demo/{number}");
        self.ask(KEY, Method::PUT, &path, Some(&body)).await
    }

    /// Waits until the site reads that its reservation is lost; returns why.
    async fn lost(&self) -> anyhow::Result<String> {
        let bound = Instant::now() + PATIENCE;
        loop {
            let (_, page) = self.ask(KEY, Method::GET, "/v1/messages", None).await?;
            let told = page["messages"].as_array().context("no messages")?;
            let lost = told.iter().find(|one| one["data"]["number"] == "K-1");
            if let Some(reason) = lost.and_then(|one| one["data"]["reason"].as_str()) {
                return Ok(reason.to_owned());
            }
            anyhow::ensure!(Instant::now() < bound, "the site was not told");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// Waits for the to-do in the deal of the order that has lost.
    async fn to_do(&self) -> anyhow::Result<()> {
        let bound = Instant::now() + PATIENCE;
        loop {
            let deals = self.portal.deals();
            let deal = deals.iter().find(|deal| deal["ORIGIN_ID"] == "K-1");
            let asked = |deal: &Value| {
                let all = self.portal.activities();
                all.iter().any(|one| one["OWNER_ID"] == deal["ID"])
            };
            if deal.is_some_and(asked) {
                return Ok(());
            }
            anyhow::ensure!(
                Instant::now() < bound,
                "there is no to-do in the deal of K-1"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

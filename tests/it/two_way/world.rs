//! The whole service between a shop and a portal: the binary on a database of its own, a sandbox
//! portal, and a shop that posts its orders and is called back.

pub(crate) use super::shop::{Answers, Order, Shop};
use crate::support::{
    database::Database,
    free_port,
    process::{self, Running},
    settings::{KEY, Settings},
};
use b24_bridge::sandbox::{Options, Plan, Sandbox};
use serde_json::Value;
use std::{
    fs,
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

pub(crate) const OPERATOR: &str = "operator-key-0123456789";
pub(crate) const TOKEN: &str = "application-token";
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Statuses of the shop, as its table has them: N-NEW (accepts PREPARATION), P-EXECUTING (paid),
/// F-WON, C-LOSE.
const STATUSES: &str = r#"
[[shops.main.statuses]]
status = "N"
stage = "NEW"
accepts = ["PREPARATION"]
[[shops.main.statuses]]
status = "A"
stage = "PREPAYMENT_INVOICE"
[[shops.main.statuses]]
status = "P"
stage = "EXECUTING"
[[shops.main.statuses]]
status = "F"
stage = "WON"
[[shops.main.statuses]]
status = "C"
stage = "LOSE"
"#;

/// What a world is made of.
pub(crate) struct Plot {
    /// What the timeline says of a move that is put back, if not the usual.
    pub(crate) overruled_comment: Option<&'static str>,
    /// More tables: rules, conflict.
    pub(crate) settings: String,
    pub(crate) portal: Options,
    /// Whether the portal sends notifications to the bridge.
    pub(crate) webhooks: bool,
    /// Whether the shop is called back.
    pub(crate) callback: bool,
    pub(crate) reconcile_seconds: u64,
}

impl Default for Plot {
    fn default() -> Self {
        Self {
            overruled_comment: None,
            settings: String::new(),
            portal: Options::default().plan(Plan::Unlimited),
            webhooks: true,
            callback: true,
            reconcile_seconds: 1,
        }
    }
}

pub(crate) struct World {
    pub(crate) portal: Sandbox,
    pub(crate) shop: Shop,
    pub(crate) db: Database,
    pub(crate) url: String,
    pub(crate) http: reqwest::Client,
    settings: std::path::PathBuf,
    _folder: tempfile::TempDir,
    process: Option<Running>,
}

impl World {
    pub(crate) async fn new(mut plot: Plot) -> Self {
        let portal = Sandbox::start(std::mem::take(&mut plot.portal));
        let portal = portal.await.unwrap();
        Self::over(Database::new().await, portal, plot).await
    }

    /// The same over a database and a portal that are there already.
    pub(crate) async fn over(db: Database, portal: Sandbox, plot: Plot) -> Self {
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        if plot.webhooks {
            portal.add_webhook(&format!("{url}/webhooks/bitrix24/main"), TOKEN);
        }
        let shop = Shop::start(Arc::new(Mutex::new(Some(format!("{url}/v1/events"))))).await;
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("bridge.toml");
        let mut text = Settings::new(&portal.url())
            .listen(port)
            .rate(500, 500)
            .hasty()
            .set(
                "portals.main.event_tokens",
                format!("[\"another-token\", {TOKEN:?}]"),
            )
            .set("worker.reconcile_seconds", plot.reconcile_seconds)
            .text("operators.anna.key", OPERATOR)
            .text("operators.anna.role", "operator")
            .tables(STATUSES)
            .tables(&plot.settings);
        if plot.callback {
            text = text.callback(&shop.callback, SECRET);
        }
        if let Some(comment) = plot.overruled_comment {
            text = text.text("shops.main.overruled_comment", comment);
        }
        text.write(&settings);
        let mut world = Self {
            portal,
            shop,
            db,
            url,
            http: crate::portal::sandbox::client(),
            settings,
            _folder: folder,
            process: None,
        };
        world.start().await;
        world
    }

    pub(crate) async fn start(&mut self) {
        let log = fs::File::create(self.settings.with_extension("log")).unwrap();
        let mut command = process::command(&["serve"], &self.settings, &self.db.url);
        command.stdout(Stdio::null()).stderr(log);
        self.process = Some(Running(command.spawn().unwrap()));
        let (http, url) = (self.http.clone(), format!("{}/readyz", self.url));
        self.until("the bridge is ready", async || {
            http.get(&url)
                .send()
                .await
                .is_ok_and(|answer| answer.status() == 200)
        })
        .await;
    }

    /// Runs a command on the same settings: whether it went well, and what it printed.
    pub(crate) async fn command(&self, args: &[&str]) -> (bool, String) {
        let mut command = process::command(args, &self.settings, &self.db.url);
        let done = tokio::task::spawn_blocking(move || command.output())
            .await
            .unwrap()
            .unwrap();
        (
            done.status.success(),
            String::from_utf8_lossy(&done.stdout).into_owned(),
        )
    }

    pub(crate) fn kill(&mut self) {
        self.process = None;
    }

    /// Puts other words in the place of some in the settings; for the next start and the next
    /// command.
    pub(crate) fn edit_settings(&self, from: &str, to: &str) {
        let text = fs::read_to_string(&self.settings).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(&self.settings, text.replace(from, to)).unwrap();
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.settings.with_extension("log")).unwrap_or_default()
    }

    /// Waits until something holds, at most half a minute.
    pub(crate) async fn until(&self, what: &str, holds: impl AsyncFnMut() -> bool) {
        self.within(Duration::from_secs(30), what, holds).await;
    }

    /// Waits until something holds, no longer than that.
    pub(crate) async fn within(
        &self,
        time: Duration,
        what: &str,
        mut holds: impl AsyncFnMut() -> bool,
    ) {
        let bound = Instant::now() + time;
        while !holds().await {
            let late = Instant::now() > bound;
            assert!(!late, "not {what}\n{}\n{}", self.log(), self.lives().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Everybody's life, for the message of a test that failed.
    pub(crate) async fn lives(&self) -> String {
        let lines: Vec<String> = sqlx::query_scalar(
            "SELECT concat_ws(' ', to_char(at, 'HH24:MI:SS.MS'), number, kind, text, detail) FROM \
             bridge.timeline ORDER BY id",
        )
        .fetch_all(&self.db.pool)
        .await
        .unwrap();
        lines.join("\n")
    }

    pub(crate) async fn get(&self, path: &str, key: &str) -> Value {
        let answer = self
            .http
            .get(format!("{}{path}", self.url))
            .bearer_auth(key)
            .send()
            .await
            .unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    pub(crate) async fn post(&self, path: &str, key: &str, body: Value) -> (u16, Value) {
        let answer = self
            .http
            .post(format!("{}{path}", self.url))
            .bearer_auth(key)
            .json(&body)
            .send()
            .await
            .unwrap();
        let status = answer.status().as_u16();
        (status, answer.json().await.unwrap_or_default())
    }

    pub(crate) async fn order(&self, number: &str) -> Value {
        self.get(&format!("/v1/orders/main/{number}"), KEY).await
    }

    /// The order's deal and where it stands.
    pub(crate) fn deal(&self, number: &str) -> Option<(u64, String)> {
        let deals = self.portal.deals();
        let deal = deals.iter().find(|deal| deal["ORIGIN_ID"] == number)?;
        let id = deal["ID"].as_str()?.parse().ok()?;
        Some((id, deal["STAGE_ID"].as_str()?.to_owned()))
    }

    pub(crate) fn stage(&self, number: &str) -> String {
        self.deal(number).map_or(String::new(), |(_, stage)| stage)
    }

    /// Posts a new order and waits until it is a deal, in sync.
    pub(crate) async fn ordered(&self, number: &str) -> u64 {
        self.shop.set(number, "N");
        self.in_sync(number).await;
        self.deal(number).unwrap().0
    }

    /// Waits until the bridge says that both sides hold the same.
    pub(crate) async fn in_sync(&self, number: &str) {
        let url = format!("{}/v1/orders/main/{number}", self.url);
        self.until(&format!("{number} in sync"), async || {
            let Ok(answer) = self.http.get(&url).bearer_auth(KEY).send().await else {
                return false;
            };
            let Ok(order) = answer.json::<Value>().await else {
                return false;
            };
            order["in_sync"] == true
        })
        .await;
    }

    /// The sentences of an order's life.
    pub(crate) async fn life(&self, number: &str) -> Vec<String> {
        let order = self.order(number).await;
        let line = |entry: &Value| {
            format!(
                "{}: {}",
                entry["kind"].as_str().unwrap(),
                entry["text"].as_str().unwrap()
            )
        };
        order["timeline"]
            .as_array()
            .unwrap()
            .iter()
            .map(line)
            .collect()
    }
}

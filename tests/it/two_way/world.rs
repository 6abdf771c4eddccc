//! The whole service between a shop and a portal: the binary on a database of its own, a sandbox portal, and a shop that posts its
//! orders and is called back.

use crate::support::{
    database::Database,
    free_port,
    process::{self, Running},
    settings::{KEY, Settings},
};
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use b24_bridge::sandbox::{Options, Plan, Sandbox};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    process::Stdio,
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

pub(crate) const OPERATOR: &str = "operator-key-0123456789";
pub(crate) const TOKEN: &str = "application-token";
pub(crate) const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Statuses of the shop, as its table has them: N-NEW (accepts PREPARATION), P-EXECUTING (paid), F-WON, C-LOSE.
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

/// How the shop answers callbacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// Takes the status and, as real shops do, posts the order that changed by it.
    Takes,
    /// 409 with its own snapshot.
    Contradicts,
    /// Some other status.
    Status(u16),
}

/// An order as the shop has it.
#[derive(Debug, Clone)]
pub(crate) struct Order {
    pub(crate) status: String,
    pub(crate) changed: DateTime<Utc>,
    pub(crate) version: i64,
    pub(crate) paid: bool,
}

pub(crate) struct ShopState {
    pub(crate) orders: BTreeMap<String, Order>,
    pub(crate) answers: Answers,
    /// Orders whose messages are answered with some other status, whatever the others are.
    pub(crate) failing: BTreeMap<String, u16>,
    /// Every event that was taken, in order.
    pub(crate) sent: Vec<Value>,
    /// Bodies of verified callbacks, with when they came.
    pub(crate) called: Vec<(Instant, Value)>,
    pub(crate) forged: usize,
    /// Whether a status taken by callback is posted back as a new snapshot.
    pub(crate) echoes: bool,
    /// Whether a payment may be taken back by a callback.
    pub(crate) yields: bool,
    /// How wrong the shop's clock is.
    pub(crate) skew: TimeDelta,
}

/// A shop with a callback.
#[derive(Clone)]
pub(crate) struct Shop {
    pub(crate) state: Arc<Mutex<ShopState>>,
    pub(crate) callback: String,
    outbox: tokio::sync::mpsc::UnboundedSender<Value>,
}

impl Shop {
    async fn start(events: Arc<Mutex<Option<String>>>) -> Self {
        let (outbox, mut waiting) = tokio::sync::mpsc::unbounded_channel::<Value>();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let callback = format!("http://{}/bridge", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(ShopState {
            orders: BTreeMap::new(),
            answers: Answers::Takes,
            failing: BTreeMap::new(),
            sent: Vec::new(),
            called: Vec::new(),
            forged: 0,
            echoes: true,
            yields: false,
            skew: TimeDelta::zero(),
        }));
        let taken = Arc::clone(&state);
        let shop = Self {
            state,
            callback,
            outbox,
        };
        let router = Router::new()
            .route("/bridge", post(called))
            .with_state(shop.clone());
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        // A shop sends in order, and again until it is taken.
        tokio::spawn(async move {
            let http = crate::sandbox::client();
            while let Some(event) = waiting.recv().await {
                loop {
                    let url = events.lock().unwrap().clone();
                    if let Some(url) = url {
                        let sent = http.post(&url).bearer_auth(KEY).json(&event).send().await;
                        if sent.is_ok_and(|answer| answer.status() == 202) {
                            taken.lock().unwrap().sent.push(event);
                            break;
                        }
                    }
                    tokio::time::sleep(Duration::from_millis(30)).await;
                }
            }
        });
        shop
    }

    /// The shop changes an order's status, or makes the order, and posts it.
    pub(crate) fn set(&self, number: &str, status: &str) {
        self.change(number, |order| status.clone_into(&mut order.status));
    }

    /// The shop sends what it sent after the first `count` events once more, as it was.
    pub(crate) fn again(&self, count: usize) {
        let events = self.with(|state| state.sent.split_off(count));
        for event in events {
            self.outbox.send(event).unwrap();
        }
    }

    /// What was posted of an order in a version, once more.
    pub(crate) fn stale(&self, number: &str, how: impl FnOnce(&mut Order)) {
        let event = self.with(|state| {
            let now = now() + state.skew;
            let mut order = state.orders[number].clone();
            how(&mut order);
            order.version += 1;
            state.orders.get_mut(number).unwrap().version = order.version;
            event(number, &order, now)
        });
        self.outbox.send(event).unwrap();
    }

    /// What was true of an order before, sent only now by a shop that counts no versions.
    pub(crate) fn late(&self, number: &str, how: impl FnOnce(&mut Order)) {
        let mut event = self.with(|state| {
            let now = now() + state.skew;
            let mut order = state.orders[number].clone();
            how(&mut order);
            event(number, &order, now)
        });
        event["id"] = json!(format!("{number}-late"));
        event["data"]["version"] = Value::Null;
        self.outbox.send(event).unwrap();
    }

    /// The shop takes money.
    pub(crate) fn pay(&self, number: &str) {
        self.change(number, |order| {
            order.paid = true;
            "P".clone_into(&mut order.status);
        });
    }

    pub(crate) fn change(&self, number: &str, how: impl FnOnce(&mut Order)) {
        let event = {
            let mut state = self.state.lock().unwrap();
            let now = now() + state.skew;
            let order = state.orders.entry(number.to_owned()).or_insert(Order {
                status: "N".to_owned(),
                changed: now,
                version: 0,
                paid: false,
            });
            let before = order.status.clone();
            how(order);
            order.version += 1;
            if order.status != before {
                order.changed = now;
            }
            event(number, order, now)
        };
        self.outbox.send(event).unwrap();
    }

    pub(crate) fn status(&self, number: &str) -> String {
        self.state.lock().unwrap().orders[number].status.clone()
    }

    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut ShopState) -> T) -> T {
        act(&mut self.state.lock().unwrap())
    }
}

#[expect(clippy::disallowed_methods, reason = "the shop's own clock")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

fn snapshot(number: &str, order: &Order) -> Value {
    json!({
        "number": number, "version": order.version, "status": order.status, "status_changed_at": order.changed,
        "paid": order.paid, "currency": "RUB", "total": "100.00",
        "customer": {"id": format!("c-{number}"), "name": "Анна"},
        "items": [{"name": "Чай", "quantity": 1, "price": "100.00"}],
    })
}

fn event(number: &str, order: &Order, at: DateTime<Utc>) -> Value {
    json!({
        "specversion": "1.0", "type": "shop.order.saved.v1", "source": "https://shop.example",
        "id": format!("{number}-{}", order.version), "time": at, "data": snapshot(number, order),
    })
}

/// The shop's callback: verified by the specification's own library.
async fn called(State(shop): State<Shop>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let verifier = standardwebhooks::Webhook::new(SECRET).unwrap();
    let genuine = verifier.verify(&body, &headers).is_ok();
    let message: Value = serde_json::from_slice(&body).unwrap();
    let number = message["data"]["number"].as_str().unwrap().to_owned();
    let mut post = None;
    let answer = shop.with(|state| {
        if !genuine || headers["webhook-id"] != message["id"].as_str().unwrap() {
            state.forged += 1;
            return (StatusCode::UNAUTHORIZED, String::new());
        }
        state.called.push((Instant::now(), message.clone()));
        let now = now() + state.skew;
        let order = state.orders.get_mut(&number).unwrap();
        let failing = state.failing.get(&number).copied();
        match failing.map_or(state.answers, Answers::Status) {
            Answers::Takes => {
                let status = message["data"]["status"].as_str().unwrap();
                // A message that crosses a change of the shop's own is answered with what the shop has.
                let previous = message["data"]["previous_status"].as_str().unwrap();
                if order.status != previous && order.status != status
                    || order.paid && !state.yields && !["P", "F"].contains(&status)
                {
                    let mine = snapshot(&number, order).to_string();
                    return (StatusCode::CONFLICT, mine);
                }
                order.paid &= ["P", "F"].contains(&status);
                if order.status != status {
                    status.clone_into(&mut order.status);
                    order.changed = now;
                    order.version += 1;
                    if state.echoes {
                        post = Some(event(&number, order, now));
                    }
                }
                (StatusCode::OK, String::new())
            }
            Answers::Contradicts => (StatusCode::CONFLICT, snapshot(&number, order).to_string()),
            Answers::Status(status) => (StatusCode::from_u16(status).unwrap(), "no".to_owned()),
        }
    });
    if let Some(event) = post {
        shop.outbox.send(event).unwrap();
    }
    answer
}

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
    pub(crate) async fn new(plot: Plot) -> Self {
        let port = free_port();
        let url = format!("http://127.0.0.1:{port}");
        let portal = Sandbox::start(plot.portal).await.unwrap();
        if plot.webhooks {
            portal.add_webhook(&format!("{url}/webhooks/bitrix24/main"), TOKEN);
        }
        let shop = Shop::start(Arc::new(Mutex::new(Some(format!("{url}/v1/events"))))).await;
        let db = Database::new().await;
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
            http: crate::sandbox::client(),
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

    /// Puts other words in the place of some in the settings; for the next start and the next command.
    pub(crate) fn edit_settings(&self, from: &str, to: &str) {
        let text = fs::read_to_string(&self.settings).unwrap();
        assert!(text.contains(from), "{from}");
        fs::write(&self.settings, text.replace(from, to)).unwrap();
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.settings.with_extension("log")).unwrap_or_default()
    }

    /// Waits until something holds, at most half a minute.
    pub(crate) async fn until(&self, what: &str, mut holds: impl AsyncFnMut() -> bool) {
        let bound = Instant::now() + Duration::from_secs(30);
        while !holds().await {
            let late = Instant::now() > bound;
            assert!(!late, "not {what}\n{}\n{}", self.log(), self.lives().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Everybody's life, for the message of a test that failed.
    async fn lives(&self) -> String {
        let lines: Vec<String> = sqlx::query_scalar(
            "SELECT concat_ws(' ', to_char(at, 'HH24:MI:SS.MS'), number, kind, text, detail) FROM bridge.timeline ORDER BY id",
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

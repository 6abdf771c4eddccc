//! A shop that posts its orders and is called back.

use super::world::SECRET;
use crate::support::settings::KEY;
use axum::{Router, body::Bytes, extract::State, http::HeaderMap, http::StatusCode, routing::post};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

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
    /// How often an older back-up came back: no event has the id of another.
    pub(crate) life: u32,
    /// How many of its goods were ordered, at 100 roubles each.
    pub(crate) pieces: u32,
    /// The shop's id of them, if it says one.
    pub(crate) product: Option<&'static str>,
}

pub(crate) struct ShopState {
    pub(crate) orders: BTreeMap<String, Order>,
    pub(crate) answers: Answers,
    /// Orders whose messages are answered with some other status, whatever the others are.
    pub(crate) failing: BTreeMap<String, u16>,
    /// Every event that was taken, in order.
    pub(crate) sent: Vec<Value>,
    /// Ids of messages that were taken: each once.
    pub(crate) taken: BTreeSet<String>,
    /// Bodies of verified callbacks, with when they came.
    pub(crate) called: Vec<(Instant, Value)>,
    pub(crate) forged: usize,
    /// Whether a status taken by callback is posted back as a new snapshot.
    pub(crate) echoes: bool,
    /// Whether a payment may be taken back by a callback.
    pub(crate) yields: bool,
    /// The number that it gives an order which it is to make, told in its answer.
    pub(crate) gives: Option<String>,
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
    pub(super) async fn start(events: Arc<Mutex<Option<String>>>) -> Self {
        let (outbox, mut waiting) = tokio::sync::mpsc::unbounded_channel::<Value>();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let callback = format!("http://{}/bridge", listener.local_addr().unwrap());
        let state = Arc::new(Mutex::new(ShopState {
            orders: BTreeMap::new(),
            answers: Answers::Takes,
            failing: BTreeMap::new(),
            sent: Vec::new(),
            taken: BTreeSet::new(),
            called: Vec::new(),
            forged: 0,
            echoes: true,
            yields: false,
            gives: None,
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
            let http = crate::portal::sandbox::client();
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

    /// The shop's own database, as a back-up has it.
    pub(crate) fn backed_up(&self) -> (BTreeMap<String, Order>, BTreeSet<String>) {
        self.with(|state| (state.orders.clone(), state.taken.clone()))
    }

    /// An older back-up of the shop comes back, and the shop sends its orders as they are now. Its
    /// counters go on above what they were before, or from where the back-up left them.
    pub(crate) fn goes_back(
        &self,
        (orders, taken): (BTreeMap<String, Order>, BTreeSet<String>),
        counts_on: bool,
    ) {
        let numbers: Vec<String> = orders.keys().cloned().collect();
        self.with(|state| {
            let newer = std::mem::replace(&mut state.orders, orders);
            state.taken = taken;
            for (number, order) in &mut state.orders {
                order.life = newer[number].life + 1;
                if counts_on {
                    order.version = newer[number].version;
                }
            }
        });
        for number in numbers {
            self.change(&number, |_| {});
        }
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
                life: 0,
                pieces: 1,
                product: None,
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

    /// A message that is no change of status.
    fn told(&self, genuine: bool, message: Value) -> StatusCode {
        self.with(|state| {
            state.forged += usize::from(!genuine);
            state.called.push((Instant::now(), message));
            match state.answers {
                Answers::Status(status) => StatusCode::from_u16(status).unwrap(),
                Answers::Takes | Answers::Contradicts => StatusCode::OK,
            }
        })
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
    let mut item = json!({ "name": "Чай", "quantity": order.pieces, "price": "100.00" });
    if let Some(product) = order.product {
        item["product_id"] = json!(product);
    }
    json!({
        "number": number, "version": order.version, "status": order.status, "status_changed_at":
            order.changed,
        "paid": order.paid, "currency": "RUB",
        "total": format!("{}.00", 100 * order.pieces),
        "customer": {"id": format!("c-{number}"), "name": "Анна"},
        "items": [item],
    })
}

fn event(number: &str, order: &Order, at: DateTime<Utc>) -> Value {
    let life = if order.life > 0 {
        format!(".{}", order.life)
    } else {
        String::new()
    };
    json!({
        "specversion": "1.0", "type": "shop.order.saved.v1", "source": "https://shop.example",
        "id": format!(
            "{number}-{}{life}", order.version
        ), "time": at, "data": snapshot(number, order),
    })
}

/// The shop's callback: verified by the specification's own library.
async fn called(State(shop): State<Shop>, headers: HeaderMap, body: Bytes) -> (StatusCode, String) {
    let verifier = standardwebhooks::Webhook::new(SECRET).unwrap();
    let genuine = verifier.verify(&body, &headers).is_ok();
    let message: Value = serde_json::from_slice(&body).unwrap();
    if message["type"] != "bridge.order.status.v1" {
        let gives = shop.with(|state| state.gives.clone());
        let answer = gives.map(|number| json!({ "number": number }).to_string());
        return (shop.told(genuine, message), answer.unwrap_or_default());
    }
    let number = message["data"]["number"].as_str().unwrap().to_owned();
    let id = message["id"].as_str().unwrap().to_owned();
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
            Answers::Takes if state.taken.contains(&id) => (StatusCode::OK, String::new()),
            Answers::Takes => {
                let status = message["data"]["status"].as_str().unwrap();
                // A message that crosses a change of the shop's own is answered with what the shop
                // has.
                let previous = message["data"]["previous_status"].as_str().unwrap();
                if order.status != previous && order.status != status
                    || order.paid && !state.yields && !["P", "F"].contains(&status)
                {
                    let mine = snapshot(&number, order).to_string();
                    return (StatusCode::CONFLICT, mine);
                }
                state.taken.insert(id);
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

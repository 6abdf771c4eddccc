//! The API with a stock of two stores, from which the shops `main` and `other` sell.

use crate::support::{
    api::{self, Api},
    settings::{KEY, Settings},
};
use b24_bridge::config::Config;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicU32, Ordering},
};

/// `a` before `b`; goods are fetched from `a` alone; `back` sells nothing online.
const STORES: &str = r#"
[[stock.main.stores]]
name = "a"
ids = ["A-1"]
pickup = true
rank = 1
[[stock.main.stores]]
name = "b"
rank = 2
[[stock.main.stores]]
name = "back"
rank = 3
online = false
[operators.viktor]
key = "viktor-key-0123456789"
[operators.olga]
key = "olga-key-01234567890123"
role = "operator"
"#;

pub(super) const OTHER: &str = "other-key-0123456789";
pub(super) const VIKTOR: &str = "viktor-key-0123456789";
/// One who may change something.
pub(super) const OLGA: &str = "olga-key-01234567890123";
static NEXT: AtomicU32 = AtomicU32::new(0);

pub(super) fn settings() -> Settings {
    settings_of("shop")
}

/// Settings of a stock with this master.
pub(super) fn settings_of(master: &str) -> Settings {
    api::settings()
        .set("stock.main.shops", r#"["main", "other"]"#)
        .text("stock.main.hold", "1h")
        .text("stock.main.master", master)
        .tables(STORES)
}

/// The API of a bridge that keeps this stock.
pub(super) async fn serve(settings: &Settings) -> Api {
    let mut api = Api::with(settings).await;
    let config = Config::parse(&settings.to_string(), &BTreeMap::new()).unwrap();
    // The same cell: the router's clone has the stocks, too.
    let tills = config.till_settings();
    api.app = api.app.clone().with_stocks(config.stocks).with_tills(tills);
    api.app.stock.configure_stocks().await.unwrap().unwrap();
    api
}

pub(super) async fn world() -> Api {
    serve(&settings()).await
}

impl Api {
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        self.ask_as(KEY, method, path, body).await
    }

    pub(super) async fn ask_as(
        &self,
        key: &str,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> (StatusCode, Value) {
        let url = format!("{}{path}", self.url);
        let mut request = self.client.request(method, url).bearer_auth(key);
        if let Some(body) = body {
            request = request.json(body);
        }
        let answer = request.send().await.unwrap();
        let status = answer.status();
        (status, answer.json().await.unwrap())
    }

    pub(super) async fn put(&self, id: &str, body: &Value) -> (StatusCode, Value) {
        let path = format!("/v1/reservations/main/{id}");
        self.ask(Method::PUT, &path, Some(body)).await
    }

    pub(super) async fn get_reservation(&self, id: &str) -> Value {
        let path = format!("/v1/reservations/main/{id}");
        self.ask(Method::GET, &path, None).await.1
    }

    pub(super) async fn ship(&self, id: &str, body: &Value) -> (StatusCode, Value) {
        let path = format!("/v1/reservations/main/{id}/ship");
        self.ask(Method::POST, &path, Some(body)).await
    }

    pub(super) async fn release(&self, id: &str) -> (StatusCode, Value) {
        let path = format!("/v1/reservations/main/{id}");
        self.ask(Method::DELETE, &path, None).await
    }

    /// Posts an event about goods; it must be taken.
    pub(super) async fn tell(&self, kind: &str, data: Value) {
        let (status, answer) = self.try_to_tell(kind, data).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{answer}");
    }

    pub(super) async fn try_to_tell(&self, kind: &str, data: Value) -> (StatusCode, Value) {
        let event = event(kind, data);
        self.ask(Method::POST, "/v1/events", Some(&event)).await
    }

    /// Goods come into a store.
    pub(super) async fn bring(&self, store: &str, product: &str, quantity: &str) {
        let moves = json!([{ "line": "1", "product": product, "quantity": quantity }]);
        let data = json!({ "store": store, "reason": "delivery", "moves": moves });
        self.tell("shop.stock.moved.v1", data).await;
    }

    /// What a store has of a product: on hand and reserved.
    pub(super) async fn level(&self, product: &str, store: &str) -> (String, String) {
        let path = format!("/v1/stock?product={product}");
        let (_, answer) = self.ask(Method::GET, &path, None).await;
        let levels = answer["levels"].as_array().unwrap().clone();
        let found = levels.iter().find(|level| level["store"] == store);
        let text = |name: &str| {
            let level = found.map(|level| level[name].as_str().unwrap());
            level.unwrap_or("0").to_owned()
        };
        (text("on_hand"), text("reserved"))
    }

    /// The shop's product says in which unit it is counted.
    pub(super) async fn unit(&self, product: &str, unit: &str) {
        let say = "INSERT INTO bridge.subjects AS s (shop, key, kind, portal, body)
                   VALUES ('main', 'product:' || $1, 'product', 'main',
                           jsonb_build_object('data', jsonb_build_object('unit', $2::text)))
                   ON CONFLICT (shop, key) DO UPDATE SET body = excluded.body";
        let say = sqlx::query(say).bind(product).bind(unit);
        say.execute(&self.db.pool).await.unwrap();
    }

    /// Every level is what its moves and reservations come to.
    pub(super) async fn prove(&self) {
        let found = self.app.stock.check_stock("main").await.unwrap();
        assert!(found.unproved.is_empty(), "{found:?}");
    }
}

/// An event about goods, with an identity of its own.
#[expect(clippy::needless_pass_by_value, reason = "called with a literal")]
pub(super) fn event(kind: &str, data: Value) -> Value {
    let id = NEXT.fetch_add(1, Ordering::Relaxed).to_string();
    json!(
        {
            "specversion": "1.0", "type": kind, "source": "https://shop.example", "id": id, "data":
                data
        }
    )
}

/// One line of a product.
#[expect(clippy::needless_pass_by_value, reason = "called with a literal")]
pub(super) fn one(product: &str, quantity: impl ToString) -> Value {
    json!({ "lines": [{ "line": "1", "product": product, "quantity": quantity.to_string() }] })
}

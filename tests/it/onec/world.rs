//! A bridge with the shop `main` and the base `trade`, served by any number of processes.

use crate::support::{database::Database, provider, settings::KEY};
use b24_bridge::{
    app::{App, Registry},
    auth::PasswordHash,
    config::Config,
    http::{self, State},
    sandbox::onec::{Exchange, OneC},
};
use reqwest::Client;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

pub(super) const PASSWORD: &str = "correct horse";
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A hash made to be quick: the tests do not judge its strength.
pub(super) fn hash() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| {
        let hash = PasswordHash::of(PASSWORD, &[1; 16]).unwrap();
        hash.expose().to_owned()
    })
}

/// The base's settings: what stands before its tables, and further tables.
pub(super) fn settings(keys: &str, tables: &str) -> String {
    let hash = hash();
    format!(
        r#"
[portals.main]
webhook_url = "https://example.bitrix24.ru/rest/1/secret/"
[shops.main]
portal = "main"
api_keys = ["{KEY}"]
titles = {{ N = "Принят", P = "Оплачен" }}
[[shops.main.statuses]]
status = "N"
stage = "NEW"
[[shops.main.statuses]]
status = "P"
stage = "EXECUTING"
[[shops.main.statuses]]
status = "C"
stage = "LOSE"
[onec.trade]
shops = ["main"]
{keys}
[onec.trade.users.exchange]
password_hash = "{hash}"
[onec.trade.users.clerk]
password_hash = "{hash}"
types = ["catalog"]
{tables}
"#
    )
}

/// One process.
pub(super) struct Site {
    pub(super) url: String,
    pub(super) host: String,
    pub(super) app: App,
    stop: CancellationToken,
    _ready: watch::Sender<bool>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

pub(super) struct World {
    pub(super) db: Database,
    pub(super) site: Site,
    pub(super) client: Client,
}

impl World {
    pub(super) async fn new() -> Self {
        Self::with("", "").await
    }

    pub(super) async fn with(keys: &str, tables: &str) -> Self {
        provider();
        let db = Database::new().await;
        let config = Config::parse(&settings(keys, tables), &BTreeMap::new()).unwrap();
        let config = Arc::new(config);
        let site = site(&db, &config).await;
        let client = Client::builder().no_proxy().build().unwrap();
        Self { db, site, client }
    }

    /// Another process on the same database; it may be set up otherwise.
    pub(super) async fn another(&self, keys: &str, tables: &str) -> Site {
        let config = Config::parse(&settings(keys, tables), &BTreeMap::new()).unwrap();
        site(&self.db, &Arc::new(config)).await
    }

    /// A base in the old protocol.
    pub(super) fn base(&self) -> OneC {
        OneC::new(self.exchange()).unwrap()
    }

    pub(super) fn base_of(&self, version: &str) -> OneC {
        OneC::new(self.exchange().version(version)).unwrap()
    }

    pub(super) fn exchange(&self) -> Exchange {
        let address = format!("{}/exchange/1c/trade", self.site.url);
        Exchange::new(&address, "exchange", PASSWORD)
    }

    /// The shop saves an order.
    pub(super) async fn save(&self, data: Value) {
        self.post("shop.order.saved.v1", data).await;
    }

    pub(super) async fn post(&self, kind: &str, data: Value) {
        let nth = NEXT.fetch_add(1, Ordering::Relaxed);
        let event = json!({"specversion": "1.0", "type": kind, "source": "https://shop.example",
            "id": format!("e{nth}"), "data": data});
        let url = format!("{}/v1/events", self.site.url);
        let request = self.client.post(url).bearer_auth(KEY).json(&event);
        let response = request.send().await.unwrap();
        let status = response.status();
        assert!(
            status.is_success(),
            "{status}: {}",
            response.text().await.unwrap()
        );
    }

    /// What the API tells of an order in the base.
    pub(super) async fn told(&self, number: &str) -> Value {
        let url = format!("{}/v1/orders/main/{number}", self.site.url);
        let response = self.client.get(url).bearer_auth(KEY).send().await.unwrap();
        response.json().await.unwrap()
    }

    /// An answer as it is, with this login.
    pub(super) async fn raw(&self, login: &str, query: &str) -> (u16, String) {
        let url = format!("{}/exchange/1c/trade?{query}", self.site.url);
        let request = self.client.get(url).basic_auth(login, Some(PASSWORD));
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    }
}

async fn site(db: &Database, config: &Arc<Config>) -> Site {
    let directory = Registry {
        shops: config.shop_rules(),
        sources: config.sources(),
        portals: config.portals.keys().cloned().collect(),
        bases: config.bases(),
        titles: config.titles(),
        catalogues: config.catalogue_rules(),
        ..Registry::default()
    };
    let app = App::new(db.pool.clone(), directory).with_stocks(config.stocks.clone());
    if !config.stocks.is_empty() {
        app.stock.configure_stocks().await.unwrap().unwrap();
    }
    let (ready, watched) = watch::channel(true);
    let router = http::router(State {
        app: app.clone(),
        config: Arc::clone(config),
        ready: watched,
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let stop = CancellationToken::new();
    tokio::spawn(http::serve(listener, router, stop.clone()));
    Site {
        url: format!("http://{host}"),
        host,
        app,
        stop,
        _ready: ready,
    }
}

/// An order of two lines with its delivery.
pub(super) fn order(number: &str, version: i64) -> Value {
    json!({
        "number": number, "id": format!("7{number}"), "version": version, "status": "N",
        "currency": "RUB", "total": "1500.00", "created_at": "2026-11-20T09:30:00Z",
        "customer": {"id": "c1", "kind": "person", "name": "Анна", "last_name": "Иванова",
            "phones": ["+79160000001"], "emails": ["anna@example.com"]},
        "items": [
            {
                "name": "Чай «Ассам» 🍵", "xml_id": "3f1c", "quantity": 2, "price": "350.00",
                    "vat_rate": 20
            },
            {"name": "Мёд", "sku": "M-1", "quantity": "0.333", "unit": "кг", "price": "1501.50"}],
        "delivery": {"method": "Курьер", "price": "300.00", "address": "Москва"},
        "payment": {"method": "Картой"},
        "properties": {"promo": "ЛЕТО", "client_type": "опт"},
        "utm": {"source": "ya"},
        "comment": "Позвонить <за час> & подождать"
    })
}

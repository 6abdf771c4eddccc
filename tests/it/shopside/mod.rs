//! The shop's side: what `deploy/` gives to shops, against the real intake and with real callbacks.

mod own_code;
mod php;
mod woocommerce;

use crate::support::{database::Database, shop};
use b24_bridge::{
    config::Config,
    http::{self, State},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    env,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Once},
};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

const KEY: &str = "main-key-0123456789";
const SETTINGS: &str = r#"
[portals.main]
webhook_url = "https://example.bitrix24.ru/rest/1/secret/"
[shops.main]
portal = "main"
api_keys = ["main-key-0123456789"]
[[shops.main.statuses]]
status = "N"
stage = "NEW"
[shops.main.woocommerce]
secret = "woo-secret-0123456789"
[shops.other]
portal = "main"
api_keys = ["other-key-0123456789"]
[[shops.other.statuses]]
status = "N"
stage = "NEW"
"#;

/// The API on a port of its own.
struct Api {
    url: String,
    db: Database,
    client: reqwest::Client,
    stop: CancellationToken,
    _ready: watch::Sender<bool>,
}

impl Api {
    async fn new() -> Self {
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let db = Database::new().await;
        let bridge = shop::bridge(&db.pool, &["main", "other"]);
        let config = Arc::new(Config::parse(SETTINGS, &BTreeMap::new()).unwrap());
        let (ready, watched) = watch::channel(true);
        let router = http::router(State {
            bridge,
            config,
            ready: watched,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let stop = CancellationToken::new();
        tokio::spawn(http::serve(listener, router, stop.clone()));
        Self {
            url,
            db,
            client: reqwest::Client::builder().no_proxy().build().unwrap(),
            stop,
            _ready: ready,
        }
    }

    /// The order as the bridge knows it; null if it does not.
    async fn order(&self, number: &str) -> Value {
        let url = format!("{}/v1/orders/main/{number}", self.url);
        let answer = self.client.get(url).bearer_auth(KEY).send().await.unwrap();
        if answer.status() == 404 {
            return Value::Null;
        }
        answer.json().await.unwrap()
    }

    /// How many events are stored for an order.
    async fn events(&self, number: &str) -> i64 {
        let sql = "SELECT count(*) FROM bridge.outbox WHERE number = $1";
        let query = sqlx::query_scalar::<_, i64>(sql).bind(number);
        query.fetch_one(&self.db.pool).await.unwrap()
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A folder of `deploy/`.
fn deploy(folder: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(folder)
}

/// Whether the machine has an interpreter that the examples run on. Where CI runs it must.
fn interpreter(name: &str) -> bool {
    let probe: &[&str] = match name {
        "php" => &[
            "-r",
            "exit(PHP_VERSION_ID >= 80100 && extension_loaded('curl') && extension_loaded('mbstring') && extension_loaded('pdo_sqlite') ? 0 : 1);",
        ],
        "python3" => &["-c", "import sys; sys.exit(sys.version_info < (3, 10))"],
        "node" => &["-e", "process.exit(typeof fetch === 'function' ? 0 : 1)"],
        "openssl" => &["version"],
        _ => &["--version"],
    };
    let there = Command::new(name)
        .args(probe)
        .output()
        .is_ok_and(|done| done.status.success());
    let demanded = env::var_os("CI").is_some_and(|ci| ci == "true");
    assert!(there || !demanded, "CI has no `{name}` that is new enough");
    there
}

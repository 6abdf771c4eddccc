//! The bridge's API on a port of its own, with the shops `main` and `other`, and no worker.

use super::{database::Database, provider, settings::Settings, shop};
use b24_bridge::{
    app::App,
    config::Config,
    http::{self, State},
};
use reqwest::Client;
use std::{collections::BTreeMap, sync::Arc};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::CancellationToken;

const OTHER: &str = r#"
[shops.main.woocommerce]
secret = "woo-secret-0123456789"
[shops.other]
portal = "main"
api_keys = ["other-key-0123456789"]
[[shops.other.statuses]]
status = "N"
stage = "NEW"

[[shops.main.forms]]
name = "callback"
token = "token-0123456789"
"#;

pub(crate) struct Api {
    pub(crate) address: String,
    pub(crate) url: String,
    pub(crate) client: Client,
    pub(crate) app: App,
    pub(crate) db: Database,
    pub(crate) ready: watch::Sender<bool>,
    pub(crate) stop: CancellationToken,
}

/// The settings of its two shops.
pub(crate) fn settings() -> Settings {
    Settings::new("https://example.bitrix24.ru/rest/1/secret/")
        .status("N", "NEW")
        .tables(OTHER)
}

impl Api {
    /// With nothing but its two shops.
    pub(crate) async fn new() -> Self {
        Self::with(&settings()).await
    }

    pub(crate) async fn with(settings: &Settings) -> Self {
        provider();
        let db = Database::new().await;
        let app = shop::app(&db.pool, &["main", "other"]);
        let config = Config::parse(&settings.to_string(), &BTreeMap::new()).unwrap();
        let (ready, watched) = watch::channel(true);
        let router = http::router(State {
            app: app.clone(),
            config: Arc::new(config),
            ready: watched,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let stop = CancellationToken::new();
        tokio::spawn(http::serve(listener, router, stop.clone()));
        Self {
            url: format!("http://{address}"),
            address,
            client: Client::builder().no_proxy().build().unwrap(),
            app,
            db,
            ready,
            stop,
        }
    }
}

impl Drop for Api {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

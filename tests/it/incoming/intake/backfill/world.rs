//! A file of history, the bridge as processes, and a sandbox portal.

use crate::support::{
    database::Database,
    free_port,
    process::{self, Running},
    settings::{KEY, Settings},
};
use b24_bridge::sandbox::{Options, Sandbox};
use serde_json::{Value, json};
use std::{
    fs,
    path::PathBuf,
    process::Stdio,
    time::{Duration, Instant},
};
use tempfile::TempDir;

pub(super) struct World {
    pub(super) portal: Sandbox,
    pub(super) database: Database,
    folder: TempDir,
    port: u16,
}

/// An order as the history has it: its own customer, three lines with the delivery.
pub(super) fn order(number: usize) -> Value {
    json!({
        "number": format!("H{number}"), "version": 1, "status": "N", "currency": "RUB", "total":
            "350.50",
        "customer": {
            "id": format!("k{number}"), "name": "Имя", "phones": [format!("+7916{number:07}")]
        },
        "items": [
            {
                "name": "Чай", "quantity": 3, "price": "33.50"
            } , {
                "name": "Чайник", "quantity": 1, "price": "100.00"
            }
        ],
        "delivery": {"method": "Курьер", "price": "150.00"}
    })
}

impl World {
    /// `rate` is what the bridge may send a second; the sandbox has its own limit.
    pub(super) async fn new(options: Options, rate: u32) -> Self {
        let portal = Sandbox::start(options).await.unwrap();
        let world = Self {
            portal,
            database: Database::new().await,
            folder: tempfile::tempdir().unwrap(),
            port: free_port(),
        };
        Settings::new(&world.portal.url())
            .listen(world.port)
            .rate(rate, rate.max(2))
            .hasty()
            .status("N", "NEW")
            .write(&world.settings());
        world
    }

    /// Writes these orders into the file.
    pub(super) fn write(&self, orders: impl Iterator<Item = Value>) {
        let lines: Vec<String> = orders.map(|order| order.to_string()).collect();
        fs::write(self.file(), lines.join("\n")).unwrap();
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("orders.ndjson")
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("bridge.toml")
    }

    pub(super) fn serve(&self) -> Running {
        process::serve(&self.settings(), &self.database.url)
    }

    /// Loads the file.
    pub(super) fn backfill(&self, arguments: &[&str]) -> Running {
        let load = ["backfill", "--json", "--rate-share", "1"];
        let mut command = process::command(&load, &self.settings(), &self.database.url);
        command.arg(self.file()).args(arguments);
        command.stdout(Stdio::piped()).stderr(Stdio::null());
        Running(command.spawn().unwrap())
    }

    /// What a load printed, once it is over.
    pub(super) async fn over(&self, mut load: Running) -> (bool, Value) {
        let bound = Instant::now() + Duration::from_mins(2);
        let status = loop {
            if let Some(status) = load.0.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < bound, "the load does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let mut text = String::new();
        let out = load.0.stdout.as_mut().unwrap();
        std::io::Read::read_to_string(out, &mut text).unwrap();
        (
            status.success(),
            serde_json::from_str(&text).unwrap_or_default(),
        )
    }

    /// The shop posts an order now, again until it is taken.
    pub(super) async fn post(&self, data: Value) {
        let event = json!({
            "specversion": "1.0", "type": "shop.order.saved.v1", "source": "https://shop.example",
            "id": format!("live-{}", data["number"]), "data": data
        });
        let url = format!("http://127.0.0.1:{}/v1/events", self.port);
        self.until("the order is taken", async || {
            let http = crate::portal::sandbox::client();
            let sent = http.post(&url).bearer_auth(KEY).json(&event).send().await;
            sent.is_ok_and(|answer| answer.status() == 202)
        })
        .await;
    }

    pub(super) async fn until(&self, what: &str, mut wanted: impl AsyncFnMut() -> bool) {
        let bound = Instant::now() + Duration::from_mins(2);
        while !wanted().await {
            assert!(Instant::now() < bound, "{what}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// How many orders wait.
    pub(super) async fn waiting(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM bridge.orders WHERE due_at IS NOT NULL")
            .fetch_one(&self.database.pool)
            .await
            .unwrap()
    }

    /// Waits until so many deals are there and nothing waits.
    pub(super) async fn settled(&self, deals: usize) {
        let bound = Instant::now() + Duration::from_mins(2);
        loop {
            let (there, waiting) = (self.portal.deals().len(), self.waiting().await);
            if there >= deals && waiting == 0 {
                return;
            }
            assert!(
                Instant::now() < bound,
                "{there} deals, {waiting} orders wait"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// How often a method was carried out.
    pub(super) fn ran(&self, method: &str) -> u64 {
        let methods = self.portal.stats().methods;
        methods.get(method).copied().unwrap_or_default()
    }

    /// The only deal of an order.
    pub(super) fn deal_of(&self, number: &str) -> Option<Value> {
        let deals = self.portal.deals();
        let mut mine = deals.into_iter().filter(|deal| deal["ORIGIN_ID"] == number);
        let deal = mine.next();
        assert!(mine.next().is_none(), "two deals of {number}");
        deal
    }
}

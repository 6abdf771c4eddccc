//! The bridge as a process, and the orders of its shop.

use serde_json::{Value, json};
use std::{
    fs,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

pub(crate) const KEY: &str = "bench-key-0123456789";

/// A process that dies with this value.
pub(crate) struct Served {
    child: Child,
    pub(crate) port: u16,
    /// Seconds from its start until it was ready.
    pub(crate) start: f64,
    _folder: tempfile::TempDir,
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How a portal is limited, as the settings say it.
pub(crate) struct Limit {
    pub(crate) per_second: u32,
    pub(crate) burst: u32,
}

impl Served {
    pub(crate) async fn start(database: &str, portal: &str, limit: &Limit, role: &str) -> Self {
        let Limit { per_second, burst } = limit;
        let text = format!(
            r#"
            [portals.main]
            webhook_url = "{portal}"
            rate = {{ per_second = {per_second}, burst = {burst} }}
            [shops.main]
            portal = "main"
            api_keys = ["{KEY}"]
            [[shops.main.statuses]]
            status = "N"
            stage = "NEW"
            "#
        );
        Self::with(database, &text, role).await
    }

    /// With these settings, besides the address.
    pub(crate) async fn with(database: &str, text: &str, role: &str) -> Self {
        // Given back at once, for the process.
        let port = {
            let free = TcpListener::bind("127.0.0.1:0").unwrap();
            free.local_addr().unwrap().port()
        };
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("bridge.toml");
        let text = format!("[http]\nlisten = \"127.0.0.1:{port}\"\n{text}");
        fs::write(&settings, text).unwrap();
        let started = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_b24-bridge"))
            .args(["serve", "--role", role, "--config"])
            .arg(&settings)
            .env("DATABASE_URL", database)
            .env("RUST_LOG", "warn")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut served = Self {
            child,
            port,
            start: 0.0,
            _folder: folder,
        };
        if role != "worker" {
            let url = format!("http://127.0.0.1:{port}/readyz");
            while !client()
                .get(&url)
                .send()
                .await
                .is_ok_and(|a| a.status() == 200)
            {
                assert!(
                    started.elapsed() < Duration::from_secs(30),
                    "serve is not ready"
                );
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
        served.start = started.elapsed().as_secs_f64();
        served
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// The most memory that it ever held, in MiB.
    pub(crate) fn memory(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status
            .lines()
            .find(|line| line.starts_with("VmHWM"))
            .unwrap();
        let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib / 1024.0
    }

    /// Posts orders, 500 to a request.
    pub(crate) async fn post(&self, orders: &[Value]) {
        for some in orders.chunks(500) {
            let answer = client()
                .post(format!("http://127.0.0.1:{}/v1/events", self.port))
                .bearer_auth(KEY)
                .header("content-type", "application/cloudevents-batch+json")
                .json(some)
                .send()
                .await
                .unwrap();
            assert_eq!(answer.status(), 202);
        }
    }
}

pub(crate) fn client() -> reqwest::Client {
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// A new order of a new customer, with three lines.
pub(crate) fn order(number: usize) -> Value {
    json!({
        "specversion": "1.0", "type": "shop.order.saved.v1", "source": "https://bench.example",
            "id": format!("e{number}"),
        "data": {
            "number": format!("B{number}"), "status": "N", "currency": "RUB", "total": "350.50",
            "customer": {
                "id": format!("k{number}"), "kind": "person", "name": "Анна", "last_name":
                    "Иванова",
                "phones": [format!("+7916{number:07}")], "emails": [
                    format!("k{number}@example.com")
                ]
            },
            "items": [
                {"name": "Чай чёрный, 100 г", "quantity": 3, "price": "33.50"},
                {"name": "Чайник", "quantity": 1, "price": "100.00"},
                {"name": "Чашка", "quantity": 2, "price": "75.00"}
            ]
        }
    })
}

pub(crate) fn orders(from: usize, count: usize) -> Vec<Value> {
    (from..from + count).map(order).collect()
}

/// Waits for a condition, at most ten minutes.
pub(crate) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(
            started.elapsed() < Duration::from_mins(10),
            "{what} does not come"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

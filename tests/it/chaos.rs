//! The whole bridge as a process, killed again and again in front of a faulty portal.

use crate::support::database::Database;
use b24_bridge::sandbox::{Faults, Options, Plan, Sandbox};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

const KEY: &str = "chaos-key-0123456789";

/// Kills its process at the end of the test, however that comes.
struct Bridge(Child);

impl Drop for Bridge {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// `CHAOS_ORDERS` and `CHAOS_KILLS` make it larger.
#[expect(
    clippy::disallowed_methods,
    reason = "the size of this test is chosen by who runs it"
)]
fn size(name: &str, usual: usize) -> usize {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

fn order(number: usize) -> Value {
    let customer = number / 2;
    json!({
        "specversion": "1.0", "type": "shop.order.saved.v1", "source": "https://chaos.example", "id": format!("e{number}"),
        "data": {
            "number": format!("C{number}"), "status": "N", "currency": "RUB", "total": "350.50",
            "customer": {
                "id": format!("k{customer}"), "name": "Имя", "phones": [format!("+7916{customer:07}")],
                "emails": [format!("k{customer}@example.com")]
            },
            "items": [
                {"name": "Чай", "quantity": 3, "price": "33.50"}, {"name": "Чайник", "quantity": 1, "price": "100.00"}
            ],
            "delivery": {"method": "Курьер", "price": "150.00"}
        }
    })
}

fn settings_text(port: u16, webhook_url: &str) -> String {
    format!(
        r#"
        [http]
        listen = "127.0.0.1:{port}"
        [portals.main]
        webhook_url = "{webhook_url}"
        rate = {{ per_second = 500, burst = 500 }}
        [shops.main]
        portal = "main"
        api_keys = ["{KEY}"]
        [[shops.main.statuses]]
        status = "N"
        stage = "NEW"
        [worker]
        lease_seconds = 2
        poll_seconds = 1
        doubt_seconds = 1
        backoff_base_seconds = 1
        backoff_cap_seconds = 2
        wave = 50
        "#
    )
}

/// One deal an order, sums and rows right, one contact a customer.
fn check(portal: &Sandbox, orders: usize) {
    let mut by_number: BTreeMap<String, usize> = BTreeMap::new();
    for deal in portal.deals() {
        *by_number
            .entry(deal["ORIGIN_ID"].as_str().unwrap().to_owned())
            .or_default() += 1;
        assert_eq!(deal["OPPORTUNITY"], "350.50", "{deal}");
        let id: u64 = deal["ID"].as_str().unwrap().parse().unwrap();
        assert_eq!(portal.rows(id).len(), 3, "the rows of deal {id}");
    }
    assert_eq!(by_number.len(), orders);
    assert!(by_number.values().all(|count| *count == 1), "{by_number:?}");
    assert_eq!(portal.contacts().len(), orders.div_ceil(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_moments_before_a_faulty_portal_every_order_becomes_one_whole_deal() {
    let (orders, kills) = (size("CHAOS_ORDERS", 240), size("CHAOS_KILLS", 4));
    let faults = Faults {
        bad_gateway: 0.05,
        lost_answer: 0.05,
        half_answer: 0.02,
        gateway_timeout: 0.01,
        reset_before: 0.02,
        ..Faults::default()
    };
    let options = Options::default()
        .plan(Plan::Unlimited)
        .latency(Duration::from_millis(15))
        .faults(faults);
    let portal = Sandbox::start(options).await.unwrap();
    let database = Database::new().await;
    let folder = tempfile::tempdir().unwrap();
    let port = crate::support::free_port();
    let settings = folder.path().join("bridge.toml");
    let text = settings_text(port, &portal.url());
    fs::write(&settings, text).unwrap();
    let start = || {
        let child = Command::new(env!("CARGO_BIN_EXE_b24-bridge"))
            .args(["serve", "--config"])
            .arg(&settings)
            .env("DATABASE_URL", &database.url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Bridge(child)
    };
    let mut bridge = start();
    let http = crate::sandbox::client();
    let url = format!("http://127.0.0.1:{port}/v1/events");
    let bound = Instant::now() + Duration::from_secs(60 + orders as u64 / 2);
    let mut killed = 0;
    for number in 0..orders {
        // A shop that gets no 202 sends the event again.
        loop {
            let sent = http
                .post(&url)
                .bearer_auth(KEY)
                .json(&order(number))
                .send()
                .await;
            if sent.is_ok_and(|answer| answer.status() == 202) {
                break;
            }
            assert!(Instant::now() < bound, "order {number} is not taken");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        if killed < kills && number >= (killed + 1) * orders / (kills + 1) {
            killed += 1;
            drop(bridge);
            bridge = start();
        }
    }
    loop {
        let waiting: i64 =
            sqlx::query_scalar("SELECT count(*) FROM bridge.orders WHERE due_at IS NOT NULL")
                .fetch_one(&database.pool)
                .await
                .unwrap();
        if waiting == 0 {
            break;
        }
        assert!(Instant::now() < bound, "{waiting} orders still wait");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(bridge);
    assert_eq!(killed, kills);
    check(&portal, orders);
}

/// The owner of the lane of `main`.
async fn owner(database: &Database) -> Option<String> {
    sqlx::query_scalar(
        "SELECT owner FROM bridge.lanes WHERE portal = 'main' AND lease_until > now()",
    )
    .fetch_optional(&database.pool)
    .await
    .unwrap()
    .flatten()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_was_stopped_for_longer_than_its_lease_sends_nothing_more_and_settles_nothing()
 {
    let options = Options::default()
        .plan(Plan::Unlimited)
        .latency(Duration::from_millis(400));
    let portal = Sandbox::start(options).await.unwrap();
    let database = Database::new().await;
    let folder = tempfile::tempdir().unwrap();
    let ports = [crate::support::free_port(), crate::support::free_port()];
    let start = |port: u16| {
        let settings = folder.path().join(format!("{port}.toml"));
        fs::write(&settings, settings_text(port, &portal.url())).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_b24-bridge"))
            .args(["serve", "--config"])
            .arg(&settings)
            .env("DATABASE_URL", &database.url)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        Bridge(child)
    };
    let http = crate::sandbox::client();
    let bound = Instant::now() + Duration::from_mins(1);
    let first = start(ports[0]);
    loop {
        let url = format!("http://127.0.0.1:{}/v1/events", ports[0]);
        let sent = http
            .post(&url)
            .bearer_auth(KEY)
            .json(&order(0))
            .send()
            .await;
        if sent.is_ok_and(|answer| answer.status() == 202) {
            break;
        }
        assert!(Instant::now() < bound, "the order is not taken");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Stopped in the middle of a wave: a call is on its way.
    let before = portal.stats().requests;
    while portal.stats().requests <= before {
        assert!(Instant::now() < bound, "nothing is sent");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let owned = owner(&database).await;
    let pid = nix::unistd::Pid::from_raw(first.0.id().try_into().unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGSTOP).unwrap();
    let _second = start(ports[1]);
    let settled = "SELECT in_sync FROM bridge.orders WHERE number = 'C0'";
    while !sqlx::query_scalar::<_, bool>(settled)
        .fetch_one(&database.pool)
        .await
        .unwrap()
    {
        assert!(Instant::now() < bound, "nobody takes over");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let taken = owner(&database).await;
    assert_ne!(owned, taken);
    let writes = |portal: &Sandbox| {
        let methods = portal.stats().methods;
        [
            "crm.deal.add",
            "crm.contact.add",
            "crm.deal.productrows.set",
        ]
        .map(|method| methods.get(method).copied().unwrap_or_default())
    };
    let wrote = writes(&portal);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGCONT).unwrap();
    // Longer than a lease: whatever it still wanted to do would have been done.
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(writes(&portal), wrote, "it went on writing");
    assert_eq!(owner(&database).await, taken);
    check(&portal, 1);
}

//! The whole bridge as processes: killed again and again before a faulty portal, and stopped for
//! longer than a lease.

mod run;
mod shop;

use crate::support::{
    database::Database,
    free_port,
    process::{self, Running},
    settings::{KEY, Settings},
};
use b24_bridge::sandbox::{Options, Plan, Sandbox};
use shop::order;
use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

/// A place for a process: its port and its settings.
struct Place {
    port: u16,
    settings: PathBuf,
    _folder: tempfile::TempDir,
}

impl Place {
    fn new(webhook_url: &str, wave: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = folder.path().join("bridge.toml");
        let port = free_port();
        Settings::new(webhook_url)
            .listen(port)
            .rate(run::PER_SECOND, run::BURST)
            .hasty()
            .set("worker.wave", wave)
            .set("worker.reconcile_seconds", 5)
            .status("N", "NEW")
            .status("P", "EXECUTING")
            .write(&settings);
        Self {
            port,
            settings,
            _folder: folder,
        }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}/v1/events", self.port)
    }

    fn start(&self, database: &str) -> Running {
        process::serve(&self.settings, database)
    }
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
async fn a_process_that_was_stopped_for_longer_than_its_lease_sends_and_settles_nothing_more() {
    let options = Options::default()
        .plan(Plan::Unlimited)
        .latency(Duration::from_millis(400));
    let portal = Sandbox::start(options).await.unwrap();
    let database = Database::new().await;
    let places = [0, 1].map(|_| Place::new(&portal.url(), 30));
    let http = crate::portal::sandbox::client();
    let bound = Instant::now() + Duration::from_mins(1);
    let first = places[0].start(&database.url);
    loop {
        let sent = http
            .post(places[0].url())
            .bearer_auth(KEY)
            .json(&order(0, 1))
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
    let _second = places[1].start(&database.url);
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
    assert_eq!(portal.deals().len(), 1);
    assert_eq!(portal.contacts().len(), 1);
}

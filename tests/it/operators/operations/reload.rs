//! Settings are read again while the bridge runs.

use crate::support::{
    database::Database,
    free_port,
    process::{self, Running},
    settings::{KEY, Settings},
    shop::event,
};
use b24_bridge::sandbox::{Options, Plan, Sandbox};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use reqwest::{Client, StatusCode};
use std::{
    fs,
    path::PathBuf,
    process::Output,
    time::{Duration, Instant},
};

const SECOND: &str = "second-key-0123456789";

/// Settings with the portal `main`, a folder for more, and what runs by them.
struct Place {
    db: Database,
    http: Client,
    folder: tempfile::TempDir,
    port: u16,
}

impl Place {
    async fn new(main: &Sandbox) -> Self {
        let place = Self {
            db: Database::new().await,
            http: crate::portal::sandbox::client(),
            folder: tempfile::tempdir().unwrap(),
            port: free_port(),
        };
        fs::create_dir(place.folder.path().join("portals.d")).unwrap();
        place.write(&place.settings(main));
        place
    }

    fn settings(&self, main: &Sandbox) -> Settings {
        Settings::new(&main.url())
            .listen(self.port)
            .set("worker.poll_seconds", 1)
            .status("N", "NEW")
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("bridge.toml")
    }

    fn write(&self, settings: &Settings) {
        settings.write(&self.file());
    }

    fn part(&self, name: &str) -> PathBuf {
        self.folder.path().join("portals.d").join(name)
    }

    /// A file with the portal `second` and a shop of it.
    fn add_second(&self, portal: &Sandbox) {
        let text = format!(
            "[portals.second]\nwebhook_url = {:?}\n[shops.second]\nportal = \"second\"\n\
             api_keys = [{SECOND:?}]\n[[shops.second.statuses]]\nstatus = \"N\"\nstage = \"NEW\"\n",
            portal.url()
        );
        fs::write(self.part("second.toml"), text).unwrap();
    }

    async fn serve(&self) -> Running {
        let running = process::serve(&self.file(), &self.db.url);
        until("it is ready", async || {
            let asked = self.http.get(self.url("readyz")).send().await;
            asked.is_ok_and(|answer| answer.status() == 200)
        })
        .await;
        running
    }

    fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/{path}", self.port)
    }

    async fn reload(&self) -> Output {
        let command = process::command(&["reload"], &self.file(), &self.db.url);
        tokio::process::Command::from(command)
            .output()
            .await
            .unwrap()
    }

    /// Reloads, which must go well, and returns what was said.
    async fn reloaded(&self) -> String {
        let done = self.reload().await;
        let said = String::from_utf8(done.stdout).unwrap();
        assert!(
            done.status.success(),
            "{said}{}",
            String::from_utf8_lossy(&done.stderr)
        );
        said
    }

    async fn order(&self, key: &str, number: &str) -> StatusCode {
        let sent = self
            .http
            .post(self.url("v1/events"))
            .bearer_auth(key)
            .json(&event(number, number, 1))
            .send();
        sent.await.unwrap().status()
    }

    /// How often the lane changed hands; none if it is held by nobody.
    async fn epoch(&self, lane: &str) -> Option<i64> {
        sqlx::query_scalar("SELECT epoch FROM bridge.lanes WHERE portal = $1 AND owner IS NOT NULL")
            .bind(lane)
            .fetch_optional(&self.db.pool)
            .await
            .unwrap()
    }
}

async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < Duration::from_mins(1), "{what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn portal(latency: u64) -> Sandbox {
    let options = Options::default()
        .plan(Plan::Unlimited)
        .latency(Duration::from_millis(latency));
    Sandbox::start(options).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_portal_that_is_added_by_a_file_gets_its_order_and_no_other_lane_is_disturbed() {
    let (main, second) = (portal(1_000).await, portal(0).await);
    let place = Place::new(&main).await;
    let _running = place.serve().await;
    assert_eq!(place.order(SECOND, "B-1").await, 401);
    until("the lane is held", async || {
        place.epoch("main").await.is_some()
    })
    .await;
    let (epoch, before) = (place.epoch("main").await, main.stats().requests);
    assert_eq!(place.order(KEY, "A-1").await, 202);
    until("the order is on its way", async || {
        main.stats().requests > before
    })
    .await;
    place.add_second(&second);
    place.write(&place.settings(&main).set("worker.wave", 7));
    let said = place.reloaded().await;
    for line in [
        "`portals.second`: added",
        "`shops.second`: added",
        "1 begun, 0 ended, 1 went on undisturbed",
        "`worker.wave`: needs a restart",
    ] {
        assert!(said.contains(line), "{line}: {said}");
    }
    assert_eq!(place.order(SECOND, "B-1").await, 202);
    until("both orders are deals", async || {
        main.deals().len() == 1 && second.deals().len() == 1
    })
    .await;
    assert_eq!(place.epoch("main").await, epoch);
    let said = place.reloaded().await;
    assert!(said.contains("nothing is different"), "{said}");

    // And it goes again: its lane ends, and its key is refused.
    fs::remove_file(place.part("second.toml")).unwrap();
    let said = place.reloaded().await;
    assert!(said.contains("`portals.second`: removed"), "{said}");
    assert_eq!(place.order(SECOND, "B-2").await, 401);
    assert_eq!(place.epoch("second").await, None);
    assert_eq!(place.order(KEY, "A-2").await, 202);
    until("the other goes on", async || main.deals().len() == 2).await;
    assert_eq!(place.epoch("main").await, epoch);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_faulty_file_changes_nothing_and_is_told_with_its_line() {
    let (main, second) = (portal(0).await, portal(0).await);
    let place = Place::new(&main).await;
    let running = place.serve().await;
    place.add_second(&second);
    fs::write(
        place.part("wrong.toml"),
        "[portals.third]\nwebhok_url = \"x\"\n",
    )
    .unwrap();
    let done = place.reload().await;
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(1), "{said}");
    for word in ["wrong.toml", "line 2", "did you mean `webhook_url`"] {
        assert!(said.contains(word), "{word}: {said}");
    }
    // The process that is asked by a signal finds the same, and goes on as it was.
    let pid = Pid::from_raw(running.0.id().try_into().unwrap());
    kill(pid, Signal::SIGHUP).unwrap();
    assert_eq!(place.order(KEY, "A-1").await, 202);
    until("the order is a deal", async || main.deals().len() == 1).await;
    assert_eq!(place.order(SECOND, "B-1").await, 401);
    // Mended, the signal is enough.
    fs::remove_file(place.part("wrong.toml")).unwrap();
    kill(pid, Signal::SIGHUP).unwrap();
    until("the new key is taken", async || {
        place.order(SECOND, "B-1").await == 202
    })
    .await;
    until("its order is a deal", async || second.deals().len() == 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_process_answers_and_a_changed_lane_begins_with_its_new_settings() {
    let (main, second) = (portal(0).await, portal(0).await);
    let place = Place::new(&main).await;
    assert!(!place.reload().await.status.success(), "nobody runs");
    let _running = place.serve().await;
    let mut other = process::command(&["serve", "--role", "worker"], &place.file(), &place.db.url);
    other.env(
        "BRIDGE_HTTP__WATCH_LISTEN",
        format!("127.0.0.1:{}", free_port()),
    );
    let _other = process::quiet(other);
    let alive = "SELECT count(*) FROM bridge.processes
                 WHERE alive_until > now() AND answers_until > now()";
    until("both are alive", async || {
        let alive: i64 = sqlx::query_scalar(alive)
            .fetch_one(&place.db.pool)
            .await
            .unwrap();
        alive == 2
    })
    .await;
    // The portal is another one from now on, whoever holds its lane.
    place.write(&place.settings(&second));
    let said = place.reloaded().await;
    assert_eq!(said.matches("`portals.main`: changed").count(), 2, "{said}");
    assert_eq!(place.order(KEY, "A-1").await, 202);
    until("the order is a deal", async || second.deals().len() == 1).await;
    assert!(main.deals().is_empty());
    let audit = "SELECT count(*) FROM bridge.audit WHERE action = 'settings.reload'";
    let audit: i64 = sqlx::query_scalar(audit)
        .fetch_one(&place.db.pool)
        .await
        .unwrap();
    assert_eq!(audit, 1);
}

//! What an operator does at the command line: real processes against the sandbox portal.

mod commands;
pub(crate) mod embedded;
pub(crate) mod init;
pub(crate) mod reload;
pub(crate) mod stats;
pub(crate) mod status_map;
mod surfaces;

use crate::support::{
    database::Database,
    free_port,
    process::{self, Running},
    settings::{KEY, Settings},
    shop::event,
};
use b24_bridge::sandbox::{self, Options, Plan, Sandbox};
use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span,
};
use prost::Message as _;
use serde_json::Value;
use std::{
    fmt::Write as _,
    path::PathBuf,
    process::Command,
    time::{Duration, Instant},
};

/// A portal, a database, and settings.
struct Place {
    portal: Sandbox,
    db: Database,
    folder: tempfile::TempDir,
    client: reqwest::Client,
}

/// The bridge at work, and where it listens.
struct Bridge {
    process: Running,
    address: String,
}

impl Bridge {
    /// On a port of its own, which this setting tells.
    fn start(mut command: Command, setting: &str) -> Self {
        let address = format!("127.0.0.1:{}", free_port());
        command.env(setting, &address);
        Self {
            process: process::quiet(command),
            address,
        }
    }
}

impl Place {
    async fn new(latency: Duration) -> Self {
        let options = Options::default().plan(Plan::Unlimited).latency(latency);
        let place = Self {
            portal: Sandbox::start(options).await.unwrap(),
            db: Database::new().await,
            folder: tempfile::tempdir().unwrap(),
            client: crate::portal::sandbox::client(),
        };
        place.settings().status("N", "NEW").write(&place.file());
        place
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("b24-bridge.toml")
    }

    fn settings(&self) -> Settings {
        Settings::new(&self.portal.url())
            .set("http.drain_seconds", 1)
            .set("worker.lease_seconds", 60)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        process::command(arguments, &self.file(), &self.db.url)
    }

    /// What `doctor` found: its exit code and the findings.
    async fn doctor(&self) -> (bool, Vec<Value>) {
        let mut command = tokio::process::Command::from(self.command(&["doctor", "--json"]));
        let done = command.output().await.unwrap();
        (done.status.success(), findings(&done.stdout))
    }

    fn serve(&self) -> Bridge {
        Bridge::start(self.command(&["serve"]), "BRIDGE_HTTP__LISTEN")
    }

    /// Status and reasons of `/readyz`; none while nobody listens.
    async fn ready(&self, bridge: &Bridge) -> Option<(u16, String)> {
        let url = format!("http://{}/readyz", bridge.address);
        let answer = self.client.get(url).send().await.ok()?;
        let status = answer.status().as_u16();
        Some((status, answer.text().await.ok()?))
    }

    async fn until_ready(&self, bridge: &Bridge) {
        let bound = Instant::now() + Duration::from_mins(1);
        while self
            .ready(bridge)
            .await
            .is_none_or(|(status, _)| status != 200)
        {
            assert!(Instant::now() < bound, "not ready");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn owner(&self) -> Option<String> {
        let read = sqlx::query_scalar("SELECT owner FROM bridge.lanes WHERE portal = 'main'");
        read.fetch_optional(&self.db.pool).await.unwrap().flatten()
    }
}

/// What `doctor --json` printed.
fn findings(stdout: &[u8]) -> Vec<Value> {
    let printed: Value = serde_json::from_slice(stdout).unwrap();
    printed["items"].as_array().unwrap().clone()
}

fn finding<'a>(found: &'a [Value], what: &str) -> &'a Value {
    let one = found.iter().find(|one| one["what"] == what);
    one.unwrap_or_else(|| panic!("nothing about `{what}` in {found:#?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_doctor_finds_what_is_wrong_names_the_remedy_and_goes_on() {
    let place = Place::new(Duration::ZERO).await;
    let (_, found) = place.doctor().await;
    for what in [
        "settings",
        "database",
        "schema",
        "connections",
        "autovacuum",
        "disk",
        "clock of the database",
        "portal main",
        "clock of portal main",
        "stage history of portal main",
        "stages of shop main",
    ] {
        assert_eq!(finding(&found, what)["state"], "ok", "{what}: {found:#?}");
    }
    let told = finding(&found, "notifications of portal main");
    assert_eq!(told["state"], "note");
    let steps = told["steps"].to_string();
    assert!(
        steps.contains("Outgoing webhook") && steps.contains("/webhooks/bitrix24/main"),
        "{steps}"
    );
    // The cluster of these tests trades safety for speed, which is exactly what must be found.
    let durable = finding(&found, "durable commits");
    assert_eq!(
        (&durable["state"], &durable["code"]),
        (&"fail".into(), &"BRIDGE-DATABASE".into())
    );

    let nobody = format!("http://127.0.0.1:{}/", free_port());
    place
        .settings()
        .status("N", "NO_SUCH_STAGE")
        .callback(&nobody, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
        .write(&place.file());
    sqlx::query(
        "DELETE FROM bridge._sqlx_migrations WHERE version = (SELECT max(version) FROM \
         bridge._sqlx_migrations)",
    )
    .execute(&place.db.pool)
    .await
    .unwrap();
    place.portal.deny(&["crm.stagehistory.list"]);
    let (fine, found) = place.doctor().await;
    assert!(!fine);
    for (what, code) in [
        ("schema", "BRIDGE-DATABASE"),
        ("stage history of portal main", "B24-HISTORY"),
        ("stages of shop main", "MAP-STAGE"),
        ("callback of shop main", "SHOP-DOWN"),
    ] {
        let one = finding(&found, what);
        assert_eq!(one["code"], code, "{one}");
        assert!(one["remedy"].as_str().is_some_and(|text| text.len() > 10));
    }
    let schema = finding(&found, "schema")["found"].to_string();
    assert!(schema.contains("this version needs 2026"), "{schema}");
    drop(place.portal);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_alone_can_be_watched_and_starts_beside_a_newer_schema() {
    let place = Place::new(Duration::ZERO).await;
    // What a newer version of the bridge leaves behind.
    sqlx::query(
        "INSERT INTO bridge._sqlx_migrations (version, description, success, checksum,
           execution_time)
         VALUES (29990101000001, 'of a newer version', true, '', 1)",
    )
    .execute(&place.db.pool)
    .await
    .unwrap();
    let command = place.command(&["serve", "--role", "worker"]);
    let bridge = Bridge::start(command, "BRIDGE_HTTP__WATCH_LISTEN");
    place.until_ready(&bridge).await;
    let get = |path: &str| {
        place
            .client
            .get(format!("http://{}{path}", bridge.address))
            .send()
    };
    let meters = get("/metrics").await.unwrap().text().await.unwrap();
    assert!(meters.contains("bridge_build_info"), "{meters}");
    assert_eq!(get("/v1/status").await.unwrap().status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_the_doctor_still_looks_at_the_portal() {
    let place = Place::new(Duration::ZERO).await;
    let mut command = place.command(&["doctor", "--json"]);
    command.env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none");
    let done = tokio::process::Command::from(command)
        .output()
        .await
        .unwrap();
    assert_eq!(done.status.code(), Some(1));
    let found = findings(&done.stdout);
    assert_eq!(finding(&found, "database")["code"], "BRIDGE-DATABASE");
    let told = finding(&found, "database")["found"].to_string();
    assert_eq!(told.to_lowercase().matches("refused").count(), 1, "{told}");
    assert!(!told.contains("os error"), "{told}");
    assert_eq!(finding(&found, "portal main")["state"], "ok");
}

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// Every span that the collector was sent.
async fn spans(collector: &wiremock::MockServer) -> Vec<Span> {
    let requests = collector.received_requests().await.unwrap();
    requests
        .iter()
        .flat_map(|request| {
            let sent = ExportTraceServiceRequest::decode(request.body.as_slice()).unwrap();
            sent.resource_spans
        })
        .flat_map(|resource| resource.scope_spans)
        .flat_map(|scope| scope.spans)
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_goes_from_the_shop_s_request_to_the_portal_s_answer() {
    let place = Place::new(Duration::ZERO).await;
    let collector = wiremock::MockServer::start().await;
    wiremock::Mock::given(wiremock::matchers::path("/v1/traces"))
        .respond_with(wiremock::ResponseTemplate::new(200))
        .mount(&collector)
        .await;
    let mut command = place.command(&["serve"]);
    command.env("OTEL_EXPORTER_OTLP_ENDPOINT", collector.uri());
    let mut bridge = Bridge::start(command, "BRIDGE_HTTP__LISTEN");
    place.until_ready(&bridge).await;
    let url = format!("http://{}/v1/events", bridge.address);
    let request = place.client.post(&url).bearer_auth(KEY);
    let request = request.header("traceparent", format!("00-{TRACE}-{SPAN}-01"));
    let sent = request.json(&event("e1", "A-1", 1)).send().await.unwrap();
    assert_eq!(sent.status(), 202);
    let bound = Instant::now() + Duration::from_secs(30);
    while place.portal.deals().is_empty() {
        assert!(Instant::now() < bound, "no deal");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let pid = nix::unistd::Pid::from_raw(i32::try_from(bridge.process.0.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    let _bridge = tokio::task::spawn_blocking(move || {
        bridge.process.0.wait().unwrap();
        bridge
    })
    .await
    .unwrap();

    let stored: String = sqlx::query_scalar("SELECT traceparent FROM bridge.outbox")
        .fetch_one(&place.db.pool)
        .await
        .unwrap();
    let spans = spans(&collector).await;
    let ours = |name: &str| {
        let mut found = spans
            .iter()
            .filter(|span| span.name == name && hex(&span.trace_id) == TRACE);
        found
            .next()
            .unwrap_or_else(|| panic!("no span `{name}` of the trace"))
    };
    let request = ours("request");
    assert_eq!(hex(&request.parent_span_id), SPAN);
    assert_eq!(stored, format!("00-{TRACE}-{}-01", hex(&request.span_id)));
    let settle = ours("settle");
    assert_eq!(settle.parent_span_id, request.span_id);
    let wave = &settle.links[0];
    assert!(
        spans
            .iter()
            .any(|span| span.name == "portal_call" && span.parent_span_id == wave.span_id),
        "the wave that settled it made no call"
    );
    let text = format!("{spans:?}");
    assert!(
        !text.contains("sandboxsecret") && !text.contains(KEY) && !text.contains("79160000001")
    );
}

/// Told to stop in the middle of a call: unready at once while requests are still taken, the call
/// ends and is settled, the lane is another's long before the lease of a minute would have run out,
/// and nothing is done twice.
#[expect(
    clippy::too_many_lines,
    reason = "one stop from its beginning to its end"
)]
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_says_unready_first_ends_the_call_and_hands_the_lane_over() {
    let latency = Duration::from_millis(1500);
    let place = Place::new(latency).await;
    let mut first = place.serve();
    place.until_ready(&first).await;
    let bound = Instant::now() + Duration::from_mins(1);
    // The new owner reads the history first; after that the next call is the order's.
    while place.portal.calls().is_empty() {
        assert!(Instant::now() < bound, "nobody took the lane");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let owner = place.owner().await;
    let second = place.serve();
    place.until_ready(&second).await;
    assert_eq!(place.owner().await, owner, "the first still drives");
    let url = format!("http://{}/v1/events", first.address);
    let sent = place
        .client
        .post(&url)
        .bearer_auth(KEY)
        .json(&event("e1", "A-1", 1));
    assert_eq!(sent.send().await.unwrap().status(), 202);
    let of_the_order = |call: &sandbox::Call| {
        let mut commands = call.commands.iter();
        commands.any(|one| one == "crm.contact.list")
    };
    while !place.portal.calls().iter().any(of_the_order) {
        assert!(Instant::now() < bound, "nothing was sent");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    // One call was answered; the next is on its way for the rest of the portal's latency.
    tokio::time::sleep(latency / 5).await;
    let answered = place.portal.calls().len();

    let told = Instant::now();
    let pid = nix::unistd::Pid::from_raw(i32::try_from(first.process.0.id()).unwrap());
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
    let unready = loop {
        let (status, reasons) = place.ready(&first).await.expect("requests are still taken");
        if status == 503 {
            assert!(reasons.contains("stopping"), "{reasons}");
            break told.elapsed();
        }
        assert!(told.elapsed() < Duration::from_secs(5), "still says ready");
    };
    let ended = tokio::task::spawn_blocking(move || {
        let status = first.process.0.wait().unwrap();
        (status, told.elapsed(), first)
    });
    while place.owner().await.is_none_or(|now| Some(now) == owner) {
        assert!(
            told.elapsed() < Duration::from_secs(20),
            "the lane was not handed over"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let handed = told.elapsed();
    assert!(
        place.portal.calls().len() > answered && handed > latency / 5,
        "the call in flight was not awaited: {handed:?}, {answered} answered before, {:#?}",
        place.portal.calls()
    );
    let (status, gone, _first) = ended.await.unwrap();
    assert!(status.success(), "{status}");
    println!("unready after {unready:?}, lane handed over after {handed:?}, ended after {gone:?}");
    assert!(unready < Duration::from_millis(500));
    assert!(handed < latency + Duration::from_secs(5), "{handed:?}");
    assert!(gone < latency + Duration::from_secs(6), "{gone:?}");

    let url = format!("http://{}/v1/orders/main/A-1", second.address);
    loop {
        let order: Value = {
            let asked = place
                .client
                .get(&url)
                .bearer_auth(KEY)
                .send()
                .await
                .unwrap();
            asked.json().await.unwrap()
        };
        if order["in_sync"] == true {
            break;
        }
        assert!(Instant::now() < bound, "{order}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(place.portal.deals().len(), 1);
}

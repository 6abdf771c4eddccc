//! The commands and pages that people meet: a real process, a browser, the sandbox portal.

use super::{CLIENT, SECRET, browser::in_the_browser};
use crate::support::{database::Database, process};
use b24_bridge::sandbox::{self, LocalApp, Plan, Sandbox};
use serde_json::Value;
use std::{path::PathBuf, process::Stdio, time::Duration};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
};

const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

/// A portal, a database, and the settings of a bridge with an application.
struct Place {
    sandbox: Sandbox,
    db: Database,
    address: String,
    folder: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let address = format!("127.0.0.1:{}", crate::support::free_port());
        let mut app = LocalApp::new(CLIENT, SECRET);
        app.install_url = Some(format!("http://{address}/webhooks/bitrix24/main"));
        app.redirect_uri = format!("http://{address}/webhooks/bitrix24/main/oauth");
        let options = sandbox::Options::default().plan(Plan::Unlimited).app(app);
        let place = Self {
            sandbox: Sandbox::start(options).await.unwrap(),
            db: Database::new().await,
            address,
            folder: tempfile::tempdir().unwrap(),
        };
        std::fs::write(
            place.settings(),
            place.text(&format!("token_key = \"{KEY}\"")),
        )
        .unwrap();
        place
    }

    fn settings(&self) -> PathBuf {
        self.folder.path().join("b24-bridge.toml")
    }

    fn text(&self, key: &str) -> String {
        let (portal, address) = (self.sandbox.addr(), &self.address);
        format!(
            "[http]\nlisten = \"{address}\"\npublic_url = \
             \"http://{address}\"\n[database]\n{key}\n[portals.main.app]\nclient_id = \
             \"{CLIENT}\"\nclient_secret = \"{SECRET}\"\nportal_url = \
             \"http://{portal}\"\noauth_url = \
             \"http://{portal}/oauth/token/\"\n[shops.main]\nportal = \"main\"\napi_keys = \
             [\"a-key-that-is-long-enough\"]\n[[shops.main.statuses]]\nstatus = \"N\"\nstage = \
             \"NEW\"\n[worker]\npoll_seconds = 1\n"
        )
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let command = process::command(arguments, &self.settings(), &self.db.url);
        let mut command = Command::from(command);
        command.kill_on_drop(true);
        command
    }

    /// A running bridge that answers.
    async fn serve(&self) -> Child {
        let quiet = Stdio::null;
        let mut serve = self.command(&["serve"]);
        let child = serve.stdout(quiet()).stderr(quiet()).spawn().unwrap();
        let browser = crate::portal::sandbox::client();
        let url = format!("http://{}/healthz", self.address);
        for _ in 0..1_000 {
            if browser.get(&url).send().await.is_ok() {
                return child;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the bridge does not answer");
    }

    /// Whether the bridge gets through to the portal.
    async fn gets_through(&self) -> bool {
        let test = self.command(&["portals", "test", "main"]).output().await;
        test.unwrap().status.success()
    }
}

#[tokio::test]
async fn an_operator_lets_the_bridge_in_by_the_printed_address() {
    let place = Place::new().await;
    let _bridge = place.serve().await;
    assert!(!place.gets_through().await);
    let mut authorize = place
        .command(&["portals", "authorize", "main"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut printed = BufReader::new(authorize.stdout.take().unwrap()).lines();
    let address = printed.next_line().await.unwrap().unwrap();
    let browser = crate::portal::sandbox::client();
    let page = browser.get(&address).send().await.unwrap();
    // Whether or not the client follows redirections, the code is brought where the portal sends
    // it.
    let page = match page.headers().get("location") {
        Some(to) => browser.get(to.to_str().unwrap()).send().await.unwrap(),
        None => page,
    };
    assert_eq!(page.status(), 200);
    let done = tokio::time::timeout(Duration::from_secs(30), authorize.wait_with_output()).await;
    let done = done.unwrap().unwrap();
    assert!(done.status.success(), "{done:?}");
    assert!(place.gets_through().await);
    let checked = place.command(&["statuses", "check", "--json"]).output();
    let shops: Value = serde_json::from_slice(&checked.await.unwrap().stdout).unwrap();
    assert_eq!(shops["items"][0]["shop"], "main");
    let again = browser.get(&address).send().await.unwrap();
    let to = again
        .headers()
        .get("location")
        .map(|to| to.to_str().unwrap().to_owned());
    let status = match to {
        Some(to) => browser.get(to).send().await.unwrap().status(),
        None => again.status(),
    };
    assert_eq!(status, 400, "a state serves once");
}

impl Place {
    /// Waits until a query says yes.
    async fn until(&self, what: &str, query: &'static str) {
        for _ in 0..1_000 {
            let done: bool = sqlx::query_scalar(query)
                .fetch_one(&self.db.pool)
                .await
                .unwrap();
            if done {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{what}");
    }
}

#[tokio::test]
async fn an_application_that_the_portal_installs_is_heard_and_its_removal_too() {
    let place = Place::new().await;
    let _bridge = place.serve().await;
    assert!(place.sandbox.install_app(CLIENT));
    place
        .until("not installed", "SELECT count(*) = 1 FROM bridge.tokens")
        .await;
    assert!(place.gets_through().await);
    let url = format!("http://{}/webhooks/bitrix24/main", place.address);
    let post = |token: &'static str, event: &'static str| {
        let form = [
            ("event", event),
            ("data[FIELDS][ID]", "5"),
            ("auth[application_token]", token),
        ];
        crate::portal::sandbox::client()
            .post(&url)
            .form(&form)
            .send()
    };
    let ours = "local.1-application-token";
    let stranger = post("invented", "ONCRMDEALUPDATE").await.unwrap();
    assert_eq!(stranger.status(), 403);
    let genuine = post(ours, "ONCRMDEALUPDATE").await.unwrap();
    assert_eq!(genuine.status(), 200);
    place
        .until(
            "the notification is not there",
            "SELECT count(*) > 0 FROM bridge.inbox WHERE event = 'ONCRMDEALUPDATE' AND deal_id = 5",
        )
        .await;
    let forged = post("invented", "ONAPPUNINSTALL").await.unwrap();
    assert_eq!(forged.status(), 403);
    let removal = post(ours, "ONAPPUNINSTALL").await.unwrap();
    assert_eq!(removal.status(), 200);
    assert!(!place.gets_through().await);
}

#[tokio::test]
async fn a_manager_who_moves_a_deal_is_heard_by_the_events_that_the_bridge_bound() {
    let place = Place::new().await;
    let _bridge = place.serve().await;
    assert!(place.sandbox.install_app(CLIENT));
    place
        .until("not installed", "SELECT count(*) = 1 FROM bridge.tokens")
        .await;
    let deals = format!("{}crm.deal.add", place.sandbox.url());
    let form = [("fields[TITLE]", "x")];
    let query = "SELECT count(*) > 0 FROM bridge.inbox WHERE event = 'ONCRMDEALADD'";
    for _ in 0..200 {
        // Bound some time after the installation: what happens before is not heard.
        let client = crate::portal::sandbox::client();
        client.post(&deals).form(&form).send().await.unwrap();
        let heard: bool = sqlx::query_scalar(query)
            .fetch_one(&place.db.pool)
            .await
            .unwrap();
        if heard {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("nothing is heard");
}

#[tokio::test]
async fn the_address_that_the_browser_ends_at_may_be_handed_over() {
    let place = Place::new().await;
    let page = format!(
        "http://{}/oauth/authorize/?client_id={CLIENT}&state=x",
        place.sandbox.addr()
    );
    let (code, _) = in_the_browser(&page).await;
    let ended_at = format!("https://bridge.example/?code={code}&state=x&domain=portal");
    let arguments = ["portals", "authorize", "main", "--code", &ended_at];
    let done = place.command(&arguments).output().await.unwrap();
    assert!(done.status.success(), "{done:?}");
    assert!(place.gets_through().await);
    let done = place.command(&arguments).output().await.unwrap();
    assert_eq!(done.status.code(), Some(1));
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(said.contains("invalid_grant"), "{said}");
    assert!(!said.contains(SECRET), "{said}");
}

#[tokio::test]
async fn the_page_of_an_installation_ends_it_in_the_portals_frame_only() {
    let place = Place::new().await;
    let _bridge = place.serve().await;
    let url = format!("http://{}/webhooks/bitrix24/main/install", place.address);
    let domain = place.sandbox.addr().to_string();
    let form = [
        ("AUTH_ID", "access"),
        ("REFRESH_ID", "refresh"),
        ("member_id", "m"),
    ];
    let post = |url: String| {
        crate::portal::sandbox::client()
            .post(url)
            .form(&form)
            .send()
    };
    let page = post(format!("{url}?DOMAIN={domain}&PROTOCOL=0"))
        .await
        .unwrap();
    assert_eq!(page.status(), 200);
    let policy = page.headers()["content-security-policy"].to_str().unwrap();
    assert!(
        policy.contains(&format!("frame-ancestors http://{domain}")),
        "{policy}"
    );
    assert!(page.text().await.unwrap().contains("BX24.installFinish()"));
    let foreign = post(format!("{url}?DOMAIN=evil.example")).await.unwrap();
    assert_eq!(foreign.status(), 403);
    let empty = post(url.clone()).await.unwrap();
    assert_eq!(empty.status(), 400);
    let nowhere = post(url.replace("main", "other")).await.unwrap();
    assert_eq!(nowhere.status(), 403);
}

#[tokio::test]
async fn an_application_without_a_key_for_its_tokens_is_refused_with_the_remedy() {
    let place = Place::new().await;
    for (key, told) in [
        ("", "openssl rand -base64 32"),
        ("token_key = \"c2hvcnQ=\"", "32 bytes"),
    ] {
        std::fs::write(place.settings(), place.text(key)).unwrap();
        let done = place.command(&["portals", "list"]).output().await.unwrap();
        assert_eq!(done.status.code(), Some(1));
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(
            said.contains("database.token_key") && said.contains(told),
            "{said}"
        );
    }
}

//! One bridge, one portal, one shop and one operator at a browser.

use super::Trouble;
use crate::{
    operators::console::browser::Browser,
    support::{database::Database, free_port, shop::event},
};
use b24_bridge::domain::Place;
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::{JoinHandle, JoinSet},
    time::{Instant, sleep},
};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

/// An operator sees what is wrong in this time.
const TEN_SECONDS: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(40);
const SHOP: &str = "main-key-0123456789";
const OPERATOR: &str = "walker-key-0123456789";
pub(super) const SECRET: &str = "walksecret";
pub(super) const CLIENT: &str = "local.walk";

/// The machine's clock, in milliseconds.
#[expect(
    clippy::disallowed_methods,
    reason = "the page shows times of this clock"
)]
fn now() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

/// A process of ours; killed when it is no longer wanted.
pub(super) struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(arguments: &[&str], db: &Database, log: PathBuf) -> Process {
    let log = std::fs::File::create(log).unwrap();
    let child = Command::new(env!("CARGO_BIN_EXE_b24-bridge"))
        .args(arguments)
        .env("DATABASE_URL", &db.url)
        .stdout(Stdio::null())
        .stderr(log)
        .spawn();
    Process(child.unwrap())
}

/// How the bridge gets into the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    Webhook,
    Application,
}

pub(super) struct Scene {
    db: Database,
    folder: tempfile::TempDir,
    http: reqwest::Client,
    pub(super) browser: Browser,
    pub(super) shop: MockServer,
    portal: Option<Process>,
    portal_port: u16,
    /// The host by which the bridge reaches the portal.
    pub(super) host: String,
    app: Option<Process>,
    bridge_port: u16,
    door: Door,
    pub(super) more: String,
    russian: bool,
    seen: Vec<&'static str>,
    /// When the scene before was over, in milliseconds.
    since: i64,
}

impl Scene {
    /// Everything but the portal is up, and the operator looks at the overview.
    pub(super) async fn new(program: &PathBuf, door: Door, more: &str) -> Self {
        let portal_port = free_port();
        let mut scene = Self {
            db: Database::new().await,
            folder: tempfile::tempdir().unwrap(),
            http: crate::portal::sandbox::client(),
            browser: Browser::start(program).await,
            shop: MockServer::start().await,
            portal: None,
            portal_port,
            host: format!("127.0.0.1:{portal_port}"),
            app: None,
            bridge_port: free_port(),
            door,
            more: more.to_owned(),
            russian: false,
            seen: Vec::new(),
            since: 0,
        };
        scene.shop_answers(200, "").await;
        scene.start_bridge().await;
        scene.browser.go(&scene.at("")).await;
        scene.browser.fill("input[name=key]", OPERATOR).await;
        scene.browser.click("form button").await;
        scene
    }

    pub(super) fn at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}/console{path}", self.bridge_port)
    }

    fn settings(&self) -> String {
        let (host, port, shop) = (&self.host, self.bridge_port, self.shop.uri());
        let door = match self.door {
            Door::Webhook => format!(
                "[portals.main]\nwebhook_url = \"http://{host}/rest/1/{SECRET}/\"\ntimeout_seconds \
                 = 8\nrate = {{ per_second = 50, burst = 50 }}"
            ),
            Door::Application => format!(
                "[portals.main]\nrate = {{ per_second = 50, burst = 50 \
                 }}\n[portals.main.app]\nclient_id = \"{CLIENT}\"\nclient_secret = \
                 \"{SECRET}\"\nportal_url = \"http://{host}\"\noauth_url = \
                 \"http://{host}/oauth/token/\"\n[database]\ntoken_key = \"{}=\"",
                "A".repeat(43)
            ),
        };
        format!(
            "{door}\n[http]\nlisten = \"127.0.0.1:{port}\"\npublic_url = \
             \"http://127.0.0.1:{port}\"\ndrain_seconds = 0\n[shops.main]\nportal = \
             \"main\"\napi_keys = [\"{SHOP}\"]\ncallback_url = \"{shop}/\"\ncallback_secret = \
             \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"\n[shops.main.fields]\n\"properties.promo\" \
             = \"UF_CRM_PROMO\"\n[[shops.main.statuses]]\nstatus = \"N\"\nstage = \
             \"NEW\"\n[[shops.main.statuses]]\nstatus = \"P\"\nstage = \
             \"PREPARATION\"\n[[shops.main.statuses]]\nstatus = \"F\"\nstage = \
             \"EXECUTING\"\n[[shops.main.statuses]]\nstatus = \"S\"\nstage = \
             \"PACKED\"\n{}\n[operators.walker]\nkey = \"{OPERATOR}\"\nrole = \
             \"operator\"\n[worker]\npoll_seconds = 1\nmax_attempts = 2\nbackoff_base_seconds = \
             1\nbackoff_cap_seconds = 2\ndoubt_seconds = 1\nreconcile_seconds = 1\n",
            self.more
        )
    }

    /// As by `kill -9`.
    pub(super) fn kill_bridge(&mut self) {
        self.app = None;
    }

    /// Starts the bridge anew, with its settings as they are now.
    pub(super) async fn start_bridge(&mut self) {
        self.app = None;
        let file = self.folder.path().join("b24-bridge.toml");
        std::fs::write(&file, self.settings()).unwrap();
        let log = self.folder.path().join("bridge.log");
        let arguments = ["serve", "--config", file.to_str().unwrap()];
        self.app = Some(run(&arguments, &self.db, log));
        let url = format!("http://127.0.0.1:{}/readyz", self.bridge_port);
        self.until("the bridge is ready", async |scene| {
            let answer = scene.http.get(&url).send().await;
            answer.is_ok_and(|answer| answer.status() == StatusCode::OK)
        })
        .await;
    }

    pub(super) async fn start_portal(&mut self) {
        let (listen, to) = (
            format!("127.0.0.1:{}", self.portal_port),
            format!(
                "http://127.0.0.1:{}/webhooks/bitrix24/main",
                self.bridge_port
            ),
        );
        let arguments = [
            "sandbox",
            "--listen",
            &listen,
            "--secret",
            SECRET,
            "--plan",
            "unlimited",
            "--app",
            CLIENT,
            "--app-to",
            &to,
        ];
        let log = self.folder.path().join("portal.log");
        self.portal = Some(run(&arguments, &self.db, log));
        let url = self.portal_at("/sandbox/stats");
        self.until("the portal is up", async |scene| {
            scene.http.get(&url).send().await.is_ok()
        })
        .await;
    }

    /// Somebody else answers at the portal's address, with so many bytes, until he is told to end.
    pub(super) async fn stranger(&self, bytes: usize) -> JoinHandle<()> {
        let place = ("127.0.0.1", self.portal_port);
        let listener = TcpListener::bind(place).await.unwrap();
        tokio::spawn(async move {
            let mut callers = JoinSet::new();
            loop {
                let (mut caller, _) = listener.accept().await.unwrap();
                callers.spawn(async move {
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
                         Content-Length: {bytes}\r\nConnection: close\r\n\r\n"
                    );
                    let answer = [head.into_bytes(), vec![b' '; bytes]].concat();
                    // Whoever asks may go before the end.
                    let _ = caller.read(&mut [0; 4096]).await;
                    let _ = caller.write_all(&answer).await;
                });
            }
        })
    }

    fn portal_at(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.portal_port)
    }

    /// Somebody does something at the portal.
    pub(super) async fn portal(&self, path: &str, body: Value) -> Value {
        let request = self.http.post(self.portal_at(path)).json(&body);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.json().await.unwrap()
    }

    pub(super) async fn switch(&self, body: Value) {
        self.portal("/sandbox/switch", body).await;
    }

    pub(super) async fn faults(&self, body: Value) {
        self.portal("/sandbox/faults", body).await;
    }

    pub(super) async fn next_fault(&self, fault: &str, method: &str) {
        let order = json!({"fault": fault, "method": method});
        self.portal("/sandbox/faults/next", order).await;
    }

    /// How the shop answers from now on.
    pub(super) async fn shop_answers(&self, status: u16, words: &str) {
        self.shop.reset().await;
        let answer = ResponseTemplate::new(status).set_body_string(words);
        Mock::given(any())
            .respond_with(answer)
            .mount(&self.shop)
            .await;
    }

    /// The shop takes this long to answer.
    pub(super) async fn shop_hangs(&self, time: Duration) {
        self.shop.reset().await;
        let answer = ResponseTemplate::new(200).set_delay(time);
        Mock::given(any())
            .respond_with(answer)
            .mount(&self.shop)
            .await;
    }

    /// The shop posts an order.
    pub(super) async fn post(&self, number: &str, version: i64, change: impl FnOnce(&mut Value)) {
        let mut event = event(&format!("{number}-{version}"), number, version);
        event["data"]["customer"]["id"] = json!(number);
        event["data"]["customer"]["phones"] = json!([]);
        change(&mut event["data"]);
        let url = format!("http://127.0.0.1:{}/v1/events", self.bridge_port);
        let request = self.http.post(url).bearer_auth(SHOP).json(&event);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::ACCEPTED);
    }

    pub(super) async fn order(&self, number: &str) -> Value {
        let url = format!(
            "http://127.0.0.1:{}/v1/orders/main/{number}",
            self.bridge_port
        );
        let answer = self.http.get(url).bearer_auth(SHOP).send().await;
        match answer {
            Ok(answer) => answer.json().await.unwrap_or_default(),
            Err(_) => Value::Null,
        }
    }

    /// How many deals the portal has.
    pub(super) async fn deals(&self) -> u64 {
        let answer = self.http.get(self.portal_at("/sandbox/state")).send().await;
        let state: Value = answer.unwrap().json().await.unwrap();
        state["total"].as_u64().unwrap()
    }

    /// Waits until the order is in the portal as the shop has it.
    pub(super) async fn in_sync(&self, number: &str) {
        self.until(&format!("{number} in sync"), async |scene| {
            scene.order(number).await["in_sync"] == true
        })
        .await;
    }

    /// An order that both sides agree on; returns its deal.
    pub(super) async fn settled(&self, number: &str) -> u64 {
        self.post(number, 1, |_| {}).await;
        self.in_sync(number).await;
        self.order(number).await["deal_id"].as_u64().unwrap()
    }

    pub(super) async fn move_deal(&self, deal: u64, stage: &str) {
        let path = format!("/sandbox/deals/{deal}/move");
        self.portal(&path, json!({"stage": stage})).await;
    }

    pub(super) async fn until(&self, what: &str, holds: impl AsyncFn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !holds(self).await {
            assert!(Instant::now() < end, "never: {what}\n{}", self.log());
            sleep(Duration::from_millis(50)).await;
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("bridge.log")).unwrap_or_default()
    }

    pub(super) async fn in_russian(&mut self) {
        self.browser
            .go(&self.at("/language/ru?back=%2Fconsole"))
            .await;
        self.russian = true;
    }

    pub(super) async fn overview(&mut self) {
        self.browser.go(&self.at("")).await;
    }

    /// The trouble is told on the overview, which is open, within ten seconds, in plain words and,
    /// once it is opened, with the way to where it is fixed; goes there.
    pub(super) async fn sees(&mut self, trouble: &'static Trouble) {
        let started = Instant::now();
        let (sentence, remedy) = if self.russian {
            (
                trouble.code.sentence_in_russian(),
                trouble.code.remedy_in_russian(),
            )
        } else {
            (trouble.code.sentence(), trouble.code.remedy())
        };
        // It names the shop and the portal at hand.
        let at = Place {
            portal: Some("main"),
            ..Place::shop("main")
        };
        let remedy = at.fill(remedy);
        let place = if self.russian {
            trouble.place.russian()
        } else {
            trouble.place.english()
        };
        // What passes by itself may be over when it is shown; then it is shown with its time, which
        // is not that of an earlier scene.
        let since = self.since;
        let over = if trouble.passes {
            format!("new Date(li.querySelector('time').dateTime) > {since}")
        } else {
            "false".to_owned()
        };
        let find = format!(
            "[...document.querySelectorAll('.alerts details')].forEach(one => one.open = true) || \
             [...document.querySelectorAll('ul.wrong li, .over li')].find(li => \
             {}.every(text => li.innerText.includes(text)) && (li.closest('.wrong') || {over}))",
            json!([place, sentence, remedy.replace('`', "")]),
        );
        let href = loop {
            let href = self
                .browser
                .eval(&format!(
                    "(({find}) || document.createElement('p')).querySelector('a.button, a')?.href"
                ))
                .await;
            if let Some(href) = href.as_str() {
                break href.to_owned();
            }
            if started.elapsed() > TEN_SECONDS {
                let text = self.browser.text().await;
                panic!("{}: not seen\n{text}\n{}", trouble.what, self.log());
            }
            sleep(Duration::from_millis(50)).await;
        };
        let path = href.split_once("/console").unwrap().1.to_owned();
        assert!(
            path.starts_with(trouble.leads_to),
            "{}: {path}",
            trouble.what
        );
        self.seen.push(trouble.what);
        self.since = now();
        self.pictures(trouble.what).await;
        self.browser.go(&self.at(&path)).await;
        self.pictures(&format!("{} page", trouble.what)).await;
    }

    async fn pictures(&mut self, name: &str) {
        let name: String = name
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
            .collect();
        for width in [1400, 390] {
            self.browser.picture(&name, width).await;
        }
    }

    /// The overview says that everything flows.
    pub(super) async fn well(&mut self) {
        self.overview().await;
        let well = if self.russian {
            "Всё в порядке."
        } else {
            "Everything flows."
        };
        let end = Instant::now() + PATIENCE;
        loop {
            let text = self.browser.text().await;
            if text.contains(well) {
                self.since = now();
                return;
            }
            assert!(Instant::now() < end, "not well:\n{text}\n{}", self.log());
            sleep(Duration::from_millis(50)).await;
        }
    }

    /// Clicks, and reads what the page says after it.
    pub(super) async fn click(&mut self, selector: &str, says: &str) {
        self.browser.click(selector).await;
        let text = self.browser.text().await;
        assert!(text.contains(says), "{selector}: {text}");
    }

    /// Lets the portal go on from its page, if it has not gone on by itself.
    pub(super) async fn resume(&mut self) {
        let stands = "document.querySelector(\"form[action$='/resume'] button\") !== null";
        if self.browser.eval(stands).await != true {
            return;
        }
        let says = if self.russian {
            "запущен"
        } else {
            "resumed"
        };
        self.click("form[action$='/resume'] button", says).await;
    }

    /// Nothing of this group was left out.
    pub(super) fn saw(&self, all: &[Trouble]) {
        for trouble in all {
            assert!(self.seen.contains(&trouble.what), "{}", trouble.what);
        }
    }
}

//! A bridge with its API and console on one port, beside a sandbox portal.

use crate::support::connections;
use crate::support::{database::Database, shop};
use b24_bridge::{
    app::{
        App, Registry,
        portal_access::{Application, Applications, Vault},
        status_map::{Finding, ReportedFinding},
    },
    clients::bitrix24::{Client as Portal, Credentials, OAuth, OAuthApp, Options as Reach},
    config::Config,
    console::{self, MapCheckFuture, PortalTest, Portals, StageNames},
    domain::{PortalName, ShopRules},
    http,
    sandbox::{self, Sandbox},
    worker::{
        self,
        portal_access::{self, AppPortal, StoredTokens},
    },
};
use reqwest::{Client, Response, StatusCode, redirect};
use serde_json::Value;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::sync::{CancellationToken, DropGuard};

pub(super) const SHOP_KEY: &str = "main-key-0123456789";
pub(super) const ANNA: &str = "correct horse battery staple";
pub(super) const VIKTOR: &str = "viktor-key-0123456789";

/// A bridge at work.
pub(super) struct World {
    pub(super) db: Database,
    pub(super) app: App,
    pub(super) portal: Sandbox,
    pub(super) address: String,
    client: Client,
    _ready: watch::Sender<bool>,
    _stop: DropGuard,
}

#[derive(Debug)]
struct Answers;

impl Portals for Answers {
    fn test(&self, _: &PortalName) -> PortalTest<'_> {
        Box::pin(async { Ok(()) })
    }

    fn check(&self, rules: Arc<ShopRules>) -> MapCheckFuture<'_> {
        let map = &rules.statuses;
        let found = b24_bridge::decision::status_map::check(map, &[]);
        let told = |finding: Finding| ReportedFinding {
            severity: finding.severity(),
            sentence: finding.sentence(),
            finding,
        };
        let found = found.into_iter().map(told).collect();
        Box::pin(async move { Ok(found) })
    }

    fn stage_names(&self, _: &PortalName) -> StageNames {
        let names = [("NEW", "Новая"), ("PREPARATION", "Подготовка документов")];
        let owned = |(code, name): (&str, &str)| (code.to_owned(), name.to_owned());
        Arc::new(names.into_iter().map(owned).collect())
    }

    fn operating(&self, _: &PortalName) -> Vec<(String, u32)> {
        vec![("crm.deal.add".to_owned(), 12)]
    }
}

/// A client id, and what belongs to it.
pub(super) const CLIENT: &str = "local.1";
pub(super) const CLIENT_SECRET: &str = "client-secret-of-the-application";
const TOKEN_KEY: [u8; 32] = [7; 32];

fn settings(access: &str) -> Config {
    let hash = b24_bridge::auth::PasswordHash::of(ANNA, &[7; 16]).unwrap();
    let text = format!(
        r#"
{access}
[shops.main]
portal = "main"
api_keys = ["{SHOP_KEY}"]
[[shops.main.statuses]]
status = "N"
stage = "NEW"
[[shops.main.statuses]]
status = "P"
stage = "PREPARATION"
[[shops.main.forms]]
name = "callback"
token = "token-of-a-form-0123456789"
honeypot = "website"
[operators.anna]
password_hash = "{}"
role = "operator"
[operators.viktor]
key = "{VIKTOR}"
"#,
        hash.expose()
    );
    Config::parse(&text, &BTreeMap::new()).unwrap()
}

fn by_application(portal: &str) -> String {
    format!(
        "[database]\ntoken_key = \
         \"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=\"\n[portals.main.app]\nclient_id = \
         \"{CLIENT}\"\nclient_secret = \"{CLIENT_SECRET}\"\nportal_url = \"{portal}\"\noauth_url = \
         \"{portal}/oauth/token/\""
    )
}

/// The bridge with the application, whose installations are judged until the stop.
fn look_after(app: App, portal: &Sandbox, stop: &CancellationToken) -> App {
    let name = PortalName::parse("main").unwrap();
    let url = format!("http://{}/", portal.addr());
    let application = Application {
        client_id: CLIENT.to_owned(),
        portal_url: url.clone(),
        host: "127.0.0.1".to_owned(),
        member_id: None,
    };
    let app = app.with_applications(Applications {
        vault: Vault::new([&TOKEN_KEY]),
        portals: BTreeMap::from([(name.clone(), application)]),
    });
    let application = OAuthApp {
        client_id: CLIENT.to_owned(),
        client_secret: CLIENT_SECRET.into(),
        token_url: format!("{url}oauth/token/").parse().unwrap(),
    };
    let server = OAuth::new(application, &connections());
    let tokens = StoredTokens::new(&app.portal_access, name, server);
    let credentials = Credentials::App(Arc::new(tokens.clone()));
    let client = Portal::new(credentials, &connections(), &Reach::default());
    let options = portal_access::Options {
        poll: Duration::from_millis(50),
        ..portal_access::Options::default()
    };
    let reached = vec![AppPortal { tokens, client }];
    tokio::spawn(portal_access::run(
        app.clone(),
        reached,
        options,
        stop.clone(),
    ));
    app
}

impl World {
    /// With a worker that brings orders to the sandbox.
    pub(super) async fn new() -> Self {
        Self::start(true, false).await
    }

    /// Where nothing happens by itself.
    pub(super) async fn without_worker() -> Self {
        Self::start(false, false).await
    }

    /// Whose portal is reached by an application that nobody has let in yet.
    pub(super) async fn with_application() -> Self {
        Self::start(false, true).await
    }

    /// The same, with this besides among its settings.
    pub(super) async fn with_settings(more: &str) -> Self {
        Self::start_with(false, false, more).await
    }

    async fn start(works: bool, application: bool) -> Self {
        Self::start_with(works, application, "").await
    }

    async fn start_with(works: bool, application: bool, more: &str) -> Self {
        crate::support::provider();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut app = sandbox::LocalApp::new(CLIENT, CLIENT_SECRET);
        app.redirect_uri = format!("http://{address}/webhooks/bitrix24/main/oauth");
        let portal = Sandbox::start(sandbox::Options::default().app(app))
            .await
            .unwrap();
        let db = Database::new().await;
        let stop = CancellationToken::new();
        let access = if application {
            by_application(&format!("http://{}", portal.addr()))
        } else {
            format!("[portals.main]\nwebhook_url = \"{}\"", portal.url())
        };
        let config = Arc::new(settings(&format!("{access}\n{more}")));
        let registered = Registry {
            forms: config.form_rules(),
            bases: config.bases(),
            ..Registry::default()
        };
        let mut app = shop::app_with(&db.pool, &["main"], registered);
        if application {
            app = look_after(app, &portal, &stop);
        }
        let (ready, watched) = watch::channel(true);
        let api = http::router(http::State {
            app: app.clone(),
            config: Arc::clone(&config),
            ready: watched.clone(),
        });
        let state = console::State::new(app.clone(), config, watched, Arc::new(Answers));
        tokio::spawn(http::serve(
            listener,
            api.merge(console::router(state)),
            stop.clone(),
        ));
        if works {
            let reach = Reach {
                full_burst: true,
                ..Reach::default()
            };
            let client = Portal::new(
                Credentials::webhook(&portal.url()).unwrap(),
                &connections(),
                &reach,
            );
            let lanes = worker::Lanes::of(BTreeMap::from([(
                PortalName::parse("main").unwrap(),
                client,
            )]));
            let options = worker::Settings {
                poll: Duration::from_millis(100),
                ..worker::Settings::default()
            };
            tokio::spawn(worker::run(app.clone(), lanes, options, stop.clone()));
        }
        Self {
            db,
            app,
            portal,
            address,
            client: Client::builder()
                .no_proxy()
                .redirect(redirect::Policy::none())
                .build()
                .unwrap(),
            _ready: ready,
            _stop: stop.drop_guard(),
        }
    }

    /// A page of the console.
    pub(super) fn at(&self, path: &str) -> String {
        self.root(&format!("/console{path}"))
    }

    /// A path of the whole.
    pub(super) fn root(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A browser without scripts that follows nothing by itself.
    pub(super) fn client(&self) -> Client {
        self.client.clone()
    }

    /// The shop posts an event.
    pub(super) async fn post(&self, event: &Value) {
        let request = self
            .client()
            .post(self.root("/v1/events"))
            .bearer_auth(SHOP_KEY);
        let answer = request.json(event).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    }
}

/// Somebody who is signed in.
pub(super) struct Page<'a> {
    pub(super) world: &'a World,
    pub(super) client: Client,
    pub(super) cookie: String,
    pub(super) csrf: String,
}

impl<'a> Page<'a> {
    /// Signed in by name and password.
    pub(super) async fn anna(world: &'a World) -> Self {
        Self::sign_in(world, &[("name", "anna"), ("password", ANNA)]).await
    }

    /// Signed in by key, in the role `viewer`.
    pub(super) async fn viktor(world: &'a World) -> Self {
        Self::sign_in(world, &[("key", VIKTOR)]).await
    }

    async fn sign_in(world: &'a World, form: &[(&str, &str)]) -> Self {
        let client = world.client();
        let answer = client
            .post(world.at("/sign-in"))
            .form(form)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER);
        let cookie = answer.headers()["set-cookie"].to_str().unwrap();
        let cookie = cookie.split(';').next().unwrap().to_owned();
        let mut page = Self {
            world,
            client,
            cookie,
            csrf: String::new(),
        };
        let text = page.get("/audit").await.text().await.unwrap();
        let (_, rest) = text.split_once("name=\"csrf\" value=\"").unwrap();
        rest.split('"').next().unwrap().clone_into(&mut page.csrf);
        page
    }

    pub(super) async fn get(&self, path: &str) -> Response {
        let request = self
            .client
            .get(self.world.at(path))
            .header("cookie", &self.cookie);
        request.send().await.unwrap()
    }

    pub(super) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Response {
        let mut form = form.to_vec();
        form.push(("csrf", &self.csrf));
        let request = self
            .client
            .post(self.world.at(path))
            .header("cookie", &self.cookie);
        request.form(&form).send().await.unwrap()
    }
}

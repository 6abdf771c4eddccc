//! Applications against the sandbox portal: installation, authorisation, and who is not let in.

mod browser;
mod commands;
mod events;
mod renewal;

use crate::support::connections;
use crate::support::{database::Database, shop};
use b24_bridge::{
    app::{
        App,
        portal_access::{
            AppEvent, Application, Applications, Field, InstallOutcome, PendingGrant, Vault,
        },
    },
    clients::bitrix24::{Client, Credentials, OAuth, OAuthApp, Options, Priority, Rate},
    domain::PortalName,
    sandbox::{self, LocalApp, Plan, Sandbox},
    worker::portal_access::{AppPortal, StoredTokens, judge_now},
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers};

const CLIENT: &str = "local.1";
const SECRET: &str = "client-secret";
const KEY: [u8; 32] = [7; 32];

fn main_portal() -> PortalName {
    PortalName::parse("main").unwrap()
}

/// A portal with our application and a strange one, and a place where its messages arrive.
struct Portal {
    sandbox: Sandbox,
    letterbox: MockServer,
}

impl Portal {
    async fn start() -> Self {
        Self::with(|options| options).await
    }

    async fn with(change: impl FnOnce(sandbox::Options) -> sandbox::Options) -> Self {
        let letterbox = MockServer::start().await;
        Mock::given(matchers::any())
            .respond_with(ResponseTemplate::new(200))
            .mount(&letterbox)
            .await;
        let mut ours = LocalApp::new(CLIENT, SECRET);
        ours.install_url = Some(letterbox.uri());
        ours.redirect_uri = format!("{}/oauth", letterbox.uri());
        let mut strange = LocalApp::new("local.strange", "strange-secret");
        strange.install_url = Some(letterbox.uri());
        let options = sandbox::Options::default()
            .plan(Plan::Unlimited)
            .app(ours)
            .app(strange);
        let sandbox = Sandbox::start(change(options)).await.unwrap();
        Self { sandbox, letterbox }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.sandbox.addr())
    }

    /// The message that an application is installed, as the portal sends it.
    async fn installs(&self, client: &str) -> Vec<Field> {
        self.letterbox.reset().await;
        Mock::given(matchers::any())
            .respond_with(ResponseTemplate::new(200))
            .mount(&self.letterbox)
            .await;
        assert!(self.sandbox.install_app(client));
        self.letter("ONAPPINSTALL").await
    }

    /// The first message of this event.
    async fn letter(&self, event: &str) -> Vec<Field> {
        for _ in 0..500 {
            for request in self.letterbox.received_requests().await.unwrap() {
                let fields: Vec<Field> = url::form_urlencoded::parse(&request.body)
                    .into_owned()
                    .collect();
                if fields.contains(&("event".to_owned(), event.to_owned())) {
                    return fields;
                }
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{event} did not come");
    }

    fn server(&self) -> OAuth {
        let application = OAuthApp {
            client_id: CLIENT.to_owned(),
            client_secret: SecretString::from(SECRET),
            token_url: format!("{}oauth/token/", self.url()).parse().unwrap(),
        };
        OAuth::new(application, &connections())
    }

    /// A bridge of a process of its own on this database, with these keys.
    fn bridge_with(&self, db: &Database, keys: &[[u8; 32]]) -> App {
        let application = Application {
            client_id: CLIENT.to_owned(),
            portal_url: self.url(),
            host: "127.0.0.1".to_owned(),
            member_id: None,
        };
        shop::app(&db.pool, &["main"]).with_applications(Applications {
            vault: Vault::new(keys),
            portals: BTreeMap::from([(main_portal(), application)]),
        })
    }

    fn app(&self, db: &Database) -> App {
        self.bridge_with(db, &[KEY])
    }

    fn reached(&self, app: &App) -> AppPortal {
        let tokens = StoredTokens::new(&app.portal_access, main_portal(), self.server());
        let options = Options {
            rate: Rate {
                per_second: 1_000.0,
                burst: 1_000,
            },
            full_burst: true,
            timeout: Duration::from_secs(5),
        };
        let credentials = Credentials::App(Arc::new(tokens.clone()));
        let client = Client::new(credentials, &connections(), &options);
        AppPortal { tokens, client }
    }

    /// A bridge whose application is installed.
    async fn installed(&self, db: &Database) -> (App, AppPortal) {
        let app = self.app(db);
        let reached = self.reached(&app);
        let fields = self.installs(CLIENT).await;
        let taken = app
            .portal_access
            .install_app(&main_portal(), &fields)
            .await
            .unwrap();
        assert!(matches!(taken, InstallOutcome::Waits(_)), "{taken:?}");
        assert!(judge_now(&app.portal_access, &reached).await.unwrap());
        (app, reached)
    }
}

fn hex(byte: u8) -> [char; 2] {
    [byte >> 4, byte & 15].map(|half| char::from_digit(u32::from(half), 16).unwrap())
}

fn field(fields: &[Field], key: &str) -> String {
    let found = fields.iter().find(|(name, _)| name == key);
    found.unwrap().1.clone()
}

fn with(fields: &[Field], key: &str, value: &str) -> Vec<Field> {
    let changed = |(name, old): &Field| {
        let value = if name == key { value } else { old };
        (name.clone(), value.to_owned())
    };
    fields.iter().map(changed).collect()
}

async fn works(reached: &AppPortal) -> bool {
    let asked = reached
        .client
        .call("app.info", &json!({}), Priority::Live)
        .await;
    asked.is_ok_and(|answer| answer.result["CODE"] == CLIENT)
}

/// Offers what was told and tells why it was refused.
async fn refused(app: &App, reached: &AppPortal, fields: &[Field]) -> String {
    let taken = app
        .portal_access
        .install_app(&main_portal(), fields)
        .await
        .unwrap();
    let InstallOutcome::Waits(id) = taken else {
        panic!("{taken:?}")
    };
    assert!(!judge_now(&app.portal_access, reached).await.unwrap());
    let outcome = app.portal_access.outcome_of_offer(id).await.unwrap();
    outcome.unwrap().expect("it was not refused")
}

#[tokio::test]
async fn an_installed_application_is_used_and_its_notifications_are_known() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let app = portal.app(&db);
    let reached = portal.reached(&app);
    assert!(!works(&reached).await, "it works without tokens");
    let (app, reached) = portal.installed(&db).await;
    assert!(works(&reached).await);
    let other_process = portal.app(&db);
    assert!(works(&portal.reached(&other_process)).await);
    let knows = |token: &'static str| {
        let app = app.clone();
        async move {
            let known = app
                .portal_access
                .knows_application_token(&main_portal(), token)
                .await;
            known.unwrap()
        }
    };
    assert!(knows("local.1-application-token").await);
    assert!(!knows("local.strange-application-token").await);
}

#[tokio::test]
async fn nothing_in_the_database_can_be_read_without_the_key() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let app = portal.app(&db);
    let reached = portal.reached(&app);
    let fields = portal.installs(CLIENT).await;
    app.portal_access
        .install_app(&main_portal(), &fields)
        .await
        .unwrap();
    let dump = async || {
        let rows: Vec<String> = sqlx::query_scalar(
            "SELECT encode(sealed, 'escape') || t::text FROM bridge.tokens t
             UNION ALL SELECT coalesce(encode(sealed, 'escape'), '') || g::text
               FROM bridge.grants g",
        )
        .fetch_all(&db.pool)
        .await
        .unwrap();
        rows.join("\n")
    };
    let mut lying_there = dump().await;
    judge_now(&app.portal_access, &reached).await.unwrap();
    lying_there.push_str(&dump().await);
    for key in [
        "auth[access_token]",
        "auth[refresh_token]",
        "auth[application_token]",
    ] {
        let secret = field(&fields, key);
        assert!(!lying_there.contains(&secret), "{key} can be read");
        let bytes: String = secret.bytes().flat_map(hex).collect();
        assert!(!lying_there.contains(&bytes), "{key} can be read");
    }
    let with_another_key = portal.bridge_with(&db, &[[8; 32]]);
    assert!(
        with_another_key
            .portal_access
            .tokens(&main_portal())
            .await
            .is_err()
    );
    let shown = format!(
        "{:?}",
        app.portal_access.tokens(&main_portal()).await.unwrap()
    );
    assert!(!shown.contains(&field(&fields, "auth[access_token]")));
}

#[tokio::test]
async fn a_new_key_takes_the_tokens_over_and_the_old_one_may_go() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    portal.installed(&db).await;
    let new = [9; 32];
    let both = portal.bridge_with(&db, &[new, KEY]);
    assert!(
        both.portal_access
            .tokens(&main_portal())
            .await
            .unwrap()
            .is_some()
    );
    let only_new = portal.bridge_with(&db, &[new]);
    assert!(works(&portal.reached(&only_new)).await);
}

#[tokio::test]
async fn a_stranger_replaces_no_tokens() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let (app, reached) = portal.installed(&db).await;
    let ours = app
        .portal_access
        .tokens(&main_portal())
        .await
        .unwrap()
        .unwrap();
    let genuine = portal.installs(CLIENT).await;
    let of_another = with(&genuine, "auth[member_id]", "0123456789");
    let taken = app
        .portal_access
        .install_app(&main_portal(), &of_another)
        .await;
    assert_eq!(taken.unwrap(), InstallOutcome::Foreign);
    let invented = with(&genuine, "auth[access_token]", "invented");
    let words = refused(&app, &reached, &invented).await;
    assert!(words.contains("refuses every call"), "{words}");
    let other_application = portal.installs("local.strange").await;
    let words = refused(&app, &reached, &other_application).await;
    assert!(words.contains("another application"), "{words}");
    let elsewhere = PortalName::parse("elsewhere").unwrap();
    let taken = app
        .portal_access
        .install_app(&elsewhere, &genuine)
        .await
        .unwrap();
    assert_eq!(taken, InstallOutcome::NoApplication);
    let taken = app
        .portal_access
        .install_app(&main_portal(), &genuine[..3])
        .await;
    assert_eq!(taken.unwrap(), InstallOutcome::Incomplete);
    let now = app
        .portal_access
        .tokens(&main_portal())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(now.version, ours.version);
    assert!(works(&reached).await);
}

#[tokio::test]
async fn the_first_installation_must_be_of_the_configured_address() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let app = portal.app(&db);
    let genuine = portal.installs(CLIENT).await;
    let elsewhere = with(&genuine, "auth[domain]", "evil.example");
    let taken = app
        .portal_access
        .install_app(&main_portal(), &elsewhere)
        .await;
    assert_eq!(taken.unwrap(), InstallOutcome::Foreign);
}

#[tokio::test]
async fn a_flood_of_installations_is_bounded() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let app = portal.app(&db);
    let genuine = portal.installs(CLIENT).await;
    let mut last = InstallOutcome::Incomplete;
    for _ in 0..1_501 {
        last = app
            .portal_access
            .install_app(&main_portal(), &genuine)
            .await
            .unwrap();
    }
    assert_eq!(last, InstallOutcome::TooMany);
    // What an operator begins has its place all the same.
    let code = PendingGrant::Code {
        code: "c".to_owned(),
        by_hand: true,
    };
    assert!(
        app.portal_access
            .offer(&main_portal(), &code)
            .await
            .unwrap()
            .is_some()
    );
}

#[tokio::test]
async fn the_form_of_the_applications_page_installs_too() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let app = portal.app(&db);
    let reached = portal.reached(&app);
    let event = portal.installs(CLIENT).await;
    let form: Vec<Field> = [
        ("DOMAIN", "auth[domain]"),
        ("AUTH_ID", "auth[access_token]"),
        ("REFRESH_ID", "auth[refresh_token]"),
        ("member_id", "auth[member_id]"),
        ("APPLICATION_TOKEN", "auth[application_token]"),
    ]
    .map(|(name, from)| (name.to_owned(), field(&event, from)))
    .to_vec();
    let taken = app
        .portal_access
        .install_app(&main_portal(), &form)
        .await
        .unwrap();
    assert!(matches!(taken, InstallOutcome::Waits(_)));
    assert!(judge_now(&app.portal_access, &reached).await.unwrap());
    assert!(works(&reached).await);
}

#[tokio::test]
async fn an_installation_that_waited_too_long_is_judged_by_the_authorisation_server() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let app = portal.app(&db);
    let reached = portal.reached(&app);
    let fields = portal.installs(CLIENT).await;
    app.portal_access
        .install_app(&main_portal(), &fields)
        .await
        .unwrap();
    portal.sandbox.expire_tokens();
    assert!(judge_now(&app.portal_access, &reached).await.unwrap());
    assert!(works(&reached).await);
    let tokens = app
        .portal_access
        .tokens(&main_portal())
        .await
        .unwrap()
        .unwrap();
    assert_ne!(
        tokens.refresh.expose_secret(),
        field(&fields, "auth[refresh_token]")
    );
}

/// The same as the receiver reads it.
fn as_read(fields: &[Field]) -> serde_json::Value {
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    form.extend_pairs(fields);
    let limits = b24_bridge::clients::bitrix24::php_form::Limits {
        pairs: 100,
        depth: 6,
    };
    b24_bridge::clients::bitrix24::php_form::decode(form.finish().as_bytes(), limits).unwrap()
}

#[tokio::test]
async fn a_removed_application_says_so_and_nobody_else_can() {
    let (portal, db) = (Portal::start().await, Database::new().await);
    let app = portal.app(&db);
    let reached = portal.reached(&app);
    let installs = portal.installs(CLIENT).await;
    let tell = |fields: Vec<Field>| {
        let app = app.clone();
        async move {
            let (portal, sent) = (main_portal(), as_read(&fields));
            app.portal_access
                .application_event(&portal, &sent)
                .await
                .unwrap()
        }
    };
    assert_eq!(tell(installs.clone()).await, Some(AppEvent::Taken));
    assert!(judge_now(&app.portal_access, &reached).await.unwrap());
    assert_eq!(tell(with(&installs, "event", "ONCRMDEALADD")).await, None);
    let removal = with(&installs, "event", "onAppUninstall");
    let forged = with(&removal, "auth[application_token]", "invented");
    assert_eq!(tell(forged).await, Some(AppEvent::Refused));
    assert!(works(&reached).await);
    assert_eq!(tell(removal).await, Some(AppEvent::Taken));
    let told = portal.reached(&portal.app(&db));
    let nothing = json!({});
    let asked = told.client.call("app.info", &nothing, Priority::Live).await;
    let words = asked.unwrap_err().to_string();
    assert!(words.contains("was removed"), "{words}");
}

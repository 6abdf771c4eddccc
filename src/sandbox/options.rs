//! The choices of a sandbox portal: addresses, secrets, limits, funnels, handlers.

use super::faults::Faults;
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    time::Duration,
};

/// The request rate that the portal's plan allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Plan {
    /// Two requests a second, bursts of fifty.
    #[default]
    Standard,
    /// Five requests a second, bursts of two hundred and fifty.
    Enterprise,
    /// No limit, as on a self-hosted portal.
    Unlimited,
    /// Any other leaky bucket: requests drained each second, and its size.
    Custom {
        /// Requests that drain each second.
        per_second: u32,
        /// Requests that fit in the bucket.
        burst: u32,
    },
}

impl Plan {
    pub(crate) fn bucket(self) -> Option<(f64, f64)> {
        match self {
            Self::Standard => Some((2.0, 50.0)),
            Self::Enterprise => Some((5.0, 250.0)),
            Self::Unlimited => None,
            Self::Custom { per_second, burst } => Some((f64::from(per_second), f64::from(burst))),
        }
    }
}

/// What a stage means for the deal's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Semantics {
    /// The deal is still going on.
    #[default]
    Process,
    /// The deal is won.
    Success,
    /// The deal is lost.
    Failure,
    /// The deal is lost and analysed; counts as a failure.
    Apology,
}

/// One stage of a funnel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// The stage id without the funnel's prefix, such as `NEW`.
    pub code: String,
    /// The stage's title, as people read it; its id is what the API takes.
    pub name: String,
    /// Whether the stage is under way, won or lost.
    pub semantics: Semantics,
}

impl Stage {
    /// A stage by its code, name and meaning.
    pub fn new(code: &str, name: &str, semantics: Semantics) -> Self {
        Self {
            code: code.to_owned(),
            name: name.to_owned(),
            semantics,
        }
    }
}

/// A funnel of deals. The one with id 0 is the default funnel and always exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Funnel {
    /// The funnel's id (CATEGORY_ID).
    pub id: u64,
    /// The funnel's title, as people read it.
    pub name: String,
    /// Its stages, in order.
    pub stages: Vec<Stage>,
}

impl Funnel {
    /// A funnel with the stages that a fresh portal has.
    pub fn with_usual_stages(id: u64, name: &str) -> Self {
        use Semantics::{Apology, Failure, Process, Success};
        let stages = [
            ("NEW", "Новая", Process),
            ("PREPARATION", "Подготовка документов", Process),
            ("PREPAYMENT_INVOICE", "Счёт на предоплату", Process),
            ("EXECUTING", "В работе", Process),
            ("FINAL_INVOICE", "Финальный счёт", Process),
            ("WON", "Сделка успешна", Success),
            ("LOSE", "Сделка провалена", Failure),
            ("APOLOGY", "Анализ причины провала", Apology),
        ];
        let stages = stages
            .map(|(code, title, meaning)| Stage::new(code, title, meaning))
            .to_vec();
        Self {
            id,
            name: name.to_owned(),
            stages,
        }
    }

    /// The stage id as the API shows it: funnels other than 0 put `C{id}:` in front.
    pub fn stage_id(&self, code: &str) -> String {
        if self.id == 0 {
            code.to_owned()
        } else {
            format!("C{}:{code}", self.id)
        }
    }
}

/// An outgoing webhook: a handler that is set up in the portal's own pages.
#[derive(Clone, PartialEq, Eq)]
pub struct OutgoingWebhook {
    /// Where the portal posts to.
    pub url: String,
    /// Which events it wants; empty means all that a webhook can get.
    pub events: Vec<String>,
    /// The token that the portal puts into each notification.
    pub application_token: String,
}

impl std::fmt::Debug for OutgoingWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OutgoingWebhook")
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

/// A local application with OAuth tokens.
#[derive(Clone, PartialEq, Eq)]
pub struct LocalApp {
    /// `client_id` of OAuth, as in the application's settings.
    pub client_id: String,
    /// `client_secret` of OAuth. It is checked when tokens are asked for or renewed.
    pub client_secret: String,
    /// Where the browser is sent with the code.
    pub redirect_uri: String,
    /// Where ONAPPINSTALL is posted, if anywhere.
    pub install_url: Option<String>,
    /// The token that the portal puts into each notification.
    pub application_token: String,
    /// Scopes granted, such as `crm`.
    pub scopes: Vec<String>,
}

impl LocalApp {
    /// An application with the usual scopes.
    pub fn new(client_id: &str, client_secret: &str) -> Self {
        Self {
            client_id: client_id.to_owned(),
            client_secret: client_secret.to_owned(),
            redirect_uri: "http://127.0.0.1/".to_owned(),
            install_url: None,
            application_token: format!("{client_id}-application-token"),
            scopes: usual_scopes(),
        }
    }
}

impl std::fmt::Debug for LocalApp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

/// How notifications travel: late, out of order, twice, or not at all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Delivery {
    /// The shortest delay before a notification leaves.
    pub min_delay: Duration,
    /// The longest; more than one notification under way means that they overtake each other.
    pub max_delay: Duration,
    /// The share that is lost.
    pub loss: f64,
    /// The share that arrives twice.
    pub duplication: f64,
}

impl Default for Delivery {
    fn default() -> Self {
        Self {
            min_delay: Duration::ZERO,
            max_delay: Duration::from_millis(30),
            loss: 0.0,
            duplication: 0.0,
        }
    }
}

/// How the portal takes imports. The documentation lists faults both for one card of many and for
/// the whole call, and does not say which is which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Imports {
    /// A fault in one card is told at its place; the others are made.
    #[default]
    EachByItself,
    /// The first fault ends the call as an error; what was made before it stays, and is not told.
    StopAtFault,
    /// The user may not import.
    Denied,
}

/// What the incoming webhook's user, and every application's, may do with the catalogue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CatalogRights {
    /// No right at all, not even to look.
    None,
    /// Look at products and prices.
    View,
    /// Look, and change selling prices.
    Prices,
    /// Every right, as an administrator of the portal has.
    #[default]
    Administrator,
}

/// What the incoming webhook's user, and every application's, may see of the CRM. What becomes of
/// lists where that is nothing is documented in both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sight {
    /// Everything, as an administrator.
    #[default]
    All,
    /// Nothing: lists leave out all cards, which look as if they were gone.
    Nothing,
    /// Nothing: lists are refused.
    Denied,
}

/// Everything about a sandbox portal that can be chosen. `Default` is a fresh cloud portal on a
/// standard plan, listening on a free port of the loopback interface.
#[derive(Clone)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent switches of a portal"
)]
pub struct Options {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The address that the portal gives as its own in notifications and tokens, such as
    /// `portal.test:8080`.
    pub public_address: Option<String>,
    /// The user whose rights the incoming webhook has.
    pub webhook_user: u64,
    /// The secret part of the webhook address.
    pub webhook_secret: String,
    /// Scopes of the incoming webhook.
    pub webhook_scopes: Vec<String>,
    /// Applications that are installed.
    pub apps: Vec<LocalApp>,
    /// Outgoing webhooks that are there from the start.
    pub webhooks: Vec<OutgoingWebhook>,
    /// How notifications travel: how late, how many are lost, how many come twice.
    pub delivery: Delivery,
    /// The plan, which bounds the request rate.
    pub plan: Plan,
    /// Time that every request takes at least.
    pub latency: Duration,
    /// Things that go wrong.
    pub faults: Faults,
    /// Seed of every random choice.
    pub seed: u64,
    /// Seconds of one method in ten minutes after which it is blocked; `None` never blocks.
    pub operating_limit: Option<f64>,
    /// Seconds that one call of a method is counted as.
    pub costs: BTreeMap<String, f64>,
    /// Seconds that a call of any other method is counted as.
    pub default_cost: f64,
    /// The portal clock's distance from UTC, in minutes.
    pub utc_offset_minutes: i32,
    /// How wrong the portal's clock is, in seconds.
    pub clock_skew_seconds: i64,
    /// The funnels of deals.
    pub funnels: Vec<Funnel>,
    /// Currencies known; the first is the base currency.
    pub currencies: Vec<String>,
    /// Refuse requests that did not come through TLS, as told by `X-Forwarded-Proto`.
    pub require_https: bool,
    /// Answer 403 ACCESS_DENIED to everything, as a portal on a free plan does.
    pub free_plan: bool,
    /// Answer 403 INVALID_CREDENTIALS to everything, as to a user who may not work with the CRM.
    pub without_rights: bool,
    /// What may be seen of the CRM.
    pub sight: Sight,
    /// Whether a card that is deleted takes its rows of the stage history along. The documentation
    /// does not say.
    pub forgets_moves: bool,
    /// Write non-ASCII characters as `\uXXXX`, as PHP does when left alone.
    pub escape_unicode: bool,
    /// Compare telephone numbers by their digits, with a leading 8 taken as 7.
    pub normalise_phones: bool,
    /// How imports are taken.
    pub imports: Imports,
    /// Whether the portal works with leads; without them a new lead turns into a deal by itself.
    pub leads: bool,
    /// How long a new lead stays one in a portal without leads.
    pub conversion_delay: Duration,
    /// What may be done with the catalogue.
    pub catalog_rights: CatalogRights,
    /// Whether inventory management is on, so that a product's stock cannot be written.
    pub inventory: bool,
    /// Whether the plan has `auth_connector`.
    pub auth_connector: bool,
    /// A folder with JSON descriptions of methods, to check parameter names against.
    pub spec_dir: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            public_address: None,
            webhook_user: 1,
            webhook_secret: "sandbox0secret".to_owned(),
            webhook_scopes: usual_scopes(),
            apps: Vec::new(),
            webhooks: Vec::new(),
            delivery: Delivery::default(),
            plan: Plan::default(),
            latency: Duration::ZERO,
            faults: Faults::default(),
            seed: 24,
            operating_limit: Some(480.0),
            costs: BTreeMap::new(),
            default_cost: 0.02,
            utc_offset_minutes: 180,
            clock_skew_seconds: 0,
            funnels: vec![
                Funnel::with_usual_stages(0, "Общая"),
                Funnel::with_usual_stages(1, "Интернет-магазин"),
            ],
            currencies: ["RUB", "USD", "EUR", "BYN", "KZT"]
                .map(str::to_owned)
                .to_vec(),
            require_https: false,
            free_plan: false,
            without_rights: false,
            sight: Sight::default(),
            forgets_moves: false,
            escape_unicode: true,
            normalise_phones: false,
            imports: Imports::default(),
            leads: true,
            conversion_delay: Duration::from_millis(300),
            catalog_rights: CatalogRights::default(),
            inventory: false,
            auth_connector: true,
            spec_dir: None,
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("listen", &self.listen)
            .field("plan", &self.plan)
            .field("seed", &self.seed)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// Listens on this address.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listen = address;
        self
    }

    /// Sets the incoming webhook's user and secret.
    #[must_use]
    pub fn webhook(mut self, user: u64, secret: &str) -> Self {
        self.webhook_user = user;
        secret.clone_into(&mut self.webhook_secret);
        self
    }

    /// Sets the request rate.
    #[must_use]
    pub fn plan(mut self, plan: Plan) -> Self {
        self.plan = plan;
        self
    }

    /// Sets the seed of every random choice.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Sets how likely each fault is for a request.
    #[must_use]
    pub fn faults(mut self, faults: Faults) -> Self {
        self.faults = faults;
        self
    }

    /// Makes every request take this long.
    #[must_use]
    pub fn latency(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Counts each call of this method as so many seconds of operating time.
    #[must_use]
    pub fn cost(mut self, method: &str, seconds: f64) -> Self {
        self.costs.insert(method.to_lowercase(), seconds);
        self
    }

    /// Replaces all funnels of deals.
    #[must_use]
    pub fn funnels(mut self, funnels: Vec<Funnel>) -> Self {
        self.funnels = funnels;
        self
    }

    /// Adds an application to those that are there.
    #[must_use]
    pub fn app(mut self, app: LocalApp) -> Self {
        self.apps.push(app);
        self
    }

    /// Adds an outgoing webhook that gets every event a webhook can get.
    #[must_use]
    pub fn outgoing_webhook(mut self, url: &str, application_token: &str) -> Self {
        self.webhooks.push(OutgoingWebhook {
            url: url.to_owned(),
            events: Vec::new(),
            application_token: application_token.to_owned(),
        });
        self
    }
}

fn usual_scopes() -> Vec<String> {
    ["crm", "user", "catalog"].map(str::to_owned).to_vec()
}

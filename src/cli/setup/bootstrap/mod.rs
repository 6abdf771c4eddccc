//! Bootstrap of commands: settings, logs, database, portal clients.

pub(in crate::cli) mod apps;

use crate::{
    app::{Actor, App, Registry, SyncRules},
    cli::Global,
    clients::{
        bitrix24::{self, Credentials},
        callback::{self, Sender},
        connections::Connections,
        moysklad, onec,
    },
    config::{Config, LogFormat, OneC, OneCPush, Portal, PortalAccess, Shop, Till},
    domain::{BaseName, PortalName, ShopName, TillName, did_you_mean},
    process::{
        embedded::{self, Embedded},
        telemetry::logging,
    },
    storage,
};
use anyhow::Context as _;
use secrecy::ExposeSecret as _;
use sqlx::PgPool;
use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Connections at once, unless configured.
const CONNECTIONS: u32 = 16;

/// Settings of this process, and its logs started.
pub(in crate::cli) fn config(global: &Global) -> anyhow::Result<Config> {
    let config = Config::load(global.config.as_deref(), Path::new("."), std::env::vars())?;
    let json = config.log.format == LogFormat::Json;
    let collector = config.telemetry.otlp_endpoint.as_deref();
    let filter = match (global.verbose, global.quiet) {
        (0, false) => &*config.log.filter,
        (0, true) => "error",
        (1, _) => "info,b24_bridge=debug",
        _ => "debug,b24_bridge=trace",
    };
    logging::start(json, filter, collector)
        .map_err(|error| anyhow::anyhow!("`[log]` or `[telemetry]`: {error}"))?;
    Ok(config)
}

/// A database: the configured one, or our own.
pub(in crate::cli) struct Database {
    pub(in crate::cli) pool: PgPool,
    embedded: Option<Embedded>,
}

impl Database {
    /// Connects, starting our own PostgreSQL where none is configured, and brings the schema up to
    /// date.
    pub(in crate::cli) async fn open(config: &Config, global: &Global) -> anyhow::Result<Self> {
        let database = Self::connect(config, global).await?;
        storage::migrate(&database.pool)
            .await
            .context("bring the database's schema up to date")?;
        Ok(database)
    }

    /// Connects, starting our own PostgreSQL where none is configured; the schema stays as it is.
    pub(in crate::cli) async fn connect(config: &Config, global: &Global) -> anyhow::Result<Self> {
        let size = config.database.max_connections.unwrap_or(CONNECTIONS);
        let url = match (&config.database.url, &config.database.url_file) {
            (Some(url), _) => Some(url.expose_secret().to_owned()),
            (None, Some(file)) => {
                let text = std::fs::read_to_string(file)
                    .with_context(|| format!("read {}", file.display()))?;
                Some(text.trim().to_owned())
            }
            (None, None) => None,
        };
        Ok(match url {
            Some(url) => Self {
                pool: storage::connect(&url, size).await?,
                embedded: None,
            },
            None => Self::embedded(&data_directory()?, global, size).await?,
        })
    }

    /// The database, where one is at hand with a schema that fits: for what can do without.
    pub(in crate::cli) async fn at_hand(config: &Config, global: &Global) -> Option<Self> {
        let named = config.database.url.is_some() || config.database.url_file.is_some();
        if !named && !data_directory().ok()?.join("pg").exists() {
            return None;
        }
        let database = Self::connect(config, global).await.ok()?;
        let version = storage::schema_version(&database.pool).await;
        if version.is_ok_and(|version| version.fits()) {
            Some(database)
        } else {
            database.close().await;
            None
        }
    }

    /// Where it is, for people: without user and password.
    pub(in crate::cli) fn place(&self) -> String {
        let options = self.pool.connect_options();
        let name = options.get_database().unwrap_or("postgres");
        let own = self.embedded.as_ref().and_then(|_| data_directory().ok());
        match own {
            Some(directory) => format!("the bridge's own, in {}", directory.display()),
            None => format!("{name} at {}:{}", options.get_host(), options.get_port()),
        }
    }

    /// Whether the server runs on this machine.
    pub(in crate::cli) fn is_local(&self) -> bool {
        let options = self.pool.connect_options();
        let host = options.get_host();
        self.embedded.is_some()
            || options.get_socket().is_some()
            || host == "localhost"
            || host.starts_with("127.")
            || host.starts_with('/')
    }

    /// Our own PostgreSQL in this directory.
    pub(in crate::cli) async fn embedded(
        directory: &Path,
        global: &Global,
        size: u32,
    ) -> anyhow::Result<Self> {
        let install = if global.yes || in_ci() {
            embedded::Install::Yes
        } else {
            embedded::Install::Ask
        };
        let options = embedded::Options {
            install,
            ..embedded::Options::default()
        };
        let embedded = Embedded::start(directory, options).await?;
        let pool = storage::connect_with(embedded.connect_options(), size).await?;
        Ok(Self {
            pool,
            embedded: Some(embedded),
        })
    }

    pub(in crate::cli) async fn close(self) {
        self.pool.close().await;
        if let Some(embedded) = self.embedded {
            embedded.stop().await;
        }
    }
}

/// BRIDGE_DATA_DIR, else `./.b24-bridge`; as root, where the server's user cannot go there,
/// `/var/lib/b24-bridge`.
#[expect(
    clippy::disallowed_methods,
    reason = "the one setting that says where settings' own database lies"
)]
pub(in crate::cli) fn data_directory() -> anyhow::Result<PathBuf> {
    if let Ok(directory) = std::env::var("BRIDGE_DATA_DIR") {
        return Ok(directory.into());
    }
    let here = std::env::current_dir()?;
    if nix::unistd::geteuid().is_root() && !open_to_others(&here) {
        return Ok("/var/lib/b24-bridge".into());
    }
    Ok(here.join(".b24-bridge"))
}

fn open_to_others(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    path.ancestors()
        .all(|place| std::fs::metadata(place).is_ok_and(|meta| meta.mode() & 0o001 != 0))
}

#[expect(
    clippy::disallowed_methods,
    reason = "a machine that only checks has nobody to ask"
)]
fn in_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// The use cases over a database.
pub(in crate::cli) fn app(config: &Config, pool: PgPool) -> App {
    with_settings(App::new(pool, registry(config)), config)
}

/// The use cases over the same database, for newer settings.
pub(in crate::cli) fn renewed(app: &App, config: &Config) -> App {
    with_settings(app.renewed(registry(config)), config)
}

/// What is wrong with the name of a shop that no settings have, and which was meant.
pub(in crate::cli) fn unknown_shop(app: &App, shop: &ShopName) -> Option<String> {
    let known = &app.registry().shops;
    (!known.contains_key(shop)).then(|| unknown("shop", shop.as_str(), known.keys()))
}

/// That the settings have nothing of a kind by this name, and which of those they have was meant.
pub(in crate::cli) fn unknown(
    kind: &str,
    name: &str,
    known: impl Iterator<Item = impl fmt::Display>,
) -> String {
    let known: Vec<String> = known.map(|one| one.to_string()).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let meant = did_you_mean(name, &known);
    format!("the settings have no {kind} `{name}`{meant}")
}

/// Refuses a filter under which nothing was found by the name of a shop or a portal that no
/// settings have. What is left of one that was taken out of them is found.
pub(in crate::cli) fn refuse_unknown(
    app: &App,
    shop: Option<&ShopName>,
    portal: Option<&PortalName>,
) -> anyhow::Result<()> {
    if let Some(why) = shop.and_then(|shop| unknown_shop(app, shop)) {
        anyhow::bail!(why);
    }
    let known = &app.registry().portals;
    if let Some(portal) = portal.filter(|portal| !known.contains(*portal)) {
        anyhow::bail!(unknown("portal", portal.as_str(), known.iter()));
    }
    Ok(())
}

/// That no settings have a portal of this name, or a lane, and which was meant.
pub(in crate::cli) fn unknown_portal(config: &Config, name: &str) -> anyhow::Error {
    anyhow::Error::msg(match name.split_once(':') {
        Some(("shop", shop)) => unknown("shop", shop, config.shops.keys()),
        Some(("onec", base)) => unknown("base", base, config.onec.keys()),
        _ => unknown("portal", name, config.portals.keys()),
    })
}

fn with_settings(app: App, config: &Config) -> App {
    app.with_applications(apps::configured(config))
        .with_stocks(config.stocks.clone())
        .with_tills(config.till_settings())
}

fn registry(config: &Config) -> Registry {
    Registry {
        shops: config.shop_rules(),
        sources: config.sources(),
        portals: config.portals.keys().cloned().collect(),
        two_way: config.shops.iter().map(two_way).collect(),
        bases: config.bases(),
        titles: config.titles(),
        forms: config.form_rules(),
        activities: config.activity_rules(),
        catalogues: config.catalogue_rules(),
        ..Registry::default()
    }
}

fn two_way((name, shop): (&ShopName, &Shop)) -> (ShopName, Arc<SyncRules>) {
    let mut two_way = SyncRules::of(&shop.rules);
    two_way.callback = shop.callback_url.is_some();
    two_way.policy.asks = two_way.callback;
    two_way
        .overruled_comment
        .clone_from(&shop.overruled_comment);
    let policy = &mut two_way.policy;
    policy.rules.clone_from(&shop.sources_of_truth);
    policy.conflict = shop.conflict.clone();
    policy.turns = shop.turns.clone();
    if let Some(finality) = &shop.finality {
        policy.finality = finality.clone();
    }
    (name.clone(), Arc::new(two_way))
}

/// What reads the tills whose vendor has an API.
pub(in crate::cli) fn tills(
    config: &Config,
    connections: &Connections,
) -> BTreeMap<TillName, moysklad::Client> {
    let client = |(name, till): (&TillName, &Till)| {
        let api = till.api.as_ref()?;
        let client = moysklad::Client::new(&api.url, api.token.clone(), connections);
        Some((name.clone(), client))
    };
    config.tills.iter().filter_map(client).collect()
}

/// What brings orders to the 1C bases that are told at once.
pub(in crate::cli) fn pushes(
    config: &Config,
    connections: &Connections,
) -> BTreeMap<BaseName, onec::Client> {
    let client = |(name, base): (&BaseName, &OneC)| {
        let OneCPush {
            url,
            user,
            password,
        } = base.push.as_ref()?;
        let client = onec::Client::new(url, user, password.clone(), connections);
        Some((name.clone(), client))
    };
    config.onec.iter().filter_map(client).collect()
}

/// What calls the shops that can be called.
pub(in crate::cli) fn callbacks(
    config: &Config,
    connections: &Connections,
) -> anyhow::Result<BTreeMap<ShopName, Sender>> {
    let mut senders = BTreeMap::new();
    for (name, shop) in &config.shops {
        let (Some(url), Some(secret)) = (&shop.callback_url, &shop.callback_secret) else {
            continue;
        };
        let secret = callback::Secret::parse(secret.expose_secret()).with_context(|| {
            format!("`shops.{name}.callback_secret` is not `whsec_` and base64")
        })?;
        senders.insert(name.clone(), Sender::new(url, secret, connections)?);
    }
    Ok(senders)
}

/// How a client of this portal behaves.
pub(in crate::cli) fn client_options(portal: &Portal) -> bitrix24::Options {
    bitrix24::Options {
        rate: bitrix24::Rate {
            per_second: portal.rate.per_second,
            burst: portal.rate.burst,
        },
        timeout: Duration::from_secs(portal.timeout_seconds),
        ..bitrix24::Options::default()
    }
}

/// A client for a portal that is reached by a webhook. None for an application.
pub(in crate::cli) fn client(
    portal: &Portal,
    connections: &Connections,
) -> anyhow::Result<Option<bitrix24::Client>> {
    let PortalAccess::Webhook(url) = &portal.access else {
        return Ok(None);
    };
    let credentials = Credentials::webhook(url.expose_secret())?;
    let client = bitrix24::Client::new(credentials, connections, &client_options(portal));
    client.allow(&portal.redirect_hosts);
    Ok(Some(client))
}

/// Clients for all portals that are reached by a webhook.
pub(in crate::cli) fn clients(
    config: &Config,
    connections: &Connections,
) -> anyhow::Result<BTreeMap<PortalName, bitrix24::Client>> {
    let mut clients = BTreeMap::new();
    for (name, portal) in &config.portals {
        if let Some(client) = client(portal, connections)? {
            clients.insert(name.clone(), client);
        }
    }
    Ok(clients)
}

/// What this process reaches other systems by.
pub(in crate::cli) fn connections() -> anyhow::Result<Connections> {
    Connections::new().context("read the machine's TLS roots")
}

/// Whoever runs this command, by the name that the audit log shows.
pub(in crate::cli) fn actor() -> Actor {
    let uid = nix::unistd::geteuid();
    let user = nix::unistd::User::from_uid(uid).ok().flatten();
    Actor::new(user.map_or_else(|| format!("cli:{uid}"), |user| format!("cli:{}", user.name)))
}

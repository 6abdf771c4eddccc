//! `serve`: the API and the worker.

use super::{
    Global, output,
    portals::queries::PortalProbe,
    ports,
    setup::bootstrap::{self, Database},
};
use crate::{
    app::App,
    auth::Operator,
    clients::{bitrix24, connections::Connections},
    config::{Config, DEFAULT_FILE, Portal},
    console,
    domain::PortalName,
    http,
    process::{doors::Room, signals},
    storage::schema::installation,
    worker,
};
use anyhow::Context as _;
use std::{collections::BTreeMap, net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};
use tokio::{net::TcpListener, sync::watch, task::JoinSet};
use tokio_util::sync::CancellationToken;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What this process does
    #[arg(long, value_enum, default_value = "all")]
    role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Role {
    /// Takes events and answers questions
    Api,
    /// Brings orders to the portals
    Worker,
    /// Both
    All,
}

pub(super) async fn run(global: &Global, args: &Args) -> anyhow::Result<ExitCode> {
    let config = bootstrap::config(global)?;
    if config.demo {
        output::say(
            "no settings were found: these are DEMO values, with keys that everybody knows",
        );
        output::say("  portal  http://127.0.0.1:8090/ (start it with `b24-bridge sandbox`)");
        output::say("  shop    demo, API key demo-key-not-for-production");
    }
    let stop = CancellationToken::new();
    signals::stop_on_signals(stop.clone())?;
    let database = Database::open(&config, global).await?;
    if let Err(refused) = whose(&config, &database.pool).await {
        database.close().await;
        return Err(refused);
    }
    let connections = bootstrap::connections()?;
    let clients = bootstrap::clients(&config, &connections)?;
    let greeted = config.clone();
    let pool = database.pool.clone();
    let running = Running::start(config, pool, clients, connections, args.role, stop).await?;
    greet(&greeted, running.address, &database.place());
    let ended = running.ended().await;
    database.close().await;
    ended.map(|()| ExitCode::SUCCESS)
}

/// What runs here, with what, and where to look.
fn greet(config: &Config, address: Option<SocketAddr>, database: &str) {
    let file = config.file.as_ref().map(|file| file.display().to_string());
    let file = file
        .as_deref()
        .unwrap_or("none: environment or demo values");
    let portal = |(name, portal): (&PortalName, &Portal)| match portal.host() {
        Some(host) => format!("{name} ({host})"),
        None => name.to_string(),
    };
    let list = |names: Vec<String>| names.join(", ");
    output::say(format!("settings   {file}"));
    output::say(format!("database   {database}"));
    output::say(format!(
        "portals    {}",
        list(config.portals.iter().map(portal).collect())
    ));
    output::say(format!(
        "shops      {}",
        list(config.shops.keys().map(ToString::to_string).collect())
    ));
    let Some(address) = address else {
        return;
    };
    if config.operators.is_empty() {
        output::say(
            "console    nobody can sign in: add `[operators.NAME]` with a key or a `password_hash`",
        );
    } else {
        output::say(format!("console    http://{address}/console"));
        let how = |(name, operator): (&String, &Operator)| match (&operator.password, &operator.key)
        {
            (Some(_), _) => format!("{name} (password)"),
            (None, _) => format!("{name} (key)"),
        };
        output::say(format!(
            "sign in    {}",
            list(config.operators.iter().map(how).collect())
        ));
    }
    output::say(format!("listening on http://{address}"));
}

/// How often it is counted how many connections were refused.
const COUNTED: Duration = Duration::from_secs(1);

/// Keys that everybody knows open no database but the demo's own.
async fn whose(config: &Config, pool: &sqlx::PgPool) -> anyhow::Result<()> {
    let mut db = pool.acquire().await?;
    if config.demo {
        anyhow::ensure!(
            installation::demo(&mut db).await?,
            "BRIDGE-CONFIG: no settings were found, and this database is not the demo's: demo \
             values, with keys that everybody knows, do not open it. Name the settings \
             (`--config`, BRIDGE_CONFIG or ./{DEFAULT_FILE}), or give the demo an empty database"
        );
        return Ok(());
    }
    if let Some(place) = config.demo_key() {
        anyhow::bail!(
            "BRIDGE-CONFIG: {place}: this is a key of the demo, which everybody knows: make \
             another (`openssl rand -hex 24`)"
        );
    }
    Ok(installation::configured(&mut db).await?)
}

/// A bridge at work in this process.
pub(super) struct Running {
    /// Where the API listens.
    pub(super) address: Option<SocketAddr>,
    pub(super) app: App,
    tasks: JoinSet<anyhow::Result<()>>,
    stop: CancellationToken,
}

impl Running {
    pub(super) async fn start(
        config: Config,
        pool: sqlx::PgPool,
        mut clients: BTreeMap<PortalName, bitrix24::Client>,
        connections: Connections,
        role: Role,
        stop: CancellationToken,
    ) -> anyhow::Result<Self> {
        let config = Arc::new(config);
        let app = bootstrap::app(&config, pool);
        if let Some(problem) = app.onec.check_onec_bases().await?.into_iter().next() {
            anyhow::bail!("BRIDGE-CONFIG: `{}`: {}", problem.key, problem.sentence);
        }
        if let Err(refused) = app
            .stock
            .configure_stocks()
            .await
            .context("store what is configured of stock")?
        {
            anyhow::bail!("BRIDGE-CONFIG: {refused}");
        }
        let mut tasks = JoinSet::new();
        let mut address = None;
        let reached = match role {
            Role::Api => Vec::new(),
            Role::Worker | Role::All => bootstrap::apps::all_reached(&config, &app, &connections)?,
        };
        for one in &reached {
            clients.insert(one.tokens.portal().clone(), one.client.clone());
        }
        let place = match role {
            Role::Worker => config.http.watch_listen,
            Role::Api | Role::All => Some(config.http.listen),
        };
        if let Some(place) = place {
            let key = match role {
                Role::Worker => "[http] watch_listen",
                Role::Api | Role::All => "[http] listen",
            };
            let listener = ports::listen(place, key).await?;
            address = Some(listener.local_addr()?);
            let asked = PortalProbe {
                lanes: clients.clone(),
                guests: guests(&config, &app, &connections)?,
                names: Arc::default(),
            };
            listen(&mut tasks, (listener, role), &app, &config, asked, &stop);
        }
        if let Some(place) = config.http.metrics_listen {
            let listener = ports::listen(place, "[http] metrics_listen").await?;
            watch(&mut tasks, listener, &app, &config, &stop);
        }
        if role != Role::Api {
            let lanes = worker::Lanes {
                portals: clients,
                callbacks: bootstrap::callbacks(&config, &connections)?,
                tills: bootstrap::tills(&config, &connections),
                pushes: bootstrap::pushes(&config, &connections),
            };
            let settings = settings(&config);
            if !reached.is_empty() {
                let kept = keeping(&config, &settings, &app);
                let (app, told) = (app.clone(), stop.clone());
                tasks.spawn(async move {
                    worker::portal_access::run(app, reached, kept, told)
                        .await
                        .context("look after applications")
                });
            }
            let (app, told) = (app.clone(), stop.clone());
            tasks.spawn(async move {
                worker::run(app, lanes, settings, told)
                    .await
                    .context("run the worker")
            });
        }
        Ok(Self {
            address,
            app,
            tasks,
            stop,
        })
    }

    /// Waits until all is stopped. A task that ends by itself, or with an error, ends the others.
    pub(super) async fn ended(mut self) -> anyhow::Result<()> {
        let mut first = Ok(());
        while let Some(ended) = self.tasks.join_next().await {
            let asked = self.stop.is_cancelled();
            self.stop.cancel();
            let ended = ended.map_err(anyhow::Error::from).and_then(|done| done);
            if first.is_ok() {
                first = match ended {
                    Ok(()) if !asked => {
                        Err(anyhow::anyhow!("a part of the bridge ended by itself"))
                    }
                    other => other,
                };
            }
        }
        first
    }
}

/// What the pages ask the portals with, whoever drives the lanes.
fn guests(
    config: &Config,
    app: &App,
    connections: &Connections,
) -> anyhow::Result<BTreeMap<PortalName, bitrix24::Client>> {
    let of = |(name, portal)| {
        let name: &PortalName = name;
        let guest = bootstrap::apps::guest(app, name, portal, connections)?;
        Ok((name.clone(), guest))
    };
    config.portals.iter().map(of).collect()
}

/// Answers requests until some time after the stop. Readiness ends first: whoever routes requests
/// sees it while they are still taken.
fn listen(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    (listener, role): (TcpListener, Role),
    app: &App,
    config: &Arc<Config>,
    asked: PortalProbe,
    stop: &CancellationToken,
) {
    let (ready, is_ready) = watch::channel(true);
    let state = http::State {
        app: app.clone(),
        config: Arc::clone(config),
        ready: is_ready,
    };
    let router = match role {
        Role::Worker => http::watch_router(state),
        Role::Api | Role::All => {
            let ready = state.ready.clone();
            let console =
                console::State::new(app.clone(), Arc::clone(config), ready, Arc::new(asked));
            http::router(state).merge(console::router(console))
        }
    };
    let room = Room::new(config.http.room()).behind(config.http.proxies());
    let room = Arc::new(room.with_connections(config.http.connections_per_source));
    let (counted, meters) = (Arc::downgrade(&room), app.clone());
    tokio::spawn(async move {
        while let Some(room) = counted.upgrade() {
            meters.metrics().connections_refused(room.refused());
            drop(room);
            tokio::time::sleep(COUNTED).await;
        }
    });
    let close = CancellationToken::new();
    let (asked, told) = (stop.clone(), close.clone());
    let drain = Duration::from_secs(config.http.drain_seconds);
    tasks.spawn(async move {
        asked.cancelled().await;
        let _ = ready.send(false);
        tokio::time::sleep(drain).await;
        close.cancel();
        Ok(())
    });
    tasks.spawn(async move {
        http::serve_within(listener, router, room, told)
            .await
            .context("answer requests")
    });
}

/// Answers meters and health on a listener of their own, until the end.
fn watch(
    tasks: &mut JoinSet<anyhow::Result<()>>,
    listener: TcpListener,
    app: &App,
    config: &Arc<Config>,
    stop: &CancellationToken,
) {
    let (ready, is_ready) = watch::channel(true);
    let router = http::watch_router(http::State {
        app: app.clone(),
        config: Arc::clone(config),
        ready: is_ready,
    });
    let stop = stop.clone();
    tasks.spawn(async move {
        let served = http::serve(listener, router, stop).await;
        drop(ready);
        served.context("answer with meters")
    });
}

fn keeping(
    config: &Config,
    settings: &worker::Settings,
    app: &App,
) -> worker::portal_access::Options {
    worker::portal_access::Options {
        owner: settings.owner.clone(),
        poll: settings.poll,
        public_url: config.http.public_url.clone(),
        store: Some(worker::portal_access::Store::inbox(app)),
        ..worker::portal_access::Options::default()
    }
}

/// Who drives the lanes, as operators read it: machine, process, and what tells it from all others.
fn owner() -> String {
    let machine = nix::unistd::gethostname().ok();
    let machine = machine.as_ref().and_then(|name| name.to_str());
    let machine = machine.unwrap_or("unknown").replace('/', "-");
    let (process, one) = (std::process::id(), uuid::Uuid::now_v7());
    format!("{machine}/{process}/{one}")
}

/// How the lanes of this process are driven.
pub(super) fn settings(config: &Config) -> worker::Settings {
    let (worker, retention) = (&config.worker, &config.retention);
    let days = |days: u32| Duration::from_hours(24 * u64::from(days));
    worker::Settings {
        owner: owner(),
        lease: Duration::from_secs(worker.lease_seconds),
        poll: Duration::from_secs(worker.poll_seconds),
        wave: worker.wave,
        attempts: worker.max_attempts,
        backoff: Duration::from_secs(worker.backoff_base_seconds),
        backoff_cap: Duration::from_secs(worker.backoff_cap_seconds),
        doubt: config.lands_within(),
        reconcile: Duration::from_secs(worker.reconcile_seconds),
        grace: Duration::from_secs(worker.stop_grace_seconds),
        retention: worker::Retention {
            settled: days(retention.settled_days),
            letters: days(retention.closed_letters_days),
            timeline: days(retention.timeline_days),
            audit: days(retention.audit_days),
        },
        ..worker::Settings::default()
    }
}

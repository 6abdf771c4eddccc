//! `serve`: the API and the worker.

mod addresses;
mod applications;
mod lanes;
mod process;
mod reload;

use super::{
    Global, output,
    setup::bootstrap::{self, Database},
};
use crate::{
    auth::Operator,
    config::{Config, DEFAULT_FILE, Portal},
    domain::PortalName,
    process::signals,
    storage::schema::installation,
    worker,
};
use std::{net::SocketAddr, process::ExitCode, sync::Arc, time::Duration};
use tokio_util::sync::CancellationToken;

pub(super) use process::Running;

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
    /// Both in one process
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
    let hangups = signals::hangups()?;
    let database = Database::open(&config, global).await?;
    if let Err(refused) = whose(&config, &database.pool).await {
        database.close().await;
        return Err(refused);
    }
    let connections = bootstrap::connections()?;
    let clients = bootstrap::clients(&config, &connections)?;
    let (config, pool) = (Arc::new(config), database.pool.clone());
    let of = Arc::clone(&config);
    let mut running = Running::start(of, pool, clients, connections, args.role, stop).await?;
    running.reload_when_asked(hangups).await?;
    greet(&config, running.address, &database.place());
    // Newer settings may take its place.
    drop(config);
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
    installation::configured(&mut db).await?;
    Ok(installation::number_anew(&mut db).await?)
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

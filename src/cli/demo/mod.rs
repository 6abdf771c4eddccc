//! `demo`: everything at once, for people who want to see it work.

mod comparison;
mod sample_day;
mod shortage;
mod stages_back;

use super::{
    Global, output,
    serve::{Role, Running},
    setup::bootstrap::{self, Database},
};
use crate::{
    clients::bitrix24::{self, Credentials},
    config::Config,
    process::{signals, telemetry::logging},
    sandbox::{self, Sandbox},
    storage::schema::installation,
};
use sample_day::Day;
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    process::ExitCode,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// End when the day is through: exit code 0 only if everything is in sync
    #[arg(long)]
    once: bool,
    /// How many orders the day has
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(20..=5_000))]
    orders: u32,
    /// Where the API listens; port 0 takes any
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Where the sandbox portal listens; port 0 takes any
    #[arg(long, default_value = "127.0.0.1:0")]
    portal_listen: SocketAddr,
}

/// What the sandbox portal puts into its notifications.
const EVENT_TOKEN: &str = "demo-application-token";
/// The key of the demo's operator.
const OPERATOR: &str = "demo-operator-key-not-for-production";

/// How long the day may take to reach the portal.
const PATIENCE: Duration = Duration::from_mins(10);

pub(super) async fn run(global: &Global, args: &Args) -> anyhow::Result<ExitCode> {
    logging::start(false, "error,b24_bridge::embedded=info", None).map_err(anyhow::Error::msg)?;
    let stop = CancellationToken::new();
    signals::stop_on_signals(stop.clone())?;
    let portal = Sandbox::start(sandbox::Options::default().listen(args.portal_listen)).await?;
    output::say("starting a database …");
    let database = open(global).await?;
    let config = settings(&portal, args)?;
    let connections = bootstrap::connections()?;
    let client = bitrix24::Client::new(
        Credentials::webhook(&portal.url())?,
        &connections,
        &bitrix24::Options {
            full_burst: true,
            ..bitrix24::Options::default()
        },
    );
    let clients = BTreeMap::from([(
        crate::domain::PortalName::parse("demo").map_err(anyhow::Error::msg)?,
        client,
    )]);
    let running = Running::start(
        Arc::new(config),
        database.pool.clone(),
        clients,
        connections,
        Role::All,
        stop.clone(),
    )
    .await?;
    let api = running
        .address
        .map(|address| format!("http://{address}"))
        .unwrap_or_default();
    portal.add_webhook(&format!("{api}/webhooks/bitrix24/demo"), EVENT_TOKEN);
    let started = Instant::now();
    let day = Day::make(args.orders);
    let mut report =
        comparison::follow(&running.app, &portal, &api, &day, started + PATIENCE, &stop).await?;
    comparison::table(&report, started.elapsed());
    if report.is_fine() && !stop.is_cancelled() {
        report.faults = stages_back::play(&running.app, &portal, &api).await?;
        let kettle = shortage::play(&running.app, &portal, &api).await;
        report.faults.extend(kettle);
    }
    let fine = report.is_fine();
    if !fine {
        report
            .faults
            .iter()
            .for_each(|fault| output::say(format!("not as it should be: {fault}")));
    }
    if !args.once && !stop.is_cancelled() {
        invite(&api, &portal);
        stop.cancelled().await;
    }
    stop.cancel();
    running.ended().await?;
    clean(database).await;
    portal.stop().await;
    Ok(if fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Where to look, and what to try next.
fn invite(api: &str, portal: &Sandbox) {
    let key = sample_day::KEY;
    let order = Day::an_order();
    for line in [
        String::new(),
        format!("console    {api}/console"),
        format!("key        {OPERATOR}"),
        format!("board      http://{}/", portal.addr()),
        format!("API        {api}/openapi.json"),
        format!("API key    {key}"),
        String::new(),
        "Drag a deal to another stage on the board, and see what the shop reads of it:".to_owned(),
        format!("  curl -H 'Authorization: Bearer {key}' {api}/v1/status-changes"),
        "Look at an order, and at what could not be delivered:".to_owned(),
        format!("  curl -H 'Authorization: Bearer {key}' {api}/v1/orders/demo/{order}"),
        format!("  curl -H 'Authorization: Bearer {key}' {api}/v1/dead-letters"),
        "Ctrl-C ends it; the demo's data go with it.".to_owned(),
    ] {
        output::say(line);
    }
}

/// A database of the demo's own: in a directory that goes with it, or, where DATABASE_URL names a
/// server, only in an empty schema.
async fn open(global: &Global) -> anyhow::Result<DemoDatabase> {
    let configured = Config::parse("", &std::env::vars().collect::<BTreeMap<_, _>>())?;
    if configured.database.url.is_some() {
        let database = Database::open(&configured, global).await?;
        let own = async {
            let mut db = database.pool.acquire().await?;
            anyhow::Ok(installation::demo(&mut db).await?)
        };
        if !own.await? {
            database.close().await;
            anyhow::bail!("the database of DATABASE_URL is in use: the demo wants an empty one");
        }
        return Ok(DemoDatabase {
            pool: database.pool.clone(),
            database,
            directory: None,
        });
    }
    let directory = bootstrap::data_directory()?.with_file_name(".b24-bridge-demo");
    let _ = std::fs::remove_dir_all(directory.join("pg"));
    let database = Database::embedded(&directory, global, 16).await?;
    crate::storage::migrate(&database.pool).await?;
    Ok(DemoDatabase {
        pool: database.pool.clone(),
        database,
        directory: Some(directory),
    })
}

struct DemoDatabase {
    pool: sqlx::PgPool,
    database: Database,
    directory: Option<std::path::PathBuf>,
}

async fn clean(opened: DemoDatabase) {
    opened.database.close().await;
    if let Some(directory) = opened.directory {
        // Binaries that were fetched stay for the next time.
        let _ = std::fs::remove_dir_all(directory.join("pg"));
    }
}

fn settings(portal: &Sandbox, args: &Args) -> anyhow::Result<Config> {
    let text = format!(
        r#"
        [http]
        listen = "{listen}"
        [portals.demo]
        webhook_url = "{url}"
        event_tokens = ["{EVENT_TOKEN}"]
        [shops.demo]
        portal = "demo"
        api_keys = ["{key}"]
        [[shops.demo.statuses]]
        status = "N"
        stage = "NEW"
        accepts = ["PREPARATION"]
        [[shops.demo.statuses]]
        status = "P"
        stage = "EXECUTING"
        [[shops.demo.statuses]]
        status = "F"
        stage = "WON"
        [[shops.demo.statuses]]
        status = "C"
        stage = "LOSE"
        [[shops.demo.leads]]
        channel = "one-click"
        [operators.demo]
        key = "{OPERATOR}"
        role = "operator"
        [worker]
        backoff_base_seconds = 1
        backoff_cap_seconds = 1
        max_attempts = 3
        {kettle}"#,
        listen = args.listen,
        url = portal.url(),
        key = sample_day::KEY,
        kettle = shortage::SETTINGS,
    );
    Ok(Config::parse(&text, &BTreeMap::new())?)
}

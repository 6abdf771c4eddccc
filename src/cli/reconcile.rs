//! `reconcile`: compares every deal with what was agreed, now.

use super::{
    Global, output, serve,
    setup::bootstrap::{self, Database},
};
use crate::{
    app::{App, Difference},
    clients::bitrix24::Client,
    config::Config,
    domain::PortalName,
    worker::{self, survey},
};
use anyhow::Context as _;
use chrono::{DateTime, Utc};
use std::{collections::BTreeMap, process::ExitCode, time::Duration};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long the decisions may take.
const PATIENCE: Duration = Duration::from_mins(10);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Only this portal; else all
    #[arg(long)]
    portal: Option<String>,
    /// Only what was moved since then: 2026-11-21T10:00:00+03:00
    #[arg(long, value_parser = time)]
    since: Option<DateTime<Utc>>,
    /// Say what differs, and do nothing about it
    #[arg(long)]
    dry_run: bool,
}

fn time(text: &str) -> Result<DateTime<Utc>, String> {
    DateTime::parse_from_rfc3339(text)
        .map(|at| at.with_timezone(&Utc))
        .map_err(|error| format!("write it like 2026-11-21T10:00:00+03:00: {error}"))
}

pub(super) async fn run(global: &Global, args: &Args) -> anyhow::Result<ExitCode> {
    let config = bootstrap::config(global)?;
    let wanted = args.portal.as_deref().map(PortalName::parse).transpose();
    let wanted = wanted.map_err(output::wrong_word)?;
    let chosen: Vec<PortalName> = config
        .portals
        .keys()
        .filter(|name| wanted.as_ref().is_none_or(|wanted| wanted == *name))
        .cloned()
        .collect();
    if let Some(wanted) = wanted.filter(|_| chosen.is_empty()) {
        return Err(bootstrap::unknown_portal(&config, wanted.as_str()));
    }
    let database = Database::open(&config, global).await?;
    let app = bootstrap::app(&config, database.pool.clone());
    let done = all(global, args, &config, &app, chosen).await;
    database.close().await;
    done
}

async fn all(
    global: &Global,
    args: &Args,
    config: &Config,
    app: &App,
    chosen: Vec<PortalName>,
) -> anyhow::Result<ExitCode> {
    let (mut said, mut code) = (Vec::new(), ExitCode::SUCCESS);
    let connections = bootstrap::connections()?;
    for name in chosen {
        let portal = &config.portals[&name];
        let guest = bootstrap::apps::guest(app, &name, portal, &connections)?;
        let found = match look(app, &name, &guest).await {
            Ok(found) => found,
            // One portal that cannot be asked says nothing of the others.
            Err(error) => {
                output::failure(&error);
                code = ExitCode::FAILURE;
                continue;
            }
        };
        let found: Vec<Difference> = found
            .into_iter()
            .filter(|one| {
                args.since
                    .is_none_or(|since| one.moved_at.is_none_or(|at| at >= since))
            })
            .collect();
        output::say(match found.len() {
            1 => format!("{name}: 1 order differs"),
            many => format!("{name}: {many} orders differ"),
        });
        let began = app.sync.now().await?;
        if !args.dry_run && !found.is_empty() {
            app.sync.ask_comparisons(&name, &found).await?;
            let own = bootstrap::apps::client(app, &name, portal, &connections)?;
            decide(config, app, &name, own).await?;
        }
        for one in found {
            let decided = if args.dry_run {
                None
            } else {
                app.sync
                    .decided_since(&one.shop, &one.number, began)
                    .await?
            };
            said.push((one, decided));
        }
    }
    if global.json {
        let rows: Vec<_> = said
            .iter()
            .map(|(one, decided)| serde_json::json!({ "order": one, "decided": decided }))
            .collect();
        output::list(&rows)?;
    } else {
        for (one, decided) in &said {
            show(one, decided.as_deref());
        }
    }
    Ok(code)
}

/// Reads every deal of a portal, with a bar on a terminal and plain lines elsewhere.
async fn look(app: &App, name: &PortalName, client: &Client) -> anyhow::Result<Vec<Difference>> {
    let total = u64::try_from(app.sync.count_with_deals(name).await?).unwrap_or(0);
    let template = "{msg} {bar:30} {pos}/{len} orders, {per_sec:.0}, {eta} left";
    let bar = output::progress(total, template);
    bar.set_message(name.to_string());
    let mut read = 0;
    let found = survey(&app.sync, name, client, |orders| {
        bar.inc(orders as u64);
        read += orders;
        if bar.is_hidden() {
            output::say(format!("{name}: {read} of {total} orders read"));
        }
    })
    .await
    .with_context(|| format!("the deals of portal {name} cannot be read"))?;
    bar.finish_and_clear();
    Ok(found)
}

/// Lets the portal's lane decide: a worker's if one runs, else our own.
async fn decide(
    config: &Config,
    app: &App,
    name: &PortalName,
    client: Client,
) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    let lanes = worker::Lanes {
        callbacks: bootstrap::callbacks(config, client.connections())?,
        ..worker::Lanes::of(BTreeMap::from([(name.clone(), client)]))
    };
    let settings = serve::settings(config);
    let own = tokio::spawn(worker::run(app.clone(), lanes, settings, stop.clone()));
    let bound = Instant::now() + PATIENCE;
    let mut waiting = app.sync.comparisons_waiting(name.as_str()).await?;
    while waiting > 0 {
        anyhow::ensure!(
            Instant::now() < bound,
            "{waiting} orders are not decided yet; a worker goes on with them"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
        waiting = app.sync.comparisons_waiting(name.as_str()).await?;
    }
    stop.cancel();
    own.await?.context("decide in this process")
}

fn show(one: &Difference, decided: Option<&str>) {
    let stage = |stage: Option<&crate::domain::Stage>| {
        stage.map_or_else(|| "-".to_owned(), ToString::to_string)
    };
    let stands = match &one.stage {
        Some(now) => format!("stands in {now}"),
        None => "is not to be found".to_owned(),
    };
    output::line(format!(
        "{}/{}: deal {} {stands}, agreed was {} (status {})",
        one.shop,
        one.number,
        one.deal_id,
        stage(one.agreed_stage.as_ref()),
        one.status.as_deref().unwrap_or("-"),
    ));
    if let Some(fault) = &one.fault {
        output::line(format!("    {fault}"));
    }
    if let Some(untold) = &one.untold {
        output::line(format!(
            "    the shop is not told the status {untold}: the message died, or was let go"
        ));
    }
    if let Some(decided) = decided {
        output::line(format!("    {decided}"));
    }
}

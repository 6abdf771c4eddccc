//! `portals`: which there are, pausing and resuming.

pub(super) mod authorize;
pub(super) mod queries;
pub(super) mod status_map;

use super::{
    Global, output,
    setup::bootstrap::{self, Database},
    status,
};
use crate::{
    app::Error,
    clients::bitrix24::{Client, Priority},
    config::{Config, Portal},
    domain::PortalName,
};
use anyhow::Context as _;
use serde_json::json;
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List portals with the state of their lanes
    List,
    /// Hold everything back that goes to a portal
    Pause {
        /// The portal's name; `shop:NAME` for a shop's callback, `onec:NAME` for a 1C base
        portal: String,
    },
    /// Let it go again
    Resume {
        /// The portal's name; `shop:NAME` for a shop's callback, `onec:NAME` for a 1C base
        portal: String,
    },
    /// Let the bridge in as an application of a portal: open the printed address as an
    /// administrator
    Authorize {
        /// The portal's name in the settings
        portal: String,
        /// The code, or the whole address that the browser was sent to: for when it cannot reach
        /// the bridge
        #[arg(long, value_name = "CODE")]
        code: Option<String>,
    },
    /// Make one harmless call to a portal
    Test {
        /// The portal's name in the settings
        portal: String,
    },
}

pub(super) async fn run(global: &Global, command: &Command) -> anyhow::Result<ExitCode> {
    let config = bootstrap::config(global)?;
    if let Command::Test { portal } = command {
        let (name, portal) = find(&config, portal)?;
        if let Some(client) = bootstrap::client(portal, &bootstrap::connections()?)? {
            test(&name, portal, &client).await?;
            return Ok(ExitCode::SUCCESS);
        }
    }
    let database = Database::open(&config, global).await?;
    let app = bootstrap::app(&config, database.pool.clone());
    let who = bootstrap::actor();
    let mut code = ExitCode::SUCCESS;
    match command {
        Command::List => {
            let report = app.operations.status().await?;
            if global.json {
                output::list(&report.portals)?;
            } else {
                let row = |portal: &crate::app::PortalStatus| {
                    vec![
                        portal.portal.clone(),
                        status::state(portal).to_owned(),
                        portal.pending.to_string(),
                    ]
                };
                output::table(
                    &["portal", "state", "waiting"],
                    report.portals.iter().map(row).collect(),
                );
            }
        }
        Command::Pause { portal } => {
            let paused = app.operations.pause_lane(portal, &who).await;
            paused.map_err(|error| refused(&config, portal, error))?;
            let sentence = format!("{portal} is paused: nothing is sent until it is resumed");
            output::done(&json!({ "result": "paused" }), sentence)?;
        }
        Command::Resume { portal } => {
            let resumed = app.operations.resume_lane(portal, &who).await;
            resumed.map_err(|error| refused(&config, portal, error))?;
            let sentence = format!("{portal} goes on");
            output::done(&json!({ "result": "resumed" }), sentence)?;
        }
        Command::Test { portal } => {
            let (name, portal) = find(&config, portal)?;
            let connections = bootstrap::connections()?;
            let guest = bootstrap::apps::guest(&app, &name, portal, &connections)?;
            test(&name, portal, &guest).await?;
        }
        Command::Authorize {
            portal,
            code: given,
        } => {
            let (name, portal) = find(&config, portal)?;
            code = authorize::run(&app, &name, portal, given.as_deref(), &who).await?;
        }
    }
    database.close().await;
    Ok(code)
}

/// Why a lane is neither paused nor resumed.
fn refused(config: &Config, lane: &str, error: Error) -> anyhow::Error {
    match error {
        Error::NotFound => bootstrap::unknown_portal(config, lane),
        error => error.into(),
    }
}

fn find<'a>(config: &'a Config, name: &str) -> anyhow::Result<(PortalName, &'a Portal)> {
    let name = PortalName::parse(name).map_err(output::wrong_word)?;
    let portal = config
        .portals
        .get(&name)
        .ok_or_else(|| bootstrap::unknown_portal(config, name.as_str()))?;
    Ok((name, portal))
}

async fn test(name: &PortalName, portal: &Portal, client: &Client) -> anyhow::Result<()> {
    let host = portal.host().unwrap_or_default();
    let asked = client.call("server.time", &json!({}), Priority::Live).await;
    let answer = asked.with_context(|| format!("portal {name}, at {host}, was asked"))?;
    let time = answer.result;
    let shown = time.as_str().unwrap_or("nothing that can be read");
    let sentence = format!("portal {name} ({host}) answers; its clock says {shown}");
    let result = json!({ "result": "answers", "portal": name, "time": time });
    output::done(&result, sentence)
}

//! `portals`: which there are, pausing and resuming.

use super::{
    Global, output,
    setup::{self, Database},
};
use crate::{app::Actor, bitrix24::Priority, domain::PortalName};
use anyhow::Context as _;
use serde_json::json;
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List portals with the state of their lanes
    List,
    /// Hold everything back that goes to a portal
    Pause {
        /// The portal's name
        portal: String,
    },
    /// Let it go again
    Resume {
        /// The portal's name
        portal: String,
    },
    /// Make one harmless call to a portal
    Test {
        /// The portal's name
        portal: String,
    },
}

pub(super) async fn run(global: &Global, command: &Command) -> anyhow::Result<ExitCode> {
    let config = setup::config(global)?;
    if let Command::Test { portal } = command {
        let name = PortalName::parse(portal).map_err(anyhow::Error::msg)?;
        let portal = config
            .portals
            .get(&name)
            .with_context(|| format!("there is no portal {name}"))?;
        let client = setup::client(portal)?.context("an application cannot be tested yet")?;
        let answer = client
            .call("server.time", &json!({}), Priority::Live)
            .await?;
        output::line(answer.result);
        return Ok(ExitCode::SUCCESS);
    }
    let database = Database::open(&config, global).await?;
    let bridge = setup::bridge(&config, database.pool.clone());
    let who = Actor::new(format!("cli:{}", nix::unistd::geteuid()));
    let name = |portal: &str| PortalName::parse(portal).map_err(anyhow::Error::msg);
    match command {
        Command::List => {
            let report = bridge.status().await?;
            if global.json {
                output::json(&report.portals)?;
            } else {
                let row = |portal: &crate::app::PortalStatus| {
                    vec![
                        portal.portal.clone(),
                        format!("{:?}", portal.state).to_lowercase(),
                        portal.pending.to_string(),
                    ]
                };
                output::table(
                    &["portal", "state", "waiting"],
                    report.portals.iter().map(row).collect(),
                );
            }
        }
        Command::Pause { portal } => bridge.pause_portal(&name(portal)?, &who).await?,
        Command::Resume { portal } => bridge.resume_portal(&name(portal)?, &who).await?,
        Command::Test { .. } => {}
    }
    database.close().await;
    Ok(ExitCode::SUCCESS)
}

//! `config`: the settings.

use super::bootstrap;
use crate::{
    cli::{Global, output},
    config::EXAMPLE,
};
use serde_json::json;
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// Check the settings, and name every fault with its key
    Check,
    /// Print a complete, commented example
    Example,
}

pub(in crate::cli) fn run(global: &Global, command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Check => {
            let config = bootstrap::config(global)?;
            let (portals, shops) = (config.portals.len(), config.shops.len());
            let file = config.file.map(|file| file.display().to_string());
            let result = json!({ "result": "right", "file": file, "portals": portals,
                                 "shops": shops });
            let from = file.as_deref().unwrap_or("no file");
            let portals = output::count(portals, "portal");
            let shops = output::count(shops, "shop");
            let sentence = format!("the settings are right ({from}): {portals}, {shops}");
            output::done(&result, sentence)?;
        }
        Command::Example => output::line(EXAMPLE.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

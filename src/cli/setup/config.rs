//! `config`: the settings.

use super::bootstrap;
use crate::{
    cli::{Global, output},
    config::EXAMPLE,
};
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
            let from = config
                .file
                .map_or_else(|| "no file".to_owned(), |file| file.display().to_string());
            output::say(format!(
                "the settings are right ({from}): {} portals, {} shops",
                config.portals.len(),
                config.shops.len()
            ));
        }
        Command::Example => output::line(EXAMPLE.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

//! `migrate`: the database's schema.

use super::bootstrap::{self, Database};
use crate::cli::{Global, output};
use std::process::ExitCode;

pub(in crate::cli) async fn run(global: &Global) -> anyhow::Result<ExitCode> {
    let config = bootstrap::config(global)?;
    Database::open(&config, global).await?.close().await;
    output::say("the schema is up to date");
    Ok(ExitCode::SUCCESS)
}

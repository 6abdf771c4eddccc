//! `migrate`: the database's schema.

use super::bootstrap::{self, Database};
use crate::cli::{Global, output};
use serde_json::json;
use std::process::ExitCode;

pub(in crate::cli) async fn run(global: &Global) -> anyhow::Result<ExitCode> {
    let config = bootstrap::config(global)?;
    Database::open(&config, global).await?.close().await;
    let result = json!({ "result": "up_to_date" });
    output::done(&result, "the schema is up to date")?;
    Ok(ExitCode::SUCCESS)
}

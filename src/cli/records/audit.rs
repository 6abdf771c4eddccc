//! `audit`: who did what by hand.

use crate::{
    app::{AuditEntry, AuditFilter},
    cli::{
        Global, output,
        setup::bootstrap::{self, Database},
    },
};
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// List what people did, the newest first
    List {
        /// Of this actor, such as operator:anna
        #[arg(long)]
        actor: Option<String>,
        /// This act, such as letter.discard
        #[arg(long)]
        action: Option<String>,
        /// To this thing: a letter's id, a portal's name
        #[arg(long)]
        target: Option<String>,
        /// Only those before this id
        #[arg(long)]
        before: Option<i64>,
        /// At most so many
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
}

pub(in crate::cli) async fn run(global: &Global, command: &Command) -> anyhow::Result<ExitCode> {
    let Command::List {
        actor,
        action,
        target,
        before,
        limit,
    } = command;
    let filter = AuditFilter {
        actor: actor.clone(),
        action: action.clone(),
        target: target.clone(),
        before: *before,
        limit: *limit,
    };
    let config = bootstrap::config(global)?;
    let database = Database::open(&config, global).await?;
    let app = bootstrap::app(&config, database.pool.clone());
    let page = app.operations.audit(&filter).await;
    database.close().await;
    let page = page?;
    if global.json {
        output::json(&page)?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |entry: &AuditEntry| {
        vec![
            entry.id.to_string(),
            entry.at.format("%Y-%m-%d %H:%M:%S").to_string(),
            entry.actor.clone(),
            entry.action.clone(),
            entry.target.clone(),
            entry.detail.to_string(),
        ]
    };
    let rows = page.items.iter().map(row).collect();
    output::table(&["id", "when", "who", "what", "to what", "details"], rows);
    if let Some(next) = page.next {
        output::say(format!("there are more: --before {next}"));
    }
    Ok(ExitCode::SUCCESS)
}

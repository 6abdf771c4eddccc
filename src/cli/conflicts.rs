//! `conflicts`: differences that wait for a person.

use super::{
    Global,
    bootstrap::{self, Database},
    output,
};
use crate::{
    app::{App, ConflictFilter, ConflictView, Error},
    domain::{PortalName, ShopName, Side},
};
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// List conflicts that wait
    List {
        /// Of this shop
        #[arg(long)]
        shop: Option<String>,
        /// Of this portal
        #[arg(long)]
        portal: Option<String>,
        /// Closed ones, too
        #[arg(long)]
        closed: bool,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Show one: both sides, the clocks, what would follow
    Show {
        /// The conflict's id
        id: i64,
    },
    /// Say who is right; the portal's lane carries it out
    Resolve {
        /// The conflict's id
        id: i64,
        /// Who is right; of a deal that is gone, `shop` makes a new one and `portal` lets the order
        /// go
        #[arg(long, value_enum)]
        winner: Winner,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Winner {
    /// The shop
    Shop,
    /// The portal
    Portal,
}

pub(super) async fn run(global: &Global, command: &Command) -> anyhow::Result<ExitCode> {
    let config = bootstrap::config(global)?;
    let database = Database::open(&config, global).await?;
    let app = bootstrap::app(&config, database.pool.clone());
    let done = act(global, &app, command).await;
    database.close().await;
    done
}

async fn act(global: &Global, app: &App, command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List {
            shop,
            portal,
            closed,
            limit,
        } => {
            let shop = shop.as_deref().map(ShopName::parse).transpose();
            let portal = portal.as_deref().map(PortalName::parse).transpose();
            let filter = ConflictFilter {
                shop: shop.map_err(anyhow::Error::msg)?,
                portal: portal.map_err(anyhow::Error::msg)?,
                closed: *closed,
                limit: *limit,
                ..ConflictFilter::default()
            };
            let page = app.sync.conflicts(&filter).await?;
            if global.json {
                output::json(&page)?;
            } else {
                let row = |one: &ConflictView| {
                    vec![
                        one.id.to_string(),
                        format!("{}/{}", one.shop, one.number),
                        one.status.clone(),
                        one.stage.clone(),
                        one.code.clone(),
                        one.sentence.clone(),
                    ]
                };
                let head = ["id", "order", "shop says", "portal says", "code", "why"];
                output::table(&head, page.items.iter().map(row).collect());
            }
        }
        Command::Show { id } => match app.sync.conflict(*id).await? {
            Some(one) if global.json => output::json(&one)?,
            Some(one) => show(&one)?,
            None => return Ok(missing(*id)),
        },
        Command::Resolve { id, winner } => {
            let winner = match winner {
                Winner::Shop => Side::Shop,
                Winner::Portal => Side::Portal,
            };
            let who = bootstrap::actor();
            match app.sync.resolve(*id, winner, &who).await {
                Ok(()) => output::say(format!("conflict {id}: {winner} is right")),
                Err(Error::NotFound) => return Ok(missing(*id)),
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn missing(id: i64) -> ExitCode {
    output::say(format!("there is no conflict {id}"));
    ExitCode::FAILURE
}

fn show(one: &ConflictView) -> anyhow::Result<()> {
    let line = |name: &str, text: &str| output::line(format!("{name:<14} {text}"));
    line("conflict", &format!("{} ({})", one.id, one.code));
    line("order", &format!("{}/{}", one.shop, one.number));
    line("why", &one.sentence);
    line("shop says", &one.status);
    line("portal says", &one.stage);
    let told = one
        .if_portal
        .as_deref()
        .unwrap_or("nothing: the stage means no status");
    line("if portal", &format!("the shop is told {told}"));
    let goes = one
        .if_shop
        .as_deref()
        .unwrap_or("nowhere: the status has no stage");
    line("if shop", &format!("the deal goes to {goes}"));
    line("opened", &one.opened_at.to_rfc3339());
    if let (Some(at), Some(who)) = (one.ruled_at, &one.ruled_by) {
        let winner = one.winner.as_deref().unwrap_or("-");
        line(
            "decided",
            &format!("{} by {who}: {winner} is right", at.to_rfc3339()),
        );
    }
    if let (Some(at), Some(how)) = (one.closed_at, &one.closed_how) {
        line("closed", &format!("{} ({how})", at.to_rfc3339()));
    }
    line("remedy", &one.remedy);
    if let Some(inputs) = &one.inputs {
        line("rests on", "");
        output::json(inputs)?;
    }
    Ok(())
}

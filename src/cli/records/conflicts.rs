//! `conflicts`: differences that wait for a person.

use crate::{
    app::{
        App, ConflictFilter, ConflictItem, ConflictView, Error,
        stock::{ShortageRuling, ShortageView},
    },
    cli::{
        Global, output,
        setup::bootstrap::{self, Database},
    },
    domain::{PortalName, ShopName, Side},
};
use chrono::{DateTime, Utc};
use serde_json::json;
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// List conflicts that wait
    List {
        /// Only those of this shop
        #[arg(long)]
        shop: Option<String>,
        /// Only those of this portal
        #[arg(long)]
        portal: Option<String>,
        /// Ruled and closed ones, too
        #[arg(long)]
        closed: bool,
        /// At most so many
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Show one: both sides, the clocks, what would follow
    Show {
        /// The conflict's id, as `conflicts list` shows it
        id: i64,
    },
    /// Say who is right, or, of a shortage, who loses the goods or is served from another store
    #[command(group = clap::ArgGroup::new("word").required(true))]
    Resolve {
        /// The conflict's id, as `conflicts list` shows it
        id: i64,
        /// Who is right; of a deal that is gone, `shop` makes a new one and `portal` lets the order
        /// go
        #[arg(long, value_enum, group = "word")]
        winner: Option<Winner>,
        /// The reservation that is lost
        #[arg(long, value_name = "RESERVATION", group = "word")]
        drop: Option<String>,
        /// The reservation that is held in another store from now on
        #[arg(long, value_name = "RESERVATION", group = "word", requires = "to")]
        carry: Option<String>,
        /// The store that has the goods, by its name in the settings
        #[arg(long, value_name = "STORE", requires = "carry")]
        to: Option<String>,
        /// The reservation's shop; needed only where several shops have one of that id
        #[arg(long, conflicts_with = "winner")]
        shop: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(in crate::cli) enum Winner {
    /// The shop, by its status
    Shop,
    /// The portal, by the deal's stage
    Portal,
}

pub(in crate::cli) async fn run(global: &Global, command: &Command) -> anyhow::Result<ExitCode> {
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
                shop: shop.map_err(output::wrong_word)?,
                portal: portal.map_err(output::wrong_word)?,
                closed: *closed,
                limit: *limit,
                ..ConflictFilter::default()
            };
            let page = app.conflicts.list(&filter).await?;
            if page.items.is_empty() {
                bootstrap::refuse_unknown(app, filter.shop.as_ref(), filter.portal.as_ref())?;
            }
            if global.json {
                output::json(&page)?;
            } else {
                let head = ["id", "order", "shop says", "portal says", "code", "why"];
                output::table(&head, page.items.iter().map(row).collect());
            }
        }
        Command::Show { id } => match app.conflicts.get(*id, None).await? {
            Some(one) if global.json => output::json(&one)?,
            Some(ConflictItem::Status(one)) => show(&one)?,
            Some(ConflictItem::Shortage(one)) => show_shortage(&one),
            None => anyhow::bail!("there is no conflict {id}"),
        },
        Command::Resolve { .. } => return resolve(app, command).await,
    }
    Ok(ExitCode::SUCCESS)
}

fn row(one: &ConflictItem) -> Vec<String> {
    match one {
        ConflictItem::Status(one) => vec![
            one.id.to_string(),
            format!("{}/{}", one.shop, one.number),
            one.status.clone(),
            one.stage.clone(),
            one.code.clone(),
            one.sentence.clone(),
        ],
        ConflictItem::Shortage(one) => vec![
            one.id.to_string(),
            one.product.clone(),
            "-".to_owned(),
            "-".to_owned(),
            one.code.clone(),
            one.sentence.clone(),
        ],
    }
}

async fn resolve(app: &App, command: &Command) -> anyhow::Result<ExitCode> {
    let Command::Resolve {
        id,
        winner,
        drop,
        carry,
        to,
        shop,
    } = command
    else {
        return Ok(ExitCode::FAILURE);
    };
    let who = bootstrap::actor();
    let (resolved, said) = match (winner, drop.as_ref().or(carry.as_ref())) {
        (Some(winner), _) => {
            let winner = match winner {
                Winner::Shop => Side::Shop,
                Winner::Portal => Side::Portal,
            };
            let resolved = app.sync.resolve(*id, winner, &who).await;
            (resolved, format!("{winner} is right"))
        }
        (None, Some(reservation)) => {
            let ruling = ShortageRuling {
                id: reservation.clone(),
                shop: shop.clone(),
                to: to.clone(),
            };
            let said = match to {
                Some(to) => format!("{reservation} is held in {to} now"),
                None => format!("{reservation} is lost, and its shop is told"),
            };
            (app.stock.rule_shortage(*id, &ruling, &who).await, said)
        }
        (None, None) => return Ok(ExitCode::FAILURE),
    };
    match resolved {
        Ok(()) => {
            let result = json!({ "result": "resolved" });
            output::done(&result, format!("conflict {id}: {said}"))?;
        }
        Err(Error::NotFound) => anyhow::bail!("there is no conflict {id}"),
        Err(error) => return Err(error.into()),
    }
    Ok(ExitCode::SUCCESS)
}

fn show_shortage(one: &ShortageView) {
    let line = |name: &str, text: &str| output::sentence(&format!("{name:<14} "), text);
    line("conflict", &format!("{} ({})", one.id, one.code));
    line("product", &format!("{} in {}", one.product, one.store));
    line("why", &one.sentence);
    if let Some(fault) = &one.fault {
        line("fault", fault);
    }
    line("on hand", &one.on_hand);
    line("reserved", &one.reserved);
    for held in &one.reservations {
        let paid = if held.paid { "paid" } else { "not paid" };
        let order = held.number.as_deref().unwrap_or("no order");
        let since = time(held.held_at);
        line(
            "reservation",
            &format!(
                "{}/{}: {} ({order}, {paid}, since {since})",
                held.shop, held.id, held.quantity
            ),
        );
    }
    line("opened", &time(one.opened_at));
    if let (Some(at), Some(how)) = (one.closed_at, one.closed_how) {
        line("closed", &format!("{} ({})", time(at), how.as_str()));
    }
    line("remedy", &one.remedy);
}

fn time(at: DateTime<Utc>) -> String {
    at.format("%Y-%m-%d %H:%M:%S").to_string()
}

fn show(one: &ConflictView) -> anyhow::Result<()> {
    let line = |name: &str, text: &str| output::sentence(&format!("{name:<14} "), text);
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
    line("opened", &time(one.opened_at));
    if let (Some(at), Some(who)) = (one.ruled_at, &one.ruled_by) {
        let winner = one.winner.map_or("-", Side::as_str);
        line(
            "decided",
            &format!("{} by {who}: {winner} is right", time(at)),
        );
    }
    if let (Some(at), Some(how)) = (one.closed_at, one.closed_how) {
        line("closed", &format!("{} ({})", time(at), how.as_str()));
    }
    line("remedy", &one.remedy);
    if let Some(fault) = &one.fault {
        line("fault", fault);
    }
    if let Some(inputs) = &one.inputs {
        line("rests on", "");
        output::json(inputs)?;
    }
    Ok(())
}

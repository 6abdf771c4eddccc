//! `orders`: the life of an order.

use super::{
    Global, output,
    setup::{self, Database},
};
use crate::{app::OrderView, domain::ShopName};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    /// Show one order's whole life
    Show {
        /// The shop's name
        shop: String,
        /// The order's number
        number: String,
    },
}

pub(super) async fn run(global: &Global, command: &Command) -> anyhow::Result<ExitCode> {
    let Command::Show { shop, number } = command;
    let shop = ShopName::parse(shop).map_err(anyhow::Error::msg)?;
    let config = setup::config(global)?;
    let database = Database::open(&config, global).await?;
    let view = setup::bridge(&config, database.pool.clone())
        .order_view(&shop, number)
        .await;
    database.close().await;
    let Some(view) = view? else {
        output::say(format!("the shop {shop} has sent no order {number}"));
        return Ok(ExitCode::FAILURE);
    };
    if global.json {
        output::json(&view)?;
    } else {
        show(&view);
    }
    Ok(ExitCode::SUCCESS)
}

fn show(view: &OrderView) {
    let id = |id: Option<u64>| id.map_or_else(|| "-".to_owned(), |id| id.to_string());
    output::line(format!(
        "order {} of {}: {}",
        view.number,
        view.shop,
        match (view.in_sync, view.dead > 0, view.pending > 0) {
            (_, true, _) => "DEAD: see its dead letter",
            (_, _, true) => "on its way",
            (true, ..) => "in sync",
            (false, ..) => "not in sync",
        }
    ));
    output::line(format!(
        "  status {}, stage {}, deal {}, lead {}, contact {}, company {}, portal {}",
        view.status.as_deref().unwrap_or("-"),
        view.stage.as_deref().unwrap_or("-"),
        id(view.deal_id),
        id(view.lead_id),
        id(view.contact_id),
        id(view.company_id),
        view.portal
    ));
    for entry in &view.timeline {
        output::line(format!(
            "  {}  {:<9} {}{}",
            entry.at.format("%Y-%m-%d %H:%M:%S"),
            entry.kind,
            entry.text,
            entry.detail.as_ref().map(aside).unwrap_or_default()
        ));
    }
}

/// What an entry refers to, and the clocks of the others.
fn aside(detail: &Value) -> String {
    let text = |name: &str| {
        let value = detail.get(name)?;
        Some(
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned),
        )
    };
    let clock = |name: &str, whose: &str| {
        let at = DateTime::parse_from_rfc3339(detail.get(name)?.as_str()?).ok()?;
        let at = at.with_timezone(&Utc).format("%H:%M:%S");
        Some(format!("{whose} clock {at}"))
    };
    let refers = |name: &str| Some(format!("{name} {}", text(name)?));
    let parts: Vec<String> = [
        refers("decision"),
        refers("change"),
        refers("move"),
        refers("conflict"),
        text("asked_by").map(|by| format!("asked by {by}")),
        clock("shop_clock", "shop's"),
        clock("portal_clock", "portal's"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if parts.is_empty() {
        String::new()
    } else {
        format!("  [{}]", parts.join(", "))
    }
}

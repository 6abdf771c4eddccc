//! `orders`: the life of an order.

use crate::{
    app::{Card, Error, OrderContents, OrderView, Recognised},
    cli::{
        Global, output,
        setup::bootstrap::{self, Database},
    },
    domain::ShopName,
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// Show one order's whole life
    Show {
        /// The shop's name
        shop: String,
        /// The order's number
        number: String,
    },
    /// Say that a card is not the customer's: the order leaves it, and it is never taken for this
    /// customer again
    NotCustomer {
        /// The shop's name
        shop: String,
        /// The order's number
        number: String,
        /// The contact that is not the customer's (default: the one that the order has)
        #[arg(long, conflicts_with = "company")]
        contact: Option<u64>,
        /// The company that is not the customer's
        #[arg(long)]
        company: Option<u64>,
    },
}

pub(in crate::cli) async fn run(global: &Global, command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Show { shop, number } => show_one(global, shop, number).await,
        Command::NotCustomer {
            shop,
            number,
            contact,
            company,
        } => {
            let card = match company {
                Some(_) => (Card::Company, *company),
                None => (Card::Contact, *contact),
            };
            not_customer(global, (shop, number), card).await
        }
    }
}

async fn not_customer(
    global: &Global,
    (shop, number): (&str, &str),
    card: (Card, Option<u64>),
) -> anyhow::Result<ExitCode> {
    let shop = ShopName::parse(shop).map_err(anyhow::Error::msg)?;
    let config = bootstrap::config(global)?;
    let database = Database::open(&config, global).await?;
    let app = bootstrap::app(&config, database.pool.clone());
    let done = app
        .delivery
        .not_customer(&shop, number, card, &bootstrap::actor())
        .await;
    database.close().await;
    match done {
        Ok(done) if done.now => output::say(format!(
            "card {} is not this customer's: another is looked for now",
            done.id
        )),
        Ok(done) => output::say(format!(
            "card {} is not this customer's: another is looked for with the order's next event",
            done.id
        )),
        Err(Error::NotFound) => {
            output::say(format!("the order {number} of {shop} has no such card"));
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error.into()),
    }
    Ok(ExitCode::SUCCESS)
}

async fn show_one(global: &Global, shop: &str, number: &str) -> anyhow::Result<ExitCode> {
    let shop = ShopName::parse(shop).map_err(anyhow::Error::msg)?;
    let config = bootstrap::config(global)?;
    let database = Database::open(&config, global).await?;
    let view = bootstrap::app(&config, database.pool.clone())
        .operations
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
    if let Some(order) = &view.contents {
        contents(order);
    }
    for sentence in view.recognised.iter().flat_map(Recognised::sentences) {
        output::line(format!("  {sentence}"));
    }
    if let Some(onec) = &view.onec {
        let number = onec.number.as_deref().unwrap_or("-");
        let state = match (&onec.held, onec.waits, onec.confirmed_at) {
            (Some(held), ..) => format!("does not go: {held}"),
            (None, true, _) => "waits to be fetched".to_owned(),
            (None, false, Some(at)) => format!("confirmed at {}", at.format("%Y-%m-%d %H:%M:%S")),
            (None, false, None) => "not there".to_owned(),
        };
        output::line(format!("  1C base {}: number {number}, {state}", onec.base));
    }
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

/// Who ordered what.
fn contents(order: &OrderContents) {
    let paid = if order.paid { "paid" } else { "not paid" };
    output::line(format!(
        "  total {} {}, {paid}",
        order.total, order.currency
    ));
    if let Some(customer) = &order.customer {
        let name = customer.name.iter().chain(&customer.company);
        let told = name.chain(&customer.phones).chain(&customer.emails);
        let told: Vec<&str> = told.map(String::as_str).collect();
        output::line(format!("  customer {}", told.join(", ")));
    }
    for item in &order.items {
        output::line(format!(
            "  {} × {}  {}",
            item.quantity, item.name, item.price
        ));
    }
    if let Some(delivery) = &order.delivery {
        let method = delivery.method.as_deref().unwrap_or("-");
        output::line(format!("  delivery {method}, {}", delivery.price));
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

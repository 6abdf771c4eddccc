//! `orders`: lists of orders, and the life of one.

use super::{
    dead_letters::json_of,
    tries::{self, Act},
};
use crate::{
    app::{
        self, Card, Error, OrderContents, OrderFilter, OrderPage, OrderQuery, OrderState,
        OrderView, Recognised, onec::OneCView,
    },
    cli::{
        Global, output,
        setup::bootstrap::{self, Database},
        status,
    },
    domain::ShopName,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode};

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// List orders, the newest first
    List(Page),
    /// Look for orders: by number, deal, phone, e-mail or names, or by a part of one
    Search {
        /// What to look for; of several words each is
        #[arg(required = true, value_name = "WORDS")]
        words: Vec<String>,
        #[command(flatten)]
        page: Page,
    },
    /// Show one order's whole life
    Show {
        /// The shop's name in the settings
        shop: String,
        /// The order's number in its shop
        number: String,
    },
    /// Send an order that was refused and is still tried with what is put right
    Mend {
        /// The shop's name in the settings
        shop: String,
        /// The order's number in its shop
        number: String,
        /// A file with the fixed order (the event's `data`) to send instead
        #[arg(long, value_name = "FILE")]
        payload: PathBuf,
        /// Only if this event is still the one that is tried: `orders show` has named it
        #[arg(long)]
        event: Option<i64>,
    },
    /// Stop trying an order that was refused; a newer state of it is sent as ever
    GiveUp {
        /// The shop's name in the settings
        shop: String,
        /// The order's number in its shop
        number: String,
        /// Why, for those who look later
        #[arg(long)]
        reason: String,
        /// Only if this event is still the one that is tried: `orders show` has named it
        #[arg(long)]
        event: Option<i64>,
    },
    /// Say that a card is not the customer's: the order leaves it, and it is never taken for this
    /// customer again
    NotCustomer {
        /// The shop's name in the settings
        shop: String,
        /// The order's number in its shop
        number: String,
        /// The contact that is not the customer's (default: the one that the order has)
        #[arg(long, conflicts_with = "company")]
        contact: Option<u64>,
        /// The company that is not the customer's
        #[arg(long)]
        company: Option<u64>,
    },
}

/// Which orders, and which page of them.
#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct Page {
    /// Only those of this shop
    #[arg(long)]
    shop: Option<String>,
    /// In this state: dead, on_its_way, not_in_sync or in_sync
    #[arg(long)]
    state: Option<String>,
    /// With this status of the shop
    #[arg(long)]
    status: Option<String>,
    /// With a newest event of then or later: a date, or 2026-01-15T10:00:00+03:00
    #[arg(long)]
    since: Option<String>,
    /// With a newest event before then
    #[arg(long)]
    until: Option<String>,
    /// Only older ones: what the page before has named
    #[arg(long, value_name = "NEXT")]
    before: Option<i64>,
    /// At most so many
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

pub(in crate::cli) async fn run(global: &Global, command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(page) => list(global, page, None).await,
        Command::Search { words, page } => list(global, page, Some(words.join(" "))).await,
        Command::Show { shop, number } => show_one(global, shop, number).await,
        Command::Mend {
            shop,
            number,
            payload,
            event,
        } => {
            let act = Act::Mend(json_of(payload)?);
            tries::act(global, (shop, number, *event), act).await
        }
        Command::GiveUp {
            shop,
            number,
            reason,
            event,
        } => {
            let act = Act::GiveUp(reason.clone());
            tries::act(global, (shop, number, *event), act).await
        }
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

async fn list(global: &Global, page: &Page, text: Option<String>) -> anyhow::Result<ExitCode> {
    let query = OrderQuery {
        shop: page.shop.clone(),
        state: page.state.clone(),
        status: page.status.clone(),
        since: page.since.clone(),
        until: page.until.clone(),
        text,
    };
    let filter = query.parse();
    let filter = filter.map_err(|faults| output::wrong_filter(&faults))?;
    let filter = OrderFilter {
        before: page.before,
        limit: page.limit,
        ..filter
    };
    let config = bootstrap::config(global)?;
    let database = Database::open(&config, global).await?;
    let app = bootstrap::app(&config, database.pool.clone());
    let found = app.operations.list_orders(&filter).await;
    database.close().await;
    let found = found?;
    if found.items.is_empty() {
        bootstrap::refuse_unknown(&app, filter.shop.as_ref(), None)?;
    }
    if global.json {
        output::json(&found)?;
    } else {
        table(&found);
    }
    Ok(ExitCode::SUCCESS)
}

fn table(page: &OrderPage) {
    let text = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let row = |order: &app::OrderSummary| {
        vec![
            order.number.clone(),
            order.shop.clone(),
            word(order.state).to_owned(),
            text(&order.status),
            text(&order.stage),
            order
                .deal_id
                .map_or_else(|| "-".to_owned(), |id| id.to_string()),
            text(&order.customer),
            order.received_at.map_or_else(
                || "-".to_owned(),
                |at| at.format("%Y-%m-%d %H:%M:%S").to_string(),
            ),
        ]
    };
    let head = [
        "number", "shop", "state", "status", "stage", "deal", "customer", "received",
    ];
    output::table(&head, page.items.iter().map(row).collect());
    if let Some(next) = page.next {
        output::say(format!("there may be older ones: --before {next}"));
    }
}

/// How an order stands, in one word.
fn word(state: OrderState) -> &'static str {
    match state {
        OrderState::Dead => "DEAD",
        OrderState::OnItsWay => "on its way",
        OrderState::NotInSync => "not in sync",
        OrderState::InSync => "in sync",
    }
}

async fn not_customer(
    global: &Global,
    (shop, number): (&str, &str),
    card: (Card, Option<u64>),
) -> anyhow::Result<ExitCode> {
    let shop = ShopName::parse(shop).map_err(output::wrong_word)?;
    let config = bootstrap::config(global)?;
    let database = Database::open(&config, global).await?;
    let app = bootstrap::app(&config, database.pool.clone());
    let done = app
        .delivery
        .not_customer(&shop, number, card, &bootstrap::actor())
        .await;
    database.close().await;
    match done {
        Ok(done) => {
            let (result, when) = if done.now {
                ("queued", "now")
            } else {
                ("later", "with the order's next event")
            };
            let sentence = format!(
                "card {} is not this customer's: another is looked for {when}",
                done.id
            );
            output::done(&json!({ "result": result }), sentence)?;
        }
        Err(Error::NotFound) => anyhow::bail!("the order {number} of {shop} has no such card"),
        Err(error) => return Err(error.into()),
    }
    Ok(ExitCode::SUCCESS)
}

async fn show_one(global: &Global, shop: &str, number: &str) -> anyhow::Result<ExitCode> {
    let shop = ShopName::parse(shop).map_err(output::wrong_word)?;
    let config = bootstrap::config(global)?;
    let database = Database::open(&config, global).await?;
    let app = bootstrap::app(&config, database.pool.clone());
    let view = app.operations.order_view(&shop, number).await;
    let report = app.operations.status().await;
    database.close().await;
    let Some(view) = view? else {
        let none = || format!("the shop {shop} has sent no order {number}");
        anyhow::bail!(bootstrap::unknown_shop(&app, &shop).unwrap_or_else(none))
    };
    if global.json {
        output::json(&view)?;
    } else {
        let waits = view.state == OrderState::OnItsWay;
        let portals = report?.portals;
        let portal = portals
            .iter()
            .find(|one| waits && one.portal == view.portal);
        show(&view, portal.and_then(status::hindrance).as_deref());
    }
    Ok(ExitCode::SUCCESS)
}

/// An order, and what hinders its portal.
fn show(view: &OrderView, hindered: Option<&str>) {
    let id = |id: Option<u64>| id.map_or_else(|| "-".to_owned(), |id| id.to_string());
    output::line(format!(
        "order {} of {}: {}",
        view.number,
        view.shop,
        match view.state {
            OrderState::Dead => "DEAD: see its dead letter",
            state => word(state),
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
    if let Some(hindered) = hindered {
        output::sentence("  ", hindered);
    }
    if let Some(told) = &view.told {
        let (status, at) = (&told.status, told.taken_at.unwrap_or(told.decided_at));
        let at = at.format("%Y-%m-%d %H:%M:%S");
        output::line(match (told.taken_at, told.given_up) {
            (Some(_), _) => format!(
                "  the shop took {status} at {at}, and has not sent the order with it since"
            ),
            (None, true) => format!("  the shop was told {status} at {at}, and did not take it"),
            (None, false) => format!(
                "  the shop is to have {status} since {at}, and has not taken the message yet"
            ),
        });
    }
    if let Some(order) = &view.contents {
        contents(order);
    }
    if let Some(tried) = &view.tried {
        let told = format!(
            "refused, tried again at {} (event {}, {}): {} {}",
            tried.next_at.format("%Y-%m-%d %H:%M:%S"),
            tried.event,
            output::count(tried.attempts, "try"),
            tried.code,
            tried.message
        );
        output::sentence("  ", &told);
    }
    if let Some(fault) = &view.fault {
        output::sentence("  ", fault);
    }
    for sentence in view.recognised.iter().flat_map(Recognised::sentences) {
        output::sentence("  ", &sentence);
    }
    if let Some(onec) = &view.onec {
        in_onec(onec);
    }
    for entry in &view.timeline {
        let at = entry.at.format("%Y-%m-%d %H:%M:%S");
        let aside = entry.detail.as_ref().map(aside).unwrap_or_default();
        let start = format!("  {at}  {:<9} ", entry.kind);
        output::sentence(&start, &format!("{}{aside}", entry.text));
    }
}

/// Prints where an order stands in its 1C base.
fn in_onec(onec: &OneCView) {
    let number = onec.number.as_deref().unwrap_or("-");
    let state = match (&onec.held, onec.waits, onec.confirmed_at) {
        (Some(held), ..) => format!("does not go: {held}"),
        (None, true, _) => "waits to be fetched".to_owned(),
        (None, false, Some(at)) => format!("confirmed at {}", at.format("%Y-%m-%d %H:%M:%S")),
        (None, false, None) => "not there".to_owned(),
    };
    let said = onec.status.as_ref();
    let said = said.map_or_else(String::new, |status| format!(", last said {status}"));
    let has = onec.has.as_ref();
    let has = has.map_or_else(String::new, |status| format!(", has {status}"));
    output::line(format!(
        "  1C base {}: number {number}, {state}{said}{has}",
        onec.base
    ));
}

/// Prints who ordered what, and for how much.
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

//! `tills`: what each till has sent, and what it would mean.

use crate::{
    app::{
        App,
        stock::{ReceiptTrial, TillView},
    },
    cli::{
        Global, output,
        setup::bootstrap::{self, Database},
    },
    clients::moysklad,
    config::Config,
    domain::TillName,
    formats::tills::{self, EvotorReceipts, MoyskladDocument, TillKind},
};
use anyhow::Context as _;
use serde_json::{Value, json};
use std::{path::PathBuf, process::ExitCode};

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// List the tills, and what each has sent
    List,
    /// Say what receipts would mean, and store nothing: those in a file as the till sends them, or
    /// some of MoySklad's API; exit code 1 if something of them could not be posted
    Test {
        /// The till's name in the settings
        till: String,
        /// A body as the till sends it: an event, a list of them, or what Evotor's cloud calls with
        file: Option<PathBuf>,
    },
}

pub(in crate::cli) async fn run(global: &Global, command: &Command) -> anyhow::Result<ExitCode> {
    let config = bootstrap::config(global)?;
    let database = Database::open(&config, global).await?;
    let app = bootstrap::app(&config, database.pool.clone());
    let done = match command {
        Command::List => list(global, &app).await,
        Command::Test { till, file } => test(global, (&config, &app), till, file.as_ref()).await,
    };
    database.close().await;
    done
}

async fn list(global: &Global, app: &App) -> anyhow::Result<ExitCode> {
    let tills = app.stock.till_views().await?;
    if global.json {
        output::list(&tills)?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |till: &TillView| {
        let time = |at: Option<chrono::DateTime<chrono::Utc>>| {
            at.map_or_else(
                || "—".to_owned(),
                |at| at.format("%Y-%m-%d %H:%M:%S").to_string(),
            )
        };
        vec![
            till.till.clone(),
            till.kind.to_owned(),
            till.shop.clone(),
            till.received.to_string(),
            time(till.newest),
            till.parked.to_string(),
            time(till.read_at),
        ]
    };
    let head = [
        "till", "kind", "shop", "in a day", "newest", "parked", "read",
    ];
    output::table(&head, tills.iter().map(row).collect());
    Ok(ExitCode::SUCCESS)
}

async fn test(
    global: &Global,
    (config, app): (&Config, &App),
    till: &str,
    file: Option<&PathBuf>,
) -> anyhow::Result<ExitCode> {
    let name = TillName::parse(till).map_err(output::wrong_word)?;
    let known = config.tills.get(&name);
    let known = known.with_context(|| bootstrap::unknown("till", till, config.tills.keys()))?;
    let events = match (file, &known.api) {
        (Some(file), _) => {
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("{} cannot be read", file.display()))?;
            let body: Value = serde_json::from_str(&text)
                .with_context(|| format!("{} is no JSON", file.display()))?;
            events_of(known.settings.kind, &name, body)
        }
        (None, Some(api)) => {
            let client =
                moysklad::Client::new(&api.url, api.token.clone(), &bootstrap::connections()?);
            let sale = MoyskladDocument::Sale;
            let (rows, _) = client.page(sale.entity(), EVER, 0).await?;
            output::say(format!(
                "MoySklad answers: {} sales on its first page",
                rows.len()
            ));
            let event = |row| tills::moysklad::event(&name, sale, row);
            rows.iter().rev().take(SHOWN).map(event).collect()
        }
        (None, None) => {
            return Err(output::wrong_word("name a file with what the till sends"));
        }
    };
    anyhow::ensure!(!events.is_empty(), "there is no receipt in it");
    let trials = app.stock.try_receipts(&name, &events).await?;
    if global.json {
        output::list(&trials)?;
    } else {
        trials.iter().for_each(show);
    }
    let whole = |trial: &ReceiptTrial| {
        let lines = trial.lines.iter().all(|line| line.products.len() == 1);
        lines && trial.faults.is_empty() && trial.store.is_some()
    };
    Ok(if trials.iter().all(whole) {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// Sales of MoySklad's that are tried.
const SHOWN: usize = 5;
/// What means all of them.
const EVER: &str = "updated>=2000-01-01 00:00:00";

/// The events in a body, as the till sends it; a receipt alone is one, too.
fn events_of(kind: TillKind, till: &TillName, body: Value) -> Vec<Value> {
    if kind == TillKind::Evotor {
        return EvotorReceipts::read(till, "", &body).events;
    }
    let event = |one: Value| {
        if one.get("data").is_some() {
            return one;
        }
        json!({ "specversion": "1.0", "type": tills::SAVED, "source": "/test", "id": "1",
            "data": one })
    };
    match body {
        Value::Array(all) => all.into_iter().map(event).collect(),
        one => vec![event(one)],
    }
}

fn show(trial: &ReceiptTrial) {
    let store = trial
        .store
        .as_deref()
        .unwrap_or("a store that is not known");
    let receipt = trial.receipt.as_deref().unwrap_or("without an id");
    output::line(format!("receipt {receipt}, in {store}"));
    for fault in &trial.faults {
        output::line(format!("    refused: {fault}"));
    }
    for line in &trial.lines {
        let becomes = match line.products.as_slice() {
            [one] => format!("the product {one}"),
            [] if line.other_unit => {
                "it is counted in another unit: the line would be parked".to_owned()
            }
            [] => "no product is known by it: the line would be parked".to_owned(),
            many => format!("may mean {}: the line would be parked", many.join(", ")),
        };
        let (nth, quantity, named) = (&line.line, &line.quantity, &line.named);
        output::line(format!("    line {nth}: {quantity} × {named}: {becomes}"));
    }
}

//! `stock`: what can be sold, its ledger, its counts.

use crate::{
    app::{
        Accepted, App,
        stock::{GoodsDifference, OperatorCount, ReservationAnswer},
    },
    cli::{
        Global, output,
        setup::bootstrap::{self, Database},
    },
    domain::ShopName,
    stock::{GoodsAct, Master, StockSettings},
};
use anyhow::Context as _;
use chrono::{DateTime, Utc};
use encoding_rs::{Encoding, UTF_8, WINDOWS_1251};
use rust_decimal::Decimal;
use serde_json::json;
use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

/// Levels that are read at once.
const PAGE: u32 = 1_000;
/// Lines of a ledger that people are shown at once.
const NEWEST: u32 = 100;

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// Show what each store has, of all products or of one
    Show {
        /// The stock's name in the settings
        stock: String,
        /// One product, by its product_id
        #[arg(long)]
        product: Option<String>,
    },
    /// Show a product's ledger, oldest first
    Ledger {
        /// The stock's name in the settings
        stock: String,
        /// The product, by its product_id
        product: String,
        /// Only so many of the newest lines; else 100, or all with --json
        #[arg(long, value_name = "LINES", value_parser = clap::value_parser!(u32).range(1..))]
        last: Option<u32>,
    },
    /// Prove that levels are what their moves and reservations come to; exit code 1 if not
    Check {
        /// The stock's name in the settings
        stock: String,
    },
    /// Bring a count: a file with a product and how much there is of it in each line, with a tab or
    /// `;` between
    Count {
        /// The stock's name in the settings
        stock: String,
        /// The file to read
        file: PathBuf,
        /// The store; only if the stock has several
        #[arg(long)]
        store: Option<String>,
        /// The time of which it is true, such as 2026-01-15T10:00:00+03:00; else now
        #[arg(long)]
        as_of: Option<DateTime<Utc>>,
        /// What the file does not name is not there
        #[arg(long)]
        complete: bool,
    },
    /// Have the goods of orders follow a changed `ship_on` or `release_on`; with --dry-run only
    /// show of which orders
    Apply {
        /// The stock's name in the settings
        stock: String,
        /// Only show what would be done
        #[arg(long)]
        dry_run: bool,
    },
    /// Set a reservation free
    Release {
        /// The shop's name in the settings
        shop: String,
        /// The shop's id of the reservation
        id: String,
    },
}

pub(in crate::cli) async fn run(global: &Global, command: &Command) -> anyhow::Result<ExitCode> {
    let config = bootstrap::config(global)?;
    let database = Database::open(&config, global).await?;
    let app = bootstrap::app(&config, database.pool.clone());
    let done = carry_out(global, &app, command).await;
    database.close().await;
    done
}

async fn carry_out(global: &Global, app: &App, command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Show { stock, product } => {
            show(global, app, of(app, stock)?, product.as_deref()).await
        }
        Command::Ledger {
            stock,
            product,
            last,
        } => ledger(global, app, of(app, stock)?, (product, *last)).await,
        Command::Check { stock } => check(global, app, of(app, stock)?).await,
        Command::Count { stock, .. } => count(app, of(app, stock)?, command).await,
        Command::Apply { stock, dry_run } => apply(global, app, of(app, stock)?, *dry_run).await,
        Command::Release { shop, id } => release(global, app, shop, id).await,
    }
}

fn of<'a>(app: &'a App, name: &str) -> anyhow::Result<&'a StockSettings> {
    let found = app
        .stock
        .stocks()
        .iter()
        .find(|stock| stock.name.as_str() == name);
    let known = app.stock.stocks().iter().map(|stock| &stock.name);
    found.with_context(|| bootstrap::unknown("stock", name, known))
}

async fn show(
    global: &Global,
    app: &App,
    stock: &StockSettings,
    product: Option<&str>,
) -> anyhow::Result<ExitCode> {
    let mut levels = match product {
        Some(product) => app.stock.levels_of(stock.name.as_str(), product).await?,
        None => Vec::new(),
    };
    let mut after = (String::new(), String::new());
    while product.is_none() {
        let place = (after.0.as_str(), after.1.as_str());
        let page = app
            .stock
            .all_levels(stock.name.as_str(), place, PAGE)
            .await?;
        let Some(last) = page.last() else { break };
        after = (last.product.clone(), last.store.clone());
        levels.extend(page);
    }
    if global.json {
        output::list(&levels)?;
    } else {
        let row = |level: &crate::app::stock::LevelView| {
            vec![
                level.product.clone(),
                level.store.clone(),
                level.on_hand.clone(),
                level.reserved.clone(),
                level.available.clone(),
            ]
        };
        let head = ["product", "store", "on hand", "reserved", "available"];
        output::table(&head, levels.iter().map(row).collect());
    }
    Ok(ExitCode::SUCCESS)
}

async fn ledger(
    global: &Global,
    app: &App,
    stock: &StockSettings,
    (product, last): (&str, Option<u32>),
) -> anyhow::Result<ExitCode> {
    let of = stock.name.as_str();
    // Programs get all that is not cut by their own word.
    let last = last.or((!global.json).then_some(NEWEST));
    let (entries, are_all) = match last {
        Some(last) => {
            let newest = app.stock.ledger_page(of, product, None, last).await?;
            let oldest_first = newest.entries.into_iter().rev().collect();
            (oldest_first, newest.next.is_none())
        }
        None => (app.stock.stock_ledger(of, product).await?, true),
    };
    if global.json {
        output::list(&entries)?;
        return Ok(ExitCode::SUCCESS);
    }
    if entries.is_empty() && are_all {
        anyhow::bail!("nothing has moved of the product {product}");
    }
    if !are_all {
        let more = last.unwrap_or(NEWEST).saturating_mul(10);
        output::say(format!(
            "older lines are left out: --last {more} shows more"
        ));
    }
    let row = |entry: &crate::app::stock::LedgerEntry| {
        vec![
            entry.at.format("%Y-%m-%d %H:%M:%S").to_string(),
            entry.store.clone(),
            entry.signed_on_hand(),
            entry.stands.clone(),
            entry.signed_reserved(),
            entry.text.clone(),
        ]
    };
    let head = ["at", "store", "moved", "on hand", "reserved", "what"];
    output::table(&head, entries.iter().map(row).collect());
    Ok(ExitCode::SUCCESS)
}

async fn check(global: &Global, app: &App, stock: &StockSettings) -> anyhow::Result<ExitCode> {
    let found = app.stock.check_stock(stock.name.as_str()).await?;
    if global.json {
        output::json(&found)?;
    } else {
        for level in &found.unproved {
            output::line(format!(
                "{} in {}: {}",
                level.product, level.store, level.text
            ));
        }
    }
    if found.unproved.is_empty() {
        let proved = format!(
            "{} proved by their moves and reservations",
            output::count(found.levels, "level")
        );
        output::say(proved);
        return Ok(ExitCode::SUCCESS);
    }
    output::say("levels are not what their moves and reservations come to (BRIDGE-BUG)");
    Ok(ExitCode::FAILURE)
}

async fn apply(
    global: &Global,
    app: &App,
    stock: &StockSettings,
    dry_run: bool,
) -> anyhow::Result<ExitCode> {
    if dry_run {
        let plan = app.stock.goods_plan(stock, usize::MAX).await?;
        if global.json {
            output::json(&plan)?;
            return Ok(ExitCode::SUCCESS);
        }
        let row = |one: &GoodsDifference| {
            let act = match one.act {
                GoodsAct::Ship => "its goods leave",
                _ => "its goods are set free",
            };
            let cells = [&*one.shop, &*one.number, &*one.status, act];
            cells.map(str::to_owned).into()
        };
        let head = ["shop", "order", "status", "what is done"];
        output::table(&head, plan.iter().map(row).collect());
        return Ok(ExitCode::SUCCESS);
    }
    if let Err(refused) = app.stock.configure_stocks().await? {
        anyhow::bail!("BRIDGE-CONFIG: {refused}");
    }
    let who = bootstrap::actor();
    let orders = app.stock.apply_goods_plan(stock, &who).await?;
    let result = json!({ "result": "applied", "orders": orders });
    output::done(&result, format!("applied to the goods of {orders} orders"))?;
    Ok(ExitCode::SUCCESS)
}

async fn count(app: &App, stock: &StockSettings, command: &Command) -> anyhow::Result<ExitCode> {
    let Command::Count {
        file,
        store,
        as_of,
        complete,
        ..
    } = command
    else {
        return Ok(ExitCode::FAILURE);
    };
    anyhow::ensure!(
        stock.master == Master::Bridge,
        "STOCK-NOT-MASTER: the master of the stock `{}` is `{}`: only its counts are taken",
        stock.name,
        stock.master.as_str()
    );
    let bytes = std::fs::read(file).with_context(|| format!("read {}", file.display()))?;
    let Sheet { counts, heading } = sheet(&text_of(&bytes))?;
    anyhow::ensure!(!counts.is_empty() || *complete, "the file names no product");
    if let Err(refused) = app.stock.configure_stocks().await? {
        anyhow::bail!("BRIDGE-CONFIG: {refused}");
    }
    let products = counts.len();
    let as_of = match as_of {
        Some(as_of) => *as_of,
        None => app.sync.now().await?,
    };
    let count = OperatorCount {
        store: store.clone(),
        as_of,
        complete: *complete,
        counts,
    };
    let counted = app
        .stock
        .count_stock(stock, count, &bootstrap::actor())
        .await?;
    if let Accepted::Refused(code, faults) = counted {
        anyhow::bail!("{code}: {}", crate::app::sentence(&faults));
    }
    app.stock.apply_counts(stock.name.as_str()).await?;
    let result = json!({ "result": "counted", "products": products, "left_out": heading });
    let left_out = heading.map(|line| format!("; a heading was left out: {line}"));
    let left_out = left_out.unwrap_or_default();
    output::done(&result, format!("counted: {products} products{left_out}"))?;
    Ok(ExitCode::SUCCESS)
}

/// A file of a person's, as office programs save it: UTF-8, UTF-16 with its mark, else
/// windows-1251.
fn text_of(bytes: &[u8]) -> String {
    let usual = || std::str::from_utf8(bytes).map_or(WINDOWS_1251, |_| UTF_8);
    let encoding = Encoding::for_bom(bytes).map(|(encoding, _)| encoding);
    let (text, ..) = encoding.unwrap_or_else(usual).decode(bytes);
    text.into_owned()
}

/// What a file counts.
#[derive(Debug, Default)]
struct Sheet {
    counts: Vec<(String, Decimal)>,
    /// The first line, where no figure stands in it.
    heading: Option<String>,
}

/// A product and a quantity in each line; blank lines and those that begin with `#` are left out.
fn sheet(text: &str) -> anyhow::Result<Sheet> {
    let mut sheet = Sheet::default();
    let mut seen = BTreeMap::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let wrong = || {
            format!(
                "line {}: write a product, a tab or `;`, and a quantity",
                at + 1
            )
        };
        let (product, quantity) = line.split_once(['\t', ';']).with_context(wrong)?;
        let (product, quantity) = (bare(product), bare(quantity));
        let figure = quantity.contains(|c: char| c.is_ascii_digit());
        if sheet.counts.is_empty() && sheet.heading.is_none() && !figure {
            sheet.heading = Some(line.to_owned());
            continue;
        }
        let quantity = Decimal::from_str_exact(&quantity.replace(',', "."));
        let quantity = quantity.ok().filter(|q| q.normalize().scale() <= 3);
        let fits = !product.is_empty() && product.chars().count() <= 128;
        let quantity = quantity.filter(|_| fits).with_context(wrong)?;
        if let Some(before) = seen.insert(product.clone(), at + 1) {
            anyhow::bail!(
                "line {}: `{product}` stands in line {before}, too: count each product once",
                at + 1
            );
        }
        sheet.counts.push((product, quantity));
    }
    Ok(sheet)
}

/// A cell without the quotes that some programs put around it.
fn bare(cell: &str) -> String {
    let cell = cell.trim();
    let inner = cell.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
    inner.map_or_else(
        || cell.to_owned(),
        |it| it.replace("\"\"", "\"").trim().to_owned(),
    )
}

async fn release(global: &Global, app: &App, shop: &str, id: &str) -> anyhow::Result<ExitCode> {
    let shop = ShopName::parse(shop).map_err(output::wrong_word)?;
    let answer = app
        .stock
        .release_by_hand(&shop, id, &bootstrap::actor())
        .await?;
    let ReservationAnswer::Reserved(reserved) = answer else {
        anyhow::bail!("the shop {shop} has no reservation {id}");
    };
    if global.json {
        output::json(&reserved)?;
    } else {
        let state = reserved.state.as_str();
        output::line(format!("reservation {id} of {shop}: {state}"));
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_read_line_by_line() {
        let read = sheet("# product;quantity\nA-1;2\n\n B 2 \t 1,5\n\"C\";\"-3\"").unwrap();
        let expected = [("A-1", "2"), ("B 2", "1.5"), ("C", "-3")];
        let expected: Vec<_> = expected
            .map(|(p, q)| (p.to_owned(), q.parse().unwrap()))
            .into();
        assert_eq!((read.counts, read.heading), (expected, None));
        for wrong in ["A-1", "A;x1", ";1", "A;1.0001"] {
            assert!(
                sheet(wrong).unwrap_err().to_string().contains("line 1"),
                "{wrong}"
            );
        }
        for wrong in ["A;1\nB;x", "A;1\nA;2", "product;quantity\nB;x"] {
            let said = sheet(wrong).unwrap_err().to_string();
            assert!(said.contains("line 2"), "{said}");
        }
    }

    #[test]
    fn a_file_is_read_as_office_programs_save_it_and_a_heading_is_told() {
        let text = "Товар;Количество\r\nЧайник;1,5\r\n";
        let utf_16 = text.encode_utf16().flat_map(u16::to_le_bytes);
        let files = [
            text.as_bytes().to_vec(),
            [&b"\xef\xbb\xbf"[..], text.as_bytes()].concat(),
            WINDOWS_1251.encode(text).0.into_owned(),
            b"\xff\xfe".iter().copied().chain(utf_16).collect(),
        ];
        for file in files {
            let read = sheet(&text_of(&file)).unwrap();
            assert_eq!(read.counts, [("Чайник".to_owned(), Decimal::new(15, 1))]);
            assert_eq!(read.heading.as_deref(), Some("Товар;Количество"));
        }
    }
}

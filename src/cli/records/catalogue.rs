//! `catalogue`: what would become of a shop's products in the portal, and sending them all.

use crate::{
    app::{Actor, App, PictureAction, PicturePlan, ProductAction},
    cli::{
        Global, output,
        setup::bootstrap::{self, Database},
    },
    config::Config,
    domain::ShopName,
    worker::plan_products,
};
use anyhow::Context as _;
use serde_json::json;
use std::{collections::BTreeMap, process::ExitCode, time::Duration};

/// How often is looked how many products still wait.
const LOOK: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// Say what would be added, adopted, updated, left as it is, and what is doubtful; nothing is
    /// written
    Plan {
        /// The shop's name in the settings
        shop: String,
    },
    /// Send every product of a shop again, and wait until the worker has brought them to the
    /// portal; interrupted, it goes on by itself
    Sync {
        /// The shop's name in the settings
        shop: String,
        /// Start it and do not wait for the worker
        #[arg(long)]
        no_wait: bool,
    },
}

pub(in crate::cli) async fn run(global: &Global, command: &Command) -> anyhow::Result<ExitCode> {
    let config = bootstrap::config(global)?;
    let database = Database::open(&config, global).await?;
    let app = bootstrap::app(&config, database.pool.clone());
    let done = match command {
        Command::Plan { shop } => plan(global, &config, &app, shop).await,
        Command::Sync { shop, no_wait } => sync(global, &app, shop, *no_wait).await,
    };
    database.close().await;
    done
}

fn named(app: &App, shop: &str) -> anyhow::Result<ShopName> {
    let shop = ShopName::parse(shop).map_err(output::wrong_word)?;
    let kept = app.registry().catalogues.contains_key(&shop);
    if let Some(why) = bootstrap::unknown_shop(app, &shop) {
        anyhow::bail!(why);
    }
    anyhow::ensure!(kept, "[shops.{shop}.catalogue] is not configured");
    Ok(shop)
}

async fn plan(global: &Global, config: &Config, app: &App, shop: &str) -> anyhow::Result<ExitCode> {
    let shop = named(app, shop)?;
    let rules = app
        .registry()
        .rules(&shop)
        .context("there is no such shop")?;
    let portal = config
        .portals
        .get(&rules.portal)
        .context("the shop's portal is not configured")?;
    let guest = bootstrap::apps::guest(app, &rules.portal, portal, &bootstrap::connections()?)?;
    let mut counts: BTreeMap<ProductAction, usize> = BTreeMap::new();
    let mut pictures: Vec<PicturePlan> = Vec::new();
    let (mut rows, mut after) = (Vec::new(), String::new());
    loop {
        let page = app.catalogue.page(&shop, &after).await?;
        pictures.extend(app.catalogue.plan_pictures(&shop, &page).await?);
        for (key, why) in page.unreadable {
            *counts.entry(ProductAction::Doubtful).or_default() += 1;
            rows.push((key, ProductAction::Doubtful, why));
        }
        let keys: Vec<String> = page.jobs.iter().map(|job| job.number.to_string()).collect();
        for one in plan_products(&guest, page.jobs).await? {
            *counts.entry(one.change).or_default() += 1;
            if one.change != ProductAction::Skip {
                let key = keys.get(one.job.place()).cloned().unwrap_or_default();
                rows.push((key, one.change, one.reason));
            }
        }
        match page.last {
            Some(last) => after = last,
            None => break,
        }
    }
    let mut of_pictures: BTreeMap<PictureAction, usize> = BTreeMap::new();
    for one in &pictures {
        *of_pictures.entry(one.change).or_default() += 1;
    }
    pictures.retain(|one| one.change != PictureAction::Keep);
    if global.json {
        let rows: Vec<_> = rows
            .iter()
            .map(|(key, change, reason)| {
                json!({ "product": key, "change": change, "reason": reason })
            })
            .collect();
        output::json(&json!({ "counts": counts, "products": rows,
                              "picture_counts": of_pictures, "pictures": pictures }))?;
        return Ok(ExitCode::SUCCESS);
    }
    for (key, change, reason) in &rows {
        let because = if reason.is_empty() { "" } else { ": " };
        output::line(format!("{key} {}{because}{reason}", word(*change)));
    }
    let of = |change| counts.get(&change).copied().unwrap_or(0);
    output::line(format!(
        "{} to add, {} to adopt, {} to update, {} as they are, {} doubtful",
        of(ProductAction::Add),
        of(ProductAction::Adopt),
        of(ProductAction::Update),
        of(ProductAction::Skip),
        of(ProductAction::Doubtful)
    ));
    tell_pictures(&pictures, &of_pictures);
    Ok(ExitCode::SUCCESS)
}

/// What would be done with pictures, where there are any.
fn tell_pictures(pictures: &[PicturePlan], counts: &BTreeMap<PictureAction, usize>) {
    for one in pictures {
        let word = match one.change {
            PictureAction::Add => "add",
            PictureAction::Keep => "as it is",
            PictureAction::Delete => "take away",
            PictureAction::Doubtful => "doubtful",
        };
        let (product, picture, reason) = (&one.product, &one.picture, &one.reason);
        output::line(format!("{product} {word} the picture {picture}: {reason}"));
    }
    if counts.is_empty() {
        return;
    }
    let of = |change| counts.get(&change).copied().unwrap_or(0);
    output::line(format!(
        "pictures: {} to add, {} to take away, {} as they are, {} doubtful",
        of(PictureAction::Add),
        of(PictureAction::Delete),
        of(PictureAction::Keep),
        of(PictureAction::Doubtful)
    ));
}

fn word(change: ProductAction) -> &'static str {
    match change {
        ProductAction::Add => "add",
        ProductAction::Adopt => "adopt",
        ProductAction::Update => "update",
        ProductAction::Skip => "as it is",
        ProductAction::Doubtful => "doubtful",
    }
}

async fn sync(global: &Global, app: &App, shop: &str, no_wait: bool) -> anyhow::Result<ExitCode> {
    let shop = named(app, shop)?;
    let total = app.catalogue.sync_all(&shop, &Actor::new("cli")).await?;
    let template = "{bar:30} {pos}/{len} products, {per_sec:.0}, {eta} left";
    let bar = output::progress(total, template);
    let mut counts = app.catalogue.counts(&shop).await?;
    let mut told = counts.waiting;
    while !no_wait && counts.waiting > 0 {
        tokio::time::sleep(LOOK).await;
        counts = app.catalogue.counts(&shop).await?;
        let waiting = u64::try_from(counts.waiting).unwrap_or(0);
        bar.set_position(total.saturating_sub(waiting));
        if bar.is_hidden() && counts.waiting != told {
            output::say(format!("{} of {total} products wait", counts.waiting));
        }
        told = counts.waiting;
    }
    bar.finish_and_clear();
    if global.json {
        let (waiting, linked, dead) = (counts.waiting, counts.linked, counts.dead);
        output::json(&json!({ "waiting": waiting, "linked": linked, "dead": dead }))?;
    } else {
        output::line(format!(
            "{} products wait, {} are in the portal, {} are dead letters",
            counts.waiting, counts.linked, counts.dead
        ));
    }
    Ok(ExitCode::SUCCESS)
}

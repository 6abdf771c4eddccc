//! `backfill`: loads a history of orders from a file, beside what happens now.

use super::{
    Global, output,
    setup::bootstrap::{self, Database},
};
use crate::{
    app::{App, Backfill, LetterFilter},
    config::Config,
    domain::{ErrorCode, ShopName},
    process::signals,
};
use anyhow::Context as _;
use sha2::{Digest as _, Sha256};
use std::{
    fs::File,
    io::{BufRead as _, BufReader, Read as _},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};
use tokio_util::sync::CancellationToken;

/// Lines of one step: a wave of the lane.
const STEP: usize = 48;
/// Calls to the portal that a step costs, about.
const CALLS: f64 = 5.0;
/// Orders that may wait: enough for the lane, few enough that an interruption leaves little behind.
const AHEAD: u32 = 100;
/// The longest line that is read, in bytes.
const LONGEST: u64 = 1024 * 1024;

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file: one order or one event a line, JSON
    file: PathBuf,
    /// The portal, if it has one shop
    #[arg(long)]
    portal: Option<String>,
    /// The shop whose orders they are; needed unless there is only one
    #[arg(long)]
    shop: Option<String>,
    /// The share of the portal's request rate that may be used, above 0 and up to 1
    #[arg(long, default_value_t = 0.5, value_parser = share)]
    rate_share: f64,
    /// Import the deals instead of making them: the portal starts no robots and no workflows for
    /// new ones
    #[arg(long)]
    import: bool,
}

fn share(text: &str) -> Result<f64, String> {
    let share: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if share > 0.0 && share <= 1.0 {
        Ok(share)
    } else {
        Err("choose more than 0 and at most 1".to_owned())
    }
}

pub(super) async fn run(global: &Global, args: &Args) -> anyhow::Result<ExitCode> {
    let config = bootstrap::config(global)?;
    let shop = shop(&config, args)?;
    let (file, lines) = measure(&args.file)?;
    let stop = CancellationToken::new();
    signals::stop_on_signals(stop.clone())?;
    let database = Database::open(&config, global).await?;
    let app = bootstrap::app(&config, database.pool.clone());
    let of = Backfill {
        shop,
        file,
        import: args.import,
    };
    let done = load(global, args, &config, &app, (&of, lines), &stop).await;
    database.close().await;
    done
}

/// The shop that was named, or the only one.
fn shop(config: &Config, args: &Args) -> anyhow::Result<ShopName> {
    let wanted = |name: &ShopName, portal: &str| {
        args.shop.as_ref().is_none_or(|shop| shop == name.as_str())
            && args.portal.as_ref().is_none_or(|one| one == portal)
    };
    let mut shops = config
        .shops
        .iter()
        .filter(|(name, shop)| wanted(name, shop.rules.portal.as_str()));
    let first = shops
        .next()
        .context("no such shop is configured: see --shop, --portal")?;
    if shops.next().is_some() {
        return Err(output::wrong_word(
            "there are several shops: choose one with --shop",
        ));
    }
    Ok(first.0.clone())
}

/// The file's hash, by which an interrupted load is known again, and its lines.
fn measure(path: &Path) -> anyhow::Result<([u8; 32], u64)> {
    let open = || format!("read {}", path.display());
    let mut file = BufReader::new(File::open(path).with_context(open)?);
    let (mut hash, mut lines, mut last) = (Sha256::new(), 0, b'\n');
    loop {
        let part = file.fill_buf().with_context(open)?;
        let Some(end) = part.last() else { break };
        last = *end;
        hash.update(part);
        lines += (part.split(|byte| *byte == b'\n').count() as u64).saturating_sub(1);
        let read = part.len();
        file.consume(read);
    }
    Ok((hash.finalize().into(), lines + u64::from(last != b'\n')))
}

async fn load(
    global: &Global,
    args: &Args,
    config: &Config,
    app: &App,
    (of, total): (&Backfill, u64),
    stop: &CancellationToken,
) -> anyhow::Result<ExitCode> {
    let portal = &config.shops[&of.shop].rules.portal;
    let rate = config.portals[portal].rate.per_second * args.rate_share;
    let pace = Duration::from_secs_f64(CALLS / rate);
    let mut done = app.intake.backfill_position(of).await?;
    if done > 0 {
        output::say(format!("goes on after line {done} of {total}"));
    }
    let mut file = BufReader::new(File::open(&args.file)?);
    for _ in 0..done {
        line(&mut file)?;
    }
    let bar = output::progress(
        total,
        "{bar:40} {pos}/{len} orders, {per_sec:.0}, {eta} left",
    );
    bar.set_position(done);
    bar.reset_eta();
    let (mut queued, mut known, mut refused) = (0, 0, Vec::new());
    while done < total && !stop.is_cancelled() {
        let mut lines = Vec::new();
        while lines.len() < STEP
            && let Some(one) = line(&mut file)?
        {
            lines.push(one);
        }
        let step = app.intake.backfill(of, done, &lines).await?;
        anyhow::ensure!(
            step.done == done + lines.len() as u64,
            "somebody else loads this file at the same time"
        );
        done = step.done;
        queued += step.queued;
        known += step.known;
        refused.extend(step.refused);
        bar.set_position(done);
        if args.import
            && let Some(words) = import_refused(app, &of.shop).await?
        {
            bar.suspend(|| output::say(format!("the portal imports nothing: {words}")));
            break;
        }
        if bar.is_hidden() && done % 1000 < STEP as u64 {
            output::say(format!("{done} of {total} lines"));
        }
        rest(app, portal, pace, stop).await?;
    }
    bar.finish_and_clear();
    if global.json {
        let refused: Vec<_> = refused
            .iter()
            .map(|(line, why)| serde_json::json!({"line": line, "why": why}))
            .collect();
        output::json(&serde_json::json!({
            "lines": total, "done": done, "queued": queued, "known": known, "refused": refused
        }))?;
    } else {
        for (line, why) in &refused {
            output::line(format!("line {line}: {why}"));
        }
    }
    output::say(format!(
        "{done} of {total} lines: {queued} taken, {known} were here before, {} refused",
        refused.len()
    ));
    if done < total {
        output::say("stopped; the same command goes on from here");
    }
    Ok(if refused.is_empty() && done == total {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// What the portal said where it lets the bridge import nothing: then going on makes dead letters
/// only.
async fn import_refused(app: &App, shop: &ShopName) -> anyhow::Result<Option<String>> {
    let filter = LetterFilter {
        shop: Some(shop.clone()),
        code: Some(ErrorCode::ImportRight),
        limit: 1,
        ..LetterFilter::default()
    };
    let letters = app.dead_letters.dead_letters(&filter).await?.items;
    Ok(letters
        .into_iter()
        .next()
        .map(|letter| format!("{} ({}). {}", letter.message, letter.code, letter.remedy)))
}

/// Waits for the pace, and for the lane to take up what waits.
async fn rest(
    app: &App,
    portal: &crate::domain::PortalName,
    pace: Duration,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let mut wait = pace;
    loop {
        tokio::select! {
            () = stop.cancelled() => return Ok(()),
            () = tokio::time::sleep(wait) => {}
        }
        if app.intake.history_waiting(portal, AHEAD).await? < u64::from(AHEAD) {
            return Ok(());
        }
        wait = Duration::from_millis(250);
    }
}

/// The next line. One that is too long is cut, and then refused as what it is: not JSON.
fn line(file: &mut BufReader<File>) -> anyhow::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    file.by_ref().take(LONGEST).read_until(b'\n', &mut line)?;
    if line.is_empty() {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        file.skip_until(b'\n')?;
    }
    Ok(Some(line))
}

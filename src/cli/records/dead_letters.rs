//! `dead-letters`: what will not be tried again by itself.

use crate::{
    app::{
        self, Actor, App, BulkAction, BulkJob, BulkRequest, BulkState, DeadLetter,
        DeadLetterDetail, LetterFilter, LetterQuery, Retry, RetryOutcome,
    },
    cli::{
        Global, output,
        setup::bootstrap::{self, Database},
    },
};
use anyhow::Context as _;
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// List open letters
    List(Page),
    /// Count open letters by code, shop and portal
    Counts(Filter),
    /// Show one letter whole, open or closed
    Show {
        /// The letter's id, as `dead-letters list` shows it
        id: i64,
    },
    /// Try again: one letter by id, or all that a filter names
    Retry {
        /// The letter's id; none: those of the filter
        id: Option<i64>,
        #[command(flatten)]
        many: Many,
        /// A file with the fixed order (the event's `data`) to send instead
        #[arg(long, requires = "id", value_name = "FILE")]
        payload: Option<PathBuf>,
        /// Make a new deal if the old one is gone
        #[arg(long)]
        recreate: bool,
    },
    /// Let go: of one letter by id, or of all that a filter names
    Discard {
        /// The letter's id; none: those of the filter
        id: Option<i64>,
        #[command(flatten)]
        many: Many,
        /// Why, for those who look later
        #[arg(long)]
        reason: String,
    },
    /// Print letters as one JSON object a line
    Export(Filter),
    /// Take letters that `export` has printed; those that are there already are left alone
    Import {
        /// The file that `export` has printed: one letter a line
        file: PathBuf,
    },
    /// List the jobs over many letters
    Jobs,
    /// Stop a job; what it has done stays done
    Stop {
        /// The job's id, as `dead-letters jobs` shows it
        id: i64,
    },
}

#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct Filter {
    /// Only those of this shop
    #[arg(long)]
    shop: Option<String>,
    /// Only those of this portal
    #[arg(long)]
    portal: Option<String>,
    /// With this code, such as MAP-STATUS
    #[arg(long)]
    code: Option<String>,
    /// Only those of this order
    #[arg(long)]
    number: Option<String>,
    /// Last failed then or later: a date, or 2026-01-15T10:00:00+03:00
    #[arg(long)]
    since: Option<String>,
    /// Last failed before then
    #[arg(long)]
    until: Option<String>,
    /// With this text in the message or the payload
    #[arg(long)]
    text: Option<String>,
}

#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct Page {
    #[command(flatten)]
    filter: Filter,
    /// Only those after this id
    #[arg(long)]
    after: Option<i64>,
    /// At most so many
    #[arg(long, default_value_t = 100)]
    limit: u32,
}

#[derive(Debug, Clone, clap::Args)]
pub(in crate::cli) struct Many {
    #[command(flatten)]
    filter: Filter,
    /// Do it for all letters of the filter, if there are exactly so many
    #[arg(long, conflicts_with = "id", value_name = "COUNT")]
    expect: Option<i64>,
    /// Do not wait for the end: a running `serve` does it
    #[arg(long, requires = "expect")]
    detach: bool,
}

impl Filter {
    fn parsed(&self) -> anyhow::Result<LetterFilter> {
        let query = LetterQuery {
            shop: self.shop.clone(),
            portal: self.portal.clone(),
            code: self.code.clone(),
            number: self.number.clone(),
            since: self.since.clone(),
            until: self.until.clone(),
            text: self.text.clone(),
        };
        query
            .parse()
            .map_err(|faults| output::wrong_filter(&faults))
    }
}

pub(in crate::cli) async fn run(global: &Global, command: &Command) -> anyhow::Result<ExitCode> {
    let config = bootstrap::config(global)?;
    let database = Database::open(&config, global).await?;
    let app = bootstrap::app(&config, database.pool.clone());
    let done = perform(global, &app, command).await;
    database.close().await;
    done
}

async fn perform(global: &Global, app: &App, command: &Command) -> anyhow::Result<ExitCode> {
    let who = bootstrap::actor();
    match command {
        Command::List(page) => list(global, app, page).await?,
        Command::Counts(filter) => counts(global, app, &filter.parsed()?).await?,
        Command::Show { id } => show(global, app, *id).await?,
        Command::Retry {
            id: Some(id),
            payload,
            recreate,
            ..
        } => {
            let options = Retry {
                payload: payload.as_deref().map(json_of).transpose()?,
                recreate: *recreate,
            };
            tell(*id, app.dead_letters.retry(*id, &who, options).await?)?;
        }
        Command::Discard {
            id: Some(id),
            reason,
            ..
        } => {
            app.dead_letters.discard(*id, &who, reason).await?;
            let result = json!({ "result": "discarded" });
            output::done(&result, format!("letter {id} is discarded"))?;
        }
        Command::Retry {
            id: None,
            many,
            recreate,
            ..
        } => {
            let bulk = bulk(BulkAction::Retry, many, None, *recreate)?;
            return over_many(app, many, bulk, &who).await;
        }
        Command::Discard {
            id: None,
            many,
            reason,
        } => {
            let bulk = bulk(BulkAction::Discard, many, Some(reason.clone()), false)?;
            return over_many(app, many, bulk, &who).await;
        }
        Command::Export(filter) => export(app, filter.parsed()?).await?,
        Command::Import { file } => return import(global, app, file, &who).await,
        Command::Jobs => jobs(global, app).await?,
        Command::Stop { id } => {
            let job = app.dead_letters.stop_bulk(*id, &who).await?;
            output::done(&json!({ "result": job.state, "job": job }), progress(&job))?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn json_of(file: &Path) -> anyhow::Result<serde_json::Value> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("parse {}", file.display()))
}

async fn list(global: &Global, app: &App, page: &Page) -> anyhow::Result<()> {
    let filter = LetterFilter {
        after: page.after,
        limit: page.limit,
        ..page.filter.parsed()?
    };
    let page = app.dead_letters.dead_letters(&filter).await?;
    if page.items.is_empty() {
        bootstrap::refuse_unknown(app, filter.shop.as_ref(), filter.portal.as_ref())?;
    }
    if global.json {
        return output::json(&page);
    }
    table(&page.items);
    if let Some(next) = page.next {
        output::say(format!("there are more: --after {next}"));
    }
    Ok(())
}

async fn counts(global: &Global, app: &App, filter: &LetterFilter) -> anyhow::Result<()> {
    let counts = app.dead_letters.count_letters(filter).await?;
    if counts.total == 0 {
        bootstrap::refuse_unknown(app, filter.shop.as_ref(), filter.portal.as_ref())?;
    }
    if global.json {
        return output::json(&counts);
    }
    let row = |item: &app::LetterCount| {
        vec![
            item.code.clone(),
            item.shop.clone().unwrap_or_default(),
            item.portal.clone().unwrap_or_default(),
            item.letters.to_string(),
            item.oldest.format("%Y-%m-%d %H:%M:%S").to_string(),
        ]
    };
    let rows = counts.items.iter().map(row).collect();
    output::table(&["code", "shop", "portal", "letters", "oldest"], rows);
    output::say(output::count(counts.total, "letter"));
    Ok(())
}

async fn export(app: &App, mut filter: LetterFilter) -> anyhow::Result<()> {
    filter.limit = 500;
    loop {
        let page = app.dead_letters.dead_letters(&filter).await?;
        for line in page.lines()?.lines() {
            output::line(line);
        }
        match page.next {
            Some(next) => filter.after = Some(next),
            None => return Ok(()),
        }
    }
}

async fn import(global: &Global, app: &App, file: &Path, who: &Actor) -> anyhow::Result<ExitCode> {
    let text = std::fs::read_to_string(file).with_context(|| format!("read {}", file.display()))?;
    let sum = app.dead_letters.import_letters(&text, who).await?;
    if global.json {
        output::json(&sum)?;
    } else {
        for faulty in &sum.faulty {
            output::say(format!("line {}: {}", faulty.line, faulty.detail));
        }
        output::say(format!(
            "{} letters taken, {} were there already, {} lines are faulty",
            sum.taken,
            sum.known,
            sum.faulty.len()
        ));
    }
    Ok(if sum.faulty.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn bulk(
    action: BulkAction,
    many: &Many,
    reason: Option<String>,
    recreate: bool,
) -> anyhow::Result<BulkRequest> {
    Ok(BulkRequest {
        action,
        filter: many.filter.parsed()?,
        expect: many.expect.unwrap_or(0),
        reason,
        recreate,
    })
}

/// Shows the count first; does it only for a person who names that count.
async fn over_many(
    app: &App,
    many: &Many,
    bulk: BulkRequest,
    who: &Actor,
) -> anyhow::Result<ExitCode> {
    if bulk.filter.is_empty() {
        return Err(output::missing_word(
            "neither a letter nor a filter is named",
            "name a letter by its id, or say which ones: --shop, --portal, --code, --number, \
             --since, --until or --text",
        ));
    }
    if many.expect.is_none() {
        let total = app.dead_letters.count_letters(&bulk.filter).await?.total;
        if total == 0 {
            output::done(&json!({ "result": "none" }), "no open letter is meant")?;
            return Ok(ExitCode::SUCCESS);
        }
        return Err(output::missing_word(
            format!("that means {total} letters, and how many is to be confirmed"),
            format!("to do it, add --expect {total}"),
        ));
    }
    let mut job = app.dead_letters.start_bulk(&bulk, who).await?;
    if !output::is_json() {
        output::say(format!("job {} is stored", job.id));
    }
    // A running `serve` may be at it too: the two share the work batch by batch.
    while job.state == BulkState::Running && !many.detach {
        if app.dead_letters.work_bulk().await?.is_none() {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
        let now = app.dead_letters.bulk_job(job.id).await?;
        job = now.context("the job is gone")?;
        if job.state == BulkState::Running && !output::is_json() {
            output::say(progress(&job));
        }
    }
    output::done(&json!({ "result": job.state, "job": job }), progress(&job))?;
    Ok(if job.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn progress(job: &BulkJob) -> String {
    let mut text = format!(
        "job {}: {} of {} letters done, {} failed, {}",
        job.id,
        job.done,
        job.expected,
        job.failed,
        job.state.as_str()
    );
    if let Some(fault) = &job.last_fault {
        text.push_str("; the last fault: ");
        text.push_str(fault);
    }
    text
}

async fn jobs(global: &Global, app: &App) -> anyhow::Result<()> {
    let jobs = app.dead_letters.bulk_jobs().await?;
    if global.json {
        return output::list(&jobs.items);
    }
    let row = |job: &BulkJob| {
        vec![
            job.id.to_string(),
            job.action.clone(),
            job.state.as_str().to_owned(),
            format!("{} of {}", job.done, job.expected),
            job.failed.to_string(),
            job.actor.clone(),
            job.created_at.format("%Y-%m-%d %H:%M:%S").to_string(),
        ]
    };
    let rows = jobs.items.iter().map(row).collect();
    output::table(
        &["id", "action", "state", "done", "failed", "by", "asked at"],
        rows,
    );
    Ok(())
}

fn tell(id: i64, retried: RetryOutcome) -> anyhow::Result<()> {
    let sentence = match retried {
        RetryOutcome::Queued => format!("letter {id} is on its way again"),
        RetryOutcome::Overtaken => {
            format!("letter {id} is closed: the shop has sent a newer snapshot since")
        }
        RetryOutcome::Duplicate => format!("letter {id} is closed: its event was accepted before"),
    };
    output::done(&json!({ "result": retried }), sentence)
}

fn table(letters: &[DeadLetter]) {
    let rows = letters.iter().map(|letter| {
        vec![
            letter.id.to_string(),
            letter.shop.clone().unwrap_or_default(),
            letter.number.clone().unwrap_or_default(),
            letter.code.clone(),
            letter.attempts.to_string(),
            letter
                .last_failed_at
                .format("%Y-%m-%d %H:%M:%S")
                .to_string(),
            letter.message.chars().take(80).collect(),
        ]
    });
    output::table(
        &[
            "id",
            "shop",
            "order",
            "code",
            "tries",
            "last failed",
            "message",
        ],
        rows.collect(),
    );
}

async fn show(global: &Global, app: &App, id: i64) -> anyhow::Result<()> {
    let whole = app
        .dead_letters
        .whole_letter(id)
        .await?
        .with_context(|| format!("there is no letter {id}"))?;
    if global.json {
        return output::json(&whole);
    }
    let DeadLetterDetail {
        letter,
        sentence,
        closed,
        tries,
    } = &whole;
    output::sentence("", &format!("letter {id}: {} {sentence}", letter.code));
    if let Some(closed) = closed {
        output::line(format!(
            "  closed   {} by {} at {} {}",
            closed.how.as_str(),
            closed.by.as_deref().unwrap_or("-"),
            closed.at.format("%Y-%m-%d %H:%M:%S"),
            closed.reason.as_deref().unwrap_or_default()
        ));
    }
    output::sentence("  message  ", &letter.message);
    output::sentence("  remedy   ", &letter.remedy);
    output::line(format!(
        "  order    {} of {}, {}, {} to {}",
        letter.number.as_deref().unwrap_or("-"),
        letter.shop.as_deref().unwrap_or("-"),
        output::count(letter.attempts, "try"),
        letter.first_failed_at.format("%Y-%m-%d %H:%M:%S"),
        letter.last_failed_at.format("%Y-%m-%d %H:%M:%S")
    ));
    for one in tries {
        let at = one.at.format("%Y-%m-%d %H:%M:%S");
        let start = format!("  try {:<4} {at} ", one.nth);
        output::sentence(&start, &format!("{} {}", one.code, one.message));
    }
    output::line(serde_json::to_string_pretty(&letter.payload)?);
    Ok(())
}

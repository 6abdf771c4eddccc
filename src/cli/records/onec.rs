//! `onec`: the exchange with 1C.

use crate::{
    app::{
        App,
        onec::{BaseReport, Step},
    },
    cli::{
        Global, output,
        setup::bootstrap::{self, Database},
    },
    domain::{
        BaseName, ShopName,
        happening::{FileNote, Tell as _},
    },
    formats::{
        commerceml::{Bounds, Encoding, Item, Items, SchemaVersion},
        onec::Base,
    },
};
use anyhow::Context as _;
use encoding_rs::WINDOWS_1251;
use serde_json::json;
use std::{
    collections::BTreeMap,
    io::{IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// Show what waits for each base, what it has, and its sessions
    Status,
    /// Show the files and documents that came from a base, and why they are not carried out
    Documents {
        /// The base; may be left out where there is only one
        #[arg(long)]
        base: Option<String>,
        /// Only documents with this `Номер`
        #[arg(long)]
        number: Option<String>,
        /// Only documents older than the one with this id
        #[arg(long)]
        before: Option<i64>,
        /// Show so many at most
        #[arg(long, default_value_t = 20)]
        limit: u16,
        /// Print the documents' XML, too
        #[arg(long)]
        raw: bool,
    },
    /// Show what the next query of a base would give; nothing is changed by it
    Export {
        /// The base; may be left out where there is only one
        #[arg(long)]
        base: Option<String>,
        /// The version of CommerceML, 2.03 to 3.1; none: as for a client that asks for none
        #[arg(long)]
        schema_version: Option<String>,
        /// Write it to this file instead of to the standard output
        #[arg(long, value_name = "FILE")]
        to: Option<PathBuf>,
    },
    /// Take files in as if 1C had sent them: XML, or a zip of it
    Import {
        /// The files, in the order in which they are taken in
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// The base; may be left out where there is only one
        #[arg(long)]
        base: Option<String>,
        /// Only read them and say what they hold; nothing is stored
        #[arg(long)]
        dry_run: bool,
    },
    /// Have an order go to its base again, whatever the base has of it
    Resend {
        /// The shop's name in the settings
        shop: String,
        /// The order's number in its shop
        number: String,
    },
}

pub(in crate::cli) async fn run(global: &Global, command: &Command) -> anyhow::Result<ExitCode> {
    let config = bootstrap::config(global)?;
    let database = Database::open(&config, global).await?;
    let app = bootstrap::app(&config, database.pool.clone());
    let done = match command {
        Command::Status => status(global, &app).await,
        Command::Documents {
            base,
            number,
            before,
            limit,
            raw,
        } => {
            let base = named(&app, base.as_deref());
            let which = (number.as_deref(), *before, i64::from(*limit));
            match base {
                Ok(base) => documents(global, &app, &base, which, *raw).await,
                Err(error) => Err(error),
            }
        }
        Command::Export {
            base,
            schema_version,
            to,
        } => {
            export(
                &app,
                base.as_deref(),
                schema_version.as_deref(),
                to.as_ref(),
            )
            .await
        }
        Command::Import {
            files,
            base,
            dry_run: true,
        } => named(&app, base.as_deref()).and_then(|_| look_at(files)),
        Command::Import { files, base, .. } => import(&app, base.as_deref(), files).await,
        Command::Resend { shop, number } => resend(&app, shop, number).await,
    };
    database.close().await;
    done
}

async fn status(global: &Global, app: &App) -> anyhow::Result<ExitCode> {
    let reports = app.onec.onec_report().await?;
    if global.json {
        output::list(&reports)?;
        return Ok(ExitCode::SUCCESS);
    }
    if reports.is_empty() {
        output::say("no base is configured: add `[onec.NAME]`");
    }
    for report in &reports {
        show(report);
    }
    Ok(ExitCode::SUCCESS)
}

fn show(report: &BaseReport) {
    let time = |at: Option<chrono::DateTime<chrono::Utc>>| {
        at.map_or_else(
            || "-".to_owned(),
            |at| at.format("%Y-%m-%d %H:%M:%S").to_string(),
        )
    };
    output::line(format!(
        "base {} (shops {})",
        report.base,
        report.shops.join(", ")
    ));
    let (waiting, confirmed) = (report.waiting, report.confirmed);
    let dated = |words: &str, at: Option<chrono::DateTime<chrono::Utc>>| match at {
        Some(_) => format!(", {words} {}", time(at)),
        None => String::new(),
    };
    output::line(format!(
        "  {waiting} to be fetched{}; {confirmed} confirmed{}",
        dated("the oldest since", report.oldest),
        dated("the last at", report.last_confirmed_at)
    ));
    output::line(format!(
        "  {} held back by the filter, {} cannot be written",
        report.held, report.refused
    ));
    if let Some(push) = &report.push {
        output::line(format!(
            "  pushed: {} on their way, {} to be sent again, {} not taken",
            push.sending, push.again, push.refused
        ));
        if push.paused_at.is_some() {
            let code = push.code.as_deref().unwrap_or("paused");
            let reason = push.reason.as_deref().unwrap_or_default();
            let again = time(push.resume_at);
            let told = format!("none is pushed now: {code}: {reason}; again at {again}");
            output::sentence("  ", &told);
        }
    }
    if report.untaken > 0 {
        output::line(format!(
            "  {} made in 1C: the shop was told and has not sent them, the oldest since {}",
            report.untaken,
            time(report.untaken_since)
        ));
    }
    if report.prefix_changed {
        output::line("  the number prefix was changed: orders that 1C has keep the old one");
    }
    for sheet in &report.refused_orders {
        let (shop, number, code, why) = (&sheet.shop, &sheet.number, &sheet.code, &sheet.why);
        output::sentence("  ", &format!("{shop} {number}: {code}: {why}"));
    }
    let row = |session: &crate::app::onec::SessionView| {
        vec![
            session.id.to_string(),
            session.kind.as_str().to_owned(),
            session.login.clone(),
            session.version.clone().unwrap_or_else(|| "old".to_owned()),
            time(Some(session.started_at)),
            time(Some(session.last_at)),
            session.offered.to_string(),
            session.confirmed.to_string(),
        ]
    };
    if !report.sessions.is_empty() {
        let head = [
            "session",
            "type",
            "login",
            "version",
            "began",
            "last",
            "offered",
            "confirmed",
        ];
        output::table(&head, report.sessions.iter().map(row).collect());
    }
}

async fn documents(
    global: &Global,
    app: &App,
    base: &Base,
    (number, before, limit): (Option<&str>, Option<i64>, i64),
    raw: bool,
) -> anyhow::Result<ExitCode> {
    let files = app.onec.onec_files(base, limit).await?;
    let documents = app.onec.onec_documents(base, number, before, limit).await?;
    if global.json {
        output::json(&json!({"files": files, "documents": documents}))?;
        return Ok(ExitCode::SUCCESS);
    }
    let row = |file: &crate::app::onec::FileView| {
        vec![
            file.started_at.format("%Y-%m-%d %H:%M:%S").to_string(),
            format!("{} {}", file.name, file.member),
            file.state.as_str().to_owned(),
            file.items.to_string(),
            file.faulty.to_string(),
            file.documents.to_string(),
            file.message.clone().unwrap_or_default(),
        ]
    };
    let head = [
        "began",
        "file",
        "state",
        "items",
        "faulty",
        "not taken in",
        "said",
    ];
    output::table(&head, files.iter().map(row).collect());
    for one in &documents {
        let number = one
            .number
            .as_deref()
            .or(one.doc_id.as_deref())
            .unwrap_or("-");
        let mut words = one.state.as_str().to_owned();
        for part in [&one.code, &one.message] {
            if !part.is_empty() {
                words = format!("{words}: {part}");
            }
        }
        if one.repeats > 0 {
            words = format!("{words} (came again {} times)", one.repeats);
        }
        let at = one.received_at.format("%Y-%m-%d %H:%M:%S");
        let start = format!("{}  {at}  ", one.id);
        let told = format!("{} {number}  {words}", one.kind.as_str());
        output::sentence(&start, &told);
        if raw {
            output::line(&one.raw);
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn export(
    app: &App,
    base: Option<&str>,
    version: Option<&str>,
    to: Option<&PathBuf>,
) -> anyhow::Result<ExitCode> {
    let base = named(app, base)?;
    let known = SchemaVersion::new(2, 3)..=SchemaVersion::new(3, 10);
    let version = version
        .map(|text| {
            let version = SchemaVersion::parse(text).filter(|one| known.contains(one));
            version.ok_or_else(|| {
                output::wrong_word(format!("`{text}` is no version: name one of 2.03 to 3.1"))
            })
        })
        .transpose()?;
    let mut out: Box<dyn std::io::Write> = match to {
        Some(file) => {
            let made = std::fs::File::create(file);
            Box::new(made.with_context(|| format!("write {}", file.display()))?)
        }
        None => output::bytes(),
    };
    // Whoever looks at a terminal is to read it; a file and a pipe get the bytes that 1C would.
    let is_read = to.is_none() && std::io::stdout().is_terminal();
    let decoded = is_read && base.encoding == Encoding::Windows1251;
    let mut write = |part: &[u8]| {
        if decoded {
            let (text, _) = WINDOWS_1251.decode_without_bom_handling(part);
            return out.write_all(text.as_bytes());
        }
        out.write_all(part)
    };
    let mut query = app.onec.preview_onec_query(&base, version).await?;
    while let Some(part) = query.part().await? {
        write(&part)?;
    }
    if let Some(end) = query.end().await? {
        write(&end)?;
    }
    out.flush()?;
    output::say(format!(
        "{} would go to the base {}",
        output::count(query.orders(), "order"),
        base.name
    ));
    Ok(ExitCode::SUCCESS)
}

/// The base of this name, or the only one.
fn named(app: &App, name: Option<&str>) -> anyhow::Result<Arc<Base>> {
    let bases = &app.registry().bases;
    let names: Vec<&str> = bases.keys().map(BaseName::as_str).collect();
    if let Some(name) = name {
        let found = app.onec.onec_base(name).cloned();
        return found.with_context(|| bootstrap::unknown("base", name, names.iter()));
    }
    let only = bases.values().next().filter(|_| bases.len() == 1);
    only.cloned().ok_or_else(|| match names.as_slice() {
        [] => anyhow::anyhow!("the settings have no base: add `[onec.NAME]`"),
        names => {
            let names = names.join(", ");
            output::wrong_word(format!("name a base with `--base`: there are {names}"))
        }
    })
}

async fn resend(app: &App, shop: &str, number: &str) -> anyhow::Result<ExitCode> {
    let name = ShopName::parse(shop).map_err(output::wrong_word)?;
    let found = app
        .onec
        .onec_resend(&name, number, &bootstrap::actor())
        .await?;
    let Some(base) = found else {
        anyhow::bail!("no base knows of an order {number} of the shop {shop}");
    };
    let result = json!({ "result": "queued", "base": base });
    let sentence = format!("order {number} goes to the base {base} with its next exchange");
    output::done(&result, sentence)?;
    Ok(ExitCode::SUCCESS)
}

fn bytes_of(file: &Path) -> anyhow::Result<Vec<u8>> {
    std::fs::read(file).with_context(|| format!("read {}", file.display()))
}

/// What files hold, and what of it cannot be read.
fn look_at(files: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let (mut fine, mut told) = (true, Vec::new());
    for file in files {
        let bytes = bytes_of(file)?;
        if bytes.starts_with(b"PK") {
            anyhow::bail!("{} is a zip: unpack it to look at it", file.display());
        }
        let (mut kinds, mut faults) = (BTreeMap::new(), Vec::new());
        let items = Items::new(bytes.as_slice(), Bounds::default());
        let items = items.map_err(|fault| anyhow::anyhow!("{}: {fault}", file.display()))?;
        for item in items {
            match item {
                Ok(item) => *kinds.entry(kind(&item)).or_insert(0_u64) += 1,
                Err(fault) => faults.push(fault.to_string()),
            }
        }
        fine &= faults.is_empty();
        told.push(json!({ "file": file, "items": kinds, "faults": faults }));
        if output::is_json() {
            continue;
        }
        let kinds: Vec<String> = kinds
            .into_iter()
            .map(|(kind, many)| format!("{many} {kind}"))
            .collect();
        output::line(format!("{}: {}", file.display(), kinds.join(", ")));
        for fault in faults {
            output::line(format!("  {fault}"));
        }
    }
    if output::is_json() {
        output::json(&told)?;
    }
    Ok(if fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn kind(item: &Item) -> &'static str {
    match item {
        Item::Document(one) if one.operation.is_order() => "orders",
        Item::Document(_) => "documents beside orders",
        Item::Package(_) => "packages",
        Item::Counterparty(_) => "counterparties",
        Item::Product(_) => "products",
        Item::Offer(_) => "offers",
        _ => "other items",
    }
}

async fn import(app: &App, base: Option<&str>, files: &[PathBuf]) -> anyhow::Result<ExitCode> {
    let base = named(app, base)?;
    let (mut fine, mut told) = (true, Vec::new());
    for file in files {
        let name = file.file_name().and_then(|name| name.to_str());
        let name = name.with_context(|| format!("{} has no name", file.display()))?;
        let bytes = bytes_of(file)?;
        let who = bootstrap::actor();
        let (word, notes) = match app.onec.import_by_hand(&base, name, &bytes, &who).await? {
            Step::Success(notes) => ("taken in".to_owned(), notes),
            Step::Progress(items) => (format!("{items} items are done"), Vec::new()),
            Step::Refused { code, notes } => {
                fine = false;
                (format!("refused: {code}: {}", code.sentence()), notes)
            }
        };
        let lines: Vec<String> = notes.iter().map(FileNote::sentence).collect();
        fine &= lines.is_empty();
        told.push(json!({ "file": file, "result": word, "said": lines }));
        if output::is_json() {
            continue;
        }
        output::line(format!("{}: {word}", file.display()));
        for line in lines {
            output::line(format!("  {line}"));
        }
    }
    if output::is_json() {
        output::json(&told)?;
    }
    Ok(if fine {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

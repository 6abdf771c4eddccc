//! The only place that prints: data go to stdout, talk goes to stderr.
//!
//! Colour is for terminals; what is piped is plain and is not cut. Who stops reading, as `head`
//! does, ends nothing: the command goes on and says no more.

mod layout;
mod words;

pub(super) use layout::{sentence, table};
pub(super) use words::count;
use words::{plain, without_parser};

use super::Global;
use crate::{
    app,
    clients::{bitrix24, moysklad},
    config,
    domain::{ErrorCode, Faults},
    storage, worker,
};
use anstyle::{AnsiColor, Style};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::{
    fmt,
    io::{self, Write},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
};

/// Whether nobody reads any more.
static UNREAD: AtomicBool = AtomicBool::new(false);
/// Whether there is no talk, only data and failures.
static QUIET: AtomicBool = AtomicBool::new(false);
/// Whether what is printed is for programs.
static JSON: AtomicBool = AtomicBool::new(false);
/// Whether no progress is shown.
static STILL: AtomicBool = AtomicBool::new(false);

const RED: Style = AnsiColor::Red.on_default().bold();
const CYAN: Style = AnsiColor::Cyan.on_default().bold();

/// When colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum Color {
    /// On a terminal, unless NO_COLOR is set
    #[default]
    Auto,
    /// Colours wherever the output goes
    Always,
    /// No colours, even on a terminal
    Never,
}

/// How this process prints, from now on.
pub(super) fn set_up(global: &Global) {
    let choice = match global.color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    };
    choice.write_global();
    QUIET.store(global.quiet, Ordering::Relaxed);
    STILL.store(global.no_progress, Ordering::Relaxed);
    JSON.store(global.json, Ordering::Relaxed);
}

/// A bar of progress, on a terminal and where it is wanted.
pub(super) fn progress(total: u64, template: &str) -> ProgressBar {
    let shown = !QUIET.load(Ordering::Relaxed) && !STILL.load(Ordering::Relaxed);
    let target = if shown {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(Some(total), target);
    match ProgressStyle::with_template(template) {
        Ok(style) => bar.with_style(style),
        Err(_) => bar,
    }
}

/// A failure with a code that the runbook has a page for.
#[derive(Debug, thiserror::Error)]
#[error("{sentence}")]
pub(super) struct Refusal {
    code: ErrorCode,
    sentence: String,
}

impl Refusal {
    pub(super) fn new(code: ErrorCode, sentence: impl Into<String>) -> Self {
        Self {
            code,
            sentence: sentence.into(),
        }
    }
}

/// Usage that is wrong though it could be parsed, and what would be right where that is known.
#[derive(Debug, thiserror::Error)]
#[error("{why}")]
struct WrongUsage {
    why: String,
    hint: Option<String>,
}

/// A word that cannot be what it stands for, or one that is missing, and why.
pub(super) fn wrong_word(why: impl Into<String>) -> anyhow::Error {
    let why = why.into();
    WrongUsage { why, hint: None }.into()
}

/// A word that is missing, and what to add.
pub(super) fn missing_word(why: impl Into<String>, hint: impl Into<String>) -> anyhow::Error {
    let (why, hint) = (why.into(), Some(hint.into()));
    WrongUsage { why, hint }.into()
}

/// What is wrong with the words of a filter, each by the option that holds them.
pub(super) fn wrong_filter(faults: &Faults) -> anyhow::Error {
    let told = app::sentence(faults);
    let placed = faults.iter().filter(|fault| !fault.pointer.is_empty());
    let options = placed.fold(told, |told, fault| {
        let option = fault.pointer.trim_start_matches('/');
        told.replace(&format!("{}: ", fault.pointer), &format!("--{option}: "))
    });
    wrong_word(options)
}

/// What an act came to: data for programs, a sentence for people.
pub(super) fn done(data: &impl Serialize, sentence: impl fmt::Display) -> anyhow::Result<()> {
    if is_json() {
        return json(data);
    }
    say(sentence);
    Ok(())
}

/// Wrong usage, as people read it.
pub(super) fn misused(error: &clap::Error) {
    let said = without_parser(&error.render().ansi().to_string());
    put(anstream::stderr(), said.trim_end());
}

/// Wrong usage, as `--json` has it: what clap says, in the shape of every failure.
pub(super) fn wrong_usage(error: &clap::Error) {
    let said = without_parser(&error.render().to_string());
    let one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let part = |start: &str| {
        let mut parts = said.split("\n\n").map(str::trim);
        parts.find_map(|part| part.strip_prefix(start).map(one_line))
    };
    let failed = Failed {
        error: Failure {
            code: None,
            message: part("error: ").unwrap_or_else(|| one_line(&said)),
            causes: Vec::new(),
            remedy: part("tip: ").or_else(|| part("Usage: ")),
        },
    };
    let text = serde_json::to_string(&failed);
    put(io::stderr(), text.unwrap_or_default());
}

/// Whether what is printed is for programs.
pub(super) fn is_json() -> bool {
    JSON.load(Ordering::Relaxed)
}

/// A line of data.
pub(super) fn line(text: impl fmt::Display) {
    put(anstream::stdout(), text);
}

/// A line of talk.
pub(super) fn say(text: impl fmt::Display) {
    if !QUIET.load(Ordering::Relaxed) {
        put(anstream::stderr(), text);
    }
}

/// Where data go that others write.
pub(super) fn bytes() -> Box<dyn Write> {
    Box::new(WhileRead(io::stdout()))
}

/// Writes for as long as somebody reads; what comes later is dropped without a fault.
struct WhileRead<W>(W);

impl<W: Write> Write for WhileRead<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(bytes.len()),
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            flushed => flushed,
        }
    }
}

/// Data as JSON, for programs.
pub(super) fn json(data: &impl Serialize) -> anyhow::Result<()> {
    put(io::stdout(), serde_json::to_string_pretty(data)?);
    Ok(())
}

/// A list for programs, whole: `{"items": [...], "next": null}`, as the pages of longer ones.
pub(super) fn list(items: &[impl Serialize]) -> anyhow::Result<()> {
    json(&serde_json::json!({ "items": items, "next": null }))
}

/// An error as programs read it, on the standard error: `{"error": {...}}`.
#[derive(Debug, Serialize)]
struct Failed {
    error: Failure,
}

/// What failed, and what to do about it.
#[derive(Debug, Serialize)]
struct Failure {
    /// The code, where its kind is known.
    code: Option<&'static str>,
    /// One sentence. Where the kind is known, that is what it says: the words of a library are only
    /// its cause.
    message: String,
    /// Its causes, the nearest first.
    causes: Vec<String>,
    /// What to do about it, where that is known.
    remedy: Option<String>,
}

impl Failure {
    fn of(error: &anyhow::Error) -> Self {
        let code = code_of(error);
        let mut all = error.chain().map(|cause| plain(&cause.to_string()));
        let message = match code {
            Some(code) => code.sentence().to_owned(),
            None => all.next().unwrap_or_default(),
        };
        let mut causes = Vec::new();
        let mut before = message.clone();
        for cause in all {
            // Many errors repeat their cause in their own words.
            if !before.contains(&cause) {
                causes.push(cause.clone());
            }
            before = cause;
        }
        let mut chain = error.chain();
        let refused = chain.find_map(|cause| cause.downcast_ref::<Refusal>());
        let known = code.or(refused.map(|refusal| refusal.code));
        Self {
            code: known.map(ErrorCode::as_str),
            message,
            causes,
            remedy: remedy_of(error).or(known.map(|code| by_hand(code).to_owned())),
        }
    }
}

/// An error in one line, each cause once, and what to do about it where that is known.
pub(super) fn told(error: &anyhow::Error) -> (String, Option<String>) {
    let mut parts: Vec<String> = Vec::new();
    for cause in error.chain().map(|cause| plain(&cause.to_string())) {
        if !parts.iter().any(|part| part.contains(&cause)) {
            parts.push(cause);
        }
    }
    (parts.join(": "), remedy_of(error))
}

/// What to do about an error that knows it better than its code.
fn remedy_of(error: &anyhow::Error) -> Option<String> {
    if let Some(usage) = error.downcast_ref::<WrongUsage>() {
        return usage.hint.clone();
    }
    let mut chain = error.chain();
    let remedy = chain.find_map(|cause| match cause.downcast_ref::<config::Error>() {
        Some(config::Error::Read { .. }) => {
            Some("Name a file that is there by `--config`, or write one: `b24-bridge init`.")
        }
        _ => cause.downcast_ref::<storage::Error>()?.remedy(),
    });
    remedy.map(str::to_owned)
}

/// What to do about a code for whoever asked just now. A lane tries again by itself, and nothing
/// has to be done; a command that failed does not.
pub(super) fn by_hand(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::Down | ErrorCode::Slow | ErrorCode::InDoubt => {
            "Compare the portal's `webhook_url` or `portal_url` with its address, open it from \
             this machine, and ask again. What waits is sent once the portal answers."
        }
        ErrorCode::Operating => {
            "Ask again in ten minutes: the method goes on then. If it recurs, look for slow robots \
             on deals."
        }
        ErrorCode::CallbackDown | ErrorCode::CallbackSlow => {
            "Compare the shop's `callback_url` with the address of its handler, open it from this \
             machine, and ask again. What waits is told once the shop answers."
        }
        ErrorCode::OneCPushDown => {
            "Compare the base's address for `push` with that of its service, open it from this \
             machine, and ask again. What waits is brought once the service answers."
        }
        code => code.remedy(),
    }
}

/// An error, its causes, and what to do about it.
pub(super) fn failure(error: &anyhow::Error) {
    let failure = Failure::of(error);
    let mut shown = anstream::stderr();
    if is_json() {
        let text = serde_json::to_string(&Failed { error: failure });
        return put(shown, text.unwrap_or_default());
    }
    let code = failure.code.map(|code| format!("{code}: "));
    let (code, message) = (code.unwrap_or_default(), failure.message);
    put(
        &mut shown,
        format_args!("{RED}error:{RED:#} {code}{message}"),
    );
    for cause in failure.causes {
        put(&mut shown, format_args!("  because: {cause}"));
    }
    if let Some(remedy) = failure.remedy {
        put(shown, format_args!("{CYAN}hint:{CYAN:#} {remedy}"));
    }
}

/// The exit code of a command that ended with this error: 2 for wrong usage, else 1.
pub(super) fn exit_code(error: &anyhow::Error) -> ExitCode {
    if error.is::<WrongUsage>() {
        return ExitCode::from(2);
    }
    ExitCode::FAILURE
}

/// The kind of an error that does not say it itself.
fn code_of(error: &anyhow::Error) -> Option<ErrorCode> {
    error.chain().find_map(|cause| {
        if let Some(failed) = cause.downcast_ref::<bitrix24::Error>() {
            Some(worker::code_of(failed))
        } else if cause.is::<moysklad::Error>() {
            Some(ErrorCode::TillUnread)
        } else if cause.is::<config::Error>() {
            Some(ErrorCode::Config)
        } else {
            cause.is::<sqlx::Error>().then_some(ErrorCode::Database)
        }
    })
}

fn put(mut to: impl Write, text: impl fmt::Display) {
    if UNREAD.load(Ordering::Relaxed) {
        return;
    }
    let written = writeln!(to, "{text}").and_then(|()| to.flush());
    if written.is_err() {
        UNREAD.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Fault;

    /// A pipe that nobody reads any more.
    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    #[test]
    fn completions_that_nobody_reads_to_the_end_are_no_fault() {
        let mut command = crate::cli::command();
        let mut out = WhileRead(Closed);
        clap_complete::generate(
            clap_complete::Shell::Bash,
            &mut command,
            "b24-bridge",
            &mut out,
        );
        assert!(out.flush().is_ok());
    }

    #[test]
    fn a_filter_is_refused_by_the_names_of_its_options() {
        let fault = |pointer: &str, detail: &str| Fault {
            pointer: pointer.to_owned(),
            detail: detail.to_owned(),
        };
        let faults = vec![fault("/state", "no such state"), fault("/since", "no time")];
        let told = wrong_filter(&faults).to_string();
        assert_eq!(told, "--state: no such state; --since: no time");
    }

    #[test]
    fn what_failed_and_is_not_tried_again_by_itself_is_never_nothing_to_do() {
        for code in [
            ErrorCode::Down,
            ErrorCode::Slow,
            ErrorCode::InDoubt,
            ErrorCode::Operating,
            ErrorCode::CallbackDown,
            ErrorCode::CallbackSlow,
            ErrorCode::OneCPushDown,
        ] {
            assert!(code.remedy().starts_with("Nothing to do"), "{code:?}");
            assert!(!by_hand(code).contains("Nothing"), "{code:?}");
        }
        assert_eq!(by_hand(ErrorCode::Auth), ErrorCode::Auth.remedy());
    }

    #[test]
    fn a_cause_that_repeats_another_is_told_once() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let error = anyhow::Error::from(sqlx::Error::Io(refused)).context("nobody is there");
        assert_eq!(told(&error).0, "nobody is there: connection refused");
    }

    #[test]
    fn an_error_of_a_tills_vendor_says_what_is_to_be_done() {
        let failed = Failure::of(&moysklad::Error::Odd("rows").into());
        assert_eq!(failed.code, Some("TILL-UNREAD"));
        assert_eq!(failed.causes, ["MoySklad's answer has no `rows`"]);
        assert_eq!(
            failed.remedy.as_deref(),
            Some(ErrorCode::TillUnread.remedy())
        );
    }
}

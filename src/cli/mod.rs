//! The commands: one file each. Data go to stdout, talk goes to stderr; exit code 0 is fine, 1
//! failed, 2 wrong usage. With `--json` data are JSON, and so is a failure, on stderr.
//!
//! To add a command:
//! 1. A file with its arguments, each with a help text, and a `run`; a variant of `Command`, its
//!    arm below, and its place in `GROUPS`.
//! 2. It asks a handle of `app`, as the API and the console do, and has no rules of its own.
//! 3. Data by `output::table` or `output::line`, talk by `output::say`; what lists or shows answers
//!    to `--json`, too.
//! 4. What destroys or repeats much shows the count first and wants it confirmed, as
//!    `records::dead_letters` does.
//! 5. Write it into its page in `deploy`; test it by the binary itself, in `tests/it/operators`.

mod backfill;
mod demo;
mod doctor;
mod output;
mod portals;
mod ports;
mod reconcile;
mod records;
mod reload;
mod sandbox;
mod serve;
mod setup;
mod status;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};
use std::{fmt::Write as _, path::PathBuf, process::ExitCode};

/// Carries an online store's orders into Bitrix24 CRM, once and only once.
#[derive(Debug, Parser)]
#[command(name = "b24-bridge", version = VERSION, about, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// What every command understands.
#[derive(Debug, Clone, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "switches of the command line"
)]
struct Global {
    /// Settings file; else BRIDGE_CONFIG, else ./b24-bridge.toml if it is there
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print data as JSON, a list as {"items": [...], "next": PLACE}, what an act came to as
    /// {"result": WORD, ...}, a failure as {"error": {code, message, causes, remedy}}
    #[arg(long, global = true)]
    json: bool,
    /// Install PostgreSQL without asking, if it is missing and needed
    #[arg(long, global = true)]
    yes: bool,
    /// Say more: the log at `debug`, or `trace` if given twice
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    verbose: u8,
    /// Print data and failures alone
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Show no progress while something takes long
    #[arg(long, global = true)]
    no_progress: bool,
    /// When to use colours
    #[arg(long, global = true, value_enum, default_value_t, value_name = "WHEN")]
    color: output::Color,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Set up a bridge: try the webhook, propose the table of statuses, write the settings
    Init(setup::init::Args),
    /// Run the API and the worker
    Serve(serve::Args),
    /// Have the running processes read their settings again, and say what came of it
    Reload,
    /// See it work: a sandbox portal, a database of its own, and a day of sample orders
    Demo(demo::Args),
    /// Run a simulated Bitrix24 portal, or play a 1C base
    Sandbox(sandbox::Args),
    /// Load a history of orders from a file, beside what happens now
    Backfill(backfill::Args),
    /// Bring the database's schema up to date
    Migrate,
    /// Check settings, database and portals, and name every remedy
    Doctor,
    /// Show what flows, what waits and what is stuck
    Status,
    /// Check the status tables against the portals, or propose one
    #[command(subcommand)]
    Statuses(portals::status_map::Command),
    /// Look at orders
    #[command(subcommand)]
    Orders(records::orders::Command),
    /// Look at the exchange with 1C
    #[command(subcommand)]
    Onec(records::onec::Command),
    /// Look what forms have sent, and deliver what was kept
    #[command(subcommand)]
    Forms(records::forms::Command),
    /// Say what would become of a shop's products in the portal, or send them all
    #[command(subcommand)]
    Catalogue(records::catalogue::Command),
    /// Look at dead letters, and fix them
    #[command(subcommand)]
    DeadLetters(records::dead_letters::Command),
    /// Look who did what by hand
    #[command(subcommand)]
    Audit(records::audit::Command),
    /// Look at differences that wait for a person, and decide them
    #[command(subcommand)]
    Conflicts(records::conflicts::Command),
    /// Compare every deal with what was agreed, now
    Reconcile(reconcile::Args),
    /// Look at stock, count it, prove it
    #[command(subcommand)]
    Stock(records::stock::Command),
    /// Look at tills, and try what they send
    #[command(subcommand)]
    Tills(records::tills::Command),
    /// Look at portals, pause and resume them
    #[command(subcommand)]
    Portals(portals::Command),
    /// Turn a password from the standard input into a `password_hash` of an operator
    Password,
    /// Print what completes commands in a shell
    Completions(setup::manual::Completions),
    /// Write the manual, a page for each command
    Man(setup::manual::Man),
    /// Check the settings, or print a complete example
    #[command(subcommand)]
    Config(setup::config::Command),
}

/// The commands by what they are for, as the help shows them.
const GROUPS: [(&str, &[&str]); 4] = [
    (
        "Begin",
        &[
            "init",
            "doctor",
            "demo",
            "sandbox",
            "config",
            "password",
            "completions",
            "man",
        ],
    ),
    (
        "Run",
        &[
            "serve",
            "reload",
            "migrate",
            "status",
            "backfill",
            "reconcile",
        ],
    ),
    (
        "Look and fix",
        &["orders", "dead-letters", "conflicts", "audit"],
    ),
    (
        "Connect",
        &[
            "portals",
            "statuses",
            "forms",
            "stock",
            "tills",
            "catalogue",
            "onec",
        ],
    ),
];

const EXAMPLES: &str = "\
Examples:
  b24-bridge init                            write the settings, step by step
  b24-bridge doctor                          what is wrong, and how it is fixed
  b24-bridge orders search Ivanov            orders by number, name, phone, e-mail
  b24-bridge orders show main 1001           the life of one order
  b24-bridge dead-letters list --shop main   what could not be delivered";

/// What each command with parts is used for, most often first.
const USES: [(&str, &str); 11] = [
    (
        "orders",
        "b24-bridge orders list --shop main --state dead
  b24-bridge orders search Ivanov 2026
  b24-bridge orders show main 1001",
    ),
    (
        "dead-letters",
        "b24-bridge dead-letters counts
  b24-bridge dead-letters list --code MAP-STATUS
  b24-bridge dead-letters retry 17
  b24-bridge dead-letters retry --code B24-CURRENCY --expect 4",
    ),
    (
        "conflicts",
        "b24-bridge conflicts list
  b24-bridge conflicts show 3
  b24-bridge conflicts resolve 3 --winner shop",
    ),
    ("audit", "b24-bridge audit list --limit 20"),
    (
        "portals",
        "b24-bridge portals test main
  b24-bridge portals pause main
  b24-bridge portals resume shop:main",
    ),
    (
        "statuses",
        "b24-bridge statuses check --shop main
  b24-bridge statuses suggest --shop main --kind 1c-bitrix
  b24-bridge statuses apply --dry-run",
    ),
    (
        "forms",
        "b24-bridge forms list
  b24-bridge forms restore 17",
    ),
    (
        "stock",
        "b24-bridge stock show main --product kettle
  b24-bridge stock ledger main kettle
  b24-bridge stock count main counts.csv --store warehouse",
    ),
    (
        "tills",
        "b24-bridge tills list
  b24-bridge tills test centre receipt.json",
    ),
    (
        "catalogue",
        "b24-bridge catalogue plan main
  b24-bridge catalogue sync main",
    ),
    (
        "onec",
        "b24-bridge onec status
  b24-bridge onec export --to orders.xml
  b24-bridge onec documents --number 1001",
    ),
];

/// The version; a build for others says its commit, too: `BRIDGE_VERSION="0.1.0 (0d21ef5)"`.
const VERSION: &str = match option_env!("BRIDGE_VERSION") {
    Some(told) => told,
    None => env!("CARGO_PKG_VERSION"),
};

/// The command line, with the commands in groups.
fn command() -> clap::Command {
    let plain = Cli::command();
    let mut listed = String::new();
    for (heading, names) in GROUPS {
        let _ = write!(listed, "\n{heading}:\n");
        for name in names {
            let about = plain
                .find_subcommand(name)
                .and_then(clap::Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(listed, "  {name:13} {about}");
        }
    }
    let explained = USES.iter().fold(plain, |all, (name, uses)| {
        all.mut_subcommand(name, |one| one.after_help(format!("Examples:\n  {uses}")))
    });
    explained.help_template(format!(
        "{{about-with-newline}}\n{{usage-heading}} {{usage}}\n{listed}\nOptions:\n{{options}}\n\n\
         {EXAMPLES}"
    ))
}

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    let parsed = command().try_get_matches();
    let cli = match parsed.and_then(|found| Cli::from_arg_matches(&found)) {
        Ok(cli) => cli,
        // What could not be read may still say in which shape the answer is wanted.
        Err(error) if error.use_stderr() && std::env::args_os().any(|word| word == "--json") => {
            output::wrong_usage(&error);
            return ExitCode::from(2);
        }
        Err(error) if error.use_stderr() => {
            output::misused(&error);
            return ExitCode::from(2);
        }
        Err(error) => error.exit(),
    };
    output::set_up(&cli.global);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let done = runtime
        .map_err(anyhow::Error::from)
        .and_then(|runtime| runtime.block_on(Box::pin(run(cli))));
    crate::process::telemetry::traces::end();
    match done {
        Ok(code) => code,
        Err(error) => {
            output::failure(&error);
            output::exit_code(&error)
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let Cli { global, command } = cli;
    match command {
        Command::Init(args) => setup::init::run(&global, &args).await,
        Command::Serve(args) => serve::run(&global, &args).await,
        Command::Reload => reload::run(&global).await,
        Command::Demo(args) => Box::pin(demo::run(&global, &args)).await,
        Command::Sandbox(args) => sandbox::run(&args).await,
        Command::Backfill(args) => Box::pin(backfill::run(&global, &args)).await,
        Command::Migrate => setup::migrate::run(&global).await,
        Command::Doctor => doctor::run(&global).await,
        Command::Status => status::run(&global).await,
        Command::Statuses(command) => portals::status_map::run(&global, &command).await,
        Command::Orders(command) => records::orders::run(&global, &command).await,
        Command::Onec(command) => Box::pin(records::onec::run(&global, &command)).await,
        Command::Forms(command) => records::forms::run(&global, &command).await,
        Command::Catalogue(command) => Box::pin(records::catalogue::run(&global, &command)).await,
        Command::Audit(command) => records::audit::run(&global, &command).await,
        Command::DeadLetters(command) => records::dead_letters::run(&global, &command).await,
        Command::Conflicts(command) => Box::pin(records::conflicts::run(&global, &command)).await,
        Command::Reconcile(args) => reconcile::run(&global, &args).await,
        Command::Stock(command) => Box::pin(records::stock::run(&global, &command)).await,
        Command::Tills(command) => Box::pin(records::tills::run(&global, &command)).await,
        Command::Portals(command) => portals::run(&global, &command).await,
        Command::Completions(args) => Ok(setup::manual::completions(&args)),
        Command::Man(args) => setup::manual::man(&args),
        Command::Password => setup::password::run(),
        Command::Config(command) => setup::config::run(&global, &command),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::error::ErrorKind;

    #[test]
    fn the_command_line_is_well_formed() {
        command().debug_assert();
    }

    #[test]
    fn every_command_stands_in_one_group_of_the_help() {
        let mut grouped: Vec<_> = GROUPS.iter().flat_map(|(_, names)| *names).collect();
        grouped.sort_unstable();
        let plain = Cli::command();
        let mut all: Vec<_> = plain
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        all.sort_unstable();
        assert_eq!(grouped.into_iter().copied().collect::<Vec<_>>(), all);
        let help = command().render_help().to_string();
        assert!(
            help.contains("Look and fix:") && help.contains("Examples:"),
            "{help}"
        );
        assert!(
            help.lines().all(|line| line.chars().count() <= 100),
            "{help}"
        );
    }

    #[test]
    fn every_example_of_the_help_is_understood() {
        let uses = USES.iter().flat_map(|(_, uses)| uses.lines());
        let examples = uses.chain(EXAMPLES.lines()).map(str::trim);
        let examples = examples.filter_map(|line| line.strip_prefix("b24-bridge "));
        let mut seen = 0;
        for example in examples {
            let command = example.split("  ").next().unwrap_or_default();
            let words = std::iter::once("b24-bridge").chain(command.split(' '));
            if let Err(error) = super::command().try_get_matches_from(words) {
                panic!("{command}: {error}");
            }
            seen += 1;
        }
        assert!(seen > 30, "only {seen} examples were found");
    }

    /// The commands that a page names, in blocks and in running text, without what a shell adds.
    fn commands_of(page: &str) -> Vec<String> {
        let starts = ["b24-bridge ", "cargo run --locked -- "];
        let page = &page.replace("\\\n", " ");
        let in_blocks = page.split("```sh\n").skip(1).flat_map(|rest| {
            let block = rest.split("```").next().unwrap_or_default();
            block.lines()
        });
        let in_text = page.split('`').skip(1).step_by(2);
        let of = |text: &str| {
            let text = text.trim();
            let rest = starts.iter().find_map(|start| text.strip_prefix(start))?;
            let command = rest.split([';', '|', '>', '&']).next()?;
            Some(command.split(" # ").next()?.trim().to_owned())
        };
        in_blocks.chain(in_text).filter_map(of).collect()
    }

    #[test]
    fn every_command_of_the_pages_is_understood() {
        let top = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut folders = vec![top.join("deploy")];
        let mut pages = vec![top.join("README.md")];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).expect("a folder") {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|end| end == "md") {
                    pages.push(path);
                }
            }
        }
        let mut seen = 0;
        for page in pages {
            let text = std::fs::read_to_string(&page).expect("a page");
            for command in commands_of(&text) {
                let words = shlex::split(&command).expect("words");
                let words = std::iter::once("b24-bridge".to_owned()).chain(words);
                let mut incomplete = [
                    ErrorKind::MissingSubcommand,
                    ErrorKind::MissingRequiredArgument,
                    ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
                ]
                .into_iter();
                // A command that is only named lacks its arguments; a wrong word is a fault.
                if let Err(error) = Cli::command().try_get_matches_from(words)
                    && error.use_stderr()
                    && !incomplete.any(|kind| kind == error.kind())
                {
                    panic!("{}: `{command}`: {error}", page.display());
                }
                seen += 1;
            }
        }
        assert!(seen > 30, "only {seen} commands were found");
    }
}

//! `man` and `completions`: what shells and `man` know of the commands, written from them.

use crate::cli::output;
use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_complete::Shell;
use std::{path::PathBuf, process::ExitCode};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Man {
    /// Directory to write the pages into; made if it is not there
    directory: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Completions {
    /// The shell that completions are printed for
    shell: Shell,
}

/// Writes a page for each command: `b24-bridge.1`, `b24-bridge-serve.1`, …
pub(in crate::cli) fn man(args: &Man) -> anyhow::Result<ExitCode> {
    let place = || format!("write the pages into {}", args.directory.display());
    std::fs::create_dir_all(&args.directory).with_context(place)?;
    clap_mangen::generate_to(crate::cli::Cli::command(), &args.directory).with_context(place)?;
    Ok(ExitCode::SUCCESS)
}

/// Prints the completions of a shell.
pub(in crate::cli) fn completions(args: &Completions) -> ExitCode {
    let mut command = crate::cli::Cli::command();
    clap_complete::generate(args.shell, &mut command, "b24-bridge", &mut output::bytes());
    ExitCode::SUCCESS
}

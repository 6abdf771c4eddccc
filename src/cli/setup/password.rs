//! `password`: a password from the standard input, as the hash that the settings want.

use crate::{auth::PasswordHash, cli::output};
use anyhow::Context as _;
use serde_json::json;
use std::{
    io::{IsTerminal as _, Read as _},
    process::ExitCode,
};

/// The shortest password that is taken, in characters.
const SHORTEST: usize = 8;
/// The longest, in bytes: the console reads no longer one.
const LONGEST: u64 = 1_024;

pub(in crate::cli) fn run() -> anyhow::Result<ExitCode> {
    let input = std::io::stdin();
    if input.is_terminal() {
        output::say("type a password, then Enter and Ctrl-D (it is shown; better: pipe it in)");
    }
    let mut text = String::new();
    input
        .take(LONGEST + 2)
        .read_to_string(&mut text)
        .context("read the password")?;
    let password = text.trim_end_matches(['\r', '\n']);
    anyhow::ensure!(
        password.chars().count() >= SHORTEST && text.len() as u64 <= LONGEST + 1,
        "a password has {SHORTEST} to {LONGEST} characters"
    );
    let hash = PasswordHash::of(password, &rand::random()).context("hash the password")?;
    if output::is_json() {
        output::json(&json!({ "password_hash": hash.expose() }))?;
    } else {
        output::line(hash.expose());
    }
    Ok(ExitCode::SUCCESS)
}

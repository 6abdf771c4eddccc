//! The only place that prints.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is where commands print: data to stdout, talk to stderr"
)]

use serde::Serialize;

/// A line of data.
pub(super) fn line(text: impl std::fmt::Display) {
    println!("{text}");
}

/// A line of talk.
pub(super) fn say(text: impl std::fmt::Display) {
    eprintln!("{text}");
}

/// Where data that are no text go.
pub(super) fn bytes() -> Box<dyn std::io::Write> {
    Box::new(std::io::stdout())
}

/// Data as JSON, for programs.
pub(super) fn json(data: &impl Serialize) -> anyhow::Result<()> {
    println!("{}", serde_json::to_string_pretty(data)?);
    Ok(())
}

/// A table, for people.
pub(super) fn table(head: &[&str], rows: Vec<Vec<String>>) {
    let mut table = comfy_table::Table::new();
    table.set_header(head.iter().copied());
    table.add_rows(rows);
    println!("{table}");
}

/// An error with its causes.
pub(super) fn failure(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}

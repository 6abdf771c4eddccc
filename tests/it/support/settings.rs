//! The bridge's settings as the tests write them: the portal `main` with a webhook, and the shop
//! `main` on it.

use std::{
    fmt::{self, Display},
    fs,
    path::Path,
};

/// The API key of the shop `main`.
pub(crate) const KEY: &str = "main-key-0123456789";

/// Settings that are put together: single values by their dotted names, then statuses, then whole
/// tables.
pub(crate) struct Settings {
    values: Vec<String>,
    statuses: Vec<(String, String)>,
    tables: Vec<String>,
}

impl Settings {
    pub(crate) fn new(webhook_url: &str) -> Self {
        let empty = Self {
            values: Vec::new(),
            statuses: Vec::new(),
            tables: Vec::new(),
        };
        empty
            .text("portals.main.webhook_url", webhook_url)
            .text("shops.main.portal", "main")
            .set("shops.main.api_keys", format!("[{KEY:?}]"))
    }

    /// A value as TOML writes it.
    pub(crate) fn set(mut self, name: &str, value: impl Display) -> Self {
        self.values.push(format!("{name} = {value}"));
        self
    }

    /// A value that is a text.
    pub(crate) fn text(self, name: &str, value: &str) -> Self {
        self.set(name, format!("{value:?}"))
    }

    pub(crate) fn listen(self, port: u16) -> Self {
        self.text("http.listen", &format!("127.0.0.1:{port}"))
    }

    /// What the bridge may send to the portal.
    pub(crate) fn rate(self, per_second: u32, burst: u32) -> Self {
        let rate = format!("{{ per_second = {per_second}, burst = {burst} }}");
        self.set("portals.main.rate", rate)
    }

    /// Whatever the worker waits for takes a second or two.
    pub(crate) fn hasty(self) -> Self {
        self.set("worker.lease_seconds", 2)
            .set("worker.poll_seconds", 1)
            .set("worker.doubt_seconds", 1)
            .set("portals.main.call_limit_seconds", 1)
            .set("worker.backoff_base_seconds", 1)
            .set("worker.backoff_cap_seconds", 2)
    }

    /// Where the shop is told of moves.
    pub(crate) fn callback(self, url: &str, secret: &str) -> Self {
        self.text("shops.main.callback_url", url)
            .text("shops.main.callback_secret", secret)
    }

    /// A row of the shop's table of statuses.
    pub(crate) fn status(mut self, status: &str, stage: &str) -> Self {
        self.statuses.push((status.to_owned(), stage.to_owned()));
        self
    }

    /// Tables as TOML writes them.
    pub(crate) fn tables(mut self, text: &str) -> Self {
        self.tables.push(text.to_owned());
        self
    }

    pub(crate) fn write(&self, file: &Path) {
        fs::write(file, self.to_string()).unwrap();
    }
}

impl Display for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for value in &self.values {
            writeln!(f, "{value}")?;
        }
        for (status, stage) in &self.statuses {
            writeln!(f, "[[shops.main.statuses]]")?;
            writeln!(f, "status = {status:?}\nstage = {stage:?}")?;
        }
        for table in &self.tables {
            writeln!(f, "{table}")?;
        }
        Ok(())
    }
}

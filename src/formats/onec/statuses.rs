//! A base's correspondence table: the shop's statuses and 1C's. It is not one-to-one.

use std::borrow::Cow;

/// Which way a row is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Both ways.
    #[default]
    Both,
    /// Only to 1C.
    ToOnec,
    /// Only from 1C.
    ToShop,
}

/// One row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneCStatus {
    /// The shop's status.
    pub status: String,
    /// What is written as `Статуса заказа ИД`, and read.
    pub id: String,
    /// Names that are read besides.
    pub names: Vec<String>,
    /// Which way the row is used.
    pub way: Way,
    /// Of several rows with one id or name: this is what it means on the way back.
    pub reverse: bool,
}

/// The table. Without any row each status is its own id.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StatusTable {
    rows: Vec<OneCStatus>,
}

impl StatusTable {
    /// A table of these rows, in this order.
    pub fn new(rows: Vec<OneCStatus>) -> Self {
        Self { rows }
    }

    /// The rows.
    pub fn rows(&self) -> &[OneCStatus] {
        &self.rows
    }

    /// What a status is written as; none: it has no row that is used on the way to 1C.
    pub fn written<'a>(&'a self, status: &'a str) -> Option<Cow<'a, str>> {
        if self.rows.is_empty() {
            return Some(Cow::Borrowed(status));
        }
        let mut rows = self.rows.iter();
        let row = rows.find(|row| row.status == status && row.way != Way::ToShop)?;
        Some(Cow::Borrowed(&row.id))
    }
}

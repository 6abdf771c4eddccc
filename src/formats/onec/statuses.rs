//! A base's correspondence table: the shop's statuses and 1C's. It is not one-to-one.

use std::borrow::Cow;

/// Which way a row is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// From the shop's status to 1C's, and back.
    #[default]
    Both,
    /// Only from the shop's status to 1C's.
    ToOnec,
    /// Only from 1C's status to the shop's.
    ToShop,
}

/// One status of the shop, and the status of 1C that means the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneCStatus {
    /// The shop's status, by its own code.
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

    /// The rows of the table, in the order of the settings.
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

    /// Whether 1C's words, an id and a name, are written for this status, or are read as it: an
    /// echo says nothing new.
    pub fn accepts(&self, status: &str, words: &[String]) -> bool {
        if self.rows.is_empty() {
            return words.first().is_some_and(|word| same(word, status));
        }
        self.named(words).iter().any(|row| row.status == status)
    }

    /// The rows that the first of 1C's words names that any row has: its id comes before its name,
    /// which people of 1C may change, or give to another status.
    fn named(&self, words: &[String]) -> Vec<&OneCStatus> {
        let of = |word: &String| {
            let rows = self.rows.iter().filter(|row| row.has(word));
            Some(rows.collect::<Vec<_>>()).filter(|rows| !rows.is_empty())
        };
        words.iter().find_map(of).unwrap_or_default()
    }

    /// What 1C's words mean on the way back.
    pub fn meaning(&self, words: &[String]) -> Meaning {
        if self.rows.is_empty() {
            let first = words.first();
            return first.map_or(Meaning::Unknown, |word| Meaning::Status(word.clone()));
        }
        let rows = self.named(words);
        let read = || rows.iter().filter(|row| row.way != Way::ToOnec);
        let meant = read().find(|row| row.reverse).or_else(|| read().next());
        match meant {
            Some(row) => Meaning::Status(row.status.clone()),
            None if rows.is_empty() => Meaning::Unknown,
            None => Meaning::OneWay,
        }
    }
}

/// What 1C's words mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// A status of the shop's.
    Status(String),
    /// A status that is only written to 1C.
    OneWay,
    /// No row has it.
    Unknown,
}

impl OneCStatus {
    fn has(&self, word: &str) -> bool {
        let mut known = std::iter::once(&self.id).chain(&self.names);
        known.any(|own| same(own, word))
    }
}

/// Names are compared without case: people type them.
fn same(one: &str, other: &str) -> bool {
    one.trim().to_lowercase() == other.trim().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(status: &str, id: &str, names: &[&str]) -> OneCStatus {
        OneCStatus {
            status: status.to_owned(),
            id: id.to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            way: Way::Both,
            reverse: false,
        }
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn an_id_counts_before_a_name_that_was_given_to_another_status() {
        let table = StatusTable::new(vec![
            row("new", "N", &["Принят"]),
            row("paid", "P", &["Оплачен"]),
        ]);
        for (said, meant) in [
            (&["P", "Принят"][..], "paid"),
            (&["N", "Оплачен"], "new"),
            // Where no row has the id, the name tells.
            (&["77", "оплачен "], "paid"),
            (&["Принят"], "new"),
        ] {
            let said = words(said);
            assert_eq!(table.meaning(&said), Meaning::Status(meant.to_owned()));
            for status in ["new", "paid"] {
                assert_eq!(table.accepts(status, &said), status == meant, "{said:?}");
            }
        }
        assert_eq!(table.meaning(&words(&["77", "?"])), Meaning::Unknown);
        assert!(!StatusTable::default().accepts("Принят", &words(&["P", "Принят"])));
    }
}

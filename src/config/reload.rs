//! Newer settings while the old ones are in use: what differs, and what of it can be used now.

use super::{Config, Error, PortalAccess, Problem, holders};
use crate::domain::{BaseName, PortalName, ShopName, TillName};
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, fmt, path::Path, sync::Arc};
use toml::{Table, Value};

/// The sections that can be used without a restart.
const LIVE: [&str; 6] = ["portals", "shops", "onec", "stock", "tills", "operators"];

/// A digest of a part of the settings: another one means that something in it is different.
pub type Fingerprint = [u8; 32];

/// The fingerprint of every key of every section, also of what stands in the files that they name.
#[derive(Clone, Default, PartialEq, Eq)]
pub(in crate::config) struct Fingerprints(BTreeMap<(String, String), Fingerprint>);

impl fmt::Debug for Fingerprints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Fingerprints")
    }
}

impl Fingerprints {
    pub(in crate::config) fn of(table: &Table) -> Self {
        let mut all = BTreeMap::new();
        for (section, value) in table {
            let Value::Table(keys) = value else { continue };
            for (key, value) in keys {
                let mut digest = Sha256::new();
                add(&mut digest, key, value);
                all.insert((section.clone(), key.clone()), digest.finalize().into());
            }
        }
        Self(all)
    }

    fn one(&self, section: &str, key: &str) -> Fingerprint {
        let known = self.0.get(&(section.to_owned(), key.to_owned()));
        known.copied().unwrap_or_default()
    }

    fn of_shops<'a>(&self, shops: impl IntoIterator<Item = &'a ShopName>) -> Fingerprint {
        let mut digest = Sha256::new();
        for name in shops {
            digest.update(name.as_str());
            digest.update(self.one("shops", name.as_str()));
        }
        digest.finalize().into()
    }

    /// Every key that differs, and how.
    fn changes(&self, newer: &Self) -> Vec<Change> {
        let gone = self.0.keys().filter(|key| !newer.0.contains_key(*key));
        let gone = gone.map(|key| (key, Difference::Removed));
        let other = newer
            .0
            .iter()
            .filter_map(|(key, now)| match self.0.get(key) {
                None => Some((key, Difference::Added)),
                Some(before) => (before != now).then_some((key, Difference::Changed)),
            });
        let change = |((section, key), difference): (&(String, String), Difference)| Change {
            section: section.clone(),
            key: key.clone(),
            difference,
        };
        let mut all: Vec<Change> = gone.chain(other).map(change).collect();
        all.sort();
        all
    }
}

/// Adds a value, and what stands in the file that it names.
fn add(digest: &mut Sha256, key: &str, value: &Value) {
    match value {
        Value::Table(table) => {
            for (key, value) in table {
                digest.update(format!("\0{key}="));
                add(digest, key, value);
            }
            digest.update("\0;");
        }
        Value::Array(values) => {
            for value in values {
                digest.update("\0,");
                add(digest, key, value);
            }
            digest.update("\0;");
        }
        Value::String(text) => {
            digest.update(text.as_bytes());
            // A file that is away now was a fault when the settings were read.
            if key.ends_with("_file")
                && let Ok(bytes) = std::fs::read(Path::new(text))
            {
                digest.update(Sha256::digest(bytes));
            }
        }
        other => digest.update(other.to_string()),
    }
}

/// How a key of newer settings differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Difference {
    Added,
    Changed,
    Removed,
}

/// A key that is different in newer settings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    section: String,
    key: String,
    difference: Difference,
}

impl Change {
    fn is_live(&self) -> bool {
        LIVE.contains(&&*self.section)
    }

    /// The section and the key with a dot between them, as people write it.
    pub fn key(&self) -> String {
        format!("{}.{}", self.section, self.key)
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let how = match self.difference {
            Difference::Added => "added",
            Difference::Changed => "changed",
            Difference::Removed => "removed",
        };
        write!(f, "`{}.{}`: {how}", self.section, self.key)
    }
}

/// Newer settings, as far as they can be used now.
#[derive(Debug)]
pub struct Renewed {
    /// The settings to go on with.
    pub config: Config,
    /// What is different now.
    pub changes: Vec<Change>,
    /// What is different, but is used after a restart only.
    pub after_restart: Vec<Change>,
}

impl Config {
    /// The settings to go on with when these newer ones are read: the newer portals, shops, 1C
    /// bases, stocks, tills and operators, and everything else as it is. An error if they do not
    /// fit what goes on.
    pub fn renewed(&self, newer: Self) -> Result<Renewed, Error> {
        let mut problems = Vec::new();
        if self.demo || newer.demo {
            problems.push(Problem::new(
                "portals",
                "the settings are, or were, those of the demo",
                "restart `b24-bridge serve`",
            ));
        }
        if let Some(place) = newer.demo_key() {
            let sentence = "this is a key of the demo, which everybody knows";
            problems.push(Problem::new(place, sentence, "make another"));
        }
        self.must_stay(&newer, &mut problems);
        let all = self.written.changes(&newer.written);
        let (changes, after_restart): (Vec<_>, Vec<_>) = all.into_iter().partition(Change::is_live);
        let holders = holders(&newer.shops, &newer.operators, &newer.tills, &mut problems);
        if !problems.is_empty() {
            return Err(Error::Problems(problems));
        }
        let mut shops = newer.shops;
        for (name, shop) in &mut shops {
            // What is the same is in memory once.
            if let Some(old) = self.shops.get(name)
                && self.of_shops([name]) == newer.written.of_shops([name])
            {
                shop.clone_from(old);
            }
        }
        let mut written = self.written.clone();
        written
            .0
            .retain(|(section, _), _| !LIVE.contains(&&**section));
        let live = newer.written.0.into_iter();
        written
            .0
            .extend(live.filter(|((section, _), _)| LIVE.contains(&&**section)));
        let config = Self {
            portals: newer.portals,
            shops,
            onec: newer.onec,
            stocks: newer.stocks,
            tills: newer.tills,
            operators: newer.operators,
            holders: Arc::new(holders),
            written,
            file: newer.file,
            ..self.clone()
        };
        Ok(Renewed {
            config,
            changes,
            after_restart,
        })
    }

    /// What is new must find what it needs of what goes on as it is.
    fn must_stay(&self, newer: &Self, problems: &mut Vec<Problem>) {
        let app = |(_, portal): &(&PortalName, &super::Portal)| {
            matches!(portal.access, PortalAccess::App(_))
        };
        if self.token_keys.is_empty()
            && let Some((name, _)) = newer.portals.iter().find(app)
        {
            problems.push(Problem::new(
                format!("portals.{name}"),
                "tokens of applications cannot be encrypted: there was no key when this started",
                "restart `b24-bridge serve`",
            ));
        }
    }

    /// The fingerprint of every portal with all its shops.
    pub fn of_portals(&self) -> BTreeMap<PortalName, Fingerprint> {
        let begun = self.portals.keys().map(|name| {
            let mut digest = Sha256::new();
            digest.update(self.written.one("portals", name.as_str()));
            (name.clone(), digest)
        });
        let mut digests: BTreeMap<PortalName, Sha256> = begun.collect();
        for (name, shop) in &self.shops {
            if let Some(digest) = digests.get_mut(&shop.rules.portal) {
                digest.update(self.written.of_shops([name]));
            }
        }
        let ended = digests.into_iter();
        ended
            .map(|(name, digest)| (name, digest.finalize().into()))
            .collect()
    }

    /// The fingerprint of every 1C base with its shops.
    pub fn of_bases(&self) -> BTreeMap<BaseName, Fingerprint> {
        let one = |(name, onec): (&BaseName, &super::OneC)| {
            let mut digest = Sha256::new();
            digest.update(self.written.one("onec", name.as_str()));
            digest.update(self.written.of_shops(&onec.base.shops));
            (name.clone(), digest.finalize().into())
        };
        self.onec.iter().map(one).collect()
    }

    /// The fingerprint of every till with its shop.
    pub fn of_tills(&self) -> BTreeMap<TillName, Fingerprint> {
        let one = |(name, till): (&TillName, &super::Till)| {
            let mut digest = Sha256::new();
            digest.update(self.written.one("tills", name.as_str()));
            digest.update(self.written.of_shops([&till.settings.shop]));
            (name.clone(), digest.finalize().into())
        };
        self.tills.iter().map(one).collect()
    }

    /// The fingerprint of these shops.
    pub fn of_shops<'a>(&self, shops: impl IntoIterator<Item = &'a ShopName>) -> Fingerprint {
        self.written.of_shops(shops)
    }
}

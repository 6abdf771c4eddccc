//! The settings: one TOML file, every key also by environment, secrets also by `*_file`.
//!
//! One file per section, each with its defaults and its own checks. [`Config::load`] reads,
//! overlays the environment, parses and checks, and reports every fault at once with the key it
//! concerns and the remedy. Nothing else in the program reads the environment or a settings file.
//!
//! To add a key: a field with its default in the section's file, a check if it can be wrong, a line
//! in `deploy/b24-bridge.example.toml` (a test demands it).

mod database;
mod http;
mod log;
mod onec;
mod operators;
mod portals;
mod reading;
mod reload;
mod shops;
mod stock;
mod telemetry;
mod tills;
mod worker;

pub use database::{Database, TokenKey};
pub use http::Http;
pub use log::{Log, LogFormat};
pub use onec::{OneC, OneCPush, OneCUser};
pub use portals::{Plan, Portal, PortalAccess, PortalApp, Rate};
pub use reading::error::{Error, Problem};
pub use reading::secret::Secret;
pub use reload::{Change, Fingerprint, Renewed};
pub use shops::forms::{Form, FormAnswer};
pub use shops::woocommerce::WooCommerce;
pub use shops::{Master, Shop};
pub use telemetry::Telemetry;
pub use tills::{Till, TillApi};
pub use worker::{Retention, Worker};

use crate::{
    auth::{Caller, KeyDigest, Operator},
    domain::{
        ActivityRules, BaseName, CatalogueRules, FormRules, PortalName, ShopName, ShopRules,
        TillName,
    },
    formats::tills::TillSettings,
    stock::StockSettings,
};
use reading::files::{self, Part};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// A complete, commented example of the settings.
pub const EXAMPLE: &str = include_str!("../../deploy/b24-bridge.example.toml");

/// Where the settings are looked for when neither `--config` nor `BRIDGE_CONFIG` names a file.
pub const DEFAULT_FILE: &str = "b24-bridge.toml";

/// The settings used when there are none at all. For trying things: the keys are public.
const DEMO: &str = r#"
[portals.demo]
webhook_url = "http://127.0.0.1:8090/rest/1/sandboxsecret/"

[shops.demo]
portal = "demo"
api_keys = ["demo-key-not-for-production"]

[[shops.demo.statuses]]
status = "N"
stage = "NEW"

[[shops.demo.statuses]]
status = "P"
stage = "EXECUTING"

[[shops.demo.statuses]]
status = "F"
stage = "WON"

[[shops.demo.statuses]]
status = "C"
stage = "LOSE"

[operators.demo]
key = "demo-operator-key-not-for-production"
role = "operator"
"#;

/// The keys among them.
const DEMO_KEYS: [&str; 4] = [
    "demo-key-not-for-production",
    "demo-operator-key-not-for-production",
    "demo-till-left-not-for-production",
    "demo-till-right-not-for-production",
];

/// All settings of the process, checked: what can be read from them can be used.
#[derive(Debug, Clone)]
pub struct Config {
    /// The API's listener and its bounds.
    pub http: Http,
    /// Where the database is.
    pub database: Database,
    /// What the tokens of applications are encrypted with: the first encrypts, all decrypt.
    pub token_keys: Arc<Vec<TokenKey>>,
    /// The portals, by name.
    pub portals: BTreeMap<PortalName, Portal>,
    /// The shops, by name.
    pub shops: BTreeMap<ShopName, Shop>,
    /// The 1C bases that exchange with us, by name.
    pub onec: BTreeMap<BaseName, OneC>,
    /// What can be sold, and from where.
    pub stocks: Vec<StockSettings>,
    /// The tills, by name.
    pub tills: BTreeMap<TillName, Till>,
    /// The people who operate the bridge, by name.
    pub operators: BTreeMap<String, Operator>,
    holders: Arc<HashMap<KeyDigest, Holder>>,
    /// How lanes are leased, how often they look, and how often a refused write is tried.
    pub worker: Worker,
    /// How long settled things are kept.
    pub retention: Retention,
    /// How logs are written.
    pub log: Log,
    /// Where traces are sent.
    pub telemetry: Telemetry,
    /// Whether these are the demo values that stand in for no settings at all.
    pub demo: bool,
    /// The file they came from, if one was read.
    pub file: Option<PathBuf>,
    written: reload::Fingerprints,
}

/// The settings as written, before the checks that need more than one key.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    http: Http,
    database: Database,
    portals: BTreeMap<String, portals::Raw>,
    shops: BTreeMap<String, shops::Raw>,
    onec: BTreeMap<String, onec::Raw>,
    stock: BTreeMap<String, stock::Raw>,
    tills: BTreeMap<String, tills::Raw>,
    operators: BTreeMap<String, operators::Raw>,
    worker: Worker,
    retention: Retention,
    log: Log,
    telemetry: Telemetry,
}

impl Config {
    /// How long a write may land after it was sent, wherever it goes: the longest of all portals.
    pub fn lands_within(&self) -> Duration {
        let all = self.portals.values();
        let all = all.map(|portal| self.lands_within_at(portal));
        let set = Duration::from_secs(self.worker.doubt_seconds);
        all.max().unwrap_or(set)
    }

    /// How long a write to this portal may land after it was sent: what the portal allows a call,
    /// and a quarter as margin; longer if it is set so.
    pub fn lands_within_at(&self, portal: &Portal) -> Duration {
        let limit = portal.call_limit_seconds;
        let set = self.worker.doubt_seconds;
        Duration::from_secs(set.max(limit + limit.div_ceil(4)))
    }

    /// Reads the settings: `file`, else `BRIDGE_CONFIG`, else [`DEFAULT_FILE`] in `directory` if it
    /// is there, else the demo values; with the portals and shops of the folder `portals.d` beside
    /// the file; then the environment on top.
    pub fn load(
        file: Option<&Path>,
        directory: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        let environment: BTreeMap<String, String> = environment.into_iter().collect();
        let named = file
            .map(Path::to_path_buf)
            .or_else(|| environment.get("BRIDGE_CONFIG").map(PathBuf::from));
        let fallback = directory.join(DEFAULT_FILE);
        let chosen = named.or_else(|| fallback.is_file().then_some(fallback));
        let text = match &chosen {
            Some(path) => std::fs::read_to_string(path).map_err(|source| Error::Read {
                path: path.clone(),
                source,
            })?,
            None => String::new(),
        };
        let beside = chosen.as_deref().and_then(Path::parent);
        let beside = beside.unwrap_or(directory);
        let mut config = Self::read(&text, &files::read(beside)?, &environment)?;
        config.file = chosen;
        Ok(config)
    }

    /// The settings in `text`, with the environment on top; the demo values if neither names a
    /// portal or a shop.
    pub fn parse(text: &str, environment: &BTreeMap<String, String>) -> Result<Self, Error> {
        Self::read(text, &[], environment)
    }

    fn read(
        text: &str,
        parts: &[Part],
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, Error> {
        let mut table = toml::from_str::<toml::Table>(text).map_err(Error::Toml)?;
        let mut problems = files::merge(&mut table, parts)?;
        problems.extend(reading::environment::overlay(&mut table, environment));
        let demo = !table.contains_key("portals") && !table.contains_key("shops");
        if demo {
            let standing_in = toml::from_str::<toml::Table>(DEMO).map_err(Error::Toml)?;
            for (key, value) in standing_in {
                table.entry(key).or_insert(value);
            }
        }
        let raw = match Raw::deserialize(toml::Value::Table(table.clone())) {
            Ok(raw) => raw,
            // Reading the text itself once more gives the line, where the fault is in the text.
            Err(plain) => {
                return Err(
                    toml::from_str::<Raw>(text).map_or_else(Error::Toml, |_| Error::Toml(plain))
                );
            }
        };
        let raw = Raw {
            telemetry: raw.telemetry.or_environment(environment),
            ..raw
        };
        let config = Self::check(raw, demo, &mut problems);
        match config {
            Some(config) if problems.is_empty() => Ok(Self {
                written: reload::Fingerprints::of(&table),
                ..config
            }),
            _ => Err(Error::Problems(problems)),
        }
    }

    /// The settings that stand in where none are given: enough for a demo.
    pub fn demo() -> Result<Self, Error> {
        Self::parse("", &BTreeMap::new())
    }

    fn check(raw: Raw, demo: bool, problems: &mut Vec<Problem>) -> Option<Self> {
        raw.http.check(problems);
        raw.worker.check(problems);
        raw.retention.check(problems);
        raw.telemetry.check(problems);
        let portals = portals::check(raw.portals, problems);
        let shops = shops::check(raw.shops, problems);
        let onec = onec::check(raw.onec, &shops, problems);
        let stocks = stock::check(raw.stock, &shops, problems);
        let bases: Vec<_> = onec.values().map(|one| &*one.base).collect();
        stock::counted_by_onec(&stocks, &bases, problems);
        onec::receipts(&onec, &stocks, problems);
        let tills = tills::check(raw.tills, &stocks, problems);
        let operators = operators::check(raw.operators, problems);
        for (name, shop) in &shops {
            if !portals.contains_key(&shop.rules.portal) {
                problems.push(Problem::new(
                    format!("shops.{name}.portal"),
                    format!("there is no portal named `{}`", shop.rules.portal),
                    format!(
                        "add `[portals.{}]` or name one that is there",
                        shop.rules.portal
                    ),
                ));
            }
        }
        let holders = Arc::new(holders(&shops, &operators, &tills, problems));
        let token_keys = Arc::new(raw.database.token_keys(problems));
        let app = |portal: &Portal| matches!(portal.access, PortalAccess::App(_));
        if token_keys.is_empty() && problems.is_empty() && portals.values().any(app) {
            problems.push(Problem::new(
                "database.token_key",
                "missing: the tokens of an application are kept encrypted",
                "make one with `openssl rand -base64 32` and keep it as a secret, or name its file \
                 in `token_key_file`",
            ));
        }
        problems.is_empty().then(|| Self {
            http: raw.http,
            database: raw.database,
            token_keys,
            portals,
            shops,
            onec,
            stocks,
            tills,
            operators,
            holders,
            worker: raw.worker,
            retention: raw.retention,
            log: raw.log,
            telemetry: raw.telemetry,
            demo,
            file: None,
            written: reload::Fingerprints::default(),
        })
    }

    /// How each shop's orders are written.
    pub fn shop_rules(&self) -> BTreeMap<ShopName, Arc<ShopRules>> {
        self.shops
            .iter()
            .map(|(name, shop)| (name.clone(), Arc::clone(&shop.rules)))
            .collect()
    }

    /// The 1C bases that exchange files with the bridge, by name.
    pub fn bases(&self) -> BTreeMap<BaseName, Arc<crate::formats::onec::Base>> {
        let of = |(name, onec): (&BaseName, &OneC)| (name.clone(), Arc::clone(&onec.base));
        self.onec.iter().map(of).collect()
    }

    /// What people call the statuses of each shop.
    pub fn titles(&self) -> BTreeMap<ShopName, BTreeMap<String, String>> {
        let of = |(name, shop): (&ShopName, &Shop)| (name.clone(), shop.titles.clone());
        self.shops.iter().map(of).collect()
    }

    /// The forms of every shop, by their names.
    pub fn form_rules(&self) -> BTreeMap<(ShopName, String), Arc<FormRules>> {
        let of_shop = |(name, shop): (&ShopName, &Shop)| {
            let forms = shop.forms.iter();
            let keyed = forms.map(|form| {
                let key = (name.clone(), form.rules.name.clone());
                (key, Arc::clone(&form.rules))
            });
            keyed.collect::<Vec<_>>()
        };
        self.shops.iter().flat_map(of_shop).collect()
    }

    /// What the tills are.
    pub fn till_settings(&self) -> Vec<TillSettings> {
        let tills = self.tills.values();
        tills.map(|till| till.settings.clone()).collect()
    }

    /// How the calls, mails and messages of every shop are put on cards.
    pub fn activity_rules(&self) -> BTreeMap<ShopName, ActivityRules> {
        let of_shop = |(name, shop): (&ShopName, &Shop)| (name.clone(), shop.activities.clone());
        self.shops.iter().map(of_shop).collect()
    }

    /// How the products of every shop that keeps a catalogue are kept in step.
    pub fn catalogue_rules(&self) -> BTreeMap<ShopName, Arc<CatalogueRules>> {
        let of_shop = |(name, shop): (&ShopName, &Shop)| {
            let rules = shop.catalogue.clone()?;
            Some((name.clone(), rules))
        };
        self.shops.iter().filter_map(of_shop).collect()
    }

    /// Every configured event source with its shop.
    pub fn sources(&self) -> Vec<(String, ShopName)> {
        let of_shop = |(name, shop): (&ShopName, &Shop)| {
            shop.sources
                .iter()
                .map(|source| (source.clone(), name.clone()))
                .collect::<Vec<_>>()
        };
        self.shops.iter().flat_map(of_shop).collect()
    }

    /// Where a key of the demo stands among the settings, if one does.
    pub fn demo_key(&self) -> Option<String> {
        let demo = DEMO_KEYS.map(KeyDigest::of);
        let known = |key: &KeyDigest| demo.iter().any(|demo| demo.matches(key));
        let shop = |(name, shop): (&ShopName, &Shop)| {
            let found = shop.api_keys.iter().any(known);
            found.then(|| format!("shops.{name}.api_keys"))
        };
        let operator = |(name, operator): (&String, &Operator)| {
            let found = operator.key.as_ref().is_some_and(known);
            found.then(|| format!("operators.{name}.key"))
        };
        let till = |(name, till): (&TillName, &Till)| {
            known(&till.key).then(|| format!("tills.{name}.token"))
        };
        let shops = self.shops.iter().find_map(shop);
        let operators = || self.operators.iter().find_map(operator);
        shops
            .or_else(operators)
            .or_else(|| self.tills.iter().find_map(till))
    }

    /// Who holds this key. What the time of the answer may tell is about the key's digest, which
    /// leads nobody to a key.
    pub fn authenticate(&self, key: &str) -> Option<Caller> {
        let holder = self.holders.get(&KeyDigest::of(key))?;
        Some(holder.caller.clone())
    }
}

/// Who holds a key, and where among the settings it stands.
#[derive(Debug, Clone)]
struct Holder {
    place: String,
    caller: Caller,
}

/// The holders of all keys; one key must name one caller.
fn holders(
    shops: &BTreeMap<ShopName, Shop>,
    operators: &BTreeMap<String, Operator>,
    tills: &BTreeMap<TillName, Till>,
    problems: &mut Vec<Problem>,
) -> HashMap<KeyDigest, Holder> {
    let of_shops = shops.iter().flat_map(|(name, shop)| {
        let place = format!("shops.{name}.api_keys");
        let caller = Caller::Shop(name.clone());
        let holder = Holder { place, caller };
        shop.api_keys.iter().map(move |key| (key, holder.clone()))
    });
    let of_operators = operators.iter().filter_map(|(name, operator)| {
        let place = format!("operators.{name}.key");
        let (name, role) = (name.clone(), operator.role);
        let caller = Caller::Operator { name, role };
        Some((operator.key.as_ref()?, Holder { place, caller }))
    });
    let of_tills = tills.iter().map(|(name, till)| {
        let place = format!("tills.{name}.token");
        let (name, shop) = (name.clone(), till.settings.shop.clone());
        let caller = Caller::Till { name, shop };
        (&till.key, Holder { place, caller })
    });
    let mut all: HashMap<KeyDigest, Holder> = HashMap::new();
    for (key, holder) in of_shops.chain(of_operators).chain(of_tills) {
        if let Some(other) = all.get(key) {
            problems.push(Problem::new(
                holder.place,
                format!("the same key stands at `{}`", other.place),
                "give each caller a key of its own",
            ));
        } else {
            all.insert(key.clone(), holder);
        }
    }
    all
}

#[cfg(test)]
mod tests;

//! `[onec.NAME]`: 1C bases that exchange with the bridge as with a site.

mod catalogue;
mod export;
mod import;
mod profiles;
mod push;
mod statuses;
mod users;

pub(super) use export::receipts;
pub use push::OneCPush;
pub use users::OneCUser;

use super::{Master, Problem, Shop};
use crate::{
    domain::{BaseName, ShopName},
    formats::{
        commerceml::{Encoding, Listed, SchemaVersion, write::PaymentKind},
        onec::{Base, PaySystem},
    },
};
use chrono_tz::Tz;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

/// A base, and who may exchange for it.
#[derive(Debug, Clone)]
pub struct OneC {
    /// The base's name, its orders, and how they are written.
    pub base: Arc<Base>,
    /// Further addresses at which it is served: paths.
    pub also_at: Vec<String>,
    /// Who may exchange, by login.
    pub users: BTreeMap<String, OneCUser>,
    /// The service that is told of orders at once.
    pub push: Option<OneCPush>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    shops: Vec<String>,
    #[serde(default)]
    also_at: Vec<String>,
    #[serde(default)]
    encoding: RawEncoding,
    #[serde(default = "schema_version_max")]
    schema_version_max: String,
    #[serde(default = "time_zone")]
    time_zone: String,
    #[serde(default = "yes")]
    zip: bool,
    #[serde(default = "file_limit")]
    file_limit: u64,
    #[serde(default = "step_seconds")]
    step_seconds: u64,
    #[serde(default = "max_upload_bytes")]
    max_upload_bytes: u64,
    #[serde(default = "session_ttl")]
    session_ttl: String,
    #[serde(default = "keep_files")]
    keep_files: String,
    #[serde(default = "keep_files_bytes")]
    keep_files_bytes: String,
    users: BTreeMap<String, users::Raw>,
    #[serde(default)]
    export: export::Raw,
    #[serde(default)]
    import: import::Raw,
    #[serde(default)]
    catalogue: catalogue::Raw,
    push: Option<push::Raw>,
    #[serde(default)]
    profiles: profiles::Raw,
    #[serde(default)]
    statuses: Vec<statuses::Raw>,
    #[serde(default)]
    pay_systems: Vec<RawPaySystem>,
    #[serde(default)]
    delivery_services: Vec<RawListed>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum RawEncoding {
    #[default]
    #[serde(rename = "windows-1251")]
    Windows1251,
    #[serde(rename = "utf-8")]
    Utf8,
    #[serde(rename = "utf-8-bom")]
    Utf8Bom,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawListed {
    id: String,
    name: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawPaySystem {
    id: String,
    name: String,
    #[serde(default)]
    kind: RawKind,
}

#[derive(Debug, Default, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawKind {
    Cash,
    #[default]
    Cashless,
    Acquiring,
}

fn yes() -> bool {
    true
}

fn schema_version_max() -> String {
    "3.1".to_owned()
}

fn time_zone() -> String {
    "Europe/Moscow".to_owned()
}

fn file_limit() -> u64 {
    204_800
}

fn step_seconds() -> u64 {
    30
}

fn max_upload_bytes() -> u64 {
    268_435_456
}

fn session_ttl() -> String {
    "1h".to_owned()
}

fn keep_files() -> String {
    "30d".to_owned()
}

fn keep_files_bytes() -> String {
    "2GiB".to_owned()
}

pub(super) fn check(
    raw: BTreeMap<String, Raw>,
    shops: &BTreeMap<ShopName, Shop>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<BaseName, OneC> {
    let mut bases: BTreeMap<BaseName, OneC> = BTreeMap::new();
    for (name, raw) in raw {
        let key = format!("onec.{name}");
        match BaseName::parse(&name) {
            Ok(name) => {
                let base = base(raw, &name, shops, problems);
                bases.insert(name, base);
            }
            Err(rule) => problems.push(Problem::new(key, rule, "choose another name")),
        }
    }
    alone(&bases, problems);
    import::winners(&bases, shops, problems);
    bases
}

/// A shop belongs to one base, an address to one base.
fn alone(bases: &BTreeMap<BaseName, OneC>, problems: &mut Vec<Problem>) {
    let mut owners: BTreeMap<&ShopName, &BaseName> = BTreeMap::new();
    let mut places: BTreeSet<&str> = BTreeSet::new();
    for (name, onec) in bases {
        for shop in &onec.base.shops {
            if let Some(other) = owners.insert(shop, name) {
                problems.push(Problem::new(
                    format!("onec.{name}.shops"),
                    format!("the shop `{shop}` belongs to the base `{other}` already"),
                    "name each shop in one base only",
                ));
            }
        }
        for place in &onec.also_at {
            if !places.insert(place) {
                problems.push(Problem::new(
                    format!("onec.{name}.also_at"),
                    format!("the address `{place}` is given twice"),
                    "give each base addresses of its own",
                ));
            }
        }
    }
}

fn base(
    raw: Raw,
    name: &BaseName,
    known: &BTreeMap<ShopName, Shop>,
    problems: &mut Vec<Problem>,
) -> OneC {
    let key = format!("onec.{name}");
    let names = shops(&raw.shops, &key, known, problems);
    let also_at = also_at(raw.also_at, &key, problems);
    let statuses = statuses::check(raw.statuses, &key, problems);
    let table = crate::formats::onec::StatusTable::new(statuses);
    let export = export::check(raw.export, &names, &table, &key, problems);
    let users = users::check(raw.users, &key, problems);
    for (name, bytes, least) in [
        ("file_limit", raw.file_limit, 1_024),
        ("max_upload_bytes", raw.max_upload_bytes, 65_536),
    ] {
        range(&key, name, bytes, (least, 4 << 30), problems);
    }
    range(&key, "step_seconds", raw.step_seconds, (0, 300), problems);
    let ttl = time(&key, "session_ttl", &raw.session_ttl, problems);
    let keep = time(&key, "keep_files", &raw.keep_files, problems);
    let pay_systems: Vec<_> = raw.pay_systems.into_iter().map(pay_system).collect();
    let place = (key.as_str(), names.as_slice());
    let is_master = |name: &&ShopName| {
        let shop = known.get(*name);
        shop.is_some_and(|shop| shop.master == Master::Onec)
    };
    let masters = names.iter().filter(is_master).cloned().collect();
    let deliveries = raw.delivery_services.into_iter();
    let delivery_services: Vec<_> = deliveries.map(|one| listed(one.id, one.name)).collect();
    let listed = import::Known {
        pay_systems: &pay_systems,
        delivery_services: &delivery_services,
    };
    let import = import::check(raw.import, place, known, listed, problems);
    let version_max = version(&key, &raw.schema_version_max, problems);
    let push = raw.push;
    let push = push.and_then(|raw| push::check(raw, &key, version_max, problems));
    let base = Base {
        name: name.clone(),
        shops: names,
        encoding: match raw.encoding {
            RawEncoding::Windows1251 => Encoding::Windows1251,
            RawEncoding::Utf8 => Encoding::Utf8,
            RawEncoding::Utf8Bom => Encoding::Utf8Bom,
        },
        version_max,
        push: push.as_ref().map(|(_, version)| *version),
        time_zone: zone(&key, &raw.time_zone, problems),
        zip: raw.zip,
        file_limit: raw.file_limit,
        step: Duration::from_secs(raw.step_seconds),
        max_upload: raw.max_upload_bytes,
        session_ttl: ttl,
        keep_files: keep,
        keep_files_bytes: bytes(&key, &raw.keep_files_bytes, problems),
        export,
        profiles: profiles::read(&key, raw.profiles, problems),
        statuses: table,
        import,
        catalogue: catalogue::check(raw.catalogue, &key, problems),
        masters,
        rights: users
            .iter()
            .filter_map(|(login, user)| Some((login.clone(), user.may.clone()?)))
            .collect(),
        pay_systems,
        delivery_services,
    };
    OneC {
        base: Arc::new(base),
        also_at,
        users,
        push: push.map(|(push, _)| push),
    }
}

fn shops(
    given: &[String],
    key: &str,
    known: &BTreeMap<ShopName, Shop>,
    problems: &mut Vec<Problem>,
) -> Vec<ShopName> {
    let place = format!("{key}.shops");
    let mut names: Vec<ShopName> = Vec::new();
    for shop in given {
        let found = known.keys().find(|name| name.as_str() == shop);
        match found {
            Some(name) if !names.contains(name) => names.push(name.clone()),
            Some(_) => {}
            None => problems.push(Problem::new(
                &place,
                format!("there is no shop named `{shop}`"),
                format!("add `[shops.{shop}]` or name one that is there"),
            )),
        }
    }
    if given.is_empty() {
        let remedy = "name the shops whose orders this base gets";
        problems.push(Problem::new(place, "empty", remedy));
    }
    names
}

/// The beginnings of addresses that are taken.
const TAKEN: [&str; 9] = [
    "/v1",
    "/console",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/webhooks",
    "/exchange",
    "/forms",
];

fn also_at(given: Vec<String>, key: &str, problems: &mut Vec<Problem>) -> Vec<String> {
    let fits = |path: &String| {
        let plain = path
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"/_-.~".contains(&byte));
        let taken = TAKEN.iter().any(|taken| {
            let rest = path.strip_prefix(taken);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        path.starts_with('/') && path.len() > 1 && plain && !taken && !path.contains("//")
    };
    for path in given.iter().filter(|path| !fits(path)) {
        problems.push(Problem::new(
            format!("{key}.also_at"),
            format!("`{path}` cannot be such an address"),
            "write a path that the bridge does not use itself: \"/bitrix/admin/1c_exchange.php\"",
        ));
    }
    given.into_iter().filter(|path| fits(path)).collect()
}

fn range(key: &str, name: &str, value: u64, (low, high): (u64, u64), problems: &mut Vec<Problem>) {
    if !(low..=high).contains(&value) {
        let remedy = format!("choose {low} to {high}");
        problems.push(Problem::new(
            format!("{key}.{name}"),
            "out of range",
            remedy,
        ));
    }
}

fn version(key: &str, text: &str, problems: &mut Vec<Problem>) -> SchemaVersion {
    let (least, most) = (SchemaVersion::new(2, 3), SchemaVersion::new(3, 10));
    let version = SchemaVersion::parse(text);
    version
        .filter(|version| (least..=most).contains(version))
        .unwrap_or_else(|| {
            problems.push(Problem::new(
                format!("{key}.schema_version_max"),
                format!("`{text}` is no version of CommerceML that is spoken"),
                "choose 2.03 to 3.1",
            ));
            most
        })
}

fn zone(key: &str, text: &str, problems: &mut Vec<Problem>) -> Tz {
    text.parse().unwrap_or_else(|_| {
        problems.push(Problem::new(
            format!("{key}.time_zone"),
            format!("there is no time zone `{text}`"),
            "write its name as in \"Europe/Moscow\"",
        ));
        Tz::UTC
    })
}

/// `45s`, `30m`, `1h`, `30d`; at least a minute, at most ten years.
fn time(key: &str, name: &str, text: &str, problems: &mut Vec<Problem>) -> Duration {
    let read = || {
        let end = text.find(|c: char| !c.is_ascii_digit())?;
        let (number, unit) = text.split_at(end);
        let seconds = match unit.trim() {
            "s" => 1,
            "m" | "min" => 60,
            "h" => 3_600,
            "d" => 86_400,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(seconds)
    };
    match read() {
        Some(seconds) if (60..=315_360_000).contains(&seconds) => Duration::from_secs(seconds),
        _ => {
            problems.push(Problem::new(
                format!("{key}.{name}"),
                format!("`{text}` is not a time that can be used"),
                "write a number and m, h or d: \"1h\"; at least a minute",
            ));
            Duration::from_hours(1)
        }
    }
}

/// A size in bytes: a whole number, with `B`, `KiB`, `MiB`, `GiB`, `TiB` or nothing behind it.
/// Anything else is a problem, and counts as 2 GiB.
fn bytes(key: &str, text: &str, problems: &mut Vec<Problem>) -> u64 {
    let read = || {
        let end = text
            .find(|c: char| !c.is_ascii_digit())
            .unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let shift = match unit.trim() {
            "" | "B" => 0,
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            "TiB" => 40,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(1 << shift)
    };
    read()
        .filter(|bytes| i64::try_from(*bytes).is_ok())
        .unwrap_or_else(|| {
            problems.push(Problem::new(
                format!("{key}.keep_files_bytes"),
                format!("`{text}` is not a number of bytes"),
                "write a number and KiB, MiB or GiB: \"2GiB\"",
            ));
            2 << 30
        })
}

fn listed(id: String, name: String) -> Listed {
    Listed { id, name }
}

fn pay_system(raw: RawPaySystem) -> PaySystem {
    PaySystem {
        kind: match raw.kind {
            RawKind::Cash => PaymentKind::Cash,
            RawKind::Cashless => PaymentKind::Cashless,
            RawKind::Acquiring => PaymentKind::Acquiring,
        },
        listed: listed(raw.id, raw.name),
    }
}

#[cfg(test)]
mod tests;

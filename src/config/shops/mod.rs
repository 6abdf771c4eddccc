//! `[shops.NAME]`: the stores that post events, and how their orders are written.

pub(super) mod activities;
mod catalogue;
mod conflicts;
pub(super) mod forms;
pub(super) mod woocommerce;

pub use conflicts::Master;

use conflicts::{RawConflict, RawFinal, RawRule, RawSource, conflict, sources_of_truth};

use super::{Form, Problem, Secret, WooCommerce, reading::secret};
use crate::{
    auth::KeyDigest,
    clients::callback,
    domain::{
        ActivityRules, CatalogueRules, Conflict, Correspondence, Direction, Finality, LeadRule,
        OnDeleted, Placeholders, PortalName, Rule, ShopName, ShopRules, Stage, StatusMap, Texts,
        WriteLimit,
    },
    stock::NameKind,
};
use chrono::TimeDelta;
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

/// A shop, as configured.
#[derive(Debug, Clone)]
pub struct Shop {
    /// How its orders are written.
    pub rules: Arc<ShopRules>,
    /// The digests of the keys that post its events.
    pub api_keys: Vec<KeyDigest>,
    /// Event sources that are this shop, for events that come without a key.
    pub sources: Vec<String>,
    /// What its WooCommerce webhooks are signed with, if it is a WooCommerce shop.
    pub woocommerce: Option<WooCommerce>,
    /// Where decided changes are sent.
    pub callback_url: Option<String>,
    /// What they are signed with.
    pub callback_secret: Option<Secret>,
    /// Source of truth; the first match wins.
    pub sources_of_truth: Vec<Rule>,
    /// What decides where no rule matches.
    pub conflict: Conflict,
    /// Which statuses say paid, delivered, cancelled; `None`: told from the table's usual codes.
    pub finality: Option<Finality>,
    /// When writing again and again is stopped.
    pub turns: WriteLimit,
    /// What people call its statuses, for 1C.
    pub titles: BTreeMap<String, String>,
    /// What its products are known by; the first that is known wins.
    pub products_by: Vec<NameKind>,
    /// The comment that a deal gets when a manager's move was overruled; `None`: no comment.
    /// Placeholders: `{number}`, `{status}`, `{from}` and `{to}` (stages), `{reason}`.
    pub overruled_comment: Option<String>,
    /// Who says what is in its orders.
    pub master: Master,
    /// The forms of its site.
    pub forms: Vec<Form>,
    /// How its calls, mails and messages are put on cards.
    pub activities: ActivityRules,
    /// How its products are kept in step; `None`: they are not.
    pub catalogue: Option<Arc<CatalogueRules>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    portal: String,
    #[serde(default)]
    master: Master,
    #[serde(default)]
    api_keys: Vec<Secret>,
    api_keys_file: Option<PathBuf>,
    #[serde(default)]
    sources: Vec<String>,
    woocommerce: Option<woocommerce::Raw>,
    callback_url: Option<String>,
    callback_secret: Option<Secret>,
    callback_secret_file: Option<PathBuf>,
    #[serde(default)]
    funnel: u32,
    #[serde(default = "title")]
    title: String,
    responsible_id: Option<u64>,
    source_id: Option<String>,
    #[serde(default)]
    fields: BTreeMap<String, String>,
    #[serde(default = "phone_country")]
    phone_country: String,
    #[serde(default)]
    texts: Texts,
    #[serde(default)]
    placeholders: Vec<String>,
    #[serde(default = "delivery_name")]
    delivery_name: String,
    #[serde(default)]
    on_deleted: RawOnDeleted,
    #[serde(default)]
    leads: Vec<RawLead>,
    #[serde(default)]
    statuses: Vec<RawStatus>,
    #[serde(default)]
    rules: Vec<RawRule>,
    #[serde(default)]
    conflict: RawConflict,
    r#final: Option<RawFinal>,
    #[serde(default)]
    titles: BTreeMap<String, String>,
    overruled_comment: Option<String>,
    #[serde(default)]
    products: RawProducts,
    #[serde(default)]
    forms: Vec<forms::Raw>,
    #[serde(default)]
    activities: activities::Raw,
    catalogue: Option<catalogue::Raw>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProducts {
    by: Option<Vec<NameKind>>,
}

/// `"nothing"`, or `{ stage = "LOSE" }`.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawOnDeleted {
    #[default]
    Nothing,
    Stage(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawLead {
    channel: Option<String>,
    property: Option<RawProperty>,
    #[serde(default = "lead_status")]
    status: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawProperty {
    code: String,
    value: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawStatus {
    status: String,
    stage: String,
    #[serde(default)]
    accepts: Vec<String>,
    #[serde(default)]
    direction: Direction,
    #[serde(default)]
    reverse: bool,
    source: Option<RawSource>,
}

fn title() -> String {
    "Заказ {number}".to_owned()
}

fn phone_country() -> String {
    "7".to_owned()
}

fn delivery_name() -> String {
    "Доставка".to_owned()
}

fn lead_status() -> String {
    "NEW".to_owned()
}

pub(super) fn check(
    raw: BTreeMap<String, Raw>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<ShopName, Shop> {
    let mut shops = Vec::with_capacity(raw.len());
    for (name, raw) in raw {
        let key = format!("shops.{name}");
        let name = ShopName::parse(&name)
            .map_err(|rule| problems.push(Problem::new(&key, rule, "choose another name")));
        let portal = PortalName::parse(&raw.portal).map_err(|rule| {
            problems.push(Problem::new(format!("{key}.portal"), rule, "name a portal"));
        });
        if let (Ok(name), Ok(portal)) = (name, portal) {
            shops.push((name.clone(), shop(raw, name, portal, problems)));
        }
    }
    // All at once: one by one, in order, leaves half of each node empty.
    shops.into_iter().collect()
}

fn shop(raw: Raw, name: ShopName, portal: PortalName, problems: &mut Vec<Problem>) -> Shop {
    let key = format!("shops.{name}");
    let callback_secret = secret::resolve(
        raw.callback_secret,
        raw.callback_secret_file.as_deref(),
        &format!("{key}.callback_secret"),
        problems,
    );
    let callback_url = raw.callback_url.as_deref();
    callback(&key, callback_url, callback_secret.as_ref(), problems);
    texts(&key, &raw.phone_country, &raw.title, &raw.fields, problems);
    let catalogue = raw
        .catalogue
        .map(|raw| catalogue::check(raw, &name, &key, problems));
    let rules = ShopRules {
        placeholders: placeholders(&raw.placeholders, &raw.phone_country, &key, problems),
        portal,
        funnel: raw.funnel,
        statuses: statuses(raw.statuses, raw.funnel, &key, problems),
        title: raw.title,
        responsible_id: raw.responsible_id,
        source_id: raw.source_id,
        fields: raw.fields,
        phone_country: raw.phone_country,
        texts: raw.texts,
        on_deleted: match raw.on_deleted {
            RawOnDeleted::Nothing => OnDeleted::Nothing,
            RawOnDeleted::Stage(stage) => OnDeleted::Stage(Stage::parse(raw.funnel, &stage)),
        },
        leads: raw.leads.into_iter().map(lead).collect(),
        delivery_name: raw.delivery_name,
        shop: name,
    };
    let (conflict, turns) = conflict(raw.conflict, &key, problems);
    let sources_of_truth = sources_of_truth(raw.rules, raw.funnel);
    let finality = raw.r#final.map(|said| Finality {
        paid: said.paid,
        delivered: said.delivered,
        cancelled: said.cancelled,
    });
    overruled_comment(raw.overruled_comment.as_deref(), &key, problems);
    Shop {
        master: raw.master,
        rules: Arc::new(rules),
        api_keys: api_keys(raw.api_keys, raw.api_keys_file.as_deref(), &key, problems),
        sources: raw.sources,
        woocommerce: raw
            .woocommerce
            .and_then(|raw| woocommerce::check(raw, &key, problems)),
        callback_url: raw.callback_url,
        callback_secret,
        sources_of_truth,
        conflict,
        finality,
        turns,
        titles: raw.titles,
        products_by: products_by(raw.products, &key, problems),
        overruled_comment: raw.overruled_comment,
        forms: forms::check(raw.forms, (&key, raw.funnel), problems),
        activities: activities::check(raw.activities, &key, problems),
        catalogue,
    }
}

/// A callback has an address and the secret that it is signed with.
fn callback(key: &str, url: Option<&str>, secret: Option<&Secret>, problems: &mut Vec<Problem>) {
    if url.is_some() && secret.is_none() {
        problems.push(Problem::new(
            format!("{key}.callback_secret"),
            "missing",
            "callbacks are signed: give the secret (`whsec_…`) that the shop checks them with",
        ));
    }
    if secret.is_some_and(|secret| callback::Secret::parse(secret.expose_secret()).is_none()) {
        problems.push(Problem::new(
            format!("{key}.callback_secret"),
            "this is not `whsec_` and base64",
            "make one: echo whsec_$(openssl rand -base64 32)",
        ));
    }
    if url.is_some_and(|url| !is_http(url)) {
        problems.push(Problem::new(
            format!("{key}.callback_url"),
            "this is not an address",
            "write https://shop.example/bridge",
        ));
    }
}

fn overruled_comment(text: Option<&str>, key: &str, problems: &mut Vec<Problem>) {
    if text.is_some_and(|text| text.trim().is_empty() || text.chars().count() > 1_000) {
        problems.push(Problem::new(
            format!("{key}.overruled_comment"),
            "empty or too long",
            "write 1 to 1000 characters",
        ));
    }
}

/// The built-in list, and what the shop adds to it.
fn placeholders(
    texts: &[String],
    phone_country: &str,
    key: &str,
    problems: &mut Vec<Problem>,
) -> Placeholders {
    let mut all = Placeholders::default();
    for (at, text) in texts.iter().enumerate() {
        if let Err(rule) = all.add(text, phone_country) {
            problems.push(Problem::new(
                format!("{key}.placeholders[{at}]"),
                rule,
                "write an address, `*@domain`, a phone, `id:5` or a word",
            ));
        }
    }
    all
}

/// What products are known by: each kind once, at least one.
fn products_by(raw: RawProducts, key: &str, problems: &mut Vec<Problem>) -> Vec<NameKind> {
    let Some(by) = raw.by else {
        return NameKind::ALL.to_vec();
    };
    let twice = by
        .iter()
        .enumerate()
        .any(|(at, kind)| by[..at].contains(kind));
    if by.is_empty() || twice {
        problems.push(Problem::new(
            format!("{key}.products.by"),
            "empty, or the same twice",
            "name each once: product_id, xml_id, sku, barcode",
        ));
    }
    by
}

/// `500ms`, `5s`, `2m`, `1h`; at most a day.
pub(super) fn duration(text: &str) -> Option<TimeDelta> {
    let text = text.trim();
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let number: i64 = number.parse().ok()?;
    let unit = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    let time = TimeDelta::try_milliseconds(number.checked_mul(unit)?)?;
    (time <= TimeDelta::days(1)).then_some(time)
}

fn lead(raw: RawLead) -> LeadRule {
    let property = raw.property.map(|property| (property.code, property.value));
    LeadRule {
        channel: raw.channel,
        property,
        status: raw.status,
    }
}

fn api_keys(
    mut keys: Vec<Secret>,
    file: Option<&Path>,
    key: &str,
    problems: &mut Vec<Problem>,
) -> Vec<KeyDigest> {
    let place = format!("{key}.api_keys");
    if file.is_some() {
        keys.extend(secret::resolve(None, file, &place, problems));
    } else if keys.is_empty() {
        problems.push(Problem::new(
            &place,
            "missing",
            "give the shop at least one key",
        ));
    }
    keys.iter()
        .filter_map(|given| secret::key_digest(given, &place, problems))
        .collect()
}

pub(super) fn is_http(text: &str) -> bool {
    url::Url::parse(text)
        .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

fn texts(
    key: &str,
    phone_country: &str,
    title: &str,
    fields: &BTreeMap<String, String>,
    problems: &mut Vec<Problem>,
) {
    if !(1..=3).contains(&phone_country.len()) || !phone_country.bytes().all(|b| b.is_ascii_digit())
    {
        problems.push(Problem::new(
            format!("{key}.phone_country"),
            "this is not a country calling code",
            "write 1 to 3 digits without a plus, for example \"7\"",
        ));
    }
    if title.trim().is_empty() || title.chars().count() > 200 {
        problems.push(Problem::new(
            format!("{key}.title"),
            "empty or too long",
            "write 1 to 200 characters",
        ));
    }
    for (path, field) in fields {
        if !field.starts_with("UF_") {
            problems.push(Problem::new(
                format!("{key}.fields.\"{path}\""),
                format!("`{field}` is not a user field"),
                "name one that begins with UF_CRM_",
            ));
        }
    }
}

fn statuses(raw: Vec<RawStatus>, funnel: u32, key: &str, problems: &mut Vec<Problem>) -> StatusMap {
    let mut seen = BTreeSet::new();
    let mut back: BTreeMap<Stage, String> = BTreeMap::new();
    let mut rows = Vec::with_capacity(raw.len());
    for (at, row) in raw.into_iter().enumerate() {
        let place = format!("{key}.statuses[{at}]");
        if row.status.is_empty() || row.stage.is_empty() {
            problems.push(Problem::new(
                &place,
                "a row needs a status and a stage",
                "fill in both",
            ));
            continue;
        }
        if !seen.insert(row.status.clone()) {
            problems.push(Problem::new(
                &place,
                format!("the status `{}` stands in two rows", row.status),
                "keep one, and list further stages in its `accepts`",
            ));
        }
        let stage = Stage::parse(funnel, &row.stage);
        if row.reverse
            && let Some(other) = back.insert(stage.clone(), row.status.clone())
        {
            problems.push(Problem::new(
                &place,
                format!(
                    "the stage `{stage}` would mean both `{other}` and `{}` on the way back",
                    row.status
                ),
                "set `reverse` in one row only",
            ));
        }
        rows.push(Correspondence {
            status: row.status,
            accepts: row
                .accepts
                .iter()
                .map(|stage| Stage::parse(funnel, stage))
                .collect(),
            stage,
            direction: row.direction,
            reverse: row.reverse,
            source: row.source.map(RawSource::system),
        });
    }
    StatusMap::new(rows)
}

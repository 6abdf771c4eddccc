//! `[[shops.NAME.forms]]`: the forms of a shop's site, where they post to, and what they become.

use crate::{
    auth::KeyDigest,
    config::{Problem, Secret, reading::secret},
    domain::{FormField, FormRules, FormService, FormTarget, form_field_name},
};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};
use url::Url;

/// A form of a shop's site, as configured.
#[derive(Debug, Clone)]
pub struct Form {
    /// How it is read and delivered.
    pub rules: Arc<FormRules>,
    /// The last part of its address.
    pub token: KeyDigest,
    /// What a visitor's browser, or the service, is answered.
    pub answer: FormAnswer,
}

/// What whoever posts a form is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormAnswer {
    /// 200 and a short text.
    Ok,
    /// 303 to this address.
    Redirect(String),
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Raw {
    name: String,
    token: Option<Secret>,
    token_file: Option<PathBuf>,
    #[serde(default)]
    kind: FormService,
    #[serde(default)]
    fields: BTreeMap<String, String>,
    #[serde(default)]
    r#as: FormTarget,
    #[serde(default = "source_id")]
    source_id: String,
    responsible_id: Option<u64>,
    funnel: Option<u32>,
    #[serde(default = "same_within")]
    same_within: String,
    honeypot: Option<String>,
    #[serde(default)]
    require_consent: bool,
    #[serde(default)]
    join_open: bool,
    #[serde(default = "answer")]
    answer: String,
}

fn source_id() -> String {
    "WEB".to_owned()
}

fn same_within() -> String {
    "5m".to_owned()
}

fn answer() -> String {
    "ok".to_owned()
}

/// Checks the forms of a shop; `funnel` is that of its orders.
pub(in crate::config) fn check(
    raw: Vec<Raw>,
    (key, funnel): (&str, u32),
    problems: &mut Vec<Problem>,
) -> Vec<Form> {
    let mut names = BTreeSet::new();
    let mut forms = Vec::with_capacity(raw.len());
    for (at, raw) in raw.into_iter().enumerate() {
        let place = format!("{key}.forms[{at}]");
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if raw.name.is_empty() || raw.name.len() > 64 || !raw.name.chars().all(plain) {
            let rule = "a form's name is 1 to 64 letters, digits, `-` or `_`";
            problems.push(Problem::new(
                format!("{place}.name"),
                rule,
                "choose another name",
            ));
        }
        if !names.insert(raw.name.clone()) {
            let fault = format!("two forms are called `{}`", raw.name);
            problems.push(Problem::new(&place, fault, "give each a name of its own"));
        }
        forms.extend(form(raw, (&place, funnel), problems));
    }
    forms
}

fn form(raw: Raw, (place, funnel): (&str, u32), problems: &mut Vec<Problem>) -> Option<Form> {
    let token_place = format!("{place}.token");
    let file = raw.token_file.as_deref();
    let token = secret::resolve(raw.token, file, &token_place, problems);
    if token.is_none() {
        let remedy = "make one: openssl rand -hex 24";
        problems.push(Problem::new(&token_place, "missing", remedy));
    }
    let word = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if let Some(token) = &token
        && !token.expose_secret().chars().all(word)
    {
        let rule = "a token stands in an address: letters, digits, `-` and `_` only";
        problems.push(Problem::new(
            &token_place,
            rule,
            "make one: openssl rand -hex 24",
        ));
    }
    let same_within = super::duration(&raw.same_within).unwrap_or_else(|| {
        problems.push(Problem::new(
            format!("{place}.same_within"),
            format!("`{}` is not a time", raw.same_within),
            "write a number and ms, s, m or h: \"5m\", at most 24h",
        ));
        chrono::TimeDelta::minutes(5)
    });
    let rules = FormRules {
        name: raw.name,
        service: raw.kind,
        fields: fields(&raw.fields, place, problems),
        becomes: raw.r#as,
        source_id: raw.source_id,
        responsible_id: raw.responsible_id,
        funnel: raw.funnel.unwrap_or(funnel),
        same_within: same_within.as_seconds_f64(),
        honeypot: raw.honeypot,
        require_consent: raw.require_consent,
        join_open: raw.join_open,
    };
    let answer = match raw.answer.split_once(' ') {
        None if raw.answer == "ok" => FormAnswer::Ok,
        Some(("redirect", to)) if super::is_http(to.trim()) => {
            // A header holds ASCII only: whatever else stands in the address is encoded.
            let to = to.trim();
            FormAnswer::Redirect(Url::parse(to).map_or_else(|_| to.to_owned(), Url::into))
        }
        _ => {
            problems.push(Problem::new(
                format!("{place}.answer"),
                format!("`{}` is no answer", raw.answer),
                "write \"ok\" or \"redirect https://shop.example/thanks\"",
            ));
            FormAnswer::Ok
        }
    };
    Some(Form {
        rules: Arc::new(rules),
        token: secret::key_digest(&token?, &token_place, problems)?,
        answer,
    })
}

fn fields(
    raw: &BTreeMap<String, String>,
    place: &str,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, FormField> {
    let mut fields = BTreeMap::new();
    for (name, meaning) in raw {
        match FormField::parse(meaning) {
            Some(field) => {
                fields.insert(form_field_name(name), field);
            }
            None => problems.push(Problem::new(
                format!("{place}.fields.\"{name}\""),
                format!("`{meaning}` is no field of a contact"),
                "write name, last_name, phone, email, comment, company, consent, utm_source \
                 (medium, campaign, content, term), or a user field that begins with UF_",
            )),
        }
    }
    fields
}

//! `[onec.NAME.users.LOGIN]`: who may exchange for a base.

use crate::{
    auth::PasswordHash,
    config::{Problem, Secret, reading::secret},
    formats::onec::Right,
};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf};

/// The kinds of exchange.
const TYPES: [&str; 4] = ["sale", "catalog", "get_catalog", "listen"];

/// Somebody who may exchange.
#[derive(Debug, Clone)]
pub struct OneCUser {
    /// The Argon2 hash of the password; the password itself is not kept.
    pub password: PasswordHash,
    /// The kinds of exchange; empty: all.
    types: Vec<String>,
    /// What may be done; `None`: all.
    pub(super) may: Option<Vec<Right>>,
}

impl OneCUser {
    /// Whether this kind of exchange is allowed.
    pub fn exchanges(&self, kind: &str) -> bool {
        self.types.is_empty() || self.types.iter().any(|one| one == kind)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    password_hash: Option<Secret>,
    password_hash_file: Option<PathBuf>,
    #[serde(default)]
    types: Vec<String>,
    may: Option<Vec<String>>,
}

pub(super) fn check(
    raw: BTreeMap<String, Raw>,
    base: &str,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, OneCUser> {
    let mut users = BTreeMap::new();
    if raw.is_empty() {
        problems.push(Problem::new(
            format!("{base}.users"),
            "nobody may exchange",
            "add `[onec.NAME.users.LOGIN]` with a `password_hash`",
        ));
    }
    for (login, raw) in raw {
        let key = format!("{base}.users.{login}");
        if login.is_empty() || login.contains(':') {
            let remedy = "choose a login without a colon";
            problems.push(Problem::new(&key, "this cannot be a login", remedy));
        }
        for kind in raw
            .types
            .iter()
            .filter(|kind| !TYPES.contains(&kind.as_str()))
        {
            problems.push(Problem::new(
                format!("{key}.types"),
                format!("`{kind}` is no kind of exchange"),
                format!("choose of {}", TYPES.join(", ")),
            ));
        }
        let may = raw.may.map(|may| rights(&may, &key, problems));
        let place = format!("{key}.password_hash");
        let before = problems.len();
        let file = raw.password_hash_file.as_deref();
        let hash = secret::resolve(raw.password_hash, file, &place, problems);
        let password = hash.and_then(|hash| PasswordHash::parse(hash.expose_secret()));
        match password {
            Some(password) => {
                let types = raw.types;
                let user = OneCUser {
                    password,
                    types,
                    may,
                };
                users.insert(login, user);
            }
            None if problems.len() == before => problems.push(Problem::new(
                place,
                "this is not an Argon2 hash",
                "make one with `b24-bridge password`",
            )),
            None => {}
        }
    }
    users
}

fn rights(given: &[String], key: &str, problems: &mut Vec<Problem>) -> Vec<Right> {
    let mut rights = Vec::new();
    for word in given {
        match Right::ALL.into_iter().find(|right| right.as_str() == word) {
            Some(right) => rights.push(right),
            None => problems.push(Problem::new(
                format!("{key}.may"),
                format!("`{word}` is nothing that a user may do"),
                format!("choose of {}", Right::ALL.map(Right::as_str).join(", ")),
            )),
        }
    }
    rights
}

//! `[operators.NAME]`: the people who may look at everything and mend it.

use super::{Problem, Secret, reading::secret};
use crate::auth::{Operator, PasswordHash, Role};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    key: Option<Secret>,
    key_file: Option<PathBuf>,
    password_hash: Option<Secret>,
    password_hash_file: Option<PathBuf>,
    #[serde(default)]
    role: Role,
}

pub(super) fn check(
    raw: BTreeMap<String, Raw>,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Operator> {
    let mut operators = BTreeMap::new();
    for (name, raw) in raw {
        let place = format!("operators.{name}.key");
        let before = problems.len();
        let key = secret::resolve(raw.key, raw.key_file.as_deref(), &place, problems);
        let key = key.and_then(|key| secret::key_digest(&key, &place, problems));
        let hash_place = format!("operators.{name}.password_hash");
        let hash = secret::resolve(
            raw.password_hash,
            raw.password_hash_file.as_deref(),
            &hash_place,
            problems,
        );
        let password = hash.and_then(|hash| {
            let parsed = PasswordHash::parse(hash.expose_secret());
            if parsed.is_none() {
                problems.push(Problem::new(
                    hash_place,
                    "this is not an Argon2 hash",
                    "make one with `b24-bridge password`",
                ));
            }
            parsed
        });
        if key.is_some() || password.is_some() {
            let role = raw.role;
            operators.insert(
                name,
                Operator {
                    key,
                    password,
                    role,
                },
            );
        } else if problems.len() == before {
            let remedy = "give the operator a key, or a `password_hash` for the console";
            problems.push(Problem::new(place, "missing", remedy));
        }
    }
    operators
}

//! `[operators.NAME]`: the people who may look at everything and mend it.

use super::{KeyDigest, Problem, Secret, secret};
use serde::Deserialize;
use std::{collections::BTreeMap, path::PathBuf};

/// A person who operates the bridge.
#[derive(Debug, Clone)]
pub struct Operator {
    /// The key that names the person.
    pub key: KeyDigest,
    /// What the person may do.
    pub role: Role,
}

/// What a person may do.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look.
    #[default]
    Viewer,
    /// Look, retry, discard, pause, resume.
    Operator,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Raw {
    key: Option<Secret>,
    key_file: Option<PathBuf>,
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
        match key.and_then(|key| KeyDigest::checked(&key, &place, problems)) {
            Some(key) => {
                operators.insert(
                    name,
                    Operator {
                        key,
                        role: raw.role,
                    },
                );
            }
            None if problems.len() == before => {
                problems.push(Problem::new(place, "missing", "give the operator a key"));
            }
            None => {}
        }
    }
    operators
}

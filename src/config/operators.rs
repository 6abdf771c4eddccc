//! `[operators.NAME]`: the people who may look at everything and mend it.

use super::{KeyDigest, Problem, Secret, reading::secret};
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::{collections::BTreeMap, path::PathBuf};

/// A person who operates the bridge.
#[derive(Debug, Clone)]
pub struct Operator {
    /// The key that names the person to the API and to the console.
    pub key: Option<KeyDigest>,
    /// The password that opens the console.
    pub password: Option<PasswordHash>,
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
    password_hash: Option<Secret>,
    password_hash_file: Option<PathBuf>,
    #[serde(default)]
    role: Role,
}

impl Operator {
    /// A digest of both credentials: it changes when one of them does.
    pub fn stamp(&self) -> [u8; 32] {
        let mut stamp = Sha256::new();
        if let Some(key) = &self.key {
            stamp.update(key.bytes());
        }
        if let Some(password) = &self.password {
            stamp.update(password.0.expose_secret().as_bytes());
        }
        stamp.finalize().into()
    }
}

/// An Argon2 hash in the PHC form: `$argon2id$v=19$m=…$salt$hash`.
#[derive(Debug, Clone)]
pub struct PasswordHash(Secret);

impl PasswordHash {
    /// Takes a hash in the PHC form.
    pub fn parse(text: &str) -> Option<Self> {
        let parsed = argon2::PasswordHash::new(text).ok()?;
        let known = ["argon2id", "argon2i", "argon2d"].contains(&parsed.algorithm.as_str());
        (known && parsed.hash.is_some()).then(|| Self(Secret::from(text.to_owned())))
    }

    /// Hashes a password.
    pub fn of(password: &str, salt: &[u8; 16]) -> Option<Self> {
        let salt = argon2::password_hash::SaltString::encode_b64(salt).ok()?;
        let hash = Argon2::default().hash_password(password.as_bytes(), &salt);
        Self::parse(&hash.ok()?.to_string())
    }

    /// Whether it is of this password. Takes tens of milliseconds, on purpose.
    pub fn matches(&self, password: &str) -> bool {
        argon2::PasswordHash::new(self.0.expose_secret()).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.as_bytes(), &hash)
                .is_ok()
        })
    }

    /// The text for the settings.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
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
        let key = key.and_then(|key| KeyDigest::checked(&key, &place, problems));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_hash_knows_its_password_and_nothing_else_is_one() {
        let hash = PasswordHash::of("correct horse", &[1; 16]).unwrap();
        let read = PasswordHash::parse(hash.expose()).unwrap();
        assert!(read.matches("correct horse") && !read.matches("correct horse "));
        assert!(!format!("{read:?}").contains("argon2"));
        for text in [
            "",
            "correct horse",
            "$2b$12$abc",
            "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ",
        ] {
            assert!(PasswordHash::parse(text).is_none(), "{text}");
        }
    }
}

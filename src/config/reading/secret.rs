//! Secrets of the settings: given in place or by `*_file`, printed never.

use crate::config::Problem;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use std::{fmt, path::Path};
use subtle::ConstantTimeEq;

/// A secret text.
pub type Secret = SecretString;

/// The shortest key that is taken, in characters.
const SHORTEST_KEY: usize = 16;

/// A key of which only the SHA-256 digest is kept.
#[derive(Clone)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// The digest of a key.
    pub fn of(key: &str) -> Self {
        Self(Sha256::digest(key.as_bytes()).into())
    }

    pub(in crate::config) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether both are of one key, in constant time.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// The digest of a key from the settings, if it is long enough.
    pub(in crate::config) fn checked(
        key: &SecretString,
        place: &str,
        problems: &mut Vec<Problem>,
    ) -> Option<Self> {
        if key.expose_secret().chars().count() < SHORTEST_KEY {
            problems.push(Problem::new(
                place,
                format!("the key is shorter than {SHORTEST_KEY} characters"),
                "make a random one, for example with `openssl rand -hex 24`",
            ));
            return None;
        }
        Some(Self::of(key.expose_secret()))
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(…)")
    }
}

/// The secret given in place, or the first line of the file named by the `*_file` key; both is a
/// fault.
pub(in crate::config) fn resolve(
    value: Option<SecretString>,
    file: Option<&Path>,
    place: &str,
    problems: &mut Vec<Problem>,
) -> Option<SecretString> {
    match (value, file) {
        (Some(_), Some(_)) => {
            problems.push(Problem::new(
                place,
                format!("both `{place}` and `{place}_file` are given"),
                "keep one of them",
            ));
            None
        }
        (Some(value), None) => Some(value),
        (None, Some(path)) => match std::fs::read_to_string(path) {
            Ok(text) => Some(SecretString::from(
                text.lines().next().unwrap_or_default().trim().to_owned(),
            )),
            Err(error) => {
                problems.push(Problem::new(
                    format!("{place}_file"),
                    format!("{} cannot be read: {error}", path.display()),
                    "correct the path or the file's permissions",
                ));
                None
            }
        },
        (None, None) => None,
    }
}

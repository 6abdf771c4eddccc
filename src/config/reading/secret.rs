//! Secrets of the settings: given in place or by `*_file`, printed never.

use crate::{auth::KeyDigest, config::Problem};
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;

/// A text that is never logged, and is wiped from memory when it is dropped.
pub type Secret = SecretString;

/// The shortest key that is taken, in characters.
const SHORTEST_KEY: usize = 16;

/// The digest of a key from the settings, if it is long enough.
pub(in crate::config) fn key_digest(
    key: &SecretString,
    place: &str,
    problems: &mut Vec<Problem>,
) -> Option<KeyDigest> {
    if key.expose_secret().chars().count() < SHORTEST_KEY {
        problems.push(Problem::new(
            place,
            format!("the key is shorter than {SHORTEST_KEY} characters"),
            "make a random one, for example with `openssl rand -hex 24`",
        ));
        return None;
    }
    Some(KeyDigest::of(key.expose_secret()))
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

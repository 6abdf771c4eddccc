//! `[database]`: where the bridge keeps its tables.

use super::{Problem, Secret};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretBox};
use serde::Deserialize;
use std::path::PathBuf;

/// A key that tokens are encrypted with. Printing it shows nothing.
pub type TokenKey = SecretBox<[u8; 32]>;

/// Where the bridge keeps its tables.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Database {
    /// `postgres://…`; also by `DATABASE_URL`. None: a PostgreSQL of the bridge's own in the data
    /// directory.
    pub url: Option<Secret>,
    /// A file that holds the address.
    pub url_file: Option<PathBuf>,
    /// Most connections at once; `None`: 16. Two more, for leases alone, where lanes are driven.
    pub max_connections: Option<u32>,
    /// 32 random bytes as base64: encrypts the tokens of applications. Several, separated by
    /// blanks: the first encrypts, all decrypt.
    pub token_key: Option<Secret>,
    /// A file that holds the key, or one key a line.
    pub token_key_file: Option<PathBuf>,
}

impl Database {
    /// The keys that tokens are encrypted with; none if none is configured.
    pub(super) fn token_keys(&self, problems: &mut Vec<Problem>) -> Vec<TokenKey> {
        let place = "database.token_key";
        let text = match (&self.token_key, &self.token_key_file) {
            (Some(_), Some(_)) => {
                let sentence = "both `token_key` and `token_key_file` are given";
                problems.push(Problem::new(place, sentence, "keep one of them"));
                return Vec::new();
            }
            (Some(key), None) => key.clone(),
            (None, Some(path)) => match std::fs::read_to_string(path) {
                Ok(text) => Secret::from(text),
                Err(error) => {
                    problems.push(Problem::new(
                        "database.token_key_file",
                        format!("{} cannot be read: {error}", path.display()),
                        "correct the path or the file's permissions",
                    ));
                    return Vec::new();
                }
            },
            (None, None) => return Vec::new(),
        };
        let one = |word: &str| {
            let bytes = STANDARD.decode(word).ok()?;
            Some(SecretBox::new(Box::new(<[u8; 32]>::try_from(bytes).ok()?)))
        };
        let keys: Option<Vec<TokenKey>> =
            text.expose_secret().split_whitespace().map(one).collect();
        keys.filter(|keys| !keys.is_empty()).unwrap_or_else(|| {
            problems.push(Problem::new(
                place,
                "this is not 32 bytes in base64",
                "make one with `openssl rand -base64 32`",
            ));
            Vec::new()
        })
    }
}

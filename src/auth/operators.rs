//! People: their credentials, and what they may do.

use super::{KeyDigest, PasswordHash};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

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
    /// Looks, and changes nothing.
    #[default]
    Viewer,
    /// Looks, retries, discards, pauses, resumes.
    Operator,
}

impl Operator {
    /// A digest of both credentials: it changes when one of them does.
    pub fn stamp(&self) -> [u8; 32] {
        let mut stamp = Sha256::new();
        if let Some(key) = &self.key {
            stamp.update(key.bytes());
        }
        if let Some(password) = &self.password {
            stamp.update(password.expose().as_bytes());
        }
        stamp.finalize().into()
    }
}

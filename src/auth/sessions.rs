//! Sessions: a token in the browser's cookie, and what is derived of it.

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The length of a token in hexadecimal digits.
const LENGTH: usize = 64;

/// The token of a session: 256 random bits. Only its digest is stored.
#[derive(Clone)]
pub struct SessionToken(String);

impl SessionToken {
    /// A new token from the system's source of chance.
    pub fn random() -> Self {
        Self(hex::encode(rand::random::<[u8; 32]>()))
    }

    /// One that a cookie shows, if it may be one.
    pub fn parse(text: &str) -> Option<Self> {
        (text.len() == LENGTH).then(|| Self(text.to_owned()))
    }

    /// The text for the cookie.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The token against forged requests: another digest of the same bits, so it needs no place of
    /// its own.
    pub fn csrf(&self) -> String {
        hex::encode(Sha256::digest(format!("csrf:{}", self.0).as_bytes()))
    }
}

impl std::fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SessionToken(…)")
    }
}

/// Whether two texts are the same, in constant time.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    one.ct_eq(other).into()
}

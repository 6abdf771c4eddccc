//! Passwords: of each only a slow hash is kept.

use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use secrecy::{ExposeSecret as _, SecretString};

/// An Argon2 hash in the PHC form: `$argon2id$v=19$m=…$salt$hash`.
#[derive(Debug, Clone)]
pub struct PasswordHash(SecretString);

impl PasswordHash {
    /// Takes a hash in the PHC form.
    pub fn parse(text: &str) -> Option<Self> {
        let parsed = argon2::PasswordHash::new(text).ok()?;
        let known = ["argon2id", "argon2i", "argon2d"].contains(&parsed.algorithm.as_str());
        (known && parsed.hash.is_some()).then(|| Self(SecretString::from(text.to_owned())))
    }

    /// The hash of a password under this salt; `None` where hashing fails.
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

//! Encryption of what must not be readable in the database: ChaCha20-Poly1305, bound to what it is
//! and whose.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey},
    rand::{SecureRandom as _, SystemRandom},
};
use std::fmt;

/// The first byte of what is sealed this way.
const FORMAT: u8 = 1;

/// The keys: the first seals, all open.
pub struct Vault {
    keys: Vec<LessSafeKey>,
    random: SystemRandom,
}

/// What was opened again.
pub struct Plaintext {
    /// As it was before.
    pub bytes: Vec<u8>,
    /// Whether it was sealed with the first key; if not, it should be sealed anew.
    pub newest: bool,
}

/// Why nothing could be sealed or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VaultError {
    /// No key is there, or the system gives no random bytes.
    #[error("nothing can be encrypted: there is no key, or the system gives no random bytes")]
    CannotSeal,
    /// None of the keys opens it.
    #[error("none of the keys in `database.token_key` opens it")]
    CannotOpen,
}

impl Vault {
    /// A vault with these keys.
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a [u8; 32]>) -> Self {
        let key = |bytes: &[u8; 32]| {
            let key = UnboundKey::new(&CHACHA20_POLY1305, bytes).ok()?;
            Some(LessSafeKey::new(key))
        };
        Self {
            keys: keys.into_iter().filter_map(key).collect(),
            random: SystemRandom::new(),
        }
    }

    /// Encrypts; `what` and `whose` must be said again to open it.
    pub fn seal(&self, what: &str, whose: &str, bytes: &[u8]) -> Result<Vec<u8>, VaultError> {
        let key = self.keys.first().ok_or(VaultError::CannotSeal)?;
        let mut nonce = [0; NONCE_LEN];
        self.random
            .fill(&mut nonce)
            .map_err(|_| VaultError::CannotSeal)?;
        let mut text = bytes.to_vec();
        key.seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            aad(what, whose),
            &mut text,
        )
        .map_err(|_| VaultError::CannotSeal)?;
        Ok([&[FORMAT], nonce.as_slice(), &text].concat())
    }

    /// Decrypts what was sealed as this and as this one's.
    pub fn open(&self, what: &str, whose: &str, sealed: &[u8]) -> Result<Plaintext, VaultError> {
        let (format, rest) = sealed.split_first().ok_or(VaultError::CannotOpen)?;
        let (nonce, text) = rest
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(VaultError::CannotOpen)?;
        if *format != FORMAT {
            return Err(VaultError::CannotOpen);
        }
        for (at, key) in self.keys.iter().enumerate() {
            let mut text = text.to_vec();
            let nonce = Nonce::assume_unique_for_key(*nonce);
            if let Ok(bytes) = key.open_in_place(nonce, aad(what, whose), &mut text) {
                return Ok(Plaintext {
                    bytes: bytes.to_vec(),
                    newest: at == 0,
                });
            }
        }
        Err(VaultError::CannotOpen)
    }

    /// 32 random bytes as text that may stand in an address.
    pub fn random(&self) -> Result<String, VaultError> {
        let mut bytes = [0; 32];
        self.random
            .fill(&mut bytes)
            .map_err(|_| VaultError::CannotSeal)?;
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Vault({} keys)", self.keys.len())
    }
}

/// Neither part can run into the other: names have no zero byte.
fn aad(what: &str, whose: &str) -> Aad<Vec<u8>> {
    Aad::from([what.as_bytes(), &[0], whose.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OLD: [u8; 32] = [1; 32];
    const NEW: [u8; 32] = [2; 32];

    #[test]
    fn what_was_sealed_with_an_old_key_opens_and_says_so() {
        let sealed = Vault::new([&OLD]).seal("tokens", "main", b"x").unwrap();
        let opened = Vault::new([&NEW, &OLD])
            .open("tokens", "main", &sealed)
            .unwrap();
        assert_eq!((opened.bytes.as_slice(), opened.newest), (&b"x"[..], false));
        assert!(Vault::new([&NEW]).open("tokens", "main", &sealed).is_err());
    }

    #[test]
    fn tokens_of_one_portal_do_not_open_as_those_of_another() {
        let vault = Vault::new([&OLD]);
        let sealed = vault.seal("tokens", "main", b"x").unwrap();
        assert!(vault.open("tokens", "other", &sealed).is_err());
        assert!(vault.open("grant", "main", &sealed).is_err());
    }

    #[test]
    fn without_a_key_nothing_is_sealed() {
        let vault = Vault::new([]);
        assert_eq!(vault.seal("a", "b", b"x"), Err(VaultError::CannotSeal));
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_and_a_changed_byte_does_not(
            bytes in prop::collection::vec(any::<u8>(), 0..200), at in any::<prop::sample::Index>(),
                by in 1_u8..
        ) {
            let vault = Vault::new([&NEW]);
            let mut sealed = vault.seal("tokens", "main", &bytes).unwrap();
            let opened = vault.open("tokens", "main", &sealed).unwrap();
            prop_assert_eq!(opened.bytes, bytes);
            prop_assert!(opened.newest);
            let at = at.index(sealed.len());
            sealed[at] ^= by;
            prop_assert!(vault.open("tokens", "main", &sealed).is_err());
        }

        #[test]
        fn any_bytes_are_opened_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            prop_assert!(Vault::new([&NEW]).open("tokens", "main", &bytes).is_err());
        }
    }
}

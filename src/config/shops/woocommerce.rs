//! `[shops.NAME.woocommerce]`: the secret of a shop's WooCommerce webhooks.

use crate::{
    config::{Problem, Secret, reading::secret},
    domain::Marketplace,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use sha2::Sha256;
use std::{fmt, path::PathBuf};

/// The shortest secret that is taken, in characters.
const SHORTEST: usize = 16;

/// How a shop's WooCommerce webhooks are taken.
#[derive(Clone)]
pub struct WooCommerce {
    /// What they are signed with.
    secret: Hmac<Sha256>,
    /// Which orders of a marketplace are taken.
    pub marketplace: Marketplace,
}

impl fmt::Debug for WooCommerce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WooCommerce(…)")
    }
}

impl WooCommerce {
    /// Whether `signature`, as in `X-WC-Webhook-Signature`, is this secret's over the body. In
    /// constant time.
    pub fn signed(&self, body: &[u8], signature: &str) -> bool {
        let mut mac = self.secret.clone();
        mac.update(body);
        STANDARD
            .decode(signature.trim())
            .is_ok_and(|given| mac.verify_slice(&given).is_ok())
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct Raw {
    secret: Option<Secret>,
    secret_file: Option<PathBuf>,
    #[serde(default)]
    marketplace: Marketplace,
}

pub(in crate::config) fn check(
    raw: Raw,
    shop: &str,
    problems: &mut Vec<Problem>,
) -> Option<WooCommerce> {
    let marketplace = raw.marketplace;
    let place = format!("{shop}.woocommerce.secret");
    let named = raw.secret_file.is_some();
    let Some(secret) = secret::resolve(raw.secret, raw.secret_file.as_deref(), &place, problems)
    else {
        if !named {
            let remedy = "write the secret that stands in the webhook's settings";
            problems.push(Problem::new(place, "missing", remedy));
        }
        return None;
    };
    let secret = secret.expose_secret();
    if secret.chars().count() < SHORTEST {
        problems.push(Problem::new(
            place,
            format!("the secret is shorter than {SHORTEST} characters"),
            "make a random one, for example with `openssl rand -hex 24`, and write it into the \
             webhook's settings, too",
        ));
        return None;
    }
    Hmac::new_from_slice(secret.as_bytes())
        .ok()
        .map(|secret| WooCommerce {
            secret,
            marketplace,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(secret: &str) -> (Option<WooCommerce>, usize) {
        let raw = Raw {
            secret: Some(secret.to_owned().into()),
            secret_file: None,
            marketplace: Marketplace::default(),
        };
        let mut problems = Vec::new();
        let found = check(raw, "shops.main", &mut problems);
        (found, problems.len())
    }

    #[test]
    fn a_signature_holds_for_its_body_and_its_secret_alone() {
        // printf '{"id":1}' | openssl dgst -sha256 -hmac woo-secret-0123456789 -binary | base64
        let signature = "zxCT8XpKCryoFRiJFGCQyfJepSPk0AKNSs0EGcVekDE=";
        let (Some(secret), 0) = checked("woo-secret-0123456789") else {
            panic!("refused")
        };
        assert!(secret.signed(b"{\"id\":1}", signature));
        assert!(!secret.signed(b"{\"id\":2}", signature));
        assert!(
            !checked("woo-secret-9876543210")
                .0
                .unwrap()
                .signed(b"{\"id\":1}", signature)
        );
        for broken in ["", "no base64!", "AAAA"] {
            assert!(!secret.signed(b"{\"id\":1}", broken));
        }
        assert_eq!(format!("{secret:?}"), "WooCommerce(…)");
    }

    #[test]
    fn a_short_secret_is_refused() {
        assert!(matches!(checked("short"), (None, 1)));
    }
}

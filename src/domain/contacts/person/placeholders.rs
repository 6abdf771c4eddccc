//! Values that identify nobody: what forms, erasers and operators put where a customer's own should
//! stand.
//!
//! A built-in list, and what a shop adds (`placeholders`). Such a value never finds or joins
//! customers, and is put on no card.

use super::names_nobody;
use crate::domain::Phone;
use std::collections::BTreeSet;

/// Local parts of addresses nobody reads, and stand-ins; `-` and `_` do not count.
const LOCAL_PARTS: &[&str] = &[
    "anonymized",
    "anonymous",
    "deleted",
    "donotreply",
    "erased",
    "fake",
    "guest",
    "net",
    "no",
    "nobody",
    "noemail",
    "noemailaddress",
    "nomail",
    "none",
    "noreply",
    "null",
    "pusto",
    "undefined",
    "unknown",
    "xxx",
];
/// Domains under which no mail arrives (RFC 2606 and RFC 6761; `example.com` and its like are left
/// to demonstrations).
const NO_MAIL: &[&str] = &["invalid", "localhost", "test"];
/// Local parts of a house's common addresses: such an address is a person's only if the name
/// agrees, too.
const COMMON: &[&str] = &[
    "admin",
    "buh",
    "contact",
    "hello",
    "help",
    "info",
    "mail",
    "manager",
    "office",
    "online",
    "operator",
    "order",
    "orders",
    "sales",
    "service",
    "shop",
    "store",
    "support",
    "webmaster",
    "zakaz",
];
/// Customer ids by which systems say "nobody".
const NO_ID: &[&str] = &[
    "",
    "-",
    "0",
    "anonymous",
    "guest",
    "none",
    "null",
    "undefined",
    "гость",
    "нет",
];

/// The values that identify nobody in a shop.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placeholders {
    addresses: BTreeSet<String>,
    /// Everything at these domains.
    domains: BTreeSet<String>,
    phones: BTreeSet<Phone>,
    ids: BTreeSet<String>,
    words: BTreeSet<String>,
}

impl Placeholders {
    /// Adds what a shop lists: an address (`info@shop.example`), all addresses of a domain
    /// (`*@market.example`), a phone, a customer id (`id:5`), or a word that stands where a name or
    /// an address should. The rule it breaks otherwise.
    pub fn add(&mut self, text: &str, phone_country: &str) -> Result<(), &'static str> {
        let text = text.trim().to_lowercase();
        if text.is_empty() || text.chars().count() > 320 {
            return Err("a placeholder has 1 to 320 characters");
        }
        if let Some(id) = text.strip_prefix("id:") {
            if id.is_empty() {
                return Err("`id:` is followed by a customer id");
            }
            self.ids.insert(id.to_owned());
        } else if let Some(domain) = text.strip_prefix("*@") {
            if domain.is_empty() || domain.contains(['@', '*']) {
                return Err("`*@` is followed by a domain");
            }
            self.domains.insert(domain.to_owned());
        } else if text.contains('*') {
            return Err("a star stands only for the whole name before the @: `*@market.example`");
        } else if text.contains('@') {
            self.addresses.insert(text);
        } else if let Some(phone) = Phone::parse(&text, phone_country) {
            self.phones.insert(phone);
        } else {
            self.words.insert(text);
        }
        Ok(())
    }

    /// Whether an address identifies nobody.
    pub fn is_address(&self, address: &str) -> bool {
        let address = address.trim().to_lowercase();
        let Some((local, domain)) = address.rsplit_once('@') else {
            return names_nobody(&address) || self.words.contains(&address);
        };
        let bare: String = local.chars().filter(|c| !"-_.".contains(*c)).collect();
        let top = domain.rsplit('.').next().unwrap_or(domain);
        bare.is_empty()
            || LOCAL_PARTS.contains(&bare.as_str())
            || bare.starts_with("noreply")
            || NO_MAIL.contains(&top)
            || self.addresses.contains(&address)
            || self.domains.contains(domain)
            || self.words.contains(local)
    }

    /// Whether a phone identifies nobody: a run of digits up or down, or nearly all the same.
    pub fn is_phone(&self, phone: &Phone) -> bool {
        let digits = phone.as_str().trim_start_matches('+');
        let national = digits.get(digits.len().saturating_sub(10)..);
        let national = national.unwrap_or(digits);
        let ends_alike = national
            .bytes()
            .skip(1)
            .all(|b| Some(b) == national.as_bytes().get(1).copied());
        ends_alike
            || ["1234567890", "0123456789", "9876543210", "0987654321"].contains(&national)
            || national.starts_with("000")
            || self.phones.contains(phone)
    }

    /// Whether a customer id identifies nobody.
    pub fn is_id(&self, id: &str) -> bool {
        let id = id.trim().to_lowercase();
        NO_ID.contains(&id.as_str()) || self.ids.contains(&id)
    }

    /// Whether a text where a name should stand is one of the shop's own stand-ins.
    pub fn is_word(&self, text: &str) -> bool {
        self.words.contains(&text.trim().to_lowercase())
    }
}

/// Whether it is a house's common address.
pub fn is_common(address: &str) -> bool {
    let local = address.split('@').next().unwrap_or_default();
    COMMON.contains(&local.to_lowercase().as_str())
}

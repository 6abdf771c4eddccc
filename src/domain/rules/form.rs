//! The rules of one form of a shop's site: how it is read, and what it becomes.

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;

/// One form of a shop's site.
#[derive(Debug, Clone, PartialEq)]
pub struct FormRules {
    /// Its name: part of its address, and of the source that people read in the portal.
    pub name: String,
    /// The service whose shape of a body is expected.
    pub service: FormService,
    /// What its fields mean, by their normalised names; the usual names need no row.
    pub fields: BTreeMap<String, FormField>,
    /// What a submission becomes.
    pub becomes: FormTarget,
    /// SOURCE_ID of what is made.
    pub source_id: String,
    /// ASSIGNED_BY_ID of what is made; `None` leaves it to the portal.
    pub responsible_id: Option<u64>,
    /// CATEGORY_ID of a deal.
    pub funnel: u32,
    /// For how many seconds the same contents are the same submission, where the service gives it
    /// no id.
    pub same_within: f64,
    /// A field that no person sees: whoever fills it in is a robot.
    pub honeypot: Option<String>,
    /// Whether a submission without consent stays out of the portal.
    pub require_consent: bool,
    /// Whether a submission of somebody who has an open deal becomes a comment and a to-do on it.
    pub join_open: bool,
}

/// Who posts a form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FormService {
    /// Told from the body.
    #[default]
    Auto,
    /// Tilda's webhook of a form.
    Tilda,
    /// Elementor's webhook action (WordPress).
    Elementor,
    /// Contact Form 7 (WordPress).
    Cf7,
    /// Gravity Forms' webhook (WordPress).
    Gravity,
    /// A form of one's own.
    Html,
}

/// What a submission becomes in the portal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FormTarget {
    /// A lead where the portal works with leads, else a deal.
    #[default]
    Auto,
    /// A lead, whatever mode the portal works in.
    Lead,
    /// A deal, whatever mode the portal works in.
    Deal,
    /// A to-do on the card of whom the portal knows; else as by itself, with the to-do on it.
    Todo,
}

/// What a field of a form means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormField {
    /// First name, or the whole name.
    Name,
    /// The last name alone.
    LastName,
    /// A telephone, by which the card is found.
    Phone,
    /// An e-mail address, by which the card is found.
    Email,
    /// What the visitor wrote.
    Comment,
    /// Where the visitor works.
    Company,
    /// Whether the visitor has consented.
    Consent,
    /// A campaign mark: `source`, `medium`, `campaign`, `content` or `term`.
    Utm(String),
    /// A user field of the portal.
    User(String),
}

impl FormField {
    /// Reads what a configuration says: `name`, `phone`, `utm_source`, `UF_CRM_CITY`.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "name" => Self::Name,
            "last_name" => Self::LastName,
            "phone" => Self::Phone,
            "email" => Self::Email,
            "comment" => Self::Comment,
            "company" => Self::Company,
            "consent" => Self::Consent,
            _ if text.starts_with("UF_") => Self::User(text.to_owned()),
            _ => {
                let mark = text.strip_prefix("utm_")?;
                let known = ["source", "medium", "campaign", "content", "term"];
                known.contains(&mark).then(|| Self::Utm(mark.to_owned()))?
            }
        })
    }
}

/// The name of a form's field as it is compared: small letters, marks as blanks, `ё` as `е`.
pub fn form_field_name(name: &str) -> String {
    let letters = name.to_lowercase().replace('ё', "е");
    let words = letters.split(|c: char| !c.is_alphanumeric());
    words
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// What the keys of submissions begin with.
const KEY: &str = "form:";
/// What the keys of products begin with.
pub(in crate::domain) const PRODUCT: &str = "product:";
/// What the keys of pictures begin with.
const PICTURE: &str = "picture:";

/// The key of a submission within its shop, and its ORIGIN_ID in the portal.
pub fn form_key(id: i64) -> String {
    format!("{KEY}{id}")
}

/// Whether this is the key of a submission.
pub fn is_form_key(text: &str) -> bool {
    text.starts_with(KEY)
}

/// The shop's id of the product with this key; `None`: it is no product's.
pub fn product_id(key: &str) -> Option<&str> {
    key.strip_prefix(PRODUCT)
}

/// Whether this is the key of a product.
pub fn is_product_key(text: &str) -> bool {
    product_id(text).is_some()
}

/// Whether this is the key of a picture.
pub fn is_picture_key(text: &str) -> bool {
    text.starts_with(PICTURE)
}

/// The key of the picture at this address of the product with this key. The same address is the
/// same picture.
pub fn picture_key(product: &str, address: &str) -> String {
    let digest = hex::encode(Sha256::digest(format!("{product}\n{address}")));
    format!("{PICTURE}{}", digest.get(..32).unwrap_or(&digest))
}

/// Whether this is the key of a submission, of a call, a mail or a message, of a receipt or a note,
/// of a product or of a picture. No order has such a number.
pub fn is_subject_key(text: &str) -> bool {
    let numbered = |kind: &str| {
        let id = text
            .strip_prefix(kind)
            .and_then(|rest| rest.strip_prefix(':'));
        id.is_some_and(|id| !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let of_till = ["receipt:", "note:"];
    is_form_key(text)
        || of_till.iter().any(|kind| text.starts_with(kind))
        || is_product_key(text)
        || is_picture_key(text)
        || ["call", "mail", "message"]
            .iter()
            .any(|kind| numbered(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_of_one_product_and_one_address() {
        let key = picture_key("product:1", "https://shop.test/a.jpg");
        assert!(is_picture_key(&key) && key.len() == 40, "{key}");
        assert_eq!(key, picture_key("product:1", "https://shop.test/a.jpg"));
        assert_ne!(key, picture_key("product:2", "https://shop.test/a.jpg"));
        assert_ne!(key, picture_key("product:1", "https://shop.test/b.jpg"));
    }
}

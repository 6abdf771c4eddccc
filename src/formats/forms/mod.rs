//! Forms of a shop's site: what services really post, whether a person sent it, and what it says.
//!
//! Owns: the bodies of Tilda, Elementor, Contact Form 7, Gravity Forms and plain HTML; what their
//! fields mean; robots and consent; when two submissions are the same. Refuses: storing, answering,
//! and delivering. Nothing that comes in is an error: what cannot be read is kept for people to
//! read. PURE.
//!
//! To add a service: its reader from the bytes it posts to a submission, real bodies as samples in
//! `tests`, its name in the settings, and a section in `deploy/forms.md`.

mod body;
mod enquiry;
mod entries;
mod files;
mod order;
mod service;

#[cfg(test)]
mod tests;

pub use body::{Posted, UNREADABLE, read as read_body};
pub use enquiry::{Enquiry, read};
pub use entries::entries;
pub use files::WithoutFiles;
pub use order::as_order;
pub use service::{Field, Submission, is_ping, submission};

use crate::domain::{FormRules, FormService, Readable, form_field_name, words};
use sha2::{Digest as _, Sha256};

words! {
    /// What is done with a submission.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Verdict {
        /// It goes to the portal.
        Taken = "taken",
        /// A field that no person sees is filled in: kept, and not delivered.
        Robot = "robot",
        /// The visitor's consent is required and missing: kept, and not delivered.
        NoConsent = "no_consent",
        /// It has more fields than are read: kept, and not delivered in part.
        TooMany = "too_many",
    }
}

/// Judges a submission by the form's honeypot, its need of consent, and how many fields it has.
pub fn judge(rules: &FormRules, submission: &Submission, enquiry: &Enquiry) -> Verdict {
    let trap = rules.honeypot.as_deref().map(form_field_name);
    let trapped = |field: &Field| trap.as_ref() == Some(&form_field_name(&field.name));
    if submission.fields.iter().any(trapped) {
        Verdict::Robot
    } else if submission.too_many {
        Verdict::TooMany
    } else if rules.require_consent && enquiry.consent.is_none() {
        Verdict::NoConsent
    } else {
        Verdict::Taken
    }
}

/// What tells a submission from others: Tilda's own id; else its contents, without case and blanks,
/// phones and addresses as they are understood. An id that counts the submissions of one site alone
/// begins anew with another site, or a restored one: contents tell those apart.
pub fn fingerprint(rules: &FormRules, submission: &Submission, enquiry: &Enquiry) -> [u8; 32] {
    let mut hash = Sha256::new();
    let mut add = |part: &str| {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    };
    add(&rules.name);
    if let Some(id) = &submission.id {
        add(id);
        if submission.service == FormService::Tilda {
            return hash.finalize().into();
        }
    }
    for phone in &enquiry.phones {
        add(phone.as_str());
    }
    for email in &enquiry.emails {
        add(email);
    }
    let bare = |text: &str| {
        let seen = text.chars().filter(|c| !c.is_whitespace());
        seen.collect::<String>().to_lowercase()
    };
    let mut told: Vec<String> = [&enquiry.name, &enquiry.last_name, &enquiry.comment]
        .into_iter()
        .flatten()
        .map(|text| bare(text))
        .collect();
    told.extend(enquiry.company.iter().map(|text| bare(text)));
    told.extend(enquiry.user.values().map(|text| bare(text)));
    told.extend(enquiry.rest.iter().map(|text| bare(text)));
    told.extend(enquiry.readable.iter().map(|unread| match unread {
        Readable::Phone(text) | Readable::Email(text) => bare(text),
    }));
    told.sort();
    for text in told {
        add(&text);
    }
    hash.finalize().into()
}

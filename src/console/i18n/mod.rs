//! The console's languages: which one a page is in, its words, and stored sentences in Russian.
//!
//! What happened is stored as data and said from that ([`crate::domain::happening`]). The book has
//! what is stored as a sentence only: messages of errors, and rows of earlier versions.
//!
//! To add a language: a variant of `Lang`, and the compiler names every sentence that it lacks.

pub(super) mod legacy_text;
pub(super) mod locale;
pub(super) mod messages;
pub(super) mod phrasebook;
mod table;
#[cfg(test)]
mod tests;

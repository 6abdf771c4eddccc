//! The console's languages: which one a page is in, its words, and stored sentences in Russian.
//!
//! What happened is stored as data and said from that ([`crate::domain::happening`]). The book has
//! what is stored as a sentence only: messages of errors, and rows of earlier versions.
//!
//! To add a language: a variant of `domain::happening::Language`, then of `Lang`. The compiler
//! names every sentence that it lacks: a column of `kinds!`, `phrases!`, `texts!` and of the book,
//! a file beside `domain::error_code::russian`. `Lang::parse` must know its tag, and the tests that
//! hold both languages to the same keys must hold it, too; `deploy/contributing.md` has each step.

pub(super) mod legacy_text;
pub(super) mod locale;
pub(super) mod messages;
pub(super) mod phrasebook;
mod table;
#[cfg(test)]
mod tests;

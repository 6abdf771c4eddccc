//! The console's languages: which one a page is in, its words, and stored sentences in Russian.
//!
//! To add a language: a variant of `Lang`, and the compiler names every sentence that it lacks.

pub(super) mod legacy_text;
pub(super) mod locale;
pub(super) mod messages;
pub(super) mod phrasebook;

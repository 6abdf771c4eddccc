//! The sentences and words that the bridge stores, with their Russian. What is longer stands before
//! what it begins with.
//!
//! To add one: a row in the file of its room, and the sentence's own gaps in the same order in both
//! languages; tests hold that somebody writes it, and that no earlier row takes it.

mod decisions;
mod goods;
mod input;
mod lanes;
mod orders;
mod products;
mod systems;
mod words;

pub(super) use words::{PARTS, PLAIN, WORDS};

/// Sentences with their gaps: `{}` for somebody else's words, `{*}` for what may be a sentence,
/// `{=}` for one of the parts below.
const FIRST: [&[(&str, &str)]; 2] = [systems::SENTENCES, goods::SENTENCES];
const LAST: [&[(&str, &str)]; 4] = [
    orders::SENTENCES,
    lanes::SENTENCES,
    input::SENTENCES,
    products::SENTENCES,
];

/// Every sentence, in the order in which they are tried.
pub(super) fn sentences() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let earlier = std::iter::once(decisions::SENTENCES);
    FIRST.into_iter().chain(earlier).chain(LAST).flatten()
}

/// The sentences that still stand in the source.
#[cfg(test)]
pub(super) fn of_today() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    FIRST.into_iter().chain(LAST).flatten()
}

//! Stored sentences of ours, read again in Russian.
//!
//! Messages of errors, what moves of goods say, and rows of orders' lives, decisions and conflicts
//! of earlier versions are stored as English sentences only. The console says them in Russian where
//! it knows how they are made: [`super::phrasebook`] has each sentence with its gaps. What is not
//! in the book, and what stands in a gap, is shown as it is stored: the words of a portal, a shop
//! or a network are not ours. Rows of today hold data and are said from that
//! ([`crate::domain::happening`]).

use super::phrasebook::{PARTS, PLAIN, WORDS, sentences};
use crate::domain::{
    ErrorCode,
    happening::{DocumentReason, FileFault},
};
use std::borrow::Cow;

/// The longest text that is looked at.
const LONGEST: usize = 4_000;
/// How deep sentences within sentences are followed.
const DEEPEST: u8 = 4;

/// What a gap holds, and how it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TemplateGap {
    /// Somebody else's words: they stay.
    Foreign,
    /// What may be a sentence of ours.
    Sentence,
    /// A part of a sentence.
    Part,
}

const GAPS: [(&str, TemplateGap); 3] = [
    ("{}", TemplateGap::Foreign),
    ("{*}", TemplateGap::Sentence),
    ("{=}", TemplateGap::Part),
];

/// A stored sentence in Russian, as far as it is known.
pub(in crate::console) fn sentence(text: &str) -> Cow<'_, str> {
    read(text, DEEPEST).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// A stored word in Russian: a kind, an action, a state.
pub(in crate::console) fn word(text: &str) -> &str {
    in_table(WORDS, text)
}

/// The same in English, where it is stored as no word.
pub(in crate::console) fn plain(text: &str) -> &str {
    in_table(PLAIN, text)
}

fn in_table<'t>(table: &[(&str, &'static str)], text: &'t str) -> &'t str {
    let found = table.iter().find(|(stored, _)| *stored == text);
    found.map_or(text, |(_, shown)| *shown)
}

fn read(text: &str, depth: u8) -> Option<String> {
    if depth == 0 || text.len() > LONGEST {
        return None;
    }
    if let Some(code) = ErrorCode::ALL.iter().find(|code| code.sentence() == text) {
        return Some(code.sentence_in_russian().to_owned());
    }
    looked_up(sentences(), text, depth)
        .or_else(|| of_a_kind(text, depth))
        .or_else(|| several(text, depth))
}

/// Kinds whose sentences stand on letters without their data: both languages, with the names of
/// their fields in braces. One that is a field alone says what another kind says.
fn kinds() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    let all = FileFault::SENTENCES.iter().chain(DocumentReason::SENTENCES);
    all.filter(|(english, _)| without_names(english).0 != "{}")
}

fn of_a_kind(text: &str, depth: u8) -> Option<String> {
    kinds().find_map(|(english, russian)| {
        let (bare, names) = without_names(english);
        let gaps = fit(&bare, text)?;
        let mut told = (*russian).to_owned();
        for (name, gap) in names.iter().zip(gaps) {
            let said = read(gap, depth - 1);
            told = told.replace(&format!("{{{name}}}"), said.as_deref().unwrap_or(gap));
        }
        Some(told)
    })
}

/// A kind's sentence with gaps instead of names, and the names in their order.
fn without_names(sentence: &str) -> (String, Vec<&str>) {
    let mut parts = sentence.split('{');
    let mut bare = parts.next().unwrap_or_default().to_owned();
    let mut names = Vec::new();
    for (name, words) in parts.filter_map(|part| part.split_once('}')) {
        names.push(name);
        bare.push_str("{}");
        bare.push_str(words);
    }
    (bare, names)
}

/// Faults in one line, each with its place in the input before it.
fn several(text: &str, depth: u8) -> Option<String> {
    let mut known = false;
    let mut one = |text: &str| {
        let (place, fault) = match text.split_once(": ") {
            Some((place, fault)) if place.starts_with('/') => (Some(place), fault),
            _ => (None, text),
        };
        let read = looked_up(sentences(), fault, depth - 1);
        known |= read.is_some();
        let fault = read.as_deref().unwrap_or(fault);
        place.map_or_else(|| fault.to_owned(), |place| format!("{place}: {fault}"))
    };
    let all: Vec<String> = text.split("; ").map(&mut one).collect();
    known.then(|| all.join("; "))
}

fn looked_up(
    mut book: impl Iterator<Item = &'static (&'static str, &'static str)>,
    text: &str,
    depth: u8,
) -> Option<String> {
    book.find_map(|(english, russian)| {
        let gaps = fit(english, text)?;
        Some(fill(russian, &gaps, depth))
    })
}

/// What stands in the gaps of a sentence, if the text is such a one: each gap ends where the words
/// behind it come first.
fn fit<'t>(sentence: &str, text: &'t str) -> Option<Vec<&'t str>> {
    let mut gaps = Vec::new();
    let (first, mut rest) = before_gap(sentence);
    let mut text = text.strip_prefix(first)?;
    while let Some((_, behind)) = rest {
        let (words, next) = before_gap(behind);
        let end = match (words, next) {
            // The last words end the text.
            (_, None) => text.len().checked_sub(words.len())?,
            _ => text.find(words)?,
        };
        let (gap, left) = (text.get(..end)?, text.get(end..)?);
        text = left.strip_prefix(words)?;
        gaps.push(gap);
        rest = next;
    }
    text.is_empty().then_some(gaps)
}

fn fill(russian: &str, gaps: &[&str], depth: u8) -> String {
    let (first, mut rest) = before_gap(russian);
    let mut told = first.to_owned();
    for text in gaps {
        let Some((gap, behind)) = rest else { break };
        let read = match gap {
            TemplateGap::Foreign => None,
            TemplateGap::Sentence => read(text, depth - 1),
            TemplateGap::Part => looked_up(PARTS.iter(), text, depth),
        };
        told.push_str(read.as_deref().unwrap_or(text));
        let (words, next) = before_gap(behind);
        told.push_str(words);
        rest = next;
    }
    told
}

/// The words before the first gap; what it holds, and what is behind it.
fn before_gap(sentence: &str) -> (&str, Option<(TemplateGap, &str)>) {
    let places = GAPS.iter().filter_map(|(mark, gap)| {
        let at = sentence.find(mark)?;
        Some((at, *gap, mark.len()))
    });
    match places.min_by_key(|(at, ..)| *at) {
        Some((at, gap, long)) => (&sentence[..at], Some((gap, &sentence[at + long..]))),
        None => (sentence, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{app::every_decision, console::i18n::phrasebook::of_today};
    use proptest::prelude::*;
    use std::{fs, path::Path};

    fn cyrillic(text: &str) -> bool {
        text.chars()
            .any(|c| matches!(c, 'а'..='я' | 'А'..='Я' | 'ё'))
    }

    fn gaps(sentence: &str) -> Vec<TemplateGap> {
        let mut gaps = Vec::new();
        let mut rest = before_gap(sentence).1;
        while let Some((gap, behind)) = rest {
            gaps.push(gap);
            rest = before_gap(behind).1;
        }
        gaps
    }

    #[test]
    fn sentences_are_read_with_their_parts() {
        for (english, russian) in [
            ("event a-1 accepted", "событие a-1 принято"),
            (
                "deal 7 in stage C1:NEW: nothing to write",
                "сделка 7 на стадии C1:NEW: изменений нет",
            ),
            (
                "the shop changed N to P while the deal was moved from NEW to WON; by rule 2 the \
                 shop is right: the deal goes to PREPARATION.",
                "магазин сменил N на P, а сделку тем временем перенесли из NEW в WON; по правилу 2 \
                 прав магазин: сделка идёт в PREPARATION.",
            ),
            (
                "the deal was moved from NEW to LOSE; the order is paid, which the portal may not \
                 take back: the deal goes back to NEW.",
                "сделку перенесли из NEW в LOSE; заказ оплачен, и портал этого не отменяет: сделка \
                 возвращается в NEW.",
            ),
            (
                "given up: the portal has no stage \"X\" in funnel 3 (MAP-STAGE); it waits as a \
                 dead letter",
                "попытки прекращены: на портале нет стадии «X» в воронке 3 (MAP-STAGE); ждёт среди \
                 недоставленных",
            ),
            (
                "given up: Неверное значение поля (B24-REFUSED); it waits as a dead letter",
                "попытки прекращены: Неверное значение поля (B24-REFUSED); ждёт среди \
                 недоставленных",
            ),
            (
                ErrorCode::CallbackGone.sentence(),
                ErrorCode::CallbackGone.sentence_in_russian(),
            ),
            (
                "the payload cannot be used: /data/total: `total` is required; /data/items/0/name: \
                 `name` must not be empty; /x: Это не наше",
                "событие нельзя использовать: /data/total: `total`: обязательно; \
                 /data/items/0/name: `name`: не может быть пустым; /x: Это не наше",
            ),
            ("paused by operator:anna", "остановил operator:anna"),
        ] {
            assert_eq!(sentence(english), russian);
        }
    }

    #[test]
    fn what_is_not_ours_stays_as_it_is() {
        for text in ["", "Access denied.", "event accepted", "Заказ 7 принят"] {
            assert_eq!(sentence(text), text);
        }
        assert_eq!(word("something"), "something");
    }

    #[test]
    fn both_languages_have_the_same_gaps_and_the_russian_is_russian() {
        for (english, russian) in sentences().chain(PARTS) {
            assert_eq!(gaps(english), gaps(russian), "{english}");
            // CommerceML's elements have Russian names in every language.
            let plain = english.replace("Ид", "").replace("Номер", "");
            assert!(!cyrillic(&plain) && cyrillic(russian), "{english}");
        }
        for (english, russian) in WORDS {
            assert!(!cyrillic(english) && cyrillic(russian), "{english}");
        }
    }

    #[test]
    fn no_sentence_hides_behind_an_earlier_one() {
        for (nth, (english, _)) in sentences().enumerate() {
            let text = GAPS.iter().fold(english.to_string(), |text, (mark, _)| {
                text.replace(mark, "7")
            });
            let first = sentences().position(|(other, _)| fit(other, &text).is_some());
            assert_eq!(first, Some(nth), "{english}");
        }
    }

    #[test]
    fn why_a_document_or_a_file_is_refused_is_read_from_its_sentence_alone() {
        let filled = |sentence: &str| without_names(sentence).0.replace("{}", "7");
        for (english, russian) in kinds() {
            assert_eq!(sentence(&filled(english)), filled(russian), "{english}");
        }
    }

    /// The Rust files below a folder, without the book itself and its reader.
    fn sources(folder: &Path, all: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, all);
            } else if !["phrasebook", "legacy_text"]
                .iter()
                .any(|own| path.to_string_lossy().contains(own))
            {
                all.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }

    #[test]
    fn every_sentence_of_the_book_is_written_somewhere() {
        let mut all = String::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut all);
        // As the compiler reads them: a line that ends in a backslash goes on.
        let lines = all.split("\\\n").map(str::trim_start);
        let mut all = lines.collect::<String>().replace("\\\"", "\"");
        // These are put together from pieces.
        all.push_str(&every_decision().join("\n"));
        for (english, _) in of_today().chain(PARTS) {
            let words = GAPS.iter().fold(english.to_string(), |text, (mark, _)| {
                text.replace(mark, "{}")
            });
            let parts = words
                .split("{}")
                .map(|part| part.trim_matches(['"', ' ', ':', ';']));
            let longest = parts.max_by_key(|part| part.len()).unwrap();
            assert!(all.contains(longest), "{english}: {longest}");
        }
    }

    #[test]
    fn every_decision_is_read_to_its_last_word() {
        let latin = |text: &str| {
            let ours = text.split('`').step_by(2).collect::<String>();
            let mut words = ours.split(|c: char| !c.is_ascii_lowercase());
            words.any(|word| word.len() > 1)
        };
        for english in every_decision() {
            let russian = sentence(&english);
            assert!(
                cyrillic(&russian) && !latin(&russian),
                "{english}: {russian}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_stays(text in r"(event |deal |; by |: nothing| \(|[a-zé: ]){0,20}") {
            let _ = sentence(&text);
        }
    }
}

//! Names of persons compared: whether two can be one person's, by their parts in any order and
//! spelling, never by the whole text.
//!
//! Cyrillic and Latin spellings come to one skeleton; initials, short forms and a letter typed
//! wrong are no contradiction. Names contradict only if both tell a first and a last name and
//! nothing of them agrees, or if both tell a given name and those are different people's.

use super::given::{forms, is_patronymic, lower, skeleton};

use super::{
    NAMES_FIELDS,
    written::{ADDRESS, AFTER_PATRONYMIC, is_organisation},
};
use std::collections::BTreeSet;

/// Words that stand where a name should and name nobody.
const NOBODY: &[&str] = &[
    "аноним",
    "гость",
    "гражданин",
    "имя",
    "клиент",
    "неизвестно",
    "неизвестный",
    "нет",
    "не указано",
    "отчество",
    "покупатель",
    "пользователь",
    "розничный",
    "тест",
    "удален",
    "удалено",
    "физлицо",
    "фамилия",
    "частное лицо",
    "anonymous",
    "client",
    "customer",
    "deleted",
    "guest",
    "n/a",
    "na",
    "no",
    "nobody",
    "none",
    "null",
    "removed",
    "test",
    "undefined",
    "unknown",
    "user",
];

/// What two names say of each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Agreement {
    /// They are different people's.
    Contradict,
    /// One of them says too little.
    Unknown,
    /// Exactly one part of the names agrees.
    Alike,
    /// First and last name agree.
    Same,
}

/// Whether a text that stands for a name names nobody: an eraser's stand-in, a form's own word,
/// marks alone.
pub fn names_nobody(text: &str) -> bool {
    let plain = lower(text);
    let plain = plain.trim_matches(|c: char| !c.is_alphanumeric());
    !plain.chars().any(char::is_alphabetic)
        || text.contains('@')
        || NOBODY.contains(&plain)
        || plain.starts_with("deleted")
        || plain.starts_with("удален")
}

/// Compares two names, each as its parts: first, last and second name, in whatever field they
/// stand.
pub(super) fn compare(
    one: &[Option<String>; NAMES_FIELDS],
    other: &[Option<String>; NAMES_FIELDS],
) -> Agreement {
    let (one, other) = (parts(one), parts(other));
    if one.is_empty() || other.is_empty() {
        return Agreement::Unknown;
    }
    let mut left: Vec<&str> = other.iter().map(String::as_str).collect();
    let mut agree = 0;
    for part in &one {
        if let Some(at) = left.iter().position(|theirs| alike(part, theirs)) {
            left.swap_remove(at);
            agree += 1;
        }
    }
    if agree == 0 && are_latin(&one) != are_latin(&other) {
        // Nobody can tell: one of them is in a script that is not read here.
        return Agreement::Unknown;
    }
    match (agree, one.len() >= 2 && other.len() >= 2) {
        (0, true) => Agreement::Contradict,
        (0, false) if given(&one) && given(&other) => Agreement::Contradict,
        (0, false) => Agreement::Unknown,
        (1, _) => Agreement::Alike,
        _ => Agreement::Same,
    }
}

/// Whether all of a name is in Latin letters by now.
fn are_latin(parts: &[String]) -> bool {
    parts.iter().all(|part| part.is_ascii())
}

/// A name in one spelling, its parts sorted: equal for two names written alike.
pub(super) fn key(names: &[Option<String>; NAMES_FIELDS]) -> String {
    let mut parts = parts(names);
    parts.sort_unstable();
    parts.join(" ")
}

/// The skeletons of a name's parts, without what names nobody, and without the patronymic where
/// enough is left.
fn parts(names: &[Option<String>; NAMES_FIELDS]) -> Vec<String> {
    let texts = names.iter().flatten().filter(|text| !names_nobody(text));
    if texts.clone().any(|text| is_organisation(text)) {
        return Vec::new();
    }
    let words = texts.flat_map(|text| without_address(text));
    let words: Vec<String> = words
        .flat_map(|text| {
            text.split(|c: char| !is_of_word(c))
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .filter(|word| !word.is_empty() && !names_nobody(word))
        .collect();
    let second: BTreeSet<String> = names[2].iter().map(|second| lower(second.trim())).collect();
    let marks = |word: &String| AFTER_PATRONYMIC.contains(&word.as_str());
    let is_second = |at: usize, word: &String| {
        let marked = words.get(at + 1).is_some_and(marks);
        second.contains(word) || is_patronymic(word) || marks(word) || marked
    };
    let rest = words.iter().enumerate();
    let rest: Vec<&String> = rest
        .filter(|(at, word)| !is_second(*at, word))
        .map(|(_, word)| word)
        .collect();
    let kept: Vec<&String> = if rest.len() >= 2 {
        rest
    } else {
        words.iter().collect()
    };
    kept.into_iter()
        .map(|word| skeleton(word))
        .filter(|skeleton| !skeleton.is_empty())
        .collect()
}

/// The words of a text, without forms of address before them.
fn without_address(text: &str) -> Vec<String> {
    let mut words: Vec<String> = text.split_whitespace().map(lower).collect();
    let is_address = |word: &String| ADDRESS.contains(&word.trim_end_matches('.'));
    while words.len() > 1 && words.first().is_some_and(is_address) {
        words.remove(0);
    }
    words
}

/// Whether a character is part of a word: letters, and the marks by which some languages write one.
fn is_of_word(c: char) -> bool {
    c.is_alphabetic() || "'’ʻʼ`".contains(c)
}

/// Whether two parts may be one: equal, an initial, forms of one given name, or one letter typed
/// wrong.
fn alike(one: &str, other: &str) -> bool {
    let (a, b) = (one.chars().count(), other.chars().count());
    if a == 1 || b == 1 {
        return one.chars().next() == other.chars().next();
    }
    if one == other || forms(one).any(|line| forms(other).any(|theirs| theirs == line)) {
        return true;
    }
    if forms(one).next().is_some() && forms(other).next().is_some() {
        return false;
    }
    let slips = match a.min(b) {
        0..=3 => 0,
        4..=7 => 1,
        _ => 2,
    };
    distance(one, other) <= slips
}

fn given(parts: &[String]) -> bool {
    parts.iter().any(|part| forms(part).next().is_some())
}

/// How many letters have to be put in, taken out or changed to make one of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(MOST_LETTERS).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, a) in one.chars().take(MOST_LETTERS).enumerate() {
        let mut before = at;
        if let Some(first) = row.first_mut() {
            *first = at + 1;
        }
        for (place, b) in other.iter().enumerate() {
            let changed = before + usize::from(a != *b);
            before = row[place + 1];
            row[place + 1] = changed.min(before + 1).min(row[place] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Letters of a part that are compared.
const MOST_LETTERS: usize = 64;

//! Given names and patronymics, however they are written.

use std::{collections::HashMap, sync::LazyLock};

/// Patronymics that end like many last names.
const SHORT_PATRONYMICS: &[&str] = &[
    "ильич",
    "кузьмич",
    "лукич",
    "никитич",
    "саввич",
    "фомич",
    "ilyich",
    "ilich",
    "nikitich",
];

/// Whether a word is a patronymic, by its end.
pub(super) fn is_patronymic(word: &str) -> bool {
    let word = lower(word);
    if SHORT_PATRONYMICS.contains(&word.as_str()) {
        return true;
    }
    [
        "вич", "вна", "чна", "ович", "кызы", "оглы", "ovich", "evich", "ovna", "evna",
    ]
    .iter()
    .any(|end| word.ends_with(end) && word.chars().count() > end.chars().count() + 2)
}

/// In small letters, without accents that stand by themselves.
pub(super) fn lower(text: &str) -> String {
    let small = text.trim().to_lowercase();
    let small = small
        .chars()
        .filter(|c| !matches!(c, '\u{300}'..='\u{36f}'));
    small.map(|c| if c == 'ё' { 'е' } else { c }).collect()
}

/// The lines of the table that hold a form.
pub(super) fn forms(skeleton: &str) -> impl Iterator<Item = usize> {
    static FORMS: LazyLock<HashMap<String, Vec<usize>>> = LazyLock::new(|| {
        let mut forms: HashMap<String, Vec<usize>> = HashMap::new();
        let lines = include_str!("given_names.tsv").lines();
        for (at, line) in lines.enumerate().filter(|(_, line)| !line.starts_with('#')) {
            for form in line.split('\t') {
                forms.entry(skeleton_of(form)).or_default().push(at);
            }
        }
        forms
    });
    FORMS.get(skeleton).into_iter().flatten().copied()
}

/// Whether a word is a known given name.
pub(super) fn is_given(word: &str) -> bool {
    forms(&skeleton_of(word)).next().is_some()
}

pub(super) fn skeleton_of(form: &str) -> String {
    skeleton(&lower(form))
}

/// A word in Latin letters, with what different ways of writing Russian in Latin differ in taken
/// out.
pub(super) fn skeleton(word: &str) -> String {
    let head = ["я", "ya", "ja", "ia"]
        .into_iter()
        .find(|head| word.starts_with(head));
    let rest = head
        .and_then(|head| word.strip_prefix(head))
        .unwrap_or(word);
    // Яна is not Анна: what falls away elsewhere counts at the beginning.
    let mut skeleton = head.map(|_| "ja".to_owned()).unwrap_or_default();
    for c in folded(rest).chars() {
        if !skeleton.ends_with(c) {
            skeleton.push(c);
        }
    }
    skeleton
}

/// Letters, and how they are written in plain Latin.
pub(super) fn letters() -> &'static HashMap<char, &'static str> {
    static LETTERS: LazyLock<HashMap<char, &'static str>> = LazyLock::new(|| {
        let lines = include_str!("letters.tsv").lines();
        let lines = lines.filter(|line| !line.starts_with('#'));
        let pairs = lines.filter_map(|line| line.split_once('\t'));
        pairs
            .filter_map(|(letter, latin)| Some((letter.chars().next()?, latin)))
            .collect()
    });
    &LETTERS
}

pub(super) fn folded(word: &str) -> String {
    let letters = letters();
    let mut latin = String::new();
    for c in word.chars() {
        match letters.get(&c) {
            Some(written) => latin.push_str(written),
            None => latin.push(c),
        }
    }
    let folds = [
        ("shch", "sh"),
        ("sch", "sh"),
        ("kh", "h"),
        ("ph", "f"),
        ("ts", "c"),
        ("tz", "c"),
        ("ks", "x"),
        ("ck", "k"),
        ("q", "k"),
        ("ou", "u"),
        ("dzh", "j"),
        ("w", "v"),
        ("yo", "e"),
        ("jo", "e"),
        ("io", "e"),
        ("yu", "u"),
        ("ju", "u"),
        ("iu", "u"),
        ("ya", "a"),
        ("ja", "a"),
        ("ia", "a"),
        ("ye", "e"),
        ("je", "e"),
        ("ie", "e"),
        ("y", "i"),
        ("j", "i"),
    ];
    for (written, fold) in folds {
        latin = latin.replace(written, fold);
    }
    latin
}

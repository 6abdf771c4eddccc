//! Whether two names can be one person's: by their parts in any order and spelling, never by the whole text.
//!
//! Cyrillic and Latin spellings come to one skeleton; initials, short forms and a letter typed wrong are no contradiction. Names contradict only
//! if both tell a first and a last name and nothing of them agrees, or if both tell a given name and those are different people's.

use std::{
    collections::{BTreeSet, HashMap},
    sync::LazyLock,
};

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
    /// One part agrees.
    Alike,
    /// First and last name agree.
    Same,
}

/// Whether a text that stands for a name names nobody: an eraser's stand-in, a form's own word, marks alone.
pub fn names_nobody(text: &str) -> bool {
    let plain = lower(text);
    let plain = plain.trim_matches(|c: char| !c.is_alphanumeric());
    !plain.chars().any(char::is_alphabetic)
        || text.contains('@')
        || NOBODY.contains(&plain)
        || plain.starts_with("deleted")
        || plain.starts_with("удален")
}

/// Compares two names, each as its parts: first, last and second name, in whatever field they stand.
pub(super) fn compare(one: &[Option<String>; 3], other: &[Option<String>; 3]) -> Agreement {
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
    match (agree, one.len() >= 2 && other.len() >= 2) {
        (0, true) => Agreement::Contradict,
        (0, false) if given(&one) && given(&other) => Agreement::Contradict,
        (0, false) => Agreement::Unknown,
        (1, _) => Agreement::Alike,
        _ => Agreement::Same,
    }
}

/// A name in one spelling, its parts sorted: equal for two names written alike.
pub(super) fn key(names: &[Option<String>; 3]) -> String {
    let mut parts = parts(names);
    parts.sort_unstable();
    parts.join(" ")
}

/// The skeletons of a name's parts, without what names nobody, and without the patronymic where enough is left.
fn parts(names: &[Option<String>; 3]) -> Vec<String> {
    let texts = names.iter().flatten().filter(|text| !names_nobody(text));
    let words: Vec<String> = texts
        .flat_map(|text| {
            text.split(|c: char| !c.is_alphabetic() && c != '\'' && c != '’')
                .map(lower)
                .collect::<Vec<_>>()
        })
        .filter(|word| !word.is_empty() && !names_nobody(word))
        .collect();
    let second: BTreeSet<String> = names[2].iter().map(|second| lower(second.trim())).collect();
    let is_second = |word: &String| second.contains(word) || patronymic(word);
    let rest: Vec<&String> = words.iter().filter(|word| !is_second(word)).collect();
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

fn patronymic(word: &str) -> bool {
    [
        "вич", "вна", "чна", "ович", "кызы", "оглы", "ovich", "evich", "ovna", "evna",
    ]
    .iter()
    .any(|end| word.ends_with(end) && word.chars().count() > end.chars().count() + 2)
}

fn lower(text: &str) -> String {
    text.trim().to_lowercase().replace('ё', "е")
}

/// Whether two parts may be one: equal, an initial, forms of one given name, or one letter typed wrong.
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

/// The lines of the table that hold a form.
fn forms(skeleton: &str) -> impl Iterator<Item = usize> {
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

fn given(parts: &[String]) -> bool {
    parts.iter().any(|part| forms(part).next().is_some())
}

fn skeleton_of(form: &str) -> String {
    skeleton(&lower(form))
}

/// A word in Latin letters, with what different ways of writing Russian in Latin differ in taken out.
fn skeleton(word: &str) -> String {
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

fn folded(word: &str) -> String {
    let mut latin = String::new();
    for c in word.chars() {
        let letters = match c {
            'а' | 'я' => "a",
            'б' => "b",
            'в' => "v",
            'г' | 'ґ' => "g",
            'д' => "d",
            'е' | 'э' | 'є' => "e",
            'ж' => "zh",
            'з' => "z",
            'и' | 'й' | 'ы' | 'і' | 'ї' => "i",
            'к' => "k",
            'л' => "l",
            'м' => "m",
            'н' => "n",
            'о' => "o",
            'п' => "p",
            'р' => "r",
            'с' => "s",
            'т' => "t",
            'у' | 'ю' | 'ў' => "u",
            'ф' => "f",
            'х' => "h",
            'ц' => "c",
            'ч' => "ch",
            'ш' | 'щ' => "sh",
            'ъ' | 'ь' | '\'' | '’' => "",
            other => {
                latin.push(other);
                continue;
            }
        };
        latin.push_str(letters);
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

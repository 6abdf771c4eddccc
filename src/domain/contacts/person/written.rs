//! A person's name as people write it: with marks around it, or whole in one field; and its parts
//! as a card has them.

use super::{
    NAMES_FIELDS,
    given::{is_given, is_patronymic},
};

/// Words after a patronymic that belong to it.
pub(super) const AFTER_PATRONYMIC: &[&str] = &[
    "оглы", "оглу", "кызы", "гызы", "угли", "ўғли", "угл", "кизи", "қизи", "улы", "ұлы", "кызи",
    "ogly", "oglu", "oglou", "ugli", "qizi", "kizi", "kyzy", "gyzy", "uly",
];

/// Forms of address and degrees before a name.
pub(super) const ADDRESS: &[&str] = &[
    "г-н",
    "г-жа",
    "г-ка",
    "господин",
    "госпожа",
    "гражданин",
    "гражданка",
    "гр",
    "тов",
    "товарищ",
    "доктор",
    "д-р",
    "др",
    "проф",
    "профессор",
    "mr",
    "mrs",
    "ms",
    "miss",
    "mister",
    "dr",
    "prof",
    "sir",
    "madam",
    "herr",
    "frau",
    "мистер",
    "миссис",
    "ип",
    "пан",
    "пани",
];

/// Forms of organisations: what stands with one is no person's name.
const ORGANISATION: &[&str] = &[
    "ооо",
    "оао",
    "зао",
    "пао",
    "ао",
    "нао",
    "тоо",
    "чп",
    "чтуп",
    "чуп",
    "одо",
    "нко",
    "ано",
    "мбоу",
    "мбдоу",
    "мкоу",
    "гбоу",
    "мбук",
    "гбуз",
    "мбу",
    "гбу",
    "гуп",
    "муп",
    "фгуп",
    "фгбу",
    "фгбоу",
    "снт",
    "тсж",
    "жск",
    "кфх",
    "мчс",
    "ocoo",
    "осоо",
    "llc",
    "ltd",
    "inc",
    "gmbh",
    "corp",
    "plc",
    "ooo",
    "zao",
    "oao",
    "pao",
    "sarl",
    "spa",
    "ag",
    "общество",
    "компания",
    "фирма",
    "магазин",
    "организация",
    "предприятие",
    "бухгалтерия",
    "склад",
];

/// Whether a text names an organisation and no person.
pub(super) fn is_organisation(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_alphanumeric());
    let lower = words.map(str::to_lowercase);
    lower
        .filter(|word| !word.is_empty())
        .any(|word| ORGANISATION.contains(&word.as_str()))
}

/// A name's text without what nobody reads as part of it: hidden marks, pictures, quotes and commas
/// around it, blanks.
pub(super) fn tidy(text: &str) -> String {
    let seen = text
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .filter(|c| !is_hidden(*c) && !is_picture(*c));
    let seen: String = seen.collect();
    let words: Vec<&str> = seen.split_whitespace().collect();
    let outside = |c: char| c.is_whitespace() || ",;:|/\\*_~!?\u{2026}".contains(c);
    let text = words.join(" ");
    let text = text.trim_matches(outside);
    let text = text.trim_start_matches(['.', '-', '–', '—', ' ']);
    let text = text.trim_end_matches(['-', '–', '—', ' ']);
    unwrapped(text).trim().to_owned()
}

/// The text without one pair of quotes or brackets around all of it.
fn unwrapped(text: &str) -> &str {
    let wraps = |c: char| "\"'`«»“”„‘’()".contains(c);
    let inner = text
        .strip_prefix(wraps)
        .and_then(|rest| rest.strip_suffix(wraps));
    inner.filter(|inner| !inner.contains(wraps)).unwrap_or(text)
}

fn is_hidden(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffd}'
        | '\u{e0000}'..='\u{e01ef}')
}

fn is_picture(c: char) -> bool {
    matches!(c, '\u{20d0}'..='\u{20ff}' | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}'
        | '\u{2460}'..='\u{27bf}'
        | '\u{2900}'..='\u{297f}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}')
}

/// The parts for a card. What was told in parts stays in its parts; a whole name in one field is
/// divided only where its own words say which is which: a patronymic among three, one known given
/// name of two, a comma behind the last name.
pub(super) fn divide(names: [Option<String>; NAMES_FIELDS]) -> [Option<String>; NAMES_FIELDS] {
    let mut told = names.iter().flatten();
    let (Some(whole), None) = (told.next(), told.next()) else {
        return names;
    };
    let divided = in_parts(whole);
    divided.map_or(names, |parts| parts.map(Some)).map(|part| {
        let part = part?;
        (!part.is_empty()).then_some(part)
    })
}

/// First, last and second name of a whole name; `None` where its words do not tell.
fn in_parts(whole: &str) -> Option<[String; NAMES_FIELDS]> {
    let letters = |c: char| c.is_alphabetic() || " -'’ʻʼ`,".contains(c);
    if !whole.chars().all(letters) || is_organisation(whole) {
        return None;
    }
    let (last_first, text) = match whole.split_once(',') {
        Some((last, rest)) if !last.trim().contains(' ') && !rest.contains(',') => {
            (true, format!("{} {}", last.trim(), rest.trim()))
        }
        Some(_) => return None,
        None => (false, whole.to_owned()),
    };
    let mut words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
    let known = |word: &String, list: &[&str]| list.contains(&word.to_lowercase().as_str());
    if words.iter().any(|word| known(word, ADDRESS)) {
        return None;
    }
    let marked = words
        .last()
        .is_some_and(|word| known(word, AFTER_PATRONYMIC))
        && words.len() > 3;
    if marked && let (Some(mark), Some(second)) = (words.pop(), words.last_mut()) {
        second.push(' ');
        second.push_str(&mark);
    }
    let second = |word: &String| is_patronymic(word) || marked && word.contains(' ');
    let part = |first: &String, last: &String, second: &str| {
        Some([first.clone(), last.clone(), second.to_owned()])
    };
    match words.as_slice() {
        [a, b] => match (is_given(a), is_given(b)) {
            _ if is_patronymic(a) || is_patronymic(b) => None,
            (true, false) if !last_first => part(a, b, ""),
            (false, true) => part(b, a, ""),
            _ if last_first => part(b, a, ""),
            _ => None,
        },
        [a, b, c] => match (second(b), second(c)) {
            (false, true) if is_given(a) && !is_given(b) && !last_first => part(a, b, c),
            (false, true) => part(b, a, c),
            (true, false) if !last_first => part(a, c, b),
            _ => None,
        },
        _ => None,
    }
}

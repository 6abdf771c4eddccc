//! Numbers in a text as people write it: words beside them, several in one field, extensions, and
//! marks that nobody sees.

use super::{Phone, plan::Plan};
use std::collections::VecDeque;

/// The longest text that is looked at, in characters.
const LONGEST: usize = 1_000;
/// An extension has no more digits.
const EXTENSION: usize = 6;
/// A number that is written in more groups of digits is not looked for.
const GROUPS: usize = 8;

/// What a field for a phone number holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Phones {
    /// The numbers, in the order in which they stand there.
    pub numbers: Vec<Number>,
    /// Whether the field says more than that: words, digits that are no number.
    pub more: bool,
}

/// One number that a person could dial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    /// The number that was read.
    pub phone: Phone,
    /// What is dialled after it.
    pub extension: Option<String>,
}

/// A piece of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Piece {
    /// Digits that stand together; `plus` if a plus stands right before them.
    Digits { plus: bool, text: String },
    /// A blank or a slash between digits: a number may end here.
    Gap,
    /// A number ends here.
    Break,
    /// A comma or semicolon: a pause before an extension, or the end of a number.
    Pause,
    /// Says that an extension follows.
    Extension,
    /// A word; `usual` if it only says that this is a phone.
    Word { usual: bool },
}

/// Reads what people wrote; `country` is the calling code for numbers without one.
pub(super) fn read(text: &str, country: &str) -> Phones {
    let mut pieces: VecDeque<Piece> = pieces(&plain(text)).into();
    let mut found = Phones::default();
    let mut expects = false;
    let mut paused = false;
    while let Some(piece) = pieces.pop_front() {
        match piece {
            Piece::Gap => {}
            Piece::Break => paused = false,
            Piece::Pause => paused = true,
            Piece::Extension => {
                expects = !found.numbers.is_empty();
                found.more |= !expects;
            }
            Piece::Word { usual } => {
                found.more |= !usual;
                paused = false;
            }
            Piece::Digits { plus, text } => {
                if let Some(extension) = extension(&text, &pieces, (expects, paused))
                    && let Some(last) = found.numbers.last_mut()
                    && last.extension.is_none()
                {
                    last.extension = Some(extension);
                } else if let Some((phone, groups)) = number(plus, &text, &pieces, country) {
                    pieces.drain(..groups);
                    let extension = None;
                    if !found.numbers.iter().any(|number| number.phone == phone) {
                        found.numbers.push(Number { phone, extension });
                    }
                } else {
                    found.more = true;
                }
                (expects, paused) = (false, false);
            }
        }
    }
    found
}

/// These digits as an extension of the number before them, if they are one: announced, or alone
/// after a pause.
fn extension(
    digits: &str,
    rest: &VecDeque<Piece>,
    (expects, paused): (bool, bool),
) -> Option<String> {
    let ends = matches!(rest.front(), None | Some(Piece::Break | Piece::Pause));
    let fits = digits.len() <= EXTENSION && (expects || paused && ends);
    fits.then(|| digits.to_owned())
}

/// The number that begins with these digits, and how many of the pieces behind them belong to it.
/// Where several numbers stand side by side, the longest after which another begins.
fn number(
    plus: bool,
    first: &str,
    rest: &VecDeque<Piece>,
    country: &str,
) -> Option<(Phone, usize)> {
    let mut possible = candidates(plus, first, rest, 0, country);
    let whole = possible.iter().rposition(|(_, used)| {
        let behind = rest.iter().enumerate().skip(*used);
        let mut behind = behind.skip_while(|(_, piece)| **piece == Piece::Gap);
        match behind.next() {
            Some((at, Piece::Digits { plus, text })) => {
                *plus || !candidates(false, text, rest, at + 1, country).is_empty()
            }
            _ => true,
        }
    });
    match whole {
        Some(at) => Some(possible.swap_remove(at)),
        None => possible.pop(),
    }
}

/// The numbers that these digits and those behind them (from this piece on) may be, each with the
/// place where it ends.
fn candidates(
    plus: bool,
    first: &str,
    rest: &VecDeque<Piece>,
    from: usize,
    country: &str,
) -> Vec<(Phone, usize)> {
    let mut digits = first.to_owned();
    // A plus before the trunk prefix that stands alone is no country.
    let plus = plus && !(first == "8" && rest.get(from) == Some(&Piece::Gap));
    let mut ends = vec![(digits.clone(), from)];
    for (at, piece) in rest.iter().enumerate().skip(from) {
        match piece {
            Piece::Gap => {}
            Piece::Digits { plus: false, text } if ends.len() < GROUPS => {
                digits.push_str(text);
                ends.push((digits.clone(), at + 1));
            }
            _ => break,
        }
    }
    let read = |(digits, used): (String, usize)| {
        let full = dialled(plus, &digits, country)?;
        Some((Phone(format!("+{full}")), used))
    };
    ends.into_iter().filter_map(read).collect()
}

/// The digits of E.164 that these digits stand for.
fn dialled(plus: bool, digits: &str, country: &str) -> Option<String> {
    let home = Plan::of(country);
    let international = |digits: &str| {
        let (plan, rest) = Plan::leading(digits)?;
        Some(format!("{}{}", plan.code, plan.national(rest)?))
    };
    let at_home = || {
        let plan = home.filter(|plan| plan.alone(digits))?;
        Some(format!("{}{}", plan.code, plan.national(digits)?))
    };
    let with_code = || {
        let rest = digits.strip_prefix(country)?;
        Some(format!("{country}{}", home?.national(rest)?))
    };
    let abroad = || {
        ["00", "810", "011"]
            .iter()
            .find_map(|out| international(digits.strip_prefix(out)?))
    };
    let found = if plus {
        // People put a plus before a number of their own country, too.
        international(digits).or_else(at_home)
    } else {
        let far = || international(digits).filter(|full| full.len() >= 11);
        let out = || digits.starts_with("00").then(abroad).flatten();
        out()
            .or_else(at_home)
            .or_else(with_code)
            .or_else(abroad)
            .or_else(far)
    };
    found.filter(|full| !all_the_same(full))
}

/// Whether all but the first digit are one: somebody filled in a form that wanted a number.
fn all_the_same(digits: &str) -> bool {
    let mut tail = digits.bytes().skip(1);
    tail.next()
        .is_some_and(|first| tail.all(|digit| digit == first))
}

/// The text with what looks alike made the same: digits of every script, dashes, blanks, plus
/// signs; what nobody sees is gone.
fn plain(text: &str) -> Vec<char> {
    text.chars().take(LONGEST).filter_map(alike).collect()
}

fn alike(c: char) -> Option<char> {
    Some(match c {
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{20e3}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}' => return None,
        '\n' | '\r' | '\u{2028}' | '\u{2029}' => '\n',
        c if c.is_whitespace() => ' ',
        '\u{2010}'..='\u{2015}'
        | '\u{2043}'
        | '\u{2212}'
        | '\u{fe58}'
        | '\u{fe63}'
        | '\u{ff0d}' => '-',
        '\u{2795}' | '\u{fe62}' => '+',
        '\u{2044}' | '\u{2215}' => '/',
        '\u{2024}' => '.',
        // Full width.
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        c => digit(c).unwrap_or(c),
    })
}

/// A decimal digit of another script as ASCII.
fn digit(c: char) -> Option<char> {
    const ZEROS: &[u32] = &[
        0x660, 0x6f0, 0x966, 0x9e6, 0xe50, 0x1d7ce, 0x1d7d8, 0x1d7e2, 0x1d7ec, 0x1d7f6,
    ];
    let value = ZEROS
        .iter()
        .find_map(|zero| u32::from(c).checked_sub(*zero).filter(|v| *v < 10))?;
    char::from_digit(value, 10)
}

/// Divides a text into what matters.
fn pieces(text: &[char]) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut at = 0;
    let mut plus = false;
    while let Some(&c) = text.get(at) {
        let run = |wanted: &dyn Fn(char) -> bool| {
            let rest = text.get(at..).unwrap_or_default();
            rest.iter().take_while(|c| wanted(**c)).count().max(1)
        };
        if c.is_ascii_digit() {
            let length = digits(text, at);
            let run = text.get(at..at + length).unwrap_or_default();
            let text = run.iter().map(|c| if letter_o(*c) { '0' } else { *c });
            let text = text.filter(char::is_ascii_digit).collect();
            pieces.push(Piece::Digits { plus, text });
            at += length;
            plus = false;
            continue;
        }
        if c.is_alphabetic() {
            let length = run(&|c| c.is_alphabetic());
            let letters = text.get(at..at + length).unwrap_or_default();
            pieces.push(word(
                &letters
                    .iter()
                    .flat_map(|c| c.to_lowercase())
                    .collect::<String>(),
            ));
            at += length;
            continue;
        }
        match c {
            '+' => {
                plus = true;
                pieces.push(Piece::Gap);
            }
            '#' | '*' => pieces.push(Piece::Extension),
            ',' | ';' => pieces.push(Piece::Pause),
            ' ' | '/' => pieces.push(Piece::Gap),
            '(' | ')' | '[' | ']' | '-' | '.' | '_' | '~' | '=' | '\'' | '"' | '«' | '»' => {}
            '\n' | '|' | '\\' | ':' => pieces.push(Piece::Break),
            _ => pieces.push(Piece::Word { usual: false }),
        }
        plus &= matches!(c, '+' | ' ' | '(' | ')');
        at += 1;
    }
    pieces
}

/// How many characters the digits from here on are, with the marks between them that end no number.
fn digits(text: &[char], from: usize) -> usize {
    let inside = |c: char| matches!(c, '(' | ')' | '-' | '.' | '_' | '~') || letter_o(c);
    let rest = text.get(from..).unwrap_or_default();
    let mut length = 0;
    for (at, &c) in rest.iter().enumerate() {
        if c.is_ascii_digit() {
            length = at + 1;
        } else if !inside(c) {
            break;
        }
    }
    length
}

/// A letter that is taken for a zero where it stands between digits.
fn letter_o(c: char) -> bool {
    matches!(c, 'o' | 'O' | 'о' | 'О')
}

fn word(word: &str) -> Piece {
    const EXTENSIONS: &[&str] = &[
        "доб",
        "добав",
        "добавочный",
        "доп",
        "вн",
        "внутр",
        "внутренний",
        "ext",
        "extn",
        "extension",
        "x",
        "х",
        "w",
        "p",
        "int",
    ];
    const USUAL: &[&str] = &[
        "т",
        "тел",
        "телефон",
        "тлф",
        "моб",
        "мобильный",
        "мобила",
        "сот",
        "сотовый",
        "раб",
        "рабочий",
        "дом",
        "домашний",
        "гор",
        "номер",
        "факс",
        "ф",
        "м",
        "tel",
        "phone",
        "telephone",
        "mob",
        "mobile",
        "cell",
        "fax",
        "no",
        "или",
        "и",
        "or",
        "and",
        "либо",
        "также",
    ];
    if EXTENSIONS.contains(&word) {
        Piece::Extension
    } else {
        let usual = USUAL.contains(&word);
        Piece::Word { usual }
    }
}

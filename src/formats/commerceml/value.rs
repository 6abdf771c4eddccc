//! Values as files of the field write them.

use super::{Element, Fault};
use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use rust_decimal::Decimal;
use std::{collections::BTreeMap, fmt};

/// A version of the schema, in the order in which versions came: 2.05 < 2.1 = 2.10 < 3.1.
///
/// 1C writes two digits after the point, so that `2.10` and `2.1` are the same version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SchemaVersion {
    /// The number before the point.
    pub major: u16,
    /// After the point, in hundredths: 5 in 2.05, 10 in 2.10 and in 2.1.
    pub minor: u16,
}

impl SchemaVersion {
    /// The version `major`.`minor`, the minor number in hundredths.
    pub const fn new(major: u16, minor: u16) -> Self {
        Self { major, minor }
    }

    /// Reads `2.05`, `2.1`, `3.1`; also with further parts (`2.09.1`), which say nothing here.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = trimmed(text).split('.');
        let major = parts.next()?.parse().ok()?;
        let minor = match parts.next() {
            None => 0,
            Some(digit) if digit.len() == 1 => digit.parse::<u16>().ok()?.checked_mul(10)?,
            Some(digits) if digits.len() == 2 => digits.parse().ok()?,
            Some(_) => return None,
        };
        Some(Self { major, minor })
    }
}

impl fmt::Display for SchemaVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.major, self.minor) {
            // As 1C itself writes the versions of the third generation.
            (3.., minor) if minor % 10 == 0 => write!(f, "{}.{}", self.major, minor / 10),
            (major, minor) => write!(f, "{major}.{minor:02}"),
        }
    }
}

/// A date, with a time of day where one is given; in the base's own time, without a zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// The day, by the clock of whoever wrote the file.
    pub date: NaiveDate,
    /// The time of that day.
    pub time: Option<NaiveTime>,
}

/// Forms of a day.
const DAYS: [&str; 3] = ["%Y-%m-%d", "%d.%m.%Y", "%Y%m%d"];

impl Moment {
    /// The moment, midnight where there is no time.
    pub fn naive(self) -> NaiveDateTime {
        self.date.and_time(self.time.unwrap_or_default())
    }

    /// Reads `2021-02-12T17:03:19`, `2021-02-12 17:03:19`, `2021-02-12`, `12.02.2021 17:03:19`,
    /// `12.02.2021`, also with a fraction or a zone after the seconds. None for what 1C writes for
    /// "no date" (a lone `T`, the year 1) and for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = trimmed(text);
        let (date, time) = match text.find(['T', 't', 'Т', ' ']) {
            Some(at) => {
                let rest = &text[at..];
                let skip = rest.chars().next().map_or(0, char::len_utf8);
                (&text[..at], trimmed(&rest[skip..]))
            }
            None => (text, ""),
        };
        let date = DAYS
            .iter()
            .find_map(|form| NaiveDate::parse_from_str(date, form).ok())?;
        let time: String = time
            .chars()
            .take_while(|c| c.is_ascii_digit() || *c == ':')
            .collect();
        let time = ["%H:%M:%S", "%H:%M"]
            .iter()
            .find_map(|form| NaiveTime::parse_from_str(&time, form).ok());
        (date > NaiveDate::from_ymd_opt(1, 1, 1)?).then_some(Self { date, time })
    }

    /// Whether a text is neither a day nor what 1C writes for "no date": nothing can be made of it.
    pub(super) fn is_odd(text: &str) -> bool {
        let text = trimmed(text);
        let end = text.find(['T', 't', 'Т', ' ']).unwrap_or(text.len());
        let (day, rest) = text.split_at(end);
        if day.is_empty() {
            return rest.chars().skip(1).any(char::is_alphabetic);
        }
        !DAYS
            .iter()
            .any(|form| NaiveDate::parse_from_str(day, form).is_ok())
    }

    /// The same day with the time that stands in an element of its own.
    pub(super) fn with_time(self, text: &str) -> Self {
        let time = ["%H:%M:%S", "%H:%M"]
            .iter()
            .find_map(|form| NaiveTime::parse_from_str(trimmed(text), form).ok());
        Self {
            time: self.time.or(time),
            ..self
        }
    }
}

/// Without what people do not see around it: blanks, tabs, line ends, no-break spaces.
pub(super) fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\u{a0}' || c == '\u{feff}')
}

/// A number: `8186.84`, `4 100,00` with any kind of blank, `18%`, `-3`; at most 28 digits.
///
/// Where both a point and a comma stand, the last of them is the separator of decimals, and the
/// other one groups thousands. None if it is no number.
pub(super) fn number(text: &str) -> Option<Decimal> {
    let bare: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && !matches!(c, '\u{a0}' | '\u{202f}' | '\'' | '%'))
        .collect();
    let point = bare.rfind(['.', ',']);
    let mut plain = String::with_capacity(bare.len());
    for (at, c) in bare.char_indices() {
        match c {
            '.' | ',' if Some(at) == point => plain.push('.'),
            '.' | ',' => {}
            '−' => plain.push('-'),
            c => plain.push(c),
        }
    }
    let digits = plain.bytes().filter(u8::is_ascii_digit).count();
    let is_plain = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'+');
    if digits == 0 || digits > 28 || !plain.bytes().all(is_plain) {
        return None;
    }
    plain.parse().ok()
}

/// A truth value: `true`, `1`, `Да`, `Y` and their opposites. None if it is none.
pub(super) fn truth(text: &str) -> Option<bool> {
    match trimmed(text).to_lowercase().as_str() {
        "true" | "1" | "да" | "y" | "истина" => Some(true),
        "false" | "0" | "нет" | "n" | "ложь" => Some(false),
        _ => None,
    }
}

/// A name as it is compared: without blanks and case, `ё` as `е`.
///
/// `Статус заказа`, `СтатусЗаказа` and `статус  заказа` are one name.
pub(super) fn folded(name: &str) -> String {
    let plain = name
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '\u{a0}');
    let lower = plain.flat_map(char::to_lowercase);
    lower.map(|c| if c == 'ё' { 'е' } else { c }).collect()
}

/// `ЗначенияРеквизитов`: names and values, found by folded names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Requisites {
    values: BTreeMap<String, String>,
    /// As they stand in the file, in its order.
    all: Vec<(String, String)>,
}

impl Requisites {
    /// Reads the direct children of an element: those of its lines use the same tags.
    pub(super) fn of(element: &Element) -> Self {
        let mut requisites = Self::default();
        for group in element.all("ЗначенияРеквизитов") {
            for one in group.all("ЗначениеРеквизита") {
                requisites.push(one.text_of("Наименование"), one.text_of("Значение"));
            }
        }
        requisites
    }

    fn push(&mut self, name: &str, value: &str) {
        if !name.is_empty() {
            let key = folded(name);
            let kept = self.values.entry(key).or_default();
            // The first one that says something counts.
            if kept.is_empty() {
                value.clone_into(kept);
            }
            self.all.push((name.to_owned(), value.to_owned()));
        }
    }

    /// The value of the first of these names that has one; an empty value is none.
    pub fn get(&self, names: &[&str]) -> Option<&str> {
        let mut found = names
            .iter()
            .filter_map(|name| self.values.get(&folded(name)));
        found.find(|value| !value.is_empty()).map(String::as_str)
    }

    /// The truth value of the first of these names that has one; anything else is none.
    pub fn truth(&self, names: &[&str]) -> Option<bool> {
        truth(self.get(names)?)
    }

    /// The date of the first of these names that has one. What 1C writes for "no date" is none.
    pub fn moment(&self, names: &[&str]) -> Option<Moment> {
        Moment::parse(self.get(names)?)
    }

    /// All, as they stand in the file.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.all.iter().map(|(name, value)| (&**name, &**value))
    }
}

impl Element {
    /// The number in a child; none if the child is absent or empty.
    pub(super) fn number_of(&self, name: &str) -> Result<Option<Decimal>, Fault> {
        match self.text_of(name) {
            "" => Ok(None),
            text => number(text)
                .map(Some)
                .ok_or_else(|| Fault::no_number(self, name, text)),
        }
    }

    /// The truth value in a child; none if the child is absent, empty, or says neither.
    pub(super) fn truth_of(&self, name: &str) -> Option<bool> {
        truth(self.text_of(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_read_as_files_write_them() {
        for (text, value) in [
            ("8186.84", "8186.84"),
            ("231.7400", "231.7400"),
            ("4\u{a0}100,00", "4100.00"),
            (" 1 234 567,5 ", "1234567.5"),
            ("1,234.50", "1234.50"),
            ("1.234,50", "1234.50"),
            ("-3", "-3"),
            ("18%", "18"),
            ("0", "0"),
            ("\n\t12\n", "12"),
        ] {
            assert_eq!(number(text), Some(value.parse().unwrap()), "{text}");
        }
        for text in ["", " ", "Без НДС", "1e5", "--", ".", "1-2-3", "0x10"] {
            assert_eq!(number(text), None, "{text}");
        }
    }

    #[test]
    fn versions_keep_their_order() {
        let all = ["2.03", "2.05", "2.08", "2.09", "2.10", "3.0", "3.1"];
        let parsed: Vec<_> = all.map(|text| SchemaVersion::parse(text).unwrap()).into();
        assert!(parsed.is_sorted());
        assert_eq!(SchemaVersion::parse("2.1"), SchemaVersion::parse("2.10"));
        for text in all {
            assert_eq!(SchemaVersion::parse(text).unwrap().to_string(), text);
        }
        for text in ["", "x", "2.005", "2.x"] {
            assert_eq!(SchemaVersion::parse(text), None, "{text}");
        }
    }

    #[test]
    fn moments_are_read_in_every_form_and_no_date_is_none() {
        let moment = |text| Moment::parse(text).map(|moment| moment.naive().to_string());
        let evening = Some("2021-02-12 17:03:19".to_owned());
        for text in [
            "2021-02-12T17:03:19",
            "2021-02-12 17:03:19",
            "12.02.2021 17:03:19",
            "2021-02-12T17:03:19.123Z",
            "\n12.02.2021 17:03:19 ",
        ] {
            assert_eq!(moment(text), evening, "{text}");
        }
        assert_eq!(moment("2021-02-12").as_deref(), Some("2021-02-12 00:00:00"));
        for text in ["", "T", "Т", "0001-01-01", "0001-01-01T00:00:00", "soon"] {
            assert_eq!(moment(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_a_reader_panic(text in "\\PC*") {
            let _ = (number(&text), truth(&text), Moment::parse(&text), folded(&text));
            let _ = SchemaVersion::parse(&text);
        }
    }
}

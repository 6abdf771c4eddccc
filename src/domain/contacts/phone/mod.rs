//! Phone numbers: one form to store, several spellings to search for.

mod plan;
mod written;

pub use written::{Number, Phones};

use std::fmt;

/// A phone number in E.164: `+` and 8 to 15 digits, as long as numbers of its country are.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Phone(String);

impl Phone {
    /// The first number in a text as people write it. `country` is the calling code (`7`) for
    /// numbers without one. None if there is none that a person could dial.
    pub fn parse(text: &str, country: &str) -> Option<Self> {
        let mut numbers = Self::read(text, country).numbers.into_iter();
        numbers.next().map(|number| number.phone)
    }

    /// All that a field for a phone number holds.
    pub fn read(text: &str, country: &str) -> Phones {
        written::read(text, country)
    }

    /// The number in E.164.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How the number may stand in a portal that compares text: at most three spellings, E.164
    /// first.
    pub fn spellings(&self) -> Vec<String> {
        let digits = &self.0[1..];
        let mut all = vec![self.0.clone(), digits.to_owned()];
        if let Some(national) = digits.strip_prefix('7').filter(|rest| rest.len() == 10) {
            all.push(format!("8{national}"));
        }
        all
    }
}

impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parsed(text: &str) -> Option<String> {
        Phone::parse(text, "7").map(|phone| phone.as_str().to_owned())
    }

    #[test]
    fn the_usual_spellings_of_one_number_are_one_number() {
        for text in [
            "+7 (916) 123-45-67",
            "8 916 123 45 67",
            "89161234567",
            "9161234567",
            "+79161234567",
            "007 916 1234567",
            "8(916)123-45-67 доб. 12",
            "+7 916 123–45–67",
            "8 916 123 45 67 #5",
            "79161234567",
        ] {
            assert_eq!(parsed(text).as_deref(), Some("+79161234567"), "{text}");
        }
    }

    #[test]
    fn what_cannot_be_a_phone_is_none() {
        for text in [
            "",
            "нет",
            "12",
            "00000000000",
            "+7",
            "call me",
            "123456789012345678",
            "+7916+1234567",
            "80000000000",
        ] {
            assert_eq!(parsed(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_of_other_countries_keep_their_code() {
        assert_eq!(parsed("+49 30 901820").as_deref(), Some("+4930901820"));
        assert_eq!(
            Phone::parse("030 901820", "49").unwrap().as_str(),
            "+4930901820"
        );
    }

    #[test]
    fn a_russian_number_is_searched_in_three_spellings() {
        let phone = Phone::parse("89161234567", "7").unwrap();
        assert_eq!(
            phone.spellings(),
            ["+79161234567", "79161234567", "89161234567"]
        );
    }

    #[test]
    fn letters_that_change_their_length_in_small_letters_harm_nobody() {
        for text in [
            "8 916 123-45-67 Ⱥ доб ẞ",
            "8 916 123-45-67 Ⱥ ДОБ. ẞ",
            "ȺẞẞẞẞẞẞẞẞȺȺȺȺȺȺİ#",
            "İ доб",
            "8 916 123-45-67 xẞ",
        ] {
            let _ = Phone::parse(text, "7");
        }
        for text in [
            "8 916 123-45-67 доб ẞȺ",
            "8 916 123-45-67 EXT İ",
            "8 916 123-45-67 Доб.5",
        ] {
            assert_eq!(parsed(text).as_deref(), Some("+79161234567"), "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_096))]

        #[test]
        fn parsing_never_panics_and_is_stable(
            text in "(\\PC|[0-9 ()+ȺẞİKſ-]|доб|ДОБ|ext|[x#,;]){0,24}",
            country in "[1-9][0-9]{0,2}",
        ) {
            if let Some(phone) = Phone::parse(&text, &country) {
                prop_assert_eq!(Phone::parse(phone.as_str(), &country), Some(phone.clone()));
                prop_assert!(phone.as_str().len() <= 16);
            }
        }

        #[test]
        fn every_spelling_of_a_russian_number_leads_back_to_it(number in "9[0-9]{9}") {
            if let Some(phone) = Phone::parse(&number, "7") {
                for spelling in phone.spellings() {
                    prop_assert_eq!(Phone::parse(&spelling, "7"), Some(phone.clone()));
                }
            }
        }
    }
}

//! The stable codes of everything that can go wrong where people see it: one sentence and one
//! remedy each, in English and in Russian.
//!
//! To add one: a row in `table`, and one in `russian`. The runbook, the API and the command line
//! take the English from here, the console both.

mod place;
mod russian;
mod table;

pub use place::Place;
pub use table::ErrorCode;

use serde::Serialize;
use std::fmt;

impl ErrorCode {
    /// The code with that text.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.as_str() == text)
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cyrillic(text: &str) -> bool {
        text.chars()
            .any(|c| matches!(c, 'а'..='я' | 'А'..='Я' | 'ё'))
    }

    #[test]
    fn every_code_is_told_in_both_languages() {
        for code in ErrorCode::ALL {
            for text in [code.sentence(), code.remedy()] {
                assert!(!text.trim().is_empty() && !cyrillic(text), "{code}: {text}");
            }
            let russian = [code.sentence_in_russian(), code.remedy_in_russian()];
            assert_ne!(russian, [code.sentence(), code.remedy()]);
            for text in russian {
                assert!(cyrillic(text), "{code}: {text}");
                assert!(text.ends_with('.'), "{code}: {text}");
            }
        }
    }

    #[test]
    fn a_remedy_names_the_same_keys_and_commands_in_both_languages() {
        let named = |text: &'static str| {
            let keys = text.split('`').skip(1).step_by(2);
            keys.filter(|key| key.contains(['_', '[', '.']))
                .collect::<Vec<_>>()
        };
        for code in ErrorCode::ALL {
            assert_eq!(
                named(code.remedy()),
                named(code.remedy_in_russian()),
                "{code}"
            );
        }
    }

    #[test]
    fn no_two_codes_say_the_same_in_russian() {
        let said: std::collections::BTreeSet<_> = ErrorCode::ALL
            .iter()
            .map(|code| code.sentence_in_russian())
            .collect();
        assert_eq!(said.len(), ErrorCode::ALL.len());
    }
}

//! Every text of the console in both languages.

use super::{locale::Lang, messages::Text};

#[test]
fn every_text_is_there_in_both_languages() {
    for text in Text::ALL {
        let (english, russian) = (text.on(Lang::En), text.on(Lang::Ru));
        assert!(!english.trim().is_empty() && !russian.trim().is_empty());
        let cyrillic = |c: char| ('а'..='я').contains(&c) || ('А'..='Я').contains(&c) || c == 'ё';
        assert!(
            *text == Text::OtherLanguage || russian.chars().any(cyrillic),
            "{russian}"
        );
        assert!(
            *text == Text::OtherLanguage || !english.chars().any(cyrillic),
            "{english}"
        );
    }
}

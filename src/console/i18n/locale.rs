//! The language of a page: what the person chose, else what the browser asks for.

use super::legacy_text;
use crate::{
    console::StageNames,
    domain::{
        ErrorCode, Place,
        happening::{Stored, Tell, Voice},
    },
};
use axum::http::{HeaderMap, header};
use serde::{Serialize, de::DeserializeOwned};
use std::borrow::Cow;

/// The cookie that keeps the choice.
pub(in crate::console) const COOKIE: &str = "b24_lang";

/// A language of the console.
pub(in crate::console) use crate::domain::happening::Language as Lang;

impl Lang {
    /// The language tag for `lang` and the cookie: `en` or `ru`.
    pub(in crate::console) fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ru => "ru",
        }
    }

    /// The language that the switch leads to.
    pub(in crate::console) fn other(self) -> Self {
        match self {
            Self::En => Self::Ru,
            Self::Ru => Self::En,
        }
    }

    /// What a code means.
    pub(in crate::console) fn sentence(self, code: ErrorCode) -> &'static str {
        match self {
            Self::En => code.sentence(),
            Self::Ru => code.sentence_in_russian(),
        }
    }

    /// What to do about it at this place.
    pub(in crate::console) fn remedy(self, code: ErrorCode, at: Place<'_>) -> Cow<'static, str> {
        at.fill(match self {
            Self::En => code.remedy(),
            Self::Ru => code.remedy_in_russian(),
        })
    }

    /// What happened, from its data, with the portal's own names of stages; a row without data
    /// that this version knows by its sentence.
    pub(in crate::console) fn happened<'s, E: Tell + Serialize + DeserializeOwned>(
        self,
        what: Option<&Stored<E>>,
        sentence: &'s str,
        stages: Option<&StageNames>,
    ) -> Cow<'s, str> {
        match what.and_then(Stored::known) {
            Some(event) => Cow::Owned(self.said(event, stages)),
            None => self.told(sentence),
        }
    }

    /// It from its data; words that no kind stands for as far as they are known.
    pub(in crate::console) fn said(self, what: &impl Tell, stages: Option<&StageNames>) -> String {
        let words = match self {
            Self::En => str::to_owned,
            Self::Ru => |words: &str| legacy_text::sentence(words).into_owned(),
        };
        what.tell(Voice {
            language: self,
            words,
            stages: stages.map(AsRef::as_ref),
        })
    }

    /// A stored sentence of ours: an error's, or one of a row that has no data.
    pub(in crate::console) fn told(self, text: &str) -> Cow<'_, str> {
        match self {
            Self::En => Cow::Borrowed(text),
            Self::Ru => legacy_text::sentence(text),
        }
    }

    /// A stored word of ours.
    pub(in crate::console) fn word(self, text: &str) -> &str {
        match self {
            Self::En => legacy_text::plain(text),
            Self::Ru => legacy_text::word(text),
        }
    }

    pub(in crate::console) fn parse(tag: &str) -> Option<Self> {
        match tag {
            "en" => Some(Self::En),
            "ru" => Some(Self::Ru),
            _ => None,
        }
    }

    /// The language that a request asks for.
    pub(in crate::console) fn of(headers: &HeaderMap) -> Self {
        if let Some(chosen) = cookie(headers, COOKIE).and_then(Self::parse) {
            return chosen;
        }
        let wanted = headers.get(header::ACCEPT_LANGUAGE);
        let wanted = wanted.and_then(|value| value.to_str().ok()).unwrap_or("");
        // In the order as written: browsers send the dearest first.
        let known = wanted.split(',').find_map(|part| {
            let tag = part.trim().get(..2)?.to_ascii_lowercase();
            Self::parse(&tag)
        });
        known.unwrap_or(Self::En)
    }
}

/// The value of a cookie.
pub(in crate::console) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pairs: &[(&str, &str)]) -> Lang {
        let headers = pairs.iter().map(|(name, value)| {
            let name: header::HeaderName = name.parse().unwrap();
            (name, value.parse().unwrap())
        });
        Lang::of(&headers.collect())
    }

    #[test]
    fn the_choice_comes_before_the_browsers_wish_and_english_is_what_is_left() {
        assert_eq!(of(&[]), Lang::En);
        assert_eq!(
            of(&[("accept-language", "de-DE,ru-RU;q=0.8,en;q=0.5")]),
            Lang::Ru
        );
        assert_eq!(of(&[("accept-language", "é,ru")]), Lang::En);
        let both = [("accept-language", "ru"), ("cookie", "a=b; b24_lang=en")];
        assert_eq!(of(&both), Lang::En);
    }
}

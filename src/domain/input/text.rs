//! Texts as people are to read them, whatever the shop's system keeps them as.

use serde::Deserialize;
use std::borrow::Cow;

/// What a shop's texts are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Texts {
    /// Plain, but for character references (`&quot;`, `&#215;`), which systems leave in names. A
    /// lone `<` or `&` is itself.
    #[default]
    References,
    /// HTML: tags are formatting, too.
    Html,
    /// Exactly what they say.
    Plain,
}

/// How often a text was escaped at most.
const ESCAPED: usize = 3;
/// A tag is not longer than this, in bytes.
const LONGEST_TAG: usize = 1_000;

impl Texts {
    /// The text to read.
    pub fn read(self, text: &str) -> Cow<'_, str> {
        let marked = text.contains('&') || self == Self::Html && text.contains('<');
        if self == Self::Plain || !marked {
            return Cow::Borrowed(text);
        }
        let mut text = text.to_owned();
        // What was escaped twice shows its references only after the first reading.
        for _ in 0..ESCAPED {
            let mut next = text.clone();
            if self == Self::Html {
                next = without_tags(&next);
            }
            if next.contains('&') {
                next = references(&next);
            }
            if next == text {
                break;
            }
            text = next;
        }
        Cow::Owned(text)
    }
}

/// The text with its character references read, as browsers read them: also those of Windows' own
/// code page.
fn references(text: &str) -> String {
    let read = html_escape::decode_html_entities(text);
    let told = |c: char| match c {
        '\u{85}' => '…',
        '\u{91}' => '‘',
        '\u{92}' => '’',
        '\u{93}' => '“',
        '\u{94}' => '”',
        '\u{95}' => '•',
        '\u{96}' => '–',
        '\u{97}' => '—',
        '\u{99}' => '™',
        '\u{a0}' => ' ',
        c => c,
    };
    read.chars().filter(|c| *c != '\0').map(told).collect()
}

/// The text without tags of formatting: those that end a line become one. What only looks like a
/// tag stays.
fn without_tags(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, marked) = rest.split_at(at);
        plain.push_str(before);
        if let Some((name, length)) = tag(marked) {
            if LINES.contains(&name.as_str()) && !plain.is_empty() && !plain.ends_with('\n') {
                plain.push('\n');
            }
            rest = marked.get(length..).unwrap_or_default();
        } else {
            plain.push('<');
            rest = marked.get(1..).unwrap_or_default();
        }
    }
    plain.push_str(rest);
    if plain.len() == text.len() {
        return plain;
    }
    plain.trim().to_owned()
}

/// Tags that end a line.
const LINES: &[&str] = &[
    "br", "p", "div", "li", "tr", "ul", "ol", "h1", "h2", "h3", "h4", "dd", "dt",
];
/// Tags within a line.
const WITHIN: &[&str] = &[
    "a", "abbr", "b", "bdi", "code", "del", "dl", "em", "font", "i", "img", "ins", "label", "mark",
    "s", "small", "span", "strike", "strong", "sub", "sup", "table", "tbody", "td", "th", "u",
    "wbr",
];

/// The name of the tag that the text begins with, and the tag's length in bytes; `None` if it
/// begins with no tag of formatting.
fn tag(text: &str) -> Option<(String, usize)> {
    let end = text.bytes().take(LONGEST_TAG).position(|b| b == b'>')?;
    let inside = text
        .get(1..end)?
        .trim_start_matches('/')
        .trim_end_matches('/')
        .trim_end();
    let length = inside
        .find(|c: char| !c.is_ascii_alphanumeric())
        .unwrap_or(inside.len());
    let (name, attributes) = inside.split_at(length);
    let name = name.to_ascii_lowercase();
    let known = LINES.contains(&name.as_str()) || WITHIN.contains(&name.as_str());
    // `a <b and c> d` is no tag: attributes have values.
    let formed = attributes.trim().is_empty()
        || attributes.starts_with(char::is_whitespace) && attributes.contains('=');
    (known && formed).then_some((name, end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn plain_texts_are_exactly_what_they_say() {
        let text = "&quot;<b>5 &lt; 6</b>";
        assert_eq!(Texts::Plain.read(text), text);
        assert_eq!(Texts::References.read(text), "\"<b>5 < 6</b>");
        assert_eq!(Texts::Html.read(text), "\"5 < 6");
    }

    proptest! {
        #[test]
        fn a_text_without_marks_stays_as_it_is(text in "[^<&\u{a0}\u{80}-\u{9f}\0]{0,80}") {
            prop_assert_eq!(&Texts::Html.read(&text), &text);
        }

        #[test]
        fn reading_never_panics_and_loses_no_word(text in "(\\PC|&amp;|&#215;|<br>|<b \
                                                           |ẞ|Ⱥ){0,40}") {
            Texts::Html.read(&text);
            Texts::References.read(&text);
        }
    }
}

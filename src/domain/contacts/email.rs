//! E-mail addresses in a text as people write it, and which of them a portal takes.

/// The longest address that a portal takes, in characters.
const LONGEST: usize = 320;

/// What a field for an e-mail address holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Emails {
    /// The addresses, in small letters, in the order in which they stand there.
    pub addresses: Vec<String>,
    /// Whether the field says more than that: words, something that is no address.
    pub more: bool,
}

/// Reads what people wrote: one address or several, with names, brackets and marks beside them.
pub fn read(text: &str) -> Emails {
    let mut found = Emails::default();
    for word in joined(&visible(text)).split(separates) {
        // A slash may stand in an address; between two it parts them.
        let parts = word.split(|c| c == '/' && word.matches('@').count() > 1);
        for part in parts.map(bare).filter(|part| !part.is_empty()) {
            let address = part.to_lowercase();
            if !taken(&address) {
                found.more = true;
            } else if !found.addresses.contains(&address) {
                found.addresses.push(address);
            }
        }
    }
    found
}

/// Whether Bitrix24 takes this address: words of letters, digits and a few marks, joined by single
/// dots, then a host of at least two labels, the last of 2 to 20 characters. Letters of every
/// script are letters.
fn taken(address: &str) -> bool {
    let Some((name, host)) = address.split_once('@') else {
        return false;
    };
    let word = |word: &str, marks: &str| {
        !word.is_empty()
            && word
                .chars()
                .all(|c| c.is_alphanumeric() || marks.contains(c))
    };
    let local = name
        .split('.')
        .all(|part| word(part, "=_+~'!$&*^`|#%/?{}-"));
    let labels: Vec<&str> = host.split('.').collect();
    let top = labels.last().map_or(0, |last| last.chars().count());
    let edge = |label: &&str| label.starts_with('-') || label.ends_with('-');
    local
        && labels.len() >= 2
        && labels.iter().all(|label| word(label, "-"))
        && !labels.iter().any(edge)
        && (2..=20).contains(&top)
        && !host.chars().rev().take(top).all(|c| c.is_ascii_digit())
        && address.chars().count() <= LONGEST
}

/// The text without what nobody sees, full-width signs as the usual ones.
fn visible(text: &str) -> String {
    let seen = text.chars().filter(|c| {
        let hidden = matches!(c, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}');
        !hidden && (!c.is_control() || c.is_whitespace())
    });
    seen.map(|c| match c {
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        '\u{fe6b}' => '@',
        '\u{3002}' | '\u{ff61}' => '.',
        c => c,
    })
    .collect()
}

/// Blanks beside an at sign are no end of an address.
fn joined(text: &str) -> String {
    let parts: Vec<&str> = text.split('@').collect();
    let last = parts.len().saturating_sub(1);
    let trimmed = parts.iter().enumerate().map(|(at, part)| {
        let part = if at > 0 { part.trim_start() } else { part };
        if at < last { part.trim_end() } else { part }
    });
    trimmed.collect::<Vec<_>>().join("@")
}

fn separates(c: char) -> bool {
    c.is_whitespace()
        || matches!(
            c,
            ',' | ';' | '|' | '\\' | '<' | '>' | '(' | ')' | '[' | ']'
        )
}

/// The word without what stands around an address: quotes, `mailto:`, a question after it, dots at
/// its end.
fn bare(word: &str) -> &str {
    let outside = |c: char| {
        matches!(
            c,
            '"' | '\'' | '`' | '«' | '»' | '“' | '”' | '‘' | '’' | ':' | '.'
        )
    };
    let mut word = word.trim_matches(outside);
    let scheme = word
        .get(..7)
        .filter(|start| start.eq_ignore_ascii_case("mailto:"));
    if scheme.is_some() {
        word = word.get(7..).unwrap_or_default();
        word = word.split('?').next().unwrap_or_default();
    } else if let Some((before, after)) = word.rsplit_once(':')
        && after.contains('@')
        && !before.contains('@')
    {
        // `e-mail:anna@example.com`
        word = after;
    }
    word.trim_matches(outside)
        .trim_end_matches(['!', '?', '-', '/'])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_was_read_reads_as_itself(text in "(\\PC|[a-z@. ,;<>]){0,60}") {
            for address in read(&text).addresses {
                let again = read(&address);
                prop_assert_eq!(again.addresses, [address.clone()]);
                prop_assert!(!again.more, "{}", address);
            }
        }
    }
}

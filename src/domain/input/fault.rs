//! Faults of an input, each with the place where it is.

use serde::Serialize;

/// One thing that is wrong with an input, at one place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// JSON pointer (RFC 6901) to the value; empty for the whole document.
    pub pointer: String,
    /// One sentence for the person who sent it.
    pub detail: String,
}

/// Everything that is wrong with one input: never only the first thing.
pub type Faults = Vec<Fault>;

/// Most faults that are told of one input.
pub const MOST_FAULTS: usize = 100;
/// The longest pointer that is told, in characters: the names in an input may be as long as they
/// like.
const LONGEST_POINTER: usize = 300;
/// The longest detail, in characters.
const LONGEST_DETAIL: usize = 1_000;

/// The first faults, at most so many, each within bounds; the last line then says how many more
/// there are. Whoever sends a hundred thousand faults gets no hundred thousand lines.
pub fn shorten(faults: Faults, most: usize) -> Faults {
    let more = faults.len().saturating_sub(most);
    let mut told: Faults = faults.into_iter().take(most).collect();
    for fault in &mut told {
        cut(&mut fault.pointer, LONGEST_POINTER);
        cut(&mut fault.detail, LONGEST_DETAIL);
    }
    if more > 0 {
        told.push(Fault {
            pointer: String::new(),
            detail: format!("and {more} more"),
        });
    }
    told
}

/// Cuts a text that somebody else may have written to so many characters.
pub fn cut(text: &mut String, most: usize) {
    if let Some((end, _)) = text.char_indices().nth(most) {
        text.truncate(end);
        text.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn
            what_is_told_is_bounded_and_counts_the_rest(
                lengths in prop::collection::vec(0..2_000_usize, 0..30), most in 1..20_usize,
            )
            {
            let fault = |length: &usize| Fault {
                pointer: "ж".repeat(*length), detail: "я".repeat(*length)
            };
            let all: Faults = lengths.iter().map(fault).collect();
            let told = shorten(all.clone(), most);
            prop_assert!(told.len() <= most + 1);
            for fault in &told {
                prop_assert!(fault.pointer.chars().count() <= LONGEST_POINTER + 1);
                prop_assert!(fault.detail.chars().count() <= LONGEST_DETAIL + 1);
            }
            if all.len() > most {
                let more = format!("and {} more", all.len() - most);
                prop_assert_eq!(&told[most].detail, &more);
            } else {
                prop_assert_eq!(told.len(), all.len());
            }
        }
    }
}

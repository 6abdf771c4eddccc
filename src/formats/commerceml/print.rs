//! Items of goods that were read before: they are told by their bytes, and not read again.
//!
//! 1C sends the same offers day by day. An item is taken as bytes up to the first end tag of its
//! name; if these bytes were a whole item once, they are the same item now, and neither XML nor
//! values need be looked at. Bytes that nobody knows are put back and read.

use super::{Head, Item, source::Source};
use memchr::memmem;
use sha2::{Digest as _, Sha256};
use std::io::{self, BufRead};

/// What is read of an item, and what is stored of it. A version of the bridge that reads more
/// counts on from here, so that every item is read again.
const READING: u8 = 2;

/// Stands for all that an item says: half of the SHA-256 of its text, of what the file says of its
/// numbers and of itself, and of whose it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Print(pub [u8; 16]);

impl Print {
    pub(super) fn of(whose: &str, head: &Head, start: &str, raw: &[u8]) -> Self {
        let mut digest = Sha256::new();
        let decimal = head.decimal.map_or(0, u32::from);
        // A product without pictures is silent of them in a file of changes.
        digest.update([READING, u8::from(head.only_changes == Some(true))]);
        digest.update(decimal.to_be_bytes());
        for part in [whose.as_bytes(), start.as_bytes(), raw] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let mut print = [0; 16];
        print.copy_from_slice(&digest.finalize()[..16]);
        Self(print)
    }
}

/// Where an item is kept that was read before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// In which kind of file it was.
    pub channel: i16,
    /// The number of its product.
    pub number: i64,
}

/// Items that were read before.
pub trait Known {
    /// Whose they are: others with the same bytes are not meant.
    fn context(&self) -> &str;

    /// Where such an item is kept; `None`: it is to be read. `hint`: its `Ид`, most likely.
    fn find(&mut self, print: Print, hint: &str) -> Option<Place>;
}

/// What comes next in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// An item that was read.
    Item(Item),
    /// One that is known.
    Known(Place),
}

/// Whether there are many items of this name in a file, and mostly the same.
pub(super) fn may_be_known(name: &str) -> bool {
    matches!(name, "Предложение" | "Товар")
}

/// Takes what stands before the next end tag of this name; returns where that begins. `None`: there
/// is none within so many bytes, and what was taken is to be put back.
pub(super) fn take<R: BufRead>(
    source: &mut Source<R>,
    name: &str,
    most: usize,
    raw: &mut Vec<u8>,
) -> io::Result<Option<u64>> {
    raw.clear();
    let end = format!("</{name}");
    let end = end.as_bytes();
    while raw.len() <= most {
        source.refill();
        let held = source.fill_buf()?;
        if held.is_empty() {
            return Ok(None);
        }
        // It may have begun in what was taken before.
        let from = raw.len().saturating_sub(end.len() - 1);
        let across = raw.len() - from;
        raw.extend_from_slice(&held[..held.len().min(end.len() - 1)]);
        let begun = (across > 0)
            .then(|| memmem::find(&raw[from..], end))
            .flatten();
        raw.truncate(from + across);
        if let Some(at) = begun {
            // Its first bytes are taken: they are the last ones, and go back.
            let mut start = raw.split_off(from + at);
            source.put_back(&mut start);
            return Ok(Some(source.position()));
        }
        let (taken, found) = match memmem::find(held, end) {
            Some(at) => (at, true),
            None => (held.len(), false),
        };
        raw.extend_from_slice(&held[..taken]);
        source.consume(taken);
        if found {
            return Ok(Some(source.position()));
        }
    }
    Ok(None)
}

/// The `Ид` of an item by its bytes: a guess, where it is to be looked for.
pub(super) fn hint(raw: &[u8]) -> &str {
    let (start, end) = ("<Ид>".as_bytes(), "</Ид>".as_bytes());
    let Some(at) = memmem::find(raw, start) else {
        return "";
    };
    let text = &raw[at + start.len()..];
    let text = memmem::find(text, end).map_or(&[][..], |end| &text[..end]);
    std::str::from_utf8(text).unwrap_or_default().trim()
}

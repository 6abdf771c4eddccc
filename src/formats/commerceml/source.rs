//! The encoding of a file, and its bytes as UTF-8.
//!
//! A byte order mark wins over the declaration; without either it is UTF-8, or windows-1251 where
//! the bytes are no UTF-8. Real files come in windows-1251, in UTF-8 with and without a mark, and
//! (older bases) in UTF-16 with a mark.

use super::{Fault, FaultKind, excerpt};
use crate::domain::happening::FileFault;
use encoding_rs::{CoderResult, Decoder, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1251};
use std::io::{self, BufRead, Read};

/// How a file is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8 without a byte order mark.
    Utf8,
    /// UTF-8 with a byte order mark.
    Utf8Bom,
    /// windows-1251, one byte a letter.
    Windows1251,
    /// UTF-16 with a byte order mark, the low byte first.
    Utf16Le,
    /// UTF-16 with a byte order mark, the high byte first.
    Utf16Be,
}

impl Encoding {
    /// Tells the encoding by the first bytes of a file, 512 or all that there are, and how many
    /// bytes the mark takes.
    pub fn detect(start: &[u8]) -> Result<(Self, usize), Fault> {
        match start {
            [0xEF, 0xBB, 0xBF, ..] => return Ok((Self::Utf8Bom, 3)),
            [0xFF, 0xFE, ..] => return Ok((Self::Utf16Le, 2)),
            [0xFE, 0xFF, ..] => return Ok((Self::Utf16Be, 2)),
            _ => {}
        }
        let Some(label) = declared(start) else {
            return Ok((undeclared(start), 0));
        };
        match label.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Ok((Self::Utf8, 0)),
            "windows-1251" | "cp1251" | "win-1251" | "win1251" => Ok((Self::Windows1251, 0)),
            other => {
                let encoding = excerpt(other);
                let detail = FileFault::UnknownEncoding { encoding };
                Err(Fault::new(FaultKind::Encoding, detail))
            }
        }
    }

    /// Its name in a `Content-Type`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Utf8 | Self::Utf8Bom => "utf-8",
            Self::Windows1251 => "windows-1251",
            Self::Utf16Le | Self::Utf16Be => "utf-16",
        }
    }

    fn decoder(self) -> Decoder {
        let encoding = match self {
            Self::Utf8 | Self::Utf8Bom => UTF_8,
            Self::Windows1251 => WINDOWS_1251,
            Self::Utf16Le => UTF_16LE,
            Self::Utf16Be => UTF_16BE,
        };
        encoding.new_decoder_without_bom_handling()
    }
}

/// A declaration, and the root's name behind it, take no more bytes than these.
const START: usize = 512;

/// The encoding of a file that does not declare one. The root's name tells: in windows-1251 it is
/// no UTF-8.
fn undeclared(start: &[u8]) -> Encoding {
    match std::str::from_utf8(start) {
        // A character may be cut where the start ends.
        Err(error) if error.error_len().is_some() => Encoding::Windows1251,
        _ => Encoding::Utf8,
    }
}

/// What the XML declaration says of the encoding.
fn declared(start: &[u8]) -> Option<String> {
    let ascii: String = start.iter().map(|byte| char::from(*byte)).collect();
    let declaration = ascii.trim_start().strip_prefix("<?xml")?;
    let declaration = &declaration[..declaration.find("?>")?];
    let value = &declaration[declaration.find("encoding")? + "encoding".len()..];
    let value = value.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let value = &value[quote.len_utf8()..];
    Some(value[..value.find(quote)?].trim().to_owned())
}

/// A file's bytes as UTF-8, with a bound on what is read between two calls of [`Source::refill`].
pub(super) struct Source<R> {
    inner: io::Chain<io::Cursor<Vec<u8>>, R>,
    decoder: Decoder,
    /// What was read already and is to be read once more, and how much of it was.
    back: Vec<u8>,
    back_at: usize,
    text: Vec<u8>,
    at: usize,
    /// Where in `text` what was decoded ends.
    to: usize,
    ended: bool,
    /// Bytes of the text before what is given out next.
    position: u64,
    /// Bytes that may still be given out before the next refill.
    left: usize,
    /// What one token may take.
    most: usize,
}

/// Bytes of text decoded at once; at most a quarter of so many are read for them.
const CHUNK: usize = 64 * 1024;

impl<R: BufRead> Source<R> {
    pub(super) fn new(mut inner: R, most: usize) -> Result<Self, Fault> {
        let mut start = Vec::with_capacity(START);
        // A buffer may hold less: pieces of files, and what a zip unpacks at once, end anywhere.
        let read = inner.by_ref().take(START as u64).read_to_end(&mut start);
        read.map_err(|error| unread(&error))?;
        let (encoding, mark) = Encoding::detect(&start)?;
        let mut start = io::Cursor::new(start);
        start.set_position(mark as u64);
        Ok(Self {
            inner: start.chain(inner),
            decoder: encoding.decoder(),
            back: Vec::new(),
            back_at: 0,
            text: vec![0; CHUNK],
            at: 0,
            to: 0,
            ended: false,
            position: 0,
            left: most,
            most,
        })
    }

    /// A token was read: the next may be as long as the bound again.
    pub(super) fn refill(&mut self) {
        self.left = self.most;
    }

    /// Bytes of the text before what is given out next.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// The last bytes that were given out are to be given out once more.
    pub(super) fn put_back(&mut self, bytes: &mut Vec<u8>) {
        self.position -= bytes.len() as u64;
        bytes.extend_from_slice(&self.back[self.back_at..]);
        std::mem::swap(&mut self.back, bytes);
        self.back_at = 0;
    }

    fn decode(&mut self) -> io::Result<()> {
        (self.at, self.to) = (0, 0);
        while self.to == 0 && !self.ended {
            let bytes = self.inner.fill_buf()?;
            let last = bytes.is_empty();
            let bytes = &bytes[..bytes.len().min(CHUNK / 4)];
            let (result, read, written, replaced) =
                self.decoder.decode_to_utf8(bytes, &mut self.text, last);
            if replaced {
                // What is wrong only at the end is the beginning of a character.
                let (kind, detail) = if last {
                    (FaultKind::NotXml, FileFault::Cut)
                } else {
                    (FaultKind::Encoding, FileFault::OtherEncoding)
                };
                return Err(io::Error::other(Fault::new(kind, detail)));
            }
            self.ended = last && result == CoderResult::InputEmpty;
            self.inner.consume(read);
            self.to = written;
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Source<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let held = self.fill_buf()?;
        let many = held.len().min(into.len());
        into[..many].copy_from_slice(&held[..many]);
        self.consume(many);
        Ok(many)
    }
}

impl<R: BufRead> BufRead for Source<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.left == 0 {
            let fault = Fault::new(FaultKind::TooLarge, FileFault::TextTooLong);
            return Err(io::Error::other(fault));
        }
        let held = if self.back_at < self.back.len() {
            &self.back[self.back_at..]
        } else {
            if self.at == self.to {
                self.decode()?;
            }
            &self.text[self.at..self.to]
        };
        Ok(&held[..held.len().min(self.left)])
    }

    fn consume(&mut self, many: usize) {
        if self.back_at < self.back.len() {
            self.back_at += many;
        } else {
            self.at += many;
        }
        self.position += many as u64;
        self.left = self.left.saturating_sub(many);
    }
}

/// The fault of a file whose bytes cannot be read: its own, or that of the zip it is unpacked from.
pub(super) fn unread(error: &io::Error) -> Fault {
    let ours = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Fault>());
    let zip = || Fault::new(FaultKind::NotXml, FileFault::ZipBroken);
    ours.cloned().unwrap_or_else(zip)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_wins_over_the_declaration() {
        let text = b"\xEF\xBB\xBF<?xml version=\"1.0\" encoding=\"windows-1251\"?>";
        assert_eq!(Encoding::detect(text), Ok((Encoding::Utf8Bom, 3)));
        let text = b"<?xml version='1.0' encoding = 'Windows-1251' ?>";
        assert_eq!(Encoding::detect(text), Ok((Encoding::Windows1251, 0)));
        assert_eq!(Encoding::detect(b"<a/>"), Ok((Encoding::Utf8, 0)));
        let (text, _, _) = WINDOWS_1251.encode("<КоммерческаяИнформация>");
        assert_eq!(Encoding::detect(&text), Ok((Encoding::Windows1251, 0)));
        let cut = &"<КоммерческаяИнформация>".as_bytes()[..10];
        assert_eq!(Encoding::detect(cut), Ok((Encoding::Utf8, 0)));
        let text = b"<?xml version=\"1.0\" encoding=\"koi8-r\"?>";
        assert!(Encoding::detect(text).is_err());
    }

    #[test]
    fn a_character_cut_by_a_chunk_is_read_whole() {
        let text = "<a>ж</a>".repeat(9000);
        for size in [1, 3, 7, 4096] {
            let reader = io::BufReader::with_capacity(size.max(3), text.as_bytes());
            let mut read = String::new();
            let mut source = Source::new(reader, usize::MAX).unwrap();
            source.read_to_string(&mut read).unwrap();
            assert_eq!(read, text);
        }
    }

    #[test]
    fn a_declaration_is_read_whole_however_few_bytes_come_at_once() {
        let text = "<?xml version=\"1.0\" encoding=\"windows-1251\"?><a>жар</a>";
        let (bytes, _, _) = WINDOWS_1251.encode(text);
        let mut read = String::new();
        let reader = io::BufReader::with_capacity(7, &*bytes);
        let mut source = Source::new(reader, usize::MAX).unwrap();
        source.read_to_string(&mut read).unwrap();
        assert_eq!(read, text);
    }

    #[test]
    fn bytes_that_are_no_utf_8_are_told() {
        let file = b"<?xml version='1.0' encoding='utf-8'?><a>\xFF\xFE</a>";
        let mut source = Source::new(&file[..], 1000).unwrap();
        assert!(source.read_to_end(&mut Vec::new()).is_err());
    }
}

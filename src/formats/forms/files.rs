//! A body with files, without what stands in them, piece by piece as it comes.

use super::body::{file_of, find};

/// Keeps of a `multipart/form-data` body everything but the contents of files: a photo of ten
/// megabytes takes no room, and the telephone beside it is not lost.
#[derive(Debug)]
pub struct WithoutFiles {
    /// What stands before each part, and behind the last.
    mark: Vec<u8>,
    kept: Vec<u8>,
    place: Place,
}

/// Where in the body the next piece begins.
#[derive(Debug)]
enum Place {
    /// In the head of the part that begins here in what is kept.
    Head(usize),
    /// In a value, or before the first part; the mark is not there before here.
    Value(usize),
    /// In a file: its last bytes, which may be the beginning of a mark.
    File(Vec<u8>),
}

impl WithoutFiles {
    /// For a body with this header; `None`: it can carry no files.
    pub fn new(content_type: &str) -> Option<Self> {
        let boundary = super::body::boundary(content_type)?;
        Some(Self {
            mark: [b"--", boundary.as_bytes()].concat(),
            kept: Vec::new(),
            place: Place::Value(0),
        })
    }

    /// Takes the next piece of the body; says how many bytes are kept by now.
    pub fn push(&mut self, piece: &[u8]) -> usize {
        match &mut self.place {
            Place::File(tail) => tail.extend_from_slice(piece),
            Place::Head(_) | Place::Value(_) => self.kept.extend_from_slice(piece),
        }
        while let Some(next) = self.step() {
            self.place = next;
        }
        self.kept.len()
    }

    /// The place behind this one, as far as the body has come; `None`: it takes more to see it.
    fn step(&mut self) -> Option<Place> {
        // So many bytes at the end may be the beginning of a mark.
        let open = self.mark.len().saturating_sub(1);
        match &mut self.place {
            Place::Head(from) => {
                let from = *from;
                let gap = find(&self.kept[from..], b"\r\n\r\n")?;
                // A mark before the gap: this part has no head.
                if let Some(at) = find(&self.kept[from..from + gap], &self.mark) {
                    return Some(Place::Head(from + at + self.mark.len()));
                }
                let content = from + gap + 4;
                if file_of(&self.kept[from..from + gap]) {
                    return Some(Place::File(self.kept.split_off(content)));
                }
                Some(Place::Value(content))
            }
            Place::Value(from) => {
                if let Some(at) = find(&self.kept[*from..], &self.mark) {
                    return Some(Place::Head(*from + at + self.mark.len()));
                }
                *from = (*from).max(self.kept.len().saturating_sub(open));
                None
            }
            Place::File(tail) => {
                let Some(at) = find(tail, &self.mark) else {
                    tail.drain(..tail.len().saturating_sub(open));
                    return None;
                };
                self.kept.extend_from_slice(b"\r\n");
                self.kept.extend_from_slice(&self.mark);
                let part = self.kept.len();
                self.kept.extend_from_slice(&tail[at + self.mark.len()..]);
                Some(Place::Head(part))
            }
        }
    }

    /// The body without the contents of its files.
    pub fn kept(self) -> Vec<u8> {
        self.kept
    }
}

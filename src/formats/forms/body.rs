//! The body that a site posts, as pairs of names and values: forms, multipart, JSON, in UTF-8 or
//! windows-1251.
//!
//! Nothing is refused here: a body that cannot be read is one pair that holds all of it, for people
//! to look at.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1251};
use serde_json::Value;

/// The name under which a body stands that cannot be read.
pub const UNREADABLE: &str = "body";

/// The most pairs that are kept, and the deepest nesting.
const MOST: usize = 1_000;
const DEEPEST: usize = 8;

/// A body as pairs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Posted {
    /// Names as they were sent, members of members in brackets, and values.
    pub pairs: Vec<(String, String)>,
    /// The names of files that came along: their contents are not taken.
    pub files: Vec<String>,
}

impl Posted {
    /// The first value of a name that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut named = self.pairs.iter().filter(|(key, _)| key == name);
        named.find_map(|(_, value)| Some(value.trim()).filter(|value| !value.is_empty()))
    }

    fn push(&mut self, name: String, value: String) {
        if self.pairs.len() < MOST && !name.is_empty() {
            self.pairs.push((name, value));
        }
    }
}

/// Reads a body by what its header says it is.
pub fn read(content_type: &str, body: &[u8]) -> Posted {
    let kind = content_type.to_ascii_lowercase();
    let charset = parameter(content_type, "charset");
    let charset = charset.and_then(|label| Encoding::for_label(label.as_bytes()));
    if kind.starts_with("multipart/form-data") {
        let boundary = parameter(content_type, "boundary");
        return boundary.map_or_else(
            || unreadable(body, charset),
            |boundary| multipart(body, boundary.as_bytes(), charset),
        );
    }
    let start = body.iter().find(|byte| !byte.is_ascii_whitespace());
    let said = kind.contains("json");
    // Some plugins send JSON and say nothing, or say that it is text.
    if said || !kind.contains("urlencoded") && matches!(start, Some(b'{' | b'[')) {
        return json(body, charset);
    }
    form(body, charset)
}

/// What stands between the parts of a body with this header; `None`: it has no parts.
pub(super) fn boundary(content_type: &str) -> Option<String> {
    let kind = content_type.trim_start().to_ascii_lowercase();
    let found = parameter(content_type, "boundary").filter(|found| !found.is_empty());
    found.filter(|_| kind.starts_with("multipart/form-data"))
}

/// Whether the head of a part says that it is a file.
pub(super) fn file_of(head: &[u8]) -> bool {
    let head = text(head, None);
    let file = disposition(&head).and_then(|line| parameter(line, "filename"));
    file.is_some_and(|name| !name.is_empty())
}

/// The line of a part's head that names it.
fn disposition(head: &str) -> Option<&str> {
    head.lines().find(|line| {
        let line = line.to_ascii_lowercase();
        line.starts_with("content-disposition")
    })
}

/// A parameter of a header's value.
fn parameter(header: &str, name: &str) -> Option<String> {
    let mut parts = header.split(';').skip(1);
    parts.find_map(|part| {
        let (key, value) = part.split_once('=')?;
        let value = value.trim().trim_matches('"');
        key.trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.to_owned())
    })
}

/// Text without what Postgres cannot hold. What is not UTF-8, and says nothing else, is
/// windows-1251.
fn text(bytes: &[u8], charset: Option<&'static Encoding>) -> String {
    let read = match charset {
        Some(charset) if charset != UTF_8 => charset.decode(bytes).0,
        _ => match UTF_8.decode_without_bom_handling_and_without_replacement(bytes) {
            Some(text) => text,
            None => WINDOWS_1251.decode(bytes).0,
        },
    };
    read.replace('\0', "\u{fffd}")
        .trim_start_matches('\u{feff}')
        .to_owned()
}

fn unreadable(body: &[u8], charset: Option<&'static Encoding>) -> Posted {
    let mut posted = Posted::default();
    posted.push(UNREADABLE.to_owned(), text(body, charset));
    posted
}

fn form(body: &[u8], charset: Option<&'static Encoding>) -> Posted {
    let decoded = |part: &[u8]| {
        let blanks: Vec<u8> = part
            .iter()
            .map(|byte| if *byte == b'+' { b' ' } else { *byte })
            .collect();
        percent_encoding::percent_decode(&blanks).collect::<Vec<u8>>()
    };
    let pairs: Vec<(Vec<u8>, Vec<u8>)> = body
        .split(|byte| *byte == b'&')
        .filter(|part| !part.is_empty())
        .map(|part| {
            let at = part
                .iter()
                .position(|byte| *byte == b'=')
                .unwrap_or(part.len());
            let value = part.get(at + 1..).unwrap_or_default();
            (decoded(&part[..at]), decoded(value))
        })
        .collect();
    let charset = charset.or_else(|| named(&pairs));
    let mut posted = Posted::default();
    for (name, value) in pairs {
        posted.push(text(&name, charset), text(&value, charset));
    }
    posted
}

/// The charset that a browser names in the form itself.
fn named(pairs: &[(Vec<u8>, Vec<u8>)]) -> Option<&'static Encoding> {
    let (_, label) = pairs.iter().find(|(name, _)| name == b"_charset_")?;
    Encoding::for_label(label)
}

fn json(body: &[u8], charset: Option<&'static Encoding>) -> Posted {
    let Ok(value) = serde_json::from_str::<Value>(&text(body, charset)) else {
        return unreadable(body, charset);
    };
    let mut posted = Posted::default();
    flatten(&mut posted, String::new(), &value, 0);
    posted
}

fn flatten(posted: &mut Posted, name: String, value: &Value, depth: usize) {
    let inner = |key: &str| {
        if name.is_empty() {
            key.to_owned()
        } else {
            format!("{name}[{key}]")
        }
    };
    match value {
        Value::Object(members) if depth < DEEPEST => {
            for (key, value) in members {
                flatten(posted, inner(key), value, depth + 1);
            }
        }
        Value::Array(elements) if depth < DEEPEST => {
            for (at, value) in elements.iter().enumerate() {
                flatten(posted, inner(&at.to_string()), value, depth + 1);
            }
        }
        Value::Null => posted.push(name, String::new()),
        Value::String(text) => posted.push(name, text.replace('\0', "\u{fffd}")),
        other => posted.push(name, other.to_string()),
    }
}

fn multipart(body: &[u8], boundary: &[u8], charset: Option<&'static Encoding>) -> Posted {
    let mark = [b"--", boundary].concat();
    let mut posted = Posted::default();
    let mut rest = body;
    while let Some(at) = find(rest, &mark) {
        rest = &rest[at + mark.len()..];
        let end = find(rest, &mark).unwrap_or(rest.len());
        let part = &rest[..end];
        let Some(gap) = find(part, b"\r\n\r\n") else {
            continue;
        };
        let head = text(&part[..gap], charset);
        let content = &part[gap + 4..];
        let content = content.strip_suffix(b"\r\n").unwrap_or(content);
        let Some(line) = disposition(&head) else {
            continue;
        };
        let Some(name) = parameter(line, "name") else {
            continue;
        };
        match parameter(line, "filename") {
            Some(file) if !file.is_empty() => posted.files.push(file),
            Some(_) => {}
            None => posted.push(name, text(content, charset)),
        }
    }
    posted
}

/// Where in the bytes this begins, which is not empty.
pub(super) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

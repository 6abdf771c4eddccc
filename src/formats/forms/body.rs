//! The body that a site posts, as pairs of names and values: forms, multipart, JSON, in UTF-8 or
//! windows-1251.
//!
//! Nothing is refused here: a body that cannot be read is one pair that holds all of it, for people
//! to look at.

use encoding_rs::{Encoding, UTF_8, WINDOWS_1251};
use serde::{
    Deserialize as _, Deserializer,
    de::{DeserializeSeed, MapAccess, SeqAccess, Visitor},
};
use serde_json::Value;
use std::fmt;

/// The name under which a body stands that cannot be read.
pub const UNREADABLE: &str = "body";

/// The most pairs that are read, and the deepest nesting.
const MOST: usize = 1_000;
const DEEPEST: usize = 8;

/// A body as pairs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Posted {
    /// Names as they were sent, members of members in brackets, and values.
    pub pairs: Vec<(String, String)>,
    /// The names of files that came along: their contents are not taken.
    pub files: Vec<String>,
    /// Whether there were more pairs than are read: all others stand in the last one, as a text.
    pub too_many: bool,
}

impl Posted {
    /// The first value of a name that is not empty.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let mut named = self.pairs.iter().filter(|(key, _)| key == name);
        named.find_map(|(_, value)| Some(value.trim()).filter(|value| !value.is_empty()))
    }

    /// Adds a pair. A value without a name is kept, too: somebody may have written it.
    fn push(&mut self, name: String, value: String) {
        let name = match (name.is_empty(), value.is_empty()) {
            (true, true) => return,
            (true, false) => UNREADABLE.to_owned(),
            (false, _) => name,
        };
        if self.pairs.len() < MOST {
            return self.pairs.push((name, value));
        }
        if !std::mem::replace(&mut self.too_many, true) {
            self.pairs.push((UNREADABLE.to_owned(), String::new()));
        }
        if let Some((_, others)) = self.pairs.last_mut() {
            for part in [&*name, ": ", &*value, "\n"] {
                others.push_str(part);
            }
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
    let file = disposition(&head).and_then(|line| named_in(line, "filename"));
    file.is_some_and(|name| !name.is_empty())
}

/// The line of a part's head that names it.
fn disposition(head: &str) -> Option<&str> {
    head.lines().find(|line| {
        let line = line.to_ascii_lowercase();
        line.starts_with("content-disposition")
    })
}

/// A parameter of a header's value. What stands in quotes may hold what else parts parameters.
fn parameter(header: &str, name: &str) -> Option<String> {
    let (_, mut rest) = header.split_once(';')?;
    loop {
        let (key, after) = rest.split_once('=')?;
        let key = key.rsplit(';').next().unwrap_or_default();
        let after = after.trim_start();
        let (value, next) = if let Some(quoted) = after.strip_prefix('"') {
            unquoted(quoted)
        } else {
            let (value, next) = after.split_once(';').unwrap_or((after, ""));
            (value.trim().to_owned(), next)
        };
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = next;
    }
}

/// What stands before the closing quotes, and what behind. A quote of the text itself has a stroke
/// before it; other strokes are of the text.
fn unquoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('"') {
        let (before, after) = (&rest[..at], &rest[at + 1..]);
        let Some(before) = before.strip_suffix('\\') else {
            value.push_str(before);
            return (value, after);
        };
        value.push_str(before);
        value.push('"');
        rest = after;
    }
    value.push_str(rest);
    (value, "")
}

/// A name in the head of a part, also where it is said with its charset alone (RFC 5987):
/// `filename*=utf-8''%D0%BA.jpg`.
fn named_in(line: &str, name: &str) -> Option<String> {
    parameter(line, name).or_else(|| {
        let said = parameter(line, &format!("{name}*"))?;
        let (charset, rest) = said.split_once('\'')?;
        let (_, encoded) = rest.split_once('\'')?;
        let bytes: Vec<u8> = percent_encoding::percent_decode_str(encoded).collect();
        Some(text(&bytes, Encoding::for_label(charset.as_bytes())))
    })
}

/// Text without what Postgres cannot hold. What is not UTF-8, and says nothing else, is
/// windows-1251. What is UTF-8 and more than ASCII is that, whatever its header says: no text in a
/// charset of single bytes looks so by chance.
fn text(bytes: &[u8], charset: Option<&'static Encoding>) -> String {
    let utf8 = UTF_8.decode_without_bom_handling_and_without_replacement(bytes);
    let other = charset.filter(|charset| *charset != UTF_8);
    let read = match (utf8, other) {
        (Some(text), None) => text,
        (Some(text), Some(other)) if other.is_single_byte() && !bytes.is_ascii() => text,
        (_, Some(other)) => other.decode(bytes).0,
        (None, None) => match Encoding::for_bom(bytes) {
            Some((marked, _)) => marked.decode(bytes).0,
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
    let text = text(body, charset);
    let mut posted = Posted::default();
    let mut reader = serde_json::Deserializer::from_str(&text);
    let all = Pairs {
        posted: &mut posted,
        name: String::new(),
        depth: 0,
    };
    match all.deserialize(&mut reader).and_then(|()| reader.end()) {
        Ok(()) => posted,
        Err(_) => unreadable(body, charset),
    }
}

/// A JSON value that becomes pairs, in the order of the text. A name that stands there twice is two
/// pairs: neither value is lost.
struct Pairs<'a> {
    posted: &'a mut Posted,
    name: String,
    depth: usize,
}

impl Pairs<'_> {
    fn inner(&self, key: &str) -> String {
        if self.name.is_empty() {
            key.to_owned()
        } else {
            format!("{}[{key}]", self.name)
        }
    }

    fn leaf(self, value: &Value) {
        let text = match value {
            Value::Null => String::new(),
            Value::String(text) => text.replace('\0', "\u{fffd}"),
            other => other.to_string(),
        };
        self.posted.push(self.name, text);
    }
}

impl<'de> DeserializeSeed<'de> for Pairs<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        if self.depth < DEEPEST {
            return reader.deserialize_any(self);
        }
        self.leaf(&Value::deserialize(reader)?);
        Ok(())
    }
}

impl<'de> Visitor<'de> for Pairs<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(key) = members.next_key::<String>()? {
            let (name, depth) = (self.inner(&key), self.depth + 1);
            let posted = &mut *self.posted;
            members.next_value_seed(Pairs {
                posted,
                name,
                depth,
            })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        for at in 0_usize.. {
            let (name, depth) = (self.inner(&at.to_string()), self.depth + 1);
            let posted = &mut *self.posted;
            let next = Pairs {
                posted,
                name,
                depth,
            };
            if elements.next_element_seed(next)?.is_none() {
                break;
            }
        }
        Ok(())
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.leaf(&Value::from(text));
        Ok(())
    }

    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.leaf(&Value::from(value));
        Ok(())
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.leaf(&Value::from(number));
        Ok(())
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.leaf(&Value::from(number));
        Ok(())
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<(), E> {
        let number = serde_json::Number::from_f64(number);
        let number = number.ok_or_else(|| E::custom("no number"))?;
        self.leaf(&Value::Number(number));
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.leaf(&Value::Null);
        Ok(())
    }
}

fn multipart(body: &[u8], boundary: &[u8], charset: Option<&'static Encoding>) -> Posted {
    let mark = [b"--", boundary].concat();
    let (mut posted, mut parts) = (Posted::default(), 0);
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
        let Some(name) = named_in(line, "name") else {
            continue;
        };
        parts += 1;
        match named_in(line, "filename") {
            Some(file) if !file.is_empty() => posted.files.push(file),
            Some(_) => {}
            None => posted.push(name, text(content, charset)),
        }
    }
    let bare = body.trim_ascii();
    let empty = bare.is_empty() || bare.strip_prefix(&*mark) == Some(&b"--"[..]);
    if parts == 0 && !empty {
        return unreadable(body, charset);
    }
    posted
}

/// Where in the bytes this begins, which is not empty.
pub(super) fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

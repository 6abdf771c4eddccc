//! Files as 1C sends them: their names, where a file begins, and whether it is whole.

use std::borrow::Cow;

/// The longest name, in characters.
const LONGEST: usize = 300;
/// What a zip ends with is looked for in so many bytes.
pub const TAIL: usize = 66 * 1024;
/// The name of the root of every file of an exchange.
const ROOT: &str = "КоммерческаяИнформация";
/// Folders of the site's own that 1C puts in front, when it runs where they are.
const PREFIXES: [&str; 3] = [
    "upload/1c_exchange/",
    "upload/1c_catalog/",
    "upload/1c/webdata/",
];

/// A file's name as it is compared: slashes forward, without what 1C puts in front. None if it
/// points out of its folder, is empty, too long, or holds control characters.
pub fn name(given: &str) -> Option<String> {
    let forward = given.trim().replace('\\', "/");
    let mut plain = forward.trim_start_matches('/');
    if plain.get(1..3) == Some(":/") {
        plain = &plain[3..];
    }
    for prefix in PREFIXES {
        if let Some(at) = plain.find(prefix) {
            plain = &plain[at + prefix.len()..];
        }
    }
    let parts: Vec<&str> = plain
        .split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .collect();
    let fits = !parts.is_empty()
        && !parts.contains(&"..")
        && plain.chars().count() <= LONGEST
        && !plain.chars().any(char::is_control);
    fits.then(|| parts.join("/"))
}

/// The name of a file in a zip. Packers of Windows write cp866, and say so nowhere.
pub fn name_in_zip(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(name) => name.into(),
        Err(_) => encoding_rs::IBM866.decode_without_bom_handling(bytes).0,
    }
}

/// Whether two names mean one file: equal, or equal in their last part where one has no folder.
pub fn same(one: &str, other: &str) -> bool {
    let last = |name: &str| name.rsplit('/').next().unwrap_or_default().to_owned();
    one == other
        || (!one.contains('/') || !other.contains('/'))
            && last(one).eq_ignore_ascii_case(&last(other))
}

/// Whether a file is XML, as far as its name tells.
pub fn is_xml(name: &str) -> bool {
    let end = name.rsplit('.').next();
    end.is_some_and(|end| end.eq_ignore_ascii_case("xml"))
}

/// Whether a file is a picture, as far as its name tells.
pub fn is_picture(name: &str) -> bool {
    let end = name.rsplit('.').next().unwrap_or_default().to_lowercase();
    ["jpg", "jpeg", "png", "gif", "webp", "bmp", "tif", "tiff"].contains(&&*end)
}

/// The byte order marks: of UTF-8, and of UTF-16 with the low and the high byte first.
const MARKS: [&[u8]; 3] = [b"\xEF\xBB\xBF", b"\xFF\xFE", b"\xFE\xFF"];

/// What a file is, by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// XML, in whatever encoding.
    Xml,
    /// A zip with files in it.
    Zip,
    /// A picture, or anything else.
    Other,
}

impl Kind {
    /// Tells it by the first bytes.
    pub fn of(start: &[u8]) -> Self {
        let text = start
            .strip_prefix(MARKS[0])
            .unwrap_or(start)
            .trim_ascii_start();
        if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
            Self::Zip
        } else if text.starts_with(b"<") || MARKS.iter().any(|mark| start.starts_with(mark)) {
            Self::Xml
        } else {
            Self::Other
        }
    }

    /// Whether bytes that begin so may begin a file: with a byte order mark, a declaration, the
    /// root, or the mark of a zip.
    pub fn begins(start: &[u8]) -> bool {
        let (win, _, _) = encoding_rs::WINDOWS_1251.encode(ROOT);
        let roots: [&[u8]; 3] = [b"?xml", ROOT.as_bytes(), &win];
        let text = start.strip_prefix(b"<");
        let begins_xml = text.is_some_and(|tag| roots.iter().any(|name| tag.starts_with(name)));
        begins_xml
            || MARKS.iter().any(|mark| start.starts_with(mark))
            || start.starts_with(b"PK\x03\x04")
    }
}

/// The end of a zip, as its last bytes tell it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ZipEnd {
    /// How many files there are in it.
    pub entries: u64,
    /// How long its directory is, in bytes.
    pub directory: u64,
}

/// Finds the end of a zip of this length in its last bytes. None: it is not whole.
pub fn zip_end(tail: &[u8], length: u64) -> Option<ZipEnd> {
    let word = |at: usize, many: usize| -> Option<u64> {
        let bytes = tail.get(at..at + many)?;
        Some(
            bytes
                .iter()
                .rev()
                .fold(0, |all, byte| all << 8 | u64::from(*byte)),
        )
    };
    let from = tail.len().saturating_sub(22);
    (0..=from).rev().find_map(|at| {
        if !tail.get(at..)?.starts_with(b"PK\x05\x06") {
            return None;
        }
        let (entries, directory) = (word(at + 10, 2)?, word(at + 12, 4)?);
        let (offset, comment) = (word(at + 16, 4)?, word(at + 20, 2)?);
        let before = length - u64::try_from(tail.len() - at).ok()?;
        let ends = at + 22 + usize::try_from(comment).ok()? == tail.len();
        (ends && offset.checked_add(directory)? <= before).then_some(ZipEnd { entries, directory })
    })
}

/// Whether a file that ends with these bytes is whole.
pub fn is_whole(kind: Kind, tail: &[u8], length: u64) -> bool {
    match kind {
        Kind::Zip => zip_end(tail, length).is_some(),
        Kind::Xml => ends_root(tail),
        Kind::Other => false,
    }
}

/// Whether the root ends here: `</КоммерческаяИнформация>` in any encoding, or a root alone. Other
/// elements stand alone, too, and a piece of a file may end behind any of them.
fn ends_root(tail: &[u8]) -> bool {
    let (win, _, _) = encoding_rs::WINDOWS_1251.encode(ROOT);
    let wide = |big: bool| -> Vec<u8> {
        let end = format!("{ROOT}>");
        let units = end.encode_utf16();
        units
            .flat_map(|unit| {
                if big {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                }
            })
            .collect()
    };
    let is_root = |tag: &[u8]| {
        let name = tag.split(u8::is_ascii_whitespace).next();
        let name = name.and_then(|name| name.rsplit(|byte| *byte == b':').next());
        name.is_some_and(|name| name == ROOT.as_bytes() || name == &*win)
    };
    let trimmed = tail.trim_ascii_end();
    let open = trimmed.iter().rposition(|byte| *byte == b'<');
    let tag = open.and_then(|at| trimmed[at + 1..].strip_suffix(b">"));
    let ends = tag.is_some_and(|tag| match tag.strip_prefix(b"/") {
        Some(name) => is_root(name),
        None => tag.strip_suffix(b"/").is_some_and(is_root),
    });
    let is_wide = |big: bool| {
        let mark: Vec<u8> = wide(big);
        let near = tail.len().saturating_sub(mark.len() + 16);
        let last = &tail[near..];
        last.windows(mark.len()).any(|part| part == mark)
    };
    ends || is_wide(false) || is_wide(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_lose_what_1c_puts_in_front_and_never_leave_their_folder() {
        for (given, expected) in [
            ("import0_1.xml", "import0_1.xml"),
            ("import_files\\ab\\x.jpg", "import_files/ab/x.jpg"),
            ("/tmp/x/upload/1c_exchange/orders.xml", "orders.xml"),
            ("C:\\bitrix\\upload/1c/webdata/offers.xml", "offers.xml"),
            ("./a//b.xml", "a/b.xml"),
        ] {
            assert_eq!(name(given).as_deref(), Some(expected), "{given}");
        }
        for given in [
            "",
            "/",
            "../x.xml",
            "a/../../x",
            "a\\..\\b",
            "a\0b",
            &"x".repeat(301),
        ] {
            assert_eq!(name(given), None, "{given}");
        }
        assert!(same("webdata/Offers.xml", "offers.xml"));
        assert!(!same("a/offers.xml", "b/offers.xml"));
    }

    #[test]
    fn a_file_that_ends_its_root_is_whole_in_every_encoding() {
        let text = "<?xml version=\"1.0\"?><КоммерческаяИнформация>\n</КоммерческаяИнформация>\n";
        let (win, _, _) = encoding_rs::WINDOWS_1251.encode(text);
        let wide: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        for bytes in [text.as_bytes(), &win, &wide] {
            let length = bytes.len();
            assert!(is_whole(Kind::Xml, bytes, length as u64));
            assert!(!is_whole(
                Kind::Xml,
                &bytes[..length - 6],
                length as u64 - 6
            ));
        }
        for alone in [
            "<КоммерческаяИнформация ВерсияСхемы=\"2.05\"/>",
            "<c:КоммерческаяИнформация/>\r\n",
        ] {
            assert!(is_whole(Kind::Xml, alone.as_bytes(), alone.len() as u64));
        }
    }

    #[test]
    fn a_name_in_a_zip_is_utf_8_or_else_cp866() {
        let name = "import_files\\Чай зелёный.jpg";
        let (dos, _, _) = encoding_rs::IBM866.encode(name);
        for bytes in [name.as_bytes(), &dos] {
            assert_eq!(name_in_zip(bytes), name);
        }
    }

    #[test]
    fn a_file_begins_with_a_mark_a_declaration_or_its_root() {
        let root = "<КоммерческаяИнформация>";
        let (win, _, _) = encoding_rs::WINDOWS_1251.encode(root);
        let begun: [&[u8]; 6] = [
            b"<?xml ",
            root.as_bytes(),
            &win,
            b"\xEF\xBB\xBF<",
            b"\xFF\xFE<\0",
            b"PK\x03\x04",
        ];
        for start in begun {
            assert!(Kind::begins(start), "{start:?}");
        }
        for start in ["<Документ>", "Отчество/>", ""] {
            assert!(!Kind::begins(start.as_bytes()), "{start}");
        }
    }

    #[test]
    fn a_piece_that_ends_behind_an_empty_element_is_no_whole_file() {
        for last in ["<Отчество/>", "<Комментарий />\r\n\t\t", "</Документ>"]
        {
            let piece = format!("<КоммерческаяИнформация><Документ><Ид>1</Ид>{last}");
            assert!(!ends_root(piece.as_bytes()), "{last}");
            let (win, _, _) = encoding_rs::WINDOWS_1251.encode(&piece);
            assert!(!ends_root(&win), "{last}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (Kind::of(&bytes), zip_end(&bytes, bytes.len() as u64));
            let _ = (ends_root(&bytes), name(&String::from_utf8_lossy(&bytes)));
        }
    }
}

//! Pictures of a product, as a shop names them, and what in a file shows that it is a picture.

use crate::domain::Reader;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use std::fmt;

/// The largest file that is taken, in bytes: 5 MiB.
pub const LARGEST_PICTURE: usize = 5 * 1024 * 1024;

/// The most pictures of a product; more are left out.
const MOST: usize = 30;
/// The longest address, in characters; what is longer is cut, and then not found.
const ADDRESS: usize = 2_000;
/// The longest name of a file that is repeated, in characters.
const NAME: usize = 100;

/// A kind of picture that browsers show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureKind {
    /// Begins with `FF D8 FF`; `image/jpeg`.
    Jpeg,
    /// Begins with `89 50 4E 47`; `image/png`.
    Png,
    /// Begins with `GIF8`; `image/gif`.
    Gif,
    /// `RIFF`, a length and `WEBP`; `image/webp`.
    WebP,
}

impl PictureKind {
    /// Recognised by the first bytes of a file, whatever its name or its server says.
    pub fn of(file: &[u8]) -> Option<Self> {
        match file {
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Self::Gif),
            // A container whose length stands between its name and its kind.
            [b'R', b'I', b'F', b'F', rest @ ..]
                if rest.get(4..8).is_some_and(|kind| kind == b"WEBP") =>
            {
                Some(Self::WebP)
            }
            _ => None,
        }
    }

    /// Whether a file of this kind goes on to its end: a sending that broke off leaves one that
    /// does not. What stands behind the end is no fault; of GIF nobody can tell.
    pub fn is_whole(self, file: &[u8]) -> bool {
        let holds = |mark: &[u8]| file.windows(mark.len()).any(|at| at == mark);
        match self {
            Self::Jpeg => ends_as_jpeg(file),
            Self::Png => holds(b"IEND\xaeB`\x82"),
            Self::Gif => true,
            Self::WebP => {
                let length = file.get(4..8).and_then(|bytes| bytes.try_into().ok());
                let length = length.map_or(0, u32::from_le_bytes);
                usize::try_from(length).is_ok_and(|length| file.len() >= length.saturating_add(8))
            }
        }
    }

    /// What the names of such files end with.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::Gif => "gif",
            Self::WebP => "webp",
        }
    }
}

/// Whether a JPEG's image data ends. What comes before it is passed over segment by segment: a
/// smaller picture may stand there, with an end of its own.
fn ends_as_jpeg(file: &[u8]) -> bool {
    let mut at = 2;
    while let Some([0xff, kind, high, low]) = file.get(at..at + 4) {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        at += 2 + length.max(2);
        if *kind == 0xda {
            let data = file.get(at..).unwrap_or_default();
            return data.windows(2).any(|pair| pair == [0xff, 0xd9]);
        }
    }
    false
}

/// A picture as a shop names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Picture {
    /// Its file stands at this address.
    Address(String),
    /// Its file came, in the event or from 1C, and is kept under its SHA-256, as hex.
    File(String),
    /// A file came that cannot be taken: what is wrong with it.
    Broken(String),
    /// 1C names its file so, and has not sent that yet.
    Awaited(String),
}

impl Picture {
    /// What may be shown of it: of an address nothing that stands behind the path, which may be
    /// secret.
    pub fn shown(&self) -> String {
        match self {
            Self::Address(address) => {
                let end = address.find(['?', '#']).unwrap_or(address.len());
                address.get(..end).unwrap_or(address).to_owned()
            }
            Self::File(_) | Self::Broken(_) | Self::Awaited(_) => self.identity(),
        }
    }

    /// What tells it from other pictures of its product. The same address is the same picture.
    pub fn identity(&self) -> String {
        match self {
            Self::Address(address) => address.clone(),
            Self::File(digest) => format!("file:{digest}"),
            Self::Broken(why) => format!("broken:{why}"),
            Self::Awaited(name) => format!("awaited:{name}"),
        }
    }
}

/// A picture on the card of a product, or of one of its variations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProductPicture {
    /// Where the picture is found.
    #[serde(flatten)]
    pub picture: Picture,
    /// The shop's id of the variation on whose card it is; `None`: it is on the product's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub variation: Option<String>,
}

impl ProductPicture {
    /// What may be shown of it.
    pub fn shown(&self) -> String {
        match &self.variation {
            None => self.picture.shown(),
            Some(variation) => format!("{variation}: {}", self.picture.shown()),
        }
    }

    /// What tells it from other pictures of its product.
    pub fn identity(&self) -> String {
        match &self.variation {
            None => self.picture.identity(),
            Some(variation) => format!("{variation}\n{}", self.picture.identity()),
        }
    }
}

/// A file that came in an event.
#[derive(Clone, PartialEq, Eq)]
pub struct PictureFile {
    /// Its SHA-256, as hex.
    pub digest: String,
    /// What is in it.
    pub content: Vec<u8>,
}

impl fmt::Debug for PictureFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("PictureFile").field(&self.digest).finish()
    }
}

/// Takes the files out of an event about a product: what stays in it names them.
pub fn take_picture_files(event: &mut Value) -> Vec<PictureFile> {
    let mut files: Vec<PictureFile> = Vec::new();
    let Some(data) = event.get_mut("data") else {
        return files;
    };
    take_files(data, &mut files);
    let variations = data.get_mut("variations").and_then(Value::as_array_mut);
    for variation in variations.into_iter().flatten() {
        take_files(variation, &mut files);
    }
    files
}

fn take_files(of: &mut Value, files: &mut Vec<PictureFile>) {
    let pictures = of.get_mut("pictures").and_then(Value::as_array_mut);
    for picture in pictures.into_iter().flatten() {
        let Some(picture) = picture.as_object_mut() else {
            continue;
        };
        let Some(Value::String(content)) = picture.remove("content") else {
            continue;
        };
        if picture.get("url").is_some_and(Value::is_string) {
            continue;
        }
        match decoded(&content) {
            Ok(content) => {
                let digest = hex::encode(Sha256::digest(&content));
                picture.insert("file".to_owned(), digest.clone().into());
                if files.iter().all(|file| file.digest != digest) {
                    files.push(PictureFile { digest, content });
                }
            }
            Err(why) => {
                let name = picture.get("name").and_then(Value::as_str);
                let name: String = name.unwrap_or("a picture").chars().take(NAME).collect();
                picture.insert("broken".to_owned(), format!("{name}: {why}").into());
            }
        }
    }
}

fn decoded(content: &str) -> Result<Vec<u8>, &'static str> {
    let content = STANDARD.decode(content.trim());
    let content = content.map_err(|_| "`content` is no base64")?;
    if content.len() > LARGEST_PICTURE {
        return Err("the file is larger than 5 MiB");
    }
    match PictureKind::of(&content) {
        Some(_) => Ok(content),
        None => Err("the file is no picture (JPEG, PNG, GIF or WebP)"),
    }
}

/// A product's pictures and then those of its variations, each once, in the shop's order; `None`:
/// the shop says nothing of pictures. What names none is left out: a picture must not stand in the
/// way of its product.
pub(super) fn read(data: &Reader<'_>) -> Option<Vec<ProductPicture>> {
    let own = data.member("pictures").and_then(named);
    let mut said = own.is_some();
    let mut all: Vec<ProductPicture> = Vec::new();
    let of = |variation: Option<String>, pictures: Vec<Picture>| {
        let of = move |picture| ProductPicture {
            picture,
            variation: variation.clone(),
        };
        pictures.into_iter().map(of)
    };
    all.extend(of(None, own.unwrap_or_default()));
    let variations = data.member("variations").and_then(Value::as_array);
    for one in variations.into_iter().flatten() {
        let id = match one.get("id") {
            Some(Value::String(id)) => id.trim().to_owned(),
            Some(Value::Number(id)) => id.to_string(),
            _ => continue,
        };
        let Some(pictures) = one.get("pictures").and_then(named) else {
            continue;
        };
        said = true;
        all.extend(of(Some(id), pictures));
    }
    said.then_some(all)
}

/// What a list of pictures names; `None`: it is no list.
fn named(list: &Value) -> Option<Vec<Picture>> {
    let all = list.as_array()?;
    let mut pictures: Vec<Picture> = Vec::new();
    let text = |one: Option<&Value>| {
        let text = one?.as_str()?.trim();
        (!text.is_empty()).then(|| text.chars().take(ADDRESS).collect::<String>())
    };
    let named = all.iter().filter_map(|one| {
        let address = text(Some(one)).or_else(|| text(one.get("url")));
        let file = || text(one.get("file")).map(Picture::File);
        let broken = || text(one.get("broken")).map(Picture::Broken);
        let awaited = || text(one.get("awaited")).map(Picture::Awaited);
        let named = address.map(Picture::Address).or_else(file);
        named.or_else(broken).or_else(awaited)
    });
    for picture in named {
        if !pictures.contains(&picture) && pictures.len() < MOST {
            pictures.push(picture);
        }
    }
    Some(pictures)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pictures(data: &Value) -> Option<Vec<String>> {
        let read = read(&Reader::new(data.as_object().unwrap(), ""))?;
        Some(read.iter().map(ProductPicture::identity).collect())
    }

    #[test]
    fn pictures_are_addresses_each_once_and_silence_is_not_none() {
        let data = json!({"pictures": [{"url": " https://shop.test/a.jpg "}, "https://b.test/b",
                                       {"url": "https://shop.test/a.jpg"}, {"url": 7}, {}, ""]});
        let told = pictures(&data);
        assert_eq!(
            told.unwrap(),
            ["https://shop.test/a.jpg", "https://b.test/b"]
        );
        assert_eq!(pictures(&json!({"pictures": []})), Some(Vec::new()));
        for silent in [
            json!({}),
            json!({"pictures": null}),
            json!({"pictures": "a.jpg"}),
        ] {
            assert_eq!(pictures(&silent), None, "{silent}");
        }
    }

    #[test]
    fn pictures_of_variations_are_their_own_and_one_list_speaks_of_all() {
        let data = json!({"pictures": ["https://b.test/a"], "variations": [
            {"id": 11, "pictures": ["https://b.test/a", {"url": "https://b.test/b"}]},
            {"id": "12"}, {"pictures": ["https://b.test/c"]}]});
        let told = [
            "https://b.test/a",
            "11\nhttps://b.test/a",
            "11\nhttps://b.test/b",
        ];
        assert_eq!(pictures(&data).unwrap(), told);
        let silent = json!({"variations": [{"id": "11"}]});
        assert_eq!(pictures(&silent), None);
        let none = json!({"variations": [{"id": "11", "pictures": []}]});
        assert_eq!(pictures(&none), Some(Vec::new()));
    }

    #[test]
    fn what_stands_behind_the_path_is_not_shown() {
        let address = |text: &str| Picture::Address(text.to_owned()).shown();
        let secret = "https://shop.test/a.jpg?token=secret#x";
        assert_eq!(address(secret), "https://shop.test/a.jpg");
        assert_eq!(address("a.jpg"), "a.jpg");
    }

    #[test]
    fn a_picture_is_known_by_its_first_bytes_and_by_nothing_else() {
        for (file, kind) in [
            (&b"\xff\xd8\xff\xe0JFIF"[..], Some("jpg")),
            (b"\x89PNG\r\n\x1a\n....", Some("png")),
            (b"GIF89a..", Some("gif")),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some("webp")),
            (b"<!doctype html><img src=a.jpg>", None),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
            (b"RIFF\x10\0\0\0WAVEfmt ", None),
            (b"\xff\xd8", None),
            (b"", None),
        ] {
            assert_eq!(PictureKind::of(file).map(PictureKind::extension), kind);
        }
    }

    #[test]
    fn a_file_whose_sending_broke_off_is_not_whole() {
        let thumbnail = b"\xff\xe1\0\x08\xff\xda\xff\xd9\0\0";
        let jpeg = [b"\xff\xd8", &thumbnail[..], b"\xff\xda\0\x02data\xff\xd9"].concat();
        let png = b"\x89PNG\r\n\x1a\ndata\0\0\0\0IEND\xaeB`\x82".to_vec();
        let webp = b"RIFF\x0c\0\0\0WEBPVP8 data".to_vec();
        for file in [jpeg, png, webp] {
            let kind = PictureKind::of(&file).unwrap();
            assert!(kind.is_whole(&file), "{kind:?}");
            let more = [&file[..], b"something behind it"].concat();
            assert!(kind.is_whole(&more), "{kind:?}");
            let cut = &file[..file.len() - 1];
            assert!(!kind.is_whole(cut), "{kind:?}");
        }
    }

    #[test]
    fn files_are_taken_out_of_an_event_and_what_is_no_picture_is_told() {
        let png = STANDARD.encode(b"\x89PNG\r\n\x1a\nkettle");
        let mut event = json!({"data": {"pictures": [
            {"name": "a.png", "content": png}, {"name": "again.png", "content": png},
            {"name": "b.png", "content": "no base64!"},
            {"name": "c.png", "content": STANDARD.encode("<html>")},
            {"url": "https://shop.test/d.png", "content": png},
            {"url": "https://shop.test/e.png"}, "https://shop.test/f.png", 7]}});
        let files = take_picture_files(&mut event);
        assert_eq!(files.len(), 1);
        assert!(!event.to_string().contains(&png), "{event}");
        let told = pictures(&event["data"]).unwrap();
        assert_eq!(told[0], format!("file:{}", files[0].digest));
        assert_eq!(told[1], "broken:b.png: `content` is no base64");
        assert!(told[2].starts_with("broken:c.png: "), "{told:?}");
        let addresses = ["d", "e", "f"].map(|name| format!("https://shop.test/{name}.png"));
        assert_eq!(told[3..], addresses);
        let mut none = json!({"data": 7});
        assert!(take_picture_files(&mut none).is_empty());
    }

    #[test]
    fn a_file_that_is_too_large_is_not_taken() {
        let mut content = b"\xff\xd8\xff".to_vec();
        content.resize(LARGEST_PICTURE, 0);
        assert!(decoded(&STANDARD.encode(&content)).is_ok());
        content.push(0);
        let refused = decoded(&STANDARD.encode(&content));
        assert_eq!(refused, Err("the file is larger than 5 MiB"));
    }
}

//! Why a file of 1C is not taken in, and what is told of its items.

use super::{DocumentReason, Language, Tell, Voice};
use serde::{Deserialize, Serialize};

kinds! {
    /// Why a file of 1C is not taken in, or an item of it cannot be read. What is quoted of a file
    /// is short and has no control characters.
    FileFault {
        // what was sent
        BadName
            "the name of the file is not allowed"
            "имя файла недопустимо"
        NotSent { file: String }
            "there is no file {file} in this session"
            "файла {file} в этом сеансе нет"
        NotSentOrCut { file: String }
            "there is no file {file}: the zip did not come whole, or is broken"
            "файла {file} нет: архив принят не целиком или повреждён"
        TooMuch
            "the file is longer than `max_upload_bytes`"
            "файл больше max_upload_bytes"
        Unread
            "the bridge cannot get at the stored file: send it again"
            "мост не смог прочитать сохранённый файл: отправьте его снова"
        Failed
            "the bridge itself failed at the file"
            "мост не справился с файлом"
        // archives
        ZipOff
            "archives are switched off (zip = false)"
            "архивы выключены (zip = false)"
        ZipCut
            "the zip is not whole: its directory is missing"
            "архив принят не целиком: в нём нет оглавления"
        ZipBroken
            "the zip is broken"
            "архив повреждён"
        ZipTooMany
            "the zip holds too many files"
            "в архиве слишком много файлов"
        ZipTooLarge
            "the zip unpacks to more than is allowed"
            "распакованный архив больше, чем допускается"
        ZipLies
            "a file in the zip is longer than the zip says"
            "файл в архиве длиннее, чем указано в архиве"
        ZipLeadsOut { name: String }
            "the zip holds a file whose name leads out of it: {name}"
            "имя файла в архиве выводит за его пределы: {name}"
        FileTooLarge
            "the file unpacks to more than is allowed"
            "распакованный файл больше, чем допускается"
        // the text of a file
        Empty
            "the file is empty"
            "файл пуст"
        NoXml
            "the file is no XML"
            "файл — не XML"
        Cut
            "the file is cut: it ends inside an element"
            "файл обрезан: он кончается внутри элемента"
        BrokenXml { byte: u64 }
            "the XML is broken at byte {byte} of its text in UTF-8"
            "XML повреждён: байт {byte} его текста в UTF-8"
        ClosedOtherwise { opened: String, closed: String }
            "the XML is broken: the element {opened} is closed as {closed}"
            "XML повреждён: элемент {opened} закрыт как {closed}"
        BrokenAttribute { element: String }
            "the XML is broken: an attribute of {element}"
            "XML повреждён: атрибут элемента {element}"
        DocumentType
            "a document type (DOCTYPE) is not allowed"
            "объявление типа документа (DOCTYPE) не допускается"
        UnknownEntity { name: String }
            "the entity &{name}; is not known"
            "сущность &{name}; неизвестна"
        UnknownEncoding { encoding: String }
            "the encoding {encoding} is not supported"
            "кодировка {encoding} не поддерживается"
        OtherEncoding
            "the file holds bytes that are not of its encoding"
            "в файле есть байты не его кодировки"
        OtherRoot { root: String, wanted: String }
            "the root is {root}, not {wanted}"
            "корневой элемент — {root}, а не {wanted}"
        FirstCommerceMl
            "CommerceML 1 is not supported: 1C must be set to the second version"
            "CommerceML 1 не поддерживается: переключите 1С на вторую версию"
        // what is too much
        TextTooLong
            "a text or a tag is longer than is allowed"
            "текст или тег длиннее, чем допускается"
        TooDeep
            "elements stand inside each other too deeply"
            "элементы вложены слишком глубоко"
        TooManyElements
            "one item has too many elements"
            "слишком много элементов внутри одного"
        ItemTooLong
            "one item is longer than is allowed"
            "элемент длиннее, чем допускается"
        // one item
        NoDocument { element: String }
            "{element}: it holds no document"
            "{element}: внутри нет документа"
        Lacks { element: String, name: String }
            "{element}: it has no {name}"
            "{element}: нет {name}"
        LacksBoth { element: String, name: String, other: String }
            "{element}: it has neither {name} nor {other}"
            "{element}: нет ни {name}, ни {other}"
        NoNumber { element: String, name: String, text: String }
            "{element}: {name} is no number: {text}"
            "{element}: {name} — не число: {text}"
        NoDate { element: String, name: String, text: String }
            "{element}: {name} is no date: {text}"
            "{element}: {name} — не дата: {text}"
        NoTruth { element: String, name: String, text: String }
            "{element}: {name} is neither true nor false: {text}"
            "{element}: {name} — не true и не false: {text}"
    }
}

/// One line of what is told of a file: to 1C's user in the answer, to operators on the page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FileNote {
    /// The file is not taken in.
    Refused {
        /// Why.
        fault: FileFault,
    },
    /// One item of goods cannot be read; the others are taken in.
    Item {
        /// Why.
        fault: FileFault,
    },
    /// So many more items cannot be read.
    More {
        /// How many.
        count: usize,
    },
    /// One document is kept and not taken in.
    Document {
        /// Its number, else its id; `None`: it has neither.
        number: Option<String>,
        /// The stable code.
        code: String,
        /// Why.
        why: DocumentReason,
    },
    /// A line that an earlier version has stored.
    Said {
        /// It, in the language of that version.
        line: String,
    },
}

impl Tell for FileNote {
    fn tell(&self, voice: Voice<'_>) -> String {
        let russian = voice.language == Language::Ru;
        match self {
            Self::Refused { fault } | Self::Item { fault } => fault.tell(voice),
            Self::More { count } if russian => format!("… и ещё {count}"),
            Self::More { count } => format!("… and {count} more"),
            Self::Document { number, code, why } => {
                let nameless = if russian {
                    "без номера"
                } else {
                    "without a number"
                };
                let number = number.as_deref().unwrap_or(nameless);
                format!("{number}: {code}: {}", why.tell(voice))
            }
            Self::Said { line } => line.clone(),
        }
    }
}

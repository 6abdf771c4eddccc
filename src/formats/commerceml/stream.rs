//! The stream of items.

use super::{
    Element, Fault, FaultKind, Head, Item, Moment, SchemaVersion, customer, document, excerpt,
    goods,
    print::{self, Found, Known, Print},
    source::{Source, unread},
    value::{trimmed, truth},
};
use crate::domain::happening::FileFault;
use quick_xml::{
    Reader,
    errors::{IllFormedError, SyntaxError},
    events::{BytesRef, BytesStart, Event},
};
use std::io::BufRead;

/// What one item may take. A file may have any number of items.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Bytes of one text or one tag.
    pub token: usize,
    /// Elements of one item.
    pub elements: usize,
    /// Elements inside each other.
    pub depth: usize,
    /// Bytes of all texts and names of one item.
    pub bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            token: 1024 * 1024,
            elements: 100_000,
            depth: 64,
            bytes: 16 * 1024 * 1024,
        }
    }
}

/// Whether an element at this path below the root is an item: read whole, and given out.
fn is_item(path: &[String], name: &str) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path.as_slice() {
        [] => matches!(name, "Документ" | "Контейнер" | "Контрагент"),
        ["Контрагенты"] => name == "Контрагент",
        ["Документы"] => name == "Документ",
        ["Классификатор", "Группы"] => name == "Группа",
        ["Классификатор", "Свойства"] => {
            matches!(name, "Свойство" | "СвойствоНоменклатуры")
        }
        ["Каталог", "Товары"] => name == "Товар",
        [outer, list] => {
            let offers = matches!(*outer, "ПакетПредложений" | "ИзмененияПакетаПредложений");
            match *list {
                "ТипыЦен" => name == "ТипЦены" && (offers || *outer == "Классификатор"),
                "Склады" => name == "Склад" && (offers || *outer == "Классификатор"),
                "Предложения" => name == "Предложение" && offers,
                _ => false,
            }
        }
        _ => false,
    }
}

/// Reads a file as a stream of items.
pub struct Items<R> {
    reader: Reader<Source<R>>,
    bounds: Bounds,
    head: Head,
    buffer: Vec<u8>,
    /// The names of the open elements below the root.
    path: Vec<String>,
    state: State,
    /// The item that was given out last, as it stood in the file.
    last: Option<Element>,
    /// What it takes, in bytes.
    bytes: usize,
    /// What stands for it.
    print: Option<Print>,
    /// Where in the text the token that was read last begins.
    token: u64,
    /// The bytes of an item that may be known.
    raw: Vec<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Inside,
    Over,
}

impl<R: BufRead> Items<R> {
    /// Begins with a file: reads as far as the root's attributes.
    pub fn new(file: R, bounds: Bounds) -> Result<Self, Fault> {
        let source = Source::new(file, bounds.token)?;
        let mut items = Self {
            reader: Reader::from_reader(source),
            bounds,
            head: Head::default(),
            buffer: Vec::new(),
            path: Vec::new(),
            state: State::Inside,
            last: None,
            bytes: 0,
            print: None,
            token: 0,
            raw: Vec::new(),
        };
        items.read_root()?;
        Ok(items)
    }

    /// What the root says of the file.
    pub fn head(&self) -> &Head {
        &self.head
    }

    /// The item that was given out last, as it stood in the file; also one that cannot be read.
    pub fn last(&self) -> Option<&Element> {
        self.last.as_ref()
    }

    /// What that item takes, in bytes, about.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// What stands for that item, by which it is known when it comes again; `None`: it is none of
    /// goods, or nobody asks for prints.
    pub fn print(&self) -> Option<Print> {
        self.print
    }

    /// The next item, or, where it is known, its place. As [`Iterator::next`] otherwise.
    pub fn next_or_known(&mut self, known: &mut dyn Known) -> Option<Result<Found, Fault>> {
        let next = self.advance(Some(known)).transpose()?;
        if let Err(fault) = &next
            && !fault.is_of_one_item()
        {
            self.state = State::Over;
        }
        Some(next)
    }

    fn read_root(&mut self) -> Result<(), Fault> {
        let mut begun = false;
        loop {
            let (root, empty) = match self.event()? {
                Event::Start(start) => (open(&start)?, false),
                Event::Empty(start) => (open(&start)?, true),
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) => {
                    begun = true;
                    continue;
                }
                Event::Text(text) if trimmed(&text).is_empty() => continue,
                Event::Eof if !begun => return Err(not_xml(FileFault::Empty)),
                Event::Eof => return Err(not_xml(FileFault::Cut)),
                _ => return Err(not_xml(FileFault::NoXml)),
            };
            if root.name != ROOT {
                let (root, wanted) = (excerpt(&root.name), ROOT.to_owned());
                let detail = FileFault::OtherRoot { root, wanted };
                return Err(Fault::new(FaultKind::NotCommerceMl, detail));
            }
            self.head = head(&root)?;
            if empty {
                self.state = State::Over;
            }
            return Ok(());
        }
    }

    /// The next token. A document type is refused: nothing of the field has one.
    fn event(&mut self) -> Result<Event<'static>, Fault> {
        self.buffer.clear();
        self.token = self.reader.get_ref().position();
        let read = self.reader.read_event_into(&mut self.buffer);
        let event = match read {
            Ok(Event::DocType(_)) => return Err(not_xml(FileFault::DocumentType)),
            Ok(event) => event.into_owned(),
            Err(error) => return Err(broken(&error, self.reader.error_position())),
        };
        self.reader.get_mut().refill();
        Ok(event)
    }

    /// The next item; none at the end of a whole file. After a fault that is not of one item
    /// nothing more is given out.
    fn advance(&mut self, mut known: Option<&mut dyn Known>) -> Result<Option<Found>, Fault> {
        self.print = None;
        while self.state == State::Inside {
            match self.event()? {
                Event::Start(start) => {
                    let element = open(&start)?;
                    if is_item(&self.path, &element.name) {
                        if let Some(known) = known.as_deref_mut()
                            && print::may_be_known(&element.name)
                        {
                            return self.known_or_whole(element, &start, known);
                        }
                        let element = self.whole(element)?;
                        return self.give(element);
                    }
                    let head = goods::package_head(&self.path, &element);
                    if self.path.is_empty() && element.name == "Каталог" {
                        let declared = element.attribute("СодержитТолькоИзменения");
                        self.head.only_changes = declared.and_then(truth);
                    }
                    if self.path.len() >= self.bounds.depth {
                        return Err(too_large(FileFault::TooDeep));
                    }
                    self.path.push(element.name);
                    if let Some(head) = head {
                        return Ok(Some(Found::Item(Item::PackageHead(head))));
                    }
                }
                Event::Empty(start) => {
                    let element = open(&start)?;
                    if is_item(&self.path, &element.name) {
                        self.bytes = element.bytes();
                        return self.give(element);
                    }
                    if let Some(head) = goods::package_head(&self.path, &element) {
                        return Ok(Some(Found::Item(Item::PackageHead(head))));
                    }
                }
                Event::End(_) if self.path.pop().is_none() => self.state = State::Over,
                Event::Eof => return Err(not_xml(FileFault::Cut)),
                _ => {}
            }
        }
        Ok(None)
    }

    fn give(&mut self, element: Element) -> Result<Option<Found>, Fault> {
        let made = item(&self.path, &element, &self.head);
        self.last = Some(element);
        made.map(|item| Some(Found::Item(item)))
    }

    /// An item whose start tag was read: its place, where its bytes are known; else it is read.
    fn known_or_whole(
        &mut self,
        outer: Element,
        start: &BytesStart<'_>,
        known: &mut dyn Known,
    ) -> Result<Option<Found>, Fault> {
        let name = start.name();
        let source = self.reader.get_mut();
        let end = print::take(source, name.into_inner(), self.bounds.bytes, &mut self.raw);
        let end = end.map_err(|error| unread(&error))?;
        let made = end.map(|end| {
            (
                end,
                Print::of(known.context(), &self.head, start, &self.raw),
            )
        });
        if let Some((_, print)) = made
            && let Some(place) = known.find(print, print::hint(&self.raw))
        {
            // What was read once ends here, and nowhere else.
            self.event()?;
            return Ok(Some(Found::Known(place)));
        }
        self.reader.get_mut().put_back(&mut self.raw);
        let element = self.whole(outer)?;
        // An end tag inside a comment or another element is not the item's.
        let whole = made.filter(|(end, _)| *end == self.token);
        self.print = whole.map(|(_, print)| print);
        self.give(element)
    }

    /// An item with all that is in it.
    fn whole(&mut self, outer: Element) -> Result<Element, Fault> {
        self.last = None;
        let mut many = 1;
        let mut bytes = outer.bytes();
        let mut open_ones = vec![outer];
        loop {
            match self.event()? {
                Event::Start(start) => {
                    many += 1;
                    if open_ones.len() >= self.bounds.depth {
                        return Err(too_large(FileFault::TooDeep));
                    }
                    let element = open(&start)?;
                    bytes += element.bytes();
                    open_ones.push(element);
                }
                Event::Empty(start) => {
                    many += 1;
                    let element = open(&start)?;
                    bytes += element.bytes();
                    if let Some(parent) = open_ones.last_mut() {
                        parent.children.push(element);
                    }
                }
                Event::End(_) => {
                    let Some(mut done) = open_ones.pop() else {
                        return Err(not_xml(FileFault::Cut));
                    };
                    if trimmed(&done.text).len() != done.text.len() {
                        let plain = trimmed(&done.text).to_owned();
                        done.text = plain;
                    }
                    let Some(parent) = open_ones.last_mut() else {
                        self.bytes = bytes;
                        return Ok(done);
                    };
                    parent.children.push(done);
                }
                Event::Text(text) => {
                    bytes += text.len();
                    add(&mut open_ones, &text, self.bounds.token)?;
                }
                Event::CData(text) => {
                    bytes += text.len();
                    add(&mut open_ones, &text, self.bounds.token)?;
                }
                Event::GeneralRef(name) => {
                    let character = resolved(&name)?;
                    add(
                        &mut open_ones,
                        character.encode_utf8(&mut [0; 4]),
                        self.bounds.token,
                    )?;
                }
                Event::Eof => return Err(not_xml(FileFault::Cut)),
                _ => {}
            }
            if many > self.bounds.elements {
                return Err(too_large(FileFault::TooManyElements));
            }
            if bytes > self.bounds.bytes {
                return Err(too_large(FileFault::ItemTooLong));
            }
        }
    }
}

impl<R: BufRead> Iterator for Items<R> {
    type Item = Result<Item, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let next = self.advance(None).transpose()?;
            return Some(match next {
                Ok(Found::Item(item)) => Ok(item),
                // Nobody says that anything is known.
                Ok(Found::Known(_)) => continue,
                Err(fault) => {
                    if !fault.is_of_one_item() {
                        self.state = State::Over;
                    }
                    Err(fault)
                }
            });
        }
    }
}

/// The root of every file.
const ROOT: &str = "КоммерческаяИнформация";

/// The fault that the XML reader found at this byte of the text.
fn broken(error: &quick_xml::Error, byte: u64) -> Fault {
    not_xml(match error {
        quick_xml::Error::Io(error) => return unread(error),
        // Something is open where the file ends.
        quick_xml::Error::Syntax(of) if *of != SyntaxError::InvalidBangMarkup => FileFault::Cut,
        quick_xml::Error::IllFormed(IllFormedError::MismatchedEndTag { expected, found }) => {
            FileFault::ClosedOtherwise {
                opened: excerpt(expected),
                closed: excerpt(found),
            }
        }
        _ => FileFault::BrokenXml { byte },
    })
}

fn add(open_ones: &mut [Element], text: &str, most: usize) -> Result<(), Fault> {
    let Some(element) = open_ones.last_mut() else {
        return Ok(());
    };
    if element.text.len() + text.len() > most {
        return Err(too_large(FileFault::TextTooLong));
    }
    element.text.push_str(text);
    Ok(())
}

fn not_xml(detail: FileFault) -> Fault {
    Fault::new(FaultKind::NotXml, detail)
}

fn too_large(detail: FileFault) -> Fault {
    Fault::new(FaultKind::TooLarge, detail)
}

/// A start tag as an element without contents.
fn open(start: &BytesStart<'_>) -> Result<Element, Fault> {
    let mut attributes = Vec::new();
    let broken = || {
        let element = excerpt(start.local_name().into_inner());
        not_xml(FileFault::BrokenAttribute { element })
    };
    for attribute in start.attributes() {
        let attribute = attribute.map_err(|_| broken())?;
        let name: &str = attribute.key.local_name().into_inner();
        let value = quick_xml::escape::unescape(&attribute.value).map_err(|_| broken())?;
        attributes.push((name.to_owned(), trimmed(&value).to_owned()));
    }
    Ok(Element {
        name: start.local_name().into_inner().to_owned(),
        attributes,
        text: String::new(),
        children: Vec::new(),
    })
}

/// A character reference, or one of the five names that XML itself knows.
fn resolved(name: &BytesRef<'_>) -> Result<char, Fault> {
    if let Ok(Some(character)) = name.resolve_char_ref() {
        return Ok(character);
    }
    match &**name {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        other => {
            let name = excerpt(other);
            Err(not_xml(FileFault::UnknownEntity { name }))
        }
    }
}

fn head(root: &Element) -> Result<Head, Fault> {
    let version = root.attribute("ВерсияСхемы").and_then(SchemaVersion::parse);
    if version.is_some_and(|version| version.major < 2) {
        let detail = FileFault::FirstCommerceMl;
        return Err(Fault::new(FaultKind::NotCommerceMl, detail));
    }
    let decimal = root.attribute("ФорматСуммы").and_then(|format| {
        let rest = format.split("ЧРД=").nth(1)?;
        rest.trim_start_matches(['\'', '"']).chars().next()
    });
    Ok(Head {
        version,
        formed_at: root.attribute("ДатаФормирования").and_then(Moment::parse),
        decimal,
        only_changes: None,
    })
}

fn item(path: &[String], element: &Element, head: &Head) -> Result<Item, Fault> {
    Ok(
        match (path.first().map(String::as_str), element.name.as_str()) {
            (_, "Документ") => Item::Document(Box::new(document::document(element)?)),
            (_, "Контейнер") => Item::Package(document::package(element)?),
            (_, "Контрагент") => {
                Item::Counterparty(Box::new(customer::counterparty(element)))
            }
            (_, "Группа") => Item::Group(goods::group(element)?),
            (_, "Товар") => Item::Product(Box::new(goods::product(element, head)?)),
            (_, "ТипЦены") => Item::PriceType(goods::price_type(element)?),
            (_, "Склад") => Item::Warehouse(goods::warehouse(element)?),
            (_, "Предложение") => Item::Offer(Box::new(goods::offer(element, head)?)),
            _ => Item::Property(goods::property(element)?),
        },
    )
}

//! Files read on a thread of their own, their items handed over in batches.

use super::reader::{Bounded, Stored};
use crate::{
    domain::happening::FileFault,
    formats::{
        commerceml::{
            Bounds, Element, Fault, FaultKind, Found, Head, Item, Items, Known, Place as Kept,
            Print, excerpt,
        },
        onec::upload,
    },
    storage::onec::goods::prints::Run,
};
use std::{
    io::{BufRead, BufReader, Read as _},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::mpsc;
use zip::ZipArchive;

/// Items of one batch.
const BATCH: usize = 500;
/// Bytes of one batch, about.
const BATCH_BYTES: usize = 2 * 1024 * 1024;
/// Items of one batch, those that are known among them.
const BATCH_ALL: i64 = 20_000;
/// A file with no more new items than these, and no more bytes of them, is read once only.
const WHOLE: usize = 2_000;
const WHOLE_BYTES: usize = 8 * 1024 * 1024;
/// Rows of known products, one after the other, of one batch.
const RUNS: usize = 5_000;
/// Bytes that are read at once.
const BUFFER: usize = 64 * 1024;
/// The longest directory of a zip that is read, in bytes, and the most files in it.
const DIRECTORY: u64 = 4 * 1024 * 1024;
const MOST_MEMBERS: u64 = 20_000;

/// An item as it came: read, or with what is wrong with it; and its XML, where it is a document.
pub(super) struct Came {
    pub(super) item: Result<Item, Fault>,
    pub(super) raw: Option<String>,
    /// `Номер` of what cannot be read.
    pub(super) number: Option<String>,
    /// What stands for it when it comes again; `None`: it is none of goods.
    pub(super) print: Option<Print>,
}

impl Came {
    fn of(item: Result<Item, Fault>, items: &Items<impl BufRead>) -> Self {
        Self {
            raw: raw(&item, items),
            number: item.as_ref().err().and_then(|_| number(items)),
            print: items.print(),
            item,
        }
    }

    /// Whether it is a document, or was to be one.
    pub(super) fn is_document(&self) -> bool {
        match &self.item {
            Ok(item) => matches!(
                item,
                Item::Document(_) | Item::Package(_) | Item::Counterparty(_)
            ),
            Err(_) => self.raw.is_some(),
        }
    }
}

/// Items of a file that follow each other: documents, or all but documents.
#[derive(Default)]
pub(super) struct Part {
    /// Those that were read, in their order.
    pub(super) items: Vec<Came>,
    /// The products of those that are known, and were not read.
    pub(super) known: Vec<Run>,
    /// How many items all of them are.
    pub(super) count: i64,
}

impl Part {
    fn push(&mut self, came: Came) {
        self.items.push(came);
        self.count += 1;
    }

    fn know(&mut self, kept: Kept) {
        self.count += 1;
        match self.known.last_mut() {
            Some(run) if run.channel == kept.channel && run.last + 1 == kept.number => {
                run.last = kept.number;
            }
            _ => self.known.push(Run {
                channel: kept.channel,
                first: kept.number,
                last: kept.number,
            }),
        }
    }

    /// Whether it is documents.
    pub(super) fn is_documents(&self) -> bool {
        self.items.first().is_some_and(Came::is_document)
    }
}

/// What the reading thread hands over.
pub(super) enum Read {
    /// What the root says; once, first.
    Head(Head),
    /// The next items of the file, in their order.
    Items(Part),
}

/// What is read of a stored file: itself, or a file in it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Which file of the zip; none: the file itself.
    pub(super) member: Option<usize>,
    /// The most bytes that it may unpack to.
    pub(super) most: u64,
}

/// The files in a zip whose last bytes are these, each with its place there.
pub(super) fn members(file: Stored, tail: &[u8], most: u64) -> Result<Vec<(usize, String)>, Fault> {
    let archive = archive(file, tail)?;
    if archive
        .decompressed_size()
        .is_none_or(|size| size > u128::from(most))
    {
        return Err(too_large(FileFault::ZipTooLarge));
    }
    let mut names = Vec::with_capacity(archive.len());
    for (nth, name) in archive.file_names_raw().enumerate() {
        let name = upload::name_in_zip(name);
        if name.ends_with(['/', '\\']) {
            continue;
        }
        let Some(name) = upload::name(&name) else {
            let name = excerpt(&name);
            return Err(not_xml(FileFault::ZipLeadsOut { name }));
        };
        names.push((nth, name));
    }
    Ok(names)
}

fn not_xml(detail: FileFault) -> Fault {
    Fault::new(FaultKind::NotXml, detail)
}

fn too_large(detail: FileFault) -> Fault {
    Fault::new(FaultKind::TooLarge, detail)
}

/// This fault; or, where the stored bytes could not be had, that alone.
fn unread_if(away: &AtomicBool, fault: Fault) -> Fault {
    if away.load(Ordering::Relaxed) {
        return Fault::new(FaultKind::Unread, FileFault::Unread);
    }
    fault
}

fn archive(file: Stored, tail: &[u8]) -> Result<ZipArchive<Stored>, Fault> {
    let missing = || not_xml(FileFault::ZipCut);
    let end = upload::zip_end(tail, file.length()).ok_or_else(missing)?;
    if end.directory > DIRECTORY || end.entries > MOST_MEMBERS {
        return Err(too_large(FileFault::ZipTooMany));
    }
    let away = file.away();
    ZipArchive::new(file).map_err(|_| unread_if(&away, not_xml(FileFault::ZipBroken)))
}

/// Reads files of a zip, one after the other: all of each, none of one that is longer than `most`
/// bytes. None is believed to be longer than the zip says.
pub(super) fn contents(
    file: Stored,
    tail: &[u8],
    (wanted, most): (&[usize], usize),
    mut each: impl FnMut(usize, Result<Option<Vec<u8>>, Fault>),
) -> Result<(), Fault> {
    let broken = || not_xml(FileFault::ZipBroken);
    let most = u64::try_from(most).unwrap_or(u64::MAX);
    let mut archive = archive(file, tail)?;
    for nth in wanted {
        let mut one = || {
            let member = archive.by_index(*nth).map_err(|_| broken())?;
            let said = member.size();
            if said > most {
                return Ok(None);
            }
            let mut bytes = Vec::new();
            let read = member.take(said.saturating_add(1)).read_to_end(&mut bytes);
            let read = read.map_err(|_| broken())?;
            if u64::try_from(read).is_ok_and(|read| read > said) {
                return Err(not_xml(FileFault::ZipLies));
            }
            Ok(Some(bytes))
        };
        each(*nth, one());
    }
    Ok(())
}

/// Whether a file can be read to its end, item by item; what is wrong with single items is told
/// when they are taken in. Hands over the whole file where little of it is new.
pub(super) fn check(
    file: Stored,
    tail: &[u8],
    place: &Place,
    known: &mut dyn Known,
) -> Result<Option<(Head, Part)>, Fault> {
    within(file, tail, place, |items| {
        let head = items.head().clone();
        let (mut whole, mut bytes) = (Some(Part::default()), 0);
        while let Some(next) = next(items, known) {
            let next = next?;
            let Some(part) = &mut whole else {
                continue;
            };
            match next {
                Next::Known(kept) => part.know(kept),
                Next::New(item) => {
                    bytes += items.bytes();
                    part.push(Came::of(item, items));
                }
            }
            let many = part.items.len() > WHOLE || bytes > WHOLE_BYTES || part.known.len() > RUNS;
            if many || part.items.last().is_some_and(Came::is_document) {
                whole = None;
            }
        }
        Ok(whole.map(|part| (head, part)))
    })
}

/// Reads a file behind its first `skip` items, and hands the rest over until nobody takes it.
pub(super) fn read(
    file: Stored,
    (tail, place): (&[u8], &Place),
    known: &mut dyn Known,
    skip: u64,
    sender: &mpsc::Sender<Read>,
) -> Result<(), Fault> {
    within(file, tail, place, |items| {
        let head = Read::Head(items.head().clone());
        if sender.blocking_send(head).is_err() {
            return Ok(());
        }
        let (mut part, mut bytes, mut nth) = (Part::default(), 0, 0_u64);
        while let Some(next) = next(items, known) {
            let next = next?;
            nth += 1;
            if nth <= skip {
                continue;
            }
            let came = match next {
                Next::Known(kept) => Err(kept),
                Next::New(item) => Ok(Came::of(item, items)),
            };
            let is_document = came.as_ref().is_ok_and(Came::is_document);
            let full = part.items.len() >= BATCH || part.known.len() >= RUNS;
            let full = full || part.count >= BATCH_ALL || bytes > BATCH_BYTES;
            if part.count > 0 && (full || is_document != part.is_documents()) {
                bytes = 0;
                let whole = Read::Items(std::mem::take(&mut part));
                if sender.blocking_send(whole).is_err() {
                    return Ok(());
                }
            }
            match came {
                Ok(came) => {
                    bytes += items.bytes();
                    part.push(came);
                }
                Err(kept) => part.know(kept),
            }
        }
        // Nobody is there any more: whoever comes next goes on behind what was stored.
        let _ = sender.blocking_send(Read::Items(part));
        Ok(())
    })
}

/// An item, or what is wrong with it; or where it is kept.
enum Next {
    New(Result<Item, Fault>),
    Known(Kept),
}

/// What is wrong with one item is handed on; what is wrong with the file is its end.
fn next(items: &mut Items<impl BufRead>, known: &mut dyn Known) -> Option<Result<Next, Fault>> {
    Some(match items.next_or_known(known)? {
        Ok(Found::Item(item)) => Ok(Next::New(Ok(item))),
        Ok(Found::Known(kept)) => Ok(Next::Known(kept)),
        Err(fault) if fault.is_of_one_item() => Ok(Next::New(Err(fault))),
        Err(fault) => Err(fault),
    })
}

/// `Номер`, else `Ид`, of the item that was read last.
fn number(items: &Items<impl BufRead>) -> Option<String> {
    let element = items.last()?;
    let texts = [element.text_of("Номер"), element.text_of("Ид")];
    texts
        .into_iter()
        .find(|text| !text.is_empty())
        .map(str::to_owned)
}

/// The XML of a document; goods are many, and are stored by their values.
fn raw(item: &Result<Item, Fault>, items: &Items<impl BufRead>) -> Option<String> {
    match item {
        Ok(Item::Document(_) | Item::Package(_) | Item::Counterparty(_)) => {}
        Err(_)
            if items.last().is_some_and(|element| {
                element.name != "Предложение" && element.name != "Товар"
            }) => {}
        _ => return None,
    }
    items.last().map(Element::to_xml)
}

/// Opens a file, or a file in it, and does something with its items. A bound that was passed is
/// told as such, whatever the XML reader makes of it.
fn within<T>(
    file: Stored,
    tail: &[u8],
    place: &Place,
    work: impl FnOnce(&mut Items<Box<dyn BufRead + '_>>) -> Result<T, Fault>,
) -> Result<T, Fault> {
    let passed = Arc::new(AtomicBool::new(false));
    let away = file.away();
    let done = match place.member {
        None => {
            let bounded = Bounded::new(file, place.most, Arc::clone(&passed));
            let reader = BufReader::with_capacity(BUFFER, bounded);
            Items::new(Box::new(reader) as Box<dyn BufRead + '_>, Bounds::default())
                .and_then(|mut items| work(&mut items))
        }
        Some(nth) => archive(file, tail).and_then(|mut archive| {
            let member = archive.by_index(nth);
            let member = member.map_err(|_| not_xml(FileFault::ZipBroken))?;
            let bounded = Bounded::new(member, place.most, Arc::clone(&passed));
            let reader = BufReader::with_capacity(BUFFER, bounded);
            Items::new(Box::new(reader) as Box<dyn BufRead + '_>, Bounds::default())
                .and_then(|mut items| work(&mut items))
        }),
    };
    if passed.load(Ordering::Relaxed) {
        return Err(too_large(FileFault::FileTooLarge));
    }
    done.map_err(|fault| unread_if(&away, fault))
}

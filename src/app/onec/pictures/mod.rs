//! Pictures that 1C sends as files beside its catalogue, each alone or in a zip.
//!
//! What is in a file is looked at once nothing more of it comes: when something is taken in, else
//! some seconds after its last piece. The bytes stay where they are: pieces of files as 1C sent
//! them. At most one picture is in memory at a time. Owns: which names stand for which pictures.

use super::{parse, reader::Stored, upload};
use crate::{
    app::{Error, Onec},
    domain::{LARGEST_PICTURE, PictureKind},
    formats::{
        commerceml::Fault,
        onec::{
            Base,
            goods::last_part,
            upload::{self as names, Kind},
        },
    },
    storage::onec::{
        files,
        pictures::{self, FileToLookAt, LookedAt},
    },
};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;
use std::collections::BTreeSet;
use tokio::runtime::Handle;

/// Files that are looked at in one transaction.
const FILES: usize = 50;
/// Files of a zip that are looked at in one.
const MEMBERS: usize = 200;
/// A session's files may unpack to so many times what they may have packed.
const UNPACKED: u64 = 10;

/// The pictures in a file.
#[derive(Debug, Default)]
struct Looked {
    pictures: Vec<LookedAt>,
    /// Where to go on in the zip; `None`: that was all.
    next: Option<i32>,
}

impl Onec {
    /// Looks at files that came since, of bases whose pictures some shop's catalogue has; false:
    /// nothing is left to do.
    pub async fn take_in_pictures(&self) -> Result<bool, Error> {
        let mut more = false;
        for base in self.registry.bases.values() {
            let shops = self.registry.shops_of_goods(base);
            if shops.iter().any(|(_, rules)| rules.pictures) {
                more |= self.take_in_some(base).await?;
            }
        }
        Ok(more)
    }

    async fn take_in_some(&self, base: &Base) -> Result<bool, Error> {
        let name = base.name.as_str();
        let mut all: Vec<(FileToLookAt, Looked)> = Vec::new();
        while all.len() < FILES {
            let file = {
                let mut db = self.db.acquire().await?;
                pictures::take_file(&mut db, name).await?
            };
            let Some(file) = file else {
                break;
            };
            let looked = self.look_at(base, &file).await?;
            let is_long = looked.pictures.len() > 1;
            all.push((file, looked));
            if is_long {
                break;
            }
        }
        if all.is_empty() {
            return Ok(false);
        }
        let mut tx = self.db.begin().await?;
        let mut found = Vec::new();
        for (file, looked) in all {
            // Of what has grown meanwhile more is to come.
            if pictures::looked_at(&mut tx, &file, looked.next).await? {
                found.extend(looked.pictures);
            }
        }
        let mut news = BTreeSet::new();
        for some in each_name_once(found) {
            news.extend(pictures::store(&mut tx, name, &some).await?);
        }
        if !news.is_empty() {
            let news: Vec<String> = news.into_iter().collect();
            pictures::mark_products_due(&mut tx, name, &news).await?;
        }
        tx.commit().await?;
        Ok(true)
    }

    async fn look_at(&self, base: &Base, file: &FileToLookAt) -> Result<Looked, Error> {
        let mut db = self.db.acquire().await?;
        let start = files::piece(&mut db, file.id, 0).await?;
        match Kind::of(start.as_ref().map_or(&[], |(_, bytes)| bytes)) {
            Kind::Xml if !names::is_picture(&file.name) => Ok(Looked::default()),
            // A page under the name of a picture is told as one that cannot be taken.
            Kind::Xml | Kind::Other => {
                let bytes = upload::contents(&mut db, file.id, file.bytes, LARGEST_PICTURE).await?;
                let one = LookedAt {
                    name: file.name.clone(),
                    last_part: last_part(&file.name),
                    file: file.id,
                    digest: judged(bytes.as_deref()),
                    member: None,
                };
                Ok(Looked {
                    pictures: vec![one],
                    next: None,
                })
            }
            Kind::Zip => {
                let tail = upload::tail(&mut db, file.id, file.bytes).await?;
                drop(db);
                if names::zip_end(&tail, length(file.bytes)).is_none() {
                    return Ok(Looked::default());
                }
                let most = base.max_upload.saturating_mul(UNPACKED);
                let (pool, of) = (self.db.clone(), file.clone());
                let runtime = Handle::current();
                let open =
                    move || Stored::new(pool.clone(), runtime.clone(), of.id, length(of.bytes));
                let of = file.clone();
                let looking = tokio::task::spawn_blocking(move || in_zip(open, &of, &tail, most));
                // Whoever has it taken in is told the same.
                let untold = |why: &dyn std::fmt::Display| {
                    let (base, file) = (&base.name, &file.name);
                    tracing::warn!(%base, file, %why, "no pictures are taken out of a zip of 1C");
                    Looked::default()
                };
                Ok(match looking.await {
                    Ok(Ok(looked)) => looked,
                    Ok(Err(fault)) => untold(&fault),
                    Err(bug) => untold(&bug),
                })
            }
        }
    }
}

/// What a base sent by its SHA-256, as hex; none if it is kept no more.
pub(in crate::app) async fn content(
    db: &PgPool,
    base: &str,
    digest: &str,
) -> Result<Option<Vec<u8>>, Error> {
    let mut connection = db.acquire().await?;
    let Some(kept) = pictures::kept(&mut connection, base, digest).await? else {
        return Ok(None);
    };
    let Some(nth) = kept
        .member
        .map(|nth| usize::try_from(nth).unwrap_or_default())
    else {
        let most = LARGEST_PICTURE;
        let bytes = upload::contents(&mut connection, kept.file, kept.bytes, most).await?;
        return Ok(bytes.filter(|bytes| print(bytes) == digest));
    };
    let tail = upload::tail(&mut connection, kept.file, kept.bytes).await?;
    drop(connection);
    let stored = Stored::new(db.clone(), Handle::current(), kept.file, length(kept.bytes));
    let reading = tokio::task::spawn_blocking(move || {
        let mut bytes = None;
        let wanted = (&[nth][..], LARGEST_PICTURE);
        let read = parse::contents(stored, &tail, wanted, |_, read| bytes = read.ok().flatten());
        read.ok().and(bytes)
    });
    let bytes = reading.await.unwrap_or_default();
    Ok(bytes.filter(|bytes| print(bytes) == digest))
}

/// The next pictures in a zip.
fn in_zip(
    open: impl Fn() -> Stored,
    file: &FileToLookAt,
    tail: &[u8],
    most: u64,
) -> Result<Looked, Fault> {
    let begun = usize::try_from(file.looked).unwrap_or_default();
    let all = parse::members(open(), tail, most)?;
    let is_next = |(nth, name): &(usize, String)| *nth >= begun && !names::is_xml(name);
    let mut next: Vec<(usize, String)> = all.into_iter().filter(is_next).collect();
    let rest = next.split_off(next.len().min(MEMBERS));
    let wanted: Vec<usize> = next.iter().map(|(nth, _)| *nth).collect();
    let mut pictures = Vec::with_capacity(next.len());
    let mut named = next.into_iter();
    parse::contents(open(), tail, (&wanted, LARGEST_PICTURE), |nth, read| {
        let Some((_, name)) = named.next() else {
            return;
        };
        pictures.push(LookedAt {
            last_part: last_part(&name),
            name,
            file: file.id,
            digest: read
                .map_err(|fault| fault.to_string())
                .and_then(|bytes| judged(bytes.as_deref())),
            member: i32::try_from(nth).ok(),
        });
    })?;
    let next = rest.first().and_then(|(nth, _)| i32::try_from(*nth).ok());
    Ok(Looked { pictures, next })
}

/// The same in groups, none of which has a name twice.
fn each_name_once(found: Vec<LookedAt>) -> Vec<Vec<LookedAt>> {
    let mut groups = vec![Vec::new()];
    let mut names = BTreeSet::new();
    for one in found {
        if !names.insert(one.name.clone()) {
            names = BTreeSet::from([one.name.clone()]);
            groups.push(Vec::new());
        }
        if let Some(group) = groups.last_mut() {
            group.push(one);
        }
    }
    groups.retain(|group| !group.is_empty());
    groups
}

/// The digest of a picture, or why it cannot be taken; none: it is too large.
fn judged(bytes: Option<&[u8]>) -> Result<String, String> {
    let why = match bytes.map(|bytes| (bytes, PictureKind::of(bytes))) {
        None => "the file is larger than 5 MiB",
        Some((_, None)) => "the file is no picture (JPEG, PNG, GIF or WebP)",
        Some((bytes, Some(kind))) if !kind.is_whole(bytes) => "the file came only in part",
        Some((bytes, _)) => return Ok(print(bytes)),
    };
    Err(why.to_owned())
}

fn print(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

fn length(bytes: i64) -> u64 {
    u64::try_from(bytes).unwrap_or_default()
}

//! The files of a session that a name means.

use super::{Step, refused};
use crate::{
    app::{
        Error, Onec,
        onec::{
            Session,
            parse::{self, Place},
            upload,
        },
    },
    domain::happening::FileFault,
    formats::{
        commerceml::{FaultKind, excerpt},
        onec::upload::{self as names, Kind},
    },
    storage::onec::files::{self, FileRow},
};

/// A session's files may unpack to so many times what they may have packed.
const UNPACKED: u64 = 10;

/// A file to be taken in, or a file in a zip.
pub(super) struct Source {
    pub(super) file: FileRow,
    pub(super) tail: Vec<u8>,
    pub(super) place: Place,
    pub(super) member: String,
}

impl Onec {
    /// What this name means among the files of the session.
    pub(super) async fn sources(
        &self,
        session: &Session,
        name: &str,
    ) -> Result<Result<Vec<Source>, Step>, Error> {
        let mut db = self.db.acquire().await?;
        let mut open = files::open(&mut db, session.id).await?;
        // The newest of several that could be meant.
        open.reverse();
        let most = session.base.max_upload.saturating_mul(UNPACKED);
        let mut cut = false;
        drop(db);
        let own = |file: &FileRow| names::same(&file.name, name);
        open.retain(|file| own(file) || !names::is_picture(&file.name));
        for file in open {
            let mut db = self.db.acquire().await?;
            let start = files::piece(&mut db, file.id, 0).await?;
            let kind = Kind::of(start.as_ref().map_or(&[], |(_, bytes)| bytes));
            let own = own(&file);
            if kind != Kind::Zip {
                if !own {
                    continue;
                }
                let place = Place { member: None, most };
                let (tail, member) = (Vec::new(), String::new());
                return Ok(Ok(vec![Source {
                    file,
                    tail,
                    place,
                    member,
                }]));
            }
            let tail = upload::tail(&mut db, file.id, file.bytes).await?;
            drop(db);
            let stored = self.stored(&file);
            let bytes = u64::try_from(file.bytes).unwrap_or_default();
            let listed = {
                let tail = tail.clone();
                let listing = move || parse::members(stored, &tail, most);
                tokio::task::spawn_blocking(listing).await
            };
            let listed = match listed {
                Ok(Ok(listed)) => listed,
                // One that is whole, and lies.
                Ok(Err(fault)) if own || names::zip_end(&tail, bytes).is_some() => {
                    return Ok(Err(refused(fault.kind, fault.detail)));
                }
                _ => {
                    cut = true;
                    continue;
                }
            };
            if !session.base.zip {
                return Ok(Err(refused(FaultKind::NotXml, FileFault::ZipOff)));
            }
            let meant = |member: &str| {
                if own {
                    names::is_xml(member)
                } else {
                    names::same(member, name)
                }
            };
            let listed = listed.into_iter().filter(|(_, member)| meant(member));
            let source = |(nth, member)| Source {
                file: file.clone(),
                tail: tail.clone(),
                place: Place {
                    member: Some(nth),
                    most,
                },
                member,
            };
            let found: Vec<Source> = listed.map(source).collect();
            if !found.is_empty() {
                return Ok(Ok(found));
            }
        }
        Ok(Err(absent(name, cut)))
    }
}

/// No file of the session has this name, or the archive that may hold it was cut.
fn absent(name: &str, cut: bool) -> Step {
    let file = excerpt(name);
    let fault = if cut {
        FileFault::NotSentOrCut { file }
    } else {
        FileFault::NotSent { file }
    };
    refused(FaultKind::NotXml, fault)
}

//! `mode=file`: pieces of files, appended as they come.
//!
//! A piece that begins a file (a byte order mark, a declaration or the root of XML, the mark of a
//! zip or of a picture) begins it anew where one of that name is there already: an upload that
//! broke off is repeated without an init. A piece that is the same as the last one is its
//! repetition: the answer to it was lost.

use super::{Session, Step};
use crate::{
    app::{Actor, Error, Onec},
    domain::{
        ErrorCode, LARGEST_PICTURE, PictureKind,
        happening::{Act, FileFault, FileNote},
    },
    formats::onec::{
        Base,
        upload::{self, Kind, TAIL},
    },
    storage::{
        ExchangeKind, journal,
        onec::files::{self, FileRow},
    },
};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use sqlx::PgConnection;
use std::sync::Arc;

/// The most files of one session.
const MOST_FILES: i64 = 50_000;
/// The type of a session in which a person has files taken in.
const BY_HAND: ExchangeKind = ExchangeKind::ByHand;
/// Bytes of one row.
const ROW: usize = 1024 * 1024;

/// What became of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stored {
    /// It is stored; whether the file ends with it, as far as its last bytes tell.
    Kept {
        /// The name as it is compared.
        name: String,
        /// The file is whole.
        whole: bool,
    },
    /// The name cannot be a file's.
    Name,
    /// The session has sent more than is allowed.
    TooMuch,
}

/// A file as 1C sent it, which is still kept.
#[derive(Debug, Clone)]
pub struct KeptFile {
    /// The id by which pages name it.
    pub id: i64,
    /// Its name, as 1C sent it.
    pub name: String,
    /// How long it is.
    pub bytes: i64,
}

impl Onec {
    /// Stores a piece of a file.
    pub async fn store_onec_piece(
        &self,
        session: &Session,
        kind: ExchangeKind,
        name: &str,
        piece: &[u8],
    ) -> Result<Stored, Error> {
        let Some(name) = upload::name(name) else {
            return Ok(Stored::Name);
        };
        let mut tx = self.db.begin().await?;
        let sent = files::sent(&mut tx, session.id).await?;
        let (most, long) = (bound(session.base.max_upload), bound(piece.len() as u64));
        if sent.bytes.saturating_add(long) > most || sent.files >= MOST_FILES {
            return Ok(Stored::TooMuch);
        }
        let print = Sha256::digest(piece).to_vec();
        let known = files::find(&mut tx, session.id, &name).await?;
        let file = match known {
            Some(file) if file.last_print.as_ref() == Some(&print) => {
                let whole = is_whole(&mut tx, &file).await?;
                return Ok(Stored::Kept { name, whole });
            }
            Some(file) if anew(&mut tx, &file, piece, &print).await? => {
                files::close(&mut tx, &[file.id]).await?;
                None
            }
            known => known,
        };
        let (id, starts) = if let Some(file) = file {
            (file.id, file.bytes)
        } else {
            let of = (session.base.name.as_str(), session.id, kind);
            (files::begin(&mut tx, of, &name).await?, 0)
        };
        let mut at = starts;
        for part in piece.chunks(ROW) {
            files::append(&mut tx, id, at, part).await?;
            at += bound(part.len() as u64);
        }
        files::appended(&mut tx, id, long, &print).await?;
        let file = files::find(&mut tx, session.id, &name).await?;
        let whole = match &file {
            Some(file) => is_whole(&mut tx, file).await?,
            None => false,
        };
        tx.commit().await?;
        Ok(Stored::Kept { name, whole })
    }

    /// Takes a file in as if 1C had sent it, to its end, in a session of a person's.
    pub async fn import_by_hand(
        &self,
        base: &Arc<Base>,
        name: &str,
        bytes: &[u8],
        who: &Actor,
    ) -> Result<Step, Error> {
        let (session, _) = self.open_onec_session(base, BY_HAND, &who.0).await?;
        let stored = self
            .store_onec_piece(&session, BY_HAND, name, bytes)
            .await?;
        let refused = |fault| Step::Refused {
            code: ErrorCode::OneCFile,
            notes: vec![FileNote::Refused { fault }],
        };
        let name = match stored {
            Stored::Kept { name, .. } => name,
            Stored::Name => return Ok(refused(FileFault::BadName)),
            Stored::TooMuch => return Ok(refused(FileFault::TooMuch)),
        };
        self.import_to_its_end(&session, (&name, bound(bytes.len() as u64)), who)
            .await
    }

    /// Takes in a file that the session has, step by step, and writes down who had it done.
    async fn import_to_its_end(
        &self,
        session: &Session,
        (name, bytes): (&str, i64),
        who: &Actor,
    ) -> Result<Step, Error> {
        let base = session.base.name.as_str();
        let detail = json!({"base": base, "bytes": bytes});
        let act = Act::FileTakenIn {
            base: base.to_owned(),
            file: name.to_owned(),
        };
        let mut db = self.db.acquire().await?;
        journal::audit(&mut db, &who.0, &act, name, &detail).await?;
        drop(db);
        loop {
            match self.import_onec(session, name).await? {
                Step::Progress(_) => {}
                step => return Ok(step),
            }
        }
    }

    /// A file as 1C sent it; none: it is kept no longer.
    pub async fn onec_file(&self, id: i64) -> Result<Option<KeptFile>, Error> {
        let mut db = self.db.acquire().await?;
        let row = files::kept(&mut db, id).await?;
        Ok(row.map(|row| KeptFile {
            id,
            name: row.name,
            bytes: row.bytes,
        }))
    }

    /// The bytes of a kept file from this place on, as many as lie together; none: it ends there.
    pub async fn onec_file_part(&self, file: &KeptFile, at: i64) -> Result<Option<Vec<u8>>, Error> {
        if at >= file.bytes {
            return Ok(None);
        }
        let mut db = self.db.acquire().await?;
        let piece = files::piece(&mut db, file.id, at).await?;
        Ok(piece
            .filter(|(starts, _)| *starts == at)
            .map(|(_, data)| data))
    }

    /// Takes a kept file in once more, in a session of a person's. None: it is kept no longer, or
    /// its base is not configured any more.
    pub async fn import_again(&self, id: i64, who: &Actor) -> Result<Option<Step>, Error> {
        let mut db = self.db.acquire().await?;
        let kept = files::kept(&mut db, id).await?;
        drop(db);
        let known = kept.and_then(|row| Some((Arc::clone(self.onec_base(&row.base)?), row)));
        let Some((base, row)) = known else {
            return Ok(None);
        };
        let (session, _) = self.open_onec_session(&base, BY_HAND, &who.0).await?;
        let mut tx = self.db.begin().await?;
        let copied = files::copy(&mut tx, id, (session.id, BY_HAND)).await?;
        tx.commit().await?;
        if copied.is_none() {
            return Ok(None);
        }
        let step = self.import_to_its_end(&session, (&row.name, row.bytes), who);
        step.await.map(Some)
    }

    /// An init drops the files that the session has sent so far; what was taken in of them stays.
    pub async fn drop_onec_files(
        &self,
        session: &Session,
        kind: ExchangeKind,
    ) -> Result<(), Error> {
        let mut db = self.db.acquire().await?;
        Ok(files::close_all(&mut db, session.id, kind).await?)
    }
}

fn bound(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// Whether the piece begins the file anew.
async fn anew(
    tx: &mut PgConnection,
    file: &FileRow,
    piece: &[u8],
    print: &[u8],
) -> Result<bool, Error> {
    let same_start = file.first_print.as_deref() == Some(print);
    if PictureKind::of(piece).is_some() {
        return Ok(same_start || is_whole_picture(tx, file).await?);
    }
    if !Kind::begins(piece) {
        return Ok(false);
    }
    let own = files::piece(&mut *tx, file.id, 0).await?;
    let start = own.as_ref().map_or(&[][..], |(_, start)| &start[..]);
    let are_xml = Kind::of(start) == Kind::Xml && Kind::of(piece) == Kind::Xml;
    // No XML goes on with any of them; in a zip, and in a picture, they may stand anywhere.
    Ok(are_xml || same_start || is_whole(tx, file).await?)
}

/// Whether a file is whole, as far as its first and its last bytes tell.
pub(super) async fn is_whole(db: &mut PgConnection, file: &FileRow) -> Result<bool, Error> {
    let Some((_, start)) = files::piece(&mut *db, file.id, 0).await? else {
        return Ok(false);
    };
    let tail = tail(&mut *db, file.id, file.bytes).await?;
    let length = u64::try_from(file.bytes).unwrap_or_default();
    Ok(upload::is_whole(Kind::of(&start), &tail, length))
}

/// Whether a file is a picture, and goes on to its end.
async fn is_whole_picture(db: &mut PgConnection, file: &FileRow) -> Result<bool, Error> {
    let Some(bytes) = contents(db, file.id, file.bytes, LARGEST_PICTURE).await? else {
        return Ok(false);
    };
    Ok(PictureKind::of(&bytes).is_some_and(|kind| kind.is_whole(&bytes)))
}

/// All bytes of a file; none if they are more than `most`, or a piece is missing.
pub(super) async fn contents(
    db: &mut PgConnection,
    file: i64,
    bytes: i64,
    most: usize,
) -> Result<Option<Vec<u8>>, Error> {
    let length = usize::try_from(bytes).unwrap_or(usize::MAX);
    if length > most {
        return Ok(None);
    }
    let mut all = Vec::with_capacity(length);
    while all.len() < length {
        let at = i64::try_from(all.len()).unwrap_or(i64::MAX);
        match files::piece(&mut *db, file, at).await? {
            Some((starts, data)) if starts == at && !data.is_empty() => all.extend(data),
            _ => return Ok(None),
        }
    }
    Ok(Some(all))
}

/// The last bytes of a file.
pub(super) async fn tail(db: &mut PgConnection, file: i64, bytes: i64) -> Result<Vec<u8>, Error> {
    let mut tail = Vec::new();
    let mut end = bytes;
    while end > 0 && tail.len() < TAIL {
        let Some((starts, mut data)) = files::piece(&mut *db, file, end - 1).await? else {
            break;
        };
        data.extend_from_slice(&tail);
        tail = data;
        end = starts;
    }
    let from = tail.len().saturating_sub(TAIL);
    Ok(tail.split_off(from))
}

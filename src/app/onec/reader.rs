//! The bytes of a stored file, for readers that read and seek: a piece at a time from the database.

use crate::storage::onec::files;
use sqlx::PgPool;
use std::{
    io::{self, BufRead, Read, Seek, SeekFrom},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{runtime::Handle, task::JoinHandle};

/// Where a piece begins, and its bytes.
type Piece = Option<(i64, Vec<u8>)>;

/// A stored file. It is read on a thread that may block.
pub(super) struct Stored {
    pool: PgPool,
    runtime: Handle,
    file: i64,
    length: u64,
    at: u64,
    starts: u64,
    piece: Vec<u8>,
    /// The piece at this place, which is fetched while the one before it is read.
    ahead: Option<(u64, JoinHandle<io::Result<Piece>>)>,
    /// A piece could not be had.
    away: Arc<AtomicBool>,
}

impl Stored {
    pub(super) fn new(pool: PgPool, runtime: Handle, file: i64, length: u64) -> Self {
        Self {
            pool,
            runtime,
            file,
            length,
            at: 0,
            starts: 0,
            piece: Vec::new(),
            ahead: None,
            away: Arc::default(),
        }
    }

    /// Whether a piece could not be had: known while the file is read, and after.
    pub(super) fn away(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.away)
    }

    /// How long it is.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// The piece that holds the place. Who reads on gets the next one without waiting.
    fn fetch(&mut self) -> io::Result<Piece> {
        let fetched = self.ahead.take().filter(|(at, _)| *at == self.at);
        let goes_on = fetched.is_some() || self.at == 0;
        let piece = match fetched {
            Some((_, ahead)) => self.runtime.block_on(ahead).map_err(io::Error::other)??,
            None => self.runtime.block_on(self.piece_at(self.at)?)?,
        };
        if let Some((starts, bytes)) = &piece
            && goes_on
        {
            let next = u64::try_from(*starts).map_err(io::Error::other)? + bytes.len() as u64;
            if next < self.length {
                self.ahead = Some((next, self.runtime.spawn(self.piece_at(next)?)));
            }
        }
        Ok(piece)
    }

    fn piece_at(
        &self,
        at: u64,
    ) -> io::Result<impl Future<Output = io::Result<Piece>> + Send + 'static> {
        let at = i64::try_from(at).map_err(io::Error::other)?;
        let (pool, file) = (self.pool.clone(), self.file);
        Ok(async move {
            let mut db = pool.acquire().await.map_err(io::Error::other)?;
            let piece = files::piece(&mut db, file, at).await;
            piece.map_err(io::Error::other)
        })
    }

    /// How far into the piece at hand the place is; none: it lies in another.
    fn inside(&self) -> Option<usize> {
        let inside = usize::try_from(self.at.checked_sub(self.starts)?).ok()?;
        (inside < self.piece.len()).then_some(inside)
    }
}

impl Read for Stored {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let held = self.fill_buf()?;
        let many = held.len().min(into.len());
        into[..many].copy_from_slice(&held[..many]);
        self.consume(many);
        Ok(many)
    }
}

impl BufRead for Stored {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.length {
            return Ok(&[]);
        }
        if self.inside().is_none() {
            let fetched = self.fetch().inspect_err(|error| {
                tracing::warn!(%error, file = self.file, "a stored file of 1C cannot be read");
                self.away.store(true, Ordering::Relaxed);
            });
            let (starts, piece) =
                fetched?.ok_or_else(|| io::Error::other("a piece of the file is missing"))?;
            self.starts = u64::try_from(starts).map_err(io::Error::other)?;
            self.piece = piece;
        }
        let inside = self
            .inside()
            .ok_or_else(|| io::Error::other("a piece of the file is missing"))?;
        Ok(&self.piece[inside..])
    }

    fn consume(&mut self, many: usize) {
        self.at += many as u64;
    }
}

impl Seek for Stored {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = at.ok_or_else(|| io::Error::other("a place before the file"))?;
        Ok(self.at)
    }
}

/// Reads at most so many bytes, and says so if there were more.
pub(super) struct Bounded<R> {
    inner: R,
    left: u64,
    passed: Arc<AtomicBool>,
}

impl<R> Bounded<R> {
    pub(super) fn new(inner: R, most: u64, passed: Arc<AtomicBool>) -> Self {
        Self {
            inner,
            left: most,
            passed,
        }
    }
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let many = self.inner.read(into)?;
        let Some(left) = self.left.checked_sub(many as u64) else {
            self.passed.store(true, Ordering::Relaxed);
            return Err(io::Error::other("it unpacks to more than is allowed"));
        };
        self.left = left;
        Ok(many)
    }
}

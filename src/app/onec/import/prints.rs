//! Prints of products as they were said before, at hand while a file is read that says most of it
//! again.
//!
//! A file names its products in the order in which they became known, mostly: their prints are
//! read ahead in that order. Where a file leaves it, the product of the next unknown element is
//! looked up, the rarer the more often that was in vain.

use crate::{
    formats::commerceml::{Known, Place, Print},
    storage::{
        self,
        onec::goods::prints::{self, PrintRow},
    },
};
use sqlx::PgPool;
use std::collections::{HashMap, VecDeque};
use tokio::{runtime::Handle, task::JoinHandle};

/// After so many unknown elements the next one is looked up, at first.
const PATIENCE: u32 = 4;
/// And after so many at last.
const MOST_PATIENCE: u32 = 100_000;
/// Chunks of prints at hand: the one before, the one that is read, the next.
const CHUNKS: usize = 3;

/// Prints that follow each other by the numbers of their products.
type Chunk = HashMap<Print, Place>;

/// The prints of a base's goods. They are read on a thread that may block.
pub(super) struct Prints {
    pool: PgPool,
    runtime: Handle,
    base: String,
    /// Whether anything may be known.
    any: bool,
    chunks: VecDeque<Chunk>,
    /// The chunk behind the last one.
    ahead: Option<JoinHandle<Result<Vec<PrintRow>, storage::Error>>>,
    unknown: u32,
    patience: u32,
}

impl Prints {
    /// `any`: false: nothing is known, all is to be read.
    pub(super) fn new(pool: &PgPool, base: &str, any: bool) -> Self {
        Self {
            pool: pool.clone(),
            runtime: Handle::current(),
            base: base.to_owned(),
            any,
            chunks: VecDeque::new(),
            ahead: None,
            unknown: 0,
            patience: 1,
        }
    }

    /// Where it is at hand: in which chunk, and the place.
    fn held(&self, print: Print) -> Option<(usize, Place)> {
        let mut chunks = self.chunks.iter().enumerate().rev();
        chunks.find_map(|(nth, chunk)| Some((nth, *chunk.get(&print)?)))
    }

    fn push(&mut self, rows: &[PrintRow]) {
        let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
            return;
        };
        // What is said of the last product may go on.
        let next = (first.number < last.number).then_some(last.number);
        let place = |row: &PrintRow| Place {
            channel: row.channel,
            number: row.number,
        };
        let places = rows
            .iter()
            .map(|row| (Print(*row.print.as_bytes()), place(row)));
        self.chunks.push_back(places.collect());
        if self.chunks.len() > CHUNKS {
            self.chunks.pop_front();
        }
        self.ahead = next.map(|from| {
            let pool = self.pool.clone();
            self.runtime.spawn(async move {
                let mut db = pool.acquire().await?;
                prints::some(&mut db, from).await
            })
        });
    }

    /// The last chunk is read: the next one is to be at hand.
    fn go_on(&mut self) {
        if let Some(ahead) = self.ahead.take() {
            match self.runtime.block_on(ahead) {
                Ok(Ok(rows)) => self.push(&rows),
                failed => self.stop(&failed),
            }
        }
    }

    /// Looks an element up by its product, and goes on behind that.
    fn look_up(&mut self, print: Print, id: &str) -> Option<Place> {
        let found = self.runtime.block_on(async {
            let mut db = self.pool.acquire().await?;
            let of_product = prints::of_product(&mut db, &self.base, id).await?;
            let Some(row) = of_product.first() else {
                return Ok(None);
            };
            let rows = prints::some(&mut db, row.number).await?;
            Ok(Some((of_product, rows)))
        });
        let (of_product, rows) = match found {
            Ok(found) => found?,
            Err(error) => {
                let error: storage::Error = error;
                self.stop(&error);
                return None;
            }
        };
        self.chunks.clear();
        self.push(&rows);
        let same = |row: &&PrintRow| *row.print.as_bytes() == print.0;
        let row = of_product.iter().find(same)?;
        Some(Place {
            channel: row.channel,
            number: row.number,
        })
    }

    /// What cannot be looked up is read: that is slower, and as good.
    fn stop(&mut self, why: &dyn std::fmt::Debug) {
        tracing::warn!(base = %self.base, ?why, "prints of goods cannot be read");
        self.any = false;
    }
}

impl Known for Prints {
    fn context(&self) -> &str {
        &self.base
    }

    fn find(&mut self, print: Print, hint: &str) -> Option<Place> {
        if !self.any {
            return None;
        }
        if let Some((nth, place)) = self.held(print) {
            (self.unknown, self.patience) = (0, PATIENCE);
            if nth + 1 == self.chunks.len() {
                self.go_on();
            }
            return Some(place);
        }
        self.unknown += 1;
        if self.unknown < self.patience || hint.is_empty() {
            return None;
        }
        self.unknown = 0;
        self.patience = (self.patience * 2).min(MOST_PATIENCE);
        self.look_up(print, hint)
    }
}

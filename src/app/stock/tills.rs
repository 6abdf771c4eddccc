//! Tills whose vendor has an API: what its webhooks hint at, and how far it was read.

use crate::{
    app::{Error, Stock, TILL},
    domain::{ShopName, TillName},
    formats::tills::{MoyskladDocument, MoyskladHint},
    storage::{
        HintEntity,
        stock::{self, HintRow},
    },
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// Hints that are taken up in one turn.
const HINTS: i64 = 500;

/// The right to read a till's API: nobody else has it while this is there.
#[derive(Debug)]
pub struct TillReader {
    till: TillName,
    shop: ShopName,
    db: PgConnection,
}

impl Stock {
    /// Keeps what a webhook told of, and wakes whoever reads the till.
    pub async fn take_hints(&self, till: &TillName, hints: &[MoyskladHint]) -> Result<(), Error> {
        let entity = |hint: &MoyskladHint| match hint.document {
            MoyskladDocument::Sale => HintEntity::RetailDemand,
            MoyskladDocument::Refund => HintEntity::RetailSalesReturn,
        };
        let entities: Vec<HintEntity> = hints.iter().map(entity).collect();
        let documents: Vec<String> = hints.iter().map(|hint| hint.id.clone()).collect();
        let mut db = self.db.acquire().await?;
        stock::add_hints(&mut db, till.as_str(), &entities, &documents).await?;
        self.waker.wake(&format!("{TILL}{till}"));
        Ok(())
    }

    /// Takes the right to read a till's API; none: another process has it.
    pub async fn read_till(&self, till: &TillName) -> Result<Option<TillReader>, Error> {
        let settings = self.till(till)?;
        // A connection of its own: the right goes with it, whatever becomes of who holds it.
        let mut db = self.db.acquire().await?.detach();
        let taken = stock::take_till(&mut db, till.as_str()).await?;
        Ok(taken.then(|| TillReader {
            till: till.clone(),
            shop: settings.shop.clone(),
            db,
        }))
    }
}

impl TillReader {
    /// Gives the right back: whoever is woken next may read at once.
    pub async fn leave(mut self) -> Result<(), Error> {
        Ok(stock::leave_till(&mut self.db, self.till.as_str()).await?)
    }

    /// How far it was read, and the time now.
    pub async fn cursor(&mut self) -> Result<(DateTime<Utc>, DateTime<Utc>), Error> {
        Ok(stock::till_cursor(&mut self.db, self.till.as_str()).await?)
    }

    /// It was read to its end.
    pub async fn advance(&mut self, newest: DateTime<Utc>) -> Result<(), Error> {
        Ok(stock::move_till_cursor(&mut self.db, self.till.as_str(), newest).await?)
    }

    /// The version of a document that is not there any more: the time now, in milliseconds of the
    /// epoch, or what comes after the newest version that was taken. The vendor's clock, by which
    /// that was told, may be ahead of ours.
    pub async fn version_after(&mut self, document: &str) -> Result<i64, Error> {
        let of = (self.shop.as_str(), self.till.as_str(), document);
        Ok(stock::receipt_version_after(&mut self.db, of).await?)
    }

    /// What webhooks told of, oldest first.
    pub async fn hints(&mut self) -> Result<Vec<(MoyskladDocument, HintRow)>, Error> {
        let rows = stock::hints(&mut self.db, self.till.as_str(), HINTS).await?;
        let told = |row: HintRow| match row.entity {
            HintEntity::RetailDemand => (MoyskladDocument::Sale, row),
            HintEntity::RetailSalesReturn => (MoyskladDocument::Refund, row),
        };
        Ok(rows.into_iter().map(told).collect())
    }

    /// A document was read.
    pub async fn done(&mut self, hint: &HintRow) -> Result<(), Error> {
        Ok(stock::drop_hint(&mut self.db, self.till.as_str(), hint).await?)
    }
}

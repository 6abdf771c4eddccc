//! Reserving: many requests share one statement and one commit.
//!
//! A request of a quiet bridge goes alone. Under load those that come while another group commits
//! are one group: of a hot product each waits for one commit, not for all before it. A group that
//! waits for a lock for a second, or that failed, is answered one by one, so that nobody waits for
//! another's neighbour.

use super::{
    ReservationAnswer,
    acts::{again, repeated},
};
use crate::{
    app::{
        Error, Stock,
        intake::group_commit::{CommitQueue, GroupCommit, commit_grouped, lost},
    },
    domain::ShopName,
    stock::{self, Reservation},
    storage,
};
use serde_json::{json, value::RawValue};
use sqlx::{PgConnection, PgPool};

/// A reservation that is asked for.
#[derive(Debug)]
pub(in crate::app) struct ReservationRequest {
    /// As the database reads it, as JSON text.
    text: String,
    lines: usize,
    /// Itself, and the products of which others want some, too.
    shares: Vec<String>,
}

/// What became of a request in its group.
#[derive(Debug)]
pub(in crate::app) enum GroupAnswer {
    /// What the database's function answered.
    Answered(Box<RawValue>),
    /// Somebody held a lock for too long: it is to wait for it alone.
    Locked(String),
}

impl Stock {
    /// Reserves the whole of it or nothing; changes a reservation of that id by the difference.
    pub async fn reserve(
        &self,
        shop: &ShopName,
        id: &str,
        wanted: &Reservation,
    ) -> Result<ReservationAnswer, Error> {
        let lines = wanted.lines.iter().map(|line| {
            json!({
                "line": line.line,
                "product": line.product,
                "store": line.store,
                "quantity": stock::text(line.quantity),
            })
        });
        let request = json!({
            "shop": shop.as_str(),
            "id": id,
            "number": wanted.number,
            "store": wanted.store,
            "hold": wanted.hold.map(|hold| hold.num_seconds()),
            "version": wanted.version,
            "lines": lines.collect::<Vec<_>>(),
        });
        self.count_reservation();
        let products = wanted.lines.iter().map(|line| line.product.clone());
        let itself = std::iter::once(format!("{shop}/{id}"));
        let request = ReservationRequest {
            text: request.to_string(),
            lines: wanted.lines.len(),
            shares: itself.chain(products).collect(),
        };
        let answer = match commit_grouped(self, request).await? {
            GroupAnswer::Answered(answer) => answer,
            GroupAnswer::Locked(request) => self.reserve_alone(&request).await?,
        };
        let answer = ReservationAnswer::read_text(&answer, (shop.as_str(), id))?;
        self.metrics.reservation(match answer {
            ReservationAnswer::Reserved(_) => "held",
            ReservationAnswer::Short(_) => "short",
            _ => "refused",
        });
        Ok(answer)
    }

    /// Waits for the lock that held up its group, on a connection of its own.
    async fn reserve_alone(&self, request: &str) -> Result<Box<RawValue>, Error> {
        let requests = format!("[{request}]");
        let answers = repeated(true, || async {
            let mut db = self.db.acquire().await?;
            Ok(storage::stock::reserve(&mut db, &requests).await?)
        });
        answers.await?.pop().ok_or_else(lost)
    }
}

impl GroupCommit for ReservationRequest {
    type Answer = GroupAnswer;
    type Owner = Stock;

    /// Of different products two writers have the database at work while the disk is waited for.
    const MANY: usize = 16;

    fn rows(&self) -> usize {
        self.lines
    }

    fn shares(&self) -> &[String] {
        &self.shares
    }

    fn queue(stock: &Stock) -> &CommitQueue<Self> {
        &stock.reservations
    }

    fn db(stock: &Stock) -> &PgPool {
        &stock.db
    }

    async fn write(
        _: &Stock,
        db: &mut PgConnection,
        all: &[&Self],
    ) -> Result<Vec<GroupAnswer>, Error> {
        let texts: Vec<&str> = all.iter().map(|asked| &*asked.text).collect();
        let requests = format!("[{}]", texts.join(","));
        // The writer has its connection, and an answer of its own for a lock that it waited for.
        let mut tries = 0;
        let answers = loop {
            match storage::stock::reserve(db, &requests).await {
                Err(error) if error.is_lock_timeout() => {
                    let locked = all
                        .iter()
                        .map(|asked| GroupAnswer::Locked(asked.text.clone()));
                    return Ok(locked.collect());
                }
                Err(error) if again(&error, false, &mut tries) => {}
                answers => break answers?,
            }
        };
        Ok(answers.into_iter().map(GroupAnswer::Answered).collect())
    }
}

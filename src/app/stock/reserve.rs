//! Reserving: many requests share one statement and one commit.
//!
//! A request of a quiet bridge goes alone. Under load those that come while another group commits
//! are one group: of a hot product each waits for one commit, not for all before it. A group that
//! waits for a lock for a second, or that failed, is answered one by one, so that nobody waits for
//! another's neighbour.

use super::{ReservationAnswer, acts::again};
use crate::{
    app::{
        Error, Stock,
        intake::group_commit::{CommitQueue, GroupCommit, commit_grouped},
    },
    domain::ShopName,
    stock::{self, Reservation},
    storage,
};
use serde_json::{Value, json};
use sqlx::{PgConnection, PgPool};

/// A reservation that is asked for, as the database reads it.
#[derive(Debug)]
pub(in crate::app) struct ReservationRequest(Value, usize);

/// What became of a request in its group.
#[derive(Debug)]
pub(in crate::app) enum GroupAnswer {
    /// What the database's function answered, as JSON.
    Answered(Value),
    /// Somebody held a lock for too long: it is to wait for it alone.
    Locked(Value),
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
        let answer = commit_grouped(self, ReservationRequest(request, wanted.lines.len())).await?;
        let answer = match answer {
            GroupAnswer::Answered(answer) => answer,
            GroupAnswer::Locked(request) => self.reserve_alone(&request).await?,
        };
        let answer = ReservationAnswer::read(answer, (shop.as_str(), id))?;
        self.metrics.reservation(match answer {
            ReservationAnswer::Reserved(_) => "held",
            ReservationAnswer::Short(_) => "short",
            _ => "refused",
        });
        Ok(answer)
    }

    /// Waits for the lock that held up its group, on a connection of its own.
    async fn reserve_alone(&self, request: &Value) -> Result<Value, Error> {
        let requests = Value::Array(vec![request.clone()]);
        let mut tries = 0;
        loop {
            let mut db = self.db.acquire().await?;
            match storage::stock::reserve(&mut db, &requests).await {
                Err(error) if again(&error, true, &mut tries) => {}
                answers => return Ok(answers?.get_mut(0).map(Value::take).unwrap_or_default()),
            }
        }
    }
}

impl GroupCommit for ReservationRequest {
    type Answer = GroupAnswer;
    type Owner = Stock;

    fn rows(&self) -> usize {
        self.1
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
        let requests: Value = all.iter().map(|asked| asked.0.clone()).collect();
        let mut tries = 0;
        let answers = loop {
            match storage::stock::reserve(db, &requests).await {
                Err(error) if error.is_lock_timeout() => {
                    let locked = all.iter().map(|asked| GroupAnswer::Locked(asked.0.clone()));
                    return Ok(locked.collect());
                }
                Err(error) if again(&error, false, &mut tries) => {}
                answers => break answers?,
            }
        };
        match answers {
            Value::Array(answers) => Ok(answers.into_iter().map(GroupAnswer::Answered).collect()),
            _ => Ok(Vec::new()),
        }
    }
}

//! Every decision about a difference, with what it rests on.

use crate::{
    domain::happening::{SyncEvent, Tell},
    storage::{Error, json::stored},
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// A decision on its way in.
#[derive(Debug, Clone)]
pub struct NewDecision {
    /// Its id, from [`reserve`].
    pub id: i64,
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The word for what is done about the difference.
    pub action: String,
    /// What it rests on.
    pub basis: String,
    /// The side that was right; `None` where nobody had to be.
    pub winner: Option<String>,
    /// What was decided, and why.
    pub what: SyncEvent,
    /// Both observations and the rest.
    pub inputs: Value,
    /// The whole decision, as it is read back later.
    pub outcome: Value,
}

/// Ids that are this transaction's.
#[derive(Debug)]
pub struct ReservedIds {
    left: std::vec::IntoIter<i64>,
    is_short: bool,
}

impl ReservedIds {
    /// The next one. Beyond what was reserved it is none to be stored: [`Self::enough`] tells.
    pub fn next_id(&mut self) -> i64 {
        let next = self.left.next();
        self.is_short |= next.is_none();
        next.unwrap_or(i64::MIN)
    }

    /// An error if more were taken than were reserved. Must be asked before anything is stored.
    pub fn enough(&self) -> Result<(), Error> {
        if self.is_short {
            return Err(Error::NotReserved {
                table: "bridge.decisions",
            });
        }
        Ok(())
    }
}

/// Ids for this many decisions, growing.
pub async fn reserve(db: &mut PgConnection, count: i32) -> Result<ReservedIds, Error> {
    let ids = sqlx::query_scalar!(
        r#"SELECT nextval(pg_get_serial_sequence('bridge.decisions', 'id')) AS "id!"
             FROM generate_series(1, $1)"#,
        count
    )
    .fetch_all(db)
    .await?;
    Ok(ReservedIds {
        left: ids.into_iter(),
        is_short: false,
    })
}

/// Stores decisions, under the ids that were reserved for them.
pub async fn insert(
    db: &mut PgConnection,
    portal: &str,
    decisions: &[NewDecision],
) -> Result<(), Error> {
    if decisions.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = decisions.iter().map(|d| d.id).collect();
    let column =
        |get: fn(&NewDecision) -> &String| decisions.iter().map(|d| get(d).clone()).collect();
    let shops: Vec<String> = column(|d| &d.shop);
    let numbers: Vec<String> = column(|d| &d.number);
    let actions: Vec<String> = column(|d| &d.action);
    let bases: Vec<String> = column(|d| &d.basis);
    let sentences: Vec<String> = decisions.iter().map(|d| d.what.sentence()).collect();
    let whats: Vec<Value> = decisions.iter().map(|d| stored(&d.what)).collect();
    let winners: Vec<Option<String>> = decisions.iter().map(|d| d.winner.clone()).collect();
    let inputs: Vec<Value> = decisions.iter().map(|d| d.inputs.clone()).collect();
    let outcomes: Vec<Value> = decisions.iter().map(|d| d.outcome.clone()).collect();
    sqlx::query!(
        "INSERT INTO bridge.decisions (id, portal, shop, number, action, basis, winner, sentence,
           inputs, outcome, what)
         OVERRIDING SYSTEM VALUE
         SELECT id, $1, shop, number, action, basis, winner, sentence, inputs, outcome, what
         FROM UNNEST($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
           $8::text[], $9::jsonb[], $10::jsonb[], $11::jsonb[])
              AS n (id, shop, number, action, basis, winner, sentence, inputs, outcome, what)",
        portal,
        &ids,
        &shops,
        &numbers,
        &actions,
        &bases,
        &winners as &[Option<String>],
        &sentences,
        &inputs,
        &outcomes,
        &whats
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A decision as it is stored, with what it rested on.
#[derive(Debug, Clone)]
pub struct DecisionRow {
    /// The decision's id: later ones have greater ones.
    pub id: i64,
    /// When the decision was made.
    pub at: DateTime<Utc>,
    /// The word for what was done about the difference.
    pub action: String,
    /// What it rests on.
    pub basis: String,
    /// The side that was right; `None` where nobody had to be.
    pub winner: Option<String>,
    /// What was decided and why, in one sentence.
    pub sentence: String,
    /// Both observations and the rest.
    pub inputs: Value,
    /// The whole decision, as it was stored.
    pub outcome: Value,
}

/// The newest decisions about an order, newest first.
pub async fn of_order(
    db: &mut PgConnection,
    shop: &str,
    number: &str,
    limit: i64,
) -> Result<Vec<DecisionRow>, Error> {
    Ok(sqlx::query_as!(
        DecisionRow,
        "SELECT id, at, action, basis, winner, sentence, inputs, outcome
         FROM bridge.decisions WHERE shop = $1 AND number = $2 ORDER BY id DESC LIMIT $3",
        shop,
        number,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Removes decisions older than this many seconds, at most `batch`, the oldest first.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.decisions d USING (SELECT id, at FROM bridge.decisions ORDER BY id
           LIMIT $2) o
         WHERE d.id = o.id AND o.at < now() - make_interval(secs => $1)",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_was_not_reserved_is_an_error_before_anything_is_stored() {
        let mut ids = ReservedIds {
            left: vec![7, 8].into_iter(),
            is_short: false,
        };
        assert_eq!([ids.next_id(), ids.next_id()], [7, 8]);
        assert!(ids.enough().is_ok());
        assert!(ids.next_id() < 0 && ids.next_id() < 0);
        assert!(matches!(
            ids.enough(),
            Err(Error::NotReserved {
                table: "bridge.decisions"
            })
        ));
    }
}

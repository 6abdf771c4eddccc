//! Every decision about a difference, with what it rests on.

use crate::{
    domain::{
        Side,
        happening::{SyncEvent, Tell},
        words,
    },
    storage::{Error, json::stored},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;

words! {
    /// What was decided to be done: `bridge.decisions.action`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, sqlx::Type)]
    #[serde(rename_all = "snake_case")]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum DecisionAction {
        /// Nothing: both sides say the same.
        Agree = "agree",
        /// The deal is moved.
        WritePortal = "write_portal",
        /// The shop is told.
        TellShop = "tell_shop",
        /// 1C is sent the order again.
        PutBack = "put_back",
        /// Nothing: the difference stays.
        Refused = "refused",
        /// A person is asked.
        Review = "review",
        /// A person has let a message to the shop go: the difference stays.
        LetGo = "let_go",
    }
}

words! {
    /// What a decision rests on: `bridge.decisions.basis`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::Type)]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum DecisionBasis {
        /// Both sides mean the same.
        Consistent = "consistent",
        /// Only one side changed.
        OneSide = "one_side",
        /// A rule of the shop's policy.
        Rule = "rule",
        /// The policy's default.
        Default = "default",
        /// The times of both changes.
        Latest = "latest",
        /// Who counts where those times say nothing.
        Undated = "undated",
        /// A final fact.
        Final = "final",
        /// Only another system brings an order into that status.
        Source = "source",
        /// A person's word.
        Ruling = "ruling",
        /// The shop's snapshot may be older than what it was told.
        Doubtful = "doubtful",
    }
}

words! {
    /// Who was right in a decision: `bridge.decisions.winner`.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, sqlx::Type)]
    #[sqlx(type_name = "text", rename_all = "snake_case")]
    pub enum DecisionWinner {
        /// The shop.
        Shop = "shop",
        /// The portal.
        Portal = "portal",
        /// 1C.
        Onec = "onec",
    }
}

impl From<Side> for DecisionWinner {
    fn from(side: Side) -> Self {
        match side {
            Side::Shop => Self::Shop,
            Side::Portal => Self::Portal,
        }
    }
}

/// A decision on its way in.
#[derive(Debug, Clone)]
pub struct NewDecision {
    /// Its id, from [`reserve`].
    pub id: i64,
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// What is done about the difference.
    pub action: DecisionAction,
    /// What it rests on.
    pub basis: DecisionBasis,
    /// Who was right; `None` where nobody had to be.
    pub winner: Option<DecisionWinner>,
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
    let actions: Vec<&str> = decisions.iter().map(|d| d.action.as_str()).collect();
    let bases: Vec<&str> = decisions.iter().map(|d| d.basis.as_str()).collect();
    let sentences: Vec<String> = decisions.iter().map(|d| d.what.sentence()).collect();
    let whats: Vec<Value> = decisions.iter().map(|d| stored(&d.what)).collect();
    let winner = |d: &NewDecision| d.winner.map(DecisionWinner::as_str);
    let winners: Vec<Option<&str>> = decisions.iter().map(winner).collect();
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
        &actions as &[&str],
        &bases as &[&str],
        &winners as &[Option<&str>],
        &sentences,
        &inputs,
        &outcomes,
        &whats
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A decision that was made, in words.
#[derive(Debug, Clone)]
pub struct NewestDecision {
    /// When it was made.
    pub at: DateTime<Utc>,
    /// What was decided and why, in one sentence.
    pub sentence: String,
}

/// The newest decision about an order; `None`: nothing was decided, or it is kept no longer.
pub async fn newest(
    db: &mut PgConnection,
    shop: &str,
    number: &str,
) -> Result<Option<NewestDecision>, Error> {
    Ok(sqlx::query_as!(
        NewestDecision,
        "SELECT at, sentence FROM bridge.decisions WHERE shop = $1 AND number = $2
         ORDER BY id DESC LIMIT 1",
        shop,
        number
    )
    .fetch_optional(db)
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

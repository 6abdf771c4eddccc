//! Differences that wait for a person.

use crate::{
    domain::{
        Side,
        happening::{Stored, SyncEvent, Tell},
    },
    storage::{ConflictEnd, Error, Json, json::stored},
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A conflict on its way in.
#[derive(Debug, Clone)]
pub struct NewConflict {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The decision that asks.
    pub decision: i64,
    /// The code that tells why the order waits.
    pub code: String,
    /// Why the order waits, as data.
    pub what: SyncEvent,
    /// What the shop says.
    pub status: String,
    /// What the portal says.
    pub stage: String,
}

/// Opens a conflict about an order, or brings the open one up to date.
pub async fn open(db: &mut PgConnection, portal: &str, new: &NewConflict) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.conflicts AS c (portal, shop, number, decision_id, code, sentence,
           what, status, stage)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (shop, number) WHERE closed_at IS NULL DO UPDATE
         SET decision_id = excluded.decision_id, code = excluded.code, sentence = excluded.sentence,
             what = excluded.what, status = excluded.status,
             stage = excluded.stage, ruled_at = NULL, ruled_by = NULL, winner = NULL",
        portal,
        new.shop,
        new.number,
        new.decision,
        new.code,
        new.what.sentence(),
        stored(&new.what),
        new.status,
        new.stage
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Closes the open conflicts of these orders; one that a person ruled was ruled, the others
/// vanished.
pub async fn close(
    db: &mut PgConnection,
    shops: &[String],
    numbers: &[String],
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.conflicts c
         SET closed_at = now(), closed_how = CASE WHEN c.ruled_at IS NULL THEN 'vanished'
           ELSE 'ruled' END
         FROM UNNEST($1::text[], $2::text[]) AS k (shop, number)
         WHERE c.shop = k.shop AND c.number = k.number AND c.closed_at IS NULL",
        shops,
        numbers
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// The same for all orders of a portal.
pub async fn close_all(db: &mut PgConnection, portal: &str) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.conflicts
         SET closed_at = now(), closed_how = CASE WHEN ruled_at IS NULL THEN 'vanished'
           ELSE 'ruled' END
         WHERE portal = $1 AND closed_at IS NULL",
        portal
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Which conflicts to list.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// Only of this shop.
    pub shop: Option<&'a str>,
    /// Only of this portal.
    pub portal: Option<&'a str>,
    /// Only of this order.
    pub number: Option<&'a str>,
    /// Those that wait for nobody any more, too.
    pub closed: bool,
    /// Only with ids above this.
    pub after: i64,
    /// At most so many.
    pub limit: i64,
}

/// A stored conflict, with what the decision rests on.
#[derive(Debug, Clone)]
pub struct ConflictRow {
    /// The conflict's id, by which the API and the commands name it.
    pub id: i64,
    /// The portal's name in the settings.
    pub portal: String,
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The id of its deal in the portal, if there is one.
    pub deal_id: Option<i64>,
    /// The code that tells why the order waits.
    pub code: String,
    /// Why, in one sentence.
    pub sentence: String,
    /// The same as data; none in rows of earlier versions.
    pub what: Option<Stored<SyncEvent>>,
    /// What the shop says.
    pub status: String,
    /// What the portal says.
    pub stage: String,
    /// When it was opened.
    pub opened_at: DateTime<Utc>,
    /// When a person decided.
    pub ruled_at: Option<DateTime<Utc>>,
    /// The operator who decided; `None` until one has.
    pub ruled_by: Option<String>,
    /// The side that the operator declared right; `None` until one has decided.
    pub winner: Option<Side>,
    /// When it was closed.
    pub closed_at: Option<DateTime<Utc>>,
    /// How it came to an end; `None` while it is open.
    pub closed_how: Option<ConflictEnd>,
    /// What the decision rests on.
    pub inputs: Option<Json>,
}

/// Conflicts that the filter lets through, by id: the oldest first. Those that wait are looked for
/// by themselves, so that the index of the open ones is used, however many are closed and for
/// whatever filter the statement was planned.
pub async fn list(db: &mut PgConnection, filter: &Filter<'_>) -> Result<Vec<ConflictRow>, Error> {
    Ok(sqlx::query_as!(
        ConflictRow,
        r#"SELECT c.id AS "id!", c.portal AS "portal!", c.shop AS "shop!", c.number AS "number!",
                  o.deal_id AS "deal_id?", c.code AS "code!", c.sentence AS "sentence!",
                  c.what AS "what: Stored<SyncEvent>", c.status AS "status!", c.stage AS "stage!",
                  c.opened_at AS "opened_at!", c.ruled_at, c.ruled_by, c.winner AS "winner: Side",
                  c.closed_at, c.closed_how AS "closed_how: ConflictEnd",
                  d.inputs AS "inputs?: Json"
           FROM (SELECT k.* FROM bridge.conflicts k WHERE $4
                 UNION ALL
                 SELECT w.* FROM bridge.conflicts w
                 WHERE NOT $4 AND w.waits AND w.closed_at IS NULL) c
           LEFT JOIN bridge.orders o ON o.shop = c.shop AND o.number = c.number
           LEFT JOIN bridge.decisions d ON d.id = c.decision_id
           WHERE ($1::text IS NULL OR c.shop = $1) AND ($2::text IS NULL OR c.portal = $2)
             AND ($3::text IS NULL OR c.number = $3) AND c.id > $5
           ORDER BY c.id LIMIT $6"#,
        filter.shop,
        filter.portal,
        filter.number,
        filter.closed,
        filter.after,
        filter.limit
    )
    .fetch_all(db)
    .await?)
}

/// One conflict, open or closed.
pub async fn one(db: &mut PgConnection, id: i64) -> Result<Option<ConflictRow>, Error> {
    let filter = Filter {
        closed: true,
        after: id.saturating_sub(1),
        limit: 1,
        ..Filter::default()
    };
    let found = list(db, &filter).await?.pop();
    Ok(found.filter(|conflict| conflict.id == id))
}

/// Stores a person's word about an open conflict; false if it is closed or ruled already.
pub async fn rule(db: &mut PgConnection, id: i64, winner: Side, who: &str) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.conflicts SET ruled_at = now(), ruled_by = $3, winner = $2
         WHERE id = $1 AND waits",
        id,
        winner as Side,
        who
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes conflicts closed longer ago than this many seconds, at most `batch`.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.conflicts WHERE id IN (
             SELECT id FROM bridge.conflicts WHERE closed_at < now() - make_interval(secs => $1)
               ORDER BY id LIMIT $2)",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

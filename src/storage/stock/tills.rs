//! Tills whose vendor has an API: cursors, hints, and who reads it.

use crate::storage::{Error, HintEntity};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A document that a webhook told of.
#[derive(Debug, Clone)]
pub struct HintRow {
    /// What kind of document it is, in the words of the vendor's API.
    pub entity: HintEntity,
    /// The document's id there.
    pub document: String,
    /// When it was last told of.
    pub told_at: DateTime<Utc>,
}

/// Takes the right to read a till's API, for as long as this connection lives; false: somebody
/// else has it.
pub async fn take_till(db: &mut PgConnection, till: &str) -> Result<bool, Error> {
    let taken = sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_lock(1416195148, hashtext($1)) AS "it!""#,
        till
    );
    Ok(taken.fetch_one(db).await?)
}

/// Gives the right to read a till's API back at once: that a connection has ended is seen late.
pub async fn leave_till(db: &mut PgConnection, till: &str) -> Result<(), Error> {
    sqlx::query!(
        r#"SELECT pg_advisory_unlock(1416195148, hashtext($1)) AS "it!""#,
        till
    )
    .fetch_one(db)
    .await?;
    Ok(())
}

/// How far a till's API was read, and the time now. One that was never read begins now: what was
/// sold before is not moved.
pub async fn till_cursor(
    db: &mut PgConnection,
    till: &str,
) -> Result<(DateTime<Utc>, DateTime<Utc>), Error> {
    let row = sqlx::query!(
        r#"INSERT INTO bridge.till_cursors AS c (till, cursor_at) VALUES ($1, now())
           ON CONFLICT (till) DO UPDATE SET till = c.till
           RETURNING cursor_at, now() AS "now!""#,
        till
    );
    let row = row.fetch_one(db).await?;
    Ok((row.cursor_at, row.now))
}

/// A version of a receipt above the newest that is known; at least the time now, in milliseconds of
/// the epoch.
pub async fn receipt_version_after(
    db: &mut PgConnection,
    (shop, till, receipt): (&str, &str, &str),
) -> Result<i64, Error> {
    let version = sqlx::query_scalar!(
        r#"SELECT greatest((extract(epoch FROM clock_timestamp()) * 1000)::bigint,
                           max(version) + 1) AS "version!"
           FROM bridge.receipts WHERE shop = $1 AND till = $2 AND receipt = $3"#,
        shop,
        till,
        receipt
    );
    Ok(version.fetch_one(db).await?)
}

/// A till's API was read to its end; the newest change was of this time.
pub async fn move_till_cursor(
    db: &mut PgConnection,
    till: &str,
    newest: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.till_cursors SET cursor_at = greatest(cursor_at, $2), read_at = now()
         WHERE till = $1",
        till,
        newest
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps what a webhook told of until it is read.
pub async fn add_hints(
    db: &mut PgConnection,
    till: &str,
    entities: &[HintEntity],
    documents: &[String],
) -> Result<(), Error> {
    let entities: Vec<String> = entities.iter().map(|one| one.as_str().to_owned()).collect();
    sqlx::query!(
        "INSERT INTO bridge.till_hints AS h (till, entity, document, told_at)
         SELECT $1, n.entity, n.document, clock_timestamp()
         FROM UNNEST($2::text[], $3::text[]) AS n (entity, document)
         ORDER BY n.entity, n.document
         ON CONFLICT (till, entity, document) DO UPDATE SET told_at = excluded.told_at",
        till,
        &entities,
        documents
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What webhooks told of, oldest first.
pub async fn hints(db: &mut PgConnection, till: &str, limit: i64) -> Result<Vec<HintRow>, Error> {
    let rows = sqlx::query_as!(
        HintRow,
        r#"SELECT entity AS "entity: HintEntity", document, told_at
           FROM bridge.till_hints WHERE till = $1
           ORDER BY told_at, entity, document LIMIT $2"#,
        till,
        limit
    );
    Ok(rows.fetch_all(db).await?)
}

/// A document was read, unless it was told of again since.
pub async fn drop_hint(db: &mut PgConnection, till: &str, hint: &HintRow) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM bridge.till_hints
         WHERE (till, entity, document) = ($1, $2, $3) AND told_at <= $4",
        till,
        hint.entity.as_str(),
        hint.document,
        hint.told_at
    )
    .execute(db)
    .await?;
    Ok(())
}

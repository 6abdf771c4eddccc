//! Events that came in by SQL.

use crate::storage::{Error, Json, PublishedOutcome};
use sqlx::PgConnection;

/// An event from SQL, not taken up yet.
#[derive(Debug, Clone)]
pub struct SqlEvent {
    /// The row's id: events are taken up in its order.
    pub id: i64,
    /// The event as it was published; it may be anything.
    pub event: Json,
    /// The database role that published it.
    pub published_by: String,
}

/// The oldest events that wait, locked; none while another process takes some up, so that their
/// order is kept.
pub async fn take(db: &mut PgConnection, limit: i64) -> Result<Vec<SqlEvent>, Error> {
    let mine = sqlx::query_scalar!(
        r#"SELECT pg_try_advisory_xact_lock(hashtext('bridge.published')) AS "mine!""#
    )
    .fetch_one(&mut *db)
    .await?;
    if !mine {
        return Ok(Vec::new());
    }
    Ok(sqlx::query_as!(
        SqlEvent,
        r#"SELECT id, event AS "event: Json", published_by FROM bridge.published
             WHERE taken_at IS NULL ORDER BY id LIMIT $1 FOR UPDATE"#,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Whether these roles may publish for these shops, one for each pair.
pub async fn may(
    db: &mut PgConnection,
    roles: &[&str],
    shops: &[&str],
) -> Result<Vec<bool>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT bridge.may_publish(k.role, k.shop) AS "may!"
           FROM UNNEST($1::text[], $2::text[]) WITH ORDINALITY AS k (role, shop, nth)
             ORDER BY nth"#,
        roles as &[&str],
        shops as &[&str]
    )
    .fetch_all(db)
    .await?)
}

/// What an event names that cannot be read as a whole.
#[derive(Debug, Clone, Default)]
pub struct NamedShop {
    /// The shop that the event's `shop` names.
    pub shop: Option<String>,
    /// The event's CloudEvents `source`, which may stand for a shop.
    pub source: Option<String>,
    /// The order's number that its data names.
    pub number: Option<String>,
}

/// What an event names.
pub async fn names(db: &mut PgConnection, id: i64) -> Result<NamedShop, Error> {
    let found = sqlx::query_as!(
        NamedShop,
        "SELECT event ->> 'shop' AS shop, event ->> 'source' AS source,
                event #>> '{data,number}' AS number
         FROM bridge.published WHERE id = $1",
        id
    );
    Ok(found.fetch_optional(db).await?.unwrap_or_default())
}

/// Marks events as taken up.
pub async fn taken(
    db: &mut PgConnection,
    ids: &[i64],
    outcomes: &[PublishedOutcome],
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.published p SET taken_at = now(), outcome = k.outcome
         FROM UNNEST($1::bigint[], $2::text[]) AS k (id, outcome) WHERE p.id = k.id",
        ids,
        outcomes as &[PublishedOutcome]
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes events taken up more than this many seconds ago, at most `batch`.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.published WHERE id IN (
             SELECT id FROM bridge.published WHERE taken_at < now() - make_interval(secs => $1)
             ORDER BY taken_at LIMIT $2 FOR UPDATE SKIP LOCKED)",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

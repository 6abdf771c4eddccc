//! The installation that the database belongs to.

use crate::storage::Error;
use sqlx::{Connection as _, PgConnection};

/// Says that a configuration serves this database: it is not the demo's from now on.
pub async fn configured(db: &mut PgConnection) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.installation (demo) VALUES (false)
         ON CONFLICT (single) DO UPDATE SET demo = false WHERE installation.demo"
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes the database for the demo; false if it is somebody's: served by a configuration before, or
/// with anything in it that the demo did not put there.
pub async fn demo(db: &mut PgConnection) -> Result<bool, Error> {
    sqlx::query!(
        "INSERT INTO bridge.installation (demo)
         SELECT NOT (EXISTS (SELECT FROM bridge.orders) OR EXISTS (SELECT FROM bridge.outbox)
           OR EXISTS (SELECT FROM bridge.published)
                     OR EXISTS (SELECT FROM bridge.dead_letters)
                     OR EXISTS (SELECT FROM bridge.inbox) OR EXISTS (SELECT FROM bridge.tokens)
                     OR EXISTS (SELECT FROM bridge.sessions) OR EXISTS (SELECT FROM bridge.audit))
         ON CONFLICT (single) DO NOTHING"
    )
    .execute(&mut *db)
    .await?;
    Ok(sqlx::query_scalar!("SELECT demo FROM bridge.installation")
        .fetch_one(db)
        .await?)
}

/// Sees to it that no number is given again by which a submission or an activity is known in the
/// portal, also where an older dump was restored or the database is a new one: numbers go on from
/// the clock, in milliseconds. Fewer than a thousand a second are given, so none is ahead of it.
pub async fn number_anew(db: &mut PgConnection) -> Result<(), Error> {
    let mut tx = db.begin().await?;
    // Of two that start at once none sets back what the other has set.
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended('bridge/number_anew', 5))")
        .execute(&mut *tx)
        .await?;
    sqlx::query!(
        "WITH clock AS (SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint AS ms)
         SELECT setval('bridge.submissions_id_seq', ms)
         FROM clock, bridge.submissions_id_seq WHERE last_value < ms
         UNION ALL
         SELECT setval('bridge.activities_id_seq', ms)
         FROM clock, bridge.activities_id_seq WHERE last_value < ms"
    )
    .fetch_all(&mut *tx)
    .await?;
    Ok(tx.commit().await?)
}

//! The installation that the database belongs to.

use crate::storage::Error;
use sqlx::PgConnection;

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

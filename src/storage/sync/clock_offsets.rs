//! Offsets of the clocks of others.

use crate::{
    domain::ClockOffset,
    storage::{Error, Json, written},
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// The stored samples of a system's clock: `portal:NAME` or `shop:NAME`.
pub async fn load(db: &mut PgConnection, system: &str) -> Result<Option<Json<ClockOffset>>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT samples AS "samples: Json<ClockOffset>" FROM bridge.clocks WHERE system = $1"#,
        system
    )
    .fetch_optional(db)
    .await?)
}

/// Stores the samples of a system's clock.
pub async fn save(db: &mut PgConnection, system: &str, samples: &ClockOffset) -> Result<(), Error> {
    let samples = written(samples)?;
    sqlx::query!(
        "INSERT INTO bridge.clocks (system, samples) VALUES ($1, $2)
         ON CONFLICT (system) DO UPDATE SET samples = excluded.samples, measured_at = now()",
        system,
        samples
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The bridge's clock: the one that all its processes share.
pub async fn now(db: &mut PgConnection) -> Result<DateTime<Utc>, Error> {
    Ok(sqlx::query_scalar!(r#"SELECT clock_timestamp() AS "now!""#)
        .fetch_one(db)
        .await?)
}

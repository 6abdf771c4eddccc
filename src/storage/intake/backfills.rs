//! Progress of backfills.

use crate::storage::Error;
use sqlx::PgConnection;

/// How far a file has been loaded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// Lines that are done with.
    pub lines: i64,
    /// How many of them were refused.
    pub refused: i64,
}

/// The position in a file for a shop, locked until the end of the transaction; a new one begins at
/// its first line.
pub async fn lock(db: &mut PgConnection, file: &[u8], shop: &str) -> Result<Position, Error> {
    Ok(sqlx::query_as!(
        Position,
        "INSERT INTO bridge.backfills AS b (file, shop) VALUES ($1, $2)
         ON CONFLICT (file, shop) DO UPDATE SET changed_at = now()
         RETURNING b.lines, b.refused",
        file,
        shop
    )
    .fetch_one(db)
    .await?)
}

/// Moves the position on.
pub async fn store(
    db: &mut PgConnection,
    file: &[u8],
    shop: &str,
    position: Position,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.backfills SET lines = $3, refused = $4, changed_at = now() WHERE file = $1
           AND shop = $2",
        file,
        shop,
        position.lines,
        position.refused
    )
    .execute(db)
    .await?;
    Ok(())
}

/// How many orders of history wait for a portal, at most `most`.
pub async fn waiting(db: &mut PgConnection, portal: &str, most: i64) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM (
               SELECT FROM bridge.orders WHERE portal = $1 AND later AND due_at IS NOT NULL
                 LIMIT $2) AS next"#,
        portal,
        most
    )
    .fetch_one(db)
    .await?)
}

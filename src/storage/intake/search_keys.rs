//! Search keys of orders. New events bring them with them (see `outbox`); events from before this
//! table are read for them.

use crate::storage::{Error, Json};
use sqlx::PgConnection;

/// Some events that are not read yet, the newest first.
#[derive(Debug)]
pub struct Unread {
    below: i64,
    /// Row id and body.
    pub events: Vec<(i64, Json)>,
}

/// The newest events that are not read yet, held for this transaction; none if all are, or another
/// process reads them.
pub async fn unread(db: &mut PgConnection, limit: i64) -> Result<Option<Unread>, Error> {
    let below =
        sqlx::query_scalar!("SELECT below FROM bridge.contacts_unread FOR UPDATE SKIP LOCKED")
            .fetch_optional(&mut *db)
            .await?;
    let Some(below) = below else {
        return Ok(None);
    };
    // Held, so that none is pruned meanwhile.
    let rows = sqlx::query!(
        r#"SELECT id, body AS "body: Json" FROM bridge.outbox WHERE id < $1 ORDER BY id DESC
             LIMIT $2 FOR KEY SHARE"#,
        below,
        limit
    );
    let events = rows.fetch_all(db).await?;
    let events = events.into_iter().map(|row| (row.id, row.body)).collect();
    Ok(Some(Unread { below, events }))
}

/// Adds keys: (event, key).
pub async fn add(db: &mut PgConnection, keys: &[(i64, String)]) -> Result<(), Error> {
    let (events, keys): (Vec<i64>, Vec<String>) = keys.iter().cloned().unzip();
    sqlx::query!(
        "INSERT INTO bridge.contacts (event, key) SELECT * FROM UNNEST($1::bigint[], $2::text[])
           ON CONFLICT DO NOTHING",
        &events,
        &keys
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Puts on record that these are read; whether there may be more.
pub async fn read_down_to(db: &mut PgConnection, unread: &Unread) -> Result<bool, Error> {
    let last = unread.events.last().map(|(id, _)| *id);
    match last {
        Some(last) => sqlx::query!(
            "UPDATE bridge.contacts_unread SET below = $2 WHERE below = $1",
            unread.below,
            last
        ),
        None => sqlx::query!(
            "DELETE FROM bridge.contacts_unread WHERE below = $1",
            unread.below
        ),
    }
    .execute(db)
    .await?;
    Ok(last.is_some())
}

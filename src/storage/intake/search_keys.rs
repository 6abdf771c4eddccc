//! Search keys of orders, and words of which parts are looked for. New events bring them with them
//! (see `outbox`); events from before these tables are read for them.

use crate::storage::{Error, Json, queue::outbox::OrderWords};
use sqlx::PgConnection;

/// Some events that are not read yet, the newest first.
#[derive(Debug)]
pub struct Unread {
    below: i64,
    /// Row id, the order's number, and body.
    pub events: Vec<(i64, String, Json)>,
}

/// The newest events that are not read yet, held for this transaction; none if all are, or another
/// process reads them.
pub async fn unread(db: &mut PgConnection, limit: i64) -> Result<Option<Unread>, Error> {
    let below =
        sqlx::query_scalar!("SELECT below FROM bridge.order_words_unread FOR UPDATE SKIP LOCKED")
            .fetch_optional(&mut *db)
            .await?;
    let Some(below) = below else {
        return Ok(None);
    };
    // Held, so that none is pruned meanwhile.
    let rows = sqlx::query!(
        r#"SELECT id, number, body AS "body: Json" FROM bridge.outbox WHERE id < $1
             ORDER BY id DESC LIMIT $2 FOR KEY SHARE"#,
        below,
        limit
    );
    let events = rows.fetch_all(db).await?;
    let events = events
        .into_iter()
        .map(|row| (row.id, row.number, row.body))
        .collect();
    Ok(Some(Unread { below, events }))
}

/// What an event is found by.
#[derive(Debug)]
pub struct FoundBy {
    /// The event's row id.
    pub event: i64,
    /// What it is found by.
    pub words: OrderWords,
}

/// Adds what events are found by.
pub async fn add(db: &mut PgConnection, found_by: &[FoundBy]) -> Result<(), Error> {
    let events: Vec<i64> = found_by.iter().map(|one| one.event).collect();
    let words: Vec<&str> = found_by.iter().map(|one| &*one.words.words).collect();
    let phones: Vec<&str> = found_by.iter().map(|one| &*one.words.phones).collect();
    let keys: Vec<String> = found_by
        .iter()
        .map(|one| one.words.keys_as_text())
        .collect();
    sqlx::query!(
        "INSERT INTO bridge.order_words (event, words, phones, keys)
         SELECT event, words, phones, keys::bigint[]
         FROM UNNEST($1::bigint[], $2::text[], $3::text[], $4::text[])
              AS n (event, words, phones, keys)
         ON CONFLICT DO NOTHING",
        &events,
        &words as &[&str],
        &phones as &[&str],
        &keys
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The event below which words are still to be read; none: all are.
pub async fn unread_below(db: &mut PgConnection) -> Result<Option<i64>, Error> {
    let below = sqlx::query_scalar!("SELECT below FROM bridge.order_words_unread");
    Ok(below.fetch_optional(db).await?)
}

/// Puts on record that these are read; whether there may be more.
pub async fn read_down_to(db: &mut PgConnection, unread: &Unread) -> Result<bool, Error> {
    let last = unread.events.last().map(|(id, ..)| *id);
    match last {
        Some(last) => sqlx::query!(
            "UPDATE bridge.order_words_unread SET below = $2 WHERE below = $1",
            unread.below,
            last
        ),
        None => sqlx::query!(
            "DELETE FROM bridge.order_words_unread WHERE below = $1",
            unread.below
        ),
    }
    .execute(db)
    .await?;
    Ok(last.is_some())
}

//! Messages to shops that are no change of status: sent once each, or read from their feed.

use crate::storage::{Error, Json, MessageKind, MessageState, queue::lanes::Lease};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// A message that is to be sent, or was.
#[derive(Debug, Clone)]
pub struct MessageRow {
    /// The row's id: later messages have greater ones.
    pub id: i64,
    /// The shop's name in the settings.
    pub shop: String,
    /// Its identity as a message.
    pub message_id: String,
    /// `type` of the CloudEvents message.
    pub kind: MessageKind,
    /// What it is about.
    pub subject: String,
    /// The order it concerns.
    pub number: Option<String>,
    /// `data` of the CloudEvents message.
    pub body: Json,
    /// When it was made.
    pub made_at: DateTime<Utc>,
    /// Its place in the feed; 0: none yet.
    pub seq: i64,
    /// Tries that the shop judged.
    pub attempts: i32,
    /// When it was first sent.
    pub first_sent_at: Option<DateTime<Utc>>,
}

/// Writes a message to a shop about something; it is sent when the transaction is committed.
pub async fn add(
    db: &mut PgConnection,
    kind: MessageKind,
    (shop, subject, number): (&str, &str, Option<&str>),
    body: &Value,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.shop_messages (shop, kind, subject, number, body)
         VALUES ($1, $2, $3, $4, $5)",
        shop,
        kind.as_str(),
        subject,
        number,
        body
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives a shop's new messages their places in its feed; returns how many.
pub async fn number(db: &mut PgConnection, shop: &str) -> Result<i64, Error> {
    let numbered = sqlx::query_scalar!(r#"SELECT bridge.number_messages($1) AS "it!""#, shop);
    Ok(numbered.fetch_one(db).await?)
}

/// The due messages of a shop, the oldest of each subject; none unless the lease is held.
pub async fn due(
    db: &mut PgConnection,
    lease: &Lease,
    (shop, without): (&str, &[i64]),
    limit: i64,
) -> Result<Vec<MessageRow>, Error> {
    Ok(sqlx::query_as!(
        MessageRow,
        r#"SELECT m.id, m.shop, m.message_id, m.kind AS "kind: MessageKind", m.subject, m.number,
                  m.body AS "body: Json", m.made_at, coalesce(m.seq, 0) AS "seq!", m.attempts,
                  m.first_sent_at
           FROM bridge.shop_messages m
           WHERE m.shop = $1 AND m.state = 'waiting' AND m.due_at <= now() AND m.id <> ALL($2)
             AND NOT EXISTS (SELECT FROM bridge.shop_messages e
                             WHERE e.shop = m.shop AND e.state = 'waiting'
                               AND e.subject = m.subject AND e.id < m.id OFFSET 0)
             AND EXISTS (SELECT FROM bridge.lanes l
                         WHERE l.portal = $3 AND l.owner = $4 AND l.epoch = $5
                           AND l.lease_until > now() AND l.paused_at IS NULL)
           ORDER BY m.due_at, m.id LIMIT $6"#,
        shop,
        without,
        lease.portal,
        lease.owner,
        lease.epoch,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Marks waiting messages as sent.
pub async fn sent(db: &mut PgConnection, ids: &[i64], at: DateTime<Utc>) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.shop_messages SET first_sent_at = $2
         WHERE id = ANY($1) AND state = 'waiting' AND first_sent_at IS NULL",
        ids,
        at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Seconds until the next message of a shop is due; none if none waits.
pub async fn next_due(
    db: &mut PgConnection,
    shop: &str,
    without: &[i64],
) -> Result<Option<f64>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT extract(epoch FROM min(m.due_at) - now())::float8 FROM bridge.shop_messages m
         WHERE m.shop = $1 AND m.state = 'waiting' AND m.id <> ALL($2)
           AND NOT EXISTS (SELECT FROM bridge.shop_messages e
                           WHERE e.shop = m.shop AND e.state = 'waiting'
                             AND e.subject = m.subject AND e.id < m.id OFFSET 0)",
        shop,
        without
    )
    .fetch_one(db)
    .await?)
}

/// Whether the shop took anything else since a time: whoever answers is there.
pub async fn taken_since(
    db: &mut PgConnection,
    (shop, id): (&str, i64),
    since: DateTime<Utc>,
) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM bridge.shop_messages
                          WHERE shop = $1 AND id <> $2 AND state = 'delivered'
                            AND settled_at >= $3)
               OR EXISTS (SELECT FROM bridge.status_changes
                          WHERE shop = $1 AND state = 'delivered' AND settled_at >= $3) AS "it!""#,
        shop,
        id,
        since
    )
    .fetch_one(db)
    .await?)
}

/// Settles a waiting message; false if it is settled already.
pub async fn settle(
    db: &mut PgConnection,
    id: i64,
    state: MessageState,
    attempts: i32,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.shop_messages SET state = $2, settled_at = now(), attempts = $3
         WHERE id = $1 AND state = 'waiting'",
        id,
        state as MessageState,
        attempts
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts a waiting message off.
pub async fn put_off(
    db: &mut PgConnection,
    id: i64,
    attempts: i32,
    fault: Option<(&str, &str)>,
    delay_secs: f64,
) -> Result<(), Error> {
    let (code, words) = fault.unzip();
    sqlx::query!(
        "UPDATE bridge.shop_messages
         SET due_at = now() + make_interval(secs => $2), attempts = $3,
             error_code = coalesce($4, error_code), error_message = coalesce($5, error_message)
         WHERE id = $1 AND state = 'waiting'",
        id,
        delay_secs,
        attempts,
        code,
        words
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Makes a dead message wait again, with all tries before it; false if it is not dead.
pub async fn revive(db: &mut PgConnection, id: i64) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.shop_messages
         SET state = 'waiting', settled_at = NULL, attempts = 0, due_at = now()
         WHERE id = $1 AND state = 'dead'",
        id
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Lets a dead message go.
pub async fn drop_dead(db: &mut PgConnection, id: i64) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.shop_messages SET state = 'dropped', settled_at = now()
         WHERE id = $1 AND state = 'dead'",
        id
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The messages of a shop above this place, in order, whatever became of them.
pub async fn feed(
    db: &mut PgConnection,
    shop: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<MessageRow>, Error> {
    Ok(sqlx::query_as!(
        MessageRow,
        r#"SELECT id, shop, message_id, kind AS "kind: MessageKind", subject, number,
                  body AS "body: Json", made_at, seq AS "seq!", attempts, first_sent_at
           FROM bridge.shop_messages WHERE shop = $1 AND seq > $2 ORDER BY seq LIMIT $3"#,
        shop,
        after,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// The shop has read the feed up to this place.
pub async fn read_up_to(db: &mut PgConnection, shop: &str, seq: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.shop_messages SET state = 'delivered', settled_at = now()
         WHERE shop = $1 AND seq <= $2 AND state = 'waiting'",
        shop,
        seq
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Removes settled messages older than this many seconds, at most `batch`; never a dead one.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.shop_messages WHERE id IN (
             SELECT id FROM bridge.shop_messages
             WHERE settled_at < now() - make_interval(secs => $1) AND state <> 'dead'
             ORDER BY settled_at LIMIT $2)",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

//! What each shop is told: sent to its callback, or read from the feed.
//!
//! A shop's changes are numbered under a lock of its row in `feeds`, so numbers are committed in
//! their order: a reader that has seen one never has to look below it again.

use crate::storage::{Error, queue::lanes::Lease};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// A change on its way in.
#[derive(Debug, Clone)]
pub struct NewChange {
    /// The shop.
    pub shop: String,
    /// The order.
    pub number: String,
    /// The decision that made it.
    pub decision: i64,
    /// The new status.
    pub status: String,
    /// The status that the shop is believed to have.
    pub previous: String,
    /// The deal's stage.
    pub stage: String,
    /// Why, in one sentence.
    pub reason: String,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
    /// Facts that did not hold then and that it would deny.
    pub denies: Vec<String>,
    /// The document of 1C that says so; none: the portal does.
    pub document: Option<i64>,
}

/// Stores changes, numbered; all of one portal.
pub async fn add(db: &mut PgConnection, portal: &str, changes: &[NewChange]) -> Result<(), Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let column = |get: fn(&NewChange) -> &String| changes.iter().map(|c| get(c).clone()).collect();
    let shops: Vec<String> = column(|c| &c.shop);
    let numbers: Vec<String> = column(|c| &c.number);
    let statuses: Vec<String> = column(|c| &c.status);
    let previous: Vec<String> = column(|c| &c.previous);
    let stages: Vec<String> = column(|c| &c.stage);
    let reasons: Vec<String> = column(|c| &c.reason);
    let decisions: Vec<i64> = changes.iter().map(|c| c.decision).collect();
    let times: Vec<DateTime<Utc>> = changes.iter().map(|c| c.decided_at).collect();
    let denies: Vec<String> = changes.iter().map(|c| c.denies.join(",")).collect();
    let documents: Vec<Option<i64>> = changes.iter().map(|c| c.document).collect();
    sqlx::query!(
        "WITH new AS (
             SELECT *, row_number() OVER (PARTITION BY shop ORDER BY decision) AS nth
             FROM UNNEST($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[], $7::text[],
               $8::text[], $9::timestamptz[],
                         $10::text[], $11::bigint[])
                  AS n (shop, number, decision, status, previous, stage, reason, decided_at,
                    denies, document)),
         counted AS (
             INSERT INTO bridge.feeds AS f (shop, last_seq) SELECT shop, count(*) FROM new
               GROUP BY shop ORDER BY shop
             ON CONFLICT (shop) DO UPDATE SET last_seq = f.last_seq + excluded.last_seq
             RETURNING f.shop, f.last_seq)
         INSERT INTO bridge.status_changes
                (shop, seq, portal, number, decision_id, status, previous_status, stage, reason,
                  decided_at, denies, document, source)
         SELECT n.shop, c.last_seq - (SELECT count(*) FROM new m
           WHERE m.shop = n.shop) + n.nth, $1, n.number, n.decision, n.status,
                n.previous, n.stage, n.reason, n.decided_at, string_to_array(n.denies, ','),
                n.document, CASE WHEN n.document IS NULL THEN 'portal' ELSE 'onec' END
         FROM new n JOIN counted c USING (shop)",
        portal,
        &shops,
        &numbers,
        &decisions,
        &statuses,
        &previous,
        &stages,
        &reasons,
        &times,
        &denies,
        &documents as &[Option<i64>]
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Drops the changes of an order that were not told, waiting or dead, except those decided at
/// these times, and closes the letters of dead ones.
pub async fn drop_except(
    db: &mut PgConnection,
    shop: &str,
    number: &str,
    awaited: &[DateTime<Utc>],
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.status_changes SET state = 'dropped', settled_at = now()
         WHERE shop = $1 AND number = $2 AND state IN ('waiting', 'dead')
           AND decided_at <> ALL($3)",
        shop,
        number,
        awaited
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE bridge.dead_letters d
         SET closed_at = now(), closed_how = 'overtaken', closed_by = 'bridge',
             reason = 'the sides agree on something else by now'
         FROM bridge.status_changes c
         WHERE d.shop = $1 AND d.number = $2 AND d.closed_at IS NULL AND c.shop = d.shop
           AND c.seq = d.change_seq
           AND c.decided_at <> ALL($3)",
        shop,
        number,
        awaited
    )
    .execute(&mut *db)
    .await?;
    reopen_document(db, shop, number).await?;
    Ok(done.rows_affected())
}

/// What 1C said is decided once more where its message was just dropped, unless 1C has said
/// something newer.
pub async fn reopen_document(db: &mut PgConnection, shop: &str, number: &str) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_documents d SET state = 'waiting', decided_at = now()
         FROM bridge.status_changes c
         WHERE c.shop = $1 AND c.number = $2 AND c.state = 'dropped' AND c.settled_at = now()
           AND d.id = c.document AND d.state = 'applied'
           AND EXISTS (SELECT FROM bridge.onec_orders k
                       WHERE k.base = d.base AND k.shop = c.shop AND k.number = c.number
                         AND k.document = d.id)",
        shop,
        number
    )
    .execute(&mut *db)
    .await?;
    // The order has its status by whoever said it meanwhile.
    sqlx::query!(
        "UPDATE bridge.onec_orders k SET won = NULL
         FROM bridge.onec_documents d
         WHERE k.shop = $1 AND k.number = $2 AND k.won IS NOT NULL
           AND d.id = k.document AND d.base = k.base AND d.state = 'waiting'",
        shop,
        number
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A change that is to be sent, or was.
#[derive(Debug, Clone)]
pub struct ChangeRow {
    /// The shop.
    pub shop: String,
    /// Its number.
    pub seq: i64,
    /// Its identity as a message.
    pub message_id: String,
    /// The portal it comes from.
    pub portal: String,
    /// The order.
    pub number: String,
    /// The decision that made it.
    pub decision_id: i64,
    /// The new status.
    pub status: String,
    /// The status that the shop is believed to have.
    pub previous_status: String,
    /// The deal's stage.
    pub stage: String,
    /// Why, in one sentence.
    pub reason: String,
    /// When it was decided.
    pub decided_at: DateTime<Utc>,
    /// Tries that the shop judged.
    pub attempts: i32,
    /// When it was first sent.
    pub first_sent_at: Option<DateTime<Utc>>,
    /// Facts that did not hold when it was decided and that it would deny.
    pub denies: Vec<String>,
    /// Whether it waits, and nobody can have read it yet.
    pub open: bool,
    /// Whose word it is: `portal` or `onec`.
    pub source: String,
}

/// Which due changes are wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The shop.
    pub shop: &'a str,
    /// Orders whose message is on its way.
    pub without: &'a [String],
    /// Those that were never sent go before those that failed.
    pub fresh_first: bool,
    /// At most so many.
    pub limit: i64,
}

/// The due changes of a shop, the oldest of each order; none unless the lease is held.
pub async fn due(
    db: &mut PgConnection,
    lease: &Lease,
    wanted: &Wanted<'_>,
) -> Result<Vec<ChangeRow>, Error> {
    let first = if wanted.fresh_first {
        first_fresh(db, wanted).await?
    } else {
        first_due(db, wanted).await?
    };
    Ok(sqlx::query_as!(
        ChangeRow,
        r#"SELECT c.shop, c.seq, c.message_id, c.portal, c.number, c.decision_id, c.status,
                  c.previous_status, c.stage, c.reason, c.decided_at, c.attempts,
                  c.first_sent_at, c.denies, c.source, c.first_sent_at IS NULL AS "open!"
           FROM UNNEST($1::bigint[]) WITH ORDINALITY AS n (seq, place)
           JOIN bridge.status_changes c ON c.shop = $2 AND c.seq = n.seq
           WHERE c.state = 'waiting'
             AND EXISTS (SELECT FROM bridge.lanes l
                         WHERE l.portal = $3 AND l.owner = $4 AND l.epoch = $5
                           AND l.lease_until > now() AND l.paused_at IS NULL)
           ORDER BY n.place"#,
        &first,
        wanted.shop,
        lease.portal,
        lease.owner,
        lease.epoch
    )
    .fetch_all(db)
    .await?)
}

/// Which changes are due, the oldest first. `OFFSET 0` has each row looked up by the index on its
/// order: as a join, this takes the square of what waits wherever statistics say that nothing does.
async fn first_due(db: &mut PgConnection, wanted: &Wanted<'_>) -> Result<Vec<i64>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT c.seq FROM bridge.status_changes c
         WHERE c.shop = $1 AND c.state = 'waiting' AND c.due_at <= now() AND c.number <> ALL($2)
           AND NOT EXISTS (SELECT FROM bridge.status_changes e
                           WHERE e.shop = c.shop AND e.number = c.number
                             AND e.state = 'waiting' AND e.seq < c.seq OFFSET 0)
         ORDER BY c.due_at LIMIT $3",
        wanted.shop,
        wanted.without,
        wanted.limit
    )
    .fetch_all(db)
    .await?)
}

/// The same, where those that were never sent go first.
async fn first_fresh(db: &mut PgConnection, wanted: &Wanted<'_>) -> Result<Vec<i64>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT c.seq FROM bridge.status_changes c
         WHERE c.shop = $1 AND c.state = 'waiting' AND c.due_at <= now() AND c.number <> ALL($2)
           AND NOT EXISTS (SELECT FROM bridge.status_changes e
                           WHERE e.shop = c.shop AND e.number = c.number
                             AND e.state = 'waiting' AND e.seq < c.seq OFFSET 0)
         ORDER BY c.first_sent_at IS NOT NULL, c.due_at, c.seq LIMIT $3",
        wanted.shop,
        wanted.without,
        wanted.limit
    )
    .fetch_all(db)
    .await?)
}

/// Marks waiting changes of these numbers as sent, or handed out by the feed.
pub async fn sent(
    db: &mut PgConnection,
    shop: &str,
    seqs: &[i64],
    at: DateTime<Utc>,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.status_changes SET first_sent_at = $3
         WHERE shop = $1 AND seq = ANY($2) AND state = 'waiting' AND first_sent_at IS NULL",
        shop,
        seqs,
        at
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Seconds until the next change of a shop is due that has none of its order before it; none if
/// none waits.
pub async fn next_due(
    db: &mut PgConnection,
    shop: &str,
    without: &[String],
) -> Result<Option<f64>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT extract(epoch FROM c.due_at - now())::float8 AS "seconds!"
           FROM bridge.status_changes c
           WHERE c.shop = $1 AND c.state = 'waiting' AND c.number <> ALL($2)
             AND NOT EXISTS (SELECT FROM bridge.status_changes e
                             WHERE e.shop = c.shop AND e.number = c.number
                               AND e.state = 'waiting' AND e.seq < c.seq OFFSET 0)
           ORDER BY c.due_at LIMIT 1"#,
        shop,
        without
    )
    .fetch_optional(db)
    .await?)
}

/// Whether the shop took a message of another order since a time: whoever answers is there.
pub async fn taken_since(
    db: &mut PgConnection,
    (shop, number): (&str, &str),
    since: DateTime<Utc>,
) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM bridge.status_changes
                          WHERE shop = $1 AND number <> $2 AND state = 'delivered'
                            AND settled_at >= $3) AS "taken!""#,
        shop,
        number,
        since
    )
    .fetch_one(db)
    .await?)
}

/// Settles a waiting change as `dropped` or `dead`; false if it is settled already.
pub async fn settle(
    db: &mut PgConnection,
    shop: &str,
    seq: i64,
    state: &str,
    attempts: i32,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.status_changes SET state = $3, settled_at = now(), attempts = $4
         WHERE shop = $1 AND seq = $2 AND state = 'waiting'",
        shop,
        seq,
        state,
        attempts
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// What became of a change that the shop is known to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered {
    /// Whether it was not known before.
    pub first: bool,
    /// Letters that were closed: of this change, and of older ones of its order that had died.
    pub letters: Vec<i64>,
}

/// The shop has a change: dead ones of the order that were decided before it are not to be told
/// any more.
pub async fn deliver(
    db: &mut PgConnection,
    (shop, number): (&str, &str),
    seq: i64,
    attempts: i32,
) -> Result<Delivered, Error> {
    Ok(sqlx::query_as!(
        Delivered,
        r#"WITH told AS (
               UPDATE bridge.status_changes SET state = 'delivered', settled_at = now(),
               attempts = $4
               WHERE shop = $1 AND seq = $3 AND state IN ('waiting', 'dead') RETURNING seq),
           gone AS (
               UPDATE bridge.status_changes SET state = 'dropped', settled_at = now()
               WHERE shop = $1 AND number = $2 AND state = 'dead' AND seq < (SELECT seq FROM told)),
           closed AS (
               UPDATE bridge.dead_letters
               SET closed_at = now(), closed_how = 'overtaken', closed_by = 'bridge',
                   reason = 'the shop was told something newer'
               WHERE shop = $1 AND number = $2 AND closed_at IS NULL
                 AND change_seq <= (SELECT seq FROM told)
               RETURNING id)
           SELECT EXISTS (SELECT FROM told) AS "first!", ARRAY(SELECT id FROM closed
             ORDER BY id) AS "letters!""#,
        shop,
        number,
        seq,
        attempts
    )
    .fetch_one(db)
    .await?)
}

/// Puts a waiting change off.
pub async fn put_off(
    db: &mut PgConnection,
    (shop, seq): (&str, i64),
    attempts: i32,
    (code, message): (&str, &str),
    delay_secs: f64,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.status_changes
         SET due_at = now() + make_interval(secs => $3), attempts = $4, error_code = $5,
             error_message = $6
         WHERE shop = $1 AND seq = $2 AND state = 'waiting'",
        shop,
        seq,
        delay_secs,
        attempts,
        code,
        message
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Keeps a waiting change back for so many seconds.
pub async fn hold(
    db: &mut PgConnection,
    (shop, seq): (&str, i64),
    seconds: f64,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.status_changes SET due_at = now() + make_interval(secs => $3)
         WHERE shop = $1 AND seq = $2 AND state = 'waiting'",
        shop,
        seq,
        seconds
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes the dead letter of a change that could not be told.
pub async fn dead_letter(
    db: &mut PgConnection,
    change: &ChangeRow,
    (code, message): (&str, &str),
    attempts: i32,
    payload: &serde_json::Value,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.dead_letters (portal, shop, number, code, message, attempts,
           first_failed_at, payload, change_seq)
         VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, now()), $8, $9)",
        change.portal,
        change.shop,
        change.number,
        code,
        message,
        attempts,
        change.first_sent_at,
        payload,
        change.seq
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Drops a dead change: something newer stands for it.
pub async fn drop_dead(db: &mut PgConnection, shop: &str, seq: i64) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.status_changes SET state = 'dropped', settled_at = now()
         WHERE shop = $1 AND seq = $2 AND state = 'dead'",
        shop,
        seq
    )
    .execute(db)
    .await?;
    Ok(())
}

/// One change; none if it is not stored any more.
pub async fn one(db: &mut PgConnection, shop: &str, seq: i64) -> Result<Option<ChangeRow>, Error> {
    Ok(sqlx::query_as!(
        ChangeRow,
        r#"SELECT shop, seq, message_id, portal, number, decision_id, status, previous_status,
                  stage, reason, decided_at, attempts,
                  first_sent_at, denies, source,
                  state = 'waiting' AND first_sent_at IS NULL AS "open!"
         FROM bridge.status_changes WHERE shop = $1 AND seq = $2"#,
        shop,
        seq
    )
    .fetch_optional(db)
    .await?)
}

/// Makes a dead change wait again, with all tries before it; false if a newer one of the order
/// stands for it.
pub async fn revive(db: &mut PgConnection, shop: &str, seq: i64) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.status_changes c SET state = 'waiting', settled_at = NULL, attempts = 0,
         due_at = now()
         WHERE c.shop = $1 AND c.seq = $2 AND c.state = 'dead'
           AND NOT EXISTS (SELECT FROM bridge.status_changes n
                           WHERE n.shop = c.shop AND n.number = c.number AND n.seq > c.seq
                             AND n.state <> 'dropped')",
        shop,
        seq
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Puts a waiting change at the end of its shop's feed.
pub async fn renumber(db: &mut PgConnection, shop: &str, seq: i64) -> Result<(), Error> {
    sqlx::query!(
        "WITH next AS (UPDATE bridge.feeds SET last_seq = last_seq + 1 WHERE shop = $1
           RETURNING last_seq)
         UPDATE bridge.status_changes SET seq = next.last_seq FROM next WHERE shop = $1 AND seq = $2
           AND state = 'waiting'",
        shop,
        seq
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The newest number that the shop was given by the feed.
pub async fn given(db: &mut PgConnection, shop: &str) -> Result<i64, Error> {
    let given = sqlx::query_scalar!("SELECT given_seq FROM bridge.feeds WHERE shop = $1", shop)
        .fetch_optional(db)
        .await?;
    Ok(given.unwrap_or(0))
}

/// The shop is given this number.
pub async fn give(db: &mut PgConnection, shop: &str, seq: i64) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.feeds SET given_seq = greatest(given_seq, $2) WHERE shop = $1",
        shop,
        seq
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A shop's changes above a number, in order; those that were dropped are left out.
pub async fn feed(
    db: &mut PgConnection,
    shop: &str,
    after: i64,
    limit: i64,
) -> Result<Vec<ChangeRow>, Error> {
    Ok(sqlx::query_as!(
        ChangeRow,
        r#"SELECT shop, seq, message_id, portal, number, decision_id, status, previous_status,
                  stage, reason, decided_at, attempts,
                  first_sent_at, denies, source,
                  state = 'waiting' AND first_sent_at IS NULL AS "open!"
         FROM bridge.status_changes WHERE shop = $1 AND seq > $2 AND state <> 'dropped' ORDER BY seq
           LIMIT $3"#,
        shop,
        after,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// The changes of a shop up to a number that were handed out and not told otherwise, the dead
/// ones, too: the shop has read them.
pub async fn read_up_to(
    db: &mut PgConnection,
    shop: &str,
    seq: i64,
    limit: i64,
) -> Result<Vec<ChangeRow>, Error> {
    Ok(sqlx::query_as!(
        ChangeRow,
        r#"SELECT shop, seq, message_id, portal, number, decision_id, status, previous_status,
                  stage, reason, decided_at, attempts,
                  first_sent_at, denies, source,
                  state = 'waiting' AND first_sent_at IS NULL AS "open!"
         FROM bridge.status_changes
         WHERE shop = $1 AND seq <= $2 AND (state = 'waiting' OR state = 'dead')
           AND first_sent_at IS NOT NULL
         ORDER BY seq LIMIT $3"#,
        shop,
        seq,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Removes settled changes older than this many seconds, at most `batch`; never a dead one, which
/// is a difference until it is told, or dropped.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.status_changes c USING (
             SELECT shop, seq FROM bridge.status_changes
               WHERE settled_at < now() - make_interval(secs => $1)
               AND state <> 'dead' ORDER BY settled_at LIMIT $2) o
         WHERE c.shop = o.shop AND c.seq = o.seq",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

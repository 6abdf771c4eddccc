//! Orders that were written in answers, and what became of the answers.

use crate::storage::{Error, OfferState};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// One order in an answer.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The event that is offered.
    pub head: i64,
    /// The version that is offered: `НомерВерсии`.
    pub version: String,
    /// How often the order was to be sent again by then.
    pub resends: i32,
    /// The order's status in it; none: it is deleted.
    pub status: Option<String>,
}

/// An answer: which query of which session.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    /// The session that asked.
    pub session: i64,
    /// Which query of the session it answers.
    pub batch: i32,
    /// The round of the session.
    pub round: i32,
}

/// Orders that are about to be written in an answer.
pub async fn add(db: &mut PgConnection, answer: Answer, offers: &[Offer]) -> Result<(), Error> {
    let shops: Vec<&str> = offers.iter().map(|one| &*one.shop).collect();
    let numbers: Vec<&str> = offers.iter().map(|one| &*one.number).collect();
    let heads: Vec<i64> = offers.iter().map(|one| one.head).collect();
    let versions: Vec<&str> = offers.iter().map(|one| &*one.version).collect();
    let resends: Vec<i32> = offers.iter().map(|one| one.resends).collect();
    let statuses: Vec<Option<&str>> = offers.iter().map(|one| one.status.as_deref()).collect();
    sqlx::query!(
        "INSERT INTO bridge.onec_offers
            (session, batch, round, shop, number, head, version, status, resends, state)
         SELECT $1, $2, $3, shop, number, head, version, status, resends, 'sending'
         FROM UNNEST($4::text[], $5::text[], $6::bigint[], $7::text[], $8::text[], $9::integer[])
             AS o (shop, number, head, version, status, resends)",
        answer.session,
        answer.batch,
        answer.round,
        &shops as &[&str],
        &numbers as &[&str],
        &heads,
        &versions as &[&str],
        &statuses as &[Option<&str>],
        &resends
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The end of this transaction waits for no disk: the next one that does has this one on it, too.
pub async fn wait_for_no_disk(db: &mut PgConnection) -> Result<(), Error> {
    sqlx::query!("SELECT set_config('synchronous_commit', 'off', true)")
        .fetch_one(db)
        .await?;
    Ok(())
}

/// What an answer is by now: from one state to the next; returns how many orders of it changed.
pub async fn turn(
    db: &mut PgConnection,
    answer: Answer,
    from: OfferState,
    to: OfferState,
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.onec_offers SET state = $4 WHERE session = $1 AND batch = $2 AND state = $3",
        answer.session,
        answer.batch,
        from.as_str(),
        to.as_str()
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// An answer broke off: whatever of it was not confirmed was never offered.
pub async fn cut(db: &mut PgConnection, answer: Answer) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.onec_offers SET state = 'cut'
         WHERE session = $1 AND batch = $2 AND state IN ('sending', 'offered', 'written')",
        answer.session,
        answer.batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Whether an answer of the session is not known to be written or cut.
pub async fn unsettled(db: &mut PgConnection, session: i64) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM bridge.onec_offers
                          WHERE session = $1 AND state IN ('sending', 'offered')) AS "there!""#,
        session
    )
    .fetch_one(db)
    .await?)
}

/// Answers of earlier queries that are not known to be written were never offered.
pub async fn cut_earlier(db: &mut PgConnection, session: i64, batch: i32) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_offers SET state = 'cut'
         WHERE session = $1 AND batch < $2 AND state IN ('sending', 'offered')",
        session,
        batch
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What a confirmation may rest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// 1C said so: every answer of the session counts that was written but for its last bytes.
    Success,
    /// Another query in the same round: only answers that were written whole.
    Query {
        /// The `mode=init` of the session after which that query came, by its count.
        round: i32,
    },
}

/// Turns exactly what was offered in a session into confirmed, with the orders locked; of each
/// order the newest offer. What a base has by that is [`settle`]'s to say.
pub async fn confirm(
    db: &mut PgConnection,
    base: &str,
    session: i64,
    by: By,
) -> Result<Vec<SentRow>, Error> {
    let round = match by {
        By::Success => None,
        By::Query { round } => Some(round),
    };
    Ok(sqlx::query_as!(
        SentRow,
        r#"WITH named AS MATERIALIZED (
               SELECT DISTINCT shop, number FROM bridge.onec_offers
               WHERE session = $2 AND (state = 'written' OR state = 'offered' AND $3::int IS NULL)
                 AND ($3::int IS NULL OR round = $3)),
           locked AS MATERIALIZED (
               SELECT k.shop, k.number FROM bridge.onec_orders k JOIN named USING (shop, number)
               WHERE k.base = $1 ORDER BY k.shop, k.number FOR UPDATE OF k),
           turned AS (
               UPDATE bridge.onec_offers o SET state = 'confirmed' FROM locked l
               WHERE o.session = $2 AND o.shop = l.shop AND o.number = l.number
                 AND (o.state = 'written' OR o.state = 'offered' AND $3::int IS NULL)
                 AND ($3::int IS NULL OR o.round = $3)
               RETURNING o.shop, o.number, o.head, o.version, o.status, o.resends, o.offered_at)
           SELECT DISTINCT ON (shop, number)
               shop AS "shop!", number AS "number!", head AS "head!", version AS "version!",
               status, resends, offered_at AS "sent_at!"
           FROM turned ORDER BY shop, number, head DESC, offered_at DESC"#,
        base,
        session,
        round
    )
    .fetch_all(db)
    .await?)
}

/// An order as it was sent to a base.
#[derive(Debug, Clone)]
pub struct SentRow {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The event that was sent.
    pub head: i64,
    /// The version that was sent: `НомерВерсии`.
    pub version: String,
    /// The order's status in it; none: it is deleted.
    pub status: Option<String>,
    /// How often the order was to be sent again by then; none: not known.
    pub resends: Option<i32>,
    /// When it was sent.
    pub sent_at: DateTime<Utc>,
}

/// An order that was confirmed.
#[derive(Debug, Clone)]
pub struct ConfirmedRow {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The order's number in 1C: `Номер`.
    pub doc_number: Option<String>,
    /// The version that 1C has: `НомерВерсии`.
    pub version: String,
}

/// The base has these orders, item by item and version by version; what changed since goes on
/// waiting. The caller has locked them.
pub async fn settle(
    db: &mut PgConnection,
    base: &str,
    sent: &[SentRow],
) -> Result<Vec<ConfirmedRow>, Error> {
    let shops: Vec<&str> = sent.iter().map(|one| &*one.shop).collect();
    let numbers: Vec<&str> = sent.iter().map(|one| &*one.number).collect();
    let heads: Vec<i64> = sent.iter().map(|one| one.head).collect();
    let versions: Vec<&str> = sent.iter().map(|one| &*one.version).collect();
    let statuses: Vec<Option<&str>> = sent.iter().map(|one| one.status.as_deref()).collect();
    let resends: Vec<Option<i32>> = sent.iter().map(|one| one.resends).collect();
    let times: Vec<DateTime<Utc>> = sent.iter().map(|one| one.sent_at).collect();
    Ok(sqlx::query_as!(
        ConfirmedRow,
        r#"WITH sent AS (
               SELECT * FROM UNNEST($2::text[], $3::text[], $4::bigint[], $5::text[], $6::text[],
                                    $7::integer[], $8::timestamptz[])
                        AS n (shop, number, head, version, status, resends, sent_at)),
           -- A receipt's version is the time when it came, in microseconds.
           given AS (
               INSERT INTO bridge.onec_receipts_given (base, shop, number, changed_at, given_at)
               SELECT c.base, c.shop, c.number, timestamptz 'epoch' + interval '1 microsecond'
                          * (n.version::bigint - coalesce(n.resends, 0)), now()
               FROM sent n JOIN bridge.onec_receipts c USING (shop, number) WHERE c.base = $1
               ON CONFLICT DO NOTHING)
           UPDATE bridge.onec_orders k
           SET confirmed = greatest(k.confirmed, n.head), confirmed_at = now(),
               given_at = coalesce(k.given_at, now()), sent_at = n.sent_at,
               sent_version = CASE WHEN n.head >= coalesce(k.confirmed, 0) THEN n.version
                 ELSE k.sent_version END,
               agreed = CASE WHEN n.head >= coalesce(k.confirmed, 0)
                 THEN coalesce(n.status, k.agreed) ELSE k.agreed END,
               won = CASE WHEN n.status = k.won THEN k.won END,
               waits = k.waits AND (k.head > n.head
                 OR coalesce(k.resends > n.resends, k.waits_since > n.sent_at))
           FROM sent n
           WHERE k.base = $1 AND k.shop = n.shop AND k.number = n.number
           RETURNING k.shop, k.number, k.doc_number, n.version AS "version!""#,
        base,
        &shops as &[&str],
        &numbers as &[&str],
        &heads,
        &versions as &[&str],
        &statuses as &[Option<&str>],
        &resends as &[Option<i32>],
        &times
    )
    .fetch_all(db)
    .await?)
}

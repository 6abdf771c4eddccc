//! Dead letters.

pub mod bulk_jobs;
pub mod imports;
mod written;

pub use written::{
    ReceiptLetter, RejectedEvent, Special, close_receipts, was_let_go, write, write_receipt,
    write_special, write_stray, write_subjects,
};

use super::{ClosedHow, Error, Json, LetterAbout, Unreadable};
use crate::domain::OrderKey;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// An open letter, as lists and pages show it.
#[derive(Debug, Clone)]
pub struct LetterRow {
    /// The letter's id, by which the API and the commands name it.
    pub id: i64,
    /// The event in the outbox; `None` where the letter is about no accepted event.
    pub outbox_id: Option<i64>,
    /// The change that the shop could not be told.
    pub change_seq: Option<i64>,
    /// What else it is about, where it is no event either: a word of [`LetterAbout`], or of a newer
    /// version.
    pub about: Option<String>,
    /// The shop's name in the settings; `None` where the letter is about no shop.
    pub shop: Option<String>,
    /// The portal's name in the settings; `None` where the letter is about no portal.
    pub portal: Option<String>,
    /// The order's number in its shop; `None` where the letter is about no order.
    pub number: Option<String>,
    /// The fault's code, as in the runbook.
    pub code: String,
    /// What exactly happened, for people.
    pub message: String,
    /// What to do about it.
    pub remedy: String,
    /// Tries that were judged.
    pub attempts: i32,
    /// When it first failed.
    pub first_failed_at: DateTime<Utc>,
    /// When it last failed.
    pub last_failed_at: DateTime<Utc>,
    /// What failed: the event, or the thing that the letter is about.
    pub payload: Json,
}

impl LetterRow {
    /// What else it is about, where it is no event either; or that this version does not know it: a
    /// newer one wrote the letter, and has to carry out what is said of it.
    pub fn about(&self) -> Result<Option<LetterAbout>, Unreadable> {
        let Some(word) = self.about.as_deref() else {
            return Ok(None);
        };
        let mut known = LetterAbout::ALL.iter().copied();
        let found = known.find(|one| one.as_str() == word);
        let unknown = || {
            let key = format_args!("letter {}", self.id);
            let why = format_args!("`{word}` is nothing that this version knows");
            Unreadable::of("bridge.dead_letters", "about", key, why)
        };
        found.map(Some).ok_or_else(unknown)
    }

    /// Whether it is about this.
    pub fn is_about(&self, what: LetterAbout) -> bool {
        self.about.as_deref() == Some(what.as_str())
    }
}

/// Which letters to list; none means any.
#[derive(Debug, Clone, Default)]
pub struct Filter<'a> {
    /// Letters of this shop alone.
    pub shop: Option<&'a str>,
    /// Letters of this portal alone.
    pub portal: Option<&'a str>,
    /// Letters of this code alone.
    pub code: Option<&'a str>,
    /// Letters of this order alone.
    pub number: Option<&'a str>,
    /// Last failed at this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Last failed before this time.
    pub until: Option<DateTime<Utc>>,
    /// With this text in the message or the payload, in any case.
    pub text: Option<&'a str>,
    /// With ids above this.
    pub after: i64,
    /// With ids up to this; none: without bound.
    pub upto: Option<i64>,
    /// The most letters that are listed.
    pub limit: i64,
}

/// Open letters, oldest first.
pub async fn list(db: &mut PgConnection, filter: &Filter<'_>) -> Result<Vec<LetterRow>, Error> {
    Ok(sqlx::query_as!(
        LetterRow,
        r#"SELECT id AS "id!", outbox_id, change_seq, about, shop, portal,
                  number, code AS "code!", message AS "message!", remedy AS "remedy!",
                  attempts AS "attempts!", first_failed_at AS "first_failed_at!",
                  last_failed_at AS "last_failed_at!",
                  payload AS "payload!: Json"
           FROM bridge.open_dead_letters
           WHERE id > $1 AND ($2::text IS NULL OR shop = $2) AND ($3::text IS NULL OR portal = $3)
             AND ($4::text IS NULL OR code = $4) AND ($5::text IS NULL OR number = $5)
             AND ($7::timestamptz IS NULL OR last_failed_at >= $7)
             AND ($8::timestamptz IS NULL OR last_failed_at < $8)
             AND ($9::text IS NULL OR strpos(lower(message || ' ' || payload::text), lower($9)) > 0)
             AND ($10::bigint IS NULL OR id <= $10)
           ORDER BY id LIMIT $6"#,
        filter.after,
        filter.shop,
        filter.portal,
        filter.code,
        filter.number,
        filter.limit,
        filter.since,
        filter.until,
        filter.text,
        filter.upto
    )
    .fetch_all(db)
    .await?)
}

/// The open letters among these ids, in the order of the ids.
pub async fn of_ids(db: &mut PgConnection, ids: &[i64]) -> Result<Vec<LetterRow>, Error> {
    Ok(sqlx::query_as!(
        LetterRow,
        r#"SELECT id AS "id!", outbox_id, change_seq, about, shop, portal,
                  number, code AS "code!", message AS "message!", remedy AS "remedy!",
                  attempts AS "attempts!", first_failed_at AS "first_failed_at!",
                  last_failed_at AS "last_failed_at!",
                  payload AS "payload!: Json"
           FROM UNNEST($1::bigint[]) WITH ORDINALITY AS wanted (id, nth)
           JOIN bridge.open_dead_letters USING (id) ORDER BY nth"#,
        ids
    )
    .fetch_all(db)
    .await?)
}

/// How many open letters there are of one code in one shop of one portal.
#[derive(Debug, Clone)]
pub struct CountRow {
    /// The portal's name in the settings; `None` where the letter is about no portal.
    pub portal: Option<String>,
    /// The shop's name in the settings; `None` where the letter is about no shop.
    pub shop: Option<String>,
    /// The code that these letters have in common.
    pub code: String,
    /// How many open letters there are.
    pub letters: i64,
    /// The highest id among them.
    pub newest_id: i64,
    /// Since when the oldest fails.
    pub oldest: DateTime<Utc>,
    /// Ids of a page of them, as [`find`] was asked for it.
    pub page: Vec<i64>,
}

/// Counts open letters by portal, shop and code, the most first; `after`, `upto` and `limit` play
/// no part.
pub async fn counts(db: &mut PgConnection, filter: &Filter<'_>) -> Result<Vec<CountRow>, Error> {
    let without_page = Filter {
        limit: 0,
        ..filter.clone()
    };
    find(db, &without_page, false).await
}

/// The same with the ids of a page of each row: at most `limit` above `after`, or below it if the
/// newest come first. The letters are read once: a text is searched in each of them. `upto` plays
/// no part.
pub async fn find(
    db: &mut PgConnection,
    filter: &Filter<'_>,
    newest_first: bool,
) -> Result<Vec<CountRow>, Error> {
    Ok(sqlx::query_as!(
        CountRow,
        r#"SELECT portal, shop, code AS "code!", count(*) AS "letters!", max(id) AS "newest_id!",
                  min(first_failed_at) AS "oldest!",
                  coalesce((array_agg(id ORDER BY CASE WHEN $8 THEN -id ELSE id END)
                    FILTER (WHERE CASE WHEN $8 THEN id < $9 ELSE id > $9 END)
                  )[:$10::bigint], '{}') AS "page!"
           FROM bridge.open_dead_letters
           WHERE ($1::text IS NULL OR shop = $1) AND ($2::text IS NULL OR portal = $2)
             AND ($3::text IS NULL OR code = $3) AND ($4::text IS NULL OR number = $4)
             AND ($5::timestamptz IS NULL OR last_failed_at >= $5)
             AND ($6::timestamptz IS NULL OR last_failed_at < $6)
             AND ($7::text IS NULL OR strpos(lower(message || ' ' || payload::text), lower($7)) > 0)
           GROUP BY portal, shop, code ORDER BY count(*) DESC, code, portal, shop"#,
        filter.shop,
        filter.portal,
        filter.code,
        filter.number,
        filter.since,
        filter.until,
        filter.text,
        newest_first,
        filter.after,
        filter.limit
    )
    .fetch_all(db)
    .await?)
}

/// How a letter ended.
#[derive(Debug, Clone)]
pub struct ClosedRow {
    /// When the letter was closed.
    pub at: DateTime<Utc>,
    /// What ended it: a retry, a person's word, or something newer.
    pub how: ClosedHow,
    /// The person who closed it; `None` or `bridge`: it closed by itself.
    pub by: Option<String>,
    /// Why it was closed, where somebody said so.
    pub reason: Option<String>,
}

/// How a letter ended; none if it is open or was never there.
pub async fn end(db: &mut PgConnection, id: i64) -> Result<Option<ClosedRow>, Error> {
    Ok(sqlx::query_as!(
        ClosedRow,
        r#"SELECT closed_at AS "at!", closed_how AS "how!: ClosedHow", closed_by AS by,
                  reason
           FROM bridge.dead_letters WHERE id = $1 AND closed_at IS NOT NULL"#,
        id
    )
    .fetch_optional(db)
    .await?)
}

/// One letter, open or closed.
pub async fn any(db: &mut PgConnection, id: i64) -> Result<Option<LetterRow>, Error> {
    Ok(sqlx::query_as!(
        LetterRow,
        r#"SELECT d.id, d.outbox_id, d.change_seq, d.about, d.shop,
                  d.portal, d.number, d.code, d.message,
                  coalesce(c.remedy, '') AS "remedy!", d.attempts, d.first_failed_at,
                  d.last_failed_at, d.payload AS "payload!: Json"
           FROM bridge.dead_letters d LEFT JOIN bridge.codes c USING (code) WHERE d.id = $1"#,
        id
    )
    .fetch_optional(db)
    .await?)
}

/// An open letter by its id; `None` if it is closed or was never there.
pub async fn open(db: &mut PgConnection, id: i64) -> Result<Option<LetterRow>, Error> {
    let filter = Filter {
        // The id may be anything that a caller wrote.
        after: id.saturating_sub(1),
        limit: 1,
        ..Filter::default()
    };
    Ok(list(db, &filter)
        .await?
        .into_iter()
        .find(|letter| letter.id == id))
}

/// Closes an open letter; false if it is closed already.
pub async fn close(
    db: &mut PgConnection,
    id: i64,
    how: ClosedHow,
    by: &str,
    reason: Option<&str>,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.dead_letters SET closed_at = now(), closed_how = $2, closed_by = $3,
         reason = $4
         WHERE id = $1 AND closed_at IS NULL",
        id,
        how as ClosedHow,
        by,
        reason
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// The open letter of an accepted event.
pub async fn of_event(db: &mut PgConnection, event: i64) -> Result<Option<i64>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT id FROM bridge.dead_letters WHERE outbox_id = $1 AND closed_at IS NULL",
        event
    )
    .fetch_optional(db)
    .await?)
}

/// An open letter about an event of an order.
#[derive(Debug, Clone)]
pub struct OpenRow {
    /// The letter's id, by which the API and the commands name it.
    pub id: i64,
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The accepted event; none if it could not be accepted.
    pub outbox_id: Option<i64>,
    /// When it first failed, as far as that can be true.
    pub failed_at: DateTime<Utc>,
    /// What the event tells of its age, laid out as an event.
    pub tells: Json,
}

/// The open letters about events of these orders.
pub async fn open_of_orders(
    db: &mut PgConnection,
    shops: &[String],
    numbers: &[String],
) -> Result<Vec<OpenRow>, Error> {
    Ok(sqlx::query_as!(
        OpenRow,
        r#"SELECT d.id, d.shop AS "shop!", d.number AS "number!", d.outbox_id,
                  least(d.first_failed_at, now()) AS "failed_at!",
                  jsonb_build_object(
                      'type', d.payload -> 'type', 'time', d.payload -> 'time',
                      'data', (SELECT jsonb_object_agg(k, d.payload -> 'data' -> k)
                        FROM UNNEST($3::text[]) AS k)
                  ) AS "tells!: Json"
           FROM UNNEST($1::text[], $2::text[]) AS n (shop, number)
           JOIN bridge.dead_letters d ON d.shop = n.shop AND d.number = n.number
           WHERE d.closed_at IS NULL AND d.change_seq IS NULL AND d.about IS NULL ORDER BY d.id"#,
        shops,
        numbers,
        &AGES.map(str::to_owned)
    )
    .fetch_all(db)
    .await?)
}

/// The open letters of this code about events of these orders, the oldest first.
pub async fn of_orders(
    db: &mut PgConnection,
    orders: Vec<OrderKey>,
    code: &str,
) -> Result<Vec<i64>, Error> {
    if orders.is_empty() {
        return Ok(Vec::new());
    }
    let (shops, numbers) = OrderKey::columns(orders);
    Ok(sqlx::query_scalar!(
        "SELECT d.id FROM UNNEST($1::text[], $2::text[]) AS n (shop, number)
         JOIN bridge.dead_letters d ON d.shop = n.shop AND d.number = n.number
         WHERE d.closed_at IS NULL AND d.outbox_id IS NOT NULL AND d.code = $3
         ORDER BY d.id",
        &shops,
        &numbers,
        code
    )
    .fetch_all(db)
    .await?)
}

/// Members of an event's data that tell how new it is.
const AGES: [&str; 9] = [
    "version",
    "updated_at",
    "created_at",
    "status",
    "status_changed_at",
    "paid",
    "paid_at",
    "completed_at",
    "cancelled",
];

/// Closes open letters by themselves: (letter, how, why).
pub async fn close_by_themselves(
    db: &mut PgConnection,
    ids: &[i64],
    hows: &[ClosedHow],
    reasons: &[String],
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.dead_letters d
         SET closed_at = now(), closed_how = k.how, closed_by = 'bridge', reason = k.reason
         FROM UNNEST($1::bigint[], $2::text[], $3::text[]) AS k (id, how, reason)
         WHERE d.id = k.id AND d.closed_at IS NULL",
        ids,
        hows as &[ClosedHow],
        reasons
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Closes the open letters about these subjects of a shop by themselves.
pub async fn close_subjects(
    db: &mut PgConnection,
    shop: &str,
    subjects: &[String],
    (how, reason): (ClosedHow, &str),
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.dead_letters
         SET closed_at = now(), closed_how = $3, closed_by = 'bridge', reason = $4
         WHERE shop = $1 AND subject = ANY ($2) AND closed_at IS NULL",
        shop,
        subjects,
        how as ClosedHow,
        reason
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Says anew what the open letter about a subject is about.
pub async fn say_of_subject(
    db: &mut PgConnection,
    shop: &str,
    subject: &str,
    message: &str,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.dead_letters SET message = $3
         WHERE shop = $1 AND subject = $2 AND closed_at IS NULL AND message <> $3",
        shop,
        subject,
        message
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The subject that a letter is about, if it is about one.
pub async fn subject(db: &mut PgConnection, id: i64) -> Result<Option<String>, Error> {
    let row = sqlx::query_scalar!("SELECT subject FROM bridge.dead_letters WHERE id = $1", id);
    Ok(row.fetch_optional(db).await?.flatten())
}

/// A letter about a comparison that was closed.
#[derive(Debug, Clone)]
pub struct ComparedRow {
    /// The letter's id, by which the API and the commands name it.
    pub id: i64,
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
}

/// Closes the letters about comparisons and origins of orders that were compared since: (shop,
/// number).
pub async fn compared(
    db: &mut PgConnection,
    shops: &[String],
    numbers: &[String],
) -> Result<Vec<ComparedRow>, Error> {
    Ok(sqlx::query_as!(
        ComparedRow,
        r#"UPDATE bridge.dead_letters d
         SET closed_at = now(), closed_how = 'overtaken', closed_by = 'bridge',
             reason = 'the order was compared since'
         FROM UNNEST($1::text[], $2::text[]) AS k (shop, number)
         WHERE d.shop = k.shop AND d.number = k.number AND d.closed_at IS NULL
           AND d.about IN ('comparison', 'origin')
         RETURNING d.id, k.shop AS "shop!", k.number AS "number!""#,
        shops,
        numbers
    )
    .fetch_all(db)
    .await?)
}

/// Removes letters closed more than this many seconds ago, at most `batch`.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.dead_letters WHERE id IN (
             SELECT id FROM bridge.dead_letters WHERE closed_at < now() - make_interval(secs => $1)
               LIMIT $2
             FOR UPDATE SKIP LOCKED)",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

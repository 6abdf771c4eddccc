//! Submissions of forms: which is a repetition, and what is kept without being delivered.

use crate::storage::{Error, Json};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// A submission on its way in.
#[derive(Debug, Clone)]
pub struct NewSubmission<'a> {
    /// The shop's name in the settings.
    pub shop: &'a str,
    /// The form's name in the settings.
    pub form: &'a str,
    /// `taken`, `robot`, `no_consent` or `too_many`.
    pub verdict: &'a str,
    /// Whether the fingerprint is that of an id of the service.
    pub named: bool,
    /// What tells it from others.
    pub fingerprint: &'a [u8],
    /// Whether a telephone was found in it.
    pub has_phone: bool,
    /// The fields, if it is only kept.
    pub body: Option<&'a Value>,
}

/// Adds a submission unless it came before: at any time where the service gives it an id, else
/// within so many seconds of the first. None for a repetition. Two at once wait for each other.
pub async fn add(
    db: &mut PgConnection,
    new: &NewSubmission<'_>,
    same_within: f64,
) -> Result<Option<i64>, Error> {
    sqlx::query!(
        "SELECT pg_advisory_xact_lock(
             hashtextextended($1 || '/' || $2 || '/' || encode($3, 'hex'), 5))",
        new.shop,
        new.form,
        new.fingerprint
    )
    .execute(&mut *db)
    .await?;
    Ok(sqlx::query_scalar!(
        "INSERT INTO bridge.submissions (shop, form, verdict, named, fingerprint, has_phone, body)
         SELECT $1, $2, $3, $4, $5, $6, $7
         WHERE NOT EXISTS (
             SELECT FROM bridge.submissions s
             WHERE s.shop = $1 AND s.form = $2 AND s.fingerprint = $5
               AND (s.named OR s.received_at > now() - make_interval(secs => $8)))
         RETURNING id",
        new.shop,
        new.form,
        new.verdict,
        new.named,
        new.fingerprint,
        new.has_phone,
        new.body,
        same_within
    )
    .fetch_optional(db)
    .await?)
}

/// A submission as people see it.
#[derive(Debug, Clone)]
pub struct SubmissionRow {
    /// The submission's id: later ones have greater ones.
    pub id: i64,
    /// The shop's name in the settings.
    pub shop: String,
    /// The form's name in the settings.
    pub form: String,
    /// `taken`, `robot`, `no_consent` or `too_many`.
    pub verdict: String,
    /// When it was received.
    pub received_at: DateTime<Utc>,
    /// Its fields; none if it was delivered and pruned.
    pub body: Option<Json>,
    /// Whether it waits to be sent.
    pub waits: bool,
    /// Whether the portal holds it.
    pub done: bool,
    /// Code of the last refusal.
    pub error_code: Option<String>,
    /// The id of its deal in the portal, once there is one.
    pub deal_id: Option<i64>,
    /// The id of its lead in the portal, once there is one.
    pub lead_id: Option<i64>,
    /// The id of its contact in the portal, once there is one.
    pub contact_id: Option<i64>,
}

/// Submissions, newest first: below an id, of a shop, of a verdict.
pub async fn list(
    db: &mut PgConnection,
    (shop, verdict): (Option<&str>, Option<&str>),
    below: i64,
    limit: i64,
) -> Result<Vec<SubmissionRow>, Error> {
    Ok(sqlx::query_as!(
        SubmissionRow,
        r#"SELECT s.id, s.shop, s.form, s.verdict, s.received_at,
                  coalesce(s.body, q.body) AS "body: Json", q.due_at IS NOT NULL AS "waits!",
                  q.done_at IS NOT NULL AS "done!", q.error_code, q.deal_id, q.lead_id, q.contact_id
           FROM bridge.submissions s
           LEFT JOIN bridge.subjects q ON q.shop = s.shop AND q.key = 'form:' || s.id
           WHERE s.id < $3 AND ($1::text IS NULL OR s.shop = $1)
             AND ($2::text IS NULL OR s.verdict = $2)
           ORDER BY s.id DESC LIMIT $4"#,
        shop,
        verdict,
        below,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// A kept submission that is to be delivered after all.
#[derive(Debug, Clone)]
pub struct Restored {
    /// The shop's name in the settings.
    pub shop: String,
    /// The fields that were posted.
    pub body: Option<Value>,
}

/// Takes a kept submission for one to be delivered; none if there is no such.
pub async fn restore(db: &mut PgConnection, id: i64, by: &str) -> Result<Option<Restored>, Error> {
    Ok(sqlx::query_as!(
        Restored,
        "UPDATE bridge.submissions s SET verdict = 'taken', body = NULL, restored_by = $2
         FROM (SELECT id, body FROM bridge.submissions
               WHERE id = $1 AND verdict <> 'taken' FOR UPDATE) o
         WHERE s.id = o.id RETURNING s.shop, o.body",
        id,
        by
    )
    .fetch_optional(db)
    .await?)
}

/// Those of these forms of a shop that had telephones and have none any more: none of the newest
/// `few`, though most of the `many` before them had one.
pub async fn without_phones(
    db: &mut PgConnection,
    (shop, forms): (&str, &[String]),
    few: i64,
    many: i64,
) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT f.form AS "form!" FROM unnest($2::text[]) AS f (form)
           JOIN LATERAL (
               SELECT s.has_phone, row_number() OVER (ORDER BY s.id DESC) AS nth
               FROM (SELECT id, has_phone FROM bridge.submissions
                     WHERE shop = $1 AND form = f.form AND verdict = 'taken'
                     ORDER BY id DESC LIMIT $3::bigint + $4::bigint) s) n ON true
           GROUP BY f.form
           HAVING count(*) FILTER (WHERE nth <= $3) = $3
              AND NOT bool_or(has_phone) FILTER (WHERE nth <= $3)
              AND 2 * count(*) FILTER (WHERE nth > $3 AND has_phone)
                  > count(*) FILTER (WHERE nth > $3)
           ORDER BY f.form"#,
        shop,
        forms,
        few,
        many
    )
    .fetch_all(db)
    .await?)
}

/// Removes what was kept more than a week ago, and what was delivered longer ago than this many
/// seconds; at most `batch`.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.submissions WHERE id IN (
             SELECT s.id FROM bridge.submissions s
             WHERE (s.verdict <> 'taken' AND s.received_at < now() - interval '7 days')
                OR (s.verdict = 'taken' AND s.received_at < now() - make_interval(secs => $1)
                    AND NOT EXISTS (SELECT FROM bridge.subjects q
                                    WHERE q.shop = s.shop AND q.key = 'form:' || s.id))
             ORDER BY s.id LIMIT $2)",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

//! Subjects, brought to a portal beside orders: the same queue, in a table of its own.

use crate::{
    domain::OrderKey,
    storage::{
        Error, Json, Reason, SubjectKind,
        queue::{
            lanes::Lease,
            orders::{AttemptResult, QueueHead, record_tries},
        },
    },
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// Something that was received and is to be brought to a portal.
#[derive(Debug, Clone)]
pub struct NewSubject<'a> {
    /// What it is; products have a way in of their own.
    pub kind: SubjectKind,
    /// The shop's name in the settings.
    pub shop: &'a str,
    /// Its key, unique in the shop: the kind, a colon and an id.
    pub key: &'a str,
    /// The portal's name in the settings.
    pub portal: &'a str,
    /// The order that it is about, or the sale.
    pub order: Option<&'a str>,
    /// What was received, as JSON.
    pub body: &'a Value,
}

/// Adds a subject; it is due at once.
pub async fn add(db: &mut PgConnection, new: &NewSubject<'_>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.subjects
             (shop, key, kind, portal, order_number, body, due_at, waits_since)
         VALUES ($1, $2, $3, $4, $5, $6, now(), now())",
        new.shop,
        new.key,
        new.kind as SubjectKind,
        new.portal,
        new.order,
        new.body
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Puts the notes that wait for one card on another.
pub async fn readdress(
    db: &mut PgConnection,
    shop: &str,
    (from, to): (&str, &str),
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.subjects SET order_number = $3
         WHERE shop = $1 AND order_number = $2 AND kind = 'note' AND done_at IS NULL",
        shop,
        from,
        to
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Adds a snapshot of a subject, or puts it in the place of the one before: it is due at once, with
/// all tries before it; not before nothing of the older one can land any more. An annulled one that
/// says no more than that leaves the rest as it was.
pub async fn put(db: &mut PgConnection, new: &NewSubject<'_>) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.subjects AS s
             (shop, key, kind, portal, order_number, body, due_at, waits_since)
         VALUES ($1, $2, $3, $4, $5, $6, now(), now())
         ON CONFLICT (shop, key) DO UPDATE
         SET body = CASE WHEN excluded.body -> 'lines' IN ('[]', 'null')
                              OR excluded.body -> 'lines' IS NULL
                         THEN s.body || jsonb_strip_nulls(excluded.body - 'lines')
                         ELSE excluded.body END,
             portal = excluded.portal, revision = s.revision + 1,
             due_at = greatest(now(), (SELECT u.lands_until FROM bridge.under_way u
                                       WHERE u.shop = $1 AND u.number = $2)),
             waits_since = coalesce(s.waits_since, now()), attempts = 0, stalls = 0,
             first_failed_at = NULL, error_code = NULL, error_message = NULL, done_at = NULL",
        new.shop,
        new.key,
        new.kind as SubjectKind,
        new.portal,
        new.order,
        new.body
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A subject that is due.
#[derive(Debug, Clone)]
pub struct DueSubject {
    /// The shop's name in the settings.
    pub shop: String,
    /// Its key, unique in the shop: the kind, a colon and an id.
    pub key: String,
    /// Which kind of subject it is.
    pub kind: SubjectKind,
    /// The order that it is about, or the sale.
    pub order_number: Option<String>,
    /// Grows with each newer version of it.
    pub revision: i64,
    /// When it was received.
    pub received_at: DateTime<Utc>,
    /// What was received, as JSON.
    pub body: Json,
    /// What the planner knows of it.
    pub known: Json,
    /// What was under way when it was last worked on, if nobody heard how that ended.
    pub under_way: Option<Json>,
    /// Whether that can no longer land.
    pub landed: bool,
}

/// A row of the catalogue's as a subject: of what was under way nothing is asked here.
macro_rules! of_catalogue {
    ($row:ident, $kind:ident, $product:expr) => {
        $crate::storage::queue::subjects::DueSubject {
            shop: $row.shop,
            key: $row.key,
            kind: $crate::storage::SubjectKind::$kind,
            order_number: $product,
            revision: $row.revision,
            received_at: $row.received_at,
            body: $row.body,
            known: $row.known,
            under_way: None,
            landed: true,
        }
    };
}
pub(in crate::storage) use of_catalogue;

/// The due subjects of these kinds in a lane, the longest due first; what is about an order that is
/// on its way waits for its card. None unless the lease is held.
pub async fn claim(
    db: &mut PgConnection,
    lease: &Lease,
    (shops, kinds): (&[String], &[SubjectKind]),
    limit: i64,
) -> Result<Vec<DueSubject>, Error> {
    Ok(sqlx::query_as!(
        DueSubject,
        r#"SELECT s.shop, s.key, s.kind AS "kind: SubjectKind", s.order_number, s.revision,
                  s.received_at,
                  s.body AS "body: Json",
                  s.known AS "known: Json", u.what AS "under_way?: Json",
                  coalesce(u.lands_until <= now(), true) AS "landed!"
           FROM bridge.subjects s
           LEFT JOIN bridge.under_way u ON u.shop = s.shop AND u.number = s.key
           WHERE s.portal = $1 AND s.kind = ANY($6) AND s.due_at <= now()
             AND s.shop = ANY($2)
             AND NOT bridge.subject_waits(s.kind, s.shop, s.order_number, s.received_at)
             AND EXISTS (SELECT FROM bridge.lanes l
                         WHERE l.portal = $1 AND l.owner = $3 AND l.epoch = $4
                           AND l.lease_until > now() AND l.paused_at IS NULL)
           ORDER BY s.due_at LIMIT $5"#,
        lease.portal,
        shops,
        lease.owner,
        lease.epoch,
        limit,
        kinds as &[SubjectKind]
    )
    .fetch_all(db)
    .await?)
}

/// Whether a form or a missed call of these shops of a portal is due, besides those of these keys.
pub async fn is_urgent(
    db: &mut PgConnection,
    portal: &str,
    (shops, busy): (&[String], &[String]),
) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (
             SELECT FROM bridge.subjects
             WHERE portal = $1 AND kind IN ('form', 'activity') AND due_at <= now()
               AND (kind = 'form' OR body -> 'data' ->> 'missed' = 'true')
               AND shop = ANY($2) AND key <> ALL($3)
               AND NOT bridge.subject_waits(kind, shop, order_number, received_at)) AS "is!""#,
        portal,
        shops,
        busy
    )
    .fetch_one(db)
    .await?)
}

/// Seconds until the next subject of these shops of a portal is due, of those that are no product
/// and no picture; none if nothing waits.
pub async fn next_due(
    db: &mut PgConnection,
    portal: &str,
    shops: &[String],
) -> Result<Option<f64>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT extract(epoch FROM min(due_at) - now())::float8 FROM bridge.subjects
         WHERE portal = $1 AND kind IN ('form', 'activity', 'receipt', 'note')
           AND due_at IS NOT NULL AND shop = ANY($2)
           AND NOT bridge.subject_waits(kind, shop, order_number, received_at)",
        portal,
        shops
    )
    .fetch_one(db)
    .await?)
}

/// Locks these subjects: what of them waits has a head, as an order with an event has.
pub async fn lock(
    db: &mut PgConnection,
    shops: &[String],
    keys: &[String],
) -> Result<Vec<QueueHead>, Error> {
    Ok(sqlx::query_as!(
        QueueHead,
        r#"SELECT s.shop, s.key AS number,
                  CASE WHEN s.due_at IS NOT NULL THEN s.revision END AS head_id,
                  NULL::bigint AS head_version, NULL::timestamptz AS head_updated_at,
                  s.attempts, s.stalls, NULL::jsonb AS "age: Json",
                  NULL::jsonb AS "said: Json",
                  false AS "doubtful!", s.due_at IS NOT NULL AS "waits!",
                  now() AS "now!", s.portal
           FROM UNNEST($1::text[], $2::text[]) AS k (shop, key)
           JOIN bridge.subjects s USING (shop, key)
           ORDER BY s.shop, s.key FOR UPDATE OF s"#,
        shops,
        keys
    )
    .fetch_all(db)
    .await?)
}

/// Records what tries came to; the subjects are locked, and what may still land of them is stored.
/// A lead of which no deal is known is looked at from then on.
pub async fn record(db: &mut PgConnection, tried: &[AttemptResult]) -> Result<(), Error> {
    record_tries!(
        "bridge.subjects",
        "key",
        "done_at = CASE WHEN n.verb = 'done' THEN now() ELSE o.done_at END,
         follow_at = CASE WHEN n.verb = 'done' AND n.lead_id IS NOT NULL AND n.deal_id IS NULL
                          THEN now() + interval '2 seconds' END",
        "",
        "",
        tried
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Gives a state of a subject up, whatever is known of it; tries that were judged, none if nothing
/// of it waits.
pub async fn give_up(
    db: &mut PgConnection,
    (shop, key, revision): (&str, &str, i64),
    reason: Reason<'_>,
) -> Result<Option<i32>, Error> {
    Ok(sqlx::query_scalar!(
        "UPDATE bridge.subjects
         SET due_at = NULL, waits_since = NULL, attempts = attempts + 1, stalls = 0,
             first_failed_at = coalesce(first_failed_at, now()), error_code = $3,
             error_message = $4
         WHERE shop = $1 AND key = $2 AND revision = $5 AND due_at IS NOT NULL RETURNING attempts",
        shop,
        key,
        reason.code.as_str(),
        reason.message,
        revision
    )
    .fetch_optional(db)
    .await?)
}

/// Makes a subject due again, with all tries before it; not before nothing of it can land any more.
/// False if it was done, or is pruned. A mended body takes the place of what was received.
pub async fn wake(
    db: &mut PgConnection,
    (shop, key): (&str, &str),
    mended: Option<&Value>,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.subjects
         SET due_at = greatest(now(), (SELECT u.lands_until FROM bridge.under_way u
                                       WHERE u.shop = $1 AND u.number = $2)),
             waits_since = coalesce(waits_since, now()), attempts = 0, stalls = 0,
             first_failed_at = NULL, body = coalesce($3, body)
         WHERE shop = $1 AND key = $2 AND done_at IS NULL",
        shop,
        key,
        mended
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes what was done, or given up and let go, more than this many seconds ago; at most `batch`.
/// Products and pictures stay: they are what is known of the portal's catalogue.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.subjects s USING (
             SELECT shop, key FROM bridge.subjects o
             WHERE kind NOT IN ('product', 'picture')
               AND (done_at < now() - make_interval(secs => $1)
                OR (done_at IS NULL AND due_at IS NULL
                    AND received_at < now() - make_interval(secs => $1)
                    AND NOT EXISTS (SELECT FROM bridge.dead_letters d
                                    WHERE d.shop = o.shop AND d.subject = o.key
                                      AND d.closed_at IS NULL)))
             LIMIT $2) AS old
         WHERE s.shop = old.shop AND s.key = old.key",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// A lead of a subject of which no deal is known.
#[derive(Debug, Clone)]
pub struct FollowedLead {
    /// The shop's name in the settings.
    pub shop: String,
    /// The subject's key, unique in the shop.
    pub key: String,
    /// The id of the lead in the portal.
    pub lead_id: i64,
}

/// The leads of a lane that are to be looked at, the longest due first. None unless the lease is
/// held.
pub async fn to_follow(
    db: &mut PgConnection,
    lease: &Lease,
    shops: &[String],
    limit: i64,
) -> Result<Vec<FollowedLead>, Error> {
    Ok(sqlx::query_as!(
        FollowedLead,
        r#"SELECT shop, key, lead_id AS "lead_id!" FROM bridge.subjects
           WHERE portal = $1 AND follow_at <= now() AND shop = ANY($2)
             AND EXISTS (SELECT FROM bridge.lanes l
                         WHERE l.portal = $1 AND l.owner = $3 AND l.epoch = $4
                           AND l.lease_until > now() AND l.paused_at IS NULL)
           ORDER BY follow_at LIMIT $5"#,
        lease.portal,
        shops,
        lease.owner,
        lease.epoch,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Seconds until the next lead of these shops of a portal is to be looked at; none if none is.
pub async fn next_to_follow(
    db: &mut PgConnection,
    portal: &str,
    shops: &[String],
) -> Result<Option<f64>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT extract(epoch FROM min(follow_at) - now())::float8 FROM bridge.subjects
         WHERE portal = $1 AND follow_at IS NOT NULL AND shop = ANY($2)",
        portal,
        shops
    )
    .fetch_one(db)
    .await?)
}

/// What became of a lead.
#[derive(Debug, Clone)]
pub struct WhatBecame {
    /// The shop's name in the settings.
    pub shop: String,
    /// The subject's key, unique in the shop.
    pub key: String,
    /// The deal that was made of it.
    pub deal_id: Option<i64>,
    /// The id of its contact in the portal, if there is one.
    pub contact_id: Option<i64>,
}

/// Stores what became of leads that are followed. A lead of which no deal is known is looked at
/// again when it is half as old again, within the hour at the latest. The subjects that were still
/// followed.
pub async fn followed(
    db: &mut PgConnection,
    became: &[WhatBecame],
) -> Result<Vec<OrderKey>, Error> {
    let shops: Vec<String> = became.iter().map(|one| one.shop.clone()).collect();
    let keys: Vec<String> = became.iter().map(|one| one.key.clone()).collect();
    let deals: Vec<Option<i64>> = became.iter().map(|one| one.deal_id).collect();
    let contacts: Vec<Option<i64>> = became.iter().map(|one| one.contact_id).collect();
    let still = sqlx::query_as!(
        OrderKey,
        "UPDATE bridge.subjects s
         SET deal_id = coalesce(n.deal_id, s.deal_id),
             contact_id = coalesce(n.contact_id, s.contact_id),
             follow_at = CASE WHEN n.deal_id IS NULL
                              THEN now() + least(interval '1 hour',
                                       greatest(interval '2 seconds', (now() - s.done_at) / 2)) END
         FROM UNNEST($1::text[], $2::text[], $3::bigint[], $4::bigint[])
              AS n (shop, key, deal_id, contact_id)
         WHERE s.shop = n.shop AND s.key = n.key AND s.follow_at IS NOT NULL
         RETURNING s.shop, s.key AS number",
        &shops,
        &keys,
        &deals as &[Option<i64>],
        &contacts as &[Option<i64>]
    );
    Ok(still.fetch_all(db).await?)
}

//! Products of shops: their newest states wait in the queue of subjects, and stay there when they
//! are settled, with what is known of them in the portal.

use super::{
    Error, Json,
    queue::{
        lanes::Lease,
        subjects::{DueSubject, of_catalogue},
    },
};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// The identity of an event about a product.
#[derive(Debug, Clone)]
pub struct NewProductEvent {
    /// The shop's name in the settings.
    pub shop: String,
    /// `source` of the event: with the id its identity.
    pub source: String,
    /// `id` of the event, unique within the source.
    pub event_id: String,
    /// SHA-256 of the event.
    pub fingerprint: Vec<u8>,
}

/// Adds an event unless one with its identity came before; false then.
pub async fn add_event(db: &mut PgConnection, new: &NewProductEvent) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO bridge.product_events (shop, source, event_id, fingerprint)
         VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        new.shop,
        new.source,
        new.event_id,
        new.fingerprint
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether the event that came before under this identity was the same.
pub async fn is_same_event(db: &mut PgConnection, new: &NewProductEvent) -> Result<bool, Error> {
    let before = sqlx::query_scalar!(
        "SELECT fingerprint FROM bridge.product_events
         WHERE shop = $1 AND source = $2 AND event_id = $3",
        new.shop,
        new.source,
        new.event_id
    )
    .fetch_optional(db)
    .await?;
    // Pruned between two statements: it was here.
    Ok(before.is_none_or(|before| before == new.fingerprint))
}

/// Removes the identities of events that came longer ago than this many seconds; at most `batch`.
pub async fn prune_events(
    db: &mut PgConnection,
    older_than: f64,
    batch: i64,
) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.product_events WHERE (shop, source, event_id) IN (
             SELECT shop, source, event_id FROM bridge.product_events
             WHERE received_at < now() - make_interval(secs => $1)
             ORDER BY received_at LIMIT $2)",
        older_than,
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// A state of a product.
#[derive(Debug, Clone)]
pub struct ProductState<'a> {
    /// The shop's name in the settings.
    pub shop: &'a str,
    /// The product's key in the shop's queue: `product:` and the shop's id.
    pub key: &'a str,
    /// The portal's name in the settings.
    pub portal: &'a str,
    /// The event as it was accepted.
    pub body: &'a Value,
}

/// Adds the first state of a product, due at once; false if there is one.
pub async fn add(db: &mut PgConnection, new: &ProductState<'_>) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO bridge.subjects (shop, key, kind, portal, body, revision, due_at, waits_since)
         VALUES ($1, $2, 'product', $3, $4, 1, now(), now()) ON CONFLICT DO NOTHING",
        new.shop,
        new.key,
        new.portal,
        new.body
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Locks a product and reads its newest state.
pub async fn lock(db: &mut PgConnection, shop: &str, key: &str) -> Result<Option<Json>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT body AS "body: Json" FROM bridge.subjects
           WHERE shop = $1 AND key = $2 AND kind = 'product' FOR UPDATE"#,
        shop,
        key
    )
    .fetch_optional(db)
    .await?)
}

/// Locks products in the order of their keys, and reads the newest state of each.
pub async fn lock_all(
    db: &mut PgConnection,
    shop: &str,
    keys: &[String],
) -> Result<Vec<(String, Json)>, Error> {
    let rows = sqlx::query!(
        r#"SELECT key, body AS "body: Json" FROM bridge.subjects
           WHERE shop = $1 AND key = ANY($2) AND kind = 'product' ORDER BY key FOR UPDATE"#,
        shop,
        keys
    );
    let rows = rows.fetch_all(db).await?.into_iter();
    Ok(rows.map(|row| (row.key, row.body)).collect())
}

/// Puts a newer state in the place of a locked product's, with all tries before it: due at once, or
/// when nothing of an older one can land any more. In another portal nothing is known of it.
pub async fn replace(db: &mut PgConnection, new: &ProductState<'_>) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.subjects s
         SET body = $4, revision = revision + 1, received_at = now(), done_at = NULL,
             known = CASE WHEN portal = $3 THEN known ELSE '{}' END, portal = $3,
             due_at = greatest(now(), (SELECT u.lands_until FROM bridge.under_way u
                                       WHERE u.shop = $1 AND u.number = $2)),
             waits_since = coalesce(waits_since, now()), attempts = 0, stalls = 0,
             first_failed_at = NULL, error_code = NULL, error_message = NULL
         WHERE shop = $1 AND key = $2",
        new.shop,
        new.key,
        new.portal,
        new.body
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Writes down which variations a product has.
pub async fn has_variations(
    db: &mut PgConnection,
    shop: &str,
    key: &str,
    ids: &[String],
) -> Result<bool, Error> {
    let some = sqlx::query_scalar!(
        r#"SELECT bridge.product_has_variations($1, $2, $3) AS "it!""#,
        shop,
        key,
        ids
    );
    Ok(some.fetch_one(db).await?)
}

/// The due products of a lane, the longest due first, with what of each may have been under way
/// when nobody heard of it any more. None while some of that may still land, and none unless the
/// lease is held.
pub async fn claim(
    db: &mut PgConnection,
    lease: &Lease,
    shops: &[String],
    limit: i64,
) -> Result<Vec<DueProduct>, Error> {
    let rows = sqlx::query!(
        r#"SELECT s.shop, s.key, s.revision, s.received_at, s.body AS "body: Json",
                  s.known AS "known: Json", u.shop IS NOT NULL AS "doubtful!"
           FROM bridge.subjects s
           LEFT JOIN bridge.under_way u ON u.shop = s.shop AND u.number = s.key
           WHERE s.portal = $1 AND s.kind = 'product' AND s.due_at <= now() AND s.shop = ANY($2)
             AND NOT EXISTS (SELECT FROM bridge.under_way l
                             JOIN bridge.subjects p ON p.shop = l.shop AND p.key = l.number
                             WHERE l.portal = $1 AND l.lands_until > now()
                               AND p.kind = 'product')
             AND EXISTS (SELECT FROM bridge.lanes l
                         WHERE l.portal = $1 AND l.owner = $3 AND l.epoch = $4
                           AND l.lease_until > now() AND l.paused_at IS NULL)
           ORDER BY s.due_at LIMIT $5"#,
        lease.portal,
        shops,
        lease.owner,
        lease.epoch,
        limit
    )
    .fetch_all(db)
    .await?;
    let due = rows.into_iter().map(|row| DueProduct {
        doubtful: row.doubtful,
        due: of_catalogue!(row, Product, None),
    });
    Ok(due.collect())
}

/// A product that is due.
#[derive(Debug, Clone)]
pub struct DueProduct {
    /// Whether something of it was under way of which nobody has heard.
    pub doubtful: bool,
    /// The product as it waits in the queue.
    pub due: DueSubject,
}

/// Seconds until products of these shops of a portal can be taken up; none if none waits.
pub async fn next_due(
    db: &mut PgConnection,
    portal: &str,
    shops: &[String],
) -> Result<Option<f64>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT extract(epoch FROM greatest(
                    min(s.due_at),
                    (SELECT max(u.lands_until) FROM bridge.under_way u
                     JOIN bridge.subjects p ON p.shop = u.shop AND p.key = u.number
                     WHERE u.portal = $1 AND p.kind = 'product')) - now())::float8
         FROM bridge.subjects s
         WHERE s.portal = $1 AND s.kind = 'product' AND s.due_at IS NOT NULL
           AND s.shop = ANY($2)
         HAVING min(s.due_at) IS NOT NULL",
        portal,
        shops
    )
    .fetch_optional(db)
    .await?
    .flatten())
}

/// Makes all products of a shop due, with all tries before them, each to be looked for in the
/// portal again; how many.
pub async fn wake_all(db: &mut PgConnection, shop: &str) -> Result<u64, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.subjects s
         SET revision = revision + 1, done_at = NULL, attempts = 0, stalls = 0,
             first_failed_at = NULL, error_code = NULL, error_message = NULL,
             due_at = greatest(now(), (SELECT u.lands_until FROM bridge.under_way u
                                       WHERE u.shop = s.shop AND u.number = s.key)),
             waits_since = coalesce(waits_since, now()),
             known = CASE WHEN jsonb_typeof(known -> 'product') = 'object'
                       THEN jsonb_set(known, '{product,unproved}', 'true') ELSE known END
         WHERE shop = $1 AND kind = 'product'",
        shop
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// How many products of a shop there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProductCounts {
    /// Those that wait for the portal.
    pub waiting: i64,
    /// Those that the portal has.
    pub linked: i64,
    /// Those that were given up.
    pub dead: i64,
}

/// How many products of a shop there are.
pub async fn counts(db: &mut PgConnection, shop: &str) -> Result<ProductCounts, Error> {
    Ok(sqlx::query_as!(
        ProductCounts,
        r#"SELECT count(*) FILTER (WHERE due_at IS NOT NULL) AS "waiting!",
                  count(*) FILTER (WHERE done_at IS NOT NULL) AS "linked!",
                  count(*) FILTER (WHERE due_at IS NULL AND done_at IS NULL) AS "dead!"
           FROM bridge.subjects WHERE shop = $1 AND kind = 'product'"#,
        shop
    )
    .fetch_one(db)
    .await?)
}

/// The next products of a shop after this key.
pub async fn page(
    db: &mut PgConnection,
    shop: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<DueProduct>, Error> {
    let rows = sqlx::query!(
        r#"SELECT s.shop, s.key, s.revision, s.received_at, s.body AS "body: Json",
                  s.known AS "known: Json"
           FROM bridge.subjects s
           WHERE s.shop = $1 AND s.kind = 'product' AND s.key > $2 ORDER BY s.key LIMIT $3"#,
        shop,
        after,
        limit
    )
    .fetch_all(db)
    .await?;
    let page = rows.into_iter().map(|row| DueProduct {
        // What is known of it is not relied on.
        doubtful: true,
        due: of_catalogue!(row, Product, None),
    });
    Ok(page.collect())
}

/// A product as people see it.
#[derive(Debug, Clone)]
pub struct ProductRow {
    /// The product's key in the shop's queue.
    pub key: String,
    /// What the shop calls it.
    pub name: Option<String>,
    /// When its newest state was received.
    pub received_at: DateTime<Utc>,
    /// Whether it waits for the portal.
    pub waits: bool,
    /// Whether the portal has it.
    pub done: bool,
    /// Code of the last refusal.
    pub error_code: Option<String>,
    /// What was said with that code, in the portal's words or the bridge's.
    pub error_message: Option<String>,
    /// Its id in the portal.
    pub bitrix_id: Option<i64>,
    /// How many of its pictures were given up.
    pub pictures_refused: i64,
}

/// Products of a shop by key, after this one; only those that are not in step, if that is asked.
pub async fn list(
    db: &mut PgConnection,
    (shop, after): (&str, &str),
    only_open: bool,
    limit: i64,
) -> Result<Vec<ProductRow>, Error> {
    Ok(sqlx::query_as!(
        ProductRow,
        r#"SELECT key, body -> 'data' ->> 'name' AS name, received_at,
                  due_at IS NOT NULL AS "waits!", done_at IS NOT NULL AS "done!", error_code,
                  error_message, (known -> 'product' -> 'own' ->> 'id')::bigint AS bitrix_id,
                  (SELECT count(*) FROM bridge.subjects i
                   WHERE i.shop = s.shop AND i.order_number = s.key AND i.kind = 'picture'
                     AND i.done_at IS NULL AND i.due_at IS NULL) AS "pictures_refused!"
           FROM bridge.subjects s
           WHERE shop = $1 AND kind = 'product' AND key > $2
             AND (NOT $3 OR done_at IS NULL
                  OR EXISTS (SELECT FROM bridge.subjects i
                             WHERE i.shop = s.shop AND i.order_number = s.key
                               AND i.kind = 'picture' AND i.done_at IS NULL))
           ORDER BY key LIMIT $4"#,
        shop,
        after,
        only_open,
        limit
    )
    .fetch_all(db)
    .await?)
}

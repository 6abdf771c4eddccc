//! Pictures of products: subjects of a kind of their own, which wait for their product and stay
//! when they are settled, with what is known of them in the portal.

use super::{
    Error, Json,
    queue::{
        lanes::Lease,
        subjects::{DueSubject, of_catalogue},
    },
};
use crate::domain::{OrderKey, PictureFile};
use serde_json::Value;
use sqlx::PgConnection;

/// A product, and in which state the shop last spoke of its pictures.
#[derive(Debug, Clone)]
pub struct PicturedProduct {
    /// The shop's name in the settings.
    pub shop: String,
    /// The product's key.
    pub product: String,
    /// The product's revision.
    pub revision: i64,
}

/// A picture that the shop names.
#[derive(Debug, Clone)]
pub struct NamedPicture {
    /// The shop's name in the settings.
    pub shop: String,
    /// Its key in the queue of subjects.
    pub key: String,
    /// The key of its product.
    pub product: String,
    /// What is known of it: its address, its place, the product's revision.
    pub body: Value,
}

/// Stores which pictures products are to have. One whose file is awaited is due in an hour, each
/// other at once. Each is due once for each state of its product, with
/// all tries before it; so is each that the shop names no more. What is stored already is not
/// touched. `busy`: the keys of those that are being brought. Those of which something changed.
pub async fn name(
    db: &mut PgConnection,
    portal: &str,
    products: &[PicturedProduct],
    (pictures, busy): (&[NamedPicture], &[String]),
) -> Result<Vec<OrderKey>, Error> {
    let shops: Vec<&str> = pictures.iter().map(|one| &*one.shop).collect();
    let keys: Vec<&str> = pictures.iter().map(|one| &*one.key).collect();
    let of: Vec<&str> = pictures.iter().map(|one| &*one.product).collect();
    let bodies: Vec<&Value> = pictures.iter().map(|one| &one.body).collect();
    let mut due = sqlx::query_as!(
        OrderKey,
        "INSERT INTO bridge.subjects AS s
             (shop, key, kind, portal, order_number, body, due_at, waits_since)
         SELECT n.shop, n.key, 'picture', $1, n.product, n.body,
                now() + CASE WHEN n.body ? 'awaited' THEN interval '1 hour'
                        ELSE interval '0' END, now()
         FROM UNNEST($2::text[], $3::text[], $4::text[], $5::jsonb[])
              AS n (shop, key, product, body)
         ORDER BY n.shop, n.key
         ON CONFLICT (shop, key) DO UPDATE
         SET body = excluded.body, portal = excluded.portal, revision = s.revision + 1,
             known = CASE WHEN s.portal = excluded.portal THEN s.known ELSE '{}' END,
             due_at = greatest(excluded.due_at, (SELECT u.lands_until FROM bridge.under_way u
                                                 WHERE u.shop = s.shop AND u.number = s.key)),
             waits_since = coalesce(s.waits_since, now()), received_at = now(), attempts = 0,
             stalls = 0, first_failed_at = NULL, error_code = NULL, error_message = NULL,
             done_at = NULL
         WHERE s.body <> excluded.body OR s.portal <> excluded.portal
         RETURNING s.shop, s.key AS number",
        portal,
        &shops as &[&str],
        &keys as &[&str],
        &of as &[&str],
        &bodies as &[&Value]
    )
    .fetch_all(&mut *db)
    .await?;
    let shops: Vec<&str> = products.iter().map(|one| &*one.shop).collect();
    let keys: Vec<&str> = products.iter().map(|one| &*one.product).collect();
    let revisions: Vec<i64> = products.iter().map(|one| one.revision).collect();
    // Where nothing may be on the card, or that is another portal's, nothing is to be done.
    let withdrawn = sqlx::query_as!(
        OrderKey,
        "WITH gone AS MATERIALIZED (
             SELECT s.shop, s.key, n.revision,
                    s.portal <> $4
                    OR s.known ->> 'picture' IS NULL AND s.key <> ALL($5)
                       AND NOT EXISTS (SELECT FROM bridge.under_way u
                                       WHERE u.shop = s.shop AND u.number = s.key) AS nothing
             FROM UNNEST($1::text[], $2::text[], $3::bigint[]) AS n (shop, product, revision)
             JOIN bridge.subjects s ON s.shop = n.shop AND s.order_number = n.product
             WHERE s.kind = 'picture' AND (s.body ->> 'of')::bigint <> n.revision
               AND (s.body ->> 'shown')::boolean
             ORDER BY s.shop, s.key FOR UPDATE OF s)
         UPDATE bridge.subjects s
         SET body = s.body || jsonb_build_object('shown', false, 'of', g.revision),
             revision = s.revision + 1, portal = $4,
             known = CASE WHEN s.portal = $4 THEN s.known ELSE '{}' END,
             due_at = CASE WHEN NOT g.nothing THEN
                 greatest(now(), (SELECT u.lands_until FROM bridge.under_way u
                                  WHERE u.shop = s.shop AND u.number = s.key)) END,
             waits_since = CASE WHEN NOT g.nothing THEN coalesce(s.waits_since, now()) END,
             done_at = CASE WHEN g.nothing THEN now() END,
             received_at = now(), attempts = 0, stalls = 0, first_failed_at = NULL,
             error_code = NULL, error_message = NULL
         FROM gone g WHERE s.shop = g.shop AND s.key = g.key
         RETURNING s.shop, s.key AS number",
        &shops as &[&str],
        &keys as &[&str],
        &revisions,
        portal,
        busy
    )
    .fetch_all(db)
    .await?;
    due.extend(withdrawn);
    Ok(due)
}

/// A picture that is due.
#[derive(Debug, Clone)]
pub struct DuePicture {
    /// The picture, as it waits.
    pub due: DueSubject,
    /// The id in the portal of what it is of: its product, or a variation.
    pub element: i64,
    /// Whether it is of a variation that is not there.
    pub astray: bool,
    /// The file that was under way when nobody heard of it any more.
    pub sent: Option<String>,
    /// Whether another picture of the product is the same file in the portal.
    pub shared: bool,
}

/// The due pictures of a lane whose products are in the portal, the longest due first, and those of
/// a product in the shop's order. None of a product of which something may still land, none that
/// stands at one of the hosts that rest, and none unless the lease is held.
pub async fn claim(
    db: &mut PgConnection,
    lease: &Lease,
    (shops, resting): (&[String], &[String]),
    limit: i64,
) -> Result<Vec<DuePicture>, Error> {
    let rows = sqlx::query!(
        r#"SELECT s.shop, s.key, s.order_number, s.revision, s.received_at,
                  s.body AS "body: Json", s.known AS "known: Json",
                  coalesce(p.known -> 'product' -> 'variations' -> (s.body ->> 'variation')
                               ->> 'id',
                           p.known -> 'product' -> 'own' ->> 'id')::bigint AS "element!",
                  s.body ? 'variation'
                      AND p.known -> 'product' -> 'variations' -> (s.body ->> 'variation') IS NULL
                      AS "astray!",
                  (SELECT u.what ->> 'plan' FROM bridge.under_way u
                   WHERE u.shop = s.shop AND u.number = s.key) AS sent,
                  EXISTS (SELECT FROM bridge.subjects o
                          WHERE o.shop = s.shop AND o.order_number = s.order_number
                            AND o.kind = 'picture' AND o.key <> s.key
                            AND (o.body ->> 'shown')::boolean
                            AND o.known -> 'picture' -> 'image' = s.known -> 'picture' -> 'image')
                      AS "shared!"
           FROM bridge.subjects s
           JOIN bridge.subjects p ON p.shop = s.shop AND p.key = s.order_number
           WHERE s.portal = $1 AND s.kind = 'picture' AND s.due_at <= now() AND s.shop = ANY($2)
             AND p.done_at IS NOT NULL AND p.portal = s.portal
             AND p.known -> 'product' -> 'own' ->> 'id' IS NOT NULL
             AND coalesce(lower(split_part(s.body ->> 'address', '/', 3)) <> ALL($6), true)
             AND NOT EXISTS (SELECT FROM bridge.under_way u
                             JOIN bridge.subjects l ON l.shop = u.shop AND l.key = u.number
                             WHERE u.portal = $1 AND u.lands_until > now() AND l.kind = 'picture'
                               AND l.shop = s.shop AND l.order_number = s.order_number)
             AND EXISTS (SELECT FROM bridge.lanes l
                         WHERE l.portal = $1 AND l.owner = $3 AND l.epoch = $4
                           AND l.lease_until > now() AND l.paused_at IS NULL)
           ORDER BY s.due_at, (s.body ->> 'place')::bigint, s.key LIMIT $5"#,
        lease.portal,
        shops,
        lease.owner,
        lease.epoch,
        limit,
        resting
    )
    .fetch_all(db)
    .await?;
    let due = rows.into_iter().map(|row| DuePicture {
        element: row.element,
        astray: row.astray,
        sent: row.sent.filter(|name| !name.is_empty()),
        shared: row.shared,
        due: of_catalogue!(row, Picture, row.order_number),
    });
    Ok(due.collect())
}

/// Seconds until pictures of these shops of a portal can be taken up; none if none waits for
/// anything but its product, or a host that rests.
pub async fn next_due(
    db: &mut PgConnection,
    portal: &str,
    (shops, resting): (&[String], &[String]),
) -> Result<Option<f64>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT extract(epoch FROM greatest(
                    d.due_at,
                    (SELECT max(u.lands_until) FROM bridge.under_way u
                     JOIN bridge.subjects p ON p.shop = u.shop AND p.key = u.number
                     WHERE u.portal = $1 AND p.kind = 'picture')) - now())::float8
         FROM (SELECT s.due_at FROM bridge.subjects s
               WHERE s.portal = $1 AND s.kind = 'picture' AND s.due_at IS NOT NULL
                 AND s.shop = ANY($2)
                 AND coalesce(lower(split_part(s.body ->> 'address', '/', 3)) <> ALL($3), true)
                 AND NOT bridge.subject_waits(s.kind, s.shop, s.order_number, s.received_at)
               ORDER BY s.due_at LIMIT 1) d",
        portal,
        shops,
        resting
    )
    .fetch_optional(db)
    .await?
    .flatten())
}

/// A picture as it is known.
#[derive(Debug, Clone)]
pub struct PictureRow {
    /// Its key in the queue of subjects.
    pub key: String,
    /// The key of its product.
    pub product: String,
    /// What the shop said of it.
    pub body: Json,
    /// What is known of it in the portal.
    pub known: Json,
    /// The id in the portal of what it is of: its product, or a variation.
    pub element: Option<i64>,
    /// What was said when it was refused last.
    pub error: Option<String>,
}

/// The pictures of products of a shop.
pub async fn of_products(
    db: &mut PgConnection,
    shop: &str,
    products: &[String],
) -> Result<Vec<PictureRow>, Error> {
    Ok(sqlx::query_as!(
        PictureRow,
        r#"SELECT s.key, s.order_number AS "product!", s.body AS "body: Json",
                  s.known AS "known: Json", s.error_message AS error,
                  coalesce(p.known -> 'product' -> 'variations' -> (s.body ->> 'variation')
                               ->> 'id',
                           p.known -> 'product' -> 'own' ->> 'id')::bigint AS element
           FROM bridge.subjects s
           JOIN bridge.subjects p ON p.shop = s.shop AND p.key = s.order_number
           WHERE s.shop = $1 AND s.kind = 'picture' AND s.order_number = ANY($2)
           ORDER BY s.order_number, (s.body ->> 'place')::bigint, s.key"#,
        shop,
        products
    )
    .fetch_all(db)
    .await?)
}

/// Keeps files that came with a product of a shop; what is kept already stays longer.
pub async fn keep_files(
    db: &mut PgConnection,
    (shop, product): (&str, &str),
    files: &[PictureFile],
) -> Result<(), Error> {
    let digests: Vec<&str> = files.iter().map(|file| &*file.digest).collect();
    let contents: Vec<&[u8]> = files.iter().map(|file| &*file.content).collect();
    sqlx::query!(
        "INSERT INTO bridge.picture_files AS f (shop, product, digest, content)
         SELECT $1, $2, n.digest, n.content
         FROM UNNEST($3::text[], $4::bytea[]) AS n (digest, content) ORDER BY n.digest
         ON CONFLICT (shop, product, digest) DO UPDATE SET came_at = now()",
        shop,
        product,
        &digests as &[&str],
        &contents as &[&[u8]]
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What is in a file of a product; none if it is kept no more.
pub async fn file(
    db: &mut PgConnection,
    (shop, product): (&str, &str),
    digest: &str,
) -> Result<Option<Vec<u8>>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT content FROM bridge.picture_files
         WHERE shop = $1 AND product = $2 AND digest = $3",
        shop,
        product,
        digest
    )
    .fetch_optional(db)
    .await?)
}

/// Removes files that are needed no more: an hour after they came, and not while their product or a
/// picture of it is due or has an open letter; at most `batch`.
pub async fn prune_files(db: &mut PgConnection, batch: i64) -> Result<u64, Error> {
    let done = sqlx::query!(
        "DELETE FROM bridge.picture_files WHERE (shop, product, digest) IN (
             SELECT f.shop, f.product, f.digest FROM bridge.picture_files f
             WHERE f.came_at < now() - interval '1 hour'
               AND NOT EXISTS (
                   SELECT FROM bridge.subjects s
                   WHERE s.shop = f.shop AND s.done_at IS NULL
                     AND (s.key = f.product OR s.order_number = f.product)
                     AND (s.due_at IS NOT NULL
                          OR EXISTS (SELECT FROM bridge.dead_letters d
                                     WHERE d.shop = s.shop AND d.subject = s.key
                                       AND d.closed_at IS NULL)))
             LIMIT $1)",
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

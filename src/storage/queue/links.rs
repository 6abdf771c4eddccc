//! Links: which thing in the portal stands for which thing of a shop.

use crate::storage::{Error, LinkEntity};
use sqlx::PgConnection;

/// A thing of the shop and the thing in the portal that stands for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// What stands for it.
    pub entity: LinkEntity,
    /// What the shop calls it: the key of the order, customer, firm or product.
    pub key: String,
    /// Its id in the portal.
    pub bitrix_id: i64,
}

/// The links of these things: (entity, key).
pub async fn find(
    db: &mut PgConnection,
    portal: &str,
    entities: &[LinkEntity],
    keys: &[String],
) -> Result<Vec<Link>, Error> {
    Ok(sqlx::query_as!(
        Link,
        r#"SELECT l.entity AS "entity: LinkEntity", l.key, l.bitrix_id
         FROM (SELECT DISTINCT entity, key FROM UNNEST($2::text[], $3::text[]) AS k (entity, key)) k
         JOIN bridge.links l ON l.portal = $1 AND l.entity = k.entity AND l.key = k.key"#,
        portal,
        entities as &[LinkEntity],
        keys
    )
    .fetch_all(db)
    .await?)
}

/// Takes a card from whatever it is linked to under these keys.
pub async fn cut(
    db: &mut PgConnection,
    (portal, entity): (&str, LinkEntity),
    prefix: &str,
    bitrix_id: i64,
) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM bridge.links WHERE portal = $1 AND entity = $2 AND starts_with(key, $3)
           AND bitrix_id = $4",
        portal,
        entity as LinkEntity,
        prefix,
        bitrix_id
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Makes or changes links; no key twice.
pub async fn put(db: &mut PgConnection, portal: &str, links: &[Link]) -> Result<(), Error> {
    let entities: Vec<LinkEntity> = links.iter().map(|l| l.entity).collect();
    let keys: Vec<String> = links.iter().map(|l| l.key.clone()).collect();
    let ids: Vec<i64> = links.iter().map(|l| l.bitrix_id).collect();
    sqlx::query!(
        "INSERT INTO bridge.links AS l (portal, entity, key, bitrix_id)
         SELECT $1, * FROM UNNEST($2::text[], $3::text[], $4::bigint[]) AS n
           (entity, key, bitrix_id) ORDER BY entity, key
         ON CONFLICT (portal, entity, key) DO UPDATE
           SET bitrix_id = excluded.bitrix_id, changed_at = now()
         WHERE l.bitrix_id <> excluded.bitrix_id",
        portal,
        &entities as &[LinkEntity],
        &keys,
        &ids
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Removes the links of these things.
pub async fn remove(
    db: &mut PgConnection,
    portal: &str,
    entities: &[LinkEntity],
    keys: &[String],
) -> Result<(), Error> {
    sqlx::query!(
        "DELETE FROM bridge.links l USING UNNEST($2::text[], $3::text[]) AS k (entity, key)
         WHERE l.portal = $1 AND l.entity = k.entity AND l.key = k.key",
        portal,
        entities as &[LinkEntity],
        keys
    )
    .execute(db)
    .await?;
    Ok(())
}

/// An order, and the products that its rows name and that nothing in the portal stands for yet: by
/// the keys of their links.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnlinkedRows {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number there.
    pub number: String,
    /// What links to the products will be called.
    pub products: Vec<String>,
}

/// Stores which products the rows of orders wait for, in place of what was stored before; the
/// orders are locked.
pub async fn note_unlinked(
    db: &mut PgConnection,
    portal: &str,
    rows: &[UnlinkedRows],
) -> Result<(), Error> {
    let shops: Vec<&str> = rows.iter().map(|row| &*row.shop).collect();
    let numbers: Vec<&str> = rows.iter().map(|row| &*row.number).collect();
    sqlx::query!(
        "DELETE FROM bridge.unlinked_rows u USING UNNEST($1::text[], $2::text[]) AS n (shop, number)
         WHERE u.shop = n.shop AND u.number = n.number",
        &shops as &[&str],
        &numbers as &[&str]
    )
    .execute(&mut *db)
    .await?;
    let (mut keys, mut shops, mut numbers) = (Vec::new(), Vec::new(), Vec::new());
    for row in rows {
        for key in &row.products {
            keys.push(&**key);
            shops.push(&*row.shop);
            numbers.push(&*row.number);
        }
    }
    if keys.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "INSERT INTO bridge.unlinked_rows (portal, key, shop, number)
         SELECT $1, * FROM UNNEST($2::text[], $3::text[], $4::text[]) ON CONFLICT DO NOTHING",
        portal,
        &keys as &[&str],
        &shops as &[&str],
        &numbers as &[&str]
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Makes orders of these portals due whose rows wait for products that are linked by now; `keys`:
/// only for these links. The portals of which some were. One that is being settled, or that waits
/// anyway, notes again what it still lacks; one that is given up is left to people.
pub async fn wake_linked(
    db: &mut PgConnection,
    portals: &[String],
    keys: Option<&[String]>,
) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        r#"WITH known AS (
               SELECT DISTINCT u.portal, u.shop, u.number FROM bridge.unlinked_rows u
               JOIN bridge.links l
                 ON l.portal = u.portal AND l.entity = 'product' AND l.key = u.key
               WHERE u.portal = ANY($1) AND ($2::text[] IS NULL OR u.key = ANY($2))
           ), held AS (
               SELECT o.shop, o.number FROM bridge.orders o
               JOIN known k USING (shop, number, portal)
               ORDER BY o.shop, o.number FOR UPDATE OF o SKIP LOCKED
           ), woken AS (
               UPDATE bridge.orders o
               SET due_at = greatest(now(), (SELECT u.lands_until FROM bridge.under_way u
                                             WHERE u.shop = o.shop AND u.number = o.number)),
                   waits_since = now()
               FROM held h
               WHERE o.shop = h.shop AND o.number = h.number
                 AND o.due_at IS NULL AND o.error_code IS NULL
                 AND EXISTS (SELECT FROM bridge.outbox e WHERE e.id = o.head_id)
               RETURNING o.portal
           ), gone AS (
               DELETE FROM bridge.unlinked_rows u USING held h
               WHERE u.shop = h.shop AND u.number = h.number
           )
           SELECT DISTINCT portal AS "portal!" FROM woken"#,
        portals,
        keys
    )
    .fetch_all(db)
    .await?)
}

/// Removes links of orders to their deals and leads, at most `batch`: earlier versions wrote them,
/// `bridge.orders` has both, and nobody reads them here.
pub async fn prune(db: &mut PgConnection, batch: i64) -> Result<u64, Error> {
    // By lane, so that the key's index finds them: where none is left, nothing is walked over.
    let done = sqlx::query!(
        "DELETE FROM bridge.links l USING (
             SELECT k.portal, k.entity, k.key
             FROM bridge.lanes p CROSS JOIN unnest(ARRAY['deal', 'lead']) AS e (entity)
             CROSS JOIN LATERAL (
                 SELECT portal, entity, key FROM bridge.links
                 WHERE portal = p.portal AND entity = e.entity LIMIT $1) AS k
             LIMIT $1) AS o
         WHERE l.portal = o.portal AND l.entity = o.entity AND l.key = o.key",
        batch
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

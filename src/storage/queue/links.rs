//! Links: which thing in the portal stands for which thing of a shop.

use crate::storage::{Error, LinkEntity};
use sqlx::PgConnection;

/// A thing of the shop and the thing in the portal that stands for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Link {
    /// What stands for it.
    pub entity: LinkEntity,
    /// The shop's thing.
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

//! Lanes that have something to do, found for many lanes in one statement.

use crate::storage::Error;
use sqlx::PgConnection;

/// Those of these portals that have something due: an order, a form, an activity, a product, a
/// picture, a receipt, a note, a lead to follow, an order to be compared or found again, a
/// notification. What waits for the card of an order, or for a product, is not due. `shops` names
/// the shop of each, side by side: a portal with several shops stands there several times.
pub async fn portals(
    db: &mut PgConnection,
    portals: &[String],
    shops: &[String],
) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT DISTINCT w.portal AS "portal!"
           FROM unnest($1::text[], $2::text[]) AS w (portal, shop)
           WHERE EXISTS (SELECT FROM bridge.orders o
                         WHERE o.portal = w.portal AND o.shop = w.shop AND NOT o.later
                           AND o.due_at <= now())
              OR EXISTS (SELECT FROM bridge.orders o
                         WHERE o.portal = w.portal AND o.shop = w.shop AND o.later
                           AND o.due_at <= now())
              OR EXISTS (SELECT FROM bridge.comparisons c
                         WHERE c.portal = w.portal AND c.due_at <= now() AND c.shop = w.shop)
              OR EXISTS (SELECT FROM unnest(ARRAY['form', 'activity', 'product', 'picture',
                                            'receipt', 'note'])
                                AS k (kind)
                         JOIN bridge.subjects s ON s.portal = w.portal AND s.kind = k.kind
                           AND s.due_at <= now() AND s.shop = w.shop
                           AND NOT bridge.subject_waits(s.kind, s.shop, s.order_number,
                                                        s.received_at))
              OR EXISTS (SELECT FROM bridge.subjects s
                         WHERE s.portal = w.portal AND s.follow_at <= now() AND s.shop = w.shop)
              OR EXISTS (SELECT FROM bridge.orders o
                         WHERE o.portal = w.portal AND o.shop = w.shop AND o.unverified)
              OR EXISTS (SELECT FROM bridge.inbox i
                         WHERE i.portal = w.portal AND i.state = 'new')"#,
        portals,
        shops
    )
    .fetch_all(db)
    .await?)
}

/// The portals of which other processes ask a place in the limit.
pub async fn asked_for_places(db: &mut PgConnection) -> Result<Vec<String>, Error> {
    Ok(
        sqlx::query_scalar!("SELECT DISTINCT portal FROM bridge.permits WHERE granted_at IS NULL")
            .fetch_all(db)
            .await?,
    )
}

/// Those of these shops that are to be told something.
pub async fn shops(db: &mut PgConnection, shops: &[String]) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT w.shop AS "shop!" FROM unnest($1::text[]) AS w (shop)
           WHERE EXISTS (SELECT FROM bridge.status_changes c
                         WHERE c.shop = w.shop AND c.state = 'waiting' AND c.due_at <= now())
              OR EXISTS (SELECT FROM bridge.shop_messages m
                         WHERE m.shop = w.shop AND m.state = 'waiting' AND m.due_at <= now())"#,
        shops
    )
    .fetch_all(db)
    .await?)
}

/// Those of these bases to which an order is to be pushed. `shops` names the shop of each, side by
/// side: a base with several shops stands there several times.
pub async fn bases(
    db: &mut PgConnection,
    bases: &[String],
    shops: &[String],
) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT DISTINCT w.base AS "base!"
           FROM unnest($1::text[], $2::text[]) AS w (base, shop)
           WHERE EXISTS (SELECT FROM bridge.onec_pushable p WHERE p.base = w.base)
              OR EXISTS (SELECT FROM bridge.onec_news n WHERE n.shop = w.shop)"#,
        bases,
        shops
    )
    .fetch_all(db)
    .await?)
}

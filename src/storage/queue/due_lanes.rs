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

/// What waits in a portal's lane, due now or later: what does not wait need not be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a list of its own, with something on it or not"
)]
pub struct LaneWork {
    /// Orders.
    pub orders: bool,
    /// Forms, activities, receipts and notes.
    pub subjects: bool,
    /// Leads of which it is to be seen what became of them.
    pub leads: bool,
    /// Products.
    pub products: bool,
    /// Pictures of products.
    pub pictures: bool,
    /// Orders that are to be found again, as their link was let go.
    pub unverified: bool,
    /// Notifications, or orders that are to be compared.
    pub comparisons: bool,
}

/// What waits for a portal, of these shops. Each is one look into an index that holds only what
/// waits.
pub async fn work(
    db: &mut PgConnection,
    portal: &str,
    shops: &[String],
) -> Result<LaneWork, Error> {
    Ok(sqlx::query_as!(
        LaneWork,
        r#"SELECT EXISTS (SELECT FROM bridge.orders
                          WHERE portal = $1 AND shop = ANY($2) AND due_at IS NOT NULL)
                    AS "orders!",
                  EXISTS (SELECT FROM bridge.subjects
                          WHERE portal = $1 AND kind IN ('form', 'activity', 'receipt', 'note')
                            AND due_at IS NOT NULL AND shop = ANY($2)) AS "subjects!",
                  EXISTS (SELECT FROM bridge.subjects
                          WHERE portal = $1 AND follow_at IS NOT NULL AND shop = ANY($2))
                    AS "leads!",
                  EXISTS (SELECT FROM bridge.subjects
                          WHERE portal = $1 AND kind = 'product' AND due_at IS NOT NULL
                            AND shop = ANY($2)) AS "products!",
                  EXISTS (SELECT FROM bridge.subjects
                          WHERE portal = $1 AND kind = 'picture' AND due_at IS NOT NULL
                            AND shop = ANY($2)) AS "pictures!",
                  EXISTS (SELECT FROM bridge.orders WHERE portal = $1 AND unverified)
                    AS "unverified!",
                  EXISTS (SELECT FROM bridge.inbox WHERE portal = $1 AND state = 'new')
                    OR EXISTS (SELECT FROM bridge.comparisons
                               WHERE portal = $1 AND shop = ANY($2)) AS "comparisons!""#,
        portal,
        shops
    )
    .fetch_one(db)
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

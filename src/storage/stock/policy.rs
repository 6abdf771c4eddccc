//! Orders whose goods may not stand as the settings say by now.

use crate::{domain::OrderKey, storage::Error};
use sqlx::PgConnection;

/// What is known of an order's goods.
#[derive(Debug, Clone)]
pub struct GoodsStand {
    /// The order.
    pub order: OrderKey,
    /// Whether something is held for it.
    pub held: bool,
    /// Whether some of it has left, by whatever said so.
    pub gone: bool,
}

/// The next orders of a stock's shops for which something is held, or that have one of these
/// statuses by their shop or another system while nothing of them has left; of the latter those
/// alone that came after the stock's first move, and not as history. By shop and number; not
/// locked.
pub async fn maybe_astray(
    db: &mut PgConnection,
    (stock, shops): (&str, &[String]),
    ship_on: &[String],
    after: &OrderKey,
    limit: i64,
) -> Result<Vec<GoodsStand>, Error> {
    let rows = sqlx::query!(
        r#"SELECT o.shop, o.number, g.held AS "held!", g.gone AS "gone!"
           FROM bridge.orders o
           LEFT JOIN bridge.agreements a USING (shop, number)
           LEFT JOIN bridge.outbox e ON e.id = o.head_id
           CROSS JOIN LATERAL (
               SELECT EXISTS (SELECT FROM bridge.reservations r
                              WHERE r.shop = o.shop AND (r.number = o.number OR r.id = o.number)
                                AND r.state = 'held') AS held,
                      EXISTS (SELECT FROM bridge.order_goods t
                              WHERE (t.shop, t.number) = (o.shop, o.number))
                      OR EXISTS (SELECT FROM bridge.receipt_goods f
                                 WHERE (f.shop, f.number) = (o.shop, o.number))
                      OR EXISTS (SELECT FROM bridge.reservations r
                                 JOIN bridge.reservation_lines l USING (shop, id)
                                 WHERE r.shop = o.shop
                                   AND (r.number = o.number OR r.id = o.number)
                                   AND l.shipped > 0) AS gone) g
           WHERE o.shop = ANY ($1) AND (o.shop, o.number) > ($3, $4)
             AND (g.held
                  OR NOT o.later AND NOT g.gone
                     AND e.received_at >= (SELECT m.at FROM bridge.stock_moves m
                                           WHERE m.stock = $6 ORDER BY m.id LIMIT 1)
                     AND (o.said ->> 'status' = ANY ($2) OR a.agreed ->> 'status' = ANY ($2)))
           ORDER BY o.shop, o.number LIMIT $5"#,
        shops,
        ship_on,
        after.shop,
        after.number,
        limit,
        stock
    );
    let rows = rows.fetch_all(db).await?.into_iter();
    let stand = rows.map(|row| GoodsStand {
        order: OrderKey::new(&row.shop, &row.number),
        held: row.held,
        gone: row.gone,
    });
    Ok(stand.collect())
}

//! Orders, and the events by which they are known.

use crate::storage::{Error, Json};
use sqlx::PgConnection;

/// The event by which an order is known.
#[derive(Debug, Clone)]
pub struct HeadEvent {
    /// `source` of the CloudEvents message.
    pub source: String,
    /// `id` of the CloudEvents message.
    pub event_id: String,
    /// The event as it was sent.
    pub body: Json,
}

/// An order, and the event by which it is known.
#[derive(Debug, Clone)]
pub struct Head {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// Its newest event; none: it is not kept any more.
    pub event: Option<HeadEvent>,
}

/// The newest events of orders, but of those of which nothing but history is known and nothing is
/// held.
pub async fn heads(
    db: &mut PgConnection,
    shops: &[String],
    numbers: &[String],
) -> Result<Vec<Head>, Error> {
    let rows = sqlx::query!(
        r#"SELECT o.shop, o.number, e.source AS "source?", e.event_id AS "event_id?",
                  e.body AS "body?: Json"
           FROM UNNEST($1::text[], $2::text[]) AS k (shop, number)
           JOIN bridge.orders o USING (shop, number)
           LEFT JOIN bridge.outbox e ON e.id = o.head_id
           WHERE NOT o.later
              OR EXISTS (SELECT FROM bridge.reservations r
                         WHERE r.shop = o.shop AND (r.number = o.number OR r.id = o.number)
                           AND r.state = 'held')
           ORDER BY o.shop, o.number"#,
        shops,
        numbers
    );
    let rows = rows.fetch_all(db).await?.into_iter();
    let head = rows.map(|row| Head {
        shop: row.shop,
        number: row.number,
        event: match (row.source, row.event_id, row.body) {
            (Some(source), Some(event_id), Some(body)) => Some(HeadEvent {
                source,
                event_id,
                body,
            }),
            _ => None,
        },
    });
    Ok(head.collect())
}

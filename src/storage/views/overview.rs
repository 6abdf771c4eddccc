//! The overview of the console, beside the figures.

use crate::{
    domain::happening::{Stored, SyncEvent},
    storage::{DecisionAction, DecisionBasis, DecisionWinner, Error, Json},
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// An order that waits.
#[derive(Debug, Clone)]
pub struct WaitingOrder {
    /// The portal's name in the settings.
    pub portal: String,
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// For how long, in seconds.
    pub seconds: i64,
    /// The code of the last refusal.
    pub code: Option<String>,
    /// The words of the last refusal.
    pub message: Option<String>,
    /// When it is tried again.
    pub due_at: Option<DateTime<Utc>>,
}

/// The order that waits longest, of each portal of these shops: (portal, shop). An order waits
/// since it is due, or it was put off.
pub async fn oldest(
    db: &mut PgConnection,
    portals: &[String],
    shops: &[String],
) -> Result<Vec<WaitingOrder>, Error> {
    Ok(sqlx::query_as!(
        WaitingOrder,
        r#"SELECT DISTINCT ON (o.portal) o.portal AS "portal!", o.shop AS "shop!",
                  o.number AS "number!",
                  extract(epoch FROM now() - o.waits_since)::bigint AS "seconds!",
                  o.error_code AS code, o.error_message AS message, o.due_at
           FROM UNNEST($1::text[], $2::text[]) AS p (portal, shop)
           CROSS JOIN LATERAL (
             SELECT * FROM (
               (SELECT * FROM bridge.orders WHERE portal = p.portal AND shop = p.shop AND NOT later
                 AND due_at IS NOT NULL ORDER BY due_at LIMIT 1)
               UNION ALL
               (SELECT * FROM bridge.orders WHERE portal = p.portal AND shop = p.shop AND later
                 AND due_at IS NOT NULL ORDER BY due_at LIMIT 1)
               UNION ALL
               (SELECT * FROM bridge.orders WHERE portal = p.portal AND due_at > waits_since
                 ORDER BY waits_since LIMIT 1)) AS firsts
             ORDER BY waits_since LIMIT 1) AS o
           ORDER BY o.portal, o.waits_since"#,
        portals,
        shops
    )
    .fetch_all(db)
    .await?)
}

/// Orders of a portal that were refused and are tried again, the newest trouble first.
pub async fn refused(
    db: &mut PgConnection,
    portal: &str,
    limit: i64,
) -> Result<Vec<WaitingOrder>, Error> {
    Ok(sqlx::query_as!(
        WaitingOrder,
        r#"SELECT portal, shop, number, extract(epoch
             FROM now() - waits_since)::bigint AS "seconds!",
                  error_code AS code, error_message AS message, due_at
           FROM bridge.orders WHERE portal = $1 AND due_at IS NOT NULL AND error_code IS NOT NULL
           ORDER BY first_failed_at DESC NULLS LAST LIMIT $2"#,
        portal,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// A decision about a difference.
#[derive(Debug, Clone)]
pub struct DecisionRow {
    /// The decision's id: later ones have greater ones.
    pub id: i64,
    /// When it was made.
    pub at: DateTime<Utc>,
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// What was done.
    pub action: DecisionAction,
    /// What it rests on.
    pub basis: DecisionBasis,
    /// Who was right; none where nobody had to be.
    pub winner: Option<DecisionWinner>,
    /// What was met, decided and done, in one English sentence.
    pub sentence: String,
    /// The same as data; none in rows of earlier versions.
    pub what: Option<Stored<SyncEvent>>,
    /// Both observations and the clocks.
    pub inputs: Json,
}

/// The newest decisions that changed something or asked somebody, with ids below `before`.
pub async fn decisions(
    db: &mut PgConnection,
    before: Option<i64>,
    limit: i64,
) -> Result<Vec<DecisionRow>, Error> {
    Ok(sqlx::query_as!(
        DecisionRow,
        r#"SELECT id, at, shop, number, action AS "action: DecisionAction",
                  basis AS "basis: DecisionBasis", winner AS "winner: DecisionWinner", sentence,
                  what AS "what: Stored<SyncEvent>", inputs AS "inputs: Json"
           FROM bridge.decisions WHERE action <> 'agree' AND id < coalesce($1, 9223372036854775807)
           ORDER BY id DESC LIMIT $2"#,
        before,
        limit
    )
    .fetch_all(db)
    .await?)
}

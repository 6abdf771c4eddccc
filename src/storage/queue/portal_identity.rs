//! The identity of a portal: which account stands behind its name; and orders that are to be found
//! again in it.

use super::lanes::Lease;
use crate::{
    domain::OrderKey,
    storage::{Error, Reason},
};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

/// What is known of a portal's identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownIdentity {
    /// The portal's name in the settings.
    pub portal: String,
    /// Its member id, else its host.
    pub address: Option<String>,
    /// The highest id of its stage history that was seen.
    pub history_id: i64,
    /// When it was found to be another one, or to have gone back, within the last seven days.
    pub changed_at: Option<DateTime<Utc>>,
    /// The code that tells which of the two; `None` where nothing changed lately.
    pub code: Option<String>,
    /// What the bridge found, for people; `None` where nothing changed lately.
    pub message: Option<String>,
}

/// What is known of one portal, or of all.
pub async fn known(
    db: &mut PgConnection,
    portal: Option<&str>,
) -> Result<Vec<KnownIdentity>, Error> {
    Ok(sqlx::query_as!(
        KnownIdentity,
        r#"SELECT portal, address, history_id, lately AS "changed_at?",
                  CASE WHEN lately IS NOT NULL THEN code END AS code,
                  CASE WHEN lately IS NOT NULL THEN message END AS message
           FROM bridge.portals p
           CROSS JOIN LATERAL (SELECT CASE WHEN p.changed_at > now() - interval '7 days' THEN
             p.changed_at END AS lately) l
           WHERE $1::text IS NULL OR portal = $1 ORDER BY portal"#,
        portal
    )
    .fetch_all(db)
    .await?)
}

/// The member id that the portal's application told.
pub async fn member(db: &mut PgConnection, portal: &str) -> Result<Option<String>, Error> {
    let member = sqlx::query_scalar!(
        "SELECT member_id FROM bridge.tokens WHERE portal = $1",
        portal
    )
    .fetch_optional(db)
    .await?;
    Ok(member.flatten())
}

/// An order whose deal testifies that the portal is the one it was made in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The id of its deal in the portal.
    pub deal_id: i64,
}

/// The orders with the newest and with the oldest deals of a portal, so many of each.
pub async fn witnesses(
    db: &mut PgConnection,
    portal: &str,
    each: i64,
) -> Result<Vec<Witness>, Error> {
    Ok(sqlx::query_as!(
        Witness,
        r#"SELECT shop AS "shop!", number AS "number!", deal_id AS "deal_id!" FROM (
               (SELECT shop, number, deal_id FROM bridge.orders
                WHERE portal = $1 AND deal_id IS NOT NULL ORDER BY deal_id DESC LIMIT $2)
               UNION
               (SELECT shop, number, deal_id FROM bridge.orders
                WHERE portal = $1 AND deal_id IS NOT NULL ORDER BY deal_id LIMIT $2)) w
           ORDER BY deal_id DESC"#,
        portal,
        each
    )
    .fetch_all(db)
    .await?)
}

/// The portal was seen to be the same: its address, and the highest id of its stage history.
pub async fn same(
    db: &mut PgConnection,
    portal: &str,
    address: Option<&str>,
    history_id: i64,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.portals AS p (portal, address, history_id) VALUES ($1, $2, $3)
         ON CONFLICT (portal) DO UPDATE
         SET address = coalesce(excluded.address, p.address), checked_at = now(),
             history_id = greatest(p.history_id, excluded.history_id)",
        portal,
        address,
        history_id
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The portal was found to be another one, or to have gone back.
pub async fn changed(
    db: &mut PgConnection,
    portal: &str,
    address: Option<&str>,
    history_id: i64,
    reason: Reason<'_>,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.portals AS p (portal, address, history_id, changed_at, code, message)
         VALUES ($1, $2, $3, now(), $4, $5)
         ON CONFLICT (portal) DO UPDATE
         SET address = coalesce(excluded.address, p.address), generation = p.generation + 1,
             checked_at = now(),
             history_id = excluded.history_id, changed_at = now(), code = excluded.code,
             message = excluded.message",
        portal,
        address,
        history_id,
        reason.code.as_str(),
        reason.message
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The history is read anew from its newest row on.
pub async fn reset_history(db: &mut PgConnection, portal: &str, newest: i64) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO bridge.cursors AS c (portal, history_id) VALUES ($1, $2)
         ON CONFLICT (portal) DO UPDATE SET history_id = excluded.history_id, read_at = now()",
        portal,
        newest
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!("DELETE FROM bridge.moves WHERE portal = $1", portal)
        .execute(&mut *db)
        .await?;
    sqlx::query!(
        "UPDATE bridge.portals SET history_id = 0 WHERE portal = $1",
        portal
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether the rows of the history that were seen above this id were all of these deals, or of
/// deals that no order is linked with; false where none was seen.
pub async fn moves_were_of(
    db: &mut PgConnection,
    portal: &str,
    above: i64,
    deals: &[i64],
) -> Result<bool, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM bridge.moves m WHERE m.portal = $1 AND m.id > $2)
             AND NOT EXISTS (
               SELECT FROM bridge.moves m JOIN bridge.orders o
                 ON o.portal = m.portal AND o.deal_id = m.deal_id
               WHERE m.portal = $1 AND m.id > $2 AND m.deal_id <> ALL($3::bigint[]))
             AS "were!""#,
        portal,
        above,
        deals
    )
    .fetch_one(db)
    .await?)
}

/// Lets go of every link into a portal, and of what people were asked about what was linked;
/// returns of how many orders.
pub async fn let_go_of_all(db: &mut PgConnection, portal: &str) -> Result<u64, Error> {
    sqlx::query!(
        r#"WITH locked AS MATERIALIZED (
             SELECT 1 FROM bridge.orders WHERE portal = $1 ORDER BY shop, number FOR UPDATE)
           SELECT count(*) AS "count!" FROM locked"#,
        portal
    )
    .fetch_one(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE bridge.agreements a
         SET agreed = NULL, turns = '[]', writing = NULL, waiting = NULL, ruling = NULL,
             standing = NULL,
             gone_at = NULL, changed_at = now()
         FROM bridge.orders o WHERE o.portal = $1 AND a.shop = o.shop AND a.number = o.number",
        portal
    )
    .execute(&mut *db)
    .await?;
    crate::storage::sync::conflicts::close_all(db, portal).await?;
    sqlx::query!("DELETE FROM bridge.comparisons WHERE portal = $1", portal)
        .execute(&mut *db)
        .await?;
    sqlx::query!("DELETE FROM bridge.links WHERE portal = $1", portal)
        .execute(&mut *db)
        .await?;
    sqlx::query!(
        "UPDATE bridge.bearers SET contact_id = NULL WHERE portal = $1 AND contact_id IS NOT NULL",
        portal
    )
    .execute(&mut *db)
    .await?;
    // Products and pictures have nothing but their links: they are looked for in the account that
    // is there now.
    sqlx::query!(
        "UPDATE bridge.subjects
         SET known = '{}', revision = revision + 1, done_at = NULL,
             due_at = coalesce(due_at, now()), waits_since = coalesce(waits_since, now())
         WHERE portal = $1 AND kind IN ('product', 'picture') AND known <> '{}'",
        portal
    )
    .execute(&mut *db)
    .await?;
    let done = sqlx::query!(
        "UPDATE bridge.orders
         SET deal_id = NULL, lead_id = NULL, contact_id = NULL, company_id = NULL, stage = NULL,
             known = '{}',
             in_sync = false, unverified = true
         WHERE portal = $1 AND (known <> '{}' OR deal_id IS NOT NULL OR lead_id IS NOT NULL)",
        portal
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected())
}

/// Lets go of the links of these orders, and of what people were asked about them.
pub async fn release(
    db: &mut PgConnection,
    shops: &[String],
    numbers: &[String],
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.agreements a
         SET agreed = NULL, turns = '[]', writing = NULL, waiting = NULL, ruling = NULL,
             standing = NULL,
             gone_at = NULL, changed_at = now()
         FROM UNNEST($1::text[], $2::text[]) AS k (shop, number) WHERE a.shop = k.shop
           AND a.number = k.number",
        shops,
        numbers
    )
    .execute(&mut *db)
    .await?;
    crate::storage::sync::conflicts::close(db, shops, numbers).await?;
    sqlx::query!(
        "UPDATE bridge.orders o
         SET deal_id = NULL, lead_id = NULL, contact_id = NULL, company_id = NULL, stage = NULL,
             known = '{}',
             in_sync = false, unverified = true
         FROM UNNEST($1::text[], $2::text[]) AS k (shop, number) WHERE o.shop = k.shop
           AND o.number = k.number",
        shops,
        numbers
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Those of these shops that have orders of another portal than the one beside each.
pub async fn moved_shops(
    db: &mut PgConnection,
    shops: &[String],
    portals: &[String],
) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT w.shop AS "shop!" FROM unnest($1::text[], $2::text[]) AS w (shop, portal)
           WHERE EXISTS (SELECT FROM bridge.orders o
                         WHERE o.shop = w.shop AND o.portal <> w.portal)"#,
        shops,
        portals
    )
    .fetch_all(db)
    .await?)
}

/// The next orders of a shop that were brought to another portal than this, by number, locked.
pub async fn elsewhere(
    db: &mut PgConnection,
    (shop, portal): (&str, &str),
    after: &str,
    limit: i64,
) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        "SELECT number FROM bridge.orders WHERE shop = $1 AND portal <> $2 AND number > $3
         ORDER BY number LIMIT $4 FOR UPDATE",
        shop,
        portal,
        after,
        limit
    )
    .fetch_all(db)
    .await?)
}

/// Moves locked orders of a shop to another portal: nothing that is known of the old one is
/// believed there.
pub async fn move_to(
    db: &mut PgConnection,
    shop: &str,
    numbers: &[String],
    portal: &str,
) -> Result<(), Error> {
    let shops = vec![shop.to_owned(); numbers.len()];
    sqlx::query!(
        "UPDATE bridge.outbox e SET portal = $3
         FROM bridge.orders o WHERE o.shop = $1 AND o.number = ANY($2) AND e.id = o.head_id
           AND e.portal <> $3",
        shop,
        numbers,
        portal
    )
    .execute(&mut *db)
    .await?;
    release(db, &shops, numbers).await?;
    sqlx::query!(
        "UPDATE bridge.orders SET portal = $3 WHERE shop = $1 AND number = ANY($2)",
        shop,
        numbers,
        portal
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "DELETE FROM bridge.comparisons WHERE shop = $1 AND number = ANY($2)",
        shop,
        numbers
    )
    .execute(&mut *db)
    .await?;
    // What may still land does so in the old portal.
    sqlx::query!(
        "DELETE FROM bridge.under_way WHERE shop = $1 AND number = ANY($2)",
        shop,
        numbers
    )
    .execute(&mut *db)
    .await?;
    crate::storage::sync::conflicts::close(db, &shops, numbers).await?;
    sqlx::query!(
        "UPDATE bridge.dead_letters SET portal = $3
         WHERE shop = $1 AND number = ANY($2) AND closed_at IS NULL AND about IS NULL",
        shop,
        numbers,
        portal
    )
    .execute(db)
    .await?;
    Ok(())
}

/// The next orders that are to be found again; none unless the lease is held.
pub async fn unverified(
    db: &mut PgConnection,
    lease: &Lease,
    limit: i64,
) -> Result<Vec<OrderKey>, Error> {
    let orders = sqlx::query_as!(
        OrderKey,
        "SELECT o.shop, o.number FROM bridge.orders o
         WHERE o.portal = $1 AND o.unverified
           AND EXISTS (SELECT FROM bridge.lanes l
                       WHERE l.portal = $1 AND l.owner = $2 AND l.epoch = $3
                         AND l.lease_until > now() AND l.paused_at IS NULL)
         ORDER BY o.shop, o.number LIMIT $4",
        lease.portal,
        lease.owner,
        lease.epoch,
        limit
    );
    Ok(orders.fetch_all(db).await?)
}

/// Whether an order is to be looked up by its origin; one that is linked by now is not.
pub async fn set_unverified(
    db: &mut PgConnection,
    order: &OrderKey,
    unverified: bool,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.orders SET unverified = $3 AND known = '{}' WHERE shop = $1 AND number = $2",
        order.shop,
        order.number,
        unverified
    )
    .execute(db)
    .await?;
    Ok(())
}

/// An order that was looked up by its origin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LookedUp {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// Its deal, if there is one.
    pub deal_id: Option<i64>,
    /// Its lead, if there is one and no deal.
    pub lead_id: Option<i64>,
}

/// Links orders with what was found of them. Those that were found are brought to the shop's newest
/// state, when nothing else is due. Those that meanwhile were linked otherwise stay so.
pub async fn looked_up(db: &mut PgConnection, found: &[LookedUp]) -> Result<(), Error> {
    let shops: Vec<String> = found.iter().map(|one| one.shop.clone()).collect();
    let numbers: Vec<String> = found.iter().map(|one| one.number.clone()).collect();
    let deals: Vec<Option<i64>> = found.iter().map(|one| one.deal_id).collect();
    let leads: Vec<Option<i64>> = found.iter().map(|one| one.lead_id).collect();
    sqlx::query!(
        "UPDATE bridge.orders o
         SET unverified = false,
             deal_id = CASE WHEN o.known = '{}' THEN n.deal ELSE o.deal_id END,
             lead_id = CASE WHEN o.known = '{}' THEN n.lead ELSE o.lead_id END,
             known = CASE
                 WHEN o.known <> '{}' THEN o.known
                 WHEN n.deal IS NOT NULL THEN jsonb_build_object('target',
                   jsonb_build_object('deal', n.deal))
                 WHEN n.lead IS NOT NULL THEN jsonb_build_object('target',
                   jsonb_build_object('lead', n.lead))
                 ELSE o.known END,
             later = CASE WHEN o.due_at IS NULL THEN true ELSE o.later END,
             due_at = CASE
                 WHEN o.due_at IS NOT NULL OR coalesce(n.deal, n.lead) IS NULL THEN o.due_at
                 WHEN EXISTS (SELECT FROM bridge.outbox e WHERE e.id = o.head_id
                   AND e.state <> 'dead') THEN now() END,
             waits_since = CASE
                 WHEN o.due_at IS NOT NULL OR coalesce(n.deal, n.lead) IS NULL THEN o.waits_since
                 WHEN EXISTS (SELECT FROM bridge.outbox e WHERE e.id = o.head_id
                   AND e.state <> 'dead') THEN now()
                 ELSE o.waits_since END
         FROM UNNEST($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS n
           (shop, number, deal, lead)
         WHERE o.shop = n.shop AND o.number = n.number AND o.unverified",
        &shops,
        &numbers,
        &deals as &[Option<i64>],
        &leads as &[Option<i64>]
    )
    .execute(db)
    .await?;
    Ok(())
}

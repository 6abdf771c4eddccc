//! Values of customers: who uses one, and which cards are not whose.

use crate::{
    domain::Names,
    storage::{CustomerCard, Error, Json, written},
};
use serde_json::Value;
use sqlx::PgConnection;

/// The most people that are remembered for one value.
const MOST: i64 = 8;

/// Somebody who is known to use a value.
#[derive(Debug, Clone, PartialEq)]
pub struct KnownBearer {
    /// The shop's name in the settings.
    pub shop: String,
    /// `id:` and a customer id, a phone, or an address.
    pub value: String,
    /// The shop's id of the customer, if it knows him.
    pub customer_id: Option<String>,
    /// The parts of the name.
    pub names: Json<Names>,
    /// The contact that stands for this person.
    pub contact_id: Option<i64>,
}

/// Somebody who uses a value.
#[derive(Debug, Clone, PartialEq)]
pub struct Bearer {
    /// The shop's name in the settings.
    pub shop: String,
    /// `id:` and a customer id, a phone, or an address.
    pub value: String,
    /// Tells this one from another.
    pub bearer: String,
    /// The shop's id of the customer, if it knows him.
    pub customer_id: Option<String>,
    /// The parts of the name.
    pub names: Names,
    /// The contact that stands for this person.
    pub contact_id: Option<i64>,
}

/// Who uses these values of these shops.
pub async fn find(
    db: &mut PgConnection,
    portal: &str,
    shops: &[String],
    values: &[String],
) -> Result<Vec<KnownBearer>, Error> {
    Ok(sqlx::query_as!(
        KnownBearer,
        r#"SELECT b.shop, b.value, b.customer_id, b.names AS "names: Json<Names>", b.contact_id
         FROM (SELECT DISTINCT shop, value FROM UNNEST($2::text[], $3::text[]) AS k (shop, value)) k
         JOIN bridge.bearers b ON b.portal = $1 AND b.shop = k.shop AND b.value = k.value
         ORDER BY b.shop, b.value, b.bearer"#,
        portal,
        shops,
        values
    )
    .fetch_all(db)
    .await?)
}

/// Remembers who uses which value, none twice; of a value that many use only the first few.
pub async fn put(db: &mut PgConnection, portal: &str, all: &[Bearer]) -> Result<(), Error> {
    let shops: Vec<&str> = all.iter().map(|b| &*b.shop).collect();
    let values: Vec<&str> = all.iter().map(|b| &*b.value).collect();
    let bearers: Vec<&str> = all.iter().map(|b| &*b.bearer).collect();
    let ids: Vec<Option<&str>> = all.iter().map(|b| b.customer_id.as_deref()).collect();
    let names: Result<Vec<Value>, Error> = all.iter().map(|b| written(&b.names)).collect();
    let names = names?;
    let contacts: Vec<Option<i64>> = all.iter().map(|b| b.contact_id).collect();
    // One look at each value tells how many use it, and whether this one is among them.
    sqlx::query!(
        "INSERT INTO bridge.bearers AS b (portal, shop, value, bearer, customer_id, names,
           contact_id)
         SELECT $1, n.*
         FROM UNNEST($2::text[], $3::text[], $4::text[], $5::text[], $6::jsonb[], $7::bigint[])
              AS n (shop, value, bearer, customer_id, names, contact_id)
         WHERE (SELECT count(*) < $8 OR bool_or(o.bearer = n.bearer)
                FROM bridge.bearers o
                WHERE o.portal = $1 AND o.shop = n.shop AND o.value = n.value)
         ORDER BY n.shop, n.value, n.bearer
         ON CONFLICT (portal, shop, value, bearer) DO UPDATE
           SET contact_id = coalesce(excluded.contact_id, b.contact_id)
         WHERE b.contact_id IS DISTINCT FROM coalesce(excluded.contact_id, b.contact_id)",
        portal,
        &shops as &[&str],
        &values as &[&str],
        &bearers as &[&str],
        &ids as &[Option<&str>],
        &names,
        &contacts as &[Option<i64>],
        MOST
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Takes a contact from the people under these values.
pub async fn forget_contact(
    db: &mut PgConnection,
    (portal, shop): (&str, &str),
    values: &[String],
    contact: i64,
) -> Result<(), Error> {
    sqlx::query!(
        "WITH locked AS MATERIALIZED (
             SELECT b.portal, b.shop, b.value, b.bearer FROM bridge.bearers b
             WHERE b.portal = $1 AND b.shop = $2 AND b.value = ANY($3) AND b.contact_id = $4
             ORDER BY b.shop, b.value, b.bearer FOR UPDATE)
         UPDATE bridge.bearers b SET contact_id = NULL FROM locked l
         WHERE b.portal = l.portal AND b.shop = l.shop AND b.value = l.value
           AND b.bearer = l.bearer",
        portal,
        shop,
        values,
        contact
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A card that is not a customer's.
#[derive(Debug, Clone, PartialEq)]
pub struct RefusedCard {
    /// The shop; empty where the value says the same in every shop.
    pub shop: String,
    /// What the customer is known by.
    pub value: String,
    /// Which card it is.
    pub entity: CustomerCard,
    /// The card's id in the portal.
    pub bitrix_id: i64,
    /// Who he is, or which firm it is.
    pub person: Json,
}

/// The cards that were refused for whoever is known by these values: (shop, value).
pub async fn refused(
    db: &mut PgConnection,
    portal: &str,
    keys: &[(&str, String)],
) -> Result<Vec<RefusedCard>, Error> {
    let shops: Vec<&str> = keys.iter().map(|key| key.0).collect();
    let values: Vec<&str> = keys.iter().map(|key| &*key.1).collect();
    Ok(sqlx::query_as!(
        RefusedCard,
        r#"SELECT r.shop, r.value, r.entity AS "entity: CustomerCard", r.bitrix_id,
                  r.person AS "person: Json"
         FROM (SELECT DISTINCT shop, value FROM UNNEST($2::text[], $3::text[]) AS k (shop, value)) k
         JOIN bridge.refused_cards r ON r.portal = $1 AND r.shop = k.shop AND r.value = k.value
         WHERE r.left_at IS NULL
         ORDER BY r.shop, r.value, r.bitrix_id"#,
        portal,
        &shops as &[&str],
        &values as &[&str]
    )
    .fetch_all(db)
    .await?)
}

/// An operator's word that a card is not somebody's.
#[derive(Debug, Clone, Copy)]
pub struct Word<'a> {
    /// The portal's name in the settings.
    pub portal: &'a str,
    /// The order on whose page it was said.
    pub number: &'a str,
    /// The operator who said it, by name.
    pub actor: &'a str,
    /// Which card it is.
    pub entity: CustomerCard,
    /// The card's id in the portal.
    pub bitrix_id: i64,
    /// Who he is, or which firm it is.
    pub person: &'a Value,
}

/// Remembers that a card is not his who is known by these values: (shop, value).
pub async fn refuse(
    db: &mut PgConnection,
    word: Word<'_>,
    keys: &[(&str, String)],
) -> Result<(), Error> {
    let shops: Vec<&str> = keys.iter().map(|key| key.0).collect();
    let values: Vec<&str> = keys.iter().map(|key| &*key.1).collect();
    sqlx::query!(
        "INSERT INTO bridge.refused_cards (portal, shop, value, entity, bitrix_id, person, number,
           actor)
         SELECT $1, k.shop, k.value, $4, $5, $6, $7, $8
           FROM UNNEST($2::text[], $3::text[]) AS k (shop, value)
         ORDER BY k.shop, k.value
         ON CONFLICT (portal, shop, value, entity, bitrix_id) DO UPDATE
         SET person = excluded.person, actor = excluded.actor, at = now(), left_at = NULL",
        word.portal,
        &shops as &[&str],
        &values as &[&str],
        word.entity as CustomerCard,
        word.bitrix_id,
        word.person,
        word.number,
        word.actor
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Another portal stands behind the name: what was said of the cards of the one before is true of
/// none of its own.
pub async fn leave(db: &mut PgConnection, portal: &str) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.refused_cards SET left_at = now() WHERE portal = $1 AND left_at IS NULL",
        portal
    )
    .execute(db)
    .await?;
    Ok(())
}

//! What both sides of each order were last known to agree on, and what was decided since.

use crate::storage::{Error, Json};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// An order's two sides, as they are stored.
#[derive(Debug, Clone)]
pub struct Row {
    /// The shop.
    pub shop: String,
    /// The order's number.
    pub number: String,
    /// Its deal.
    pub deal_id: Option<i64>,
    /// The stage, as last known.
    pub stage: Option<String>,
    /// What the newest snapshot says.
    pub said: Option<Value>,
    /// What was last agreed.
    pub agreed: Option<Value>,
    /// What was written lately.
    pub turns: Value,
    /// A stage that is being written.
    pub writing: Option<Value>,
    /// The difference that waits for a person.
    pub waiting: Option<Value>,
    /// A person's word.
    pub ruling: Option<Value>,
    /// A difference that stays.
    pub standing: Option<Value>,
    /// A stage that was given up for lost, and may land yet.
    pub lost: Option<Value>,
    /// When the deal was found to be missing.
    pub gone_at: Option<DateTime<Utc>>,
    /// Why some of it cannot be read, if so: then nothing may be decided by the rest.
    pub unreadable: Option<String>,
}

/// The same before each value is read: one that cannot be is its own row's fault.
#[derive(Debug)]
struct Stored {
    shop: String,
    number: String,
    deal_id: Option<i64>,
    stage: Option<String>,
    said: Option<Json>,
    agreed: Option<Json>,
    turns: Json,
    writing: Option<Json>,
    waiting: Option<Json>,
    ruling: Option<Json>,
    standing: Option<Json>,
    lost: Option<Json>,
    gone_at: Option<DateTime<Utc>>,
}

impl From<Stored> for Row {
    fn from(stored: Stored) -> Self {
        let mut unreadable = None;
        let mut read = |of: Option<Json>| match of {
            Some(Json::Value(value)) => Some(value),
            Some(Json::Unreadable { why, .. }) => {
                unreadable = Some(why);
                None
            }
            None => None,
        };
        Self {
            said: read(stored.said),
            agreed: read(stored.agreed),
            turns: read(Some(stored.turns)).unwrap_or_default(),
            writing: read(stored.writing),
            waiting: read(stored.waiting),
            ruling: read(stored.ruling),
            standing: read(stored.standing),
            lost: read(stored.lost),
            shop: stored.shop,
            number: stored.number,
            deal_id: stored.deal_id,
            stage: stored.stage,
            gone_at: stored.gone_at,
            unreadable,
        }
    }
}

/// Locks these orders' agreements, making rows for the new ones. Orders that the bridge does not
/// know are left out.
pub async fn lock(
    db: &mut PgConnection,
    shops: &[String],
    numbers: &[String],
) -> Result<Vec<Row>, Error> {
    sqlx::query!(
        "INSERT INTO bridge.agreements (shop, number)
         SELECT k.shop, k.number FROM UNNEST($1::text[], $2::text[]) AS k (shop, number)
           JOIN bridge.orders o USING (shop, number)
         ORDER BY k.shop, k.number
         ON CONFLICT (shop, number) DO NOTHING",
        shops,
        numbers
    )
    .execute(&mut *db)
    .await?;
    let rows = sqlx::query_as!(
        Stored,
        r#"SELECT a.shop, a.number, o.deal_id, o.stage, o.said AS "said: Json",
                  a.agreed AS "agreed: Json",
                a.turns AS "turns: Json", a.writing AS "writing: Json",
                a.waiting AS "waiting: Json",
                a.ruling AS "ruling: Json", a.standing AS "standing: Json",
                a.lost AS "lost: Json", a.gone_at
         FROM UNNEST($1::text[], $2::text[]) AS k (shop, number)
         JOIN bridge.agreements a USING (shop, number) JOIN bridge.orders o USING (shop, number)
         ORDER BY a.shop, a.number FOR UPDATE OF a"#,
        shops,
        numbers
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Row::from).collect())
}

/// The next orders of a shop whose sides agreed and where nothing is under way, by number; not
/// locked.
pub async fn agreed(
    db: &mut PgConnection,
    shop: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<Row>, Error> {
    let rows = sqlx::query_as!(
        Stored,
        r#"SELECT a.shop, a.number, o.deal_id, o.stage, o.said AS "said: Json",
                  a.agreed AS "agreed: Json",
                a.turns AS "turns: Json", a.writing AS "writing: Json",
                a.waiting AS "waiting: Json",
                a.ruling AS "ruling: Json", a.standing AS "standing: Json",
                a.lost AS "lost: Json", a.gone_at
         FROM bridge.agreements a JOIN bridge.orders o USING (shop, number)
         WHERE a.shop = $1 AND a.number > $2 AND a.agreed IS NOT NULL AND a.writing IS NULL
           AND a.waiting IS NULL
           AND a.gone_at IS NULL AND o.deal_id IS NOT NULL
         ORDER BY a.number LIMIT $3"#,
        shop,
        after,
        limit
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(Row::from).collect())
}

/// Stores agreements that are locked, and the stages as last known.
pub async fn save(db: &mut PgConnection, rows: &[Row]) -> Result<(), Error> {
    let shops: Vec<String> = rows.iter().map(|r| r.shop.clone()).collect();
    let numbers: Vec<String> = rows.iter().map(|r| r.number.clone()).collect();
    let values = |get: fn(&Row) -> Option<Value>| rows.iter().map(get).collect::<Vec<_>>();
    let (agreed, writing) = (values(|r| r.agreed.clone()), values(|r| r.writing.clone()));
    let (waiting, ruling) = (values(|r| r.waiting.clone()), values(|r| r.ruling.clone()));
    let turns: Vec<Value> = rows.iter().map(|r| r.turns.clone()).collect();
    let (standing, lost) = (values(|r| r.standing.clone()), values(|r| r.lost.clone()));
    let gone: Vec<Option<DateTime<Utc>>> = rows.iter().map(|r| r.gone_at).collect();
    let stages: Vec<Option<String>> = rows.iter().map(|r| r.stage.clone()).collect();
    sqlx::query!(
        "UPDATE bridge.agreements a
         SET agreed = n.agreed, turns = n.turns, writing = n.writing, waiting = n.waiting,
             ruling = n.ruling, standing = n.standing,
             gone_at = n.gone_at, lost = n.lost, changed_at = now()
         FROM UNNEST($1::text[], $2::text[], $3::jsonb[], $4::jsonb[], $5::jsonb[], $6::jsonb[],
           $7::jsonb[], $8::jsonb[],
                     $9::timestamptz[], $10::jsonb[])
              AS n (shop, number, agreed, turns, writing, waiting, ruling, standing, gone_at, lost)
         WHERE a.shop = n.shop AND a.number = n.number",
        &shops,
        &numbers,
        &agreed as &[Option<Value>],
        &turns,
        &writing as &[Option<Value>],
        &waiting as &[Option<Value>],
        &ruling as &[Option<Value>],
        &standing as &[Option<Value>],
        &gone as &[Option<DateTime<Utc>>],
        &lost as &[Option<Value>]
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE bridge.orders o SET stage = n.stage
         FROM UNNEST($1::text[], $2::text[], $3::text[]) AS n (shop, number, stage)
         WHERE o.shop = n.shop AND o.number = n.number AND o.stage IS DISTINCT FROM n.stage
           AND n.stage IS NOT NULL",
        &shops,
        &numbers,
        &stages as &[Option<String>]
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Stores the first agreement of orders that were made, or may have been: those that certainly
/// were put it over an older one. What died on its way to the shop before is not to be told any
/// more.
pub async fn begin(
    db: &mut PgConnection,
    (shops, numbers): (&[String], &[String]),
    agreed: &[Value],
    certain: &[bool],
) -> Result<(), Error> {
    sqlx::query!(
        "WITH begun AS (
             INSERT INTO bridge.agreements AS a (shop, number, agreed)
             SELECT shop, number, n.agreed FROM UNNEST($1::text[], $2::text[], $3::jsonb[],
               $4::boolean[]) AS n (shop, number, agreed, certain)
             LEFT JOIN bridge.agreements o USING (shop, number)
             WHERE n.certain OR o.agreed IS NULL ORDER BY shop, number
             ON CONFLICT (shop, number) DO UPDATE
             SET agreed = excluded.agreed, writing = NULL, waiting = NULL, ruling = NULL,
                 standing = NULL, gone_at = NULL, changed_at = now()
             RETURNING shop, number),
         gone AS (
             UPDATE bridge.status_changes c SET state = 'dropped', settled_at = now()
             FROM begun b WHERE c.shop = b.shop AND c.number = b.number AND c.state = 'dead'
               RETURNING c.shop, c.seq)
         UPDATE bridge.dead_letters d
         SET closed_at = now(), closed_how = 'overtaken', closed_by = 'bridge',
             reason = 'a new deal was made since'
         FROM gone WHERE d.shop = gone.shop AND d.change_seq = gone.seq AND d.closed_at IS NULL",
        shops,
        numbers,
        agreed,
        certain
    )
    .execute(db)
    .await?;
    Ok(())
}

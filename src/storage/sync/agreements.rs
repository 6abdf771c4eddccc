//! Agreements: what both sides of each order were last known to agree on, and what was decided
//! since.

use crate::{
    domain::{
        Agreed, BridgeWrite, OrderKey, ReportedStatus, StageWriteInFlight, StandingRuling, Waiting,
    },
    storage::{Error, Json, Unreadable},
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::Value;
use sqlx::PgConnection;

/// An order's two sides, as they are stored.
#[derive(Debug, Clone)]
pub struct Row {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The id of its deal in the portal, if there is one.
    pub deal_id: Option<i64>,
    /// The stage, as last known.
    pub stage: Option<String>,
    /// What the newest snapshot says; paid also where 1C says so since.
    pub said: Option<ReportedStatus>,
    /// What was last agreed.
    pub agreed: Option<Agreed>,
    /// What was written lately.
    pub turns: Vec<BridgeWrite>,
    /// A stage that is being written.
    pub writing: Option<StageWriteInFlight>,
    /// The difference that waits for a person.
    pub waiting: Option<Waiting>,
    /// A person's word that holds until both sides agree; `None` where nobody spoke.
    pub ruling: Option<StandingRuling>,
    /// A difference that stays: only ever compared with another.
    pub standing: Option<Value>,
    /// A stage that was given up for lost, and may land yet.
    pub lost: Option<StageWriteInFlight>,
    /// When the deal was found to be missing.
    pub gone_at: Option<DateTime<Utc>>,
}

/// A row that was found. One that cannot be read is its own order's fault: nothing may be decided
/// of that order by the rest, and nothing of it is written.
#[derive(Debug)]
pub struct FoundRow {
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// The id of its deal in the portal, if there is one.
    pub deal_id: Option<i64>,
    row: Result<Row, Unreadable>,
}

impl FoundRow {
    /// The shop and the number of the order.
    pub fn key(&self) -> OrderKey {
        OrderKey::new(&self.shop, &self.number)
    }

    /// The row; or an error that names the table, the column and the order.
    pub fn row(&self) -> Result<&Row, Error> {
        self.row.as_ref().map_err(|why| why.clone().into())
    }

    /// The same, to be changed.
    pub fn row_mut(&mut self) -> Result<&mut Row, Error> {
        self.row.as_mut().map_err(|why| why.clone().into())
    }

    /// The row itself; or an error that names the table, the column and the order.
    pub fn into_row(self) -> Result<Row, Error> {
        self.row.map_err(Error::from)
    }
}

/// A row before each value is looked at.
#[derive(Debug)]
struct Stored {
    shop: String,
    number: String,
    deal_id: Option<i64>,
    stage: Option<String>,
    said: Option<Json<ReportedStatus>>,
    agreed: Option<Json<Agreed>>,
    turns: Json<Vec<BridgeWrite>>,
    writing: Option<Json<StageWriteInFlight>>,
    waiting: Option<Json<Waiting>>,
    ruling: Option<Json<StandingRuling>>,
    standing: Option<Json>,
    lost: Option<Json<StageWriteInFlight>>,
    gone_at: Option<DateTime<Utc>>,
}

const AGREEMENTS: &str = "bridge.agreements";

impl From<Stored> for FoundRow {
    fn from(stored: Stored) -> Self {
        Self {
            shop: stored.shop.clone(),
            number: stored.number.clone(),
            deal_id: stored.deal_id,
            row: stored.read(),
        }
    }
}

impl Stored {
    fn read(self) -> Result<Row, Unreadable> {
        let key = &OrderKey::new(&self.shop, &self.number);
        Ok(Row {
            said: self
                .said
                .map(|it| it.read("bridge.orders", "said", key))
                .transpose()?,
            agreed: self
                .agreed
                .map(|it| it.read(AGREEMENTS, "agreed", key))
                .transpose()?,
            turns: self.turns.read(AGREEMENTS, "turns", key)?,
            writing: self
                .writing
                .map(|it| it.read(AGREEMENTS, "writing", key))
                .transpose()?,
            waiting: self
                .waiting
                .map(|it| it.read(AGREEMENTS, "waiting", key))
                .transpose()?,
            ruling: self
                .ruling
                .map(|it| it.read(AGREEMENTS, "ruling", key))
                .transpose()?,
            standing: self
                .standing
                .map(|it| it.read(AGREEMENTS, "standing", key))
                .transpose()?,
            lost: self
                .lost
                .map(|it| it.read(AGREEMENTS, "lost", key))
                .transpose()?,
            deal_id: self.deal_id,
            stage: self.stage,
            gone_at: self.gone_at,
            shop: self.shop,
            number: self.number,
        })
    }
}

/// Locks these orders' agreements, making rows for the new ones. Orders that the bridge does not
/// know are left out.
pub async fn lock(
    db: &mut PgConnection,
    shops: &[String],
    numbers: &[String],
) -> Result<Vec<FoundRow>, Error> {
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
        r#"SELECT a.shop, a.number, o.deal_id, o.stage,
                CASE WHEN EXISTS (
                         SELECT FROM bridge.onec_orders f
                         WHERE f.shop = o.shop AND f.number = o.number
                           AND f.paid_heard_at > (o.said ->> 'seen')::timestamptz)
                     THEN jsonb_set(o.said, '{paid}', 'true') ELSE o.said END
                  AS "said: Json<ReportedStatus>",
                a.agreed AS "agreed: Json<Agreed>", a.turns AS "turns: Json<Vec<BridgeWrite>>",
                a.writing AS "writing: Json<StageWriteInFlight>",
                a.waiting AS "waiting: Json<Waiting>", a.ruling AS "ruling: Json<StandingRuling>",
                a.standing AS "standing: Json", a.lost AS "lost: Json<StageWriteInFlight>",
                a.gone_at
         FROM UNNEST($1::text[], $2::text[]) AS k (shop, number)
         JOIN bridge.agreements a USING (shop, number) JOIN bridge.orders o USING (shop, number)
         ORDER BY a.shop, a.number FOR UPDATE OF a"#,
        shops,
        numbers
    )
    .fetch_all(db)
    .await?;
    Ok(rows.into_iter().map(FoundRow::from).collect())
}

/// Those of these orders whose shop was told a status, and has not said it yet.
pub async fn told(
    db: &mut PgConnection,
    shops: &[String],
    numbers: &[String],
) -> Result<Vec<OrderKey>, Error> {
    let rows = sqlx::query!(
        "SELECT a.shop, a.number FROM UNNEST($1::text[], $2::text[]) AS k (shop, number)
         JOIN bridge.agreements a USING (shop, number) WHERE a.agreed -> 'told' <> '[]'",
        shops,
        numbers
    );
    let rows = rows.fetch_all(db).await?.into_iter();
    Ok(rows
        .map(|row| OrderKey::new(&row.shop, &row.number))
        .collect())
}

/// Those of these orders whose sides have agreed on something.
pub async fn known(
    db: &mut PgConnection,
    shops: &[String],
    numbers: &[String],
) -> Result<Vec<OrderKey>, Error> {
    let rows = sqlx::query!(
        "SELECT a.shop, a.number FROM UNNEST($1::text[], $2::text[]) AS k (shop, number)
         JOIN bridge.agreements a USING (shop, number) WHERE a.agreed IS NOT NULL",
        shops,
        numbers
    );
    let rows = rows.fetch_all(db).await?.into_iter();
    Ok(rows
        .map(|row| OrderKey::new(&row.shop, &row.number))
        .collect())
}

/// Those of these orders whose agreement was let go after their shop had taken a status that it
/// does not say: by now it is what the shop says that counts.
pub async fn let_go(
    db: &mut PgConnection,
    shops: &[String],
    numbers: &[String],
) -> Result<Vec<OrderKey>, Error> {
    let rows = sqlx::query!(
        r#"SELECT o.shop AS "shop!", o.number AS "number!"
           FROM UNNEST($1::text[], $2::text[]) AS k (shop, number)
           JOIN bridge.orders o USING (shop, number)
           LEFT JOIN bridge.agreements a USING (shop, number)
           WHERE a.agreed IS NULL AND o.status <> o.said ->> 'status'"#,
        shops,
        numbers
    );
    let rows = rows.fetch_all(db).await?.into_iter();
    Ok(rows
        .map(|row| OrderKey::new(&row.shop, &row.number))
        .collect())
}

/// The next orders of a shop whose sides agreed and where nothing is under way, by number; not
/// locked.
pub async fn agreed(
    db: &mut PgConnection,
    shop: &str,
    after: &str,
    limit: i64,
) -> Result<Vec<FoundRow>, Error> {
    let rows = sqlx::query_as!(
        Stored,
        r#"SELECT a.shop, a.number, o.deal_id, o.stage,
                CASE WHEN EXISTS (
                         SELECT FROM bridge.onec_orders f
                         WHERE f.shop = o.shop AND f.number = o.number
                           AND f.paid_heard_at > (o.said ->> 'seen')::timestamptz)
                     THEN jsonb_set(o.said, '{paid}', 'true') ELSE o.said END
                  AS "said: Json<ReportedStatus>",
                a.agreed AS "agreed: Json<Agreed>", a.turns AS "turns: Json<Vec<BridgeWrite>>",
                a.writing AS "writing: Json<StageWriteInFlight>",
                a.waiting AS "waiting: Json<Waiting>", a.ruling AS "ruling: Json<StandingRuling>",
                a.standing AS "standing: Json", a.lost AS "lost: Json<StageWriteInFlight>",
                a.gone_at
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
    Ok(rows.into_iter().map(FoundRow::from).collect())
}

/// A column of JSON.
fn column<T: Serialize>(
    rows: &[Row],
    get: impl Fn(&Row) -> Option<&T>,
) -> Result<Vec<Option<Value>>, Error> {
    let values = rows.iter().map(|row| get(row).map(serde_json::to_value));
    let values = values.map(Option::transpose).collect::<Result<_, _>>();
    values.map_err(|error| sqlx::Error::Encode(error.into()).into())
}

/// Stores agreements that are locked, and the stages as last known.
pub async fn save(db: &mut PgConnection, rows: &[Row]) -> Result<(), Error> {
    let shops: Vec<String> = rows.iter().map(|r| r.shop.clone()).collect();
    let numbers: Vec<String> = rows.iter().map(|r| r.number.clone()).collect();
    let agreed = column(rows, |r| r.agreed.as_ref())?;
    let turns = column(rows, |r| Some(&r.turns))?;
    let writing = column(rows, |r| r.writing.as_ref())?;
    let waiting = column(rows, |r| r.waiting.as_ref())?;
    let ruling = column(rows, |r| r.ruling.as_ref())?;
    let standing = column(rows, |r| r.standing.as_ref())?;
    let lost = column(rows, |r| r.lost.as_ref())?;
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
        &turns as &[Option<Value>],
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
/// more, and what people were asked about the older deal is over.
pub async fn begin(
    db: &mut PgConnection,
    (shops, numbers): (&[String], &[String]),
    agreed: &[Agreed],
    certain: &[bool],
) -> Result<(), Error> {
    let agreed: Vec<_> = agreed.iter().map(sqlx::types::Json).collect();
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
         asked AS (
             UPDATE bridge.conflicts c
             SET closed_at = now(), closed_how = CASE WHEN c.ruled_at IS NULL THEN 'vanished'
               ELSE 'ruled' END
             FROM begun b WHERE c.shop = b.shop AND c.number = b.number AND c.closed_at IS NULL),
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
        &agreed as &[sqlx::types::Json<&Agreed>],
        certain
    )
    .execute(db)
    .await?;
    Ok(())
}

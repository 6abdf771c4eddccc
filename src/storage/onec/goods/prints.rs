//! Prints of what was said of products: who says the same again says nothing new.
//!
//! A print is kept while the rows of its product hold what its element says, and while each price
//! and each count that it names was said last in its channel. An element whose print is kept
//! writes no row: that it came is one repeat for many products in a row, and a row's times are its
//! own or those of a repeat of its product and its channel, whichever is later. Where that matters
//! they are written into the rows: before an older file, for a stock that 1C counts, and now and
//! then ([`fold`]).
//!
//! Goods of a base are stored by one transaction at a time: [`begin`] takes the turn.

use crate::storage::Error;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;
use uuid::Uuid;

/// Prints that are read at once.
const AT_ONCE: i64 = 4_096;
/// Repeats of a base that are kept beside its rows.
const MOST: i64 = 5_000;
/// Products whose repeats are written into their rows in one turn.
const FOLDED: i64 = 2_000;

/// Products one after the other, by number, that a file speaks of again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Run {
    /// In which kind of file.
    pub channel: i16,
    /// The first product's number.
    pub first: i64,
    /// The last one's.
    pub last: i64,
}

/// What an element said, and of which product.
#[derive(Debug, Clone, Copy)]
pub struct PrintRow {
    /// The product's number.
    pub number: i64,
    /// In which kind of file.
    pub channel: i16,
    /// Stands for all that the element says.
    pub print: Uuid,
}

/// Takes the turn to store goods of a base, until the transaction ends; returns its generation.
/// What an earlier version of the bridge has stored since makes every print doubtful.
pub async fn begin(db: &mut PgConnection, base: &str) -> Result<i64, Error> {
    let generation = next(&mut *db, base).await?;
    let unmarked = sqlx::query!(
        "UPDATE bridge.onec_imports SET marked = position WHERE base = $1 AND marked <> position",
        base
    )
    .execute(&mut *db)
    .await?;
    if unmarked.rows_affected() > 0 {
        // Of its own, so that they are newer than what anybody has read.
        let generation = next(&mut *db, base).await?;
        sqlx::query!(
            "UPDATE bridge.onec_prints e SET print = NULL, written = $2
             FROM bridge.onec_products p
             WHERE p.base = $1 AND e.number = p.number AND e.print IS NOT NULL",
            base,
            generation
        )
        .execute(db)
        .await?;
        return Ok(generation);
    }
    Ok(generation)
}

async fn next(db: &mut PgConnection, base: &str) -> Result<i64, Error> {
    Ok(sqlx::query_scalar!(
        "INSERT INTO bridge.onec_goods AS g (base) VALUES ($1)
         ON CONFLICT (base) DO UPDATE SET generation = g.generation + 1
         RETURNING generation",
        base
    )
    .fetch_one(db)
    .await?)
}

/// The generation of a base's goods; `None`: it has none.
pub async fn generation(db: &mut PgConnection, base: &str) -> Result<Option<i64>, Error> {
    let row = sqlx::query_scalar!(
        "SELECT generation FROM bridge.onec_goods WHERE base = $1",
        base
    );
    Ok(row.fetch_optional(db).await?)
}

/// Prints of products from this number on, of all bases: some of them, in their order.
pub async fn some(db: &mut PgConnection, from: i64) -> Result<Vec<PrintRow>, Error> {
    let row = sqlx::query!(
        r#"SELECT array_agg(number) AS numbers, array_agg(channel) AS channels,
                  array_agg(print) AS "prints: Vec<Uuid>"
           FROM (SELECT number, channel, print FROM bridge.onec_prints
                 WHERE number >= $1 AND print IS NOT NULL
                 ORDER BY number, channel LIMIT $2) e"#,
        from,
        AT_ONCE
    )
    .fetch_one(db)
    .await?;
    let (Some(numbers), Some(channels), Some(prints)) = (row.numbers, row.channels, row.prints)
    else {
        return Ok(Vec::new());
    };
    let places = numbers.into_iter().zip(channels);
    let rows = places
        .zip(prints)
        .map(|((number, channel), print)| PrintRow {
            number,
            channel,
            print,
        });
    Ok(rows.collect())
}

/// The prints of one product.
pub async fn of_product(
    db: &mut PgConnection,
    base: &str,
    id: &str,
) -> Result<Vec<PrintRow>, Error> {
    Ok(sqlx::query_as!(
        PrintRow,
        r#"SELECT e.number, e.channel, e.print AS "print!"
           FROM bridge.onec_products p JOIN bridge.onec_prints e ON e.number = p.number
           WHERE p.base = $1 AND p.id = $2 AND e.print IS NOT NULL ORDER BY e.channel"#,
        base,
        id
    )
    .fetch_all(db)
    .await?)
}

/// Whether prints of these products were written after this generation.
pub async fn are_newer(db: &mut PgConnection, than: i64, runs: &[Run]) -> Result<bool, Error> {
    let (channels, firsts, lasts) = columns(runs);
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM UNNEST($2::smallint[], $3::bigint[], $4::bigint[])
                   AS n (channel, first, last)
               JOIN bridge.onec_prints e
                   ON e.number BETWEEN n.first AND n.last AND e.channel = n.channel
               WHERE e.written > $1) AS "they_are!""#,
        than,
        &channels,
        &firsts,
        &lasts
    )
    .fetch_one(db)
    .await?)
}

fn columns(runs: &[Run]) -> (Vec<i16>, Vec<i64>, Vec<i64>) {
    let channels = runs.iter().map(|run| run.channel).collect();
    let firsts = runs.iter().map(|run| run.first).collect();
    (channels, firsts, runs.iter().map(|run| run.last).collect())
}

/// Keeps prints of elements that were stored.
pub async fn keep(db: &mut PgConnection, generation: i64, rows: &[PrintRow]) -> Result<(), Error> {
    let numbers: Vec<i64> = rows.iter().map(|row| row.number).collect();
    let channels: Vec<i16> = rows.iter().map(|row| row.channel).collect();
    let prints: Vec<Uuid> = rows.iter().map(|row| row.print).collect();
    sqlx::query!(
        "INSERT INTO bridge.onec_prints AS e (number, channel, print, written)
         SELECT n.number, n.channel, n.print, $1
         FROM UNNEST($2::bigint[], $3::smallint[], $4::uuid[]) AS n (number, channel, print)
         ORDER BY 1, 2
         ON CONFLICT (number, channel) DO UPDATE
         SET print = excluded.print, written = excluded.written",
        generation,
        &numbers,
        &channels,
        &prints
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Other elements than these no longer agree with the rows of their products.
pub async fn forget_others(
    db: &mut PgConnection,
    generation: i64,
    (numbers, channels): (&[i64], &[i16]),
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_prints e SET print = NULL, written = $1
         FROM UNNEST($2::bigint[], $3::smallint[]) AS n (number, channel)
         WHERE e.number = n.number AND e.channel <> n.channel AND e.print IS NOT NULL",
        generation,
        numbers,
        channels
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Nothing that was said of these products is known to agree with their rows.
pub async fn forget(
    db: &mut PgConnection,
    generation: i64,
    (base, ids): (&str, &[&str]),
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.onec_prints e SET print = NULL, written = $1
         FROM bridge.onec_products p
         WHERE p.base = $2 AND p.id = ANY($3) AND e.number = p.number AND e.print IS NOT NULL",
        generation,
        base,
        ids as &[&str]
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Prices and counts that the newest elements of these products, stored in this transaction, no
/// longer name: what is said in their channels from now on does not touch them.
pub async fn let_go(
    db: &mut PgConnection,
    base: &str,
    rows: &[(i64, &str, i16)],
) -> Result<(), Error> {
    let numbers: Vec<i64> = rows.iter().map(|row| row.0).collect();
    let products: Vec<&str> = rows.iter().map(|row| row.1).collect();
    let channels: Vec<i16> = rows.iter().map(|row| row.2).collect();
    sqlx::query!(
        "WITH named AS MATERIALIZED (
             SELECT n.product, n.channel, r.formed_at
             FROM UNNEST($2::bigint[], $3::text[], $4::smallint[]) AS n (number, product, channel)
             LEFT JOIN LATERAL (
                 SELECT max(r.formed_at) AS formed_at FROM bridge.onec_repeats r
                 WHERE r.base = $1 AND r.channel = n.channel
                   AND n.number BETWEEN r.first AND r.last) r ON true
         ), prices AS (
             UPDATE bridge.onec_prices x
             SET channel = NULL, formed_at = greatest(x.formed_at, n.formed_at)
             FROM named n
             WHERE x.base = $1 AND x.product = n.product AND x.channel = n.channel
               AND x.touched_at <> now()
         )
         UPDATE bridge.onec_counts x
         SET channel = NULL, formed_at = greatest(x.formed_at, n.formed_at)
         FROM named n
         WHERE x.base = $1 AND x.product = n.product AND x.channel = n.channel
           AND x.touched_at <> now()",
        base,
        &numbers,
        &products as &[&str],
        &channels
    )
    .execute(db)
    .await?;
    Ok(())
}

/// A file of this time speaks of these products again, and says nothing new of them.
pub async fn repeat(
    db: &mut PgConnection,
    base: &str,
    formed_at: DateTime<Utc>,
    runs: &[Run],
) -> Result<(), Error> {
    let (channels, firsts, lasts) = columns(runs);
    sqlx::query!(
        "WITH said AS (
             SELECT * FROM UNNEST($3::smallint[], $4::bigint[], $5::bigint[])
                 AS n (channel, first, last)
         ), overtaken AS (
             DELETE FROM bridge.onec_repeats r USING said n
             WHERE r.base = $1 AND r.channel = n.channel AND r.formed_at <= $2
               AND r.first >= n.first AND r.last <= n.last
         )
         INSERT INTO bridge.onec_repeats (base, channel, first, last, formed_at, touched_at)
         SELECT $1, channel, first, last, $2, now() FROM said",
        base,
        formed_at,
        &channels,
        &firsts,
        &lasts
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether any repeat is newer than a file of this time. If so, the rows of these products have
/// the times of their repeats then, so that what is older than those can be told.
pub async fn fold_newer(
    db: &mut PgConnection,
    base: &str,
    than: DateTime<Utc>,
    ids: &[&str],
) -> Result<bool, Error> {
    let newer = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM bridge.onec_repeats WHERE base = $1 AND formed_at > $2)
               AS "there!""#,
        base,
        than
    );
    let newer = newer.fetch_one(&mut *db).await?;
    if newer {
        fold_some(db, base, (Some(ids), None)).await?;
    }
    Ok(newer)
}

/// Where too many repeats of a base are kept beside its rows, writes their times into the rows of
/// some products, the first ones by number. It takes the turn, and so does little at once. Whether
/// it did anything: then there may be more.
pub async fn fold(db: &mut PgConnection, base: &str) -> Result<bool, Error> {
    let many = sqlx::query_scalar!(
        r#"SELECT count(*) > $2 AS "many!" FROM bridge.onec_repeats WHERE base = $1"#,
        base,
        MOST
    );
    if !many.fetch_one(&mut *db).await? {
        return Ok(false);
    }
    begin(&mut *db, base).await?;
    let before = sqlx::query_scalar!(
        "SELECT number FROM bridge.onec_products
         WHERE base = $1
           AND number >= (SELECT min(first) FROM bridge.onec_repeats WHERE base = $1)
         ORDER BY number OFFSET $2 LIMIT 1",
        base,
        FOLDED
    );
    let before = before.fetch_optional(&mut *db).await?;
    fold_some(&mut *db, base, (None, before)).await?;
    sqlx::query!(
        "DELETE FROM bridge.onec_repeats
         WHERE base = $1 AND ($2::bigint IS NULL OR last < $2)",
        base,
        before
    )
    .execute(&mut *db)
    .await?;
    sqlx::query!(
        "UPDATE bridge.onec_repeats SET first = $2 WHERE base = $1 AND first < $2",
        base,
        before
    )
    .execute(db)
    .await?;
    Ok(true)
}

/// Writes the times of repeats into the rows of these products, and of those with numbers before
/// this one; `None`: of all. The caller has the turn.
async fn fold_some(
    db: &mut PgConnection,
    base: &str,
    (ids, before): (Option<&[&str]>, Option<i64>),
) -> Result<(), Error> {
    sqlx::query!(
        "WITH said AS MATERIALIZED (
             SELECT p.number, p.id, r.channel, max(r.formed_at) AS formed_at,
                    max(r.touched_at) AS touched_at
             FROM bridge.onec_repeats r
             JOIN bridge.onec_products p
                 ON p.base = r.base AND p.number BETWEEN r.first AND r.last
             WHERE r.base = $1 AND ($2::text[] IS NULL OR p.id = ANY($2))
               AND ($3::bigint IS NULL OR p.number < $3)
             GROUP BY p.number, p.id, r.channel
         ), products AS (
             UPDATE bridge.onec_products p
             SET formed_at = greatest(p.formed_at, s.formed_at),
                 touched_at = greatest(p.touched_at, s.touched_at)
             FROM (SELECT number, max(formed_at) AS formed_at, max(touched_at) AS touched_at
                   FROM said GROUP BY number) s
             WHERE p.number = s.number
         ), prices AS (
             UPDATE bridge.onec_prices x
             SET formed_at = s.formed_at, touched_at = greatest(x.touched_at, s.touched_at)
             FROM said s
             WHERE x.base = $1 AND x.product = s.id AND x.channel = s.channel
               AND x.formed_at < s.formed_at
         )
         UPDATE bridge.onec_counts x
         SET formed_at = s.formed_at, touched_at = greatest(x.touched_at, s.touched_at)
         FROM said s
         WHERE x.base = $1 AND x.product = s.id AND x.channel = s.channel
           AND x.formed_at < s.formed_at",
        base,
        ids as Option<&[&str]>,
        before
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether counts were repeated and do not have the time of that in their rows.
pub async fn any_uncounted(db: &mut PgConnection, base: &str) -> Result<bool, Error> {
    let there = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM bridge.onec_repeats WHERE base = $1 AND NOT counted)
               AS "there!""#,
        base
    );
    Ok(there.fetch_one(db).await?)
}

/// Writes the times of repeats into the rows of counts: a figure that a newer file repeats is news
/// of that time. The caller has the turn.
pub async fn fold_counts(db: &mut PgConnection, base: &str) -> Result<(), Error> {
    sqlx::query!(
        "WITH said AS MATERIALIZED (
             SELECT p.id, r.channel, max(r.formed_at) AS formed_at,
                    max(r.touched_at) AS touched_at
             FROM bridge.onec_repeats r
             JOIN bridge.onec_products p
                 ON p.base = r.base AND p.number BETWEEN r.first AND r.last
             WHERE r.base = $1 AND NOT r.counted GROUP BY p.id, r.channel
         ), counts AS (
             UPDATE bridge.onec_counts x
             SET formed_at = s.formed_at, touched_at = greatest(x.touched_at, s.touched_at)
             FROM said s
             WHERE x.base = $1 AND x.product = s.id AND x.channel = s.channel
               AND x.formed_at < s.formed_at
         )
         UPDATE bridge.onec_repeats SET counted = true WHERE base = $1 AND NOT counted",
        base
    )
    .execute(db)
    .await?;
    Ok(())
}

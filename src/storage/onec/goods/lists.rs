//! Groups, properties, types of prices and warehouses, as 1C's files list them.

use crate::storage::{Error, Json, ListKind};
use chrono::{DateTime, Utc};
use serde_json::Value;
use sqlx::PgConnection;

/// A group, a property, a price type or a warehouse.
#[derive(Debug, Clone)]
pub struct ListRow {
    /// What kind of thing it is.
    pub kind: ListKind,
    /// 1C's id of it: `Ид`.
    pub id: String,
    /// What people call it: `Наименование`.
    pub name: String,
    /// What else is said of it.
    pub detail: Value,
}

/// The rows as columns.
struct Columns<'a> {
    kinds: Vec<&'a str>,
    ids: Vec<&'a str>,
    names: Vec<&'a str>,
    details: Vec<&'a Value>,
}

impl<'a> Columns<'a> {
    fn of(rows: impl IntoIterator<Item = &'a ListRow>) -> Self {
        let rows: Vec<&ListRow> = rows.into_iter().collect();
        Self {
            kinds: rows.iter().map(|row| row.kind.as_str()).collect(),
            ids: rows.iter().map(|row| &*row.id).collect(),
            names: rows.iter().map(|row| &*row.name).collect(),
            details: rows.iter().map(|row| &row.detail).collect(),
        }
    }
}

/// Stores what lists name.
pub async fn store(
    db: &mut PgConnection,
    base: &str,
    formed_at: DateTime<Utc>,
    rows: &[ListRow],
) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let Columns {
        kinds,
        ids,
        names,
        details,
    } = Columns::of(rows);
    sqlx::query!(
        "INSERT INTO bridge.onec_lists AS l (base, kind, id, name, detail, formed_at, touched_at)
         SELECT $1, n.kind, n.id, n.name, n.detail, $2, now()
         FROM UNNEST($3::text[], $4::text[], $5::text[], $6::jsonb[]) AS n (kind, id, name, detail)
         ORDER BY n.kind, n.id
         ON CONFLICT (base, kind, id) DO UPDATE
         SET name = excluded.name, detail = excluded.detail, formed_at = excluded.formed_at,
             touched_at = now()
         WHERE l.formed_at <= excluded.formed_at",
        base,
        formed_at,
        &kinds as &[&str],
        &ids as &[&str],
        &names as &[&str],
        &details as &[&Value]
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Whether groups or types of prices in these rows are new, or called otherwise than before.
pub async fn are_news(
    db: &mut PgConnection,
    base: &str,
    formed_at: DateTime<Utc>,
    rows: &[ListRow],
) -> Result<bool, Error> {
    let told = |row: &&ListRow| [ListKind::Group, ListKind::PriceType].contains(&row.kind);
    let Columns {
        kinds,
        ids,
        names,
        details,
    } = Columns::of(rows.iter().filter(told));
    if ids.is_empty() {
        return Ok(false);
    }
    Ok(sqlx::query_scalar!(
        r#"SELECT EXISTS (
               SELECT FROM UNNEST($3::text[], $4::text[], $5::text[], $6::jsonb[])
                   AS n (kind, id, name, detail)
               LEFT JOIN bridge.onec_lists l
                 ON l.base = $1 AND l.kind = n.kind AND l.id = n.id
               WHERE l.id IS NULL
                  OR l.formed_at <= $2 AND (l.name, l.detail) IS DISTINCT FROM (n.name, n.detail)
           ) AS "they_are!""#,
        base,
        formed_at,
        &kinds as &[&str],
        &ids as &[&str],
        &names as &[&str],
        &details as &[&Value]
    )
    .fetch_one(db)
    .await?)
}

/// A group or a type of prices, as 1C's files said so far.
#[derive(Debug, Clone)]
pub struct NamedRow {
    /// A group or a type of prices.
    pub kind: ListKind,
    /// Its `Ид` in 1C.
    pub id: String,
    /// What people call it: `Наименование`.
    pub name: String,
    /// What else is said of it.
    pub detail: Json,
}

/// The groups and the types of prices of a base.
pub async fn named(db: &mut PgConnection, base: &str) -> Result<Vec<NamedRow>, Error> {
    Ok(sqlx::query_as!(
        NamedRow,
        r#"SELECT kind AS "kind: ListKind", id, name, detail AS "detail: Json"
           FROM bridge.onec_lists
           WHERE base = $1 AND kind IN ('group', 'price_type')"#,
        base
    )
    .fetch_all(db)
    .await?)
}

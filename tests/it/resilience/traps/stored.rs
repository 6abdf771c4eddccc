//! What is stored of orders and cannot be read.

use super::{ALL, CHANGED, count, letters, moved, until};
use crate::{delivery::isolation::World, support::database::Database};
use b24_bridge::app::{Actor, Error, Retry};

/// What is kept of an order's two sides, in columns of JSON.
async fn columns(db: &Database) -> Vec<(String, String)> {
    // A difference that stands is only ever compared with another: it may be anything.
    sqlx::query_as(
        "SELECT table_name::text, column_name::text FROM information_schema.columns
         WHERE table_schema = 'bridge' AND data_type = 'jsonb'
           AND (table_name = 'agreements' AND column_name <> 'standing'
                OR table_name = 'orders' AND column_name = 'said')
         ORDER BY 1, 2",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap()
}

/// No part of what is kept counts as absent because it cannot be read: the order's letter says
/// where it stands, and it stays as it is until somebody has mended it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_kept_of_an_order_and_cannot_be_read_is_its_letter() {
    let (portal, db) = moved().await;
    let columns = columns(&db).await;
    assert!(columns.len() >= 7, "{columns:?}");
    let set = |n: usize, value: &str| {
        let (table, column) = &columns[n];
        format!("UPDATE bridge.{table} SET {column} = {value} WHERE number = 'A{n}'")
    };
    let mut kept: Vec<Option<String>> = Vec::new();
    for (n, (table, column)) in columns.iter().enumerate() {
        let was = format!("SELECT {column}::text FROM bridge.{table} WHERE number = 'A{n}'");
        let was = sqlx::query_scalar(sqlx::AssertSqlSafe(was));
        kept.push(was.fetch_one(&db.pool).await.unwrap());
        let spoil = sqlx::query(sqlx::AssertSqlSafe(set(n, "'true'")));
        spoil.execute(&db.pool).await.unwrap();
    }
    let spoilt = i64::try_from(columns.len()).unwrap();
    let world = World::start(portal, db);
    until("the others decided", async || {
        count(&world.db, CHANGED).await == ALL - spoilt
    })
    .await;
    until("a letter each", async || {
        letters(&world.app).await.len() == columns.len()
    })
    .await;
    let all = letters(&world.app).await;
    for (n, (table, column)) in columns.iter().enumerate() {
        let number = format!("A{n}");
        let letter = all.iter().find(|one| one.number.as_ref() == Some(&number));
        let letter = letter.unwrap_or_else(|| panic!("no letter of {number}, {column}"));
        assert_eq!(letter.code, "BRIDGE-BUG");
        let place = format!("bridge.{table} holds what this version cannot read: `{column}` of");
        let is_named = letter.message.contains(&format!("{place} {number} "));
        assert!(is_named, "{}", letter.message);
        let is = format!("SELECT {column}::text FROM bridge.{table} WHERE number = '{number}'");
        let is = sqlx::query_scalar(sqlx::AssertSqlSafe(is));
        let is: Option<String> = is.fetch_one(&world.db.pool).await.unwrap();
        assert_eq!(is.as_deref(), Some("true"), "{table}.{column}");
    }
    let who = Actor::new("operator:anna");
    for (n, was) in kept.iter().enumerate() {
        let mend = sqlx::query(sqlx::AssertSqlSafe(set(n, "$1::jsonb")));
        mend.bind(was).execute(&world.db.pool).await.unwrap();
    }
    // Of an order that was compared meanwhile the letter is closed.
    for letter in letters(&world.app).await {
        let retried = world
            .app
            .dead_letters
            .retry(letter.id, &who, Retry::default());
        let retried = retried.await;
        assert!(
            matches!(retried, Ok(_) | Err(Error::NotFound)),
            "{retried:?}"
        );
    }
    until("all decided", async || {
        count(&world.db, CHANGED).await == ALL
    })
    .await;
    world.end().await;
}

//! A database of the version that kept documents of 1C and carried none out.

use super::world::order;
use crate::support::database::Database;
use b24_bridge::storage::onec::sides;
use serde_json::json;
use std::{fs, path::Path};

/// The first migration of the version under test.
const FIRST: &str = "20261127011500";

/// Runs the migrations on either side of the first one.
async fn migrate(db: &Database, earlier: bool) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        if (name < FIRST) == earlier {
            let text = fs::read_to_string(&file).unwrap();
            sqlx::raw_sql(sqlx::AssertSqlSafe(text))
                .execute(&db.pool)
                .await
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

#[tokio::test]
async fn what_an_earlier_version_exchanged_and_kept_is_found_again() {
    let db = Database::new().await;
    sqlx::raw_sql("DROP SCHEMA bridge CASCADE; CREATE SCHEMA bridge;")
        .execute(&db.pool)
        .await
        .unwrap();
    migrate(&db, true).await;
    let body = json!({"data": order("1", 1)});
    for (number, confirmed) in [("1", true), ("2", false), ("3", true)] {
        sqlx::query(
            "WITH event AS (
                 INSERT INTO bridge.outbox (portal, shop, number, source, event_id, kind, body,
                                            fingerprint, settled_at, state)
                 VALUES ('main', 'main', $1, 's', 'e' || $1, 'saved', $2,
                         decode(repeat('00', 32), 'hex'), now(), 'done')
                 RETURNING id),
             made AS (
                 INSERT INTO bridge.orders (shop, number, portal, head_id, said)
                 SELECT 'main', $1, 'main', id, jsonb_build_object('status', 'N') FROM event)
             INSERT INTO bridge.onec_orders (base, shop, number, head, waits, confirmed)
             SELECT 'trade', 'main', $1, id, NOT $3, CASE WHEN $3 THEN id END FROM event",
        )
        .bind(number)
        .bind(&body)
        .bind(confirmed)
        .execute(&db.pool)
        .await
        .unwrap();
    }
    sqlx::raw_sql(
        "INSERT INTO bridge.onec_bases (base) VALUES ('trade');
         INSERT INTO bridge.onec_documents (base, import, kind, number, print, raw, code, message)
         VALUES ('trade', 1, 'document', '1', '\\x01', '<Документ/>', 'ONEC-LATER', 'kept');
         INSERT INTO bridge.status_changes (shop, seq, portal, number, decision_id, status,
                                            previous_status, stage, reason, decided_at)
         VALUES ('main', 1, 'main', '3', 1, 'P', 'N', 'X', 'moved', now())",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    migrate(&db, false).await;
    let mut agreed = Vec::new();
    for number in ["1", "2", "3"] {
        let mut db = db.pool.acquire().await.unwrap();
        let side = sides::side(&mut db, ("trade", "main", number)).await;
        agreed.push(side.unwrap().unwrap().agreed);
    }
    let n = || Some("N".to_owned());
    assert_eq!(agreed, [n(), None, n()]);
    let kept: (String, String) = sqlx::query_as("SELECT state, code FROM bridge.onec_documents")
        .fetch_one(&db.pool)
        .await
        .unwrap();
    assert_eq!(kept, ("refused".to_owned(), "ONEC-LATER".to_owned()));
    let source: String = sqlx::query_scalar("SELECT source FROM bridge.status_changes")
        .fetch_one(&db.pool)
        .await
        .unwrap();
    assert_eq!(source, "portal");
}

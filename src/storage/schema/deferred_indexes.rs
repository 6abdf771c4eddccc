//! Indexes that migrations leave to be built while their tables are used: building one in a
//! migration would hold back whoever writes a large table.

use crate::storage::Error;
use sqlx::{PgConnection, PgPool};

/// An index that a migration makes only while its table is small.
struct DeferredIndex {
    name: &'static str,
    drop: &'static str,
    create: &'static str,
    /// The indexes that it stands for from now on.
    instead_of: &'static [&'static str],
}

const LATE: &[DeferredIndex] = &[
    DeferredIndex {
        name: "bridge.orders_queue",
        drop: "DROP INDEX CONCURRENTLY IF EXISTS bridge.orders_queue",
        create: "CREATE INDEX CONCURRENTLY orders_queue ON bridge.orders
                   (portal, shop, later, due_at)
                 INCLUDE (waits_since, attempts, stalls) WHERE due_at IS NOT NULL",
        instead_of: &["bridge.orders_due", "bridge.orders_waiting"],
    },
    DeferredIndex {
        name: "bridge.orders_put_off",
        drop: "DROP INDEX CONCURRENTLY IF EXISTS bridge.orders_put_off",
        create: "CREATE INDEX CONCURRENTLY orders_put_off ON bridge.orders (portal, waits_since)
                   WHERE due_at > waits_since",
        instead_of: &[],
    },
    DeferredIndex {
        name: "bridge.orders_tried",
        drop: "DROP INDEX CONCURRENTLY IF EXISTS bridge.orders_tried",
        create: "CREATE INDEX CONCURRENTLY orders_tried ON bridge.orders
                   (portal, shop, error_code, number)
                 WHERE due_at IS NOT NULL AND error_code IS NOT NULL",
        instead_of: &["bridge.orders_refused"],
    },
    DeferredIndex {
        name: "bridge.dead_letters_reasons",
        drop: "DROP INDEX CONCURRENTLY IF EXISTS bridge.dead_letters_reasons",
        create: "CREATE INDEX CONCURRENTLY dead_letters_reasons ON bridge.dead_letters
                   (portal, shop, code)
                 INCLUDE (change_seq, id, first_failed_at) WHERE closed_at IS NULL",
        instead_of: &[],
    },
    DeferredIndex {
        name: "bridge.status_changes_dead",
        drop: "DROP INDEX CONCURRENTLY IF EXISTS bridge.status_changes_dead",
        create: "CREATE INDEX CONCURRENTLY status_changes_dead ON bridge.status_changes
                   (shop, number, seq) WHERE state = 'dead'",
        instead_of: &[],
    },
    DeferredIndex {
        name: "bridge.orders_waiting_heads",
        drop: "DROP INDEX CONCURRENTLY IF EXISTS bridge.orders_waiting_heads",
        create: "CREATE INDEX CONCURRENTLY orders_waiting_heads ON bridge.orders (head_id)
                   WHERE due_at IS NOT NULL",
        instead_of: &[],
    },
    DeferredIndex {
        name: "bridge.orders_differing",
        drop: "DROP INDEX CONCURRENTLY IF EXISTS bridge.orders_differing",
        create: "CREATE INDEX CONCURRENTLY orders_differing ON bridge.orders (head_id)
                   WHERE due_at IS NULL AND (NOT in_sync OR doubtful)",
        instead_of: &[],
    },
    DeferredIndex {
        name: "bridge.agreements_unsettled",
        drop: "DROP INDEX CONCURRENTLY IF EXISTS bridge.agreements_unsettled",
        create: "CREATE INDEX CONCURRENTLY agreements_unsettled ON bridge.agreements (shop, number)
                   WHERE standing IS NOT NULL OR waiting IS NOT NULL OR writing IS NOT NULL
                     OR gone_at IS NOT NULL",
        instead_of: &[],
    },
    DeferredIndex {
        name: "bridge.decisions_made",
        drop: "DROP INDEX CONCURRENTLY IF EXISTS bridge.decisions_made",
        create: "CREATE INDEX CONCURRENTLY decisions_made ON bridge.decisions (id)
                   WHERE action <> 'agree'",
        instead_of: &[],
    },
    DeferredIndex {
        name: "bridge.order_words_keys",
        drop: "DROP INDEX CONCURRENTLY IF EXISTS bridge.order_words_keys",
        create: "CREATE INDEX CONCURRENTLY order_words_keys ON bridge.order_words
                   USING gin (keys) WITH (gin_pending_list_limit = 256)",
        instead_of: &[],
    },
];

/// Who builds, among all processes.
const BUILDER: i64 = 0x6232_3473_6561_7263;

/// Builds what is missing; whether all is there now. One process builds, the others leave it to
/// that one. What a process that died has left half done is done anew.
pub async fn build(pool: &PgPool) -> Result<bool, Error> {
    let mut db = pool.acquire().await?;
    // The lock, the statement and the settings are the connection's: with it they end.
    db.close_on_drop();
    if missing(&mut db).await?.is_empty() {
        return Ok(true);
    }
    let ours = sqlx::query_scalar!(r#"SELECT pg_try_advisory_lock($1) AS "ours!""#, BUILDER);
    if !ours.fetch_one(&mut *db).await? {
        return Ok(false);
    }
    // It takes as long as it takes, and waits for whoever writes; nobody waits for it.
    sqlx::raw_sql("SET statement_timeout = 0; SET lock_timeout = 0")
        .execute(&mut *db)
        .await?;
    // Looked at again: whoever had the lock before may have built them.
    for (late, valid) in missing(&mut db).await? {
        if !valid {
            sqlx::raw_sql(late.drop).execute(&mut *db).await?;
            sqlx::raw_sql(late.create).execute(&mut *db).await?;
        }
        for old in late.instead_of {
            let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {old}");
            sqlx::raw_sql(sqlx::AssertSqlSafe(drop))
                .execute(&mut *db)
                .await?;
        }
    }
    Ok(true)
}

/// What is still to be done, and whether the index itself is there already.
async fn missing(db: &mut PgConnection) -> Result<Vec<(&'static DeferredIndex, bool)>, Error> {
    let mut missing = Vec::new();
    for late in LATE {
        let found = sqlx::query!(
            r#"SELECT coalesce((SELECT indisvalid FROM pg_index
                 WHERE indexrelid = to_regclass($1)), false) AS "valid!",
                      EXISTS (SELECT FROM unnest($2::text[]) AS old
                        WHERE to_regclass(old) IS NOT NULL) AS "old!""#,
            late.name,
            late.instead_of as &[&str]
        )
        .fetch_one(&mut *db)
        .await?;
        if !found.valid || found.old {
            missing.push((late, found.valid));
        }
    }
    Ok(missing)
}

//! pgmq itself, from the SQL that its crate carries, driven by its own client: 200 read, 200
//! archived, each a commit of its own.

use crate::{
    database::Database,
    report::{Bar, Report, timed},
    served::orders,
};
use pgmq::{Message, PGMQueueExt};
use serde_json::Value;

/// Messages of one wave.
const BATCH: i32 = 200;
const WAVES: usize = 50;

/// Its rate beside ours, on the database where ours was measured.
pub(crate) async fn run(report: &mut Report, database: &Database, ours: f64) {
    let queue = PGMQueueExt::new_with_pool(database.pool.clone()).await;
    queue.install_sql_from_embedded().await.unwrap();
    queue.create("orders").await.unwrap();
    for from in (0..2 * WAVES).map(|wave| wave * 200) {
        let messages = orders(from, 200);
        queue.send_batch("orders", &messages).await.unwrap();
    }
    for statement in ["VACUUM ANALYZE pgmq.q_orders", "CHECKPOINT"] {
        sqlx::query(statement)
            .execute(&database.pool)
            .await
            .unwrap();
    }
    let mut count = 0;
    let ((), seconds) = timed(async {
        for _ in 0..WAVES {
            let read = queue.read_batch("orders", 30, BATCH).await;
            let read: Vec<Message<Value, Option<Value>>> = read.unwrap();
            let ids: Vec<i64> = read.iter().map(|message| message.msg_id).collect();
            count += queue.archive_batch("orders", &ids).await.unwrap().len();
        }
    })
    .await;
    assert_eq!(count, WAVES * 200);
    let theirs = count as f64 / seconds;
    report.add(
        "the same beside pgmq (read 200, archive 200)",
        format!("{ours:.0}/s"),
        format!("pgmq, by its own client: {theirs:.0}/s"),
        ours / theirs,
        &Bar::None,
    );
}

//! Who goes away in the middle of BEGIN leaves no transaction to the next one: what is answered is
//! there.

use crate::support::database::Database;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_written_after_somebody_was_cut_off_is_committed() {
    let db = Database::new().await;
    let table = "CREATE TABLE public.kept (nth bigint)";
    sqlx::raw_sql(table).execute(&db.pool).await.unwrap();
    let mut answered = 0;
    for nth in 0..1_500_u32 {
        let pool = db.pool.clone();
        let leaves = tokio::spawn(async move {
            let tx = pool.begin().await?;
            tx.rollback().await
        });
        tokio::time::sleep(Duration::from_micros(u64::from(nth * 7 % 900))).await;
        leaves.abort();
        let _ = leaves.await;
        let write = sqlx::query("INSERT INTO public.kept VALUES ($1)").bind(i64::from(nth));
        if write.execute(&db.pool).await.is_ok() {
            answered += 1;
        }
    }
    // Seen from elsewhere, as after a crash.
    let other = sqlx::PgPool::connect(&db.url).await.unwrap();
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM public.kept")
        .fetch_one(&other)
        .await
        .unwrap();
    assert_eq!(kept, answered);
}

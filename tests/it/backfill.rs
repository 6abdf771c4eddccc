//! A history of orders from a file.

use crate::support::{
    database::Database,
    shop::{bridge, claim, event, lease, main_shop},
};
use b24_bridge::app::Backfill;

fn lines(numbers: std::ops::Range<u32>) -> Vec<Vec<u8>> {
    let order = |number| event("any", &format!("H-{number}"), 1)["data"].to_string();
    numbers.map(|number| order(number).into_bytes()).collect()
}

#[tokio::test]
async fn a_history_goes_on_where_it_was_interrupted_and_takes_nothing_twice() {
    let db = Database::new().await;
    let bridge = bridge(&db.pool, &["main"]);
    let of = Backfill {
        shop: main_shop(),
        file: [7; 32],
        import: false,
    };
    assert_eq!(bridge.backfill_position(&of).await.unwrap(), 0);
    let mut first = lines(0..3);
    first.insert(1, b"{broken".to_vec());
    let step = bridge.backfill(&of, 0, &first).await.unwrap();
    assert_eq!((step.queued, step.known, step.done), (3, 0, 4));
    assert_eq!(step.refused[0].0, 2);
    assert_eq!(bridge.backfill_position(&of).await.unwrap(), 4);
    let late = bridge.backfill(&of, 0, &first).await.unwrap();
    assert_eq!((late.queued, late.known, late.done), (0, 0, 4));
    let again = Backfill {
        file: [8; 32],
        ..of
    };
    let step = bridge.backfill(&again, 0, &lines(0..4)).await.unwrap();
    assert_eq!(
        (step.queued, step.known),
        (1, 3),
        "another file, three of its orders are known"
    );
}

#[tokio::test]
async fn history_waits_until_nothing_else_is_due() {
    let db = Database::new().await;
    let bridge = bridge(&db.pool, &["main"]);
    let of = Backfill {
        shop: main_shop(),
        file: [7; 32],
        import: false,
    };
    bridge.backfill(&of, 0, &lines(0..60)).await.unwrap();
    let now = [event("e1", "A-1", 1), event("e2", "H-5", 2)];
    bridge
        .accept_events(Some(&main_shop()), &now)
        .await
        .unwrap();
    let lease = lease(&db.pool, "one").await.unwrap();
    let mut numbers: Vec<_> = claim(&bridge, &lease)
        .await
        .into_iter()
        .map(|(claim, _)| claim.number)
        .collect();
    numbers.sort();
    assert_eq!(numbers, ["A-1", "H-5"]);
    sqlx::query("UPDATE bridge.orders SET due_at = NULL, waits_since = NULL WHERE NOT later")
        .execute(&db.pool)
        .await
        .unwrap();
    assert_eq!(claim(&bridge, &lease).await.len(), 50, "a small wave");
}

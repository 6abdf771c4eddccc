//! Letters of orders that a person mends.

use super::{order, pair, shop};
use b24_bridge::app::{Actor, Retry, RetryOutcome};

#[tokio::test]
async fn the_goods_of_an_order_follow_what_a_person_mends_in_its_letter() {
    let api = shop("placed").await;
    api.ordered(order(1, "N", 2)).await;
    assert_eq!(api.cups().await, pair("5", "2"));
    let letter = "INSERT INTO bridge.dead_letters
                      (outbox_id, portal, shop, number, code, message, attempts, first_failed_at,
                       payload)
                  SELECT e.id, e.portal, e.shop, e.number, 'MAP-STAGE', 'refused', 1, now(), e.body
                  FROM bridge.outbox e RETURNING id";
    let letter = sqlx::query_scalar::<_, i64>(letter).fetch_one(&api.db.pool);
    let letter = letter.await.unwrap();
    let mended = Retry {
        payload: Some(order(1, "N", 4)),
        ..Retry::default()
    };
    let anna = Actor::new("operator:anna");
    let retried = api.app.dead_letters.retry(letter, &anna, mended).await;
    assert_eq!(retried.unwrap(), RetryOutcome::Queued);
    assert_eq!(api.cups().await, pair("5", "4"));
    api.prove().await;
}

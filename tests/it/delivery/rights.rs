//! The portal's user loses the right to see what the bridge made: what is hidden is not gone.

use super::portal_identity::{changed, every_order_has_one_deal};
use crate::delivery::isolation::{World, orders};
use b24_bridge::sandbox::Sight;
use std::time::{Duration, Instant};

/// Waits until the lane is paused for want of rights.
async fn paused(world: &World) {
    let begun = Instant::now();
    loop {
        let status = world.app.operations.status().await.unwrap();
        if status.portals[0].paused_code.as_deref() == Some("B24-RIGHTS") {
            return;
        }
        let late = begun.elapsed() > Duration::from_secs(20);
        assert!(!late, "not paused\n{}", world.lives().await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn count(world: &World, what: &'static str) -> i64 {
    let counted = sqlx::query_scalar(what).fetch_one(&world.db.pool).await;
    counted.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_portal_hides_its_deals_orders_wait_and_go_on_when_it_shows_them() {
    for sight in [Sight::Nothing, Sight::Denied] {
        let world = World::new().await;
        let events = orders(5);
        world.post(&events).await;
        world.settled(Duration::from_secs(20)).await;
        let people = world.portal.contacts().len();
        // The history was read, so that its end is known.
        while count(
            &world,
            "SELECT count(*) FROM bridge.portals WHERE history_id > 0",
        )
        .await
            == 0
        {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        world.portal.set_sight(sight);
        let events = changed(&events);
        world.post(&events).await;
        paused(&world).await;
        let linked = "SELECT count(*) FROM bridge.orders WHERE deal_id IS NOT NULL";
        assert_eq!(count(&world, linked).await, 5, "{}", world.lives().await);
        world.portal.set_sight(Sight::All);
        world.settled(Duration::from_secs(20)).await;
        every_order_has_one_deal(&world, &events);
        let letters = world.letters().await;
        assert!(letters.is_empty(), "{sight:?} {letters:?}");
        assert_eq!(world.portal.contacts().len(), people, "{sight:?}");
        let gone = "SELECT count(*) FROM bridge.timeline WHERE kind = 'gone'";
        assert_eq!(count(&world, gone).await, 0, "{}", world.lives().await);
        world.end().await;
    }
}

//! The portal's user loses the right to see what the bridge made: what is hidden is not gone.

use super::portal_identity::{changed, every_order_has_one_deal};
use crate::delivery::isolation::{World, order, orders};
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_a_portal_denies_what_is_written_orders_wait_and_go_on_when_it_does_not() {
    for denied in ["crm.deal.add", "crm.contact.add", "crm.deal.update"] {
        let world = World::new().await;
        let before = orders(2);
        world.post(&before).await;
        world.settled(Duration::from_secs(20)).await;
        world.portal.deny(&[denied]);
        let mut events = changed(&before);
        if denied != "crm.deal.update" {
            events.extend((5..8).map(|n| order(&format!("A{n}"))));
        }
        world.post(&events).await;
        paused(&world).await;
        let letters = world.letters().await;
        assert!(letters.is_empty(), "{denied} {letters:?}");
        world.portal.deny(&[]);
        world.settled(Duration::from_secs(20)).await;
        let letters = world.letters().await;
        assert!(letters.is_empty(), "{denied} {letters:?}");
        every_order_has_one_deal(&world, &changed(&before));
        let deals = world.portal.deals().len();
        let expected = if denied == "crm.deal.update" { 2 } else { 5 };
        assert_eq!(deals, expected, "{denied}");
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_order_whose_deal_alone_may_not_be_written_stops_nobody_else() {
    let world = World::new().await;
    let events = orders(3);
    world.post(&events).await;
    world.settled(Duration::from_secs(20)).await;
    world.portal.deny(&["crm.deal.update"]);
    world.post(&changed(&events[..1])).await;
    world.post(&[order("A9")]).await;
    world.settled(Duration::from_secs(20)).await;
    let letters = world.letters().await;
    let [(number, code, _)] = &letters[..] else {
        panic!("{letters:?}\n{}", world.lives().await)
    };
    assert_eq!((number.as_str(), code.as_str()), ("A0", "B24-RIGHTS"));
    assert_eq!(world.deals_of("A9"), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_portal_that_refuses_its_stage_history_is_told_of_and_gets_its_orders() {
    let world = World::new().await;
    world.portal.deny(&["crm.stagehistory.list"]);
    let events = orders(3);
    world.post(&events).await;
    world.settled(Duration::from_secs(20)).await;
    let lasts =
        "SELECT count(*) FROM bridge.troubles WHERE code = 'B24-HISTORY' AND over_at IS NULL";
    let until = async |wanted: i64| {
        let begun = Instant::now();
        while count(&world, lasts).await != wanted {
            assert!(begun.elapsed() < Duration::from_secs(20), "not {wanted}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    until(1).await;
    let events = changed(&events);
    world.post(&events).await;
    world.settled(Duration::from_secs(20)).await;
    every_order_has_one_deal(&world, &events);
    assert!(world.letters().await.is_empty());
    world.portal.deny(&[]);
    until(0).await;
    world.end().await;
}

//! What the shop answers when it is told of a move, and what becomes of that.

use super::{
    scenarios::{agree, rule},
    world::{Answers, OPERATOR, Plot, World},
};
use crate::support::settings::KEY;
use serde_json::json;

#[tokio::test]
async fn a_shop_that_contradicts_is_believed_by_its_own_snapshot() {
    let world = World::new(rule("shop")).await;
    let deal = world.ordered("A-1").await;
    world.shop.with(|shop| {
        shop.answers = Answers::Contradicts;
        let order = shop.orders.get_mut("A-1").unwrap();
        order.status = "P".to_owned();
        order.paid = true;
        order.version += 1;
    });
    assert!(world.portal.move_deal(deal, "PREPAYMENT_INVOICE"));
    agree(&world, "P", "EXECUTING").await;
    let life = world.life("A-1").await.join("\n");
    assert!(life.contains("sent its own snapshot"), "{life}");
}

#[tokio::test]
async fn a_shop_that_refuses_gets_a_dead_letter_and_a_gone_one_is_left_alone() {
    let world = World::new(Plot::default()).await;
    let deal = world.ordered("A-1").await;
    world.shop.with(|shop| shop.answers = Answers::Status(400));
    assert!(world.portal.move_deal(deal, "PREPAYMENT_INVOICE"));
    let letters = async || world.get("/v1/dead-letters", OPERATOR).await["items"].clone();
    world
        .until("dead", async || {
            !letters().await.as_array().unwrap().is_empty()
        })
        .await;
    let letter = letters().await[0].clone();
    assert_eq!(
        (&letter["code"], &letter["number"], &letter["attempts"]),
        (&json!("SHOP-CALLBACK"), &json!("A-1"), &json!(5))
    );
    world.shop.with(|shop| shop.answers = Answers::Takes);
    let path = format!("/v1/dead-letters/{}/retry", letter["id"]);
    assert_eq!(world.post(&path, OPERATOR, json!({})).await.0, 200);
    agree(&world, "A", "PREPAYMENT_INVOICE").await;
    world.shop.with(|shop| shop.answers = Answers::Status(410));
    assert!(world.portal.move_deal(deal, "EXECUTING"));
    let paused = "SELECT count(*) FROM bridge.lanes WHERE portal = 'shop:main' AND paused_code = \
                  'SHOP-GONE'";
    world
        .until("paused", async || {
            let count: i64 = sqlx::query_scalar(paused)
                .fetch_one(&world.db.pool)
                .await
                .unwrap();
            count == 1
        })
        .await;
}

#[tokio::test]
async fn a_shop_that_cannot_be_called_reads_the_feed_without_gaps() {
    let world = World::new(Plot {
        callback: false,
        ..Plot::default()
    })
    .await;
    let first = world.ordered("A-1").await;
    let second = world.ordered("A-2").await;
    assert!(world.portal.move_deal(first, "PREPAYMENT_INVOICE"));
    let feed = async |after: i64| {
        world
            .get(&format!("/v1/status-changes?after={after}"), KEY)
            .await
    };
    world
        .until("the first", async || {
            feed(0).await["changes"].as_array().unwrap().len() == 1
        })
        .await;
    assert!(world.portal.move_deal(second, "WON"));
    world
        .until("the second", async || {
            feed(0).await["changes"].as_array().unwrap().len() == 2
        })
        .await;
    let page = feed(0).await;
    assert_eq!(
        page["changes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| c["seq"].as_i64().unwrap())
            .collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(
        (&page["changes"][1]["number"], &page["changes"][1]["status"]),
        (&json!("A-2"), &json!("F"))
    );
    assert_eq!(page["next"], 2);
    let rest = feed(2).await;
    assert_eq!(rest, json!({"changes": [], "next": 2}));
    // Reading on acknowledges: the bridge takes the statuses as the shop's.
    world.in_sync("A-1").await;
    assert_eq!(world.order("A-1").await["status"], "A");
}

#[tokio::test]
async fn a_reader_whose_place_is_older_reads_the_same_again_also_after_a_restart() {
    let mut world = World::new(Plot {
        callback: false,
        ..Plot::default()
    })
    .await;
    let deal = world.ordered("A-1").await;
    let feed = async |world: &World, after: i64| {
        let path = format!("/v1/status-changes?after={after}");
        world.get(&path, KEY).await
    };
    for (place, to) in ["PREPAYMENT_INVOICE", "EXECUTING"].iter().enumerate() {
        assert!(world.portal.move_deal(deal, to));
        let place = i64::try_from(place).unwrap();
        world
            .until("it is in the feed", async || {
                feed(&world, place).await["next"] == place + 1
            })
            .await;
    }
    let read = feed(&world, 0).await;
    feed(&world, 2).await;
    world.in_sync("A-1").await;
    let order = world.order("A-1").await;
    world.kill();
    world.start().await;
    // The shop's own older back-up came back.
    assert_eq!(feed(&world, 0).await, read);
    let rest = feed(&world, 1).await;
    assert_eq!(rest["changes"], json!([read["changes"][1]]));
    assert_eq!(feed(&world, 2).await, json!({"changes": [], "next": 2}));
    assert_eq!(world.order("A-1").await["status"], order["status"]);
    // What comes next is new, also for a reader that went back.
    assert!(world.portal.move_deal(deal, "WON"));
    world
        .until("the next", async || feed(&world, 2).await["next"] == 3)
        .await;
    let whole = feed(&world, 0).await;
    let ids: std::collections::BTreeSet<_> = whole["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| change["id"].to_string())
        .collect();
    assert_eq!((ids.len(), &whole["next"]), (3, &json!(3)), "{whole}");
}

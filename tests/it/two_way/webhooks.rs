//! How the bridge hears of moves: by notifications and without, and in few calls.

use super::world::{OPERATOR, Plot, World};
use b24_bridge::sandbox::{Delivery, Fault, Faults, Options, Plan};
use serde_json::{Value, json};
use std::time::Duration;

#[tokio::test]
async fn without_any_notification_a_move_is_found_in_the_history() {
    let world = World::new(Plot {
        webhooks: false,
        ..Plot::default()
    })
    .await;
    let deal = world.ordered("A-1").await;
    assert!(world.portal.move_deal(deal, "WON"));
    world
        .until("told", async || world.shop.status("A-1") == "F")
        .await;
}

#[tokio::test]
async fn notifications_doubled_and_in_any_order_come_to_the_same() {
    let delivery = Delivery {
        max_delay: Duration::from_millis(800),
        duplication: 1.0,
        ..Delivery::default()
    };
    let world = World::new(Plot {
        portal: Options {
            delivery,
            ..Options::default().plan(Plan::Unlimited)
        },
        ..Plot::default()
    })
    .await;
    let deal = world.ordered("A-1").await;
    for stage in ["PREPARATION", "PREPAYMENT_INVOICE", "EXECUTING", "WON"] {
        assert!(world.portal.move_deal(deal, stage));
        tokio::time::sleep(Duration::from_millis(150)).await;
    }
    world
        .until("told", async || world.shop.status("A-1") == "F")
        .await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    world.in_sync("A-1").await;
    assert_eq!(
        (
            world.shop.status("A-1").as_str(),
            world.stage("A-1").as_str()
        ),
        ("F", "WON")
    );
}

#[tokio::test]
async fn a_deal_in_another_funnel_and_a_deleted_one_are_found_and_said() {
    let world = World::new(Plot {
        webhooks: false,
        ..Plot::default()
    })
    .await;
    let first = world.ordered("A-1").await;
    let second = world.ordered("A-2").await;
    assert!(world.portal.move_to_category(first, 1, "C1:NEW"));
    assert!(world.portal.delete_deal(second));
    world
        .until("said", async || {
            let one = world.life("A-1").await.join("\n");
            let two = world.life("A-2").await.join("\n");
            one.contains("C1:NEW is not in the status table") && two.contains("is not to be found")
        })
        .await;
    let conflicts = world.get("/v1/conflicts", OPERATOR).await["items"].clone();
    assert_eq!(
        (&conflicts[0]["code"], &conflicts[0]["number"]),
        (&json!("B24-DEAL-GONE"), &json!("A-2"))
    );
    let path = format!("/v1/conflicts/{}/resolve", conflicts[0]["id"]);
    assert_eq!(
        world
            .post(&path, OPERATOR, json!({"winner": "shop"}))
            .await
            .0,
        200
    );
    world
        .until("made again", async || {
            world.deal("A-2").is_some_and(|(id, _)| id != second)
        })
        .await;
    world.in_sync("A-2").await;
}

#[tokio::test]
async fn a_notification_with_a_wrong_token_is_refused_and_leaves_nothing() {
    let world = World::new(Plot::default()).await;
    let send = async |token: &str| {
        let body = format!("event=ONCRMDEALUPDATE&data[FIELDS][ID]=5&ts=1766047124{token}");
        let request = world
            .http
            .post(format!("{}/webhooks/bitrix24/main", world.url))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        request.send().await.unwrap().status().as_u16()
    };
    let stored = async || -> i64 {
        let count = "SELECT count(*) FROM bridge.inbox";
        sqlx::query_scalar(count)
            .fetch_one(&world.db.pool)
            .await
            .unwrap()
    };
    for wrong in [
        "",
        "&auth[application_token]=no",
        "&auth[application_token]=",
    ] {
        assert_eq!(send(wrong).await, 403);
    }
    assert_eq!(stored().await, 0);
    assert_eq!(
        send("&auth[application_token]=application-token").await,
        200
    );
    assert_eq!(stored().await, 1);
    let metrics = world
        .http
        .get(format!("{}/metrics", world.url))
        .send()
        .await
        .unwrap();
    let metrics = metrics.text().await.unwrap();
    assert!(
        metrics.contains("notifications_total{result=\"forbidden\"} 3"),
        "{metrics}"
    );
    let unknown: Value = world
        .http
        .post(format!("{}/webhooks/bitrix24/main", world.url))
        .body("event=ONCRMQUOTEADD&data[FIELDS][ID]=5&auth[application_token]=application-token")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(unknown["result"], "ignored");
}

#[tokio::test]
async fn a_thousand_moved_deals_take_few_calls_and_a_deal_told_of_often_is_read_once() {
    let world = World::new(Plot {
        reconcile_seconds: 3_600,
        ..Plot::default()
    })
    .await;
    let many = 300;
    for number in 0..many {
        world.shop.set(&format!("M-{number}"), "N");
    }
    world
        .until("all there", async || world.portal.deals().len() == many)
        .await;
    world.in_sync("M-299").await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    let before = world.portal.stats().requests;
    for deal in 1..=many as u64 {
        assert!(world.portal.move_deal(deal, "PREPARATION"));
    }
    for deal in 1..=many as u64 {
        assert!(world.portal.move_deal(deal, "PREPAYMENT_INVOICE"));
    }
    world
        .until("all told", async || {
            world
                .shop
                .with(|shop| shop.orders.values().all(|order| order.status == "A"))
        })
        .await;
    let calls = world.portal.stats().requests - before;
    assert!(calls <= 25, "{calls} calls");
}

#[tokio::test]
async fn a_new_order_does_not_wait_for_a_portal_that_is_slow_to_tell_its_history() {
    let faults = Faults {
        slow_ms: 60_000,
        ..Faults::default()
    };
    let world = World::new(Plot {
        portal: Options::default().plan(Plan::Unlimited).faults(faults),
        ..Plot::default()
    })
    .await;
    world.ordered("A-1").await;
    let history = Some("crm.stagehistory.list");
    world.portal.fail_next(Fault::Slow, 1, history);
    let before = world.portal.stats().requests;
    world
        .until("reading", async || world.portal.stats().requests > before)
        .await;
    world.ordered("A-2").await;
}

#[tokio::test]
async fn what_died_for_a_deleted_deal_is_delivered_when_the_deal_is_restored() {
    let world = World::new(Plot::default()).await;
    let deal = world.ordered("A-1").await;
    world.portal.back_up();
    assert!(world.portal.delete_deal(deal));
    world
        .until("missed", async || {
            let life = world.life("A-1").await.join("\n");
            life.contains("is not to be found")
        })
        .await;
    world.shop.set("A-1", "P");
    let letters = async |query: &'static str| -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(&world.db.pool)
            .await
            .unwrap()
    };
    let open = "SELECT count(*) FROM bridge.dead_letters WHERE closed_at IS NULL \
                AND code = 'B24-DEAL-GONE'";
    world.until("dead", async || letters(open).await == 1).await;
    assert!(world.portal.restore());
    world
        .until("delivered", async || {
            letters(open).await == 0 && world.stage("A-1") == "EXECUTING"
        })
        .await;
    let retried = "SELECT count(*) FROM bridge.dead_letters WHERE closed_how = 'retried' \
                   AND closed_by = 'bridge'";
    assert_eq!(letters(retried).await, 1);
    assert_eq!(world.deal("A-1").map(|(id, _)| id), Some(deal));
    world.in_sync("A-1").await;
}

//! What must come out right, one story each.

use super::world::{Answers, KEY, OPERATOR, Plot, World};
use b24_bridge::sandbox::{Delivery, Fault, Faults, Options, Plan, Robot};
use chrono::TimeDelta;
use serde_json::{Value, json};
use std::time::Duration;

fn with_rules(settings: &str) -> Plot {
    Plot {
        settings: settings.to_owned(),
        ..Plot::default()
    }
}

fn rule(winner: &str) -> Plot {
    with_rules(&format!("[[shops.main.rules]]\nwinner = \"{winner}\""))
}

#[tokio::test]
async fn a_managers_move_reaches_the_shop_signed_and_is_on_record() {
    let world = World::new(Plot::default()).await;
    let deal = world.ordered("A-1").await;
    assert!(world.portal.move_deal(deal, "PREPAYMENT_INVOICE"));
    world
        .until("told", async || world.shop.status("A-1") == "A")
        .await;
    world.in_sync("A-1").await;
    let (calls, forged) = world.shop.with(|shop| (shop.called.clone(), shop.forged));
    assert_eq!((calls.len(), forged), (1, 0));
    let message = &calls[0].1;
    assert_eq!(message["type"], "bridge.order.status.v1");
    assert_eq!(
        (
            &message["data"]["status"],
            &message["data"]["previous_status"],
            &message["data"]["stage"]
        ),
        (&json!("A"), &json!("N"), &json!("PREPAYMENT_INVOICE"))
    );
    let life = world.life("A-1").await.join("\n");
    for part in [
        "accepted: event A-1-1 accepted",
        "moved: the deal 1 was moved to PREPAYMENT_INVOICE by user",
        "decided: the deal was moved from NEW to PREPAYMENT_INVOICE: the shop is told A.",
        "told: the shop has the status A instead of N",
    ] {
        assert!(life.contains(part), "{part} is not in\n{life}");
    }
    assert_eq!(world.order("A-1").await["status"], "A");
}

#[tokio::test]
async fn a_changed_status_moves_the_deal_and_its_echo_writes_nothing() {
    let world = World::new(Plot::default()).await;
    world.ordered("A-1").await;
    world.shop.set("A-1", "A");
    world
        .until("moved", async || world.stage("A-1") == "PREPAYMENT_INVOICE")
        .await;
    world.in_sync("A-1").await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let writes = writes(&world);
    assert_eq!(writes, 1, "{:?}", world.life("A-1").await);
    assert!(world.shop.with(|shop| shop.called.is_empty()));
}

/// Commands that changed a deal after it was made.
fn writes(world: &World) -> u64 {
    let methods = world.portal.stats().methods;
    ["crm.deal.update", "crm.item.update"]
        .iter()
        .filter_map(|method| methods.get(*method))
        .sum()
}

#[tokio::test]
async fn an_order_paid_in_the_shop_stays_paid_whatever_older_stage_comes_late() {
    let delivery = Delivery {
        min_delay: Duration::from_millis(1_500),
        max_delay: Duration::from_millis(1_600),
        ..Delivery::default()
    };
    let world = World::new(Plot {
        portal: Options {
            delivery,
            ..Options::default().plan(Plan::Unlimited)
        },
        ..with_rules("[[shops.main.rules]]\nstatus = [\"P\"]\nwinner = \"shop\"")
    })
    .await;
    let deal = world.ordered("A-1").await;
    assert!(world.portal.move_deal(deal, "PREPARATION"));
    world.shop.pay("A-1");
    world
        .until("moved", async || world.stage("A-1") == "EXECUTING")
        .await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    world.in_sync("A-1").await;
    assert_eq!(
        (
            world.shop.status("A-1").as_str(),
            world.stage("A-1").as_str()
        ),
        ("P", "EXECUTING")
    );
    assert!(world.shop.with(|shop| shop.called.is_empty()));
}

#[tokio::test]
async fn a_manager_may_not_take_back_a_payment_and_finds_out_why() {
    let world = World::new(Plot {
        keys: "overruled_comment = \"Заказ {number}: {from} -> {to} ({status})\"".to_owned(),
        ..Plot::default()
    })
    .await;
    let deal = world.ordered("A-1").await;
    world.shop.pay("A-1");
    world
        .until("moved", async || world.stage("A-1") == "EXECUTING")
        .await;
    world.in_sync("A-1").await;
    assert!(world.portal.move_deal(deal, "NEW"));
    world
        .until("put back", async || {
            world.stage("A-1") == "EXECUTING" && !world.portal.comments().is_empty()
        })
        .await;
    world.in_sync("A-1").await;
    assert_eq!(world.shop.status("A-1"), "P");
    let comment = world.portal.comments()[0]["COMMENT"].clone();
    assert_eq!(comment, "Заказ A-1: NEW -> EXECUTING (P)");
    let life = world.life("A-1").await.join("\n");
    assert!(
        life.contains("the order is paid, which the portal may not take back"),
        "{life}"
    );
}

/// The shop and a manager change the same order while the bridge is down.
async fn both_changed(plot: Plot) -> World {
    let mut world = World::new(plot).await;
    let deal = world.ordered("A-1").await;
    world.kill();
    world.shop.set("A-1", "A");
    // Far enough apart for `latest`: the portal tells whole seconds.
    tokio::time::sleep(Duration::from_millis(4_500)).await;
    assert!(world.portal.move_deal(deal, "WON"));
    world.start().await;
    world
}

async fn agree(world: &World, status: &str, stage: &str) {
    world
        .until("agreed", async || {
            world.shop.status("A-1") == status && world.stage("A-1") == stage
        })
        .await;
    world.in_sync("A-1").await;
}

#[tokio::test]
async fn both_changed_and_the_rule_says_shop() {
    let world = both_changed(rule("shop")).await;
    agree(&world, "A", "PREPAYMENT_INVOICE").await;
}

#[tokio::test]
async fn both_changed_and_the_rule_says_portal() {
    let world = both_changed(rule("portal")).await;
    agree(&world, "F", "WON").await;
}

#[tokio::test]
async fn both_changed_and_the_later_change_is_right() {
    let world = both_changed(with_rules(
        "[shops.main.conflict]\nclock_tolerance = \"0s\"",
    ))
    .await;
    agree(&world, "F", "WON").await;
    let life = world.life("A-1").await.join("\n");
    assert!(life.contains("the portal's is later by"), "{life}");
}

#[tokio::test]
async fn both_changed_and_a_person_decides() {
    for (winner, status, stage) in [("shop", "A", "PREPAYMENT_INVOICE"), ("portal", "F", "WON")] {
        let world = both_changed(rule("review")).await;
        let list = async || world.get("/v1/conflicts", OPERATOR).await["items"].clone();
        world
            .until("asked", async || {
                list().await.as_array().unwrap().len() == 1
            })
            .await;
        let conflict = list().await[0].clone();
        assert_eq!(
            (
                &conflict["status"],
                &conflict["stage"],
                &conflict["if_portal"],
                &conflict["if_shop"]
            ),
            (
                &json!("A"),
                &json!("WON"),
                &json!("F"),
                &json!("PREPAYMENT_INVOICE")
            )
        );
        assert_eq!(world.order("A-1").await["in_sync"], false);
        let path = format!("/v1/conflicts/{}/resolve", conflict["id"]);
        let (answer, _) = world
            .post(&path, OPERATOR, json!({ "winner": winner }))
            .await;
        assert_eq!(answer, 200);
        agree(&world, status, stage).await;
        assert_eq!(
            world
                .post(&path, OPERATOR, json!({ "winner": winner }))
                .await
                .0,
            409
        );
        let closed = world.get("/v1/conflicts?closed=true", OPERATOR).await;
        assert_eq!(
            (
                &closed["items"][0]["closed_how"],
                &closed["items"][0]["ruled_by"]
            ),
            (&json!("ruled"), &json!("operator:anna"))
        );
    }
}

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
async fn clocks_wrong_by_ten_minutes_do_not_decide_who_was_later() {
    for skew in [600, -600] {
        let plot = Plot {
            portal: Options {
                clock_skew_seconds: skew,
                ..Options::default().plan(Plan::Unlimited)
            },
            ..with_rules("[shops.main.conflict]\nclock_tolerance = \"0s\"")
        };
        let mut world = World::new(plot).await;
        world
            .shop
            .with(|shop| shop.skew = TimeDelta::seconds(-skew));
        // Several orders at different times: one message alone does not tell a slow clock from a late one.
        world.ordered("A-0").await;
        tokio::time::sleep(Duration::from_secs(6)).await;
        world.ordered("A-2").await;
        tokio::time::sleep(Duration::from_secs(6)).await;
        let deal = world.ordered("A-1").await;
        world.kill();
        world.shop.set("A-1", "A");
        tokio::time::sleep(Duration::from_millis(5_500)).await;
        assert!(world.portal.move_deal(deal, "WON"));
        world.start().await;
        agree(&world, "F", "WON").await;
    }
}

#[tokio::test]
async fn a_robot_that_answers_each_write_is_stopped_and_reported() {
    let world = World::new(with_rules(
        "[shops.main.conflict]\nping_pong = { window = \"1h\", same = 3 }",
    ))
    .await;
    world.ordered("A-1").await;
    let back = json!({"STAGE_ID": "NEW"});
    world.portal.set_robots(vec![Robot {
        stage: Some("EXECUTING".to_owned()),
        trigger: None,
        fields: back.as_object().unwrap().clone(),
    }]);
    world.shop.pay("A-1");
    let list = async || world.get("/v1/conflicts", OPERATOR).await["items"].clone();
    world
        .until("noticed", async || {
            !list().await.as_array().unwrap().is_empty()
        })
        .await;
    let conflicts = list().await;
    assert_eq!(conflicts[0]["code"], "SYNC-PING-PONG", "{conflicts}");
    let before = writes(&world);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(writes(&world), before, "writing goes on");
}

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
    let paused = "SELECT count(*) FROM bridge.lanes WHERE portal = 'shop:main' AND paused_code = 'SHOP-GONE'";
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

//! Who is right when a status or a stage changes, or both, one story each.

use super::world::{OPERATOR, Plot, World};
use crate::support::settings::KEY;
use b24_bridge::sandbox::{Delivery, Options, Plan, Robot};
use chrono::TimeDelta;
use serde_json::json;
use std::time::Duration;

fn with_rules(settings: &str) -> Plot {
    Plot {
        settings: settings.to_owned(),
        ..Plot::default()
    }
}

pub(super) fn rule(winner: &str) -> Plot {
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
        overruled_comment: Some("Заказ {number}: {from} -> {to} ({status})"),
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

pub(super) async fn agree(world: &World, status: &str, stage: &str) {
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
        // Several orders at different times: one message alone does not tell a slow clock from a
        // late one.
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
async fn a_stage_that_is_taken_away_turns_no_status_back() {
    let world = World::new(Plot::default()).await;
    // The bridge has seen that the stage is there.
    world.shop.set("A-0", "A");
    world.in_sync("A-0").await;
    world.portal.lose_stage("PREPAYMENT_INVOICE");
    world.shop.set("A-1", "A");
    let letters = async || world.get("/v1/dead-letters", OPERATOR).await["items"].clone();
    world
        .until("named", async || letters().await[0]["code"] == "MAP-STAGE")
        .await;
    // The portal put the deal into its first stage: that is nobody's move.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(world.stage("A-1"), "NEW");
    let (status, called) = world.shop.with(|shop| {
        let status = shop.orders["A-1"].status.clone();
        (status, shop.called.len())
    });
    let life = world.life("A-1").await;
    assert_eq!((&*status, called), ("A", 0), "{life:#?}");
}

#[tokio::test]
async fn nobody_is_asked_about_an_order_that_the_shop_has_deleted() {
    let world = both_changed(rule("review")).await;
    let asked = async || {
        let list = world.get("/v1/conflicts", OPERATOR).await;
        list["items"].as_array().unwrap().len()
    };
    world.until("asked", async || asked().await == 1).await;
    let deleted = json!({
        "specversion": "1.0", "type": "shop.order.deleted.v1", "source": "https://shop.example",
        "id": "A-1-deleted", "data": { "number": "A-1" }
    });
    let (status, answer) = world.post("/v1/events", KEY, deleted).await;
    assert_eq!(status, 202, "{answer}");
    world
        .until("nobody is asked any more", async || asked().await == 0)
        .await;
}

#[tokio::test]
async fn of_a_deal_that_is_there_nobody_is_asked_though_the_shop_says_no_status() {
    let world = World::new(Plot::default()).await;
    world.ordered("A-1").await;
    let rows = "UPDATE bridge.orders SET said = NULL;
                INSERT INTO bridge.conflicts (portal, shop, number, decision_id, code, sentence,
                                              status, stage)
                VALUES ('main', 'main', 'A-1', 0, 'B24-DEAL-GONE', 'it is gone', 'N', 'NEW')";
    sqlx::raw_sql(rows).execute(&world.db.pool).await.unwrap();
    world
        .until("the question ends", async || {
            let list = world.get("/v1/conflicts", OPERATOR).await;
            list["items"].as_array().unwrap().is_empty()
        })
        .await;
}

//! Messages on their way to the shop: one that fails, one that waits while the world changes, and
//! the feed in their place.

use super::{
    scenarios::agree,
    world::{Answers, OPERATOR, Order, Plot, World},
};
use crate::support::settings::KEY;
use serde_json::{Value, json};
use std::{collections::BTreeSet, time::Duration};

impl World {
    async fn letters(&self) -> Vec<Value> {
        let page = self.get("/v1/dead-letters", OPERATOR).await;
        page["items"].as_array().unwrap().clone()
    }

    async fn feed(&self, after: i64, key: &str) -> Value {
        let path = format!("/v1/status-changes?shop=main&after={after}");
        self.get(&path, key).await
    }

    async fn stopped(&self) {
        assert!(self.command(&["portals", "pause", "shop:main"]).await.0);
    }

    async fn resumed(&self) {
        assert!(self.command(&["portals", "resume", "shop:main"]).await.0);
    }

    /// Messages that wait for the shop.
    async fn waiting(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM bridge.status_changes WHERE state = 'waiting'")
            .fetch_one(&self.db.pool)
            .await
            .unwrap()
    }

    async fn waits(&self, many: i64) {
        self.until("the messages wait", async || self.waiting().await == many)
            .await;
    }
}

#[tokio::test]
async fn one_order_at_which_the_shop_fails_waits_by_itself_and_dies_while_all_others_are_told() {
    let world = World::new(Plot::default()).await;
    for number in ["bad", "A-1", "A-2", "A-3", "A-4"] {
        world.ordered(number).await;
    }
    world.shop.with(|shop| {
        shop.failing.insert("bad".to_owned(), 500);
    });
    for number in ["bad", "A-1", "A-2"] {
        let (deal, _) = world.deal(number).unwrap();
        assert!(world.portal.move_deal(deal, "PREPAYMENT_INVOICE"));
    }
    world
        .until("the others are told", async || {
            world.shop.status("A-1") == "A" && world.shop.status("A-2") == "A"
        })
        .await;
    // Later ones, too, while the bad one is tried again and again.
    for number in ["A-3", "A-4"] {
        let (deal, _) = world.deal(number).unwrap();
        assert!(world.portal.move_deal(deal, "WON"));
        world
            .until("told", async || world.shop.status(number) == "F")
            .await;
    }
    world
        .until("dead", async || !world.letters().await.is_empty())
        .await;
    let letter = world.letters().await[0].clone();
    assert_eq!(
        (&letter["number"], &letter["code"]),
        (&json!("bad"), &json!("SHOP-CALLBACK"))
    );
    assert!(letter["attempts"].as_i64().unwrap() >= 5, "{letter}");
    let paused: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM bridge.lanes WHERE portal = 'shop:main' AND paused_at IS NOT NULL",
    )
    .fetch_one(&world.db.pool)
    .await
    .unwrap();
    assert_eq!(paused, 0, "one order is not the shop");
}

#[tokio::test]
async fn a_shop_that_fails_at_every_order_is_left_alone_for_a_while_and_no_message_dies_of_it() {
    let world = World::new(Plot::default()).await;
    let numbers: Vec<String> = (0..6).map(|nth| format!("A-{nth}")).collect();
    for number in &numbers {
        world.ordered(number).await;
    }
    world.shop.with(|shop| shop.answers = Answers::Status(503));
    for number in &numbers {
        let (deal, _) = world.deal(number).unwrap();
        assert!(world.portal.move_deal(deal, "PREPAYMENT_INVOICE"));
    }
    let paused = "SELECT count(*) FROM bridge.lanes WHERE portal = 'shop:main' AND failures >= 3 \
                  AND paused_code = 'SHOP-DOWN'";
    world
        .until("the lane pauses", async || {
            let count: i64 = sqlx::query_scalar(paused)
                .fetch_one(&world.db.pool)
                .await
                .unwrap();
            count == 1
        })
        .await;
    world.shop.with(|shop| shop.answers = Answers::Takes);
    world
        .until("all told", async || {
            numbers
                .iter()
                .all(|number| world.shop.status(number) == "A")
        })
        .await;
    assert!(world.letters().await.is_empty());
}

#[tokio::test]
async fn a_cancellation_that_waits_while_the_customer_pays_is_not_sent() {
    // The payment moves the status; or it is only a mark on the order, whose status looks as if the
    // message were under way.
    for moves in [true, false] {
        let world = World::new(Plot::default()).await;
        let deal = world.ordered("A-1").await;
        world.stopped().await;
        assert!(world.portal.move_deal(deal, "LOSE"));
        world.waits(1).await;
        if moves {
            world.shop.pay("A-1");
        } else {
            world.shop.change("A-1", |order| order.paid = true);
        }
        let version = world.shop.with(|shop| shop.orders["A-1"].version);
        let accepted = format!("event A-1-{version} accepted");
        world
            .until("the payment is known", async || {
                world.life("A-1").await.join("\n").contains(&accepted)
            })
            .await;
        world.resumed().await;
        let (status, stage) = if moves {
            ("P", "EXECUTING")
        } else {
            ("N", "NEW")
        };
        agree(&world, status, stage).await;
        assert!(
            world.shop.with(|shop| shop.called.is_empty()),
            "{:?}",
            world.life("A-1").await
        );
    }
}

#[tokio::test]
async fn the_portal_may_be_away_and_a_paid_order_is_still_not_turned_back() {
    let world = World::new(Plot::default()).await;
    let deal = world.ordered("A-1").await;
    world.stopped().await;
    assert!(world.portal.move_deal(deal, "LOSE"));
    world.waits(1).await;
    // Nothing is decided any more: the portal's lane stands still.
    assert!(world.command(&["portals", "pause", "main"]).await.0);
    world.shop.pay("A-1");
    world
        .until("the payment is known", async || {
            world
                .life("A-1")
                .await
                .join("\n")
                .contains("A-1-2 accepted")
        })
        .await;
    world.resumed().await;
    world.waits(0).await;
    let life = world.life("A-1").await.join("\n");
    assert!(
        life.contains("the status C was not sent, because the order is paid by now: decided again"),
        "{life}"
    );
    assert!(world.shop.with(|shop| shop.called.is_empty()), "{life}");
    assert!(world.command(&["portals", "resume", "main"]).await.0);
    agree(&world, "P", "EXECUTING").await;
}

#[tokio::test]
async fn a_message_that_waits_while_a_person_is_asked_is_taken_back() {
    let world = World::new(Plot {
        settings: "[[shops.main.rules]]\nstatus = [\"A\"]\nwinner = \"review\"".to_owned(),
        ..Plot::default()
    })
    .await;
    let deal = world.ordered("A-1").await;
    world.stopped().await;
    assert!(world.portal.move_deal(deal, "WON"));
    world.waits(1).await;
    world.shop.set("A-1", "A");
    let list = async || world.get("/v1/conflicts", OPERATOR).await["items"].clone();
    world
        .until("a person is asked", async || {
            !list().await.as_array().unwrap().is_empty()
        })
        .await;
    world.resumed().await;
    world.waits(0).await;
    assert!(world.shop.with(|shop| shop.called.is_empty()));
    let path = format!("/v1/conflicts/{}/resolve", list().await[0]["id"]);
    let word = json!({"winner": "portal"});
    assert_eq!(world.post(&path, OPERATOR, word).await.0, 200);
    agree(&world, "F", "WON").await;
}

#[tokio::test]
async fn the_feed_hands_out_nothing_that_was_overtaken() {
    let world = World::new(Plot {
        callback: false,
        ..Plot::default()
    })
    .await;
    let deal = world.ordered("A-1").await;
    assert!(world.portal.move_deal(deal, "LOSE"));
    world.waits(1).await;
    assert!(world.command(&["portals", "pause", "main"]).await.0);
    world.shop.pay("A-1");
    world
        .until("the payment is known", async || {
            world
                .life("A-1")
                .await
                .join("\n")
                .contains("A-1-2 accepted")
        })
        .await;
    assert_eq!(world.feed(0, KEY).await, json!({"changes": [], "next": 0}));
    assert!(world.command(&["portals", "resume", "main"]).await.0);
    world
        .until("the deal follows the payment", async || {
            world.stage("A-1") == "EXECUTING"
        })
        .await;
    world.in_sync("A-1").await;
    assert_eq!(world.feed(0, KEY).await["changes"], json!([]));
}

#[tokio::test]
async fn only_the_shop_itself_leaves_a_trace_in_its_feed() {
    let world = World::new(Plot {
        callback: false,
        ..Plot::default()
    })
    .await;
    let deal = world.ordered("A-1").await;
    assert!(world.portal.move_deal(deal, "PREPAYMENT_INVOICE"));
    world.waits(1).await;
    // Somebody else reads all of it, and goes on from there.
    assert_eq!(world.feed(0, OPERATOR).await["next"], 1);
    assert_eq!(world.feed(1, OPERATOR).await["next"], 1);
    assert_eq!(world.feed(99, OPERATOR).await["changes"], json!([]));
    assert_eq!(world.waiting().await, 1, "nobody has told the shop");
    let page = world.feed(0, KEY).await;
    assert_eq!(page["changes"][0]["status"], "A");
    assert_eq!(world.waiting().await, 1, "handed out, not acknowledged");
    world.feed(1, OPERATOR).await;
    assert_eq!(world.waiting().await, 1);
    world.feed(1, KEY).await;
    assert_eq!(world.waiting().await, 0);
}

#[tokio::test]
async fn a_changed_table_moves_nothing_until_the_plan_is_confirmed() {
    let mut world = World::new(Plot::default()).await;
    world.ordered("A-1").await;
    world.ordered("A-2").await;
    world.kill();
    world.edit_settings(
        "stage = \"NEW\"\naccepts = [\"PREPARATION\"]",
        "stage = \"PREPARATION\"",
    );
    world.start().await;
    // The walk over all deals comes by.
    world
        .until("looked at", async || {
            let life = world.life("A-1").await.join("\n");
            life.contains("nothing is written until the changed table is applied")
        })
        .await;
    assert_eq!(world.stage("A-1"), "NEW");
    let (fine, said) = world.command(&["statuses", "apply", "--dry-run"]).await;
    assert!(fine && said.contains("main/A-2: "), "{said}");
    assert!(said.contains("the deal goes to PREPARATION"), "{said}");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(world.stage("A-2"), "NEW", "a plan is only a plan");
    assert!(world.command(&["statuses", "apply"]).await.0);
    for number in ["A-1", "A-2"] {
        world
            .until("moved", async || world.stage(number) == "PREPARATION")
            .await;
        world.in_sync(number).await;
    }
    assert!(world.shop.with(|shop| shop.called.is_empty()));
    let (fine, said) = world.command(&["statuses", "apply"]).await;
    assert!(fine && said.is_empty(), "{said}");
}

/// An operator's page of the console: its text, and what a form of it needs.
async fn page(world: &World, cookie: &str, path: &str) -> (String, String) {
    let url = format!("{}/console{path}", world.url);
    let answer = world.http.get(url).header("cookie", cookie).send().await;
    let text = answer.unwrap().text().await.unwrap();
    let csrf = text.split_once("name=\"csrf\" value=\"");
    let csrf = csrf.map_or("", |(_, rest)| rest.split('"').next().unwrap());
    (text.clone(), csrf.to_owned())
}

#[tokio::test]
async fn the_console_shows_the_plan_of_a_changed_table_and_applies_it_when_that_is_confirmed() {
    let mut world = World::new(Plot::default()).await;
    world.ordered("A-1").await;
    world.kill();
    world.edit_settings(
        "stage = \"NEW\"\naccepts = [\"PREPARATION\"]",
        "stage = \"PREPARATION\"",
    );
    world.start().await;
    let form = format!("{}/console/sign-in", world.url);
    let still = reqwest::Client::builder().no_proxy();
    let still = still.redirect(reqwest::redirect::Policy::none()).build();
    let still = still.unwrap();
    let answer = still.post(form).form(&[("key", OPERATOR)]).send().await;
    let cookie = answer.unwrap().headers()["set-cookie"].clone();
    let cookie = cookie.to_str().unwrap().split(';').next().unwrap();
    let (plain, _) = page(&world, cookie, "/statuses").await;
    assert!(
        plain.contains("What would a changed table move?"),
        "{plain}"
    );
    assert!(
        !plain.contains("Apply the changed table"),
        "nothing to confirm yet"
    );
    let (plan, csrf) = page(&world, cookie, "/statuses?plan=main").await;
    for part in [
        "A-1",
        "the deal goes to",
        "PREPARATION",
        "Apply the changed table",
    ] {
        assert!(plan.contains(part), "{part} is not in {plan}");
    }
    assert_eq!(world.stage("A-1"), "NEW", "a plan is only a plan");
    let apply = async |csrf: &str| {
        let url = format!("{}/console/statuses/apply", world.url);
        let form = [("shop", "main"), ("csrf", csrf)];
        let sent = still.post(url).header("cookie", cookie).form(&form).send();
        sent.await.unwrap().status()
    };
    assert_eq!(apply("wrong").await, 403);
    assert_eq!(world.stage("A-1"), "NEW");
    assert_eq!(apply(&csrf).await, 303);
    world
        .until("moved", async || world.stage("A-1") == "PREPARATION")
        .await;
    world.in_sync("A-1").await;
    let (after, _) = page(&world, cookie, "/statuses?plan=main").await;
    assert!(
        after.contains("The table moves nothing that was agreed."),
        "{after}"
    );
    let life = world.life("A-1").await.join("\n");
    assert!(
        life.contains("operator:anna applied the changed table of statuses"),
        "{life}"
    );
}

#[tokio::test]
async fn a_late_snapshot_does_not_undo_what_the_shop_took_whether_it_stamps_edits_or_never_echoes()
{
    for (stamps, echoes) in [(false, false), (true, false), (true, true)] {
        let world = World::new(Plot::default()).await;
        world.shop.with(|shop| shop.echoes = echoes);
        let deal = world.ordered("A-1").await;
        let edited = world.shop.with(|shop| shop.orders["A-1"].changed);
        assert!(world.portal.move_deal(deal, "PREPAYMENT_INVOICE"));
        world
            .until("told", async || world.shop.status("A-1") == "A")
            .await;
        world.in_sync("A-1").await;
        // From before the message, sent only now.
        let before = |order: &mut Order| {
            order.status = "N".to_owned();
            order.changed = edited;
            if stamps {
                order.changed += chrono::TimeDelta::milliseconds(300);
            }
        };
        let late = if echoes {
            // The shop has said the new status itself by now.
            world.shop.late("A-1", before);
            "event A-1-late accepted".to_owned()
        } else {
            world.shop.stale("A-1", before);
            let version = world.shop.with(|shop| shop.orders["A-1"].version);
            format!("event A-1-{version} accepted")
        };
        world
            .until("it came", async || {
                world.life("A-1").await.join("\n").contains(&late)
            })
            .await;
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        agree(&world, "A", "PREPAYMENT_INVOICE").await;
        assert_eq!(world.shop.status("A-1"), "A");
    }
}

#[tokio::test]
async fn a_person_who_ruled_is_not_asked_again_when_the_shop_contradicts_once() {
    let mut world = World::new(Plot {
        settings: "[[shops.main.rules]]\nwinner = \"review\"".to_owned(),
        ..Plot::default()
    })
    .await;
    let deal = world.ordered("A-1").await;
    world.kill();
    world.shop.set("A-1", "A");
    assert!(world.portal.move_deal(deal, "WON"));
    world.start().await;
    let list = async || world.get("/v1/conflicts?closed=true", OPERATOR).await["items"].clone();
    world
        .until("asked", async || {
            list().await.as_array().unwrap().len() == 1
        })
        .await;
    world.shop.with(|shop| shop.answers = Answers::Contradicts);
    let path = format!("/v1/conflicts/{}/resolve", list().await[0]["id"]);
    let word = json!({"winner": "portal"});
    assert_eq!(world.post(&path, OPERATOR, word).await.0, 200);
    world
        .until("contradicted", async || {
            world
                .life("A-1")
                .await
                .join("\n")
                .contains("sent its own snapshot")
        })
        .await;
    world.shop.with(|shop| shop.answers = Answers::Takes);
    agree(&world, "F", "WON").await;
    assert_eq!(list().await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_message_keeps_its_id_and_no_other_ever_has_it() {
    let world = World::new(Plot::default()).await;
    let deal = world.ordered("A-1").await;
    world.shop.with(|shop| shop.answers = Answers::Status(500));
    assert!(world.portal.move_deal(deal, "PREPAYMENT_INVOICE"));
    world
        .until("called twice", async || {
            world.shop.with(|shop| shop.called.len() >= 2)
        })
        .await;
    world.shop.with(|shop| shop.answers = Answers::Takes);
    agree(&world, "A", "PREPAYMENT_INVOICE").await;
    let told = world.shop.with(|shop| shop.called.clone());
    let ids: BTreeSet<String> = told
        .iter()
        .map(|(_, message)| message["id"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert!(
        uuid::Uuid::parse_str(ids.first().unwrap()).is_ok(),
        "{ids:?}"
    );
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    assert!(world.portal.move_deal(deal, "WON"));
    agree(&world, "F", "WON").await;
    let last = world
        .shop
        .with(|shop| shop.called.last().unwrap().1.clone());
    assert!(!ids.contains(last["id"].as_str().unwrap()));
}

//! What the shop is not told, and what the portal does not take: differences until they are none,
//! on every screen.

use super::{
    scenarios::agree,
    world::{Answers, OPERATOR, Plot, World},
};
use crate::support::shop::app;
use b24_bridge::{
    app::{OrderFilter, OrderState},
    sandbox::Gate,
    storage::sync::status_changes,
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

async fn letters(world: &World) -> Vec<Value> {
    let page = world.get("/v1/dead-letters", OPERATOR).await;
    page["items"].as_array().unwrap().clone()
}

async fn conflicts(world: &World) -> Vec<Value> {
    let page = world.get("/v1/conflicts", OPERATOR).await;
    page["items"].as_array().unwrap().clone()
}

/// A manager moves the deal, and the shop refuses to hear of it until that is a dead letter.
async fn refused(world: &World, deal: u64) -> i64 {
    world.shop.with(|shop| shop.answers = Answers::Status(400));
    assert!(world.portal.move_deal(deal, "PREPAYMENT_INVOICE"));
    world
        .until("dead", async || !letters(world).await.is_empty())
        .await;
    letters(world).await[0]["id"].as_i64().unwrap()
}

/// What each screen says of the order A-1: whether it is in sync, and whether it counts as a
/// difference.
async fn screens(world: &World) -> Vec<bool> {
    let listed = app(&world.db.pool, &["main"])
        .operations
        .list_orders(&OrderFilter {
            text: Some("A-1".to_owned()),
            ..OrderFilter::default()
        })
        .await;
    let (_, told) = world.command(&["orders", "show", "main", "A-1"]).await;
    let (fine, found) = world.command(&["reconcile", "--dry-run", "--json"]).await;
    assert!(fine, "{found}");
    let found: Value = serde_json::from_str(&found).unwrap();
    let status = world.get("/v1/status", OPERATOR).await;
    let meters = world.http.get(format!("{}/metrics", world.url)).send();
    let meters = meters.await.unwrap().text().await.unwrap();
    let metered = "bridge_status_changes_untold{shop=\"main\",state=\"dead\"} 1";
    vec![
        world.order("A-1").await["in_sync"] == true,
        listed.unwrap().items[0].state == OrderState::InSync,
        told.contains("main: in sync"),
        found["items"] == json!([]),
        status["shops"][0]["given_up"] == 0,
        !meters.contains(metered),
    ]
}

/// Waits until every screen says whether all is well. A notification that comes late puts the order
/// to be compared for a moment: the screens are looked at again then.
async fn screens_say(world: &World, well: bool) {
    let mut seen = Vec::new();
    let bound = Instant::now() + Duration::from_secs(30);
    while seen != [well; 6] {
        assert!(Instant::now() < bound, "{seen:?}\n{}", world.log());
        seen = screens(world).await;
    }
}

#[tokio::test]
async fn a_message_that_died_or_was_let_go_is_a_difference_on_every_screen_until_the_sides_agree() {
    let world = World::new(Plot::default()).await;
    let deal = world.ordered("A-1").await;
    screens_say(&world, true).await;
    let letter = refused(&world, deal).await;
    screens_say(&world, false).await;
    let sql = "UPDATE bridge.status_changes SET settled_at = now() - interval '2 years' WHERE \
               state = 'dead'";
    sqlx::query(sql).execute(&world.db.pool).await.unwrap();
    let mut db = world.db.pool.acquire().await.unwrap();
    assert_eq!(status_changes::prune(&mut db, 1.0, 100).await.unwrap(), 0);

    let path = format!("/v1/dead-letters/{letter}/discard");
    let let_go = world.post(&path, OPERATOR, json!({"reason": "by phone"}));
    assert_eq!(let_go.await.0, 200);
    assert!(letters(&world).await.is_empty());
    screens_say(&world, false).await;
    let life = world.life("A-1").await.join("\n");
    let decided = "decided: operator:anna decided that the shop is not told the status A: by phone";
    assert!(life.contains(decided), "{life}");
    let sql = "SELECT count(*) FROM bridge.decisions WHERE number = 'A-1' AND action = 'let_go'";
    let on_record: i64 = sqlx::query_scalar(sql).fetch_one(&mut *db).await.unwrap();
    assert_eq!(on_record, 1);

    // The shop comes to the same by itself.
    world.shop.with(|shop| shop.answers = Answers::Takes);
    world.shop.set("A-1", "A");
    world.in_sync("A-1").await;
    screens_say(&world, true).await;
}

#[tokio::test]
async fn what_the_shop_is_told_later_stands_for_what_died() {
    let world = World::new(Plot::default()).await;
    let deal = world.ordered("A-1").await;
    let letter = refused(&world, deal).await;
    world.shop.with(|shop| {
        shop.answers = Answers::Status(200);
        shop.echoes = false;
    });
    assert!(world.portal.move_deal(deal, "WON"));
    let path = format!("/v1/dead-letters/{letter}");
    world
        .until("closed", async || {
            let whole = world.get(&path, OPERATOR).await;
            whole["closed"]["how"] == "overtaken"
        })
        .await;
    world.in_sync("A-1").await;
    let states: Vec<String> =
        sqlx::query_scalar("SELECT state FROM bridge.status_changes ORDER BY seq")
            .fetch_all(&world.db.pool)
            .await
            .unwrap();
    assert_eq!(states, ["dropped", "delivered"]);
}

/// A portal before which something stops whatever would move a deal there.
fn gate() -> Gate {
    Gate {
        words: vec!["PREPAYMENT_INVOICE".to_owned()],
        ..Gate::default()
    }
}

async fn tried(world: &World, times: usize) {
    world
        .until("tried", async || {
            let life = world.life("A-1").await;
            life.iter().filter(|line| line.contains("; try ")).count() >= times
        })
        .await;
}

#[tokio::test]
async fn a_stage_that_the_portal_refuses_is_tried_again_and_refused_tries_are_no_turns() {
    let mut world = World::new(Plot {
        settings: "[shops.main.conflict]\nping_pong = { window = \"1h\", same = 2, any = 4 }"
            .to_owned(),
        ..Plot::default()
    })
    .await;
    world.ordered("A-1").await;
    world.portal.set_gate(Some(gate()));
    world.shop.set("A-1", "A");
    tried(&world, 2).await;
    assert!(conflicts(&world).await.is_empty());
    assert_eq!(world.order("A-1").await["in_sync"], false);
    world.kill();
    world.start().await;
    tried(&world, 3).await;
    world.portal.set_gate(None);
    agree(&world, "A", "PREPAYMENT_INVOICE").await;
    let life = world.life("A-1").await;
    let decided = "decided: the shop changed N to A: the deal goes to PREPAYMENT_INVOICE.";
    let decisions = life.iter().filter(|line| *line == decided).count();
    assert_eq!(decisions, 1, "{life:#?}");
    // There and back once more is within the limit.
    world.shop.set("A-1", "N");
    agree(&world, "N", "NEW").await;
    world.shop.set("A-1", "A");
    agree(&world, "A", "PREPAYMENT_INVOICE").await;
    assert!(conflicts(&world).await.is_empty());
}

#[tokio::test]
async fn a_stage_that_the_portal_does_not_take_to_the_last_try_is_a_persons() {
    for (gate, code) in [(Some(gate()), "B24-REFUSED"), (None, "B24-NOT-TAKEN")] {
        let mut world = World::new(Plot::default()).await;
        world.ordered("A-1").await;
        let silent = gate.is_none();
        if silent {
            // A stage that the portal has not: it answers that all is well, and moves nothing.
            world.kill();
            world.edit_settings("PREPAYMENT_INVOICE", "UC_GONE");
            world.start().await;
        }
        world.portal.set_gate(gate);
        world.shop.set("A-1", "A");
        world
            .until("a person is asked", async || {
                !conflicts(&world).await.is_empty()
            })
            .await;
        let life = world.life("A-1").await.join("\n");
        for nth in 1..5 {
            assert!(life.contains(&format!("; try {nth} of 5")), "{nth}\n{life}");
        }
        assert!(life.contains("a person has to decide"), "{life}");
        let conflict = conflicts(&world).await.remove(0);
        assert_eq!(conflict["code"], code, "{conflict}");
        world.portal.set_gate(None);
        if silent {
            world.kill();
            world.edit_settings("UC_GONE", "PREPAYMENT_INVOICE");
            world.start().await;
            // The event itself died of that stage.
            let letter = &letters(&world).await[0]["id"];
            let path = format!("/v1/dead-letters/{letter}/retry");
            assert_eq!(world.post(&path, OPERATOR, json!({})).await.0, 200);
        }
        let path = format!("/v1/conflicts/{}/resolve", conflict["id"]);
        let word = world.post(&path, OPERATOR, json!({"winner": "shop"})).await;
        assert_eq!(word.0, 200, "{word:?}");
        agree(&world, "A", "PREPAYMENT_INVOICE").await;
    }
}

//! The shop does not take what it is told, or both sides say different things.

use super::{
    Place::{Callback, Shop},
    Trouble,
    scene::{Door, Scene},
};
use crate::operators::console::browser::program;
use b24_bridge::domain::ErrorCode;
use serde_json::json;
use std::time::Duration;

pub(super) const ALL: &[Trouble] = &[
    Trouble {
        what: "The shop's callback is down",
        code: ErrorCode::CallbackDown,
        place: Callback,
        leads_to: "/shops/main",
        mended: "By itself when the shop is back; *Resume* tries at once.",
        passes: false,
    },
    Trouble {
        what: "The shop's callback hangs",
        code: ErrorCode::CallbackSlow,
        place: Callback,
        leads_to: "/shops/main",
        mended: "By itself when the shop answers again.",
        passes: false,
    },
    Trouble {
        what: "The shop's callback answers 410",
        code: ErrorCode::CallbackGone,
        place: Callback,
        leads_to: "/shops/main",
        mended: "The shop's handler or its address is fixed; *Resume* lets changes go on.",
        passes: false,
    },
    Trouble {
        what: "The shop refuses a change",
        code: ErrorCode::Callback,
        place: Callback,
        leads_to: "/",
        mended: "The shop's handler is fixed, as its answer says; *Retry* tells the change again.",
        passes: false,
    },
    Trouble {
        what: "Both sides changed, and the rule leaves it to a person",
        code: ErrorCode::Review,
        place: Shop,
        leads_to: "/conflicts",
        mended: "One click on the side that is right.",
        passes: false,
    },
];

impl Scene {
    /// The shop knows of this status.
    async fn told(&self, number: &str) {
        self.until("the shop is told", async |scene| {
            let told = scene.shop.received_requests().await.unwrap_or_default();
            told.iter()
                .any(|request| String::from_utf8_lossy(&request.body).contains(number))
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_cannot_be_told_and_a_conflict_are_seen_and_mended() {
    let Some(program) = program() else { return };
    let rule = "[[shops.main.rules]]\nwinner = \"review\"";
    let mut scene = Scene::new(&program, Door::Webhook, rule).await;
    let [down, hangs, gone, refuses, review] = ALL else {
        panic!("a row without a scene");
    };
    scene.start_portal().await;

    // One order at which the shop fails is that order's trouble; several are the shop's.
    let several = ["R-1", "R-7", "R-8"];
    let mut deals = Vec::new();
    for number in several {
        deals.push(scene.settled(number).await);
    }
    scene.well().await;
    scene.shop_answers(503, "maintenance").await;
    for deal in deals {
        scene.move_deal(deal, "PREPARATION").await;
    }
    scene.sees(down).await;
    scene.shop_answers(200, "").await;
    scene
        .click("form[action$='/resume'] button", "The shop is told again.")
        .await;
    for number in several {
        scene.told(number).await;
    }
    scene.well().await;

    let deal = scene.settled("R-2").await;
    scene.overview().await;
    scene.shop_hangs(Duration::from_mins(1)).await;
    scene.move_deal(deal, "PREPARATION").await;
    scene.sees(hangs).await;
    scene.shop_answers(200, "").await;
    scene.told("R-2").await;
    scene.well().await;

    let deal = scene.settled("R-3").await;
    scene.overview().await;
    scene.shop_answers(410, "gone").await;
    scene.move_deal(deal, "PREPARATION").await;
    scene.sees(gone).await;
    scene.shop_answers(200, "").await;
    scene
        .click("form[action$='/resume'] button", "The shop is told again.")
        .await;
    scene.told("R-3").await;
    scene.well().await;

    let deal = scene.settled("R-4").await;
    scene.overview().await;
    scene.shop_answers(422, "the order is archived").await;
    scene.move_deal(deal, "PREPARATION").await;
    scene.sees(refuses).await;
    scene
        .until("dead", async |scene| {
            scene.order("R-4").await["dead"].as_i64() > Some(0)
        })
        .await;
    scene.shop_answers(200, "").await;
    let letters = scene.at("/dead-letters?number=R-4");
    scene.browser.go(&letters).await;
    scene.browser.click("tbody a").await;
    let text = scene.browser.text().await;
    assert!(text.contains("the order is archived"), "{text}");
    scene
        .click("form[action$='/retry'] button", "It is sent again.")
        .await;
    scene.told("R-4").await;
    scene.well().await;

    conflict(&mut scene, review).await;
    scene.saw(ALL);
}

async fn conflict(scene: &mut Scene, review: &'static Trouble) {
    let deal = scene.settled("R-5").await;
    // So that neither change is carried over before both were made.
    let page = scene.at("/portals/main");
    scene.browser.go(&page).await;
    scene
        .click("form[action$='/pause'] button", "The portal is paused.")
        .await;
    scene.overview().await;
    let text = scene.browser.text().await;
    assert!(text.contains("Paused by a person"), "{text}");
    scene.move_deal(deal, "EXECUTING").await;
    scene
        .post("R-5", 2, |order| order["status"] = json!("P"))
        .await;
    scene.browser.go(&page).await;
    scene.resume().await;
    scene.overview().await;
    scene.sees(review).await;
    scene.click(".side:last-child button", "Decided.").await;
    scene.told("R-5").await;
    scene.well().await;
}

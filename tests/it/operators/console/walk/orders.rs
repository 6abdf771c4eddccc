//! The portal refuses an order, or the settings do not fit it.

use super::{
    Place::Shop,
    Trouble,
    scene::{Door, SECRET, Scene},
};
use crate::operators::console::browser::program;
use b24_bridge::domain::ErrorCode;
use serde_json::json;

pub(super) const ALL: &[Trouble] = &[
    Trouble {
        what: "The portal does not know the currency",
        code: ErrorCode::Currency,
        place: Shop,
        leads_to: "/",
        mended: "The currency is added in the portal; *Retry* sends the order.",
        passes: false,
    },
    Trouble {
        what: "A required field is missing",
        code: ErrorCode::Refused,
        place: Shop,
        leads_to: "/",
        mended: "*Fix and retry*: the field is filled in; the portal's own words name it.",
        passes: false,
    },
    Trouble {
        what: "The deal was deleted in the portal",
        code: ErrorCode::DealGone,
        place: Shop,
        leads_to: "/",
        mended: "A new deal is made, or the order is let go: one click either way.",
        passes: false,
    },
    Trouble {
        what: "A status is not in the table",
        code: ErrorCode::Status,
        place: Shop,
        leads_to: "/dead-letters",
        mended: "The status is added to the settings and the bridge restarted; the order goes out \
                 by itself.",
        passes: false,
    },
    Trouble {
        what: "The portal does not know the stage",
        code: ErrorCode::StageUnknown,
        place: Shop,
        leads_to: "/dead-letters",
        mended: "The stage is made in the funnel, or corrected in the settings; *Retry* sends the \
                 order.",
        passes: false,
    },
];

impl Scene {
    /// Goes to the one open dead letter of an order.
    async fn letter(&mut self, number: &str) {
        self.until("dead", async |scene| {
            scene.order(number).await["dead"].as_i64() > Some(0)
        })
        .await;
        let page = self.at(&format!("/dead-letters?number={number}"));
        self.browser.go(&page).await;
        self.browser.click("tbody a").await;
    }

    /// Puts one field right, by its pointer.
    async fn fix(&mut self, pointer: &str, to: &str) {
        let field = format!("#mend form.fields input[name='{pointer}']");
        self.browser.fill(&field, to).await;
        self.click("#mend form.fields button", "It is sent again.")
            .await;
    }

    async fn retry(&mut self) {
        self.click("form[action$='/retry'] button", "It is sent again.")
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_are_refused_are_seen_and_mended_one_by_one() {
    let Some(program) = program() else { return };
    let mut scene = Scene::new(&program, Door::Webhook, "").await;
    let [currency, required, gone, status, stage] = ALL else {
        panic!("a row without a scene");
    };
    scene.start_portal().await;
    scene.settled("R-0").await;
    scene.well().await;

    scene
        .post("R-1", 1, |order| order["currency"] = json!("GEL"))
        .await;
    scene.sees(currency).await;
    scene.letter("R-1").await;
    scene.switch(json!({"currencies": ["RUB", "GEL"]})).await;
    scene.retry().await;
    scene.in_sync("R-1").await;
    scene.well().await;

    deleted(&mut scene, gone).await;

    scene
        .post("R-5", 1, |order| order["status"] = json!("Q"))
        .await;
    scene.sees(status).await;
    scene.more = "[[shops.main.statuses]]\nstatus = \"Q\"\nstage = \"FINAL_INVOICE\"".to_owned();
    scene.start_bridge().await;
    scene.in_sync("R-5").await;
    scene.well().await;

    scene
        .post("R-6", 1, |order| order["status"] = json!("S"))
        .await;
    scene.sees(stage).await;
    scene
        .switch(json!({"new_stage": {"code": "PACKED", "name": "Собран"}}))
        .await;
    scene.letter("R-6").await;
    scene.retry().await;
    scene.in_sync("R-6").await;
    scene.well().await;

    let field = json!(
        {
            "fields": {
                "FIELD_NAME": "PROMO", "USER_TYPE_ID": "string", "MANDATORY": "Y",
                    "EDIT_FORM_LABEL": {
                    "ru": "Промокод"
                }
            }
        }
    );
    scene
        .portal(&format!("/rest/1/{SECRET}/crm.deal.userfield.add"), field)
        .await;
    scene
        .post("R-7", 1, |order| order["properties"] = json!({"promo": ""}))
        .await;
    scene.sees(required).await;
    scene.letter("R-7").await;
    let text = scene.browser.text().await;
    assert!(text.contains("Промокод"), "{text}");
    scene.fix("/data/properties/promo", "SPRING").await;
    scene.in_sync("R-7").await;
    scene.well().await;
    scene.saw(ALL);
}

/// Of two deals that were deleted, one is made anew, and the other order is let go.
async fn deleted(scene: &mut Scene, gone: &'static Trouble) {
    for (number, first) in [("R-3", true), ("R-4", false)] {
        let deal = scene.settled(number).await;
        scene.well().await;
        scene
            .portal(&format!("/sandbox/deals/{deal}/delete"), json!({}))
            .await;
        scene
            .post(number, 2, |order| order["total"] = json!("200.00"))
            .await;
        scene.sees(gone).await;
        scene.letter(number).await;
        if first {
            scene.retry().await;
            scene.in_sync(number).await;
            assert_ne!(scene.order(number).await["deal_id"], deal);
        } else {
            scene
                .browser
                .fill("input[name=reason]", "the customer gave up")
                .await;
            scene
                .click(
                    "form[action$='/discard'] button",
                    "The letter was discarded.",
                )
                .await;
        }
        scene.well().await;
    }
}

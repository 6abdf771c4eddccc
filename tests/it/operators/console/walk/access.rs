//! The portal does not let the bridge in, or has another address. Told in Russian where a webhook
//! is the way in.

use super::{
    Place::Portal,
    Trouble,
    scene::{CLIENT, Door, Scene},
};
use crate::operators::console::browser::program;
use b24_bridge::domain::ErrorCode;
use serde_json::json;

pub(super) const WEBHOOK: &[Trouble] = &[
    Trouble {
        what: "The webhook was revoked",
        code: ErrorCode::Auth,
        place: Portal,
        leads_to: "/portals/main",
        mended: "A new webhook in the portal, its address into the settings, a restart; *Test* \
                 says whether it works, *Resume* lets orders go on.",
        passes: false,
    },
    Trouble {
        what: "The webhook lacks a permission",
        code: ErrorCode::Scope,
        place: Portal,
        leads_to: "/portals/main",
        mended: "The permission CRM is given in the portal; *Resume* lets orders go on.",
        passes: false,
    },
    Trouble {
        what: "Support has blocked the portal's REST (OVERLOAD_LIMIT)",
        code: ErrorCode::Overload,
        place: Portal,
        leads_to: "/portals/main",
        mended: "Bitrix24 support lifts the block; *Resume* lets orders go on.",
        passes: false,
    },
    Trouble {
        what: "The webhook's user lacks rights (403 INVALID_CREDENTIALS)",
        code: ErrorCode::Rights,
        place: Portal,
        leads_to: "/portals/main",
        mended: "The user gets the rights in the portal, or the webhook is made anew as a user who \
                 has them; *Resume* lets orders go on.",
        passes: false,
    },
    Trouble {
        what: "The plan does not allow REST (403 ACCESS_DENIED)",
        code: ErrorCode::Plan,
        place: Portal,
        leads_to: "/portals/main",
        mended: "The plan is renewed in the portal; *Resume* lets orders go on.",
        passes: false,
    },
    Trouble {
        what: "Calls are sent to an address that nobody has allowed (302)",
        code: ErrorCode::Elsewhere,
        place: Portal,
        leads_to: "/portals/main",
        mended: "Nothing is sent there. If the portal did move, its new address goes into the \
                 settings; if not, who answers at its address is found. *Resume* lets orders go \
                 on.",
        passes: false,
    },
    Trouble {
        what: "The portal was renamed (302)",
        code: ErrorCode::Moved,
        place: Portal,
        leads_to: "/portals/main",
        mended: "Orders go on meanwhile; the new address goes into the settings, and the bridge is \
                 restarted.",
        passes: false,
    },
];

pub(super) const APPLICATION: &[Trouble] = &[Trouble {
    what: "The application's token expired and a new one is refused",
    code: ErrorCode::Token,
    place: Portal,
    leads_to: "/portals/main",
    mended: "The application is authorised anew, or installed again in the portal; orders go on by \
             themselves. A token that expires and is renewed is no trouble and shows nothing.",
    passes: false,
}];

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_refuses_the_bridge_is_seen_in_russian_and_goes_on_once_it_lets_it_in() {
    let Some(program) = program() else { return };
    let mut scene = Scene::new(&program, Door::Webhook, "").await;
    let [revoked, scope, overload, rights, plan, elsewhere, moved] = WEBHOOK else {
        panic!("a row without a scene");
    };
    scene.in_russian().await;
    scene.start_portal().await;
    scene.settled("R-0").await;
    scene.well().await;
    let troubles = [
        (
            revoked,
            json!({"webhook_revoked": true}),
            json!({"webhook_revoked": false}),
        ),
        (
            scope,
            json!({"webhook_scopes": ["user"]}),
            json!({"webhook_scopes": ["crm", "user"]}),
        ),
        (
            overload,
            json!({"overloaded": true}),
            json!({"overloaded": false}),
        ),
        (
            rights,
            json!({"without_rights": true}),
            json!({"without_rights": false}),
        ),
        (
            plan,
            json!({"free_plan": true}),
            json!({"free_plan": false}),
        ),
        (
            elsewhere,
            json!({"moved_to": "10.1.2.3:80"}),
            json!({"moved_to": ""}),
        ),
    ];
    for (nth, (trouble, broken, mended)) in troubles.into_iter().enumerate() {
        let number = format!("R-{}", nth + 1);
        scene.switch(broken).await;
        scene.post(&number, 1, |_| {}).await;
        scene.sees(trouble).await;
        if nth == 0 {
            waits_for(&mut scene, &number, trouble).await;
            scene.browser.click("form[action$='/test'] button").await;
            let text = scene.browser.text().await;
            assert!(!text.contains("Портал отвечает."), "{text}");
        }
        scene.switch(mended).await;
        scene
            .click("form[action$='/test'] button", "Портал отвечает.")
            .await;
        scene.resume().await;
        scene.in_sync(&number).await;
        scene.well().await;
    }

    let new = scene.host.replace("127.0.0.1", "localhost");
    scene.switch(json!({"moved_to": new})).await;
    scene.post("R-9", 1, |_| {}).await;
    scene.sees(moved).await;
    scene.in_sync("R-9").await;
    scene.host = new;
    scene.start_bridge().await;
    scene.well().await;
    scene.settled("R-10").await;
    scene.well().await;
    scene.saw(WEBHOOK);
}

/// The page of an order that waits says what its portal waits for, and nothing else is to blame.
async fn waits_for(scene: &mut Scene, number: &str, trouble: &Trouble) {
    let (order, portal) = (format!("/orders/main/{number}"), scene.at("/portals/main"));
    let order = scene.at(&order);
    scene.browser.go(&order).await;
    let text = scene.browser.text().await;
    assert!(text.contains(trouble.code.sentence_in_russian()), "{text}");
    assert!(!text.contains("B24-DOWN"), "{text}");
    scene.browser.go(&portal).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_is_renewed_in_silence_and_a_refused_renewal_is_seen() {
    let Some(program) = program() else { return };
    let mut scene = Scene::new(&program, Door::Application, "").await;
    let [refused] = APPLICATION else {
        panic!("a row without a scene");
    };
    let install = format!("/sandbox/install/{CLIENT}");
    scene.start_portal().await;
    scene.portal(&install, json!({})).await;
    scene.settled("R-1").await;
    scene.well().await;

    scene.switch(json!({"expire_tokens": true})).await;
    scene.settled("R-2").await;
    let text = scene.browser.text().await;
    assert!(
        text.contains("Everything flows.") && !text.contains("B24-"),
        "{text}"
    );

    scene
        .switch(json!({"expire_tokens": true, "forget_refresh_tokens": true}))
        .await;
    scene.post("R-3", 1, |_| {}).await;
    scene.sees(refused).await;
    scene.portal(&install, json!({})).await;
    scene.in_sync("R-3").await;
    scene.well().await;
    scene.saw(APPLICATION);
}

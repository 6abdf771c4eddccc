//! The portal is away, slow, or asks for less.

use super::{
    Place::Portal,
    Trouble,
    scene::{Door, Scene},
};
use crate::operators::console::browser::program;
use b24_bridge::domain::ErrorCode;
use serde_json::json;

pub(super) const ALL: &[Trouble] = &[
    Trouble {
        what: "Nobody listens at the portal's address",
        code: ErrorCode::Down,
        place: Portal,
        leads_to: "/portals/main",
        mended: "By itself when the portal is back; *Resume* tries at once.",
        passes: false,
    },
    Trouble {
        what: "A stranger at the portal's address answers with more than any portal does",
        code: ErrorCode::AnswerTooLarge,
        place: Portal,
        leads_to: "/portals/main",
        mended: "Who answers there is found: the portal's own address goes into the settings, or a \
                 proxy in between is fixed; orders go on by themselves.",
        passes: false,
    },
    Trouble {
        what: "The portal answers 502",
        code: ErrorCode::Down,
        place: Portal,
        leads_to: "/portals/main",
        mended: "By itself when the portal is back; *Resume* tries at once.",
        passes: false,
    },
    Trouble {
        what: "The portal answers 500",
        code: ErrorCode::Down,
        place: Portal,
        leads_to: "/portals/main",
        mended: "By itself when the portal is back; *Resume* tries at once.",
        passes: false,
    },
    Trouble {
        what: "The portal hangs",
        code: ErrorCode::Slow,
        place: Portal,
        leads_to: "/portals/main",
        mended: "By itself when the portal answers again.",
        passes: false,
    },
    Trouble {
        what: "An answer is lost after the portal wrote",
        code: ErrorCode::InDoubt,
        place: Portal,
        leads_to: "/portals/main",
        mended: "By itself: what was written is looked up first, and no second deal is made.",
        passes: true,
    },
    Trouble {
        what: "The request limit is hit (QUERY_LIMIT_EXCEEDED)",
        code: ErrorCode::Limit,
        place: Portal,
        leads_to: "/portals/main",
        mended: "By itself; the other integration is found on this server's address.",
        passes: false,
    },
    Trouble {
        what: "A method has used its time (OPERATION_TIME_LIMIT)",
        code: ErrorCode::Operating,
        place: Portal,
        leads_to: "/portals/main",
        mended: "By itself when the method's time is over; other methods go on meanwhile.",
        passes: true,
    },
];

#[tokio::test(flavor = "multi_thread")]
async fn a_portal_that_is_away_slow_or_limited_is_seen_and_comes_back() {
    let Some(program) = program() else { return };
    let mut scene = Scene::new(&program, Door::Webhook, "").await;
    let [
        nobody,
        stranger,
        bad_gateway,
        internal,
        hangs,
        doubt,
        limit,
        operating,
    ] = ALL
    else {
        panic!("a row without a scene");
    };
    scene.post("R-1", 1, |_| {}).await;
    scene.sees(nobody).await;
    let large = scene.stranger(17 * 1024 * 1024).await;
    scene.resume().await;
    scene.overview().await;
    scene.sees(stranger).await;
    large.abort();
    let _ = large.await;
    scene.start_portal().await;
    scene.resume().await;
    scene.in_sync("R-1").await;
    scene.well().await;

    scene.faults(json!({"bad_gateway": 1})).await;
    scene.post("R-2", 1, |_| {}).await;
    scene.sees(bad_gateway).await;
    scene.faults(json!({})).await;
    scene.resume().await;
    scene.in_sync("R-2").await;
    scene.well().await;

    scene.faults(json!({"internal_error": 1})).await;
    scene.post("R-3", 1, |_| {}).await;
    scene.sees(internal).await;
    scene.faults(json!({})).await;
    // Nobody does anything.
    scene.in_sync("R-3").await;
    scene.well().await;

    scene.next_fault("lost_answer", "crm.deal.add").await;
    scene.post("R-5", 1, |_| {}).await;
    scene.sees(doubt).await;
    scene.in_sync("R-5").await;
    scene.well().await;

    scene.faults(json!({"slow": 1, "slow_ms": 60_000})).await;
    scene.post("R-4", 1, |_| {}).await;
    scene.sees(hangs).await;
    scene.faults(json!({})).await;
    scene.in_sync("R-4").await;
    scene.well().await;

    scene.faults(json!({"throttled": 1})).await;
    scene.post("R-6", 1, |_| {}).await;
    scene.sees(limit).await;
    scene.faults(json!({})).await;
    scene.in_sync("R-6").await;
    scene.well().await;

    scene.switch(json!({"operating_window_seconds": 12})).await;
    scene.post("R-7", 1, |_| {}).await;
    scene.in_sync("R-7").await;
    scene.next_fault("operation_limit", "crm.deal.add").await;
    scene.post("R-8", 1, |_| {}).await;
    scene.sees(operating).await;
    scene.in_sync("R-8").await;
    scene.well().await;

    assert_eq!(scene.deals().await, 8, "one deal for each order");
    scene.saw(ALL);
}

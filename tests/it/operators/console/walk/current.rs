//! Whether what is on the screen is still so.

use super::scene::{Door, Scene};
use crate::operators::console::browser::program;

const LOST: &str = "!document.getElementById('lost').hidden";
const FOUND: &str = "document.getElementById('lost').hidden";

#[tokio::test(flavor = "multi_thread")]
async fn every_page_says_when_the_bridge_is_gone_and_when_it_is_back() {
    let Some(program) = program() else { return };
    let mut scene = Scene::new(&program, Door::Webhook, "").await;
    scene.start_portal().await;
    for path in ["", "/orders"] {
        scene.browser.go(&scene.at(path)).await;
        scene
            .browser
            .until("document.getElementById('current').textContent !== ''")
            .await;
        assert_eq!(scene.browser.eval(FOUND).await, true, "{path}");
        scene.kill_bridge();
        scene.browser.until(LOST).await;
        let text = scene.browser.text().await;
        assert!(text.contains("No connection since"), "{path}: {text}");
        let dimmed = "getComputedStyle(document.querySelector('main')).opacity < 1";
        assert_eq!(scene.browser.eval(dimmed).await, true, "{path}");
        // Only the bar has its colour.
        let coloured = "getComputedStyle(document.body).backgroundColor
            === getComputedStyle(document.getElementById('lost')).backgroundColor";
        assert_eq!(scene.browser.eval(coloured).await, false, "{path}");
        scene.start_bridge().await;
        scene.browser.until(FOUND).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_part_goes_on_while_somebody_stands_on_a_link_of_it() {
    let Some(program) = program() else { return };
    let mut scene = Scene::new(&program, Door::Webhook, "").await;
    scene.start_portal().await;
    scene.browser.go(&scene.at("")).await;
    let stand = "document.querySelector('#live a').focus();
        window.href = document.activeElement.href;
        document.querySelector('#live').firstElementChild.id = 'old'";
    scene.browser.eval(stand).await;
    scene.browser.until("!document.getElementById('old')").await;
    let still = "document.activeElement.href === window.href";
    assert_eq!(scene.browser.eval(still).await, true);
}

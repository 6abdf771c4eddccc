//! Letting the bridge into a portal as an application, from its page in the console.

use super::{
    Browser, Page, World, program, text,
    world::{ANNA, CLIENT_SECRET},
};
use reqwest::{Client, StatusCode};
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What stands between two texts.
fn between<'a>(page: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = page.split_once(before).unwrap();
    rest.split(after).next().unwrap()
}

/// A browser that goes where it is sent.
fn administrator() -> Client {
    Client::builder().no_proxy().build().unwrap()
}

async fn acts(world: &World) -> Vec<(String, String, serde_json::Value)> {
    sqlx::query_as(
        "SELECT actor, action, detail FROM bridge.audit WHERE action = 'portal.authorize' ORDER BY \
         id",
    )
    .fetch_all(&world.db.pool)
    .await
    .unwrap()
}

#[tokio::test]
async fn an_operator_lets_the_application_in_and_sees_what_came_of_it() {
    let Some(program) = program() else { return };
    let world = World::with_application().await;
    let mut browser = Browser::start(&program).await;
    browser.go(&world.at("/portals/main")).await;
    browser.fill("input[name=name]", "anna").await;
    browser.fill("input[name=password]", ANNA).await;
    browser.click("main form button").await;
    assert!(
        browser
            .text()
            .await
            .contains("has not let the bridge in yet")
    );
    for width in [1400, 390] {
        browser.picture("portal-application", width).await;
    }
    browser.click("form[action$='/authorise'] button").await;
    for width in [1400, 390] {
        browser.picture("authorise", width).await;
    }
    let text = browser.text().await;
    assert!(text.contains("Waiting for the portal"), "{text}");
    assert!(text.contains("/webhooks/bitrix24/main/oauth"), "{text}");
    let link = browser
        .eval("document.querySelector('main a.button').href")
        .await;
    let back = administrator().get(link.as_str().unwrap()).send().await;
    assert_eq!(back.unwrap().status(), StatusCode::OK);
    let done =
        "document.querySelector('.notice')?.innerText === 'The portal has let the bridge in.'";
    browser.until(done).await;
    browser.picture("authorise-done", 390).await;
    browser.go(&world.at("/portals/main")).await;
    let text = browser.text().await;
    assert!(text.contains("The portal let the bridge in:"), "{text}");
    let page = browser.eval("document.documentElement.outerHTML").await;
    assert!(!page.as_str().unwrap().contains(CLIENT_SECRET));
    let wanted = (
        "operator:anna".to_owned(),
        "portal.authorize".to_owned(),
        json!({"by": "browser"}),
    );
    assert_eq!(acts(&world).await, [wanted]);
}

#[tokio::test]
async fn a_code_by_hand_is_refused_in_the_portals_words_and_a_viewer_begins_nothing() {
    let world = World::with_application().await;
    let viktor = Page::viktor(&world).await;
    for (path, form) in [
        ("/portals/main/authorise", vec![]),
        ("/portals/main/authorisation", vec![("code", "abc")]),
    ] {
        let answer = viktor.post(path, &form).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{path}");
    }
    assert!(acts(&world).await.is_empty());
    let anna = Page::anna(&world).await;
    let nowhere = anna.post("/portals/other/authorise", &[]).await;
    assert_eq!(nowhere.status(), StatusCode::NOT_FOUND);
    let code = |code| [("code", code)];
    let none = anna
        .post(
            "/portals/main/authorisation",
            &code("https://a.example/?state=1"),
        )
        .await;
    assert_eq!(none.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text(none).await.contains("There is no code"));

    let taken = anna
        .post(
            "/portals/main/authorisation",
            &code("https://a.example/?code=wrong"),
        )
        .await;
    assert_eq!(taken.status(), StatusCode::SEE_OTHER);
    let place = taken.headers()["location"].to_str().unwrap();
    let place = place.strip_prefix("/console").unwrap().to_owned();
    let until = Instant::now() + Duration::from_secs(30);
    loop {
        let page = text(anna.get(&place).await).await;
        if page.contains("has not let the bridge in. In its words:") {
            assert!(page.contains("What to do"), "{page}");
            break;
        }
        assert!(Instant::now() < until, "{page}");
        sleep(Duration::from_millis(50)).await;
    }
    let over = format!("/portals/main/authorisation/{}", "0".repeat(64));
    assert!(text(anna.get(&over).await).await.contains("is over"));

    // The page's link is the only place where the state stands, and the state is not what the page
    // asks by.
    let page = text(anna.post("/portals/main/authorise", &[]).await).await;
    let state = between(&page, "state=", "\"");
    assert_eq!(page.matches(state).count(), 1);
    assert!(!page.contains(CLIENT_SECRET));
}

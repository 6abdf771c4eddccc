//! An operator's evening in a real browser.

use super::{
    browser::{Browser, program},
    with_comment,
    world::{ANNA, VIKTOR, World},
};
use b24_bridge::domain::ShopName;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const HOSTILE: &str =
    r#"<script>window.hacked = 1</script><img src=x onerror="window.hacked = 1">"#;

#[tokio::test]
async fn an_operator_finds_a_dead_letter_mends_it_and_sees_the_order_in_sync() {
    let Some(program) = program() else { return };
    let world = World::new().await;
    world.post(&with_comment("A-1", "N", "good")).await;
    world.post(&with_comment("A-2", "UNKNOWN", HOSTILE)).await;
    order_is(&world, "A-1", |order| order.in_sync).await;
    order_is(&world, "A-2", |order| order.dead == 1).await;

    let mut browser = Browser::start(&program).await;
    browser.go(&world.at("/dead-letters")).await;
    browser.picture("sign-in", 1400).await;
    browser.picture("sign-in", 390).await;
    browser.fill("input[name=name]", "anna").await;
    browser.fill("input[name=password]", ANNA).await;
    browser.click("main form button").await;
    assert!(browser.text().await.contains("MAP-STATUS"));
    browser.click("tbody a").await;
    assert!(
        browser.text().await.contains(HOSTILE)
            || browser
                .eval("document.querySelector('textarea').value.includes('window.hacked')")
                .await
                == true
    );
    pictures(&mut browser, &world).await;

    // A mistake in the mended text, behind the fields, is told above them.
    browser
        .eval("document.querySelector('#mend details').open = true")
        .await;
    let typed = browser
        .eval("document.querySelector('textarea').value")
        .await;
    let typed = typed.as_str().unwrap();
    browser
        .fill(
            "textarea",
            &typed.replace("\"currency\": \"RUB\"", "\"currency\": 7"),
        )
        .await;
    browser.click("#mend details button").await;
    assert!(
        browser.text().await.contains("/data/currency"),
        "{}",
        browser.text().await
    );
    browser
        .fill("#mend form.fields input[name='/data/status']", "P")
        .await;
    browser.click("#mend form.fields button").await;
    assert!(browser.text().await.contains("It is sent again."));

    order_is(&world, "A-2", |order| order.in_sync && order.dead == 0).await;
    browser.go(&world.at("/orders/main/A-2")).await;
    let text = browser.text().await;
    assert!(
        text.contains("in sync") && text.contains("operator:anna"),
        "{text}"
    );
    let link = browser
        .eval("document.querySelector('.facts a[target]').href")
        .await;
    assert!(
        link.as_str().unwrap().contains("/crm/deal/details/"),
        "{link}"
    );
    for page in ["", "/orders", "/orders/main/A-2", "/audit"] {
        browser.go(&world.at(page)).await;
        assert!(
            browser.eval("window.hacked === undefined").await == true,
            "{page}"
        );
    }
    let inline = browser
        .eval(
            "(() => { const s = document.createElement('script'); s.textContent = 'window.ran = \
             1'; document.body.append(s); return window.ran === undefined })()",
        )
        .await;
    assert!(inline == true, "the policy lets an inline script run");
}

#[tokio::test]
async fn a_conflict_is_decided_with_one_click() {
    let Some(program) = program() else { return };
    let world = World::new().await;
    world.post(&with_comment("A-1", "N", HOSTILE)).await;
    order_is(&world, "A-1", |order| order.in_sync).await;
    conflict(&world, "A-1").await;
    let mut browser = Browser::start(&program).await;
    browser.go(&world.at("/conflicts")).await;
    browser.fill("input[name=name]", "anna").await;
    browser.fill("input[name=password]", ANNA).await;
    browser.click("main form button").await;
    browser.picture("conflicts-waiting", 1400).await;
    browser.picture("conflicts-waiting", 390).await;
    browser.click(".card h3 a").await;
    browser.picture("conflict", 1400).await;
    browser.picture("conflict", 390).await;
    let text = browser.text().await;
    assert!(
        text.contains("The shop says") && text.contains("Новая NEW"),
        "{text}"
    );
    browser.click(".side:last-child button").await;
    let text = browser.text().await;
    assert!(
        text.contains("Decided.") && text.contains("Nothing waits"),
        "{text}"
    );
    let closed: (String, String) =
        sqlx::query_as("SELECT ruled_by, winner FROM bridge.conflicts WHERE closed_at IS NOT NULL")
            .fetch_one(&world.db.pool)
            .await
            .unwrap();
    assert_eq!(closed, ("operator:anna".to_owned(), "portal".to_owned()));
    browser.go(&world.at("/orders/main/A-1")).await;
    let text = browser.text().await;
    assert!(text.contains("written in stage “Новая” (NEW)"), "{text}");
    browser.go(&world.at("/portals/main")).await;
    browser.click("form[action$='/pause'] button").await;
    assert!(browser.text().await.contains("The portal is paused."));
    browser.go(&world.at("/language/ru?back=%2Fconsole")).await;
    let text = browser.text().await;
    assert!(
        text.contains("Остановлен человеком") && text.contains("стоит"),
        "{text}"
    );
    browser.scheme(true).await;
    browser.picture("overview-paused", 1400).await;
    browser.picture("overview-paused", 390).await;
}

/// A deal that is gone asks a person.
pub(super) async fn conflict(world: &World, number: &str) {
    let inputs = serde_json::json!({
        "shop": {"value": "N", "since": "2026-01-01T10:00:00Z", "seen": "2026-01-01T10:00:01Z"},
        "portal": {
            "value": {"funnel": 0, "id": "NEW"}, "since": null, "seen": "2026-01-01T10:00:02Z"
        },
    });
    let decision: i64 = sqlx::query_scalar(
        "INSERT INTO bridge.decisions (portal, shop, number, action, basis, sentence, inputs,
           outcome)
         VALUES ('main', 'main', $1, 'review', 'rule', 'the deal is gone: a person decides', $2,
           '{}') RETURNING id",
    )
    .bind(number)
    .bind(inputs)
    .fetch_one(&world.db.pool)
    .await
    .unwrap();
    sqlx::query(
        "INSERT INTO bridge.conflicts (portal, shop, number, decision_id, code, sentence, status,
           stage)
         VALUES ('main', 'main', $1, $2, 'B24-DEAL-GONE', 'the deal is gone: a person decides', 'N',
           'NEW')",
    )
    .bind(number)
    .bind(decision)
    .execute(&world.db.pool)
    .await
    .unwrap();
}

#[tokio::test]
async fn the_overview_follows_by_itself_and_a_viewer_has_no_button_to_press() {
    let Some(program) = program() else { return };
    let world = World::new().await;
    let mut browser = Browser::start(&program).await;
    browser.go(&world.at("")).await;
    browser
        .eval("document.querySelector('details').open = true")
        .await;
    browser.fill("input[name=key]", VIKTOR).await;
    browser.click("details button").await;
    world.post(&with_comment("A-1", "UNKNOWN", HOSTILE)).await;
    browser
        .until("document.querySelector('#live').innerText.includes('MAP-STATUS')")
        .await;
    browser.go(&world.at("/dead-letters")).await;
    browser.click("tbody a").await;
    let enabled = "[...document.querySelectorAll('main form[method=post] button')].filter(b => \
                   !b.disabled).length";
    assert_eq!(browser.eval(enabled).await, 0);
    // Taking the lock off the button does not help.
    browser
        .eval("document.querySelector('main form button').disabled = false")
        .await;
    browser.click("main form button").await;
    assert!(browser.text().await.contains("You may look, not change."));
    order_is(&world, "A-1", |order| order.dead == 1).await;
}

/// Every page at both widths, for people.
async fn pictures(browser: &mut Browser, world: &World) {
    let here = browser.eval("location.href").await;
    let pages = [
        ("overview", ""),
        ("orders", "/orders"),
        ("order", "/orders/main/A-2"),
        ("order-good", "/orders/main/A-1"),
        ("dead-letters", "/dead-letters"),
        ("bulk", "/dead-letters/bulk?what=discard&code=MAP-STATUS"),
        ("jobs", "/bulk"),
        ("letter", "/dead-letters/1"),
        ("conflicts", "/conflicts"),
        ("statuses", "/statuses"),
        ("portals", "/portals"),
        ("portal", "/portals/main"),
        ("audit", "/audit"),
    ];
    for (name, path) in pages {
        browser.go(&world.at(path)).await;
        browser.picture(name, 1400).await;
        browser.picture(name, 390).await;
    }
    browser.go(here.as_str().unwrap()).await;
}

pub(super) async fn order_is(
    world: &World,
    number: &str,
    so: impl Fn(&b24_bridge::app::OrderView) -> bool,
) {
    let shop = ShopName::parse("main").unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    loop {
        let order = world
            .app
            .operations
            .order_view(&shop, number)
            .await
            .unwrap();
        if order.as_ref().is_some_and(&so) {
            return;
        }
        assert!(
            Instant::now() < end,
            "{order:?}\n{:?}",
            world.portal.stats()
        );
        sleep(Duration::from_millis(50)).await;
    }
}

//! Whether every page can be read and used: contrast, width, and the keyboard. Measured in a real
//! browser.

use super::{
    Browser, World,
    journey::{conflict, order_is},
    program, with_comment,
    world::ANNA,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const LOOK: &str = include_str!("scripts/look.js");
const REACH: &str = include_str!("scripts/reach.js");
const ENGLISH: &str = include_str!("scripts/english.js");
const PAGES: [&str; 19] = [
    "",
    "/orders",
    "/orders?q=nothing-like-this",
    "/orders/main/A-1",
    "/orders/main/A-2",
    "/dead-letters",
    "/dead-letters/1",
    "/dead-letters/bulk?what=discard&code=MAP-STATUS",
    "/bulk",
    "/conflicts",
    "/conflicts/1",
    "/stock",
    "/onec",
    "/statuses",
    "/portals",
    "/portals/main",
    "/shops/main",
    "/shops/main/forms",
    "/audit",
];

/// Something of everything, and a person who is signed in.
async fn evening(browser: &mut Browser) -> World {
    let world = World::new().await;
    world.post(&with_comment("A-1", "N", "good")).await;
    world.post(&with_comment("A-2", "UNKNOWN", "bad")).await;
    order_is(&world, "A-1", |order| order.in_sync).await;
    order_is(&world, "A-2", |order| order.dead == 1).await;
    conflict(&world, "A-1").await;
    sqlx::raw_sql(
        "INSERT INTO bridge.dead_letters (shop, portal, number, code, message, attempts,
           last_failed_at, payload)
         SELECT 'main', 'main', 'A-' || i, (ARRAY['B24-REFUSED', 'B24-EMAIL', 'SHOP-CALLBACK'])[1 +
           i % 3],
                'the portal said: ' || repeat('no ', i), i % 5,
                now() - make_interval(hours => i * i), '{}'
         FROM generate_series(3, 9) i;
         INSERT INTO bridge.bulk_jobs (action, filter, reason, actor, expected, upto, done, failed,
           last_fault, state, ended_at)
         VALUES ('discard', '{}', 'test orders', 'operator:anna', 9, 9, 7, 2,
           'letter 3: it is closed already', 'stopped', now());
         INSERT INTO bridge.audit (actor, action, target, detail)
         VALUES ('shop:main', 'letter.retry', '3',
           '{\"payload\": \"mended\", \"recreate\": false}')",
    )
    .execute(&world.db.pool)
    .await
    .unwrap();
    browser.go(&world.at("/sign-in")).await;
    looked(browser, "sign-in").await;
    browser.fill("input[name=name]", "anna").await;
    browser.fill("input[name=password]", ANNA).await;
    browser.click("main form button").await;
    world
}

/// What can be opened is open: what stands in it counts, too.
async fn open_all(browser: &mut Browser) {
    let open = "for (const one of document.querySelectorAll('details')) one.open = true";
    browser.eval(open).await;
}

async fn looked(browser: &mut Browser, path: &str) {
    open_all(browser).await;
    assert_eq!(browser.eval(LOOK).await, json!([]), "{path}");
}

#[tokio::test]
async fn every_page_is_readable_in_light_and_dark_and_fits_a_phone_in_both_languages() {
    let Some(program) = program() else { return };
    let mut browser = Browser::start(&program).await;
    let world = evening(&mut browser).await;
    for (lang, dark, width) in [
        ("en", false, 1400),
        ("ru", false, 390),
        ("en", true, 390),
        ("ru", true, 1400),
    ] {
        browser
            .go(&world.at(&format!("/language/{lang}?back=%2Fconsole")))
            .await;
        browser.scheme(dark).await;
        for path in PAGES {
            browser.go(&world.at(path)).await;
            browser.size(width).await;
            let name = path.split('?').next().unwrap().replace('/', "-");
            let scheme = if dark { "dark" } else { "light" };
            let picture = format!("{lang}-{scheme}{name}");
            browser.picture(&picture, width).await;
            browser.size(width).await;
            looked(&mut browser, &format!("{path} {picture} {width}")).await;
        }
    }
}

#[tokio::test]
async fn the_keyboard_reaches_everything_and_is_seen_wherever_it_is() {
    let Some(program) = program() else { return };
    let mut browser = Browser::start(&program).await;
    let world = evening(&mut browser).await;
    for width in [1400, 390] {
        browser.size(width).await;
        for path in PAGES {
            browser.go(&world.at(path)).await;
            open_all(&mut browser).await;
            let first = browser.eval(REACH).await;
            let all = usize::try_from(first["all"].as_u64().unwrap()).unwrap();
            assert!(all > 8, "{path}: {first}");
            let mut reached = BTreeSet::new();
            // What scrolls is a stop of its own, beside those that are counted; and a live part may
            // be renewed now and then.
            for _ in 0..(all + 30) * 3 {
                browser.press_tab().await;
                let now = browser.eval(REACH).await;
                if now["renewed"] == true {
                    reached.clear();
                }
                assert_eq!(now["seen"], true, "{path} at {width}: {now}");
                reached.extend(now["place"].as_u64());
                if reached.len() == all {
                    break;
                }
            }
            let missed = (0..all as u64).filter(|place| !reached.contains(place));
            let missed: Vec<Value> = missed.map(Value::from).collect();
            let script = format!(
                "{}.map((at) => window.places[at].outerHTML.slice(0, 200))",
                json!(missed)
            );
            assert_eq!(browser.eval(&script).await, json!([]), "{path} at {width}");
        }
    }
}

/// Troubles of every kind that the bridge words itself.
const WORDED: &str = "
    UPDATE bridge.lanes SET paused_at = now(), paused_code = 'B24-DOWN',
    resume_at = now() + interval '1 hour',
           paused_reason = 'the portal answered with HTTP 502: Ворота'
    WHERE portal = 'main';
    INSERT INTO bridge.lanes (portal, paused_at, paused_by, paused_code, paused_reason)
    VALUES ('shop:main', now(), 'bridge', 'SHOP-GONE',
      'The shop''s callback answered 410: it does not want to be called any more.');
    INSERT INTO bridge.troubles (lane, code, message, over_at)
    VALUES ('main', 'B24-IN-DOUBT', 'no answer came from 127.0.0.1: the time was over', NULL),
           ('main', 'B24-SLOW', 'batch was called and is not answered yet', now());
    UPDATE bridge.dead_letters SET message = 'the currency is USD instead of RUB'
      WHERE message LIKE 'the portal said%';
    UPDATE bridge.conflicts SET sentence =
      'the shop changed N to P while the deal was moved from NEW to WON; by rule 1 the later '
      'change is right, but the times cannot tell: a person has to decide.';
    UPDATE bridge.decisions SET sentence =
      'the deal was moved from NEW to WON; the order is paid, which the portal may not take '
      'back: the deal goes back to NEW.';
    UPDATE bridge.bulk_jobs SET reason = 'пробные',
    last_fault = 'letter 3: there is no open dead letter, order or portal of that name';
    INSERT INTO bridge.timeline (shop, number, kind, text) VALUES
        ('main', 'A-1', 'told', 'the shop has the status P instead of N (told)'),
        ('main', 'A-1', 'refused',
          'the portal refused: Нет доступа (B24-REFUSED); try 1 of 5, the next in 4.2 s');
    INSERT INTO bridge.orders (shop, number, portal, due_at, waits_since, attempts, error_code,
      error_message)
    VALUES ('main', 'A-77', 'main', now(), now() - interval '1 hour', 1, 'B24-NOT-TAKEN',
      'written to the stage NEW, the deal stands in LOSE')";

#[tokio::test]
async fn a_page_in_russian_says_nothing_of_its_own_in_english() {
    let Some(program) = program() else { return };
    let mut browser = Browser::start(&program).await;
    let world = evening(&mut browser).await;
    sqlx::raw_sql(WORDED).execute(&world.db.pool).await.unwrap();
    browser.go(&world.at("/language/ru?back=%2Fconsole")).await;
    let mut found = Vec::new();
    for path in PAGES
        .into_iter()
        .chain(["/portals", "/dead-letters/2", "/statuses?check=main"])
    {
        browser.go(&world.at(path)).await;
        open_all(&mut browser).await;
        let english = browser.eval(ENGLISH).await;
        if english != json!([]) {
            found.push(format!("{path}: {english}"));
        }
        for width in [1400, 390] {
            let picture = format!(
                "worded{}",
                path.split('?').next().unwrap().replace('/', "-")
            );
            browser.picture(&picture, width).await;
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

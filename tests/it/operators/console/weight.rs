//! How much a page weighs, and how long it is on a phone: nobody waits for one or loses the way in
//! it, however full the bridge is.

use super::{
    browser::{Browser, program},
    idle,
    world::{ANNA, Page, World},
};
use crate::support::shop::{app, claim, done, event, hopeless, lease, main_shop, tries};
use b24_bridge::{app::App, domain::ErrorCode};
use reqwest::StatusCode;
use serde_json::json;

/// The most bytes of a page, before it is compressed.
const MOST: usize = 60_000;
const ORDERS: usize = 120;
const NAME: &str = "Константин Константинович Константинопольский-Задунайский";

/// More of everything than a page shows.
async fn full() -> (World, App) {
    let world = World::without_worker().await;
    let app = app(&world.db.pool, &["main"]);
    let order = |nth: usize| {
        let number = format!("INTERNET-2026-{nth:05}");
        let mut event = event(&number, &number, 1);
        event["data"]["customer"]["name"] = json!(NAME);
        event["data"]["customer"]["id"] = json!(number);
        event["data"]["customer"]["emails"] = json!([format!("{nth}@example.org")]);
        let item = json!({
            "name": "Чай чёрный байховый листовой, жестяная банка", "sku": "TEA-BLACK-0001",
            "quantity": 3, "price": "1990.00", "unit": "шт",
        });
        event["data"]["items"] = json!(vec![item; 30]);
        event
    };
    let events: Vec<_> = (0..ORDERS).map(order).collect();
    let taken = app.intake.accept_events(Some(&main_shop()), &events).await;
    assert_eq!(taken.unwrap().len(), ORDERS);
    let lease = lease(&world.db.pool, "w").await.unwrap();
    let mut deal = 100_000;
    loop {
        let due = claim(&app, &lease).await;
        if due.is_empty() {
            break;
        }
        let ended = due.into_iter().map(|(claim, _)| {
            deal += 1;
            let ended = if deal % 2 == 0 {
                done(deal)
            } else {
                hopeless(ErrorCode::Status)
            };
            (claim, ended)
        });
        let ended = ended.collect();
        app.delivery.settle(&lease, &tries(), ended).await.unwrap();
    }
    sqlx::raw_sql(
        "UPDATE bridge.dead_letters SET message = repeat('Поле заполнено неверно. ', 8);
         INSERT INTO bridge.audit (actor, action, target, detail)
         SELECT 'operator:konstantin', 'letter.retry', i::text,
           '{\"mended\": true, \"recreate\": false}' FROM generate_series(1, 200) i;
         INSERT INTO bridge.timeline (shop, number, kind, text, detail)
         SELECT 'main', 'INTERNET-2026-00000', 'note', repeat('Так было дело. ', 6),
           jsonb_build_object('event', i, 'moved_at', now(), 'observed_at', now(), 'offset_ms', i)
         FROM generate_series(1, 400) i;
         INSERT INTO bridge.decisions (portal, shop, number, action, basis, winner, sentence,
           inputs, outcome)
         SELECT portal, shop, number, 'tell_shop', 'latest', 'shop', repeat('Так решено. ', 8),
           jsonb_build_object('shop', repeat('x', 200)), '{}' FROM bridge.orders;
         INSERT INTO bridge.conflicts (portal, shop, number, decision_id, code, sentence, status,
           stage)
         SELECT portal, shop, number, id, 'SYNC-REVIEW', repeat('Кто прав? ', 8), 'N', 'PREPARATION'
         FROM bridge.decisions",
    )
    .execute(&world.db.pool)
    .await
    .unwrap();
    (world, app)
}

/// The most pixels that a page is high on a phone: four screens.
const HIGHEST: u64 = 3_000;

#[tokio::test]
async fn no_page_of_a_full_bridge_is_longer_than_four_screens_of_a_phone() {
    let Some(program) = program() else { return };
    let (world, _) = full().await;
    let mut browser = Browser::start(&program).await;
    browser.size(390).await;
    browser.go(&world.at("/sign-in")).await;
    browser.fill("input[name=name]", "anna").await;
    browser.fill("input[name=password]", ANNA).await;
    browser.click("main form button").await;
    let mut long = Vec::new();
    for path in [
        "",
        "/orders",
        "/orders?q=INTERNET&sort=customer&dir=desc",
        "/dead-letters",
        "/dead-letters/1",
        "/bulk",
        "/conflicts",
        "/conflicts/decisions",
        "/portals",
        "/audit",
    ] {
        browser.go(&world.at(path)).await;
        let height = browser.eval("document.documentElement.scrollHeight").await;
        let width = browser.eval("document.documentElement.scrollWidth").await;
        assert_eq!(width, 390, "{path}");
        if height.as_u64().unwrap() > HIGHEST {
            long.push((path, height));
        }
    }
    assert!(long.is_empty(), "{long:?}");
    // What is left out comes when it is asked for, and a wide screen shows it at once.
    let rows =
        "[...document.querySelectorAll('tbody tr')].filter(row => row.offsetHeight > 0).length";
    browser.go(&world.at("/orders")).await;
    assert_eq!(browser.eval(rows).await, 20);
    browser
        .eval("document.querySelector('.rest a').click()")
        .await;
    browser.until(&format!("{rows} === 50")).await;
    browser.size(1400).await;
    browser.go(&world.at("/dead-letters")).await;
    assert_eq!(browser.eval(rows).await, 40);
}

#[tokio::test]
async fn of_many_troubles_the_worst_three_are_told_and_the_others_open_below_them() {
    let world = World::without_worker().await;
    // Five troubles, each with a letter more than the one before.
    sqlx::raw_sql(
        "INSERT INTO bridge.dead_letters (shop, portal, number, code, message, payload)
         SELECT 'main', 'main', 'N-' || c || '-' || i,
           (ARRAY['MAP-STATUS', 'B24-REFUSED', 'B24-EMAIL', 'B24-CURRENCY', 'B24-DEAL-GONE'])[c],
           'words', '{}'
         FROM generate_series(1, 5) c, generate_series(1, c) i",
    )
    .execute(&world.db.pool)
    .await
    .unwrap();
    let anna = Page::anna(&world).await;
    for (lang, more) in [("en", "More ("), ("ru", "Ещё (")] {
        let request = anna.client.get(world.at(""));
        let cookies = format!("{}; b24_lang={lang}", anna.cookie);
        let answer = request.header("cookie", cookies).send().await.unwrap();
        let page = answer.text().await.unwrap();
        let (_, list) = page.split_once("<ul class=\"wrong\">").unwrap();
        let (told, rest) = list.split_once("<details data-key=\"rest\">").unwrap();
        let (rest, _) = rest.split_once("</ul>").unwrap();
        assert_eq!(told.matches("data-key=").count(), 3, "{told}");
        for code in ["B24-DEAL-GONE", "B24-CURRENCY", "B24-EMAIL"] {
            assert!(
                told.contains(code) && !rest.contains(code),
                "{code}: {page}"
            );
        }
        let others = rest.matches("data-key=").count();
        assert!(rest.contains(&format!("{more}{others})")), "{rest}");
        assert!(rest.contains("B24-REFUSED") && rest.contains("MAP-STATUS"));
    }
}

#[tokio::test]
async fn a_page_is_compressed_for_who_takes_it_so_and_a_stream_is_not() {
    let (world, _) = idle().await;
    let anna = Page::anna(&world).await;
    let plain = anna.get("/words").await.bytes().await.unwrap().len();
    let client = reqwest::Client::builder().no_proxy().no_gzip();
    let client = client.build().unwrap();
    let asked = async |path: &str| {
        let request = client.get(world.at(path)).header("cookie", &anna.cookie);
        let request = request.header("accept-encoding", "gzip");
        request.send().await.unwrap()
    };
    let page = asked("/words").await;
    assert_eq!(page.headers()["content-encoding"], "gzip");
    let packed = page.bytes().await.unwrap().len();
    assert!(packed * 2 < plain, "{packed} of {plain}");
    let stream = asked("/live").await;
    assert!(!stream.headers().contains_key("content-encoding"));
}

#[tokio::test]
async fn every_page_of_a_full_bridge_is_below_sixty_kilobytes_in_both_languages() {
    let (world, _) = full().await;
    let anna = Page::anna(&world).await;
    let pages = [
        "",
        "/orders",
        "/orders?q=INTERNET&sort=customer&dir=desc",
        "/orders/main/INTERNET-2026-00000",
        "/orders/main/INTERNET-2026-00001",
        "/dead-letters",
        "/dead-letters?code=MAP-STATUS",
        "/dead-letters/1",
        "/dead-letters/bulk?what=retry&code=MAP-STATUS",
        "/bulk",
        "/conflicts",
        "/conflicts/decisions",
        "/stock",
        "/stock/receipts",
        "/onec",
        "/statuses",
        "/portals",
        "/portals/main",
        "/shops/main",
        "/shops/main/forms",
        "/audit",
        "/words",
    ];
    let mut heavy = Vec::new();
    for lang in ["en", "ru"] {
        for path in pages {
            let request = anna.client.get(world.at(path));
            let cookies = format!("{}; b24_lang={lang}", anna.cookie);
            let answer = request.header("cookie", cookies).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            let bytes = answer.text().await.unwrap().len();
            if bytes > MOST {
                heavy.push((lang, path, bytes));
            }
        }
    }
    assert!(heavy.is_empty(), "{heavy:?}");
}

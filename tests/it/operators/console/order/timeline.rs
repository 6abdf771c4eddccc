//! What happened is shown from its data; rows without data that this version knows, by their
//! sentence.

use super::{Page, World, event, journey::order_is};
use b24_bridge::{
    app::{Actor, AuditFilter},
    domain::ShopName,
};
use reqwest::StatusCode;
use serde_json::{Value, json};

/// The sentences of today are replaced, an earlier version and a later one have written a row each.
const ROWS: &str = r#"
    UPDATE bridge.timeline SET text = 'invented ' || id;
    INSERT INTO bridge.timeline (shop, number, kind, text) VALUES
      ('main', 'A-1', 'told', 'the shop has the status P instead of N (told)');
    INSERT INTO bridge.timeline (shop, number, kind, text, what) VALUES
      ('main', 'A-1', 'note', 'beamed to Mars', '{"v": 7, "kind": "beamed", "to": "Mars"}'),
      ('main', 'A-1', 'note', 'an odd row', '[1e999]')"#;

async fn page(page: &Page<'_>, path: &str, language: &str) -> String {
    let request = page.client.get(page.world.at(path));
    let cookie = format!("{}; b24_lang={language}", page.cookie);
    let answer = request.header("cookie", cookie).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    answer.text().await.unwrap()
}

#[tokio::test]
async fn an_orders_life_is_said_from_what_happened_in_both_languages() {
    let world = World::new().await;
    world.post(&event("e1", "A-1", 1)).await;
    order_is(&world, "A-1", |order| order.in_sync).await;
    sqlx::raw_sql(ROWS).execute(&world.db.pool).await.unwrap();
    let anna = Page::anna(&world).await;
    for (language, sentences) in [
        (
            "ru",
            [
                "событие e1 принято",
                ": записано на стадии",
                "у магазина теперь статус P вместо N (сообщено)",
                "beamed to Mars",
                "an odd row",
            ],
        ),
        (
            "en",
            [
                "event e1 accepted",
                " written in stage",
                "the shop has the status P instead of N (told)",
                "beamed to Mars",
                "an odd row",
            ],
        ),
    ] {
        let text = page(&anna, "/orders/main/A-1", language).await;
        for sentence in sentences {
            assert!(text.contains(sentence), "{sentence}: {text}");
        }
        assert!(!text.contains("invented"), "{text}");
    }
}

#[tokio::test]
async fn the_api_tells_the_kind_and_its_fields_beside_the_sentence() {
    let world = World::new().await;
    world.post(&event("e1", "A-1", 1)).await;
    order_is(&world, "A-1", |order| order.in_sync).await;
    let shop = ShopName::parse("main").unwrap();
    let order = world.app.operations.order_view(&shop, "A-1").await.unwrap();
    let order: Value = serde_json::to_value(order.unwrap()).unwrap();
    let life = order["timeline"].as_array().unwrap();
    for entry in life {
        assert!(entry["what"]["kind"].is_string(), "{entry}");
        assert!(entry["text"].is_string(), "{entry}");
    }
    assert_eq!(life[0]["text"], "event e1 accepted");
    assert_eq!(
        life[0]["what"],
        json!({ "v": 1, "kind": "accepted", "event": "e1" })
    );
    let written = life.iter().find(|entry| entry["kind"] == "written");
    let written = &written.unwrap()["what"];
    assert_eq!(written["kind"], "written");
    assert_eq!(
        written["card"],
        json!({ "entity": "deal", "id": order["deal_id"] })
    );
    sqlx::raw_sql(ROWS).execute(&world.db.pool).await.unwrap();
    let order = world.app.operations.order_view(&shop, "A-1").await.unwrap();
    let order: Value = serde_json::to_value(order.unwrap()).unwrap();
    let life = order["timeline"].as_array().unwrap();
    let later = life.iter().find(|entry| entry["text"] == "beamed to Mars");
    assert_eq!(
        later.unwrap()["what"],
        json!({ "v": 7, "kind": "beamed", "to": "Mars" })
    );
    let old = life.iter().find(|entry| entry["kind"] == "told");
    assert_eq!(old.unwrap().get("what"), None);
}

/// As earlier versions stored what every order's life begins with.
const BEFORE: &str = r#"
    UPDATE bridge.timeline SET text = 'event e1 accepted',
      detail = '{"event": "e1", "shop_clock": "2026-01-02T10:00:00+00:00"}' WHERE kind = 'accepted';
    UPDATE bridge.timeline SET text = 'as it was said then' WHERE kind = 'written'"#;

#[tokio::test]
async fn what_every_life_begins_with_is_stored_as_data_and_told_as_ever() {
    let world = World::new().await;
    let mut first = event("e1", "A-1", 1);
    first["time"] = json!("2026-01-02T10:00:00Z");
    world.post(&first).await;
    order_is(&world, "A-1", |order| order.in_sync).await;
    let shop = ShopName::parse("main").unwrap();
    let life = async || {
        let order = world.app.operations.order_view(&shop, "A-1").await.unwrap();
        let order: Value = serde_json::to_value(order.unwrap()).unwrap();
        order["timeline"].as_array().unwrap().clone()
    };
    let texts = "SELECT string_agg(text, ' ') FROM bridge.timeline
                 WHERE kind IN ('accepted', 'written')";
    let texts = sqlx::query_scalar(texts).fetch_one(&world.db.pool);
    let texts: String = texts.await.unwrap();
    assert_eq!(texts.trim(), "", "the data say it");
    let now = life().await;
    assert_eq!(now[0]["text"], "event e1 accepted");
    let clock = json!({ "event": "e1", "shop_clock": "2026-01-02T10:00:00+00:00" });
    assert_eq!(now[0]["detail"], clock);
    let written = |life: &[Value]| -> Value {
        let mut of = life.iter().filter(|entry| entry["kind"] == "written");
        of.next().unwrap()["text"].clone()
    };
    let sentence = written(&now);
    let sentence = sentence.as_str().unwrap();
    assert!(sentence.contains(" written in "), "{sentence}");
    sqlx::raw_sql(BEFORE).execute(&world.db.pool).await.unwrap();
    let then = life().await;
    assert_eq!(then[0], now[0]);
    assert_eq!(written(&then), "as it was said then");
}

#[tokio::test]
async fn an_act_of_a_person_is_stored_as_data_and_said_in_both_languages() {
    let world = World::new().await;
    let anna = Page::anna(&world).await;
    let who = Actor::new("operator:anna");
    world.app.operations.pause_lane("main", &who).await.unwrap();
    let acts = world.app.operations.audit(&AuditFilter::default()).await;
    let acts = serde_json::to_value(acts.unwrap().items).unwrap();
    let paused = acts.as_array().unwrap().iter();
    let paused = paused.clone().find(|act| act["action"] == "portal.pause");
    assert_eq!(
        paused.unwrap()["what"],
        json!({ "v": 1, "kind": "lane_paused", "lane": "main" })
    );
    for (language, sentence) in [
        ("ru", "остановлена очередь main"),
        ("en", "paused the lane main"),
    ] {
        let text = page(&anna, "/audit", language).await;
        assert!(text.contains(sentence), "{sentence}: {text}");
    }
}

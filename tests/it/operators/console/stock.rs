//! The pages of stock: who waits for a decision, and why the figures are what they are.

use super::world::{Page, SHOP_KEY, World};
use b24_bridge::{config::Config, domain::ErrorCode};
use reqwest::StatusCode;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const STOCK: &str = r#"
[portals.main]
webhook_url = "https://example.bitrix24.ru/rest/1/secret/"
[shops.main]
portal = "main"
api_keys = ["main-key-0123456789"]
[stock.main]
shops = ["main"]
master = "shop"
[[stock.main.stores]]
name = "centre"
[[stock.main.stores]]
name = "north"
rank = 1
"#;

async fn moved(world: &World, id: &str, store: &str, quantity: i64) {
    let moves = json!([{ "line": "1", "product": "kettle", "quantity": quantity }]);
    let data = json!({ "store": store, "reason": "<b>till</b>", "moves": moves });
    world
        .post(&json!({
            "specversion": "1.0", "type": "shop.stock.moved.v1", "id": id,
            "source": "https://shop.example/stock", "data": data,
        }))
        .await;
}

async fn reserve(world: &World, id: &str) {
    let body = json!({ "lines": [{ "line": "1", "product": "kettle", "quantity": 1 }] });
    let url = world.root(&format!("/v1/reservations/main/{id}"));
    let put = world.client().put(url).bearer_auth(SHOP_KEY).json(&body);
    assert_eq!(put.send().await.unwrap().status(), StatusCode::OK);
}

/// Two kettles were reserved, and one of them was sold elsewhere.
async fn last_kettle() -> World {
    let world = World::without_worker().await;
    let config = Config::parse(STOCK, &BTreeMap::new()).unwrap();
    // The same cell: the pages have the stocks, too.
    let app = world.app.clone().with_stocks(config.stocks);
    app.stock.configure_stocks().await.unwrap().unwrap();
    moved(&world, "m-1", "centre", 2).await;
    reserve(&world, "first").await;
    reserve(&world, "second").await;
    moved(&world, "m-2", "north", 1).await;
    moved(&world, "m-3", "centre", -1).await;
    let stock = app.stock.stocks()[0].clone();
    assert_eq!(app.stock.settle_shortages(&stock).await.unwrap(), 1);
    world
}

async fn page(session: &Page<'_>, lang: &str, path: &str) -> String {
    let request = session
        .client
        .get(session.world.at(path))
        .header("cookie", &session.cookie)
        .header("accept-language", lang);
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    answer.text().await.unwrap()
}

async fn open_id(world: &World) -> i64 {
    let open = world.app.stock.open_shortages("main", 10).await.unwrap();
    open[0].id
}

#[tokio::test]
async fn an_operator_sees_both_buyers_side_by_side_and_moves_one_of_them() {
    let world = last_kettle().await;
    let anna = Page::anna(&world).await;
    let before = page(&anna, "en", "/stock").await;
    for there in ["first", "second", "kettle", "centre", "north"] {
        assert!(before.contains(there), "{there}: {before}");
    }
    assert!(before.contains("a person has to decide"), "{before}");
    let path = format!("/stock/shortages/{}", open_id(&world).await);
    let to = [("id", "second"), ("shop", "main"), ("to", "north")];
    let answer = anna.post(&path, &to).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let after = page(&anna, "en", "/stock").await;
    assert!(!after.contains("This one loses it"), "{after}");
    let ledger = page(&anna, "en", "/stock/ledger?stock=main&product=kettle").await;
    for sentence in [
        // By how much it moved, and what there was then.
        r#"data-label="Moved">-1</td><td class="num" data-label="On hand">1</td>"#,
        "held for reservation first of main, line 1",
        "held in another store now: reservation second of main, line 1",
        "held here now, and elsewhere before: reservation second of main, line 1",
        "moved by the shop main",
        "&lt;b&gt;till",
    ] {
        assert!(ledger.contains(sentence), "{sentence}: {ledger}");
    }
    let checked = world.app.stock.check_stock("main").await.unwrap();
    assert!(checked.unproved.is_empty(), "{checked:?}");
}

#[tokio::test]
async fn the_pages_speak_russian_and_a_viewer_decides_nothing() {
    let world = last_kettle().await;
    let viktor = Page::viktor(&world).await;
    let path = format!("/stock/shortages/{}", open_id(&world).await);
    let drop = [("id", "second"), ("shop", "main")];
    let answer = viktor.post(&path, &drop).await;
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert_eq!(
        viktor.get("/stock/ledger?stock=none").await.status(),
        StatusCode::NOT_FOUND
    );
    let anna = Page::anna(&world).await;
    let russian = page(&anna, "ru", "/stock").await;
    assert!(russian.contains("решить должен человек"), "{russian}");
    let answer = anna.post(&path, &drop).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let ledger = page(&anna, "ru", "/stock/ledger?stock=main&product=kettle").await;
    for sentence in ["резерв потерян из-за нехватки", "движение: магазин main"]
    {
        assert!(ledger.contains(sentence), "{sentence}: {ledger}");
    }
    let held: Value = json!(world.app.stock.open_shortages("main", 10).await.unwrap());
    assert_eq!(held, json!([]));
}

#[tokio::test]
async fn receipts_of_tills_stand_on_a_page_and_shortages_among_the_conflicts() {
    let world = last_kettle().await;
    let sold = json!({ "receipt": "<i>R1", "till": "T", "store": "centre", "kind": "sale",
        "closed_at": "2026-01-15T10:00:00+03:00", "currency": "RUB", "total": "990.00",
        "number": "A-17", "lines": [{ "product_id": "kettle", "quantity": 1, "price": "990" },
                                    { "product_id": "moon", "quantity": 2, "price": "1" }] });
    world
        .post(&json!({
            "specversion": "1.0", "type": "pos.receipt.saved.v1", "id": "r-1",
            "source": "https://shop.example/stock", "data": sold,
        }))
        .await;
    let anna = Page::anna(&world).await;
    let english = page(&anna, "en", "/stock/receipts").await;
    for there in [
        "&lt;i&gt;R1",
        "1 × kettle; 2 × moon",
        "990.00",
        "A-17",
        "sale",
    ] {
        assert!(english.contains(there), "{there}: {english}");
    }
    assert!(english.contains("lines not posted: 1"), "{english}");
    let other = page(&anna, "en", "/stock/receipts?till=U").await;
    assert!(!other.contains("kettle"), "{other}");
    let russian = page(&anna, "ru", "/stock/receipts").await;
    assert!(russian.contains("продажа"), "{russian}");
    // The overview has it among its troubles, and counts what the list has.
    let overview = page(&anna, "en", "").await;
    for there in [
        ErrorCode::StockShortage.sentence(),
        "[[stock.main.rules]]",
        "href=\"/console/conflicts\"><b>1<",
    ] {
        assert!(overview.contains(there), "{there}: {overview}");
    }
    let conflicts = page(&anna, "en", "/conflicts").await;
    assert!(conflicts.contains("[[stock.main.rules]]"), "{conflicts}");
    for there in ["first", "second", "This one loses it"] {
        assert!(conflicts.contains(there), "{there}: {conflicts}");
    }
}

const BASE: &str = concat!(
    "\n[onec.ut]\nshops = [\"main\"]\n[onec.ut.users.exchange]\n",
    "password_hash = \"$argon2id$v=19$m=19456,t=2,p=1$4o0FLKhbl6xhPS0abKQ9Ow$",
    "MyczqfEi9H/TQZ8hgfZOBZtdkw3CcHtnCzi3rbPf1ic\"\n",
);

#[tokio::test]
async fn what_1c_counts_of_no_product_of_the_shop_is_told_in_both_languages_and_linked() {
    let world = World::with_settings(BASE).await;
    let settings = format!("{}{BASE}", STOCK.replace("\"shop\"", "\"onec\""));
    let config = Config::parse(&settings, &BTreeMap::new()).unwrap();
    let app = world.app.clone().with_stocks(config.stocks);
    app.stock.configure_stocks().await.unwrap().unwrap();
    let anna = Page::anna(&world).await;
    let quiet = page(&anna, "en", "/stock").await;
    assert!(!quiet.contains("1C counts"), "{quiet}");
    let counted = "INSERT INTO bridge.onec_products (base, id, sku, formed_at, touched_at)
                   VALUES ('ut', 'guid-1', 'K-17', now(), now());
                   INSERT INTO bridge.onec_counts
                       (base, product, store, quantity, formed_at, touched_at)
                   VALUES ('ut', 'guid-1', '', 3, now(), now());
                   INSERT INTO bridge.stock_product_keys (stock, kind, value, product)
                   VALUES ('main', 'sku', 'K-17', '4711'), ('main', 'sku', 'K-17', '4712'),
                          ('main', 'xml_id', 'guid-1', 'guid-1')";
    sqlx::raw_sql(counted)
        .execute(&world.db.pool)
        .await
        .unwrap();
    for (lang, sentence) in [
        ("en", "1C counts products by their ids in 1C alone"),
        ("ru", "1С считает товары только по своим идентификаторам"),
    ] {
        let shown = page(&anna, lang, "/stock").await;
        for there in [
            sentence,
            "4711, 4712",
            "ledger?stock=main&amp;product=guid-1",
        ] {
            assert!(shown.contains(there), "{there}: {shown}");
        }
    }
}

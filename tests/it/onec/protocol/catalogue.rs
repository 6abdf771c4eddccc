//! `type=get_catalog`: a base loads the products of its shops.

use crate::onec::world::{World, order};
use b24_bridge::sandbox::onec::{Goods, Shows};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SHELF: &str = "[shops.main.catalogue]\n";

async fn saved(world: &World, product: Value) {
    world.post("shop.product.saved.v1", product).await;
}

fn kettle() -> Value {
    json!({"id": "71", "sku": "K-1", "name": "Чайник «Ёлка» & Co", "section": ["Дом", "Кухня"],
        "prices": [{"price": "1990.00", "currency": "RUB"},
                   {"type": "Опт", "price": "1500", "currency": "USD"}],
        "vat": 20, "unit": "шт", "barcode": ["4600000000017"], "properties": {"Цвет": "красный"}})
}

fn price(goods: &Goods, kind: &str) -> (String, String) {
    let (price, currency) = &goods.prices[kind];
    (price.to_string(), currency.clone())
}

#[tokio::test]
async fn a_base_loads_groups_goods_and_prices_of_its_shop_step_by_step_whichever_process_answers() {
    let tables = format!("{SHELF}[onec.trade.catalogue]\nelements_per_step = 1\n");
    let world = World::with("", &tables).await;
    saved(&world, kettle()).await;
    saved(
        &world,
        json!({"id": "72", "name": "Стол", "section": ["Дом"],
            "prices": [{"price": "9.5", "currency": "RUB"}], "vat_included": false,
            "unit": "компл"}),
    )
    .await;
    let other = world.another("", &tables).await;
    let mut base = world.base();
    base.exchange.shows = Shows::Cookie;
    base.sign_in("get_catalog").await.unwrap();
    base.init("get_catalog").await.unwrap();
    let (mut files, mut here) = (Vec::new(), false);
    loop {
        let url = if here { &world.site.url } else { &other.url };
        base.exchange.address = format!("{url}/exchange/1c/trade");
        here = !here;
        match base.query_catalogue().await.unwrap() {
            Some(file) => files.push(file),
            None => break,
        }
    }
    let with = |word: &str| files.iter().filter(|file| file.contains(word)).count();
    assert_eq!(
        [
            with("<Классификатор>"),
            with("<Товар>"),
            with("<Предложение>")
        ],
        [1, 2, 2]
    );
    base.exchange.address = format!("{}/exchange/1c/trade", world.site.url);
    let goods = base.load_catalogue().await.unwrap();
    let kettle = &goods["71"];
    assert_eq!(kettle.name, "Чайник «Ёлка» & Co");
    assert_eq!(kettle.groups, ["Дом", "Кухня"]);
    assert_eq!(kettle.properties["Цвет"], "красный");
    assert_eq!((kettle.sku.as_deref(), &*kettle.unit), (Some("K-1"), "796"));
    let pair = |price: &str, currency: &str| (price.to_owned(), currency.to_owned());
    assert_eq!(price(kettle, "Цена с сайта"), pair("1990", "руб"));
    assert_eq!(price(kettle, "Опт"), pair("1500", "USD"));
    let table = &goods["72"];
    assert_eq!(price(table, "Цена с сайта (без НДС)"), pair("9.5", "руб"));
    assert_eq!((&*table.unit, table.groups.len()), ("839", 1));
}

#[tokio::test]
async fn what_is_sold_has_the_id_that_lines_of_orders_have() {
    let world = World::with("", SHELF).await;
    saved(
        &world,
        json!({"id": "80", "name": "Футболка", "variations": [
            {"id": "801", "sku": "T-M", "name": "Футболка M",
             "prices": [{"price": "500", "currency": "RUB"}]},
            {"id": "802", "name": "Футболка L", "xml_id": "g-80#v-L",
             "prices": [{"price": "600", "currency": "RUB"}]},
            {"id": "803", "name": "Футболка XL", "active": false}]}),
    )
    .await;
    saved(&world, kettle()).await;
    let mut ordered = order("1", 1);
    ordered["items"] = json!([
        {"product_id": "801", "sku": "T-M", "name": "Футболка M", "quantity": 1, "price": "500"},
        {"product_id": "71", "sku": "K-1", "name": "Чайник", "quantity": 1, "price": "1990"},
    ]);
    ordered["total"] = json!("2790.00");
    world.save(ordered).await;
    // 1C knows the kettle by itself.
    sqlx::query(
        "INSERT INTO bridge.onec_products (base, id, sku, formed_at, touched_at)
         VALUES ('trade', 'guid-kettle', 'K-1', now(), now())",
    )
    .execute(&world.db.pool)
    .await
    .unwrap();
    let mut base = world.base();
    let goods = base.load_catalogue().await.unwrap();
    let ids: Vec<&str> = goods.keys().map(String::as_str).collect();
    assert_eq!(ids, ["801", "g-80", "guid-kettle"]);
    assert_eq!(goods["g-80"].name, "Футболка");
    let of: &BTreeMap<String, (Decimal, String)> = &goods["g-80"].prices;
    assert_eq!(of.keys().collect::<Vec<_>>(), ["v-L Цена с сайта"]);
    base.fetch_orders().await.unwrap();
    let lines = &base.order("1").unwrap().lines;
    let ordered: Vec<&str> = lines.iter().map(|line| line.id.as_str()).collect();
    assert_eq!(ordered, ["801", "guid-kettle", "ORDER_DELIVERY"]);
}

#[tokio::test]
async fn what_is_withdrawn_or_deleted_is_not_given_and_what_is_lost_is_given_anew() {
    let world = World::with("encoding = \"utf-8\"", SHELF).await;
    for (id, active) in [("1", true), ("2", false), ("3", true)] {
        let price = json!([{"price": "1", "currency": "RUB"}]);
        saved(
            &world,
            json!({"id": id, "name": id, "active": active, "prices": price}),
        )
        .await;
    }
    world
        .post("shop.product.deleted.v1", json!({"id": "3"}))
        .await;
    let mut base = world.base_of("2.09");
    base.sign_in("get_catalog").await.unwrap();
    base.init("get_catalog").await.unwrap();
    assert!(base.query_catalogue().await.unwrap().is_some());
    // The answer never reached 1C: it begins anew.
    let goods = base.load_catalogue().await.unwrap();
    assert_eq!(goods.keys().collect::<Vec<_>>(), ["1"]);
}

#[tokio::test]
async fn a_base_whose_shops_tell_of_no_products_is_refused_with_the_reason() {
    for tables in [
        "",
        "[shops.main.catalogue]\nowner = \"onec\"\n\
                    onec_price_types = { \"Розничная\" = \"\" }\n",
    ] {
        let world = World::with("", tables).await;
        let mut base = world.base();
        let words = base.load_catalogue().await.unwrap_err().to_string();
        assert!(
            words.contains("ONEC-REQUEST") && words.contains("shops.NAME.catalogue"),
            "{words}"
        );
    }
}

//! Lines of orders that fit no product, or several.

use super::{order, pair, with};
use crate::{
    stock::world::{serve, settings},
    support::api::Api,
};
use reqwest::Method;
use serde_json::{Value, json};

/// A shop that knows products by these names.
async fn shop(by: &str) -> Api {
    let settings = settings()
        .text("stock.main.reserve_on", "placed")
        .set("stock.main.ship_on", r#"["P"]"#)
        .set("shops.main.products.by", by);
    serve(&settings).await
}

fn of(version: i64, status: &str, items: Value) -> Value {
    with(order(version, status, 1), "items", items)
}

fn item(names: Value, quantity: i64) -> Value {
    with(
        with(
            with(names, "name", json!("Thing")),
            "quantity",
            json!(quantity),
        ),
        "price",
        json!(10),
    )
}

impl Api {
    /// Another product gets an article.
    async fn knows(&self, product: &str, sku: &str) {
        let key = "INSERT INTO bridge.stock_product_keys (stock, kind, value, product)
                   VALUES ('main', 'sku', $1, $2), ('main', 'product_id', $2, $2)
                   ON CONFLICT DO NOTHING";
        let key = sqlx::query(key).bind(sku).bind(product);
        key.execute(&self.db.pool).await.unwrap();
    }

    /// What the shop is told of lines for which nothing is held.
    async fn unclear(&self) -> Vec<Value> {
        let (_, page) = self.ask(Method::GET, "/v1/messages", None).await;
        let messages = page["messages"].as_array().unwrap().iter();
        let data = messages.map(|message| message["data"].clone());
        data.filter(|data| data["rule"] == "unknown_product")
            .collect()
    }
}

#[tokio::test]
async fn a_line_whose_article_is_that_of_two_products_is_told_once_and_never_guessed() {
    let api = shop(r#"["product_id", "sku"]"#).await;
    api.bring("a", "cup", "5").await;
    api.bring("a", "mug", "5").await;
    api.bring("a", "tea", "5").await;
    api.knows("cup", "K-1").await;
    api.knows("mug", "K-1").await;
    let items = || {
        json!([
            item(json!({ "sku": "K-1" }), 2),
            item(json!({ "product_id": "tea" }), 1)
        ])
    };
    for version in 1..3 {
        api.ordered(of(version, "N", items())).await;
        assert_eq!(api.level("cup", "a").await, pair("5", "0"));
        assert_eq!(api.level("mug", "a").await, pair("5", "0"));
        assert_eq!(api.level("tea", "a").await, pair("5", "1"));
    }
    let odd = "line 1 is of `K-1`, by which several products are known (cup, mug): nothing is held \
               or taken for it (STOCK-UNKNOWN-PRODUCT)";
    assert_eq!(api.told().await, [odd, "the order's goods are held"]);
    let unclear = api.unclear().await;
    assert_eq!(unclear.len(), 1, "{unclear:?}");
    let lines = json!([{ "line": "1", "product": "K-1", "quantity": "2" }]);
    assert_eq!(
        (&unclear[0]["number"], &unclear[0]["lines"]),
        (&json!("A-1"), &lines)
    );
    api.ordered(of(3, "P", items())).await;
    assert_eq!(api.level("cup", "a").await, pair("5", "0"));
    assert_eq!(api.level("tea", "a").await, pair("4", "0"));
    api.prove().await;
}

#[tokio::test]
async fn what_an_order_holds_stays_held_and_leaves_when_its_article_becomes_that_of_another_too() {
    let api = shop(r#"["sku"]"#).await;
    api.bring("a", "K-1", "5").await;
    let items = |cups: i64| json!([item(json!({ "sku": "K-1" }), cups)]);
    api.ordered(of(1, "N", items(2))).await;
    assert_eq!(api.level("K-1", "a").await, pair("5", "2"));
    api.knows("mug", "K-1").await;
    let cups = async || {
        let level = "SELECT trim_scale(on_hand)::text, trim_scale(reserved)::text
                     FROM bridge.stock_levels WHERE product = 'K-1'";
        let level = sqlx::query_as::<_, (String, String)>(level);
        level.fetch_one(&api.db.pool).await.unwrap()
    };
    api.ordered(of(2, "N", items(2))).await;
    assert_eq!(cups().await, pair("5", "2"));
    api.ordered(of(3, "N", items(3))).await;
    assert_eq!(cups().await, pair("5", "2"));
    let told = api.told().await;
    let odd = "line 1 is of `K-1`, by which several products are known by now (K-1, mug): what is \
               held for the order stays as it is (STOCK-UNKNOWN-PRODUCT)";
    assert_eq!(told, ["the order's goods are held", odd]);
    api.ordered(of(4, "P", items(2))).await;
    assert_eq!(cups().await, pair("3", "0"));
    assert_eq!(api.unclear().await, Vec::<Value>::new());
    api.prove().await;
}

#[tokio::test]
async fn a_line_is_known_by_1cs_id_and_one_without_any_name_that_counts_is_told() {
    let api = shop(r#"["xml_id"]"#).await;
    api.bring("a", "guid-1", "5").await;
    let items = json!([
        item(json!({ "product_id": "7", "xml_id": "guid-1" }), 2),
        item(json!({ "product_id": "8" }), 1)
    ]);
    api.ordered(of(1, "N", items)).await;
    assert_eq!(api.level("guid-1", "a").await, pair("5", "2"));
    let odd = "line 2 (`8`) says nothing by which the stock knows products: nothing is held or \
               taken for it (STOCK-UNKNOWN-PRODUCT)";
    assert_eq!(api.told().await, [odd, "the order's goods are held"]);
    api.prove().await;
}

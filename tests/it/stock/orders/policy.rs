//! A changed `ship_on` or `release_on` moves nothing by itself; what it would move is told, and
//! done on a person's word.

use super::{order, pair, shop, with};
use crate::{
    stock::world::settings,
    support::{api::Api, shop as support},
};
use b24_bridge::{
    app::{Actor, App},
    config::Config,
    stock::{GoodsAct, StockSettings},
};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The bridge on the same database, after a restart with other statuses.
async fn changed(api: &Api, release_on: &str, ship_on: &str) -> (App, StockSettings) {
    let settings = settings()
        .text("stock.main.reserve_on", "placed")
        .set("stock.main.release_on", release_on)
        .set("stock.main.ship_on", ship_on);
    let config = Config::parse(&settings.to_string(), &BTreeMap::new()).unwrap();
    let stock = config.stocks[0].clone();
    let app = support::app(&api.db.pool, &["main", "other"]).with_stocks(config.stocks);
    app.stock.configure_stocks().await.unwrap().unwrap();
    (app, stock)
}

async fn no_plan(app: &App, stock: &StockSettings) -> bool {
    app.stock.goods_plan(stock, 10).await.unwrap().is_empty()
}

fn numbered(order: Value, number: &str) -> Value {
    with(order, "number", json!(number))
}

#[tokio::test]
async fn a_changed_policy_moves_nothing_until_somebody_says_so_and_then_each_piece_once() {
    let api = shop("placed").await;
    api.ordered(order(1, "N", 2)).await;
    api.ordered(numbered(order(1, "P", 1), "A-2")).await;
    assert_eq!(api.cups().await, pair("4", "2"), "P ships");
    let (app, stock) = changed(&api, r#"["X"]"#, r#"["N"]"#).await;
    assert_eq!(api.cups().await, pair("4", "2"), "nothing moves by itself");
    let plan = app.stock.goods_plan(&stock, 10).await.unwrap();
    let told: Vec<_> = plan
        .iter()
        .map(|one| (&*one.number, &*one.status, one.act))
        .collect();
    assert_eq!(told, [("A-1", "N", GoodsAct::Ship)]);
    assert_eq!(api.cups().await, pair("4", "2"), "a plan moves nothing");
    let who = Actor("operator:olga".to_owned());
    assert_eq!(app.stock.apply_goods_plan(&stock, &who).await.unwrap(), 1);
    assert_eq!(api.cups().await, pair("2", "0"));
    assert!(no_plan(&app, &stock).await);
    assert_eq!(app.stock.apply_goods_plan(&stock, &who).await.unwrap(), 0);
    assert_eq!(api.cups().await, pair("2", "0"));
    let audit = "SELECT count(*) FROM bridge.audit WHERE action = 'stock.apply'";
    let audit: i64 = sqlx::query_scalar(audit)
        .fetch_one(&api.db.pool)
        .await
        .unwrap();
    assert_eq!(audit, 1, "it is on record");
    // What has left does not come back because P ships no more.
    let (app, stock) = changed(&api, r#"["P"]"#, "[]").await;
    assert!(no_plan(&app, &stock).await);
    assert_eq!(api.cups().await, pair("2", "0"));
    api.prove().await;
}

#[tokio::test]
async fn what_a_changed_policy_sets_free_and_what_it_takes_unreserved_is_told() {
    let api = shop("call").await;
    api.ordered(order(1, "N", 2)).await;
    api.ordered(numbered(order(1, "W", 1), "A-2")).await;
    let cart = with(super::one("cup", 1), "number", json!("A-3"));
    api.put("cart-7", &cart).await;
    api.ordered(numbered(order(1, "W", 1), "A-3")).await;
    assert_eq!(api.cups().await, pair("5", "1"));
    let (app, stock) = changed(&api, r#"["W"]"#, r#"["N"]"#).await;
    let plan = app.stock.goods_plan(&stock, 10).await.unwrap();
    let told: Vec<_> = plan.iter().map(|one| (&*one.number, one.act)).collect();
    assert_eq!(
        told,
        [("A-1", GoodsAct::Ship), ("A-3", GoodsAct::Release)],
        "of A-2 nothing is held"
    );
    let who = Actor("operator:olga".to_owned());
    assert_eq!(app.stock.apply_goods_plan(&stock, &who).await.unwrap(), 2);
    assert_eq!(api.cups().await, pair("3", "0"));
    api.prove().await;
}

//! What a shop is told beside changes of status, in the same lane.

use super::world::{Answers, OPERATOR, Plot, World};
use crate::support::settings::KEY;
use serde_json::{Value, json};

const STOCK: &str = r#"
[stock.main]
shops = ["main"]
master = "shop"
[[stock.main.stores]]
name = "a"
[[stock.main.rules]]
then = "drop_newest_unpaid"
"#;

impl World {
    async fn moved(&self, id: &str, quantity: i64) {
        let moves = json!([{ "line": "1", "product": "kettle", "quantity": quantity }]);
        let event = json!({
            "specversion": "1.0", "type": "shop.stock.moved.v1", "id": id,
            "source": "https://shop.example/stock", "data": { "reason": "till", "moves": moves },
        });
        assert_eq!(self.post("/v1/events", KEY, event).await.0, 202);
    }

    async fn reserve(&self, id: &str) {
        let body = json!({ "lines": [{ "line": "1", "product": "kettle", "quantity": 1 }] });
        let url = format!("{}/v1/reservations/main/{id}", self.url);
        let put = self.http.put(url).bearer_auth(KEY).json(&body).send();
        assert_eq!(put.await.unwrap().status(), 200);
    }

    fn called_about_goods(&self) -> Vec<Value> {
        let of = |state: &mut super::shop::ShopState| {
            let bodies = state.called.iter().map(|(_, body)| body.clone());
            let goods = |body: &Value| body["type"] == "bridge.reservation.short.v1";
            bodies.filter(goods).collect()
        };
        self.shop.with(of)
    }
}

#[tokio::test]
async fn two_buyers_of_the_last_kettle_and_the_till_that_sold_it_the_loser_is_called_once() {
    let world = World::new(Plot {
        settings: STOCK.to_owned(),
        ..Plot::default()
    })
    .await;
    world.moved("m-1", 2).await;
    world.reserve("first").await;
    world.reserve("second").await;
    world.moved("m-2", -1).await;
    world
        .until("called", async || !world.called_about_goods().is_empty())
        .await;
    let open = "SELECT count(*) FROM bridge.shop_messages WHERE state <> 'delivered'";
    world
        .until("taken", async || {
            let open = sqlx::query_scalar::<_, i64>(open);
            open.fetch_one(&world.db.pool).await.unwrap() == 0
        })
        .await;
    let called = world.called_about_goods();
    assert_eq!(called.len(), 1, "{called:?}");
    assert_eq!(called[0]["data"]["id"], "second");
    assert_eq!(world.shop.with(|state| state.forged), 0);
}

#[tokio::test]
async fn a_message_that_a_shop_refuses_is_a_dead_letter_and_is_sent_again_by_a_person() {
    let world = World::new(Plot {
        settings: STOCK.to_owned(),
        ..Plot::default()
    })
    .await;
    world.shop.with(|shop| shop.answers = Answers::Status(400));
    world.moved("m-1", 1).await;
    world.reserve("only").await;
    world.moved("m-2", -1).await;
    let letters = async || world.get("/v1/dead-letters", OPERATOR).await["items"].clone();
    world
        .until("dead", async || {
            !letters().await.as_array().unwrap().is_empty()
        })
        .await;
    let letter = letters().await[0].clone();
    assert_eq!(
        (&letter["code"], &letter["about"]),
        (&json!("SHOP-CALLBACK"), &json!("message"))
    );
    let refused = world.called_about_goods();
    world.shop.with(|shop| shop.answers = Answers::Takes);
    let path = format!("/v1/dead-letters/{}/retry", letter["id"]);
    assert_eq!(world.post(&path, OPERATOR, json!({})).await.0, 200);
    world
        .until("sent again", async || {
            world.called_about_goods().len() > refused.len()
        })
        .await;
    let ids = world.called_about_goods();
    assert!(
        ids.iter().all(|one| one["id"] == ids[0]["id"]),
        "it is the same message"
    );
    assert!(letters().await.as_array().unwrap().is_empty());
}

#[tokio::test]
async fn a_shop_is_called_with_the_newest_figures_and_many_changes_are_few_messages() {
    let world = World::new(Plot {
        settings: STOCK.to_owned(),
        ..Plot::default()
    })
    .await;
    world.moved("m-0", 1000).await;
    for nth in 0..60 {
        world.reserve(&format!("r-{nth}")).await;
    }
    let levels = || {
        world.shop.with(|state| {
            let bodies = state.called.iter().map(|(_, body)| body.clone());
            let told = bodies.filter(|body| body["type"] == "bridge.stock.changed.v1");
            told.collect::<Vec<Value>>()
        })
    };
    let newest = json!(["1000", "60", "940"]);
    world
        .until("told the newest", async || {
            levels().last().is_some_and(|body| {
                let change = &body["data"]["changes"][0];
                json!([change["on_hand"], change["reserved"], change["available"]]) == newest
            })
        })
        .await;
    let told = levels();
    assert!(told.len() < 30, "{} messages for 61 changes", told.len());
    let versions: Vec<i64> = told
        .iter()
        .map(|body| body["data"]["changes"][0]["version"].as_i64().unwrap())
        .collect();
    assert!(versions.is_sorted(), "{versions:?}");
    // What is refused is not kept: the newest is told later.
    world.shop.with(|shop| shop.answers = Answers::Status(422));
    world.moved("m-1", 1).await;
    let before = told.len();
    world
        .until("refused", async || levels().len() > before)
        .await;
    world.moved("m-2", 1).await;
    world.shop.with(|shop| shop.answers = Answers::Takes);
    world
        .until("told after all", async || {
            let last = levels().last().cloned().unwrap();
            last["data"]["changes"][0]["on_hand"] == "1002"
        })
        .await;
    let letters = world.get("/v1/dead-letters", OPERATOR).await["items"].clone();
    assert!(letters.as_array().unwrap().is_empty(), "{letters}");
}

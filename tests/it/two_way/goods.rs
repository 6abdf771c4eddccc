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

/// An order holds its goods, and ships them when it is `F`.
pub(crate) const ORDERS: &str = r#"
[stock.main]
shops = ["main"]
master = "shop"
reserve_on = "placed"
ship_on = ["F"]
[[stock.main.stores]]
name = "a"
"#;

impl World {
    /// How many kettles are on hand, and reserved.
    pub(crate) async fn kettles(&self) -> (String, String) {
        let stock = self.get("/v1/stock?product=kettle", KEY).await;
        let level = &stock["levels"][0];
        let text = |name: &str| level[name].as_str().unwrap_or("0").to_owned();
        (text("on_hand"), text("reserved"))
    }

    /// Waits until so many kettles are on hand, and reserved.
    pub(crate) async fn has_kettles(&self, on_hand: &str, reserved: &str) {
        let wanted = (on_hand.to_owned(), reserved.to_owned());
        self.until(&format!("{wanted:?} kettles"), async || {
            self.kettles().await == wanted
        })
        .await;
    }

    /// Five kettles are there, and the order A-1 of two is a deal in sync.
    pub(crate) async fn kettles_ordered(&self) -> u64 {
        self.moved("m-1", 5).await;
        self.shop.change("A-1", |order| {
            order.product = Some("kettle");
            order.pieces = 2;
        });
        self.in_sync("A-1").await;
        assert_eq!(self.kettles().await, ("5".to_owned(), "2".to_owned()));
        self.deal("A-1").unwrap().0
    }

    /// The shop sends the order as it was before anybody told it anything, in a newer version.
    pub(crate) async fn says_the_older(&self, since: chrono::DateTime<chrono::Utc>) {
        let count = self.shop.with(|state| state.sent.len());
        self.shop.stale("A-1", |order| {
            "N".clone_into(&mut order.status);
            order.changed = since;
        });
        let taken = async || self.shop.with(|state| state.sent.len()) > count;
        self.until("the older snapshot is taken", taken).await;
    }

    pub(crate) async fn stock_is_proved(&self) {
        let (fine, said) = self.command(&["stock", "check", "main"]).await;
        assert!(fine, "{said}");
    }

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

async fn world(settings: &str) -> World {
    World::new(Plot {
        settings: settings.to_owned(),
        ..Plot::default()
    })
    .await
}

#[tokio::test]
async fn two_buyers_of_the_last_kettle_and_the_till_that_sold_it_the_loser_is_called_once() {
    let world = world(STOCK).await;
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
    let world = world(STOCK).await;
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
    let world = world(STOCK).await;
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

#[tokio::test]
async fn goods_follow_the_deal_before_the_shop_says_so_and_an_older_snapshot_changes_nothing() {
    let world = world(ORDERS).await;
    world.shop.with(|state| state.echoes = false);
    let deal = world.kettles_ordered().await;
    let placed = world.shop.with(|state| state.orders["A-1"].changed);
    assert!(world.portal.move_deal(deal, "LOSE"));
    world.has_kettles("5", "0").await;
    world.says_the_older(placed).await;
    world.in_sync("A-1").await;
    assert_eq!(world.kettles().await, ("5".to_owned(), "0".to_owned()));
    // The manager takes it back: it is held again.
    assert!(world.portal.move_deal(deal, "NEW"));
    world.has_kettles("5", "2").await;
    assert!(world.portal.move_deal(deal, "WON"));
    world.has_kettles("3", "0").await;
    world.says_the_older(placed).await;
    world.in_sync("A-1").await;
    assert_eq!(world.kettles().await, ("3".to_owned(), "0".to_owned()));
    // The shop says so at last: each piece has left once.
    let count = world.shop.with(|state| state.sent.len());
    world.shop.set("A-1", "F");
    let taken = async || world.shop.with(|state| state.sent.len()) > count;
    world.until("the shop's own snapshot is taken", taken).await;
    world.in_sync("A-1").await;
    assert_eq!(world.kettles().await, ("3".to_owned(), "0".to_owned()));
    let life = world.life("A-1").await;
    let goods: Vec<_> = life
        .iter()
        .filter(|line| line.starts_with("goods: "))
        .collect();
    let left = goods
        .iter()
        .filter(|line| line.contains("have left"))
        .count();
    assert_eq!(left, 1, "{goods:?}");
    world.stock_is_proved().await;
}

#[tokio::test]
async fn a_shop_that_contradicts_the_cancellation_of_a_deal_has_its_goods_held_again() {
    let world = world(ORDERS).await;
    let deal = world.kettles_ordered().await;
    world
        .shop
        .with(|state| state.answers = Answers::Status(503));
    assert!(world.portal.move_deal(deal, "LOSE"));
    world.has_kettles("5", "0").await;
    world
        .shop
        .with(|state| state.answers = Answers::Contradicts);
    world.has_kettles("5", "2").await;
    world.stock_is_proved().await;
}

#[tokio::test]
async fn the_goods_of_an_order_whose_event_is_not_kept_any_more_follow_its_deal_all_the_same() {
    let world = world(ORDERS).await;
    let deal = world.kettles_ordered().await;
    sqlx::raw_sql("DELETE FROM bridge.contacts; DELETE FROM bridge.outbox")
        .execute(&world.db.pool)
        .await
        .unwrap();
    world.shop.with(|state| state.echoes = false);
    assert!(world.portal.move_deal(deal, "WON"));
    world.has_kettles("3", "0").await;
    world.stock_is_proved().await;
}

#[tokio::test]
async fn goods_follow_the_status_that_an_order_gets_with_a_new_deal() {
    let world = world(ORDERS).await;
    world.shop.with(|state| state.echoes = false);
    let deal = world.kettles_ordered().await;
    assert!(world.portal.move_deal(deal, "LOSE"));
    world
        .until("told", async || world.shop.status("A-1") == "C")
        .await;
    world.has_kettles("5", "0").await;
    assert!(world.portal.delete_deal(deal));
    let conflicts = async || world.get("/v1/conflicts", OPERATOR).await["items"].clone();
    world
        .until("missed", async || {
            conflicts().await[0]["code"] == "B24-DEAL-GONE"
        })
        .await;
    let path = format!("/v1/conflicts/{}/resolve", conflicts().await[0]["id"]);
    let right = json!({ "winner": "shop" });
    assert_eq!(world.post(&path, OPERATOR, right).await.0, 200);
    world
        .until("made again", async || {
            world.deal("A-1").is_some_and(|(id, _)| id != deal)
        })
        .await;
    // It is made from what the shop has said, and that is what counts from now on.
    world.has_kettles("5", "2").await;
    world.stock_is_proved().await;
}

#[tokio::test]
async fn goods_follow_the_shop_again_when_the_deal_turns_out_to_be_anothers() {
    let world = world(ORDERS).await;
    world.shop.with(|state| state.echoes = false);
    let deal = world.kettles_ordered().await;
    assert!(world.portal.move_deal(deal, "LOSE"));
    world
        .until("told", async || world.shop.status("A-1") == "C")
        .await;
    world.has_kettles("5", "0").await;
    let taken = json!({ "ORIGIN_ID": "another", "TITLE": "Another's" });
    assert!(world.portal.edit_deal(deal, &taken));
    assert!(world.portal.move_deal(deal, "NEW"));
    assert!(world.portal.move_deal(deal, "LOSE"));
    world.has_kettles("5", "2").await;
    world.stock_is_proved().await;
}

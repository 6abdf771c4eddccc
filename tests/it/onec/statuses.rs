//! Statuses that 1C says, beside a shop and a portal: who gets them, and what is refused.

use super::world::{PASSWORD, hash};
use crate::two_way::world::{Answers, OPERATOR, Plot, World};
use b24_bridge::sandbox::onec::{Exchange, OneC};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// A shop, a portal, and the 1C base `trade`.
pub(super) fn with_base(tables: &str) -> Plot {
    let hash = hash();
    Plot {
        settings: format!(
            "[onec.trade]\nshops = [\"main\"]\n[onec.trade.users.exchange]\n\
             password_hash = \"{hash}\"\n{tables}"
        ),
        ..Plot::default()
    }
}

pub(super) fn base_of(world: &World) -> OneC {
    let address = format!("{}/exchange/1c/trade", world.url);
    let exchange = Exchange::new(&address, "exchange", PASSWORD).version("2.09");
    OneC::new(exchange).unwrap()
}

/// An accountant sets a status in 1C, and 1C exchanges; what it is answered.
pub(super) async fn says(base: &mut OneC, number: &str, status: &str) -> Vec<String> {
    base.sign_in("sale").await.unwrap();
    base.init("sale").await.unwrap();
    base.send_status(number, status).await.unwrap()
}

/// The status that 1C has of an order.
fn has(base: &OneC, number: &str) -> Option<String> {
    let order = base.order(number)?;
    order.requisites.get("Статуса заказа ИД").cloned()
}

/// Waits until 1C has fetched this status.
async fn fetches(world: &World, base: &mut OneC, number: &str, status: &str) {
    let what = format!("1C has {number} in {status}");
    world
        .until(&what, async || {
            base.fetch_orders().await.unwrap();
            has(base, number).as_deref() == Some(status)
        })
        .await;
}

/// A document of an order as trade configurations write it.
fn document(number: &str, id: &str, status: &str) -> String {
    format!(
        "<Документ><Ид>{id}</Ид><Номер>{number}</Номер><ХозОперация>Заказ товара</ХозОперация>\
         <Роль>Продавец</Роль><ЗначенияРеквизитов><ЗначениеРеквизита><Наименование>Статуса заказа \
         ИД</Наименование><Значение>{status}</Значение></ЗначениеРеквизита></ЗначенияРеквизитов>\
         </Документ>"
    )
}

pub(super) fn file(documents: &[String]) -> Vec<u8> {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><КоммерческаяИнформация ВерсияСхемы=\"2.09\">\
         {}</КоммерческаяИнформация>",
        documents.concat()
    )
    .into_bytes()
}

pub(super) async fn letters(world: &World) -> Vec<Value> {
    let letters = world.get("/v1/dead-letters", OPERATOR).await;
    letters["items"].as_array().unwrap().clone()
}

/// What the shop was told of orders, oldest first.
fn told(world: &World) -> Vec<Value> {
    world.shop.with(|shop| {
        shop.called
            .iter()
            .map(|(_, said)| said["data"].clone())
            .collect()
    })
}

#[tokio::test]
async fn a_status_of_1cs_is_told_to_the_shop_with_its_source_and_moves_the_deal() {
    let world = World::new(with_base("")).await;
    world.ordered("A-1").await;
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    assert_eq!(has(&base, "A-1").as_deref(), Some("N"));
    assert_eq!(says(&mut base, "A-1", "P").await, ["success"]);
    world
        .until("the shop has it", async || world.shop.status("A-1") == "P")
        .await;
    world
        .until("the deal follows", async || {
            world.stage("A-1") == "EXECUTING"
        })
        .await;
    world.in_sync("A-1").await;
    let said = told(&world);
    assert_eq!(said.len(), 1, "{said:?}");
    assert_eq!(
        (
            &said[0]["status"],
            &said[0]["previous_status"],
            &said[0]["source"]
        ),
        (&json!("P"), &json!("N"), &json!("onec"))
    );
    let life = world.life("A-1").await.join("\n");
    assert!(
        life.contains("1C changed N to P: the shop is told P."),
        "{life}"
    );
    // What it said itself comes back to it as the shop's own, and is no news when it says it again.
    fetches(&world, &mut base, "A-1", "P").await;
    let number = base.order("A-1").unwrap().onec_number.as_deref();
    assert_eq!(number, Some("ТД-A-1"), "1C's own number comes back");
    assert_eq!(says(&mut base, "A-1", "P").await, ["success"]);
    base.fetch_orders().await.unwrap();
    assert_eq!(told(&world).len(), 1);
    assert_eq!(letters(&world).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_managers_move_reaches_1c_also_where_the_shop_says_nothing_new() {
    let world = World::new(with_base("")).await;
    let deal = world.ordered("A-1").await;
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    world.shop.with(|shop| shop.echoes = false);
    assert!(world.portal.move_deal(deal, "PREPAYMENT_INVOICE"));
    fetches(&world, &mut base, "A-1", "A").await;
    let times = base.order("A-1").unwrap().times;
    // Once is enough.
    base.fetch_orders().await.unwrap();
    assert_eq!(base.order("A-1").unwrap().times, times);
    assert!(world.portal.move_deal(deal, "NEW"));
    fetches(&world, &mut base, "A-1", "N").await;
}

#[tokio::test]
async fn what_is_refused_is_named_in_the_answer_and_stops_no_other() {
    let mut world = World::new(with_base("")).await;
    for number in ["A-1", "A-2", "A-3", "A-4"] {
        world.ordered(number).await;
    }
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    base.sign_in("sale").await.unwrap();
    base.init("sale").await.unwrap();
    let in_shells = "<Валюта>ракушка</Валюта>";
    let documents = [
        document("B-9", "B-9", "P"),
        document("A-2", "A-2", "X"),
        document("A-3", "A-1", "P"),
        document("A-4", "A-4", "P").replace("</Номер>", &format!("</Номер>{in_shells}")),
        document("A-1", "A-1", "A"),
    ];
    let sent = base.send("sale", "d.xml", &file(&documents)).await.unwrap();
    assert_eq!(sent, ["success"]);
    let (_, said) = base.import("sale", "d.xml").await.unwrap();
    assert_eq!(said[0], "success");
    for start in [
        "B-9: ONEC-UNKNOWN",
        "A-2: ONEC-STATUS",
        "A-3: ONEC-TWO-ORDERS",
        "A-4: ONEC-DOCUMENT: РАКУШКА — не валюта",
    ] {
        assert!(
            said.iter().any(|line| line.starts_with(start)),
            "{start}: {said:?}"
        );
    }
    let lines = said.iter().filter(|line| line.contains("ONEC-"));
    assert_eq!(lines.count(), 4, "{said:?}");
    world
        .until("the good one is told", async || {
            world.shop.status("A-1") == "A"
        })
        .await;
    assert_eq!(letters(&world).await.len(), 4);
    for (number, code) in [("A-2", "ONEC-STATUS"), ("A-4", "ONEC-DOCUMENT")] {
        let life = world.life(number).await.join("\n");
        assert!(life.contains(code), "{life}");
    }
    // The order comes.
    world.ordered("B-9").await;
    let open = async |world: &World, code: &str| {
        let letters = letters(world).await;
        letters
            .iter()
            .filter(|letter| letter["code"] == code)
            .count()
    };
    base.fetch_orders().await.unwrap();
    world
        .until("taken in", async || open(&world, "ONEC-UNKNOWN").await == 0)
        .await;
    // The table is mended.
    world.kill();
    let row = "[[shops.main.statuses]]\nstatus = \"X\"\nstage = \"FINAL_INVOICE\"\n";
    world.edit_settings("[onec.trade]\n", &format!("{row}[onec.trade]\n"));
    world.start().await;
    world
        .until("the mended one is told", async || {
            world.shop.status("A-2") == "X"
        })
        .await;
    world
        .until("its letter is closed", async || {
            open(&world, "ONEC-STATUS").await == 0
        })
        .await;
    // A person lets the others go.
    let last = letters(&world).await;
    assert_eq!(last.len(), 2, "{last:?}");
    for letter in last {
        let path = format!("/v1/dead-letters/{}/discard", letter["id"]);
        let reason = json!({"reason": "mended in 1C"});
        assert!(world.post(&path, OPERATOR, reason).await.0 < 300);
    }
    assert_eq!(letters(&world).await, Vec::<Value>::new());
    assert_eq!(world.shop.status("A-3"), "N");
    assert_eq!(world.shop.status("A-4"), "N");
}

#[tokio::test]
async fn a_person_rules_where_1c_and_the_shop_differ_and_1c_keeps_its_own_until_then() {
    let rules = "[[shops.main.rules]]\nwinner = \"review\"\n";
    let world = World::new(with_base(rules)).await;
    for number in ["A-1", "A-2"] {
        world.ordered(number).await;
    }
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    for number in ["A-1", "A-2"] {
        world.shop.set(number, "A");
        world.in_sync(number).await;
        world
            .until("the deal follows", async || {
                world.stage(number) == "PREPAYMENT_INVOICE"
            })
            .await;
        let said = says(&mut base, number, "P").await;
        let asked = format!("{number}: ONEC-REVIEW");
        assert!(said.iter().any(|line| line.starts_with(&asked)), "{said:?}");
    }
    let asked: Vec<(String, String)> = sqlx::query_as(
        "SELECT what ->> 'kind', what -> 'explanation' -> 'effect' ->> 'kind'
         FROM bridge.onec_documents WHERE code = 'ONEC-REVIEW'",
    )
    .fetch_all(&world.db.pool)
    .await
    .unwrap();
    let review = ("review".to_owned(), "person_asked".to_owned());
    assert_eq!(asked, [review.clone(), review]);
    // What its people said is not overwritten while a person is asked.
    assert_eq!(base.fetch_orders().await.unwrap().orders, 0);
    let open = letters(&world).await;
    assert_eq!(open.len(), 2, "{open:?}");
    let letter = |number: &str| {
        let letter = open.iter().find(|letter| letter["number"] == number);
        letter.unwrap()["id"].clone()
    };
    let retry = format!("/v1/dead-letters/{}/retry", letter("A-1"));
    assert_eq!(world.post(&retry, OPERATOR, json!({})).await.0, 200);
    world
        .until("1C is right", async || world.shop.status("A-1") == "P")
        .await;
    let discard = format!("/v1/dead-letters/{}/discard", letter("A-2"));
    let reason = json!({"reason": "the shop is right"});
    assert!(world.post(&discard, OPERATOR, reason).await.0 < 300);
    fetches(&world, &mut base, "A-2", "A").await;
    assert_eq!(world.shop.status("A-2"), "A");
    assert_eq!(letters(&world).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_shop_that_contradicts_1c_with_a_payment_is_believed_and_1c_is_sent_it() {
    let world = World::new(with_base("")).await;
    world.ordered("A-1").await;
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    world.shop.with(|shop| {
        shop.answers = Answers::Contradicts;
        let order = shop.orders.get_mut("A-1").unwrap();
        order.status = "P".to_owned();
        order.paid = true;
        order.version += 1;
    });
    assert_eq!(says(&mut base, "A-1", "A").await, ["success"]);
    world
        .until("the deal is paid", async || {
            world.stage("A-1") == "EXECUTING"
        })
        .await;
    fetches(&world, &mut base, "A-1", "P").await;
    let life = world.life("A-1").await.join("\n");
    for part in ["1C says A and the order went to P", "1C is sent P again"] {
        assert!(life.contains(part), "{part} is not in\n{life}");
    }
}

#[tokio::test]
async fn a_process_that_dies_between_documents_applies_each_once() {
    let mut world = World::new(with_base("")).await;
    for number in ["A-1", "A-2"] {
        world.ordered(number).await;
    }
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    base.sign_in("sale").await.unwrap();
    base.init("sale").await.unwrap();
    let documents = [document("A-1", "A-1", "P"), document("A-2", "A-2", "P")];
    base.send("sale", "d.xml", &file(&documents)).await.unwrap();
    let mut holding = world.db.pool.begin().await.unwrap();
    sqlx::query("SELECT FROM bridge.orders WHERE number = 'A-2' FOR UPDATE")
        .execute(&mut *holding)
        .await
        .unwrap();
    let applied = async |world: &World| {
        let count = "SELECT count(*) FROM bridge.onec_documents WHERE state = 'applied'";
        sqlx::query_scalar::<_, i64>(count)
            .fetch_one(&world.db.pool)
            .await
            .unwrap()
    };
    {
        let first = base.import("sale", "d.xml");
        tokio::pin!(first);
        world
            .until("the first is applied", async || {
                tokio::select! {
                    done = &mut first => panic!("the second was not held: {done:?}"),
                    count = applied(&world) => count == 1,
                }
            })
            .await;
    }
    world.kill();
    holding.rollback().await.unwrap();
    world.start().await;
    let (_, said) = base.import("sale", "d.xml").await.unwrap();
    assert_eq!(said, ["success"]);
    for number in ["A-1", "A-2"] {
        world
            .until("told", async || world.shop.status(number) == "P")
            .await;
    }
    let decided: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM bridge.decisions
         WHERE winner = 'onec' AND outcome ->> 'action' = 'tell_shop'",
    )
    .fetch_one(&world.db.pool)
    .await
    .unwrap();
    assert_eq!(decided, 2);
    // One that was on its way when the process was killed comes twice, and is the same message.
    let messages: BTreeSet<String> = world.shop.with(|shop| {
        let ids = shop.called.iter().map(|(_, said)| said["id"].to_string());
        ids.collect()
    });
    assert_eq!(messages.len(), 2, "{messages:?}");
}

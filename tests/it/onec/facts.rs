//! Payments, shipments and contents that 1C says: the shop is told of each change once.

use super::statuses::{base_of, file, letters, says, with_base};
use crate::{
    support::settings::KEY,
    two_way::world::{Plot, World},
};
use b24_bridge::{
    app::{App, Registry},
    sandbox::onec::OneC,
    worker::{Retention, prune},
};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

const TABLES: &str = "[onec.trade.import]\nstatus_on_payment = \"P\"\nstatus_on_shipment = \"F\"\n\
    pay_system = { acquiring = \"1\" }\n[[onec.trade.pay_systems]]\nid = \"1\"\nname = \"Картой\"\n\
    kind = \"acquiring\"\n";

pub(super) fn payment(id: &str, order: &str, paid: bool) -> String {
    part(id, order, 100, paid)
}

fn part(id: &str, order: &str, sum: u32, paid: bool) -> String {
    format!(
        "<Документ><Ид>{id}</Ид><Номер>{id}</Номер><Номер1С>{id}</Номер1С><Дата>2026-11-26</Дата>\
         <ХозОперация>Эквайринговая операция</ХозОперация><Основание>{order}</Основание>\
         <Валюта>руб</Валюта><Сумма>{sum}.00</Сумма><ЗначенияРеквизитов><ЗначениеРеквизита>\
         <Наименование>Оплачено</Наименование><Значение>{paid}</Значение></ЗначениеРеквизита>\
         </ЗначенияРеквизитов></Документ>"
    )
}

fn shipment(id: &str, order: &str, tracking: &str) -> String {
    format!(
        "<Документ><Ид>{id}</Ид><Номер>{id}</Номер><Дата>2026-11-26</Дата>\
         <ХозОперация>Отпуск товара</ХозОперация><Основание>{order}</Основание>\
         <Сумма>100.00</Сумма>\
         <Товары><Товар><Ид>g</Ид><Наименование>Чай</Наименование><Количество>1</Количество>\
         <Сумма>100</Сумма></Товар></Товары><ЗначенияРеквизитов><ЗначениеРеквизита>\
         <Наименование>Отгружено</Наименование><Значение>true</Значение></ЗначениеРеквизита>\
         <ЗначениеРеквизита><Наименование>Идентификатор отправления</Наименование>\
         <Значение>{tracking}</Значение></ЗначениеРеквизита></ЗначенияРеквизитов></Документ>"
    )
}

fn order(number: &str, version: &str, quantity: u32, sum: u32) -> String {
    format!(
        "<Документ><Ид>{number}</Ид><НомерВерсии>{version}</НомерВерсии><Номер>{number}</Номер>\
         <ХозОперация>Заказ товара</ХозОперация><Валюта>RUB</Валюта><Сумма>{sum}</Сумма><Товары>\
         <Товар><Ид>g</Ид><Наименование>Чай</Наименование><Цена>100</Цена>\
         <Количество>{quantity}</Количество><Сумма>{sum}</Сумма></Товар></Товары></Документ>"
    )
}

/// 1C sends these documents in a file; what it is answered.
pub(super) async fn sends(base: &mut OneC, documents: &[String]) -> Vec<String> {
    base.sign_in("sale").await.unwrap();
    base.init("sale").await.unwrap();
    base.send("sale", "d.xml", &file(documents)).await.unwrap();
    base.import("sale", "d.xml").await.unwrap().1
}

/// What the shop was told beside statuses.
pub(super) async fn messages(world: &World) -> Vec<Value> {
    let page = world.get("/v1/messages", KEY).await;
    page["messages"].as_array().unwrap().clone()
}

async fn world() -> (World, OneC) {
    let world = World::new(Plot {
        callback: false,
        ..with_base(TABLES)
    })
    .await;
    world.ordered("A-1").await;
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    (world, base)
}

#[tokio::test]
async fn a_payment_is_told_once_also_alone_and_is_the_status_that_it_means() {
    let (world, mut base) = world().await;
    let paid = payment("PAY-1", "A-1", true);
    let twice = [paid.clone(), paid.clone()];
    assert_eq!(sends(&mut base, &twice).await, ["success"]);
    assert_eq!(sends(&mut base, &[paid]).await, ["success"]);
    let told = messages(&world).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["type"], "bridge.order.payment.v1");
    let data = &told[0]["data"];
    for (key, value) in [
        ("number", json!("A-1")),
        ("source", json!("onec")),
        ("id", json!("PAY-1")),
        ("sum", json!("100")),
        ("currency", json!("RUB")),
        ("method", json!("Картой")),
        ("paid", json!(true)),
        ("refund", json!(false)),
    ] {
        assert_eq!(data[key], value, "{key}: {data}");
    }
    world
        .until("the deal is paid", async || {
            world.stage("A-1") == "EXECUTING"
        })
        .await;
    // It is taken back.
    let back = payment("PAY-1", "A-1", false);
    assert_eq!(sends(&mut base, &[back]).await, ["success"]);
    let told = messages(&world).await;
    assert_eq!(told.last().unwrap()["data"]["paid"], false, "{told:?}");
    assert_eq!(letters(&world).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_payment_of_years_ago_that_1c_sends_once_more_is_not_told_once_more() {
    let (world, mut base) = world().await;
    let paid = [payment("PAY-1", "A-1", true)];
    assert_eq!(sends(&mut base, &paid).await, ["success"]);
    assert_eq!(messages(&world).await.len(), 1);
    let old = "UPDATE bridge.onec_facts SET changed_at = now() - interval '3 years'";
    sqlx::query(old).execute(&world.db.pool).await.unwrap();
    let app = App::new(world.db.pool.clone(), Registry::default());
    prune(
        &app.operations,
        &Retention::default(),
        &CancellationToken::new(),
    )
    .await
    .unwrap();
    assert_eq!(sends(&mut base, &paid).await, ["success"]);
    let told = messages(&world).await;
    assert_eq!(told.len(), 1, "{told:?}");
    // What is new of it is told still.
    let back = [payment("PAY-1", "A-1", false)];
    assert_eq!(sends(&mut base, &back).await, ["success"]);
    assert_eq!(messages(&world).await.len(), 2);
}

#[tokio::test]
async fn a_payment_whose_stored_words_cannot_be_read_is_a_letter_that_names_them() {
    let (world, mut base) = world().await;
    let paid = [payment("PAY-1", "A-1", true)];
    assert_eq!(sends(&mut base, &paid).await, ["success"]);
    let odd = "UPDATE bridge.onec_facts SET data = '{\"sum\": 1e999}'";
    let spoilt = sqlx::query(odd).execute(&world.db.pool).await.unwrap();
    assert_eq!(spoilt.rows_affected(), 1);
    sends(&mut base, &[payment("PAY-1", "A-1", false)]).await;
    let letters = letters(&world).await;
    let [letter] = &letters[..] else {
        panic!("one: {letters:?}");
    };
    assert_eq!(letter["code"], "BRIDGE-BUG");
    let words = letter["message"].as_str().unwrap();
    let place = "bridge.onec_facts holds what this version cannot read: `data` of PAY-1 of A-1 of";
    assert!(words.contains(place), "{words}");
    assert_eq!(messages(&world).await.len(), 1);
}

#[tokio::test]
async fn a_shipment_is_told_with_its_goods_and_again_when_its_parcel_is_known() {
    let (world, mut base) = world().await;
    let unknown = shipment("S-9", "Z-9", "");
    let documents = [unknown, shipment("S-1", "A-1", "")];
    let said = sends(&mut base, &documents).await;
    assert!(
        said.iter().any(|line| line.contains("ONEC-UNKNOWN")),
        "{said:?}"
    );
    let parcel = [shipment("S-1", "A-1", "RB123")];
    assert_eq!(sends(&mut base, &parcel).await, ["success"]);
    let told = messages(&world).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0]["type"], "bridge.order.shipment.v1");
    let (first, second) = (&told[0]["data"], &told[1]["data"]);
    assert_eq!(
        (&first["shipped"], &first["tracking"]),
        (&json!(true), &Value::Null)
    );
    assert_eq!(first["lines"][0]["quantity"], "1");
    assert_eq!(second["tracking"], "RB123");
    world
        .until("the deal is done", async || world.stage("A-1") == "WON")
        .await;
    // The order of the other one goes to 1C.
    world.ordered("Z-9").await;
    base.fetch_orders().await.unwrap();
    world
        .until("the other is told", async || {
            messages(&world).await.len() == 3
        })
        .await;
    assert_eq!(messages(&world).await[2]["data"]["number"], "Z-9");
    world
        .until("its letter is closed", async || {
            letters(&world).await.is_empty()
        })
        .await;
}

#[tokio::test]
async fn payments_of_a_part_are_told_and_mean_no_status_until_they_come_to_the_whole() {
    let (world, mut base) = world().await;
    let first = [part("PAY-1", "A-1", 40, true)];
    assert_eq!(sends(&mut base, &first).await, ["success"]);
    assert_eq!(messages(&world).await.len(), 1);
    let second = [part("PAY-2", "A-1", 60, true)];
    assert_eq!(sends(&mut base, &second).await, ["success"]);
    assert_eq!(messages(&world).await.len(), 2);
    world
        .until("the deal is paid", async || {
            world.stage("A-1") == "EXECUTING"
        })
        .await;
    let claims: Vec<i64> = sqlx::query_scalar(
        "SELECT (inputs ->> 'document')::bigint FROM bridge.decisions WHERE winner = 'onec'",
    )
    .fetch_all(&world.db.pool)
    .await
    .unwrap();
    let last: i64 = sqlx::query_scalar("SELECT max(id) FROM bridge.onec_documents")
        .fetch_one(&world.db.pool)
        .await
        .unwrap();
    assert_eq!(claims, [last]);
}

#[tokio::test]
async fn what_the_bridge_wrote_and_1c_gives_back_is_no_news_and_means_no_status() {
    let (world, mut base) = world().await;
    let unpaid = [payment("payment-A-1", "A-1", false)];
    assert_eq!(sends(&mut base, &unpaid).await, ["success"]);
    // 1C has not heard of it yet.
    world.shop.change("A-1", |order| order.paid = true);
    world
        .until("the bridge has it", async || {
            let paid = "SELECT coalesce(said ->> 'paid' = 'true', false)
                        FROM bridge.orders WHERE number = 'A-1'";
            sqlx::query_scalar::<_, bool>(paid)
                .fetch_one(&world.db.pool)
                .await
                .unwrap()
        })
        .await;
    let other = unpaid[0].replace("2026-11-26", "2026-11-25");
    assert_eq!(sends(&mut base, &[other]).await, ["success"]);
    world
        .until("1C has it", async || {
            base.fetch_orders().await.unwrap();
            let order = base.order("A-1").unwrap();
            order.requisites["Заказ оплачен"] == "true"
        })
        .await;
    let paid = [payment("payment-A-1", "A-1", true)];
    assert_eq!(sends(&mut base, &paid).await, ["success"]);
    assert_eq!(messages(&world).await, Vec::<Value>::new());
    let decided: i64 =
        sqlx::query_scalar("SELECT count(*) FROM bridge.decisions WHERE winner = 'onec'")
            .fetch_one(&world.db.pool)
            .await
            .unwrap();
    assert_eq!(decided, 0);
    // Now it says something itself.
    assert_eq!(sends(&mut base, &unpaid).await, ["success"]);
    let told = messages(&world).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["data"]["paid"], false);
}

#[tokio::test]
async fn a_payment_stands_for_no_document_of_its_order_and_for_no_other_order() {
    let rules = "[[shops.main.rules]]\nwinner = \"review\"\n";
    let world = World::new(Plot {
        callback: false,
        ..with_base(rules)
    })
    .await;
    for number in ["A-1", "A-2"] {
        world.ordered(number).await;
    }
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    world.shop.set("A-1", "A");
    world.in_sync("A-1").await;
    world
        .until("the deal follows", async || {
            world.stage("A-1") == "PREPAYMENT_INVOICE"
        })
        .await;
    let said = says(&mut base, "A-1", "P").await;
    assert!(
        said.iter().any(|line| line.starts_with("A-1: ONEC-REVIEW")),
        "{said:?}"
    );
    let paid = [part("PAY-1", "A-1", 40, true)];
    assert_eq!(sends(&mut base, &paid).await, ["success"]);
    let open = letters(&world).await;
    assert_eq!(open.len(), 1, "{open:?}");
    assert_eq!(open[0]["code"], "ONEC-REVIEW");
    let package = format!(
        "<Контейнер>{}{}</Контейнер>",
        order("A-2", "v1", 1, 100),
        payment("PAY-2", "A-1", true)
    );
    let said = sends(&mut base, &[package]).await;
    assert!(
        said.iter()
            .any(|line| line.starts_with("A-2: ONEC-TWO-ORDERS")),
        "{said:?}"
    );
    assert_eq!(messages(&world).await.len(), 1);
}

#[tokio::test]
async fn an_order_that_1c_has_as_paid_is_not_turned_back_until_the_shop_says_something_newer() {
    let world = World::new(Plot {
        callback: false,
        ..with_base("")
    })
    .await;
    let deal = world.ordered("A-1").await;
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    let paid = [payment("PAY-1", "A-1", true)];
    assert_eq!(sends(&mut base, &paid).await, ["success"]);
    assert!(world.portal.move_deal(deal, "LOSE"));
    world
        .until("the deal is put back", async || {
            let life = world.life("A-1").await.join("\n");
            life.contains("the order is paid, which the portal may not take back")
                && world.stage("A-1") == "NEW"
        })
        .await;
    // 1C takes the payment back.
    let back = [payment("PAY-1", "A-1", false)];
    assert_eq!(sends(&mut base, &back).await, ["success"]);
    assert!(world.portal.move_deal(deal, "LOSE"));
    world
        .until("the cancellation is decided", async || {
            let page = world.get("/v1/status-changes", KEY).await;
            page["changes"].to_string().contains("\"status\":\"C\"")
        })
        .await;
}

#[tokio::test]
async fn an_order_that_is_paid_without_a_payment_document_is_told_as_one_by_its_own_way_to_pay() {
    let tables = TABLES.replace("acquiring = \"1\"", "acquiring = \"1\", by_status = \"2\"");
    let tables = format!("{tables}[[onec.trade.pay_systems]]\nid = \"2\"\nname = \"По счёту\"\n");
    let world = World::new(Plot {
        callback: false,
        ..with_base(&tables)
    })
    .await;
    world.ordered("A-1").await;
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    let paid = order("A-1", "v1", 1, 100).replace(
        "<Товары>",
        "<ЗначенияРеквизитов><ЗначениеРеквизита><Наименование>Дата оплаты по 1С</Наименование>\
         <Значение>2026-11-26</Значение></ЗначениеРеквизита></ЗначенияРеквизитов><Товары>",
    );
    let documents = [paid.clone(), paid.replace("v1", "v2")];
    assert_eq!(sends(&mut base, &documents).await, ["success"]);
    let told = messages(&world).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let data = &told[0]["data"];
    assert_eq!(told[0]["type"], "bridge.order.payment.v1");
    assert_eq!(
        (&data["method"], &data["sum"], &data["paid"]),
        (&json!("По счёту"), &json!("100"), &json!(true))
    );
}

#[tokio::test]
async fn a_shipment_that_only_the_order_tells_of_is_told_once_and_its_document_is_no_second_one() {
    let (world, mut base) = world().await;
    let shipped = order("A-1", "v1", 1, 100).replace(
        "<Товары>",
        "<ЗначенияРеквизитов><ЗначениеРеквизита><Наименование>Дата отгрузки по 1С</Наименование>\
         <Значение>2026-11-26</Значение></ЗначениеРеквизита><ЗначениеРеквизита>\
         <Наименование>Номер отгрузки по 1С</Наименование><Значение>РТ-7</Значение>\
         </ЗначениеРеквизита></ЗначенияРеквизитов><Товары>",
    );
    let documents = [shipped.clone(), shipped.replace("v1", "v2")];
    assert_eq!(sends(&mut base, &documents).await, ["success"]);
    let told = messages(&world).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let data = &told[0]["data"];
    assert_eq!(told[0]["type"], "bridge.order.shipment.v1");
    assert_eq!(
        (&data["shipped"], &data["id"], &data["document"]),
        (&json!(true), &json!("shipped-A-1"), &json!("РТ-7"))
    );
    assert_eq!(data["lines"][0]["quantity"], "1", "{data}");
    world
        .until("the deal is done", async || world.stage("A-1") == "WON")
        .await;
    let document = [shipment("S-1", "A-1", ""), shipped.replace("v1", "v3")];
    assert_eq!(sends(&mut base, &document).await, ["success"]);
    let told = messages(&world).await;
    assert_eq!(told.len(), 1, "{told:?}");
}

#[tokio::test]
async fn contents_that_1c_changed_are_told_once_and_stay_the_shops() {
    let (world, mut base) = world().await;
    let same = [order("A-1", "v1", 1, 100)];
    assert_eq!(sends(&mut base, &same).await, ["success"]);
    assert_eq!(messages(&world).await, Vec::<Value>::new());
    let more = [order("A-1", "v2", 3, 300)];
    assert_eq!(sends(&mut base, &more).await, ["success"]);
    let again = [order("A-1", "v3", 3, 300)];
    assert_eq!(sends(&mut base, &again).await, ["success"]);
    let told = messages(&world).await;
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["type"], "bridge.order.contents.v1");
    let snapshot = &told[0]["data"]["snapshot"];
    assert_eq!(snapshot["total"], "300");
    assert_eq!(snapshot["items"][0]["quantity"], "3");
    assert_eq!(snapshot["items"][0]["price"], "100");
    let back = [order("A-1", "v4", 1, 100)];
    assert_eq!(sends(&mut base, &back).await, ["success"]);
    assert_eq!(messages(&world).await.len(), 1);
    let life = world.life("A-1").await.join("\n");
    for part in [
        "1C has other contents: Чай: quantity 1 → 3; total 100 → 300; the shop is told",
        "1C and the shop have the same contents again",
    ] {
        assert!(life.contains(part), "{part} is not in\n{life}");
    }
}

/// The sum of the order's deal.
fn worth(world: &World) -> String {
    let deals = world.portal.deals();
    let deal = deals.iter().find(|deal| deal["ORIGIN_ID"] == "A-1");
    deal.map_or(String::new(), |deal| deal["OPPORTUNITY"].to_string())
}

#[tokio::test]
async fn contents_that_are_1cs_are_the_deals_and_a_change_of_the_shops_is_told_to_be_none() {
    let mut world = World::new(Plot {
        callback: false,
        ..with_base(TABLES)
    })
    .await;
    world.kill();
    let portal = "shops.main.portal = \"main\"";
    let both = format!("{portal}\nshops.main.master = \"onec\"");
    world.edit_settings(portal, &both);
    world.start().await;
    world.ordered("A-1").await;
    let mut base = base_of(&world);
    base.fetch_orders().await.unwrap();
    let more = [order("A-1", "v2", 3, 300)];
    assert_eq!(sends(&mut base, &more).await, ["success"]);
    world
        .until("the deal has 1C's sum", async || {
            worth(&world).contains("300")
        })
        .await;
    assert_eq!(messages(&world).await.len(), 1);
    let seen = world.order("A-1").await;
    assert!(seen["contents"].to_string().contains("300"), "{seen}");
    // The shop edits something else, and then the contents: 1C is not sent them.
    world.shop.change("A-1", |_| {});
    let edited = json!({"specversion": "1.0", "type": "shop.order.saved.v1",
        "source": "https://shop.example", "id": "other-contents", "data": {
            "number": "A-1", "version": 1_000, "status": "N", "currency": "RUB", "total": "700",
            "items": [{"name": "Чай", "xml_id": "g", "quantity": "7", "price": "100"}]}});
    assert_eq!(world.post("/v1/events", KEY, edited).await.0, 202);
    world
        .until("the shop is told that it counts for nothing", async || {
            base.fetch_orders().await.unwrap();
            messages(&world).await.len() == 2
        })
        .await;
    let told = messages(&world).await;
    assert_eq!(told[1]["data"]["snapshot"]["total"], "300", "{told:?}");
    let kept = base.order("A-1").unwrap();
    assert_eq!(kept.total.to_string(), "300.00", "{kept:?}");
    world.in_sync("A-1").await;
    assert!(worth(&world).contains("300"), "{}", worth(&world));
    let life = world.life("A-1").await.join("\n");
    for part in [
        "1C changed the contents, which are its own: Чай: quantity 1 → 3; total 100 → 300",
        "the shop changed the contents to 700, but they are 1C's: 300 counts",
    ] {
        assert!(life.contains(part), "{part} is not in\n{life}");
    }
}

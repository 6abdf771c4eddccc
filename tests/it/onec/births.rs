//! Orders and customers that were made in 1C: the shop is told, and makes them its own.

use super::{
    facts::{messages, payment, sends},
    statuses::{base_of, letters, with_base},
    world::World as Site,
};
use crate::{
    support::settings::KEY,
    two_way::world::{Plot, World},
};
use serde_json::{Value, json};

const ID: &str = "6f9619ff-8b86-d011-b42d-00cf4fc964ff";
const TABLES: &str = "[onec.trade.import]\ncreate_orders = true\ndelivery_service = \"1\"\n\
    create_order_for_shipment = true\n\
    [[onec.trade.delivery_services]]\nid = \"1\"\nname = \"Курьер\"\n";

fn order(id: &str, number: &str, quantity: u32, status: &str) -> String {
    let sum = 100 * quantity;
    format!(
        "<Документ><Ид>{id}</Ид><Номер>{number}</Номер><Номер1С>{number}</Номер1С>\
         <Дата>2026-11-26</Дата><Время>10:30:00</Время><ХозОперация>Заказ товара</ХозОперация>\
         <Роль>Продавец</Роль><Валюта>руб</Валюта><Сумма>{sum}.00</Сумма><Контрагенты>\
         <Контрагент><Ид>c-1</Ид><Наименование>Иванова Анна</Наименование><Контакты><Контакт>\
         <Тип>Телефон рабочий</Тип><Значение>+7 916 000-00-01</Значение></Контакт></Контакты>\
         </Контрагент></Контрагенты><ЗначенияРеквизитов><ЗначениеРеквизита><Наименование>Статуса \
         заказа ИД</Наименование><Значение>{status}</Значение></ЗначениеРеквизита>\
         </ЗначенияРеквизитов><Товары><Товар><Ид>g</Ид><Наименование>Чай</Наименование>\
         <Цена>100</Цена><Количество>{quantity}</Количество><Сумма>{sum}</Сумма></Товар></Товары>\
         </Документ>"
    )
}

fn counterparty(name: &str) -> String {
    format!(
        "<Контрагенты><Контрагент><Ид>c-9</Ид><Наименование>{name}</Наименование>\
         <ОфициальноеНаименование>{name}</ОфициальноеНаименование><ИНН>7707083893</ИНН>\
         <КПП>770701001</КПП></Контрагент></Контрагенты>"
    )
}

/// The shop sends an order that it has.
async fn posts(world: &World, data: Value) {
    let event = json!({"specversion": "1.0", "type": "shop.order.saved.v1",
        "source": "https://shop.example", "id": format!("born-{}", data["number"]), "data": data});
    let (status, answer) = world.post("/v1/events", KEY, event).await;
    assert_eq!(status, 202, "{answer}");
}

async fn world(tables: &str) -> World {
    World::new(Plot {
        callback: false,
        ..with_base(tables)
    })
    .await
}

fn kinds(messages: &[Value]) -> Vec<&str> {
    messages
        .iter()
        .map(|one| one["type"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn an_order_of_1cs_is_told_once_and_is_known_again_when_the_shop_sends_it() {
    let world = world(TABLES).await;
    let mut base = base_of(&world);
    let package = format!(
        "<Контейнер>{}{}</Контейнер>",
        order(ID, "ТД-17", 2, "A"),
        payment("PAY-7", ID, true)
    );
    for _ in 0..2 {
        assert_eq!(
            sends(&mut base, std::slice::from_ref(&package)).await,
            ["success"]
        );
    }
    let told = messages(&world).await;
    assert_eq!(kinds(&told), ["bridge.order.created.v1"], "{told:?}");
    let data = &told[0]["data"];
    for (key, value) in [("number", "ТД-17"), ("id", ID), ("source", "onec")] {
        assert_eq!(data[key], value, "{key}: {data}");
    }
    let snapshot = data["snapshot"].clone();
    assert_eq!(
        (
            &snapshot["status"],
            &snapshot["total"],
            &snapshot["currency"]
        ),
        (&json!("A"), &json!("200"), &json!("RUB")),
        "{snapshot}"
    );
    assert_eq!(snapshot["items"][0]["xml_id"], "g");
    assert_eq!(snapshot["delivery"]["method"], "Курьер");
    assert_eq!(snapshot["created_at"], "2026-11-26T07:30:00Z");
    assert_eq!(snapshot["customer"]["phones"][0], "+7 916 000-00-01");
    assert_eq!(snapshot["origin"]["onec"], ID);
    assert!(world.deal("ТД-17").is_none());
    // The shop takes it under a number of its own, as it was told.
    let mut taken = snapshot;
    taken["number"] = json!("77");
    posts(&world, taken).await;
    world
        .until("what waited for it is told", async || {
            messages(&world).await.len() == 2
        })
        .await;
    let told = messages(&world).await;
    assert_eq!(told[1]["type"], "bridge.order.payment.v1");
    assert_eq!(told[1]["data"]["number"], "77");
    world.in_sync("77").await;
    assert_eq!(world.stage("77"), "PREPAYMENT_INVOICE");
    let seen = world.order("77").await;
    assert_eq!(
        (
            &seen["onec"]["id"],
            &seen["onec"]["number"],
            &seen["onec"]["waits"]
        ),
        (&json!(ID), &json!("ТД-17"), &json!(false)),
        "{seen}"
    );
    let life = world.life("77").await.join("\n");
    let words = "the order was made in the 1C base trade as ТД-17, and the shop has taken it";
    assert!(life.contains(words), "{life}");
    // 1C is not sent what it has; what it says next is of the shop's order.
    assert_eq!(base.fetch_orders().await.unwrap().orders, 0);
    assert_eq!(
        sends(&mut base, &[order(ID, "ТД-17", 2, "P")]).await,
        ["success"]
    );
    world
        .until("the deal follows", async || {
            world.stage("77") == "EXECUTING"
        })
        .await;
    assert_eq!(messages(&world).await.len(), 2);
    assert_eq!(letters(&world).await, Vec::<Value>::new());
}

#[tokio::test]
async fn what_1c_changes_in_its_order_before_the_shop_has_it_is_told_again_by_the_same_id() {
    let world = world(TABLES).await;
    let mut base = base_of(&world);
    for quantity in [2, 3] {
        let said = sends(&mut base, &[order(ID, "ТД-17", quantity, "A")]).await;
        assert_eq!(said, ["success"]);
    }
    let told = messages(&world).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0]["data"]["id"], told[1]["data"]["id"]);
    assert_eq!(told[1]["data"]["snapshot"]["total"], "300");
    // The shop takes it under 1C's number, and changes it: 1C is sent that under its own id.
    let mut taken = told[1]["data"]["snapshot"].clone();
    taken["total"] = json!("350");
    taken["items"][0]["quantity"] = json!("3.5");
    posts(&world, taken).await;
    world
        .until("1C has what the shop made of it", async || {
            base.fetch_orders().await.unwrap();
            base.order("ТД-17").is_some()
        })
        .await;
    assert!(base.orders.contains_key(ID), "{:?}", base.orders.keys());
}

#[tokio::test]
async fn an_order_of_1cs_is_refused_where_nobody_wants_it_and_one_with_the_shops_number_always() {
    let off = "[onec.trade.export]\nnumber_prefix = \"A-\"\n[onec.trade.import]\n\
               create_orders = false\n";
    let mut world = world(off).await;
    let mut base = base_of(&world);
    let documents = [
        order(ID, "ТД-17", 1, "A"),
        order("15", "A-15", 1, "A"),
        order("16", "16", 0, "A")
            .replace("<Товары>", "<Т>")
            .replace("</Товары>", "</Т>"),
    ];
    let said = sends(&mut base, &documents).await;
    let refused = said.iter().filter(|line| line.contains("ONEC-UNKNOWN"));
    assert_eq!(refused.count(), 3, "{said:?}");
    for (line, words) in [
        ("ТД-17", "create_orders"),
        ("A-15", "присвоен сайтом"),
        ("16", "нет товаров"),
    ] {
        let start = format!("{line}: ONEC-UNKNOWN");
        let mut lines = said.iter();
        let named = lines.any(|one| one.starts_with(&start) && one.contains(words));
        assert!(named, "{line}: {said:?}");
    }
    assert_eq!(messages(&world).await, Vec::<Value>::new());
    world.kill();
    world.edit_settings("create_orders = false", "create_orders = true");
    world.start().await;
    world
        .until("it is told", async || messages(&world).await.len() == 1)
        .await;
    assert_eq!(messages(&world).await[0]["data"]["id"], ID);
    world
        .until("its letter is closed", async || {
            letters(&world).await.len() == 2
        })
        .await;
}

#[tokio::test]
async fn who_may_not_make_orders_makes_none() {
    let tables = format!("may = [\"export\", \"statuses\"]\n{TABLES}");
    let world = world(&tables).await;
    let mut base = base_of(&world);
    let said = sends(
        &mut base,
        &[order(ID, "ТД-17", 1, "A"), counterparty("АО Луч")],
    )
    .await;
    let refused = said.iter().filter(|line| line.contains("ONEC-RIGHT"));
    assert_eq!(refused.count(), 2, "{said:?}");
    assert_eq!(messages(&world).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_customer_of_1cs_is_told_with_each_change_once() {
    let world = world(TABLES).await;
    let mut base = base_of(&world);
    for name in ["АО Луч", "АО Луч", "АО Свет"] {
        assert_eq!(sends(&mut base, &[counterparty(name)]).await, ["success"]);
    }
    let told = messages(&world).await;
    let kind = "bridge.customer.saved.v1";
    assert_eq!(kinds(&told), [kind, kind], "{told:?}");
    assert_eq!(told[0]["data"]["id"], "c-9");
    let customer = &told[1]["data"]["customer"];
    assert_eq!(customer["kind"], "company");
    assert_eq!(customer["company"]["title"], "АО Свет");
    assert_eq!(customer["company"]["inn"], "7707083893");
}

#[tokio::test]
async fn a_shipment_that_nobody_ordered_makes_an_order_where_that_is_wanted() {
    let world = world(TABLES).await;
    let mut base = base_of(&world);
    let orphan = format!(
        "<Документ><Ид>S-1</Ид><Номер>S-1</Номер><Дата>2026-11-26</Дата>\
         <ХозОперация>Отпуск товара</ХозОперация><Основание>{ID}</Основание><Валюта>RUB</Валюта>\
         <Сумма>100</Сумма><Товары><Товар><Ид>g</Ид><Наименование>Чай</Наименование>\
         <Количество>1</Количество><Сумма>100</Сумма></Товар></Товары></Документ>"
    );
    assert_eq!(sends(&mut base, &[orphan]).await, ["success"]);
    let told = messages(&world).await;
    assert_eq!(kinds(&told), ["bridge.order.created.v1"], "{told:?}");
    assert_eq!(told[0]["data"]["id"], ID);
    assert_eq!(told[0]["data"]["snapshot"]["items"][0]["quantity"], "1");
}

#[tokio::test]
async fn a_shop_that_is_called_may_answer_the_number_that_it_gives_the_order() {
    let world = World::new(with_base(TABLES)).await;
    world.shop.with(|shop| shop.gives = Some("77".to_owned()));
    let mut base = base_of(&world);
    assert_eq!(
        sends(&mut base, &[order(ID, "ТД-17", 2, "A")]).await,
        ["success"]
    );
    world
        .until("the answer is heard", async || {
            let answered = "SELECT answered FROM bridge.onec_births";
            let row = sqlx::query_scalar::<_, Option<String>>(answered);
            row.fetch_one(&world.db.pool).await.unwrap().as_deref() == Some("77")
        })
        .await;
    world.ordered("77").await;
    world
        .until("1C has it under its own id", async || {
            base.fetch_orders().await.unwrap();
            base.orders.contains_key(ID)
        })
        .await;
    assert_eq!(base.orders[ID].number, "ТД-17");
    assert_eq!(base.orders.len(), 1);
}

#[tokio::test]
async fn what_is_settled_of_1c_is_kept_for_its_time_only_and_what_is_open_stays() {
    let site = Site::with(
        "keep_files = \"1h\"",
        "[onec.trade.import]\ncreate_orders = true\n",
    )
    .await;
    let mut base = site.base_of("2.09");
    let unknown = order("15", "15", 1, "A").replace("<Номер1С>15<", "<Номер1С>ТД-15<");
    let said = sends(&mut base, &[counterparty("АО Луч"), unknown]).await;
    assert!(
        said.iter().any(|line| line.starts_with("15: ONEC-UNKNOWN")),
        "{said:?}"
    );
    let count = "SELECT (SELECT count(*) FROM bridge.onec_documents)
                      + 10 * (SELECT count(*) FROM bridge.onec_imports)";
    let count = async || {
        sqlx::query_scalar::<_, i64>(count)
            .fetch_one(&site.db.pool)
            .await
            .unwrap()
    };
    assert_eq!(count().await, 12);
    site.site.app.onec.prune_onec(100).await.unwrap();
    assert_eq!(count().await, 12);
    for back in [
        "UPDATE bridge.onec_documents SET decided_at = decided_at - interval '2 hours',
                received_at = received_at - interval '2 hours'",
        "UPDATE bridge.onec_imports SET ended_at = ended_at - interval '2 hours'",
        "UPDATE bridge.onec_files SET received_at = received_at - interval '2 hours'",
    ] {
        sqlx::query(back).execute(&site.db.pool).await.unwrap();
    }
    site.site.app.onec.prune_onec(100).await.unwrap();
    site.site.app.onec.prune_onec(100).await.unwrap();
    assert_eq!(count().await, 1);
}

#[tokio::test]
async fn a_message_that_cannot_be_read_is_a_letter_and_the_shop_is_told_the_next() {
    let world = world(TABLES).await;
    let mut base = base_of(&world);
    let packages = [(ID, "ТД-1"), ("c-2", "ТД-2")]
        .map(|(id, number)| format!("<Контейнер>{}</Контейнер>", order(id, number, 1, "A")));
    assert_eq!(sends(&mut base, &packages).await, ["success"]);
    let spoil = "UPDATE bridge.shop_messages SET body = '{\"n\": 1e400}' WHERE number = 'ТД-1'";
    sqlx::query(spoil).execute(&world.db.pool).await.unwrap();
    for _ in 0..2 {
        let told = messages(&world).await;
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0]["data"]["number"], "ТД-2");
    }
    let letters = letters(&world).await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0]["code"], "BRIDGE-BUG");
    let words = letters[0]["message"].as_str().unwrap();
    assert!(
        words.contains("bridge.shop_messages") && words.contains("body"),
        "{words}"
    );
}

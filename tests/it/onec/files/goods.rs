//! 1C's goods as the shop's catalogue in the portal, where 1C is declared to own that.

use super::super::world::World;
use crate::support::connections;
use b24_bridge::{
    app::Accepted,
    clients::bitrix24::{Client, Credentials, Options},
    domain::{PortalName, ShopName},
    sandbox::{self, Plan, Sandbox, onec::OneC},
    worker,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

const OWNED: &str = r#"
[shops.main.catalogue]
owner = "onec"
onec_price_types = { "Розничная" = "" }
"#;

/// A base, a bridge that works, and a portal.
pub(super) struct Trade {
    pub(super) world: World,
    pub(super) portal: Sandbox,
    pub(super) base: OneC,
    stop: CancellationToken,
}

impl Drop for Trade {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Trade {
    async fn new() -> Self {
        Self::with("", OWNED).await
    }

    pub(super) async fn with(keys: &str, tables: &str) -> Self {
        let world = World::with(keys, tables).await;
        let options = sandbox::Options::default();
        let portal = Sandbox::start(options.plan(Plan::Unlimited)).await.unwrap();
        let mut base = world.base();
        base.sign_in("catalog").await.unwrap();
        base.init("catalog").await.unwrap();
        let stop = CancellationToken::new();
        Self {
            world,
            portal,
            base,
            stop,
        }
    }

    pub(super) fn work(&self) {
        let credentials = Credentials::webhook(&self.portal.url()).unwrap();
        let client = Client::new(credentials, &connections(), &Options::default());
        let settings = worker::Settings {
            poll: Duration::from_millis(50),
            attempts: 2,
            backoff: Duration::from_millis(20),
            ..worker::Settings::default()
        };
        let lanes = worker::Lanes::of(BTreeMap::from([(
            PortalName::parse("main").unwrap(),
            client,
        )]));
        let app = self.world.site.app.clone();
        tokio::spawn(worker::run(app, lanes, settings, self.stop.clone()));
    }

    pub(super) async fn send(&self, name: &str, text: &str) {
        let text = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><КоммерческаяИнформация \
             ВерсияСхемы=\"2.08\" ДатаФормирования=\"2026-11-20T10:00:00\">{text}\
             </КоммерческаяИнформация>"
        );
        let sent = self.base.send("catalog", name, text.as_bytes()).await;
        assert_eq!(sent.unwrap(), ["success"]);
        let (_, said) = self.base.import("catalog", name).await.unwrap();
        assert_eq!(said, ["success"]);
    }

    pub(super) fn with_code(&self, code: &str) -> Vec<Value> {
        let mut all = self.portal.products();
        all.retain(|one| one["xmlId"] == code);
        all
    }

    pub(super) async fn until(&self, what: &str, mut holds: impl AsyncFnMut(&Self) -> bool) {
        let bound = Instant::now() + Duration::from_secs(30);
        while !holds(self).await {
            let late = Instant::now() > bound;
            assert!(!late, "not {what}: {:?}", self.portal.products());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(super) async fn count(&self, sql: &'static str) -> i64 {
        let pool = &self.world.db.pool;
        sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
    }
}

pub(super) fn catalogue(products: &str) -> String {
    format!(
        "<Классификатор><Ид>k</Ид><Группы><Группа><Ид>g1</Ид><Наименование>Дом</Наименование>\
         <Группы><Группа><Ид>g2</Ид><Наименование>Кухня</Наименование></Группа></Группы></Группа>\
         </Группы></Классификатор><Каталог СодержитТолькоИзменения=\"true\"><Ид>c</Ид><Товары>\
         {products}</Товары></Каталог>"
    )
}

pub(super) fn product(id: &str, name: &str) -> String {
    format!(
        "<Товар><Ид>{id}</Ид><Артикул>A-{id}</Артикул><Наименование>{name}</Наименование>\
         <БазоваяЕдиница>шт</БазоваяЕдиница><Группы><Ид>g2</Ид></Группы><СтавкиНалогов>\
         <СтавкаНалога><Наименование>НДС</Наименование><Ставка>20</Ставка></СтавкаНалога>\
         </СтавкиНалогов></Товар>"
    )
}

pub(super) fn offers(offers: &str) -> String {
    format!(
        "<ПакетПредложений СодержитТолькоИзменения=\"true\"><Ид>o</Ид><ТипыЦен><ТипЦены>\
         <Ид>retail</Ид><Наименование>Розничная</Наименование><Валюта>руб</Валюта></ТипЦены>\
         <ТипЦены><Ид>trade</Ид><Наименование>Оптовая</Наименование><Валюта>руб</Валюта></ТипЦены>\
         </ТипыЦен><Предложения>{offers}</Предложения></ПакетПредложений>"
    )
}

pub(super) fn offer(id: &str, price: &str) -> String {
    format!(
        "<Предложение><Ид>{id}</Ид><Наименование>Предложение {id}</Наименование><Цены><Цена>\
         <ИдТипаЦены>trade</ИдТипаЦены><ЦенаЗаЕдиницу>1</ЦенаЗаЕдиницу></Цена><Цена>\
         <ИдТипаЦены>retail</ИдТипаЦены><ЦенаЗаЕдиницу>{price}</ЦенаЗаЕдиницу></Цена></Цены>\
         </Предложение>"
    )
}

pub(super) const WAITS: &str = "SELECT count(*) FROM bridge.subjects WHERE due_at IS NOT NULL";
pub(super) const DUE: &str = "SELECT count(*) FROM bridge.onec_products WHERE due";

#[tokio::test]
async fn products_of_1c_stand_in_the_portal_and_an_order_of_them_carries_their_links() {
    let trade = Trade::new().await;
    trade.work();
    let two = product("kettle", "Чайник") + &product("shirt", "Рубашка");
    trade.send("import1.xml", &catalogue(&two)).await;
    let three = offer("kettle", "990.50") + &offer("shirt#s", "500") + &offer("shirt#m", "510");
    trade.send("offers1.xml", &offers(&three)).await;
    trade
        .until("in the portal", async |trade| {
            let codes = ["main:kettle", "main:shirt", "main:shirt#s", "main:shirt#m"];
            codes.iter().all(|code| trade.with_code(code).len() == 1)
                && trade.count(WAITS).await == 0
        })
        .await;
    let made = trade.with_code("main:kettle");
    assert_eq!(made[0]["name"], "Чайник");
    assert_eq!(made[0]["vatIncluded"], "Y");
    assert!(!made[0]["iblockSectionId"].is_null());
    let items = json!([
        {"name": "Чайник", "product_id": "1", "xml_id": "kettle", "quantity": 1, "price": "990.50"},
        {"name": "Чайник", "product_id": "2", "sku": "A-kettle", "quantity": 1, "price": "990.50"},
        {"name": "Рубашка", "xml_id": "shirt#m", "quantity": 1, "price": "510"}]);
    let order = json!({"number": "100", "version": 1, "status": "N", "currency": "RUB",
                       "total": "2491.00", "items": items});
    trade.world.save(order).await;
    trade
        .until("ordered", async |trade| trade.portal.deals().len() == 1)
        .await;
    trade
        .until("linked", async |trade| {
            let deal = trade.portal.deals()[0]["ID"].as_str().unwrap().parse();
            let rows = trade.portal.rows(deal.unwrap());
            let ids: Vec<&Value> = rows.iter().map(|row| &row["PRODUCT_ID"]).collect();
            let kettle = &made[0]["id"];
            let shirt = &trade.with_code("main:shirt#m")[0]["id"];
            ids.len() == 3
                && [kettle, kettle, shirt]
                    .iter()
                    .zip(&ids)
                    .all(|(product, row)| product.to_string() == row.to_string().replace('"', ""))
        })
        .await;
}

#[tokio::test]
async fn absent_in_a_package_of_changes_is_not_withdrawn_and_the_end_of_a_full_exchange_withdraws()
{
    let mut trade = Trade::new().await;
    let two = product("a", "Первый") + &product("b", "Второй");
    trade.send("import1.xml", &catalogue(&two)).await;
    trade
        .send(
            "offers1.xml",
            &offers(&(offer("a", "1") + &offer("b", "2"))),
        )
        .await;
    trade.work();
    trade
        .until("in the portal", async |trade| {
            trade.with_code("main:a").len() == 1
                && trade.with_code("main:b").len() == 1
                && trade.count(WAITS).await == 0
        })
        .await;
    let writes = |trade: &Trade| {
        let calls = trade.portal.calls();
        let commands = calls.iter().flat_map(|call| &call.commands);
        let writes = |method: &&String| {
            [".update", ".add", ".modify"]
                .iter()
                .any(|end| method.ends_with(end))
        };
        commands.filter(writes).count()
    };
    let before = writes(&trade);
    // The same again, and a price of one of them.
    trade.send("import2.xml", &catalogue(&two)).await;
    trade.send("offers2.xml", &offers(&offer("a", "7"))).await;
    trade
        .until("taken up", async |trade| {
            trade.count(DUE).await == 0 && trade.count(WAITS).await == 0
        })
        .await;
    trade
        .until("priced", async |trade| writes(trade) > before)
        .await;
    assert_eq!(writes(&trade), before + 1);
    assert_eq!(trade.with_code("main:b")[0]["active"], "Y");
    // A full exchange that does not speak of the second.
    trade.base = trade.world.base();
    trade.base.sign_in("catalog").await.unwrap();
    trade.base.init("catalog").await.unwrap();
    trade
        .send("import3.xml", &catalogue(&product("a", "Первый")))
        .await;
    let said = trade.base.ask("catalog", "deactivate", &[]).await.unwrap();
    assert_eq!(said, ["success"]);
    trade
        .until("withdrawn", async |trade| {
            trade.with_code("main:b")[0]["active"] == "N"
        })
        .await;
    assert_eq!(trade.with_code("main:a")[0]["active"], "Y");
}

#[tokio::test]
async fn a_card_and_its_offer_are_withdrawn_each_for_itself_and_either_withdraws_the_product() {
    let trade = Trade::new().await;
    trade.work();
    let card = |mark: &str| product("a", "Чай").replace("</Товар>", &format!("{mark}</Товар>"));
    let priced =
        |mark: &str| offer("a", "1").replace("</Предложение>", &format!("{mark}</Предложение>"));
    let stock = "<Предложение><Ид>a</Ид><Количество>3</Количество></Предложение>";
    let gone = "<ПометкаУдаления>true</ПометкаУдаления>";
    let says = async |name: &str, text: String, active: &str| {
        trade.send(name, &text).await;
        trade
            .until(&format!("{active} after {name}"), async |trade| {
                let found = trade.with_code("main:a");
                trade.count(DUE).await == 0
                    && trade.count(WAITS).await == 0
                    && found.first().is_some_and(|one| one["active"] == active)
            })
            .await;
    };
    trade.send("1.xml", &catalogue(&card(""))).await;
    says("2.xml", offers(&priced("")), "Y").await;
    says("3.xml", catalogue(&card(gone)), "N").await;
    // The offer takes nothing back that it has not said, and the other way round.
    says("4.xml", offers(&priced("").replace(">1<", ">2<")), "N").await;
    says("5.xml", offers(&priced(gone)), "N").await;
    says("6.xml", catalogue(&card("")), "N").await;
    // Stock alone says nothing of it.
    says("7.xml", offers(stock), "N").await;
    says("8.xml", offers(&priced("")), "Y").await;
    says("9.xml", catalogue(&card(gone)), "N").await;
    says("10.xml", catalogue(&card("")), "Y").await;
}

#[tokio::test]
async fn a_type_of_prices_that_1c_does_not_have_is_told() {
    let owned = OWNED.replace("\"\" }", "\"\", \"Опт\" = \"Wholesale\" }");
    let world = World::with("", &owned).await;
    let shop = ShopName::parse("main").unwrap();
    let catalogue = &world.site.app.catalogue;
    let unknown = catalogue.unknown_price_types(&shop).await.unwrap();
    assert_eq!(unknown, Vec::<String>::new());
    let base = world.catalogue().await;
    let text = offers(&offer("a", "1"));
    let text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><КоммерческаяИнформация \
         ВерсияСхемы=\"2.08\">{text}</КоммерческаяИнформация>"
    );
    let sent = base.send("catalog", "offers.xml", text.as_bytes()).await;
    assert_eq!(sent.unwrap(), ["success"]);
    let (_, said) = base.import("catalog", "offers.xml").await.unwrap();
    assert_eq!(said, ["success"]);
    let unknown = catalogue.unknown_price_types(&shop).await.unwrap();
    assert_eq!(unknown, ["Опт"]);
}

#[tokio::test]
async fn products_wait_while_a_list_of_theirs_cannot_be_read_and_that_is_told() {
    let trade = Trade::new().await;
    trade
        .send("import.xml", &catalogue(&product("a", "Первый")))
        .await;
    trade.send("offers.xml", &offers(&offer("a", "1"))).await;
    let pool = &trade.world.db.pool;
    let spoil = "UPDATE bridge.onec_lists SET detail = '\"odd\"' WHERE id = 'g2'";
    sqlx::query(spoil).execute(pool).await.unwrap();
    let goods = &trade.world.site.app.catalogue;
    let told = goods.take_up_goods().await.unwrap_err().chain();
    let place = "bridge.onec_lists holds what this version cannot read: `detail` of the group g2 ";
    assert!(told.contains(place), "{told}");
    let due = "SELECT count(*) FROM bridge.onec_products WHERE due";
    let taken = "SELECT count(*) FROM bridge.subjects WHERE kind = 'product'";
    assert_eq!((trade.count(due).await, trade.count(taken).await), (1, 0));
    let mend = "UPDATE bridge.onec_lists SET detail = '{\"parent\": \"g1\"}' WHERE id = 'g2'";
    sqlx::query(mend).execute(pool).await.unwrap();
    assert!(goods.take_up_goods().await.unwrap());
    assert_eq!((trade.count(due).await, trade.count(taken).await), (0, 1));
}

#[tokio::test]
async fn a_product_that_cannot_be_read_stays_due_and_is_told_and_the_others_are_taken_up() {
    let trade = Trade::new().await;
    let two = product("a", "Первый") + &product("b", "Второй");
    trade.send("import.xml", &catalogue(&two)).await;
    let prices = offer("a", "1") + &offer("b", "2");
    trade.send("offers.xml", &offers(&prices)).await;
    let pool = &trade.world.db.pool;
    let card = "SELECT product FROM bridge.onec_products WHERE id = 'a'";
    let card: Value = sqlx::query_scalar(card).fetch_one(pool).await.unwrap();
    let put = "UPDATE bridge.onec_products SET product = $1 WHERE id = 'a'";
    let odd = sqlx::query(put).bind(json!("odd")).execute(pool).await;
    assert_eq!(odd.unwrap().rows_affected(), 1);
    let goods = &trade.world.site.app.catalogue;
    let taken = "SELECT count(*) FROM bridge.subjects WHERE kind = 'product'";
    // It is told for as long as it is so: one look does not make it absent.
    for _ in 0..2 {
        let told = goods.take_up_goods().await.unwrap_err().chain();
        let place = "bridge.onec_products holds what this version cannot read: `product` of a of ";
        assert!(told.contains(place), "{told}");
        assert_eq!((trade.count(DUE).await, trade.count(taken).await), (1, 1));
    }
    let mended = sqlx::query(put).bind(card).execute(pool).await;
    assert_eq!(mended.unwrap().rows_affected(), 1);
    assert!(goods.take_up_goods().await.unwrap());
    assert_eq!((trade.count(DUE).await, trade.count(taken).await), (0, 2));
}

#[tokio::test]
async fn products_are_taken_up_however_many_before_them_cannot_be_read() {
    let trade = Trade::new().await;
    trade
        .send("import.xml", &catalogue(&product("b", "Второй")))
        .await;
    trade.send("offers.xml", &offers(&offer("b", "2"))).await;
    let pool = &trade.world.db.pool;
    let odd = "INSERT INTO bridge.onec_products (base, id, product, formed_at, touched_at, due)
               SELECT base, 'a' || n, '\"odd\"', formed_at, touched_at, true
               FROM bridge.onec_products, generate_series(1, 1000) AS n WHERE id = 'b'";
    assert_eq!(
        sqlx::query(odd)
            .execute(pool)
            .await
            .unwrap()
            .rows_affected(),
        1000
    );
    let goods = &trade.world.site.app.catalogue;
    let taken = "SELECT count(*) FROM bridge.subjects WHERE kind = 'product'";
    // As many are looked at in one turn as two full turns are of odd ones; each turn tells of them.
    for turn in 1..=3 {
        let told = goods.take_up_goods().await;
        let is_there = trade.count(taken).await == 1;
        assert_eq!((told.is_err(), is_there), (turn < 3, turn == 3), "{turn}");
    }
    // All that is left is odd, and comes up again from the first on.
    assert_eq!(trade.count(DUE).await, 1000);
    let told = goods.take_up_goods().await.unwrap_err().chain();
    assert!(told.contains("`product` of a1 of"), "{told}");
    assert_eq!(trade.count(DUE).await, 1000);
}

#[tokio::test]
async fn the_shop_does_not_tell_of_products_that_are_1cs() {
    let world = World::with("", OWNED).await;
    let event = json!({"specversion": "1.0", "type": "shop.product.saved.v1",
        "source": "/shops/main", "id": "1", "data": {"id": "1", "name": "Чайник"}});
    let shop = ShopName::parse("main").unwrap();
    let intake = &world.site.app.intake;
    let sent = intake.accept_events(Some(&shop), &[event]).await.unwrap();
    let Accepted::Invalid(faults) = &sent[0] else {
        panic!("{sent:?}");
    };
    assert!(faults[0].detail.contains("1C owns them"), "{faults:?}");
}

//! A shop's catalogue: from what the shop tells of its products to the portal's catalogue.

mod picture_faults;
mod pictures;
mod quantities;
mod rows;

use crate::support::connections;
use crate::support::{
    database::Database,
    provider,
    shop::{app_with, main_shop},
};
use b24_bridge::{
    app::{Accepted, App, LetterFilter, ProductAction, Registry},
    clients::bitrix24::{Client, Credentials, Options as ClientOptions, Rate},
    domain::{CatalogueRules, PortalName},
    sandbox::{self, CatalogRights, Fault, Faults, Plan, Sandbox},
    worker,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;

/// A portal whose products have an article, a bridge, and a shop that keeps its catalogue there.
struct Shelf {
    portal: Sandbox,
    app: App,
    db: Database,
    stop: CancellationToken,
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Shelf {
    async fn new(portal: sandbox::Options) -> Self {
        let shelf = Self::idle(portal).await;
        shelf.work();
        shelf
    }

    /// Without a worker.
    async fn idle(portal: sandbox::Options) -> Self {
        provider();
        let portal = Sandbox::start(portal.plan(Plan::Unlimited)).await.unwrap();
        let db = Database::new().await;
        let rules = CatalogueRules {
            article_property: Some("ARTNUMBER".to_owned()),
            barcode_property: Some("BARCODE".to_owned()),
            pictures: true,
            picture_hosts: vec!["127.0.0.1".to_owned()],
            ..CatalogueRules::of("main")
        };
        let registry = Registry {
            catalogues: BTreeMap::from([(main_shop(), Arc::new(rules))]),
            ..Registry::default()
        };
        let app = app_with(&db.pool, &["main"], registry);
        let shelf = Self {
            portal,
            app,
            db,
            stop: CancellationToken::new(),
        };
        let blocks = shelf.ask("catalog.catalog.list", json!({})).await;
        for block in blocks["catalogs"].as_array().into_iter().flatten() {
            let fields = json!({"iblockId": block["iblockId"], "name": "Артикул",
                                "code": "ARTNUMBER", "propertyType": "S"});
            shelf
                .ask("catalog.productProperty.add", json!({ "fields": fields }))
                .await;
        }
        shelf
    }

    fn client(&self) -> Client {
        self.client_at(ClientOptions::default().rate)
    }

    fn client_at(&self, rate: Rate) -> Client {
        let credentials = Credentials::webhook(&self.portal.url()).unwrap();
        let options = ClientOptions {
            timeout: Duration::from_secs(5),
            rate,
            ..ClientOptions::default()
        };
        Client::new(credentials, &connections(), &options)
    }

    /// What would become of the products of the shop.
    async fn plan(&self) -> Vec<ProductAction> {
        let page = self.app.catalogue.page(&main_shop(), "").await.unwrap();
        let plans = worker::plan_products(&self.client(), page.jobs).await;
        plans.unwrap().into_iter().map(|plan| plan.change).collect()
    }

    fn work(&self) {
        self.work_with(self.client(), worker::Settings::default().wave);
    }

    fn work_with(&self, client: Client, wave: u32) {
        let options = worker::Settings {
            wave,
            poll: Duration::from_millis(50),
            doubt: Duration::from_millis(500),
            backoff: Duration::from_millis(20),
            backoff_cap: Duration::from_millis(50),
            attempts: 2,
            ..worker::Settings::default()
        };
        let lanes = worker::Lanes::of(BTreeMap::from([(
            PortalName::parse("main").unwrap(),
            client,
        )]));
        let work = worker::run(self.app.clone(), lanes, options, self.stop.clone());
        tokio::spawn(work);
    }

    async fn ask(&self, method: &str, params: Value) -> Value {
        let url = format!("{}{method}", self.portal.url());
        let http = crate::portal::sandbox::client();
        let answer = http.post(url).json(&params).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["result"].take()
    }

    async fn send(&self, events: &[Value]) -> Vec<Accepted> {
        let shop = main_shop();
        let sent = self.app.intake.accept_events(Some(&shop), events).await;
        sent.unwrap()
    }

    async fn until(&self, what: &str, mut holds: impl AsyncFnMut(&Self) -> bool) {
        let bound = Instant::now() + Duration::from_secs(30);
        while !holds(self).await {
            let letters = self.letters().await;
            let late = Instant::now() > bound;
            assert!(
                !late,
                "not {what}: {letters:?} {:?}",
                self.portal.products()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Until nothing waits for the portal.
    async fn quiet(&self) {
        self.until("quiet", async |shelf| shelf.count(WAITS).await == 0)
            .await;
    }

    async fn count(&self, sql: &str) -> i64 {
        let count = sqlx::query_scalar(sqlx::AssertSqlSafe(sql.to_owned()));
        count.fetch_one(&self.db.pool).await.unwrap()
    }

    /// The codes of open letters, with their words.
    async fn letters(&self) -> Vec<(String, String)> {
        let filter = LetterFilter::default();
        let letters = self.app.dead_letters.dead_letters(&filter).await;
        let letters = letters.unwrap().items.into_iter();
        letters
            .map(|letter| (letter.code, letter.message))
            .collect()
    }

    /// The elements with this external code.
    fn with_code(&self, code: &str) -> Vec<Value> {
        let mut all = self.portal.products();
        all.retain(|one| one["xmlId"] == code);
        all
    }

    /// Calls about the catalogue.
    fn calls(&self) -> usize {
        let calls = self.portal.calls();
        let about = calls.iter().filter(|call| {
            let mut commands = call.commands.iter();
            commands.any(|method| method.starts_with("catalog."))
        });
        about.count()
    }
}

const WAITS: &str = "SELECT count(*) FROM bridge.subjects WHERE due_at IS NOT NULL";

#[expect(
    clippy::needless_pass_by_value,
    reason = "literals read better by value"
)]
fn saved(event: &str, data: Value) -> Value {
    json!({"specversion": "1.0", "type": "shop.product.saved.v1", "id": event,
           "source": "/shops/main", "data": data})
}

fn kettle(id: &str) -> Value {
    json!({"id": id, "sku": format!("K-{id}"), "name": "Чайник", "section": ["Дом", "Кухня"],
           "prices": [{"price": "990.50", "currency": "RUB"}], "vat": 20, "unit": "шт"})
}

fn order(number: &str, product: &str) -> Value {
    json!({
        "specversion": "1.0", "type": "shop.order.saved.v1", "source": "/shops/main",
        "id": format!("order-{number}"),
        "data": {"number": number, "version": 1, "status": "N", "currency": "RUB",
                 "total": "990.50", "items": [{"product_id": product, "name": "Чайник",
                                               "quantity": 1, "price": "990.50"}]}
    })
}

#[tokio::test]
async fn a_product_of_the_shop_stands_in_the_portal_and_an_order_of_it_carries_its_link() {
    let shelf = Shelf::new(sandbox::Options::default()).await;
    let event = saved("1", kettle("17"));
    assert_eq!(
        shelf.send(std::slice::from_ref(&event)).await,
        [Accepted::Queued]
    );
    shelf.quiet().await;
    let made = shelf.with_code("main:17");
    assert_eq!(made.len(), 1, "{made:?}");
    let own = &made[0];
    assert_eq!(
        (&own["name"], &own["vatIncluded"]),
        (&json!("Чайник"), &json!("Y"))
    );
    let id = own["id"].clone();
    let prices = shelf
        .ask("catalog.price.list", json!({"filter": {"productId": id}}))
        .await;
    assert_eq!(prices["prices"][0]["price"], 990.5, "{prices}");
    let section = own["iblockSectionId"].clone();
    let section = shelf
        .ask("catalog.section.get", json!({ "id": section }))
        .await;
    assert_eq!(section["section"]["name"], "Кухня");
    // The same event again is the same product, and an unchanged one asks the portal for nothing.
    assert_eq!(shelf.send(&[event]).await, [Accepted::Duplicate]);
    let before = shelf.calls();
    shelf.send(&[saved("2", kettle("17"))]).await;
    shelf.quiet().await;
    assert_eq!(shelf.calls(), before);
    shelf.send(&[order("100", "17")]).await;
    shelf
        .until("ordered", async |shelf| shelf.portal.deals().len() == 1)
        .await;
    let deal = shelf.portal.deals()[0]["ID"].as_str().unwrap().parse();
    let deal = deal.unwrap();
    shelf
        .until("rows", async |shelf| !shelf.portal.rows(deal).is_empty())
        .await;
    let rows = shelf.portal.rows(deal);
    assert_eq!(
        rows[0]["PRODUCT_ID"].to_string().trim_matches('"'),
        id.to_string()
    );
    assert_eq!(rows[0]["PRODUCT_NAME"], "Чайник");
}

#[tokio::test]
async fn a_product_gets_its_calls_while_orders_fill_all_of_the_portal_s_limit() {
    let shelf = Shelf::idle(sandbox::Options::default()).await;
    let orders: Vec<_> = (0..200)
        .map(|number| order(&number.to_string(), "17"))
        .collect();
    shelf.send(&orders).await;
    shelf.send(&[saved("1", kettle("17"))]).await;
    // An order a wave, of two calls or more: all of them take twenty seconds.
    let slow = Rate {
        per_second: 20.0,
        burst: 20,
    };
    shelf.work_with(shelf.client_at(slow), 1);
    shelf
        .until("in the catalogue", async |shelf| {
            !shelf.with_code("main:17").is_empty()
        })
        .await;
    let wait = "SELECT count(*) FROM bridge.orders WHERE due_at IS NOT NULL";
    assert!(shelf.count(wait).await > 0, "orders still fill the limit");
}

#[tokio::test]
async fn barcode_and_properties_go_where_the_portal_has_a_property_for_them() {
    let shelf = Shelf::idle(sandbox::Options::default()).await;
    let blocks = shelf.ask("catalog.catalog.list", json!({})).await;
    let blocks = blocks["catalogs"].as_array().unwrap();
    let block = blocks.iter().find(|row| row["productIblockId"].is_null());
    let block = block.unwrap()["iblockId"].clone();
    let mut names = BTreeMap::new();
    for (code, kind) in [("BARCODE", "S"), ("COLOUR", "S"), ("BRAND", "L")] {
        let fields = json!({"iblockId": block, "name": code, "code": code, "propertyType": kind});
        let made = json!({ "fields": fields });
        let made = shelf.ask("catalog.productProperty.add", made).await;
        names.insert(code, format!("property{}", made["productProperty"]["id"]));
    }
    let mut told = kettle("1");
    told["barcode"] = json!(["4600000000017", "4600000000024"]);
    told["properties"] = json!({"colour": "red", "BRAND": "Acme", "UNHEARD_OF": "x"});
    shelf.send(&[saved("1", told.clone())]).await;
    shelf.work();
    shelf.quiet().await;
    let made = &shelf.with_code("main:1")[0];
    let value = |made: &Value, code: &str| made[&names[code]]["value"].clone();
    assert_eq!(value(made, "BARCODE"), "4600000000017");
    assert_eq!(value(made, "COLOUR"), "red");
    // A list holds ids of the portal's own.
    assert_eq!(value(made, "BRAND"), Value::Null);
    // What is there already is not written again, also when nobody knows that it was written.
    let lost = "UPDATE bridge.subjects SET known = '{}', done_at = NULL, due_at = now(), \
                waits_since = now()";
    sqlx::query(lost).execute(&shelf.db.pool).await.unwrap();
    shelf.quiet().await;
    let written = |shelf: &Shelf| {
        let methods = shelf.portal.stats().methods;
        methods.get("catalog.product.update").copied().unwrap_or(0)
    };
    assert_eq!(written(&shelf), 0);
    told["properties"]["colour"] = json!("blue");
    shelf.send(&[saved("2", told)]).await;
    shelf.quiet().await;
    assert_eq!(written(&shelf), 1);
    assert_eq!(value(&shelf.with_code("main:1")[0], "COLOUR"), "blue");
    assert!(shelf.letters().await.is_empty());
}

#[tokio::test]
async fn variations_are_sold_in_place_of_their_product_and_what_is_gone_is_withdrawn() {
    let shelf = Shelf::new(sandbox::Options::default()).await;
    let mut shirt = kettle("20");
    shirt["variations"] = json!([
        {"id": "21", "sku": "M", "name": "Чайник красный",
         "prices": [{"price": 700, "currency": "RUB"}]},
        {"id": "22", "name": "Чайник синий"}]);
    shelf.send(&[saved("1", shirt.clone())]).await;
    shelf.quiet().await;
    assert_eq!(shelf.with_code("main:20")[0]["type"], 3);
    let red = &shelf.with_code("main:20#21")[0];
    let parent = shelf.with_code("main:20")[0]["id"].to_string();
    assert_eq!(red["parentId"]["value"], parent);
    let links = "SELECT count(*) FROM bridge.links WHERE entity = 'product'";
    assert_eq!(shelf.count(links).await, 2);
    // One is gone, then all.
    shirt["variations"].as_array_mut().unwrap().pop();
    shelf.send(&[saved("2", shirt)]).await;
    shelf.quiet().await;
    assert_eq!(shelf.with_code("main:20#22")[0]["active"], "N");
    assert_eq!(shelf.with_code("main:20#21")[0]["active"], "Y");
    let mut gone = saved("3", json!({"id": "20"}));
    gone["type"] = json!("shop.product.deleted.v1");
    shelf.send(&[gone]).await;
    shelf.quiet().await;
    for code in ["main:20", "main:20#21", "main:20#22"] {
        assert_eq!(shelf.with_code(code)[0]["active"], "N", "{code}");
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_makes_no_second_product() {
    for fault in [Fault::LostAnswer, Fault::Late, Fault::GatewayTimeout] {
        let late = Faults {
            late_ms: 200,
            ..Faults::default()
        };
        let shelf = Shelf::idle(sandbox::Options::default().faults(late)).await;
        shelf
            .portal
            .fail_next(fault, 1, Some("catalog.product.add"));
        shelf
            .send(&[saved("1", kettle("1")), saved("2", kettle("2"))])
            .await;
        shelf.work();
        shelf.quiet().await;
        for code in ["main:1", "main:2"] {
            assert_eq!(shelf.with_code(code).len(), 1, "{fault:?} {code}");
        }
        assert!(shelf.letters().await.is_empty());
    }
}

#[tokio::test]
async fn without_the_right_products_wait_and_no_letter_is_written_and_orders_go_on() {
    let options = sandbox::Options {
        catalog_rights: CatalogRights::View,
        ..sandbox::Options::default()
    };
    let shelf = Shelf::new(options).await;
    shelf.send(&[saved("1", kettle("1"))]).await;
    let told = "SELECT count(*) FROM bridge.troubles WHERE code = 'CAT-NO-RIGHT'";
    shelf
        .until("told", async |shelf| shelf.count(told).await == 1)
        .await;
    shelf.send(&[order("100", "1")]).await;
    shelf
        .until("ordered", async |shelf| shelf.portal.deals().len() == 1)
        .await;
    assert!(shelf.letters().await.is_empty());
    assert_eq!(shelf.count(WAITS).await, 1);
    assert!(shelf.portal.products().is_empty());
}

#[tokio::test]
async fn the_newest_state_wins_in_whatever_order_they_come() {
    let shelf = Shelf::idle(sandbox::Options::default()).await;
    let state = |event: &str, version: u32, name: &str| {
        let mut data = kettle("1");
        (data["version"], data["name"]) = (json!(version), json!(name));
        saved(event, data)
    };
    shelf
        .send(&[state("a", 2, "новый"), state("b", 1, "старый")])
        .await;
    shelf.work();
    shelf.quiet().await;
    assert_eq!(shelf.with_code("main:1")[0]["name"], "новый");
    let other = state("a", 3, "другой");
    assert_eq!(shelf.send(&[other]).await, [Accepted::Conflict]);
}

#[tokio::test]
async fn what_was_typed_by_hand_is_adopted_by_its_article_and_what_is_doubtful_waits_for_a_person()
{
    let shelf = Shelf::idle(sandbox::Options::default()).await;
    let blocks = shelf.ask("catalog.catalog.list", json!({})).await;
    let blocks = blocks["catalogs"].as_array().unwrap().clone();
    let block = blocks
        .iter()
        .find(|row| row["productIblockId"].is_null())
        .unwrap()["iblockId"]
        .clone();
    let properties = json!({"filter": {"iblockId": block}});
    let properties = shelf.ask("catalog.productProperty.list", properties).await;
    let article = format!("property{}", properties["productProperties"][0]["id"]);
    for sku in ["K-1", "K-2", "K-2"] {
        let fields = json!({"iblockId": block, "name": "От руки", &article: sku});
        shelf
            .ask("catalog.product.add", json!({ "fields": fields }))
            .await;
    }
    let events: Vec<Value> = ["1", "2", "3"].map(|id| saved(id, kettle(id))).to_vec();
    shelf.send(&events).await;
    let plan = [
        ProductAction::Adopt,
        ProductAction::Doubtful,
        ProductAction::Add,
    ];
    assert_eq!(shelf.plan().await, plan);
    assert_eq!(shelf.portal.products().len(), 3, "a plan writes nothing");
    shelf.work();
    shelf.quiet().await;
    let plan = [
        ProductAction::Skip,
        ProductAction::Doubtful,
        ProductAction::Skip,
    ];
    assert_eq!(shelf.plan().await, plan);
    let adopted = shelf.with_code("main:1");
    assert_eq!(adopted[0]["name"], "Чайник");
    assert_eq!(shelf.portal.products().len(), 4, "one more, for the third");
    let letters = shelf.letters().await;
    assert_eq!(letters.len(), 1);
    assert_eq!(letters[0].0, "CAT-TWO-MATCHES", "{letters:?}");
    // A newer state of it closes the letter by itself.
    let mut mended = kettle("2");
    mended["sku"] = json!("K-22");
    shelf.send(&[saved("4", mended)]).await;
    shelf.quiet().await;
    assert!(shelf.letters().await.is_empty());
    assert_eq!(shelf.with_code("main:2").len(), 1);
}

#[tokio::test]
async fn products_of_a_shop_without_a_catalogue_are_refused() {
    let db = Database::new().await;
    let app = app_with(&db.pool, &["main"], Registry::default());
    let sent = app
        .intake
        .accept_events(Some(&main_shop()), &[saved("1", kettle("1"))])
        .await
        .unwrap();
    let Accepted::Invalid(faults) = &sent[0] else {
        panic!("{sent:?}");
    };
    assert_eq!(faults[0].pointer, "/type");
}

//! What 1C counts, in the stock whose master it is.

use super::world::{event, settings_of};
use crate::support::{database::Database, provider};
use b24_bridge::{
    app::{
        App, Registry,
        stock::{OddUnit, ReceiptKey, UnclearCount},
    },
    config::Config,
    domain::{ErrorCode, ShopName},
    storage::onec::goods::{self, CountRow},
};
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const BASE: &str = concat!(
    "\n[onec.ut]\nshops = [\"main\"]\n[onec.ut.users.exchange]\n",
    "password_hash = \"$argon2id$v=19$m=19456,t=2,p=1$4o0FLKhbl6xhPS0abKQ9Ow$",
    "MyczqfEi9H/TQZ8hgfZOBZtdkw3CcHtnCzi3rbPf1ic\"\n",
);

struct Bridge {
    db: Database,
    app: App,
}

impl Bridge {
    async fn new() -> Self {
        provider();
        let db = Database::new().await;
        let settings = settings_of("onec").tables(BASE);
        let config = Config::parse(&settings.to_string(), &BTreeMap::new()).unwrap();
        let registry = Registry {
            shops: config.shop_rules(),
            sources: config.sources(),
            portals: config.portals.keys().cloned().collect(),
            bases: config.bases(),
            ..Registry::default()
        };
        let app = App::new(db.pool.clone(), registry).with_stocks(config.stocks.clone());
        app.stock.configure_stocks().await.unwrap().unwrap();
        Self { db, app }
    }

    /// Puts something into the database that no file of the test says.
    async fn store(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.db.pool).await.unwrap();
    }

    async fn tell(&self, kind: &str, data: Value) {
        let shop = ShopName::parse("main").unwrap();
        let events = [event(kind, data)];
        let taken = self.app.intake.accept_events(Some(&shop), &events).await;
        taken.unwrap();
    }

    /// A file of 1C that was formed so many minutes ago is taken in.
    async fn file(&self, warehouse: &str, quantity: i32, minutes: i64) {
        let counts = "INSERT INTO bridge.onec_counts AS c
                          (base, product, store, quantity, formed_at, touched_at)
                      VALUES ('ut', 'guid-1', $1, $2, $3, now())
                      ON CONFLICT (base, product, store) DO UPDATE
                      SET quantity = excluded.quantity, formed_at = excluded.formed_at
                      WHERE c.formed_at <= excluded.formed_at";
        sqlx::query(counts)
            .bind(warehouse)
            .bind(quantity)
            .bind(Utc::now() - TimeDelta::minutes(minutes))
            .execute(&self.db.pool)
            .await
            .unwrap();
    }

    /// How many lines the stock takes; then everything that waited is applied.
    async fn take(&self) -> usize {
        let stock = self.app.stock.stocks()[0].clone();
        let taken = self.app.stock.take_counts_of_onec(&stock).await.unwrap();
        self.app.stock.apply_counts("main").await.unwrap();
        let first = ReceiptKey::default();
        self.app.stock.replay_receipts(&first).await.unwrap();
        taken
    }

    async fn on_hand(&self, product: &str) -> Vec<String> {
        let levels = self.app.stock.levels_of("main", product).await.unwrap();
        levels.into_iter().map(|level| level.on_hand).collect()
    }
}

/// Two pieces, sold so many minutes ago.
fn sold(receipt: &str, minutes: i64) -> Value {
    let line = json!({ "product_id": "guid-1", "quantity": 2, "price": "10" });
    json!({ "receipt": receipt, "till": "T", "store": "a", "kind": "sale", "currency": "RUB",
        "total": "20", "lines": [line],
        "closed_at": (Utc::now() - TimeDelta::minutes(minutes)).to_rfc3339() })
}

#[tokio::test]
async fn what_1c_counts_reaches_the_stock_however_late_and_later_sales_are_laid_on_top() {
    let bridge = Bridge::new().await;
    // Nobody knows the product yet: the sales wait for it.
    bridge.tell("pos.receipt.saved.v1", sold("R1", 50)).await;
    bridge.tell("pos.receipt.saved.v1", sold("R2", 30)).await;
    bridge.file("A-1", 10, 40).await;
    bridge.file("a warehouse of nobody", 99, 40).await;
    assert_eq!(bridge.take().await, 1);
    assert_eq!(
        bridge.on_hand("guid-1").await,
        ["8"],
        "one of the sales was in the count"
    );
    assert_eq!(bridge.take().await, 0, "a count is taken once");
    bridge.file("A-1", 5, 20).await;
    bridge.file("A-1", 77, 60).await;
    assert_eq!(bridge.take().await, 1);
    assert_eq!(bridge.on_hand("guid-1").await, ["5"]);
    let stock = bridge.app.stock.stocks()[0].clone();
    let foreign = bridge.app.stock.foreign_warehouses(&stock).await.unwrap();
    let foreign: Vec<_> = foreign.iter().map(|one| (&*one.id, one.products)).collect();
    assert_eq!(foreign, [("a warehouse of nobody", 1)]);
    let ledger = bridge
        .app
        .stock
        .stock_ledger("main", "guid-1")
        .await
        .unwrap();
    let first = &ledger[0].text;
    assert!(
        first.starts_with("counted by the 1C base ut (count "),
        "{first}"
    );
    assert!(
        first.ends_with(": 10 at that time, 10 with what moved later"),
        "{first}"
    );
    let checked = bridge.app.stock.check_stock("main").await.unwrap();
    assert!(checked.unproved.is_empty(), "{checked:?}");
}

#[tokio::test]
async fn a_figure_that_a_newer_file_repeats_is_a_count_of_that_time() {
    let bridge = Bridge::new().await;
    bridge.file("A-1", 10, 60).await;
    assert_eq!(bridge.take().await, 1);
    bridge.tell("pos.receipt.saved.v1", sold("R1", 50)).await;
    assert_eq!(bridge.take().await, 0);
    assert_eq!(bridge.on_hand("guid-1").await, ["8"]);
    // Somebody has put two back on the shelf: there are ten again, and 1C says so.
    let again = "INSERT INTO bridge.onec_products (base, id, formed_at, touched_at)
                 VALUES ('ut', 'guid-1', now(), now());
                 UPDATE bridge.onec_counts SET channel = 4;
                 INSERT INTO bridge.onec_repeats
                     (base, channel, first, last, formed_at, touched_at)
                 SELECT base, 4, number, number, now() - interval '40 minutes', now()
                 FROM bridge.onec_products";
    bridge.store(again).await;
    assert_eq!(bridge.take().await, 1);
    assert_eq!(bridge.on_hand("guid-1").await, ["10"]);
    assert_eq!(bridge.take().await, 0, "a count is taken once");
}

#[tokio::test]
async fn a_product_that_the_shop_has_named_is_counted_by_its_id_in_1c() {
    let bridge = Bridge::new().await;
    let article =
        "INSERT INTO bridge.onec_products (base, id, sku, barcodes, formed_at, touched_at)
                   VALUES ('ut', 'guid-1', 'K-17', '{4600000000017}', now(), now());
                   INSERT INTO bridge.stock_product_keys (stock, kind, value, product)
                   VALUES ('main', 'product_id', '4711', '4711'), ('main', 'sku', 'K-17', '4711')";
    bridge.store(article).await;
    bridge.file("A-1", 3, 5).await;
    assert_eq!(bridge.take().await, 1);
    assert_eq!(bridge.on_hand("4711").await, ["3"]);
    assert!(bridge.on_hand("guid-1").await.is_empty());
}

#[tokio::test]
async fn what_1c_counts_of_an_article_of_two_products_is_neither_s_and_is_told() {
    let bridge = Bridge::new().await;
    let article =
        "INSERT INTO bridge.onec_products (base, id, sku, barcodes, formed_at, touched_at)
                   VALUES ('ut', 'guid-1', 'K-17', '{}', now(), now());
                   INSERT INTO bridge.stock_product_keys (stock, kind, value, product)
                   VALUES ('main', 'product_id', '4711', '4711'), ('main', 'sku', 'K-17', '4711'),
                          ('main', 'product_id', '4712', '4712'), ('main', 'sku', 'K-17', '4712')";
    bridge.store(article).await;
    let told = || async {
        let stock = bridge.app.stock.stocks()[0].clone();
        let unclear = bridge.app.stock.unclear_counts(&stock).await.unwrap();
        let text = |one: UnclearCount| format!("{}: {}, {}", one.id, one.name, one.products);
        unclear.into_iter().map(text).collect::<Vec<_>>()
    };
    assert_eq!(told().await, [""; 0]);
    bridge.file("A-1", 3, 5).await;
    assert_eq!(bridge.take().await, 1);
    assert_eq!(bridge.on_hand("guid-1").await, ["3"]);
    assert!(bridge.on_hand("4711").await.is_empty());
    assert_eq!(told().await, ["guid-1: K-17, 4711, 4712"]);
    let stock = bridge.app.stock.stocks()[0].clone();
    let faults = bridge.app.stock.count_faults(&stock).await.unwrap();
    assert_eq!(faults.len(), 1, "{faults:?}");
    assert_eq!(faults[0].code, ErrorCode::UnknownProduct);
    assert_eq!(faults[0].products, ["guid-1"]);
    let end = "other products: guid-1 (`K-17`: 4711, 4712)";
    assert!(faults[0].sentence.ends_with(end), "{faults:?}");
    let mended = "DELETE FROM bridge.stock_product_keys WHERE kind = 'sku'";
    bridge.store(mended).await;
    assert_eq!(told().await, [""; 0]);
}

#[tokio::test]
async fn grams_are_not_taken_from_what_1c_counts_in_kilograms() {
    let bridge = Bridge::new().await;
    let goods = r#"INSERT INTO bridge.onec_bases (base) VALUES ('ut');
                   INSERT INTO bridge.onec_products (base, id, product, formed_at, touched_at)
                   VALUES ('ut', 'guid-1', '{"unit": "166"}', now(), now())"#;
    bridge.store(goods).await;
    bridge.file("A-1", 10, 40).await;
    assert_eq!(bridge.take().await, 1);
    for (receipt, unit) in [("R1", "г"), ("R2", "кг")] {
        let mut sold = sold(receipt, 20);
        sold["lines"][0]["unit"] = json!(unit);
        bridge.tell("pos.receipt.saved.v1", sold).await;
    }
    assert_eq!(
        bridge.on_hand("guid-1").await,
        ["8"],
        "two kilograms were sold"
    );
    let parked = "SELECT receipt FROM bridge.receipts WHERE parked <> '[]'";
    let parked: Vec<String> = sqlx::query_scalar(parked)
        .fetch_all(&bridge.db.pool)
        .await
        .unwrap();
    assert_eq!(parked, ["R1"]);
    let odd = || async {
        let stock = bridge.app.stock.stocks()[0].clone();
        let odd = bridge.app.stock.odd_units(&stock).await.unwrap();
        let text = |one: OddUnit| format!("{}: {}, {}", one.product, one.onec, one.shop);
        odd.into_iter().map(text).collect::<Vec<_>>()
    };
    for (unit, found) in [("килограмм", vec![]), ("г", vec!["guid-1: 166, г"])] {
        let say = "INSERT INTO bridge.subjects AS s (shop, key, kind, portal, body)
                   VALUES ('main', 'product:guid-1', 'product', 'main',
                           jsonb_build_object('data', jsonb_build_object('unit', $1::text)))
                   ON CONFLICT (shop, key) DO UPDATE SET body = excluded.body";
        let say = sqlx::query(say).bind(unit);
        say.execute(&bridge.db.pool).await.unwrap();
        assert_eq!(odd().await, found, "{unit}");
    }
    // What 1C counts in kilograms is no number of grams: the line waits until it is one.
    bridge.file("A-1", 77, 5).await;
    assert_eq!(bridge.take().await, 0);
    assert_eq!(
        bridge.on_hand("guid-1").await,
        ["6"],
        "the receipt in grams is posted, the count is not"
    );
    bridge.file("A-1", 78, 4).await;
    assert_eq!(bridge.take().await, 0, "nor is a newer one");
    let mended = r#"UPDATE bridge.onec_products SET product = '{"unit": "163"}'"#;
    bridge.store(mended).await;
    assert_eq!(bridge.take().await, 1);
    assert_eq!(bridge.on_hand("guid-1").await, ["78"]);
    assert_eq!(odd().await, [""; 0]);
}

#[test]
fn a_stock_that_no_base_or_two_would_count_is_refused_at_the_start() {
    let parse = |tables: &str| {
        let settings = settings_of("onec").tables(tables);
        let parsed = Config::parse(&settings.to_string(), &BTreeMap::new());
        parsed.err().map(|error| error.to_string())
    };
    assert_eq!(parse(BASE), None);
    let second = BASE
        .replace("onec.ut", "onec.retail")
        .replace("main", "other");
    for (tables, count) in [(String::new(), 0), (format!("{BASE}{second}"), 2)] {
        let said = parse(&tables).unwrap();
        let words = format!("1C is to count, and {count} bases have shops of this stock");
        assert!(said.contains(&words), "{said}");
    }
}

#[tokio::test]
async fn of_two_files_of_one_second_the_later_counts_though_the_first_was_taken() {
    let bridge = Bridge::new().await;
    let at = Utc::now() - TimeDelta::minutes(5);
    for (quantity, on_hand) in [(10, "10"), (7, "7"), (10, "10")] {
        let row = CountRow {
            product: "guid-1".to_owned(),
            store: "A-1".to_owned(),
            quantity: quantity.into(),
        };
        let mut db = bridge.db.pool.acquire().await.unwrap();
        goods::counts(&mut db, "ut", at, &[(&row, None)])
            .await
            .unwrap();
        drop(db);
        assert_eq!(bridge.take().await, 1, "{quantity}");
        assert_eq!(bridge.on_hand("guid-1").await, [on_hand]);
    }
    assert_eq!(bridge.take().await, 0);
}

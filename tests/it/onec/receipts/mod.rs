//! Receipts of tills as documents of a base: each once, its newest version, and what 1C says of it.

#[expect(clippy::disallowed_methods, reason = "1C's own clock")]
mod counts;

use super::world::{World, order};
use b24_bridge::{
    app::{
        Actor,
        stock::{ReceiptFilter, ReceiptInOneC},
    },
    domain::ShopName,
    sandbox::onec::{Act, OneC},
    worker::{Retention, prune},
};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const STOCK: &str = r#"
[stock.main]
shops = ["main"]
master = "bridge"
[[stock.main.stores]]
name = "a"
"#;
pub(super) const TABLES: &str = r#"
[onec.trade.export]
number_prefix = "A-"
receipts = "documents"
[stock.main]
shops = ["main"]
master = "bridge"
[[stock.main.stores]]
name = "a"
"#;

async fn world() -> World {
    World::with("", TABLES).await
}

impl World {
    /// A till of the shop sells, or takes back.
    pub(super) async fn sell(&self, data: Value) {
        self.post("pos.receipt.saved.v1", data).await;
    }
}

pub(super) fn sale(receipt: &str) -> Value {
    json!({
        "receipt": receipt, "till": "centre", "store": "a", "kind": "sale", "shift": "12",
        "version": 1, "closed_at": "2026-01-15T10:00:00+03:00", "currency": "RUB",
        "total": "350.01",
        "lines": [
            { "sku": "TEA", "name": "Чай", "quantity": "0.333", "sum": "100.01", "vat_rate": 20 },
            { "sku": "CUP", "name": "Чашка", "quantity": 2, "price": "125", "sum": "250.00" },
        ],
        "payments": [{ "kind": "cash", "sum": "100" }, { "kind": "card", "sum": "250.01" }],
    })
}

fn edited(mut receipt: Value, version: i64) -> Value {
    receipt["version"] = json!(version);
    receipt["total"] = json!("300.01");
    receipt["lines"][1]["sum"] = json!("200.00");
    receipt["payments"] = json!([{ "kind": "card", "sum": "300.01" }]);
    receipt
}

fn annulled(mut receipt: Value, version: i64) -> Value {
    receipt["version"] = json!(version);
    receipt["cancelled"] = json!(true);
    receipt
}

/// Where the receipts stand in the base, the newest change first.
pub(super) async fn documents(world: &World) -> Vec<ReceiptInOneC> {
    let filter = ReceiptFilter::default();
    let all = world.site.app.stock.receipts(&filter, 100).await.unwrap();
    let unknown = ReceiptInOneC {
        base: String::new(),
        number: None,
        onec_number: None,
        confirmed_at: None,
        waits: true,
        held: None,
        undone: false,
    };
    let all = all.into_iter().map(|one| one.onec);
    all.map(|one| one.unwrap_or_else(|| unknown.clone()))
        .collect()
}

async fn fetch(base: &mut OneC) -> usize {
    base.fetch_orders().await.unwrap().orders
}

/// Begins a session, and asks once.
async fn ask(base: &mut OneC) -> Vec<String> {
    base.sign_in("sale").await.unwrap();
    base.init("sale").await.unwrap();
    base.query().await.unwrap()
}

/// Whether nothing of a file is refused.
fn is_taken(said: &[String]) -> bool {
    let first = said.first().map(String::as_str);
    first == Some("success") && said.iter().all(|line| !line.contains("ONEC-"))
}

async fn count(world: &World, what: &str) -> i64 {
    let sql = format!("SELECT count(*) FROM {what}");
    let sql = sqlx::AssertSqlSafe(sql);
    sqlx::query_scalar(sql)
        .fetch_one(&world.db.pool)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_receipt_goes_once_like_a_paid_and_shipped_order_in_every_version() {
    let world = world().await;
    for (nth, version) in [None, Some("2.05"), Some("2.09"), Some("2.10"), Some("3.1")]
        .into_iter()
        .enumerate()
    {
        world.sell(sale(&format!("R{nth}"))).await;
        let mut base = world.base();
        base.exchange.version = version.map(str::to_owned);
        assert_eq!(fetch(&mut base).await, 1, "{version:?}");
        let kept = base.orders.values().next().unwrap();
        assert!(kept.number.starts_with(&format!("A-ЧЕК-R{nth}-")));
        assert_eq!((&*kept.operation, &kept.basis), ("Заказ товара", &None));
        assert_eq!(kept.total, Decimal::new(35_001, 2));
        assert_eq!(kept.buyer, "Розничный покупатель");
        assert_eq!(kept.lines.len(), 2);
        for (name, value) in [
            ("Заказ оплачен", "true"),
            ("Касса", "centre"),
            ("Номер смены", "12"),
            ("Метод оплаты", "Наличные, Банковская карта"),
        ] {
            let found = kept.requisites.get(name).map(String::as_str);
            assert_eq!(found, Some(value), "{name}");
        }
        let documents = match version {
            Some("2.10" | "3.1") => vec![
                "Выплата наличных денег",
                "Эквайринговая операция",
                "Отпуск товара",
            ],
            _ => Vec::new(),
        };
        assert_eq!(kept.documents, documents, "{version:?}");
        assert_eq!(fetch(&mut base).await, 0, "{version:?}");
    }
    assert!(documents(&world).await[0].confirmed_at.is_some());
    assert_eq!(count(&world, "bridge.orders").await, 0, "it is no order");
}

#[tokio::test]
async fn a_session_that_dies_confirms_no_receipt_and_a_repeated_success_changes_nothing() {
    let world = world().await;
    world.sell(sale("R1")).await;
    let mut base = world.base_of("2.09");
    let first = ask(&mut base).await;
    assert_eq!(first.len(), 1);
    // It dies. The next one gets the same again, and the till edits the receipt meanwhile.
    assert_eq!(ask(&mut base).await, first);
    world.sell(edited(sale("R1"), 2)).await;
    base.success().await.unwrap();
    base.success().await.unwrap();
    world.site.app.onec.onec_report().await.unwrap();
    assert!(documents(&world).await[0].waits, "the edit goes on waiting");
    assert_eq!(fetch(&mut base).await, 1);
    let kept = base.orders.values().next().unwrap();
    assert_eq!(kept.total, Decimal::new(30_001, 2));
    assert_eq!((base.orders.len(), kept.times), (1, 3));
    assert_eq!(fetch(&mut base).await, 0);
    base.success().await.unwrap();
    // The same again from the till is no news.
    world.sell(edited(sale("R1"), 2)).await;
    assert_eq!(fetch(&mut base).await, 0);
}

#[tokio::test]
async fn an_annulled_receipt_is_marked_for_deletion_where_1c_may_have_it_and_never_comes_else() {
    let world = world().await;
    world.sell(sale("R1")).await;
    world.sell(annulled(sale("R1"), 2)).await;
    let mut base = world.base_of("3.1");
    assert_eq!(fetch(&mut base).await, 0);
    let why = documents(&world).await[0].held.clone();
    assert_eq!(
        why.as_deref(),
        Some("it was annulled before it went to the base")
    );
    world.sell(sale("R2")).await;
    assert_eq!(fetch(&mut base).await, 1);
    // The session of another died: nobody knows whether it has this one.
    world.sell(sale("R3")).await;
    assert_eq!(ask(&mut base).await.len(), 1);
    for receipt in ["R2", "R3"] {
        world.sell(annulled(sale(receipt), 2)).await;
    }
    assert_eq!(fetch(&mut base).await, 2);
    assert_eq!(base.orders.len(), 2);
    for kept in base.orders.values() {
        assert!(kept.deleted && kept.requisites["Отменен"] == "true");
    }
    assert_eq!(fetch(&mut base).await, 0);
}

#[tokio::test]
async fn a_refund_is_a_return_of_its_own_that_names_its_sale() {
    let world = world().await;
    world.sell(sale("R1")).await;
    let mut refund = sale("R2");
    refund["kind"] = json!("refund");
    refund["of"] = json!("R1");
    world.sell(refund.clone()).await;
    refund["receipt"] = json!("R3");
    refund["of"] = Value::Null;
    world.sell(refund).await;
    for version in ["2.09", "3.1"] {
        let mut base = world.base_of(version);
        assert_eq!(ask(&mut base).await.len(), 3);
        let of = |receipt: &str| {
            let begin = format!("A-ЧЕК-{receipt}-");
            let mut all = base.orders.values();
            all.find(|kept| kept.number.starts_with(&begin)).unwrap()
        };
        let (sold, back, other) = (of("R1"), of("R2"), of("R3"));
        assert_eq!(back.operation, "Возврат товара");
        assert_eq!(back.basis.as_ref(), Some(&sold.id));
        assert_eq!(back.total, sold.total);
        assert_eq!((&*other.operation, &other.basis), ("Возврат товара", &None));
        assert!(!back.requisites.contains_key("Заказ оплачен"));
        assert!(!back.documents.contains(&"Отпуск товара".to_owned()));
    }
}

#[tokio::test]
async fn the_pick_up_of_an_order_goes_as_the_order_alone() {
    let world = world().await;
    let mut pick_up = sale("R1");
    pick_up["number"] = json!("77");
    world.sell(pick_up).await;
    let mut base = world.base_of("2.09");
    assert_eq!(fetch(&mut base).await, 0);
    let report = world.site.app.onec.onec_report().await.unwrap();
    assert_eq!(report[0].refused_orders[0].number, "receipt:centre/R1");
    // The shop sends the order at last.
    world.save(order("77", 1)).await;
    assert_eq!(fetch(&mut base).await, 1);
    assert!(base.order("A-77").is_some());
    let report = world.site.app.onec.onec_report().await.unwrap();
    assert_eq!((report[0].refused, report[0].held), (0, 1));
    // A sale that turns out to be a pick-up is taken back.
    world.sell(sale("R2")).await;
    assert_eq!(fetch(&mut base).await, 1);
    let mut late = sale("R2");
    late["version"] = json!(2);
    late["number"] = json!("77");
    world.sell(late).await;
    assert_eq!(fetch(&mut base).await, 1);
    let gone = base.orders.values().filter(|kept| kept.deleted).count();
    assert_eq!((base.orders.len(), gone), (2, 1));
    // What comes back of it is a return of the order's goods.
    let mut refund = sale("R3");
    refund["kind"] = json!("refund");
    refund["of"] = json!("R2");
    world.sell(refund).await;
    assert_eq!(fetch(&mut base).await, 1);
    let order = base.order("A-77").unwrap().id.clone();
    let mut all = base.orders.values();
    assert!(all.any(|kept| kept.basis.as_ref() == Some(&order)));
}

#[tokio::test]
async fn what_1c_says_of_a_receipt_is_kept_with_it_and_makes_no_order() {
    for version in ["2.09", "3.1"] {
        let create = "[onec.trade.import]\ncreate_orders = true\n";
        let world = World::with("", &format!("{TABLES}{create}")).await;
        world.sell(sale("R1")).await;
        let mut refund = sale("R2");
        refund["kind"] = json!("refund");
        refund["of"] = json!("R1");
        world.sell(refund).await;
        let mut base = world.base_of(version);
        assert_eq!(fetch(&mut base).await, 2);
        let numbers: Vec<String> = base.orders.values().map(|one| one.number.clone()).collect();
        for number in &numbers {
            base.act(number, Act::Status("Закрыт".to_owned())).unwrap();
            base.act(number, Act::Pay(None)).unwrap();
        }
        let said = base.send_changes().await.unwrap().unwrap();
        assert!(is_taken(&said), "{said:?}");
        let known = documents(&world).await;
        let onec: Vec<_> = known
            .iter()
            .filter_map(|one| one.onec_number.clone())
            .collect();
        assert_eq!(onec.len(), 2, "{known:?}");
        assert!(onec.iter().all(|number| number.starts_with("ТД-A-ЧЕК-")));
        for number in &numbers {
            base.act(number, Act::Cancel).unwrap();
        }
        let said = base.send_changes().await.unwrap().unwrap();
        assert!(is_taken(&said), "{said:?}");
        assert!(documents(&world).await.iter().all(|one| one.undone));
        assert_eq!(fetch(&mut base).await, 0, "the till's word stands");
        for nothing in ["bridge.orders", "bridge.onec_births", "bridge.onec_facts"] {
            assert_eq!(count(&world, nothing).await, 0, "{nothing}");
        }
        let open = "bridge.onec_documents WHERE state NOT IN ('applied', 'overtaken')";
        assert_eq!(count(&world, open).await, 0);
    }
}

#[tokio::test]
async fn a_look_names_nothing_and_a_person_can_have_a_receipt_sent_again() {
    let world = world().await;
    world.sell(sale("R1")).await;
    let app = &world.site.app;
    let base = app.onec.onec_base("trade").unwrap().clone();
    let mut look = app.onec.preview_onec_query(&base, None).await.unwrap();
    while look.part().await.unwrap().is_some() {}
    assert_eq!(look.orders(), 1);
    assert_eq!(documents(&world).await[0].number, None);
    let mut onec = world.base_of("2.09");
    assert_eq!(fetch(&mut onec).await, 1);
    let shop = ShopName::parse("main").unwrap();
    let who = Actor::new("anna");
    let again = app.onec.onec_resend(&shop, "receipt:centre/R1", &who);
    assert!(again.await.unwrap().is_some());
    assert_eq!(fetch(&mut onec).await, 1);
    assert_eq!(onec.orders.values().next().unwrap().times, 2);
}

#[tokio::test]
async fn receipts_from_before_they_went_to_1c_go_only_when_they_change() {
    let world = World::with("", STOCK).await;
    world.sell(sale("R1")).await;
    let mut base = world.base_of("2.09");
    assert_eq!(fetch(&mut base).await, 0, "they do not go by default");
    let whole = world.another("", TABLES).await;
    let problems = whole.app.onec.check_onec_bases().await.unwrap();
    assert_eq!(problems[0].key, "onec.trade.export.since");
    let since = TABLES.replace("receipts =", "since = \"now\"\nreceipts =");
    let later = world.another("", &since).await;
    assert!(later.app.onec.check_onec_bases().await.unwrap().is_empty());
    base.exchange.address = format!("{}/exchange/1c/trade", later.url);
    assert_eq!(fetch(&mut base).await, 0);
    // A late batch of before, and what is sold from now on.
    world.sell(sale("R2")).await;
    let mut new = sale("R3");
    let now = "SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')";
    let now: String = sqlx::query_scalar(now)
        .fetch_one(&world.db.pool)
        .await
        .unwrap();
    new["closed_at"] = json!(now);
    world.sell(new).await;
    assert_eq!(fetch(&mut base).await, 1);
    world.sell(edited(sale("R1"), 2)).await;
    assert_eq!(fetch(&mut base).await, 1);
    // Switched off, even what changes stays; switched on again, it goes.
    base.exchange.address = format!("{}/exchange/1c/trade", world.site.url);
    world.sell(annulled(sale("R1"), 3)).await;
    assert_eq!(fetch(&mut base).await, 0);
    base.exchange.address = format!("{}/exchange/1c/trade", later.url);
    assert_eq!(fetch(&mut base).await, 1);
    assert_eq!(base.orders.len(), 2);
}

#[tokio::test]
async fn what_a_receipt_says_is_forgotten_only_when_1c_has_it() {
    let world = world().await;
    world.sell(sale("R1")).await;
    world.site.app.onec.onec_report().await.unwrap();
    let old = "UPDATE bridge.receipts SET changed_at = now() - interval '2 days'";
    sqlx::query(old).execute(&world.db.pool).await.unwrap();
    let retention = Retention {
        timeline: Duration::from_hours(24),
        ..Retention::default()
    };
    let kept = "bridge.receipts WHERE body <> '{}'";
    prune(
        &world.site.app.operations,
        &retention,
        &CancellationToken::new(),
    )
    .await
    .unwrap();
    assert_eq!(count(&world, kept).await, 1);
    let mut base = world.base_of("2.09");
    assert_eq!(fetch(&mut base).await, 1);
    prune(
        &world.site.app.operations,
        &retention,
        &CancellationToken::new(),
    )
    .await
    .unwrap();
    assert_eq!(count(&world, kept).await, 0);
    // It is gone with all that it said; that it was annulled can be told still.
    let mut gone = annulled(sale("R1"), 2);
    gone["lines"] = json!([]);
    world.sell(gone).await;
    assert_eq!(fetch(&mut base).await, 1);
    assert!(base.orders.values().next().unwrap().deleted);
}

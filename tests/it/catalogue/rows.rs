//! Rows of deals that were made before their products were in the catalogue.

use super::{Shelf, kettle, main_shop, order, saved};
use b24_bridge::sandbox;
use serde_json::{Value, json};

const UNLINKED: &str = "SELECT count(*) FROM bridge.unlinked_rows";
const DUE: &str = "SELECT count(*) FROM bridge.orders WHERE due_at IS NOT NULL";

impl Shelf {
    /// A deal of an order whose product nobody has told of yet.
    async fn ordered_before(product: &str) -> (Self, u64) {
        let shelf = Self::new(sandbox::Options::default()).await;
        shelf.send(&[order("100", product)]).await;
        shelf.at_rest().await;
        let deal = shelf.portal.deals()[0]["ID"].as_str().unwrap().parse();
        let deal = deal.unwrap();
        assert_eq!(shelf.products_of(deal), ["0"]);
        assert_eq!(shelf.count(UNLINKED).await, 1);
        (shelf, deal)
    }

    /// Until no order is under way.
    async fn at_rest(&self) {
        let idle = "SELECT count(*) FROM bridge.orders WHERE due_at IS NULL";
        self.until("at rest", async |shelf| {
            shelf.count(idle).await == 1 && shelf.count(DUE).await == 0
        })
        .await;
    }

    /// The product comes; until the order has been looked at.
    async fn told(&self, product: &str) {
        self.send(&[saved("1", kettle(product))]).await;
        self.quiet().await;
        self.until("looked at", async |shelf| shelf.count(UNLINKED).await == 0)
            .await;
        self.at_rest().await;
    }

    fn products_of(&self, deal: u64) -> Vec<String> {
        let rows = self.portal.rows(deal).into_iter();
        rows.map(|row| row["PRODUCT_ID"].to_string().replace('"', ""))
            .collect()
    }

    fn linked(&self) -> u64 {
        let methods = self.portal.stats().methods;
        let linked = methods.get("crm.item.productrow.update");
        linked.copied().unwrap_or(0)
    }

    /// How often the order's life says this.
    async fn says(&self, kind: &str) -> i64 {
        let of = "SELECT count(*) FROM bridge.timeline WHERE number = '100'";
        self.count(&format!("{of} AND what::text LIKE '%{kind}%'"))
            .await
    }
}

#[tokio::test]
async fn a_product_that_comes_after_its_order_is_linked_to_the_deal_s_row_once() {
    let (shelf, deal) = Shelf::ordered_before("17").await;
    let before = shelf.portal.rows(deal);
    shelf.told("17").await;
    let product = shelf.with_code("main:17")[0]["id"].to_string();
    assert_eq!(shelf.products_of(deal), std::slice::from_ref(&product));
    assert_eq!(shelf.linked(), 1);
    let after = shelf.portal.rows(deal);
    for same in [
        "ID",
        "PRODUCT_NAME",
        "PRICE",
        "QUANTITY",
        "TAX_RATE",
        "SORT",
    ] {
        assert_eq!(before[0][same], after[0][same], "{same}");
    }
    assert_eq!(shelf.portal.deals()[0]["OPPORTUNITY"], "990.50");
    // A process that died before it woke the order: it is looked at again, and nothing is written.
    let again = "INSERT INTO bridge.unlinked_rows VALUES ('main', 'main/17', 'main', '100')";
    sqlx::query(again).execute(&shelf.db.pool).await.unwrap();
    shelf.app.delivery.wake_all_linked().await.unwrap();
    assert_eq!(shelf.count(UNLINKED).await, 0);
    shelf.at_rest().await;
    assert_eq!(
        (shelf.linked(), shelf.products_of(deal)),
        (1, vec![product])
    );
    assert!(shelf.letters().await.is_empty());
}

#[tokio::test]
async fn rows_that_a_manager_changed_are_never_linked() {
    let (shelf, deal) = Shelf::ordered_before("17").await;
    let row = shelf.portal.rows(deal)[0]["ID"].clone();
    let row: u64 = row.as_str().unwrap().parse().unwrap();
    let fields = json!({"productName": "Чайник, синий", "price": 990.5, "quantity": 1});
    let change = json!({"id": row, "fields": fields});
    shelf.ask("crm.item.productrow.update", change).await;
    let theirs: Vec<Value> = shelf.portal.rows(deal);
    let before = shelf.linked();
    shelf.told("17").await;
    assert_eq!(shelf.portal.rows(deal), theirs);
    assert_eq!(shelf.linked(), before);
    assert!(shelf.says("rows_not_ours").await > 0);
    // Another word of the shop about the order, which is not about its rows, changes nothing.
    let mut paid = order("100", "17");
    (paid["id"], paid["data"]["version"]) = (json!("order-100-2"), json!(2));
    paid["data"]["comment"] = json!("позвонить");
    shelf.send(&[paid]).await;
    shelf.at_rest().await;
    assert_eq!(shelf.portal.rows(deal), theirs);
}

#[tokio::test]
async fn the_rows_of_a_closed_deal_stay_as_they_are() {
    let (shelf, deal) = Shelf::ordered_before("17").await;
    assert!(shelf.portal.move_deal(deal, "WON"));
    shelf.told("17").await;
    assert_eq!(
        (shelf.products_of(deal), shelf.linked()),
        (vec!["0".to_owned()], 0)
    );
}

#[tokio::test]
async fn a_product_that_was_deleted_by_hand_is_made_again_when_all_are_sent() {
    let shelf = Shelf::new(sandbox::Options::default()).await;
    let events = [saved("1", kettle("17")), saved("2", kettle("18"))];
    shelf.send(&events).await;
    shelf.quiet().await;
    let deleted = shelf.with_code("main:17")[0]["id"].clone();
    let kept = shelf.with_code("main:18");
    shelf
        .ask("catalog.product.delete", json!({ "id": deleted }))
        .await;
    assert!(shelf.with_code("main:17").is_empty());
    let who = b24_bridge::app::Actor::new("cli");
    let count = shelf.app.catalogue.sync_all(&main_shop(), &who).await;
    assert_eq!(count.unwrap(), 2);
    shelf.quiet().await;
    let made = shelf.with_code("main:17");
    assert_eq!(made.len(), 1, "{made:?}");
    assert_ne!(made[0]["id"], deleted);
    assert_eq!(
        shelf.with_code("main:18"),
        kept,
        "what is there is not written"
    );
}

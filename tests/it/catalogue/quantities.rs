//! What can be sold, shown with the products of the portal's catalogue.

use super::{Shelf, kettle, saved};
use b24_bridge::{app::Accepted, config::Config, sandbox};
use chrono::Utc;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const SETTINGS: &str = r#"
[portals.main]
webhook_url = "http://127.0.0.1:9/rest/1/none/"
[shops.main]
portal = "main"
api_keys = ["shop-key-0123456789"]
[[shops.main.statuses]]
status = "N"
stage = "NEW"
[shops.main.catalogue]
[stock.main]
shops = ["main"]
master = "shop"
portal = "quantity"
[[stock.main.stores]]
name = "a"
[[stock.main.stores]]
name = "b"
rank = 1
"#;

impl Shelf {
    /// A shop whose stock is shown in its portal.
    async fn with_stock(portal: sandbox::Options) -> Self {
        let mut shelf = Self::idle(portal).await;
        let config = Config::parse(SETTINGS, &BTreeMap::new()).unwrap();
        shelf.app = shelf.app.clone().with_stocks(config.stocks);
        shelf.app.stock.configure_stocks().await.unwrap().unwrap();
        shelf.work();
        shelf
    }

    /// So much came into a store, or went.
    #[expect(clippy::disallowed_methods, reason = "the shop's own clock")]
    async fn moved(&self, id: &str, store: &str, product: &str, quantity: &str) {
        let moves = json!([{ "line": "1", "product": product, "quantity": quantity }]);
        let event = json!({ "specversion": "1.0", "type": "shop.stock.moved.v1",
            "source": "/shops/main", "id": id, "time": Utc::now(),
            "data": { "store": store, "moves": moves } });
        assert_eq!(self.send(&[event]).await, [Accepted::Queued]);
    }

    async fn shows(&self, code: &str, quantity: f64) {
        self.until(&format!("{code} shown with {quantity}"), async |shelf| {
            let found = shelf.with_code(code);
            found.len() == 1 && found[0]["quantity"].as_f64() == Some(quantity)
        })
        .await;
    }

    /// What was written into the catalogue.
    fn writes(&self) -> usize {
        let calls = self.portal.calls();
        let commands = calls.iter().flat_map(|call| &call.commands);
        commands
            .filter(|method| method.ends_with(".update"))
            .count()
    }
}

fn with_sizes(id: &str) -> Value {
    let mut product = kettle(id);
    product["variations"] = json!([
        { "id": "small", "name": "Чайник, 1 л" },
        { "id": "large", "name": "Чайник, 2 л" }
    ]);
    product
}

#[tokio::test]
async fn a_product_shows_what_can_be_sold_of_it_and_only_changed_figures_are_written() {
    let shelf = Shelf::with_stock(sandbox::Options::default()).await;
    shelf.moved("m1", "a", "1", "5").await;
    shelf
        .send(&[saved("1", kettle("1")), saved("2", kettle("2"))])
        .await;
    shelf.shows("main:1", 5.0).await;
    shelf.moved("m2", "b", "1", "2.5").await;
    shelf.shows("main:1", 7.5).await;
    shelf.moved("m3", "a", "1", "-9").await;
    shelf.shows("main:1", 0.0).await;
    // Of what nobody has counted nothing is said.
    assert_eq!(shelf.with_code("main:2").len(), 1);
    assert!(
        shelf.with_code("main:2")[0]["quantity"]
            .as_f64()
            .unwrap_or_default()
            .abs()
            < 0.001
    );
    // What comes to the same is not written again.
    shelf.quiet().await;
    let before = shelf.writes();
    shelf.moved("m4", "a", "1", "-1").await;
    shelf.moved("m5", "a", "2", "3").await;
    shelf.shows("main:2", 3.0).await;
    shelf.quiet().await;
    assert_eq!(shelf.writes(), before + 1);
}

#[tokio::test]
async fn a_variation_shows_its_own_figure() {
    let shelf = Shelf::with_stock(sandbox::Options::default()).await;
    shelf.send(&[saved("1", with_sizes("1"))]).await;
    shelf
        .until("there", async |shelf| shelf.portal.products().len() == 3)
        .await;
    shelf.quiet().await;
    shelf.moved("m1", "a", "large", "4").await;
    shelf
        .until("shown", async |shelf| {
            let all = shelf.portal.products().into_iter();
            let shown = all.filter_map(|one| one["quantity"].as_f64());
            let shown: Vec<_> = shown.filter(|quantity| *quantity > 0.0).collect();
            shown.len() == 1 && (shown[0] - 4.0).abs() < 0.001
        })
        .await;
}

#[tokio::test]
async fn where_the_portal_keeps_stock_itself_no_quantity_is_written_and_all_else_is() {
    let portal = sandbox::Options {
        inventory: true,
        ..sandbox::Options::default()
    };
    let shelf = Shelf::with_stock(portal).await;
    shelf.moved("m1", "a", "1", "5").await;
    shelf.send(&[saved("1", kettle("1"))]).await;
    shelf
        .until("there", async |shelf| shelf.with_code("main:1").len() == 1)
        .await;
    shelf.moved("m2", "a", "1", "5").await;
    shelf.quiet().await;
    let sent = shelf.portal.calls();
    let sent = sent.iter().flat_map(|call| &call.commands);
    assert_eq!(
        sent.filter(|method| *method == "catalog.product.update")
            .count(),
        0
    );
    assert!(shelf.letters().await.is_empty());
}

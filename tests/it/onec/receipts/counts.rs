//! What the base counts that gets the receipts: it holds those that it had been given by then.

use super::{World, fetch};
use crate::onec::world::order;
use chrono::{DateTime, TimeDelta, Utc};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};

fn tables(counts_mean: &str) -> String {
    super::TABLES.replace(
        "master = \"bridge\"",
        &format!("master = \"onec\"\ncounts_mean = \"{counts_mean}\""),
    )
}

async fn world(counts_mean: &str) -> World {
    let world = World::with("", &tables(counts_mean)).await;
    // From now on the base gets receipts.
    fetch(&mut world.base()).await;
    world
}

/// So many pieces, sold or brought back so many minutes ago.
fn receipt(id: &str, version: i64, quantity: i64, minutes: i64) -> Value {
    let lines = json!([{ "product_id": "guid-1", "name": "Чашка", "quantity": quantity,
        "price": "10" }]);
    json!({ "receipt": id, "till": "T", "store": "a", "kind": "sale", "version": version,
        "currency": "RUB", "total": 10 * quantity, "lines": lines,
        "payments": [{ "kind": "cash", "sum": 10 * quantity }],
        "closed_at": (Utc::now() - TimeDelta::minutes(minutes)).to_rfc3339() })
}

impl World {
    /// 1C has counted in a file that it made at that time; what is on hand then.
    async fn counted(&self, quantity: i64, at: DateTime<Utc>) -> String {
        let counts = "INSERT INTO bridge.onec_counts
                          (base, product, store, quantity, formed_at, touched_at)
                      VALUES ('trade', 'guid-1', 'a', $1, $2, now())
                      ON CONFLICT (base, product, store) DO UPDATE
                      SET quantity = excluded.quantity, formed_at = excluded.formed_at";
        let counts = sqlx::query(counts).bind(quantity).bind(at);
        counts.execute(&self.db.pool).await.unwrap();
        let stock = &self.site.app.stock;
        let of = stock.stocks()[0].clone();
        assert_eq!(stock.take_counts_of_onec(&of).await.unwrap(), 1);
        stock.apply_counts("main").await.unwrap();
        self.on_hand().await
    }

    async fn on_hand(&self) -> String {
        let stock = &self.site.app.stock;
        let checked = stock.check_stock("main").await.unwrap();
        assert!(checked.unproved.is_empty(), "{checked:?}");
        let levels = stock.levels_of("main", "guid-1").await.unwrap();
        levels[0].on_hand.clone()
    }

    async fn sold(&self, receipt: Value) -> String {
        self.sell(receipt).await;
        self.on_hand().await
    }
}

#[tokio::test]
async fn a_count_of_1c_holds_the_receipts_that_it_had_confirmed_and_no_others() {
    let world = world("on_hand").await;
    let mut base = world.base();
    assert_eq!(world.counted(10, Utc::now()).await, "10");
    let late = receipt("R1", 1, 2, 30);
    assert_eq!(
        world.sold(late).await,
        "8",
        "1C could not know of it, however early it was closed"
    );
    assert_eq!(world.counted(10, Utc::now()).await, "8", "nor does it now");
    let before = Utc::now();
    assert_eq!(fetch(&mut base).await, 1);
    assert_eq!(
        world.counted(10, before).await,
        "8",
        "a file that was made before 1C had it"
    );
    assert_eq!(world.counted(8, Utc::now()).await, "8", "now 1C has it");
    // Each version is given by itself.
    assert_eq!(world.sold(receipt("R1", 2, 3, 30)).await, "7");
    assert_eq!(
        world.counted(8, Utc::now()).await,
        "7",
        "it knows of two pieces"
    );
    assert_eq!(fetch(&mut base).await, 1);
    assert_eq!(world.counted(7, Utc::now()).await, "7");
    // One that was annulled before it went is in no count, and needs not be.
    assert_eq!(world.sold(receipt("R2", 1, 1, 30)).await, "6");
    let mut annulled = receipt("R2", 2, 1, 30);
    annulled["cancelled"] = json!(true);
    assert_eq!(world.sold(annulled).await, "7");
    assert_eq!(world.counted(7, Utc::now()).await, "7");
    assert_eq!(fetch(&mut base).await, 0);
    assert_eq!(world.counted(7, Utc::now()).await, "7");
}

#[tokio::test]
async fn a_receipt_that_does_not_go_to_1c_counts_by_its_time() {
    let world = world("on_hand").await;
    let mut base = world.base();
    assert_eq!(world.counted(10, Utc::now()).await, "10");
    let mut held = receipt("R1", 1, 2, 30);
    held["number"] = json!("nobody's");
    assert_eq!(
        world.sold(held).await,
        "8",
        "nobody has looked yet whether it goes"
    );
    assert_eq!(fetch(&mut base).await, 0);
    assert_eq!(
        world.counted(10, Utc::now()).await,
        "10",
        "who counts has been told by others"
    );
    // Of a shop whose receipts do not go there it is so from the beginning.
    let silent = tables("on_hand").replace("receipts = \"documents\"", "receipts = \"none\"");
    world.another("", &silent).await;
    assert_eq!(world.sold(receipt("R2", 1, 1, 30)).await, "10");
}

#[tokio::test]
async fn what_1c_can_sell_is_counted_without_what_is_held_for_orders_that_it_has() {
    let world = world("available").await;
    assert_eq!(world.counted(10, Utc::now()).await, "10");
    let url = format!("{}/v1/reservations/main/cart", world.site.url);
    let body = json!({ "number": "A-1", "lines": [{ "line": "1", "product": "guid-1",
        "quantity": 2 }] });
    let put = world.client.put(url).json(&body);
    let put = put.bearer_auth(crate::support::settings::KEY).send().await;
    assert_eq!(put.unwrap().status(), 200);
    assert_eq!(
        world.counted(10, Utc::now()).await,
        "10",
        "1C has taken nothing off for an order of which it does not know"
    );
    world.save(order("A-1", 1)).await;
    let before = Utc::now();
    assert_eq!(fetch(&mut world.base()).await, 1);
    assert_eq!(world.counted(10, before).await, "10");
    assert_eq!(world.counted(8, Utc::now()).await, "10", "it has, now");
}

/// A receipt of the shelf: its version, how much it takes, and how much 1C was given.
#[derive(Debug, Clone, Default)]
struct Sold {
    version: i64,
    takes: i64,
    given: i64,
    minutes: i64,
}

#[tokio::test]
async fn whatever_is_sold_changed_given_and_counted_in_whatever_order_what_lies_there_is_on_hand() {
    const OPENING: i64 = 100;
    let world = world("on_hand").await;
    let mut base = world.base();
    let mut chance = StdRng::seed_from_u64(7);
    let mut sold = vec![Sold::default(); 6];
    let mut story = Vec::new();
    // What 1C would have counted, and when.
    let mut figures = Vec::new();
    let mut last = None;
    world.counted(OPENING, Utc::now()).await;
    for _ in 0..60 {
        let believes = |sold: &[Sold]| OPENING - sold.iter().map(|one| one.given).sum::<i64>();
        match chance.random_range(0..8) {
            0..=3 => {
                let nth = chance.random_range(0..sold.len());
                let one = &mut sold[nth];
                one.version += 1;
                if one.version == 1 {
                    one.minutes = chance.random_range(0..60);
                }
                let quantity = chance.random_range(1..4);
                let cancelled = chance.random_range(0..3) == 0;
                one.takes = if cancelled { 0 } else { quantity };
                let key = format!("R{nth}");
                let mut said = receipt(&key, one.version, quantity, one.minutes);
                said["cancelled"] = json!(cancelled);
                story.push(format!("{nth}: {one:?}"));
                world.sell(said).await;
            }
            4 => {
                story.push("given".to_owned());
                fetch(&mut base).await;
                for one in &mut sold {
                    one.given = one.takes;
                }
            }
            5 | 6 => {
                let figure = believes(&sold);
                story.push(format!("counted {figure}"));
                world.counted(figure, Utc::now()).await;
            }
            _ => {
                let nth = chance.random_range(0..=figures.len());
                // A file that comes twice is taken once.
                let file = figures.get(nth).copied().filter(|file| last != Some(*file));
                if let Some((at, figure)) = file {
                    last = file;
                    story.push(format!("counted {figure} of {at}"));
                    world.counted(figure, at).await;
                }
            }
        }
        figures.push((Utc::now(), believes(&sold)));
        let lies = OPENING - sold.iter().map(|one| one.takes).sum::<i64>();
        assert_eq!(world.on_hand().await, lies.to_string(), "{story:#?}");
    }
}

//! Random histories of orders that are edited, cancelled and taken up again while parts of them
//! leave: by calls, by what 1C says it has shipped, by their statuses. Each piece leaves once, and
//! what is left of an order is held for it while it is open.

use super::{figures::whole, number};
use crate::{
    stock::world::{event, serve, settings},
    support::shop,
};
use b24_bridge::{
    app::{
        Accepted, App, Registry, SyncRules,
        stock::{ReservationAnswer, Reserved},
    },
    config::Config,
    domain::{Finality, Policy, ShopName},
    stock::Shipment,
    storage::ReservationState as State,
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::{collections::BTreeMap, sync::Arc};

const OPENING: i64 = 100;
const STEPS: usize = 9;

/// An order, as its shop says it last.
#[derive(Debug, Default)]
struct Said {
    /// Whether it is open: its goods are held.
    open: bool,
    wants: BTreeMap<String, i64>,
}

struct History<'a> {
    app: &'a App,
    pool: &'a PgPool,
    shop: ShopName,
    name: String,
    chance: StdRng,
    version: i64,
    said: Said,
    /// What 1C has shipped, all shipments together.
    onecs: BTreeMap<String, i64>,
    /// What is off the shelf.
    left: BTreeMap<String, i64>,
    log: Vec<String>,
}

impl History<'_> {
    async fn run(mut self) {
        let products = self.products();
        let line =
            |product: &String| json!({ "line": product, "product": product, "quantity": OPENING });
        let moves: Vec<Value> = products.iter().map(line).collect();
        self.tell(
            "shop.stock.moved.v1",
            json!({ "store": "a", "moves": moves }),
        )
        .await;
        for _ in 0..STEPS {
            match self.chance.random_range(0..9) {
                0..=4 => self.saved().await,
                5 | 6 => self.called().await,
                _ => self.shipped_by_onec().await,
            }
            self.agree().await;
        }
    }

    fn products(&self) -> [String; 2] {
        [0, 1].map(|nth| format!("{}-{nth}", self.name))
    }

    async fn tell(&self, kind: &str, data: Value) {
        let message = event(kind, data);
        let messages = [message.clone(), message];
        let taken = self.app.intake.accept_events(Some(&self.shop), &messages);
        // Said twice, it counts once.
        assert_eq!(
            taken.await.unwrap(),
            [Accepted::Queued, Accepted::Duplicate]
        );
    }

    /// The shop sends the order: with other goods, in another status.
    async fn saved(&mut self) {
        let (status, cancelled) = [
            ("N", false),
            ("N", false),
            ("N", false),
            ("P", false),
            ("X", false),
            ("C", false),
            ("N", true),
        ][self.chance.random_range(0..7)];
        let mut wants = BTreeMap::new();
        for product in self.products() {
            if wants.is_empty() || self.chance.random_range(0..3) > 0 {
                wants.insert(product, self.chance.random_range(1..=4));
            }
        }
        let item = |(product, quantity): (&String, &i64)| {
            let named = json!({ "product_id": product, "name": product });
            with(with(named, "quantity", *quantity), "price", 1)
        };
        let items: Vec<Value> = wants.iter().map(item).collect();
        self.version += 1;
        let order = json!({ "number": self.name, "version": self.version, "status": status,
            "cancelled": cancelled, "paid": self.chance.random_range(0..3) == 0,
            "currency": "RUB", "total": 10, "items": items });
        self.log.push(format!("saved {order}"));
        self.tell("shop.order.saved.v1", order).await;
        if status == "P" {
            self.leaves(&wants);
        }
        let open = status == "N" && !cancelled;
        self.said = Said { open, wants };
    }

    /// Somebody says how much has left of each product in all.
    fn leaves(&mut self, goods: &BTreeMap<String, i64>) {
        for (product, quantity) in goods {
            let left = self.left.entry(product.clone()).or_default();
            *left = (*left).max(*quantity);
        }
    }

    /// The shop ships a part of a line by a call.
    async fn called(&mut self) {
        let Some(known) = self.reservation().await else {
            return;
        };
        let nth = self.chance.random_range(0..known.lines.len());
        let line = &known.lines[nth];
        let quantity = self.chance.random_range(1..=2);
        let shipment = format!("s-{}", self.chance.random::<u32>());
        let body = json!({ "shipment": shipment,
            "lines": [{ "line": line.line, "quantity": quantity }] });
        self.log.push(format!("ship {body}"));
        let shipment = Shipment::read(&body).unwrap();
        let ship = async || {
            let ship = self.app.stock.ship(&self.shop, &self.name, &shipment);
            ship.await.unwrap()
        };
        let answer = ship().await;
        if !matches!(answer, ReservationAnswer::Reserved(_)) {
            return;
        }
        assert_eq!(ship().await, answer, "{}", self.story());
        let left = self.left.get(&line.product).copied().unwrap_or_default();
        let now = OPENING - self.level(&line.product).await.0;
        // Either it had left by another's word, or it leaves now.
        assert!(now == left || now == left + quantity, "{}", self.story());
        self.left.insert(line.product.clone(), now);
    }

    /// 1C tells again what it has shipped, and perhaps some more.
    async fn shipped_by_onec(&mut self) {
        for product in self.products() {
            let more = self.chance.random_range(0..3);
            *self.onecs.entry(product).or_default() += more;
        }
        let shipped = self.onecs.clone();
        let goods: BTreeMap<String, i64> = shipped.into_iter().filter(|(_, n)| *n > 0).collect();
        if goods.is_empty() || self.version == 0 {
            return;
        }
        self.log.push(format!("1C has shipped {goods:?}"));
        let (ids, quantities): (Vec<String>, Vec<i64>) =
            goods.iter().map(|(id, n)| (id.clone(), *n)).unzip();
        let ship =
            "SELECT bridge.stock_ship_of_onec('main', $1, 'trade', $2, $3::numeric[], now())";
        for turn in 0..2 {
            let ship = sqlx::query_scalar(ship).bind(&self.name).bind(&ids);
            let left: bool = ship.bind(&quantities).fetch_one(self.pool).await.unwrap();
            assert!(!left || turn == 0, "{}", self.story());
        }
        self.leaves(&goods);
    }

    async fn reservation(&self) -> Option<Reserved> {
        let answer = self.app.stock.reservation(&self.shop, &self.name);
        match answer.await.unwrap() {
            ReservationAnswer::Reserved(known) => Some(known),
            _ => None,
        }
    }

    /// On hand and reserved.
    async fn level(&self, product: &str) -> (i64, i64) {
        let names = [product.to_owned()];
        let levels = self.app.stock.stock_levels(&self.shop, &names);
        let levels = levels.await.unwrap().unwrap();
        (whole(&levels[0].on_hand), whole(&levels[0].reserved))
    }

    async fn agree(&self) {
        let state = self.reservation().await.map(|known| known.state);
        for product in self.products() {
            let left = self.left.get(&product).copied().unwrap_or_default();
            let wanted = self.said.wants.get(&product).copied().unwrap_or_default();
            let open = (wanted - left).max(0);
            let held = if state == Some(State::Held) {
                assert!(self.said.open, "held for nobody: {}", self.story());
                open
            } else {
                assert!(!self.said.open || open == 0, "not held: {}", self.story());
                0
            };
            let level = self.level(&product).await;
            assert_eq!(level, (OPENING - left, held), "{product}: {}", self.story());
        }
    }

    fn story(&self) -> String {
        format!("{}:\n{}", self.name, self.log.join("\n"))
    }
}

fn with(mut item: Value, name: &str, value: i64) -> Value {
    item[name] = json!(value);
    item
}

#[tokio::test(flavor = "multi_thread")]
async fn however_an_order_is_edited_while_parts_of_it_leave_each_piece_leaves_once() {
    let settings = settings()
        .text("stock.main.reserve_on", "placed")
        .set("stock.main.release_on", r#"["X"]"#)
        .set("stock.main.ship_on", r#"["P"]"#);
    let api = serve(&settings).await;
    let config = Config::parse(&settings.to_string(), &BTreeMap::new()).unwrap();
    let mut registry = Registry::default();
    // A status that only a cancelled order has, though no policy of the stock names it.
    let policy = Policy {
        finality: Finality {
            cancelled: vec!["C".to_owned()],
            ..Finality::default()
        },
        ..Policy::default()
    };
    let rules = SyncRules {
        policy,
        ..SyncRules::default()
    };
    let main = ShopName::parse("main").unwrap();
    registry.two_way.insert(main.clone(), Arc::new(rules));
    let app = shop::app_with(&api.db.pool, &["main", "other"], registry);
    let app = app.with_stocks(config.stocks);
    app.stock.configure_stocks().await.unwrap().unwrap();
    for nth in 0..number("STOCK_EDITS", 60) {
        let seed = number("STOCK_SEED", 1) * 1_000_000 + nth;
        let history = History {
            app: &app,
            pool: &api.db.pool,
            shop: main.clone(),
            name: format!("e{nth}"),
            chance: StdRng::seed_from_u64(seed),
            version: 0,
            said: Said::default(),
            onecs: BTreeMap::new(),
            left: BTreeMap::new(),
            log: Vec::new(),
        };
        history.run().await;
    }
    api.prove().await;
}

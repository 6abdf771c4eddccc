//! Random histories against a model: after every step levels are what the facts say, nothing was
//! promised that was not there, nothing was refused that could be had, and each piece left once.

mod deeds;
mod edits;
mod figures;
mod given;
mod model;
mod receipts;

use figures::{Expected, open, places_of, shipped_at, shipped_of, whole};

use super::world::{event, serve, settings};
use b24_bridge::{
    app::{
        Accepted, App,
        stock::{ReservationAnswer, Reserved},
    },
    domain::ShopName,
    stock::{Reservation, Shipment},
    storage::ReservationState as State,
};
use chrono::{DateTime, TimeDelta, Utc};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::collections::BTreeMap;
use tokio::task::JoinSet;

const STORES: [&str; 2] = ["a", "b"];
const STEPS: usize = 14;
const AT_ONCE: u64 = 6;

/// `STOCK_HISTORIES` makes them more, and `STOCK_PURE_HISTORIES` those without a database;
/// `STOCK_SEED` others.
#[expect(
    clippy::disallowed_methods,
    reason = "the size of this test is chosen by who runs it"
)]
fn number(name: &str, usual: u64) -> u64 {
    let said = std::env::var(name).ok();
    said.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_happens_in_whatever_order_the_ledger_the_levels_and_the_model_agree() {
    let histories = number("STOCK_HISTORIES", 150);
    let seed = number("STOCK_SEED", 1);
    for split in [false, true] {
        let api = serve(&settings().set("stock.main.split", split)).await;
        let mut tasks = JoinSet::new();
        for task in 0..AT_ONCE {
            let (app, pool) = (api.app.clone(), api.db.pool.clone());
            tasks.spawn(async move {
                for nth in (task..histories / 2).step_by(usize::try_from(AT_ONCE).unwrap()) {
                    let chance = StdRng::seed_from_u64(seed * 1_000_000 + nth);
                    let name = format!("h{nth}");
                    History::new(&app, &pool, name, chance, split).run().await;
                }
            });
        }
        while let Some(ended) = tasks.join_next().await {
            ended.unwrap();
        }
        api.prove().await;
    }
}

/// Product and store.
type Place = (String, String);

struct History<'a> {
    app: &'a App,
    pool: &'a PgPool,
    name: String,
    chance: StdRng,
    split: bool,
    shop: ShopName,
    began: DateTime<Utc>,
    /// Goods that came or went: place, quantity, when.
    facts: Vec<(Place, i64, DateTime<Utc>)>,
    /// Counts, in the order in which they came: place, quantity, as of.
    counts: Vec<(Place, i64, DateTime<Utc>)>,
    /// Reservations as last answered.
    known: BTreeMap<String, Reserved>,
    /// What every step was, for who has to find out.
    log: Vec<String>,
}

impl<'a> History<'a> {
    fn new(app: &'a App, pool: &'a PgPool, name: String, chance: StdRng, split: bool) -> Self {
        Self {
            app,
            pool,
            name,
            chance,
            split,
            shop: ShopName::parse("main").unwrap(),
            began: Utc::now(),
            facts: Vec::new(),
            counts: Vec::new(),
            known: BTreeMap::new(),
            log: Vec::new(),
        }
    }

    async fn run(mut self) {
        for nth in 0..4 {
            let product = format!("{}-{}", self.name, nth % 2);
            self.moved(product, 6).await;
        }
        for _ in 0..STEPS {
            match self.chance.random_range(0..12) {
                0..=4 => self.put().await,
                5 => self.ship(false).await,
                6 => self.ship(true).await,
                7 => self.release().await,
                8 => self.run_out().await,
                9 => self.counted().await,
                _ => {
                    let product = self.product();
                    self.moved(product, 3).await;
                }
            }
            self.agree().await;
        }
    }

    fn product(&mut self) -> String {
        format!("{}-{}", self.name, self.chance.random_range(0..2))
    }

    fn id(&mut self) -> String {
        format!("{}-{}", self.name, self.chance.random_range(0..3))
    }

    fn on_hand(&self, place: &Place) -> i64 {
        let of = |(at, ..): &&(Place, i64, DateTime<Utc>)| at == place;
        // Of two of the same time the later that came.
        let newest = self
            .counts
            .iter()
            .filter(of)
            .max_by_key(|(.., as_of)| *as_of);
        let (counted, since) = newest.map_or((0, DateTime::UNIX_EPOCH), |(_, q, at)| (*q, *at));
        let later = self.facts.iter().filter(of).filter(|(.., at)| *at > since);
        counted + later.map(|(_, quantity, _)| quantity).sum::<i64>()
    }

    fn reserved(&self, place: &Place) -> i64 {
        let held = self.known.values().filter(|it| it.state == State::Held);
        held.map(|known| open(known, place)).sum()
    }

    /// What the reservation of this id could have at a place, with what it holds itself.
    fn free(&self, place: &Place, id: &str) -> i64 {
        let own = self.known.get(id).filter(|it| it.state == State::Held);
        self.on_hand(place) - self.reserved(place) + own.map_or(0, |own| open(own, place))
    }

    async fn moved(&mut self, product: String, most: i64) {
        let place = (product, STORES[self.chance.random_range(0..2)].to_owned());
        let quantity = self.chance.random_range(-1..=most);
        let at = self.began - TimeDelta::minutes(1 + 2 * self.chance.random_range(0..50));
        let line = json!({ "line": "1", "product": place.0, "quantity": quantity, "at": at });
        self.log.push(format!("moved {line} in {}", place.1));
        self.tell(
            "shop.stock.moved.v1",
            json!({ "store": place.1, "moves": [line] }),
        )
        .await;
        self.facts.push((place, quantity, at));
    }

    async fn counted(&mut self) {
        let place = (
            self.product(),
            STORES[self.chance.random_range(0..2)].to_owned(),
        );
        let quantity = self.chance.random_range(-1..8);
        let as_of = self.began - TimeDelta::minutes(2 * self.chance.random_range(1..50));
        let count = json!({ "product": place.0, "quantity": quantity });
        self.log
            .push(format!("counted {count} in {} as of {as_of}", place.1));
        let data = json!({ "store": place.1, "as_of": as_of, "counts": [count] });
        self.tell("shop.stock.counted.v1", data).await;
        self.counts.push((place, quantity, as_of));
        let waits = "SELECT count(*) FROM bridge.stock_events e
                       JOIN bridge.stock_count_lines l ON l.event = e.id
                     WHERE e.done_at IS NULL AND l.product LIKE $1";
        loop {
            self.app.stock.apply_counts("main").await.unwrap();
            let waits = sqlx::query_scalar(waits).bind(format!("{}-%", self.name));
            let waits: i64 = waits.fetch_one(self.pool).await.unwrap();
            if waits == 0 {
                return;
            }
            tokio::task::yield_now().await;
        }
    }

    async fn tell(&self, kind: &str, data: Value) {
        let message = event(kind, data);
        // Said twice, it counts once.
        let messages = [message.clone(), message];
        let taken = self
            .app
            .intake
            .accept_events(Some(&self.shop), &messages)
            .await;
        assert_eq!(taken.unwrap(), [Accepted::Queued, Accepted::Duplicate]);
    }

    async fn put(&mut self) {
        let id = self.id();
        let lines = self.chance.random_range(1..=2);
        let pickup = self.chance.random_range(0..5) == 0;
        let mut body = json!({ "lines": [] });
        for line in 0..lines {
            let quantity = self.chance.random_range(1..5);
            let mut one = json!(
                { "line": line.to_string(), "product": self.product(), "quantity": quantity }
            );
            if self.chance.random_range(0..6) == 0 {
                one["store"] = json!(STORES[self.chance.random_range(0..2)]);
            }
            body["lines"].as_array_mut().unwrap().push(one);
        }
        if pickup {
            body["store"] = json!("a");
        }
        self.log.push(format!("put {id} {body}"));
        let wanted = Reservation::read(&body).unwrap();
        let answer = self
            .app
            .stock
            .reserve(&self.shop, &id, &wanted)
            .await
            .unwrap();
        match (self.expected(&id, &wanted), answer) {
            (Expected::AsItIs, ReservationAnswer::Reserved(reserved)) => {
                assert_eq!(Some(&reserved), self.known.get(&id), "{}", self.story());
            }
            (Expected::Held, ReservationAnswer::Reserved(reserved)) => {
                self.check(&id, &wanted, &reserved);
                self.known.insert(id, reserved);
            }
            (Expected::Short, ReservationAnswer::Short(_))
            | (Expected::Invalid, ReservationAnswer::Invalid { .. }) => {}
            (expected, answer) => panic!("{expected:?}, but {answer:?}: {}", self.story()),
        }
    }

    /// What a request is to come to, by trying every store.
    fn expected(&self, id: &str, wanted: &Reservation) -> Expected {
        let known = self.known.get(id);
        if known.is_some_and(|known| known.state == State::Shipped) {
            return Expected::AsItIs;
        }
        let shipped = known.map(shipped_of).unwrap_or_default();
        for (line, (product, quantity)) in &shipped {
            let same = wanted.lines.iter().find(|wanted| wanted.line == *line);
            let kept = same.is_some_and(|same| {
                same.product == *product && whole(&same.quantity.to_string()) >= *quantity
            });
            if *quantity > 0 && !kept {
                return Expected::Invalid;
            }
        }
        let mut places = BTreeMap::new();
        for product in wanted.lines.iter().map(|line| &line.product) {
            for store in STORES {
                let place = (product.clone(), store.to_owned());
                let free = self.free(&place, id);
                places.insert(place, free);
            }
        }
        let fits = STORES.iter().any(|store| {
            let mut left = places.clone();
            let free =
                |line: &&b24_bridge::stock::Line| wanted.store.is_none() && line.store.is_none();
            let mut lines: Vec<_> = wanted.lines.iter().collect();
            lines.sort_by_key(free);
            lines.into_iter().all(|line| {
                let had = shipped.get(&line.line).map_or(0, |(_, quantity)| *quantity);
                let need = whole(&line.quantity.to_string()) - had;
                let named = wanted.store.as_deref().or(line.store.as_deref());
                self.take(&mut left, &line.product, need, (named, store))
            })
        });
        if fits {
            Expected::Held
        } else {
            Expected::Short
        }
    }

    /// Takes what a line needs; with `split` from wherever there is some.
    fn take(
        &self,
        left: &mut BTreeMap<Place, i64>,
        product: &str,
        need: i64,
        (named, store): (Option<&str>, &str),
    ) -> bool {
        let at = |store: &str| (product.to_owned(), store.to_owned());
        if need == 0 {
            return true;
        }
        if self.split && named.is_none() {
            // Whole from the first that has it, else piece by piece: what others need of it is the
            // same either way only in sum.
            let whole = STORES.iter().find(|store| left[&at(store)] >= need);
            if let Some(store) = whole {
                *left.get_mut(&at(store)).unwrap() -= need;
                return true;
            }
            let mut need = need;
            for store in STORES {
                let free = left.get_mut(&at(store)).unwrap();
                let part = need.min((*free).max(0));
                *free -= part;
                need -= part;
            }
            return need == 0;
        }
        let free = left.get_mut(&at(named.unwrap_or(store))).unwrap();
        *free -= need;
        *free >= 0
    }

    /// What was held is what was wanted, from where it may be taken, and was there.
    fn check(&self, id: &str, wanted: &Reservation, reserved: &Reserved) {
        for line in &wanted.lines {
            let pieces = reserved
                .lines
                .iter()
                .filter(|piece| piece.line == line.line);
            let sum: i64 = pieces.map(|piece| whole(&piece.quantity)).sum();
            assert_eq!(sum, whole(&line.quantity.to_string()), "{}", self.story());
        }
        let before = self.known.get(id).map(shipped_of).unwrap_or_default();
        assert_eq!(
            shipped_of(reserved).values().map(|(_, q)| q).sum::<i64>(),
            before.values().map(|(_, q)| q).sum::<i64>()
        );
        for piece in &reserved.lines {
            let place = (piece.product.clone(), piece.store.clone());
            let needs = open(reserved, &place);
            let named = wanted.lines.iter().find(|line| line.line == piece.line);
            let named = wanted
                .store
                .as_deref()
                .or(named.and_then(|line| line.store.as_deref()));
            let fresh = whole(&piece.quantity) > whole(&piece.shipped);
            assert!(
                !fresh || named.is_none_or(|named| named == piece.store),
                "{}",
                self.story()
            );
            assert!(
                needs == 0 || needs <= self.free(&place, id),
                "{}",
                self.story()
            );
        }
    }

    async fn ship(&mut self, part: bool) {
        let id = self.id();
        let Some(known) = self.known.get(&id).cloned() else {
            return;
        };
        let mut body = json!({});
        let open: i64 = known
            .lines
            .iter()
            .filter(|l| l.line == "0")
            .map(|l| whole(&l.quantity) - whole(&l.shipped))
            .sum();
        if part {
            let quantity = self.chance.random_range(1..4);
            let shipment = self.chance.random::<u32>().to_string();
            body =
                json!({ "shipment": shipment, "lines": [{ "line": "0", "quantity": quantity }] });
        }
        self.log.push(format!("ship {id} {body}"));
        let shipment = Shipment::read(&body).unwrap();
        let answer = self
            .app
            .stock
            .ship(&self.shop, &id, &shipment)
            .await
            .unwrap();
        let wanted = if part {
            whole(&body["lines"][0]["quantity"].to_string())
        } else {
            0
        };
        let ReservationAnswer::Reserved(now) = answer else {
            let refused = !(known.state == State::Held || (known.state == State::Shipped && !part))
                || wanted > open;
            assert!(refused, "{answer:?}: {}", self.story());
            return;
        };
        // Named or whole, it leaves once however often it is said.
        let again = self
            .app
            .stock
            .ship(&self.shop, &id, &shipment)
            .await
            .unwrap();
        assert_eq!(
            again,
            ReservationAnswer::Reserved(now.clone()),
            "{}",
            self.story()
        );
        let left = Utc::now() + TimeDelta::hours(1);
        for place in places_of(&now) {
            let gone = shipped_at(&now, &place) - shipped_at(&known, &place);
            assert!(gone >= 0, "{}", self.story());
            if gone > 0 {
                self.facts.push((place, -gone, left));
            }
        }
        self.known.insert(id, now);
    }

    async fn release(&mut self) {
        let id = self.id();
        self.log.push(format!("release {id}"));
        match self.app.stock.release(&self.shop, &id).await.unwrap() {
            ReservationAnswer::Reserved(now) => {
                let before = &self.known[&id];
                let state = if before.state == State::Held {
                    State::Released
                } else {
                    before.state
                };
                assert_eq!(now.state, state, "{}", self.story());
                self.known.insert(id, now);
            }
            answer => {
                assert_eq!(answer, ReservationAnswer::Unknown);
                assert!(!self.known.contains_key(&id), "{}", self.story());
            }
        }
    }

    async fn run_out(&mut self) {
        let id = self.id();
        self.log.push(format!("run out {id}"));
        let over = "UPDATE bridge.reservations SET expires_at = now() - interval '1 second' WHERE \
                    id = $1 AND state = 'held'";
        let held = sqlx::query(over)
            .bind(&id)
            .execute(self.pool)
            .await
            .unwrap()
            .rows_affected()
            > 0;
        self.app.stock.expire_reservations().await.unwrap();
        let answer = self.app.stock.reservation(&self.shop, &id).await.unwrap();
        if let ReservationAnswer::Reserved(now) = answer {
            assert!(!held || now.state == State::Expired, "{}", self.story());
            self.known.insert(id, now);
        }
    }

    /// Levels are what the facts and the reservations say.
    async fn agree(&self) {
        let names = [0, 1].map(|nth| format!("{}-{nth}", self.name));
        let levels = self
            .app
            .stock
            .stock_levels(&self.shop, &names)
            .await
            .unwrap()
            .unwrap();
        for level in levels {
            let place = (level.product, level.store);
            let expected = (self.on_hand(&place), self.reserved(&place));
            let found = (whole(&level.on_hand), whole(&level.reserved));
            assert_eq!(found, expected, "{place:?}: {}", self.story());
        }
    }

    fn story(&self) -> String {
        format!(
            "{} (split {}):\n{}",
            self.name,
            self.split,
            self.log.join("\n")
        )
    }
}

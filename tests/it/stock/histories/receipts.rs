//! Histories with receipts, pick-ups, annulments, counts, calls and statuses, told to bridges that
//! share a database, lose their connections and are cut off in the middle of what they do.

use super::{
    super::world::{event, serve, settings},
    deeds::{Deed, Fate, STORES},
    model::{Asked, Model, Place, Receipt, State},
    number,
};
use crate::support::{api::Api, shop};
use b24_bridge::{
    app::{Accepted, App, stock::ReservationAnswer},
    config::Config,
    domain::ShopName,
    stock::{Reservation, Shipment},
    storage,
};
use chrono::{DateTime, TimeDelta, Utc};
use rand::RngExt as _;
use serde_json::{Value, json};
use sqlx::{PgPool, postgres::PgConnectOptions};
use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    str::FromStr as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::task::JoinSet;

const STEPS: usize = 16;
const AT_ONCE: u64 = 6;
const BRIDGES: usize = 3;
/// The role by which connections are known that may be cut off.
const CUT_OFF: &str = "bridge_to_be_cut_off";

#[tokio::test(flavor = "multi_thread")]
async fn bridges_that_are_cut_off_at_any_time_come_to_what_the_model_says() {
    let histories = number("STOCK_HISTORIES", 150);
    let seed = number("STOCK_SEED", 1) * 10_000_000;
    let settings = settings()
        .set("stock.main.ship_on", r#"["P"]"#)
        .tables("[[stock.main.rules]]\nthen = \"drop_newest_unpaid\"\n");
    let api = serve(&settings).await;
    let bridges = Arc::new(bridges(&api, &settings.to_string()).await);
    let over = Arc::new(AtomicBool::new(false));
    let killer = tokio::spawn(kill(api.db.pool.clone(), Arc::clone(&over)));
    let mut tasks = JoinSet::new();
    for task in 0..AT_ONCE {
        let (bridges, pool) = (Arc::clone(&bridges), api.db.pool.clone());
        tasks.spawn(async move {
            let mut done = Vec::new();
            for nth in (task..histories).step_by(usize::try_from(AT_ONCE).unwrap()) {
                let fate = Fate::new(format!("h{nth}"), seed + nth);
                let mut history = History::new(Arc::clone(&bridges), pool.clone(), fate);
                history.run().await;
                done.push(history);
            }
            done
        });
    }
    let mut all = Vec::new();
    while let Some(ended) = tasks.join_next().await {
        all.extend(ended.unwrap());
    }
    over.store(true, Ordering::Relaxed);
    let killed = killer.await.unwrap();
    assert!(killed > 0 || histories < 100, "nobody was cut off");
    api.prove().await;
    // What is short by now is decided: the newest lose, nobody else does.
    let stock = &bridges[0].stock;
    while stock.settle_shortages(&stock.stocks()[0]).await.unwrap() > 0 {}
    for history in &mut all {
        history.model.drop_newest(&history.fate.places());
        history.agree().await;
    }
    api.prove().await;
}

/// Bridges that have nothing in common but the database.
async fn bridges(api: &Api, settings: &str) -> Vec<App> {
    let role = format!(
        "DO $$ BEGIN CREATE ROLE {CUT_OFF} SUPERUSER LOGIN;
         EXCEPTION WHEN duplicate_object THEN NULL; END $$"
    );
    let role = sqlx::AssertSqlSafe(role);
    sqlx::raw_sql(role).execute(&api.db.pool).await.unwrap();
    let mut bridges = Vec::new();
    for _ in 0..BRIDGES {
        let options = PgConnectOptions::from_str(&api.db.url).unwrap();
        let options = options.username(CUT_OFF);
        let pool = storage::connect_with(options, 4).await.unwrap();
        let config = Config::parse(settings, &BTreeMap::new()).unwrap();
        let tills = config.till_settings();
        let app = shop::app(&pool, &["main", "other"]);
        bridges.push(app.with_stocks(config.stocks).with_tills(tills));
    }
    bridges
}

/// Ends connections of the bridges, one after the other, in the middle of what they do.
async fn kill(pool: PgPool, over: Arc<AtomicBool>) -> usize {
    let one = "SELECT count(pg_terminate_backend(pid)) FROM (
                   SELECT pid FROM pg_stat_activity
                   WHERE datname = current_database() AND state <> 'idle'
                     AND usename = $1
                   ORDER BY random() LIMIT 1) x";
    let mut killed = 0;
    while !over.load(Ordering::Relaxed) {
        let one = sqlx::query_scalar(one).bind(CUT_OFF);
        let count: i64 = one.fetch_one(&pool).await.unwrap();
        killed += usize::try_from(count).unwrap();
        // Not in step with anything: the last history has every cut to itself.
        let pause = rand::random_range(5..200);
        tokio::time::sleep(Duration::from_millis(pause)).await;
    }
    killed
}

struct History {
    bridges: Arc<Vec<App>>,
    /// A connection that nobody cuts.
    pool: PgPool,
    fate: Fate,
    model: Model,
    began: DateTime<Utc>,
    shop: ShopName,
    versions: i64,
    story: Vec<Deed>,
}

impl History {
    fn new(bridges: Arc<Vec<App>>, pool: PgPool, fate: Fate) -> Self {
        Self {
            bridges,
            pool,
            fate,
            model: Model::default(),
            began: Utc::now() - TimeDelta::minutes(120),
            shop: ShopName::parse("main").unwrap(),
            versions: 0,
            story: Vec::new(),
        }
    }

    async fn run(&mut self) {
        for deed in self.fate.opening() {
            self.both(deed).await;
        }
        for _ in 0..STEPS {
            let deed = self.fate.next(&self.model);
            self.both(deed).await;
            self.agree().await;
        }
    }

    /// Does it in the model and in the bridge.
    async fn both(&mut self, deed: Deed) {
        self.story.push(deed.clone());
        let expected = deed.tell(&mut self.model);
        let found = match &deed {
            Deed::Moved(place, quantity, at) => {
                let line = json!({ "line": "1", "product": place.0, "quantity": quantity,
                    "at": self.at(*at) });
                self.tell(
                    "shop.stock.moved.v1",
                    json!({ "store": place.1, "moves": [line] }),
                )
                .await;
                None
            }
            Deed::Counted(place, quantity, as_of) => {
                let count = json!({ "product": place.0, "quantity": quantity });
                let data = json!({ "store": place.1, "as_of": self.at(*as_of), "counts": [count] });
                self.tell("shop.stock.counted.v1", data).await;
                self.apply_counts(&place.0).await;
                None
            }
            Deed::Receipt(key, said) => {
                let data = self.receipt(key, said);
                self.tell("pos.receipt.saved.v1", data).await;
                None
            }
            Deed::Left {
                number,
                store,
                at,
                goods,
            } => {
                self.versions += 1;
                let id = format!("{number}-{}", self.versions);
                let mut order = shop::event(&id, number, self.versions);
                let item = |(product, quantity): (&String, &i64)| {
                    json!({ "name": product,
                    "product_id": product, "quantity": quantity, "price": "1.00" })
                };
                order["data"]["items"] = goods.iter().map(item).collect();
                order["data"]["status"] = json!("P");
                order["data"]["status_changed_at"] = json!(self.at(*at));
                if let Some(store) = store {
                    order["data"]["delivery"] = json!({ "store": store });
                }
                self.post(order).await;
                None
            }
            Deed::Put { id, number, lines } => Some(self.put(id, number.as_deref(), lines).await),
            Deed::Ship { id, part } => Some(self.ship(id, part.as_ref()).await),
            Deed::End(id, State::Expired) => Some(self.run_out(id).await),
            Deed::End(id, _) => {
                let (id, shop) = (id.clone(), self.shop.clone());
                let answer = self
                    .insist(|app| {
                        let (id, shop) = (id.clone(), shop.clone());
                        async move { app.stock.release(&shop, &id).await }
                    })
                    .await;
                Some(asked(&answer))
            }
        };
        assert_eq!(found, expected, "{:#?}", self.story);
    }

    fn at(&self, minute: i64) -> String {
        (self.began + TimeDelta::minutes(minute)).to_rfc3339()
    }

    fn receipt(&self, key: &str, said: &Receipt) -> Value {
        let line = |(product, quantity): (&String, &i64)| {
            json!({ "product_id": product,
            "quantity": quantity, "price": "1" })
        };
        let lines: Vec<_> = said.goods.iter().map(line).collect();
        json!({ "receipt": key, "till": "T", "store": said.store, "version": said.version,
            "kind": if said.refund { "refund" } else { "sale" }, "number": said.number,
            "cancelled": said.cancelled, "closed_at": self.at(said.at), "currency": "RUB",
            "total": said.goods.values().sum::<i64>().to_string(), "lines": lines })
    }

    /// Asks one bridge or the other until there is an answer.
    async fn insist<T, E, F>(&mut self, ask: impl Fn(App) -> F) -> T
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: std::fmt::Debug + Send + 'static,
    {
        self.insist_or_leave(false, ask).await
    }

    /// The same; who `leaves` goes away at times before the answer comes. What has no identity of
    /// its own might be done after what was asked later.
    async fn insist_or_leave<T, E, F>(&mut self, leaves: bool, ask: impl Fn(App) -> F) -> T
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: std::fmt::Debug + Send + 'static,
    {
        // On a machine with other work to do a connection is cut sooner than most answers come.
        for _ in 0..2_000 {
            let app = self.bridges[self.fate.chance.random_range(0..BRIDGES)].clone();
            let asked = tokio::spawn(ask(app));
            if leaves && self.fate.chance.random_range(0..6) == 0 {
                let micros = self.fate.chance.random_range(0..4_000);
                tokio::time::sleep(Duration::from_micros(micros)).await;
                asked.abort();
            }
            if let Ok(Ok(answer)) = asked.await {
                return answer;
            }
        }
        panic!("no answer: {:#?}", self.story);
    }

    async fn tell(&mut self, kind: &str, data: Value) {
        let message = event(kind, data);
        self.post(message).await;
    }

    /// Posts an event, twice in the end: it counts once.
    async fn post(&mut self, message: Value) {
        let shop = self.shop.clone();
        for _ in 0..2 {
            let taken = self
                .insist_or_leave(true, |app| {
                    let (shop, message) = (shop.clone(), [message.clone()]);
                    async move { app.intake.accept_events(Some(&shop), &message).await }
                })
                .await;
            let known = matches!(taken[..], [Accepted::Queued | Accepted::Duplicate]);
            assert!(known, "{taken:?}: {:#?}", self.story);
        }
    }

    async fn apply_counts(&mut self, product: &str) {
        let waits = "SELECT count(*) FROM bridge.stock_events e
                     JOIN bridge.stock_count_lines l ON l.event = e.id
                     WHERE e.done_at IS NULL AND l.product = $1";
        let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
        loop {
            self.insist(|app| async move { app.stock.apply_counts("main").await })
                .await;
            let left: i64 = sqlx::query_scalar(waits)
                .bind(product)
                .fetch_one(&self.pool)
                .await
                .unwrap();
            if left == 0 {
                return;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "the count is not applied"
            );
            tokio::task::yield_now().await;
        }
    }

    async fn put(
        &mut self,
        id: &str,
        number: Option<&str>,
        lines: &[(String, Place, i64)],
    ) -> Asked {
        let line = |(line, place, quantity): &(String, Place, i64)| {
            json!({ "line": line,
            "product": place.0, "store": place.1, "quantity": quantity })
        };
        let lines: Vec<_> = lines.iter().map(line).collect();
        let mut body = json!({ "lines": lines });
        if let Some(number) = number {
            body["number"] = json!(number);
        }
        let (shop, id) = (self.shop.clone(), id.to_owned());
        let answer = self
            .insist(|app| {
                let wanted = Reservation::read(&body).unwrap();
                let (shop, id) = (shop.clone(), id.clone());
                async move { app.stock.reserve(&shop, &id, &wanted).await }
            })
            .await;
        asked(&answer)
    }

    async fn ship(&mut self, id: &str, part: Option<&(String, i64)>) -> Asked {
        let body = part.map_or(json!({}), |(line, quantity)| {
            let shipment = self.story.len().to_string();
            json!({ "shipment": shipment, "lines": [{ "line": line, "quantity": quantity }] })
        });
        let (shop, id) = (self.shop.clone(), id.to_owned());
        let answer = self
            .insist(|app| {
                let (shop, id) = (shop.clone(), id.clone());
                let shipment = Shipment::read(&body).unwrap();
                async move { app.stock.ship(&shop, &id, &shipment).await }
            })
            .await;
        asked(&answer)
    }

    async fn run_out(&mut self, id: &str) -> Asked {
        let over = "UPDATE bridge.reservations SET expires_at = now() - interval '1 second'
                    WHERE id = $1 AND state = 'held'";
        sqlx::query(over)
            .bind(id)
            .execute(&self.pool)
            .await
            .unwrap();
        let (shop, id) = (self.shop.clone(), id.to_owned());
        let answer = self
            .insist(|app| {
                let (shop, id) = (shop.clone(), id.clone());
                async move { app.stock.reservation(&shop, &id).await }
            })
            .await;
        if let ReservationAnswer::Reserved(now) = &answer {
            let state = self.model.reservations[&id].state.as_str();
            assert_eq!(now.state.as_str(), state, "{:#?}", self.story);
        }
        asked(&answer)
    }

    /// Levels and reservations are what the model says.
    async fn agree(&self) {
        let places = self.fate.places();
        let names: BTreeSet<String> = places.iter().map(|place| place.0.clone()).collect();
        let rows: Vec<(String, String, i64, i64)> = sqlx::query_as(
            "SELECT product, store, on_hand::bigint, reserved::bigint FROM bridge.stock_levels
             WHERE product = ANY ($1)",
        )
        .bind(names.into_iter().collect::<Vec<_>>())
        .fetch_all(&self.pool)
        .await
        .unwrap();
        for (product, store, on_hand, reserved) in rows {
            let place = (product, store);
            assert!(STORES.contains(&&*place.1), "{place:?}: {:#?}", self.story);
            let expected = (self.model.on_hand(&place), self.model.reserved(&place));
            assert_eq!(
                (on_hand, reserved),
                expected,
                "{place:?}: {:#?}",
                self.story
            );
        }
        let states: Vec<(String, String)> =
            sqlx::query_as("SELECT id, state FROM bridge.reservations WHERE id LIKE $1")
                .bind(format!("{}-%", self.fate.name))
                .fetch_all(&self.pool)
                .await
                .unwrap();
        let states: BTreeMap<String, String> = states.into_iter().collect();
        let of = self.model.reservations.iter();
        let expected = of
            .map(|(id, r)| (id.clone(), r.state.as_str().to_owned()))
            .collect();
        assert_eq!(states, expected, "{:#?}", self.story);
    }
}

fn asked(answer: &ReservationAnswer) -> Asked {
    match answer {
        ReservationAnswer::Reserved(_) => Asked::Done,
        ReservationAnswer::Short(_) => Asked::Short,
        ReservationAnswer::Invalid { .. } => Asked::Invalid,
        ReservationAnswer::Unknown => Asked::Unknown,
        ReservationAnswer::NotHeld(_) => Asked::NotHeld,
    }
}

//! One order that spoils a call stops nobody else: whatever orders share, only the one to blame is
//! judged.

use crate::support::connections;
use crate::support::{
    database::Database,
    shop::{app, event, main_shop},
};
use b24_bridge::{
    app::{App, LetterFilter},
    clients::{
        bitrix24::{Client, Credentials, Options, Rate},
        callback::Sender,
    },
    domain::ShopName,
    sandbox::{self, Fault, Gate, Plan, Sandbox},
    worker,
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A text that what stands before the portal does not like.
const SHUNNED: &str = "UNION SELECT";

pub(crate) struct World {
    pub(crate) portal: Sandbox,
    pub(crate) app: App,
    pub(crate) db: Database,
    stop: CancellationToken,
    work: JoinHandle<Result<(), worker::Error>>,
}

impl World {
    pub(crate) async fn new() -> Self {
        let portal = Self::portal().await;
        Self::start(portal, Database::new().await)
    }

    /// A portal without a limit.
    pub(crate) async fn portal() -> Sandbox {
        let options = sandbox::Options::default().plan(Plan::Unlimited);
        Sandbox::start(options).await.unwrap()
    }

    /// The bridge of this database on this portal.
    pub(crate) fn start(portal: Sandbox, db: Database) -> Self {
        let app = app(&db.pool, &["main"]);
        Self::start_as(portal, db, app, BTreeMap::new())
    }

    /// The same as this bridge, which calls these shops.
    pub(crate) fn start_as(
        portal: Sandbox,
        db: Database,
        app: App,
        callbacks: BTreeMap<ShopName, Sender>,
    ) -> Self {
        Self::start_with(portal, db, app, callbacks, Duration::from_secs(5))
    }

    /// The same with a client that waits so long for an answer.
    pub(crate) fn start_patient(portal: Sandbox, db: Database, timeout: Duration) -> Self {
        let app = app(&db.pool, &["main"]);
        Self::start_with(portal, db, app, BTreeMap::new(), timeout)
    }

    fn start_with(
        portal: Sandbox,
        db: Database,
        app: App,
        callbacks: BTreeMap<ShopName, Sender>,
        timeout: Duration,
    ) -> Self {
        let client = Client::new(
            Credentials::webhook(&portal.url()).unwrap(),
            &connections(),
            &Options {
                rate: Rate {
                    per_second: 500.0,
                    burst: 500,
                },
                full_burst: true,
                timeout,
            },
        );
        let name = app.registry().portals[0].clone();
        let lanes = worker::Lanes {
            callbacks,
            ..worker::Lanes::of(BTreeMap::from([(name, client)]))
        };
        let options = worker::Settings {
            poll: Duration::from_millis(50),
            attempts: 3,
            backoff: Duration::from_millis(50),
            backoff_cap: Duration::from_millis(100),
            doubt: Duration::from_millis(100),
            probe: Duration::from_millis(100),
            reconcile: Duration::from_millis(100),
            ..worker::Settings::default()
        };
        let stop = CancellationToken::new();
        let work = tokio::spawn(worker::run(app.clone(), lanes, options, stop.clone()));
        Self {
            portal,
            app,
            db,
            stop,
            work,
        }
    }

    pub(crate) async fn post(&self, events: &[Value]) {
        self.app
            .intake
            .accept_events(Some(&main_shop()), events)
            .await
            .unwrap();
    }

    /// Waits until no order is due any more.
    pub(crate) async fn settled(&self, bound: Duration) {
        let begun = Instant::now();
        loop {
            let due: i64 =
                sqlx::query_scalar("SELECT count(*) FROM bridge.orders WHERE due_at IS NOT NULL")
                    .fetch_one(&self.db.pool)
                    .await
                    .unwrap();
            if due == 0 {
                return;
            }
            let late = begun.elapsed() > bound;
            assert!(!late, "{due} orders are still due\n{}", self.lives().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What is known of the orders, for the message of a test that failed.
    pub(crate) async fn lives(&self) -> String {
        let lines: Vec<String> = sqlx::query_scalar(
            "SELECT concat_ws(' ', to_char(at, 'HH24:MI:SS.MS'), number, kind, text)
             FROM bridge.timeline ORDER BY id DESC LIMIT 60",
        )
        .fetch_all(&self.db.pool)
        .await
        .unwrap();
        lines.join("\n")
    }

    /// The letters: order, code and tries of each.
    pub(crate) async fn letters(&self) -> Vec<(String, String, i32)> {
        let letters = self
            .app
            .dead_letters
            .dead_letters(&LetterFilter::default())
            .await;
        let letters = letters.unwrap().items.into_iter();
        let seen = letters.map(|one| (one.number.unwrap_or_default(), one.code, one.attempts));
        seen.collect()
    }

    /// The most tries that any order but this one used up.
    async fn tries_of_others(&self, than: &str) -> i32 {
        let most = "SELECT coalesce(max(attempts), 0) FROM bridge.orders WHERE number <> $1";
        sqlx::query_scalar(most)
            .bind(than)
            .fetch_one(&self.db.pool)
            .await
            .unwrap()
    }

    pub(crate) fn deals_of(&self, number: &str) -> usize {
        let deals = self.portal.deals();
        let own = deals.iter().filter(|deal| deal["ORIGIN_ID"] == number);
        own.count()
    }

    /// Stops the bridge; the portal and the database stay.
    pub(crate) async fn end(self) -> (Sandbox, Database) {
        self.stop.cancel();
        self.work.await.unwrap().unwrap();
        (self.portal, self.db)
    }
}

/// An order of a customer of its own.
pub(crate) fn order(number: &str) -> Value {
    let mut event = event(&format!("e-{number}"), number, 1);
    let digits: u32 = number.bytes().map(u32::from).fold(7, |sum, byte| {
        sum.wrapping_mul(31).wrapping_add(byte) % 10_000_000
    });
    event["data"]["customer"] = json!({
        "id": format!("c-{number}"), "name": "Анна", "phones": [format!("+7916{digits:07}")],
        "emails": [format!("c{digits}@example.com")]
    });
    event
}

pub(crate) fn orders(many: usize) -> Vec<Value> {
    (0..many).map(|n| order(&format!("A{n}"))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_call_that_a_proxy_refuses_only_the_order_to_blame_dies() {
    let shunned = Gate {
        words: vec![SHUNNED.to_owned()],
        ..Gate::default()
    };
    let large = Gate {
        largest: Some(14_000),
        status: 413,
        ..Gate::default()
    };
    let silent = |executes| Gate {
        status: 504,
        executes,
        ..shunned.clone()
    };
    for (gate, code, made) in [
        (shunned.clone(), "B24-PROXY", 0),
        (large, "B24-PROXY", 0),
        (silent(false), "B24-UNANSWERED", 0),
        // What was written without an answer is found.
        (silent(true), "", 1),
    ] {
        let world = World::new().await;
        world.portal.set_gate(Some(gate.clone()));
        let mut events = orders(60);
        let long = "очень ".repeat(1_500);
        events[30]["data"]["comment"] = json!(format!("{SHUNNED} {long}"));
        world.post(&events).await;
        world.settled(Duration::from_secs(40)).await;
        let letters = world.letters().await;
        let mut expected = vec![("A30".to_owned(), code.to_owned(), 3)];
        expected.retain(|_| made == 0);
        assert_eq!(letters, expected, "{gate:?}\n{}", world.lives().await);
        assert_eq!(world.tries_of_others("A30").await, 0, "{gate:?}");
        for n in 0..60 {
            let deals = world.deals_of(&format!("A{n}"));
            assert_eq!(deals, if n == 30 { made } else { 1 }, "{gate:?}: A{n}");
        }
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_up_that_is_refused_for_one_number_holds_up_no_other() {
    let world = World::new().await;
    world.portal.set_gate(Some(Gate {
        words: vec![SHUNNED.to_owned()],
        ..Gate::default()
    }));
    let mut events = orders(40);
    events.push(order(&format!("7 {SHUNNED} 1")));
    world.post(&events).await;
    world.settled(Duration::from_secs(20)).await;
    let letters = world.letters().await;
    assert_eq!(letters.len(), 1, "{letters:?}");
    assert_eq!(letters[0].1, "B24-PROXY");
    assert_eq!(world.tries_of_others(&letters[0].0).await, 0);
    assert_eq!(world.portal.deals().len(), 40);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_that_is_refused_for_one_deal_holds_up_no_other_comparison() {
    for status in [403, 504] {
        let world = World::new().await;
        world.post(&orders(40)).await;
        world.settled(Duration::from_secs(20)).await;
        // A deal whose id is shunned: every call that asks for it is refused as a whole.
        let odd = "UPDATE bridge.orders SET deal_id = 987654321 WHERE number = 'A7'";
        sqlx::query(odd).execute(&world.db.pool).await.unwrap();
        world.portal.set_gate(Some(Gate {
            words: vec!["987654321".to_owned()],
            status,
            ..Gate::default()
        }));
        let ask = "INSERT INTO bridge.comparisons (shop, number, portal, why)
                   SELECT shop, number, portal, 'person' FROM bridge.orders ON CONFLICT DO NOTHING";
        sqlx::query(ask).execute(&world.db.pool).await.unwrap();
        for deal in world.portal.deals() {
            let id = deal["ID"].as_str().unwrap().parse().unwrap();
            assert!(world.portal.move_deal(id, "PREPARATION"));
        }
        let told = "SELECT count(DISTINCT number) FROM bridge.status_changes WHERE number <> 'A7'";
        let begun = Instant::now();
        loop {
            let told: i64 = sqlx::query_scalar(told)
                .fetch_one(&world.db.pool)
                .await
                .unwrap();
            if told == 39 {
                break;
            }
            let late = begun.elapsed() > Duration::from_secs(30);
            assert!(
                !late,
                "{status}: {told} of 39\n{:#?}\n{:?}",
                world.app.operations.status().await.unwrap().portals,
                world
                    .portal
                    .calls()
                    .iter()
                    .rev()
                    .take(30)
                    .collect::<Vec<_>>()
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(world.letters().await, []);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_passes_it_is_the_lane_that_waits_and_no_order_is_judged() {
    for status in [403, 504] {
        let world = World::new().await;
        world.portal.set_gate(Some(Gate {
            words: vec![String::new()],
            status,
            ..Gate::default()
        }));
        world.post(&orders(5)).await;
        let begun = Instant::now();
        let lane = loop {
            let lane = world
                .app
                .operations
                .status()
                .await
                .unwrap()
                .portals
                .remove(0);
            if lane.failures >= 4 {
                break lane;
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{lane:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        let code = if status == 403 {
            "B24-PROXY"
        } else {
            "B24-DOWN"
        };
        assert_eq!(lane.paused_code.as_deref(), Some(code));
        world.portal.set_gate(None);
        world.settled(Duration::from_secs(20)).await;
        assert_eq!(world.portal.deals().len(), 5);
        assert_eq!(world.tries_of_others("").await, 0);
        assert_eq!(world.letters().await, []);
        world.end().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_one_order_of_a_customer_is_not_held_against_the_others() {
    let world = World::new().await;
    let mut events = orders(12);
    for (n, event) in events.iter_mut().enumerate() {
        // Twelve orders of one customer and one firm, one of them with an address that the portal
        // does not take.
        let email = if n == 5 { "no.dots@-" } else { "a@example.com" };
        event["data"]["customer"] = json!({
            "id": "c1", "kind": "company", "name": "Анна", "phones": ["+79160000001"],
            "emails": [email], "company": {"title": "ООО «Ромашка»", "inn": "7707083893"}
        });
    }
    world.post(&events).await;
    world.settled(Duration::from_secs(20)).await;
    assert_eq!(
        world.tries_of_others("A5").await,
        0,
        "{}",
        world.lives().await
    );
    let dead: Vec<_> = world.letters().await;
    assert!(dead.iter().all(|one| one.0 == "A5"), "{dead:?}");
    for n in (0..12).filter(|n| *n != 5) {
        assert_eq!(world.deals_of(&format!("A{n}")), 1, "A{n}");
    }
    assert_eq!(world.portal.contacts().len(), 1);
    assert_eq!(world.portal.companies().len(), 1);
    world.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_that_looks_like_a_reference_is_written_as_it_is_and_its_deal_is_made_once() {
    let world = World::new().await;
    let numbers = [
        "$result[q000001]",
        "$result[q000007][ID]",
        "7 $result[x][y] 8",
        "$RESULT[q000002]",
    ];
    for _ in 0..2 {
        world
            .portal
            .fail_next(Fault::LostAnswer, 1, Some("crm.deal.add"));
    }
    let mut events = orders(10);
    for number in numbers {
        let mut event = order(number);
        event["data"]["comment"] = json!(format!("{number} и {number}"));
        event["data"]["customer"]["name"] = json!(number);
        event["data"]["items"][0]["name"] = json!(number);
        events.push(event);
    }
    world.post(&events).await;
    world.settled(Duration::from_secs(20)).await;
    assert_eq!(world.letters().await, [], "{}", world.lives().await);
    assert_eq!(world.portal.deals().len(), 14);
    for number in numbers {
        let deals = world.portal.deals();
        let deal = deals.iter().find(|deal| deal["ORIGIN_ID"] == number);
        let deal = deal.unwrap();
        assert_eq!(deal["TITLE"], format!("Order {number}"));
        let id = deal["ID"].as_str().unwrap().parse().unwrap();
        assert_eq!(world.portal.rows(id)[0]["PRODUCT_NAME"], number);
        let contacts = world.portal.contacts();
        assert!(contacts.iter().any(|contact| contact["NAME"] == number));
    }
    world.end().await;
}

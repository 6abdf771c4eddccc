//! Writes whose answer was lost and that land late: whatever comes meanwhile, one deal, one
//! contact, and the newest word at the end.

use crate::support::connections;
use crate::support::{
    database::Database,
    shop::{app, event, main_shop},
};
use b24_bridge::{
    app::{App, LetterFilter, OrderView},
    clients::bitrix24::{self, Client, Credentials, Rate},
    domain::PortalName,
    sandbox::{self, Fault, Faults, Plan, Sandbox},
    worker::{self, CrashHook, CrashPoint},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How late a late write lands.
const LATE: Duration = Duration::from_millis(1_500);
/// How long the bridge allows for that.
const DOUBT: Duration = Duration::from_millis(2_500);

struct World {
    db: Database,
    app: App,
    portal: Sandbox,
    client: Client,
    workers: AtomicUsize,
}

impl World {
    async fn new() -> Self {
        let db = Database::new().await;
        let late = u64::try_from(LATE.as_millis()).unwrap();
        let faults = Faults {
            late_ms: late,
            slow_ms: late,
            ..Faults::default()
        };
        let options = sandbox::Options::default()
            .plan(Plan::Unlimited)
            .faults(faults);
        let portal = Sandbox::start(options).await.unwrap();
        let options = bitrix24::Options {
            rate: Rate {
                per_second: 500.0,
                burst: 500,
            },
            full_burst: true,
            ..bitrix24::Options::default()
        };
        let client = Client::new(
            Credentials::webhook(&portal.url()).unwrap(),
            &connections(),
            &options,
        );
        Self {
            app: app(&db.pool, &["main"]),
            db,
            portal,
            client,
            workers: AtomicUsize::new(0),
        }
    }

    /// Starts a worker of its own name.
    fn work(&self, watch: Option<CrashHook>) -> JoinHandle<Result<(), worker::Error>> {
        let nth = self.workers.fetch_add(1, Ordering::Relaxed);
        let options = worker::Settings {
            owner: format!("worker {nth}"),
            lease: Duration::from_secs(1),
            poll: Duration::from_millis(50),
            reconcile: Duration::from_millis(300),
            doubt: DOUBT,
            ..worker::Settings::default()
        };
        let lanes = worker::Lanes::of(BTreeMap::from([(
            PortalName::parse("main").unwrap(),
            self.client.clone(),
        )]));
        let stop = CancellationToken::new();
        let hooks = worker::Hooks { at: watch };
        let app = self.app.clone();
        tokio::spawn(worker::run_watched(app, lanes, options, hooks, stop))
    }

    async fn post(&self, number: &str, version: i64, with: &Value) {
        let mut event = event(&format!("{number}-{version}"), number, version);
        for (field, value) in with.as_object().unwrap() {
            event["data"][field] = value.clone();
        }
        self.app
            .intake
            .accept_events(Some(&main_shop()), &[event])
            .await
            .unwrap();
    }

    async fn view(&self, number: &str) -> OrderView {
        let view = self
            .app
            .operations
            .order_view(&main_shop(), number)
            .await
            .unwrap();
        view.unwrap()
    }

    async fn until(&self, what: &str, mut holds: impl AsyncFnMut(&Self) -> bool) {
        let bound = Instant::now() + Duration::from_secs(30);
        while !holds(self).await {
            let late = Instant::now() > bound;
            let status = self.app.operations.status().await.unwrap();
            assert!(!late, "not {what}: {status:#?}, {:?}", self.portal.calls());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn in_sync(&self, number: &str) {
        self.until(&format!("in sync: {number}"), async |world| {
            world.view(number).await.in_sync
        })
        .await;
    }

    /// Until a request with this method was met by a fault.
    async fn until_met(&self, method: &str) {
        self.until(&format!("{method} met a fault"), async |world| {
            let met = |call: &sandbox::Call| {
                call.fault.is_some() && call.commands.iter().any(|one| one == method)
            };
            world.portal.calls().iter().any(met)
        })
        .await;
    }

    async fn ask(&self, method: &str, params: Value) -> Value {
        let url = format!("{}{method}", self.portal.url());
        let asked = crate::portal::sandbox::client().post(url).json(&params);
        asked.send().await.unwrap().json().await.unwrap()
    }

    fn sums(&self) -> Vec<String> {
        let sum = |deal: Value| deal["OPPORTUNITY"].as_str().unwrap().to_owned();
        self.portal.deals().into_iter().map(sum).collect()
    }

    /// The sentences of an order's life.
    async fn life(&self, number: &str) -> String {
        let lines = self.view(number).await.timeline;
        let texts: Vec<_> = lines.into_iter().map(|line| line.text).collect();
        texts.join("\n")
    }
}

fn priced(price: u32) -> Value {
    json!({
        "total": price.to_string(),
        "items": [{"name": "Tea", "quantity": 1, "price": price.to_string()}],
    })
}

/// Until whatever was late has landed.
async fn landed() {
    tokio::time::sleep(LATE + Duration::from_millis(300)).await;
}

#[tokio::test]
async fn a_newer_event_while_a_new_deal_may_still_land_makes_no_second_one() {
    let world = World::new().await;
    world.portal.fail_next(Fault::Late, 1, Some("crm.deal.add"));
    let worker = world.work(None);
    world.post("A-1", 1, &priced(300)).await;
    world
        .until("doubted", async |world| {
            world.life("A-1").await.contains("not judged by the portal")
        })
        .await;
    world.post("A-1", 2, &priced(500)).await;
    world.app.waker().wake("main");
    world.in_sync("A-1").await;
    landed().await;
    assert_eq!(world.sums(), ["500.00"]);
    assert_eq!(world.portal.contacts().len(), 1);
    worker.abort();
}

#[tokio::test]
async fn an_operator_who_wakes_an_order_in_doubt_makes_no_second_deal() {
    let world = World::new().await;
    world.portal.fail_next(Fault::Late, 1, Some("crm.deal.add"));
    let worker = world.work(None);
    world.post("A-1", 1, &priced(300)).await;
    world
        .until("doubted", async |world| {
            world.life("A-1").await.contains("not judged by the portal")
        })
        .await;
    let mut db = world.db.pool.acquire().await.unwrap();
    b24_bridge::storage::queue::orders::wake(&mut db, "main", "A-1", true)
        .await
        .unwrap();
    drop(db);
    world.in_sync("A-1").await;
    landed().await;
    assert_eq!(world.sums(), ["300.00"]);
    worker.abort();
}

#[tokio::test]
async fn a_worker_killed_in_the_middle_of_a_slow_call_leaves_one_deal_and_one_contact() {
    for slow in ["crm.contact.add", "crm.deal.add"] {
        let world = World::new().await;
        world.portal.fail_next(Fault::Slow, 1, Some(slow));
        let first = world.work(None);
        world.post("A-1", 1, &priced(300)).await;
        world
            .until("under way", async |world| {
                let sent: i64 = sqlx::query_scalar("SELECT count(*) FROM bridge.under_way")
                    .fetch_one(&world.db.pool)
                    .await
                    .unwrap();
                sent > 0
            })
            .await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        first.abort();
        let second = world.work(None);
        world.post("A-1", 2, &priced(500)).await;
        world.in_sync("A-1").await;
        landed().await;
        assert_eq!(world.sums(), ["500.00"], "{slow}");
        assert_eq!(world.portal.contacts().len(), 1, "{slow}");
        second.abort();
    }
}

#[tokio::test]
async fn an_update_that_was_lost_and_taken_back_does_not_come_to_stay() {
    for fault in [Fault::Late, Fault::LostAnswer] {
        let world = World::new().await;
        let worker = world.work(None);
        world.post("A-1", 1, &priced(300)).await;
        world.in_sync("A-1").await;
        world.portal.fail_next(fault, 1, Some("crm.deal.update"));
        world.post("A-1", 2, &priced(500)).await;
        world.until_met("crm.deal.update").await;
        world.post("A-1", 3, &priced(300)).await;
        world
            .until("in sync at the sum of the shop", async |world| {
                let synced = world.view("A-1").await.in_sync;
                assert!(!synced || world.sums() == ["300.00"], "{fault:?}");
                synced
            })
            .await;
        landed().await;
        assert_eq!(world.sums(), ["300.00"], "{fault:?}");
        // What landed late is looked at once more.
        world.in_sync("A-1").await;
        assert_eq!(world.sums(), ["300.00"], "{fault:?}");
        let rows = world.portal.rows(1);
        assert_eq!(rows.len(), 1);
        assert!(rows[0]["PRICE"].to_string().contains("300"), "{rows:?}");
        worker.abort();
    }
}

#[tokio::test]
async fn a_contact_that_may_still_land_is_not_made_again_for_another_order() {
    let world = World::new().await;
    world
        .portal
        .fail_next(Fault::Late, 1, Some("crm.contact.add"));
    let worker = world.work(None);
    let nameless = json!({"customer": {"name": "Анна", "phones": ["+79160000001"]}});
    world.post("A-1", 1, &nameless).await;
    world.until_met("crm.contact.add").await;
    world.post("A-2", 1, &nameless).await;
    for number in ["A-1", "A-2"] {
        world.in_sync(number).await;
    }
    landed().await;
    assert_eq!(world.portal.contacts().len(), 1);
    assert_eq!(world.portal.deals().len(), 2);
    worker.abort();
}

#[tokio::test]
async fn every_change_of_an_order_whose_deal_is_gone_asks_a_person() {
    let world = World::new().await;
    let worker = world.work(None);
    for number in ["A-1", "A-2"] {
        world.post(number, 1, &json!({})).await;
        world.in_sync(number).await;
    }
    let deal = |view: OrderView| view.deal_id.unwrap();
    // One deletion is heard of before the shop speaks again, the other is not.
    for number in ["A-1", "A-2"] {
        assert!(world.portal.delete_deal(deal(world.view(number).await)));
    }
    world.post("A-1", 2, &json!({"status": "P"})).await;
    world
        .until("dead", async |world| world.view("A-1").await.dead == 1)
        .await;
    sqlx::query("UPDATE bridge.agreements SET gone_at = now() WHERE number = 'A-2'")
        .execute(&world.db.pool)
        .await
        .unwrap();
    world.post("A-2", 2, &json!({"status": "P"})).await;
    world
        .until("dead", async |world| world.view("A-2").await.dead == 1)
        .await;
    let letters = world
        .app
        .dead_letters
        .dead_letters(&LetterFilter::default())
        .await;
    let codes: Vec<_> = letters.unwrap().items.into_iter().map(|l| l.code).collect();
    assert_eq!(codes, ["B24-DEAL-GONE", "B24-DEAL-GONE"]);
    worker.abort();
}

#[tokio::test]
async fn what_a_manager_changed_stays_until_the_shop_changes_that_very_thing() {
    let world = World::new().await;
    let worker = world.work(None);
    world.post("A-1", 1, &priced(300)).await;
    world.in_sync("A-1").await;
    let tea = json!({"PRODUCT_NAME": "Tea", "PRICE": 300, "QUANTITY": 1});
    let gift = json!({"PRODUCT_NAME": "Gift wrap", "PRICE": 500, "QUANTITY": 1});
    let rows = json!({"id": 1, "rows": [tea, gift]});
    world.ask("crm.deal.productrows.set", rows).await;
    assert_eq!(world.sums(), ["800.00"]);
    let mut comment = priced(300);
    comment["comment"] = json!("Позвоните");
    world.post("A-1", 2, &comment).await;
    world
        .until("commented", async |world| {
            world.portal.deal(1).unwrap()["COMMENTS"]
                .to_string()
                .contains("Позвоните")
                && world.view("A-1").await.in_sync
        })
        .await;
    let deal = world.portal.deal(1).unwrap();
    assert_eq!(world.sums(), ["800.00"]);
    assert_eq!(deal["IS_MANUAL_OPPORTUNITY"], "N");
    assert_eq!(world.portal.rows(1).len(), 2);
    // Now the shop changes the rows: its word counts, and it is said what they replaced.
    world.post("A-1", 3, &priced(350)).await;
    world
        .until("350", async |world| {
            world.sums() == ["350.00"] && world.view("A-1").await.in_sync
        })
        .await;
    assert_eq!(world.portal.rows(1).len(), 1);
    let life = world.life("A-1").await;
    assert!(life.contains("Gift wrap"), "{life}");
    worker.abort();
}

/// Stops the worker for ever when it comes to a point for the nth time.
fn killed_at(nth: usize) -> (CrashHook, tokio::sync::mpsc::UnboundedReceiver<CrashPoint>) {
    let (tell, told) = tokio::sync::mpsc::unbounded_channel();
    let count = Arc::new(AtomicUsize::new(0));
    let probe = CrashHook(Arc::new(move |point| {
        let here = count.fetch_add(1, Ordering::SeqCst) == nth;
        let _ = here.then(|| tell.send(point));
        Box::pin(async move {
            if here {
                std::future::pending::<()>().await;
            }
        })
    }));
    (probe, told)
}

/// Killed between every two steps of a write, with a newer event meanwhile: one deal with the
/// newest sum, one contact.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_any_two_steps_with_a_newer_event_one_deal_holds_the_newest_word() {
    for (nth, newer) in (0..5).flat_map(|nth| [(nth, false), (nth, true)]) {
        let world = World::new().await;
        let (probe, mut told) = killed_at(nth);
        let first = world.work(Some(probe));
        world.post("A-1", 1, &priced(300)).await;
        let reached = tokio::time::timeout(Duration::from_secs(20), told.recv()).await;
        let reached = reached.unwrap().unwrap();
        let want = if newer {
            world.post("A-1", 2, &priced(500)).await;
            "500.00"
        } else {
            "300.00"
        };
        first.abort();
        let second = world.work(None);
        world.in_sync("A-1").await;
        assert_eq!(
            world.sums(),
            [want],
            "killed at {reached:?}, the {nth}th point"
        );
        assert_eq!(world.portal.contacts().len(), 1, "killed at {reached:?}");
        second.abort();
    }
}

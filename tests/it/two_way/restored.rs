//! An older dump comes back, as the back-up page tells it to be done.

use super::{
    scenarios::rule,
    world::{Plot, World},
};
use crate::support::{database::binaries, settings::KEY};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    process::Command,
    time::Duration,
};

/// Whether the server came with its client programs; the one that is fetched where there is none
/// comes without.
fn client_is_there() -> bool {
    let found = ["pg_dump", "pg_restore", "psql"]
        .iter()
        .all(|program| binaries().join(program).exists());
    #[expect(clippy::disallowed_methods, reason = "whether this machine checks")]
    let checks = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(
        found || !checks,
        "no pg_dump beside the server: install PostgreSQL, or name its programs by PG_BIN \
         (CI=true, so this test is not left out)"
    );
    #[expect(clippy::print_stdout, reason = "a test that is left out says so")]
    if !found {
        println!(
            "LEFT OUT: no pg_dump beside the server of these tests; install PostgreSQL, or set \
             PG_BIN"
        );
    }
    found
}

/// The page that tells how it is done.
const PAGE: &str = include_str!("../../../deploy/backup.md");

/// Runs commands as the page has them, where the dump is.
fn as_the_page_says(commands: &str, url: &str, folder: &Path) {
    #[expect(clippy::disallowed_methods, reason = "a shell needs its own programs")]
    let path = std::env::var("PATH").unwrap_or_default();
    let done = Command::new("sh")
        .args(["-ec", commands])
        .current_dir(folder)
        .env("PATH", format!("{}:{path}", binaries().display()))
        .env("DATABASE_URL", url)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{commands}: {said}");
}

impl World {
    /// Leaves a dump in a folder.
    fn dump(&self, folder: &Path) {
        let (_, rest) = PAGE.split_once("`pg_dump ").unwrap();
        let command = format!("pg_dump {}", rest.split('`').next().unwrap());
        as_the_page_says(&command, &self.db.url, folder);
    }

    /// Puts the dump of a folder in the place of what is there.
    fn restore(&self, folder: &Path) {
        let (_, rest) = PAGE.split_once("```sh\n").unwrap();
        let commands = rest.split("```").next().unwrap();
        assert!(commands.contains("pg_restore"), "{commands}");
        as_the_page_says(commands, &self.db.url, folder);
    }

    async fn count(&self, query: &'static str) -> i64 {
        sqlx::query_scalar(query)
            .fetch_one(&self.db.pool)
            .await
            .unwrap()
    }

    async fn all_in_sync(&self, numbers: &[&str]) {
        for number in numbers {
            self.in_sync(number).await;
        }
    }

    fn deal_of(&self, number: &str) -> u64 {
        self.deal(number).unwrap().0
    }

    /// Every deal with its order.
    fn deals(&self) -> BTreeSet<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let all = self.portal.deals();
        all.iter()
            .map(|deal| (text(&deal["ORIGIN_ID"]), text(&deal["ID"])))
            .collect()
    }

    /// What the dump does not know: a delivery, a new order, moves both ways, a payment.
    async fn goes_on(&self) {
        self.command(&["portals", "resume", "main"]).await;
        self.in_sync("pending").await;
        self.ordered("new").await;
        self.portal
            .move_deal(self.deal_of("moved"), "PREPAYMENT_INVOICE");
        self.told("moved", "A").await;
        self.shop.pay("paid");
        self.until("the payment is in the portal", async || {
            self.stage("paid") == "EXECUTING"
        })
        .await;
        self.shop.set("crossed", "A");
        self.until("the change is in the portal", async || {
            self.stage("crossed") == "PREPAYMENT_INVOICE"
        })
        .await;
        self.all_in_sync(&["moved", "paid", "crossed", "new"]).await;
    }

    /// Both sides hold what happened before and after the dump, and nothing waits for a person.
    async fn is_whole(&self) {
        for (number, stage) in [
            ("still", "NEW"),
            ("moved", "PREPAYMENT_INVOICE"),
            ("paid", "EXECUTING"),
            ("crossed", "WON"),
            ("pending", "NEW"),
            ("new", "NEW"),
        ] {
            assert_eq!(self.stage(number), stage, "{number}");
        }
        assert_eq!(self.shop.status("crossed"), "F");
        assert_eq!(self.shop.status("paid"), "P");
        assert_eq!(
            self.count("SELECT count(*) FROM bridge.dead_letters WHERE closed_at IS NULL")
                .await,
            0
        );
        assert_eq!(
            self.count("SELECT count(*) FROM bridge.conflicts WHERE closed_at IS NULL")
                .await,
            0
        );
    }

    async fn told(&self, number: &str, status: &str) {
        self.until(&format!("{number} is {status}"), async || {
            self.shop.status(number) == status
        })
        .await;
    }
}

#[tokio::test]
async fn an_older_dump_that_comes_back_makes_no_second_deal_and_what_happened_since_is_taken_in() {
    if !client_is_there() {
        return;
    }
    let plot = Plot {
        settings: "[shops.main.conflict]\nclock_tolerance = \"0s\"".to_owned(),
        ..Plot::default()
    };
    let mut world = World::new(plot).await;
    for number in ["still", "moved", "paid", "crossed"] {
        world.ordered(number).await;
    }
    world.command(&["portals", "pause", "main"]).await;
    world.shop.set("pending", "N");
    world
        .until("taken", async || {
            world
                .shop
                .with(|state| state.orders.len() == 5 && state.sent.len() >= 5)
        })
        .await;
    let folder = tempfile::tempdir().unwrap();
    world.dump(folder.path());
    let known = world.shop.with(|state| state.sent.len());

    world.goes_on().await;
    let new = world.deal_of("new");
    let before = world.deals();
    let contacts = world.portal.contacts().len();
    let contacted = world.order("new").await["contact_id"].clone();

    world.kill();
    world.restore(folder.path());
    // While nothing runs, somebody works in the portal; clearly later than the shop's change, of
    // which the dump knows nothing.
    tokio::time::sleep(Duration::from_secs(4)).await;
    world.portal.move_deal(world.deal_of("crossed"), "WON");
    world.start().await;
    // A pause comes back with the dump, too.
    assert_eq!(world.order("pending").await["pending"], 1);
    world.command(&["portals", "resume", "main"]).await;

    // Without a word from the shop: what was pending finds its deal, and moves since are read
    // again.
    world.in_sync("pending").await;
    world.told("crossed", "F").await;
    world
        .all_in_sync(&["still", "moved", "crossed", "paid"])
        .await;
    assert_eq!(world.stage("moved"), "PREPAYMENT_INVOICE");
    assert_eq!(
        world.stage("paid"),
        "EXECUTING",
        "a payment is not turned back"
    );
    assert_eq!(world.shop.status("moved"), "A");
    assert_eq!(world.shop.status("paid"), "P");

    // The shop sends once more what it sent since the dump.
    world.shop.again(known);
    world
        .all_in_sync(&["new", "still", "moved", "crossed", "paid", "pending"])
        .await;
    assert_eq!(world.order("new").await["deal_id"], new, "the link is back");
    assert_eq!(world.order("new").await["contact_id"], contacted);
    assert_eq!(world.deals(), before, "no deal was made or lost");
    assert_eq!(world.portal.contacts().len(), contacts);
    world.is_whole().await;
    // A move after all this is heard as ever: the cursor is where the portal is.
    world.portal.move_deal(world.deal_of("still"), "WON");
    world.told("still", "F").await;
}

/// What each message said; no id may ever say two things.
#[derive(Default)]
struct Messages(BTreeMap<String, Value>);

impl Messages {
    fn add(&mut self, id: &str, says: &Value) {
        let known = self.0.entry(id.to_owned()).or_insert_with(|| says.clone());
        assert_eq!(known, says, "one id for two things: {id}");
    }

    /// What the shop was called with so far.
    fn called(&mut self, world: &World) {
        let called = world.shop.with(|shop| shop.called.clone());
        for (_, message) in called {
            self.add(message["id"].as_str().unwrap(), &message["data"]);
        }
    }

    /// Reads the feed from a place, as the shop does: where it goes on.
    async fn read(&mut self, world: &World, after: i64) -> (i64, Value) {
        let page = world
            .get(&format!("/v1/status-changes?after={after}"), KEY)
            .await;
        for change in page["changes"].as_array().unwrap() {
            let mut says = change.clone();
            // Its place may be another by then.
            says["seq"] = Value::Null;
            self.add(change["id"].as_str().unwrap(), &says);
        }
        (page["next"].as_i64().unwrap(), page)
    }
}

#[tokio::test]
async fn moves_after_a_restore_reach_a_shop_that_takes_each_id_once() {
    if !client_is_there() {
        return;
    }
    let mut world = World::new(rule("portal")).await;
    let numbers = ["A-1", "A-2", "A-3"];
    for number in numbers {
        world.ordered(number).await;
    }
    let folder = tempfile::tempdir().unwrap();
    world.dump(folder.path());
    let mut messages = Messages::default();
    for stage in ["PREPAYMENT_INVOICE", "EXECUTING"] {
        for number in numbers {
            assert!(world.portal.move_deal(world.deal_of(number), stage));
        }
        let status = if stage == "EXECUTING" { "P" } else { "A" };
        for number in numbers {
            world.told(number, status).await;
        }
        world.all_in_sync(&numbers).await;
    }
    messages.called(&world);
    world.kill();
    world.restore(folder.path());
    for number in numbers {
        assert!(world.portal.move_deal(world.deal_of(number), "WON"));
    }
    world.start().await;
    for number in numbers {
        world.told(number, "F").await;
    }
    world.all_in_sync(&numbers).await;
    messages.called(&world);
    assert!(messages.0.len() >= 9, "{:?}", messages.0);
    for number in numbers {
        assert_eq!(world.stage(number), "WON");
    }
}

#[tokio::test]
async fn a_reader_of_the_feed_who_is_ahead_of_a_restored_bridge_misses_nothing() {
    if !client_is_there() {
        return;
    }
    let mut world = World::new(Plot {
        callback: false,
        ..Plot::default()
    })
    .await;
    let deal = world.ordered("A-1").await;
    let (mut messages, mut place) = (Messages::default(), 0);
    let moved = async |world: &World, messages: &mut Messages, place: i64, to: &str| {
        assert!(world.portal.move_deal(deal, to));
        let mut read = (place, Value::Null);
        world
            .until("the change is in the feed", async || {
                read = messages.read(world, place).await;
                read.1["changes"] != Value::Array(Vec::new())
            })
            .await;
        read
    };
    (place, _) = moved(&world, &mut messages, place, "PREPAYMENT_INVOICE").await;
    let folder = tempfile::tempdir().unwrap();
    world.dump(folder.path());
    (place, _) = moved(&world, &mut messages, place, "EXECUTING").await;
    (place, _) = moved(&world, &mut messages, place, "WON").await;
    world.kill();
    world.restore(folder.path());
    world.start().await;
    let (next, page) = moved(&world, &mut messages, place, "LOSE").await;
    assert_eq!(page["restarted_after"], 1, "{page}");
    assert!(next < place, "{page}");
    // Everything that is not known by its id is taken, whatever its place: the last word is the
    // manager's.
    let (_, page) = messages
        .read(&world, page["restarted_after"].as_i64().unwrap())
        .await;
    let last = page["changes"].as_array().unwrap().last().unwrap();
    assert_eq!(last["status"], "C", "{page}");
}

#[tokio::test]
async fn a_shop_whose_older_back_up_comes_back_and_the_portal_agree_again() {
    for counts_on in [true, false] {
        let world = World::new(rule("portal")).await;
        for number in ["told", "still", "own"] {
            world.ordered(number).await;
        }
        let back_up = world.shop.backed_up();
        let moved = world.deal_of("told");
        assert!(world.portal.move_deal(moved, "PREPAYMENT_INVOICE"));
        world.told("told", "A").await;
        world.shop.set("own", "A");
        world
            .until("followed", async || {
                world.stage("own") == "PREPAYMENT_INVOICE"
            })
            .await;
        world.all_in_sync(&["told", "own", "still"]).await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        world.shop.goes_back(back_up, counts_on);
        assert_eq!(world.shop.status("told"), "N");
        // Somebody works on in the portal: the shop answers with what it has.
        for number in ["told", "still", "own"] {
            let deal = world.deal_of(number);
            assert!(world.portal.move_deal(deal, "WON"));
        }
        for number in ["told", "still", "own"] {
            world.told(number, "F").await;
            world.in_sync(number).await;
            assert_eq!(world.stage(number), "WON", "{number} {counts_on}");
        }
    }
}

#[tokio::test]
async fn a_shop_that_was_restored_and_says_so_is_believed_and_not_taken_for_late() {
    let world = World::new(Plot::default()).await;
    let deal = world.ordered("A-1").await;
    let back_up = world.shop.backed_up();
    world.shop.with(|shop| shop.echoes = false);
    assert!(world.portal.move_deal(deal, "PREPAYMENT_INVOICE"));
    world.told("A-1", "A").await;
    world.in_sync("A-1").await;
    tokio::time::sleep(Duration::from_secs(3)).await;
    world.shop.goes_back(back_up, true);
    world
        .until("the deal is where the shop is", async || {
            world.stage("A-1") == "NEW"
        })
        .await;
    world.in_sync("A-1").await;
    assert_eq!(world.shop.status("A-1"), "N");
}

#[tokio::test]
async fn both_sides_restored_to_different_days_agree_again_on_the_same_deals() {
    if !client_is_there() {
        return;
    }
    let mut world = World::new(Plot::default()).await;
    let numbers = ["A-1", "A-2", "A-3"];
    for number in numbers {
        world.ordered(number).await;
    }
    let back_up = world.shop.backed_up();
    assert!(
        world
            .portal
            .move_deal(world.deal_of("A-1"), "PREPAYMENT_INVOICE")
    );
    world.told("A-1", "A").await;
    world.all_in_sync(&numbers).await;
    let folder = tempfile::tempdir().unwrap();
    world.dump(folder.path());
    assert!(world.portal.move_deal(world.deal_of("A-2"), "WON"));
    world.told("A-2", "F").await;
    world.shop.set("A-3", "A");
    world
        .until("followed", async || {
            world.stage("A-3") == "PREPAYMENT_INVOICE"
        })
        .await;
    world.all_in_sync(&numbers).await;
    let deals = world.deals();
    let mut messages = Messages::default();
    messages.called(&world);
    world.kill();
    world.restore(folder.path());
    world.shop.goes_back(back_up, true);
    world.start().await;
    let means = BTreeMap::from([
        ("NEW", "N"),
        ("PREPARATION", "N"),
        ("PREPAYMENT_INVOICE", "A"),
        ("WON", "F"),
    ]);
    for number in numbers {
        world
            .until("both sides mean the same", async || {
                let stage = world.stage(number);
                means.get(stage.as_str()).copied() == Some(world.shop.status(number).as_str())
            })
            .await;
        world.in_sync(number).await;
    }
    messages.called(&world);
    assert_eq!(world.deals(), deals, "no deal was made or lost");
}

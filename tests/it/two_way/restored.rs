//! An older dump comes back, as the back-up page tells it to be done.

use super::world::{Plot, World};
use crate::support::database::binaries;
use std::{collections::BTreeSet, ffi::OsStr, path::Path, process::Command, time::Duration};

/// Whether the server came with its client programs; the one that is fetched where there is none comes without.
fn client_is_there() -> bool {
    let found = ["pg_dump", "pg_restore", "psql"]
        .iter()
        .all(|program| binaries().join(program).exists());
    #[expect(clippy::disallowed_methods, reason = "whether this machine checks")]
    let checks = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(
        found || !checks,
        "no pg_dump beside the server: install PostgreSQL, or name its programs by PG_BIN (CI=true, so this test is not left out)"
    );
    #[expect(clippy::print_stdout, reason = "a test that is left out says so")]
    if !found {
        println!(
            "LEFT OUT: no pg_dump beside the server of these tests; install PostgreSQL, or set PG_BIN"
        );
    }
    found
}

fn postgres(program: &str, arguments: &[&OsStr]) {
    let done = Command::new(binaries().join(program))
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{program}: {said}");
}

impl World {
    fn dump(&self, to: &Path) {
        let (url, to) = (self.db.url.as_ref(), to.as_ref());
        let [format, schema, file] =
            ["--format=custom", "--schema=bridge", "--file"].map(OsStr::new);
        postgres("pg_dump", &[format, schema, file, to, url]);
    }

    fn restore(&self, from: &Path) {
        let (url, from) = (self.db.url.as_ref(), from.as_ref());
        let [into, say] = ["-d", "-c"].map(OsStr::new);
        let drop = OsStr::new("DROP SCHEMA bridge CASCADE");
        postgres("psql", &[into, url, say, drop]);
        let single = OsStr::new("--single-transaction");
        postgres("pg_restore", &[single, into, url, from]);
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
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
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
    let dump = folder.path().join("bridge.dump");
    world.dump(&dump);
    let known = world.shop.with(|state| state.sent.len());

    world.goes_on().await;
    let new = world.deal_of("new");
    let before = world.deals();
    let contacts = world.portal.contacts().len();
    let contacted = world.order("new").await["contact_id"].clone();

    world.kill();
    world.restore(&dump);
    // While nothing runs, somebody works in the portal; clearly later than the shop's change, of which the dump knows nothing.
    tokio::time::sleep(Duration::from_secs(4)).await;
    world.portal.move_deal(world.deal_of("crossed"), "WON");
    world.start().await;
    // A pause comes back with the dump, too.
    assert_eq!(world.order("pending").await["pending"], 1);
    world.command(&["portals", "resume", "main"]).await;

    // Without a word from the shop: what was pending finds its deal, and moves since are read again.
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

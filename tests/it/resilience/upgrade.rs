//! A database that lived through every version, with orders in each state, is taken over: nothing
//! is lost, nothing is made twice, and every order ends as it must.

use crate::{
    support::database::Database,
    two_way::world::{OPERATOR, Order, Plot, World},
};
use b24_bridge::{
    sandbox::{Plan, Sandbox},
    storage,
};
use serde_json::{Value, json};
use sqlx::{PgConnection, migrate::Migrator};
use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

/// The versions in which rows were written: the newest migration of each, and the rows.
const VERSIONS: [(i64, &str); 3] = [
    (
        20_261_121_000_003,
        include_str!("../data/upgrade/first.sql"),
    ),
    (
        20_261_126_123_801,
        include_str!("../data/upgrade/middle.sql"),
    ),
    (i64::MAX, include_str!("../data/upgrade/newest.sql")),
];

/// How long all of it may take on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);

/// The deals that were in the portal: of which order, and where each stood.
const DEALS: [(&str, &str); 14] = [
    ("F-doubt", "NEW"),
    ("F-settled", "NEW"),
    ("F-untold", "NEW"),
    ("F-deleted", "NEW"),
    ("M-landed", "NEW"),
    ("M-agreed", "NEW"),
    ("M-writing", "NEW"),
    ("M-written", "EXECUTING"),
    ("M-told", "PREPAYMENT_INVOICE"),
    ("M-refused", "PREPAYMENT_INVOICE"),
    ("M-conflict", "EXECUTING"),
    ("M-ruled", "EXECUTING"),
    ("N-landed", "NEW"),
    ("N-late", "NEW"),
];

/// How every order ends: its status in the shop, and where its one deal stands.
const ENDS: [(&str, &str, &str); 23] = [
    ("F-queued", "N", "NEW"),
    ("F-refused", "N", "NEW"),
    ("F-doubt", "N", "NEW"),
    ("F-newer", "N", "NEW"),
    ("F-settled", "P", "EXECUTING"),
    ("F-untold", "P", "EXECUTING"),
    ("F-dead", "N", "NEW"),
    ("F-gone", "N", "NEW"),
    ("F-published", "N", "NEW"),
    ("M-landed", "N", "NEW"),
    ("M-lost", "N", "NEW"),
    ("M-history", "N", "NEW"),
    ("M-agreed", "A", "PREPAYMENT_INVOICE"),
    ("M-writing", "P", "EXECUTING"),
    ("M-written", "P", "EXECUTING"),
    ("M-told", "A", "PREPAYMENT_INVOICE"),
    ("M-refused", "A", "PREPAYMENT_INVOICE"),
    ("M-conflict", "A", "PREPAYMENT_INVOICE"),
    ("M-ruled", "A", "PREPAYMENT_INVOICE"),
    ("M-bulk", "N", "NEW"),
    ("N-landed", "N", "NEW"),
    ("N-lost", "N", "NEW"),
    ("N-late", "P", "EXECUTING"),
];

/// What is left to do, each with what it is about.
const LEFT: &str = "
    SELECT concat_ws(' ', 'event', number, event_id)
    FROM bridge.outbox WHERE state = 'pending'
    UNION ALL SELECT concat_ws(' ', 'order', number, due_at, attempts, stalls, error_code)
    FROM bridge.orders WHERE due_at IS NOT NULL
    UNION ALL SELECT concat_ws(' ', 'write', number, lands_until, what)
    FROM bridge.under_way
    UNION ALL SELECT concat_ws(' ', 'agreement', number, writing, waiting)
    FROM bridge.agreements WHERE coalesce(writing, waiting) IS NOT NULL
    UNION ALL SELECT concat_ws(' ', 'status', number, status, due_at, attempts)
    FROM bridge.status_changes WHERE state = 'waiting'
    UNION ALL SELECT concat_ws(' ', 'message', subject, due_at, attempts)
    FROM bridge.shop_messages WHERE state = 'waiting'
    UNION ALL SELECT concat_ws(' ', 'notification', event, deal_id)
    FROM bridge.inbox WHERE state = 'new'
    UNION ALL SELECT concat_ws(' ', 'conflict', number, code, opened_at)
    FROM bridge.conflicts WHERE closed_at IS NULL
    UNION ALL SELECT concat_ws(' ', 'job', action, filter)
    FROM bridge.bulk_jobs WHERE state = 'running'";

/// Brings the schema to a version, as the migrator of that version did.
async fn migrate_to(db: &mut PgConnection, version: i64) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let all = Migrator::new(folder).await.unwrap();
    let until = all.iter().filter(|migration| migration.version <= version);
    let mut migrator = Migrator::with_migrations(until.cloned().collect());
    migrator.dangerous_set_table_name("bridge._sqlx_migrations");
    migrator.create_schema("bridge");
    migrator.run(db).await.unwrap();
}

/// Runs each version's migrations and writes its rows.
async fn live_through_all(db: &mut PgConnection, deals: &BTreeMap<String, i64>) {
    sqlx::raw_sql("DROP SCHEMA bridge CASCADE; CREATE TEMP TABLE deals (number text, id bigint)")
        .execute(&mut *db)
        .await
        .unwrap();
    for (number, id) in deals {
        let stored = sqlx::query("INSERT INTO deals VALUES ($1, $2)");
        let stored = stored.bind(number).bind(id).execute(&mut *db);
        stored.await.unwrap();
    }
    for (version, rows) in VERSIONS {
        migrate_to(db, version).await;
        let written = sqlx::raw_sql(rows).execute(&mut *db).await;
        written.unwrap_or_else(|error| panic!("rows of {version}: {error}"));
    }
}

/// Every state that the schema knows of a table, with how many rows are in it.
async fn states(db: &mut PgConnection) -> BTreeMap<(String, String), i64> {
    let known: Vec<(String, String)> = sqlx::query_as(
        r"SELECT c.conrelid::regclass::text, s.state[1]
          FROM pg_constraint c
          CROSS JOIN regexp_matches(pg_get_constraintdef(c.oid), '''(\w+)''', 'g') AS s (state)
          WHERE c.conname LIKE '%\_state\_known'",
    )
    .fetch_all(&mut *db)
    .await
    .unwrap();
    let mut found = BTreeMap::new();
    for (table, state) in known {
        let count = format!("SELECT count(*) FROM {table} WHERE state = $1");
        let count = sqlx::query_scalar(sqlx::AssertSqlSafe(count)).bind(&state);
        let rows: i64 = count.fetch_one(&mut *db).await.unwrap();
        found.insert((table, state), rows);
    }
    found
}

/// The portal with the deals of earlier versions.
async fn portal(plot: &mut Plot) -> (Sandbox, BTreeMap<String, i64>) {
    let options = std::mem::take(&mut plot.portal).plan(Plan::Unlimited);
    let portal = Sandbox::start(options).await.unwrap();
    let url = format!("{}crm.deal.add", portal.url());
    let http = crate::portal::sandbox::client();
    let mut deals = BTreeMap::new();
    for (number, stage) in DEALS {
        let fields = json!({
            "TITLE": format!("Order {number}"), "ORIGINATOR_ID": "main", "ORIGIN_ID": number,
            "CURRENCY_ID": "RUB", "STAGE_ID": stage
        });
        let body = json!({ "fields": fields });
        let answer = http.post(&url).json(&body).send().await.unwrap();
        let answer: Value = answer.json().await.unwrap();
        deals.insert(number.to_owned(), answer["result"].as_i64().unwrap());
    }
    (portal, deals)
}

impl World {
    async fn number(&self, query: &'static str) -> i64 {
        let number = sqlx::query_scalar(query).fetch_one(&self.db.pool);
        number.await.unwrap()
    }

    async fn act(&self, path: &str, body: Value) {
        let (status, answer) = self.post(path, OPERATOR, body).await;
        assert_eq!(status, 200, "{path}: {answer}");
    }

    /// The shop has the orders as it told them, or as it was told since.
    fn shop_has_all(&self) {
        for (number, status, _) in ENDS {
            let told = number.starts_with("M-") && status == "A";
            let asserts = ["M-conflict", "M-ruled"].contains(&number);
            let status = if told && !asserts { "N" } else { status };
            let status = if number.starts_with("F-") {
                "N"
            } else {
                status
            };
            let order = Order {
                status: status.to_owned(),
                changed: chrono::DateTime::UNIX_EPOCH,
                version: 10,
                paid: status == "P",
                life: 0,
                pieces: 1,
                product: None,
            };
            self.shop
                .with(|shop| shop.orders.insert(number.to_owned(), order));
        }
    }

    /// Waits until nothing is left to do; else says what is.
    async fn nothing_is_left(&self) {
        let bound = Instant::now() + PATIENCE;
        loop {
            let left: Vec<String> = sqlx::query_scalar(LEFT)
                .fetch_all(&self.db.pool)
                .await
                .unwrap();
            if left.is_empty() {
                return;
            }
            let late = Instant::now() > bound;
            assert!(!late, "{left:#?}\n{}\n{}", self.log(), self.lives().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What people do: they let the lane go on, retry what is dead, rule, and go on working.
    async fn people_act(&self) {
        self.act("/v1/portals/main/resume", json!({})).await;
        let unreadable = "SELECT count(*) FROM bridge.dead_letters WHERE number = 'F-unreadable'
                            AND code = 'SHOP-INVALID' AND closed_at IS NULL";
        let dead = async || self.number(unreadable).await == 1;
        self.until("the unreadable event is dead", dead).await;
        let letters: Vec<(i64, String)> = sqlx::query_as(
            "SELECT id, number FROM bridge.dead_letters WHERE closed_at IS NULL
               AND number <> 'M-bulk'",
        )
        .fetch_all(&self.db.pool)
        .await
        .unwrap();
        for (id, number) in letters {
            let (path, body) = match number.as_str() {
                "F-unreadable" => ("discard", json!({"reason": "no order"})),
                "F-gone" => ("retry", json!({"recreate": true})),
                _ => ("retry", json!({})),
            };
            self.act(&format!("/v1/dead-letters/{id}/{path}"), body)
                .await;
        }
        let open = "SELECT id FROM bridge.conflicts WHERE number = 'M-conflict' AND closed_at IS \
                    NULL";
        let conflict = self.number(open).await;
        let path = format!("/v1/conflicts/{conflict}/resolve");
        self.act(&path, json!({"winner": "shop"})).await;
        self.in_sync("M-agreed").await;
        let (deal, _) = self.deal("M-agreed").unwrap();
        assert!(self.portal.move_deal(deal, "PREPAYMENT_INVOICE"));
        for number in ["F-settled", "F-untold"] {
            self.shop.pay(number);
        }
    }
}

#[tokio::test]
async fn orders_of_every_earlier_version_and_in_every_state_end_right() {
    let mut plot = Plot::default();
    let (portal, deals) = portal(&mut plot).await;
    let db = Database::new().await;
    let mut old = db.pool.acquire().await.unwrap().detach();
    live_through_all(&mut old, &deals).await;
    storage::migrate(&db.pool).await.unwrap();
    let missing = states(&mut old).await;
    let missing: Vec<_> = missing.iter().filter(|(_, rows)| **rows == 0).collect();
    assert!(missing.is_empty(), "no row is in {missing:?}");
    let world = World::over(db, portal, plot).await;
    world.shop_has_all();
    let paused = "SELECT count(*) FROM bridge.lanes WHERE portal = 'main' AND paused_by = \
                  'operator:anna'";
    assert_eq!(world.number(paused).await, 1);
    assert_eq!(
        world.portal.deals().len(),
        DEALS.len(),
        "nothing is sent meanwhile"
    );
    world.people_act().await;
    for (number, status, stage) in ENDS {
        let ended = async || {
            let ours = world.order(number).await;
            let is = (&ours["in_sync"], &ours["pending"], &ours["dead"]);
            is == (&json!(true), &json!(0), &json!(0))
                && world.stage(number) == stage
                && world.shop.status(number) == status
        };
        let what = format!("{number} ends at {stage}");
        world.within(PATIENCE, &what, ended).await;
    }
    world.nothing_is_left().await;
    for (number, _, _) in ENDS {
        let deals = world.portal.deals();
        let own = deals.iter().filter(|deal| deal["ORIGIN_ID"] == number);
        assert_eq!(own.count(), 1, "deals of {number}");
    }
    // What rests where nobody works on it stays as it was.
    let rests = [
        "bridge.reservations",
        "bridge.onec_offers",
        "bridge.onec_documents",
    ];
    for ((table, state), rows) in states(&mut old).await {
        assert!(rows > 0 || !rests.contains(&&*table), "{table}: {state}");
    }
}

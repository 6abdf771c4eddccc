//! Random histories of dead letters: events new, old, doubled and spoilt, tries that end in every
//! way, retries, mended letters, discards, jobs, exports, imports, pruning and restarts. After
//! each step no letter lies; at the end nothing is lost and nothing waits.

use crate::support::{
    database::Database,
    shop::{app, claim, done, event, hopeless, lease, main_shop, refused, tries},
};
use b24_bridge::{
    app::{Actor, App, BulkAction, BulkRequest, Error, LetterFilter, LetterQuery, Retry},
    domain::{ErrorCode, Side},
    planner::Settlement,
    storage::queue::lanes::Lease,
    worker::{Retention, prune},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use sqlx::PgPool;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// What must hold after each step: (what, a query for what breaks it).
const TRUTHS: &[(&str, &str)] = &[
    (
        "an order is due without an event that waits",
        "SELECT o.number FROM bridge.orders o WHERE o.due_at IS NOT NULL
         AND NOT EXISTS (SELECT FROM bridge.outbox e WHERE e.id = o.head_id AND e.state IN
             ('pending', 'done'))",
    ),
    (
        "an event waits and its order is not due",
        "SELECT e.event_id FROM bridge.outbox e JOIN bridge.orders o USING (shop, number)
         WHERE e.state = 'pending' AND (o.head_id <> e.id OR o.due_at IS NULL)",
    ),
    (
        "an event died, and neither is its letter open nor did anybody let it go",
        "SELECT e.event_id FROM bridge.outbox e WHERE e.state = 'dead'
         AND NOT EXISTS (SELECT FROM bridge.dead_letters d WHERE d.outbox_id = e.id AND
             (d.closed_at IS NULL OR d.closed_how = 'discarded'))",
    ),
    (
        "a letter is open about an event that is not dead",
        "SELECT d.id || ' ' || e.state FROM bridge.dead_letters d
           JOIN bridge.outbox e ON e.id = d.outbox_id
         WHERE d.closed_at IS NULL AND e.state <> 'dead'",
    ),
    (
        "a letter is open about what was done",
        "SELECT d.id::text FROM bridge.dead_letters d JOIN bridge.outbox e ON e.shop = d.shop
           AND e.body = d.payload
         WHERE d.closed_at IS NULL AND d.outbox_id IS NULL AND e.state = 'done'",
    ),
    (
        "a letter was closed as tried again or accepted before, and its event was never stored",
        "SELECT d.id || ' ' || d.closed_how FROM bridge.dead_letters d
           WHERE d.closed_how IN ('retried', 'duplicate')
         AND NOT EXISTS (SELECT FROM public.stored s WHERE s.event_id = d.payload ->> 'id' OR
             s.event_id LIKE '%#retry-' || d.id || '-%')",
    ),
    (
        "a letter was closed as overtaken, and nothing newer is there",
        "SELECT d.id || ' ' || coalesce(d.payload #>> '{data,version}', '-')
           FROM bridge.dead_letters d
         JOIN bridge.orders o USING (shop, number) WHERE d.closed_how = 'overtaken'
         AND (o.head_id IS NOT DISTINCT FROM d.outbox_id OR (d.payload #>>
             '{data,version}')::bigint > (o.age ->> 'version')::bigint)",
    ),
    (
        "a letter was let go by nobody",
        "SELECT id::text FROM bridge.dead_letters WHERE closed_how = 'discarded' AND (closed_by = \
         'bridge' OR reason IS NULL)",
    ),
    (
        "an order counts as in sync though something of it is undelivered",
        "SELECT s.number FROM bridge.order_states s JOIN bridge.orders o USING (shop, number)
         LEFT JOIN bridge.outbox e ON e.id = o.head_id
         WHERE s.in_sync AND (s.dead OR s.waits OR e.state IN ('dead', 'pending'))",
    ),
];

#[expect(
    clippy::disallowed_methods,
    reason = "the size of this test is chosen by who runs it"
)]
fn number(name: &str, usual: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn anna() -> Actor {
    Actor::new("operator:anna")
}

struct World {
    db: Database,
    app: App,
    lease: Lease,
    chance: StdRng,
    events: Vec<Value>,
    files: Vec<String>,
    steps: Vec<String>,
}

impl World {
    async fn new(seed: u64) -> Self {
        let db = Database::new().await;
        // Whatever was stored, also once it is pruned.
        sqlx::raw_sql(
            "CREATE TABLE public.stored (event_id text);
             CREATE FUNCTION public.store() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN INSERT INTO public.stored VALUES (NEW.event_id); RETURN NULL; END $$;
             CREATE TRIGGER store AFTER INSERT ON bridge.outbox FOR EACH ROW EXECUTE FUNCTION
                 public.store()",
        )
        .execute(&db.pool)
        .await
        .unwrap();
        Self {
            app: app(&db.pool, &["main"]),
            lease: lease(&db.pool, "w").await.unwrap(),
            db,
            chance: StdRng::seed_from_u64(seed),
            events: Vec::new(),
            files: Vec::new(),
            steps: Vec::new(),
        }
    }

    fn below(&mut self, most: usize) -> usize {
        self.chance.random_range(0..most)
    }

    fn one_in(&mut self, most: usize) -> bool {
        self.below(most) == 0
    }

    /// An event that nobody has seen: newer or older than others, with a version or without.
    fn event(&mut self) -> Value {
        let (nth, order) = (self.events.len(), self.below(3));
        let version = i64::try_from(nth / 3 + self.below(6)).unwrap();
        let mut event = event(&format!("e{nth}"), &format!("A-{order}"), version);
        if self.one_in(4) {
            event["data"].as_object_mut().unwrap().remove("version");
        }
        event["data"]["comment"] = json!(format!("comment {nth}"));
        self.events.push(event.clone());
        event
    }

    fn seen(&mut self) -> Option<Value> {
        let most = self.events.len();
        (most > 0).then(|| self.events[self.chance.random_range(0..most)].clone())
    }

    async fn accept(&self, event: &Value) {
        let events = std::slice::from_ref(event);
        let taken = self
            .app
            .intake
            .accept_events(Some(&main_shop()), events)
            .await;
        taken.unwrap();
    }

    async fn publish(&self, event: &Value) {
        sqlx::query("SELECT bridge.publish_event($1)")
            .bind(event)
            .execute(&self.db.pool)
            .await
            .unwrap();
        self.app.intake.ingest_sql_events().await.unwrap();
    }

    async fn letters(&self) -> Vec<b24_bridge::app::DeadLetter> {
        let every = LetterFilter {
            limit: 500,
            ..LetterFilter::default()
        };
        self.app
            .dead_letters
            .dead_letters(&every)
            .await
            .unwrap()
            .items
    }

    async fn letter(&mut self) -> Option<b24_bridge::app::DeadLetter> {
        let mut letters = self.letters().await;
        if letters.is_empty() {
            return None;
        }
        let at = self.below(letters.len());
        Some(letters.swap_remove(at))
    }

    /// Works on what is due; sometimes something newer comes in the middle.
    async fn work(&mut self) {
        let claimed = claim(&self.app, &self.lease).await;
        if self.one_in(3) {
            let event = self.event();
            self.accept(&event).await;
        }
        let mut ended = Vec::new();
        for (one, _) in claimed {
            let end: Settlement = match self.below(6) {
                0..3 => done(1),
                3 => refused(),
                4 => hopeless(ErrorCode::Field),
                _ => hopeless(ErrorCode::DealGone),
            };
            ended.push((one, end));
        }
        let settled = self.app.delivery.settle(&self.lease, &tries(), ended).await;
        settled.unwrap();
    }

    async fn retry(&mut self) {
        let Some(letter) = self.letter().await else {
            return;
        };
        let mut mended = letter.payload["data"].clone();
        let payload = self.one_in(2).then(|| {
            mended["currency"] = json!("RUB");
            mended
        });
        let options = Retry {
            payload,
            recreate: self.one_in(4),
        };
        match self
            .app
            .dead_letters
            .retry(letter.id, &anna(), options)
            .await
        {
            Ok(retried) => self
                .steps
                .push(format!("  letter {}: {retried:?}", letter.id)),
            Err(Error::Invalid(_)) => {
                let open = self.app.dead_letters.dead_letter(letter.id).await.unwrap();
                assert_eq!(open, Some(letter), "it stays as it is");
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    async fn job(&mut self) {
        let action = if self.one_in(3) {
            BulkAction::Discard
        } else {
            BulkAction::Retry
        };
        let code = ["MAP-FIELD", "SHOP-INVALID", "B24-DEAL-GONE"][self.below(3)];
        let query = LetterQuery {
            code: Some(code.to_owned()),
            ..LetterQuery::default()
        };
        let filter = query.parse().unwrap();
        let expect = self
            .app
            .dead_letters
            .count_letters(&filter)
            .await
            .unwrap()
            .total;
        let bulk = BulkRequest {
            action,
            filter,
            expect,
            reason: Some("no use".to_owned()),
            recreate: self.one_in(2),
        };
        if expect > 0 {
            self.app
                .dead_letters
                .start_bulk(&bulk, &anna())
                .await
                .unwrap();
            while self.app.dead_letters.work_bulk().await.unwrap().is_some() {}
        }
    }

    /// A deal that is gone, and what somebody says about it.
    async fn decide(&mut self) {
        let order = format!("A-{}", self.below(3));
        let conflict: Option<i64> = sqlx::query_scalar(
            "INSERT INTO bridge.conflicts (portal, shop, number, decision_id, code, sentence,
               status, stage)
             SELECT 'main', 'main', number, 0, 'B24-DEAL-GONE', 'gone', 'N', 'NEW' FROM
                 bridge.orders WHERE number = $1
             ON CONFLICT DO NOTHING RETURNING id",
        )
        .bind(order)
        .fetch_optional(&self.db.pool)
        .await
        .unwrap();
        let winner = if self.one_in(2) {
            Side::Shop
        } else {
            Side::Portal
        };
        if let Some(conflict) = conflict {
            match self.app.sync.resolve(conflict, winner, &anna()).await {
                Ok(()) | Err(Error::Invalid(_)) => {}
                Err(other) => panic!("{other:?}"),
            }
        }
        let sql = "UPDATE bridge.conflicts SET closed_at = now(), closed_how = 'vanished'
                   WHERE closed_at IS NULL";
        sqlx::query(sql).execute(&self.db.pool).await.unwrap();
    }

    async fn prune(&self) {
        let long = Duration::from_hours(1);
        let retention = Retention {
            settled: Duration::ZERO,
            letters: long,
            timeline: long,
            audit: long,
        };
        prune(&self.app.operations, &retention, &CancellationToken::new())
            .await
            .unwrap();
    }

    async fn step(&mut self) {
        let which = self.below(16);
        self.steps.push(format!("{which}"));
        match which {
            0..4 => {
                let event = self.event();
                self.accept(&event).await;
            }
            4 => {
                if let Some(event) = self.seen() {
                    self.accept(&event).await;
                }
            }
            5 => {
                let mut event = if self.one_in(2) {
                    self.event()
                } else {
                    self.seen().unwrap_or_default()
                };
                match self.below(3) {
                    0 => event["data"]["currency"] = json!("roubles"),
                    1 => event["data"]["comment"] = json!("another"),
                    _ => {}
                }
                if event.is_object() && event["data"]["number"].is_string() {
                    self.publish(&event).await;
                }
            }
            6..10 => self.work().await,
            10 | 11 => self.retry().await,
            12 => match self.letter().await {
                Some(letter) if self.one_in(2) => {
                    self.app
                        .dead_letters
                        .discard(letter.id, &anna(), "no use")
                        .await
                        .unwrap();
                }
                _ => self.decide().await,
            },
            13 => self.job().await,
            14 => {
                let lines = self.letters().await.into_iter();
                let lines: Vec<_> = lines
                    .map(|one| serde_json::to_string(&one).unwrap())
                    .collect();
                self.files.push(lines.join("\n"));
                let at = self.below(self.files.len());
                let file = self.files[at].clone();
                let taken = self
                    .app
                    .dead_letters
                    .import_letters(&file, &anna())
                    .await
                    .unwrap();
                assert_eq!(taken.faulty, []);
            }
            _ if self.one_in(3) => self.prune().await,
            _ => self.app = app(&self.db.pool, &["main"]),
        }
        check(&self.db.pool, &self.steps).await;
    }

    /// Everything goes well from now on.
    async fn end(&mut self) {
        for _ in 0..100 {
            let claimed = claim(&self.app, &self.lease).await;
            let waiting = "SELECT count(*) FROM bridge.orders WHERE due_at IS NOT NULL";
            let waiting: i64 = sqlx::query_scalar(waiting)
                .fetch_one(&self.db.pool)
                .await
                .unwrap();
            let accepted = self.letters().await.into_iter();
            let mut accepted = accepted.filter(|one| !one.code.starts_with("SHOP-"));
            if waiting == 0 {
                let Some(letter) = accepted.next() else {
                    return;
                };
                self.app
                    .dead_letters
                    .retry(letter.id, &anna(), Retry::default())
                    .await
                    .unwrap();
            } else if claimed.is_empty() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            } else {
                let ended = claimed.into_iter().map(|(one, _)| (one, done(1))).collect();
                self.app
                    .delivery
                    .settle(&self.lease, &tries(), ended)
                    .await
                    .unwrap();
            }
            check(&self.db.pool, &self.steps).await;
        }
        panic!("it does not come to rest: {:#?}", self.steps);
    }
}

async fn check(pool: &PgPool, steps: &[String]) {
    for (what, sql) in TRUTHS {
        let found: Vec<String> = sqlx::query_scalar(*sql).fetch_all(pool).await.unwrap();
        assert!(found.is_empty(), "{what}: {found:?}\n{}", steps.join("\n"));
    }
}

/// `LETTERS_SEED`, `LETTERS_HISTORIES` and `LETTERS_STEPS` choose other histories.
#[tokio::test]
async fn no_history_makes_a_letter_lie_and_none_loses_an_event() {
    let seed = number("LETTERS_SEED", rand::random::<u32>().into());
    for nth in 0..number("LETTERS_HISTORIES", 4) {
        let mut world = World::new(seed + nth).await;
        world.steps.push(format!("LETTERS_SEED={}", seed + nth));
        for _ in 0..number("LETTERS_STEPS", 90) {
            world.step().await;
        }
        world.end().await;
        let lost: Vec<String> = sqlx::query_scalar(
            "SELECT event_id FROM bridge.outbox e WHERE state = 'pending' OR state = 'dead'
             AND NOT EXISTS (SELECT FROM bridge.dead_letters d WHERE d.outbox_id = e.id AND
                 d.closed_how = 'discarded')",
        )
        .fetch_all(&world.db.pool)
        .await
        .unwrap();
        assert!(lost.is_empty(), "{lost:?} {:#?}", world.steps);
    }
}

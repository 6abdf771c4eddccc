//! Two workers on one database before a faulty portal: killed every few seconds, mostly the one
//! that drives the lane, and the database crashes twice, while orders come and change.

use super::{
    KEY, Place, Running,
    shop::{Event, Wanted, ended_well, events, order, outcome},
};
use crate::support::cluster::Cluster;
use b24_bridge::sandbox::{Faults, Options, Plan, Sandbox};
use serde_json::Value;
use sqlx::PgPool;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

/// The portal's limit, and the bridge's: as strict as a real one, only faster.
pub(super) const PER_SECOND: u32 = 100;
pub(super) const BURST: u32 = 500;
/// The lease, one look of the other worker, and the time that a busy machine needs for both.
const TAKEN_OVER: Duration = Duration::from_secs(5);
/// Requests of the shop at once.
const SENDERS: usize = 4;

/// `CHAOS_ORDERS` and `CHAOS_KILLS` make it larger.
#[expect(
    clippy::disallowed_methods,
    reason = "the size of this test is chosen by who runs it"
)]
fn size(name: &str, usual: usize) -> usize {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(usual)
}

fn faults() -> Faults {
    Faults {
        internal_error: 0.03,
        bad_gateway: 0.02,
        lost_answer: 0.05,
        half_answer: 0.02,
        gateway_timeout: 0.01,
        reset_before: 0.02,
        ..Faults::default()
    }
}

/// What is done to the bridge.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    KillOwner,
    KillOther,
    CrashDatabase,
}

/// Every third kill hits the worker that waits; the database crashes after a third and after two
/// thirds of the kills.
fn acts(kills: usize) -> Vec<Act> {
    let mut acts = Vec::new();
    for nth in 0..kills {
        if nth == kills / 3 || nth == (kills * 2).div_ceil(3) {
            acts.push(Act::CrashDatabase);
        }
        acts.push(if nth % 3 == 1 {
            Act::KillOther
        } else {
            Act::KillOwner
        });
    }
    acts
}

/// Asks until the database answers: it crashes now and then.
async fn ask<T, F: Future<Output = Result<T, sqlx::Error>>>(
    bound: Instant,
    mut query: impl FnMut() -> F,
) -> T {
    loop {
        match query().await {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < bound, "the database is gone: {error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Who holds the lane: process and epoch.
async fn owner(pool: &PgPool, bound: Instant) -> Option<(u32, i64)> {
    let held =
        "SELECT owner, epoch FROM bridge.lanes WHERE portal = 'main' AND lease_until > now()";
    let row: Option<(String, i64)> = ask(bound, || sqlx::query_as(held).fetch_optional(pool)).await;
    row.map(|(owner, epoch)| (owner.split('/').nth(1).unwrap().parse().unwrap(), epoch))
}

struct Stage {
    cluster: Cluster,
    places: [Place; 2],
    bridges: [Option<Running>; 2],
    bound: Instant,
    /// How long each takeover took.
    taken: Vec<Duration>,
}

impl Stage {
    async fn act(&mut self, act: Act) {
        match act {
            Act::CrashDatabase => {
                let cluster = &self.cluster;
                tokio::task::block_in_place(|| cluster.crash_and_start());
            }
            Act::KillOwner => self.kill_owner().await,
            Act::KillOther => {
                let (pid, _) = self.owner().await;
                let other = 1 - self.which(pid);
                self.restart(other);
            }
        }
    }

    async fn owner(&self) -> (u32, i64) {
        loop {
            if let Some((pid, epoch)) = owner(&self.cluster.pool, self.bound).await
                && self.bridges.iter().flatten().any(|one| one.0.id() == pid)
            {
                return (pid, epoch);
            }
            assert!(Instant::now() < self.bound, "nobody drives the lane");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn which(&self, pid: u32) -> usize {
        let is = |one: &Option<Running>| one.as_ref().is_some_and(|one| one.0.id() == pid);
        self.bridges.iter().position(is).unwrap()
    }

    /// Kills whoever holds the lease: the other must go on with a higher epoch in time.
    async fn kill_owner(&mut self) {
        let (pid, epoch) = self.owner().await;
        let victim = self.which(pid);
        self.bridges[victim] = None;
        let killed = Instant::now();
        loop {
            let now = owner(&self.cluster.pool, self.bound).await;
            if let Some((next, later)) = now.filter(|(next, _)| *next != pid) {
                assert_eq!(self.which(next), 1 - victim);
                assert!(later > epoch, "epoch {later} after {epoch}");
                break;
            }
            assert!(killed.elapsed() < TAKEN_OVER, "nobody takes over");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        self.taken.push(killed.elapsed());
        self.restart(victim);
    }

    fn restart(&mut self, which: usize) {
        self.bridges[which] = None;
        self.bridges[which] = Some(self.places[which].start(&self.cluster.url));
    }

    async fn settled(&self) -> usize {
        let count = "SELECT count(*) FROM bridge.outbox WHERE state <> 'pending'";
        let pool = &self.cluster.pool;
        let count: i64 = ask(self.bound, || sqlx::query_scalar(count).fetch_one(pool)).await;
        usize::try_from(count).unwrap()
    }

    /// Until nothing waits: no order, no comparison.
    async fn quiet(&self) {
        let waiting = "SELECT (SELECT count(*) FROM bridge.orders WHERE due_at IS NOT NULL), \
                       (SELECT count(*) FROM bridge.comparisons)";
        loop {
            let pool = &self.cluster.pool;
            let left: (i64, i64) =
                ask(self.bound, || sqlx::query_as(waiting).fetch_one(pool)).await;
            if left == (0, 0) {
                return;
            }
            assert!(Instant::now() < self.bound, "{left:?} still wait");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// What the senders share: the events, how many go into one request, the next one, and how many may
/// be sent by now.
struct Sending {
    events: Vec<Event>,
    batch: usize,
    urls: [String; 2],
    next: AtomicUsize,
    allowed: AtomicUsize,
    bound: Instant,
}

/// Sends each event until it is taken, now to one process, now to the other.
async fn send(sending: Arc<Sending>) {
    let http = crate::portal::sandbox::client();
    loop {
        let first = sending.next.fetch_add(sending.batch, Ordering::Relaxed);
        let some = sending.events.iter().skip(first).take(sending.batch);
        let some: Vec<Value> = some
            .map(|(number, version)| order(*number, *version))
            .collect();
        if some.is_empty() {
            return;
        }
        while first >= sending.allowed.load(Ordering::Relaxed) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for url in sending.urls.iter().cycle().skip(first / sending.batch % 2) {
            let sent = http
                .post(url)
                .bearer_auth(KEY)
                .header("content-type", "application/cloudevents-batch+json")
                .json(&some)
                .timeout(Duration::from_secs(15))
                .send()
                .await;
            if sent.is_ok_and(|answer| answer.status() == 202) {
                break;
            }
            assert!(Instant::now() < sending.bound, "{some:?} is not taken");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_at_random_moments_before_a_faulty_portal_every_order_becomes_one_whole_deal() {
    let (orders, kills) = (size("CHAOS_ORDERS", 240), size("CHAOS_KILLS", 6));
    let plan = Plan::Custom {
        per_second: PER_SECOND,
        burst: BURST,
    };
    let options = Options::default()
        .plan(plan)
        .latency(Duration::from_millis(15))
        .faults(faults());
    let portal = Sandbox::start(options).await.unwrap();
    let started = Instant::now();
    let bound = started + Duration::from_secs(120 + orders as u64 / 5);
    // Few orders in small waves make as many calls, and as many faults, as many orders.
    let wave = (orders / 8).clamp(1, 200);
    let places = [0, 1].map(|_| Place::new(&portal.url(), wave));
    let cluster = Cluster::start("chaos").await;
    let sending = Arc::new(Sending {
        events: events(orders),
        batch: (orders / 100).clamp(1, 50),
        urls: [places[0].url(), places[1].url()],
        next: AtomicUsize::new(0),
        allowed: AtomicUsize::new(0),
        bound,
    });
    let senders: Vec<_> = (0..SENDERS)
        .map(|_| tokio::spawn(send(Arc::clone(&sending))))
        .collect();
    let mut stage = Stage {
        bridges: [0, 1].map(|nth: usize| Some(places[nth].start(&cluster.url))),
        cluster,
        places,
        bound,
        taken: Vec::new(),
    };
    let all = sending.events.len();
    // Some are sent twice, and stored once.
    let stored = sending.events.iter().collect::<BTreeSet<_>>().len();
    let acts = acts(kills);
    for (nth, act) in acts.iter().enumerate() {
        // The shop is ahead: some are on their way whenever something happens.
        let share = |of: usize, done: usize| of * done / (acts.len() + 2);
        let allowed = share(all, nth + 2 + acts.len() / 12);
        sending.allowed.store(allowed, Ordering::Relaxed);
        while stage.settled().await < share(stored, nth + 1) {
            assert!(Instant::now() < bound, "nothing goes on before act {nth}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stage.act(*act).await;
    }
    sending.allowed.store(all, Ordering::Relaxed);
    for sender in senders {
        sender.await.unwrap();
    }
    stage.quiet().await;
    let longest = stage.taken.iter().max().copied();
    eprintln!(
        "{orders} orders, {all} events, {kills} kills, {} of the owner (taken over after \
         {longest:?} at most), in {:?}; {:?}",
        stage.taken.len(),
        started.elapsed(),
        portal.stats().statuses
    );
    assert!(kills == 0 || !stage.taken.is_empty());
    stage.bridges = [None, None];
    let (deals, dead) = outcome(orders);
    check_portal(&portal, &deals);
    check_database(&stage.cluster.pool, &sending.events, &deals, &dead).await;
}

/// One deal an order, sums, stages and rows right, one contact a customer, and never a request too
/// many.
fn check_portal(portal: &Sandbox, wanted: &BTreeMap<String, Wanted>) {
    assert_eq!(
        portal.stats().throttled,
        0,
        "our own requests were too many"
    );
    let text = |thing: &Value, key: &str| thing[key].as_str().unwrap().to_owned();
    let phones: BTreeMap<String, String> = portal
        .contacts()
        .iter()
        .map(|contact| (text(contact, "ID"), text(&contact["PHONE"][0], "VALUE")))
        .collect();
    let different: BTreeSet<&String> = phones.values().collect();
    assert_eq!(different.len(), phones.len(), "a contact stands twice");
    let customers: BTreeSet<&String> = wanted.values().map(|deal| &deal.phone).collect();
    assert_eq!(different, customers);
    let mut found = BTreeMap::new();
    for deal in portal.deals() {
        let rows = portal.rows(text(&deal, "ID").parse().unwrap());
        let plain = |row: &Value, key: &str| row[key].to_string().trim_matches('"').to_owned();
        let rows = rows
            .iter()
            .map(|row| (plain(row, "PRICE"), plain(row, "QUANTITY")));
        let stage = text(&deal, "STAGE_ID");
        let stage = ["NEW", "EXECUTING"].into_iter().find(|one| *one == stage);
        let is = Wanted {
            total: text(&deal, "OPPORTUNITY"),
            stage: stage.unwrap_or_else(|| panic!("{deal}")),
            rows: rows.collect(),
            phone: phones[&text(&deal, "CONTACT_ID")].clone(),
        };
        let twice = found.insert(text(&deal, "ORIGIN_ID"), is);
        assert!(twice.is_none(), "a second deal: {deal}");
    }
    assert!(
        found.keys().eq(wanted.keys()),
        "other orders than those sent"
    );
    for (number, deal) in &found {
        assert_eq!(deal, &wanted[number], "{number}");
    }
}

/// Nothing lost, nothing pending, and each event ended as it should.
async fn check_database(
    pool: &PgPool,
    sent: &[Event],
    deals: &BTreeMap<String, Wanted>,
    dead: &BTreeSet<String>,
) {
    let rows: Vec<(String, i64, String, bool)> = sqlx::query_as(
        "SELECT e.number, e.version, e.state, coalesce(n.version > e.version
           AND n.number = e.number, e.state <> 'superseded')
         FROM bridge.outbox e LEFT JOIN bridge.outbox n ON n.id = e.superseded_by",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let mut found = BTreeSet::new();
    for (name, version, state, by_newer) in rows {
        let number = name.strip_prefix('C').unwrap().parse().unwrap();
        let version = u64::try_from(version).unwrap();
        assert!(
            ended_well(number, version, &state),
            "{name} {version}: {state}"
        );
        assert!(by_newer, "{name} {version} is superseded by an older one");
        assert!(
            found.insert((number, version)),
            "{name} {version} stands twice"
        );
    }
    assert_eq!(found, sent.iter().copied().collect());
    let orders: Vec<(String, bool, bool, Option<String>)> = sqlx::query_as(
        "SELECT number, in_sync, due_at IS NULL, stage FROM bridge.orders ORDER BY number",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    assert_eq!(orders.len(), deals.len() + dead.len());
    for (number, in_sync, at_rest, stage) in orders {
        assert!(at_rest, "{number} is still due");
        assert_eq!(in_sync, deals.contains_key(&number), "{number}");
        assert_eq!(
            stage.as_deref(),
            deals.get(&number).map(|deal| deal.stage),
            "{number}"
        );
    }
    let letters: Vec<(String, String)> = sqlx::query_as(
        "SELECT number, code FROM bridge.dead_letters WHERE closed_at IS NULL ORDER BY number",
    )
    .fetch_all(pool)
    .await
    .unwrap();
    let waiting = dead
        .iter()
        .map(|number| (number.clone(), "MAP-STATUS".to_owned()));
    assert_eq!(letters, waiting.collect::<Vec<_>>());
}

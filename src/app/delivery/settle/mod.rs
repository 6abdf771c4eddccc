//! The end of a try: one transaction for a whole wave, fenced by the lane's lease.

mod batch;

use super::{
    claim::{Claim, Kind},
    customer_matches,
};
use crate::{
    app::{Delivery, Error, bisection::Bisection, dead_letters::outdated::DoneOrder},
    domain::{Agreed, ErrorCode, OrderKey},
    planner::{Intention, Settlement, WritesInFlight},
    process::{
        backoff,
        bug::{self, Step},
    },
    storage::{
        self, EventState, LinkEntity,
        journal::Line,
        queue::{
            attempts::NewAttempt,
            customer_values::Bearer,
            lanes::{self, Lease},
            links::{self, UnlinkedRows},
            orders::{self, AttemptResult, QueueHead},
            subjects,
            writes_in_flight::{self, WriteInFlight},
        },
    },
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

/// How often, and how long apart, an order is tried.
#[derive(Debug, Clone, Default)]
pub struct RetryPolicy {
    /// Tries that the portal judged before an event is dead.
    pub most: u32,
    /// The longest pause after the first refused try; doubled with each further one.
    pub pause: Duration,
    /// The longest pause after any try.
    pub cap: Duration,
    /// How long a write whose answer was lost may still land: the portal's own limit for a call,
    /// and a margin.
    pub doubt: Duration,
}

impl RetryPolicy {
    /// Exponential back-off with jitter after the `nth` try.
    pub(in crate::app) fn delay_ms(&self, nth: i32) -> i64 {
        let delay = backoff::delay(nth.unsigned_abs(), self.pause, self.cap);
        i64::try_from(delay.as_millis()).unwrap_or(i64::MAX)
    }
}

/// What a settled wave came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SettleSummary {
    /// Events that are written, and done.
    pub done: usize,
    /// Events that became dead letters.
    pub dead: usize,
    /// Events refused that are tried again.
    pub retried: usize,
    /// Events that the portal has not judged: they go back, and the try is not counted.
    pub stalled: usize,
}

impl SettleSummary {
    fn add(&mut self, other: &Self) {
        self.done += other.done;
        self.dead += other.dead;
        self.retried += other.retried;
        self.stalled += other.stalled;
    }
}

/// Everything a wave writes besides the orders' own rows.
#[derive(Default)]
struct SettleBatch {
    tried: Vec<AttemptResult>,
    events: Vec<i64>,
    states: Vec<EventState>,
    /// Orders whose newest event was done.
    done: Vec<DoneOrder>,
    dead: Vec<DeadEvent>,
    links: BTreeMap<(LinkEntity, String), i64>,
    /// What stands for nothing in the portal any more: (entity, key).
    unlinked: Vec<(LinkEntity, String)>,
    /// Orders that are done, and the products that their rows wait for.
    unlinked_rows: Vec<UnlinkedRows>,
    bearers: BTreeMap<(String, String, String), Bearer>,
    lines: Vec<Line>,
    made: Vec<NewDeal>,
    refused: Vec<NewAttempt>,
    /// Orders of which nothing can land any more.
    landed: Vec<OrderKey>,
    /// What may still land, and for how many seconds from now at least.
    landing: Vec<(WriteInFlight, f64)>,
    sum: SettleSummary,
}

/// An event that became a dead letter, and with what.
struct DeadEvent {
    event: i64,
    code: String,
    message: String,
    attempts: i32,
}

fn on_its_way(order: OrderKey, what: &WritesInFlight) -> Result<WriteInFlight, storage::Error> {
    let what = storage::written(what)?;
    let OrderKey { shop, number } = order;
    Ok(WriteInFlight { shop, number, what })
}

/// A new deal, and what it was made as.
struct NewDeal {
    shop: String,
    number: String,
    deal: Option<i64>,
    agreed: Agreed,
    /// Whether it certainly was made.
    certain: bool,
}

impl Delivery {
    /// Stores what a wave is about to write, and for how long it may land from now. False if the
    /// lease is lost: then nothing may be sent.
    pub async fn record_write_intents(
        &self,
        lease: &Lease,
        intentions: &[Intention],
        lands_within: Duration,
    ) -> Result<bool, Error> {
        let one = |one: &Intention| {
            let order = OrderKey::new(one.shop.as_str(), one.number.as_str());
            on_its_way(order, &one.what)
        };
        let orders: Result<Vec<WriteInFlight>, _> = intentions.iter().map(one).collect();
        let orders = orders?;
        let mut db = self.db.acquire().await?;
        Ok(writes_in_flight::begin(&mut db, lease, &orders, lands_within.as_secs_f64()).await?)
    }

    /// What tells the customers of a portal whom calls with lost answers may still make or
    /// complete.
    pub async fn customers_in_doubt(&self, portal: &str) -> Result<BTreeSet<String>, Error> {
        let mut db = self.db.acquire().await?;
        let who = writes_in_flight::customers(&mut db, portal).await?;
        Ok(who.into_iter().collect())
    }

    /// Records how a wave ended; nothing is written if the lease is lost. An order whose newest
    /// event is another one by now stays due for that one, and one that a person gave up meanwhile
    /// stays given up: what was written of it is known all the same. Whose end cannot be stored is
    /// given up, and the others' are.
    pub async fn settle(
        &self,
        lease: &Lease,
        tries: &RetryPolicy,
        ended: Vec<(Claim, Settlement)>,
    ) -> Result<SettleSummary, Error> {
        let mut sum = SettleSummary::default();
        let mut parts = Bisection::of(ended);
        while let Some(part) = parts.next() {
            match self.settle_some(lease, tries, &part).await {
                Err(error) if error.is_of_the_row() => {
                    if let Some((claim, _)) = parts.failed(part) {
                        self.dead_letter_claim(lease, &claim, ErrorCode::Bug, &error.chain())
                            .await?;
                        sum.dead += 1;
                    }
                }
                settled => sum.add(&settled?),
            }
        }
        Ok(sum)
    }

    /// Records how some orders ended in one transaction; all of them or none.
    async fn settle_some(
        &self,
        lease: &Lease,
        tries: &RetryPolicy,
        ended: &[(Claim, Settlement)],
    ) -> Result<SettleSummary, Error> {
        bug::caught_in(Box::pin(self.settle_in_one(lease, tries, ended))).await?
    }

    async fn settle_in_one(
        &self,
        lease: &Lease,
        tries: &RetryPolicy,
        ended: &[(Claim, Settlement)],
    ) -> Result<SettleSummary, Error> {
        let mut tx = self.db.begin().await?;
        lanes::fence(&mut tx, lease).await?;
        let keys = ended.iter();
        let keys = keys.map(|(claim, _)| OrderKey::new(&claim.shop, &claim.number));
        let (shops, numbers) = OrderKey::columns(keys);
        // A wave is of one kind.
        let kind = ended.first().map_or(Kind::Order, |(claim, _)| claim.kind);
        let heads = match kind {
            Kind::Order => orders::lock(&mut tx, &shops, &numbers).await?,
            Kind::Subject => subjects::lock(&mut tx, &shops, &numbers).await?,
        };
        let heads: HashMap<OrderKey, &QueueHead> = heads
            .iter()
            .map(|head| (OrderKey::new(&head.shop, &head.number), head))
            .collect();
        let claims: Vec<&Claim> = ended.iter().map(|(claim, _)| claim).collect();
        let refused = customer_matches::refused(&mut tx, &lease.portal, &claims).await?;
        let mut writes = SettleBatch::default();
        for ((claim, settlement), refused) in ended.iter().zip(refused) {
            self.traps.step(Step::Settle, &claim.number);
            if let Some(head) = heads.get(&OrderKey::new(&claim.shop, &claim.number)) {
                let newest = head.head_id == Some(claim.event) && head.waits;
                match customer_matches::taken_back(claim, settlement, &refused?) {
                    // The order was made due when that was said: it stays so.
                    Some(kept) => writes.add(claim, &kept, (head, false), tries)?,
                    None => writes.add(claim, settlement, (head, newest), tries)?,
                }
            }
        }
        let codes: Vec<String> = writes.dead.iter().map(|one| one.code.clone()).collect();
        let systems = self.clocks.clock_sources(&lease.portal);
        self.clocks.load_clocks(&mut tx, &systems).await?;
        self.clocks.store_clocks(&mut tx, &systems).await?;
        let linkable = writes.linkable();
        let sum = match kind {
            Kind::Order => {
                let outdated = self
                    .dead_letters
                    .close_outdated(&mut tx, &writes.done)
                    .await?;
                writes.lines.extend(outdated);
                let made = writes.made.iter();
                let made: Vec<OrderKey> = made
                    .map(|one| OrderKey::new(&one.shop, &one.number))
                    .collect();
                let stock = &self.intake.stock;
                let before = stock.statuses_before(&mut tx, &made).await?;
                let sum = writes.write(&mut tx, lease).await?;
                stock.follow_changed(&mut tx, before).await?;
                sum
            }
            Kind::Subject => writes.write_subjects(&mut tx, lease).await?,
        };
        tx.commit().await?;
        if !linkable.is_empty() {
            self.wake_linked_soon(&lease.portal, &linkable).await;
        }
        for code in codes {
            self.metrics.died(&lease.portal, &code);
        }
        let counts = [
            ("done", sum.done),
            ("dead", sum.dead),
            ("retried", sum.retried),
            ("stalled", sum.stalled),
        ];
        for (outcome, count) in counts {
            self.metrics.tried(&lease.portal, outcome, count);
        }
        Ok(sum)
    }

    /// Makes orders due whose rows wait for these products, and are linked by now. Asked behind
    /// both ends, that of the order and that of the product: whichever comes last sees the other.
    async fn wake_linked_soon(&self, portal: &str, keys: &[String]) {
        if let Err(error) = self.wake_linked(&[portal.to_owned()], Some(keys)).await {
            let error = error.chain();
            tracing::warn!(portal, %error, "rows are linked later: housekeeping looks again");
        }
    }

    async fn wake_linked(&self, portals: &[String], keys: Option<&[String]>) -> Result<(), Error> {
        let woken = {
            let mut db = self.db.acquire().await?;
            links::wake_linked(&mut db, portals, keys).await?
        };
        for portal in woken {
            self.waker.wake(&portal);
        }
        Ok(())
    }

    /// The same for all products of all portals: nothing is forgotten where a process died.
    pub async fn wake_all_linked(&self) -> Result<(), Error> {
        let rules = self.registry.shops.values();
        let with = rules.filter(|rules| self.registry.catalogues.contains_key(&rules.shop));
        let portals: BTreeSet<String> = with.map(|rules| rules.portal.to_string()).collect();
        if portals.is_empty() {
            return Ok(());
        }
        let portals: Vec<String> = portals.into_iter().collect();
        self.wake_linked(&portals, None).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_below_the_cap() {
        let tries = RetryPolicy {
            most: 5,
            pause: Duration::from_secs(5),
            cap: Duration::from_mins(1),
            doubt: Duration::from_secs(10),
        };
        for nth in 1..40 {
            let delay = tries.delay_ms(nth);
            assert!((50..=60_000).contains(&delay), "{delay}");
            assert!(nth > 1 || delay <= 5_000);
        }
    }
}

//! The end of a try: one transaction for a whole wave, fenced by the lane's lease.

use super::{
    claim::{Claim, Kind},
    customer_matches,
    dead_letter::clean,
};
use crate::{
    app::{Delivery, Error, bisection::Bisection, sync::compare},
    backoff,
    bug::{self, Step},
    domain::{Agreed, ErrorCode},
    planner::{CrmEntity, Intention, Landing, Outcome, Settlement, WritesInFlight},
    storage::{
        self, dead_letters,
        forms::subjects,
        journal::{self, Line},
        queue::{
            attempts::{self, NewAttempt},
            customer_values::{self, Bearer},
            lanes::{self, Lease},
            links::{self, Link},
            orders::{self, AttemptResult, Disposition, QueueHead},
            outbox,
            writes_in_flight::{self, WriteInFlight},
        },
        sync::{agreements, comparisons, stage_history},
    },
};
use serde_json::json;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

/// How often, and how long apart, an order is tried.
#[derive(Debug, Clone, Default)]
pub struct RetryPolicy {
    /// Tries that the portal judged before an event is dead.
    pub most: u32,
    /// The first pause.
    pub pause: Duration,
    /// The longest pause.
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
    /// Events done.
    pub done: usize,
    /// Events that died.
    pub dead: usize,
    /// Events refused that are tried again.
    pub retried: usize,
    /// Events nobody judged.
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
    states: Vec<String>,
    /// Orders whose newest event was done: (shop, number, that event).
    done: Vec<(String, String, i64)>,
    dead: Vec<(i64, String, String, i32)>,
    links: BTreeMap<(String, String), i64>,
    bearers: BTreeMap<(String, String, String), Bearer>,
    lines: Vec<Line>,
    made: Vec<NewDeal>,
    refused: Vec<NewAttempt>,
    /// Orders of which nothing can land any more.
    landed: Vec<(String, String)>,
    /// What may still land, and for how many seconds from now at least.
    landing: Vec<(WriteInFlight, f64)>,
    sum: SettleSummary,
}

fn on_its_way(shop: String, number: String, what: &WritesInFlight) -> WriteInFlight {
    let what = serde_json::to_value(what).map_or_else(|_| json!({}), storage::storable);
    WriteInFlight { shop, number, what }
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
            let (shop, number) = (one.shop.to_string(), one.number.to_string());
            on_its_way(shop, number, &one.what)
        };
        let orders: Vec<WriteInFlight> = intentions.iter().map(one).collect();
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
    /// event is another one by now stays due for that one. Whose end cannot be stored is given up,
    /// and the others' are.
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
        let shops: Vec<_> = ended.iter().map(|(claim, _)| claim.shop.clone()).collect();
        let numbers: Vec<_> = ended
            .iter()
            .map(|(claim, _)| claim.number.clone())
            .collect();
        // A wave is of one kind.
        let kind = ended.first().map_or(Kind::Order, |(claim, _)| claim.kind);
        let heads = match kind {
            Kind::Order => orders::lock(&mut tx, &shops, &numbers).await?,
            Kind::Form => subjects::lock(&mut tx, &shops, &numbers).await?,
        };
        let heads: HashMap<(&str, &str), &QueueHead> = heads
            .iter()
            .map(|head| ((&*head.shop, &*head.number), head))
            .collect();
        let claims: Vec<&Claim> = ended.iter().map(|(claim, _)| claim).collect();
        let refused = customer_matches::refused(&mut tx, &lease.portal, &claims).await?;
        let mut writes = SettleBatch::default();
        for ((claim, settlement), refused) in ended.iter().zip(refused) {
            self.traps.step(Step::Settle, &claim.number);
            if let Some(head) = heads.get(&(&*claim.shop, &*claim.number)) {
                let newest = head.head_id == Some(claim.event);
                match customer_matches::taken_back(claim, settlement, &refused) {
                    // The order was made due when that was said: it stays so.
                    Some(kept) => writes.add(claim, &kept, (head, false), tries),
                    None => writes.add(claim, settlement, (head, newest), tries),
                }
            }
        }
        let codes: Vec<String> = writes.dead.iter().map(|row| row.1.clone()).collect();
        let systems = self.clocks.clock_sources(&lease.portal);
        self.clocks.load_clocks(&mut tx, &systems).await?;
        self.clocks.store_clocks(&mut tx, &systems).await?;
        let sum = match kind {
            Kind::Order => {
                let outdated = self
                    .dead_letters
                    .close_outdated(&mut tx, &writes.done)
                    .await?;
                writes.lines.extend(outdated);
                writes.write(&mut tx, lease).await?
            }
            Kind::Form => writes.write_subjects(&mut tx, lease).await?,
        };
        tx.commit().await?;
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
}

impl SettleBatch {
    fn add(
        &mut self,
        claim: &Claim,
        settlement: &Settlement,
        head: (&QueueHead, bool),
        tries: &RetryPolicy,
    ) {
        let then = self.disposition(claim, settlement, head, tries);
        let known = &settlement.known;
        let id = |id: Option<u64>| id.and_then(|id| i64::try_from(id).ok());
        let (deal, lead) = match known.target {
            Some(CrmEntity::Deal(deal)) => (Some(deal), None),
            Some(CrmEntity::Lead(lead)) => (None, Some(lead)),
            None => (None, None),
        };
        if let Some((status, stage)) = &settlement.made_as {
            let certain = matches!(settlement.outcome, Outcome::Done { .. });
            let agreed = Agreed::new(status.clone(), stage.clone());
            let (shop, number) = (claim.shop.clone(), claim.number.clone());
            self.made.push(NewDeal {
                shop,
                number,
                deal: id(deal),
                agreed,
                certain,
            });
        }
        let order = format!("{}/{}", claim.shop, claim.number);
        self.link("deal", Some(&order), id(deal));
        self.link("lead", Some(&order), id(lead));
        if settlement.links_contact {
            self.link("contact", claim.contact_key.as_ref(), id(known.contact_id));
        }
        if settlement.links_company {
            self.link("company", claim.company_key.as_ref(), id(known.company_id));
        }
        for one in customer_matches::bearers_of(claim, settlement) {
            let key = (one.shop.clone(), one.value.clone(), one.bearer.clone());
            self.bearers.insert(key, one);
        }
        self.lands(claim, &settlement.landing, tries);
        self.tried.push(AttemptResult {
            shop: claim.shop.clone(),
            number: claim.number.clone(),
            then,
            known: serde_json::to_value(known).map_or_else(|_| json!({}), storage::storable),
            whole: known.open.is_nothing(),
            deal_id: id(deal),
            lead_id: id(lead),
            contact_id: id(known.contact_id),
            company_id: id(known.company_id),
            stage: settlement.stage.as_ref().map(|stage| stage.id.clone()),
        });
        for note in &settlement.notes {
            self.say(claim, "note", note.clone());
        }
    }

    /// What may still land, and until when.
    fn lands(&mut self, claim: &Claim, landing: &Landing, tries: &RetryPolicy) {
        let (shop, number) = (claim.shop.clone(), claim.number.clone());
        let (what, seconds) = match landing {
            Landing::Nothing => return self.landed.push((shop, number)),
            Landing::AsBefore(what) => (what, 0.0),
            Landing::Lost(what) => (what, tries.doubt.as_secs_f64()),
        };
        let what = on_its_way(shop, number, what);
        self.landing.push((what, seconds));
    }

    /// What the queue does with the order, and the sentences about it.
    fn disposition(
        &mut self,
        claim: &Claim,
        settlement: &Settlement,
        (head, newest): (&QueueHead, bool),
        tries: &RetryPolicy,
    ) -> Disposition {
        match &settlement.outcome {
            Outcome::Done { wrote } => {
                self.say(claim, "written", done_sentence(settlement, *wrote));
                self.sum.done += 1;
                if !newest {
                    return Disposition::Keep;
                }
                self.done
                    .push((claim.shop.clone(), claim.number.clone(), claim.event));
                self.end(claim, "done");
                Disposition::Done
            }
            _ if !newest => Disposition::Keep,
            Outcome::Again { code } => {
                self.sum.stalled += 1;
                let stalls = head.stalls.saturating_add(1);
                if stalls == 1 {
                    self.say(
                        claim,
                        "note",
                        format!("not judged by the portal ({code}): looked up and tried again"),
                    );
                }
                // Soon, but later each time: one order that always stalls must not take a place in
                // every wave.
                let delay_ms = 200_i64.saturating_mul(1 << stalls.clamp(0, 8)).min(30_000);
                Disposition::Stall {
                    stalls,
                    delay_ms,
                    waits: settlement.waits,
                }
            }
            Outcome::Apart { code, message } => {
                self.sum.stalled += 1;
                let stalls = head.stalls.saturating_add(1);
                if stalls == 1 {
                    let words = clean(message);
                    self.say(
                        claim,
                        "note",
                        format!("refused together with other orders: {words} ({code}); tried again apart from them"),
                    );
                }
                Disposition::Stall {
                    stalls,
                    delay_ms: 200,
                    waits: settlement.waits,
                }
            }
            Outcome::Hopeless { code, message } => {
                let attempts = head.attempts.saturating_add(1);
                self.die(claim, code.as_str(), message, attempts)
            }
            Outcome::Refused { code, message } => {
                let attempts = head.attempts.saturating_add(1);
                if attempts >= i32::try_from(tries.most).unwrap_or(i32::MAX) {
                    return self.die(claim, code.as_str(), message, attempts);
                }
                self.sum.retried += 1;
                let delay_ms = tries.delay_ms(attempts);
                let text = format!(
                    "the portal refused: {message} ({code}); try {attempts} of {}, the next in {:.1} s",
                    tries.most,
                    Duration::from_millis(delay_ms.unsigned_abs()).as_secs_f64()
                );
                self.say(claim, "refused", text);
                let (code, message) = (code.as_str().to_owned(), clean(message));
                self.refuse(claim, &code, &message, attempts);
                Disposition::Retry {
                    attempts,
                    code,
                    message,
                    delay_ms,
                }
            }
        }
    }

    fn die(&mut self, claim: &Claim, code: &str, message: &str, attempts: i32) -> Disposition {
        self.sum.dead += 1;
        self.end(claim, "dead");
        let (code, message) = (code.to_owned(), clean(message));
        self.refuse(claim, &code, &message, attempts);
        self.dead
            .push((claim.event, code.clone(), message.clone(), attempts));
        self.say(
            claim,
            "dead",
            format!("given up: {message} ({code}); it waits as a dead letter"),
        );
        Disposition::Dead {
            attempts,
            code,
            message,
        }
    }

    fn refuse(&mut self, claim: &Claim, code: &str, message: &str, nth: i32) {
        self.refused.push(NewAttempt {
            event: claim.event,
            nth,
            code: code.to_owned(),
            message: message.to_owned(),
        });
    }

    fn end(&mut self, claim: &Claim, state: &str) {
        self.events.push(claim.event);
        self.states.push(state.to_owned());
    }

    fn say(&mut self, claim: &Claim, kind: &'static str, text: String) {
        let (shop, number) = (claim.shop.clone(), claim.number.clone());
        self.lines.push(Line {
            shop,
            number,
            kind,
            text,
            detail: None,
        });
    }

    fn link(&mut self, entity: &str, key: Option<&String>, id: Option<i64>) {
        if let (Some(key), Some(id)) = (key, id)
            && id > 0
        {
            self.links.insert((entity.to_owned(), key.clone()), id);
        }
    }

    /// What may still land, and what can no longer.
    async fn write_landing(
        &mut self,
        db: &mut sqlx::PgConnection,
        lease: &Lease,
    ) -> Result<(), storage::Error> {
        let (shops, numbers): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.landed).into_iter().unzip();
        writes_in_flight::end(db, &shops, &numbers).await?;
        let (orders, seconds): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.landing).into_iter().unzip();
        writes_in_flight::keep(db, lease, &orders, &seconds).await
    }

    /// The same for subjects: they have one body, and no status that could drift.
    async fn write_subjects(
        mut self,
        db: &mut sqlx::PgConnection,
        lease: &Lease,
    ) -> Result<SettleSummary, storage::Error> {
        self.write_landing(db, lease).await?;
        subjects::record(db, &self.tried).await?;
        let (mut shops, mut keys) = (Vec::new(), Vec::new());
        let (mut codes, mut messages, mut tries) = (Vec::new(), Vec::new(), Vec::new());
        for one in &self.tried {
            if let Disposition::Dead {
                attempts,
                code,
                message,
            } = &one.then
            {
                shops.push(one.shop.clone());
                keys.push(one.number.clone());
                codes.push(code.clone());
                messages.push(message.clone());
                tries.push(*attempts);
            }
        }
        dead_letters::write_subjects(db, (&shops, &keys), &codes, &messages, &tries).await?;
        journal::add(db, &self.lines).await?;
        Ok(self.sum)
    }

    async fn write(
        mut self,
        db: &mut sqlx::PgConnection,
        lease: &Lease,
    ) -> Result<SettleSummary, storage::Error> {
        let portal = &*lease.portal;
        self.write_landing(db, lease).await?;
        orders::record(db, &self.tried).await?;
        outbox::settle(db, &self.events, &self.states).await?;
        attempts::add(db, &self.refused).await?;
        if !self.dead.is_empty() {
            let events: Vec<_> = self.dead.iter().map(|row| row.0).collect();
            let codes: Vec<_> = self.dead.iter().map(|row| row.1.clone()).collect();
            let messages: Vec<_> = self.dead.iter().map(|row| row.2.clone()).collect();
            let attempts: Vec<_> = self.dead.iter().map(|row| row.3).collect();
            dead_letters::write(db, &events, &codes, &messages, &attempts).await?;
        }
        let link = |((entity, key), bitrix_id)| Link {
            entity,
            key,
            bitrix_id,
        };
        let links: Vec<_> = self.links.into_iter().map(link).collect();
        if !links.is_empty() {
            links::put(db, portal, &links).await?;
        }
        let all: Vec<Bearer> = self.bearers.into_values().collect();
        if !all.is_empty() {
            customer_values::put(db, portal, &all).await?;
        }
        compare_later(db, portal, &self.tried, &self.made).await?;
        journal::add(db, &self.lines).await?;
        Ok(self.sum)
    }
}

/// Stores what new deals were made as, and puts orders whose sides are not known to agree on the
/// list of comparisons.
async fn compare_later(
    db: &mut sqlx::PgConnection,
    portal: &str,
    tried: &[AttemptResult],
    made: &[NewDeal],
) -> Result<(), storage::Error> {
    if !made.is_empty() {
        let shops: Vec<_> = made.iter().map(|one| one.shop.clone()).collect();
        let numbers: Vec<_> = made.iter().map(|one| one.number.clone()).collect();
        let agreed: Vec<_> = made.iter().map(|one| compare::value(&one.agreed)).collect();
        let certain: Vec<_> = made.iter().map(|one| one.certain).collect();
        agreements::begin(db, (&shops, &numbers), &agreed, &certain).await?;
    }
    let with_deal = || tried.iter().filter(|one| one.deal_id.is_some());
    let shops: Vec<_> = with_deal().map(|one| one.shop.clone()).collect();
    let numbers: Vec<_> = with_deal().map(|one| one.number.clone()).collect();
    let stages: Vec<_> = with_deal().map(|one| one.stage.clone()).collect();
    if !shops.is_empty() {
        comparisons::ask_written(db, &shops, &numbers, &stages).await?;
    }
    let (mut shops, mut numbers) = (Vec::new(), Vec::new());
    let (mut deals, mut stages) = (Vec::new(), Vec::new());
    for one in made {
        if let Some(deal) = one.deal {
            shops.push(one.shop.clone());
            numbers.push(one.number.clone());
            deals.push(deal);
            stages.push(one.agreed.stage.id.clone());
        }
    }
    if !deals.is_empty() {
        stage_history::ask_made(db, portal, (&shops, &numbers), &deals, &stages).await?;
    }
    Ok(())
}

fn done_sentence(settlement: &Settlement, wrote: bool) -> String {
    let target = settlement.known.target;
    let what = target.map_or_else(|| "the portal".to_owned(), |target| target.to_string());
    match (&settlement.stage, wrote) {
        (Some(stage), true) => format!("{what} written in stage {stage}"),
        (None, true) => format!("{what} written"),
        (Some(stage), false) => format!("{what} in stage {stage}: nothing to write"),
        (None, false) => format!("{what}: nothing to write"),
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

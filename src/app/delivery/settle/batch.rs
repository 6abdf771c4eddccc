//! The batch that a wave stores, gathered from its settlements.

use super::{
    super::{claim::Claim, customer_matches, dead_letter::clean},
    DeadEvent, NewDeal, RetryPolicy, SettleBatch, SettleSummary, on_its_way,
};
use crate::{
    app::dead_letters::outdated::DoneOrder,
    domain::{
        Agreed, OrderKey,
        happening::{Card, Happening, InStage, Millis, OrderEvent, Words},
        is_picture_key, product_id,
    },
    planner::{CardId, CrmEntity, KnownLinks, Landing, Outcome, Place, Settlement},
    storage::{
        self, EventState, LinkEntity, Unreadable, dead_letters,
        journal::{self, Line, LineKind},
        queue::{
            attempts::{self, NewAttempt},
            customer_values::{self, Bearer},
            lanes::Lease,
            links::{self, Link, UnlinkedRows},
            orders::{self, AttemptResult, Disposition, QueueHead},
            outbox, subjects, writes_in_flight,
        },
        sync::{agreements, comparisons, stage_history},
    },
};

/// A part is done, and the rest is due.
const DUE_AT_ONCE: Disposition = Disposition::Stall {
    stalls: 0,
    delay_ms: 0,
    waits: false,
};

impl SettleBatch {
    pub(super) fn add(
        &mut self,
        claim: &Claim,
        settlement: &Settlement,
        head: (&QueueHead, bool),
        tries: &RetryPolicy,
    ) -> Result<(), storage::Error> {
        let then = self.disposition(claim, settlement, head, tries);
        let mut known = settlement.known.clone();
        if claim.follows
            && let (Outcome::Done { .. }, Some(target)) = (&settlement.outcome, known.target)
        {
            known.card = Some(Place::On(target.into()));
        }
        let known = &known;
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
        if settlement.links_contact {
            self.link(
                LinkEntity::Contact,
                claim.contact_key.as_ref(),
                id(known.contact_id),
            );
        }
        if settlement.links_company {
            self.link(
                LinkEntity::Company,
                claim.company_key.as_ref(),
                id(known.company_id),
            );
        }
        for one in customer_matches::bearers_of(claim, settlement) {
            let key = (one.shop.clone(), one.value.clone(), one.bearer.clone());
            self.bearers.insert(key, one);
        }
        self.link_products(claim, known)?;
        self.note_unlinked(claim, settlement);
        self.lands(claim, &settlement.landing, tries)?;
        self.tried.push(AttemptResult {
            shop: claim.shop.clone(),
            number: claim.number.clone(),
            then,
            known: storage::written(known)?,
            whole: known.open.is_nothing(),
            deal_id: id(deal),
            lead_id: id(lead),
            contact_id: id(known.contact_id),
            company_id: id(known.company_id),
            stage: settlement.stage.as_ref().map(|stage| stage.id.clone()),
        });
        for note in &settlement.notes {
            self.say(claim, LineKind::Note, note.clone());
        }
        Ok(())
    }

    /// What orders name a product by is linked to what is sold of it in the portal; the parent of
    /// variations is not.
    fn link_products(&mut self, claim: &Claim, known: &KnownLinks) -> Result<(), storage::Error> {
        let Some(product) = &known.product else {
            return Ok(());
        };
        let id = product_id(&claim.number);
        let id = id.ok_or_else(|| not_a_product(claim))?;
        let key = |id: &str| format!("{}/{id}", claim.shop);
        if product.own.as_ref().is_some_and(|own| own.parent) {
            self.unlinked.push((LinkEntity::Product, key(id)));
        }
        for (id, element) in product.sold(id) {
            self.link(
                LinkEntity::Product,
                Some(&key(&id)),
                i64::try_from(element).ok(),
            );
        }
        Ok(())
    }

    /// Which products the rows of a deal wait for.
    fn note_unlinked(&mut self, claim: &Claim, settlement: &Settlement) {
        let (Some(unlinked), Outcome::Done { .. }) = (&claim.unlinked, &settlement.outcome) else {
            return;
        };
        let known = &settlement.known;
        let left = known.written.as_ref().is_some_and(|last| last.links_left);
        let is_deal = matches!(known.target, Some(CrmEntity::Deal(_)));
        let products = unlinked.iter().filter(|_| is_deal && !left);
        self.unlinked_rows.push(UnlinkedRows {
            shop: claim.shop.clone(),
            number: claim.number.clone(),
            products: products.cloned().collect(),
        });
    }

    /// Links that may let rows be linked: those that rows wait for, and those that are made.
    pub(super) fn linkable(&self) -> Vec<String> {
        let waiting = self.unlinked_rows.iter().flat_map(|row| &row.products);
        let made = self.links.keys();
        let made = made.filter_map(|(entity, key)| (*entity == LinkEntity::Product).then_some(key));
        waiting.chain(made).cloned().collect()
    }

    /// What may still land, and until when.
    fn lands(
        &mut self,
        claim: &Claim,
        landing: &Landing,
        tries: &RetryPolicy,
    ) -> Result<(), storage::Error> {
        let order = OrderKey::new(&claim.shop, &claim.number);
        let (what, seconds) = match landing {
            Landing::Nothing => {
                self.landed.push(order);
                return Ok(());
            }
            Landing::AsBefore(what) => (what, 0.0),
            Landing::Lost(what) => (what, tries.doubt.as_secs_f64()),
        };
        let what = on_its_way(order, what)?;
        self.landing.push((what, seconds));
        Ok(())
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
            Outcome::Done { wrote } => self.done(claim, settlement, *wrote, newest),
            _ if !newest => Disposition::Keep,
            Outcome::Onward => DUE_AT_ONCE,
            Outcome::Again { code } => {
                self.sum.stalled += 1;
                let stalls = head.stalls.saturating_add(1);
                if stalls == 1 {
                    let code = code.to_string();
                    self.say(claim, LineKind::Note, OrderEvent::NotJudged { code });
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
                    let (words, code) = (Words(clean(message)), code.to_string());
                    let together = OrderEvent::RefusedTogether { words, code };
                    self.say(claim, LineKind::Note, together);
                }
                Disposition::Stall {
                    stalls,
                    delay_ms: 200,
                    waits: settlement.waits,
                }
            }
            Outcome::Hopeless { code, message } => {
                let attempts = head.attempts.saturating_add(1);
                self.dead(claim, code.as_str(), message, attempts)
            }
            Outcome::Refused { code, message } => {
                let attempts = head.attempts.saturating_add(1);
                if attempts >= i32::try_from(tries.most).unwrap_or(i32::MAX) {
                    return self.dead(claim, code.as_str(), message, attempts);
                }
                self.sum.retried += 1;
                let delay_ms = tries.delay_ms(attempts);
                let refused = OrderEvent::Refused {
                    words: Words(message.clone()),
                    code: code.to_string(),
                    attempt: attempts,
                    of: tries.most,
                    next_in_ms: Millis(delay_ms),
                };
                self.say(claim, LineKind::Refused, refused);
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

    /// The portal holds it; what is to be put on what was made is due at once.
    fn done(
        &mut self,
        claim: &Claim,
        settlement: &Settlement,
        wrote: bool,
        newest: bool,
    ) -> Disposition {
        // Thousands of products are sent again as they are, and their pictures with them.
        let known = &settlement.known;
        if wrote || known.product.is_none() && !is_picture_key(&claim.number) {
            self.say(claim, LineKind::Written, done(settlement, wrote));
        }
        if claim.follows && newest {
            return DUE_AT_ONCE;
        }
        self.sum.done += 1;
        if !newest {
            return Disposition::Keep;
        }
        self.done.push(DoneOrder {
            order: OrderKey::new(&claim.shop, &claim.number),
            event: claim.event,
        });
        self.end(claim, EventState::Done);
        Disposition::Done
    }

    fn dead(&mut self, claim: &Claim, code: &str, message: &str, attempts: i32) -> Disposition {
        self.sum.dead += 1;
        self.end(claim, EventState::Dead);
        let (code, message) = (code.to_owned(), clean(message));
        self.refuse(claim, &code, &message, attempts);
        self.dead.push(DeadEvent {
            event: claim.event,
            code: code.clone(),
            message: message.clone(),
            attempts,
        });
        let given_up = OrderEvent::GivenUp {
            words: Words(message.clone()),
            code: code.clone(),
        };
        self.say(claim, LineKind::Dead, given_up);
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

    pub(super) fn end(&mut self, claim: &Claim, state: EventState) {
        self.events.push(claim.event);
        self.states.push(state);
    }

    fn say(&mut self, claim: &Claim, kind: LineKind, what: impl Into<Happening>) {
        let (shop, number) = (claim.shop.clone(), claim.number.clone());
        self.lines.push(Line {
            shop,
            number,
            kind,
            what: what.into(),
            detail: None,
        });
    }

    fn link(&mut self, entity: LinkEntity, key: Option<&String>, id: Option<i64>) {
        if let (Some(key), Some(id)) = (key, id)
            && id > 0
        {
            self.links.insert((entity, key.clone()), id);
        }
    }

    /// What may still land, and what can no longer.
    async fn write_landing(
        &mut self,
        db: &mut sqlx::PgConnection,
        lease: &Lease,
    ) -> Result<(), storage::Error> {
        let (shops, numbers) = OrderKey::columns(std::mem::take(&mut self.landed));
        writes_in_flight::end(db, &shops, &numbers).await?;
        let (orders, seconds): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.landing).into_iter().unzip();
        writes_in_flight::keep(db, lease, &orders, &seconds).await
    }

    /// The same for subjects: they have one body, and no status that could drift.
    pub(super) async fn write_subjects(
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
        self.write_links(db, &lease.portal).await?;
        journal::add(db, &self.lines).await?;
        Ok(self.sum)
    }

    async fn write_links(
        &mut self,
        db: &mut sqlx::PgConnection,
        portal: &str,
    ) -> Result<(), storage::Error> {
        let link = |((entity, key), bitrix_id)| Link {
            entity,
            key,
            bitrix_id,
        };
        let links = std::mem::take(&mut self.links);
        let links: Vec<_> = links.into_iter().map(link).collect();
        if !links.is_empty() {
            links::put(db, portal, &links).await?;
        }
        let unlinked = std::mem::take(&mut self.unlinked);
        let (entities, keys): (Vec<_>, Vec<_>) = unlinked.into_iter().unzip();
        if !keys.is_empty() {
            links::remove(db, portal, &entities, &keys).await?;
        }
        Ok(())
    }

    pub(super) async fn write(
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
            let events: Vec<_> = self.dead.iter().map(|one| one.event).collect();
            let codes: Vec<_> = self.dead.iter().map(|one| one.code.clone()).collect();
            let messages: Vec<_> = self.dead.iter().map(|one| one.message.clone()).collect();
            let attempts: Vec<_> = self.dead.iter().map(|one| one.attempts).collect();
            dead_letters::write(db, &events, &codes, &messages, &attempts).await?;
        }
        self.write_links(db, portal).await?;
        if !self.unlinked_rows.is_empty() {
            links::note_unlinked(db, portal, &self.unlinked_rows).await?;
        }
        let all: Vec<Bearer> = self.bearers.into_values().collect();
        if !all.is_empty() {
            customer_values::put(db, portal, &all).await?;
        }
        enqueue_comparisons(db, portal, &self.tried, &self.made).await?;
        journal::add(db, &self.lines).await?;
        Ok(self.sum)
    }
}

/// Stores what new deals were made as, and puts orders whose sides are not known to agree on the
/// list of comparisons.
async fn enqueue_comparisons(
    db: &mut sqlx::PgConnection,
    portal: &str,
    tried: &[AttemptResult],
    made: &[NewDeal],
) -> Result<(), storage::Error> {
    if !made.is_empty() {
        let shops: Vec<_> = made.iter().map(|one| one.shop.clone()).collect();
        let numbers: Vec<_> = made.iter().map(|one| one.number.clone()).collect();
        let agreed: Vec<_> = made.iter().map(|one| one.agreed.clone()).collect();
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

/// A product is on record for what is none.
fn not_a_product(claim: &Claim) -> storage::Error {
    let key = OrderKey::new(&claim.shop, &claim.number);
    let why = "it tells of a product, and that is no key of one";
    Unreadable::of("bridge.subjects", "known", key, why).into()
}

/// What is said of an order whose end is good.
fn done(settlement: &Settlement, wrote: bool) -> OrderEvent {
    let product = settlement.known.product.as_ref();
    if let Some(own) = product.and_then(|product| product.own.as_ref()) {
        return OrderEvent::ProductWritten { product: own.id };
    }
    let card = match (settlement.known.target, settlement.known.card) {
        (_, Some(Place::On(CardId::Contact(id)))) => Card::Contact(id),
        (Some(target), _) => target.into(),
        (None, _) => Card::Portal,
    };
    let stage = InStage(settlement.stage.as_ref().map(Into::into));
    if wrote {
        OrderEvent::Written { card, stage }
    } else {
        OrderEvent::Unchanged { card, stage }
    }
}

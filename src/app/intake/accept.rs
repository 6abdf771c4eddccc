//! Taking events in.
//!
//! Statements over arrays, for a whole request or for several at a time (see `group_commit`). New
//! orders are one statement; for the others one transaction compares. Of the events of one order
//! only the newest stays pending; what it overtakes is superseded in the same transaction, wherever
//! it came from.

use super::{event_reader, subject_events::ReadSubject};
use crate::{
    activities::ActivityEvent,
    app::{
        Error, Intake,
        intake::group_commit::{CommitQueue, GroupCommit, commit_grouped},
        stock::{Teller, events::is_goods, orders as goods},
    },
    domain::{
        ErrorCode, Faults, MOST_FAULTS, ProductEvent, ShopName, happening::OrderEvent, shorten,
    },
    process::telemetry::traces,
    storage::{
        journal::{Line, LineKind},
        queue::{
            orders,
            outbox::{self, NewEvent, StoredEvent},
        },
    },
};
use serde_json::{Value, json};
use sqlx::{Connection, PgConnection, PgPool};
use std::collections::{BTreeSet, HashMap};

/// The most events that one request may carry.
pub const MAX_EVENTS: usize = 1000;
/// Most faults that are told of all events of a request, beside one of each.
const MOST_TOLD: usize = 1_000;
/// A request with so many events is stored in two parts.
const APART: usize = 200;

/// What became of an event that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// Stored, and committed: it is not lost any more.
    Queued,
    /// The same event was accepted before.
    Duplicate,
    /// Another event with the same source and id was accepted before.
    Conflict,
    /// A receipt that came before with other contents, and no newer version: kept as a dead letter.
    Changed(Faults),
    /// It is not a valid event of this shop.
    Invalid(Faults),
    /// It may not be done, for this reason.
    Refused(ErrorCode, Faults),
    /// The bridge itself failed at it, in these words; nothing of it is stored.
    Failed(String),
}

/// Identity of an event: shop, source, id.
type EventIdentity<'a> = (&'a str, &'a str, &'a str);

impl Intake {
    /// Accepts up to [`MAX_EVENTS`] events; returns when they are stored durably, one result for
    /// each, in order. `shop` is the shop whose key was shown; without one the events say it
    /// themselves. After an error some may be stored: sent again, those are duplicates.
    pub async fn accept_events(
        &self,
        shop: Option<&ShopName>,
        events: &[Value],
    ) -> Result<Vec<Accepted>, Error> {
        if events.len() > MAX_EVENTS {
            return Err(Error::TooMany(events.len()));
        }
        let mut good = Vec::with_capacity(events.len());
        let mut refused = Vec::with_capacity(events.len());
        let mut products = Vec::new();
        let mut left = MOST_TOLD;
        let trace = traces::current();
        for event in events {
            if is_goods(event) {
                let by = shop.map_or(Teller::Event, Teller::Shop);
                refused.push(Some(self.stock.accept_goods(by, event).await?));
                continue;
            }
            if ActivityEvent::is(event) {
                refused.push(Some(self.forms.accept_activity(shop, event).await?));
                continue;
            }
            if ProductEvent::is(event) {
                products.push((refused.len(), event));
                refused.push(Some(Accepted::Queued));
                continue;
            }
            match self.read_event(shop, event) {
                Ok(mut event) => {
                    event.traceparent.clone_from(&trace);
                    good.push(event);
                    refused.push(None);
                }
                Err(mut rejection) => {
                    // Of each event one is told at least: what is wrong with it at all.
                    rejection.faults = shorten(rejection.faults, left.clamp(1, MOST_FAULTS));
                    left = left.saturating_sub(rejection.faults.len());
                    refused.push(Some(Accepted::from(rejection)));
                }
            }
        }
        self.accept_products(shop, &products, &mut refused).await?;
        let stored = if good.is_empty() {
            Vec::new()
        } else {
            match self.store_request(good).await {
                Err(error) if error.is_of_the_row() => self.store_each(shop, events).await?,
                stored => stored?,
            }
        };
        let mut stored = stored.into_iter();
        let results: Vec<_> = refused
            .into_iter()
            .map(|refused| match refused {
                None => stored.next().unwrap_or(Accepted::Queued),
                Some(refused) => refused,
            })
            .collect();
        for result in &results {
            self.metrics.accepted(result.word());
        }
        Ok(results)
    }

    /// Accepts the events about products of a request, each at its place.
    async fn accept_products(
        &self,
        shop: Option<&ShopName>,
        products: &[(usize, &Value)],
        results: &mut [Option<Accepted>],
    ) -> Result<(), Error> {
        if products.is_empty() {
            return Ok(());
        }
        let events: Vec<&Value> = products.iter().map(|(_, event)| *event).collect();
        let accepted = self.catalogue.accept(shop, &events).await?;
        for ((at, _), accepted) in products.iter().zip(accepted) {
            if let Some(result) = results.get_mut(*at) {
                *result = Some(accepted);
            }
        }
        Ok(())
    }

    /// Stores the events of a request: many of them in two parts at the same time. All of one order
    /// are in the same part, in their order.
    async fn store_request(&self, events: Vec<NewEvent>) -> Result<Vec<Accepted>, Error> {
        if events.len() < APART {
            return commit_grouped(self, events).await;
        }
        let mut parts = [Vec::new(), Vec::new()];
        let mut places = Vec::with_capacity(events.len());
        for event in events {
            let part = event.number.bytes().map(usize::from).sum::<usize>() % 2;
            places.push(part);
            parts[part].push(event);
        }
        let [first, second] = parts;
        let (first, second) =
            tokio::join!(commit_grouped(self, first), commit_grouped(self, second));
        let mut stored = [first?.into_iter(), second?.into_iter()];
        let stored = places.into_iter().filter_map(|part| stored[part].next());
        Ok(stored.collect())
    }

    /// Stores the events of a request one by one, after one of them failed together with the
    /// others: the fault is its own. What was stored before that is a duplicate by now.
    async fn store_each(
        &self,
        shop: Option<&ShopName>,
        events: &[Value],
    ) -> Result<Vec<Accepted>, Error> {
        let trace = traces::current();
        let mut results = Vec::new();
        let of_orders = events.iter();
        let of_orders = of_orders.filter(|one| !is_goods(one) && !ReadSubject::is(one));
        for event in of_orders {
            let Ok(mut event) = self.read_event(shop, event) else {
                continue;
            };
            event.traceparent.clone_from(&trace);
            results.push(match commit_grouped(self, vec![event]).await {
                Ok(stored) => stored.into_iter().next().unwrap_or(Accepted::Queued),
                Err(error) if error.is_of_the_row() => Accepted::Failed(error.chain()),
                Err(error) => return Err(error),
            });
        }
        Ok(results)
    }

    /// Wakes the lanes of what was queued, and counts what that overtook.
    pub(in crate::app) fn wake_lanes(&self, events: &[&NewEvent], stored: &StoredEvents) {
        for portal in &stored.overtaken {
            self.metrics.superseded(portal, 1);
        }
        let queued = events
            .iter()
            .zip(&stored.results)
            .filter(|(_, result)| **result == Accepted::Queued);
        let mut lanes = BTreeSet::new();
        for (event, _) in queued {
            lanes.insert(event.portal.clone());
            lanes.extend(self.registry.push_lane(&event.shop));
        }
        for lane in lanes {
            self.waker.wake(&lane);
        }
    }
}

/// The events of a request.
impl GroupCommit for Vec<NewEvent> {
    type Answer = Vec<Accepted>;
    type Owner = Intake;

    fn rows(&self) -> usize {
        self.len()
    }

    fn queue(intake: &Intake) -> &CommitQueue<Self> {
        &intake.commits
    }

    fn db(intake: &Intake) -> &PgPool {
        &intake.db
    }

    async fn write(
        intake: &Intake,
        db: &mut PgConnection,
        all: &[&Self],
    ) -> Result<Vec<Self::Answer>, Error> {
        let events: Vec<&NewEvent> = all.iter().flat_map(|one| one.iter()).collect();
        let stored = write(intake, db, &events).await?;
        intake.wake_lanes(&events, &stored);
        let mut results = stored.results.into_iter();
        let of = |one: &&Self| results.by_ref().take(one.len()).collect();
        Ok(all.iter().map(of).collect())
    }
}

/// Stores events and commits; goods move with them.
async fn write(
    intake: &Intake,
    db: &mut PgConnection,
    events: &[&NewEvent],
) -> Result<StoredEvents, Error> {
    if events.iter().any(|event| event.goods.is_some()) {
        let mut tx = db.begin().await?;
        let stored = store(intake, &mut tx, events).await?;
        tx.commit().await?;
        return Ok(stored);
    }
    let first = store_first(db, events).await?;
    // New orders are stored by now, with one trip to the database; a transaction is for the others.
    if !first.contains(&false) {
        return store_rest(intake, db, events, first).await;
    }
    let mut tx = db.begin().await?;
    let stored = store_rest(intake, &mut tx, events, first).await?;
    tx.commit().await?;
    Ok(stored)
}

/// What became of events that were stored.
#[derive(Debug, Default)]
pub(in crate::app) struct StoredEvents {
    /// One for each, in order.
    pub(in crate::app) results: Vec<Accepted>,
    /// The portal of each event that a newer one superseded.
    pub(in crate::app) overtaken: Vec<String>,
}

/// Stores events in a transaction and makes the newest of each order its head; one result for each,
/// in order.
pub(in crate::app) async fn store(
    intake: &Intake,
    tx: &mut PgConnection,
    events: &[&NewEvent],
) -> Result<StoredEvents, Error> {
    let mut point = tx.begin().await?;
    let first = store_first(&mut point, events).await?;
    // None was stored: perhaps because the statement failed, then nothing else works before the
    // rollback.
    if first.contains(&true) {
        point.commit().await?;
    } else {
        point.rollback().await?;
    }
    let stored = store_rest(intake, tx, events, first).await?;
    let queued = std::iter::zip(events, &stored.results);
    let queued: Vec<_> = queued
        .filter(|(_, result)| **result == Accepted::Queued)
        .map(|(event, _)| *event)
        .collect();
    goods::apply(&intake.stock, tx, &queued).await?;
    Ok(stored)
}

/// Stores the events whose order nobody has heard of: nothing has to be compared for them, and one
/// statement does it all. Tells for each event whether it was such a one.
async fn store_first(db: &mut PgConnection, events: &[&NewEvent]) -> Result<Vec<bool>, Error> {
    let mut first = vec![false; events.len()];
    let stored = match outbox::insert_first(db, events).await {
        // A shop used an identity for two orders: the careful way tells which.
        Err(error) if error.is_taken() => Vec::new(),
        stored => stored?,
    };
    for place in stored {
        if let Some(is) = usize::try_from(place).ok().and_then(|i| first.get_mut(i)) {
            *is = true;
        }
    }
    Ok(first)
}

/// Stores the other events, after [`store_first`]; the results are for all.
async fn store_rest(
    intake: &Intake,
    db: &mut PgConnection,
    events: &[&NewEvent],
    first: Vec<bool>,
) -> Result<StoredEvents, Error> {
    let rest: Vec<_> = std::iter::zip(events, &first)
        .filter(|(_, first)| !**first)
        .map(|(event, _)| *event)
        .collect();
    let StoredEvents { results, overtaken } = store_known(intake, db, &rest).await?;
    let mut results = results.into_iter();
    let of = |first: bool| {
        let other = (!first).then(|| results.next()).flatten();
        other.unwrap_or(Accepted::Queued)
    };
    Ok(StoredEvents {
        results: first.into_iter().map(of).collect(),
        overtaken,
    })
}

/// Stores events of orders that may be there, or that may be there themselves. Their orders are
/// locked first: whoever has an order has the identities of its events as well, so that a retry of
/// the same event waits for its turn.
async fn store_known(
    intake: &Intake,
    db: &mut PgConnection,
    events: &[&NewEvent],
) -> Result<StoredEvents, Error> {
    if events.is_empty() {
        return Ok(StoredEvents::default());
    }
    let mut first: HashMap<EventIdentity<'_>, usize> = HashMap::new();
    let mut unique = Vec::new();
    for (index, event) in events.iter().enumerate() {
        first.entry(identity(event)).or_insert_with(|| {
            unique.push(*event);
            index
        });
    }
    let shops: Vec<_> = unique.iter().map(|event| event.shop.clone()).collect();
    let numbers: Vec<_> = unique.iter().map(|event| event.number.clone()).collect();
    let locked = orders::lock(db, &shops, &numbers).await?;
    let fresh = outbox::insert(db, &unique).await?;
    let fresh: HashMap<EventIdentity<'_>, &StoredEvent> = fresh
        .iter()
        .map(|event| (stored_identity(event), event))
        .collect();
    let before = known_before(db, &unique, &fresh).await?;
    let mut results = Vec::with_capacity(events.len());
    let mut arrived = Vec::new();
    for (index, event) in events.iter().enumerate() {
        let key = identity(event);
        let same = match (fresh.get(&key), before.get(&key)) {
            (Some(stored), _) if first.get(&key) == Some(&index) => {
                arrived.push((*event, stored.id));
                results.push(Accepted::Queued);
                continue;
            }
            (Some(stored), _) => stored.fingerprint == event.fingerprint,
            (None, Some(fingerprint)) => *fingerprint == event.fingerprint,
            // Pruned between two statements: it was here.
            (None, None) => true,
        };
        results.push(if same {
            Accepted::Duplicate
        } else {
            Accepted::Conflict
        });
    }
    let overtaken = if arrived.is_empty() {
        Vec::new()
    } else {
        intake.enqueue(db, &arrived, locked).await?
    };
    Ok(StoredEvents { results, overtaken })
}

fn identity(event: &NewEvent) -> EventIdentity<'_> {
    (&event.shop, &event.source, &event.event_id)
}

fn stored_identity(event: &StoredEvent) -> EventIdentity<'_> {
    (&event.shop, &event.source, &event.event_id)
}

/// The fingerprints of the events that were there already.
async fn known_before<'a>(
    db: &mut PgConnection,
    unique: &[&'a NewEvent],
    fresh: &HashMap<EventIdentity<'_>, &StoredEvent>,
) -> Result<HashMap<EventIdentity<'a>, Vec<u8>>, Error> {
    let old: Vec<_> = unique
        .iter()
        .filter(|event| !fresh.contains_key(&identity(event)))
        .collect();
    if old.is_empty() {
        return Ok(HashMap::new());
    }
    let shops: Vec<_> = old.iter().map(|e| e.shop.clone()).collect();
    let sources: Vec<_> = old.iter().map(|e| e.source.clone()).collect();
    let ids: Vec<_> = old.iter().map(|e| e.event_id.clone()).collect();
    let found = outbox::find(db, &shops, &sources, &ids).await?;
    let mut prints: HashMap<_, _> = found
        .into_iter()
        .map(|e| ((e.shop, e.source, e.event_id), e.fingerprint))
        .collect();
    let of = |e: &&&'a NewEvent| {
        let key = (e.shop.clone(), e.source.clone(), e.event_id.clone());
        prints.remove(&key).map(|print| (identity(e), print))
    };
    Ok(old.iter().filter_map(of).collect())
}

/// A sentence about the event's order.
pub(in crate::app) fn line(event: &NewEvent, kind: LineKind, what: OrderEvent) -> Line {
    // Which event was accepted is what happened.
    let detail = match kind {
        LineKind::Accepted => event.occurred_at.map(|at| json!({ "shop_clock": at })),
        _ => Some(json!({ "event": event.event_id, "shop_clock": event.occurred_at })),
    };
    Line {
        shop: event.shop.clone(),
        number: event.number.clone(),
        kind,
        what: what.into(),
        detail,
    }
}

impl From<event_reader::Rejection> for Accepted {
    fn from(rejection: event_reader::Rejection) -> Self {
        match rejection.code {
            ErrorCode::Bug => Self::Failed(crate::app::sentence(&rejection.faults)),
            ErrorCode::NotMaster | ErrorCode::UnknownProduct | ErrorCode::Forbidden => {
                Self::Refused(rejection.code, rejection.faults)
            }
            _ => Self::Invalid(rejection.faults),
        }
    }
}

impl Accepted {
    /// One word, as the API says it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Duplicate => "duplicate",
            Self::Conflict | Self::Changed(_) => "conflict",
            Self::Invalid(_) | Self::Refused(..) => "invalid",
            Self::Failed(_) => "failed",
        }
    }

    /// The code, where something is wrong.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Queued | Self::Duplicate | Self::Changed(_) => None,
            Self::Conflict => Some(ErrorCode::Conflict),
            Self::Invalid(_) => Some(ErrorCode::Invalid),
            Self::Refused(code, _) => Some(*code),
            Self::Failed(_) => Some(ErrorCode::Bug),
        }
    }
}

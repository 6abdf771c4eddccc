//! Taking events in.
//!
//! One transaction for the whole request, or for several at a time (see `intake`), its statements over arrays. Of the events of one order only the newest stays
//! pending; what it overtakes is superseded in the same transaction, wherever it came from.

use super::{Bridge, Error, mend};
use crate::{
    domain::{Code, Faults, ShopName},
    storage::{
        journal::{self, Line},
        orders::{self, Head, NewHead},
        outbox::{self, NewEvent, StoredEvent},
    },
    telemetry::traces,
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The most events that one request may carry.
pub const MAX_EVENTS: usize = 1000;

/// What became of an event that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// Stored, durably.
    Queued,
    /// The same event was accepted before.
    Duplicate,
    /// Another event with the same source and id was accepted before.
    Conflict,
    /// It is not a valid event of this shop.
    Invalid(Faults),
}

/// Identity of an event: shop, source, id.
type Identity<'a> = (&'a str, &'a str, &'a str);

impl Bridge {
    /// Accepts up to [`MAX_EVENTS`] events in one transaction; returns after COMMIT, one result for each, in order. `shop` is the
    /// shop whose key was shown; without one the events say it themselves.
    pub async fn accept_events(
        &self,
        shop: Option<&ShopName>,
        events: &[Value],
    ) -> Result<Vec<Accepted>, Error> {
        if events.len() > MAX_EVENTS {
            return Err(Error::TooMany(events.len()));
        }
        let mut good = Vec::with_capacity(events.len());
        let mut faults = Vec::with_capacity(events.len());
        let trace = traces::current();
        for event in events {
            match mend::read(self.directory(), shop, event) {
                Ok(mut event) => {
                    event.traceparent.clone_from(&trace);
                    good.push(event);
                    faults.push(None);
                }
                Err(rejection) => faults.push(Some(rejection.faults)),
            }
        }
        let stored = if good.is_empty() {
            Vec::new()
        } else {
            self.take_in(good).await?
        };
        let mut stored = stored.into_iter();
        let results: Vec<_> = faults
            .into_iter()
            .map(|faults| match faults {
                None => stored.next().unwrap_or(Accepted::Queued),
                Some(faults) => Accepted::Invalid(faults),
            })
            .collect();
        for result in &results {
            self.metrics().accepted(result.word());
        }
        Ok(results)
    }

    /// Wakes the lanes of what was queued, and counts what that overtook.
    pub(super) fn ring(&self, events: &[&NewEvent], stored: &Stored) {
        for portal in &stored.overtaken {
            self.metrics().superseded(portal, 1);
        }
        let queued = events
            .iter()
            .zip(&stored.results)
            .filter(|(_, result)| **result == Accepted::Queued);
        let portals: BTreeSet<&str> = queued.map(|(event, _)| event.portal.as_str()).collect();
        for portal in portals {
            self.bell().ring(portal);
        }
    }
}

/// What became of events that were stored.
#[derive(Debug, Default)]
pub(super) struct Stored {
    /// One for each, in order.
    pub(super) results: Vec<Accepted>,
    /// The portal of each event that a newer one superseded.
    pub(super) overtaken: Vec<String>,
}

/// Stores events and makes the newest of each order its head; one result for each, in order.
pub(super) async fn store(db: &mut PgConnection, events: &[&NewEvent]) -> Result<Stored, Error> {
    let mut first: HashMap<Identity<'_>, usize> = HashMap::new();
    let mut unique = Vec::new();
    for (index, event) in events.iter().enumerate() {
        first.entry(identity(event)).or_insert_with(|| {
            unique.push(*event);
            index
        });
    }
    let fresh = outbox::insert(db, &unique).await?;
    let fresh: HashMap<Identity<'_>, &StoredEvent> = fresh
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
    let mut overtaken = Vec::new();
    if !arrived.is_empty() {
        let known = first_heads(db, &arrived).await?;
        if !known.is_empty() {
            overtaken = enqueue(db, &known).await?;
        }
    }
    Ok(Stored { results, overtaken })
}

/// Puts all on record, and makes orders of the events whose order nobody has heard of: nothing has to be compared for them. Returns the others.
async fn first_heads<'a>(
    db: &mut PgConnection,
    arrived: &[(&'a NewEvent, i64)],
) -> Result<Vec<(&'a NewEvent, i64)>, Error> {
    let mut count: HashMap<(&str, &str), usize> = HashMap::new();
    for (event, _) in arrived {
        *count.entry((&event.shop, &event.number)).or_default() += 1;
    }
    let mut lines = Vec::with_capacity(arrived.len());
    let (mut heads, mut portals) = (Vec::new(), Vec::new());
    for (event, id) in arrived {
        let text = format!("event {} accepted", event.event_id);
        lines.push(line(event, "accepted", text));
        if count.get(&(&*event.shop, &*event.number)) == Some(&1) {
            heads.push(new_head(event, *id));
            portals.push(event.portal.clone());
        }
    }
    let made = orders::make(db, &heads, &portals, &lines).await?;
    let made: BTreeSet<(&str, &str)> = made.iter().map(|(s, n)| (&**s, &**n)).collect();
    let known = |(event, _): &&(&NewEvent, i64)| !made.contains(&(&*event.shop, &*event.number));
    Ok(arrived.iter().filter(known).copied().collect())
}

fn identity(event: &NewEvent) -> Identity<'_> {
    (&event.shop, &event.source, &event.event_id)
}

fn stored_identity(event: &StoredEvent) -> Identity<'_> {
    (&event.shop, &event.source, &event.event_id)
}

/// The fingerprints of the events that were there already.
async fn known_before<'a>(
    db: &mut PgConnection,
    unique: &[&'a NewEvent],
    fresh: &HashMap<Identity<'_>, &StoredEvent>,
) -> Result<HashMap<Identity<'a>, Vec<u8>>, Error> {
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

/// An event and what decides whether it is newer than another.
#[derive(Clone, Copy)]
struct Age {
    id: i64,
    version: Option<i64>,
    updated_at: Option<DateTime<Utc>>,
}

impl Age {
    /// Whether something that arrived after this one is at least as new: by version, else by time, else by arrival.
    fn yields_to(self, later: Self) -> bool {
        if let (Some(mine), Some(other)) = (self.version, later.version)
            && mine != other
        {
            return other > mine;
        }
        if let (Some(mine), Some(other)) = (self.updated_at, later.updated_at)
            && mine != other
        {
            return other > mine;
        }
        true
    }
}

/// Makes the newest events the heads of their orders, and supersedes the others; returns the portal of each that was.
async fn enqueue(
    db: &mut PgConnection,
    arrived: &[(&NewEvent, i64)],
) -> Result<Vec<String>, Error> {
    let portals: BTreeMap<(&str, &str), &str> = arrived
        .iter()
        .map(|(e, _)| ((&*e.shop, &*e.number), &*e.portal))
        .collect();
    let shops: Vec<_> = portals.keys().map(|(shop, _)| (*shop).to_owned()).collect();
    let numbers: Vec<_> = portals
        .keys()
        .map(|(_, number)| (*number).to_owned())
        .collect();
    let lanes: Vec<_> = portals
        .values()
        .map(|portal| (*portal).to_owned())
        .collect();
    let heads = orders::lock_or_make(db, &shops, &numbers, &lanes).await?;
    let mut newest: HashMap<(&str, &str), Option<Age>> = heads
        .iter()
        .map(|h| ((&*h.shop, &*h.number), age_of(h)))
        .collect();
    let mut changed: BTreeMap<(&str, &str), NewHead> = BTreeMap::new();
    let (mut older, mut newer) = (Vec::new(), Vec::new());
    let mut lines = Vec::new();
    for (event, id) in arrived {
        let key = (&*event.shop, &*event.number);
        let age = Age {
            id: *id,
            version: event.version,
            updated_at: event.updated_at,
        };
        let slot = newest.entry(key).or_default();
        if let Some(head) = *slot {
            let yields = head.yields_to(age);
            older.push(if yields { head.id } else { *id });
            newer.push(if yields { *id } else { head.id });
            if !yields {
                let text = format!(
                    "event {} is older than what is here already: superseded",
                    event.event_id
                );
                lines.push(line(event, "superseded", text));
                continue;
            }
        }
        *slot = Some(age);
        changed.insert(key, new_head(event, *id));
    }
    let overtaken = outbox::supersede(db, &older, &newer).await?;
    let changed: Vec<_> = changed.into_values().collect();
    orders::set_heads(db, &changed).await?;
    journal::add(db, &lines).await?;
    Ok(overtaken)
}

fn age_of(head: &Head) -> Option<Age> {
    let (version, updated_at) = (head.head_version, head.head_updated_at);
    head.head_id.map(|id| Age {
        id,
        version,
        updated_at,
    })
}

/// The event as the head of its order.
pub(super) fn new_head(event: &NewEvent, id: i64) -> NewHead {
    NewHead {
        shop: event.shop.clone(),
        number: event.number.clone(),
        event: id,
        version: event.version,
        updated_at: event.updated_at,
        said: event.said.clone(),
        later: event.later,
    }
}

/// A sentence about the event's order.
pub(super) fn line(event: &NewEvent, kind: &'static str, text: String) -> Line {
    Line {
        shop: event.shop.clone(),
        number: event.number.clone(),
        kind,
        text,
        detail: Some(json!({"event": event.event_id, "shop_clock": event.occurred_at})),
    }
}

impl Accepted {
    /// One word, as the API says it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Duplicate => "duplicate",
            Self::Conflict => "conflict",
            Self::Invalid(_) => "invalid",
        }
    }

    /// The code, where something is wrong.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::Queued | Self::Duplicate => None,
            Self::Conflict => Some(Code::Conflict),
            Self::Invalid(_) => Some(Code::Invalid),
        }
    }
}

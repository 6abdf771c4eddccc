//! The head of an order: its newest event. What is pure about it is in [`crate::domain::Age`].

use super::accept::line;
use crate::{
    app::{Delivery, Error, Intake, sync::clock_offsets},
    domain::{
        Age, Claim, Finality, Ground, Offset, OrderKey, ReportedStatus, Verdict,
        happening::{OlderBecause, OrderEvent},
    },
    storage::{
        self, Unreadable,
        journal::{self, Line, LineKind},
        queue::{
            orders::{self, EventAgeRow, NewQueueHead, QueueHead},
            outbox::{self, NewEvent},
        },
    },
};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use sqlx::PgConnection;
use std::collections::{BTreeMap, HashMap};

/// What is known of an order while events are laid over it.
#[derive(Default)]
struct OrderAge<'a> {
    head: Option<(i64, Age)>,
    /// The event that is the new head.
    event: Option<&'a NewEvent>,
    doubtful: bool,
    /// Whether more is known of the order's age than is stored.
    learnt: bool,
}

/// Offsets of shops' clocks that were looked up.
type Offsets = HashMap<String, Offset>;

impl Intake {
    /// Moves locked orders to the portals of their shops, where those belong to others by now.
    pub(in crate::app) async fn follow_shops(
        &self,
        db: &mut PgConnection,
        heads: &[QueueHead],
    ) -> Result<(), Error> {
        let mut moved: BTreeMap<(&str, &str), Vec<String>> = BTreeMap::new();
        for head in heads {
            let rules = self.rules_of(&head.shop)?;
            if rules.portal.as_str() != head.portal {
                let shop = (rules.shop.as_str(), rules.portal.as_str());
                moved.entry(shop).or_default().push(head.number.clone());
            }
        }
        for (shop, numbers) in moved {
            Delivery::move_orders(db, shop, &numbers).await?;
        }
        Ok(())
    }

    /// Makes the newest events the heads of their orders, and supersedes the others; returns the
    /// portal of each that was. Of the orders these are locked by now.
    pub(in crate::app) async fn enqueue(
        &self,
        db: &mut PgConnection,
        arrived: &[(&NewEvent, i64)],
        locked: Vec<QueueHead>,
    ) -> Result<Vec<String>, Error> {
        let heads = heads_of(db, arrived, locked).await?;
        self.follow_shops(db, &heads).await?;
        let Some(now) = heads.first().map(|head| head.now) else {
            return Ok(Vec::new());
        };
        let mut known: HashMap<OrderKey, OrderAge<'_>> = HashMap::new();
        for head in &heads {
            known.insert(head.key(), OrderAge::of(head)?);
        }
        let mut offsets = Offsets::new();
        let (mut older, mut newer) = (Vec::new(), Vec::new());
        let mut lines = Vec::new();
        for (event, id) in arrived {
            lines.push(line(event, LineKind::Accepted, event.accepted()));
            let order = known.entry(event.key()).or_default();
            let age = event.age.clone().at(now);
            if age.to_come() {
                lines.extend(
                    event
                        .to_come()
                        .map(|what| line(event, LineKind::Note, what)),
                );
            }
            if let Some((head, of_head)) = &order.head {
                let verdict = self.judge(db, &mut offsets, event, (of_head, &age)).await?;
                lines.extend(said(event, verdict));
                older.push(if verdict.newer { *head } else { *id });
                newer.push(if verdict.newer { *id } else { *head });
                if !verdict.newer {
                    order.leave_aside(&age, verdict);
                    continue;
                }
            }
            order.put(event, *id, &age);
        }
        let overtaken = outbox::supersede(db, &older, &newer).await?;
        store(db, known).await?;
        journal::add(db, &lines).await?;
        Ok(overtaken)
    }

    /// Which of two states of an order is newer. How far the shop's clock is off is looked up where
    /// a state would be left aside for its time.
    async fn judge(
        &self,
        db: &mut PgConnection,
        offsets: &mut Offsets,
        event: &NewEvent,
        (known, next): (&Age, &Age),
    ) -> Result<Verdict, Error> {
        let finality = self.finality(&event.shop);
        let verdict = known.judge(next, Offset::UNMEASURED, &finality);
        let timed = matches!(verdict.ground, Ground::Time | Ground::Status);
        let doubted = !verdict.newer || known.to_come() || next.to_come();
        if !timed || !doubted {
            return Ok(verdict);
        }
        if let (Some(made), false) = (event.occurred_at, event.later) {
            self.clocks
                .record_shop_clock(&event.shop, made, next.seen());
        }
        let offset = match offsets.get(&event.shop) {
            Some(offset) => *offset,
            None => self.shop_offset(db, &event.shop).await?,
        };
        offsets.insert(event.shop.clone(), offset);
        Ok(known.judge(next, offset, &finality))
    }

    pub(in crate::app) fn finality(&self, shop: &str) -> Finality {
        let two_way = self.registry.two_way(shop);
        two_way.map_or_else(Finality::default, |two_way| two_way.policy.finality.clone())
    }

    /// How far a shop's clock is ahead, by what all processes have measured.
    pub(in crate::app) async fn shop_offset(
        &self,
        db: &mut PgConnection,
        shop: &str,
    ) -> Result<Offset, Error> {
        let mut clock = self
            .clocks
            .stored(db, &clock_offsets::of_shop(shop))
            .await?;
        clock.add(self.clocks.shop_clock(shop));
        Ok(clock.estimate().unwrap_or(Offset::UNMEASURED))
    }
}

impl<'a> OrderAge<'a> {
    fn of(head: &QueueHead) -> Result<Self, Unreadable> {
        Ok(Self {
            head: age_of(head)?,
            doubtful: head.doubtful,
            ..Self::default()
        })
    }

    /// The event is the newest.
    fn put(&mut self, event: &'a NewEvent, id: i64, age: &Age) {
        let age = match &self.head {
            Some((_, before)) => before.then(age),
            None => age.clone(),
        };
        self.head = Some((id, age));
        self.event = Some(event);
        self.doubtful = false;
    }

    /// An older one came: what it carries is known from now on.
    fn leave_aside(&mut self, age: &Age, verdict: Verdict) {
        let Some((_, known)) = &mut self.head else {
            return;
        };
        let more = known.over(age);
        self.learnt |= more != *known || verdict.doubtful;
        *known = more;
        self.doubtful |= verdict.doubtful;
    }
}

/// The orders of these events: those that are locked, and new rows for the others.
async fn heads_of(
    db: &mut PgConnection,
    arrived: &[(&NewEvent, i64)],
    locked: Vec<QueueHead>,
) -> Result<Vec<QueueHead>, storage::Error> {
    let portal = |(event, _): &(&NewEvent, i64)| (event.key(), event.portal.clone());
    let mut missing: BTreeMap<OrderKey, String> = arrived.iter().map(portal).collect();
    let mut heads = locked;
    heads.retain(|head| missing.remove(&head.key()).is_some());
    if missing.is_empty() {
        return Ok(heads);
    }
    let (orders, lanes): (Vec<OrderKey>, Vec<String>) = missing.into_iter().unzip();
    let (shops, numbers) = OrderKey::columns(orders);
    heads.extend(orders::lock_or_make(db, &shops, &numbers, &lanes).await?);
    Ok(heads)
}

/// Stores the new heads, and what is known of the ages of the others.
async fn store(
    db: &mut PgConnection,
    known: HashMap<OrderKey, OrderAge<'_>>,
) -> Result<(), storage::Error> {
    let (mut heads, mut aged) = (Vec::new(), Vec::new());
    let sorted: BTreeMap<_, _> = known.into_iter().collect();
    for (OrderKey { shop, number }, order) in sorted {
        let Some((id, age)) = &order.head else {
            continue;
        };
        if let Some(event) = order.event {
            heads.push(NewQueueHead {
                doubtful: order.doubtful,
                ..new_head(event, *id, age)?
            });
        } else if order.learnt {
            aged.push(EventAgeRow {
                shop,
                number,
                head: *id,
                age: storage::written(age)?,
                doubtful: order.doubtful,
            });
        }
    }
    orders::set_heads(db, &heads).await?;
    orders::set_ages(db, &aged).await
}

/// The event as the head of its order.
fn new_head(event: &NewEvent, id: i64, age: &Age) -> Result<NewQueueHead, storage::Error> {
    // A deletion leaves in the row what was reported before it.
    let own = if event.said.deleted {
        Some(age)
    } else {
        event.untold(age)
    };
    Ok(NewQueueHead {
        shop: event.shop.clone(),
        number: event.number.clone(),
        event: id,
        version: event.version,
        updated_at: event.updated_at,
        said: event.said.stored(),
        later: event.later,
        age: own.map(storage::written).transpose()?,
        doubtful: false,
    })
}

/// The event as the head of its locked order, whatever its age: a person said so, or the shop was
/// asked.
pub(in crate::app) fn by_hand(
    event: &NewEvent,
    id: i64,
    before: &QueueHead,
) -> Result<NewQueueHead, storage::Error> {
    let age = event.age.clone().at(before.now);
    let age = age_of(before)?.map_or(age.clone(), |(_, known)| known.then(&age));
    new_head(event, id, &age)
}

/// Whose age it is.
#[derive(Deserialize)]
struct AgedHead {
    head: i64,
}

/// The head, and how new it is known to be; or what is stored of that and cannot be read.
pub(in crate::app) fn age_of(head: &QueueHead) -> Result<Option<(i64, Age)>, Unreadable> {
    let Some(id) = head.head_id else {
        return Ok(None);
    };
    let key = &head.key();
    let age = head.age.as_ref();
    let stored = age.map(|age| {
        let of: AgedHead = age.typed("bridge.orders", "age", key)?;
        Ok::<(AgedHead, Age), _>((of, age.typed("bridge.orders", "age", key)?))
    });
    Ok(Some(match stored.transpose()? {
        Some((of, age)) if of.head == id => (id, age),
        // The row itself tells all of it; or a version before wrote the head: what it left in the
        // row is known of it, the rest of those before.
        older => {
            let own = written_before(head)?;
            (id, older.map_or(own.clone(), |(_, older)| older.then(&own)))
        }
    }))
}

fn written_before(head: &QueueHead) -> Result<Age, Unreadable> {
    let key = &head.key();
    let said = head.said.as_ref();
    let said = said.map(|said| said.typed::<ReportedStatus>("bridge.orders", "said", key));
    let said = said.transpose()?;
    let seen = said.as_ref().and_then(|said| said.seen);
    let seen: DateTime<Utc> = seen.unwrap_or(head.now);
    let (version, updated_at) = (head.head_version, head.head_updated_at);
    Ok(match said {
        Some(said) => Age::of_head(version, updated_at, said, seen),
        None => Age::of(version, updated_at, Claim::default(), seen),
    })
}

/// What is said of an event whose order was known.
fn said(event: &NewEvent, verdict: Verdict) -> Vec<Line> {
    let event_id = event.event_id.clone();
    if verdict.newer {
        let note = match verdict.ground {
            Ground::Clock => OrderEvent::ClockSetBack { event: event_id },
            Ground::Body => OrderEvent::SameSecondSaysLater { event: event_id },
            Ground::Tie => OrderEvent::SameSecondCameLater { event: event_id },
            Ground::Version | Ground::Time | Ground::Status | Ground::Arrival => return Vec::new(),
        };
        return vec![line(event, LineKind::Note, note)];
    }
    let older = OrderEvent::Superseded {
        event: event_id.clone(),
        because: match verdict.ground {
            Ground::Version => OlderBecause::Version,
            Ground::Status => OlderBecause::Status,
            Ground::Body => OlderBecause::Says,
            Ground::Time | Ground::Clock | Ground::Tie | Ground::Arrival => OlderBecause::Changed,
        },
    };
    let mut lines = vec![line(event, LineKind::Superseded, older)];
    if verdict.doubtful {
        let more = OrderEvent::OlderSaysMore { event: event_id };
        lines.push(line(event, LineKind::Note, more));
    }
    lines
}

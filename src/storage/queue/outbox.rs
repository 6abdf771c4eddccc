//! Accepted events.

use crate::{
    domain::{
        AHEAD, Age, OrderKey, ReportedStatus,
        happening::{Happening, OrderEvent, Tell},
    },
    storage::{Error, EventKind, EventState, json::stored, written},
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use sqlx::PgConnection;

/// What an order is found by where parts of it are looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OrderWords {
    /// Its number, the customer's names and e-mail addresses, in lower case.
    pub words: String,
    /// The digits of the customer's phone numbers, each number followed by a comma.
    pub phones: String,
    /// The customer's addresses and phone numbers as a whole, each as a number.
    pub keys: Vec<i64>,
}

impl OrderWords {
    /// Its keys as Postgres writes an array.
    pub(in crate::storage) fn keys_as_text(&self) -> String {
        let keys: Vec<String> = self.keys.iter().map(i64::to_string).collect();
        format!("{{{}}}", keys.join(","))
    }
}

/// An event on its way into the outbox.
#[derive(Debug, Clone)]
pub struct NewEvent {
    /// The portal of its shop.
    pub portal: String,
    /// The shop's name in the settings.
    pub shop: String,
    /// The order's number in its shop.
    pub number: String,
    /// `source` of the CloudEvents message, unique together with its `id`.
    pub source: String,
    /// `id` of the CloudEvents message, unique within its `source`.
    pub event_id: String,
    /// What it says of its order.
    pub kind: EventKind,
    /// `version` of the snapshot, if the shop counts them.
    pub version: Option<i64>,
    /// `updated_at` of the snapshot: when the shop last changed the order, by its own clock.
    pub updated_at: Option<DateTime<Utc>>,
    /// `time` of the CloudEvents message; `None` where it carries none.
    pub occurred_at: Option<DateTime<Utc>>,
    /// What it says of the order's status.
    pub said: ReportedStatus,
    /// How new it is, without when it came in: that is set where it is stored.
    pub age: Age,
    /// The event as it was sent, as JSON text.
    pub body: String,
    /// SHA-256 of the canonical JSON.
    pub fingerprint: Vec<u8>,
    /// History: sent when nothing else is due.
    pub later: bool,
    /// The trace of the request that brought it.
    pub traceparent: Option<String>,
    /// What its order is found by.
    pub words: OrderWords,
    /// What it means for goods, where its shop sells from a stock.
    pub goods: Option<Value>,
}

/// The identity of a stored event and what tells it from another of the same identity.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// The row's id: what was accepted later has a greater one.
    pub id: i64,
    /// The shop's name in the settings.
    pub shop: String,
    /// `source` of the CloudEvents message, unique together with its `id`.
    pub source: String,
    /// `id` of the CloudEvents message, unique within its `source`.
    pub event_id: String,
    /// SHA-256 of the canonical JSON.
    pub fingerprint: Vec<u8>,
}

/// Events, a list for each column.
struct Columns<'a> {
    portals: Vec<&'a str>,
    shops: Vec<&'a str>,
    numbers: Vec<&'a str>,
    sources: Vec<&'a str>,
    ids: Vec<&'a str>,
    kinds: Vec<&'a str>,
    versions: Vec<Option<i64>>,
    updated: Vec<Option<DateTime<Utc>>>,
    occurred: Vec<Option<DateTime<Utc>>>,
    bodies: Vec<&'a str>,
    prints: Vec<&'a [u8]>,
    traces: Vec<Option<&'a str>>,
    words: Vec<&'a str>,
    phones: Vec<&'a str>,
    /// The keys of each, as the text of an array: arrays of several lengths make no array.
    keys: Vec<String>,
}

impl<'a> Columns<'a> {
    fn of(events: &[&'a NewEvent]) -> Self {
        Self {
            keys: events.iter().map(|e| e.words.keys_as_text()).collect(),
            portals: events.iter().map(|e| &*e.portal).collect(),
            shops: events.iter().map(|e| &*e.shop).collect(),
            numbers: events.iter().map(|e| &*e.number).collect(),
            sources: events.iter().map(|e| &*e.source).collect(),
            ids: events.iter().map(|e| &*e.event_id).collect(),
            kinds: events.iter().map(|e| e.kind.as_str()).collect(),
            versions: events.iter().map(|e| e.version).collect(),
            updated: events.iter().map(|e| e.updated_at).collect(),
            occurred: events.iter().map(|e| e.occurred_at).collect(),
            bodies: events.iter().map(|e| &*e.body).collect(),
            prints: events.iter().map(|e| &*e.fingerprint).collect(),
            traces: events.iter().map(|e| e.traceparent.as_deref()).collect(),
            words: events.iter().map(|e| &*e.words.words).collect(),
            phones: events.iter().map(|e| &*e.words.phones).collect(),
        }
    }
}

/// Stores the events whose order is not there yet, each as the head of a new order that is due at
/// once, and says so on the order's timeline: one statement. Returns the places in the list of
/// those it stored; of several events of one order that is the first. If the identity of one is
/// there with another order, it fails as a whole with [`Error::is_taken`].
pub async fn insert_first(db: &mut PgConnection, events: &[&NewEvent]) -> Result<Vec<i64>, Error> {
    let new = Columns::of(events);
    let said: Vec<Value> = events.iter().map(|e| e.said.stored()).collect();
    let later: Vec<bool> = events.iter().map(|e| e.later).collect();
    let ages = ages_of(events)?;
    let changed: Vec<Option<DateTime<Utc>>> = events.iter().map(|e| e.age.updated_at()).collect();
    let (accepted, to_come) = lines_of(events);
    let places = sqlx::query_scalar!(
        r#"WITH new AS MATERIALIZED (
             SELECT nextval('bridge.outbox_id_seq') AS id, n.*
             FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
               $7::bigint[], $8::timestamptz[],
                         $9::timestamptz[], $10::text[], $11::bytea[], $12::text[], $13::jsonb[],
                         $14::bool[], $15::jsonb[], $16::timestamptz[], $18::jsonb[], $19::jsonb[],
                         $20::text[], $21::text[], $22::text[])
                  WITH ORDINALITY
                  AS n (portal, shop, number, source, event_id, kind, version, updated_at,
                    occurred_at, body, fingerprint, traceparent,
                        said, later, age, changed, accepted, to_come, words, phones, keys,
                        place)),
         made AS (
             INSERT INTO bridge.orders (shop, number, portal, head_id, head_version,
               head_updated_at, status, said, later, due_at, waits_since, age)
             SELECT shop, number, portal, id, version, updated_at, said ->> 'status',
                    jsonb_strip_nulls(said || jsonb_build_object('seen', now())), later, now(),
                    now(),
                    age || jsonb_build_object('head', id, 'seen', now(), 'dated', now())
             FROM new ORDER BY shop, number, place
             ON CONFLICT (shop, number) DO NOTHING
             RETURNING head_id AS id),
         stored AS (
             INSERT INTO bridge.outbox (id, portal, shop, number, source, event_id, kind, version,
               updated_at, occurred_at, body, fingerprint, traceparent)
             OVERRIDING SYSTEM VALUE
             SELECT id, portal, shop, number, source, event_id, kind, version, updated_at,
                    occurred_at, body::jsonb, fingerprint, traceparent
             FROM new JOIN made USING (id)),
         told AS (
             INSERT INTO bridge.timeline (shop, number, kind, text, detail, what)
             SELECT shop, number, 'accepted', '',
                    CASE WHEN occurred_at IS NOT NULL
                         THEN jsonb_build_object('shop_clock', occurred_at) END, accepted
             FROM new JOIN made USING (id)
             UNION ALL
             SELECT shop, number, 'note', to_come ->> 'text',
                    jsonb_build_object('event', event_id, 'shop_clock', occurred_at),
                    to_come -> 'what'
             FROM new JOIN made USING (id) WHERE changed > now() + make_interval(secs => $17)),
         worded AS (
             INSERT INTO bridge.order_words (event, words, phones, keys)
             SELECT id, words, phones, keys::bigint[] FROM new JOIN made USING (id))
         SELECT place - 1 AS "place!" FROM new JOIN made USING (id)"#,
        &new.portals as &[&str],
        &new.shops as &[&str],
        &new.numbers as &[&str],
        &new.sources as &[&str],
        &new.ids as &[&str],
        &new.kinds as &[&str],
        &new.versions as &[Option<i64>],
        &new.updated as &[Option<DateTime<Utc>>],
        &new.occurred as &[Option<DateTime<Utc>>],
        &new.bodies as &[&str],
        &new.prints as &[&[u8]],
        &new.traces as &[Option<&str>],
        &said,
        &later,
        &ages as &[Option<Value>],
        &changed as &[Option<DateTime<Utc>>],
        AHEAD.as_seconds_f64(),
        &accepted,
        &to_come as &[Option<Value>],
        &new.words as &[&str],
        &new.phones as &[&str],
        &new.keys
    );
    Ok(places.fetch_all(db).await?)
}

/// How new events are, where their orders do not tell that besides.
fn ages_of(events: &[&NewEvent]) -> Result<Vec<Option<Value>>, Error> {
    let own = events.iter().map(|event| event.untold(&event.age));
    own.map(|age| age.map(written).transpose()).collect()
}

/// What the lives of orders say of their events.
fn lines_of(events: &[&NewEvent]) -> (Vec<Value>, Vec<Option<Value>>) {
    let line = |event: &&NewEvent| {
        let accepted = stored(&Happening::from(event.accepted()));
        (accepted, event.to_come().map(told))
    };
    events.iter().map(line).unzip()
}

/// A sentence with its data.
fn told(what: OrderEvent) -> Value {
    let what = Happening::from(what);
    json!({ "text": what.sentence(), "what": stored(&what) })
}

impl NewEvent {
    /// The order that it is about.
    pub fn key(&self) -> OrderKey {
        OrderKey::new(&self.shop, &self.number)
    }

    /// How new its order is known to be with it as its newest event; none where the order's row
    /// tells that besides, by its version and time and what it reports.
    pub fn untold<'a>(&self, age: &'a Age) -> Option<&'a Age> {
        let (version, updated_at) = (self.version, self.updated_at);
        let by_row = Age::of_head(version, updated_at, self.said.clone(), age.seen());
        // The row knows times to the microsecond.
        let exact = updated_at.is_none_or(|at| at.timestamp_subsec_nanos() % 1_000 == 0);
        (!exact || by_row != *age).then_some(age)
    }

    /// The line of the order's timeline that says that the event was accepted.
    pub fn accepted(&self) -> OrderEvent {
        let event = self.event_id.clone();
        OrderEvent::Accepted { event }
    }

    /// It says that it was changed at a time that is yet to come; none if it tells no such time.
    pub fn to_come(&self) -> Option<OrderEvent> {
        Some(OrderEvent::ChangeYetToCome {
            event: self.event_id.clone(),
            at: self.age.updated_at()?,
        })
    }
}

/// Stores the events that are not there yet; returns those it stored.
pub async fn insert(
    db: &mut PgConnection,
    events: &[&NewEvent],
) -> Result<Vec<StoredEvent>, Error> {
    let new = Columns::of(events);
    // Sorted, so that two transactions with the same events cannot wait for each other.
    Ok(sqlx::query_as!(
        StoredEvent,
        r#"WITH new AS MATERIALIZED (
             SELECT *
             FROM UNNEST($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[],
               $7::bigint[],
                         $8::timestamptz[], $9::timestamptz[], $10::text[], $11::bytea[],
                         $12::text[], $13::text[], $14::text[], $15::text[])
                  AS n (portal, shop, number, source, event_id, kind, version, updated_at,
                    occurred_at, body, fingerprint, traceparent, words, phones, keys)),
         stored AS (
             INSERT INTO bridge.outbox (portal, shop, number, source, event_id, kind, version,
               updated_at, occurred_at, body, fingerprint, traceparent)
             SELECT portal, shop, number, source, event_id, kind, version, updated_at, occurred_at,
                    body::jsonb, fingerprint, traceparent
             FROM new ORDER BY shop, source, event_id
             ON CONFLICT (shop, source, event_id) DO NOTHING
             RETURNING id, shop, source, event_id, fingerprint),
         worded AS (
             INSERT INTO bridge.order_words (event, words, phones, keys)
             SELECT id, words, phones, keys::bigint[]
             FROM new JOIN stored USING (shop, source, event_id))
         SELECT id AS "id!", shop AS "shop!", source AS "source!", event_id AS "event_id!",
                fingerprint AS "fingerprint!" FROM stored"#,
        &new.portals as &[&str],
        &new.shops as &[&str],
        &new.numbers as &[&str],
        &new.sources as &[&str],
        &new.ids as &[&str],
        &new.kinds as &[&str],
        &new.versions as &[Option<i64>],
        &new.updated as &[Option<DateTime<Utc>>],
        &new.occurred as &[Option<DateTime<Utc>>],
        &new.bodies as &[&str],
        &new.prints as &[&[u8]],
        &new.traces as &[Option<&str>],
        &new.words as &[&str],
        &new.phones as &[&str],
        &new.keys
    )
    .fetch_all(db)
    .await?)
}

/// The stored events of these identities: (shop, source, id).
pub async fn find(
    db: &mut PgConnection,
    shops: &[String],
    sources: &[String],
    ids: &[String],
) -> Result<Vec<StoredEvent>, Error> {
    Ok(sqlx::query_as!(
        StoredEvent,
        "SELECT e.id, e.shop, e.source, e.event_id, e.fingerprint
         FROM UNNEST($1::text[], $2::text[], $3::text[]) AS k (shop, source, event_id)
         JOIN bridge.outbox e USING (shop, source, event_id)",
        shops,
        sources,
        ids
    )
    .fetch_all(db)
    .await?)
}

/// Marks pending events as superseded: (event, the newer one). Returns the portal of each that was.
pub async fn supersede(
    db: &mut PgConnection,
    events: &[i64],
    by: &[i64],
) -> Result<Vec<String>, Error> {
    Ok(sqlx::query_scalar!(
        "UPDATE bridge.outbox e SET state = 'superseded', settled_at = now(),
         superseded_by = k.newer
         FROM UNNEST($1::bigint[], $2::bigint[]) AS k (id, newer)
         WHERE e.id = k.id AND e.state = 'pending' RETURNING e.portal",
        events,
        by
    )
    .fetch_all(db)
    .await?)
}

/// Makes an event that its age had superseded pending again, if the newest of its order came before
/// `since`: (event, that newest).
pub async fn prefer(
    db: &mut PgConnection,
    (shop, source, event_id): (&str, &str, &str),
    since: DateTime<Utc>,
) -> Result<Option<(i64, Option<i64>)>, Error> {
    let preferred = sqlx::query!(
        "UPDATE bridge.outbox e SET state = 'pending', settled_at = NULL, superseded_by = NULL
         FROM bridge.orders o LEFT JOIN bridge.outbox h ON h.id = o.head_id
         WHERE e.shop = $1 AND e.source = $2 AND e.event_id = $3 AND e.state = 'superseded'
           AND o.shop = e.shop AND o.number = e.number AND o.head_id <> e.id
           AND coalesce(h.received_at, '-infinity') < $4
         RETURNING e.id, o.head_id",
        shop,
        source,
        event_id,
        since
    )
    .fetch_optional(db)
    .await?;
    Ok(preferred.map(|row| (row.id, row.head_id)))
}

/// Settles the newest events of orders as `done` or `dead`. One that was settled before and sent
/// again ends as it did now.
pub async fn settle(
    db: &mut PgConnection,
    events: &[i64],
    states: &[EventState],
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.outbox e SET state = k.state, settled_at = now()
         FROM UNNEST($1::bigint[], $2::text[]) AS k (id, state)
         WHERE e.id = k.id AND (e.state = 'pending' OR e.state <> 'superseded'
           AND e.state <> k.state)",
        events,
        states as &[EventState]
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Marks dead events as superseded: (event, the newer one).
pub async fn overtake(db: &mut PgConnection, events: &[i64], by: &[i64]) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE bridge.outbox e SET state = 'superseded', superseded_by = k.newer
         FROM UNNEST($1::bigint[], $2::bigint[]) AS k (id, newer)
         WHERE e.id = k.id AND e.state = 'dead'",
        events,
        by
    )
    .execute(db)
    .await?;
    Ok(())
}

/// What became of an accepted event so far; none if it is not stored any more.
pub async fn state(db: &mut PgConnection, event: i64) -> Result<Option<EventState>, Error> {
    Ok(sqlx::query_scalar!(
        r#"SELECT state AS "state: EventState" FROM bridge.outbox WHERE id = $1"#,
        event
    )
    .fetch_optional(db)
    .await?)
}

/// Makes the newest event of an order pending again, if it is settled without being done; false
/// if it is not.
pub async fn revive(db: &mut PgConnection, event: i64) -> Result<bool, Error> {
    let done = sqlx::query!(
        "UPDATE bridge.outbox SET state = 'pending', settled_at = NULL, superseded_by = NULL
         WHERE id = $1 AND state <> 'pending'",
        event
    )
    .execute(db)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Removes settled events older than this many seconds, at most `batch`; never a pending one, nor
/// one that has an open dead letter, nor one that is to be sent again.
pub async fn prune(db: &mut PgConnection, older_than: f64, batch: i64) -> Result<u64, Error> {
    let removed = sqlx::query_scalar!(
        r#"WITH gone AS (
             DELETE FROM bridge.outbox WHERE id IN (
                 SELECT e.id FROM bridge.outbox e
                 WHERE e.settled_at < now() - make_interval(secs => $1)
                   AND NOT EXISTS (SELECT FROM bridge.dead_letters d WHERE d.outbox_id = e.id
                     AND d.closed_at IS NULL)
                   AND NOT EXISTS (SELECT FROM bridge.onec_orders k WHERE k.head = e.id)
                   AND NOT EXISTS (SELECT FROM bridge.orders o
                                   WHERE o.shop = e.shop AND o.number = e.number
                                     AND o.head_id = e.id
                                     AND o.due_at IS NOT NULL)
                 ORDER BY e.settled_at LIMIT $2 FOR UPDATE SKIP LOCKED)
             RETURNING id),
         forgotten AS (DELETE FROM bridge.contacts c USING gone WHERE c.event = gone.id),
         unworded AS (DELETE FROM bridge.order_words w USING gone WHERE w.event = gone.id)
         SELECT count(*) AS "count!" FROM gone"#,
        older_than,
        batch
    )
    .fetch_one(db)
    .await?;
    Ok(u64::try_from(removed).unwrap_or_default())
}
